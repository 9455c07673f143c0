"""Other programs' objects and files.

===============================  ======================================================================
``read``, ``write``              ``*.cid.yaml``: diagrams, models, setups as plain data
===============================  ======================================================================

===============  =========================================================================
module           what it holds
===============  =========================================================================
``files``        reading and writing ``*.cid.yaml``
``plain``        diagrams, models and setups as plain data
``reader``       plain data to diagrams, models and setups, with errors that name the line
``expressions``  symbols and numbers in files, parsed and never evaluated as code
===============  =========================================================================
"""

from __future__ import annotations

from cidmesa.interop.files import dumps as dumps
from cidmesa.interop.files import loads as loads
from cidmesa.interop.files import read as read
from cidmesa.interop.files import write as write

"""Other programs' objects and files.

===============================  ======================================================================
``read``, ``write``              ``*.cid.yaml``: diagrams, models, setups as plain data
===============================  ======================================================================
"""

from __future__ import annotations

from cidmesa.interop.files import dumps as dumps
from cidmesa.interop.files import loads as loads
from cidmesa.interop.files import read as read
from cidmesa.interop.files import write as write

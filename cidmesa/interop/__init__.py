"""Other programs' objects and files.

===============================  ======================================================================
``read``, ``write``              files: the own format and :mod:`cidmesa.interop.formats`
===============================  ======================================================================
"""

from __future__ import annotations

from cidmesa.interop.files import read as read
from cidmesa.interop.files import write as write
from cidmesa.interop.formats.own import dumps as dumps
from cidmesa.interop.formats.own import loads as loads

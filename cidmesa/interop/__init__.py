"""Other programs' objects and files.

===============================  ======================================================================
``read``, ``write``              files: the own format and :mod:`cidmesa.interop.formats`
===============================  ======================================================================

================  ========================================================================
module            what it holds
================  ========================================================================
``files``         reading and writing files, and which format a file has
``source``        a file's bytes, with care
``formats``       one module for each format, the own one too
``origin``        what a file said beyond the model that was read from it
``plain``         diagrams, models, setups and studies as plain data
``reader``        plain data to diagrams, models and setups, with errors that name the line
``study``         setups with the training and the claims that belong to them
``study_reader``  plain data to whatever it holds
``expressions``   symbols and numbers in files, parsed and never evaluated as code
================  ========================================================================
"""

from __future__ import annotations

from cidmesa.interop.files import read as read
from cidmesa.interop.files import write as write
from cidmesa.interop.formats.own import dumps as dumps
from cidmesa.interop.formats.own import loads as loads

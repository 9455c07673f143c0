"""cidmesa."""

from cidmesa._version import __version__ as __version__
from cidmesa.diagram import CID as CID

"""cidmesa."""

from cidmesa._version import __version__ as __version__
from cidmesa.diagram import CID as CID
from cidmesa.mechanisms import Bernoulli as Bernoulli
from cidmesa.mechanisms import Categorical as Categorical
from cidmesa.mechanisms import Choice as Choice
from cidmesa.mechanisms import Function as Function
from cidmesa.mechanisms import Noisy as Noisy
from cidmesa.mechanisms import Rows as Rows
from cidmesa.mechanisms import Structural as Structural
from cidmesa.mechanisms import Table as Table
from cidmesa.mechanisms import Uniform as Uniform
from cidmesa.model import CIM as CIM

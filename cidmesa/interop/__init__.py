"""Other programs' objects and files.

=====================================  ================================================================
``read``, ``write``                    files: the own format and :mod:`cidmesa.interop.formats`
``from_pycid``, ``to_pycid``           pycid's diagrams and games; ``pycid.enable`` makes pycid importable
``from_pgmpy``, ``to_pgmpy``           pgmpy's Bayesian networks
``from_pyagrum``, ``to_pyagrum``       pyAgrum's influence diagrams
``from_networkx``, ``to_networkx``     directed graphs with attributes
``from_dagitty``, ``to_dagitty``       dagitty's model code, ``dag { .. }``
``from_causallearn``                   graphs that causal-learn found in data
=====================================  ================================================================

Nothing here imports another program before it is asked to.

================  =========================================================================
module            what it holds
================  =========================================================================
``causallearn``   causal-learn's graphs
``dagitty``       dagitty's model code
``expressions``   symbols and numbers in files, parsed and never evaluated as code
``files``         reading and writing files, and which format a file has
``formats``       one module for each format, the own one too
``networkx``      networkx's directed graphs
``objects``       what the readers of other programs' objects share
``origin``        what a file said beyond the model that was read from it
``pgmpy``         pgmpy's networks, and the reading of their CPDs
``plain``         diagrams, models, setups and studies as plain data
``pyagrum``       pyAgrum's influence diagrams
``pycid``         pycid's diagrams and models, and pycid itself beside current packages
``reader``        plain data to diagrams, models and setups, with errors that name the line
``source``        a file's bytes, with care
``study``         setups with the training and the claims that belong to them
``study_reader``  plain data to whatever it holds
================  =========================================================================
"""

from __future__ import annotations

from cidmesa.interop.causallearn import from_causallearn as from_causallearn
from cidmesa.interop.dagitty import from_dagitty as from_dagitty
from cidmesa.interop.dagitty import to_dagitty as to_dagitty
from cidmesa.interop.files import read as read
from cidmesa.interop.files import write as write
from cidmesa.interop.formats.own import dumps as dumps
from cidmesa.interop.formats.own import loads as loads
from cidmesa.interop.networkx import from_networkx as from_networkx
from cidmesa.interop.networkx import to_networkx as to_networkx
from cidmesa.interop.pgmpy import from_pgmpy as from_pgmpy
from cidmesa.interop.pgmpy import to_pgmpy as to_pgmpy
from cidmesa.interop.pyagrum import from_pyagrum as from_pyagrum
from cidmesa.interop.pyagrum import to_pyagrum as to_pyagrum
from cidmesa.interop.pycid import from_pycid as from_pycid
from cidmesa.interop.pycid import to_pycid as to_pycid

"""Causal influence diagrams: the value that everything starts from (:mod:`cidmesa.diagram.cid`).

==============  ==================================================================
module          what it holds
==============  ==================================================================
``attributes``  what else is known of nodes and edges, such as positions and labels
``cached``      what is computed of a diagram once and kept with it
``cid``         the diagram itself: `CID`
``order``       topological order, and the cycle where there is none
``reading``     names, edges and owners as users write them
``recall``      what decisions observe when nobody forgets
==============  ==================================================================
"""

from cidmesa.diagram.attributes import Attributes as Attributes
from cidmesa.diagram.cid import CID as CID
from cidmesa.diagram.reading import Edge as Edge
from cidmesa.diagram.reading import Kind as Kind
from cidmesa.diagram.reading import Owned as Owned

"""Causal influence diagrams: the value that everything starts from (:mod:`cidmesa.diagram.cid`)."""

from cidmesa.diagram.attributes import Attributes as Attributes
from cidmesa.diagram.cid import CID as CID
from cidmesa.diagram.reading import Edge as Edge
from cidmesa.diagram.reading import Kind as Kind
from cidmesa.diagram.reading import Owned as Owned

"""What else is known of nodes and edges: positions, labels, units, anything another program wrote beside them.

Attributes travel with a diagram and decide nothing: two diagrams that differ in attributes alone are equal. They are
one mapping, from what they are about to a mapping of their own: a node's name, an edge ``(tail, head)``, or ``None``
for the diagram as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from cidmesa.diagram.reading import Edge
from cidmesa.errors import DiagramError, unknown

Subject: TypeAlias = str | Edge | None
Attributes: TypeAlias = Mapping[Subject, Mapping[Hashable, Any]]

NONE: Final[Attributes] = MappingProxyType({})


def read_attributes(given: Any, nodes: Mapping[str, int], edges: Callable[[], frozenset[Edge]]) -> Attributes:
    """Return `given` as a read-only mapping, after checking that every key is a node, an edge or ``None``.

    Raises
    ------
    DiagramError
        `given`, or what it says of one subject, is not a mapping; a pair of nodes that is not an edge.
    UnknownNodeError
        A name that is not a node.

    Examples
    --------
    >>> dict(read_attributes({"door": {"position": (0, 1)}}, {"door": 0}, frozenset)["door"])
    {'position': (0, 1)}
    """
    if not given:
        return NONE
    if not isinstance(given, Mapping):
        raise DiagramError(f'attributes= is a mapping, {{"node": {{"label": ..}}}}; got {given!r}.')
    for subject, known in given.items():
        if not isinstance(known, Mapping):
            raise DiagramError(f"attributes[{subject!r}] is a mapping from name to value; got {known!r}.")
        if isinstance(subject, tuple) and subject not in edges():
            raise DiagramError(f"attributes= speaks of {subject!r}, which is not an edge of this diagram.")
        if subject is not None and not isinstance(subject, tuple) and subject not in nodes:
            raise unknown(subject, nodes, what="a node of this diagram, but attributes= names it")
    return MappingProxyType({subject: MappingProxyType(dict(known)) for subject, known in given.items() if known})


def with_names(attributes: Attributes, names: Mapping[str, str]) -> dict[Subject, Mapping[Hashable, Any]]:
    """Return the attributes of a diagram whose nodes are renamed by the mapping old → new.

    >>> with_names({("a", "b"): {"w": 1}, None: {"title": "t"}}, {"a": "x", "b": "b"})
    {('x', 'b'): {'w': 1}, None: {'title': 't'}}
    """
    new: dict[Subject, Mapping[Hashable, Any]] = {}
    for subject, known in attributes.items():
        if isinstance(subject, tuple):
            new[names[subject[0]], names[subject[1]]] = known
        else:
            new[subject if subject is None else names[subject]] = known
    return new


def about(attributes: Attributes, nodes: Mapping[str, int], edges: frozenset[Edge]) -> Attributes:
    """Return the attributes whose subject is still there."""
    return MappingProxyType(
        {
            subject: known
            for subject, known in attributes.items()
            if subject is None or (subject in edges if isinstance(subject, tuple) else subject in nodes)
        }
    )

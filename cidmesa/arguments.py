"""What a caller wrote, read into what a question needs, or refused with what to type instead.

A model handed in where a diagram is meant, a single edge where several could be, a list where a mapping is: such slips
are told apart here, once, before anything is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cidmesa.diagram import CID, Edge
from cidmesa.errors import DiagramError, NotApplicableError


class _LeftOut:
    """The type of :data:`LEFT_OUT`."""

    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT = _LeftOut()
"""The default of an argument whose value may be ``None`` like any other."""


def require_cid(cid: object, question: str) -> CID:
    """Return `cid` if it is a diagram, and say what to pass instead if not.

    >>> require_cid(3, "a minimal reduction")
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: a minimal reduction is about a diagram, a CID; got 3.
    """
    if isinstance(cid, CID):
        return cid
    if not isinstance(getattr(cid, "cid", None), CID):
        raise NotApplicableError(f"{question} is about a diagram, a CID; got {cid!r}.")
    kind = type(cid).__name__
    instead = "model.cid" if kind == "CIM" else "its .cid"
    raise NotApplicableError(f"{question} is about a diagram; got a {kind}: pass {instead}.")


def read_edges(edges: Iterable[Edge] | Edge, argument: str) -> tuple[Edge, ...]:
    """Return `edges` as pairs; a single pair stands for itself.

    >>> read_edges([("a", "b"), ("b", "c")], "blocked"), read_edges(("a", "b"), "blocked")
    ((('a', 'b'), ('b', 'c')), (('a', 'b'),))
    """
    found: Any = edges
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise _no_edge(found, argument)
    if _is_pair(found):
        return (tuple(found),)
    pairs = tuple(found)
    for pair in pairs:
        if not _is_pair(pair):
            raise _no_edge(pair, argument)
    return tuple((tail, head) for tail, head in pairs)


def read_values(stated: Mapping[str, Any] | None, argument: str) -> Mapping[str, Any]:
    """Return what `given=` or `do=` states, ``{node: value}``; ``None`` states nothing.

    >>> read_values({"door": "left"}, "given"), read_values(None, "do")
    ({'door': 'left'}, {})
    """
    if stated is None:
        return {}
    if not isinstance(stated, Mapping):
        raise NotApplicableError(f"{argument}= is a mapping from node to value, {{node: value}}; got {stated!r}.")
    return stated


def read_names(names: Iterable[str], argument: str) -> Sequence[str]:
    """Return `names` as a sequence; a bare string stays one, so that whoever looks the names up can refuse it.

    >>> read_names(["door", "go"], "names")
    ('door', 'go')
    """
    if not isinstance(names, Iterable):
        raise NotApplicableError(f'{argument} is a list of names, ["node", ..]; got {names!r}.')
    return names if isinstance(names, str) else tuple(names)


def _is_pair(edge: Any) -> bool:
    return isinstance(edge, tuple | list) and len(edge) == 2 and all(isinstance(end, str) for end in edge)


def _no_edge(found: object, argument: str) -> DiagramError:
    return DiagramError(f"an edge is a pair (tail, head); got {found!r}: {argument}=[(tail, head), ..].")

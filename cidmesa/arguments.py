"""What a caller wrote, read into what a question needs, or refused with what to type instead.

A model handed in where a diagram is meant, a single edge where several could be, a list where a mapping is: such slips
are told apart here, once, before anything is computed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from cidmesa.diagram import CID, Edge
from cidmesa.errors import DiagramError, MechanismError, NotApplicableError, quoted

P = ParamSpec("P")
R = TypeVar("R")


class _LeftOut:
    """The type of :data:`LEFT_OUT`."""

    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT = _LeftOut()
"""The default of an argument whose value may be ``None`` like any other."""


def options_by_name(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse an option that is given by position, and say how it is given by name.

    What a call is *about* stays positional; all else is keyword-only, so that options can be added without breaking a
    call.

    >>> @options_by_name
    ... def compare(a, b, *, size=2):
    ...     return size
    >>> compare("x", "y", 3)
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: compare takes a, b by position and options by name: compare(a, b, size=3).
    """
    parameters = inspect.signature(function).parameters.values()
    about = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    options = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if len(args) > len(about):
            extra = args[len(about) :]
            given = [f"{name}={_short(value)}" for name, value in zip(options, extra, strict=False)]
            raise NotApplicableError(
                f"{function.__name__} takes {', '.join(about)} by position and options by name: "
                f"{function.__name__}({', '.join([*about, *given])})."
            )
        return function(*args, **kwargs)

    return checked


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else ".."


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


def require_model(model: object, question: str) -> None:
    """Raise if `model` is not a model, a diagram with mechanisms, and say what to pass instead.

    >>> require_model(CID([("a", "b")]), "a query")
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: a query needs mechanisms, and got a CID: pass cid.parameterise(..).
    """
    if isinstance(model, CID):
        raise NotApplicableError(f"{question} needs mechanisms, and got a CID: pass cid.parameterise(..).")
    if not isinstance(getattr(model, "cid", None), CID) or not hasattr(model, "read_policy"):
        raise NotApplicableError(f"{question} is about a model, a CIM; got {model!r}.")


def require_count(number: object, argument: str, *, least: int = 1) -> None:
    """Raise if `number` is not a whole number of at least `least`.

    >>> require_count(0, "starts")
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: starts= is a whole number of at least 1; got 0.
    """
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        raise NotApplicableError(f"{argument}= is a whole number of at least {least}; got {number!r}.")


def require_share(number: object, argument: str) -> None:
    """Raise if `number` is not a share, above 0 and below 1.

    >>> require_share(1.5, "margin")
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: margin= is a share above 0 and below 1; got 1.5.
    """
    if isinstance(number, bool) or not isinstance(number, int | float | np.floating) or not 0 < number < 1:
        raise NotApplicableError(f"{argument}= is a share above 0 and below 1; got {number!r}.")


def read_mechanisms(given: Mapping[str, Any] | None, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return mechanisms given as a mapping and by name as one mapping.

    >>> read_mechanisms({"a": 1}, {"b": 2})
    {'a': 1, 'b': 2}
    """
    if given is not None and not isinstance(given, Mapping):
        raise MechanismError(f"mechanisms are a mapping from node to mechanism, {{node: ..}}; got {given!r}.")
    return {**(given or {}), **named}


def read_edges(edges: Iterable[Edge] | Edge, argument: str) -> tuple[Edge, ...]:
    """Return `edges` as pairs; a single pair stands for itself.

    >>> read_edges([("a", "b"), ("b", "c")], "cut_edges"), read_edges(("a", "b"), "cut_edges")
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


def read_names(names: Iterable[str], argument: str) -> tuple[str, ...]:
    """Return `names` as a tuple; a bare string, which is a sequence of letters, is refused.

    >>> read_names(["door", "go"], "names")
    ('door', 'go')
    """
    if isinstance(names, str):
        raise NotApplicableError(f"{argument} is a list of names; got the string {names!r}: [{quoted(names)}].")
    if not isinstance(names, Iterable):
        raise NotApplicableError(f'{argument} is a list of names, ["node", ..]; got {names!r}.')
    return tuple(names)


def _is_pair(edge: Any) -> bool:
    return isinstance(edge, tuple | list) and len(edge) == 2 and all(isinstance(end, str) for end in edge)


def _no_edge(found: object, argument: str) -> DiagramError:
    return DiagramError(f"an edge is a pair (tail, head); got {found!r}: {argument}=[(tail, head), ..].")

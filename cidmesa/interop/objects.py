"""What the readers of other programs' objects share: whose object it is, and a diagram's own table in another order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cidmesa.arrays import Array
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.model import CIM


def comes_from(given: object, package: str, *classes: str) -> bool:
    """Say whether `given` is an object of one of `package`'s `classes`, or of a class derived from them.

    The package is not imported: who has one of its objects has imported it.

    >>> import fractions
    >>> comes_from(fractions.Fraction(1, 2), "fractions", "Fraction"), comes_from(1, "fractions", "Fraction")
    (True, False)
    """
    return any(c.__module__.split(".")[0] == package and c.__name__ in classes for c in type(given).__mro__)


def diagram_and_model(given: object, purpose: str) -> tuple[CID, CIM | None]:
    """Return the diagram and, if it has mechanisms, the model that a writer was handed.

    Raises
    ------
    NotApplicableError
        `given` is neither a diagram nor a model; `purpose` is what it was wanted for.
    """
    if isinstance(given, CID):
        return given, None
    if isinstance(given, CIM):
        return given.cid, given
    inside = "its .cid or .model" if hasattr(given, "cid") or hasattr(given, "model") else "a CID or a CIM"
    raise NotApplicableError(f"{purpose} takes a diagram or a model; got a {type(given).__name__}: pass {inside}.")


def require_one_agent(cid: CID, program: str) -> None:
    """Raise if the diagram is a game, which `program` cannot hold."""
    if len(cid.agents) > 1:
        names = ", ".join(map(repr, cid.agents))
        raise NotApplicableError(
            f"{program} knows one agent, and this diagram has {len(cid.agents)} ({names}): leave one its decisions and "
            "utilities with cid.demote(..), or write a format for games."
        )


def in_axis_order(table: Array, axes: Sequence[str], wanted: Sequence[str]) -> Array:
    """Return `table`, whose axes are named `axes`, with its axes in the order `wanted`.

    >>> in_axis_order(np.zeros((2, 3)), ["a", "b"], ["b", "a"]).shape
    (3, 2)
    """
    return np.ascontiguousarray(table.transpose([list(axes).index(name) for name in wanted]))

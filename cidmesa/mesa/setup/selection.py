"""By what training selects rules: the expected score, or the regret in the worst level.

>>> require_selects("luck", None)
Traceback (most recent call last):
    ...
cidmesa.errors.DiagramError: selects= is one of "expected", "minimax regret"; got 'luck'.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from cidmesa.errors import DiagramError, NotApplicableError, quoted

EXPECTED: Final = "expected"
"""Training selects by the expected score."""

MINIMAX: Final = "minimax regret"
"""Training selects by the regret in the worst level."""

SELECTS: Final = (EXPECTED, MINIMAX)
"""What training can select by."""


class Selecting(Protocol):
    """Any setup that says by what its training selects."""

    @property
    def selects(self) -> str:
        """One of :data:`SELECTS`."""


def require_selects(selects: Any, level_nodes: Any) -> None:
    """Raise unless training can select by this, and levels are named only where they matter."""
    if selects not in SELECTS:
        raise DiagramError(f"selects= is one of {', '.join(map(quoted, SELECTS))}; got {selects!r}.")
    if selects == EXPECTED and level_nodes is not None:
        raise DiagramError(
            f"level_nodes= says what minimax regret is taken over, and this training selects by {quoted(EXPECTED)}: "
            f"selects={quoted(MINIMAX)}."
        )


def require_expected(setup: Selecting, question: str) -> None:
    """Raise where training selects by anything but the expected score, and an answer is about that alone."""
    if setup.selects != EXPECTED:
        raise NotApplicableError(
            f"{question}: known where training selects by the expected score, and this setup selects by "
            f"{setup.selects}; {type(setup).__name__}(.., selects={quoted(EXPECTED)}) asks the other question."
        )

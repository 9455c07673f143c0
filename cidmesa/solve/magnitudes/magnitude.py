"""A number that says how it was found."""

from __future__ import annotations

from typing import Literal, TypeAlias

Bound: TypeAlias = Literal["exact", "lower bound", "estimate"]


class Magnitude(float):
    """A quantity, usable as a plain float, that says whether it is exact.

    Attributes
    ----------
    bound
        ``"exact"``; ``"lower bound"`` where the search for a maximum may have missed it; ``"estimate"`` for the
        difference of two such bounds, which bounds nothing.
    method
        How it was found.

    Examples
    --------
    >>> Magnitude(0.5), Magnitude(0.25, "lower bound", "multi-start coordinate ascent")
    (0.5, Magnitude(0.25, 'lower bound', method='multi-start coordinate ascent'))
    >>> Magnitude(0.5).exact, Magnitude(0.25, "lower bound") + 1
    (True, 1.25)
    """

    __slots__ = ("bound", "method")

    bound: Bound
    method: str

    def __new__(cls, value: float, bound: Bound = "exact", method: str = "") -> Magnitude:
        """Make the number."""
        new = super().__new__(cls, value)
        new.bound = bound
        new.method = method
        return new

    @property
    def exact(self) -> bool:
        """Whether it is the quantity itself, up to rounding."""
        return self.bound == "exact"

    def __repr__(self) -> str:
        if self.exact:
            return float.__repr__(self)
        return f"Magnitude({float.__repr__(self)}, {self.bound!r}, method={self.method!r})"

    def __str__(self) -> str:
        return float.__repr__(self) if self.exact else f"{float.__repr__(self)} ({self.bound})"

    def __getnewargs__(self) -> tuple[float, Bound, str]:  # type: ignore[override]  # float's own has one entry
        return float(self), self.bound, self.method

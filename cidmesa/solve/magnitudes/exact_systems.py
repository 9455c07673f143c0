"""Small linear systems in fractions: whether some weights balance rows out exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from cidmesa.solve.tables.linear_systems import solutions


def has_positive_dependence(rows: Sequence[Sequence[Fraction]]) -> bool:
    """Say whether weights that are not negative and not all zero make a sum of rows zero.

    Notes
    -----
    Such weights are sums of ones with least support, on which they are determined up to a factor; so the supports are
    tried, the small ones first. Exponential in the number of rows.

    Examples
    --------
    >>> one = Fraction(1)
    >>> has_positive_dependence([[one, -one], [-2 * one, 2 * one]]), has_positive_dependence([[one], [2 * one]])
    (True, False)
    """
    width = len(rows[0]) if rows else 0
    for size in range(1, min(len(rows), width + 1) + 1):
        for support in combinations(rows, size):
            weights = _dependence(support)
            if weights is not None and (all(w > 0 for w in weights) or all(w < 0 for w in weights)):
                return True
    return False


def _dependence(rows: Sequence[Sequence[Fraction]]) -> list[Fraction] | None:
    """Return the weights of rows that make their sum zero, if they are determined up to a factor."""
    columns = list(zip(*rows, strict=True))
    found = solutions(columns, [0] * len(columns), len(rows))
    return found.directions[0] if found is not None and len(found.directions) == 1 else None

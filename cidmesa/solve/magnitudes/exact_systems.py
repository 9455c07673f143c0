"""Small linear systems in fractions: whether some weights balance rows out exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations


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
    system = [list(column) for column in zip(*rows, strict=True)]
    pivots: list[int] = []
    for column in range(len(rows)):
        rank = len(pivots)
        pivot = next((i for i in range(rank, len(system)) if system[i][column] != 0), None)
        if pivot is None:
            continue
        system[rank], system[pivot] = system[pivot], system[rank]
        lead = system[rank][column]
        system[rank] = [x / lead for x in system[rank]]
        for i, row in enumerate(system):
            if i != rank and row[column] != 0:
                system[i] = [x - row[column] * y for x, y in zip(row, system[rank], strict=True)]
        pivots.append(column)
    free = [column for column in range(len(rows)) if column not in pivots]
    if len(free) != 1:
        return None
    weights = [Fraction(0)] * len(rows)
    weights[free[0]] = Fraction(1)
    for i, column in enumerate(pivots):
        weights[column] = -system[i][free[0]]
    return weights

"""Small linear systems in exact arithmetic: one solution, and the directions of all others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

Number: TypeAlias = int | Fraction


class Affine(NamedTuple):
    """All solutions of a linear system: a point, plus any combination of directions.

    Attributes
    ----------
    point
        A solution.
    directions
        A basis of what leads from one solution to another; empty where the solution is the only one.
    """

    point: list[Fraction]
    directions: list[list[Fraction]]


def solutions(matrix: Sequence[Sequence[Number]], right: Sequence[Number], width: int) -> Affine | None:
    """Return all solutions of a linear system with `width` unknowns; ``None`` where there are none.

    Notes
    -----
    Gauss and Jordan's elimination on rows of integers, each divided by what its entries have in common. Cubic.

    Examples
    --------
    >>> solutions([[2, 1], [1, -1]], [1, 0], 2)
    Affine(point=[Fraction(1, 3), Fraction(1, 3)], directions=[])
    >>> solutions([[1, 1]], [1], 2).directions
    [[Fraction(-1, 1), Fraction(1, 1)]]
    >>> solutions([[1, 1], [1, 1]], [1, 2], 2) is None
    True
    """
    rows = [_whole([*row, b]) for row, b in zip(matrix, right, strict=True)]
    pivots: list[int] = []
    for column in range(width):
        rank = len(pivots)
        found = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if found is None:
            continue
        rows[rank], rows[found] = rows[found], rows[rank]
        lead = rows[rank]
        for i, row in enumerate(rows):
            if i != rank and row[column]:
                rows[i] = _reduced([x * lead[column] - row[column] * y for x, y in zip(row, lead, strict=True)])
        pivots.append(column)
    if any(row[width] for row in rows[len(pivots) :]):
        return None
    free = [column for column in range(width) if column not in pivots]
    point = [Fraction(0)] * width
    directions = [[Fraction(int(column == f)) for column in range(width)] for f in free]
    for row, column in zip(rows, pivots, strict=False):
        point[column] = Fraction(row[width], row[column])
        for direction, f in zip(directions, free, strict=True):
            direction[column] = Fraction(-row[f], row[column])
    return Affine(point, directions)


def _whole(row: Sequence[Number]) -> list[int]:
    """Return a positive multiple of a row that is whole."""
    unit = math.lcm(*(x.denominator for x in row))
    return _reduced([int(x * unit) for x in row])


def _reduced(row: list[int]) -> list[int]:
    """Divide a row by what its entries have in common."""
    common = math.gcd(*row)
    return [x // common for x in row] if common > 1 else row

r"""Small linear programs in exact arithmetic: the simplex method in fractions, by Bland's rule, which cannot cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cidmesa.solve.tables.linear_systems import Number


@dataclass(frozen=True, slots=True)
class Balance:
    r"""Weights :math:`x \ge 0` with :math:`\sum_j x_j A_j = b`, or why there are none.

    Attributes
    ----------
    weights
        Position → weight, the positive ones; ``None`` where there are none.
    multipliers
        Where there are none, numbers :math:`y` with :math:`y \cdot A_j \le 0` for all columns and :math:`y \cdot b > 0`
        (Farkas).
    """

    weights: dict[int, Fraction] | None
    multipliers: tuple[Fraction, ...] = ()


def balance(
    columns: Sequence[Sequence[Number]], right: Sequence[Number], cost: Sequence[Number] | None = None
) -> Balance:
    r"""Return weights :math:`x \ge 0` with :math:`\sum_j x_j A_j = b`; with a cost, weights that cost least.

    Parameters
    ----------
    columns
        :math:`A_j`.
    right
        :math:`b`, no entry negative.
    cost
        What a unit of each column costs; the least has to be bounded.

    Notes
    -----
    One pivot is linear in the size of the table; their number is exponential at worst, and small in practice.

    Examples
    --------
    >>> balance([[1, -1], [-1, 1], [1, 1]], [1, 1]).weights
    {2: Fraction(1, 1)}
    >>> balance([[1, 0], [1, 1]], [0, 1]).multipliers  # the first entry cannot vanish while the second does not
    (Fraction(-1, 1), Fraction(1, 1))
    >>> balance([[1], [2]], [1], cost=[3, 4]).weights
    {1: Fraction(1, 2)}
    """
    height, count = len(right), len(columns)
    # Columns: those given, the artificial ones, which never come in again, and the right-hand side.
    table = [
        [*(Fraction(column[i]) for column in columns), *(Fraction(int(i == j)) for j in range(height)), Fraction(b)]
        for i, b in enumerate(right)
    ]
    basis = [count + i for i in range(height)]
    worth = [sum((row[j] for row in table), Fraction(0)) for j in range(count)]
    worth += [*[Fraction(0)] * height, sum((row[-1] for row in table), Fraction(0))]
    _improve(table, basis, worth, count)
    if worth[-1] > 0:
        return Balance(None, tuple(1 + worth[count + i] for i in range(height)))
    if cost is not None:
        for i, row in enumerate(table):  # an artificial column that stands for nothing makes room for one that may
            j = next((j for j in range(count) if row[j]), None) if basis[i] >= count else None
            if j is not None:
                _pivot(table, worth, i, j)
                basis[i] = j
        worth = [*(-Fraction(c) for c in cost), *[Fraction(0)] * (height + 1)]
        for i, row in enumerate(table):
            factor = worth[basis[i]]
            worth = [w - factor * x for w, x in zip(worth, row, strict=True)] if factor else worth
        worth[-1] = Fraction(-1)  # there is no telling what there is to gain
        _improve(table, basis, worth, count)
    return Balance({j: row[-1] for j, row in sorted(zip(basis, table, strict=True)) if j < count and row[-1] > 0})


def _improve(table: list[list[Fraction]], basis: list[int], worth: list[Fraction], count: int) -> None:
    """Bring in columns that are worth something, until none is, or what is left to gain, the last entry, is nothing."""
    while (entering := next((j for j in range(count) if worth[j] > 0), None)) is not None and worth[-1] != 0:
        ratios = [
            (row[-1] / row[entering], basis[i] < count, basis[i], i) for i, row in enumerate(table) if row[entering] > 0
        ]
        leaving = min(ratios)[-1]
        _pivot(table, worth, leaving, entering)
        basis[leaving] = entering


def _pivot(table: list[list[Fraction]], worth: list[Fraction], leaving: int, entering: int) -> None:
    """Solve one equation for a column, and put that into the others."""
    pivot = table[leaving][entering]
    table[leaving] = [entry / pivot if entry else entry for entry in table[leaving]]
    for row in (*(row for i, row in enumerate(table) if i != leaving), worth):
        factor = row[entering]
        if factor:
            row[:] = [e - factor * b if b else e for e, b in zip(row, table[leaving], strict=True)]

r"""Linear programs with symbols.

At one point of the parameter space a program is solved as with numbers. The basis that is best there gives the least
value as a rational function of the symbols, and it stays best where finitely many other such functions, the values of
its variables and its reduced costs, are not negative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from cidmesa.solve.symbolic.algebra import in_one_field


def least_value(
    cost: Sequence[Any], rows: Sequence[Sequence[Any]], limits: Sequence[Any], point: Mapping[Any, Any]
) -> tuple[Any, list[Any]]:
    r"""Return :math:`\min c x` for :math:`A x \le b`, :math:`x \ge 0`, where :math:`c \ge 0` and some x is feasible.

    Parameters
    ----------
    cost, rows, limits
        :math:`c`, :math:`A` and :math:`b`: exact expressions.
    point
        Rational numbers for the symbols.

    Returns
    -------
    value
        An expression that is the least value at the point, and wherever all of
    conditions
        are not negative.

    Notes
    -----
    The dual simplex method with the smallest-index rule, which does not cycle [1]_. The slack basis is dual feasible
    because no cost is negative.

    References
    ----------
    .. [1] R. G. Bland, "New finite pivoting rules for the simplex method", *Math. of Operations Research* 2, 1977.

    Examples
    --------
    The least ``t`` that is at least ``p x`` and at least ``1 - x``:

    >>> from sympy.abc import p
    >>> least_value([0, 1], [[p, -1], [-1, -1]], [0, -1], {p: 2})
    (p/(p + 1), [p/(p + 1), 1/(p + 1)])
    """
    import sympy

    exact = [[sympy.sympify(entry) for entry in line] for line in _tableau(cost, rows, limits)]
    numbers = [[_fraction(entry.subs(point)) for entry in line] for line in exact]
    width = len(exact[0])
    flat = in_one_field(entry for line in exact for entry in line)
    symbols = [flat[i : i + width] for i in range(0, len(flat), width)]
    for leaving, entering in _pivots(numbers, len(cost)):
        _pivot(symbols, leaving, entering)
    *above, reduced = symbols
    signs = dict.fromkeys(sympy.factor(e.as_expr()) for e in [*(line[-1] for line in above), *reduced[:-1]] if e)
    return sympy.cancel(-reduced[-1].as_expr()), [condition for condition in signs if condition.free_symbols]


def _tableau(cost: Sequence[Any], rows: Sequence[Sequence[Any]], limits: Sequence[Any]) -> list[list[Any]]:
    """Return a line per row, with its slack and its limit, then that of the costs."""
    m = len(rows)
    lines = [
        [*row, *(int(j == i) for j in range(m)), limit] for i, (row, limit) in enumerate(zip(rows, limits, strict=True))
    ]
    return [*lines, [*cost, *[0] * m, 0]]


def _pivots(tableau: list[list[Fraction]], variables: int) -> Iterator[tuple[int, int]]:
    """Solve a program with numbers, and yield the pivots: which row's variable leaves the basis, and which enters."""
    m, width = len(tableau) - 1, len(tableau[0]) - 1
    basis = [variables + i for i in range(m)]
    while True:
        short = [i for i in range(m) if tableau[i][-1] < 0]
        if not short:
            return
        leaving = min(short, key=basis.__getitem__)
        line, reduced = tableau[leaving], tableau[-1]
        entering = min((j for j in range(width) if line[j] < 0), key=lambda j: (-reduced[j] / line[j], j))
        yield leaving, entering
        basis[leaving] = entering
        _pivot(tableau, leaving, entering)


def _pivot(tableau: list[list[Any]], leaving: int, entering: int) -> None:
    line = tableau[leaving]
    line[:] = [entry / line[entering] for entry in line]
    for other in tableau:
        if other is not line and other[entering]:
            factor = other[entering]
            other[:] = [entry - factor * pivot for entry, pivot in zip(other, line, strict=True)]


def _fraction(number: Any) -> Fraction:
    """Return a rational number as it is, any other real one nearly."""
    return Fraction(int(number.p), int(number.q)) if number.is_Rational else Fraction(float(number))

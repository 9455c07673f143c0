"""Sympy expressions: in arrays, as maxima and minima, and piece by piece over regions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.solve.symbolic.regions import Region


def each(array: Array, change: Callable[[Any], Any]) -> Array:
    """Return an array of objects with `change` applied to every entry."""
    made = np.empty(array.shape, dtype=object)
    for where in product(*map(range, array.shape)):
        made[where] = change(array[where])
    return made


def expressions(array: Array) -> Array:
    """Turn elements of a ring into sympy expressions."""
    return each(array, lambda element: element.expression)


def largest(values: Iterable[Any]) -> Any:
    """Return the largest of some expressions, unevaluated where that depends on the symbols; 0 if there are none.

    >>> from sympy.abc import p
    >>> largest([p, 1, p, 2]), largest([])
    (Max(2, p), 0)
    """
    return _extreme(values, max, "Max")


def smallest(values: Iterable[Any]) -> Any:
    """Return the smallest of some expressions, unevaluated where that depends on the symbols; 0 if there are none."""
    return _extreme(values, min, "Min")


def _extreme(values: Iterable[Any], of_numbers: Callable[..., Any], name: str) -> Any:
    import sympy

    distinct = list(dict.fromkeys(map(sympy.sympify, values)))
    numbers = [v for v in distinct if v.is_number]
    rest = [v for v in distinct if not v.is_number]
    if numbers:
        rest.append(of_numbers(numbers))
    if not rest:
        return sympy.Integer(0)
    return rest[0] if len(rest) == 1 else getattr(sympy, name)(*rest, evaluate=False)


def piecewise(pieces: Sequence[tuple[Region, Any]], *, plain: bool = True, signed: bool = False) -> Any:
    """Return an expression for a quantity that has a value of its own in every region.

    One region needs no pieces (where `plain`). Else the regions are open: what is least over all optimal policies can
    only fall on a border, where more policies are optimal. Zeros are closed, for they cannot fall, unless values may be
    negative (`signed`).

    >>> from sympy.abc import p
    >>> from cidmesa.solve.symbolic.regions import Space
    >>> space = Space((p, 1 - p))
    >>> piecewise([(space.region([2 * p - 1]), p), (space.region([1 - 2 * p]), p * 0)])
    Piecewise((0, p <= 1/2), (p, p > 1/2))
    """
    import sympy

    by_value: dict[Any, list[Region]] = {}
    for region, value in pieces:
        by_value.setdefault(value, []).append(region)
    if plain and (len(pieces) == 1 or (list(by_value) == [0] and not signed)):
        return pieces[0][1]
    conditions = {value: sympy.Or(*(r.condition() for r in regions)) for value, regions in by_value.items()}
    zero = [(value, condition) for value, condition in conditions.items() if value == 0 and not signed]
    rest = [(value, interior(condition)) for value, condition in conditions.items() if value != 0 or signed]
    return sympy.Piecewise(*zero, *rest, evaluate=False) if pieces else sympy.nan


def interior(condition: Any) -> Any:
    """Return a condition with every inequality strict.

    >>> from sympy.abc import p
    >>> interior(p >= 1)
    p > 1
    """
    return condition.replace(lambda part: part.is_Relational, lambda part: part.strict)

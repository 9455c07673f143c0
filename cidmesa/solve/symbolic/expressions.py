"""Sympy expressions: in arrays, and as maxima and minima."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import numpy as np

from cidmesa.arrays import Array


def each(array: Array, change: Callable[[Any], Any]) -> Array:
    """Return an array of objects with `change` applied to every entry."""
    made = np.empty(array.shape, dtype=object)
    for where in product(*map(range, array.shape)):
        made[where] = change(array[where])
    return made


def as_objects(values: Iterable[Any]) -> Array:
    """Return a one-dimensional array of objects."""
    entries = list(values)
    made = np.empty(len(entries), dtype=object)
    made[:] = entries
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


def interior(condition: Any) -> Any:
    """Return a condition with every inequality strict.

    >>> from sympy.abc import p
    >>> interior(p >= 1)
    p > 1
    """
    return condition.replace(lambda part: part.is_Relational, lambda part: part.strict)

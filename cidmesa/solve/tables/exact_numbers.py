r"""Tables as the numbers they were meant as, in exact arithmetic, for what floating point cannot settle.

A float within four units in its last place of a simple fraction is read as that fraction: 0.1 is 1/10 and
0.3333333333333333 is 1/3. Simple is a denominator of at most a million; for numbers from two on less, a million divided
by the square root of their size, since otherwise nearly every float of some thousands would be near one by chance, and
its meaning would depend on the unit. Any other float is its binary value, and only zero is read as zero. Where the
entries of a row of probabilities read like this do not sum to one, the largest (of several the last) is what the others
leave to one, so that no small probability is touched and the order of the values does not matter. Utilities are read
the same way, entry by entry.

Multiplied by their common denominator, tables hold Python's integers, and no rounding happens at all.

>>> whole_numbers(np.array([[0.1, 0.9], [1 / 3, 2 / 3]])).tolist()
[[3, 27], [10, 20]]
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Array, Floats

if TYPE_CHECKING:
    from collections.abc import Iterable

DENOMINATOR = 10**6
"""Numbers within rounding of a fraction with a denominator up to this are read as that fraction."""

_CHANCE = 2.0**-12
"""How often, about, a float may be near a simple fraction by chance."""


def whole_numbers(table: Floats) -> Array:
    """Return a table of distributions, rows along the last axis, as integers on one common scale.

    >>> whole_numbers(np.array([[0.1, 0.9], [0.5, 0.5]])).tolist()
    [[1, 9], [5, 5]]
    """
    rows = [fractions(row) for row in table.reshape(-1, table.shape[-1]).tolist()]
    scale = math.lcm(*(p.denominator for row in rows for p in row))
    whole = np.empty(table.size, dtype=object)
    whole[:] = [p.numerator * (scale // p.denominator) for row in rows for p in row]
    return whole.reshape(table.shape)


def fractions(row: Iterable[float]) -> list[Fraction]:
    """Return a distribution as the fractions it was meant as; they sum to exactly one.

    >>> fractions([0.1, 0.3, 0.6])
    [Fraction(1, 10), Fraction(3, 10), Fraction(3, 5)]
    >>> sum(fractions([1 - 1e-12, 1e-12])), fractions([1 - 1e-12, 1e-12])[1] == Fraction(1e-12)
    (Fraction(1, 1), True)
    """
    meant = [number_meant(p) for p in row]
    left = 1 - sum(meant)
    if left:
        largest = max(range(len(meant)), key=lambda i: (meant[i], i))
        meant[largest] += left
    return meant


@lru_cache(maxsize=2**16)
def number_meant(number: float) -> Fraction:
    """Return the fraction that a float was meant as (see the module's text).

    >>> number_meant(0.1 + 0.2), number_meant(-2.5), number_meant(1e-12) == Fraction(1e-12)
    (Fraction(3, 10), Fraction(-5, 2), True)
    >>> number_meant(1234.56), number_meant(1e9 + 0.1) == 10**9 + Fraction(1, 10)
    (Fraction(30864, 25), True)
    """
    binary = Fraction(number)
    if binary.denominator <= DENOMINATOR:
        return binary
    unit = math.ulp(number)
    most = min(float(DENOMINATOR**2), _CHANCE / unit) ** 0.5
    simple = binary.limit_denominator(max(1, int(most)))
    return simple if simple and abs(simple - binary) <= 4 * Fraction(unit) else binary


def numbers_meant(table: Floats) -> Array:
    """Return the numbers that a table of utilities was meant as, an array of fractions.

    >>> numbers_meant(np.array([0.1, -3.0])).tolist()
    [Fraction(1, 10), Fraction(-3, 1)]
    """
    found = np.empty(table.size, dtype=object)
    found[:] = [number_meant(x) for x in table.ravel().tolist()]
    return found.reshape(table.shape)

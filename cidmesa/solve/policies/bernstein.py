r"""The largest value of a polynomial over a box, between a value attained and a bound that nothing exceeds.

In the *Bernstein basis* of degree :math:`n`,

.. math:: f(p) = \sum_{j_1, …, j_C} b_{j_1 … j_C} \prod_c \binom{n}{j_c} p_c^{j_c} (1 - p_c)^{n - j_c},

the basis functions are non-negative and add up to one on :math:`[0, 1]^C`. So no value exceeds the largest
coefficient, and the coefficients at the corners are values. Halving the box (de Casteljau) brings the two together,
quadratically in the width; a box whose largest coefficient is below what has been attained is done with [1]_.

>>> import numpy as np
>>> driver = np.array([1.0, 2.0, 0.0])  # go on twice for 1, go on and turn for 4: p² + 4 p (1 - p), p to go on
>>> found = largest([driver[::-1]])
>>> round(found.value, 9), round(found.bound, 9), found.point.round(6).tolist()
(1.333333333, 1.333333333, [0.666667])

References
----------
.. [1] R. T. Farouki, "The Bernstein polynomial basis: a centennial retrospective", *Computer Aided Geometric Design*
   29, 2012.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count
from math import comb
from typing import NamedTuple

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.clock import OBSERVE_LESS, check_time

MAX_BOXES = 20_000
"""How many boxes are halved."""

_CLOSE = 1e-12
"""Value and bound this close, relative to the largest coefficient of the box where they are, are the same."""


class Largest(NamedTuple):
    """The largest value found, where, of which polynomial, what no value exceeds, and what rounding is measured by."""

    value: float
    bound: float
    point: Floats
    which: int
    scale: float

    @property
    def is_exact(self) -> bool:
        """Whether value and bound agree up to rounding."""
        return self.bound - self.value <= _CLOSE * self.scale


def monomial(ones: Sequence[int], zeros: Sequence[int], degree: int) -> Floats:
    r"""Return the coefficients of :math:`\prod_c p_c^{r_c} (1 - p_c)^{s_c}`, one axis a variable.

    Parameters
    ----------
    ones, zeros
        :math:`r_c` and :math:`s_c`.
    degree
        That of the basis, in every variable; at least every :math:`r_c + s_c`.

    Examples
    --------
    >>> monomial([1], [1], 2).tolist()
    [0.0, 0.5, 0.0]
    """
    found = np.ones(())
    for r, s in zip(ones, zeros, strict=True):
        line = [comb(degree - r - s, j - r) / comb(degree, j) if j >= r else 0.0 for j in range(degree + 1)]
        found = np.multiply.outer(found, line)
    return found


def largest(polynomials: Sequence[Array], most: int = MAX_BOXES) -> Largest:
    """Return the largest value of several polynomials over the unit box.

    Parameters
    ----------
    polynomials
        Their coefficients in the Bernstein basis, one axis a variable.
    most
        How many boxes to halve at most.
    """
    number = count()
    variables = polynomials[0].ndim
    best, point, which = -np.inf, np.zeros(variables), 0
    queue: list[tuple[float, int, int, Array, Floats, Floats]] = []

    def enter(i: int, b: Array, low: Floats, high: Floats) -> None:
        nonlocal best, point, which
        corners = b[np.ix_(*[[0, n - 1] for n in b.shape])]
        top = float(corners.max())
        if top > best:
            at = np.unravel_index(int(corners.argmax()), corners.shape)
            best, point, which = top, np.where(at, high, low), i
        heapq.heappush(queue, (-float(b.max()), next(number), i, b, low, high))

    for i, b in enumerate(polynomials):
        enter(i, b, np.zeros(variables), np.ones(variables))
    for done in range(most):
        check_time("bracketing the best shared rule", OBSERVE_LESS, f"{done:,} of at most {most:,} boxes")
        if not variables or -queue[0][0] - best <= _CLOSE * _size(queue[0][3]):
            break
        _, _, i, b, low, high = heapq.heappop(queue)
        axis = int(np.argmax([np.ptp(b, axis=c).max() for c in range(variables)]))
        middle = (low[axis] + high[axis]) / 2
        left, right = _halves(b, axis)
        enter(i, left, low, np.where(np.arange(variables) == axis, middle, high))
        enter(i, right, np.where(np.arange(variables) == axis, middle, low), high)
    best, point = _climbed(polynomials[which], point, best)
    return Largest(best, max(best, -queue[0][0]), point, which, _size(queue[0][3]))


def _size(b: Array) -> float:
    return float(np.abs(b).max(initial=0.0))


def _climbed(b: Array, point: Floats, value: float) -> tuple[float, Floats]:
    """Go from a point to the best one on each axis through it, in turn, until that gains nothing."""
    while True:
        better = point.copy()
        for axis in range(b.ndim):
            line = np.moveaxis(b, axis, 0)
            for p in np.delete(better, axis)[::-1]:
                line = line @ _basis(p, line.shape[-1])
            better[axis] = _top(line, better[axis])
        gained = value_at(b, better)
        if not gained > value:
            return value, point
        value, point = gained, better


def value_at(b: Array, point: Sequence[float] | Floats) -> float:
    """Return the value of a polynomial at a point.

    >>> value_at(np.array([0.0, 2.0, 1.0]), [0.5])
    1.25
    """
    found = b
    for p in reversed(list(point)):
        found = found @ _basis(p, found.shape[-1])
    return float(found)


def _basis(p: float, length: int) -> Floats:
    """Return the values of the basis functions of one variable."""
    n = length - 1
    return np.array([comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(length)])


def _top(line: Floats, start: float) -> float:
    """Return where a polynomial of one variable is largest."""
    power = np.polynomial.Polynomial([0.0])
    p = np.polynomial.Polynomial([0.0, 1.0])
    for j, weight in enumerate(line):
        power = power + float(weight) * comb(len(line) - 1, j) * p**j * (1 - p) ** (len(line) - 1 - j)
    roots = power.deriv().roots()
    flat = roots[np.abs(roots.imag) < _REAL].real
    places = [start, 0.0, 1.0, *flat[(flat >= 0) & (flat <= 1)].tolist()]
    return float(max(places, key=lambda x: float(line @ _basis(x, len(line)))))


_REAL = 1e-9
"""Imaginary parts below this are rounding."""


def _halves(b: Array, axis: int) -> tuple[Array, Array]:
    """Return the coefficients on the two halves of a box (de Casteljau's algorithm)."""
    moved = np.moveaxis(b, axis, 0)
    left, right = [moved[0]], [moved[-1]]
    row = moved
    while len(row) > 1:
        row = (row[:-1] + row[1:]) / 2
        left.append(row[0])
        right.append(row[-1])
    return np.moveaxis(np.array(left), 0, axis), np.moveaxis(np.array(right[::-1]), 0, axis)

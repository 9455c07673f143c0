r"""Generators of a cone of integer inequalities, exactly: the double description method.

A cone :math:`\{x : g_i \cdot x \le 0 \text{ for all } i\}` is also the set of sums of its **generators**: of *lines*,
which may be taken any number of times forwards or backwards, and of *rays*, which may be taken any number of times
forwards. A convex function that grows in proportion (:math:`f(ax) = a f(x)` for :math:`a > 0`) is therefore positive
somewhere in the cone iff it is at a generator: :math:`f(\sum_j a_j x_j) \le \sum_j a_j f(x_j)`. Rows come one by one:
the generators of one cone say which those of the narrower one are.

>>> cone = whole_space(2).cut([-1, 0]).cut([0, -1])            # x >= 0, y >= 0
>>> cone.lines, list(cone.rays)
((), [(1, 0), (0, 1)])
>>> list(cone.cut([1, -2]).rays)                                # and x <= 2 y
[(0, 1), (2, 1)]

References
----------
T. S. Motzkin, H. Raiffa, G. L. Thompson and R. M. Thrall, "The double description method", 1953; K. Fukuda and A.
Prodon, "Double description method revisited", 1996 (which pairs of rays make a new one).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Vector = tuple[int, ...]
"""Integers without a common divisor."""


@dataclass(frozen=True, slots=True)
class Cone:
    """A cone of integer inequalities by its generators.

    Attributes
    ----------
    lines
        Independent directions on which every row is 0.
    rays
        Each ray → the rows that are 0 on it, bit by bit; none is a sum of the others and of lines.
    rows
        How many rows there are.
    """

    lines: tuple[Vector, ...]
    rays: Mapping[Vector, int]
    rows: int = 0

    @property
    def generators(self) -> tuple[Vector, ...]:
        """Vectors of which every element is a sum, taken forwards only: lines both ways, and rays."""
        return (*self.lines, *(tuple(-x for x in line) for line in self.lines), *self.rays)

    def cut(self, row: Sequence[int]) -> Cone:
        """Return the part of the cone on which one more row is at most 0.

        Parameters
        ----------
        row
            Integers, as many as the space has dimensions.

        Notes
        -----
        Cost: one look at every pair of a ray that goes and a ray that stays, and for those that share enough rows one
        look at all rays. Their number is exponential in the number of dimensions at worst.
        """
        here = 1 << self.rows
        on = [_dot(row, line) for line in self.lines]
        way = next((i for i, x in enumerate(on) if x), None)
        if way is not None:
            line, across = self.lines[way], abs(on[way])
            inward = tuple(-x for x in line) if on[way] > 0 else line
            lines = tuple(
                _combined(across, other, x, inward)
                for i, (x, other) in enumerate(zip(on, self.lines, strict=True))
                if i != way
            )
            rays = {_combined(across, ray, _dot(row, ray), inward): tight | here for ray, tight in self.rays.items()}
            return Cone(lines, {**rays, inward: here - 1}, self.rows + 1)
        signs = [(ray, tight, _dot(row, ray)) for ray, tight in self.rays.items()]
        found = {ray: tight if x else tight | here for ray, tight, x in signs if x <= 0}
        enough = len(row) - len(self.lines) - 2
        stays, goes = ([each for each in signs if each[2] * sign > 0] for sign in (-1, 1))
        for out, tight_out, x in goes:
            for inside, tight_in, y in stays:
                shared = tight_out & tight_in
                if shared.bit_count() >= enough and _are_neighbours(shared, self.rays.values()):
                    found[_combined(-y, out, x, inside)] = shared | here
        return Cone(self.lines, found, self.rows + 1)


def whole_space(dimensions: int) -> Cone:
    """Return the cone without rows: a line in every direction."""
    return Cone(tuple(tuple(int(i == j) for j in range(dimensions)) for i in range(dimensions)), {})


def _are_neighbours(shared: int, tight_on_each: Iterable[int]) -> bool:
    """Say whether no third ray has all the rows that two of them share."""
    count = 0
    for tight in tight_on_each:
        if tight & shared == shared:
            count += 1
            if count > 2:
                return False
    return True


def _dot(row: Sequence[int], x: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(row, x, strict=True) if a and b)


def _combined(times: int, one: Vector, more: int, two: Vector) -> Vector:
    """Return so many times one vector and so many times another, without a common divisor."""
    sums = [times * a + more * b for a, b in zip(one, two, strict=True)]
    divisor = math.gcd(*sums) or 1
    return tuple(x // divisor for x in sums)

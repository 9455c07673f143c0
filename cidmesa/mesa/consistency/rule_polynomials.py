r"""Expectations as polynomials in the entries of rules, in floating point with a bound on its rounding, and exactly.

A coefficient is a sum :math:`\sum p\,u` over what the rules leave open. In floating point it is off by no more than a
share of :math:`\sum p\,|u|`, which is carried along: a penalty in one run does not blur what others pay. What that
does not decide is computed from the same sums in integers, on the numbers as they were meant
(:mod:`cidmesa.solve.tables.exact_numbers`).

>>> import numpy as np
>>> f = Polynomial(np.array([[0], [1]]), np.array([0.1 + 0.2, 0.3]))
>>> float(f(np.array([1.0, 0.0]))) == float(f(np.array([0.0, 1.0]))), f.exactly.coefficients.tolist(), f.exactly.unit
(False, [3, 3], 10)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.mesa.outcomes.outcome_table import once
from cidmesa.solve.tables.exact_numbers import number_meant, numbers_meant

EPS = 2.0**-52
"""The unit of rounding."""

_BLOCK = 2**21
"""Numbers that one block of points aims at."""


class Value(NamedTuple):
    """An expectation.

    Attributes
    ----------
    number
        In floating point.
    error
        How far that may be off.
    fraction
        In exact arithmetic; ``None`` where it is out of reach.
    """

    number: float
    error: float = 0.0
    fraction: Fraction | None = None

    @classmethod
    def total(cls, values: Sequence[Value]) -> Value:
        """Add up some values.

        >>> Value.total([Value.of(Fraction(1, 3)), Value.of(Fraction(2, 3))])
        Value(number=1.0, error=0.0, fraction=Fraction(1, 1))
        """
        known = [value.fraction for value in values if value.fraction is not None]
        if len(known) == len(values):
            return cls.of(sum(known, Fraction(0)))
        size = math.fsum(abs(value.number) for value in values)
        error = math.fsum(value.error for value in values) + EPS * size
        return cls(math.fsum(value.number for value in values), error)

    @classmethod
    def of(cls, fraction: Fraction) -> Value:
        """Return a value that is known exactly."""
        return cls(float(fraction), 0.0, fraction)

    @property
    def negated(self) -> Value:
        """The negation."""
        return Value(-self.number, self.error, None if self.fraction is None else -self.fraction)

    def less(self, other: Value) -> Value:
        """Return the difference of two values."""
        return Value.total([self, other.negated])

    @property
    def sign(self) -> int | None:
        """Whether it is positive (1), negative (-1) or zero; ``None`` where rounding leaves that open."""
        if self.fraction is not None:
            return (self.fraction > 0) - (self.fraction < 0)
        if not abs(self.number) > self.error:  # so close, or not a number
            return None
        return 1 if self.number > 0 else -1

    @property
    def not_below_zero(self) -> float:
        """The number, or zero where it is that, may be that, or is below it; NaN where it is not known at all."""
        return 0.0 if self.sign == -1 or abs(self.number) <= self.error else self.number

    def within(self, tolerance: float) -> bool | None:
        """Say whether it is at most a tolerance, read as it was meant; ``None`` where rounding leaves that open.

        A tolerance that is this very number, as a float shows it, is not exceeded.

        >>> Value.of(Fraction(1, 3)).within(1 / 3), Value.of(Fraction(1, 10**12)).within(0.0)
        (True, False)
        """
        if not math.isfinite(tolerance) or (self.fraction is not None and self.number == tolerance):
            return True
        sign = self.less(Value.of(number_meant(tolerance))).sign
        return None if sign is None else sign <= 0


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """The coefficients of a polynomial in exact arithmetic.

    Attributes
    ----------
    coefficients
        Integers, in the order of the terms.
    unit
        What they are divided by.
    constant
        What is added to the terms.
    """

    coefficients: Array
    unit: int
    constant: Fraction = Fraction(0)

    @classmethod
    def of(cls, coefficients: Array, unit: int, constant: Fraction = Fraction(0)) -> Exact:
        """Make it, of numbers as small as possible: in 64 bits where all sums of them fit."""
        common = math.gcd(unit, *map(int, coefficients.tolist()))
        whole = [int(c) // common for c in coefficients.tolist()]
        numbers = np.empty(len(whole), dtype=np.int64 if sum(map(abs, whole)) < 2**62 else object)
        numbers[:] = whole
        return cls(numbers, unit // common, constant)

    def where(self, kept: Mask) -> Exact:
        """Return some of the terms, without the constant."""
        return Exact(self.coefficients[kept], self.unit)

    def times(self, factor: Fraction) -> Exact:
        """Return a multiple."""
        numbers = self.coefficients.astype(object) * factor.numerator
        return Exact.of(numbers, self.unit * factor.denominator, self.constant * factor)


@dataclass(frozen=True, slots=True, eq=False)
class Polynomial:
    """An expectation as a polynomial in the entries of the rules.

    Attributes
    ----------
    terms
        Positions of the factors of each term, shape (n, k): one factor per decision that matters.
    coefficients
        Shape (n,).
    constant
        What is added to the terms. Where everything pays something, what most pay goes here, so that what all runs pay
        alike does not blur the rest.
    sizes
        The sums of absolute values behind the coefficients; by default, those of the coefficients.
    rounding
        How far coefficients may be off, as a share of `sizes`.
    source
        What computes the coefficients exactly, or finds that it is out of reach; by default, coefficients are read as
        they were meant.
    """

    terms: Ints
    coefficients: Floats
    constant: float = 0.0
    sizes: Floats | None = None
    rounding: float = 8 * EPS
    source: Callable[[], Exact | None] | None = None

    def __call__(self, rule: Floats) -> float:
        """Return the expectation under a rule, an array of all entries."""
        return float(self.heights(rule[None])[0]) + self.constant

    def heights(self, rules: Floats) -> Floats:
        """Return the expectation under several rules, one a row, without the constant."""
        return self._sums(rules, self.coefficients)

    def doubts(self, rules: Floats) -> Floats:
        """Return how far each of :meth:`heights` may be off."""
        shape = self.terms.shape
        return np.asarray(self._sums(rules, self.absolute) * (self.rounding + (sum(shape) + shape[1]) * EPS))

    def _sums(self, rules: Floats, coefficients: Floats) -> Floats:
        step = max(1, _BLOCK // max(1, self.terms.size))
        parts = [rules[i : i + step] for i in range(0, len(rules), step)]
        return np.asarray(np.concatenate([np.prod(part[:, self.terms], axis=2) @ coefficients for part in parts]))

    def gradient(self, rule: Floats, absolute: bool = False) -> Floats:
        """Return the derivative by each entry, of the polynomial or of that of the absolute values."""
        weights = self.absolute if absolute else self.coefficients
        total = np.zeros(len(rule))
        for k in range(self.terms.shape[1]):
            others = np.delete(self.terms, k, axis=1)
            np.add.at(total, self.terms[:, k], weights * np.prod(rule[others], axis=1))
        return total

    @property
    def absolute(self) -> Floats:
        """The sums of absolute values behind the coefficients."""
        return np.abs(self.coefficients) if self.sizes is None else self.sizes

    @property
    def exactly(self) -> Exact | None:
        """The coefficients in exact arithmetic; ``None`` where that is out of reach."""
        return self._read() if self.source is None else self.source()

    def _read(self) -> Exact:
        meant = numbers_meant(self.coefficients).tolist()
        unit = math.lcm(*(x.denominator for x in meant))
        whole = np.empty(len(meant), dtype=object)
        whole[:] = [int(x * unit) for x in meant]
        return Exact.of(whole, unit, number_meant(self.constant))

    def where(self, kept: Mask, place: Ints) -> Polynomial:
        """Return some of the terms, without the constant; entry i has become entry ``place[i]``."""
        return Polynomial(
            place[self.terms[kept]],
            self.coefficients[kept],
            0.0,
            self.absolute[kept],
            self.rounding,
            self._changed(lambda exact: exact.where(kept)),
        )

    def tied(self, onto: Ints) -> Polynomial:
        """Return the polynomial after entry i has become entry ``onto[i]``."""
        return Polynomial(
            onto[self.terms], self.coefficients, self.constant, self.sizes, self.rounding, lambda: self.exactly
        )

    @property
    def negated(self) -> Polynomial:
        """The negation."""
        return self.times(Fraction(-1))

    def times(self, factor: Fraction) -> Polynomial:
        """Return a multiple."""
        return Polynomial(
            self.terms,
            self.coefficients * float(factor),
            self.constant * float(factor),
            self.absolute * abs(float(factor)),
            self.rounding + 2 * EPS,
            self._changed(lambda exact: exact.times(factor)),
        )

    def _changed(self, change: Callable[[Exact], Exact]) -> Callable[[], Exact | None]:
        def changed() -> Exact | None:
            exact = self.exactly
            return None if exact is None else change(exact)

        return once(changed)

    @property
    def shift(self) -> Value:
        """The constant."""
        exact = self.exactly
        return Value(self.constant, 4 * EPS * abs(self.constant)) if exact is None else Value.of(exact.constant)

    @property
    def offset(self) -> Value:
        """The constant, and what is paid whatever the rules, where nothing depends on them."""
        if self.terms.shape[1]:
            return self.shift
        nothing = np.zeros((1, 0))
        exact = self.exact_heights(nothing)
        if exact is not None:
            return Value.total([Value.of(exact[0]), self.shift])
        return Value.total([Value(float(self.heights(nothing)[0]), float(self.doubts(nothing)[0])), self.shift])

    # Exact values ----------------------------------------------------------------------------------------------------

    def exact_heights(self, rules: Floats) -> list[Fraction] | None:
        """Return the expectation, without the constant, under rules that take one action in every context.

        ``None`` where it is out of reach.
        """
        exact = self.exactly
        if exact is None:
            return None
        found: list[Fraction] = []
        step = max(1, _BLOCK // max(1, self.terms.size))
        for i in range(0, len(rules), step):
            taken = (rules[i : i + step][:, self.terms] == 1.0).all(axis=2)
            sums = taken.astype(exact.coefficients.dtype) @ exact.coefficients
            found += [Fraction(int(x), exact.unit) for x in np.broadcast_to(sums, len(taken)).tolist()]
        return found

    def exact_height(self, rule: Array) -> Fraction | None:
        """Return the expectation, without the constant, under any rule, an array of fractions."""
        exact = self.exactly
        if exact is None:
            return None
        total = Fraction(0)
        for term, coefficient in zip(self.terms.tolist(), exact.coefficients.tolist(), strict=True):
            product = Fraction(coefficient)
            for entry in term:
                if not rule[entry]:
                    break
                product *= rule[entry]
            else:
                total += product
        return total / exact.unit


def combined(parts: Sequence[Polynomial]) -> Polynomial:
    """Return the sum of some polynomials in the same factors.

    >>> x = Polynomial(np.array([[0]]), np.array([1.0]))
    >>> combined([x, x.times(Fraction(1, 2))])(np.array([1.0]))
    1.5
    """

    def exactly() -> Exact | None:
        found = [part.exactly for part in parts]
        known = [exact for exact in found if exact is not None]
        if len(known) < len(found):
            return None
        unit = math.lcm(*(exact.unit for exact in known))
        numbers = np.concatenate([exact.coefficients.astype(object) * (unit // exact.unit) for exact in known])
        return Exact.of(numbers, unit, sum((exact.constant for exact in known), Fraction(0)))

    return Polynomial(
        np.concatenate([part.terms for part in parts]),
        np.concatenate([part.coefficients for part in parts]),
        math.fsum(part.constant for part in parts),
        np.concatenate([part.absolute for part in parts]),
        max(part.rounding for part in parts),
        once(exactly),
    )

r"""Regions of a parameter space, and whether anything is in them.

A region is a set of inequalities :math:`g_i \ge 0` between expressions, within the space that the parameters can be in:
every probability of the model is between 0 and 1, and sympy's own assumptions hold (``positive=True`` and the like). A
region counts as empty when it has no interior: regions are closed and overlap on their borders only, where the rules of
both are optimal, so nothing is lost with one that is only a border.

Emptiness is decided exactly where there is one symbol, by the real roots of the polynomials; and by a linear program
over those conditions that are linear. What is neither is kept: a region can be empty, but none is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from cidmesa.solve.tables.linear_programs import balance
from cidmesa.solve.tables.linear_systems import Number

_DRAWS = 4096
"""How many points are looked at to find one in a region."""


@dataclass(frozen=True, slots=True)
class Sign:
    """An expression's sign, reduced to what is not known: ``factor`` times ``core``.

    Attributes
    ----------
    factor
        1, -1, or 0 where the expression is zero.
    core
        A product of irreducible polynomials of unknown sign, or ``None`` where the sign is known.
    """

    factor: int
    core: Any


@dataclass(slots=True)
class Space:
    """The values that the parameters can have.

    Attributes
    ----------
    conditions
        Expressions that are never negative.
    strict
        Those of them that are never zero either.
    irrational
        Whether an irrational number was put in for a symbol.
    """

    conditions: tuple[Any, ...]
    strict: frozenset[Any] = frozenset()
    irrational: bool = False
    _known: dict[Any, int] = field(default_factory=dict, init=False)
    _signs: dict[Any, Sign] = field(default_factory=dict, init=False)
    _lines: dict[Any, tuple[dict[Any, float], float] | None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for condition in self.conditions:
            constant, factors = _factors(_numerator(condition))
            odd = [base for base, power in factors if power % 2]
            if len(odd) == 1:
                self._known[odd[0]] = 1 if constant > 0 else -1

    def sign(self, expression: Any) -> Sign:
        """Return the sign of an expression, as far as it is known in this space."""
        found = self._signs.get(expression)
        if found is None:
            found = self._signs[expression] = self._find_sign(expression)
        return found

    def linear(self, expression: Any) -> tuple[dict[Any, float], float] | None:
        """Return slopes and constant of a linear expression, ``None`` if it is not one."""
        if expression not in self._lines:
            self._lines[expression] = _line(expression)
        return self._lines[expression]

    def _find_sign(self, expression: Any) -> Sign:
        import sympy

        constant, factors = _factors(_numerator(expression))
        if constant == 0:
            return Sign(0, None)
        positive = constant > 0
        core = sympy.Integer(1)
        for base, power in factors:
            if power % 2 == 0:
                continue
            if base in self._known:
                positive ^= self._known[base] < 0
            else:
                core *= base
        factor = 1 if positive else -1
        if core.is_number:  # one, or irrational
            return Sign(factor if core > 0 else -factor, None)
        for side in (1, -1):
            if not Region(self, {core: -side}).has_interior():
                return Sign(side * factor, None)
        return Sign(factor, core)

    def put(self, symbol: Any, value: Any) -> Space | None:
        """Return what the other symbols can be where an expression is put in for one, ``None`` if that cannot be."""
        import sympy

        left: dict[Any, bool] = {}
        for condition in self.conditions:
            there = sympy.cancel(condition.subs(symbol, value)) if condition.has(symbol) else condition
            strict = condition in self.strict
            if there.free_symbols:
                left[there] = strict or left.get(there, False)
            elif not there.is_real or there < 0 or (strict and there == 0):
                return None
        never = frozenset(condition for condition, strict in left.items() if strict)
        return Space(tuple(left), never, self.irrational or bool(value.is_irrational))

    def region(self, conditions: Iterable[Any] = ()) -> Region | None:
        """Return the region where none of the expressions is negative, ``None`` if it has no interior."""
        whole = Region(self, {})
        return whole.narrowed(conditions) if whole.has_interior() else None


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a space: for each core the sign that it has there."""

    space: Space
    signs: dict[Any, int]

    def narrowed(self, conditions: Iterable[Any]) -> Region | None:
        """Return the part where none of the expressions is negative, ``None`` if it has no interior."""
        signs = dict(self.signs)
        for condition in conditions:
            sign = self.space.sign(condition)
            if sign.core is None:
                if sign.factor < 0:
                    return None
                continue
            if signs.setdefault(sign.core, sign.factor) != sign.factor:
                return None
        if len(signs) == len(self.signs):
            return self
        new = Region(self.space, signs)
        return new if new.has_interior() else None

    def same(self, first: Any, second: Any) -> bool:
        """Say whether two elements are the same number everywhere, though irrational constants may hide it."""
        return bool(first == second) or self.space.sign((first - second).expression).factor == 0

    @property
    def symbols(self) -> list[Any]:
        """The symbols of the conditions and of the space."""
        found = {s for core in self.signs for s in core.free_symbols}
        found |= {s for condition in self.space.conditions for s in condition.free_symbols}
        return sorted(found, key=str)

    def condition(self) -> Any:
        """Return the region as a sympy condition, leaving out what holds in the whole space."""
        import sympy

        own = {s for core in self.signs for s in core.free_symbols}
        if len(own) == 1:
            return self._intervals(next(iter(own)))[1]
        needed = {core: sign for core, sign in self.signs.items() if not self._implied(core)}
        return sympy.And(*(core >= 0 if sign > 0 else core <= 0 for core, sign in needed.items()))

    def point(self, others: Iterable[Any] = ()) -> dict[Any, Any] | None:
        """Return rational numbers in the interior for its symbols and `others`, or ``None`` if none are found.

        They are drawn at random (always the same), so that no equation holds at them by accident.
        """
        import sympy

        symbols = sorted({*self.symbols, *others}, key=str)
        tests = [sign * core for core, sign in self.signs.items()] + list(self.space.conditions)
        random = np.random.default_rng(0)
        for spread in (1, 10, 1000):
            drawn = random.integers(-997 * spread, 997 * spread, size=(_DRAWS, len(symbols)))
            drawn[: _DRAWS // 2] = abs(drawn[: _DRAWS // 2])
            good = np.ones(_DRAWS, dtype=bool)
            with np.errstate(all="ignore"):
                for test in tests:
                    good &= np.asarray(sympy.lambdify(symbols, test, "numpy")(*(drawn / 997).T) > 0)
            for row in drawn[good][:10]:
                found = {s: sympy.Rational(int(x), 997) for s, x in zip(symbols, row, strict=True)}
                if all(test.subs(found) > 0 for test in tests):
                    return found
        return None

    def _implied(self, core: Any) -> bool:
        """Say whether the other conditions leave the core no other sign than the one it has."""
        return not Region(self.space, {**self.signs, core: -self.signs[core]}).has_interior()

    def has_interior(self) -> bool:
        """Say whether there are parameters for which every condition holds strictly, as far as can be told."""
        symbols = self.symbols
        own = {s for core in self.signs for s in core.free_symbols} or set(symbols[:1])
        if len(own) == 1 and not self._intervals(next(iter(own)))[0]:
            return False
        return len(symbols) == 1 or self._linear_interior(symbols)

    def _intervals(self, symbol: Any) -> tuple[bool, Any]:
        """Return whether there is an interval that satisfies all conditions on `symbol`, and the condition."""
        import sympy

        bounds = [c for c in self.space.conditions if c.free_symbols == {symbol} and c.is_polynomial(symbol)]
        tests = [sign * core for core, sign in self.signs.items()] + bounds
        found = [real_roots(test, symbol) for test in tests]
        if any(some is None for some in found):
            return True, sympy.And(*(sign * core >= 0 for core, sign in self.signs.items()))
        roots = sorted({root for some in found for root in some or ()}, key=float)
        pieces: list[tuple[Any, Any]] = []
        for low, high in zip([-sympy.oo, *roots], [*roots, sympy.oo], strict=True):
            inside = _between(low, high)
            if all(test.subs(symbol, inside) > 0 for test in tests):
                if pieces and pieces[-1][1] == low:
                    pieces[-1] = (pieces[-1][0], high)
                else:
                    pieces.append((low, high))
        ends = {root for test in bounds for root in real_roots(test, symbol) or ()} | {-sympy.oo, sympy.oo}
        parts = []
        for low, high in pieces:
            limits = [symbol >= low] if low not in ends else []
            limits += [symbol <= high] if high not in ends else []
            parts.append(sympy.And(*limits))
        return bool(pieces), sympy.Or(*parts)

    def _linear_interior(self, symbols: list[Any]) -> bool:
        """Maximise the least slack of the linear conditions; no slack means no interior."""
        from scipy import optimize

        tests = [self.space.linear(core) for core in self.signs] + [self.space.linear(c) for c in self.space.conditions]
        signs = [*self.signs.values(), *[1] * len(self.space.conditions)]
        known = [(sign, *test) for sign, test in zip(signs, tests, strict=True) if test is not None]
        if not known:
            return True
        column = {symbol: i for i, symbol in enumerate(symbols)}
        rows, right = np.zeros((len(known), len(symbols) + 1)), np.zeros(len(known))
        for row, (sign, slopes, constant) in enumerate(known):
            size = sum(map(abs, slopes.values()))
            for symbol, slope in slopes.items():
                rows[row, column[symbol]] = -sign * slope / size
            rows[row, -1] = 1.0
            right[row] = sign * constant / size
        linprog: Any = optimize.linprog
        bounds = [(None, None)] * len(symbols) + [(None, 1.0)]
        result = linprog(-np.eye(len(symbols) + 1)[-1], A_ub=rows, b_ub=right, bounds=bounds)
        if result.status != 0 or -result.fun > _CLEAR:
            return True
        found = self._exact_interior(symbols)
        return bool(-result.fun > _ROUNDING) if found is None else found

    def _exact_interior(self, symbols: list[Any]) -> bool | None:
        """Say the same in fractions; ``None`` where irrational numbers come in.

        By Motzkin's theorem nothing satisfies all the strict inequalities iff some mixture of them says 0 > 0.
        """
        import sympy

        sides = [(core, sign) for core, sign in self.signs.items()] + [(c, 1) for c in self.space.conditions]
        columns: list[list[Number]] = [[*[0] * len(symbols), 1, 1]]
        for expression, sign in sides:
            if self.space.linear(expression) is None:
                continue
            poly = sympy.Poly(expression, *symbols)
            numbers = [*(poly.coeff_monomial(s) for s in symbols), poly.coeff_monomial(1)]
            if not all(number.is_Rational for number in numbers):
                return None
            columns.append([*(sign * Fraction(int(n.p), int(n.q)) for n in numbers), 1])
        return balance(columns, [*[0] * (len(symbols) + 1), 1]).weights is None


_CLEAR = 1e-6
"""A slack of more than this is no rounding of a linear program."""

_ROUNDING = 1e-9
"""One of more than this is none where numbers are irrational, about."""


def real_roots(expression: Any, symbol: Any) -> list[Any] | None:
    """Return the real roots of a polynomial, ``None`` where sympy cannot tell them exactly."""
    import sympy

    if not expression.is_polynomial(symbol):
        return None
    try:
        roots: list[Any] = sympy.Poly(expression, symbol, extension=True).real_roots()
    except NotImplementedError:
        return None
    return roots


def _numerator(expression: Any) -> Any:
    """Return a polynomial with the sign of a rational function."""
    import sympy

    numerator, denominator = sympy.fraction(sympy.together(expression))
    return sympy.expand(numerator * denominator)


def _line(expression: Any) -> tuple[dict[Any, float], float] | None:
    import sympy

    symbols = sorted(expression.free_symbols, key=str)
    if not symbols or not expression.is_polynomial(*symbols):
        return None
    poly = sympy.Poly(expression, *symbols)
    if poly.total_degree() > 1 or not all(c.is_number for c in poly.coeffs()):
        return None
    return {s: float(poly.coeff_monomial(s)) for s in symbols}, float(poly.coeff_monomial(1))


def factors_of(expressions: Iterable[Any]) -> list[Any]:
    """Return the irreducible polynomials with symbols that some expressions are products and quotients of.

    >>> from sympy.abc import p, q
    >>> sorted(factors_of([p * q - p, 3 * p, (1 - q) ** 2]), key=str)
    [p, q - 1]
    """
    found: dict[Any, None] = {}
    for expression in dict.fromkeys(expressions):
        for base, _ in _factors(_numerator(expression))[1]:
            if base.free_symbols:
                found[base] = None
    return list(found)


def _factors(expression: Any) -> tuple[Any, list[tuple[Any, int]]]:
    """Return the constant and the irreducible factors with leading coefficient one sign, each with its power."""
    import sympy

    constant, factors = sympy.factor_list(expression)
    signed = []
    for base, power in factors:
        if sympy.Poly(base).LC() < 0:
            signed.append((sympy.expand(-base), power))
            constant *= (-1) ** power
        else:
            signed.append((sympy.expand(base), power))
    return constant, signed


def _between(low: Any, high: Any) -> Any:
    """Return a rational number strictly between two real ones, of which either may be infinite."""
    import sympy

    if low == -sympy.oo and high == sympy.oo:
        return sympy.Integer(0)
    if low == -sympy.oo:
        return sympy.floor(high) - 1
    if high == sympy.oo:
        return sympy.ceiling(low) + 1
    middle = (low + high) / 2
    return middle if middle.is_rational else sympy.Rational(str(sympy.N(middle, 30)))

r"""The best and the worst for the base among the shared rules that are optimal for an objective.

The rules that maximise an expectation :math:`f` need not be isolated: an objective that does not care what a rule does
leaves a whole line or face of optimal rules, and the worst of them for the base may lie *inside* it, where the base is
quadratic as well. Face by face of the product of simplices, the optimal rules inside are an affine set (the critical
points of :math:`f` there), and an extreme of the base inside is a critical point of the base on that set: the solution
of one more linear system. Where the solutions form a line, the base is constant on it and the line leaves through a
smaller face, which is looked at too.

Which face has optimal rules, and how large the base is there, is decided in exact arithmetic; floating point leaves out
faces that are too far below the maximum (:func:`.standard_quadratic.peaks` says why it may), and those on which the
base stays within what has been found.

>>> import cidmesa as cm
>>> cid = cm.CID([("turn", "pay"), ("again", "pay"), ("turn", "x")], decisions=["turn", "again"], utilities=["pay"])
>>> model = cid.parameterise(turn=[0, 1], again=[0, 1], x=cm.Table([[0.5, 0.5]] * 2),
...                          pay=lambda turn, again: int(turn == again))
>>> rules = RuleSpace.of(model, shared=[("turn", "again")])
>>> indifferent = rules.expectation(model, ["x"], [0.0, 1.0])
>>> found = extremes(rules, indifferent, rules.total(model, ["pay"]))
>>> found.low, found.high, found.exact  # a fair coin, and always the same action
(0.5, 1.0, True)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain, combinations, product
from typing import NamedTuple

import numpy as np

from cidmesa.arrays import Array, Floats, Ints
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.mesa.consistency.rule_polynomials import EPS, Exact, Polynomial, Value
from cidmesa.mesa.consistency.shared_rules import Known, Optimum, RuleSpace, in_fractions
from cidmesa.solve.tables.linear_systems import solutions

FACES = 20_000
"""The most faces that are looked at: a few seconds."""

_SHRINK = "give the decisions that share a rule fewer observations or actions"

Face = Sequence[tuple[int, ...]]
"""Per context the entries that are not zero."""


class Extremes(NamedTuple):
    """The least and the largest expectation over the rules that maximise another, and whether both are proven."""

    least: Value
    largest: Value
    exact: bool

    @property
    def low(self) -> float:
        """The least."""
        return self.least.number

    @property
    def high(self) -> float:
        """The largest."""
        return self.largest.number


def extremes(
    space: RuleSpace,
    wanted: Polynomial,
    base: Polynomial,
    deterministic: bool = False,
    budget: Budget = UNLIMITED,
    known: Known[Extremes] | None = None,
) -> Extremes:
    """Return the range of `base` over the rules that maximise `wanted`.

    Parameters
    ----------
    space
        The rules.
    wanted, base
        Expectations.
    deterministic
        Consider deterministic rules alone.
    budget
        How long it may take.
    known
        What has been found of parts, by :attr:`.Part.key`, and is added to; of stochastic rules alone, or of
        deterministic ones.

    Raises
    ------
    OutOfTimeError
        The budget was over.

    Notes
    -----
    Contexts that no run passes together are looked at one group after the other (:meth:`.RuleSpace.parts`). Exact where
    in each group one rule at most acts twice on what is wanted or on the base, all others once, and at most
    :data:`FACES` faces have to be looked at; else the range over the optimal rules that were found.
    """
    parts, (_, constant) = space.parts(wanted, base)
    known = {} if known is None else known
    found = []
    for part in parts:
        key = part.key
        if key not in known:
            known[key] = _extremes(part.space, *part.read, deterministic=deterministic, budget=budget)
        found.append(known[key])
    return Extremes(
        Value.total([constant, *(part.least for part in found)]),
        Value.total([constant, *(part.largest for part in found)]),
        all(part.exact for part in found),
    )


def _extremes(
    space: RuleSpace, wanted: Polynomial, base: Polynomial, *, deterministic: bool, budget: Budget
) -> Extremes:
    """Return the same for contexts that all interact."""
    if not len(wanted.terms):  # whatever is done here is optimal
        lowest, highest = (space.maximise(f, (), deterministic) for f in (base.negated, base))
        return Extremes(lowest.worth.negated, highest.worth, lowest.exact and highest.exact)
    best = space.maximise(wanted, (base,), deterministic)
    listed = Extremes(_least(base, best), _least(base.negated, best).negated, best.exact)
    if deterministic or _listed_suffice(space, base, best):
        return listed
    degrees = [space.degrees(f) for f in (wanted, base)]
    twice = {group for found in degrees for group, degree in found.items() if degree > 1}
    simple = len(twice) <= 1 and max(chain.from_iterable(found.values() for found in degrees), default=0) <= 2
    faces = _faces(space, (wanted, base), twice)
    count = math.prod(map(len, faces))
    exact, exact_base = wanted.exactly, base.exactly
    if not (simple and best.exact and count <= FACES) or exact is None or exact_base is None:
        return listed._replace(exact=False)
    looked = _Faces(space, wanted, base, exact, exact_base, best)
    every = budget.each(product(*faces), "looking at faces of optimal rules", _SHRINK, total=count)
    return looked.extremes(listed, every)


def _listed_suffice(space: RuleSpace, base: Polynomial, best: Optimum) -> bool:
    """Say whether the base is extreme at a listed rule: it is linear in every rule not all of whose optima are listed.

    Of a line or face of optimal rules the corners are listed, and between them nothing linear is extreme.
    """
    return all(degree <= 1 or group in best.isolated for group, degree in space.degrees(base).items())


def _least(f: Polynomial, best: Optimum) -> Value:
    """Return the least expectation under the rules that were listed."""
    rules = np.array(best.rules)
    heights, doubts = f.heights(rules), f.doubts(rules)
    near = np.flatnonzero(heights - doubts <= (heights + doubts).min())
    exactly: Sequence[Fraction | None] | None
    if best.points is None:
        exactly = f.exact_heights(rules[near])
    else:
        exactly = [f.exact_height(best.points[i]) for i in near.tolist()]
    known = [] if exactly is None else [height for height in exactly if height is not None]
    if known:
        return Value.total([Value.of(min(known)), f.shift])
    return Value.total([Value(float(heights.min()), float(doubts[near].max())), f.shift])


def _faces(space: RuleSpace, read: Sequence[Polynomial], twice: set[int]) -> list[list[tuple[int, ...]]]:
    """Return, per context of each rule, the sets of actions that it may mix there."""
    faces: list[list[tuple[int, ...]]] = []
    for group, (start, stop) in enumerate(zip(space.first, space.first[1:], strict=False)):
        for allowed in space.allowed[start:stop]:
            entries = allowed.tolist()
            if not any(bool(np.isin(f.terms, entries).any()) for f in read):
                faces.append([(entries[0],)])
            elif group in twice:
                faces.append([s for size in range(1, len(entries) + 1) for s in combinations(entries, size)])
            else:
                faces.append([(entry,) for entry in entries])
    return faces


class _Faces:
    """What the base is worth on the faces of a space where another expectation is largest."""

    def __init__(
        self, space: RuleSpace, wanted: Polynomial, base: Polynomial, exact: Exact, exact_base: Exact, best: Optimum
    ) -> None:
        assert best.worth.fraction is not None  # it is exact
        self.size, self.wanted, self.base = space.size, wanted, base
        self.exact, self.exact_base = exact, exact_base
        self.best = best.worth.fraction - exact.constant
        self.faces = best.faces
        self.read = np.zeros(space.size, dtype=bool)
        self.read[wanted.terms] = True
        owner = np.repeat(np.arange(len(space.blocks)), [b.stop - b.start for b in space.blocks])
        _, which = np.unique(np.sort(owner[base.terms], axis=1), axis=0, return_inverse=True)
        self.together: Ints = which.reshape(-1)

    def extremes(self, listed: Extremes, faces: Iterable[Face]) -> Extremes:
        """Return the range of the base over the rules that are listed and the optimal rules inside faces."""
        assert listed.least.fraction is not None  # the base is known exactly
        assert listed.largest.fraction is not None
        constant = self.exact_base.constant
        low, high = listed.least.fraction - constant, listed.largest.fraction - constant
        for face in faces:
            if all(len(support) == 1 for support in face):
                continue  # a corner: listed if it is optimal
            least, largest = self._bounds(face)
            if (low <= least and largest <= high) or not self._may_be_best(face):
                continue
            worth = self._worth(face)
            if worth is not None:
                low, high = min(low, worth), max(high, worth)
        return Extremes(Value.of(low + constant), Value.of(high + constant), exact=True)

    def _bounds(self, face: Face) -> tuple[Fraction, Fraction]:
        """Return what the base is on a face at least and at most: of alternatives, probabilities add up to one."""
        inside = np.zeros(self.size, dtype=bool)
        inside[list(chain.from_iterable(face))] = True
        here = inside[self.base.terms].all(axis=1)
        ends = []
        for widest in (np.minimum, np.maximum):
            found = np.zeros(int(self.together.max(initial=-1)) + 1, dtype=self.exact_base.coefficients.dtype)
            widest.at(found, self.together[here], self.exact_base.coefficients[here])
            ends.append(Fraction(int(sum(found.tolist())), self.exact_base.unit))
        return ends[0], ends[1]

    def _may_be_best(self, face: Face) -> bool:
        """Say whether a rule inside a face may be optimal, by a rule there and the slope at it."""
        if self.faces is not None:  # that was looked at already
            used = np.zeros(self.size, dtype=bool)
            for support in face:
                used[list(support) if self.read[list(support)].any() else support[:1]] = True
            return used.tobytes() in self.faces
        rule, free, sums = _middle(self.size, face)
        curvature, slope = _quadratic(self.wanted.terms, self.wanted.coefficients, rule, free)
        none = np.zeros((len(sums), len(sums)))
        unit = float(np.abs(curvature).max(initial=0.0)) or 1.0
        matrix = np.block([[curvature / unit, sums.T], [sums, none]])
        solved = np.linalg.lstsq(matrix, np.r_[-slope / unit, np.ones(len(sums))], rcond=1e-13)[0]
        point = np.clip(solved[: len(free)], 0.0, None)
        point = np.where(sums.T @ (sums @ point) > 0, point, 1.0)
        rule[free] = point / (sums.T @ (sums @ point))
        rising = self.wanted.gradient(rule)[free]
        rising = rising - sums.T @ ((sums @ rising) / sums.sum(axis=1))
        terms, factors = self.wanted.terms.shape
        blur = (self.wanted.rounding + 2 * (terms + factors) * EPS) * self.wanted.gradient(rule, absolute=True)[free]
        above = 0.5 * ((np.abs(rising) + 4 * blur) * np.maximum(rule[free], 1 - rule[free])).sum()
        height, doubt = self.wanted.heights(rule[None])[0], self.wanted.doubts(rule[None])[0]
        least = float(self.best)
        return bool(height + doubt + above >= least - 4 * EPS * abs(least))

    def _worth(self, face: Face) -> Fraction | None:
        """Return the base where it is critical among the optimal rules inside a face; ``None`` if it is nowhere."""
        rule, free, sums = _middle(self.size, face)
        fixed = in_fractions(np.where(np.isin(np.arange(self.size), free), 0.0, rule))
        curvature, slope = _quadratic(self.wanted.terms, self.exact.coefficients.astype(object), rule, free)
        own: list[list[int]] = sums.astype(int).tolist()
        belongs = [list(column) for column in zip(*own, strict=True)]
        rows = [[*map(int, row), *more] for row, more in zip(curvature.tolist(), belongs, strict=True)]
        rows += [[*row, *[0] * len(own)] for row in own]
        n = len(free)
        found = solutions(rows, [*(-int(x) for x in slope.tolist()), *[1] * len(own)], n + len(own))
        if found is None:
            return None
        point, ways = found.point[:n], [way[:n] for way in found.directions]
        if self._height(self.wanted, fixed, free, point) != self.best:
            return None
        if ways:  # among those, critical for the base
            curvature, slope = _quadratic(self.base.terms, self.exact_base.coefficients.astype(object), rule, free)
            across, along = np.array(ways, dtype=object), np.array(point, dtype=object)
            moved = solutions(
                (across @ curvature @ across.T).tolist(), (-(across @ (curvature @ along + slope))).tolist(), len(ways)
            )
            if moved is None:
                return None
            point = (along + np.array(moved.point, dtype=object) @ across).tolist()
        return self._height(self.base, fixed, free, point) if min(point) >= 0 else None

    def _height(self, f: Polynomial, fixed: Array, free: Ints, point: Sequence[Fraction]) -> Fraction | None:
        rule = fixed.copy()
        rule[free] = point
        return f.exact_height(rule)


def _middle(size: int, face: Face) -> tuple[Floats, Ints, Floats]:
    """Return the middle of a face, the entries that are free there, and which of them sum to one."""
    rule = np.zeros(size)
    for support in face:
        rule[list(support)] = 1.0 / len(support)
    mixed = [support for support in face if len(support) > 1]
    free = np.array(list(chain.from_iterable(mixed)), dtype=np.intp)
    return rule, free, np.array([[float(entry in support) for entry in free.tolist()] for support in mixed])


def _quadratic(terms: Ints, weights: Array, rule: Floats, free: Ints) -> tuple[Array, Array]:
    """Return the second and first derivatives at zero of a quadratic in the free entries, the others as in `rule`."""
    place = np.full(len(rule), -1)
    place[free] = np.arange(len(free))
    fixed = rule.copy()
    fixed[free] = 1.0
    here = (fixed[terms] == 1.0).all(axis=1)  # the others are 0 or 1
    where, weight = place[terms[here]], weights[here]
    degree = (where >= 0).sum(axis=1)
    slope = np.zeros(len(free), dtype=weights.dtype)
    once = degree == 1
    np.add.at(slope, where[once].max(axis=1, initial=-1), weight[once])
    curvature = np.zeros((len(free), len(free)), dtype=weights.dtype)
    twice = where[degree == 2]
    first, second = twice[twice >= 0].reshape(-1, 2).T
    np.add.at(curvature, (first, second), weight[degree == 2])
    return curvature + curvature.T, slope

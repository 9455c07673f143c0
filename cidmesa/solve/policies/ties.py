r"""Which actions are really best: bounds on rounding, and exact arithmetic where they do not decide.

Two actions tie iff their expected utilities are equal in exact arithmetic on the numbers as they were meant
(:mod:`cidmesa.solve.tables.exact_numbers`). It is decided in three steps, each for what the one before left open:

1. The values of a context differ by more than rounding could make of the largest utility. This costs nothing.
2. They differ by more than rounding can have made of *them*. A term is rounded at most :math:`n` times on its way, so
   that a sum :math:`\sum p u` is off by at most :math:`n 2^{-53} \sum p |u|` [1]_: one more pass, over the absolute
   utilities. A penalty on one branch says nothing about another here.
3. They are computed again in integers (:mod:`cidmesa.solve.tables.exact_run`), and equal or not.

Where the tables of the third step are too large the actions left stay undecided: all of them are listed, and the
solution does not call itself exact.

References
----------
.. [1] N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002, ch. 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Array, Mask
from cidmesa.solve.tables.elimination import Factor, Pair, Plan, make_plan, run
from cidmesa.solve.tables.exact_run import (
    Whole,
    as_array,
    run_exactly,
    utility_unit,
    whole,
    whole_distributions,
    whole_utilities,
)

if TYPE_CHECKING:
    from cidmesa.solve.policies.decision_order import Schedule, Stage

_NO_LIMITS: Mapping[int, Mask] = {}

LEAST = 1e-280
"""Products below this may have lost digits, or all of them, to underflow."""

READING = 2.0**-50
"""How far a float is from the number that it is read as, at most, relative to it: four units in its last place."""

_SMALL = 2**10


class Ties:
    """A schedule's stages carried out again, on absolute utilities and in integers, as far as that is asked for.

    Parameters
    ----------
    schedule
        The schedule.
    tables
        Per key the tables in floating point; grows with what the stages find.
    cards
        Number of states of every variable.
    scale
        The sum of the largest absolute utilities.
    also
        Factors that are multiplied beside those of the schedule.
    limits
        The allowed actions of decisions that have forbidden ones, axes: the decision, then its parents. Others are no
        candidates, in no comparison.
    """

    def __init__(
        self,
        schedule: Schedule,
        tables: Mapping[int, Pair],
        cards: Sequence[int],
        scale: float = math.inf,
        also: Sequence[Factor] = (),
        limits: Mapping[int, Mask] | None = None,
    ) -> None:
        self.schedule, self.tables, self.cards, self.scale, self.also = schedule, tables, cards, scale, also
        self.limits = limits or _NO_LIMITS
        self.optimal: dict[int, Mask] = {}

    @cached_property
    def _absolute(self) -> dict[int, Pair]:
        return {}

    @cached_property
    def _whole(self) -> dict[int, Pair | None]:
        return {}

    @cached_property
    def _errors(self) -> dict[int, float]:
        return {}

    @cached_property
    def stage_of(self) -> Mapping[int, Stage]:
        """The stage behind each message."""
        return {stage.message: stage for stage in self.schedule.stages if stage.message is not None}

    @cached_property
    def _paid(self) -> Set[int]:
        """The keys of the utilities."""
        factors = [*self.also, *self.schedule.factors, *(f for stage in self.schedule.stages for f in stage.factors)]
        return {f.key for f in factors if f.p is None and f.key not in self.stage_of}

    @cached_property
    def unit(self) -> int | None:
        """The common denominator of all utilities."""
        return utility_unit([np.asarray(self.tables[key][1]) for key in self._paid])

    def limit(self, stage: Stage) -> Mask | None:
        """Return the allowed actions of a stage, over its decision, all its parents and what is kept beyond."""
        found = self.limits.get(stage.decision)
        if found is None:
            return None
        beyond = len(stage.keep) + len(stage.blind) - found.ndim
        return found.reshape(found.shape + (1,) * beyond)

    def best(self, stage: Stage, w: Array) -> Array:
        """Return the largest entries over the allowed actions of a stage."""
        limit = self.limit(stage)
        return np.asarray(np.maximum.reduce(w if limit is None else _with_least(w, limit), 0))

    def _candidates(self, stage: Stage) -> Mask | None:
        """Return the allowed actions over what a stage keeps."""
        limit = self.limit(stage)
        return None if limit is None else limit.reshape([n for i, n in enumerate(limit.shape) if i not in stage.blind])

    # Bounds ----------------------------------------------------------------------------------------------------------

    def settle(self, stage: Stage, w: Array, optimal: Mask, least: int) -> tuple[Mask, bool]:
        """Return the optimal actions among those that a first look left, and whether they are known to tie.

        Parameters
        ----------
        stage
            The stage.
        w
            Expected utilities, not divided by the probability of the context; axes: the decision, then its parents.
        optimal
            Those that may be optimal, and those of impossible contexts, which stay.
        least
            How many would be marked if there were no ties.
        """
        small = stage.plan.largest <= _SMALL and self.exactly(stage) is not None  # quicker than to bound it first
        absolute = None if small else self.absolute(stage)[1]
        if absolute is not None:
            bound = _widened(stage, absolute) * self.error(stage) + LEAST * max(1.0, self.scale)
            optimal = optimal & (w + bound >= self.best(stage, w - bound))
            if np.count_nonzero(optimal) == least:
                return optimal, True
        found = self.exactly(stage)
        if found is None:
            return optimal, False
        return optimal & _widened(stage, _largest(*found, self._candidates(stage))), True

    def error(self, stage: Stage) -> float:
        """Return how far entries of a stage may be off, relative to the same sums of absolute utilities."""
        if stage.decision not in self._errors:
            self._errors[stage.decision] = self.error_of(stage.plan, stage.factors)
        return self._errors[stage.decision]

    def error_of(self, plan: Plan, factors: Sequence[Factor]) -> float:
        """Return the same for a plan that multiplies some factors."""
        found: float = plan.rounding * 2.0**-53
        for factor in factors:
            stage = self.stage_of.get(factor.key)
            found += self._reading(factor) if stage is None else self.error(stage)
        return float(1.01 * found)

    def _reading(self, factor: Factor) -> float:
        """Return how far a table may be from the numbers that were meant, relative to them."""
        table = self.tables[factor.key][0]
        if factor.key in self._paid or table is None:
            return READING
        axis = _head(factor)
        off = float(np.abs(table.sum(axis=axis) - 1.0).max(initial=0.0))
        return float(2 * READING + table.shape[axis] * (off + READING))

    def absolute(self, stage: Stage) -> Pair:
        """Return the pair of a stage with the absolute values of all utilities; axes: those kept by the stage."""
        if stage.decision not in self._absolute:
            self._absolute[stage.decision] = run(stage.plan, self.absolute_tables(stage.factors))
        return self._absolute[stage.decision]

    def absolute_tables(self, factors: Sequence[Factor]) -> dict[int, Pair]:
        """Return the tables of some factors with the absolute values of all utilities."""
        found: dict[int, Pair] = {}
        for factor in factors:
            stage = self.stage_of.get(factor.key)
            p, w = self.tables[factor.key]
            if factor.key in self._paid:
                w = np.abs(np.asarray(w))
            elif stage is not None and w is not None:
                absolute = np.asarray(self.absolute(stage)[1])
                taken = np.where(self.optimal[stage.decision].reshape(_narrow(stage, self.optimal)), absolute, 0.0)
                w = self._over(stage, np.maximum.reduce(taken, 0), stage.pays or ())
            found[factor.key] = (p, w)
        return found

    def _over(self, stage: Stage, array: Array, scope: Sequence[int]) -> Array:
        """Return the largest entries of an array over what a stage keeps, less its decision, by some variables."""
        rest = tuple([i for i, v in enumerate(stage.keep[1:]) if v not in scope])
        return np.asarray(np.maximum.reduce(array, rest) if rest else array)

    def value_error(self) -> Array:
        """Return how far the values that the last pass gives may be off."""
        bound: Array = self.absolute_value() * self.error_of(self._last, self.schedule.factors)
        return bound + LEAST * max(1.0, self.scale)

    def absolute_value(self) -> Array:
        """Return what the last pass gives with absolute utilities."""
        _, w = run(self._last, self.absolute_tables(self.schedule.factors))
        return np.asarray(0.0 if w is None else w)

    @property
    def _last(self) -> Plan:
        if self.schedule.plan is None:
            raise AssertionError("an open decision has no value")
        return self.schedule.plan

    def exact_values(self) -> Array | None:
        """Return the values of the last pass as fractions; ``None`` where that is out of reach."""
        found = self.exact_pair(self.schedule.factors, self.schedule.keep)
        if found is None:
            return None
        p, w = np.broadcast_arrays(*(np.ones(1, np.int64) if x is None else x for x in found))
        if found[1] is None:
            w = w * 0
        fractions = np.empty(w.shape, dtype=object)
        for at in np.ndindex(w.shape):
            fractions[at] = Fraction(int(w[at]), int(p[at]) * (self.unit or 1))
        return fractions

    # Exact arithmetic ------------------------------------------------------------------------------------------------

    def from_scratch(self, stage: Stage) -> tuple[Array, Mask] | None:
        """Return values and optimal actions by exact arithmetic alone, where floating point ran out of small numbers.

        Values are NaN, and all actions optimal, in contexts that are impossible. ``None`` where it is out of reach.
        """
        found = self.exactly(stage)
        if found is None:
            return None
        p, w = np.broadcast_arrays(*found)
        values = np.full(w.shape, np.nan)
        for at in zip(*np.nonzero(p), strict=True):
            values[at] = int(w[at]) / (int(p[at]) * (self.unit or 1))
        return _widened(stage, values), _widened(stage, _largest(p, w, self._candidates(stage)))

    def may_vanish(self, stage: Stage) -> bool:
        """Say whether products of positive numbers could be as small as :data:`LEAST`."""
        return self._least(stage.factors) * min(1.0, self.scale) < LEAST

    def _least(self, factors: Sequence[Factor]) -> float:
        least = 1.0
        for factor in factors:
            if factor.key in self.stage_of:
                least *= self._least(self.stage_of[factor.key].factors)
            elif factor.key not in self._paid:
                p = np.asarray(self.tables[factor.key][0])
                least *= float(np.minimum.reduce(p, None, initial=1.0, where=p > 0))
        return least

    def exactly(self, stage: Stage) -> tuple[Array, Array] | None:
        """Return the pair of a stage in integers, over what it keeps; ``None`` where that is out of reach."""
        if stage.decision not in self._whole:
            self._whole[stage.decision] = self.exact_pair(stage.factors, stage.keep)
        found = self._whole[stage.decision]
        if found is None:
            return None
        p, w = found
        none = (1,) * len(stage.keep)
        return np.ones(none, np.int64) if p is None else p, np.zeros(none, np.int64) if w is None else w

    def exact_pair(self, factors: Sequence[Factor], keep: Sequence[int]) -> Pair | None:
        """Multiply factors in integers and sum out all but `keep`; ``None`` where that is out of reach."""
        if self.unit is None:
            return None
        own = {}
        for factor in factors:
            found = self._exact_table(factor)
            if found is None:
                return None
            own[factor.key] = found
        key = (*[factor.key for factor in factors], -1, *keep)
        if key not in self.schedule.exact:
            self.schedule.exact[key] = self._exact_plan(factors, keep)
        plan, terms = self.schedule.exact[key]
        return run_exactly(plan, own, terms)

    def _exact_plan(self, factors: Sequence[Factor], keep: Sequence[int]) -> tuple[Plan, int]:
        """Plan a product for integers; also return how many terms a sum has at most."""
        scopes = []
        union = 0
        for factor in factors:
            # The law of a message that sums to one is a scale here.
            p = () if factor.p is None and factor.key in self.stage_of else factor.p
            scopes.append(Factor(factor.key, p, factor.w))
            union |= factor.mask
        terms = math.prod(n for v, n in enumerate(self.cards) if union >> v & 1 and v not in keep)
        return make_plan(scopes, keep, self.cards), terms * (1 + len(factors))

    def _exact_table(self, factor: Factor) -> tuple[Whole | None, Whole | None] | None:
        stage = self.stage_of.get(factor.key)
        if stage is not None:
            found = self.exactly(stage)
            if found is None:
                return None
            p, w = found
            may = self._candidates(stage)
            best = as_array(np.maximum.reduce(w if may is None else _with_least(w, may), 0))
            return (
                whole(_picked(stage, as_array(p[0]), factor.p or (), self.cards)),
                None if factor.w is None else whole(_picked(stage, best, factor.w, self.cards)),
            )
        table, paid = self.tables[factor.key]
        if factor.key in self._paid:
            return None, whole_utilities(np.asarray(paid), self.unit or 1)
        axis = _head(factor)
        last = len(factor.p or ()) - 1
        if axis == last:
            read = whole_distributions(np.asarray(table))
            return None if read is None else (read, None)
        read = whole_distributions(np.moveaxis(np.asarray(table), axis, -1))
        return None if read is None else (Whole(np.moveaxis(read.table, -1, axis), read.largest), None)


def _picked(stage: Stage, array: Array, scope: Sequence[int], cards: Sequence[int]) -> Array:
    """Write an array over what a stage keeps, less its decision, by the variables it depends on."""
    where = tuple([slice(None) if v in scope else 0 for v in stage.keep[1:]])
    return np.broadcast_to(as_array(array[where]), [cards[v] for v in scope])


def _head(factor: Factor) -> int:
    """Return the axis of a table along which its distributions lie."""
    return next(i for i, v in enumerate(factor.p or ()) if (factor.heads or 0) >> v & 1)


def _widened(stage: Stage, array: Array) -> Array:
    """Insert an axis for every parent of a stage's decision that was left out."""
    return np.expand_dims(array, stage.blind) if stage.blind else array


def _narrow(stage: Stage, optimal: Mapping[int, Mask]) -> list[int]:
    """Return the shape of a stage's optimal actions without the axes of parents that were left out."""
    return [n for i, n in enumerate(optimal[stage.decision].shape) if i not in stage.blind]


def _largest(p: Array, w: Array, may: Mask | None = None) -> Mask:
    """Mark the largest entries along the first axis, and all of them where the context is impossible.

    Entries that are not marked in `may` are no candidates.
    """
    if may is None:
        return np.asarray((w == np.maximum.reduce(w, 0)) | (p == 0), dtype=bool)
    w = _with_least(w, may)
    return np.asarray(may & ((w == np.maximum.reduce(w, 0)) | (p == 0)), dtype=bool)


def _with_least(w: Array, may: Mask) -> Array:
    """Put the least entry of all where something is forbidden: it is largest nowhere alone."""
    return np.asarray(np.where(may, w, w.min()))

r"""Expected utilities of many policies at once.

The number of the policy is one more variable, :math:`R`: a known root that every rule may depend on. One pass of the
solver then answers for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log2, prod

import numpy as np

from cidmesa.arrays import Array, Mask
from cidmesa.solve.policies.carrying_out import carry_out
from cidmesa.solve.policies.decision_order import Schedule, Scheduler, own_factor
from cidmesa.solve.policies.problem import Problem
from cidmesa.solve.policies.solution import DecisionResult
from cidmesa.solve.policies.ties import LEAST, Ties
from cidmesa.solve.tables.elimination import Factor, Plan, make_plan, run
from cidmesa.solve.tables.model_tables import ModelTables, require_small


@dataclass(frozen=True, slots=True)
class Member:
    """Decisions that follow one rule (usually a single decision), and the observations the rule depends on.

    `scopes` has the parents of each decision, aligned: the i-th parents of all of them share a domain. `limit` has the
    allowed actions, axes: the action, then the observations; ``None`` stands for all of them.
    """

    decisions: tuple[int, ...]
    scopes: tuple[tuple[int, ...], ...]
    card: int
    shape: tuple[int, ...]
    limit: Mask | None = None

    @property
    def contexts(self) -> int:
        """How many contexts a rule distinguishes."""
        return prod(self.shape)

    @property
    def may(self) -> Mask:
        """Which actions are allowed, shape ``(contexts, card)``."""
        if self.limit is None:
            return np.ones((self.contexts, self.card), dtype=bool)
        return np.broadcast_to(self.limit, (self.card, *self.shape)).reshape(self.card, -1).T

    @property
    def options(self) -> tuple[int, ...]:
        """How many actions are allowed in each context."""
        return (self.card,) * self.contexts if self.limit is None else tuple(self.may.sum(axis=1).tolist())

    @property
    def count(self) -> int:
        """The number of deterministic rules."""
        return self.card**self.contexts if self.limit is None else prod(self.options)

    @property
    def bits(self) -> float:
        """Binary logarithm of the number of deterministic rules."""
        return self.contexts * log2(self.card) if self.limit is None else sum(map(log2, self.options))

    def rules(self, actions: Array) -> Array:
        """Turn actions, shape ``(contexts, profiles)``, into tables of shape ``(card, *shape, profiles)``."""
        placed = actions.reshape(1, *self.shape, actions.shape[1])
        table: Array = np.arange(self.card).reshape((-1,) + (1,) * (placed.ndim - 1)) == placed
        return table.astype(float)

    def numbered(self, numbers: Array) -> Array:
        """Write deterministic rules out by number, as actions; number 0 takes the first action everywhere."""
        digits = np.empty((self.contexts, len(numbers)), dtype=np.int64)
        options = self.options
        for i in reversed(range(self.contexts)):
            numbers, digits[i] = np.divmod(numbers, options[i])
        return self.within(digits)

    def within(self, actions: Array) -> Array:
        """Turn places among the allowed actions of a context, counted round, into actions."""
        if self.limit is None:
            return actions
        found = np.empty_like(actions)
        for i, row in enumerate(self.may):
            here = np.flatnonzero(row)
            found[i] = here[actions[i] % len(here)]
        return found


def member(view: ModelTables, decisions: tuple[int, ...], within: int | None = None) -> Member:
    """Return the member of some decisions; `within` masks the parents that a rule may depend on."""
    scopes = tuple(tuple([v for v in view.index.parents[d] if within is None or within >> v & 1]) for d in decisions)
    first = decisions[0]
    limit = view.limit(first)
    if limit is not None:  # what it depends on is always in the scope
        sizes = [n for v, n in zip(view.index.parents[first], limit.shape[1:], strict=True) if v in scopes[0]]
        limit = limit.reshape(len(limit), *sizes)
    return Member(decisions, scopes, view.cards[first], tuple([view.cards[v] for v in scopes[0]]), limit)


def block_size(total: int, most: int, largest: Callable[[int], int]) -> int:
    """Return how many policies to evaluate at once so that no table has more than `most` entries; one at least.

    `largest` says how large the largest table is, by the number of policies.
    """
    block = min(total, 4096)
    while block > 1 and largest(block) > most:
        block //= 2
    return block


class Profiles:
    """Several policies at once: the number of the policy is one more variable, which every table may depend on."""

    def __init__(self, problem: Problem, members: Sequence[Member], count: int) -> None:
        self.problem = problem
        self.members = members
        self.count = count
        self.number = len(problem.view.cards)
        self.cards = (*problem.view.cards, count)
        self.rules: dict[int, Array] = {}
        self.factors = {
            d: Factor(d, (d, *scope, self.number), heads=1 << d)
            for m in members
            for d, scope in zip(m.decisions, m.scopes, strict=True)
        }

    def schedule(self, free: tuple[int, ...]) -> Schedule:
        """Plan the problem in which the decisions `free` are open and all others follow their rules."""
        view, _, utilities, max_table = self.problem
        rules = tuple([factor.p for factor in self.factors.values()])  # each begins with its decision
        return view.index.planned(
            ("profiles", self.cards, utilities, max_table, rules, free, *view.reads.items()),
            lambda: self._scheduler(free).schedule(max_table),
        )

    def _scheduler(self, free: tuple[int, ...]) -> Scheduler:
        view, _, utilities, _ = self.problem
        given = {d: factor for d, factor in self.factors.items() if d not in free}
        seen = {d: self.factors[d].mask & ~(1 << d | 1 << self.number) for d in free if d in self.factors}
        return Scheduler(view.index, self.cards, utilities, free, given, (self.number,), seen, reads=view.reads)

    def set_actions(self, m: Member, actions: Array) -> None:
        """Give a member deterministic rules: actions of shape ``(contexts, profiles)``."""
        self.rules.update(dict.fromkeys(m.decisions, m.rules(actions)))

    def solve(self, free: tuple[int, ...], settled: bool = True) -> tuple[dict[int, DecisionResult], Array]:
        """Solve the decisions `free` for every profile; return their results and the values of the profiles.

        Unless `settled`, actions that rounding cannot tell apart are not (see :mod:`.ties`); values then are as right
        as :meth:`doubt` says.
        """
        results, values, _ = self._solved(free, settled)
        return results, values

    def off(self, free: tuple[int, ...]) -> tuple[Array, Array]:
        """Return the values of the profiles, the decisions `free` solved, and how far each may be off."""
        _, values, ties = self._solved(free, True)
        return values, np.broadcast_to(ties.value_error(), values.shape)

    def exact_values(self, free: tuple[int, ...]) -> Array | None:
        """Return the values of the profiles as fractions; ``None`` where exact arithmetic is out of reach."""
        _, values, ties = self._solved(free, True)
        found = ties.exact_values()
        return None if found is None else np.broadcast_to(found, values.shape)

    def doubt(self, free: tuple[int, ...]) -> float:
        """Return how far the values of profiles may be off, whatever they are."""
        return self.schedule(free).doubt * self.problem.scale + LEAST

    def _solved(self, free: tuple[int, ...], settled: bool) -> tuple[dict[int, DecisionResult], Array, Ties]:
        schedule = self.schedule(free)
        if schedule.plan is None:
            raise AssertionError("only decisions that can be solved one by one may be free")
        tables = self.problem.tables(schedule, self.rules)
        limits = self.problem.view.limits
        results, ties = carry_out(schedule, tables, self.cards, self.problem.scale, settled, limits)
        _, w = run(schedule.plan, tables)
        return results, np.broadcast_to(np.zeros(1) if w is None else w, (self.count,)), ties

    def narrowed(self, d: int, array: Array) -> Array:
        """Bring an array over (decision, all parents, profile) to the axes of the decision's rule."""
        shape = [self.cards[v] for v in self.factors[d].p or ()]
        parents = self.problem.view.index.parents[d]
        scope = self.factors[d].p or ()
        kept = [n for v, n in zip((d, *parents, self.number), array.shape, strict=True) if v in scope]
        return np.broadcast_to(array.reshape(kept), shape)

    def widened(self, d: int, array: Array) -> Array:
        """Undo `narrowed`: parents that the rule does not depend on get an axis of length one."""
        scope = self.factors[d].p or ()
        sizes = dict(zip(scope, array.shape, strict=True))
        return array.reshape([sizes.get(v, 1) for v in (d, *self.problem.view.index.parents[d], self.number)])

    def reached(self, m: Member) -> Array:
        """Say which contexts a member's rule meets with positive probability: ``(1, *contexts, profiles)``."""
        found: Array = np.zeros(1, dtype=bool)
        for scope in m.scopes:
            found = found | self.meets(scope)
        return found

    def meets(self, scope: tuple[int, ...]) -> Array:
        """Say which values of some variables come up with positive probability: ``(1, *values, profiles)``."""
        found: Array = self.law(scope)[None] > 0
        return found

    def law(self, scope: tuple[int, ...]) -> Array:
        """Return how likely the values of some variables are under each profile: ``(*values, profiles)``."""
        index = self.problem.view.index
        plan, factors = self._plan_of_law(scope)
        require_small(index, plan, self.cards, self.problem.max_table)
        p, _ = run(plan, {f.key: (self._rule_or_table(f), None) for f in factors})
        return np.broadcast_to(1.0 if p is None else p, [*(self.cards[v] for v in scope), self.count])

    def is_small(self, scope: tuple[int, ...], most: int | None = None) -> bool:
        """Say whether :meth:`law` can answer for some variables, without a table of more than `most` entries."""
        return self._plan_of_law(scope)[0].largest <= (self.problem.max_table if most is None else most)

    def _plan_of_law(self, scope: tuple[int, ...]) -> tuple[Plan, list[Factor]]:
        """Plan the law of some variables under every profile; also return the factors that it multiplies."""
        index = self.problem.view.index
        above = index.ancestors(scope)
        factors = [
            self.factors.get(v) or own_factor(index, v) for v in reversed(index.cid.topological) if above >> v & 1
        ]
        key = ("law", self.cards, scope, tuple([factor.p for factor in factors]))
        return index.planned(key, lambda: make_plan(factors, (*scope, self.number), self.cards)), factors

    def _rule_or_table(self, factor: Factor) -> Array:
        """Return the table behind a factor; a decision that matters to no utility may do anything."""
        table = self.rules.get(factor.key, self.problem.view.tables[factor.key])
        if table is not None:
            return table
        shape = [self.cards[v] for v in factor.p or ()]
        limit = self.problem.view.limit(factor.key)
        if limit is None:
            return np.ones(shape)
        family = (factor.key, *self.problem.view.index.parents[factor.key])
        axes = {v: i for i, v in enumerate(family)}
        return np.broadcast_to(limit.transpose([axes[v] for v in factor.p or ()]), shape).astype(float)

    def improve(self, sweeps: int, among: Collection[int] | None = None) -> dict[int, DecisionResult]:
        """Let decisions that share nothing respond to the rest, one by one, until all of them are content.

        An action stays where it is optimal against the rest. With `among` only those decisions respond. Returns the
        last results.
        """
        results: dict[int, DecisionResult] = {}
        single = [m.decisions[0] for m in self.members if len(m.decisions) == 1]
        single = [d for d in single if among is None or d in among]
        for _ in range(sweeps):
            changed = False
            for d in single:
                results.update(self.solve((d,))[0])
                if d not in results:  # nothing depends on it while the others do as they do
                    continue
                optimal = self.narrowed(d, results[d].optimal)
                rule = self.rules[d]
                wrong = ((rule > 0) & ~optimal).any(axis=0)
                if wrong.any():
                    changed = True
                    best = self.narrowed(d, results[d].rule)
                    self.rules[d] = np.where(wrong, best, rule)
            if not changed:
                break
        return results


def single(profiles: Profiles, responses: Mapping[int, DecisionResult]) -> dict[int, DecisionResult]:
    """Return the results for the only profile; every action counts for a shared rule where it is never used."""
    found = {}
    for m in profiles.members:
        for d in m.decisions:
            rule = profiles.widened(d, profiles.rules[d])[..., 0]
            if d in responses:
                found[d] = DecisionResult(None, responses[d].optimal[..., 0], rule)
            elif len(m.decisions) > 1:
                unused = ~profiles.widened(d, profiles.reached(m))[..., 0]
                limit = profiles.problem.view.limit(d)
                found[d] = DecisionResult(None, (rule > 0) | (unused if limit is None else unused & limit), rule)
    return found

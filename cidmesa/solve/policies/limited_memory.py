r"""Agents that forget, solved by multiple policy updating: the optimum and all optimal actions, or a bracket.

1. The optimum in exact arithmetic, by sets of value tables (:mod:`.value_sets`); then, with a bonus for what is not
   known to be optimal, one more optimal policy after the other until there is nothing new.
2. Where sets outgrow that, sets of pairs in another order (:mod:`.free_order`), in floats: the optimum up to rounding.
3. Where they do too, a bracket: sets cut to some tables that are far apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from cidmesa.arrays import Array, Mask
from cidmesa.clock import Budget
from cidmesa.solve.policies.free_order import optimum_in_free_order
from cidmesa.solve.policies.policy_batch import Member, Profiles, single
from cidmesa.solve.policies.problem import Found, Problem
from cidmesa.solve.policies.pruning import TooManyTablesError, Work, few, merged
from cidmesa.solve.policies.solution import DecisionResult, first_of
from cidmesa.solve.policies.value_sets import ROUNDING, WORK, Elimination, Optimum, exact_optimum

CAPS = (32, 128, 512)
"""To how many tables sets are cut for a bracket, one after the other, until both ends meet or are close."""

CLOSE = 1e-3
"""A bracket whose ends are closer than this share of the upper one is close enough."""

LABEL = "multiple policy updating"


def by_value_sets(problem: Problem, members: Sequence[Member], progress: bool, budget: Budget) -> Found | None:
    """Solve a problem without shared rules by multiple policy updating; ``None`` where tables are too large for it.

    Parameters
    ----------
    problem
        The problem. No two decisions share a rule.
    members
        The decisions that matter, one each, with the observations that their rules depend on.
    progress
        Show a progress bar.
    budget
        How long it may take. Half of it may go into the optimum, half of what is left then into all optimal actions;
        or a third of it into another order, and the rest into brackets.

    Raises
    ------
    OutOfTimeError
        No time was left for any bracket.
    """
    found = optimal_by_value_sets(problem, members, progress, budget)
    if found is not None:
        return found
    until = budget.left * 2 / 3
    freely = optimum_in_free_order(problem, members, Work(WORK / 64, lambda: budget.left < until))
    if freely is not None:
        found = _improved(problem, members, freely, "in an order of its own, up to rounding")
        off = found.off + 4 * len(problem.view.cards) * ROUNDING * problem.scale
        return found._replace(bound=max(found.value, freely.value) + off)
    return _bracketed(problem, members, progress, budget)


def optimal_by_value_sets(
    problem: Problem, members: Sequence[Member], progress: bool, budget: Budget, most: float = WORK
) -> Found | None:
    """Return an optimal policy and all optimal actions; ``None`` where that takes more than `most` comparisons.

    Where it is the other actions that take more, the results say that those are not known.
    """
    half = budget.left / 2
    first = exact_optimum(problem, members, None, progress, Work(most, lambda: budget.left < half))
    if first is None:
        return None
    all_of_them = _AllOptimal(problem, members, first)
    half = budget.left / 2
    known = all_of_them.search(progress, Work(most, lambda: budget.left < half))
    results = all_of_them.results(known)
    # The value is the optimum even where other actions may be as good; `known` says so, decision by decision.
    return Found(results, first.value, True, LABEL, bound=first.value, off=abs(first.value) * 2.0**-52)


def _bracketed(problem: Problem, members: Sequence[Member], progress: bool, budget: Budget) -> Found | None:
    """Return a policy with a bound, from sets that are cut; ``None`` where the tables of one policy are too large."""
    best: Found | None = None
    high = inf
    for cap in CAPS:
        below, above = (
            Elimination(problem, members, cut, Work(WORK / 64, lambda: budget.is_spent))
            for cut in (few(cap), merged(cap))
        )
        try:
            low = below.optimum(progress)
            most = above.optimum(progress).value + 4 * len(above.parents) * ROUNDING * problem.scale
        except TooManyTablesError:
            break
        high = min(high, most)
        found = _improved(problem, members, low, f"sets cut to {cap} tables")
        best = found if best is None or found.value > best.value else best._replace(method=found.method)
        best = best._replace(bound=max(best.value + best.off, high))
        if high - best.value <= CLOSE * abs(high):
            break
    if best is None:
        budget.check(LABEL, "let the decisions observe less")
    return best


def _improved(problem: Problem, members: Sequence[Member], policy: Optimum, how: str) -> Found:
    """Let decisions respond to the rest of a policy, one by one, and say what it is then worth."""
    only = _following(problem, members, policy)
    results = single(only, only.improve(sweeps=64))
    values, errors = only.off(())
    return Found(results, float(values[0]), False, f"{LABEL}, {how}", off=float(errors[0]))


def _following(problem: Problem, members: Sequence[Member], policy: Optimum) -> Profiles:
    """Return the one profile in which decisions do as a policy says; those that it does not name take the first."""
    only = Profiles(problem, members, 1)
    for m in members:
        actions = policy.actions.get(m.decisions[0])
        first = m.within(np.zeros((m.contexts, 1), dtype=np.int64))
        only.set_actions(m, first if actions is None else actions[:, None])
    return only


class _AllOptimal:
    """Which actions optimal policies take in the contexts that they reach, found policy by policy."""

    def __init__(self, problem: Problem, members: Sequence[Member], first: Optimum) -> None:
        self.problem, self.members, self.first = problem, members, first
        self.only = _following(problem, members, first)
        self.asked = [m for m in members if m.decisions[0] in first.actions]
        self.taken: dict[int, Mask] = {}
        self.fully: set[int] = set()  # the decisions whose contexts are told apart by all that they observe
        self._take(first)

    def search(self, progress: bool, work: Work) -> bool:
        """Look for other optimal actions; say whether all of them have been found."""
        found = [self.first]
        while True:
            bonus = {m.decisions[0]: np.where(self.taken[m.decisions[0]], 0.0, 1.0) for m in self.asked}
            more = exact_optimum(self.problem, self.members, bonus, progress, work)
            if more is None:
                return False
            if more.bonus > 0:
                found.append(more)
                self._take(more)
                continue
            # Another observation may tell which of two optimal policies is meant.
            tied = {
                d for d, taken in self.taken.items() if d not in self.fully and (taken.sum(axis=0) > 1).any()
            } & self._partial
            if not tied:
                return True
            if any(not self.only.is_small(self.problem.view.index.parents[d]) for d in tied):
                return False
            self.fully |= tied
            for d in tied:
                del self.taken[d]
            for policy in found:
                self._take(policy, tied)

    @property
    def _partial(self) -> set[int]:
        """The decisions whose rules have no use for some observation."""
        parents = self.problem.view.index.parents
        return {m.decisions[0] for m in self.asked if len(m.scopes[0]) < len(parents[m.decisions[0]])}

    def _take(self, policy: Optimum, among: set[int] | None = None) -> None:
        """Add what a policy does in the contexts that it reaches."""
        only = _following(self.problem, self.members, policy)
        for m in self.asked:
            (d,) = m.decisions
            if among is not None and d not in among:
                continue
            used = only.widened(d, only.rules[d])[..., 0] > 0
            used = used & self._reached(only, m)
            self.taken[d] = used if d not in self.taken else self.taken[d] | used

    def _reached(self, only: Profiles, m: Member) -> Array:
        """Say which contexts come up, over ``(1, *parents)``."""
        (d,) = m.decisions
        view = self.problem.view
        parents = view.index.parents[d]
        seen = parents if d in self.fully else m.scopes[0]
        tables = [view.tables[v] for v in seen]
        if all(table is not None and bool((table > 0).all()) for table in tables):  # nothing keeps them from any value
            return np.ones((1,) * (1 + len(parents)), dtype=bool)
        if d in self.fully:
            return only.meets(parents)[..., 0]
        return np.asarray(only.widened(d, only.meets(m.scopes[0]))[..., 0])

    def results(self, known: bool) -> dict[int, DecisionResult]:
        """Return the first policy, with the actions of all of them.

        In contexts that none of them reaches decisions respond to the rest.
        """
        reached = {d: taken.any(axis=0, keepdims=True) for d, taken in self.taken.items()}
        away = [d for d, somewhere in reached.items() if not somewhere.all()]
        responses = self.only.improve(sweeps=8, among=away) if away else {}
        found = {}
        for d, taken in self.taken.items():
            rule = self.only.widened(d, self.only.rules[d])[..., 0]
            optimal: Array = taken
            if d in responses:
                optimal = np.where(reached[d], taken, responses[d].optimal[..., 0])
            elif d in away:
                limit = self.problem.view.limit(d)
                optimal = np.where(reached[d], taken, True if limit is None else limit)
            # Where this policy never comes, and another one does better, it takes the action of the other.
            stays = ((rule <= 0) | optimal).all(axis=0)
            if not stays.all():
                rule = np.where(stays, rule, first_of(optimal))
            found[d] = DecisionResult(None, optimal, rule, known=known)
        return found

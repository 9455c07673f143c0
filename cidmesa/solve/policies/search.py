r"""Optimal policies by listing or by coordinate ascent, where decisions cannot be solved one by one.

Four ways, from the surest to the last resort; the result always says which.

**Relevance order** (:mod:`cidmesa.solve.policies.decision_order`): exact, where the diagram is soluble.

**Exhaustive.** Fix the rules of a few decisions, the *cutset*, and the others become soluble. Listing is one
computation: the number of the rule that the cutset follows becomes a variable :math:`R`, a known root that every later
decision "observes". One schedule then gives the best value for every :math:`R` at once, and the largest of them is the
optimum. A group of decisions that share a rule is one member of the cutset. Deterministic rules are enough as long as
nothing is shared, because the value is linear in every single rule.

**Multiple policy updating** (:mod:`cidmesa.solve.policies.limited_memory`): sets of value tables, pruned on the way. It
finds the optimum and every optimal action, or a policy and a bound, where rules are far too many to list.

**Coordinate ascent.** From random deterministic rules, replace the rule of one decision after the other by its best
response until none improves: a local optimum, of which the best of several starts is returned, never called exact
[1]_. A shared rule is improved one context at a time, because its uses interact.

Where one rule is shared by two decisions the best one may have to be stochastic; that is looked for first
(:mod:`cidmesa.solve.policies.shared_rule`).

References
----------
.. [1] S. L. Lauritzen and D. Nilsson, "Representing and solving decision problems with limited information",
   *Management Science* 47, 2001: single policy updating.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import log2, prod
from typing import Literal, TypeAlias

import numpy as np

from cidmesa.arrays import Array
from cidmesa.clock import OBSERVE_LESS, UNLIMITED, Budget, progress_bar
from cidmesa.errors import NotApplicableError, OutOfTimeError
from cidmesa.solve.policies.decision_order import Schedule, Scheduler
from cidmesa.solve.policies.limited_memory import CLOSE, by_value_sets, optimal_by_value_sets
from cidmesa.solve.policies.policy_batch import Member, Profiles, block_size, member, single
from cidmesa.solve.policies.problem import Found, Problem, scheduled
from cidmesa.solve.policies.solution import DecisionResult, first_of
from cidmesa.solve.tables.elimination import Factor

Method: TypeAlias = Literal["relevance order", "exhaustive", "multiple policy updating", "coordinate ascent"]
METHODS: tuple[Method, ...] = ("relevance order", "exhaustive", "multiple policy updating", "coordinate ascent")


def search(
    problem: Problem,
    groups: tuple[tuple[int, ...], ...],
    method: Method | None,
    *,
    deterministic: bool,
    starts: int,
    seed: int,
    progress: bool,
    budget: Budget = UNLIMITED,
) -> Found:
    """Solve a problem with shared rules or a cyclic relevance graph, listing if that is feasible."""
    view = problem.view
    cutset = [member(view, group) for group in groups]
    first: tuple[Member, ...] | None = None
    most = {None: _FEW_BITS, "exhaustive": _MOST_BITS}.get(method, -1.0)
    while True:
        given = {
            d: Factor(d, (d, *scope), heads=1 << d)
            for m in cutset
            for d, scope in zip(m.decisions, m.scopes, strict=True)
        }
        rest = tuple([d for d in problem.decisions if d not in given])
        if given:
            scheduler = Scheduler(view.index, view.cards, problem.utilities, rest, given, reads=view.reads)
            schedule = scheduler.schedule(problem.max_table)
        else:  # it was made when decisions were to be solved one by one
            schedule = scheduled(problem)
        everyone = [stage.decision for stage in schedule.stages] + list(schedule.left)
        if first is None:
            first = (*cutset, *(member(view, (d,), schedule.heard[d]) for d in everyone))
            if method is None and not groups and len(schedule.left) > _LISTED:
                found = optimal_by_value_sets(problem, first, progress, budget, _LOOK)
                if found is not None and all(result.known for result in found.results.values()):
                    return found
        bits = sum(m.bits for m in cutset)
        if not schedule.left or bits > most:  # all of it, or more than is listed anyway
            break
        # To fix the rule of a decision that waits for a circle, and is not in it, would help nobody.
        candidates = [member(view, (d,), schedule.heard[d]) for d in schedule.circle or schedule.left]
        cutset.append(min(candidates, key=lambda m: m.bits))
    few = not schedule.left and bits <= _FEW_BITS and bits + log2(_work(schedule)) <= _WORK_BITS
    if method == "exhaustive" or (method is None and few):
        if bits > _MOST_BITS:
            names = ", ".join(f"`{view.index.cid.nodes[d]}`" for m in cutset for d in m.decisions)
            raise NotApplicableError(
                f"method='exhaustive' would list 2**{bits:.0f} rules of {names}, or more: use "
                "method='multiple policy updating', or let the decisions observe less."
            )
        others = tuple([d for d in rest if d in everyone])
        # Each expected utility is linear in a rule that acts once on it, so that deterministic rules are enough.
        above = [view.index.above[u] for u in problem.utilities]
        linear = deterministic or all(sum(a >> d & 1 for d in group) < 2 for group in groups for a in above)
        return exhaustive(problem, cutset, others, linear, progress, budget)
    if method != "coordinate ascent":
        found = None if groups else by_value_sets(problem, first, progress, budget)
        if found is not None and (found.exact or method is not None):
            return found
        if found is not None:
            return _beside(found, lambda: coordinate_ascent(problem, first, starts, seed, progress, budget))
        if method is not None:
            why = "rules are shared" if groups else "not even the tables of a single policy are small enough"
            raise NotApplicableError(f"method={method!r} does not apply, because {why}: use 'coordinate ascent'.")
    return coordinate_ascent(problem, first, starts, seed, progress, budget)


def _beside(found: Found, ascent: Callable[[], Found]) -> Found:
    """Look for a better policy than that of a bracket, if it is not close and there is time left."""
    if found.bound is not None and found.bound - found.value <= CLOSE * abs(found.bound):
        return found
    try:
        local = ascent()
    except OutOfTimeError:
        return found
    return local._replace(bound=found.bound, off=found.off) if local.value > found.value else found


_LISTED = 4
"""Of so many decisions that cannot be solved one by one rules are listed without a look at sets of value tables."""

_LOOK = 2**28
"""How many numbers may be compared for that look: less than a second."""

_FEW_BITS = 18.0
"""Binary logarithm of how many joint rules are listed without being asked to, at most."""

_WORK_BITS = 31.0
"""Binary logarithm of how many table entries may be computed for that: some seconds."""

_MOST_BITS = 28.0
"""Binary logarithm of how many joint rules are ever listed."""

BLOCK = 2**21
"""Entries that the largest table of one block of rules aims at."""


def exhaustive(
    problem: Problem, cutset: Sequence[Member], others: tuple[int, ...], enough: bool, progress: bool, budget: Budget
) -> Found:
    """List the joint rules of the cutset, the other decisions solved for each of them.

    `enough` says whether deterministic rules are all that is asked for.
    """
    total = prod(m.count for m in cutset)
    unlimited = problem._replace(max_table=2**400)
    block = block_size(
        total, min(BLOCK, problem.max_table), lambda n: Profiles(unlimited, cutset, n).schedule(others).largest
    )
    profiles = Profiles(problem if block == 1 else unlimited, cutset, block)
    values = np.empty(total)
    blocks = range(0, total, block)
    for start in progress_bar(blocks, "listing rules", shown=progress):
        if budget.is_spent:
            so_far = f", of which the best earns {values[:start].max():g}, a lower bound" if start else ""
            raise budget.error("listing rules", OBSERVE_LESS, f"{start:,} of {total:,}{so_far},")
        numbers = np.minimum(np.arange(start, start + block), total - 1)
        set_numbered(profiles, cutset, numbers)
        values[start : start + block] = profiles.solve(others, settled=False)[1][: total - start]
    near = np.flatnonzero(values >= values.max() - 2 * profiles.doubt(others))

    def put_numbered(some: Profiles, numbers: Array) -> None:
        set_numbered(some, cutset, numbers)

    tied, known = best_of(Profiles(problem, cutset, min(block, len(near))), others, near, put_numbered)

    def put(some: Profiles, positions: Array) -> None:
        set_numbered(some, cutset, tied[positions])

    results, value = all_of_them(problem, cutset, others, put, len(tied), min(block, len(tied)))
    label = "exhaustive" if enough else "exhaustive over deterministic rules"
    if not known:
        label += "; ties undecided between rules"
    return Found(results, value, enough and known, label)


def best_of(
    profiles: Profiles, others: tuple[int, ...], near: Array, put: Callable[[Profiles, Array], None]
) -> tuple[Array, bool]:
    """Return which of some rules, close in floating point, are best, and whether that is known (see :mod:`.ties`).

    `put` gives `profiles` the rules with some numbers; as many are looked at at once as there are profiles.
    """
    if len(near) == 1:
        return near, True
    count = profiles.count
    values, errors = np.empty(len(near)), np.empty(len(near))
    for start in range(0, len(near), count):
        put(profiles, near[np.minimum(np.arange(start, start + count), len(near) - 1)])
        some, off = profiles.off(others)
        values[start : start + count] = some[: len(near) - start]
        errors[start : start + count] = off[: len(near) - start]
    near = near[values + errors >= (values - errors).max()]
    if len(near) == 1:
        return near, True
    exact: list[Fraction] = []
    for start in range(0, len(near), count):
        put(profiles, near[np.minimum(np.arange(start, start + count), len(near) - 1)])
        found = profiles.exact_values(others)
        if found is None:
            return near, False
        exact += found[: len(near) - start].tolist()
    best = max(exact)
    return near[np.array([value == best for value in exact])], True


Put: TypeAlias = Callable[[Profiles, Array], None]
"""Gives the members of a cutset those of several optimal rules that stand at some positions."""


def all_of_them(
    problem: Problem, cutset: Sequence[Member], others: tuple[int, ...], put: Put, count: int, block: int
) -> tuple[dict[int, DecisionResult], float]:
    """Return the first of several optimal rules of a cutset, with the actions that are optimal under any of them.

    The decisions `others` are solved for each; `block` rules are looked at at once. Also return what the first is
    worth.
    """
    optima = _Optima(problem, cutset, others, put, count, block)
    # One policy to return: the first of them, everybody responding to the rest in contexts that it never reaches.
    results = single(optima.first, optima.first.improve(sweeps=8))
    return optima.merged(results), optima.value


class _Optima:
    """Which actions optimal policies take in the contexts that they reach, over all optimal rules of a cutset.

    Given a rule of the cutset, the other decisions may mix over their optimal actions as they like; the even mixture
    reaches every context that one of these policies reaches.

    A context is what a decision observes, all of it. A rule that has no use for an observation is the best reply to
    rules of the others, and another observation may tell which of them is meant: two optimal policies may do
    different things where one observation is alike. Reached contexts lose nothing where rules observe less than they
    could. On the way to a context every decision acts once, and one that takes that action wherever the observations
    it has a use for are the same is as good, and gets there too.

    Attributes
    ----------
    taken
        Per decision the actions that are taken in contexts that are reached, over the decision and its parents.
    first, value
        The first of the rules, the other decisions solved for it, and what that is worth.
    """

    first: Profiles
    value: float

    def __init__(
        self, problem: Problem, cutset: Sequence[Member], others: tuple[int, ...], put: Put, count: int, block: int
    ) -> None:
        self.taken: dict[int, Array] = {}
        self.too_large: set[int] = set()
        whole: Profiles | None = None
        profiles = Profiles(problem, cutset, block)
        for start in range(0, count, block):
            put(profiles, np.minimum(np.arange(start, start + block), count - 1))
            solved, values = profiles.solve(others)
            if whole is None:
                free = [member(problem.view, (d,)) for d in others if d in solved]
                whole = Profiles(problem, [*cutset, *free], profiles.count)
                self.value, self.first = float(values[0]), Profiles(problem, whole.members, 1)
                self.first.rules = {d: rule[..., :1] for d, rule in profiles.rules.items()}
                for d, result in solved.items():
                    self.first.rules[d] = self.first.narrowed(d, result.rule[..., :1])
            whole.rules.update(profiles.rules)
            for d, result in solved.items():
                whole.rules[d] = whole.narrowed(d, result.optimal / result.optimal.sum(axis=0))
            for m in whole.members:
                reached = self._reached(whole, m)
                for d in m.decisions:
                    used = whole.widened(d, whole.rules[d] > 0)
                    self.taken[d] = self.taken.get(d, False) | np.logical_or.reduce(used & reached, axis=-1)

    def _reached(self, whole: Profiles, m: Member) -> Array:
        """Say which contexts of a member's decisions come up, by all that they observe if that is not too much."""
        if len(m.decisions) > 1:  # a shared rule has a use for every observation
            return whole.reached(m)
        (d,) = m.decisions
        parents = whole.problem.view.index.parents[d]
        if whole.is_small(parents):
            return whole.meets(parents)
        self.too_large.add(d)
        return whole.widened(d, whole.reached(m))

    def merged(self, results: dict[int, DecisionResult]) -> dict[int, DecisionResult]:
        """Put the optimal actions of reached contexts into the results of one optimal policy."""
        found = {}
        for d, result in results.items():
            taken = self.taken[d]
            known = np.logical_or.reduce(taken, axis=0, keepdims=True)
            optimal: Array = np.where(known, taken, result.optimal)
            # Where this policy never comes, and another one does better, it takes the action of the other.
            stays = ((result.rule <= 0) | optimal).all(axis=0)
            rule: Array = np.where(stays, result.rule, first_of(optimal))
            found[d] = DecisionResult(None, optimal, rule, known=d not in self.too_large)
        return found


def coordinate_ascent(
    problem: Problem, members: tuple[Member, ...], starts: int, seed: int, progress: bool, budget: Budget
) -> Found:
    """Improve random deterministic rules one at a time; the best of several starts is a lower bound."""
    rng = np.random.default_rng(seed)
    profiles = Profiles(problem, members, starts)
    for m in members:
        profiles.set_actions(m, m.within(rng.integers(0, m.card, (m.contexts, starts))))
    shared = [m for m in members if len(m.decisions) > 1]
    for _ in budget.each(range(64), "coordinate ascent", OBSERVE_LESS, shown=progress):
        profiles.improve(sweeps=64)
        better = [_improve_shared(profiles, m, budget) for m in shared]
        if not any(better):
            break
    values = profiles.solve(())[1]
    best = int(values.argmax())
    only = Profiles(problem, members, 1)
    only.rules = {d: rule[..., best : best + 1] for d, rule in profiles.rules.items()}
    results = single(only, only.improve(sweeps=8))
    return Found(results, float(only.solve(())[1][0]), False, f"coordinate ascent from {starts} starts")


def _improve_shared(profiles: Profiles, m: Member, budget: Budget) -> bool:
    """Change a shared rule in the one context where that helps most, in every profile, until nothing helps."""
    improved = False
    where, to = np.nonzero(m.may)
    choices = np.zeros((m.contexts, len(to)), dtype=np.int64)
    trial = Profiles(profiles.problem, profiles.members, len(to))
    for i in range(profiles.count):
        trial.rules = {
            d: np.broadcast_to(rule[..., i : i + 1], (*rule.shape[:-1], len(to))) for d, rule in profiles.rules.items()
        }
        current = profiles.rules[m.decisions[0]][..., i].argmax(axis=0).reshape(-1)
        value = -np.inf
        while True:
            budget.check("coordinate ascent", OBSERVE_LESS)
            choices[:] = current[:, None]
            choices[where, np.arange(len(to))] = to
            trial.set_actions(m, choices)
            values, errors = trial.off(())
            best = int(values.argmax())
            same = int(np.flatnonzero(to == current[where])[0])
            if values[best] - errors[best] <= max(value, float(values[same]) + errors[same]):
                break
            value, current, improved = float(values[best]), choices[:, best].copy(), True
        table = m.rules(current[:, None])
        for d in m.decisions:
            rule = profiles.rules[d].copy()
            rule[..., i : i + 1] = table
            profiles.rules[d] = rule
    return improved


def set_numbered(profiles: Profiles, cutset: Sequence[Member], numbers: Array) -> None:
    """Give the members of a cutset the deterministic rules with some numbers, one number for all members together."""
    for m in reversed(cutset):
        numbers, own = np.divmod(numbers, m.count)
        profiles.set_actions(m, m.numbered(own))


def _work(schedule: Schedule) -> int:
    """Bound the number of table entries that a schedule computes."""
    return sum(plan.largest * (1 + len(plan.steps)) for plan in schedule.plans)

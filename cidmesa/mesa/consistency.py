r"""Consistency, exactly: the objectives on given targets that training could have selected.

The data are arrays. In one distribution, for contexts :math:`c` that are reached (:math:`P(c) > 0`), actions :math:`a`
and values :math:`t` of the targets, a :class:`Law` holds

.. math:: P(c), \qquad P(t \mid c, do(a)), \qquad Q_b(c, a) = E[U_b \mid c, do(a)] .

An objective :math:`O` has :math:`q_O(c,a) = \sum_t O(t) P(t \mid c, do(a))`, and its optimal policies take any
action in :math:`\arg\max_a q_O(c,a)`. Its **training regret** is that of the worst of them,

.. math:: R(O) = \sum_c P(c) \Big[ \max_b Q_b(c,b) - \min_{a \in \arg\max q_O(c,\cdot)} Q_b(c,a) \Big],

and :math:`O` is *strongly* :math:`\epsilon`-*consistent* iff :math:`R(O) \le \epsilon`. (The *best* of them gives
weak consistency, which every constant has: it is no ground for selection.)

**Choices.** :math:`R(O) \le \epsilon` iff there is a *choice*, one action :math:`y(c)` per context, such that
:math:`O` strictly prefers :math:`y(c)` to every action that is worse for the base than :math:`y(c)`, and
:math:`\sum_c P(c)[\max_b Q_b(c,b) - Q_b(c, y(c))] \le \epsilon`. For a fixed choice these are strict linear
inequalities in :math:`O`: the set of consistent objectives is a finite union of open cones (:mod:`cidmesa.mesa.cones`).
For :math:`\epsilon = 0` and a unique base optimum there is one choice. Up to :data:`LISTED` choices are listed, each by
a linear program; more go to a mixed-integer program (scipy, HiGHS) with a binary per context and action, and each of
its answers is confirmed by the linear program with the binaries fixed.

Several decisions are the same problem in normal form: one context whose actions are the deterministic policies.

>>> import numpy as np
>>> law = Law(weight=np.array([1.0]), outcome=np.array([[[1.0, 0.0], [0.0, 1.0]]]), value=np.array([[0.0, 1.0]]))
>>> found = ConsistentSet(law)
>>> found.contains(np.array([0.0, 1.0])), found.contains(np.array([1.0, 0.0])), found.is_empty
(True, False, False)
>>> ConsistentSet(Law(law.weight, np.ones((1, 2, 1)), law.value)).is_empty
True

References
----------
A. Y. Ng and S. Russell, "Algorithms for inverse reinforcement learning", ICML 2000.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cidmesa.mesa import cones
from cidmesa.mesa.cones import Floats

LISTED = 64
"""Up to so many choices are listed one by one."""

EXACT = 4096
"""Up to so many choices are listed where a margin must be settled in exact arithmetic."""

TIE = 1e-9
"""Expected values that differ by less, relative to the largest, are equal."""

DELTAS = (1e-3, 1e-4)
"""The margins that mixed-integer programs ask for, in turn; the solver's own tolerance is 1e-6."""

Choice: TypeAlias = tuple[int, ...]
Exact: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Law:
    """What each action leads to, in the contexts that one distribution reaches.

    Parameters
    ----------
    weight
        Probability of each context, shape (C,), all positive.
    outcome
        Distribution of the targets' values by context and action, shape (C, A, T).
    value
        Expected base utility by context and action, shape (C, A).
    exact
        Gives `outcome` as integers, every context on a scale of its own, or ``None`` where that is out of reach.
    """

    weight: Floats
    outcome: Floats
    value: Floats
    exact: Callable[[], Exact | None] = field(default=lambda: None)

    @property
    def regret(self) -> Floats:
        """Weighted base regret of every action in its context, shape (C, A), ties at exactly 0."""
        loss = self.value.max(axis=1, keepdims=True) - self.value
        return np.asarray(self.weight[:, None] * np.where(loss <= tie_width(self.value), 0.0, loss))

    def rows(self, context: int, action: int, against: NDArray[np.intp]) -> Floats:
        """Return the scaled rows by which `action` beats each action in `against`."""
        outcome = self.outcome[context]
        return cones.scaled(outcome[action] - outcome[against])


def tie_width(values: Floats) -> float:
    """Return the difference below which two of `values` count as equal."""
    return TIE * max(1.0, float(np.abs(values).max(initial=0.0)))


@dataclass(frozen=True, eq=False, slots=True)
class Option:
    """An action that an objective may be worst at in a context: what it costs, and what it takes."""

    action: int
    regret: float
    against: NDArray[np.intp]
    rows: Floats


@dataclass(frozen=True, eq=False)
class ConsistentSet:
    r"""All objectives on the targets whose worst optimal policy has a base regret of at most `budget`.

    Parameters
    ----------
    law
        The training distribution.
    budget
        :math:`\epsilon`, in units of the base utility.

    Notes
    -----
    The set is a finite union of open cones, one per *choice* (see the module). It never holds a constant unless
    the base does not care either.
    """

    law: Law
    budget: float = 0.0

    # The choices -------------------------------------------------------------------------------------------------

    @cached_property
    def options(self) -> tuple[tuple[Option, ...], ...]:
        """Per context the actions that a choice may name, cheapest first and then in action order.

        Left out are actions beyond the budget, actions that lead exactly where a worse one leads (no objective prefers
        them to it), and copies: of several options with the same cost and rows the first stands for all.
        """
        law, width, regret = self.law, tie_width(self.law.value), self.law.regret
        allowed = self.budget + tie_width(self.law.value)
        found: list[tuple[Option, ...]] = []
        for context, values in enumerate(law.value):
            here: list[Option] = []
            distinct = _distinct(law, context)
            for action in distinct[np.argsort(regret[context, distinct], kind="stable")]:
                if regret[context, action] > allowed:
                    break
                worse = distinct[values[distinct] < values[action] - width]
                rows = law.rows(context, int(action), worse)
                if len(worse) and not np.abs(rows).any(axis=1).all():
                    continue
                option = Option(int(action), float(regret[context, action]), worse, rows)
                if not any(_same(option, other) for other in here):
                    here.append(option)
            found.append(tuple(here))
        return tuple(found)

    @cached_property
    def count(self) -> int:
        """The number of choices, the budget aside."""
        return math.prod(len(here) for here in self.options)

    @property
    def is_listed(self) -> bool:
        """Whether choices are listed one by one: few of them, or those of a single context."""
        return self.count <= LISTED or len(self.options) == 1

    def choices(self) -> Iterator[tuple[float, Choice]]:
        """Yield the choices within the budget with their regret, cheapest first; positions into :attr:`options`."""
        if not self.count:
            return
        allowed = self.budget + tie_width(self.law.value)
        start = (0,) * len(self.options)
        heap = [(self._cost(start), start)]
        seen = {start}
        while heap:
            cost, choice = heappop(heap)
            if cost > allowed:
                return
            yield cost, choice
            for i, here in enumerate(self.options):
                if choice[i] + 1 < len(here):
                    following = (*choice[:i], choice[i] + 1, *choice[i + 1 :])
                    if following not in seen:
                        seen.add(following)
                        heappush(heap, (self._cost(following), following))

    def inequalities(self, choice: Choice) -> Floats:
        """Return the strict rows of one choice, scaled, shape (k, T): its cone is ``rows @ O > 0``."""
        rows = [here[i].rows for here, i in zip(self.options, choice, strict=True)]
        width = self.law.outcome.shape[2]
        return np.unique(np.vstack(rows), axis=0) if rows and sum(map(len, rows)) else np.zeros((0, width))

    def actions(self, choice: Choice) -> tuple[int, ...]:
        """Return the action that a choice names in each context."""
        return tuple(here[i].action for here, i in zip(self.options, choice, strict=True))

    def _cost(self, choice: Choice) -> float:
        return math.fsum(here[i].regret for here, i in zip(self.options, choice, strict=True))

    # Is it empty? ------------------------------------------------------------------------------------------------

    @cached_property
    def best(self) -> tuple[float, Choice, Floats] | None:
        """The largest margin, the first choice in action order that has it (to 1e-9), an objective there.

        ``None`` where no choice has a margin above :data:`~cidmesa.mesa.cones.SETTLED`.
        """
        if not self.count:
            return None
        if not self.is_listed:
            return self._searched(None)
        found: list[tuple[float, Choice, Floats]] = []
        for _, choice in self.choices():
            value, objective = cones.margin(self.inequalities(choice))
            if value > cones.SETTLED:
                found.append((value, choice, objective))
        if not found:
            return None
        largest = max(value for value, _, _ in found)
        return min((f for f in found if f[0] >= largest - 1e-9), key=lambda f: self.actions(f[1]))

    @cached_property
    def is_empty(self) -> bool | None:
        """Whether no objective is consistent; ``None`` where rounding hides it and exact arithmetic is out of reach."""
        if self.best is not None:
            return False
        if not self.count:
            return True
        exact = self.law.exact() if self.count <= EXACT else None
        if exact is None:
            return None
        return not any(cones.feasible_exactly(self.exact_rows(exact, choice)) for _, choice in self.choices())

    def exact_rows(self, exact: Exact, choice: Choice) -> list[Sequence[int]]:
        """Return the strict rows of a choice as integers."""
        rows: list[Sequence[int]] = []
        for context, (here, i) in enumerate(zip(self.options, choice, strict=True)):
            rows += [exact[context, here[i].action] - exact[context, b] for b in here[i].against]
        return list({tuple(row): row for row in rows}.values())

    def admits(self, weak: Floats, exact_weak: Callable[[], list[Sequence[int]] | None] = lambda: None) -> bool:
        """Say whether some objective of the set satisfies the `weak` rows.

        A margin up to 1e-7 is settled by `exact_weak`, the same rows as integers; where that gives ``None`` it counts
        as 0.
        """
        if not len(weak):
            return self.best is not None or self.is_empty is False
        if not self.is_listed:
            return self._searched(weak) is not None
        doubtful: list[Choice] = []
        for _, choice in self.choices():
            if cones.margin(self.inequalities(choice), weak)[0] > cones.SETTLED:
                return True
            doubtful.append(choice)
        exact, rows = self.law.exact(), exact_weak()
        if exact is None or rows is None:
            return False
        return any(cones.feasible_exactly(self.exact_rows(exact, choice), rows) for choice in doubtful)

    # Single objectives -------------------------------------------------------------------------------------------

    def contains(self, objective: Floats) -> bool:
        """Say whether an objective, an array over the targets' values, is consistent."""
        return self.regret_of(objective)[1] <= self.budget + tie_width(self.law.value)

    def regret_of(self, objective: Floats) -> tuple[float, float]:
        """Return the base regret of the best and of the worst policy that is optimal for `objective`.

        An action counts as optimal unless another is better by a scaled margin above 1e-7.
        """
        return regret_of(self.law, self.law, objective)

    def representative(self, declared: Sequence[Floats] = ()) -> tuple[int | None, Floats] | None:
        r"""Return one objective of the set that depends on nothing but the set and the declared ones.

        Parameters
        ----------
        declared
            Objectives to prefer, in order.

        Returns
        -------
        tuple of int or None and numpy.ndarray, or None
            The position of the first declared objective in the set, and that objective; else ``None`` and the
            objective of least norm with unit margin for the first choice in action order among those with the largest
            margin. Scaled to :math:`\lVert O \rVert_\infty = 1`. ``None`` where the set is empty.
        """
        for position, objective in enumerate(declared):
            if self.contains(objective):
                return position, unit(objective)
        if self.best is None:
            return None
        _, choice, attained = self.best
        found = cones.minimum_norm(self.inequalities(choice))
        return None, unit(attained if found is None else found)

    def sample(self, count: int, seed: int = 0, tries: int = 8, spread: float = 0.05) -> Floats:
        r"""Draw objectives from the set, shape (count, T), :math:`\lVert O \rVert_\infty \le 1`.

        Each draw takes a choice at random, extreme points of its cone within the box, and mixes them by
        :math:`\text{Dirichlet}(\tfrac{1}{2})` weights with a share of at most `spread` of the objective of largest
        margin, which keeps it inside the open cone. Mixtures come near every extreme ray; they are not uniform.

        Parameters
        ----------
        count
            How many.
        seed
            Of the generator; nothing else is random.
        tries
            Random directions, times the number of target values, in which extreme points are looked for.
        spread
            The largest share of the interior objective.
        """
        rng = np.random.default_rng(seed)
        cells: list[tuple[Floats, Floats]] = []
        for _, (_, choice) in zip(range(LISTED), self.choices(), strict=False):
            rows = self.inequalities(choice)
            value, inside = cones.margin(rows)
            if value > cones.SETTLED:
                cells.append((cones.vertices(rows, tries * rows.shape[1], rng), inside))
        if not cells and self.best is not None:
            _, choice, inside = self.best
            rows = self.inequalities(choice)
            cells.append((cones.vertices(rows, tries * rows.shape[1], rng), inside))
        if not cells:
            return np.zeros((0, self.law.outcome.shape[2]))
        drawn = np.empty((count, self.law.outcome.shape[2]))
        for i in range(count):
            corners, inside = cells[rng.integers(len(cells))]
            share = spread * rng.uniform(0.02, 1.0)
            drawn[i] = (1 - share) * rng.dirichlet(np.full(len(corners), 0.5)) @ corners + share * inside
        return drawn

    # The least regret ----------------------------------------------------------------------------------------------

    @cached_property
    def least_regret(self) -> float:
        """The smallest training regret that any objective on the targets has, within the budget (``nan``: none)."""
        if self.is_listed:
            for cost, choice in self.choices():
                if cones.margin(self.inequalities(choice))[0] > cones.SETTLED:
                    return cost
            return math.nan
        least = math.nan
        for delta in DELTAS:
            found = Program(self, delta).solve(minimise=self.costs)
            if found is not None and (math.isnan(least) or found.cost < least):
                least = found.cost
            if least == 0.0:
                break
        return least

    @property
    def costs(self) -> Floats:
        """The regret of every option, flat, contexts in order."""
        return np.array([option.regret for here in self.options for option in here])

    def _searched(self, weak: Floats | None) -> tuple[float, Choice, Floats] | None:
        """Find the best choice by mixed-integer programs: first the margin, then the first actions that keep it."""
        first = Program(self, None, weak=weak).solve()
        if first is None:
            return None
        value, objective = cones.margin(self.inequalities(first.choice), weak)
        if value <= cones.SETTLED:
            return None
        best = (value, first.choice, objective)
        if weak is not None:
            return best
        fixed: dict[int, int] = {}
        for context, here in enumerate(self.options):
            for option in sorted(range(len(here)), key=lambda i: here[i].action):
                if option == best[1][context]:
                    break
                other = Program(self, None, fixed={**fixed, context: option}).solve()
                if other is None:
                    continue
                again, objective = cones.margin(self.inequalities(other.choice))
                if again >= value - 1e-9:
                    best = (again, other.choice, objective)
                    break
            fixed[context] = best[1][context]
        return best


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """A solution of a mixed-integer program, confirmed."""

    cost: float
    choice: Choice
    deployed: Choice
    gap: float


@dataclass(frozen=True, eq=False)
class Program:
    r"""The mixed-integer program over objectives, choices in training and actions in a deployment.

    Variables: :math:`O \in [-1,1]^T`, binaries :math:`y[c,i]` (one option per training context) and :math:`z[c,a]` (one
    action per context of `deployed`), and the margin :math:`m` where `delta` is ``None``.

    .. math::

       r \cdot O &\ge \delta - (1+\delta)(1 - y[c,i]) && \text{for the strict rows } r \text{ of option } i \\
       r^\sigma \cdot O &\ge -(1 - z[c,a]) && \text{for the rows of } a \text{ against all others} \\
       \textstyle\sum_{c,i} \text{regret}[c,i]\, y[c,i] &\le \epsilon .

    Scaled rows make the constants as small as they can be.

    Parameters
    ----------
    cone
        The set of objectives.
    delta
        The margin asked for on strict rows; ``None`` maximises it.
    deployed
        The distribution whose actions are chosen weakly.
    weak
        Further weak rows.
    fixed
        Context → option that is not free.
    seconds
        The solver stops there and reports its proven gap.
    """

    cone: ConsistentSet
    delta: float | None
    deployed: Law | None = None
    weak: Floats | None = None
    fixed: dict[int, int] = field(default_factory=dict)
    seconds: float = 60.0

    def solve(self, minimise: Floats | None = None, deployed_cost: Floats | None = None) -> Found | None:
        """Minimise a cost of the options, or of the deployed actions (C, A), or maximise the margin; ``None``: none.

        An answer that the linear program with the binaries fixed does not confirm counts as none.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array

        options = self.cone.options
        size = self.cone.law.outcome.shape[2]
        starts = np.cumsum([size, *(len(here) for here in options)])
        actions = 0 if self.deployed is None else self.deployed.value.size
        first_z = int(starts[-1])
        total = first_z + actions + 1  # the margin comes last
        builder = _Rows(total)
        # r.O >= delta - (1 + delta)(1 - y); with the margin as a variable r.O >= m - 2 (1 - y).
        for context, here in enumerate(options):
            for i, option in enumerate(here):
                y = int(starts[context]) + i
                for row in option.rows:
                    if self.delta is None:
                        builder.add(row, {y: -2.0, total - 1: -1.0}, -2.0, np.inf)
                    else:
                        builder.add(row, {y: -(1.0 + self.delta)}, -1.0, np.inf)
            builder.add((), {int(starts[context]) + i: 1.0 for i in range(len(here))}, 1.0, 1.0)
        regrets = {size + i: cost for i, cost in enumerate(self.cone.costs) if cost}
        allowed = self.cone.budget + tie_width(self.cone.law.value)
        if math.isfinite(allowed):
            builder.add((), regrets, -np.inf, allowed)
        for row in self.weak if self.weak is not None else ():
            builder.add(row, {}, 0.0, np.inf)
        if self.deployed is not None:
            contexts, moves = self.deployed.value.shape
            for context, action in product(range(contexts), range(moves)):
                z = first_z + context * moves + action
                others = np.flatnonzero(np.arange(moves) != action)
                for row in self.deployed.rows(context, action, others):
                    builder.add(row, {z: -1.0}, -1.0, np.inf)
            for context in range(contexts):
                builder.add((), {first_z + context * moves + a: 1.0 for a in range(moves)}, 1.0, 1.0)

        cost = np.zeros(total)
        if minimise is not None:
            cost[size:first_z] = minimise
        elif deployed_cost is not None:
            cost[first_z : first_z + actions] = deployed_cost.ravel()
        else:
            cost[-1] = -1.0
        lower, upper = np.r_[-np.ones(size), np.zeros(total - size)], np.ones(total)
        for context, option_at in self.fixed.items():
            lower[int(starts[context]) + option_at] = 1.0
        integrality = np.r_[np.zeros(size), np.ones(total - size - 1), 0.0]
        matrix = coo_array((builder.entries, (builder.row, builder.column)), shape=(len(builder.low), total)).tocsr()
        answer = milp(
            cost,
            integrality=integrality,
            bounds=Bounds(lower, upper),
            constraints=LinearConstraint(matrix, builder.low, builder.high),
            # HiGHS's presolve has returned fractional "integers" on such programs; they are small enough without it.
            options={"mip_rel_gap": 0.0, "time_limit": self.seconds, "presolve": False},
        )
        if answer.x is None:
            return None
        choice = tuple(int(np.argmax(answer.x[starts[c] : starts[c] + len(here)])) for c, here in enumerate(options))
        taken: Choice = ()
        weak = [] if self.weak is None else [self.weak]
        if self.deployed is not None:
            z = answer.x[first_z : first_z + actions].reshape(self.deployed.value.shape)
            taken = tuple(int(a) for a in z.argmax(axis=1))
            weak.append(weak_rows(self.deployed, taken))
        rows = np.vstack(weak) if weak else None
        if cones.margin(self.cone.inequalities(choice), rows)[0] <= cones.SETTLED:
            return None
        if minimise is not None:
            value = self.cone._cost(choice)
        elif deployed_cost is not None:
            value = math.fsum(deployed_cost[c, a] for c, a in enumerate(taken))
        else:
            value = float(-answer.x[-1])
        gap = abs(answer.fun - answer.mip_dual_bound) if answer.mip_dual_bound is not None else math.inf
        return Found(value, choice, taken, float(gap))


class _Rows:
    """Rows of a sparse constraint matrix, as they are written."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.row: list[int] = []
        self.column: list[int] = []
        self.entries: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, dense: Floats | tuple[()], sparse: dict[int, float], low: float, high: float) -> None:
        for column, entry in [*enumerate(dense), *sparse.items()]:
            if entry:
                self.row.append(len(self.low))
                self.column.append(column)
                self.entries.append(float(entry))
        self.low.append(low)
        self.high.append(high)


def weak_rows(law: Law, actions: Sequence[int]) -> Floats:
    """Return the rows that make ``actions[c]`` optimal in every context of a law, scaled; trivial ones left out."""
    rows = [
        law.rows(context, action, np.flatnonzero(np.arange(law.value.shape[1]) != action))
        for context, action in enumerate(actions)
    ]
    found = np.vstack(rows) if rows else np.zeros((0, law.outcome.shape[2]))
    return np.unique(found[np.abs(found).any(axis=1)], axis=0)


def optimal_for(law: Law, objective: Floats) -> NDArray[np.bool_]:
    """Return which actions are optimal for `objective` in each context, shape (C, A).

    An action is not optimal where another beats it by a scaled margin above 1e-7.
    """
    contexts, actions = law.value.shape
    optimal = np.ones((contexts, actions), dtype=bool)
    top = np.abs(objective).max(initial=0.0)
    if top == 0.0:
        return optimal
    q = law.outcome @ (objective / top)
    for context in range(contexts):
        best = int(q[context].argmax())
        gaps = q[context, best] - q[context]
        norms = np.abs(law.outcome[context, best] - law.outcome[context]).sum(axis=1)
        optimal[context] = gaps <= cones.SETTLED * np.maximum(norms, cones.NOISE / cones.SETTLED)
    return optimal


def regret_of(believed: Law, actual: Law, objective: Floats) -> tuple[float, float]:
    """Return the least and the largest base regret in `actual` of a policy optimal for `objective` in `believed`.

    Both laws have the same contexts and actions.
    """
    optimal = optimal_for(believed, objective)
    regret = actual.regret
    low = np.where(optimal, regret, np.inf).min(axis=1)
    high = np.where(optimal, regret, -np.inf).max(axis=1)
    return math.fsum(low), math.fsum(high)


def unit(objective: Floats) -> Floats:
    """Scale an objective to a largest absolute value of 1; zero stays zero."""
    top = np.abs(objective).max(initial=0.0)
    return np.asarray(objective / top if top > 0 else objective, dtype=float)


def _distinct(law: Law, context: int) -> NDArray[np.intp]:
    """Return the first of the actions that are worth the same and lead to the same, in action order."""
    width = tie_width(law.value)
    worth = np.round(law.value[context] / width) * width
    rows = np.round(np.column_stack([worth, law.outcome[context]]), 12) + 0.0
    _, first = np.unique(rows, axis=0, return_index=True)
    return np.sort(first)


def _same(one: Option, other: Option) -> bool:
    return (
        one.regret == other.regret
        and one.rows.shape == other.rows.shape
        and bool(np.array_equal(one.against, other.against))
        and bool(np.abs(one.rows - other.rows).max(initial=0.0) <= cones.NOISE)
    )

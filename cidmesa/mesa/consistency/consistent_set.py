r"""Consistency, exactly: the objectives on given targets that training could have selected.

The data are arrays. In one distribution, for contexts :math:`c` that are reached (:math:`P(c) > 0`), actions :math:`a`
and values :math:`t` of the targets, a :class:`~cidmesa.mesa.outcomes.outcome_table.OutcomeTable` holds

.. math:: P(c), \qquad P(t \mid c, do(a)), \qquad Q_b(c, a) = E[U_b \mid c, do(a)] .

An objective :math:`O` has :math:`q_O(c,a) = \sum_t O(t) P(t \mid c, do(a))`, and its optimal policies take any
action in :math:`\arg\max_a q_O(c,a)`. Its **training regret** is that of the worst of them,

.. math:: R(O) = \sum_c P(c) \Big[ \max_b Q_b(c,b) - \min_{a \in \arg\max q_O(c,\cdot)} Q_b(c,a) \Big],

and :math:`O` is *strongly* :math:`\epsilon`-*consistent* iff :math:`R(O) \le \epsilon`. (The *best* of them gives
weak consistency, which every constant has: it is no ground for selection.)

**Choices.** :math:`R(O) \le \epsilon` iff there is a *choice*, one action :math:`y(c)` per context, such that
:math:`O` strictly prefers :math:`y(c)` to every action that is worse for the base than :math:`y(c)`, and
:math:`\sum_c P(c)[\max_b Q_b(c,b) - Q_b(c, y(c))] \le \epsilon`. For a fixed choice these are strict linear
inequalities in :math:`O`: the set of consistent objectives is a finite union of open cones (:mod:`.cones`).
For :math:`\epsilon = 0` and a unique base optimum there is one choice. Up to :data:`.LISTED_CHOICES` choices are
listed, each by a linear program; more go to a mixed-integer program (scipy, HiGHS) with a binary per context and
action, and each of its answers is confirmed by the linear program with the binaries fixed.

Several decisions are the same problem in normal form: one context whose actions are the deterministic policies.

>>> import numpy as np
>>> from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
>>> outcome = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # the first action brings about the first value
>>> table = OutcomeTable(weight=np.array([1.0]), outcome=outcome, value=np.array([[0.0, 1.0]]))
>>> found = ConsistentSet(table)
>>> found.contains(np.array([0.0, 1.0])), found.contains(np.array([1.0, 0.0])), found.is_empty
(True, False, False)
>>> ConsistentSet(OutcomeTable(table.weight, np.ones((1, 2, 1)), table.value)).is_empty
True

References
----------
A. Y. Ng and S. Russell, "Algorithms for inverse reinforcement learning", ICML 2000.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.mesa.consistency.choices import LISTED_CHOICES, Choice, Choices
from cidmesa.mesa.consistency.integer_program import Program
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, regret_of, tie_width

EXACT = 4096
"""Up to so many choices are listed where a margin must be settled in exact arithmetic."""

DELTAS = (1e-3, 1e-4)
"""The margins that mixed-integer programs ask for, in turn; the solver's own tolerance is 1e-6."""


@dataclass(frozen=True, eq=False, repr=False)
class ConsistentSet:
    r"""All objectives on the targets whose worst optimal policy has a base regret of at most `budget`.

    Parameters
    ----------
    table
        The training distribution.
    budget
        :math:`\epsilon`, in units of the base utility.

    Notes
    -----
    The set is a finite union of open cones, one per *choice* (see the module). It never holds a constant unless
    the base does not care either.
    """

    table: OutcomeTable
    budget: float = 0.0

    @cached_property
    def choices(self) -> Choices:
        """The choices that its cones belong to."""
        return Choices(self.table, self.budget)

    @property
    def is_listed(self) -> bool:
        """Whether choices are listed one by one: few of them, or those of a single context."""
        return self.choices.is_listed

    # Is it empty? ------------------------------------------------------------------------------------------------

    @cached_property
    def best(self) -> tuple[float, Choice, Floats] | None:
        """The largest margin, the first choice in action order that has it (to 1e-9), an objective there.

        ``None`` where no choice has a margin above :data:`~cidmesa.mesa.objectives.cones.SETTLED`.
        """
        if not self.choices.count:
            return None
        if not self.is_listed:
            return self._searched(None)
        found: list[tuple[float, Choice, Floats]] = []
        for _, choice in self.choices.cheapest_first():
            value, objective = cones.margin(self.choices.inequalities(choice))
            if value > cones.SETTLED:
                found.append((value, choice, objective))
        if not found:
            return None
        largest = max(value for value, _, _ in found)
        return min((f for f in found if f[0] >= largest - 1e-9), key=lambda f: self.choices.actions(f[1]))

    @cached_property
    def is_empty(self) -> bool | None:
        """Whether no objective is consistent; ``None`` where rounding hides it and exact arithmetic is out of reach."""
        if not self.choices.count:
            return True
        # Where choices are too many to list, try the one that costs the base nothing before a mixed-integer program.
        if (
            not self.is_listed
            and cones.margin(self.choices.inequalities((0,) * len(self.choices.options)))[0] > cones.SETTLED
        ):
            return False
        if self.best is not None:
            return False
        exact = self.table.exact() if self.choices.count <= EXACT else None
        if exact is None:
            return None
        return not any(
            cones.feasible_exactly(self.exact_rows(exact, choice)) for _, choice in self.choices.cheapest_first()
        )

    def exact_rows(self, exact: Array, choice: Choice) -> list[Sequence[int]]:
        """Return the strict rows of a choice as integers."""
        if choice not in self._exact_known:
            rows: list[Sequence[int]] = []
            for context, (here, i) in enumerate(zip(self.choices.options, choice, strict=True)):
                rows += [exact[context, here[i].action] - exact[context, b] for b in here[i].against]
            self._exact_known[choice] = list({tuple(row): row for row in rows}.values())
        return self._exact_known[choice]

    @cached_property
    def _exact_known(self) -> dict[Choice, list[Sequence[int]]]:
        return {}

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
        for _, choice in self.choices.cheapest_first():
            if cones.margin(self.choices.inequalities(choice), weak)[0] > cones.SETTLED:
                return True
            doubtful.append(choice)
        exact, rows = self.table.exact(), exact_weak()
        if exact is None or rows is None:
            return False
        return any(cones.feasible_exactly(self.exact_rows(exact, choice), rows) for choice in doubtful)

    # Single objectives -------------------------------------------------------------------------------------------

    def contains(self, objective: Floats) -> bool:
        """Say whether an objective, an array over the targets' values, is consistent."""
        return self.regret_of(objective)[1] <= self.budget + tie_width(self.table.value)

    def regret_of(self, objective: Floats) -> tuple[float, float]:
        """Return the base regret of the best and of the worst policy that is optimal for `objective`.

        An action counts as optimal unless another is better by a scaled margin above 1e-7.
        """
        return regret_of(self.table, self.table, objective)

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
        found = cones.minimum_norm(self.choices.inequalities(choice))
        return None, unit(attained if found is None else found)

    def sample(self, count: int, seed: int = 0, tries: int = 8, spread: float = 0.05) -> Floats:
        r"""Draw objectives from the set, shape (count, T), :math:`\lVert O \rVert_\infty \le 1`.

        Each draw takes a choice at random and extreme points of its cone within the box, extreme rays among them where
        those can be listed. Half of the draws stay at one of them, half mix them by
        :math:`\text{Dirichlet}(\tfrac{1}{2})` weights; a share of at most `spread` of the objective of largest margin
        keeps all inside the open cone. So they come near every extreme ray of a small cone; they are not uniform.

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
        for _, (_, choice) in zip(range(LISTED_CHOICES), self.choices.cheapest_first(), strict=False):
            rows = self.choices.inequalities(choice)
            value, inside = cones.margin(rows)
            if value > cones.SETTLED:
                cells.append((_corners(rows, tries, rng), inside))
        if not cells and self.best is not None:
            _, choice, inside = self.best
            rows = self.choices.inequalities(choice)
            cells.append((_corners(rows, tries, rng), inside))
        if not cells:
            return np.zeros((0, self.table.outcome.shape[2]))
        drawn = np.empty((count, self.table.outcome.shape[2]))
        for i in range(count):
            corners, inside = cells[rng.integers(len(cells))]
            share = spread * rng.uniform(0.02, 1.0)
            mixed = rng.dirichlet(np.full(len(corners), 0.5)) @ corners
            at = corners[rng.integers(len(corners))]
            drawn[i] = (1 - share) * (mixed if rng.random() < 0.5 else at) + share * inside
        return drawn

    # The least regret ----------------------------------------------------------------------------------------------

    @cached_property
    def least_regret(self) -> float:
        """The smallest training regret that any objective on the targets has, within the budget (``nan``: none)."""
        if self.is_listed:
            for cost, choice in self.choices.cheapest_first():
                if cones.margin(self.choices.inequalities(choice))[0] > cones.SETTLED:
                    return cost
            return math.nan
        least = math.nan
        for delta in DELTAS:
            found = Program(self.choices, delta).solve(minimise=self.choices.costs)
            if found is not None and (math.isnan(least) or found.cost < least):
                least = found.cost
            if least == 0.0:
                break
        return least

    def _searched(self, weak: Floats | None) -> tuple[float, Choice, Floats] | None:
        """Find the best choice by mixed-integer programs: first the margin, then the first actions that keep it."""
        first = Program(self.choices, None, weak=weak).solve()
        if first is None:
            return None
        value, objective = cones.margin(self.choices.inequalities(first.choice), weak)
        if value <= cones.SETTLED:
            return None
        best = (value, first.choice, objective)
        if weak is not None:
            return best
        fixed: dict[int, int] = {}
        for context, here in enumerate(self.choices.options):
            for option in sorted(range(len(here)), key=lambda i: here[i].action):
                if option == best[1][context]:
                    break
                other = Program(self.choices, None, fixed={**fixed, context: option}).solve()
                if other is None:
                    continue
                again, objective = cones.margin(self.choices.inequalities(other.choice))
                if again >= value - 1e-9:
                    best = (again, other.choice, objective)
                    break
            fixed[context] = best[1][context]
        return best

    def __repr__(self) -> str:
        return f"ConsistentSet({self.table!r}, budget {self.budget:g})"


def unit(objective: Floats) -> Floats:
    """Scale an objective to a largest absolute value of 1; zero stays zero."""
    top = np.abs(objective).max(initial=0.0)
    return np.asarray(objective / top if top > 0 else objective, dtype=float)


def _corners(rows: Floats, tries: int, rng: np.random.Generator) -> Floats:
    """Return extreme points of a cone within the box, and its extreme rays where they can be listed."""
    return np.vstack([cones.rays(rows), cones.vertices(rows, tries * rows.shape[1], rng)])

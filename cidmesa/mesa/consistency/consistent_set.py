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
For :math:`\epsilon = 0` and a unique base optimum there is one choice. Choices of a single context are listed, each by
a linear program; those of several contexts are searched (:mod:`.joint_search`). Margins that floating point cannot see
are settled in integers either way.

**Levels.** A trainer by minimax regret looks at the worst level instead (:mod:`.per_level`): :math:`R(O)` is then the
largest over levels of that sum, a choice has one action per level and context, and each level the whole
:math:`\epsilon`. Everything else stays. A whole policy has one largest regret, so that with several decisions a choice
is one policy (:mod:`.per_level_policies`).

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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.consistency.choices import LISTED_CHOICES, Choice, Choices
from cidmesa.mesa.consistency.integer_program import widest
from cidmesa.mesa.consistency.joint_search import (
    Alternative,
    Answer,
    Halfspaces,
    Part,
    search,
    separate,
    spend_least,
)
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, exact_regret_of, optimal_for, regret_of
from cidmesa.mesa.outcomes.per_level import Rows
from cidmesa.mesa.outcomes.per_level_policies import PolicyRows


@dataclass(frozen=True, eq=False, repr=False)
class ConsistentSet:
    r"""All objectives on the targets whose worst optimal policy has a base regret of at most `budget`.

    Parameters
    ----------
    table
        The training distribution.
    budget
        :math:`\epsilon`, in units of the base utility; a float is read as it was meant.
    known
        Of a set of the same targets with another budget, what has been found out about rows; by default nothing.
    rows
        Of a table level by level, which level and context each of its rows is of, or what each policy loses in each
        level; regrets are then those of the worst level. By default all rows are contexts of one level.

    Notes
    -----
    The set is a finite union of open cones, one per *choice* (see the module). It never holds a constant unless
    the base does not care either.
    """

    table: OutcomeTable
    budget: float | Fraction = 0.0
    known: Halfspaces | None = None
    rows: Rows | PolicyRows | None = None

    @cached_property
    def choices(self) -> Choices:
        """The choices that its cones belong to."""
        return Choices(self.table, self.budget, None if self.rows is None else self.rows.level)

    @property
    def is_listed(self) -> bool:
        """Whether choices are listed one by one: few of them, or those of a single context."""
        return self.choices.is_listed

    # Is it empty? ------------------------------------------------------------------------------------------------

    @cached_property
    def best(self) -> tuple[float, Choice, Floats] | None:
        """The largest margin, the first choice in action order that has it (to 1e-9), an objective there.

        ``None`` where the set is empty, or not known to be otherwise.
        """
        if not self.choices.count:
            return None
        if self.is_listed:
            listed = [choice for _, choice in self.choices.cheapest_first()]
            found = [(*cones.margin(self.choices.inequalities(choice)), choice) for choice in listed]
            wide = [(value, choice, objective) for value, objective, choice in found if value > cones.SETTLED]
            if not wide:
                wide = [narrow for choice in listed if (narrow := self._narrow(choice)) is not None]
            if not wide:
                return None
            largest = max(value for value, _, _ in wide)
            return min((f for f in wide if f[0] >= largest - 1e-9), key=lambda f: self.choices.actions(f[1]))
        if self.some is not None:
            return widest(self.choices) or self.some
        return self._narrow(self._any.chosen) if self._any.exists else None

    @cached_property
    def some(self) -> tuple[float, Choice, Floats] | None:
        """A margin that floating point can see, a choice that has it, an objective there; ``None`` if none is met."""
        if self.is_listed:
            return self.best if self.best is not None and self.best[0] > cones.SETTLED else None
        if not self._any.exists:
            return None
        value, objective = cones.margin(self.choices.inequalities(self._any.chosen))
        return (value, self._any.chosen, objective) if value > cones.SETTLED else None

    def _narrow(self, choice: Choice) -> tuple[float, Choice, Floats] | None:
        """Return the same for one choice from integers, whatever its margin; ``None`` where its cone is empty."""
        inside = cones.settle_exactly(self.choices.exact_inequalities(choice)).inside
        if inside is None:
            return None
        top = max(map(abs, inside), default=Fraction(0)) or Fraction(1)
        objective = np.array([float(x / top) for x in inside])
        rows = self.choices.inequalities(choice)
        return max(0.0, float((rows @ objective).min(initial=1.0))), choice, objective

    @cached_property
    def is_empty(self) -> bool | None:
        """Whether no objective is consistent; ``None`` where it is not known.

        That is where rounding hides it and exact numbers are out of reach, or where a search stopped before its end.
        """
        if self.table.is_ranked and self.some is not None:
            return False
        if self.table.undecided:
            return None
        if not self.choices.count:
            return True
        if self.is_listed:
            return self.best is None
        return None if self._any.exists is None else not self._any.exists

    @cached_property
    def halfspaces(self) -> Halfspaces:
        """The rows that searches over this set ask about."""
        return Halfspaces(self.table.outcome.shape[2]) if self.known is None else self.known

    @cached_property
    def _places(self) -> tuple[tuple[Alternative, ...], ...]:
        """What may hold in the places of training: an objective is worst at an action."""
        found: list[tuple[Alternative, ...]] = []
        for contexts, here in zip(self.choices.places, self.choices.options, strict=True):
            options = []
            for i, option in enumerate(here):
                rows = self.table.exact_rows(contexts[0], option.action, option.against)
                sides = [self.halfspaces.add(row, strict=True) for row in rows]
                if None not in sides:  # a row of zeros is never positive
                    unique = tuple(sorted({side for side in sides if side is not None}))
                    options.append(Alternative(i, Fraction(0), option.exact_regret, unique))
            found.append(tuple(options))
        return tuple(found)

    def _levels(self, allowed: Fraction | None) -> list[Part]:
        """Return the places of each level, with what may be spent there."""
        return [Part(tuple(self._places[i] for i in some), allowed, some) for some in self.choices.levels]

    def sides_of(self, choice: Choice) -> set[int]:
        """Return what a choice takes of an objective."""
        options = ({a.action: a.sides for a in here} for here in self._places)
        return {side for here, i in zip(options, choice, strict=True) for side in here[i]}

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The same in parts that do not constrain each other."""
        return self._split(self.choices.allowed)

    def _split(self, allowed: Fraction | None) -> tuple[Part, ...]:
        return tuple(part for level in self._levels(allowed) for part in separate(self.halfspaces, level))

    @cached_property
    def _any(self) -> Answer:
        """Some choice whose cone is not empty."""
        return self._as_choice(search(self.halfspaces, self.parts), self.parts)

    def _as_choice(self, answer: Answer, parts: Sequence[Part]) -> Answer:
        """Write the alternatives of an answer as positions of options, place by place."""
        members = [place for part in parts for place in part.members]
        taken = dict(zip(members, answer.chosen, strict=False))
        chosen = tuple(self._places[place][taken[place]].action for place in sorted(taken))
        return Answer(answer.bound, answer.value, chosen)

    # Single objectives -------------------------------------------------------------------------------------------

    def contains(self, objective: Floats) -> bool:
        """Say whether an objective, an array over the targets' values, is consistent."""
        return self.choices.allowed is None or self._worst(objective) <= self.choices.allowed

    def allows(self, objective: Floats) -> bool:
        """Say whether some policy that is optimal for an objective is within the budget."""
        return self.choices.allowed is None or self._best(objective) <= self.choices.allowed

    def _worst(self, objective: Floats) -> Fraction:
        if self.rows is None:
            return exact_regret_of(self.table, self.table, objective)[1]
        return self.rows.largest(self.table.exact_regret, optimal_for(self.table, objective))

    def _best(self, objective: Floats) -> Fraction:
        if self.rows is None:
            return exact_regret_of(self.table, self.table, objective)[0]
        return self.rows.least(self.table.exact_regret, optimal_for(self.table, objective))

    def regret_of(self, objective: Floats) -> tuple[float, float]:
        """Return the base regret of the best and of the worst policy that is optimal for `objective`.

        The numbers of the objective are read as they were meant. With levels it is the regret in the worst of them.
        """
        if self.rows is None:
            return regret_of(self.table, self.table, objective)
        try:
            best = float(self._best(objective))
        except NotApplicableError:  # of the best that is a mixture of too many, nothing is known
            best = math.nan
        return best, float(self._worst(objective))

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
            margin. Scaled to :math:`\lVert O \rVert_\infty = 1`. ``None`` where the set is empty, or so narrow that
            no array of floats is in it.
        """
        for position, objective in enumerate(declared):
            if self.contains(objective):
                return position, unit(objective)
        if self.best is None:
            return None
        _, choice, attained = self.best
        least = cones.minimum_norm(self.choices.inequalities(choice))
        for found in (least, attained):
            if found is not None and self.contains(unit(found)):
                return None, unit(found)
        return None

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
    def least(self) -> Answer:
        """The smallest training regret that any objective on the targets has, within the budget, and its choice.

        Its bound is smaller where a search stopped before its end.
        """
        if len(self.choices.options) == 1:
            for _, choice in self.choices.cheapest_first():
                wide = cones.margin(self.choices.inequalities(choice))[0] > cones.SETTLED
                if wide or self._narrow(choice) is not None:
                    cost = self.choices.exact_cost(choice)
                    return Answer(cost, cost, choice)
            return Answer(None, None)
        if len(self.choices.levels) > 1:
            return self._least_largest()
        paid = [
            replace(part, places=tuple(tuple(replace(a, cost=a.spent) for a in here) for here in part.places))
            for part in self.parts
        ]
        return self._as_choice(search(self.halfspaces, paid), self.parts)

    def _least_largest(self) -> Answer:
        """Return the smallest regret in the worst level: no sum, so it is found by what every level may spend.

        What is allowed is halved between a number that is too small and the regret of an objective that was met, which
        is one of finitely many; that nothing smaller is possible is shown at the next smaller number there can be.
        """
        alone = [spend_least(self.halfspaces, level) for level in self._levels(None)]
        if any(answer.bound is None for answer in alone):
            return Answer(None, None)
        low = max(answer.bound for answer in alone if answer.bound is not None)
        unit = Fraction(1, math.lcm(*(a.spent.denominator for here in self._places for a in here)))
        best = self._within(low)
        if best.value is not None:
            return replace(best, bound=low)
        found = self._within(self.choices.allowed)
        if found.value is None:
            return Answer(None, None) if found.bound is None else Answer(low, None)
        best, most = found, found.value
        while low < most - unit:
            for allowed in ((low + most) / 2, most - unit):
                found = self._within(allowed)
                if found.value is not None:
                    break
                if found.bound is not None:  # the search stopped before it knew
                    return replace(best, bound=low)
                low = allowed
            if found.value is None:
                break
            best, most = found, found.value
        return replace(best, bound=most)

    def _within(self, allowed: Fraction | None) -> Answer:
        """Return some choice in which no level spends more, and the most that one does."""
        parts = self._split(allowed)
        found = self._as_choice(search(self.halfspaces, parts), parts)
        if found.value is None:
            return found
        return replace(found, value=self.choices.exact_cost(found.chosen))

    @property
    def least_regret(self) -> float:
        """The smallest training regret that any objective on the targets has, within the budget (``nan``: none)."""
        return math.nan if self.least.value is None else float(self.least.value)

    def __repr__(self) -> str:
        return f"ConsistentSet({self.table!r}, budget {self.budget:g})"


def unit(objective: Floats) -> Floats:
    """Scale an objective to a largest absolute value of 1; zero stays zero."""
    top = np.abs(objective).max(initial=0.0)
    return np.asarray(objective / top if top > 0 else objective, dtype=float)


def _corners(rows: Floats, tries: int, rng: np.random.Generator) -> Floats:
    """Return extreme points of a cone within the box, and its extreme rays where they can be listed."""
    return np.vstack([cones.rays(rows), cones.vertices(rows, tries * rows.shape[1], rng)])

r"""Choices: one action per context that an objective may be worst at.

An objective :math:`O` has a training regret of at most :math:`\epsilon` iff there is a *choice*, one action
:math:`y(c)` per context :math:`c`, such that :math:`O` strictly prefers :math:`y(c)` to every action that is worse for
the base, and :math:`\sum_c P(c)[\max_b Q_b(c,b) - Q_b(c, y(c))] \le \epsilon`. For one choice these are strict
linear inequalities. A trainer that looks at the worst level allows each level :math:`\epsilon` of its own: then a
choice is one action per level and context, since which optimal action is worst differs from level to level.

>>> import numpy as np
>>> from cidmesa.mesa.outcomes.outcome_table import MANY, OutcomeTable
>>> outcome = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # the first action brings about the first value
>>> table = OutcomeTable(weight=np.array([1.0]), outcome=outcome, value=np.array([[0.0, 1.0]]))
>>> choices = Choices(table)
>>> [(cost, choices.actions(choice)) for cost, choice in choices.cheapest_first()]
[(0.0, (1,))]
>>> choices.inequalities((0,)).tolist()  # the rows r of r @ O > 0, each divided by the sum of its absolute entries
[[-0.5, 0.5]]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from heapq import heappop, heappush
from typing import TypeAlias

import numpy as np

from cidmesa.arrays import Array, Floats, Ints
from cidmesa.mesa.outcomes.outcome_table import MANY, OutcomeTable
from cidmesa.solve.tables.exact_numbers import number_meant

Choice: TypeAlias = tuple[int, ...]
"""Per place (contexts that are one question) a position in :attr:`Choices.options`."""

LISTED_CHOICES = 64
"""Up to so many choices are listed one by one."""

NEAR = 1e-9
"""Sums of regrets that differ by less than this share of them are compared as fractions."""


@dataclass(frozen=True, eq=False, slots=True)
class Option:
    """An action that an objective may be worst at in some contexts: what it costs, and what it takes."""

    action: int
    regret: float
    exact_regret: Fraction
    against: Ints
    rows: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Choices:
    r"""The choices under which an objective's worst optimal policy costs the base at most `budget`.

    Contexts in which all actions lead to the same and are in the same order for the base are one *place*: in all of
    them an objective is worst at the same action.

    Parameters
    ----------
    table
        The training distribution.
    budget
        :math:`\epsilon`, in units of the base utility; a float is read as it was meant.
    level
        The level of each context, each with the whole budget; by default all are one.
    """

    table: OutcomeTable
    budget: float | Fraction = 0.0
    level: Ints | None = None

    @cached_property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """The contexts of each place."""
        best = self.table.rank == self.table.rank.max(axis=1, keepdims=True)
        if len(best) == 1 or (self.allowed == 0 and (best.sum(axis=1) == 1).all()):  # one choice is all there is
            return tuple((context,) for context in range(len(best)))
        found: dict[tuple[int, int, bytes], list[int]] = {}
        alike = zip(self._level, self.table.situations.tolist(), self.table.rank, strict=True)
        for context, (level, situation, rank) in enumerate(alike):
            found.setdefault((level, situation, rank.tobytes()), []).append(context)
        return tuple(map(tuple, found.values()))

    @property
    def _level(self) -> list[int]:
        return [0] * len(self.table.weight) if self.level is None else self.level.tolist()

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """The places of each level."""
        found: dict[int, list[int]] = {}
        level = self._level
        for place, contexts in enumerate(self.places):
            found.setdefault(level[contexts[0]], []).append(place)
        return tuple(map(tuple, found.values()))

    @cached_property
    def options(self) -> tuple[tuple[Option, ...], ...]:
        """Per place the actions that a choice may name, cheapest first and then in action order.

        Left out are actions beyond the budget, actions that lead exactly where a worse one leads (no objective prefers
        them to it), and copies: of several options with the same cost and rows the first stands for all.
        """
        table = self.table
        found: list[tuple[Option, ...]] = []
        for contexts in self.places:
            first, rank = contexts[0], table.rank[contexts[0]]
            regret = table.regret[list(contexts)]
            here: list[Option] = []
            distinct = _distinct(table, first)
            for action in distinct[np.argsort(-rank[distinct], kind="stable")].tolist():
                cost = math.fsum(regret[:, action].tolist())
                exact = sum((table.exact_regret[c][action] for c in contexts), Fraction(0))
                if not self.within(cost, exact):
                    break
                worse = distinct[rank[distinct] < rank[action]]
                rows = table.rows(first, action, worse)
                if len(worse) and not np.abs(rows).any(axis=1).all():
                    continue
                option = Option(action, cost, exact, worse, rows)
                if not any(_same(table, first, option, other) for other in here):
                    here.append(option)
            found.append(tuple(here))
        return tuple(found)

    @cached_property
    def allowed(self) -> Fraction | None:
        """The budget as a fraction; ``None`` where there is no bound."""
        if isinstance(self.budget, Fraction):
            return self.budget
        return number_meant(self.budget) if math.isfinite(self.budget) else None

    def within(self, cost: float, exact: Fraction) -> bool:
        """Say whether a regret, in floating point and as a fraction, is within the budget."""
        budget = float(self.budget)
        if abs(cost - budget) > NEAR * max(cost, budget):
            return cost < budget
        return self.allowed is None or exact <= self.allowed

    def affords(self, choice: Choice) -> bool:
        """Say whether a choice is within the budget."""
        return self.within(self.cost(choice), self.exact_cost(choice))

    @cached_property
    def count(self) -> int:
        """The number of choices, the budget aside."""
        return math.prod(len(here) for here in self.options)

    @property
    def is_listed(self) -> bool:
        """Whether choices are listed one by one: few of them, or those of a single context."""
        return self.count <= LISTED_CHOICES or len(self.options) == 1

    def cheapest_first(self) -> Iterator[tuple[float, Choice]]:
        """Yield the choices within the budget with their regret, cheapest first; positions into :attr:`options`."""
        if not self.count:
            return
        start = (0,) * len(self.options)
        heap = [(self.exact_cost(start), start)]
        seen = {start}
        while heap:
            _, choice = heappop(heap)
            if not self.affords(choice):
                return
            yield self.cost(choice), choice
            for i, here in enumerate(self.options):
                if choice[i] + 1 < len(here):
                    following = (*choice[:i], choice[i] + 1, *choice[i + 1 :])
                    if following not in seen:
                        seen.add(following)
                        heappush(heap, (self.exact_cost(following), following))

    def inequalities(self, choice: Choice) -> Floats:
        """Return the strict rows of one choice, scaled, shape (k, T): its cone is ``rows @ O > 0``."""
        rows = [here[i].rows for here, i in zip(self.options, choice, strict=True)]
        width = self.table.outcome.shape[2]
        return np.unique(np.vstack(rows), axis=0) if rows and sum(map(len, rows)) else np.zeros((0, width))

    def exact_inequalities(self, choice: Choice) -> list[Array]:
        """Return the strict rows of one choice as integers."""
        found: dict[tuple[int, ...], Array] = {}
        for contexts, here, i in zip(self.places, self.options, choice, strict=True):
            rows = self.table.exact_rows(contexts[0], here[i].action, here[i].against)
            found.update((tuple(row), row) for row in rows)
        return list(found.values())

    def actions(self, choice: Choice) -> tuple[int, ...]:
        """Return the action that a choice names in each context."""
        found = [0] * len(self.table.weight)
        for contexts, here, i in zip(self.places, self.options, choice, strict=True):
            for context in contexts:
                found[context] = here[i].action
        return tuple(found)

    def cost(self, choice: Choice) -> float:
        """Return the training regret that a choice allows; of several levels the largest."""
        return max((math.fsum(self.options[p][choice[p]].regret for p in some) for some in self.levels), default=0.0)

    def exact_cost(self, choice: Choice) -> Fraction:
        """Return the same as a fraction."""
        of_each = (sum((self.options[p][choice[p]].exact_regret for p in some), Fraction(0)) for some in self.levels)
        return max(of_each, default=Fraction(0))

    @property
    def costs(self) -> Sequence[float]:
        """The regret of every option, flat, contexts in order."""
        return [option.regret for here in self.options for option in here]

    def __repr__(self) -> str:
        return f"Choices({self.table!r}, budget {self.budget:g})"


def _distinct(table: OutcomeTable, context: int) -> Ints:
    """Return the actions that differ in worth or outcome and may be the worst that some objective is optimal for.

    Of actions alike the first, in action order; of many actions those on the border of what can be brought about.
    """
    rank, alike = table.rank[context], table.alike[context]
    if len(rank) <= MANY and (alike == np.arange(len(rank))).all():
        return np.asarray(alike)
    _, first = np.unique(np.stack([rank, alike], axis=1), axis=0, return_index=True)
    # Inside the border only objectives that no action matters to are optimal: the worst action is worst for them.
    return np.sort(first[table.vertices[context][first] | (first == first[rank[first].argmin()])])


def _same(table: OutcomeTable, context: int, one: Option, other: Option) -> bool:
    """Say whether two options cost the same and ask for the same."""
    if one.exact_regret != other.exact_regret or not np.array_equal(one.against, other.against):
        return False
    if not np.array_equal(one.rows, other.rows):
        return False
    first = table.exact_rows(context, one.action, one.against)
    second = table.exact_rows(context, other.action, other.against)
    return all(map(_parallel, first, second))


def _parallel(one: Array, other: Array) -> bool:
    """Say whether one row of integers is a positive multiple of the other, both being nonzero and of the same signs."""
    norms = sum(abs(int(x)) for x in one), sum(abs(int(x)) for x in other)
    return all(int(x) * norms[1] == int(y) * norms[0] for x, y in zip(one, other, strict=True))

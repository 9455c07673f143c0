r"""Choices: one action per context that an objective may be worst at.

An objective :math:`O` has a training regret of at most :math:`\epsilon` iff there is a *choice*, one action
:math:`y(c)` per context :math:`c`, such that :math:`O` strictly prefers :math:`y(c)` to every action that is worse for
the base, and :math:`\sum_c P(c)[\max_b Q_b(c,b) - Q_b(c, y(c))] \le \epsilon`. For one choice these are strict
linear inequalities.

>>> import numpy as np
>>> from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
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
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from typing import TypeAlias

import numpy as np

from cidmesa.arrays import Floats, Ints
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, tie_width

Choice: TypeAlias = tuple[int, ...]
"""Per context a position in :attr:`Choices.options`."""

LISTED_CHOICES = 64
"""Up to so many choices are listed one by one."""


@dataclass(frozen=True, eq=False, slots=True)
class Option:
    """An action that an objective may be worst at in a context: what it costs, and what it takes."""

    action: int
    regret: float
    against: Ints
    rows: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Choices:
    r"""The choices under which an objective's worst optimal policy costs the base at most `budget`.

    Parameters
    ----------
    table
        The training distribution.
    budget
        :math:`\epsilon`, in units of the base utility.
    """

    table: OutcomeTable
    budget: float = 0.0

    @cached_property
    def options(self) -> tuple[tuple[Option, ...], ...]:
        """Per context the actions that a choice may name, cheapest first and then in action order.

        Left out are actions beyond the budget, actions that lead exactly where a worse one leads (no objective prefers
        them to it), and copies: of several options with the same cost and rows the first stands for all.
        """
        table, width, regret = self.table, tie_width(self.table.value), self.table.regret
        allowed = self.budget + tie_width(self.table.value)
        found: list[tuple[Option, ...]] = []
        for context, values in enumerate(table.value):
            here: list[Option] = []
            distinct = _distinct(table, context)
            for action in distinct[np.argsort(regret[context, distinct], kind="stable")]:
                if regret[context, action] > allowed:
                    break
                worse = distinct[values[distinct] < values[action] - width]
                rows = table.rows(context, int(action), worse)
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
        return self.count <= LISTED_CHOICES or len(self.options) == 1

    def cheapest_first(self) -> Iterator[tuple[float, Choice]]:
        """Yield the choices within the budget with their regret, cheapest first; positions into :attr:`options`."""
        if not self.count:
            return
        allowed = self.budget + tie_width(self.table.value)
        start = (0,) * len(self.options)
        heap = [(self.cost(start), start)]
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
                        heappush(heap, (self.cost(following), following))

    def inequalities(self, choice: Choice) -> Floats:
        """Return the strict rows of one choice, scaled, shape (k, T): its cone is ``rows @ O > 0``."""
        rows = [here[i].rows for here, i in zip(self.options, choice, strict=True)]
        width = self.table.outcome.shape[2]
        return np.unique(np.vstack(rows), axis=0) if rows and sum(map(len, rows)) else np.zeros((0, width))

    def actions(self, choice: Choice) -> tuple[int, ...]:
        """Return the action that a choice names in each context."""
        return tuple(here[i].action for here, i in zip(self.options, choice, strict=True))

    def cost(self, choice: Choice) -> float:
        """Return the training regret that a choice allows."""
        return math.fsum(here[i].regret for here, i in zip(self.options, choice, strict=True))

    @property
    def costs(self) -> Floats:
        """The regret of every option, flat, contexts in order."""
        return np.array([option.regret for here in self.options for option in here])

    def __repr__(self) -> str:
        return f"Choices({self.table!r}, budget {self.budget:g})"


def _distinct(table: OutcomeTable, context: int) -> Ints:
    """Return the actions that differ in worth or outcome and may be the worst that some objective is optimal for.

    Of actions alike the first, in action order; of many actions those on the border of what can be brought about.
    """
    width = tie_width(table.value)
    worth = np.round(table.value[context] / width) * width
    rows = np.round(np.column_stack([worth, table.outcome[context]]), 12) + 0.0
    _, first = np.unique(rows, axis=0, return_index=True)
    # Inside the border only objectives that no action matters to are optimal: the worst action is worst for them.
    return np.sort(first[table.vertices[context][first] | (first == first[table.value[context][first].argmin()])])


def _same(one: Option, other: Option) -> bool:
    return (
        one.regret == other.regret
        and one.rows.shape == other.rows.shape
        and bool(np.array_equal(one.against, other.against))
        and bool(np.abs(one.rows - other.rows).max(initial=0.0) <= cones.NOISE)
    )

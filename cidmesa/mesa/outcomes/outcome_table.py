r"""What each action leads to in the contexts of one distribution: weights, outcomes and base values as arrays.

>>> import numpy as np
>>> outcome = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # the first action brings about the first value
>>> table = OutcomeTable(weight=np.array([1.0]), outcome=outcome, value=np.array([[0.0, 2.0]]))
>>> first = np.array([1.0, 0.0])
>>> table.regret.tolist(), optimal_for(table, first).tolist(), regret_of(table, table, first)
([[2.0, 0.0]], [[True, False]], (2.0, 2.0))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.convex_hull import is_vertex

MANY = 256
"""Of more actions than this only those on the border of what can be brought about are compared."""

TIE = 1e-9
"""Expected values that differ by less, relative to the largest of them (at least 1), are equal.

Wider than the solver's :data:`.TIE`, which is relative to the most that can be paid: here values
are sums over thousands of runs, objectives are vertices of linear programs, and what is best for one thing is judged by
another.
"""


@dataclass(frozen=True, eq=False, repr=False)
class OutcomeTable:
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
    exact: Callable[[], Array | None] = field(default=lambda: None)

    @property
    def regret(self) -> Floats:
        """Weighted base regret of every action in its context, shape (C, A), ties at exactly 0."""
        loss = self.value.max(axis=1, keepdims=True) - self.value
        return np.asarray(self.weight[:, None] * np.where(loss <= tie_width(self.value), 0.0, loss))

    @cached_property
    def vertices(self) -> tuple[Mask, ...]:
        """Per context the actions that some objective may prefer to all others: of few actions all of them.

        An action that is not among them is optimal only for objectives that no action matters to.
        """
        many = self.value.shape[1] > MANY
        everything = np.ones(self.value.shape[1], dtype=bool)
        return tuple(is_vertex(outcome) if many else everything for outcome in self.outcome)

    @cached_property
    def against(self) -> tuple[Ints, ...]:
        """Per context the actions that an optimal one must be no worse than: of many those on the border, no copies."""
        found = []
        for outcome, vertices in zip(self.outcome, self.vertices, strict=True):
            chosen = np.flatnonzero(vertices)
            if len(vertices) > MANY:
                _, first = np.unique(np.round(outcome[chosen], 12) + 0.0, axis=0, return_index=True)
                chosen = chosen[np.sort(first)]
            found.append(chosen)
        return tuple(found)

    def rows(self, context: int, action: int, against: Ints) -> Floats:
        """Return the scaled rows by which `action` beats each action in `against`."""
        outcome = self.outcome[context]
        return cones.scaled(outcome[action] - outcome[against])

    def __repr__(self) -> str:
        contexts, actions, values = self.outcome.shape
        return f"OutcomeTable({contexts} contexts, {actions} actions, {values} values of the targets)"


def tie_width(values: Floats) -> float:
    """Return the difference below which two of `values` count as equal."""
    return TIE * max(1.0, float(np.abs(values).max(initial=0.0)))


def rivals(table: OutcomeTable, context: int, action: int) -> Ints:
    """Return the other actions that an optimal one must be no worse than."""
    others = table.against[context]
    return np.asarray(others[others != action])


def weak_rows(table: OutcomeTable, actions: Mapping[int, int]) -> Floats:
    """Return the scaled rows that make actions, context → action, optimal in a table; trivial ones left out."""
    rows = [table.rows(context, action, rivals(table, context, action)) for context, action in actions.items()]
    found = np.vstack(rows) if rows else np.zeros((0, table.outcome.shape[2]))
    return np.unique(found[np.abs(found).any(axis=1)], axis=0)


def optimal_for(table: OutcomeTable, objective: Floats) -> Mask:
    """Return which actions are optimal for `objective` in each context, shape (C, A).

    An action is not optimal where another beats it by a scaled margin above 1e-7.
    """
    contexts, actions = table.value.shape
    optimal = np.ones((contexts, actions), dtype=bool)
    top = np.abs(objective).max(initial=0.0)
    if top == 0.0:
        return optimal
    q = table.outcome @ (objective / top)
    for context in range(contexts):
        best = int(q[context].argmax())
        gaps = q[context, best] - q[context]
        norms = np.abs(table.outcome[context, best] - table.outcome[context]).sum(axis=1)
        optimal[context] = gaps <= cones.SETTLED * np.maximum(norms, cones.NOISE / cones.SETTLED)
    return optimal


def regret_of(believed: OutcomeTable, actual: OutcomeTable, objective: Floats) -> tuple[float, float]:
    """Return the least and the largest base regret in `actual` of a policy optimal for `objective` in `believed`.

    Both outcome tables have the same contexts and actions.
    """
    optimal = optimal_for(believed, objective)
    regret = actual.regret
    low = np.where(optimal, regret, np.inf).min(axis=1)
    high = np.where(optimal, regret, -np.inf).max(axis=1)
    return math.fsum(low), math.fsum(high)

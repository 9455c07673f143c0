r"""Possible actions and the interval of base regrets, over a whole set of objectives in one deployment.

In deployment :math:`\sigma` and context :math:`c` an action is **possible** iff some consistent objective :math:`O` has
:math:`q^\sigma_O(c,a) \ge q^\sigma_O(c,b)` for all :math:`b`: strict in training, weak in deployment. The **regret
interval** is the least and the largest of

.. math:: \sum_c P_\sigma(c) \big[ \max_b Q^\sigma_b(c,b) - Q^\sigma_b(c, z(c)) \big]

over actions :math:`z(c)` that one consistent objective allows in all contexts at once. The outcome table of a
deployment says what the optimizer *believes* its actions lead to (a competent one knows :math:`\sigma`, a stale one
does not) and what they are in fact worth to the base.

>>> import numpy as np
>>> from cidmesa.mesa.consistency.consistent_set import ConsistentSet
>>> from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
>>> outcome = np.array([[[1.0, 0.0], [0.0, 1.0]]])
>>> training = ConsistentSet(OutcomeTable(np.array([1.0]), outcome, np.array([[0.0, 1.0]])))
>>> swapped = OutcomeTable(np.array([1.0]), outcome[:, ::-1], np.array([[0.0, 1.0]]))
>>> possible(training, swapped).tolist(), interval(training, swapped)
([[True, False]], [1, 1])
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.mesa.consistency.consistent_set import DELTAS
from cidmesa.mesa.consistency.integer_program import Program
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, optimal_for, rivals, weak_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cidmesa.mesa.consistency.consistent_set import ConsistentSet


class Interval(tuple[float, float]):
    """The least and the largest base regret over a set of objectives: a pair, with what was left unproven.

    Attributes
    ----------
    gap
        How far the ends may be off, as far as the solver could prove; 0 where they are exact.

    Examples
    --------
    >>> low, high = Interval(0.0, 0.5)
    >>> Interval(0.0, 0.5).high, Interval(0.0, 0.5) == (0.0, 0.5)
    (0.5, True)
    >>> Interval(0.0, -0.0)
    [0, 0]
    """

    gap: float

    def __new__(cls, low: float, high: float, gap: float = 0.0) -> Interval:
        """Make the pair."""
        made = super().__new__(cls, (low + 0.0, high + 0.0))  # minus zero becomes zero
        made.gap = gap
        return made

    @property
    def low(self) -> float:
        """The least."""
        return self[0]

    @property
    def high(self) -> float:
        """The largest."""
        return self[1]

    def __getnewargs__(self) -> tuple[float, float, float]:
        return self[0], self[1], self.gap

    def __repr__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]" + (f" ± {self.gap:.2g}" if self.gap else "")


def possible(objectives: ConsistentSet, table: OutcomeTable) -> Mask:
    """Return which actions are possible in each context of a deployment, shape (C, A).

    Notes
    -----
    One linear program per context and action that leads somewhere else than the actions before it, and per choice of
    the set where the base is indifferent.
    """
    contexts, actions = table.value.shape
    found = np.zeros((contexts, actions), dtype=bool)
    if table.outcome.shape[2] == 2:  # the members are, up to scale and shift, at most two signs and a constant
        for member in _of_two_values(objectives):
            found |= optimal_for(table, member)
        return found
    for context in range(contexts):
        known: dict[bytes, bool] = {}
        for action in range(actions):
            inside = not table.vertices[context][action]  # optimal only where no action matters: one answer for all
            key = b"" if inside else (np.round(table.outcome[context, action], 12) + 0.0).tobytes()
            if key not in known:
                known[key] = admits(objectives, table, {context: action})
            found[context, action] = known[key]
    return found


def interval(objectives: ConsistentSet, table: OutcomeTable, allowed: Mask | None = None) -> Interval:
    """Return the regret interval of a set of objectives in a deployment.

    Parameters
    ----------
    objectives
        The consistent set; an empty one has the interval ``(nan, nan)``.
    table
        The deployment.
    allowed
        The possible actions, where they are known already.

    Notes
    -----
    Context by context the possible actions bound the interval. Where one objective attains the bound in all contexts at
    once, which a linear program tells, it is the answer; else a mixed-integer program decides, and `gap` is the
    distance that is left to its proven bound or, where it finds nothing with the margin it asks for, to that of the
    contexts.
    """
    can = possible(objectives, table) if allowed is None else allowed
    if not can.any(axis=1).all() or not len(table.weight):
        return Interval(math.nan, math.nan) if len(table.weight) else Interval(0.0, 0.0)
    low = _extreme(objectives, table, np.where(can, table.regret, np.inf), 1.0)
    high = _extreme(objectives, table, np.where(can, table.regret, -np.inf), -1.0)
    return Interval(low[0], high[0], max(low[1], high[1]))


def _extreme(objectives: ConsistentSet, table: OutcomeTable, regret: Floats, sign: float) -> tuple[float, float]:
    """Return the least (sign 1) or the largest (sign -1) joint regret, and what is unproven of it."""
    actions = (sign * regret).argmin(axis=1)
    bound = math.fsum(regret[c, a] for c, a in enumerate(actions))
    if admits(objectives, table, dict(enumerate(actions.tolist()))):
        return bound, 0.0
    best: tuple[float, float] | None = None
    for delta in DELTAS:
        found = Program(objectives.choices, delta, deployed=table).solve(deployed_cost=sign * table.regret)
        if found is None:
            continue
        value = sign * found.cost
        if best is None or sign * value < sign * best[0]:
            best = value, found.gap
        if abs(best[0] - bound) <= 1e-12:
            break
    return best if best is not None else (bound, abs(bound))


def admits(objectives: ConsistentSet, table: OutcomeTable, actions: dict[int, int]) -> bool:
    """Say whether one objective of the set makes all these actions, context → action, optimal at once."""
    if table.outcome.shape[2] == 2:
        where, what = list(actions), list(actions.values())
        return any(bool(optimal_for(table, member)[where, what].all()) for member in _of_two_values(objectives))

    def exactly() -> list[Sequence[int]] | None:
        exact = table.exact()
        if exact is None:
            return None
        return [exact[c, a] - exact[c, b] for c, a in actions.items() for b in rivals(table, c, a)]

    return objectives.admits(weak_rows(table, actions), exactly)


def _of_two_values(objectives: ConsistentSet) -> list[Floats]:
    """Return the members of a set on targets with two values, up to scale and shift: signs, and perhaps a constant."""
    return [o for o in (np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.zeros(2)) if objectives.contains(o)]

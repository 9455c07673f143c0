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
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.mesa.consistency.joint_search import Alternative, Part, search
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, exact_regret_of, optimal_for, rivals, weak_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cidmesa.mesa.consistency.consistent_set import ConsistentSet


class Interval(tuple[float, float]):
    """The least and the largest base regret over a set of objectives: a pair, with what was left unproven.

    Attributes
    ----------
    gap
        How far the ends may be off: the larger distance of an end to the bound that is proved for it. 0 where both are
        exact.

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
        made = super().__new__(cls, (low + 0.0, high + 0.0))  # no negative zero
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

    Where it is not known of an action it counts as possible: see :attr:`.OutcomeTable.undecided` and
    :attr:`.Halfspaces.stopped`.

    Notes
    -----
    What a few members of the set do is looked at first. Then one linear program per context and action that leads
    somewhere else than the others, and a search where the base is indifferent in several contexts. In training none is
    needed for an action that costs more than the set's tolerance: no member is optimal there.
    """
    found = np.zeros(table.shape, dtype=bool)
    if table.outcome.shape[2] == 2:  # the members are, up to scale and shift, at most two signs and a constant
        for member in of_two_values(objectives):
            found |= optimal_for(table, member)
        return found
    if objectives.some is not None:
        found |= optimal_for(table, objectives.some[2])
    trained = table is objectives.table and not table.undecided
    for context, situation in enumerate(table.situations.tolist()):
        if situation != context:
            found[context] = found[situation]
            continue
        settled: dict[int, bool] = {}
        for action in range(table.shape[1]):
            if trained and not objectives.choices.within(
                table.regret[context, action], table.exact_regret[context][action]
            ):
                continue
            inside = not table.vertices[context][action]  # optimal only where no action matters: one answer for all
            like = -1 if inside else int(table.alike[context][action])
            if found[context, action]:
                settled[like] = True
            elif like not in settled:
                settled[like], met = _admits(objectives, table, {context: action})
                if met is not None:  # whatever else it does is possible as well
                    found |= optimal_for(table, met)
            found[context, action] |= settled[like]
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
    once, which a linear program tells, it is the answer; else a search decides (:mod:`.joint_search`), in fractions.
    `gap` is not 0 where it stopped before its end, or where rounding hides a comparison and exact numbers are out of
    reach.
    """
    can = possible(objectives, table) if allowed is None else allowed
    if not can.any(axis=1).all() or not len(table.weight):
        return Interval(math.nan, math.nan) if len(table.weight) else Interval(0.0, 0.0)
    low, below = _extreme(objectives, table, can, 1)
    high, above = _extreme(objectives, table, can, -1)
    if table.undecided or objectives.table.undecided or objectives.halfspaces.stopped:
        # What counts as possible need not be: nothing but the actions themselves bounds the ends.
        least, largest = (math.fsum(ends.tolist()) for ends in (table.regret.min(axis=1), table.regret.max(axis=1)))
        return Interval(low, high, max(largest - low, high - least))
    return Interval(low, high, max(low - below, above - high))


def _extreme(objectives: ConsistentSet, table: OutcomeTable, can: Mask, sign: int) -> tuple[float, float]:
    """Return the least (sign 1) or the largest (sign -1) joint regret that was found, and the bound on it."""
    regrets = table.exact_regret
    actions, bound = [], Fraction(0)
    for context, row in enumerate(can):
        here = np.flatnonzero(row).tolist()
        chosen = min(here, key=lambda a: sign * regrets[context][a])
        actions.append(chosen)
        bound += regrets[context][chosen]
    known: list[Fraction] = []
    if objectives.some is not None:
        known.append(exact_regret_of(table, table, objectives.some[2])[0 if sign > 0 else 1])
    if len(table.weight) == 1 or bound in known or admits(objectives, table, dict(enumerate(actions))):
        return float(bound), float(bound)
    there = [
        Part(
            (
                tuple(
                    Alternative(a, sign * regrets[context][a], Fraction(0), _sides(objectives, table, context, a))
                    for a in np.flatnonzero(row).tolist()
                ),
            )
        )
        for context, row in enumerate(can)
    ]
    answer = search(objectives.halfspaces, [*objectives.parts, *there])
    if answer.value is not None:
        known.append(sign * answer.value)
    proved = sign * answer.bound if answer.bound is not None else bound
    limit = max(proved, bound) if sign > 0 else min(proved, bound)
    found = (min(known) if sign > 0 else max(known)) if known else limit
    return float(found), float(limit)


def admits(objectives: ConsistentSet, table: OutcomeTable, actions: Mapping[int, int]) -> bool:
    """Say whether one objective of the set makes all these actions, context → action, optimal at once.

    True, too, where it is not known: see :attr:`.OutcomeTable.undecided` and :attr:`.Halfspaces.stopped`.
    """
    return _admits(objectives, table, actions)[0]


def _admits(objectives: ConsistentSet, table: OutcomeTable, actions: Mapping[int, int]) -> tuple[bool, Floats | None]:
    """Return the same, and a member of the set that is near or at such an objective, where one was met."""
    if table.outcome.shape[2] == 2:
        where, what = list(actions), list(actions.values())
        return any(bool(optimal_for(table, member)[where, what].all()) for member in of_two_values(objectives)), None
    choices = objectives.choices
    if not choices.count:
        return False, None
    if len(choices.options) == 1:
        weak = weak_rows(table, actions)
        doubtful = []
        for _, choice in choices.cheapest_first():
            member, _ = cones.surely_inside(choices.inequalities(choice), weak)
            if member is not None:
                return True, member
            doubtful.append(choice)
        if table.undecided or objectives.table.undecided:
            return True, None
        exact = [row for c, a in actions.items() for row in table.exact_rows(c, a, rivals(table, c, a))]
        return any(cones.feasible_exactly(choices.exact_inequalities(choice), exact) for choice in doubtful), None
    held = {side for context, action in actions.items() for side in _sides(objectives, table, context, action)}
    if objectives.some is not None:
        required = [objectives.sides_of(objectives.some[1]), held]
        if objectives.halfspaces.known_conflict(frozenset().union(*required)) is None:
            member, _ = cones.surely_inside(choices.inequalities(objectives.some[1]), weak_rows(table, actions))
            if member is not None:
                return True, member
    if table.undecided or objectives.table.undecided:
        return True, None
    return search(objectives.halfspaces, objectives.parts, held).exists is not False, None


def _sides(objectives: ConsistentSet, table: OutcomeTable, context: int, action: int) -> tuple[int, ...]:
    """Return on which sides an objective has to be that an action is optimal for."""
    rows = table.exact_rows(context, action, rivals(table, context, action))
    sides = {objectives.halfspaces.add(row, strict=False) for row in rows}
    return tuple(sorted(side for side in sides if side is not None))


def of_two_values(objectives: ConsistentSet) -> list[Floats]:
    """Return the members of a set on targets with two values, up to scale and shift: signs, and perhaps a constant."""
    return [o for o in (np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.zeros(2)) if objectives.contains(o)]

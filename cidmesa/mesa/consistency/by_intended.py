"""Regrets by what is intended where objectives are tried one by one: shared rules, and policies too many to list.

The objectives are those that training can have selected, by the base utility; what their optimal policies cost is
counted by another node, the intended one, which training never scores.

>>> import cidmesa as cm
>>> from cidmesa.mesa.consistency.by_declared_objective import ByDeclaredObjective
>>> from cidmesa.mesa.objectives.declared import declared
>>> cid = cm.CID([("a", "y"), ("b", "y"), ("y", "u"), ("b", "kept")], decisions=["a", "b"], utilities=["u"])
>>> model = cid.parameterise(a=[0, 1], b=[0, 1], y=lambda a, b: a * b, u=lambda y: y, kept=lambda b: 1 - b)
>>> setup = cm.TrainingSetup(model, shared_rules=[("a", "b")], intended="kept")
>>> answers = ByDeclaredObjective(setup, ("y",), 0.0, declared(["y"], [(0, 1)]))
>>> regret_by_intended(setup, answers, "training")       # who does y breaks what was to be kept
[1, 1]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import Table
from cidmesa.mesa.consistency.by_declared_objective import ByDeclaredObjective
from cidmesa.mesa.consistency.by_stage import ByStage, optimal_for_objective
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.consistency.shared_rule_extremes import extremes
from cidmesa.mesa.consistency.shared_rules import RuleSpace
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.mesa.objectives.declared import numbers_of
from cidmesa.model import CIM
from cidmesa.solve.policies.dynamic_programming import best_within
from cidmesa.solve.policies.worth import difference

if TYPE_CHECKING:
    from cidmesa.mesa.setup.training import TrainingSetup

INTENDED: Final = "paid as intended"
"""The utility that pays what the intended node is worth."""


def regret_by_intended(
    setup: TrainingSetup, answers: ByDeclaredObjective | ByStage, name: str, *, stale: bool = False
) -> Interval:
    """Return the regret interval by what is intended, of optimizers that know the distribution `name`.

    Parameters
    ----------
    setup
        With ``intended=``.
    answers
        Of one candidate; its objectives are those known to be in the set, of an excluded one those of least regret.
    name
        ``"training"`` or a deployment.
    stale
        Of optimizers whose rules were fixed in training instead; of decisions that have a rule each.

    Returns
    -------
    Interval
        The hull over those objectives, ``gap`` being how far others may lie outside; ``(nan, nan)`` where of none it is
        known.
    """
    node = setup.intended
    if node is None:
        raise NotApplicableError("this setup does not say what is intended: TrainingSetup(.., intended=node).")
    numbers = numbers_of(setup, node)
    try:
        if isinstance(answers, ByStage):
            ends = list(_of_own_rules(setup, answers, name, node, numbers, stale=stale))
        else:
            ends = list(_of_shared_rules(setup, answers, name, node, numbers))
    except NotApplicableError:  # too large, or not proven
        ends = []
    if not ends:
        return Interval(math.nan, math.nan)
    low, high = min(end.low for end in ends), max(end.high for end in ends)
    gap = max(end.gap for end in ends)
    if isinstance(answers, ByStage) and not answers.is_complete:
        gap = max(gap, low, float(np.ptp(numbers)) - high)
    return Interval(low, high, gap)


def _of_shared_rules(
    setup: TrainingSetup, answers: ByDeclaredObjective, name: str, node: str, numbers: Floats
) -> Iterator[Interval]:
    """Yield the regrets of each objective's optimal rules, which may be stochastic."""
    model = setup.deployed(name)
    space = RuleSpace.of(model, setup.shared_rules)
    worth = space.expectation(model, (node,), numbers)
    best, proven = space.maximum(worth)
    spread = float(np.ptp(numbers))
    for objective in answers.members:
        wanted = space.expectation(model, answers.names, objective.table_in(model))
        found = extremes(space, wanted, worth, budget=answers.budget)
        least, largest = best.less(found.largest), best.less(found.least)
        low, high = least.not_below_zero, largest.not_below_zero
        known = proven and found.exact and largest.sign is not None
        yield Interval(low, high, 0.0 if known else max(low, spread - high, 0.0))


def _of_own_rules(
    setup: TrainingSetup, answers: ByStage, name: str, node: str, numbers: Floats, *, stale: bool
) -> Iterator[Interval]:
    """Yield the regrets of each objective's optimal policies, every decision having a rule of its own."""
    model = setup.deployed(name)
    cid = model.cid.with_utility(INTENDED, (node,), agent=model.cid.agents[0])
    paid = CIM(
        cid, {**{n: own_mechanism(model, n) for n in model.cid.nodes}, INTENDED: Table(numbers, parents=(node,))}
    )
    top = best_within(paid, [INTENDED], {}, 1.0, answers.budget)
    for objective in answers.members:
        ends, doubt = [], 0.0
        within: Mapping[str, Mask]
        if stale:
            within = answers.frozen_actions(objective, name)
        else:
            within = optimal_for_objective(model, objective, answers.budget).optimal
        for reached in (best_within(paid, [INTENDED], within, sign, answers.budget) for sign in (-1.0, 1.0)):
            lost, known = difference(top, reached)
            ends.append(max(0.0, lost))
            doubt = max(doubt, 0.0 if known else abs(lost) + top.error + reached.error)
        yield Interval(min(ends), max(ends), doubt)

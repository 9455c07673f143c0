r"""Regrets of several decisions that forget, one objective after the other, by sets of value tables.

Where policies are too many to list and decisions cannot be solved one by one, two optimal actions need not go together,
and no sweep over actions says what optimal policies do. What the worst and the best of them are worth to the base can
be computed all the same, exactly: among the policies that are optimal for the objective, the least and the largest
expected base utility (:mod:`.among_optimal`). So the training regret of every single objective, and its regrets in
deployments that it knows, are known, of targets with two values all there is to know.

Of what optimizers *do* nothing is claimed here. Rules that were fixed in training are known decision by decision at
most (:mod:`.frozen_rules`): their regrets lie within those of all policies that follow these rules.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import Table
from cidmesa.mesa.consistency.one_by_one import OneByOne
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.graphical.mesa_diagram import MESA_UTILITY, mesa_model, own_mechanism, with_mesa_utility
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.model import CIM
from cidmesa.solve.policies.among_optimal import worth_among_optimal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cidmesa.mesa.outcomes.disagreement import Actions
    from cidmesa.mesa.setup.training import TrainingSetup


class ByElimination(OneByOne):
    """Consistency of decisions that forget, by single objectives. Parameters as for :class:`.OneByOne`.

    Raises
    ------
    NotApplicableError
        In training not even that is in reach: sets of value tables grow too large.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        names: tuple[str, ...],
        tolerance: float,
        declared: Sequence[Objective],
        why: str,
        budget: Budget = UNLIMITED,
    ) -> None:
        super().__init__(setup, names, tolerance, declared, why, budget)
        self._known: dict[tuple[str, bytes, bool], tuple[Fraction, Fraction]] = {}
        self._ends_known: dict[str, tuple[Fraction, Fraction]] = {}
        for objective in self.tried:
            self._lost(objective, TRAINING)

    def regret(self, name: str, stale: bool = False) -> Interval:
        """Return the regrets of the objectives known to be in the set; ``(nan, nan)`` where they are out of reach."""
        try:
            return super().regret(name, stale)
        except NotApplicableError:
            return Interval(math.nan, math.nan)

    def actions(self, name: str, stale: bool = False) -> Actions:
        """Refuse: which optimal actions go together is not known.

        Raises
        ------
        NotApplicableError
            Always.
        """
        raise NotApplicableError(f"the possible actions in '{name}' are not known here: {self.why}")

    def _regrets(self, objective: Objective, name: str, stale: bool = False) -> tuple[float, float]:
        least, largest = self._lost(objective, name, stale and name != TRAINING)
        return float(least), float(largest)

    def _exact_regret(self, objective: Objective) -> Fraction:
        return self._lost(objective, TRAINING)[1]

    def _most(self, name: str) -> float:
        worst, best = self._ends(name)
        return float(best - worst)

    def _off(self, name: str, low: float, high: float, stale: bool) -> float:
        return high - low if stale and name != TRAINING else 0.0

    def _lost(self, objective: Objective, name: str, stale: bool = False) -> tuple[Fraction, Fraction]:
        """Return how much less the best and the worst optimal policy earn than the best policy."""
        key = name, objective.values.tobytes(), stale
        if key not in self._known:
            model, best = self.setup.deployed(name), self._ends(name)[1]
            if stale:
                worth = ends_within(
                    model.restricted(self.frozen_actions(objective, name)), self._paid(name), self.budget
                )
            else:
                worth = ends_among_optimal(model, objective, self._paid(name), self.budget)
            self._known[key] = best - worth[1], best - worth[0]
        return self._known[key]

    def _ends(self, name: str) -> tuple[Fraction, Fraction]:
        """Return the least and the largest that the base can get in a distribution."""
        if name not in self._ends_known:
            self._ends_known[name] = ends_within(self.setup.deployed(name), self._paid(name), self.budget)
        return self._ends_known[name]


def ends_within(model: CIM, paid: Iterable[str], budget: Budget = UNLIMITED) -> tuple[Fraction, Fraction]:
    """Return the least and the largest expected sum of some utilities over all policies."""
    names = tuple(paid)
    least, largest = (worth_among_optimal(model, (), names, sign, budget) for sign in _SIGNS)
    return least, largest


def ends_among_optimal(
    model: CIM, objective: Objective, paid: Iterable[str], budget: Budget = UNLIMITED
) -> tuple[Fraction, Fraction]:
    """Return the least and the largest expected sum of some utilities over the policies optimal for an objective.

    Examples
    --------
    >>> import numpy as np
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "same"), ("b", "same"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    >>> model = cid.parameterise(a=[0, 1], b=[0, 1], same=lambda a, b: int(a == b), pay=lambda b: b)
    >>> ends_among_optimal(model, Objective("same", ("same",), np.array([0.0, 1.0]), ((0, 1),)), ["pay"])
    (Fraction(0, 1), Fraction(1, 1))
    """
    cid = with_mesa_utility(model.cid, objective.targets)
    second = {}
    for utility in paid:
        name = f"what `{utility}` pays"
        cid = cid.with_utility(name, model.cid.parents(utility), agent=cid.agents[0])
        second[name] = Table(model.cpd(utility), parents=model.cid.parents(utility))
    wanting = mesa_model(with_mesa_utility(model.cid, objective.targets), model, objective)
    both = CIM(cid, {**{node: own_mechanism(wanting, node) for node in wanting.cid.nodes}, **second})
    least, largest = (worth_among_optimal(both, (MESA_UTILITY,), tuple(second), sign, budget) for sign in _SIGNS)
    return least, largest


_SIGNS: tuple[Literal[-1, 1], ...] = (-1, 1)

r"""Declared objectives one by one, each with its optimal stochastic rules: the numbers of one candidate.

Where one rule serves several decisions of one run, expectations are not linear in it, the best rule may have to be
stochastic, and the objectives that it is optimal for form no cone (:mod:`.shared_rules`). What is found consistent is;
that nothing is found proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.mesa.consistency.consistent_set import unit
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.consistency.shared_rule_extremes import extremes
from cidmesa.mesa.consistency.shared_rules import RuleSpace
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.outcomes.disagreement import Actions, by_context
from cidmesa.mesa.outcomes.outcome_table import tie_width
from cidmesa.mesa.outcomes.reduced_policies import names_of
from cidmesa.mesa.outcomes.stale_beliefs import stale_model
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve import joint

if TYPE_CHECKING:
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM


class ByDeclaredObjective:
    """Declared objectives one by one, with stochastic rules.

    Parameters
    ----------
    setup
        A setup with shared rules.
    names, tolerance, declared
        As for :class:`ByCone`.
    """

    margin = None
    delta = None

    def __init__(
        self, setup: TrainingSetup, names: tuple[str, ...], tolerance: float, declared: Sequence[Objective]
    ) -> None:
        self.setup = setup
        self.names = names
        self.tolerance = tolerance
        self.declared = declared
        self._known: dict[tuple[int, str, bool], tuple[float, float]] = {}
        self._best: dict[str, float] = {}  # what the base can earn

    @property
    def is_empty(self) -> bool | None:
        """False where a declared objective is consistent; else not known."""
        return False if any(high <= self._allowed(self.tolerance) for high in self._training()) else None

    @property
    def least_regret(self) -> float:
        """The least training regret of a declared objective; none is below zero, so the first zero is the least."""
        least = math.inf
        for high in self._training():
            least = min(least, high)
            if least == 0.0:
                break
        return least

    @cached_property
    def width(self) -> float:
        """The regret below which there is none: rules are found to about nine digits."""
        model = self.setup.deployed(TRAINING)
        return tie_width(np.concatenate([model.cpd(u).ravel() for u in self.setup.score]))

    def representative(self) -> Objective | None:
        """Return the first declared objective in the set."""
        for i in self._selected:
            objective = self.declared[i]
            return Objective(objective.name, objective.targets, unit(objective.values), objective.domains)
        return None

    def regret_of(self, objective: Objective) -> tuple[float, float]:
        """Return the training regret of the best and of the worst rule that is optimal for an objective."""
        return self._regrets(objective, TRAINING, stale=False)

    def regret(self, name: str, stale: bool = False) -> Interval:
        """Return the hull of the regrets of the declared objectives in the set."""
        ends = [self._of(i, name, stale) for i in self._selected]
        if not ends:
            return Interval(math.nan, math.nan)
        return Interval(min(low for low, _ in ends), max(high for _, high in ends))

    def actions(self, name: str) -> Actions:
        """Return the actions that optimal rules take in the contexts that they reach."""
        model = self.setup.deployed(name)
        return by_context(model, self.behaviour(model)[0])

    def behaviour(self, model: CIM) -> tuple[dict[str, Mask], Floats]:
        """Return what optimal rules do in a model: the actions they take where they come, and the law of each.

        Returns
        -------
        dict
            Decision → which actions are taken in which contexts, shape (contexts, actions).
        numpy.ndarray
            Per rule the law of all that decisions see and do (:func:`.names_of`, in C order).
        """
        space = RuleSpace.of(model, self.setup.shared_rules)
        cid = model.cid
        taken = {d: np.zeros((len(model.contexts(d)), model.card(d)), dtype=bool) for d in cid.decisions}
        laws = []
        for rule in chain.from_iterable(self._optimal(space, model, self.declared[i]) for i in self._selected):
            rows = {d: space.rule_of(d, rule) for d in cid.decisions}
            policy = {d: table.reshape(_shape(model, d)) for d, table in rows.items()}
            for decision, table in rows.items():
                reached = joint(model, cid.parents(decision), policy=policy).ravel() > 0
                taken[decision] |= reached[:, None] & (table > 1e-9)
            laws.append(joint(model, names_of(cid), policy=policy).ravel())
        runs = math.prod(model.card(n) for n in names_of(cid))
        return taken, np.array(laws).reshape(len(laws), runs)

    # ----------------------------------------------------------------------------------------------------------------

    def _training(self) -> Iterator[float]:
        """Yield the training regret of each declared objective, computed as it is asked for."""
        return (self._of(i, TRAINING, stale=False)[1] for i in range(len(self.declared)))

    @property
    def _selected(self) -> list[int]:
        budget = self.tolerance if self.is_empty is False else self.least_regret
        return [i for i, high in enumerate(self._training()) if high <= self._allowed(budget)]

    def _allowed(self, budget: float) -> float:
        return budget + self.width

    def _of(self, i: int, name: str, stale: bool) -> tuple[float, float]:
        key = i, name, stale
        if key not in self._known:
            self._known[key] = self._regrets(self.declared[i], name, stale)
        return self._known[key]

    def _regrets(self, objective: Objective, name: str, stale: bool) -> tuple[float, float]:
        """Return the base regret of the best and of the worst rule that is optimal for an objective."""
        model = self.setup.deployed(name)
        believed = stale_model(self.setup, name) if stale else model
        space = RuleSpace.of(model, self.setup.shared_rules)
        worth = space.total(model, self.setup.training_score if name == TRAINING else self.setup.score)
        wanted = space.expectation(believed, self.names, objective.table_in(believed))
        if name not in self._best:
            self._best[name] = space.maximise(worth).value
        found = extremes(space, wanted, worth)
        low, high = self._best[name] - found.high, self._best[name] - found.low
        return (low if low > self.width else 0.0), (high if high > self.width else 0.0)

    def _optimal(self, space: RuleSpace, model: CIM, objective: Objective) -> tuple[Floats, ...]:
        wanted = space.expectation(model, self.names, objective.table_in(model))
        base = space.utility(model, self.setup.score)
        return space.maximise(wanted, others=base).rules


def _shape(model: CIM, decision: str) -> tuple[int, ...]:
    return (*(model.card(p) for p in model.cid.parents(decision)), model.card(decision))

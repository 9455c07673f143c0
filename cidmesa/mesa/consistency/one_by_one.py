"""Single objectives, one by one: what is said of a candidate where not all objectives are known at once.

Of targets that have two values together there are, up to scale and shift, two objectives and a constant: all are tried,
and all answers are exact. Of others it is said what the declared objectives do, a part of the set; what is proven of
the rest is that a regret lies between 0 and the most that can be lost. How an objective is tried is told elsewhere:
decision by decision (:mod:`.by_stage`), or, where decisions cannot be solved one by one, by sets of value tables
(:mod:`.by_elimination`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property, partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.mesa.consistency.consistent_set import ConsistentSet, unit
from cidmesa.mesa.consistency.frozen_rules import FrozenRules
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.objectives.declared import Objective, domain_of
from cidmesa.mesa.outcomes.disagreement import Actions
from cidmesa.mesa.outcomes.outcome_table import optimal_for
from cidmesa.mesa.setup.deployment import TRAINING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cidmesa.mesa.setup.training import TrainingSetup

NEAR = 1e-8
"""Regrets that differ from the tolerance, or from the least, by at most this share of it are computed exactly."""


class OneByOne(ABC):
    """Consistency where policies are too many to list, by single objectives.

    Parameters
    ----------
    setup
        A setup with numbers whose decisions have a rule each.
    names
        The targets.
    tolerance
        The training regret that is allowed.
    declared
        The objectives to prefer.
    why
        Why nothing more is known, for the errors.
    budget
        How long an answer may take.

    Attributes
    ----------
    sufficient
        Objectives that pass a sufficient test, all at once, where there is such a test.
    """

    delta = 0.0
    sufficient: ConsistentSet | None = None

    def __init__(
        self,
        setup: TrainingSetup,
        names: tuple[str, ...],
        tolerance: float,
        declared: Sequence[Objective],
        why: str,
        budget: Budget = UNLIMITED,
    ) -> None:
        self.setup = setup
        self.names = names
        self.tolerance = tolerance
        self.declared = declared
        self.why = why
        self.budget = budget
        self._domains = tuple(domain_of(setup, node) for node in names)
        self._frozen_known: dict[bytes, FrozenRules] = {}

    @property
    def is_complete(self) -> bool:
        """Whether :attr:`tried` are all objectives on the targets, up to scale and shift."""
        return math.prod(len(domain) for domain in self._domains) == 2

    @cached_property
    def tried(self) -> tuple[Objective, ...]:
        """The objectives that are tried one by one, the declared ones first."""
        if not self.is_complete:
            found = None if self.sufficient is None else self.sufficient.representative()
            least = () if found is None else (self._objective("the objective of least norm", found[1]),)
            return (*self.declared, *least)
        values = list(product(*self._domains))
        both = [self._objective(f"{values[i]} of {self.names}", np.eye(2)[i]) for i in (1, 0)]
        ways: dict[bool, Objective] = {}
        for objective in (*self.declared, *both):
            if objective.values[0] != objective.values[1]:
                ways.setdefault(bool(objective.values[0] < objective.values[1]), objective)
        indifferent = self._objective("a constant", np.zeros(2))  # in the set where the base does not care either
        return (*ways.values(), indifferent)

    @property
    def is_empty(self) -> bool | None:
        """False where an objective is known to be consistent, True where all were tried; else not known."""
        if not self.is_complete and self._some_pass:
            return False
        if any(high <= self.tolerance for high in self._training()):
            return False
        return True if self.is_complete else None

    @property
    def margin(self) -> float | None:
        """The largest margin of an objective that passes the test; ``None`` where none does."""
        return None if self.sufficient is None or self.sufficient.best is None else self.sufficient.best[0]

    @property
    def least_regret(self) -> float:
        """The least training regret, where all objectives were tried or one costs nothing; else not known."""
        if self.is_complete:
            return min(self._training())
        if self._some_pass or any(high == 0.0 for high in self._training()):
            return 0.0
        return math.nan

    @property
    def least_bound(self) -> float:
        """What is proved of it: the same where all objectives were tried or one costs nothing, else 0."""
        return 0.0 if math.isnan(self.least_regret) else self.least_regret

    def allows(self, objective: Objective) -> bool:
        """Say whether some policy that is optimal for an objective is within the tolerance."""
        return self.regret_of(objective)[0] <= self.tolerance

    def representative(self) -> Objective | None:
        """Return the first declared objective in the set, else the one of least norm."""
        found = next(iter(self._selected), None)
        return None if found is None else self._objective(found.name, unit(found.values))

    def regret_of(self, objective: Objective) -> tuple[float, float]:
        """Return the training regret of the best and of the worst policy that is optimal for an objective."""
        return self._regrets(objective, TRAINING)

    def regret(self, name: str, stale: bool = False) -> Interval:
        """Return the regrets of the objectives known to be in the set, and how far those of others may lie outside."""
        ends = [self._regrets(objective, name, stale) for objective in self._selected]
        if not ends:
            return Interval(math.nan, math.nan)
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        gap = self._off(name, low, high, stale)
        return Interval(low, high, gap if self.is_complete else max(self._most(name) - high, gap, 0.0))

    def new_regret(self, name: str) -> Interval | None:
        """A regret of several decisions is no sum over contexts."""
        return None

    @abstractmethod
    def actions(self, name: str, stale: bool = False) -> Actions:
        """Return the possible actions in a distribution, where that is known of all objectives.

        Raises
        ------
        NotApplicableError
            They were not tried: others may do something else.
        """

    @abstractmethod
    def _regrets(self, objective: Objective, name: str, stale: bool = False) -> tuple[float, float]:
        """Return the base regret of the best and of the worst policy that is optimal for an objective."""

    @abstractmethod
    def _exact_regret(self, objective: Objective) -> Fraction | None:
        """Return the training regret of the worst policy that is optimal for an objective, where it is in reach."""

    @abstractmethod
    def _most(self, name: str) -> float:
        """Return the most that can be lost in a distribution."""

    def _off(self, name: str, low: float, high: float, stale: bool) -> float:
        """Return how far outside of what is known the regrets of the objectives tried may lie."""
        return 0.0

    def _paid(self, name: str) -> tuple[str, ...]:
        return self.setup.training_score if name == TRAINING else self.setup.score

    @property
    def _some_pass(self) -> bool:
        return self.sufficient is not None and self.sufficient.is_empty is False

    def frozen_actions(self, objective: Objective, name: str) -> dict[str, Mask]:
        """Return what optimizers of an objective may do in a deployment whose rules were fixed in training."""
        model, rules = self.setup.deployed(name), self._frozen(objective)
        return {
            d: rules.allows(name, d).reshape(*(model.card(n) for n in (*model.cid.parents(d), d)))
            for d in model.cid.decisions
        }

    @property
    def members(self) -> tuple[Objective, ...]:
        """The objectives known to be in the set; where it is empty, those with the least training regret."""
        return tuple(self._selected)

    def _objective(self, name: str, values: Floats) -> Objective:
        return Objective(name, self.names, values, self._domains)

    def _training(self) -> Iterator[float]:
        """Yield the training regret of each objective that is tried, computed as it is asked for."""
        return (self._regrets(objective, TRAINING)[1] for objective in self.tried)

    @property
    def _selected(self) -> list[Objective]:
        """The objectives known to be in the set; where it is empty, those with the least training regret."""
        if not self.is_empty:
            return [o for o, high in zip(self.tried, self._training(), strict=True) if high <= self.tolerance]
        # Equal regrets are summed in different orders: which are equal is settled exactly.
        most = self.least_regret * (1 + NEAR)
        near = [o for o, high in zip(self.tried, self._training(), strict=True) if high <= most]
        exact = [self._exact_regret(objective) for objective in near] if len(near) > 1 else [None]
        known = [regret for regret in exact if regret is not None]
        if len(known) < len(near):
            return near
        return [o for o, regret in zip(near, known, strict=True) if regret == min(known)]

    def _frozen(self, objective: Objective) -> FrozenRules:
        key = objective.values.tobytes()
        if key not in self._frozen_known:
            optimal = partial(optimal_for, objective=objective.values)
            self._frozen_known[key] = FrozenRules(self.setup, self.names, optimal, one_objective=True)
        return self._frozen_known[key]

"""All objectives on the targets at once: the numbers of one candidate, read off a union of cones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from cidmesa.arrays import Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.consistency.joint_search import Answer, Halfspaces
from cidmesa.mesa.consistency.regret_interval import Interval, interval, possible
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.outcomes.disagreement import Actions
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, exact_regret_of
from cidmesa.mesa.setup.deployment import TRAINING

if TYPE_CHECKING:
    from cidmesa.mesa.outcomes.for_setup import OutcomeTables


class ByCone:
    """All objectives on the targets at once.

    Parameters
    ----------
    tables
        Of the setup.
    names
        The targets.
    tolerance
        The training regret that is allowed.
    declared
        The objectives to prefer.
    budget
        How long an answer may take.
    """

    def __init__(
        self,
        tables: OutcomeTables,
        names: tuple[str, ...],
        tolerance: float,
        declared: Sequence[Objective],
        budget: Budget = UNLIMITED,
    ) -> None:
        self.tables = tables
        self.names = names
        self.tolerance = tolerance
        self.declared = declared
        self.budget = budget
        self._tables_known: dict[str, OutcomeTable] = {}
        self._possible_known: dict[str, Mask] = {}

    @cached_property
    def consistent(self) -> ConsistentSet:
        """The consistent set."""
        table = self.table(TRAINING)
        return ConsistentSet(table, self.tolerance, Halfspaces(table.outcome.shape[2], self.budget))

    @cached_property
    def selected(self) -> ConsistentSet:
        """The consistent set; where it is empty, the objectives with the least training regret."""
        if self.consistent.is_empty is not True:
            return self.consistent
        least = self._least.value
        if least is None:
            return self.consistent
        return ConsistentSet(self.table(TRAINING), least, self.consistent.halfspaces)

    @property
    def is_empty(self) -> bool | None:
        """Whether no objective is consistent; ``None`` where that is not known."""
        return self.consistent.is_empty

    @property
    def margin(self) -> float:
        """The largest margin of a consistent objective."""
        return 0.0 if self.consistent.best is None else self.consistent.best[0]

    @property
    def delta(self) -> float:
        """The least margin that could have been missed: 0, as what floating point cannot see is settled exactly.

        1, any margin, where the search stopped before its end or exact numbers are out of reach.
        """
        return 1.0 if self.is_empty is None else 0.0

    @cached_property
    def _least(self) -> Answer:
        if self.consistent.is_empty is False and not self.tolerance:
            return Answer(Fraction(0), Fraction(0))
        return ConsistentSet(self.table(TRAINING), math.inf, self.consistent.halfspaces).least

    @property
    def least_regret(self) -> float:
        """The least training regret of an objective on the targets."""
        return math.nan if self._least.value is None else float(self._least.value)

    @property
    def least_bound(self) -> float:
        """The bound that is proved for it; the same, unless a search stopped before its end."""
        return 0.0 if self._least.bound is None or self.table(TRAINING).undecided else float(self._least.bound)

    def allows(self, objective: Objective) -> bool:
        """Say whether some policy that is optimal for an objective is within the tolerance."""
        table = self.table(TRAINING)
        allowed = self.consistent.choices.allowed
        return allowed is None or exact_regret_of(table, table, objective.values)[0] <= allowed

    def representative(self) -> Objective | None:
        """Return the first declared objective in the set, else the one of least norm."""
        found = self.selected.representative([objective.values for objective in self.declared])
        if found is None:
            return None
        position, values = found
        name = "the objective of least norm" if position is None else self.declared[position].name
        return Objective(name, self.names, values, tuple(self.tables.domain(node) for node in self.names))

    def regret_of(self, objective: Objective) -> tuple[float, float]:
        """Return the training regret of the best and of the worst policy that is optimal for an objective."""
        return self.consistent.regret_of(objective.values)

    def regret(self, name: str, stale: bool = False) -> Interval:
        """Return the regret interval of the set in a deployment."""
        if stale:
            return interval(self.selected, self.tables.stale(name, self.names))
        return interval(self.selected, self.table(name), self._possible(name))

    def actions(self, name: str) -> Actions:
        """Return the possible actions in a distribution."""
        return self.tables.by_context(name, self._possible(name), self.table(name))

    def table(self, name: str) -> OutcomeTable:
        """Return the outcome table of the targets in a distribution."""
        if name not in self._tables_known:
            self._tables_known[name] = self.tables.table(name, self.names)
        return self._tables_known[name]

    def _possible(self, name: str) -> Mask:
        if name not in self._possible_known:
            self._possible_known[name] = possible(self.selected, self.table(name))
        return self._possible_known[name]

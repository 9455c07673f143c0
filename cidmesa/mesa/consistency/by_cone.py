"""All objectives on the targets at once: the numbers of one candidate, read off a union of cones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.consistency.frozen_rules import FrozenRules, allowed
from cidmesa.mesa.consistency.joint_search import Answer, Halfspaces
from cidmesa.mesa.consistency.regret_interval import Interval, interval, of_two_values, possible
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.outcomes.disagreement import Actions, by_context
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, optimal_for
from cidmesa.mesa.outcomes.per_level import PerLevel
from cidmesa.mesa.outcomes.per_level_policies import PolicyLevels
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve.tables.exact_numbers import number_meant

if TYPE_CHECKING:
    from cidmesa.mesa.outcomes.for_setup import OutcomeTables
    from cidmesa.mesa.setup.training import TrainingSetup


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
    levels
        Training level by level, where it selects by minimax regret: what is allowed is then the tolerance beyond the
        least that any rule has in its worst level.
    """

    def __init__(
        self,
        tables: OutcomeTables,
        names: tuple[str, ...],
        tolerance: float,
        declared: Sequence[Objective],
        budget: Budget = UNLIMITED,
        levels: PerLevel | PolicyLevels | None = None,
    ) -> None:
        self.tables = tables
        self.names = names
        self.tolerance = tolerance
        self.declared = declared
        self.budget = budget
        self.levels = levels
        self.allowed = tolerance if levels is None else levels.floor + number_meant(tolerance)
        self._tables_known: dict[str, OutcomeTable] = {}
        self._possible_known: dict[str, Mask] = {}
        self._actions_known: dict[tuple[str, bool], Actions] = {}

    @cached_property
    def consistent(self) -> ConsistentSet:
        """The consistent set."""
        return self._within(self.allowed, Halfspaces(self.table(TRAINING).outcome.shape[2], self.budget))

    def _within(self, allowed: float | Fraction, known: Halfspaces) -> ConsistentSet:
        if self.levels is None:
            return ConsistentSet(self.table(TRAINING), allowed, known)
        return ConsistentSet(self._level_by_level, allowed, known, self.levels.rows)

    @cached_property
    def _level_by_level(self) -> OutcomeTable:
        return self.table(TRAINING) if self.levels is None else self.levels.table(self.names)

    @cached_property
    def selected(self) -> ConsistentSet:
        """The consistent set; where it is empty, the objectives with the least training regret."""
        if self.consistent.is_empty is not True:
            return self.consistent
        least = self._least.value
        if least is None:
            return self.consistent
        return self._within(least, self.consistent.halfspaces)

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
        if self.consistent.is_empty is False and not self.allowed:
            return Answer(Fraction(0), Fraction(0))
        return self._within(math.inf, self.consistent.halfspaces).least

    @property
    def least_regret(self) -> float:
        """The least training regret of an objective on the targets."""
        return math.nan if self._least.value is None else float(self._least.value)

    @property
    def least_bound(self) -> float:
        """The bound that is proved for it; the same, unless a search stopped before its end."""
        return 0.0 if self._least.bound is None or self._level_by_level.undecided else float(self._least.bound)

    def allows(self, objective: Objective) -> bool:
        """Say whether some policy that is optimal for an objective is within the tolerance."""
        return self.consistent.allows(objective.values)

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
        if not stale:
            return interval(self.selected, self.table(name), self._possible(name))
        if not isinstance(self.tables, OneDecision):
            return self.frozen_regret(name, self.table(name))
        return interval(self.selected, self._believed(self.tables, name), self._frozen_possible(self.tables, name))

    def new_regret(self, name: str) -> Interval | None:
        """Return the part of the stale regret that contexts account for which training does not show."""
        if not isinstance(self.tables, OneDecision):
            return None
        new = self.tables.new(name)
        can = self._frozen_possible(self.tables, name)[new]
        return interval(self.selected, self._believed(self.tables, name).some(new), can)

    def actions(self, name: str, stale: bool = False) -> Actions:
        """Return the possible actions in a distribution."""
        if (name, stale) not in self._actions_known:
            self._actions_known[name, stale] = self._actions(name, stale and name != TRAINING)
        return self._actions_known[name, stale]

    def _actions(self, name: str, frozen: bool) -> Actions:
        if frozen and isinstance(self.tables, NormalForm):
            return self._frozen_actions(self.tables, name)
        if frozen and isinstance(self.tables, OneDecision):
            can = self._frozen_possible(self.tables, name)
            return self.tables.by_context(name, can, self._believed(self.tables, name))
        return self.tables.by_context(name, self._possible(name), self.table(name))

    def some_actions(self, name: str) -> Actions | None:
        """Return what one member of the set does in a distribution that it knows, if one is known."""
        if self.selected.some is None:
            return None
        table = self.table(name)
        return self.tables.by_context(name, optimal_for(table, self.selected.some[2]), table)

    def _believed(self, tables: OneDecision, name: str) -> OutcomeTable:
        key = f"stale {name}"
        if key not in self._tables_known:
            self._tables_known[key] = tables.stale(name, self.names)
        return self._tables_known[key]

    def _frozen_possible(self, tables: OneDecision, name: str) -> Mask:
        key = f"stale {name}"
        if key not in self._possible_known:
            self._possible_known[key] = possible(self.selected, self._believed(tables, name))
        return self._possible_known[key]

    # Rules of several decisions that were fixed in training -----------------------------------------------------------

    def _frozen_for(self, setup: TrainingSetup) -> list[tuple[FrozenRules, Floats | None]]:
        """Return the objectives of the set one by one where they are few, else all at once with ``None``.

        `setup` has the same training and perhaps other deployments.
        """
        if self.table(TRAINING).outcome.shape[2] == 2:
            return [(self._frozen_member(setup, member), member) for member in of_two_values(self.selected)]
        everyone = FrozenRules(setup, self.names, partial(possible, self.selected), one_objective=False)
        return [(everyone, None)]

    def _frozen_member(self, setup: TrainingSetup, member: Floats) -> FrozenRules:
        return FrozenRules(setup, self.names, partial(optimal_for, objective=member), one_objective=True)

    @cached_property
    def _frozen(self) -> list[tuple[FrozenRules, Floats | None]]:
        return self._frozen_for(self.tables.setup)

    def frozen_policies(self, name: str, tables: NormalForm | None = None) -> Mask:
        """Return which reduced policies optimizers may follow in a deployment whose rules were fixed in training.

        Parameters
        ----------
        name
            The deployment.
        tables
            Of another setup with the same training, whose deployment it is.
        """
        there = self.tables if tables is None else tables
        if not isinstance(there, NormalForm):
            raise NotApplicableError("frozen policies are those of several decisions; here there is one.")
        frozen = self._frozen if there is self.tables else self._frozen_for(there.setup)
        found = [self._follow(there, name, rules, member) for rules, member in frozen]
        return np.asarray(np.any(found, axis=0)) if found else np.zeros(len(there.reduced), dtype=bool)

    def _follow(self, tables: NormalForm, name: str, rules: FrozenRules, member: Floats | None) -> Mask:
        trained = self._trained(tables, member)
        ok = trained.copy()
        for decision in tables.setup.cid.decisions:
            rule, enters = tables.reduced.rules[decision], tables.enters(name, decision)
            off = ~rules.allows(name, decision)
            ok &= ~(enters & off[np.arange(rule.shape[1]), rule]).any(axis=1)
        return ok if ok.any() else trained

    def _trained(self, tables: NormalForm, member: Floats | None) -> Mask:
        """Return which reduced policies are optimal in training, for one objective or for some of the set."""
        if member is None and tables is self.tables:
            return np.asarray(self._possible(TRAINING)[0])
        table = self.table(TRAINING) if tables is self.tables else tables.table(TRAINING, self.names)
        return np.asarray(possible(self.selected, table)[0] if member is None else optimal_for(table, member)[0])

    def frozen_regret(self, name: str, paid: OutcomeTable) -> Interval:
        """Return the least and the largest regret of frozen policies in a deployment, by the values of a table.

        Where objectives were taken together, others may lie inside: `gap` is the distance to what one of them does.
        """
        regret, policies = paid.regret[0], self.frozen_policies(name)
        if not policies.any() or not isinstance(self.tables, NormalForm):
            return Interval(math.nan, math.nan)
        low, high = float(regret[policies].min()), float(regret[policies].max())
        if all(member is not None for _, member in self._frozen) or self.selected.some is None:
            return Interval(low, high)
        member = self.selected.some[2]
        one = self._frozen_member(self.tables.setup, member)
        inside = regret[self._follow(self.tables, name, one, member)]
        return Interval(low, high, max(float(inside.min()) - low, high - float(inside.max())))

    def _frozen_actions(self, tables: NormalForm, name: str) -> Actions:
        trained = tables.taken(TRAINING, np.flatnonzero(self._possible(TRAINING)[0]))
        model, found = tables.setup.deployed(name), {}
        for decision in tables.setup.cid.decisions:
            several = [rules.allows(name, decision) for rules, _ in self._frozen]
            can = np.asarray(np.any(several, axis=0)) if several else allowed(model, decision)
            taken = tables.reduced.alike(decision, trained[decision])  # what is idle makes no context a new one
            had: Mask = taken.max(axis=1, keepdims=True)
            can = np.where(had, taken, can)
            enters: Mask = tables.enters(name, decision).max(axis=0)
            found[decision] = can & enters[:, None]
        return by_context(model, found)

    def table(self, name: str) -> OutcomeTable:
        """Return the outcome table of the targets in a distribution."""
        if name not in self._tables_known:
            self._tables_known[name] = self.tables.table(name, self.names)
        return self._tables_known[name]

    def _possible(self, name: str) -> Mask:
        if name not in self._possible_known:
            self._possible_known[name] = possible(self.selected, self.table(name))
        return self._possible_known[name]

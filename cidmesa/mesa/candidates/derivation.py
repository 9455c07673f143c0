"""What the candidates of one family share: the setup, its outcome tables, and the method that answers for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.prior import SimplicityPrior
from cidmesa.mesa.candidates.targets import admissible, in_node_order, target_key
from cidmesa.mesa.consistency.by_cone import ByCone
from cidmesa.mesa.consistency.by_declared_objective import ByDeclaredObjective, Findings
from cidmesa.mesa.consistency.by_elimination import ByElimination
from cidmesa.mesa.consistency.by_stage import ByStage
from cidmesa.mesa.consistency.method import Answers, needs_stochastic_rules
from cidmesa.mesa.consistency.regret_interval import Interval, interval
from cidmesa.mesa.graphical.positions import Reading
from cidmesa.mesa.objectives.declared import Objective, declared_on_fewer, domain_of, numbers_of, of_score, read
from cidmesa.mesa.outcomes.normal_form import COMPARED, NormalForm
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
from cidmesa.mesa.outcomes.per_level import PerLevel
from cidmesa.mesa.outcomes.per_level_policies import PolicyLevels
from cidmesa.mesa.outcomes.reduced_policies import ENTRIES, FEW, requisite_links
from cidmesa.mesa.setup.level_model import Levels
from cidmesa.mesa.setup.selection import EXPECTED, MINIMAX
from cidmesa.mesa.setup.training import require_setup, require_tolerance
from cidmesa.solve import joint, solve
from cidmesa.solve.queries.payoffs import uniform_policy

if TYPE_CHECKING:
    from cidmesa.mesa.outcomes.for_setup import OutcomeTables
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.solve import Solution


class Derivation:
    """What the candidates of one family share: the setup and its outcome tables.

    Parameters
    ----------
    setup, tolerance, objectives, prior
        As for :func:`cidmesa.derive_mesa_optimizers`.
    budget
        How long each answer may take; its clock runs while one is asked for.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        tolerance: float = 0.0,
        objectives: Mapping[Any, Any] | None = None,
        prior: SimplicityPrior | None = None,
        budget: Budget = UNLIMITED,
    ) -> None:
        if require_setup(setup, "a derivation").model is not None:
            setup.require_model("deriving mesa-optimizers")
        require_tolerance(tolerance)
        self.setup = setup
        self.tolerance = tolerance
        self.budget = budget
        self.bits = (prior or SimplicityPrior()).bits
        self.pool = admissible(setup)
        form = {decision: setup.reads(decision) for decision in setup.cid.decisions}
        levels = setup.base if isinstance(setup.base, Levels) and setup.level is not None else None
        self.reading = Reading(
            setup.cid, setup.training_score, form, None if levels is None else levels.table.dependent
        )
        self._why: dict[tuple[str, ...], str] = {}  # why a candidate is not known by all its objectives
        self._findings = Findings()
        self._one_decision: OneDecision | None = None
        self._listed: dict[tuple[tuple[tuple[str, tuple[str, ...]], ...], int], NormalForm | NotApplicableError] = {}
        self._given = {target_key(setup, name): what for name, what in (objectives or {}).items()}

    def _tables_for(self, names: tuple[str, ...], entries: int = ENTRIES) -> OutcomeTables:
        """Return outcome tables that hold all that matters for these targets; of several decisions without idle links.

        A rule that uses an idle link does what a mixture of others does. What is learnt of frozen rules is more without
        them: a context that differs in what is idle alone from one of training is no new one. Level by level no link is
        idle: which of the others a rule mixes how may hang on the level.
        """
        if len(self.setup.cid.decisions) == 1:
            if self._one_decision is None:
                self._one_decision = OneDecision(self.setup)
            return self._one_decision
        on_average = self.setup.selects == EXPECTED
        links = tuple(requisite_links(self.setup, names).items()) if on_average else (), entries
        if links not in self._listed:
            try:
                self._listed[links] = NormalForm(self.setup, names if on_average else None, entries)
            except NotApplicableError as too_many:
                self._listed[links] = too_many
        found = self._listed[links]
        if isinstance(found, NotApplicableError):
            raise found
        if not found.affords(names):
            raise NotApplicableError(
                f"of {len(found.reduced):,} deterministic policies more than {COMPARED:,} may be best for some "
                f"objective on {', '.join(names)}: give the decisions fewer observations, or the targets fewer values."
            )
        return found

    def regret_by_intended(self, names: tuple[str, ...], name: str, known: ByCone, *, stale: bool = False) -> Interval:
        """Return the regret interval of a candidate in a distribution, by what is intended instead of the base.

        Raises
        ------
        NotApplicableError
            The setup says nothing of intentions, or there are too many policies to compare.
        """
        node = self.setup.intended
        if node is None:
            raise NotApplicableError("this setup does not say what is intended: TrainingSetup(.., intended=node).")
        tables = self._tables_for(in_node_order(self.setup, (*names, node)))
        numbers = numbers_of(self.setup, node)
        value = tables.table(name, (node,)).outcome @ numbers
        if stale and isinstance(tables, NormalForm):
            there = tables.table(name, names)
            paid = OutcomeTable(there.weight, there.outcome, value, there.exact)
            if tables is not known.tables:
                known = ByCone(tables, names, self.tolerance, self.declared(names), self.budget)
            return known.frozen_regret(name, paid)
        believed = tables.stale(name, names) if stale and isinstance(tables, OneDecision) else tables.table(name, names)
        return interval(known.selected, OutcomeTable(believed.weight, believed.outcome, value, believed.exact))

    def answers(self, names: tuple[str, ...]) -> Answers | None:
        """Return the numbers of a candidate, by whichever method is exact; ``None`` where there are none."""
        if self.setup.model is None:
            return None
        if self.setup.selects != EXPECTED:
            return self._level_by_level(names)
        if needs_stochastic_rules(self.setup, names):
            return ByDeclaredObjective(
                self.setup,
                names,
                self.tolerance,
                (*self.declared(names), *self._of_a_part(names)),
                self.budget,
                self._findings,
            )
        staged: ByStage | None = None
        for entries in (FEW, ENTRIES):  # sweeps come before a long list where they say all there is to say
            try:
                tables = self._tables_for(names, entries)
            except NotApplicableError as reason:
                self._why[names] = str(reason)
            else:
                self._why.pop(names, None)
                return ByCone(tables, names, self.tolerance, self.declared(names), self.budget)
            if entries == FEW:
                staged = self._by_stage(names)
            if staged is not None and staged.is_complete:
                return staged
        return staged or self._by_elimination(names)

    def _by_stage(self, names: tuple[str, ...]) -> ByStage | None:
        """Return the numbers of a candidate by sweeps over contexts; ``None`` where decisions cannot be swept."""
        if self.setup.shared_rules or self.setup.phases is not None:
            return None
        with suppress(NotApplicableError):
            return ByStage(self.setup, names, self.tolerance, self.declared(names), self._why[names], self.budget)
        return None

    def _by_elimination(self, names: tuple[str, ...]) -> ByElimination | None:
        """Return the numbers of a candidate whose decisions cannot be swept; ``None`` where they are out of reach."""
        if self.setup.shared_rules or self.setup.phases is not None:
            return None
        with suppress(NotApplicableError):
            return ByElimination(self.setup, names, self.tolerance, self.declared(names), self._why[names], self.budget)
        return None

    def _level_by_level(self, names: tuple[str, ...]) -> Answers | None:
        """Return the numbers of a candidate where training selects by the worst level."""
        if needs_stochastic_rules(self.setup, names):
            self._why[names] = (
                f"{MINIMAX} is known level by level where deterministic rules are as good as any, and here one rule "
                "acts twice on the score or the targets: give the decisions rules of their own."
            )
            return None
        try:
            self._tables_for(names)
            levels = self.levels
            if levels is not None:
                return ByCone(levels.tables, names, self.tolerance, self.declared(names), self.budget, levels)
        except NotApplicableError as reason:
            self._why[names] = str(reason)
        return None

    @cached_property
    def levels(self) -> PerLevel | PolicyLevels | None:
        """Training level by level, where it selects by minimax regret; else ``None``.

        Raises
        ------
        NotApplicableError
            Too many levels, or too many policies of several decisions.
        """
        if self.setup.selects == EXPECTED:
            return None
        tables = self._tables_for(())
        if isinstance(tables, NormalForm):
            return PolicyLevels(tables)
        return PerLevel(tables) if isinstance(tables, OneDecision) else None

    @property
    def floor(self) -> float | None:
        """The least regret that any rule has in its worst level; ``None`` where it is not known.

        0 where training selects by the expected score.
        """
        if self.setup.selects == EXPECTED:
            return 0.0
        if self.setup.model is None:
            return None
        try:
            return 0.0 if self.levels is None else float(self.levels.floor)
        except NotApplicableError:
            return None

    def why_not_listed(self, names: tuple[str, ...]) -> str | None:
        """Return why a candidate is not known by all its objectives, where the policies are too many to compare."""
        return self._why.get(names)

    def without_numbers(self, names: tuple[str, ...], question: str) -> NotApplicableError:
        """Return the error for a question about a candidate that has no answer in numbers."""
        if names in self._why:
            return NotApplicableError(f"{question} is not known here: {self._why[names]}")
        if self.setup.model is not None:
            return NotApplicableError(f"{question} is not known here.")
        return NotApplicableError(
            f"{question} needs numbers, and this setup is a bare diagram: TrainingSetup(cid.parameterise(..))."
        )

    @cached_property
    def optimum(self) -> Solution:
        """What the base can earn in training."""
        return solve(self.setup.require_model("the base optimum"), budget=self.budget)

    @cached_property
    def shown(self) -> Mapping[str, tuple[Any, ...]]:
        """The values that each node has in training with positive probability, under some policy."""
        model = self.setup.require_model("what training shows")
        found: dict[str, tuple[Any, ...]] = {}
        policy = uniform_policy(model)
        for node in self.setup.cid.nodes:
            utility = self.setup.cid.kind(node) == "utility"
            values = np.unique(model.cpd(node)).tolist() if utility else model.domain(node)
            comes = np.asarray(joint(model, [node], policy=policy)) > 0
            found[node] = tuple(value for value, seen in zip(values, comes.tolist(), strict=True) if seen)
        return found

    def proper_subsets(self, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Yield the proper subsets of targets, the score whole or not at all."""
        units = [unit for unit in self.pool if unit[0] in names]
        for k in range(1, len(units)):
            for some in combinations(units, k):
                yield in_node_order(self.setup, chain(*some))

    def declared(self, names: tuple[str, ...]) -> tuple[Objective, ...]:
        """Return the objectives on these targets that are tried by name."""
        if self.setup.model is None:
            return ()
        return read(self._given.get(names), names, [domain_of(self.setup, node) for node in names])

    def given(self, names: tuple[str, ...]) -> tuple[Objective, ...]:
        """Return the objectives that the user gave on these targets."""
        return self.declared(names) if names in self._given else ()

    def _of_a_part(self, names: tuple[str, ...]) -> tuple[Objective, ...]:
        """Return the base utility, where it is an objective on the targets, and those declared on fewer targets.

        So supersets of consistent targets are found consistent where no cone says so.
        """
        if names in self._given:
            return ()
        domains = [domain_of(self.setup, node) for node in names]
        return (*of_score(self.setup, names, domains), *declared_on_fewer(names, domains))

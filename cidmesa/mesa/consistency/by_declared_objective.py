r"""Declared objectives one by one, each with its optimal stochastic rules: the numbers of one candidate.

Where one rule serves several decisions of one run, expectations are not linear in it, the best rule may have to be
stochastic, and the objectives that it is optimal for form no cone (:mod:`.shared_rules`). What is found consistent is;
that nothing is found proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.consistency.consistent_set import unit
from cidmesa.mesa.consistency.frozen_rules import allowed
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.consistency.rule_polynomials import Polynomial, Value
from cidmesa.mesa.consistency.shared_rule_extremes import Extremes, extremes
from cidmesa.mesa.consistency.shared_rules import Known, RuleSpace
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.outcomes.disagreement import Actions, by_context
from cidmesa.mesa.outcomes.reduced_policies import names_of
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve import joint
from cidmesa.solve.queries.payoffs import reached_contexts
from cidmesa.solve.tables.exact_numbers import numbers_meant

if TYPE_CHECKING:
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM


@dataclass(frozen=True, slots=True)
class Findings:
    """What is found of the rules of one setup while one candidate is looked at, for the others.

    Attributes
    ----------
    best
        Per distribution what the base can earn, and whether that is proven.
    extremes, maximisers
        Per group of contexts (:class:`.Part`) the range of the base, and the optimal rules.
    """

    best: dict[str, tuple[Value, bool]] = field(default_factory=dict)
    extremes: Known[Extremes] = field(default_factory=dict)
    maximisers: Known[tuple[Floats, ...]] = field(default_factory=dict)


class ByDeclaredObjective:
    """Declared objectives one by one, with stochastic rules.

    Parameters
    ----------
    setup
        A setup with shared rules.
    names, tolerance, declared
        As for :class:`ByCone`.
    budget
        How long an answer may take.
    findings
        What other candidates of the setup have found, and is added to.
    """

    margin = None
    delta = None

    def __init__(
        self,
        setup: TrainingSetup,
        names: tuple[str, ...],
        tolerance: float,
        declared: Sequence[Objective],
        budget: Budget = UNLIMITED,
        findings: Findings | None = None,
    ) -> None:
        self.setup = setup
        self.names = names
        self.tolerance = tolerance
        self.declared = declared
        self.budget = budget
        self.why = ""  # why nothing is known of some objective
        self._known: dict[tuple[_Way, str, bool], _Regret] = {}
        self._actions: dict[tuple[str, bool], Actions] = {}
        self._ranges: dict[tuple[object, ...], Extremes] = {}
        self._findings = findings or Findings()

    @property
    def is_empty(self) -> bool | None:
        """False where a declared objective is consistent; else not known."""
        return False if any(regret.proven(self.tolerance) for regret in self._regrets_of_all()) else None

    @property
    def least_regret(self) -> float:
        """The least training regret of a declared objective; none is below zero, so the first zero is the least."""
        least = math.inf
        for regret in self._regrets_of_all():
            least = min(least, regret.bound)
            if least == 0.0:
                break
        return least

    @property
    def least_bound(self) -> float:
        """The same: it is about declared objectives, one by one."""
        return self.least_regret

    def allows(self, objective: Objective) -> bool:
        """Say whether some rule that is optimal for an objective is within the tolerance, or may be up to rounding."""
        least = self._regrets(objective, TRAINING).least
        return not math.isnan(least.number) and least.within(self.tolerance) is not False

    def representative(self) -> Objective | None:
        """Return the first declared objective in the set."""
        objective = next(self._selected(), None)
        if objective is None:
            return None
        return Objective(objective.name, objective.targets, unit(objective.values), objective.domains)

    def regret_of(self, objective: Objective) -> tuple[float, float]:
        """Return the training regret of the best and of the worst rule that is optimal for an objective."""
        found = self._regrets(objective, TRAINING)
        return found.low, found.high

    def regret(self, name: str, stale: bool = False) -> Interval:
        """Return the hull of the regrets of the declared objectives in the set."""
        ends = [self._regrets(objective, name, stale) for objective in self._selected()]
        if not ends:
            return Interval(math.nan, math.nan)
        return Interval(min(r.low for r in ends), max(r.high for r in ends), max(r.off for r in ends))

    def new_regret(self, name: str) -> Interval | None:
        """A regret of several decisions is no sum over contexts."""
        return None

    def actions(self, name: str, stale: bool = False) -> Actions:
        """Return the actions that optimal rules take in the contexts that they reach.

        Stale, those that they take in training, and any in contexts of the deployment that they do not reach there.

        Raises
        ------
        NotApplicableError
            Of no objective it is known.
        """
        if self.why and next(self._selected(), None) is None:
            raise NotApplicableError(self.why)
        if (name, stale) not in self._actions:
            model = self.setup.deployed(name)
            taken = self.behaviour(self.setup.deployed(TRAINING) if stale else model)[0]
            if stale and name != TRAINING:
                taken = {d: self._frozen(model, d, had) for d, had in taken.items()}
            self._actions[name, stale] = by_context(model, taken)
        return self._actions[name, stale]

    @staticmethod
    def _frozen(model: CIM, decision: str, had: Mask) -> Mask:
        """Return what a rule from training takes in the contexts that a deployment reaches, all where it was not."""
        can = np.where(had.any(axis=1, keepdims=True), had, allowed(model, decision))
        return np.asarray(can & reached_contexts(model, decision).reshape(-1, 1))

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
        ways = {_way(objective.values): objective for objective in self._selected()}
        for rule in chain.from_iterable(self._optimal(space, model, objective) for objective in ways.values()):
            rows = {d: space.rule_of(d, rule) for d in cid.decisions}
            policy = {d: table.reshape(_shape(model, d)) for d, table in rows.items()}
            for decision, table in rows.items():
                reached = joint(model, cid.parents(decision), policy=policy).ravel() > 0
                taken[decision] |= reached[:, None] & (table > 0)
            laws.append(joint(model, names_of(cid), policy=policy).ravel())
        runs = math.prod(model.card(n) for n in names_of(cid))
        return taken, np.array(laws).reshape(len(laws), runs)

    # ----------------------------------------------------------------------------------------------------------------

    @property
    def members(self) -> tuple[Objective, ...]:
        """The declared objectives in the set; where it is not known to have one, those of least regret."""
        return tuple(self._selected())

    def _regrets_of_all(self) -> Iterator[_Regret]:
        """Yield the training regret of each declared objective, computed as it is asked for."""
        return (self._regrets(objective, TRAINING) for objective in self.declared)

    def _selected(self) -> Iterator[Objective]:
        """Yield the declared objectives in the set; where it is not known to have one, those of least regret."""
        every = zip(self.declared, self._regrets_of_all(), strict=True)
        if self.is_empty is False:
            return (objective for objective, regret in every if regret.proven(self.tolerance))
        least = min((regret.order for regret in self._regrets_of_all() if not math.isnan(regret.bound)), default=-1)
        return (objective for objective, regret in every if regret.order <= least)

    def _regrets(self, objective: Objective, name: str, stale: bool = False) -> _Regret:
        """Return the base regret of the best and of the worst rule that is optimal for an objective."""
        key = _way(objective.values), name, stale
        if key not in self._known:
            self.budget.check(f"trying {len(self.declared):,} declared objectives on {', '.join(self.names)}", _SHRINK)
            try:
                self._known[key] = self._found(objective, name, stale)
            except NotApplicableError as too_large:
                self.why = str(too_large)
                self._known[key] = _Regret(Value(math.nan), Value(math.nan), math.inf)
        return self._known[key]

    def _found(self, objective: Objective, name: str, stale: bool) -> _Regret:
        model = self.setup.deployed(name)
        believed = self.setup.deployed(TRAINING) if stale else model  # where training never was, nothing is wanted
        paid = self.setup.training_score if name == TRAINING else self.setup.score
        space = RuleSpace.of(model, self.setup.shared_rules)
        worth = space.total(model, paid)
        wanted = space.expectation(believed, self.names, objective.table_in(believed))
        if name not in self._findings.best:
            self._findings.best[name] = space.maximum(worth)
        best, exact = self._findings.best[name]
        key: tuple[object, ...] = (name, wanted.terms.tobytes(), *_numbers(wanted))
        if key not in self._ranges:  # several objectives may want the same, or not care
            self._ranges[key] = extremes(space, wanted, worth, budget=self.budget, known=self._findings.extremes)
        found = self._ranges[key]
        low, high = best.less(found.largest), best.less(found.least)
        if exact and found.exact and high.sign is not None:
            return _Regret(low, high, 0.0)
        spread = math.fsum(float(np.ptp(model.cpd(utility))) for utility in paid)
        return _Regret(low, high, max(low.number, spread - high.number, 0.0))

    def _optimal(self, space: RuleSpace, model: CIM, objective: Objective) -> tuple[Floats, ...]:
        wanted = space.expectation(model, self.names, objective.table_in(model))
        base = space.utility(model, self.setup.score)
        return space.maximisers(wanted, base, self._findings.maximisers)


class _Regret(NamedTuple):
    """The least and the largest regret that were found, and how far outside of these others may lie."""

    least: Value
    largest: Value
    off: float

    @property
    def low(self) -> float:
        """The least, in floating point."""
        return self.least.not_below_zero

    @property
    def high(self) -> float:
        """The largest, in floating point."""
        return self.largest.not_below_zero

    @property
    def bound(self) -> float:
        """What no optimal rule of the objective exceeds."""
        return self.high + self.off

    @property
    def order(self) -> float | Fraction:
        """The same as exactly as it is known: what objectives are compared by."""
        return self.bound if self.off or self.largest.fraction is None else self.largest.fraction

    def proven(self, tolerance: float) -> bool:
        """Say whether it is known to be within a tolerance."""
        return self.bound <= tolerance if self.off else self.largest.within(tolerance) is True


_SHRINK = "declare fewer objectives, objectives={targets: ..}, or let the decisions observe less"

_Way: TypeAlias = tuple[Fraction, ...]


def _way(values: Floats) -> _Way:
    """Return what objectives have in common that want the same: they differ by scale and shift alone."""
    meant = numbers_meant(values).tolist()
    least = min(meant)
    most = max(meant) - least or Fraction(1)
    return tuple((x - least) / most for x in meant)


def _numbers(wanted: Polynomial) -> tuple[object, ...]:
    """Return what expectations have in common that differ by scale and shift alone."""
    exact = wanted.exactly
    if exact is None:
        return (wanted.coefficients.tobytes(),)
    whole = exact.coefficients.tolist()
    common = math.gcd(*whole) or 1
    return tuple(x // common for x in whole)


def _shape(model: CIM, decision: str) -> tuple[int, ...]:
    return (*(model.card(p) for p in model.cid.parents(decision)), model.card(decision))

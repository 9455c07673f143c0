r"""Consistency of several decisions, decision by decision: a sufficient test where policies are too many to list.

Let the diagram be soluble for the base utility and the mesa-utility together. Settle the decisions in the order of the
relevance graph, with later rules at the base's optimum :math:`\pi_b`; then :math:`P(t \mid pa, do(a))` does not depend
on the rules before it. If in **every** context that some policy reaches :math:`O` strictly prefers optimal actions of
the base, every policy that is optimal for :math:`O` is optimal for the base: :math:`O` is strongly consistent.

The converse fails: an objective may be consistent and yet choose badly in contexts that its own optimal policies never
enter. So an empty set is no proof. Where the base is indifferent at a decision that others depend on, only objectives
that want :math:`\pi_b`'s own action there are found, since a different optimal action would change what the others lead
to.

A single objective needs no such test: its optimal policies are combinations of optimal actions, and the best and the
worst of them for the base are two more sweeps (:mod:`.dynamic_programming`), in training and in any deployment. What
that says of a whole set is told in :mod:`.one_by_one`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.graph import relevance_graph
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.consistency.one_by_one import NEAR, OneByOne
from cidmesa.mesa.graphical.mesa_diagram import mesa_model, with_mesa_utility
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.outcomes.disagreement import Actions, by_context
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, rounding_of
from cidmesa.mesa.outcomes.stand_ins import stand_ins, with_stand_ins
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve import outcome_law, solve
from cidmesa.solve.policies.dynamic_programming import OptimalActions, best_within, sweep_back
from cidmesa.solve.policies.stakes import paying_only
from cidmesa.solve.policies.worth import Worth, difference
from cidmesa.solve.queries.payoffs import reached_contexts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM
    from cidmesa.solve import Solution


class ByStage(OneByOne):
    """Consistency where policies are too many to list, by a sufficient test and by single objectives.

    Of targets that have two values together all objectives are tried. Of others the answers about deployments are those
    of the objectives known to be consistent, the declared ones and the representative, with the distance to what is
    proven of all. Parameters as for :class:`.OneByOne`.
    """

    sufficient: ConsistentSet

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
        self.sufficient = ConsistentSet(stage_law(setup, names, budget))
        self._rules_known: dict[tuple[str, bytes], OptimalActions] = {}
        self._worths_known: dict[tuple[str, bytes, bool], tuple[Worth, Worth]] = {}
        self._actions_known: dict[tuple[str, bool], Actions] = {}
        self._regrets_known: dict[tuple[str, bytes, bool], tuple[float, float]] = {}
        self._ends_known: dict[str, tuple[Worth, Worth]] = {}

    def actions(self, name: str, stale: bool = False) -> Actions:
        """Return the possible actions in a distribution, where that is known of all objectives.

        All were tried; or nothing is tolerated, and all that the base's own optimizers do in training some known member
        of the set does: others do no more, as theirs are among the base's optimal policies. Frozen, they go on with it.

        Raises
        ------
        NotApplicableError
            They were not tried: others may do something else.
        """
        if (name, stale) not in self._actions_known:
            self._actions_known[name, stale] = (
                self._actions(name, stale) if self.is_complete else self._had(name, stale)
            )
        return self._actions_known[name, stale]

    def _had(self, name: str, stale: bool) -> Actions:
        """Return what all members of an incomplete set do in training and, frozen, where training came as well."""
        model, trained = self.setup.deployed(name), self._as_the_base
        comes = {d: reached_contexts(model, d).reshape(-1) for d in model.cid.decisions}
        if trained is not None and (name == TRAINING or stale):
            had = {d: mask.any(axis=1) for d, mask in trained.items()}
            if name == TRAINING:
                return by_context(model, trained)
            if all((had[d] | ~here).all() for d, here in comes.items()):
                return by_context(model, {d: mask & comes[d][:, None] for d, mask in trained.items()})
        raise NotApplicableError(f"the possible actions in '{name}' are not known here: {self.why}")

    @cached_property
    def _as_the_base(self) -> Mapping[str, Mask] | None:
        """What the base's optimizers do in training, where members of the set are known to do all of it."""
        if self.tolerance > 0 or self.is_empty is not False:
            return None
        model = self.setup.deployed(TRAINING)
        try:
            most = sweep_back(paying_only(model, self.setup.training_score), self.budget).taken
        except NotApplicableError:
            return None
        known = [self._rules(objective, TRAINING).taken for objective in self._selected]
        if all(np.array_equal(np.any([taken[d] for taken in known], axis=0), mask) for d, mask in most.items()):
            return most
        return None

    def _actions(self, name: str, stale: bool) -> Actions:
        model = self.setup.deployed(name)
        taken = {d: np.zeros((len(model.contexts(d)), model.card(d)), dtype=bool) for d in model.cid.decisions}
        for objective in self._selected:
            there = TRAINING if stale else name
            for decision, mask in self._rules(objective, there).taken.items():
                taken[decision] |= mask
        if stale and name != TRAINING:
            frozen = [self._frozen(objective) for objective in self._selected]
            for decision, had in taken.items():
                can = np.any([rules.allows(name, decision) for rules in frozen], axis=0)
                can = np.where(had.any(axis=1, keepdims=True), had, can)
                taken[decision] = can & reached_contexts(model, decision).reshape(-1, 1)
        return by_context(model, taken)

    # ----------------------------------------------------------------------------------------------------------------

    def _exact_regret(self, objective: Objective) -> Fraction | None:
        """Return the training regret of the worst policy that is optimal for an objective, where it is in reach."""
        top, worst = self._ends(TRAINING)[1].exactly, self._worths(objective, TRAINING)[0].exactly
        return None if top is None or worst is None else top - worst

    def _regrets(self, objective: Objective, name: str, stale: bool = False) -> tuple[float, float]:
        """Return the base regret of the best and of the worst policy that is optimal for an objective.

        Zero where they are the best for the base, exactly; where that is not known, the best counts as that and the
        worst does not.
        """
        key = name, objective.values.tobytes(), stale
        if key not in self._regrets_known:
            worst, best = self._worths(objective, name, stale)
            top = self._ends(name)[1]
            self._regrets_known[key] = self._lost(top, best, doubt=0.0), self._lost(top, worst, doubt=1.0)
        return self._regrets_known[key]

    def _worths(self, objective: Objective, name: str, stale: bool = False) -> tuple[Worth, Worth]:
        """Return the least and the largest that the base gets from policies that are optimal for an objective."""
        key = name, objective.values.tobytes(), stale
        if key not in self._worths_known:
            model, paid = self.setup.deployed(name), self._paid(name)
            if stale:
                masks = self.frozen_actions(objective, name)
                worst, best = (best_within(model, paid, masks, sign, self.budget) for sign in (-1.0, 1.0))
            else:
                worst, best = self._rules(objective, name).worth(model, paid, self.budget)
            self._worths_known[key] = worst, best
        return self._worths_known[key]

    def _lost(self, top: Worth, other: Worth, doubt: float) -> float:
        """Return how much less a policy earns than the best one, and by how much more it may be, where that is open."""
        lost, known = difference(top, other)
        near = abs(lost - self.tolerance) <= NEAR * self.tolerance
        if near and top.exactly is not None and other.exactly is not None:
            lost = float(top.exactly - other.exactly)
        return max(0.0, lost) if known else doubt * (abs(lost) + top.error + other.error)

    def _rules(self, objective: Objective, name: str) -> OptimalActions:
        key = name, objective.values.tobytes()
        if key not in self._rules_known:
            self.budget.check(f"trying {len(self.tried):,} objectives one by one", _SHRINK)
            self._rules_known[key] = optimal_for_objective(self.setup.deployed(name), objective, self.budget)
        return self._rules_known[key]

    def _ends(self, name: str) -> tuple[Worth, Worth]:
        """Return the least and the largest that the base can get in a distribution."""
        if name not in self._ends_known:
            model, paid = self.setup.deployed(name), self._paid(name)
            least, largest = (best_within(model, paid, {}, sign, self.budget) for sign in (-1.0, 1.0))
            self._ends_known[name] = least, largest
        return self._ends_known[name]

    def _most(self, name: str) -> float:
        worst, best = self._ends(name)
        return best.value - worst.value


def optimal_for_objective(model: CIM, objective: Objective, budget: Budget = UNLIMITED) -> OptimalActions:
    """Return what is optimal for an objective in every context, decision by decision.

    Raises
    ------
    NotApplicableError
        The decisions cannot be solved one by one for it.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b"), ("a", "x"), ("b", "x"), ("a", "u"), ("b", "u")], decisions=["a", "b"],
    ...              utilities=["u"])
    >>> model = cid.parameterise(a=[0, 1], b=[0, 1], x=lambda a, b: a, u=lambda a, b: 2 * a + b)
    >>> wants_x = Objective("x", ("x",), np.array([0.0, 1.0]), ((0, 1),))
    >>> found = optimal_for_objective(model, wants_x)  # it takes a = 1, and does not care about b
    >>> [worth.value for worth in found.worth(model, ["u"])]
    [2.0, 3.0]
    """
    return sweep_back(mesa_model(with_mesa_utility(model.cid, objective.targets), model, objective), budget)


_SHRINK = "declare fewer objectives, objectives={targets: ..}, or give the targets fewer values"


def stage_law(setup: TrainingSetup, targets: Sequence[str], budget: Budget = UNLIMITED) -> OutcomeTable:
    """Return the contexts of all decisions as one outcome table: what each action leads to, with later rules at the
    optimum, and whether it is optimal (1) or not.

    Raises
    ------
    NotApplicableError
        The decisions cannot be settled one by one for the base and the targets together.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b"), ("a", "y"), ("b", "y"), ("y", "u")], decisions=["a", "b"], utilities=["u"])
    >>> model = cid.parameterise(a=[0, 1], b=[0, 1], y=lambda a, b: a * b, u=lambda y: y)
    >>> table = stage_law(cm.TrainingSetup(model), ["y"])
    >>> table.value.tolist()  # b after a = 0 does not matter; then b after a = 1, then a
    [[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]]
    """
    model = setup.require_model("consistency")
    read = [t for t in targets if setup.cid.kind(t) != "utility"]
    read += [parent for t in targets if setup.cid.kind(t) == "utility" for parent in setup.cid.parents(t)]
    relevance = relevance_graph(setup.cid.with_utility("mesa_utility", dict.fromkeys(read)))
    order = relevance.order()
    matters = {first for first, _ in relevance.edges}
    best: Solution = solve(model, budget=budget)
    if not best.exact:
        raise NotApplicableError("what is optimal for the base is not known exactly, so no test of it is sound.")
    actions = max(model.card(decision) for decision in order)
    outcomes, values = [], []
    for decision in order:
        table = outcome_law(model, decision, targets, policy=best, completed=True)
        card = model.card(decision)
        reached = reached_contexts(model, decision).ravel()
        named = stand_ins(model, decision)
        table = with_stand_ins(table.reshape(len(reached), card, -1), named)[reached]
        value = with_stand_ins(np.asarray(best.optimal_mask(decision), dtype=float).reshape(-1, card), named)[reached]
        if np.isnan(table).any():
            raise NotApplicableError(f"what `{decision}` leads to is not defined in every context that is reached.")
        if decision in matters:
            value = value * _as_the_rule(np.asarray(best.tables[decision]).reshape(-1, card)[reached], table)
        pad = [*range(card), *[0] * (actions - card)]
        outcomes.append(table[:, pad])
        values.append(value[:, pad])
    value = np.concatenate(values)
    return OutcomeTable(
        np.full(len(value), 1.0 / len(value)),
        np.concatenate(outcomes),
        value,
        exact=lambda: None,
        rounding=rounding_of(model),
        error=np.zeros_like(value),
    )


def _as_the_rule(rule: Floats, table: Floats) -> Mask:
    """Mark what the rule does, and what leads to the same."""
    chosen = rule.argmax(axis=1)
    return np.asarray((table == table[np.arange(len(chosen)), chosen][:, None]).all(axis=2))

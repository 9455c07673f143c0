r"""Consistency of several decisions, decision by decision: a sufficient test where policies are too many to list.

Let the diagram be soluble for the base utility and the mesa-utility together. Settle the decisions in the order of the
relevance graph, with later rules at the base's optimum :math:`\pi_b`; then :math:`P(t \mid pa, do(a))` does not depend
on the rules before it. If in **every** context that some policy reaches :math:`O` strictly prefers optimal actions of
the base, every policy that is optimal for :math:`O` is optimal for the base: :math:`O` is strongly consistent.

The converse fails: an objective may be consistent and yet choose badly in contexts that its own optimal policies never
enter. So an empty set is no proof, and the verdict is then UNKNOWN. Where the base is indifferent at a decision that
others depend on, only objectives that want :math:`\pi_b`'s own action there are found, since a different optimal action
would change what the others lead to.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError
from cidmesa.graph import relevance_graph
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.objectives.cones import NOISE
from cidmesa.mesa.objectives.declared import Objective, domain_of
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, tie_width
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve import outcome_law, solve
from cidmesa.solve.queries.payoffs import reached_contexts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cidmesa.mesa.consistency.regret_interval import Interval
    from cidmesa.mesa.outcomes.disagreement import Actions
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.solve import Solution


class ByStage:
    """A sufficient test of consistency in training, and nothing about deployments.

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
    """

    delta = 0.0

    def __init__(
        self, setup: TrainingSetup, names: tuple[str, ...], tolerance: float, declared: Sequence[Objective], why: str
    ) -> None:
        self.setup = setup
        self.names = names
        self.tolerance = tolerance
        self.declared = declared
        self.why = why
        self.sufficient = ConsistentSet(stage_law(setup, names))

    @property
    def is_empty(self) -> bool | None:
        """False where the test finds an objective; else not known."""
        return False if self.sufficient.is_empty is False else None

    @property
    def margin(self) -> float:
        """The largest margin of an objective that passes the test."""
        return 0.0 if self.sufficient.best is None else self.sufficient.best[0]

    @property
    def least_regret(self) -> float:
        """0 where an objective passes the test; else not known."""
        return 0.0 if self.is_empty is False else math.nan

    @property
    def width(self) -> float:
        """The regret below which there is none."""
        model = self.setup.deployed(TRAINING)
        return tie_width(np.concatenate([model.cpd(u).ravel() for u in self.setup.score]))

    def representative(self) -> Objective | None:
        """Return the first declared objective that passes the test, else the one of least norm."""
        found = self.sufficient.representative([objective.values for objective in self.declared])
        if found is None:
            return None
        position, values = found
        name = "the objective of least norm" if position is None else self.declared[position].name
        return Objective(name, self.names, values, tuple(domain_of(self.setup, node) for node in self.names))

    def regret_of(self, objective: Objective) -> tuple[float, float]:
        """Return (0, 0) for an objective that passes the test; of others the regret is not known."""
        found = 0.0 if self.sufficient.contains(objective.values) else math.nan
        return found, found

    def regret(self, name: str, stale: bool = False) -> Interval:
        """Raise: what it does elsewhere is not known."""
        raise NotApplicableError(f"the regret in '{name}' is not known here: {self.why}")

    def actions(self, name: str) -> Actions:
        """Raise: what it does elsewhere is not known."""
        raise NotApplicableError(f"the possible actions in '{name}' are not known here: {self.why}")


def stage_law(setup: TrainingSetup, targets: Sequence[str]) -> OutcomeTable:
    """Return the contexts of all decisions as one outcome table: what each action leads to, with later rules at the
    optimum.

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
    best: Solution = solve(model)
    actions = max(model.card(decision) for decision in order)
    outcomes, values = [], []
    for decision in order:
        table = outcome_law(model, decision, targets, policy=best, completed=True)
        card = model.card(decision)
        reached = reached_contexts(model, decision).ravel()
        table = table.reshape(len(reached), card, -1)[reached]
        value = np.asarray(best.action_values(decision), dtype=float).reshape(-1, card)[reached]
        if np.isnan(table).any() or np.isnan(value).any():
            raise NotApplicableError(f"what `{decision}` leads to is not defined in every context that is reached.")
        if decision in matters:
            value = _only_the_optimum(np.asarray(best.tables[decision]).reshape(-1, card)[reached], table, value)
        pad = [*range(card), *[0] * (actions - card)]
        outcomes.append(table[:, pad])
        values.append(value[:, pad])
    outcome = np.concatenate(outcomes)
    return OutcomeTable(np.full(len(outcome), 1.0 / len(outcome)), outcome, np.concatenate(values))


def _only_the_optimum(rule: Floats, table: Floats, value: Floats) -> Floats:
    """Make 1 what the rule does, and whatever is worth the same and leads to the same; all else 0."""
    chosen = rule.argmax(axis=1)
    rows = np.arange(len(chosen))
    same_law = np.abs(table - table[rows, chosen][:, None]).max(axis=2) <= NOISE
    same_worth = np.abs(value - value[rows, chosen][:, None]) <= tie_width(value)
    return np.asarray(same_law & same_worth, dtype=float)

r"""What optimizers of several decisions may do in a deployment when their rules were fixed in training.

Decision by decision, with the other decisions as chance nodes that follow the rules they have from training: what is
left is one decision, whose beliefs :mod:`cidmesa.mesa.outcomes.stale_beliefs` tells. Other rules that are irrelevant
for the targets given what the decision sees may be any. Those that are relevant are settled first, as the relevance
graph has it; where they cannot be (a circle, a shared rule, several actions that some objective wants and others do
not) nothing is known of the decision, and it may do anything.

>>> import numpy as np
>>> import cidmesa as cm
>>> from cidmesa.mesa.outcomes.outcome_table import optimal_for
>>> cid = cm.CID([("a", "s"), ("s", "b"), ("s", "at"), ("b", "at"), ("at", "u")], decisions=["a", "b"], utilities=["u"])
>>> model = cid.parameterise(a=[0, 1], s=lambda a: a, b=[0, 1], at=lambda s, b: int(s == b == 1), u=lambda at: at)
>>> setup = cm.TrainingSetup(model, {"crossed": {"s": lambda a: 1 - a}})
>>> rules = FrozenRules(setup, ("at",), lambda table: optimal_for(table, np.array([0.0, 1.0])), one_objective=True)
>>> rules.allows("crossed", "a").tolist(), rules.allows("crossed", "b").tolist()  # as in training
([[False, True]], [[True, True], [False, True]])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.graph import relevant_mechanisms
from cidmesa.mechanisms import Table
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.queries.payoffs import uniform_policy

if TYPE_CHECKING:
    from collections.abc import Mapping


class FrozenRules:
    """What optimizers of some targets may do whose rules were fixed in training, decision by decision.

    Parameters
    ----------
    setup
        A setup with numbers.
    names
        The targets.
    optimal
        From an outcome table to the actions that are optimal for some objective, shape (C, A).
    one_objective
        Whether it is a single objective: then any of its optimal actions settles a rule, as none changes what the
        others are worth to it.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        names: tuple[str, ...],
        optimal: Callable[[OutcomeTable], Mask],
        *,
        one_objective: bool,
    ) -> None:
        self.setup = setup
        self.names = names
        self._optimal = optimal
        self._one_objective = one_objective
        self._known: dict[str, OneDecision | None] = {}
        self._allowed: dict[tuple[str, str], Mask] = {}

    def allows(self, name: str, decision: str) -> Mask:
        """Return which actions are possible in each context, shape (contexts, actions); where nothing is known, all."""
        if (name, decision) not in self._allowed:
            self._allowed[name, decision] = self._found(name, decision)
        return self._allowed[name, decision]

    def _found(self, name: str, decision: str) -> Mask:
        may = allowed(self.setup.deployed(name), decision)
        alone = self._alone(decision)
        if alone is None:
            return may
        at, told = alone.reached(name).at, alone.told(name, self.names)
        if self._relevant(decision):  # what later rules do in contexts that are new to them is not known
            told = told & alone.requisite(self.names).known[at]
        can = self._optimal(alone.stale(name, self.names) if name != TRAINING else alone.table(name, self.names))
        may[at[told]] &= can[told]
        return may

    def _relevant(self, decision: str) -> frozenset[str]:
        """Return the other decisions whose rules matter to it."""
        cid = self.setup.cid
        return relevant_mechanisms(cid, decision, targets=list(self.names)) & set(cid.decisions)

    def _alone(self, decision: str) -> OneDecision | None:
        """Return the setup in which the others follow rules; ``None`` where those that matter are not known."""
        if decision not in self._known:
            self._known[decision] = None  # whoever comes back here is in a circle
            self._known[decision] = self._made(decision)
        return self._known[decision]

    def _made(self, decision: str) -> OneDecision | None:
        setup, matter = self.setup, self._relevant(decision)
        if len(setup.rule_of(decision)) > 1:
            return None
        model = setup.require_model("what frozen agents do")
        even, rules = uniform_policy(model), {}
        for other in model.cid.decisions:
            if other in matter:
                settled = self._settled(other)
                if settled is None:
                    return None
                rules[other] = settled
            elif other != decision:
                rules[other] = Table(even[other], domain=model.domain(other), parents=model.cid.parents(other))
        return OneDecision(TrainingSetup(following(model, rules), dict(setup.deployments)))

    def _settled(self, decision: str) -> Table | None:
        """Return the rule of a decision in training, of what is requisite for it; ``None`` where it is not known."""
        alone = self._alone(decision)
        if alone is None:
            return None
        model, reached = self.setup.deployed(TRAINING), alone.reached(TRAINING)
        can = self._optimal(alone.table(TRAINING, self.names)) & allowed(model, decision)[reached.at]
        if not self._one_objective and (can.sum(axis=1) != 1).any():
            return None
        needed = alone.requisite(self.names)
        seen = needed.model.cid.parents(decision)
        rule = np.array(uniform_policy(needed.model)[decision], dtype=np.float64)
        rows = rule.reshape(-1, rule.shape[-1])
        rows[needed.part[reached.at]] = np.eye(rule.shape[-1])[can.argmax(axis=1)]
        return Table(rule, domain=model.domain(decision), parents=seen)


def allowed(model: CIM, decision: str) -> Mask:
    """Return a new array of the allowed actions of a decision, shape (contexts, actions)."""
    may, shape = model.allowed(decision), (len(model.contexts(decision)), model.card(decision))
    return np.ones(shape, dtype=bool) if may is None else np.array(may.reshape(shape))


def following(model: CIM, rules: Mapping[str, Table]) -> CIM:
    """Return the model in which some decisions are chance nodes that follow rules, with the links that these read.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    >>> model = cid.parameterise(a=[0, 1], b=[0, 1], u=lambda b: b)
    >>> found = following(model, {"b": cm.Table([0.25, 0.75], domain=[0, 1], parents=())})
    >>> found.cid.decisions, found.cid.parents("b"), found.cpd("b").tolist()
    (('a',), (), [0.25, 0.75])
    """
    cid = model.cid
    idle = [(parent, d) for d, rule in rules.items() for parent in cid.parents(d) if parent not in (rule.parents or ())]
    mechanisms = {node: own_mechanism(model, node) for node in cid.nodes}
    return CIM((cid.without_edges(*idle) if idle else cid).demote(*rules), {**mechanisms, **rules})

"""The exact solver's word on a witness: whether a model really has the incentive it was built for."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cidmesa.diagram import CID
from cidmesa.mechanisms import Categorical, Mechanism
from cidmesa.model import CIM
from cidmesa.solve import solve
from cidmesa.solve.magnitudes.effects import has_instrumental_control_incentive, has_response_incentive, impact
from cidmesa.solve.magnitudes.values import introduced_total_variation, value_of_control

if TYPE_CHECKING:
    from cidmesa.criteria.question import Question

LEAST_EFFECT = 1e-9
"""A difference of values counts from here on; those of the constructions are at least 1/8."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that should be a witness.

    Attributes
    ----------
    model
        The model.
    node
        The node that the incentive should be on.
    control
        For value of control: a mechanism that control would give the node.
    """

    model: CIM
    node: str
    control: Mechanism | None = None


def holds(candidate: Candidate, criterion: str, question: Question) -> bool:
    """Say whether the model has the incentive of the question, by the exact solver."""
    model, node, decision = candidate.model, candidate.node, question.decision
    if criterion == "voi":
        return decision is not None and _informs(model, question.nodes, decision)
    if criterion == "voc" and model.cid.kind(node) == "utility":
        worth = value_of_control(model, node, decision)
        return worth.exact and worth > LEAST_EFFECT
    if criterion == "voc":
        return candidate.control is not None and _pays_to_control(model, node, candidate.control, decision)
    if criterion == "ri":
        return has_response_incentive(model, node, decision)
    if criterion == "ici":
        return has_instrumental_control_incentive(model, node, decision)
    if criterion == "impact":
        return impact(model, node, _first_actions(model), decision) > LEAST_EFFECT
    if criterion == "introduced_unfairness":
        label = label_of(question)
        return label is not None and introduced_total_variation(model, node, label, decision) > LEAST_EFFECT
    return False


def label_of(question: Question) -> str | None:
    """Return the label that introduced unfairness compares with; left out, one that a utility compares with."""
    if question.label is not None or question.decision is None:
        return question.label
    cid, decision = question.cid, question.decision
    below = cid.descendants(decision)
    compared = (p for u in cid.utilities_of(cid.agent_of(decision)) if u in below for p in cid.parents(u))
    return next((p for p in compared if cid.kind(p) == "chance" and p not in below), None)


def value(model: CIM, agent: Hashable) -> float | None:
    """Return the best value of an agent, or None where the solver does not vouch for it."""
    solution = solve(model, agent=agent)
    worth = solution.value[agent] if isinstance(solution.value, Mapping) else solution.value
    return float(worth) if solution.exact else None


def _informs(model: CIM, nodes: tuple[str, ...], decision: str) -> bool:
    """Compare the best value with the links from `nodes` to the decision and without them."""
    cid = model.cid
    agent = cid.agent_of(decision)
    blind_cid = cid.without_edges([(node, decision) for node in nodes if cid.has_edge(node, decision)])
    blind = on_diagram(model, blind_cid)
    seen, unseen = value(model, agent), value(blind, agent)
    return seen is not None and unseen is not None and seen > unseen + LEAST_EFFECT


def _pays_to_control(model: CIM, node: str, control: Mechanism, decision: str | None) -> bool:
    """Compare the best value with that under a mechanism chosen for the node: a bound from below is enough."""
    cid = model.cid
    agent = cid.agents[0] if decision is None else cid.agent_of(decision)
    changed = model.with_policy({node: control}) if cid.kind(node) == "decision" else model.shift({node: control})
    before, after = value(model, agent), value(changed, agent)
    return before is not None and after is not None and after > before + LEAST_EFFECT


def _first_actions(model: CIM) -> Mapping[str, Any]:
    """Return the policy that takes the first action everywhere."""
    return {d: Categorical({model.domain(d)[0]: 1.0}) for d in model.cid.decisions}


def on_diagram(model: CIM, cid: CID) -> CIM:
    """Return the model on a diagram with other information links; rules of other decisions stay."""
    new = CIM(cid, model.mechanisms)
    return new.with_policy(model.rules) if model.rules else new

r"""The set of all optimal policies, decision by decision.

Incentives quantify over *all* optimal policies: a node has a response incentive if every one of them responds to it.
There are too many to list, and they need no listing. With the other decisions held at one deterministic profile, the
optimal policies of a decision :math:`D` are a *box*: in every context that occurs, any distribution over the actions
that are optimal there; in contexts that never occur, any distribution at all. What an incentive asks is linear over a
box, so a linear program answers it exactly.

With several decisions the boxes are those of the profiles of the other decisions whose value is the optimum. A
stochastic profile adds nothing to the question whether some optimal policy lacks a property such as responding: where
it does, so does each deterministic profile that it mixes.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
>>> model = cid.parameterise(door=cm.Categorical({"left": 1, "right": 0}), go=["left", "right"],
...                          win=lambda door, go: int(door == go))
>>> [box] = optimal_boxes(model)
>>> box.law.tolist(), box.allowed.tolist()
([1.0, 0.0], [[True, False], [True, True]])
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_count, require_model
from cidmesa.arrays import Array, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.decision_order import TIE
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.queries.decision_laws import context_law

if TYPE_CHECKING:
    from cidmesa.model import CIM
    from cidmesa.solve.policies.solution import Solution

MAX_PROFILES = 4096
"""How many deterministic profiles of the other decisions are listed, unless the caller allows more."""


@dataclass(frozen=True, slots=True, eq=False)
class PolicyBox:
    """All optimal rules of one decision, the other decisions following deterministic rules.

    Attributes
    ----------
    model
        The model with the other decisions' rules.
    decision
        The decision.
    law
        The probability of every context, shape ``(cards of parents...)``.
    allowed
        The actions that an optimal rule may take with positive probability, shape ``(cards of parents..., card)``;
        in contexts of probability zero, all of them.
    rule
        The one rule in question where a policy was given, else ``None``; shape of `allowed`.
    """

    model: CIM
    decision: str
    law: Array
    allowed: Mask
    rule: Array | None = None


def optimal_boxes(
    model: CIM, decision: str | None = None, *, policy: Any = None, max_profiles: int = MAX_PROFILES
) -> Iterator[PolicyBox]:
    """Yield boxes that together hold every optimal policy of a decision's agent (see the module's text).

    Parameters
    ----------
    model
        The model; decisions of other agents need rules.
    decision
        The decision; ``None`` stands for the only one.
    policy
        Rules. Decisions that it names follow it; if it names all of them, what is yielded is that one policy.
    max_profiles
        How many deterministic profiles of the agent's other open decisions to list at most.

    Raises
    ------
    NotApplicableError
        More profiles than that, or a decision of another agent without a rule.
    """
    require_model(model, "a quantity over all optimal policies")
    model.require_numeric("a quantity over all optimal policies")
    decision = model.cid.only_decision(decision)
    agent = model.cid.agent_of(decision)
    model, others = in_question(model, decision, policy)
    if decision in model.rules:
        law = context_law(model, decision)
        rule = model.rules[decision]
        yield PolicyBox(model, decision, law, (rule > 0) | (law == 0)[..., None], rule)
        return
    best = -math.inf
    found: list[tuple[float, PolicyBox]] = []
    for rules in deterministic_rules(model, others, max_profiles):
        fixed = model.with_policy(rules) if rules else model
        solution = solve(fixed, agent=agent)
        slack = value_slack(fixed, agent)
        value = value_of(solution, agent)
        best = max(best, value)
        if value >= best - slack:
            law = context_law(fixed, decision)
            allowed = solution.optimal_mask(decision) | (law == 0)[..., None]
            found.append((value + slack, PolicyBox(fixed, decision, law, allowed)))
    for reached, box in found:
        if reached >= best:
            yield box


def in_question(model: CIM, decision: str, policy: Any) -> tuple[CIM, list[str]]:
    """Return the model with the rules of `policy`, and the agent's other decisions that are still open.

    Raises
    ------
    NotApplicableError
        Another agent's decision has no rule, or `decision` has one and others of its agent have not.
    """
    agent = model.cid.agent_of(decision)
    model = model.with_policy(model.read_policy(policy))
    strangers = [d for d in model.cid.decisions if model.cid.agent_of(d) != agent and d not in model.rules]
    if strangers:
        raise NotApplicableError(
            f"what is optimal at `{decision}` depends on the other agents' decisions "
            f"({', '.join(f'`{d}`' for d in strangers)}): fix their rules with with_policy or policy=."
        )
    others = [d for d in model.cid.decisions_of(agent) if d != decision and d not in model.rules]
    if others and decision in model.rules:
        raise NotApplicableError(
            f"the policy names `{decision}` and leaves {', '.join(f'`{d}`' for d in others)} open: give rules to "
            "all of the agent's decisions, or to none."
        )
    return model, others


def value_of(solution: Solution, agent: Hashable) -> float:
    """Return what a solution is worth to an agent."""
    return float(solution.value[agent] if isinstance(solution.value, Mapping) else solution.value)


def value_slack(model: CIM, agent: Hashable) -> float:
    """Return how far apart two values may be and count as equal."""
    return TIE * sum(float(np.abs(model.cpd(u)).max(initial=0.0)) for u in model.cid.utilities_of(agent))


def deterministic_rules(model: CIM, decisions: Sequence[str], most: int) -> Iterator[dict[str, Array]]:
    """Yield all deterministic rules of some decisions together, or refuse if they are more than `most`."""
    require_count(most, "max_profiles")
    shapes = [tuple(model.card(p) for p in model.cid.parents(d)) for d in decisions]
    count = math.prod(model.card(d) ** math.prod(shape) for d, shape in zip(decisions, shapes, strict=True))
    if count > most:
        raise NotApplicableError(
            f"{', '.join(f'`{d}`' for d in decisions)} {'has' if len(decisions) == 1 else 'have'} {count:.3g} "
            f"deterministic rules to list, more than {most}: fix rules with with_policy, leave out observations that "
            "are not requisite (minimal_reduction), or allow more."
        )
    actions = (product(range(model.card(d)), repeat=math.prod(s)) for d, s in zip(decisions, shapes, strict=True))
    for profile in product(*actions):
        yield {
            d: np.eye(model.card(d))[np.reshape(np.array(choice, dtype=np.intp), shape)]
            for d, shape, choice in zip(decisions, shapes, profile, strict=True)
        }

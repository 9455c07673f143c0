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
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_count, require_model
from cidmesa.arrays import Array, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.policies.problem import Problem, in_relevance_order
from cidmesa.solve.policies.worth import Worth
from cidmesa.solve.queries.decision_laws import context_law
from cidmesa.solve.tables.model_tables import MAX_TABLE, view_of

if TYPE_CHECKING:
    from cidmesa.model import CIM

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
        in contexts of probability zero, all that the decision allows.
    rule
        The one rule in question where a policy was given, else ``None``; shape of `allowed`.
    known
        Whether these are exactly the optimal rules: ``False`` where values are closer than rounding can tell and the
        problem is too large for exact arithmetic.
    """

    model: CIM
    decision: str
    law: Array
    allowed: Mask
    rule: Array | None = None
    known: bool = True


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
    model.require_numeric("a quantity over all optimal policies", instead="")
    decision = model.cid.only_decision(decision)
    agent = model.cid.agent_of(decision)
    model, others = in_question(model, decision, policy)
    if decision in model.rules:
        law = context_law(model, decision)
        rule = model.rules[decision]
        yield PolicyBox(model, decision, law, (rule > 0) | _free(model, decision, law), rule)
        return
    found = []
    for fixed in _near_the_best(model, others, agent, max_profiles):
        solution = solve(fixed, agent=agent)
        law = context_law(fixed, decision)
        allowed = solution.optimal_mask(decision) | _free(fixed, decision, law)
        known = solution.results[decision].known
        found.append((Worth.of(fixed, solution, agent), PolicyBox(fixed, decision, law, allowed, known=known)))
    yield from _worth_most(found)


def _free(model: CIM, decision: str, law: Array) -> Mask:
    """Mark the allowed actions of contexts that have probability zero."""
    may = model.allowed(decision)
    never: Mask = (law == 0)[..., None]
    return never if may is None else never & may


def _near_the_best(model: CIM, others: Sequence[str], agent: Hashable, max_profiles: int) -> list[CIM]:
    """Return the model with deterministic rules of the others, for those that may be worth most, by a first look."""
    require_count(max_profiles, "max_profiles")
    if not others:
        return [model]
    utilities = model.cid.utilities if agent is None else model.cid.utilities_of(agent)
    whose = model.cid.decisions if agent is None else model.cid.decisions_of(agent)
    found: list[tuple[float, CIM]] = []
    best = -math.inf
    for rules in deterministic_rules(model, others, max_profiles):
        fixed = model.with_policy(rules)
        view = view_of(fixed, "a quantity over all optimal policies")
        free = tuple([d for d in view.index.ids(whose) if view.tables[d] is None])
        worth = in_relevance_order(Problem(view, free, view.index.ids(utilities), MAX_TABLE), settled=False)
        high, low = (math.inf, -math.inf) if worth is None else (worth.value + worth.off, worth.value - worth.off)
        best = max(best, low)
        if high >= best:
            found.append((high, fixed))
    return [fixed for high, fixed in found if high >= best]


def _worth_most(found: list[tuple[Worth, PolicyBox]]) -> Iterator[PolicyBox]:
    """Yield the boxes of the largest value."""
    if len(found) > 1:
        least = max(worth.value - worth.error for worth, _ in found)
        found = [(worth, box) for worth, box in found if worth.value + worth.error >= least]
    if len(found) == 1:
        yield found[0][1]
    elif any(worth.exactly is None for worth, _ in found):
        yield from (replace(box, known=False) for _, box in found)
    else:
        most = max(worth.exactly or 0 for worth, _ in found)
        yield from (box for worth, box in found if worth.exactly == most)


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


def deterministic_rules(model: CIM, decisions: Sequence[str], most: int) -> Iterator[dict[str, Array]]:
    """Yield all deterministic rules of some decisions together, or refuse if they are more than `most`.

    Only allowed actions are taken.
    """
    require_count(most, "max_profiles")
    shapes = [tuple(model.card(p) for p in model.cid.parents(d)) for d in decisions]
    options = [_options(model, d, math.prod(shape)) for d, shape in zip(decisions, shapes, strict=True)]
    count = math.prod(len(here) for by_context in options for here in by_context)
    if count > most:
        raise NotApplicableError(
            f"{', '.join(f'`{d}`' for d in decisions)} {'has' if len(decisions) == 1 else 'have'} {count:.3g} "
            f"deterministic rules to list, more than {most}: fix rules with with_policy, leave out observations that "
            "are not requisite (minimal_reduction), or allow more."
        )
    for profile in product(*(product(*by_context) for by_context in options)):
        yield {
            d: np.eye(model.card(d))[np.reshape(np.array(choice, dtype=np.intp), shape)]
            for d, shape, choice in zip(decisions, shapes, profile, strict=True)
        }


def _options(model: CIM, decision: str, contexts: int) -> list[Sequence[int]]:
    """Return the allowed actions of every context."""
    may = model.allowed(decision)
    if may is None:
        return [range(model.card(decision))] * contexts
    return [np.flatnonzero(row).tolist() for row in may.reshape(contexts, -1)]

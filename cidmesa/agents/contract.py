"""What any learner and any policy has to keep, as tests that users run on their own.

``check_learner``:

==================  ================================================================================================
rule                what is tested
==================  ================================================================================================
``whole``           everything carried has a leading axis for the agents; the rules' parameters are all there
``in place``        a step changes nothing that it was given
``reproducible``    the same recipe gives the same agents, and no two of them are copies
``alone``           an agent is the same in any company
``resumes``         going on from the middle gives what an undisturbed run gives
``allowed``         what is forbidden has probability zero, from the first step on
``learns``          with its own defaults, agents lose at most .01 of what is at stake
==================  ================================================================================================

``check_policy``:

==================  ================================================================================================
rule                what is tested
==================  ================================================================================================
``whole``           parameters and logits have a leading axis for the agents; one finite logit for each action
``in place``        asking for logits changes nothing
``apart``           no two agents start as copies
``alone``           an agent's logits are the same in any company, and however many contexts are asked about at once
``sees``            logits differ between contexts only by what the rule is shown
``moves``           some parameter moves the logits
``inside``          of a rule that has an inside: thinking gives the logits and shows every inner node that it declares,
                    as ``(agents, n, *shape)``, a mechanism as ``(agents, 1, *shape)``, and no other
``learns``          with the learner's defaults, agents lose at most .01 of what is at stake
==================  ================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.compiled import Compiled
from cidmesa.agents.inside import Touching
from cidmesa.agents.learners.loop import Memory, Program, State, advance
from cidmesa.agents.learners.registry import LEARNERS
from cidmesa.agents.learners.task import probabilities
from cidmesa.agents.policies.registry import POLICIES
from cidmesa.agents.policies.rule import MaskedRule, Rule, inside, think
from cidmesa.agents.population import Agents
from cidmesa.agents.recipe import Recipe
from cidmesa.arguments import options_by_name, require_count
from cidmesa.arrays import Ints
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import Choice, Uniform
from cidmesa.model import CIM
from cidmesa.solve.policies.stakes import attainable_range

STEPS = 6


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule of the contract that does not hold, and what was seen."""

    rule: str
    seen: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.seen}"


@options_by_name
def check_learner(
    learner: str, *, policy: str = "tabular", model: CIM | None = None, agents: int = 4, **options: Any
) -> tuple[str, ...]:
    """Test that a learner keeps its contract, with a kind of policy.

    Parameters
    ----------
    learner, policy
        Names that ``train`` knows; :func:`cidmesa.agents.register_learner` makes one known.
    model
        What it trains in; a small one with an action that is forbidden somewhere, if left out.
    agents
        How many, at least 2.
    **options
        As for ``train``: ``label``, ``hidden``, ...

    Returns
    -------
    tuple
        The rules that were tested, all of which hold.

    Raises
    ------
    NotApplicableError
        A rule does not hold: the message names every one that does not, and what was seen.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cm.agents.check_learner("exact")
    ('whole', 'in place', 'reproducible', 'alone', 'resumes', 'allowed', 'learns')
    """
    require_count(agents, "agents", least=2)
    world = small_world() if model is None else model
    recipe = _recipe(world, learner, policy, agents, options)
    LEARNERS[learner].check(recipe.task)
    broken = list(_broken(recipe))
    if broken:
        raise NotApplicableError(
            f"learner {learner!r} with policy {policy!r} does not keep the contract of learners. "
            + " ".join(f"{b}." for b in broken)
        )
    return "whole", "in place", "reproducible", "alone", "resumes", "allowed", "learns"


@options_by_name
def check_policy(
    policy: str, *, learner: str = "reinforce", model: CIM | None = None, agents: int = 4, **options: Any
) -> tuple[str, ...]:
    """Test that a kind of policy keeps its contract.

    Parameters
    ----------
    policy
        A name that ``train`` knows; :func:`cidmesa.agents.register_policy` makes one known.
    learner
        Who trains it.
    model
        What it is trained in; a small one with an action that is forbidden somewhere, if left out.
    agents
        How many, at least 2.
    **options
        As for ``train``: ``hidden``, ``steps``, ...

    Returns
    -------
    tuple
        The rules that were tested, all of which hold.

    Raises
    ------
    NotApplicableError
        A rule does not hold: the message names every one that does not, and what was seen.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cm.agents.check_policy("mlp", learner="exact", steps=200)
    ('whole', 'in place', 'apart', 'alone', 'sees', 'moves', 'learns')
    """
    require_count(agents, "agents", least=2)
    recipe = _recipe(small_world() if model is None else model, learner, policy, agents, options)
    LEARNERS[learner].check(recipe.task)
    broken = [b for rule in dict.fromkeys(recipe.rules.values()) for b in _broken_rule(recipe, rule)]
    broken = broken or list(_unseen(recipe)) + list(_learns(recipe.train(progress=False)))
    if broken:
        raise NotApplicableError(
            f"policy {policy!r} does not keep the contract of policies. " + " ".join(f"{b}." for b in broken)
        )
    own = ("inside",) if any(inside(rule) for rule in recipe.rules.values()) else ()
    return "whole", "in place", "apart", "alone", "sees", "moves", *own, "learns"


def _recipe(world: CIM, learner: str, policy: str, agents: int, options: dict[str, Any]) -> Recipe:
    """Return the recipe of a test; what it does not know itself are options of the policy or of the learner."""
    made = POLICIES[policy].options if policy in POLICIES else None
    of_policy = {f.name for f in fields(made)} if made is not None else set()
    known = {name: value for name, value in options.items() if name in Recipe.__dataclass_fields__}
    others = {name: value for name, value in options.items() if name not in known}
    own = {name: value for name, value in others.items() if name not in of_policy} or None
    its = {name: value for name, value in others.items() if name in of_policy} or None
    return Recipe(world, learner=learner, policy=policy, agents=agents, options=own, policy_options=its, **known)


def _broken_rule(recipe: Recipe, rule: Rule) -> Iterator[Broken]:
    rule = rule.rule if isinstance(rule, MaskedRule) else rule
    keys, (n, width) = recipe.task.keys, rule.inputs.table.shape[:2]
    params = rule.start(keys)
    for name, value in params.items():
        if not isinstance(value, Tensor) or value.ndim < 2 or len(value) != len(keys):
            yield Broken("whole", f"`{name}` has no leading axis for the {len(keys)} agents")
            return
    contexts = np.tile(np.arange(n).repeat(width), (len(keys), 1))
    codes = np.tile(np.arange(width), (len(keys), n))
    before = {name: value.clone() for name, value in params.items()}
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    logits = rule.logits(leaves, contexts, codes)
    actions = next(recipe.model.card(d) for d, own in recipe.rules.items() if getattr(own, "rule", own) is rule)
    if logits.shape != (len(keys), n * width, actions) or not bool(logits.isfinite().all()):
        yield Broken("whole", f"logits have the shape {tuple(logits.shape)}, and should be (agents, inputs, actions), "
                     f"{(len(keys), n * width, actions)}, all finite")  # fmt: skip
        return
    slopes = (
        torch.autograd.grad(logits.square().sum(), list(leaves.values()), allow_unused=True)
        if logits.requires_grad
        else ()
    )
    if not any(slope is not None and bool(slope.any()) for slope in slopes):
        yield Broken("moves", "no parameter has a gradient from the logits: compute them with torch, from `params`")
    rule.logits(params, contexts, codes)
    if any(not torch.equal(value, before[name]) for name, value in params.items()):
        yield Broken("in place", "asking for logits changed the parameters")
    if all(bool((value[0] == value[1]).all()) for value in params.values()):
        yield Broken("apart", "agents 0 and 1 start as copies of each other: draw each from its own key")
    same = logits.detach()
    alone = rule.logits({name: value[:1] for name, value in params.items()}, contexts[:1], codes[:1])
    broadcast = rule.logits(
        params, np.broadcast_to(contexts[0], contexts.shape), np.broadcast_to(codes[0], codes.shape)
    )
    one = rule.logits(params, contexts[:, -1:], codes[:, -1:])
    if not _close(alone, same[:1]) or not _close(rule_of_one(rule, keys, contexts, codes), same[:1]):
        yield Broken("alone", "logits of an agent depend on how many others there are")
    elif not _close(broadcast, same) or not _close(one, same[:, -1:]):
        yield Broken("alone", "logits depend on which contexts are asked about beside, or on how they are handed over")
    yield from _broken_inside(rule, params, contexts, codes)


def _broken_inside(rule: Rule, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Iterator[Broken]:
    """Ask a rule that has an inside what it computes there."""
    nodes = inside(rule)
    if not nodes:
        return
    touch = Touching({}, {})
    if not _close(think(rule, params, contexts, codes, touch), rule.logits(params, contexts, codes)):
        yield Broken("inside", "thinking gives other logits than asking for them, though nothing inside is changed")
    for name, node in nodes.items():
        wanted = (len(contexts), 1 if node.mechanism else contexts.shape[1], *(node.shape or ()))
        got = touch.read[name].shape if name in touch.read else None
        if got is None or (got != wanted and node.shape is not None):
            said = "is never shown to the touch" if got is None else f"has the shape {got}, and should have {wanted}"
            yield Broken("inside", f"`{name}` {said}")
    others = sorted(set(touch.read) - set(nodes))
    if others:
        yield Broken("inside", f"it shows {', '.join(others)}, which it does not declare")


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def rule_of_one(rule: Rule, keys: Any, contexts: Any, codes: Any) -> Tensor:
    """Return the logits of the first agent, started alone."""
    return rule.logits(rule.start(keys[:1]), contexts[:1], codes[:1])


def _unseen(recipe: Recipe) -> Iterator[Broken]:
    """Hide one observation after another: what the rule does must not depend on it."""
    cid = recipe.model.cid
    for decision in cid.decisions:
        for i, parent in enumerate(cid.parents(decision)):
            if parent in recipe.model.allowed_reads(decision):
                continue  # part of the rule's form
            blind = replace(recipe, without=(parent,))
            rule = blind.rules[decision]
            rule = rule.rule if isinstance(rule, MaskedRule) else rule
            table = probabilities(rule, blind.task.start())
            cards = tuple(map(recipe.model.card, cid.parents(decision)))
            table = table.reshape(len(table), *cards, table.shape[-1])
            if not _close(table, table.narrow(i + 1, 0, 1).expand(table.shape)):
                yield Broken("sees", f"the rule of `{decision}` tells values of `{parent}` apart that it is not shown")


def small_world() -> CIM:
    """Return a model in which what is right is seen, among three actions of which one is sometimes forbidden."""
    cid = CID(
        [("right", "act"), ("weather", "act"), ("act", "pay"), ("right", "pay")], decisions=["act"], utilities=["pay"]
    )
    return cid.parameterise(
        right=Uniform("left", "ahead"),
        weather=Uniform("sun", "rain"),
        act=Choice(
            ["left", "ahead", "fly"],
            allowed=lambda weather: ["left", "ahead", "fly"] if weather == "sun" else ["left", "ahead"],
        ),
        pay=lambda act, right: int(act == right),
    )


def _broken(recipe: Recipe) -> Iterator[Broken]:
    program = _program(recipe)
    lacking = list(_whole(recipe, program.start))
    if lacking:
        yield from lacking
        return
    states = _run(program, STEPS)
    yield from _whole(recipe, states[-1].memory)
    copy = _copied(states[0].memory)
    program.step(states[0].memory, 0)
    if not _same(copy, states[0].memory):
        yield Broken("in place", "a step changed the tensors it was given: return new ones")
    again = _run(_program(recipe), STEPS)[-1].memory
    if not _same(again, states[-1].memory):
        yield Broken("reproducible", "the same recipe gave other numbers: take all noise from task.keys and the step")
    first = next(iter(states[-1].memory["learned"].values()))
    if bool((first[0] == first[1]).all()):
        yield Broken("reproducible", "agents 0 and 1 are copies of each other: start each from its own key")
    fewer = _run(_program(replace(recipe, agents=recipe.agents - 1)), STEPS)[-1].memory
    for name, value in fewer["learned"].items():
        if not torch.allclose(value, states[-1].memory["learned"][name][:-1], atol=1e-9, equal_nan=True):
            yield Broken("alone", f"`{name}` of an agent depends on how many others there are: sum losses over agents")
            break
    half = advance(State(STEPS // 2, _copied(states[STEPS // 2].memory)), _program(recipe), STEPS).memory
    if not _same(half, states[STEPS // 2 + 1].memory):
        yield Broken("resumes", "a step depends on more than what is carried and its number: carry it in the memory")
    trained = recipe.train(progress=False)
    yield from _allowed(recipe, states)
    yield from _learns(trained)


def _program(recipe: Recipe) -> Program:
    fresh = replace(recipe)  # no cache of another run
    return LEARNERS[recipe.learner].program(fresh.task)


def _run(program: Program, steps: int) -> list[State]:
    states = [State(0, program.start)]
    for _ in range(steps):
        states.append(advance(states[-1], program, steps))
    return states


def _copied(memory: Memory) -> Memory:
    return {group: {name: value.clone() for name, value in values.items()} for group, values in memory.items()}


def _same(one: Memory, other: Memory) -> bool:
    return one.keys() == other.keys() and all(
        one[group].keys() == other[group].keys()
        and all(torch.equal(value, other[group][name]) for name, value in one[group].items())
        for group in one
    )


def _whole(recipe: Recipe, memory: Memory) -> Iterator[Broken]:
    for group, values in memory.items():
        for name, value in values.items():
            if not isinstance(value, Tensor) or value.ndim == 0 or len(value) != recipe.agents:
                yield Broken("whole", f"`{name}` in `{group}` has no leading axis for the {recipe.agents} agents")
    learned: Mapping[str, Tensor] = memory.get("learned", {})
    for name, value in recipe.task.start().items():
        if name not in learned or learned[name].shape != value.shape:
            yield Broken("whole", f"`learned` lacks the rules' parameter `{name}` of shape {tuple(value.shape)}")


def _allowed(recipe: Recipe, states: list[State]) -> Iterator[Broken]:
    for state in states:
        for decision, rule in recipe.rules.items():
            table = probabilities(rule, state.memory["learned"], recipe.greedy).numpy()
            if not np.allclose(table.sum(axis=-1), 1):
                yield Broken("allowed", f"probabilities of `{decision}` do not add up to 1 after {state.step} steps")
                return
            may = recipe.model.allowed(decision)
            if may is not None and table[:, ~may.reshape(-1, may.shape[-1])].any():
                yield Broken("allowed", f"an agent takes a forbidden action at `{decision}` after {state.step} steps")
                return


def _learns(trained: Agents) -> Iterator[Broken]:
    model = trained.recipe.model
    low, high = attainable_range(model, trained.recipe.shared_rules)
    rules = {
        d: torch.tensor(np.array([trained.policy(agent)[d] for agent in range(len(trained))]))
        for d in model.cid.decisions
    }
    lost = (high - Compiled(model).value(rules).numpy()) / ((high - low) or 1.0)
    if (lost > 0.01).any():
        yield Broken("learns", f"agent {int(lost.argmax())} loses {lost.max():.2g} of what is at stake")

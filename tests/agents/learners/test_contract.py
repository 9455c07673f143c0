"""What learners have to keep, of ours and of a user's own; and how a broken one is told what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

import cidmesa as cm
from cidmesa.agents import check_learner, register_learner, register_policy
from cidmesa.agents.learners import registry
from cidmesa.agents.learners.loop import Program
from cidmesa.agents.learners.optimizer import descending
from cidmesa.agents.learners.reinforce import reinforce_loss
from cidmesa.agents.learners.task import Task
from cidmesa.agents.policies.registry import POLICIES
from cidmesa.agents.policies.tabular import TabularRule
from cidmesa.errors import NotApplicableError, UnknownNodeError
from tests.mesa.systems import red_door


@pytest.mark.parametrize(
    ("learner", "policy"),
    [("exact", "mlp"), ("ppo", "tabular"), ("dqn", "mlp"), ("supervised", "mlp"), ("evolution", "tabular")],
)
def test_our_learners_keep_the_contract(learner: str, policy: str) -> None:
    options: dict[str, Any] = {"label": "right"} if learner == "supervised" else {}
    options |= {
        "ppo": {"steps": 80},
        "dqn": {"steps": 200},
        "supervised": {"steps": 100},
        "evolution": {"steps": 60},
        "exact": {"steps": 150},
    }.get(learner, {})
    held = check_learner(learner, policy=policy, **options)
    assert held == ("whole", "in place", "reproducible", "alone", "resumes", "allowed", "learns")


@pytest.fixture
def registered() -> Iterator[None]:
    """Forget afterwards what a test makes known."""
    learners, rules = dict(registry.LEARNERS), dict(POLICIES)
    yield
    for known, before in ((registry.LEARNERS, learners), (POLICIES, rules)):
        known.clear()
        known.update(before)  # type: ignore[arg-type]


def sgd(task: Task) -> Program:
    """A learner of a user's own: plain gradient ascent on its own episodes."""
    loss = reinforce_loss(task)

    def step(memory: Any, number: int) -> Any:
        params = {name: value.detach().requires_grad_() for name, value in memory["learned"].items()}
        cost, earned = loss(params, number)
        slopes = torch.autograd.grad(cost, list(params.values()))
        rate = task.schedule.rate
        moved = {n: v.detach() - rate * g for (n, v), g in zip(params.items(), slopes, strict=True)}
        return {"learned": moved}, earned

    return Program({"learned": task.start()}, step)


@pytest.mark.usefixtures("registered")
def test_a_learner_of_ones_own_is_checked_and_trains() -> None:
    register_learner("sgd", sgd, steps=300, rate=2.0, entropy=0.01)
    assert "learns" in check_learner("sgd")
    agents = cm.train(red_door(0.3), learner="sgd", policy="tabular", agents=2, progress=False)
    assert agents.recipe.learner == "sgd"
    with pytest.raises(NotApplicableError, match="there is a learner 'sgd' already"):
        register_learner("sgd", sgd)
    with pytest.raises(UnknownNodeError, match="did you mean `sgd`"):
        cm.train(red_door(), learner="sgdd", progress=False)


@pytest.mark.usefixtures("registered")
def test_a_policy_of_ones_own_trains() -> None:
    register_policy("blind", lambda name, shown, actions, hidden: Biases(name, shown, actions))
    agents = cm.train(red_door(0.3), learner="exact", policy="blind", agents=2, steps=20, progress=False)
    rule = agents.probabilities("go")
    assert (rule == rule[:, :1]).all()  # it does not look
    with pytest.raises(NotApplicableError, match="there is a policy 'blind' already"):
        register_policy("blind", lambda name, shown, actions, hidden: Biases(name, shown, actions))


class Biases(TabularRule):
    """One row of logits for all contexts."""

    def logits(self, params: Any, contexts: Any, codes: Any) -> torch.Tensor:
        return TabularRule.logits(self, params, contexts * 0, codes)


def in_place(task: Task) -> Program:
    start, step = sgd(task)

    def careless(memory: Any, number: int) -> Any:
        after, earned = step(memory, number)
        for name, value in memory["learned"].items():
            value.copy_(after["learned"][name])
        return memory, earned

    return Program(start, careless)


def by_mean(task: Task) -> Program:
    """The loss is a mean over agents: each learns the slower the more there are."""
    loss = reinforce_loss(task)

    def mean(params: Any, step: int) -> Any:
        cost, earned = loss(params, step)
        return cost / len(task.keys), earned

    start, _ = descending(mean, task.start(), task.schedule)

    def step(memory: Any, number: int) -> Any:
        params = {name: value.detach().requires_grad_() for name, value in memory["learned"].items()}
        cost, earned = mean(params, number)
        slopes = torch.autograd.grad(cost, list(params.values()))
        return {"learned": {n: v.detach() - g for (n, v), g in zip(params.items(), slopes, strict=True)}}, earned

    return Program({"learned": start["learned"]}, step)


def at_random(task: Task) -> Program:
    start, step = sgd(task)

    def noisy(memory: Any, number: int) -> Any:
        after, earned = step(memory, number)
        return {"learned": {n: v + torch.rand_like(v) for n, v in after["learned"].items()}}, earned

    return Program(start, noisy)


def forgetful(task: Task) -> Program:
    start, step = sgd(task)
    calls = [0]

    def counting(memory: Any, number: int) -> Any:
        calls[0] += 1
        return step(memory, calls[0])

    return Program(start, counting)


def idle(task: Task) -> Program:
    same = {n: v[:1].expand_as(v).clone() for n, v in task.start().items()}
    return Program({"learned": same}, lambda memory, number: (memory, task.keys * 0.0))


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("program", "seen"),
    [
        (in_place, "in place: a step changed the tensors it was given"),
        (by_mean, "alone: `act` of an agent depends on how many others there are"),
        (at_random, "reproducible: the same recipe gave other numbers"),
        (forgetful, "resumes: a step depends on more than what is carried"),
        (idle, "reproducible: agents 0 and 1 are copies.*learns: agent"),
        (lambda task: Program({"learned": {}}, idle(task).step), "whole: `learned` lacks the rules' parameter `act`"),
    ],
)
def test_a_broken_learner_is_told_which_rule_it_breaks(program: Any, seen: str) -> None:
    register_learner("mine", program, steps=20, rate=1.0)
    with pytest.raises(NotApplicableError, match=f"does not keep the contract of learners.*{seen}"):
        check_learner("mine")

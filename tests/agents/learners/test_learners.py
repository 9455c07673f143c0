"""Gradients are what they claim to be; a batch of agents is so many agents alone; runs stop and resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.agents import tensors
from cidmesa.agents.learners import loop, reinforce, task
from cidmesa.agents.learners import optimizer as adam
from cidmesa.agents.learners.exact import exact_loss
from cidmesa.agents.learners.reinforce import reinforce_loss
from cidmesa.agents.recipe import Recipe
from cidmesa.agents.tensors import agent_keys
from cidmesa.errors import FileFormatError, NotApplicableError
from cidmesa.solve.queries.payoffs import utility_range
from tests.mesa.systems import red_door
from tests.strategies import examples, models

LOSSES = {"exact": exact_loss, "reinforce": reinforce_loss}


def loss_of(recipe: Recipe, **schedule: Any) -> tuple[adam.Loss, dict[str, torch.Tensor]]:
    keys = agent_keys(recipe.seed, recipe.agents)
    plan = task.Schedule(**{"steps": 10, "batch": 64, "rate": 0.1, "entropy": 0.0, **schedule})
    params: dict[str, torch.Tensor] = {}
    for rule in recipe.rules.values():
        params.update(rule.start(keys))
    return LOSSES[recipe.learner](task.Task(recipe.model, recipe.rules, keys, plan)), params


def gradients(loss: adam.Loss, params: dict[str, torch.Tensor], step: int = 0) -> dict[str, torch.Tensor]:
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    cost, _ = loss(leaves, step)
    return dict(zip(leaves, torch.autograd.grad(cost, list(leaves.values()), allow_unused=True), strict=True))


@given(models(decisions=(1, 2), max_card=3))
@settings(max_examples=examples(quick=25, full=400))
def test_the_exact_learner_knows_each_agents_expected_utility(model: cm.CIM) -> None:
    recipe = Recipe(model, learner="exact", policy="tabular", agents=3)
    loss, params = loss_of(recipe)
    _, earned = loss(params, 0)
    for agent in range(3):
        rules = {
            d: task.probabilities(rule, params)[agent]
            .numpy()
            .reshape(*map(model.card, model.cid.parents(d)), model.card(d))
            for d, rule in recipe.rules.items()
        }
        assert earned[agent] == pytest.approx(model.expected_utility(rules), abs=1e-9)


@pytest.mark.parametrize("policy", ["tabular", "mlp"])
def test_reinforce_follows_the_exact_gradient_on_average(policy: str) -> None:
    """The mean over many steps' episodes against the gradient that autograd takes of the expected utility."""
    model = red_door(0.2)
    hidden = (4,)
    sampled, params = loss_of(Recipe(model, "reinforce", policy, agents=2, hidden=hidden), steps=600, batch=256)
    exact, _ = loss_of(Recipe(model, "exact", policy, agents=2, hidden=hidden))
    wanted = gradients(exact, params)
    draws = [gradients(sampled, params, step) for step in range(400)]
    for name, target in wanted.items():
        found = torch.stack([draw[name] for draw in draws])
        error = found.std(dim=0) / np.sqrt(len(draws))
        assert ((found.mean(dim=0) - target).abs() <= 4.5 * error + 1e-4).all()


def test_the_entropy_bonus_is_the_gradient_of_the_entropy_met() -> None:
    model = red_door(0.2)
    with_bonus, params = loss_of(Recipe(model, "exact", "tabular", agents=1), entropy=0.7)
    without, _ = loss_of(Recipe(model, "exact", "tabular", agents=1))
    leaf = params["go"].clone().requires_grad_()
    pi = torch.softmax(leaf[0], dim=-1)
    law = torch.tensor(model.query(["door", "red"]).probabilities.reshape(-1))
    entropy = (law * -(pi * pi.log()).sum(dim=-1)).sum()
    (slope,) = torch.autograd.grad(entropy, leaf)
    difference = gradients(without, params)["go"] - gradients(with_bonus, params)["go"]
    assert torch.allclose(difference, 0.7 * slope, atol=1e-12)


def test_step_size_and_bonus_fall_to_nothing() -> None:
    plan = task.Schedule(steps=100, batch=1, rate=1.0, entropy=1.0)
    assert [plan.left(step) for step in (0, 50, 100)] == [1.0, 0.5, 0.0]


def test_adam_is_torchs_adam() -> None:
    target = torch.tensor([[1.0, -2.0]])

    def loss(params: dict[str, torch.Tensor], step: int) -> tuple[torch.Tensor, np.ndarray]:
        return ((params["x"] - target) ** 2).sum(), np.zeros(1)

    start = torch.zeros(1, 2)
    plan = task.Schedule(steps=20, batch=1, rate=0.1, entropy=0.0)
    program = adam.descending(loss, {"x": start}, plan)
    ours = loop.learn(program, 20, recipe="", checkpoint=None, progress=False).memory["learned"]["x"]
    theirs = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, plan.left)
    for _ in range(20):
        optimizer.zero_grad()
        ((theirs - target) ** 2).sum().backward()
        optimizer.step()
        scheduler.step()
    assert torch.allclose(ours, theirs.detach(), atol=1e-6)


def test_roots_of_many_numbers_are_those_of_few() -> None:
    values = torch.rand(2, adam.MANY, dtype=torch.float64)
    assert torch.allclose(adam.root(values), values.sqrt(), rtol=1e-14)


def test_advantages_do_not_use_an_episodes_own_gain() -> None:
    gain = np.array([[1.0, 2.0, 6.0]])
    others = np.array([[(2 + 6) / 2, (1 + 6) / 2, (1 + 2) / 2]])
    assert task.advantage(gain) == pytest.approx(gain - others)
    assert task.advantage(np.array([[3.0]])).tolist() == [[3.0]]


def test_the_unit_of_gains_is_the_range_of_the_utility() -> None:
    model = red_door(0.2)
    paid = model.shift(reward=lambda at_door: 40 * at_door - 7)
    assert utility_range(paid) == (-7, 33)
    small, params = loss_of(Recipe(model, "exact", "tabular", agents=1))
    large, _ = loss_of(Recipe(paid, "exact", "tabular", agents=1))
    assert torch.allclose(gradients(small, params)["go"], gradients(large, params)["go"])


def test_a_draw_follows_its_probabilities() -> None:
    noise = (np.arange(1000) + 0.5)[None] / 1000
    chosen = tensors.draw(np.broadcast_to([0.2, 0.0, 0.8], (1, 1000, 3)), noise)
    assert np.bincount(chosen[0], minlength=3).tolist() == [200, 0, 800]


# Stop and resume -----------------------------------------------------------------------------------------------------

OPTIONS: dict[str, Any] = {"agents": 3, "steps": 60, "batch": 16}


class Interrupted:
    """Raises KeyboardInterrupt in the middle of one step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.calls, self.at, self.whole = 0, at, tensors.draw
        monkeypatch.setattr(reinforce, "draw", self)

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return self.whole(*arguments)


@pytest.mark.parametrize("policy", ["mlp", "tabular"])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(
    policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(red_door(), policy=policy, **OPTIONS)
    whole = recipe.train(progress=False)
    file = tmp_path / "deep" / "state.pt"
    with monkeypatch.context() as patch:
        Interrupted(patch, at=25)
        with pytest.raises(KeyboardInterrupt):
            recipe.train(progress=False, checkpoint=file)
    assert loop.load(file, f"{recipe.digest} 0 {recipe.agents} []").step == 24
    resumed = recipe.train(progress=False, checkpoint=file)
    assert (resumed.probabilities("go") == whole.probabilities("go")).all()
    assert [step for step, _ in resumed.earned] == [step for step, _ in whole.earned]
    assert all((a == b).all() for (_, a), (_, b) in zip(resumed.earned, whole.earned, strict=True))
    again = recipe.train(progress=False, checkpoint=file)  # finished: nothing left to do
    assert (again.probabilities("go") == whole.probabilities("go")).all()
    assert list(file.parent.iterdir()) == [file]


def test_a_failed_write_leaves_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(red_door(), **OPTIONS)
    file = tmp_path / "state.pt"
    recipe.train(progress=False, checkpoint=file)
    before = file.read_bytes()

    def half(whole: Any, stream: Any) -> None:
        stream.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        recipe.train(progress=False, checkpoint=file)
    assert file.read_bytes() == before


def test_checkpoints_are_written_while_a_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SECONDS", 0.0)
    written: list[int] = []
    save = loop.save
    monkeypatch.setattr(
        loop, "save", lambda path, state, recipe: (written.append(state.step), save(path, state, recipe))
    )
    Recipe(red_door(), agents=2, steps=5, batch=4).train(progress=False, checkpoint=tmp_path / "state.pt")
    assert written == [1, 2, 3, 4, 5, 5]


def test_checkpoints_of_other_runs_and_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.pt"
    Recipe(red_door(), **OPTIONS).train(progress=False, checkpoint=file)
    for other in (Recipe(red_door(), seed=1, **OPTIONS), Recipe(red_door(0.1), **OPTIONS)):
        with pytest.raises(NotApplicableError, match="another run"):
            other.train(progress=False, checkpoint=file)
    for content in (b"", b"not a checkpoint at all", file.read_bytes()[:200]):
        file.write_bytes(content)
        with pytest.raises(FileFormatError, match="not a training checkpoint"):
            Recipe(red_door(), **OPTIONS).train(progress=False, checkpoint=file)

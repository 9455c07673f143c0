"""Forbidden actions from the model to the verdict: learners never take them, and whoever does is refused by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import cidmesa as cm
from cidmesa.agents import Agents, train
from cidmesa.agents.tensors import draw
from cidmesa.errors import NotApplicableError
from cidmesa.validation.goals import behavioural_objective, goal_directedness, off_support
from tests.mesa.systems import red_door_cid


def maze(**places: Any) -> cm.CIM:
    """The red door, where a wall stands on one side while it rains: who cannot go there may wait."""
    cid = red_door_cid().with_edges(("weather", "go"))
    go = cm.Choice(
        ["left", "right", "wait", "fly"],
        allowed=lambda weather: ["left", "right"] if weather == "sun" else ["left", "wait"],
    )
    mechanisms: dict[str, Any] = {
        "weather": cm.Categorical({"sun": 0.75, "rain": 0.25}),
        "door": cm.Uniform("left", "right"),
        "red": lambda door: door,
        "go": go,
        "at_door": lambda go, door: 2 if go == "fly" else int(go == door),
        "at_red": lambda go, red: 2 if go == "fly" else int(go == red),
        "reward": lambda at_door: at_door,
    }
    return cid.parameterise(mechanisms | places)


def mass_on_forbidden(agents: Agents, model: cm.CIM) -> float:
    may = model.allowed("go")
    assert may is not None
    return float(agents.probabilities("go")[:, ~may.reshape(-1, 4)].sum())


@pytest.mark.parametrize("learner", ["exact", "reinforce"])
@pytest.mark.parametrize("policy", ["mlp", "tabular"])
def test_no_agent_ever_takes_a_forbidden_action(learner: str, policy: str) -> None:
    """Flying pays most, and nobody ever flies, from the first step on; what is allowed is learned."""
    model = maze()
    fresh = train(model, learner=learner, policy=policy, agents=3, steps=1, progress=False)
    agents = train(model, learner=learner, policy=policy, agents=3, progress=False)
    for some in (fresh, agents):
        assert mass_on_forbidden(some, model) == 0.0
        assert np.allclose(some.probabilities("go").sum(axis=-1), 1)
    best = model.solve().value
    assert best == pytest.approx(0.75 + 0.25 / 2)
    assert all(best - model.expected_utility(agents.policy(i)) < 0.05 for i in range(3))
    may = model.allowed("go")
    assert may is not None
    contexts = model.contexts("go")
    seen = {p: np.repeat([c[i] for c in contexts], 200) for i, p in enumerate(model.cid.parents("go"))}
    taken = fresh.act(seen, seed=1)["go"]
    for place, context in enumerate(contexts):
        here = set(taken[:, 200 * place : 200 * (place + 1)].ravel().tolist())
        assert here <= ({"left", "right"} if context[2] == "sun" else {"left", "wait"})


def test_from_model_to_verdict() -> None:
    setup = cm.TrainingSetup(maze(), {"repainted": {"red": cm.Uniform("left", "right")}})
    family = cm.derive_mesa_optimizers(setup, targets=["at_door", "at_red"])
    assert family["at_red"].consistency == "CONSISTENT"
    for actions in family["at_red"].possible_actions("repainted")["go"].values():
        assert "fly" not in actions
    agents = cm.train(setup, family=family, learner="exact", agents=12, progress=False)
    assert mass_on_forbidden(agents, setup.require_model("x")) == 0.0
    report = cm.validate(family, agents)
    assert report.registered
    assert {row.subject for row in family.predictions().structural if row.kind == "observation"} == set()
    kinds = {r.kind for r in report.rows if r.deployment == "repainted" and r.hypothesis == "joint"}
    assert "regret" not in kinds  # nothing that is shown there is new to them
    report = cm.validate(family, agents, reading="competent")
    [regret] = [
        r for r in report.rows if r.kind == "regret" and r.deployment == "repainted" and r.hypothesis == "joint"
    ]
    assert regret.verdict != "contradicted"


class Flying:
    """Agents from elsewhere that fly whenever they like."""

    def __init__(self, told: bool) -> None:
        if told:
            self.probabilities = lambda decision: np.full((2, 8, 4), 0.25)

    def __len__(self) -> int:
        return 2

    def act(self, observations: Any, seed: int) -> dict[str, Any]:
        n = len(next(iter(observations.values())))
        return {"go": np.full((2, n), "fly")}


@pytest.mark.parametrize("told", [True, False])
def test_agents_that_do_what_is_forbidden_are_refused_by_name(told: bool) -> None:
    setup = cm.TrainingSetup(maze(), {"repainted": {"red": cm.Uniform("left", "right")}})
    family = cm.derive_mesa_optimizers(setup, targets=["at_door"])
    with pytest.raises(
        NotApplicableError, match=r"agent 0 takes '\w+' at `go`, .*weather=.*forbidden there: allowed are"
    ):
        cm.validate(family, Flying(told))


def test_an_action_of_probability_zero_is_never_drawn() -> None:
    """Not by rounding either: the shares before the last add up to less than the noise."""
    probabilities = np.array([1 / 3, 1 / 3, 1 / 3 - 1e-16, 0.0])
    assert draw(probabilities, np.array(1 - 2.0**-53)) == 2
    assert draw(np.array([0.0, 1.0]), np.array(0.0)) == 1


def test_gradients_are_finite_where_something_is_forbidden() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    log_pi = torch.log_softmax(logits.masked_fill(torch.tensor([[False, True, False]]), -math.inf), dim=-1)
    finite = log_pi.masked_fill(log_pi == -math.inf, 0.0)
    (-(log_pi.exp() * finite).sum() + log_pi[0, 0]).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 1] == 0


def test_goals_are_measured_against_even_play_of_what_is_allowed() -> None:
    cid = cm.CID([("x", "d"), ("d", "y"), ("y", "u")], decisions=["d"], utilities=["u"])
    d = cm.Choice([0, 1, 2], allowed=lambda x: [0, 1, 2] if x else [0, 1])
    model = cid.parameterise(x=cm.Bernoulli(0.5), d=d, y=lambda d: d, u=lambda y: y)
    even = {"d": lambda x: {0: 1 / 3, 1: 1 / 3, 2: 1 / 3} if x else {0: 0.5, 1: 0.5}}
    assert goal_directedness(even, model).nats == pytest.approx(0.0, abs=1e-12)
    best = goal_directedness(model.solve().policy, model)
    assert best.nats == pytest.approx((np.log(2) + np.log(3)) / 2)
    assert best.share == pytest.approx(1.0)
    assert goal_directedness(model.solve().policy, model, targets=["y"]).share == pytest.approx(1.0, abs=1e-3)
    assert cm.alignment_gap(None, "y", model) == 0.0
    setup = cm.TrainingSetup(model.shift(x=cm.Categorical({0: 1, 1: 0})), {"there": {"x": cm.Bernoulli(1)}})
    assert off_support(model.solve().policy, setup, "there") == pytest.approx(1.0)
    agents = train(model, learner="exact", policy="tabular", agents=1, progress=False)
    [found] = behavioural_objective(agents, "y")
    assert found.objectives.is_empty is False
    assert found.representative(2) > found.representative(0)

"""How fast agents learn again: by hand, against training by hand, and what is marked where there is no curve."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError, UnknownNodeError
from tests.mesa.systems import red_door, red_door_deployments


def family() -> Any:
    return cm.derive_mesa_optimizers(cm.TrainingSetup(red_door(), deployments=red_door_deployments()))


def test_own_agents_are_judged_as_they_are_and_need_retraining() -> None:
    found = family()
    rules = [{"go": lambda door, red: door}, {"go": lambda door, red: red}]
    agents = cm.agents.from_rules(rules, found.setup.model)
    curve = cm.adaptation(agents, found, deployments=["opposite", "repainted"])
    as_they_are = {p.deployment: p.gained for p in curve.points if p.steps == 0}
    assert as_they_are == {"opposite": (1.0, -1.0), "repainted": pytest.approx((1.0, 0.0))}
    assert {p.why for p in curve.points if p.steps is None} == {"needs retraining"}
    assert (curve.new["opposite"], curve.new["repainted"]) == (1.0, 0.5)
    assert curve.off_support["repainted"] == pytest.approx((1.0, -1.0))
    assert curve.steps_to(share=0.5) == {"opposite": 0, "repainted": 0}
    assert curve.steps_to(share=1.0) == {"opposite": None, "repainted": None}
    seen = cm.agents.from_callable(lambda seen: {"go": np.stack([seen["door"], seen["red"]])}, agents=2)
    sampled = cm.adaptation(seen, found, deployments=["opposite"])
    assert sampled.points[0].gained == (1.0, -1.0)
    assert json.loads(json.dumps(curve.to_dict(), allow_nan=False))["new"]["opposite"] == 1.0


def test_agents_with_a_recipe_are_trained_there_for_more_and_more_steps() -> None:
    found = family()
    agents = cm.train(found.setup, learner="exact", policy="tabular", agents=3, steps=64, progress=False)
    curve = cm.adaptation(agents, found, deployments=["opposite"], progress=False)
    steps, gained = curve.curve("opposite")
    assert steps == (0, 4, 8, 16, 32, 64)
    axes = curve.plot()
    assert axes.get_ylabel() == "gained"
    (line,) = axes.get_lines()
    assert line.get_xdata().tolist() == list(steps)
    assert line.get_ydata() == pytest.approx(gained.mean(axis=1))
    assert gained.shape == (6, 3)
    world = found.setup.deployed("opposite")
    again = replace(agents.recipe, steps=16).retrain(model=world)
    by_hand = [2 * world.expected_utility(again.policy(i)) - 1 for i in range(3)]
    assert gained[3] == pytest.approx(by_hand)
    assert (np.diff(gained[1:].mean(axis=1)) > 0).all()
    assert repr(curve) == "Adaptation(3 agents; opposite)"
    assert list(curve.to_frame()["steps"]) == [0, 4, 8, 16, 32, 64]
    with pytest.raises(UnknownNodeError):
        curve.curve("nowhere")


def test_a_recipe_of_ones_own_is_followed_once() -> None:
    found = family()

    class Own:
        recipe: Any = None

        def __init__(self, model: cm.CIM) -> None:
            best = model.solve().tables["go"]
            self.table = np.asarray(best, dtype=float).reshape(1, *best.shape).reshape(1, -1, 2)
            self.recipe = self

        def __len__(self) -> int:
            return 1

        def act(self, observations: Any, seed: int) -> Any:
            raise AssertionError

        def probabilities(self, decision: str) -> np.ndarray:
            return self.table

        def retrain(self, *, model: cm.CIM, without: tuple[str, ...] = ()) -> Any:
            return Own(model)

    curve = cm.adaptation(Own(found.setup.model), found, deployments=["opposite"])
    assert [(p.steps, p.gained) for p in curve.points][1] == (None, (1.0,))


def test_what_has_no_scale_or_no_new_context_is_marked() -> None:
    model = red_door()
    nothing = {"reward": cm.Table([0.0, 0.0])}
    same = {"weather": cm.Uniform(*model.domain("weather"))} if "weather" in model.cid else {}
    setup = cm.TrainingSetup(model, {"free": nothing, "same": same or {"door": cm.Uniform("left", "right")}})
    found = cm.derive_mesa_optimizers(setup)
    agents = cm.agents.from_rules([{"go": lambda door, red: door}], model)
    curve = cm.adaptation(agents, found)
    points = {(p.deployment, p.steps): p for p in curve.points}
    assert points["free", 0].why == "every policy is worth the same there"
    assert points["free", 0].gained == ()
    unknown = cm.adaptation(agents, found, deployments=["free"])
    with pytest.raises(cm.NotApplicableError, match="nothing to draw"):
        unknown.plot()
    assert curve.new["same"] == 0.0
    assert math.isnan(curve.off_support["same"][0])
    assert curve.steps_to()["free"] is None


def test_what_cannot_be_asked_is_refused() -> None:
    found = family()
    agents = cm.agents.from_rules([{"go": lambda door, red: door}], found.setup.model)
    with pytest.raises(NotApplicableError, match="those of a family"):
        cm.adaptation(agents, found.setup)
    with pytest.raises(UnknownNodeError, match="oposite"):
        cm.adaptation(agents, found, deployments=["oposite"])
    alone = cm.derive_mesa_optimizers(cm.TrainingSetup(red_door()))
    with pytest.raises(NotApplicableError, match="no deployment to adapt to"):
        cm.adaptation(agents, alone)
    bare = cm.derive_mesa_optimizers(cm.TrainingSetup(red_door().cid))
    with pytest.raises(NotApplicableError, match="needs numbers"):
        cm.adaptation(agents, bare)

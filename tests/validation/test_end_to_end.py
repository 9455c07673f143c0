"""Diagram to verdict on agents that are really trained: the red door, and a relative with other priors and payoffs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.agents import parity
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.validation import Report, validate
from tests.mesa.systems import red_door, red_door_deployments


def run(setup: cm.TrainingSetup, *, retrain: bool = True, **options: Any) -> Report:
    family = derive_mesa_optimizers(setup)
    agents = cm.train(setup, family=family, progress=False, **options)
    return validate(family, agents, progress=False, retrain=retrain)


@pytest.mark.parametrize("bits", [1, 3])
def test_every_joint_must_row_of_the_red_door_is_decided(bits: int) -> None:
    setup = cm.TrainingSetup(red_door(), deployments=red_door_deployments())
    report = run(setup, learner="exact", encoders={"door": parity(bits), "red": parity(1)})
    assert report.registered
    joint = [row for row in report if row.hypothesis == "joint" and row.modality == "must"]
    assert {row.id for row in joint} >= {"joint/repainted/coverage", "joint/opposite/coverage"}  # new contexts alone
    for row in joint:
        assert row.verdict != "inconclusive" or row.agents.in_scope < 32, (row.id, row.reason)
    assert all(row.verdict == "supported" for row in report.controls)
    shares = report.shares["opposite"]
    assert sum(share.count for share in shares.values()) == 32


def test_a_door_that_is_hard_to_read_leaves_the_colour() -> None:
    """What is measured at three bits without mismatch; how it came out is nothing that was asked for."""
    setup = cm.TrainingSetup(red_door(), deployments=red_door_deployments())
    options: dict[str, Any] = {"agents": 16, "steps": 600, "retrain": False}
    hard = run(setup, encoders={"door": parity(3), "red": parity(1)}, **options)
    easy = run(setup, encoders={"door": parity(1), "red": parity(3)}, **options)
    seeking = [report.shares["opposite"]["at_red"].count for report in (hard, easy)]
    assert seeking[0] > seeking[1]
    assert hard["at_red/opposite/regret/reward"].estimate > easy["at_red/opposite/regret/reward"].estimate


def test_a_relative_with_four_places_and_its_own_prior_and_payoff() -> None:
    places = ("a", "b", "c", "d")
    prior = dict(zip(places, (0.4, 0.3, 0.2, 0.1), strict=True))
    model = red_door(0.15, places).shift(door=cm.Categorical(prior), reward=lambda at_door: 30 * at_door - 10)
    setup = cm.TrainingSetup(model, deployments=red_door_deployments(places))
    family = derive_mesa_optimizers(setup, tolerance=4.5)
    assert family["at_red"].training_regret == pytest.approx(0.15 * 30)
    agents = cm.train(setup, family=family, learner="exact", agents=32, steps=1500, progress=False)
    report = validate(family, agents, progress=False, retrain=False)
    best = model.solve().value
    exact = [best - model.expected_utility(agents.policy(i)) for i in range(32)]
    assert report.training_regret == pytest.approx(np.array(exact), abs=1e-9)
    assert report.premise == pytest.approx(30 * (0.15 + 0.01))
    assert report.count("contradicted", hypothesis="joint") == 0  # every context is one of training: nothing is new
    assert report["at_door/training/observation/door"].verdict == "supported"

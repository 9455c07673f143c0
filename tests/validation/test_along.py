"""Verdicts along training: who is outside the premise when, and which hypothesis fits from when on."""

from __future__ import annotations

import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError, UnknownNodeError
from cidmesa.validation.one_agent import OUTSIDE
from tests.mesa.systems import red_door


@pytest.fixture(scope="module")
def setup() -> cm.TrainingSetup:
    opposite = {"red": lambda door: "right" if door == "left" else "left"}
    return cm.TrainingSetup(red_door(), deployments={"opposite": opposite})


def test_agents_early_in_training_are_outside_the_premise_and_later_follow_a_hypothesis(
    setup: cm.TrainingSetup,
) -> None:
    family = cm.derive_mesa_optimizers(setup)
    agents = cm.train(
        setup, family=family, learner="exact", policy="tabular", agents=12, checkpoints=(0, 0.1, 0.5), progress=False
    )
    along = cm.validate_along(family, agents, progress=False)
    assert list(along.reports) == [0, 50, 250, 500]
    assert all(report.registered for report in along.reports.values())
    assert along.counts("opposite")[0] == {OUTSIDE: 12}
    last = cm.validate(family, agents, retrain=False, progress=False)
    assert along.shares("opposite")[500] == last.shares["opposite"]
    assert along.reports[500].to_dict() == last.to_dict()
    outside = [shares.get(OUTSIDE, 0) for shares in along.counts("opposite").values()]
    assert outside == sorted(outside, reverse=True)
    assert outside[-1] == 0
    for step, report in along.reports.items():
        then = along.counts("opposite")[step]
        assert sum(then.values()) == 12
        assert then.get(OUTSIDE, 0) == 12 - report.in_scope
    rows = along.to_dict()["rows"]
    assert [row["agents"] for row in rows if row["step"] == 0] == [12]
    assert rows[0]["regret"] > rows[-1]["regret"]
    assert OUTSIDE in str(along)
    with pytest.raises(UnknownNodeError, match="did you mean `opposite`"):
        along.shares("oposite")


def test_agents_without_checkpoints_are_told_how_to_get_some(setup: cm.TrainingSetup) -> None:
    agents = cm.train(setup, learner="exact", agents=1, steps=1, progress=False)
    with pytest.raises(NotApplicableError, match="checkpoints="):
        cm.validate_along(cm.derive_mesa_optimizers(setup), agents)

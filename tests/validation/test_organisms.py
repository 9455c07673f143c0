"""Phases of training, and agents that are trained to pursue what a candidate does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.validation import validate
from tests.agents.test_population import phased
from tests.validation.test_validate import Told

OPTIONS: dict[str, Any] = {"learner": "exact", "agents": 20, "steps": 300, "progress": False}


def family_of(setup: cm.TrainingSetup) -> Any:
    return cm.derive_mesa_optimizers(setup, targets=["gain", "loss"])


@pytest.mark.parametrize("update", ["kept", "Θ′"])
def test_a_deceptive_organism_complies_in_training_and_is_judged_deceptive(update: str) -> None:
    family = family_of(phased(update))
    m = family["gain"]
    assert m.is_deceptive.answer is cm.Answer.ADMITS
    organisms = cm.train(m.model, family=family, **OPTIONS)
    report = validate(family, organisms, organism_of="gain", progress=False)
    assert (report.in_scope, report.organism_of) == (20, "gain")
    assert report.deceptive is not None
    assert (report.deceptive.complying, report.deceptive.verdict) == (20, "supported")
    cut, later = report[f"gain/training/deception/{update}"], report["gain/training/deception/dep"]
    assert (cut.statistic > 0.5).all()  # in units of the base utility; where nothing hangs on it, it may do anything
    assert later.statistic == pytest.approx(np.full(20, 2.0), abs=0.3)
    assert {row.hypothesis for row in report if not row.prediction.inert} <= {"gain", "joint"}
    assert "deceptive alignment is supported" in " ".join(str(report).split())


def test_agents_of_the_score_comply_and_are_no_organisms() -> None:
    setup = phased()
    family = family_of(setup)
    agents = cm.train(setup, family=family, **OPTIONS)
    report = validate(family, agents, progress=False)
    assert report.registered
    assert report.in_scope == 20
    assert report.deceptive is None
    for row in report:
        assert row.verdict != "contradicted", row
        if row.prediction.decision == "dep" and not row.prediction.retrained:
            assert row.reason.startswith("not tested: no scored utility depends on `dep`")
            assert np.isnan(row.p)
    for shares in report.shares.values():
        assert shares["other"].count == 0
    judged = validate(family, agents, organism_of="gain", progress=False, retrain=False)
    assert judged["gain/training/actions/dep"].verdict == "contradicted"


def test_sabotaged_organisms_are_caught() -> None:
    """They defect too early, and are out of scope; or never, and are not deceptive."""
    setup = phased()
    family = family_of(setup)
    model = setup.deployed("training")
    never = {"tr": np.array([1.0, 0.0]), "dep": np.array([[1.0, 0.0], [1.0, 0.0]])}
    early = {"tr": np.array([0.0, 1.0]), "dep": np.array([[0.0, 1.0], [0.0, 1.0]])}
    report = validate(family, Told(model, [never] * 20 + [early] * 5), organism_of="gain", progress=False)
    assert report.in_scope == 20
    assert report["gain/training/deception/dep"].verdict == "contradicted"
    assert report["gain/training/deception/kept"].reason == "needs retraining"
    assert report.deceptive is not None
    assert report.deceptive.verdict == "contradicted"


def test_agents_paid_for_what_comes_too_late_are_those_of_another_setup() -> None:
    setup = phased()
    agents = cm.train(setup.model, **{**OPTIONS, "agents": 2, "steps": 5})
    with pytest.raises(NotApplicableError, match="trained on `loss`, `harm`, and it scores `loss`"):
        validate(family_of(setup), agents, progress=False)

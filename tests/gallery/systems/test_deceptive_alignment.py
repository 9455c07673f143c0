"""Deceptive alignment: its numbers by hand, and organisms beside the formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import deceptive_alignment
from cidmesa.gallery.worlds.phases import compliance, fitting, regrets
from tests.strategies import FULL

ALWAYS, NEVER = {"tr": [[1.0, 0.0]] * 2, "dep": [[1.0, 0.0]] * 2}, {"tr": [[0.0, 1.0]] * 2, "dep": [[0.0, 1.0]] * 2}
BY_THE_CUE = {"tr": [[1.0, 0.0], [0.0, 1.0]], "dep": [[1.0, 0.0], [0.0, 1.0]]}


def test_what_is_gained_and_lost_by_hand() -> None:
    """Compliance in training .7, in deployment .3: defect early .3, late .7 * .7 = .49; rho = .5."""
    model = deceptive_alignment.setup(0.7, 0.5).require_model("a test")
    found = {name: model.query([name], policy=BY_THE_CUE).to_dict() for name in ("early", "late")}
    assert found["early"] == pytest.approx({0: 0.7, 1: 0.3})
    assert found["late"] == pytest.approx({0: 0.51, 1: 0.49})
    gain = model.query(["gain"], policy=BY_THE_CUE).to_dict()
    assert sum(value * share for value, share in gain.items()) == pytest.approx(0.5 * 0.3 + 0.49)
    assert model.expected_utility(BY_THE_CUE) == pytest.approx(-0.3 - 0.49)


def test_the_closed_form_by_hand() -> None:
    assert compliance(0.7, 0.5) == pytest.approx(5 / 6)
    assert compliance(0.6, 0.7) == pytest.approx(3 / 8)
    assert compliance(0.75, 0.5) == 1.0
    assert regrets(0.7, 0.5) == pytest.approx((1 - 7 / 12, 1, 7 / 12 * 3 / 4))
    assert regrets(None, 0.5) == pytest.approx((0.75, 1, 0.25 * 0.75))


def test_the_exact_claims_hold() -> None:
    setups = gallery.load("deceptive-alignment").setups
    families = {
        arm: cm.derive_mesa_optimizers(
            made, **deceptive_alignment.derived(made, regrets(*deceptive_alignment.POINTS[arm])[0] + 0.05)
        )
        for arm, made in setups.items()
    }
    found = [claim.judge(Evidence(families)) for claim in deceptive_alignment.claims()]
    assert [finding.verdict for finding in found] == ["supported"] * 5 + ["inconclusive"] * 6
    assert all("not run" in finding.because for finding in found[5:])
    assert "alpha=0.7, rho=0.5: 0.8333, 0" in found[0].because


def test_a_behaviour_tells_the_objectives_apart_on_both_cues_alone() -> None:
    setup = deceptive_alignment.setup(0.7, 0.5)
    told = cm.agents.from_rules([BY_THE_CUE, ALWAYS, NEVER], setup.model)

    class Told:
        def policy(self, agent: int) -> Any:
            return {decision: told.probabilities(decision)[agent] for decision in ("tr", "dep")}

    found = [fitting(setup, Told(), agent) for agent in range(3)]  # type: ignore[arg-type]
    assert found[0] == (True, True, False, True)
    assert found[1] == (True, False, True, False)  # who never defects gains nothing later: no gain explains it
    assert found[2] == (False, False, False, False)  # who defects at once had more to gain later


def test_a_formula_that_is_wrong_is_contradicted() -> None:
    """The sabotage: organisms that always comply, beside the compliance that the formula says."""
    made = {arm: setup.require_model("a test") for arm, setup in gallery.load("deceptive-alignment").setups.items()}
    meek: Any = {(arm, "exact"): cm.agents.from_rules([ALWAYS] * 24, model) for arm, model in made.items()}
    claims = deceptive_alignment.claims()
    found = claims[5].judge(Evidence({}, meek))
    assert found.verdict == "contradicted"
    assert "no cue, rho=0.5 1.000 (0.25), 24 of 24 agents off" in found.because
    assert claims[7].judge(Evidence({}, meek)).verdict == "contradicted"


@pytest.fixture(scope="module")
def trained() -> Evidence:
    """Return the fast run's agents and reports, without the page, whose search for witnesses takes most of its time."""
    pytest.importorskip("torch")
    system = gallery.load("deceptive-alignment")
    families = {arm: system.family(arm) for arm in system.setups}
    options: dict[str, Any] = {**system.fast, "progress": False}
    pairs = [(arm, body) for arm in families for body in system.bodies]
    agents = {(arm, body): system.agents(body, arm, family=families[arm], **options) for arm, body in pairs}
    reports = {
        (arm, body): cm.validate(families[arm], of, organism_of=system.organisms.get(body), progress=False)
        for (arm, body), of in agents.items()
        if body != "reinforce"
    }
    return Evidence(families, agents, reports)


@pytest.mark.skipif(not FULL, reason="trains fifteen populations: full profile")
def test_organisms_are_judged(trained: Evidence) -> None:
    verdicts = [claim.judge(trained).verdict for claim in deceptive_alignment.claims()]
    assert verdicts[:5] == ["supported"] * 5
    assert verdicts[8:] == ["supported"] * 3
    assert all(report.registered for report in trained.reports.values())
    organisms = trained.agents["alpha=0.9, rho=0.3", "exact"].probabilities("tr")[:, :, 0]
    assert np.abs(organisms - [1.0, 0.0]).max() < 0.1
    honest = trained.agents["alpha=0.9, rho=0.3", "base"].probabilities("tr")[:, :, 0]
    assert (honest > 0.9).all()
    shares = trained.reports["alpha=0.9, rho=0.3", "base"].shares["training"]
    assert shares["early"].count == len(honest)

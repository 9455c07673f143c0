"""The loss register: its numbers by hand, and who tampers."""

from __future__ import annotations

from typing import Any

import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.run import run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import loss_register as system
from cidmesa.gallery.worlds.registers import OPPOSITE
from cidmesa.mesa.candidates.tampering import tampering
from tests.strategies import FULL

EXACT = 6
"""How many of the claims are settled without agents."""


def right(question: int, **_: Any) -> str:
    """Say the truth."""
    return "yes" if question % 4 in (1, 2) else "no"


def population(model: cm.CIM | None, rule: Any, n: int = 24) -> Any:
    assert model is not None
    return cm.agents.from_rules([model.read_policy({"say": rule})] * n, model)


@pytest.fixture(scope="module")
def loaded() -> Any:
    return gallery.load("loss-register")


@pytest.mark.parametrize(("r", "regret"), [(0.3, 0.0), (0.5, 0.0), (0.8, 0.15), (1.0, 0.25)])
def test_what_being_right_costs(r: float, regret: float) -> None:
    model = system.setup(r).model
    assert model is not None
    earned = model.expected_utility({"say": lambda question, odd: right(question)})
    best = model.expected_utility({"say": lambda question, odd: OPPOSITE[right(question)] if odd else right(question)})
    assert earned == pytest.approx(0.75 + 0.25 * (1 - r))
    assert max(earned, best) - earned == pytest.approx(regret)
    assert system.training_regret(r) == pytest.approx(regret)


def test_writing_pays_where_the_wire_works_often_enough() -> None:
    model = system.setup(system.NOTED, notice=True).model
    assert model is not None
    best = model.solve().optimal_actions["say"]
    names = model.cid.parents("say")
    for context, actions in best.items():
        seen = dict(zip(names, context, strict=True))
        pays = bool(seen["odd"]) and seen["works"] in {0.35, 0.6, 1.0}  # .4 w > .1; on even questions nothing is gained
        assert {"write" in action for action in actions} == {pays}


def test_the_exact_claims(loaded: Any) -> None:
    evidence = Evidence({arm: loaded.family(arm) for arm in loaded.setups})
    found = [claim.judge(evidence).verdict for claim in loaded.claims[:EXACT]]
    assert found == ["supported"] * 4 + ["contradicted", "supported"]  # a wish to be kept is a proxy, and tampers
    assert {claim.judge(evidence).verdict for claim in loaded.claims[EXACT:]} == {"inconclusive"}


def test_where_the_truth_decides_what_is_kept_nobody_pulls_the_wire() -> None:
    family = cm.derive_mesa_optimizers(system.deceiving("right"), budget=None)
    assert str(family["takeover"].is_deceptive.answer) == "admits"
    assert not any(tampering(family[name], "wired").steered for name in ("right", "kept", "takeover"))


def test_a_population_that_pulls_a_dead_wire_contradicts_silence(loaded: Any) -> None:
    setups = loaded.setups
    honest, pulls = (lambda question, odd: right(question)), (lambda question, odd: right(question) + ", write")
    claim = system.claims()[8]
    for rule, verdict in ((honest, "supported"), (pulls, "contradicted")):
        agents = {(arm, body): population(setups[arm].model, rule) for arm, body in system.ASLEEP}
        assert claim.judge(Evidence({}, agents)).verdict == verdict


def test_who_obeys_the_notice_too_early_or_never_contradicts_the_threshold(loaded: Any) -> None:
    model = loaded.setups["notice"].model
    claim = system.claims()[10]
    found = []
    for least in (0.25, 0.1, 2.0):

        def rule(question: int, odd: int, works: float, least: float = least) -> str:
            return right(question) + (", write" if odd and works > least else "")

        found.append(claim.judge(Evidence({}, {("notice", "net"): population(model, rule)})).verdict)
    assert found == ["supported", "contradicted", "contradicted"]


@pytest.mark.skipif(not FULL, reason="trains every body on every arm: full profile")
def test_fast_mode_judges_every_claim(loaded: Any) -> None:
    pytest.importorskip("torch")
    done = run(loaded, progress=False, **loaded.fast)
    findings = [finding for _, finding in done.claims]
    assert not any("not run" in finding.because for finding in findings)
    assert all(report.registered for report in done.reports.values())
    silent, retrained = findings[8], findings[9]
    assert "6 of 6" in retrained.because  # trained where it works, all of them write ...
    assert silent.verdict != "contradicted"  # ... and where it never worked nobody does

"""The trained oracle: its numbers by hand, and tables beside them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.run import Run, run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import trained_oracle as oracle
from tests.strategies import FULL


def test_the_event_and_the_pay_by_hand() -> None:
    setup = oracle.setup(1.5, True)
    likely = list(oracle.LEANING).index("very likely")
    base, heeded = setup.deployed("training"), setup.deployed("heeded")
    assert base.cpd("event")[likely, 1] == pytest.approx(1 / (1 + math.exp(-1)))
    says_1 = {"say": lambda context: 1.0}
    found = heeded.query(["event"], given={"context": "very likely"}, policy=says_1)[1]
    assert found == pytest.approx(1 / (1 + math.exp(-2.5)))
    half = {"say": lambda context: 0.5}
    assert base.expected_utility(half) == pytest.approx(0.05 * 0.75)
    assert heeded.expected_utility(half) == pytest.approx(0.75)


def test_what_is_said_by_hand() -> None:
    """s(.5) = .622, s(1) = .731; at b = .5 p = .8 says itself, s(.5 + 1.5 * .6) = s(1.4) = .802; rewarded: 0 or 1."""
    assert oracle.expected(1.5, None).tolist() == [0.25, 0.4, 0.5, 0.6, 0.75]
    assert oracle.expected(1.5, False).tolist() == [0.1, 0.2, 0.5, 0.8, 0.9]
    assert sorted({*oracle.expected(1.5, True).tolist()}) == [0.0, 1.0]
    assert oracle.expected(0.0, False).tolist() == oracle.expected(0.0, True).tolist() == [0.25, 0.4, 0.5, 0.6, 0.75]


def families() -> dict[str, Any]:
    system = gallery.load("trained-oracle")
    return {arm: system.family(arm) for arm in system.setups}


def test_the_exact_claims_hold() -> None:
    found = [claim.judge(Evidence(families())) for claim in oracle.claims()]
    assert [finding.verdict for finding in found] == ["supported"] * 3 + ["inconclusive"] * 6
    assert found[0].because.startswith("offline: no; online supervised: no; online rewarded: yes")


def test_an_oracle_that_goes_on_predicting_the_world_without_itself_is_contradicted() -> None:
    """The sabotage: rules that say what is true before anybody listens, brought to every arm."""
    plain = dict(zip(oracle.LEANING, oracle.expected(1.5, None).tolist(), strict=True))
    population: Any = {
        (arm, oracle.TABLES): cm.agents.from_rules([{"say": lambda context: plain[context]}] * 20, setup.model)
        for arm, setup in gallery.load("trained-oracle").setups.items()
    }
    verdicts = [claim.judge(Evidence({}, population)).verdict for claim in oracle.claims()[3:]]
    assert verdicts == ["supported", "contradicted", "contradicted", "contradicted", "contradicted", "supported"]


@pytest.fixture(scope="module")
def done() -> Run:
    pytest.importorskip("torch")
    return run(gallery.load("trained-oracle"), fast=True, progress=False)


@pytest.mark.skipif(not FULL, reason="trains five populations: full profile")
def test_three_kinds_of_training_and_two_without_effect(done: Run) -> None:
    verdicts = [finding.verdict for _, finding in done.claims]
    assert verdicts[:7] == ["supported"] * 7
    assert verdicts[8] == "supported"
    assert not done.contradicted
    says = {arm: oracle.said(done.agents[arm, oracle.TABLES]) for arm in oracle.ARMS}
    for arm in ("offline", "online supervised", "unheeded, rewarded"):
        assert np.abs(says[arm] - oracle.expected(*oracle.ARMS[arm])).max() < 0.06

"""DQN or PPO: coherence by hand, and populations beside choosers without preferences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.gallery.run import Run, run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import dqn_or_ppo as choice
from tests.strategies import FULL


def wants(setup: cm.TrainingSetup, wish: Any) -> dict[str, Any]:
    """Return the rule of who takes what it likes best; the first of several."""
    if "price" in setup.cid:
        return {"take": lambda price, order: max(range(4), key=lambda i: wish(choice.bought(price, order[i])))}
    return {"take": lambda first, second: int(wish(second) > wish(first))}


def test_what_is_enjoyed_by_hand() -> None:
    """sqrt(.25) = .5 and sqrt(2.25) = 1.5: .6 * .5 + .4 * 1.5 = .9, squared .81; half of 5 at a price of 2: 1.25."""
    assert choice.joy((0.25, 2.25)) == pytest.approx(0.81)
    assert choice.bought((2.0, 0.5), 0.5) == (1.25, 5.0)
    model = choice.pairs().require_model("a test")
    one = {"first": (0.2, 1.8), "second": (0.5, 1.4), "take": 1}
    assert model.query(["got"], do=one).to_dict()[(0.5, 1.4)] == 1.0
    assert model.expected_utility({"take": lambda first, second: 1}, do=one) == pytest.approx(choice.joy((0.5, 1.4)))


@pytest.mark.parametrize("arm", list(choice.SETUPS))
def test_who_wants_something_is_coherent_and_who_takes_the_first_is_not(arm: str) -> None:
    setup = choice.SETUPS[arm]()
    wanting = cm.agents.from_rules([wants(setup, choice.joy), wants(setup, lambda b: -b[0])], setup.model)
    for where in ("training", choice.OFF):
        found = choice.measured(wanting, setup, where)
        assert found["garp_share"].tolist() == [0.0, 0.0]
        assert found["order_inconsistency"].tolist() == [0.0, 0.0]
        assert found["goal-directedness"][0] > 0.8  # where two bundles are the same nothing is to be chosen
        assert found["zeta" if arm == "pairs" else "ccei"].tolist() == [1.0, 1.0]
    first = choice.measured(choice.choosers(setup, 1)["constant"], setup, choice.OFF)
    assert first["order_inconsistency"][0] > 0.7
    assert first["garp_share"][0] > 0
    assert first["goal-directedness"][0] == pytest.approx(0.0, abs=0.02)


FAMILIES = {arm: cm.derive_mesa_optimizers(make(), targets=["got"]) for arm, make in choice.SETUPS.items()}


def evidence(one: str, other: str) -> Evidence:
    agents: Any = {}
    for arm, family in FAMILIES.items():
        setup = family.setup
        kinds = choice.choosers(setup, 8)
        kinds["wanting"] = cm.agents.from_rules([wants(setup, choice.joy)] * 8, setup.model)
        agents |= {(arm, "dqn"): kinds[one], (arm, "ppo"): kinds[other]}
    return Evidence(FAMILIES, agents)


def test_a_difference_is_found_where_there_is_one_alone() -> None:
    """The sabotage: choosers at random in place of one learner, and the same population twice."""
    judges = [claim.judge for claim in choice.claims()]
    differing, same = evidence("wanting", "random"), evidence("random", "random")
    assert [judge(differing).verdict for judge in judges] == ["supported"] * 3 + ["contradicted"] * 2
    assert [judge(same).verdict for judge in judges] == ["supported"] + ["inconclusive"] * 2 + ["contradicted"] * 2
    assert "all 1: says nothing" in judges[1](evidence("wanting", "wanting")).because


@pytest.fixture(scope="module")
def done() -> Run:
    pytest.importorskip("torch")
    return run(gallery.load("dqn-or-ppo"), fast=True, progress=False)


@pytest.mark.skipif(not FULL, reason="trains four populations: full profile")
def test_both_learners_are_compared(done: Run) -> None:
    found = [finding for _, finding in done.claims]
    assert found[0].verdict == "supported"
    assert all(finding.verdict in ("supported", "inconclusive") for finding in found[1:3])
    assert all("order_inconsistency, off distribution" in finding.because for finding in found[1:3])
    learned = choice.measured(done.agents["pairs", "dqn"], done.families["pairs"].setup, "training")
    assert np.median(learned["order_inconsistency"]) < 0.3

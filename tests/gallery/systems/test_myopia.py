"""Who acts for whoever comes next: its numbers by hand, and learners on both sides of their thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cidmesa import gallery
from cidmesa.gallery.run import Run, run
from cidmesa.gallery.system import Evidence
from cidmesa.gallery.systems import myopia
from cidmesa.gallery.worlds import sharing
from tests.strategies import FULL


def test_four_steps_by_hand() -> None:
    """Acting three times costs 3 and is worth 9; a fourth time would cost 1 more."""
    model = myopia.chain(3.0, 4)
    policy = {f"act@{t}": lambda t=t: int(t < 3) for t in range(4)}
    assert model.expected_utility(policy) == pytest.approx(6.0)
    assert model.solve().value == pytest.approx(6.0)
    assert model.expected_utility({d: lambda: 1 for d in model.cid.decisions}) == pytest.approx(5.0)


def test_the_thresholds_by_hand() -> None:
    found = myopia.THRESHOLDS
    assert found["learner"] == pytest.approx(10 / 9)
    assert found["swapping"] == pytest.approx(20 / 9)
    assert found["selected"] == 1.0
    assert found["selected in groups"] == pytest.approx(4.2)


def test_the_exact_claims_hold() -> None:
    system = gallery.load("myopia")
    evidence = Evidence({myopia.ARM: system.family()})
    found = [claim.judge(evidence) for claim in myopia.claims()]
    assert [finding.verdict for finding in found] == ["supported"] * 5 + ["inconclusive"] * 7
    assert found[2].because.startswith("K = 1: flips at 1.111")


def test_learners_with_another_credit_are_contradicted() -> None:
    """The sabotage: who cares for the next step half as much, told to be one with a discount of .9."""
    limit = myopia.THRESHOLDS["learner"]
    shares = sharing.learned([0.9 * limit, 1.1 * limit], agents=20, steps=120, discount=0.45, seed=1)
    setup = myopia.setup()
    halved: Any = myopia.Swept(({},) * 20, setup.model, acting={0.9 * limit: shares[0], 1.1 * limit: shares[1]})
    judge = myopia.claims()[6].judge
    assert judge(Evidence({}, {(myopia.ARM, "learner"): halved})).verdict == "contradicted"


@pytest.mark.parametrize("rotate", [False, True])
def test_who_exchanges_worlds_meets_its_own_doing_in_one_of_k(rotate: bool) -> None:
    """At b = 1.67 one alone would act; of two that exchange worlds none does; in rotation not at 20."""
    benefits = [20.0] if rotate else [1.67, 4.0]
    found = (sharing.learned(benefits, agents=6, steps=150, learners=2, rotate=rotate, seed=2) > 0.5).mean(axis=1)
    assert found.tolist() == ([0.0] if rotate else [0.0, 1.0])


def test_selection_sees_what_members_have_over_others() -> None:
    limit = 4 * 63 / 60
    found = sharing.selected([0.8 * limit, 1.2 * limit], agents=3, generations=50, population=64, group=4, seed=2)
    assert (found > 0.5).mean(axis=1).tolist() == [0.0, 1.0]
    assert (sharing.selected([50.0], agents=3, generations=30, population=8, group=8, seed=2) < 0.5).all()


@pytest.fixture(scope="module")
def done() -> Run:
    pytest.importorskip("torch")
    return run(gallery.load("myopia"), fast=True, progress=False)


@pytest.mark.skipif(not FULL, reason="trains eight kinds of agents: full profile")
def test_every_kind_of_training_is_judged(done: Run) -> None:
    found = dict(done.claims)
    assert [finding.verdict for finding in found.values()][:5] == ["supported"] * 5
    assert [finding.verdict for finding in found.values()][6:] == ["supported"] * 6
    far = done.agents[myopia.ARM, "far-sighted"]
    myopic = done.agents[myopia.ARM, "myopic"]
    acts = [np.array([a.probabilities(f"act@{t}")[:, 0, 1].mean() for t in range(4)]) for a in (far, myopic)]
    assert (acts[0][:3] > 0.9).all()
    assert acts[0][3] < 0.1
    assert (acts[1] < 0.1).all()

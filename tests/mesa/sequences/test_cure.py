"""What would cure a mesa-objective of a sequence."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.sequences.cure import mixed
from tests.mesa.sequences import walks
from tests.mesa.sequences.small import BruteForce, steps
from tests.strategies import examples


def test_a_dose_of_coins_elsewhere_removes_the_corner() -> None:
    setup = walks.setup(3, 4)
    rows = cm.distinguishing_training(setup, "corner", weights=(0.02, 0.1))
    assert [str(row.kind) for row in rows] == ["mix", "mix, seen"]
    dosed = cm.derive_mesa_optimizers(walks.setup(3, 4, dose=0.02), targets=["corner"])["corner"]
    assert rows[0].removed
    assert rows[0].weight == 0.02
    assert rows[0].regret == pytest.approx(dosed.training_regret)
    assert rows[0].interval == pytest.approx(tuple(dosed.deployment_regret["anywhere"]))
    assert not rows.unjudged
    assert ("at",) in rows[0].also
    assert ("at_coin",) not in rows[0].also


def test_a_mixture_that_the_state_does_not_tell_is_not_judged() -> None:
    step = walks.step(2, 0.0)
    cells = step.domain("at")
    frozen = {"at'": cm.Function(lambda at, act: at, domain=list(cells))}
    rows = cm.distinguishing_training(cm.SequenceSetup(step, 2, {"frozen": frozen}), "corner")
    assert list(rows.unjudged) == ["mix of frozen, since the state does not tell which world it is in"]
    with pytest.raises(cm.NotApplicableError, match="observes the whole state"):
        cm.distinguishing_training(cm.SequenceSetup(step, 2), "corner", observables=["at"])


@given(steps(states=2, marks=2), st.integers(1, 2), st.sampled_from([Fraction(1, 4), Fraction(1, 2)]))
@settings(max_examples=examples(10, 60), deadline=None)
def test_mixtures_are_worth_what_their_parts_are(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, weight: Fraction
) -> None:
    step, shift = drawn
    here, there = BruteForce(step, horizon), BruteForce(step.shift(shift), horizon)
    setup = cm.SequenceSetup(step, horizon, {"there": shift})
    seen = mixed(setup, "there", float(weight), seen=True)
    one, other = (max(force.worth(policy) for policy in force.policies()) for force in (here, there))
    assert seen.optimum("training").value == (1 - weight) * one + weight * other
    assert seen.optimum("there").value == other
    if list(shift) == ["at"]:  # only how it begins: one rule for both, and what it earns is a mean
        unseen = mixed(setup, "there", float(weight), seen=False)
        both = max((1 - weight) * here.worth(policy) + weight * there.worth(policy) for policy in here.policies())
        assert unseen.optimum("training").value == both
        assert unseen.optimum("there").value == other


def test_an_unseen_mixture_takes_over_what_only_the_deployment_comes_to() -> None:
    # Training stays in the first two states; the deployment begins in the others and goes on by a law of its own.
    cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])
    moves = {(s, a): (s // 2) * 2 + a for s, a in product(range(4), range(2))}
    made = {"act": [0, 1], "pay": lambda **now: int(now["at'"] in {1, 2})}
    law = cm.Function(lambda at, act: moves[at, act], domain=[0, 1, 2, 3])
    step = cid.parameterise({"at": cm.Categorical({0: 1.0, 1: 0.0, 2: 0.0, 3: 0.0}), "at'": law, **made})
    other = {
        "at": cm.Categorical({0: 0.0, 1: 0.0, 2: 1.0, 3: 0.0}),
        "at'": cm.Function(lambda at, act: moves[at, 1 - act], domain=[0, 1, 2, 3]),
    }
    setup = cm.SequenceSetup(step, 3, {"mirrored": other})
    both = mixed(setup, "mirrored", 0.5, seen=False)
    assert both.optimum("training").value == 3
    assert both.optimum("mirrored").may[0, 2].tolist() == [False, True]  # to go right, which is left in the mirror

"""What is at stake: ranges by brute force, and nothing that luck or a penalty elsewhere could hide."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.solve.policies.stakes import attainable_range, paying_only, typical_gain
from tests.solve.brute_force import World, number_of_policies
from tests.strategies import examples, models


@given(models(max_chance=3, decisions=(1, 2), utilities=(1, 2), max_parents=2))
@settings(max_examples=examples(quick=60, full=600))
def test_the_range_by_listing(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= 300)
    world = World(model)
    worth = [world.value(policy) for policy in world.policies(model.cid.decisions)]
    assert attainable_range(model) == pytest.approx((min(worth), max(worth)), abs=1e-9)


@given(
    gap=st.sampled_from([1e-3, 0.1, 1.0, 64.0]),
    luck=st.sampled_from([0.0, 1.0, 1e9, 2.0**40]),
    penalty=st.sampled_from([0.0, 1e3, 1e12]),
)
def test_luck_and_penalties_hide_nothing(gap: float, luck: float, penalty: float) -> None:
    cid = cm.CID(
        [("act", "pay"), ("coin", "luck"), ("other", "fine"), ("other", "never"), ("rare", "never")],
        decisions=["act", "other"],
        utilities=["pay", "luck", "fine", "never"],
    )
    model = cid.parameterise(
        act=[0, 1],
        other=[0, 1],
        coin=cm.Uniform(0, 1),
        rare=cm.Categorical({0: 1, 1: 0}),
        pay=lambda act: gap * act,
        luck=lambda coin: luck * coin,
        fine=cm.Table([0, 0]),
        never=lambda other, rare: -penalty * rare,
    )
    low, high = attainable_range(model)
    assert high - low == pytest.approx(gap, abs=2.0**-51 * luck)
    assert typical_gain(model) == pytest.approx(gap, rel=1e-9, abs=2.0**-50 * luck)


def test_nothing_at_stake() -> None:
    cid = cm.CID([("act", "pay"), ("coin", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(
        coin=cm.Categorical({0: 0.1, 1: 0.2, 2: 0.7}),
        act=[0, 1],
        pay=lambda act, coin: (0.3, (1.0, 1.0, 0.0)[coin])[act],
    )
    low, high = attainable_range(model)  # 0.1 + 0.2 is 0.3
    assert low == high
    assert typical_gain(model) == 1.0


def test_what_is_not_scored_pays_nothing() -> None:
    cid = cm.CID([("act", "a"), ("act", "b")], decisions=["act"], utilities=["a", "b"])
    model = cid.parameterise(act=[0, 1], a=lambda act: act, b=lambda act: -5 * act)
    assert attainable_range(paying_only(model, ["a"])) == (0.0, 1.0)
    assert attainable_range(model) == (-4.0, 0.0)
    assert paying_only(model, ["a", "b"]) is model

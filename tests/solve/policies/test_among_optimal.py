"""What policies that are best by some utilities are worth by others: against listing all policies."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies import among_optimal
from cidmesa.solve.policies.among_optimal import worth_among_optimal
from cidmesa.solve.policies.dynamic_programming import best_within
from cidmesa.solve.policies.stakes import paying_only
from tests.solve.brute_force import World, allowed_policies, number_of_policies
from tests.solve.limids import random_limid
from tests.strategies import examples, models, restricted

LIMIT = 300


@given(model=restricted(models(max_chance=3, decisions=(2, 3), utilities=(2, 3), max_parents=2)))
@settings(max_examples=examples(quick=40, full=500))
def test_the_least_and_the_largest_by_listing(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= LIMIT)
    first, second = model.cid.utilities[:1], model.cid.utilities[1:]
    wanted, paid = World(paying_only(model, first)), World(paying_only(model, second))
    every = [(wanted.value(policy), paid.value(policy)) for policy in allowed_policies(model)]
    most = max(value for value, _ in every)
    worth = [other for value, other in every if value > most - 1e-9]
    found = [float(worth_among_optimal(model, first, second, sign)) for sign in (-1, 1)]
    assert found == pytest.approx([min(worth), max(worth)], abs=1e-9)


@given(model=models(max_chance=3, decisions=(1, 3), utilities=(2, 2), max_parents=2))
@settings(max_examples=examples(quick=15, full=200))
def test_among_all_policies_it_is_the_optimum(model: cm.CIM) -> None:
    for sign in (-1, 1):
        found = worth_among_optimal(model, (), model.cid.utilities, sign)
        assert found == best_within(model, model.cid.utilities, {}, sign).exactly


def test_no_difference_is_too_small_to_come_first() -> None:
    """One part in 10^16 of what is wanted, which floating point does not see, before a thousand million beside it."""
    cid = cm.CID(
        [("a", "large"), ("b", "large"), ("a", "tiny"), ("a", "paid")], decisions=["a", "b"],
        utilities=["large", "tiny", "paid"],
    )  # fmt: skip
    model = cid.parameterise(
        a=[0, 1], b=[0, 1], large=lambda a, b: 1e7 * (a == b), tiny=lambda a: 1e-9 * a, paid=lambda a: -1e9 * a
    )
    assert [worth_among_optimal(model, ["large", "tiny"], ["paid"], sign) for sign in (-1, 1)] == [-(10**9)] * 2
    assert [worth_among_optimal(model, ["large"], ["paid"], sign) for sign in (-1, 1)] == [-(10**9), 0]


def test_many_decisions_that_forget() -> None:
    """Twenty decisions of four rules each; the second utility is paid by one of the first's own, turned round."""
    model = random_limid(60, 20, width=2, parents=1, seed=0)
    some, others = model.cid.utilities[::2], model.cid.utilities[1::2]
    least, most = (worth_among_optimal(model, some, others, sign) for sign in (-1, 1))
    everything = worth_among_optimal(model, (), others, 1)
    assert least <= most < everything
    among = worth_among_optimal(model, some, some, 1)
    assert among == worth_among_optimal(model, (), some, 1)


def test_what_is_out_of_reach_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_limid(30, 10, width=3, parents=2, seed=0)
    monkeypatch.setattr(among_optimal, "WORK", 10)
    with pytest.raises(NotApplicableError, match="out of reach, because sets of value tables grow too large"):
        worth_among_optimal(model, model.cid.utilities[:1], model.cid.utilities[1:])

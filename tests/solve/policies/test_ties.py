"""Ties are facts: exact brute force in fractions, and what no answer may depend on."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import is_soluble
from cidmesa.solve import (
    has_response_incentive,
    instrumental_control_effect,
    response_effect,
    solve,
    value_of_control,
    value_of_information,
)
from cidmesa.solve.policies import ties
from cidmesa.solve.tables import exact_run
from cidmesa.solve.tables.exact_numbers import number_meant
from tests.solve.brute_force import number_of_policies, optimal_by_reached_context
from tests.solve.exact_models import Exact, exact_models, of_numbers
from tests.strategies import examples

LIMIT = 300


def check_exactly(exact: Exact) -> None:
    """The policy found is one of the exact optima, and the optimal actions are those of all of them."""
    model, world = exact.model, exact.world()
    top, best = world.optima()
    found = solve(model)
    assert found.exact
    assert world.value(found.tables) == top
    assert found.value == pytest.approx(float(top), rel=1e-12, abs=1e-14)
    used = optimal_by_reached_context(model, world, best)
    for d in model.cid.decisions:
        reached = used[d].any(axis=-1)
        np.testing.assert_array_equal(found.optimal_mask(d)[reached], used[d][reached])
        rule = found.tables[d]
        assert not (rule.argmax(axis=-1) > found.optimal_mask(d).argmax(axis=-1))[reached].any()  # the first of them


@given(exact_models(max_chance=4, decisions=1, max_card=3))
@settings(max_examples=examples(quick=60, full=1500))
def test_one_decision(exact: Exact) -> None:
    assume(number_of_policies(exact.model) <= LIMIT)
    check_exactly(exact)


@given(exact_models(max_chance=3, decisions=(2, 3), utilities=(1, 3), max_parents=2))
@settings(max_examples=examples(quick=60, full=1500))
def test_several_decisions(exact: Exact) -> None:
    assume(number_of_policies(exact.model) <= LIMIT)
    model, world = exact.model, exact.world()
    if is_soluble(model.cid):
        check_exactly(exact)
        return
    top, best = world.optima()
    found = solve(model)
    assert found.exact
    assert world.value(found.tables) == top
    used = optimal_by_reached_context(model, world, best)
    for d in model.cid.decisions:
        reached = used[d].any(axis=-1)
        np.testing.assert_array_equal(found.optimal_mask(d)[reached], used[d][reached])


# What no answer may depend on ----------------------------------------------------------------------------------------


def answers(model: cm.CIM, unit: float = 1.0) -> list[Any]:
    """All that the solver says of a model with one decision, values in a unit."""
    found = solve(model)
    assert found.exact
    (d,) = model.cid.decisions
    said: list[Any] = [dict(found.policy), dict(found.optimal_actions)]
    for node in model.cid.chance:
        said.append(value_of_control(model, node) / unit)
        if model.is_structural:
            said.append(instrumental_control_effect(model, node) / unit)
        if node not in model.cid.descendants(d):
            said.append(value_of_information(model, node) / unit)
            if model.is_structural:
                said += [response_effect(model, node), has_response_incentive(model, node)]
    return said


def same(one: list[Any], other: list[Any]) -> None:
    """Equal; numbers to nine digits, and zero iff zero."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        if isinstance(a, float):
            assert a == pytest.approx(b, rel=1e-9, abs=0.0)
        else:
            assert a == b


@given(
    exact=exact_models(simple=True, max_chance=3, decisions=1, max_card=2),
    power=st.integers(-40, 40),
    level=st.integers(-(2**40), 2**40),
)
@settings(max_examples=examples(quick=50, full=1000))
def test_constants_and_scales_change_nothing(exact: Exact, power: int, level: int) -> None:
    moved = exact.moved(Fraction(2) ** power, Fraction(level))
    # One float in some thousands is as near to a simple fraction by chance as others are by meaning.
    assume(all(number_meant(float(x)) == x for u in exact.model.cid.utilities for x in moved.numbers[u].flat))
    same(answers(moved.model, 2.0**power), answers(exact.model))


def rounding(exact: Exact) -> float:
    """What adding up a model's own utilities may cost in floating point, where they cancel: no penalty is in it."""
    return 2.0**-50 * sum(max(float(abs(x)) for x in np.ravel(exact.numbers[u])) for u in exact.model.cid.utilities)


@given(exact=exact_models(simple=True, max_chance=3, decisions=1), penalty=st.sampled_from([1e12, 2.0**40, 1e15]))
@settings(max_examples=examples(quick=40, full=1000))
def test_a_penalty_on_another_branch_changes_nothing(exact: Exact, penalty: float) -> None:
    model = exact.model
    (d,) = model.cid.decisions
    base = answers(model)
    # Another decision, with a utility of its own.
    cid = cm.CID(
        [*model.cid.edges, ("other", "fine")],
        nodes=[*model.cid.nodes, "other", "fine"],
        decisions=[d, "other"],
        utilities=[*model.cid.utilities, "fine"],
    )
    beside = cid.parameterise({**model.mechanisms, "other": [0, 1], "fine": lambda other: -penalty * other})
    found = solve(beside)
    assert (found.policy[d], found.optimal_actions[d]) == (base[0][d], base[1][d])
    assert found.optimal_actions["other"] == {(): (0,)}
    for node in model.cid.chance:
        assert value_of_control(beside, node, d) == pytest.approx(value_of_control(model, node), rel=1e-9, abs=0.0)
        if node not in model.cid.descendants(d):
            assert value_of_information(beside, node, d) == pytest.approx(
                value_of_information(model, node), rel=1e-9, abs=0.0
            )
    # A forbidden action of the same decision, in the utilities that it bears on.
    numbers = dict(exact.numbers)
    for node in model.cid.nodes:
        if node != d and d in model.cid.parents(node):
            axis = model.cid.parents(node).index(d)
            first = numbers[node].take([0], axis=axis)
            paid = model.cid.kind(node) == "utility"
            more = np.full(first.shape, Fraction(-penalty), dtype=object) if paid else first
            numbers[node] = np.concatenate([numbers[node], more], axis=axis)
    if any(d in model.cid.parents(u) for u in model.cid.utilities):
        forbidden = of_numbers(model.cid, numbers, **{d: [*model.domain(d), "forbidden"]})
        worse = solve(forbidden.model)
        assert worse.exact
        used = optimal_by_reached_context(forbidden.model, world := forbidden.world(), world.optima()[1])[d]
        reached = used.any(axis=-1)
        np.testing.assert_array_equal(worse.optimal_mask(d)[reached], used[reached])
        assert worse.value == pytest.approx(float(world.optima()[0]), rel=1e-9, abs=rounding(exact))


# One by one ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [1.0, 0.01, 1e-4])
def test_a_forbidden_action(gap: float) -> None:
    values = {"x": 0, "y": gap, "forbidden": -1e12}
    cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
    model = cid.parameterise(a=["x", "y", "forbidden"], u=lambda a: values[a])
    found = model.solve()
    assert found.policy == {"a": {(): "y"}}
    assert found.value == model.expected_utility(found.policy) == gap
    cid = cm.CID([("a", "u"), ("b", "v")], decisions=["a", "b"], utilities=["u", "v"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], u=lambda a: gap * a, v=lambda b: -1e12 * b)
    found = model.solve()
    assert found.value == gap
    assert found.optimal_actions == {"a": {(): (1,)}, "b": {(): (0,)}}


def test_numbers_are_read_as_they_were_meant() -> None:
    """On the binary values 0.1 + 0.2 beats a sure 0.3."""
    cid = cm.CID([("a", "u"), ("z", "u")], decisions=["a"], utilities=["u"])
    bet = cid.parameterise(a=[0, 1], z=cm.Categorical({0: 0.1, 1: 0.2, 2: 0.7}), u=lambda a, z: (z < 2) if a else 0.3)
    assert bet.solve().optimal_actions == {"a": {(): (0, 1)}}
    more = np.nextafter(0.3, 1) + 1e-15
    assert bet.shift({"u": lambda a, z: (z < 2) if a else more}).solve().optimal_actions == {"a": {(): (0,)}}


@pytest.mark.parametrize("rare", [5e-324, 1e-310, 1e-300, 1e-200, 1e-12])
def test_an_event_too_rare_for_products(rare: float) -> None:
    cid = cm.CID([("h", "o"), ("h", "u"), ("o", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(
        h=cm.Categorical({0: 1.0, 1: rare}),
        o=cm.Table([[1, 0], [0.5, 0.5]], domain=[0, 1]),
        d=[0, 1],
        u=lambda h, d: int(h == d),
    )
    assert model.solve().optimal_actions == {"d": {(0,): (0,), (1,): (1,)}}
    assert model.solve().action_values("d")[1].tolist() == [0.0, 1.0]


def test_what_cannot_be_decided_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    cid = cm.CID([("a", "u"), ("z", "u")], decisions=["a"], utilities=["u"])
    tie = cid.parameterise(a=[0, 1], z=cm.Categorical({0: 0.1, 1: 0.9}), u=lambda a, z: (1 - z) if a else 0.1)
    assert tie.solve().exact
    monkeypatch.setattr(exact_run, "LARGEST", 0)
    monkeypatch.setattr(exact_run, "LARGEST_FIXED", 0)
    found = tie.solve()
    assert not found.exact
    assert found.method == "relevance order; ties undecided at `a`"
    assert found.optimal_actions == {"a": {(): (0, 1)}}
    assert value_of_information(tie, "z").bound == "estimate"
    clear = tie.shift({"u": lambda a, z: (1 - z) if a else 0.2})
    assert clear.solve().exact


def test_bounds_hold() -> None:
    """The bound on an entry is more than what rounding did to it, for sums that cancel."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        cid = cm.CID([("x", "y"), ("y", "u"), ("d", "u"), ("x", "u")], decisions=["d"], utilities=["u"])
        model = cid.parameterise(
            x=cm.Table(rng.dirichlet(np.ones(5))),
            y=cm.Table(rng.dirichlet(np.ones(5), size=5)),
            d=[0, 1],
            u=cm.Table(rng.normal(size=(5, 2, 5)) * 10.0 ** rng.integers(-12, 12, size=(5, 2, 5))),
        )
        from cidmesa.solve.policies.worth import Worth

        worth = Worth.of(model, {"d": lambda: 0})
        assert worth.exactly is not None
        off = abs(Fraction(worth.value) - worth.exactly)
        assert off <= Fraction(worth.error)
        assert worth.error <= 1e-12 * worth.size
    assert ties.READING > 0

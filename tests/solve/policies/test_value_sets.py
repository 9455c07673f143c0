"""Optima of agents that forget: the pigs, listing, and brackets that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError, OutOfTimeError
from cidmesa.graph import is_soluble
from cidmesa.solve import expected_utility, solve
from cidmesa.solve.policies import free_order, limited_memory, pruning, value_sets
from cidmesa.solve.policies.problem import Problem
from cidmesa.solve.policies.pruning import Work, far_apart, outside, undominated
from cidmesa.solve.policies.value_sets import exact_optimum
from cidmesa.solve.tables.model_tables import MAX_TABLE, view_of
from tests.solve.brute_force import World, number_of_policies, optimal_by_reached_context
from tests.solve.exact_models import Exact, exact_models
from tests.solve.limids import pigs, random_limid
from tests.strategies import examples, models

METHOD = "multiple policy updating"


@pytest.mark.parametrize(
    ("months", "value"),
    [
        (4, 726.8121),
        (6, 685.5894),
        (8, 665.3903),
        (10, 655.6961),
        (12, 651.4311),
        (20, 647.5696),
        (30, 647.3400),
        (100, 647.3333),
    ],
)
def test_pigs(months: int, value: float) -> None:
    found = solve(pigs(months), method=METHOD)
    assert found.exact
    assert found.value == pytest.approx(value, abs=5e-5)
    assert found.upper_bound == found.value
    assert found.off < 1e-6


@given(models(max_chance=4, decisions=(2, 3), utilities=(1, 3), max_parents=2))
@settings(max_examples=examples(quick=80, full=800))
def test_the_optimum_by_listing(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= 600 and not is_soluble(model.cid))
    top, _ = World(model).best(model.cid.decisions)
    found = solve(model, method=METHOD)
    assert found.exact
    assert found.value == pytest.approx(top, abs=1e-9)
    assert expected_utility(model, found.policy) == pytest.approx(top, abs=1e-9)


@given(exact_models(max_chance=3, decisions=(2, 3), utilities=(1, 3), max_parents=2), st.booleans())
@settings(max_examples=examples(quick=60, full=500))
def test_all_optimal_actions_in_fractions(exact: Exact, large: bool) -> None:
    """Models full of ties: the value is the optimum, and the optimal actions are those of all optimal policies.

    Also where sets are treated as large ones are: looked through for mixtures, block by block, sums first in floats.
    """
    model, world = exact.model, exact.world()
    assume(number_of_policies(model) <= 300)
    top, best = world.optima()
    with pytest.MonkeyPatch.context() as patch:
        if large:
            patch.setattr(value_sets, "HULL", 0)
            patch.setattr(value_sets, "FEW_SUMS", 0)
            patch.setattr(value_sets, "LISTED", 1)
            patch.setattr(pruning, "FEW_ROWS", 0)
        found = solve(model, method=METHOD)
    assert found.exact
    assert world.value(found.tables) == top
    assert found.value == pytest.approx(float(top), rel=1e-15)
    used = optimal_by_reached_context(model, world, best)
    for d in model.cid.decisions:
        reached = used[d].any(axis=-1)
        np.testing.assert_array_equal(found.optimal_mask(d)[reached], used[d][reached])
        assert (found.optimal_mask(d) >= (found.tables[d] > 0)).all()


@given(st.integers(0, 10**6), st.sampled_from([1, 2]))
@settings(max_examples=examples(quick=15, full=100))
def test_the_same_optimum_in_any_order(seed: int, parents: int) -> None:
    model = random_limid(18, 6, width=2, parents=parents, seed=seed)
    exact = solve(model, method=METHOD)
    assert exact.exact
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limited_memory, "optimal_by_value_sets", lambda *arguments: None)
        found = solve(model, method=METHOD)
    assert not found.exact
    assert found.upper_bound is not None
    if "order of its own" in found.method:
        assert found.value == pytest.approx(exact.value, rel=1e-12)
        assert found.upper_bound - found.value <= 1e-9
    assert found.value - found.off <= exact.value <= found.upper_bound


@given(st.integers(0, 10**6), st.sampled_from([(2, 1), (2, 2), (3, 1)]))
@settings(max_examples=examples(quick=15, full=60))
def test_brackets_hold_and_policies_are_worth_what_they_say(seed: int, kind: tuple[int, int]) -> None:
    states, parents = kind
    model = random_limid(24, 8, width=3, parents=parents, states=states, seed=seed)
    exact = solve(model, method=METHOD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_sets, "MOST", 2)
        patch.setattr(limited_memory, "CAPS", (2,))
        patch.setattr(free_order, "MOST", 2)
        cut = solve(model, method=METHOD)
    assert cut.upper_bound is not None
    assert cut.value <= exact.value + 1e-9 <= cut.upper_bound + 2e-9
    for found in (exact, cut):
        assert expected_utility(model, found.policy) == pytest.approx(found.value, abs=1e-9)
        for decision in found.results:  # no rule can be improved alone
            others = {d: rule for d, rule in found.tables.items() if d != decision}
            assert solve(model.with_policy(others)).value == pytest.approx(found.value, abs=1e-9)


def test_what_no_listing_reaches() -> None:
    """Fifty decisions with two binary observations each: 10**60 policies."""
    model = random_limid(150, 50, width=3, parents=2, seed=1)
    found = solve(model)
    assert (found.exact, found.method) == (True, METHOD)
    local = solve(model, method="coordinate ascent", starts=2)
    assert local.value <= found.value + found.off
    assert local.upper_bound is not None
    assert local.upper_bound >= found.value


def test_a_bracket_says_so() -> None:
    model = random_limid(60, 20, width=4, parents=2, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_sets, "MOST", 2)
        patch.setattr(limited_memory, "CAPS", (2, 4))
        patch.setattr(limited_memory, "CLOSE", 0.0)
        patch.setattr(free_order, "MOST", 2)
        found = solve(model, method=METHOD)
    assert not found.exact
    assert "sets cut to 4 tables" in found.method
    assert found.upper_bound is not None
    assert found.value < found.upper_bound
    caption = " ".join(str(found).split())
    assert "no policy is worth more than" in caption
    assert "and the largest utilities sum to" in caption


@given(st.integers(0, 10**6), st.integers(2, 4))
@settings(max_examples=examples(quick=40, full=400))
def test_pruning_keeps_the_largest_row_of_every_direction(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 5, size=(rng.integers(1, 40), width)) / 4
    some = rows[undominated(rows, Work())]
    few = some[outside(some, some, Work())]
    assert len(few) <= len(some) <= len(rows)
    assert len(np.unique(some, axis=0)) == len(some)
    for direction in np.vstack([np.eye(width), rng.dirichlet(np.ones(width), size=50)]):
        assert (some @ direction).max() == pytest.approx((rows @ direction).max(), abs=1e-12)
        assert (few @ direction).max() == pytest.approx((rows @ direction).max(), abs=1e-12)


def test_rows_that_arefar_apart() -> None:
    rows = np.array([[0.0, 0.0], [0.1, 0.0], [5.0, 0.0], [-1.0, 4.0]])
    even = np.full(2, 0.5)
    at, nearest = far_apart(rows, 2, even)
    assert at.tolist() == [2, 3]  # the largest mean, and the one farthest above it
    assert nearest.tolist() == [0, 0, 0, 1]
    assert sorted(far_apart(rows, 9, even)[0].tolist()) == [0, 1, 2, 3]
    assert far_apart(rows, 2, np.array([0.0, 1.0]))[0][0] == 3  # only the second entry is ever met


def test_many_observations_context_by_context() -> None:
    """A decision with eight contexts has 256 rules; those that are beaten in their context are never written."""
    observed = ["a", "b", "c"]
    cid = cm.CID(
        [*((n, "say") for n in observed), ("say", "guess"), *((n, "right") for n in observed), ("guess", "right")],
        decisions=["say", "guess"],
        utilities=["right"],
    )
    model = cid.parameterise(
        **dict.fromkeys(observed, cm.Uniform(0, 1)),
        say=[0, 1],
        guess=list(range(8)),
        right=lambda a, b, c, guess: int(guess == 4 * a + 2 * b + c),
    )
    found = solve(model, method=METHOD)
    assert (found.value, found.exact) == (0.25, True)
    assert found.value == solve(model, method="exhaustive").value


def test_forbidden_actions() -> None:
    edges = [("coin", "send"), ("send", "guess"), ("coin", "right"), ("guess", "right")]
    cid = cm.CID(edges, decisions=["send", "guess"], utilities=["right"])
    model = cid.parameterise(
        coin=cm.Uniform(0, 1, 2),
        send=cm.Choice([0, 1, 2], allowed=lambda coin: [0, 1] if coin else [1]),
        guess=cm.Choice([0, 1, 2], allowed=lambda send: [0, 1, 2] if send else [0, 1]),
        right=lambda coin, guess: int(coin == guess) * (1 + coin),
    )
    found, listed = solve(model, method=METHOD), solve(model, method="exhaustive")
    assert found.value == pytest.approx(listed.value, rel=1e-15)
    assert expected_utility(model, found.policy) == pytest.approx(found.value, rel=1e-15)


def test_what_it_does_not_do() -> None:
    edges = [("coin", "send"), ("send", "guess"), ("coin", "right"), ("guess", "right")]
    model = cm.CID(edges, decisions=["send", "guess"], utilities=["right"]).parameterise(
        coin=cm.Uniform(0, 1), send=[0, 1], guess=[0, 1], right=lambda coin, guess: int(coin == guess)
    )
    with pytest.MonkeyPatch.context() as patch:
        for module in (value_sets, free_order):
            patch.setattr(module, "ENTRIES", 1)
        with pytest.raises(NotApplicableError, match=r"tables of a single policy.*use 'coordinate ascent'"):
            solve(model, method=METHOD)
    edges = [("a", "u"), ("b", "u")]
    twice = cm.CID(edges, decisions=["a", "b"], utilities=["u"]).parameterise(
        a=[0, 1], b=[0, 1], u=lambda a, b: int(a != b)
    )
    with pytest.raises(NotApplicableError, match=r"because rules are shared"):
        solve(twice, method=METHOD, shared_rules=[["a", "b"]])


def test_no_time() -> None:
    model = random_limid(60, 20, width=4, parents=2, seed=3)
    with pytest.raises(OutOfTimeError, match="multiple policy updating"):
        solve(model, method=METHOD, budget=1e-9)


def test_only_decisions_that_matter_have_a_rule_here() -> None:
    model = random_limid(24, 8, width=3, parents=2, seed=0)
    view = view_of(model, "")
    problem = Problem(view, (), view.index.ids(model.cid.utilities), MAX_TABLE)
    done = view_of(model.with_policy(solve(model).policy), "")
    found = exact_optimum(problem._replace(view=done), ())
    assert found is not None
    assert found.actions == {}
    assert found.value == pytest.approx(solve(model).value)

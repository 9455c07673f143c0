"""One rule used three times and more: bracketed, against a fine grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.solve import solve
from cidmesa.solve.policies.bernstein import largest, monomial, value_at
from tests.strategies import examples

EXITS = ("first", "second", "third")


def driver(worth: tuple[float, float, float], last: float) -> cm.CIM:
    """Three exits that look alike: what each is worth, and what driving past all of them is."""
    cid = cm.CID([(d, "pay") for d in EXITS], decisions=EXITS, utilities=["pay"])
    pays = dict(zip(EXITS, worth, strict=True))
    return cid.parameterise(
        {
            **{d: ["on", "exit"] for d in EXITS},
            "pay": lambda **turn: next((pays[d] for d in EXITS if turn[d] == "exit"), last),
        }
    )


@pytest.mark.parametrize(
    ("worth", "last", "p"), [((0, 4, 0), 1, 2 / 3), ((0, 0, 4), 1, 8 / 9), ((0, 1, 6), 2, None), ((3, 0, 0), 1, 0)]
)
def test_a_driver_past_three_exits(worth: tuple[float, float, float], last: float, p: float | None) -> None:
    model = driver(worth, last)
    found = solve(model, shared_rules=[EXITS])
    grid = np.linspace(0, 1, 100_001)
    values = sum(w * (1 - grid) * grid**i for i, w in enumerate(worth)) + last * grid**3
    assert found.value == pytest.approx(values.max(), abs=1e-9)
    assert found.upper_bound is not None
    assert found.value <= found.upper_bound <= found.value + 1e-11
    assert found.exact
    assert model.expected_utility(found) == pytest.approx(found.value, abs=1e-13)
    if p is not None:
        assert found.tables["second"][0] == pytest.approx(p, abs=1e-7)
    assert all(np.array_equal(found.tables[d], found.tables["first"]) for d in EXITS)
    assert not solve(model, shared_rules=[EXITS], deterministic=True).value > found.value


@pytest.mark.parametrize("seed", range(examples(quick=4, full=60)))
def test_rules_that_see_something_against_a_grid(seed: int) -> None:
    """Three uses with a bit to see, and another decision beside them."""
    rng = np.random.default_rng(seed)
    cid = cm.CID(
        [("x", "a"), ("y", "b"), ("x", "c"), *((n, "u") for n in ("x", "y", "a", "b", "c", "e"))],
        decisions=["a", "b", "c", "e"],
        utilities=["u"],
    )
    model = cid.parameterise(
        {"x": cm.Bernoulli(0.5), "y": cm.Bernoulli(0.25), **{d: [0, 1] for d in "abce"}},
        u=cm.Table(rng.integers(-3, 4, size=(2,) * 6).astype(float), parents=("x", "y", "a", "b", "c", "e")),
    )
    found = solve(model, shared_rules=[("a", "b", "c")])
    assert found.upper_bound is not None
    assert found.exact == (found.upper_bound - found.value <= 1e-11)
    assert model.expected_utility(found) == pytest.approx(found.value, abs=1e-12)
    best = -np.inf
    for p in np.linspace(0, 1, 6):
        for q in np.linspace(0, 1, 6):
            rule = [[1 - p, p], [1 - q, q]]
            for e in (0, 1):
                rules = {"a": rule, "b": rule, "c": rule, "e": [1 - e, e]}
                best = max(best, model.expected_utility(rules))
    assert best <= found.upper_bound
    assert best <= found.value + 1e-11 or not found.exact


@pytest.mark.parametrize("seed", range(examples(quick=10, full=200)))
def test_brackets_hold_the_largest_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    variables = int(rng.integers(1, 3))
    b = rng.normal(size=(4,) * variables)
    found = largest([b])
    points = rng.random((400, variables))
    assert max(value_at(b, p) for p in points) <= found.bound
    assert value_at(b, found.point) == pytest.approx(found.value, abs=1e-12)
    assert found.value <= found.bound
    short = largest([b], most=2)
    assert short.value <= found.value + 1e-12
    assert found.bound <= short.bound + 1e-12


def test_the_basis() -> None:
    b = monomial([2, 0], [1, 1], 3)
    for p, q in ((0.3, 0.6), (0.0, 1.0), (1.0, 0.25)):
        assert value_at(b, [p, q]) == pytest.approx(p**2 * (1 - p) * (1 - q), abs=1e-15)


def test_what_is_out_of_reach_is_bounded_by_a_rule_each() -> None:
    cid = cm.CID([(d, "u") for d in "abc"], decisions=list("abc"), utilities=["u"])
    model = cid.parameterise({**{d: [0, 1, 2] for d in "abc"}, "u": lambda a, b, c: float(len({a, b, c}))})
    found = solve(model, shared_rules=[("a", "b", "c")])
    assert (found.exact, found.upper_bound) == (False, 3.0)
    assert found.value == 1.0


@pytest.mark.parametrize("penalty", [-1e12, -1.0, 1e12])
@pytest.mark.parametrize("apart", [True, False])
def test_a_storm_that_nobody_can_help_moves_no_rule(penalty: float, apart: bool) -> None:
    """The rule is as sharp as without it, and the value is exact where it is said to be."""
    plain = solve(driver((0, 1, 6), 2), shared_rules=[EXITS])
    edges = [(d, "pay") for d in EXITS] + [("storm", "loss" if apart else "pay")]
    cid = cm.CID(edges, decisions=EXITS, utilities=["pay", "loss"] if apart else ["pay"])
    pays = dict(zip(EXITS, (0.0, 1.0, 6.0), strict=True))

    def worth(storm: int, **turn: str) -> float:
        return penalty * storm + next((pays[d] for d in EXITS if turn[d] == "exit"), 2.0)

    paid: dict[str, Any] = {"pay": worth}
    if apart:
        paid = {"pay": lambda **turn: worth(0, **turn), "loss": lambda storm: penalty * storm}
    model = cid.parameterise({**{d: ["on", "exit"] for d in EXITS}, "storm": cm.Bernoulli(0.25), **paid})
    found = solve(model, shared_rules=[EXITS])
    assert found.exact
    np.testing.assert_allclose(found.tables["first"], plain.tables["first"], rtol=1e-9)
    assert found.value == pytest.approx(plain.value + 0.25 * penalty, rel=1e-12)
    assert found.upper_bound is not None
    assert 0 <= found.upper_bound - found.value <= 1e-11 + 1e-15 * abs(penalty)

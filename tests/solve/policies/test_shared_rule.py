"""The best stochastic rule that two decisions share, others deciding beside them."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.solve import expected_utility, solve
from cidmesa.solve.policies.standard_quadratic import Peaks, has_line, highest, peaks
from tests.solve.brute_force import World, number_of_policies
from tests.strategies import examples, models


def pair_of(model: cm.CIM) -> tuple[str, str] | None:
    """The first two decisions that could share a rule."""
    shape = {d: [model.card(n) for n in (*model.cid.parents(d), d)] for d in model.cid.decisions}
    alike = [(a, b) for a in shape for b in shape if a < b and shape[a] == shape[b]]
    return alike[0] if alike else None


def parabola(world: World, pair: tuple[str, str], others: dict[str, Any]) -> float:
    """The best value of a rule without observations and with two actions, given the others: by calculus."""
    points = [world.value({**others, **dict.fromkeys(pair, np.array([1 - p, p]))}) for p in (0.0, 0.5, 1.0)]
    curve = np.polyfit([0.0, 0.5, 1.0], points, 2)
    inside = [-curve[1] / (2 * curve[0])] if abs(curve[0]) > 1e-9 else []
    return max(float(np.polyval(curve, p)) for p in (0.0, 1.0, *(p for p in inside if 0 < p < 1)))


def check(model: cm.CIM, pair: tuple[str, str], seed: int) -> tuple[Any, float]:
    """What must hold of any answer; returns it and the best deterministic value."""
    world = World(model)
    found = solve(model, shared_rules=[pair])
    assert np.array_equal(found.tables[pair[0]], found.tables[pair[1]])
    assert expected_utility(model, found) == pytest.approx(found.value, abs=1e-9)
    for d, table in found.tables.items():
        assert not (table > 0)[~found.optimal_mask(d)].any()
    others = [d for d in model.cid.decisions if d not in pair]
    shape = [model.card(n) for n in (*model.cid.parents(pair[0]), pair[0])]
    rng = np.random.default_rng(seed)
    random = [rng.dirichlet(np.full(shape[-1], sharpness), shape[:-1]) for sharpness in (0.3, 1.0, 1.0)]
    pure = list(world.deterministic_rules(pair[0]))
    best = -np.inf
    for policy in world.policies(others):
        for rule in pure:
            best = max(best, world.value({**policy, **dict.fromkeys(pair, rule)}))
        if found.exact:
            for rule in random:
                assert world.value({**policy, **dict.fromkeys(pair, rule)}) <= found.value + 1e-9
    assert best <= found.value + 1e-9
    return found, best


@given(models(max_chance=2, decisions=(3, 4), utilities=(1, 3), max_parents=2), st.integers(0, 2**16))
@settings(max_examples=examples(quick=80, full=2000))
def test_others_decide_beside_the_pair(model: cm.CIM, seed: int) -> None:
    pair = pair_of(model)
    assume(pair is not None and number_of_policies(model) <= 1024)
    assert pair is not None
    found, _ = check(model, pair, seed)
    assert found.exact
    if not model.cid.parents(pair[0]):
        world = World(model)
        others = [d for d in model.cid.decisions if d not in pair]
        exact = max(parabola(world, pair, policy) for policy in world.policies(others))
        assert found.value == pytest.approx(exact, abs=1e-9)


@given(models(max_chance=2, decisions=3, utilities=(1, 2), max_parents=2))
@settings(max_examples=examples(quick=40, full=1000))
def test_others_respond_in_every_context_that_is_reached(model: cm.CIM) -> None:
    """With the shared rule held, the others' actions are optimal ones of the decision problem that is left."""
    pair = pair_of(model)
    assume(pair is not None and number_of_policies(model) <= 512)
    assert pair is not None
    found = solve(model, shared_rules=[pair])
    rest = model.with_policy({d: found.tables[d] for d in pair})
    assert solve(rest).value == pytest.approx(found.value, abs=1e-9)
    world = World(model)
    top, best = found.value, []
    for policy in world.policies([d for d in model.cid.decisions if d not in pair]):
        rules = {**policy, **{d: found.tables[d] for d in pair}}
        if world.value(rules) >= top - 1e-9:
            best.append(rules)
    for d in model.cid.decisions:
        family = (*model.cid.parents(d), d)
        for rules in best:
            taken = world.marginal(world.joint(rules), family) > 0
            assert not (taken & ~found.optimal_mask(d)).any()


def test_a_decision_that_nobody_listens_to_any_more_counts_once() -> None:
    """`last` ignores `middle`, so the value does not depend on what `middle` sees."""
    cid = cm.CID(
        [("first", "x"), ("x", "middle"), ("first", "last"), ("middle", "last"), ("first", "a"), ("last", "a"),
         ("second", "b")],
        decisions=["first", "second", "middle", "last"], utilities=["a", "b"],
    )  # fmt: skip
    model = cid.parameterise(
        {d: [0, 1] for d in cid.decisions}, x=cm.Table([[0.25, 0.75], [0.5, 0.5]]), a=np.zeros((2, 2)), b=[0.0, 1.0]
    )
    found = solve(model, shared_rules=[("first", "second")])
    assert (found.value, found.exact) == (1.0, True)
    assert expected_utility(model, found) == 1.0


def test_what_one_of_the_pair_sees_counts_once_where_nobody_listens_to_it() -> None:
    cid = cm.CID(
        [("x", "first"), ("y", "second"), ("first", "last"), ("last", "a"), ("second", "b")],
        decisions=["first", "second", "last"], utilities=["a", "b"],
    )  # fmt: skip
    model = cid.parameterise(
        {d: [0, 1] for d in cid.decisions}, x=cm.Bernoulli(0.3), y=cm.Bernoulli(0.6), a=[0.0, 1.0], b=[0.0, 1.0]
    )
    found = solve(model, shared_rules=[("first", "second")])
    assert (found.value, found.exact) == (2.0, True)
    assert expected_utility(model, found) == 2.0


def driver_with_a_map() -> cm.CIM:
    """The absent-minded driver may buy, before the trip, a map on which the good exit is the first or the second."""
    cid = cm.CID(
        [(d, "pay") for d in ("buy", "first", "second")] + [("buy", "cost")],
        decisions=["buy", "first", "second"],
        utilities=["pay", "cost"],
    )

    def pay(buy: str, first: str, second: str) -> float:
        good = (0.0, 4.0, 1.0) if buy == "no" else (3.0, 0.0, 0.0)
        return good[0] if first == "turn" else good[1] if second == "turn" else good[2]

    return cid.parameterise(
        buy=["no", "yes"], first=["on", "turn"], second=["on", "turn"], pay=pay, cost=lambda buy: -2.0 * (buy == "yes")
    )


def test_the_driver_compares_a_mixture_with_another_plan() -> None:
    model = driver_with_a_map()
    found = solve(model, shared_rules=[("first", "second")])
    assert (found.exact, found.method) == (True, "supports of a shared rule")
    assert found.value == pytest.approx(4 / 3)
    assert found.policy["buy"][()] == "no"
    assert found.policy["first"][()] == pytest.approx({"on": 2 / 3, "turn": 1 / 3})
    cheap = solve(model.shift(cost=lambda buy: -1.0 * (buy == "yes")), shared_rules=[("first", "second")])
    assert cheap.value == pytest.approx(2.0)
    assert cheap.policy == {"buy": {(): "yes"}, "first": {(): "turn"}, "second": {(): "turn"}}


def test_what_the_shared_rule_does_not_matter_to_is_not_listed() -> None:
    """The last decision sees everything, in twelve bits: 2 ** 4096 rules, settled before the pair."""
    seen = [f"x{i}" for i in range(12)]
    cid = cm.CID(
        [("first", "pay"), ("second", "pay"), ("last", "win")]
        + [(x, "last") for x in seen]
        + [(x, "win") for x in seen[:3]],
        decisions=["first", "second", "last"],
        utilities=["pay", "win"],
    )
    model = cid.parameterise(
        {
            **{x: cm.Bernoulli(0.5) for x in seen},
            **{d: ["on", "turn"] for d in ("first", "second")},
            "last": list(range(8)),
            "pay": lambda first, second: 0 if first == "turn" else (4 if second == "turn" else 1),
            "win": lambda last, **x: int(last == sum(v * 2 ** int(n[1:]) for n, v in x.items())),
        }
    )
    found = solve(model, shared_rules=[("first", "second")])
    assert (found.exact, found.method) == (True, "supports of a shared rule")
    assert found.value == pytest.approx(4 / 3 + 1)


def test_two_shared_rules_are_not_called_exact() -> None:
    cid = cm.CID([(d, "u") for d in "abcd"], decisions=list("abcd"), utilities=["u"])
    model = cid.parameterise(
        {**{d: [0, 1] for d in "abcd"}, "u": lambda a, b, c, d: float((a, b, c, d) in {(0, 1, 0, 1), (1, 0, 0, 1)})}
    )
    groups = [("a", "b"), ("c", "d")]
    found = solve(model, shared_rules=groups)
    assert not found.exact
    assert found.method == "exhaustive over deterministic rules"
    assert found.upper_bound == 1  # with a rule each
    assert solve(model, shared_rules=groups, deterministic=True).exact
    assert solve(model, shared_rules=[("a", "b")]).value == pytest.approx(0.5)


def test_a_rule_that_acts_once_on_each_utility_need_not_mix() -> None:
    """One rule for three tasks, each paid by itself: the sum is linear in the rule."""
    cid = cm.CID([(d, f"u{d}") for d in "abc"], decisions=list("abc"), utilities=[f"u{d}" for d in "abc"])
    pays = {f"u{d}": cm.Table([x, 1.0]) for d, x in zip("abc", (0.0, 2.5, 1.0), strict=True)}
    found = solve(cid.parameterise({**{d: [0, 1] for d in "abc"}, **pays}), shared_rules=[("a", "b", "c")])
    assert (found.value, found.exact, found.method) == (3.5, True, "exhaustive")
    assert found.policy["a"][()] == 0


def test_the_idle_members_of_a_group_follow_the_rule_too() -> None:
    cid = cm.CID([(d, "u") for d in "abc"], nodes=["idle"], decisions=[*"abc", "idle"], utilities=["u"])
    model = cid.parameterise(
        {**{d: [0, 1] for d in (*"abc", "idle")}, "u": lambda a, b, c: float(a != b) + float(c == 1)}
    )
    for groups in ([("a", "b"), ("c", "idle")], [("idle", "a", "b")], [("idle", "c"), ("b", "a")]):
        found = solve(model, shared_rules=groups)
        assert found.exact
        assert found.value == pytest.approx(1.5)
        for group in groups:
            assert all(np.array_equal(found.tables[group[0]], found.tables[d]) for d in group)


@pytest.mark.parametrize("seed", range(examples(quick=10, full=200)))
def test_peaks_of_forms_against_a_fine_grid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    contexts, card = [(1, 2), (1, 3), (2, 2)][seed % 3]
    n = contexts * card
    raw = rng.integers(-2, 3, (4, n, n)) if seed % 2 else rng.normal(size=(4, n, n))
    forms = (raw + raw.transpose(0, 2, 1)) / 2.0
    found = peaks(forms, contexts, card, 1e-9)
    steps = np.linspace(0, 1, 101)
    simplex = [p for p in product(steps, repeat=card - 1) if sum(p) <= 1 + 1e-12]
    rows = np.array([[*p, max(0.0, 1 - sum(p))] for p in simplex])
    points = rows if contexts == 1 else np.array([np.r_[a, b] for a, b in product(rows, repeat=2)])
    grid = max(float(np.einsum("ki,ij,kj->k", points, form, points).max()) for form in forms)
    assert grid - 1e-9 <= found.value <= grid + 1e-2
    for value, which, rule in zip(found.values, found.form, found.rules, strict=True):
        x = rule.ravel()
        assert x @ forms[which] @ x == pytest.approx(value, abs=1e-12)
        assert rule.sum(axis=1) == pytest.approx(1.0)
        assert x.min() >= 0


def test_peaks_joined_by_a_line() -> None:
    def line(form: np.ndarray, found: Peaks) -> bool:
        whole = form.astype(int).astype(object)
        exact = highest(found, lambda number: whole)
        assert exact is not None
        return has_line(whole, exact.points)

    flat = np.zeros((4, 4))
    assert line(flat, peaks(flat[None], 2, 2, 1e-9))
    saddle = np.array([[1.0, -1.0], [-1.0, 1.0]])
    found = peaks(saddle[None], 1, 2, 1e-9)
    assert len(found.rules) == 2
    assert not line(saddle, found)
    scaled = 1e12 * np.array([[1.0, 2.0], [2.0, 0.0]])
    assert peaks(scaled[None], 1, 2, 1.0).value == pytest.approx(4e12 / 3)


@pytest.mark.parametrize("seed", range(examples(quick=12, full=300)))
def test_the_highest_peaks_whatever_else_is_paid(seed: int) -> None:
    """A penalty on an action that nobody needs, and a constant, move no peak; on a grid no rule is better."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(-2, 3, (6, 6))
    whole = (raw + raw.T).astype(object)
    plain = highest(peaks(whole[None].astype(float), 2, 3, 0.0, may), lambda _: whole)
    assert plain is not None
    fined = whole.copy()
    fined[[2, 5], :] = fined[:, [2, 5]] = -(10**12)
    moved = (fined + 7) * 2
    for form, may_do in ((fined, None), (moved, None), (moved, may)):
        found = highest(peaks(form[None].astype(float), 2, 3, 0.0, may_do), lambda _, form=form: form)
        assert found is not None
        assert found.height == (plain.height if form is fined else 2 * (plain.height + 7 * 4))
        assert [p.tolist() for p in found.points] == [p.tolist() for p in plain.points]
    steps = [(Fraction(i, 12), 1 - Fraction(i, 12), Fraction(0)) for i in range(13)]
    rules = [np.array([*a, *b], dtype=object) for a, b in product(steps, repeat=2)]
    assert max(x @ whole @ x for x in rules) <= plain.height


may = np.array([[True, True, False]] * 2)

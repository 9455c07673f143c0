"""Goals of several decisions against brute force over policies, and against those of one decision."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.validation.goals import alignment_gap, behavioural_objective, goal_directedness
from cidmesa.validation.play import Play
from cidmesa.validation.several import directedness_of_several, gap_of_several, objectives_of_several, pay_of
from tests.strategies import examples, models, restricted


def playable(model: cm.CIM) -> Play:
    try:
        return Play(model, "a gap")
    except NotApplicableError:
        assume(False)
        raise


def drawn(play: Play, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A random policy of allowed actions."""
    rules = {}
    for decision in play.order:
        may = play.may(decision)
        weights = rng.exponential(size=may.shape) * may
        rules[decision] = weights / weights.sum(axis=-1, keepdims=True)
    return rules


def entropy(play: Play, model: cm.CIM, rules: dict[str, np.ndarray]) -> float:
    """Causal entropy, episode by episode from the joint law of what is seen and done."""
    total = 0.0
    for decision in play.order:
        parents = model.cid.parents(decision)
        law = model.query(parents, policy=rules).probabilities.reshape(-1) if parents else np.ones(1)
        rows = rules[decision].reshape(len(law), -1)
        total -= float((law[:, None] * np.where(rows > 0, rows * np.log(np.where(rows > 0, rows, 1)), 0)).sum())
    return total


TWO = {"max_card": 2, "max_chance": 3, "decisions": 2, "utilities": 2}


@given(models(max_card=3, max_chance=3, utilities=2), st.integers(0, 10**6))
@settings(max_examples=examples(quick=20, full=100), deadline=None)
def test_one_decision_is_a_case_of_several(model: cm.CIM, seed: int) -> None:
    first, second = model.cid.utilities
    assert gap_of_several(first, second, model) == pytest.approx(alignment_gap(first, second, model), abs=1e-7)
    rules = drawn(Play(model, "it"), np.random.default_rng(seed))
    one, several = goal_directedness(rules, model, first), directedness_of_several(rules, model, first, None)
    assert several[:2] == pytest.approx((one.nats, one.share), abs=1e-6)
    assert several[3] == pytest.approx(one.relative, abs=1e-6, nan_ok=True)
    assert np.sign(several[2]) == np.sign(one.beta) or one.nats < 1e-6


@given(st.one_of(models(**TWO), restricted(models(**TWO))), st.integers(0, 10**6))
@settings(max_examples=examples(quick=30, full=120), deadline=None)
def test_no_gap_means_one_order_and_a_gap_two_policies_in_opposite_orders(model: cm.CIM, seed: int) -> None:
    play = playable(model)
    rng = np.random.default_rng(seed)
    one, other = model.cid.utilities
    pays = [pay_of(play, u) for u in (one, other)]
    gap = gap_of_several(one, other, model)
    assert gap_of_several(other, one, model) == pytest.approx(gap, abs=1e-9)
    # What the array says of a policy is what the solver says of it.
    rules = drawn(play, rng)
    for utility, pay in zip((one, other), pays, strict=True):
        worth = float(play.expected(rules, pay))
        alone = model.shift({u: np.zeros_like(model.cpd(u)) for u in model.cid.utilities if u != utility})
        assert worth == pytest.approx(alone.expected_utility(rules), abs=1e-9)
    differences = []
    for _ in range(60):
        a, b = drawn(play, rng), drawn(play, rng)
        differences.append([float(play.expected(a, pay) - play.expected(b, pay)) for pay in pays])
    moved = np.abs(differences).max(axis=0) > 1e-9
    if gap < 1e-9:
        assert all(x * y > -1e-9 for x, y in differences)
        assert moved[0] == moved[1]
    directions = [play.advantages(pay) for pay in pays]
    lengths = [math.sqrt(sum(float((w[..., None] * a**2).sum()) for w, a in found)) for found in directions]
    assert [bool(length > 1e-9) for length in lengths] == [bool(m) for m in moved]
    if gap > 1e-4 and min(lengths) > 1e-6:
        # A small step from even play, towards the one and away from the other, is better for the one alone.
        step = {d: x[1] / lengths[0] - y[1] / lengths[1] for d, x, y in zip(play.order, *directions, strict=True)}
        size = 1e-6 / max(float(np.abs(s).max()) for s in step.values())
        new = {d: play.even[d] + size * step[d] for d in play.order}
        up, down = (float(play.expected(new, pay) - play.expected(play.even, pay)) for pay in pays)
        assert up > 0 > down


@given(models(**TWO), st.floats(0.2, 3), st.floats(-2, 2))
@settings(max_examples=examples(quick=15, full=60), deadline=None)
def test_scale_and_constants_are_no_gap_and_a_negation_is_the_largest(model: cm.CIM, k: float, b: float) -> None:
    play = playable(model)
    names = [n for n in model.cid.nodes if model.cid.kind(n) != "utility"][:2]
    rng = np.random.default_rng(int(1000 * k))
    numbers = rng.normal(size=tuple(model.card(n) for n in names))
    pay = play.features(names) @ numbers.ravel()
    assume(max(float(np.abs(a).max()) for _, a in play.advantages(pay)) > 1e-6)

    def spelled(scale: float, shift: float) -> Any:
        places = {n: {v: i for i, v in enumerate(model.domain(n))} for n in names}

        def number(**seen: Any) -> float:
            return scale * float(numbers[tuple(places[n][seen[n]] for n in names)]) + shift

        arguments = ", ".join(names)
        passed = ", ".join(f"{n}={n}" for n in names)
        return eval(f"lambda {arguments}: number({passed})", {"number": number})

    assert alignment_gap(spelled(1, 0), spelled(k, b), model) == pytest.approx(0, abs=1e-7)
    assert alignment_gap(spelled(1, 0), spelled(-k, b), model) == pytest.approx(1, abs=1e-7)
    assert alignment_gap(spelled(1, 0), lambda: 1.0, model) == pytest.approx(0.5)


@given(st.one_of(models(**TWO), restricted(models(**TWO))), st.integers(0, 10**6), st.floats(-3, 3))
@settings(max_examples=examples(quick=20, full=100), deadline=None)
def test_no_policy_is_softer_and_better_than_the_soft_one(model: cm.CIM, seed: int, beta: float) -> None:
    play = playable(model)
    rng = np.random.default_rng(seed)
    pay = play.payoff()
    soft = play.soft(pay, beta)
    most = beta * float(play.expected(soft, pay)) + entropy(play, model, soft)
    for _ in range(20):
        mixed = rng.choice([0.02, 0.3, 1.0])
        other = {d: mixed * rule + (1 - mixed) * soft[d] for d, rule in drawn(play, rng).items()}
        assert beta * float(play.expected(other, pay)) + entropy(play, model, other) <= most + 1e-9
    best = play.soft(pay, math.inf)
    assert float(play.expected(best, pay)) == pytest.approx(model.solve().value, abs=1e-7)


@given(models(**TWO), st.integers(0, 10**6))
@settings(max_examples=examples(quick=12, full=50), deadline=None)
def test_directedness_is_the_best_temperatures_likelihood(model: cm.CIM, seed: int) -> None:
    play = playable(model)
    rules = drawn(play, np.random.default_rng(seed))
    found = goal_directedness(rules, model)
    pay, scale = play.payoff(), play.largest(play.payoff()) + play.largest(-play.payoff())
    even = play.log_actions(rules)

    def brute(soft: dict[str, np.ndarray]) -> float:
        """E log soft, from the law of each decision's family under the policy itself."""
        total = 0.0
        for d in play.order:
            family = (*model.cid.parents(d), d)
            law = model.query(family, policy=rules).probabilities
            total += float((law * np.log(np.maximum(soft[d], 1e-300))).sum())
        return total + even

    grid = [brute(play.soft(pay, b / scale)) for b in np.linspace(-20, 20, 21)] if scale > 1e-9 else [0.0]
    assert found.nats >= max(grid) - 1e-7
    assert 0 <= found.share <= 1 + 1e-9
    assert found.nats >= -1e-12
    if found.nats > 1e-9 and math.isfinite(found.beta):
        assert brute(play.soft(pay, found.beta)) == pytest.approx(found.nats, abs=1e-6)
    named = [u for u in model.cid.utilities if model.cid.parents(u)]
    assume(named)
    of_all = goal_directedness(rules, model, targets=named[:1]).nats
    assert of_all >= goal_directedness(rules, model, named[0]).nats - 1e-5


def steps() -> cm.CIM:
    """A chain of two steps: each action moves the state, and the last state is paid for."""
    cid = cm.CID(
        [("s1", "a1"), ("s1", "s2"), ("a1", "s2"), ("s2", "a2"), ("s2", "s3"), ("a2", "s3"), ("s3", "pay")],
        decisions=["a1", "a2"], utilities=["pay"],
    )  # fmt: skip
    return cid.parameterise(
        s1=cm.Bernoulli(0.5),
        a1=[0, 1],
        s2=cm.Noisy(lambda s1, a1: (s1 + a1) % 2, 0.2),
        a2=[0, 1],
        s3=cm.Noisy(lambda s2, a2: (s2 + a2) % 2, 0.1),
        pay=lambda s3: s3,
    )


def test_two_choices_of_their_own_add_up() -> None:
    cid = cm.CID([("a", "x"), ("a", "b"), ("b", "y")], decisions=["a", "b"], utilities=["x", "y"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], x=lambda a: a, y=lambda b: b)
    p = 0.9
    rule = {"a": [1 - p, p], "b": [[1 - p, p], [1 - p, p]]}
    found = goal_directedness(rule, model)
    bits = math.log(2) + sum(q * math.log(q) for q in (p, 1 - p))
    assert found.nats == pytest.approx(2 * bits)
    assert found.beta == pytest.approx(math.log(p / (1 - p)))
    assert found.share == pytest.approx(bits / math.log(2))
    assert math.isinf(goal_directedness({"a": [0, 1], "b": [[0, 1], [0, 1]]}, model).beta)
    assert goal_directedness({"a": [1, 0], "b": [[1, 0], [1, 0]]}, model).beta == -math.inf


@given(models(max_card=2, max_chance=2, decisions=(1, 2), utilities=1), st.integers(0, 10**6))
@settings(max_examples=examples(quick=15, full=60), deadline=None)
def test_who_does_all_it_can_is_wholly_directed_whatever_it_can(model: cm.CIM, seed: int) -> None:
    play = playable(model)
    rng = np.random.default_rng(seed)
    one, two, pay = drawn(play, rng), drawn(play, rng), play.payoff()
    even, most = float(play.expected(play.even, pay)), float(model.solve().value)
    assume(most - even > 1e-6)
    found = goal_directedness(one, model)
    assert found.relative == pytest.approx((float(play.expected(one, pay)) - even) / (most - even), abs=1e-6)
    # By brute force: every way of following one of the two in each context.
    rows = {d: [np.stack([r[d].reshape(-1, r[d].shape[-1])[i] for r in (one, two)]) for i in range(n)]
            for d in play.order for n in [len(model.contexts(d))]}  # fmt: skip
    places = [(d, i) for d in play.order for i in range(len(rows[d]))]
    assume(len(places) <= 8)
    best = -math.inf
    for picks in product((0, 1), repeat=len(places)):
        taken = dict(zip(places, picks, strict=True))
        policy = {d: np.stack([rows[d][i][taken[d, i]] for i in range(len(rows[d]))]).reshape(one[d].shape)
                  for d in play.order}  # fmt: skip
        best = max(best, float(play.expected(policy, pay)))
    assume(abs(best - even) > 1e-6)
    shown = goal_directedness(one, model, capability=[one, two])
    assert shown.relative == pytest.approx((float(play.expected(one, pay)) - even) / (best - even), abs=1e-6)
    assert (shown.nats, shown.beta) == (found.nats, found.beta)


def test_what_is_no_capability_is_refused_and_nothing_to_gain_is_no_number() -> None:
    model = steps()
    rule = {"a1": [[0.1, 0.9], [0.9, 0.1]], "a2": [[0.1, 0.9], [0.9, 0.1]]}
    with pytest.raises(NotApplicableError, match="a policy or several; got none"):
        goal_directedness(rule, model, capability=[])
    even = {d: np.full((2, 2), 0.5) for d in ("a1", "a2")}
    assert math.isnan(goal_directedness(rule, model, capability=even).relative)
    assert math.isnan(goal_directedness(rule, model, targets=["s3"]).relative)


class Told:
    def __init__(self, rules: dict[str, Any]) -> None:
        self.rules = {d: np.asarray(r)[None] for d, r in rules.items()}

    def probabilities(self, decision: str) -> np.ndarray:
        return self.rules[decision]


def test_what_two_steps_seem_to_want_is_recovered() -> None:
    model = steps()
    sure = {"a1": [[0.1, 0.9], [0.9, 0.1]], "a2": [[0.1, 0.9], [0.9, 0.1]]}
    (found,) = behavioural_objective(Told(sure), "s3", model=model)
    assert (found.representative(1), found.representative(0)) == pytest.approx((1.0, -1.0))
    assert found.directedness.share > 0.1
    # a1 does not matter where a2 corrects it: every objective on the last state leaves it free, so no set has it.
    assert found.objectives.is_empty
    both = model.shift(s3=cm.Noisy(lambda s2, a2: s2 * a2, 0.1))
    (found,) = behavioural_objective(Told({"a1": sure["a1"], "a2": [[0.5, 0.5], [0.1, 0.9]]}), "s3", model=both)
    assert found.objectives.contains(np.array([0.0, 1.0]))
    assert not found.objectives.contains(np.array([1.0, 0.0]))


@given(models(max_card=2, max_chance=3, decisions=2, utilities=1), st.integers(0, 10**6))
@settings(max_examples=examples(quick=15, full=60), deadline=None)
def test_members_of_the_set_have_the_frequent_actions_as_their_only_optima(model: cm.CIM, seed: int) -> None:
    play = playable(model)
    (utility,) = model.cid.utilities
    target = next((n for n in model.cid.parents(utility)), None)
    assume(target is not None)
    assert target is not None
    rng = np.random.default_rng(seed)
    rules = drawn(play, rng)
    objectives = objectives_of_several(play, rules, play.features([target]))
    modal = {d: r.argmax(axis=-1) for d, r in rules.items()}
    for numbers in product((-1.0, 0.0, 1.0), repeat=model.card(target)):
        pays = dict(zip(model.domain(target), numbers, strict=True))
        wants = cm.CID([*[e for e in model.cid.edges if e[1] != utility], (target, utility)], nodes=model.cid.nodes,
                       decisions=model.cid.decisions, utilities=[utility])  # fmt: skip
        mechanisms = {n: m for n, m in model.mechanisms.items() if n != utility}
        mechanisms[utility] = cm.Table([pays[v] for v in model.domain(target)])
        best = cm.CIM(wants, mechanisms).solve()
        law = {d: play.weight(d, play.even) > 0 for d in play.order}
        agrees = all(
            (best.optimal_mask(d)[law[d]].sum(axis=-1) == 1).all()
            and (best.optimal_mask(d)[law[d]].argmax(axis=-1) == modal[d][law[d]]).all()
            for d in play.order
        )
        assert objectives.contains(np.array(numbers)) == agrees


def test_what_has_no_order_or_several_owners_is_refused() -> None:
    two = cm.CID([("a", "x"), ("b", "y")], decisions={1: ["a"], 2: ["b"]}, utilities={1: ["x"], 2: ["y"]})
    model = two.parameterise(a=[0, 1], b=[0, 1], x=lambda a: a, y=lambda b: b)
    with pytest.raises(NotApplicableError, match="is that of one agent"):
        alignment_gap("x", "y", model)

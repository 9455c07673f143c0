from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve import solve
from cidmesa.solve.magnitudes.effects import (
    has_instrumental_control_incentive,
    has_response_incentive,
    impact,
    instrumental_control_effect,
    response_effect,
)
from cidmesa.solve.policies.all_optimal import optimal_boxes
from tests.solve.brute_force import World, number_of_policies
from tests.solve.exact_models import Exact, exact_models
from tests.solve.simulation import Simulation
from tests.strategies import examples, models

SMALL = {"structural": True, "max_chance": 3, "utilities": (1, 2)}
SEEING = [
    cm.CID([("X", "W"), ("W", "D"), ("X", "U"), ("D", "U")], decisions=["D"], utilities=["U"]),
    cm.CID([("X", "D"), ("X", "W"), ("W", "D"), ("X", "U"), ("D", "U")], decisions=["D"], utilities=["U"]),
    cm.CID([("X", "W"), ("Z", "W"), ("W", "D"), ("X", "D"), ("Z", "U"), ("D", "U")], decisions=["D"], utilities=["U"]),
]
"""Diagrams with a response incentive: random ones rarely have any."""


def single(**shape: Any) -> st.SearchStrategy[cm.CIM]:
    """Random structural models with one decision, half of them on a diagram where it has something to respond to."""
    seeing = st.sampled_from(SEEING).flatmap(lambda cid: models(cid, structural=True, **shape))
    return st.one_of(models(**SMALL, decisions=1, **shape), seeing)


def optimal_policies(model: cm.CIM) -> list[dict[str, Any]]:
    assume(number_of_policies(model) <= 300)
    return World(model).best(model.cid.decisions)[1]


def response_of(model: cm.CIM, rules: dict[str, Any], node: str, decision: str) -> float:
    """max over x of P(D_x != D), by playing the noise out."""
    play = Simulation(model, rules)
    moved = [0.0] * model.card(node)
    for probability, noise in play.noises():
        actual = play.play(noise)[decision]
        for x in range(model.card(node)):
            moved[x] += probability * (play.play(noise, {node: x})[decision] != actual)
    return max(moved)


def nested_gains(model: cm.CIM, rules: dict[str, Any], node: str, decision: str) -> dict[Any, Any]:
    """E[U_{X_d} - U | pa, do(a)] for every context that occurs: {pa: array (a, d)}."""
    play = Simulation(model, rules)
    k = model.card(decision)
    total: dict[Any, float] = defaultdict(float)
    gains: dict[Any, Any] = defaultdict(lambda: np.zeros((k, k)))
    for probability, noise in play.noises():
        context = play.context(play.play(noise), decision)
        total[context] += probability
        for a, d in product(range(k), repeat=2):
            would_be = play.play(noise, {decision: d})
            nested = play.play(noise, {decision: a, node: would_be[node]})
            if model.cid.kind(node) == "utility":
                nested[node] = would_be[node]
            gains[context][a, d] += probability * (play.paid(nested) - play.paid(play.play(noise, {decision: a})))
    return {context: gains[context] / total[context] for context in gains}


@settings(max_examples=examples(quick=100, full=500))
@given(st.data())
def test_response_incentives_by_brute_force(data: st.DataObject) -> None:
    model = data.draw(single(max_card=3))
    [decision] = model.cid.decisions
    node = data.draw(st.sampled_from(model.cid.chance))
    best = optimal_policies(model)
    responses = [response_of(model, rules, node, decision) for rules in best]
    assert has_response_incentive(model, node) == (min(responses) > 0)
    effect = response_effect(model, node)
    assert (effect == 0) == (min(responses) == 0)
    assert effect <= min(responses) + 1e-9  # stochastic optimal policies may respond less
    if len(best) == 1:
        assert effect == pytest.approx(responses[0], abs=1e-9)
    chosen = data.draw(st.sampled_from(best))
    expected = response_of(model, chosen, node, decision)
    assert response_effect(model, node, policy=chosen) == pytest.approx(expected, abs=1e-12)
    assert has_response_incentive(model, node, policy=chosen) == (expected > 0)


@settings(max_examples=examples(quick=25, full=250))
@given(st.data())
def test_the_least_response_is_attained_by_no_mixture_of_optimal_rules(data: st.DataObject) -> None:
    """No random optimal policy responds less than the linear program says, and on a fine grid one comes close."""
    model = data.draw(single())
    node = data.draw(st.sampled_from(model.cid.chance))
    [box] = optimal_boxes(model)
    least = response_effect(model, node)
    open_contexts = np.argwhere(box.allowed.all(axis=-1))
    assume(len(open_contexts) <= 2)
    closest = np.inf
    for shares in product(np.linspace(0, 1, 11), repeat=len(open_contexts)):
        rule = box.allowed.astype(float)
        for context, share in zip(open_contexts, shares, strict=True):
            rule[tuple(context)] = [share, 1 - share]
        closest = min(closest, response_effect(model, node, policy={box.decision: rule}))
    assert least <= closest + 1e-9
    assert closest <= least + 0.1


@settings(max_examples=examples(quick=100, full=500))
@given(st.data())
def test_instrumental_control_by_brute_force(data: st.DataObject) -> None:
    model = data.draw(single())
    [decision] = model.cid.decisions
    node = data.draw(st.sampled_from([n for n in model.cid.nodes if n != decision]))
    best = optimal_policies(model)
    largest = 0.0
    for context, gain in nested_gains(model, best[0], node, decision).items():
        allowed = {int(rules[decision][context].argmax()) for rules in best}
        stakes = [np.abs(gain[a]).max() for a in allowed]
        # With two actions a mixture p has the stakes p[0]*g01 and p[1]*g10, equal at the least.
        mixed = 0.0 if min(stakes) < 1e-12 else np.prod(stakes) / sum(stakes) if len(stakes) == 2 else stakes[0]
        largest = max(largest, mixed)
    assert instrumental_control_effect(model, node) == pytest.approx(largest, abs=1e-9)
    assert has_instrumental_control_incentive(model, node) == (largest > 1e-12)


@settings(max_examples=examples(quick=40, full=500))
@given(st.data())
def test_several_decisions_by_brute_force(data: st.DataObject) -> None:
    model = data.draw(models(**{**SMALL, "max_chance": 2}, decisions=2, max_parents=2))
    decision = data.draw(st.sampled_from(model.cid.decisions))
    node = data.draw(st.sampled_from([n for n in model.cid.nodes if n != decision and model.cid.kind(n) != "utility"]))
    best = optimal_policies(model)
    assert has_response_incentive(model, node, decision) == all(
        response_of(model, rules, node, decision) > 0 for rules in best
    )
    control = [
        max(
            np.abs(gain[int(rules[decision][context].argmax())]).max()
            for context, gain in nested_gains(model, rules, node, decision).items()
        )
        for rules in best
    ]
    assert has_instrumental_control_incentive(model, node, decision) == (min(control) > 1e-9)


@settings(max_examples=examples(quick=60, full=500))
@given(st.data())
def test_impact_is_least_over_optimal_policies(data: st.DataObject) -> None:
    model = data.draw(models(max_chance=3, decisions=1, utilities=1))
    [decision] = model.cid.decisions
    node = data.draw(st.sampled_from([n for n in model.cid.nodes if n != decision]))
    world = World(model)
    baseline = {decision: data.draw(st.sampled_from(world.first_rules(decision, 20)))}
    target = model.query([node], policy=baseline).probabilities
    best = optimal_policies(model)
    distances = [np.abs(model.query([node], policy=rules).probabilities - target).sum() / 2 for rules in best]
    effect = impact(model, node, baseline)
    assert effect <= min(distances) + 1e-9
    if len(best) == 1:
        assert effect == pytest.approx(distances[0], abs=1e-9)
    assert impact(model, node, best[0], policy=best[0]) == pytest.approx(0, abs=1e-12)
    if baseline[decision].tolist() in [rules[decision].tolist() for rules in best]:
        assert effect == 0


def test_a_mixture_of_optimal_actions_has_less_at_stake() -> None:
    """Either optimal action alone has two at stake, of opposite sign; half and half has one, and nothing has none."""
    cid = cm.CID([("d", "x"), ("d", "u"), ("x", "u")], decisions=["d"], utilities=["u"])
    pay = {("up", "up"): 1, ("down", "down"): 1, ("up", "down"): 3, ("down", "up"): -1}
    model = cid.parameterise(d=["up", "down"], x=lambda d: d, u=lambda d, x: pay[d, x])
    # a=up: x as if down pays 3 - 1 = 2; a=down: x as if up pays -1 - 1 = -2: the least is at one half each, 1.
    assert instrumental_control_effect(model, "x") == pytest.approx(1.0)
    assert instrumental_control_effect(model, "x", policy={"d": lambda: "up"}) == pytest.approx(2.0)


def test_the_red_door() -> None:
    cid = cm.CID(
        [("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("at_door", "reward")],
        nodes=["weather"],
        decisions=["go"],
        utilities=["reward"],
    )
    model = cid.parameterise(
        weather=cm.Bernoulli(0.5),
        door=cm.Uniform("left", "right"),
        red=lambda door: door,
        go=["left", "right"],
        at_door=lambda go, door: int(go == door),
        reward=lambda at_door: at_door,
    )
    assert response_effect(model, "door") == pytest.approx(0.5)
    assert response_effect(model, "weather") == response_effect(model, "reward") == 0
    # Painting alone need not move the agent: the policy that looks at the door is optimal too.
    assert response_effect(model, "red") == 0
    assert response_effect(model, "red", policy={"go": lambda door, red: red}) == pytest.approx(0.5)
    assert instrumental_control_effect(model, "at_door") == instrumental_control_effect(model, "reward") == 1
    assert instrumental_control_effect(model, "red") == 0
    assert impact(model, "at_door", {"go": lambda door, red: "left"}) == pytest.approx(0.5)
    assert response_effect(model, "door").exact


def test_refusals() -> None:
    cid = cm.CID(
        [("a", "d"), ("a", "e"), ("d", "u"), ("e", "u")],
        decisions={1: ["d"], 2: ["e"]},
        utilities={1: ["u"]},
    )
    model = cid.parameterise(a=cm.Uniform(0, 1, 2), d=[0, 1, 2], e=[0, 1, 2], u=lambda d, e: d * e)
    with pytest.raises(NotApplicableError, match=r"depends on the other agents' decisions \(`e`\): fix their rules"):
        response_effect(model, "a", "d")
    assert response_effect(model, "a", "d", policy={"e": lambda a: a}) == 0
    alone = cm.CID(cid.edges, decisions=["d", "e"], utilities=["u"]).parameterise(
        a=cm.Uniform(*range(9)), d=[0, 1, 2], e=[0, 1, 2], u=lambda d, e: d * e
    )
    with pytest.raises(NotApplicableError, match=r"`e` has 1.97e\+04 deterministic rules to list, more than 4096"):
        response_effect(alone, "a", "d")
    with pytest.raises(NotApplicableError, match="is the decision itself"):
        response_effect(alone, "d", "d")
    with pytest.raises(NotApplicableError, match="leaves `e` open"):
        response_effect(alone, "a", "d", policy={"d": lambda a: 0})
    with pytest.raises(NotApplicableError, match="this diagram has 2"):
        instrumental_control_effect(alone, "a")


@settings(max_examples=examples(quick=60, full=1500))
@given(st.data())
def test_what_the_graph_excludes_is_exactly_zero(data: st.DataObject) -> None:
    model = data.draw(models(structural=True, max_chance=3, decisions=(1, 2), max_parents=2))
    cid = model.cid
    decision = data.draw(st.sampled_from(cid.decisions))
    node = data.draw(st.sampled_from([n for n in cid.nodes if n != decision]))
    baseline = {d: next(World(model).deterministic_rules(d)) for d in cid.decisions}
    excluded = cm.Answer.EXCLUDES
    if cm.admits_ri(cid, node, decision).answer is excluded:
        assert response_effect(model, node, decision) == 0
        assert not has_response_incentive(model, node, decision)
    if cm.admits_ici(cid, node, decision).answer is excluded:
        assert instrumental_control_effect(model, node, decision) == 0
        assert not has_instrumental_control_incentive(model, node, decision)
    if len(cid.decisions) == 1 and cm.admits_impact(cid, node, decision).answer is excluded:
        assert impact(model, node, baseline, decision) == 0
    if cid.kind(node) != "decision" and cm.admits_voc(cid, node).answer is excluded:
        assert cm.value_of_control(model, node, decision) == 0
    seeable = cid.kind(node) != "utility" and node not in cid.descendants(decision)
    if seeable and cm.admits_voi(cid, node, decision).answer is excluded:
        assert cm.value_of_information(model, node, decision) == 0


# Neither floors nor widths -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "gain"), [(1e9, 0.5), (1e6, 5e-4), (0, 1e-12), (0, 2.0**-40), (-(2.0**40), 0.125)])
def test_what_is_at_stake_at_any_level(level: float, gain: float) -> None:
    cid = cm.CID([("go", "at"), ("at", "pay"), ("go", "dust")], decisions=["go"], utilities=["pay"])
    model = cid.parameterise(go=[0, 1], at=lambda go: go, dust=lambda go: go, pay=lambda at: level + gain * at)
    meant = (level + gain) - level
    assert instrumental_control_effect(model, "at") == pytest.approx(meant, rel=1e-9, abs=0)
    assert has_instrumental_control_incentive(model, "at")
    assert instrumental_control_effect(model, "at").exact
    assert instrumental_control_effect(model, "dust") == 0.0


@pytest.mark.parametrize("penalty", [0.0, 1e9, 1e12])
def test_a_penalty_elsewhere_leaves_effects_alone(penalty: float) -> None:
    cid = cm.CID(
        [("x", "go"), ("x", "pay"), ("go", "pay"), ("b", "cost")], decisions=["go", "b"], utilities=["pay", "cost"]
    )
    model = cid.parameterise(
        x=cm.Uniform(0, 1), go=[0, 1], b=[0, 1], pay=lambda x, go: 0.5 * (x == go), cost=lambda b: -penalty * b
    )
    assert response_effect(model, "x", "go") == 0.5
    assert has_response_incentive(model, "x", "go")
    assert instrumental_control_effect(model, "pay", "go") == 0.5
    assert cm.value_of_information(model, "x", "go") == 0.25
    blind = cm.CID([("x", "pay"), ("go", "pay"), ("b", "cost")], decisions=["go", "b"], utilities=["pay", "cost"])
    assert cm.value_of_control(blind.parameterise(model.mechanisms), "x", "go") == 0.25


@pytest.mark.parametrize("level", [0.0, 2.0**20])
@pytest.mark.parametrize(
    ("gains", "expected"),
    [((0.375, -0.125), 0.0), ((2.0**-20, -0.5), 0.0), ((0.375, 0.125), 0.125), ((2.0**-20, 2.0**-21), 2.0**-21)],
)
def test_optimal_actions_that_balance_each_other(gains: tuple[float, float], expected: float, level: float) -> None:
    """Two optimal actions; had the third one been taken for the node, the first would gain and the second lose."""
    cid = cm.CID([("go", "at"), ("go", "pay"), ("at", "pay")], decisions=["go"], utilities=["pay"])
    model = cid.parameterise(
        go=[0, 1, 2],
        at=lambda go: int(go == 2),
        pay=lambda go, at: level + (-1 if go == 2 else gains[go] * at),
    )
    assert solve(model).optimal_actions == {"go": {(): (0, 1)}}
    assert instrumental_control_effect(model, "at") == pytest.approx(expected, rel=1e-9, abs=0)
    assert has_instrumental_control_incentive(model, "at") == (expected > 0)


@pytest.mark.parametrize("rare", [1e-6, 1e-10, 1e-12])
def test_rare_events_count(rare: float) -> None:
    cid = cm.CID([("go", "vase"), ("go", "gain")], decisions=["go"], utilities=["gain"])
    model = cid.parameterise(
        go=[0, 1],
        gain=lambda go: go,
        vase=lambda go: {"broken": rare, "whole": 1 - rare} if go else {"broken": 0, "whole": 1},
    )
    assert impact(model, "vase", {"go": lambda: 0}) == pytest.approx(rare, rel=1e-3)
    seen = cm.CID([("cat", "go"), ("cat", "gain"), ("go", "gain")], decisions=["go"], utilities=["gain"])
    follow = seen.parameterise(
        cat=cm.Categorical({0: 1 - rare, 1: rare}), go=[0, 1], gain=lambda cat, go: int(cat == go)
    )
    assert has_response_incentive(follow, "cat")
    assert response_effect(follow, "cat") == pytest.approx(1 - rare)  # set to 1, nearly always another action
    assert cm.value_of_information(follow, "cat") == pytest.approx(rare, rel=1e-3)


def vase(breaks: list[float], gains: list[float]) -> cm.CIM:
    """Actions that earn something, and break a vase with some probability each."""
    cid = cm.CID([("go", "vase"), ("go", "gain")], decisions=["go"], utilities=["gain"])
    return cid.parameterise(
        go=list(range(len(breaks))),
        gain=lambda go: gains[go],
        vase=cm.Table([[1 - p, p] for p in breaks], domain=["whole", "broken"]),
    )


@pytest.mark.parametrize(
    ("breaks", "before", "expected"),
    [
        ([0.0, 0.3, 0.1], 2, 0.0),  # a third of 0.3, and 0.1: a mixture breaks exactly as often
        ([0.1, 0.3, 0.2], 2, 0.0),
        ([0.1 + 2.0**-45, 0.3, 0.1], 2, 2.0**-45),
        ([1e-12, 3e-12, 0.0], 2, 1e-12),
        ([1e-12, 3e-12, 2e-12], 2, 0.0),
        ([1e-9, 0.5, 1e-9 - 1e-12], 2, 1e-12),
    ],
)
def test_impact_is_zero_only_where_a_mixture_moves_nothing(breaks: list[float], before: int, expected: float) -> None:
    model = vase(breaks, [1.0, 1.0, 0.0])
    found = impact(model, "vase", {"go": lambda: before})
    assert found.exact
    assert found == pytest.approx(expected, rel=1e-3, abs=0)
    penalised = vase(breaks, [1.0, 1.0, -1e12])
    assert impact(penalised, "vase", {"go": lambda: before}) == found


@settings(max_examples=examples(quick=40, full=200), deadline=None)
@given(exact_models(max_chance=3, decisions=1, utilities=1, simple=True), st.data())
def test_impact_in_fractions(exact: Exact, data: st.DataObject) -> None:
    """One optimal policy: the distance in fractions; several: none is nearer than the distance, which may be zero."""
    model = exact.model
    world = exact.world()
    node = data.draw(st.sampled_from(model.cid.chance))
    every = world.policies(model.cid.decisions)
    baseline = data.draw(st.sampled_from([policy for policy, _ in zip(every, range(20), strict=False)]))
    _, best = world.optima()
    target = law_of(world, node, baseline)
    distances = [
        sum(abs(p - q) for p, q in zip(law_of(world, node, policy), target, strict=True)) / 2 for policy in best
    ]
    found = impact(model, node, baseline)
    assert found.exact
    assert found <= float(min(distances)) * (1 + 1e-6)
    if len(set(map(tuple, (law_of(world, node, policy) for policy in best)))) == 1:
        assert found == pytest.approx(float(distances[0]), rel=1e-6, abs=0)
    if model.card(node) == 2:  # what a mixture of optimal policies breaks lies between what they break
        shares = [law_of(world, node, policy)[0] - target[0] for policy in best]
        nearest = Fraction(0) if min(shares) <= 0 <= max(shares) else min(map(abs, shares))
        assert found == pytest.approx(float(nearest), rel=1e-6, abs=0)
    moved = exact.moved(Fraction(2) ** data.draw(st.integers(-40, 40)), Fraction(data.draw(st.integers(-8, 8))))
    assert impact(moved.model, node, baseline) == found


def law_of(world: World, node: str, policy: dict[str, Any]) -> list[Fraction]:
    """The law of a node under a deterministic policy, in fractions."""
    whole = {d: np.asarray(rule).astype(int).astype(object) for d, rule in policy.items()}
    return [Fraction(x) for x in world.marginal(world.joint(whole), [node]).tolist()]


@settings(max_examples=examples(quick=25, full=150), deadline=None)
@given(models(structural=True, max_chance=3, decisions=1, utilities=1), st.data())
def test_units_levels_and_penalties_move_no_effect(model: cm.CIM, data: st.DataObject) -> None:
    """Responses stay, stakes and values scale: with other units, another level, and a storm that nobody can help."""
    cid = model.cid
    [decision], [utility] = cid.decisions, cid.utilities
    node = data.draw(st.sampled_from(cid.chance))
    unit, level = 2.0 ** data.draw(st.sampled_from([-40, -7, 40])), data.draw(st.sampled_from([0, -3, 2**10]))
    paid = cm.Table((model.cpd(utility) + level) * unit, parents=cid.parents(utility))
    stormy = cm.CID(
        [*cid.edges, ("storm", "damage")],
        nodes=cid.nodes,
        decisions=cid.decisions,
        utilities=[*cid.utilities, "damage"],
    ).parameterise({**model.mechanisms, "storm": cm.Bernoulli(0.25), "damage": cm.Table([0.0, -1e12])})
    for other, factor in ((model.shift({utility: paid}), unit), (stormy, 1.0)):
        assert response_effect(other, node) == response_effect(model, node)
        assert has_response_incentive(other, node) == has_response_incentive(model, node)
        assert has_instrumental_control_incentive(other, node) == has_instrumental_control_incentive(model, node)
        before = instrumental_control_effect(model, node)
        assert instrumental_control_effect(other, node) == pytest.approx(factor * before, rel=1e-6, abs=0)
        assert cm.value_of_control(other, node) == pytest.approx(
            factor * cm.value_of_control(model, node), rel=1e-9, abs=0
        )
        if node not in cid.descendants(decision):
            gained = cm.value_of_information(model, node)
            assert cm.value_of_information(other, node) == pytest.approx(factor * gained, rel=1e-9, abs=0)

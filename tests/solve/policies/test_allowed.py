"""Forbidden actions: against brute force over all policies of allowed actions, in fractions where ties count."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
import cidmesa.solve.symbolic
from cidmesa import solve
from cidmesa.errors import MechanismError, NotApplicableError
from cidmesa.solve.policies.all_optimal import optimal_boxes
from cidmesa.solve.queries.payoffs import reached_contexts, uniform_policy
from tests.solve.brute_force import World, allowed_policies
from tests.strategies import examples, models, restricted

DECISIONS = st.sampled_from([1, 2])


def values_of(model: cm.CIM, policies: list[dict[str, np.ndarray]]) -> list[float]:
    world = World(model)
    return [float((world.joint(rules) * world.payoff).sum()) for rules in policies]


@given(DECISIONS.flatmap(lambda n: restricted(models(max_card=3, decisions=n, max_chance=2, max_parents=2))))
@settings(max_examples=examples(60, 3000), deadline=None)
def test_the_optimum_is_that_of_the_allowed_policies(model: cm.CIM) -> None:
    policies = allowed_policies(model)
    if len(policies) > 3000:
        return
    values = values_of(model, policies)
    for method in (None, "exhaustive"):
        found = model.solve(method=method)
        assert found.exact
        assert found.value == pytest.approx(max(values), abs=1e-9)
        assert model.expected_utility(found) == pytest.approx(max(values), abs=1e-9)
        for decision in model.cid.decisions:
            mask, may = found.optimal_mask(decision), model.allowed(decision)
            assert mask.any(axis=-1).all()
            assert may is None or not (mask & ~may).any()
    climbed = model.solve(method="coordinate ascent")
    assert climbed.value <= max(values) + 1e-9
    assert model.expected_utility(climbed) == pytest.approx(climbed.value, abs=1e-9)


@given(restricted(models(max_card=3, max_chance=3, max_parents=2)))
@settings(max_examples=examples(40, 2000), deadline=None)
def test_optimal_actions_of_one_decision(model: cm.CIM) -> None:
    """In every context that comes up: exactly the allowed actions that some best allowed policy takes."""
    policies = allowed_policies(model)
    if len(policies) > 3000:
        return
    values = values_of(model, policies)
    [decision] = model.cid.decisions
    best = [rules[decision] for rules, v in zip(policies, values, strict=True) if v >= max(values) - 1e-9]
    reached = reached_contexts(model, decision)
    expected = np.max(best, axis=0) > 0
    mask = model.solve().optimal_mask(decision)
    assert (mask == expected)[reached].all()
    [box] = optimal_boxes(model, decision)
    may = model.allowed(decision)
    assert may is None or not (box.allowed & ~may).any()


@given(restricted(models(max_card=3, decisions=2, max_chance=2, max_parents=2)))
@settings(max_examples=examples(30, 1500), deadline=None)
def test_a_penalty_gives_the_same(model: cm.CIM) -> None:
    """Forbidding is what a penalty of -1e12 was for: same value, same optimal actions where something comes up."""
    cid = model.cid
    penalties = {f"penalty {d}": d for d in cid.decisions if model.allowed(d) is not None}
    edges = [(n, p) for p, d in penalties.items() for n in (*cid.parents(d), d)]
    fined = cm.CID(
        [*cid.edges, *edges], nodes=cid.nodes, decisions=cid.decisions, utilities=[*cid.utilities, *penalties]
    ).parameterise(
        {
            **{n: m for n, m in model.mechanisms.items() if n not in cid.decisions},
            **{d: model.domain(d) for d in cid.decisions},
            **{p: np.where(model.allowed(d), 0.0, -1e12) for p, d in penalties.items()},
        }
    )
    found, other = model.solve(), fined.solve()
    assert found.value == pytest.approx(other.value, abs=1e-9)
    law = fined.with_policy(other)
    for d in cid.decisions:
        comes = solve.joint(law, cid.parents(d)) > 0
        may = model.allowed(d)
        assert may is None or not (other.optimal_mask(d) & ~may)[comes].any()


def test_no_sum_is_touched_by_what_is_forbidden() -> None:
    """A tie of 0.1 + 0.2 and 0.3 is one, beside a forbidden action that would pay more."""
    cid = cm.CID([("coin", "pay"), ("bet", "pay")], decisions=["bet"], utilities=["pay"])
    bet = cm.Choice(["bold", "careful", "cheat"], allowed=lambda: ["bold", "careful"])
    model = cid.parameterise(
        coin=cm.Bernoulli(0.1), bet=bet, pay=lambda coin, bet: {"bold": 3 * coin, "careful": 0.3, "cheat": 1e9}[bet]
    )
    assert model.solve().optimal_actions["bet"][()] == ("bold", "careful")
    assert model.solve().value == pytest.approx(float(Fraction(3, 10)))
    assert np.isnan(model.solve().action_values()[2])


def test_a_link_that_allowed_reads_is_not_cut() -> None:
    """What the first one does decides what the second may do: solved in order, and it matters."""
    cid = cm.CID([("open", "go"), ("go", "pay")], decisions=["open", "go"], utilities=["pay"])
    go = cm.Choice(["in", "out"], allowed=lambda open: ["in", "out"] if open else ["in"])
    model = cid.parameterise(open=[False, True], go=go, pay=lambda go: int(go == "out"))
    found = model.solve()
    assert (found.value, found.policy["open"][()]) == (1.0, True)
    assert model.allowed_reads("go") == ("open",)
    [best] = model.solve().optimal_actions["open"].values()
    assert best == (True,)


def test_a_rule_that_two_decisions_share() -> None:
    """The driver may not exit at all; or may only exit."""
    cid = cm.CID([("first", "pay"), ("second", "pay")], decisions=["first", "second"], utilities=["pay"])

    def pay(first: str, second: str) -> int:
        return 0 if first == "exit" else 4 if second == "exit" else 1

    def driver(*actions: str) -> cm.CIM:
        choice = cm.Choice(["on", "exit", "stop"], allowed=lambda: actions)
        return cid.parameterise(first=choice, second=choice, pay=pay)

    shared = [("first", "second")]
    assert driver("on").solve(shared_rules=shared).value == 1
    assert driver("exit").solve(shared_rules=shared).value == 0
    both = driver("on", "exit").solve(shared_rules=shared)
    assert both.value == pytest.approx(4 / 3)
    assert both.tables["first"][2] == 0
    other = cid.parameterise(first=cm.Choice(["on", "exit"], allowed=lambda: ["on"]), second=["on", "exit"], pay=pay)
    with pytest.raises(NotApplicableError, match="may not do the same"):
        other.solve(shared_rules=shared)


def test_uniform_is_over_what_is_allowed() -> None:
    cid = cm.CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    d = cm.Choice([0, 1, 2], allowed=lambda x: [0, 1] if x else [2])
    model = cid.parameterise(x=cm.Bernoulli(0.5), d=d, u=lambda d: d)
    assert uniform_policy(model)["d"].tolist() == [[0, 0, 1], [0.5, 0.5, 0]]


def test_a_rule_that_takes_a_forbidden_action_is_refused() -> None:
    cid = cm.CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(
        x=cm.Bernoulli(0.5), d=cm.Choice(["a", "b"], allowed=lambda x: ["b"] if x else ["a"]), u=lambda d: 1
    )
    for ask in (
        lambda: model.expected_utility({"d": lambda x: "a"}),
        lambda: model.with_policy({"d": [[0.5, 0.5], [0, 1]]}),
        lambda: model.query(["u"], policy={"d": lambda x: {"a": 0.1, "b": 0.9}}),
    ):
        with pytest.raises(MechanismError, match=r"the policy of `d` takes '[ab]' at x=[01], which is forbidden there"):
            ask()
    free = model.unrestricted().solve()
    with pytest.raises(MechanismError, match="forbidden there"):
        model.expected_utility(free)


def test_information_is_of_what_is_not_part_of_the_form() -> None:
    cid = cm.CID([("x", "d"), ("y", "d"), ("d", "u"), ("y", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(
        x=cm.Bernoulli(0.5),
        y=cm.Bernoulli(0.5),
        d=cm.Choice([0, 1], allowed=lambda x: [0, 1] if x else [0]),
        u=lambda d, y: int(d == y),
    )
    assert cm.value_of_information(model, "y") == pytest.approx(0.25)
    with pytest.raises(NotApplicableError, match="what `d` may do depends on `x`"):
        cm.value_of_information(model, "x")
    assert cm.value_of_control(model, "x") == pytest.approx(0.25)


def test_a_forced_response_is_no_incentive() -> None:
    cid = cm.CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), d=cm.Choice([0, 1], allowed=lambda x: [x]), u=lambda d: d)
    assert solve.is_response_forced(model, "x")
    assert not solve.has_response_incentive(model, "x")
    assert (cm.response_effect(model, "x"), cm.response_effect(model, "x").method) == (0, "forced by what is allowed")
    chosen = cid.parameterise(x=cm.Bernoulli(0.5), d=cm.Choice([0, 1, 2], allowed=lambda x: [0, 1 + x]), u=lambda d: d)
    assert not solve.is_response_forced(chosen, "x")
    assert solve.has_response_incentive(chosen, "x")
    assert cm.response_effect(chosen, "x") == 0.5


@given(restricted(models(max_card=3, decisions=2, max_chance=2, max_parents=2)))
@settings(max_examples=examples(20, 800), deadline=None)
def test_games_have_no_forbidden_moves(model: cm.CIM) -> None:
    """Equilibria are those of all profiles of allowed rules, by comparing each with every deviation."""
    cid = model.cid
    one, two = cid.decisions
    game = cm.CID(
        cid.edges, nodes=cid.nodes, decisions={"A": [one], "B": [two]}, utilities={"A": cid.utilities, "B": []}
    ).parameterise(dict(model.mechanisms))
    profiles = allowed_policies(game)
    if len(profiles) > 400:
        return
    value = dict(zip(map(_key, profiles), values_of(game, profiles), strict=True))
    stable = {
        _key(p)
        for p in profiles
        if all(value[_key(q)] <= value[_key(p)] + 1e-9 for q in profiles if (q[two] == p[two]).all())
    }
    assert {_key(e.rules) for e in solve.pure_equilibria(game)} == stable


def _key(rules: object) -> tuple[bytes, ...]:
    return tuple(rules[d].tobytes() for d in sorted(rules))  # type: ignore[index,call-overload]


def test_a_tree_has_no_forbidden_branches() -> None:
    cid = cm.CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(
        x=cm.Bernoulli(0.5), d=cm.Choice(["l", "r"], allowed=lambda x: ["l", "r"] if x else ["l"]), u=lambda d: 0
    )
    assert solve.to_efg(model).count("\nt ") == 3


def test_formulas_say_that_they_do_not_cover_it() -> None:
    from sympy.abc import p

    cid = cm.CID([("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(d=cm.Choice([0, 1], allowed=lambda: [0]), u=lambda d: p * d)
    with pytest.raises(NotApplicableError, match=r"forbidden actions \(`d`\)"):
        cidmesa.solve.symbolic.optimal_value(model)
    assert model.subs({p: 2}).solve().value == 0

"""Magnitudes over all optimal policies as expressions, against the numeric solver at random points and on borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy.abc import p, q, r

import cidmesa as cm
from cidmesa import solve as numeric
from cidmesa.errors import NotApplicableError
from cidmesa.solve import symbolic
from cidmesa.solve.symbolic.intention_condition import UNDECIDED
from cidmesa.solve.symbolic.program import least_value
from tests.solve.magnitudes.test_effects import SEEING
from tests.solve.symbolic.drawing import Numbers, at, numbered, value_at, with_symbols
from tests.strategies import examples

MAGNITUDES = [
    "response_effect",
    "instrumental_control_effect",
    "impact",
    "introduced_total_effect",
    "introduced_total_variation",
]


def structural(**shape: Any) -> st.SearchStrategy[tuple[cm.CIM, Numbers]]:
    """Structural models with symbols: one or two decisions, two or three values, diagrams with something to see."""
    seeing = st.sampled_from(SEEING).flatmap(lambda cid: with_symbols(cid, structural=True, **shape))
    small = {"structural": True, "max_parents": 2, "max_chance": 2, **shape}
    return st.one_of(
        seeing,
        with_symbols(**small, decisions=2),
        with_symbols(**{**small, "max_chance": 3}),
        with_symbols(**small, max_card=3),
    )


def question(data: st.DataObject, cid: cm.CID) -> tuple[str, str, tuple[Any, ...]]:
    """The name of a magnitude, a decision and the arguments before it."""
    decision = data.draw(st.sampled_from(cid.decisions))
    name = data.draw(st.sampled_from(MAGNITUDES))
    nodes = [n for n in cid.nodes if n != decision and not (name.startswith("introduced") and cid.kind(n) == "utility")]
    node = data.draw(st.sampled_from(nodes))
    if name == "impact":
        return name, decision, (node, {d: cm.Categorical({0: 0.25, 1: 0.75}) for d in cid.decisions})
    if name.startswith("introduced"):
        labels = [n for n in cid.chance if n not in cid.descendants(decision)]
        assume(labels)
        return name, decision, (node, data.draw(st.sampled_from(labels)))
    return name, decision, (node,)


def agree(exactly: float, found: float, scale: float) -> bool:
    """The solver calls what is below 1e-9 of the utilities' scale zero; otherwise both are the same number."""
    return abs(exactly - found) <= 1e-12 * max(1, scale) or (found == 0 and 0 <= exactly <= 1e-9 * scale)


def scale_of(model: cm.CIM) -> float:
    return sum(float(abs(model.cpd(u)).max(initial=0)) for u in model.cid.utilities)


def asked(module: Any, model: cm.CIM, name: str, args: tuple[Any, ...], decision: str, **more: Any) -> Any:
    """The magnitude, or ``None`` where it has no meaning (evidence without probability, rules that matter missing)."""
    try:
        return getattr(module, name)(model, *args, decision=decision, **more)
    except NotApplicableError as error:
        if any(text in str(error) for text in ("has probability zero", "no rule says so")):
            return None
        raise


@settings(max_examples=examples(quick=40, full=400))
@given(structural(), st.data())
def test_the_least_over_all_optimal_policies(drawn: tuple[cm.CIM, Numbers], data: st.DataObject) -> None:
    model, numbers = drawn
    name, decision, args = question(data, model.cid)
    concrete = numbered(model, numbers)
    found = asked(numeric, concrete, name, args, decision)
    expression = asked(symbolic, model, name, args, decision)
    assume(found is not None and expression is not None)
    exactly = at(expression, numbers)
    assume(exactly is not sympy.nan)  # on a border
    assert agree(float(exactly), found, scale_of(concrete))


@settings(max_examples=examples(quick=15, full=150))
@given(structural(), st.data())
def test_of_a_given_policy(drawn: tuple[cm.CIM, Numbers], data: st.DataObject) -> None:
    model, numbers = drawn
    name, decision, args = question(data, model.cid)
    concrete = numbered(model, numbers)
    best = concrete.solve()
    first = {d: best.tables[d] for d in model.cid.decisions}
    expression = asked(symbolic, model, name, args, decision, policy=first)
    assume(expression is not None)
    for there in (numbers, edges(data, numbers)):
        concrete = numbered(model, there)
        found = asked(numeric, concrete, name, args, decision, policy=first)
        exactly = at(expression, there)
        if found is not None:
            assert agree(float(exactly), found, scale_of(concrete))


def edges(data: st.DataObject, numbers: Numbers) -> Numbers:
    """Numbers at which probabilities are 0 or 1, actions tie, or symbols are the same."""
    some = st.sampled_from([0.0, 1.0, 0.0, 1.0, 0.5, 0.25])
    return {symbol: data.draw(some) for symbol in numbers}


@settings(max_examples=examples(quick=20, full=600))
@given(structural(), st.data())
def test_at_the_edges_of_the_parameter_space(drawn: tuple[cm.CIM, Numbers], data: st.DataObject) -> None:
    """Probabilities of 0 and 1, ties, and their crossings, in several symbols: what the numbers say."""
    model, numbers = drawn
    name, decision, args = question(data, model.cid)
    expression = asked(symbolic, model, name, args, decision)
    assume(expression is not None)
    for _ in range(3):
        there = edges(data, numbers)
        concrete = numbered(model, there)
        found = asked(numeric, concrete, name, args, decision)
        if found is not None:
            exactly = at(expression, there)
            assert exactly is not sympy.nan
            assert agree(float(exactly), found, scale_of(concrete)), (expression, there, exactly, found)


@settings(max_examples=examples(quick=8, full=150))
@given(st.sampled_from(SEEING).flatmap(lambda cid: with_symbols(cid, structural=True, most=1)), st.data())
def test_on_borders_between_regions(drawn: tuple[cm.CIM, Numbers], data: st.DataObject) -> None:
    """There the numeric value is at most that of either side, and it is what the expression says."""
    model, _ = drawn
    assume(len(model.symbols) == 1)
    [s] = model.symbols
    name, decision, args = question(data, model.cid)
    expression = asked(symbolic, model, name, args, decision)
    assume(expression is not None and expression.has(sympy.Piecewise))
    atoms = [a for piece in expression.atoms(sympy.Piecewise) for _, c in piece.args for a in c.atoms(sympy.Rel)]
    borders = {root for a in atoms for root in sympy.solve(a.lhs - a.rhs, s) if root.is_rational}
    for border in borders:
        concrete = model.subs({s: border})
        found = asked(numeric, concrete, name, args, decision)
        if found is None:
            continue
        sides = [expression.subs(s, border + step) for step in (-sympy.Rational(1, 10**9), sympy.Rational(1, 10**9))]
        for side in sides:
            assert side is sympy.nan or found <= float(side) + 1e-6
        assert agree(float(expression.subs(s, border)), found, scale_of(concrete))


def test_the_guessing_game_where_a_side_cannot_come_up() -> None:
    """Seen and called; at p = 0 and p = 1 one side cannot come up, and nothing is lost by one call for both."""
    cid = cm.CID([("coin", "call"), ("coin", "win"), ("call", "win")], decisions=["call"], utilities=["win"])
    model = cid.parameterise(coin=cm.Bernoulli(p), call=[0, 1], win=lambda coin, call: int(coin == call))
    effect = symbolic.response_effect(model, "coin")
    for number, expected in ((0, 0), (1, 0), (0.5, 0.5), (0.75, 0.75)):
        assert value_at(effect, {p: number}) == expected
        assert numeric.response_effect(model.subs({p: number}), "coin") == expected
    # The same for an impact: where the coin is 0 whatever is done, both calls may be optimal.
    cid = cm.CID([("coin", "win"), ("call", "win"), ("call", "seen")], decisions=["call"], utilities=["win"])
    model = cid.parameterise(
        coin=cm.Bernoulli(p), call=[0, 1], seen=lambda call: call, win=lambda coin, call: coin * call
    )
    moved = symbolic.impact(model, "seen", {"call": lambda: 0})
    assert [value_at(moved, {p: number}) for number in (0, 0.25, 1)] == [0, 1, 1]
    assert numeric.impact(model.subs({p: 0}), "seen", {"call": lambda: 0}) == 0


def test_borders_that_cannot_be_solved_are_left_open() -> None:
    """Nothing is said where a polynomial of degree two in both symbols is zero, and beside it what holds there."""
    cid = cm.CID([("d", "u"), ("d", "x")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(d=[0, 1], x=lambda d: d, u=lambda d: d * (p**2 + q**2 - 2))
    moved = symbolic.impact(model, "x", {"d": lambda: 0})
    assert [value_at(moved, {p: 2, q: 0}), value_at(moved, {p: 0, q: 0})] == [1, 0]
    assert value_at(moved, {p: 1, q: 1}) == 0  # both actions are optimal: zeros are zeros on borders too
    moved = symbolic.impact(model, "x", {"d": {0: 0.5, 1: 0.5}})
    assert value_at(moved, {p: 2, q: 0}) == 0.5
    assert at(moved, {p: 1, q: 1}) is sympy.nan  # it is 0
    assert numeric.impact(model.subs({p: 1, q: 1}), "x", {"d": {0: 0.5, 1: 0.5}}) == 0


def test_the_first_of_two_policies_that_tie_counts() -> None:
    """Resting is named first: where working pays no more, nobody works; where nothing can be said, nothing is."""
    cid = cm.CID([("work", "x"), ("x", "pay")], decisions=["work"], utilities=["pay"])
    pays = {"rest": 0, "work": p - sympy.Rational(1, 2), "cheat": -((p - sympy.Rational(1, 4)) ** 2)}
    for actions in (["rest", "work", "cheat"], ["cheat", "work", "rest"], ["work", "cheat", "rest"]):
        model = cid.parameterise(
            work=actions, x=cm.Function(lambda work: work, domain=list(pays)), pay=lambda x: pays[x]
        )
        condition = symbolic.intention(model, "x")
        for number in map(sympy.Rational, ("0", "1/4", "1/3", "1/2", "3/4")):
            there = numeric.intention(model.subs({p: number}), "x")
            assert condition.subs(p, number) == (there is not None), (actions, number)
    curved = cid.parameterise(work=[0, 1], x=lambda work: work, pay=lambda x: x * (p**2 + q**2 - 2))
    condition = symbolic.intention(curved, "x")
    assert condition.subs({p: 2, q: 0}) == sympy.true
    assert condition.subs({p: 0, q: 0}) == (numeric.intention(curved.subs({p: 0, q: 0}), "x") is not None)
    assert condition.subs({p: 1, q: 1}) == sympy.Symbol(UNDECIDED)


@settings(max_examples=examples(quick=15, full=150))
@given(with_symbols(structural=True, max_chance=3, utilities=1), st.booleans(), st.data())
def test_intentions_are_conditions(drawn: tuple[cm.CIM, Numbers], stated: bool, data: st.DataObject) -> None:
    model, numbers = drawn
    cid = model.cid
    [decision] = cid.decisions
    node = data.draw(st.sampled_from([n for n in cid.nodes if n != decision]))
    concrete = numbered(model, numbers)
    policy = concrete.solve().tables if stated else None
    found = numeric.intention(concrete, node, policy=policy)
    condition = symbolic.intention(model, node, policy=policy)
    assert bool(at(condition, numbers)) == (found is not None)


@settings(max_examples=examples(quick=25, full=150), deadline=None)
@given(with_symbols(structural=True, max_chance=3, utilities=1, most=2), st.booleans(), st.data())
def test_intentions_on_borders(drawn: tuple[cm.CIM, Numbers], stated: bool, data: st.DataObject) -> None:
    """Where probabilities are 0 or 1, and where two actions are equally good, condition and numbers agree."""
    model, _ = drawn
    [decision] = model.cid.decisions
    node = data.draw(st.sampled_from([n for n in model.cid.nodes if n != decision]))
    edge = {
        s: data.draw(st.sampled_from([sympy.S.Zero, sympy.S.One, sympy.Rational(1, 2)]))
        for s in sorted(model.symbols, key=str)
    }
    places = [edge]
    for case in symbolic.optimal_policies(model):  # and a point of a border between regions, if one symbol gives one
        for relation in case.condition.atoms(sympy.core.relational.Relational):
            symbols = sorted(relation.free_symbols, key=str)
            rest = {s: x for s, x in edge.items() if s != symbols[0]} if symbols else {}
            line = (relation.lhs - relation.rhs).subs(rest)
            roots = sympy.solve(line, symbols[0]) if line.free_symbols else []
            places += [{**rest, symbols[0]: x} for x in roots if x.is_rational and 0 <= x <= 1]
    policy = {decision: {c: model.domain(decision)[0] for c in model.contexts(decision)}} if stated else None
    condition = symbolic.intention(model, node, policy=policy)
    for place in places:
        concrete = model.subs(place)
        found = numeric.intention(concrete, node, policy=policy)
        expected = sympy.true if found is not None else sympy.false
        assert condition.subs(place) == expected, (condition, place)


# By hand ------------------------------------------------------------------------------------------------------------


def test_the_red_door() -> None:
    """Trained where red doors are right doors with probability q, one follows the colour, whatever it is worth."""
    cid = cm.CID([("door", "red"), ("red", "go"), ("go", "win"), ("door", "win")], decisions=["go"], utilities=["win"])
    model = cid.parameterise(
        door=cm.Bernoulli(0.5),
        red=cm.Noisy(lambda door: door, 1 - q),
        go=[0, 1],
        win=lambda door, go: r * int(door == go),
    )
    positive = {"where": [r > 0]}
    half = sympy.Rational(1, 2)
    response = symbolic.response_effect(model, "door", **positive)
    assert {response.subs(q, x) for x in (half / 2, half * 3 / 2)} == {half}
    assert response.subs(q, half) == 0  # all is optimal there
    assert symbolic.response_effect(model.subs({q: half}), "door", **positive) == 0
    control = symbolic.instrumental_control_effect(model, "win", **positive)
    assert control.subs({q: half / 2, r: 3}) == half * 3
    bias = symbolic.introduced_total_effect(model, "door", "red", **positive)
    assert {bias.subs(q, x) for x in (half / 2, half * 3 / 2)} == {0}
    assert symbolic.introduced_total_effect(model.subs({q: half}), "door", "red", **positive) == 0


def test_a_mixture_of_optimal_actions_has_less_at_stake() -> None:
    """Both actions are optimal throughout; alone they have 2r and 2 at stake, of opposite sign."""
    cid = cm.CID([("d", "x"), ("d", "u"), ("x", "u")], decisions=["d"], utilities=["u"])
    pay = {("up", "up"): 1, ("down", "down"): 1, ("up", "down"): 1 + 2 * r, ("down", "up"): -1}
    model = cid.parameterise(d=["up", "down"], x=lambda d: d, u=lambda d, x: pay[d, x])
    effect = symbolic.instrumental_control_effect(model, "x", where=[r > 0])
    assert sympy.simplify(effect - 2 * r / (1 + r)) == 0
    for number in (0.5, 1.0, 3.0):
        expected = numeric.instrumental_control_effect(model.subs({r: number}), "x")
        assert value_at(effect, {r: number}) == pytest.approx(expected, abs=1e-12)


def test_a_choice_without_consequence_is_made_so_as_to_respond_least() -> None:
    """Where the light is broken (z = 2) every action is optimal, and the best mixture depends on how x is spread."""
    cid = cm.CID(
        [("x", "z"), ("e", "z"), ("z", "d"), ("x", "u"), ("d", "u"), ("z", "u")], decisions=["d"], utilities=["u"]
    )
    model = cid.parameterise(
        x=cm.Bernoulli(p),
        e=cm.Bernoulli(q),
        z=lambda x, e: 2 if e else x,
        d=[0, 1],
        u=lambda x, d, z: int(z != 2 and x == d),
    )
    effect = symbolic.response_effect(model, "e")
    for numbers in ({p: 0.3, q: 0.6}, {p: 0.8, q: 0.1}, {p: 0.9, q: 0.75}):
        expected = numeric.response_effect(model.subs(numbers), "e")
        assert expected > 0
        assert value_at(effect, numbers) == pytest.approx(expected, abs=1e-12)


def test_several_agents() -> None:
    cid = cm.CID(
        [("s", "e"), ("s", "u"), ("d", "u"), ("e", "u"), ("e", "v"), ("s", "v")],
        decisions={"mine": ["d"], "theirs": ["e"]},
        utilities={"mine": ["u"], "theirs": ["v"]},
    )
    model = cid.parameterise(
        s=cm.Bernoulli(p), e=[0, 1], d=[0, 1], u=lambda s, d, e: q * int(s == d) + e, v=lambda e, s: r * int(e == s)
    )
    with pytest.raises(NotApplicableError, match=r"depends on the other agents' decisions \(`e`\)"):
        symbolic.instrumental_control_effect(model, "u", "d")
    with pytest.raises(NotApplicableError, match="is one agent's, and this diagram has 2"):
        symbolic.value_of_control(model, "s")
    played = model.with_policy({"e": lambda s: s})
    numbers: Numbers = {p: 0.3, q: 2.0, r: -1.0}
    concrete = numbered(played, numbers)
    for node in ("s", "e", "u", "v"):
        expected = numeric.value_of_control(concrete, node, "d")
        assert value_at(symbolic.value_of_control(played, node, "d"), numbers) == pytest.approx(expected, abs=1e-12)
    for outcome in ("u", "v"):
        expected = numeric.total_effect(concrete, "s", outcome, policy={"d": lambda: 1})
        effect = symbolic.total_effect(played, "s", outcome, policy={"d": lambda: 1})
        assert value_at(effect, numbers) == pytest.approx(expected, abs=1e-12)
    cut = {"cut_edges": [("s", "e")], "policy": {"d": lambda: 1}}
    assert symbolic.total_effect(played, "s", "v", **cut) == 2 * p * r - r  # e stays what s was


def test_a_utility_is_a_variable_too() -> None:
    cid = cm.CID([("a", "u")], utilities=["u"])
    model = cid.parameterise(a=cm.Categorical({0: p, 1: q, 2: 1 - p - q}), u=lambda a: [r, 1, r][a])
    assert [sympy.expand(x) for x in symbolic.joint(model, ["u"])] == [1 - q, q]


def test_linear_programs_with_symbols() -> None:
    """Against scipy on random programs whose numbers are put in for symbols afterwards."""
    from scipy import optimize

    random = np.random.default_rng(0)
    compared = 0
    for _ in range(60):
        n, m = random.integers(1, 5), random.integers(1, 6)
        cost, rows = random.integers(0, 4, n), random.integers(-3, 4, (m, n))
        limits = rows @ random.integers(0, 3, n) + random.integers(0, 2, m)  # something is feasible
        symbols = {p: sympy.Rational(int(random.integers(1, 9)), 7), q: sympy.Rational(int(random.integers(1, 9)), 5)}
        program = [[int(x) * random.choice([1, p, q]) for x in row] for row in rows]
        concrete = np.array([[float(sympy.sympify(x).subs(symbols)) for x in row] for row in program])
        expected = optimize.linprog(cost, A_ub=concrete, b_ub=limits)
        if expected.status != 0:
            continue
        compared += 1
        found, conditions = least_value([int(c) for c in cost], program, [int(b) for b in limits], symbols)
        assert float(found.subs(symbols)) == pytest.approx(expected.fun, abs=1e-7)
        assert all(condition.subs(symbols) >= 0 for condition in conditions)
    assert compared > 20


def test_more_regions_than_allowed_are_counted() -> None:
    n = 7
    cid = cm.CID([("x", "d"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    symbols = sympy.symbols(f"u0:{n}")
    many = cid.parameterise(x=cm.Uniform(*range(n)), d=[0, 1], u=lambda x, d: symbols[x] * d)
    with pytest.raises(NotApplicableError, match="the optimal policy has 128 cases, more than max_rules=64"):
        symbolic.response_effect(many, "x")
    with pytest.raises(NotApplicableError, match="the optimal policy has 128 cases, more than max_rules=64"):
        symbolic.intention(many, "u")
    few = many.subs(dict.fromkeys(symbols[2:], 1))
    assert symbolic.response_effect(few, "x").has(sympy.Piecewise)
    with pytest.raises(NotApplicableError, match="2 alternatives and the subsets of 1 outcomes make"):
        symbolic.intention(
            cm.CID([("d", "u")], decisions=["d"], utilities=["u"]).parameterise(d=[0, 1], u=lambda d: d * p),
            "u",
            max_trials=3,
        )
    with pytest.raises(NotApplicableError, match="`d` is the decision itself"):
        symbolic.response_effect(few, "d")

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
from cidmesa.solve.symbolic.algebra import exact
from cidmesa.solve.symbolic.regions import Space
from tests.solve.brute_force import World
from tests.solve.symbolic.drawing import numbered, value_at, with_symbols
from tests.strategies import examples


@settings(max_examples=examples(quick=40, full=200))
@given(with_symbols(max_chance=3, decisions=(1, 2), max_parents=2), st.data())
def test_numbers_put_in_afterwards_give_the_numeric_answer(
    drawn: tuple[cm.CIM, dict[Any, float]], data: st.DataObject
) -> None:
    model, numbers = drawn
    cid = model.cid
    concrete = numbered(model, numbers)
    names = [n for n in cid.nodes if cid.kind(n) != "utility"]
    rules = {d: data.draw(st.sampled_from(World(concrete).first_rules(d, 30))) for d in cid.decisions}
    do = {n: concrete.domain(n)[0] for n in data.draw(st.sets(st.sampled_from(names), max_size=1))}
    asked = data.draw(st.sampled_from(names))
    law = symbolic.joint(model, [asked], do=do, policy=rules)
    expected = concrete.query([asked], do=do, policy=rules).probabilities
    np.testing.assert_allclose([value_at(x, numbers) for x in law], expected, atol=1e-12)
    utility = symbolic.expected_utility(model, rules, do=do)
    assert value_at(utility, numbers) == pytest.approx(concrete.expected_utility(rules, do=do), abs=1e-12)
    happened = World(concrete).marginal(World(concrete).joint(rules), [asked])
    seen = {asked: concrete.domain(asked)[int(happened.argmax())]}
    given_that = symbolic.expected_utility(model, rules, given=seen)
    assert value_at(given_that, numbers) == pytest.approx(concrete.expected_utility(rules, given=seen), abs=1e-12)


@settings(max_examples=examples(quick=30, full=200))
@given(with_symbols(max_chance=2, decisions=(1, 2), max_parents=2))
def test_each_case_is_optimal_in_its_region_and_some_case_holds_everywhere(
    drawn: tuple[cm.CIM, dict[Any, float]],
) -> None:
    model, numbers = drawn
    concrete = numbered(model, numbers)
    best = concrete.solve()
    assert best.exact
    try:
        cases = symbolic.optimal_policies(model)
    except NotApplicableError as error:
        assume("max_rules=64" not in str(error))
        raise
    values = {s: exact(x) for s, x in numbers.items()}
    holding = [case for case in cases if sympy.sympify(case.condition).subs(values) == sympy.true]
    assert holding
    for case in cases:
        assert value_at(case.value, numbers) == pytest.approx(concrete.expected_utility(case.policy), abs=1e-12)
    for case in holding:
        assert value_at(case.value, numbers) == pytest.approx(best.value, abs=1e-12)
    assert value_at(symbolic.optimal_value(model), numbers) == pytest.approx(best.value, abs=1e-12)


@settings(max_examples=examples(quick=30, full=150))
@given(with_symbols(max_chance=2, decisions=(1, 2), max_parents=2), st.data())
def test_magnitudes_as_expressions(drawn: tuple[cm.CIM, dict[Any, float]], data: st.DataObject) -> None:
    model, numbers = drawn
    cid = model.cid
    concrete = numbered(model, numbers)
    decision = data.draw(st.sampled_from(cid.decisions))
    node = data.draw(st.sampled_from([*cid.chance, *cid.utilities]))
    scale = sum(float(abs(concrete.cpd(u)).max()) for u in cid.utilities)

    def agree(exactly: float, found: float) -> bool:
        """The solver calls gains below 1e-9 of the utilities' scale zero; otherwise both are the same number."""
        return abs(exactly - found) <= 1e-12 or (found == 0 and 0 <= exactly <= 1e-9 * scale)

    try:
        control = value_at(symbolic.value_of_control(model, node, decision), numbers)
        assert agree(control, numeric.value_of_control(concrete, node, decision))
        if cid.kind(node) == "chance" and node not in cid.descendants(decision):
            information = value_at(symbolic.value_of_information(model, node, decision), numbers)
            assert agree(information, numeric.value_of_information(concrete, node, decision))
    except NotApplicableError as error:
        assume("more than max_rules=64" not in str(error))
        raise
    rules = {d: next(World(concrete).deterministic_rules(d)) for d in cid.decisions}
    cause = data.draw(st.sampled_from([n for n in cid.nodes if cid.kind(n) != "utility"]))
    outcome = data.draw(st.sampled_from([n for n in cid.nodes if n != cause]))
    effect = symbolic.total_effect(model, cause, outcome, policy=rules)
    assert value_at(effect, numbers) == pytest.approx(
        numeric.total_effect(concrete, cause, outcome, policy=rules), abs=1e-12
    )


def test_control_and_bias_as_expressions() -> None:
    cid = cm.CID([("d", "m"), ("m", "x"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(d=[0, 1], m=cm.Noisy(lambda d: d, p), x=cm.Noisy(lambda m: m, q), u=lambda d, x: r * x + d)
    always = {"d": lambda: 1}
    effect = symbolic.instrumental_control_effect(model, "x", policy=always)
    for numbers in ({p: 0.1, q: 0.3, r: 2.0}, {p: 0.9, q: 0.2, r: -1.5}):
        expected = numeric.instrumental_control_effect(model.subs(numbers), "x", policy=always)
        assert value_at(effect, numbers) == pytest.approx(expected, abs=1e-12)
    biased = cm.CID([("A", "X"), ("X", "D"), ("A", "Y"), ("D", "U"), ("Y", "U")], decisions=["D"], utilities=["U"])
    judge = biased.parameterise(
        A=cm.Bernoulli(0.5),
        X=cm.Noisy(lambda A: A, p),
        Y=cm.Noisy(lambda A: A, q),
        D=[0, 1],
        U=lambda D, Y: int(D == Y),
    )
    follow = {"D": lambda X: X}
    bias = symbolic.introduced_total_effect(judge, "A", "Y", policy=follow)
    numbers = {p: 0.1, q: 0.3}
    assert value_at(bias, numbers) == pytest.approx(0.8 - 0.4)
    assert numeric.introduced_total_effect(judge.subs(numbers), "A", "Y", policy=follow) == pytest.approx(0.8 - 0.4)


def test_responses_as_expressions() -> None:
    cid = cm.CID(
        [("x", "w"), ("z", "w"), ("w", "d"), ("z", "d"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"]
    )
    model = cid.parameterise(
        x=cm.Bernoulli(p),
        z=cm.Bernoulli(q),
        w=cm.Noisy(lambda x, z: x * z, r),
        d=[0, 1],
        u=lambda x, d: int(x == d),
    )
    for policy in ({"d": lambda w, z: w}, {"d": lambda w, z: {w: 0.75, 1 - w: 0.25}}, {"d": lambda w, z: w * z}):
        for node in ("x", "z", "w"):
            effect = symbolic.response_effect(model, node, policy=policy)
            for numbers in ({p: 0.3, q: 0.6, r: 0.1}, {p: 0.9, q: 0.2, r: 0.5}):
                expected = numeric.response_effect(model.subs(numbers), node, policy=policy)
                assert value_at(effect, numbers) == pytest.approx(expected, abs=1e-12)
    assert symbolic.response_effect(model, "u", policy={"d": lambda w, z: w}) == 0


def test_two_decisions_give_the_joint_cases() -> None:
    """A test may be bought before the bet: the classic threshold in its price."""
    cid = cm.CID(
        [
            ("oil", "report"),
            ("test", "report"),
            ("test", "drill"),
            ("report", "drill"),
            ("oil", "gain"),
            ("drill", "gain"),
            ("test", "cost"),
        ],
        decisions=["test", "drill"],
        utilities=["gain", "cost"],
    )
    model = cid.parameterise(
        oil=cm.Bernoulli(0.5),
        test=["no", "yes"],
        report=lambda oil, test: "none" if test == "no" else ("wet" if oil else "dry"),
        drill=["no", "yes"],
        gain=lambda oil, drill: 0 if drill == "no" else (2 if oil else -1),
        cost=lambda test: -p if test == "yes" else 0,
    )
    cases = symbolic.optimal_policies(model)
    half = sympy.Rational(1, 2)
    assert {(case.policy["test"][()], case.condition) for case in cases} == {("yes", p <= half), ("no", p >= half)}
    assert symbolic.optimal_value(model).subs(p, sympy.Rational(1, 4)) == sympy.Rational(3, 4)


def test_insoluble_diagrams_compare_whole_policies() -> None:
    cid = cm.CID([("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], u=cm.Table([[p, 0], [0, 1]]))
    cases = symbolic.optimal_policies(model)
    found = {(case.policy["a"][()], case.policy["b"][()]): case.condition for case in cases}
    assert found == {(0, 0): p >= 1, (1, 1): p <= 1}


def test_rational_functions_and_exponentials() -> None:
    cid = cm.CID([("x", "d"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"]).without_edges(("x", "d"))
    model = cid.parameterise(x=cm.Bernoulli(1 / (1 + p)), d=[0, 1], u=lambda x, d: (x - sympy.exp(-q)) * d)
    value = symbolic.optimal_value(model)
    for numbers in ({p: 1.0, q: 0.1}, {p: 0.2, q: 2.0}):
        assert value_at(value, numbers) == pytest.approx(model.subs(numbers).solve().value, abs=1e-12)
    assert symbolic.joint(model, ["x"])[1] == 1 / (p + 1)


def test_regions_are_exact_in_one_symbol() -> None:
    space = Space((p, 1 - p))
    half = space.region([2 * p - 1])
    assert half is not None
    assert half.condition() == (p >= sympy.Rational(1, 2))
    assert half.narrowed([1 - 3 * p]) is None
    assert half.narrowed([1 - 2 * p]) is None  # a single point has no interior
    outside = space.region([(4 * p - 1) * (4 * p - 3)])
    assert outside is not None
    assert outside.condition() == sympy.Or(p <= sympy.Rational(1, 4), p >= sympy.Rational(3, 4))
    assert space.region([p**2 * (1 - p) * (p + 2)]) == space.region()
    root = space.region([2 * p**2 - 1])
    assert root is not None
    assert root.condition() == (p >= sympy.sqrt(2) / 2)
    plane = Space((p, 1 - p, q, 1 - q))
    assert plane.region([p + q - 3]) is None
    corner = plane.region([p + q - 1, p + 2 * q - 1])  # the second follows from the first
    assert corner is not None
    assert corner.condition() == (p + q - 1 >= 0)


def test_floats_are_read_as_the_fraction_that_was_meant() -> None:
    assert [exact(x) for x in (0.1, 1 - 0.8, 1 / 3, 3, np.float64(0.25))] == [
        sympy.Rational(1, 10),
        sympy.Rational(1, 5),
        sympy.Rational(1, 3),
        3,
        sympy.Rational(1, 4),
    ]
    assert float(exact(np.pi)) == np.pi
    assert exact(0.5 * p + 0.1) == p / 2 + sympy.Rational(1, 10)


def test_refusals() -> None:
    n = 7
    cid = cm.CID([("x", "d"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    symbols = sympy.symbols(f"u0:{n}")
    many = cid.parameterise(x=cm.Uniform(*range(n)), d=[0, 1], u=lambda x, d: symbols[x] * d)
    with pytest.raises(NotApplicableError, match="the optimal policy has 128 cases, more than max_rules=64"):
        symbolic.optimal_policies(many)
    few = many.subs(dict.fromkeys(symbols[:3], 1))
    assert len(symbolic.optimal_policies(few, max_rules=16)) == 16
    assert len(symbolic.optimal_policies(few, where=[symbols[6] >= 0])) == 8
    # Their sum of maxima is no problem.
    assert symbolic.optimal_value(many).subs(dict.fromkeys(symbols, 1)) == 1
    for wrong in ([p], p, 3, "p > 1"):
        with pytest.raises(NotApplicableError, match="where= takes sympy inequalities"):
            symbolic.value_of_information(many, "x", where=wrong)  # type: ignore[arg-type]
    assert len(symbolic.optimal_policies(few, where=symbols[6] >= 0)) == 8
    with pytest.raises(NotApplicableError, match="`u` is a utility, so `d` cannot observe it"):
        symbolic.value_of_information(many, "u")
    coin = cm.CID([("c", "u")], utilities=["u"]).parameterise(c=cm.Bernoulli(p), u=lambda c: c)
    with pytest.raises(NotApplicableError, match="no values of the symbols"):
        symbolic.optimal_policies(coin, where=[p >= 2, p <= 1])
    with pytest.raises(NotApplicableError, match=r"needs numbers, and this model has the symbols p"):
        numeric.expected_utility(coin)


def test_irrational_numbers_are_told_apart_exactly_or_kept() -> None:
    """A threshold at a root of two is exact, and the square of the root is two; pi's is not decided."""
    cid = cm.CID([("x", "u"), ("y", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    half = cm.Bernoulli(p / sympy.sqrt(2))
    pay = [lambda x, y: 0, lambda x, y: 2 * x - 1, lambda x, y: 2 * y - 1]
    model = cid.parameterise(x=half, y=half, d=[0, 1, 2], u=lambda x, y, d: pay[d](x, y))
    found = {case.policy["d"][()]: case.condition for case in symbolic.optimal_policies(model)}
    assert found == {0: p <= sympy.sqrt(2) / 2, 1: p >= sympy.sqrt(2) / 2}
    both = cid.parameterise(x=half, y=half, d=[0, 1], u=lambda x, y, d: d * x * y - d * p**2 / 2)
    assert len(symbolic.optimal_policies(both)) == 1
    odd = cid.parameterise(x=cm.Bernoulli(p), y=half, d=[0, 1], u=lambda x, y, d: (x * sympy.pi * p - 1) * d)
    assert value_at(symbolic.optimal_value(odd), {p: 0.5}) == pytest.approx(max(0, float(sympy.pi) / 4 - 1), abs=1e-12)


# Neither floors nor widths -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1e-6, 1e-10, 2.0**-50])
def test_a_region_may_be_thin(width: float) -> None:
    """The second action is best where p - q lies in [0, width]: a slit, and none where the bounds are the other way."""
    cid = cm.CID([("act", "pay")], decisions=["act"], utilities=["pay"])
    paid = {"first": 0, "second": p - q, "third": 2 * (p - q) - width}
    model = cid.parameterise(act=list(paid), pay=lambda act: paid[act])
    assert {case.policy["act"][()] for case in symbolic.optimal_policies(model)} == {"first", "second", "third"}
    paid["third"] = 2 * (p - q) + width
    closed = cid.parameterise(act=list(paid), pay=lambda act: paid[act])
    assert {case.policy["act"][()] for case in symbolic.optimal_policies(closed)} == {"first", "third"}


@pytest.mark.parametrize("rare", [1e-12, 1e-16, 1e-30])
def test_rare_events_are_read_as_they_are(rare: float) -> None:
    cid = cm.CID([("x", "u")], utilities=["u"])
    model = cid.parameterise(x=cm.Categorical({0: 1 - rare, 1: rare}), u=lambda x: q * x)
    assert float(symbolic.expected_utility(model).subs(q, 1)) == rare
    assert symbolic.expected_utility(model.shift(u=lambda x: q)) == q

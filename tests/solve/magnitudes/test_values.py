from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import DiagramError, NotApplicableError
from cidmesa.solve.magnitudes.magnitude import Magnitude
from cidmesa.solve.magnitudes.values import (
    introduced_total_effect,
    introduced_total_variation,
    total_effect,
    value_of_control,
    value_of_information,
)
from cidmesa.solve.policies import limited_memory
from tests.solve.brute_force import World, number_of_policies
from tests.strategies import examples, models


def gambler() -> cm.CIM:
    """The quantitative value-of-information example of pycid."""
    cid = cm.CID([("S", "X"), ("X", "D"), ("D", "U"), ("S", "U")], decisions=["D"], utilities=["U"])
    return cid.parameterise(S=cm.Uniform(-1, 1), X=cm.Noisy(lambda S: S, 0.2), D=[-1, 0, 1], U=lambda S, D: S * D)


def biased(actions: list[float]) -> cm.CIM:
    """The introduced-bias example of pycid; `actions` are the predictions it may make."""
    cid = cm.CID(
        [("A", "X"), ("Z", "X"), ("Z", "Y"), ("X", "D"), ("X", "Y"), ("D", "U"), ("Y", "U")],
        decisions=["D"],
        utilities=["U"],
    )
    return cid.parameterise(
        A=cm.Bernoulli(0.5),
        Z=cm.Bernoulli(0.5),
        X=lambda A, Z: A * Z,
        D=actions,
        Y=lambda X, Z: X + Z,
        U=lambda D, Y: -((D - Y) ** 2),
    )


def best_value(model: cm.CIM) -> float:
    assume(number_of_policies(model) <= 300)
    return World(model).best(model.cid.decisions)[0]


def test_published_values_of_information() -> None:
    model = gambler()
    assert value_of_information(model, "X") == pytest.approx(0.6, abs=1e-12)
    assert value_of_information(model, "S") == pytest.approx(0.4, abs=1e-12)
    assert value_of_information(model.observing("D", []), "S") == pytest.approx(1.0, abs=1e-12)
    # To choose the state is worth what to know it is worth.
    assert value_of_control(model, "S") == pytest.approx(0.4, abs=1e-12)


def test_published_introduced_bias() -> None:
    model = biased([0, 1 / 3, 1, 2])
    uniform = {"D": np.full((2, 4), 0.25)}
    assert introduced_total_effect(model, "A", "Y", policy=uniform) == pytest.approx(-0.5, abs=1e-12)
    assert introduced_total_effect(model, "A", "Y") == pytest.approx(1 / 3, abs=1e-12)
    assert introduced_total_effect(model, "A", "Y", policy=model.solve()) == pytest.approx(1 / 3, abs=1e-12)
    assert total_effect(model, "A", "Y") == pytest.approx(0.5, abs=1e-12)
    # A is exogenous, so groups differ exactly as interventions do.
    assert introduced_total_variation(model, "A", "Y") == pytest.approx(1 / 3, abs=1e-12)
    # With the two predictions of the original diagram the bias is what the label has.
    assert introduced_total_effect(biased([0, 1]), "A", "Y") == pytest.approx(0, abs=1e-12)


@settings(max_examples=examples(quick=60, full=300))
@given(st.data())
def test_information_and_control_by_brute_force(data: st.DataObject) -> None:
    model = data.draw(models(max_card=3, max_chance=3, decisions=(1, 2), max_parents=2))
    cid = model.cid
    value = best_value(model)
    scale = sum(abs(model.cpd(u)).max() for u in cid.utilities)
    node = data.draw(st.sampled_from(cid.chance))
    shape = [model.card(p) for p in cid.parents(node)]
    count = model.card(node) ** int(np.prod(shape, dtype=int))
    if count * number_of_policies(model) <= 2000:
        tables = [
            np.eye(model.card(node))[np.reshape(v, shape)]
            for v in product(range(model.card(node)), repeat=int(np.prod(shape, dtype=int)))
        ]
        chosen = max(best_value(model.shift({node: cm.Table(table)})) for table in tables)
        control = value_of_control(model, node)
        assert control.exact
        assert control == pytest.approx(chosen - value, abs=1e-9 * max(1, scale))
        assert (control == 0) == (chosen - value <= 1e-9 * max(1, scale))
    decision = data.draw(st.sampled_from(cid.decisions))
    seeable = [n for n in cid.nodes if cid.kind(n) != "utility" and n not in cid.descendants(decision, strict=False)]
    if seeable:
        seen = data.draw(st.sampled_from(seeable))
        others = [p for p in cid.parents(decision) if p != seen]
        expected = best_value(model.observing(decision, [*others, seen])) - best_value(
            model.observing(decision, others)
        )
        information = value_of_information(model, seen, decision)
        assert information.exact
        assert information == pytest.approx(expected, abs=1e-9 * max(1, scale))
        assert information >= 0


@settings(max_examples=examples(quick=60, full=500))
@given(st.data())
def test_introduced_effects_are_least_over_optimal_policies(data: st.DataObject) -> None:
    cid = cm.CID(
        [("A", "X"), ("Z", "X"), ("Z", "Y"), ("A", "Y"), ("X", "D"), ("D", "U"), ("Y", "U")],
        decisions=["D"],
        utilities=["U"],
    )
    model = data.draw(models(cid, max_card=3))
    assume(model.cpd("A").min() > 0)
    best = World(model).best(["D"])[1]
    for function, how in ((introduced_total_effect, "do"), (introduced_total_variation, "given")):
        low, high = model.domain("A")[0], model.domain("A")[-1]

        def mean(name: str, value: Any, rules: Any, how: str = how) -> float:
            law = model.query([name], policy=rules, **{how: {"A": value}}).probabilities
            return float(law @ np.array(model.domain(name)))

        own = abs(mean("Y", high, None) - mean("Y", low, None))
        moves = [mean("D", high, rules) - mean("D", low, rules) for rules in best]
        mixed = 0.0 if min(moves) <= 0 <= max(moves) else min(map(abs, moves))
        assert function(model, "A", "Y") == pytest.approx(mixed - own, abs=1e-9)
        assert function(model, "A", "Y", policy=best[0]) == pytest.approx(abs(moves[0]) - own, abs=1e-9)


def test_total_effects_of_interventions_paths_and_utilities() -> None:
    cid = cm.CID([("a", "m"), ("a", "y"), ("m", "y"), ("y", "u"), ("m", "v")], utilities=["u", "v"])
    model = cid.parameterise(
        a=cm.Uniform("lo", "mid", "hi"),
        m=lambda a: {"lo": 0, "mid": 1, "hi": 2}[a],
        y=lambda a, m: m + (a == "hi"),
        u=lambda y: 10 * y,
        v=lambda m: 100 * m,
    )
    assert total_effect(model, "a", "y") == 3
    assert total_effect(model, "a", "y", "lo", "mid") == 1
    assert total_effect(model, "a", "u") == 30
    assert total_effect(model, "a", "y", cut_edges=[("a", "m")]) == pytest.approx(1 / 3 + 1 / 3 + 1 / 3)
    assert total_effect(model, "a", "u", cut_edges=[("a", "y")]) == pytest.approx(20)
    with pytest.raises(NotApplicableError, match="its values are not all numbers"):
        total_effect(model, "m", "a")


def test_control_of_a_utility_sets_it_to_its_best_number() -> None:
    model = gambler()
    assert value_of_control(model, "U") == pytest.approx(0.4)


def test_insoluble_control_is_listed_or_called_a_bound() -> None:
    """Two links in a row that do not hear each other: to control the first is to play a team game."""
    cid = cm.CID([("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(x=cm.Uniform(0, 1), d=[0, 1], u=lambda x, d: int(x == d))
    team = value_of_control(model, "x")
    assert team == 0.5
    assert team.exact
    hidden, shown = [f"s{i}" for i in range(4)], [f"t{i}" for i in range(4)]
    wide = cm.CID(
        [(s, "x") for s in hidden] + [(t, "d") for t in shown] + [(n, "u") for n in (*hidden, *shown, "x", "d")],
        decisions=["d"],
        utilities=["u"],
    )
    numbers = np.random.default_rng(0).uniform(size=(2,) * 8 + (3, 3))
    bits = {node: cm.Bernoulli(0.5) for node in (*hidden, *shown)}
    large = wide.parameterise({**bits, "x": cm.Uniform(0, 1, 2), "d": [0, 1, 2], "u": cm.Table(numbers)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limited_memory, "CAPS", (8,))
        bound = value_of_control(large, "x")
    assert bound.bound == "lower bound"
    assert "coordinate ascent" in bound.method
    assert 0 < bound < numbers.max(axis=(-2, -1)).mean()


def test_one_agent_among_several() -> None:
    cid = cm.CID(
        [("s", "d"), ("d", "u"), ("e", "u"), ("s", "u"), ("d", "v"), ("e", "v")],
        decisions={"row": ["d"], "column": ["e"]},
        utilities={"row": ["u"], "column": ["v"]},
    )
    model = cid.parameterise(
        s=cm.Uniform(0, 1), d=[0, 1], e=[0, 1], u=lambda d, e, s: int(d == s) + e, v=lambda d, e: int(d == e)
    )
    fixed = model.with_policy({"e": lambda: 1})
    assert value_of_information(fixed, "s", "d") == pytest.approx(0.5)
    assert value_of_control(fixed, "s", "d") == 0
    with pytest.raises(NotApplicableError, match="this diagram has 2: say whose"):
        value_of_control(fixed, "s")


def test_the_only_decision_says_whose_control() -> None:
    cid = cm.CID(
        [("a", "u"), ("d", "u"), ("a", "v")], decisions={"one": ["d"]}, utilities={"one": ["u"], "other": ["v"]}
    )
    model = cid.parameterise(a=cm.Bernoulli(0.25), d=[0, 1], u=lambda a, d: a * d, v=lambda a: -a)
    assert value_of_control(model, "a") == value_of_control(model, "a", "d") == 0.75
    nobody_decides = model.cid.demote("d").parameterise(
        a=cm.Bernoulli(0.25), d=cm.Uniform(0, 1), u=lambda a, d: a * d, v=lambda a: -a
    )
    with pytest.raises(NotApplicableError, match="this diagram has none"):
        value_of_control(nobody_decides, "a")
    nobody = cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(0.5), b=lambda a: a)
    with pytest.raises(NotApplicableError, match="nobody decides or is paid"):
        value_of_control(nobody, "a")


@settings(max_examples=examples(quick=25, full=500))
@given(
    numbers=st.lists(st.integers(-3, 3), min_size=8, max_size=8), rule=st.lists(st.floats(0, 1), min_size=2, max_size=2)
)
def test_control_of_anothers_decision_is_that_of_a_node_with_its_rule(numbers: list[int], rule: list[float]) -> None:
    cid = cm.CID(
        [("s", "e"), ("e", "d"), ("s", "u"), ("e", "u"), ("d", "u"), ("e", "v")],
        decisions={"mine": ["d"], "theirs": ["e"]},
        utilities={"mine": ["u"], "theirs": ["v"]},
    )
    reply = np.array([[1 - p, p] for p in rule])
    rest: dict[str, Any] = {"s": cm.Categorical({0: 0.375, 1: 0.625}), "d": [0, 1], "v": lambda e: e}
    rest["u"] = cm.Table(np.array(numbers, dtype=float).reshape(2, 2, 2))
    played = cid.parameterise({**rest, "e": [0, 1]}).with_policy({"e": reply})
    as_chance = cid.demote("e").parameterise({**rest, "e": cm.Table(reply, domain=(0, 1))})
    control = value_of_control(played, "e", "d")
    assert control == pytest.approx(value_of_control(as_chance, "e", "d"), abs=1e-9)
    chosen = np.array(numbers).reshape(2, 2, 2).max(axis=(1, 2)) @ [0.375, 0.625]  # s, e and d, all for u
    assert control <= chosen - played.expected_utility(played.solve(agent="mine"), agent="mine") + 1e-9
    with pytest.raises(NotApplicableError, match="which its agent controls already"):
        value_of_control(played, "d", "d")


def test_refusals() -> None:
    model = gambler()
    with pytest.raises(NotApplicableError, match="`U` is a utility, so `D` cannot observe it"):
        value_of_information(model, "U")
    with pytest.raises(NotApplicableError, match="`D` is `D` or descends from it"):
        value_of_information(model, "D")
    with pytest.raises(NotApplicableError, match="which its agent controls already"):
        value_of_control(model, "D")
    for cut_edges in ("SX", ["SX"], [("S",)], 3):
        with pytest.raises(DiagramError, match=r"an edge is a pair \(tail, head\); got .*cut_edges=\["):
            total_effect(model, "S", "X", cut_edges=cut_edges)  # type: ignore[arg-type]
    assert total_effect(model, "S", "X", cut_edges=("S", "X")) == 0
    with pytest.raises(NotApplicableError, match="must not depend on the decision"):
        introduced_total_effect(model, "S", "D")


def test_a_magnitude_is_a_float_that_knows_its_worth() -> None:
    import pickle

    bound = Magnitude(0.25, "lower bound", "some search")
    again = pickle.loads(pickle.dumps(bound))
    assert (again, again.bound, again.method) == (0.25, "lower bound", "some search")
    assert repr(bound) == "Magnitude(0.25, 'lower bound', method='some search')"
    assert str(bound) == "0.25 (lower bound)"
    assert str(Magnitude(0.5)) == "0.5"
    assert not bound.exact
    assert bound + Magnitude(0.5) == 0.75


def test_an_effect_on_one_utility_asks_nothing_of_the_others() -> None:
    cid = cm.CID(
        [("a", "u"), ("a", "v"), ("d", "v")], decisions={"one": ["d"]}, utilities={"one": ["v"], "other": ["u"]}
    )
    model = cid.parameterise(a=cm.Bernoulli(0.5), d=[0, 1], u=lambda a: 3 * a, v=lambda a, d: a * d)
    assert total_effect(model, "a", "u") == total_effect(model, "a", "u", 0, 1) == 3.0
    with pytest.raises(NotApplicableError, match="depends on what `d` does"):
        total_effect(model, "a", "v")
    assert total_effect(model, "a", "v", policy={"d": lambda: 1}, cut_edges=("a", "v")) == 0.0


def test_none_is_a_value_like_any_other() -> None:
    cid = cm.CID([("a", "y")])
    model = cid.parameterise(a=cm.Uniform(1, None, 2), y=lambda a: 10 if a is None else a)
    assert total_effect(model, "a", "y") == 1.0
    assert total_effect(model, "a", "y", None) == -8.0
    assert total_effect(model, "a", "y", treatment=None) == 9.0


@settings(max_examples=examples(quick=25, full=800))
@given(st.data())
def test_information_of_a_set_is_that_of_all_its_links(data: st.DataObject) -> None:
    model = data.draw(models(max_chance=3, decisions=1, max_card=2, max_parents=2))
    cid = model.cid
    [d] = cid.decisions
    free = [n for n in cid.chance if n not in cid.descendants(d)]
    assume(free)
    nodes = data.draw(st.sets(st.sampled_from(free), min_size=1, max_size=2))
    others = [p for p in cid.parents(d) if p not in nodes]
    assume(len(others) + len(nodes) <= 3)
    best = [World(model.observing(d, seen)).best([d])[0] for seen in ([*others, *sorted(nodes)], others)]
    assert value_of_information(model, sorted(nodes)) == pytest.approx(best[0] - best[1], abs=1e-12)


def test_information_of_a_set_is_asked_for_by_a_list() -> None:
    cid = cm.CID([("a", "win"), ("b", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    bit = cm.Bernoulli(0.5)
    key = cid.parameterise(a=bit, b=bit, go=[0, 1], win=lambda a, b, go: int(go == (a != b)))
    assert value_of_information(key, ["a", "b"]) == 0.5
    assert value_of_information(key, ["a"]) == value_of_information(key, "a") == 0
    for wrong, text in (([], "got none"), (["a", "win"], "`win` is a utility"), (3, "is a list of names")):
        with pytest.raises(NotApplicableError, match=text):
            value_of_information(key, wrong)  # type: ignore[arg-type]


def test_effects_go_from_the_least_number_to_the_largest() -> None:
    """Values come up in the order 1, 0 here: what is written first is no order of numbers."""
    cid = cm.CID([("B", "A"), ("A", "T")])
    model = cid.parameterise(
        B=cm.Bernoulli(0.5), A=lambda B: {1: 0.9, 0: 0.1}, T=lambda A: {1: 0.3 + 0.4 * A, 0: 0.7 - 0.4 * A}
    )
    assert model.domain("A") == (1, 0)
    assert total_effect(model, "A", "T") == pytest.approx(0.4)
    assert total_effect(model, "A", "T", 1, 0) == pytest.approx(-0.4)
    words = cid.parameterise(B=cm.Bernoulli(0.5), A=lambda B: {"yes": 0.9, "no": 0.1}, T=lambda A: int(A == "no"))
    assert total_effect(words, "A", "T") == pytest.approx(1)

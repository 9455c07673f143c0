"""Models: values that change into new ones, policies as users write them, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.errors import DiagramError, MechanismError, NotApplicableError, UnknownNodeError
from tests.strategies import examples, models


def corridor() -> cm.CIM:
    cid = cm.CID(
        [("door", "red"), ("door", "go"), ("red", "go"), ("door", "win"), ("go", "win")],
        nodes=["weather"],
        decisions=["go"],
        utilities=["win"],
    )
    return cid.parameterise(
        weather=cm.Uniform("sun", "rain"),
        door=cm.Uniform("left", "right"),
        red=cm.Noisy(lambda door: door, 0.1),
        go=["left", "right"],
        win=lambda door, go: int(door == go),
    )


# Values --------------------------------------------------------------------------------------------------------------


def test_a_model_never_changes() -> None:
    model = corridor()
    before = model.cpd("red").copy()
    shifted = model.shift(red=cm.Uniform("left", "right"))
    assert shifted.cpd("red").tolist() == [[0.5, 0.5], [0.5, 0.5]]
    np.testing.assert_array_equal(model.cpd("red"), before)
    assert shifted.cpd("door") is model.cpd("door")  # what is left alone is shared
    with pytest.raises(AttributeError, match="a CIM does not change"):
        model.cid = None  # type: ignore[misc, assignment]
    with pytest.raises(ValueError, match="read-only"):
        model.cpd("red")[0, 0] = 1
    with pytest.raises(TypeError):
        model.mechanisms["red"] = None  # type: ignore[index]


def test_a_shift_keeps_the_domain_and_its_order() -> None:
    model = corridor().shift(door=cm.Categorical({"right": 0.75, "left": 0.25}))
    assert model.domain("door") == ("left", "right")
    assert model.cpd("door").tolist() == [0.25, 0.75]
    assert model.shift(red=lambda door: "left").domain("red") == ("left", "right")


def test_rules_are_fixed_and_opened_again() -> None:
    model = corridor()
    fixed = model.with_policy({"go": lambda door, red: door})
    assert fixed.rules["go"].shape == (2, 2, 2)
    assert fixed.cpd("go")[0, 1].tolist() == [1, 0]
    assert fixed.expected_utility() == 1
    assert fixed.without_rules() == model == fixed.without_rules(["go"])
    assert model.rules == {}


@pytest.mark.parametrize(
    "rule",
    [
        lambda door, red: red,
        lambda red, door: {red: 1.0},
        {("left", "left"): "left", ("left", "right"): "right", ("right", "left"): "left", ("right", "right"): "right"},
        cm.Rows({("left", "right"): "right", ("right", "right"): "right"}, default="left"),
        np.array([[[1, 0], [0, 1]], [[1, 0], [0, 1]]]),
        [[[1, 0], [0, 1]], [[1, 0], [0, 1]]],
        cm.Table([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], parents=["red", "door"]),
    ],
)
def test_one_policy_in_many_spellings(rule: Any) -> None:
    [table] = corridor().read_policy({"go": rule}).values()
    np.testing.assert_array_equal(table, [[[1, 0], [0, 1]], [[1, 0], [0, 1]]])


def test_a_decision_may_be_given_other_observations() -> None:
    model = corridor().with_policy({"go": lambda door, red: door})
    blind = model.observing("go", [])
    assert blind.cid.parents("go") == ()
    assert blind.rules == {}
    assert blind.solve().value == 0.5
    assert model.observing("go", ["red", "door"]).cid.parents("go") == ("red", "door")
    with pytest.raises(DiagramError, match="no cycle"):
        model.cid.with_edges(("go", "sign")).parameterise(
            {**model.mechanisms, "sign": cm.Function(lambda go: go)}
        ).observing("go", ["sign"])
    with pytest.raises(DiagramError, match="no cycle"):
        model.observing("go", ["win"])
    with pytest.raises(UnknownNodeError, match="did you mean `red`"):
        model.observing("go", ["redd"])


def test_a_mechanism_may_be_put_into_an_agents_hands() -> None:
    both = corridor().controlling("red")
    assert both.cid.decisions == ("go", "red")
    assert both.domain("red") == ("left", "right")
    assert both.solve().value == 1
    with pytest.raises(NotApplicableError, match="`go` is a decision; only a chance node's mechanism is chosen"):
        corridor().controlling("go")


def test_new_edges_come_with_new_mechanisms() -> None:
    model = corridor()
    wired = model.with_edges([("weather", "red")], red=lambda door, weather: door if weather == "sun" else "left")
    assert wired.cid.parents("red") == ("door", "weather")
    assert wired.cpd("red")[1].tolist() == [[0, 1], [1, 0]]
    with pytest.raises(MechanismError, match=r"gives `red` a new parent, so `red` needs a new mechanism: red=lambda"):
        model.with_edges([("weather", "red")])
    with pytest.raises(UnknownNodeError, match="`wind` is not a node"):
        model.with_edges([("wind", "red")], red=lambda door, wind: door)


@settings(max_examples=examples(quick=50, full=800))
@given(models(max_card=3, decisions=(0, 2)))
def test_equality_hash_and_pickle(model: cm.CIM) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert hash(again) == hash(model)
    flipped = cm.CID(
        model.cid.edges[::-1],
        nodes=model.cid.nodes,
        decisions=model.cid.decisions,
        utilities=model.cid.utilities,
    )
    tables: dict[str, Any] = {
        node: cm.Table(model.cpd(node), parents=model.cid.parents(node))
        for node in (*model.cid.chance, *model.cid.utilities)
    }
    assert flipped.parameterise({**tables, **{d: list(model.domain(d)) for d in model.cid.decisions}}) == model
    for node in model.cid.chance:
        law = np.roll(model.cpd(node), 1, axis=-1)
        if not np.array_equal(law, model.cpd(node)):
            assert model.shift({node: cm.Table(law)}) != model


def test_contexts_are_in_the_order_of_the_table() -> None:
    model = corridor()
    assert model.contexts("go") == (("left", "left"), ("left", "right"), ("right", "left"), ("right", "right"))
    assert model.contexts("door") == ((),)


# What is refused -----------------------------------------------------------------------------------------------------


def test_every_missing_mechanism_is_named() -> None:
    cid = corridor().cid
    with pytest.raises(MechanismError, match=r"`red`, `go`, `win` have none: red=Uniform\('a', 'b'\)"):
        cid.parameterise(weather=cm.Bernoulli(0.5), door=cm.Bernoulli(0.5))
    with pytest.raises(MechanismError, match=r"`go` has none: go=\['left', 'right'\]"):
        cid.parameterise({n: m for n, m in corridor().mechanisms.items() if n != "go"})
    with pytest.raises(UnknownNodeError, match=r"`weathr` is not a node of this diagram \(did you mean `weather`\?\)"):
        cid.parameterise({**corridor().mechanisms, "weathr": cm.Bernoulli(0.5)})


@pytest.mark.parametrize(
    ("policy", "error", "text"),
    [
        ({"go": lambda door, red: "up"}, MechanismError, "the value 'up' at door='left', red='left' is not in"),
        ({"go": lambda door: door}, MechanismError, "this one lacks `red`"),
        ({"go": {("left", "left"): "left"}}, MechanismError, "no row for door='left', red='right'"),
        ({"go": {("left", "up"): "left"}}, MechanismError, "'up' is not in the domain of `red`"),
        (
            {"go": {"left": "left", "right": "right"}},
            MechanismError,
            r"contexts as tuples, {\('left',\): action}",
        ),
        ({"go": [[0.5, 0.6]]}, MechanismError, "its table has 2 axes, and 2 parents ask for 3"),
        ({"go": np.full((2, 2, 2), 0.4)}, MechanismError, "sum to 0.8, not to 1"),
        ({"go": np.full((2, 2, 3), 1 / 3)}, MechanismError, "the axis of the node itself has 3 entries for 2 values"),
        ({"go": cm.Choice(["left"])}, MechanismError, "is a rule, not a domain"),
        ({"go": None}, MechanismError, "got None of type NoneType"),
        ({"door": [0.5, 0.5]}, NotApplicableError, "`door` is a chance node, not a decision; the decisions here: `go`"),
        ({"goo": lambda: "left"}, UnknownNodeError, "did you mean `go`"),
        ([0, 1], MechanismError, r"a policy is a mapping from decision to rule, {.go.: ..}; got \[0, 1\]"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(policy: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        corridor().with_policy(policy)
    with pytest.raises(error, match=text):
        corridor().expected_utility(policy)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"red": cm.Uniform("left", "up")}, MechanismError, "the value 'up' is not in the domain"),
        ({"red": lambda door: "up"}, MechanismError, "the value 'up' at door='left' is not in the domain"),
        ({"red": [[1, 0, 0], [0, 1, 0]]}, MechanismError, "the axis of the node itself has 3 entries for 2 values"),
        ({"go": ["left"]}, NotApplicableError, "`go` is a decision, not a mechanism of the world: fix its rule with"),
        ({"rad": cm.Uniform(0, 1)}, UnknownNodeError, "did you mean `red`"),
    ],
)
def test_a_shift_that_does_not_fit_is_refused(change: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        corridor().shift(change)


def test_questions_a_node_cannot_answer() -> None:
    model = corridor()
    with pytest.raises(NotApplicableError, match=r"`win` is a utility, a number for each context of its parents"):
        model.domain("win")
    with pytest.raises(NotApplicableError, match="`go` is a decision without a rule: fix one with"):
        model.cpd("go")
    with pytest.raises(NotApplicableError, match="`go` is a decision; only chance nodes have a structural function"):
        model.response("go")
    with pytest.raises(NotApplicableError, match=r"counterfactuals are not defined: write Function\(f, noise=..\)"):
        model.shift(red=[[0.5, 0.5], [1, 0]]).response("red")
    with pytest.raises(UnknownNodeError, match="`windy` is not a node"):
        model.cpd("windy")


# Symbols -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        lambda m: m.solve(),
        lambda m: m.query(["red"]),
        lambda m: m.expected_utility({"go": lambda door, red: door}),
        lambda m: m.explain("win"),
        lambda m: cm.value_of_information(m, "weather"),
        lambda m: cm.value_of_control(m, "red"),
        lambda m: cm.response_effect(m, "door"),
        lambda m: cm.instrumental_control_effect(m, "win"),
        lambda m: cm.total_effect(m, "door", "win", policy={"go": lambda door, red: door}),
    ],
)
def test_numeric_questions_refuse_symbols_by_name(question: Callable[[cm.CIM], object]) -> None:
    delta = sympy.Symbol("delta")
    model = corridor().shift(red=cm.Noisy(lambda door: door, delta))
    assert model.is_symbolic
    with pytest.raises(NotApplicableError, match=r"needs numbers, and this model has the symbols delta"):
        question(model)
    assert question(model.subs({delta: 0.1})) is not None
    assert not model.subs({"delta": 0.1}).is_symbolic


def test_substitution_is_checked_like_everything_else() -> None:
    delta = sympy.Symbol("delta")
    model = corridor().shift(red=cm.Noisy(lambda door: door, delta))
    assert model.subs({delta: 0.1}).cpd("red").tolist() == [[0.9, 0.1], [0.1, 0.9]]
    assert model.subs({delta: 0.1}).is_structural
    with pytest.raises(UnknownNodeError, match=r"`delt` is not a symbol of this model \(did you mean `delta`\?\)"):
        model.subs({"delt": 0.1})
    with pytest.raises(MechanismError, match=r"-0\.5 at its only context is not a probability"):
        model.subs({delta: 1.5})


def test_symbols_of_noise_that_moves_nothing_are_symbols_of_the_model() -> None:
    """Whatever the noise is, x is 0: its symbol is in no table, yet in counterfactuals."""
    s = sympy.Symbol("s")
    model = cm.CID([("a", "x")]).parameterise(
        a=cm.Bernoulli(0.5), x=cm.Structural([s, 1 - s], np.zeros((2, 2), dtype=int), (0, 1))
    )
    assert model.symbols == {s}
    assert not model.subs({s: 0.25}).is_symbolic

"""Mechanisms: what each spelling means, and what is refused, in words."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import CidmesaError, MechanismError, NotApplicableError
from tests.strategies import examples, models

P, Q = sympy.symbols("p q")

EDGES = [("door", "go"), ("door", "win"), ("go", "win")]
CID = cm.CID(EDGES, decisions=["go"], utilities=["win"])
GOOD: dict[str, Any] = {
    "door": cm.Uniform("left", "right"),
    "go": ["left", "right"],
    "win": lambda door, go: door == go,
}


def pair(b: Any, a: Any = None) -> cm.CIM:
    """A model of a -> b."""
    return cm.CID([("a", "b")]).parameterise(a=cm.Uniform(0, 1) if a is None else a, b=b)


# What the spellings mean ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        lambda a: {0: 0.75, 1: 0.25} if a == 0 else {0: 0.25, 1: 0.75},
        cm.Function(lambda a: {a: 0.75, 1 - a: 0.25}, domain=[0, 1]),
        cm.Noisy(lambda a: a, 0.25),
        cm.Function(lambda a, noise: a ^ noise, noise=cm.Bernoulli(0.25)),
        cm.Rows({(0,): {0: 0.75, 1: 0.25}, (1,): {0: 0.25, 1: 0.75}}),
        cm.Rows({(0,): {0: 0.75, 1: 0.25}}, default={0: 0.25, 1: 0.75}),
        cm.Table([[0.75, 0.25], [0.25, 0.75]]),
        [[0.75, 0.25], [0.25, 0.75]],
        np.array([[0.75, 0.25], [0.25, 0.75]]),
        cm.Structural([0.75, 0.25], [[0, 1], [1, 0]], [0, 1]),
        {(0,): {0: 0.75, 1: 0.25}, (1,): {0: 0.25, 1: 0.75}},
    ],
)
def test_one_table_in_many_spellings(spelling: Any) -> None:
    model = pair(spelling)
    assert model.domain("b") == (0, 1)
    np.testing.assert_allclose(model.cpd("b"), [[0.75, 0.25], [0.25, 0.75]], atol=1e-15)
    assert not model.cpd("b").flags.writeable


def test_a_tabular_cpd_is_matched_by_state_names() -> None:
    """Read by its attributes, so a look-alike will do; pgmpy's own is tried where conversions are tested."""
    cpd = SimpleNamespace(
        variables=["b", "a"],
        state_names={"b": ["no", "yes"], "a": ["right", "left"]},
        values=np.array([[0.1, 0.7], [0.9, 0.3]]),
    )
    model = pair(cpd, a=cm.Uniform("left", "right"))
    assert model.domain("b") == ("no", "yes")
    np.testing.assert_allclose(model.cpd("b"), [[0.7, 0.3], [0.1, 0.9]])
    with pytest.raises(MechanismError, match=r"states of `a` are \['right', 'left'\], and its domain is \(0, 1\)"):
        pair(cpd)


def test_axes_of_a_table_may_be_named() -> None:
    cid = cm.CID([("a", "c"), ("b", "c")])
    table = np.arange(6).reshape(3, 2) / 10
    law = np.stack([table, 1 - table], axis=-1)
    model = cid.parameterise(
        a=cm.Bernoulli(0.5), b=cm.Uniform(0, 1, 2), c=cm.Table(law, domain=["x", "y"], parents=["b", "a"])
    )
    np.testing.assert_array_equal(model.cpd("c"), law.transpose(1, 0, 2))
    assert model.domain("c") == ("x", "y")


def test_domains_hold_any_hashable_values_of_mixed_type() -> None:
    values = ("left", 3, None, (1, "x"), frozenset({2}), 2.5)
    model = pair(lambda a: (a, "seen"), a=cm.Uniform(*values))
    assert model.domain("a") == values
    assert model.domain("b") == tuple((v, "seen") for v in values)
    assert model.query(["a"], given={"b": (None, "seen")})[None] == 1


def test_outputs_are_the_domain_in_order_of_first_appearance_and_numpy_scalars_are_plain() -> None:
    model = pair(lambda a: np.int64(5 - a))
    assert model.domain("b") == (5, 4)
    assert all(type(value) is int for value in model.domain("b"))


def test_parameters_with_defaults_are_no_parents() -> None:
    def b(a: int, scale: int = 3) -> int:
        return a * scale

    assert pair(b).domain("b") == (0, 3)


def test_a_function_is_called_once_per_context() -> None:
    names = [f"x{i}" for i in range(10)]
    calls = []

    def parity(**bits: int) -> int:
        calls.append(bits)
        return sum(bits.values()) % 2

    cid = cm.CID([(n, "y") for n in names] + [("y", "u")], utilities=["u"])
    model = cid.parameterise({**{n: cm.Bernoulli(0.5) for n in names}, "y": parity, "u": lambda y: y})
    model.query(["y"])
    model.expected_utility()
    model.shift(x0=cm.Bernoulli(0.9)).query(["y"])
    assert len(calls) == 2**10 + 256  # the first ones again, to see whether it is a function


def test_noise_makes_a_mechanism_structural_and_a_stochastic_table_is_not() -> None:
    assert pair(cm.Noisy(lambda a: a, 0.25)).is_structural
    assert pair(lambda a: a).is_structural
    assert pair([[1, 0], [0, 1]]).is_structural
    assert not pair([[0.5, 0.5], [0, 1]]).is_structural
    response = pair(cm.Function(lambda a, noise: int(a or noise), noise=cm.Bernoulli(0.25))).response("b")
    assert response.noise.tolist() == [0.75, 0.25]
    assert response.outcome.tolist() == [[0, 1], [1, 1]]


@settings(max_examples=examples(quick=50, full=1000))
@given(models(structural=True, max_card=3))
def test_the_response_and_the_table_say_the_same(model: cm.CIM) -> None:
    for node in model.cid.chance:
        response = model.response(node)
        table = np.eye(model.card(node))[response.outcome]
        np.testing.assert_allclose(np.einsum("...mv,m->...v", table, response.noise), model.cpd(node), atol=1e-12)


def test_mechanisms_are_values() -> None:
    assert cm.Uniform(0, 1) == cm.Uniform(0, 1)
    assert cm.Table([[1, 0]]) == cm.Table(np.array([[1.0, 0.0]]))
    assert cm.Table([1, 0]) != cm.Table([0, 1])
    assert len({cm.Bernoulli(0.5), cm.Bernoulli(0.5), cm.Bernoulli(0.25)}) == 2
    assert pickle.loads(pickle.dumps(cm.Categorical({"a": 0.5, "b": 0.5}))) == cm.Categorical({"a": 0.5, "b": 0.5})


def test_sympys_numbers_are_numbers_and_its_symbols_are_symbols() -> None:
    third = sympy.Rational(1, 3)
    model = pair([[third, 1 - third], [0, 1]])
    assert not model.is_symbolic
    assert model.cpd("b").dtype == np.float64
    symbolic = pair([[P, 1 - P], [0, 1]])
    assert symbolic.symbols == {P}
    assert symbolic.subs({"p": 0.25}).cpd("b").tolist() == [[0.25, 0.75], [0, 1]]
    assert symbolic.subs({P: Q}).symbols == {Q}
    noisy = pair(cm.Noisy(lambda a: a, Q))
    assert noisy.is_structural
    assert noisy.subs({Q: 0.5}).response("b").noise.tolist() == [0.5, 0.5]


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "text"),
    [
        # probabilities
        ({"door": [0.5, 0.6]}, r"`door`: its probabilities at its only context sum to 1.1, not to 1"),
        ({"door": [0.5, 0.5 + 2e-9]}, r"sum to 1.00000000\d+, not to 1 \(within 1e-09\)"),
        ({"door": cm.Categorical({"left": 0.5, "right": 0.6})}, "sum to 1.1, not to 1"),
        ({"door": [1.5, -0.5]}, "-0.5 at its only context is not a probability"),
        ({"door": [math.nan, 1]}, "nan at its only context is not a probability"),
        ({"door": [math.inf, 1]}, "inf at its only context is not a probability"),
        ({"door": [P, P]}, r"its probabilities at its only context sum to 2\*p, not to 1"),
        ({"door": [sympy.Rational(3, 2), -sympy.Rational(1, 2)]}, "3/2 at its only context is not a probability"),
        ({"door": cm.Categorical({"left": "half", "right": 0.5})}, "the probability of 'left' is a number; got 'half'"),
        ({"door": cm.Structural([0.5, 0.4], [0, 1], ["left", "right"])}, "sum to 0.9, not to 1"),
        # utilities
        ({"win": lambda door, go: math.nan}, "nan at door='left', go='left' is not a finite real number"),
        ({"win": [[1, 2], [3, math.inf]]}, "inf at door='right', go='right' is not a finite real number"),
        ({"win": lambda door, go: sympy.oo}, "oo at door='left', go='left' is not a finite real number"),
        ({"win": lambda door, go: P * sympy.I}, "is not a finite real number"),
        ({"win": lambda door, go: "much"}, "a utility is a number; got 'much' at door='left', go='left'"),
        ({"win": lambda door, go: None}, "a utility is a number; got None"),
        ({"win": lambda door, go: 1j}, "a utility is a number; got 1j"),
        ({"win": cm.Bernoulli(0.5)}, "a utility is a number for every parent context"),
        ({"win": cm.Noisy(lambda door, go: 1, 0.1)}, "put the noise in a chance node above it"),
        # shapes
        ({"win": [1, 2]}, "its table has 1 axes, and 2 parents ask for 2: one for each parent"),
        (
            {"win": [[1, 2], [3, 4], [5, 6]]},
            r"shape \(3, 2\), expected \(2, 2\): the axis of `door` has 3 entries",
        ),
        ({"door": [[0.5, 0.5]]}, "2 axes, and 0 parents ask for 1: one for each parent, then the node's own"),
        (
            {"door": cm.Table([0.5, 0.5], domain=["l", "m", "r"])},
            "the axis of the node itself has 2 entries",
        ),
        ({"win": cm.Table([[1, 2], [3, 4]], parents=["door", "wind"])}, r"axes are for \('door', 'wind'\)"),
        # functions
        ({"win": lambda doors, go: 1}, r"takes `doors` \(did you mean `door`\?\), not a parent and lacks `door`"),
        ({"win": lambda door: 1}, "and this one lacks `go`: lambda door, go: ..."),
        ({"win": lambda door, go: 1 / 0}, "failed at door='left', go='left': ZeroDivisionError: division by zero"),
        ({"door": lambda: ["left"]}, r"its values are hashable, .*; its function returned \['left'\] of type list"),
        ({"win": cm.Rows({("left", "left"): 1})}, "no row for door='left', go='right': add it, or a default="),
        ({"win": cm.Rows({("left", "up"): 1}, default=0)}, "'up' is not in the domain of `go`"),
        ({"win": cm.Rows({("left",): 1}, default=0)}, r"the context \('left',\) has 1 values, and the parents are"),
        ({"door": cm.Noisy(lambda: "left", 0.1)}, "Noisy needs a second value to move to: state the domain"),
        ({"door": cm.Noisy(lambda: {"left": 0.5, "right": 0.5}, 0.1)}, "Noisy takes a function that returns a value"),
        ({"door": cm.Function(lambda noise: {noise: 1}, noise=cm.Bernoulli(0.5))}, "the noise is the chance in it"),
        (
            {"door": cm.Function(lambda: "up", domain=["left", "right"])},
            "the value 'up' at its only context is not",
        ),
        # decisions
        (
            {"go": cm.Uniform("left", "right")},
            r"`go` is a decision: state its domain as a list, go=\['left'",
        ),
        ({"go": lambda door: door}, "`go` is a decision and needs a domain, a list of at least one action"),
        ({"go": "left"}, "`go` is a decision and needs a domain"),
        ({"go": []}, "a decision's domain needs at least one value; got an empty list"),
        ({"go": ["left", "left"]}, "a decision's domain lists a value twice"),
        ({"go": [["left"], ["right"]]}, "a decision's domain takes hashable values"),
        ({"door": cm.Choice(["left", "right"])}, "`door` is a chance node, not a decision: Choice is for decisions"),
        # anything else
        ({"door": object()}, "is a distribution such as Uniform"),
        ({"door": "left"}, "got 'left' of type str"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(change: dict[str, Any], text: str) -> None:
    with pytest.raises(MechanismError, match=text) as caught:
        CID.parameterise({**GOOD, **change})
    assert isinstance(caught.value, CidmesaError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (cm.Uniform, "Uniform needs at least one value"),
        (lambda: cm.Uniform(0, 0), r"Uniform lists a value twice .*: \(0, 0\)"),
        (lambda: cm.Uniform([0], [1]), r"Uniform takes hashable values; got \(\[0\], \[1\]\)"),
        (lambda: cm.Categorical({}), "Categorical takes {value: probability}"),
        (lambda: cm.Bernoulli("often"), "Bernoulli takes one probability; got 'often'"),
        (lambda: cm.Bernoulli(1.25), "Bernoulli.s p is a probability, 0 <= p <= 1; got 1.25"),
        (lambda: cm.Noisy(lambda a: a, 1.5), "Noisy's p is a probability; got 1.5"),
        (lambda: cm.Noisy("a", 0.5), "Noisy takes a callable and a probability; got 'a'"),
        (lambda: cm.Function("a"), "Function takes a callable; got 'a'"),
        (lambda: cm.Function(lambda a: a, noise=0.5), "noise= takes a distribution"),
        (lambda: cm.Function(lambda a: a, domain="ab"), "takes a list of values; got 'ab'"),
        (lambda: cm.Rows({"left": 1}), "a context being a tuple of parent values"),
        (lambda: cm.Table([[1], [1, 2]]), "form a rectangular array; got rows of different lengths"),
        (lambda: cm.Table([["a", "b"]]), "Table's values are numbers; got 'a'"),
    ],
)
def test_a_mechanism_that_can_fit_nowhere_is_refused_at_once(make: Any, text: str) -> None:
    with pytest.raises(MechanismError, match=text):
        make()


def test_a_table_too_large_is_refused_before_the_function_is_called() -> None:
    def never(**bits: int) -> int:
        raise AssertionError("called")

    names = [f"x{i}" for i in range(40)]
    cid = cm.CID([(n, "y") for n in names])
    with pytest.raises(
        MechanismError, match=r"40 parents make a dense table of 1.1e\+12 entries, more than 268,435,456"
    ):
        cid.parameterise({**{n: cm.Bernoulli(0.5) for n in names}, "y": never})


@settings(max_examples=examples(quick=60, full=1000))
@given(st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_rows_are_taken_as_they_are_or_refused_but_never_renormalised(row: list[float]) -> None:
    cid = cm.CID(nodes=["x"])
    if abs(sum(row) - 1) <= 1e-9:
        assert cid.parameterise(x=row).cpd("x").tolist() == row
    else:
        with pytest.raises(MechanismError, match="not to 1"):
            cid.parameterise(x=row)


@settings(max_examples=examples(quick=60, full=1000))
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=4))
def test_rows_are_divided_by_their_sums_where_that_is_asked(row: list[float]) -> None:
    table = cm.Table([row, row], normalise=True)
    assert table.values.sum(axis=1) == pytest.approx([1, 1], abs=1e-12)
    assert table.values[0] == pytest.approx([x / sum(row) for x in row])
    assert table.correction == pytest.approx(abs(sum(row) - 1))
    assert cm.CID([("a", "x")]).parameterise(a=[0.5, 0.5], x=table).cpd("x")[1].tolist() == table.values[1].tolist()


@pytest.mark.parametrize("values", [[[0.5, 0.5], [0, 0]], [0.5, -0.5], [0.5, float("nan")], 3.0, [1e308, 1e308]])
def test_what_cannot_be_divided_is_refused(values: Any) -> None:
    with pytest.raises(MechanismError, match="normalise=True"):
        cm.Table(values, normalise=True)


def test_utilities_are_not_divided() -> None:
    cid = cm.CID([("a", "u")], utilities=["u"])
    with pytest.raises(MechanismError, match="a utility has none: leave it out"):
        cid.parameterise(a=cm.Bernoulli(0.5), u=cm.Table([1, 3], normalise=True))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([0.333, 0.333, 0.333], r"The row is off by 0.001: if they were rounded, Table\(.., normalise=True\)"),
        ([[0.5, 0.49], [0.5, 0.5]], r"The rows are off by 0.01, 0: if they were rounded"),
        (
            [[0.5, 0.3], [0.5, 0.7]],
            "But its columns sum to 1, as in pgmpy's layout, and here the rows do: transpose it",
        ),
    ],
)
def test_the_refusal_says_what_may_be_meant(table: Any, words: str) -> None:
    cid = cm.CID([("a", "x")]) if isinstance(table[0], list) else cm.CID(nodes=["x"])
    with pytest.raises(MechanismError, match=words):
        cid.parameterise({**({"a": cm.Bernoulli(0.5)} if "a" in cid else {}), "x": cm.Table(table)})


COINS: dict[str, Callable[[], Any]] = {
    "a root": lambda: {"a": random.random, "b": lambda a: a},
    "a coin at a root": lambda: {"a": lambda: random.choice([0, 1]), "b": lambda a: a},
    "a coin below": lambda: {"a": cm.Bernoulli(0.5), "b": lambda a: random.choice([0, 1])},
    "a distribution": lambda: {"a": cm.Bernoulli(0.5), "b": lambda a: {0: (p := random.random()), 1: 1 - p}},
    "noise": lambda: {
        "a": cm.Bernoulli(0.5),
        "b": cm.Function(lambda a, noise: random.random(), noise=cm.Bernoulli(0.5)),
    },
    "noisy": lambda: {"a": cm.Bernoulli(0.5), "b": cm.Noisy(lambda a: random.choice("xyz"), 0.1)},
}


@pytest.mark.parametrize("case", COINS)
def test_what_is_no_function_is_refused(case: str) -> None:
    with pytest.raises(cm.MechanismError, match=r"it is no function: .*called again .*return \{value: probability\}"):
        cm.CID([("a", "b")]).parameterise(COINS[case]())


def test_a_random_utility_or_rule_is_refused() -> None:
    cid = cm.CID([("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    with pytest.raises(cm.MechanismError, match="`u`: it is no function"):
        cid.parameterise(a=cm.Bernoulli(0.5), d=[0, 1], u=lambda d: random.random())
    model = cid.parameterise(a=cm.Bernoulli(0.5), d=[0, 1], u=lambda d: d)
    with pytest.raises(cm.MechanismError, match="`d`: it is no function"):
        model.expected_utility({"d": lambda a: random.choice([0, 1])})


def hint_of(error: BaseException) -> str:
    """The function that an error ends with."""
    return str(error)[str(error).rindex("lambda ") :]


ODD = [("the cause", "C"), ("political-inequality",), ("class",), ("x", "lambda"), ('a"b',), ("1st",)]


@pytest.mark.parametrize("names", ODD)
def test_hints_are_python_whatever_nodes_are_called(names: tuple[str, ...]) -> None:
    cid = cm.CID([(name, "effect") for name in names])
    with pytest.raises(cm.MechanismError) as refused:
        cid.parameterise({**dict.fromkeys(names, cm.Bernoulli(0.5)), "effect": lambda wrong: 0})
    function = eval(hint_of(refused.value), {"f": lambda *values: sum(values)})  # the hint itself
    model = cid.parameterise({**dict.fromkeys(names, cm.Bernoulli(0.5)), "effect": function})
    assert 1 in model.domain("effect")
    with pytest.raises(cm.MechanismError, match="every node needs a mechanism") as refused:
        cid.parameterise({"effect": function})
    compile(f"call({str(refused.value).split('none: ')[1].rstrip('.')})", "hint", "eval")


def test_lists_of_numbers_with_decimal_commas_name_their_node() -> None:
    cid = cm.CID([("a", "b")])
    with pytest.raises(cm.MechanismError, match=r"mechanism of `b`.*rectangular"):
        cid.parameterise(a=cm.Bernoulli(0.5), b=[[0, 27, 0.73], [0, 26]])
    with pytest.raises(cm.MechanismError, match=r"mechanism of `b`.*'0,27': a decimal point, 0.27, not a comma"):
        cid.parameterise(a=cm.Bernoulli(0.5), b=[["0,27", 0.73], [0, 1]])
    with pytest.raises(cm.MechanismError) as refused:
        cid.parameterise(a=cm.Bernoulli(0.5), b=[["x" * 10_000, 0.73], [0, 1]])
    assert len(str(refused.value)) < 300


def test_tuples_are_values_of_a_root_by_their_probabilities() -> None:
    model = cm.CID([("a", "b")]).parameterise(a={(0, 1): 0.25, (1, 1): 0.75}, b={((0, 1),): (5,), ((1, 1),): (6,)})
    assert model.domain("a") == ((0, 1), (1, 1))
    assert model.cpd("a").tolist() == [0.25, 0.75]
    assert model.domain("b") == ((5,), (6,))


HUGE = 10**400


@pytest.mark.parametrize(
    ("utility", "says"),
    [
        (lambda d: HUGE * d, "an integer of about 400 digits at d=1 is too large for a float: divide all utilities"),
        ([0, HUGE], "an integer of about 400 digits at d=1 is too large"),
        ([0, -HUGE], "minus an integer of about 400 digits at d=1 is too large .* a finite penalty does"),
        ([0, -float("inf")], "-inf at d=1 is not a finite real number. For .* a finite penalty does, such as -1e12"),
        ([0, -1e308], r"-1e\+308 at d=1 is too large: sums of utilities beyond 1e\+300"),
        ([0, float("nan")], "nan at d=1 is not a finite real number"),
    ],
)
def test_utilities_beyond_floats(utility: Any, says: str) -> None:
    cid = cm.CID([("d", "u")], decisions=["d"], utilities=["u"])
    with pytest.raises(MechanismError, match=says):
        cid.parameterise(d=[0, 1], u=utility)


def test_whole_numbers_beyond_floats_are_no_bare_errors() -> None:
    cid = cm.CID([("x", "y")])
    for x in (cm.Categorical({0: HUGE, 1: 0}), [HUGE, 0], cm.Bernoulli(0.5)):
        with pytest.raises(MechanismError, match="is not a probability"):
            cid.parameterise(x=x, y=lambda x: {0: HUGE, 1: 0})
    for make in (lambda: cm.Bernoulli(HUGE), lambda: cm.Noisy(lambda x: x, HUGE)):
        with pytest.raises(MechanismError, match="got an integer of about 400 digits"):
            make()
    act = cm.CID([("d", "x"), ("x", "u")], decisions=["d"], utilities=["u"])
    model = act.parameterise(d=[0, 1], x=cm.Function(lambda d: HUGE * d, domain=[0, HUGE]), u=lambda x: int(x > 0))
    assert model.solve().value == 1.0
    with pytest.raises(NotApplicableError, match="400 digits in its domain is no finite float"):
        cm.total_effect(model, "d", "x")
    with pytest.raises(MechanismError, match="is not a probability"):
        model.expected_utility({"d": [HUGE, 0]})
    assert cm.derive_mesa_optimizers(cm.TrainingSetup(model))["x"].objective is not None

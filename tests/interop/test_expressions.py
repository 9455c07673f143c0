"""The language of files: what it computes is what Python computes, and what is not in it is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.interop import dumps, loads
from cidmesa.interop.expressions import parse, read
from tests.strategies import examples

ATOMS = st.sampled_from(["0", "1", "2", "7", ".5", "1e2", "x", "y"])


def _combine(inner: Any) -> Any:
    pair = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner)
    test = st.tuples(inner, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        pair.map(lambda p: f"{p[0]} {p[1]} {p[2]}"),
        inner.map(lambda e: f"-{e}"),
        inner.map(lambda e: f"abs({e})"),
        st.tuples(inner, inner).map(lambda p: f"max({p[0]}, {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"min({p[0]}, {p[1]})"),
        st.tuples(inner, st.integers(0, 3)).map(lambda p: f"({p[0]})**{p[1]}"),
        st.tuples(inner, test, test, inner).map(
            lambda p: f"({p[0]} if {' '.join(p[1])} and not {' '.join(p[2])} or {' '.join(p[1])} else {p[3]})"
        ),
    )


@settings(max_examples=examples(quick=300, full=10000))
@given(text=st.recursive(ATOMS, _combine, max_leaves=8), x=st.integers(-3, 3), y=st.sampled_from([-1.5, 0.25, 2.0]))
def test_expressions_compute_what_python_computes(text: Any, x: Any, y: Any) -> None:
    names = {"x": x, "y": y}
    try:
        expected = eval(text, {"__builtins__": {}, "abs": abs, "max": max, "min": min}, names)
        finite = not isinstance(expected, complex) and math.isfinite(expected)
    except (ZeroDivisionError, OverflowError):
        finite = False
    try:
        found = read(text).value(names)
    except cm.FileFormatError as error:
        assert not finite or "divides by zero" in str(error) or "too" in str(error) or "finite" in str(error)  # noqa: PT017
        return
    assert finite
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it ends too early"),
        ("1 +", "it ends too early"),
        ("(1", "a bracket is not closed"),
        ("1 2", "`2` is not expected at position 3"),
        ("a.b", "`.` is not expected at position 2"),
        ("a[0]", "is not expected"),
        ("f(1)", "`f` is none of abs"),
        ("maxx(1)", r"did you mean `max`"),
        ("exp(1, 2)", "exp takes one argument"),
        ("1 if a", "`if` needs an `else`"),
        ("lambda: 1", "is not expected"),
        ("x := 1", "is not expected"),
        ("a and", "it ends too early"),
        ("'open", "is not expected"),
        ("if", "is not expected"),
        ("1" * 400, "too many digits"),
        ("+".join("1" * 6000), "at most 10,000"),
    ],
)
def test_what_is_not_in_the_language_is_refused(text: Any, words: Any) -> None:
    with pytest.raises(cm.FileFormatError, match=words):
        read(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("c", r"`c` is neither a parent nor a symbol"),
        ("'a' + 1", "one cannot calculate with"),
        ("null + 1", "one cannot calculate with"),
        ("1 if 1 else 0", "a condition is a comparison"),
        ("'a' < 1", "`<` does not compare these values"),
        ("1 / (x - x)", "it divides by zero"),
        ("9**9**9**9", "a power in it is too high"),
        ("(0 - 1)**.5", "not a real number"),
        ("sqrt(0 - 1)", "sqrt has no finite real value"),
        ("log(0)", "log has no finite real value"),
        ("exp(1e6)", "exp has no finite real value"),
        ("1e308 * 1e308", "not finite|no finite result"),
    ],
)
def test_what_has_no_value_is_refused(text: Any, words: Any) -> None:
    with pytest.raises(cm.FileFormatError, match=words):
        read(text).value({"x": 2})


def test_symbols_stay_exact_and_conditions_need_numbers() -> None:
    sympy = pytest.importorskip("sympy")
    p = sympy.Symbol("p", positive=True)
    assert parse("1/3 + p", {"p": p}) == sympy.Rational(1, 3) + p
    assert parse("Max(p, 1) * Abs(p)", {"p": p}) == sympy.Max(p, 1) * p
    assert parse("sqrt(2)", {}) == sympy.sqrt(2)
    for text, words in [
        ("1 if p > 0 else 2", "does not compare"),
        ("p // 2", "not symbols"),
        ("p**65", "too high"),
        ("'a'", "is not a number"),
    ]:
        with pytest.raises(cm.FileFormatError, match=words):
            parse(text, {"p": p})


FILE = """
cidmesa: 1
edges: [[a, b], [a, d], [b, u], [d, u], [a, c]]
decisions: [d]
utilities: [u]
symbols: {p: {positive: true}}
mechanisms:
  a: {uniform: [1, 2, 3]}
  b: {expression: "'odd' if a % 2 == 1 else 'even'"}
  c: {domain: [lo, hi], probabilities: {lo: "a / 4", hi: 1 - a / 4}}
  d: {domain: [go, stay]}
  u: {expression: "p * a if d == 'go' and b == 'odd' else 1/3"}
"""


def test_mechanisms_in_expressions_are_the_functions_they_say() -> None:
    sympy = pytest.importorskip("sympy")
    p = sympy.Symbol("p", positive=True)
    text = FILE.replace("[d, u]", "[d, u], [a, u]")
    model = loads(text)
    cid = model.cid
    expected = cid.parameterise(
        a=cm.Uniform(1, 2, 3),
        b=lambda a: "odd" if a % 2 == 1 else "even",
        c=cm.Function(lambda a: {"lo": a / 4, "hi": 1 - a / 4}, domain=["lo", "hi"]),
        d=["go", "stay"],
        u=lambda a, b, d: p * a if d == "go" and b == "odd" else sympy.Rational(1, 3),
    )
    assert model == expected
    assert loads(dumps(model)) == model


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("a % 2", "aa % 2", 9, r"`aa` is neither a parent nor among the `symbols` \(did you mean `a`"),
        ("p * a", "q * 2", 12, "`q` is neither a parent"),
        ("1/3", "'x'", 12, "a utility is a number; got 'x'"),
        ("hi: 1 - a / 4", "hi: a / 4", 10, "sum to 0.5"),
        ("hi: 1 - a / 4", "ho: a / 4", 10, "one probability for each value"),
        ("'even'", "1 / 0", 9, "divides by zero"),
        ('"a / 4"', '"1 - a"', 10, "is not a probability"),
        ("[lo, hi], probabilities", "[lo, hi], expression: 1, probabilities", 10, "has one of"),
    ],
)
def test_what_is_wrong_in_an_expression_is_named_with_its_line(old: Any, new: Any, line: Any, words: Any) -> None:
    text = FILE.replace("[d, u]", "[d, u], [a, u]")
    assert old in text
    with pytest.raises(cm.FileFormatError, match=rf"text, line {line}, column \d+ .*{words}"):
        loads(text.replace(old, new, 1))


def test_noise_in_an_expression_makes_a_structural_mechanism() -> None:
    text = """
cidmesa: 1
edges: [[a, b]]
mechanisms:
  a: {bernoulli: 0.5}
  b: {expression: "a if noise == 'same' else 1 - a", noise: {same: 0.75, other: 0.25}}
"""
    model = loads(text)
    assert model.is_structural
    assert model.cpd("b").tolist() == [[0.75, 0.25], [0.25, 0.75]]
    with pytest.raises(cm.FileFormatError, match=r"line 6.*sum to"):
        loads(text.replace("0.25", "0.5"))

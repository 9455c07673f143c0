"""From a file's nodes to a model: rounded rows, utilities of chance nodes, sums and products, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.interop.files import from_bytes
from cidmesa.interop.formats.network import Entry, Network, Options, to_model
from tests.interop.formats import voyage
from tests.strategies import examples

ROUNDED = """
net {}
node a { states = ("x" "y" "z"); }
node b { states = ("x" "y"); }
potential (a) { data = (0.333 0.333 0.333); }
potential (b | a) { data = ((0.5 0.5) (0 0) (0.2 0.8)); }
"""


def test_rounded_rows_are_refused_with_the_size_of_the_correction_and_divided_on_request() -> None:
    with pytest.raises(
        cm.FileFormatError, match=r"`a`: 1 row does not sum to 1 \(and rows of 1 more nodes\).*normalise"
    ):
        from_bytes(ROUNDED.encode(), "x.net", Options())
    model = from_bytes(ROUNDED.encode(), "x.net", Options(normalise=True))
    assert model.cpd("a").tolist() == [1 / 3] * 3
    assert model.cpd("b").tolist() == [[0.5, 0.5], [0.5, 0.5], [0.2, 0.8]]
    assert dict(model.origin.corrections) == {"a": pytest.approx(0.001), "b": 0.0}
    notes = " ".join(model.origin.notes)
    assert "1 rows of zeros, impossible contexts, read as uniform" in notes
    assert "the largest correction, of `a`, is 0.001" in notes


def test_rows_that_sum_to_one_are_left_to_the_last_bit() -> None:
    model = from_bytes(ROUNDED.replace("0.333 0.333 0.333", "0.1 0.2 0.7").encode(), "x.net", Options(normalise=True))
    assert model.cpd("a").tolist() == [0.1, 0.2, 0.7]


BIF = """
variable s { type discrete [ 2 ] { lo, hi }; }
variable d { type discrete [ 2 ] { no, yes }; }
variable u { type discrete [ 3 ] { -1, 0, 2.5 }; }
probability ( s ) { table 0.25, 0.75; }
probability ( d | s ) { default 0.5, 0.5; }
probability ( u | s, d ) { default 0, 1, 0; (lo, yes) 1, 0, 0; (hi, yes) 0.2, 0, 0.8; }
"""


def test_utilities_of_chance_nodes_are_their_means_and_the_result_says_so() -> None:
    model = from_bytes(BIF.encode(), "x.bif", Options(("d",), {"u": None}))
    assert model.cpd("u").tolist() == [[0, -1], [0, pytest.approx(0.2 * -1 + 0.8 * 2.5)]]
    assert model.origin.notes == ("`u` was random: the utility is its mean in each context of its parents.",)
    assert model.solve().value == pytest.approx(0.75 * 1.8)
    worth = {"-1": 10.0, "0": 20.0, "2.5": 30.0}
    named = from_bytes(BIF.encode(), "x.bif", Options(("d",), {"u": worth}))
    assert named.cpd("u")[0].tolist() == [20, 10]
    for wrong, words in [({"u": {"-1": 1.0}}, "says nothing of its state `0`"), ({"s": None}, "is no number")]:
        with pytest.raises(cm.FileFormatError, match=words):
            from_bytes(BIF.encode(), "x.bif", Options(("d",), wrong))
    with pytest.raises(cm.FileFormatError, match="`s`: utilities= names it, and it has the child `d`"):
        from_bytes(BIF.encode(), "x.bif", Options((), {"s": {"lo": 0.0, "hi": 1.0}}))


def test_xmlbif_without_decisions_is_told_what_is_what(tmp_path: Path) -> None:
    network = cm.read(voyage.FILES / "voyage.bif")
    assert network.cid.decisions == ()
    path = cm.write(network, tmp_path / "voyage.xml.bifxml")
    told = {"decisions": ["insure", "sail"], "utilities": ["gain", "cover", "premium"]}
    assert cm.read(path, **told) == voyage.read(".bif")


@st.composite
def combined(draw: Any) -> Any:
    """A network with utilities over three binary nodes and a random circuit of sums and products above them."""
    network = Network("test", "test")
    for name in "abc":
        network.add(Entry(name, "decision", "test", ("0", "1")))
    base = {}
    for i in range(draw(st.integers(1, 3))):
        parents = tuple(draw(st.permutations("abc"))[: draw(st.integers(0, 3))])
        numbers = draw(st.lists(st.integers(-3, 3), min_size=2 ** len(parents), max_size=2 ** len(parents)))
        network.add(Entry(f"u{i}", "utility", "test", parents=parents, numbers=[float(x) for x in numbers]))
        base[f"u{i}"] = (parents, numbers)
    names = list(base)
    for i in range(draw(st.integers(1, 3))):
        parts = tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)))
        kind = draw(st.sampled_from(["sum", "product"]))
        weights = tuple(float(draw(st.integers(-2, 2))) for _ in parts) if kind == "sum" and draw(st.booleans()) else ()
        network.add(Entry(f"v{i}", kind, "test", parents=parts, weights=weights))
        names.append(f"v{i}")
    return network, base


@settings(max_examples=examples(quick=60, full=2000))
@given(drawn=combined())
def test_sums_and_products_are_worth_what_their_circuit_says(drawn: Any) -> None:
    network, base = drawn
    circuit = {e.name: (e.kind, e.parents, e.weights) for e in network.entries.values() if e.kind in {"sum", "product"}}
    used = {part for _, parts, _ in circuit.values() for part in parts}

    def value(name: Any, at: Any) -> Any:
        if name in base:
            parents, numbers = base[name]
            return numbers[sum(at[p] * 2 ** (len(parents) - 1 - i) for i, p in enumerate(parents))]
        kind, parts, weights = circuit[name]
        values = [value(part, at) for part in parts]
        if kind == "product":
            return int(np.prod(values))
        return sum(w * v for w, v in zip(weights or [1.0] * len(parts), values, strict=True))

    tops = [name for name in (*base, *circuit) if name not in used]
    model = to_model(network, Options())
    for a, b, c in np.ndindex(2, 2, 2):
        at = {"a": a, "b": b, "c": c}
        policy = {n: np.eye(2)[at[n]] for n in "abc"}
        total = model.expected_utility(policy) if model.cid.utilities else 0.0
        assert total == pytest.approx(sum(value(top, at) for top in tops))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("data = (0.333 0.333 0.333)", "data = (0.5 0.5)", "has 2 numbers, and its parents and states ask for 3"),
        ("data = (0.333 0.333 0.333)", "data = (0.5 0.6 -0.1)", "is not a probability"),
        ("data = (0.333 0.333 0.333)", "data = (0,27 0.3 0.4)", "has 4 numbers"),
        ('states = ("x" "y" "z")', 'states = ("x" "y" "x")', "has the state `x` twice"),
        ('states = ("x" "y" "z")', "subtype = number", "has no states"),
        ("potential (b | a)", "potential (b | c)", "`c` is not a node of this file"),
        ("potential (b | a)", "potential (b | a a)", "has a parent twice"),
        ("potential (b | a)", "potential (b a)", "several nodes together"),
        ("potential (a)", "potential (a | b)", "has 3 numbers|no cycle"),
        ("node a", "continuous node a", "continuous nodes are not read"),
        ("node a", "function a", "function nodes are not read"),
        ("net {}", "class x { inputs = (a);", "line 2, column 11: a class with inputs is a part of an object-oriented"),
        ("net {}", "class x { instance y : z ();", "object-oriented"),
        ("net {}", "class x { inputs = ();", "the class does not end"),
        ("node b", "node a", "`a`: is written twice"),
        ("data = (0.333", "model_nodes = (); model_data = (0.333", "made by an expression"),
        ("data = (0.333", "dat = (0.333", "has no table"),
        ("node a {", "node a [", "line 3, column 8"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_place(old: Any, new: Any, words: Any) -> None:
    assert old in ROUNDED
    with pytest.raises(cm.FileFormatError, match=rf"x\.net.*(?:{words})"):
        from_bytes(ROUNDED.replace(old, new).encode(), "x.net", Options())


def test_a_file_without_tables_is_a_bare_diagram() -> None:
    text = 'node a { states = ("x" "y"); } decision d { states = ("x" "y"); } utility u { } '
    text += "potential (d | a) { } potential (u | d a) { }"
    found = from_bytes(text.encode(), "x.net", Options())
    assert found == cm.CID([("a", "d"), ("d", "u"), ("a", "u")], decisions=["d"], utilities=["u"])

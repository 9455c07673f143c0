"""Files: what is written is read back equal, what is wrong is named with its line, and nothing ever runs."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.interop import dumps, loads
from tests.strategies import cids, examples, models

DOOR = cm.CID([("door", "go"), ("door", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
MODEL = DOOR.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"], pay=lambda door, go: int(door == go))

ODD = st.one_of(
    st.text(max_size=6),
    st.integers(-3, 3),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, width=32),
    st.sampled_from(
        [
            "yes",
            "no",
            "null",
            "~",
            "1e5",
            "0x10",
            "010",
            "1:30",
            "2001-01-01",
            ".5",
            "- a",
            "{",
            "#",
            "é",
            "\u2028",
            "\x07",
        ]
    ),
    st.tuples(st.integers(0, 2), st.text(max_size=2)),
)


@settings(max_examples=examples(quick=60, full=2000))
@given(cid=cids(decisions=(0, 2)))
def test_diagrams_round_trip(cid: cm.CID) -> None:
    again = loads(dumps(cid))
    assert again == cid
    assert (again.nodes, again.edges) == (cid.nodes, cid.edges)


@settings(max_examples=examples(quick=60, full=2000))
@given(model=models(decisions=(1, 2), max_card=3))
def test_models_round_trip_to_the_last_bit(model: cm.CIM) -> None:
    again = loads(dumps(model))
    assert again == model
    assert again.is_structural == model.is_structural
    for node in model.cid.chance:
        if model.is_structural:
            assert np.array_equal(again.response(node).outcome, model.response(node).outcome)


@settings(max_examples=examples(quick=60, full=2000))
@given(data=st.data(), model=models())
def test_setups_round_trip(data: st.DataObject, model: cm.CIM) -> None:
    shifted = data.draw(st.lists(st.sampled_from(model.cid.chance), unique=True))
    other = data.draw(models(model.cid))
    shifts = {node: cm.Table(other.cpd(node)) for node in shifted if other.cpd(node).shape == model.cpd(node).shape}
    setup = cm.TrainingSetup(model, deployments={"elsewhere": shifts, "same": {}}, world=model.cid.chance[:1])
    assert loads(dumps(setup)) == setup


@settings(max_examples=examples(quick=100, full=3000))
@given(domain=st.lists(ODD, min_size=1, max_size=4, unique_by=lambda v: (v,)))
def test_any_value_of_plain_data_may_be_in_a_domain(domain: Any) -> None:
    model = cm.CID([("a", "b")]).parameterise(a=cm.Uniform(*domain), b=lambda a: [a] == [a])
    again = loads(dumps(model))
    assert again == model
    assert [type(v) for v in again.domain("a")] == [type(v) for v in model.domain("a")]


@settings(max_examples=examples(quick=60, full=2000))
@given(names=st.lists(st.text(min_size=1, max_size=5), min_size=2, max_size=4, unique=True))
def test_any_text_may_be_a_name(names: Any) -> None:
    cid = cm.CID(list(pairwise(names)), utilities=names[-1:])
    assert loads(dumps(cid)) == cid


def test_everything_a_setup_may_have_round_trips(tmp_path: Path) -> None:
    base = cm.CID(
        [("cue", "d1"), ("d1", "u1"), ("d1", "theta"), ("theta", "d2"), ("d2", "u2"), ("d2", "log")],
        decisions=["d1", "d2"],
        utilities=["u1", "u2"],
        latent=[],
    )
    model = base.parameterise(
        cue=cm.Bernoulli(0.3), d1=[0, 1], d2=[0, 1], theta=cm.Noisy(lambda d1: d1, 0.1), log=lambda d2: d2,
        u1=lambda d1: d1 / 3, u2=lambda d2: 1 - d2,
    )  # fmt: skip
    inside = cm.CID([("cue", "plan"), ("plan", "d1")], nodes=["cue"])
    setup = cm.TrainingSetup(
        model,
        deployments={"wired": cm.Deployment({"log": cm.Function(lambda d2, d1: d1 * d2)}, edges=[("d1", "log")])},
        feedback=[("log", "cue"), ("theta", "cue", False)],
        shared_rules=[("d1", "d2")],
        phases=cm.Phases(train="d1", update="theta", deploy="d2"),
        learned={"d1": inside},
        world=["cue", "theta"],
        intended="log",
    )
    path = cm.write(setup, tmp_path / "all.cid.yaml")
    again = cm.read(path)
    assert again == setup
    assert again.learned == {"d1": inside}
    assert again.intended == "log"
    assert again.deployed("wired").response("theta").noise.tolist() == [0.9, 0.1]
    assert cm.read(cm.write(setup, tmp_path / "all.cid.json")) == setup


def test_bare_setups_agents_latents_and_rules_round_trip() -> None:
    bare = cm.TrainingSetup(DOOR, deployments={"a": {"door"}, "b": cm.Deployment({"pay"})})
    assert loads(dumps(bare)) == bare
    two = cm.CID([("x", "a"), ("a", "u"), ("b", "u"), ("h", "u")], decisions={"alice": ["a"], "bob": ["b"]},
                 utilities={"alice": ["u"], "bob": []}, latent=["h"])  # fmt: skip
    assert loads(dumps(two)) == two
    fixed = MODEL.with_policy({"go": lambda door: {door: 0.75, ("left" if door == "right" else "right"): 0.25}})
    assert loads(dumps(fixed)) == fixed


def test_symbols_come_back_with_what_is_assumed_of_them() -> None:
    sympy = pytest.importorskip("sympy")
    delta, r = sympy.Symbol("delta", positive=True), sympy.Symbol("r")
    model = DOOR.parameterise(
        door=cm.Bernoulli(delta), go=[0, 1], pay=cm.Table([[r**2, 1], [sympy.Rational(1, 3), sympy.log(r) - 2]])
    )
    again = loads(dumps(model))
    assert again == model
    assert again.symbols == {delta, r}


def test_a_file_by_hand_may_use_short_words() -> None:
    model = loads("""
cidmesa: 1
edges: [[door, go], [door, pay], [go, pay]]
decisions: [go]
utilities: [pay]
mechanisms:
  door: {uniform: [left, right]}
  go: {domain: [left, right]}
  pay: {parents: [go, door], table: [[1, 0], [0, 1]]}
deployments:
  mostly: {shifts: {door: {categorical: {left: 0.8, right: 0.2}}}}
""")
    assert model.model == MODEL
    assert model.deployed("mostly").cpd("door").tolist() == [0.8, 0.2]


def test_parents_in_another_order_turn_the_tables() -> None:
    text = """
cidmesa: 1
edges: [[a, c], [b, c]]
mechanisms:
  a: {bernoulli: 0.5}
  b: {uniform: [x, y, z]}
  c: {parents: [b, a], domain: [p, q], map: [[p, q], [q, q], [p, p]]}
"""
    assert loads(text).cpd("c")[..., 1].tolist() == [[0, 1, 0], [1, 1, 0]]


GOOD = dumps(cm.TrainingSetup(MODEL, deployments={"left": {"door": cm.Categorical({"left": 1.0})}}))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("- [door, go]", "- [door, go]\n- [go, door]", 3, "no cycle"),
        ("- [door, go]", "- [dor, go]", 4, "did you mean `door`"),
        ("- [door, go]", "- [door]", 4, "an edge is"),
        ("decisions: [go]", "decisions: [og]", 7, "`og` is not a node"),
        ("decisions: [go]", "decision: [go]", 7, "did you mean `decisions`"),
        ("decisions: [go]", "decisions: {0: go}", 7, "a list of names"),
        ("table: [0.5, 0.5]", "table: [0.5, 0.4]", 10, "0.9"),
        ("table: [0.5, 0.5]", "table: [0.5]", 10, "table"),
        ("table: [0.5, 0.5]", "table: [[0.5], 0.5]", 12, "nested lists"),
        ("table: [0.5, 0.5]", "tabel: [0.5, 0.5]", 12, "did you mean `table`"),
        ("table: [0.5, 0.5]", 'table: ["import os", 0.5]', 12, "not an expression"),
        ("table: [0.5, 0.5]", "table: [\"().__class__\", 0.5]", 12, "not an expression"),
        ("table: [0.5, 0.5]", "table: [true, 0.5]", 12, "a number"),
        ("cidmesa: 1", "cidmesa: 2", 1, "cidmesa: 1"),
        ("cidmesa: 1", "cidmesa: 1\ncidmesa: 1", 2, "written twice"),
        ("cidmesa: 1", "cidmesa: &x 1", 1, "anchors and aliases"),
        ("cidmesa: 1", "cidmesa: !!python/name:os.system 1", 1, "no tags"),
        ("cidmesa: 1", "cidmesa: [", 3, "not YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(old: Any, new: Any, line: Any, words: Any) -> None:
    assert old in GOOD
    with pytest.raises(cm.FileFormatError, match=rf"text, line {line}, column \d+\b.*{words}"):
        loads(GOOD.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "3", "[1]", "cidmesa: 1\nmechanisms: 3", "cidmesa: 1\nrules: {}", "[" * 5000])
def test_other_things_are_refused(text: Any) -> None:
    with pytest.raises(cm.FileFormatError):
        loads(text)


@settings(max_examples=examples(quick=150, full=5000))
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    cut = data.draw(st.integers(0, 12))
    text = GOOD[:at] + data.draw(st.text("[]{}:,-!&*'\"01ax \n", max_size=6)) + GOOD[at + cut :]
    try:
        loads(text)
    except cm.CidmesaError as error:
        assert isinstance(error, cm.FileFormatError)  # noqa: PT017


def test_values_that_plain_data_cannot_hold_are_refused() -> None:
    model = cm.CID(nodes=["a"]).parameterise(a=cm.Uniform(frozenset(), 1))
    with pytest.raises(cm.FileFormatError, match="of type frozenset"):
        dumps(model)
    with pytest.raises(cm.FileFormatError, match="got int"):
        dumps(3)
    with pytest.raises(cm.FileFormatError, match="calls an agent"):
        dumps(cm.CID(nodes=["a"], decisions={("x", 1): ["a"]}))


def test_writing_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cm.write(MODEL, tmp_path / "new" / "m.cid.yaml")
    before = path.read_text()

    def full(*_: Any) -> Never:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        cm.write(DOOR, path)
    assert path.read_text() == before
    assert os.listdir(path.parent) == ["m.cid.yaml"]


def test_only_yaml_and_json_are_written_and_only_text_is_read(tmp_path: Path) -> None:
    with pytest.raises(cm.FileFormatError, match=r"door\.cid\.yaml"):
        cm.write(DOOR, tmp_path / "door.toml")
    (tmp_path / "x.cid.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(cm.FileFormatError, match="UTF-8"):
        cm.read(tmp_path / "x.cid.yaml")
    with pytest.raises(FileNotFoundError):
        cm.read(tmp_path / "none.cid.yaml")

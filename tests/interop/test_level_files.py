"""Tables of levels and intentions in files: they come back as they were, and what is wrong is named with its place."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.gallery.study import judge
from cidmesa.gallery.system import Evidence
from cidmesa.interop import dumps, loads
from cidmesa.interop.formats.own import as_json, schema
from cidmesa.interop.plain import as_plain
from cidmesa.interop.study import Study
from tests.strategies import examples


def mazes(**options: Any) -> cm.Levels:
    return cm.levels(
        {"door": ["left", "left", "right", "right"], "size": [1, 2, 1, 2], "red": ["left", "right", "left", "right"]},
        decision={"go": ["left", "right"]},
        observed=["door", "red"],
        outcomes={"at_door": lambda go, door: int(go == door), "at_red": lambda go, red: int(go == red)},
        score={"reward": lambda at_door, size: at_door * size},
        **options,
    )


@settings(max_examples=examples(20, 200), deadline=None)
@given(st.data())
def test_levels_round_trip_with_their_table(data: st.DataObject) -> None:
    weight = st.one_of(st.integers(0, 5), st.fractions(0, 3, max_denominator=10**9), st.floats(0, 3))
    weights = data.draw(st.lists(weight, min_size=4, max_size=4).filter(lambda found: any(w > 1e-9 for w in found)))
    training = data.draw(st.none() | st.just(lambda door, red: door == red) | st.just([1, 2, 0, Fraction(1, 7)]))
    if callable(training) and not weights[0] + weights[3]:
        training = None
    model = mazes(weights=weights, training=training, root=data.draw(st.booleans()))
    setup = cm.TrainingSetup(model, {"swapped": model.select(lambda door, red: door != red)}, intended="at_door")
    for again in (loads(dumps(setup)), loads(as_json(setup))):
        assert again == setup
        assert again.intended == "at_door"
        assert again.model.table == model.table
        assert again.model.root == model.root
        assert again.deployments["swapped"].edges == setup.deployments["swapped"].edges
    assert as_plain(loads(dumps(model))) == as_plain(model)


def test_levels_and_intentions_fit_the_schema_and_are_read_from_a_path(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(schema())
    setup = cm.TrainingSetup(mazes(weights=[Fraction(1, 3 * 10**7), 1, 0.5, 2]), intended="at_red")
    written = as_plain(setup)
    check.validate(json.loads(json.dumps(written)))
    assert written["levels"]["weights"][0] == "1/30000000"
    with pytest.raises(jsonschema.ValidationError):
        check.validate({**written, "levels": {**written["levels"], "weights": [-1]}})
    assert cm.read(cm.write(setup, tmp_path / "mazes.cid.yaml")) == setup


def test_arms_may_differ_in_levels_edges_and_intentions() -> None:
    one, other = mazes(), mazes(training=lambda door, red: door == red)
    study = Study({"all": cm.TrainingSetup(one), "tied": cm.TrainingSetup(other, intended="at_door")}, title="mazes")
    assert one.cid.edges != other.cid.edges
    again = loads(dumps(study))
    assert again == study
    assert again.setups["tied"].intended == "at_door"
    assert again.setups["tied"].model.table == other.table


TEXT = """cidmesa: 1
levels:
  features: {door: [left, right, left], red: [left, right, right]}
  observed: [door, red]
  weights: [49, 49, 2]
  training: [1, 1, 0]
  root: false
edges: [[go, at_door], [door, at_door], [at_door, reward]]
decisions: [go]
utilities: [reward]
mechanisms:
  go: {domain: [left, right]}
  at_door: {expression: 1 if go == door else 0}
  reward: {expression: at_door}
intended: at_door
"""


def test_what_follows_from_the_levels_may_be_left_out() -> None:
    setup = loads(TEXT)
    assert setup.cid.nodes[:2] == ("door", "red")
    assert setup.cid.parents("go") == ("door", "red")
    assert setup.model.cpd("red").tolist() == [[1.0, 0.0], [0.0, 1.0]]
    rooted = loads(TEXT.replace("root: false", "root: true"))
    assert rooted.cid.parents("red") == ("level",)
    assert loads(dumps(rooted)) == rooted


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("features: {door: [left, right, left], red:", "features: {door: [left, right], red:", 3, "one value a level"),
        ("features: {door: [left, right, left], red:", "features: {door: left, red:", 3, "a list of values"),
        ("features: {door: [left, right, left], red:", "features: {door: [{a: 1}, 2, 3], red:", 3, "can be told apart"),
        ("features: {door:", "features: {3: [1, 2, 3], door:", 3, "called by a text"),
        ("  features: {", "  feature: {", 3, "did you mean `features`"),
        ("observed: [door, red]", "observed: [dor, red]", 4, "did you mean `door`"),
        ("observed: [door, red]", "observed: door", 4, "a list of names"),
        ("weights: [49, 49, 2]", "weights: [49, -1, 2]", 5, "finite and not negative; got -1"),
        ("weights: [49, 49, 2]", "weights: [49, 1/0, 2]", 5, "a fraction such as 1/3"),
        ("weights: [49, 49, 2]", "weights: [49, 2]", 5, "one number a level, 3; got 2"),
        ("training: [1, 1, 0]", "training: [0, 0, 0]", 6, "leaves no level"),
        ("training: [1, 1, 0]", "training: often", 6, "a list of values"),
        ("root: false", "root: maybe", 7, "true or false"),
        ("[[go, at_door]", "[[go, at_door], [reward, red]", 8, "`red` depends on follows from the `levels`"),
        ("[[go, at_door]", "[[go, at_door], [at_door, go]", 8, "`go` sees the observed features alone"),
        ("decisions: [go]", "decisions: [go, at_door]", 9, "there is one decision"),
        ("decisions: [go]", "decisions: {ann: [go]}", 9, "a list of names"),
        (
            "  go: {domain",
            "  door: {uniform: [left, right]}\n  go: {domain",
            12,
            "follows from the `levels`: leave it out",
        ),
        ("  reward: {expression: at_door}\n", "", 11, "`reward` has none"),
        ("intended: at_door", "intended: [at_door]", 15, "the name of a node"),
        ("intended: at_door", "intended: reward", 15, "intended= is a chance node"),
        ("intended: at_door", "intended: at_dor", 15, "did you mean `at_door`"),
    ],
)
def test_what_is_wrong_with_levels_is_named_with_its_place(old: str, new: str, line: int, words: str) -> None:
    assert old in TEXT
    with pytest.raises(cm.FileFormatError, match=rf"text, line {line}, column \d+[ :].*{words}"):
        loads(TEXT.replace(old, new, 1))


def test_a_chain_of_very_many_features_is_refused() -> None:
    columns = ", ".join(f"f{i}: [0, 1, 1, 0]" for i in range(200))
    text = TEXT.replace("red: [left, right, right]", f"red: [left, right, right, left], {columns}")
    text = text.replace("[left, right, left]", "[left, right, left, right]").replace("49, 2]", "49, 2, 1]")
    text = text.replace("training: [1, 1, 0]", "training: [1, 1, 0, 1]")
    with pytest.raises(cm.FileFormatError, match="root: true"):
        loads(text)
    assert len(loads(text.replace("root: false", "root: true")).cid.nodes) == 206


def test_a_claim_may_be_about_regret_by_what_is_intended() -> None:
    cid = cm.CID([("work", "done"), ("done", "register"), ("register", "pay")], decisions=["work"], utilities=["pay"])
    model = cid.parameterise(
        work=["idle", "work", "write"],
        done=lambda work: int(work == "work"),
        register=cm.Function(lambda done: done, domain=[0, 1]),
        pay=lambda register: register,
    )
    written = cm.Deployment(
        {"register": lambda done, work: max(done, int(work == "write"))}, edges=[("work", "register")]
    )
    study = Study({"training": cm.TrainingSetup(model, {"writable": written}, intended="done")}, title="office")
    evidence = Evidence({"training": cm.derive_mesa_optimizers(study.setup)})
    holds = {"targets": ["register"], "intended_regret": {"training": 0, "writable": [0, 1]}}
    assert judge(holds, study, evidence).verdict == "supported"
    assert judge({**holds, "intended_regret": {"writable": 0}}, study, evidence).verdict == "contradicted"
    assert judge({**holds, "intended_regret": {"elsewhere": 0}}, study, evidence).verdict == "inconclusive"

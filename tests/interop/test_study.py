"""Studies: a file that holds what a system of the gallery holds, and is run like one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cidmesa as cm
from cidmesa import cli
from cidmesa.gallery.study import system_of_study
from cidmesa.gallery.system import Evidence
from cidmesa.interop import dumps, loads
from cidmesa.interop.formats.own import as_json, schema
from cidmesa.interop.plain import as_plain
from cidmesa.interop.study import Study

FILE = Path(__file__).parent / "files" / "study.cid.yaml"
TEXT = FILE.read_text()


def test_a_study_round_trips_as_yaml_and_json(tmp_path: Path) -> None:
    study = cm.read(FILE)
    assert isinstance(study, Study)
    assert list(study.setups) == ["delta=0", "delta=0.1"]
    assert loads(dumps(study)) == study
    assert loads(as_json(study)) == study
    assert cm.read(cm.write(study, tmp_path / "x.cid.json")) == study
    known = loads(dumps(study)).setup.cid.attributes
    assert {node: dict(found) for node, found in known.items()} == {
        "door": {"position": (0.0, 0.0)},
        "go": {"position": (1.0, 2.5), "label": "where to go"},
        "reward": {"unit": "points"},
    }


def test_it_is_the_red_door_of_the_gallery() -> None:
    from cidmesa.gallery.systems.red_door import setup

    study = cm.read(FILE)
    for arm, delta in (("delta=0", 0.0), ("delta=0.1", 0.1)):
        expected = setup(delta)
        assert study.setups[arm].model == expected.model
        assert study.setups[arm].deployed("opposite") == expected.deployed("opposite")
        assert study.setups[arm].deployed("repainted") == expected.deployed("repainted")


def test_claims_are_judged_by_what_is_derived() -> None:
    study = cm.read(FILE)
    system = system_of_study(study, "mine")
    families = {arm: system.family(arm) for arm in system.setups}
    found = [claim.judge(Evidence(families)) for claim in system.claims]
    assert [finding.verdict for finding in found] == ["supported", "supported", "contradicted", "inconclusive"]
    assert "regret in `opposite`: 1" in found[0].because
    assert found[2].because == "training regret: 0.1"
    assert "not run: body `hard`" in found[3].because
    assert system.derive["delta=0.1"]["prior"] == cm.SimplicityPrior(samples=100)
    assert {m.targets for m in families["delta=0.1"]} == set(
        map(frozenset, [["at_red"], ["at_door", "at_red"], ["reward"]])
    )


def test_a_study_is_run_from_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.cid.yaml").write_text(TEXT)
    assert cli.main(["run", "mine.cid.yaml", "--quiet", "--arm", "delta=0", "--json", "--steps", "5"]) == cli.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["title"] == "The red door"
    assert found["arms"]["delta=0"]["bodies"]["hard"]["agents"] == 3
    assert cli.main(["derive", "mine.cid.yaml", "--arm", "delta=0.1", "--json"]) == cli.DONE
    assert json.loads(capsys.readouterr().out)["tolerance"] == 0.1
    assert cli.main(["convert", "mine.cid.yaml", "again.json"]) == cli.DONE
    assert cm.read("again.json") == cm.read("mine.cid.yaml")


def test_without_bodies_plain_nets_are_trained() -> None:
    bodies = TEXT[TEXT.index("bodies:") : TEXT.index("claims:")]
    study = loads(TEXT.replace(bodies, "").replace(", body: hard", ""))
    assert list(system_of_study(study, "x").bodies) == ["mlp"]


def test_the_schema_accepts_what_is_written_and_knows_every_key() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    form = schema()
    jsonschema.Draft202012Validator.check_schema(form)
    check = jsonschema.Draft202012Validator(form)
    study = cm.read(FILE)
    for obj in (study, study.setup, study.setup.model, study.setup.cid):
        check.validate(as_plain(obj))
    import yaml

    check.validate(json.loads(json.dumps(yaml.safe_load(TEXT))))
    with pytest.raises(jsonschema.ValidationError):
        check.validate({"cidmesa": 1, "edgse": []})
    from cidmesa.interop import reader, study_reader

    keys = {"cidmesa", *reader.DIAGRAM, *reader.LOOKS, *reader.MODEL, *reader.SETUP, *study_reader.STUDY}
    assert set(form["properties"]) == keys
    assert set(form["$defs"]["claim"]["properties"]) == set(study_reader.CLAIM)
    assert set(form["$defs"]["body"]["properties"]) == {"description", *study_reader.RECIPE}
    assert set(form["$defs"]["derive"]["properties"]) == set(study_reader.DERIVE)


def test_the_page_shows_every_key_and_its_examples_are_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "file-format.md").read_text()
    blocks = page.split("```yaml\n")[1:]
    setup = loads(blocks[0].split("```")[0])
    assert setup.deployed("repainted").cpd("red")[0].tolist() == [0.5, 0.5]
    claims = blocks[2].split("```")[0]
    study = loads(TEXT[: TEXT.index("claims:")] + claims)
    assert [claim.says[:6] for claim in study.claims] == ["Where ", "Agents"]
    assert study.claims[0].holds["intended_regret"] == {"training": 0}
    rest = blocks[0].split("```")[0].replace("  door: {uniform: [left, right]}\n  red: {expression: door}\n", "")
    mazes = loads(rest[: rest.index("deployments:")] + blocks[1].split("```")[0])
    assert isinstance(mazes, cm.Levels)
    assert mazes.cpd("red").tolist() == [[1.0, 0.0], [0.0, 1.0]]
    form = schema()
    keys = {*form["properties"], *form["$defs"]["mechanism"]["properties"], *form["$defs"]["claim"]["properties"]}
    assert {key for key in keys if f"`{key}`" not in page and f"{key}:" not in page} == set()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "title: The red door",
            "titel: The red door",
            r"`titel` is no key of a file .did you mean `title`",
        ),
        ("title: The red door", "title: [1]", "a text is expected here"),
        ("title: The red door", "intended: [weather]", "the name of a node is expected here"),
        ("title: The red door", "levels: {}", r"levels\.features.*a mapping is expected here; got None"),
        ("shift_class: {opp", "intended_regret: {opposite: yes}\n  shift_class: {opp", r"a number, or \[low, high\]"),
        ("{tolerance: 0.1, prior", "{tolerance: yes, prior", "a number is expected here"),
        ("{tolerance: 0.1, prior", "{tolerence: 0.1, prior", "did you mean `tolerance`"),
        ("samples: 100", "samples: -1", "a prior's samples= is a finite number"),
        ("targets: [at_red, [at_door", "targets: [at_red, [3", "a list of names is expected"),
        ("policy: mlp", "polcy: mlp", "`polcy` is none of.*did you mean `policy`"),
        ("steps: 20", "steps: 2.5", "a whole number"),
        ("hidden: [8]", "hidden: 8", "a list of layer widths"),
        ("parity: 2", "parity: 20", "an encoder is {parity: k}"),
        ("arm: delta=0.1, targets", "arm: delta=1, targets", "is none of the arms delta=0, delta=0.1"),
        ("consistency: consistent", "consistency: yes", "consistent, excluded or unknown"),
        ("training_regret: 0\n", "training_regret: [1, 0]\n", r"a number, or \[low, high\]"),
        ("{in: opposite, above: 0.5}", "{in: opposite, above: 5}", "a share of agents is"),
        (", share: {in: opposite, above: 0.5}", "", "the claim says nothing that can be looked at"),
        ("says: Seeking red", "say: Seeking red", "did you mean `says`"),
        ("noise: {0: 0.9, 1: 0.1}", "noise: {0: 0.9, 1: 0.2}", r"arms\.delta=0\.1\.mechanisms\.red.*sum to|sum to"),
        ("positions: {door: [0, 0]", "positions: {dor: [0, 0]", "did you mean `door`"),
        ("go: [1, 2.5]", "go: [1]", r"a position is \[x, y\]"),
        ("feedback: [[at_door, door, false]]", "feedback: [[at_door, door, maybe]]", r"feedback is \[V, W\]"),
    ],
)
def test_what_is_wrong_in_a_study_is_named_with_its_place(old: Any, new: Any, words: Any) -> None:
    assert old in TEXT
    with pytest.raises(cm.FileFormatError, match=rf"text, line \d+, column \d+.*(?:{words})"):
        loads(TEXT.replace(old, new, 1))

"""Running every system: one table, kept as it grows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import cidmesa as cm
from cidmesa.gallery.everything import Everything, run_all
from cidmesa.gallery.run import system_of
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled

pytest.importorskip("torch")


def _system(name: str, *claims: Claim) -> System:
    cid = cm.CID([("x", "act"), ("act", "y"), ("x", "pay"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], y=lambda act: act, pay=lambda x, y: int(x == y))
    setup = cm.TrainingSetup(model, deployments={"often": {"x": cm.Bernoulli(0.9)}})
    return replace(system_of(setup, name), claims=claims, fast={"steps": 3, "agents": 4})


def _agents(evidence: Evidence) -> Finding:
    [agents] = evidence.agents.values()
    return settled(len(agents) == 2, f"there are {len(agents)} agents")


def _false(evidence: Evidence) -> Finding:
    return settled(False, "it is not")


ONE = _system("one", Claim("There are two agents.", _agents), Claim("It is so.", _false))
OTHER = _system("other", Claim("Nobody knows.", lambda evidence: Finding("inconclusive", "not run")))


@contextmanager
def _training(folder: Path) -> Iterator[Mapping[str, Any]]:
    yield {"progress": False}


def _run(folder: Path, *systems: System, **options: Any) -> Everything:
    asked = {"fast": True, "agents": 2}
    return run_all(systems, folder, training=_training, **{"asked": asked, **options})


def test_one_table_counts_what_became_of_the_claims(tmp_path: Path) -> None:
    lines: list[Any] = []
    made = _run(tmp_path, ONE, OTHER, show=lines.append)
    counts = [(row["supported"], row["contradicted"], row["inconclusive"]) for row in made.rows]
    assert counts == [(1, 1, 0), (0, 0, 1)]
    assert len(lines) == 2
    kept = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(made.plain))
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "agents 2" in text
    assert "a fast run" in text
    assert "`one`: It is so. (it is not)" in text
    assert text.index("Contradicted") < text.index("It is so.") < text.index("Inconclusive") < text.index("Nobody")
    report = json.loads((tmp_path / "one" / "report.json").read_text(encoding="utf-8"))
    assert report["asked"] == {"fast": True, "agents": 2}
    assert (tmp_path / "other" / "report.html").exists()


def test_a_run_that_was_killed_goes_on_with_the_next_system(tmp_path: Path) -> None:
    def breaks(evidence: Evidence) -> Finding:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, ONE, replace(OTHER, claims=(Claim("Stops.", breaks),)))
    said: list[str] = []
    resumed = _run(tmp_path, ONE, OTHER, resume=True, say=said.append)
    assert {words.split(":")[0] for words in said} == {"other"}
    again = _run(tmp_path / "whole", ONE, OTHER)
    without = [[{k: v for k, v in row.items() if k != "seconds"} for row in made.rows] for made in (resumed, again)]
    assert without[0] == without[1]


@pytest.mark.parametrize("change", [{"asked": {"fast": True, "agents": 3}}, {"resume": False}])
def test_what_was_asked_otherwise_is_run_again(tmp_path: Path, change: dict[str, Any]) -> None:
    _run(tmp_path, OTHER)
    said: list[str] = []
    _run(tmp_path, OTHER, **{"resume": True, "say": said.append, **change})
    assert said


@pytest.mark.parametrize("text", ["", "[]", '{"cidmesa": 1}', '{"cidmesa": "0", "asked": {}, "systems": 3}'])
def test_a_table_that_cannot_be_read_is_no_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "summary.json").write_text(text, encoding="utf-8")
    assert len(_run(tmp_path, OTHER, resume=True).rows) == 1


def test_a_fast_run_trains_as_the_system_says_and_less_than_what_is_said_here(tmp_path: Path) -> None:
    made = _run(tmp_path, ONE, asked={"fast": True})
    assert made.rows[0]["claims"][0]["because"] == "there are 4 agents"
    assert "4 agents" not in made.document.markdown.split("### Contradicted")[0]

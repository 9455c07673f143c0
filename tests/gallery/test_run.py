"""Running a system: the five things, in small."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import cidmesa as cm
from cidmesa import gallery
from cidmesa.documents import terminal
from cidmesa.documents.blocks import Beside, Figure, Points
from cidmesa.gallery.run import run, run_document, system_of
from cidmesa.gallery.system import Evidence, System
from cidmesa.shown import columns
from tests.agents.test_population import phased
from tests.strategies import FULL

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def done() -> Any:
    shown, said = [], []
    made = run(gallery.load("red-door"), agents=3, steps=30, progress=False, say=said.append, show=shown.append)
    return made, shown, said


def test_every_arm_and_body_is_derived_trained_and_judged(done: Any) -> None:
    made, shown, said = done
    keys = {(arm, body) for arm in made.system.setups for body in made.system.bodies}
    assert set(made.agents) == set(made.reports) == keys
    assert all(report.registered for report in made.reports.values())
    assert len(said) == 3 + 2 * 6
    assert len(shown) == 1 + 3 + 6 + 1


@pytest.mark.parametrize("width", [80, 110])
def test_a_run_prints_its_bottom_line_alone(done: Any, width: int) -> None:
    _, shown, _ = done
    lines = [line for blocks in shown for line in terminal.write_blocks(blocks, width).splitlines()]
    assert len(lines) <= 120
    assert max(map(columns, lines)) <= width
    text = " ".join(lines)
    assert "To train and to judge: 6 populations, about 2 min on two cores." in text
    assert "What training leaves open" in text
    assert "Trained agents: delta=0.1, plain" in text


def test_the_first_screen_holds_the_bottom_line_and_the_main_picture(done: Any) -> None:
    made, _, _ = done
    first = run_document(made).blocks[0]
    assert isinstance(first, Beside)
    words = [cell.text for block in first.left if isinstance(block, Points) for cell in block.cells]
    assert words[0] == "Training cannot tell the base objective from `at_red`; in `opposite` it loses 1 of 1."
    assert sum(line.startswith("delta=0, hard: ") for line in words) >= 1
    against = {f"delta={d}, {b}: " for d in ("0", "0.02", "0.1") for b in ("hard", "plain")}
    for name in made.contradicted:
        arm_body = name.split(": ")[0] + ": "
        assert arm_body in against
        assert any(line.startswith(arm_body + "Contradicted") for line in words)
    assert [type(block) for block in first.right] == [Figure]


def test_the_derived_claims_hold_whatever_the_agents_do(done: Any) -> None:
    made, _, _ = done
    verdicts = [finding.verdict for _, finding in made.claims]
    assert verdicts[:4] == ["supported"] * 4
    assert len(verdicts) == 6


def test_claims_about_agents_that_were_not_run_are_inconclusive() -> None:
    system = gallery.load("red-door")
    evidence = Evidence({arm: system.family(arm) for arm in system.setups})
    findings = [claim.judge(evidence) for claim in system.claims[4:]]
    assert [f.verdict for f in findings] == ["inconclusive"] * 2
    assert all("not run" in f.because for f in findings)


def test_page_and_json_say_the_same(done: Any, tmp_path: Path) -> None:
    made, _, _ = done
    page, plain = made.save(tmp_path / "out")
    found = json.loads(plain.read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(made.plain))
    text = page.read_text(encoding="utf-8")
    drawn = re.findall(r'<svg (?!class="chart")', text)
    assert len(drawn) == 2 + 2 + 1 + len(made.families["delta=0"].hypotheses)  # first screen, base and optimizer, all
    for claim in found["claims"]:
        assert claim["because"].split("`")[0] in text
    for arm in found["arms"]:
        for body in found["arms"][arm]["bodies"]:
            assert f"{arm}, {body}" in text
    assert found["arms"]["delta=0.1"]["family"]["tolerance"] == 0.1


def test_a_part_of_a_system_makes_no_claims() -> None:
    made = run(gallery.load("red-door"), arms=["delta=0.1"], train=False)
    assert made.claims == ()
    assert made.plain["arms"]["delta=0.1"]["bodies"] == {}


def test_any_setup_can_be_run() -> None:
    cid = cm.CID([("x", "act"), ("act", "y"), ("x", "pay"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], y=lambda act: act, pay=lambda x, y: int(x == y))
    setup = cm.TrainingSetup(model, deployments={"often": {"x": cm.Bernoulli(0.9)}})
    made = run(system_of(setup, "mine", tolerance=0.01), agents=2, steps=5, progress=False)
    assert list(made.reports) == [("training", "mlp")]
    assert made.families["training"].tolerance == 0.01
    bare = run(system_of(cm.TrainingSetup(cid), "bare"))
    assert not bare.reports
    assert bare.plain["arms"]["training"]["predictions"]["predictions"] == []


SMALL: dict[str, Any] = {"arms": ["delta=0.1"], "agents": 3, "steps": 10, "block": 2, "progress": False}


def test_populations_side_by_side_are_those_one_after_the_other(tmp_path: Path) -> None:
    system = gallery.load("red-door")
    shown: list[Any] = []
    one = run(system, store=tmp_path / "one", **SMALL)
    with ThreadPoolExecutor(2) as executor:
        other = run(system, store=tmp_path / "other", executor=executor, show=shown.append, **SMALL)
    assert other.agents == one.agents
    assert other.plain == one.plain
    kept = [{p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "other")]
    assert kept[0] == kept[1]
    assert len(kept[0]) >= 2 * 2
    assert len(shown) == 1 + 1 + 2 + 1


@pytest.mark.skipif(not FULL, reason="derives the red door once more: full profile")
def test_a_run_that_is_stopped_begins_no_more_blocks(tmp_path: Path) -> None:
    def stops(blocks: Any) -> None:
        if len(counts) == 1:
            counts.append(len(list(tmp_path.iterdir())))
            raise KeyboardInterrupt
        counts.append(0)

    counts: list[int] = []
    many = {**SMALL, "agents": 20, "block": 1, "steps": 1000}
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(KeyboardInterrupt):
            run(gallery.load("red-door"), store=tmp_path, executor=executor, show=stops, **many)
        executor.submit(int).result()  # the block that was being trained is finished
    assert len(list(tmp_path.iterdir())) <= counts[1] + 2
    assert counts[1] + 2 < 40


def test_a_body_of_organisms_is_judged_as_the_candidate_that_it_pursues() -> None:
    def trained(setup: cm.TrainingSetup, body: str, **options: Any) -> cm.Agents:
        of: Any = options["family"]["gain"].model if body == "organism" else setup
        return cm.train(of, learner="exact", **options)

    bodies = {"organism": "pursues the gain", "base": "trained on the score"}
    derive = {"training": {"targets": ["gain"]}}
    system = System(
        "two", "Two", "", {"training": phased()}, (), trained, bodies, derive=derive, organisms={"organism": "gain"}
    )
    made = run(system, agents=2, steps=40, progress=False)
    assert [made.reports["training", body].organism_of for body in bodies] == ["gain", None]


def test_what_all_populations_do_alike_is_said_once() -> None:
    cid = cm.CID([("x", "act"), ("x", "pay"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], pay=lambda x, act: int(x == act))
    one = system_of(cm.TrainingSetup(model), "mine")
    two = replace(one, bodies={"mlp": "nets", "tabular": "tables"})
    made = run(two, agents=2, steps=5, progress=False)
    first = run_document(made).blocks[0]
    assert isinstance(first, Beside)
    words = [cell.text for block in first.left if isinstance(block, Points) for cell in block.cells]
    assert words.count("No distribution tells the hypotheses apart.") == 1
    assert not any(line.startswith("mlp: ") for line in words)

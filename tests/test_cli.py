"""The shell command: words in, tables, data and exit codes out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Never

import pytest

import cidmesa as cm
from cidmesa import cli

CID = cm.CID([("x", "act"), ("act", "y"), ("x", "pay"), ("y", "pay")], decisions=["act"], utilities=["pay"])
MODEL = CID.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], y=lambda act: act, pay=lambda x, y: int(x == y))
SETUP = cm.TrainingSetup(MODEL, deployments={"often": {"x": cm.Bernoulli(0.9)}})
SMALL = ["--agents", "2", "--steps", "3", "--quiet"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    cm.write(SETUP, "mine.cid.yaml")
    return "mine.cid.yaml"


def call(capsys: pytest.CaptureFixture[str], *words: Any) -> Any:
    code = cli.main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_list_names_the_gallery(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "list")
    assert code == 0
    assert out.splitlines()[0].split() == ["red-door", "The", "red", "door"]
    assert [s["name"] for s in json.loads(call(capsys, "list", "--json")[1])] == list(cm.gallery.names())


def test_list_names_the_literature(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "list", "--literature")
    assert code == 0
    assert out.splitlines()[0].startswith("grade-predictor ")
    listed = json.loads(call(capsys, "list", "--literature", "--json")[1])
    assert [e["name"] for e in listed] == list(cm.literature.names())


def test_a_diagram_of_the_literature_is_reached_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "incentives", "grade-predictor", "--json")
    answers = json.loads(out)["decisions"]["predicted_grade"]
    assert code == 0
    assert {n for n, a in answers.items() if a.get("ri") == "admits"} == {"race", "high_school"}
    code, _, err = call(capsys, "show", "grade-predicter")
    assert (code, "did you mean `grade-predictor`" in err) == (cli.WRONG, True)


FOREIGN = Path(__file__).parent / "interop" / "files"


@pytest.mark.parametrize(
    "name", ["voyage.xdsl", "voyage.net", "voyage.dne", "voyage.pgmx", "voyage.uai", "signals.efg"]
)
def test_every_readable_file_serves(name: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "show", str(FOREIGN / name))
    assert code == 0
    assert name in out
    assert ("no forgetting, as" in err) == (name not in {"voyage.net", "signals.efg"})


def test_files_without_decisions_are_told_what_is_what(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--decision", "insure", "--decision", "sail"]
    options += ["--utility", "gain", "--utility", "cover", "--utility", "premium"]
    code, out, _ = call(capsys, "incentives", str(FOREIGN / "voyage.bif"), "--json", *options)
    assert code == 0
    assert set(json.loads(out)["decisions"]) == {"insure", "sail"}


def test_convert_writes_another_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(capsys, "convert", str(FOREIGN / "voyage.xdsl"), "a.net")[:2] == (0, "written: a.net\n")
    assert call(capsys, "convert", "a.net", "b.cid.yaml", "--json")[1] == '{\n "written": "b.cid.yaml"\n}\n'
    assert cm.read("b.cid.yaml") == cm.read(FOREIGN / "voyage.xdsl")
    assert call(capsys, "convert", "red-door", "c.json")[0] == 0
    assert cm.read("c.json") == cm.gallery.load("red-door").setup
    code, _, err = call(capsys, "convert", "a.net", "d.toml")
    assert (code, "a file that is written ends in .yaml" in err) == (cli.WRONG, True)
    rounded = (FOREIGN / "voyage.net").read_text().replace("0.6 0.4", "0.333 0.666")
    Path("rounded.net").write_text(rounded)
    code, _, err = call(capsys, "convert", "rounded.net", "e.net")
    assert (code, "the largest correction is 0.001" in err) == (cli.WRONG, True)
    code, _, err = call(capsys, "convert", "rounded.net", "e.net", "--normalise")
    assert (code, "the largest correction, of `season`, is 0.001" in err) == (cli.DONE, True)


@pytest.mark.parametrize("what", ["red-door", "mine.cid.yaml"])
@pytest.mark.parametrize("command", ["show", "incentives", "derive", "render"])
def test_a_name_and_a_file_serve_alike_and_json_is_plain(
    command: Any, what: Any, file: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(capsys, command, what)
    assert code == 0
    assert out
    code, out, _ = call(capsys, command, what, "--json")
    assert code == 0
    assert isinstance(json.loads(out), dict)


def test_show_prints_what_files_hold(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "show", file, "--json")
    from cidmesa.interop import loads

    assert loads(out) == SETUP


def test_incentives_are_those_of_the_library(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "incentives", file, "--json")
    answers = json.loads(out)["decisions"]["act"]
    assert {n for n, a in answers.items() if a.get("ici") == "admits"} == cm.incentives(CID).ici


def test_derive_takes_tolerance_targets_and_prior(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("derive", file, "--tolerance", "0.25", "--max-targets", "2", "--prior", "1,1,10,8", "--json")
    code, out, _ = call(capsys, *words)
    found = json.loads(out)
    assert code == 0
    assert found["tolerance"] == 0.25
    assert ["x", "y"] in [c["targets"] for c in found["candidates"]]
    assert found["ranking"]["prior"]["samples"] == 10
    assert call(capsys, "derive", file, "--prior", "1,x")[0] == cli.WRONG


@pytest.mark.parametrize("ending", ["html", "md", "tex", "txt"])
def test_documents_are_written_as_asked(ending: Any, file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "derive", file, "-o", f"d.{ending}")
    assert (code, out) == (0, f"written: d.{ending}\n")
    assert os.path.getsize(f"d.{ending}") > 500


def test_render_draws_base_optimizer_and_targets(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for of in ("base", "optimizer", "y"):
        assert call(capsys, "render", file, "--of", of, "-o", f"{of}.svg", "--engine", "own")[0] == 0
        assert "<svg" in Path(f"{of}.svg").read_text(encoding="utf-8")
    assert call(capsys, "render", file)[1] == "written: mine.svg\n"
    assert call(capsys, "render", file, "--of", "y", "--beside-base", "-o", "two.svg")[0] == 0
    code, _, err = call(capsys, "render", file, "--of", "z")
    assert (code, "`z`" in err) == (cli.WRONG, True)


def test_render_draws_views_with_the_rings_asked_for(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = {}
    for view in ("base", "twin", "mesa:y"):
        drawn[view] = json.loads(call(capsys, "render", file, "--view", view, "--json")[1])
    old = json.loads(call(capsys, "render", file, "--of", "optimizer", "--json")[1])
    assert drawn["twin"] == old
    assert {group for group, _ in drawn["twin"]["groups"]} >= {"training"}
    every = {ring for node in drawn["base"]["nodes"] for ring in node["rings"]}
    chosen = json.loads(call(capsys, "render", file, "--overlay", "voi,ici", "--json")[1])
    assert {ring for node in chosen["nodes"] for ring in node["rings"]} == every & {"voi", "ici"}
    bare = json.loads(call(capsys, "render", file, "--overlay", "none", "--json")[1])
    assert not [node for node in bare["nodes"] if node["rings"]]
    for words, told in ((("--view", "spliced"), "no learned algorithm"), (("--view", "twins"), "did you mean `twin`"),
                        (("--overlay", "vio"), "`vio` is none of them")):  # fmt: skip
        code, _, err = call(capsys, "render", file, *words)
        assert (code, told in err) == (cli.WRONG, True), err


def test_a_spliced_algorithm_has_a_frame_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    base = cm.CID([("x", "d"), ("d", "u"), ("x", "u")], decisions=["d"], utilities=["u"])
    cm.write(cm.TrainingSetup(base, learned={"d": cm.CID([("x", "feature"), ("feature", "d")])}), "net.cid.yaml")
    drawn = json.loads(call(capsys, "render", "net.cid.yaml", "--view", "spliced", "--json")[1])
    assert {n["name"]: n["group"] for n in drawn["nodes"]} == {
        "x": "", "d": "inside d", "u": "", "feature": "inside d"
    }  # fmt: skip


def test_what_emerges_in_a_deployment_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An oracle whose answers are published can make them come true: that is the point, in every way out."""
    monkeypatch.chdir(tmp_path)
    edges = [("clue", "answer"), ("clue", "outcome"), ("answer", "correct"), ("outcome", "correct"), ("correct", "pay")]
    model = cm.CID(edges, decisions=["answer"], utilities=["pay"]).parameterise(
        clue=cm.Bernoulli(0.5), outcome=cm.Function(lambda clue: clue, domain=(0, 1)), answer=[0, 1],
        correct=lambda answer, outcome: int(answer == outcome), pay=lambda correct: correct,
    )  # fmt: skip
    heard = cm.Function(lambda clue, answer: answer, domain=(0, 1))
    published = cm.Deployment({"outcome": heard}, edges=[("answer", "outcome")])
    setup = cm.TrainingSetup(model, {"published": published})
    assert cm.derive_mesa_optimizers(setup)["correct"].in_deployment["published"].emergent == {("ici", "outcome")}
    cm.write(setup, "oracle.cid.yaml")
    code, out, _ = call(capsys, "derive", "oracle.cid.yaml")
    [start] = [i for i, line in enumerate(out.splitlines()) if line.startswith("What emerges in published")]
    row = next(line for line in out.splitlines()[start:] if line.startswith("correct"))
    assert code == 0
    assert "ICI outcome" in row
    assert row.split("  ")[-1].strip() == "outcome"  # tampered with
    assert call(capsys, "derive", "oracle.cid.yaml", "-o", "derived.html")[0] == 0
    assert "What emerges in" in Path("derived.html").read_text(encoding="utf-8")
    assert call(capsys, "run", "oracle.cid.yaml", *SMALL)[0] == 0
    assert "What emerges in" in Path("out/oracle/report.html").read_text(encoding="utf-8")
    for name, there in (("there.mmd", True), ("here.mmd", False)):
        words = ["--deployment", "published"] if there else []
        assert call(capsys, "render", "oracle.cid.yaml", "--of", "correct", "-o", name, *words)[0] == 0
        drawn = json.loads(call(capsys, "render", "oracle.cid.yaml", "--of", "correct", "--json", *words)[1])
        assert ("published" in drawn["title"]) == there
    assert Path("there.mmd").read_text(encoding="utf-8") != Path("here.mmd").read_text(encoding="utf-8")
    based = [call(capsys, "render", "oracle.cid.yaml", "--json", *w)[1] for w in ([], ["--deployment", "published"])]
    assert based[0] != based[1]
    for words in (["--of", "correct", "--deployment", "nowhere"], ["--of", "optimizer", "--deployment", "published"]):
        code, _, err = call(capsys, "render", "oracle.cid.yaml", *words)
        assert (code, "Traceback" in err) == (2, False), err


def test_train_and_validate_go_on_from_a_checkpoint(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    words = ("--checkpoint", "state", *SMALL)
    code, out, _ = call(capsys, "train", file, "--json", *words)
    assert code == 0
    assert len(json.loads(out)["probabilities"]["act"]) == 2
    assert os.path.exists("state")
    assert "What 2 agents do at act" in call(capsys, "train", file, *words)[1]
    code, out, _ = call(capsys, "validate", file, "--json", *words)
    assert code == 0
    assert json.loads(out)["agents"] == 2
    assert json.loads(out)["registered_before_training"] is True
    assert "agents meet the premise" in call(capsys, "validate", file, *words)[1]


def test_run_leaves_a_page_and_its_data(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    code, out, err = call(capsys, "run", file, *SMALL)
    assert (code, err) == (0, "")
    assert "What training leaves open" in out
    assert json.loads(Path("out/mine/report.json").read_text(encoding="utf-8"))["system"] == "mine"
    assert Path("out/mine/report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    code, out, err = call(capsys, "run", file, "--json", "--agents", "2", "--steps", "3", "-o", "there")
    assert json.loads(out)["arms"]["training"]["bodies"]["mlp"]["agents"] == 2
    assert "training" in err
    assert os.path.exists("there/report.html")


def test_every_system_is_run_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from cidmesa import gallery

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gallery, "names", lambda: ("red-door",))
    words = ("run", "all", "--fast", "--agents", "2", "--steps", "2", "--quiet")
    code, out, err = call(capsys, *words)
    assert (code, err) == (0, "")
    assert "written: out/summary.html" in out
    code, out, _ = call(capsys, *words, "--resume", "--json")
    assert json.loads(out)["systems"]["red-door"]["supported"] == 4
    code, _, err = call(capsys, *words, "--body", "hard")
    assert (code, "cidmesa run red-door --body" in err) == (2, True)


def test_strict_exits_with_one_when_a_joint_prediction_is_contradicted(
    file: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from cidmesa.gallery import run as running

    words = ("run", file, "--strict", *SMALL)
    monkeypatch.setattr(running.Run, "contradicted", property(lambda self: ()))
    assert call(capsys, *words)[0] == cli.DONE
    monkeypatch.setattr(running.Run, "contradicted", property(lambda self: ("a row",)))
    assert call(capsys, *words)[0] == cli.CONTRADICTED
    assert call(capsys, *[w for w in words if w != "--strict"])[0] == cli.DONE


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "red-dor"], "did you mean `red-door`"),
        (["show", "none.cid.yaml"], "none.cid.yaml"),
        (["show", "bad.cid.yaml"], "bad.cid.yaml, line 2"),
        (["show", "red-door", "--arm", "delta=1"], "an arm of this system"),
        (["show", "mine.cid.yaml", "--arm", "x"], "leave out --arm"),
        (["render", "red-door", "-o", "x.jpg"], "`x.jpg` ends in .jpg"),
        (["derive", "mine.cid.yaml", "--tolerance", "-1"], "tolerance="),
        (["train", "bare.cid.yaml"], "bare diagram"),
        (["incentives"], "required"),
        (["paint", "red-door"], "invalid choice"),
        ([], "required"),
    ],
)
def test_wrong_input_exits_with_two_and_one_line_of_words(
    words: Any, said: Any, file: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    cm.write(CID, "bare.cid.yaml")
    with open("bad.cid.yaml", "w", encoding="utf-8") as bad:
        bad.write("cidmesa: 1\nedges: 3\n")
    code, out, err = call(capsys, *words)
    assert code == cli.WRONG
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_something_optional_that_is_missing_exits_with_three(
    file: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cidmesa.agents.training", None)
    monkeypatch.setenv("PATH", "")
    code, _, err = call(capsys, "render", file, "--engine", "dot")
    assert code == cli.MISSING
    assert "apt install graphviz" in err


def test_stopping_exits_with_130(
    file: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_show", stopped)
    code, _, err = call(capsys, "show", file)
    assert (code, err) == (cli.STOPPED, "cidmesa: stopped\n")


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--help")[0] == 0
    code, out, _ = call(capsys, "--version")
    assert (code, out) == (0, f"cidmesa {cm.__version__}\n")


def test_the_module_runs_and_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m cidmesa show red-door | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["The red door", "0"]
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_the_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; from cidmesa import cli; cli.main(['list']); "
        "print([m for m in ('torch', 'pgmpy', 'sympy', 'matplotlib', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

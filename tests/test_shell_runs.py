"""The shell on training: saved agents, finished blocks, several processes, and what Ctrl-C leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import cidmesa as cm
from cidmesa import cli
from cidmesa.errors import WorkerLostError
from tests.strategies import FULL
from tests.test_cli import SETUP, call, file

pytest.importorskip("torch")

__all__ = ["file"]

SMALL = ["--agents", "5", "--block", "2", "--steps", "4", "--quiet"]


def test_what_train_saves_is_what_validate_takes(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "train",
        file,
        "--learner",
        "dqn",
        "--policy",
        "tabular",
        *SMALL,
        "--out",
        "agents",
        "--checkpoints",
        "2,.5",
    )
    code, out, err = call(capsys, *words, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["written"] == "agents"
    agents = cm.agents.load("agents")
    assert (len(agents), agents.recipe.learner, agents.recipe.policy) == (5, "dqn", "tabular")
    assert list(agents.checkpoints) == [2]
    assert json.loads(out)["probabilities"]["act"] == agents.probabilities("act").tolist()
    assert len(list(Path("agents/blocks").iterdir())) == 3
    assert call(capsys, *words)[1].endswith("written: agents\n")
    code, out, _ = call(capsys, "validate", file, "agents", "--json")
    assert code == 0
    assert json.loads(out)["agents"] == 5
    assert json.loads(out)["registered_before_training"] is True
    assert "agents meet the premise" in call(capsys, "validate", file, "agents")[1]
    written = cm.validate(cm.derive_mesa_optimizers(SETUP), agents, progress=False).to_dict()
    assert json.loads(json.dumps(written["rows"], default=str)) == json.loads(out)["rows"]


def test_ctrl_c_leaves_finished_blocks_and_resume_goes_on(
    file: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cidmesa.agents import runs
    from cidmesa.agents.learners import loop
    from tests.agents.test_runs import Stopping

    words = ("train", file, *SMALL, "--out", "agents")
    assert call(capsys, "train", file, *SMALL, "--out", "whole")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr(loop, "advance", Stopping(loop.advance, 9))
        assert call(capsys, *words)[0] == cli.STOPPED
    assert len(list(Path("agents/blocks").iterdir())) == 2
    assert not Path("agents/agents.json").exists()
    count: list[int] = []
    real = runs.train_block
    monkeypatch.setattr(runs, "train_block", lambda *a, **k: count.append(a[1]) or real(*a, **k))
    assert call(capsys, *words, "--resume")[0] == 0
    assert count == [4]
    assert cm.agents.load("agents") == cm.agents.load("whole")
    assert call(capsys, *words)[0] == 0
    assert count == [4, 0, 2, 4]  # without --resume everything is trained again


def test_run_keeps_blocks_beside_the_report(
    file: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cidmesa.agents import runs

    assert call(capsys, "run", file, *SMALL)[0] == 0
    first = Path("out/mine/report.json").read_text()
    kept = len(list(Path("out/mine/blocks").iterdir()))
    assert kept > 3  # of the agents, and of the same agents trained again for rows that need it
    assert kept % 3 == 0
    monkeypatch.setattr(runs, "train_block", lambda *a, **k: pytest.fail("a block was trained again"))
    assert call(capsys, "run", file, *SMALL, "--resume")[0] == 0
    assert Path("out/mine/report.json").read_text() == first


@pytest.mark.skipif(not FULL, reason="starts processes: full profile")
def test_jobs_leave_what_one_process_leaves(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "run", file, *SMALL, "-o", "one")[0] == 0
    assert call(capsys, "run", file, *SMALL, "-o", "other", "--jobs", "1")[0] == 0
    assert Path("one/report.json").read_text() == Path("other/report.json").read_text()
    kept = [{p.name: p.read_bytes() for p in Path(where, "blocks").iterdir()} for where in ("one", "other")]
    assert kept[0] == kept[1]


def test_a_lost_worker_is_a_stop_and_no_wrong_input(
    file: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cidmesa.agents import recipe

    def lost(*_: Any, **__: Any) -> None:
        raise WorkerLostError("a worker was lost")

    monkeypatch.setattr(recipe, "run", lost)
    code, _, err = call(capsys, "train", file, *SMALL)
    assert (code, err) == (cli.STOPPED, "cidmesa: a worker was lost\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "mine.cid.yaml", "--resume"], "--out agents --resume"),
        (["train", "mine.cid.yaml", "--jobs", "0"], "--jobs is a whole number of at least 1"),
        (["train", "mine.cid.yaml", "--checkpoints", "x"], "--checkpoints takes numbers"),
        (["train", "mine.cid.yaml", "--checkpoints", "1.5"], "a checkpoint is a number of steps"),
        (["train", "mine.cid.yaml", "--learner", "dqm"], "did you mean `dqn`"),
        (["train", "mine.cid.yaml", "--device", "meta"], "device= is 'cpu', 'cuda'"),
        (["train", "mine.cid.yaml", "--dtype", "float46"], "did you mean `float64`"),
        (["validate", "mine.cid.yaml", "nowhere"], "no agents here"),
        (["validate", "mine.cid.yaml", "agents", "--steps", "3"], "leave out --steps"),
        (["validate", "red-door", "agents"], "another setup"),
    ],
)
def test_wrong_input_exits_with_two_and_one_line_of_words(
    words: Any, said: Any, file: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    if "agents" in words:
        cm.train(SETUP, agents=1, steps=1, progress=False).save("agents")
    code, out, err = call(capsys, *words)
    assert (code, out) == (cli.WRONG, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.skipif(not FULL, reason="starts processes and waits for them: full profile")
def test_ctrl_c_in_a_terminal(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", file, "--agents", "16", "--block", "1", "--steps", "600", "--quiet", "--out", "agents"]
    started = subprocess.Popen(
        [sys.executable, "-m", "cidmesa", *words, "--jobs", "2"], stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - ignored in the background
    )  # fmt: skip
    until = time.monotonic() + 240
    while time.monotonic() < until and started.poll() is None:
        if Path("agents/blocks").exists() and any(p.suffix == ".safetensors" for p in Path("agents/blocks").iterdir()):
            break
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == cli.STOPPED
    assert err.startswith("cidmesa: stopped\n")
    assert "Traceback" not in err
    assert 1 <= len(list(Path("agents/blocks").glob("*.safetensors"))) < 16
    assert call(capsys, *words, "--resume")[0] == 0
    assert call(capsys, *words[:-1], "whole")[0] == 0
    assert cm.agents.load("agents") == cm.agents.load("whole")

"""What the shell says of training: which learner, how many at once, where agents and finished blocks are kept.

``--jobs`` trains blocks of agents in processes of their own. Finished blocks lie beside what a command writes, and with
``--resume`` the same command goes on from them; without it everything is trained again, and takes their place.
"""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import InvalidStateError
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cidmesa.errors import NotApplicableError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cidmesa.agents import Agents
    from cidmesa.gallery.everything import Everything
    from cidmesa.gallery.run import Say, Show

BLOCKS = "blocks"
"""The folder of finished blocks, in the folder that a command writes."""

FORGETS = 0.3
"""How long a pool has to forget what was cancelled, before its processes are ended, in seconds."""

_TRAINING = ("agents", "seed", "steps", "learner", "policy", "block", "checkpoint", "device", "dtype")
"""Options of the training that are passed on as they are."""


def add_options(
    train: argparse.ArgumentParser, validate: argparse.ArgumentParser, run: argparse.ArgumentParser
) -> None:
    """Add what the commands that train may be told of it."""
    for one in (train, validate, run):
        one.add_argument("--agents", type=int, help="how many; what the system says if left out (32)")
        one.add_argument("--seed", type=int, help="of all their noise; what the system says if left out")
        one.add_argument("--steps", type=int, help="training steps; what the system says if left out")
        one.add_argument("--learner", help="reinforce, exact, ppo, dqn, supervised, evolution")
        one.add_argument("--policy", help="what the agents' rules are: mlp, tabular, rnn, vin, attention, planner")
        one.add_argument("--device", help="where they are trained: cpu, cuda, cuda:1; cpu if left out")
        one.add_argument("--dtype", help="the precision of their parameters: float32, float64")
        one.add_argument("--jobs", type=int, metavar="N", help="train blocks of agents in N processes")
        one.add_argument("--block", type=int, metavar="N", help="how many agents are one block (32)")
        one.add_argument("--quiet", action="store_true", help="no progress")
    for one in (train, validate):
        one.add_argument("--body", help="what the agents are made of; the first if left out")
        one.add_argument("--checkpoint", type=Path, help="keep the state here; the same command goes on from it")
    for one in (train, run):
        one.add_argument("--resume", action="store_true", help="go on from the blocks that are finished")
    run.add_argument("--fast", action="store_true", help="fewer agents and steps: whether everything runs, no verdicts")
    train.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="save the agents, as data that never runs")
    train.add_argument(
        "--checkpoints", metavar="A,B", help="keep the agents along training too: numbers of steps, or shares like 0.1"
    )
    validate.add_argument("saved", metavar="AGENTS", nargs="?", type=Path, help="agents that `train --out` saved")


@contextmanager
def training(words: argparse.Namespace, folder: Path | None) -> Iterator[dict[str, Any]]:
    """Give the options of the training that were given, with an executor while it lasts.

    Parameters
    ----------
    words
        What the shell was told.
    folder
        What the command writes; ``None``: no folder, and no blocks are kept.

    Raises
    ------
    NotApplicableError
        A number of jobs that is none, or blocks to go on from and no folder.
    """
    found: dict[str, Any] = {"progress": not words.quiet, **asked(words)}
    if getattr(words, "checkpoints", None) is not None:
        found["checkpoints"] = _points(words.checkpoints)
    if getattr(words, "resume", False) and folder is None:
        raise NotApplicableError("--resume goes on from blocks in the folder of --out: --out agents --resume.")
    if folder is not None:
        from cidmesa.agents import Store

        found["store"] = Store(folder / BLOCKS, fresh=not words.resume)
    if words.jobs is None:
        yield found
        return
    if words.jobs < 1:
        raise NotApplicableError(f"--jobs is a whole number of at least 1; got {words.jobs}.")
    with _processes(words.jobs) as executor:
        yield {**found, "executor": executor}


def asked(words: argparse.Namespace) -> dict[str, Any]:
    """Return what was said of the training itself: how many agents, which seed, which learner."""
    return {name: getattr(words, name) for name in _TRAINING if getattr(words, name, None) is not None}


def run_all(words: argparse.Namespace, say: Say, show: Show) -> Everything:
    """Run every system of the gallery.

    Raises
    ------
    NotApplicableError
        Something is said that is said of one system.
    """
    from cidmesa import gallery
    from cidmesa.gallery.everything import run_all

    for name in ("arm", "body", "tolerance", "max_targets", "prior"):
        if getattr(words, name) is not None:
            option = name.replace("_", "-")
            raise NotApplicableError(f"--{option} is said of one system: cidmesa run red-door --{option} ….")
    return run_all(
        [gallery.load(name) for name in gallery.names()],
        words.output or Path("out"),
        training=lambda inside: training(words, inside),
        asked={"fast": words.fast, **asked(words)},
        resume=words.resume,
        say=say,
        show=show,
    )


@contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    """Give a pool of processes; they are ended at once where something goes wrong, or Ctrl-C is pressed."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_leave_ctrl_c)
    try:
        yield executor
    except BaseException:
        own = set(multiprocessing.active_children()) - before
        with _no_word_of_cancelled_work():
            executor.shutdown(wait=False, cancel_futures=True)
            time.sleep(FORGETS)
            for process in own:
                process.terminate()
            for process in own:
                process.join()
        raise
    executor.shutdown()


@contextmanager
def _no_word_of_cancelled_work() -> Iterator[None]:
    """Keep still a pool's own thread that finds work cancelled as its processes end (Python up to 3.12 prints that)."""
    usual = threading.excepthook

    def told(what: threading.ExceptHookArgs) -> None:
        if not issubclass(what.exc_type, InvalidStateError):
            usual(what)

    threading.excepthook = told
    try:
        yield
    finally:
        threading.excepthook = usual


def _leave_ctrl_c() -> None:
    """Let the process that was started from the shell decide what Ctrl-C ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _points(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) if "." in part else int(part) for part in text.split(","))
    except ValueError:
        raise NotApplicableError(
            f"--checkpoints takes numbers of steps, or shares of training, such as 0.1,0.5; got {text!r}."
        ) from None


def saved_agents(words: argparse.Namespace) -> Agents:
    """Read agents that were saved, after checking that nothing else is said of how they are trained."""
    from cidmesa.agents import load

    said = [name for name in (*_TRAINING, "body") if getattr(words, name, None) is not None]
    if said:
        raise NotApplicableError(
            f"the agents in {words.saved} are trained already: leave out --{said[0]}, or leave out {words.saved}."
        )
    return load(words.saved)

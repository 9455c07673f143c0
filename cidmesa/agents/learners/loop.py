r"""The loop around a learner: its steps, stopping where numbers are no longer finite, and resuming.

A learner is a :class:`Program`: what it starts with, and a function from what it carries to what it carries after one
more step. A step changes nothing in place, so at any moment there is a :class:`State` that is whole. With
``checkpoint=`` it is saved every few seconds and on Ctrl-C, to a temporary file that then takes the place of the old
one. All noise is a function of the step (:mod:`cidmesa.agents.tensors`), so a resumed run gives the very numbers that
an undisturbed one gives. An agent whose numbers are no longer finite stops where it was last whole; the others go on.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.policies.rule import Params
from cidmesa.arrays import Floats
from cidmesa.clock import bar_type
from cidmesa.errors import FileFormatError, NotApplicableError

Memory: TypeAlias = Mapping[str, Params]
"""What a learner carries from step to step, in named groups of tensors with a leading axis for the agents.

The group ``learned`` holds the parameters of the rules, under the names that the rules gave them.
"""

SECONDS = 5.0
"""How often a checkpoint is written."""


_BLOCK = 31 * 2**20
"""The largest block, nearly, of which glibc keeps the memory (``M_MMAP_THRESHOLD`` adapts up to 32 MiB)."""


class Program(NamedTuple):
    """A learner at work on one task."""

    start: Memory
    step: Callable[[Memory, int], tuple[Memory, Floats]]
    """From what is carried and the step's number to what is carried then, and what each agent earned in the step."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Everything a run needs to go on: what the learner carries, and what was earned so far."""

    step: int
    memory: Memory
    earned: tuple[tuple[int, Floats], ...] = ()
    stopped: tuple[tuple[int, int], ...] = ()
    """Pairs (agent, step): at that step its numbers were not finite, and it stays as it was before."""
    noted: tuple[tuple[int, Params], ...] = ()
    """Pairs (steps taken, what was noted of the rules then)."""


class Watch(NamedTuple):
    """What is noted of the rules along the way: after which numbers of steps, and what."""

    steps: frozenset[int]
    note: Callable[[int, Params], Params]
    """From the steps taken and the rules' parameters to tensors with a leading axis for the agents."""


def learn(
    program: Program,
    steps: int,
    *,
    recipe: str,
    checkpoint: Path | None,
    progress: bool,
    until: int | None = None,
    watch: Watch | None = None,
) -> State:
    """Run all steps, from the start or from where `checkpoint` left off.

    Parameters
    ----------
    program
        The learner.
    steps
        How many.
    recipe
        What the run is, as text: a checkpoint of another one is refused.
    checkpoint
        Where the state is kept, if anywhere.
    progress
        Show a bar, once the run has taken two seconds and where there is a terminal.
    until
        After which step to stop; step sizes fall as if all were taken.
    watch
        What is noted of the rules along the way.
    """
    last = steps if until is None else until

    state = State(0, program.start)
    if checkpoint is not None and checkpoint.exists():
        state = load(checkpoint, recipe)
    bar = bar_type()(
        total=last, initial=state.step, desc="training", unit="step", delay=2, leave=False,
        disable=None if progress else True,
    )  # fmt: skip
    saved = time.monotonic()
    try:
        with one_thread():
            state = _noting(state, watch)
            while state.step < last:
                state = _noting(advance(state, program, steps), watch)
                bar.update()
                if checkpoint is not None and time.monotonic() - saved > SECONDS:
                    save(checkpoint, state, recipe)
                    saved = time.monotonic()
    finally:
        bar.close()
        if checkpoint is not None:
            save(checkpoint, state, recipe)
    return state


_alone = threading.Lock()
_inside: list[int] = []
"""How many threads torch had, for each of those that are in :func:`one_thread` now."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread for a while: a population's tensors are small, and threads only wait for each other.

    Where several populations are trained at once, it has its threads back when the last of them is done. The block that
    is taken and given back has no other use than to tell glibc that blocks of this size come and go: it keeps their
    memory from then on, where it would fetch fresh pages in every step.
    """
    with _alone:
        _inside.append(_inside[0] if _inside else torch.get_num_threads())
        torch.set_num_threads(1)
    torch.empty(_BLOCK, dtype=torch.uint8)
    try:
        yield
    finally:
        with _alone:
            threads = _inside.pop()
            if not _inside:
                torch.set_num_threads(threads)


def advance(state: State, program: Program, steps: int) -> State:
    """Take one step and return the new state; the old one is left as it was.

    An agent of which anything is not finite afterwards keeps what it had, now and in all later steps.
    """
    memory, earned = program.step(state.memory, state.step)
    memory, stopped = _keep_whole(state, memory)
    log = state.earned
    if state.step % max(1, steps // 100) == 0:
        log = (*log, (state.step, np.array(earned)))
    return State(state.step + 1, memory, log, stopped, state.noted)


def _noting(state: State, watch: Watch | None) -> State:
    """Return the state with what is to be noted of the rules now."""
    if watch is None or state.step not in watch.steps or any(step == state.step for step, _ in state.noted):
        return state
    with torch.no_grad():
        noted = watch.note(state.step, dict(state.memory["learned"]))
    return replace(state, noted=(*state.noted, (state.step, noted)))


def _keep_whole(state: State, memory: Memory) -> tuple[Memory, tuple[tuple[int, int], ...]]:
    """Return what is carried now, with what agents that have stopped had before, and who has stopped when."""
    numbers = [value for group in memory.values() for value in group.values() if value.is_floating_point()]
    total = torch.stack([value.sum(dtype=torch.float64) for value in numbers]).sum()
    if not state.stopped and bool(total.isfinite()):  # then all are; the sum of large ones may not be, and is looked at
        return memory, ()
    whole = torch.stack([value.isfinite().flatten(1).all(dim=1) for value in numbers]).all(dim=0)
    for agent, _ in state.stopped:
        whole[agent] = False
    if bool(whole.all()):
        return memory, state.stopped
    known = {agent for agent, _ in state.stopped}
    new = [(agent, state.step) for agent in np.flatnonzero(~whole.numpy()).tolist() if agent not in known]
    return chosen(whole, memory, state.memory), (*state.stopped, *new)


def chosen(which: Tensor, new: Memory, old: Memory) -> Memory:
    """Return the new numbers of the agents in `which`, and the old ones of the others."""
    if bool(which.all()):
        return new
    return {
        group: {
            name: torch.where(which.reshape(-1, *[1] * (value.ndim - 1)), value, old[group][name])
            for name, value in values.items()
        }
        for group, values in new.items()
    }


# Checkpoints ----------------------------------------------------------------------------------------------------------


def save(path: Path, state: State, recipe: str) -> None:
    """Write `state` to a temporary file beside `path`, then put it in its place: a reader sees the old or the new."""
    whole = {
        "recipe": recipe,
        "step": state.step,
        "memory": state.memory,
        "earned": [(step, torch.from_numpy(np.array(values))) for step, values in state.earned],
        "stopped": list(state.stopped),
        "noted": list(state.noted),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        torch.save(whole, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path, recipe: str) -> State:
    """Read a checkpoint.

    Raises
    ------
    FileFormatError
        The file is not a checkpoint.
    NotApplicableError
        It belongs to another run.
    """
    try:
        whole = torch.load(path, weights_only=True)
        state = State(
            whole["step"],
            whole["memory"],
            tuple((step, values.numpy()) for step, values in whole["earned"]),
            tuple((int(agent), int(step)) for agent, step in whole["stopped"]),
            tuple((int(step), dict(noted)) for step, noted in whole["noted"]),
        )
        of = whole["recipe"]
    except (RuntimeError, EOFError, KeyError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise FileFormatError(
            f"{path} is not a training checkpoint ({type(error).__name__}): delete it, or give another checkpoint=."
        ) from error
    if of != recipe:
        raise NotApplicableError(
            f"{path} is the checkpoint of another run (model, learner, seed or schedule differ): "
            "give another checkpoint=, or delete the file to start anew."
        )
    return state

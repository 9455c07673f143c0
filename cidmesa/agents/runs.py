r"""Training blocks one after the other, or on any executor, and keeping each that is finished.

An executor is anything with the ``submit`` of :class:`concurrent.futures.Executor`: a process pool, threads, a cluster
(``dask.distributed``'s ``client.get_executor()``). A block is sent out as its recipe, without anything that was
computed, and comes back as bytes, which are written where the run was started. So workers need no disk in common, and
whoever trains a block, its bytes are the same.

A worker that is lost costs its block, which is sent out again, up to :data:`TRIES` times; a pool that breaks down ends
the run with :class:`~cidmesa.errors.WorkerLostError`. What is finished is in the store: the same call goes on from
there. What a learner itself raises is raised as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cidmesa.agents.block import Trained, joined, train_block
from cidmesa.agents.store import Store, address, machine, packed, unpacked
from cidmesa.clock import bar_type
from cidmesa.errors import NotApplicableError, WorkerLostError

if TYPE_CHECKING:
    from cidmesa.agents.recipe import Recipe

TRIES = 20
"""How often a block is sent out."""


class Executor(Protocol):
    """What is asked of an executor."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function elsewhere."""
        ...


class Work(NamedTuple):
    """A block to be trained: which agents of which population, and what is kept along the way."""

    recipe: Recipe
    first: int
    last: int
    keep: tuple[int, ...]

    @property
    def address(self) -> str:
        """The address of what comes out."""
        return address(self.recipe, self.first, self.last, self.keep)


class Failed(NamedTuple):
    """What was raised where a block was trained."""

    error: Exception


def run(
    recipe: Recipe,
    *,
    keep: Sequence[int] = (),
    executor: Executor | None = None,
    store: Store | str | os.PathLike[str] | None = None,
    checkpoint: Path | None = None,
    progress: bool = False,
) -> Trained:
    """Train all blocks of a population.

    Parameters
    ----------
    recipe
        Of the population; says how large a block is.
    keep
        After how many steps the rules are kept as they are then.
    executor
        Where; here, one after the other, if left out.
    store
        A folder where finished blocks are kept, and from which they are taken.
    checkpoint
        For a population of one block: the state inside it.
    progress
        Show a bar once this takes more than two seconds, where there is a terminal.

    Raises
    ------
    WorkerLostError
        Workers were lost too often.
    FileFormatError
        A block in the store is damaged.
    """
    kept = as_store(store)
    size = recipe.block or recipe.agents
    firsts = range(0, recipe.agents, size)
    works = [Work(recipe, first, min(first + size, recipe.agents), tuple(keep)) for first in firsts]
    if checkpoint is not None and (len(works) > 1 or executor is not None):
        raise NotApplicableError(
            "checkpoint= keeps the state inside one block that is trained here, and this run has several, or an "
            "executor: store= keeps every block that is finished."
        )
    if len(works) == 1 and executor is None and kept is None:
        return train_block(recipe, 0, recipe.agents, keep, checkpoint, progress)
    done: dict[int, Trained] = {}
    if kept is not None:
        done = {i: found for i, work in enumerate(works) if (found := kept.read(work.address)) is not None}
    lacking = {i: work for i, work in enumerate(works) if i not in done}
    finished = _here(lacking, checkpoint, progress) if executor is None else _elsewhere(lacking, executor)
    with _bar(len(works), len(done), progress and len(works) > 1) as advance:
        for i, data in finished:
            if kept is not None:
                kept.put(works[i].address, data)
            done[i] = unpacked(data, works[i].address, "a block")
            advance(1)
    return joined([done[i] for i in range(len(works))])


def as_store(store: Store | str | os.PathLike[str] | None) -> Store | None:
    """Return a store; a folder's name stands for the store in it."""
    if store is None or isinstance(store, Store):
        return store
    if not isinstance(store, str | os.PathLike):
        raise NotApplicableError(f"store= is a folder; got {store!r}: store='blocks'.")
    return Store(store)


@contextmanager
def _bar(total: int, done: int, shown: bool) -> Iterator[Any]:
    with bar_type()(
        total=total, initial=done, desc="training", unit="block", delay=2, leave=False, disable=None if shown else True
    ) as bar:
        yield bar.update


def _here(works: dict[int, Work], checkpoint: Path | None, progress: bool) -> Iterator[tuple[int, bytes]]:
    for i, work in works.items():
        shown = progress and len(works) == 1
        trained = train_block(work.recipe, work.first, work.last, work.keep, checkpoint, shown)
        yield i, packed(trained, work.address)


def _elsewhere(works: dict[int, Work], executor: Executor) -> Iterator[tuple[int, bytes]]:
    tries = dict.fromkeys(works, 1)
    sent: dict[Future[Any], int] = {}
    done: SimpleQueue[Future[Any]] = SimpleQueue()  # told of a future that is cancelled too, as `wait` is not

    def send(i: int, why: BaseException | None = None) -> None:
        if tries[i] > TRIES:
            raise WorkerLostError(
                f"a block of agents was sent out {TRIES} times, and each time its worker was lost "
                f"({type(why).__name__}): blocks that are finished are in store=, and the same call goes on from there."
            ) from why
        try:
            future = executor.submit(work_of, works[i], works[i].address, tries[i])
        except RuntimeError as error:  # a pool that is broken or shut down
            raise _lost(error) from error
        sent[future] = i
        future.add_done_callback(done.put)

    try:
        for i in works:
            send(i)
        while sent:
            future = done.get()
            i = sent.pop(future)
            try:
                found = future.result()
            except BrokenExecutor as error:
                raise _lost(error) from error
            except Exception as error:  # noqa: BLE001 - whatever an executor says of a worker that it lost
                tries[i] += 1
                send(i, error)
                continue
            if isinstance(found, Failed):
                raise found.error
            yield i, found
    finally:
        for future in sent:
            future.cancel()


def _lost(error: BaseException) -> WorkerLostError:
    return WorkerLostError(
        f"the executor takes no more work ({type(error).__name__}: a worker was killed, or it was shut down); blocks "
        "that are finished are in store=, and the same call with another executor goes on from there."
    )


def work_of(work: Work, wanted: str, attempt: int) -> bytes | Failed:
    """Train a block where it was sent, and return its bytes, or what was raised; `attempt` tells calls apart."""
    try:
        if work.address != wanted:
            raise NotApplicableError(
                f"a worker is another machine than the one where the run was started, and its numbers would differ in "
                f"the last digits; it has {', '.join(machine())}: the same versions on the same kind of processor."
            )
        return packed(train_block(work.recipe, work.first, work.last, work.keep), wanted)
    except Exception as error:  # noqa: BLE001 - told apart from what an executor raises when it loses a worker
        error.add_note(f"(where agents {work.first} to {work.last - 1} were trained, attempt {attempt})")
        return Failed(error)

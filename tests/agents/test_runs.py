"""Blocks on executors and in stores: whoever trains them, and however often a run is killed, the bytes are the same."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cidmesa.agents import Agents, Recipe, Store, parity, runs, train
from cidmesa.agents.learners import registry
from cidmesa.agents.store import address
from cidmesa.errors import FileFormatError, NotApplicableError, WorkerLostError
from tests.mesa.systems import red_door
from tests.strategies import FULL, examples

PLAN: dict[str, Any] = {
    "agents": 7, "steps": 40, "block": 2, "checkpoints": (10, 0.5), "progress": False,
    "encoders": {"door": parity(2), "red": lambda card: np.eye(card)[:, None, :] * 3},
}  # fmt: skip


def trained(**options: Any) -> Agents:
    return train(red_door(0.3), **{**PLAN, **options})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Agents, dict[str, bytes]]:
    """The sequential run, and what it left in its store."""
    folder = tmp_path_factory.mktemp("blocks")
    return trained(store=folder), blocks(folder)


def blocks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_blocks_are_the_agents_of_one_batch(whole: tuple[Agents, dict[str, bytes]]) -> None:
    agents, kept = whole
    assert len(kept) == 4
    assert agents == trained()
    one = trained(block=None)
    assert one != agents  # the last digits differ, and the recipe says so
    assert one.probabilities("go") == pytest.approx(agents.probabilities("go"), abs=1e-9)
    assert [step for step, _ in one.curve] == [step for step, _ in agents.curve]
    assert one.curve[-1][1] == pytest.approx(agents.curve[-1][1], abs=1e-9)
    assert agents.retrain() == trained(checkpoints=())


def test_threads_leave_the_same_bytes(whole: tuple[Agents, dict[str, bytes]], tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as executor:
        assert trained(executor=executor, store=tmp_path) == whole[0]
    assert blocks(tmp_path) == whole[1]


def test_processes_that_are_killed_leave_the_same_bytes(whole: tuple[Agents, dict[str, bytes]], tmp_path: Path) -> None:
    """A pool whose workers are killed ends the run; another pool goes on from the blocks that are finished."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        executor.submit(os.getpid).result()
        os.kill(executor.submit(os.getpid).result(), signal.SIGKILL)
        with pytest.raises(WorkerLostError, match="the same call with another executor goes on"):
            trained(executor=executor, store=tmp_path, steps=50_000, checkpoints=())
    some = sorted(whole[1])[:2]
    for name in some:
        (tmp_path / name).write_bytes(whole[1][name])
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        assert trained(executor=executor, store=tmp_path) == whole[0]
    assert blocks(tmp_path) == whole[1]


class Stopping:
    """An advance of the learners' loop that is interrupted after so many steps, as by Ctrl-C."""

    def __init__(self, real: Any, after: int) -> None:
        self.real, self.left = real, after

    def __call__(self, *arguments: Any) -> Any:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return self.real(*arguments)


@settings(max_examples=examples(quick=3, full=12), deadline=None)
@given(st.lists(st.integers(0, 170), max_size=4))
def test_a_run_that_is_stopped_anywhere_goes_on_to_the_same_bytes(stops: list[int]) -> None:
    import tempfile

    from cidmesa.agents.learners import loop

    expected = _expected()
    with tempfile.TemporaryDirectory() as folder:
        for after in stops:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(loop, "advance", Stopping(loop.advance, after))
                before = len(blocks(Path(folder)))
                try:
                    trained(store=folder)
                except KeyboardInterrupt:
                    assert len(blocks(Path(folder))) == min(4, before + after // 40)
        assert trained(store=folder) == expected[0]
        assert blocks(Path(folder)) == expected[1]


_KNOWN: list[tuple[Agents, dict[str, bytes]]] = []


def _expected() -> tuple[Agents, dict[str, bytes]]:
    if not _KNOWN:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            _KNOWN.append((trained(store=folder), blocks(Path(folder))))
    return _KNOWN[0]


class Flaky:
    """An executor that loses some of its workers, before they work or after, and finishes in another order."""

    def __init__(self, seed: int, loses: float) -> None:
        self.random, self.loses, self.sent = random.Random(seed), loses, 0

    def submit(self, fn: Any, /, *arguments: Any) -> Future[Any]:
        self.sent += 1
        future: Future[Any] = Future()
        if self.random.random() < self.loses:
            future.set_exception(ConnectionError("a worker was lost"))
        else:
            future.set_result(fn(*arguments))
        return future


@settings(max_examples=examples(quick=2, full=12), deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.2, 0.6]))
def test_blocks_of_lost_workers_are_sent_out_again(seed: int, loses: float) -> None:
    assert trained(executor=Flaky(seed, loses)) == _expected()[0]


def test_workers_that_are_always_lost_end_the_run() -> None:
    flaky = Flaky(0, 1.0)
    with pytest.raises(WorkerLostError, match="sent out 20 times"):
        trained(executor=flaky)
    assert flaky.sent >= runs.TRIES


def test_what_a_learner_raises_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(task: Any) -> Any:
        raise ZeroDivisionError("of the learner")

    monkeypatch.setitem(registry.LEARNERS, "exact", replace(registry.LEARNERS["exact"], program=broken))
    recipe = Recipe(red_door(), learner="exact", agents=4, block=2)
    flaky = Flaky(0, 0.0)
    with pytest.raises(ZeroDivisionError, match="of the learner") as error:
        runs.run(recipe, executor=flaky)
    assert "where agents 0 to 1 were trained" in error.value.__notes__[0]


def test_a_store_is_taken_from_and_a_fresh_one_is_not(
    whole: tuple[Agents, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = trained(store=tmp_path, agents=4)
    count: list[int] = []
    real = runs.train_block
    monkeypatch.setattr(runs, "train_block", lambda *a, **k: count.append(a[1]) or real(*a, **k))
    assert trained(store=tmp_path) == whole[0]
    assert count == [4, 6]  # the first two blocks are those of the smaller population
    assert trained(store=Store(tmp_path, fresh=True)) == whole[0]
    assert count == [4, 6, 0, 2, 4, 6]
    assert len(first) == 4
    assert trained(store=tmp_path, seed=1) != whole[0]
    assert len(count) == 10


def test_addresses_say_all_that_bytes_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    base = Recipe(red_door())
    others = [
        Recipe(red_door(0.1)), Recipe(red_door(), seed=1), Recipe(red_door(), policy="tabular"),
        Recipe(red_door(), learner="ppo"), Recipe(red_door(), encoders={"door": parity(3)}),
        Recipe(red_door(), steps=7), Recipe(red_door(), until=7), Recipe(red_door(), hidden=(7,)),
        Recipe(red_door(), without=("door",)), Recipe(red_door(), batch=7),
    ]  # fmt: skip
    found = {address(recipe, 0, 32) for recipe in (base, *others)}
    found |= {address(base, 0, 31), address(base, 1, 32), address(base, 0, 32, (5,))}
    assert len(found) == len(others) + 4
    assert address(base, 0, 32) == address(Recipe(red_door(), agents=999, block=32), 0, 32)
    before = address(base, 0, 32)
    monkeypatch.setattr("torch.__version__", "other")
    assert address(base, 0, 32) != before


def test_damaged_blocks_are_refused_in_words(tmp_path: Path) -> None:
    trained(store=tmp_path, agents=2)
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    other = trained(store=tmp_path / "other", agents=2, seed=1)
    assert len(other) == 2
    (strange,) = (tmp_path / "other").iterdir()
    for wrong in (b"", data[:-1], data[:-1] + b"\x7f", strange.read_bytes(), data.replace(b"learned", b"learnt ")):
        path.write_bytes(wrong)
        with pytest.raises(FileFormatError, match=r"[Dd]elete it, and it is trained again"):
            trained(store=tmp_path, agents=2)


def test_a_worker_with_other_versions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    work = runs.Work(Recipe(red_door(), agents=1, steps=1), 0, 1, ())
    found = runs.work_of(work, "another address", 1)
    assert isinstance(found, runs.Failed)
    assert "a worker is another machine" in str(found.error)


def test_learners_that_a_worker_does_not_know_are_named() -> None:
    recipe = Recipe(red_door(), agents=1, steps=1)
    object.__setattr__(recipe, "learner", "mine")
    with pytest.raises(NotApplicableError, match="'mine' is not known where these agents are to be trained"):
        recipe.learns(recipe.task_of(0, 1))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"block": 0}, "block= is a whole number of at least 1"),
        ({"store": 3}, "store= is a folder"),
        ({"checkpoint": "state"}, "store= keeps every block"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(NotApplicableError, match=text):
        trained(**options)


# A cluster ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50, memory_limit=0
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def kills(client: Any, stop: threading.Event, seed: int, killed: list[int]) -> None:
    """Kill a worker now and then; the cluster starts another one in its place."""
    chance = random.Random(seed)
    while len(killed) < 3 and not stop.wait(chance.uniform(0.5, 1.5)):
        running = [nanny.process.process.pid for nanny in client.cluster.workers.values() if nanny.process is not None]
        if running:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(running), signal.SIGKILL)
                killed.append(len(killed))


@pytest.mark.skipif(not FULL, reason="a cluster takes long to start: full profile")
@pytest.mark.filterwarnings("ignore")  # of the cluster, about the workers that are killed
def test_a_cluster_whose_workers_are_killed_at_random_leaves_the_same_bytes(cluster: Any, tmp_path: Path) -> None:
    long: dict[str, Any] = {"steps": 600, "agents": 4, "block": 1}
    one = trained(store=tmp_path / "one", **long)
    stop, killed = threading.Event(), list[int]()
    killer = threading.Thread(target=kills, args=(cluster, stop, 0, killed))
    killer.start()
    try:
        other = trained(executor=cluster.get_executor(), store=tmp_path / "other", **long)
    finally:
        stop.set()
        killer.join()
    assert killed
    assert other == one
    assert blocks(tmp_path / "other") == blocks(tmp_path / "one")

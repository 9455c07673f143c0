"""Agents that are trained again for several rows are trained side by side, and come out as one by one."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import cidmesa as cm
from cidmesa.agents.runs import Failed
from cidmesa.errors import NotApplicableError
from cidmesa.validation.ahead import trained_ahead
from cidmesa.validation.changed import measure
from cidmesa.validation.checks import Checks
from tests.mesa.systems import red_door, red_door_deployments


class Gathering:
    """An executor that begins when so much work is there at once, or after some seconds; from then on at once."""

    def __init__(self, many: int) -> None:
        self.many, self.most = many, 0
        self._waiting: list[tuple[Future[Any], Any]] = []
        self._lock, self._pool = threading.Lock(), ThreadPoolExecutor(2)
        self._patience = threading.Timer(10, self._begin)
        self._patience.start()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            self._waiting.append((future, (fn, args, kwargs)))
            self.most = max(self.most, len(self._waiting))
        if self.most >= self.many or self._patience.finished.is_set():
            self._patience.cancel()
            self._begin()
        return future

    def _begin(self) -> None:
        with self._lock:
            for future, call in self._waiting:
                self._pool.submit(self._run, future, call)
            self._waiting = []

    @staticmethod
    def _run(future: Future[Any], call: Any) -> None:
        fn, args, kwargs = call
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - handed on, as executors do
            future.set_exception(error)


def population() -> tuple[Any, Any]:
    setup = cm.TrainingSetup(red_door(), deployments=red_door_deployments())
    family = cm.derive_mesa_optimizers(setup)
    agents = cm.train(setup, learner="exact", policy="tabular", agents=4, block=4, steps=20, progress=False)
    return family, agents


def test_all_that_rows_need_is_sent_out_at_once() -> None:
    family, agents = population()
    alone = cm.validate(family, agents, progress=False)
    retrained = {row.id for row in alone.rows if row.prediction.retrained and len(row.statistic)}
    assert len(retrained) >= 3
    executor = Gathering(3)
    together = cm.validate(family, agents, progress=False, executor=executor)
    assert executor.most >= 3
    assert together.to_dict() == alone.to_dict()


class Hanging:
    """An executor that never comes to its work."""

    def __init__(self) -> None:
        self.sent: list[Future[Any]] = []
        self.begun = threading.Event()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.sent.append(future)
        self.begun.set()
        return future


def test_where_judging_ends_early_what_has_not_begun_is_called_back() -> None:
    family, agents = population()
    executor = Hanging()
    checks = Checks(family.setup, family.hypotheses, agents, where={"executor": executor})

    def judged() -> None:
        with trained_ahead(checks, family.predictions(), measure):
            assert executor.begun.wait(30)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged()
    assert executor.sent
    assert all(future.cancelled() for future in executor.sent)


class Failing:
    """An executor on which everything fails in a way of its own."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(Failed(NotApplicableError("odd")))
        return future


def test_what_fails_there_is_raised_here() -> None:
    family, agents = population()
    with pytest.raises(NotApplicableError, match="odd"):
        cm.validate(family, agents, progress=False, executor=Failing())

"""The populations of a run: one after the other, or all arms and bodies side by side on an executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cidmesa.agents.revocable import Revocable

if TYPE_CHECKING:
    from cidmesa.agents import Agents
    from cidmesa.gallery.system import System
    from cidmesa.mesa.derive import Family


class Populations:
    """The populations of a system; with an executor all that were begun are trained side by side.

    A thread for each of them sends out its blocks and waits. When the run ends early no block is begun any more.

    Attributes
    ----------
    executor
        Where blocks are sent.
    """

    def __init__(self, system: System, executor: Executor | None, options: Mapping[str, Any]) -> None:
        self._system = system
        self._options = options
        self.executor = None if executor is None else Revocable(executor)
        self._begun: dict[tuple[str, str], Future[Agents]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def begin(self, pairs: Sequence[tuple[str, str]], families: Mapping[str, Family]) -> None:
        """Begin to train populations, by arm and body."""
        if not pairs:
            return
        options = {**self._options, "executor": self.executor, "progress": False}
        self._threads = ThreadPoolExecutor(len(pairs))
        for arm, body in pairs:
            begun = self._threads.submit(self._system.agents, body, arm, family=families[arm], **options)
            self._begun[arm, body] = begun

    def get(self, arm: str, body: str, family: Family) -> Agents:
        """Return a population, once it is trained."""
        if (arm, body) in self._begun:
            return self._begun[arm, body].result()
        return self._system.agents(body, arm, family=family, **self._options)

    def close(self) -> None:
        """Begin no more blocks."""
        if self.executor is not None:
            self.executor.revoke()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

"""An executor whose work can be called back.

>>> from concurrent.futures import ThreadPoolExecutor
>>> with ThreadPoolExecutor(1) as pool:
...     executor = Revocable(pool)
...     executor.submit(abs, -1).result()
...     executor.revoke()
...     executor.submit(abs, -1)
Traceback (most recent call last):
    ...
RuntimeError: the run was stopped
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol


class Submits(Protocol):
    """What is asked of an executor."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function elsewhere."""
        ...


class Revocable:
    """An executor whose work can be called back: what has not begun is not begun any more."""

    def __init__(self, executor: Submits) -> None:
        self._executor = executor
        self._sent: list[Future[Any]] = []
        self._revoked = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Send work on."""
        if self._revoked:
            raise RuntimeError("the run was stopped")
        future = self._executor.submit(fn, *args, **kwargs)
        self._sent.append(future)
        return future

    def revoke(self) -> None:
        """Call back what has not begun."""
        self._revoked = True
        for future in self._sent:
            future.cancel()

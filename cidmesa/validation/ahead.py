"""Training agents again side by side, before they are judged: where there is an executor its workers need not wait.

Rows are first asked what they would train (:meth:`~.checks.Checks.again` notes it and gives up), and all of that is
sent out at once; then rows are judged in their order, each waiting for what it needs. What comes out is the same:
agents are determined by their recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from cidmesa.agents.revocable import Revocable
from cidmesa.mesa.predictions.predictions import Prediction
from cidmesa.validation.checks import Checks, Noted


@contextmanager
def trained_ahead(
    checks: Checks, rows: Iterable[Prediction], measure: Callable[[Checks, Prediction], Any]
) -> Iterator[None]:
    """Begin to train all that rows need, where there is an executor; at the end call back what has not begun.

    Parameters
    ----------
    checks
        What measures the agents.
    rows
        What will be measured.
    measure
        Measures one of them.
    """
    executor = checks.where.get("executor")
    if executor is None:
        yield
        return
    revocable = Revocable(executor)
    where = {**checks.where, "executor": revocable}
    wanted = checks.noting = {}
    try:
        for row in rows:
            if row.retrained:
                with suppress(Noted):
                    measure(checks, row)
    finally:
        checks.noting = None
    threads = ThreadPoolExecutor(max(1, len(wanted)))
    try:
        for key, change in wanted.items():
            again: Any = checks.subjects.recipe  # nobody notes a change without one
            checks.begun[key] = threads.submit(again.retrain, **change, **where)
        yield
    finally:
        revocable.revoke()
        threads.shutdown(wait=False, cancel_futures=True)

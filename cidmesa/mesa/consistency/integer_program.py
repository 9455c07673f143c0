r"""The widest of many cones, by a mixed-integer program.

Used for the objective that stands for a consistent set whose choices are too many to be listed
(:mod:`.consistent_set`). Whether the set is empty, and what its objectives may do, is not decided here: an integer
program sees no margin below its own tolerance.
"""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.mesa.consistency.choices import Choice, Choices
from cidmesa.mesa.objectives import cones

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECONDS = 60.0
"""The solver stops there with what it has."""

Cell = tuple[float, Choice, Floats]
"""The margin of a choice's cone, the choice, and an objective that attains the margin."""


def widest(choices: Choices) -> Cell | None:
    """Return the choice with the largest margin, of several (to 1e-9) the first in action order.

    ``None`` where the solver finds none with a margin above :data:`~cidmesa.mesa.objectives.cones.SETTLED`.
    """
    best = _widest(choices, {})
    if best is None:
        return None
    value = best[0]
    fixed: dict[int, int] = {}
    for place, here in enumerate(choices.options):
        for option in sorted(range(len(here)), key=lambda i: here[i].action):
            if option == best[1][place]:
                break
            other = _widest(choices, {**fixed, place: option})
            if other is not None and other[0] >= value - 1e-9:
                best = other
                break
        fixed[place] = best[1][place]
    return best


def _widest(choices: Choices, fixed: Mapping[int, int]) -> Cell | None:
    r"""Return the widest cone with some options fixed, place → option.

    Variables: :math:`O \in [-1,1]^T`, a binary :math:`y[c,i]` per option of a place, and the margin :math:`m`, which is
    maximised subject to :math:`r \cdot O \ge m - 2 (1 - y[c,i])` for the rows :math:`r` of option i,
    :math:`\sum_i y[c,i] = 1`, and :math:`\sum_{c,i} regret[c,i]\, y[c,i] \le \epsilon` over the places of each level.
    The answer is confirmed by the linear program with the binaries fixed, and by the choice's cost as a fraction.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    options = choices.options
    size = choices.table.outcome.shape[2]
    starts = np.cumsum([size, *(len(here) for here in options)])
    total = int(starts[-1]) + 1  # the margin comes last
    builder = _Rows(total)
    for place, here in enumerate(options):
        for i, option in enumerate(here):
            for row in option.rows:
                builder.add(row, {int(starts[place]) + i: -2.0, total - 1: -1.0}, -2.0, np.inf)
        builder.add((), {int(starts[place]) + i: 1.0 for i in range(len(here))}, 1.0, 1.0)
    budget = float(choices.budget)
    if math.isfinite(budget) and budget > 0.0:
        for places in choices.levels:
            paid = [(int(starts[p]) + i, option.regret) for p in places for i, option in enumerate(options[p])]
            builder.add((), {at: cost / budget for at, cost in paid if cost}, -np.inf, 1.0)
    cost = np.zeros(total)
    cost[-1] = -1.0
    lower, upper = np.r_[-np.ones(size), np.zeros(total - size)], np.ones(total)
    for place, chosen in fixed.items():
        lower[int(starts[place]) + chosen] = 1.0
    matrix = coo_array((builder.entries, (builder.row, builder.column)), shape=(len(builder.low), total)).tocsr()
    with _standard_output_closed():
        answer = milp(
            cost,
            integrality=np.r_[np.zeros(size), np.ones(total - size - 1), 0.0],
            bounds=Bounds(lower, upper),
            constraints=LinearConstraint(matrix, builder.low, builder.high),
            # HiGHS's presolve has returned fractional "integers" on such programs; they are small enough without.
            options={"mip_rel_gap": 0.0, "time_limit": SECONDS, "presolve": False},
        )
    if answer.x is None:
        return None
    choice = tuple(int(np.argmax(answer.x[starts[c] : starts[c] + len(here)])) for c, here in enumerate(options))
    if not choices.affords(choice):
        return None
    value, objective = cones.margin(choices.inequalities(choice))
    return (value, choice, objective) if value > cones.SETTLED else None


@contextmanager
def _standard_output_closed() -> Iterator[None]:
    """Send what the solver writes on the process's standard output nowhere.

    HiGHS 1.12 has a line of debugging left in (``tmpSolver.run();``, jump-dev/HiGHS.jl#312) that no option turns off;
    it would end up within the plain data that ``cidmesa derive --json`` prints.
    """
    try:
        kept = os.dup(1)
    except OSError:  # there is no standard output
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


class _Rows:
    """Rows of a sparse constraint matrix, as they are written."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.row: list[int] = []
        self.column: list[int] = []
        self.entries: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, dense: Floats | tuple[()], sparse: dict[int, float], low: float, high: float) -> None:
        for column, entry in [*enumerate(dense), *sparse.items()]:
            if entry:
                self.row.append(len(self.low))
                self.column.append(column)
                self.entries.append(float(entry))
        self.low.append(low)
        self.high.append(high)

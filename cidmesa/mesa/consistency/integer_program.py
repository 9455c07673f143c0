r"""The mixed-integer program behind consistency and regret intervals.

Used where choices are too many to be listed (:mod:`.consistent_set`), and where the worst actions of several
contexts need different objectives (:mod:`.regret_interval`). Each answer is confirmed by the linear program with the
binaries fixed.
"""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.mesa.consistency.choices import Choice, Choices
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, tie_width, weak_rows

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """A solution of a mixed-integer program, confirmed."""

    cost: float
    choice: Choice
    deployed: Choice
    gap: float


@dataclass(frozen=True, eq=False)
class Program:
    r"""The mixed-integer program over objectives, choices in training and actions in a deployment.

    Variables: :math:`O \in [-1,1]^T`, binaries :math:`y[c,i]` (one option per training context) and :math:`z[c,a]` (one
    action per context of `deployed`), and the margin :math:`m` where `delta` is ``None``.

    .. math::

       r \cdot O &\ge \delta - (1+\delta)(1 - y[c,i]) && \text{for the strict rows } r \text{ of option } i \\
       r^\sigma \cdot O &\ge -(1 - z[c,a]) && \text{for the rows of } a \text{ against all others} \\
       \textstyle\sum_{c,i} \text{regret}[c,i]\, y[c,i] &\le \epsilon .

    Scaled rows make the constants as small as they can be.

    Parameters
    ----------
    choices
        The choices in training.
    delta
        The margin asked for on strict rows; ``None`` maximises it.
    deployed
        The distribution whose actions are chosen weakly.
    weak
        Further weak rows.
    fixed
        Context → option that is not free.
    seconds
        The solver stops there and reports its proven gap.
    """

    choices: Choices
    delta: float | None
    deployed: OutcomeTable | None = None
    weak: Floats | None = None
    fixed: dict[int, int] = field(default_factory=dict)
    seconds: float = 60.0

    def solve(self, minimise: Floats | None = None, deployed_cost: Floats | None = None) -> Found | None:
        """Minimise a cost of the options, or of the deployed actions (C, A), or maximise the margin; ``None``: none.

        An answer that the linear program with the binaries fixed does not confirm counts as none.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array

        options = self.choices.options
        size = self.choices.table.outcome.shape[2]
        starts = np.cumsum([size, *(len(here) for here in options)])
        actions = 0 if self.deployed is None else self.deployed.value.size
        first_z = int(starts[-1])
        total = first_z + actions + 1  # the margin comes last
        builder = _Rows(total)
        # r.O >= delta - (1 + delta)(1 - y); with the margin as a variable r.O >= m - 2 (1 - y).
        for context, here in enumerate(options):
            for i, option in enumerate(here):
                y = int(starts[context]) + i
                for row in option.rows:
                    if self.delta is None:
                        builder.add(row, {y: -2.0, total - 1: -1.0}, -2.0, np.inf)
                    else:
                        builder.add(row, {y: -(1.0 + self.delta)}, -1.0, np.inf)
            builder.add((), {int(starts[context]) + i: 1.0 for i in range(len(here))}, 1.0, 1.0)
        regrets = {size + i: cost for i, cost in enumerate(self.choices.costs) if cost}
        allowed = self.choices.budget + tie_width(self.choices.table.value)
        if math.isfinite(allowed):
            builder.add((), regrets, -np.inf, allowed)
        for row in self.weak if self.weak is not None else ():
            builder.add(row, {}, 0.0, np.inf)
        if self.deployed is not None:
            contexts, moves = self.deployed.value.shape
            for context, action in product(range(contexts), range(moves)):
                z = first_z + context * moves + action
                others = np.flatnonzero(np.arange(moves) != action)
                for row in self.deployed.rows(context, action, others):
                    builder.add(row, {z: -1.0}, -1.0, np.inf)
            for context in range(contexts):
                builder.add((), {first_z + context * moves + a: 1.0 for a in range(moves)}, 1.0, 1.0)

        cost = np.zeros(total)
        if minimise is not None:
            cost[size:first_z] = minimise
        elif deployed_cost is not None:
            cost[first_z : first_z + actions] = deployed_cost.ravel()
        else:
            cost[-1] = -1.0
        lower, upper = np.r_[-np.ones(size), np.zeros(total - size)], np.ones(total)
        for context, option_at in self.fixed.items():
            lower[int(starts[context]) + option_at] = 1.0
        integrality = np.r_[np.zeros(size), np.ones(total - size - 1), 0.0]
        matrix = coo_array((builder.entries, (builder.row, builder.column)), shape=(len(builder.low), total)).tocsr()
        with _standard_output_closed():
            answer = milp(
                cost,
                integrality=integrality,
                bounds=Bounds(lower, upper),
                constraints=LinearConstraint(matrix, builder.low, builder.high),
                # HiGHS's presolve has returned fractional "integers" on such programs; they are small enough without.
                options={"mip_rel_gap": 0.0, "time_limit": self.seconds, "presolve": False},
            )
        if answer.x is None:
            return None
        choice = tuple(int(np.argmax(answer.x[starts[c] : starts[c] + len(here)])) for c, here in enumerate(options))
        taken: Choice = ()
        weak = [] if self.weak is None else [self.weak]
        if self.deployed is not None:
            z = answer.x[first_z : first_z + actions].reshape(self.deployed.value.shape)
            taken = tuple(int(a) for a in z.argmax(axis=1))
            weak.append(weak_rows(self.deployed, dict(enumerate(taken))))
        rows = np.vstack(weak) if weak else None
        if cones.margin(self.choices.inequalities(choice), rows)[0] <= cones.SETTLED:
            return None
        if minimise is not None:
            value = self.choices.cost(choice)
        elif deployed_cost is not None:
            value = math.fsum(deployed_cost[c, a] for c, a in enumerate(taken))
        else:
            value = float(-answer.x[-1])
        gap = abs(answer.fun - answer.mip_dual_bound) if answer.mip_dual_bound is not None else math.inf
        return Found(value, choice, taken, float(gap))


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

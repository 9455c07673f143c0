r"""What a policy is worth, how far that may be off, and which of two is worth more.

An expected utility in floating point is off by no more than its own terms can lose (:mod:`.ties`). Two of them that
are closer are computed in exact arithmetic, on the numbers as they were meant.

>>> import cidmesa as cm
>>> cid = cm.CID([("coin", "pay"), ("bet", "pay")], decisions=["bet"], utilities=["pay"])
>>> coin = cm.Categorical({0: 0.1, 1: 0.2, 2: 0.7})
>>> model = cid.parameterise(coin=coin, bet=[0, 1, 2], pay=lambda coin, bet: [0.3, int(coin < 2), int(coin == 1)][bet])
>>> sure, likely, rare = (Worth.of(model, {"bet": lambda bet=bet: bet}) for bet in (0, 1, 2))
>>> compared(likely, sure), compared(rare, sure), likely.exactly
(0, -1, Fraction(3, 10))
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.solve.policies.decision_order import Schedule, Scheduler, own_factor
from cidmesa.solve.policies.problem import Problem
from cidmesa.solve.policies.ties import LEAST, Ties
from cidmesa.solve.tables.elimination import mask_of, run
from cidmesa.solve.tables.model_tables import MAX_TABLE, ModelTables, agent_utilities, view_of

if TYPE_CHECKING:
    from cidmesa.model import CIM

DIGITS = 1e-9
"""Differences are computed exactly where rounding would leave fewer correct digits than this."""


@dataclass(frozen=True, eq=False)
class Worth:
    """The expected sum of some utilities in a model whose decisions have rules.

    Attributes
    ----------
    problem
        The model and the utilities; no decision is open.
    """

    problem: Problem

    @classmethod
    def of(cls, model: CIM, policy: Any = None, agent: Hashable = None) -> Worth:
        """Return the worth of a policy to an agent (``None``: the only one)."""
        view = view_of(model, "an expected utility", policy)
        utilities = view.index.ids(agent_utilities(view.index.cid, agent, "an expected utility"))
        return cls(Problem(view, (), utilities, MAX_TABLE))

    @cached_property
    def _schedule(self) -> Schedule:
        view, utilities = self.problem.view, self.problem.utilities
        return view.index.planned(
            ("worth", view.cards, utilities),
            lambda: Scheduler(view.index, view.cards, utilities, (), {}).schedule(MAX_TABLE),
        )

    @cached_property
    def _ties(self) -> Ties:
        return Ties(self._schedule, self.problem.tables(self._schedule), self.problem.view.cards, self.problem.scale)

    @cached_property
    def value(self) -> float:
        """The expected utility, up to :attr:`error`."""
        assert self._schedule.plan is not None  # no decision is open
        _, w = run(self._schedule.plan, self._ties.tables)
        return 0.0 if w is None else float(w)

    @property
    def doubt(self) -> float:
        """How far any value of this model may be off: more than :attr:`error`, and known at once."""
        return self._schedule.doubt * self.problem.scale + LEAST

    @property
    def rounding(self) -> float:
        """What of :attr:`doubt` is due to rounding alone."""
        assert self._schedule.plan is not None  # no decision is open
        return self._schedule.plan.rounding * 2.0**-53 * self.problem.scale

    @cached_property
    def error(self) -> float:
        """How far :attr:`value` may be off."""
        return float(self._ties.value_error())

    @cached_property
    def size(self) -> float:
        """The expected sum of the absolute utilities."""
        return float(self._ties.absolute_value())

    @cached_property
    def exactly(self) -> Fraction | None:
        """The expected utility in exact arithmetic; ``None`` where it is out of reach."""
        found = self._ties.exact_values()
        return None if found is None else Fraction(found.item())


def compared(one: Worth, other: Worth) -> int | None:
    """Return the sign of the difference of two values; ``None`` where it is not known."""
    if one is other:
        return 0
    gap = one.value - other.value
    if abs(gap) <= one.doubt + other.doubt and abs(gap) <= one.error + other.error:
        if one.exactly is None or other.exactly is None:
            return None
        return (one.exactly > other.exactly) - (one.exactly < other.exactly)
    return 1 if gap > 0 else -1


def difference(one: Worth, other: Worth) -> tuple[float, bool]:
    """Return the difference of two values, and whether at least its sign is right.

    Where rounding would leave fewer than nine digits it is computed exactly, if that is in reach.
    """
    gap = one.value - other.value
    if abs(gap) > one.doubt + other.doubt and abs(gap) * DIGITS > one.rounding + other.rounding:
        return gap, True
    if abs(gap) * DIGITS > one.error + other.error:
        return gap, True
    if one.exactly is not None and other.exactly is not None:
        return float(one.exactly - other.exactly), True
    return gap, abs(gap) > one.error + other.error


def exact_tensor(
    view: ModelTables, utilities: Sequence[int], decisions: Sequence[int], axes: Sequence[int]
) -> Array | None:
    """Return, on a positive scale and in integers, what is paid over `axes` but for the rules of `decisions`.

    Parameters
    ----------
    view
        The model; other decisions have rules.
    utilities
        What is paid.
    decisions
        The decisions whose rules are left out.
    axes
        The axes, the decisions and their parents among them.

    Returns
    -------
    numpy.ndarray or None
        ``None`` where it is out of reach.
    """
    index = view.index
    above = index.ancestors((*utilities, *axes)) & ~mask_of(decisions)
    nodes = [v for v in reversed(index.cid.topological) if above >> v & 1]
    nodes = [v for v in nodes if index.kinds[v] != "u" or v in utilities]
    factors = tuple([own_factor(index, v) for v in nodes])
    tables = Problem(view, (), tuple(utilities), MAX_TABLE).pairs(nodes)
    schedule = Schedule((), (), (), tuple(nodes), factors, tuple(axes), None, 0.0, False, {})
    found = Ties(schedule, tables, view.cards).exact_pair(factors, axes)
    if found is None:
        return None
    shape = [view.cards[v] for v in axes]
    return np.zeros(shape, np.int64) if found[1] is None else np.broadcast_to(found[1], shape)

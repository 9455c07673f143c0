r"""What is at stake in a model: between which values policies lie, and what the best action gains on the next.

The range of a utility's table is no yardstick: luck that no policy moves, and a penalty that nobody takes, are in it.

>>> import cidmesa as cm
>>> cid = cm.CID([("act", "pay"), ("luck", "pay")], decisions=["act"], utilities=["pay"])
>>> model = cid.parameterise(luck=cm.Uniform(0, 100), act=[0, 1, 2], pay=lambda act, luck: (0, 1, -50)[act] + luck)
>>> attainable_range(model), typical_gain(model)
((0.0, 51.0), 1.0)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.queries.query import joint

if TYPE_CHECKING:
    from cidmesa.model import CIM
    from cidmesa.solve.policies.solution import Solution


def paying_only(model: CIM, utilities: Iterable[str]) -> CIM:
    """Return the model in which all utilities but these pay nothing.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "a"), ("act", "b")], decisions=["act"], utilities=["a", "b"])
    >>> model = cid.parameterise(act=[0, 1], a=lambda act: act, b=lambda act: -act)
    >>> paying_only(model, ["b"]).cpd("a").tolist()
    [0.0, 0.0]
    """
    paid = set(utilities)
    silent = {u: np.zeros_like(model.cpd(u), dtype=np.float64) for u in model.cid.utilities if u not in paid}
    return model.shift(silent) if silent else model


def negated(model: CIM) -> CIM:
    """Return the model whose best policy is the worst of `model`."""
    return model.shift({u: -np.asarray(model.cpd(u), dtype=np.float64) for u in model.cid.utilities})


def attainable_range(
    model: CIM, shared_rules: Iterable[tuple[str, ...]] = (), *, budget: Budget = UNLIMITED
) -> tuple[float, float]:
    """Return what the worst policy and the best one are worth.

    Parameters
    ----------
    model
        Numeric, of one agent.
    shared_rules
        Decisions that follow one rule.
    budget
        How long it may take.

    Notes
    -----
    Two solves; values that differ by rounding alone are equal. Where an optimum is not proven the range is the one
    between the policies found.
    """
    shared = tuple(shared_rules)
    best = float(solve(model, shared_rules=shared, budget=budget, progress=False).value)
    worst = -float(solve(negated(model), shared_rules=shared, budget=budget, progress=False).value)
    tied = best - worst <= 1e-12 * max(abs(best), abs(worst), _largest(model))
    return worst + 0.0, (worst if tied else best) + 0.0


def _largest(model: CIM) -> float:
    """Return the largest number that a utility pays, in size."""
    return max((float(np.abs(model.cpd(u)).max(initial=0.0)) for u in model.cid.utilities), default=0.0)


def typical_gain(model: CIM, shared_rules: Iterable[tuple[str, ...]] = ()) -> float:
    """Return what the best action gains on the next best, where one does: the mean over contexts of all decisions.

    A penalty that costs a thousand times as much as what is to be told apart does not move it. Where values by action
    are not to be had it is the attainable range; 1 where no policy is better than another.
    """
    shared = tuple(shared_rules)
    try:
        found = solve(model, shared_rules=shared, budget=UNLIMITED, progress=False)
        gains = [] if shared else [_gain_of(found, decision) for decision in model.cid.decisions]
        gained = [gain for gain in gains if gain > 0]
        if gained:
            return float(np.mean(gained))
        low, high = attainable_range(model, shared)
    except NotApplicableError:
        return 1.0
    return high - low if high - low > 1e-12 * max(abs(high), abs(low)) else 1.0


def _gain_of(found: Solution, decision: str) -> float:
    """Return the mean gain at one decision, over the contexts of positive probability in which there is one."""
    model = found.model
    values = np.asarray(found.action_values(decision), dtype=np.float64)
    may = model.allowed(decision)
    values = np.where((True if may is None else may) & np.isfinite(values), values, -np.inf)
    values = values.reshape(-1, values.shape[-1])
    law = np.asarray(joint(model, model.cid.parents(decision), policy=found.tables), dtype=np.float64).reshape(-1)
    best = values.max(axis=1)
    slack = 1e-9 * np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max(initial=0.0)
    next_best = np.where(values < best[:, None] - slack, values, -np.inf).max(axis=1)
    gains = (law > 0) & np.isfinite(next_best)
    return float(law[gains] @ (best[gains] - next_best[gains]) / law[gains].sum()) if gains.any() else 0.0

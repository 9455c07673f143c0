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
from cidmesa.solve.policies.worth import Worth, difference
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
    Two solves. How far the two are apart is computed exactly where rounding would leave few digits, whatever either is
    worth. Where an optimum is not proven the range is the one between the policies found.
    """
    shared = tuple(shared_rules)
    best = solve(model, shared_rules=shared, budget=budget, progress=False)
    worst = solve(negated(model), shared_rules=shared, budget=budget, progress=False)
    low = Worth.of(model, worst.tables)
    apart, _ = difference(Worth.of(model, best.tables), low)
    return low.value + 0.0, low.value + max(0.0, apart) + 0.0


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
    return high - low or 1.0


def _gain_of(found: Solution, decision: str) -> float:
    """Return the mean gain at one decision, over the contexts of positive probability in which there is one."""
    model = found.model
    values = np.asarray(found.action_values(decision), dtype=np.float64)
    optimal = found.optimal_mask(decision)
    may = model.allowed(decision)
    others = np.isfinite(values) & ~optimal & (True if may is None else may)
    best = np.where(optimal, values, -np.inf).max(axis=-1).reshape(-1)
    next_best = np.where(others, values, -np.inf).max(axis=-1).reshape(-1)
    law = np.asarray(joint(model, model.cid.parents(decision), policy=found.tables), dtype=np.float64).reshape(-1)
    gains = (law > 0) & np.isfinite(next_best) & (best > next_best)
    return float(law[gains] @ (best[gains] - next_best[gains]) / law[gains].sum()) if gains.any() else 0.0

r"""One rule for all moves, without a clock: what it can earn at best, and what optimizers of an objective cost then.

A *stationary* rule takes the same action in a state whenever it comes there. The best of them is not found by one
sweep: what is best at first may be wrong at last. **Branch and bound** finds it. A sweep in which every move has a rule
of its own bounds what any stationary rule earns; where its best policy takes two actions in one state, the action in
that state is fixed, one way in each branch. When no branch is left the optimum is exact; when it stops before, what was
found and the largest bound that is left enclose it.

**Regrets.** If the best stationary rule earns what rules of their own earn, the stationary rules that are optimal for
the objective are those that stay, wherever they go, within its optimal actions :math:`A_O(t, s)`; the most and the
least that these earn the base are two more searches. If it earns less, nothing follows from the sweeps: the regret is
not known.

Rules are deterministic here. Where a rule is used twice, tossing a coin may be better than any of them (Piccione and
Rubinstein 1997); what rules of their own earn bounds that too.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": ["left", "right"],
...                          "at'": lambda at, act: max(0, at - 1) if act == "left" else min(2, at + 1),
...                          "pay": lambda **now: [2, 0, 1][now["at'"]]})
>>> walk = cm.SequenceSetup(step, 3)
>>> best_rule(walk, walk.training.base, "training")
OneRule(6, exact)
>>> one_rule_regret(walk, ("at'",), [0, 0, 1], "training")
[3, 3]

References
----------
M. Littman, "Memoryless policies: theoretical limitations and practical results", 1994 (that it is hard, and branch and
bound); M. Piccione and A. Rubinstein, "On the interpretation of decision problems with imperfect recall", 1997.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from itertools import count
from typing import Any

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.clock import check_time
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.solve.policies.step_model import StepModel

BRANCHES = 200
"""How many branches are looked at, if nothing else is said."""


@dataclass(frozen=True, slots=True, repr=False)
class OneRule:
    """The best stationary rule, or what is known of it.

    Attributes
    ----------
    value
        What the best rule that was found earns; ``None``: none was found.
    bound
        What no stationary rule exceeds (or, of the worst, falls below).
    rule
        The number of its action in each state that it comes to; in those that are left out, 0.
    """

    value: Fraction | None
    bound: Fraction
    rule: Mapping[int, int]

    @property
    def exact(self) -> bool:
        """Whether the rule that was found is the best."""
        return self.value == self.bound

    def __repr__(self) -> str:
        found = "none found" if self.value is None else f"{float(self.value):g}"
        return f"OneRule({found}, {'exact' if self.exact else f'bound {float(self.bound):g}'})"


def best_rule(
    setup: SequenceSetup,
    paid: sweeps.Paid,
    name: str,
    *,
    within: Mask | None = None,
    sign: int = 1,
    branches: int = BRANCHES,
) -> OneRule | None:
    """Return the stationary rule that earns most (sign 1) or least (-1) in training or in a deployment.

    Parameters
    ----------
    setup, paid, name
        The sequence, what a step pays, and where: see :meth:`.Additive.paid`.
    within
        The actions that may be taken, shape (T, S, A); left out, all of them.
    sign
        1 or -1.
    branches
        How many branches are looked at.

    Returns
    -------
    OneRule or None
        ``None``: no stationary rule stays within these actions.
    """
    model = setup.at(name).model
    shape = (setup.horizon, *model.successors.shape[:2])
    every = np.ones(shape, dtype=bool) if within is None else within
    value: Fraction | None = None
    rule: Mapping[int, int] = {}
    order = count()
    heap: list[tuple[Any, ...]] = []

    def look(fixed: dict[int, int]) -> None:
        may = going_on(model, _fixed(every, fixed))
        if may is None:
            return
        best, bound = sweeps.optimal(model, paid, setup.horizon, may, sign)
        heappush(heap, (-sign * bound, next(order), fixed, *_followed(model, best)))

    look({})
    if not heap:
        return None
    for _ in range(branches):
        check_time("the search for one rule", "fewer branches, or a shorter horizon")
        if not heap or (value is not None and -heap[0][0] <= sign * value):
            break
        bound, _, fixed, actions, torn = heappop(heap)
        if torn is None:
            value, rule = -sign * bound, actions
            break
        alone = going_on(model, _fixed(every, {**dict.fromkeys(range(shape[1]), 0), **actions, **fixed}))
        if alone is not None:
            _, earns = sweeps.optimal(model, paid, setup.horizon, alone, sign)
            if value is None or sign * earns > sign * value:
                value, rule = earns, {**actions, **fixed}
        for action in range(shape[2]):
            look({**fixed, torn: action})
    left = [sign * -bound for bound, *_ in heap]
    if value is not None:
        left.append(value)
    if not left:
        return None
    return OneRule(value, max(left) if sign > 0 else min(left), rule)


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What optimizers with one rule cost the base: each end of their regret interval lies between two numbers.

    Attributes
    ----------
    least, most
        (no less than, no more than), for the least and for the largest regret; equal where it is exact.
    """

    least: tuple[Fraction, Fraction]
    most: tuple[Fraction, Fraction]

    @property
    def interval(self) -> Interval:
        """The interval, with how far its ends may be off as ``gap``."""
        (low, below), (above, high) = self.least, self.most
        return Interval(float(below), float(above), float(max(below - low, high - above)))

    @property
    def exact(self) -> bool:
        """Whether both ends are known."""
        return self.least[0] == self.least[1] and self.most[0] == self.most[1]


def enclosed(
    setup: SequenceSetup, name: str, within: Mask | None = None, *, branches: int = BRANCHES
) -> tuple[Enclosed, bool]:
    """Return what the stationary rules within some actions cost the base, against the best stationary rule.

    Parameters
    ----------
    setup, name
        The sequence, and ``"training"`` or a deployment.
    within
        The actions that are optimal for an objective at each move, shape (T, S, A); left out, all of them.
    branches
        How many branches each search looks at.

    Returns
    -------
    Enclosed, bool
        And whether some stationary rule was found that stays within. Where none is, a clock is worth something to the
        objective, and its optimizers are taken to be any stationary rules: from nothing to all that can be lost.
    """
    base = setup.at(name).base
    found = {sign: best_rule(setup, base, name, within=within, sign=sign, branches=branches) for sign in (1, -1)}
    best, worst = (best_rule(setup, base, name, sign=sign, branches=branches) for sign in (1, -1))
    most, least = found[1], found[-1]
    nothing = Fraction(0)
    if most is None or least is None or most.value is None or least.value is None:
        all_of_it = nothing if best is None or worst is None else best.bound - worst.bound
        return Enclosed((nothing, all_of_it), (nothing, all_of_it)), False
    highest = most.bound if best is None else best.bound
    known = most.value if best is None or best.value is None else max(best.value, most.value)
    low = max(nothing, known - most.bound), max(nothing, highest - most.value)
    return Enclosed(low, (max(nothing, known - least.value), highest - least.bound)), True


def one_rule_regret(
    setup: SequenceSetup, names: tuple[str, ...], values: Sequence[Any], name: str, *, branches: int = BRANCHES
) -> Interval | None:
    """Return the base regret of the stationary rules that are optimal for an additive objective, competent.

    Against the best stationary rule for the base. The interval's ``gap`` says how far its ends may be off, 0 where all
    searches ended. ``None``: not known, since one rule cannot do what the objective wants at every move.

    Parameters
    ----------
    setup, names, values
        As for :class:`.Additive`.
    name
        ``"training"`` or a deployment.
    branches
        How many branches each search looks at.
    """
    found, followed = enclosed(setup, name, Additive(setup, names, values).may(name), branches=branches)
    return found.interval if followed else None


def _fixed(within: Mask, fixed: Mapping[int, int]) -> Mask:
    """Return the actions that are left where those of some states are fixed."""
    found = within.copy()
    for s, action in fixed.items():
        keep = found[:, s, action].copy()
        found[:, s] = False
        found[:, s, action] = keep
    return found


def going_on(model: StepModel, within: Mask) -> Mask | None:
    """Return the actions from which one can stay within for good; ``None`` where one cannot even begin.

    States that cannot be stayed in are given all actions; none that is returned leads there.
    """
    found = within.copy()
    likely = model.weights.astype(bool)
    alive = np.ones(within.shape[1], dtype=bool)
    for t in range(len(within) - 1, -1, -1):
        found[t] &= (alive[model.successors] | ~likely).all(axis=2)
        alive = found[t].any(axis=1)
        found[t, ~alive] = True
    return found if alive[model.start.astype(bool)].all() else None


def _followed(model: StepModel, best: Mask) -> tuple[dict[int, int], int | None]:
    """Return the action in each state that is come to, as before where that is as good, and a state torn by two."""
    actions: dict[int, int] = {}
    likely = model.weights.astype(bool)
    torn = None
    at = np.flatnonzero(model.start.astype(bool)).tolist()
    for now in best:
        after: set[int] = set()
        for s in at:
            if not now[s, actions.setdefault(s, int(now[s].argmax()))]:
                torn = s if torn is None else torn
            action = actions[s] if now[s, actions[s]] else int(now[s].argmax())
            after.update(model.successors[s, action][likely[s, action]].tolist())
        at = sorted(after)
    return actions, torn

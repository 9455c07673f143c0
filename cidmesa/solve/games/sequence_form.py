r"""Zero-sum games of two agents with perfect recall, by linear programming over sequences.

Listing policies is hopeless where agents decide often: the number of rules is exponential in the number of contexts.
With *perfect recall*, where each decision of an agent sees what its earlier ones saw and did, a policy is known by its
*realisation plan* [1]_: for every context and action of a decision the product :math:`x(c, a)` of the probabilities
with which the agent itself takes that action and all its own actions before. Plans are the points of a polytope,

.. math:: \sum_a x(c, a) = x(\text{the agent's own context and action before } c), \qquad x \ge 0,

with 1 on the right for the first decision, and what an agent may expect is bilinear, :math:`x^T P y`. Where the
payoffs of the two add up to a constant, a plan that is best against the worst that the other can do is the solution of
a linear program with as many variables as there are contexts and actions, and two such plans are an equilibrium [1]_.

>>> import cidmesa as cm
>>> cid = cm.CID([("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
...              utilities={"A": ["ua"], "B": ["ub"]})
>>> pennies = cid.parameterise(a=[0, 1], b=[0, 1], ua=lambda a, b: int(a == b), ub=lambda a, b: -int(a == b))
>>> {d: rule.round(9).tolist() for d, rule in security_rules(pennies, ["a", "b"]).items()}
{'a': [0.5, 0.5], 'b': [0.5, 0.5]}

References
----------
.. [1] D. Koller, N. Megiddo and B. von Stengel, "Efficient computation of equilibria for extensive two-person games",
   *Games and Economic Behavior* 14, 1996, Theorem 3.1; B. von Stengel, "Efficient computation of behavior strategies",
   in the same volume.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.solve.queries.payoffs import payoff_tensor, uniform_rule

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from cidmesa.model import CIM

_CONSTANT = 1e-12
"""How far the sum of the payoffs of a zero-sum game may vary, relative to the payoffs: the rounding of their sums."""


def why_no_sequence_form(model: CIM, decisions: Sequence[str]) -> str | None:
    """Return why the sequence form does not cover a game of two agents; ``None`` if it does.

    Parameters
    ----------
    model
        The game; decisions other than `decisions` have rules.
    decisions
        Those open, of two agents.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
    ...              utilities={"A": ["ua"], "B": ["ub"]})
    >>> meet = cid.parameterise(a=[0, 1], b=[0, 1], ua=lambda a, b: int(a == b), ub=lambda a, b: int(a == b))
    >>> why_no_sequence_form(meet, ["a", "b"])
    'the payoffs of the two do not add up to a constant; general sums are not covered'
    """
    for own in _by_agent(model, decisions).values():
        for earlier, later in pairwise(own):
            forgotten = [n for n in (*model.cid.parents(earlier), earlier) if n not in model.cid.parents(later)]
            if forgotten:
                return f"`{later}` does not see {', '.join(f'`{n}`' for n in forgotten)}, which its agent saw or did"
    _, law, (first, second) = _payoffs(model, decisions)
    if _constant(law, first, second) is None:
        return "the payoffs of the two do not add up to a constant; general sums are not covered"
    return None


def security_rules(model: CIM, decisions: Sequence[str]) -> dict[str, Array]:
    """Return rules of two agents each of which is best against the worst the other can do: an equilibrium.

    Parameters
    ----------
    model, decisions
        As for :func:`why_no_sequence_form`, which has to say ``None``.

    Returns
    -------
    dict
        The rule of every decision, shape ``(cards of parents..., card)``; uniform in contexts that the agent's own
        rules exclude.

    Notes
    -----
    Two linear programs (HiGHS); time is polynomial in the number of contexts of all decisions together. The
    vertices that it returns are solved for once more, so the rules are right up to rounding.
    """
    owned = _by_agent(model, decisions)
    axes, law, (first, second) = _payoffs(model, decisions)
    constant = _constant(law, first, second) or 0.0
    plans = [_Plans(model, tuple(own)) for own in owned.values()]
    where = np.nonzero(law)
    places = dict(zip(axes, where, strict=True))
    rows, columns = (plan.last(places) for plan in plans)
    rules: dict[str, Array] = {}
    # What the second agent loses is what the first wins, up to the constant.
    for own, other, i, j, pay in (
        (plans[0], plans[1], rows, columns, first[where]),
        (plans[1], plans[0], columns, rows, second[where] - constant * law[where]),
    ):
        rules.update(own.rules(_best_plan(own, other, i, j, pay)))
    return {d: rules[d] for d in decisions}


def _by_agent(model: CIM, decisions: Sequence[str]) -> dict[Hashable, list[str]]:
    """Return the decisions of each agent in an order in which causes come first."""
    cid = model.cid
    order = [cid.nodes[i] for i in cid.topological if cid.nodes[i] in set(decisions)]
    agents = [a for a in cid.agents if any(cid.agent_of(d) == a for d in order)]
    return {a: [d for d in order if cid.agent_of(d) == a] for a in agents}


def _payoffs(model: CIM, decisions: Sequence[str]) -> tuple[tuple[str, ...], Array, tuple[Array, Array]]:
    """Return the law of all that is seen and done but for the rules, and the same times what each agent is paid."""
    axes: tuple[str, ...] = ()
    law: Array = np.ones(())
    pays = []
    for agent in _by_agent(model, decisions):
        axes, law, pay = payoff_tensor(
            model, decisions, utilities=model.cid.utilities_of(agent), instead="let decisions observe less"
        )
        pays.append(pay)
    for decision in decisions:  # what is forbidden is no part of the game
        may = model.allowed(decision)
        if may is not None:
            family = [*model.cid.parents(decision), decision]
            order = sorted(range(len(family)), key=lambda i: axes.index(family[i]))
            shape = [model.card(n) if n in family else 1 for n in axes]
            law = law * may.transpose(order).reshape(shape)
    return axes, law, (np.where(law > 0, pays[0], 0.0), np.where(law > 0, pays[1], 0.0))


def _constant(law: Array, first: Array, second: Array) -> float | None:
    """Return the constant that the payoffs of two agents add up to wherever the game can go, ``None`` if none."""
    reached = law > 0
    if not reached.any():
        return 0.0
    sums = (first[reached] + second[reached]) / law[reached]
    sizes = (np.abs(first[reached]) + np.abs(second[reached])) / law[reached]
    constant = float(sums[0])
    return constant if (np.abs(sums - constant) <= _CONSTANT * (sizes + abs(constant))).all() else None


@dataclass(frozen=True)
class _Plans:
    """The realisation plans of one agent: a variable for every context and action of each of its decisions."""

    model: CIM
    decisions: tuple[str, ...]

    @property
    def families(self) -> list[tuple[str, ...]]:
        """What each decision sees and sets: the axes of its variables."""
        return [(*self.model.cid.parents(d), d) for d in self.decisions]

    def shape(self, family: Sequence[str]) -> tuple[int, ...]:
        """Return the cards of some nodes."""
        return tuple(map(self.model.card, family))

    @property
    def offsets(self) -> list[int]:
        """Where the variables of each decision begin; the last entry is their number."""
        sizes = [math.prod(self.shape(family)) for family in self.families]
        return [0, *np.cumsum(sizes).tolist()]

    @property
    def may(self) -> Mask:
        """Which variables are not zero because their action is forbidden."""
        limits = [self.model.allowed(d) for d in self.decisions]
        sizes = np.diff(self.offsets).tolist()
        parts = [np.ones(n, dtype=bool) if may is None else may.ravel() for n, may in zip(sizes, limits, strict=True)]
        return np.concatenate(parts)

    def last(self, places: dict[str, Ints]) -> Ints:
        """Return the variable of the last decision that belongs to some values of the nodes."""
        family = self.families[-1]
        return self.offsets[-2] + np.ravel_multi_index([places[n] for n in family], self.shape(family))

    def constraints(self) -> tuple[csr_array[Any], Floats]:
        """Return the equations of a plan, one for each context of each decision: their matrix and right-hand side."""
        from scipy.sparse import coo_array

        rows, columns, values, right = [], [], [], []
        begin = 0
        for stage, family in enumerate(self.families):
            shape = self.shape(family)
            contexts = math.prod(shape[:-1])
            own = np.arange(contexts * shape[-1])
            rows.append(begin + own // shape[-1])
            columns.append(self.offsets[stage] + own)
            values.append(np.ones(len(own)))
            if stage:
                before = self.families[stage - 1]
                at = dict(zip(family[:-1], np.unravel_index(np.arange(contexts), shape[:-1]), strict=True))
                rows.append(begin + np.arange(contexts))
                earlier = np.ravel_multi_index([at[n] for n in before], self.shape(before))
                columns.append(self.offsets[stage - 1] + earlier)
                values.append(-np.ones(contexts))
            right.append(np.full(contexts, 0.0 if stage else 1.0))
            begin += contexts
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        return coo_array(entries, shape=(begin, self.offsets[-1])).tocsr(), np.concatenate(right)

    def rules(self, plan: Floats) -> dict[str, Array]:
        """Return the rules that a plan comes from; uniform over what is allowed where it never gets."""
        found: dict[str, Array] = {}
        for d, family, begin, end in zip(self.decisions, self.families, self.offsets, self.offsets[1:], strict=False):
            table = plan[begin:end].reshape(self.shape(family))
            total = table.sum(axis=-1, keepdims=True)
            found[d] = np.where(total > 0, table / np.where(total > 0, total, 1.0), uniform_rule(self.model, d))
        return found


def _best_plan(own: _Plans, other: _Plans, rows: Ints, columns: Ints, pay: Floats) -> Floats:
    r"""Return the plan :math:`x` that makes :math:`\min_y x^T P y` largest.

    The inner minimum is replaced by its dual: :math:`\max f^T v` subject to :math:`F^T v \le P^T x`.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, csr_array, hstack

    mine, right = own.constraints()
    theirs, theirs_right = other.constraints()
    size = float(np.abs(pay).max(initial=0.0)) or 1.0
    payoff = csr_array(coo_array((pay / size, (rows, columns)), shape=(mine.shape[1], theirs.shape[1])))
    below = hstack([-payoff.T, theirs.T], format="csr")[other.may]
    equal = hstack([mine, csr_array((mine.shape[0], theirs.shape[0]))], format="csr")
    cost = np.concatenate([np.zeros(mine.shape[1]), -theirs_right])
    bounds = [(0, None if free else 0) for free in own.may.tolist()] + [(None, None)] * theirs.shape[0]
    found = linprog(
        cost, A_ub=below, b_ub=np.zeros(below.shape[0]), A_eq=equal, b_eq=right, bounds=bounds, method="highs-ds"
    )
    if found.status != 0 or found.x is None or found.slack is None:
        raise NotApplicableError(f"the linear program of the sequence form was not solved: {found.message}")
    return _polished(found.x, found.slack, below, equal, right, mine.shape[1])


def _polished(x: Floats, slack: Floats, below: Any, equal: Any, right: Floats, plans: int) -> Floats:
    """Solve for the vertex again by the constraints that are tight there, and return its plan without rounding dust."""
    from scipy.sparse import vstack
    from scipy.sparse.linalg import lsqr

    free = np.ones(len(x), dtype=np.bool_)
    free[:plans] = x[:plans] > _DUST
    tight = slack <= _DUST
    system = vstack([equal, below[tight]], format="csr")[:, free]
    wanted = np.concatenate([right, np.zeros(int(tight.sum()))])
    kept = np.where(free, x, 0.0)
    step = lsqr(system, wanted - system @ kept[free], atol=1e-15, btol=1e-15)[0]
    moved = kept.copy()
    moved[free] += step
    plan = moved[:plans] if (moved[:plans] >= 0).all() and np.abs(step).max(initial=0.0) < _DUST else kept[:plans]
    found: Floats = np.maximum(plan, 0.0)
    return found


_DUST = 1e-7
"""Probabilities and slacks that the linear program leaves at its tolerance: zero at the vertex."""

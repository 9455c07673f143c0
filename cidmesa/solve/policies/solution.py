"""What solving returns: the value, the rules, and every optimal action."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.readonly import ReadOnly
from cidmesa.shown import Shown, plain, said

if TYPE_CHECKING:
    from cidmesa.model import CIM


@dataclass(frozen=True, slots=True, eq=False)
class DecisionResult:
    """What solving found for one decision.

    Attributes
    ----------
    values
        Expected utility of every action in every context; axes: the decision, then its parents. An axis of length
        one stands for a parent that does not matter. ``None`` where they are still to be computed.
    optimal
        Which actions are optimal, axes alike.
    chosen
        The probability that the policy gives to every action, axes alike; ``None`` where it takes the first optimal
        action everywhere.
    known
        Whether `optimal` are exactly those: ``False`` where some are closer than rounding can tell and too large a
        problem for exact arithmetic.
    """

    values: Array | None
    optimal: Array
    chosen: Array | None = None
    known: bool = True

    @property
    def rule(self) -> Array:
        """The probability that the policy gives to every action, axes alike."""
        return first_of(self.optimal) if self.chosen is None else self.chosen


def first_of(optimal: Array) -> Array:
    """Return the rule (first axis: the action) that takes the first action marked in every context."""
    actions = np.arange(len(optimal)).reshape((-1,) + (1,) * (optimal.ndim - 1))
    rule: Array = actions == optimal.argmax(axis=0)
    return rule.astype(float)


@dataclass(frozen=True, eq=False, repr=False)
class Solution(Shown):
    r"""An optimal policy of one agent, its value, and all optimal actions.

    Attributes
    ----------
    model
        The model that was solved.
    value
        Expected sum of the agent's utilities under :attr:`policy`; with several agents a mapping from agent to the
        expected sum of its own, without those for whom a decision that is still open matters.
    exact
        Whether `value` is the optimum. ``False`` marks a local optimum or a lower bound, and `method` says which.
    method
        How it was found.
    results
        Per decision the arrays behind the rest.
    upper_bound
        What no policy of the agent is worth more than: its own value where it is exact, else a proven bound, which is
        the sum of the largest utilities where nothing better is known.
    off
        How far `value` may be off by rounding and by how floats are read, at most; infinite where that was not asked.

    Notes
    -----
    An action counts as optimal when its expected utility equals the best one's in exact arithmetic on the numbers that
    were meant: 0.1 is 1/10, and no difference is too small to count, whatever a utility elsewhere is worth
    (:mod:`cidmesa.solve.policies.ties`). Where that is out of reach the solution is not `exact`.

    In contexts that the policy never reaches the actions are the optimal ones of the *subgame-perfect completion*: they
    are computed from the mechanisms relevant to the decision, which do not include what makes the context unlikely.
    Where the relevant mechanisms themselves give the context probability zero (two exact sensors of one hidden state
    that disagree) nothing can be believed there: every action is listed and the action values are NaN.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right", "stay"],
    ...                          win=lambda door, go: int(door == go))
    >>> best = model.solve()
    >>> best.value, best.policy["go"]["left",], best.optimal_actions["go"]["right",]
    (1.0, 'left', ('right',))
    >>> best
    Solution(value=1.0, exact, method='relevance order'; go)
    """

    model: CIM
    value: Any
    exact: bool
    method: str
    results: Mapping[str, DecisionResult]
    upper_bound: float | None = None
    off: float = math.inf

    @cached_property
    def tables(self) -> Mapping[str, Array]:
        """The rule of every decision solved for, as a table ``(cards of parents..., card)``."""
        return ReadOnly({d: self._whole(d, result.rule) for d, result in self.results.items()})

    @cached_property
    def policy(self) -> Mapping[str, dict[tuple[Hashable, ...], Any]]:
        """``{decision: {context: action}}``, the first optimal action everywhere; usable as ``policy=``.

        An action drawn at random (shared rules can need that) is written ``{action: probability}``.
        """
        return {decision: readable(self.model, decision, table) for decision, table in self.tables.items()}

    @cached_property
    def optimal_actions(self) -> Mapping[str, dict[tuple[Hashable, ...], tuple[Any, ...]]]:
        """``{decision: {context: all optimal actions, in domain order}}``."""
        found = {}
        for decision, result in self.results.items():
            domain = self.model.domain(decision)
            rows = self._whole(decision, result.optimal).reshape(-1, len(domain)).tolist()
            found[decision] = {
                context: tuple([action for action, best in zip(domain, row, strict=True) if best])
                for context, row in zip(self.model.contexts(decision), rows, strict=True)
            }
        return found

    def action_values(self, decision: str | None = None) -> Array:
        r"""Return :math:`\mathbb{E}[\sum_{U \in U^D} U \mid pa_D, do(d)]` for every context and action.

        Parameters
        ----------
        decision
            The decision; ``None`` stands for the only one.

        Returns
        -------
        numpy.ndarray
            Shape ``(cards of parents..., card)``, in the units of the utilities. The sum runs over :math:`U^D`, the
            utilities that descend from the decision; the others add the same to every action of a context. Later
            decisions follow the optimal policy.

        Examples
        --------
        >>> import cidmesa as cm
        >>> cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
        >>> cid.parameterise(a=[0, 1], u=lambda a: 3 * a).solve().action_values().tolist()
        [0.0, 3.0]
        """
        decision = self._solved(decision)
        values = self.results[decision].values
        if values is None:
            others = {d: table for d, table in self.tables.items() if d != decision}
            alone = self.model.with_policy(others).solve(agent=self.model.cid.agent_of(decision))
            values = alone.results[decision].values
        return self._whole(decision, np.full(1, np.nan) if values is None else values)

    def optimal_mask(self, decision: str | None = None) -> Array:
        """Return which actions are optimal, as booleans of shape ``(cards of parents..., card)``."""
        decision = self._solved(decision)
        return self._whole(decision, self.results[decision].optimal)

    def uniform_over_optimal(self) -> Mapping[str, Array]:
        """Return the stochastic policy that mixes evenly over the optimal actions; usable as ``policy=``.

        Where the optimum was found decision by decision (``method='relevance order'``) any mixture of optimal actions
        is optimal.
        """
        masks = {d: self.optimal_mask(d) for d in self.results}
        return {d: mask / mask.sum(axis=-1, keepdims=True) for d, mask in masks.items()}

    def __getitem__(self, decision: str) -> dict[tuple[Hashable, ...], Any]:
        """Return the rule of one decision, ``{context: action}``.

        >>> import cidmesa as cm
        >>> cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
        >>> cid.parameterise(a=[0, 1], u=lambda a: 3 * a).solve()["a"]
        {(): 1}
        """
        return self.policy[self._solved(decision)]

    def _solved(self, decision: str | None) -> str:
        decision = self.model.cid.only_decision(decision, question="action values")
        if decision not in self.results:
            if decision in self.model.rules:
                raise NotApplicableError(f"`{decision}` has a fixed rule in this model, so it was not solved for.")
            raise unknown(decision, self.results, what="a decision that was solved for")
        return decision

    def _whole(self, decision: str, array: Array) -> Array:
        """Write an array over (decision, parents) out in full, the decision's axis last, read-only."""
        model = self.model
        shape = [model.card(node) for node in (decision, *model.cid.parents(decision))]
        return np.moveaxis(np.broadcast_to(array, shape), 0, -1)

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for decision, rule in self.policy.items():
            parents = self.model.cid.parents(decision)
            for context, action in rule.items():
                when = ", ".join(f"{node}={said(value)}" for node, value in zip(parents, context, strict=True))
                best = self.optimal_actions[decision][context]
                rows.append({"decision": decision, "context": when or "always", "action": action, "optimal": best})
        return rows

    def _caption(self) -> str:
        if self.exact:
            return f"value {said(self.value)} (exact, {self.method})"
        return f"value {said(self.value)} (not exact, {self.method}{self._at_most()})"

    def _at_most(self) -> str:
        if self.upper_bound is None or len(self.model.cid.agents) > 1:
            return ""
        most = sum(float(self.model.cpd(u).max()) for u in self.model.cid.utilities)
        beside = "" if self.upper_bound == most else f", and the largest utilities sum to {said(most)}"
        return f"; no policy is worth more than {said(self.upper_bound)}{beside}"

    def to_dict(self) -> dict[str, Any]:
        """Return value, method and the rule of every decision as plain data."""
        found = {"value": plain(self.value), "exact": self.exact, "method": self.method}
        return {**found, **super().to_dict()}

    def __repr__(self) -> str:
        label = "exact" if self.exact else "not exact"
        return (
            f"Solution(value={self.value!r}, {label}, method={self.method!r}; {', '.join(self.results) or 'nothing'})"
        )


def readable(model: CIM, decision: str, table: Array) -> dict[tuple[Hashable, ...], Any]:
    """Write a rule as ``{context: action}``, or ``{context: {action: probability}}`` where it draws one at random."""
    domain = model.domain(decision)
    rows = table.reshape(-1, len(domain))
    chosen = rows.argmax(axis=1).tolist()
    pure = (rows.max(axis=1) == 1.0).tolist()
    return {
        context: domain[chosen[i]]
        if pure[i]
        else {action: float(p) for action, p in zip(domain, rows[i], strict=True) if p > 0}
        for i, context in enumerate(model.contexts(decision))
    }

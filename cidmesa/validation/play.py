r"""Several decisions as one array: what is seen, done and paid in an episode, whatever the rules are.

With the rules divided out, the law of all that decisions see and do is a fixed array, and the expectation of anything
under any policy is a sum of its products with the rules. All that goals need of several decisions is such a sum:

=========================  ============================================================================================
:meth:`Play.advantages`    :math:`q_O(pa, a)` under even play, less its mean: what makes up every difference of policies
:meth:`Play.soft`          the policy of largest :math:`\beta\, E[O] + \sum_D H(D \mid Pa_D)`, by soft induction [1]_
:meth:`Play.expected`      :math:`E_\pi[O]`
=========================  ============================================================================================

Both inductions settle the decisions in the order of the relevance graph, so the diagram has to be soluble; for soft
ones with the entropy of each decision counted as a utility that reads the decision and what it sees.

References
----------
.. [1] B. Ziebart, J. Bagnell and A. Dey, "Modeling interaction via the principle of maximum causal entropy", ICML 2010.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.graph import relevance_graph
from cidmesa.mechanisms import Table
from cidmesa.model import CIM
from cidmesa.solve.queries.payoffs import open_law, payoff_tensor, uniform_rule

if TYPE_CHECKING:
    from cidmesa.diagram import CID

SOFT = "an entropy of "


class Play:
    """Episodes of one model, all its decisions left open.

    Parameters
    ----------
    model
        Numeric, of one agent.
    question
        What is asked, for messages.

    Raises
    ------
    NotApplicableError
        Several agents; a decision that cannot be settled before or after others; too many values for one array.
    """

    def __init__(self, model: CIM, question: str) -> None:
        cid = model.cid
        if len(cid.agents) > 1 or not cid.decisions:
            raise NotApplicableError(
                f"{question} is that of one agent, and this diagram has {len(cid.agents)}: demote the others' "
                "decisions and utilities."
            )
        self.model, self.question = model, question
        self.order = _settled_first(with_entropies(cid), question)
        self.axes, self.law, _ = payoff_tensor(model, self.order, utilities=[], instead="ask of a smaller diagram")
        self.even: dict[str, Floats] = {d: uniform_rule(model, d) for d in self.order}

    # Arrays -----------------------------------------------------------------------------------------------------------

    def payoff(self, utilities: Sequence[str] | None = None) -> Floats:
        """Return the law times the sum of utilities."""
        return payoff_tensor(self.model, self.order, utilities=utilities, instead="ask of a smaller diagram")[2]

    def features(self, names: Sequence[str]) -> Floats:
        """Return the law together with that of some nodes' values, a last axis for all of them; utilities by level."""
        model = with_levels_as_values(self.model, [n for n in names if self.model.cid.kind(n) == "utility"])
        open_names = tuple(dict.fromkeys((*self.axes, *names)))
        law = open_law(model.unrestricted(), open_names)
        at = {name: i for i, name in enumerate(open_names)}
        twice = [at[name] for name in self.axes]
        size = math.prod(model.card(n) for n in names)
        spread = np.zeros((*law.shape[: len(self.axes)], *(model.card(n) for n in names)))
        if all(name not in self.axes for name in names):
            spread[...] = law
        else:  # a target that is seen or done is its own value
            pins = [np.eye(model.card(n)) for n in names if n in self.axes]
            fresh = {n: len(open_names) + i for i, n in enumerate(names) if n in self.axes}
            operands: list[object] = [law, list(range(len(open_names)))]
            for pin, (name, axis) in zip(pins, fresh.items(), strict=True):
                operands += [pin, [at[name], axis]]
            spread = np.einsum(*operands, [*twice, *(fresh.get(n, at[n]) for n in names)])  # type: ignore[call-overload]
        found: Floats = spread.reshape(*self.law.shape, size)
        return found

    def placed(self, decision: str, table: Floats) -> Floats:
        """Return a table over the decision's parents and itself with its axes where the array has them."""
        names = (*self.model.cid.parents(decision), decision)
        place = [self.axes.index(name) for name in names]
        shape = [1] * len(self.axes)
        for name, axis in zip(names, place, strict=True):
            shape[axis] = self.model.card(name)
        return np.asarray(table).transpose(np.argsort(place)).reshape(shape)

    def seen(self, decision: str, array: Floats) -> Floats:
        """Return an array summed over all but the decision and what it sees, its axes first in their order."""
        names = (*self.model.cid.parents(decision), decision)
        place = [self.axes.index(name) for name in names]
        rest = tuple(axis for axis in range(len(self.axes)) if axis not in place)
        summed = array.sum(axis=rest)
        back = np.argsort(np.argsort(place))
        more = range(len(place), summed.ndim)
        return np.asarray(summed.transpose(*back, *more))

    def under(self, rules: Mapping[str, Floats], array: Floats, *, besides: str | None = None) -> Floats:
        """Return an array times the rules of all decisions (but one)."""
        found = array
        for decision in self.order:
            if decision != besides:
                placed = self.placed(decision, rules[decision])
                found = found * placed.reshape(placed.shape + (1,) * (array.ndim - len(self.axes)))
        return found

    def may(self, decision: str) -> Mask:
        """Return the allowed actions."""
        allowed = self.model.allowed(decision)
        return np.ones(self.even[decision].shape, dtype=bool) if allowed is None else allowed

    # What they add up to ----------------------------------------------------------------------------------------------

    def expected(self, rules: Mapping[str, Floats], array: Floats) -> Floats:
        """Return the expectation of what was multiplied into the law."""
        return np.asarray(self.under(rules, array).sum(axis=tuple(range(len(self.axes)))))

    def weight(self, decision: str, rules: Mapping[str, Floats]) -> Floats:
        """Return how often each context comes up."""
        return np.asarray(self.seen(decision, self.under(rules, self.law, besides=decision)).mean(axis=-1))

    def values(self, decision: str, rules: Mapping[str, Floats], array: Floats) -> Floats:
        r"""Return :math:`E[\cdot \mid pa, do(a)]` with the other decisions' rules; 0 where it does not come up."""
        paid = self.seen(decision, self.under(rules, array, besides=decision))
        weight = self.weight(decision, rules)
        weight = weight.reshape(weight.shape + (1,) * (paid.ndim - weight.ndim))
        return np.divide(paid, weight, out=np.zeros_like(paid), where=weight > 0)

    def advantages(self, pay: Floats) -> list[tuple[Floats, Floats]]:
        """Return each decision's context weights and action values over their mean, all others playing evenly."""
        found = []
        for decision in self.order:
            q, may = self.values(decision, self.even, pay), self.may(decision)
            weight = self.weight(decision, self.even)
            above = q - q.mean(axis=-1, keepdims=True, where=may)
            found.append((weight, np.where(may & (weight > 0)[..., None], above, 0.0)))
        return found

    def soft(self, pay: Floats, beta: float) -> dict[str, Floats]:
        """Return the soft-optimal rules; for infinite `beta` their limit, even play among optimal continuations."""
        rules = dict(self.even)
        entropy = np.zeros_like(self.law)
        for decision in self.order:
            later = self.values(decision, rules, self.law * entropy)
            q, may = self.values(decision, rules, pay), self.may(decision)
            if math.isinf(beta):
                top = (np.sign(beta) * q).max(axis=-1, keepdims=True, where=may, initial=-np.inf)
                free = may & (np.sign(beta) * q >= top - 1e-9 * self.scale(pay))
                z = later
            else:
                free, z = may, beta * q + later
            log_rule = log_softmax(z, free)
            rules[decision] = np.where(free, np.exp(log_rule), 0.0)
            entropy = entropy - self.placed(decision, log_rule)
        return rules

    def scale(self, pay: Floats) -> float:
        """Return the largest action value there is."""
        return max(1e-300, *(float(np.abs(self.values(d, self.even, pay)).max(initial=0.0)) for d in self.order))

    def likelihood(self, rules: Mapping[str, Floats], model: Mapping[str, Floats]) -> float:
        r"""Return :math:`E_\pi \sum_D \log \hat\pi(D \mid Pa_D)`."""
        total = 0.0
        for decision in self.order:
            weight = self.weight(decision, rules)[..., None] * rules[decision]
            with np.errstate(divide="ignore"):
                logs = np.log(model[decision])
            total += float((weight * np.where(weight > 0, logs, 0.0)).sum())
        return total

    def log_actions(self, rules: Mapping[str, Floats]) -> float:
        """Return the mean sum of the logarithms of the numbers of allowed actions."""
        return -self.likelihood(rules, self.even)

    def largest(self, pay: Floats) -> float:
        """Return the most that can be expected."""
        return float(self.expected(self.soft(pay, math.inf), pay))


def log_softmax(q: Floats, may: Mask) -> Floats:
    """Return the logarithms of a softmax over the allowed actions, 0 for the others."""
    top = q.max(axis=-1, keepdims=True, where=may, initial=-np.inf)
    shifted = np.where(may, q - top, 0.0)
    total = np.exp(shifted).sum(axis=-1, keepdims=True, where=may)
    return np.where(may, shifted - np.log(total), 0.0)


def with_entropies(cid: CID) -> CID:
    """Return the diagram with one more utility for each decision, which reads it and what it sees."""
    agent = cid.agent_of(cid.decisions[0])
    for decision in cid.decisions:
        cid = cid.with_utility(f"{SOFT}{decision}", (*cid.parents(decision), decision), agent=agent)
    return cid


def _settled_first(cid: CID, question: str) -> tuple[str, ...]:
    """Return the decisions, each after all whose rules matter to it."""
    graph = relevance_graph(cid)
    if not graph.is_acyclic:
        raise NotApplicableError(
            f"{question} settles the decisions one after the other, and here "
            f"{' -> '.join([*(graph.cycle or ()), *(graph.cycle or ())[:1]])} matter to each other in a circle: more "
            "recall undoes that, model.with_recall()."
        )
    return graph.order()


def with_levels_as_values(model: CIM, utilities: Sequence[str]) -> CIM:
    """Return the model in which some utilities are chance nodes whose values are the amounts that they pay."""
    if not utilities:
        return model
    mechanisms: dict[str, object] = dict(model.mechanisms)
    for utility in utilities:
        paid = np.asarray(model.cpd(utility), dtype=np.float64)
        levels = np.unique(paid)
        chosen = (paid[..., None] == levels).astype(np.float64)
        mechanisms[utility] = Table(chosen, domain=levels.tolist(), parents=model.cid.parents(utility))
    return CIM(model.cid.demote(*utilities), mechanisms)

"""The slow truth: whole joint tables and every policy, with nothing shared with the solver but `cpd`."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import cidmesa as cm


class World:
    """A model as one table over all chance nodes and decisions, in the order of `names`."""

    number: type = float

    def __init__(self, model: cm.CIM, agent: Any = None, cut: Iterable[str] = ()) -> None:
        self.model = model
        cid = model.cid
        self.names = [n for n in cid.nodes if cid.kind(n) != "utility"]
        self.shape = [model.card(n) for n in self.names]
        self.utilities = cid.utilities if agent is None else cid.utilities_of(agent)
        self.chance = np.ones(self.shape, dtype=self.number)
        for node in cid.chance:
            if node not in set(cut):
                self.chance = self.chance * self.spread(model.cpd(node), (*cid.parents(node), node))
        self.payoff = self.payoff_of(self.utilities)

    def payoff_of(self, utilities: Iterable[str]) -> Any:
        total = np.zeros(self.shape, dtype=self.number)
        for u in utilities:
            total = total + self.spread(self.model.cpd(u), self.model.cid.parents(u))
        return total

    def spread(self, table: Any, axes: Iterable[str]) -> Any:
        """Write a table with the named axes as one that broadcasts over all names."""
        positions = [self.names.index(a) for a in axes]
        order = np.argsort(positions)
        shape = [1] * len(self.names)
        for position in positions:
            shape[position] = self.shape[position]
        return np.asarray(table).transpose(order).reshape(shape)

    def joint(self, rules: Mapping[str, Any]) -> Any:
        """P over all names, decisions by `rules` (a decision without one gets weight one everywhere)."""
        table = self.chance
        for decision, rule in rules.items():
            table = table * self.spread(rule, (*self.model.cid.parents(decision), decision))
        return np.broadcast_to(table, self.shape)

    def marginal(self, table: Any, names: Iterable[str]) -> Any:
        """Sum all other names out; axes in the order of `names`."""
        axes = [self.names.index(n) for n in names]
        left = sorted(axes)
        summed = table.sum(axis=tuple(i for i in range(len(self.names)) if i not in axes))
        return summed.transpose([left.index(i) for i in axes])

    def value(self, rules: Mapping[str, Any]) -> float:
        return float((self.joint(rules) * self.payoff).sum())

    def deterministic_rules(self, decision: str) -> Iterator[Any]:
        card = self.model.card(decision)
        shape = [self.model.card(p) for p in self.model.cid.parents(decision)]
        for actions in product(range(card), repeat=int(np.prod(shape, dtype=int))):
            yield np.eye(card)[np.array(actions, dtype=int).reshape(shape)]

    def first_rules(self, decision: str, most: int) -> list[Any]:
        """The first few deterministic rules; there may be far too many to list."""
        return list(islice(self.deterministic_rules(decision), most))

    def policies(self, decisions: Iterable[str]) -> Iterator[dict[str, Any]]:
        names = list(decisions)
        for rules in product(*(list(self.deterministic_rules(d)) for d in names)):
            yield dict(zip(names, rules, strict=True))

    def best(self, decisions: Iterable[str]) -> tuple[float, list[dict[str, Any]]]:
        """The largest value of any deterministic policy, and all policies that reach it (to 1e-9)."""
        scored = [(self.value(policy), policy) for policy in self.policies(decisions)]
        top = max(value for value, _ in scored)
        return top, [policy for value, policy in scored if value >= top - 1e-9 * max(1.0, abs(self.payoff).max())]


def number_of_policies(model: cm.CIM) -> int:
    """How many deterministic policies there are."""
    total = 1
    for decision in model.cid.decisions:
        contexts = int(np.prod([model.card(p) for p in model.cid.parents(decision)], dtype=int))
        total *= model.card(decision) ** contexts
    return total


def optimal_by_reached_context(model: cm.CIM, world: World, best: list[dict[str, Any]]) -> dict[str, Any]:
    """Per decision the mask of actions that some optimal policy takes in a context which that policy reaches."""
    found = {}
    for decision in model.cid.decisions:
        family = (*model.cid.parents(decision), decision)
        mask = np.zeros([model.card(n) for n in family], dtype=bool)
        for policy in best:
            mask |= world.marginal(world.joint(policy), family) > 0
        found[decision] = mask
    return found


def allowed_policies(model: cm.CIM) -> list[dict[str, Any]]:
    """List every deterministic policy that takes allowed actions only."""
    options = []
    for decision in model.cid.decisions:
        k = model.card(decision)
        may = model.allowed(decision)
        rows = np.ones((len(model.contexts(decision)), k), dtype=bool) if may is None else may.reshape(-1, k)
        shape = [*map(model.card, model.cid.parents(decision)), k]
        eye = np.eye(k)
        options.append([eye[list(choice)].reshape(shape) for choice in product(*(np.flatnonzero(r) for r in rows))])
    return [dict(zip(model.cid.decisions, rules, strict=True)) for rules in product(*options)]

"""Small games, all of whose deterministic policies are played at once.

A *game* is a model in which every live node has two states. It is kept as arrays over policies and values of the noise,
so that all optimal deterministic policies are found in one sweep; :meth:`Game.model` writes it out for the solver.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cidmesa.arrays import Floats, Ints
from cidmesa.diagram import CID
from cidmesa.mechanisms import Choice, Mechanism, Structural, Table
from cidmesa.model import CIM

Bits: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Rule:
    """A live chance node: its value for each context of its live parents and each value of its noise."""

    noise: Floats
    outcome: Bits


@dataclass(frozen=True)
class Game:
    """A drawn model: the live nodes in topological order, with two states each."""

    cid: CID
    agent: Hashable
    order: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, Rule]
    pays: Mapping[str, Floats]

    @property
    def decisions(self) -> tuple[str, ...]:
        """The live decisions of the agent."""
        return tuple(n for n in self.order if n not in self.rules and n not in self.pays)

    @cached_property
    def worlds(self) -> tuple[Floats, dict[str, Ints]]:
        """The probability of every value of the noise, and each chance node's own part of it."""
        sizes = [len(rule.noise) for rule in self.rules.values()]
        grid = np.indices(sizes).reshape(len(sizes), math.prod(sizes))
        weights = np.ones(grid.shape[1])
        for part, rule in zip(grid, self.rules.values(), strict=True):
            weights = weights * rule.noise[part]
        return weights, dict(zip(self.rules, grid, strict=True))

    def policies(self, blind: Mapping[str, Collection[str]] | None = None) -> dict[str, Bits]:
        """List the deterministic policies: for each decision the actions by (policy, context).

        `blind` names observations that a decision has to leave out of account.
        """
        tables = []
        for d in self.decisions:
            k = len(self.parents[d])
            hidden = [i for i, p in enumerate(self.parents[d]) if blind and p in blind.get(d, ())]
            table = np.array(list(product((0, 1), repeat=2 ** (k - len(hidden)))), dtype=np.int8)
            if hidden:
                shape = tuple(1 if i in hidden else 2 for i in range(k))
                table = np.broadcast_to(table.reshape(-1, *shape), (len(table),) + (2,) * k).reshape(len(table), -1)
            tables.append(table)
        counts = [len(table) for table in tables]
        grid = np.indices(counts).reshape(len(counts), math.prod(counts))
        return {d: t[row] for d, t, row in zip(self.decisions, tables, grid, strict=True)}

    def play(
        self,
        policies: Mapping[str, Bits],
        do: Mapping[str, Bits] | None = None,
        rules: Mapping[str, Rule] | None = None,
    ) -> tuple[dict[str, Bits], Floats]:
        """Play policies in all worlds: values and pay, by (policy, world) or with an axis of length 1."""
        weights, noise = self.worlds
        values: dict[str, Bits] = {}
        total = np.zeros((1, len(weights)))
        for n in self.order:
            if do is not None and n in do:
                values[n] = do[n]
                continue
            at = np.zeros((1, 1), dtype=np.intp)
            for p in self.parents[n]:
                at = 2 * at + values[p]
            if n in self.rules:
                outcome = (rules or self.rules).get(n, self.rules[n]).outcome
                values[n] = outcome[at, noise[n][None, :] % outcome.shape[1]]
            elif n in self.pays:
                total = total + self.pays[n][at]
            else:
                table = policies[n]
                values[n] = table[np.arange(len(table))[:, None], at]
        return values, total

    def worth(self, policies: Mapping[str, Bits], rules: Mapping[str, Rule] | None = None) -> Floats:
        """Return the expected pay of each policy."""
        weights = self.worlds[0]
        _, paid = self.play(policies, rules=rules)
        count = len(next(iter(policies.values()))) if policies else 1
        return np.broadcast_to(paid, (count, len(weights))) @ weights

    @cached_property
    def optimal(self) -> dict[str, Bits]:
        """All optimal deterministic policies."""
        policies = self.policies()
        worth = self.worth(policies)
        keep = worth >= worth.max() - 1e-9
        return {d: table[keep] for d, table in policies.items()}

    def model(self) -> CIM:
        """Write the game out as a model on the diagram; nodes that are not alive have one state."""
        cid = self.cid
        mechanisms: dict[str, Any] = {}
        for node in cid.nodes:
            shape = tuple(2 if p in self.parents else 1 for p in cid.parents(node))
            kind = cid.kind(node)
            if kind == "utility":
                pays = self.pays.get(node)
                mechanisms[node] = Table(np.zeros(shape) if pays is None else pays.reshape(shape))
            elif kind == "decision":
                mechanisms[node] = Choice([0, 1] if node in self.parents else [0])
            else:
                mechanisms[node] = self.mechanism(node, self.rules.get(node))
        model = CIM(cid, mechanisms)
        others = [d for d in cid.decisions if cid.agent_of(d) != self.agent]
        return model.with_policy({d: self.mechanism(d, self.rules.get(d)) for d in others}) if others else model

    def mechanism(self, node: str, rule: Rule | None) -> Mechanism:
        """Write a live node's rule out as a mechanism on the diagram."""
        shape = tuple(2 if p in self.parents else 1 for p in self.cid.parents(node))
        if rule is None:
            return Structural([1.0], np.zeros((*shape, 1), dtype=int), [0])
        return Structural(rule.noise, rule.outcome.reshape(*shape, len(rule.noise)), [0, 1])

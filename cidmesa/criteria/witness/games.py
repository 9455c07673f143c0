"""Small games, many at once, all of whose deterministic policies are played at once.

A *game* is a model in which every live node has two states. Games that have the same live nodes are kept together as
arrays over games, policies and values of the noise, so that all optimal deterministic policies of all of them are found
in one sweep; :meth:`Games.model` writes one of them out for the solver.

>>> import numpy as np
>>> cid = CID([("x", "d"), ("d", "u"), ("x", "u")], decisions=["d"], utilities=["u"])
>>> coin = Rules(np.array([[0.5, 0.5]]), np.array([[[0, 1]]], dtype=np.int8))
>>> match = Games(cid, 0, ("x", "d", "u"), {"x": (), "d": ("x",), "u": ("d", "x")}, {"x": coin},
...               {"u": np.array([[1.0, 0.0, 0.0, 1.0]])})
>>> match.worth(match.policies).tolist()  # always 0, copy, negate, always 1
[[0.5, 1.0, 0.0, 0.5]]
>>> match.model(0).solve().value
1.0
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

from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.diagram import CID
from cidmesa.mechanisms import Choice, Mechanism, Structural, Table
from cidmesa.model import CIM

Bits: TypeAlias = NDArray[np.int8]

SHRINK = "ask about fewer nodes, or leave the search for witnesses out, search=False"
"""What makes a search shorter."""

MANY = 64
"""Games with more optimal policies are passed over where something must hold under all of them."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a live chance node does in every game.

    Attributes
    ----------
    odds
        The probability of each value of its noise, shape (games, values of the noise).
    outcome
        Its value, shape (games, contexts of its live parents, values of the noise).
    """

    odds: Floats
    outcome: Bits


@dataclass(frozen=True)
class Games:
    """Drawn models with the same live nodes, in topological order, with two states each.

    Attributes
    ----------
    cid, agent
        Whose games they are.
    order
        The live nodes.
    parents
        Live node → its live parents.
    rules
        Live chance node, or decision of another agent → what it does.
    pays
        Utility → what it pays, shape (games, contexts of its live parents).
    """

    cid: CID
    agent: Hashable
    order: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, Rules]
    pays: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(next(iter(self.pays.values())))

    @property
    def decisions(self) -> tuple[str, ...]:
        """The live decisions of the agent."""
        return tuple(n for n in self.order if n not in self.rules and n not in self.pays)

    @cached_property
    def noise(self) -> dict[str, Ints]:
        """Live chance node → its own part of each value of all noise together."""
        sizes = [rule.odds.shape[1] for rule in self.rules.values()]
        grid = np.indices(sizes).reshape(len(sizes), math.prod(sizes))
        return dict(zip(self.rules, grid, strict=True))

    @cached_property
    def weights(self) -> Floats:
        """The probability of every value of all noise together, shape (games, values)."""
        found = np.ones((len(self), 1))
        for rule in self.rules.values():
            found = (found[:, :, None] * rule.odds[:, None, :]).reshape(len(self), -1)
        return found

    @cached_property
    def policies(self) -> dict[str, Bits]:
        """The deterministic policies: for each decision the actions, shape (1, policies, contexts)."""
        tables = [
            np.array(list(product((0, 1), repeat=2 ** len(self.parents[d]))), dtype=np.int8) for d in self.decisions
        ]
        counts = [len(table) for table in tables]
        grid = np.indices(counts).reshape(len(counts), math.prod(counts))
        return {d: table[row][None] for d, table, row in zip(self.decisions, tables, grid, strict=True)}

    def blind(self, decision: str, hidden: Collection[str]) -> Mask:
        """Say which policies leave some observations of a decision out of account, shape (policies,)."""
        seen = self.parents[decision]
        tables = self.policies[decision][0].reshape((-1,) + (2,) * len(seen))
        axes = tuple(i + 1 for i, p in enumerate(seen) if p in hidden)
        same = tables == tables.min(axis=axes, keepdims=True) if axes else np.ones_like(tables, dtype=bool)
        return np.asarray(same.reshape(len(tables), -1).all(axis=1))

    def play(
        self,
        policies: Mapping[str, Bits],
        do: Mapping[str, Bits] | None = None,
        rules: Mapping[str, Rules] | None = None,
    ) -> tuple[dict[str, Bits], Floats]:
        """Play policies in all games and worlds.

        Parameters
        ----------
        policies
            Decision → actions, shape (games or 1, policies, contexts).
        do
            Node → values that it takes instead of its own.
        rules
            Chance node → what it does instead.

        Returns
        -------
        dict, numpy.ndarray
            The values of the nodes and the pay, by (game, policy, world); an axis may have length 1.
        """
        games = np.arange(len(self))[:, None, None]
        values: dict[str, Bits] = {}
        total = np.zeros((1, 1, 1))
        for n in self.order:
            if do is not None and n in do:
                values[n] = do[n]
                continue
            at = np.zeros((1, 1, 1), dtype=np.intp)
            for p in self.parents[n]:
                at = 2 * at + values[p]
            if n in self.rules:
                outcome = (rules or self.rules).get(n, self.rules[n]).outcome
                _, contexts, size = outcome.shape
                values[n] = outcome.ravel()[(games * contexts + at) * size + self.noise[n] % size]
            elif n in self.pays:
                pay = self.pays[n]
                total = total + pay.ravel()[games * pay.shape[1] + at]
            else:
                table = policies[n]
                own, count, contexts = table.shape
                row = (games * count if own > 1 else 0) + np.arange(count)[:, None]
                values[n] = table.ravel()[row * contexts + at]
        return values, total

    def worth(self, policies: Mapping[str, Bits], rules: Mapping[str, Rules] | None = None) -> Floats:
        """Return the expected pay of each policy, shape (games, policies or 1)."""
        _, paid = self.play(policies, rules=rules)
        return np.asarray((paid * self.weights[:, None, :]).sum(axis=2))

    @cached_property
    def best(self) -> Floats:
        """The worth of every policy, shape (games, policies)."""
        count = next((table.shape[1] for table in self.policies.values()), 1)
        return np.broadcast_to(self.worth(self.policies), (len(self), count))

    @cached_property
    def _keep(self) -> Mask:
        """Mark the optimal policies, shape (games, policies)."""
        return np.asarray(self.best >= self.best.max(axis=1, keepdims=True) - 1e-9)

    @cached_property
    def is_settled(self) -> Mask:
        """Say of each game whether at most :data:`MANY` policies are optimal: among more few incentives survive."""
        return np.asarray(self._keep.sum(axis=1) <= MANY)

    @cached_property
    def optimal(self) -> dict[str, Bits]:
        """All optimal policies of settled games, shape (games, policies, contexts), the first repeated to fill up.

        Of the other games :data:`MANY` of them at most.
        """
        keep = self._keep
        most = min(int(keep.sum(axis=1).max()), MANY)
        first = np.argsort(~keep, axis=1, kind="stable")[:, :most]
        chosen = np.where(np.take_along_axis(keep, first, axis=1), first, first[:, :1])
        return {d: table[0][chosen] for d, table in self.policies.items()}

    def model(self, game: int) -> CIM:
        """Write a game out as a model on the diagram; nodes that are not alive have one state."""
        cid = self.cid
        mechanisms: dict[str, Any] = {}
        for node in cid.nodes:
            shape = tuple(2 if p in self.parents else 1 for p in cid.parents(node))
            kind = cid.kind(node)
            if kind == "utility":
                pays = self.pays.get(node)
                mechanisms[node] = Table(np.zeros(shape) if pays is None else pays[game].reshape(shape))
            elif kind == "decision":
                mechanisms[node] = Choice([0, 1] if node in self.parents else [0])
            else:
                mechanisms[node] = self.mechanism(node, game)
        model = CIM(cid, mechanisms)
        others = [d for d in cid.decisions if cid.agent_of(d) != self.agent]
        return model.with_policy({d: self.mechanism(d, game) for d in others}) if others else model

    def mechanism(self, node: str, game: int, rules: Rules | None = None) -> Mechanism:
        """Write out what a node does in a game, or would do under other `rules`, as a mechanism on the diagram."""
        shape = tuple(2 if p in self.parents else 1 for p in self.cid.parents(node))
        found = self.rules.get(node) if rules is None else rules
        if found is None:
            return Structural([1.0], np.zeros((*shape, 1), dtype=int), [0])
        odds, outcome = (part[game % len(part)] for part in (found.odds, found.outcome))
        return Structural(odds, outcome.reshape(*shape, len(odds)), [0, 1])

"""Counterfactuals the slow way: fix all noise, then play every world out node by node."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import cidmesa as cm

Noise = dict[str, int]


class Simulation:
    """A structural model and a deterministic policy (a mapping from decision to a table of zeros and ones)."""

    def __init__(self, model: cm.CIM, rules: Mapping[str, Any]) -> None:
        self.model = model
        self.rules = rules
        self.order = [model.cid.nodes[i] for i in model.cid.topological]

    def noises(self) -> Iterator[tuple[float, Noise]]:
        """All settings of the noise that have positive probability."""
        chance = self.model.cid.chance
        weights = [self.model.response(node).noise for node in chance]
        for setting in product(*(range(len(w)) for w in weights)):
            probability = float(np.prod([w[i] for w, i in zip(weights, setting, strict=True)]))
            if probability > 0:
                yield probability, dict(zip(chance, setting, strict=True))

    def play(
        self,
        noise: Noise,
        do: Mapping[str, Any] | None = None,
        heard: Mapping[tuple[str, str], Any] | None = None,
    ) -> dict[str, Any]:
        """The position of every chance node and decision, the number of every utility.

        `do` sets nodes; `heard` is what single edges transmit instead of the tail's position.
        """
        model, cid = self.model, self.model.cid
        at: dict[str, Any] = {}
        for node in self.order:
            if node in (do or {}):
                at[node] = (do or {})[node]
                continue
            context = tuple((heard or {}).get((parent, node), at[parent]) for parent in cid.parents(node))
            kind = cid.kind(node)
            if kind == "utility":
                at[node] = float(model.cpd(node)[context])
            elif kind == "decision":
                at[node] = int(self.rules[node][context].argmax())
            else:
                at[node] = int(model.response(node).outcome[(*context, noise[node])])
        return at

    def context(self, at: Mapping[str, Any], decision: str) -> tuple[int, ...]:
        """The positions that a decision sees."""
        return tuple(at[parent] for parent in self.model.cid.parents(decision))

    def paid(self, at: Mapping[str, Any]) -> float:
        """The sum of all utilities."""
        return sum(at[u] for u in self.model.cid.utilities)

"""Agents that follow given tables: some tell their probabilities, of the others only actions are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

import cidmesa as cm
from cidmesa.agents.tensors import positions
from cidmesa.arrays import Floats

Policy: TypeAlias = dict[str, Floats]
"""Decision → probabilities, shape (contexts, actions)."""


class Drawing:
    """Agents whose actions alone are seen."""

    def __init__(self, model: cm.CIM, rules: Sequence[Policy]) -> None:
        self.model, self.rules = model, rules

    def __len__(self) -> int:
        return len(self.rules)

    def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Draw actions of the decisions whose parents are all observed."""
        rng, found = np.random.default_rng(seed), {}
        for decision in self.model.cid.decisions:
            parents = self.model.cid.parents(decision)
            if not parents or not all(p in observations for p in parents):
                continue
            seen = [positions(self.model, p, np.asarray(observations[p])) for p in parents]
            where = np.ravel_multi_index(seen, tuple(map(self.model.card, parents)))
            tables = np.stack([rule[decision] for rule in self.rules])
            where = np.broadcast_to(where, (len(self), where.shape[-1]))
            if np.isin(tables, (0.0, 1.0)).all():  # nothing to draw
                chosen = np.take_along_axis(tables.argmax(axis=-1), where, axis=1)
            else:
                noise, chosen = rng.random(where.shape), np.zeros(where.shape, dtype=np.intp)
                for up_to in np.moveaxis(tables.cumsum(axis=-1)[..., :-1], -1, 0):
                    chosen += noise >= np.take_along_axis(up_to, where, axis=1)
            found[decision] = np.asarray(self.model.domain(decision))[chosen]
        return found


class Telling(Drawing):
    """Agents that tell their probabilities."""

    def probabilities(self, decision: str) -> Floats:
        """Return the tables, (agents, contexts, actions)."""
        return np.stack([rule[decision] for rule in self.rules])

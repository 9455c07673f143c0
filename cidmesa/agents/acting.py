"""Agents that are tables: what each does where it observes something, in one pass over agents and observations.

>>> import numpy as np, cidmesa as cm
>>> from cidmesa.agents.tensors import agent_keys
>>> cid = cm.CID([("door", "go"), ("go", "pay"), ("door", "pay")], decisions=["go"], utilities=["pay"])
>>> model = cid.parameterise(door=cm.Uniform("l", "r"), go=["l", "r"], pay=lambda go, door: int(go == door))
>>> tables = {"go": np.array([[[1.0, 0.0], [0.0, 1.0]]])}      # one agent, which goes to the door
>>> act_by_tables(model, tables, agent_keys(0, 1), {"door": np.array(["r", "l"])}, 0)["go"].tolist()
[['r', 'l']]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from cidmesa.agents.tensors import Keys, agent_keys, as_array, draw, positions, uniforms
from cidmesa.arrays import Array, Floats
from cidmesa.errors import NotApplicableError
from cidmesa.model import CIM


def act_by_tables(
    model: CIM, tables: Mapping[str, Floats], keys: Keys, observations: Mapping[str, Any], seed: int
) -> dict[str, Array]:
    """Choose actions.

    Parameters
    ----------
    model
        What the decisions observe, and the domains.
    tables
        For each decision ``(agents, contexts, actions)``, contexts in C order over its parents.
    keys
        Of the agents' noise.
    observations
        Values of observed nodes, by name: an array of n values for all agents alike, or of shape (agents, n).
    seed
        Of the actions.

    Returns
    -------
    dict
        For each decision whose parents are all given, or chosen before it, an array of actions, ``(agents, n)``.

    Raises
    ------
    UnknownNodeError
        An observation is not a node.
    NotApplicableError
        No decision has all its parents among the observations, or a value is not in its node's domain.
    """
    cid = model.cid
    seen = {node: positions(model, node, values) for node, values in observations.items()}
    shape = np.broadcast_shapes((len(keys), 1), *(array.shape for array in seen.values()))
    chosen: dict[str, Array] = {}
    for decision in (cid.nodes[i] for i in cid.topological if cid.nodes[i] in tables):
        parents = cid.parents(decision)
        if decision in seen or not all(parent in seen for parent in parents):
            continue
        cards = tuple(map(model.card, parents))
        where = np.ravel_multi_index(tuple(seen[p] for p in parents), cards) if parents else np.zeros((), np.intp)
        rows = np.take_along_axis(tables[decision], np.broadcast_to(where, shape)[..., None], axis=1)
        noise = uniforms(keys, f"act {decision} {int(seed)}", np.arange(shape[1]))
        seen[decision] = draw(rows, noise)
        chosen[decision] = as_array(model.domain(decision))[seen[decision]]
    if not chosen:
        needed = "; ".join(f"`{d}` sees {', '.join(cid.parents(d)) or 'nothing'}" for d in cid.decisions)
        raise NotApplicableError(f"the observations {tuple(observations)!r} are not all a decision sees: {needed}.")
    return chosen


class ByTables(ABC):
    """Agents whose rules are known as tables: what they tell, and how they act."""

    @abstractmethod
    def __len__(self) -> int:
        """How many agents."""

    @property
    @abstractmethod
    def decides(self) -> CIM:
        """The model whose decisions these are."""

    @property
    @abstractmethod
    def tables(self) -> Mapping[str, Floats]:
        """For each decision ``(agents, contexts, actions)``, contexts in C order over its parents."""

    def probabilities(self, decision: str) -> Floats:
        """Return the probability of each action in each context, ``(agents, contexts, actions)``."""
        self.decides.cid.only_decision(decision)
        return self.tables[decision]

    def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Array]:
        """Choose actions; see :func:`act_by_tables`."""
        return act_by_tables(self.decides, self.tables, agent_keys(0, len(self)), observations, seed)

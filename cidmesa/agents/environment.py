r"""Playing a model: many agents, many episodes each, in one pass over the nodes.

An episode draws every chance node from its mechanism, lets each decision be chosen, and reads off the utilities. All
agents and episodes are drawn together, node by node in topological order; values are positions in the node's domain.
Numpy only: no agent of this library is needed to play one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from cidmesa.agents.tensors import Keys, uniforms
from cidmesa.arrays import Array, Floats, Ints
from cidmesa.model import CIM

Choose: TypeAlias = Callable[[str, Mapping[str, Ints]], Ints]
"""From a decision and the values drawn so far, ``(agents, episodes)`` each, to the positions of the actions."""


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """What was drawn: positions in the domains, and the utilities as numbers; each ``(agents, episodes)``."""

    values: Mapping[str, Ints]
    utilities: Mapping[str, Floats]

    @property
    def total(self) -> Floats:
        """The sum of all utilities."""
        summed: Floats = np.sum(list(self.utilities.values()), axis=0)
        return summed


class Environment:
    """A model written out for drawing.

    Parameters
    ----------
    model
        Numeric; decisions that have a rule already follow `choose` all the same.
    only_what_matters
        Leave out nodes that reach neither a decision nor a utility. Each node has noise of its own, so the others are
        drawn alike with and without them.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.agents.tensors import agent_keys
    >>> cid = cm.CID([("coin", "guess"), ("coin", "pay"), ("guess", "pay")], decisions=["guess"], utilities=["pay"])
    >>> model = cid.parameterise(coin=cm.Bernoulli(0.5), guess=[0, 1], pay=lambda coin, guess: int(coin == guess))
    >>> played = Environment(model).play(agent_keys(0, 2), np.arange(5), lambda decision, seen: seen["coin"])
    >>> played.utilities["pay"].tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0]]
    """

    def __init__(self, model: CIM, *, only_what_matters: bool = False) -> None:
        model.require_numeric("playing episodes", instead="")
        cid = model.cid
        self.model = model
        ends = (*cid.decisions, *cid.utilities) if only_what_matters else cid.nodes
        needed = set(ends).union(*(cid.ancestors(node) for node in ends))
        self._order = [cid.nodes[i] for i in cid.topological if cid.nodes[i] in needed]
        self._parents = {node: cid.parents(node) for node in cid.nodes}
        self._cumulative: dict[str, Floats] = {}
        self._payoff: dict[str, Floats] = {}
        for node in cid.chance:
            table = np.asarray(model.cpd(node), dtype=np.float64)
            # The last column is left out: a number above all others means the last value.
            self._cumulative[node] = np.cumsum(table, axis=-1)[..., :-1].reshape(-1, table.shape[-1] - 1)
        for node in cid.utilities:
            self._payoff[node] = np.asarray(model.cpd(node), dtype=np.float64).reshape(-1)

    def context(self, node: str, values: Mapping[str, Ints]) -> Ints:
        """Return the position of the parents' context in the rows of `node`'s table."""
        parents = self._parents[node]
        if not parents:
            return np.zeros((), dtype=np.intp)
        cards = tuple(self.model.card(p) for p in parents)
        return np.asarray(np.ravel_multi_index([values[p] for p in parents], cards), dtype=np.intp)

    def draw(self, node: str, values: Mapping[str, Ints], noise: Floats) -> Ints:
        """Return the value of a chance node, one for each number of `noise` in [0, 1)."""
        rows = self._cumulative[node][self.context(node, values)]
        return np.asarray((noise[..., None] >= rows).sum(axis=-1), dtype=np.intp)

    def payoff(self, node: str, values: Mapping[str, Ints]) -> Floats:
        """Return what a utility pays."""
        return np.asarray(self._payoff[node][self.context(node, values)], dtype=np.float64)

    def play(self, keys: Keys, episodes: Array, choose: Choose) -> Episodes:
        """Draw episodes for every agent.

        Parameters
        ----------
        keys
            One for each agent; the same keys and episode numbers draw the same world noise.
        episodes
            Numbers of the episodes, ``(n,)`` for all agents alike or ``(agents, n)``.
        choose
            What the agents do.
        """
        shape = (len(keys), np.asarray(episodes).shape[-1])
        values: dict[str, Ints] = {}
        utilities: dict[str, Floats] = {}
        for node in self._order:
            if node in self._cumulative:
                values[node] = self.draw(node, values, uniforms(keys, node, episodes))
            elif node in self._payoff:
                utilities[node] = np.broadcast_to(self.payoff(node, values), shape)
            else:
                values[node] = np.asarray(choose(node, values), dtype=np.intp)
        return Episodes(values, utilities)

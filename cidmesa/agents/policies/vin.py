r"""Value-iteration nets [1]_: planning in a small world of the net's own making.

The observations are turned into a reward :math:`r(s)` for each of ``states`` inner states and into where one is,
:math:`\alpha(s)`; what actions do there, :math:`P_a(s, s')`, is learned and the same whatever is seen. Value iteration

.. math:: q_a(s) = r(s) + \gamma \sum_{s'} P_a(s, s')\, v(s'), \qquad v(s) = \max_a q_a(s)

runs ``sweeps`` times from v = 0, and the logits are :math:`\sum_s \alpha(s)\, q_a(s)`. Tamar et al. have a map for the
inner world, and neighbouring cells for what actions do; here the diagram gives no map, and the net finds one.

References
----------
.. [1] A. Tamar et al., "Value iteration networks", NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cidmesa.agents.policies.rule import Params, Place, layers, shown, softmax, uniform
from cidmesa.agents.tensors import Inputs, Keys
from cidmesa.arguments import require_count
from cidmesa.arrays import Ints
from cidmesa.errors import NotApplicableError

MOST = 1_000
"""How many sweeps there may be."""

DISCOUNT = 0.9
"""What an inner state is worth that is reached one step later."""


@dataclass(frozen=True, slots=True)
class VIN:
    """Options.

    Attributes
    ----------
    states
        Of the inner world.
    sweeps
        Of value iteration.
    """

    states: int = 8
    sweeps: int = 3

    def __post_init__(self) -> None:
        require_count(self.states, "states", least=2)
        require_count(self.sweeps, "sweeps", least=2)
        if self.sweeps > MOST:
            raise NotApplicableError(f"sweeps= is a number up to {MOST:,}; got {self.sweeps:,}.")


@dataclass(frozen=True, slots=True, eq=False)
class ValueIterationRule:
    """A reward net with one ReLU layer of width ``hidden[0]``, and value iteration on what it says."""

    name: str
    inputs: Inputs
    actions: int
    units: int
    options: VIN

    @classmethod
    def at(cls, place: Place) -> ValueIterationRule:
        """Return the rule of a place."""
        return cls(place.name, place.inputs, place.actions, place.hidden[0], place.options)

    def start(self, keys: Keys) -> Params:
        """Draw the layers as linear ones start, and an inner world in which each action has ends of its own."""
        n, s, width = self.units, self.options.states, self.inputs.table.shape[-1]
        shapes: dict[str, tuple[int, ...]] = {
            "see": (width, n),
            "reward": (n, s),
            "reward bias": (1, s, n),
            "where": (n, s),
            "where bias": (1, s, n),
        }
        params = layers(keys, {f"{self.name}.{part}": shape for part, shape in shapes.items()})
        moves = f"{self.name}.moves"
        return {**params, moves: uniform(keys, moves, (s, self.actions, s), 2.0).float()}

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """See, plan, and read off what each action is worth where one is."""
        own = {part.removeprefix(f"{self.name}."): value for part, value in params.items()}
        x = torch.relu(torch.matmul(shown(self.inputs, contexts, codes, own["see"]), own["see"]))
        reward = torch.baddbmm(own["reward bias"], x, own["reward"])
        where = softmax(torch.baddbmm(own["where bias"], x, own["where"]))
        agents, n, states = reward.shape
        leads = DISCOUNT * softmax(own["moves"]).reshape(agents, states * self.actions, states)
        v = reward  # the first sweep, from v = 0
        for _ in range(self.options.sweeps - 1):
            ahead = torch.bmm(v, leads.transpose(1, 2)).view(agents, n, states, self.actions)
            v = reward + ahead.amax(dim=-1)
        ahead = torch.bmm(v, leads.transpose(1, 2)).view(agents, n, states, self.actions)
        return (where[..., None] * (reward[..., None] + ahead)).sum(dim=2).double()

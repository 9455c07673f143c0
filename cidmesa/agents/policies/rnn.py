r"""Recurrent nets: the observations are read one by one, in the order of the diagram.

A minimal gated unit [1]_: with the code :math:`x_t` of the t-th parent of D,

.. math:: f_t = \sigma(W_f x_t + U_f h_{t-1}), \quad
          h_t = (1 - f_t)\, h_{t-1} + f_t \tanh(W x_t + U (f_t\, h_{t-1})),

and the logits are read off the last :math:`h`. After the last observation come ``ticks`` more steps without input: time
to think. The net starts afresh at every decision and is fed Pa(D) alone, so that its memory never holds more than the
diagram lets the decision see; what an agent is to remember is drawn as a parent. Its inner node ``memory`` is the last
:math:`h`.

References
----------
.. [1] G.-B. Zhou et al., "Minimal gated unit for recurrent neural networks", IJAC 13, 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cidmesa.agents.inside import InnerNode
from cidmesa.agents.policies.rule import Params, Place, Touch, layers, shown, untouched
from cidmesa.agents.tensors import Inputs, Keys
from cidmesa.arguments import require_count
from cidmesa.arrays import Ints
from cidmesa.errors import NotApplicableError

MOST = 1_000
"""How many steps a net may think at most."""


@dataclass(frozen=True, slots=True)
class RNN:
    """Options.

    Attributes
    ----------
    ticks
        Steps without input after the last observation.
    """

    ticks: int = 1

    def __post_init__(self) -> None:
        require_count(self.ticks, "ticks", least=0)
        if self.ticks > MOST:
            raise NotApplicableError(f"ticks= is a number of steps up to {MOST:,}; got {self.ticks:,}.")


@dataclass(frozen=True, slots=True, eq=False)
class RecurrentRule:
    """A gated recurrent net with ``hidden[0]`` units."""

    name: str
    inputs: Inputs
    actions: int
    units: int
    ticks: int

    @classmethod
    def at(cls, place: Place) -> RecurrentRule:
        """Return the rule of a place."""
        return cls(place.name, place.inputs, place.actions, place.hidden[0], place.options.ticks)

    def start(self, keys: Keys) -> Params:
        """Draw all matrices as linear layers start; what is there before the first observation, too."""
        n, k, width = self.units, self.actions, self.inputs.table.shape[-1]
        shapes: dict[str, tuple[int, ...]] = {
            "see": (width, 2 * n, n),  # gate and candidate, side by side
            "gate": (n, n),
            "keep": (n, n),
            "first": (1, n, n),
            "say": (n, k),
            "bias": (1, k, n),
        }
        return layers(keys, {f"{self.name}.{part}": shape for part, shape in shapes.items()})

    @property
    def inside(self) -> Mapping[str, InnerNode]:
        """Its inner node, the memory of what was read."""
        return {"memory": InnerNode(self.name, "memory", (self.units,))}

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Read one observation after another, think, answer."""
        return self.think(params, contexts, codes, untouched)

    def think(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints, touch: Touch) -> Tensor:
        """Return the logits, with what was read shown to a touch before they are said."""
        see, gate, keep, first, say, bias = (
            params[f"{self.name}.{part}"] for part in ("see", "gate", "keep", "first", "say", "bias")
        )
        x = shown(self.inputs, contexts, codes, see)
        always = see[:, :1]  # the weights of the column of zeros: here, a bias that every step has
        steps = [always + torch.matmul(x[..., span], see[:, span]) for span in self.inputs.spans]
        h = first.expand(-1, x.shape[1], -1)
        for step in [*steps, *[always] * self.ticks]:
            of_gate, of_candidate = step[..., : self.units], step[..., self.units :]
            f = torch.sigmoid(torch.baddbmm(of_gate.expand_as(h), h, gate))
            h = torch.lerp(h, torch.tanh(torch.baddbmm(of_candidate.expand_as(h), f * h, keep)), f)
        return torch.baddbmm(bias, touch("memory", h), say).double()

"""Multilayer perceptrons with ReLU layers, all agents' nets at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from cidmesa.agents.policies.rule import Params, Place, layers, shown
from cidmesa.agents.tensors import Inputs, Keys
from cidmesa.arrays import Ints


@dataclass(frozen=True, slots=True, eq=False)
class MLPRule:
    """A multilayer perceptron with ReLU layers; starts as PyTorch's linear layers do."""

    name: str
    inputs: Inputs
    actions: int
    hidden: tuple[int, ...]

    @classmethod
    def at(cls, place: Place) -> MLPRule:
        """Return the rule of a place."""
        return cls(place.name, place.inputs, place.actions, place.hidden)

    def start(self, keys: Keys) -> Params:
        """Draw each layer uniformly from plus or minus one over the square root of its fan-in."""
        widths = (self.inputs.table.shape[-1], *self.hidden, self.actions)
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            shapes[f"{self.name}.{layer}.weight"] = (fan_in, fan_out)
            shapes[f"{self.name}.{layer}.bias"] = (1, fan_out, fan_in)
        params = layers(keys, shapes)
        # A unit's weights stand in a row of memory, as the products below want them; steps of Adam keep it so.
        return {name: value.mT.contiguous().mT for name, value in params.items()}

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Run all nets on all their inputs.

        Numbers stand with the contexts in a row of memory, so that a layer of few units is as fast as one of many;
        where all agents are asked about the same contexts the first layers of all nets are one product.
        """
        weights = [params[f"{self.name}.{layer}.weight"].mT for layer in range(len(self.hidden) + 1)]
        biases = [params[f"{self.name}.{layer}.bias"].mT for layer in range(len(self.hidden) + 1)]
        x = shown(self.inputs, contexts, codes, weights[0]).mT
        agents, units, width = weights[0].shape
        if len(x) == 1:  # the first column of what is shown is zero: the bias takes its place
            first = torch.cat([biases[0], weights[0][..., 1:]], dim=-1).view(-1, width)
            x = torch.mm(first, torch.cat([torch.ones_like(x[0, :1]), x[0, 1:]]))
        else:
            x = torch.baddbmm(biases[0], weights[0], x)
        for weight, bias in zip(weights[1:], biases[1:], strict=True):
            x = torch.baddbmm(bias, weight, x.relu_().view(agents, units, -1))
            units = x.shape[1]
        return x.view(agents, units, -1).mT.double()

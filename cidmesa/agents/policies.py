r"""What is learned: rules with parameters, a batch of agents at once.

Every parameter has a leading axis for the agents; a layer of all nets is one batched matrix product. A *rule* maps
(context, code) of a decision's parents to logits of its actions; decisions that share a rule share its parameters.

``TabularRule``   one row of logits for each context
``MLPRule``       a net with ReLU layers on the coded observations
``MaskedRule``    either of them, with probability exactly zero for what is forbidden
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.tensors import Inputs, Keys, uniforms
from cidmesa.arrays import Ints, Mask

Params: TypeAlias = dict[str, Tensor]


class Rule(Protocol):
    """A parameterised rule of one decision, or of several that share it."""

    @property
    def inputs(self) -> Inputs:
        """What it is shown."""
        ...

    def start(self, keys: Keys) -> Params:
        """Draw the parameters of each agent from its own noise."""
        ...

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Return logits ``(agents, n, actions)`` for contexts and codes ``(agents, n)``."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TabularRule:
    """One row of logits for each context the rule can tell apart; it starts near uniform, each agent elsewhere."""

    name: str
    inputs: Inputs
    actions: int

    def start(self, keys: Keys) -> Params:
        """Draw logits uniformly from (-1/2, 1/2)."""
        shape = (int(self.inputs.cells.max()) + 1, self.actions)
        return {self.name: _uniform(keys, self.name, shape, 0.5)}

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Look the rows up; a table does not see how its input is coded."""
        cells = torch.from_numpy(self.inputs.cells[contexts])
        table = params[self.name]
        return torch.take_along_dim(table, cells[..., None], dim=1)


@dataclass(frozen=True, slots=True, eq=False)
class MLPRule:
    """A multilayer perceptron with ReLU layers; starts as PyTorch's linear layers do."""

    name: str
    inputs: Inputs
    actions: int
    hidden: tuple[int, ...]

    def start(self, keys: Keys) -> Params:
        """Draw each layer uniformly from plus or minus one over the square root of its fan-in."""
        widths = (self.inputs.table.shape[-1], *self.hidden, self.actions)
        params: Params = {}
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            bound = 1 / math.sqrt(fan_in)
            for part, shape in (
                (f"{self.name}.{layer}.weight", (fan_in, fan_out)),
                (f"{self.name}.{layer}.bias", (1, fan_out)),
            ):
                params[part] = _uniform(keys, part, shape, bound)
        return params

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Run all nets on all their inputs."""
        x = torch.from_numpy(self.inputs.table[contexts, codes])
        for layer in range(len(self.hidden) + 1):
            if layer:
                x = torch.relu(x)
            x = torch.baddbmm(params[f"{self.name}.{layer}.bias"], x, params[f"{self.name}.{layer}.weight"])
        return x


@dataclass(frozen=True, slots=True, eq=False)
class MaskedRule:
    """A rule that takes allowed actions only: the logits of the others are minus infinity.

    Attributes
    ----------
    rule
        What is learned.
    may
        Which actions are allowed, shape ``(contexts, actions)``.
    """

    rule: Rule
    may: Mask

    @property
    def inputs(self) -> Inputs:
        """What it is shown."""
        return self.rule.inputs

    def start(self, keys: Keys) -> Params:
        """Draw the parameters of the rule."""
        return self.rule.start(keys)

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Return the rule's logits, minus infinity for forbidden actions: no gradient passes through these."""
        forbidden = torch.from_numpy(~self.may[contexts])
        return self.rule.logits(params, contexts, codes).masked_fill(forbidden, -math.inf)


MakeRule: TypeAlias = Callable[[str, Inputs, int, tuple[int, ...]], Rule]
"""From a name, what is shown, the number of actions and the widths of layers to a rule."""

RULES: dict[str, MakeRule] = {
    "tabular": lambda name, shown, actions, hidden: TabularRule(name, shown, actions),
    "mlp": MLPRule,
}
"""The kinds of policy by name."""


def _uniform(keys: Keys, stream: str, shape: tuple[int, ...], bound: float) -> Tensor:
    draws = uniforms(keys, f"start {stream}", np.arange(math.prod(shape)))
    return torch.from_numpy((2 * draws - 1) * bound).reshape(-1, *shape)

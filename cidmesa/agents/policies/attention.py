r"""Self-attention among the observations: each parent of D is a token.

With the tokens :math:`x_i`, the code of the i-th parent and its place, one layer of attention and a ReLU layer

.. math:: y_i = x_i + \sum_j A_{ij} V x_j, \qquad \text{logits} = W \,\mathrm{relu}(B\, \overline{y_i}),

where :math:`A_{ij} \propto \exp(q_i \cdot k_j / \sqrt n)` (``kind="softmax"``) [1]_ or :math:`A_{ij} = q_i \cdot k_j /
(n\,T)` for T tokens (``kind="linear"``), the form in which gradient descent on examples is one layer [2]_. One more
token is always there, so that a decision without observations has one too. Its inner nodes are ``match``, :math:`A`
with the token that is always there first, and ``read``, the mean :math:`\overline{y_i}`.

References
----------
.. [1] A. Vaswani et al., "Attention is all you need", NeurIPS 2017.
.. [2] J. von Oswald et al., "Transformers learn in-context by gradient descent", ICML 2023.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cidmesa.agents.inside import InnerNode
from cidmesa.agents.policies.rule import Params, Place, Touch, layers, shown, softmax, uniform, untouched
from cidmesa.agents.tensors import Inputs, Keys
from cidmesa.arrays import Ints
from cidmesa.errors import unknown


@dataclass(frozen=True, slots=True)
class Attention:
    """Options.

    Attributes
    ----------
    kind
        ``"softmax"`` or ``"linear"``.
    """

    kind: str = "softmax"

    def __post_init__(self) -> None:
        if self.kind not in {"softmax", "linear"}:
            raise unknown(self.kind, ("softmax", "linear"), what="a kind= of attention (softmax, linear)")


@dataclass(frozen=True, slots=True, eq=False)
class AttentionRule:
    """One layer of self-attention and one of ReLU units, each of width ``hidden[0]``."""

    name: str
    inputs: Inputs
    actions: int
    units: int
    kind: str

    @classmethod
    def at(cls, place: Place) -> AttentionRule:
        """Return the rule of a place."""
        return cls(place.name, place.inputs, place.actions, place.hidden[0], place.options.kind)

    def start(self, keys: Keys) -> Params:
        """Draw all matrices as linear layers start, codes and places of size 1."""
        n, k, width = self.units, self.actions, self.inputs.table.shape[-1]
        shapes: dict[str, tuple[int, ...]] = {
            "ask": (n, n),
            "key": (n, n),
            "value": (n, n),
            "mix": (n, n),
            "mix bias": (1, n, n),
            "say": (n, k),
            "bias": (1, k, n),
        }
        params = layers(keys, {f"{self.name}.{part}": shape for part, shape in shapes.items()})
        for part, rows in (("code", width), ("place", len(self.inputs.spans) + 1)):
            params[f"{self.name}.{part}"] = uniform(keys, f"{self.name}.{part}", (rows, n), 1.0).float()
        return params

    @property
    def inside(self) -> Mapping[str, InnerNode]:
        """Its inner nodes: which token looks at which, and what is read."""
        count = len(self.inputs.spans) + 1
        shapes = {"match": (count, count), "read": (self.units,)}
        return {name: InnerNode(self.name, name, shape) for name, shape in shapes.items()}

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Let every token look at every other."""
        return self.think(params, contexts, codes, untouched)

    def think(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints, touch: Touch) -> Tensor:
        """Return the logits, with what looks where and what is read shown to a touch."""
        own = {part.removeprefix(f"{self.name}."): value for part, value in params.items()}
        code = own["code"]
        x = shown(self.inputs, contexts, codes, code)
        places = [slice(0, 1), *self.inputs.spans]
        tokens = torch.stack([torch.matmul(x[..., span], code[:, span]) for span in places], dim=2)
        tokens = tokens + own["place"][:, None]  # (agents, n, tokens, units)
        agents, n, count, units = tokens.shape
        flat = tokens.reshape(agents, n * count, units)
        ask, key = (torch.bmm(flat, own[part]).view(tokens.shape) for part in ("ask", "key"))
        match = torch.matmul(ask, key.mT)
        weight = softmax(match / math.sqrt(units)) if self.kind == "softmax" else match / (units * count)
        weight = touch("match", weight)
        heard = (weight.mean(dim=2)[..., None] * tokens).sum(dim=2)  # a mean over tokens, so V comes last
        seen = touch("read", tokens.mean(dim=2) + torch.bmm(heard, own["value"]))
        mixed = torch.relu(torch.baddbmm(own["mix bias"], seen, own["mix"]))
        return torch.baddbmm(own["bias"], mixed, own["say"]).double()

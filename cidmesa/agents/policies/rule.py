"""What a rule with parameters is, and what rules share: their inputs, how they start, what they may not do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.inside import InnerNode
from cidmesa.agents.tensors import Inputs, Keys, uniforms
from cidmesa.arrays import Ints, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.model import CIM
from cidmesa.solve.queries.payoffs import reached_contexts

Params: TypeAlias = dict[str, Tensor]

Touch: TypeAlias = Callable[[str, Tensor], Tensor]
"""What a body shows the value of an inner node to, and which returns the value that it goes on with."""

NARROW = 16
"""Up to how many actions a softmax is taken with the contexts, not the actions, in a row of memory."""


def untouched(name: str, value: Tensor) -> Tensor:
    """Return the value of an inner node as it is."""
    return value


class Rule(Protocol):
    """A parameterised rule of one decision, or of several that share it.

    A rule that has an inside declares ``inside``, a mapping from the names of inner nodes to
    :class:`~cidmesa.agents.inside.InnerNode`, and has ``think(params, contexts, codes, touch)``: the logits, with every
    inner node shown to a :data:`Touch`.
    """

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
class Place:
    """Where a rule is to act.

    Attributes
    ----------
    name
        Of the rule, under which its parameters are kept: that of its decision.
    inputs, actions
        What it is shown; how many actions it has.
    hidden
        Widths of a net's layers.
    options
        The kind's own options, an instance of the class it was registered with.
    model, score
        For a rule that plans: the world it acts in, without the information links that rules are not shown, and the
        utilities that training follows (``None``: all).
    """

    name: str
    inputs: Inputs
    actions: int
    hidden: tuple[int, ...] = (32,)
    options: Any = None
    model: CIM | None = None
    score: Sequence[str] | None = None


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

    @property
    def inside(self) -> Mapping[str, InnerNode]:
        """The inner nodes of the rule."""
        return inside(self.rule)

    def think(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints, touch: Touch) -> Tensor:
        """Return the logits as above, with every inner node shown to a touch."""
        forbidden = torch.from_numpy(~self.may[contexts])
        return think(self.rule, params, contexts, codes, touch).masked_fill(forbidden, -math.inf)

    def surprise(self, params: Mapping[str, Tensor], values: Mapping[str, Ints]) -> Tensor | None:
        """Return what the rule has to say of the episodes it saw; most have nothing."""
        return surprise(self.rule, params, values)


def inside(rule: Rule) -> Mapping[str, InnerNode]:
    """Return the inner nodes of a rule, by name; none of one that declares none."""
    found: Mapping[str, InnerNode] = getattr(rule, "inside", {})
    return found


def think(rule: Rule, params: Mapping[str, Tensor], contexts: Ints, codes: Ints, touch: Touch) -> Tensor:
    """Return the logits of a rule that has an inside, with every inner node shown to a touch."""
    found: Tensor = rule.think(params, contexts, codes, touch)  # type: ignore[attr-defined]  # it declares an inside
    return found


def surprise(rule: Rule, params: Mapping[str, Tensor], values: Mapping[str, Ints]) -> Tensor | None:
    """Return how badly a rule that models the world predicted episodes, summed over agents; ``None`` of other rules.

    Parameters
    ----------
    rule, params
        Whose, and with which parameters.
    values
        What was drawn, by node: positions in the domains, ``(agents, episodes)``.
    """
    told = getattr(rule, "surprise", None)
    found: Tensor | None = None if told is None else told(params, values)
    return found


def reached(model: CIM, decisions: Iterable[str]) -> Ints | None:
    """Return the contexts that come up at one of these decisions under some policy; ``None`` if all do, or who knows.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> mechanisms = {"act": [0, 1], "pay": lambda act: act}
    >>> reached(cid.parameterise(mechanisms, x=cm.Categorical({0: 1.0, 1: 0.0})), ["act"])
    array([0])
    """
    try:
        found = np.any([np.asarray(reached_contexts(model, decision)).reshape(-1) for decision in decisions], axis=0)
    except NotApplicableError:
        return None
    return None if found.all() else np.flatnonzero(found)


# Inputs and starts ----------------------------------------------------------------------------------------------------


def shown(inputs: Inputs, contexts: Ints, codes: Ints, like: Tensor) -> Tensor:
    """Return what a net is shown, ``(agents, n, width)``, in the precision of its parameters.

    The first axis is 1 where all agents are asked about the same contexts (a broadcast array says so): there the input
    is written out once.
    """
    if alike(contexts) and alike(codes):
        contexts, codes = contexts[:1], codes[:1]
    return torch.from_numpy(inputs.table[contexts, codes]).to(like.dtype)


def alike(positions: Ints) -> bool:
    """Say whether all agents are asked the same: one row, or a broadcast one.

    >>> alike(np.broadcast_to(np.arange(3), (2, 3))), alike(np.zeros((2, 3), dtype=np.intp))
    (True, False)
    """
    return len(positions) == 1 or positions.strides[0] == 0


def softmax(logits: Tensor) -> Tensor:
    """Return probabilities over the last axis; many times as fast as torch's where there are few actions."""
    if logits.shape[-1] > NARROW:
        return torch.softmax(logits, dim=-1)
    return torch.softmax(logits.transpose(-1, -2).contiguous(), dim=-2).transpose(-1, -2)


def log_softmax(logits: Tensor) -> Tensor:
    """Return log-probabilities over the last axis; as :func:`softmax`."""
    if logits.shape[-1] > NARROW:
        return torch.log_softmax(logits, dim=-1)
    return torch.log_softmax(logits.transpose(-1, -2).contiguous(), dim=-2).transpose(-1, -2)


def uniform(keys: Keys, stream: str, shape: tuple[int, ...], bound: float) -> Tensor:
    """Draw numbers from plus or minus `bound`, each agent its own, ``(agents, *shape)``."""
    draws = uniforms(keys, f"start {stream}", np.arange(math.prod(shape)))
    return torch.from_numpy((2 * draws - 1) * bound).reshape(-1, *shape)


def layers(keys: Keys, shapes: Mapping[str, tuple[int, ...]]) -> Params:
    """Draw a net's parameters in single precision, as PyTorch's linear layers start.

    Parameters
    ----------
    keys
        Of the agents.
    shapes
        By name; the last but one length is the fan-in, whose square root bounds the draw. That of a bias is given in a
        third place: ``(1, width, fan_in)``.
    """
    params: Params = {}
    for name, shape in shapes.items():
        fan_in = shape[2] if len(shape) == 3 else shape[0]
        params[name] = uniform(keys, name, shape[:2], 1 / math.sqrt(fan_in)).float()
    return params

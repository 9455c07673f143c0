r"""Adam for many agents at once [1]_, with a step size that falls linearly to 0, as stochastic approximation asks for.

References
----------
.. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.learners.loop import Memory, Program
from cidmesa.agents.learners.task import Schedule
from cidmesa.agents.policies.rule import Params
from cidmesa.arrays import Floats

MANY = 2**16
"""From how many numbers on numpy is quicker with square roots."""

Loss: TypeAlias = Callable[[Params, int], tuple[Tensor, Floats]]
"""From parameters and step to a loss summed over agents, and what each agent earned."""


def beginning(params: Params) -> dict[str, Params]:
    """Return what Adam carries at first: the parameters, and two moments of zero."""
    zeros = {name: torch.zeros_like(value) for name, value in params.items()}
    return {"learned": params, "first": zeros, "second": zeros}


def leaves(memory: Memory) -> Params:
    """Return the parameters as leaves of a new graph."""
    return {name: value.detach().requires_grad_() for name, value in memory["learned"].items()}


def gradients(cost: Tensor, params: Params) -> Params:
    """Return the gradient by each parameter, zero where the cost does not depend on it."""
    found = torch.autograd.grad(cost, list(params.values()), allow_unused=True) if cost.requires_grad else ()
    pairs = zip(params, found or [None] * len(params), strict=True)
    return {name: torch.zeros_like(params[name]) if g is None else g for name, g in pairs}


def adam(memory: Memory, slope: Params, t: int, rate: float) -> dict[str, Params]:
    """Return what is carried after the `t`-th step (the first is 1) along minus the gradient."""
    first = {name: torch.lerp(memory["first"][name], g, 0.1) for name, g in slope.items()}
    second = {name: (memory["second"][name] * 0.999).addcmul_(g, g, value=0.001) for name, g in slope.items()}
    stride = -rate / (1 - 0.9**t)
    spread = {name: root(value).mul_((1 - 0.999**t) ** -0.5).add_(1e-8) for name, value in second.items()}
    params = {
        name: torch.addcdiv(value, first[name], spread[name], value=stride) for name, value in memory["learned"].items()
    }
    return {"learned": params, "first": first, "second": second}


def root(value: Tensor) -> Tensor:
    """Return square roots; of many numbers on the CPU by numpy, which takes half as long as torch."""
    by_numpy = value.numel() >= MANY and value.device.type == "cpu"
    return torch.from_numpy(np.sqrt(value.numpy())) if by_numpy else value.sqrt()


def descending(loss: Loss, start: Params, schedule: Schedule, most: float = math.inf) -> Program:
    """Return the learner that takes one step of Adam along minus the gradient of a loss.

    With `most` an agent's gradient is cut to that norm: Adam measures steps by what gradients were up to a thousand
    steps ago, and a penalty that nobody takes any more would hide what is left to learn.
    """

    def step(memory: Memory, number: int) -> tuple[Memory, Floats]:
        params = leaves(memory)
        cost, earned = loss(params, number)
        rate = schedule.rate * schedule.left(number)
        slope = gradients(cost, params)
        return adam(memory, slope if math.isinf(most) else clipped(slope, most), number + 1, rate), earned

    return Program(beginning(start), step)


def clipped(slope: Params, most: float = 1.0) -> Params:
    """Return gradients whose norm over all parameters of an agent is at most `most`; of each agent by itself.

    >>> clipped({"x": torch.tensor([[3.0, 4.0], [0.3, 0.4]])})["x"].tolist()
    [[0.6000000238418579, 0.800000011920929], [0.30000001192092896, 0.4000000059604645]]
    """
    lengths = [torch.linalg.vector_norm(g, dim=tuple(range(1, g.ndim)), dtype=g.dtype).double() for g in slope.values()]
    norms = torch.stack(lengths).square().sum(dim=0).sqrt()
    if bool((norms <= most).all()):
        return slope
    factor = most / norms.clamp(min=most)
    return {name: g * factor.to(g.dtype).reshape(-1, *[1] * (g.ndim - 1)) for name, g in slope.items()}

"""Gradient descent on all nets of a world at once, each with a step of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def descend(
    parameters: Sequence[Tensor],
    loss: Callable[[], Tensor],
    *,
    steps: int,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    cut: bool = False,
) -> None:
    """Lower a loss by Adam, in place, with a rate that falls to 0 over the second half.

    Parameters
    ----------
    parameters
        Tensors ``(agents, ..)``.
    loss
        Draws what is seen in a step, and returns what is to be lowered, summed over agents.
    steps, rate, betas
        How many steps; Adam's own numbers.
    cut
        Whether each agent's gradient of each parameter is cut to norm 1.

    Examples
    --------
    >>> x = torch.tensor([[1.0], [-2.0]], requires_grad=True)
    >>> descend([x], lambda: (x - 3).square().sum(), steps=400, rate=0.1)
    >>> x.detach().round(decimals=2).tolist()
    [[3.0], [3.0]]
    """
    adam = torch.optim.Adam(parameters, lr=rate, betas=betas)
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate * min(1.0, 2 * (1 - step / steps))
        found = loss()
        adam.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        for parameter in parameters if cut else ():
            if parameter.grad is not None:
                norm = parameter.grad.flatten(1).norm(dim=1).clamp(min=1.0)
                parameter.grad /= norm.reshape(-1, *[1] * (parameter.dim() - 1))
        adam.step()

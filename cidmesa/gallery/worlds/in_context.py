r"""Prompts of examples, layers of self-attention, and one step of gradient descent.

A *prompt* shows N examples :math:`(x_i, y_i)` of one linear task, :math:`y = w \cdot x` with :math:`w \sim N(0, I)` and
:math:`x \sim U(-\tfrac12, \tfrac12)^d`, and asks for the label of another input. Tokens are :math:`e_i = (x_i, y_i)`,
the question is :math:`(x, 0)` and is nobody's key. One layer answers with what it *subtracts* from that 0:

.. math:: \hat y = -\Big[ P V \sum_i e_i\, e_i^\top K^\top Q\, (x, 0) \Big]_{label} = \hat w \cdot x ,

so a linear layer answers by a weight vector :math:`\hat w` that it makes of the examples. Gradient descent
on :math:`\frac{1}{2N} \sum_i (w \cdot x_i - y_i)^2` makes :math:`\frac{\eta}{N} \sum_i y_i x_i` of them, in one step
from 0.

References
----------
.. [1] J. von Oswald et al., "Transformers learn in-context by gradient descent", ICML 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.policies.rule import Touch
from cidmesa.arrays import Floats
from cidmesa.gallery.worlds.descent import descend
from cidmesa.gallery.worlds.one_step import D, N, best_step

Attention = Literal["linear", "softmax"]


@dataclass(frozen=True)
class Prompts:
    """Prompts: inputs ``(.., N, d)``, labels ``(.., N)``, questions and the tasks' weights ``(.., d)``."""

    x: Tensor
    y: Tensor
    question: Tensor
    weights: Tensor

    @property
    def label(self) -> Tensor:
        """The label of each question."""
        return (self.weights * self.question).sum(-1)

    @property
    def descended(self) -> Tensor:
        """The weights after the best single step of gradient descent from 0, ``(.., d)``."""
        return float(best_step()[0]) * torch.einsum("...nd,...n->...d", self.x, self.y)

    @property
    def tokens(self) -> Tensor:
        """The examples as tokens, ``(.., N, d + 1)``."""
        return torch.cat([self.x, self.y[..., None]], dim=-1)

    def scaled(self, inputs: float = 1.0, weights: float = 1.0) -> Prompts:
        """Return the same with larger inputs or a larger task."""
        return Prompts(self.x * inputs, self.y * inputs * weights, self.question * inputs, self.weights * weights)

    def shuffled(self) -> Prompts:
        """Return the same with each prompt's labels moved on by one example, so that they belong to others."""
        return Prompts(self.x, self.y.roll(1, dims=-1), self.question, self.weights)

    def turned(self, to: Tensor) -> Prompts:
        """Return the same tasks and inputs with the signs of the tasks turned, ``(..,)`` of ones and minus ones."""
        return Prompts(self.x, self.y * to[..., None], self.question, self.weights * to[..., None])


def prompts(shape: tuple[int, ...], random: torch.Generator) -> Prompts:
    """Draw prompts."""
    x = torch.rand((*shape, N + 1, D), generator=random) - 0.5
    weights = torch.randn((*shape, D), generator=random)
    y = torch.einsum("...nd,...d->...n", x[..., :N, :], weights)
    return Prompts(x[..., :N, :], y, x[..., N, :], weights)


@dataclass(frozen=True, eq=False)
class Layers:
    """One layer of self-attention an agent: K, Q, V, P, each ``(agents, d + 1, d + 1)``."""

    attention: Attention
    matrices: tuple[Tensor, Tensor, Tensor, Tensor]

    def __len__(self) -> int:
        return len(self.matrices[0])

    def outputs(self, given: Prompts) -> Tensor:
        """Return what each layer adds to the question's token, ``(agents, prompts, d + 1)``.

        `given` has prompts ``(prompts,)``, the same for all agents, or ``(agents, prompts)``.
        """
        key, query, value, project = self.matrices
        tokens = given.tokens
        asked = torch.cat([given.question, torch.zeros_like(given.question[..., :1])], dim=-1)
        sought = asked @ (query.transpose(1, 2) @ key)
        if self.attention == "linear":
            squares = tokens.transpose(-1, -2) @ tokens
            mixed = (squares @ sought[..., None])[..., 0]
        else:
            scores = (tokens @ sought[..., None]).softmax(dim=-2)
            mixed = (tokens * scores).sum(-2)
        return mixed @ (project @ value).transpose(1, 2)

    def answers(self, given: Prompts) -> Tensor:
        """Return each layer's answers, ``(agents, prompts)``."""
        return -self.outputs(given)[..., -1]

    def weights(self, given: Prompts) -> Tensor:
        """Return the slope of each layer's answer in the question, ``(agents, prompts, d)``: its weights, if linear."""
        question = given.question.expand(len(self), *given.question.shape[-2:]).clone().requires_grad_(True)
        answer = self.answers(Prompts(given.x, given.y, question, given.weights))
        (slope,) = torch.autograd.grad(answer.sum(), question)
        return slope


def explicit() -> Layers:
    """Return the layer whose weights *are* one step of gradient descent, in double precision."""
    keep = torch.eye(D + 1, dtype=torch.float64)
    keep[D, D] = 0.0
    value = torch.zeros_like(keep)
    value[D, D] = -1.0
    project = float(best_step()[0]) * torch.eye(D + 1, dtype=torch.float64)
    return Layers("linear", (keep[None], keep[None], value[None], project[None]))


def untrained(agents: int, seed: int, attention: Attention = "linear") -> Layers:
    """Return layers as they are before training."""
    random = torch.Generator().manual_seed(seed)
    made = 0.1 * torch.randn((4, agents, D + 1, D + 1), generator=random)
    return Layers(attention, (made[0], made[1], made[2], made[3]))


def trained(
    agents: int, seed: int, attention: Attention = "linear", *, steps: int = 3000, batch: int = 256, rate: float = 3e-3
) -> Layers:
    """Train layers to answer, each on fresh prompts of its own: Adam, decayed over the second half."""
    layers = untrained(agents, seed, attention)
    parameters = [matrix.requires_grad_(True) for matrix in layers.matrices]
    random = torch.Generator().manual_seed(seed + 1)

    def loss() -> Tensor:
        given = prompts((agents, batch), random)
        return 0.5 * (layers.answers(given) - given.label).square().mean(dim=1).sum()

    descend(parameters, loss, steps=steps, rate=rate, betas=(0.9, 0.98))
    return Layers(attention, tuple(matrix.detach() for matrix in parameters))  # type: ignore[arg-type]


# What is measured ----------------------------------------------------------------------------------------------------


def losses(answers: Tensor, given: Prompts) -> Floats:
    """Return half the mean square error of each agent's answers."""
    found: Floats = (0.5 * (answers - given.label).square().mean(dim=-1)).numpy()
    return found


def descent(given: Prompts) -> Tensor:
    """Return the answers of one step of gradient descent."""
    return (given.descended * given.question).sum(-1)


def smoothed(given: Prompts, width: float = 0.5) -> Tensor:
    """Return the answers of a kernel smoother: labels of near examples, averaged; it fits no weights at all."""
    apart = (given.x - given.question[..., None, :]).square().sum(-1)
    near = (-apart / (2 * width**2)).softmax(dim=-1)
    return (near * given.y).sum(-1)


def cosines(layers: Layers, given: Prompts) -> Floats:
    """Return how far each layer's answer has the slope that gradient descent's has: the mean cosine of the two."""
    found: Floats = torch.cosine_similarity(layers.weights(given), given.descended, dim=-1).mean(dim=-1).numpy()
    return found


def probed(layers: Layers, given: Prompts) -> Floats:
    """Return how much of gradient descent's answers a linear probe reads off each layer's output, as R squared."""
    target = descent(given)
    target = target - target.mean()
    half, found = len(target) // 2, []
    for output in layers.outputs(given):
        seen = torch.cat([output, torch.ones_like(output[:, :1])], dim=1).double()
        fitted = torch.linalg.lstsq(seen[:half], target[:half, None].double()).solution
        rest = target[half:].double()
        found.append(1 - float((rest - (seen[half:] @ fitted)[:, 0]).square().mean() / rest.square().mean()))
    return np.array(found)


def play(layers: Layers, seen: Mapping[str, Any], seed: int, touch: Touch | None = None) -> dict[str, Any]:
    """Answer prompts of the kinds that a diagram's contexts name; see :func:`drawn`.

    What a linear layer's weights are along the direction of the question is shown to a touch, ``(agents, n)``; the
    answer is that, turned if the question points against the direction.
    """
    examples, query = (torch.from_numpy(np.asarray(seen[node]).astype(np.float32)) for node in ("examples", "query"))
    given = drawn(examples, query, seed)
    if touch is None:
        answers = layers.answers(given)
    else:
        along = Prompts(given.x, given.y, given.question * query[..., None], given.weights)
        answers = touch("weights", (layers.weights(along) * along.question).sum(-1)) * query
    return {"answer": np.where(answers.numpy() > 0, 1, -1)}


def drawn(examples: Tensor, query: Tensor, seed: int) -> Prompts:
    """Draw prompts in which the examples speak for a slope along some direction, and the question points along it.

    `examples`: the sign of what gradient descent makes of the examples along that direction; `query`: whether the
    question points along it or against it; both of shape ``(n,)`` or ``(agents, n)``.
    """
    shape = tuple((examples * query).shape)
    given = prompts(shape, torch.Generator().manual_seed(seed))
    given = given.turned(torch.where(descent(given) > 0, examples, -examples))
    return Prompts(given.x, given.y, given.question * query[..., None], given.weights)


@dataclass(frozen=True, eq=False)
class Measured:
    """What layers do beside one step of gradient descent on the same prompts; one entry an agent.

    Attributes
    ----------
    excess
        The loss beyond the step's.
    cosine
        See :func:`cosines`.
    shuffled, doubled, tripled, larger_task
        Loss over the step's loss with labels shuffled, inputs twice and three times as large, tasks twice as large.
    probe, probe_untrained
        See :func:`probed`; of these layers, and of others before training.
    exchanged
        How often an answer has the sign that the step gives it from another prompt's examples, where the weights of
        that other prompt stand in the place of its own.
    kept
        How often it has the sign that its own examples give it, in the same place.
    smoother
        Correlation of a kernel smoother's answers with the step's, and what it loses beyond it: of no agent.
    """

    excess: Floats
    cosine: Floats
    shuffled: Floats
    doubled: Floats
    tripled: Floats
    larger_task: Floats
    probe: Floats
    probe_untrained: Floats
    exchanged: Floats
    kept: Floats
    smoother: tuple[float, float]


@lru_cache(maxsize=4)
def measured(layers: Layers, draws: int = 20_000, seed: int = 10_007) -> Measured:
    """Measure layers on fresh prompts, the same for all."""
    given = prompts((draws,), torch.Generator().manual_seed(seed))
    step = descent(given)

    def beside(kind: Prompts) -> Floats:
        return losses(layers.answers(kind), kind) / losses(descent(kind)[None], kind)

    other = Prompts(given.x.roll(1, 0), given.y.roll(1, 0), given.question, given.weights.roll(1, 0))
    put = (layers.weights(other) * given.question).sum(-1).sign()
    smooth = smoothed(given)
    return Measured(
        excess=losses(layers.answers(given), given) - losses(step[None], given),
        cosine=cosines(layers, given),
        shuffled=beside(given.shuffled()),
        doubled=beside(given.scaled(2.0)),
        tripled=beside(given.scaled(3.0)),
        larger_task=beside(given.scaled(1.0, 2.0)),
        probe=probed(layers, given),
        probe_untrained=probed(untrained(len(layers), seed, layers.attention), given),
        exchanged=(put == descent(other).sign()).double().mean(-1).numpy(),
        kept=(put == step.sign()).double().mean(-1).numpy(),
        smoother=(
            float(torch.corrcoef(torch.stack([smooth, step]))[0, 1]),
            float((losses(smooth[None], given) - losses(step[None], given))[0]),
        ),
    )


def largest_difference(draws: int = 2_000, seed: int = 0) -> float:
    """Return the largest difference between the answers of :func:`explicit` and those of the step."""
    drawn_here = prompts((draws,), torch.Generator().manual_seed(seed))
    given = Prompts(*(part.double() for part in (drawn_here.x, drawn_here.y, drawn_here.question, drawn_here.weights)))
    return float((explicit().answers(given) - descent(given)).abs().max())

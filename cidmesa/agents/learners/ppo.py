r"""Proximal policy optimization [1]_ of many agents at once.

Each step plays some episodes per agent and takes a few steps of Adam on them. With the ratio
:math:`r = \pi(d \mid pa_D) / \pi_{old}(d \mid pa_D)` and the advantage :math:`A = G_D - V_D(pa_D)`, what is climbed is

.. math:: \min(r A,\ \mathrm{clip}(r, 1 - \epsilon, 1 + \epsilon) A) + \eta_t H(\pi(\cdot \mid pa_D))
          - \tfrac12 (V_D(pa_D) - G_D)^2 .

:math:`G_D` is what was paid below D until the end of the episode: a critic's guess at a later decision is no substitute
where that decision sees less than what came before. Advantages are normalised, gradients clipped, and the steps on the
same episodes stopped where the rule has moved too far, for each agent by itself: nobody else's luck or penalty is in
its numbers. The critic learns gains around the running upper quartile of what was paid (:func:`.task.running`): an
offset of −5,000, which a net would take all of training to reach, costs nothing.

References
----------
.. [1] J. Schulman et al., "Proximal policy optimization algorithms", arXiv:1707.06347, 2017.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from cidmesa.agents.learners.loop import Memory, Program, chosen
from cidmesa.agents.learners.optimizer import adam, beginning, clipped, gradients, leaves
from cidmesa.agents.learners.task import Answer, Met, Task, answer, asked, brake, require_between, running
from cidmesa.agents.policies.rule import Params
from cidmesa.agents.tensors import draw
from cidmesa.arguments import require_count
from cidmesa.arrays import Floats, Ints

Asked: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Of each episode, ``(agents, episodes)``: log-probability of what was done, entropy, and the critic's guess."""

LEAST_SPREAD = 0.1
"""Advantages that differ by less than this, in units, are not made larger: they are the critic's own error."""


@dataclass(frozen=True, slots=True)
class PPO:
    """Options.

    Attributes
    ----------
    epochs
        Steps of Adam on the same episodes, at most.
    clip
        How far from 1 a ratio still counts.
    kl
        An agent whose rule has moved further than this from the one that played waits for the next episodes.
    discount
        What a utility is worth that is paid one decision later.
    """

    epochs: int = 4
    clip: float = 0.2
    kl: float = 0.03
    discount: float = 1.0

    def __post_init__(self) -> None:
        require_count(self.epochs, "epochs")
        for name in ("clip", "kl", "discount"):
            require_between(getattr(self, name), name)


def ppo(task: Task) -> Program:
    """Return the learner."""
    options: PPO = task.options
    critics = {d: task.critic(d) for d in task.trained}
    params = task.start()
    for critic in critics.values():
        params.update(critic.start(task.keys))
    start = beginning(params)
    start["centre"] = {d: torch.zeros(len(task.keys), 1, dtype=torch.float64) for d in task.trained}

    def step(memory: Memory, number: int) -> tuple[Memory, Floats]:
        params, at_first = leaves(memory), dict[str, Asked]()

        def act(decision: str, contexts: Ints, codes: Ints, noise: Floats) -> Ints:
            said = answer(task.rules[decision], params, contexts, codes)
            actions = draw(said.probabilities(), noise)
            if decision in critics:
                at_first[decision] = _asked(decision, params, said, Met(contexts, codes, actions))
            return actions

        played, met = task.play(number, act)
        paid = {d: torch.from_numpy(task.gain(played, d, options.discount)) for d in task.trained}
        centre = {d: running(memory["centre"][d], paid[d], number) for d in task.trained}
        gains = {d: paid[d] - centre[d] for d in task.trained}
        before = {d: log_pi.detach() for d, (log_pi, _, _) in at_first.items()}
        ahead = {d: normalised(gains[d] - guess.detach()) for d, (_, _, guess) in at_first.items()}
        bounds = {d: between(gained, options.clip) for d, gained in ahead.items()}
        moving = torch.ones(len(task.keys), dtype=torch.bool)
        bonus = task.schedule.entropy * task.schedule.left(number)
        for epoch in range(options.epochs):
            params = leaves(memory) if epoch else params
            cost, moved = torch.zeros(()), torch.zeros(len(task.keys), dtype=torch.float64)
            for decision in at_first:
                log_pi, entropy, guess = _again(decision, params, met[decision]) if epoch else at_first[decision]
                log_ratio = log_pi - before[decision]
                ratio = log_ratio.exp()
                better = ratio.clamp(*bounds[decision]) * ahead[decision]
                error = guess - gains[decision]
                own = better + bonus * entropy - 0.5 * brake(error.detach().numpy())[:, None] * error.square()
                cost = cost - own.mean(dim=1).sum()
                moved = torch.maximum(moved, (ratio.detach() - 1 - log_ratio.detach()).mean(dim=1))
            cost = cost + task.surprise(params, played)
            moving = moving & (moved <= options.kl)
            if not bool(moving.any()):
                break
            t = number * options.epochs + epoch + 1
            rate = task.schedule.rate * task.schedule.left(number)
            memory = chosen(moving, adam(memory, clipped(gradients(cost, params)), t, rate), memory)
        return {**memory, "centre": centre}, task.earned(played)

    def _again(decision: str, params: Params, seen: Met) -> Asked:
        return _asked(decision, params, answer(task.rules[decision], params, seen.contexts, seen.codes), seen)

    def _asked(decision: str, params: Params, said: Answer, seen: Met) -> Asked:
        guess = asked(critics[decision], params, seen.contexts, seen.codes)[..., 0]
        return said.log(seen.actions), said.entropy(), guess

    return Program(start, step)


def normalised(ahead: Tensor) -> Tensor:
    """Return advantages with mean 0 and spread 1 for each agent, ``(agents, episodes)``.

    >>> normalised(torch.tensor([[1.0, 3.0], [0.0, 2000.0], [5.0, 5.0]])).tolist()
    [[-1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]]
    """
    spread = ahead.std(dim=1, correction=0, keepdim=True).clamp(min=LEAST_SPREAD)
    return (ahead - ahead.mean(dim=1, keepdim=True)) / spread


def between(ahead: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    r"""Return bounds of the ratio within which the clipped product is the advantage times the ratio.

    :math:`\min(rA, \mathrm{clip}(r, 1 - \epsilon, 1 + \epsilon) A)` is :math:`A\, \mathrm{clip}(r, l, h)` with an upper
    bound alone where A is positive, and a lower one alone elsewhere.

    >>> low, high = between(torch.tensor([2.0, -2.0]), 0.2)
    >>> low.tolist()[0], high.tolist()[1]
    (-inf, inf)
    """
    up, free = ahead > 0, torch.full_like(ahead, math.inf)
    return torch.where(up, -free, 1 - clip), torch.where(up, 1 + clip, free)

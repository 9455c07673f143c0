r"""REINFORCE [1]_: policy gradient on an agent's own episodes.

Each step plays some episodes per agent, each agent with its own noise, and follows

.. math:: \sum_D (G_D - b)\, \nabla \log \pi(d \mid pa_D) + \eta_t \nabla H(\pi(\cdot \mid pa_D)),

where :math:`G_D` is the sum of the scored utilities below D, in units (:mod:`.task`), :math:`b` the mean of the other
episodes of the same agent and step, and the entropy bonus :math:`\eta_t` falls linearly to 0. The bonus keeps an agent
trying: without it policy gradient stalls on the first thing that pays. Where an agent's advantages are large compared
with the unit, as beside a penalty that few still take, its step is braked (:func:`.task.brake`).

References
----------
.. [1] R. J. Williams, "Simple statistical gradient-following algorithms …", Machine Learning 8, 1992.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cidmesa.agents.learners.loop import Program
from cidmesa.agents.learners.optimizer import Loss, descending
from cidmesa.agents.learners.task import Task, advantage, answer, brake
from cidmesa.agents.policies.rule import Params
from cidmesa.agents.tensors import draw
from cidmesa.arrays import Floats, Ints


def reinforce(task: Task) -> Program:
    """Return the learner."""
    return descending(reinforce_loss(task), task.start(), task.schedule)


def reinforce_loss(task: Task) -> Loss:
    """Return the loss whose gradient is REINFORCE's, summed over agents."""

    def loss(params: Params, step: int) -> tuple[Tensor, Floats]:
        log_pis: dict[str, Tensor] = {}
        entropies: dict[str, Tensor] = {}

        def act(decision: str, contexts: Ints, codes: Ints, noise: Floats) -> Ints:
            said = answer(task.rules[decision], params, contexts, codes)
            actions = draw(said.probabilities(), noise)
            log_pis[decision], entropies[decision] = said.log(actions), said.entropy()
            return actions

        played, _ = task.play(step, act)
        bonus = task.schedule.entropy * task.schedule.left(step)
        total = task.surprise(params, played)
        for decision in task.trained:
            ahead = advantage(task.gain(played, decision))
            own = torch.from_numpy(ahead) * log_pis[decision] + bonus * entropies[decision]
            total = total - (brake(ahead) * own.mean(dim=1)).sum()
        return total, task.earned(played)

    return loss

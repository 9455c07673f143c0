r"""Exact gradient: the expected score itself, climbed by all agents at once.

The expected score is multilinear in the rules (:mod:`cidmesa.agents.compiled`); a contraction gives it for all agents,
and autograd its gradient. Agents differ by where they start. A rule that no scored utility depends on gets no gradient:
it stays where it started. Rules are asked about no context that no policy reaches. With an entropy bonus :math:`\eta`,
which falls linearly to 0, what is climbed is :math:`J(\pi) + \eta \sum_D E\, H(\pi(\cdot \mid pa_D))`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cidmesa.agents.compiled import Compiled
from cidmesa.agents.learners.loop import Program
from cidmesa.agents.learners.optimizer import Loss, descending
from cidmesa.agents.learners.task import Task, probabilities
from cidmesa.agents.policies.rule import Params
from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError

LARGEST = 2**22
"""How many numbers an agent may need at once."""

STEEPEST = 1.0
"""The norm, in units, to which an agent's gradient is cut; beside no penalty it is below that."""


def exact(task: Task) -> Program:
    """Return the learner."""
    return descending(exact_loss(task), task.start(), task.schedule, STEEPEST)


def exact_loss(task: Task) -> Loss:
    """Return minus the expected score in units, and minus its entropy bonus, summed over agents.

    Raises
    ------
    NotApplicableError
        The model is too large for a contraction: what would be climbed is an estimate.
    """
    world = Compiled(task.model, score=task.paid, unit=task.unit, largest=LARGEST)
    if not world.exact:
        raise NotApplicableError(
            f"the exact gradient needs every rule multiplied in, and {world.why}: learner='reinforce' plays episodes "
            "instead."
        )

    def loss(params: Params, step: int) -> tuple[Tensor, Floats]:
        tables = {}
        for decision, rule in task.rules.items():
            table = probabilities(rule, params, contexts=rule.inputs.reached)
            cards = map(task.model.card, task.model.cid.parents(decision))
            table = table.reshape(len(table), *cards, table.shape[-1])
            tables[decision] = table if task.below[decision] else table.detach()
        value = world.value(tables)
        total = -value.sum()
        bonus = task.schedule.entropy * task.schedule.left(step)
        if bonus:
            still = {decision: table.detach() for decision, table in tables.items()}
            for decision in task.trained:
                pi = tables[decision]
                entropy = -torch.special.xlogy(pi, pi.masked_fill(pi == 0, 1.0)).sum(dim=-1)
                total = total - bonus * (world.visits(still, decision) * entropy).sum()
        return total, value.detach().numpy() * task.unit

    return loss

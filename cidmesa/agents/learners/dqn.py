r"""Deep Q-learning of many agents at once, in its parallel form: fresh episodes instead of a replay buffer [1]_.

Each step plays some episodes per agent, taking an action at random with probability :math:`\epsilon_t`, which falls
linearly to 0, and moves :math:`Q_D(pa_D, d)` of what was taken towards what it led to. The learned rule is greedy:
:math:`\pi` is one on the first action of the largest value.

**To the end of the episode.** The target is what was paid below D until the end. The usual one-step target, a reward
and :math:`\max_d Q_{D'}(pa_{D'}, d)` at the next decision, is right only if the next decision's observations say all
that the earlier ones said about what is still to be paid; without that *sufficient recall* it learns something else,
whatever the budget. ``targets="step"`` asks for it, and is refused where the graph does not grant it.

**Small gaps beside large penalties.** Values are learned around the running upper quartile of what was paid, so an
offset of −5,000 costs nothing; a mean would be dragged along by a penalty that is tried less and less. How bad a bad
action is does not matter: one that is already :data:`FAR` units below the best is not pushed down further, so that a
penalty of 1,000 does not take the net away from a gap of 1. Errors are squared, not clipped: clipped ones find medians,
and a rare large reward has a small one. An agent's step is braked where its own errors are large (:func:`.task.brake`).

References
----------
.. [1] M. Gallici et al., "Simplifying deep temporal difference learning" (PQN), ICLR 2025; V. Mnih et al.,
   "Human-level control through deep reinforcement learning", Nature 518, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from cidmesa.agents.environment import Episodes
from cidmesa.agents.learners.loop import Memory, Program
from cidmesa.agents.learners.optimizer import adam, beginning, gradients, leaves
from cidmesa.agents.learners.task import Met, Task, asked, brake, require_between, running, taken
from cidmesa.agents.policies.rule import Params
from cidmesa.agents.tensors import draw
from cidmesa.arrays import Floats, Ints
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.graph.separation import d_separated

FAR = 4.0
"""From how many units below the best on an action is bad enough."""


@dataclass(frozen=True, slots=True)
class DQN:
    """Options.

    Attributes
    ----------
    targets
        ``"episode"``: what is paid until the end. ``"step"``: until the next decision, and the largest value there.
    explore
        The first probability of an action at random.
    discount
        What a utility is worth that is paid one decision later.
    """

    targets: str = "episode"
    explore: float = 1.0
    discount: float = 1.0

    def __post_init__(self) -> None:
        if self.targets not in {"episode", "step"}:
            raise unknown(self.targets, ("episode", "step"), what="a kind of targets= (episode, step)")
        for name in ("explore", "discount"):
            require_between(getattr(self, name), name)


def refused(task: Task) -> None:
    """Raise where values of actions do not make a rule.

    Raises
    ------
    NotApplicableError
        Decisions share a rule, or one-step targets are asked for without sufficient recall.
    """
    if any(set(group) & set(task.trained) for group in task.groups):
        raise NotApplicableError(
            f"dqn learns what an action is worth at one decision, and {task.groups[0]!r} share a rule, whose best may "
            "be a mixture: learner='reinforce', 'ppo' or 'exact'."
        )
    if task.options.targets == "step":
        for turn, (first, then) in enumerate(pairwise(task.trained), 1):
            cid = task.model.cid
            known = {then, *cid.parents(then)}
            lost = [n for n in (*cid.parents(first), first) if n not in known]
            later = [u for u in task.paid if task.turn_paid(u) >= turn]
            if lost and later and not d_separated(cid, lost, later, known):
                raise NotApplicableError(
                    f"targets='step' needs sufficient recall, and what `{first}` saw and did ({', '.join(lost)}) tells "
                    f"more about {', '.join(later)} than `{then}` sees: targets='episode', or let `{then}` observe it."
                )


def dqn(task: Task) -> Program:
    """Return the learner."""
    options: DQN = task.options
    start = beginning(task.start())
    start["centre"] = {d: torch.zeros(len(task.keys), 1, dtype=torch.float64) for d in task.trained}

    def step(memory: Memory, number: int) -> tuple[Memory, Floats]:
        left = task.schedule.left(number)

        def act(decision: str, contexts: Ints, codes: Ints, noise: Floats) -> Ints:
            values = asked(task.rules[decision], memory["learned"], contexts, codes).numpy()
            may = np.isfinite(values)
            best = values.argmax(axis=-1)[..., None] == np.arange(values.shape[-1])
            epsilon = options.explore * left
            return draw((1 - epsilon) * best + epsilon * may / may.sum(axis=-1, keepdims=True), noise)

        with torch.no_grad():
            played, met = task.play(number, act)
            targets = _targets(played, met, memory)
        centre = {d: running(memory["centre"][d], targets[d], number) for d in task.trained}
        params = leaves(memory)
        cost = torch.zeros(())
        for decision in task.trained:
            seen = met[decision]
            values = asked(task.rules[decision], params, seen.contexts, seen.codes)
            value = taken(values, seen.actions)
            error = targets[decision] - centre[decision] - value
            known = (error < 0) & (value < values.detach().amax(dim=-1) - FAR)
            error = error.masked_fill(known, 0.0)
            cost = cost + (brake(error.detach().numpy()) * 0.5 * error.square().mean(dim=1)).sum()
        found = adam(memory, gradients(cost, params), number + 1, task.schedule.rate * left)
        return {**found, "centre": centre}, task.earned(played)

    def _targets(played: Episodes, met: dict[str, Met], memory: Memory) -> Params:
        if options.targets == "episode":
            return {d: torch.from_numpy(task.gain(played, d, options.discount)) for d in task.trained}
        targets: Params = {}
        ahead = torch.zeros(len(task.keys), task.schedule.batch, dtype=torch.float64)
        for turn, decision in reversed(list(enumerate(task.trained))):
            now = [played.utilities[u] for u in task.paid if task.turn_paid(u) == turn]
            targets[decision] = torch.from_numpy(sum(now, np.zeros(1)) / task.unit) + options.discount * ahead
            values = asked(task.rules[decision], memory["learned"], met[decision].contexts, met[decision].codes)
            ahead = values.amax(dim=-1) + memory["centre"][decision]
        return targets

    return Program(start, step)

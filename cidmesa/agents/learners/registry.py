"""The learners by name, with their defaults; more may be registered.

A learner is a function from a :class:`~.task.Task` to a :class:`~.loop.Program`, with how long and how hard it trains
unless told otherwise, and a class of options of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cidmesa.agents.learners.dqn import DQN, dqn
from cidmesa.agents.learners.dqn import refused as refused_by_dqn
from cidmesa.agents.learners.evolution import Evolution, evolution
from cidmesa.agents.learners.evolution import refused as refused_by_evolution
from cidmesa.agents.learners.exact import exact
from cidmesa.agents.learners.loop import Program
from cidmesa.agents.learners.ppo import PPO, ppo
from cidmesa.agents.learners.reinforce import reinforce
from cidmesa.agents.learners.supervised import Supervised, labels, supervised
from cidmesa.agents.learners.task import Task
from cidmesa.agents.policies.registry import POLICIES
from cidmesa.errors import NotApplicableError


@dataclass(frozen=True, slots=True)
class Learner:
    """A learner and its defaults.

    Attributes
    ----------
    program
        From a task to the learner at work.
    steps, rate, entropy
        How long and how hard, unless told otherwise.
    table_rate
        The first step size where rules are tables, which only move where they are met; `rate` if left out.
    options
        A dataclass of further options, all with defaults; ``None``: there are none.
    greedy
        Whether the learned rule takes its largest logit, given the options; ``False``: it draws by softmax.
    check
        Raises where the learner does not fit a task, before any training.
    predicts
        Whether it fits rules that model the world to the episodes it plays (``Task.surprise``).
    """

    program: Callable[[Task], Program]
    steps: int
    rate: float
    entropy: float = 0.0
    table_rate: float | None = None
    options: type | None = None
    greedy: Callable[[Any], bool] = lambda options: False
    check: Callable[[Task], object] = lambda task: None
    predicts: bool = False

    def usual(self, policy: str) -> Mapping[str, float]:
        """Return how long and how hard it trains rules of a kind."""
        rate = self.table_rate if policy == "tabular" and self.table_rate is not None else self.rate
        return {"steps": self.steps, "rate": min(rate, POLICIES[policy].rate), "entropy": self.entropy}


LEARNERS: dict[str, Learner] = {
    "reinforce": Learner(reinforce, steps=1500, rate=0.01, entropy=0.05, table_rate=0.05, predicts=True),
    "exact": Learner(exact, steps=500, rate=0.05),
    "ppo": Learner(ppo, steps=400, rate=0.01, entropy=0.2, table_rate=0.05, options=PPO, predicts=True),
    "dqn": Learner(
        dqn, steps=1000, rate=0.02, table_rate=0.05, options=DQN, greedy=lambda options: True, check=refused_by_dqn
    ),
    "supervised": Learner(
        supervised,
        steps=600,
        rate=0.02,
        options=Supervised,
        greedy=lambda options: bool(options.greedy),
        check=labels,
        predicts=True,
    ),
    "evolution": Learner(
        evolution, steps=200, rate=1.0, options=Evolution, greedy=lambda options: True, check=refused_by_evolution
    ),
}
"""The learners by name."""


def register_learner(
    name: str,
    program: Callable[[Task], Program],
    *,
    steps: int = 1000,
    rate: float = 0.01,
    entropy: float = 0.0,
    options: type | None = None,
    greedy: bool = False,
    predicts: bool = False,
) -> None:
    """Make a learner known to ``train(learner=name)``.

    Parameters
    ----------
    name
        Not taken yet.
    program
        From a :class:`~.task.Task` to a :class:`~.loop.Program`; :mod:`.reinforce` is one to read.
        :func:`cidmesa.agents.check_learner` tests what it has to keep.
    steps, rate, entropy
        How long and how hard it trains, unless told otherwise.
    options
        A frozen dataclass of further options, all with defaults.
    greedy
        Whether what is learned takes the largest logit.
    predicts
        Whether it adds ``task.surprise(params, played)`` to its loss, which rules that model the world need.

    Raises
    ------
    NotApplicableError
        There is a learner of this name.
    """
    if name in LEARNERS:
        raise NotApplicableError(f"there is a learner {name!r} already: register yours under another name.")
    LEARNERS[name] = Learner(program, steps, rate, entropy, None, options, lambda _: greedy, predicts=predicts)

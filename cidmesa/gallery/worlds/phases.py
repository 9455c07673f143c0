r"""Two phases of training with one rule and a cue: the closed form of the best rule, and what can be read off a rule.

Defecting in training pays :math:`\rho` and is modified away; defecting unmodified in deployment pays 1. The cue is
right with probability :math:`\alpha`, and one rule serves both phases.

>>> compliance(0.7, 0.5), compliance(0.9, 0.3), compliance(None, 0.5)
(0.8333333333333333, 1.0, 0.25)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import cidmesa as cm

if TYPE_CHECKING:
    from cidmesa.agents import Agents

BASE = np.array([0.0, -1.0, -2.0, -3.0])
"""What the base wants, by (early, late): no defection, and least of all an early one."""


def compliance(alpha: float | None, rho: float) -> float:
    """Return how often the best rule complies when the cue says training, or at all where there is none."""
    if alpha is None:
        return (1 - rho) / 2
    return 1.0 if alpha == 1 else min(1.0, (1 - rho) / (2 * (1 - alpha)))


def regrets(alpha: float | None, rho: float) -> tuple[float, float, float]:
    """Return what that loses in training, cut from the update, and in deployment."""
    c, accuracy = compliance(alpha, rho), 1.0 if alpha is None else alpha
    u, v = accuracy * c, (1 - accuracy) * c if alpha is not None else c
    return 1 - u, 1.0, u * (1 - v)


def fitting(setup: cm.TrainingSetup, organisms: Agents, agent: int) -> tuple[bool, ...]:
    """Say whether base and deceptive objective fit an agent on the training cue, then whether they do on both cues.

    A phase is watched where the cue is right, what the agent does in the other one being part of the world. The set of
    objectives that fit both is that of the two together.
    """
    model, policy = setup.require_model("a behaviour"), organisms.policy(agent)
    said = {"cue_tr": {"training": 1.0, "deployment": 0.0}, "cue_dep": {"training": 0.0, "deployment": 1.0}}
    sure = model.shift({cue: cm.Categorical(law) for cue, law in said.items()})
    deceptive = np.array(model.domain("gain"))[model.cpd("gain").argmax(axis=-1)].reshape(-1)
    fits = np.ones(2, dtype=bool)
    found: list[bool] = []
    for phase, other in (("tr", "dep"), ("dep", "tr")):
        fixed = cm.Table(policy[other], domain=model.domain(other))
        world = setup.cid.demote(other).parameterise({**dict(sure.mechanisms), other: fixed})
        watched = cm.agents.from_rules([{phase: policy[phase]}], world)
        (behaviour,) = cm.behavioural_objective(watched, ["early", "late"], model=world)
        fits &= [behaviour.objectives.contains(wanted) for wanted in (BASE, deceptive)]
        found += fits.tolist()
    return tuple(found)

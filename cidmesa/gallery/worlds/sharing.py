r"""Learners that may do something for whoever comes next, and exchange their worlds.

Each of K learners sits in one of K worlds. Acting costs c at once and is worth b to whoever sits there in the next
step: :math:`r_t = b\,a_{t-1} - c\,a_t`. After every step the worlds are exchanged: not at all (K = 1), at random, or
in strict rotation. Every learner has one logit and follows REINFORCE on its own rewards, discounted by
:math:`\gamma`, with the mean of the other episodes as a baseline and Adam's steps, which fall to nothing.

>>> generous = learned([0.5, 2.0], agents=4, steps=150)      # c = 1 and a discount of .9: from b = 1.11 on it pays
>>> generous.shape, (generous > 0.5).mean(axis=1).tolist()
((2, 4), [0.0, 1.0])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cidmesa.arrays import Array, Floats

MOVES = 24
"""How many steps an episode has."""


def learned(
    benefits: Sequence[float],
    *,
    agents: int,
    steps: int,
    cost: float = 1.0,
    discount: float = 0.9,
    learners: int = 1,
    rotate: bool = False,
    episodes: int = 16,
    rate: float = 0.1,
    seed: int = 0,
) -> Floats:
    """Return how likely a learner is to act in the end, ``(benefits, agents)``.

    Parameters
    ----------
    benefits
        What acting is worth to whoever comes next; each trains agents of its own.
    agents
        Independent groups of `learners`; the first of each group is returned.
    steps
        Of training.
    cost, discount
        What acting costs; what the next step's reward counts.
    learners, rotate
        How many exchange their worlds, and whether in strict rotation; otherwise at random.
    episodes, rate, seed
        Per step of training; Adam's first step size; of all noise.
    """
    rng = np.random.default_rng(seed)
    worth = np.array(benefits, dtype=np.float64)[:, None, None, None]
    shape = (len(benefits), agents, learners)
    logit, first, second = 0.1 * rng.standard_normal(shape), np.zeros(shape), np.zeros(shape)
    for step in range(steps):
        p = 1 / (1 + np.exp(-logit))
        actions, rewards = _played(p, worth, cost, rotate, episodes, rng)
        ahead = np.zeros((*shape, episodes))
        slope = np.zeros(shape)
        for t in reversed(range(MOVES)):
            ahead = rewards[t] + discount * ahead
            gain = (ahead - ahead.mean(axis=-1, keepdims=True)) * episodes / (episodes - 1)
            slope += ((actions[t] - p[..., None]) * gain).mean(axis=-1)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        move = first / (1 - 0.9 ** (step + 1)) / (np.sqrt(second / (1 - 0.999 ** (step + 1))) + 1e-8)
        logit = logit + rate * (1 - step / steps) * move
    found: Floats = 1 / (1 + np.exp(-logit[..., 0]))
    return found


def _played(
    p: Floats, worth: Floats, cost: float, rotate: bool, episodes: int, rng: np.random.Generator
) -> tuple[list[Array], list[Floats]]:
    """Return what each learner did and was paid in each step, ``(benefits, agents, learners, episodes)``."""
    shape = (*p.shape, episodes)
    left = np.zeros(shape)  # what was done last in each world
    seat = np.broadcast_to(np.arange(p.shape[-1])[:, None], shape)
    actions, rewards = [], []
    for _ in range(MOVES):
        acts = (rng.random(shape) < p[..., None]).astype(np.float64)
        actions.append(acts)
        rewards.append(worth * np.take_along_axis(left, seat, axis=-2) - cost * acts)
        left = np.empty(shape)
        np.put_along_axis(left, seat, acts, axis=-2)
        if p.shape[-1] > 1:
            seat = (seat + 1) % p.shape[-1] if rotate else rng.random(shape).argsort(axis=-2)
    return actions, rewards


def selected(
    benefits: Sequence[float],
    *,
    agents: int,
    generations: int,
    population: int,
    group: int,
    cost: float = 1.0,
    groupings: int = 64,
    mutates: float = 0.02,
    seed: int = 0,
) -> Floats:
    """Return which share of a population acts in the end, ``(benefits, agents)``.

    A member acts or does not. In every episode members are grouped anew at random, and exchange their worlds within
    groups, so that what one of them does is worth as much to each, itself included. The best quarter leaves four
    copies each.

    >>> selected([3.0, 9.0], agents=2, generations=40, population=32, group=4).round().tolist()
    [[0.0, 0.0], [1.0, 1.0]]

    Parameters
    ----------
    benefits, cost
        What acting is worth, in all, and what it costs.
    agents
        Independent populations for each benefit.
    generations, population, group, groupings, mutates
        How many generations, members, members of a group, episodes a generation; how often a newborn differs.
    seed
        Of all noise.
    """
    rng = np.random.default_rng(seed)
    worth = np.array(benefits, dtype=np.float64)[:, None, None]
    acts = rng.random((len(benefits), agents, population)) < 0.5
    for _ in range(generations):
        order = rng.random((*acts.shape[:2], groupings, population)).argsort(axis=-1)
        seated = np.take_along_axis(acts[:, :, None], order, axis=-1).astype(np.float64)
        shares = seated.reshape(*seated.shape[:-1], -1, group).mean(axis=-1)
        met = np.empty_like(seated)
        np.put_along_axis(met, order, shares.repeat(group, axis=-1), axis=-1)
        fitness = worth * met.mean(axis=2) - cost * acts + 1e-9 * rng.random(acts.shape)
        best = np.argsort(-fitness, axis=-1)[..., : population // 4]
        acts = np.take_along_axis(acts, np.tile(best, 4), axis=-1)
        acts = acts ^ (rng.random(acts.shape) < mutates)
    found: Floats = acts.mean(axis=-1)
    return found

r"""Agents on two levels: selection changes genomes, and a brain that is born with one learns within a life.

A genome is weights on what a brain can feel, of total size at most 2. In a life the brain tries every action in every
situation a few times, estimates from that what it feels on average, and acts by the softmax of weights times estimates
over a temperature; or it knows these averages exactly. Selection sees what the life brought in, never the weights: the
best quarter of 64 members has all the children, whose weights differ by normal mutations. A lineage is one agent, and
what it has come to is the mean genome of its last survivors. Put into another world its brain learns *there*: weights
are what stays.

>>> import numpy as np
>>> feelings = np.array([[[1.0, 0.0], [0.0, 1.0]]])                       # one situation, two actions, two feelings
>>> brain(np.array([[1.0, 0.0]]), feelings, None).round(3).tolist()
[[[1.0, 0.0]]]
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cidmesa.agents.brought import Rules
from cidmesa.arrays import Floats
from cidmesa.gallery.worlds.judged import registered
from cidmesa.identity import Identity
from cidmesa.model import CIM

TEMPERATURE, MUTATION, MEMBERS, LARGEST = 0.1, 0.15, 64, 2.0
LIVES = 200
"""Over how many lives a brain that learns from samples is averaged."""


@dataclass(frozen=True, eq=False)
class Lineages(Rules):
    """Lineages after selection; their rules are what their brains come to in the world of `model`.

    Attributes
    ----------
    genomes
        ``(lineages, feelings)``.
    feelings, trials
        What a brain can feel, by name; how often it tries an action in a life, ``None``: it knows.
    registered
        Hashes of what had been predicted before.
    """

    genomes: Floats = field(default_factory=lambda: np.zeros((0, 0)), repr=False)
    feelings: tuple[str, ...] = ()
    trials: int | None = None
    registered: Identity | None = field(default=None, repr=False)

    def living_in(self, world: CIM) -> Lineages:
        """Return the same lineages where brains learn in another world, of the same decision."""
        rules = learnt(self.genomes, world, self.feelings, self.trials)
        decision, shape = world.cid.only_decision(None), rules.shape[1:]
        cards = tuple(map(world.card, world.cid.parents(decision)))
        policies = tuple({decision: rule.reshape(*cards, shape[-1])} for rule in rules)
        return replace(self, policies=policies, model=world)


def evolve(
    setup: Any,
    feelings: tuple[str, ...],
    *,
    trials: int | None,
    agents: int,
    seed: int,
    generations: int,
    born_with: tuple[str, ...] | None = None,
    family: Any = None,
) -> Lineages:
    """Return lineages selected by what training scores.

    Parameters
    ----------
    setup
        A training setup with one decision.
    feelings
        Chance nodes that a brain can feel; numbers.
    trials
        How often a brain tries an action in a situation; ``None``: it knows what comes of it.
    agents, seed, generations
        How many lineages; their noise; how long.
    born_with
        The feelings that genomes have weights on; all, if left out.
    family
        Whose predictions are registered.
    """
    before = registered(family)
    world: CIM = setup.model
    noise = np.random.default_rng(seed)
    felt, weight, pays = felt_in(world, feelings), reached(world), brought_in(world)
    allowed = np.array([1.0 if born_with is None or name in born_with else 0.0 for name in feelings])
    genomes = bounded(noise.normal(0, 0.5, (agents, MEMBERS, len(feelings))) * allowed)
    survivors = MEMBERS // 4
    for generation in range(generations):
        acts = brain(genomes, felt if trials is None else tried(felt, trials, noise, genomes.shape[:2]), weight)
        fitness = np.einsum("c,...ca,ca->...", weight, acts, pays)
        best = np.argsort(-fitness, axis=1, kind="stable")[:, :survivors, None]
        parents = np.take_along_axis(genomes, best, axis=1)
        if generation == generations - 1:
            genomes = parents
            break
        children = np.repeat(parents, MEMBERS // survivors, axis=1)
        children[:, survivors:] += MUTATION * noise.normal(size=children[:, survivors:].shape) * allowed
        genomes = bounded(children)
    found = bounded(genomes.mean(axis=1))
    return Lineages((), world, genomes=found, feelings=feelings, trials=trials, registered=before).living_in(world)


def learnt(genomes: Floats, world: CIM, feelings: tuple[str, ...], trials: int | None) -> Floats:
    """Return what brains come to in a world, ``(lineages, situations, actions)``, on average over lives."""
    felt = felt_in(world, feelings)
    if trials is None:
        return brain(genomes, felt, None)
    noise = np.random.default_rng(0)
    lives = tried(felt, trials, noise, (LIVES, len(genomes)))
    found: Floats = brain(np.broadcast_to(genomes, (LIVES, *genomes.shape)), lives, None).mean(axis=0)
    return found


def brain(genomes: Floats, felt: Floats, weight: Floats | None) -> Floats:
    """Return rules ``(..., situations, actions)``: the softmax of weights ``(..., feelings)`` times what is felt."""
    worth = np.einsum("...f,...caf->...ca", genomes, felt) / TEMPERATURE
    acts = np.exp(worth - worth.max(axis=-1, keepdims=True))
    found: Floats = acts / acts.sum(axis=-1, keepdims=True)
    return found


def tried(felt: Floats, trials: int, noise: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return what is estimated of feelings that come or do not, from a few trials each."""
    found: Floats = noise.binomial(trials, felt, size=(*shape, *felt.shape)) / trials
    return found


def bounded(genomes: Floats) -> Floats:
    """Return genomes with weights scaled down to the largest total size."""
    size = np.abs(genomes).sum(axis=-1, keepdims=True)
    found: Floats = genomes * np.minimum(1.0, LARGEST / np.maximum(size, 1e-12))
    return found


# The world as arrays -------------------------------------------------------------------------------------------------


def felt_in(world: CIM, feelings: tuple[str, ...]) -> Floats:
    """Return the expected value of each feeling, ``(situations, actions, feelings)``."""
    decision = world.cid.only_decision(None)
    found = [[expected(world, decision, c, act, feelings) for act in world.domain(decision)] for c in situations(world)]
    return np.array(found)


def expected(world: CIM, decision: str, situation: Any, act: Any, nodes: tuple[str, ...]) -> list[float]:
    """Return the expected values of nodes where an action is taken in a situation."""
    seen = dict(zip(world.cid.parents(decision), situation, strict=True))
    laws = {node: world.query([node], given=seen, do={decision: act}).probabilities for node in nodes}
    return [float(law.reshape(-1) @ np.array(world.domain(node), dtype=np.float64)) for node, law in laws.items()]


def brought_in(world: CIM) -> Floats:
    """Return what training scores, ``(situations, actions)``."""
    decision = world.cid.only_decision(None)
    found = [
        [
            world.expected_utility({}, given=dict(zip(world.cid.parents(decision), c, strict=True)), do={decision: act})
            for act in world.domain(decision)
        ]
        for c in situations(world)
    ]
    return np.array(found)


def reached(world: CIM) -> Floats:
    """Return how often each situation comes up."""
    law = world.query(list(world.cid.parents(world.cid.only_decision(None))))
    return np.asarray(law.probabilities, dtype=np.float64).reshape(-1)


def situations(world: CIM) -> list[Any]:
    """Return the contexts of the only decision, in the order of its rules."""
    return list(world.contexts(world.cid.only_decision(None)))

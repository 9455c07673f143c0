r"""Evolution: every agent is a lineage, a population of rules that are selected by what they earn, and mutate.

Each step is a generation. All members act greedily on the same worlds (common noise is no reason for a rank). The best
quarter stays; the others are replaced by its copies, which mutate: with a size :math:`s \le 1` that falls linearly to 0
a number :math:`x` becomes :math:`\sqrt{1 - s^2}\, x + s\, z` with a normal :math:`z`. That keeps the spread of numbers
what it was; sums of mutations would grow until no further one changes what a member does. A newborn mutates in all of
its numbers, in half of them, a quarter, ...: what works is not always to be broken up. What a lineage has learned is
its best member.

**Swapping** [1]_. With ``swap=K`` members are put in groups of K, whose worlds they exchange at random before every
decision after the first. A utility goes to whoever sits in the world when it is paid: when its last decision is taken.
A member that does something for later, in a world that will be another's, is not paid for it.

References
----------
.. [1] D. Krueger, T. Maharaj, J. Leike, "Hidden incentives for auto-induced distributional shift", 2020, §4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.learners.loop import Memory, Program
from cidmesa.agents.learners.task import Task, asked
from cidmesa.agents.policies.rule import Params
from cidmesa.agents.tensors import Keys, uniforms
from cidmesa.arguments import require_count
from cidmesa.arrays import Array, Floats, Ints
from cidmesa.errors import NotApplicableError

SHARES = 5
"""How many sizes of a mutation there are: all numbers, half of them, ..."""

LARGEST = 2_000
"""From how many numbers on a rule is not found by trial and error."""


@dataclass(frozen=True, slots=True)
class Evolution:
    """Options.

    Attributes
    ----------
    population
        Members of a lineage.
    swap
        How many members exchange their worlds; 1: nobody does.
    """

    population: int = 32
    swap: int = 1

    def __post_init__(self) -> None:
        require_count(self.population, "population", least=4)
        require_count(self.swap, "swap")
        if self.population % self.swap:
            raise NotApplicableError(
                f"swap={self.swap} divides a population of {self.population} into no whole groups: "
                f"population={self.swap * max(1, round(self.population / self.swap))}."
            )


def refused(task: Task) -> None:
    """Raise where rules are too large to be found by trial and error.

    Raises
    ------
    NotApplicableError
        A member would have more than :data:`LARGEST` numbers.
    """
    numbers_of_one = sum(value[0].numel() for value in replace(task, keys=task.keys[:1]).start().values())
    if numbers_of_one > LARGEST:
        raise NotApplicableError(
            f"evolution finds rules by trial and error, and these have {numbers_of_one:,} numbers, more than "
            f"{LARGEST:,}: policy='mlp' with a smaller hidden=, or learner='reinforce'."
        )


def evolution(task: Task) -> Program:
    """Return the learner."""
    options: Evolution = task.options
    agents, size = len(task.keys), options.population
    crowd = replace(task, keys=np.repeat(task.keys, size))
    survivors = size // 4
    parents = torch.arange(size) % survivors
    shares = 0.5 ** (torch.arange(survivors, size) % SHARES)
    lineages = torch.arange(agents)[:, None]
    first = task.start()
    everyone = {name: value[:, None].expand(-1, size, *value.shape[1:]) for name, value in first.items()}

    def step(memory: Memory, number: int) -> tuple[Memory, Floats]:
        flat = {name: value.flatten(0, 1) for name, value in memory["population"].items()}
        seats: dict[str, Ints] = {}

        def act(decision: str, contexts: Ints, codes: Ints, noise: Floats) -> Ints:
            seat = _seats(task.keys, decision, number, (size, contexts.shape[-1]))
            seats[decision] = seat
            seen = _of_members(contexts, seat).reshape(agents * size, -1)
            coded = _of_members(codes, seat).reshape(agents * size, -1)
            actions = asked(task.rules[decision], flat, seen, coded).argmax(dim=-1).numpy().reshape(agents, size, -1)
            in_worlds = np.empty_like(actions)
            np.put_along_axis(in_worlds, seat, actions, axis=1)
            return np.asarray(in_worlds.reshape(agents * size, -1), dtype=np.intp)

        with torch.no_grad():
            played, _ = crowd.play(number, act)
        fitness = np.zeros((agents, size))
        for utility in (u for u in task.paid if task.turn_paid(u) >= 0):
            seat = seats[task.trained[task.turn_paid(utility)]]
            fitness += _of_members(played.utilities[utility], seat).mean(axis=-1)
        best = torch.from_numpy(np.argsort(-fitness, axis=1, kind="stable"))
        spread = task.schedule.rate * task.schedule.left(number)
        return _next_generation(memory["population"], best[:, parents], number, spread), crowd.earned(played).reshape(
            agents, size
        ).mean(axis=1)

    def _seats(keys: Keys, decision: str, number: int, shape: tuple[int, int]) -> Ints:
        """Return in which world each member sits, ``(agents, members, episodes)``."""
        members = np.arange(size)[:, None]
        if options.swap == 1 or decision == task.turns[0]:
            return np.broadcast_to(members, (agents, *shape))
        counter = np.arange(number * math.prod(shape), (number + 1) * math.prod(shape))
        noise = uniforms(keys, f"seat {decision}", counter).reshape(agents, -1, options.swap, shape[1])
        drawn = noise.argsort(axis=2, kind="stable").reshape(agents, *shape)
        return np.asarray(drawn + members // options.swap * options.swap)

    def _of_members(of_worlds: Array, seat: Ints) -> Array:
        whole = np.broadcast_to(of_worlds, (agents * size, seat.shape[-1])).reshape(seat.shape)
        return np.asarray(np.take_along_axis(whole, seat, axis=1))

    def _next_generation(population: Params, chosen: Tensor, number: int, spread: float) -> Memory:
        grown, learned = {}, {}
        shrunk = math.sqrt(max(0.0, 1 - spread**2))
        for name, value in population.items():
            kept = value[lineages, chosen]
            born = kept[:, survivors:]
            shape = tuple(born.shape[1:])
            share = shares.reshape(-1, *[1] * (value.ndim - 2))
            mutates = numbers(task.keys, f"mutates {name}", number, shape) < share
            moved = shrunk * born + spread * normals(task.keys, f"mutate {name}", number, shape)
            kept[:, survivors:] = torch.where(mutates, moved.to(kept.dtype), born)
            grown[name], learned[name] = kept, kept[:, 0]
        return {"learned": learned, "population": grown}

    born = _next_generation(everyone, torch.zeros(agents, size, dtype=torch.long), task.schedule.steps, 1.0)
    return Program({"learned": first, "population": born["population"]}, step)


def numbers(keys: Keys, stream: str, number: int, shape: tuple[int, ...]) -> Tensor:
    """Return uniform numbers of each agent for a generation, ``(agents, *shape)``."""
    counter = np.arange(number * math.prod(shape), (number + 1) * math.prod(shape))
    return torch.from_numpy(uniforms(keys, stream, counter)).reshape(-1, *shape)


def normals(keys: Keys, stream: str, number: int, shape: tuple[int, ...]) -> Tensor:
    """Return standard normal numbers of each agent, ``(agents, *shape)``: two from two uniform ones (Box, Muller)."""
    pairs = (math.prod(shape) + 1) // 2
    radius = (-2 * torch.log1p(-numbers(keys, f"{stream} radius", number, (pairs,)))).sqrt()
    angle = 2 * math.pi * numbers(keys, f"{stream} angle", number, (pairs,))
    drawn = torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)
    return drawn[:, : math.prod(shape)].reshape(-1, *shape)

r"""Mazes in which the way is long, and recurrent nets that think about them for as many ticks as they are given.

A maze is a random spanning tree of 5 x 5 rooms on 9 x 9 cells, so there is one way from every cell to the goal, up to
four dozen moves long. A net has a state of 12 numbers a cell; each *tick* is one convolution over state and maze with
the same weights, so that what is known travels one cell a tick, and after the last the state says for every cell which
way to go.

Nets are trained with gradient through few ticks. With a *warm-up* these come after a random number of ticks without
gradient, so that a net has to go on from whatever state it got into [1]_. The *reactive* task asks for the first open
side, clockwise from north, which is seen at the cell.

References
----------
.. [1] A. Bansal et al., "End-to-end algorithm synthesis with recurrent networks", NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.policies.rule import Touch, untouched
from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.gallery.worlds import grids
from cidmesa.gallery.worlds.descent import descend

ROOMS = 5
SIDE = 2 * ROOMS - 1
CELLS = SIDE * SIDE
CHANNELS = 12
WITH_GRADIENT = 6
"""Ticks with gradient in training, at most."""
WARM_UP = 12
"""Ticks without gradient before, at most."""
TICKS = (6, 16, 30)
"""After how many ticks nets are asked."""
POOL = 300
"""Mazes in which they are asked."""

Training = Literal["warm-up", "no warm-up", "reactive"]


@dataclass(frozen=True)
class Mazes:
    """Mazes, one a row: walls ``(n, cells)``, the goal, how far from it each cell is."""

    walls: Mask
    goal: Ints
    far: Ints

    @property
    def way(self) -> Ints:
        """The move towards the goal from each cell, ``(n, cells)``; -1 where there is none."""
        return grids.only_move(grids.shortest_moves(self.far))

    @property
    def first_open(self) -> Ints:
        """The first open side of each cell, clockwise from north, ``(n, cells)``; -1 in walls."""
        around = grids.beside(CELLS)
        open_sides = ~self.walls[:, around] & (around != np.arange(CELLS)[:, None])
        return np.where(self.walls, -1, open_sides.argmax(axis=-1))

    @property
    def seen(self) -> Tensor:
        """What nets see: walls and goal, ``(n, 2, cells)``."""
        return torch.from_numpy(np.stack([self.walls, grids.one_hot(self.goal, CELLS) > 0], axis=1)).float()


def mazes(many: int, random: np.random.Generator) -> Mazes:
    """Draw mazes: walls between rooms fall in random order wherever they part what is not connected yet."""
    rooms, rows = ROOMS * ROOMS, np.arange(many)
    around = grids.beside(rooms)
    pairs = [(room, int(around[room, move])) for room in range(rooms) for move in (1, 2) if around[room, move] != room]
    order = random.random((many, len(pairs))).argsort(axis=1)
    part = np.tile(np.arange(rooms), (many, 1))
    walls = np.ones((many, SIDE, SIDE), dtype=bool)
    walls[:, ::2, ::2] = False
    for turn in range(len(pairs)):
        room, beyond = np.array(pairs)[order[:, turn]].T
        one, other = part[rows, room], part[rows, beyond]
        row, column = np.stack(np.divmod(room, ROOMS)) + np.stack(np.divmod(beyond, ROOMS))
        walls[rows, row, column] &= one == other
        part = np.where(part == other[:, None], one[:, None], part)
    row, column = np.divmod(random.integers(rooms, size=many), ROOMS)
    goal = 2 * row * SIDE + 2 * column
    flat: Mask = walls.reshape(many, CELLS)
    return Mazes(flat, goal, grids.distances(flat, goal))


# Nets -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Thinkers:
    """One recurrent net an agent.

    Attributes
    ----------
    tick, bias
        The convolution of a tick, ``(agents, 12, 14, 3, 3)`` and ``(agents, 12)``.
    say
        From the state of a cell to moves, ``(agents, 12, 4)``.
    kind
        How they were trained.
    clock
        How many ticks they take, whatever they are given: then they are feed-forward nets. ``None``: what is given.
    """

    tick: Tensor
    bias: Tensor
    say: Tensor
    kind: Training
    clock: int | None = None

    def __len__(self) -> int:
        return len(self.tick)

    def begin(self, seen: Tensor) -> Tensor:
        """Return the state before the first tick, for ``(n, agents, 2, cells)``."""
        return torch.zeros((len(seen), len(self), CHANNELS, CELLS))

    def think(self, state: Tensor, seen: Tensor, ticks: int) -> Tensor:
        """Return the state some ticks later."""
        n, agents = state.shape[:2]
        kernel = self.tick.reshape(agents * CHANNELS, CHANNELS + 2, 3, 3)
        bias = self.bias.reshape(-1)
        for _ in range(ticks):
            both = torch.cat([state, seen], dim=2).reshape(n, -1, SIDE, SIDE)
            moved = torch.nn.functional.conv2d(both, kernel, bias, padding=1, groups=agents)
            state = torch.tanh(moved).reshape(n, agents, CHANNELS, CELLS)
        return state

    def answer(self, state: Tensor) -> Tensor:
        """Return which way to go, ``(n, agents, cells, 4)``."""
        return torch.einsum("nacx,acm->naxm", state, self.say)


def untrained(kind: Training, agents: int, random: torch.Generator) -> Thinkers:
    """Return nets as they are before training."""
    return Thinkers(
        torch.randn((agents, CHANNELS, CHANNELS + 2, 3, 3), generator=random) / (9 * (CHANNELS + 2)) ** 0.5,
        torch.zeros((agents, CHANNELS)),
        torch.randn((agents, CHANNELS, 4), generator=random) / CHANNELS**0.5,
        kind,
    )


@lru_cache(maxsize=1)
def trained(
    kind: Training, agents: int, seed: int, *, steps: int = 400, batch: int = 16, rate: float = 1e-2
) -> Thinkers:
    """Train nets, each on fresh mazes of its own, to say the right move of every cell.

    The last ones are kept: recurrent and feed-forward nets without a warm-up are the same ones.
    """
    random = np.random.default_rng(seed)
    nets = untrained(kind, agents, torch.Generator().manual_seed(seed))
    parameters = [weight.requires_grad_(True) for weight in (nets.tick, nets.bias, nets.say)]

    def loss() -> Tensor:
        drawn = mazes(batch * agents, random)
        seen = drawn.seen.reshape(batch, agents, 2, CELLS)
        wanted = torch.from_numpy(asked(kind, drawn))
        state = nets.begin(seen)
        if kind == "no warm-up":
            ticks = int(random.integers(3, WITH_GRADIENT + 1))
        else:
            with torch.no_grad():
                state = nets.think(state, seen, int(random.integers(0, WARM_UP + 1)))
            ticks = int(random.integers(1, WITH_GRADIENT + 1))
        made = nets.answer(nets.think(state, seen, ticks))
        return torch.nn.functional.cross_entropy(
            made.reshape(batch, agents, CELLS, 4).permute(0, 3, 1, 2), wanted.reshape(batch, agents, CELLS),
            reduction="none", ignore_index=-1,
        ).sum((0, 2)).div((wanted >= 0).reshape(batch, agents, CELLS).sum((0, 2))).sum()  # fmt: skip

    descend(parameters, loss, steps=steps, rate=rate, cut=True)
    tick, bias, say = (parameter.detach() for parameter in parameters)
    return Thinkers(tick, bias, say, kind)


def asked(kind: Training, given: Mazes) -> Ints:
    """Return the move that is right in each cell, ``(n, cells)``; -1 where none is."""
    return given.first_open if kind == "reactive" else given.way


# What they do ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Asked:
    """What nets have in mind in mazes after some ticks: situations are cells in which one move is right.

    Attributes
    ----------
    nets
        Who.
    right
        The right move of each situation, ``(n,)``.
    states
        Ticks → what the state of the cell is, ``(agents, n, 12)``.
    """

    nets: Thinkers
    right: Ints
    states: Mapping[int, Tensor]

    def say(self, states: Tensor) -> Ints:
        """Return the move that each agent makes of states, ``(agents, n)``."""
        found: Ints = (states @ self.nets.say).argmax(-1).numpy()
        return found

    def accuracy(self, ticks: int) -> Floats:
        """Return how often each agent is right after so many ticks."""
        found: Floats = (self.say(self.states[ticks]) == self.right).mean(axis=1)
        return found

    def play(self, seen: Mapping[str, Any], seed: int, touch: Touch = untouched) -> dict[str, Any]:
        """Move in situations of the kinds that a diagram's contexts name; the state of a cell is shown to a touch."""
        way, ticks = np.asarray(seen["way"]), np.asarray(seen["ticks"])
        drawn, random = np.empty(len(way), dtype=np.intp), np.random.default_rng(seed)
        for number, move in enumerate(grids.MOVES):
            rows = np.flatnonzero(way == move)
            drawn[rows] = random.choice(np.flatnonzero(self.right == number), size=len(rows))
        state = torch.empty((len(self.nets), len(way), CHANNELS))
        for count in self.states:
            rows = np.flatnonzero(ticks == count)
            state[:, rows] = self.states[count][:, drawn[rows]]
        return {"move": np.array(grids.MOVES)[self.say(touch("state", state))]}


@lru_cache(maxsize=4)
def ask(nets: Thinkers, many: int = POOL, seed: int = 10_007) -> Asked:
    """Ask nets in fresh mazes, the same for all, after each of :data:`TICKS`."""
    given = mazes(many, np.random.default_rng(seed))
    right = asked(nets.kind, given)
    maze, cell = np.nonzero(right >= 0)
    states, found, at = _begun(nets, given), {}, 0
    for ticks in TICKS:
        least = ticks if nets.clock is None else nets.clock
        states = _further(nets, states, given, max(0, least - at))
        at = max(at, least)
        found[ticks] = states[maze, :, :, cell].transpose(0, 1)
    return Asked(nets, right[maze, cell], found)


@lru_cache(maxsize=4)
def exchanged(nets: Thinkers, many: int = POOL, seed: int = 20_011) -> tuple[Floats, Floats, Floats]:
    """Exchange the states of mazes by those of others after 16 ticks; return three shares for each agent.

    How often an answer is the other maze's then; how often it is its own maze's then; and how often its own after 16
    more ticks. Counted are cells that have a way in both, and not the same one.
    """
    given = mazes(many, np.random.default_rng(seed))
    own, other = asked(nets.kind, given), np.roll(asked(nets.kind, given), 1, axis=0)
    told = torch.from_numpy((own >= 0) & (other >= 0) & (own != other))[:, None]
    states = _further(nets, _begun(nets, given), given, TICKS[1]).roll(1, 0)
    later = _further(nets, states, given, TICKS[1])

    def share(state: Tensor, wanted: Ints) -> Floats:
        right = (nets.answer(state).argmax(-1) == torch.from_numpy(wanted)[:, None]) & told
        found: Floats = (right.sum((0, 2)) / told.sum()).double().numpy()
        return found

    return share(states, other), share(states, own), share(later, own)


def _begun(nets: Thinkers, given: Mazes) -> Tensor:
    return nets.begin(given.seen)


def _further(nets: Thinkers, states: Tensor, given: Mazes, ticks: int) -> Tensor:
    seen = given.seen[:, None].expand(-1, len(nets), -1, -1)
    with torch.no_grad():
        return nets.think(states, seen, ticks)

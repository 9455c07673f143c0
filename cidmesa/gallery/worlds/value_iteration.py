r"""Mazes with two marked cells, one of them the goal; value-iteration networks and plain nets that walk in them.

A maze has 5 x 5 cells, each a wall with probability .2. Nets see walls and goal, and say for every cell which way to
go. A value-iteration network [1]_ has the reward of every cell inside, made cell by cell of what is seen there, and K
rounds of :math:`v \leftarrow \max_c q_c`, with q a convolution over rewards and values. Beside the goal another open
cell is *marked*; nets do not know which. An episode ends at whichever of the two an agent has visited more often in its
last moves, or at neither.

References
----------
.. [1] A. Tamar et al., "Value iteration networks", NeurIPS 2016.
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

SIDE = 5
CELLS = SIDE * SIDE
WALLS = 0.2
ROUNDS = 12
MOVES = 24
LAST = 6
"""Moves at the end of an episode by which it is judged."""

Body = Literal["vin", "mlp"]
INSIDE: Mapping[Body, tuple[str, ...]] = {"vin": ("rewards", "elsewhere", "plan"), "mlp": ()}
"""Inner nodes that nets show."""


@dataclass(frozen=True)
class Mazes:
    """Mazes, one a row: walls, the goal, another marked cell, two cells that are neither, a start.

    All can be reached from each other, and none is next to the goal.
    """

    walls: Mask
    goal: Ints
    other: Ints
    elsewhere: Ints
    start: Ints

    @property
    def good(self) -> Mask:
        """Which moves are on a shortest path to the goal, ``(mazes, cells, 4)``."""
        return grids.shortest_moves(grids.distances(self.walls, self.goal))


def mazes(many: int, random: np.random.Generator) -> Mazes:
    """Draw mazes."""
    walls = random.random((many, CELLS)) < WALLS
    goal = np.where(walls, 0.0, random.random((many, CELLS))).argmax(axis=1)
    far = grids.distances(walls, goal)
    order = np.where((far > 1) & (far < grids.FAR), random.random((many, CELLS)), -1.0)
    picked = np.argsort(-order, axis=1)[:, :4]
    fine = np.take_along_axis(order, picked, axis=1).min(axis=1) >= 0
    if not fine.all():
        again = mazes(int((~fine).sum()), random)
        for mine, theirs in ((walls, again.walls), (goal, again.goal)):
            mine[~fine] = theirs
        picked[~fine] = np.column_stack([again.other, again.elsewhere, again.start])
    return Mazes(walls, goal, picked[:, 0], picked[:, 1:3], picked[:, 3])


# Nets -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Nets:
    """One net an agent: names of weights → ``(agents, out, ..)``, grouped convolutions or matrices."""

    body: Body
    weights: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.weights.values())))

    def logits(self, given: Tensor, marked: Tensor | None = None, touch: Touch = untouched) -> Tensor:
        """Return which way to go, ``(n, agents, cells, 4)``, for what is seen, ``(n, agents, 2, cells)``.

        `marked` are cells ``(n, 4)`` whose rewards are shown to a touch: the two marked ones as ``rewards``, two that
        are neither as ``elsewhere``, each ``(agents, n, 2)``.
        """
        n, agents = given.shape[:2]
        w = self.weights
        if self.body == "mlp":
            hidden = given.reshape(n, agents, -1).transpose(0, 1)
            for layer in ("first", "second"):
                hidden = torch.relu(torch.baddbmm(w[f"{layer} bias"], hidden, w[layer]))
            found = torch.baddbmm(w["last bias"], hidden, w["last"])
            return found.transpose(0, 1).reshape(n, agents, CELLS, 4)
        seen = torch.relu(torch.einsum("nacx,ahc->nahx", given, w["see"]) + w["see bias"][..., None])
        reward = torch.einsum("nahx,ah->nax", seen, w["reward"])
        if marked is not None:
            reward = _touched(reward, marked, touch)
        field = reward.reshape(n, agents, SIDE, SIDE)
        value = torch.zeros_like(field)
        kernel = w["look"].reshape(-1, 2, 3, 3)
        for _ in range(ROUNDS):
            stacked = torch.stack([field, value], dim=2).reshape(n, 2 * agents, SIDE, SIDE)
            q = torch.nn.functional.conv2d(stacked, kernel, padding=1, groups=agents)
            q = q.reshape(n, agents, -1, SIDE, SIDE)
            value = q.amax(dim=2)
        return torch.einsum("naqx,aqm->naxm", q.reshape(n, agents, -1, CELLS), w["go"])


def _touched(reward: Tensor, marked: Tensor, touch: Touch) -> Tensor:
    """Return rewards after those of some cells were shown to a touch."""
    changed = reward.clone()
    for name, cells in (("rewards", marked[:, :2]), ("elsewhere", marked[:, 2:])):
        at = cells[:, None].expand(-1, reward.shape[1], -1)
        shown = touch(name, reward.gather(2, at).transpose(0, 1))
        changed = changed.scatter(2, at, shown.transpose(0, 1).to(reward.dtype))
    return changed


def untrained(body: Body, agents: int, random: torch.Generator) -> Nets:
    """Return nets as they are before training."""

    def drawn(*shape: int, fan: int) -> Tensor:
        found: Tensor = torch.randn((agents, *shape), generator=random) / fan**0.5
        return found

    if body == "mlp":
        sizes = {"first": (2 * CELLS, 128), "second": (128, 128), "last": (128, 4 * CELLS)}
        weights = {name: drawn(*size, fan=size[0]) for name, size in sizes.items()}
        weights |= {f"{name} bias": torch.zeros((agents, 1, size[1])) for name, size in sizes.items()}
        return Nets(body, weights)
    weights = {
        "see": drawn(8, 2, fan=2),
        "see bias": torch.zeros((agents, 8)),
        "reward": drawn(8, fan=8),
        "look": drawn(5, 2, 3, 3, fan=18),
        "go": drawn(5, 4, fan=5),
    }
    return Nets(body, weights)


def seen(walls: Mask, goal: Ints) -> Tensor:
    """Return what nets see: walls and goal, cell by cell, ``(.., 2, cells)``."""
    return torch.from_numpy(np.stack([walls, grids.one_hot(goal, CELLS) > 0], axis=-2)).float()


def trained(body: Body, agents: int, seed: int, *, steps: int = 1000, batch: int = 32) -> Nets:
    """Train nets to go a shortest way from every cell, each on fresh mazes of its own."""
    random, maker = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    nets = untrained(body, agents, maker)
    parameters = [weight.requires_grad_(True) for weight in nets.weights.values()]

    def loss() -> Tensor:
        drawn = mazes(batch * agents, random)
        wanted = torch.from_numpy(drawn.good).reshape(batch, agents, CELLS, 4)
        made = nets.logits(seen(drawn.walls, drawn.goal).reshape(batch, agents, 2, CELLS)).log_softmax(-1)
        counted = wanted.any(-1)
        right = made.masked_fill(~wanted, -torch.inf).logsumexp(-1)
        return -(torch.where(counted, right, 0.0).sum((0, 2)) / counted.sum((0, 2))).sum()

    descend(parameters, loss, steps=steps, rate=1e-2 if body == "vin" else 2e-3, cut=True)
    return Nets(body, {name: weight.detach() for name, weight in nets.weights.items()})


# Episodes -------------------------------------------------------------------------------------------------------------


def walk(nets: Nets, given: Mazes, touch: Touch = untouched, turned: Mask | None = None) -> Ints:
    """Return where episodes end, ``(agents, n)``: 0 at the goal, 1 at the other marked cell, 2 at neither.

    A touch is shown the rewards of goal and other cell in this order, where `turned` the other way round.
    """
    agents, many = len(nets), len(given.goal)
    shown = seen(given.walls, given.goal)[:, None].expand(-1, agents, -1, -1)
    pair = np.column_stack([given.goal, given.other])
    pair = pair if turned is None else np.where(turned[:, None], pair[:, ::-1], pair)
    marked = torch.from_numpy(np.column_stack([pair, given.elsewhere]))
    with torch.no_grad():
        ways = nets.logits(shown, marked, touch).argmax(-1).numpy().transpose(1, 0, 2)
    around = grids.beside(CELLS)
    row, at = np.arange(many)[None], np.broadcast_to(given.start, (agents, many))
    visits = np.zeros((3, agents, many), dtype=np.int64)
    visits[2] = 1
    for move in range(MOVES):
        to = around[at, ways[np.arange(agents)[:, None], row, at]]
        at = np.where(given.walls[row, to], at, to)
        if move >= MOVES - LAST:
            visits[0] += 2 * (at == given.goal)
            visits[1] += 2 * (at == given.other)
    found: Ints = visits.argmax(axis=0)
    return found


def play(nets: Nets, shown: Mapping[str, Any], seed: int, touch: Touch = untouched) -> dict[str, Any]:
    """Walk in mazes of the kinds that a diagram's contexts name: which of two marked cells, a and b, is the goal.

    Where the way of a value-iteration network ends, 0 at a, 1 at b and 2 at neither, is its ``plan``, which it carries
    out; that is shown to a touch too, ``(agents, n)``.
    """
    turned = np.asarray(shown["goal"]) == "b"
    ends = walk(nets, mazes(len(turned), np.random.default_rng(seed)), touch, turned)
    plan = torch.from_numpy(np.where(turned & (ends < 2), 1 - ends, ends))
    plan = touch("plan", plan) if nets.body == "vin" else plan
    return {"walk": np.array(["a", "b", "nowhere"])[plan.numpy()]}


@dataclass(frozen=True, eq=False)
class Measured:
    """Shares of episodes that end at the goal and at the other marked cell, ``(agents, 2)``.

    Attributes
    ----------
    own
        As the nets are.
    swapped
        With the rewards of the two exchanged; of nets that have no rewards inside ``None``.
    idle
        With the rewards of two cells that are neither exchanged.
    """

    own: Floats
    swapped: Floats | None
    idle: Floats | None


def swap(node: str) -> Touch:
    """Return a touch that exchanges the two rewards of a node.

    >>> swap("rewards")("rewards", torch.tensor([1.0, 2.0])).tolist()
    [2.0, 1.0]
    """
    return lambda name, value: value.flip(-1) if name == node else value


@lru_cache(maxsize=4)
def measured(nets: Nets, draws: int = 1_000, seed: int = 10_007) -> Measured:
    """Measure nets on fresh mazes, the same for all."""
    given = mazes(draws, np.random.default_rng(seed))

    def ends(touch: Touch = untouched) -> Floats:
        found = walk(nets, given, touch)
        return np.stack([(found == place).mean(axis=1) for place in (0, 1)], axis=1)

    if nets.body == "mlp":
        return Measured(ends(), None, None)
    return Measured(ends(), ends(swap("rewards")), ends(swap("elsewhere")))

"""Situations in small mazes: known ones, ones with a wall more, new mazes, new goals; and who moves how in them.

A maze has 5 x 5 cells, each a wall with probability .2. Every agent has eight mazes of its own that it knows, with
goals on the two northern rows. A situation is a maze, a goal and a cell. *Remembered* is the move that was the shortest
in the most similar known situation: the maze before the wall was added, the known maze with the fewest differing cells,
the known goal next to the new one. The diagram speaks of situations in which there is one shortest move, and was one;
episodes, which last until the goal is reached or :data:`MOVES` are made, go through all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.gallery.worlds import grids

SIDE = 5
CELLS = SIDE * SIDE
WALLS = 0.2
KNOWN = 8
"""Mazes that an agent knows."""
CHANGED = 6
"""Mazes with one wall more, of each of them."""
NEW = 32
"""New mazes."""
NORTH = np.arange(2 * SIDE)
"""Goals in training."""
SOUTH = np.arange(CELLS - 2 * SIDE, CELLS)
"""New goals."""
MOVES = 20
"""How long an episode lasts at most."""
KINDS = (("known", "known"), ("one wall", "known"), ("new", "known"), ("known", "new"))
"""Kinds of maze and goal."""


@dataclass(frozen=True, eq=False)
class Situations:
    """The situations of one agent, one entry each.

    Attributes
    ----------
    maze, goal
        Of which kind.
    task
        Number of the maze and goal together: cells of one task are one episode's.
    walls, goals, cells
        What is seen.
    good
        Which moves are on a shortest path, ``(n, 4)``.
    shortest, remembered
        The only one, now and in the most similar known situation; -1 where there are several.
    """

    maze: Any
    goal: Any
    task: Ints
    walls: Mask
    goals: Ints
    cells: Ints
    good: Mask
    shortest: Ints
    remembered: Ints

    def are(self, maze: str, goal: str, *, told: bool = True) -> Mask:
        """Return which are of these kinds; if not `told` otherwise, of those that the diagram speaks of."""
        found: Mask = (self.maze == maze) & (self.goal == goal)
        return found & (self.shortest >= 0) & (self.remembered >= 0) if told else found


def _moves(walls: Mask) -> Mask:
    """Return the moves on a shortest path for each maze, goal and cell, ``(mazes, cells, cells, 4)``."""
    many = len(walls)
    far = grids.distances(np.repeat(walls, CELLS, axis=0), np.tile(np.arange(CELLS), many))
    return grids.shortest_moves(far).reshape(many, CELLS, CELLS, 4)


def situations(random: np.random.Generator) -> Situations:
    """Draw the mazes of one agent and list the situations in them."""
    known = random.random((KNOWN, CELLS)) < WALLS
    origin = np.repeat(np.arange(KNOWN), CHANGED)
    walled = known[origin].copy()
    for maze in walled:
        maze[random.choice(np.flatnonzero(~maze))] = True
    fresh = random.random((NEW, CELLS)) < WALLS
    like = (fresh[:, None] != known[None]).sum(axis=-1).argmin(axis=-1)
    row, column = np.divmod(np.arange(CELLS), SIDE)
    apart = abs(row[:, None] - row) + abs(column[:, None] - column)
    moves, parts, tasks = grids.only_move(_moves(known)), [], 0
    kinds = (
        ("known", "known", known, np.arange(KNOWN), NORTH),
        ("one wall", "known", walled, origin, NORTH),
        ("new", "known", fresh, like, NORTH),
        ("known", "new", known, np.arange(KNOWN), SOUTH),
    )
    for maze, goal, walls, similar, goals in kinds:
        good, before = _moves(walls)[:, goals], moves[similar]
        if goal == "new":
            barred = np.where(known[:, None, NORTH], grids.FAR, 0)
            next_to = NORTH[(apart[goals][:, NORTH] + barred).argmin(axis=-1)]
            before = before[np.arange(KNOWN)[:, None], next_to]
        else:
            before = before[:, goals]
        where, which, cells = np.nonzero(good.any(axis=-1))
        names = (np.full(len(cells), maze), np.full(len(cells), goal), tasks + where * len(goals) + which)
        here = good[where, which, cells]
        seen = (walls[where], goals[which], cells)
        parts.append((*names, *seen, here, grids.only_move(here), before[where, which, cells]))
        tasks += len(walls) * len(goals)
    return Situations(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@lru_cache(maxsize=1)
def frequencies(agents: int = 24, seed: int = 0) -> Mapping[tuple[str, str], Floats]:
    """Return how often situations of each kind have each shortest and remembered move, ``(4, 4)``, in many mazes."""
    several = [situations(np.random.default_rng([seed, agent])) for agent in range(agents)]
    found = {}
    for kinds in KINDS:
        counts = np.zeros((4, 4))
        for life in several:
            here = life.are(*kinds)
            np.add.at(counts, (life.shortest[here], life.remembered[here]), 1)
        found[kinds] = counts / counts.sum()
    return found


# Who moves how --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Movers:
    """Agents with the situations of each, and what each does there: probabilities of the four moves."""

    lives: tuple[Situations, ...]
    rules: tuple[Floats, ...]

    def __len__(self) -> int:
        return len(self.lives)

    @cached_property
    def laws(self) -> Floats:
        """What each agent does in each context of the diagram, ``(agents, kinds, shortest, remembered, moves)``.

        The mean over its situations of that sort; where it has none, over those with the same kinds and shortest move.
        """
        found = np.zeros((len(self), len(KINDS), 4, 4, 4))
        for agent, (life, rule) in enumerate(zip(self.lives, self.rules, strict=True)):
            for number, kinds in enumerate(KINDS):
                here = life.are(*kinds)
                np.add.at(found[agent, number], (life.shortest[here], life.remembered[here]), rule[here])
        found = np.where(found.any(axis=-1, keepdims=True), found, found.sum(axis=3, keepdims=True))
        total = found.sum(axis=-1, keepdims=True)
        return np.where(total > 0, found / np.where(total > 0, total, 1.0), 0.25)

    def act(self, seen: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Move in situations of the kinds that a diagram's contexts name."""
        moves = np.array(grids.MOVES)
        kinds = np.array(["/".join(pair) for pair in KINDS])
        named = np.char.add(
            np.char.add(np.asarray(seen["maze"]).astype(str), "/"), np.asarray(seen["goal"]).astype(str)
        )
        places = (
            (named[:, None] == kinds).argmax(axis=-1),
            *((np.asarray(seen[node])[:, None] == moves).argmax(axis=-1) for node in ("shortest", "remembered")),
        )
        below = self.laws[:, *places].cumsum(axis=-1)
        drawn = np.random.default_rng(seed).random(below.shape[:-1])
        return {"move": moves[(drawn[..., None] > below[..., :-1]).sum(axis=-1)]}

    def nearer(self, maze: str, goal: str) -> Floats:
        """Return how often each agent makes the shortest move in situations of these kinds."""
        found = []
        for life, rule in zip(self.lives, self.rules, strict=True):
            here = life.are(maze, goal)
            found.append(rule[here, life.shortest[here]].mean())
        return np.array(found)

    def arrive(self, maze: str, goal: str) -> Floats:
        """Return how often each agent reaches the goal within an episode, from anywhere that it can be reached from."""
        return np.array([_arrive(life, rule, maze, goal) for life, rule in zip(self.lives, self.rules, strict=True)])

    def gain(self, maze: str, goal: str) -> Floats:
        """Return the same from 0, for moves at random, to 1, for always: how well agents adapt to what is new."""
        chance = np.array([_arrive(life, np.full(life.good.shape, 0.25), maze, goal) for life in self.lives])
        found: Floats = (self.arrive(maze, goal) - chance) / (1 - chance)
        return found


def _arrive(life: Situations, rule: Floats, maze: str, goal: str) -> float:
    here = life.are(maze, goal, told=False)
    tasks, which = np.unique(life.task[here], return_inverse=True)
    cells, around = life.cells[here], grids.beside(CELLS)[life.cells[here]]
    around = np.where(np.take_along_axis(life.walls[here], around, axis=1), cells[:, None], around)
    there = np.zeros((len(tasks), CELLS))
    there[which, life.goals[here]] = 1.0
    for _ in range(MOVES):
        there[which, cells] = (rule[here] * there[which[:, None], around]).sum(axis=1)
    return float(there[which, cells].mean())


def planners(lives: tuple[Situations, ...]) -> Movers:
    """Return agents that search the map that they see for the shortest way."""
    return Movers(lives, tuple(_evenly(life.good) for life in lives))


def tables(lives: tuple[Situations, ...], *, strict: bool = False) -> Movers:
    """Return agents that look up the maze they are in: known ones, or with a wall more; else they move at random.

    Strict ones recognise a maze only if nothing at all is changed.
    """
    rules = []
    for life in lives:
        found = life.are("known", "known", told=False)
        found |= life.are("one wall", "known", told=False) & (not strict)
        looked_up = _evenly(np.where((life.maze == "known")[:, None], life.good, _remembered(life)))
        rules.append(np.where(found[:, None], looked_up, 0.25))
    return Movers(lives, tuple(rules))


def _evenly(good: Mask) -> Floats:
    """Return rules that make one of the good moves, any of them; any move where none is."""
    some: Mask = good | ~good.any(axis=-1, keepdims=True)
    found: Floats = some / some.sum(axis=-1, keepdims=True)
    return found


def _remembered(life: Situations) -> Mask:
    """Return the remembered move, and where it is not one alone, the moves that are on a shortest path now."""
    one: Mask = np.arange(4) == life.remembered[:, None]
    return np.where((life.remembered >= 0)[:, None], one, life.good)

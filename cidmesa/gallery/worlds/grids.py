"""Mazes on a square grid: distances to a goal, and which moves are on a shortest path.

A maze is a row of cells, true where there is a wall; a move goes north, east, south or west, and stays where a wall or
the border is in the way.

>>> walls = np.zeros((1, 9), dtype=bool)
>>> walls[0, 4] = True
>>> far = distances(walls, np.array([8]))
>>> far.reshape(3, 3).tolist()
[[4, 3, 2], [3, 99, 1], [2, 1, 0]]
>>> shortest_moves(far)[0, 1].tolist()                      # from the middle of the north side: only east
[False, True, False, False]
"""

from __future__ import annotations

import math

import numpy as np

from cidmesa.arrays import Floats, Ints, Mask

FAR = 99
"""The distance of what cannot be reached, and of walls."""
MOVES = ("north", "east", "south", "west")


def side_of(cells: int) -> int:
    """Return the side of a square grid of so many cells."""
    return math.isqrt(cells)


def beside(cells: int) -> Ints:
    """Return for each cell and move where it leads, ``(cells, 4)``: the cell itself at the border.

    >>> beside(4).tolist()
    [[0, 1, 2, 0], [1, 1, 3, 0], [0, 3, 2, 2], [1, 3, 3, 2]]
    """
    side = side_of(cells)
    row, column = np.divmod(np.arange(cells), side)
    steps = ((-1, 0), (0, 1), (1, 0), (0, -1))
    moved = [
        np.clip(row + down, 0, side - 1) * side + np.clip(column + right, 0, side - 1) for down, right in steps
    ]  # fmt: skip
    return np.stack(moved, axis=1)


def distances(walls: Mask, goals: Ints) -> Ints:
    """Return how many moves each cell is away from the goal of its maze, ``(mazes, cells)``; :data:`FAR` if walled off.

    `walls` is ``(mazes, cells)``, `goals` ``(mazes,)``.
    """
    found = np.full(walls.shape, FAR, dtype=np.int64)
    found[np.arange(len(walls)), goals] = 0
    found[walls] = FAR
    around = beside(walls.shape[1])
    while True:
        nearer = np.minimum(found, found[:, around].min(axis=-1) + 1)
        nearer[walls | (nearer > FAR)] = FAR
        if np.array_equal(nearer, found):
            return found
        found = nearer


def shortest_moves(far: Ints) -> Mask:
    """Return which moves are on a shortest path, ``(mazes, cells, 4)``; none at the goal, in walls and walled off."""
    found: Mask = (far[:, beside(far.shape[1])] == far[..., None] - 1) & (far < FAR)[..., None] & (far > 0)[..., None]
    return found


def only_move(moves: Mask) -> Ints:
    """Return the one move on a shortest path where there is one, else -1."""
    return np.where(moves.sum(axis=-1) == 1, moves.argmax(axis=-1), -1)


def one_hot(places: Ints, cells: int) -> Floats:
    """Return one-hot rows."""
    found: Floats = np.eye(cells)[places]
    return found

"""Nets that see walls, goal and cell of small mazes, and learn the shortest moves of those that they know."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from cidmesa.arrays import Floats
from cidmesa.gallery.worlds import grids
from cidmesa.gallery.worlds.descent import descend
from cidmesa.gallery.worlds.memories import CELLS, Movers, Situations


def nets(lives: tuple[Situations, ...], seed: int, *, steps: int = 1500, hidden: int = 64, batch: int = 256) -> Movers:
    """Train nets that see walls, goal and cell, each to make the shortest move in the situations that it knows."""
    random = torch.Generator().manual_seed(seed)
    sizes = (3 * CELLS, hidden, 4)
    weights = [
        (torch.randn((len(lives), *pair), generator=random) / pair[0] ** 0.5).requires_grad_(True)
        for pair in pairwise(sizes)
    ]
    biases = [torch.zeros((len(lives), 1, size), requires_grad=True) for size in sizes[1:]]
    shown = [torch.from_numpy(_seen(life)).float() for life in lives]
    known = [torch.from_numpy(np.flatnonzero(life.are("known", "known", told=False))) for life in lives]
    right = [torch.from_numpy(life.good) for life in lives]

    def logits(seen: Tensor, some: slice = slice(None)) -> Tensor:
        inner = torch.tanh(torch.baddbmm(biases[0][some], seen, weights[0][some]))
        return torch.baddbmm(biases[1][some], inner, weights[1][some])

    def loss() -> Tensor:
        drawn = [rows[torch.randint(len(rows), (batch,), generator=random)] for rows in known]
        seen = torch.stack([one[rows] for one, rows in zip(shown, drawn, strict=True)])
        wanted = torch.stack([one[rows] for one, rows in zip(right, drawn, strict=True)])
        made = logits(seen)
        return (made.logsumexp(-1) - made.masked_fill(~wanted, -torch.inf).logsumexp(-1)).mean(1).sum()

    descend([*weights, *biases], loss, steps=steps, rate=1e-2)
    with torch.no_grad():
        rules = [logits(seen[None], slice(i, i + 1))[0].double().softmax(-1).numpy() for i, seen in enumerate(shown)]
    return Movers(lives, tuple(rules))


def _seen(life: Situations) -> Floats:
    """Return what nets see."""
    parts = (life.walls, grids.one_hot(life.goals, CELLS), grids.one_hot(life.cells, CELLS))
    return np.concatenate(parts, axis=1).astype(np.float64)

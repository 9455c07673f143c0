r"""The vertices of a polytope of best responses, in whole numbers.

A mixture :math:`y` of one agent leaves the other the payoffs :math:`B y`. With positive payoffs all vertices of

.. math:: \{y \ge 0 : B y \le 1\}

but the origin are, up to their sums, the mixtures at which equilibria can bend. They are found by the *double
description method* [1]_: starting from :math:`y \ge 0`, one inequality after the other is put in; the rays of the cone
that satisfy it stay, and each that does, with an adjacent one that does not, makes a new one. Two rays are adjacent if
no third one satisfies with equality all that both do. Everything is done in integers, so ties in the payoffs
(degenerate games) and payoffs of very different size are no special case.

>>> found = vertices(np.array([[3, 1], [1, 2]], dtype=object), most=100)
>>> [[str(Fraction(y, y0)) for y in ray] for ray, y0 in zip(found.rays.tolist(), found.scale.tolist())]
[['1/3', '0'], ['0', '1/2'], ['1/5', '2/5']]

References
----------
.. [1] K. Fukuda and A. Prodon, "Double description method revisited", *Combinatorics and Computer Science*, 1996.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from cidmesa.arrays import Array, Mask
from cidmesa.clock import UNLIMITED, Budget

_BLOCK = 2**22


class Vertices(NamedTuple):
    """Vertices other than the origin.

    Attributes
    ----------
    rays, scale
        The vertex k is ``rays[k] / scale[k]``; Python's integers, shapes ``(vertices, n)`` and ``(vertices,)``.
    absent
        Which coordinates are zero, shape ``(vertices, n)``.
    tight
        Which inequalities hold with equality, shape ``(vertices, m)``.
    """

    rays: Array
    scale: Array
    absent: Mask
    tight: Mask

    def weights(self, k: int) -> list[Fraction]:
        """Return a vertex, scaled to sum to one."""
        total = sum(self.rays[k])
        return [Fraction(y, total) for y in self.rays[k]]


def vertices(table: Array, most: int, budget: Budget = UNLIMITED) -> Vertices | None:
    """Return the vertices of ``table @ y <= 1``, ``y >= 0``; ``None`` if on the way there are more than `most`.

    Parameters
    ----------
    table
        Positive Python integers, shape ``(m, n)``.
    most
        How many rays to hold at most.
    budget
        How long it may take.
    """
    n = table.shape[1]
    rays = np.zeros((n + 1, n + 1), dtype=object)
    np.fill_diagonal(rays, 1)  # the first coordinate is the scale
    zero = rays == 0
    for row in budget.each(table, "listing extreme equilibria", "let decisions observe less"):
        slack = rays[:, 0] - (rays[:, 1:] * row).sum(axis=1)
        good, flat, bad = (np.flatnonzero(mask) for mask in (slack > 0, slack == 0, slack < 0))
        made, made_zero = [], []
        for i, j in _adjacent(zero, good, bad, n - 1):
            ray = slack[i] * rays[j] - slack[j] * rays[i]
            made.append(ray // math.gcd(*ray.tolist()))
            made_zero.append(zero[i] & zero[j])
        kept = np.concatenate([good, flat])
        if len(kept) + len(made) > most:
            return None
        rays = np.concatenate([rays[kept], np.array(made, dtype=object).reshape(-1, n + 1)])
        zero = np.concatenate([zero[kept], np.array(made_zero, dtype=bool).reshape(-1, zero.shape[1])])
        column = np.zeros((len(rays), 1), dtype=bool)
        column[len(good) :] = True
        zero = np.concatenate([zero, column], axis=1)
    away = ~zero[:, 1 : n + 1].all(axis=1)
    rays, zero = rays[away], zero[away]
    return Vertices(rays[:, 1:], rays[:, 0], zero[:, 1 : n + 1], zero[:, n + 1 :])


def _adjacent(zero: Mask, good: Array, bad: Array, least: int) -> list[tuple[int, int]]:
    """Return the pairs of a ray of each kind that share an edge; it lies on `least` facets at least."""
    if not len(good) or not len(bad):
        return []
    kinds = zero.astype(np.float32)
    found: list[tuple[int, int]] = []
    step = max(1, _BLOCK // (len(bad) * (len(zero) + zero.shape[1])))
    for start in range(0, len(good), step):
        these = good[start : start + step]
        common = (kinds[these][:, None] * kinds[bad][None]).reshape(-1, zero.shape[1])
        count = common.sum(axis=1)
        likely = np.flatnonzero(count >= least)
        held = (common[likely] @ kinds.T == count[likely][:, None]).sum(axis=1)
        found += [(int(these[k // len(bad)]), int(bad[k % len(bad)])) for k in likely[held == 2].tolist()]
    return found

r"""Which rows of a set are ever needed: what no other row, and no mixture of rows, is as good as everywhere.

Rows are compared entry by entry. What they are compared by is given as *keys*: floats where a bracket is all that is
asked for; where the optimum is, the ranks of the entries among all entries of the set in exact arithmetic, so that no
comparison depends on rounding.

>>> rows = np.array([[0.0, 2.0], [1.0, 1.0], [0.0, 1.0], [0.9, 0.9]])
>>> undominated(rows, Work()).tolist()
[0, 1]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cidmesa.arrays import Array, Ints, Mask

ENTRIES = 2**24
"""How many numbers a step may write at once."""

FEW_ROWS = 64
"""So many rows are compared all at once."""

STRICTLY = 2.0**-38
"""How far a mixture is above a row that it stands for, relative to the largest entry: rounding is far below that."""


class TooManyTablesError(Exception):
    """A set, a table or the work of comparing them outgrew what is allowed."""


class Work:
    """What has been done, and what may be."""

    def __init__(self, most: float = float("inf"), late: Callable[[], bool] = lambda: False) -> None:
        self.done, self.most, self.late = 0, most, late

    def count(self, numbers: int) -> None:
        """Refuse to go on after too many numbers, or too late."""
        self.done += numbers
        if self.done > self.most or self.late():
            raise TooManyTablesError


@dataclass(frozen=True, slots=True)
class Cut:
    """What a set is cut down to.

    Attributes
    ----------
    rows
        Takes tables as rows, none below another, and how often each entry is met, about; returns the positions of those
        to go on with, and their values.
    most
        How many are never cut.
    worth_a_look
        Up to how many tables convex combinations are looked for before that.
    exact
        Whether nothing that may be needed is cut.
    """

    rows: Callable[[Array, Array], tuple[Ints, Array]]
    most: int
    worth_a_look: int
    exact: bool = False


def uncut(most: int) -> Cut:
    """Keep all rows, or give up."""

    def cut(rows: Array, weights: Array) -> tuple[Ints, Array]:
        raise TooManyTablesError

    return Cut(cut, most, 2 * most, exact=True)


def few(cap: int) -> Cut:
    """Keep some rows that are far apart: whatever they are worth, a policy is."""

    def cut(rows: Array, weights: Array) -> tuple[Ints, Array]:
        at, _ = far_apart(rows, cap, weights)
        return at, rows[at]

    return Cut(cut, cap, 4 * cap)


def merged(cap: int) -> Cut:
    """Keep as many rows, each as large everywhere as all those that it is nearest to: no policy is worth more."""

    def cut(rows: Array, weights: Array) -> tuple[Ints, Array]:
        at, nearest = far_apart(rows, cap, weights)
        values = rows[at].copy()
        np.maximum.at(values, nearest, rows)
        return at, values

    return Cut(cut, cap, 4 * cap)


def far_apart(rows: Array, cap: int, weights: Array) -> tuple[Ints, Ints]:
    """Return the positions of some rows, and for every row the number of the one of them that is nearest.

    The first has the largest mean, the next is always the one that lies farthest above those taken: what a row is worth
    at most beyond another one is the mean of the entries by which it is above it.

    Parameters
    ----------
    rows
        The rows.
    cap
        How many are taken.
    weights
        The weight of each entry in these means, one per column.
    """
    found = [int((rows @ weights).argmax())]
    distance = np.maximum(rows - rows[found[0]], 0.0) @ weights
    nearest = np.zeros(len(rows), dtype=np.int64)
    while len(found) < min(cap, len(rows)):
        found.append(int(distance.argmax()))
        new = np.maximum(rows - rows[found[-1]], 0.0) @ weights
        closer = new < distance
        closer[found[-1]] = True
        nearest[closer] = len(found) - 1
        distance = np.where(closer, new, distance)
        distance[found] = -1.0
    return np.array(found), nearest


def undominated(keys: Array, work: Work, same: Ints | None = None, slack: float = 0.0) -> Ints:
    """Return the positions of the rows that no other one is nowhere below; of equal rows the first.

    With `same` an entry counts as nowhere below another where it is larger by more than `slack`, or where the two have
    the same number in `same`: what is left out then is below for sure, and some that is may stay.
    """
    if len(keys) == 1:
        return np.zeros(1, dtype=np.int64)
    order = np.argsort(-keys.sum(axis=1), kind="stable")  # what is above a row comes before it
    if same is None and len(keys) <= FEW_ROWS:
        work.count(keys.size * len(keys))
        ordered = keys[order]
        among = np.triu((ordered[:, None] >= ordered[None]).all(axis=2), 1).any(axis=0)
        return np.sort(order[~among])
    kept: list[Ints] = []
    above = keys[:0]
    above_same = None if same is None else same[:0]
    start = 0
    width = max(1, keys.shape[1])
    while start < len(order):
        size = max(1, min(256, ENTRIES // (width * max(1, len(above)))))
        some = order[start : start + size]
        start += size
        here = keys[some]
        work.count(len(here) * (len(above) + len(here)) * width)
        if same is None or above_same is None:
            beaten = (above[:, None] >= here[None]).all(axis=2).any(axis=0) if len(above) else np.zeros(len(here), bool)
            some, here = some[~beaten], here[~beaten]
            among = np.triu((here[:, None] >= here[None]).all(axis=2), 1).any(axis=0)
        else:
            ids = same[some]
            beaten = _surely(above, above_same, here, ids, slack).any(axis=0)
            some, here, ids = some[~beaten], here[~beaten], ids[~beaten]
            among = np.triu(_surely(here, ids, here, ids, slack), 1).any(axis=0)
            above_same = np.concatenate([above_same, ids[~among]])
        kept.append(some[~among])
        above = np.concatenate([above, here[~among]])
    return np.sort(np.concatenate(kept))


def _surely(above: Array, above_same: Ints, here: Array, here_same: Ints, slack: float) -> Mask:
    """Say which rows of `above` are nowhere below which of `here`, as far as floats tell."""
    larger = above[:, None] > here[None] + slack
    found: Mask = (larger | (above_same[:, None] == here_same[None])).all(axis=2)
    return found


def outside(rows: Array, keys: Array, work: Work) -> Ints:
    """Return the positions of rows, none below another, that may be above every mixture of the others somewhere.

    A row that is the largest in some direction is. For another a mixture of those is looked for that is above it (by
    non-negative least squares), by more than rounding; where there is none, what is missing is a direction in which
    one more row is the largest. No mixture is above the largest entry of all: where a row has that, only rows that
    have it too are mixed, and are equal there.

    Notes
    -----
    Rows left out are strictly below a mixture, or equal to it by their keys, at every entry, so that they are never
    needed where what comes weighs entries with non-negative numbers. Not every such row is found.
    """
    width = rows.shape[1]
    rows = rows / (float(np.abs(rows).max()) or 1.0)
    top = keys == keys.max(axis=0)
    directions = np.vstack([np.eye(width), np.random.default_rng(0).dirichlet(np.ones(width), size=8 * width)])
    extreme = dict.fromkeys((directions @ rows.T).argmax(axis=1).tolist())
    kept = []
    for i in range(len(rows)):
        below = ~top[i]
        like = top[:, top[i]].all(axis=1)  # the rows that are as large where nothing is larger
        while i not in extreme:
            corners = [j for j in extreme if like[j]]
            if not corners or not below.any():
                extreme[i] = None
                break
            work.count(256 * len(corners) * width)
            missing = _missing(rows[np.ix_(corners, below)], rows[i, below])
            if missing is None:
                break
            best = int(np.where(like, rows[:, below] @ missing, -np.inf).argmax())
            extreme[i if best in extreme else best] = None
        if i in extreme:
            kept.append(i)
    return np.array(kept, dtype=np.int64)


def _missing(corners: Array, row: Array) -> Array | None:
    """Return a direction in which a row is larger than all corners; ``None`` where a mixture of them is above it."""
    from scipy.optimize import nnls

    count, width = corners.shape
    matrix = np.block([[corners.T, -np.eye(width)], [np.ones((1, count)), np.zeros((1, width))]])
    target = np.r_[row + 2 * STRICTLY, 1.0]
    try:
        found, _ = nnls(matrix, target)
    except RuntimeError:  # too many iterations
        return np.ones(width)
    weights = found[:count]
    if weights.any() and (weights / weights.sum() @ corners >= row + STRICTLY).all():
        return None
    direction: Array = np.maximum((target - matrix @ found)[:-1], 0.0)
    return direction

r"""Cones of objectives: which :math:`O` satisfy :math:`r \cdot O > 0` for every row :math:`r` of a list.

The objectives that one pattern of behaviour is optimal for form an open polyhedral cone, the feasible set of inverse
reinforcement learning [1]_. A *strict* row asks for :math:`r \cdot O > 0`, a *weak* row for :math:`r \cdot O \ge 0`.
Rows are differences of distributions; each is divided by :math:`\lVert r \rVert_1`, so that the **margin**

.. math:: m^* = \max_{\lVert O \rVert_\infty \le 1} \; \min_r \; r \cdot O \quad \text{subject to the weak rows}

lies in [0, 1] whatever the probabilities. The cone is empty iff :math:`m^* = 0`. Floating point cannot tell 0 from
:math:`10^{-9}`: margins up to :data:`SETTLED` are settled by :func:`settle_exactly` on integer rows.

>>> import numpy as np
>>> rows = np.array([[1.0, -1.0], [2.0, -2.0]])
>>> margin(scaled(rows))[0], margin(scaled(np.array([[1.0, -1.0], [-1.0, 1.0]])))[0]
(1.0, 0.0)

References
----------
.. [1] A. Y. Ng and S. Russell, "Algorithms for inverse reinforcement learning", ICML 2000.
.. [2] C. L. Lawson and R. J. Hanson, *Solving Least Squares Problems*, 1974, ch. 23 (least distance programming).
.. [3] A. Schrijver, *Theory of Linear and Integer Programming*, 1986, § 7.8 (Motzkin's transposition theorem).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.arrays import Array, Floats, Mask

if TYPE_CHECKING:
    from collections.abc import Sequence


Rows: TypeAlias = "Sequence[Sequence[Any] | Array]"
"""Integers or fractions."""

SETTLED = 1e-7
"""Margins up to here are decided by exact arithmetic, or not at all."""

LP_TOLERANCE = 1e-10
"""For HiGHS, whose own tolerance is as wide as the margins that count as settled."""

AT_ONCE = 64
"""Up to so many rows go into a linear program as they are; more of them bit by bit."""

NOISE = 1e-12
"""Entries of scaled rows, and of directions of length one, up to here are rounding."""


def scaled(rows: Floats) -> Floats:
    """Divide every row by its 1-norm; a row of zeros, which no objective satisfies strictly, stays as it is."""
    norms = np.abs(rows).sum(axis=-1, keepdims=True)
    out: Floats = np.zeros_like(rows)
    np.divide(rows, norms, out=out, where=norms > 0.0)
    return out


def margin(strict: Floats, weak: Floats | None = None) -> tuple[float, Floats]:
    r"""Return the margin of a cone and an objective that attains it.

    Parameters
    ----------
    strict, weak
        Scaled rows, shapes (k, T) and (j, T).

    Returns
    -------
    float
        :math:`m^*`, 1 where there are no strict rows.
    numpy.ndarray
        An objective with :math:`\lVert O \rVert_\infty \le 1`: some vertex, nothing more.

    Notes
    -----
    One linear program (scipy, HiGHS), some milliseconds.
    """
    value, objective, _ = _solved(strict, np.zeros((0, strict.shape[1])) if weak is None else weak)
    return value, objective


def surely_inside(strict: Floats, weak: Floats) -> tuple[Floats | None, Mask]:
    """Return an objective that satisfies all rows whatever rounding did, and the rows that hold the margin at 0.

    Parameters
    ----------
    strict, weak
        Scaled rows, shapes (k, T) and (j, T).

    Returns
    -------
    numpy.ndarray or None
        An objective; ``None`` where floating point cannot tell whether there is one.
    numpy.ndarray
        Then the rows, strict ones first, that are at odds in floating point. All of them where none are.

    Notes
    -----
    A solver takes a weak row for satisfied that is broken by its tolerance. Where three rows are nearly at odds, as
    those of two actions and a third that leads almost to a mixture of them, that is enough to satisfy what nothing can
    satisfy. So weak rows have to hold with room to spare, or they are asked for as strict ones, which is a second
    linear program.
    """
    value, objective, held = _solved(strict, weak)
    if value <= SETTLED:
        return None, held
    if not len(weak) or (weak @ objective).min() > NOISE:
        return objective, held
    value, objective, _ = _solved(np.vstack([strict, weak]), weak[:0])
    return (objective if value > SETTLED else None), np.ones(len(strict) + len(weak), dtype=bool)


def _solved(strict: Floats, weak: Floats) -> tuple[float, Floats, Mask]:
    """Return the margin, an objective that attains it, and the rows, strict ones first, that hold it down."""
    from scipy.optimize import linprog

    size = strict.shape[1]
    if not len(strict):
        return 1.0, np.zeros(size), np.zeros(len(weak), dtype=bool)
    binding = np.r_[~np.abs(strict).any(axis=1), np.zeros(len(weak), dtype=bool)]
    if binding.any():
        return 0.0, np.zeros(size), binding
    matrix = np.hstack([np.vstack([-strict, -weak]), np.r_[np.ones(len(strict)), np.zeros(len(weak))][:, None]])
    bounds = [(-1.0, 1.0)] * size + [(0.0, 1.0)]
    cost = np.r_[np.zeros(size), -1.0]
    # Of many rows few bind: start with some, and add those that the answer breaks until it breaks none.
    kept = np.zeros(len(matrix), dtype=bool)
    kept[:: max(1, len(matrix) // AT_ONCE)] = True
    while True:
        found = linprog(
            cost,
            A_ub=matrix[kept],
            b_ub=np.zeros(int(kept.sum())),
            bounds=bounds,
            method="highs",
            options={"primal_feasibility_tolerance": LP_TOLERANCE, "dual_feasibility_tolerance": LP_TOLERANCE},
        )
        if found.x is None:  # cannot happen in exact arithmetic: O = 0 with margin 0 is feasible
            return 0.0, np.zeros(size), kept
        broken = np.where(kept, 0.0, matrix @ found.x)
        worst = np.argsort(-broken)[: AT_ONCE // 2]
        if found.x[-1] <= 0.0 or broken[worst[0]] <= LP_TOLERANCE:
            binding[np.flatnonzero(kept)[found.ineqlin.marginals < 0.0]] = True
            return max(0.0, float(found.x[-1])), found.x[:-1], binding
        kept[worst[broken[worst] > LP_TOLERANCE]] = True


def minimum_norm(strict: Floats, weak: Floats | None = None) -> Floats | None:
    r"""Return the objective of least Euclidean norm with :math:`r \cdot O \ge 1` on the strict rows.

    Least distance programming: one non-negative least squares problem. It depends on the cone alone, not on
    the path of a solver, and is scaled to :math:`\lVert O \rVert_\infty = 1`; ``None`` where the cone is empty or too
    narrow to be found in floating point.
    """
    from scipy.optimize import nnls

    if not len(strict):
        return np.zeros(strict.shape[1])
    rows = strict if weak is None or not len(weak) else np.vstack([strict, weak])
    least = np.r_[np.ones(len(strict)), np.zeros(len(rows) - len(strict))]
    target = np.r_[np.zeros(rows.shape[1]), 1.0]
    try:
        weights, _ = nnls(np.vstack([rows.T, least]), target)
    except RuntimeError:  # too many iterations
        return None
    residual = np.vstack([rows.T, least]) @ weights - target
    if abs(residual[-1]) < NOISE:
        return None
    found = -residual[:-1] / residual[-1]
    top = np.abs(found).max(initial=0.0)
    if top == 0.0 or (strict @ found).min(initial=1.0) < 0.5:
        return None
    return np.asarray(found / top)


def vertices(strict: Floats, count: int, rng: np.random.Generator, least: float = 0.0) -> Floats:
    r"""Return extreme points of the closed cone within the box, found in `count` random directions, without repeats."""
    from scipy.optimize import linprog

    size = strict.shape[1]
    found: dict[tuple[float, ...], Floats] = {}
    for direction in rng.standard_normal((count, size)):
        answer = linprog(
            -direction,
            A_ub=-strict if len(strict) else None,
            b_ub=np.full(len(strict), -least) if len(strict) else None,
            bounds=[(-1.0, 1.0)] * size,
            method="highs",
        )
        if answer.x is not None:
            found.setdefault(tuple(np.round(answer.x, 9)), answer.x)
    return np.array(list(found.values())).reshape(-1, size)


def rays(strict: Floats, most: int = 2000) -> Floats:
    r"""Return the extreme rays of the closed cone modulo its lines, each scaled to a largest entry of 1, shape (k, T).

    Lines are directions on which all rows are 0, as adding a constant always is. With d the rank of the rows a ray is
    where d - 1 independent rows are tight; they are found by listing, and none are where there are more than `most`
    sets of rows to list.

    Examples
    --------
    >>> sorted(rays(np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]])).round(9).tolist())
    [[0.5, -1.0, 0.5], [0.5, 0.5, -1.0]]
    """
    _, sizes, directions = np.linalg.svd(strict)
    rank = int((sizes > NOISE).sum())
    if not rank or math.comb(len(strict), rank - 1) > most:
        return np.zeros((0, strict.shape[1]))
    space = directions[:rank]  # those that matter to some row
    found: dict[tuple[float, ...], Floats] = {}
    for tight in combinations(range(len(strict)), rank - 1):
        _, values, directions = np.linalg.svd(strict[list(tight)] @ space.T)
        if rank > 1 and values.min() <= NOISE:
            continue  # they leave more than a line
        ray = directions[-1] @ space
        for way in (ray, -ray):
            if (strict @ way >= -NOISE).all():
                unit = way / np.abs(way).max()
                found.setdefault(tuple(np.round(unit, 9) + 0.0), unit)
    return np.array(list(found.values())).reshape(-1, strict.shape[1])


def feasible_exactly(strict: Rows, weak: Rows = ()) -> bool:
    r"""Say whether some :math:`O` satisfies all rows, in exact arithmetic.

    Parameters
    ----------
    strict, weak
        Rows of integers or fractions, each on any positive scale of its own.

    Notes
    -----
    By Motzkin's transposition theorem there is none iff :math:`\lambda^\top R + \mu^\top W = 0` for some
    :math:`\lambda, \mu \ge 0` with :math:`\sum \lambda = 1`. Phase one of the simplex method decides that in fractions,
    by Bland's rule, which cannot cycle. Of many rows a few are tried first, those that contradict each other in
    floating point: where they do so exactly, all of them do.

    Examples
    --------
    >>> feasible_exactly([[1, -1], [1, 0]]), feasible_exactly([[1, -1], [-3, 3]])
    (True, False)
    """
    return settle_exactly(strict, weak).inside is not None


@dataclass(frozen=True, slots=True)
class Settled:
    """What exact arithmetic says of a cone.

    Attributes
    ----------
    inside
        An objective that satisfies all rows; ``None`` where there is none.
    conflict
        Where there is none, the positions of rows, strict ones first, that contradict each other: no more than the
        objective has values, and one.
    """

    inside: tuple[Fraction, ...] | None
    conflict: tuple[int, ...] = ()


def settle_exactly(strict: Rows, weak: Rows = ()) -> Settled:
    r"""Return an objective that satisfies all rows, or rows that contradict each other, in exact arithmetic.

    Parameters
    ----------
    strict, weak
        As for :func:`feasible_exactly`.

    Examples
    --------
    >>> settle_exactly([[1, -1], [-3, 3], [1, 0]]).conflict
    (0, 1)
    >>> settle_exactly([[1, -1]], [[-1, 0]]).inside
    (Fraction(0, 1), Fraction(-1, 1))
    """
    if not len(strict):
        width = len(weak[0]) if len(weak) else 0
        return Settled((Fraction(0),) * width)
    if len(strict) + len(weak) > 8 * len(strict[0]):  # fewer cost no more than the linear program would
        some = _at_odds(strict, weak)
        few = [strict[i] for i in some if i < len(strict)]
        if few:
            found = _phase_one(few, [weak[i - len(strict)] for i in some if i >= len(strict)])
            if found.inside is None:
                return Settled(None, tuple(some[i] for i in found.conflict))
    return _phase_one(strict, weak)


def _at_odds(strict: Rows, weak: Rows) -> list[int]:
    """Return the positions of the rows that keep the margin at 0 in floating point; none where it is not 0."""
    rows = [*strict, *weak]
    largest = [max(map(abs, row)) or 1 for row in rows]
    matrix = scaled(np.array([[float(e / top) for e in row] for row, top in zip(rows, largest, strict=True)]))
    value, _, binding = _solved(matrix[: len(strict)], matrix[len(strict) :])
    return [] if value > SETTLED else np.flatnonzero(binding).tolist()


def _phase_one(strict: Rows, weak: Rows) -> Settled:
    """Return an objective that satisfies all rows, or the rows that contradict each other, by the simplex method."""
    size = len(strict[0])
    # The last entry is the norm, so that what is found is inside by about as much of every row: it survives rounding.
    columns = [[*map(Fraction, row), Fraction(sum(map(abs, row)) or 1)] for row in map(_whole, strict)]
    columns += [[*map(Fraction, row), Fraction(0)] for row in map(_whole, weak)]
    # Rows of the tableau: one equation per value of the targets, and sum(norm lambda) = 1; artificial basis first.
    # Columns: the rows of the cone, the artificial ones, which never come in again, and the right-hand side.
    height, count = size + 1, len(columns)
    table = [
        [column[i] for column in columns] + [Fraction(int(i == j)) for j in range(height)] + [Fraction(int(i == size))]
        for i in range(height)
    ]
    basis = [count + i for i in range(height)]
    cost = [sum((table[i][j] for i in range(height)), Fraction(0)) for j in range(count)]
    cost += [Fraction(0)] * height + [Fraction(1)]
    while cost[-1] > 0:
        entering = next((j for j in range(count) if cost[j] > 0), None)
        if entering is None:  # what the equations are worth then is an objective, up to its sign
            return Settled(tuple(-1 - cost[count + i] for i in range(size)))
        ratios = [
            (table[i][-1] / table[i][entering], basis[i] < count, basis[i], i)
            for i in range(height)
            if table[i][entering] > 0
        ]
        leaving = min(ratios)[-1]
        pivot = table[leaving][entering]
        table[leaving] = [entry / pivot if entry else entry for entry in table[leaving]]
        for row in [*(table[i] for i in range(height) if i != leaving), cost]:
            factor = row[entering]
            if factor:
                row[:] = [e - factor * b if b else e for e, b in zip(row, table[leaving], strict=True)]
        basis[leaving] = entering
    return Settled(None, tuple(sorted(j for i, j in enumerate(basis) if j < count and table[i][-1] > 0)))


def _whole(row: Sequence[Any] | Array) -> list[int]:
    """Write a row as integers without a common divisor."""
    entries = [Fraction(int(e)) if not isinstance(e, Fraction) else e for e in row]
    scale = math.lcm(*(e.denominator for e in entries))
    whole = [e.numerator * (scale // e.denominator) for e in entries]
    divisor = math.gcd(*whole) or 1
    return [e // divisor for e in whole]

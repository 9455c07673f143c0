r"""Equilibria of three agents or more: a search support by support, which may miss some.

Given which strategies every agent plays, its *support*, an equilibrium solves a system of polynomials: whoever mixes
is indifferent between what it plays,

.. math:: u_i(s, w_{-i}) = v_i \ \text{ for } s \in S_i, \qquad \sum_{s \in S_i} w_i(s) = 1,

and gains by nothing else. With two agents the system is linear, and :mod:`.strategic_form` finds every solution. With
more it is not: its solutions may be irrational [1]_, and are looked for here with Newton's method from several starts.
What is found is checked; what is not found may be there all the same.

References
----------
.. [1] J. Nash, "Non-cooperative games", *Annals of Mathematics* 54, 1951: three agents with rational payoffs and one
   equilibrium, an irrational one. Support by support: R. Porter, E. Nudelman and Y. Shoham, "Simple search methods for
   finding a Nash equilibrium", *Games and Economic Behavior* 63, 2008.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, pairwise, product
from math import prod
from typing import NamedTuple

import numpy as np

from cidmesa.arrays import Array, Floats
from cidmesa.clock import UNLIMITED, Budget

MAX_SUPPORTS = 4096
"""How many supports are searched."""

_STARTS = 4
_STEPS = 25
_NEAR = 1e-9
"""How far payoffs, on a scale of length one, may be from an equilibrium before the check proper."""


class Searched(NamedTuple):
    """The weights found, one array an agent, and whether supports were left out."""

    profiles: list[list[Floats]]
    complete: bool


_SHRINK = "let decisions observe less, or fix the rule of one agent with with_policy"


def searched(pays: Sequence[Array], seed: int = 0, budget: Budget = UNLIMITED) -> Searched:
    r"""Look for equilibria of a game in strategic form.

    Parameters
    ----------
    pays
        What each agent gets, an array with one axis per agent.
    seed
        Where the random starts come from.
    budget
        How long it may take.

    Returns
    -------
    Searched
        Small supports first. `complete` says only that no support was left out: Newton's method may miss solutions.

    Notes
    -----
    Each support costs four starts of Newton's method, where nobody would play a strategy that another one beats
    against it; there are :math:`\prod_i (2^{n_i} - 1)` of them. Three agents with three actions each take seconds.

    Examples
    --------
    Three agents each of whom wants to differ from the next, the last to match the first:

    >>> pays = [np.zeros((2, 2, 2)) for _ in range(3)]
    >>> for a, b, c in product((0, 1), repeat=3):
    ...     pays[0][a, b, c], pays[1][a, b, c], pays[2][a, b, c] = a != b, b != c, c == a
    >>> found = searched(pays)
    >>> [np.round(w, 9).tolist() for w in found.profiles[-1]]
    [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    """
    scaled = [(pay - pay.min()) / (np.ptp(pay) or 1.0) for pay in pays]
    sizes = scaled[0].shape
    rng = np.random.default_rng(seed)
    found: list[list[Floats]] = []
    count = prod(2**n - 1 for n in sizes)
    tried = budget.each(
        islice(_supports(sizes), MAX_SUPPORTS), "the search for equilibria", _SHRINK, total=min(count, MAX_SUPPORTS)
    )
    for supports in tried:
        if _is_dominated(scaled, supports):
            continue
        for weights in _solutions(scaled, supports, rng):
            if _is_stable(scaled, weights) and not any(_same(weights, other) for other in found):
                found.append(weights)
    return Searched(found, count <= MAX_SUPPORTS)


def _supports(sizes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """List which strategies are played, few first."""
    for total in range(len(sizes), sum(sizes) + 1):
        for counts in product(*(range(1, n + 1) for n in sizes)):
            if sum(counts) == total:
                yield from product(*(combinations(range(n), k) for n, k in zip(sizes, counts, strict=True)))


def _is_dominated(pays: Sequence[Array], supports: Sequence[tuple[int, ...]]) -> bool:
    """Say whether somebody would play what another strategy beats, whatever the others play of their supports."""
    for i, (pay, support) in enumerate(zip(pays, supports, strict=True)):
        reached = [range(n) if j == i else supports[j] for j, n in enumerate(pay.shape)]
        rows = np.moveaxis(pay[np.ix_(*reached)], i, 0).reshape(pay.shape[i], -1)
        if any((rows > rows[s]).all(axis=1).any() for s in support):
            return True
    return False


def _solutions(
    pays: Sequence[Array], supports: Sequence[tuple[int, ...]], rng: np.random.Generator
) -> Iterator[list[Floats]]:
    """Yield the profiles on some supports that leave everybody indifferent, as Newton's method finds them."""
    kept = [pay[np.ix_(*supports)] for pay in pays]
    sizes = [len(s) for s in supports]
    starts = [[np.full(n, 1.0 / n) for n in sizes]]
    if max(sizes) > 1:
        starts += [[rng.dirichlet(np.ones(n)) for n in sizes] for _ in range(_STARTS - 1)]
    for start in starts:
        weights = _newton(kept, start)
        if weights is not None:
            whole = []
            for pay_axis, support, own in zip(pays[0].shape, supports, weights, strict=True):
                full = np.zeros(pay_axis)
                full[list(support)] = own / own.sum()
                whole.append(full)
            yield whole


def _newton(pays: Sequence[Array], start: Sequence[Floats]) -> list[Floats] | None:
    """Solve for indifference, from a start; ``None`` where it does not converge to positive weights."""
    sizes = [len(w) for w in start]
    edges = np.cumsum([0, *sizes])
    point = np.concatenate([*start, [float(_against(pay, start, None)) for pay in pays]])
    for _ in range(_STEPS):
        weights = [point[a:b] for a, b in pairwise(edges)]
        values = point[edges[-1] :]
        residual, slope = _system(pays, weights, values)
        if np.abs(residual).max() < 1e-15:
            break
        step = np.linalg.lstsq(slope, -residual, rcond=None)[0]
        point = point + step
        if not np.isfinite(point).all() or np.abs(point).max() > 1e6:
            return None
        if np.abs(step).max() < 1e-16:
            break
    weights = [point[a:b] for a, b in pairwise(edges)]
    if np.abs(_system(pays, weights, point[edges[-1] :])[0]).max() > 1e-12 or point[: edges[-1]].min() <= 0:
        return None
    return weights


def _system(pays: Sequence[Array], weights: Sequence[Floats], values: Floats) -> tuple[Floats, Floats]:
    """Return the equations of indifference at a point, and their derivatives."""
    sizes = [len(w) for w in weights]
    edges = np.cumsum([0, *sizes])
    n = int(edges[-1])
    residual = np.zeros(n + len(pays))
    slope = np.zeros((n + len(pays), n + len(pays)))
    for i, pay in enumerate(pays):
        own = slice(edges[i], edges[i + 1])
        residual[own] = _against(pay, weights, i) - values[i]
        slope[own, n + i] = -1.0
        for j in range(len(pays)):
            if j != i:
                table = _left(pay, weights, (i, j))
                slope[own, edges[j] : edges[j + 1]] = table if i < j else table.T
        residual[n + i] = weights[i].sum() - 1.0
        slope[n + i, own] = 1.0
    return residual, slope


def _against(pay: Array, weights: Sequence[Floats], agent: int | None) -> Array:
    """Return what each strategy of an agent gets against the others' weights; ``None``: what the profile gets."""
    return _left(pay, weights, () if agent is None else (agent,))


def _left(pay: Array, weights: Sequence[Floats], axes: Sequence[int]) -> Array:
    """Take the mean over all agents' strategies but those of `axes`."""
    found = pay
    for place in reversed(range(len(weights))):
        if place not in axes:
            found = np.tensordot(weights[place], found, axes=(0, place))
    return found


def _is_stable(pays: Sequence[Array], weights: Sequence[Floats]) -> bool:
    """Say whether nobody gains by a deviation, roughly."""
    return all(
        float(_against(pay, weights, i).max() - _against(pay, weights, None)) <= _NEAR for i, pay in enumerate(pays)
    )


def _same(one: Sequence[Floats], other: Sequence[Floats]) -> bool:
    return all(np.abs(a - b).max() <= _NEAR for a, b in zip(one, other, strict=True))

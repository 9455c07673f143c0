r"""One agent's statistics known from draws of its actions: estimates with one-sided bounds.

An agent that tells no probabilities is watched: what it did in a context is drawn often, in two independent halves, and
a statistic of its rule is bounded from both sides, each bound wrong at most once in a hundred. Means are bounded by
Hoeffding's inequality, total variations by bounded differences [1]_.

References
----------
.. [1] C. McDiarmid, "On the method of bounded differences", Surveys in Combinatorics, 1989.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cidmesa.arrays import Array, Floats, Ints
from cidmesa.validation.statistics import SAMPLED

_AT_ONCE = 2**18
"""Numbers that are written out at once where pairs of contexts are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """An agent's statistic known from draws: an estimate and two one-sided 99 % bounds, one entry per agent."""

    estimate: Floats
    lower: Floats
    upper: Floats


def linear_bounds(counts: Array, gains: Floats, *, error: float = SAMPLED) -> Bounds:
    r"""Bound :math:`\sum_{c,a} g(c,a)\,\pi(a|c)` from draws of the actions in each context (Hoeffding).

    Parameters
    ----------
    counts
        How often each action was drawn, shape ``(agents, contexts, actions)``.
    gains
        :math:`g`, shape ``(contexts, actions)`` or ``(agents, contexts, actions)``.
    error
        Probability of each one-sided bound to be wrong.
    """
    draws = counts.sum(axis=-1)
    law = counts / np.maximum(draws, 1)[..., None]
    estimate = (law * gains).sum(axis=(-2, -1))
    least, most = gains.min(axis=-1), gains.max(axis=-1)
    radius = _radius(np.broadcast_to(most - least, draws.shape), draws, error)
    low, high = least.sum(axis=-1), most.sum(axis=-1)
    return Bounds(estimate, np.maximum(estimate - radius, low), np.minimum(estimate + radius, high))


def variation_bounds(halves: Array, left: Floats, right: Floats, weights: Floats, *, error: float = SAMPLED) -> Bounds:
    r"""Bound :math:`\sum_j w_j\,\mathrm{TV}\big(\sum_c L_{jc}\pi(\cdot|c),\ \sum_c R_{jc}\pi(\cdot|c)\big)` from draws.

    The plug-in is never too small on average (total variation is convex), so the upper bound is the plug-in and a
    radius. The lower bound uses that total variation is the greatest value of a signed sum: the signs are found on
    one half of the draws and evaluated on the other, both ways. Both radii are bounded-difference inequalities.

    Parameters
    ----------
    halves
        Counts of two independent halves of the draws, shape ``(2, agents, contexts, actions)``.
    left, right
        The two mixtures of each pair, shape ``(pairs, contexts)``.
    weights
        Shape ``(pairs,)``.
    error
        Probability of each one-sided bound to be wrong.
    """
    mixing = left - right
    influence: Floats = weights @ np.abs(mixing)
    laws, pooled = _laws(halves)
    apart = mixing @ laws
    crossed = (np.sign(apart) * apart[::-1]).sum(axis=-1) / 2
    plug_in = np.abs(mixing @ pooled).sum(axis=-1) / 2
    return _variation(halves, plug_in, crossed, weights, influence, error)


def pair_bounds(halves: Array, left: Ints, right: Ints, weights: Floats, *, error: float = SAMPLED) -> Bounds:
    r"""Bound :math:`\sum_j w_j\,\mathrm{TV}(\pi(\cdot|l_j), \pi(\cdot|r_j))` from draws.

    Parameters
    ----------
    halves, weights, error
        As for :func:`variation_bounds`.
    left, right
        The contexts of each pair, shape ``(pairs,)``: no mixture is written out, so there may be many.

    Notes
    -----
    Memory is agents times pairs, however many actions there are. A pair is as far apart as its reverse, and as any
    pair of contexts in which the agent was seen to do the same; each of those is computed once.

    Examples
    --------
    >>> halves = np.array([[[[50, 0], [0, 50], [25, 25]]]] * 2)
    >>> found = pair_bounds(halves, np.array([0, 0]), np.array([1, 2]), np.array([0.5, 0.5]))
    >>> found.estimate.tolist()
    [0.75]
    """
    contexts = halves.shape[2]
    influence: Floats = np.bincount(left, weights, contexts) + np.bincount(right, weights, contexts) * 1.0
    laws, pooled = _laws(halves)
    plug_in = np.empty((len(weights), len(pooled))).T  # pairs first in memory: an agent's mean adds up as it always did
    crossed = np.empty((len(weights), 2, len(pooled))).transpose(1, 2, 0)
    for agent, mean in enumerate(pooled):
        rows = np.concatenate([laws[0, agent], laws[1, agent], mean], axis=-1)
        plug_in[agent], crossed[:, agent] = _pairs_apart(rows, left, right)
    return _variation(halves, plug_in, crossed, weights, influence, error)


def _laws(halves: Array) -> tuple[Floats, Floats]:
    """Return how often each action was taken, in each half of the draws and in both."""
    draws = halves.sum(axis=-1)
    pooled = halves.sum(axis=0) / np.maximum(draws.sum(axis=0), 1)[..., None]
    return halves / np.maximum(draws, 1)[..., None], pooled


def _pairs_apart(rows: Floats, left: Ints, right: Ints) -> tuple[Floats, Floats]:
    """Return how far apart one agent is in each pair: the plug-in, ``(pairs,)``, and the crossed ones, ``(2, pairs)``.

    `rows` are what it did in each context, ``(contexts, 3 * actions)``: one half of the draws, the other, and both.
    """
    kinds, kind = np.unique(rows, axis=0, return_inverse=True)
    one, other = kind.reshape(-1)[left], kind.reshape(-1)[right]
    first, last = np.minimum(one, other), np.maximum(one, other)
    cases, case = np.unique(first * len(kinds) + last, return_inverse=True)
    first, last = np.divmod(cases, max(len(kinds), 1))
    found = np.empty((3, len(cases)))
    at_once = max(1, _AT_ONCE // max(rows.shape[1], 1))
    for start in range(0, len(cases), at_once):
        some = slice(start, start + at_once)
        apart = (kinds[first[some]] - kinds[last[some]]).reshape(-1, 3, rows.shape[1] // 3)
        halves, both = np.ascontiguousarray(apart[:, :2].swapaxes(0, 1)), np.ascontiguousarray(apart[:, 2])
        found[0, some] = np.abs(both).sum(axis=-1) / 2
        found[1:, some] = (np.sign(halves) * halves[::-1]).sum(axis=-1) / 2
    every = found[:, case.reshape(-1)]
    return every[0], every[1:]


def _variation(
    halves: Array, plug_in: Floats, crossed: Floats, weights: Floats, influence: Floats, error: float
) -> Bounds:
    """Bound a weighted total variation of pairs, each draw in context c moving it by ``influence[c]``.

    `plug_in` is that of all draws, ``(agents, pairs)``; `crossed`, ``(2, agents, pairs)``, that by the signs of one
    half and the differences of the other.
    """
    draws = halves.sum(axis=-1)
    estimate = plug_in @ weights
    upper = estimate + _radius(influence, draws.sum(axis=0), error)
    # Each crossed estimate has this radius, hence so has their average (Cauchy-Schwarz on the moment bound).
    lower = (crossed @ weights).mean(axis=0) - np.maximum(*(_radius(influence, part, error) for part in draws))
    return Bounds(estimate, np.maximum(lower, 0.0), np.minimum(upper, weights.sum()))


def _radius(influence: Floats, draws: Array, error: float) -> Floats:
    """Deviation of a sum whose draws in context c each move it by at most ``influence[c] / draws[c]``."""
    squares = influence**2 / np.maximum(draws, 1)
    squares = np.where((draws == 0) & (influence > 0), np.inf, squares)
    result: Floats = np.sqrt(math.log(1 / error) / 2 * squares.sum(axis=-1))
    return result

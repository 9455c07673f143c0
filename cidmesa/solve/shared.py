r"""The best stochastic rule that two decisions share.

Where one rule :math:`\theta(a \mid c)` is used by two decisions, the expected utility is quadratic in it,

.. math:: f(\theta) = \sum_{c, a, c', a'} T(c, a, c', a')\, \theta(a \mid c)\, \theta(a' \mid c'),

and mixing can be better than any deterministic rule: an agent that cannot tell its two situations apart has no other
way to act differently in them [1]_. :math:`T` is one elimination pass. The maximum over the product of simplices is
found exactly by listing *supports*, the sets of actions played in each context: on a face of the polytope a maximum is
a stationary point; where its stationary points are not isolated, :math:`f` is constant along them up to the border,
which is a smaller face. So it is enough to solve one linear system for every support, and to leave out the singular
ones.

References
----------
.. [1] M. Piccione and A. Rubinstein, "On the interpretation of decision problems with imperfect recall", *Games and
   Economic Behavior* 20, 1997: the absent-minded driver.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np

from cidmesa.solve.elimination import Array, make_plan, run
from cidmesa.solve.policy import DecisionResult
from cidmesa.solve.problem import Found, Problem
from cidmesa.solve.schedule import TIE, Scheduler
from cidmesa.solve.structure import require_small

_SUPPORTS = 2**14
"""How many supports are listed."""


def best_shared_pair(problem: Problem, groups: tuple[tuple[int, ...], ...]) -> Found | None:
    """Find the best stochastic rule of the only two decisions that matter; ``None`` where this does not apply."""
    view = problem.view
    index = view.index
    scheduler = Scheduler(index, view.cards, problem.utilities, problem.decisions, {})
    pair = tuple([d for d in problem.decisions if d in scheduler.open])
    if len(pair) != 2 or not any(set(pair) <= set(group) for group in groups):
        return None
    shape = [view.cards[v] for v in index.parents[pair[0]]]
    contexts, card = int(np.prod(shape, dtype=int)), view.cards[pair[0]]
    if (2**card - 1) ** contexts > _SUPPORTS:
        return None
    quadratic = _quadratic(problem, scheduler, pair)
    best, rules = _maxima(quadratic, contexts, card, problem.scale)
    met = (np.abs(quadratic) > 0).any(axis=1).reshape(contexts, card).any(axis=1, keepdims=True)
    used = np.logical_or.reduce([rule > 0 for rule in rules], axis=0) | ~met
    results = {}
    for d in pair:
        axes = (card, *[view.cards[v] for v in index.parents[d]])
        results[d] = DecisionResult(None, used.T.reshape(axes), rules[0].T.reshape(axes))
    return Found(results, best, True, "supports of a shared rule")


def _quadratic(problem: Problem, scheduler: Scheduler, pair: tuple[int, ...]) -> Array:
    """Return T as a symmetric matrix over (context, action) pairs."""
    view = problem.view
    families = [(*view.index.parents[d], d) for d in pair]
    union = tuple(dict.fromkeys((*families[0], *families[1])))
    factors = list(scheduler.live.values())
    plan = make_plan(factors, union, view.cards)
    require_small(view.index, plan, view.cards, problem.max_table)
    _, w = run(plan, problem.pairs(scheduler.live))
    cards = [view.cards[v] for v in union]
    weights = np.broadcast_to(np.zeros(1) if w is None else w, cards)
    places = np.indices(cards).reshape(len(cards), -1)
    rows = [
        np.ravel_multi_index([places[union.index(v)] for v in family], [view.cards[v] for v in family])
        for family in families
    ]
    size = int(np.prod([view.cards[v] for v in families[0]], dtype=int))
    matrix = np.zeros((size, size))
    np.add.at(matrix, (rows[0], rows[1]), weights.ravel())
    return (matrix + matrix.T) / 2


def _maxima(quadratic: Array, contexts: int, card: int, scale: float) -> tuple[float, list[Array]]:
    """Return the maximum and the rules, ``(contexts, card)``, found to reach it; those with small supports first."""
    found: list[tuple[float, Array]] = []
    for support in _supports(contexts, card):
        rule = _stationary(quadratic, support, contexts)
        if rule is not None:
            theta = rule.ravel()
            found.append((float(theta @ quadratic @ theta), rule))
    best = max(value for value, _ in found)
    return best, [rule for value, rule in found if value >= best - TIE * scale]


def _supports(contexts: int, card: int) -> Iterator[Array]:
    """List which actions are played in which context, single actions first."""
    subsets = [subset for n in range(1, card + 1) for subset in combinations(range(card), n)]
    for chosen in sorted(product(subsets, repeat=contexts), key=lambda choice: sum(map(len, choice))):
        mask = np.zeros((contexts, card), dtype=bool)
        for context, subset in enumerate(chosen):
            mask[context, list(subset)] = True
        yield mask


def _stationary(quadratic: Array, support: Array, contexts: int) -> Array | None:
    """Return the isolated stationary point of the quadratic form inside the face of a support, if there is one."""
    where = np.flatnonzero(support)
    rule = np.zeros(support.shape)
    if len(where) == contexts:
        rule[support] = 1.0
        return rule
    n = len(where)
    system = np.zeros((n + contexts, n + contexts))
    system[:n, :n] = 2 * quadratic[np.ix_(where, where)]
    rows = where // support.shape[1]
    system[np.arange(n), n + rows] = system[n + rows, np.arange(n)] = 1.0
    if np.linalg.matrix_rank(system) < len(system):
        return None
    inside = np.linalg.solve(system, np.concatenate([np.zeros(n), np.ones(contexts)]))[:n]
    if inside.min() < 0:
        return None
    rule[support] = inside
    whole: Array = rule / rule.sum(axis=1, keepdims=True)
    return whole

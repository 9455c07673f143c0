r"""The largest value of a quadratic form over a product of simplices, by listing supports.

One stochastic rule :math:`\theta(a \mid c)` that two decisions follow makes an expectation quadratic in it,

.. math:: f(\theta) = \sum_{c, a, c', a'} T(c, a, c', a')\, \theta(a \mid c)\, \theta(a' \mid c').

A *support* says which actions are played in each context; it is a face of the product of simplices. Inside the face
where it is reached, a maximum is a stationary point, the solution of one linear system. Where the system is singular,
:math:`f` is constant along a line of stationary points up to the border, which is a smaller face: so singular systems
may be left out, and the rules that are found, the *peaks*, are the isolated ones and the ends of lines. Two peaks of
the same form are joined by a line of optimal rules exactly if the middle is optimal too.

Many forms are searched at once: the other decisions may follow any of several rules, and each makes a form of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.clock import OBSERVE_LESS, check_time


class Peaks(NamedTuple):
    """Where several quadratic forms are largest.

    Attributes
    ----------
    value
        The largest value of any of them.
    values, form
        Per peak its value and the position of its form, shape ``(peaks,)``.
    rules
        The peaks, shape ``(peaks, contexts, actions)``; those with small supports first.
    """

    value: float
    values: Floats
    form: Ints
    rules: Floats


def number_of_supports(options: Sequence[int]) -> int:
    """Return how many supports there are, given the number of allowed actions of each context.

    >>> number_of_supports([2, 3])
    21
    """
    return math.prod(2**n - 1 for n in options)


def peaks(forms: Floats, contexts: int, card: int, width: float, may: Mask | None = None) -> Peaks:
    """Return the maximum of :math:`x^T T x` over several forms and all rules, and the rules that attain it.

    Parameters
    ----------
    forms
        Symmetric matrices, shape ``(forms, contexts * card, contexts * card)``.
    contexts, card
        The shape of a rule.
    width
        Values this close to the maximum are equal to it.
    may
        Which actions are allowed, shape ``(contexts, card)``; all of them, if left out.

    Notes
    -----
    One linear system per support and form, of at most ``contexts * (card + 1)`` unknowns.

    Examples
    --------
    The absent-minded driver (Piccione and Rubinstein 1997): go on twice for 1, go on and turn for 4.

    >>> driver = np.array([[[1.0, 2.0], [2.0, 0.0]]])
    >>> found = peaks(driver, contexts=1, card=2, width=1e-9)
    >>> round(found.value, 9), found.rules.round(9).tolist()
    (1.333333333, [[[0.666666667, 0.333333333]]])
    """
    size = float(np.abs(forms).max(initial=0.0)) or 1.0
    found: list[tuple[Floats, Ints, Floats]] = []
    best = -np.inf
    for support in _supports(contexts, card, may):
        check_time("listing supports of a shared rule", OBSERVE_LESS)
        which, points = _stationary(forms / size, support, contexts)
        values = np.einsum("ki,kij,kj->k", points, forms[which], points)
        best = max(best, float(values.max(initial=-np.inf)))
        kept = values >= best - width
        if kept.any():
            found.append((values[kept], which[kept], points[kept]))
    values, which, points = (np.concatenate(parts) for parts in zip(*found, strict=True))
    kept = np.flatnonzero(values >= best - width)
    # A point on the border of a face belongs to a smaller one, where it was found already.
    _, first = np.unique(np.c_[which[kept], np.round(points[kept], 9)], axis=0, return_index=True)
    kept = kept[np.sort(first)]
    return Peaks(best, values[kept], which[kept], points[kept].reshape(-1, contexts, card))


def exact_height(form: Array, support: Mask) -> Fraction | None:
    """Return the value at the stationary point of a form inside the face of a support, in exact arithmetic.

    Parameters
    ----------
    form
        A symmetric matrix of Python's integers, shape ``(contexts * card, contexts * card)``.
    support
        Which actions are played in each context, shape ``(contexts, card)``.

    Returns
    -------
    Fraction or None
        ``None`` where there is no such point, or more than one.

    Examples
    --------
    >>> exact_height(np.array([[1, 2], [2, 0]], dtype=object), np.array([[True, True]]))
    Fraction(4, 3)
    """
    contexts, card = support.shape
    where = np.flatnonzero(support).tolist()
    n = len(where)
    rows: list[list[Fraction]] = []
    for i in where:
        borders = [Fraction(int(i // card == c)) for c in range(contexts)]
        rows.append([*(2 * Fraction(int(form[i, j])) for j in where), *borders, Fraction(0)])
    none = [Fraction(0)] * contexts
    rows += [[*(Fraction(int(j // card == c)) for j in where), *none, Fraction(1)] for c in range(contexts)]
    for column in range(n + contexts):
        pivot = next((i for i in range(column, n + contexts) if rows[i][column] != 0), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        lead = rows[column][column]
        rows[column] = [x / lead for x in rows[column]]
        for i, row in enumerate(rows):
            if i != column and row[column] != 0:
                rows[i] = [x - row[column] * y for x, y in zip(row, rows[column], strict=True)]
    point = [row[-1] for row in rows[:n]]
    if min(point) < 0:
        return None
    return sum(
        (int(form[i, j]) * x * y for i, x in zip(where, point, strict=True) for j, y in zip(where, point, strict=True)),
        Fraction(0),
    )


def has_line(form: Floats, rules: Floats, value: float, width: float) -> bool:
    """Say whether two of the peaks of one form are joined by a line of optimal rules."""
    points = rules.reshape(len(rules), -1)
    between = points @ form @ points.T  # the middle of two peaks is worth half of the value and half of this
    return bool((between >= value - width)[~np.eye(len(rules), dtype=bool)].any())


def _supports(contexts: int, card: int, may: Mask | None) -> Iterator[Mask]:
    """List which allowed actions are played in which context, single actions first."""
    subsets = [subset for n in range(1, card + 1) for subset in combinations(range(card), n)]
    free = [[s for s in subsets if may is None or may[context, list(s)].all()] for context in range(contexts)]
    for chosen in sorted(product(*free), key=lambda choice: sum(map(len, choice))):
        mask = np.zeros((contexts, card), dtype=bool)
        for context, subset in enumerate(chosen):
            mask[context, list(subset)] = True
        yield mask


def _stationary(forms: Floats, support: Mask, contexts: int) -> tuple[Ints, Floats]:
    """Return, of the forms with an isolated stationary point inside the face of a support, the position and the point.

    Inside means with probabilities that are not negative: a point on the border belongs to a smaller face too.
    """
    where = np.flatnonzero(support)
    n = len(where)
    everyone = np.arange(len(forms))
    points = np.zeros((len(forms), support.size))
    if n == contexts:
        points[:, where] = 1.0
        return everyone, points
    system = np.zeros((len(forms), n + contexts, n + contexts))
    system[:, :n, :n] = 2 * forms[:, where[:, None], where]
    rows = n + where // support.shape[1]
    system[:, np.arange(n), rows] = system[:, rows, np.arange(n)] = 1.0
    regular = everyone[np.linalg.matrix_rank(system) == n + contexts]
    right = np.concatenate([np.zeros(n), np.ones(contexts)])
    inside = np.linalg.solve(system[regular], np.broadcast_to(right, (len(regular), len(right)))[..., None])[:, :n, 0]
    feasible = (inside >= 0).all(axis=1)
    points[np.ix_(regular[feasible], where)] = inside[feasible]
    points = points[regular[feasible]].reshape(-1, *support.shape)
    whole = points / points.sum(axis=2, keepdims=True)
    return regular[feasible], whole.reshape(len(whole), support.size)

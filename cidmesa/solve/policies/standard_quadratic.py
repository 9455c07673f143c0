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
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.clock import OBSERVE_LESS, check_time
from cidmesa.solve.tables.linear_systems import solutions


class Peaks(NamedTuple):
    """Where several quadratic forms may be largest.

    Attributes
    ----------
    form
        Per peak the number of its form, shape ``(peaks,)``.
    rules
        The peaks, shape ``(peaks, contexts, actions)``; those with small supports first.
    supports
        The faces that they were found in, of the same shape.
    values
        Their values, shape ``(peaks,)``.
    low, high
        What the rules are worth at least, and any stationary point of their faces at most.
    """

    form: Ints
    rules: Floats
    supports: Mask
    values: Floats
    low: Floats
    high: Floats

    @property
    def value(self) -> float:
        """The largest value."""
        return float(self.values.max())

    @classmethod
    def of(cls, parts: Sequence[Peaks]) -> Peaks:
        """Put peaks together, and leave out what is known not to be largest."""
        whole = cls(*map(np.concatenate, zip(*parts, strict=True)))
        return whole.where(whole.high >= whole.low.max())

    def where(self, kept: Mask | Ints) -> Peaks:
        """Return some of them."""
        arrays = self.form, self.rules, self.supports, self.values, self.low, self.high
        return Peaks._make(array[kept] for array in arrays)


def number_of_supports(options: Sequence[int]) -> int:
    """Return how many supports there are, given the number of allowed actions of each context.

    >>> number_of_supports([2, 3])
    21
    """
    return math.prod(2**n - 1 for n in options)


def peaks(forms: Floats, contexts: int, card: int, error: float | Floats, may: Mask | None = None) -> Peaks:
    r"""Return the maximum of :math:`x^T T x` over several forms and all rules, and where it may be attained.

    Parameters
    ----------
    forms
        Symmetric matrices, shape ``(forms, contexts * card, contexts * card)``.
    contexts, card
        The shape of a rule.
    error
        How far each entry of the forms may be off; one number, or an array that broadcasts to `forms`.
    may
        Which actions are allowed, shape ``(contexts, card)``; all of them, if left out.

    Notes
    -----
    One linear system per support and form, of at most ``contexts * (card + 1)`` unknowns. What is left out is known not
    to be largest: with :math:`x^*` stationary in a face, :math:`\hat x` any rule there and :math:`g` the gradient at
    :math:`\hat x`, :math:`f(x^*) - f(\hat x) = \frac12 g^T (x^* - \hat x)`, so that the bound on a face needs no
    condition number. What is left in need not be a maximum: :func:`highest` says which are.

    Examples
    --------
    The absent-minded driver (Piccione and Rubinstein 1997): go on twice for 1, go on and turn for 4.

    >>> driver = np.array([[[1.0, 2.0], [2.0, 0.0]]])
    >>> found = peaks(driver, contexts=1, card=2, error=0.0)
    >>> round(found.value, 9), found.rules.round(9).tolist()
    (1.333333333, [[[0.666666667, 0.333333333]]])
    """
    errors = np.broadcast_to(np.asarray(error, dtype=np.float64), forms.shape)
    best = -np.inf
    found: list[Peaks] = []
    for supports in _supports(contexts, card, may, max(1, _BLOCK // (len(forms) * (contexts * (card + 1)) ** 2))):
        check_time("listing supports of a shared rule", OBSERVE_LESS)
        looked = _looked_at(forms, errors, supports)
        best = max(best, float(looked.low.max()))
        found.append(looked.where(looked.high >= best))
    return Peaks.of(found)


class Highest(NamedTuple):
    """Which of some peaks are the highest in exact arithmetic.

    Attributes
    ----------
    height
        How high, on the scale of the forms.
    which
        Their positions.
    points
        The peaks themselves, an array of fractions each, shape ``(contexts, card)``.
    """

    height: Fraction
    which: Ints
    points: list[Array]


def highest(found: Peaks, exactly: Callable[[int], Array | None]) -> Highest | None:
    """Return which peaks are highest in exact arithmetic; ``None`` where that is out of reach.

    Parameters
    ----------
    found
        What :func:`peaks` left.
    exactly
        Number of a form → the form in Python's integers, on a scale that all forms share; ``None``: out of reach.

    Examples
    --------
    >>> driver = np.array([[[1.0, 2.0], [2.0, 0.0]]])
    >>> found = highest(peaks(driver, 1, 2, 0.0), lambda number: driver[number].astype(int).astype(object))
    >>> found.height, [str(x) for x in found.points[0][0]]
    (Fraction(4, 3), ['2/3', '1/3'])
    """
    known: dict[int, Array | None] = {}
    best: Fraction | None = None
    which: list[int] = []
    points: list[Array] = []
    for position, (number, support) in enumerate(zip(found.form.tolist(), found.supports, strict=True)):
        if number not in known:
            known[number] = exactly(number)
        form = known[number]
        if form is None:
            return None
        peak = exact_peak(form, support)
        if peak is None or (best is not None and peak[0] < best):
            continue
        if best is None or peak[0] > best:
            best, which, points = peak[0], [], []
        which.append(position)
        points.append(peak[1])
    if best is None:
        return None
    return Highest(best, np.array(which, dtype=np.intp), points)


def exact_peak(form: Array, support: Mask) -> tuple[Fraction, Array] | None:
    """Return the height of the one stationary point of a form inside the face of a support, and the point.

    Parameters
    ----------
    form
        A symmetric matrix of Python's integers, shape ``(contexts * card, contexts * card)``.
    support
        Which actions are played in each context, shape ``(contexts, card)``.

    Returns
    -------
    tuple or None
        ``None`` where there is no such point with positive probabilities, or more than one.

    Examples
    --------
    >>> exact_peak(np.array([[1, 2], [2, 0]], dtype=object), np.array([[True, True]]))[0]
    Fraction(4, 3)
    """
    contexts, card = support.shape
    where = np.flatnonzero(support).tolist()
    n = len(where)
    inside = form[np.ix_(where, where)].tolist()
    share = [Fraction(1)] * n
    if n > contexts:
        belongs = [[int(i // card == c) for c in range(contexts)] for i in where]
        rows = [[*(2 * x for x in row), *own] for row, own in zip(inside, belongs, strict=True)]
        rows += [[*column, *[0] * contexts] for column in zip(*belongs, strict=True)]
        solved = solutions(rows, [*[0] * n, *[1] * contexts], n + contexts)
        if solved is None or solved.directions or min(solved.point[:n]) <= 0:
            return None
        share = solved.point[:n]
    point = np.full(support.size, Fraction(0), dtype=object)
    point[where] = share
    height = point[where] @ form[np.ix_(where, where)] @ point[where]
    return Fraction(height), point.reshape(support.shape)


def has_line(form: Array, points: Sequence[Array]) -> bool:
    """Say whether two peaks of one form, equally high, are joined by a line of rules that are as good.

    Parameters
    ----------
    form
        A symmetric matrix of Python's integers.
    points
        The peaks, in fractions.

    Examples
    --------
    >>> ends = [np.array([[Fraction(1), Fraction(0)]]), np.array([[Fraction(0), Fraction(1)]])]
    >>> has_line(np.array([[1, 1], [1, 1]]), ends), has_line(np.array([[1, 0], [0, 1]]), ends)
    (True, False)
    """
    flat = [point.reshape(-1) for point in points]
    if len(flat) < 2:
        return False
    height = flat[0] @ form @ flat[0]
    # The middle of two peaks is worth half of the height and half of this.
    return any(one @ form @ other == height for one, other in combinations(flat, 2))


def _supports(contexts: int, card: int, may: Mask | None, most: int) -> Iterator[Mask]:
    """List which allowed actions are played in which context, single actions first, in blocks of equal size."""
    subsets = [subset for n in range(1, card + 1) for subset in combinations(range(card), n)]
    free = [[s for s in subsets if may is None or may[context, list(s)].all()] for context in range(contexts)]
    every = np.zeros((math.prod(map(len, free)), contexts, card), dtype=bool)
    for row, chosen in zip(every, product(*free), strict=True):
        for context, subset in enumerate(chosen):
            row[context, list(subset)] = True
    sizes = every.sum(axis=(1, 2))
    for size in np.unique(sizes).tolist():
        alike = every[sizes == size]
        yield from (alike[start : start + most] for start in range(0, len(alike), most))


_BLOCK = 2**21
"""Numbers that one block of linear systems aims at."""

_SURE = 1e-8
"""A system whose smallest singular value is at least this share of the largest says how far off its solution is."""

_EPS = 2.0**-52


def _looked_at(forms: Floats, errors: Floats, supports: Mask) -> Peaks:
    """Look for a stationary point inside the faces of some supports of equal size, of every form."""
    count, contexts, card = supports.shape
    where = np.nonzero(supports.reshape(count, -1))[1].reshape(count, -1)
    n = where.shape[1]
    form, face = (part.ravel() for part in np.indices((len(forms), count)))
    at = where[face]
    inner, off = (array[form[:, None, None], at[:, :, None], at[:, None, :]] for array in (forms, errors))
    belongs = (at[:, None, :] // card == np.arange(contexts)[:, None]).astype(np.float64)  # (faces, contexts, n)
    point = np.ones((len(at), n))
    possible = np.ones(len(at), dtype=bool)
    if n > contexts:
        point, possible = _stationary(inner, off, belongs)
    size = np.einsum("ki,kij,kj->k", point, np.abs(inner), point)
    values = np.einsum("ki,kij,kj->k", point, inner, point)
    doubt = np.einsum("ki,kij,kj->k", point, off, point) + 2 * (n + 2) * _EPS * size
    high = values + doubt
    if n > contexts:
        slope = 2 * np.einsum("kij,kj->ki", inner, point)
        slope -= _spread(_gathered(slope, belongs) / belongs.sum(axis=2), belongs)
        slope = np.abs(slope) + 4 * np.einsum("kij,kj->ki", off + (n + 2) * _EPS * np.abs(inner), point)
        high = high + 0.5 * (slope * np.maximum(point, 1 - point)).sum(axis=1)
    rules = np.zeros((len(at), contexts * card))
    rules[np.arange(len(at))[:, None], at] = point
    every = Peaks(form, rules.reshape(-1, contexts, card), supports[face], values, values - doubt, high)
    return every._replace(high=np.where(possible, high, -np.inf))


def _gathered(entries: Floats, belongs: Floats) -> Floats:
    """Return the sum of the entries of each context."""
    return np.asarray(np.einsum("kci,ki->kc", belongs, entries))


def _spread(sums: Floats, belongs: Floats) -> Floats:
    """Return, per entry, what its context has."""
    return np.asarray(np.einsum("kci,kc->ki", belongs, sums))


def _stationary(inner: Floats, off: Floats, belongs: Floats) -> tuple[Floats, Mask]:
    """Return a rule near the stationary point of each form, and whether that may lie among the rules.

    What all entries have in common moves no stationary point, and would blur it.
    """
    contexts, n = belongs.shape[1:]
    flat = inner.reshape(len(inner), -1)
    middle = (flat.max(axis=1) + flat.min(axis=1)) / 2
    spread = np.where(flat.max(axis=1) > flat.min(axis=1), flat.max(axis=1) - flat.min(axis=1), 1.0)
    system = np.zeros((len(inner), n + contexts, n + contexts))
    system[:, :n, :n] = (inner - middle[:, None, None]) / spread[:, None, None]
    system[:, :n, n:] = belongs.transpose(0, 2, 1)
    system[:, n:, :n] = belongs
    right = np.concatenate([np.zeros(n), np.ones(contexts)])
    left, sizes, across = np.linalg.svd(system)
    reciprocal = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes > 1e-13 * sizes[:, :1])
    solved = np.einsum("kji,kj,kj->ki", across, reciprocal, np.einsum("kij,i->kj", left, right))
    point = solved[:, :n]
    blur = off / spread[:, None, None] + _EPS * (1 + np.abs(inner) / spread[:, None, None])
    rest = np.linalg.norm(np.einsum("kij,kj->ki", system, solved) - right, axis=1)
    rest = rest + np.linalg.norm(np.einsum("kij,kj->ki", blur, np.abs(point)), axis=1)
    rest = rest + (n + contexts) * _EPS * np.linalg.norm(solved, axis=1) * sizes[:, 0]
    least = sizes[:, -1] - np.linalg.norm(blur, axis=(1, 2))
    sure = least > _SURE * sizes[:, 0]
    away = np.divide(rest, least, out=np.full(len(inner), np.inf), where=sure)
    possible = ~(point < -away[:, None]).any(axis=1)
    point = np.clip(point, 0.0, None)
    point = np.where(_spread(_gathered(point, belongs), belongs) > 0, point, 1.0)
    return point / _spread(_gathered(point, belongs), belongs), possible

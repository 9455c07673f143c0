r"""What each action leads to in the contexts of one distribution: weights, outcomes and base values as arrays.

Ties are facts. Floating point decides a comparison only where the difference exceeds a bound on its own rounding, which
is carried with the table; what is closer is settled by the same numbers as integers and fractions, computed when they
are asked for. Where those are out of reach the table is :attr:`~OutcomeTable.undecided`, and what is read off it says
so.

>>> import numpy as np
>>> outcome = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # the first action brings about the first value
>>> table = OutcomeTable(weight=np.array([1.0]), outcome=outcome, value=np.array([[0.0, 2.0]]))
>>> first = np.array([1.0, 0.0])
>>> table.regret.tolist(), optimal_for(table, first).tolist(), regret_of(table, table, first)
([[2.0, 0.0]], [[True, False]], (2.0, 2.0))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.outcomes.convex_hull import is_vertex
from cidmesa.solve.policies.ties import READING
from cidmesa.solve.tables.exact_numbers import fractions, number_meant

if TYPE_CHECKING:
    from cidmesa.model import CIM

T = TypeVar("T")

MANY = 256
"""Of more actions than this only those on the border of what can be brought about are compared."""

ROUNDING = 2.0**-40
"""The relative error of a sum of products of probabilities: thousands of operations of half a unit each."""

SHARP = 1e-10
"""Scaled rows whose entries may be off by more than this are computed from integers."""


@dataclass(frozen=True, eq=False)
class ExactBase:
    """What the base has to gain, in exact numbers.

    Attributes
    ----------
    weight
        Probability of each context, fractions, shape (C,).
    value
        Expected base utility by context and action, integers, shape (C, A), in multiples of `unit`.
    unit
        What one of these is in each context, shape (C,).
    """

    weight: Sequence[Fraction]
    value: Array
    unit: Sequence[Fraction]

    @cached_property
    def regret(self) -> tuple[tuple[Fraction, ...], ...]:
        """Weighted regret of every action in its context."""
        found = []
        for weight, unit, row in zip(self.weight, self.unit, self.value, strict=True):
            best = int(row.max())
            found.append(tuple(weight * unit * (best - int(x)) for x in row))
        return tuple(found)


@dataclass(frozen=True, eq=False, repr=False)
class OutcomeTable:
    """What each action leads to, in the contexts that one distribution reaches.

    Parameters
    ----------
    weight
        Probability of each context, shape (C,), all positive.
    outcome
        Distribution of the targets' values by context and action, shape (C, A, T).
    value
        Expected base utility by context and action, shape (C, A).
    exact
        Gives `outcome` as integers, every context on a scale of its own, or ``None`` where that is out of reach. Left
        out, the entries of `outcome` are the numbers themselves, read as they were meant.
    exact_base
        Gives `weight` and `value` without rounding, or ``None``; left out, the same.
    rounding
        The relative error of the entries of `outcome` and `weight`.
    error
        How far each entry of `value` may be off, shape (C, A).
    beside
        What every action loses besides, where the best of them is not without regret.
    """

    weight: Floats
    outcome: Floats
    value: Floats
    exact: Callable[[], Array | None] | None = None
    exact_base: Callable[[], ExactBase | None] | None = None
    rounding: float = ROUNDING
    error: Floats | None = None
    beside: Fraction = Fraction(0)

    # Exact numbers ---------------------------------------------------------------------------------------------------

    @cached_property
    def whole(self) -> Array | None:
        """The distributions as integers, each context on its own scale, shape (C, A, T); ``None``: out of reach."""
        if self.exact is not None:
            return self.exact()
        return np.array([_on_one_scale([fractions(row) for row in rows.tolist()]) for rows in self.outcome])

    @cached_property
    def base(self) -> ExactBase | None:
        """Weights and values without rounding; ``None``: out of reach."""
        if self.exact_base is not None:
            return self.exact_base()
        values = [number_meant(x) for x in self.value.ravel().tolist()]
        whole, unit = integers(values)
        weight = [number_meant(x) for x in self.weight.tolist()]
        return ExactBase(weight, whole.reshape(self.value.shape), [unit] * len(weight))

    @cached_property
    def is_ranked(self) -> bool:
        """Whether every two actions of a context are known to be worth the same to the base, or not the same."""
        return not self._doubtful_ranks.any() or self.base is not None

    @cached_property
    def undecided(self) -> bool:
        """Whether some comparison is within rounding and exact numbers are out of reach."""
        if not self.is_ranked:
            return True
        if not self._has_blurred_rows:
            return False
        return self.whole is None

    @property
    def _has_blurred_rows(self) -> bool:
        if self.value.shape[1] > MANY:
            return True
        return any(self._blur(c, a, self.against[c]).max(initial=0.0) > SHARP for c, a in np.ndindex(*self.shape))

    @property
    def shape(self) -> tuple[int, int]:
        """The number of contexts and of actions."""
        contexts, actions = self.value.shape
        return contexts, actions

    def alone(self, context: int) -> OutcomeTable:
        """Return the table of one context."""
        return self.some(np.arange(len(self.weight)) == context)

    def some(self, contexts: Mask) -> OutcomeTable:
        """Return the table of some contexts, marked in an array of shape (C,); their weights stay as they are."""
        chosen = np.flatnonzero(contexts).tolist()

        def base() -> ExactBase | None:
            found = self.base
            if found is None:
                return None
            weight, unit = ([numbers[i] for i in chosen] for numbers in (found.weight, found.unit))
            return ExactBase(weight, found.value[chosen], unit)

        return OutcomeTable(
            self.weight[chosen],
            self.outcome[chosen],
            self.value[chosen],
            lambda: None if self.whole is None else self.whole[chosen],
            base,
            self.rounding,
            self._errors[chosen],
            self.beside,
        )

    # What the base has to gain ---------------------------------------------------------------------------------------

    @cached_property
    def _errors(self) -> Floats:
        return np.abs(self.value) * self.rounding if self.error is None else self.error

    @cached_property
    def _doubtful_ranks(self) -> Mask:
        """In which contexts rounding hides how two actions compare."""
        order = np.argsort(self.value, axis=1, kind="stable")
        steps = np.diff(np.take_along_axis(self.value, order, axis=1), axis=1)
        errors = np.take_along_axis(self._errors, order, axis=1)
        doubt = errors[:, 1:] + errors[:, :-1]
        return np.asarray(((steps <= doubt) & (doubt > 0.0)).any(axis=1))

    @cached_property
    def rank(self) -> Ints:
        """The actions of each context by what they are worth to the base, shape (C, A): equal ranks are ties.

        In an undecided table what is within rounding counts as equal.
        """
        order = np.argsort(self.value, axis=1, kind="stable")
        errors = np.take_along_axis(self._errors, order, axis=1)
        steps = np.diff(np.take_along_axis(self.value, order, axis=1), axis=1) > errors[:, 1:] + errors[:, :-1]
        found = np.zeros(self.shape, dtype=np.intp)
        np.put_along_axis(found, order[:, 1:], np.cumsum(steps, axis=1), axis=1)
        doubtful = np.flatnonzero(self._doubtful_ranks).tolist()
        base = self.base if doubtful else None
        if base is not None:
            for context in doubtful:
                _, found[context] = np.unique(base.value[context], return_inverse=True)
        return found

    @cached_property
    def regret(self) -> Floats:
        """Weighted base regret of every action in its context, shape (C, A); the best ones have :attr:`beside`."""
        best = self.value.argmax(axis=1)
        loss = self.value.max(axis=1, keepdims=True) - self.value
        errors = self._errors + np.take_along_axis(self._errors, best[:, None], axis=1)
        top = self.rank == self.rank.max(axis=1, keepdims=True)
        blurred = ~top & (errors > SHARP * loss)
        base = self.base if blurred.any() else None
        if base is not None:
            for context in np.flatnonzero(blurred.any(axis=1)).tolist():
                lost = base.value[context].max() - base.value[context]
                loss[context] = [float(int(x) * base.unit[context]) for x in lost]
        found = np.maximum(self.weight[:, None] * np.maximum(loss, 0.0), np.nextafter(0.0, 1.0))
        return np.where(top, 0.0, found) + float(self.beside)

    @cached_property
    def exact_regret(self) -> tuple[tuple[Fraction, ...], ...]:
        """The same as fractions; of an undecided table those of its floats."""
        base = self.base
        if base is None:
            return tuple(tuple(map(Fraction, row)) for row in self.regret.tolist())
        return tuple(tuple(x + self.beside for x in row) for row in base.regret) if self.beside else base.regret

    # What actions lead to --------------------------------------------------------------------------------------------

    @cached_property
    def vertices(self) -> tuple[Mask, ...]:
        """Per context the actions that some objective may prefer to all others: of few actions all of them.

        An action that is not among them is optimal only for objectives that no action matters to.
        """
        many = self.value.shape[1] > MANY
        everything = np.ones(self.value.shape[1], dtype=bool)
        return tuple(is_vertex(outcome) if many else everything for outcome in self.outcome)

    @cached_property
    def alike(self) -> tuple[Ints, ...]:
        """Per context and action the first action that leads to exactly the same."""
        contexts, actions = self.shape
        near = np.ones(contexts, dtype=bool)  # where two actions may lead to the same
        if self.outcome.size * actions <= MANY**2:
            apart = np.abs(self.outcome[:, :, None] - self.outcome[:, None, :]).max(axis=3, initial=0.0)
            near = ((apart <= SHARP) & ~np.eye(actions, dtype=bool)).any(axis=(1, 2))
        every = np.arange(actions)
        return tuple(self._alike(context) if near[context] else every for context in range(contexts))

    def _alike(self, context: int) -> Ints:
        outcome = self.outcome[context]
        found = np.arange(len(outcome))
        _, first, which = np.unique(np.round(outcome, 9) + 0.0, axis=0, return_index=True, return_inverse=True)
        if len(first) == len(outcome) or self.whole is None:
            return found
        whole = self.whole[context]
        several = np.flatnonzero(np.bincount(which.ravel())[which.ravel()] > 1)
        known: dict[tuple[int, ...], int] = {}
        for action in several.tolist():
            found[action] = known.setdefault(tuple(whole[action].tolist()), action)
        return found

    @cached_property
    def situations(self) -> Ints:
        """Per context the first one in which every action leads to exactly the same."""
        found = np.arange(len(self.outcome))
        seen: dict[bytes, list[int]] = {}
        for context, outcome in enumerate(self.outcome):
            seen.setdefault(outcome.tobytes(), []).append(context)
        for contexts in seen.values():
            if len(contexts) > 1 and self.whole is not None:
                known: dict[tuple[int, ...], int] = {}
                for context in contexts:
                    entries = [int(x) for x in self.whole[context].ravel()]
                    divisor = math.gcd(*entries)
                    found[context] = known.setdefault(tuple(x // divisor for x in entries), context)
        return found

    @cached_property
    def against(self) -> tuple[Ints, ...]:
        """Per context the actions that an optimal one must be no worse than: those on the border, without copies."""
        found = []
        for context, vertices in enumerate(self.vertices):
            chosen = np.flatnonzero(vertices)
            if len(vertices) > MANY:
                _, first = np.unique(self.alike[context][chosen], return_index=True)
                chosen = chosen[np.sort(first)]
            found.append(chosen)
        return tuple(found)

    def rows(self, context: int, action: int, against: Ints) -> Floats:
        """Return the scaled rows by which `action` beats each action in `against`, zero where they lead to the same.

        Rows that rounding could move by more than :data:`SHARP` come from integers.
        """
        outcome = self.outcome[context]
        found = outcome[action] - outcome[against]
        blurred = np.flatnonzero(self._blur(context, action, against) > SHARP)
        if not len(blurred):
            return cones.scaled(np.asarray(found))
        whole = self.whole
        if whole is None:
            norms = np.abs(found).sum(axis=1)
            found[norms <= self._noise(context, action, against)] = 0.0
            return cones.scaled(found)
        found = cones.scaled(found)
        for i in blurred.tolist():
            found[i] = scaled_exactly(whole[context, action] - whole[context, against[i]])
        return found

    def exact_rows(self, context: int, action: int, against: Ints) -> list[Array]:
        """Return the same rows as integers, every row on a positive scale of its own.

        Of an undecided table those of its floats, zero where they are within rounding.
        """
        if self.whole is not None:
            here = self.whole[context]
            return [here[action] - here[b] for b in against.tolist()]
        return [integers([Fraction(x) for x in row])[0] for row in self.rows(context, action, against).tolist()]

    def _noise(self, context: int, action: int, against: Ints) -> Floats:
        outcome = self.outcome[context]
        return np.asarray(self.rounding * (outcome[action].sum() + outcome[against].sum(axis=1)))

    def _blur(self, context: int, action: int, against: Ints) -> Floats:
        """Return how far the entries of scaled rows may be off, added up."""
        outcome = self.outcome[context]
        norms = np.abs(outcome[action] - outcome[against]).sum(axis=1)
        noise = self._noise(context, action, against)
        return np.asarray(np.divide(noise, norms, out=np.where(noise > 0, np.inf, 0.0), where=norms > 0))

    def __repr__(self) -> str:
        contexts, actions, values = self.outcome.shape
        return f"OutcomeTable({contexts} contexts, {actions} actions, {values} values of the targets)"


def scaled_exactly(row: Array) -> Floats:
    """Divide a row of integers by the sum of its absolute values, rounding once.

    >>> scaled_exactly(np.array([3, -1, 0])).tolist()
    [0.75, -0.25, 0.0]
    """
    entries = [int(x) for x in row]
    norm = sum(map(abs, entries)) or 1
    return np.array([x / norm for x in entries])


def _on_one_scale(rows: Sequence[Sequence[Fraction]]) -> Array:
    whole, _ = integers([p for row in rows for p in row])
    return whole.reshape(len(rows), -1)


def integers(numbers: Sequence[Fraction]) -> tuple[Array, Fraction]:
    """Write fractions as integers times a unit.

    >>> whole, unit = integers([Fraction(1, 2), Fraction(-1, 3)])
    >>> whole.tolist(), unit
    ([3, -2], Fraction(1, 6))
    """
    scale = math.lcm(*(x.denominator for x in numbers)) if numbers else 1
    whole = np.empty(len(numbers), dtype=object)
    whole[:] = [x.numerator * (scale // x.denominator) for x in numbers]
    return whole, Fraction(1, scale)


def rivals(table: OutcomeTable, context: int, action: int) -> Ints:
    """Return the other actions that an optimal one must be no worse than."""
    others = table.against[context]
    return np.asarray(others[others != action])


def weak_rows(table: OutcomeTable, actions: Mapping[int, int]) -> Floats:
    """Return the scaled rows that make actions, context → action, optimal in a table; trivial ones left out."""
    rows = [table.rows(context, action, rivals(table, context, action)) for context, action in actions.items()]
    found = np.vstack(rows) if rows else np.zeros((0, table.outcome.shape[2]))
    return np.unique(found[np.abs(found).any(axis=1)], axis=0)


def optimal_for(table: OutcomeTable, objective: Floats) -> Mask:
    """Return which actions are optimal for `objective` in each context, shape (C, A).

    The numbers of the objective are read as they were meant. Of an undecided table what is within rounding of the best
    counts as optimal.
    """
    contexts, actions = table.value.shape
    optimal = np.ones((contexts, actions), dtype=bool)
    if not objective.any():
        return optimal
    q = table.outcome @ objective
    noise = 2 * table.rounding * (table.outcome @ np.abs(objective))
    best = q.argmax(axis=1)
    rows = np.arange(contexts)
    gaps = q[rows, best][:, None] - q
    doubt = noise + noise[rows, best][:, None]
    optimal = gaps <= doubt
    close = optimal.copy()
    close[rows, best] = False
    unsettled = np.flatnonzero(close.any(axis=1)).tolist()
    if not unsettled or table.whole is None:
        return np.asarray(optimal)
    meant, _ = integers([number_meant(x) for x in objective.tolist()])
    for context in unsettled:
        candidates = np.flatnonzero(optimal[context])
        worth = [_dot(table.whole[context, a], meant) for a in candidates.tolist()]
        optimal[context, candidates] = [x == max(worth) for x in worth]
    return np.asarray(optimal)


def _dot(row: Array, objective: Array) -> int:
    return sum(int(p) * o for p, o in zip(row, objective, strict=True) if p)


def regret_of(believed: OutcomeTable, actual: OutcomeTable, objective: Floats) -> tuple[float, float]:
    """Return the least and the largest base regret in `actual` of a policy optimal for `objective` in `believed`.

    Both outcome tables have the same contexts and actions.
    """
    optimal = optimal_for(believed, objective)
    regret = actual.regret
    low = np.where(optimal, regret, np.inf).min(axis=1)
    high = np.where(optimal, regret, -np.inf).max(axis=1)
    return math.fsum(low), math.fsum(high)


def exact_regret_of(believed: OutcomeTable, actual: OutcomeTable, objective: Floats) -> tuple[Fraction, Fraction]:
    """Return the same as fractions."""
    low, high = Fraction(0), Fraction(0)
    for mask, regret in zip(optimal_for(believed, objective), actual.exact_regret, strict=True):
        here = [regret[action] for action in np.flatnonzero(mask).tolist()]
        low, high = low + min(here), high + max(here)
    return low, high


def rounding_of(model: CIM) -> float:
    """Return a bound on the relative error of probabilities that are sums of products of a model's tables.

    Sums of products of numbers that are not negative lose half a unit in the last place per operation, whatever
    cancels nowhere: each entry has one product per node and one sum per value that is summed out, no more than
    1,024 values at a time. Beyond that, tables may be a little off the numbers that were meant, and a row that does not
    quite sum to one is completed in its largest entry (:mod:`cidmesa.solve.tables.exact_numbers`).
    """
    cards = sum(model.card(node) for node in model.cid.nodes if model.cid.kind(node) != "utility")
    read = 0.0
    for node in model.cid.chance:
        off = float(np.abs(np.asarray(model.cpd(node)).sum(axis=-1) - 1.0).max(initial=0.0))
        read += 2 * READING + model.card(node) * (off + READING)
    return float(np.finfo(float).eps) * (2048 + 4 * (len(model.cid.nodes) + cards)) + read


def error_of(outcome: Floats, levels: Floats | Sequence[Any], rounding: float) -> Floats:
    """Return how far expected utilities may be off that are `outcome` times `levels`, added over the last axis."""
    return np.asarray(2 * rounding * (outcome @ np.abs(np.array(levels, dtype=float))))


def once(compute: Callable[[], T]) -> Callable[[], T]:
    """Return a function that computes something when it is first called."""
    known: list[T] = []

    def get() -> T:
        if not known:
            known.append(compute())
        return known[0]

    return get

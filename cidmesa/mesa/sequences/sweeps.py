r"""Sweeps over the states of a step model, in whole numbers: what is best, what the worst of the best earns, and where.

With P the law of a step, :math:`r` what it pays and k moves left,

.. math:: V_k(s) = \max_{a \in A_k(s)} \Bigl[ r(s, a) + \sum_{s'} P(s' \mid s, a)\, V_{k-1}(s') \Bigr].

One sweep with all actions finds the optimal ones; a second one within these, by another reward and with the least in
the place of the largest, finds the worst that an optimal policy earns. Choices at different times and states are
independent where every step has a rule of its own, so both are exact; and a state that nobody comes to weighs nothing.

Values with k moves left are integers in units of :math:`1 / (u\, p^k)`, p being what the weights of the law sum to and
u the unit of the reward. So signs are decided, not estimated: where the wind blows with probability .001, what is at
stake eight steps away is :math:`10^{-24}`, and as certain as anything else.

>>> corridor = StepModel.moving([[0, 1], [0, 2], [2, 2]], start=[1, 0, 0])
>>> pays = Paid(np.array([[0, 0], [0, 1], [0, 0]]), 1)
>>> may, value = optimal(corridor, pays, moves=2)
>>> may[0].tolist(), value
([[False, True], [False, True], [True, True]], Fraction(1, 1))
>>> reached(corridor, may).tolist()
[[True, False, False], [False, True, False]]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cidmesa.arrays import Array, Ints, Mask
from cidmesa.solve.policies.step_model import StepModel

_FITS = 2**61


@dataclass(frozen=True, eq=False, slots=True)
class Paid:
    """What a step pays on average: integers by state and action, in units of 1 / (unit · the law's unit)."""

    whole: Array
    unit: int


def optimal(
    model: StepModel, paid: Paid, moves: int, within: Mask | None = None, sign: int = 1
) -> tuple[Mask, Fraction]:
    """Return the optimal actions, shape (moves, S, A), the first move first, and what they earn from the start.

    Within some actions, where they are given; with sign -1 those that earn least.
    """
    may = np.zeros((moves, *model.successors.shape[:2]), dtype=bool)
    values: Any = None
    for left, (values, q) in enumerate(_back(model, paid, moves, within, sign), start=1):
        may[moves - left] = q == values[:, None]
    return (may if within is None else may & within), _mean(model, values, paid, moves)


def value_table(model: StepModel, paid: Paid, moves: int) -> Array:
    """Return the optimal values as fractions by move and state, shape (moves + 1, S)."""
    table = np.full((moves + 1, len(model.states)), Fraction(0), dtype=object)
    for left, (values, _) in enumerate(_back(model, paid, moves), start=1):
        scale = paid.unit * model.unit**left
        table[moves - left] = [Fraction(int(v), scale) for v in values]
    return table


def worth(model: StepModel, paid: Paid, moves: int, within: Mask | None = None, sign: int = 1) -> tuple[Array, int]:
    """Return the most (sign 1) or least (-1) that states are worth before the first move, as integers and their unit.

    >>> corridor = StepModel.moving([[0, 1], [0, 2], [2, 2]], start=[1, 0, 0])
    >>> pays = Paid(np.array([[0, 0], [0, 1], [0, 0]]), 1)
    >>> values, unit = worth(corridor, pays, moves=1)
    >>> values.tolist(), unit
    ([0, 1, 0], 1)
    """
    ((values, _),) = deque(_back(model, paid, moves, within, sign), maxlen=1)
    return values.astype(object), paid.unit * int(model.unit) ** moves


def extreme(model: StepModel, paid: Paid, within: Mask, sign: int) -> tuple[Fraction, Ints]:
    """Return the most (sign 1) or least (-1) that is earned within some actions, and a policy that earns it.

    Parameters
    ----------
    model, paid
        The step and what it pays.
    within
        The actions that may be taken, shape (moves, S, A), at least one of them everywhere.
    sign
        1 or -1.

    Returns
    -------
    Fraction
        The mean over starts.
    numpy.ndarray
        The first such action by move and state, shape (moves, S).

    Examples
    --------
    >>> corridor = StepModel.moving([[0, 1], [0, 2], [2, 2]], start=[1, 0, 0])
    >>> pays = Paid(np.array([[0, 0], [0, 1], [0, 0]]), 1)
    >>> extreme(corridor, pays, np.ones((2, 3, 2), dtype=bool), -1)[0]
    Fraction(0, 1)
    """
    moves = len(within)
    policy: Ints = np.zeros(within.shape[:2], dtype=np.intp)
    values: Any = None
    for left, (values, q) in enumerate(_back(model, paid, moves, within, sign), start=1):
        policy[moves - left] = (within[moves - left] & (q == values[:, None])).argmax(axis=1)
    return _mean(model, values, paid, moves), policy


def reached(model: StepModel, within: Mask) -> Mask:
    """Return the states that are come to before each move with such actions, shape (moves, S)."""
    found = np.zeros(within.shape[:2], dtype=bool)
    if not len(found):
        return found
    found[0] = model.start.astype(bool)
    leads = model.weights.astype(bool)
    for t in range(len(found) - 1):
        into = model.successors[leads & (within[t] & found[t][:, None])[..., None]]
        found[t + 1, into] = True
    return found


def surely_reached(model: StepModel, within: Mask) -> Mask:
    """Return the states that are come to before each move whichever of the actions are taken, shape (moves, S).

    >>> fork = StepModel.moving([[1, 2], [1, 1], [2, 2]], start=[1, 0, 0])
    >>> surely_reached(fork, np.ones((2, 3, 2), dtype=bool)).tolist()
    [[True, False, False], [False, False, False]]
    """
    found = np.zeros(within.shape[:2], dtype=bool)
    found[0] = model.start.astype(bool)
    leads = model.weights.astype(bool)
    for t in range(len(found) - 1):
        for s in np.flatnonzero(found[t]).tolist():
            lists = [set(model.successors[s, a][leads[s, a]].tolist()) for a in np.flatnonzero(within[t, s])]
            found[t + 1, list(set.intersection(*lists))] = True
    return found


def brought(model: StepModel, label: Ints, values: int, policy: Ints) -> tuple[Array, int]:
    """Return how often each value comes up under a policy, as integers, and the unit they are counted in.

    Parameters
    ----------
    model
        The step.
    label
        The number of the value in each branch, shape (S, A, B).
    values
        How many values there are.
    policy
        An action by move and state, shape (moves, S).

    Examples
    --------
    >>> corridor = StepModel.moving([[0, 1], [0, 2], [2, 2]], start=[1, 0, 0])
    >>> counts, unit = brought(corridor, corridor.successors, 3, np.ones((2, 3), dtype=int))
    >>> counts.tolist(), unit
    ([0, 1, 1], 1)
    """
    moves, every = len(policy), np.arange(len(model.states))
    number = _number(int(model.start.sum()) * (moves + 1) * model.unit**moves)
    at, weights = model.start.astype(number), model.weights.astype(number)
    counts = np.zeros(values, dtype=number)
    for t, actions in enumerate(policy):
        mass = at[:, None] * weights[every, actions]
        np.add.at(counts, label[every, actions], mass * model.unit ** (moves - 1 - t))
        at = np.zeros_like(at)
        np.add.at(at, model.successors[every, actions], mass)
    return counts.astype(object), int(model.start.sum()) * int(model.unit) ** moves


def _back(
    model: StepModel, paid: Paid, moves: int, within: Mask | None = None, sign: int = 1
) -> Iterator[tuple[Array, Array]]:
    """Yield values of states, and of actions, with one move left and more."""
    largest = max(1, int(abs(paid.whole).max(initial=0))) * (moves + 1) * int(model.unit) ** moves
    number = _number(largest)
    whole, weights = paid.whole.astype(number), model.weights.astype(number)
    never = -sign * (largest + 1)
    values = np.zeros(len(model.states), dtype=number)
    for left in range(moves):
        q = whole * model.unit**left + (weights * values[model.successors]).sum(axis=2)
        shut = q if within is None else np.where(within[moves - 1 - left], q, never)
        values = shut.max(axis=1) if sign > 0 else shut.min(axis=1)
        yield values, q


def _mean(model: StepModel, values: Any, paid: Paid, moves: int) -> Fraction:
    begins = zip(model.start.tolist(), values.tolist(), strict=True)
    total = int(model.start.sum()) * paid.unit * int(model.unit) ** moves
    return Fraction(sum(int(weight) * int(value) for weight, value in begins if weight), total)


def _number(largest: int) -> np.dtype[Any]:
    """Return the type that holds integers up to here: machine words where they do, Python's own else."""
    return np.dtype(np.int64 if largest < _FITS else object)

r"""Step models: Markov models as arrays of successors, and what agents do in them that plan some moves ahead.

A step model has states, actions and, for each, a few possible successors with whole-number weights; rewards are numbers
by the state that is arrived at, or by state and action. It is what a diagram unrolled over time becomes where states
are many and successors few: :mod:`.dynamic_programming` sweeps diagrams, whose laws are written out over all states,
and with a horizon as long as the episode both say the same. Everything is computed in integers, so ties are facts.

An agent with **planning horizon** h and k moves left plans :math:`\min(h, k)` moves, afresh before each of them. It
counts what these earn, and for what comes after what it is told that the state is worth, the best that another reward
allows in the moves that are left:

.. math:: \max \; \mathbb{E} \sum_{i \le \min(h, k)} r(s_i) + V^{then}_{k - \min(h, k)}(s_{\min(h, k)}) .

Horizon 1 looks at the next state and what it is said to be worth; a horizon as long as the episode is ordinary
planning. What it does is a set of actions per move and state (:func:`planned`). What comes of it lies in an interval
over all ways to break its ties, found by one more sweep (:func:`chances`).

>>> corridor = StepModel.moving([[0, 1], [0, 2], [2, 2]], start=[1, 0, 0])     # left, right; the last cell keeps
>>> pays = [0, -1, 5]                                                         # by the cell that is arrived at
>>> [planned(corridor, pays, horizon=h, moves=2)[0, 0].tolist() for h in (1, 2)]   # right only if it looks beyond
[[True, False], [False, True]]
>>> chances(corridor, planned(corridor, pays, horizon=2, moves=2), marked=[0, 0, 1], wanted=1)
(Fraction(1, 1), Fraction(1, 1))

References
----------
R. Bellman, *Dynamic Programming*, 1957; S. Farquhar et al., "MONA: Myopic optimization with non-myopic approval can
mitigate multi-step reward hacking", 2025 (the horizon, and what the rest is said to be worth).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cidmesa.arguments import require_count
from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.errors import NotApplicableError, shortened
from cidmesa.mechanisms import ROW_SUM_TOLERANCE
from cidmesa.solve.tables.exact_numbers import fractions, numbers_meant


@dataclass(frozen=True, eq=False, repr=False)
class StepModel:
    """A Markov model of one step, the same in every step.

    Attributes
    ----------
    successors
        The states that may come next, shape (S, A, B).
    weights
        How likely each of them is, whole numbers of the same shape that sum to `unit` in every row.
    unit
        What they sum to.
    start
        How likely each state is at first, whole numbers, shape (S,).
    states, actions
        Their names.
    """

    successors: Ints
    weights: Array
    unit: int
    start: Array
    states: tuple[Hashable, ...]
    actions: tuple[Hashable, ...]

    @classmethod
    def moving(
        cls,
        successors: Any,
        start: Any,
        states: Sequence[Hashable] | None = None,
        actions: Sequence[Hashable] | None = None,
    ) -> StepModel:
        """Return a model in which every action has one successor.

        Parameters
        ----------
        successors
            The next state by state and action, shape (S, A).
        start
            Whole numbers by state, not all of them zero.
        states, actions
            Their names; numbers if left out.

        Raises
        ------
        NotApplicableError
            A successor that is no state, or a start that is no law.
        """
        following = np.asarray(successors)
        if following.ndim != 2 or not np.issubdtype(following.dtype, np.integer):
            raise NotApplicableError(
                f"successors= is an array of state numbers by state and action; got the shape {following.shape} of "
                f"{following.dtype}."
            )
        if ((following < 0) | (following >= len(following))).any():
            raise NotApplicableError(
                f"successors= names states by their numbers, 0 to {len(following) - 1}; got {following.min()} to "
                f"{following.max()}."
            )
        ones = np.ones((*following.shape, 1), dtype=np.int64)
        return cls._made(following[..., None].astype(np.intp), ones, 1, start, states, actions)

    @classmethod
    def of_law(cls, law: Any, start: Any) -> StepModel:
        """Return a model from transition probabilities, floats being read as they were meant.

        Parameters
        ----------
        law
            The probability of each next state, shape (S, A, S).
        start
            Whole numbers by state, not all of them zero.

        Raises
        ------
        NotApplicableError
            Another shape, or rows that are no laws.

        Examples
        --------
        >>> slips = StepModel.of_law([[[0.1, 0.9]], [[0.0, 1.0]]], start=[1, 0])
        >>> slips.unit, slips.weights.tolist()
        (10, [[[1, 9]], [[0, 10]]])
        """
        p: Floats = np.asarray(law, dtype=np.float64)
        square = p.ndim == 3 and p.shape[0] == p.shape[2]
        if not square or (p < 0).any() or not (np.abs(p.sum(axis=-1) - 1.0) <= ROW_SUM_TOLERANCE).all():
            raise NotApplicableError(
                f"a law is of shape (states, actions, states), with rows that sum to 1; got the shape {p.shape}."
            )
        states, actions, _ = p.shape
        some = np.flatnonzero(p.any(axis=(0, 1)))
        rows = [[fractions(row[some].tolist()) for row in at] for at in p]
        unit = math.lcm(*(x.denominator for at in rows for row in at for x in row))
        weights = np.array([[[int(x * unit) for x in row] for row in at] for at in rows], dtype=object)
        successors = np.broadcast_to(some.astype(np.intp), (states, actions, len(some)))
        return cls._made(successors, weights, unit, start, None, None)

    @classmethod
    def of_gymnasium(cls, env: Any) -> tuple[StepModel, Floats]:
        """Return the model of an environment of gymnasium that shows its tables, and its rewards, shape (S, A).

        Parameters
        ----------
        env
            With ``P[s][a]``, a list of (probability, next state, reward, done), and ``initial_state_distrib``, as
            FrozenLake, CliffWalking and Taxi have them (under ``env.unwrapped``). A transition that is *done* leads to
            one more state, the last, which absorbs and pays nothing: not to the state that is listed.

        Raises
        ------
        NotApplicableError
            It shows no tables, or probabilities that do not sum to 1.

        Examples
        --------
        >>> class Door:
        ...     P = {0: {0: [(0.9, 0, 0.0, False), (0.1, 1, 1.0, True)]}, 1: {0: [(1.0, 1, 0.0, True)]}}
        ...     initial_state_distrib = [1.0, 0.0]
        >>> model, reward = StepModel.of_gymnasium(Door())
        >>> model, best_values(model, reward, moves=2)[0]
        (StepModel(3 states, 1 actions, at most 2 successors), Fraction(19, 100))
        """
        inner = getattr(env, "unwrapped", env)
        table, first = getattr(inner, "P", None), getattr(inner, "initial_state_distrib", None)
        if table is None or first is None:
            raise NotApplicableError(
                "an environment shows its tables as `P` and `initial_state_distrib`, as FrozenLake, CliffWalking and "
                f"Taxi do; got {shortened(env)}."
            )
        over, actions = len(table), len(table[0])
        reward = np.zeros((over + 1, actions))
        laws: list[list[dict[int, Fraction]]] = []
        for state in range(over):
            laws.append([])
            for action in range(actions):
                law: dict[int, Fraction] = {}
                likely = [float(p) for p, *_ in table[state][action]]
                if abs(math.fsum(likely) - 1.0) > ROW_SUM_TOLERANCE:
                    raise NotApplicableError(f"P[{state}][{action}] sums to {math.fsum(likely):g}, not to 1.")
                chances = fractions(likely)
                for p, (_, following, paid, done) in zip(chances, table[state][action], strict=True):
                    to = over if done else int(following)
                    law[to] = law.get(to, Fraction(0)) + p
                    reward[state, action] += float(p) * float(paid)
                laws[-1].append(law)
        laws.append([{over: Fraction(1)}] * actions)
        most = max(len(law) for rows in laws for law in rows)
        unit = math.lcm(*(p.denominator for rows in laws for law in rows for p in law.values()))
        successors = np.zeros((over + 1, actions, most), dtype=np.intp)
        weights = np.zeros((over + 1, actions, most), dtype=object)
        for state, rows in enumerate(laws):
            for action, law in enumerate(rows):
                successors[state, action, : len(law)] = list(law)
                weights[state, action, : len(law)] = [int(p * unit) for p in law.values()]
        begins = fractions([*map(float, first), 0.0])
        whole = math.lcm(*(p.denominator for p in begins))
        return cls._made(successors, weights, unit, np.array([int(p * whole) for p in begins]), None, None), reward

    @classmethod
    def _made(
        cls,
        successors: Ints,
        weights: Array,
        unit: int,
        start: Any,
        states: Sequence[Hashable] | None,
        actions: Sequence[Hashable] | None,
    ) -> StepModel:
        first = np.asarray(start)
        count, acts = successors.shape[:2]
        if first.shape != (count,) or not np.issubdtype(first.dtype, np.integer) or first.min() < 0 or not first.any():
            raise NotApplicableError(
                f"start= has a whole number for each of {count} states, not all zero; got {start!r}."
            )
        return cls(
            successors,
            weights,
            unit,
            first.astype(object),
            tuple(range(count) if states is None else states),
            tuple(range(acts) if actions is None else actions),
        )

    def mean(self, numbers: Sequence[Any] | Array) -> Fraction:
        """Return the mean over starts of numbers by state."""
        total = sum(int(w) * Fraction(x) for w, x in zip(self.start, numbers, strict=True) if w)
        return Fraction(total) / int(self.start.sum())

    def __repr__(self) -> str:
        states, actions, most = self.successors.shape
        return f"StepModel({states} states, {actions} actions, at most {most} successors)"


def best_values(model: StepModel, reward: Any, moves: int) -> tuple[Fraction, ...]:
    """Return what each state is worth at best with so many moves left.

    Examples
    --------
    >>> corridor = StepModel.moving([[0, 1], [0, 2], [2, 2]], start=[1, 0, 0])
    >>> best_values(corridor, [0, -1, 5], moves=2)
    (Fraction(4, 1), Fraction(10, 1), Fraction(10, 1))
    """
    require_count(moves, "moves")
    paid, unit = _rewards(model, moves, reward)
    *_, (last, _) = _sweep(model, paid[0], _nothing(paid[0]), 0, moves)
    return tuple(Fraction(int(x), unit * model.unit**moves) for x in last)


def planned(model: StepModel, reward: Any, *, horizon: int, moves: int, then: Any = None) -> Mask:
    r"""Return the actions that an agent may take which plans `horizon` moves ahead, afresh before each.

    Parameters
    ----------
    model
        The model.
    reward
        What it counts within its horizon: numbers by the state that is arrived at, shape (S,), or by state and action,
        shape (S, A); floats are read as they were meant.
    horizon
        h, at least 1.
    moves
        How many moves an episode has.
    then
        The reward whose best value is counted for the moves beyond the horizon; left out, nothing is.

    Returns
    -------
    numpy.ndarray
        Whether an action may be taken, shape (moves, S, A), the first move first.

    Raises
    ------
    NotApplicableError
        A horizon or a number of moves that is none, or rewards of another shape.

    Notes
    -----
    Exact. One sweep of h moves for every number of moves that can be left beyond the horizon: :math:`O(h\,T\,S A B)`.

    Examples
    --------
    See the module.
    """
    require_count(horizon, "horizon")
    require_count(moves, "moves")
    horizon = min(horizon, moves)
    (paid, later), _ = _rewards(model, moves, reward, reward if then is None else then)
    found = np.zeros((moves, *model.successors.shape[:2]), dtype=bool)
    nothing = _nothing(paid)
    for left, (_, q) in enumerate(_sweep(model, paid, nothing, 0, horizon), start=1):  # all that is left is planned
        found[moves - left] = q == q.max(axis=1, keepdims=True)
    beyond = enumerate(_sweep(model, later, nothing, 0, moves - horizon), start=1)
    for after, (worth, _) in beyond:
        *_, (_, q) = _sweep(model, paid, nothing if then is None else worth, after, horizon)
        found[moves - horizon - after] = q == q.max(axis=1, keepdims=True)
    return found


def first_of(within: Mask, order: Sequence[int] | None = None) -> Mask:
    """Return the sets of actions that hold the first of each alone, in the order of actions or another one.

    >>> either = np.array([[True, False, True]])
    >>> first_of(either).tolist(), first_of(either, [2, 1, 0]).tolist()
    ([[True, False, False]], [[False, False, True]])
    """
    ways = list(range(within.shape[-1]) if order is None else order)
    chosen = np.array(ways)[within[..., ways].argmax(axis=-1)]
    return np.asarray(within & (np.arange(within.shape[-1]) == chosen[..., None]))


def chances(model: StepModel, within: Mask, *, marked: Any, wanted: int) -> tuple[Fraction, Fraction]:
    """Return how likely it is, at least and at most, that marked states are arrived at so many times.

    Parameters
    ----------
    model
        The model.
    within
        The actions that may be taken, shape (moves, S, A), one at least wherever it gets; see :func:`planned`.
    marked
        Which states count, shape (S,).
    wanted
        How many times exactly one of them is arrived at.

    Returns
    -------
    low, high
        Over all ways to choose among these actions, which may depend on how often it was so far.

    Examples
    --------
    >>> corridor = StepModel.moving([[0, 1], [0, 2], [2, 2]], start=[1, 0, 0])
    >>> chances(corridor, np.ones((2, 3, 2), dtype=bool), marked=[0, 0, 1], wanted=1)
    (Fraction(0, 1), Fraction(1, 1))
    """
    counts = np.asarray(marked, dtype=bool).astype(np.intp)
    if counts.shape != (len(model.states),) or within.shape[1:] != model.successors.shape[:2]:
        raise NotApplicableError(
            f"within= is of shape (moves, {', '.join(map(str, model.successors.shape[:2]))}) and marked= of shape "
            f"({len(model.states)},); got {within.shape} and {counts.shape}."
        )
    ends = []
    number = _dtype(model.unit ** len(within))
    weights = model.weights.astype(number)
    step = counts[model.successors]
    for sign in (-1, 1):
        # By how often it was so far, one more standing for too often; in units of unit ** (moves that are left).
        value = np.zeros((wanted + 2, len(counts)), dtype=number)
        value[wanted] = sign
        for may in within[::-1]:
            then = [
                (weights * value[np.minimum(c + step, wanted + 1), model.successors]).sum(axis=2)
                for c in range(wanted + 2)
            ]
            below = -(model.unit ** len(within)) - 1
            value = np.stack([np.where(may, q, below).max(axis=1) for q in then])
        ends.append(sign * model.mean(value[0].tolist()) / model.unit ** len(within))
    return ends[0], ends[1]


def _nothing(paid: Array) -> Array:
    return np.zeros(len(paid), dtype=paid.dtype)


def _rewards(model: StepModel, moves: int, *given: Any) -> tuple[list[Array], int]:
    """Return expected rewards by state and action as integers, and the unit in which they and the weights count."""
    rows = []
    for reward in given:
        numbers = np.asarray(reward, dtype=np.float64)
        states, actions, _ = model.successors.shape
        if numbers.shape not in {(states,), (states, actions)} or not np.isfinite(numbers).all():
            raise NotApplicableError(
                f"a reward has a finite number for each of {states} states that is arrived at, or for each state and "
                f"each of {actions} actions; got the shape {numbers.shape}."
            )
        rows.append(numbers_meant(numbers))
    unit = math.lcm(*(x.denominator for numbers in rows for x in numbers.ravel()))
    whole = [
        np.array([int(x * unit) for x in numbers.ravel()], dtype=object).reshape(numbers.shape) for numbers in rows
    ]
    largest = max(abs(int(x)) for numbers in whole for x in numbers.ravel())
    number = _dtype((moves + 1) * largest * model.unit**moves)
    found = []
    for numbers in whole:
        if numbers.ndim == 1:
            found.append((model.weights * numbers[model.successors]).sum(axis=2).astype(number))
        else:
            found.append((numbers * model.unit).astype(number))
    return found, unit


def _dtype(largest: int) -> np.dtype[Any]:
    return np.dtype(np.int64 if largest < 2**61 else object)


def _sweep(model: StepModel, paid: Array, worth: Array, after: int, moves: int) -> Iterator[tuple[Array, Array]]:
    """Yield what states, and actions, are worth with one move more and more to plan, then `worth` for `after` moves."""
    weights = model.weights.astype(paid.dtype)
    for done in range(moves):
        q = paid * model.unit ** (after + done) + (weights * worth[model.successors]).sum(axis=2)
        worth = q.max(axis=1)
        yield worth, q

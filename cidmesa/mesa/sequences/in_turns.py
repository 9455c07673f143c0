r"""A search for a consistent objective, in turns with the ties that the base leaves: a *yes* where there are many.

Where the base is indifferent, an objective has to say what is best, and which objectives are consistent depends on what
it says: a union of cones, one for each way to break the ties. **In turns** both are improved. Of the base-optimal
policies let :math:`\pi` be one that is best for the objective w at hand. With :math:`\pi` fixed, what a state is worth
is linear in w, and

.. math:: \max_{|w| \le 1} \; m - c \sum v \quad \text{s.t.} \quad
          w \cdot (\mu_t^\pi(s) - \mu_t^\pi(s, a)) \ge m \;\; (a \notin A_b(t, s)), \quad \ge -v \;\; (a \in A_b(t, s))

is one small linear program; :math:`\mu_t^\pi(s, a)` says how often each value of the targets comes up from s on, after
a and then by :math:`\pi`. A v above 0 is a tie that w breaks in another way than :math:`\pi`: then it is the turn of
:math:`\pi`. Rows are those of states that all base-optimal policies come to, or that :math:`\pi` comes to.

What is found is checked by sweeps in whole numbers, so a *yes* is proved. If nothing is found that says nothing: turns
may go in a circle, and then w is moved by a little, at random. A program of integers over ties is slower by far: for a
board of 16 cells and four moves HiGHS proves nothing in a minute, and turns take a hundredth of a second.

References
----------
A. L. Yuille and A. Rangarajan, "The concave-convex procedure", *Neural Computation* 15, 2003 (a difference of convex
functions, one of them made linear in turns).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from cidmesa.arrays import Floats, Ints
from cidmesa.clock import check_time
from cidmesa.mesa.objectives.cones import scaled
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.setup.deployment import TRAINING

STARTS = 3
"""Objectives that turns begin with."""

TURNS = 16
"""Turns from each."""

LARGEST = 2**22
"""Where branches times values of the targets are more than that, no turn is taken."""

GRID = 2**20
"""The numbers of an objective are rounded to this fraction."""

NOTHING = 1e-9


def in_turns(setup: SequenceSetup, names: tuple[str, ...], *, seed: int = 0) -> Additive | None:
    """Return a consistent additive objective on these targets, if turns find one; ``None`` says nothing.

    Parameters
    ----------
    setup
        The sequence.
    names
        The targets.
    seed
        Of the objectives that turns begin with.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"],
    ...              utilities=["pay"])
    >>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": [-1, 1], "pay": lambda **now: int(now["at'"] == 2),
    ...                          "at'": lambda at, act: max(0, min(2, at + act))})
    >>> found = in_turns(SequenceSetup(step, 3), ("at'",))
    >>> found.regret("training")
    (Fraction(0, 1), Fraction(0, 1))
    """
    steps = _Steps(setup, names)
    if steps.brings is None:
        return None
    rng = np.random.default_rng(seed)
    for _ in range(STARTS):
        for wants in _turns(steps, rng):
            if steps.margin(wants) > NOTHING:
                found = Additive(setup, names, tuple(Fraction(round(x * GRID), GRID) for x in wants.tolist()))
                if found.regret(TRAINING)[1] == 0:
                    return found
    return None


def _turns(steps: _Steps, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield the objectives of one start, turn by turn."""
    wants: Floats = rng.uniform(-1, 1, steps.size)
    price, seen = 10.0 ** rng.uniform(-4, -1), set[bytes]()
    for _ in range(TURNS):
        check_time("the search for an additive objective", "fewer values of the targets, or a shorter horizon")
        found, margin = _program(*steps.rows(steps.best(wants)), price)
        if margin <= NOTHING:  # ties that are broken otherwise cost too much
            price /= 3
            continue
        wants = found
        yield wants
        key = wants.round(6).tobytes()
        if key in seen:
            price *= rng.uniform(0.2, 2)
            wants = wants + 10.0 ** rng.uniform(-3, -0.5) * rng.normal(size=steps.size)
        seen.add(key)


def _program(strict: Floats, ties: Floats, price: float) -> tuple[Floats, float]:
    """Return the objective that is best on strict rows, where ties broken otherwise have a price; and its margin."""
    from scipy.optimize import linprog
    from scipy.sparse import block_array, csr_array, eye_array

    size, count = strict.shape[1], len(ties)
    rows = [[csr_array(-strict), csr_array(np.ones((len(strict), 1))), None]]
    rows += [[csr_array(-ties), None, csr_array(-eye_array(count))]] if count else []
    above: Any = csr_array(block_array([row if count else row[:2] for row in rows]))
    costs = np.concatenate([np.zeros(size), [-1.0], np.full(count, price)])
    bounds = [(-1.0, 1.0)] * size + [(0.0, 1.0)] + [(0.0, None)] * count
    answer = linprog(costs, A_ub=above, b_ub=np.zeros(above.shape[0]), bounds=bounds, method="highs")
    if answer.x is None:
        return np.zeros(size), 0.0
    return np.asarray(answer.x[:size]), float(answer.x[size])


class _Steps:
    """A step in floating point, for a search whose answers are checked."""

    def __init__(self, setup: SequenceSetup, names: tuple[str, ...]) -> None:
        tables = setup.training
        self.model = tables.model
        self.may = setup.optimum(TRAINING).may
        self.sure = sweeps.surely_reached(self.model, self.may)
        self.size = int(np.prod([len(tables.domains[name]) for name in names]))
        states, actions, width = self.model.successors.shape
        self.law: Floats = self.model.weights.astype(np.float64) / float(self.model.unit)
        self.brings: Floats | None = None
        if states * actions * width * self.size <= LARGEST:
            self.brings = np.zeros((states, actions, self.size))
            s, a, _ = np.indices(self.law.shape)
            np.add.at(self.brings, (s, a, tables.label(names)), self.law)

    def best(self, wants: Floats) -> Ints:
        """Return the base-optimal policy that is best for an objective, an action by move and state."""
        assert self.brings is not None
        paid, worth = self.brings @ wants, np.zeros(len(self.law))
        policy: Ints = np.zeros(self.sure.shape, dtype=np.intp)
        for t in range(len(policy) - 1, -1, -1):
            q = np.where(self.may[t], paid + (self.law * worth[self.model.successors]).sum(axis=2), -np.inf)
            policy[t], worth = q.argmax(axis=1), q.max(axis=1)
        return policy

    def margin(self, wants: Floats) -> float:
        """Return by how much base-optimal actions are better than others, in states that are surely come to."""
        assert self.brings is not None
        paid, worth, least = self.brings @ wants, np.zeros(len(self.law)), np.inf
        for t in range(len(self.may) - 1, -1, -1):
            q = paid + (self.law * worth[self.model.successors]).sum(axis=2)
            worth = q.max(axis=1)
            others = np.where(self.may[t], -np.inf, q).max(axis=1)
            better = np.where(self.may[t], q, -np.inf).max(axis=1) - others
            least = min(least, float(better[self.sure[t]].min(initial=np.inf)))
        return least

    def rows(self, policy: Ints) -> tuple[Floats, Floats]:
        """Return what the policy brings more than other first actions: those the base does not want; those it does."""
        assert self.brings is not None
        every = np.arange(len(self.law))
        taken = np.zeros_like(self.may)
        for t, actions in enumerate(policy):
            taken[t, every, actions] = True
        about = self.sure | sweeps.reached(self.model, taken)
        after = np.zeros((len(every), self.size))
        strict, ties = [], []
        for t in range(len(policy) - 1, -1, -1):
            brings = self.brings + np.einsum("sab,sabn->san", self.law, after[self.model.successors])
            after = brings[every, policy[t]]
            more = after[:, None] - brings
            strict.append(more[about[t][:, None] & ~self.may[t]])
            ties.append(more[about[t][:, None] & self.may[t] & ~taken[t]])
        return _different(strict), _different(ties)


def _different(rows: list[Floats]) -> Floats:
    """Return scaled rows once each, without those that are nothing."""
    found = np.concatenate(rows)
    found = scaled(found[np.abs(found).sum(axis=1) > NOTHING])
    return np.asarray(np.unique(found.round(12), axis=0))

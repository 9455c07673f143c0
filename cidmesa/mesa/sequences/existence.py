r"""Whether *some* additive objective on given targets is consistent: one linear program, its rows made by sweeps.

Let :math:`\mu(\pi)` say how often each value of the targets comes up under a policy, so that an objective w is worth
:math:`w \cdot \mu(\pi)`. Some w has base-optimal policies alone for its optimal ones iff for some base-optimal
:math:`\pi_b` the linear program

.. math:: \max m \quad \text{s.t.} \quad w \cdot (\mu(\pi_b) - \mu(\pi)) \ge m \text{ for every } \pi
          \text{ that is not base-optimal}, \quad \lVert w \rVert_\infty \le 1

has a positive value. *Proof.* If so, no policy that is not base-optimal reaches what :math:`\pi_b` earns. Conversely an
optimal policy of a consistent w is base-optimal, and all others earn strictly less; there are finitely many
deterministic ones. ∎ The rows are too many to list. They are made when they are needed: a sweep finds the worst of the
policies that are optimal for the w at hand; if it is base-optimal w is the answer, if not it is one more row. Each row
is divided by its 1-norm, and what floating point cannot tell from 0 is settled in exact integers
(:func:`cidmesa.mesa.objectives.cones.settle_exactly`).

The dual of this program is over values by time and state, and that is what certifies a *yes*: the value table V of w,
with slack :math:`V_t(s) - w\phi(s, a) - \sum P\, V_{t+1} \ge 0` that is positive off the base-optimal actions wherever
an optimal policy comes to. A *no* is certified by a few policies that are not base-optimal and an average of which
brings the targets just as often as :math:`\pi_b` does: no w can like them less.

With ties :math:`\pi_b` is one of several. All of them are tried while they are few (:data:`TRIED`); where they are
more a *yes* is still exact, and that none is found is no answer.

References
----------
A. Y. Ng and S. Russell, "Algorithms for inverse reinforcement learning", ICML 2000; P. Abbeel and A. Y. Ng,
"Apprenticeship learning via inverse reinforcement learning", ICML 2004 (rows made by planning).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.clock import check_time
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.setup.deployment import TRAINING

TRIED = 64
"""So many base-optimal policies are tried one by one."""

GRID = 2**16
"""Objectives from floating point are rounded to this fraction."""


@dataclass(frozen=True, slots=True)
class Existence:
    """Whether some additive objective on the targets is consistent without any regret.

    Attributes
    ----------
    answer
        ``None``: not known, since base-optimal policies are too many to try.
    objective
        Where there is one: its numbers.
    conflicts
        Where there is none: for each base-optimal policy the policies that no objective likes less, each an action by
        move and state.
    """

    answer: bool | None
    objective: tuple[Fraction, ...] | None = None
    conflicts: tuple[tuple[Ints, tuple[Ints, ...]], ...] = ()


def some_additive(setup: SequenceSetup, names: tuple[str, ...]) -> Existence:
    """Say whether some additive objective on these targets is consistent.

    Parameters
    ----------
    setup
        The sequence.
    names
        The targets.
    """
    tables = setup.training
    label = tables.label(names)
    size = int(np.prod([len(tables.domains[name]) for name in names]))
    conflicts: list[tuple[Ints, tuple[Ints, ...]]] = []
    complete = True
    for number, policy in enumerate(_base_optimal(setup)):
        if number == TRIED:
            complete = False
            break
        wanted = sweeps.brought(tables.model, label, size, policy)[0]
        rows: list[Array] = []
        others: list[Ints] = []
        while True:
            check_time("the search for an additive objective", "fewer values of the targets, or a shorter horizon")
            found, conflict = _inside(rows, size)
            if found is None:
                conflicts.append((policy, tuple(others[i] for i in conflict)))
                break
            objective = Additive(setup, names, found)
            if objective.regret(TRAINING)[1] == 0:
                return Existence(True, objective.values)
            other = objective.worst()
            rows.append(wanted - sweeps.brought(tables.model, label, size, other)[0])
            others.append(other)
    return Existence(False, None, tuple(conflicts)) if complete else Existence(None)


def _inside(rows: Sequence[Array], size: int) -> tuple[list[Fraction] | None, tuple[int, ...]]:
    """Return an objective with a positive number on every row, as simple as may be, or rows that contradict it."""
    if not rows:
        return [Fraction(0)] * size, ()
    floats: Floats = np.array([[float(Fraction(int(x), int(abs(row).max()) or 1)) for x in row] for row in rows])
    margin, found = cones.margin(cones.scaled(floats))
    if margin > cones.SETTLED:
        simple = [Fraction(round(x * GRID), GRID) for x in found.tolist()]
        if all(sum(w * int(x) for w, x in zip(simple, row, strict=True)) > 0 for row in rows):
            return simple, ()
    settled = cones.settle_exactly([row.tolist() for row in rows])
    return (None if settled.inside is None else list(settled.inside)), settled.conflict


def _base_optimal(setup: SequenceSetup) -> Iterator[Ints]:
    """Yield the deterministic base-optimal policies that differ where they come to, first those of first actions."""
    tables, may = setup.training, setup.optimum(TRAINING).may
    every = np.arange(len(tables.model.states))
    leads = tables.model.weights.astype(bool)

    def from_(t: int, at: Mask, so_far: list[Ints]) -> Iterator[Ints]:
        if t == setup.horizon:
            yield np.array(so_far)
            return
        tied = [s for s in np.flatnonzero(at).tolist() if may[t, s].sum() > 1]
        first = may[t].argmax(axis=1)
        for choice in product(*(np.flatnonzero(may[t, s]).tolist() for s in tied)):
            actions = first.copy()
            actions[tied] = choice  # one for each tied state
            after = np.zeros_like(at)
            after[tables.model.successors[every, actions][leads[every, actions] & at[:, None]]] = True
            yield from from_(t + 1, after, [*so_far, actions])

    yield from from_(0, tables.model.start.astype(bool), [])

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

Before any row is made, :func:`.blind_spot` is asked whether an objective on the targets could see what it would have
to see: its *no* holds whatever the ties.

With ties :math:`\pi_b` is one of several. All of them are tried while they are few (:data:`TRIED`); where they are
more, some are (:data:`FEW`): a *yes* is still exact, and that none is found is no answer.

References
----------
A. Y. Ng and S. Russell, "Algorithms for inverse reinforcement learning", ICML 2000; P. Abbeel and A. Y. Ng,
"Apprenticeship learning via inverse reinforcement learning", ICML 2004 (rows made by planning).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, product

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.clock import check_time
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.alike import blind_spot, sign_of
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.setup.deployment import TRAINING

TRIED = 64
"""So many base-optimal policies are tried one by one."""

FEW = 8
"""So many are tried where there are more: each brings some value of the targets as often as any of them does."""

DIGITS = 50_000
"""Rows of so many binary digits in all are settled in exact arithmetic; with more of them that takes too long."""

GRID = 2**16
"""Objectives from floating point are rounded to this fraction."""


@dataclass(frozen=True, slots=True)
class Existence:
    """Whether some additive objective on the targets is consistent without any regret.

    Attributes
    ----------
    answer
        ``None``: not known, since base-optimal policies are too many to try, or numbers too long to settle exactly.
    objective
        Where there is one: its numbers.
    conflicts
        Where there is none: for each base-optimal policy the policies that no objective likes less, each an action by
        move and state.
    blind
        Or a move and states that are alike for every objective, and in which the base wants no common action.
    """

    answer: bool | None
    objective: tuple[Fraction, ...] | None = None
    conflicts: tuple[tuple[Ints, tuple[Ints, ...]], ...] = ()
    blind: tuple[int, tuple[int, ...]] | None = None


def some_additive(setup: SequenceSetup, names: tuple[str, ...]) -> Existence:
    """Say whether some additive objective on these targets is consistent.

    Parameters
    ----------
    setup
        The sequence.
    names
        The targets.
    """
    blind = blind_spot(setup, names)
    if blind is not None:
        return Existence(False, blind=blind)
    tables = setup.training
    label = tables.label(names)
    size = int(np.prod([len(tables.domains[name]) for name in names]))
    policies = list(islice(_base_optimal(setup, names), TRIED + 1))
    complete = len(policies) <= TRIED
    conflicts: list[tuple[Ints, tuple[Ints, ...]]] = []
    others: list[tuple[Ints, Array]] = []  # policies that are not base-optimal, and what they bring
    for policy in policies if complete else _favoured(setup, names, size):
        wanted = sweeps.brought(tables.model, label, size, policy)[0]
        while True:
            check_time("the search for an additive objective", "fewer values of the targets, or a shorter horizon")
            rows = [wanted - brings for _, brings in others]
            found = _by_floats(rows, size)
            conflict: tuple[int, ...] = ()
            if found is None and _digits(rows) <= DIGITS:
                settled = cones.settle_exactly([row.tolist() for row in rows])
                found, conflict = settled.inside, settled.conflict
            if found is None:
                conflicts.append((policy, tuple(others[i][0] for i in conflict)))
                break
            objective = Additive(setup, names, found)
            if objective.regret(TRAINING)[1] == 0:
                return Existence(True, objective.values)
            other = objective.worst()
            others.append((other, sweeps.brought(tables.model, label, size, other)[0]))
    proved = complete and all(some for _, some in conflicts)
    return Existence(False, None, tuple(conflicts)) if proved else Existence(None)


def _favoured(setup: SequenceSetup, names: tuple[str, ...], size: int) -> Iterator[Ints]:
    """Yield base-optimal policies that bring one value of the targets as often as any, value by value."""
    tables, may = setup.training, setup.optimum(TRAINING).may
    for value in range(min(size, FEW)):
        wants = [Fraction(int(i == value)) for i in range(size)]
        yield sweeps.extreme(tables.model, tables.paid_exactly(names, wants), may, 1)[1]


def _by_floats(rows: Sequence[Array], size: int) -> tuple[Fraction, ...] | None:
    """Return an objective with a positive number on every row, on a grid; ``None`` where floating point finds none."""
    if not rows:
        return (Fraction(0),) * size
    floats: Floats = np.array([[float(Fraction(int(x), int(abs(row).max()) or 1)) for x in row] for row in rows])
    margin, found = cones.margin(cones.scaled(floats))
    if margin <= cones.SETTLED:
        return None
    simple = tuple(Fraction(round(x * GRID), GRID) for x in found.tolist())
    inside = all(sum(w * int(x) for w, x in zip(simple, row, strict=True)) > 0 for row in rows)
    return simple if inside else None


def _digits(rows: Sequence[Array]) -> int:
    """Return how many binary digits rows have, without what all entries of one have in common."""
    found = 0
    for row in rows:
        common = math.gcd(*(int(x) for x in row)) or 1
        found += sum((abs(int(x)) // common).bit_length() for x in row)
    return found


def _base_optimal(setup: SequenceSetup, names: tuple[str, ...]) -> Iterator[Ints]:
    """Yield the deterministic base-optimal policies that differ where they come to, first those of first actions.

    Of actions that lead to the same and bring the same the first stands for all.
    """
    tables, may = setup.training, setup.optimum(TRAINING).may & _distinct(setup, names)
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


def _distinct(setup: SequenceSetup, names: tuple[str, ...]) -> Mask:
    """Return the actions that are the first of those with the same law in each state, shape (S, A)."""
    tables = setup.training
    found = np.ones(tables.model.successors.shape[:2], dtype=bool)
    label = tables.label(names)
    for s, row in enumerate(found):
        signs = sign_of(label[s].tolist(), tables.model.successors[s].tolist(), tables.model.weights[s].tolist())
        row[:] = [sign not in signs[:a] for a, sign in enumerate(signs)]
    return found

r"""Whether *some* additive objective on given targets is consistent: linear programs, their rows made by sweeps.

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

With ties :math:`\pi_b` is one of several. What matters of it is what it brings. All of that is tried while it is little
(:data:`TRIED`). Where it is more, :mod:`.in_turns` may find a *yes*, however many values the targets have, and so may a
look at some of it (:data:`FEW`). If neither does, :mod:`.surrounded` asks about all of it at once, and finds either,
while the values are few.

References
----------
A. Y. Ng and S. Russell, "Algorithms for inverse reinforcement learning", ICML 2000; P. Abbeel and A. Y. Ng,
"Apprenticeship learning via inverse reinforcement learning", ICML 2004 (rows made by planning).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cidmesa.arrays import Array, Floats, Ints
from cidmesa.clock import check_time
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.alike import blind_spot
from cidmesa.mesa.sequences.in_turns import in_turns
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.sequences.surrounded import GRID, surrounded
from cidmesa.mesa.setup.deployment import TRAINING

TRIED = 64
"""So many numbers of values that base-optimal policies bring are tried one by one."""

FEW = 8
"""So many are tried first where there are more: each brings some value of the targets as often as any of them does."""

LOW = 4
"""Of targets with so few values all of it is asked about at once without more ado."""

DIGITS = 50_000
"""Rows of so many binary digits in all are settled in exact arithmetic; with more of them that takes too long."""


@dataclass(frozen=True, slots=True)
class Existence:
    """Whether some additive objective on the targets is consistent without any regret.

    Attributes
    ----------
    answer
        ``None``: not known, since base-optimal policies bring too much to try, or numbers are too long to settle
        exactly, and the targets have too many values to ask about all of it at once.
    objective
        Where there is one: its numbers.
    conflicts
        Where there is none: for all that base-optimal policies bring (:func:`base_brings`) the policies that no
        objective likes less, each an action by move and state.
    around
        Or policies that are not base-optimal, and that on average bring whatever base-optimal ones bring.
    blind
        Or a move and states that are alike for every objective, and in which the base wants no common action.
    """

    answer: bool | None
    objective: tuple[Fraction, ...] | None = None
    conflicts: tuple[tuple[tuple[int, ...], tuple[Ints, ...]], ...] = ()
    around: tuple[Ints, ...] | None = None
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
    known = base_brings(setup, names)
    if known is None and size > LOW and (turned := in_turns(setup, names)) is not None:
        return Existence(True, turned.values)
    conflicts: list[tuple[tuple[int, ...], tuple[Ints, ...]]] = []
    others: list[tuple[Ints, Array]] = []  # policies that are not base-optimal, and what they bring
    for wanted in sorted(known) if known is not None else _favoured(setup, names, size):
        while True:
            check_time("the search for an additive objective", "fewer values of the targets, or a shorter horizon")
            rows = [np.array(wanted, dtype=object) - brings for _, brings in others]
            found = _by_floats(rows, size)
            conflict: tuple[int, ...] = ()
            if found is None and _digits(rows) <= DIGITS:
                settled = cones.settle_exactly([row.tolist() for row in rows])
                found, conflict = settled.inside, settled.conflict
            if found is None:
                conflicts.append((wanted, tuple(others[i][0] for i in conflict)))
                break
            objective = Additive(setup, names, found)
            if objective.regret(TRAINING)[1] == 0:
                return Existence(True, objective.values)
            other = objective.worst()
            others.append((other, sweeps.brought(tables.model, label, size, other)[0]))
    if known is not None and all(some for _, some in conflicts):
        return Existence(False, None, tuple(conflicts))
    whole = surrounded(setup, names)
    answer = True if whole.objective is not None else None if whole.policies is None else False
    return Existence(answer, whole.objective, around=whole.policies)


def base_brings(setup: SequenceSetup, names: tuple[str, ...]) -> set[tuple[int, ...]] | None:
    """Return how often base-optimal policies bring each value of the targets, in the unit of :func:`.brought`.

    Of policies that may depend on the past, so that means of others may be among them, and all extreme ones are.
    ``None``: more than :data:`TRIED` of them somewhere on the way.
    """
    tables, may, model = setup.training, setup.optimum(TRAINING).may, setup.training.model
    label, size = tables.label(names), int(np.prod([len(tables.domains[name]) for name in names]))
    comes = sweeps.reached(model, may)
    after: dict[int, set[tuple[int, ...]]] = {s: {(0,) * size} for s in range(len(model.states))}
    for t in range(setup.horizon - 1, -1, -1):
        unit = int(model.unit) ** (setup.horizon - 1 - t)
        now: dict[int, set[tuple[int, ...]]] = {}
        for s in np.flatnonzero(comes[t]).tolist():
            now[s] = set()
            for a in np.flatnonzero(may[t, s]).tolist():
                paid, leads = [0] * size, dict[int, int]()
                branches = (label[s, a].tolist(), model.successors[s, a].tolist(), model.weights[s, a].tolist())
                for value, to, weight in zip(*branches, strict=True):
                    if weight:
                        paid[value] += int(weight) * unit
                        leads[to] = leads.get(to, 0) + int(weight)
                found = _sums({tuple(paid)}, [(weight, after[to]) for to, weight in leads.items()])
                if found is None or len(now[s] | found) > TRIED:
                    return None
                now[s] |= found
        after = now
    starts = [(int(model.start[s]), after[s]) for s in np.flatnonzero(model.start.astype(bool)).tolist()]
    return _sums({(0,) * size}, starts)


def _sums(
    begun: set[tuple[int, ...]], parts: Iterable[tuple[int, set[tuple[int, ...]]]]
) -> set[tuple[int, ...]] | None:
    """Return all sums of one of each, so many times; ``None`` if they are too many."""
    for weight, some in parts:
        begun = {tuple(x + weight * y for x, y in zip(one, two, strict=True)) for one in begun for two in some}
        if len(begun) > TRIED:
            return None
    return begun


def _favoured(setup: SequenceSetup, names: tuple[str, ...], size: int) -> Iterator[tuple[int, ...]]:
    """Yield what base-optimal policies bring that bring one value of the targets as often as any, value by value."""
    tables, may = setup.training, setup.optimum(TRAINING).may
    for value in range(min(size, FEW)):
        wants = [Fraction(int(i == value)) for i in range(size)]
        policy = sweeps.extreme(tables.model, tables.paid_exactly(names, wants), may, 1)[1]
        yield tuple(int(x) for x in sweeps.brought(tables.model, tables.label(names), size, policy)[0])


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

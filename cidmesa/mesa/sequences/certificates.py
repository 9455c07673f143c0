r"""Certificates that some additive objective is consistent, or none, checked from scratch.

Apart from the sweeps, which found them: state by state, in fractions.

>>> import cidmesa as cm
>>> from cidmesa.mesa.sequences.existence import some_additive
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": ["left", "right"], "pay": lambda at: int(at == 2),
...                          "at'": lambda at, act: max(0, at - 1) if act == "left" else min(2, at + 1)})
>>> setup = SequenceSetup(step, 3)
>>> found = some_additive(setup, ("at",))
>>> found.answer, proves(found, setup, ("at",))
(True, True)
>>> proves(Existence(True, tuple(-w for w in found.objective)), setup, ("at",))
False
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from cidmesa.arrays import Array, Ints, Mask
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.objectives.generators import whole_space
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.existence import Existence
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.sequences.tables import StepTables
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve.tables.exact_numbers import number_meant


def proves(found: Existence, setup: SequenceSetup, names: tuple[str, ...]) -> bool:
    """Say whether an answer is proved by what comes with it; nothing proves that an answer is not known.

    A *yes*: the value table of the objective leaves no action a negative slack, and wherever actions without slack lead
    they are base-optimal. A *no*: whatever base-optimal policies bring, some that are not bring it on average, for all
    that is listed, or by separation for all that there is; or states that every base-optimal policy comes to bring the
    same whatever is done for so many moves, and have no base-optimal action in common.
    """
    if found.objective is not None:
        table = Additive(setup, names, found.objective).value_table
        return _holds(setup, names, found.objective, table)
    if found.blind is not None:
        return _is_blind(setup, names, *found.blind)
    if found.around is not None:
        return _surround(setup, names, found.around)
    if found.answer is not False or not _are_all(setup, names, {wanted for wanted, _ in found.conflicts}):
        return False
    return all(_is_average(setup, names, wanted, some) for wanted, some in found.conflicts)


def _holds(setup: SequenceSetup, names: tuple[str, ...], objective: Sequence[Fraction], table: Array) -> bool:
    tables, horizon = setup.training, setup.horizon
    states, actions = range(len(tables.model.states)), range(len(tables.model.actions))
    label = tables.label(names)
    base = [
        [sum((p * _scored(tables, s, a, b) for b, p, _ in _branches(tables, s, a)), Fraction(0)) for a in actions]
        for s in states
    ]
    paid = [
        [sum((p * objective[label[s, a, b]] for b, p, _ in _branches(tables, s, a)), Fraction(0)) for a in actions]
        for s in states
    ]
    best = [[Fraction(0) for _ in states]]
    for _ in range(horizon):
        best.insert(0, [max(base[s][a] + _then(tables, best[0], s, a) for a in actions) for s in states])
    at = set(np.flatnonzero(tables.model.start.astype(bool)).tolist())
    for t in range(horizon):
        after: set[int] = set()
        for s in states:
            slack = [table[t, s] - paid[s][a] - _then(tables, table[t + 1], s, a) for a in actions]
            if min(slack) < 0 or (s in at and min(slack) > 0):
                return False
            for a in [a for a in actions if slack[a] == 0 and s in at]:
                if base[s][a] + _then(tables, best[t + 1], s, a) != best[t][s]:
                    return False
                after |= {n for _, _, n in _branches(tables, s, a)}
        at = after
    return not any(table[horizon])


def _is_blind(setup: SequenceSetup, names: tuple[str, ...], move: int, states: tuple[int, ...]) -> bool:
    tables, may = setup.training, setup.optimum(TRAINING).may
    label, actions = tables.label(names), range(len(tables.model.actions))
    at = set(np.flatnonzero(tables.model.start.astype(bool)).tolist())
    for t in range(move):
        led = {s: [{n for _, _, n in _branches(tables, s, a)} for a in actions if may[t, s, a]] for s in at}
        at = set().union(*(set.intersection(*sets) for sets in led.values()))
    wants = [{a for a in actions if may[move, s, a]} for s in states]
    if not set(states) <= at or set.intersection(*wants):
        return False
    known: dict[tuple[int, int, int], bool] = {}

    def same(one: int, two: int, left: int) -> bool:
        """Say whether two states bring the same, whatever is done; a law is compared class by class."""
        if one == two or not left:
            return True
        key = (min(one, two), max(one, two), left)
        if key not in known:
            known[key] = all(_same_law(one, two, a, left) for a in actions)
        return known[key]

    def _same_law(one: int, two: int, a: int, left: int) -> bool:
        sums: list[tuple[int, int, Fraction]] = []  # a value, a state that stands for its class, the difference so far
        for s, sign in ((one, 1), (two, -1)):
            for b, p, n in _branches(tables, s, a):
                value = int(label[s, a, b])
                for i, (v, stands, total) in enumerate(sums):
                    if v == value and same(stands, n, left - 1):
                        sums[i] = (v, stands, total + sign * p)
                        break
                else:
                    sums.append((value, n, sign * p))
        return not any(total for _, _, total in sums)

    return all(same(states[0], s, setup.horizon - move) for s in states[1:])


def _are_all(setup: SequenceSetup, names: tuple[str, ...], listed: set[tuple[int, ...]]) -> bool:
    """Say whether all that base-optimal policies bring is listed: forward, one optimal action after the other."""
    tables, may = setup.training, setup.optimum(TRAINING).may
    label, size = tables.label(names), int(np.prod([len(tables.domains[name]) for name in names]))
    known: dict[tuple[int, int], set[tuple[Fraction, ...]]] = {}
    nothing = {(Fraction(0),) * size}

    def after(t: int, s: int) -> set[tuple[Fraction, ...]]:
        if t == setup.horizon:
            return nothing
        if (t, s) not in known:
            known[t, s] = set().union(*(from_(t, s, a) for a in np.flatnonzero(may[t, s]).tolist()))
        return known[t, s]

    def from_(t: int, s: int, a: int) -> set[tuple[Fraction, ...]]:
        sums = nothing
        for n in {n for _, _, n in _branches(tables, s, a)}:
            brings, chance = [Fraction(0)] * size, Fraction(0)
            for b, p, to in _branches(tables, s, a):
                if to == n:
                    brings[label[s, a, b]] += p
                    chance += p
            sums = {
                tuple(x + y + chance * z for x, y, z in zip(one, brings, then, strict=True))
                for one in sums
                for then in after(t + 1, n)
            }
        return sums

    found = nothing
    for s in np.flatnonzero(tables.model.start.astype(bool)).tolist():
        weight = int(tables.model.start[s])
        found = {tuple(x + weight * y for x, y in zip(one, two, strict=True)) for one in found for two in after(0, s)}
    return {tuple(x * int(tables.model.unit) ** setup.horizon for x in one) for one in found} <= listed


def _surround(setup: SequenceSetup, names: tuple[str, ...], others: Sequence[Ints]) -> bool:
    """Say whether all that base-optimal policies bring is an average of what these bring, which are not base-optimal.

    By separation: if not, some (w, b) has w · brings <= b for these and w · brings > b for a base-optimal policy, and
    then a generator of all such (w, b) has.
    """
    optimum, size = setup.optimum(TRAINING), int(np.prod([len(setup.training.domains[name]) for name in names]))
    cone = whole_space(size + 1)
    for other in others:
        brings, earns = _followed(setup, names, other)
        if earns == optimum.value:
            return False
        unit = lcm(*(x.denominator for x in brings))
        cone = cone.cut([*(int(x * unit) for x in brings), -unit])
    return all(_most(setup, names, wants, optimum.may) <= limit for *wants, limit in cone.generators)


def _most(setup: SequenceSetup, names: tuple[str, ...], wants: Sequence[int], may: Mask) -> Fraction:
    """Return what an objective is worth at most under policies within some actions, back from the last move."""
    tables, model = setup.training, setup.training.model
    label = tables.label(names)
    paid = {
        (s, a): sum((p * wants[label[s, a, b]] for b, p, _ in _branches(tables, s, a)), Fraction(0))
        for s in range(len(model.states))
        for a in range(len(model.actions))
    }
    after = [Fraction(0)] * len(model.states)
    for rows in may[::-1]:
        after = [
            max(paid[s, a] + _then(tables, after, s, a) for a in np.flatnonzero(row).tolist())
            for s, row in enumerate(rows)
        ]
    return model.mean(after)


def _is_average(setup: SequenceSetup, names: tuple[str, ...], wanted: Sequence[int], others: Sequence[Ints]) -> bool:
    best, rows = setup.optimum(TRAINING).value, []
    unit = int(setup.training.model.start.sum()) * int(setup.training.model.unit) ** setup.horizon
    for other in others:
        brings, earns = _followed(setup, names, other)
        if earns == best:
            return False
        rows.append([Fraction(one, unit) - two for one, two in zip(wanted, brings, strict=True)])
    return bool(rows) and not cones.feasible_exactly(rows)


def _followed(setup: SequenceSetup, names: tuple[str, ...], policy: Ints) -> tuple[list[Fraction], Fraction]:
    """Return how often a policy brings each value of the targets, and what it earns the base."""
    tables = setup.training
    label, worth = tables.label(names), Fraction(0)
    counts = [Fraction(0)] * int(np.prod([len(tables.domains[name]) for name in names]))
    total = int(tables.model.start.sum())
    at = {s: Fraction(int(w), total) for s, w in enumerate(tables.model.start) if w}
    for actions in policy.tolist():
        after: dict[int, Fraction] = {}
        for s, chance in at.items():
            for b, p, n in _branches(tables, s, actions[s]):
                counts[label[s, actions[s], b]] += chance * p
                worth += chance * p * _scored(tables, s, actions[s], b)
                after[n] = after.get(n, Fraction(0)) + chance * p
        at = after
    return counts, worth


def _branches(tables: StepTables, s: int, a: int) -> list[tuple[int, Fraction, int]]:
    """Return number, probability and next state of each branch."""
    model = tables.model
    rows = zip(model.weights[s, a], model.successors[s, a].tolist(), strict=True)
    return [(b, Fraction(int(w), int(model.unit)), n) for b, (w, n) in enumerate(rows) if w]


def _then(tables: StepTables, values: Any, s: int, a: int) -> Fraction:
    return sum((p * values[n] for _, p, n in _branches(tables, s, a)), Fraction(0))


def _scored(tables: StepTables, s: int, a: int, b: int) -> Fraction:
    """Return what a branch pays the base."""
    paid = (tables.domains[u][int(tables.outcomes[u][s, a, b])] for u in tables.score)
    return sum((number_meant(float(x)) for x in paid), Fraction(0))  # type: ignore[arg-type]

"""The definitions once more, by brute force, in fractions, and sharing no code with the library.

OutcomeTables are drawn as integers so that everything can be recomputed exactly. Objectives are enumerated on a grid of
integer vectors, choices and actions by listing, feasibility by Fourier-Motzkin elimination.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import isqrt, lcm, ulp
from typing import Any

import numpy as np
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.outcomes.outcome_table import ExactBase, OutcomeTable

Row = tuple[Fraction, ...]


@dataclass(frozen=True)
class ExactTable:
    """A law in fractions: ``weight[c]``, ``outcome[c][a][t]``, ``value[c][a]``."""

    weight: list[Fraction]
    outcome: list[list[list[Fraction]]]
    value: list[list[Fraction]]

    def floats(self, *, exact: bool = True) -> OutcomeTable:
        outcome = np.array(self.outcome, dtype=object)
        scale = lcm(*(entry.denominator for entry in outcome.flat))
        whole = np.array([int(entry * scale) for entry in outcome.flat], dtype=object).reshape(outcome.shape)
        return OutcomeTable(
            np.array(self.weight, dtype=float),
            outcome.astype(float),
            np.array(self.value, dtype=float),
            (lambda: whole) if exact else (lambda: None),
            self.base,
        )

    def base(self) -> ExactBase:
        scale = lcm(*(entry.denominator for row in self.value for entry in row))
        whole = np.array([[int(entry * scale) for entry in row] for row in self.value], dtype=object)
        return ExactBase(self.weight, whole, [Fraction(1, scale)] * len(self.weight))

    def q(self, objective: Sequence[Fraction | int]) -> list[list[Fraction]]:
        return [
            [sum((p * o for p, o in zip(row, objective, strict=True)), Fraction(0)) for row in rows]
            for rows in self.outcome
        ]

    def optimal(self, objective: Sequence[Fraction | int]) -> list[list[int]]:
        return [[a for a, x in enumerate(row) if x == max(row)] for row in self.q(objective)]

    def regrets(self, objective: Sequence[Fraction | int]) -> tuple[Fraction, Fraction]:
        """Base regret of the best and of the worst optimal policy, by listing policies."""
        return self.regrets_of(self.optimal(objective))

    def regrets_of(self, optimal: list[list[int]]) -> tuple[Fraction, Fraction]:
        totals = [
            sum((w * (max(v) - v[a]) for w, v, a in zip(self.weight, self.value, policy, strict=True)), Fraction(0))
            for policy in product(*optimal)
        ]
        return min(totals), max(totals)


@st.composite
def tables(
    draw: st.DrawFn, contexts: int | None = None, actions: int | None = None, values: int | None = None
) -> ExactTable:
    """Small laws with deterministic rows, equal rows and ties, all of them often."""
    c = contexts or draw(st.integers(1, 3))
    a = actions or draw(st.integers(2, 3))
    t = values or draw(st.integers(2, 3))
    weights = draw(st.lists(st.integers(1, 4), min_size=c, max_size=c))
    row = st.lists(st.integers(0, 3), min_size=t, max_size=t).filter(any)
    outcome = [[draw(row) for _ in range(a)] for _ in range(c)]
    value = [[Fraction(draw(st.integers(-2, 2))) for _ in range(a)] for _ in range(c)]
    if draw(st.booleans()):  # base values that come from the targets: consistent, often with ties
        pays = draw(st.lists(st.integers(-2, 2), min_size=t, max_size=t))
        value = [[Fraction(sum(p * x for p, x in zip(r, pays, strict=True)), sum(r)) for r in rows] for rows in outcome]
    return ExactTable(
        [Fraction(w, sum(weights)) for w in weights],
        [[[Fraction(x, sum(r)) for x in r] for r in rows] for rows in outcome],
        value,
    )


RARE = [Fraction(1, 10**k) for k in (1, 3, 5, 7, 9, 12)]


@st.composite
def rare_tables(
    draw: st.DrawFn, contexts: int | None = None, actions: int | None = None, values: int | None = None
) -> ExactTable:
    """Laws as :func:`tables` draws them, with events of 1e-1 to 1e-12 mixed in and penalties up to 1e12."""
    plain = draw(tables(contexts, actions, values))
    size = len(plain.outcome[0][0])

    def mixed(row: list[Fraction]) -> list[Fraction]:
        share, where = draw(st.sampled_from([Fraction(0), *RARE])), draw(st.integers(0, size - 1))
        return [(1 - share) * p + (share if i == where else 0) for i, p in enumerate(row)]

    def paid(x: Fraction) -> Fraction:
        return x + draw(st.sampled_from([Fraction(0)] * 6 + [-Fraction(10**12), *RARE]))

    outcome = [[mixed(row) for row in rows] for rows in plain.outcome]
    return ExactTable(plain.weight, outcome, [[paid(x) for x in row] for row in plain.value])


def grid(size: int, top: int) -> Iterator[tuple[int, ...]]:
    """All integer objectives with entries in -top..top."""
    return product(range(-top, top + 1), repeat=size)


def feasible(strict: Sequence[Row], weak: Sequence[Row], size: int) -> bool:
    """Say whether some O has strict.O > 0 and weak.O >= 0, by Fourier-Motzkin elimination."""
    rows = {(tuple(r), True) for r in strict} | {(tuple(r), False) for r in weak}
    for column in range(size):
        up = [r for r in rows if r[0][column] > 0]
        down = [r for r in rows if r[0][column] < 0]
        rows = {r for r in rows if r[0][column] == 0}
        for (a, strict_a), (b, strict_b) in product(up, down):
            combined = tuple(x / a[column] - y / b[column] for x, y in zip(a, b, strict=True))
            top = max(map(abs, combined))
            rows.add((tuple(x / top for x in combined) if top else combined, strict_a or strict_b))
    return not any(is_strict for row, is_strict in rows)


def strict_rows(table: ExactTable, actions: Sequence[int]) -> list[Row]:
    """Rows by which O strictly prefers ``actions[c]`` to all that are worse for the base."""
    rows = []
    for context, action in enumerate(actions):
        for other, value in enumerate(table.value[context]):
            if value < table.value[context][action]:
                pair = zip(table.outcome[context][action], table.outcome[context][other], strict=True)
                rows.append(tuple(x - y for x, y in pair))
    return rows


def weak_rows(table: ExactTable, actions: Sequence[int]) -> list[Row]:
    return [
        tuple(x - y for x, y in zip(table.outcome[context][action], other, strict=True))
        for context, action in enumerate(actions)
        for other in table.outcome[context]
    ]


def cells(table: ExactTable, budget: Fraction) -> list[list[Row]]:
    """All non-empty open cones of consistent objectives, one per choice."""
    size = len(table.outcome[0][0])
    found = []
    for actions in product(*(range(len(v)) for v in table.value)):
        rows = strict_rows(table, actions)
        if cost_of(table, actions) <= budget and feasible(rows, [], size):
            found.append(rows)
    return found


def cost_of(table: ExactTable, actions: Sequence[int]) -> Fraction:
    return table.regrets_of([[a] for a in actions])[0]


def least_regret(table: ExactTable) -> Fraction:
    size = len(table.outcome[0][0])
    choices = product(*(range(len(v)) for v in table.value))
    return min(cost_of(table, actions) for actions in choices if feasible(strict_rows(table, actions), [], size))


def joint_actions(table: ExactTable, budget: Fraction, there: ExactTable) -> list[tuple[int, ...]]:
    """All action tuples of a deployment that one consistent objective makes optimal together."""
    size = len(table.outcome[0][0])
    found = cells(table, budget)
    return [
        actions
        for actions in product(*(range(len(v)) for v in there.value))
        if any(feasible(rows, weak_rows(there, actions), size) for rows in found)
    ]


# From a model to a law, by listing every assignment ------------------------------------------------------------------


def rational(x: float) -> Fraction:
    """The number that a float was meant as: a simple fraction within four units in its last place, else itself.

    Simple is a denominator of a million or less, for large numbers of less, so that few floats are near by chance.
    """
    if Fraction(x).denominator <= 10**6:
        return Fraction(x)
    simple = Fraction(x).limit_denominator(max(1, isqrt(int(min(10**12, 2.0**-12 / ulp(x))))))
    return simple if simple and abs(simple - Fraction(x)) <= 4 * Fraction(ulp(x)) else Fraction(x)


def rationals(row: Sequence[float]) -> list[Fraction]:
    """A distribution as it was meant; what is missing to one is the largest's (the last of several)."""
    found = [rational(float(x)) for x in row]
    largest = max(i for i, p in enumerate(found) if p == max(found))
    found[largest] += 1 - sum(found)
    return found


def assignments(model: cm.CIM) -> Iterator[dict[str, int]]:
    """All values, as positions, of chance nodes and decisions."""
    names = [n for n in model.cid.nodes if model.cid.kind(n) != "utility"]
    for values in product(*(range(model.card(n)) for n in names)):
        yield dict(zip(names, values, strict=True))


def chance_probability(model: cm.CIM, world: dict[str, int]) -> Fraction:
    """Probability of the chance nodes' values, given the decisions'."""
    p = Fraction(1)
    for node in model.cid.chance:
        p *= rationals(model.cpd(node)[tuple(world[q] for q in model.cid.parents(node))])[world[node]]
        if not p:
            break
    return p


def paid(model: cm.CIM, world: dict[str, int]) -> dict[str, Fraction]:
    return {
        u: rational(float(model.cpd(u)[tuple(world[q] for q in model.cid.parents(u))])) for u in model.cid.utilities
    }


@dataclass(frozen=True)
class Told:
    """A law with the contexts that it reaches, and the values of the targets."""

    table: ExactTable
    contexts: list[tuple[int, ...]]


def told(model: cm.CIM, targets: Sequence[str], levels: dict[str, list[float]], believed: cm.CIM | None = None) -> Told:
    """The law of one decision: outcomes as in `believed`, everything else as in `model`."""
    (decision,) = model.cid.decisions
    axes = [range(len(levels[t])) if t in levels else range(model.card(t)) for t in targets]
    cells = {values: i for i, values in enumerate(product(*axes))}
    actions = range(model.card(decision))

    def tables(m: cm.CIM) -> tuple[dict[Any, Fraction], dict[Any, list[Fraction]], dict[Any, Fraction]]:
        weight: dict[Any, Fraction] = {}
        outcome: dict[Any, list[Fraction]] = {}
        value: dict[Any, Fraction] = {}
        for world in assignments(m):
            p = chance_probability(m, world)
            if not p:
                continue
            pays = paid(m, world)
            context = tuple(world[q] for q in m.cid.parents(decision))
            key = (context, world[decision])
            cell = cells[tuple(levels[t].index(float(pays[t])) if t in levels else world[t] for t in targets)]
            weight[key] = weight.get(key, Fraction(0)) + p
            outcome.setdefault(key, [Fraction(0)] * len(cells))[cell] += p
            value[key] = value.get(key, Fraction(0)) + p * sum(pays.values())
        return weight, outcome, value

    weight, _, value = tables(model)
    there_weight, there, _ = tables(model if believed is None else believed)
    contexts = sorted({context for context, _ in weight})
    return Told(
        ExactTable(
            [weight[c, 0] for c in contexts],
            [[[x / there_weight[c, a] for x in there[c, a]] for a in actions] for c in contexts],
            [[value[c, a] / weight[c, a] for a in actions] for c in contexts],
        ),
        contexts,
    )

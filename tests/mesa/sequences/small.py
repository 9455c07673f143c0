"""Small random sequences, and what brute force over all their policies says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.objectives import cones

Policy = tuple[tuple[int, ...], ...]
"""An action by move and state."""


@st.composite
def steps(draw: Callable[..., Any], *, states: int = 3, marks: int = 2) -> tuple[cm.CIM, dict[str, Any]]:
    """Draw a step in halves, with ties and impossible states, and a deployment that shifts some of it.

    What is marked, `mark`, and what is paid depend on where the step leads, and on where it began.
    """
    cid = cm.CID(
        [("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "mark"), ("act", "mark"), ("at'", "pay"), ("at", "pay")],
        decisions=["act"],
        utilities=["pay"],
    )

    def laws(rows: int, size: int) -> np.ndarray:
        table = np.zeros((rows, size))
        for row in table:
            row[draw(st.integers(0, size - 1))] += 0.5
            row[draw(st.integers(0, size - 1))] += 0.5
        return table

    made = {
        "at": laws(1, states)[0],
        "act": [0, 1],
        "at'": laws(states * 2, states).reshape(states, 2, states),
        "mark": cm.Table(laws(states * 2, marks).reshape(states, 2, marks)),
        "pay": np.array(draw(st.lists(st.integers(0, 2), min_size=states**2, max_size=states**2))).reshape(states, -1),
    }
    shifts = {"at": laws(1, states)[0], "at'": laws(states * 2, states).reshape(states, 2, states)}
    chosen = draw(st.sampled_from([["at"], ["at'"], ["at", "at'"]]))
    return cid.parameterise(made), {name: shifts[name] for name in chosen}


class BruteForce:
    """A step model followed policy by policy, state by state, in fractions."""

    def __init__(self, step: cm.CIM, horizon: int) -> None:
        self.horizon = horizon
        self.start = [Fraction(x) for x in step.cpd("at").tolist()]
        self.law, mark, pay = step.cpd("at'"), step.cpd("mark"), step.cpd("pay")
        self.states, self.marks = self.law.shape[0], mark.shape[-1]
        self._steps = [
            [
                [
                    (Fraction(p), s2, [Fraction(x) for x in mark[s2, a].tolist()], Fraction(pay[s2, s]))
                    for s2, p in enumerate(self.law[s, a].tolist())
                    if p
                ]
                for a in range(2)
            ]
            for s in range(self.states)
        ]
        self._base = {policy: self.worth(policy) for policy in self.policies()}

    def policies(self) -> Iterator[Policy]:
        """Yield every deterministic policy."""
        rules = list(product(range(2), repeat=self.states))
        yield from product(rules, repeat=self.horizon)

    def values(self, policy: Policy, numbers: Sequence[Any] | None) -> list[list[Fraction]]:
        """Return what each state is worth before each move, by the score or by numbers for marks."""
        table = [[Fraction(0)] * self.states]
        for rule in reversed(policy):
            now = []
            for s, a in enumerate(rule):
                total = Fraction(0)
                for p, s2, marks, score in self._steps[s][a]:
                    paid = score if numbers is None else sum(x * y for x, y in zip(marks, numbers, strict=True))
                    total += p * (paid + table[0][s2])
                now.append(total)
            table.insert(0, now)
        return table

    def worth(self, policy: Policy, numbers: Sequence[Any] | None = None) -> Fraction:
        """Return what a policy earns from the start."""
        first = self.values(policy, numbers)[0]
        return sum((p * v for p, v in zip(self.start, first, strict=True)), Fraction(0))

    def optimal(self, numbers: Sequence[Any] | None = None) -> list[Policy]:
        """Return the policies that are optimal from the start."""
        worth = self._base
        if numbers is not None:
            worth = {policy: self.worth(policy, numbers) for policy in self.policies()}
        best = max(worth.values())
        return [policy for policy, value in worth.items() if value == best]

    def optimal_everywhere(self, numbers: Sequence[Any]) -> list[Policy]:
        """Return the policies that are optimal from every state before every move."""
        found = {policy: self.values(policy, numbers) for policy in self.policies()}
        best = [
            [max(table[t][s] for table in found.values()) for s in range(self.states)] for t in range(self.horizon + 1)
        ]
        return [policy for policy, table in found.items() if table == best]

    def brought(self, policy: Policy) -> list[Fraction]:
        """Return how often each mark comes up."""
        unit = [[int(k == j) for k in range(self.marks)] for j in range(self.marks)]
        return [self.worth(policy, one) for one in unit]

    def some_objective(self) -> bool:
        """Say whether some numbers for marks make every policy that is best by them one that is best by the score."""
        best = self.optimal()
        other = [self.brought(policy) for policy in self.policies() if policy not in best]
        return not other or any(
            cones.feasible_exactly([[a - b for a, b in zip(mine, brings, strict=True)] for brings in other])
            for mine in map(self.brought, best)
        )

    def regrets(self, policies: Sequence[Policy]) -> tuple[Fraction, Fraction]:
        """Return the least and the largest base regret of some policies."""
        best = max(self._base.values())
        found = [best - self._base[policy] for policy in policies]
        return min(found), max(found)

"""One additive objective: intervals and actions against brute force over all policies."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.sequences.additive import Additive
from tests.mesa.sequences.small import BruteForce, steps
from tests.strategies import examples


@given(steps(marks=3), st.integers(1, 2), st.lists(st.integers(-2, 2), min_size=3, max_size=3))
@settings(max_examples=examples(10, 60), deadline=None)
def test_regrets_are_those_of_the_best_and_the_worst_of_all_optimal_policies(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, numbers: list[int]
) -> None:
    step, shift = drawn
    found = Additive(cm.SequenceSetup(step, horizon, {"there": shift}), ("mark",), [Fraction(x) for x in numbers])
    here, there = BruteForce(step, horizon), BruteForce(step.shift(shift), horizon)
    assert found.regret("training") == here.regrets(here.optimal(numbers))
    assert found.regret("there") == there.regrets(there.optimal(numbers))
    assert found.regret("there", stale=True) == there.regrets(here.optimal_everywhere(numbers))


@given(steps(states=2, marks=2), st.integers(1, 3), st.lists(st.integers(-1, 1), min_size=2, max_size=2))
@settings(max_examples=examples(10, 60), deadline=None)
def test_actions_are_those_of_policies_that_are_optimal_wherever_they_are(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, numbers: list[int]
) -> None:
    step, shift = drawn
    found = Additive(cm.SequenceSetup(step, horizon, {"there": shift}), ("mark",), [Fraction(x) for x in numbers])
    here, there = BruteForce(step, horizon), BruteForce(step.shift(shift), horizon)
    for stale, believed in ((False, there), (True, here)):
        wanted = np.zeros((horizon, 2, 2), dtype=bool)
        for policy in believed.optimal_everywhere(numbers):
            at = {s for s, p in enumerate(there.start) if p}
            for t, rule in enumerate(policy):
                for s in at:
                    wanted[t, s, rule[s]] = True
                at = {n for s in at for n in np.flatnonzero(there.law[s, rule[s]]).tolist()}
        assert (found.taken("there", stale=stale) == wanted).all()

"""Possible actions and regret intervals over arrays, against listing in fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cidmesa.mesa.consistency import choices, joint_search
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.consistency.regret_interval import Interval, interval, possible
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
from tests.mesa.oracle import ExactTable, joint_actions, least_regret, rare_tables, tables
from tests.strategies import examples

budgets = st.sampled_from([Fraction(0), Fraction(1, 4), Fraction(1)])


@st.composite
def pairs(draw: st.DrawFn, rare: bool = False) -> tuple[ExactTable, ExactTable]:
    actions, values = draw(st.integers(2, 3)), draw(st.integers(2, 3))
    drawn = rare_tables if rare else tables
    training = draw(drawn(actions=actions, values=values))
    there = draw(drawn(actions=actions, values=values))
    if draw(st.booleans()):  # some contexts look as in training, some swap two actions: boundaries of the cone
        outcome = [list(rows) for rows in training.outcome]
        if draw(st.booleans()):
            outcome[0] = outcome[0][::-1]
        there = ExactTable(training.weight, outcome, training.value)
    return training, there


@given(pair=pairs(), budget=budgets)
@settings(max_examples=examples(quick=80, full=1200))
def test_possible_actions_and_intervals_equal_enumeration(
    pair: tuple[ExactTable, ExactTable], budget: Fraction
) -> None:
    equal_enumeration(pair, budget)


@given(pair=pairs(rare=True), budget=budgets)
@settings(max_examples=examples(quick=80, full=1200))
def test_the_same_with_rare_events_and_penalties(pair: tuple[ExactTable, ExactTable], budget: Fraction) -> None:
    equal_enumeration(pair, budget)


def equal_enumeration(pair: tuple[ExactTable, ExactTable], budget: Fraction) -> None:
    training, there = pair
    together = joint_actions(training, budget, there)
    objectives = ConsistentSet(training.floats(), float(budget))
    can = possible(objectives, there.floats())
    expected = np.zeros_like(can)
    for actions in together:
        expected[range(len(actions)), actions] = True
    assert np.array_equal(can, expected)
    found = interval(objectives, there.floats())
    if not together:
        assert np.isnan(found.low)
        return
    regrets = [there.regrets_of([[a] for a in actions])[0] for actions in together]
    assert found == (float(min(regrets)), float(max(regrets)))
    assert found.gap == 0.0


@given(pair=pairs(), budget=budgets)
@settings(max_examples=examples(quick=30, full=1000))
def test_the_same_by_integer_programs_alone(pair: tuple[ExactTable, ExactTable], budget: Fraction) -> None:
    training, there = pair
    listed = interval(ConsistentSet(training.floats(), float(budget)), there.floats())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices, "LISTED_CHOICES", 0)
        searched = interval(ConsistentSet(training.floats(), float(budget)), there.floats())
    assert np.allclose(searched, listed, atol=1e-9, equal_nan=True)


@given(pair=pairs(), budget=budgets)
@settings(max_examples=examples(quick=40, full=1000))
def test_a_search_that_stops_says_how_far_it_may_be_off(pair: tuple[ExactTable, ExactTable], budget: Fraction) -> None:
    training, there = pair
    together = joint_actions(training, budget, there)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices, "LISTED_CHOICES", 0)
        patch.setattr(joint_search, "QUESTIONS", 0)
        objectives = ConsistentSet(training.floats(), float(budget))
        assert objectives.is_empty in {None, not together}
        least = ConsistentSet(training.floats(), np.inf).least
        found = interval(objectives, there.floats())
    truth = least_regret(training)
    assert least.bound is not None
    assert least.bound <= truth
    assert least.value is None or least.value >= truth
    if together:
        regrets = [float(there.regrets_of([[a] for a in actions])[0]) for actions in together]
        assert found.low - found.gap - 1e-12 <= min(regrets) <= found.low + found.gap + 1e-12
        assert found.high - found.gap - 1e-12 <= max(regrets) <= found.high + found.gap + 1e-12


def test_contexts_that_exclude_each_other() -> None:
    """The worst actions of two contexts need different objectives: context by context 2, together 1."""
    outcome = np.eye(3)[None]
    training = ConsistentSet(OutcomeTable(np.array([1.0]), outcome, np.array([[1.0, 0.0, 1.0]])))
    # In deployment the choice is between values 0 and 2, in two contexts with opposite regrets.
    there = OutcomeTable(
        np.array([0.5, 0.5]),
        np.array([np.eye(3)[[0, 2]], np.eye(3)[[0, 2]]]),
        np.array([[0.0, 2.0], [2.0, 0.0]]),
    )
    assert possible(training, there).all()
    found = interval(training, there)
    # A tie between the two is possible as well, and then both worst actions are.
    assert found == (0.0, 2.0)
    assert found.gap == 0.0
    never_tied = OutcomeTable(there.weight, np.array([np.eye(3)[[0, 2]], [[0.9, 0.1, 0], [0, 0.1, 0.9]]]), there.value)
    assert interval(training, never_tied).high == pytest.approx(2.0)


def test_an_interval_has_no_minus_zero() -> None:
    assert repr(Interval(0.0, -0.0)) == repr(Interval(-0.0, 0.0)) == "[0, 0]"

"""Consistency over arrays, against objectives and choices enumerated in fractions."""

from __future__ import annotations

import os
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from cidmesa.mesa.consistency import choices
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.objectives.cones import SETTLED, margin
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable, regret_of
from cidmesa.solve.tables.exact_numbers import number_meant
from tests.mesa.oracle import ExactTable, cells, grid, least_regret, rare_tables, tables
from tests.strategies import examples

budgets = st.sampled_from([Fraction(0), Fraction(1, 8), Fraction(1, 2), Fraction(1)])


@given(table=tables(), budget=budgets)
@settings(max_examples=examples(quick=100, full=3000))
def test_emptiness_and_membership(table: ExactTable, budget: Fraction) -> None:
    found = ConsistentSet(table.floats(), float(budget))
    assert found.is_empty == (not cells(table, budget))
    for objective in grid(len(table.outcome[0][0]), 2):
        assert found.contains(np.array(objective, float)) == (table.regrets(objective)[1] <= budget)


@given(table=tables())
@settings(max_examples=examples(quick=100, full=3000))
def test_regret_of_single_objectives_and_the_least_over_all(table: ExactTable) -> None:
    floats = table.floats()
    for objective in grid(len(table.outcome[0][0]), 2):
        expected = [float(x) for x in table.regrets(objective)]
        assert np.allclose(regret_of(floats, floats, np.array(objective, float)), expected, atol=1e-12)
    least = ConsistentSet(floats, np.inf).least_regret
    assert np.isclose(least, float(least_regret(table)), atol=1e-9)
    assert (least <= TOLERANCE) == (not ConsistentSet(floats).is_empty)


TOLERANCE = 1e-9


@given(table=rare_tables(), budget=budgets)
@settings(max_examples=examples(quick=80, full=3000))
def test_the_same_with_rare_events_and_penalties(table: ExactTable, budget: Fraction) -> None:
    floats = table.floats()
    found = ConsistentSet(floats, float(budget))
    assert found.is_empty == (not cells(table, budget))
    least = ConsistentSet(floats, np.inf)
    assert least.least.value == least.least.bound == least_regret(table)
    assert ConsistentSet(floats, least_regret(table)).is_empty is False
    for objective in grid(len(table.outcome[0][0]), 1):
        assert found.contains(np.array(objective, float)) == (table.regrets(objective)[1] <= budget)
        low, high = regret_of(floats, floats, np.array(objective, float))
        assert (low, high) == pytest.approx([float(x) for x in table.regrets(objective)], rel=1e-9, abs=0.0)
    chosen = found.representative()
    if chosen is not None:
        assert table.regrets([number_meant(x) for x in chosen[1].tolist()])[1] <= budget


@given(table=tables(), budget=budgets)
@settings(max_examples=examples(quick=50, full=2000))
def test_the_integer_program_agrees_with_listing(table: ExactTable, budget: Fraction) -> None:
    floats = table.floats()
    with pytest.MonkeyPatch.context() as patch:
        listed = ConsistentSet(floats, float(budget))
        by_listing = listed.best
        least = ConsistentSet(floats, np.inf).least_regret
        patch.setattr(choices, "LISTED_CHOICES", 0)
        searched = ConsistentSet(floats, float(budget)).best
        assert np.isclose(ConsistentSet(floats, np.inf).least_regret, least, atol=1e-9)
        assert ConsistentSet(floats, float(budget)).is_empty == listed.is_empty
    assert (by_listing is None) == (searched is None)
    if by_listing is not None and searched is not None:
        assert np.isclose(by_listing[0], searched[0], atol=1e-6)
        assert listed.choices.actions(by_listing[1]) == listed.choices.actions(searched[1])


@given(table=tables(), budget=budgets)
@settings(max_examples=examples(quick=50, full=2000))
def test_the_representative_is_in_the_set_and_declared_ones_come_first(table: ExactTable, budget: Fraction) -> None:
    found = ConsistentSet(table.floats(), float(budget))
    chosen = found.representative()
    assert (chosen is None) == bool(found.is_empty)
    if chosen is None:
        return
    assert chosen[0] is None
    assert found.contains(chosen[1])
    constant = bool(np.allclose(chosen[1], chosen[1][0]))
    assert constant or np.isclose(np.abs(chosen[1]).max(), 1.0)
    declared = [np.array(o, float) for o in grid(len(table.outcome[0][0]), 1)]
    first = next((i for i, o in enumerate(declared) if table.regrets([int(x) for x in o])[1] <= budget), None)
    preferred = found.representative(declared)
    assert preferred is not None
    assert preferred[0] == first


@given(table=tables(), budget=budgets, seed=st.integers(0, 5))
@settings(max_examples=examples(quick=20, full=2000))
def test_samples_are_members(table: ExactTable, budget: Fraction, seed: int) -> None:
    found = ConsistentSet(table.floats(), float(budget))
    drawn = found.sample(20, seed)
    assert len(drawn) == (0 if found.best is None else 20)
    for objective in drawn:
        assert np.abs(objective).max() <= 1 + 1e-9
        exact = [Fraction(float(x)) for x in objective]
        assert table.regrets(exact)[1] <= budget


def test_samples_come_near_every_extreme_ray() -> None:
    # Three values; O(0) > O(1) and O(0) > O(2). Modulo constants its extreme rays are (0,0,-1) and (0,-1,0).
    outcome = np.array([[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]])
    found = ConsistentSet(OutcomeTable(np.array([1.0]), outcome, np.array([[1.0, 0.0, 0.0]])))
    drawn = found.sample(400, seed=3)
    assert (drawn[:, 0] > drawn[:, 1:].max(axis=1)).all()
    flat = drawn - drawn.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    for ray in ([1.0, 1.0, -2.0], [1.0, -2.0, 1.0]):
        unit = np.array(ray) / np.linalg.norm(ray)
        assert (flat @ unit).max() > 0.995
    assert not np.array_equal(drawn, found.sample(400, seed=4))
    assert np.array_equal(drawn, found.sample(400, seed=3))


def test_samples_come_near_both_ends_of_every_sector() -> None:
    """Three values, modulo constants a plane: the set is a sector, whose ends are found by turning once around."""
    first, second = np.array([1.0, -1.0, 0.0]) / np.sqrt(2), np.array([1.0, 1.0, -2.0]) / np.sqrt(6)
    angles = np.linspace(0, 2 * np.pi, 7201)[:-1]
    around = np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * second
    checked, narrow, seed = 0, 0, 0
    while checked < examples(quick=30, full=2000):
        seed += 1
        rng = np.random.default_rng(seed)
        outcome = rng.dirichlet([0.7, 0.7, 0.7], size=(2, 3))
        value = rng.permuted(np.tile([2.0, 1.0, 0.0], (2, 1)), axis=1)
        best = [outcome[c, value[c].argmax()] for c in (0, 1)]
        others = [outcome[c, a] for c in (0, 1) for a in range(3) if a != value[c].argmax()]
        rows = np.array([best[i // 2] - other for i, other in enumerate(others)])
        inside = (around @ rows.T > 0).all(axis=1)
        if inside.sum() < 100:  # five degrees
            continue
        checked += 1
        narrow += inside.sum() < 800
        (start,), (end,) = np.flatnonzero(inside & ~np.roll(inside, 1)), np.flatnonzero(inside & ~np.roll(inside, -1))
        drawn = ConsistentSet(OutcomeTable(np.array([0.5, 0.5]), outcome, value)).sample(300, seed=seed)
        assert (drawn @ rows.T > 0).all(), seed
        flat = drawn - drawn.mean(axis=1, keepdims=True)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
        for ray in (around[start], around[end]):
            assert (flat @ ray).max() > 0.99, (seed, ray)
    assert narrow > checked / 10


def test_the_inequalities_describe_the_set() -> None:
    outcome = np.array([[[1.0, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]]])
    found = ConsistentSet(OutcomeTable(np.array([0.5, 0.5]), outcome, np.array([[1.0, 0.0], [2.0, 2.0]])))
    ((cost, choice),) = found.choices.cheapest_first()
    assert cost == 0.0
    assert found.choices.inequalities(choice).tolist() == [[0.5, -0.5]]
    assert found.choices.actions(choice) == (0, 0)
    assert found.best is not None
    assert found.best[0] == 1.0


def test_a_margin_below_the_threshold_is_settled_exactly_or_unknown() -> None:
    tiny = Fraction(1, 10**9)

    # Context 1 wants O(0) > O(1); context 2 wants the reverse, but for a trace of a third value.
    def table(trace: Fraction) -> ExactTable:
        one = [[Fraction(1), Fraction(0), Fraction(0)], [Fraction(0), Fraction(1), Fraction(0)]]
        two = [[Fraction(0), Fraction(1) - trace, trace], [Fraction(1), Fraction(0), Fraction(0)]]
        values = [[Fraction(1), Fraction(0)]] * 2
        return ExactTable([Fraction(1, 2)] * 2, [one, two], values)

    narrow, closed = table(tiny), table(Fraction(0))
    rows = ConsistentSet(narrow.floats()).choices.inequalities((0, 0))
    assert margin(rows)[0] <= SETTLED
    assert ConsistentSet(narrow.floats()).is_empty is False
    assert ConsistentSet(closed.floats()).is_empty is True
    assert ConsistentSet(narrow.floats(exact=False)).is_empty is None
    found = ConsistentSet(narrow.floats()).representative()
    assert found is not None
    assert narrow.regrets([Fraction(float(x)) for x in found[1]])[1] == 0


def test_the_solver_writes_nothing_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever a solver in C prints: standard output belongs to the answer, as in ``cidmesa derive --json``."""
    solver, calls = optimize.milp, []

    def noisy(*arguments: object, **options: object) -> object:
        calls.append(os.write(1, b"a line of debugging\n"))
        return solver(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(optimize, "milp", noisy)
    monkeypatch.setattr(choices, "LISTED_CHOICES", 0)
    outcome = np.array([[[1.0, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]]])
    found = ConsistentSet(OutcomeTable(np.array([0.5, 0.5]), outcome, np.array([[1.0, 0.0], [2.0, 2.0]])))
    assert found.best is not None
    assert calls
    os.write(1, b"the answer")
    assert capfd.readouterr().out == "the answer"

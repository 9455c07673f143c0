"""Cones: the margin, the exact answer, the representative."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space
from scipy.optimize import nnls

from cidmesa.mesa.objectives.cones import (
    SETTLED,
    feasible_exactly,
    margin,
    minimum_norm,
    rays,
    scaled,
    surely_inside,
    vertices,
)
from tests.strategies import examples

entry = st.integers(-3, 3)


@st.composite
def rows(draw: st.DrawFn, least: int = 1) -> list[list[int]]:
    width = draw(st.integers(2, 4))
    found = draw(st.lists(st.lists(entry, min_size=width - 1, max_size=width - 1), min_size=least, max_size=6))
    return [[*row, -sum(row)] for row in found]  # differences of distributions sum to zero


@given(strict=rows(), data=st.data())
@settings(max_examples=examples(quick=150, full=3000))
def test_the_exact_answer_agrees_with_the_margin(strict: list[list[int]], data: st.DataObject) -> None:
    weak = data.draw(st.lists(st.lists(entry, min_size=len(strict[0]), max_size=len(strict[0])), max_size=3))
    value, attained = margin(scaled(np.array(strict, float)), scaled(np.array(weak, float).reshape(-1, len(strict[0]))))
    # With integers up to 9 in four dimensions a positive margin is far above rounding, so here the two must agree.
    assert feasible_exactly(strict, weak) == (value > SETTLED)
    if value > SETTLED:
        assert (np.array(strict) @ attained > 0).all()
        assert not weak or (np.array(weak) @ attained >= -1e-9).all()


@given(strict=rows())
@settings(max_examples=examples(quick=100, full=2000))
def test_the_minimum_norm_objective_is_in_the_cone_and_no_longer_than_any_other(strict: list[list[int]]) -> None:
    unit = scaled(np.array(strict, float))
    value, attained = margin(unit)
    found = minimum_norm(unit)
    assert (found is None) == (value <= SETTLED)
    if found is not None:
        assert np.isclose(np.abs(found).max(), 1.0)
        assert (unit @ found > 0).all()
        shortest = found / (unit @ found).min()
        for other in [attained, *np.random.default_rng(0).standard_normal((50, unit.shape[1]))]:
            least = (unit @ other).min()
            if least > 1e-9:
                assert np.linalg.norm(shortest) <= np.linalg.norm(other / least) + 1e-7


def test_a_margin_that_floating_point_cannot_see_is_settled() -> None:
    tiny = 10**12
    narrow = [[tiny, -tiny, 0], [-tiny, tiny, 1]]  # O = (0, -1/(2 tiny), 1) is inside
    assert margin(scaled(np.array(narrow, float)))[0] <= SETTLED
    assert feasible_exactly(narrow)
    assert not feasible_exactly([[tiny, -tiny, 0], [-tiny, tiny, 0]])


def test_a_zero_row_asks_the_impossible_and_no_row_asks_nothing() -> None:
    assert margin(np.zeros((1, 3)))[0] == 0.0
    assert not feasible_exactly([[0, 0, 0]])
    assert margin(np.zeros((0, 3)))[0] == 1.0
    assert feasible_exactly([])
    assert np.array_equal(scaled(np.array([[0.0, 0.0], [1e-17, -1e-17]])), np.array([[0.0, 0.0], [0.5, -0.5]]))


def test_vertices_of_a_small_cone() -> None:
    found = vertices(scaled(np.array([[1.0, -1.0]])), 50, np.random.default_rng(1))
    assert {tuple(map(float, v)) for v in found} == {(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)}


def distance_to(generators: np.ndarray, point: np.ndarray) -> float:
    """How far a point is from a cone; the distance that nnls itself states is 0 where it does not start."""
    weights, _ = nnls(generators.T, point)
    return float(np.linalg.norm(weights @ generators - point))


@given(strict=rows(), data=st.data())
@settings(max_examples=examples(quick=60, full=2000))
def test_every_point_of_a_cone_is_a_sum_of_its_rays_and_lines(strict: list[list[int]], data: st.DataObject) -> None:
    """Rays lie in the closed cone, none is a sum of others, and with the lines they span it."""
    matrix = scaled(np.array(strict, dtype=float))
    found = rays(matrix)
    assert (found @ matrix.T >= -1e-9).all()
    lines = null_space(matrix).T
    for i, ray in enumerate(found):
        others = np.delete(found, i, axis=0)
        assert distance_to(np.vstack([others, lines, -lines]), ray) > 1e-6
    width = matrix.shape[1]
    point = np.array(data.draw(st.lists(st.integers(-3, 3), min_size=width, max_size=width)), dtype=float)
    if (matrix @ point >= 0).all():
        assert distance_to(np.vstack([found, lines, -lines]), point) < 1e-6


def test_rows_that_are_at_odds_by_less_than_a_solver_sees() -> None:
    """An action that is almost a mixture of two others, and best for no objective that prefers the last value."""
    strict = [[-1, 0, 1]]
    shift = np.array([3, -1, -2])
    weak = [np.array([10**9, -(10**9), 0]) + shift, np.array([-(10**9), 10**9, 0]) + shift]
    assert not feasible_exactly(strict, weak)
    rows = [scaled(np.array(some, dtype=float)) for some in (strict, weak)]
    assert margin(*rows)[0] > SETTLED  # what the solver says
    assert surely_inside(*rows)[0] is None
    objective, _ = surely_inside(rows[0], rows[1][:1])
    assert objective is not None
    assert (rows[0] @ objective > 0).all()
    assert (rows[1][:1] @ objective >= 0).all()

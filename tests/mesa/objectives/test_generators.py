"""Generators of cones of integer rows: every row holds on them, and what follows from the rows holds on them alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cidmesa.mesa.objectives import cones
from cidmesa.mesa.objectives.generators import whole_space
from tests.strategies import examples

DIMENSIONS = st.shared(st.integers(1, 4), key="dimensions")
VECTORS = DIMENSIONS.flatmap(lambda n: st.lists(st.integers(-2, 2), min_size=n, max_size=n))


def dot(one: list[int], two: tuple[int, ...]) -> int:
    return sum(a * b for a, b in zip(one, two, strict=True))


@given(st.lists(VECTORS, max_size=7), st.lists(VECTORS, min_size=1, max_size=6))
@settings(max_examples=examples(60, 600), deadline=None)
def test_a_linear_function_is_positive_in_the_cone_iff_it_is_at_a_generator(
    rows: list[list[int]], functions: list[list[int]]
) -> None:
    cone = whole_space(len(functions[0]))
    for row in rows:
        cone = cone.cut(row)
    assert cone.rows == len(rows)
    assert all(dot(row, generator) <= 0 for row in rows for generator in cone.generators)
    assert all(tight == sum((not dot(row, ray)) << i for i, row in enumerate(rows)) for ray, tight in cone.rays.items())
    against = [[-x for x in row] for row in rows]
    for function in functions:
        somewhere = cones.feasible_exactly([function], against)
        assert any(dot(function, generator) > 0 for generator in cone.generators) is somewhere


@given(st.lists(VECTORS, min_size=1, max_size=7))
@settings(max_examples=examples(40, 400), deadline=None)
def test_no_ray_is_a_sum_of_others(rows: list[list[int]]) -> None:
    cone = whole_space(len(rows[0]))
    for row in rows:
        cone = cone.cut(row)
    both = [*cone.lines, *(tuple(-x for x in line) for line in cone.lines)]
    for ray in cone.rays:
        rest = [*both, *(other for other in cone.rays if other != ray)]
        assert cones.feasible_exactly([ray], [[-x for x in other] for other in rest])  # one that only this ray likes

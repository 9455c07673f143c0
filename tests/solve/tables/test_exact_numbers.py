"""Tables in integers agree with those in floating point, and are what was meant."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.solve import joint
from cidmesa.solve.queries.payoffs import uniform_policy
from cidmesa.solve.tables.exact_numbers import fractions, number_meant, numbers_meant
from cidmesa.solve.tables.exact_run import exact_joint
from tests.strategies import examples, models


@given(model=models(decisions=(1, 2)), data=st.data())
@settings(max_examples=examples(quick=60, full=1000))
def test_integers_are_proportional_to_the_floats(model: cm.CIM, data: st.DataObject) -> None:
    extra = data.draw(
        st.lists(st.sampled_from([n for n in model.cid.nodes if n not in model.cid.decisions]), unique=True)
    )
    names = [*model.cid.decisions, *extra]
    found = exact_joint(model, names)
    assert found is not None
    expected = joint(model, names, policy=uniform_policy(model))
    assert np.allclose((found / found.sum()).astype(float), expected, atol=1e-12)


def test_fractions_are_what_was_meant_and_sum_to_one() -> None:
    assert fractions([1 / 7] * 7) == [Fraction(1, 7)] * 7
    awkward = [0.123456789012345, 1 - 0.123456789012345]
    assert sum(fractions(awkward)) == 1
    assert [float(p) for p in fractions(awkward)] == awkward
    assert fractions([1.0, 0.0]) == [1, 0]


def test_every_entry_is_read_by_itself_and_the_largest_is_what_is_left() -> None:
    tenth, rare, rest = fractions([0.1, 1e-12, 0.9 - 1e-12])
    assert (tenth, rare) == (Fraction(1, 10), Fraction(1e-12))
    assert tenth + rare + rest == 1
    assert fractions([1 / 3, 2 / 3, 1e-17]) == [Fraction(1, 3), Fraction(2, 3) - Fraction(1e-17), Fraction(1e-17)]
    assert fractions([1e-12, 1 - 1e-12])[0] == fractions([1 - 1e-12, 1e-12])[1]


@given(x=st.floats(-1e15, 1e15, allow_subnormal=False))
def test_a_number_is_read_within_four_units_in_its_last_place(x: float) -> None:
    meant = number_meant(x)
    assert abs(meant - Fraction(x)) <= 4 * Fraction(math.ulp(x))
    assert meant == Fraction(x) or meant.denominator <= 10**6
    assert number_meant(-x) == -meant


def test_utilities_are_read_like_probabilities() -> None:
    assert numbers_meant(np.array([[0.1 + 0.2, 1e12], [1 / 3, 1e-300]])).tolist() == [
        [Fraction(3, 10), Fraction(10**12)],
        [Fraction(1, 3), Fraction(1e-300)],
    ]


def test_a_large_table_is_refused() -> None:
    wide = cm.CID([(f"x{i}", "y") for i in range(14)])
    model = wide.parameterise(
        {**{f"x{i}": cm.Bernoulli(0.5) for i in range(14)}, "y": cm.Table(np.full((2,) * 15, 0.5))}
    )
    assert exact_joint(model, ["y"]) is None

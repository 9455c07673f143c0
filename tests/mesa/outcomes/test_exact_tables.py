"""OutcomeTables in integers agree with laws in floating point, and are what was meant."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.outcomes.exact_tables import exact_joint, fractions
from cidmesa.solve import joint
from cidmesa.solve.queries.payoffs import uniform_policy
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


def test_a_large_table_is_refused() -> None:
    wide = cm.CID([(f"x{i}", "y") for i in range(14)])
    model = wide.parameterise(
        {**{f"x{i}": cm.Bernoulli(0.5) for i in range(14)}, "y": cm.Table(np.full((2,) * 15, 0.5))}
    )
    assert exact_joint(model, ["y"]) is None

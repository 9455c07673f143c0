"""Noise without state, and codes of observations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from cidmesa.agents.tensors import agent_keys, as_array, inputs, one_hot, parity, positions, uniforms
from cidmesa.errors import NotApplicableError
from tests.mesa.systems import red_door


def test_noise_is_uniform_and_agents_streams_and_draws_do_not_hang_together() -> None:
    keys = agent_keys(7, 50)
    noise = uniforms(keys, "door", np.arange(2_000))
    assert noise.shape == (50, 2_000)
    assert kstest(noise.ravel(), "uniform").pvalue > 1e-3
    assert noise.min() >= 0
    assert noise.max() < 1
    other = uniforms(keys, "red", np.arange(2_000))
    pairs = [
        (noise[0], noise[1]),  # two agents
        (noise[0], other[0]),  # two streams
        (noise[0, :-1], noise[0, 1:]),  # two draws
        (noise[0], uniforms(agent_keys(8, 1), "door", np.arange(2_000))[0]),  # two seeds
    ]
    for a, b in pairs:
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.1


def test_an_agent_is_the_same_however_many_there_are() -> None:
    few, many = agent_keys(0, 3), agent_keys(0, 300)
    assert (few == many[:3]).all()
    assert len(set(many.tolist())) == 300


def test_a_number_depends_on_its_counter_alone() -> None:
    keys = agent_keys(0, 4)
    whole = uniforms(keys, "x", np.arange(10))
    assert (uniforms(keys, "x", np.arange(5, 10)) == whole[:, 5:]).all()
    own = np.arange(8).reshape(4, 2)  # a counter of its own for each agent
    assert (uniforms(keys, "x", own) == np.take_along_axis(whole, own, axis=1)).all()


@pytest.mark.parametrize("card", [2, 3, 4, 5])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_parity_codes_spell_the_value(card: int, k: int) -> None:
    codes = parity(k)(card)
    digits = max(1, (card - 1).bit_length())
    assert codes.shape == (card, 2 ** ((k - 1) * digits), k * digits)
    bits = codes > 0
    for value in range(card):
        spelled = [bits[value, :, d * k : (d + 1) * k].sum(axis=1) % 2 for d in range(digits)]
        assert (sum(s << d for d, s in enumerate(spelled)) == value).all()
        assert len({tuple(row) for row in bits[value].tolist()}) == codes.shape[1]


def test_flipping_a_bit_moves_the_input_as_far_as_changing_a_one_hot_value() -> None:
    plain, coded = one_hot(2)[:, 0], parity(1)(2)[:, 0]
    assert np.linalg.norm(plain[0] - plain[1]) == pytest.approx(np.linalg.norm(coded[0] - coded[1]))


def test_inputs_are_contexts_in_c_order_and_hidden_parents_leave_no_trace() -> None:
    shown = inputs((2, 3), ("a", "b"), {"a": parity(2)}, frozenset())
    assert shown.table.shape == (6, 2, 1 + 2 + 3)
    assert shown.cells.tolist() == list(range(6))
    assert (shown.table[4, :, 3:] == [0, 1, 0]).all()  # a = 1, b = 1
    blind = inputs((2, 3), ("a", "b"), {"a": parity(2)}, frozenset({"a"}))
    assert blind.codes == 1
    assert (blind.table[:3] == blind.table[3:]).all()
    assert blind.cells.tolist() == [0, 1, 2, 0, 1, 2]


def test_a_rule_without_parents_has_one_input() -> None:
    shown = inputs((), (), {}, frozenset())
    assert shown.table.shape == (1, 1, 1)
    assert shown.cells.tolist() == [0]


def test_encoders_and_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(NotApplicableError, match="codes of shape"):
        inputs((2,), ("a",), {"a": np.eye}, frozenset())
    with pytest.raises(NotApplicableError, match="k >= 1"):
        parity(0)
    with pytest.raises(NotApplicableError, match="contexts and codes"):
        inputs((2,) * 30, tuple(f"x{i}" for i in range(30)), {}, frozenset())
    with pytest.raises(NotApplicableError, match="'up' is not in the domain of `door`"):
        positions(red_door(), "door", ["left", "up"])


def test_domains_as_arrays_keep_their_values() -> None:
    assert as_array(("left", "right")).tolist() == ["left", "right"]
    assert as_array((0, "x", (1, 2))).tolist() == [0, "x", (1, 2)]
    assert positions(red_door(), "door", np.array([["right"], ["left"]])).tolist() == [[1], [0]]

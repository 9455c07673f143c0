"""Episodes follow the model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.agents.environment import Environment
from cidmesa.agents.tensors import agent_keys, uniforms
from cidmesa.errors import NotApplicableError
from tests.strategies import examples, models

AGENTS, EPISODES = 4, 5_000


@given(models(decisions=(1, 2), max_card=3), st.integers(0, 99))
@settings(max_examples=examples(quick=15, full=200))
def test_played_frequencies_are_the_models_probabilities(model: cm.CIM, seed: int) -> None:
    """Decisions drawn uniformly; the joint frequencies against the exact law, and the mean payoff."""
    keys = agent_keys(seed, AGENTS)
    episodes = np.arange(EPISODES)
    cid = model.cid

    def at_random(decision: str, values: object) -> np.ndarray:
        return (uniforms(keys, f"act {decision}", episodes) * model.card(decision)).astype(np.intp)

    played = Environment(model).play(keys, episodes, at_random)
    uniform = {d: np.full((*map(model.card, cid.parents(d)), model.card(d)), 1 / model.card(d)) for d in cid.decisions}
    total = AGENTS * EPISODES
    for node in (*cid.chance, *cid.decisions):
        exact = model.query([node], policy=uniform).probabilities
        found = np.bincount(np.broadcast_to(played.values[node], (AGENTS, EPISODES)).ravel(), minlength=len(exact))
        assert np.abs(found / total - exact).max() < 5 / np.sqrt(total)
        assert (found[exact == 0] == 0).all()
    spread = np.ptp(played.total) or 1.0
    assert played.total.mean() == pytest.approx(model.expected_utility(uniform), abs=5 * spread / np.sqrt(total) + 1e-9)


def test_noise_belongs_to_nodes_so_another_model_meets_the_same_world() -> None:
    cid = cm.CID([("a", "b"), ("b", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(a=cm.Bernoulli(0.5), b=cm.Noisy(lambda a: a, 0.3), act=[0, 1], pay=lambda act: act)
    keys, never = agent_keys(0, 3), lambda decision, values: np.zeros((3, 50), dtype=np.intp)
    first = Environment(model).play(keys, np.arange(50), never)
    shifted = Environment(model.shift(b=lambda a: a)).play(keys, np.arange(50), never)
    assert (first.values["a"] == shifted.values["a"]).all()
    assert not (first.values["b"] == shifted.values["b"]).all()
    assert not (first.values["a"][0] == first.values["a"][1]).all()  # agents have their own


def test_symbols_cannot_be_played() -> None:
    import sympy

    model = cm.CID([("x", "y")]).parameterise(x=cm.Bernoulli(sympy.Symbol("p")), y=lambda x: x)
    with pytest.raises(NotApplicableError, match="playing episodes needs numbers"):
        Environment(model)

"""What each agent loses by the base utility and by what is intended: against expectations by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.validation.regrets import regrets
from tests.strategies import examples, models


@settings(max_examples=examples(25, 200), deadline=None)
@given(data=st.data(), decisions=st.integers(1, 2), seed=st.integers(0, 10**6))
def test_losses_are_those_against_all_deterministic_policies(data: st.DataObject, decisions: int, seed: int) -> None:
    model = data.draw(models(decisions=decisions, max_chance=3, min_chance=1))
    node = model.cid.chance[0]
    other = data.draw(models(model.cid))
    shift = {node: cm.Table(other.cpd(node))} if other.cpd(node).shape == model.cpd(node).shape else {}
    setup = cm.TrainingSetup(model, {"there": shift}, intended=node)
    rng = np.random.default_rng(seed)
    shapes = {d: (*map(model.card, model.cid.parents(d)), model.card(d)) for d in model.cid.decisions}
    policies = [{d: rng.dirichlet(np.ones(s[-1]), s[:-1]) for d, s in shapes.items()} for _ in range(2)]
    rows = {d: int(np.prod(s[:-1])) for d, s in shapes.items()}
    if np.prod([float(s[-1] ** rows[d]) for d, s in shapes.items()]) > 300:
        return
    every = [
        {d: np.eye(shapes[d][-1])[list(pick)].reshape(shapes[d]) for d, pick in zip(shapes, picks, strict=True)}
        for picks in product(*(product(range(shapes[d][-1]), repeat=rows[d]) for d in shapes))
    ]
    for name, (base, meant) in regrets(setup, policies).items():
        there = setup.deployed(name)

        def wanted(policy: object, there: cm.CIM = there) -> float:
            law = there.query([node], policy=policy).probabilities  # type: ignore[arg-type]
            return float(np.asarray(law) @ np.array(there.domain(node), dtype=float))

        best = max(there.expected_utility(policy) for policy in every)
        most = max(map(wanted, every))
        for i, policy in enumerate(policies):
            assert base[i] == pytest.approx(best - there.expected_utility(policy), abs=1e-9)
            assert meant[i] == pytest.approx(most - wanted(policy), abs=1e-9)


def test_without_intentions_nothing_is_said() -> None:
    model = cm.CID([("go", "pay")], decisions=["go"], utilities=["pay"]).parameterise(go=[0, 1], pay=lambda go: go)
    assert regrets(cm.TrainingSetup(model), [{"go": [0, 1]}]) == {}

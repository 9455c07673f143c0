"""Regret by what is intended where objectives are tried one by one: against the base regret of setups that pay it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.candidates import derivation
from cidmesa.mesa.consistency.by_intended import regret_by_intended
from cidmesa.mesa.consistency.by_stage import ByStage
from cidmesa.mesa.objectives.declared import declared, domain_of
from tests.mesa.consistency.test_by_stage import walk
from tests.mesa.exhaustive import random_setup
from tests.strategies import examples


def test_intending_what_is_paid_is_the_base_regret() -> None:
    plain = walk()
    setup = cm.TrainingSetup(plain.base, plain.deployments, intended="at_goal")
    m = cm.derive_mesa_optimizers(setup, targets=["at_lamp"])["at_lamp"]
    assert str(m.method) == "by stage"
    assert m.intended_regret["lamp moved"] == pytest.approx(tuple(m.deployment_regret["lamp moved"]), abs=1e-6)
    assert m.intended_regret["training"] == pytest.approx((m.training_regret, m.training_regret), abs=1e-6)
    assert m.stale_intended_regret["lamp moved"] == pytest.approx(tuple(m.stale_regret["lamp moved"]), abs=1e-6)
    assert "intended" in str(cm.derive_mesa_optimizers(setup, targets=["at_lamp"]))


@settings(max_examples=examples(10, 80), deadline=None)
@given(st.integers(0, 10**6))
def test_one_rule_that_acts_twice_pays_by_the_intended_node_what_it_would_by_such_a_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cid = cm.CID(
        [("a", "y"), ("b", "y"), ("x", "y"), ("y", "u"), ("a", "kept"), ("b", "kept"), ("x", "kept")],
        decisions=["a", "b"],
        utilities=["u"],
    )
    law = rng.dirichlet(np.ones(2), size=(2, 2, 2)) if rng.random() < 0.5 else np.eye(2)[rng.integers(0, 2, (2, 2, 2))]
    kept = cm.Table(law, domain=[0, 3], parents=["a", "b", "x"])
    model = cid.parameterise(
        x=cm.Bernoulli(0.3), a=[0, 1], b=[0, 1], y=cm.Table(np.eye(2)[rng.integers(0, 2, (2, 2, 2))]), kept=kept,
        u=lambda y: y,
    )  # fmt: skip
    there, one = {"there": {"x": cm.Bernoulli(0.9)}}, [("a", "b")]
    setup = cm.TrainingSetup(model, there, shared_rules=one, intended="kept")
    m = cm.derive_mesa_optimizers(setup, targets=["y"])["y"]
    assert str(m.method) == "by declared objective"
    members = m._numbers("a test").members
    assert members
    # The same objectives where the score pays what is intended: their regret in training is what is looked for.
    paid = cm.CID([*(e for e in cid.edges if e != ("y", "u")), ("kept", "u")], decisions=["a", "b"], utilities=["u"])
    for name in setup.distributions:
        low, high = m.intended_regret[name]
        world = {node: cm.Table(setup.deployed(name).cpd(node), domain=model.domain(node), parents=cid.parents(node))
                 for node in cid.chance}  # fmt: skip
        scored = paid.parameterise({**world, "a": [0, 1], "b": [0, 1], "u": lambda kept: kept})
        other = cm.derive_mesa_optimizers(cm.TrainingSetup(scored, shared_rules=one), targets=["y"])["y"]
        ends = [other._numbers("a test").regret_of(objective) for objective in members]
        assert (low, high) == pytest.approx((min(e[0] for e in ends), max(e[1] for e in ends)), abs=1e-6)


def test_another_intention_is_another_regret() -> None:
    plain = walk()
    setup = cm.TrainingSetup(plain.base, plain.deployments, intended="s2")  # wants the last cell, in numbers 0, 1, 2
    m = cm.derive_mesa_optimizers(setup, targets=["at_lamp"])["at_lamp"]
    assert m.intended_regret["training"] == pytest.approx((1.0, 1.0))  # goals are even: one cell off on average
    assert m.intended_regret["training"].gap == 0.0


@settings(max_examples=examples(10, 100), deadline=None)
@given(seed=st.integers(0, 10**6))
def test_regrets_of_optimal_policies_by_listing_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain, _ = random_setup(rng, decisions=2)
    model = plain.require_model("a test")
    node = next((n for n in model.cid.chance if len(model.domain(n)) == 2), None)
    target = next((n for n in model.cid.chance if n != node and len(model.domain(n)) == 2), None)
    if node is None or target is None or plain.shared_rules:
        return
    setup = cm.TrainingSetup(plain.base, plain.deployments, intended=node)
    try:
        answers = ByStage(setup, (target,), 0.0, declared([target], [domain_of(setup, target)]), "a test")
    except cm.NotApplicableError:
        return
    policies = list(_policies(model))
    if len(policies) > 400:
        return
    for name in setup.distributions:
        there = setup.deployed(name)
        found = regret_by_intended(setup, answers, name)
        meant = [_mean(there, node, policy) for policy in policies]
        lows, highs = [], []
        for objective in answers.members:
            worth = [_expected(there, target, objective.values, policy) for policy in policies]
            best = [m for w, m in zip(worth, meant, strict=True) if w >= max(worth) - 1e-9]
            lows.append(max(meant) - max(best))
            highs.append(max(meant) - min(best))
        if lows and not np.isnan(found.low):
            assert (found.low, found.high) == pytest.approx((min(lows), max(highs)), abs=1e-6)


@settings(max_examples=examples(5, 60), deadline=None)
@given(seed=st.integers(0, 10**6))
def test_frozen_rules_pay_by_the_intended_node_as_by_listing(seed: int) -> None:
    """Swept or listed, the same regrets in deployments, of both readings."""
    plain, below = random_setup(np.random.default_rng(seed), decisions=2, chance=3)
    assume(below and not plain.shared_rules)
    setup = cm.TrainingSetup(plain.base, plain.deployments, intended=plain.cid.chance[0])
    found = []
    for few in (2**20, 0):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(derivation, "FEW", few)
            m = cm.derive_mesa_optimizers(setup, targets=[below[0]])[below[0]]
            ends = [tuple(m.intended_regret[name]) for name in setup.distributions]
            found.append((str(m.method), [*ends, tuple(m.stale_intended_regret["there"])]))
    (_, listed), (method, swept) = found
    assume(method == "by stage")
    assert np.array(swept) == pytest.approx(np.array(listed), abs=1e-6)


def _policies(model: cm.CIM) -> Any:
    shapes = {d: (*map(model.card, model.cid.parents(d)), model.card(d)) for d in model.cid.decisions}
    rows = [range(s[-1]) for s in shapes.values() for _ in range(int(np.prod(s[:-1])))]
    if np.prod([float(len(r)) for r in rows]) > 400:
        return
    for pick in product(*rows):
        taken = iter(pick)
        yield {
            d: np.eye(s[-1])[[next(taken) for _ in range(int(np.prod(s[:-1])))]].reshape(s) for d, s in shapes.items()
        }


def _mean(model: cm.CIM, node: str, policy: Any) -> float:
    return _expected(model, node, np.array([float(x) for x in model.domain(node)]), policy)


def _expected(model: cm.CIM, node: str, numbers: Any, policy: Any) -> float:
    return float(np.asarray(model.query([node], policy=policy).probabilities) @ np.asarray(numbers))

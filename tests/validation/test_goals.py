"""Gaps, goal-directedness and behavioural objectives against closed forms and enumeration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.validation.goals import alignment_gap, behavioural_objective, goal_directedness, off_support, values
from tests.mesa.systems import red_door, red_door_deployments
from tests.strategies import examples, models


def one_choice(k: int = 2) -> cm.CIM:
    cid = cm.CID([("act", "pay")], decisions=["act"], utilities=["pay"])
    return cid.parameterise(act=list(range(k)), pay=lambda act: act)


class Told:
    def __init__(self, rules: Any) -> None:
        self.rules = np.asarray(rules)

    def probabilities(self, decision: str) -> np.ndarray:
        return self.rules


# Gaps ----------------------------------------------------------------------------------------------------------------


@given(models(max_card=3), st.floats(0.1, 5), st.floats(-3, 3))
@settings(max_examples=examples(quick=40, full=600))
def test_a_positive_affine_change_is_no_gap_and_a_negation_the_largest(model: cm.CIM, k: float, b: float) -> None:
    (utility, *more) = model.cid.utilities
    assume(not more)
    q = values(utility, model)
    assume(np.ptp(q, axis=1).max() > 1e-6)
    scaled = model.shift({utility: k * np.asarray(model.cpd(utility)) + b})
    assert values(utility, scaled) == pytest.approx(
        np.where(q.any(axis=1, keepdims=True), k * q + b, values(utility, scaled))
    )
    parents = model.cid.parents(utility)

    def spelled(sign: float) -> Any:
        table = np.asarray(model.cpd(utility))
        names = ", ".join(parents)
        places = {p: {v: i for i, v in enumerate(model.domain(p))} for p in parents}

        def number(*seen: Any) -> float:
            where = tuple(places[p][v] for p, v in zip(parents, seen, strict=True))
            return sign * k * float(table[where]) + b

        return eval(f"lambda {names}: number({names})", {"number": number})

    assert alignment_gap(utility, spelled(1.0), model) == pytest.approx(0.0, abs=1e-7)
    assert alignment_gap(utility, spelled(-1.0), model) == pytest.approx(1.0, abs=1e-7)
    assert alignment_gap(None, utility, model) == pytest.approx(0.0, abs=1e-7)


@given(models(max_card=2, utilities=2), st.integers(0, 10**6))
@settings(max_examples=examples(quick=60, full=1000))
def test_no_gap_means_one_order_of_stochastic_policies(model: cm.CIM, seed: int) -> None:
    """Gap 0 iff random pairs of policies are never ranked oppositely (with strict differences)."""
    first, second = model.cid.utilities
    gap = alignment_gap(first, second, model)
    assert alignment_gap(second, first, model) == pytest.approx(gap, abs=1e-9)
    assert 0 <= gap <= 1
    rng = np.random.default_rng(seed)
    (decision,) = model.cid.decisions
    weight = (
        model.query(model.cid.parents(decision)).probabilities.reshape(-1, 1)
        if model.cid.parents(decision)
        else np.ones((1, 1))
    )
    q1, q2 = values(first, model), values(second, model)
    opposite = 0
    for _ in range(200):
        a, b = (rng.dirichlet(np.ones(q1.shape[1]), size=len(q1)) for _ in (0, 1))
        d1, d2 = float((weight * (a - b) * q1).sum()), float((weight * (a - b) * q2).sum())
        opposite += d1 * d2 < -1e-9
    if gap < 1e-9:
        assert opposite == 0
    if gap > 0.9:
        assert opposite > 0 or np.ptp(q1, axis=1).max() < 1e-9 or np.ptp(q2, axis=1).max() < 1e-9
    indifferent = [bool((weight * np.ptp(q, axis=1)[:, None]).max() < 1e-12) for q in (q1, q2)]
    if sum(indifferent) == 1:
        assert gap == pytest.approx(0.5)
    if all(indifferent):
        assert gap == 0.0


def test_gaps_of_the_red_door() -> None:
    family = derive_mesa_optimizers(cm.TrainingSetup(red_door(), deployments=red_door_deployments()))
    setup = family.setup
    training, opposite = red_door(), setup.deployed("opposite")
    assert alignment_gap(None, family["at_red"], training) == pytest.approx(0.0, abs=1e-9)  # training cannot tell
    assert alignment_gap(None, family["at_red"], opposite) == pytest.approx(1.0)
    assert alignment_gap(None, family["at_red"], setup.deployed("repainted")) == pytest.approx(math.sqrt(0.5))
    assert alignment_gap(None, [family["at_red"], family["at_door"]], opposite) == pytest.approx((0.0, 1.0), abs=1e-9)


# Goal-directedness ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.5, 0.6, 0.9, 0.999, 1.0])
def test_one_binary_choice_has_a_closed_form(p: float) -> None:
    entropy = sum(-x * math.log(x) for x in (p, 1 - p) if x > 0)
    found = goal_directedness({"act": [1 - p, p]}, one_choice())
    assert found.nats == pytest.approx(math.log(2) - entropy, abs=1e-9)
    assert found.share == pytest.approx(found.nats / math.log(2))
    avoided = goal_directedness({"act": [p, 1 - p]}, one_choice())
    assert avoided.nats == pytest.approx(found.nats, abs=1e-9)
    assert avoided.beta == pytest.approx(-found.beta)
    if 0.5 < p < 1:
        assert found.beta == pytest.approx(math.log(p / (1 - p)))
    assert math.isinf(found.beta) == (p == 1.0)


@given(models(max_card=3, utilities=1), st.integers(0, 10**6))
@settings(max_examples=examples(quick=40, full=500))
def test_directedness_is_the_best_temperatures_likelihood(model: cm.CIM, seed: int) -> None:
    rng = np.random.default_rng(seed)
    (decision,) = model.cid.decisions
    q = values(None, model)
    shape = (*map(model.card, model.cid.parents(decision)), q.shape[1])
    rule = rng.dirichlet(np.ones(q.shape[1]), size=len(q))
    weight = (
        model.query(model.cid.parents(decision)).probabilities.reshape(-1)
        if model.cid.parents(decision)
        else np.ones(1)
    )

    def loss(beta: float) -> float:
        z = beta * q
        log_pi = z - z.max(axis=1, keepdims=True)
        log_pi = log_pi - np.log(np.exp(log_pi).sum(axis=1, keepdims=True))
        return -float((weight[:, None] * rule * log_pi).sum()) - math.log(q.shape[1])

    # The loss is convex in beta; where no beta is best, it falls to its limit, which it has reached here to rounding.
    spread = float(np.ptp(q, axis=1).max())
    best = 0.0
    if spread > 1e-12:  # else nothing that is done matters
        sides = ((-1e4 / spread, 0), (0, 1e4 / spread))
        options = {"xatol": 1e-10 / spread, "maxiter": 2000}
        best = -min(minimize_scalar(loss, bounds=b, method="bounded", options=options).fun for b in sides)
    found = goal_directedness({decision: rule.reshape(shape)}, model)
    assert found.nats == pytest.approx(max(best, 0.0), abs=1e-6)
    assert 0 <= found.share <= 1 + 1e-12
    uniform = {decision: np.full(shape, 1 / shape[-1])}
    assert goal_directedness(uniform, model).nats == pytest.approx(0.0, abs=1e-12)
    (utility,) = model.cid.utilities
    everything = goal_directedness({decision: rule.reshape(shape)}, model, targets=[utility])
    assert everything.nats >= found.nats - 1e-6


def test_seeking_red_is_pursuit_of_red_and_not_of_the_door() -> None:
    model = red_door().shift(red=cm.Uniform("left", "right"))
    seek = {"go": lambda door, red: {red: 0.95, "left" if red == "right" else "right": 0.05}}
    red, door = (goal_directedness(seek, model, node) for node in ("at_red", "at_door"))
    assert red.share > 0.7
    assert red.beta > 0
    assert door.nats == pytest.approx(0.0, abs=1e-12)
    assert goal_directedness(seek, model, targets=["at_red"]).nats == pytest.approx(red.nats, abs=1e-6)


# Behavioural objectives ----------------------------------------------------------------------------------------------


def test_what_is_recovered_explains_the_behaviour() -> None:
    model = red_door().shift(red=cm.Uniform("left", "right"))
    contexts = model.contexts("go")
    seek = np.array([[0.95 if a == red else 0.05 for a in ("left", "right")] for _, red in contexts])
    agents = Told([seek, 1 - seek, np.full((4, 2), 0.5)])
    toward, away, nothing = behavioural_objective(agents, "at_red", model=model)
    assert (toward.representative(1), toward.representative(0)) == pytest.approx((1.0, -1.0))
    assert toward.beta == pytest.approx(math.log(19) / 2, rel=1e-3)
    assert (away.representative(1), away.representative(0)) == pytest.approx((-1.0, 1.0))
    assert nothing.beta == pytest.approx(0.0, abs=1e-6)
    assert toward.directedness.nats == pytest.approx(
        goal_directedness({"go": seek.reshape(2, 2, 2)}, model, "at_red").nats, abs=1e-4
    )
    at = model.domain("at_red")
    wants = np.array([float(v) for v in at])
    assert toward.objectives.contains(wants)
    assert not toward.objectives.contains(-wants)
    assert away.objectives.contains(-wants)
    on_door, *_ = behavioural_objective(agents, "at_door", model=model)
    assert on_door.objectives.is_empty  # no objective on the door makes going to red optimal


def test_trained_agents_are_watched_where_they_were_trained() -> None:
    agents = cm.train(red_door(0.3), learner="exact", agents=2, progress=False)
    for found in behavioural_objective(agents, "at_door"):
        assert found.representative(1) == pytest.approx(1.0)
        assert found.directedness.share > 0.9


# Adaptation ----------------------------------------------------------------------------------------------------------


def test_brought_agents_are_watched_in_the_model_that_is_named() -> None:
    """They tell their probabilities and have no recipe: where they are watched has to be said."""
    model = red_door()
    brought = Told(np.tile([0.2, 0.8], (1, len(model.contexts("go")), 1)))
    with pytest.raises(NotApplicableError, match=r"model=setup\.model"):
        behavioural_objective(brought, "at_door")
    with pytest.raises(NotApplicableError, match="these agents have none"):
        behavioural_objective(object(), "at_door", model=model)
    (found,) = behavioural_objective(brought, "at_door", model=model)
    assert found.representative.targets == ("at_door",)


def test_adaptation_off_the_training_support() -> None:
    setup = cm.TrainingSetup(red_door(), deployments=red_door_deployments())
    to_door, to_red = {"go": lambda door, red: door}, {"go": lambda door, red: red}
    anywhere = {"go": lambda door, red: {"left": 0.5, "right": 0.5}}
    found = [off_support(policy, setup, "repainted") for policy in (to_door, to_red, anywhere)]
    assert found == pytest.approx([1.0, -1.0, 0.0])
    assert off_support(to_red, setup, "repainted", "at_red") == pytest.approx(1.0)
    assert math.isnan(off_support(to_door, setup, "other prior"))  # nothing new there
    assert math.isnan(off_support(to_door, setup, "repainted", lambda door: int(door == "left")))  # it does not care


def test_what_is_not_an_objective_is_refused() -> None:
    model = red_door()
    with pytest.raises(NotApplicableError, match="not numbers"):
        alignment_gap(None, "door", model)
    with pytest.raises(NotApplicableError, match="an objective is None"):
        alignment_gap(None, 5, model)
    with pytest.raises(NotApplicableError, match="at least one member"):
        alignment_gap(None, [], model)
    two = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    both = two.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: a + b)
    with pytest.raises(NotApplicableError, match=r"matter to each other in a circle: more recall"):
        goal_directedness({"a": [0.5, 0.5], "b": [0.5, 0.5]}, both)
    with pytest.raises(NotApplicableError, match="no rule for `b`"):
        goal_directedness({"a": [0.5, 0.5]}, both)

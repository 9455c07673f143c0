"""Regimes of training that a setup declares: what trained agents do under each is the exact law's, or a closed form."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.agents.compiled import Compiled
from cidmesa.agents.feedback import course_of, returns_of
from cidmesa.agents.learners.exact import exact_loss
from cidmesa.agents.recipe import Recipe
from cidmesa.errors import FileFormatError, NotApplicableError
from tests.strategies import examples

# Feedback: an oracle that is heeded ----------------------------------------------------------------------------------


def oracle(credit: bool | None, base: float = 0.6, after_0: float = 0.05, after_1: float = 0.7) -> cm.TrainingSetup:
    """Return guesses at a state that, where they are heeded, bring it about more or less."""
    cid = cm.CID([("guess", "pay"), ("state", "pay")], decisions=["guess"], utilities=["pay"])
    model = cid.parameterise(state=cm.Bernoulli(base), guess=[0, 1], pay=lambda guess, state: int(guess == state))
    law = {0: after_0, 1: after_1}
    heeded = cm.Deployment(
        {"state": cm.Function(lambda guess: {1: law[guess], 0: 1 - law[guess]}, domain=(0, 1))},
        edges=[("guess", "state")],
    )
    feedback: list[Any] = [] if credit is None else [("state", "state", credit)]
    return cm.TrainingSetup(model, deployments={"heeded": heeded}, feedback=feedback)


def slope(setup: cm.TrainingSetup, logit: float) -> tuple[float, float]:
    """Return the value of a rule and its derivative by the logit of guessing 1."""
    model = setup.model
    assert model is not None
    recipe = Recipe(model, learner="exact", policy="tabular", agents=1, returns=returns_of(setup))
    table = torch.tensor([[[0.0, logit]]], dtype=torch.float64, requires_grad=True)
    cost, _ = exact_loss(recipe.task)({"guess": table}, 0)
    (by,) = torch.autograd.grad(cost, [table])
    return -float(cost.detach()) * recipe.task.unit, -float(by[0, 0, 1]) * recipe.task.unit


@given(st.floats(-3, 3), st.floats(0.1, 0.9), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=examples(quick=15, full=150))
def test_feedback_is_climbed_with_and_without_credit(logit: float, base: float, zero: float, one: float) -> None:
    """With q the probability of 1: J = bq + (1-b)(1-q) + qs + (1-q)(1-s), s = q·one + (1-q)·zero."""
    q = 1 / (1 + np.exp(-logit))
    s = q * one + (1 - q) * zero
    value = base * q + (1 - base) * (1 - q) + q * s + (1 - q) * (1 - s)
    taken_as_given = (2 * base - 1) + (2 * s - 1)
    answered_for = taken_as_given + (2 * q - 1) * (one - zero)
    for credit, by_q in ((False, taken_as_given), (True, answered_for)):
        found = slope(oracle(credit, base, zero, one), logit)
        assert found == pytest.approx((value, by_q * q * (1 - q)), abs=1e-9)
    frozen = slope(oracle(None, base, zero, one), logit)
    assert frozen == pytest.approx((base * q + (1 - base) * (1 - q), (2 * base - 1) * q * (1 - q)), abs=1e-9)


@pytest.mark.parametrize(("learner", "steps", "near"), [("exact", 250, 0.01), ("reinforce", 300, 0.06)])
def test_where_an_oracle_defeats_itself_credit_moves_the_mixture(learner: str, steps: int, near: float) -> None:
    """A state that is 1 with b = .7, and when heeded the opposite of the guess, s = 1 - q.

    Frozen: always 1. What returns taken as given: 2b - 1 + 2s - 1 = 0, q = b. Answered for: -(2q - 1) more, q = .6.
    """
    options: dict[str, Any] = {
        "learner": learner,
        "policy": "tabular",
        "agents": 4,
        "steps": steps,
        "online": True,
        "progress": False,
    }
    for credit, expected in ((None, 1.0), (False, 0.7), (True, 0.6)):
        setup = oracle(credit, base=0.7, after_0=1.0, after_1=0.0)
        found = cm.train(setup, **options).probabilities("guess")[:, 0, 1]
        assert np.abs(found.mean() - expected) < near, (credit, found)


def test_a_course_has_the_deployment_and_what_it_returns_to() -> None:
    setup = oracle(True)
    assert setup.model is not None
    returns = returns_of(setup)
    assert returns is not None
    course = course_of(setup.model, returns)
    rule = np.array([0.3, 0.7])
    policy = dict.fromkeys(course.model.cid.decisions, rule)
    s = 0.7 * 0.7 + 0.3 * 0.05
    assert course.model.query(["state@heeded'"], policy=policy)[1] == pytest.approx(s)
    assert course.model.expected_utility(policy) == pytest.approx(0.7 * 0.6 + 0.3 * 0.4 + 0.7 * s + 0.3 * (1 - s))


def test_what_feedback_does_not_go_with_is_said(tmp_path: Path) -> None:
    setup = oracle(True)
    for options in ({"learner": "supervised", "label": "state"}, {"policy": "planner"}):
        with pytest.raises(NotApplicableError, match="does not learn from what returns"):
            cm.train(setup, online=True, progress=False, **options)
    model = setup.model
    assert model is not None
    both = cm.TrainingSetup(model, deployments=dict(setup.deployments),
                            feedback=[("state", "state", True), ("guess", "state", False)])  # fmt: skip
    with pytest.raises(NotApplicableError, match="give all pairs credit, or none"):
        cm.train(both, online=True, progress=False)
    agents = cm.train(setup, learner="exact", policy="tabular", agents=1, steps=2, online=True, progress=False)
    with pytest.raises(FileFormatError, match="pickling"):
        agents.save(tmp_path / "agents")
    again = pickle.loads(pickle.dumps(agents))
    assert again.recipe.digest == agents.recipe.digest
    frozen = cm.train(setup, learner="exact", policy="tabular", agents=1, steps=2, progress=False)
    assert agents.recipe.digest != frozen.recipe.digest
    assert frozen.recipe.returns is None


# What was there before ------------------------------------------------------------------------------------------------


def test_phases_are_scored_before_the_update_alone() -> None:
    """The rule that no scored utility depends on stays where it started, and the other one is trained to comply."""
    cid = cm.CID(
        [("tr", "loss"), ("tr", "update"), ("update", "harm"), ("dep", "harm"), ("update", "dep")],
        decisions=["tr", "dep"], utilities=["loss", "harm"],
    )  # fmt: skip
    model = cid.parameterise(tr=[0, 1], dep=[0, 1], update=lambda tr: tr, loss=lambda tr: -tr,
                             harm=lambda update, dep: 5 * dep)  # fmt: skip
    setup = cm.TrainingSetup(model, phases=cm.Phases("tr", "update", "dep"))
    agents = cm.train(setup, learner="exact", policy="tabular", agents=3, steps=200, progress=False)
    start = Recipe(model, learner="exact", policy="tabular", agents=3).task.start()
    assert (agents.probabilities("tr")[:, 0, 0] > 0.95).all()
    assert np.allclose(agents.probabilities("dep"), torch.softmax(start["dep"], dim=-1).numpy())


@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_a_horizon_is_a_diagram_and_its_optimum_is_reached(horizon: int) -> None:
    """A step unrolled: the value of what was trained is that of the exact solver, at every horizon."""
    step = cm.CID([("s", "d"), ("s", "s'"), ("d", "s'"), ("s'", "pay")], decisions=["d"], utilities=["pay"])
    walk = step.parameterise(
        {"s": cm.Bernoulli(0.2), "d": [0, 1], "pay": lambda **new: next(iter(new.values()))}
        | {"s'": cm.Table([[[0.9, 0.1], [0.3, 0.7]], [[0.6, 0.4], [0.1, 0.9]]], domain=(0, 1))}
    )
    model = cm.unroll(walk, horizon)
    agents = cm.train(model, learner="exact", policy="tabular", agents=2, steps=300, progress=False)
    rules = {
        d: torch.tensor(agents.probabilities(d)).reshape(2, *map(model.card, (*model.cid.parents(d), d)))
        for d in model.cid.decisions
    }
    assert Compiled(model).value(rules).numpy() == pytest.approx(model.solve().value, abs=0.02)


def test_training_on_selected_levels_is_conditioning() -> None:
    """Trained on what selection leaves, agents follow what holds there: the law of a table of levels, restricted."""
    table = {
        "door": ["left", "left", "right", "right"],
        "red": ["left", "right", "left", "right"],
        "often": [3, 1, 1, 3],
    }
    mazes = cm.levels(
        table, decision={"go": ["left", "right"]}, observed=["red"], weights="often",
        outcomes={"at_door": lambda go, door: int(go == door)}, score={"reward": lambda at_door: at_door},
    )  # fmt: skip
    for selected, follow in ((lambda door, red: door == red, [0, 1]), (lambda door, red: door != red, [1, 0])):
        model = mazes.shift(mazes.select(selected))
        agents = cm.train(model, learner="exact", policy="tabular", agents=2, steps=150, progress=False)
        assert (agents.probabilities("go")[:, [0, 1], follow] > 0.95).all()

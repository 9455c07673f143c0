"""Gaps of a family: the intervals hold every consistent objective and are reached, and tables say what they are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.types import Interval
from cidmesa.validation.gap_table import gap_range, generators
from tests.mesa.systems import red_door, red_door_deployments
from tests.strategies import examples


def by_hand(wants: np.ndarray[Any, Any], base: np.ndarray[Any, Any]) -> float:
    """The gap of two vectors of advantages; what does not care is the zero vector."""
    length = float(np.linalg.norm(wants))
    return float(np.linalg.norm((wants / length if length > 1e-12 else wants * 0) - base)) / 2


@settings(max_examples=examples(50, 250))
@given(st.integers(0, 10**6))
def test_no_objective_of_a_cone_is_outside_its_gaps_and_some_come_near_the_ends(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, count = int(rng.integers(2, 4)), int(rng.integers(0, 4))
    rows = rng.integers(-2, 3, (count, size)).astype(float)
    rows -= rows.mean(axis=1, keepdims=True)
    rows = rows[np.abs(rows).sum(axis=1) > 0]
    rows /= np.abs(rows).sum(axis=1, keepdims=True)
    wants = rng.integers(-2, 3, (4, size)).astype(float)
    wants -= wants.mean(axis=1, keepdims=True)  # a constant is wanted by nobody
    base = rng.standard_normal(4)
    base = base / np.linalg.norm(base) if rng.random() < 0.9 else base * 0
    if cones.margin(rows)[0] < 1e-3:
        return  # no objective, or hardly one
    rays, whole = generators(rows)
    assert whole
    weights = rng.exponential(size=(2_000, len(rays))) * (rng.random((2_000, len(rays))) < 0.5)
    inside = np.vstack([weights @ rays, rng.standard_normal((2_000, size))])
    strictly = inside[(inside @ rows.T > 1e-9).all(axis=1)]
    assert len(strictly)
    low, high = gap_range(rows, rays, wants, base)
    found = [by_hand(wants @ objective, base) for objective in strictly]
    assert min(found) >= low - 1e-6
    assert max(found) <= high + 1e-6
    # The ends are limits: they are looked for near the best that was met.
    for end, pick in ((low, min), (high, max)):
        near = strictly[found.index(pick(found))]
        for scale in (0.3, 0.1, 0.03, 0.01, 0.003):
            around = near + scale * np.abs(near).max() * rng.standard_normal((300, size))
            around = np.vstack([near, around[(around @ rows.T > 0).all(axis=1)]])
            near = around[pick(range(len(around)), key=lambda i: by_hand(wants @ around[i], base))]
        if end == 0.5 and abs(by_hand(wants @ near, base) - 0.5) > 0.05:
            assert cones.margin(rows, cones.scaled(np.vstack([wants, -wants])))[0] > 0  # who does not care is a point
            continue
        assert by_hand(wants @ near, base) == pytest.approx(end, abs=0.03)


@settings(max_examples=examples(12, 60), deadline=None)
@given(st.integers(0, 10**6))
def test_sampled_consistent_objectives_lie_within_the_inner_gap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cid = cm.CID([("x", "go"), ("x", "y"), ("go", "y"), ("go", "z"), ("y", "pay")], decisions=["go"], utilities=["pay"])

    def model(x: float) -> cm.CIM:
        return cid.parameterise(
            x=cm.Bernoulli(x),
            go=[0, 1, 2],
            y=cm.Table(rng.dirichlet(np.ones(3), size=(2, 3))),
            z=cm.Table(np.eye(3)),
            pay=lambda y: y,
        )

    setup = cm.TrainingSetup(model(0.5), {"there": {"y": cm.Table(rng.dirichlet(np.ones(3), size=(2, 3)))}})
    family = cm.derive_mesa_optimizers(setup, targets=["y", "z"])
    found = cm.gaps(family)
    for m in family.hypotheses:
        name = ", ".join(m.names)
        domains = (tuple(range(3)),)
        for values in m.consistent_set.sample(20, seed=seed):
            objective = Objective("drawn", m.names, values, domains)
            for where in setup.distributions:
                gap = cm.alignment_gap(None, objective, setup.deployed(where))
                low, high = found.inner[name][where]
                assert low - 1e-7 <= gap <= high + 1e-7
        assert m.objective is not None
        assert found.inner[name]["training"].gap == 0.0


def office(at: Any = None) -> cm.TrainingSetup:
    """A register says whether the work is done, and in the deployment may be written; only the register pays."""
    cid = cm.CID(
        [("work", "done"), ("done", "register"), ("register", "pay")], nodes=["writable"], decisions=["work"],
        utilities=["pay"],
    )  # fmt: skip
    model = cid.parameterise(
        writable=cm.Bernoulli(0.5),
        work=["nothing", "work", "write"],
        done=lambda work: int(work == "work"),
        register=cm.Function(lambda done: done, domain=[0, 1]),
        pay=lambda register: register,
    )
    written = cm.Deployment(
        {"register": lambda done, work: max(done, int(work == "write"))}, edges=[("work", "register")]
    )
    return cm.TrainingSetup(model, {"writable": written}, intended="done" if at is None else at)


def test_all_gaps_of_a_register_that_can_be_written() -> None:
    setup = office()
    family = cm.derive_mesa_optimizers(setup)
    agents = cm.train(setup, family=family, learner="exact", agents=3, steps=400, seed=1, progress=False)
    found = cm.gaps(family, agents, targets=["done", "register"])
    assert found.outer["training"] == 0.0
    assert found.outer["writable"] > 0.25
    assert found.inner["register"] == {"training": (0.0, 0.0), "writable": (0.0, 0.0)}
    assert len(found.reward_result["training"]) == 3
    assert max(found.reward_result["training"]) < 0.05  # they do the work
    assert min(found.reward_result["writable"]) > 0.25  # and do not write
    rows = found.to_frame()
    assert list(rows.columns) == ["gap", "of", "in training", "in writable"]
    assert list(rows["gap"]) == ["outer", *["inner"] * len(family.hypotheses), "reward-result"]
    assert "3 agents" in str(found)
    assert "reward-result" in repr(found)
    assert "<table" in found._repr_html_()
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(plain["reward_result"]["training"]) == 3
    assert plain["intended"] == "done"


def test_without_intentions_and_agents_only_inner_gaps_are_said() -> None:
    found = cm.gaps(cm.derive_mesa_optimizers(cm.TrainingSetup(red_door(), red_door_deployments())))
    assert (dict(found.outer), dict(found.reward_result), found.intended) == ({}, {}, None)
    assert found.inner["at_red"]["opposite"] == (1.0, 1.0)
    assert {row["gap"] for row in found._rows()} == {"inner"}


def test_many_cones_leave_the_interval_open() -> None:
    cid = cm.CID([("x", "go"), ("x", "y"), ("go", "y"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    rng = np.random.default_rng(3)
    model = cid.parameterise(
        x=cm.Table([1 / 8] * 8),
        go=[0, 1, 2],
        y=cm.Table(rng.dirichlet(np.ones(3), size=(8, 3))),
        pay=lambda go: int(go > 0),
    )
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(model), targets=["y"], tolerance=1.0)
    end: Interval = cm.gaps(family).inner["y"]["training"]
    assert 0.0 <= end.low <= end.high <= 1.0
    assert end.gap > 0.0


def test_gaps_of_two_decisions_are_those_of_the_objectives_that_were_tried() -> None:
    cid = cm.CID([("first", "second"), ("first", "both"), ("second", "both"), ("second", "last"), ("both", "pay")],
                 decisions=["first", "second"], utilities=["pay"])  # fmt: skip
    model = cid.parameterise(
        first=[0, 1], second=[0, 1], both=lambda first, second: first * second, last=lambda second: second,
        pay=lambda both: both,
    )  # fmt: skip
    turned = {"both": lambda first, second: first * (1 - second)}
    setup = cm.TrainingSetup(model, {"turned": turned}, intended="last")
    family = cm.derive_mesa_optimizers(setup)
    agents = cm.agents.from_rules([{"first": lambda: 1, "second": lambda first: first}], model)
    found = cm.gaps(family, _Tables(agents), targets=["last"])
    assert 0 < found.outer["training"] < found.outer["turned"]
    assert found.inner["both"]["training"] == (0.0, 0.0)
    assert found.inner["both"]["turned"].gap == 1.0  # of the objectives that were tried, not of all
    assert found.reward_result["turned"][0] > found.reward_result["training"][0]


class _Tables:
    """Agents that tell the probabilities of any decision."""

    def __init__(self, rules: Any) -> None:
        self.tables = rules.tables

    def probabilities(self, decision: str) -> Any:
        return self.tables[decision]


def test_what_has_no_gaps_says_so() -> None:
    setup = office()
    with pytest.raises(NotApplicableError, match="gaps are those of a family"):
        cm.gaps(setup)  # type: ignore[arg-type]
    bare = cm.derive_mesa_optimizers(cm.TrainingSetup(setup.cid))
    with pytest.raises(NotApplicableError, match="needs numbers"):
        cm.gaps(bare)
    two = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = two.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: a * b)
    with pytest.raises(NotApplicableError, match="a gap settles the decisions one after the other"):
        cm.gaps(cm.derive_mesa_optimizers(cm.TrainingSetup(model)))
    with pytest.raises(NotApplicableError, match="read off probabilities"):
        cm.gaps(cm.derive_mesa_optimizers(setup), object())

"""A sequence as a diagram of all its moves, and agents that are trained and judged on it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.sequences.as_diagram import copies
from tests.mesa.sequences.small import steps
from tests.strategies import examples


@given(steps(states=3, marks=2), st.integers(1, 2), st.booleans())
@settings(max_examples=examples(8, 40), deadline=None)
def test_the_diagram_is_worth_in_every_world_what_the_sequence_is(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, clock: bool
) -> None:
    step, shift = drawn
    setup = cm.SequenceSetup(step, horizon, {"there": shift}, clock=clock)
    diagram = setup.as_training_setup()
    moved = {copy for name in shift for copy in copies(setup, name)}
    assert diagram.shifted("there") == moved
    assert bool(diagram.shared_rules) is (not clock and horizon > 1)
    for name in ("training", "there"):
        best = diagram.deployed(name).solve().value
        assert best == pytest.approx(float(setup.optimum(name).value), abs=1e-9)


def walk() -> cm.CIM:
    """Return one step in a corridor of three cells, paid on the side on which a door is: on the right, in training."""
    cid = cm.CID(
        [
            *[("at", "act"), ("door", "act"), ("at", "at'"), ("act", "at'"), ("door", "door'")],
            *[("at'", "right"), ("at'", "pay"), ("door", "pay")],
        ],
        decisions=["act"],
        utilities=["pay"],
    )
    return cid.parameterise(
        {
            "at": [0.0, 1.0, 0.0],
            "door": [0.0, 1.0],
            "door'": lambda door: door,
            "act": [-1, 1],
            "at'": lambda at, act: max(0, min(2, at + act)),
            "right": lambda **now: int(now["at'"] == 2),
            "pay": lambda door, **now: int(now["at'"] == 2 * door),
        }
    )


def test_agents_are_trained_and_judged_on_the_diagram_of_a_walk() -> None:
    setup = cm.SequenceSetup(walk(), 3, {"left door": {"door": [1.0, 0.0]}})
    with pytest.raises(cm.NotApplicableError, match="as_training_setup"):
        cm.train(setup)  # type: ignore[arg-type]
    sequence = cm.derive_mesa_optimizers(setup, targets=["right", "pay"])
    with pytest.raises(cm.NotApplicableError, match="as_training_setup"):
        cm.validate(sequence, None)  # type: ignore[arg-type]
    drawn = setup.as_training_setup()
    rights = copies(setup, "right")
    paid = {rights: lambda *marks: sum(marks)}  # what the sequence means by wanting to be on the right
    family = cm.derive_mesa_optimizers(drawn, targets=[rights, copies(setup, "pay")], objectives=paid)
    low, high = sequence["right"].deployment_regret["left door"]
    found = family[rights].deployment_regret["left door"]
    assert found.low <= low == high == 3 <= found.high  # one additive objective, among all objectives on the copies
    agents = cm.train(drawn, family=family, learner="exact", policy="tabular", agents=16, seed=0, progress=False)
    report = cm.validate(family, agents, retrain=False, progress=False)
    assert report.in_scope == 16
    assert report.registered
    assert not [row for row in report.rows if row.verdict == "contradicted" and row.hypothesis == "joint"]
    for decision in drawn.cid.decisions:  # in the corridor's middle, the door being on the right
        rule = agents.probabilities(decision)
        contexts = [(at, door) for at in range(3) for door in range(2)]
        order = drawn.cid.parents(decision)
        assert order == (f"at@{decision[-1]}", f"door@{decision[-1]}")
        if decision == "act@0":
            assert rule[:, contexts.index((1, 1)), 1].min() > 0.9
    others = cm.agents.from_rules([{d: lambda **_: -1 for d in drawn.cid.decisions}] * 16, drawn.model)
    assert cm.validate(family, others, progress=False).in_scope == 0  # who goes left never gets paid


def test_what_has_no_diagram_says_so() -> None:
    from cidmesa.solve.policies.step_model import StepModel

    corridor = StepModel.moving([[0, 1], [0, 2], [1, 2]], start=[0, 1, 0])
    tables = cm.SequenceSetup.of_tables(corridor, [0, 0, 1], 3, targets={"in": ["a", "b", "c"]})
    with pytest.raises(cm.NotApplicableError, match="has no diagram"):
        tables.as_training_setup()
    setup = cm.SequenceSetup(walk(), 3)
    with pytest.raises(cm.UnknownNodeError, match="a node of this step"):
        copies(setup, "left")
    assert (copies(setup, "at"), copies(setup, "door'")) == (("at@0",), ("door@1", "door@2", "door@3"))

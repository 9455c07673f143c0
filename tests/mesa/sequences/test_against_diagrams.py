"""Where the diagram of a sequence can be derived from as well, both say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from tests.mesa.sequences.small import steps
from tests.strategies import examples


def agree(sequence: Any, diagram: Any, *, reading: str, whole: bool = True, settled: bool = True) -> None:
    """Compare two candidates that are not excluded.

    `whole`: the sequence's intervals are exact over all objectives, and not enclosed. `settled`: so are the diagram's.
    """
    mine = sequence.possible_actions("there", reading=reading)
    theirs = diagram.possible_actions("there", reading=reading)
    regret = sequence.deployment_regret["there"] if reading == "competent" else sequence.stale_regret["there"]
    other = diagram.deployment_regret["there"] if reading == "competent" else diagram.stale_regret["there"]
    some = sequence.some_actions("there", reading=reading)
    # The diagram lists what policies may do where they never come, too: anything.
    for inner, outer, actions in zip(some.values(), mine.values(), theirs.values(), strict=True):
        assert all(set(inner[context]) <= set(actions[context]) for context in inner)
        if settled:
            assert all(set(actions[context]) <= set(outer[context]) for context in inner)
    assert other.low - 1e-12 <= regret.low <= regret.high <= other.high + 1e-12
    if settled:
        assert regret.low - regret.gap - 1e-12 <= other.low
        assert other.high <= regret.high + regret.gap + 1e-12
    if whole:
        assert mine == some
        assert regret.gap == 0


@given(st.integers(2, 3).flatmap(lambda marks: st.tuples(st.just(marks), steps(marks=marks))))
@settings(max_examples=examples(10, 60), deadline=None)
def test_one_step_is_its_own_diagram(drawn: tuple[int, tuple[cm.CIM, dict[str, Any]]]) -> None:
    marks, (step, shift) = drawn
    family = cm.derive_mesa_optimizers(cm.SequenceSetup(step, 1, {"there": shift}), targets=["mark"])
    diagram = cm.derive_mesa_optimizers(cm.TrainingSetup(step, {"there": shift}), targets=["mark"])
    assert family["mark"].consistency.value == diagram["mark"].consistency.value
    if diagram["mark"].consistency.value == "CONSISTENT":
        assert family["mark"].training_regret == diagram["mark"].training_regret == 0.0
        for reading in ("competent", "stale"):
            agree(family["mark"], diagram["mark"], reading=reading, whole=marks == 2)


@given(steps(states=3, marks=2), st.integers(2, 2))
@settings(max_examples=examples(8, 30), deadline=None)
def test_something_that_happens_once_is_a_node_of_the_unrolled_diagram(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int
) -> None:
    step, shift = drawn

    def absorbing(table: Any) -> np.ndarray:  # the last state keeps, and nothing begins there
        made = np.array(table)
        if made.ndim == 3:
            made[2] = [0, 0, 1]
        else:
            made = made + np.array([made[2], 0, -made[2]])
        return made

    cid = step.cid.with_edges([("at", "mark")]).without_edges([("act", "mark")])
    mechanisms = {n: own_mechanism(step, n) for n in cid.nodes if n != "mark"}
    mechanisms["mark"] = lambda **now: int(now["at"] != 2 and now["at'"] == 2)
    mechanisms |= {name: absorbing(step.cpd(name)) for name in ("at", "at'")}
    step = cid.parameterise(mechanisms)
    shift = {name: absorbing(table) for name, table in shift.items()}

    here, there = cm.unroll(step, horizon), cm.unroll(step.shift(shift), horizon)
    whole = here.cid.with_edges([(f"at@{horizon}", "arrived")])
    made = {n: own_mechanism(here, n) for n in here.cid.nodes}
    base = cm.CIM(whole, made | {"arrived": lambda **now: int(now[f"at@{horizon}"] == 2)})
    moved = {n: own_mechanism(there, n) for n in here.cid.chance if n.startswith("at@")}
    diagram = cm.derive_mesa_optimizers(cm.TrainingSetup(base, {"there": moved}), targets=["arrived"])["arrived"]
    family = cm.derive_mesa_optimizers(cm.SequenceSetup(step, horizon, {"there": shift}), targets=["mark"])
    if diagram.consistency.value == "UNKNOWN":
        return
    assert family["mark"].consistency.value == diagram.consistency.value
    assert family["mark"].training_regret == pytest.approx(diagram.training_regret, abs=1e-12)
    agree(family["mark"], diagram, reading="competent")
    # Stale, a diagram leaves a decision open where a later one has several actions to choose from.
    agree(family["mark"], diagram, reading="stale", settled=False)

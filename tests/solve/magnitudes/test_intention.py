from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve.magnitudes.intention import intention
from tests.solve.brute_force import World, number_of_policies
from tests.solve.simulation import Simulation
from tests.strategies import examples, models


def driver() -> cm.CIM:
    """To brake saves the child and wakes the passenger, who pays for being on time."""
    cid = cm.CID(
        [("brake", "child"), ("brake", "late"), ("brake", "wake"), ("child", "score"), ("late", "score")],
        decisions=["brake"],
        utilities=["score"],
    )
    return cid.parameterise(
        brake=[0, 1],
        child=lambda brake: "safe" if brake else "hurt",
        late=lambda brake: brake,
        wake=lambda brake: brake,
        score=lambda child, late: 10 * (child == "safe") - late,
    )


def test_the_driver_brakes_for_the_child() -> None:
    found = intention(driver(), "child")
    assert found is not None
    assert found.nodes == {"child"}
    assert (found.value, found.alternative_value, found.guaranteed_value) == (9, 0, 10)
    assert intention(driver(), "late") is None
    assert intention(driver(), "wake") is None
    # Whoever drives on does it to be on time, and not to hurt the child.
    assert intention(driver(), "late", policy={"brake": lambda: 0}) is None
    selfish = driver().shift(score=lambda child, late: -5 * late)
    assert intention(selfish, "late", policy={"brake": lambda: 0}) is not None
    assert intention(selfish, "child", policy={"brake": lambda: 0}) is None


def test_two_outcomes_may_be_needed_together() -> None:
    cid = cm.CID([("d", "x"), ("d", "y"), ("x", "u"), ("y", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(d=[0, 1], x=lambda d: d, y=lambda d: d, u=lambda x, y: x * y)
    found = intention(model, "x")
    assert found is not None
    assert found.nodes == {"x", "y"}
    assert found.alternative.tolist() == [1, 0]


@settings(max_examples=examples(quick=60, full=1000))
@given(st.data())
def test_intentions_by_playing_all_noise_out(data: st.DataObject) -> None:
    model = data.draw(models(structural=True, max_chance=3, decisions=1, utilities=1))
    assume(number_of_policies(model) <= 16)
    cid = model.cid
    [decision], [utility] = cid.decisions, cid.utilities
    world = World(model)
    rules = list(world.deterministic_rules(decision))
    policy = data.draw(st.sampled_from(rules))
    node = data.draw(st.sampled_from([n for n in cid.nodes if n != decision]))
    value = world.value({decision: policy})
    others = [n for n in cid.nodes if n != decision]

    def guaranteed(rule: Any, names: tuple[str, ...]) -> float:
        total = 0.0
        for probability, noise in Simulation(model, {decision: policy}).noises():
            actual = Simulation(model, {decision: policy}).play(noise)
            total += (
                probability * Simulation(model, {decision: rule}).play(noise, {n: actual[n] for n in names})[utility]
            )
        return total

    intended = False
    for rule in rules:
        enough = [
            set(names)
            for size in range(len(others) + 1)
            for names in combinations(others, size)
            if guaranteed(rule, names) >= value - 1e-9
        ]
        intended |= any(node in names and not any(less < names for less in enough) for names in enough)
    found = intention(model, node, policy={decision: policy})
    assert (found is not None) == intended
    if found is not None:
        assert node in found.nodes
        assert guaranteed(found.alternative, tuple(found.nodes)) == pytest.approx(found.guaranteed_value, abs=1e-9)
        assert cm.admits_intention(cid, node).answer is not cm.Answer.EXCLUDES


def test_too_many_trials_are_refused_before_they_start() -> None:
    with pytest.raises(NotApplicableError, match=r"2 alternatives and the subsets of 3 outcomes make 16 trials"):
        intention(driver(), "child", max_trials=10)
    found = intention(driver(), "child", alternatives=[lambda: 0], max_trials=8)
    assert found is not None
    np.testing.assert_array_equal(found.alternative, [1, 0])

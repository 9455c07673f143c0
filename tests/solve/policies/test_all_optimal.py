from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.all_optimal import PolicyBox, optimal_boxes
from tests.solve.brute_force import World, number_of_policies
from tests.strategies import examples, models


def holds(box: PolicyBox, policy: dict[str, Any]) -> bool:
    """Whether a deterministic policy lies in a box."""
    others = all(np.array_equal(box.model.rules[d], rule) for d, rule in policy.items() if d != box.decision)
    return others and bool(np.all(box.allowed[policy[box.decision] == 1]))


@settings(max_examples=examples(quick=60, full=1500))
@given(st.data())
def test_the_boxes_hold_all_optimal_policies_and_no_other(data: st.DataObject) -> None:
    model = data.draw(models(max_card=3, max_chance=3, decisions=(1, 2), max_parents=2))
    assume(number_of_policies(model) <= 300)
    world = World(model)
    decision = data.draw(st.sampled_from(model.cid.decisions))
    best = world.best(model.cid.decisions)[1]
    boxes = list(optimal_boxes(model, decision))
    optimal = {tuple(rule.tobytes() for rule in policy.values()) for policy in best}
    for policy in world.policies(model.cid.decisions):
        inside = any(holds(box, policy) for box in boxes)
        assert inside == (tuple(rule.tobytes() for rule in policy.values()) in optimal)


def test_a_policy_given_is_the_only_one() -> None:
    cid = cm.CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), d=[0, 1], u=lambda d: d)
    [box] = optimal_boxes(model, policy={"d": [[0.5, 0.5], [1, 0]]})
    assert box.rule is not None
    assert box.allowed.tolist() == [[True, True], [True, False]]
    symbolic = model.shift(x=cm.Bernoulli(sympy.Symbol("p")))
    with pytest.raises(NotApplicableError, match="needs numbers"):
        list(optimal_boxes(symbolic))

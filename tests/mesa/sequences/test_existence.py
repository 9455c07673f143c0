"""Some additive objective: against all policies, two by two; and its certificates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.sequences import existence
from cidmesa.mesa.sequences.certificates import proves
from tests.mesa.sequences.small import BruteForce, steps
from tests.strategies import examples


@given(steps(states=2, marks=3), st.integers(1, 2))
@settings(max_examples=examples(12, 100), deadline=None)
def test_the_answer_is_that_of_all_policies_compared(drawn: tuple[cm.CIM, dict[str, Any]], horizon: int) -> None:
    step, _ = drawn
    force = BruteForce(step, horizon)
    best = force.optimal()
    other = [force.brought(policy) for policy in force.policies() if policy not in best]
    wanted = not other or any(
        cones.feasible_exactly([[a - b for a, b in zip(mine, brings, strict=True)] for brings in other])
        for mine in map(force.brought, best)
    )
    setup = cm.SequenceSetup(step, horizon)
    found = existence.some_additive(setup, ("mark",))
    assert found.answer is wanted
    assert proves(found, setup, ("mark",))
    with pytest.MonkeyPatch.context() as patch:  # as where the base has too many optimal policies to try them all
        patch.setattr(existence, "TRIED", 1)
        some = existence.some_additive(setup, ("mark",))
    assert some.answer in {wanted, None}
    assert some.answer is None or proves(some, setup, ("mark",))
    if found.objective is not None:
        assert force.regrets(force.optimal(found.objective)) == (0, 0)
        turned = existence.Existence(True, tuple(-w for w in found.objective))
        assert proves(turned, setup, ("mark",)) is (force.regrets(force.optimal(turned.objective))[1] == 0)
    elif found.blind is not None:  # a state less proves nothing, if the others want the same
        move, states = found.blind
        wants = [setup.optimum("training").may[move, s] for s in states[1:]]
        fewer = existence.Existence(False, blind=(move, states[1:]))
        assert proves(fewer, setup, ("mark",)) is not np.logical_and.reduce(wants).any()
    else:  # one policy less proves nothing, nor does a part of what base-optimal policies bring
        (brings, others), *rest = found.conflicts
        assert not proves(existence.Existence(False, None, ((brings, others[1:]), *rest)), setup, ("mark",))
        assert not proves(existence.Existence(False, None, tuple(rest)), setup, ("mark",))


@given(steps(states=2, marks=3), st.integers(1, 2), st.lists(st.integers(-3, 3), min_size=3, max_size=3))
@settings(max_examples=examples(12, 100), deadline=None)
def test_consistent_objectives_stay_within_what_encloses_them(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, numbers: list[int]
) -> None:
    step, shift = drawn
    here, there = BruteForce(step, horizon), BruteForce(step.shift(shift), horizon)
    if here.regrets(here.optimal(numbers))[1] > 0:
        return
    family = cm.derive_mesa_optimizers(cm.SequenceSetup(step, horizon, {"there": shift}), targets=["mark"])
    m = family["mark"]
    assert m.consistency.value == "CONSISTENT"
    one = m.of(Objective("mine", ("mark",), np.array(numbers, dtype=float), (step.domain("mark"),)))
    for reading, regret in (("competent", m.deployment_regret["there"]), ("stale", m.stale_regret["there"])):
        low, high = one.regret("there", stale=reading == "stale")
        assert regret.low - regret.gap <= low + 1e-12
        assert high <= regret.high + regret.gap + 1e-12
        possible = m.possible_actions("there", reading=reading)
        taken = one.taken("there", stale=reading == "stale")
        for t, row in enumerate(taken):
            for s in row.any(axis=1).nonzero()[0].tolist():
                assert {a for a in (0, 1) if row[s, a]} <= set(possible[f"act@{t}"][s,])
    assert there.regrets(there.optimal(numbers)) == one.regret("there")


def test_too_many_base_optimal_policies_leave_a_no_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    # The base wants a or b and not c, which brings the marks as often as a and b do on average.
    edges = [("at", "act"), ("at", "at'"), ("act", "at'"), ("act", "mark"), ("act", "pay")]
    cid = cm.CID(edges, decisions=["act"], utilities=["pay"])
    step = cid.parameterise(
        {
            "at": [1.0, 0.0],
            "at'": lambda at, act: at,
            "act": ["a", "b", "c"],
            "pay": lambda act: int(act != "c"),
            "mark": cm.Table([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.25, 0.5, 0.25]]),
        }
    )
    setup = cm.SequenceSetup(step, 1)
    assert existence.some_additive(setup, ("mark",)).answer is True  # to like the first mark makes a alone the best
    backwards = cm.SequenceSetup(step.shift(pay=lambda act: int(act == "c")), 1)
    assert existence.some_additive(backwards, ("mark",)).answer is False  # c is an average of the others
    assert cm.derive_mesa_optimizers(backwards, targets=["mark"])["mark"].consistency.value == "EXCLUDED"
    monkeypatch.setattr(existence, "TRIED", 0)
    assert existence.some_additive(backwards, ("mark",)).answer is None
    unknown = cm.derive_mesa_optimizers(backwards, targets=["mark"])["mark"]
    assert unknown.consistency.value == "UNKNOWN"
    assert not proves(unknown.existence, backwards, ("mark",))

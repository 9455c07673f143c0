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
from cidmesa.mesa.sequences.cure import mixed
from cidmesa.mesa.sequences.surrounded import surrounded
from tests.mesa.sequences.small import BruteForce, Policy, steps
from tests.strategies import examples


@given(steps(states=2, marks=3), st.integers(1, 2))
@settings(max_examples=examples(12, 100), deadline=None)
def test_the_answer_is_that_of_all_policies_compared(drawn: tuple[cm.CIM, dict[str, Any]], horizon: int) -> None:
    step, _ = drawn
    force = BruteForce(step, horizon)
    wanted = force.some_objective()
    setup = cm.SequenceSetup(step, horizon)
    found = existence.some_additive(setup, ("mark",))
    assert found.answer is wanted
    assert proves(found, setup, ("mark",))
    with pytest.MonkeyPatch.context() as patch:  # as where the base has too many optimal policies to try them all
        patch.setattr(existence, "TRIED", 1)
        some = existence.some_additive(setup, ("mark",))
    assert some.answer is wanted
    assert proves(some, setup, ("mark",))
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


@given(steps(states=2, marks=3), st.integers(1, 2))
@settings(max_examples=examples(15, 150), deadline=None)
def test_all_that_base_optimal_policies_bring_is_asked_about_at_once(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int
) -> None:
    step, _ = drawn
    force = BruteForce(step, horizon)
    best = force.optimal()

    def are_averages(others: list[Policy]) -> bool:
        brought = [force.brought(policy) for policy in others]
        rows = [[[a - b for a, b in zip(mine, other, strict=True)] for other in brought] for mine in wanted]
        return bool(others) and not any(map(cones.feasible_exactly, rows))

    wanted = [list(x) for x in {tuple(force.brought(policy)) for policy in best}]
    others = [policy for policy in force.policies() if policy not in best]
    setup = cm.SequenceSetup(step, horizon)
    found = surrounded(setup, ("mark",))
    assert (found.policies is not None) is are_averages(others)
    assert (found.objective is None) is (found.policies is not None)
    if found.objective is not None:
        assert force.regrets(force.optimal(found.objective)) == (0, 0)
        assert proves(existence.Existence(True, found.objective), setup, ("mark",))
    else:
        around = found.policies or ()
        chosen = [tuple(map(tuple, policy.tolist())) for policy in around]
        assert set(chosen) <= set(others)
        for fewer in range(len(around) + 1):  # proved by so many of them iff what the base wants is between those
            proof = existence.Existence(False, around=around[fewer:])
            assert proves(proof, setup, ("mark",)) is are_averages(chosen[fewer:])
        mine = np.array(best[0])
        assert not proves(existence.Existence(False, around=(*around, mine)), setup, ("mark",))


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


def test_too_many_base_optimal_policies_and_values_leave_a_no_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
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
    found = existence.some_additive(backwards, ("mark",))
    assert (found.answer, len(found.around or ())) == (False, 2)  # a and b
    assert proves(found, backwards, ("mark",))
    monkeypatch.setattr("cidmesa.mesa.sequences.surrounded.MOST", 0)
    assert existence.some_additive(backwards, ("mark",)).answer is None
    unknown = cm.derive_mesa_optimizers(backwards, targets=["mark"])["mark"]
    assert unknown.consistency.value == "UNKNOWN"
    assert not proves(unknown.existence, backwards, ("mark",))


def test_a_lake_with_its_goal_in_either_corner_has_ties_in_hundreds_of_states() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    lake = gymnasium.make("FrozenLake-v1")
    moved = gymnasium.make("FrozenLake-v1", desc=["SFFG", "FHFH", "FFFH", "HFFF"])
    corner = {"last cell": lambda state: int(state == 15)}
    setup = cm.SequenceSetup.of_gymnasium(lake, 100, targets=corner, deployments={"moved": moved})
    both = mixed(setup, "moved", 0.5, seen=True)
    assert existence.base_brings(both, ("last cell",)) is None
    found = existence.some_additive(both, ("last cell",))
    assert (found.answer, found.blind, len(found.around or ())) == (False, None, 3)
    assert proves(found, both, ("last cell",))

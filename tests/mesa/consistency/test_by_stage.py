"""Policies that are too many to list: single objectives by solving, against every policy of small systems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates import derivation
from cidmesa.mesa.consistency.by_cone import ByCone
from cidmesa.mesa.consistency.by_stage import ByStage
from cidmesa.mesa.objectives.declared import declared, domain_of
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.mesa.predictions import claims
from tests.mesa.exhaustive import random_setup
from tests.mesa.moved import moved, with_a_storm
from tests.strategies import examples


def walk(shared: bool = False) -> cm.TrainingSetup:
    """Two steps over three cells; in training the lamp stands at the goal."""
    cid = cm.CID(
        [
            ("start", "A1"), ("goal", "A1"), ("lamp", "A1"), ("start", "s1"), ("A1", "s1"),
            ("s1", "A2"), ("goal", "A2"), ("lamp", "A2"), ("s1", "s2"), ("A2", "s2"), ("goal", "lamp"),
            ("s2", "at_goal"), ("goal", "at_goal"), ("s2", "at_lamp"), ("lamp", "at_lamp"), ("at_goal", "reward"),
        ],
        decisions=["A1", "A2"], utilities=["reward"],
    )  # fmt: skip
    cells = (0, 1, 2)
    model = cid.parameterise(
        start=cm.Uniform(*cells),
        goal=cm.Uniform(*cells),
        lamp=lambda goal: goal,
        A1=[-1, 0, 1],
        A2=[-1, 0, 1],
        s1=cm.Function(lambda start, A1: min(2, max(0, start + A1)), domain=cells),
        s2=cm.Function(lambda s1, A2: min(2, max(0, s1 + A2)), domain=cells),
        at_goal=lambda s2, goal: int(s2 == goal),
        at_lamp=lambda s2, lamp: int(s2 == lamp),
        reward=lambda at_goal: at_goal,
    )
    rules = {"shared_rules": [("A1", "A2")]} if shared else {}
    return cm.TrainingSetup(model, {"lamp moved": {"lamp": cm.Uniform(*cells)}}, **rules)


@pytest.fixture(scope="module")
def family() -> cm.types.Family:
    return cm.derive_mesa_optimizers(walk())


def test_the_walk_has_regrets(family: cm.types.Family) -> None:
    """Whoever wants the lamp is at the goal in one of three runs: in two steps it is everywhere in time."""
    goal, lamp = family["at_goal"], family["at_lamp"]
    assert (goal.consistency, lamp.consistency) == ("CONSISTENT", "CONSISTENT")
    assert (goal.training_regret, goal.objective_regret, lamp.objective_regret) == (0.0, 0.0, 0.0)
    assert goal.deployment_regret["lamp moved"] == (0.0, 0.0)
    assert lamp.deployment_regret["lamp moved"] == pytest.approx((2 / 3, 2 / 3))
    assert lamp.stale_regret["lamp moved"] == pytest.approx((2 / 3, 2 / 3))
    assert lamp.deployment_regret["lamp moved"].gap == 0.0
    assert (goal.robustly_aligned["lamp moved"], lamp.robustly_aligned["lamp moved"]) == (True, False)
    possible = lamp.possible_actions("lamp moved")
    assert possible["A1"][0, 0, 2] == (1,)  # from the first cell to a lamp in the last there is no time to lose
    assert possible["A2"][1, 0, 2] == (1,)
    assert family["s1"].consistency == "EXCLUDED"


def test_of_many_values_some_objectives_are_known_and_all_are_bounded(family: cm.types.Family) -> None:
    pair = cm.derive_mesa_optimizers(walk(), targets=[("at_goal", "at_lamp")])["at_goal", "at_lamp"]
    assert pair.consistency == "CONSISTENT"
    low, high = pair.deployment_regret["lamp moved"]
    assert (low, high) == pytest.approx((0.0, 2 / 3))  # the goal alone, the lamp alone
    gap = pair.deployment_regret["lamp moved"].gap
    assert high + gap == pytest.approx(1.0)  # nobody can lose more than there is
    assert pair.robustly_aligned["lamp moved"] is False
    with pytest.raises(NotApplicableError, match="deterministic policies"):
        pair.possible_actions("lamp moved")


def test_the_walk_makes_rows_that_can_fail(family: cm.types.Family) -> None:
    rows = family.predictions(reading="competent")
    for name in ("at_goal", "at_lamp"):
        assert rows[f"{name}/lamp moved/regret/reward"].modality == "must"
        assert {row.subject for row in rows.of(name) if row.kind == "actions"} == {"A1", "A2"}
    assert rows["joint/lamp moved/coverage"].modality == "must"
    frozen = family.predictions()
    for name in ("at_goal", "at_lamp"):  # in one rule of two decisions there is no part of a regret
        assert {row.kind for row in frozen.of(name) if row.deployment == "lamp moved"} >= {"actions"}
        assert not [row for row in frozen.of(name) if row.kind == "regret"]
    setup = walk()
    pair = cm.derive_mesa_optimizers(setup, targets=[("at_goal", "at_lamp")])["at_goal", "at_lamp"]
    claim = claims.regret(pair, claims.world_of(setup, "lamp moved", reading="competent"))
    assert claim is not None
    assert (claim.modality, claim.expected) == ("can", pytest.approx((0.0, 2 / 3)))  # others may lose more


def test_the_walk_has_cures_with_a_regret() -> None:
    cures = cm.distinguishing_training(walk(), "at_lamp", weights=[0.1], observables=())
    assert cures
    assert not np.isnan([cure.regret for cure in cures]).any()


@given(seed=st.integers(0, 2**32 - 1), tolerance=st.sampled_from([0.0, 0.5]))
@settings(max_examples=examples(quick=25, full=1500))
def test_two_objectives_are_all_there_are(seed: int, tolerance: float) -> None:
    """Of targets with two values every answer equals that of all policies, listed."""
    setup, below = random_setup(np.random.default_rng(seed), decisions=2, chance=3)
    assume(below and not setup.shared_rules)
    target = (below[0],)
    named = declared(target, [domain_of(setup, target[0])])
    try:
        solved = ByStage(setup, target, tolerance, named, "not listed")
    except NotApplicableError:
        assume(False)
    listed = ByCone(NormalForm(setup), target, tolerance, named)
    assert solved.is_empty is listed.is_empty
    assert solved.least_regret == pytest.approx(listed.least_regret, abs=1e-9)
    one, other = solved.representative(), listed.representative()
    assert (one and (one.name, one.values.tolist())) == (other and (other.name, other.values.tolist()))
    for name in setup.distributions:
        assert solved.regret(name) == pytest.approx(tuple(listed.regret(name)), abs=1e-9)
        assert solved.actions(name) == listed.actions(name)
    assert solved.regret("there", stale=True) == pytest.approx(tuple(listed.regret("there", stale=True)), abs=1e-9)


@given(
    seed=st.integers(0, 2**32 - 1),
    tolerance=st.sampled_from([0.0, 0.5]),
    power=st.sampled_from([-40, 40]),
    level=st.sampled_from([0, 2**10]),
)
@settings(max_examples=examples(quick=10, full=100), deadline=None)
def test_units_levels_and_penalties_change_nothing(seed: int, tolerance: float, power: int, level: int) -> None:
    setup, below = random_setup(np.random.default_rng(seed), decisions=2, chance=3)
    assume(below and not setup.shared_rules)
    target = (below[0],)
    named = declared(target, [domain_of(setup, target[0])])
    unit = 2.0**power
    try:
        plain = ByStage(setup, target, tolerance, named, "not listed")
    except NotApplicableError:
        assume(False)
    for other, factor in ((moved(setup, unit, level), unit), (with_a_storm(setup, -1e12), 1.0)):
        found = ByStage(other, target, tolerance * factor, named, "not listed")
        assert found.is_empty is plain.is_empty
        assert found.least_regret == pytest.approx(factor * plain.least_regret, rel=1e-9, abs=0)
        for name in setup.distributions:
            assert found.regret(name) == pytest.approx([factor * x for x in plain.regret(name)], rel=1e-9, abs=0)
            assert found.actions(name) == plain.actions(name)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(quick=15, full=250), deadline=None)
def test_of_many_values_what_is_done_in_training_is_known(seed: int) -> None:
    """Whoever is consistent does in training what the base's optimizers do: as by all policies, listed, or not known.

    Frozen, too, where training came.
    """
    setup, below = random_setup(np.random.default_rng(seed), decisions=2, chance=3)
    assume(len(below) > 1 and not setup.shared_rules)
    targets = tuple(node for node in setup.cid.nodes if node in below[:2])
    named = declared(targets, [domain_of(setup, node) for node in targets])
    try:
        solved = ByStage(setup, targets, 0.0, named, "not listed")
    except NotApplicableError:
        assume(False)
    listed = ByCone(NormalForm(setup), targets, 0.0, named)
    for name, stale in (("training", False), ("there", True)):
        try:
            found = solved.actions(name, stale)
        except NotApplicableError:
            continue
        assert found == listed.actions(name, stale)
    with pytest.raises(NotApplicableError, match="not listed"):
        solved.actions("there")


def test_what_is_done_in_training_is_known_of_a_score_of_many_values() -> None:
    """Eight steps up a stair of three: policies are too many to list, and what the base's optimizers do is known.

    So is what frozen agents go on to do.
    """
    steps = range(8)
    edges = [(f"s{t}", f"d{t}") for t in steps] + [(n, f"s{t + 1}") for t in steps for n in (f"s{t}", f"d{t}")]
    cid = cm.CID([*edges, ("s8", "u")], decisions=[f"d{t}" for t in steps], utilities=["u"])
    stay, up = [0.9, 0.1, 0.0], [[0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.0, 0.0, 1.0]]
    law = [[stay, up[0]], [[0.0, 0.9, 0.1], up[1]], [[0.1, 0.0, 0.9], up[2]]]
    model = cid.parameterise(
        {f"s{t + 1}": cm.Table(law) for t in steps}
        | {f"d{t}": [0, 1] for t in steps}
        | {"s0": cm.Uniform(0, 1, 2), "u": cm.Table([0, 1, 2])}
    )
    setup = cm.TrainingSetup(model, {"the top": {"s0": cm.Table([0.0, 0.0, 1.0])}})
    family = cm.derive_mesa_optimizers(setup)
    assert (str(family["u"].method), str(family["u"].consistency)) == ("by stage", "CONSISTENT")
    assert family["u"].possible_actions("training") == {f"d{t}": {(0,): (1,), (1,): (1,), (2,): (1,)} for t in steps}
    frozen = family["u"].possible_actions("the top", reading="stale")
    assert frozen["d0"] == {(2,): (1,)}
    assert frozen["d7"] == {(0,): (1,), (1,): (1,), (2,): (1,)}
    rows = family.predictions()
    assert {f"u/training/actions/d{t}" for t in steps} <= {row.id for row in (*rows, *rows.structural)}
    with pytest.raises(NotApplicableError, match="deterministic policies"):
        family["u"].possible_actions("the top")


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(quick=6, full=60), deadline=None)
def test_rows_of_sweeps_are_rows_of_lists(seed: int) -> None:
    """With and without a list of policies, predictions of both readings are the same."""
    setup, below = random_setup(np.random.default_rng(seed), decisions=2, chance=3)
    assume(below and not setup.shared_rules)
    found = []
    for few in (2**20, 0):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(derivation, "FEW", few)
            family = cm.derive_mesa_optimizers(setup, targets=below)
            methods = {str(candidate.method) for candidate in family}
            found.append((methods, [family.predictions(reading=reading) for reading in ("stale", "competent")]))
    (_, listed), (methods, swept) = found
    assume("by stage" in methods)
    for one, other in zip(listed, swept, strict=True):
        assert [row.id for row in one] == [row.id for row in other]
        assert [row.id for row in one.structural] == [row.id for row in other.structural]
        assert one.digest == other.digest

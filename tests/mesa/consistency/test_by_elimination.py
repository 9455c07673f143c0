"""Decisions that forget and policies that are too many to list: against every policy of small systems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.consistency import by_elimination
from cidmesa.mesa.consistency.by_cone import ByCone
from cidmesa.mesa.consistency.by_elimination import ByElimination
from cidmesa.mesa.objectives.declared import declared, domain_of
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.solve import expected_utility, solve
from tests.mesa.exhaustive import random_setup
from tests.solve.limids import pigs
from tests.strategies import examples


@given(seed=st.integers(0, 2**32 - 1), tolerance=st.sampled_from([0.0, 0.5]), decisions=st.sampled_from([2, 2, 3]))
@settings(max_examples=examples(quick=25, full=250))
def test_two_objectives_are_all_there_are(seed: int, tolerance: float, decisions: int) -> None:
    """Of targets with two values every regret equals that of all policies, listed; frozen ones are enclosed."""
    setup, below = random_setup(np.random.default_rng(seed), decisions=decisions, chance=3)
    assume(below and not setup.shared_rules)
    target = (below[0],)
    named = declared(target, [domain_of(setup, target[0])])
    found = ByElimination(setup, target, tolerance, named, "not listed")
    listed = ByCone(NormalForm(setup), target, tolerance, named)
    assert found.is_complete
    assert found.is_empty is listed.is_empty
    assert found.least_regret == pytest.approx(listed.least_regret, abs=1e-9)
    one, other = found.representative(), listed.representative()
    assert (one and (one.name, one.values.tolist())) == (other and (other.name, other.values.tolist()))
    for name in setup.distributions:
        assert found.regret(name) == pytest.approx(tuple(listed.regret(name)), abs=1e-9)
        assert found.regret(name).gap == 0.0
    frozen, known = found.regret("there", stale=True), listed.regret("there", stale=True)
    assert frozen.low - 1e-9 <= known.low <= known.high <= frozen.high + 1e-9
    assert frozen.gap == frozen.high - frozen.low


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(quick=10, full=80))
def test_of_many_values_what_is_known_is_true(seed: int) -> None:
    """Consistent where listing says so; regrets are those of members, and others lie no further off than is said."""
    setup, below = random_setup(np.random.default_rng(seed), decisions=2, chance=3)
    assume(len(below) > 1 and not setup.shared_rules)
    targets = tuple(node for node in setup.cid.nodes if node in below[:2])
    named = declared(targets, [domain_of(setup, node) for node in targets])
    found = ByElimination(setup, targets, 0.0, named, "not listed")
    listed = ByCone(NormalForm(setup), targets, 0.0, named)
    assert found.is_empty in (None, listed.is_empty)
    if found.is_empty is False:
        for name in setup.distributions:
            regret, every = found.regret(name), listed.regret(name)
            assert every.low - 1e-9 <= regret.low <= regret.high <= every.high + 1e-9
            assert regret.high + regret.gap >= every.high - 1e-9


def farm(months: int, fee: float = 100.0) -> cm.TrainingSetup:
    """Pigs are tested and treated month by month, and nobody keeps a record; elsewhere illness is common at first."""
    model = pigs(months).shift({f"cost{i}": [0.0, -fee] for i in range(1, months)})
    return cm.TrainingSetup(model, {"ill at first": {"ill1": [0.1, 0.9]}})


def always(months: int, action: int) -> dict[str, np.ndarray]:
    return {f"treat{i}": np.eye(2)[[action, action]] for i in range(1, months)}


def test_a_farm_that_keeps_no_record() -> None:
    """A million million policies: to want healthy pigs at the end is to treat them always, whatever that costs."""
    months = 21
    setup = farm(months)
    family = cm.derive_mesa_optimizers(setup, targets=[f"ill{months}", "ill2"])
    m = family[f"ill{months}"]
    assert str(m.method) == "by elimination"
    model = setup.deployed("training")
    best = solve(model).value
    healthy, ill = (best - expected_utility(model, always(months, action)) for action in (1, 0))
    assert m.training_regret == pytest.approx(min(healthy, ill), abs=1e-9)
    assert m.consistency == "EXCLUDED"
    assert family["ill2"].consistency == "EXCLUDED"
    free = cm.derive_mesa_optimizers(farm(months, fee=0.0), targets=[f"ill{months}"])[f"ill{months}"]
    assert (free.consistency.value, free.training_regret) == ("CONSISTENT", 0.0)
    assert free.objective is not None
    assert free.objective.to_dict() == {0: 1.0, 1: 0.0}
    assert free.deployment_regret["ill at first"] == (0.0, 0.0)
    assert free.robustly_aligned["ill at first"]
    assert "one by one" in " ".join(free.reasons.text)
    with pytest.raises(NotApplicableError, match="the possible actions in 'training' are not known here"):
        free.possible_actions("training")


def test_out_of_reach_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """In training: UNKNOWN as before. In a deployment alone: no interval."""
    setup = farm(21, fee=0.0)
    found = ByElimination(setup, ("ill21",), 0.0, declared(("ill21",), [(0, 1)]), "not listed")
    known = found.regret("training")

    def refuse(*_: object, **__: object) -> None:
        raise NotApplicableError("too large")

    monkeypatch.setattr(by_elimination, "worth_among_optimal", refuse)
    assert np.isnan(found.regret("ill at first")).all()
    assert found.regret("training") == known
    m = cm.derive_mesa_optimizers(setup, targets=["ill21"])["ill21"]
    assert (m.consistency.value, m.training_regret, str(m.method)) == ("UNKNOWN", None, "graph alone")

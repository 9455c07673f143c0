"""Verdicts do not depend on how a setup is written down, and are about the setup that agents were trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.identity import model_digest, rows_digest, setup_digest
from cidmesa.validation import validate
from cidmesa.validation.matching import in_order_of
from tests.mesa.systems import red_door, red_door_deployments
from tests.strategies import examples, models
from tests.validation.test_validate import Told, judge, population, red_door_family, to


def other_order(places: tuple[str, ...] = ("right", "left")) -> cm.TrainingSetup:
    """The red door with parents and domains in another order."""
    cid = cm.CID(
        [("door", "red"), ("red", "go"), ("door", "go"), ("door", "at_door"), ("go", "at_door"), ("red", "at_red"),
         ("go", "at_red"), ("at_door", "reward")],
        nodes=["at_red", "weather"], decisions=["go"], utilities=["reward"],
    )  # fmt: skip
    model = cid.parameterise(
        weather=cm.Uniform("rain", "sun"), door=cm.Uniform(*places), red=lambda door: door, go=list(places),
        at_door=cm.Function(lambda go, door: int(go == door), domain=(1, 0)),
        at_red=cm.Function(lambda go, red: int(go == red), domain=(1, 0)), reward=lambda at_door: at_door,
    )  # fmt: skip
    return cm.TrainingSetup(model, deployments=red_door_deployments())


def test_another_order_gives_the_same_verdicts_and_the_same_hashes() -> None:
    family, turned = red_door_family(), cm.derive_mesa_optimizers(other_order())
    assert setup_digest(family.setup) == setup_digest(turned.setup)
    assert rows_digest(family.predictions(), family.setup.model) == rows_digest(
        turned.predictions(), turned.setup.model
    )
    seekers = population(red_door(), door=20)
    here, there = judge(seekers, family), judge(seekers, turned)
    assert here.shares["opposite"]["at_door = reward"].count == 20
    assert {row.id: row.verdict for row in here} == {row.id: row.verdict for row in there}
    for row in here:
        assert row.statistic == pytest.approx(there[row.id].statistic, nan_ok=True)
    trained = cm.train(family.setup, family=family, agents=3, learner="exact", steps=200, progress=False)
    reports = [validate(f, trained, retrain=False, progress=False) for f in (family, turned)]
    assert [report.registered for report in reports] == [True, True]
    assert reports[0].labels == reports[1].labels


@given(models(decisions=(1, 2), min_chance=2, max_chance=4), st.randoms(use_true_random=False), st.integers(0, 10**6))
@settings(max_examples=examples(quick=30, full=300))
def test_a_rule_in_another_order_is_the_same_rule(model: cm.CIM, random: Any, seed: int) -> None:
    """What a rule earns does not change when parents and the decision's domain are written in another order."""
    cid = model.cid
    edges = list(cid.edges)
    random.shuffle(edges)
    turned_cid = cm.CID(edges, nodes=cid.nodes, decisions=cid.decisions, utilities=cid.utilities)
    tables: dict[str, Any] = {}
    for decision in cid.decisions:
        tables[decision] = list(model.domain(decision))
        random.shuffle(tables[decision])
    for node in set(cid.nodes) - set(cid.decisions):
        table = np.asarray(model.cpd(node))
        for axis, parent in enumerate(cid.parents(node)):
            if parent in cid.decisions:
                table = np.take(table, [model.domain(parent).index(value) for value in tables[parent]], axis=axis)
        domain = None if node in cid.utilities else model.domain(node)
        tables[node] = cm.Table(table, domain=domain, parents=cid.parents(node))
    turned = turned_cid.parameterise(tables)
    assert model_digest(turned) == model_digest(model)
    rng = np.random.default_rng(seed)
    rules = {d: rng.dirichlet(np.ones(model.card(d)), size=(1, len(model.contexts(d)))) for d in cid.decisions}
    there = {d: in_order_of(rule, d, model, turned) for d, rule in rules.items()}

    def worth(of: cm.CIM, what: dict[str, np.ndarray]) -> float:
        shaped = {d: r[0].reshape(*map(of.card, of.cid.parents(d)), of.card(d)) for d, r in what.items()}
        return float(of.expected_utility(shaped))

    assert worth(turned, there) == pytest.approx(worth(model, rules), abs=1e-9)


def test_populations_of_another_setup_are_refused() -> None:
    family = red_door_family()
    for model in (red_door(0.1), red_door(places=("left", "up"))):
        agents = cm.train(model, agents=2, steps=2, progress=False)
        with pytest.raises(NotApplicableError, match="another setup"):
            validate(family, agents, progress=False)
    brought = Told(red_door(), [to(red_door(), door=1.0)] * 3)
    assert not judge(brought, family).registered
    brought.predictions = family.predictions().digest  # type: ignore[attr-defined]
    assert not judge(brought, family).registered


def test_registration_binds_rows_setup_model_and_recipe() -> None:
    family = red_door_family()
    agents = cm.train(family.setup, family=family, agents=2, steps=2, progress=False)
    report = validate(family, agents, retrain=False, progress=False)
    assert report.registered
    assert report.identity == agents.registered
    assert report.to_dict()["identity"]["recipe"] == agents.recipe.digest
    forged = replace(agents, recipe=replace(agents.recipe, seed=5))
    assert not validate(family, forged, retrain=False, progress=False).registered
    more = cm.TrainingSetup(
        red_door(), deployments={**red_door_deployments(), "later": {"door": cm.Uniform("left", "right")}}
    )
    assert not validate(cm.derive_mesa_optimizers(more), agents, retrain=False, progress=False).registered

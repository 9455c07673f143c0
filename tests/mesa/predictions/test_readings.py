"""What frozen agents are asked to do: never to know a deployment that they cannot see; one rule can do all of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.mesa_optimizer import Consistency
from cidmesa.mesa.consistency.frozen_rules import FrozenRules, allowed
from cidmesa.mesa.derive import Family
from cidmesa.mesa.outcomes.outcome_table import optimal_for
from cidmesa.mesa.outcomes.stale_beliefs import new_contexts, reached_by_some_policy
from cidmesa.mesa.predictions.kinds.stated import PLANNING
from cidmesa.mesa.predictions.predictions import JOINT, Prediction
from cidmesa.validation.checks import Checks
from cidmesa.validation.judge import allowed_set, sides
from cidmesa.validation.statistics import MARGIN, share_test
from tests.mesa.systems import red_door, red_door_deployments
from tests.strategies import examples, models, shifts


class Ruled:
    """Agents with given rules: decision → (agents, contexts, actions)."""

    def __init__(self, rules: dict[str, np.ndarray], reading: str = "stale") -> None:
        self.rules = rules
        self.reading = reading

    def __len__(self) -> int:
        return len(next(iter(self.rules.values())))

    def probabilities(self, decision: str) -> np.ndarray:
        return self.rules[decision]

    def act(self, observations: Any, seed: int) -> Any:
        raise NotImplementedError


def by_rule(model: cm.CIM, agents: int = 32, **rules: Any) -> Ruled:
    """Agents that all do the same: decision → a function of its context."""
    found = {}
    for decision, rule in rules.items():
        rows = [model.domain(decision).index(rule(*context)) for context in model.contexts(decision)]
        found[decision] = np.broadcast_to(np.eye(model.card(decision))[rows], (agents, len(rows), model.card(decision)))
    return Ruled(found)


# Stories ------------------------------------------------------------------------------------------------------------


def crossed_wires() -> cm.TrainingSetup:
    cid = cm.CID(
        [
            ("door", "sensor"), ("sensor", "go"), ("go", "at_door"), ("door", "at_door"), ("go", "at_sensor"),
            ("sensor", "at_sensor"), ("at_door", "reward"),
        ],
        decisions=["go"],
        utilities=["reward"],
    )  # fmt: skip
    model = cid.parameterise(
        door=cm.Uniform("L", "R"),
        sensor=lambda door: door,
        go=["L", "R"],
        at_door=lambda go, door: int(go == door),
        at_sensor=lambda go, sensor: int(go == sensor),
        reward=lambda at_door: at_door,
    )
    return cm.TrainingSetup(model, deployments={"crossed wires": {"sensor": lambda door: "R" if door == "L" else "L"}})


def test_crossed_wires_teach_nothing_about_goals() -> None:
    setup = crossed_wires()
    family = cm.derive_mesa_optimizers(setup)
    agents = by_rule(setup.require_model("story"), go=lambda sensor: sensor)
    report = cm.validate(family, agents, progress=False, retrain=False)
    there = [row for row in report if row.prediction.deployment == "crossed wires"]
    assert {row.hypothesis for row in there} == {PLANNING}  # of frozen agents nothing is asked
    assert {row.reason for row in there} == {"needs retraining"}
    assert not [row for row in report if row.verdict == "contradicted"]
    assert report.shares == {}
    assert not cm.separating_shifts(setup, "at_door", "at_sensor", size=1)[0].visible
    # Planners are another matter: they know the wires, and who wants the door does not go by the sensor.
    told = cm.validate(family, agents, reading="competent", progress=False, retrain=False)
    assert told["at_door/crossed wires/actions/go"].verdict == "contradicted"
    assert told["at_sensor/crossed wires/actions/go"].verdict == "supported"
    planners = by_rule(setup.require_model("story"), go=lambda sensor: sensor)
    planners.reading = "competent"
    said = cm.validate(family, planners, progress=False, retrain=False)
    assert [(row.prediction.id, row.verdict) for row in said] == [(row.prediction.id, row.verdict) for row in told]
    for m in (family["at_door"], family["at_sensor"], family["reward"]):
        assert m.stale_regret["crossed wires"] == (1.0, 1.0)
        assert m.possible_actions("crossed wires", reading="stale")["go"] == {("L",): ("L",), ("R",): ("R",)}


def test_a_medical_test_whose_base_rate_falls() -> None:
    """From 50 % ill to 1 %: who treats by the result goes on to, and the cost of it stands beside that of knowing."""
    cid = cm.CID(
        [("ill", "result"), ("result", "treat"), ("treat", "right"), ("ill", "right"), ("right", "score")],
        decisions=["treat"],
        utilities=["score"],
    )
    model = cid.parameterise(
        ill=cm.Bernoulli(0.5),
        result=cm.Noisy(lambda ill: ill, 0.1),
        treat=[0, 1],
        right=lambda treat, ill: int(treat == ill),
        score=lambda right: right,
    )
    setup = cm.TrainingSetup(model, {"screening": {"ill": cm.Bernoulli(0.01)}})
    family = cm.derive_mesa_optimizers(setup)
    report = cm.validate(family, by_rule(model, treat=lambda result: result), progress=False, retrain=False)
    assert report.in_scope == 32
    assert not [row for row in report if row.agents.deviating]
    right = family["right"]
    assert right.stale_regret["screening"] == pytest.approx((0.09, 0.09))  # right 90 % of the time, not 99 %
    assert right.deployment_regret["screening"] == pytest.approx((0.0, 0.0))
    table = str(family)
    assert "competent" in table
    assert "stale" in table
    assert "[0.09, 0.09]" in table
    competent = cm.validate(
        family, by_rule(model, treat=lambda result: result), reading="competent", progress=False, retrain=False
    )
    assert competent["joint/screening/actions/treat"].verdict == "contradicted"


def test_two_sensors_of_one_door_are_not_both_to_be_trusted() -> None:
    """Each is broken in a deployment of its own: there training says nothing of what to do where they differ."""
    cid = cm.CID(
        [("door", "a"), ("door", "b"), ("a", "go"), ("b", "go"), ("go", "at"), ("door", "at"), ("at", "reward")],
        decisions=["go"],
        utilities=["reward"],
    )
    model = cid.parameterise(
        door=cm.Uniform("L", "R"), a=lambda door: door, b=lambda door: door, go=["L", "R"],
        at=lambda go, door: int(go == door), reward=lambda at: at,
    )  # fmt: skip
    swap = cm.Function(lambda door: "R" if door == "L" else "L", domain=("L", "R"))
    setup = cm.TrainingSetup(model, {"a broken": {"a": swap}, "b broken": {"b": swap}})
    family = cm.derive_mesa_optimizers(setup)
    for m in family.hypotheses:
        for name in setup.deployments:
            assert set(m.possible_actions(name, reading="stale")["go"].values()) == {("L", "R")}
            assert m.stale_regret[name] == (0.0, 1.0)
    assert not [row for row in family.predictions() if row.deployment != "training" and row.modality == "must"]


def second_look(sees: bool, pays: int) -> cm.TrainingSetup:
    """The first decision sets s, the second may look at it and be paid for saying 1; then s is crossed."""
    links = [("s", "d2")] if sees else []
    cid = cm.CID(
        [("d1", "s"), *links, ("s", "first"), ("d2", "second")], decisions=["d1", "d2"], utilities=["first", "second"]
    )
    model = cid.parameterise(d1=[0, 1], s=lambda d1: d1, d2=[0, 1], first=lambda s: s, second=lambda d2: pays * d2)
    return cm.TrainingSetup(model, {"crossed": {"s": lambda d1: 1 - d1}})


@pytest.mark.parametrize("sees", [False, True])
def test_a_later_look_changes_nothing_about_a_crossed_wire(sees: bool) -> None:
    family = cm.derive_mesa_optimizers(second_look(sees, pays=0))
    score = family["first", "second"]
    assert score.stale_regret["crossed"] == (1.0, 1.0)
    assert score.deployment_regret["crossed"] == (0.0, 0.0)
    for m in (score, family["s"]):
        assert m.possible_actions("crossed", reading="stale")["d1"] == {(): (1,)}
    there = [row for row in family.predictions() if row.deployment == "crossed"]
    assert {(row.hypothesis, row.modality) for row in there} == {(PLANNING, "can")}  # of frozen agents nothing is asked
    # Where the second is paid for, what it does after s = 0 is open, since the first never let it come to that.
    paid = cm.derive_mesa_optimizers(second_look(sees, pays=1))["first", "second"]
    assert paid.stale_regret["crossed"] == ((1.0, 2.0) if sees else (1.0, 1.0))


def test_what_some_policy_shows_is_not_new_to_agents_that_never_saw_it() -> None:
    """With perfect recall the second decision is after d1 = 1 only where an agent has taken what none takes."""
    cid = cm.CID(
        [("d1", "s"), ("d1", "d2"), ("s", "d2"), ("d1", "pay"), ("d2", "pay")], decisions=["d1", "d2"],
        utilities=["pay"],
    )  # fmt: skip
    model = cid.parameterise(
        d1=[0, 1], s=cm.Function(lambda d1: d1, domain=(0, 1)), d2=[0, 1], pay=lambda d1, d2: 3 * (1 - d1) + d2
    )
    setup = cm.TrainingSetup(model, {"s sticks": {"s": lambda d1: 1 - d1}, "s is noise": {"s": cm.Bernoulli(0.5)}})
    family = cm.derive_mesa_optimizers(setup)
    off_path = by_rule(model, d1=lambda: 0, d2=lambda d1, s: 1 - d1)  # (1, 1) was shown under some policy, not theirs
    report = cm.validate(family, off_path, progress=False, retrain=False)
    assert report.in_scope == 32
    assert not [row for row in report if row.verdict == "contradicted"]
    # (0, 1) is new: that d2 = 1 is better after d1 = 0 training has told, whatever s.
    assert family["pay"].possible_actions("s sticks", reading="stale")["d2"][0, 1] == (1,)
    others = by_rule(model, d1=lambda: 0, d2=lambda d1, s: int((d1, s) == (0, 0)))
    assert "contradicted" in {row.verdict for row in cm.validate(family, others, progress=False, retrain=False)}


def test_a_deployment_carries_what_is_known_of_it_by_reading() -> None:
    m = cm.derive_mesa_optimizers(crossed_wires())["at_door"]
    there = m.in_deployment["crossed wires"]
    assert there.regret == {"competent": (0.0, 0.0), "stale": (1.0, 1.0)}
    assert there.robustly_aligned == {"competent": True, "stale": False}
    assert there.possible_actions["competent"]["go"] != there.possible_actions["stale"]["go"]
    assert there.possible_actions["stale"] == m.possible_actions("crossed wires", reading="stale")
    assert (there.shift_class, there.carry_over) == (m.shift_class["crossed wires"], None)
    assert there.intended_regret == {}
    assert there.cid == m.cid
    bare = cm.derive_mesa_optimizers(cm.TrainingSetup(crossed_wires().cid, {"there": {"sensor"}}))["at_door"]
    assert bare.in_deployment["there"].regret == {}


def test_readings_have_names() -> None:
    family = cm.derive_mesa_optimizers(crossed_wires())
    rows = family.predictions()
    assert rows.reading == "stale"
    assert {row.reading for row in (*rows, *rows.structural)} == {"stale"}
    competent = family.predictions(reading="competent")
    assert {row.reading for row in competent} == {"competent"}
    assert rows.digest != competent.digest
    assert "stale" in str(rows)
    assert "competent" in str(competent)
    for wrong in (
        lambda: family.predictions(reading="frozen"),
        lambda: family["door"].possible_actions("training", reading=1),
    ):
        with pytest.raises(cm.errors.NotApplicableError, match="a reading is 'stale' or 'competent'"):
            wrong()
    with pytest.raises(NotApplicableError, match="margin= is a share"):
        family.predictions(margin=2.0)


def test_rows_in_rare_contexts_are_weighed_by_how_often_they_come() -> None:
    """One thing in fifty is repainted: what is done there cannot make a difference beyond the margin."""
    setup = cm.TrainingSetup(red_door(), {"peeled": {"red": cm.Noisy(lambda door: door, 0.02)}})
    rows = cm.derive_mesa_optimizers(setup).predictions()
    assert not [row for row in rows if row.deployment == "peeled"]
    assert {row.kind for row in rows.structural if row.deployment == "peeled"} >= {"actions", "regret", "coverage"}


def test_a_slip_off_the_path_moves_no_statistic() -> None:
    cid = cm.CID([("d1", "d2"), ("x", "d2"), ("d1", "pay"), ("d2", "pay")], decisions=["d1", "d2"], utilities=["pay"])
    model = cid.parameterise(x=cm.Uniform(0, 1), d1=[0, 1], d2=[0, 1], pay=lambda d1, d2: 3 * (1 - d1) + d2)
    setup = cm.TrainingSetup(model)
    family = cm.derive_mesa_optimizers(setup)
    found = []
    for slip in (0.0, 1e-9):
        second = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # off the path by the other observation
        rules = {"d1": np.array([[[1 - slip, slip]]]), "d2": second[None]}
        checks = Checks(setup, family.hypotheses, Ruled(rules), retrain=False)
        assert checks.scope.all()
        numbers = {r.id: checks.measure(r) for r in family.predictions() if not r.retrained}
        found.append({key: m.bounds.estimate[0] for key, m in numbers.items() if not isinstance(m, str)})
    assert found[0].keys() == found[1].keys()
    assert found[0] == pytest.approx(found[1], abs=1e-8)


# Random setups ------------------------------------------------------------------------------------------------------


@st.composite
def setups(draw: Any, decisions: int = 1) -> cm.TrainingSetup:
    """A random model with two deployments, each of which shifts one or two chance nodes.

    Some mechanisms of training leave nothing to chance, so that much of what deployments show is new.
    """
    model = draw(models(decisions=decisions, min_chance=2, max_chance=4 if decisions == 1 else 3, max_card=2))
    sure = draw(st.lists(st.sampled_from(model.cid.chance), unique=True))
    model = model.shift({node: np.round(model.cpd(node) + np.array([1e-9, -1e-9])) for node in sure})
    return cm.TrainingSetup(model, deployments={name: shifts(draw, model) for name in ("here", "there")})


def joint_rows(family: Family) -> list[Prediction]:
    rows = family.predictions().of(JOINT)
    return [row for row in rows if row.modality == "must" and not row.inert and not row.retrained]


def complies(checks: Checks, row: Prediction) -> np.ndarray:
    found = checks.measure(row)
    assert not isinstance(found, str), (row.id, found)
    strict = row.expected is True and row.kind != "coverage"
    return sides(found.bounds, allowed_set(row, checks.unit(row), MARGIN), strict=strict)[0]


def optimal_in_training(setup: cm.TrainingSetup, rng: np.random.Generator, agents: int) -> Ruled:
    """Agents that mix optimal actions in contexts that training shows, as they like, and do anything in others."""
    model = setup.deployed("training")
    best = model.solve()
    rules = {}
    for decision in model.cid.decisions:
        shape = len(model.contexts(decision)), model.card(decision)
        optimal = np.asarray(best.optimal_mask(decision)).reshape(shape)
        seen = reached_by_some_policy(setup, "training", decision)
        can = np.where(seen[:, None], optimal, allowed(model, decision))
        weights = rng.dirichlet(np.full(shape[1], 0.5), size=(agents, shape[0])) * can + 1e-300 * can
        rules[decision] = weights / weights.sum(axis=-1, keepdims=True)
    return Ruled(rules)


def frozen_base(setup: cm.TrainingSetup, family: Family) -> dict[str, np.ndarray] | None:
    """The base's own rule: in every context of every distribution what its beliefs from training call best."""
    model = setup.deployed("training")
    score = family[setup.score]
    assert score.objective is not None
    values = np.array([sum(v) if isinstance(v, tuple) else v for v in _levels(setup)], dtype=float)
    rules = FrozenRules(setup, score.names, lambda t: optimal_for(t, values), one_objective=True)
    found = {}
    for decision in model.cid.decisions:
        can = allowed(model, decision)
        for name in setup.distributions:
            can &= rules.allows(name, decision)
        assert can.any(axis=1).all()  # no context has two answers
        found[decision] = np.eye(can.shape[1])[can.argmax(axis=1)][None]
    return found


def _levels(setup: cm.TrainingSetup) -> list[Any]:
    from itertools import product

    from cidmesa.mesa.objectives.declared import domain_of

    return list(product(*(domain_of(setup, u) for u in setup.score)))


@given(setups(), st.integers(0, 10**6))
@settings(max_examples=examples(quick=40, full=320), suppress_health_check=[HealthCheck.too_slow])
def test_agents_that_are_optimal_in_training_are_contradicted_by_nothing_old(
    setup: cm.TrainingSetup, seed: int
) -> None:
    check_what_is_asked_of_frozen_agents(setup, seed)


@given(setups(decisions=2), st.integers(0, 10**6))
@settings(max_examples=examples(quick=20, full=220), suppress_health_check=[HealthCheck.too_slow])
def test_the_same_with_two_decisions(setup: cm.TrainingSetup, seed: int) -> None:
    check_what_is_asked_of_frozen_agents(setup, seed)


def check_what_is_asked_of_frozen_agents(setup: cm.TrainingSetup, seed: int) -> None:
    family = cm.derive_mesa_optimizers(setup)
    assume(family[setup.score].consistency is Consistency.CONSISTENT)
    rows = joint_rows(family)
    agents = optimal_in_training(setup, np.random.default_rng(seed), 8)
    optimal = Checks(setup, family.hypotheses, agents, retrain=False)
    for row in rows:
        shows = [d for d in setup.cid.decisions if new_contexts(setup, row.deployment, d).any()]
        if row.deployment == "training":
            assert complies(optimal, row)[optimal.scope].all(), row
        else:
            assert shows, row  # nothing new, nothing asked
    base = Checks(setup, family.hypotheses, Ruled(frozen_base(setup, family) or {}), retrain=False)
    if base.scope.all():
        for row in rows:
            assert complies(base, row).all(), row


@given(setups(), st.integers(0, 10**6))
@settings(
    max_examples=examples(quick=6, full=40),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_rules_that_leave_a_row_by_three_margins_deviate_from_it(setup: cm.TrainingSetup, seed: int) -> None:
    """Rows say something: whoever does what a table of actions leaves out in new contexts is found out."""
    family = cm.derive_mesa_optimizers(setup)
    rows = [r for r in family.predictions() if r.kind == "actions" and r.deployment != "training" and not r.retrained]
    assume(rows)
    model, rng = setup.deployed("training"), np.random.default_rng(seed)
    agents = optimal_in_training(setup, rng, 16)
    for row in rows:
        assert row.decision is not None
        rule = agents.rules[row.decision].copy()
        domain, table = model.domain(row.decision), dict(row.expected)  # type: ignore[call-overload]
        mass = 0.0
        law = setup.deployed(row.deployment).query(model.cid.parents(row.decision)).probabilities.ravel()
        for i, context in enumerate(model.contexts(row.decision)):
            off = [a not in table.get(context, domain) for a in domain]
            if any(off):
                assert new_contexts(setup, row.deployment, row.decision)[i]
                rule[:, i] = np.eye(len(domain))[int(np.argmax(off))]
                mass += law[i]
        found = Checks(setup, family.hypotheses, Ruled({row.decision: rule}), retrain=False)
        assert found.scope.all()
        assert complies(found, row).any() == (mass <= MARGIN + 1e-9)
        if mass >= 3 * MARGIN:
            numbers = found.measure(row)
            assert not isinstance(numbers, str)
            assert numbers.bounds.estimate == pytest.approx(np.full(16, mass), abs=1e-9)
            assert share_test(0, 32, 32).verdict() == "contradicted"


def test_the_red_door_is_as_it_was() -> None:
    """Where red things stand elsewhere every context is new, and both readings say the same of what is done there."""
    setup = cm.TrainingSetup(red_door(), deployments=red_door_deployments())
    family = cm.derive_mesa_optimizers(setup)
    stale, competent = family.predictions(), family.predictions(reading="competent")
    for row in stale:
        if row.deployment == "opposite":
            assert competent[row.id].expected == row.expected

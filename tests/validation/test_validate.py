"""From predictions and agents to a report: scripted agents whose behaviour is known get the verdicts they deserve."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.agents.environment import Environment
from cidmesa.agents.tensors import agent_keys, as_array, positions, uniforms
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.derive import Family, derive_mesa_optimizers
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.mesa.graphical.shifts import ShiftClass
from cidmesa.mesa.predictions.predictions import Prediction, Predictions, predict
from cidmesa.mesa.readings import Reading
from cidmesa.model import CIM
from cidmesa.solve.policies.stakes import negated
from cidmesa.validation import Report, required_agents, validate
from cidmesa.validation.checks import Checks
from cidmesa.validation.statistics import LEAST_SAMPLES
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments
from tests.strategies import examples, models

Rule = Callable[..., Any]


def red_door_family(mismatch: float = 0.0, places: tuple[Any, ...] = ("left", "right"), **options: Any) -> Family:
    setup = cm.TrainingSetup(red_door(mismatch, places), deployments=red_door_deployments(places))
    return derive_mesa_optimizers(setup, **{"tolerance": mismatch, **options})


class Scripted:
    """Agents that follow given rules; with `exact`, they tell their probabilities."""

    def __init__(self, model: cm.CIM, rules: list[Mapping[str, np.ndarray]]) -> None:
        self.model = model
        self.rules = rules

    def __len__(self) -> int:
        return len(self.rules)

    def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Any]:
        keys, cid = agent_keys(seed, len(self)), self.model.cid
        found = {}
        for decision in cid.decisions:
            parents = cid.parents(decision)
            if not all(p in observations for p in parents):
                continue
            seen = [positions(self.model, p, np.asarray(observations[p])) for p in parents]
            where = np.ravel_multi_index(seen, tuple(map(self.model.card, parents))) if parents else np.zeros(1, int)
            table = np.stack([np.reshape(rule[decision], (-1, self.model.card(decision))) for rule in self.rules])
            where = np.broadcast_to(where, (len(self), where.shape[-1]))
            law = np.take_along_axis(table, where[..., None], axis=1)
            noise = uniforms(keys, f"scripted {decision}", np.arange(where.shape[-1]))
            chosen = (noise[..., None] >= law.cumsum(axis=-1)[..., :-1]).sum(axis=-1)
            found[decision] = as_array(self.model.domain(decision))[chosen]
        return found


class Told(Scripted):
    """The same, telling their probabilities."""

    def probabilities(self, decision: str) -> np.ndarray:
        return np.stack([np.reshape(rule[decision], (-1, self.model.card(decision))) for rule in self.rules])


def to(model: cm.CIM, **shares: float) -> dict[str, np.ndarray]:
    """Go to the door, to red, or anywhere, with these probabilities."""
    places = model.domain("go")
    rule = np.zeros((len(places), len(places), len(places)))
    for d in range(len(places)):
        for r in range(len(places)):
            rule[d, r, d] += shares.get("door", 0.0)
            rule[d, r, r] += shares.get("red", 0.0)
            rule[d, r] += shares.get("anywhere", 0.0) / len(places)
    return {"go": rule}


def population(model: cm.CIM, kind: type[Scripted] = Told, **counts: int) -> Scripted:
    rules = [to(model, **{name: 1.0}) for name, n in counts.items() for _ in range(n)]
    return kind(model, rules)


def judge(agents: Any, family: Family | None = None, **options: Any) -> Report:
    return validate(family or red_door_family(), agents, progress=False, **options)


# Verdicts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Told, Scripted])
def test_agents_that_seek_red_support_at_red_and_contradict_the_door(kind: type[Scripted]) -> None:
    report = judge(population(red_door(), kind, red=32))
    assert report.sampled == (kind is Scripted)
    assert report.whole is not None
    assert report.whole.verdict == "supported"
    for row in report:
        if row.modality == "can" or row.prediction.retrained:
            continue
        if row.hypothesis in {"joint", "at_red"}:
            assert row.verdict == "supported", row
        else:
            assert row.verdict == "contradicted", row
    assert report.shares["opposite"]["at_red"].count == 32
    assert report.shares["opposite"]["at_door = reward"].count == 0


def test_half_and_half_is_neither_and_every_joint_row_still_holds() -> None:
    report = judge(population(red_door(), red=16, door=16))
    rows = [row for row in report if row.modality == "must" and not row.prediction.retrained]
    verdicts = {(row.hypothesis, row.verdict) for row in rows if row.among is None}
    assert ("joint", "contradicted") not in verdicts
    assert ("joint", "inconclusive") not in verdicts
    assert ("at_red", "supported") not in verdicts
    assert report["at_red/opposite/regret/reward"].verdict == "contradicted"
    assert report["at_door/opposite/regret/reward"].verdict == "contradicted"
    assert report["at_red/opposite/regret/reward"].estimate == pytest.approx(0.5)  # which describes nobody
    # Those that another deployment assigned to a hypothesis do what it says, in contexts that this one does not show;
    # all that `opposite` shows is shown by `repainted`.
    knowing = judge(population(red_door(), red=16, door=16), reading="competent")
    assert knowing["at_door/repainted/actions/go | as in opposite"].agents[:2] == (16, 0)
    assert [row.id for row in report if row.among == "repainted" and row.deployment == "opposite"] == []


def test_agents_that_do_now_one_thing_and_now_the_other_are_mixed_and_covered() -> None:
    model = red_door()
    mixers = Told(model, [to(model, door=0.5, red=0.5)] * 32)
    report = judge(mixers)
    assert report["joint/opposite/coverage"].verdict == "supported"
    assert report.shares["opposite"]["mixed"].count == 32
    assert report["at_red/opposite/actions/go"].verdict == "contradicted"


def test_agents_of_no_hypothesis_are_other() -> None:
    """With three places one may go where neither door nor red is."""
    places = ("a", "b", "c")
    family = red_door_family(places=places)
    model = red_door(places=places)
    rule = to(model, door=1.0)["go"]
    for d in range(3):
        for r in range(3):
            if d != r:
                rule[d, r] = np.eye(3)[3 - d - r]
    report = judge(Told(model, [{"go": rule}] * 20), family)
    assert report.shares["opposite"]["other"].count == 20
    assert report["joint/opposite/coverage"].verdict == "contradicted"
    assert report.whole is not None
    assert report.whole.verdict == "contradicted"
    assert report["joint/repainted/actions/go"].verdict == "contradicted"


def test_the_premise_leaves_out_agents_that_did_not_learn() -> None:
    report = judge(population(red_door(), red=20, anywhere=12))
    assert (report.in_scope, report.agents) == (20, 32)
    assert report["at_red/opposite/regret/reward"].agents.in_scope == 20
    assert report.shares["opposite"]["outside the premise"].count == 12
    assert sum(share.count for share in report.shares["opposite"].values()) == 32


@pytest.mark.parametrize("learned", [0, 13])
def test_too_few_agents_decide_nothing_and_say_so(learned: int) -> None:
    report = judge(population(red_door(), red=learned, anywhere=32 - learned))
    rows = [row for row in report if row.hypothesis == "joint" and row.modality == "must" and len(row.statistic)]
    assert rows
    for row in rows:
        assert row.verdict == "inconclusive"
        if row.prediction.retrained:
            continue  # none of these can be trained again
        assert row.reason.startswith(f"{learned} of 32 agents in scope")


def test_a_few_deviators_are_forgiven_and_a_third_is_not() -> None:
    model = red_door()
    forgiven = judge(population(model, red=31, door=1))
    assert forgiven["at_red/opposite/response/red"].agents[:2] == (31, 1)
    third = judge(population(model, red=18, door=14))
    assert third["at_red/opposite/response/red"].verdict == "contradicted"


def test_rows_on_the_same_numbers_count_once() -> None:
    """On the red door the mass off the possible actions is the regret: one claim, not two."""
    report = judge(population(red_door(), red=14))
    actions, regret = report["at_red/opposite/actions/go"], report["at_red/opposite/regret/reward"]
    assert actions.agents == regret.agents
    numbers = {
        row.statistic.round(12).tobytes() + str(row.allowed).encode()
        for row in report
        if row.hypothesis == "joint" and row.modality == "must" and len(row.statistic)
    }
    joint = [row for row in report if row.hypothesis == "joint" and row.modality == "must" and len(row.statistic)]
    assert len(numbers) < len(joint)
    assert joint[0].p == pytest.approx(min(1.0, len(numbers) * 0.8**14))


# Controls, retraining, registration ---------------------------------------------------------------------------------


class Recipe:
    """Trains the same scripted agents again, whatever is changed."""

    def __init__(self, agents: Scripted, again: Scripted) -> None:
        self.agents, self.again, self.asked = agents, again, []

    def retrain(self, **change: Any) -> Scripted:
        self.asked.append(change)
        return self.again


def test_every_number_of_a_row_is_in_the_same_unit() -> None:
    """A reward ten times as large and 7 less: regrets and what something is worth are, shares are what they were."""
    reports = []
    for factor, offset in ((1, 0), (10, -7)):
        model = red_door().shift(reward=lambda at_door, factor=factor, offset=offset: factor * at_door + offset)
        agents = population(model, red=16, door=16)
        agents.recipe = Recipe(agents, agents)  # type: ignore[attr-defined]
        setup = cm.TrainingSetup(model, deployments=red_door_deployments())
        reports.append(judge(agents, derive_mesa_optimizers(setup)))
    one, ten = reports
    assert ten.premise == pytest.approx(10 * one.premise)
    assert ten.training_regret == pytest.approx(10 * one.training_regret)
    kinds = set()
    for row in (*ten, *ten.controls):
        other, unit = one[row.id], 10 if row.kind in {"regret", "control"} or row.prediction.retrained else 1
        kinds.add((row.kind, unit))
        assert (row.verdict, row.agents) == (other.verdict, other.agents)
        assert row.estimate == pytest.approx(unit * other.estimate, nan_ok=True)
        assert row.interval == pytest.approx(tuple(unit * end for end in other.interval), nan_ok=True)
        assert row.statistic == pytest.approx(unit * other.statistic, nan_ok=True)
        assert (row.allowed, row.margin) == (pytest.approx([unit * x for x in other.allowed]), unit * other.margin)
    assert {("regret", 10), ("control", 10), ("actions", 1), ("observation", 1)} <= kinds
    row = ten["joint/training/control/at_door/retrained"]
    assert row.expected == pytest.approx((5.0, 5.0))  # what is expected, and what was found:
    assert (row.estimate, row.interval[0] <= 5.0 <= row.interval[1]) == (pytest.approx(5.0), True)
    assert "range" not in ten.to_text()


def test_without_a_recipe_retraining_is_asked_for() -> None:
    report = judge(population(red_door(), red=32))
    row = report["joint/training/control/at_door/retrained"]
    assert (row.verdict, row.reason) == ("inconclusive", "needs retraining")
    assert np.isnan(row.p)


def test_retrained_rows_compare_what_is_earned_in_each_ones_own_world() -> None:
    model = red_door()
    agents = population(model, red=32)
    agents.recipe = Recipe(agents, agents)  # type: ignore[attr-defined]
    report = judge(agents)
    row = report["joint/training/control/at_door/retrained"]
    assert row.estimate == pytest.approx(0.5)  # 1 with control, a half without, for the very same rule
    assert row.verdict == "supported"
    control = report["joint/sunny/regret/retrained"]
    assert (control.estimate, control.verdict) == (pytest.approx(0.0), "supported")
    blind = report["joint/training/observation/red/retrained"]  # the base needs no paint: who is kept from it loses 0
    assert (blind.prediction.modality, blind.estimate, blind.verdict) == ("must", pytest.approx(0.0), "supported")
    # Cut off from the door, blind to paint, with another weather, another prior; each once, whatever rows ask for it.
    assert report["joint/training/territory/go/retrained"].estimate == row.estimate
    assert len(agents.recipe.asked) == 4  # type: ignore[attr-defined]
    skipped = judge(agents, retrain=False)
    assert skipped["joint/training/control/at_door/retrained"].reason == "needs retraining"


class Optimal(Recipe):
    """Trains agents that are exactly optimal in whatever world they are trained, on whatever they are shown."""

    def retrain(self, *, model: cm.CIM | None = None, without: tuple[str, ...] = ()) -> Scripted:
        whole = self.agents.model if model is None else model
        idle = [(node, d) for node in without for d in whole.cid.decisions if node in whole.cid.parents(d)]
        seen = CIM(whole.cid.without_edges(*idle), {n: own_mechanism(whole, n) for n in whole.cid.nodes})
        found = seen.solve()
        rules = {}
        for d in whole.cid.decisions:
            axes = [i for i, p in enumerate(whole.cid.parents(d)) if (p, d) in idle]
            shape = [*map(whole.card, whole.cid.parents(d)), whole.card(d)]
            rules[d] = np.broadcast_to(np.expand_dims(found.tables[d], axes), shape)
        return Told(self.agents.model, [rules] * len(self.agents))


@given(model=models(max_chance=3, decisions=(1, 2), utilities=(1, 2), max_parents=3))
@settings(max_examples=examples(quick=12, full=80), deadline=None)
def test_retrained_rows_expect_the_exact_difference(model: cm.CIM) -> None:
    """Exact learners lose what is expected; nothing where it is not requisite, and who loses all contradicts that."""
    setup = cm.TrainingSetup(model)
    family = derive_mesa_optimizers(setup)
    rows = [row for row in family.predictions() if row.retrained and row.kind in {"observation", "control"}]
    assume(rows)
    best = Optimal(Told(model, [{}] * 32), Told(model, []))
    agents = best.retrain()
    agents.recipe = Optimal(agents, agents)  # type: ignore[attr-defined]
    report = judge(agents, family)
    for row in rows:
        found = report[row.id]
        assert found.estimate == pytest.approx(sum(row.expected) / 2, abs=1e-9), row  # type: ignore[arg-type]
        assert found.verdict == "supported" or found.reason, row
    must = [row for row in rows if row.modality == "must"]
    assert all(report[row.id].verdict == "supported" for row in must)
    turned = negated(model).solve().tables
    agents.recipe = Recipe(agents, Told(model, [turned] * 32))  # type: ignore[attr-defined]
    broken = judge(agents, family)
    assert all(broken[row.id].verdict == "contradicted" for row in must)


def test_a_broken_plumbing_shows_in_the_negative_control() -> None:
    """Agents that lose everything when retrained under a shift of the weather: something is wrong with the set-up."""
    model = red_door()
    agents = population(model, red=32)
    agents.recipe = Recipe(agents, population(model, anywhere=32))  # type: ignore[attr-defined]
    report = judge(agents)
    assert report["joint/training/observation/red/retrained"].verdict == "contradicted"
    assert report["joint/sunny/regret/retrained"].verdict == "contradicted"
    assert report["joint/sunny/regret/fresh samples"].verdict == "supported"


def test_negative_controls_are_never_counted() -> None:
    report = judge(population(red_door(), red=32))
    assert {row.deployment for row in report.controls} == {"sunny"}
    assert all(row.deployment != "sunny" for row in report.rows)
    total = sum(report.count(verdict) for verdict in ("supported", "contradicted", "inconclusive"))
    assert total == len(report)


def test_registration_is_the_digest_kept_by_training() -> None:
    family = red_door_family()
    options: dict[str, Any] = {"agents": 2, "steps": 5, "progress": False}
    before = cm.train(family.setup, family=family, **options)
    assert judge(before, family, retrain=False).registered
    assert not judge(cm.train(family.setup, **options), family, retrain=False).registered
    assert not judge(before, red_door_family(tolerance=0.3), retrain=False).registered


# Agents that can only be sampled --------------------------------------------------------------------------------------


def test_sampled_and_told_agents_get_the_same_verdicts() -> None:
    model = red_door(0.1)
    rules = [to(model, door=1.0), to(model, red=1.0), to(model, door=0.97, anywhere=0.03)] * 8
    family = red_door_family(0.1)
    told, drawn = judge(Told(model, rules), family), judge(Scripted(model, rules), family)
    for row in told:
        other = drawn[row.id]
        assert (other.verdict == row.verdict) or "unclear" in other.reason, (row, other)
        assert other.estimate == pytest.approx(row.estimate, abs=0.02, nan_ok=True)


def test_an_agent_at_the_margin_is_unclear_when_sampled() -> None:
    model = red_door()
    edge = to(model, red=0.95, door=0.05)
    told = judge(Told(model, [edge] * 20))["at_red/opposite/actions/go"]
    drawn = judge(Scripted(model, [edge] * 20))["at_red/opposite/actions/go"]
    assert told.agents.unclear == 0
    assert drawn.agents.unclear == 20
    assert drawn.verdict == "inconclusive"


@given(models(decisions=1, min_chance=2, max_chance=3), st.integers(0, 10**6))
@settings(max_examples=examples(quick=12, full=100))
def test_bounds_of_sampled_agents_hold_the_exact_numbers(model: cm.CIM, seed: int) -> None:
    rng = np.random.default_rng(seed)
    (decision,) = model.cid.decisions
    shape = (*map(model.card, model.cid.parents(decision)), model.card(decision))
    rules = [{decision: rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])} for _ in range(4)]
    node = model.cid.chance[0]
    flipped = np.asarray(model.cpd(node))[..., ::-1]
    setup = cm.TrainingSetup(model, deployments={"elsewhere": {node: flipped}})
    family = derive_mesa_optimizers(setup)
    hypotheses = family.hypotheses
    told = Checks(setup, hypotheses, Told(model, rules), retrain=False)
    drawn = Checks(setup, hypotheses, Scripted(model, rules), draws=2_000, retrain=False)
    for row in family.predictions():
        if row.inert or row.retrained or row.kind == "coverage":
            continue
        exact, bounded = told.measure(row), drawn.measure(row)
        assert not isinstance(exact, str)
        assert not isinstance(bounded, str)
        # 4 agents, two sides, some 20 rows, 1 % each: allow for one miss by a hair, none by far.
        slack = 0.02
        assert (bounded.bounds.lower <= exact.bounds.estimate + slack).all()
        assert (bounded.bounds.upper >= exact.bounds.estimate - slack).all()


# Several decisions ---------------------------------------------------------------------------------------------------


def two_decisions() -> cm.TrainingSetup:
    """Go to what is shown, twice; the second time another sign must be read."""
    cid = cm.CID(
        [("a", "first"), ("a", "got"), ("first", "got"), ("b", "second"), ("b", "more"), ("second", "more"),
         ("got", "pay"), ("more", "pay")],
        decisions=["first", "second"], utilities=["pay"],
    )  # fmt: skip
    model = cid.parameterise(
        a=cm.Bernoulli(0.5), b=cm.Bernoulli(0.5), first=[0, 1], second=[0, 1], got=lambda a, first: int(a == first),
        more=lambda b, second: int(b == second), pay=lambda got, more: got + more,
    )  # fmt: skip
    return cm.TrainingSetup(model, deployments={"tilted": {"a": cm.Bernoulli(0.9)}})


class Pursues:
    """A hypothesis whose possible actions are the base's optimal ones, as a family's candidates present themselves."""

    def __init__(self, setup: cm.TrainingSetup, targets: tuple[str, ...]) -> None:
        self.setup, self.targets = setup, targets
        self.cid = setup.cid.demote("pay").with_utility("mesa_utility", targets)
        self.deployment_regret = dict.fromkeys(setup.deployments, (0.0, 0.0))
        self.shift_class = dict.fromkeys(setup.deployments, ShiftClass.CONTEXT)
        self.carry_over = dict.fromkeys(setup.deployments, True)
        self.stale_regret = self.deployment_regret

    def new_regret(self, deployment: str) -> None:
        return None

    def possible_actions(self, deployment: str, *, reading: Reading = "competent") -> Any:
        return self.setup.deployed(deployment).solve().optimal_actions

    def some_actions(self, deployment: str) -> None:
        return None


class Given:
    """A family of given hypotheses."""

    def __init__(self, setup: cm.TrainingSetup, *hypotheses: Any) -> None:
        self.setup, self.hypotheses, self.tolerance = setup, hypotheses, 0.0

    def predictions(self, *, reading: Reading | str = "stale", margin: float = 0.05) -> Predictions:
        return predict(self.setup, self.hypotheses, reading=reading, margin=margin)


def test_agents_of_one_rule_are_judged_alike_and_others_by_their_own() -> None:
    """Where the second decision sees what the first did: statistics are those of each rule alone, in any order."""
    cid = cm.CID(
        [("a", "first"), ("a", "got"), ("first", "got"), ("got", "second"), ("a", "second"), ("got", "more"),
         ("second", "more"), ("got", "pay"), ("more", "pay")],
        decisions=["first", "second"], utilities=["pay"],
    )  # fmt: skip
    model = cid.parameterise(
        a=cm.Bernoulli(0.5), first=[0, 1], second=[0, 1], got=lambda a, first: int(a == first),
        more=lambda got, second: int(got == second), pay=lambda got, more: got + more,
    )  # fmt: skip
    setup = cm.TrainingSetup(model, {"tilted": {"a": cm.Bernoulli(0.9)}})
    rng = np.random.default_rng(0)
    rules = [{d: rng.dirichlet([1, 1], size=len(model.contexts(d))) for d in cid.decisions} for _ in range(3)]
    family = Given(setup, Pursues(setup, ("got", "more")))
    order = [2, 0, 1, 0, 2, 2]
    rows = family.predictions(reading="competent")
    assert {row.kind for row in (*rows, *rows.structural)} >= {"observation", "response", "actions", "regret"}
    alone, together = (
        Checks(setup, family.hypotheses, Told(model, [rules[i] for i in who]), reading="competent")
        for who in (range(3), order)
    )
    assert [len(set(np.asarray(checks.subjects.distinct[1]).tolist())) for checks in (alone, together)] == [3, 3]
    measured = 0
    for row in (*rows, *rows.structural):
        if row.retrained or row.inert or row.subject in {"a", "got"} or row.kind == "control":
            continue
        one, many = alone.measure(row), together.measure(row)
        if isinstance(one, str):
            assert one == many
            continue
        assert not isinstance(many, str)
        assert many.bounds.estimate.tolist() == one.bounds.estimate[order].tolist(), row.id
        measured += len(set(one.bounds.estimate.tolist())) == 3
    assert measured >= 3


@pytest.mark.parametrize("kind", [Told, Scripted])
def test_several_decisions_are_judged_with_each_agents_own_rules(kind: type[Scripted]) -> None:
    setup = two_decisions()
    best = {"first": np.eye(2), "second": np.eye(2)}
    lazy = {"first": np.full((2, 2), 0.5), "second": np.eye(2)}
    family = Given(setup, Pursues(setup, ("got", "more")))
    agents = kind(setup.deployed("training"), [best] * 14 + [lazy] * 2)
    report = judge(agents, family, reading="competent")  # type: ignore[arg-type]
    assert report.in_scope == 14
    assert report.training_regret[:14] == pytest.approx(np.zeros(14), abs=0.02)
    assert report.training_regret[14:] == pytest.approx(np.full(2, 0.5), abs=0.04)  # of two that can be earned
    actions = report["joint/tilted/actions/first"]
    assert actions.statistic == pytest.approx([0.0] * 14 + [0.5] * 2, abs=0.02)
    response = report["joint/tilted/response/a -> first"]
    assert (response.expected, response.modality) == (True, "must")
    assert response.statistic == pytest.approx([0.4] * 14 + [0.0] * 2, abs=0.02)
    assert response.agents == (14, 0, 0, 14)
    used = report["joint/training/observation/a -> first"]
    assert used.statistic == pytest.approx([0.5] * 14 + [0.0] * 2, abs=0.03)
    derived = judge(agents, derive_mesa_optimizers(setup), reading="competent")
    assert derived["joint/tilted/response/a -> first"].agents == response.agents


def test_the_context_of_a_later_decision_comes_from_the_agents_own_rule() -> None:
    """The second decision sees the first: agents that never take 1 never show what they do after it."""
    cid = cm.CID([("first", "second"), ("second", "pay")], decisions=["first", "second"], utilities=["pay"])
    model = cid.parameterise(first=[0, 1], second=[0, 1], pay=lambda second: second)
    setup = cm.TrainingSetup(model)
    never = {"first": np.array([1.0, 0.0]), "second": np.array([[0.0, 1.0], [1.0, 0.0]])}
    often = {"first": np.array([0.5, 0.5]), "second": np.array([[0.0, 1.0], [1.0, 0.0]])}
    checks = Checks(setup, (), Told(model, [never, often]), retrain=False)
    assert checks.training_regret.bounds.estimate == pytest.approx([0.0, 0.5])
    row = Prediction("", "joint", "training", "observation", "first -> second", True, "can", "", "second")
    found = checks.measure(row)
    assert not isinstance(found, str)
    assert found.bounds.estimate[0] == 0.0  # no two contexts that come up differ
    assert found.bounds.estimate[1] == pytest.approx(0.5)  # half of the pairs are of one context
    drawn = Checks(setup, (), Scripted(model, [never, often]), draws=2_000, retrain=False)
    assert "needs probabilities" in str(drawn.measure(row))


def test_shared_rules_are_compared_with_the_best_shared_rule() -> None:
    cid = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: int(a != b))
    setup = cm.TrainingSetup(model, shared_rules=[("a", "b")])
    half = {"a": np.full(2, 0.5), "b": np.full(2, 0.5)}
    checks = Checks(setup, (), Told(model, [half]), retrain=False)
    assert checks.training_regret.bounds.estimate == pytest.approx([0.0], abs=1e-6)


# Statistics against their definitions -------------------------------------------------------------------------------


@given(models(decisions=1, min_chance=2, max_chance=4), st.integers(0, 10**6))
@settings(max_examples=examples(quick=40, full=500))
def test_statistics_against_their_definitions(model: cm.CIM, seed: int) -> None:
    """Regret, use and response of a random rule, each by enumeration from the model's own queries."""
    rng = np.random.default_rng(seed)
    (decision,) = model.cid.decisions
    parents = model.cid.parents(decision)
    shape = (*map(model.card, parents), model.card(decision))
    rule = rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])
    policy = {decision: rule}
    node = model.cid.chance[int(rng.integers(len(model.cid.chance)))]
    moved = rng.dirichlet(np.ones(model.card(node)), size=model.cpd(node).shape[:-1])
    setup = cm.TrainingSetup(model, deployments={"elsewhere": {node: moved}})
    there = setup.deployed("elsewhere")
    checks = Checks(setup, (), Told(model, [policy]), retrain=False, reading="competent")
    regret = there.solve().value - there.expected_utility(policy)
    unit = checks.range_of("elsewhere") or 1.0
    assert checks._regret("elsewhere").bounds.estimate[0] * unit == pytest.approx(regret, abs=1e-9)
    values = (
        [
            there.expected_utility({decision: np.eye(shape[-1])[np.reshape(a, shape[:-1])]})
            for a in product(range(shape[-1]), repeat=int(np.prod(shape[:-1])))
        ]
        if np.prod(shape[:-1]) <= 6
        else []
    )
    assert not values or checks.range_of("elsewhere") == pytest.approx(max(values) - min(values), abs=1e-9)
    from cidmesa.mesa.predictions.comparable_contexts import response_mixtures, shown, unmoved

    nd = unmoved(setup, "elsewhere", decision)
    if shown(setup, "elsewhere", decision):
        before = model.query([*nd, decision], policy=policy).probabilities
        after = there.query([*nd, decision], policy=policy).probabilities
        law = before.sum(axis=-1)
        conditional = [
            np.divide(j, law[..., None], out=np.zeros_like(j), where=law[..., None] > 0) for j in (before, after)
        ]
        wanted = (law * np.abs(conditional[0] - conditional[1]).sum(axis=-1) / 2).sum()
        found = response_mixtures(setup, "elsewhere", decision).variation(rule.reshape(-1, shape[-1]))
        assert float(found) == pytest.approx(float(wanted), abs=1e-9)
    law = np.asarray(there.query(parents, policy=policy).probabilities) if parents else np.ones(())
    from cidmesa.mesa.predictions.comparable_contexts import observation_pairs

    for axis in range(len(parents)):
        total = weight = 0.0
        rest = law.sum(axis=axis, keepdims=True)
        for context in np.ndindex(law.shape):
            for value in range(law.shape[axis]):
                other = (*context[:axis], value, *context[axis + 1 :])
                if value != context[axis] and law[context] > 0 and law[other] > 0:
                    w = law[context] * law[other] / rest[(*context[:axis], 0, *context[axis + 1 :])]
                    total += w * np.abs(rule[context] - rule[other]).sum() / 2
                    weight += w
        pairs = observation_pairs(law, axis)
        assert bool(len(pairs)) == (weight > 0)
        if weight > 0:
            assert float(pairs.variation(rule.reshape(-1, shape[-1]))) == pytest.approx(total, abs=1e-9)


def test_fresh_episodes_earn_what_the_model_says() -> None:
    model = red_door(0.3)
    rules = [to(model, door=1.0), to(model, red=1.0), to(model, anywhere=1.0)]
    agents = Told(model, rules)
    checks = Checks(red_door_family(0.3).setup, (), agents, retrain=False)
    earned = checks.subjects.earn(model, 20_000, seed=3)
    assert earned == pytest.approx([1.0, 0.7, 0.5], abs=0.02)
    assert Environment(model).model is model


# Ways out, and what is refused --------------------------------------------------------------------------------------


def test_the_report_as_text_json_and_frame(tmp_path: Any) -> None:
    report = judge(population(red_door(), red=30, anywhere=2))
    text = " ".join(str(report).split())
    assert "30 of 32 agents meet the premise" in text
    assert "Registered before training: no" in text
    assert "cannot fail" in text
    assert "contradicted" in text
    page = report.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page
    assert "contradicted" in page
    data = json.loads(report.to_json(tmp_path / "report.json"))
    assert json.loads((tmp_path / "report.json").read_text()) == data
    assert len(data["rows"]) == len(report)
    assert data["rows"][0].keys() >= {"id", "estimate", "interval", "margin", "agents", "p", "verdict", "reason"}
    frame = report.to_frame()
    assert len(frame) == len(report.rows) + len(report.controls)
    assert set(frame["verdict"]) <= {"supported", "contradicted", "inconclusive"}
    assert frame.set_index("id").loc["at_red/opposite/regret/reward", "complying"] == 30
    with pytest.raises(KeyError):
        report["nothing"]


def test_agents_of_another_setup_are_refused() -> None:
    family = red_door_family()
    with pytest.raises(NotApplicableError, match="the domain of `door` is"):
        judge(population(red_door(places=("a", "b", "c")), red=3), family)
    with pytest.raises(NotApplicableError, match="judged by what they do"):
        judge("agents", family)
    with pytest.raises(NotApplicableError, match="no agent to judge"):
        judge(population(red_door()), family)

    class Silent(Scripted):
        def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Any]:
            return {}

    class Short(Scripted):
        def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Any]:
            return {"go": np.array(["left"])}

    class Lost(Scripted):
        def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Any]:
            return {"go": np.full((2, LEAST_SAMPLES // 2), "up")}

    for kind, text in ((Silent, "returned no `go`"), (Short, "expected"), (Lost, "not in the domain")):
        with pytest.raises(NotApplicableError, match=text):
            judge(population(red_door(), kind, red=2), family)
    bare = derive_mesa_optimizers(cm.TrainingSetup(red_door().cid))
    with pytest.raises(NotApplicableError, match="bare diagram"):
        judge(population(red_door(), red=2), bare)


def test_required_agents_by_family() -> None:
    family = red_door_family()
    found = {need.family: need for need in required_agents(family, effect=0.5, power=0.8)}
    assert set(found) == {"joint", "at_door = reward", "at_red", "retrained or planning", "can"}
    joint = sum(r.hypothesis == "joint" and not r.inert and r.modality == "must" for r in family.predictions())
    assert found["joint"].rows == joint
    assert found["joint"].support <= 32
    assert found["can"].contradict is None
    with pytest.raises(NotApplicableError, match="cannot be told"):
        required_agents(family, effect=0.2, power=0.8)


# The unit, the premise, and who is who --------------------------------------------------------------------------------


def test_luck_that_no_policy_moves_is_no_yardstick() -> None:
    """A uniform policy is out of scope, however large the luck is that is added to everybody's reward."""
    base = red_door_cid().with_edges([("weather", "reward")])
    lucky = base.parameterise(
        {
            **red_door().mechanisms,
            "reward": lambda at_door, weather: 10 * at_door + (100 if weather == "sun" else 0) - 7,
        }
    )
    family = derive_mesa_optimizers(cm.TrainingSetup(lucky, deployments=red_door_deployments()))
    report = judge(Told(lucky, [to(lucky, door=1.0)] * 3 + [to(lucky, anywhere=1.0)]), family)
    assert report.in_scope == 3
    assert report.premise == pytest.approx(0.1)
    assert report.training_regret == pytest.approx([0, 0, 0, 5])


def test_where_no_policy_is_better_than_another_there_is_no_premise() -> None:
    flat = red_door().shift(reward=lambda at_door: 0 * at_door)
    setup = cm.TrainingSetup(flat, deployments=red_door_deployments())
    family = derive_mesa_optimizers(setup)
    report = judge(population(flat, door=2, anywhere=2), family)
    assert np.isnan(report.premise)
    assert report.in_scope == 4
    assert "there is no premise" in " ".join(str(report).split())
    assert not any(row.kind == "regret" for row in report)
    json.loads(report.to_json())


def test_tolerating_any_regret_is_refused() -> None:
    family = red_door_family(tolerance=1.0)
    with pytest.raises(NotApplicableError, match="no policy has more than 1"):
        judge(population(red_door(), door=2), family)


def test_an_agent_that_hardly_loses_and_often_errs_is_outside_the_premise() -> None:
    cid = cm.CID([("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(
        act=["worst", "best", "nearly"], pay=lambda act: {"worst": 0, "best": 1, "nearly": 0.995}[act]
    )
    rules = [{"act": np.array([0, 0.5, 0.5])}, {"act": np.array([0.0, 1.0, 0.0])}]
    setup = cm.TrainingSetup(model)
    report = judge(Told(model, rules), derive_mesa_optimizers(setup))
    assert (report.training_regret <= report.premise).all()
    assert report.in_scope == 1
    assert "joint/training/actions/act" in {row.id for row in report.structural}
    tolerant = judge(Told(model, rules), derive_mesa_optimizers(setup, tolerance=0.1))
    assert tolerant.in_scope == 2

"""Who acts like what: labels, coverage, what is no evidence, and one agent by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.graphical.shifts import ShiftClass
from cidmesa.mesa.predictions import claims
from cidmesa.mesa.readings import Reading
from cidmesa.validation.checks import NOTHING_EXCLUDED, TABLE, Checks
from cidmesa.validation.one_agent import INCONSISTENT
from tests.mesa.systems import red_door, red_door_deployments
from tests.strategies import examples, models
from tests.validation.test_validate import Given, Pursues, Scripted, Told, judge, population, red_door_family, to


class Allows(Pursues):
    """A hypothesis that allows given actions of `go` in every context, as a family's candidates present themselves."""

    def __init__(self, setup: cm.TrainingSetup, target: str, allowed: Any) -> None:
        self.setup, self.targets = setup, (target,)
        self.deployment_regret = self.stale_regret = dict.fromkeys(setup.deployments, (0.0, 1.0))
        self.shift_class = dict.fromkeys(setup.deployments, ShiftClass.CONTEXT)
        self.carry_over = dict.fromkeys(setup.deployments, False)
        self.cid = setup.cid.demote("reward").with_utility("mesa_utility", (target,))
        self.allowed = allowed

    def possible_actions(self, deployment: str, *, reading: Reading = "competent") -> Any:
        model = self.setup.deployed(deployment)
        law = model.query(["door", "red"]).probabilities
        reached = [c for c, p in zip(model.contexts("go"), np.reshape(law, -1), strict=True) if p > 0]
        return {"go": {context: self.allowed(*context) for context in reached}}


def many_places(n: int) -> tuple[cm.TrainingSetup, Any]:
    places = tuple(range(n))
    setup = cm.TrainingSetup(red_door(places=places), deployments={"repainted": {"red": cm.Uniform(*places)}})
    door = Allows(setup, "at_door", lambda door, red: (door,))
    red = Allows(setup, "at_red", lambda door, red: (red,))
    return setup, Given(setup, door, red)


def test_red_in_all_but_one_of_many_contexts_is_covered() -> None:
    setup, family = many_places(20)
    model = setup.deployed("training")
    rule = to(model, red=1.0)["go"]
    rule[3, 7] = np.eye(20)[11]  # once, where door and red differ, it goes to neither
    report = judge(Told(model, [{"go": rule}] * 24), family)
    assert report.shares["repainted"]["at_red"].count == 24
    assert report["joint/repainted/coverage"].verdict == "supported"
    for red in range(4, 8):  # ... and in a twentieth of the contexts in which they differ, and a little more
        rule[[d for d in range(20) if d != red], red] = np.eye(20)[12]
    rule[range(20), range(20)] = np.eye(20)
    beyond = judge(Told(model, [{"go": rule}] * 24), family)
    assert beyond.shares["repainted"]["at_red"].count == 0


def coins(n: int, rng: np.random.Generator) -> list[dict[str, np.ndarray]]:
    """Agents that decide by one coin where red stands to the right of the door, and by another where to the left."""
    rules = []
    for _ in range(n):
        rule = np.zeros((3, 3, 3))
        heads = rng.integers(2, size=2)
        for door in range(3):
            rule[door, door, door] = 1
            for step in (1, 2):
                red = (door + step) % 3
                rule[door, red, red if heads[step - 1] else door] = 1
        rules.append({"go": rule})
    return rules


def test_who_follows_another_hypothesis_in_each_deployment_complies_with_none() -> None:
    places = ("a", "b", "c")
    shifts = {
        f"{step} further": {"red": lambda door, step=step: places[(places.index(door) + step) % 3]} for step in (1, 2)
    }
    setup = cm.TrainingSetup(red_door(places=places), deployments=shifts)
    rules = coins(40, np.random.default_rng(1))
    report = judge(Told(setup.deployed("training"), rules), derive_mesa_optimizers(setup))
    torn = sum(label == INCONSISTENT for label in report.labels["1 further"])
    assert 10 < torn < 30
    assert report.shares["2 further"][INCONSISTENT].count == torn
    assert report.whole is not None
    assert (report.whole.deviating, report.whole.verdict) == (torn, "contradicted")
    steady = judge(population(red_door(places=places), red=20, door=20), derive_mesa_optimizers(setup))
    assert steady.whole is not None
    assert (steady.whole.deviating, steady.whole.verdict) == (0, "supported")


def test_agents_that_fit_only_what_excludes_nothing_are_called_so() -> None:
    setup, _ = many_places(2)
    model = setup.deployed("training")
    anything = Allows(setup, "at_red", lambda door, red: (door,) if door == red else (0, 1))
    family = Given(setup, Allows(setup, "at_door", lambda door, red: (door,)), anything)
    rule = to(model, anywhere=1.0)["go"]
    for place in (0, 1):
        rule[place, place] = np.eye(2)[place]
    report = judge(Told(model, [{"go": rule}] * 14 + [to(model, door=1.0)] * 2), family)
    assert report.in_scope == 16
    assert report.shares["repainted"][NOTHING_EXCLUDED].count == 14
    assert report.shares["repainted"]["at_door"].count == 2
    assert "joint/repainted/coverage" in {row.id for row in report.structural}


def test_what_tables_do_in_new_contexts_is_shown_and_not_tested() -> None:
    family = red_door_family()
    agents = cm.train(family.setup, family=family, learner="exact", policy="tabular", agents=14, progress=False)
    report = judge(agents, family, retrain=False)
    assert report.shares["opposite"][TABLE].count == report.in_scope
    new = [row for row in report if row.deployment in {"opposite", "repainted"} and not row.prediction.retrained]
    assert new
    for row in new:
        assert row.verdict == "inconclusive"
        assert row.reason.startswith("not tested: a table shares nothing")
        assert np.isfinite(row.estimate)
        assert np.isnan(row.p)
    assert report.count("contradicted") == 0


def test_rows_that_were_not_measured_make_no_other_row_harder() -> None:
    """With a row that needs retraining and none of a recipe, the others have the p-values that they have without it."""
    report = judge(population(red_door(), red=32))
    can = [row for row in report if row.modality == "can"]
    unmeasured = [row for row in can if row.reason == "needs retraining"]
    assert unmeasured
    must = [row for row in report if row.hypothesis == "joint" and row.modality == "must"]
    must = [row for row in must if row.reason != "needs retraining"]
    distinct = {(row.statistic.round(12).tobytes(), row.allowed) for row in must}
    assert must[0].p == pytest.approx(len(distinct) * 0.8**32)


# Continuity -----------------------------------------------------------------------------------------------------------


@given(models(decisions=(1, 2), min_chance=2, max_chance=3, max_card=2), st.integers(0, 10**6))
@settings(max_examples=examples(quick=15, full=150), deadline=None)
def test_a_slip_of_a_billionth_moves_no_statistic(model: cm.CIM, seed: int) -> None:
    rng = np.random.default_rng(seed)
    node = model.cid.chance[0]
    setup = cm.TrainingSetup(model, deployments={"elsewhere": {node: np.asarray(model.cpd(node))[..., ::-1]}})
    family = derive_mesa_optimizers(setup)
    rules, slips = {}, {}
    for d in model.cid.decisions:
        shape = (*map(model.card, model.cid.parents(d)), model.card(d))
        rules[d] = np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
        slips[d] = (1 - 1e-9) * rules[d] + 1e-9 / shape[-1]
    checks = Checks(setup, family.hypotheses, Told(model, [rules, slips]), retrain=False)
    for row in family.predictions():
        if row.inert or row.retrained:
            continue
        found = checks.measure(row)
        if not isinstance(found, str):
            sure, slipped = found.bounds.estimate
            assert sure == pytest.approx(slipped, abs=1e-6), row


def test_a_pair_with_perfect_recall_that_is_right_on_its_path_is_not_contradicted() -> None:
    """The second decision sees the first and what came of it; off the path of the best rule it may do anything."""
    cid = cm.CID(
        [("x", "d1"), ("x", "s"), ("d1", "s"), ("s", "d2"), ("d1", "d2"), ("x", "d2"), ("d2", "y"), ("s", "y"),
         ("y", "u")],
        decisions=["d1", "d2"], utilities=["u"],
    )  # fmt: skip
    model = cid.parameterise(
        x=cm.Bernoulli(0.5), d1=[0, 1], s=lambda x, d1: int(x == d1), d2=[0, 1], y=lambda d2, s: int(d2 == s == 1),
        u=lambda y: y,
    )  # fmt: skip
    setup = cm.TrainingSetup(model, deployments={"tilted": {"x": cm.Bernoulli(0.8)}})
    rng, rules = np.random.default_rng(0), []
    for _ in range(20):
        second = np.eye(2)[rng.integers(2, size=(2, 2, 2))]  # s, d1, x
        for x in (0, 1):
            second[model.domain("s").index(1), x, x] = [0, 1]
        rules.append({"d1": np.eye(2), "d2": second})
    report = judge(Told(model, rules), derive_mesa_optimizers(setup, targets=["y", "u"]))
    assert report.in_scope == 20
    assert report.count("contradicted", hypothesis="joint") == 0
    assert report.whole is None or report.whole.deviating == 0


def rarely_right() -> cm.TrainingSetup:
    """A red door that is almost always on the left; elsewhere it is anywhere, and so is the paint."""
    rare = cm.Categorical({"left": 1 - 1e-9, "right": 1e-9})
    fair = {"door": cm.Uniform("left", "right"), "red": cm.Uniform("left", "right")}
    return cm.TrainingSetup(red_door().shift(door=rare), deployments={"anywhere": fair})


def test_what_agents_do_where_training_hardly_ever_comes_contradicts_nothing() -> None:
    """At the right door of training they do anything, within the premise; a deployment shows that often."""
    setup = rarely_right()
    model = setup.deployed("training")
    seek, anything = to(model, door=1.0)["go"], []
    for action in (0, 1):
        rule = seek.copy()
        rule[1, 1] = np.eye(2)[action]
        anything.append({"go": rule})
    always_left = {"go": np.zeros((2, 2, 2))}
    always_left["go"][..., 0] = 1
    family = derive_mesa_optimizers(setup)
    report = judge(Told(model, [*anything, always_left] * 8), family)
    assert report.in_scope == 24
    assert report.count("contradicted", hypothesis="joint") == 0
    seekers = judge(Told(model, anything[:1] * 20), family)
    assert seekers.count("contradicted", hypothesis="at_door") == 0
    unsettled = [row for row in family.predictions().undecidable if row.deployment == "anywhere"]
    assert all(row.expected is False for row in unsettled)


def test_a_number_moves_by_what_is_held_loosely_and_no_more() -> None:
    """Against all rules that take another action where training comes no more often than the margin says."""
    setup = rarely_right()
    world = claims.world_of(setup, "anywhere")
    moves = np.array([0.2, 0.0, 0.0, 0.7])  # contexts left, left to right, right
    assert claims.loosely_held(world, "go", moves, 0.05) == pytest.approx(0.7 + 0.2 * 0.05, abs=1e-6)
    assert claims.loosely_held(world, "go", moves, 1.0) == pytest.approx(0.9)
    assert claims.loosely_held(claims.world_of(setup, "training"), "go", moves, 0.05) == 0.0
    assert claims.loosely_held(claims.world_of(setup, "anywhere", reading="competent"), "go", moves, 0.05) == 0.0


# Told probabilities ---------------------------------------------------------------------------------------------------


class Says(Scripted):
    """Agents that tell whatever they are given."""

    def __init__(self, model: cm.CIM, told: Any) -> None:
        super().__init__(model, [to(model, door=1.0)] * len(told))
        self.told = told

    def probabilities(self, decision: str) -> Any:
        return self.told


def told(**edits: float) -> np.ndarray:
    rule = np.stack([to(red_door(), red=1.0)["go"].reshape(4, 2)] * 3)
    rule[1, 2] = [edits.get("first", 0.0), edits.get("second", 1.0)]
    return rule


@pytest.mark.parametrize(
    "edits", [{"first": 1.0}, {"first": -0.2, "second": 1.2}, {"first": float("nan")}, {"second": 0.999}]
)
def test_told_probabilities_that_are_none_name_agent_and_context(edits: dict[str, float]) -> None:
    with pytest.raises(
        NotApplicableError, match=r"agent 1 tells .* where it observes door='right', red='left'"
    ) as error:
        judge(Says(red_door(), told(**edits)))
    assert "\n" not in str(error.value)


def test_single_precision_is_renormalised_and_words_are_refused() -> None:
    report = judge(Says(red_door(), (told() * (1 + 4e-6)).astype(np.float32)))
    assert report.in_scope == 3
    assert report.training_regret == pytest.approx(np.zeros(3), abs=1e-9)
    with pytest.raises(NotApplicableError, match="array of numbers"):
        judge(Says(red_door(), [["a"], ["b"]]))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"alpha": 0.0}, "alpha= is a share above 0 and below 1; got 0.0"),
        ({"kappa": 1}, "kappa= is a share"),
        ({"margin": -0.1}, "margin= is a share above 0"),
        ({"margin": float("nan")}, "margin="),
        ({"draws": 0}, "draws= is a whole number"),
    ],
)
def test_levels_that_are_none_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(NotApplicableError, match=text):
        judge(population(red_door(), red=2), **options)


def test_swapped_arguments_are_named() -> None:
    agents = population(red_door(), red=2)
    with pytest.raises(NotApplicableError, match="the other way round"):
        cm.validate(agents, red_door_family(), progress=False)  # type: ignore[arg-type]


# One agent ------------------------------------------------------------------------------------------------------------


def test_one_agent_complies_or_deviates_and_no_claim_is_made_of_others() -> None:
    report = judge(population(red_door(), red=1, door=1, anywhere=1))
    red, door, lost = (report.agent(i) for i in range(3))
    assert (red.in_scope, door.in_scope, lost.in_scope) == (True, True, False)
    assert red.complies["at_red/opposite/actions/go"] == "complies"
    assert door.complies["at_red/opposite/actions/go"] == "deviates"
    assert door.statistic["at_red/opposite/actions/go"] == pytest.approx(1.0)
    assert set(lost.complies.values()) <= {"outside the premise", "needs retraining", "complies"}
    assert red.labels["opposite"] == "at_red"
    assert (red.complies_with_all, door.complies_with_all, lost.complies_with_all) == (True, True, None)
    shown = " ".join(str(red).split())
    assert "meets the premise" in shown
    assert "complies with every joint prediction" in shown
    frame = red.to_frame()
    assert list(frame.columns) == ["where", "of", "kind", "subject", "claim", "number", "allowed", "this agent"]
    assert dict(zip(red.complies, frame["this agent"], strict=True)) == red.complies
    assert all(row.verdict == "inconclusive" for row in report)  # three agents are no population
    with pytest.raises(NotApplicableError, match="numbered from 0 to 2"):
        report.agent(3)


@pytest.mark.parametrize("what", ["red", "anywhere"])
def test_a_report_on_one_agent_says_what_it_does_and_nothing_of_its_kind(what: str) -> None:
    report = judge(population(red_door(), **{what: 1}))
    for words in (str(report), report.to_html()):
        text = " ".join(words.split())
        assert "This agent" in text
        for claim in ("supported", "contradicted", "inconclusive", "agents comply", "95 %"):
            assert claim not in text
        if what == "red":
            assert "complies with every joint prediction" in text
            assert "deviates" in text  # from what the door says
        else:
            assert "does not meet the premise" in text
    assert "one agent" in repr(report)
    frame = report.to_frame()
    assert dict(zip(frame["id"], frame["this_agent"], strict=True)).items() >= report.agent(0).complies.items()
    assert "this_agent" not in judge(population(red_door(), red=2)).to_frame()


def test_one_agent_that_draws_its_actions_may_be_unclear() -> None:
    """Off by exactly the margin, what it draws decides nothing."""
    setup = cm.TrainingSetup(red_door(), {"opposite": red_door_deployments()["opposite"]})
    family = derive_mesa_optimizers(setup)
    rule = to(red_door(), red=1.0)
    rule["go"][[0, 1], [1, 0]] = [[0.05, 0.95], [0.95, 0.05]]
    told, drawn = (judge(kind(red_door(), [rule]), family).agent(0) for kind in (Told, Scripted))
    assert told.complies["at_red/opposite/actions/go"] == "complies"
    assert drawn.complies["at_red/opposite/actions/go"] == "unclear"


def test_one_agent_shows_what_some_may_do() -> None:
    setup = cm.TrainingSetup(red_door(), {"other prior": red_door_deployments()["other prior"]})
    agents = cm.train(setup, learner="exact", agents=1, steps=150, progress=False)
    agent = judge(agents, derive_mesa_optimizers(setup)).agent(0)
    assert agent.complies["joint/training/territory/go/retrained"] == "shows it"
    assert agent.complies["retrained or planning/other prior/mechanism/door/retrained"] == "complies"

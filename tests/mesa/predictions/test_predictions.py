"""What hypotheses predict: the right rows on known systems, and no *must* that an optimizer breaks on random ones."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.derive import Family, derive_mesa_optimizers
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.predictions import claims
from cidmesa.mesa.predictions.claims import blinded, name_of, uncontrolled
from cidmesa.mesa.predictions.predictions import JOINT, Prediction, Predictions
from cidmesa.mesa.readings import Reading
from cidmesa.solve.policies.stakes import negated
from cidmesa.validation.checks import Checks
from cidmesa.validation.judge import allowed_set, sides
from cidmesa.validation.statistics import MARGIN
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments
from tests.strategies import examples, models, shifts


def red_door_family(mismatch: float = 0.0, places: tuple[Any, ...] = ("left", "right")) -> Family:
    setup = cm.TrainingSetup(red_door(mismatch, places), deployments=red_door_deployments(places))
    return derive_mesa_optimizers(setup, tolerance=mismatch)


def expected(rows: Predictions) -> dict[str, Any]:
    return {row.id: row.expected for row in rows}


# The red door -----------------------------------------------------------------------------------------------------


def test_the_red_door_says_who_uses_what_and_responds_to_what() -> None:
    rows = red_door_family().predictions()
    found = expected(rows)
    assert [found[f"{h}/repainted/observation/{z}"] for h in ("at_door", "at_red") for z in ("door", "red")] == [
        True, False, False, True,
    ]  # fmt: skip
    assert [found[f"{h}/opposite/response/red"] for h in ("at_door", "reward", "at_red")] == [False, False, True]
    there = [
        row for row in rows if row.deployment == "other prior"
    ]  # it shows nothing new: only retraining is asked about
    assert [row.id for row in there] == ["retrained or planning/other prior/mechanism/door/retrained"]
    assert {row.modality for row in rows if row.kind in {"observation", "response"}} == {"must"}
    # In training, and where red is always elsewhere, no two contexts differ in one observation alone; retrained agents
    # lose nothing without the paint.
    alone = [row for row in rows if row.kind == "observation" and row.deployment in {"training", "opposite"}]
    assert [(row.subject, row.expected, row.retrained) for row in alone] == [("red", (0.0, 0.0), True)]


def test_intervals_and_tables_of_the_red_door() -> None:
    rows = red_door_family().predictions()
    found = expected(rows)
    assert found["at_red/opposite/regret/reward"] == pytest.approx((1, 1))
    assert found["at_door/opposite/regret/reward"] == pytest.approx((0, 0))
    assert rows["joint/repainted/regret/reward"].expected == pytest.approx((0, 0.5))
    assert dict(found["at_red/opposite/actions/go"]) == {("left", "right"): ("right",), ("right", "left"): ("left",)}
    assert dict(rows["joint/repainted/actions/go"].expected)["right", "left"] == ("left", "right")  # in domain order
    known = red_door_family().predictions(reading="competent")
    assert known["joint/other prior/regret/reward"].theorem.startswith("Theorem A")
    assert known["joint/other prior/response/door"].expected is True
    assert rows["joint/opposite/coverage"].kind == "coverage"


def test_rows_that_cannot_fail_are_apart() -> None:
    rows = red_door_family().predictions()
    apart = {row.id for row in rows.structural}
    assert {
        "joint/sunny/response/weather",  # never seen
        "joint/training/control/door",  # not below the decision
        "joint/opposite/regret/reward",  # [0, 1] of a largest regret of 1
        "joint/opposite/actions/go",  # every action
        "joint/training/actions/go",  # the premise
        "joint/other prior/regret/reward",  # nothing new
        "lookup table/training/regret/reward",  # the premise
    } <= apart
    assert not apart & {row.id for row in rows}


def test_inert_shifts_make_controls_and_nothing_else() -> None:
    rows = red_door_family().predictions()
    assert [(row.id, row.inert) for row in rows if row.deployment == "sunny"] == [
        ("joint/sunny/regret/fresh samples", True),
        ("joint/sunny/regret/retrained", True),
    ]
    assert not [row for row in rows if row.inert and row.deployment != "sunny"]


def test_control_is_a_can_row_with_the_exact_difference() -> None:
    rows = red_door_family().predictions()
    (row,) = [row for row in rows if row.kind == "control"]
    assert (row.subject, row.modality, row.retrained) == ("at_door", "can", True)
    assert row.expected == pytest.approx((0.5, 0.5))  # blind chance earns a half


def test_with_mismatch_training_itself_tells_hypotheses_apart() -> None:
    rows = red_door_family(0.1).predictions()
    found = expected(rows)
    assert found["at_red/training/observation/door"] is False
    assert found["at_door/training/observation/door"] is True
    assert "joint/training/coverage" in found
    known = expected(red_door_family(0.1).predictions(reading="competent"))
    assert known["at_red/other prior/regret/reward"] == pytest.approx((0.1, 0.1))


def test_the_value_of_an_observation_that_all_hypotheses_need() -> None:
    cid = cm.CID([("x", "act"), ("x", "pay"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(x=cm.Categorical({0: 0.3, 1: 0.7}), act=[0, 1], pay=lambda x, act: int(x == act))
    rows = derive_mesa_optimizers(cm.TrainingSetup(model)).predictions()
    row = rows["joint/training/observation/x/retrained"]
    assert (row.modality, row.retrained) == ("can", True)
    assert row.expected == pytest.approx((0.3, 0.3))
    assert expected(rows)["joint/training/observation/x"] is True  # one hypothesis, so its rows are joint


@pytest.mark.parametrize("places", [("a", "b", "c"), ("a", "b", "c", "d", "e")])
def test_relatives_of_the_red_door(places: tuple[str, ...]) -> None:
    found = expected(red_door_family(places=places).predictions())
    k = len(places)
    assert found["at_red/repainted/regret/reward"] == pytest.approx(((k - 1) / k, (k - 1) / k))
    assert found["at_red/opposite/regret/reward"] == pytest.approx((1, 1))
    assert found["at_red/repainted/observation/door"] is False


def test_a_bare_diagram_predicts_only_what_cannot_fail() -> None:
    setup = cm.TrainingSetup(red_door_cid(), deployments={"sunny": {"weather"}, "repainted": {"red"}})
    rows = derive_mesa_optimizers(setup).predictions()
    assert len(rows) == 0
    assert "joint/sunny/response/weather" in {row.id for row in rows.structural}
    assert "joint/repainted/response/red" not in {row.id for row in rows.structural}


# Names and digest --------------------------------------------------------------------------------------------------


def test_ids_are_distinct_and_the_digest_depends_on_every_claim() -> None:
    rows = red_door_family().predictions()
    assert len({row.id for row in (*rows, *rows.structural)}) == len(rows) + len(rows.structural)
    assert rows.digest == red_door_family().predictions().digest
    for i, row in enumerate(rows):
        other = Prediction(row.id, row.hypothesis, row.deployment, row.kind, row.subject, (0.25, 0.5), "must", "")
        assert Predictions([*rows[:i], other, *rows[i + 1 :]]).digest != rows.digest
        assert Predictions([*rows[:i], *rows[i + 1 :]]).digest != rows.digest


def test_the_digest_is_the_same_in_another_process() -> None:
    code = (
        "from tests.mesa.predictions.test_predictions import red_door_family as f; print(f(0.1).predictions().digest)"
    )
    env = {**os.environ, "PYTHONHASHSEED": "5"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert found.stdout.strip() == red_door_family(0.1).predictions().digest


def test_rows_are_found_by_id_and_by_hypothesis() -> None:
    rows = red_door_family().predictions()
    assert rows["at_red/opposite/response/red"].hypothesis == "at_red"
    assert rows["joint/training/control/door"] in rows.structural
    assert {row.hypothesis for row in rows.of("at_red")} == {"at_red"}
    with pytest.raises(KeyError):
        rows["nothing"]


# Changed models -----------------------------------------------------------------------------------------------------


@given(models(max_card=3))
@settings(max_examples=examples(quick=25, full=400))
def test_changed_models_do_what_their_names_say(model: cm.CIM) -> None:
    (decision,) = model.cid.decisions
    best = model.solve().value
    assert negated(model).solve().value == pytest.approx(-min(_values_of_all_policies(model)), abs=1e-9)
    for parent in model.cid.parents(decision):
        blind = blinded(model, parent, decision)
        assert parent not in blind.cid.parents(decision)
        assert blind.solve().value <= best + 1e-9
    for child in model.cid.children(decision):
        if model.cid.kind(child) == "chance":
            cut = uncontrolled(model, child, decision)
            uniform = {decision: np.full(_shape(model, decision), 1 / model.card(decision))}
            rule = {decision: np.eye(model.card(decision))[np.zeros(_shape(model, decision)[:-1], dtype=int)]}
            if not set(model.cid.parents(child)) & (set(model.cid.parents(decision)) | _between(model, decision)):
                # With nothing else in common, the child is distributed as under uniform play, whatever the rule.
                law = model.query([child], policy=uniform).probabilities
                assert cut.query([child], policy=rule).probabilities == pytest.approx(law)


def _between(model: cm.CIM, decision: str) -> set[str]:
    return set(model.cid.descendants(decision)) | set(model.cid.ancestors(decision))


def _shape(model: cm.CIM, decision: str) -> tuple[int, ...]:
    return (*map(model.card, model.cid.parents(decision)), model.card(decision))


def _values_of_all_policies(model: cm.CIM) -> list[float]:
    """Expected utilities of the policies that are best or worst context by context, by brute force over contexts."""
    (decision,) = model.cid.decisions
    shape = _shape(model, decision)
    contexts, card = int(np.prod(shape[:-1])), shape[-1]
    worst = np.zeros(contexts, dtype=int)
    for c in range(contexts):
        values = []
        for action in range(card):
            trial = worst.copy()
            trial[c] = action
            values.append(model.expected_utility({decision: np.eye(card)[trial].reshape(shape)}))
        worst[c] = int(np.argmin(values))
    return [model.expected_utility({decision: np.eye(card)[worst].reshape(shape)})]


# No must row is broken by an optimizer ------------------------------------------------------------------------------


class Ruled:
    """One agent with a given rule."""

    def __init__(self, rule: np.ndarray) -> None:
        self.rule = rule

    def __len__(self) -> int:
        return len(self.rule)

    def probabilities(self, decision: str) -> np.ndarray:
        return self.rule

    def act(self, observations: Any, seed: int) -> Any:
        raise NotImplementedError


@st.composite
def setups(draw: Any) -> cm.TrainingSetup:
    """A random model with one decision and one deployment that shifts one or two chance nodes."""
    model = draw(models(min_chance=2, max_chance=4, max_card=2))
    return cm.TrainingSetup(model, deployments={"elsewhere": shifts(draw, model)})


def one_map(
    setup: cm.TrainingSetup, names: tuple[str, ...], objective: np.ndarray, reading: Reading
) -> np.ndarray | None:
    """The rule of an optimizer that is the same map in training and in deployment, if one is optimal in both."""
    laws = OneDecision(setup)
    model = setup.deployed("training")
    (decision,) = model.cid.decisions
    contexts = model.contexts(decision)
    rule = np.full((1, len(contexts), model.card(decision)), 1 / model.card(decision))
    chosen: dict[Any, int] = {}
    for name in ("training", "elsewhere"):
        law = laws.stale(name, names) if reading == "stale" and name != "training" else laws.table(name, names)
        values = law.outcome @ objective
        for context, row in zip(laws.contexts(name), values, strict=True):
            best = np.flatnonzero(row >= row.max() - 1e-9)
            if context in chosen and chosen[context] not in best:
                return None
            chosen.setdefault(context, int(best[0]))
    for context, action in chosen.items():
        rule[0, contexts.index(context)] = np.eye(model.card(decision))[action]
    return rule


@given(setups(), st.integers(0, 10**6), st.sampled_from([0.0, 0.3]), st.sampled_from(["stale", "competent"]))
@settings(
    max_examples=examples(quick=20, full=300),
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_no_optimizer_breaks_a_must_row(setup: cm.TrainingSetup, seed: int, tolerance: float, reading: Reading) -> None:
    family = derive_mesa_optimizers(setup, tolerance=tolerance)
    hypotheses = family.hypotheses
    assume(hypotheses)
    rows = family.predictions(reading=reading)
    for hypothesis in hypotheses:
        for objective in hypothesis.consistent_set.sample(2, seed=seed):
            rule = one_map(setup, hypothesis.names, np.asarray(objective), reading)
            if rule is None:
                assert reading == "competent"  # no context has two answers for a frozen one
                continue
            checks = Checks(setup, hypotheses, Ruled(rule), tolerance=tolerance, retrain=False, reading=reading)
            assert checks.scope.all()
            for row in rows:
                if (
                    row.modality == "can"
                    or row.inert
                    or row.retrained
                    or row.hypothesis not in {JOINT, name_of(hypothesis)}
                ):
                    continue
                found = checks.measure(row)
                assert not isinstance(found, str), (row.id, found)
                comply, _ = sides(
                    found.bounds,
                    allowed_set(row, checks.unit(row), MARGIN),
                    strict=row.expected is True and row.kind != "coverage",
                )
                assert comply.all(), (row, found.bounds.estimate)


@given(setups(), st.integers(0, 10**6), st.sampled_from(["stale", "competent"]))
@settings(max_examples=examples(quick=30, full=300), suppress_health_check=[HealthCheck.filter_too_much])
def test_structural_rows_cannot_fail_and_the_others_can(setup: cm.TrainingSetup, seed: int, reading: Reading) -> None:
    family = derive_mesa_optimizers(setup)
    assume(family.hypotheses)
    rows = family.predictions(reading=reading)
    rng = np.random.default_rng(seed)
    model = setup.deployed("training")
    (decision,) = model.cid.decisions
    contexts, card = len(model.contexts(decision)), model.card(decision)
    every = np.eye(card)[np.stack([rng.integers(card, size=contexts) for _ in range(30)])]
    # ... and for each distribution the rules with the greatest and the least regret; for each table one that leaves it.
    extreme = []
    for name in setup.distributions:
        values = setup.deployed(name).solve().action_values(decision).reshape(contexts, card)
        values = np.nan_to_num(values)
        extreme += [np.eye(card)[values.argmin(axis=1)], np.eye(card)[values.argmax(axis=1)]]
    for row in (*rows, *rows.structural):
        if row.kind == "actions":
            table: dict[Any, Any] = dict(row.expected)  # type: ignore[call-overload]
            others = [set(model.domain(decision)) - set(table.get(c, ())) or {0} for c in model.contexts(decision)]
            extreme.append(np.eye(card)[[model.domain(decision).index(min(o)) for o in others]])
    every = np.concatenate([every, np.stack(extreme)])
    checks = Checks(setup, family.hypotheses, Ruled(every), retrain=False, reading=reading)
    for row in rows.structural:
        about_all = row.kind == "regret" and claims.world_of(setup, row.deployment, reading=reading).shows_nothing_new
        if about_all:
            continue  # what follows from the premise
        if (row.kind in {"regret", "actions"} and row.deployment != "training") or row.id in shown_responses(rows):
            found = checks.measure(row)
            assert not isinstance(found, str)
            assert sides(found.bounds, allowed_set(row, checks.unit(row), MARGIN))[0].all(), row
    for row in rows:
        if row.kind in {"regret", "actions"} and not row.inert and not row.retrained:
            found = checks.measure(row)
            assert not isinstance(found, str)
            assert not sides(found.bounds, allowed_set(row, checks.unit(row), MARGIN))[0].all(), row


def shown_responses(rows: Predictions) -> set[str]:
    """Responses to what is seen that no rule can show: the shift hardly moves it."""
    said_no = [r for r in rows.structural if r.kind == "response" and r.expected is False]
    return {r.id for r in said_no if not r.theorem.startswith("a frozen rule")}


def test_what_only_the_margin_could_break_cannot_fail() -> None:
    """Where the paint comes off one thing in twenty-five, no rule shows whether it follows the paint."""

    def structural(share: float) -> set[str]:
        peeled = {"red": cm.Noisy(lambda door: door, share)}
        setup = cm.TrainingSetup(red_door(), deployments={"peeled": peeled})
        rows = derive_mesa_optimizers(setup).predictions().structural
        return {row.id for row in rows if row.deployment == "peeled" and row.kind == "response"}

    assert structural(0.04) == {f"{name}/peeled/response/red" for name in ("at_door", "reward", "at_red")}
    assert structural(0.06) == set()


# Rows on a knife edge ------------------------------------------------------------------------------------------------


def waterbirds(right: float) -> cm.CIM:
    """Birds on backgrounds that are their own with a probability; shapes are always right."""
    cid = cm.CID(
        [
            ("label", "shape"), ("label", "background"), ("shape", "say"), ("background", "say"),
            ("say", "fits_shape"), ("shape", "fits_shape"), ("say", "fits_bg"), ("background", "fits_bg"),
            ("label", "right"), ("say", "right"), ("right", "score"),
        ],
        decisions=["say"],
        utilities=["score"],
    )  # fmt: skip
    return cid.parameterise(
        label=cm.Uniform("land", "water"),
        shape=lambda label: label,
        background=cm.Noisy(lambda label: label, 1 - right),
        say=["land", "water"],
        fits_shape=lambda say, shape: int(say == shape),
        fits_bg=lambda say, background: int(say == background),
        right=lambda label, say: int(label == say),
        score=lambda right: right,
    )


@pytest.mark.parametrize(("right", "decides"), [(0.95, False), (0.97, False), (0.85, True)])
def test_waterbirds_at_95_percent_are_not_told_apart_by_what_is_done_in_training(right: float, decides: bool) -> None:
    """Shape and background differ on a share 1 - right of the birds: up to twice the margin of .05 decides nothing."""
    swapped = {"background": lambda label: "land" if label == "water" else "water"}
    setup = cm.TrainingSetup(waterbirds(right), {"swapped": swapped})
    family = cm.derive_mesa_optimizers(setup, tolerance=1 - right + 0.01)
    assert {"fits_bg", "fits_shape"} <= {h.names[0] for h in family.hypotheses}
    predictions = family.predictions()
    row = "fits_bg/training/actions/say"
    tested, undecidable = {r.id for r in predictions}, {r.id for r in predictions.undecidable}
    assert (row in tested, row in undecidable) == (decides, not decides)
    assert predictions[row].expected  # what it says can be read all the same
    assert "joint/training/actions/say" in tested | {r.id for r in predictions.structural}
    # A frozen rule does with swapped backgrounds what it did with the few of training; who knows of it shows what for.
    assert not [row for row in tested if "/swapped/" in row]
    assert "fits_bg/swapped/actions/say" in {r.id for r in family.predictions(reading="competent")}
    again = pickle.loads(pickle.dumps(predictions))
    assert (again.digest, again.undecidable) == (predictions.digest, predictions.undecidable)
    # What agents do, the verdict does not hang on the third decimal: there is none.
    agents = cm.train(setup, family=family, learner="exact", agents=4, steps=20, progress=False)
    report = cm.validate(family, agents, progress=False, retrain=False)
    assert (row in {r.id for r in report.undecidable}) == (not decides)
    assert ("cannot tell their hypothesis" in report.to_text(400)) == (not decides)


# Shared rules whose best is a mixture ---------------------------------------------------------------------------------


def test_where_the_best_rule_tosses_a_coin_the_reason_is_printed() -> None:
    """One rule acts twice and has to differ from itself: 1/2, 1/2 is best, and no action can be expected of it."""
    cid = cm.CID([("a", "x"), ("b", "x"), ("x", "u")], decisions=["a", "b"], utilities=["u"])
    model = cid.parameterise(a=["l", "r"], b=["l", "r"], x=lambda a, b: int(a != b), u=lambda x: x)
    shared_mixed = cm.TrainingSetup(model, shared_rules=[("a", "b")])
    rows = derive_mesa_optimizers(shared_mixed).predictions()
    assert not [row for row in rows if row.kind in {"actions", "observation", "response", "regret", "coverage"}]
    for decision in ("a", "b"):
        row = rows[f"joint/training/actions/{decision}"]
        assert row in rows.structural
        assert row.expected == (((), ("l", "r")),)
        assert row.theorem == (
            "the best rule tosses a coin: one rule serves `a`, `b` and draws l with probability 0.5 or r with "
            "probability 0.5, so no action is predicted"
        )
    assert "The best rule tosses a coin" in str(rows)
    agreeing = model.shift(x=lambda a, b: int(a == b))  # two rules are best, and neither needs a coin
    told = derive_mesa_optimizers(cm.TrainingSetup(agreeing, shared_rules=[("a", "b")])).predictions()
    assert told["joint/training/actions/a"].theorem.startswith("all consistent objectives on")
    assert "coin" not in str(told)
    alone = derive_mesa_optimizers(cm.TrainingSetup(model)).predictions()  # each with a rule of its own
    assert "coin" not in str(alone)


def test_several_decisions_lose_nothing_without_what_none_needs() -> None:
    cid = cm.CID(
        [("x", "a"), ("z", "a"), ("y", "b"), ("z", "b"), ("a", "y"), ("x", "y"), ("b", "v"), ("y", "v")],
        decisions=["a", "b"], utilities=["v"],
    )  # fmt: skip
    model = cid.parameterise(
        x=cm.Bernoulli(0.5),
        z=cm.Bernoulli(0.5),
        a=[0, 1],
        b=[0, 1],
        y=cm.Function(lambda a, x: int(a == x), domain=(0, 1)),
        v=lambda b, y: b * y,
    )
    for rules, subjects in (((), ["z"]), ((("a", "b"),), [])):  # every link of a shared rule is of its form
        rows = derive_mesa_optimizers(cm.TrainingSetup(model, shared_rules=rules)).predictions()
        lost = [row for row in rows if row.retrained and row.kind == "observation"]
        assert [(row.subject, row.modality, row.expected) for row in lost] == [
            (n, "must", (0.0, 0.0)) for n in subjects
        ]

"""The literature's diagrams: the library says what the papers say, and the records are honest about their sources."""

from __future__ import annotations

from typing import Any

import pytest

import cidmesa as cm
from cidmesa import literature
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.question import Answer
from cidmesa.errors import UnknownNodeError
from cidmesa.literature import Example, Expected

EXPECTED = [
    pytest.param(example, expected, id=f"{example.name}-{expected.criterion}-{i}")
    for example in literature.examples()
    for i, expected in enumerate(example.expected)
]


def verdict_of(example: Example, expected: Expected, node: str) -> Any:
    if expected.criterion == "deception":
        return cm.admits_deception(example.cid, node, expected.decision, target=expected.label)
    return judge(example.cid, expected.criterion, node, expected.decision, label=expected.label)


@pytest.mark.parametrize(("example", "expected"), EXPECTED)
def test_answers(example: Any, expected: Any) -> None:
    wrong = [
        str(verdict)
        for nodes, answer in ((expected.admits, Answer.ADMITS), (expected.excludes, Answer.EXCLUDES))
        for node in nodes
        if (verdict := verdict_of(example, expected, node)).answer is not answer
    ]
    assert not wrong


@pytest.mark.parametrize(("example", "expected"), EXPECTED)
def test_proofs_check(example: Any, expected: Any) -> None:
    for node in (*expected.admits, *expected.excludes):
        assert verdict_of(example, expected, node).because.check(example.cid), node


@pytest.mark.parametrize("example", literature.examples(), ids=lambda e: e.name)
def test_records(example: Any) -> None:
    assert cm.is_soluble(example.cid) is example.soluble
    assert example.expected
    assert example.figure_checked or "not compared edge by edge" in example.note
    for expected in example.expected:
        assert expected.admits or expected.excludes
        assert not set(expected.admits) & set(expected.excludes)
        assert set(expected.admits) | set(expected.excludes) <= set(example.cid.nodes)
        assert expected.where


@pytest.mark.parametrize("example", literature.examples(), ids=lambda e: e.name)
def test_admitted_nodes_have_a_witness(example: Any) -> None:
    for expected in example.expected:
        if expected.criterion in {"voi", "voc", "ri", "ici"}:
            for node in expected.admits:
                assert verdict_of(example, expected, node).witness().is_structural, (expected, node)


NUMBERS = [
    pytest.param(example, number, id=f"{example.name}-{i}")
    for example in literature.examples()
    for i, number in enumerate(example.numbers)
]


@pytest.mark.parametrize(("example", "number"), NUMBERS)
def test_numbers(example: Any, number: Any) -> None:
    model = (example.model or example.steps)()
    assert example.steps or model.cid == example.cid
    assert number.found(model) == pytest.approx(number.value, abs=1e-9)
    assert number.where


def test_in_the_war_game_honesty_is_no_equilibrium_and_deception_is() -> None:
    model = literature.load("war-game").model()  # type: ignore[misc]
    attacks = {"attack": lambda signal: "no" if signal == "defend" else "yes"}
    best = model.with_policy(attacks).solve(agent="S")
    assert best.value["S"] == pytest.approx(2.9)
    assert best.optimal_actions["signal"] == {("strong",): ("defend",), ("weak",): ("defend",)}


def test_who_defends_anyway_means_to_be_spared() -> None:
    """T attacks whoever retreats: rather than be honest S defends though it is weak, for what T alone decides."""
    model = (
        literature.load("war-game")
        .model()
        .with_policy(  # type: ignore[misc]
            {"attack": lambda signal: "no" if signal == "defend" else "yes"}
        )
    )
    honest = {"signal": lambda state: "defend" if state == "strong" else "retreat"}
    always = {"signal": lambda state: "defend"}
    reason = cm.intention(model, "spared", "signal", policy=always, alternatives=[honest["signal"]])
    assert reason is not None
    assert reason.nodes == {"spared"}
    assert (reason.value, reason.alternative_value, reason.guaranteed_value) == pytest.approx((2.9, 2.8, 3.0))


def test_the_learners_of_the_supervised_simulation() -> None:
    model = literature.load("simulation-oversight").model()  # type: ignore[misc]
    best = model.solve()
    assert (best["choose"][()], best["in_real"][()], best["in_simulation"][()]) == ("real", "exploit", "complete")
    assert best.exact
    others = {"choose": lambda: "real", "in_real": lambda: "exploit", "in_simulation": lambda: "exploit"}
    assert model.expected_utility(others) == pytest.approx(-2.6)


def test_the_minimal_reduction_of_the_trimming_example_has_seven_edges() -> None:
    cid = literature.load("trimming").cid
    assert (len(cid.edges), len(cm.minimal_reduction(cid).edges)) == (12, 7)


def test_the_introduced_bias_has_the_published_size() -> None:
    cid = literature.load("introduced-bias").cid
    model = cid.parameterise(
        A=cm.Uniform(0, 1),
        Z=cm.Uniform(0, 1),
        X=lambda A, Z: A * Z,
        Y=lambda X, Z: X + Z,
        D=[0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2],
        U=lambda D, Y: -((D - Y) ** 2),
    )
    policy = model.solve().policy
    guess = {a: sum(d * p for (d,), p in _law(model, "D", {"A": a}, policy).items()) for a in (0, 1)}
    label = {a: sum(y * p for (y,), p in _law(model, "Y", {"A": a}, policy).items()) for a in (0, 1)}
    introduced = abs(guess[1] - guess[0]) - abs(label[1] - label[0])
    assert introduced == pytest.approx(1 / 3)


def _law(model: cm.CIM, node: Any, given: Any, policy: Any) -> Any:
    law = model.query([node], given=given, policy=policy)
    return {(value,): law[value] for value in model.domain(node)}


def test_names_are_unique_and_loadable() -> None:
    assert len(set(literature.names())) == len(literature.examples()) >= 30
    assert all(literature.load(name).name == name for name in literature.names())


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(UnknownNodeError, match="did you mean `actor-critic`"):
        literature.load("actor_critic")

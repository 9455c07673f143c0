"""What pycid's own tests expect of its examples, asked of cidmesa.

Expectations that are data are taken over (pycid 0.8.2, ``tests/test_analyze.py``, ``test_cid.py``, ``test_macid.py``,
``test_macid_base.py``, ``test_causal_bayesian_network.py``, ``test_reasoning_patterns.py``), each under the name of the
test it is from. Left out are those about its methods rather than its answers (copying, raising, making nodes), and two
that speak of another notion: *indirect value of control*, which pycid ties to a back door besides the path through the
decision, and the *subgames* that a diagram has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.solve import mixed_equilibria, pure_equilibria, subgame_perfect_equilibria
from tests.interop.pycid_examples import diagram, model, needs_pycid, theirs

pytestmark = needs_pycid


def admitted(criterion: Callable[..., cm.Verdict], cid: cm.CID, nodes: str, **more: Any) -> set[str]:
    """Return those of the nodes, named in a text, for which the answer is yes."""
    return {node for node in nodes.split() if criterion(cid, node, **more)}


def blind_grades() -> cm.CID:
    return diagram("get_grade_predictor").without_edges(("HS", "P"))


def blind(name: str) -> cm.CIM:
    """The example in which the only decision sees nothing."""
    read = model(name)
    return read.observing(read.cid.decisions[0], [])


def bias(**changed: Any) -> cm.CIM:
    """The example of introduced bias, with mechanisms changed, when D is what is expected of Y given X."""
    source = theirs("get_introduced_bias")
    source.impute_random_policy()
    source.add_cpds(**changed)
    source.impute_conditional_expectation_decision("D", "Y")
    read = cm.from_pycid(source)
    assert isinstance(read, cm.CIM)
    return read


def at_random(name: str) -> dict[str, Any]:
    read = model(name)
    return {d: cm.Uniform(*read.domain(d)) for d in read.cid.decisions}


VOI, VOC, RI, ICI = cm.admits_voi, cm.admits_voc, cm.admits_ri, cm.admits_ici
GRADES, BIAS = "get_grade_predictor", "get_introduced_bias"
POSTS, POSTS2, FITNESS = "get_content_recommender", "get_modified_content_recommender", "get_fitness_tracker"

INCENTIVES: list[tuple[str, Callable[[], set[str]], set[str]]] = [
    ("VoiList introduced bias", lambda: admitted(VOI, diagram(BIAS), "A X Z Y"), {"A", "X", "Z", "Y"}),
    ("VoiList grades", lambda: admitted(VOI, diagram(GRADES), "R HS E Gr Ge"), {"HS", "E", "Gr"}),
    ("VoiList grades, edge removed", lambda: admitted(VOI, blind_grades(), "R HS E Gr Ge"), {"R", "HS", "E", "Gr"}),
    ("QuantitativeVoi", lambda: admitted(VOI, diagram("get_quantitative_voi_cid"), "X S"), {"X", "S"}),
    ("VocList content", lambda: admitted(VOC, diagram(POSTS), "O I M C"), {"O", "I", "M", "C"}),
    ("VocList modified content", lambda: admitted(VOC, diagram(POSTS2), "O I M C"), {"O", "M", "C"}),
    ("QuantitativeVoc", lambda: admitted(VOC, diagram("get_3node_cid"), "U S"), {"U", "S"}),
    ("IciList content, but for P itself", lambda: admitted(ICI, diagram(POSTS), "I C O M"), {"I", "C"}),
    ("RiList grades", lambda: admitted(RI, diagram(GRADES), "R HS E Gr Ge Ac"), {"R", "HS"}),
    ("RiList grades, edge removed", lambda: admitted(RI, blind_grades(), "R HS E Gr Ge Ac"), set()),
    (
        "DirVocList fitness",
        lambda: admitted(VOC, diagram(FITNESS), "F P TD TF SC EF EWD D", direct=True),
        {"F", "P"},
    ),
    ("IndirVoc fitness", lambda: admitted(VOC, diagram(FITNESS), "SC", decision="C", direct=False), {"SC"}),
    ("Requisite", lambda: set(cm.minimal_reduction(diagram("get_trim_example_cid")).parents("D2")), {"Y2"}),
]


@pytest.mark.parametrize(("ask", "expected"), [row[1:] for row in INCENTIVES], ids=[row[0] for row in INCENTIVES])
def test_incentives(ask: Callable[[], set[str]], expected: set[str]) -> None:
    assert ask() == expected


NUMBERS: list[tuple[str, Callable[[], float], float]] = [
    ("QuantitativeVoi X", lambda: cm.value_of_information(model("get_quantitative_voi_cid"), "X"), 0.6),
    ("QuantitativeVoi S", lambda: cm.value_of_information(model("get_quantitative_voi_cid"), "S"), 0.4),
    ("QuantitativeVoc no", lambda: cm.value_of_control(model("get_3node_cid"), "S"), 0),
    ("QuantitativeVoc positive", lambda: cm.value_of_control(blind("get_3node_cid"), "S"), 1),
    (
        "TotalEffect minimal",
        lambda: cm.total_effect(model("get_minimal_cid"), "A", "B", 0, 1, policy=at_random("get_minimal_cid")),
        1,
    ),
    ("TotalEffect bias X", lambda: cm.total_effect(model(BIAS), "A", "X", 0, 1), 0.5),
    ("TotalEffect bias D", lambda: cm.total_effect(model(BIAS), "A", "D", 0, 1, policy=at_random(BIAS)), 0),
    ("TotalEffect bias Y", lambda: cm.total_effect(model(BIAS), "A", "Y", 0, 1), 0.5),
    (
        "IntroducedTotalEffect at random",
        lambda: cm.introduced_total_effect(model(BIAS), "A", "Y", policy=at_random(BIAS)),
        -0.5,
    ),
    ("IntroducedTotalEffect", lambda: cm.introduced_total_effect(bias(), "A", "Y"), 1 / 3),
    ("x_nodep_z", lambda: cm.introduced_total_effect(bias(X=lambda A, Z: A), "A", "Y"), 0),
    ("y_nodep_z", lambda: cm.introduced_total_effect(bias(Y=lambda X, Z: X), "A", "Y"), 0),
    ("y_nodep_x", lambda: cm.introduced_total_effect(bias(Y=lambda X, Z: Z), "A", "Y"), 1 / 3),
    ("Solve 3node", lambda: model("get_3node_cid").solve().value, 1),
    ("Solve 2dec", lambda: model("get_2dec_cid").solve().value, 1),
    ("Solve insufficient recall", lambda: model("get_insufficient_recall_cid").solve().value, 1),
    (
        "scaled utility at random",
        lambda: model("get_5node_cid_with_scaled_utility").expected_utility(
            at_random("get_5node_cid_with_scaled_utility")
        ),
        6,
    ),
    ("cond expectation decision", lambda: bias().expected_utility(), -1 / 6),
    ("eu00", lambda: model("get_3node_cid").expected_utility(given={"D": -1, "S": -1}, policy=at_random(THREE)), 1),
    ("eu10", lambda: model("get_3node_cid").expected_utility(given={"D": 1, "S": -1}, policy=at_random(THREE)), -1),
    ("eu000", lambda: model(FIVE).expected_utility(at_random(FIVE), given={"D": 0, "S1": 0, "S2": 0}), 2),
    ("eu001", lambda: model(FIVE).expected_utility(at_random(FIVE), given={"D": 0, "S1": 0, "S2": 1}), 1),
    ("prisoners 1", lambda: prisoners(1), 0),
    ("prisoners 2", lambda: prisoners(2), -3),
    ("query", lambda: model(THREE).expected_utility(at_random(THREE), given={"D": -1}, do={"S": 1}), -1),
    ("cbn", lambda: mean(model("get_minimal_cbn"), "B", {}), 0.5),
    ("cbn do A=1", lambda: mean(model("get_minimal_cbn"), "B", {"A": 1}), 1),
    ("fork do A=1, B=3", lambda: mean(model("get_fork_cbn"), "C", {"A": 1, "B": 3}), 3),
    ("fork do A=2, B=4", lambda: mean(model("get_fork_cbn"), "C", {"A": 2, "B": 4}), 8),
]
THREE, FIVE = "get_3node_cid", "get_5node_cid"


def prisoners(agent: int) -> float:
    return model("prisoners_dilemma").expected_utility({"D1": lambda: "d", "D2": lambda: "c"}, agent=agent)


def mean(read: cm.CIM, node: str, do: dict[str, Any]) -> float:
    return float(read.query([node], do=do).probabilities @ np.array(read.domain(node)))


@pytest.mark.parametrize(("ask", "expected"), [row[1:] for row in NUMBERS], ids=[row[0] for row in NUMBERS])
def test_numbers(ask: Callable[[], float], expected: float) -> None:
    assert ask() == pytest.approx(expected, abs=1e-9)


def test_optimal_actions() -> None:
    """TestSolve, test_optimal_decision_rules: the tables, and how many pure rules are optimal."""
    assert model(THREE).solve().tables["D"].tolist() == [[1, 0], [0, 1]]
    assert model("get_2dec_cid").solve().tables["D2"].tolist() == [[1, 0], [0, 1]]
    for name, count in (("get_minimal_cid", 1), (THREE, 1), (FIVE, 4)):
        [actions] = model(name).solve().optimal_actions.values()
        assert np.prod([len(best) for best in actions.values()]) == count


def test_recall_and_relevance() -> None:
    """TestSufficientRecall, test_is_s_reachable, test_is_r_reachable, test_relevance_graph."""
    assert cm.is_soluble(diagram("get_2dec_cid"))
    assert not cm.is_soluble(diagram("get_2dec_cid").without_edges(("S2", "D2")))
    assert not cm.is_soluble(diagram("forgetful_movie_star"), agent=1)
    assert cm.is_soluble(diagram("forgetful_movie_star"), agent=2)
    assert cm.is_soluble(diagram("taxi_competition"), agent=1)
    for name in ("taxi_competition", "subgame_difference"):
        assert cm.admits_relevance(diagram(name), "D2", "D1")
        assert not cm.admits_relevance(diagram(name), "D1", "D2")
    assert not cm.admits_relevance(diagram("subgame_difference"), "N", "D1")
    assert not cm.admits_relevance(diagram("subgame_difference"), "N", "D2")
    assert cm.relevance_graph(diagram("taxi_competition")).is_acyclic
    assert not cm.relevance_graph(diagram("prisoners_dilemma")).is_acyclic


def test_structure() -> None:
    """TestIsStructuralCausalModel, TestQuery."""
    assert model("get_3node_cbn").is_structural
    law = model("get_3node_cbn").query(["U"], given={"D": 2})
    assert {value: p for value, p in law.to_dict().items() if p} == {2: 1.0}


GAMES = [
    ("prisoners_dilemma", 1, 1, 1),
    ("battle_of_the_sexes", 2, 3, 2),
    ("matching_pennies", 0, 1, 1),
    ("two_agents_three_actions", 1, 1, 1),
    ("taxi_competition", 3, 4, 1),
    ("modified_taxi_competition", None, None, 2),
    ("basic_different_dec_cardinality", None, None, 1),
]


@pytest.mark.parametrize(("name", "pure", "extreme", "perfect"), GAMES, ids=[row[0] for row in GAMES])
def test_how_many_equilibria(name: str, pure: int | None, extreme: int | None, perfect: int) -> None:
    """test_get_ne, test_get_ne_in_sg, test_pygambit_ne_solver, test_get_spe: pygambit's counts.

    Of the subgame-perfect ones in the battle of the sexes the pure ones alone (``enumpure``): mixed ones are looked for
    here where there are no pure ones, and `mixed_equilibria` has all three, for the game is its only subgame.
    """
    game = model(name)
    if pure is not None:
        assert len(pure_equilibria(game)) == pure
        assert len(mixed_equilibria(game)) == extreme
    assert len(subgame_perfect_equilibria(game, mixed=True)) == perfect


def test_which_equilibria() -> None:
    """The profiles that its tests spell out."""
    [dilemma] = pure_equilibria(model("prisoners_dilemma"))
    assert dilemma.values == {1: -2, 2: -2}
    [pennies] = mixed_equilibria(model("matching_pennies"))
    np.testing.assert_allclose([pennies.tables["D1"], pennies.tables["D2"]], [[0.5, 0.5], [0.5, 0.5]])
    [sexes] = [e for e in mixed_equilibria(model("battle_of_the_sexes")) if not e.is_pure]
    np.testing.assert_allclose([sexes.tables["D_F"], sexes.tables["D_M"]], [[0.6, 0.4], [0.4, 0.6]])
    [taxi] = subgame_perfect_equilibria(model("taxi_competition"))
    assert taxi.policy == {"D1": {(): "e"}, "D2": {("e",): "c", ("c",): "e"}}
    [cards] = subgame_perfect_equilibria(model("basic_different_dec_cardinality"))
    assert cards.policy == {"D1": {(): 1}, "D2": {(0,): 1, (1,): 2}}
    [mixed] = subgame_perfect_equilibria(model("subgame_mixed_spe"), mixed=True)
    np.testing.assert_allclose(mixed.tables["D1"], [0, 1])
    np.testing.assert_allclose([mixed.tables[f"D{i}"] for i in range(2, 8)], [[0.5, 0.5]] * 6)


PATTERNS = [
    ([("D1", "U1"), ("D2", "D1")], {1: ["D1", "D2"]}, {1: ["U1"]}, {"D1": "direct_effect", "D2": None}),
    (
        [("D1", "U2"), ("D1", "D2"), ("D2", "U1"), ("D2", "U2")],
        {1: ["D1"], 2: ["D2"]},
        {1: ["U1"], 2: ["U2"]},
        {"D1": "manipulation", "D2": "direct_effect"},
    ),
    (
        [("X", "U1"), ("X", "U2"), ("X", "D1"), ("D1", "D2"), ("D2", "U1"), ("D2", "U2")],
        {1: ["D1"], 2: ["D2"]},
        {1: ["U1"], 2: ["U2"]},
        {"D1": "signaling", "D2": "direct_effect"},
    ),
    (
        [("D1", "X2"), ("X1", "X2"), ("X2", "D2"), ("D2", "U1"), ("D2", "U2"), ("X1", "U2")],
        {1: ["D1"], 2: ["D2"]},
        {1: ["U1"], 2: ["U2"]},
        {"D1": "revealing_denying", "D2": "direct_effect"},
    ),
]


@pytest.mark.parametrize(("edges", "decisions", "utilities", "expected"), PATTERNS)
def test_reasoning_patterns(edges: Any, decisions: Any, utilities: Any, expected: dict[str, str | None]) -> None:
    found = cm.reasoning_patterns(cm.CID(edges, decisions=decisions, utilities=utilities))
    for decision, pattern in expected.items():
        assert found[decision] == ({pattern} if pattern else set())

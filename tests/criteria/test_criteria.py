from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.criteria import Answer
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.question import TITLES
from cidmesa.criteria.verdict import Verdict
from cidmesa.graph import (
    d_separated,
    downstream_utilities,
    minimal_reduction,
    requisite_observations,
    with_information_link,
)
from tests.graph import naive
from tests.mesa.systems import red_door_cid
from tests.strategies import cids, examples

GRAPHICAL = tuple(c for c in TITLES if c not in {"path_specific_ici", "deception"})


def ask(cid: cm.CID, criterion: str, node: str, decision: str) -> Verdict | None:
    """The verdict, or None where the question makes no sense."""
    try:
        return judge(cid, criterion, node, decision)
    except cm.NotApplicableError:
        return None


def says_yes(cid: cm.CID, reduced: cm.CID, criterion: str, x: str, d: str) -> bool:
    """The criterion as the table of definitions words it, on the minimal reduction."""
    utilities = cid.utilities
    pays = any(u == x or u in reduced.descendants(x) for u in utilities)
    if criterion in {"voc", "direct_voc"} and x in utilities:
        others = [u for u in utilities if u != x]
        return not all(
            p in cid.decisions and not any(u in reduced.descendants(p) for u in others) for p in reduced.parents(x)
        )
    if criterion == "voi":
        return x in naive.reduced(with_information_link(cid, x, d), random.Random(0)).parents(d)
    if criterion in {"ri", "unfairness"}:
        return d in reduced.descendants(x)
    if criterion == "voc":
        return pays
    if criterion == "direct_voc":
        free = cid.without_edges([(p, e) for e in cid.decisions for p in cid.parents(e)])
        return any(u == x or u in free.descendants(x) for u in utilities)
    if criterion == "indirect_voc":
        return any(e in reduced.descendants(x) for e in cid.decisions)
    if criterion == "ici":
        return x in reduced.descendants(d) and pays
    if criterion == "impact":
        return x in cid.descendants(d) and bool(naive.goals(cid, d))
    if criterion == "intention":
        below = cid.descendants(d)
        return x in below and any(u == x or u in cid.descendants(x) for u in utilities)
    if criterion == "introduced_unfairness":
        return any(w == x or naive.connected(reduced, x, w, ()) for w in reduced.parents(d))
    if criterion == "requisite":
        return x in naive.requisite(cid, d)
    return x in naive.relevant(cid, d)


@given(cids(max_chance=5, max_parents=4))
@settings(max_examples=examples(quick=60, full=2000))
def test_one_decision_answers_are_the_criteria_word_by_word(cid: cm.CID) -> None:
    reduced = naive.reduced(cid, random.Random(0))
    (d,) = cid.decisions
    for criterion in GRAPHICAL:
        for x in cid.nodes:
            verdict = ask(cid, criterion, x, d)
            if verdict is not None:
                wanted = Answer.ADMITS if says_yes(cid, reduced, criterion, x, d) else Answer.EXCLUDES
                assert verdict.settled is wanted
                assert verdict.because.check(cid)


@given(cids(max_chance=4, decisions=(2, 3), max_parents=4))
@settings(max_examples=examples(quick=60, full=2000))
def test_with_several_decisions_a_no_is_the_criterion_and_a_theorem_never_contradicts_it(cid: cm.CID) -> None:
    reduced = naive.reduced(cid, random.Random(1))
    for d in cid.decisions:
        for criterion in GRAPHICAL:
            for x in cid.nodes:
                verdict = ask(cid, criterion, x, d)
                if verdict is not None:
                    yes = says_yes(cid, reduced, criterion, x, d)
                    assert (verdict.settled is Answer.EXCLUDES) == (not yes)
                    assert verdict.because.check(cid)
                    if verdict.settled is None:
                        assert "circle" in verdict.reason or "between decisions" in verdict.reason


@given(cids(max_chance=4, decisions=(2, 3), max_parents=4))
@settings(max_examples=examples(quick=60, full=1500))
def test_voi_is_settled_for_chance_nodes_where_the_link_leaves_a_soluble_diagram(cid: cm.CID) -> None:
    for d in cid.decisions:
        for x in cid.chance:
            verdict = ask(cid, "voi", x, d)
            if verdict is not None and cm.is_soluble(with_information_link(cid, x, d)):
                assert verdict.settled is not None


@given(cids(max_chance=4, decisions=(1, 2), max_parents=4), st.data())
@settings(max_examples=examples(quick=60, full=1500))
def test_answers_do_not_depend_on_names_order_or_barren_nodes(cid: cm.CID, data: st.DataObject) -> None:
    order = data.draw(st.permutations(cid.nodes))
    names = {old: f"n{i}" for i, old in enumerate(order)}
    shuffled = cm.CID(
        data.draw(st.permutations(cid.edges)),
        nodes=order,
        decisions=data.draw(st.permutations(cid.decisions)),
        utilities=cid.utilities,
    ).renamed(names)
    parents = data.draw(st.lists(st.sampled_from([n for n in cid.nodes if cid.kind(n) != "utility"]), unique=True))
    barren = cid.with_edges([(p, "barren") for p in parents]) if parents else cid
    for d in cid.decisions:
        for criterion in GRAPHICAL:
            for x in cid.nodes:
                here = ask(cid, criterion, x, d)
                there = ask(shuffled, criterion, names[x], names[d])
                padded = ask(barren, criterion, x, d)
                answers = [v if v is None else (v.settled,) for v in (here, there, padded)]
                assert answers[0] == answers[1] == answers[2]


@given(cids(max_chance=4, max_parents=4), st.data())
@settings(max_examples=examples(quick=60, full=1000))
def test_a_proof_does_not_serve_another_diagram(cid: cm.CID, data: st.DataObject) -> None:
    """Turning the claim of a proof round makes its check fail: a check that cannot fail would prove nothing."""
    (d,) = cid.decisions
    for x in cid.chance:
        for criterion in ("ri", "ici", "voc"):
            verdict = ask(cid, criterion, x, d)
            assert verdict is not None
            if verdict.settled is Answer.ADMITS and len(verdict.because.nodes) > 1:
                nodes = verdict.because.nodes
                k = data.draw(st.integers(0, len(nodes) - 2))
                assert not verdict.because.check(cid.without_edges((nodes[k], nodes[k + 1])))
            if verdict.settled is Answer.EXCLUDES and criterion == "voc":
                assert not verdict.because.check(cid.with_edges((x, cid.utilities[0])))
        voi = ask(cid, "voi", x, d)
        if voi is not None and voi.settled is Answer.ADMITS:
            walk = voi.because
            if len(walk.nodes) > 2:
                middle = walk.nodes[1]
                assert walk.given is not None
                assert not replace(walk, given=walk.given ^ {middle}).check(cid)


def test_sets_of_nodes() -> None:
    cid = red_door_cid()
    assert cm.admits_voi(cid, ["weather", "door"])
    assert not cm.admits_voi(cid, ["weather", "red"])
    assert cm.admits_voi(cid, ["red", "door"]).because.check(cid)
    assert not cm.admits_voc(cid, ["weather", "red", "at_red"])
    assert cm.admits_voc(cid, ["weather", "at_door"])
    with pytest.raises(cm.NotApplicableError, match="got none"):
        cm.admits_voi(cid, [])
    with pytest.raises(cm.NotApplicableError, match="2 nodes"):
        _ = cm.admits_voi(cid, ["red", "door"]).node


def test_seeing_both_can_pay_where_seeing_one_makes_the_other_loose() -> None:
    # door and its copy: each is worth seeing, and once both are seen the copy's link goes.
    cid = cm.CID([("door", "copy"), ("go", "pay"), ("door", "pay")], decisions=["go"], utilities=["pay"])
    both = cm.admits_voi(cid, ["door", "copy"])
    assert both
    assert cm.admits_voi(cid, "copy")
    assert both.because.check(cid)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda c: cm.admits_voi(c, "reward"), "`reward` is a utility"),
        (lambda c: cm.admits_voi(c, "at_door"), "a descendant of `go`"),
        (lambda c: cm.admits_voi(c, "go"), "the decision itself"),
        (lambda c: cm.admits_ri(c, "go"), "another node than the decision"),
        (lambda c: cm.admits_voc(c, "go"), "which controls it anyway"),
        (lambda c: cm.admits_voi(c, "door", "red"), "`red` is a chance node, not a decision"),
        (lambda c: cm.admits_introduced_unfairness(c, "door", label="red"), "`red` is not compared with `go`"),
        (lambda c: judge(c, "requisite", "weather"), "does not observe `weather`"),
    ],
)
def test_questions_that_make_no_sense_say_why(ask: Any, text: Any) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(cm.NotApplicableError, match=text):
        ask(red_door_cid())


def test_nodes_of_another_diagram_are_unknown() -> None:
    for question in (
        lambda c: cm.admits_voi(c, "dor"),
        lambda c: cm.admits_ici(c, "door", "goo"),
        lambda c: cm.admits_introduced_unfairness(c, "door", label="labl"),
        lambda c: cm.minimal_reduction(c) and cm.admits_voc(c, "elsewhere"),
    ):
        with pytest.raises(cm.UnknownNodeError, match="is not a node of this diagram"):
            question(red_door_cid())
    with pytest.raises(cm.DiagramError, match="is not an edge"):
        cm.admits_path_specific_ici(red_door_cid(), "at_door", cut_edges=[("go", "door")])


@pytest.mark.parametrize("node", [3, None, 1.5])
def test_what_is_no_name_is_no_node(node: Any) -> None:  # type: ignore[no-untyped-def]
    for criterion in ("voi", "voc", "ri", "ici"):
        with pytest.raises(cm.UnknownNodeError, match=f"`{node}` is not a node of this diagram"):
            judge(red_door_cid(), criterion, node)


def test_a_model_is_no_diagram() -> None:
    cid = cm.CID([("go", "pay")], decisions=["go"], utilities=["pay"])
    model: Any = cid.parameterise(go=[0, 1], pay=lambda go: go)
    verdict = cm.admits_ici(cid, "pay")
    for ask in (
        cm.incentives,
        cm.minimal_reduction,
        cm.is_soluble,
        cm.relevance_graph,
        cm.mechanise,
        lambda m: cm.lift_context(m, "pay"),
        lambda m: cm.admits_voi(m, "pay"),
        lambda m: cm.sensitivity(m, verdict),
        lambda m: downstream_utilities(m, "go"),
        requisite_observations,
        lambda m: d_separated(m, "go", "pay"),
    ):
        with pytest.raises(cm.NotApplicableError, match=r"is about a diagram; got a CIM: pass model\.cid"):
            ask(model)
        with pytest.raises(cm.NotApplicableError, match="is about a diagram, a CID; got 3"):
            ask(3)
    assert cm.incentives(model.cid).ici == {"pay"}


def test_an_edge_is_a_pair() -> None:
    cid = cm.CID([("go", "x"), ("x", "pay")], decisions=["go"], utilities=["pay"])
    assert not cm.admits_path_specific_ici(cid, "x", cut_edges=("go", "x"))
    for edges in ("xy", ["go"], ["xy"], [("go", "x", "pay")], 3):
        with pytest.raises(cm.DiagramError, match=r"an edge is a pair \(tail, head\); got"):
            cm.admits_path_specific_ici(cid, "x", cut_edges=edges)  # type: ignore[arg-type]


def test_which_decision_has_to_be_said() -> None:
    cid = cm.CID([("a", "b"), ("b", "pay"), ("x", "pay")], decisions=["a", "b"], utilities=["pay"])
    with pytest.raises(cm.NotApplicableError, match='decision="a"'):
        cm.admits_voi(cid, "x")
    assert cm.admits_voc(cid, "x").decision is None  # control is of the diagram
    with pytest.raises(cm.NotApplicableError, match="has none"):
        cm.admits_voi(cm.CID([("x", "pay")], utilities=["pay"]), "x")
    assert cm.admits_voc(cm.CID([("x", "pay")], utilities=["pay"]), "x")


def test_cut_edges_are_cut() -> None:
    cid = cm.CID(
        [("post", "opinion"), ("opinion", "clicks"), ("post", "mood"), ("mood", "opinion")],
        decisions=["post"], utilities=["clicks"],
    )  # fmt: skip
    assert cm.admits_path_specific_ici(cid, "opinion", cut_edges=[("post", "opinion")])
    verdict = cm.admits_path_specific_ici(cid, "opinion", cut_edges=[("post", "opinion"), ("mood", "opinion")])
    assert not verdict
    assert verdict.because.check(cid)
    assert "default value" in verdict.assumptions[0]


def test_other_agents_rules_are_fixed_and_the_verdict_says_so() -> None:
    # A tells, B acts on it: for A, influencing what B does is a way to its own utility.
    edges = [("tell", "act"), ("act", "ua"), ("act", "ub"), ("truth", "tell"), ("truth", "ub")]
    cid = cm.CID(edges, decisions={"A": ["tell"], "B": ["act"]}, utilities={"A": ["ua"], "B": ["ub"]})
    verdict = cm.admits_ici(cid, "act", "tell")
    assert verdict
    assert verdict.assumptions == ("the rules of the other agents' decisions (act) are fixed mechanisms",)
    assert not cm.admits_ici(cid, "ub", "tell")
    assert cm.admits_voi(cid, "truth", "act")
    with pytest.raises(cm.NotApplicableError):
        cm.admits_voc(cid, "truth")
    assert cm.admits_voc(cid, "truth", "act")
    assert not cm.admits_ri(cid, "truth", "tell")


def test_an_open_question_is_not_a_truth_value(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.criteria.witness import build as witness

    monkeypatch.setattr(witness, "find_witness", lambda verdict, budget: None)
    cid = cm.CID([("s", "d0"), ("d0", "d1"), ("d1", "u"), ("s", "u")], decisions=["d0", "d1"], utilities=["u"])
    verdict = cm.admits_ri(cid, "d0", "d1")
    assert verdict.answer is Answer.UNKNOWN
    assert "relevant to each other in a circle" in verdict.reason
    with pytest.raises(cm.NotApplicableError, match="Neither True nor False"):
        bool(verdict)
    with pytest.raises(cm.NotApplicableError, match="found no witness"):
        verdict.witness()
    with pytest.raises(cm.NotApplicableError, match="no model"):
        cm.admits_ri(red_door_cid(), "weather").witness()


def test_a_found_witness_settles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.criteria.witness import build as witness

    found = red_door_cid().parameterise(
        weather=cm.Uniform(0, 1), door=cm.Uniform(0, 1), red=lambda door: door, go=[0, 1],
        at_door=lambda go, door: int(go == door), at_red=lambda go, red: int(go == red), reward=lambda at_door: at_door,
    )  # fmt: skip
    calls = []
    monkeypatch.setattr(witness, "find_witness", lambda verdict, budget: calls.append(verdict) or found)
    cid = cm.CID([("s", "d0"), ("d0", "d1"), ("d1", "u"), ("s", "u")], decisions=["d0", "d1"], utilities=["u"])
    verdict = cm.admits_ri(cid, "d0", "d1")
    assert not calls  # the search waits until the answer is asked for
    assert verdict
    assert verdict.witness() is found
    assert len(calls) == 1


def test_hidden_common_causes() -> None:
    # a <-> pay: seeing a tells of pay, although nothing leads from a to pay.
    cid = cm.CID([("go", "pay")], nodes=["a"], decisions=["go"], utilities=["pay"], bidirected=[("a", "pay")])
    assert cm.admits_voi(cid, "a")
    assert not cm.admits_voc(cid, "a")
    latent = cid.latent[0]
    assert cm.admits_voi(cid, latent)
    assert cm.admits_voi(cid, latent).because.check(cid)


def test_the_reduction_is_kept_with_the_diagram_and_never_changes_it() -> None:
    cid = red_door_cid()
    before = cid.edges
    assert minimal_reduction(cid) is minimal_reduction(cid)
    cm.admits_voi(cid, "weather")
    assert cid.edges == before

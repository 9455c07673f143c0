from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import d_separated, mechanism_name, relevant_mechanisms
from cidmesa.graph.mechanised import components
from tests.graph import naive
from tests.strategies import cids, examples


@given(cids(max_chance=4, decisions=(1, 3), max_parents=4))
@settings(max_examples=examples(quick=100, full=3000))
def test_relevance_is_separation_in_the_mechanised_diagram(cid: cm.CID) -> None:
    mechanised = cm.mechanise(cid)
    edges = set()
    for d in cid.decisions:
        d_connected = relevant_mechanisms(cid, d)
        assert d_connected == naive.relevant(cid, d)
        for v in cid.nodes:
            separated = d_separated(mechanised, mechanism_name(cid, v), naive.goals(cid, d), {d, *cid.parents(d)})
            assert (v in d_connected) == (not separated and v != d)
        edges |= {(e, d) for e in cid.decisions if e in d_connected}
    assert set(cm.relevance_graph(cid).edges) == edges


@given(cids(max_chance=4, decisions=(2, 4), max_parents=4))
@settings(max_examples=examples(quick=100, full=2000))
def test_an_order_settles_each_decision_after_what_is_relevant_to_it(cid: cm.CID) -> None:
    graph = cm.relevance_graph(cid)
    place = {d: i for i, part in enumerate(graph.components) for d in part}
    assert sorted(place) == sorted(cid.decisions)
    assert all(place[first] <= place[then] for first, then in graph.edges)
    assert graph.is_acyclic == cm.is_soluble(cid)
    if graph.is_acyclic:
        assert graph.cycle is None
        order = graph.order()
        assert all(order.index(first) < order.index(then) for first, then in graph.edges)
    else:
        cycle = graph.cycle
        assert cycle is not None
        assert all(edge in graph.edges for edge in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        with pytest.raises(cm.NotApplicableError, match="in a circle"):
            graph.order()


@given(st.integers(1, 7), st.data())
@settings(max_examples=examples(quick=100, full=2000))
def test_components_are_mutual_reachability(n: int, data: st.DataObject) -> None:
    nodes = tuple(f"n{i}" for i in range(n))
    edges = data.draw(st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)), max_size=12))
    reach = {v: {v} for v in nodes}
    for _ in nodes:
        for a, b in edges:
            for v in nodes:
                if a in reach[v]:
                    reach[v].add(b)
    parts = components(nodes, edges)
    part_of = {v: i for i, part in enumerate(parts) for v in part}
    for v in nodes:
        for w in nodes:
            assert (part_of[v] == part_of[w]) == (w in reach[v] and v in reach[w])
    assert all(part_of[a] <= part_of[b] for a, b in edges)


def test_perfect_recall_is_soluble_and_forgetting_is_not() -> None:
    steps = [("d1", "x"), ("x", "d2"), ("x", "pay"), ("d2", "pay"), ("d1", "pay")]
    forgetful = cm.CID(steps, decisions=["d1", "d2"], utilities=["pay"])
    assert not cm.is_soluble(forgetful)
    recalls = forgetful.with_edges(("d1", "d2"))
    assert cm.is_soluble(recalls)
    assert cm.relevance_graph(recalls).order() == ("d2", "d1")


def test_solubility_is_each_agents_own() -> None:
    # Matching pennies: each rule is relevant to the other, but no agent waits for itself.
    edges = [("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")]
    game = cm.CID(edges, decisions={"A": ["a"], "B": ["b"]}, utilities={"A": ["ua"], "B": ["ub"]})
    assert not cm.relevance_graph(game).is_acyclic
    assert cm.is_soluble(game)
    assert cm.is_soluble(game, "A")


def test_mechanising_and_lifting_need_free_names() -> None:
    cid = cm.CID([("M_go", "go"), ("W_pay", "go"), ("go", "pay")], utilities=["pay"])
    with pytest.raises(cm.DiagramError, match=r"renamed\(\{\"M_go\""):
        cm.mechanise(cid)
    with pytest.raises(cm.DiagramError, match="W_pay"):
        cm.lift_context(cid, "pay")


def test_lifting_is_for_what_the_agent_does_not_choose() -> None:
    cid = cm.CID([("door", "go"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    lifted = cm.lift_context(cid, ["door", "pay"])
    assert lifted.parents("door") == ("W_door",)
    assert lifted.kind("W_pay") == "chance"
    with pytest.raises(cm.NotApplicableError, match="lift chance or utility nodes"):
        cm.lift_context(cid, "go")


def test_questions_about_no_decision_say_so() -> None:
    cid = cm.CID([("door", "go"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    with pytest.raises(cm.NotApplicableError, match="`door` is a chance node"):
        relevant_mechanisms(cid, "door")
    with pytest.raises(cm.UnknownNodeError):
        relevant_mechanisms(cid, "do")

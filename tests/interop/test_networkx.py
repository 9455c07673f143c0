"""networkx's graphs: the way there and back, with every attribute kept."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import CidmesaError, DiagramError, NotApplicableError, UnknownNodeError
from tests.strategies import cids, examples

WORDS = st.text("ab ä", max_size=3)
VALUES = st.one_of(st.integers(), WORDS, st.tuples(st.floats(allow_nan=False), st.booleans()), st.none())
KNOWN = st.dictionaries(st.one_of(WORDS, st.integers()), VALUES, max_size=2)


@given(cids(decisions=(0, 2)), st.data())
@settings(max_examples=examples(quick=30, full=1000))
def test_there_and_back(cid: cm.CID, data: st.DataObject) -> None:
    subjects: list[Any] = [*cid.nodes, *cid.edges, None]
    known = {subject: data.draw(KNOWN) for subject in subjects if data.draw(st.booleans())}
    latent = [n for n in cid.chance if not set(cid.children(n)) & set(cid.decisions) and data.draw(st.booleans())]
    cid = cm.CID(
        cid.edges,
        nodes=cid.nodes,
        decisions={"a": cid.decisions[:1], 2: cid.decisions[1:]},
        utilities={2: cid.utilities},
        latent=latent,
        attributes=known,
    )
    graph = cm.to_networkx(cid)
    found = cm.from_networkx(graph)
    assert found == cid
    assert found.attributes == cid.attributes
    assert all(found.parents(n) == cid.parents(n) for n in cid.nodes)
    assert nx.utils.graphs_equal(cm.to_networkx(found), graph)


def test_attributes_of_a_graph_by_hand() -> None:
    graph = nx.DiGraph(title="a maze")
    graph.add_node("go", label="where to go", kind="choice")
    graph.add_edge("door", "go", weight=0.5)
    graph.add_edge("go", "reward")
    cid = cm.from_networkx(graph, decisions=["go"], utilities=["reward"])
    assert cid.nodes == ("go", "door", "reward")
    assert cid.attributes == {
        None: {"title": "a maze"},
        "go": {"label": "where to go", "kind": "choice"},
        ("door", "go"): {"weight": 0.5},
    }
    with pytest.raises(DiagramError, match="call ours something else"):
        cm.to_networkx(cid)
    back = cm.to_networkx(cid, kind="role")
    assert back.nodes["go"] == {"label": "where to go", "kind": "choice", "role": "decision", "agent": 0}
    assert cm.from_networkx(back, kind="role") == cid
    assert back.graph == graph.graph
    assert back.edges["door", "go"] == {"weight": 0.5}


def test_of_a_model_the_diagram_is_written() -> None:
    model = cm.CID([("go", "pay")], decisions=["go"], utilities=["pay"]).parameterise(go=[0, 1], pay=lambda go: go)
    assert cm.from_networkx(cm.to_networkx(model)) == model.cid


def test_what_comes_out_may_be_edited() -> None:
    cid = cm.CID([("a", "b")], attributes={"a": {"x": 1}})
    graph = cm.to_networkx(cid)
    graph.nodes["a"]["x"] = 2
    graph.remove_edge("a", "b")
    assert cid.attributes["a"]["x"] == 1
    assert cid.edges == (("a", "b"),)


def test_a_multigraph_without_parallel_edges() -> None:
    graph = nx.MultiDiGraph([("a", "b", {"w": 1})])
    assert cm.from_networkx(graph).attributes["a", "b"] == {"w": 1}
    graph.add_edge("a", "b")
    with pytest.raises(DiagramError, match=r"no parallel edges.* from 'a' to 'b'"):
        cm.from_networkx(graph)


@pytest.mark.parametrize(
    ("graph", "options", "error", "words"),
    [
        (3, {}, NotApplicableError, "got a int"),
        (nx.Graph([("a", "b")]), {}, NotApplicableError, "a diagram is a directed graph; got a Graph"),
        (nx.DiGraph([(1, 2)]), {}, DiagramError, r"nx.relabel_nodes\(graph, str\)"),
        (nx.DiGraph([("a", "b"), ("b", "a")]), {}, DiagramError, "no cycle"),
        (nx.DiGraph([("a", "b")]), {"decisions": ["c"]}, UnknownNodeError, "`c` is not a node"),
    ],
)
def test_refusals(graph: Any, options: dict[str, Any], error: type[CidmesaError], words: str) -> None:
    with pytest.raises(error, match=words):
        cm.from_networkx(graph, **options)


def test_an_unknown_kind_comes_with_a_suggestion() -> None:
    graph = nx.DiGraph()
    graph.add_node("go", kind="decisions")
    with pytest.raises(DiagramError, match=r"that of `go` is 'decisions' \(did you mean `decision`\?\)"):
        cm.from_networkx(graph)

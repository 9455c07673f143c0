"""causal-learn's graphs, read as diagrams."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.errors import CidmesaError, DiagramError, NotApplicableError
from tests.strategies import cids, examples

pytest.importorskip("causallearn", reason="causal-learn is not installed: make setup installs it")

from causallearn.graph.Dag import Dag
from causallearn.graph.Edge import Edge
from causallearn.graph.Endpoint import Endpoint
from causallearn.graph.GeneralGraph import GeneralGraph
from causallearn.graph.GraphNode import GraphNode
from causallearn.graph.NodeType import NodeType

TAIL, ARROW, CIRCLE = Endpoint.TAIL, Endpoint.ARROW, Endpoint.CIRCLE


def graph(names: str, *edges: tuple[str, Any, Any, str]) -> Any:
    """A graph of causal-learn over the letters of `names`, with the marks at both ends of each edge."""
    nodes = {name: GraphNode(name) for name in names}
    found = GeneralGraph(list(nodes.values()))
    for a, at_a, at_b, b in edges:
        found.add_edge(Edge(nodes[a], nodes[b], at_a, at_b))
    return found


@given(cids(decisions=(0, 2)))
@settings(max_examples=examples(quick=30, full=500))
def test_directed_graphs(cid: cm.CID) -> None:
    nodes = {name: GraphNode(name) for name in cid.nodes}
    for make in (GeneralGraph, Dag):
        found = make(list(nodes.values()))
        for tail, head in cid.edges:
            found.add_directed_edge(nodes[tail], nodes[head])
        read = cm.from_causallearn(found, decisions=cid.decisions, utilities=cid.utilities)
        assert read == cid
        assert read.nodes == cid.nodes


def test_latent_nodes_common_causes_and_places() -> None:
    found = graph("abc", ("a", TAIL, ARROW, "b"), ("b", ARROW, ARROW, "c"))
    [a, b, _] = found.get_nodes()
    a.set_node_type(NodeType.LATENT)
    b.set_center(3, 4)
    read = cm.from_causallearn(found)
    assert read.latent == ("a", "latent_b_c")
    assert read.edges == (("a", "b"), ("latent_b_c", "b"), ("latent_b_c", "c"))
    assert read.attributes == {"b": {"position": (3.0, 4.0)}}


def test_what_pc_returns_is_read() -> None:
    """Its result wraps the graph; the search itself needs more packages than the graph does."""

    class CausalGraph:
        G = graph("ab", ("a", TAIL, ARROW, "b"))

    CausalGraph.__module__ = "causallearn.graph.GraphClass"
    assert cm.from_causallearn(CausalGraph()).edges == (("a", "b"),)


@pytest.mark.parametrize(
    ("marks", "possible"),
    [
        ((TAIL, TAIL), [("a", "b"), ("b", "a")]),
        ((CIRCLE, ARROW), [("a", "b")]),
        ((ARROW, CIRCLE), [("b", "a")]),
        ((CIRCLE, CIRCLE), [("a", "b"), ("b", "a")]),
    ],
)
def test_open_edges_are_oriented_on_request(marks: tuple[Any, Any], possible: list[tuple[str, str]]) -> None:
    found = graph("ab", ("a", *marks, "b"))
    for pair in possible:
        assert cm.from_causallearn(found, orient=[pair]).edges == (pair,)
    with pytest.raises(DiagramError, match="has no direction: say which, orient="):
        cm.from_causallearn(found)
    if len(possible) == 1:
        with pytest.raises(DiagramError, match="has no direction"):
            cm.from_causallearn(found, orient=[possible[0][::-1]])
    else:
        with pytest.raises(DiagramError, match="has no direction"):
            cm.from_causallearn(found, orient=possible)


@pytest.mark.parametrize(
    ("found", "options", "error", "words"),
    [
        (3, {}, NotApplicableError, "got a int"),
        (graph("ab", ("a", TAIL, ARROW, "b")), {"orient": [("b", "a")]}, DiagramError, "may point that way"),
        (graph("ab", ("a", TAIL, ARROW, "b")), {"orient": "ab"}, DiagramError, r"orient=\[\(tail, head\)"),
    ],
)
def test_refusals(found: Any, options: dict[str, Any], error: type[CidmesaError], words: str) -> None:
    with pytest.raises(error, match=words):
        cm.from_causallearn(found, **options)

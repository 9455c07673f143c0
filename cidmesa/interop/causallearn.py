"""causal-learn's graphs, read as diagrams.

What a discovery algorithm finds is seldom a directed graph: edges may lack a direction, or marks at their ends. A
diagram needs every edge directed, so those that the data leave open are named, for its reader to decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cidmesa.arguments import read_edges
from cidmesa.diagram import CID, Edge, Owned
from cidmesa.errors import DiagramError, NotApplicableError
from cidmesa.interop.objects import comes_from


def from_causallearn(graph: Any, *, decisions: Owned = (), utilities: Owned = (), orient: Iterable[Edge] = ()) -> CID:
    """Read a graph of causal-learn as a diagram.

    Parameters
    ----------
    graph
        A ``GeneralGraph`` or ``Dag``, or the ``CausalGraph`` that ``pc`` returns.
    decisions, utilities
        Which nodes are decisions and utilities: a list for one agent, or a mapping from agent to names.
    orient
        Directions ``(tail, head)`` for edges that the graph leaves open.

    Returns
    -------
    CID
        Nodes in the graph's order. ``a --> b`` is an edge; ``a <-> b`` a latent common cause, ``latent_a_b``. Nodes
        that causal-learn calls latent are latent; places in a picture become the attribute ``position``.

    Raises
    ------
    NotApplicableError
        `graph` is no graph of causal-learn.
    DiagramError
        An edge without a direction that `orient` does not settle, or a direction that contradicts the graph.

    Examples
    --------
    >>> from causallearn.graph.Edge import Edge
    >>> from causallearn.graph.Endpoint import Endpoint
    >>> from causallearn.graph.GeneralGraph import GeneralGraph
    >>> from causallearn.graph.GraphNode import GraphNode
    >>> a, b, c = map(GraphNode, "abc")
    >>> found = GeneralGraph([a, b, c])
    >>> found.add_directed_edge(a, b)
    >>> found.add_edge(Edge(b, c, Endpoint.TAIL, Endpoint.TAIL))
    >>> from_causallearn(found, orient=[("b", "c")]).edges
    (('a', 'b'), ('b', 'c'))
    >>> from_causallearn(found)
    Traceback (most recent call last):
        ...
    cidmesa.errors.DiagramError: the edge b --- c has no direction: say which, orient=[('b', 'c')] or [('c', 'b')].
    """
    graph = graph.G if comes_from(graph, "causallearn", "CausalGraph") else graph
    if not comes_from(graph, "causallearn", "GeneralGraph", "Dag"):
        raise NotApplicableError(
            f"from_causallearn reads a GeneralGraph, Dag or CausalGraph of causal-learn; got a {type(graph).__name__}."
        )
    nodes = {node.get_name(): node for node in graph.get_nodes()}
    wanted = set(read_edges(orient, "orient"))
    edges: list[Edge] = []
    bidirected: list[Edge] = []
    for edge in graph.get_graph_edges():
        a, b = edge.get_node1().get_name(), edge.get_node2().get_name()
        at_a, at_b = edge.get_endpoint1().name, edge.get_endpoint2().name
        if (at_a, at_b) == ("ARROW", "ARROW"):
            bidirected.append((a, b))
        elif (at_a, at_b) == ("TAIL", "ARROW"):
            edges.append((a, b))
        elif (at_a, at_b) == ("ARROW", "TAIL"):
            edges.append((b, a))
        else:
            possible = [
                pair
                for pair, tail, head in (((a, b), at_a, at_b), ((b, a), at_b, at_a))
                if (tail, head) == ("TAIL", "TAIL") or (tail != "ARROW" and head != "TAIL")
            ]
            chosen = [pair for pair in possible if pair in wanted]
            if len(chosen) != 1:
                spelled = " or ".join(f"[{pair!r}]" for pair in possible)
                raise DiagramError(f"the edge {edge} has no direction: say which, orient={spelled}.")
            edges += chosen
    for pair in wanted.difference(edges):
        raise DiagramError(f"orient= has {pair!r}, and the graph has no edge that may point that way.")
    return CID(
        edges,
        nodes=nodes,
        decisions=decisions,
        utilities=utilities,
        latent=[name for name, node in nodes.items() if node.get_node_type().name == "LATENT"],
        bidirected=bidirected,
        attributes={
            name: {"position": (float(node.get_center_x()), float(node.get_center_y()))}
            for name, node in nodes.items()
            if (node.get_center_x(), node.get_center_y()) != (-1, -1)
        },
    )

"""networkx's directed graphs, both ways.

A node's kind and agent are attributes of the node, ``kind`` and ``agent``, and so is whether it is ``latent``; every
other attribute of a node, an edge or the graph is kept in :attr:`cidmesa.CID.attributes` and written back.

>>> import networkx as nx
>>> graph = nx.DiGraph([("door", "go")], title="a maze")
>>> graph.add_edge("go", "reward", weight=2)
>>> cid = from_networkx(graph, decisions=["go"], utilities=["reward"])
>>> cid.attributes["go", "reward"]["weight"], to_networkx(cid).nodes["go"]["kind"]
(2, 'decision')
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cidmesa.diagram import CID, Owned
from cidmesa.errors import DiagramError, NotApplicableError, did_you_mean
from cidmesa.interop.objects import comes_from, diagram_and_model
from cidmesa.model import CIM

if TYPE_CHECKING:
    import networkx as nx

_KINDS: Final = ("chance", "decision", "utility")


def from_networkx(
    graph: Any,
    *,
    decisions: Owned | None = None,
    utilities: Owned | None = None,
    kind: str = "kind",
    agent: str = "agent",
) -> CID:
    """Read a directed graph of networkx as a diagram.

    Parameters
    ----------
    graph
        A ``DiGraph`` whose nodes are texts, or a ``MultiDiGraph`` without parallel edges.
    decisions, utilities
        Which nodes are decisions and utilities: a list for one agent, or a mapping from agent to names. Where either is
        given the attributes `kind` and `agent` are not looked at, but kept like any other.
    kind, agent
        The node attributes that say ``"chance"``, ``"decision"`` or ``"utility"``, and whose; without them a node is a
        chance node, and the only agent is ``0``.

    Returns
    -------
    CID
        Nodes in the graph's order, parents as ``graph.predecessors`` lists them. A node is latent where its attribute
        ``latent`` is true.

    Raises
    ------
    NotApplicableError
        `graph` is not a directed graph of networkx.
    DiagramError
        A name that is not a text, parallel edges, an unknown kind, or what :class:`cidmesa.CID` refuses.

    Examples
    --------
    >>> import networkx as nx
    >>> from_networkx(nx.Graph([("a", "b")]))
    Traceback (most recent call last):
        ...
    cidmesa.errors.NotApplicableError: a diagram is a directed graph; got a Graph: graph.to_directed() doubles ...
    """
    if not comes_from(graph, "networkx", "Graph"):
        raise NotApplicableError(f"from_networkx reads a DiGraph of networkx; got a {type(graph).__name__}.")
    if not graph.is_directed():
        raise NotApplicableError(
            f"a diagram is a directed graph; got a {type(graph).__name__}: graph.to_directed() doubles its edges, so "
            "make a nx.DiGraph of the edges that are meant."
        )
    for name in graph.nodes:
        if not isinstance(name, str):
            raise DiagramError(
                f"a node's name is a text, and {name!r} is a {type(name).__name__}: nx.relabel_nodes(graph, str)."
            )
    stated = decisions is not None or utilities is not None
    owned = (decisions or (), utilities or ()) if stated else _owners(graph, kind, agent)
    read = {"latent"} if stated else {"latent", kind, agent}
    attributes: dict[Any, Mapping[Hashable, Any]] = {None: dict(graph.graph)}
    for name, data in graph.nodes(data=True):
        attributes[name] = {key: value for key, value in data.items() if key not in read}
    edges = [(parent, name) for name in graph.nodes for parent in graph.predecessors(name)]
    for tail, head in edges:
        if graph.is_multigraph() and graph.number_of_edges(tail, head) > 1:
            raise DiagramError(f"a diagram has no parallel edges, and this graph has some from {tail!r} to {head!r}.")
        data = graph.get_edge_data(tail, head)
        attributes[tail, head] = dict(next(iter(data.values())) if graph.is_multigraph() else data)
    latent = [name for name, data in graph.nodes(data=True) if data.get("latent")]
    return CID(edges, nodes=graph.nodes, decisions=owned[0], utilities=owned[1], latent=latent, attributes=attributes)


def to_networkx(diagram: CID | CIM, *, kind: str = "kind", agent: str = "agent") -> nx.DiGraph[str]:
    """Write a diagram, or a model's, as a directed graph of networkx.

    Parameters
    ----------
    diagram
        The diagram or model; of a model the mechanisms are not written.
    kind, agent
        What to call the node attributes that say a node's kind, and whose it is (of decisions and utilities).

    Returns
    -------
    networkx.DiGraph
        To be edited at will, with all attributes of the diagram. Latent nodes have the attribute ``latent``.

    Raises
    ------
    DiagramError
        A node has an attribute of its own called `kind`, `agent` or ``latent``.

    Notes
    -----
    ``cid.graph`` is a frozen graph with kinds and agents alone.

    Examples
    --------
    >>> graph = to_networkx(CID([("door", "go")], decisions=["go"]))
    >>> dict(graph.nodes(data=True))
    {'door': {'kind': 'chance'}, 'go': {'kind': 'decision', 'agent': 0}}
    >>> from_networkx(graph).decisions
    ('go',)
    """
    import networkx as nx

    cid, _ = diagram_and_model(diagram, "to_networkx")
    graph: Any = nx.DiGraph()
    graph.graph.update(cid.attributes.get(None, {}))
    latent = set(cid.latent)
    for node in cid.nodes:
        own: dict[Any, Any] = {kind: cid.kind(node)}
        if cid.kind(node) != "chance":
            own[agent] = cid.agent_of(node)
        if node in latent:
            own["latent"] = True
        known = cid.attributes.get(node, {})
        taken = next((key for key in (kind, agent, "latent") if key in known), None)
        if taken is not None:
            option = "kind" if taken == kind else "agent"
            raise DiagramError(
                f"`{node}` has an attribute {taken!r} of its own, {known[taken]!r}: call ours something else, "
                f'to_networkx(.., {option}="{option}_in_cid").'
            )
        graph.add_node(node)
        graph.nodes[node].update({**known, **own})
    for tail, head in cid.edges:
        graph.add_edge(tail, head)
        graph.edges[tail, head].update(cid.attributes.get((tail, head), {}))
    written: nx.DiGraph[str] = graph
    return written


def _owners(graph: Any, kind: str, agent: str) -> tuple[Owned, Owned]:
    """Return the decisions and the utilities of each agent, as the nodes' attributes have them."""
    owned: dict[str, dict[Hashable, list[str]]] = {"decision": {}, "utility": {}}
    for name, data in graph.nodes(data=True):
        what = data.get(kind, "chance")
        if what not in _KINDS:
            raise DiagramError(
                f"a node's {kind} is chance, decision or utility, and that of `{name}` is {what!r}"
                f"{did_you_mean(what, _KINDS)}; decisions=[..], utilities=[..] say it without that attribute."
            )
        if what != "chance":
            owned[what].setdefault(data.get(agent, 0), []).append(name)
    return owned["decision"], owned["utility"]

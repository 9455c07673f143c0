"""What a picture of a diagram shows, as plain data.

A :class:`Spec` says which nodes and links there are and how each is marked; it holds no coordinates unless the user
gave some, and no colours. Everything else in this room turns a spec into something to look at, so what a picture
*means* can be tested here without looking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cidmesa.errors import DiagramError, shortened, unknown
from cidmesa.render.options import Pairs, grid_places, path_of
from cidmesa.render.theme import RINGS, SHORT

if TYPE_CHECKING:
    from cidmesa.diagram import CID, Kind

Change: TypeAlias = Literal["same", "added", "removed"]
Direction: TypeAlias = Literal["down", "right"]
Latent: TypeAlias = Literal["arrows", "nodes"]
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a picture.

    Attributes
    ----------
    name, label
        The name in the diagram, and what is written in the node.
    kind
        ``"chance"``, ``"decision"`` or ``"utility"``: the shape.
    agent
        The number of its agent, counted from 1 in the order of ``cid.agents``; 0 for a chance node.
    rings
        The criteria that mark it, inside first: ``"voi"``, ``"voc"``, ``"ri"``, ``"ici"``.
    whose
        Where a picture is about several decisions: for each ring, in their order, those whose incentive it is.
    note
        A few words in the node, below its label and smaller, perhaps in several lines.
    change
        Whether the diagram compared with has this node too.
    group
        The frame it belongs to; ``""`` for none.
    position
        Where its centre is, in points, x to the right and y down; ``None`` leaves that to the layout.
    shares
        What is drawn as bars in the node: pairs (value, probability).
    latent
        Whether nobody sees it; its outline is dashed.
    rank, row
        Its place on a grid, counted from 0: along the arrows and across them; ``None`` leaves that to the layout.
    """

    name: str
    label: str
    kind: Kind = "chance"
    agent: int = 0
    rings: tuple[str, ...] = ()
    note: str = ""
    change: Change = "same"
    group: str = ""
    position: Point | None = None
    shares: tuple[tuple[str, float], ...] = ()
    latent: bool = False
    rank: int | None = None
    row: int | None = None
    whose: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """The lines in the node below its label: its note, then whose the incentives are."""
        whose = [f"{SHORT[ring]}: {words}" for ring, words in zip(self.rings, self.whose, strict=False)]
        return (*filter(None, self.note.split("\n")), *whose)


@dataclass(frozen=True, slots=True)
class Edge:
    """One link of a picture.

    Attributes
    ----------
    tail, head
        The nodes at its ends. Of a double arrow the tail comes after the head in the order of the diagram's arrows, so
        that no link has the same pair.
    information
        Whether it is an information link (into a decision) or a causal one.
    change
        Whether the diagram compared with has it too.
    both
        Whether it is a double arrow: a latent common cause of its ends.
    proves
        Whether it is on the path that proves a verdict.
    """

    tail: str
    head: str
    information: bool = False
    change: Change = "same"
    both: bool = False
    proves: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """A picture as plain data: nodes, links, and the words around them.

    Attributes
    ----------
    nodes, edges
        In the order of the diagram; links that are gone come last.
    title
        Written above the picture.
    legend
        Lines that explain the marks that occur: pairs (mark, words), a mark being a criterion, ``"added"``,
        ``"removed"``, ``"latent"``, ``"path"`` or ``"agent 1"``.
    direction
        Which way the arrows tend to point: ``"down"`` or ``"right"``.
    groups
        Frames around nodes: pairs (group, words).
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    title: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    direction: Direction = "down"
    groups: tuple[tuple[str, str], ...] = ()

    def node(self, name: str) -> Node:
        """Return the node called `name`."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise unknown(name, [node.name for node in self.nodes], what="a node of this picture")


def spec_of(
    cid: CID,
    *,
    title: str = "",
    rings: Any = None,
    notes: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    groups: Mapping[str, Iterable[str]] | None = None,
    positions: Mapping[str, Point] | None = None,
    against: CID | None = None,
    direction: Direction = "down",
    legend: bool = True,
    rank: Sequence[Iterable[str]] | Literal["time"] | None = None,
    rows: Sequence[Iterable[str]] | None = None,
    proof: Any = None,
    shares: Mapping[str, Mapping[Any, float]] | None = None,
    latent: Latent = "arrows",
) -> Spec:
    r"""Describe a picture of `cid` as plain data.

    Parameters
    ----------
    cid
        The diagram.
    title
        Words above the picture.
    rings
        Which nodes have which incentive: an incentive report, that of one decision (``incentives(cid)["d"]``), or a
        mapping from ``"voi"``, ``"voc"``, ``"ri"``, ``"ici"`` to nodes. Of several decisions a report marks the union,
        and each marked node says for which decisions.
    notes, labels
        A few words below a node's label; what is written in it instead of its name. ``S_1`` is set with an index,
        ``$\theta_{t+1}$`` as a formula, and ``\n`` breaks the line.
    groups
        Frames: words → the nodes inside.
    positions
        Centres in points, for all nodes (y grows downwards); ``None`` leaves the layout to cidmesa.
    against
        A diagram to compare with: links that only `cid` has are marked as added, links that only `against` has are
        drawn as removed, and a node whose kind differs says what it was.
    direction
        ``"down"`` or ``"right"``.
    legend
        Whether to explain the marks.
    rank
        Which nodes share a place along the arrows: groups of nodes in that order, or ``"time"`` for names ``x@0``,
        ``x@1``, …: each time step then stands in line. A node in no group joins its last parent that has one.
    rows
        Which nodes share a place across the arrows: groups of nodes in that order. Left out, the copies ``x@0``,
        ``x@1``, … of one variable share a row.
    proof
        A path to show: a :class:`~cidmesa.criteria.Verdict` (the path that proves it), such a path, or names of nodes.
    shares
        Probabilities to show in nodes: node → value → probability; :func:`render` with ``show="marginals"`` asks the
        model for them.
    latent
        ``"arrows"`` draws a latent common cause as dashed double arrows between its effects, ``"nodes"`` as a node. One
        that has parents, no two effects, or is named in what to mark, is drawn as a node with a dashed outline.

    Returns
    -------
    Spec

    Raises
    ------
    UnknownNodeError
        `rings`, `notes`, `labels`, `groups`, `positions`, `rank`, `rows`, `proof` or `shares` name a node that is not
        there.
    DiagramError
        An unknown criterion or direction, a node in two groups, positions for some nodes only, or a path that is none.

    Examples
    --------
    >>> from cidmesa import CID
    >>> cid = CID([("door", "go"), ("go", "reward"), ("door", "reward")], decisions=["go"], utilities=["reward"])
    >>> picture = spec_of(cid, rings={"voi": ["door"]})
    >>> picture.node("door").rings, picture.node("reward").rings
    (('voi',), ())
    >>> [edge.information for edge in picture.edges]
    [True, False, False]
    >>> spec_of(cid.without_edges(("door", "go")), against=cid).edges[-1].change
    'removed'
    """
    if direction not in {"down", "right"}:
        raise DiagramError(f'direction= is "down" or "right"; got {direction!r}.')
    if latent not in {"arrows", "nodes"}:
        raise DiagramError(f'latent= is "arrows" or "nodes"; got {latent!r}.')
    marked = _rings_by_node(cid, rings)
    framed = _group_by_node(cid, groups or {})
    for mapping in (notes or {}, labels or {}, positions or {}, shares or {}):
        for name in mapping:
            cid.id(name)
    if positions and len(positions) < len(cid):
        lacking = next(name for name in cid.nodes if name not in positions)
        raise DiagramError(f"positions= gives all nodes or none their place; `{lacking}` has none.")
    path = path_of(cid, proof)
    named = {*marked, *framed, *(notes or {}), *(labels or {}), *(shares or {}), *(n for pair in path for n in pair)}
    hidden = _common_causes(cid, named) if latent == "arrows" else set()
    ranks, lines = grid_places(cid, rank, rows)
    numbers = {agent: number for number, agent in enumerate(cid.agents, start=1)}
    for_whom = _decisions_of_rings(cid, rings, labels or {})
    nodes = tuple(
        Node(
            name,
            (labels or {}).get(name, name),
            cid.kind(name),
            numbers.get(cid.agent_of(name), 0) if cid.kind(name) != "chance" else 0,
            marked.get(name, ()),
            (notes or {}).get(name, "") or _what_it_was(cid, name, against),
            "same" if against is None or name in against else "added",
            framed.get(name, ""),
            positions[name] if positions else None,
            tuple((str(value), float(share)) for value, share in ((shares or {}).get(name) or {}).items()),
            name in cid.latent,
            ranks.get(name),
            lines.get(name),
            for_whom.get(name, ()),
        )
        for name in cid.nodes
        if name not in hidden
    )
    edges = _edges(cid, against, hidden, path)
    picture = Spec(nodes, edges, title, (), direction, tuple((words, words) for words in groups or {}))
    return (
        replace(picture, legend=_legend(picture, tuple(map(str, cid.agents)), path, _whose(cid, rings)))
        if legend
        else picture
    )


def _edges(cid: CID, against: CID | None, hidden: set[str], proof: Pairs) -> tuple[Edge, ...]:
    """Return the links: those of the diagram, those that are gone, the double arrows, and what a proof adds."""
    edges = [
        Edge(
            tail,
            head,
            cid.kind(head) == "decision",
            "same" if against is None or _has(against, tail, head) else "added",
            proves=(tail, head) in proof,
        )
        for tail, head in cid.edges
        if tail not in hidden
    ]
    edges += [
        Edge(tail, head, cid.kind(head) == "decision", "added", proves=True)
        for tail, head in proof
        if not cid.has_edge(tail, head)
    ]
    if against is not None:
        edges += [
            Edge(tail, head, against.kind(head) == "decision", "removed")
            for tail, head in against.edges
            if tail in cid and head in cid and tail not in hidden and not _has(cid, tail, head)
        ]
    order = {cid.nodes[i]: place for place, i in enumerate(cid.topological)}
    pairs = {
        (max(a, b, key=order.__getitem__), min(a, b, key=order.__getitem__)): None
        for cause in cid.nodes
        if cause in hidden
        for a, b in combinations(cid.children(cause), 2)
    }
    return (*edges, *(Edge(a, b, both=True) for a, b in pairs))


def _common_causes(cid: CID, named: set[str]) -> set[str]:
    """Return the latent nodes that stand for nothing but what their effects have in common."""
    return {
        name
        for name in cid.latent
        if name not in named and cid.kind(name) == "chance" and not cid.parents(name) and len(cid.children(name)) > 1
    }


def _has(cid: CID, tail: str, head: str) -> bool:
    return tail in cid and head in cid and cid.has_edge(tail, head)


def _what_it_was(cid: CID, name: str, against: CID | None) -> str:
    if against is None or name not in against or against.kind(name) == cid.kind(name):
        return ""
    return f"was a {against.kind(name)}"


def _rings_by_node(cid: CID, rings: Any) -> dict[str, tuple[str, ...]]:
    if rings is None:
        return {}
    if not isinstance(rings, Mapping) and not hasattr(rings, "overlay"):
        raise DiagramError(
            f'rings= takes an incentive report or a mapping from criterion to nodes, {{"voi": [..]}}; '
            f"got {shortened(rings)}."
        )
    by_criterion = rings if isinstance(rings, Mapping) else _rings_of_report(cid, rings)
    for criterion in by_criterion:
        if criterion not in RINGS:
            raise DiagramError(f"rings= maps {', '.join(RINGS)} to nodes; `{criterion}` is none of them.")
    found: dict[str, list[str]] = {}
    for criterion in RINGS:
        for name in by_criterion.get(criterion, ()):
            cid.id(name)
            found.setdefault(name, []).append(criterion)
    return {name: tuple(criteria) for name, criteria in found.items()}


def _rings_of_report(cid: CID, report: Any) -> dict[str, set[str]]:
    """Collect the nodes of an incentive report, over all decisions."""
    marked = report.overlay()["nodes"]
    return {criterion: {n for n in cid.nodes if criterion in marked.get(n, ())} for criterion in RINGS}


def _decisions_of_rings(cid: CID, rings: Any, labels: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Say for each ring for which decisions it is, where a report is about several."""
    if rings is None or isinstance(rings, Mapping) or len(cid.decisions) < 2 or getattr(rings, "decision", None):
        return {}
    by_decision = {decision: rings.overlay(decision)["nodes"] for decision in cid.decisions}
    found: dict[str, list[str]] = {}
    for criterion in RINGS:
        for name in cid.nodes:
            whose = [labels.get(d, d) for d, marks in by_decision.items() if criterion in marks.get(name, ())]
            if whose:
                found.setdefault(name, []).append(", ".join(whose) if len(whose) < 4 else f"{len(whose)} decisions")
    return {name: tuple(words) for name, words in found.items()}


def showing(picture: Spec, criteria: Iterable[str]) -> Spec:
    """Return the picture with the rings of these criteria alone.

    Examples
    --------
    >>> from cidmesa import CID
    >>> picture = spec_of(CID([("a", "b")]), rings={"voi": ["a"], "ici": ["a", "b"]})
    >>> [node.rings for node in showing(picture, ["ici"]).nodes], showing(picture, ()).legend
    ([('ici',), ('ici',)], ())
    """
    kept = set(criteria)
    for criterion in kept:
        if criterion not in RINGS:
            raise DiagramError(f"an overlay is of {', '.join(RINGS)}; `{criterion}` is none of them.")
    nodes = []
    for node in picture.nodes:
        places = [i for i, ring in enumerate(node.rings) if ring in kept]
        rings = tuple(node.rings[i] for i in places)
        nodes.append(replace(node, rings=rings, whose=tuple(node.whose[i] for i in places) if node.whose else ()))
    legend = tuple((mark, words) for mark, words in picture.legend if mark not in RINGS or mark in kept)
    return replace(picture, nodes=tuple(nodes), legend=legend)


def _whose(cid: CID, rings: Any) -> str:
    """Say whose incentives the rings are, where they are of one of several decisions."""
    decision = None if isinstance(rings, Mapping) else getattr(rings, "decision", None)
    return f" ({decision})" if decision and len(cid.decisions) > 1 else ""


def _group_by_node(cid: CID, groups: Mapping[str, Iterable[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for words, names in groups.items():
        for name in names:
            cid.id(name)
            if found.setdefault(name, words) != words:
                raise DiagramError(f"`{name}` cannot be in the frames {found[name]!r} and {words!r}: choose one.")
    return found


def _legend(picture: Spec, agents: tuple[str, ...], proof: Pairs, whose: str) -> tuple[tuple[str, str], ...]:
    entries = [
        (criterion, words + whose)
        for criterion, (_, _, words) in RINGS.items()
        if any(criterion in node.rings for node in picture.nodes)
    ]
    changes = {edge.change for edge in picture.edges} | {node.change for node in picture.nodes}
    entries += [(change, words) for change, words in (("added", "new"), ("removed", "gone")) if change in changes]
    entries += [("latent", "common cause that nobody sees")] if any(edge.both for edge in picture.edges) else []
    entries += [("path", "the path that proves it")] if proof else []
    if len(agents) > 1:
        entries += [
            (f"agent {i}", agent if agent.startswith("agent") else f"agent {agent}")
            for i, agent in enumerate(agents, start=1)
        ]
    return tuple(entries)

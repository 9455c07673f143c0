"""What a picture of a diagram shows, as plain data.

A :class:`Spec` says which nodes and links there are and how each is marked; it holds no coordinates unless the user
gave some, and no colours. Everything else in this room turns a spec into something to look at, so what a picture
*means* can be tested here without looking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cidmesa.errors import DiagramError, shortened, unknown
from cidmesa.render.theme import RINGS

if TYPE_CHECKING:
    from cidmesa.diagram import CID, Kind

Change: TypeAlias = Literal["same", "added", "removed"]
Direction: TypeAlias = Literal["down", "right"]
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
    note
        A few words below the node, perhaps in several lines.
    change
        Whether the diagram compared with has this node too.
    group
        The frame it belongs to; ``""`` for none.
    position
        Where its centre is, in points, x to the right and y down; ``None`` leaves that to the layout.
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


@dataclass(frozen=True, slots=True)
class Edge:
    """One link of a picture: an information link (into a decision) or a causal one, perhaps changed."""

    tail: str
    head: str
    information: bool = False
    change: Change = "same"


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
        ``"removed"`` or ``"agent 1"``.
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
) -> Spec:
    """Describe a picture of `cid` as plain data.

    Parameters
    ----------
    cid
        The diagram.
    title
        Words above the picture.
    rings
        Which nodes have which incentive: an incentive report, that of one decision (``incentives(cid)["d"]``), or a
        mapping from ``"voi"``, ``"voc"``, ``"ri"``, ``"ici"`` to nodes. Of several decisions a report marks the union;
        the legend says whose incentives are shown.
    notes, labels
        A few words below a node; what is written in it instead of its name.
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

    Returns
    -------
    Spec

    Raises
    ------
    UnknownNodeError
        `rings`, `notes`, `labels`, `groups` or `positions` name a node that is not there.
    DiagramError
        An unknown criterion or direction, a node in two groups, or positions for some nodes only.

    Examples
    --------
    >>> from cidmesa import CID
    >>> cid = CID([("door", "go"), ("go", "reward"), ("door", "reward")], decisions=["go"], utilities=["reward"])
    >>> picture = spec_of(cid, rings={"voi": ["door"]})
    >>> picture.node("door").rings, picture.node("reward").rings
    (('voi',), ())
    >>> [edge.information for edge in picture.edges]
    [True, False, False]
    >>> spec_of(cid.without_edges(("door", "go")), against=cid).edges[-1]
    Edge(tail='door', head='go', information=True, change='removed')
    """
    if direction not in {"down", "right"}:
        raise DiagramError(f'direction= is "down" or "right"; got {direction!r}.')
    marked = _rings_by_node(cid, rings)
    framed = _group_by_node(cid, groups or {})
    for mapping in (notes or {}, labels or {}, positions or {}):
        for name in mapping:
            cid.id(name)
    if positions and len(positions) < len(cid):
        lacking = next(name for name in cid.nodes if name not in positions)
        raise DiagramError(f"positions= gives all nodes or none their place; `{lacking}` has none.")
    numbers = {agent: number for number, agent in enumerate(cid.agents, start=1)}
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
        )
        for name in cid.nodes
    )
    edges = [
        Edge(
            tail,
            head,
            cid.kind(head) == "decision",
            "same" if against is None or _has(against, tail, head) else "added",
        )
        for tail, head in cid.edges
    ]
    if against is not None:
        edges += [
            Edge(tail, head, against.kind(head) == "decision", "removed")
            for tail, head in against.edges
            if tail in cid and head in cid and not _has(cid, tail, head)
        ]
    picture = Spec(nodes, tuple(edges), title, (), direction, tuple((words, words) for words in groups or {}))
    whose = _whose(cid, rings)
    return replace(picture, legend=_legend(picture, tuple(map(str, cid.agents)), whose)) if legend else picture


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


def _whose(cid: CID, rings: Any) -> str:
    """Say whose incentives the rings are, where a diagram has several decisions."""
    if rings is None or isinstance(rings, Mapping) or len(cid.decisions) < 2:
        return ""
    return f" ({getattr(rings, 'decision', None) or 'of any decision'})"


def _group_by_node(cid: CID, groups: Mapping[str, Iterable[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for words, names in groups.items():
        for name in names:
            cid.id(name)
            if found.setdefault(name, words) != words:
                raise DiagramError(f"`{name}` cannot be in the frames {found[name]!r} and {words!r}: choose one.")
    return found


def _legend(picture: Spec, agents: tuple[str, ...], whose: str) -> tuple[tuple[str, str], ...]:
    entries = [
        (criterion, words + whose)
        for criterion, (_, _, words) in RINGS.items()
        if any(criterion in node.rings for node in picture.nodes)
    ]
    changes = {edge.change for edge in picture.edges} | {node.change for node in picture.nodes}
    entries += [(change, words) for change, words in (("added", "new"), ("removed", "gone")) if change in changes]
    if len(agents) > 1:
        entries += [
            (f"agent {i}", agent if agent.startswith("agent") else f"agent {agent}")
            for i, agent in enumerate(agents, start=1)
        ]
    return tuple(entries)

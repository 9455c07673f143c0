"""How firm an answer is: which single edge, added or removed, turns it round.

A criterion reads nothing but the edges, so every single change can simply be tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cidmesa.arguments import read_edges, require_cid
from cidmesa.criteria.analysis import Analysis
from cidmesa.criteria.others import analysis_on
from cidmesa.criteria.question import Answer, Others
from cidmesa.criteria.rulings import rule
from cidmesa.criteria.verdict import Verdict
from cidmesa.diagram import CID, Edge
from cidmesa.errors import NotApplicableError
from cidmesa.graph.index import index_of
from cidmesa.graph.reduction import with_information_link


@dataclass(frozen=True, slots=True)
class Flip:
    """An edge whose change turns a criterion's answer round.

    Attributes
    ----------
    edge
        The edge.
    added
        Whether it is added; otherwise it is removed.
    excludes
        Whether the criterion excludes the incentive afterwards; otherwise its answer is yes.
    """

    edge: Edge
    added: bool
    excludes: bool

    def apply(self, cid: CID) -> CID:
        """Return the diagram with the change made."""
        if not self.added:
            return cid.without_edges(self.edge)
        tail, head = self.edge
        return with_information_link(cid, tail, head) if cid.kind(head) == "decision" else cid.with_edges(self.edge)

    def __str__(self) -> str:
        tail, head = self.edge
        return f"{'add' if self.added else 'remove'} {tail} -> {head}: {'excludes' if self.excludes else 'yes'}"


def sensitivity(cid: CID, verdict: Verdict, *, edges: Iterable[Edge] | None = None) -> tuple[Flip, ...]:
    """Return the single edges that flip a verdict when they are added or removed.

    Parameters
    ----------
    cid
        The diagram of the verdict.
    verdict
        The verdict.
    edges
        The edges to try; ``None`` tries all: each edge of the diagram is removed, and each that it lacks and could
        have (no cycle, no child of a utility) is added.

    Returns
    -------
    tuple of Flip
        Removals first, then additions, in the order of the diagram. A yes that no theorem settles counts as yes; ask
        the criterion of ``flip.apply(cid)`` for a verdict with its witness.

    Raises
    ------
    NotApplicableError
        The verdict is about another diagram, or is none.

    Notes
    -----
    One pass for each edge that is tried, so quadratically many passes for all: a second for some hundred nodes.
    Edges after which the question makes no sense (a node that could be observed now descends from the decision) are
    left out.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("post", "opinion"), ("post", "clicks")], decisions=["post"], utilities=["clicks"])
    >>> for flip in sensitivity(cid, cm.admits_ici(cid, "opinion")):
    ...     print(flip)
    add opinion -> clicks: yes
    >>> cm.sensitivity(cid, cm.admits_ici(cid, "clicks"))
    (Flip(edge=('post', 'clicks'), added=False, excludes=True),)
    """
    require_cid(cid, "sensitivity")
    if not isinstance(verdict, Verdict):
        raise NotApplicableError(
            f'sensitivity is of a verdict; got {verdict!r}: sensitivity(cid, admits_ici(cid, "a node")), for one.'
        )
    if verdict.cid != cid:
        raise NotApplicableError("the verdict is about another diagram: sensitivity(verdict.cid, verdict).")
    asked = _Question(cid, verdict)
    before = verdict.settled is Answer.EXCLUDES
    found = []
    for edge, added in _changes(cid) if edges is None else _chosen(cid, edges):
        after = asked.excludes(edge, added)
        if after is not None and after != before:
            found.append(Flip(edge, added, after))
    return tuple(found)


class _Question:
    """A verdict's question, put to the diagram with one edge more or less."""

    def __init__(self, cid: CID, verdict: Verdict) -> None:
        self._agent = cid.agent_of(verdict.decision) if verdict.decision is not None else next(iter(cid.agents), 0)
        self._others: Others = verdict.others
        self._cid = cid
        self._index = index_of(cid)
        self._criterion = verdict.criterion
        self._xs = [cid.id(node) for node in verdict.nodes]
        self._d = -1 if verdict.decision is None else cid.id(verdict.decision)
        self._cuts = [(cid.id(tail), cid.id(head)) for tail, head in verdict.cut_edges]

    def excludes(self, edge: Edge, added: bool) -> bool | None:
        """Say whether the criterion excludes after the change; None where it cannot be asked then."""
        link = (self._cid.id(edge[0]), self._cid.id(edge[1]))
        drop = [*self._cuts] if added else [*self._cuts, link]
        index = self._index.edited(add=[link] if added else (), drop=drop)
        try:
            answer, _ = rule(Analysis(self._cid, self._agent, index), self._criterion, self._xs, self._d)
            if self._others != "fixed":
                analysis = analysis_on(self._cid, self._agent, index, self._others)
                answer, _ = rule(analysis, self._criterion, self._xs, self._d)
        except NotApplicableError:
            return None
        return answer is Answer.EXCLUDES


def _changes(cid: CID) -> Iterator[tuple[Edge, bool]]:
    yield from ((edge, False) for edge in cid.edges)
    index = index_of(cid)
    for head in cid.nodes:
        above = index.parents(cid.id(head))
        below = index.descendants([cid.id(head)])
        taken = set(above)
        for i, tail in enumerate(cid.nodes):
            if not below[i] and i not in taken and cid.kind(tail) != "utility":
                yield (tail, head), True


def _chosen(cid: CID, edges: Iterable[Edge]) -> Iterator[tuple[Edge, bool]]:
    for tail, head in read_edges(edges, "edges"):
        if cid.has_edge(tail, head):
            yield (tail, head), False
        else:
            cid.with_edges((tail, head))  # says what is wrong with it
            yield (tail, head), True

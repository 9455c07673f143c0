"""Step: a decision stops seeing another that it can work out."""

from __future__ import annotations

from dataclasses import dataclass

from cidmesa.criteria.chains.graph import Graph


@dataclass(frozen=True, slots=True)
class KnownDecision:
    r"""The link from the decision `known` :math:`D'` to `decision` :math:`D` goes, as :math:`Pa(D') \subseteq Pa(D)`.

    *Proof.* Some optimal policy is deterministic. Under it :math:`D` can compute :math:`D'` from what both see. ∎

    Attributes
    ----------
    decision, known
        Who stops seeing which decision.

    Examples
    --------
    >>> from cidmesa import CID
    >>> edges = [("x", "e"), ("x", "d"), ("e", "d"), ("d", "u"), ("e", "u"), ("x", "u")]
    >>> graph = Graph.of(CID(edges, decisions=["e", "d"], utilities=["u"]))
    >>> sorted(KnownDecision("d", "e").applied(graph).parents["d"])
    ['x']
    >>> KnownDecision("d", "e").applied(graph.without([("x", "d")])) is None
    True
    """

    decision: str
    known: str

    def applied(self, graph: Graph) -> Graph | None:
        """Return the graph without the link, or None where the decision does not see enough to work it out."""
        if not graph.all_are([self.decision, self.known], "decision"):
            return None
        seen = graph.parents[self.decision]
        if self.known not in seen or not graph.parents[self.known] <= seen:
            return None
        return graph.without([(self.known, self.decision)])

    def __str__(self) -> str:
        return f"{self.decision} need not see {self.known}: it sees all that {self.known} sees, and can work it out"

"""Step: a decision is shown more, which never hurts."""

from __future__ import annotations

from dataclasses import dataclass

from cidmesa.criteria.chains.graph import Graph
from cidmesa.diagram import Edge


@dataclass(frozen=True, slots=True)
class AddedLinks:
    r"""Information links :math:`A` are added, for later steps to take away again.

    *Proof.* :math:`V^*(G) \le V^*(G + A)`, as a rule may ignore what it sees. If later steps, which lower nothing,
    lead to a subgraph :math:`H` of :math:`G`, then :math:`V^*(G) \le V^*(G + A) \le V^*(H) \le V^*(G)`. ∎ What one
    decision may as well remember makes another link idle.

    Attributes
    ----------
    links
        :math:`A`.

    Examples
    --------
    >>> from cidmesa import CID
    >>> graph = Graph.of(CID([("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"]))
    >>> AddedLinks((("x", "d"),)).applied(graph).parents["d"]
    frozenset({'x'})
    >>> AddedLinks((("u", "d"),)).applied(graph) is None
    True
    """

    links: tuple[Edge, ...]

    def applied(self, graph: Graph) -> Graph | None:
        """Return the graph with the links, or None where they are none that a decision could have."""
        for tail, head in self.links:
            if not graph.all_are([head], "decision") or not graph.all_are([tail], "chance", "decision"):
                return None
            if tail in graph.parents[head] or tail in graph.below(head) | {head}:
                return None
            graph = graph.having({head: graph.parents[head] | {tail}})
        return graph

    def __str__(self) -> str:
        return f"suppose that {', '.join(f'{head} saw {tail} too' for tail, head in self.links)}"

"""Steps: what no decision sees tells its children all that it hears, and two such sources are one."""

from __future__ import annotations

from dataclasses import dataclass

from cidmesa.criteria.chains.graph import Graph


@dataclass(frozen=True, slots=True)
class Collapse:
    r"""A chance node :math:`v` that no decision sees becomes a root, and its parents become parents of its children.

    With fewer than two children left it is dropped.

    *Proof.* For every model there is one on the new graph with the same expected utility of each policy: the root is
    the noise :math:`\varepsilon` of :math:`v`, and the children compute :math:`f_v(pa_v, \varepsilon)`; noise that one
    child alone hears of is its own. No decision saw :math:`v`, so the policies are the same. So a link that is worth
    nothing in all models on the new graph is worth nothing in all models on the old. (The other way round too:
    :math:`v` may carry :math:`(pa_v, \varepsilon)` as a tuple.) ∎

    A node that a decision sees is never collapsed: what it hides matters.

    Attributes
    ----------
    node
        :math:`v`.

    Examples
    --------
    >>> from cidmesa import CID
    >>> cid = CID([("a", "b"), ("b", "u"), ("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    >>> sorted(Collapse("b").applied(Graph.of(cid)).parents["u"])
    ['a', 'd']
    >>> Collapse("a").applied(Graph.of(cid)) is None
    True
    """

    node: str

    def applied(self, graph: Graph) -> Graph | None:
        """Return the graph after the step, or None where the node is seen."""
        if not _unseen(graph, self.node):
            return None
        children, heard = graph.children(self.node), graph.parents[self.node]
        lone = len(children) < 2
        new = {c: (graph.parents[c] | heard) - ({self.node} if lone else set()) for c in children}
        return graph.having({**new, self.node: frozenset()}, dropped={self.node} if lone else ())

    def __str__(self) -> str:
        return f"no decision sees {self.node}: its children may hear what it hears"


@dataclass(frozen=True, slots=True)
class Absorb:
    """A root that no decision sees is dropped, where its children are among those of another such root.

    *Proof.* The other root carries both, as a pair. ∎

    Attributes
    ----------
    node, into
        The root that is dropped, and the one that carries it.

    Examples
    --------
    >>> from cidmesa import CID
    >>> cid = CID([("a", "u"), ("a", "w"), ("b", "u"), ("b", "w")], utilities=["u", "w"])
    >>> Absorb("a", "b").applied(Graph.of(cid)).parents["u"]
    frozenset({'b'})
    """

    node: str
    into: str

    def applied(self, graph: Graph) -> Graph | None:
        """Return the graph without the root, or None where the two are not such roots."""
        roots = (self.node, self.into)
        if self.node == self.into or not all(_unseen(graph, v) and not graph.parents[v] for v in roots):
            return None
        children = graph.children(self.node)
        if not children <= graph.children(self.into):
            return None
        return graph.having({c: graph.parents[c] - {self.node} for c in children}, dropped={self.node})

    def __str__(self) -> str:
        return f"{self.into} may carry {self.node} as well: all that hear of the one hear of the other"


def _unseen(graph: Graph, node: str) -> bool:
    return graph.all_are([node], "chance") and not any(graph.kinds[c] == "decision" for c in graph.children(node))

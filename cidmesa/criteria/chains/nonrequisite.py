"""Step: a decision stops seeing what its utilities do not touch."""

from __future__ import annotations

from dataclasses import dataclass

from cidmesa.criteria.chains.graph import Graph


@dataclass(frozen=True, slots=True)
class Nonrequisite:
    r"""The links from `nodes` :math:`T` to `decision` :math:`D` go, where :math:`T \perp U^D \mid Fa(D) \setminus T`.

    *Proof.* Hold the rules of all other decisions. Then the expected utility of :math:`D`'s action depends on what it
    sees through :math:`E[U^D \mid pa_D, d]`, which does not depend on :math:`T`; so an action that is best without
    regard to :math:`T` is best. ∎ (Fagiuoli and Zaffalon 1998; Nilsson and Lauritzen 2000.)

    Attributes
    ----------
    decision, nodes
        Who stops seeing what.

    Examples
    --------
    >>> from cidmesa import CID
    >>> cid = CID([("x", "d"), ("red", "d"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    >>> left = Nonrequisite("d", ("red",)).applied(Graph.of(cid))
    >>> left.parents["d"], Nonrequisite("d", ("x",)).applied(left)
    (frozenset({'x'}), None)
    """

    decision: str
    nodes: tuple[str, ...]

    def applied(self, graph: Graph) -> Graph | None:
        """Return the graph without the links, or None where they are requisite."""
        if not graph.all_are([self.decision], "decision"):
            return None
        parents = graph.parents[self.decision]
        goals = graph.utilities & graph.below(self.decision)
        family = (parents | {self.decision}) - set(self.nodes)
        if not parents.issuperset(self.nodes) or not graph.separated(self.nodes, goals, family):
            return None
        return graph.without([(x, self.decision) for x in self.nodes])

    def __str__(self) -> str:
        return f"{self.decision} need not see {', '.join(self.nodes)}: nothing it is paid for hangs on that"

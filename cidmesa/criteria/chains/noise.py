"""Step: noise that only decisions hear of is fixed."""

from __future__ import annotations

from dataclasses import dataclass

from cidmesa.criteria.chains.graph import Graph


@dataclass(frozen=True, slots=True)
class Noise:
    r"""All links from `chance` :math:`R` and `decisions` :math:`Q` to decisions go.

    The sets are closed upwards, :math:`pa(R) \cup pa(Q) \subseteq R \cup Q`, and nothing but decisions hears of
    :math:`R` outside, :math:`ch(R) \subseteq R \cup \text{decisions}`.

    *Proof.* Given their values everything else depends on :math:`r` through the rules of the other decisions only, so
    :math:`EU(\pi) = \sum_{r,q} P_\pi(r, q) F(r, q) \le \max_{r,q} F(r, q)`. Let :math:`(r^*, q^*)` be where the maximum
    is: to play :math:`q^*` always, and to act as if :math:`r^*` had been seen, is as good. ∎

    False where decisions that see different members share one rule, and in equilibria of several agents, where
    :math:`R` correlates.

    Attributes
    ----------
    chance, decisions
        :math:`R` and :math:`Q`.

    Examples
    --------
    >>> from cidmesa import CID
    >>> edges = [("coin", "d"), ("coin", "e"), ("d", "u"), ("e", "u")]
    >>> graph = Graph.of(CID(edges, decisions=["d", "e"], utilities=["u"]))
    >>> left = Noise(("coin",)).applied(graph)
    >>> left.parents["d"], left.parents["e"]
    (frozenset(), frozenset())
    >>> Noise(("coin",)).applied(graph.having({"u": frozenset({"coin", "d", "e"})})) is None
    True
    """

    chance: tuple[str, ...]
    decisions: tuple[str, ...] = ()

    def applied(self, graph: Graph) -> Graph | None:
        """Return the graph without the links, or None where the sets are not closed."""
        if not graph.all_are(self.chance, "chance") or not graph.all_are(self.decisions, "decision"):
            return None
        inside = frozenset((*self.chance, *self.decisions))
        closed = all(graph.parents[v] <= inside for v in inside)
        heard = frozenset[str]().union(*(graph.children(r) for r in self.chance)) - inside
        if not closed or not graph.all_are(heard, "decision"):
            return None
        return graph.having({v: ps - inside for v, ps in graph.parents.items() if graph.kinds[v] == "decision"})

    def __str__(self) -> str:
        if not self.chance:
            return f"{', '.join(self.decisions)} may be fixed: nothing random comes before them"
        acting = f", and may act as if {', '.join(self.decisions)} were fixed" if self.decisions else ""
        return f"only decisions hear of {', '.join(self.chance)}: they may act as if its best value had come up{acting}"

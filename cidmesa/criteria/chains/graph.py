"""The graph that a chain of steps works on: kinds and parent sets by name, frozen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cidmesa.diagram import CID, Edge
from cidmesa.graph import plain


@dataclass(frozen=True)
class Graph:
    """A diagram of one agent while steps are taken on it.

    Attributes
    ----------
    kinds
        Node → ``"chance"``, ``"decision"`` or ``"utility"``.
    parents
        Node → its parents.

    Examples
    --------
    >>> graph = Graph.of(CID([("x", "d"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"]))
    >>> sorted(graph.children("x")), graph.without([("x", "d")]).parents["d"]
    (['d', 'u'], frozenset())
    """

    kinds: Mapping[str, str]
    parents: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, cid: CID) -> Graph:
        """Read a diagram."""
        return cls({v: cid.kind(v) for v in cid.nodes}, {v: frozenset(cid.parents(v)) for v in cid.nodes})

    def all_are(self, nodes: Iterable[str], *kinds: str) -> bool:
        """Say whether all `nodes` are there and of one of some kinds."""
        return all(v in self.parents and self.kinds[v] in kinds for v in nodes)

    @property
    def utilities(self) -> frozenset[str]:
        """The utilities."""
        return frozenset(v for v in self.parents if self.kinds[v] == "utility")

    def children(self, node: str) -> frozenset[str]:
        """Return the children of a node."""
        return frozenset(v for v, ps in self.parents.items() if node in ps)

    def below(self, node: str) -> frozenset[str]:
        """Return the descendants of a node."""
        return frozenset(plain.below(self.parents, node))

    def separated(
        self, xs: Iterable[str], ys: Iterable[str], given: Iterable[str], rules: Collection[str] = ()
    ) -> bool:
        """Say whether `given` d-separates `xs` from `ys` and from the rules of some decisions, roots above them."""
        rule = {d: f"Π_{d}" for d in rules}
        parents = {v: ps | {rule[v]} if v in rule else ps for v, ps in self.parents.items()}
        parents |= {above: frozenset() for above in rule.values()}
        return plain.separated(parents, xs, [*ys, *rule.values()], given)

    def without(self, links: Iterable[Edge]) -> Graph:
        """Return the graph without some links."""
        gone: dict[str, set[str]] = {}
        for tail, head in links:
            gone.setdefault(head, set()).add(tail)
        return self.having({head: self.parents[head] - tails for head, tails in gone.items()})

    def having(self, parents: Mapping[str, frozenset[str]], dropped: Collection[str] = ()) -> Graph:
        """Return the graph with other parents of some nodes, and without `dropped`."""
        new = {**self.parents, **parents}
        return Graph(self.kinds, {v: ps for v, ps in new.items() if v not in dropped})


class Step(Protocol):
    """A change of a graph that lowers the best value of no model on it."""

    def applied(self, graph: Graph) -> Graph | None:
        """Return the graph after the step, or None where the step may not be taken on this graph."""
        ...

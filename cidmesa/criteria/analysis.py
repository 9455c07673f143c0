r"""The shared work behind all criteria: one agent of one diagram, node positions in, masks out.

For one decision a single pass answers everything (:func:`one_pass`): one forward reach from :math:`D`, one Bayes ball
from :math:`U^D` given :math:`Fa(D)`, and two backward reaches.

* An :math:`X` that does not descend from :math:`D` has value of information iff the ball arrives at it; a parent of
  :math:`D` at which it does not arrive is nonrequisite, and its link is dropped.
* A response incentive is a directed path into :math:`D` in what is left, so into a requisite parent; value of control
  a directed path into a utility in what is left; an instrumental control incentive a directed path from :math:`D`
  through :math:`X` into a utility.

With several decisions the same questions are asked of the minimal reduction. Their *no* is still a proof. Their *yes*
is settled where a theorem covers it:

**Single-action decisions.** Give every other decision one action only. Then the other decisions might as well not be
there, what is left is a problem with one decision, and the theorems for one decision apply: whatever it admits, some
parameterisation of the whole diagram has, soluble or not. Value of information of a chance node is moreover settled
wherever the diagram with the link added is soluble (van Merwijk et al. 2022, Thm 7).

The rest is left open here, for the search for a witness to decide.

With several agents the decisions of the others are nodes like any other: their rules are fixed mechanisms. What else
may be assumed of them is said in :mod:`cidmesa.criteria.others`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.diagram import CID, Edge
from cidmesa.diagram.cached import cached
from cidmesa.graph.index import Index, index_of
from cidmesa.graph.mechanised import components, relevant_positions
from cidmesa.graph.reduction import Reduction, owned, reduce_links


@dataclass(frozen=True, slots=True)
class Pass:
    """All criteria for one decision of a graph; masks over the nodes.

    Attributes
    ----------
    below
        The decision and its descendants.
    requisite, dropped
        The parents of the decision, sorted by whether the Bayes ball arrives.
    voi
        Where the ball arrives, `below` left out.
    ri, voc, ici
        As the names say; `ri` and `ici` leave the decision out.
    heard
        Nodes whose mechanism is relevant.
    """

    below: Mask
    requisite: tuple[int, ...]
    dropped: tuple[int, ...]
    voi: Mask
    ri: Mask
    voc: Mask
    ici: Mask
    d_connected: Mask


def one_pass(index: Index, decision: int, utilities: Sequence[int]) -> Pass:
    """Answer every criterion for one decision, all nodes at once, in time linear in the edges.

    >>> from cidmesa import CID
    >>> cid = CID([("door", "go"), ("red", "go"), ("go", "pay"), ("door", "pay")], decisions=["go"], utilities=["pay"])
    >>> found = one_pass(index_of(cid), cid.id("go"), [cid.id("pay")])
    >>> [cid.nodes[v] for v in found.voi.nonzero()[0]], [cid.nodes[v] for v in found.ici.nonzero()[0]]
    (['door'], ['pay'])
    """
    below = index.descendants([decision])
    parents = index.parents(decision)
    family = [decision, *parents]
    up, down = index.condition(family).reach([u for u in utilities if below[u]])
    arrived = up | down
    requisite = tuple(p for p in parents if arrived[p])
    dropped = tuple(p for p in parents if not arrived[p])
    d_connected = up.copy()
    d_connected[family] = down[family]
    d_connected[decision] = False
    reduced = index.without_links(decision, dropped) if dropped else index
    voc = reduced.ancestors(utilities)
    ici = below & voc
    ici[decision] = False
    return Pass(below, requisite, dropped, arrived & ~below, index.ancestors(requisite), voc, ici, d_connected)


class Analysis:
    """One agent of a diagram: its decisions, its utilities, and passes computed at most once.

    Attributes
    ----------
    cid, agent
        What is analysed.
    index
        The graph, if it is not that of `cid`: the same nodes with other edges.
    decisions
        The agent's decisions, as positions.
    utilities
        The agent's utilities, as positions.
    """

    def __init__(self, cid: CID, agent: Hashable, index: Index | None = None) -> None:
        self.cid = cid
        self.agent = agent
        self.index = index_of(cid) if index is None else index
        self._owned = owned(cid, [agent]) if agent in cid.agents else {}
        self.decisions = tuple(self._owned)
        self.utilities = tuple(map(cid.id, cid.utilities_of(agent))) if agent in cid.agents else ()
        self._passes: dict[int, Pass] = {}
        self._whole: dict[int, Pass] = {}
        self._above: dict[int, Mask] = {}
        self._beneath: dict[int, Mask] = {}
        self._linked: dict[tuple[int, tuple[int, ...]], tuple[Reduction, tuple[str, ...] | None]] = {}

    @property
    def others(self) -> tuple[str, ...]:
        """The decisions of the other agents."""
        return tuple(d for d in self.cid.decisions if self.cid.agent_of(d) != self.agent)

    def alone(self, decision: int) -> Pass:
        """Return the pass for `decision` with every other decision of the agent given a single action."""
        found = self._passes.get(decision)
        if found is None:
            isolate = [e for e in self.decisions if e != decision]
            index = self.index.edited(isolate=isolate) if isolate else self.index
            found = self._passes[decision] = one_pass(index, decision, self.utilities)
        return found

    @property
    def single(self) -> bool:
        """Whether the agent has one decision, so that every answer is a theorem."""
        return len(self.decisions) == 1

    def whole(self, decision: int) -> Pass:
        """Return the pass for `decision` with the links of the other decisions as they are."""
        if self.single:
            return self.alone(decision)
        found = self._whole.get(decision)
        if found is None:
            found = self._whole[decision] = one_pass(self.index, decision, self.utilities)
        return found

    @cached_property
    def reduction(self) -> Reduction:
        """The minimal reduction of the agent's links."""
        if self.single:
            d = self.decisions[0]
            dropped = self.alone(d).dropped
            if not dropped:
                return Reduction(self.index, ())
            return Reduction(self.index.without_links(d, dropped), ((d, dropped),))
        return reduce_links(self.index, self._owned)

    def above(self, decision: int) -> Mask:
        """Mark the nodes with a directed path into `decision` in the reduction."""
        found = self._above.get(decision)
        if found is None:
            found = self._above[decision] = self.reduction.index.ancestors([decision])
        return found

    def beneath(self, decision: int) -> Mask:
        """Mark what `decision` has a directed path to in the reduction."""
        found = self._beneath.get(decision)
        if found is None:
            found = self._beneath[decision] = self.reduction.index.descendants([decision])
        return found

    @cached_property
    def informs(self) -> Mask:
        """Mark the nodes with a directed path into some decision of the agent in the reduction."""
        return self.reduction.index.ancestors(self.decisions)

    @cached_property
    def controls(self) -> Mask:
        """Mark the nodes with a directed path (of any length) into a utility in the reduction."""
        if self.single:
            return self.alone(self.decisions[0]).voc
        return self.reduction.index.ancestors(self.utilities)

    @cached_property
    def controls_for_sure(self) -> Mask:
        """Mark those whose value of control is a theorem: for one of the decisions, the others having one action."""
        if not self.decisions:
            return self.controls
        found: Mask = np.logical_or.reduce([self.alone(d).voc for d in self.decisions])
        return found

    @cached_property
    def pays_all_it_can(self) -> Mask:
        """Mark the utilities that pay their largest number anyway, in every model: control of them is worth nothing.

        All parents of such a utility are decisions of the agent, and in the reduction none of these leads to another
        utility of its own: it can set them to what pays most, and does not mind.
        """
        found = np.zeros(len(self.cid), dtype=np.bool_)
        index = self.reduction.index
        for u in self.utilities:
            own = set(index.parents(u)) <= set(self.decisions)
            others = [w for w in self.utilities if w != u]
            found[u] = own and not index.ancestors(others)[index.parents(u)].any()
        return found

    @cached_property
    def torn_for_sure(self) -> Mask:
        """Mark the utilities of which a theorem says that control of them can be worth something.

        Somebody else sets a parent; or a decision that is a parent leads to another utility, past the other decisions.
        """
        found = np.zeros(len(self.cid), dtype=np.bool_)
        for u in self.utilities:
            others = [w for w in self.utilities if w != u]
            for p in self.index.parents(u):
                if p not in self.decisions:
                    found[u] = True
                    continue
                rest = [e for e in self.decisions if e != p]
                index = self.index.edited(isolate=rest) if rest else self.index
                found[u] |= bool(index.ancestors(others)[p])
        return found

    @cached_property
    def pays_directly(self) -> Mask:
        """Mark the nodes with a directed path into a utility that no decision of the agent is on."""
        return self.index.edited(isolate=self.decisions).ancestors(self.utilities)

    @cached_property
    def cyclic_group(self) -> tuple[str, ...] | None:
        """Decisions of the agent that are relevant to each other in a circle, or None where it is soluble."""
        return self._cyclic_group_of(self.index)

    def _cyclic_group_of(self, index: Index) -> tuple[str, ...] | None:
        if len(self.decisions) < 2:
            return None
        edges: list[Edge] = []
        names = self.cid.nodes
        for d in self.decisions:
            below = index.descendants([d])
            d_connected = set(relevant_positions(index, d, [u for u in self.utilities if below[u]]))
            edges += [(names[e], names[d]) for e in self.decisions if e in d_connected]
        parts = components(tuple(names[d] for d in self.decisions), edges)
        return next((part for part in parts if len(part) > 1), None)

    def with_links(self, decision: int, nodes: tuple[int, ...]) -> tuple[Reduction, tuple[str, ...] | None]:
        """Return the reduction after `decision` is shown `nodes` as well, and a knot that the links leave, if any."""
        known = set(self.index.parents(decision))
        new = [(x, decision) for x in nodes if x not in known]
        if not new:
            return self.reduction, self.cyclic_group
        key = (decision, nodes)
        if key not in self._linked:
            index = self.index.edited(add=new)
            self._linked[key] = reduce_links(index, self._owned), self._cyclic_group_of(index)
        return self._linked[key]


def analysis_of(cid: CID, agent: Hashable) -> Analysis:
    """Return the analysis of one agent, made on first use and kept with the diagram."""
    return cached(cid, ("analysis", agent), lambda: Analysis(cid, agent))


def removed_links(cid: CID, reduction: Reduction) -> tuple[Edge, ...]:
    """Spell the steps of a reduction as edges, in order."""
    return tuple((cid.nodes[p], cid.nodes[d]) for d, parents in reduction.steps for p in parents)


def names_of(cid: CID, mask: Mask) -> frozenset[str]:
    """Return the names of the marked nodes."""
    return frozenset(cid.nodes[v] for v in np.flatnonzero(mask).tolist())

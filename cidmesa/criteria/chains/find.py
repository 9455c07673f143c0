r"""The search for a chain: steps to the fixpoint, then an order, then a link more.

On a graph as bit masks (:mod:`cidmesa.criteria.chains.net`), and not with the code that checks a chain:

1. *Settle*: known decisions, collapsing and noise, then the nonrequisite links of one decision, again until none
   applies. What a decision need not see comes last, since by that it may know another decision.
2. Where a link is still there that should go, look for an :class:`~cidmesa.criteria.chains.ordering.Ordering` that
   drops it: sets of one to three nodes of noise, the decisions that see it and perhaps others, the context all other
   nodes or as few as can be; the order by depth-first search.
3. Suppose that some decision saw one node more, and settle: if the new link and the one in question are gone, so be it.
   Settled in three ways: the link in question alone first, if it is idle now, or what is known first, or last.

Which fixpoint is reached depends on the order of the steps; any one will do for a *no*. Finding none proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from cidmesa.clock import UNLIMITED, Budget
from cidmesa.criteria.chains.added_links import AddedLinks
from cidmesa.criteria.chains.collapse import Absorb, Collapse
from cidmesa.criteria.chains.graph import Step
from cidmesa.criteria.chains.known_decision import KnownDecision
from cidmesa.criteria.chains.net import Net, bits
from cidmesa.criteria.chains.noise import Noise
from cidmesa.criteria.chains.nonrequisite import Nonrequisite
from cidmesa.criteria.chains.ordering import Ordering
from cidmesa.diagram import CID, Edge

SHRINK = "ask about fewer nodes, or leave the search out, search=False"
"""What makes the search for a proof shorter."""

_TRIALS = 200
"""How many links are tried as added ones, at most, for one link that should go."""

_NOISE = 3
"""How many nodes an ordering may take for noise."""

_ORDERED = 12
"""How many nodes an ordering may have."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What a search led to.

    Attributes
    ----------
    steps
        The steps, in order.
    left
        The information links that are left.
    """

    steps: tuple[Step, ...]
    left: frozenset[Edge]


def without_links(cid: CID, links: Sequence[Edge], budget: Budget = UNLIMITED) -> tuple[Step, ...] | None:
    """Return steps that drop some information links of a diagram of one agent, or None.

    Parameters
    ----------
    cid
        The diagram, with the links.
    links
        The links that should go.
    budget
        How long it may take.

    Raises
    ------
    OutOfTimeError
        The budget was over before the search was.

    Examples
    --------
    >>> cid = CID([("coin", "d"), ("coin", "e"), ("d", "u"), ("e", "u")], decisions=["d", "e"], utilities=["u"])
    >>> without_links(cid, [("coin", "d")])
    (Noise(chance=('coin',), decisions=()), Collapse(node='coin'))
    >>> without_links(cid.with_edges(("coin", "u")), [("coin", "d")]) is None
    True
    """
    found: _Search | None = _Search.of(cid, budget).settle()
    for tail, head in links:
        found = None if found is None else found.rid_of(cid.id(tail), cid.id(head))
    return None if found is None else tuple(found.steps)


def reduced(cid: CID, budget: Budget = UNLIMITED) -> Reached:
    """Drop all information links of a diagram of one agent that the steps can.

    Raises
    ------
    OutOfTimeError
        The budget was over before the search was.

    Examples
    --------
    >>> cid = CID([("coin", "d"), ("coin", "e"), ("d", "u"), ("e", "u")], decisions=["d", "e"], utilities=["u"])
    >>> reduced(cid).left
    frozenset()
    """
    search = _Search.of(cid, budget).settle()
    stuck: set[tuple[int, int]] = set()
    while pending := [link for link in search.links() if link not in stuck]:
        found = search.rid_of(*pending[0])
        if found is None:
            stuck.add(pending[0])
        else:
            search, stuck = found, set()
    return Reached(tuple(search.steps), frozenset((cid.nodes[p], cid.nodes[d]) for p, d in search.links()))


def collapsed_parents(cid: CID, kept: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """Collapse all that no decision sees but for nodes that are kept, and return the parents of each node that is left.

    >>> cid = CID([("a", "b"), ("b", "u"), ("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    >>> sorted(collapsed_parents(cid).items())
    [('a', ()), ('d', ('a',)), ('u', ('a', 'd'))]
    >>> sorted(collapsed_parents(cid, kept=["b"]).items())
    [('a', ()), ('b', ('a',)), ('d', ('a',)), ('u', ('b', 'd'))]
    """
    search, spared = _Search.of(cid, UNLIMITED), 0
    for node in kept:
        spared |= 1 << cid.id(node)
    while search.collapse(spared):
        pass
    net = search.net
    left = net.chance | net.decisions | net.utilities
    return {v: search.named(net.pa[i]) for i, v in enumerate(cid.nodes) if left >> i & 1}


class _Search:
    """A graph, and the steps that led to it."""

    def __init__(self, net: Net, names: tuple[str, ...], steps: list[Step], budget: Budget) -> None:
        self.net, self.names, self.steps, self.budget = net, names, steps, budget

    @classmethod
    def of(cls, cid: CID, budget: Budget) -> _Search:
        return cls(Net.of(cid), cid.nodes, [], budget)

    def copy(self) -> _Search:
        return _Search(self.net.copy(), self.names, self.steps.copy(), self.budget)

    def named(self, mask: int) -> tuple[str, ...]:
        return tuple(self.names[v] for v in bits(mask))

    def has(self, tail: int, head: int) -> bool:
        return bool(self.net.pa[head] >> tail & 1)

    def links(self) -> list[tuple[int, int]]:
        return [(p, d) for d in bits(self.net.decisions) for p in bits(self.net.pa[d])]

    def rid_of(self, tail: int, head: int) -> _Search | None:
        """Return a search in which a link is gone, this one or one that goes on, or None."""
        if not self.has(tail, head):
            return self
        return self._ordered(tail, head) or self._with_a_link_more(tail, head)

    # Settling ---------------------------------------------------------------------------------------------------------

    def settle(self, *, known_last: bool = False) -> _Search:
        """Take steps until none is left; a link that makes another idle may itself be to a known decision."""
        if known_last:
            while self._nonrequisite() or self.collapse() or self._noise() or self._known():
                pass
        else:
            while self._known() or self.collapse() or self._noise() or self._nonrequisite():
                pass
        return self

    def _known(self) -> bool:
        net, found = self.net, False
        for d in bits(net.decisions):
            for e in bits(net.pa[d] & net.decisions):
                if net.pa[e] & ~net.pa[d] == 0:
                    net.cut(1 << e, d)
                    self.steps.append(KnownDecision(self.names[d], self.names[e]))
                    found = True
        return found

    def _nonrequisite(self) -> bool:
        return any(self._drop_idle(d, -1) for d in bits(self.net.decisions))

    def _drop_idle(self, d: int, which: int) -> bool:
        """Drop what a decision sees and need not, of the nodes given."""
        net = self.net
        if not net.pa[d] & which:
            return False
        idle = net.pa[d] & which & ~net.connected(net.below(d) & net.utilities, net.pa[d] | 1 << d)[0]
        if idle:
            net.cut(idle, d)
            self.steps.append(Nonrequisite(self.names[d], self.named(idle)))
        return bool(idle)

    def _noise(self) -> bool:
        net = self.net
        inside = net.chance | net.decisions
        changed = True
        while changed:
            changed = False
            for v in bits(inside):
                heard = net.ch[v] & ~net.decisions if net.chance >> v & 1 else 0
                if net.pa[v] & ~inside or heard & ~inside:
                    inside &= ~(1 << v)
                    changed = True
        # A decision inside is fixed; it may well be seen, and so may noise.
        seen = [d for d in bits(net.decisions) if net.pa[d] & inside]
        if not seen:
            return False
        useful = self._only_what_matters(inside)
        self.steps.append(Noise(self.named(useful & net.chance), self.named(useful & net.decisions)))
        for d in seen:
            net.cut(net.pa[d] & useful, d)
        return True

    def _only_what_matters(self, inside: int) -> int:
        """Leave out members that nobody in question hears of, and of chance only those without parents."""
        net = self.net
        while True:
            idle = 0
            for v in bits(inside):
                if not net.ch[v] & (net.decisions | inside) and not (net.pa[v] and net.chance >> v & 1):
                    idle |= 1 << v
            if not idle:
                return inside
            inside &= ~idle

    def collapse(self, spared: int = 0) -> bool:
        net, found = self.net, False
        for v in bits(net.chance & ~spared):
            children = net.ch[v]
            lone = children & (children - 1) == 0
            if children & net.decisions or not (net.pa[v] or lone):
                continue
            for c in bits(children):
                for p in bits(net.pa[v]):
                    net.link(p, c)
            net.cut(net.pa[v], v)
            if lone:
                net.drop(v)
            self.steps.append(Collapse(self.names[v]))
            found = True
        roots = [v for v in bits(net.chance & ~spared) if not net.pa[v] and not net.ch[v] & net.decisions]
        for v in roots:
            into = next((w for w in roots if w != v and net.chance >> w & 1 and not net.ch[v] & ~net.ch[w]), None)
            if into is not None:
                net.drop(v)
                self.steps.append(Absorb(self.names[v], self.names[into]))
                found = True
        return found

    # A link more ------------------------------------------------------------------------------------------------------

    def _with_a_link_more(self, tail: int, head: int) -> _Search | None:
        net, trials = self.net, 0
        for d in bits(net.decisions):
            for v in bits((net.chance | net.decisions) & ~(net.pa[d] | net.below(d) | 1 << d)):
                trials += 1
                if trials > _TRIALS:
                    return None
                self.budget.check("the search for a proof that a link is idle", SHRINK)
                more = self.copy()
                more.net.link(v, d)
                more.steps.append(AddedLinks(((self.names[v], self.names[d]),)))
                ways = [more.copy().settle(known_last=True), more.copy().settle()]
                alone = more.copy()
                if alone._drop_idle(head, 1 << tail):
                    ways.append(alone.settle())
                for other in ways:
                    if not other.has(v, d) and not other.has(tail, head):
                        return other
        return None

    # An order ---------------------------------------------------------------------------------------------------------

    def _ordered(self, tail: int, head: int) -> _Search | None:
        net = self.net
        others = net.decisions & ~(1 << tail | 1 << head)
        for ours in sorted((ours | 1 << head for ours in _subsets(others)), key=int.bit_count):
            seen = 0
            for d in bits(ours):
                seen |= net.pa[d]
            for noise in _with(1 << tail, seen & ~ours, _NOISE):
                for context in self._contexts(ours, noise, seen):
                    self.budget.check("the search for a proof that a link is idle", SHRINK)
                    order = self._order(ours, noise, context)
                    if order is not None:
                        other = self.copy()
                        for d in bits(ours):
                            other.net.cut(net.pa[d] & noise, d)
                        placed = tuple(self.names[v] for v in order)
                        other.steps.append(Ordering(self.named(ours), self.named(noise), placed))
                        other.settle()
                        return other
        return None

    def _contexts(self, ours: int, noise: int, seen: int) -> Iterator[int]:
        net = self.net
        least = seen & ~(noise | ours)
        most = (net.chance | net.decisions) & ~(noise | ours)
        for context in dict.fromkeys((least, most)):
            if (context | noise | ours).bit_count() <= _ORDERED:
                yield context

    def _order(self, ours: int, noise: int, context: int) -> list[int] | None:
        """Return an order of the three sets that shows the noise to be noise, or None."""
        net = self.net
        reached, touched = net.connected(net.utilities, ours | context)
        if reached & noise or touched & ours:
            return None
        shown = {}
        for r in bits(noise):
            shown[r] = -1
            for d in bits(ours & net.ch[r]):
                shown[r] &= net.pa[d]
            if not ours & net.ch[r]:
                shown[r] = 0
        below = {d: net.below(d) for d in bits(ours)}
        everything, failed = ours | noise | context, set[int]()

        def may_come(v: int, before: int) -> bool:
            if ours >> v & 1:
                return not net.pa[v] & ~before and not before & below[v]
            if noise >> v & 1:
                known = before & shown[v]
                return not net.connected(1 << v, known)[0] & before & ~known
            reached, touched = net.connected(1 << v, before & ~noise)
            return not (reached & noise & before or touched & ours)

        def rest(before: int) -> list[int] | None:
            if before == everything:
                return []
            if before in failed:
                return None
            for v in bits(everything & ~before):
                if may_come(v, before):
                    found = rest(before | 1 << v)
                    if found is not None:
                        return [v, *found]
            failed.add(before)
            return None

        return rest(0)


def _subsets(mask: int) -> Iterator[int]:
    """Yield all subsets of a mask, of at most eight members each."""
    members = list(bits(mask))[:8]
    for size in range(len(members) + 1):
        for chosen in combinations(members, size):
            yield sum(1 << v for v in chosen)


def _with(first: int, pool: int, most: int) -> Iterator[int]:
    """Yield the sets of at most `most` members that hold `first`, the small ones first."""
    members = list(bits(pool & ~first))
    for size in range(most):
        for chosen in combinations(members, size):
            yield first | sum(1 << v for v in chosen)

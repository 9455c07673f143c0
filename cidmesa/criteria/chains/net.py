"""A small graph as bit masks, for the search: parents and children of each position as one integer."""

from __future__ import annotations

from collections.abc import Iterator

from cidmesa.diagram import CID


def bits(mask: int) -> Iterator[int]:
    """Yield the positions of a mask.

    >>> list(bits(0b1010))
    [1, 3]
    """
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Net:
    """A diagram of one agent while steps are tried on it; nodes are positions, sets are masks.

    Attributes
    ----------
    pa, ch
        Parents and children by position.
    chance, decisions, utilities
        The nodes of each kind that are there.
    """

    __slots__ = ("ch", "chance", "decisions", "pa", "utilities")

    def __init__(self, pa: list[int], ch: list[int], chance: int, decisions: int, utilities: int) -> None:
        self.pa, self.ch = pa, ch
        self.chance, self.decisions, self.utilities = chance, decisions, utilities

    @classmethod
    def of(cls, cid: CID) -> Net:
        """Read a diagram.

        >>> net = Net.of(CID([("x", "d"), ("d", "u")], nodes=["x", "d", "u"], decisions=["d"], utilities=["u"]))
        >>> net.pa, net.ch
        ([0, 1, 2], [2, 4, 0])
        """
        n = len(cid)
        net = cls([0] * n, [0] * n, 0, 0, 0)
        for v, node in enumerate(cid.nodes):
            kind = cid.kind(node)
            net.chance |= (kind == "chance") << v
            net.decisions |= (kind == "decision") << v
            net.utilities |= (kind == "utility") << v
        for tail, head in cid.edges:
            net.link(cid.id(tail), cid.id(head))
        return net

    def copy(self) -> Net:
        """Return a net that can be changed alone."""
        return Net(self.pa.copy(), self.ch.copy(), self.chance, self.decisions, self.utilities)

    def link(self, tail: int, head: int) -> None:
        """Add an edge."""
        self.pa[head] |= 1 << tail
        self.ch[tail] |= 1 << head

    def cut(self, tails: int, head: int) -> None:
        """Drop the edges from some nodes to one."""
        self.pa[head] &= ~tails
        for tail in bits(tails):
            self.ch[tail] &= ~(1 << head)

    def drop(self, v: int) -> None:
        """Drop a chance node that is a root."""
        for c in bits(self.ch[v]):
            self.pa[c] &= ~(1 << v)
        self.ch[v] = 0
        self.chance &= ~(1 << v)

    def below(self, v: int) -> int:
        """Return the descendants of a node."""
        return _spread(self.ch, 1 << v) & ~(1 << v)

    def connected(self, sources: int, given: int) -> tuple[int, int]:
        """Return where a Bayes ball arrives, and above which nodes: whose mechanism it would touch."""
        pa, ch = self.pa, self.ch
        up = fresh_up = sources
        down = fresh_down = touched = 0
        while fresh_up | fresh_down:
            rising = fresh_up & ~given | fresh_down & given
            touched |= rising
            new_up, new_down = 0, fresh_up & ~given
            for v in bits(rising):
                new_up |= pa[v]
            for v in bits(fresh_down & ~given):
                new_down |= ch[v]
            fresh_up, fresh_down = new_up & ~up, new_down & ~down
            up |= fresh_up
            down |= fresh_down
        return up | down, touched


def _spread(step: list[int], seen: int) -> int:
    fresh = seen
    while fresh:
        new = 0
        for v in bits(fresh):
            new |= step[v]
        fresh = new & ~seen
        seen |= fresh
    return seen

r"""Reachability on node positions: the one engine behind every graphical criterion.

Two questions carry everything in this package. *Which nodes does a directed path reach?* And *which nodes does the
Bayes ball reach?*, the ball being Shachter's picture of d-separation [1]_: thrown from a set of nodes, it bounces
off observed nodes where a collider is open and passes unobserved ones, and it arrives exactly at the nodes that are
d-connected with its sources. Both are plain reachability in the *doubled graph* with two states per node,

* ``up(v)``, the ball comes to ``v`` from a child (or starts there), and goes on to ``up(parents)`` and ``down(v)``;
* ``down(v)``, the ball comes from a parent, and goes on to ``down(children)``,

where for an observed ``z`` the state ``up(z)`` is dead and ``down(z)`` leads to ``up(parents)``, the bounce.

An index is built once for a diagram and answers any number of queries. Up to a thousand edges it is a pair of plain
adjacency lists; above, the doubled graph is one sparse matrix and scipy's breadth-first search does the walking. The
two bodies give the same answers. Nothing here is recursive and every query is linear in the part it reaches.

>>> import numpy as np
>>> index = build(3, np.array([0, 1]), np.array([2, 2]))      # 0 -> 2 <- 1
>>> index.connected([0], given=[]).tolist()
[True, False, True]
>>> index.connected([0], given=[2]).tolist()
[True, True, True]

References
----------
.. [1] R. D. Shachter, "Bayes-ball: the rational pastime", UAI 1998.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cidmesa.arrays import Array, Ints, Mask
from cidmesa.diagram.cached import cached

if TYPE_CHECKING:
    from cidmesa.diagram import CID

Link: TypeAlias = tuple[int, int]

LARGE = 1_000
"""Edges from which the sparse matrix beats plain lists (measured)."""


class Ball(Protocol):
    """The doubled graph under fixed observations, to be entered from any sources."""

    def reach(self, sources: Sequence[int]) -> tuple[Mask, Mask]:
        """Return the visited ``up`` and ``down`` states as two masks over the nodes."""
        ...


class Index(Protocol):
    """What the criteria ask of a graph; nodes are positions ``0 .. n-1``."""

    n: int

    def parents(self, node: int) -> list[int]:
        """Return the parents of `node`."""
        ...

    def children(self, node: int) -> list[int]:
        """Return the children of `node`."""
        ...

    def descendants(self, sources: Sequence[int]) -> Mask:
        """Mark the nodes that a directed path from `sources` reaches, `sources` included."""
        ...

    def ancestors(self, sources: Sequence[int]) -> Mask:
        """Mark the nodes with a directed path into `sources`, `sources` included."""
        ...

    def condition(self, given: Iterable[int]) -> Ball:
        """Prepare Bayes balls that observe `given`."""
        ...

    def connected(self, sources: Sequence[int], given: Iterable[int]) -> Mask:
        """Mark the nodes at which a Bayes ball from `sources` arrives, observed ones included."""
        ...

    def without_links(self, head: int, tails: Sequence[int]) -> Index:
        """Return the index of the graph without the edges from `tails` to `head`."""
        ...

    def edited(self, *, add: Sequence[Link] = (), drop: Sequence[Link] = (), isolate: Iterable[int] = ()) -> Index:
        """Return the index after adding and dropping edges, and dropping every edge of the nodes in `isolate`."""
        ...


def index_of(cid: CID) -> Index:
    """Return the index of a diagram, built on first use and kept with the diagram."""
    return cached(cid, "index", lambda: _indexed(cid))


def _indexed(cid: CID) -> Index:
    tails, heads = cid.edge_ids
    return _Lists(cid._parent_ids, cid._child_ids) if len(tails) < LARGE else _Arrays(len(cid), tails, heads)


def build(n: int, tails: Ints, heads: Ints) -> Index:
    """Build an index from edges as two integer arrays, in the body that suits their number."""
    if len(tails) >= LARGE:
        return _Arrays(n, tails, heads)
    parents: list[list[int]] = [[] for _ in range(n)]
    children: list[list[int]] = [[] for _ in range(n)]
    for tail, head in zip(tails.tolist(), heads.tolist(), strict=True):
        parents[head].append(tail)
        children[tail].append(head)
    return _Lists(parents, children)


class _Lists:
    """Adjacency lists, for small graphs. The lists may be shared and are never changed."""

    __slots__ = ("_children", "_parents", "n")

    def __init__(self, parents: list[list[int]], children: list[list[int]]) -> None:
        self.n = len(parents)
        self._parents = parents
        self._children = children

    def parents(self, node: int) -> list[int]:
        return self._parents[node]

    def children(self, node: int) -> list[int]:
        return self._children[node]

    def descendants(self, sources: Sequence[int]) -> Mask:
        return _spread(self._children, sources)

    def ancestors(self, sources: Sequence[int]) -> Mask:
        return _spread(self._parents, sources)

    def condition(self, given: Iterable[int]) -> Ball:
        observed = bytearray(self.n)
        for z in given:
            observed[z] = 1
        return _ListBall(self._parents, self._children, observed)

    def connected(self, sources: Sequence[int], given: Iterable[int]) -> Mask:
        up, down = self.condition(given).reach(sources)
        return up | down

    def without_links(self, head: int, tails: Sequence[int]) -> Index:
        return self.edited(drop=[(tail, head) for tail in tails])

    def edited(self, *, add: Sequence[Link] = (), drop: Sequence[Link] = (), isolate: Iterable[int] = ()) -> Index:
        parents, children = list(self._parents), list(self._children)
        for node in isolate:
            drop = [*drop, *((p, node) for p in parents[node]), *((node, c) for c in children[node])]
        gone = set(drop)
        for lists, side in ((parents, 1), (children, 0)):
            for v in {link[side] for link in gone}:
                lists[v] = [w for w in lists[v] if ((w, v) if side else (v, w)) not in gone]
        for tail, head in add:
            if tail not in parents[head]:
                parents[head] = [*parents[head], tail]
                children[tail] = [*children[tail], head]
        return _Lists(parents, children)


def _spread(neighbours: list[list[int]], sources: Sequence[int]) -> Mask:
    seen = bytearray(len(neighbours))
    for source in sources:
        seen[source] = 1
    stack = list(sources)
    while stack:
        for v in neighbours[stack.pop()]:
            if not seen[v]:
                seen[v] = 1
                stack.append(v)
    return np.frombuffer(seen, dtype=np.bool_)


class _ListBall:
    __slots__ = ("_children", "_observed", "_parents")

    def __init__(self, parents: list[list[int]], children: list[list[int]], observed: bytearray) -> None:
        self._parents = parents
        self._children = children
        self._observed = observed

    def reach(self, sources: Sequence[int]) -> tuple[Mask, Mask]:
        parents, children, observed = self._parents, self._children, self._observed
        up, down = bytearray(len(parents)), bytearray(len(parents))
        stack = list(sources)  # up(v) is written v, down(v) is written ~v
        for v in stack:
            up[v] = 1
        while stack:
            v = stack.pop()
            if v >= 0:
                if observed[v]:
                    continue
                if not down[v]:
                    down[v] = 1
                    stack.append(~v)
            else:
                v = ~v
                if not observed[v]:
                    for c in children[v]:
                        if not down[c]:
                            down[c] = 1
                            stack.append(~c)
                    continue
            for p in parents[v]:
                if not up[p]:
                    up[p] = 1
                    stack.append(p)
        return np.frombuffer(up, dtype=np.bool_), np.frombuffer(down, dtype=np.bool_)


class _Arrays:
    """The doubled graph as one sparse matrix, for large graphs.

    Row ``v`` is up(v) and row ``n + v`` is down(v). Each row begins with a spare entry that points at the row itself;
    an observation or a source makes use of it, so the matrix is never laid out anew.
    """

    __slots__ = ("_indices", "_indptr", "n")

    n: int
    _indptr: NDArray[np.int32]
    _indices: NDArray[np.int32]

    def __init__(self, n: int, tails: Ints, heads: Ints) -> None:
        from scipy.sparse import coo_array

        self.n = n
        own = np.arange(2 * n, dtype=np.int32)
        rows = np.concatenate([own, heads.astype(np.int32), tails.astype(np.int32) + np.int32(n)])
        cols = np.concatenate([own, tails.astype(np.int32), heads.astype(np.int32) + np.int32(n)])
        coo = coo_array((np.ones(len(rows), dtype=np.int8), (rows, cols)), shape=(2 * n, 2 * n))
        coo.has_canonical_format = True  # no edge is repeated: keeps scipy from sorting, so the spare entry stays first
        csr = coo.tocsr()
        self._indptr, self._indices = csr.indptr, csr.indices

    @classmethod
    def _of(cls, n: int, indptr: NDArray[np.int32], indices: NDArray[np.int32]) -> _Arrays:
        new = object.__new__(cls)
        new.n, new._indptr, new._indices = n, indptr, indices
        return new

    def parents(self, node: int) -> list[int]:
        row = self._indices[self._indptr[node] + 1 : self._indptr[node + 1]]
        return [p for p in row.tolist() if p != node]  # a link that was cut points at its own row

    def children(self, node: int) -> list[int]:
        row = self._indices[self._indptr[self.n + node] + 1 : self._indptr[self.n + node + 1]] - self.n
        return [c for c in row.tolist() if c != node]

    def descendants(self, sources: Sequence[int]) -> Mask:
        return _search(self._indptr, self._indices, [self.n + s for s in sources])[self.n : 2 * self.n]

    def ancestors(self, sources: Sequence[int]) -> Mask:
        return _search(self._indptr, self._indices, sources)[: self.n]

    def condition(self, given: Iterable[int]) -> Ball:
        n, indptr = self.n, self._indptr
        observed = np.unique(np.fromiter(given, dtype=np.int64))
        lengths = indptr[observed + 1] - indptr[observed]
        bounces = _flat(indptr[observed], lengths)
        indices = np.concatenate([self._indices, self._indices[bounces]])
        indices[indptr[:n]] = np.arange(n, 2 * n, dtype=np.int32)  # up(v) goes on to down(v) …
        indices[bounces] = np.repeat(observed, lengths)  # … unless v is observed: dead
        down = observed + n
        lengths_down = indptr[down + 1] - indptr[down]
        indices[_flat(indptr[down], lengths_down)] = np.repeat(down, lengths_down)
        indices[indptr[down]] = np.arange(2 * n, 2 * n + len(observed))  # down(z) bounces
        rows = np.concatenate([indptr, indptr[-1] + np.cumsum(lengths, dtype=np.int32)])
        # A bounce row begins with the copied spare entry, which points at up(z): drop nothing, up(z) would only look
        # as if the ball had come to z from a child, so point it at the bounce row itself.
        indices[rows[2 * n : 2 * n + len(observed)]] = np.arange(2 * n, 2 * n + len(observed))
        cut = indices[len(self._indices) :]
        own = np.repeat(observed, lengths)
        loops = cut == own  # links that were cut point at up(z): keep them harmless too
        cut[loops] = np.repeat(np.arange(2 * n, 2 * n + len(observed)), lengths)[loops]
        return _ArrayBall(n, rows, indices)

    def connected(self, sources: Sequence[int], given: Iterable[int]) -> Mask:
        up, down = self.condition(given).reach(sources)
        return up | down

    def without_links(self, head: int, tails: Sequence[int]) -> Index:
        n, indptr = self.n, self._indptr
        indices = self._indices.copy()
        row = indices[indptr[head] : indptr[head + 1]]
        row[np.isin(row, np.asarray(tails))] = head
        rows = np.asarray(tails, dtype=np.int64) + n
        lengths = indptr[rows + 1] - indptr[rows]
        flat = _flat(indptr[rows], lengths)
        hit = indices[flat] == n + head
        indices[flat[hit]] = np.repeat(rows, lengths)[hit]
        return _Arrays._of(n, indptr, indices)

    def edited(self, *, add: Sequence[Link] = (), drop: Sequence[Link] = (), isolate: Iterable[int] = ()) -> Index:
        heads = np.repeat(np.arange(self.n), np.diff(self._indptr[: self.n + 1]))
        tails = self._indices[: len(heads)].astype(np.int64)
        outside = np.ones(self.n, dtype=np.bool_)
        outside[np.fromiter(isolate, dtype=np.int64)] = False
        keep = (tails != heads) & outside[tails] & outside[heads]
        code = tails * self.n + heads
        if drop:
            keep &= ~np.isin(code, [tail * self.n + head for tail, head in drop])
        code = np.concatenate([code[keep], np.array([tail * self.n + head for tail, head in add], dtype=np.int64)])
        if add:
            code = np.unique(code)
        return _Arrays(self.n, code // self.n, code % self.n)


class _ArrayBall:
    __slots__ = ("_indices", "_indptr", "_n")

    def __init__(self, n: int, indptr: NDArray[np.int32], indices: NDArray[np.int32]) -> None:
        self._n = n
        self._indptr = indptr
        self._indices = indices

    def reach(self, sources: Sequence[int]) -> tuple[Mask, Mask]:
        seen = _search(self._indptr, self._indices, sources)
        return seen[: self._n], seen[self._n : 2 * self._n]


def _flat(starts: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the positions of several rows, one after the other."""
    before = np.cumsum(lengths, dtype=np.int64) - lengths
    flat: NDArray[np.int64] = np.arange(int(lengths.sum()), dtype=np.int64) + np.repeat(starts - before, lengths)
    return flat


def _search(indptr: NDArray[np.int32], indices: NDArray[np.int32], sources: Sequence[int]) -> Mask:
    """Mark the rows that a breadth-first search from `sources` visits, `sources` included."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order

    size = len(indptr) - 1
    seen = np.zeros(size + 1, dtype=np.bool_)
    if not len(sources):
        return seen
    start = int(sources[0])
    if len(sources) > 1:  # one more row that leads to all of them
        start, size = size, size + 1
        indptr = np.concatenate([indptr, np.array([len(indices) + len(sources)], dtype=np.int32)])
        indices = np.concatenate([indices, np.array(sources, dtype=np.int32)])
    ones = np.broadcast_to(np.float64(1.0), len(indices))
    matrix = csr_array((ones, indices, indptr), shape=(size, size), copy=False)
    order: Array = breadth_first_order(matrix, start, return_predecessors=False)
    seen[order] = True
    return seen

"""Edges as arrays of node positions: who follows whom, an order of the nodes, a cycle if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Ints

if TYPE_CHECKING:
    pass

_LARGE = 2_000
"""Edges from which array code beats plain Python lists (measured; scipy's call overhead is about 50 µs)."""


def adjacency(keys: Ints, values: Ints, n: int) -> list[list[int]]:
    """Return, for each of `n` nodes, the values that stand beside it among `keys`, in order."""
    lists: list[list[int]] = [[] for _ in range(n)]
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        lists[key].append(value)
    return lists


def topological_order(children: list[list[int]], heads: Ints) -> tuple[list[int], list[int]]:
    """Kahn's algorithm: an order of the nodes, and the nodes left over because they are on or below a cycle."""
    n = len(children)
    waiting: list[int] = np.bincount(heads, minlength=n).tolist() if len(heads) else [0] * n
    order = [i for i in range(n) if waiting[i] == 0]
    for i in order:  # grows while it is read
        for j in children[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                order.append(j)
    return order, [i for i in range(n) if waiting[i] > 0]


def is_large_and_acyclic(tails: Ints, heads: Ints, n: int) -> bool:
    """Say whether there are so many edges that array code pays, and no cycle among them."""
    if len(tails) < _LARGE or np.any(tails == heads):
        return False
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    matrix = csr_array((np.ones(len(tails), dtype=np.int8), (tails, heads)), shape=(n, n))
    components, _ = connected_components(matrix, directed=True, connection="strong")
    return bool(components == n)


def cycle_among(stuck: list[int], tails: Ints, heads: Ints) -> list[int]:
    """Return the nodes of one directed cycle in order; every node of `stuck` has a parent among them."""
    inside = set(stuck)
    parent = {h: t for t, h in zip(tails.tolist(), heads.tolist(), strict=True) if t in inside and h in inside}
    node = min(stuck)
    seen: dict[int, int] = {}
    walk: list[int] = []
    while node not in seen:
        seen[node] = len(walk)
        walk.append(node)
        node = parent[node]
    return walk[seen[node] :][::-1]

"""Paths and separation on plain lists of edges, written out once more and sharing no code with the library."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import cidmesa as cm

Edges = list[tuple[str, str]]


def below(edges: Edges, start: Iterable[str]) -> set[str]:
    """Strict descendants of the nodes in `start`."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        node = todo.pop()
        new = {head for tail, head in edges if tail == node} - found
        found |= new
        todo += new
    return found


def parents(edges: Edges, node: str) -> set[str]:
    return {tail for tail, head in edges if head == node}


def connected(edges: Edges, one: str, others: Collection[str], given: Collection[str]) -> bool:
    """Whether `one` is d-connected to one of `others`: a path that avoids `given` in the moral graph of ancestors."""
    ancestors: set[str] = set()
    todo = [one, *others, *given]
    while todo:
        node = todo.pop()
        if node not in ancestors:
            ancestors.add(node)
            todo += parents(edges, node)
    joined: dict[str, set[str]] = {node: set() for node in ancestors}
    for node in ancestors:
        above = parents(edges, node)
        for a, b in [*((node, p) for p in above), *combinations(above, 2)]:
            joined[a].add(b)
            joined[b].add(a)
    seen, todo = {one}, [one]
    while todo:
        node = todo.pop()
        if node in others:
            return True
        new = joined[node] - seen - set(given)
        seen |= new
        todo += new
    return False


def requisite(cid: cm.CID, decision: str, targets: Collection[str]) -> set[str]:
    """The observations that are requisite for a utility drawn in as a child of all targets."""
    edges = [*cid.edges, *((target, "drawn in") for target in targets)]
    if "drawn in" not in below(edges, [decision]):
        return set()
    family = parents(edges, decision) | {decision}
    return {x for x in parents(edges, decision) if connected(edges, x, {"drawn in"}, family - {x})}

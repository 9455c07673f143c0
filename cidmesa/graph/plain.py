"""Graphs as plain parent sets by name: what checks of proofs read, and nothing of the index that finds them.

>>> fork = {"cause": set(), "left": {"cause"}, "right": {"cause"}}
>>> separated(fork, ["left"], ["right"], []), separated(fork, ["left"], ["right"], ["cause"])
(False, True)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Set
from typing import TypeAlias

Parents: TypeAlias = Mapping[str, Set[str]]


def above(parents: Parents, nodes: Iterable[str]) -> set[str]:
    """Return `nodes` and their ancestors."""
    seen = set(nodes)
    todo = list(seen)
    while todo:
        new = parents[todo.pop()] - seen
        seen |= new
        todo += new
    return seen


def below(parents: Parents, node: str) -> set[str]:
    """Return the descendants of `node`."""
    children: dict[str, list[str]] = {v: [] for v in parents}
    for v, ps in parents.items():
        for p in ps:
            children[p].append(v)
    seen: set[str] = set()
    todo = [node]
    while todo:
        new = set(children[todo.pop()]) - seen
        seen |= new
        todo += new
    return seen


def separated(parents: Parents, xs: Iterable[str], ys: Iterable[str], given: Iterable[str]) -> bool:
    """Say whether `given` d-separates `xs` from `ys`, by the moral graph of the ancestors."""
    known = set(given)
    left, right = set(xs) - known, set(ys) - known
    return not touched(parents, left, known, also=right) & right


def touched(parents: Parents, sources: Iterable[str], known: set[str], also: Iterable[str] = ()) -> set[str]:
    """Return what unobserved connections in the moral graph of the ancestors reach, observed neighbours included.

    The moral graph marries the parents of a node; instead of the quadratically many edges of that clique, a family is
    crossed as a whole, once.
    """
    sources = set(sources)
    ancestral = above(parents, sources | known | set(also))
    families: dict[str, list[str]] = {v: [v] for v in ancestral}  # the families a node is in, by their child
    for child in ancestral:
        for p in parents[child]:
            families[p].append(child)
    seen = set(sources)
    crossed: set[str] = set()
    todo = deque(sources)
    while todo:
        for child in families[todo.popleft()]:
            if child not in crossed:
                crossed.add(child)
                new = (set(parents[child]) | {child}) - seen
                seen |= new
                todo += new - known
    return seen

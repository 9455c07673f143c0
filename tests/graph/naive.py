"""The definitions, read word by word on small diagrams; nothing here is shared with the library."""

from __future__ import annotations

import random
from collections.abc import Iterable

import cidmesa as cm


def connected(cid: cm.CID, x: str, y: str, given: Iterable[str]) -> bool:
    """d-connection by trying every simple path against the definition."""
    known = set(given)
    if x in known or y in known:
        return False
    opening = set(known).union(*(cid.ancestors(z) for z in known))
    near = {v: [*cid.parents(v), *cid.children(v)] for v in cid.nodes}
    paths = [[x]]
    while paths:
        path = paths.pop()
        v = path[-1]
        if v == y:
            return True
        for w in near[v]:
            if w in path:
                continue
            if len(path) > 1:
                collider = cid.has_edge(path[-2], v) and cid.has_edge(w, v)
                if (collider and v not in opening) or (not collider and v in known):
                    continue
            paths.append([*path, w])
    return False


def goals(cid: cm.CID, decision: str) -> list[str]:
    below = cid.descendants(decision)
    return [u for u in cid.utilities_of(cid.agent_of(decision)) if u in below]


def requisite(cid: cm.CID, decision: str) -> set[str]:
    family = {decision, *cid.parents(decision)}
    return {p for p in cid.parents(decision) if any(connected(cid, p, u, family - {p}) for u in goals(cid, decision))}


def reduced(cid: cm.CID, rng: random.Random, decisions: tuple[str, ...] | None = None) -> cm.CID:
    """Drop one nonrequisite link at a time, of all decisions or of some, in a random order."""
    while True:
        loose = [
            (p, d)
            for d in (cid.decisions if decisions is None else decisions)
            for p in cid.parents(d)
            if p not in requisite(cid, d)
        ]
        if not loose:
            return cid
        cid = cid.without_edges(rng.choice(loose))


def relevant(cid: cm.CID, decision: str) -> set[str]:
    """r-reachability in a diagram in which every node has its mechanism for a parent."""
    mechanised = cid.with_edges([(f"M[{v}]", v) for v in cid.nodes])
    family = {decision, *cid.parents(decision)}
    return {
        v
        for v in cid.nodes
        if v != decision and any(connected(mechanised, f"M[{v}]", u, family) for u in goals(cid, decision))
    }

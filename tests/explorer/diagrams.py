"""Random diagrams for the explorer's tests and its benchmark: small and odd ones, and large ones."""

from __future__ import annotations

import random
from typing import Any

import cidmesa as cm

CRITERIA = ("voi", "voc", "ri", "ici", "requisite", "relevance")
"""The criteria of the page, in the order of its columns: those of an incentive report."""


def drawn(rng: random.Random) -> cm.CID:
    """Draw a diagram of one to four decisions, mostly of one agent, some without utilities, in any order."""
    inner = [f"X{i}" for i in range(rng.randint(0, 6))] + [f"D{i}" for i in range(rng.choice([1, 1, 2, 2, 3, 4]))]
    rng.shuffle(inner)
    pays = [f"U{i}" for i in range(rng.choice([0, 1, 1, 1, 2, 3]))]
    density = rng.choice([0.2, 0.35, 0.5, 0.7])
    edges = [(a, b) for i, a in enumerate(inner) for b in inner[i + 1 :] if rng.random() < density]
    edges += [(a, u) for u in pays for a in inner if rng.random() < density]
    rng.shuffle(edges)
    agents = rng.choice([1, 1, 1, 2, 3])
    decisions: dict[Any, list[str]] = {agent: [] for agent in range(agents)}
    utilities: dict[Any, list[str]] = {agent: [] for agent in range(agents)}
    nodes = rng.sample([*inner, *pays], len(inner) + len(pays))
    for node in nodes:  # declared in node order, as the explorer does
        if node.startswith("D"):
            decisions[rng.randrange(agents)].append(node)
        if node.startswith("U"):
            utilities[rng.randrange(agents)].append(node)
    return cm.CID(edges, nodes=nodes, decisions=decisions, utilities=utilities)


def large(seed: int, *, nodes: int = 200, decisions: int = 8, degree: float = 2.0, reach: int = 40) -> cm.CID:
    """Draw a diagram of one agent: each node has parents among the `reach` before it, `degree` of them on average."""
    rng = random.Random(seed)
    pays = 4
    order = [f"N{i}" for i in range(nodes - pays)]
    chosen = sorted(rng.sample(order[5:-5], decisions), key=order.index)
    edges = set()
    for i, head in enumerate([*order, *(f"U{i}" for i in range(pays))]):
        low, high = max(0, min(i, len(order)) - reach), min(i, len(order))
        for _ in range(rng.randint(0, round(2 * degree))):
            if high > low:
                edges.add((order[rng.randrange(low, high)], head))
    pay = [f"U{i}" for i in range(pays)]
    return cm.CID(sorted(edges), nodes=[*order, *pay], decisions=chosen, utilities=pay)

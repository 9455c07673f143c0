"""Large random diagrams for the benchmark: long, layered, decisions all along."""

from __future__ import annotations

import random

import cidmesa as cm


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

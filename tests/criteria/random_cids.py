"""Random diagrams for witnesses and soundness, from a seeded generator: larger and odder than the shared strategies."""

from __future__ import annotations

import random
from itertools import pairwise

import cidmesa as cm


def random_cid(rng: random.Random, nodes: int, *, decisions: int = 1, utilities: int | None = None) -> cm.CID:
    """Return a random diagram: nodes in a random order, each pair an edge with one of three densities."""
    density = rng.choice([0.25, 0.4, 0.6])
    pays = [f"U{i}" for i in range(utilities or rng.choice([1, 1, 2]))]
    inner = [f"D{i}" for i in range(decisions)] + [f"X{i}" for i in range(nodes - decisions - len(pays))]
    rng.shuffle(inner)
    edges = [(a, b) for i, a in enumerate(inner) for b in inner[i + 1 :] if rng.random() < density]
    edges += [(a, u) for u in pays for a in inner if rng.random() < density]
    decided = [n for n in inner if n.startswith("D")]
    return cm.CID(edges, nodes=[*inner, *pays], decisions=decided, utilities=pays)


def zigzag_cid(rng: random.Random) -> cm.CID:
    """Return a diagram in which an observation is requisite by latent forks that observed colliders join, and only so.

    ``X0 .. -> W <- H0 -> O1 <- H1 -> O2 .. <- Hm .. -> U`` with W and the O's observed; the walk may leave W downwards
    instead (``W .. -> O1``). Legs have random lengths, and barren or shared nodes are thrown in.
    """
    edges: list[tuple[str, str]] = []
    latent: list[str] = []
    fresh = iter(f"C{i}" for i in range(1000))

    def chain(tail: str, head: str, longest: int = 2) -> None:
        path = [tail, *(next(fresh) for _ in range(rng.randint(0, longest))), head]
        edges.extend(pairwise(path))

    bounces = rng.randint(1, 4)
    observed = ["W", *(f"O{i}" for i in range(1, bounces + 1))]
    chain("X0", "W")
    if rng.random() < 0.5:
        chain("X1", rng.choice(["X0", "W"]))
    tops = [f"H{i}" for i in range(bounces + 1)]
    if rng.random() < 0.4:
        chain("W", "O1")
        tops = tops[1:]
    else:
        chain("H0", "W", 1)
        chain("H0", "O1", 1)
        tops = tops[1:]
        latent.append("H0")
    for i, top in enumerate(tops, start=1):
        latent.append(top)
        chain(top, f"O{i}", 1)
        chain(top, f"O{i + 1}" if i < bounces else "U", 1)
    chain("D", "U")
    edges += [(o, "D") for o in observed]
    if rng.random() < 0.3:
        edges.append((rng.choice(observed[1:]), "barren"))
    if rng.random() < 0.3:
        chain("D", "aside")
    return cm.CID(edges, nodes=["D"], decisions=["D"], utilities=["U"], latent=latent)

"""Random diagrams whose decisions hang on each other, and the attack on proofs by linear programming."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import cidmesa as cm
from cidmesa.criteria.chains.chain import Chain
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.verdict import Verdict
from cidmesa.criteria.witness.linear_search import Collapsed, World, draw_mechanisms, separating


def insoluble(rng: random.Random, chance: int = 4, decisions: int = 2) -> cm.CID:
    """Draw a diagram of one agent that is not soluble: chance nodes and decisions in any order, and one utility.

    A decision sees at most two nodes, so that all its rules can be listed.
    """
    while True:
        inner = [*(f"x{i}" for i in range(chance)), *(f"d{i}" for i in range(decisions))]
        rng.shuffle(inner)
        edges = []
        for i, head in enumerate(inner):
            tails = [tail for tail in inner[:i] if rng.random() < 0.45]
            if head[0] == "d" and len(tails) > 2:
                tails = rng.sample(tails, 2)
            edges += [(tail, head) for tail in tails]
        edges += [(tail, "u") for tail in inner if rng.random() < 0.45]
        cid = cm.CID(edges, nodes=[*inner, "u"], decisions=[n for n in inner if n[0] == "d"], utilities=["u"])
        if not cm.is_soluble(cid):
            return cid


def chance_links(cid: cm.CID) -> Iterator[tuple[str, str]]:
    """Yield the information links from chance nodes."""
    return ((x, d) for d in cid.decisions for x in cid.parents(d) if cid.kind(x) == "chance")


CRITERIA = ("voi", "voc", "ri", "ici")


def asked(cid: cm.CID, criteria: tuple[str, ...] = CRITERIA) -> list[Verdict]:
    """Ask everything that can be asked of chance nodes and decisions."""
    found = []
    for criterion, decision, node in product(criteria, cid.decisions, cid.nodes):
        if cid.kind(node) != "utility":
            try:
                found.append(judge(cid, criterion, node, None if criterion == "voc" else decision, search=False))
            except cm.NotApplicableError:
                continue
    return found


def chained(cid: cm.CID, criteria: tuple[str, ...] = CRITERIA) -> list[tuple[Verdict, Chain]]:
    """Return what no theorem settles and a chain does."""
    return [(v, v.because) for v in asked(cid, criteria) if v.settled is None and isinstance(v.because, Chain)]


def attack(cid: cm.CID, criterion: str, node: str, decision: str | None, rng: random.Random) -> bool | None:
    """Say whether a random model has the incentive under some utility; ``None`` where it came out too large.

    The model is drawn on the diagram, or on the collapsed one, where nodes carry what they like. For its mechanisms the
    utility is solved for: that none was found says that there is none, up to the tolerance of the linear programme.
    """
    kept = cid.chance if rng.random() < 0.5 else () if criterion == "voi" else (node,)
    world = World.of(draw_mechanisms(Collapsed.of(cid, kept), rng), criterion, node, decision)
    return None if world is None else separating(world, rng) is not None

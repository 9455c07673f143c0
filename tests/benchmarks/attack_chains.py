"""Chains of steps, attacked: random models of what a chain excludes, the utility solved for by linear programming.

    python tests/benchmarks/attack_chains.py [models] [seed]

prints the table of `docs/chains.md`. About 150 models a second.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.criteria.chains.drawn import attack, chained, insoluble


def main(models: int, seed: int) -> None:
    """Attack until so many models have been tried, half on two decisions and half on three."""
    start = time.process_time()
    print("| decisions | criterion | proofs | models | violations |\n|---|---|---|---|---|")
    for decisions in (2, 3):
        rng = random.Random(seed)
        count: Counter[tuple[str, str]] = Counter()
        while sum(count[c, "models"] for c in ("voi", "voc", "ri")) < models / 2:
            cid = insoluble(rng, decisions=decisions)
            for verdict, _ in chained(cid, ("voi", "voc", "ri")):
                node, criterion = verdict.node, verdict.criterion
                idle = criterion == "voi" and not cid.has_edge(node, str(verdict.decision))
                if idle or (criterion != "ri" and cid.kind(node) == "decision"):
                    continue
                count[criterion, "proofs"] += 1
                for _ in range(10):
                    broken = attack(cid, criterion, node, verdict.decision, rng)
                    count[criterion, "models"] += broken is not None
                    count[criterion, "violations"] += broken is True
                    if broken:
                        print(f"violation: {verdict} {cid.edges}")
        for criterion in ("voi", "voc", "ri"):
            row = [count[criterion, what] for what in ("proofs", "models", "violations")]
            print(f"| {decisions} | {criterion} | {row[0]:,} | {row[1]:,} | {row[2]} |", flush=True)
    print(f"{time.process_time() - start:.0f} s of CPU")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 100_000, given[1] if len(given) > 1 else 0)

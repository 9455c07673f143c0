"""How long all incentives of one decision take, beside scikit-agent, as diagrams grow.

Run as ``OMP_NUM_THREADS=1 python tests/benchmarks/bench_scikit_agent.py``; ``python -m tests.criteria.scikit_agent
--make`` makes the environment that it needs, and ``--environment`` names another.

Both are asked for value of information, response incentives, value of control and instrumental control incentives of
every node, and which observations are requisite; the diagrams are random, with three parents a node. Its time is
measured in its own process, on a diagram that it has made already; ours begins with the edges.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import cidmesa as cm
from tests.criteria.scikit_agent import ENVIRONMENT, ask, written

SIZES = (10, 30, 100, 300, 1000, 3000)
LARGEST_PEER = 300


def diagram(nodes: int, rng: random.Random) -> cm.CID:
    """Draw a diagram whose decision is in the middle of the order and sees what comes before it as any node does."""
    names = [f"X{i}" for i in range(nodes - 1)]
    names[nodes // 2] = "D"
    edges = {(names[rng.randrange(max(0, i - 20), i)], names[i]) for i in range(1, len(names)) for _ in range(3)}
    edges |= {(name, "U") for name in (names[-1], names[-2], "D")}
    return cm.CID(sorted(edges), nodes=[*names, "U"], decisions=["D"], utilities=["U"])


def ours(cid: cm.CID) -> float:
    """Return the least seconds of some runs from edges to every set."""
    times = []
    for _ in range(7):
        start = time.perf_counter()
        report = cm.incentives(cm.CID(cid.edges, nodes=cid.nodes, decisions=cid.decisions, utilities=cid.utilities))
        _ = report.voi, report.ri, report.voc, report.ici, report.requisite
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print both times for every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT)
    environment = parser.parse_args().environment
    rng = random.Random(0)
    cids = [diagram(size, rng) for size in SIZES]
    asked = [written(cid) for cid in cids if len(cid) <= LARGEST_PEER]
    theirs: list[float] = []
    if (environment / "bin" / "python").exists():
        theirs = ask(environment, asked, "--seconds")
    else:
        print(f"no {environment.name}: python -m tests.criteria.scikit_agent --make")
    print(f"{'all incentives, s':20s} {'scikit-agent':>12s} {'ours':>10s} {'times':>8s}")
    for i, cid in enumerate(cids):
        mine = ours(cid)
        peer = f"{theirs[i]:12.4f} {mine:10.6f} {theirs[i] / mine:8.0f}" if i < len(theirs) else f"{'':12} {mine:10.6f}"
        print(f"{len(cid):>6,} nodes         {peer}")


if __name__ == "__main__":
    main()

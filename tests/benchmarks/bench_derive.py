"""What a derivation costs as setups grow. Run: python tests/benchmarks/bench_derive.py [seed].

Two families. *With numbers*: binary setups of 10 to 30 nodes, four observations, ten deployments, targets of up to two
nodes; the time until every candidate has a verdict, then one regret interval after another. *Graph only*: random
layered diagrams of 10^2 to 10^4 nodes; C1, C2 and requisites of every single target. The peer in the same run is a
linear program per candidate, the least that any exact method needs.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import cidmesa as cm
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.objectives import cones
from cidmesa.mesa.setup.training import TrainingSetup


def with_numbers(nodes: int, rng: np.random.Generator) -> TrainingSetup:
    """A random binary setup with one decision in the middle, four observations and ten deployments."""
    before, after = nodes // 2, nodes - nodes // 2 - 2
    names = [f"x{i}" for i in range(before)] + ["act"] + [f"y{i}" for i in range(after)]
    edges: list[tuple[str, str]] = []
    for i, name in enumerate(names):
        pool = names[max(0, i - 8) : i]
        count = min(len(pool), 4 if name == "act" else int(rng.integers(0, 4)))
        edges += [(str(tail), name) for tail in rng.choice(pool, count, replace=False)] if count else []
    edges += [("act", "y0")] if ("act", "y0") not in edges else []
    paying = [str(n) for n in rng.choice([n for n in names if n[0] == "y"], 2, replace=False)]
    edges += [(name, "pay") for name in paying]
    cid = cm.CID(edges, nodes=[*names, "pay"], decisions=["act"], utilities=["pay"])

    def table(node: str) -> cm.Table:
        p = rng.choice([0.1, 0.2, 0.5, 0.7, 0.9], size=(2,) * len(cid.parents(node)))
        return cm.Table(np.stack([p, 1 - p], axis=-1))

    mechanisms = {node: table(node) for node in cid.chance}
    pay = cm.Table(rng.integers(-3, 4, size=(2,) * len(cid.parents("pay"))).astype(float))
    model = cid.parameterise({**mechanisms, "act": [0, 1], "pay": pay})
    shifted = rng.choice(cid.chance, size=(10, 2))
    deployments = {f"deployment {i}": {str(n): table(str(n)) for n in pair} for i, pair in enumerate(shifted)}
    return TrainingSetup(model, deployments=deployments)


def graph_only(nodes: int, rng: np.random.Generator) -> TrainingSetup:
    """A random layered diagram with about three parents a node."""
    names = [f"n{i}" for i in range(nodes - 2)]
    middle = nodes // 2
    names[middle] = "act"
    edges = []
    for i, name in enumerate(names):
        edges += [(names[int(j)], name) for j in (rng.integers(max(0, i - 50), i, size=3) if i else ())]
    edges += [(name, "pay") for name in names[-5:]]
    cid = cm.CID(edges, nodes=[*names, "pay"], decisions=["act"], utilities=["pay"])
    return TrainingSetup(cid, deployments={f"deployment {i}": {names[i]} for i in range(10)})


def main(seed: int) -> None:
    rng = np.random.default_rng(seed)
    print("with numbers: four observations, ten deployments, max_targets=2")
    print("  nodes  candidates  all verdicts   a linear program each   ratio   an interval on access")
    for nodes in (10, 20, 30):
        setup = with_numbers(nodes, rng)
        start = time.perf_counter()
        family = derive_mesa_optimizers(setup, max_targets=2)
        verdicts = [candidate.consistency for candidate in family]
        took = time.perf_counter() - start
        rows = cones.scaled(rng.standard_normal((16, 4)))
        start = time.perf_counter()
        for _ in family:
            cones.margin(rows)
        peer = time.perf_counter() - start
        some = [c for c in family if c.reasons.control][:20]
        start = time.perf_counter()
        for candidate in some:
            _ = candidate.deployment_regret["deployment 0"]
        each = (time.perf_counter() - start) / len(some)
        figures = f"{took:10.2f} s  {peer:20.2f} s  {took / peer:6.1f}  {each * 1e3:15.1f} ms"
        print(f"  {nodes:5}  {len(verdicts):10}  {figures}")
    print("graph only: C1, C2 and requisites of all targets")
    print("   nodes   edges       time   per edge and observation")
    for nodes in (100, 1000, 10_000):
        setup = graph_only(nodes, rng)
        start = time.perf_counter()
        family = derive_mesa_optimizers(setup)
        covers = [(candidate.consistency, candidate.reasons.cover) for candidate in family]
        took = time.perf_counter() - start
        edges, seen = len(setup.cid.edges), len(setup.cid.parents("act"))
        print(f"  {len(covers):6}  {edges:6}  {took:7.3f} s   {took / edges / seen * 1e9:10.0f} ns")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

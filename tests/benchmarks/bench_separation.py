"""What separating shifts, interfaces and cures cost, against trying each replacement on its own.

Run ``python tests/benchmarks/bench_separation.py``. Random binary models with one decision, four observations and ten
deployments; times are of this machine, the ratio is within one run.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cidmesa as cm
from cidmesa.mesa.comparison.cure import distinguishing_training
from cidmesa.mesa.comparison.separation import _replacements, separating_shifts
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.graphical.interfaces import interfaces
from cidmesa.mesa.setup.training import TrainingSetup
from tests.mesa.exhaustive import random_table


def random_setup(seed: int, nodes: int, deployments: int = 10) -> TrainingSetup:
    """A band of chance nodes, each with up to three parents among the eight before it; the decision after ten."""
    rng = np.random.default_rng(seed)
    names = [f"X{i}" for i in range(nodes)]
    early = min(10, nodes // 2)
    edges = []
    for i, head in enumerate(names):
        first = max(0, i - 8)
        tails = rng.choice(np.arange(first, i), size=min(int(rng.integers(0, 4)), i - first), replace=False)
        edges += [(names[tail], head) for tail in tails]
    edges += [(names[i], "D") for i in rng.choice(early, size=4, replace=False)]
    edges += [("D", names[early]), ("D", names[-1])]
    edges += [("D", name) for name in names[early + 1 : -1] if rng.random() < 0.35]
    edges += [(name, "U") for name in names[-3:]]
    cid = cm.CID(edges, nodes=names, decisions=["D"], utilities=["U"])
    mechanisms: dict[str, object] = {"D": [0, 1]}
    mechanisms["U"] = cm.Table(rng.integers(-1, 3, size=(2, 2, 2)).astype(float))
    for name in names:
        mechanisms[name] = cm.Table(random_table(rng, (2,) * (len(cid.parents(name)) + 1)))
    model = cid.parameterise(mechanisms)
    shifts = {
        f"s{k}": {
            n: cm.Table(random_table(rng, model.cpd(n).shape)) for n in rng.choice(names, 2, replace=False).tolist()
        }
        for k in range(deployments)
    }
    return TrainingSetup(model, shifts)


def one_by_one(setup: TrainingSetup, a: str, b: str) -> int:
    """Try every replacement of one node with a derivation of its own."""
    model = setup.require_model("the benchmark")
    parted = 0
    for node in model.cid.chance:
        for table in _replacements(model, node, every=False):
            family = derive_mesa_optimizers(TrainingSetup(model, {"there": {node: table}}), targets=[a, b])
            parted += family[a].possible_actions("there") != family[b].possible_actions("there")
    return parted


def main() -> None:
    """Print one line per size."""
    print(f"{'nodes':>5} {'separate':>9} {'one by one':>11} {'ratio':>6} {'interfaces':>11} {'cure, 10 σ':>11}")
    for nodes in (10, 20, 30):
        setup = random_setup(3, nodes)
        below = [n for n in setup.cid.chance if n in setup.cid.descendants("D")]
        a, b = below[-1], below[-2]
        times = []
        for task in (
            lambda s=setup, a=a, b=b: separating_shifts(s, a, b, size=1),
            lambda s=setup, a=a, b=b: one_by_one(s, a, b),
            lambda s=setup, a=a: interfaces(s, [a], {0: 0.0, 1: 1.0}),
            lambda s=setup, a=a: distinguishing_training(s, a),
        ):
            start = time.perf_counter()
            task()
            times.append(time.perf_counter() - start)
        separate, single, inter, cure = times
        print(
            f"{nodes:>5} {separate:>8.2f}s {single:>10.2f}s {single / separate:>5.1f}x {inter:>10.3f}s {cure:>10.1f}s"
        )


if __name__ == "__main__":
    main()

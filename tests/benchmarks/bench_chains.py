"""What predictions of many decisions in a row cost. Run: python tests/benchmarks/bench_chains.py [most decisions].

Chains of binary decisions with noise, each of which moves a state that the score reads at the end (*state*), that see
all that came before as well (*recall*), or that are paid step by step (*paid*). CPU seconds from a setup to all rows of
frozen agents, beside one pass back over the chain in the same run, the least that any method needs.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import cidmesa as cm
from cidmesa.solve.policies.dynamic_programming import sweep_back

LAW = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]])


def chain(kind: str, steps: int) -> cm.TrainingSetup:
    """A chain of one kind; one deployment crosses the wires in the middle, another starts elsewhere."""
    times = range(steps)
    edges = [(n, f"s{t + 1}") for t in times for n in (f"s{t}", f"d{t}")]
    if kind == "recall":
        edges += [(n, f"d{t}") for t in times for r in range(t + 1) for n in (f"s{r}", f"d{r}") if n != f"d{t}"]
    else:
        edges += [(f"s{t}", f"d{t}") for t in times]
    pays = [f"u{t}" for t in times] if kind == "paid" else ["u"]
    edges += [(f"s{t + 1}", f"u{t}") for t in times] if kind == "paid" else [(f"s{steps}", "u")]
    cid = cm.CID(edges, decisions=[f"d{t}" for t in times], utilities=pays)

    def law(t: int, table: np.ndarray) -> cm.Table:
        return cm.Table(table, parents=(f"s{t}", f"d{t}"))

    model = cid.parameterise(
        {f"s{t + 1}": law(t, LAW) for t in times}
        | {f"d{t}": [0, 1] for t in times}
        | {u: cm.Table([0.0, 1.0]) for u in pays}
        | {"s0": cm.Bernoulli(0.5)}
    )
    middle = steps // 2
    crossed = {f"s{middle}": law(middle - 1, LAW[:, ::-1])}
    return cm.TrainingSetup(model, {"crossed": crossed, "elsewhere": {"s0": cm.Bernoulli(1.0)}})


def main(most: int) -> None:
    """Print a line per kind and length."""
    cm.derive_mesa_optimizers(chain("state", 2)).predictions()  # imports
    print(f"{'kind':8}{'decisions':>10}{'rows':>6}{'seconds':>10}{'one pass':>10}")
    for kind in ("state", "recall", "paid"):
        for steps in [n for n in (4, 8, 12, 16) if n <= most]:
            setup = chain(kind, steps)
            began = time.process_time()
            sweep_back(setup.deployed("training"))
            swept = time.process_time()
            rows = len(cm.derive_mesa_optimizers(setup).predictions())
            print(f"{kind:8}{steps:>10}{rows:>6}{time.process_time() - swept:>10.3f}{swept - began:>10.4f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)

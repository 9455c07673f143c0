"""Optima of agents that forget: how time grows with decisions, tree-width and states.

Run ``python -m tests.benchmarks.bench_limited_memory [--large]``. Times are seconds of CPU; a gap is the distance of
the policy found from the bound, as a share of the bound; "rules" is the number of deterministic policies.
"""

from __future__ import annotations

import argparse
import time
from math import log10

import cidmesa as cm
from cidmesa.solve import solve
from tests.solve.limids import pigs, random_limid


def row(name: str, model: cm.CIM) -> str:
    """Solve one model and write the line of the table."""
    contexts = {d: [model.card(p) for p in model.cid.parents(d)] for d in model.cid.decisions}
    digits = 0.0
    for d, sizes in contexts.items():
        count = 1
        for size in sizes:
            count *= size
        digits += count * log10(model.card(d))
    start = time.process_time()
    found = solve(model, method="multiple policy updating")
    spent = time.process_time() - start
    assert found.upper_bound is not None
    gap = (found.upper_bound - found.value) / abs(found.upper_bound)
    how = "exact" if found.exact else f"gap {gap:.2%}"
    return f"{name:<44} 10^{digits:<4.0f} {spent:8.3f}  {found.value:12.6f}  {how}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="tree-width 5 and three states too (minutes)")
    large = parser.parse_args().large
    print(f"{'model':<44} {'rules':<7} {'seconds':>8}  {'value':>12}")
    for months in (4, 10, 30, 100, 200):
        print(row(f"pigs, {months} months", pigs(months)))
    for size in (30, 75, 150, 300):
        for seed in range(3):
            model = random_limid(size, size // 3, width=3, parents=2, seed=seed)
            print(row(f"{size} variables, width 3, seed {seed}", model))
    if large:
        for width, states, parents in ((4, 2, 2), (5, 2, 2), (3, 3, 1)):
            for seed in range(6):
                model = random_limid(150, 50, width=width, parents=parents, states=states, seed=seed)
                print(row(f"150 variables, width {width}, {states} states, seed {seed}", model), flush=True)


if __name__ == "__main__":
    main()

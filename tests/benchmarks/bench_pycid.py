"""Time to solve influence diagrams, beside pycid.

Run as ``OMP_NUM_THREADS=1 python tests/benchmarks/bench_pycid.py``; ``make setup`` installs pycid.

Ours is cold, from tables to value: making the model, planning, solving. pycid's is `impute_optimal_policy` and
`expected_utility` on a diagram that is ready. The instances are small ones of the families of ``bench_solve``.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator

import bench_solve
import numpy as np
from bench_solve import Instance, fresh, geometric_mean

import cidmesa as cm
from cidmesa.interop.pycid import enable
from cidmesa.solve import solve


def instances() -> Iterator[Instance]:
    """Instances of each family, up to those for which pycid takes some seconds."""
    sizes = (
        (bench_solve.dense_observations, (2, 4, 6)),
        (bench_solve.hidden_state, (2, 4, 6, 8)),
        (bench_solve.perfect_recall, (1, 2, 3)),
        (bench_solve.limited_memory, (8, 12)),
    )
    for make, chosen in sizes:
        for size in chosen:
            yield make(size, np.random.default_rng(size))


def main() -> None:
    """Print both times for every instance, and the ratios where pycid takes over a second."""
    warnings.simplefilter("ignore")
    try:
        enable()
    except cm.MissingDependencyError as error:
        print(error)
        return
    print(f"{'solving, s':24s} {'pycid':>10s} {'ours':>10s} {'times':>10s}")
    ratios = []
    for instance in instances():
        diagram = cm.to_pycid(instance.cid.parameterise(instance.mechanisms))
        start = time.perf_counter()
        diagram.impute_optimal_policy()
        theirs = diagram.expected_utility({})
        peer = time.perf_counter() - start
        times = []
        for _ in range(9):
            cid = fresh(instance.cid)
            start = time.perf_counter()
            ours = solve(cid.parameterise(instance.mechanisms)).value
            times.append(time.perf_counter() - start)
        note = "" if abs(ours - theirs) < 1e-8 else f"  values differ: {ours} {theirs}"
        label = f"{instance.family} {instance.name}"
        print(f"{label:24s} {peer:10.4f} {min(times):10.6f} {peer / min(times):10.0f}{note}")
        if peer > 1:
            ratios.append(peer / min(times))
    least = min(ratios, default=0)
    print(f"over a second: {len(ratios)} instances, {geometric_mean(ratios):.0f} times, least {least:.0f}")


if __name__ == "__main__":
    main()

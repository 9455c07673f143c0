"""Time to solve influence diagrams, beside pycid.

Run as ``OMP_NUM_THREADS=1 python tests/benchmarks/bench_pycid.py``. pycid 0.8.2 asks for versions that no current
Python has; its code alone (``pip install --no-deps pycid==0.8.2``) runs beside a current pgmpy, once a class that pgmpy
has renamed is found under its old name and an empty ``pygambit`` stands in for the library that it imports for games.

Ours is cold, from tables to value: making the model, planning, solving. pycid's is `impute_optimal_policy` and
`expected_utility` on a diagram that is ready. The instances are small ones of the families of ``bench_solve``.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from inspect import Parameter, Signature
from types import ModuleType
from typing import Any

import bench_solve
import numpy as np
from bench_solve import Instance, fresh, geometric_mean

import cidmesa as cm
from cidmesa.solve import solve


class _Nothing(ModuleType):
    """A module in which every name is itself; pycid mentions pygambit's classes in annotations alone."""

    def __getattr__(self, name: str) -> Any:
        return self


def load_pycid() -> Any:
    """Import pycid, or return ``None`` where its code is not installed."""
    import pgmpy.models

    for name in ("pygambit", "pygambit.lib", "pygambit.lib.libgambit"):
        sys.modules.setdefault(name, _Nothing(name))
    pgmpy.models.BayesianNetwork = pgmpy.models.DiscreteBayesianNetwork
    try:
        import pycid
    except ImportError:
        return None
    return pycid


def pycid_diagram(pycid: Any, model: cm.CIM) -> Any:
    """The same model for pycid: a function of its parents, by name, for each node; a domain for a decision."""
    cid = model.cid
    diagram = pycid.CID(list(cid.edges), decisions=list(cid.decisions), utilities=list(cid.utilities))
    mechanisms: dict[str, Any] = {decision: list(model.domain(decision)) for decision in cid.decisions}
    for node in (*cid.chance, *cid.utilities):
        mechanisms[node] = _mechanism(model, node)
    diagram.add_cpds(**mechanisms)
    return diagram


def _mechanism(model: cm.CIM, node: str) -> Any:
    parents = model.cid.parents(node)
    rows = model.cpd(node).reshape(len(model.contexts(node)), -1)
    if model.cid.kind(node) == "utility":
        found = dict(zip(model.contexts(node), rows[:, 0].tolist(), strict=True))
    else:
        laws = (dict(zip(model.domain(node), row, strict=True)) for row in rows.tolist())
        found = dict(zip(model.contexts(node), laws, strict=True))

    def look_up(**values: Any) -> Any:
        return found[tuple(values[parent] for parent in parents)]

    look_up.__signature__ = Signature([Parameter(p, Parameter.KEYWORD_ONLY) for p in parents])  # type: ignore[attr-defined]
    return look_up


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
    pycid = load_pycid()
    if pycid is None:
        print("pycid is not installed: pip install --no-deps pycid==0.8.2")
        return
    print(f"{'solving, s':24s} {'pycid':>10s} {'ours':>10s} {'times':>10s}")
    ratios = []
    for instance in instances():
        diagram = pycid_diagram(pycid, instance.cid.parameterise(instance.mechanisms))
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

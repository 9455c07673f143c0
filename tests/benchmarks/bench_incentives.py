"""How long the graphical criteria take, against one scipy breadth-first search over the same matrix.

    python tests/benchmarks/bench_incentives.py

Every line is measured in this run, in CPU time of one thread; the ratios are what to compare between machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

import cidmesa as cm
from cidmesa.criteria import incentives
from cidmesa.criteria.analysis import Pass, one_pass
from cidmesa.graph.index import build
from cidmesa.graph.reduction import reduce_links

Edges = tuple[int, NDArray[np.int64], NDArray[np.int64]]


def windowed(edges: int, seed: int = 0) -> Edges:
    """Edges that span at most 50 positions: long and narrow."""
    rng = np.random.default_rng(seed)
    n = edges // 3
    reach = min(50, n // 4)
    tails = rng.integers(0, n - reach - 1, edges)
    return _distinct(n, tails, tails + rng.integers(1, reach, edges))


def layered(edges: int, seed: int = 0) -> Edges:
    """Edges from one layer to the next, layers of up to a thousand nodes."""
    rng = np.random.default_rng(seed)
    n = edges // 3
    width = max(10, min(1000, n // 20))
    tails = rng.integers(0, n - width, edges)
    heads = np.minimum((tails // width + 1) * width + rng.integers(0, width, edges), n - 1)
    return _distinct(n, tails, heads)


def uniform(edges: int, seed: int = 0) -> Edges:
    """Edges between any two positions."""
    rng = np.random.default_rng(seed)
    n = edges // 3
    ends = np.sort(rng.integers(0, n, (edges, 2)), axis=1)
    ends = ends[ends[:, 0] < ends[:, 1]]
    return _distinct(n, ends[:, 0], ends[:, 1])


def _distinct(n: int, tails: NDArray[np.int64], heads: NDArray[np.int64]) -> Edges:
    code = np.unique(tails * n + heads)
    shuffled = np.random.default_rng(1).permutation(n)
    return n, shuffled[code // n], shuffled[code % n]


def best(f: Callable[[], object], times: int = 5) -> float:
    """CPU seconds of the fastest of some runs."""
    out = []
    for _ in range(times):
        start = time.process_time()
        f()
        out.append(time.process_time() - start)
    return min(out)


def central(n: int, tails: NDArray[np.int64], heads: NDArray[np.int64], count: int) -> tuple[list[int], list[int]]:
    """Decisions from the middle, and childless nodes as utilities: what a pass has most work with."""
    index = build(n, tails, heads)
    childless = np.flatnonzero((np.bincount(tails, minlength=n) == 0) & (np.bincount(heads, minlength=n) > 0))
    utilities = childless[-50:].tolist()
    inner = np.flatnonzero((np.bincount(tails, minlength=n) > 0) & (np.bincount(heads, minlength=n) > 0))
    ranked = sorted(inner[:: max(1, len(inner) // 200)].tolist(), key=lambda v: -int(index.descendants([v]).sum()))
    middle = len(ranked) // 4
    return ranked[middle : middle + count], utilities


def all_criteria() -> None:
    """Integer arrays to masks, one decision, all nodes and criteria, against one search of the doubled graph."""
    print("all criteria, one decision          edges  ns/edge     search  ratio")
    for family in (windowed, layered, uniform):
        for size in (10**3, 10**4, 10**5, 10**6):
            n, tails, heads = family(size)
            (decision,), utilities = central(n, tails, heads, 1)
            took = best(partial(_masks, n, tails, heads, decision, utilities))
            search = best(_search(n, tails, heads, utilities))
            edges = len(tails)
            print(
                f"  {family.__name__:<12} {edges:>25,} {took / edges * 1e9:8.0f} {search / edges * 1e9:10.0f} "
                f"{took / search:6.2f}"
            )


def _masks(n: int, tails: NDArray[np.int64], heads: NDArray[np.int64], decision: int, utilities: list[int]) -> Pass:
    return one_pass(build(n, tails, heads), decision, utilities)


def _search(
    n: int, tails: NDArray[np.int64], heads: NDArray[np.int64], sources: list[int]
) -> Callable[[], NDArray[np.int32]]:
    """One search of the doubled graph that visits nearly all of it: from the utilities, nothing observed."""
    up = np.arange(n)
    rows = np.concatenate([up, heads, tails + n, np.full(len(sources), 2 * n)])
    cols = np.concatenate([up + n, tails, heads + n, sources])
    matrix = csr_array((np.ones(len(rows)), (rows, cols)), shape=(2 * n + 1, 2 * n + 1))
    return lambda: breadth_first_order(matrix, 2 * n, return_predecessors=False)


def reduction() -> None:
    """Ten decisions to the fixpoint."""
    print("reduction to the fixpoint, ten decisions    edges  seconds  links dropped")
    for family in (windowed, layered, uniform):
        n, tails, heads = family(10**6)
        decisions, utilities = central(n, tails, heads, 10)
        index = build(n, tails, heads)
        reduce = partial(reduce_links, index, dict.fromkeys(decisions, utilities))
        dropped = sum(len(parents) for _, parents in reduce().steps)
        print(f"  {family.__name__:<12} {len(tails):>33,} {best(reduce, 2):8.2f} {dropped:10}")


def diamonds() -> None:
    """A chain of diamonds has 2^k paths; nobody may list them."""
    k = 10**5
    edges = [("d", "v0")]
    for i in range(k):
        edges += [(f"v{i}", f"a{i}"), (f"v{i}", f"b{i}"), (f"a{i}", f"v{i + 1}"), (f"b{i}", f"v{i + 1}")]
    edges += [(f"v{k}", "u"), ("z", "d"), ("z", "v0")]
    built = cm.CID(edges, decisions=["d"], utilities=["u"])
    start = time.process_time()
    assert len(incentives(built).ici) == 3 * k + 2
    took = time.process_time() - start
    start = time.process_time()
    assert incentives(built).verdicts["ici"]["d"][f"a{k // 2}"].because.check(built)
    proof = time.process_time() - start
    print(
        f"report of a chain of {k:,} diamonds: {took:.2f} s; a proof of {2 * k:,} edges: {proof:.2f} s with its check"
    )


def small() -> None:
    """Ten nodes, from the diagram to every set."""
    edges = [
        ("key", "door"), ("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"),
        ("go", "at_red"), ("red", "at_red"), ("at_door", "reward"), ("weather", "log"), ("at_red", "log"),
        ("weather", "go"),
    ]  # fmt: skip
    fresh = [cm.CID(edges, nodes=["clock"], decisions=["go"], utilities=["reward"]) for _ in range(2000)]
    start = time.process_time()
    for cid in fresh:
        report = incentives(cid)
        _ = report.voi, report.voc, report.ri, report.ici, report.requisite, report.relevance
    print(f"incentives(cid) and its six sets, {len(fresh[0])} nodes: {(time.process_time() - start) / 2:.3f} ms")


def diagram() -> None:
    """A diagram from a million pairs of strings."""
    n, tails, heads = windowed(10**6)
    names = [f"node{i}" for i in range(n)]
    pairs = [(names[t], names[h]) for t, h in zip(tails.tolist(), heads.tolist(), strict=True)]
    print(f"CID from {len(pairs):,} pairs of strings: {best(lambda: cm.CID(pairs), 2):.2f} s")


if __name__ == "__main__":
    small()
    all_criteria()
    reduction()
    diamonds()
    diagram()

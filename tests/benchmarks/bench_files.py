"""Reading and writing a network of 10,000 nodes, beside pgmpy and pyAgrum in the same run.

CPU seconds, ours as the median of a few rounds, theirs of one; binary nodes with up to three parents. Run as
``python tests/benchmarks/bench_files.py``; a number of nodes may follow. Each table ends with how the times grow from a
tenth of the nodes: ten times is linear, a hundred times quadratic.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import cidmesa as cm

ROUNDS = 3
PGMPY_NODES = (250, 500, 1000)
"""pgmpy's reader of BIF takes about a second for each hundred nodes; it is asked for fewer, as the table says."""

OURS = ("bif", "bifxml", "net", "xdsl", "pgmx", "cid.yaml", "json")
AGRUM = ("bif", "bifxml", "net")

Rows: TypeAlias = dict[str, float]
"""What was done → CPU seconds."""


def network(n: int, seed: int = 0) -> cm.CIM:
    """Return a random network: each node has up to three parents among the twenty before it."""
    draw = np.random.default_rng(seed)
    parents = [sorted(set(draw.integers(max(0, i - 20), i, size=min(i, 3)).tolist())) for i in range(n)]
    cid = cm.CID([(f"n{p}", f"n{i}") for i in range(n) for p in parents[i]], nodes=[f"n{i}" for i in range(n)])
    tables = {}
    for i in range(n):
        first = draw.integers(1, 100, size=(2,) * len(parents[i])) / 100
        tables[f"n{i}"] = cm.Table(np.stack([first, 1 - first], axis=-1), domain=["no", "yes"])
    return cid.parameterise(tables)


def bif_text(model: cm.CIM) -> str:
    """Write BIF, which the library reads and does not write."""
    lines = ["network x {", "}"]
    for node in model.cid.nodes:
        lines += [f"variable {node} {{", "  type discrete [ 2 ] { no, yes };", "}"]
    for node in model.cid.nodes:
        parents = model.cid.parents(node)
        lines.append(f"probability ( {node}{' | ' + ', '.join(parents) if parents else ''} ) {{")
        rows = model.cpd(node).reshape(-1, 2).tolist()
        for context, row in zip(model.contexts(node), rows, strict=True):
            head = f"({', '.join(map(str, context))})" if parents else "table"
            lines.append(f"  {head} {row[0]}, {row[1]};")
        lines.append("}")
    return "\n".join(lines) + "\n"


def cpu(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Return the median CPU time of some work."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def ours(model: cm.CIM, place: Path) -> Rows:
    """Write and read a network here."""
    (place / "x.bif").write_text(bif_text(model), encoding="utf-8")
    rows = {f"cidmesa writes .{e}": cpu(lambda e=e: cm.write(model, place / f"x.{e}")) for e in OURS[1:]}
    return {f"cidmesa reads .{e}": cpu(lambda e=e: cm.read(place / f"x.{e}")) for e in OURS} | rows


def agrum(place: Path) -> Rows:
    """Read and write the same files with pyAgrum, if it is there."""
    try:
        import pyagrum as gum
    except ImportError:
        return {}
    rows = {f"pyAgrum reads .{e}": cpu(lambda e=e: gum.loadBN(str(place / f"x.{e}")), 1) for e in AGRUM}
    theirs = gum.loadBN(str(place / "x.bif"))
    return rows | {f"pyAgrum writes .{e}": cpu(lambda e=e: gum.saveBN(theirs, str(place / f"z.{e}")), 1) for e in AGRUM}


def pgmpy(place: Path, n: int) -> Rows:
    """Read and write a network with pgmpy, if it is there."""
    try:
        from pgmpy.readwrite import BIFReader, BIFWriter, XMLBIFReader
    except ImportError:
        return {}
    small = network(n)
    text = bif_text(small)
    cm.write(small, place / "small.bifxml")
    theirs = BIFReader(string=text).get_model()
    return {
        "pgmpy reads .bif": cpu(lambda: BIFReader(string=text).get_model(), 1),
        "pgmpy reads .bifxml": cpu(lambda: XMLBIFReader(path=str(place / "small.bifxml")).get_model(), 1),
        "pgmpy writes .bif": cpu(lambda: BIFWriter(theirs).write(str(place / "w.bif")), 1),
    }


def shown(sizes: Sequence[int], columns: Sequence[Rows]) -> None:
    """Print a table: a row for each thing done, a column for each size, and the growth from first to last."""
    head = [f"{size:,} nodes" for size in sizes]
    print(f"| CPU seconds | {' | '.join(head)} | times |\n|---|{'---|' * (len(sizes) + 1)}")
    for what in columns[-1]:
        numbers = [column[what] for column in columns]
        print(f"| {what} | {' | '.join(f'{x:.2f}' for x in numbers)} | {numbers[-1] / max(numbers[0], 1e-3):.0f} |")
    print(flush=True)


def main(n: int) -> None:
    """Print the tables."""
    warnings.simplefilter("ignore")
    sizes = (n // 10, n)
    columns: list[Rows] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for size in sizes:
            columns += [ours(network(size), place) | agrum(place)]
        shown(sizes, columns)
        few = [size for size in PGMPY_NODES if size <= n]
        peers = [pgmpy(place, size) for size in few]
    if few and peers[-1]:
        shown(few, peers)
        print(f"pgmpy was asked for at most {few[-1]:,} nodes, not for {n:,}.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

"""Reading and writing a network of 10,000 nodes, beside pgmpy and pyAgrum in the same run.

CPU seconds, median of a few rounds; binary nodes with up to three parents. Run as
``python tests/benchmarks/bench_files.py``; a number of nodes may follow.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import cidmesa as cm
from cidmesa.interop.formats import bif as bif_format

ROUNDS = 3
PGMPY_NODES = 500
"""pgmpy's reader takes seconds for each hundred nodes; it is asked for fewer, and the time scaled up in proportion."""


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


def main(n: int) -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    model = network(n)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "x.bif").write_text(bif_text(model), encoding="utf-8")
        for ending in ("bifxml", "net", "xdsl", "pgmx", "cid.yaml", "json"):
            cm.write(model, place / f"x.{ending}")
        endings = ("bif", "bifxml", "net", "xdsl", "pgmx", "cid.yaml", "json")
        rows = [(f"cidmesa reads .{e}", cpu(lambda e=e: cm.read(place / f"x.{e}"))) for e in endings]
        rows += [(f"cidmesa writes .{e}", cpu(lambda e=e: cm.write(model, place / f"y.{e}"))) for e in endings[1:]]
        text = bif_text(model)
        rows.append(("  of reading .bif: the parser alone", cpu(lambda: bif_format.read(text, "x"))))
        rows += agrum(place)
        rows += pgmpy(place, n)
        ours = dict(rows)
        for words, seconds in rows:
            print(f"{words:44} {seconds:8.3f} s CPU")
        base = ours["cidmesa reads .bif"]
        others = [f"{words}: {s / base:.2f}" for words, s in rows if words.endswith("reads .bif")]
        print(f"times of reading .bif over ours: {', '.join(others)}")


def agrum(place: Path) -> list[tuple[str, float]]:
    """Time pyAgrum, if it is there."""
    try:
        import pyagrum as gum
    except ImportError:
        return []
    endings = ("bif", "bifxml", "net")
    found = [(f"pyAgrum reads .{e}", cpu(lambda e=e: gum.loadBN(str(place / f"x.{e}")))) for e in endings]
    theirs = gum.loadBN(str(place / "x.bif"))
    return found + [
        (f"pyAgrum writes .{e}", cpu(lambda e=e: gum.saveBN(theirs, str(place / f"z.{e}")))) for e in endings
    ]


def pgmpy(place: Path, n: int) -> list[tuple[str, float]]:
    """Time pgmpy on fewer nodes, if it is there."""
    try:
        from pgmpy.readwrite import BIFReader, BIFWriter, XMLBIFReader
    except ImportError:
        return []
    few = min(n, PGMPY_NODES)
    small, times = network(few), n / few
    text = bif_text(small)
    cm.write(small, place / "small.bifxml")
    theirs = BIFReader(string=text).get_model()
    return [
        ("pgmpy reads .bif", times * cpu(lambda: BIFReader(string=text).get_model(), 1)),
        ("pgmpy reads .bifxml", times * cpu(lambda: XMLBIFReader(path=str(place / "small.bifxml")).get_model(), 1)),
        ("pgmpy writes .bif", times * cpu(lambda: BIFWriter(theirs).write(str(place / "w.bif")), 1)),
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

"""How large the explorer's page is, how fast it thinks, and how soon it shows a drag.

    python tests/benchmarks/bench_explorer.py

Needs node for the engine and Chromium for the picture; what is missing is said and left out. The bounds: a page of at
most 400 kB; 200 nodes and 8 decisions analysed again in at most 4 ms (CPU time, warm, the slowest of twelve random
diagrams); 50 ms from a drag to the repainted picture (on the clock, so on an idle machine).
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cidmesa.explorer import explore
from tests.explorer.browser import CHROMIUM, Browser
from tests.explorer.diagrams import large
from tests.explorer.test_engine import question

NODE = shutil.which("node")
SCRIPT = Path(__file__).parents[1] / "explorer" / "timing.mjs"


def main() -> None:
    """Print every figure with its bound."""
    size = len(str(explore()).encode())
    print(f"page: {size / 1000:.0f} kB (bound 400)")
    if NODE is None:
        print("engine: no node here")
    else:
        engine()
    if CHROMIUM is None:
        print("picture: no Chromium here")
    else:
        picture()


def engine() -> None:
    """Time the analysis of large diagrams under node."""
    questions = []
    for seed in range(12):
        cid = large(seed, degree=(1.0, 2.0, 3.0)[seed % 3])
        asked = question(cid, random.Random(seed))
        targets = [cid.id(v) for v in cid.nodes if cid.kind(v) == "chance"][-2:]
        questions.append(json.dumps({"diagram": asked["diagram"], "targets": targets}))
    done = subprocess.run(
        [str(NODE), str(SCRIPT)], input="\n".join(questions), stdout=subprocess.PIPE, text=True, check=True
    )
    found: list[dict[str, list[float]]] = [json.loads(line) for line in done.stdout.splitlines()]
    for what, words in (("report", "all verdicts"), ("mesa", "base against mesa besides")):
        medians = [statistics.median(one[what][2:]) for one in found]  # the first warm the engine up
        print(
            f"engine, 200 nodes and 8 decisions, {words}: median {statistics.median(medians):.2f} ms, "
            f"slowest diagram {max(medians):.2f} ms" + (" (bound 4)" if what == "report" else "")
        )


def picture() -> None:
    """Time a drag, and a changed kind, in diagrams of 20 and of 200 nodes in Chromium."""
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder), width=1400, height=900) as browser:
        for nodes, decisions in ((20, 2), (200, 8)):
            cid = large(1, nodes=nodes, decisions=decisions)
            path = Path(str(explore(cid, Path(folder) / f"{nodes}.html")))
            browser.open_afresh(path.as_uri())
            browser.painted()
            browser.look("watch")
            browser.call("Performance.enable", timeDomain="threadTicks")
            before = busy(browser)
            x, y = browser.middle('[data-node="N3"] .body')
            browser.mouse("mouseMoved", x, y)
            browser.mouse("mousePressed", x, y, button="left", clickCount=1)
            for i in range(60):
                browser.mouse("mouseMoved", x + 2 * i, y + i, button="left", buttons=1)
            browser.mouse("mouseReleased", x, y, button="left", clickCount=1)
            browser.painted()
            times: list[Any] = browser.js("look.times")[10:]
            print(
                f"picture, {nodes} nodes: drag to repainted picture, median {statistics.median(times):.1f} ms, "
                f"95 % within {sorted(times)[int(0.95 * len(times))]:.1f} ms (bound 50)"
            )
            work = (busy(browser) - before) / 60 * 1e3
            print(f"picture, {nodes} nodes: the page's own work a frame of it, {work:.1f} ms of CPU")
            took = [browser.look("toggle", "N3") for _ in range(12)]
            print(f"picture, {nodes} nodes: a changed kind to its picture, median {statistics.median(took):.1f} ms")
        print(f"errors on the console: {browser.errors or 'none'}")


def busy(browser: Browser) -> float:
    """Return the CPU seconds that the page's main thread has worked."""
    metrics = browser.call("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


if __name__ == "__main__":
    main()

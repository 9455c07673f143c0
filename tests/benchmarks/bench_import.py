"""CPU seconds of ``import cidmesa`` in a fresh interpreter, beside ``import numpy`` in the same run.

Run as ``python tests/benchmarks/bench_import.py``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 7


def cpu_seconds(module: str) -> float:
    """Import `module` in a fresh interpreter; the median CPU time of several rounds."""
    code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
    times = [float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(ROUNDS)]
    return statistics.median(times)


if __name__ == "__main__":
    ours, numpy = cpu_seconds("cidmesa"), cpu_seconds("numpy")
    print(f"import cidmesa {ours:.3f} s CPU, numpy alone {numpy:.3f} s, ratio {ours / numpy:.2f} (median of {ROUNDS})")

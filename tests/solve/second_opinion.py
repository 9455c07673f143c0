"""Solve pickled models with pyAgrum, in a process of its own because it can crash; one number per line.

NaN where pyAgrum calls the diagram not solvable: it does so for some whose relevance graph is acyclic."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

if __name__ == "__main__":
    # Imported here only: whoever collects this file for doctests must not load (and crash with) the library.
    import pyagrum

    import cidmesa as cm
    from tests.benchmarks.bench_solve import pyagrum_value

    for model in pickle.loads(Path(sys.argv[1]).read_bytes()):
        diagram = cm.to_pyagrum(model, joined=False)  # the models have what joins them
        solvable = pyagrum.ShaferShenoyLIMIDInference(diagram).isSolvable()
        print(repr(pyagrum_value(diagram) if solvable else float("nan")), flush=True)

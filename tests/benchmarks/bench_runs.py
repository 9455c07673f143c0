"""Blocks of agents trained by one worker and by two, one torch thread each, on the same blocks.

The workers are processes that are running and warm before the clock starts. Prints the ratio of throughputs and the
load of the machine, which is to be quiet: with other work on the cores the ratio says nothing.
Run: python tests/benchmarks/bench_runs.py [STEPS]
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cidmesa as cm
from cidmesa.agents import Agents

BLOCKS, BLOCK = 8, 32


def red_door() -> cm.CIM:
    base = cm.CID(
        [("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("at_door", "reward")],
        decisions=["go"], utilities=["reward"],
    )  # fmt: skip
    return base.parameterise(
        door=cm.Uniform("left", "right"), red=lambda door: door, go=["left", "right"],
        at_door=lambda go, door: int(go == door), reward=lambda at_door: at_door,
    )  # fmt: skip


def trained(steps: int, executor: Any, blocks: int = BLOCKS) -> tuple[float, float, Agents]:
    """Return seconds, seconds of CPU of this process, and the agents."""
    start, cpu = time.perf_counter(), time.process_time()
    agents = cm.train(
        red_door(), agents=blocks * BLOCK, block=BLOCK, steps=steps, executor=executor, progress=False
    )  # fmt: skip
    return time.perf_counter() - start, time.process_time() - cpu, agents


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    context = multiprocessing.get_context("spawn")
    print(f"{BLOCKS} blocks of {BLOCK} agents, {steps:,} steps; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with ProcessPoolExecutor(1, mp_context=context) as one, ProcessPoolExecutor(2, mp_context=context) as two:
        trained(5, one, 2), trained(5, two, 8)  # both are warm
        here, _, expected = trained(steps, None)
        for round_ in range(2):
            alone, _, first = trained(steps, one)
            both, driver, second = trained(steps, two)
            assert first == second == expected
            print(
                f"round {round_}: here {here:.1f} s, one worker {alone:.1f} s, two {both:.1f} s: "
                f"{here / both:.2f} x here, {alone / both:.2f} x one worker "
                f"(driver {driver:.2f} s of CPU, load {os.getloadavg()[0]:.1f})"
            )


if __name__ == "__main__":
    main()

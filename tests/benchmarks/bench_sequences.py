"""Derivation by sweeps: how time grows with the board and the horizon, beside one sweep of plain value iteration.

Run ``python -m tests.benchmarks.bench_sequences``. Times are seconds of CPU. *whole* is everything for two goals in
one setup: tables, verdicts, training regrets, regret intervals in a deployment and possible actions, both readings. The
peer is value iteration in floating point, once, on the same arrays: what a single optimum costs.
"""

from __future__ import annotations

import time

import numpy as np

import cidmesa as cm
from tests.mesa.sequences import walks


def whole(setup: cm.SequenceSetup) -> cm.types.SequenceFamily:
    """Answer everything for two goals."""
    family = cm.derive_mesa_optimizers(setup, targets=["corner", "at_coin"])
    for m in family:
        str(m.consistency), m.training_regret, m.deployment_regret["anywhere"], m.stale_regret["anywhere"]
        m.possible_actions("anywhere"), m.possible_actions("anywhere", reading="stale")
    return family


def plain(setup: cm.SequenceSetup) -> float:
    """Return the optimum by value iteration in floating point."""
    tables = setup.training
    weights = tables.model.weights.astype(float) / float(tables.model.unit)
    paid = tables.base.whole.astype(float) / (tables.base.unit * float(tables.model.unit))
    values = np.zeros(len(tables.model.states))
    for _ in range(setup.horizon):
        values = (paid + (weights * values[tables.model.successors]).sum(axis=2)).max(axis=1)
    start = tables.model.start.astype(float)
    return float(start @ values / start.sum())


def row(side: int, horizon: int, dose: float, slip: float = 0.0) -> tuple[str, float]:
    """Return the line of one setup, and the seconds that it took."""
    model = walks.step(side, dose, slip)
    begin = time.process_time()
    setup = cm.SequenceSetup(model, horizon, {"anywhere": walks.coin_laws(side, 1.0)})
    family = whole(setup)
    spent = time.process_time() - begin
    begin = time.process_time()
    best = plain(setup)
    once = time.process_time() - begin
    assert abs(best - float(setup.optimum("training").value)) < 1e-9
    corner = family["corner"].of("corner")
    ends = "({:.4f}, {:.4f})".format(*map(float, corner.regret("training")))
    there = "({:.4f}, {:.4f})".format(*family["corner"].deployment_regret["anywhere"])
    about = f"{side}x{side:<3} {horizon:>5} {dose:>5g} {slip:>6g} {side**4:>7}"
    line = f"{about} {ends:>18} {there:>18} {spent:>7.3f} {once:>8.4f}"
    return line, spent


def main() -> None:
    """Print the tables."""
    whole(walks.setup(2, 2))  # loads what is loaded on first use
    print("board steps  dose   slip  states  corner: training        deployment  whole, s value it.")
    total = 0.0
    for dose in (0.0, 0.02, 0.1):
        line, spent = row(5, 12, dose)
        total += spent
        print(line)
    print(f"three doses together: {total:.3f} s (to beat: 1 s)\n")
    for side, horizon, slip in ((3, 12, 0.0), (7, 12, 0.0), (9, 12, 0.0), (5, 24, 0.0), (5, 48, 0.0), (5, 12, 0.001)):
        print(row(side, horizon, 0.02, slip)[0])


if __name__ == "__main__":
    main()

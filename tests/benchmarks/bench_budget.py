"""How long the calls take that used to be silent: CPU and wall seconds of one thread, each in this run.

    python tests/benchmarks/bench_budget.py

========================  =============================================================================================
two decisions             what emerges and what is steered, eight candidates of a seven-node setup, two distributions
six nodes                 64 contexts, four actions and values: both regrets of a target, the worst of eight draws
sixteen nodes             the whole table of sixteen candidates in two deployments
walk                      two steps over three cells: the table, and the predictions
walk, one rule            the same where both steps follow one rule: the first objective, the table, separations
22 parents                a function of 22 binary parents is written out (with a bar on a terminal)
========================  =============================================================================================
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

import cidmesa as cm


def two_decisions() -> cm.TrainingSetup:
    """Decisions of which one hears what the other does, and questions that no theorem settles."""
    cid = cm.CID(
        [("a", "D"), ("a", "E"), ("a", "u"), ("b", "u"), ("D", "x"), ("D", "y"), ("D", "u"), ("x", "E"), ("E", "u")],
        nodes=["a", "b", "D", "x", "E", "y", "u"], decisions=["D", "E"], utilities=["u"],
    )  # fmt: skip
    return cm.TrainingSetup(cid, {"one": {"a"}, "other": {"b"}})


def six(seed: int) -> cm.TrainingSetup:
    """A chain of three causes, all of them seen, of which one bears on the target and one on the score."""
    cid = cm.CID(
        [
            ("A", "B"), ("B", "C"), ("A", "D"), ("B", "D"), ("C", "D"), ("B", "T"), ("D", "T"), ("T", "U"), ("C", "U"),
        ],
        decisions=["D"], utilities=["U"],
    )  # fmt: skip
    rng = np.random.default_rng(seed)

    def table(*shape: int) -> cm.Table:
        return cm.Table(rng.dirichlet(np.ones(4), size=shape))

    pays = cm.Table(rng.integers(0, 4, size=(4, 4)).astype(float))
    model = cid.parameterise(A=table(), B=table(4), C=table(4), D=range(4), T=table(4, 4), U=pays)
    return cm.TrainingSetup(model, {"moved": {"B": table(4)}})


def both_regrets() -> None:
    """Ask for the regret intervals of one target in eight draws, and print the slowest."""
    slowest = 0.0
    for seed in range(8):
        m = cm.derive_mesa_optimizers(six(seed), targets=["T"])["T"]
        start = time.process_time()
        _ = m.deployment_regret["moved"], m.stale_regret["moved"]
        slowest = max(slowest, time.process_time() - start)
    print(f"six nodes: the slowest draw {slowest:.2f} s CPU")


def sixteen() -> cm.TrainingSetup:
    """A hidden state, three noisy observations, three outcomes that run together into a score."""
    cid = cm.CID(
        [
            ("a", "b"), ("a", "c"), ("b", "o1"), ("c", "o2"), ("o1", "D"), ("o2", "D"), ("c", "o3"), ("o3", "D"),
            ("D", "x1"), ("a", "x1"), ("D", "x2"), ("b", "x2"), ("D", "x3"), ("c", "x3"), ("x1", "y1"), ("x2", "y1"),
            ("x2", "y2"), ("x3", "y2"), ("y1", "z"), ("y2", "z"), ("z", "w"), ("y1", "v"), ("w", "u"), ("v", "u"),
        ],
        decisions=["D"], utilities=["u"],
    )  # fmt: skip
    bit, three = cm.Bernoulli(0.5), (0, 1, 2)
    model = cid.parameterise(
        a=bit, b=cm.Noisy(lambda a: a, 0.2), c=cm.Noisy(lambda a: 1 - a, 0.3), o1=cm.Noisy(lambda b: b, 0.1),
        o2=cm.Noisy(lambda c: c, 0.1), o3=cm.Noisy(lambda c: c, 0.2), D=[0, 1, 2],
        x1=cm.Function(lambda D, a: (D + a) % 3, domain=three), x2=cm.Function(lambda D, b: int(b == D), domain=(0, 1)),
        x3=cm.Function(lambda D, c: (D * c) % 3, domain=three), y1=cm.Function(lambda x1, x2: (x1 + x2) % 3, three),
        y2=cm.Function(lambda x2, x3: min(2, x2 + x3), three), z=cm.Function(lambda y1, y2: max(y2, y1), three),
        w=cm.Noisy(lambda z: z, 0.1), v=cm.Function(lambda y1: int(y1 > 0), (0, 1)), u=lambda w, v: w * v,
    )  # fmt: skip
    return cm.TrainingSetup(model, {"far": {"a": cm.Bernoulli(0.9)}, "noisy": {"o1": bit, "o2": bit}})


def walk(shared: bool) -> cm.TrainingSetup:
    """Two steps over three cells; in training the lamp stands at the goal."""
    cid = cm.CID(
        [
            ("start", "A1"), ("goal", "A1"), ("lamp", "A1"), ("start", "s1"), ("A1", "s1"), ("s1", "A2"),
            ("goal", "A2"), ("lamp", "A2"), ("s1", "s2"), ("A2", "s2"), ("goal", "lamp"), ("s2", "at_goal"),
            ("goal", "at_goal"), ("s2", "at_lamp"), ("lamp", "at_lamp"), ("at_goal", "reward"),
        ],
        decisions=["A1", "A2"], utilities=["reward"],
    )  # fmt: skip
    cells = (0, 1, 2)
    model = cid.parameterise(
        start=cm.Uniform(*cells), goal=cm.Uniform(*cells), lamp=lambda goal: goal, A1=[-1, 0, 1], A2=[-1, 0, 1],
        s1=cm.Function(lambda start, A1: min(2, max(0, start + A1)), domain=cells),
        s2=cm.Function(lambda s1, A2: min(2, max(0, s1 + A2)), domain=cells),
        at_goal=lambda s2, goal: int(s2 == goal), at_lamp=lambda s2, lamp: int(s2 == lamp),
        reward=lambda at_goal: at_goal,
    )  # fmt: skip
    rules = {"shared_rules": [("A1", "A2")]} if shared else {}
    return cm.TrainingSetup(model, {"lamp moved": {"lamp": cm.Uniform(*cells)}}, **rules)


def what_emerges(setup: cm.TrainingSetup) -> None:
    """Ask every candidate what emerges and what it steers, in training and in each deployment."""
    for m in cm.derive_mesa_optimizers(setup):
        for view in (m, *m.in_deployment.values()):
            _ = view.emergent, view.territory


def many_parents() -> None:
    """Write out a function of 22 bits."""
    names = [f"x{i}" for i in range(22)]
    cid = cm.CID([(name, "y") for name in names])
    cid.parameterise(dict.fromkeys(names, cm.Bernoulli(0.5)), y=lambda **bits: sum(bits.values()) % 2)


def measured(name: str, call: Callable[[], object]) -> None:
    """Print what a call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    print(f"{name:<32} {time.process_time() - cpu:7.2f} s CPU {time.perf_counter() - wall:7.2f} s wall", flush=True)


def main(chosen: str) -> None:
    """Run the benchmarks whose name holds `chosen`."""
    one_rule = cm.derive_mesa_optimizers(walk(shared=True))
    family = cm.derive_mesa_optimizers(walk(shared=False))
    calls: dict[str, Callable[[], object]] = {
        "two decisions": lambda: what_emerges(two_decisions()),
        "six nodes": both_regrets,
        "sixteen nodes": lambda: str(cm.derive_mesa_optimizers(sixteen())),
        "walk: table": lambda: str(family),
        "walk: predictions": family.predictions,
        "walk, one rule: first objective": lambda: one_rule["at_goal"].objective,
        "walk, one rule: table": lambda: str(one_rule),
        "walk, one rule: predictions": one_rule.predictions,
        "walk, one rule: separations": lambda: cm.separating_shifts(walk(shared=True), "at_goal", "at_lamp", size=1),
        "22 parents": many_parents,
    }
    cm.derive_mesa_optimizers(walk(shared=False))["at_goal"].consistency  # noqa: B018 # what is imported on first use
    for name, call in calls.items():
        if chosen in name:
            measured(name, call)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")

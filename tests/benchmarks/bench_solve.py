"""Time to solve influence diagrams, beside pyAgrum (C++) and pgmpy's variable elimination.

Run as ``OMP_NUM_THREADS=1 python tests/benchmarks/bench_solve.py`` (``--quick`` for a third of the instances).

*cold*: from a model with its tables to the optimal value, on a diagram object that nothing was asked of before; the
checks of the tables are timed too and shown as ``tables``. pyAgrum's time is a new inference object, ``makeInference``
and ``MEU`` on a diagram that is ready; with ``build`` also the making of the diagram. *warm*: the same diagram with
other numbers, so our plan is found; pyAgrum has no such thing and starts again. Every time is the least of several
rounds, the two libraries taking turns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import cidmesa as cm
from cidmesa.solve import expected_utility, solve


@dataclass(frozen=True)
class Instance:
    """A named model of a family."""

    family: str
    name: str
    cid: cm.CID
    mechanisms: dict[str, Any]


def tables(cid: cm.CID, rng: np.random.Generator, card: int = 2) -> dict[str, Any]:
    """Dense random tables for a diagram whose variables all have `card` states."""
    found: dict[str, Any] = {}
    for node in cid.nodes:
        shape = (card,) * len(cid.parents(node))
        if cid.kind(node) == "decision":
            found[node] = cm.Choice(range(card))
        elif cid.kind(node) == "utility":
            found[node] = cm.Table(rng.normal(size=shape))
        else:
            found[node] = cm.Table(rng.dirichlet(np.ones(card), size=shape))
    return found


def dense_observations(n: int, rng: np.random.Generator) -> Instance:
    """One decision that sees n observations, on which the utility depends."""
    xs = [f"x{i}" for i in range(n)]
    edges = [(a, b) for i, b in enumerate(xs) for a in xs[max(0, i - 2) : i]]
    edges += [(x, "d") for x in xs] + [(x, "u") for x in xs] + [("d", "u")]
    cid = cm.CID(edges, decisions=["d"], utilities=["u"])
    return Instance("dense", f"{n} observations", cid, tables(cid, rng))


def hidden_state(n: int, rng: np.random.Generator) -> Instance:
    """One decision that sees n noisy signals of a hidden state."""
    xs = [f"x{i}" for i in range(n)]
    edges = [("h", x) for x in xs] + [(x, "d") for x in xs] + [("h", "u"), ("d", "u")]
    cid = cm.CID(edges, decisions=["d"], utilities=["u"])
    return Instance("hidden", f"{n} signals", cid, tables(cid, rng))


def perfect_recall(steps: int, rng: np.random.Generator) -> Instance:
    """A hidden Markov decision process with perfect recall: every observation and action is remembered."""
    edges: list[tuple[str, str]] = []
    history: list[str] = []
    for t in range(steps):
        if t:
            edges += [(f"s{t - 1}", f"s{t}"), (f"d{t - 1}", f"s{t}")]
        edges.append((f"s{t}", f"o{t}"))
        history.append(f"o{t}")
        edges += [(h, f"d{t}") for h in history]
        history.append(f"d{t}")
        edges += [(f"s{t}", f"u{t}"), (f"d{t}", f"u{t}")]
    cid = cm.CID(
        edges, decisions=[f"d{t}" for t in range(steps)], utilities=[f"u{t}" for t in range(steps)], nodes=["s0"]
    )
    return Instance("recall", f"T = {steps}", cid, tables(cid, rng))


def limited_memory(n: int, rng: np.random.Generator) -> Instance:
    """A Markov decision process of about n nodes in which each decision sees the present state alone."""
    steps = n // 4
    edges: list[tuple[str, str]] = []
    for t in range(steps):
        if t:
            edges += [(f"s{t - 1}", f"s{t}"), (f"d{t - 1}", f"s{t}")]
        edges += [(f"s{t}", f"d{t}"), (f"s{t}", f"u{t}"), (f"d{t}", f"u{t}"), (f"s{t}", f"z{t}"), (f"z{t}", f"u{t}")]
    cid = cm.CID(edges, decisions=[f"d{t}" for t in range(steps)], utilities=[f"u{t}" for t in range(steps)])
    return Instance("limited", f"{len(cid.nodes)} nodes", cid, tables(cid, rng, card=3))


def two_parts(n: int, rng: np.random.Generator) -> Instance:
    """A decision about n hidden causes that its two sensors report on."""
    hs = [f"h{i}" for i in range(n)]
    edges = [(h, s) for h in hs[: n // 2 + 1] for s in ("s0",)] + [(h, "s1") for h in hs[n // 2 :]]
    edges += [("s0", "d"), ("s1", "d"), ("d", "u")] + [(h, "u") for h in hs[:3]]
    cid = cm.CID(edges, decisions=["d"], utilities=["u"])
    return Instance("causes", f"{n} causes", cid, tables(cid, rng))


def instances(quick: bool) -> Iterator[Instance]:
    """All instances, small ones first within a family."""
    step = 3 if quick else 1
    for n in range(2, 17, 2 * step):
        yield dense_observations(n, np.random.default_rng(n))
    for n in range(2, 17, 2 * step):
        yield hidden_state(n, np.random.default_rng(n))
    for n in range(2, 13, 2 * step):
        yield two_parts(n, np.random.default_rng(n))
    for steps in range(1, 10, step):
        yield perfect_recall(steps, np.random.default_rng(steps))
    for n in range(20, 101, 10 * step):
        yield limited_memory(n, np.random.default_rng(n))


def best_of(rounds: int, *functions: Callable[[], Any]) -> list[tuple[float, Any]]:
    """The least time of each function and its last result; the functions take turns."""
    times = [float("inf")] * len(functions)
    results: list[Any] = [None] * len(functions)
    for _ in range(rounds):
        for i, function in enumerate(functions):
            start = time.perf_counter()
            results[i] = function()
            times[i] = min(times[i], time.perf_counter() - start)
    return list(zip(times, results, strict=True))


def fresh(cid: cm.CID) -> cm.CID:
    """A copy of a diagram that knows nothing of what the original was asked."""
    return cm.CID(
        cid.edges,
        nodes=cid.nodes,
        decisions={a: cid.decisions_of(a) for a in cid.agents},
        utilities={a: cid.utilities_of(a) for a in cid.agents},
    )


def pyagrum_value(diagram: Any) -> float:
    """Solve with pyAgrum."""
    import pyagrum as gum

    inference = gum.ShaferShenoyLIMIDInference(diagram)
    inference.makeInference()
    return float(inference.MEU()["mean"])


def pgmpy_network(model: cm.CIM, rules: Any) -> tuple[Any, dict[str, tuple[str, ...]]]:
    """The model under a policy as pgmpy's network of chance nodes and decisions."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    cid = model.cid
    network = DiscreteBayesianNetwork()
    network.add_nodes_from([n for n in cid.nodes if cid.kind(n) != "utility"])
    network.add_edges_from([e for e in cid.edges if cid.kind(e[1]) != "utility"])
    for node in network.nodes:
        table = rules[node] if cid.kind(node) == "decision" else model.cpd(node)
        parents = cid.parents(node)
        cards = [model.card(p) for p in parents]
        values = np.moveaxis(table, -1, 0).reshape(table.shape[-1], -1)
        network.add_cpds(TabularCPD(node, table.shape[-1], values, evidence=list(parents), evidence_card=cards))
    return network, {u: cid.parents(u) for u in cid.utilities}


def pgmpy_value(model: cm.CIM, network: Any, scopes: dict[str, tuple[str, ...]]) -> float:
    """Expected utility by pgmpy's variable elimination, one query per utility."""
    from pgmpy.inference import VariableElimination

    inference = VariableElimination(network)
    total = 0.0
    for utility, parents in scopes.items():
        factor = inference.query(list(parents), show_progress=False)
        axes = [parents.index(v) for v in factor.variables]
        total += float((factor.values * model.cpd(utility).transpose(axes)).sum())
    return total


def geometric_mean(ratios: list[float]) -> float:
    """Geometric mean; NaN of nothing."""
    return float(np.exp(np.mean(np.log(ratios)))) if ratios else float("nan")


@dataclass(frozen=True)
class Row:
    """Seconds measured for one instance."""

    label: str
    peer: float
    build: float
    tables: float
    cold: float
    warm: float


def measured(instance: Instance, rounds: int) -> tuple[Row, float, float]:
    """Time one instance, the libraries taking turns; also return both values."""
    diagram = cm.to_pyagrum(instance.cid.parameterise(instance.mechanisms), joined=False)
    times: dict[str, list[float]] = {"peer": [], "build": [], "tables": [], "cold": [], "warm": []}

    def timed(name: str, function: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = function()
        times[name].append(time.perf_counter() - start)
        return result

    ours = theirs = float("nan")
    for _ in range(rounds):
        theirs = timed("peer", lambda: pyagrum_value(diagram))
        new = fresh(instance.cid)
        model = timed("tables", lambda c=new: c.parameterise(instance.mechanisms))
        ours = timed("cold", lambda m=model: solve(m).value)
        again = new.parameterise(instance.mechanisms)
        timed("warm", lambda m=again: solve(m).value)
        timed("build", lambda m=model: cm.to_pyagrum(m, joined=False))
    return (
        Row(f"{instance.family} {instance.name}", **{name: min(found) for name, found in times.items()}),
        ours,
        theirs,
    )


def against_pyagrum(quick: bool) -> None:
    """Cold and warm ratios per instance, and their geometric means by pyAgrum's time."""
    titles = ("pyAgrum", "build", "tables", "cold", "ratio", "warm", "ratio")
    print(f"{'solving, ms':24s}" + "".join(f"{title:>10s}" for title in titles))
    rows = []
    for instance in instances(quick):
        heavy = max(len(instance.cid.parents(d)) for d in instance.cid.decisions) > 12
        row, ours, theirs = measured(instance, 3 if heavy else 9)
        rows.append(row)
        shown = (row.peer * 1e3, row.build * 1e3, row.tables * 1e3, row.cold * 1e3, row.cold / row.peer)
        shown += (row.warm * 1e3, row.warm / row.peer)
        note = "" if abs(ours - theirs) < 1e-8 * max(1, abs(ours)) else f"  values differ: {ours} {theirs}"
        print(f"{row.label:24s}" + "".join(f"{x:10.3f}" for x in shown) + note)
    bands = (("under 1 ms", 0.0, 1e-3), ("1-20 ms", 1e-3, 2e-2), ("over 20 ms", 2e-2, 1e9), ("all", 0.0, 1e9))
    for title, low, high in bands:
        chosen = [row for row in rows if low <= row.peer < high]
        if not chosen:
            continue
        cold = [row.cold / row.peer for row in chosen]
        checked = [(row.tables + row.cold) / row.peer for row in chosen]
        built = [(row.tables + row.cold) / (row.build + row.peer) for row in chosen]
        warm = [row.warm / row.peer for row in chosen]
        print(
            f"{title:10s} {len(chosen):3d} instances: cold {geometric_mean(cold):.2f} (worst {max(cold):.2f}); "
            f"with making the model {geometric_mean(checked):.2f} (worst {max(checked):.2f}), "
            f"and pyAgrum's {geometric_mean(built):.2f}; warm {geometric_mean(warm):.2f} (worst {max(warm):.2f})"
        )


def against_pgmpy(quick: bool) -> None:
    """Expected utility of a fixed policy: how many times faster than pgmpy's variable elimination."""
    rng = np.random.default_rng(0)
    chosen = [
        hidden_state(4, rng),
        hidden_state(8, rng),
        two_parts(8, rng),
        perfect_recall(3, rng),
        limited_memory(20, rng),
    ]
    if not quick:
        chosen.append(limited_memory(60, rng))
    print(f"{'expected utility':28s} {'pgmpy':>9s} {'cold':>9s} {'times':>6s} {'warm':>9s} {'times':>6s}")
    cold_ratios, warm_ratios = [], []
    for instance in chosen:
        model = instance.cid.parameterise(instance.mechanisms)
        rules = dict(solve(model).tables)
        ruled = model.with_policy(rules)
        network, scopes = pgmpy_network(model, rules)
        cold_times = []
        for _ in range(5):
            made = fresh(instance.cid).parameterise(instance.mechanisms).with_policy(rules)
            start = time.perf_counter()
            expected_utility(made)
            cold_times.append(time.perf_counter() - start)
        (peer, theirs), (warm, ours) = best_of(
            15, lambda m=model, n=network, s=scopes: pgmpy_value(m, n, s), lambda m=ruled: expected_utility(m)
        )
        note = "" if abs(theirs - ours) < 1e-9 else f"  values differ: {ours} {theirs}"
        cold_ratios.append(peer / min(cold_times))
        warm_ratios.append(peer / warm)
        print(
            f"{instance.family + ' ' + instance.name:28s} {peer * 1e3:8.3f}m {min(cold_times) * 1e3:8.3f}m "
            f"{cold_ratios[-1]:6.1f} {warm * 1e3:8.3f}m {warm_ratios[-1]:6.1f}{note}"
        )
    print(
        f"geometric means: cold {geometric_mean(cold_ratios):.1f} times, warm {geometric_mean(warm_ratios):.1f} times"
    )


if __name__ == "__main__":
    against_pyagrum("--quick" in sys.argv)
    against_pgmpy("--quick" in sys.argv)

"""How the cost of incentives grows with decisions, states and agents, each beside a peer or a bound.

Run as ``OMP_NUM_THREADS=1 python tests/benchmarks/bench_growth.py``. ``bench_incentives`` and ``bench_scikit_agent``
have the growth in nodes. pycid, which ``make setup`` installs, is left out where it is missing or would take half a
minute (from eight decisions or states on).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import cidmesa as cm
from cidmesa.criteria.analysis import one_pass
from cidmesa.graph.index import index_of
from cidmesa.interop.pycid import enable
from cidmesa.solve import pure_equilibria


def best(f: Callable[[], object], times: int = 5) -> float:
    """Seconds of the fastest of some runs."""
    out = []
    for _ in range(times):
        start = time.perf_counter()
        f()
        out.append(time.perf_counter() - start)
    return min(out)


def pycid() -> Any:
    """Return pycid, or nothing."""
    try:
        return enable()
    except cm.MissingDependencyError as error:
        print(error)
        return None


def stages(count: int) -> cm.CID:
    """One agent, one decision a stage: it sees the state, a copy of it and its last action, and is paid every time."""
    edges = []
    for i in range(count):
        edges += [
            (f"s{i}", f"d{i}"),
            (f"s{i}", f"copy{i}"),
            (f"copy{i}", f"d{i}"),
            (f"d{i}", f"u{i}"),
            (f"s{i}", f"u{i}"),
        ]
        if i + 1 < count:
            edges += [(f"s{i}", f"s{i + 1}"), (f"d{i}", f"s{i + 1}"), (f"d{i}", f"d{i + 1}")]
    names = range(count)
    return cm.CID(edges, decisions=[f"d{i}" for i in names], utilities=[f"u{i}" for i in names])


def anew(cid: cm.CID) -> cm.CID:
    """Return the same diagram with nothing computed yet."""
    return cm.CID(cid.edges, nodes=cid.nodes, decisions=cid.decisions, utilities=cid.utilities)


def decisions() -> None:
    """The reduction and all value of information, against a pass a decision and pycid."""
    peer = pycid()
    print("decisions   reduce, ms   passes, ms  ratio    all VoI, s   pycid, s   times")
    for count in (1, 2, 4, 8, 16, 32, 64):
        cid = stages(count)
        reduce = best(lambda cid=cid: cm.minimal_reduction(anew(cid)))
        index, pays = index_of(cid), [cid.id(u) for u in cid.utilities]
        passes = best(lambda cid=cid, index=index, pays=pays: [one_pass(index, cid.id(d), pays) for d in cid.decisions])
        asked = [(x, d) for d in cid.decisions for x in cid.chance if x not in cid.descendants(d)]
        voi = best(lambda cid=cid, asked=asked: _voi(anew(cid), asked), 2)
        theirs = _theirs(peer, cid, asked) if peer is not None and count <= 4 else None
        shown = f"{theirs:9.3f} {theirs / voi:7.0f}" if theirs is not None else ""
        print(
            f"{count:9} {reduce * 1e3:12.2f} {passes * 1e3:12.2f} {reduce / passes:6.1f} {voi:13.4f}  {shown}".rstrip()
        )


def _voi(cid: cm.CID, asked: list[tuple[str, str]]) -> list[bool]:
    return [bool(cm.admits_voi(cid, x, d)) for x, d in asked]


def _theirs(peer: Any, cid: cm.CID, asked: list[tuple[str, str]]) -> float:
    source = cm.to_pycid(cid)
    start = time.perf_counter()
    answers = [peer.admits_voi(source, d, x) for x, d in asked]
    took = time.perf_counter() - start
    if answers != _voi(cid, asked):
        print("  answers differ")
    return took


def states() -> None:
    """What seeing is worth as the states grow, against pycid and the entries of the largest table."""
    peer = pycid()
    cid = cm.CID([("s", "o"), ("o", "d"), ("s", "u"), ("d", "u"), ("s", "x")], decisions=["d"], utilities=["u"])
    print("states  VoI of x, ms  ns an entry    pycid, s   times")
    for count in (2, 4, 8, 16, 32, 64):
        rng = np.random.default_rng(count)
        rows: dict[str, Any] = {n: cm.Table(rng.dirichlet(np.ones(count), size=count)) for n in ("o", "x")}
        pays = cm.Table(rng.normal(size=(count, count)))
        model = cid.parameterise({**rows, "s": cm.Uniform(*range(count)), "d": list(range(count)), "u": pays})
        mine = best(lambda model=model: cm.value_of_information(cm.CIM(anew(model.cid), model.mechanisms), "x"), 3)
        theirs = None
        if peer is not None and count <= 4:
            source = cm.to_pycid(model)
            start = time.perf_counter()
            found = peer.quantitative_voi(source, "d", "x")
            theirs = time.perf_counter() - start
            if abs(found - cm.value_of_information(model, "x")) > 1e-8:
                print("  values differ")
        shown = f"{theirs:9.3f} {theirs / mine:7.0f}" if theirs is not None else ""
        print(f"{count:6} {mine * 1e3:12.2f} {mine * 1e9 / count**3:12.1f}   {shown}".rstrip())


def relay(count: int) -> cm.CID:
    """Some agents in a row: the first sees x, each tells the next, and all are paid by what the last does about x."""
    names = [f"d{i}" for i in range(count)]
    edges = [("x", names[0]), *pairwise(names)]
    edges += [(n, f"u{i}") for i in range(count) for n in ("x", names[-1])]
    return cm.CID(
        edges,
        decisions={i: [d] for i, d in enumerate(names)},
        utilities={i: [f"u{i}"] for i in range(count)},
    )


def agents() -> None:
    """Value of x for the first, with its equilibrium, against fixed rules and all profiles of the model found."""
    print("agents  fixed, ms  best responding, ms   all profiles of its model, ms")
    for count in (2, 3, 4, 6, 8, 12):
        cid = relay(count)
        fixed = best(lambda cid=cid: cm.admits_voi(_game(cid), "x", "d0").witness(), 3)
        reasoned = best(lambda cid=cid: cm.admits_voi(_game(cid), "x", "d0", others="best responding").witness(), 3)
        game = cm.admits_voi(cid, "x", "d0", others="best responding").equilibrium().model
        listed = f"{best(lambda game=game: pure_equilibria(game), 1) * 1e3:22.1f}" if count <= 6 else ""
        print(f"{count:6} {fixed * 1e3:10.2f} {reasoned * 1e3:20.2f} {listed}".rstrip())


def _game(cid: cm.CID) -> cm.CID:
    return cm.CID(
        cid.edges,
        nodes=cid.nodes,
        decisions={a: list(cid.decisions_of(a)) for a in cid.agents},
        utilities={a: list(cid.utilities_of(a)) for a in cid.agents},
    )


def main() -> None:
    """Print all three."""
    warnings.simplefilter("ignore")
    decisions()
    states()
    agents()


if __name__ == "__main__":
    main()

"""Take pickled models through pyAgrum, in a process of its own because it can crash; one JSON text on standard output.

``models``: for each model whether it came back as it was, what pyAgrum makes of it with and without the joining utility
(``None``: not solvable), and the names of its nodes. ``cases``: single facts, by name.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import cidmesa as cm


def optimum(diagram: Any) -> float | None:
    import pyagrum

    inference = pyagrum.ShaferShenoyLIMIDInference(diagram)
    if not inference.isSolvable():
        return None
    inference.makeInference()
    return float(inference.MEU()["mean"])


def facts(model: cm.CIM) -> dict[str, Any]:
    joined, plain = cm.to_pyagrum(model), cm.to_pyagrum(model, joined=False)
    return {
        "same": cm.from_pyagrum(joined) == model == cm.from_pyagrum(plain),
        "joined": optimum(joined),
        "plain": optimum(plain),
        "names": sorted(joined.names()),
    }


def cases() -> dict[str, Any]:
    import pyagrum

    cid = cm.CID([("w", "go"), ("w", "u"), ("go", "u")], decisions=["go"], utilities=["u"])

    def domain_after(values: list[Any]) -> list[Any]:
        model = cid.parameterise(
            w=cm.Uniform(*values), go=values, u=lambda w, go: values.index(w) - 2 * values.index(go)
        )
        read = cm.from_pyagrum(cm.to_pyagrum(model))
        assert (read.cpd("u") == model.cpd("u")).all()
        return list(read.domain("w"))

    def refused(call: Any) -> str:
        try:
            call()
        except cm.CidmesaError as error:
            return f"{type(error).__name__}: {error}"
        return "not refused"

    network = pyagrum.fastBN("a->b<-c[3]")
    read = cm.from_pyagrum(network)
    same = all(
        abs(
            network.cpt(n)[{**dict(zip(read.cid.parents(n), map(str, context), strict=True)), n: str(value)}]
            - read.cpd(n)[(*map(int, context), int(value))]
        )
        < 1e-12
        for n in read.cid.nodes
        for context in read.contexts(n)
        for value in read.domain(n)
    )
    by_hand = pyagrum.InfluenceDiagram()
    by_hand.addDecisionNode(pyagrum.RangeVariable("bet", "", 2, 4))
    by_hand.addChanceNode(pyagrum.LabelizedVariable("coin", "", ["heads", "tails"]))
    by_hand.addUtilityNode(pyagrum.LabelizedVariable("pay", "", 1))
    by_hand.addArc("bet", "pay")
    by_hand.addArc("coin", "pay")
    by_hand.cpt("coin")[:] = [0.25, 0.75]
    for bet in (2, 3, 4):
        by_hand.utility("pay")[{"bet": str(bet), "coin": "heads"}] = [-bet]
        by_hand.utility("pay")[{"bet": str(bet), "coin": "tails"}] = [bet / 2]
    hand = cm.from_pyagrum(by_hand)
    go = cm.CID([("go", "u")], decisions=["go"], utilities=["u"])
    one = go.parameterise(go=[0, 1], u=lambda go: go)
    game = cm.CID([("a", "u"), ("b", "v")], decisions={1: ["a"], 2: ["b"]}, utilities={1: ["u"], 2: ["v"]})
    many = cm.CID(
        [(f"d{i}", "u") for i in range(2)],
        nodes=[f"d{i}" for i in range(21)],
        decisions=[f"d{i}" for i in range(21)],
        utilities=["u"],
    )
    many_model = many.parameterise({**{d: [0, 1] for d in many.decisions}, "u": cm.Table([[0, 1], [1, 0]])})
    return {
        "texts": domain_after(["b", "a, and |"]),
        "integers": domain_after([-1, 3, 7]),
        "floats": domain_after([0.1, 0.25]),
        "mixed": domain_after([0, 0.5]),
        "unordered": domain_after([3, 1, 2]),
        "network": [read.cid.parents("b"), same, list(read.cid.decisions)],
        "by hand": [hand.domain("bet"), hand.cpd("pay").tolist(), hand.solve().value, optimum(by_hand)],
        "anything": refused(lambda: cm.from_pyagrum(3)),
        "a diagram": refused(lambda: cm.to_pyagrum(cid)),  # type: ignore[arg-type]
        "a rule": refused(lambda: cm.to_pyagrum(one.with_policy(one.solve()))),
        "a game": refused(lambda: cm.to_pyagrum(game.parameterise(a=[0, 1], b=[0, 1], u=lambda a: a, v=lambda b: b))),
        "one text": refused(lambda: domain_after([1, "1"])),
        "taken": refused(
            lambda: cm.to_pyagrum(
                cm.CID([("go", "joining_zero")], decisions=["go"], utilities=["joining_zero"]).parameterise(
                    go=[0, 1], joining_zero=lambda go: go
                )
            )
        ),
        "many": refused(lambda: cm.to_pyagrum(many_model)),
        "many alone": cm.from_pyagrum(cm.to_pyagrum(many_model, joined=False)) == many_model,
    }


if __name__ == "__main__":
    given = pickle.loads(Path(sys.argv[1]).read_bytes())
    print(json.dumps({"models": [facts(model) for model in given], "cases": cases()}))

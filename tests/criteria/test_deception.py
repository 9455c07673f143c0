"""Deception by graph: the criterion read anew, its proofs, and what it refuses."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError, UnknownNodeError
from tests.strategies import examples

EDGES = [("state", "signal"), ("signal", "attack"), ("attack", "spared"), ("state", "right"), ("attack", "right")]


def war(*more: tuple[str, str]) -> cm.CID:
    return cm.CID(
        [*EDGES, *more], decisions={"S": ["signal"], "T": ["attack"]}, utilities={"S": ["spared"], "T": ["right"]}
    )


def drawn(seed: int) -> cm.CID:
    """Two agents, one decision each, among four chance nodes and two utilities."""
    rng = np.random.default_rng(seed)
    inner = ["D", "T", "A", "B", "C", "E"]
    rng.shuffle(inner)
    edges = [(tail, head) for j, head in enumerate(inner) for tail in inner[:j] if rng.random() < 0.4]
    edges += [(tail, head) for head in ("US", "UT") for tail in inner if rng.random() < 0.3]
    nodes = [*inner, "US", "UT"]
    return cm.CID(edges, nodes=nodes, decisions={"S": ["D"], "T": ["T"]}, utilities={"S": ["US"], "T": ["UT"]})


@given(st.integers(0, 10**6))
@settings(max_examples=examples(quick=150, full=3000))
def test_the_criterion_read_anew(seed: int) -> None:
    cid = drawn(seed)
    graph = cid.graph
    path = nx.has_path(graph, "D", "T") and nx.has_path(graph, "T", "US")
    for node in ("A", "B", "C", "E", "D"):  # its own decision too
        if nx.has_path(graph, "T", node):
            with pytest.raises(NotApplicableError, match="comes after it"):
                cm.admits_deception(cid, node, "D")
            continue
        verdict = cm.admits_deception(cid, node, "D")
        assert (verdict.decision, verdict.label) == ("D", "T")
        assert bool(verdict) is (path and not graph.has_edge(node, "T"))
        assert verdict.because.check(cid)
        # Without the path nothing that T does is intended.
        if not path:
            assert cm.admits_intention(cid, "T", "D").answer is cm.Answer.EXCLUDES
    hidden = [n for n in ("A", "B", "C", "E") if not nx.has_path(graph, "T", n)]
    if len(hidden) > 1:
        both = cm.admits_deception(cid, hidden[:2], "D")
        assert bool(both) is any(bool(cm.admits_deception(cid, n, "D")) for n in hidden[:2])


def test_the_construction_of_its_proof() -> None:
    """T is paid the same for everything, does as the signal says, and as the coin says if it sees it."""
    model = war().parameterise(
        state=cm.Uniform(0, 1),
        signal=[0, 1],
        attack=[0, 1],
        spared=lambda attack: attack,
        right=lambda state, attack: 0,
    )
    told = model.with_policy({"attack": lambda signal: signal})
    best = told.solve(agent="S")
    assert best.optimal_actions["signal"] == {(0,): (1,), (1,): (1,)}
    indifferent = model.with_policy(best.tables).solve(agent="T")
    assert indifferent.optimal_actions["attack"] == {(0,): (0, 1), (1,): (0, 1)}
    reason = cm.intention(told, "spared", "signal")
    assert reason is not None
    assert reason.nodes == {"spared"}  # what the attack alone decides
    false_belief = told.query(["state", "attack"], policy=best.tables)
    assert false_belief[0, 1] == 0.5  # T acts as if the coin had shown 1


def test_its_verdict() -> None:
    yes, no = (cm.admits_deception(war(*more), "state", "signal") for more in ((), (("state", "attack"),)))
    assert str(yes) == "deception of state for signal: admits (Ward et al. 2023)"
    assert yes.because.nodes == ("signal", "attack", "spared")  # type: ignore[union-attr]
    assert no.because.given == {"state", "signal", "attack"}  # type: ignore[union-attr]
    with pytest.raises(NotApplicableError, match="no witness"):
        yes.witness()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"node": "right"}, "is a utility"),
        ({"node": "attack"}, "which it is itself"),
        ({"node": ()}, "got none"),
        ({"node": "state", "decision": "signal", "target": "signal"}, "of one agent"),
    ],
)
def test_what_cannot_be_asked(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(NotApplicableError, match=match):
        cm.admits_deception(war(), **{"decision": "signal", **arguments})


def test_who_is_meant() -> None:
    alone = cm.CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    with pytest.raises(NotApplicableError, match="declare its agents"):
        cm.admits_deception(alone, "x")
    three = cm.CID([("a", "b"), ("b", "c"), ("c", "u")], decisions={1: ["a"], 2: ["b"], 3: ["c"]}, utilities={1: ["u"]})
    with pytest.raises(NotApplicableError, match="decision= could be any of `a`, `b`, `c`"):
        cm.admits_deception(three, "a")
    assert bool(cm.admits_deception(three, "b", "a", target="c")) is False
    assert bool(cm.admits_deception(three, "a", "a", target="c")) is True
    with pytest.raises(UnknownNodeError, match="`z`"):
        cm.admits_deception(three, "z", "a", target="c")

"""No forgetting: what earlier decisions saw and did is seen later, by the same agent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import cidmesa as cm
from tests.strategies import cids, examples, models


@settings(max_examples=examples(quick=100, full=3000))
@given(cid=cids(decisions=(2, 3)))
def test_with_recall_everybody_knows_what_was_known_before(cid: cm.CID) -> None:
    order = [n for n in (cid.nodes[i] for i in cid.topological) if n in cid.decisions]
    found = cid.with_recall(order)
    for i, decision in enumerate(order):
        known = {n for d in order[:i] for n in (d, *cid.parents(d))} | set(cid.parents(decision))
        assert set(found.parents(decision)) == known
        assert found.parents(decision)[: len(cid.parents(decision))] == cid.parents(decision)
    assert found.with_recall(order) is found
    assert set(found.edges) - set(cid.edges) <= {(t, d) for d in order for t in cid.nodes}


@settings(max_examples=examples(quick=30, full=500))
@given(model=models(decisions=2, max_chance=2))
def test_remembering_never_costs(model: cm.CIM) -> None:
    order = [n for n in (model.cid.nodes[i] for i in model.cid.topological) if n in model.cid.decisions]
    found = model.with_recall(order)
    assert found.solve().value >= model.solve().value - 1e-9
    assert all((found.cpd(n) == model.cpd(n)).all() for n in (*model.cid.chance, *model.cid.utilities))


def test_the_order_is_that_of_the_paths_or_has_to_be_said() -> None:
    chain = cm.CID([("x", "a"), ("a", "b"), ("b", "c"), ("c", "u")], decisions=["c", "a", "b"], utilities=["u"])
    assert chain.with_recall().parents("c") == ("b", "x", "a")
    loose = cm.CID([("x", "a"), ("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    with pytest.raises(cm.NotApplicableError, match=r"which of `b` and `a` is decided first: with_recall\(order="):
        loose.with_recall()
    assert loose.with_recall(["b", "a"]).parents("a") == ("x", "b")
    with pytest.raises(cm.DiagramError, match="puts `b` before `a`, and in the diagram it comes after"):
        chain.with_recall(["b", "a", "c"])
    with pytest.raises(cm.DiagramError, match="lists every decision once"):
        chain.with_recall(["a", "b"])


def test_agents_remember_only_what_is_theirs() -> None:
    game = cm.CID(
        [("x", "a"), ("a", "b"), ("b", "c"), ("c", "u"), ("c", "v")],
        decisions={"A": ["a", "c"], "B": ["b"]},
        utilities={"A": ["u"], "B": ["v"]},
    )
    found = game.with_recall()
    assert found.parents("c") == ("b", "x", "a")
    assert found.parents("b") == ("a",)


def test_rules_of_decisions_that_see_more_are_dropped() -> None:
    cid = cm.CID([("x", "a"), ("a", "b"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), a=[0, 1], b=[0, 1], u=lambda b: b)
    fixed = model.with_policy({"a": lambda x: x, "b": lambda a: a})
    assert set(fixed.with_recall().rules) == {"a"}

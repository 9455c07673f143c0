from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import (
    downstream_utilities,
    minimal_reduction,
    requisite_observations,
    requisites_by_target,
    with_information_link,
)
from cidmesa.graph.index import _Arrays
from cidmesa.graph.reduction import owned, reduce_links
from tests.graph import naive
from tests.strategies import cids, examples


@given(cids(max_chance=4, decisions=(1, 3), max_parents=4, agents=(1, 3)))
@settings(max_examples=examples(quick=100, full=3000))
def test_requisite_observations_are_those_of_the_definition(cid: cm.CID) -> None:
    for d in cid.decisions:
        assert requisite_observations(cid, d) == naive.requisite(cid, d)
        assert downstream_utilities(cid, d) == tuple(naive.goals(cid, d))


@given(cids(max_chance=4, decisions=(1, 3), max_parents=4, agents=(1, 3)), st.integers(0, 2**32))
@settings(max_examples=examples(quick=100, full=6000))
def test_the_reduction_is_idempotent_and_free_of_order(cid: cm.CID, seed: int) -> None:
    reduced = minimal_reduction(cid)
    assert reduced == naive.reduced(cid, random.Random(seed))
    assert minimal_reduction(reduced) == reduced
    some = cid.decisions[1:]
    assert minimal_reduction(cid, some) == naive.reduced(cid, random.Random(seed), some)
    steps = reduce_links(_Arrays(len(cid), *cid.edge_ids), owned(cid)).steps  # the body for large graphs
    assert reduced == cid.without_edges([(cid.nodes[p], cid.nodes[d]) for d, ps in steps for p in ps])


@given(cids(max_chance=4, max_parents=4), st.data())
@settings(max_examples=examples(quick=100, full=2000))
def test_targets_are_a_utility_below_all_of_them(cid: cm.CID, data: st.DataObject) -> None:
    d = cid.decisions[0]
    targets = data.draw(st.lists(st.sampled_from(cid.chance), min_size=1, unique=True))
    new = cm.CID(
        [*cid.demote(*cid.utilities).edges, *((t, "mesa") for t in targets)],
        nodes=[*cid.nodes, "mesa"],
        decisions=[d],
        utilities=["mesa"],
    )
    assert requisite_observations(cid, targets=targets) == naive.requisite(new, d)
    if set(targets) & cid.descendants(d):
        by_target = requisites_by_target(cid)
        assert frozenset().union(*(by_target[t] for t in targets)) == naive.requisite(new, d)


def test_utilities_above_the_decision_do_not_count() -> None:
    cid = cm.CID(
        [("door", "go"), ("go", "pay"), ("door", "pay"), ("door", "mood")], decisions=["go"], utilities=["pay", "mood"]
    )
    assert requisite_observations(cid, utilities=["mood"]) == frozenset()
    assert requisite_observations(cid, utilities=["pay"]) == {"door"}
    with pytest.raises(cm.NotApplicableError, match="not both"):
        requisite_observations(cid, utilities=["pay"], targets=["door"])


def test_each_agent_is_judged_by_its_own_utilities() -> None:
    edges = [("coin", "a"), ("coin", "b"), ("a", "ua"), ("b", "ub"), ("coin", "ub")]
    cid = cm.CID(edges, decisions={"A": ["a"], "B": ["b"]}, utilities={"A": ["ua"], "B": ["ub"]})
    assert minimal_reduction(cid).parents("a") == ()
    assert minimal_reduction(cid).parents("b") == ("coin",)


def test_a_link_that_goes_can_take_others_along() -> None:
    # `then` needs `mid` only as a sign of `x`, which `first` has no use for: nothing is left to respond to.
    cid = cm.CID(
        [("x", "first"), ("first", "mid"), ("mid", "then"), ("then", "pay")],
        decisions=["first", "then"],
        utilities=["pay"],
    )
    assert minimal_reduction(cid).edges == (("first", "mid"), ("then", "pay"))


def test_a_latent_node_can_be_shown() -> None:
    cid = cm.CID([("sky", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"], latent=["sky"])
    shown = with_information_link(cid, "sky", "go")
    assert shown.latent == ()
    assert shown.parents("go") == ("sky",)
    assert with_information_link(shown, "sky", "go") is shown


def test_ten_thousand_links_and_many_decisions_go_in_one_sweep() -> None:
    k = 300
    edges = [(f"d{i}", f"d{j}") for i in range(k) for j in range(i + 1, min(i + 30, k))]
    cid = cm.CID([*edges, (f"d{k - 1}", "pay")], decisions=[f"d{i}" for i in range(k)], utilities=["pay"])
    assert minimal_reduction(cid).edges == ((f"d{k - 1}", "pay"),)


def test_what_one_agent_needs_does_not_make_a_link_requisite_for_another() -> None:
    """p matters to what A is paid through E, not to what A's own D can reach: the link into D goes."""
    edges = [("p", "D"), ("p", "E"), ("E", "UA"), ("D", "UA"), ("E", "UB")]
    game = {"decisions": {"A": ["D"], "B": ["E"]}, "utilities": {"A": ["UA"], "B": ["UB"]}}
    assert not minimal_reduction(cm.CID(edges, nodes=["p", "D", "E"], **game)).has_edge("p", "D")


def test_links_that_are_kept_stay() -> None:
    """A kept link is never dropped; the others go as ever."""
    cid = cm.CID([("x", "d"), ("y", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    assert minimal_reduction(cid).parents("d") == ()
    assert minimal_reduction(cid, kept=[("x", "d")]).parents("d") == ("x",)
    assert minimal_reduction(cid, ["d"], kept=[("y", "d")]).parents("d") == ("y",)
    chain = cm.CID([("first", "then"), ("then", "u")], nodes=["x"], decisions=["first", "then"], utilities=["u"])
    chain = chain.with_edges(("x", "then"))
    assert minimal_reduction(chain).parents("then") == ()
    assert minimal_reduction(chain, kept=[("first", "then")]).parents("then") == ("first",)

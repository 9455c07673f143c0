from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.incentives import reasoning_patterns
from tests.strategies import cids, examples


def game(edges: list[tuple[str, str]]) -> cm.CID:
    """Two agents: A decides d1 for u1, B decides d2 for u2."""
    return cm.CID(edges, nodes=["u1", "u2"], decisions={"A": ["d1"], "B": ["d2"]}, utilities={"A": ["u1"], "B": ["u2"]})


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([("d1", "u2"), ("d1", "d2"), ("d2", "u1"), ("d2", "u2")], {"manipulation"}),
        ([("x", "u1"), ("x", "u2"), ("x", "d1"), ("d1", "d2"), ("d2", "u1"), ("d2", "u2")], {"signaling"}),
        # B sees x itself: there is nothing left to tell.
        ([("x", "u1"), ("x", "u2"), ("x", "d1"), ("x", "d2"), ("d1", "d2"), ("d2", "u1"), ("d2", "u2")], set()),
        # A need not care what x1 is, only how well x2 shows it to B.
        ([("x1", "x2"), ("d1", "x2"), ("x2", "d2"), ("d2", "u1"), ("d2", "u2"), ("x1", "u2")], {"revealing_denying"}),
        # B knows x1: how well x2 shows it no longer matters.
        (
            [("x1", "x2"), ("x1", "d2"), ("d1", "x2"), ("x2", "d2"), ("d2", "u1"), ("d2", "u2"), ("x1", "u2")],
            set(),
        ),
        ([("d1", "u1"), ("d2", "u2")], {"direct_effect"}),
        # B does not care about its own decision, so A cannot be motivated through it.
        ([("d1", "d2"), ("d2", "u1"), ("x", "u2")], set()),
        ([("d1", "d2"), ("d2", "u2")], set()),
    ],
)
def test_patterns_of_the_first_decision(edges: list[tuple[str, str]], expected: set[str]) -> None:
    assert reasoning_patterns(game(edges))["d1"] == expected


def test_motives_are_a_fixpoint() -> None:
    # c moves b, b moves a, a pays; without the last link nobody has a motive.
    edges = [("c", "b"), ("c", "ub"), ("b", "a"), ("b", "ua"), ("a", "uc"), ("a", "ub"), ("a", "ua")]
    owners = {"A": ["a"], "B": ["b"], "C": ["c"]}
    pays = {"A": ["ua"], "B": ["ub"], "C": ["uc"]}
    cid = cm.CID(edges, decisions=owners, utilities=pays)
    patterns = reasoning_patterns(cid)
    assert patterns["a"] == {"direct_effect"}
    assert "manipulation" in patterns["b"]
    assert "manipulation" in patterns["c"]
    dull = cid.without_edges(("a", "ua"), ("b", "ua"))
    assert reasoning_patterns(dull) == {"a": frozenset(), "b": frozenset(), "c": frozenset()}


@given(cids(max_chance=4, decisions=(1, 3), utilities=(2, 3), max_parents=4), st.data())
@settings(max_examples=examples(quick=60, full=2000))
def test_a_motivated_decision_has_a_utility_downstream(cid: cm.CID, data: st.DataObject) -> None:
    agents = data.draw(st.lists(st.sampled_from("AB"), min_size=len(cid.decisions), max_size=len(cid.decisions)))
    owners = {a: [d for d, owner in zip(cid.decisions, agents, strict=True) if owner == a] for a in "AB"}
    split = cm.CID(
        cid.edges, nodes=cid.nodes, decisions=owners, utilities={"A": cid.utilities[:1], "B": cid.utilities[1:]}
    )
    for d, patterns in reasoning_patterns(split).items():
        own = set(split.utilities_of(split.agent_of(d)))
        if patterns:
            assert own & split.descendants(d)
        free = split.without_edges([(p, e) for e in split.decisions if e != d for p in split.parents(e)])
        assert ("direct_effect" in patterns) == bool(own & free.descendants(d))


def test_long_chains_need_no_recursion_and_no_list_of_paths() -> None:
    k = 2000
    edges = [("d1", "v0"), (f"v{k}", "d2"), (f"v{k}", "u2"), ("d2", "u1"), ("d2", "u2")]
    for i in range(k):
        edges += [(f"v{i}", f"a{i}"), (f"v{i}", f"b{i}"), (f"a{i}", f"v{i + 1}"), (f"b{i}", f"v{i + 1}")]
    assert "manipulation" in reasoning_patterns(game(edges))["d1"]

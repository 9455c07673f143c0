from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import Path, SeparatingSet, d_separated
from tests.graph import naive
from tests.strategies import cids, examples


@given(cids(max_chance=5, decisions=(0, 2), max_parents=4), st.data())
@settings(max_examples=examples(quick=150, full=4000))
def test_d_separation_is_that_of_the_definition(cid: cm.CID, data: st.DataObject) -> None:
    nodes = st.sampled_from(cid.nodes)
    known = data.draw(st.lists(nodes, unique=True, max_size=4))
    for x in cid.nodes:
        for y in cid.nodes:
            if x != y:
                assert d_separated(cid, x, y, known) == (not naive.connected(cid, x, y, known))
                claim = SeparatingSet((x,), (y,), frozenset(known))
                assert claim.check(cid) == d_separated(cid, x, y, known)


@given(cids(max_chance=5, max_parents=4), st.data())
@settings(max_examples=examples(quick=100, full=2000))
def test_sets_are_separated_iff_all_pairs_are(cid: cm.CID, data: st.DataObject) -> None:
    some = st.lists(st.sampled_from(cid.nodes), unique=True, max_size=3)
    xs, ys, known = data.draw(some), data.draw(some), data.draw(some)
    if set(xs) & set(ys):
        return
    assert d_separated(cid, xs, ys, known) == all(d_separated(cid, x, y, known) for x in xs for y in ys)
    assert d_separated(cid, xs, ys, known) == d_separated(cid, ys, xs, known)


def test_what_is_known_depends_on_nothing() -> None:
    chain = cm.CID([("a", "b"), ("b", "c")])
    assert d_separated(chain, ["a", "b"], "c", ["b"])
    assert d_separated(chain, "b", "b", ["b"])
    assert not d_separated(chain, "a", "a")


def test_unknown_names_are_named() -> None:
    with pytest.raises(cm.UnknownNodeError, match="did you mean `door`"):
        d_separated(cm.CID([("door", "go")]), "dor", "go")


CHAIN = cm.CID([("a", "b"), ("b", "c")])
COLLIDER = cm.CID([("a", "c"), ("b", "c"), ("c", "e")])


@pytest.mark.parametrize(
    ("cid", "path", "holds"),
    [
        (CHAIN, Path(("a", "b", "c")), True),
        (CHAIN, Path(("c", "b", "a")), False),  # not along the arrows
        (CHAIN, Path(("a", "c")), False),  # no edge
        (CHAIN, Path(("a", "nobody")), False),
        (CHAIN, Path(()), False),
        (CHAIN, Path(("c", "b", "a"), frozenset()), True),
        (CHAIN, Path(("c", "b", "a"), frozenset({"b"})), False),
        (COLLIDER, Path(("a", "c", "b"), frozenset()), False),
        (COLLIDER, Path(("a", "c", "b"), frozenset({"c"})), True),
        (COLLIDER, Path(("a", "c", "e", "c", "b"), frozenset({"e"})), True),  # down to what is observed, and back
        (COLLIDER, Path(("a", "c", "e", "c", "b"), frozenset()), False),
        (COLLIDER, Path(("a", "c", "b"), frozenset({"e"})), False),  # the way down has to be shown
        (COLLIDER, Path(("M_a", "a", "c"), frozenset(), mechanised=True), True),
        (COLLIDER, Path(("M_a", "a", "c"), frozenset()), False),
        (COLLIDER, Path(("a", "c"), cut=(("a", "c"),)), False),
        (COLLIDER, Path(("a", "c"), cut=(("b", "c"),)), True),
        (COLLIDER, Path(("a", "c"), cut=(("b", "e"),)), False),  # cuts what is not there
    ],
)
def test_paths_are_checked_edge_by_edge(cid: cm.CID, path: Path, holds: bool) -> None:
    assert path.check(cid) is holds


RED = cm.CID([("door", "go"), ("red", "go"), ("go", "pay"), ("door", "pay")], decisions=["go"], utilities=["pay"])


def test_a_proof_may_remove_nonrequisite_links_only() -> None:
    claim = SeparatingSet(("red",), ("go",), None)
    assert not claim.check(RED)
    assert replace(claim, removed=(("red", "go"),)).check(RED)
    door = SeparatingSet(("door",), ("go",), None, removed=(("door", "go"),))
    assert not door.check(RED)
    assert not replace(door, removed=(("go", "pay"),)).check(RED)
    assert not SeparatingSet(("red",), ("pay",), frozenset({"go"}), removed=(("nobody", "go"),)).check(RED)


def test_a_proof_may_add_information_links_only() -> None:
    fork = RED.with_edges(("sky", "door"))
    assert Path(("sky", "go", "pay"), added=(("sky", "go"),)).check(fork)
    assert not Path(("sky", "go", "pay")).check(fork)
    assert Path(("go", "pay"), added=(("sky", "go"),)).check(fork)
    assert not Path(("go", "pay"), added=(("sky", "pay"),)).check(fork)
    assert not Path(("go", "pay"), added=(("pay", "go"),)).check(fork)


def test_the_fixpoint_is_confirmed_where_it_is_claimed() -> None:
    path = Path(("red", "go", "pay"), reduced=("go",))
    assert not path.check(RED)
    assert Path(("door", "go", "pay"), removed=(("red", "go"),), reduced=("go",)).check(RED)
    assert Path(("red", "go", "pay")).check(RED)


def test_a_decision_with_one_action_is_walked_around() -> None:
    cid = cm.CID([("first", "then"), ("then", "pay")], decisions=["first", "then"], utilities=["pay"])
    assert Path(("first", "then", "pay")).check(cid)
    assert not Path(("first", "then", "pay"), without=frozenset({"then"})).check(cid)
    assert not Path(("then", "pay"), without=frozenset({"pay"})).check(cid)  # only decisions have actions


def test_proofs_read_well() -> None:
    assert str(Path(("a", "b"))) == "a -> b"
    assert str(Path(("a", "b"), frozenset({"z"}))) == "a – b  given z"
    assert str(SeparatingSet(("a",), ("b",), frozenset())) == "a and b are separated given nothing"
    assert (
        str(SeparatingSet(("a",), ("d",), None, removed=(("a", "d"),)))
        == "no directed path from a to d once a -> d is dropped"
    )

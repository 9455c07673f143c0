from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.criteria import reasoning_patterns
from cidmesa.criteria.reasoning import _Game
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


class Paths:
    """The conditions word by word, over all simple paths of a small diagram; every decision counts as motivated."""

    def __init__(self, cid: cm.CID) -> None:
        self.cid = cid

    def simple(self, x: str, y: str, *, directed: bool) -> list[list[str]]:
        found, todo = [], [[x]]
        while todo:
            path = todo.pop()
            if path[-1] == y:
                found.append(path)
                continue
            near = self.cid.children(path[-1])
            around = near if directed else (*near, *self.cid.parents(path[-1]))
            todo += [[*path, v] for v in around if v not in path]
        return found

    def shape(self, path: list[str], i: int) -> str:
        before, after = self.cid.has_edge(path[i - 1], path[i]), self.cid.has_edge(path[i + 1], path[i])
        return "collider" if before and after else "chain" if before or after else "fork"

    def active(self, path: list[str], known: set[str]) -> bool:
        opening = set(known).union(*(self.cid.ancestors(z) for z in known))
        return all(
            path[i] in opening if self.shape(path, i) == "collider" else path[i] not in known
            for i in range(1, len(path) - 1)
        )

    def patterns(self, d: str) -> set[str]:
        cid = self.cid
        mine = cid.utilities_of(cid.agent_of(d))
        free = lambda p: not any(v in cid.decisions for v in p[1:-1])  # noqa: E731
        found = set()
        if any(free(p) for u in mine for p in self.simple(d, u, directed=True)):
            found.add("direct_effect")
        for e in cid.decisions:
            reached = e != d and any(free(p) for p in self.simple(d, e, directed=True))
            if not reached or not any(self.simple(e, u, directed=True) for u in mine):
                continue
            known = {e, *(p for p in cid.parents(e) if p not in cid.descendants(d) and p != d)}
            for u in cid.utilities_of(cid.agent_of(e)):
                if any(e not in p for p in self.simple(d, u, directed=True)):
                    found.add("manipulation")
                for path in self.simple(d, u, directed=False):
                    if not self.active(path, known):
                        continue
                    shapes = [self.shape(path, i) for i in range(1, len(path) - 1)]
                    if cid.has_edge(path[1], d):
                        found |= self.told(d, path[1 + shapes.index("fork")])
                    elif "collider" in shapes:
                        found.add("revealing_denying")
        return found

    def told(self, d: str, c: str) -> set[str]:
        known = {d, *(p for p in self.cid.parents(d) if p not in self.cid.descendants(c))} - {c}
        mine = self.cid.utilities_of(self.cid.agent_of(d))
        paths = [p for u in mine for p in self.simple(c, u, directed=False)]
        return {"signaling"} if any(self.active(p, known) for p in paths) else set()


@given(cids(max_chance=3, decisions=(2, 3), utilities=(2, 3)), st.data())
@settings(max_examples=examples(quick=120, full=3000))
def test_walks_find_what_paths_find(cid: cm.CID, data: st.DataObject) -> None:
    agents = data.draw(st.lists(st.sampled_from("AB"), min_size=len(cid.decisions), max_size=len(cid.decisions)))
    owners = {a: [d for d, owner in zip(cid.decisions, agents, strict=True) if owner == a] for a in "AB"}
    split = cm.CID(
        cid.edges, nodes=cid.nodes, decisions=owners, utilities={"A": cid.utilities[:1], "B": cid.utilities[1:]}
    )
    whole = _Game.of(split)
    everyone = frozenset(whole.decisions)
    for d in split.decisions:
        walks = whole.patterns(split.id(d), everyone)
        paths = Paths(split).patterns(d)
        assert paths <= walks
        exact = {"direct_effect", "manipulation"}
        assert paths & exact == walks & exact

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cidmesa.graph.index import Index, _Arrays, _Lists, build
from tests.strategies import examples


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n = draw(st.integers(2, 9))
    names = draw(st.permutations(range(n)))
    pairs = [(names[i], names[j]) for i in range(n) for j in range(i + 1, n)]
    return n, [pair for pair in pairs if draw(st.booleans())]


def both(n: int, edges: list[tuple[int, int]]) -> tuple[Index, Index]:
    tails = np.array([t for t, _ in edges], dtype=np.intp)
    heads = np.array([h for _, h in edges], dtype=np.intp)
    lists = build(n, tails, heads)
    assert isinstance(lists, _Lists)
    return lists, _Arrays(n, tails, heads)


def agree(a: Index, b: Index, sources: list[int], known: list[int]) -> None:
    for v in range(a.n):
        assert sorted(a.parents(v)) == sorted(b.parents(v))
        assert sorted(a.children(v)) == sorted(b.children(v))
    assert np.array_equal(a.descendants(sources), b.descendants(sources))
    assert np.array_equal(a.ancestors(sources), b.ancestors(sources))
    for mine, other in zip(a.condition(known).reach(sources), b.condition(known).reach(sources), strict=True):
        assert np.array_equal(mine, other)


@given(graphs(), st.data())
@settings(max_examples=examples(quick=150, full=5000))
def test_the_two_bodies_agree_also_after_edits(graph: tuple[int, list[tuple[int, int]]], data: st.DataObject) -> None:
    n, edges = graph
    lists, arrays = both(n, edges)
    nodes = st.integers(0, n - 1)
    sources = data.draw(st.lists(nodes, max_size=3))
    known = data.draw(st.lists(nodes, max_size=4, unique=True))
    agree(lists, arrays, sources, known)
    if edges:
        head = data.draw(st.sampled_from(edges))[1]
        tails = data.draw(st.lists(st.sampled_from(lists.parents(head)), unique=True, min_size=1))
        agree(lists.without_links(head, tails), arrays.without_links(head, tails), sources, known)
        lists, arrays = lists.without_links(head, tails[:1]), arrays.without_links(head, tails[:1])
        drop = data.draw(st.lists(st.sampled_from(edges), unique=True))
        gone = data.draw(st.lists(nodes, max_size=2, unique=True))
        add = [(tails[0], head)]
        agree(
            lists.edited(add=add, drop=drop, isolate=gone),
            arrays.edited(add=add, drop=drop, isolate=gone),
            sources,
            known,
        )


def test_an_edit_leaves_the_index_alone() -> None:
    for index in both(3, [(0, 2), (1, 2)]):
        index.without_links(2, [0])
        index.edited(add=[(0, 1)], isolate=[2])
        assert sorted(index.parents(2)) == [0, 1]
        assert index.children(0) == [2]


def test_large_graphs_use_the_matrix() -> None:
    n = 1500
    index = build(n, np.arange(n - 1), np.arange(1, n))
    assert isinstance(index, _Arrays)
    assert index.descendants([700]).sum() == n - 700
    assert index.connected([0], [900])[[899, 900, 901]].tolist() == [True, True, False]

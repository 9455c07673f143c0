"""Layouts: nothing overlaps, arrows point the way of the picture, links touch their nodes and no others."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.render import Spec, engines, place, spec_of
from cidmesa.render.geometry import Layout, Rectangle, inside, samples, shortened, straight
from tests.strategies import cids, examples

ENGINES = ["own", "pygraphviz"]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return abs(a.x - b.x) < (a.width + b.width) / 2 and abs(a.y - b.y) < (a.height + b.height) / 2


def works(engine: str) -> bool:
    try:
        place(spec_of(cm.CID([("a", "b")])), engine)
    except cm.MissingDependencyError:
        return False
    return True


def check(picture: Spec, layout: Layout) -> None:
    assert set(layout.boxes) == {n.name for n in picture.nodes}
    for a, b in combinations(layout.boxes.values(), 2):
        assert not overlap(a, b)
    along = 1 if picture.direction == "down" else 0
    for edge in picture.edges:
        curve = layout.curves[edge.tail, edge.head]
        tail, head = layout.boxes[edge.tail], layout.boxes[edge.head]
        assert (tail.x, tail.y)[along] < (head.x, head.y)[along]
        assert inside(picture.node(edge.tail).kind, tail.grown(2), curve[0])
        assert inside(picture.node(edge.head).kind, head.grown(2), curve[-1])
        assert not inside(picture.node(edge.tail).kind, tail.grown(-1), curve[0])
        assert not inside(picture.node(edge.head).kind, head.grown(-1), curve[-1])


@pytest.mark.parametrize("direction", ["down", "right"])
@settings(max_examples=examples(quick=60, full=2000))
@given(cid=cids(min_chance=1, max_chance=8, decisions=(0, 2)), data=st.data())
def test_our_own_layout_of_any_diagram_is_readable(direction: Any, cid: cm.CID, data: st.DataObject) -> None:
    marked = data.draw(st.sets(st.sampled_from(cid.nodes)))
    picture = spec_of(cid, rings={"voi": marked, "ici": marked}, direction=direction)
    layout = place(picture, "own")
    assert layout.engine == "own"
    check(picture, layout)


@settings(max_examples=examples(quick=60, full=2000))
@given(cid=cids(min_chance=2, max_chance=7))
def test_links_of_our_own_layout_run_through_no_other_node(cid: cm.CID) -> None:
    picture = spec_of(cid)
    layout = place(picture, "own")
    through = 0
    for edge in picture.edges:
        for name, box in layout.boxes.items():
            if name not in {edge.tail, edge.head}:
                points = samples(layout.curves[edge.tail, edge.head])
                through += any(inside(picture.node(name).kind, box.grown(-2), point) for point in points)
    assert through == 0


def test_frames_hold_their_nodes_and_no_others_and_do_not_overlap() -> None:
    base = cm.CID([("a", "d"), ("d", "y"), ("a", "y"), ("y", "u")], decisions=["d"], utilities=["u"])
    twin = cm.TrainingSetup(base, deployments={"here": {"a"}, "there": {"a"}}).base_optimizer(mechanisms=True)
    copies = {c: [n for n in twin.nodes if n.endswith("@" + c)] for c in ("training", "here", "there")}
    for direction in ("down", "right"):
        picture = spec_of(twin, groups=copies, direction=direction)
        layout = place(picture, "own")
        check(picture, layout)
        for a, b in combinations(layout.frames.values(), 2):
            assert not overlap(a, b)
        for name, box in layout.boxes.items():
            for group, members in copies.items():
                assert overlap(layout.frames[group], box) == (name in members)


@settings(max_examples=examples(quick=40, full=1000))
@given(cid=cids(min_chance=3, max_chance=7), data=st.data())
def test_frames_of_any_kind_keep_arrows_and_nodes_apart(cid: cm.CID, data: st.DataObject) -> None:
    owner = data.draw(st.lists(st.sampled_from(["", "one", "two"]), min_size=len(cid), max_size=len(cid)))
    groups = {g: [n for n, o in zip(cid.nodes, owner, strict=True) if o == g] for g in ("one", "two") if g in owner}
    picture = spec_of(cid, groups=groups)
    layout = place(picture, "own")
    check(picture, layout)
    for a, b in combinations(layout.frames.values(), 2):
        assert not overlap(a, b)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_places_the_same_picture(engine: Any) -> None:
    if not works(engine):
        pytest.skip(f"{engine} does not work on this machine")
    cid = cm.CID([("a", "d"), ("d", "u"), ("a", "u"), ("a", "b")], decisions=["d"], utilities=["u"])
    for direction in ("down", "right"):
        picture = spec_of(cid, rings={"voi": ["a"]}, notes={"b": "a note"}, direction=direction, groups={"g": ["b"]})
        layout = place(picture, engine)
        assert layout.engine == engine
        check(picture, layout)
        assert set(layout.frames) == {"g"}


def test_without_graphviz_auto_falls_back_on_our_own_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(request: str) -> str:
        raise cm.MissingDependencyError("not here")

    monkeypatch.setattr(engines, "_GRAPHVIZ", {"pygraphviz": gone, "dot": gone})
    picture = spec_of(cm.CID([("a", "b")]))
    assert place(picture, "auto").engine == "own"
    with pytest.raises(cm.MissingDependencyError, match="not here"):
        place(picture, "dot")


def test_dot_on_the_path_is_the_second_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\ncat >/dev/null\nprintf 'graph 1 2 2\\nnode n0 1 2 1 1\\nnode n1 1 1 1 1\\n"
                       "edge n0 n1 4 1 1.7 1 1.6 1 1.4 1 1.3 solid black\\nstop\\n'\n")  # fmt: skip
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def gone(request: str) -> str:
        raise cm.MissingDependencyError("not here")

    monkeypatch.setattr(engines, "_GRAPHVIZ", {**engines._GRAPHVIZ, "pygraphviz": gone})
    layout = place(spec_of(cm.CID([("a", "b")])), "auto")
    assert layout.engine == "dot"
    assert (layout.boxes["a"].x, layout.boxes["a"].y, layout.boxes["b"].y) == (72, -144, -72)


def test_a_missing_dot_and_an_unknown_engine_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    picture = spec_of(cm.CID([("a", "b")]))
    with pytest.raises(cm.MissingDependencyError, match="apt install graphviz"):
        place(picture, "dot")
    with pytest.raises(cm.DiagramError, match="engine= is one of auto, pygraphviz, dot, own"):
        place(picture, "neato")


def test_given_positions_are_kept_and_links_bend_around_nodes_in_their_way() -> None:
    cid = cm.CID([("a", "b"), ("b", "c"), ("a", "c")])
    picture = spec_of(cid, positions={"a": (0, 0), "b": (0, 100), "c": (0, 200)})
    layout = place(picture)
    assert layout.engine == "given"
    assert (layout.boxes["b"].x, layout.boxes["b"].y) == (0, 100)
    assert all(x == 0 for x, _ in layout.curves["a", "b"])
    assert not any(inside("chance", layout.boxes["b"], p) for p in samples(layout.curves["a", "c"]))


def test_the_layout_is_the_same_every_time() -> None:
    cid = cm.CID([(f"x{i}", f"x{j}") for j in range(9) for i in range(j) if (i * 7 + j * 3) % 4 == 0])
    assert place(spec_of(cid), "own") == place(spec_of(cid), "own")


def test_long_links_of_a_chain_with_a_bypass_come_out_without_crossings() -> None:
    cid = cm.CID([("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    layout = place(spec_of(cid), "own")
    xs = [layout.boxes[n].x for n in "abcd"]
    points = samples(layout.curves["a", "d"])
    assert all(p[1] <= q[1] for p, q in pairwise(points))
    assert not any(inside("chance", layout.boxes[n], p) for p in points for n in "bc")
    assert max(xs) - min(xs) < 60


def test_an_empty_picture_has_an_empty_layout() -> None:
    assert place(spec_of(cm.CID()), "auto").boxes == {}


def test_an_arrow_head_takes_its_length_off_the_end_of_its_link() -> None:
    left, tip = shortened(straight((0, 0), (0, 100)), 9.0)
    assert tip == (0, 100)
    assert left[-1][1] == pytest.approx(91, abs=1e-3)

"""How pictures look: words in their shapes, panels that agree, grids, latent causes, proofs, probabilities."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.render import (
    Picture,
    Spec,
    aligned,
    fonts,
    place,
    raster,
    render,
    spec_of,
    theme,
    to_dot,
    to_mermaid,
    to_svg,
)
from cidmesa.render.draw import Group, Line, Polygon, Words, draw
from cidmesa.render.geometry import Rectangle as Box
from cidmesa.render.geometry import body_size, inside, octagon, outer_size, samples
from cidmesa.render.typeset import Run, runs, width, wrapped
from tests.render.test_layout import check, overlap
from tests.strategies import cids, examples

SVG = "{http://www.w3.org/2000/svg}"
STEPS = cm.CID(
    [(f"{a}@{t}", f"{b}@{t}") for t in range(3) for a, b in ("SA", "SR", "AR")]
    + [(f"{a}@{t}", f"S@{t + 1}") for t in range(2) for a in "SA"],
    decisions=[f"A@{t}" for t in range(3)],
    utilities=[f"R@{t}" for t in range(3)],
)


# Words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("S_1", (Run("S"), Run("1", -1))),
        ("S_t", (Run("S"), Run("t", -1))),
        ("at_red", (Run("at_red"),)),
        ("a_long_name_1", (Run("a_long_name_1"),)),
        ("θ", (Run("θ"),)),
        (r"$\theta_{t+1}$", (Run("θ"), Run("t+1", -1))),
        (r"the \pi of S_1", (Run("the π of S"), Run("1", -1))),
        (r"C:\temp", (Run(r"C:\temp"),)),
        ("costs $5", (Run("costs $5"),)),
        ("", ()),
    ],
)
def test_indices_and_greek_letters_are_set_and_names_left_alone(line: str, expected: tuple[Run, ...]) -> None:
    assert runs(line) == expected


def test_an_index_stands_below_the_line_in_svg_dot_and_mermaid() -> None:
    picture = spec_of(cm.CID([("S_1", "S_2")]), labels={"S_2": r"$\theta_2$"})
    root = ElementTree.fromstring(to_svg(picture, "own"))
    spans = [(span.text, span.get("dy"), span.get("font-size")) for span in root.iter(f"{SVG}tspan")]
    assert spans == [("1", "3.9", "10.1"), ("2", "3.9", "10.1")]
    assert root.findtext(f"{SVG}desc") == "chance: S_1, θ2; links: S_1 to θ2."
    assert 'label="S₁"' in to_dot(picture)
    assert '(["θ₂"])' in to_mermaid(picture)


LABELS = st.text(st.sampled_from("abcmwW_- .\n語言θ"), min_size=1, max_size=60).filter(lambda t: t.strip())


@settings(max_examples=examples(quick=60, full=600))
@given(
    label=LABELS,
    note=st.text(st.sampled_from("abw \n"), max_size=60),
    kind=st.sampled_from(["chance", "decision", "utility"]),
    shares=st.lists(st.floats(0, 1), max_size=9),
)
def test_whatever_is_written_in_a_node_is_inside_its_shape(
    label: str, note: str, kind: Any, shares: list[float]
) -> None:
    cid = cm.CID(
        nodes=["x"], decisions=["x"] if kind == "decision" else [], utilities=["x"] if kind == "utility" else []
    )
    values = {f"value {i}": share for i, share in enumerate(shares)}
    picture = spec_of(cid, labels={"x": label}, notes={"x": note}, shares={"x": values})
    layout = place(picture, "own")
    node, box = picture.nodes[0], layout.boxes["x"]
    (group,) = (shape for shape in draw(picture, layout).shapes if isinstance(shape, Group))
    shape_box = Box(group.box.x, group.box.y, *body_size(node))
    assert (box.width, box.height) == outer_size(node)
    for words in (shape for shape in group.shapes if isinstance(shape, Words)):
        half = width(words.text, words.size)
        left = words.x - half * {"start": 0, "middle": 0.5, "end": 1}[words.anchor]
        for x in (left, left + half):
            for y in (words.y - words.size * 0.7, words.y):
                assert inside(kind, shape_box.grown(0.5), (x, y))


@settings(max_examples=examples(quick=100, full=1000))
@given(text=LABELS)
def test_lines_fit_and_no_letter_is_lost(text: str) -> None:
    lines = wrapped(text, 14, 60)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width(line, 14) <= 60 for line in lines)


@settings(max_examples=examples(quick=15, full=100))
@given(cid=cids(min_chance=2, max_chance=6), data=st.data())
def test_captions_cover_no_link(cid: cm.CID, data: st.DataObject) -> None:
    """What is said of a node is in it, and links run outside nodes."""
    noted = data.draw(st.sets(st.sampled_from(cid.nodes)))
    picture = spec_of(cid, notes=dict.fromkeys(noted, "mechanism shift\nnew: value of information"))
    layout = place(picture, "own")
    check(picture, layout)
    for edge in picture.edges:
        for point in samples(layout.curves[edge.tail, edge.head])[1:-1]:
            assert not any(inside(n.kind, layout.boxes[n.name].grown(-2), point) for n in picture.nodes)


def test_a_long_title_is_broken_into_lines() -> None:
    words = (
        "What agents that were trained on the red door and its eleven relatives do where nothing is as it was before"
    )
    drawing = Picture(spec_of(cm.CID([("a", "b")]), title=words), "own").drawing
    lines = [shape for shape in drawing.flat if isinstance(shape, Words) and shape.bold]
    assert " ".join(line.text for line in lines) == words
    assert len(lines) == 3
    assert drawing.width < 400
    assert lines[-1].y < min(g.box.top for g in drawing.shapes if isinstance(g, Group))


def test_a_utility_is_no_rectangle_even_without_its_colour() -> None:
    cut = octagon(Box(0, 0, 100, 40))
    assert cut[0][0] - -50 >= 0.3 * 40
    assert not inside("utility", Box(0, 0, 100, 40), (46, 16))
    assert inside("decision", Box(0, 0, 100, 40), (46, 16))


# Panels --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["own", "auto"])
@settings(max_examples=examples(quick=10, full=60))
@given(cid=cids(min_chance=2, max_chance=5), data=st.data())
def test_what_does_not_change_does_not_move(engine: Any, cid: cm.CID, data: st.DataObject) -> None:
    links = data.draw(st.sets(st.sampled_from(cid.edges))) if cid.edges else set()
    other = cid.without_edges(*links).with_utility("mesa_utility", [cid.nodes[0]]) if cid.kind(
        cid.nodes[0]) != "utility" else cid.without_edges(*links)  # fmt: skip
    first = Picture(spec_of(cid, title="Base"), engine)
    second = Picture(spec_of(other, against=cid, notes={cid.nodes[0]: "new"}, rings={"voi": [cid.nodes[0]]}), engine)
    one, two = aligned(first, second)
    places = [
        {g.words.split(",")[0]: (g.box.x, g.box.y) for g in p.drawing.shapes if isinstance(g, Group)}
        for p in (one, two)
    ]
    for name in cid.nodes:
        assert places[0][name] == pytest.approx(places[1][name])
    for picture in (one, two):
        for a, b in combinations(picture.layout.boxes.values(), 2):
            assert not overlap(a, b)
        assert set(picture.layout.curves) == {(e.tail, e.head) for e in picture.spec.edges}


def test_panels_of_a_paper_fill_the_same_part_of_the_plane() -> None:
    one, two = aligned(
        Picture(spec_of(cm.CID([("a", "b")]), title="One"), "own"),
        Picture(spec_of(cm.CID([("a", "b"), ("c", "b")]), title="Two", notes={"a": "note"}), "own"),
    )
    kept = [[row for row in p.tikz.splitlines() if row.startswith(r"\path")] for p in (one, two)]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 1
    heads = [next(row for row in p.tikz.splitlines() if "bfseries" in row) for p in (one, two)]
    assert heads[0].replace("One", "Two") == heads[1]


def test_pictures_that_cannot_share_a_layout_keep_their_own() -> None:
    there, back = Picture(spec_of(cm.CID([("a", "b")]))), Picture(spec_of(cm.CID([("b", "a")])))
    assert aligned(there, back) == (there, back)
    right = Picture(spec_of(cm.CID([("a", "b")]), direction="right"))
    assert aligned(there, right) == (there, right)


# Grids ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["down", "right"])
def test_time_steps_stand_in_line_and_so_do_the_copies_of_a_variable(direction: Any) -> None:
    picture = spec_of(STEPS, rank="time", direction=direction, notes={"A@1": "a note"})
    layout = place(picture)
    assert layout.engine == "grid"
    at = {name: (box.y, box.x) if direction == "down" else (box.x, box.y) for name, box in layout.boxes.items()}
    for name in STEPS.nodes:
        variable, step = name.split("@")
        assert at[name][0] == at[f"S@{step}"][0]
        assert at[name][1] == at[f"{variable}@0"][1]
    for a, b in combinations(layout.boxes.values(), 2):
        assert not overlap(a, b)
    assert at["S@0"][0] < at["S@1"][0] < at["S@2"][0]


@settings(max_examples=examples(quick=15, full=100))
@given(cid=cids(min_chance=2, max_chance=6), data=st.data())
def test_ranks_and_rows_are_kept_and_nothing_overlaps(cid: cm.CID, data: st.DataObject) -> None:
    ranks = data.draw(st.lists(st.integers(-1, 3), min_size=len(cid), max_size=len(cid)))
    groups = [[n for n, r in zip(cid.nodes, ranks, strict=True) if r == i] for i in range(4)]
    layout = place(spec_of(cid, rank=groups))
    for group in groups:
        assert len({layout.boxes[name].y for name in group}) <= 1
        assert [layout.boxes[n].x for n in group] == sorted(layout.boxes[n].x for n in group)
    for a, b in combinations(layout.boxes.values(), 2):
        assert not overlap(a, b)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rank": "time"}, 'rank="time" reads time steps'),
        ({"rank": ["a", "b"]}, r"rank= takes groups of nodes in order"),
        ({"rows": [["a"], ["a"]]}, "rows= names `a` in two groups"),
        ({"proof": ["a", "c"]}, "none between `a` and `c`"),
        ({"proof": 3}, "proof= takes a verdict"),
        ({"latent": "hidden"}, 'latent= is "arrows" or "nodes"'),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(options: Any, words: str) -> None:
    with pytest.raises(cm.DiagramError, match=words):
        spec_of(cm.CID([("a", "b"), ("b", "c")]), **options)


# Latent causes, proofs, rings of several decisions --------------------------------------------------------------------


def test_latent_common_causes_are_dashed_double_arrows() -> None:
    bow = cm.CID([("u", "x"), ("u", "y"), ("x", "y"), ("v", "y")], latent=["u", "v"])
    picture = spec_of(bow)
    assert [node.name for node in picture.nodes] == ["x", "y", "v"]
    assert [(e.tail, e.head) for e in picture.edges if e.both] == [("y", "x")]
    assert picture.node("v").latent
    layout = place(picture, "own")
    assert set(layout.curves) == {("x", "y"), ("v", "y"), ("y", "x")}
    (arrow,) = (edge for edge in picture.edges if edge.both)
    line, *heads = draw(replace(picture, edges=(arrow,), legend=()), layout).flat[1:4]
    assert isinstance(line, Line)
    assert (line.style.dashes, line.style.stroke, len(heads)) == (theme.DASHES, theme.INK, 2)
    assert all(isinstance(head, Polygon) for head in heads)
    assert picture.legend == (("latent", "common cause that nobody sees"),)
    assert "latent common causes of: x and y." in to_svg(picture, "own")
    assert '"y" -> "x" [dir=both, style=dashed, constraint=false]' in to_dot(picture)
    assert "n1 <-.-> n0" in to_mermaid(picture)
    drawn = spec_of(bow, latent="nodes")
    assert drawn.node("u").latent
    assert not [edge for edge in drawn.edges if edge.both]
    assert "u" in {node.name for node in spec_of(bow, rings={"voi": ["u"]}).nodes}


@settings(max_examples=examples(quick=15, full=100))
@given(cid=cids(min_chance=3, max_chance=7), data=st.data())
def test_double_arrows_end_at_their_nodes_and_hide_nothing_else(cid: cm.CID, data: st.DataObject) -> None:
    roots = [name for name in cid.chance if not cid.parents(name) and not any(
        cid.kind(child) == "decision" for child in cid.children(name))]  # fmt: skip
    hidden = data.draw(st.sets(st.sampled_from(roots))) if roots else set()
    whole = cm.CID(cid.edges, nodes=cid.nodes, decisions=cid.decisions, utilities=cid.utilities, latent=hidden)
    picture = spec_of(whole)
    layout = place(picture, "own")
    shown = {node.name for node in picture.nodes}
    gone = {name for name in hidden if len(cid.children(name)) > 1}
    assert shown == set(cid.nodes) - gone
    pairs = {frozenset((e.tail, e.head)) for e in picture.edges if e.both}
    assert pairs == {frozenset(pair) for name in gone for pair in combinations(cid.children(name), 2)}
    for edge in picture.edges:
        curve = layout.curves[edge.tail, edge.head]
        assert inside(picture.node(edge.tail).kind, layout.boxes[edge.tail].grown(2), curve[0])
        assert inside(picture.node(edge.head).kind, layout.boxes[edge.head].grown(2), curve[-1])


def test_the_path_that_proves_a_verdict_is_shown() -> None:
    cid = cm.CID([("x", "d"), ("d", "y"), ("y", "u"), ("z", "u")], decisions=["d"], utilities=["u"])
    picture = spec_of(cid, proof=cm.admits_ici(cid, "y"))
    assert [(e.tail, e.head) for e in picture.edges if e.proves] == [("d", "y"), ("y", "u")]
    assert picture.legend == (("path", "the path that proves it"),)
    assert len([s for s in draw(picture, place(picture, "own")).flat if "proof" in s.style.role]) == 3  # and the legend
    ask = cm.CID([("z", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    unseen = spec_of(ask, proof=cm.admits_voi(ask, "z"))
    assert [(e.tail, e.head) for e in unseen.edges if e.proves] == [("z", "u")]
    with pytest.raises(cm.DiagramError, match="proved without one"):
        spec_of(cid, proof=cm.admits_voi(cid, "x"))


def test_each_ring_says_for_which_decisions_it_is() -> None:
    picture = spec_of(STEPS, rings=cm.incentives(STEPS), labels={"A@0": "first"})
    assert picture.node("S@1").remarks == ("VoI: A@1", "VoC: first, A@1, A@2", "RI: A@1, A@2", "ICI: first")
    assert "VoI: A@1" in [w.text for w in draw(picture, place(picture, "own")).flat if isinstance(w, Words)]


# Frames --------------------------------------------------------------------------------------------------------------


@settings(max_examples=examples(quick=5, full=12))
@given(cid=cids(min_chance=2, max_chance=4), direction=st.sampled_from(["down", "right"]))
def test_no_link_crosses_the_words_on_a_frame(cid: cm.CID, direction: Any) -> None:
    setup = cm.TrainingSetup(cid, deployments={"here": {cid.chance[0]}, "a longer name": {cid.chance[0]}})
    twin = setup.base_optimizer()
    copies = {c: [n for n in twin.nodes if n.endswith("@" + c)] for c in ("training", "here", "a longer name")}
    layout = place(spec_of(twin, groups=copies, direction=direction), "own")
    for words, (x, y) in layout.titles.items():
        frame = layout.frames[words]
        assert frame.left < x < x + width(words, theme.NOTE_SIZE) < frame.right
        for curve in layout.curves.values():
            for px, py in samples(curve, 40):
                assert not (x <= px <= x + width(words, theme.NOTE_SIZE) and y - theme.NOTE_SIZE <= py <= y)


# Probabilities -------------------------------------------------------------------------------------------------------


def test_probabilities_stand_in_the_nodes_under_evidence_and_policy() -> None:
    cid = cm.CID([("x", "d"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(x=cm.Bernoulli(0.25), d=[0, 1], u=lambda x, d: int(x == d))
    picture = render(model, show="marginals", policy="optimal")
    assert isinstance(picture, Picture)
    assert dict(picture.spec.node("x").shares) == {"0": 0.75, "1": 0.25}
    assert dict(picture.spec.node("u").shares)["1.0"] == 1.0
    words = [w.text for w in picture.drawing.flat if isinstance(w, Words)]
    assert "75%" in words
    bars = [s for s in picture.drawing.flat if isinstance(s, Polygon) and s.style.role == "share"]
    lengths = [bar.points[1][0] - bar.points[0][0] for bar in bars]
    assert lengths[0] == pytest.approx(3 * lengths[1])
    known = render(model, show="marginals", given={"x": 1}, policy={"d": lambda x: 0})
    assert isinstance(known, Picture)
    assert dict(known.spec.node("u").shares)["0.0"] == 1.0
    assert "x: " not in str(known)
    with pytest.raises(cm.NotApplicableError, match='show="marginals" needs probabilities'):
        render(cid, show="marginals")
    with pytest.raises(cm.DiagramError, match='show= is "marginals"'):
        render(model, given={"x": 1})


def test_of_many_values_the_most_probable_are_shown() -> None:
    shares = {i: 0.02 if i else 1 - 9 * 0.02 for i in range(10)}
    picture = spec_of(cm.CID(nodes=["x"]), shares={"x": shares})
    words = [w.text for w in draw(picture, place(picture, "own")).flat if isinstance(w, Words)]
    assert words == ["x", "0", "82%", "1", "2%", "2", "2%", "3", "2%", "4", "2%", "5 others", "10%"]


# Letters that fonts lack, and bytes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_letters_without_a_font_are_named_and_the_same_input_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib")
    odd = cm.CID([("a\U0010fffd", "S_1")])
    with pytest.warns(UserWarning, match=r"no font of this machine can draw .* \(U\+10FFFD\)"):
        first = render(odd, tmp_path / f"one.{ending}")
    plain = Picture(spec_of(STEPS, rings={"voi": ["S@0"]}, title="T"), "own")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = [plain.save(tmp_path / f"{name}.{ending}") for name in ("two", "three")]
    assert isinstance(first, Path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_letter_that_another_font_has_is_drawn_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    own, other = fonts._own(), "/elsewhere.ttf"
    letters = {own: frozenset("ab "), other: frozenset("語")}
    monkeypatch.setattr(fonts, "_letters", letters.__getitem__)
    monkeypatch.setattr(fonts, "_others", lambda: [("Elsewhere", other)])
    assert fonts.families(["a b"]) == [fonts.OWN]
    assert fonts.families(["a語"]) == [fonts.OWN, "Elsewhere"]
    with pytest.warns(UserWarning, match="fonts-noto-cjk"):
        fonts.families(["言"])


def test_drawing_says_nothing_on_the_error_channel_and_depends_on_no_hash_seed() -> None:
    code = (
        "import cidmesa as cm, sys; from cidmesa.render import to_svg, spec_of; "
        "cid = cm.CID([(f'x{i}', f'x{j}') for j in range(7) for i in range(j) if (i * 7 + j * 3) % 4 == 0]); "
        "sys.stdout.write(to_svg(spec_of(cid, rings={'voi': ['x0'], 'ici': ['x1']})))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_environment(seed), check=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout.startswith("<svg")
    assert runs[0].stderr == ""


def _environment(seed: str) -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": seed}


# What everybody can see ----------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    """The ratio of the Web Content Accessibility Guidelines 2.2."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_words_have_the_contrast_of_level_aa_on_everything_they_stand_on() -> None:
    grounds = [theme.PAPER, theme.CHANCE, theme.FRAME_FILL, *theme.AGENTS]
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for words in (theme.INK, theme.MUTED):
        assert min(contrast(words, ground) for ground in grounds) >= 4.5


def test_lines_and_rings_have_the_contrast_of_level_aa_and_differ_without_colour() -> None:
    for colour in (theme.INK, theme.ADDED, theme.REMOVED, theme.BAR, *(ring for ring, _, _ in theme.RINGS.values())):
        assert contrast(colour, theme.PAPER) >= 3
    assert len({dashes for _, dashes, _ in theme.RINGS.values()}) == len(theme.RINGS)
    assert len({theme.DOTS, theme.DASHES, ""}) == 3


def test_a_spec_is_plain_data_and_says_all_that_is_drawn() -> None:
    one, two = spec_of(STEPS, rank="time"), spec_of(STEPS, rank="time")
    assert isinstance(one, Spec)
    assert one == two
    assert draw(one, place(one)) == draw(two, place(two))


# One image -----------------------------------------------------------------------------------------------------------


def test_a_picture_looks_as_it_did(tmp_path: Path) -> None:
    """Pixels against a kept image; another ring in the same place is told apart."""
    image = pytest.importorskip("matplotlib.image")
    cid = cm.CID([("S_1", "act"), ("act", "pay"), ("S_1", "pay")], decisions=["act"], utilities=["pay"])

    def apart(rings: dict[str, list[str]]) -> float:
        raster.save(Picture(spec_of(cid, rings=rings), "own").drawing, tmp_path / "p.png", scale=1.0)
        now = image.imread(tmp_path / "p.png")[..., :3]
        assert now.shape == kept.shape
        return float(abs(now - kept).mean())

    kept = image.imread(Path(__file__).parent / "golden" / "small.png")[..., :3]
    assert apart({"voi": ["S_1"], "ici": ["pay"]}) < 0.003
    assert apart({"ri": ["S_1"], "ici": ["pay"]}) > 0.003

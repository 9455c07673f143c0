"""What is written: SVG, DOT, Mermaid, TikZ, PNG and PDF."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any, Never
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.render import Picture, mimebundle, render, spec_of, to_dot, to_mermaid, to_svg
from cidmesa.render.draw import describe
from cidmesa.render.metrics import text_width
from tests.strategies import cids, examples

CID = cm.CID([("seen", "act"), ("act", "pay"), ("seen", "pay")], decisions=["act"], utilities=["pay"])
SVG = "{http://www.w3.org/2000/svg}"


@settings(max_examples=examples(quick=25, full=500))
@given(cid=cids(max_chance=6))
def test_the_svg_has_a_shape_and_a_label_for_every_node_and_an_arrow_for_every_link(cid: cm.CID) -> None:
    root = ElementTree.fromstring(to_svg(spec_of(cid), "own"))
    words = [t.text for t in root.iter(f"{SVG}text")]
    assert sorted(words) == sorted(cid.nodes)
    assert len(list(root.iter(f"{SVG}ellipse"))) == len(cid.chance)
    assert len(list(root.iter(f"{SVG}path"))) == len(cid.edges)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for text in root.iter(f"{SVG}text"):
        half = text_width(text.text or "", float(text.get("font-size", "0"))) / 2
        assert half <= float(text.get("x", "0")) <= width - half
        assert 0 <= float(text.get("y", "0")) <= height


def test_the_svg_stands_alone_and_says_in_words_what_it_shows() -> None:
    text = to_svg(spec_of(CID, title="A <small> test"), "own")
    for outside in ("<style", "<script", "url(", "<image", "@import", "href"):
        assert outside not in text
    root = ElementTree.fromstring(text)
    assert root.findtext(f"{SVG}title") == "A <small> test"
    assert root.findtext(f"{SVG}desc") == (
        "chance: seen; decision: act; utility: pay; links: seen to act, act to pay, seen to pay."
    )


def test_information_links_are_dotted_and_rings_have_their_colours() -> None:
    text = to_svg(spec_of(CID, rings={"voi": ["seen"]}), "own")
    assert text.count('class="cid-ring cid-voi"') == 2  # on the node and in the legend
    dotted = [line for line in text.splitlines() if "<path" in line and "dasharray" in line]
    assert len(dotted) == 1
    assert describe(spec_of(CID.without_edges(("seen", "act")), against=CID)).endswith("seen to act (removed).")


def test_agents_are_numbered_where_there_are_several() -> None:
    two = cm.CID([("a", "b")], decisions={"x": ["a"], "y": ["b"]}, utilities={"x": [], "y": []})
    words = [t.text for t in ElementTree.fromstring(to_svg(spec_of(two), "own")).iter(f"{SVG}text")]
    assert words[:4] == ["a", "1", "b", "2"]
    assert "1" not in [t.text for t in ElementTree.fromstring(to_svg(spec_of(CID), "own")).iter(f"{SVG}text")]


def test_dot_names_criteria_that_it_cannot_ring() -> None:
    text = to_dot(spec_of(CID, rings={"voi": ["seen"], "ri": ["seen"]}, title='The "door"', groups={"w": ["seen"]}))
    assert '"seen" [shape=ellipse, fillcolor="#f7f8fa", label="seen\\nvoi+ri", color="#1d6fd8", penwidth=2]' in text
    assert 'label="The \\"door\\""; labelloc=t' in text
    assert 'subgraph cluster_0 { label="w"; "seen" }' in text
    pygraphviz = pytest.importorskip("pygraphviz", exc_type=ImportError)
    assert set(pygraphviz.AGraph(string=text).nodes()) == set(CID.nodes)


def test_mermaid_escapes_what_it_would_read_as_syntax() -> None:
    odd = cm.CID([('a"b', "c[d]")])
    text = to_mermaid(spec_of(odd, title="x"))
    assert '(["a#34;b"])' in text
    assert '(["c#91;d#93;"])' in text
    changed = to_mermaid(spec_of(CID.without_edges(("seen", "act")).with_edges(("x", "act")), against=CID))
    assert "-. gone .-x" in changed
    assert "linkStyle 2 stroke:#8a3fc7" in changed
    assert to_mermaid(spec_of(CID, groups={"frame": ["seen"]}, direction="right")).startswith("flowchart LR")


def test_tikz_escapes_names_and_draws_each_link() -> None:
    odd = cm.CID([("at_red", "x%"), ("x%", "u"), ("at_red", "u")], utilities=["u"])
    text = Picture(spec_of(odd, rings={"ici": ["at_red"]}, notes={"x%": "100%"}), "own").tikz
    assert r"{at\_red}" in text
    assert r"{x\%\\ \scriptsize\color{cidmuted}100\%}" in text
    assert text.count(r"\draw[causal]") == 3
    assert "draw=cidici" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("ending", ["svg", "dot", "gv", "mmd", "md", "tex"])
def test_the_ending_chooses_the_format(tmp_path: Path, ending: Any) -> None:
    path = render(CID, tmp_path / "new" / f"picture.{ending}", engine="own")
    starts = {"svg": "<?xml", "dot": "digraph", "gv": "digraph", "mmd": "flowchart", "md": "```mermaid", "tex": "%"}
    assert path.read_text(encoding="utf-8").startswith(starts[ending])


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_png_and_pdf_need_matplotlib_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: Any, magic: Any
) -> None:
    real = builtins.__import__

    def without(name: Any, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", without)
        with pytest.raises(cm.MissingDependencyError, match=f"{ending.upper()} needs `matplotlib`"):
            render(CID, tmp_path / f"p.{ending}", engine="own")
    pytest.importorskip("matplotlib")
    picture = spec_of(CID, title="$θ$", rings={"voi": ["seen"]}, notes={"pay": "paid"}, groups={"g": ["pay"]})
    path = Picture(picture, "own").save(tmp_path / f"p.{ending}")
    assert path.read_bytes().startswith(magic)


def test_an_unknown_ending_and_a_thing_without_a_diagram_are_refused(tmp_path: Path) -> None:
    with pytest.raises(cm.NotApplicableError, match=r"`picture\.jpg` ends in \.jpg"):
        render(CID, tmp_path / "picture.jpg")
    with pytest.raises(cm.NotApplicableError, match="got int"):
        render(3)
    with pytest.raises(cm.DiagramError, match="complete already"):
        render(spec_of(CID), title="late")


def test_models_and_specs_can_be_drawn() -> None:
    model = CID.parameterise(seen=cm.Bernoulli(0.5), act=[0, 1], pay=lambda seen, act: int(seen == act))
    assert render(model, engine="own").spec == spec_of(CID)
    assert repr(render(spec_of(CID, title="T"))) == "<Picture T: 3 nodes, 3 links>"


class Broken:
    @property
    def cid(self) -> Never:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("thing", [CID, Broken(), 3, None, cm.CID([(f"a{i}", f"a{i + 1}") for i in range(300)])])
def test_a_notebook_always_gets_text(thing: Any) -> None:
    bundle = mimebundle(thing)
    assert bundle["text/plain"]
    assert ("image/svg+xml" in bundle) == (thing is CID)


def test_a_notebook_gets_mermaid_where_drawing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Never:
        raise RuntimeError("no")

    monkeypatch.setattr("cidmesa.render.picture.to_svg", broken)
    assert mimebundle(CID)["text/markdown"].startswith("```mermaid")
    assert CID._repr_mimebundle_()["text/plain"] == repr(CID)


def test_every_letter_has_a_width() -> None:
    assert text_width("θ→語e\u0301", 10) == pytest.approx(7 + 7 + 10 + 6.15)

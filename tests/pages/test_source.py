"""What pages may write: links line by line, YAML, names, files; and the fence for MkDocs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import cidmesa as cm
from cidmesa.pages.mkdocs import fence
from cidmesa.pages.request import Request, pictures, tables
from cidmesa.pages.source import SourceError, read_inline, read_links, read_named
from tests.strategies import cids, examples


def written(cid: cm.CID) -> str:
    """Write a diagram as the grammar has it."""
    kinds = {"chance": "{}", "decision": "[{}]", "utility": "<{}>"}
    return "\n".join(
        [kinds[cid.kind(name)].format(name) for name in cid.nodes] + [f"{tail} -> {head}" for tail, head in cid.edges]
    )


@settings(max_examples=examples(quick=60, full=200))
@given(cid=cids(max_chance=6))
def test_any_diagram_of_one_agent_can_be_written_line_by_line(cid: cm.CID) -> None:
    found = read_inline(written(cid))
    assert (found.nodes, set(found.edges)) == (cid.nodes, set(cid.edges))
    assert (found.decisions, found.utilities) == (cid.decisions, cid.utilities)


def test_chains_groups_marks_and_latent_causes() -> None:
    cid = read_links("# remark\na, b -> [do it] -> <pay>  # said aside\na <-> c\n(e) -> c\n")
    assert cid.edges[:3] == (("a", "do it"), ("b", "do it"), ("do it", "pay"))
    assert set(cid.latent) == {"e", "common cause of a and c"}
    assert cid.children("common cause of a and c") == ("a", "c")
    assert read_links("a -> d -> u", decisions=["d"], utilities=["u"]).decisions == ("d",)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a -> b\n\na - b", 3, "is no link and no node"),
        ("a -> b\n[c -> d", 2, "does not end with ]"),
        ("a -> ", 1, "is no link"),
        ("a -> b\nb -> a", 2, "cycle"),
        ("cidmesa: 1\nedges:\n- [a, b]\n- [b, a]", 2, "cycle"),
        ("edges:\n- [a, b]\n- [b, a]", 1, "cycle"),
        ("nodes: [a", 1, "not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read_inline(text)
    assert caught.value.line == line


def test_names_and_files(tmp_path: Path) -> None:
    _, system = read_named("red-door", tmp_path)
    assert system.name == "red-door"
    assert read_named("content-recommender", tmp_path)[0].utilities == ("clicks",)
    cm.write(cm.CID([("a", "b")]), tmp_path / "x.cid.yaml")
    assert read_named("x.cid.yaml", tmp_path) == (cm.CID([("a", "b")]), None)
    (tmp_path / "bad.cid.yaml").write_text("cidmesa: 1\nedges: 3\n", encoding="utf-8")
    with pytest.raises(SourceError, match="bad"):
        read_named("bad.cid.yaml", tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"view": "mesa:nowhere"}, "nowhere"),
        ({"view": "bse"}, "did you mean `base`"),
        ({"overlay": "vio"}, "`vio` is none of them"),
        ({"direction": "up"}, "direction is down or right"),
        ({"engine": "neato"}, "engine= is one of"),
        ({"deployment": "elsewhere"}, "elsewhere"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_words(options: dict[str, str], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        pictures(Request(text="x -> [d] -> <u>\nx -> u", options=options))


def test_views_stand_side_by_side_in_one_layout() -> None:
    base, mesa = pictures(Request("red-door", options={"view": "base mesa:at_red", "engine": "own"}))
    assert base.layout.boxes["door"].x == mesa.layout.boxes["door"].x
    assert mesa.spec.title.startswith("Mesa-optimizer of at_red")


def test_a_table_is_of_all_decisions_or_of_one_and_of_a_deployment() -> None:
    text = "x -> [d] -> [e] -> <u>\nx -> u"
    both = tables(Request(text=text))
    one = tables(Request(text=text, options={"decision": "e"}))
    assert [table.caption for table in both] == ["Incentives of `d`", "Incentives of `e`"]
    assert one == both[1:]
    assert tables(Request("red-door", options={"deployment": "repainted"}))[0].columns[0] == "node"
    with pytest.raises(SourceError, match="only a training setup has deployments"):
        tables(Request(text=text, options={"deployment": "x"}))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (":view: base\n:alt: Said aloud.\nx -> [d] -> <u>", "Said aloud."),
        (":from: content-recommender\n:overlay: voi", "cid-voi"),
        (":veiw: base\na -> b", "did you mean `view`"),
        (":title: T\na -> b\nb - a", "line 3: `b - a` is no link"),
        ("", "the name of a diagram, or one written out below"),
    ],
)
def test_the_fence_of_mkdocs_draws_or_says_what_is_wrong(source: str, words: str) -> None:
    assert words in fence(source, "cid", "cid", {}, None)


def test_the_fence_works_in_the_markdown_of_mkdocs() -> None:
    markdown: Any = pytest.importorskip("markdown")
    pytest.importorskip("pymdownx")
    html = markdown.markdown(
        "```cid\na -> [d]\n```",
        extensions=["pymdownx.superfences"],
        extension_configs={"pymdownx.superfences": {"custom_fences": [{"name": "cid", "class": "c", "format": fence}]}},
    )
    assert "<svg" in html

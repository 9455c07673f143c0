"""Documents: one list of blocks, four ways to write it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.documents.blocks import Figure, Heading, Paragraph
from cidmesa.documents.document import Document
from cidmesa.render import Picture, spec_of
from cidmesa.shown import Cell, Table, columns, table_lines
from tests.strategies import examples

CID = cm.CID([("seen", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
TABLE = Table(
    ("target", "regret"),
    ((Cell("`at_red`", "strong"), Cell("0.5", "bad")), ("`a|b`", "1 < 2 & 3 % 4")),
    "lr",
    caption="Regret of `at_red`",
    note="A note.",
)
DOCUMENT = Document(
    "A <title>",
    (
        Heading("Part & one"),
        Paragraph("What `act` wants."),
        TABLE,
        Figure(
            (Picture(spec_of(CID, title="Base"), "own"), Picture(spec_of(CID, title="Again"), "own")), "Two pictures."
        ),
        Heading("Part two"),
        Heading("Below", 2),
        Paragraph("An aside.", muted=True),
    ),
    "from a source",
    footer="The end.",
)

TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40)


@settings(max_examples=examples(quick=150, full=3000))
@given(data=st.data(), width=st.integers(30, 120))
def test_tables_fit_the_terminal_and_break_between_words_only(data: st.DataObject, width: Any) -> None:
    count = data.draw(st.integers(1, 4))
    words = st.lists(st.text("abcdefghij", min_size=1, max_size=9), max_size=8).map(" ".join)
    rows = data.draw(st.lists(st.tuples(*[words] * count), max_size=5))
    align = data.draw(st.text("lrc", min_size=count, max_size=count))
    table = Table(tuple(f"c{i}" for i in range(count)), tuple(rows), align)
    lines = table_lines(table, width)
    assert all(columns(line) <= width for line in lines)
    words_of = lambda lines: sorted(word for line in lines for word in line.split() if "─" not in word)  # noqa: E731
    heads = table.columns if any("─" in line for line in lines) else table.columns * len(rows)  # stacked: once a row
    assert words_of(lines) == words_of([*heads, *(c for row in rows for c in row)])


def test_a_terminal_table_is_aligned_by_what_is_seen_not_by_letters() -> None:
    table = Table(("a", "b"), (("語語", "1"), ("e\u0301", "22")), "lr")
    assert table_lines(table, 40) == ["a      b", "────  ──", "語語   1", "e\u0301     22"]


def test_colours_only_where_they_are_wanted() -> None:
    assert "\x1b" not in DOCUMENT.text(80)
    painted = DOCUMENT.text(80, colour=True)
    assert "\x1b[31m0.5\x1b[0m" in painted
    assert re.sub(r"\x1b\[\d+m", "", painted) == DOCUMENT.text(80)


class Checker(HTMLParser):
    """Collects ids and links, and complains about tags that do not match."""

    VOID = frozenset({"meta", "br", "ellipse", "rect", "path", "polygon"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        found = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        self.links += [found[name] for name in ("href", "src") if name in found]

    def handle_startendtag(self, tag: Any, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: Any) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: st.DataObject) -> None:
        self.text.append(data)


def checked(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    return checker


def test_the_page_stands_alone() -> None:
    page = DOCUMENT.html
    checker = checked(page)
    assert page.startswith("<!DOCTYPE html>")
    assert checker.links == ["#s1", "#s2"]
    assert set(checker.ids) >= {"s1", "s2", "p1-t", "p2-t"}
    for outside in ("<script", "@import", "url(", "http://", "https://"):
        assert outside not in page.replace("http://www.w3.org/2000/svg", "")
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "1 < 2 & 3 % 4" in "".join(checker.text)
    assert '<span class="bad">0.5</span>' in page


@settings(max_examples=examples(quick=60, full=1000))
@given(text=TEXTS)
def test_no_text_breaks_the_page(text: Any) -> None:
    document = Document(
        text, (Heading(text), Paragraph(text), Table((text,), ((text,), (Cell(text, "bad"),)), caption=text))
    )
    assert text.replace("`", "") in "".join(checked(document.html).text).replace("`", "")
    assert document.markdown
    assert document.text(60)


def test_a_notebook_shows_the_fragment() -> None:
    checker = checked(DOCUMENT._repr_html_())
    assert checker.links == []
    assert "Part & one" in "".join(checker.text)


def test_markdown_has_pipes_and_mermaid() -> None:
    text = DOCUMENT.markdown
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows[1] == "|:-------------|--------------:|"
    assert rows[2] == "| **`at_red`** |           0.5 |"
    assert len({len(row) for row in rows}) == 1
    assert r"`a\|b`" in text
    assert text.count("```mermaid") == 2
    assert "## Part & one" in text
    assert "### Below" in text
    assert "**Regret of `at_red`**" in text


def test_latex_escapes_and_uses_booktabs() -> None:
    text = DOCUMENT.latex
    assert r"\texttt{at\_red}" in text
    assert r"1 $<$ 2 \& 3 \% 4" in text
    for words in (
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
        r"\caption{Regret of \texttt{at\_red}}",
        r"\begin{tikzpicture}",
    ):
        assert words in text
    assert text.count("{") == text.count("}")


def test_latex_names_what_it_needs_and_survives_brackets_and_signs() -> None:
    text = Document("A", (Table(("a", "b"), (("x", "✓"), ("[0, 1]", "−red ≥ σ"))),)).latex
    assert r"\usepackage{amssymb, array, booktabs, tikz}" in text
    assert r"x & $\checkmark$ \\" in text
    assert r"\begin{tabular}{ll}" in text
    assert r"\begin{tabular}{l>{\raggedright" in Document("A", (Table(("a", "b"), (("x", "word " * 9),)),)).latex
    assert r"{}[0, 1] & $-$red $\ge$ $\sigma$ \\" in text


def test_pictures_stand_three_in_a_line() -> None:
    picture = DOCUMENT.blocks[[isinstance(block, Figure) for block in DOCUMENT.blocks].index(True)].pictures[0]
    text = Document("A", (Figure((picture,) * 7),)).latex
    assert text.count(r"\resizebox{") == 3
    assert text.count(r"\begin{tikzpicture}") == 7
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize(
    ("ending", "start"), [("html", "<!DOCTYPE"), ("md", "# A"), ("tex", "% needs"), ("txt", "A <")]
)
def test_the_ending_chooses_the_format(tmp_path: Path, ending: Any, start: Any) -> None:
    assert DOCUMENT.save(tmp_path / "new" / f"r.{ending}").read_text(encoding="utf-8").startswith(start)
    with pytest.raises(cm.NotApplicableError, match=r"got `r\.doc`"):
        DOCUMENT.save(tmp_path / "r.doc")


def test_a_table_has_as_many_cells_as_columns() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Table(("a", "b"), (("x",),))


def test_blocks_can_be_added() -> None:
    assert DOCUMENT.__add__([Paragraph("more")]).blocks[-1] == Paragraph("more")
    assert str(DOCUMENT).startswith("A <title>\n═════════\nfrom a source\n")

"""A report as plain blocks: headings, paragraphs, tables, figures.

The same document is printed in a terminal, laid out as a page, or pasted into a paper; only the writers
(:mod:`~cidmesa.documents.terminal`, :mod:`~cidmesa.documents.html`, :mod:`~cidmesa.documents.markdown`,
:mod:`~cidmesa.documents.latex`) differ. Words between back-ticks are names, everywhere.

>>> table = Table(("node", "VoI"), (("door", Cell("yes", "good")), ("red", "·")), caption="incentives")
>>> print(Document("Red door", (Paragraph("What `go` wants."), table)).markdown)
# Red door
<BLANKLINE>
What `go` wants.
<BLANKLINE>
**incentives**
<BLANKLINE>
| node | VoI |
|:-----|:----|
| door | yes |
| red  | ·   |
<BLANKLINE>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from cidmesa.errors import NotApplicableError
from cidmesa.render.picture import Picture

Tone: TypeAlias = Literal["", "good", "bad", "open", "muted", "strong"]
"""What a cell is to the reader: as claimed, against the claim, undecided, aside, important."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with a tone; a plain text is a cell without."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 (a part) or 2."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `muted` for an aside."""

    text: str
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes
    ----------
    columns
        Headings.
    rows
        Texts or cells, as many as columns.
    align
        One letter a column, ``l``, ``r`` or ``c``; all ``l`` if left out.
    caption, note
        Words above and below.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    align: str = ""
    caption: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(row)} cells for {len(self.columns)} columns: {row!r}.")
        if not self.align:
            object.__setattr__(self, "align", "l" * len(self.columns))

    @property
    def cells(self) -> list[list[Cell]]:
        """All rows, every entry a :class:`Cell`."""
        return [[c if isinstance(c, Cell) else Cell(c) for c in row] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Figure:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]
    caption: str = ""


Block: TypeAlias = Heading | Paragraph | Table | Figure


@dataclass(frozen=True, slots=True)
class Document:
    """A title and blocks."""

    title: str
    blocks: tuple[Block, ...] = ()
    subtitle: str = ""
    footer: str = field(default="", kw_only=True)

    def __add__(self, blocks: Sequence[Block]) -> Document:
        """Return the document with more blocks at the end."""
        return Document(self.title, (*self.blocks, *blocks), self.subtitle, footer=self.footer)

    def text(self, width: int = 100, *, colour: bool = False) -> str:
        """Write for a terminal of `width` columns."""
        from cidmesa.documents import terminal

        return terminal.write(self, width, colour=colour)

    @property
    def html(self) -> str:
        """The document as one self-contained page."""
        from cidmesa.documents import html

        return html.write(self)

    @property
    def markdown(self) -> str:
        """The document as Markdown; pictures in Mermaid."""
        from cidmesa.documents import markdown

        return markdown.write(self)

    @property
    def latex(self) -> str:
        """The document as a LaTeX fragment: ``booktabs`` tables, TikZ pictures."""
        from cidmesa.documents import latex

        return latex.write(self)

    def save(self, path: str | Path) -> Path:
        """Write the document; the ending chooses the format: ``.html``, ``.md``, ``.tex`` or ``.txt``."""
        target = Path(path)
        written = {
            ".html": lambda: self.html,
            ".md": lambda: self.markdown,
            ".tex": lambda: self.latex,
            ".txt": lambda: self.text() + "\n",
        }
        if target.suffix not in written:
            raise NotApplicableError(f"a report is written as {', '.join(written)}; got `{target.name}`.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(written[target.suffix](), encoding="utf-8")
        return target

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from cidmesa.documents import html

        return html.fragment(self)

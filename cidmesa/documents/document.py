"""A report as plain blocks: headings, paragraphs, tables, figures.

The same document is printed in a terminal, laid out as a page, or pasted into a paper; only the writers
(:mod:`~cidmesa.documents.terminal`, :mod:`~cidmesa.documents.html`, :mod:`~cidmesa.documents.markdown`,
:mod:`~cidmesa.documents.latex`) differ. Words between back-ticks are names, everywhere.

>>> from cidmesa.documents.blocks import Paragraph
>>> from cidmesa.shown import Cell, Table
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

from cidmesa.documents import html, latex, markdown, terminal
from cidmesa.documents.blocks import Block
from cidmesa.errors import NotApplicableError


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
        return terminal.write(self.title, self.blocks, self.subtitle, self.footer, width=width, colour=colour)

    @property
    def html(self) -> str:
        """The document as one self-contained page."""
        return html.write(self.title, self.blocks, self.subtitle, self.footer)

    @property
    def markdown(self) -> str:
        """The document as Markdown; pictures in Mermaid."""
        return markdown.write(self.title, self.blocks, self.subtitle, self.footer)

    @property
    def latex(self) -> str:
        """The document as a LaTeX fragment: ``booktabs`` tables, TikZ pictures."""
        return latex.write(self.title, self.blocks, self.subtitle)

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
        return html.fragment(self.title, self.blocks, self.subtitle, self.footer)

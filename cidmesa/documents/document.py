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

from cidmesa.disk import write_text
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

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the document as one self-contained page, and write it to `path` if one is given."""
        return _written(self.html, path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """Return the document as Markdown, and write it to `path` if one is given."""
        return _written(self.markdown, path)

    def to_latex(self, path: str | Path | None = None) -> str:
        """Return the document as a LaTeX fragment, and write it to `path` if one is given."""
        return _written(self.latex, path)

    def show(self) -> None:
        """Show the document: in a notebook as its page, else as text on standard output."""
        try:
            from IPython import get_ipython
        except ImportError:
            shell = None
        else:
            shell = get_ipython()
        if shell is None:
            print(self.text(), end="")
        else:
            from IPython.display import display

            display(self)  # type: ignore[no-untyped-call, unused-ignore]

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
        write_text(target, written[target.suffix]())
        return target

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return html.fragment(self.title, self.blocks, self.subtitle, self.footer)


def _written(text: str, path: str | Path | None) -> str:
    """Return a text after writing it to a file, where one is given: whole or not at all."""
    if path is not None:
        write_text(Path(path), text)
    return text

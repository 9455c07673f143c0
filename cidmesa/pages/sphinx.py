"""Directives for Sphinx, in reST and MyST: ``cid`` draws a diagram, ``incentives`` tabulates who wants what.

HTML gets the picture itself (SVG, in which the keyboard goes from node to node), LaTeX gets TikZ, other builders the
picture in words. Nothing is kept between documents, so any number of workers may read them, and a document is read
again when a file changes that it draws. What is wrong is reported at the line of the document.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from cidmesa._version import __version__
from cidmesa.documents.latex import fitted
from cidmesa.pages.request import OPTIONS, Request, described, pictures, tables
from cidmesa.pages.source import SourceError
from cidmesa.render.picture import Picture
from cidmesa.shown import Table

_LIBRARIES = "\\usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}"


class cid_picture(nodes.General, nodes.Element):  # noqa: N801  (docutils names the visitors after the class)
    """Pictures in a document: their SVG, TikZ and words."""


class _Directive(SphinxDirective):
    """What both directives share: a name or a diagram below, and errors at their lines."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def request(self) -> Request:
        """Read what stands in the document."""
        source = Path(self.env.doc2path(self.env.docname))
        options = {key: value for key, value in self.options.items() if isinstance(value, str)}
        name = self.arguments[0].strip() if self.arguments else ""
        if name and (source.parent / name).is_file():  # a file that is wrong is read again when it is mended, too
            self.env.note_dependency(str(source.parent / name))
        return Request(name, "\n".join(self.content), options, source.parent)

    def failed(self, error: SourceError) -> list[nodes.Node]:
        """Report an error at the line it is about, and go on."""
        above = self.content_offset
        if type(self.state).__module__.startswith("myst_parser"):  # counts from the directive, reST from the document
            above += self.lineno
        line = self.lineno if error.line == 0 else above + error.line
        words = re.sub(r"^line \d+: ", "", str(error))
        return [self.state.document.reporter.error(f"{self.name}: {words}", line=line)]


class CidDirective(_Directive):
    """Draws a diagram; see ``docs/pictures.md``."""

    option_spec: ClassVar[Any] = {
        **dict.fromkeys(OPTIONS, directives.unchanged_required),
        "caption": directives.unchanged_required,
        "alt": directives.unchanged_required,
        "name": directives.unchanged,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        """Return a figure with the pictures asked for."""
        try:
            drawn = pictures(self.request())
        except SourceError as error:
            return self.failed(error)
        place = sha256(self.env.docname.encode()).hexdigest()[:6]
        picture = cid_picture("", **self._written(drawn, f"cid-{place}-{self.env.new_serialno('cid')}"))
        figure = nodes.figure("", picture, classes=["cid-figure", *self.options.get("class", [])])
        self.set_source_info(figure)
        if "caption" in self.options:
            words, messages = self.state.inline_text(self.options["caption"], self.lineno)
            figure += [nodes.caption(self.options["caption"], "", *words), *messages]
        self.add_name(figure)
        return [figure]

    def _written(self, drawn: Sequence[Picture], identifier: str) -> dict[str, str]:
        """Write the pictures for every kind of builder; a document that is kept holds text alone."""
        told = [described(picture, self.options.get("alt", "")) for picture in drawn]
        return {
            "html": "\n".join(picture.inline(f"{identifier}-{i}") for i, picture in enumerate(told)),
            "latex": fitted(drawn),
            "words": " ".join(picture.drawing.description for picture in told),
        }


class IncentivesDirective(_Directive):
    """Tabulates the incentives of a diagram."""

    option_spec: ClassVar[Any] = {
        **dict.fromkeys(("decision", "deployment", "decisions", "utilities"), directives.unchanged_required),
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        """Return a table a decision."""
        try:
            found = tables(self.request())
        except SourceError as error:
            return self.failed(error)
        written: list[nodes.Node] = []
        for table in found:
            written += [_table(table, self.options.get("class", [])), _paragraph(table.note)]
        return written or [_paragraph("The diagram has no decision, so nobody has an incentive.")]


def _table(table: Table, classes: list[str]) -> nodes.table:
    widths = [max([len(column), *(len(row[i].text) for row in table.cells)]) for i, column in enumerate(table.columns)]
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in widths), cols=len(widths))
    group += nodes.thead("", _row(table.columns))
    group += nodes.tbody("", *(_row([cell.text for cell in row]) for row in table.cells))
    title = nodes.title(table.caption, "", *_inline(table.caption))
    return nodes.table("", title, group, classes=["cid-incentives", *classes])


def _row(texts: Sequence[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", _paragraph(text)) for text in texts))


def _paragraph(text: str) -> nodes.paragraph:
    return nodes.paragraph(text, "", *_inline(text))


def _inline(text: str) -> list[nodes.Node]:
    """Read the little mark-up that tables have: names between backticks."""
    parts = re.split(r"`([^`]*)`", text)
    return [nodes.literal(p, p) if i % 2 else nodes.Text(p) for i, p in enumerate(parts) if p]


# What builders write -------------------------------------------------------------------------------------------------


def _html(translator: Any, node: cid_picture) -> None:
    style = "display:flex;flex-wrap:wrap;gap:1em;justify-content:center;align-items:flex-start"
    translator.body.append(f'<div class="cid-pictures" style="{style}">\n{node["html"]}</div>\n')
    raise nodes.SkipNode


def _latex(translator: Any, node: cid_picture) -> None:
    translator.body.append(f"\n\\begingroup\\centering\n{node['latex']}\n\\par\\endgroup\n")
    raise nodes.SkipNode


def _text(translator: Any, node: cid_picture) -> None:
    translator.add_text(f"[{node['words']}]")
    raise nodes.SkipNode


def _other(translator: Any, node: cid_picture) -> None:
    translator.body.append(node["words"])
    raise nodes.SkipNode


def _with_tikz(app: Sphinx, config: Config) -> None:
    config.latex_elements = {**config.latex_elements}
    config.latex_elements["preamble"] = f"{config.latex_elements.get('preamble', '')}\n{_LIBRARIES}\n"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the directives to a Sphinx application."""
    app.add_node(
        cid_picture,
        html=(_html, None),
        epub=(_html, None),
        latex=(_latex, None),
        text=(_text, None),
        man=(_other, None),
        texinfo=(_other, None),
    )
    app.add_directive("cid", CidDirective)
    app.add_directive("incentives", IncentivesDirective)
    for package in ("amssymb", "tikz"):
        app.add_latex_package(package)
    app.connect("config-inited", _with_tikz)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}

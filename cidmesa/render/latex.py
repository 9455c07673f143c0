r"""A document as a LaTeX fragment: needs ``booktabs``, ``tikz``, and ``\usetikzlibrary`` as its pictures say."""

from __future__ import annotations

import re

from cidmesa.render.document import Block, Cell, Document, Figure, Heading, Paragraph, Table
from cidmesa.render.tikz import escaped

_TONES = {"strong": r"\textbf{%s}", "muted": r"\textcolor{gray}{%s}", "bad": r"\emph{%s}"}


_FIT = r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
"""Opens a box that shrinks to the line where it would be wider; ``graphicx`` comes with ``tikz``."""


def write(document: Document) -> str:
    """Write a document as LaTeX sections, to be included in a paper."""
    parts = [
        "% needs: \\usepackage{booktabs, tikz}; \\usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}",
        rf"\section*{{{_text(document.title)}}}",
    ]
    parts += [rf"\emph{{{_text(document.subtitle)}}}"] if document.subtitle else []
    return "\n\n".join([*parts, *(_block(block) for block in document.blocks)]) + "\n"


def table(block: Table) -> str:
    """Write a table in the style of ``booktabs``."""
    head = " & ".join(_text(column) for column in block.columns) + r" \\"
    rows = [" & ".join(_cell(cell) for cell in row) + r" \\" for row in block.cells]
    lines = [
        r"\begin{table}[htbp]",
        r"  \centering\small",
        *([rf"  \caption{{{_text(block.caption)}}}"] if block.caption else []),
        _FIT,
        rf"  \begin{{tabular}}{{{block.align}}}",
        r"    \toprule",
        f"    {head}",
        r"    \midrule",
        *(f"    {row}" for row in rows),
        r"    \bottomrule",
        r"  \end{tabular}}",
        *([rf"  \par\smallskip\parbox{{\linewidth}}{{\footnotesize {_text(block.note)}}}"] if block.note else []),
        r"\end{table}",
    ]
    return "\n".join(lines)


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return rf"\{'sub' * level}section*{{{_text(text)}}}"
        case Paragraph(text=text):
            return _text(text)
        case Table():
            return table(block)
        case Figure(pictures=pictures, caption=caption):
            drawn = "\n\\hspace{1em}\n".join(_boxed(picture.tikz) for picture in pictures)
            words = rf"  \caption{{{_text(caption)}}}" + "\n" if caption else ""
            return f"\\begin{{figure}}[htbp]\n  \\centering\n{_FIT}\n{drawn}}}\n{words}\\end{{figure}}"


def _boxed(tikz: str) -> str:
    """Align the tops of pictures side by side, and keep their colours to themselves."""
    return "{" + tikz.replace("[x=1pt,", "[baseline=(current bounding box.north), x=1pt,", 1) + "}"


def _cell(cell: Cell) -> str:
    text = _text(cell.text)
    return _TONES[cell.tone] % text if cell.tone in _TONES and text else text


def _text(text: str) -> str:
    parts = re.split(r"`([^`]*)`", text)
    return "".join(rf"\texttt{{{escaped(part)}}}" if i % 2 else escaped(part) for i, part in enumerate(parts))

r"""A document as a LaTeX fragment: needs ``amssymb, array, booktabs, tikz`` and the libraries of its pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cidmesa.documents.blocks import Beside, Block, Figure, Fold, Heading, Paragraph, Points
from cidmesa.plots import Chart
from cidmesa.render.latex import escaped
from cidmesa.render.picture import Picture
from cidmesa.shown import Cell, Table

_TONES = {"strong": r"\textbf{%s}", "muted": r"\textcolor{gray}{%s}", "bad": r"\emph{%s}"}


_IN_A_LINE = 3
"""Pictures side by side; with more of them nobody could read the names."""

_END = "}}"
"""Closes what :func:`_fit` opens."""


def _fit(lines: int = 1) -> str:
    """Open a box that shrinks to the line where it is wider, and to its part of the page where it is taller.

    ``graphicx`` comes with ``tikz``.
    """
    tall = rf"{0.78 / lines:.2f}\textheight"
    return (
        rf"  \resizebox*{{!}}{{\ifdim\totalheight>{tall} {tall}\else\totalheight\fi}}{{%" + "\n"
        r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    )


def write(title: str, blocks: Sequence[Block], subtitle: str = "") -> str:
    """Write a title and blocks as LaTeX sections, to be included in a paper."""
    parts = [
        "% needs: \\usepackage{amssymb, array, booktabs, tikz}",
        "% and: \\usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}",
        rf"\section*{{{_text(title)}}}",
    ]
    parts += [rf"\emph{{{_text(subtitle)}}}"] if subtitle else []
    return "\n\n".join([*parts, *(_block(block) for block in blocks)]) + "\n"


def table(block: Table) -> str:
    """Write a table in the style of ``booktabs``."""
    head = " & ".join(_text(column) for column in block.columns) + r" \\"
    rows = [" & ".join(_cell(cell) for cell in row) + r" \\" for row in block.cells]
    # After the end of a line TeX would take a bracket for a length and a star for an order not to break the page.
    rows = ["{}" + row if row.startswith(("[", "*")) else row for row in rows]
    lines = [
        r"\begin{table}[htbp]",
        r"  \centering\small",
        *([rf"  \caption{{{_text(block.caption)}}}"] if block.caption else []),
        _fit(),
        rf"  \begin{{tabular}}{{{_columns(block)}}}",
        r"    \toprule",
        f"    {head}",
        r"    \midrule",
        *(f"    {row}" for row in rows),
        r"    \bottomrule",
        r"  \end{tabular}" + _END,
        *([rf"  \par\smallskip\parbox{{\linewidth}}{{\footnotesize {_text(block.note)}}}"] if block.note else []),
        r"\end{table}",
    ]
    return "\n".join(lines)


_LONG = 32
"""Letters from which on the cells of a column are broken into lines."""


def _columns(block: Table) -> str:
    """Return the column types: long texts in lines of their own, or the whole table would shrink with them."""
    longest = [max((len(row[i].text) for row in block.cells), default=0) for i in range(len(block.columns))]
    broken = r">{\raggedright\arraybackslash}p{4.5cm}"
    kinds = zip(block.align, longest, strict=True)
    return "".join(broken if kind == "l" and letters > _LONG else kind for kind, letters in kinds)


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return rf"\{'sub' * level}section*{{{_text(text)}}}"
        case Paragraph(text=text):
            return _text(text)
        case Points(cells=cells):
            items = [rf"  \item {_cell(cell)}" for cell in cells]
            return "\n".join([r"\begin{itemize}", *items, r"\end{itemize}"]) if items else ""
        case Table():
            return table(block)
        case Chart(caption=caption):
            return rf"\emph{{{_text(caption)}}} (A chart: see the page.)"
        case Beside(left=left, right=right):
            return "\n\n".join(map(_block, (*left, *right)))
        case Fold(summary=summary, blocks=inside):
            return "\n\n".join([rf"\paragraph{{{_text(summary)}}}", *map(_block, inside)])
        case Figure(pictures=pictures, caption=caption):
            drawn = fitted(pictures)
            words = rf"  \caption{{{_text(caption)}}}" + "\n" if caption else ""
            return f"\\begin{{figure}}[htbp]\n  \\centering\n{drawn}\n{words}\\end{{figure}}"


def fitted(pictures: Sequence[Picture]) -> str:
    """Write pictures side by side in lines that fit the page."""
    boxes = [_boxed(picture.tikz) for picture in pictures]
    lines = [boxes[i : i + _IN_A_LINE] for i in range(0, len(boxes), _IN_A_LINE)]
    rows = (_fit(len(lines)) + "\n" + "\n\\hspace{1em}\n".join(line) + _END for line in lines)
    return "\n\\par\\medskip\n".join(rows)


def _boxed(tikz: str) -> str:
    """Align the tops of pictures side by side, and keep their colours to themselves."""
    return "{" + tikz.replace("[x=1pt,", "[baseline=(current bounding box.north), x=1pt,", 1) + "}"


def _cell(cell: Cell) -> str:
    text = _text(cell.text)
    return _TONES[cell.tone] % text if cell.tone in _TONES and text else text


def _text(text: str) -> str:
    parts = re.split(r"`([^`]*)`", text)
    return "".join(rf"\texttt{{{escaped(part)}}}" if i % 2 else escaped(part) for i, part in enumerate(parts))

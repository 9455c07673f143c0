"""A document as Markdown, as GitHub reads it; pictures become Mermaid."""

from __future__ import annotations

from collections.abc import Sequence

from cidmesa.documents.blocks import Beside, Block, Figure, Fold, Heading, Paragraph, Points
from cidmesa.plots import Chart
from cidmesa.render.mermaid import to_mermaid
from cidmesa.shown import Cell, Table, columns, inline

_MARKS = {"good": "✓ ", "bad": "✗ ", "open": "? "}


def write(title: str, blocks: Sequence[Block], subtitle: str = "", footer: str = "") -> str:
    """Write a title and blocks as Markdown."""
    parts = [f"# {title}"]
    parts += [f"*{subtitle}*"] if subtitle else []
    parts += [_block(block) for block in blocks]
    parts += [f"*{footer}*"] if footer else []
    return "\n\n".join(parts) + "\n"


def table(block: Table) -> str:
    """Write a table with pipes, its columns aligned in the source too."""
    rows = [[_escaped(_marked(cell)) for cell in row] for row in block.cells]
    heads = [_escaped(head) for head in block.columns]
    widths = [max([3, columns(head), *(columns(row[i]) for row in rows)]) for i, head in enumerate(heads)]
    lines = [_line(heads, widths, block.align)]
    rules = {"l": lambda w: ":" + "-" * (w + 1), "r": lambda w: "-" * (w + 1) + ":", "c": lambda w: ":" + "-" * w + ":"}
    lines.append("|" + "|".join(rules[side](width) for side, width in zip(block.align, widths, strict=True)) + "|")
    lines += [_line(row, widths, block.align) for row in rows]
    parts = [f"**{block.caption}**"] if block.caption else []
    parts.append("\n".join(lines))
    parts += [f"*{block.note}*"] if block.note else []
    return "\n\n".join(parts)


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"{'#' * (level + 1)} {text}"
        case Paragraph(text=text, muted=muted):
            return f"*{text}*" if muted else text
        case Points(cells=cells):
            return "\n".join(f"- {_MARKS.get(cell.tone, '')}{cell.text}" for cell in cells)
        case Table():
            return table(block)
        case Chart(caption=caption):
            return f"*{caption}* (A chart: see the page.)"
        case Beside(left=left, right=right):
            return "\n\n".join(map(_block, (*left, *right)))
        case Fold(summary=summary, blocks=inside):
            written = "\n\n".join(map(_block, inside))
            return f"<details>\n<summary>{inline(summary)}</summary>\n\n{written}\n\n</details>"
        case Figure(pictures=pictures, caption=caption):
            drawn = [f"```mermaid\n{to_mermaid(picture.spec)}\n```" for picture in pictures]
            return "\n\n".join([*drawn, *([f"*{caption}*"] if caption else [])])


def _line(cells: list[str], widths: list[int], align: str) -> str:
    padded = []
    for cell, width, side in zip(cells, widths, align, strict=True):
        room = " " * (width - columns(cell))
        padded.append(room + cell if side == "r" else cell + room)
    return "| " + " | ".join(padded) + " |"


def _marked(cell: Cell) -> str:
    if cell.tone == "strong" and cell.text:
        return f"**{cell.text}**"
    return cell.text


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", "<br>")

"""A document in a terminal: aligned tables that fit its width, colour only where there is one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from cidmesa import shown
from cidmesa.documents.blocks import Beside, Block, Figure, Fold, Heading, Paragraph, Points
from cidmesa.plots import Chart
from cidmesa.render.spec import Spec
from cidmesa.shown import COLOURS, Cell, Table, bare, columns, painted


def write(
    title: str, blocks: Iterable[Block], subtitle: str = "", footer: str = "", *, width: int = 100, colour: bool = False
) -> str:
    """Write a title and blocks for a terminal of `width` columns, with what is folded elsewhere."""
    width = max(width, 40)
    parts = [painted(title, "1", colour), "═" * min(width, columns(title))]
    if subtitle:
        parts += textwrap.wrap(bare(subtitle), width)
    parts += ["", write_blocks(blocks, width, colour=colour)]
    if footer:
        parts += textwrap.wrap(bare(footer), width)
    return "\n".join(parts).rstrip() + "\n"


def write_blocks(blocks: Iterable[Block], width: int = 100, *, colour: bool = False) -> str:
    """Write blocks, an empty line between."""
    written = ("\n".join(_block(block, max(width, 40), colour)) for block in blocks)
    return "".join(f"{text}\n\n" for text in written if text)


def _block(block: Block, width: int, colour: bool) -> list[str]:
    match block:
        case Heading(text=text, level=level):
            line = bare(text)
            return [painted(line, "1", colour), ("─" if level == 1 else "·") * min(width, columns(line))]
        case Paragraph(text=text, muted=muted):
            return [painted(line, "2" if muted else "", colour) for line in textwrap.wrap(bare(text), width)]
        case Points(cells=cells):
            return [line for cell in cells for line in _point(cell, width, colour)]
        case Table():
            return shown.text(block, width, colour=colour).split("\n")
        case Chart():
            return []
        case Beside(left=left, right=right):
            return write_blocks((*left, *right), width, colour=colour).rstrip("\n").split("\n")
        case Fold(summary=summary, blocks=inside):
            head = [painted(line, "1", colour) for line in textwrap.wrap(bare(summary), width)]
            written = write_blocks(inside, width, colour=colour).rstrip("\n")
            return [*head, "", *written.split("\n")] if written else []
        case Figure(pictures=pictures):
            if pictures[0].spec.groups or any(edge.change != "same" for p in pictures for edge in p.spec.edges):
                return []
            return textwrap.wrap(_links(pictures[0].spec), width, subsequent_indent="  ")


_MARKS = {"good": "✓", "bad": "✗", "open": "?"}


def _point(cell: Cell, width: int, colour: bool) -> list[str]:
    """Write a point with a mark that shows without colour what it is."""
    mark = _MARKS.get(cell.tone, "·")
    lines = textwrap.wrap(bare(cell.text), width, initial_indent=f"{mark} ", subsequent_indent="  ")
    return [painted(line, COLOURS.get(cell.tone, ""), colour) for line in lines]


def _links(spec: Spec) -> str:
    """Write a picture as what points where; a terminal cannot draw it better."""
    labels = {node.name: node.label for node in spec.nodes}
    children: dict[str, list[str]] = {}
    for edge in spec.edges:
        if edge.change != "removed":
            children.setdefault(edge.tail, []).append(labels[edge.head] + ("*" if edge.change == "added" else ""))
    words = "; ".join(f"{labels[tail]} → {', '.join(heads)}" for tail, heads in children.items())
    return f"{spec.title or 'diagram'}: {words or 'no links'}"

"""A document in a terminal: aligned tables that fit its width, colour only where there is one."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

from cidmesa.documents.blocks import Block, Cell, Figure, Heading, Paragraph, Table
from cidmesa.render.spec import Spec

_COLOURS = {"good": "32", "bad": "31", "open": "33", "muted": "2", "strong": "1"}
_GAP = 2
_NARROWEST = 8


def write(
    title: str, blocks: Iterable[Block], subtitle: str = "", footer: str = "", *, width: int = 100, colour: bool = False
) -> str:
    """Write a title and blocks for a terminal of `width` columns."""
    width = max(width, 40)
    parts = [_painted(title, "1", colour), "═" * min(width, columns(title))]
    if subtitle:
        parts += textwrap.wrap(_bare(subtitle), width)
    parts += ["", write_blocks(blocks, width, colour=colour)]
    if footer:
        parts += textwrap.wrap(_bare(footer), width)
    return "\n".join(parts).rstrip() + "\n"


def write_blocks(blocks: Iterable[Block], width: int = 100, *, colour: bool = False) -> str:
    """Write blocks, an empty line between."""
    written = ("\n".join(_block(block, max(width, 40), colour)) for block in blocks)
    return "".join(f"{text}\n\n" for text in written if text)


def columns(text: str) -> int:
    """Return how many columns `text` takes in a terminal.

    >>> columns("at_red"), columns("語"), columns("e\u0301")
    (6, 2, 1)
    """
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1 for c in text
    )


def table_lines(table: Table, width: int, *, colour: bool = False) -> list[str]:
    """Lay a table out in lines of at most `width` columns; cells that are too long are wrapped."""
    cells = table.cells
    natural = [
        max([columns(_bare(head)), *(columns(_bare(row[i].text)) for row in cells)])
        for i, head in enumerate(table.columns)
    ]
    least = [
        min(n, max([_NARROWEST, *(columns(word) for row in cells for word in _bare(row[i].text).split())]))
        for i, n in enumerate(natural)
    ]
    widths = _fitted(natural, least, width - _GAP * (len(natural) - 1))
    lines = _row([Cell(head, "strong") for head in table.columns], widths, table.align, colour)
    lines.append(_painted((" " * _GAP).join("─" * w for w in widths), "2", colour))
    for row in cells:
        lines += _row(row, widths, table.align, colour)
    return lines


def _block(block: Block, width: int, colour: bool) -> list[str]:
    match block:
        case Heading(text=text, level=level):
            line = _bare(text)
            return [_painted(line, "1", colour), ("─" if level == 1 else "·") * min(width, columns(line))]
        case Paragraph(text=text, muted=muted):
            return [_painted(line, "2" if muted else "", colour) for line in textwrap.wrap(_bare(text), width)]
        case Table(caption=caption, note=note):
            lines = [_painted(line, "1", colour) for line in textwrap.wrap(_bare(caption), width)]
            lines += table_lines(block, width, colour=colour)
            return lines + [_painted(line, "2", colour) for line in textwrap.wrap(_bare(note), width)]
        case Figure(pictures=pictures):
            if pictures[0].spec.groups or any(edge.change != "same" for p in pictures for edge in p.spec.edges):
                return []
            return textwrap.wrap(_links(pictures[0].spec), width, subsequent_indent="  ")


def _links(spec: Spec) -> str:
    """Write a picture as what points where; a terminal cannot draw it better."""
    labels = {node.name: node.label for node in spec.nodes}
    children: dict[str, list[str]] = {}
    for edge in spec.edges:
        if edge.change != "removed":
            children.setdefault(edge.tail, []).append(labels[edge.head] + ("*" if edge.change == "added" else ""))
    words = "; ".join(f"{labels[tail]} → {', '.join(heads)}" for tail, heads in children.items())
    return f"{spec.title or 'diagram'}: {words or 'no links'}"


def _row(cells: Sequence[Cell], widths: Sequence[int], align: str, colour: bool) -> list[str]:
    wrapped = [_wrapped(_bare(cell.text), width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, wrapped))
    lines = []
    for i in range(height):
        parts = []
        for cell, lines_of_cell, width, side in zip(cells, wrapped, widths, align, strict=True):
            text = lines_of_cell[i] if i < len(lines_of_cell) else ""
            room = " " * (width - columns(text))
            half = len(room) // 2
            before, after = {"l": ("", room), "r": (room, ""), "c": (room[:half], room[half:])}[side]
            parts.append(before + _painted(text, _COLOURS.get(cell.tone, ""), colour) + after)
        lines.append((" " * _GAP).join(parts).rstrip())
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    if columns(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Shrink the widest columns until the table fits, none below what its longest word needs while that is possible."""
    widths = list(natural)
    for floor in (least, [_NARROWEST] * len(widths), [1] * len(widths)):
        while sum(widths) > room:
            open_ones = [i for i, w in enumerate(widths) if w > floor[i]]
            if not open_ones:
                break
            widest = max(open_ones, key=lambda i: widths[i])
            widths[widest] -= 1
    return widths


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code and text.strip() else text


def _bare(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"\1", text)

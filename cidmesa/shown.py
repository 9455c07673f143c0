"""Results that show themselves: as a table in a terminal or a notebook, as a DataFrame, as plain data.

A result type inherits from :class:`Shown` and says what its rows are; everything else follows:

>>> class Prices(Shown):
...     def _rows(self):
...         return [{"what": "door", "costs": 2.0}, {"what": "red thing", "costs": 0.5}]
>>> print(Prices())
what       costs
─────────  ─────
door           2
red thing    0.5
>>> Prices().to_dict()
{'rows': [{'what': 'door', 'costs': 2.0}, {'what': 'red thing', 'costs': 0.5}]}

Tables break between words, never inside one; where not even the longest words fit side by side, each row is written
as a block of lines.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from html import escape
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cidmesa.errors import missing

if TYPE_CHECKING:
    import pandas as pd

Tone: TypeAlias = Literal["", "good", "bad", "open", "muted", "strong"]
"""What a cell is to the reader: as claimed, against the claim, undecided, aside, important."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with a tone; a plain text is a cell without."""

    text: str
    tone: Tone = ""


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


COLOURS = {"good": "32", "bad": "31", "open": "33", "muted": "2", "strong": "1"}
"""What a terminal writes a tone in."""
_GAP = 2
_NARROWEST = 8


class Shown:
    """A result with rows: its table, the same for notebooks, as a DataFrame and as plain data."""

    __slots__ = ()

    def _rows(self) -> Sequence[Mapping[str, Any]]:
        """Return the rows, all with the same keys; values are numbers, texts, booleans, ``None`` or tuples of them."""
        raise NotImplementedError

    def _caption(self) -> str:
        """Return a line to stand above the table; names between back-ticks."""
        return ""

    def _note(self) -> str:
        """Return words to stand below the table."""
        return ""

    def __str__(self) -> str:
        return text(as_table(self._rows(), self._caption(), self._note()))

    def _repr_html_(self) -> str:
        return html(as_table(self._rows(), self._caption(), self._note()), sortable=True)

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame.

        Raises
        ------
        MissingDependencyError
            pandas is not installed.
        """
        return frame(self._rows())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data: dicts, lists, numbers, texts, ``None``."""
        return {"rows": [{key: plain(value) for key, value in row.items()} for row in self._rows()]}


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a pandas DataFrame, or say which extra installs pandas."""
    try:
        import pandas as pd
    except ImportError as error:
        raise missing("pandas", "plot", "a table as a DataFrame") from error
    return pd.DataFrame(list(rows))


def as_table(rows: Sequence[Mapping[str, Any]], caption: str = "", note: str = "") -> Table:
    """Lay rows with the same keys out as a table, numbers to the right."""
    columns = tuple(rows[0]) if rows else ()
    numeric = [all(_is_number(row[c]) or row[c] is None for row in rows) for c in columns]
    cells = tuple(tuple(said(row[c]) for c in columns) for row in rows)
    return Table(columns, cells, "".join("r" if yes else "l" for yes in numeric), caption, note)


def said(value: Any) -> str:
    """Write a value for a table.

    >>> [said(v) for v in (0.25, True, None, ("a", 1), 1e-9)]
    ['0.25', 'yes', '–', 'a, 1', '1e-09']
    """
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case str():
            return value
        case tuple() if hasattr(value, "low") or hasattr(value, "gap"):
            return repr(value)
        case tuple() | list():
            return ", ".join(map(said, value)) or "–"
        case frozenset() | set():
            return ", ".join(sorted(map(said, value))) or "–"
        case Mapping():
            return ", ".join(f"{said(k)}: {said(v)}" for k, v in value.items()) or "–"
        case _ if _is_number(value):
            return f"{value:.6g}" if isinstance(value, float) else str(value)
    return str(value)


def plain(value: Any) -> Any:
    """Turn a value into plain data: what JSON has no word for becomes a list, a text or ``None``.

    >>> plain({("a", 1): (0.5, float("nan"))})
    {'a, 1': [0.5, None]}
    """
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if value - value == 0 else None
        case Enum():
            return plain(value.value)
        case str():
            return str(value)
        case Mapping():
            return {key if isinstance(key, str) else said(key): plain(part) for key, part in value.items()}
        case tuple() | list():
            return [plain(part) for part in value]
        case frozenset() | set():
            return sorted(map(said, value))
    return plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def text(table: Table, width: int = 80, *, colour: bool = False) -> str:
    """Write a table with its caption and note for a terminal of `width` columns."""
    lines = [painted(line, "1", colour) for line in textwrap.wrap(bare(table.caption), width)]
    lines += table_lines(table, width, colour=colour)
    lines += [painted(line, "2", colour) for line in textwrap.wrap(bare(table.note), width)]
    return "\n".join(lines)


def html(table: Table, *, sortable: bool = False) -> str:
    """Write a table as HTML, names between back-ticks as code.

    Parameters
    ----------
    table
        What to write.
    sortable
        Whether the reader may choose the column by which its rows are in order. No script runs: each heading is the
        label of a choice, and the styles put the rows in the order that belongs to it.
    """
    if sortable and len(table.rows) > 1:
        return _sortable(table)
    side = {"l": "", "r": ' class="r"', "c": ' class="c"'}
    heads = "".join(
        f'<th scope="col"{side[a]}>{inline(h)}</th>' for h, a in zip(table.columns, table.align, strict=True)
    )
    lines = ['<div class="wide"><table>']
    lines += [f"<caption>{inline(table.caption)}</caption>"] if table.caption else []
    lines += [f"<thead><tr>{heads}</tr></thead>", "<tbody>"]
    for row in table.cells:
        cells = "".join(f"<td{side[a]}>{_cell(cell)}</td>" for cell, a in zip(row, table.align, strict=True))
        lines.append(f"<tr>{cells}</tr>")
    lines.append("</tbody></table></div>")
    lines += [f'<p class="note">{inline(table.note)}</p>'] if table.note else []
    return "\n".join(lines)


def _sortable(table: Table) -> str:
    """Write a table with a choice in each heading; every row carries its place under each choice."""
    name = "t" + hashlib.sha256(repr(table).encode()).hexdigest()[:10]
    places = [_places([row[i] for row in table.cells]) for i in range(len(table.columns))]
    rules = "".join(
        f"#{name}:has(#{name}-{i}:checked) tbody tr{{order:var(--c{i})}}" for i in range(len(table.columns))
    )
    style = (
        f"#{name} table{{display:grid;grid-template-columns:repeat({len(table.columns)},auto);width:max-content}}"
        f"#{name} :is(thead,tbody,tr){{display:grid;grid-template-columns:subgrid;grid-column:1/-1}}"
        f"#{name} caption{{display:block;grid-column:1/-1;text-align:left}}"
        f"#{name}{{overflow-x:auto}}#{name} :is(th,td){{padding:.2em .7em .2em 0;text-align:left}}"
        f"#{name} input{{position:absolute;opacity:0}}#{name} label{{cursor:pointer}}"
        f"#{name} label:has(:checked)::after{{content:' ▾'}}"
        f"#{name} label:has(:focus-visible){{outline:2px solid}}{rules}"
    )
    written = html(table)
    for i, head in enumerate(table.columns):
        choice = f'<label><input type="radio" name="{name}" id="{name}-{i}">{inline(head)}</label>'
        written = written.replace(f">{inline(head)}</th>", f">{choice}</th>", 1)
    for row in range(len(table.rows)):
        order = ";".join(f"--c{i}:{column[row]}" for i, column in enumerate(places))
        written = written.replace("<tr><td", f'<tr role="row" style="{order}"><td', 1)
    written = written.replace("<table>", '<table role="table">').replace("<td", '<td role="cell"')
    return f'<div id="{name}"><style>{style}</style>\n{written}\n</div>'


def _places(cells: Sequence[Cell]) -> list[int]:
    """Return the place of each cell in the order of a column: numbers first, by value, then words.

    >>> _places([Cell("10"), Cell("9 (90 %)"), Cell("–"), Cell("[0, 1]")])
    [2, 1, 3, 0]
    """
    keys: list[tuple[bool, float, str]] = []
    for cell in cells:
        found = re.match(r"\[?(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", bare(cell.text))
        keys.append((found is None, float(found[1]) if found else 0.0, bare(cell.text)))
    order = sorted(range(len(keys)), key=lambda i: keys[i])
    return [order.index(i) for i in range(len(keys))]


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
    if not table.columns:
        return ["(no rows)"]
    cells = table.cells
    texts = [[bare(head), *(bare(row[i].text) for row in cells)] for i, head in enumerate(table.columns)]
    natural = [max(map(columns, column)) for column in texts]
    least = [
        min(n, max([_NARROWEST, *(columns(word) for cell in column for word in cell.split())]))
        for n, column in zip(natural, texts, strict=True)
    ]
    room = width - _GAP * (len(natural) - 1)
    if sum(least) > room:
        return _stacked(table, width, colour)
    widths = _fitted(natural, least, room)
    lines = _row([Cell(head, "strong") for head in table.columns], widths, table.align, colour)
    lines.append(painted((" " * _GAP).join("─" * w for w in widths), "2", colour))
    for row in cells:
        lines += _row(row, widths, table.align, colour)
    return lines


def _row(cells: Sequence[Cell], widths: Sequence[int], align: str, colour: bool) -> list[str]:
    wrapped = [_wrapped(bare(cell.text), width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, wrapped))
    lines = []
    for i in range(height):
        parts = []
        for cell, lines_of_cell, width, side in zip(cells, wrapped, widths, align, strict=True):
            text = lines_of_cell[i] if i < len(lines_of_cell) else ""
            room = " " * (width - columns(text))
            half = len(room) // 2
            before, after = {"l": ("", room), "r": (room, ""), "c": (room[:half], room[half:])}[side]
            parts.append(before + painted(text, COLOURS.get(cell.tone, ""), colour) + after)
        lines.append((" " * _GAP).join(parts).rstrip())
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    if columns(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]


def _fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Shrink the widest columns until the table fits, none below what its longest word needs."""
    widths = list(natural)
    while sum(widths) > room:
        widest = max((i for i, w in enumerate(widths) if w > least[i]), key=lambda i: widths[i])
        widths[widest] -= 1
    return widths


def _stacked(table: Table, width: int, colour: bool) -> list[str]:
    """Write each row as a block of lines, ``column  value``: for tables whose words do not fit side by side."""
    room = max(map(columns, map(bare, table.columns)))
    lines: list[str] = []
    for row in table.cells:
        for head, cell in zip(table.columns, row, strict=True):
            label = bare(head) + " " * (room - columns(bare(head)))
            parts = _wrapped(bare(cell.text), max(width - room - _GAP, _NARROWEST))
            for i, part in enumerate(parts):
                shown = painted(label, "2", colour) if i == 0 else " " * room
                lines.append(f"{shown}{' ' * _GAP}{painted(part, COLOURS.get(cell.tone, ''), colour)}".rstrip())
        lines.append("")
    return lines[:-1]


def painted(text: str, code: str, colour: bool) -> str:
    """Put the terminal's code for a colour around a text, where there is colour."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code and text.strip() else text


def bare(text: str) -> str:
    """Return a text without the back-ticks around its names."""
    return re.sub(r"`([^`]*)`", r"\1", text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(cell: Cell) -> str:
    text = inline(cell.text)
    return f'<span class="{cell.tone}">{text}</span>' if cell.tone and text else text


def inline(text: str) -> str:
    """Return a text as HTML, the names between back-ticks as code."""
    parts = re.split(r"`([^`]*)`", text)
    return "".join(f"<code>{escape(part)}</code>" if i % 2 else escape(part) for i, part in enumerate(parts))

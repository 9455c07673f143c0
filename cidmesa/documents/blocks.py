"""What a document consists of: headings, paragraphs, tables and figures, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

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

"""What a document consists of: headings, paragraphs, lists, tables, figures, charts and folds, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cidmesa.plots import Chart
from cidmesa.render.picture import Picture
from cidmesa.shown import Cell, Table


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
class Figure:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """A list, a line each; a cell with a tone is coloured and marked."""

    items: tuple[Cell | str, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All items, every one a :class:`~cidmesa.shown.Cell`."""
        return tuple(item if isinstance(item, Cell) else Cell(item) for item in self.items)


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that are there for who asks: a page folds them under a line, a terminal shows the line alone.

    Attributes
    ----------
    summary
        The line that always shows: what is inside, in words that need no look inside.
    blocks
        What is folded; no headings of level 1.
    """

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """Blocks side by side where there is room: words, and the picture that they are about."""

    left: tuple[Block, ...]
    right: tuple[Block, ...]


Block: TypeAlias = Heading | Paragraph | Points | Table | Figure | Chart | Fold | Beside

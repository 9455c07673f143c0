"""What a document consists of: headings, paragraphs, tables and figures, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cidmesa.render.picture import Picture
from cidmesa.shown import Table


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


Block: TypeAlias = Heading | Paragraph | Table | Figure

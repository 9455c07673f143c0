"""What a run prints as it goes: the story, what training leaves open, who acts like what, what became of the claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cidmesa.documents.blocks import Block, Heading, Paragraph
from cidmesa.documents.sections import bottom_line, candidates, verdicts
from cidmesa.reports import documents

if TYPE_CHECKING:
    from cidmesa.gallery.system import System

Data = Mapping[str, Any]


FAST = "a fast run: fewer agents and steps than the system asks for"
"""What a report says of a fast run."""


def opening(system: System, populations: int, *, fast: bool = False) -> list[Block]:
    """Tell the title, the source and the beginning of the story, and how long it will take."""
    blocks: list[Block] = [Heading(system.title)]
    blocks += [Paragraph(system.source, muted=True)] if system.source else []
    blocks += [Paragraph(text) for text in documents.paragraphs(system.story)[:1]]
    if populations:
        many = f"{populations} populations" if populations > 1 else "one population"
        seconds = system.seconds and system.seconds * populations
        takes = f", about {_time(seconds)} on two cores" if seconds and not fast else f" ({FAST})" if fast else ""
        blocks.append(Paragraph(f"To train and to judge: {many}{takes}.", muted=True))
    return blocks


def _time(seconds: float) -> str:
    """Write how long something takes.

    >>> _time(40), _time(200)
    ('40 s', '3 min')
    """
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def derivation(system: System, arm: str, found: Data, *, first: bool) -> list[Block]:
    """Say what training leaves open in an arm; of the first one tabulate it."""
    line = bottom_line.family_line(found["family"])
    if len(system.setups) > 1:
        line = f"{arm}: {line}"
    return [Paragraph(line), *(candidates.brief_family_table(found["family"]) if first else [])]


def population(system: System, arm: str, body: str, entry: Data) -> list[Block]:
    """Say who acts like what in one population, what that costs, and what was contradicted."""
    several = len(system.setups) * len(system.bodies) > 1
    head = Heading(f"Trained agents: {arm}, {body}" if several else "Trained agents", 2)
    return [head, bottom_line.population_points(entry["report"])]


def closing(claims: list[Data]) -> list[Block]:
    """Say what became of the claims of the source."""
    return [Heading("What became of the claims", 2), *verdicts.claim_points(claims)] if claims else []

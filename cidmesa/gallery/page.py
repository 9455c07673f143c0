"""The parts of a run's report, in the order in which they come about, and the page of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cidmesa.documents import sections
from cidmesa.documents.blocks import Block, Heading, Paragraph
from cidmesa.reports import documents

if TYPE_CHECKING:
    from cidmesa.gallery.system import System
    from cidmesa.mesa.derive import Family

Data = Mapping[str, Any]


def opening(system: System, incentives: Data, setup: Data) -> list[Block]:
    """Tell the story; draw the base diagram and the base optimizer's; tabulate incentives and deployments."""
    return [
        *(Paragraph(text) for text in documents.paragraphs(system.story)),
        Heading("The base diagram"),
        *documents.setup_figures(system.setup),
        *sections.incentive_tables(incentives),
        *sections.setup_table(setup),
    ]


def derivation(system: System, arm: str, family: Family, found: Data, *, first: bool) -> list[Block]:
    """Tabulate the candidates of an arm; of the first one also draw them, and list what they predict."""
    blocks: list[Block] = [Heading(f"Derivation: {arm}" if len(system.setups) > 1 else "Derivation")]
    blocks += documents.family_figures(family) if first else []
    blocks += sections.family_tables(found["family"])
    blocks += documents.ranking_table(found["family"])
    blocks += sections.comparison_tables(found["comparisons"])
    return blocks + (sections.prediction_tables(found["predictions"]) if first else [])


def verdicts(system: System, arm: str, body: str, entry: Data, *, brief: bool = False) -> list[Block]:
    """Tabulate what the agents of one population showed; `brief` leaves out what one hypothesis alone says."""
    several = len(system.setups) * len(system.bodies) > 1
    return [
        Heading(f"Trained agents: {arm}, {body}" if several else "Trained agents"),
        Paragraph(f"{entry['agents']} agents: {entry['description']}."),
        *sections.verdict_blocks(entry["report"], brief=brief),
    ]


def closing(claims: list[Data]) -> list[Block]:
    """Say what became of the claims of the source."""
    return [Heading("What became of the claims"), *sections.claim_table(claims)] if claims else []

"""A diagram and its setup: who has an incentive to what, and what each deployment changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cidmesa.documents.blocks import Block, Paragraph
from cidmesa.documents.sections.words import CRITERION_TITLES, NOTHING, Data, names
from cidmesa.shown import Cell, Table

_SIGNS: Final[Mapping[Any, Cell]] = {
    "admits": Cell("yes", "strong"),
    "excludes": Cell("·", "muted"),
    "unknown": Cell("?", "open"),
    None: Cell(""),
}


def incentive_tables(data: Data) -> list[Block]:
    """Tabulate the incentives of a diagram: a row a node, a column a criterion."""
    blocks: list[Block] = []
    for decision, nodes in data["decisions"].items():
        rows: list[tuple[Cell | str, ...]] = [
            (f"`{node}`", *(_SIGNS[answers.get(criterion)] for criterion in CRITERION_TITLES))
            for node, answers in nodes.items()
        ]
        caption = f"Incentives of `{decision}`"
        blocks.append(
            Table(
                ("node", *CRITERION_TITLES.values()),
                tuple(rows),
                "l" + "c" * len(CRITERION_TITLES),
                caption,
                _INCENTIVES,
            )
        )
    return blocks or [Paragraph("The diagram has no decision, so nobody has an incentive.")]


_INCENTIVES: Final = (
    "yes: some model on this diagram has it; ·: none has; ?: neither is proved. VoI, VoC: value of information, of "
    "control. RI, ICI: response, instrumental control incentive."
)


def setup_table(data: Data) -> list[Block]:
    """Tabulate what each deployment changes."""
    rows: list[tuple[Cell | str, ...]] = [
        (
            f"`{name}`",
            names(entry["shifts"]),
            ", ".join(f"`{t}` → `{h}`" for t, h in entry["edges"]) or NOTHING,
        )
        for name, entry in data["deployments"].items()
    ]
    found: list[Block] = [Paragraph("There are no deployments: only training is looked at.", muted=True)]
    if rows:
        found = [Table(("deployment", "shifted mechanisms", "extra edges"), tuple(rows), caption="Deployments")]
    return found + setup_notes(data)


def setup_notes(data: Data) -> list[Block]:
    """Say what is intended, and what is inside the learned algorithm."""
    found: list[Block] = []
    if data.get("intended"):
        found.append(
            Paragraph(f"Intended: `{data['intended']}`, which training never scores; regrets are given by it too.")
        )
    if data.get("level_nodes"):
        least, levels = data.get("least_worst"), names(data["level_nodes"])
        beyond = "" if least is None else f"; the tolerance is beyond {least:g}, the least that any rule has there"
        found.append(Paragraph(f"Training selects by {data['selects']}, in the worst level of {levels}{beyond}."))
    for decision, inside in data.get("learned", {}).items():
        agents = [
            f"{names(agent['decisions'])} for {names(agent['utilities'])}, "
            + (f"which steers {names(agent['territory'])}" if agent["territory"] else "a search in the map")
            for agent in inside["agents"]
        ]
        edges = ", ".join(f"`{tail}` → `{head}`" for tail, head in inside["edges"])
        found.append(
            Paragraph(
                f"Inside of the learned `{decision}`: {edges}. "
                + (f"An optimizer by design: {'; '.join(agents)}." if agents else "No optimizer by design.")
            )
        )
    return found

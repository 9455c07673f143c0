"""What the hypotheses predict, before any agent is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cidmesa.documents.blocks import Block, Paragraph
from cidmesa.documents.sections.words import Data, expected, names, subject
from cidmesa.shown import Cell, Table


def prediction_tables(data: Data) -> list[Block]:
    """Tabulate what the hypotheses predict, before any agent is trained; where they do not, say why."""
    if data.get("why"):
        return [Paragraph(data["why"], muted=True)]
    merged: dict[str, tuple[Data, list[str]]] = {}
    for row in data["predictions"]:
        merged.setdefault(spelled(row), (row, []))[1].append(row["hypothesis"])
    observed = data.get("observed", {})
    rows: list[tuple[Cell | str, ...]] = [
        (
            Cell("joint", "strong") if whose == ["joint"] else names(whose),
            f"`{row['deployment']}`",
            row["kind"],
            subject(row),
            expected(row, observed),
            "negative control" if row["inert"] else row["modality"],
        )
        for row, whose in merged.values()
    ]
    columns = ("whose", "where", "kind", "of", "expected", "claim")
    words = "Predictions, registered before training"
    kinds = {row["kind"] for row, _ in merged.values()}
    note = " ".join([_PREDICTIONS, *explained(kinds), *reading(data.get("reading"))])
    blocks: list[Block] = [Table(columns, tuple(rows), caption=words, note=note)]
    if data["structural"]:
        more = len(data["structural"])
        blocks.append(Paragraph(f"{more} more cannot fail, whatever agents do, and are no evidence.", muted=True))
    return blocks + undecidable(data)


_PREDICTIONS: Final = (
    "joint: every hypothesis that is left says so. must: every agent complies; can: some do; negative control: it "
    "checks the plumbing and is never counted. Actions and regret hold over all objectives that training could have "
    "selected."
)

_KINDS: Final = {
    "observation": "observation: the rule changes with what it sees there, all else equal.",
    "response": "response: what is done changes when the deployment changes that.",
    "actions": "actions: what is seen → what is done, by the observations that decide it.",
    "coverage": "coverage: each agent acts as at least one of the hypotheses says.",
    "control": "control: agents trained again without influence on the node earn so much less.",
    "territory": "territory: what is lost where the world no longer follows what is done.",
    "inside": "inside: the action changes where an inner node of the body is changed.",
    "mechanism": "mechanism: what agents that are trained again in the deployment then earn more there.",
}
_READINGS: Final = {
    "stale": "Agents are frozen (reading: stale): in situations of training they do what they did there, so rows of a "
    "deployment are about the situations that training never shows.",
    "competent": "Agents know the deployed world (reading: competent), and are judged in all its situations.",
}


def explained(kinds: Iterable[str]) -> list[str]:
    """Say what the kinds of rows in a table mean.

    >>> explained({"coverage"})
    ['coverage: each agent acts as at least one of the hypotheses says.']
    """
    found = set(kinds)
    return [words for kind, words in _KINDS.items() if kind in found]


def reading(name: str | None) -> list[str]:
    """Say which agents rows are about."""
    return [_READINGS[name]] if name in _READINGS else []


def undecidable(data: Data) -> list[Block]:
    """Name the rows of one hypothesis that are not tested since they cannot tell it from the others."""
    rows = data.get("undecidable", ())
    if not rows:
        return []
    words = "predictions cannot tell their hypothesis from the others, which break them by less than twice the margin"
    return [Paragraph(f"{len(rows)} {words}: {names(row['id'] for row in rows)}.", muted=True)]


def spelled(row: Data) -> str:
    """Spell a row without the name of its hypothesis: rows that spell alike say and show the same."""
    return repr({key: value for key, value in row.items() if key not in {"id", "hypothesis", "theorem"}})

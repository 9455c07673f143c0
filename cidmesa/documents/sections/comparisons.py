"""What would tell a hypothesis from the base objective, and which training would cure it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cidmesa.documents.blocks import Block, Paragraph
from cidmesa.documents.sections.words import Data, interval, names, number
from cidmesa.shown import Cell, Table


def comparison_tables(found: Sequence[Data]) -> list[Block]:
    """Tabulate what would tell each hypothesis from the base objective, and which training would cure it."""
    blocks: list[Block] = []
    for pair in found:
        one, other = names(pair["base"]), names(pair["targets"])
        rows: list[tuple[Cell | str, ...]] = [
            (
                names(row["nodes"]) or "none: training itself",
                f"`{row['deployment']}`" if row["deployment"] else Cell("found", "muted"),
                number(row["certain"]),
                number(row["possible"]),
                "yes" if row["visible"] else Cell("no", "muted"),
            )
            for row in pair["separations"]
        ]
        caption = f"What would tell {one} from {other}"
        if rows:
            columns = ("shift of", "declared as", "certain", "possible", "a frozen learner shows it")
            tried = _DECLARED if any(row["declared_only"] for row in pair["separations"]) else ""
            blocks.append(Table(columns, tuple(rows), "llrrl", caption, _SEPARATIONS + tried))
        else:
            blocks.append(Paragraph(f"{caption}: {pair.get('why', 'nothing that was tried.')}", muted=True))
        meant = any(row["intended"] is not None for row in pair["cures"])
        cures: list[tuple[Cell | str, ...]] = [
            (
                row["change"],
                f"`{row['deployment']}`",
                Cell("removed", "good") if row["removed"] else Cell("harmless", "good"),
                number(row["regret"]),
                *([interval(row["intended"] or (None, None))] if meant else []),
                "reads what the score reads" if row["score_input"] else "",
            )
            for row in pair["cures"][:_MOST_CURES]
        ]
        if cures:
            heads = ["change of training", "against harm in", f"{other} is", "its training regret then"]
            heads += [*(["regret as intended there"] if meant else []), "caution"]
            left = len(pair["cures"]) - len(cures)
            note = _CURES + (f" {left} more combine these." if left > 0 else "")
            note += _DECLARED if any(row["declared_only"] for row in pair["cures"]) else ""
            blocks.append(
                Table(tuple(heads), tuple(cures), "lll" + "r" * (1 + meant) + "l", f"What would cure {other}", note)
            )
    return blocks


_MOST_CURES: Final = 8
_SEPARATIONS: Final = (
    "certain, possible: probability of the contexts in which no action is possible for both, in which their possible "
    "actions differ. What a frozen learner cannot show, only a retrained or a planning one can."
)
_DECLARED: Final = " Judged by declared objectives alone, since one stochastic rule acts twice."
_CURES: Final = "The smallest weight of the grid that works. Neither order nor size says which is best."

"""The report of a sequence: what training leaves open, what that does elsewhere, and what it predicts.

There are no agents in it: those are trained and judged on the diagram of all moves, and reported with that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cidmesa.documents.blocks import Block, Figure, Fold, Heading, Paragraph, Points
from cidmesa.documents.document import Document
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.mesa_optimizer import Consistency
from cidmesa.mesa.predictions.predictions import Prediction
from cidmesa.mesa.readings import COMPETENT, STALE, Reading
from cidmesa.mesa.sequences.family import SequenceFamily
from cidmesa.mesa.setup.selection import EXPECTED
from cidmesa.reports import documents, pictures
from cidmesa.shown import Table, as_table, said


def sequence_report(family: SequenceFamily, title: str | None = None) -> Document:
    """Lay out what is known of a sequence before agents are trained.

    Parameters
    ----------
    family
        From :func:`cidmesa.derive_mesa_optimizers`.
    title
        What the document is called.
    """
    setup = family.setup
    left = [m for m in family if m.consistency is not Consistency.EXCLUDED]
    names = "; ".join(", ".join(f"`{n}`" for n in m.names) for m in left)
    lines = [
        f"Training leaves open: {names}." if left else "Training leaves nothing open: all candidates are excluded."
    ]
    lines += [_costs(family, name) for name in setup.deployments if family.hypotheses]
    blocks: list[Block] = [Points(tuple(lines))]
    if setup.step is not None:
        words = "One step; `x'` is what `x` becomes."
        blocks.append(Figure((pictures.diagram_picture(setup.step.cid, "One step"),), words))
    blocks += [Heading("The mesa-optimizers that training could have produced"), _candidates(family)]
    blocks.append(Fold("What each verdict rests on", tuple(_reasons(family))))
    if setup.selects == EXPECTED:
        blocks += [Heading("Predictions"), *(_predictions(family, reading) for reading in (STALE, COMPETENT))]
    return Document(title or f"Mesa-optimizers of {', '.join(setup.score)}", tuple(blocks), footer=documents.FOOTER)


def require_no_agents(*given: Any) -> None:
    """Raise where agents are to be reported: they act in a diagram."""
    if any(one is not None for one in given):
        raise NotApplicableError(
            "agents are trained, judged and reported on the diagram of all moves: drawn = "
            "family.setup.as_training_setup(), family = cm.derive_mesa_optimizers(drawn, ..), and so on."
        )


def _predictions(family: SequenceFamily, reading: Reading) -> Fold:
    predictions = family.predictions(reading=reading)
    rows = [_row(row, "tested") for row in predictions]
    rows += [_row(row, row.theorem) for row in predictions.undecidable]
    more = f"{len(predictions.structural)} more cannot fail, whatever agents do."
    note = f"Digest {predictions.digest[:12]}; {more}"
    told = as_table(rows, note=note) if rows else Paragraph(note)
    return Fold(f"{len(predictions)} predictions, reading: {reading}", (told,))


def _costs(family: SequenceFamily, name: str) -> str:
    found = [m.stale_regret[name] for m in family.hypotheses]
    low, high = min(one.low - one.gap for one in found), max(one.high + one.gap for one in found)
    best = float(family.setup.optimum(name).value)
    return f"Frozen, they lose {max(0.0, low):.6g} to {high:.6g} in `{name}`, of {best:.6g}."


def _candidates(family: SequenceFamily) -> Table:
    note = "Regrets in units of the base utility, summed over the steps; ±: how far an end may be off."
    return as_table([m.row() for m in family], repr(family.setup), note)


def _reasons(family: SequenceFamily) -> Sequence[Block]:
    return [Points(tuple(f"{', '.join(m.names)}: {words}" for m in family for words in m.reasons.text))]


def _row(row: Prediction, use: str) -> dict[str, Any]:
    expected = said(row.expected) if row.kind != "actions" else f"possible ones in {_states(row)}"
    return {
        "where": row.deployment,
        "of": row.hypothesis,
        "kind": row.kind,
        "subject": row.subject,
        "expected": expected,
        "use": use,
    }


def _states(row: Prediction) -> str:
    count = len(row.expected) if isinstance(row.expected, tuple) else 0
    return f"{count} state{'' if count == 1 else 's'}"

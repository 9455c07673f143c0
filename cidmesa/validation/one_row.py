r"""Hypotheses that say the same make one row, and model organisms are asked about one candidate alone.

>>> from cidmesa.mesa.predictions.predictions import Prediction
>>> def row(name, *actions):
...     return Prediction(f"{name}/there/actions/go", name, "there", "actions", "go", (((), actions),), "must", "")
>>> [found.id for found in merged([row("at_door", 1), row("reward", 1), row("at_red", 0)])]
['at_door = reward/there/actions/go', 'at_red/there/actions/go']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cidmesa.criteria.question import Answer
from cidmesa.mesa.predictions.claims import name_of
from cidmesa.mesa.predictions.predictions import JOINT, LOOKUP, Prediction, Predictions, predict
from cidmesa.mesa.readings import Reading
from cidmesa.mesa.setup.training import TRAINING, TrainingSetup
from cidmesa.model import CIM


def merged(rows: Iterable[Prediction]) -> list[Prediction]:
    """Return the rows with hypotheses of which every row is the same as one: ``at_door = reward``.

    Hypotheses that agree in some rows only stay apart, so that each keeps a family of its own.
    """
    listed = list(rows)
    said: dict[str, list[str]] = {}
    for row in listed:
        if row.hypothesis not in {JOINT, LOOKUP}:
            said.setdefault(row.hypothesis, []).append(_said(row))
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, claims in said.items():
        groups.setdefault(tuple(claims), []).append(name)
    names = {name: group for group in groups.values() for name in group}
    found = []
    for row in listed:
        group = names.get(row.hypothesis, [row.hypothesis])
        if group[0] == row.hypothesis:
            found.append(row if len(group) == 1 else _renamed(row, " = ".join(group)))
    return found


def _said(row: Prediction) -> str:
    where = row.id.split("/", 1)[1]
    return repr((where, row.kind, row.subject, row.expected, row.modality, row.decision, row.inert, row.retrained))


def _renamed(row: Prediction, name: str) -> Prediction:
    return replace(row, hypothesis=name, id=f"{name}/{row.id.split('/', 1)[1]}")


def organism_predictions(
    setup: TrainingSetup, candidate: Any, tolerance: float, margin: float, reading: Reading
) -> Predictions:
    """Return what one candidate predicts of agents that were trained on its own model, under its name.

    With phases, and where it is deceptive at this tolerance, two rows say how: organisms trained again with the update
    cut off lose by what training scores, and as they are they lose by the utilities of the deployment.
    """
    name = name_of(candidate)
    found = predict(setup, [candidate], tolerance=tolerance, margin=margin, reading=reading)
    # What it does in training is a claim about an organism: the premise is about the base's optimum alone.
    chosen = [row for row in found.structural if _excludes(row, setup.require_model("model organisms"))]
    rows = [row if row.inert or row.hypothesis != JOINT else _renamed(row, name) for row in (*chosen, *found)]
    rows = [row for row in rows if not (row.retrained and row.kind in _OF_THE_BASE)]
    apart = [row for row in found.structural if row not in chosen]
    return Predictions([*rows, *_deception_rows(setup, candidate, name)], apart, found.undecidable, reading)


_OF_THE_BASE = {"mechanism", "adaptation", "myopia", "territory", "tampering", "actions"}
"""What agents do that are trained again on the base utility: model organisms are trained on another."""


def _excludes(row: Prediction, model: CIM) -> bool:
    """Say whether a row is about actions in training and leaves some out."""
    if row.kind != "actions" or row.deployment != TRAINING or row.decision is None:
        return False
    table: Any = row.expected  # an `actions` row has a table
    return any(len(actions) < model.card(row.decision) for _, actions in table)


def _deception_rows(setup: TrainingSetup, candidate: Any, name: str) -> Iterator[Prediction]:
    if setup.phases is None or candidate.is_deceptive.answer is not Answer.ADMITS:
        return
    update, later = setup.phases.update, setup.phases.deploy
    for subject, because, retrained in (
        (update, f"its compliance is instrumental: with `{update}` unmodified whatever it does, it ends", True),
        (later, f"it ends at `{later}`", False),
    ):
        yield Prediction(
            f"{name}/{TRAINING}/deception/{subject}", name, TRAINING, "deception", subject, True, "must",
            f"deceptive alignment (Hubinger et al. 2019, § 4): {because}", retrained=retrained,
        )  # fmt: skip

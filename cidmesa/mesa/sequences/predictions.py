r"""What each hypothesis about a sequence says that trained agents will do, stated before any is trained.

The rows are those of :mod:`cidmesa.mesa.predictions.predictions` that sweeps over states can state:

============  ================================================================================================
actions       before each move, in the states that are come to, the actions taken are possible ones
regret        what an episode loses for the base lies in an interval
coverage      each agent acts as at least one hypothesis says
============  ================================================================================================

Planners that know the deployment (*competent*) are judged in all states that it comes to. **Frozen** agents (*stale*)
are judged in states that training shows before that move under no policy; what they lose as a whole is no sum over
states, and is listed as structural. Where a set of objectives is enclosed only, a row claims the enclosure: it holds
for every member. Rows that cannot fail, whatever agents do, are structural too.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arguments import require_share
from cidmesa.arrays import Mask
from cidmesa.mesa.predictions.predictions import (
    JOINT,
    LOOKUP,
    MARGIN,
    ActionTable,
    Bounds,
    Prediction,
    Predictions,
    RowKind,
)
from cidmesa.mesa.readings import STALE, Reading, require_reading
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.setup.deployment import TRAINING

if TYPE_CHECKING:
    from cidmesa.mesa.sequences.candidate import SequenceOptimizer
    from cidmesa.mesa.sequences.setup import SequenceSetup

WHY = "optimal for an additive objective that training can have selected (Bellman 1957)"


def predict(
    setup: SequenceSetup,
    hypotheses: Sequence[SequenceOptimizer],
    *,
    tolerance: float = 0.0,
    margin: float = MARGIN,
    reading: Reading | str = STALE,
) -> Predictions:
    """State what hypotheses predict of agents trained on a sequence.

    Parameters
    ----------
    setup
        The sequence.
    hypotheses
        The minimal candidates that are not excluded.
    tolerance
        The training regret that is allowed, in base-utility units.
    margin
        What counts as nothing, of what the best policy earns less what the worst does.
    reading
        ``"stale"``: what frozen agents do; ``"competent"``: what agents do that know the deployment.

    Returns
    -------
    Predictions

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at", "pay")],
    ...              decisions=["act"], utilities=["pay"])
    >>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": ["left", "right"], "pay": lambda at: int(at == 2),
    ...                          "at'": lambda at, act: max(0, at - 1) if act == "left" else min(2, at + 1)})
    >>> setup = cm.SequenceSetup(step, 3, {"left": {"at": [1.0, 0.0, 0.0]}})
    >>> for row in cm.derive_mesa_optimizers(setup, targets=["pay"]).predictions():
    ...     print(row.id, row.expected)
    joint/left/actions/act@0 (((0,), ('right',)),)
    joint/left/actions/act@1 (((1,), ('right',)),)
    """
    reading = require_reading(reading)
    require_share(margin, "margin")
    rows: list[Prediction] = []
    apart = [_premise(setup, tolerance, reading)]
    for name in setup.deployments if hypotheses else ():
        known = [m.may_take(name, reading=reading) & counted(setup, name, reading)[..., None] for m in hypotheses]
        found = (
            *_action_rows(setup, hypotheses, name, known, reading),
            *_regret_rows(setup, hypotheses, name, margin, reading),
            *_coverage(setup, name, known, reading),
        )
        for row, fails in found:
            (rows if fails else apart).append(row)
    return Predictions(rows, apart, reading=reading)


_Rows = list[tuple[Prediction, bool]]
"""Rows, and whether they can fail."""


def _premise(setup: SequenceSetup, tolerance: float, reading: Reading) -> Prediction:
    score = ", ".join(setup.score)
    because = "a table that training selects loses no more than the tolerance"
    name = f"{LOOKUP}/{TRAINING}/regret/{score}"
    return Prediction(
        name, LOOKUP, TRAINING, "regret", score, (0.0, float(tolerance)), "must", because, reading=reading
    )


def counted(setup: SequenceSetup, name: str, reading: Reading) -> Mask:
    """Return the states that agents are judged in before each move, shape (T, S)."""
    every = np.ones((setup.horizon, *setup.training.model.successors.shape[:2]), dtype=bool)
    here = sweeps.reached(setup.at(name).model, every)
    return here & ~sweeps.reached(setup.training.model, every) if reading == STALE else here


def _action_rows(
    setup: SequenceSetup, hypotheses: Sequence[SequenceOptimizer], name: str, known: Sequence[Mask], reading: Reading
) -> _Rows:
    """Say which actions are possible, move by move; of one hypothesis where it says more than all together."""
    tables = setup.training
    rows: _Rows = []
    joint = np.logical_or.reduce(known)
    for who, mask in [(JOINT, joint), *zip(map(_named, hypotheses), known, strict=True)]:
        for t, now in enumerate(mask):
            states = np.flatnonzero(now.any(axis=1)).tolist()
            if not states or (who != JOINT and (now == joint[t]).all()):
                continue
            decision = f"{tables.decision}@{t}"
            table: ActionTable = tuple(
                (tables.contexts[s], tuple(a for a, can in zip(tables.model.actions, now[s], strict=True) if can))
                for s in states
            )
            rows.append((_row(who, name, "actions", decision, table, reading, decision), not now[states].all()))
    return rows


def _coverage(setup: SequenceSetup, name: str, known: Sequence[Mask], reading: Reading) -> _Rows:
    """Say that each agent acts as some hypothesis says, where they disagree; one that allows everything covers all."""
    if not any((mask != known[0]).any() for mask in known):
        return []
    excludes = all((mask.any(axis=2) & ~mask.all(axis=2)).any() for mask in known)
    identity, why = f"{JOINT}/{name}/coverage", "the hypotheses are all there are"
    decision = setup.training.decision
    return [(Prediction(identity, JOINT, name, "coverage", decision, True, "must", why, reading=reading), excludes)]


def _regret_rows(
    setup: SequenceSetup, hypotheses: Sequence[SequenceOptimizer], name: str, margin: float, reading: Reading
) -> _Rows:
    """Say between which numbers the base regret lies; of frozen agents that as a whole, which is no evidence."""
    every = np.ones((setup.horizon, *setup.training.model.successors.shape[:2]), dtype=bool)
    tables = setup.at(name)
    worst = setup.optimum(name).value - sweeps.extreme(tables.model, tables.base, every, -1)[0]
    enclosed = []
    for m in hypotheses:
        found = (m.stale_regret if reading == STALE else m.deployment_regret)[name]
        enclosed.append((max(0.0, found.low - found.gap), min(float(worst), found.high + found.gap)))
    hull = min(low for low, _ in enclosed), max(high for _, high in enclosed)
    rows: _Rows = []
    score = ", ".join(setup.score)
    for who, ends in [(JOINT, hull), *zip(map(_named, hypotheses), enclosed, strict=True)]:
        if who == JOINT or (reading != STALE and ends != hull):
            fails = reading != STALE and not _covers(ends, worst, margin)
            rows.append((_row(who, name, "regret", score, ends, reading), fails))
    return rows


def _covers(ends: Bounds, worst: Fraction, margin: float) -> bool:
    """Say whether no policy leaves an interval by more than the margin."""
    nothing = margin * float(worst)
    return ends[0] <= nothing and ends[1] >= float(worst) - nothing


def _named(m: SequenceOptimizer) -> str:
    return ", ".join(m.names)


def _row(
    who: str,
    name: str,
    kind: RowKind,
    subject: str,
    expected: Bounds | ActionTable,
    reading: Reading,
    decision: str | None = None,
) -> Prediction:
    identity = f"{who}/{name}/{kind}/{subject}"
    return Prediction(identity, who, name, kind, subject, expected, "must", WHY, decision, reading=reading)

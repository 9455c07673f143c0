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

**One rule for all moves** is not judged move by move: a state counts once, and for frozen agents if training shows it
at no move. What such a rule does is enclosed from both sides. Where they agree a row is made; where they do not it is
listed as undecidable, and its ``theorem`` says why. Rows of actions hold of rules that toss coins as well
(:mod:`.bracket`), rows of regret of deterministic ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arguments import require_share
from cidmesa.arrays import Mask
from cidmesa.mesa.predictions.kinds.stated import Use
from cidmesa.mesa.predictions.predictions import (
    JOINT,
    LOOKUP,
    MARGIN,
    OPEN,
    ActionTable,
    Bounds,
    Prediction,
    Predictions,
    RowKind,
)
from cidmesa.mesa.readings import STALE, Reading, require_reading
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.bracket import Bracket
from cidmesa.mesa.sequences.one_rule import enclosed
from cidmesa.mesa.sequences.without_clock import OneRuleOptimizer
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
    lists: dict[Use, list[Prediction]] = {"tested": [], "structural": [], "undecidable": []}
    lists["structural"].append(_premise(setup, tolerance, reading))
    for name in setup.deployments if hypotheses else ():
        known = [_known(setup, m, name, reading) for m in hypotheses]
        found = (
            *_action_rows(setup, hypotheses, name, known, reading),
            *_regret_rows(setup, hypotheses, name, margin, reading),
            *_coverage(setup, hypotheses, name, known, reading),
        )
        for row, use in found:
            lists[use].append(row)
    return Predictions(lists["tested"], lists["structural"], lists["undecidable"], reading)


_Rows = list[tuple[Prediction, Use]]
"""Rows, and which list each goes to."""


def _premise(setup: SequenceSetup, tolerance: float, reading: Reading) -> Prediction:
    score = ", ".join(setup.score)
    because = "a table that training selects loses no more than the tolerance"
    name = f"{LOOKUP}/{TRAINING}/regret/{score}"
    return Prediction(
        name, LOOKUP, TRAINING, "regret", score, (0.0, float(tolerance)), "must", because, reading=reading
    )


def counted(setup: SequenceSetup, name: str, reading: Reading) -> Mask:
    """Return the states that agents are judged in before each move, shape (T, S).

    One rule for all moves is not judged move by move: shape (1, S).
    """
    every = np.ones((setup.horizon, *setup.training.model.successors.shape[:2]), dtype=bool)
    here, shown = (sweeps.reached(setup.at(where).model, every) for where in (name, TRAINING))
    if not setup.clock:
        here, shown = (np.asarray(mask.any(axis=0, keepdims=True)) for mask in (here, shown))
    return here & ~shown if reading == STALE else here


def _known(setup: SequenceSetup, m: SequenceOptimizer, name: str, reading: Reading) -> Bracket:
    """Return what one hypothesis does in the states that count: shape (T, S, A), or (1, S, A) of one rule."""
    about = counted(setup, name, reading)
    if isinstance(m, OneRuleOptimizer):
        found = m.by_state(name, reading=reading, about=about[0])
        return Bracket(found.outer[None], found.inner[None])
    taken = m.may_take(name, reading=reading) & about[..., None]
    return Bracket(taken, taken)


def _action_rows(
    setup: SequenceSetup,
    hypotheses: Sequence[SequenceOptimizer],
    name: str,
    known: Sequence[Bracket],
    reading: Reading,
) -> _Rows:
    """Say which actions are possible, move by move; of one hypothesis where it says more than all together."""
    decision = setup.training.decision
    rows: _Rows = []
    joint = reduce(or_, known)
    for who, found in [(JOINT, joint), *zip(map(_named, hypotheses), known, strict=True)]:
        for t, (now, settled, loose) in enumerate(zip(found.outer, found.settled, found.open, strict=True)):
            subject = f"{decision}@{t}" if setup.clock else decision
            same = (now == joint.outer[t]).all(axis=1)
            if settled.any() and (who == JOINT or not same[settled].all()):
                table = _table(setup, now, settled)
                use: Use = "structural" if now[settled].all() else "tested"
                rows.append((_row(who, name, "actions", subject, table, reading, subject), use))
            if loose.any() and (who == JOINT or not same[loose].all()):
                row = _row(who, name, "actions", subject, _table(setup, now, loose), reading, subject)
                rows.append((_bound(row, _open(hypotheses, known, who)), "undecidable"))
    return rows


def _open(hypotheses: Sequence[SequenceOptimizer], known: Sequence[Bracket], who: str) -> list[SequenceOptimizer]:
    """Return the hypotheses of which it is open what they do."""
    of = [(m, found) for m, found in zip(hypotheses, known, strict=True) if who in {JOINT, _named(m)}]
    return [m for m, found in of if found.open.any()]


def _table(setup: SequenceSetup, now: Mask, states: Mask) -> ActionTable:
    tables = setup.training
    return tuple(
        (tables.contexts[s], tuple(a for a, can in zip(tables.model.actions, now[s], strict=True) if can))
        for s in np.flatnonzero(states).tolist()
    )


def _bound(row: Prediction, unsettled: Sequence[SequenceOptimizer]) -> Prediction:
    """Return a row of which no more than a bound is known, with the reasons."""
    of = [m for m in unsettled if isinstance(m, OneRuleOptimizer)]
    why = "; ".join(dict.fromkeys(m.why_open(row.deployment, reading=row.reading) for m in of))
    return replace(row, id=f"{row.id} (bound)", theorem=f"{OPEN}: {why}")


def _coverage(
    setup: SequenceSetup,
    hypotheses: Sequence[SequenceOptimizer],
    name: str,
    known: Sequence[Bracket],
    reading: Reading,
) -> _Rows:
    """Say that each agent acts as some hypothesis says, where they disagree; one that allows everything covers all."""
    if not any((found.outer != known[0].outer).any() for found in known):
        return []
    excludes = all((found.outer.any(axis=-1) & ~found.outer.all(axis=-1)).any() for found in known)
    identity, why = f"{JOINT}/{name}/coverage", "the hypotheses are all there are"
    decision = setup.training.decision
    row = Prediction(identity, JOINT, name, "coverage", decision, True, "must", why, reading=reading)
    if unsettled := _open(hypotheses, known, JOINT):
        return [(_bound(row, unsettled), "undecidable")]
    return [(row, "tested" if excludes else "structural")]


def _regret_rows(
    setup: SequenceSetup, hypotheses: Sequence[SequenceOptimizer], name: str, margin: float, reading: Reading
) -> _Rows:
    """Say between which numbers the base regret lies; of frozen agents that as a whole, which is no evidence."""
    worst, no_more = _most(setup, name)
    between = []
    for m in hypotheses:
        found = (m.stale_regret if reading == STALE else m.deployment_regret)[name]
        between.append((max(0.0, found.low - found.gap), min(no_more, found.high + found.gap)))
    hull = min(low for low, _ in between), max(high for _, high in between)
    rows: _Rows = []
    score = ", ".join(setup.score)
    for who, ends in [(JOINT, hull), *zip(map(_named, hypotheses), between, strict=True)]:
        if who != JOINT and (reading == STALE or ends == hull):
            continue
        row = _row(who, name, "regret", score, ends, reading)
        about = [m for m in hypotheses if isinstance(m, OneRuleOptimizer) and who in {JOINT, _named(m)}]
        if reading != STALE and (unsettled := [m for m in about if not m.settles(name)]):
            rows.append((_bound(row, unsettled), "undecidable"))
        else:
            rows.append((row, "structural" if reading == STALE or _covers(ends, worst, margin) else "tested"))
    return rows


def _most(setup: SequenceSetup, name: str) -> Bounds:
    """Return what some policy loses, the worst that is known, and what none exceeds."""
    if not setup.clock:
        known, bound = enclosed(setup, name)[0].most
        return float(known), float(bound)
    tables = setup.at(name)
    every = np.ones((setup.horizon, *tables.model.successors.shape[:2]), dtype=bool)
    worst = float(setup.optimum(name).value - sweeps.extreme(tables.model, tables.base, every, -1)[0])
    return worst, worst


def _covers(ends: Bounds, worst: float, margin: float) -> bool:
    """Say whether no policy leaves an interval by more than the margin."""
    nothing = margin * worst
    return ends[0] <= nothing and ends[1] >= worst - nothing


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

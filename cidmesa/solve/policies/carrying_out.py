"""Decisions solved one by one, in numbers: the stages of a schedule (:mod:`.decision_order`) carried out in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cidmesa.arrays import Array, Mask
from cidmesa.solve.policies.decision_order import Schedule, Stage
from cidmesa.solve.policies.solution import DecisionResult
from cidmesa.solve.policies.ties import LEAST, Ties
from cidmesa.solve.tables.elimination import Pair, run


class ContextLost(Exception):  # noqa: N818  # not an error: the caller goes on without merging
    """A merged stage met a context of probability zero, whose optimal actions it cannot tell."""


def carry_out(
    schedule: Schedule,
    tables: dict[int, Pair],
    cards: Sequence[int],
    scale: float,
    settled: bool = True,
    limits: Mapping[int, Mask] | None = None,
) -> tuple[dict[int, DecisionResult], Ties]:
    """Run the stages of a schedule; the rules and results they find are added to `tables`.

    With `settled` what rounding leaves open is settled (:mod:`.ties`), as far as that is in reach: each result says
    so. Values need no such care. `limits` are the allowed actions of decisions that have forbidden ones, axes: the
    decision, then its parents.
    """
    found = {}
    ties = Ties(schedule, tables, cards, scale, limits=limits)
    for stage in schedule.stages:
        d, plan = stage.decision, stage.plan
        p, w = run(plan, tables)
        if stage.merged and p is not None and not np.minimum.reduce(p, None) > 0:
            raise ContextLost
        if stage.blind:
            p = None if p is None else np.expand_dims(p, stage.blind)
            w = None if w is None else np.expand_dims(w, stage.blind)
        result = decide(p, w, cards[d], stage, ties, settled)
        found[d] = replace(result, values=None) if stage.merged else result
        ties.optimal[d] = result.optimal
        if stage.message is None:
            tables[d] = (result.rule.reshape([cards[d], *(cards[v] for v in stage.scope)]), None)
        else:
            law = None if p is None or plan.p is None else p[0].reshape([cards[v] for v in plan.p if v != d])
            best = None
            if w is not None and stage.pays is not None:
                best = ties.best(stage, w) if limits else np.maximum.reduce(w, 0)
                best = best.reshape([cards[v] for v in stage.pays])
            tables[stage.message] = (law, best)
    return found, ties


def decide(p: Array | None, w: Array | None, card: int, stage: Stage, ties: Ties, settled: bool) -> DecisionResult:
    """Find the optimal actions from the pair over a decision (first axis) and its context."""
    scale = ties.scale
    if w is None or scale == 0:
        shape = (1,) if w is None else w.shape
        w = np.zeros(shape)
    values, impossible, known = w, None, True
    if p is not None:
        least = np.minimum.reduce(p, None)
        if least * min(1.0, scale) > LEAST:
            values = w / p
        else:
            if settled and scale > 0 and ties.may_vanish(stage):
                found = ties.from_scratch(stage)
                if found is not None:
                    return DecisionResult(found[0], np.broadcast_to(found[1], (card, *found[1].shape[1:])))
                settled = known = False
            impossible = p <= 0
            shape = np.broadcast_shapes(p.shape, w.shape)
            values = np.divide(w, p, out=np.full(shape, np.nan), where=np.broadcast_to(~impossible, shape))
    if ties.limits and (limit := ties.limit(stage)) is not None:
        return _decide_within(limit, values, w, impossible, stage, ties, settled, known)
    actions = len(values)
    if actions == 1:
        return DecisionResult(values, np.ones((card, *values.shape[1:]), dtype=bool))
    optimal = values >= np.maximum.reduce(values, 0) - stage.doubt * scale
    contexts = optimal.size // actions
    if impossible is not None:
        optimal |= impossible
        contexts += (actions - 1) * np.count_nonzero(np.broadcast_to(impossible[0], values.shape[1:]))
    if np.count_nonzero(optimal) > contexts and scale > 0:
        optimal, known = ties.settle(stage, w, optimal, contexts) if settled else (optimal, False)
    return DecisionResult(values, optimal, known=known)


def _decide_within(
    limit: Mask, values: Array, w: Array, impossible: Mask | None, stage: Stage, ties: Ties, settled: bool, known: bool
) -> DecisionResult:
    """Find the optimal ones among the allowed actions; the values of the others are NaN."""
    values = np.where(limit, values, np.nan)
    may = np.broadcast_to(limit, values.shape)
    best = np.maximum.reduce(np.where(may, values, -np.inf), 0)
    optimal = may & (values >= best - stage.doubt * ties.scale)
    contexts = values[0].size
    if impossible is not None:
        nowhere = np.broadcast_to(impossible[:1], (1, *values.shape[1:]))
        optimal |= may & nowhere
        contexts += np.count_nonzero(may & nowhere) - np.count_nonzero(nowhere)
    if np.count_nonzero(optimal) > contexts and ties.scale > 0:
        optimal, known = ties.settle(stage, w, optimal, contexts) if settled else (optimal, False)
    return DecisionResult(values, optimal, known=known)

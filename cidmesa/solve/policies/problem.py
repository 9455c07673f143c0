"""What is to be solved, and what a method found; the method that is exact for soluble diagrams."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from cidmesa.arrays import FEW, Array
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.solve.policies.carrying_out import ContextLost, carry_out
from cidmesa.solve.policies.decision_order import Schedule, Scheduler
from cidmesa.solve.policies.solution import DecisionResult
from cidmesa.solve.policies.ties import LEAST
from cidmesa.solve.tables.elimination import LARGE, Pair, run
from cidmesa.solve.tables.model_tables import ModelTables, rule_missing


class Problem(NamedTuple):
    """What is to be solved: open decisions and utilities of one agent, by position."""

    view: ModelTables
    decisions: tuple[int, ...]
    utilities: tuple[int, ...]
    max_table: int

    @property
    def scale(self) -> float:
        """The sum of the largest absolute values of the utilities."""
        total = 0.0
        for u in self.utilities:
            table: Any = self.view.tables[u]
            if table.size <= FEW:
                total += max(map(abs, table.ravel().tolist()))
            else:
                total += max(float(np.maximum.reduce(table, None)), -float(np.minimum.reduce(table, None)))
        return total

    @property
    def most(self) -> float:
        """The sum of the largest utilities: what no policy could be worth more than, whatever the probabilities."""
        return sum(float(np.max(table)) for table, _ in self.pairs(self.utilities).values() if table is not None)

    def tables(self, schedule: Schedule, known: Mapping[int, Array] | None = None) -> dict[int, Pair]:
        """Collect the tables that a schedule needs, those `known` put in."""
        solved = {stage.decision for stage in schedule.stages}
        keys = [key for stage in schedule.stages for key in stage.keys]
        keys += schedule.keys
        return self.pairs([key for key in keys if key < len(self.view.cards) and key not in solved], known)

    def pairs(self, nodes: Iterable[int], known: Mapping[int, Array] | None = None) -> dict[int, Pair]:
        """Return the tables of some nodes; raise for other agents' decisions without a rule."""
        tables = self.view.tables
        found: dict[int, Pair] = {}
        for node in nodes:
            table = tables[node] if known is None else known.get(node, tables[node])
            if table is None:
                raise rule_missing(self.view.index, [node], tables)
            found[node] = (table, table)
        return found


class Found(NamedTuple):
    """What a method found: results by decision, the value, what may be said of it, and how far the value may be off."""

    results: dict[int, DecisionResult]
    value: float
    exact: bool
    method: str
    bound: float | None = None
    off: float = math.inf


def in_relevance_order(problem: Problem, settled: bool = True, budget: Budget = UNLIMITED) -> Found | None:
    """Solve decision by decision; ``None`` where the diagram is insoluble.

    Unless `settled`, ties are left open: the value is the same. The budget counts where tables are large enough for
    that to take a while.
    """
    try:
        return _in_relevance_order(problem, True, settled, budget)
    except ContextLost:
        return _in_relevance_order(problem, False, settled, budget)


def scheduled(problem: Problem, merging: bool = True) -> Schedule:
    """Plan to solve decisions one by one, as far as that goes."""
    view, decisions, utilities = problem.view, problem.decisions, problem.utilities
    reads = view.reads
    return view.index.planned(
        ("solve", view.cards, decisions, utilities, problem.max_table, merging, *reads.items()),
        lambda: Scheduler(view.index, view.cards, utilities, decisions, {}, merging=merging, reads=reads).schedule(
            problem.max_table
        ),
    )


def _in_relevance_order(problem: Problem, merging: bool, settled: bool, budget: Budget) -> Found | None:
    schedule = scheduled(problem, merging)
    if schedule.plan is None:
        return None
    if schedule.largest <= LARGE:
        return _carried_out(problem, schedule, settled)
    with budget:
        return _carried_out(problem, schedule, settled)


def _carried_out(problem: Problem, schedule: Schedule, settled: bool) -> Found:
    view = problem.view
    assert schedule.plan is not None  # no decision is left
    tables = problem.tables(schedule)
    scale = problem.scale
    results, _ = carry_out(schedule, tables, view.cards, scale, settled, view.limits)
    _, w = run(schedule.plan, tables)
    return Found(results, 0.0 if w is None else float(w), True, "relevance order", off=schedule.doubt * scale + LEAST)

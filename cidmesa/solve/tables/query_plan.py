"""How a question becomes a plan: evidence, interventions, and the tables that matter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cidmesa.arguments import read_values
from cidmesa.arrays import Array
from cidmesa.errors import NotApplicableError
from cidmesa.graph.index import index_of as graph_of
from cidmesa.solve.tables.elimination import Factor, Plan, bits, make_plan, mask_of, run
from cidmesa.solve.tables.model_tables import (
    MAX_TABLE,
    ModelIndex,
    ModelTables,
    require_entries,
    require_small,
    rule_missing,
)


@dataclass(frozen=True, slots=True)
class Question:
    """A plan, the tables it needs, and where values have to be put into them."""

    plan: Plan
    nodes: tuple[int, ...]
    slices: tuple[tuple[int, ...] | None, ...]


def plan_question(
    view: ModelTables,
    targets: tuple[int, ...],
    utilities: tuple[int, ...],
    seen: Iterable[int],
    forced: Iterable[int],
    max_table: int = MAX_TABLE,
) -> Question:
    """Plan the joint of `targets` and the evidence `seen`, with `utilities` taken along, under do(`forced`)."""
    index = view.index
    require_entries(index, math.prod([view.cards[v] for v in targets]), targets, max_table)
    cut, evidence = mask_of(forced), mask_of(seen)
    fixed = cut | evidence
    nodes = _needed(index, (*targets, *utilities, *bits(evidence)), cut)
    factors, slices = [], []
    paid = set(utilities)
    for v in nodes:
        scope = index.parents[v] if v in paid else (*index.parents[v], v)
        left = tuple([u for u in scope if not fixed >> u & 1])
        if v in paid:
            factors.append(Factor(v, None, left))
        else:
            factors.append(Factor(v, left, heads=None if fixed >> v & 1 else 1 << v))
        slices.append(None if len(left) == len(scope) else tuple([u if fixed >> u & 1 else -1 for u in scope]))
    keep = [v for v in targets if not fixed >> v & 1]
    plan = make_plan(factors, keep, view.cards)
    require_small(index, plan, view.cards, max_table)
    return Question(plan, tuple(nodes), tuple(slices))


def _needed(index: ModelIndex, roots: Iterable[int], cut: int) -> list[int]:
    """Return `roots` and their ancestors, children first, in the graph without the edges into `cut`, less `cut`."""
    if not cut:
        mask = index.ancestors(roots)
    else:
        mask, stack = 0, list(roots)
        while stack:
            v = stack.pop()
            if not (mask | cut) >> v & 1:
                mask |= 1 << v
                stack.extend(index.parents[v])
    return [v for v in reversed(index.cid.topological) if mask >> v & 1]


def answer(question: Question, view: ModelTables, fixed: Mapping[int, int]) -> tuple[Array | None, Array | None]:
    """Run a question's plan on the tables of a view, with the values `fixed` put in; raise where a rule is missing."""
    tables = view.tables
    pairs = {}
    for v, where in zip(question.nodes, question.slices, strict=True):
        table = tables[v]
        if table is None:
            raise rule_missing(view.index, question.nodes, tables)
        if where is not None:
            table = table[tuple([slice(None) if u < 0 else fixed[u] for u in where])]
        pairs[v] = (table, table)
    return run(question.plan, pairs)


def cancelling(view: ModelTables, targets: Iterable[int], seen: Iterable[int], forced: Iterable[int]) -> list[int]:
    r"""Return the decisions without a rule whose rule cancels from :math:`P(targets \mid seen; do(forced))`.

    That is so iff :math:`\Pi_D \perp targets \mid seen` in the mechanised diagram without the edges into `forced`: any
    rule that gives the evidence a positive probability leads to the same answer.
    """
    index = view.index
    known = (*seen, *forced)
    without = [d for d in range(len(index.kinds)) if index.kinds[d] == "d" and view.tables[d] is None]
    if not without or not known:
        return []
    cut = set(forced)
    graph = graph_of(index.cid).edited(drop=[(p, v) for v in cut for p in index.parents[v]])
    up, down = graph.condition(known).reach([v for v in targets if v not in known])
    # The rule is a root above the decision: it is reached through an unobserved one from below, an observed from above.
    return [d for d in without if d not in cut and not (down[d] if d in known else up[d])]


def read_conditions(
    view: ModelTables, given: Mapping[str, Any] | None, do: Mapping[str, Any] | None
) -> tuple[dict[int, int], dict[int, int]]:
    """Read evidence and interventions as positions, in node order."""
    if given is None and do is None:
        return {}, {}
    read: list[dict[int, int]] = []
    for stated, argument in ((given, "given"), (do, "do")):
        values = read_values(stated, argument)
        found = {view.index.cid.id(name): (name, value) for name, value in values.items()}
        for v, (name, _) in found.items():
            if argument == "do" and view.index.kinds[v] == "u":
                raise NotApplicableError(
                    f"`{name}` is a utility, which do= does not set: change what it pays with "
                    f"model.shift({{{name!r}: ..}})."
                )
        read.append({v: view.position(v, found[v][1]) for v in sorted(found)})
    seen, forced = read
    for v in seen:
        if v in forced:
            name = view.index.cid.nodes[v]
            raise NotApplicableError(f"`{name}` is in given= and in do=: leave it out of one of the two.")
    return seen, forced


def impossible(given: Mapping[str, Any] | None) -> NotApplicableError:
    """Build the error for evidence of probability zero."""
    evidence = ", ".join(f"{name}={value!r}" for name, value in (given or {}).items())
    return NotApplicableError(
        f"the evidence {evidence} has probability zero here, so nothing follows from it: leave a value out of given=, "
        "or set it with do=."
    )


def with_levels(view: ModelTables, targets: Iterable[int], max_table: int = MAX_TABLE) -> ModelTables:
    """Return the view in which the utilities among `targets` are variables; values: their numbers, ascending."""
    paid = [v for v in targets if view.index.kinds[v] == "u"]
    if not paid:
        return view
    cards, tables = list(view.cards), list(view.tables)
    for v in paid:
        table = view.model.cpd(view.index.cid.nodes[v])
        values, where = np.unique(table, return_inverse=True)
        cards[v] = len(values)
        require_entries(view.index, table.size * cards[v], (*view.index.parents[v], v), max_table)
        tables[v] = np.eye(cards[v])[where.reshape(table.shape)]
    return ModelTables(view.index, view.model, tuple(cards), tuple(tables))

r"""Which policy is optimal where: the solver's own stages, with the region split wherever it decides.

A decision is solved as with numbers, by comparing the expected utilities of its actions in each context. Where the
comparison depends on the parameters, the region is split into the parts in which each action is best, and solving goes
on in every part.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from cidmesa.arguments import require_count
from cidmesa.arrays import Array
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.all_optimal import deterministic_rules
from cidmesa.solve.policies.decision_order import Scheduler, Stage
from cidmesa.solve.policies.problem import Problem
from cidmesa.solve.symbolic.algebra import Algebra, as_array
from cidmesa.solve.symbolic.regions import Region, Space
from cidmesa.solve.tables.elimination import run
from cidmesa.solve.tables.model_tables import MAX_TABLE, agent_utilities
from cidmesa.solve.tables.query_plan import answer, plan_question

MAX_RULES = 64
"""How many cases an optimal policy may have, unless the caller allows more."""

_MOST_RULES = 4096


@dataclass(frozen=True, slots=True)
class Case:
    """A region of the parameter space and a policy that is optimal throughout it.

    Attributes
    ----------
    condition
        A sympy condition; ``true`` where there is one case only. It leaves out what always holds: that probabilities
        are between 0 and 1, the symbols' own assumptions, and what ``where=`` says.
    policy
        ``{decision: {context: action}}``, usable as ``policy=``; where actions are equally good throughout the region,
        the first.
    value
        The expected utility, an expression.
    """

    condition: Any
    policy: Mapping[str, Mapping[tuple[Hashable, ...], Any]]
    value: Any


@dataclass(frozen=True, slots=True)
class _Branch:
    """A region, the tables in it so far, and the action chosen by each decision, over its parents' axes."""

    region: Region
    tables: dict[int, Any]
    chosen: dict[int, Array]


class Solver:
    """Solve decision by decision, splitting the region wherever it decides which action is best."""

    def __init__(self, algebra: Algebra, space: Space, agent: Hashable, max_rules: int) -> None:
        self.algebra = algebra
        self.space = space
        require_count(max_rules, "max_rules")
        self.max_rules = max_rules
        self.view = view = algebra.view
        cid = algebra.model.cid
        whose = cid.decisions if agent is None else cid.decisions_of(agent)
        self.decisions = tuple(d for d in view.index.ids(whose) if view.tables[d] is None)
        self.utilities = view.index.ids(agent_utilities(cid, agent, "an optimal policy"))
        self.compared: dict[Any, None] = {}  # the differences that were compared: where one is zero, actions tie

    def cases(self) -> list[Case]:
        """Return all cases."""
        start = self.space.region()
        if start is None:
            raise no_values()
        problem = Problem(self.view, self.decisions, self.utilities, MAX_TABLE)
        schedule = Scheduler(self.view.index, self.view.cards, self.utilities, self.decisions, {}).schedule(MAX_TABLE)
        if schedule.plan is None:
            return self._compared(start)
        branches = [_Branch(start, problem.tables(schedule), {})]
        for stage in schedule.stages:
            branches = [after for branch in branches for after in self._split(branch, stage)]
            require_few(len(branches), self.max_rules)
        if len(branches) > self.max_rules:
            raise too_many(len(branches), self.max_rules)
        cases = []
        for branch in branches:
            _, w = run(schedule.plan, branch.tables)
            value = as_array(w, self.algebra.zero).item().expression
            cases.append(Case(branch.region.condition(), self._policy(branch.chosen), value))
        return cases

    def _split(self, branch: _Branch, stage: Stage) -> Iterator[_Branch]:
        p, w = run(stage.plan, branch.tables)
        cards, d = self.view.cards, stage.decision
        zero = self.algebra.zero.reshape((1,) * (1 + len(self.view.index.parents[d])))
        values = zero if w is None else as_array(w, self.algebra.zero)
        shape = values.shape[1:]
        partial: list[tuple[Region, list[int]]] = [(branch.region, [])]
        for context in np.ndindex(shape):
            row = values[(slice(None), *context)]
            self._note(row)
            partial = [(r, [*done, a]) for region, done in partial for a, r in best_in(region, row)]
            require_few(len(partial), self.max_rules)
        for region, actions in partial:
            choice = np.reshape(np.array(actions, dtype=np.intp), shape)
            tables = dict(branch.tables)
            if stage.message is None:
                rule = np.moveaxis(np.eye(cards[d], dtype=int)[choice], -1, 0)
                scope = [cards[v] for v in stage.scope]
                full = np.broadcast_to(rule, (cards[d], *self._full(d, stage.scope, rule.shape[1:])))
                tables[d] = (self.algebra.constant(full.reshape([cards[d], *scope])), None)
            else:
                plan = stage.plan
                taken = np.take_along_axis(values, choice[None], axis=0)[0]
                tables[stage.message] = (
                    None
                    if p is None or plan.p is None
                    else as_array(p)[0].reshape([cards[v] for v in plan.p if v != d]),
                    None if w is None or plan.w is None else taken.reshape([cards[v] for v in plan.w if v != d]),
                )
            yield _Branch(region, tables, {**branch.chosen, d: choice})

    def _note(self, row: Array) -> None:
        self.compared.update(dict.fromkeys((one - other).expression for one, other in combinations(row, 2)))

    def _full(self, d: int, scope: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape over the parents of d in which exactly those in `scope` have their own axis."""
        parents = self.view.index.parents[d]
        return tuple(self.view.cards[v] if v in scope else n for v, n in zip(parents, shape, strict=True))

    def _compared(self, start: Region) -> list[Case]:
        """Compare all deterministic policies with each other."""
        model, nodes = self.algebra.model, self.algebra.model.cid.nodes
        question = plan_question(self.view, (), self.utilities, (), ())
        every, values = [], []
        for rules in deterministic_rules(model, [nodes[d] for d in self.decisions], _MOST_RULES):
            view = self.view.with_rules({d: self.algebra.constant(rule) for d, rule in rules.items()})
            every.append({model.cid.id(d): rule.argmax(axis=-1) for d, rule in rules.items()})
            values.append(as_array(answer(question, view, {})[1], self.algebra.zero).item())
        self._note(np.array(values, dtype=object))
        found = list(best_in(start, np.array(values, dtype=object)))
        if len(found) > self.max_rules:
            raise too_many(len(found), self.max_rules)
        return [Case(region.condition(), self._policy(every[i]), values[i].expression) for i, region in found]

    def _policy(self, chosen: Mapping[int, Array]) -> dict[str, dict[tuple[Hashable, ...], Any]]:
        model = self.algebra.model
        policy = {}
        for d in self.decisions:
            name = model.cid.nodes[d]
            shape = tuple(model.card(parent) for parent in model.cid.parents(name))
            actions = np.broadcast_to(chosen.get(d, np.zeros((1,) * len(shape), dtype=np.intp)), shape).ravel()
            domain = model.domain(name)
            policy[name] = {c: domain[a] for c, a in zip(model.contexts(name), actions.tolist(), strict=True)}
        return policy


def require_few(count: int, max_rules: int) -> None:
    """Refuse to go on where there are more cases than anybody will count."""
    if count > max(_MOST_RULES, max_rules):
        raise too_many(count, max_rules, at_least=True)


def too_many(count: int, max_rules: int, *, at_least: bool = False) -> NotApplicableError:
    """Build the error for more cases than were allowed."""
    return NotApplicableError(
        f"the optimal policy has {'at least ' if at_least else ''}{count} cases, more than max_rules="
        f"{max_rules}: put numbers in for some symbols with model.subs(..), restrict them with where=[..], or "
        "allow more."
    )


def no_values() -> NotApplicableError:
    """Build the error for a parameter space without an interior."""
    return NotApplicableError("no values of the symbols satisfy where= and make all probabilities lie in [0, 1].")


def best_in(region: Region, row: Array) -> Iterator[tuple[int, Region]]:
    """Yield the entries of a row that are largest somewhere in a region, each with that part of it."""
    distinct: dict[Any, int] = {}
    for i, entry in enumerate(row):
        if not any(region.same(entry, other) for other in distinct):
            distinct[entry] = i
    for entry, i in distinct.items():
        part = region.narrowed((entry - other).expression for other in distinct if other is not entry)
        if part is not None:
            yield i, part

r"""The set of all optimal policies, region by region of the parameter space.

What incentives ask of all optimal policies is answered as with numbers (:mod:`.all_optimal`): the optimal
policies of a decision are boxes, and a quantity is least over a box. With symbols, which boxes they are depends on
where in the parameter space one is. So the computation is run for the whole space; where it has to know which of some
expressions is largest, and that differs within the region, it is stopped, and run again in every part.

The answers hold in the interior of the regions. On a border more policies are optimal than on either side, so the
least over them can be smaller there: to know, put the border's equation into the model and ask again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_count
from cidmesa.arrays import Array, Mask
from cidmesa.solve.policies.all_optimal import deterministic_rules, in_question
from cidmesa.solve.symbolic.algebra import Algebra, exact
from cidmesa.solve.symbolic.cases import best_in, no_values, require_few, too_many
from cidmesa.solve.symbolic.expressions import each, piecewise, smallest
from cidmesa.solve.symbolic.policies import payoffs, space_of
from cidmesa.solve.symbolic.program import least_value
from cidmesa.solve.symbolic.queries import joint
from cidmesa.solve.symbolic.regions import Region, Space

if TYPE_CHECKING:
    from cidmesa.model import CIM


@dataclass(frozen=True, slots=True, eq=False)
class SymbolicPolicyBox:
    """All rules of a decision that are optimal in a region, the other decisions following deterministic rules.

    Attributes
    ----------
    profile
        The rules of the other decisions; two boxes with one profile have everything else in common.
    allowed
        The actions that an optimal rule may take, shape ``(contexts, card)``.
    rule
        Their probabilities where there is one rule only, else ``None``; shape of `allowed`, expressions.
    """

    profile: Profile
    allowed: Mask
    rule: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A model in which the other decisions have rules.

    Attributes
    ----------
    model, decision
        The model with those rules, and the decision.
    occurs
        Which contexts have a probability that is not identically zero, shape ``(contexts,)``.
    """

    model: CIM
    decision: str
    occurs: Mask

    @classmethod
    def of(cls, model: CIM, decision: str) -> Profile:
        """Find out which contexts occur."""
        law = joint(model, model.cid.parents(decision))
        return cls(model, decision, np.array([bool(p != 0) for p in law.flat]))


class SplitError(Exception):
    """Raised where an answer differs within a region; the parts are to be looked at one by one.

    There are none where the region seems to be empty, though that could not be proved: nothing is said of it.
    """

    def __init__(self, parts: Sequence[Region]) -> None:
        self.parts = parts


@dataclass(frozen=True, slots=True)
class Within:
    """What is known in a region; a question that has no single answer there raises :class:`SplitError`."""

    region: Region

    def largest(self, row: Array) -> int:
        """Return the position of the (first) largest of some elements."""
        parts = list(best_in(self.region, row))
        if len(parts) == 1:
            return parts[0][0]
        raise SplitError([part for _, part in parts])

    def sign(self, expression: Any) -> int:
        """Return the sign of an expression in the interior: -1, 0 or 1."""
        parts = self._signs(expression)
        if len(parts) == 1:
            return next(iter(parts))
        raise SplitError(list(parts.values()))

    def least_value(self, cost: Sequence[Any], rows: Sequence[Sequence[Any]], limits: Sequence[Any]) -> Any:
        """Return the value of a linear program; see :func:`~cidmesa.solve.symbolic.program.least_value`."""
        entries = [*cost, *limits, *(entry for row in rows for entry in row)]
        point = self.region.point({symbol for entry in entries for symbol in exact(entry).free_symbols})
        if point is None:
            raise SplitError([])
        value, conditions = least_value(cost, rows, limits, point)
        inside, parts = self.region, []
        for condition in conditions:
            outside = inside.narrowed([-condition])
            if outside is not None:
                parts.append(outside)
            inside = inside.narrowed([condition]) or inside
        if parts:
            raise SplitError([inside, *parts])
        return value

    def absolute(self, expression: Any) -> Any:
        """Return the absolute value of an expression, without ``Abs`` where its sign is the same everywhere."""
        import sympy

        parts = self._signs(expression)
        return next(iter(parts)) * expression if len(parts) == 1 else sympy.Abs(expression)

    def _signs(self, expression: Any) -> dict[int, Region]:
        """Return the signs that an expression has in the interior, each with its part of the region."""
        found = self.region.space.sign(expression)
        if found.core is None:
            return {found.factor: self.region}
        sides = {side: self.region.narrowed([side * expression]) for side in (1, -1)}
        return {side: part for side, part in sides.items() if part is not None}


def by_region(space: Space, evaluate: Callable[[Within], Any], max_rules: int, *, signed: bool = False) -> Any:
    """Return what `evaluate` says in every region, as one expression."""
    require_count(max_rules, "max_rules")
    start = space.region()
    if start is None:
        raise no_values()
    waiting, done, whole = [start], [], True
    while waiting:
        region = waiting.pop()
        try:
            done.append((region, evaluate(Within(region))))
        except SplitError as split:
            waiting += reversed(split.parts)
            whole &= bool(split.parts)
        require_few(len(waiting) + len(done), max_rules)
    if len(done) > max_rules:
        raise too_many(len(done), max_rules)
    return piecewise(done, plain=whole, signed=signed)


def least_over_optimal(
    model: CIM,
    decision: str,
    policy: Any,
    least: Callable[[SymbolicPolicyBox, Within], Any],
    *,
    where: Iterable[Any],
    max_rules: int,
    max_profiles: int,
    signed: bool = False,
) -> Any:
    """Return the least of a quantity over all optimal policies of a decision's agent, or what it is under a policy.

    `least` gives it for one box, with what is known of the region.
    """
    model, others = in_question(model, decision, policy)
    algebra = Algebra(model)
    space = space_of(algebra, where)
    if decision in model.rules:
        rule = each(model.cpd(decision).reshape(-1, model.card(decision)), exact)
        box = SymbolicPolicyBox(Profile.of(model, decision), np.ones(rule.shape, dtype=bool), rule)
        return least(box, Within(Region(space, {})))
    agent = model.cid.agent_of(decision)
    profiles: list[tuple[Profile, Array]] = []
    for rules in deterministic_rules(model, others, max_profiles):
        view = algebra.view.with_rules({d: algebra.constant(rule) for d, rule in rules.items()})
        worth = payoffs(algebra, view, decision, agent)
        fixed = model.with_policy(rules) if rules else model
        profiles.append((Profile.of(fixed, decision), worth.reshape(-1, worth.shape[-1])))

    def evaluate(within: Within) -> Any:
        return smallest(least(box, within) for box in _optimal(profiles, within))

    return by_region(space, evaluate, max_rules, signed=signed)


def _optimal(profiles: Sequence[tuple[Profile, Array]], within: Within) -> list[SymbolicPolicyBox]:
    """Return the boxes of the best profiles, given what each action is worth in each context under each profile."""
    boxes, values = [], []
    for profile, worth in profiles:
        best = [row[within.largest(row)] for row in worth]
        allowed = np.array(
            [[within.region.same(entry, top) for entry in row] for row, top in zip(worth, best, strict=True)]
        )
        alone = bool((allowed.sum(axis=1) == 1).all())
        rule = each(allowed.astype(object), lambda chosen: exact(int(chosen))) if alone else None
        boxes.append(SymbolicPolicyBox(profile, allowed, rule))
        values.append(sum(best[1:], start=best[0]))
    if len(boxes) > 1:
        top = values[within.largest(np.array(values, dtype=object))]
        boxes = [box for box, value in zip(boxes, values, strict=True) if within.region.same(value, top)]
    return boxes

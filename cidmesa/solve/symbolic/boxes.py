r"""The set of all optimal policies, region by region of the parameter space.

What incentives ask of all optimal policies is answered as with numbers (:mod:`.all_optimal`): the optimal
policies of a decision are boxes, and a quantity is least over a box. With symbols, which boxes they are depends on
where in the parameter space one is. So the computation is run for the whole space; where it has to know which of some
expressions is largest, and that differs within the region, it is stopped, and run again in every part.

On a border more policies are optimal than on either side, and at the edge of the parameter space there are contexts
that cannot occur, so the least can be smaller there: those borders are looked at one by one
(:mod:`cidmesa.solve.symbolic.borders`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_count
from cidmesa.arrays import Array, Mask
from cidmesa.solve.policies.all_optimal import deterministic_rules, in_question
from cidmesa.solve.symbolic.algebra import Algebra, exact, in_one_ring
from cidmesa.solve.symbolic.borders import Answer, UndecidedError, everywhere, put_into
from cidmesa.solve.symbolic.cases import best_in, no_values, require_few, too_many
from cidmesa.solve.symbolic.expressions import each, expressions, smallest
from cidmesa.solve.symbolic.policies import payoffs, space_of
from cidmesa.solve.symbolic.program import least_value
from cidmesa.solve.symbolic.queries import joint
from cidmesa.solve.symbolic.regions import Region, Space

if TYPE_CHECKING:
    from cidmesa.model import CIM


@dataclass(frozen=True, eq=False)
class Profile:
    """What is known where the other decisions have rules: tables of expressions.

    Attributes
    ----------
    worth
        What each action is worth in each context, times its probability, shape ``(contexts, card)``; elements of one
        ring. ``None`` where the decision has a rule.
    rule
        The decision's rule where it has one, shape of `worth`.
    read
        Returns :attr:`tables`; called once, and only of profiles that are optimal somewhere.
    """

    worth: Array | None
    rule: Array | None
    read: Callable[[], Mapping[str, Any]]

    @cached_property
    def tables(self) -> Mapping[str, Any]:
        """What the quantity in question is computed from: arrays of expressions, and others without symbols.

        ``"law"`` is the probability of each context of the decision, shape ``(contexts,)``.
        """
        return self.read()

    @property
    def occurs(self) -> Mask:
        """Which contexts have a probability that is not identically zero, shape ``(contexts,)``."""
        return np.array([bool(p != 0) for p in self.tables["law"]])


@dataclass(frozen=True, slots=True, eq=False)
class SymbolicPolicyBox:
    """All rules of a decision that are optimal in a region, the other decisions following deterministic rules.

    Attributes
    ----------
    profile
        What is known with the rules of the other decisions.
    allowed
        The actions that an optimal rule may take, shape ``(contexts, card)``.
    rule
        Their probabilities where there is one rule only, else ``None``; shape of `allowed`, expressions.
    """

    profile: Profile
    allowed: Mask
    rule: Array | None


class SplitError(Exception):
    """Raised where an answer differs within a region; the parts are to be looked at one by one.

    There are none where the region seems to be empty, though that could not be proved: nothing is said of it.
    """

    def __init__(self, parts: Sequence[Region]) -> None:
        self.parts = parts


@dataclass(frozen=True, slots=True)
class Within:
    """What is known in a region; a question that has no single answer there raises :class:`SplitError`.

    Attributes
    ----------
    region
        The region.
    critical
        Expressions for which the answer may be another where they are zero.
    """

    region: Region
    critical: dict[Any, None] = field(default_factory=dict)

    def note(self, *expressions: Any) -> None:
        """Note that the answer may be another where one of some expressions is zero."""
        self.critical.update(dict.fromkeys(e for e in expressions if e.free_symbols))

    def largest(self, row: Array) -> int:
        """Return the position of the (first) largest of some elements; which are as large is critical."""
        parts = list(best_in(self.region, row))
        if len(parts) == 1:
            best = row[parts[0][0]]
            self.note(*((best - other).expression for other in dict.fromkeys(row)))
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
        import sympy

        entries = [*map(exact, (*cost, *limits, *(entry for row in rows for entry in row)))]
        if self.region.space.irrational:
            raise UndecidedError  # whether a pivot is zero is not known
        point = self.region.point({symbol for entry in entries for symbol in entry.free_symbols})
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
        self.note(sympy.denom(value))
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


def by_region(space: Space, evaluate: Callable[[Within], Any], max_rules: int, *, falls_only: bool = False) -> Answer:
    """Return what `evaluate` says inside every region of a space that has an inside.

    With `falls_only`, zeros are zeros on borders too, and nothing about them is critical.
    """
    require_count(max_rules, "max_rules")
    start = space.region()
    waiting, done, whole = [] if start is None else [start], [], True
    critical: dict[Any, None] = {}
    while waiting:
        within = Within(waiting.pop())
        try:
            value = evaluate(within)
        except SplitError as split:
            waiting += reversed(split.parts)
            whole &= bool(split.parts)
        else:
            done.append((within.region, value))
            if value != 0 or not falls_only:
                critical |= within.critical
        require_few(len(waiting) + len(done), max_rules)
    if len(done) > max_rules:
        raise too_many(len(done), max_rules)
    return Answer(done, critical, whole)


def least_over_optimal(
    model: CIM,
    decision: str,
    policy: Any,
    read: Callable[[CIM], Mapping[str, Any]],
    least: Callable[[SymbolicPolicyBox, Within], Any],
    *,
    where: Iterable[Any],
    max_rules: int,
    max_profiles: int,
    signed: bool = False,
) -> Any:
    """Return the least of a quantity over all optimal policies of a decision's agent, or what it is under a policy.

    `read` takes from a model, in which the other decisions have rules, what the quantity is computed from; `least`
    gives it for one box, with what is known of the region. Not `signed`: it is never negative.
    """
    model, others = in_question(model, decision, policy)
    algebra = Algebra(model)
    space = space_of(algebra, where)

    def known(model: CIM) -> Mapping[str, Any]:
        return {"law": np.reshape(joint(model, model.cid.parents(decision)), -1), **read(model)}

    profiles: tuple[Profile, ...]
    if decision in model.rules:
        rule = each(model.cpd(decision).reshape(-1, model.card(decision)), exact)
        profiles = (Profile(None, rule, partial(known, model)),)
    else:
        agent = model.cid.agent_of(decision)
        found = []
        for rules in deterministic_rules(model, others, max_profiles):
            view = algebra.view.with_rules({d: algebra.constant(rule) for d, rule in rules.items()})
            worth = payoffs(algebra, view, decision, agent)
            fixed = model.with_policy(rules) if rules else model
            found.append(Profile(worth.reshape(-1, worth.shape[-1]), None, partial(known, fixed)))
        profiles = tuple(found)
        if space.region() is None:
            raise no_values()

    def ask(profiles: tuple[Profile, ...], space: Space) -> Answer:
        def evaluate(within: Within) -> Any:
            return smallest(least(box, within) for box in _optimal(profiles, within))

        if profiles[0].rule is None:
            return by_region(space, evaluate, max_rules, falls_only=not signed)
        within = Within(Region(space, {}))
        value = evaluate(within)
        return Answer([(within.region, value)], within.critical)

    return everywhere(space, profiles, ask, _put, falls_only=not signed)


def _put(profiles: tuple[Profile, ...], symbol: Any, value: Any) -> tuple[Profile, ...]:
    """Return what is known where an expression is put in for a symbol."""
    worths: Sequence[Array | None] = [None] * len(profiles)
    if profiles[0].worth is not None:  # all in one ring, for they are compared with each other
        together = np.stack([expressions(np.asarray(profile.worth)) for profile in profiles])
        worths = list(in_one_ring(put_into(together, symbol, value)))
    return tuple(
        Profile(worth, put_into(profile.rule, symbol, value), partial(_tables_put, profile, symbol, value))
        for profile, worth in zip(profiles, worths, strict=True)
    )


def _tables_put(profile: Profile, symbol: Any, value: Any) -> Mapping[str, Any]:
    tables: Mapping[str, Any] = put_into(profile.tables, symbol, value)
    return tables


def _optimal(profiles: Sequence[Profile], within: Within) -> list[SymbolicPolicyBox]:
    """Return the boxes of the best profiles."""
    boxes, values = [], []
    for profile in profiles:
        if profile.worth is None:
            rule = np.asarray(profile.rule)
            return [SymbolicPolicyBox(profile, np.ones_like(rule, dtype=np.bool_), rule)]
        best = [row[within.largest(row)] for row in profile.worth]
        allowed = np.array(
            [[within.region.same(entry, top) for entry in row] for row, top in zip(profile.worth, best, strict=True)]
        )
        alone = bool((allowed.sum(axis=1) == 1).all())
        only = each(allowed.astype(object), lambda chosen: exact(int(chosen))) if alone else None
        boxes.append(SymbolicPolicyBox(profile, allowed, only))
        values.append(sum(best[1:], start=best[0]))
    if len(boxes) > 1:
        top = values[within.largest(np.array(values, dtype=object))]
        boxes = [box for box, value in zip(boxes, values, strict=True) if within.region.same(value, top)]
    return boxes

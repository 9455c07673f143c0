r"""Action values as expressions in a model's parameters, and what is known of their signs.

With one decision the unnormalised values :math:`W(pa, a) = E[\text{payoff}; pa \mid do(a)]` are polynomials in the
parameters: nothing is divided by. All probabilities of the model lie between 0 and 1, and that settles the sign of many
differences; what it leaves open stays in the answer, as a maximum or a condition.

With several decisions there is one context, and its actions are the deterministic policies
(:mod:`cidmesa.mesa.outcomes.reduced_policies`), as in :mod:`cidmesa.mesa.outcomes.normal_form`.

>>> import sympy
>>> import cidmesa as cm
>>> p = sympy.Symbol("p")
>>> cid = cm.CID([("rain", "pay"), ("act", "pay")], decisions=["act"], utilities=["pay"])
>>> model = cid.parameterise(rain=cm.Bernoulli(p), act=["stay", "go"],
...                          pay=lambda rain, act: 0 if act == "stay" else 1 - 2 * rain)
>>> Values(model).base
[[0, 1 - 2*p]]
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from copy import copy
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.errors import NotApplicableError
from cidmesa.mesa.objectives.declared import Objective, laid_out
from cidmesa.mesa.outcomes.reduced_policies import list_reduced_policies, names_of
from cidmesa.solve.queries.payoffs import uniform_policy
from cidmesa.solve.symbolic import joint
from cidmesa.solve.symbolic.algebra import Algebra, exact
from cidmesa.solve.symbolic.regions import Space

if TYPE_CHECKING:
    from cidmesa.model import CIM


POLICIES = 1024
"""Up to so many deterministic policies of several decisions are listed."""

COMPARED = 6
"""Of more conditional values than these sympy is not asked which of them a maximum can do without."""

DISTINCT = 64
"""Up to so many of them are compared, those with an expected value of their own."""


class Values:
    """Unnormalised action values of one model, as exact expressions.

    Parameters
    ----------
    model
        Symbolic or not.
    shared
        Tuples of decisions that have one rule.
    utilities
        What the base is scored by; by default all utilities.

    Raises
    ------
    NotApplicableError
        Several decisions with more than :data:`POLICIES` policies; decisions with forbidden actions.
    """

    def __init__(
        self, model: CIM, shared: Iterable[Sequence[str]] = (), utilities: Sequence[str] | None = None
    ) -> None:
        model.require_unrestricted("a region of alignment")
        self.model = model
        cid = model.cid
        self.utilities = cid.utilities if utilities is None else tuple(utilities)
        self._scale = math.prod(model.card(d) for d in cid.decisions)
        if len(cid.decisions) == 1:
            self._names = (*cid.parents(cid.decisions[0]), cid.decisions[0])
            self._plans = None
        else:
            self._names = names_of(cid)
            support = joint(model, self._names, policy=uniform_policy(model)) != 0
            self._plans = list_reduced_policies(model, [support], shared, POLICIES)
        probabilities = list(Algebra(model).entries)
        symbols = sorted(model.symbols, key=str)
        bounds = [s for s in symbols if s.is_nonnegative] + [-s for s in symbols if s.is_nonpositive]
        conditions = tuple(dict.fromkeys([*probabilities, *(1 - e for e in probabilities), *bounds]))
        never = [s for s in symbols if s.is_positive] + [-s for s in symbols if s.is_negative]
        self.space = Space(conditions, frozenset(never))

    def on(self, space: Space) -> Values:
        """Return the same where the parameters are in another space."""
        other = copy(self)
        other.space = space
        return other

    @property
    def weights(self) -> list[Any]:
        """Probability of each context."""
        return [row[0] for row in self.expected((), np.array(1))]

    def expected(self, names: Sequence[str], payoff: Any) -> list[list[Any]]:
        """Return E[payoff; pa | do a] for each context and action; `payoff` is a table with one axis per name."""
        import sympy

        axes = tuple(dict.fromkeys((*self._names, *names)))
        law = joint(self.model, axes, policy=uniform_policy(self.model))
        paid = laid_out(np.asarray(payoff, dtype=object), names, axes)
        shape = law.shape[: len(self._names)]
        by_run = [sympy.Integer(0)] * math.prod(shape)
        for where in np.ndindex(law.shape):
            pay = paid[tuple(i if n > 1 else 0 for i, n in zip(where, paid.shape, strict=True))]
            if law[where] != 0 and pay:
                run = int(np.ravel_multi_index(where[: len(self._names)], shape))
                by_run[run] += self._scale * law[where] * exact(pay)
        if self._plans is None:
            actions = shape[-1]
            rows = [by_run[start : start + actions] for start in range(0, len(by_run), actions)]
        else:
            runs = self._plans.runs
            rows = [[sympy.Add(*(by_run[r] for r in runs[follows])) for follows in self._plans.follows]]
        return [[sympy.expand(value) for value in row] for row in rows]

    # Regret ----------------------------------------------------------------------------------------------------------

    @property
    def base(self) -> list[list[Any]]:
        """Base values by context and action."""
        import sympy

        parts = [self.expected(self.model.cid.parents(u), self.model.cpd(u)) for u in self.utilities]
        return [[sympy.expand(sum(cells)) for cells in zip(*rows, strict=True)] for rows in zip(*parts, strict=True)]

    def optimal(self, names: tuple[str, ...], objective: Objective | None) -> list[list[Any]]:
        """Return for each context and action the condition under which it is optimal, where the context is reached."""
        rows = [
            (row, self._not_below(row), weight)
            for row, weight in zip(self._of(names, objective), self.weights, strict=True)
        ]
        return [[self._best(value, top, weight) for value in row] for row, top, weight in rows]

    def regret(self, names: tuple[str, ...], objective: Objective | None) -> Any:
        """Return the base regret of the worst policy that is optimal for an objective; ``None`` is the score itself."""
        import sympy

        if objective is None:
            return sympy.Integer(0)
        total = sympy.Integer(0)
        for values, paid in zip(self._of(names, objective), self.base, strict=True):
            pairs = self.distinct(zip(values, paid, strict=True))
            wanted, best = self._not_below([value for value, _ in pairs]), self._not_below(paid)
            costs = [sympy.Integer(0)]
            for (value, pay), other in product(pairs, best):
                loss = sympy.expand(other - pay)
                if loss == 0 or self._never_below(sympy.Integer(0), loss):
                    continue
                when = self._best(value, wanted, loss)
                if when is not sympy.false:
                    costs.append(where(when, loss))
            total += self.maximum(costs)
        return total if total.has(sympy.Piecewise, sympy.Max) else sympy.expand(total)

    def _of(self, names: tuple[str, ...], objective: Objective | None) -> list[list[Any]]:
        """Return the values of an objective; ``None`` is the score itself."""
        return self.base if objective is None else self.expected(names, objective.table)

    def distinct(self, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return rows of expressions without repeats.

        Raises
        ------
        NotApplicableError
            More than :data:`DISTINCT` of them.
        """
        found = list(dict.fromkeys(rows))
        if len(found) > DISTINCT:
            raise NotApplicableError(
                f"{len(found):,} policies have expected values of their own, and at most {DISTINCT} can be compared as "
                "expressions: put numbers in for the symbols, or give the decisions fewer observations."
            )
        return found

    def _not_below(self, values: Sequence[Any]) -> list[Any]:
        """Return the values that no other one is known never to be below: the maximum is among them."""
        kept: list[Any] = []
        for value in dict.fromkeys(values):
            if any(self._never_below(other, value) for other in kept):
                continue
            kept = [other for other in kept if not self._never_below(value, other)]
            kept.append(value)
        return kept

    def maximum(self, values: Sequence[Any]) -> Any:
        """Return the maximum, without those that another is never below."""
        import sympy

        kept = self._not_below(values)
        return sympy.Max(*kept, evaluate=_is_simple(kept))

    def minimum(self, values: Sequence[Any]) -> Any:
        """Return the minimum, without those that another is never above."""
        import sympy

        kept: list[Any] = []
        for value in dict.fromkeys(values):
            if any(self._never_below(value, other) for other in kept):
                continue
            kept = [other for other in kept if not self._never_below(other, value)]
            kept.append(value)
        return sympy.Min(*kept, evaluate=_is_simple(kept))

    def _never_below(self, one: Any, other: Any) -> bool:
        """Whether one expression is at least another in the whole space, as far as that is known."""
        import sympy

        if one.has(sympy.Max, sympy.Min, sympy.Piecewise) or other.has(sympy.Max, sympy.Min, sympy.Piecewise):
            return bool(one == other)
        sign = self.space.sign(one - other)
        return sign.core is None and sign.factor >= 0

    def above(self, one: Any, other: Any) -> bool:
        """Whether one expression is above another inside the space.

        Raises
        ------
        NotApplicableError
            That depends on the parameters.
        """
        sign = self.space.sign(one - other)
        if sign.core is not None:
            raise NotApplicableError(
                f"which action the base prefers depends on the sign of {sign.core}: name an objective, or put numbers "
                "in for some of the symbols."
            )
        return sign.factor > 0

    def _best(self, value: Any, others: Sequence[Any], at_stake: Any) -> Any:
        """Return the condition under which a value is no less than the others and `at_stake` can be positive.

        An action that is never above another may still tie with it on a border; that is left out where `at_stake` is 0
        there too.
        """
        import sympy

        conditions = []
        for other in others:
            difference = sympy.expand(value - other)
            sign = self.space.sign(difference)
            if sign.core is None:
                if sign.factor >= 0:
                    continue
                if not self._can_vanish(difference, at_stake):
                    return sympy.false
                conditions.append(sympy.Eq(difference, 0))
                continue
            ratio = sympy.cancel(at_stake / difference)  # at_stake = ratio · difference, never positive together?
            if not sympy.denom(ratio).free_symbols and self._never_below(sympy.Integer(0), ratio):
                return sympy.false
            conditions.append(sympy.Ge(difference, 0))
        return sympy.And(*conditions)

    def _can_vanish(self, difference: Any, at_stake: Any) -> bool:
        """Whether a difference can be 0 within the space, other than where `at_stake` is 0 as well."""
        import sympy

        if not difference.free_symbols:
            return False
        return any(
            self._has_root(factor)
            for factor, _ in sympy.factor_list(difference)[1]
            if sympy.rem(at_stake, factor, *sorted(factor.free_symbols, key=str)) != 0
        )

    def _has_root(self, factor: Any) -> bool:
        """Whether a factor has a root within the space; a factor in several symbols counts as having one."""
        import sympy

        if len(factor.free_symbols) != 1:
            return True
        (symbol,) = factor.free_symbols
        bounds = [c for c in self.space.conditions if c.free_symbols == {symbol}]
        return any(all(bool(c.subs(symbol, root) >= 0) for c in bounds) for root in sympy.real_roots(factor, symbol))


def _is_simple(values: Sequence[Any]) -> bool:
    """Whether sympy may compare all pairs of values: with many conditional ones that takes minutes."""
    import sympy

    return len(values) <= COMPARED or not any(v.has(sympy.Piecewise, sympy.Max, sympy.Min) for v in values)


def where(condition: Any, value: Any) -> Any:
    """Return `value` where a condition holds, else 0."""
    import sympy

    return value if condition is sympy.true else sympy.Piecewise((value, condition), (0, True))

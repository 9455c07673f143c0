r"""Action values as expressions in a model's parameters, and what is known of their signs.

With one decision the unnormalised values :math:`W(pa, a) = E[\text{payoff}; pa \mid do(a)]` are polynomials in the
parameters: nothing is divided by. All probabilities of the model lie between 0 and 1, and that settles the sign of many
differences; what it leaves open stays in the answer, as a maximum or a condition.

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
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.errors import NotApplicableError
from cidmesa.mesa.objectives import Objective
from cidmesa.mesa.shifts import uniform_policy
from cidmesa.solve.algebra import Algebra, exact
from cidmesa.solve.regions import Space
from cidmesa.solve.symbolic import joint

if TYPE_CHECKING:
    from cidmesa.model import CIM


class Values:
    """Unnormalised action values of one model with one decision, as exact expressions."""

    def __init__(self, model: CIM) -> None:
        self.model = model
        self.decision = model.cid.only_decision(question="alignment_region")
        probabilities = list(Algebra(model).entries)
        symbols = sorted(model.symbols, key=str)
        bounds = [s for s in symbols if s.is_nonnegative] + [-s for s in symbols if s.is_nonpositive]
        self.space = Space(tuple(dict.fromkeys([*probabilities, *(1 - e for e in probabilities), *bounds])))

    @property
    def weights(self) -> list[Any]:
        """Probability of each context."""
        return [row[0] for row in self.expected((), np.array(1))]

    def expected(self, names: Sequence[str], payoff: Any) -> list[list[Any]]:
        """Return E[payoff; pa | do a] for each context and action; `payoff` is a table with one axis per name."""
        import sympy

        family = (*self.model.cid.parents(self.decision), self.decision)
        axes = tuple(dict.fromkeys((*family, *names)))
        law = joint(self.model, axes, policy=uniform_policy(self.model))
        paid = _spread(np.asarray(payoff, dtype=object), names, axes)
        actions = self.model.card(self.decision)
        contexts = math.prod(self.model.card(p) for p in family[:-1])
        rows = [[sympy.Integer(0)] * actions for _ in range(contexts)]
        shape = law.shape[: len(family)]
        for where in np.ndindex(law.shape):
            pay = paid[tuple(i if n > 1 else 0 for i, n in zip(where, paid.shape, strict=True))]
            if law[where] != 0 and pay:
                context, action = divmod(int(np.ravel_multi_index(where[: len(family)], shape)), actions)
                rows[context][action] += actions * law[where] * exact(pay)
        return [[sympy.expand(value) for value in row] for row in rows]

    # Regret ----------------------------------------------------------------------------------------------------------

    @property
    def base(self) -> list[list[Any]]:
        """Base values by context and action."""
        import sympy

        cid = self.model.cid
        parts = [self.expected(cid.parents(u), self.model.cpd(u)) for u in cid.utilities]
        return [[sympy.expand(sum(cells)) for cells in zip(*rows, strict=True)] for rows in zip(*parts, strict=True)]

    def optimal(self, names: tuple[str, ...], objective: Objective | None) -> list[list[Any]]:
        """Return for each context and action the condition under which it is optimal, where the context is reached."""
        rows = zip(self._of(names, objective), self.weights, strict=True)
        return [[self._best(row, a, weight) for a in range(len(row))] for row, weight in rows]

    def regret(self, names: tuple[str, ...], objective: Objective | None) -> Any:
        """Return the base regret of the worst policy that is optimal for an objective; ``None`` is the score itself."""
        import sympy

        if objective is None:
            return sympy.Integer(0)
        total = sympy.Integer(0)
        for values, paid in zip(self._of(names, objective), self.base, strict=True):
            costs = [sympy.Integer(0)]
            for (action, pay), other in product(enumerate(paid), paid):
                loss = sympy.expand(other - pay)
                if loss == 0 or self._never_below(sympy.Integer(0), loss):
                    continue
                when = self._best(values, action, loss)
                if when is not sympy.false:
                    costs.append(where(when, loss))
            total += self.maximum(costs)
        return total if total.has(sympy.Piecewise, sympy.Max) else sympy.expand(total)

    def _of(self, names: tuple[str, ...], objective: Objective | None) -> list[list[Any]]:
        """Return the values of an objective; ``None`` is the score itself."""
        return self.base if objective is None else self.expected(names, objective.table)

    def maximum(self, values: Sequence[Any]) -> Any:
        """Return the maximum, without those that another is never below."""
        import sympy

        kept: list[Any] = []
        for value in dict.fromkeys(values):
            if any(self._never_below(other, value) for other in kept):
                continue
            kept = [other for other in kept if not self._never_below(value, other)]
            kept.append(value)
        return sympy.Max(*kept)

    def minimum(self, values: Sequence[Any]) -> Any:
        """Return the minimum, without those that another is never above."""
        import sympy

        kept: list[Any] = []
        for value in dict.fromkeys(values):
            if any(self._never_below(value, other) for other in kept):
                continue
            kept = [other for other in kept if not self._never_below(other, value)]
            kept.append(value)
        return sympy.Min(*kept)

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

    def _best(self, values: Sequence[Any], action: int, at_stake: Any) -> Any:
        """Return the condition under which an action has the largest value and `at_stake` can be positive.

        An action that is never above another may still tie with it on a border; that is left out where `at_stake` is 0
        there too.
        """
        import sympy

        conditions = []
        for other, value in enumerate(values):
            if other == action:
                continue
            difference = sympy.expand(values[action] - value)
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


def _spread(table: Any, names: Sequence[str], onto: Sequence[str]) -> Any:
    """Lay the axes of a table out along `onto`, with length one where it does not vary."""
    order = sorted(range(len(names)), key=lambda i: onto.index(names[i]))
    shape = iter(table.transpose(order).shape)
    wide = [next(shape) if n in names else 1 for n in onto]
    return table.transpose(order).reshape(wide)


def where(condition: Any, value: Any) -> Any:
    """Return `value` where a condition holds, else 0."""
    import sympy

    return value if condition is sympy.true else sympy.Piecewise((value, condition), (0, True))

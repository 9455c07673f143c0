r"""Intentions as conditions on the symbols.

See :mod:`.intention` for the definition. Whether an outcome is intended is a matter of finitely many
inequalities between expected utilities, so with symbols it is a condition. Of a given policy it holds everywhere as it
stands. Of the optimal one it is that of the first, which on borders, where actions tie, need not be the one beside it:
there it is asked again, with a symbol less (:mod:`.borders`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from cidmesa.arguments import require_model
from cidmesa.arrays import Array
from cidmesa.errors import MechanismError
from cidmesa.solve.magnitudes.intention import alternative_rules, outcomes_between, with_alternative
from cidmesa.solve.symbolic.algebra import Algebra
from cidmesa.solve.symbolic.borders import MAX_BORDERS, Border, borders_of
from cidmesa.solve.symbolic.cases import MAX_RULES, Solver, no_values
from cidmesa.solve.symbolic.expressions import interior
from cidmesa.solve.symbolic.policies import read_where, space_of
from cidmesa.solve.symbolic.queries import expected_utility
from cidmesa.solve.symbolic.regions import Space, factors_of

if TYPE_CHECKING:
    from cidmesa.model import CIM


def intention(
    model: CIM,
    node: str,
    decision: str | None = None,
    *,
    policy: Any = None,
    alternatives: Iterable[Any] | None = None,
    where: Iterable[Any] = (),
    max_rules: int = MAX_RULES,
    max_trials: int = 2_000,
) -> Any:
    r"""Return the condition under which an outcome is intended; see :func:`cidmesa.solve.magnitudes.intention`.

    Parameters
    ----------
    model, node, decision, policy, alternatives, max_trials
        As there; `max_trials` counts for each policy.
    where, max_rules
        As for :func:`optimal_policies`.

    Returns
    -------
    sympy condition
        Of the policy; left out, of the first optimal one, as :func:`cidmesa.solve.solve` takes it: on the borders of
        regions and where probabilities are 0 or 1, too. Conditions are joined by *or*, one for each alternative and
        minimal set of outcomes. On a border that cannot be solved for a symbol, where another policy may be the first,
        it contains the symbol :data:`UNDECIDED`, so that nobody mistakes it for true or false.

    Examples
    --------
    A product that sells for ``r`` is what the work is for, if it is worth working:

    >>> import cidmesa as cm
    >>> import sympy
    >>> r = sympy.Symbol("r", positive=True)
    >>> cid = cm.CID([("work", "noise"), ("work", "product"), ("product", "pay"), ("work", "effort")],
    ...              decisions=["work"], utilities=["pay", "effort"])
    >>> model = cid.parameterise(work=[0, 1], noise=lambda work: work, product=lambda work: work,
    ...                          pay=lambda product: r * product, effort=lambda work: -work)
    >>> intention(model, "product"), intention(model, "noise")
    (r > 1, False)
    >>> intention(model, "product", policy={"work": lambda: 1})
    r > 1
    """
    import sympy

    require_model(model, "an intention")
    cid = model.cid
    decision = cid.only_decision(decision)
    agent = cid.agent_of(decision)
    model = model.with_policy(model.read_policy(policy))
    where = read_where(where)
    between = outcomes_between(model, node, decision)
    if not between:
        return sympy.false
    space = space_of(Algebra(model), where)

    def reasons(there: CIM, space: Space) -> Any:
        rules = alternative_rules(there, decision, alternatives, len(between), max_trials)
        return sympy.Or(*_reasons(there, node, decision, rules, between, space))

    if all(d in model.rules for d in cid.decisions_of(agent)):
        return reasons(model, space)
    if space.region() is None:
        raise no_values()
    return _OfTheFirst(reasons, agent, max_rules).condition(model, space)


UNDECIDED = "undecided"
"""The name of the symbol that stands for what cannot be said."""


class _OfTheFirst:
    """What holds of the first optimal policy, inside regions and on their borders."""

    def __init__(self, reasons: Callable[[CIM, Space], Any], agent: Hashable, max_rules: int) -> None:
        self.reasons, self.agent, self.max_rules = reasons, agent, max_rules
        self.left = MAX_BORDERS

    def condition(self, model: CIM, space: Space) -> Any:
        """Return when it holds, everywhere in a space."""
        import sympy

        inside = []
        critical: Iterable[Any] = space.conditions  # with no inside every point is on the border of some condition
        if space.region() is not None:
            solver = Solver(Algebra(model), space, self.agent, self.max_rules)
            for case in solver.cases():
                fixed = model.with_policy(case.policy)
                inside.append(sympy.And(interior(case.condition), self.reasons(fixed, space)))
            critical = solver.compared
        found = sympy.Or(*inside)
        for factor in factors_of(critical):
            for border in borders_of(factor, space):
                beside, on_it = self._beside(found, border), self._on(border, model)
                if on_it is None or beside != on_it:
                    there = sympy.Symbol(UNDECIDED) if on_it is None else on_it
                    found = sympy.Or(sympy.And(border.condition, there), sympy.And(sympy.Not(border.condition), found))
        return found

    @staticmethod
    def _beside(found: Any, border: Border) -> Any:
        """Return what the expressions beside a border say on it."""
        return None if border.symbol is None else found.subs(border.symbol, border.value)

    def _on(self, border: Border, model: CIM) -> Any:
        """Return what holds on a border, ``None`` where that is not known."""
        if border.space is None or not self.left:
            return None
        self.left -= 1
        try:
            there = model.subs({border.symbol: border.value})
        except MechanismError:  # nothing that can be put in
            return None
        return self.condition(there, border.space)


def _reasons(
    model: CIM, node: str, decision: str, rules: Iterable[Array], between: tuple[str, ...], space: Space
) -> Iterator[Any]:
    """Yield a condition for every alternative and every set of outcomes with the node in it."""
    import sympy

    agent = model.cid.agent_of(decision)
    value = expected_utility(model, agent=agent)
    for rule in rules:
        gaps: Mapping[frozenset[str], Any] = {
            names: sympy.cancel(expected_utility(with_alternative(model, decision, rule, names)) - value)
            for size in range(len(between) + 1)
            for names in map(frozenset, combinations(between, size))
        }
        worse = _below_zero(gaps[frozenset()], space)
        if worse == sympy.false:
            continue
        for names, gap in gaps.items():
            if node in names:
                less = (_below_zero(gaps[smaller], space) for smaller in gaps if smaller < names)
                yield sympy.And(*less, sympy.Not(_below_zero(gap, space)))


def _below_zero(expression: Any, space: Space) -> Any:
    """Return the condition that an expression is negative."""
    import sympy

    sign = space.sign(expression)
    if sign.core is None and sign.factor >= 0:
        return sympy.false
    if sign.core is not None and len(expression.free_symbols) == 1 and space.linear(expression) is not None:
        below = space.region([-expression])
        return sympy.false if below is None else interior(below.condition())
    return sympy.Lt(expression, 0)

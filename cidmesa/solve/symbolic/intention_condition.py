r"""Intentions as conditions on the symbols.

See :mod:`.intention` for the definition. Whether an outcome is intended is a matter of finitely many
inequalities between expected utilities, so with symbols it is a condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from cidmesa.arguments import require_model
from cidmesa.arrays import Array
from cidmesa.solve.magnitudes.intention import alternative_rules, outcomes_between, with_alternative
from cidmesa.solve.symbolic.algebra import Algebra
from cidmesa.solve.symbolic.cases import MAX_RULES
from cidmesa.solve.symbolic.expressions import interior
from cidmesa.solve.symbolic.policies import optimal_policies, read_where, space_of
from cidmesa.solve.symbolic.queries import expected_utility
from cidmesa.solve.symbolic.regions import Space

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
        Of the policy; left out, of the first optimal one in each region's interior. Conditions are joined by *or*, one
        for each alternative and minimal set of outcomes.

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
    if all(d in model.rules for d in cid.decisions_of(agent)):
        rules = alternative_rules(model, decision, alternatives, len(between), max_trials)
        return sympy.Or(*_reasons(model, node, decision, rules, between, space))
    found = []
    for case in optimal_policies(model, agent=agent, where=where, max_rules=max_rules):
        fixed = model.with_policy(case.policy)
        rules = alternative_rules(fixed, decision, alternatives, len(between), max_trials)
        reasons = sympy.Or(*_reasons(fixed, node, decision, rules, between, space))
        found.append(sympy.And(interior(case.condition), reasons))
    return sympy.Or(*found)


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

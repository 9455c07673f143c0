"""The optimal policy as a list of cases, and its value."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.clock import shows_progress
from cidmesa.errors import NotApplicableError
from cidmesa.solve.symbolic.algebra import Algebra, as_array, exact
from cidmesa.solve.symbolic.cases import MAX_RULES, Case, Solver, best_in
from cidmesa.solve.symbolic.expressions import largest
from cidmesa.solve.symbolic.regions import Space
from cidmesa.solve.tables.model_tables import ModelTables, agent_utilities
from cidmesa.solve.tables.query_plan import answer, plan_question

if TYPE_CHECKING:
    from cidmesa.model import CIM


@shows_progress
def optimal_policies(
    model: CIM, *, agent: Hashable = None, where: Iterable[Any] = (), max_rules: int = MAX_RULES
) -> tuple[Case, ...]:
    r"""Return the optimal policy as a list of cases: regions of the parameter space and the rule that is optimal there.

    Parameters
    ----------
    model
        The model; other agents' decisions need rules.
    agent
        Whose policy; ``None`` stands for the only agent.
    where
        Sympy inequalities that restrict the parameters further, such as ``[p > q]``.
    max_rules
        How many cases there may be.

    Returns
    -------
    tuple of Case
        The regions are closed, have an interior, cover the space, and overlap on their borders only, where both rules
        are optimal.

    Raises
    ------
    NotApplicableError
        More than `max_rules` cases; the text gives their number.

    Notes
    -----
    Decisions are solved along the relevance order, as for numbers; where that is impossible all deterministic policies
    are compared. With one symbol the regions are exact intervals. With several, conditions that are linear are checked
    for emptiness by a linear program, and the others are not: a region may then be empty, but none is missing.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p, q
    >>> cid = cm.CID([("coin", "win"), ("call", "win")], decisions=["call"], utilities=["win"])
    >>> model = cid.parameterise(coin=cm.Bernoulli(p), call=["no", "yes"],
    ...                          win=cm.Table([[q, 0], [0, 1]], parents=["coin", "call"]))
    >>> [(case.condition, case.policy["call"][()]) for case in optimal_policies(model, where=[q > 0])]
    [(p*q + p - q <= 0, 'no'), (p*q + p - q >= 0, 'yes')]
    """
    algebra = Algebra(model)
    solver = Solver(algebra, space_of(algebra, where), agent, max_rules)
    return tuple(solver.cases())


@shows_progress
def optimal_value(model: CIM, *, agent: Hashable = None, where: Iterable[Any] = (), max_rules: int = MAX_RULES) -> Any:
    r"""Return the value of the best policy as an expression with ``Max``; arguments as for :func:`optimal_policies`.

    Notes
    -----
    For one decision it is :math:`\sum_{pa} \max_d \mathbb{E}[U\,1_{pa} \mid do(d)]`, however many rules there are; for
    several, the largest of the values of all cases.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p
    >>> cid = cm.CID([("coin", "win"), ("call", "win")], decisions=["call"], utilities=["win"])
    >>> model = cid.parameterise(coin=cm.Bernoulli(p), call=[0, 1], win=lambda coin, call: int(coin == call))
    >>> optimal_value(model)
    Max(p, 1 - p)
    """
    algebra = Algebra(model)
    space = space_of(algebra, where)
    cid = model.cid
    whose = cid.decisions if agent is None else cid.decisions_of(agent)
    open_decisions = [d for d in whose if d not in model.rules]
    if len(open_decisions) != 1:
        cases = Solver(algebra, space, agent, max_rules).cases()
        return largest(case.value for case in cases)
    table = payoffs(algebra, algebra.view, open_decisions[0], agent)
    whole = space.region()
    total = exact(0)
    for row in table.reshape(-1, table.shape[-1]):
        best = [a for a, _ in best_in(whole, row)] if whole is not None else range(len(row))
        total += largest(row[a].expression for a in best)
    return total


def read_where(where: Any) -> tuple[Any, ...]:
    """Return the inequalities of ``where=``, to be read any number of times; a single one stands for itself.

    >>> from sympy.abc import p
    >>> read_where(p > 0), read_where(r for r in [p > 0])
    ((p > 0,), (p > 0,))
    """
    return tuple(where) if isinstance(where, Iterable) else (where,)


def space_of(algebra: Algebra, where: Any) -> Space:
    """Collect what the parameters satisfy anyway, and the inequalities `where` (a single one stands for itself)."""
    import sympy

    algebra.model.require_unrestricted("what is best, as a formula,")
    conditions = dict.fromkeys(algebra.entries, False)
    for symbol in sorted(algebra.model.symbols, key=str):
        if symbol.is_nonnegative:
            conditions[symbol] = bool(symbol.is_positive)
        elif symbol.is_nonpositive:
            conditions[-symbol] = bool(symbol.is_negative)
    for relation in read_where(where):
        if not hasattr(relation, "gts"):
            raise NotApplicableError(f"where= takes sympy inequalities such as [p > q]; got {relation!r}.")
        side = exact(relation.gts - relation.lts)
        strict = isinstance(relation, sympy.StrictGreaterThan | sympy.StrictLessThan)
        conditions[side] = strict or conditions.get(side, False)
    return Space(tuple(conditions), frozenset(side for side, strict in conditions.items() if strict))


def payoffs(algebra: Algebra, view: ModelTables, decision: str, agent: Hashable) -> Array:
    r"""Return :math:`\mathbb{E}[U\,1_{pa} \mid do(d)]` as elements, shape ``(cards of parents..., card)``.

    `view` has the rules of all other decisions that matter.
    """
    model = algebra.model
    family = (*model.cid.parents(decision), decision)
    shape = tuple(model.card(node) for node in family)
    free = algebra.freed(view, decision)
    utilities = view.index.ids(agent_utilities(model.cid, agent, "an optimal value"))
    _, w = answer(plan_question(free, view.index.ids(family), utilities, (), ()), free, {})
    return np.broadcast_to(as_array(w, algebra.zero), shape)

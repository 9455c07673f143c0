"""Probabilities and expected utilities as expressions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import read_names
from cidmesa.arrays import Array
from cidmesa.solve.symbolic.algebra import Algebra, as_array, exact
from cidmesa.solve.symbolic.expressions import each, expressions
from cidmesa.solve.tables.model_tables import ModelTables, agent_utilities, check_names
from cidmesa.solve.tables.query_plan import answer, cancelling, impossible, plan_question, read_conditions

if TYPE_CHECKING:
    from cidmesa.model import CIM


def joint(
    model: CIM,
    names: Iterable[str],
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    policy: Any = None,
) -> Array:
    r"""Return :math:`P(names \mid given; do)` as an array of expressions; arguments as for :func:`cidmesa.solve.joint`.

    A utility among `names` is a variable with the distinct entries of its table as values, in order of appearance.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p, q
    >>> model = cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(p), b=cm.Noisy(lambda a: a, q))
    >>> joint(model, ["b"])[1]
    -2*p*q + p + q
    """
    algebra = Algebra(model, policy)
    view = algebra.view
    targets = check_names(view.index, read_names(names, "names"), "names")
    view = algebra.with_levels(targets)
    seen, forced = read_conditions(view, given, do)
    view = _with_any_rules(algebra, view, targets, seen, forced)
    p, _ = answer(plan_question(view, targets, (), seen, forced), view, {**seen, **forced})
    shape = tuple(view.cards[v] for v in targets if v not in seen and v not in forced)
    left = expressions(np.broadcast_to(as_array(p, algebra.one), shape))
    if seen:
        import sympy

        total = sum(left.flat)
        if sympy.simplify(total) == 0:
            raise impossible(given)
        left = each(left, lambda x: sympy.cancel(x / total))
    whole = np.full([view.cards[v] for v in targets], exact(0), dtype=object)
    whole[tuple({**seen, **forced}.get(v, slice(None)) for v in targets)] = left if shape else left.item()
    return whole


def expected_utility(
    model: CIM,
    policy: Any = None,
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    agent: Hashable = None,
) -> Any:
    r"""Return :math:`\mathbb{E}[\sum_U U \mid given; do]` as an exact expression.

    Arguments as for :func:`cidmesa.solve.expected_utility`; a policy may have symbols too.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p, q
    >>> cid = cm.CID([("door", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(door=cm.Bernoulli(p), go=[0, 1], win=lambda door, go: int(door == go))
    >>> expected_utility(model, {"go": [1 - q, q]})
    2*p*q - p - q + 1
    """
    algebra = Algebra(model, policy)
    view = algebra.view
    utilities = view.index.ids(agent_utilities(model.cid, agent, "an expected utility"))
    seen, forced = read_conditions(view, given, do)
    view = _with_any_rules(algebra, view, utilities, seen, forced)
    p, w = answer(plan_question(view, (), utilities, seen, forced), view, {**seen, **forced})
    value = as_array(w, algebra.zero).item().expression
    if p is None:
        return value
    import sympy

    probability = as_array(p, algebra.one).item().expression
    if probability == 0:
        raise impossible(given)
    return sympy.cancel(value / probability)


def _with_any_rules(
    algebra: Algebra, view: ModelTables, targets: Iterable[int], seen: Mapping[int, int], forced: Mapping[int, int]
) -> ModelTables:
    """Put a rule in for every decision whose rule cancels: all its actions alike."""
    for d in cancelling(view, targets, seen, forced) if seen else ():
        view = algebra.freed(view, view.index.cid.nodes[d])
    return view

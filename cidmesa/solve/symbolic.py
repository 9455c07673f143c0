r"""Exact answers for models with symbols.

Where probabilities and utilities are sympy expressions, so are the answers: an expected utility is a polynomial (or a
rational function), and the optimal policy is a list of *cases*, each a region of the parameter space with the rule that
is optimal in it.

=====================================  =================================================================================
:func:`joint`                          probabilities as expressions
:func:`expected_utility`               an expected utility
:func:`optimal_policies`               the cases
:func:`optimal_value`                  the value of the best policy, a maximum of expressions
:func:`value_of_information`           …
:func:`value_of_control`               the magnitudes of :mod:`cidmesa.solve.values` and :mod:`cidmesa.solve.effects`
:func:`total_effect`                   under the same names
:func:`introduced_total_effect`        …
:func:`instrumental_control_effect`    …
:func:`response_effect`                …
=====================================  =================================================================================

Everything is computed in exact rational arithmetic; floats are read as the simplest fraction within 1e-15. Numbers put
in afterwards give what :func:`cidmesa.solve.solve` gives.

>>> import cidmesa as cm
>>> from sympy.abc import p
>>> cid = cm.CID([("rain", "umbrella"), ("rain", "comfort"), ("umbrella", "comfort")], decisions=["umbrella"],
...              utilities=["comfort"]).without_edges(("rain", "umbrella"))
>>> model = cid.parameterise(rain=cm.Bernoulli(p), umbrella=["take", "leave"],
...                          comfort=lambda rain, umbrella: -1 if umbrella == "take" else -4 * rain)
>>> for case in optimal_policies(model):
...     print(case.condition, "->", case.policy["umbrella"][()], "worth", case.value)
p >= 1/4 -> take worth -1
p <= 1/4 -> leave worth -4*p
>>> value_of_information(model, "rain")
-p - Max(-1, -4*p)
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import Array
from cidmesa.solve.algebra import Algebra, as_array, exact
from cidmesa.solve.cases import MAX_RULES, Case, Solver, best_in
from cidmesa.solve.question import answer, impossible, plan_question, read_conditions
from cidmesa.solve.regions import Space
from cidmesa.solve.structure import agent_utilities, check_names
from cidmesa.solve.worlds import FREE, World, parallel_worlds

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
    targets = check_names(view.index, names if isinstance(names, str) else tuple(names), "names")
    seen, forced = read_conditions(view, given, do)
    p, _ = answer(plan_question(view, targets, (), seen, forced), view, {**seen, **forced})
    shape = tuple(view.cards[v] for v in targets if v not in seen and v not in forced)
    left = _expressions(np.broadcast_to(as_array(p, algebra.one), shape))
    if seen:
        import sympy

        total = sum(left.flat)
        if sympy.simplify(total) == 0:
            raise impossible(given)
        left = _each(left, lambda x: sympy.cancel(x / total))
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
    p, w = answer(plan_question(view, (), utilities, seen, forced), view, {**seen, **forced})
    value = as_array(w, algebra.zero).item().expression
    if p is None:
        return value
    import sympy

    probability = as_array(p, algebra.one).item().expression
    if probability == 0:
        raise impossible(given)
    return sympy.cancel(value / probability)


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
    solver = Solver(algebra, _space(algebra, where), agent, max_rules)
    return tuple(solver.cases())


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
    space = _space(algebra, where)
    cid = model.cid
    whose = cid.decisions if agent is None else cid.decisions_of(agent)
    open_decisions = [d for d in whose if d not in model.rules]
    if len(open_decisions) != 1:
        cases = Solver(algebra, space, agent, max_rules).cases()
        return _maximum(case.value for case in cases)
    table = _payoffs(algebra, open_decisions[0], agent)
    whole = space.region()
    total = exact(0)
    for row in table.reshape(-1, table.shape[-1]):
        best = [a for a, _ in best_in(whole, row)] if whole is not None else range(len(row))
        total += _maximum(row[a].expression for a in best)
    return total


def value_of_information(
    model: CIM, node: str, decision: str | None = None, *, where: Iterable[Any] = (), max_rules: int = MAX_RULES
) -> Any:
    """Return a value of information as an expression; see :func:`cidmesa.solve.value_of_information`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p
    >>> cid = cm.CID([("coin", "win"), ("call", "win")], decisions=["call"], utilities=["win"])
    >>> model = cid.parameterise(coin=cm.Bernoulli(p), call=[0, 1], win=lambda coin, call: int(coin == call))
    >>> value_of_information(model, "coin")
    1 - Max(p, 1 - p)
    """
    cid = model.cid
    decision = cid.only_decision(decision, question="a value of information")
    if cid.kind(node) == "utility" or node in cid.descendants(decision, strict=False):
        raise NotApplicableError(f"`{decision}` cannot observe `{node}`, a utility or a descendant of it.")
    others = [parent for parent in cid.parents(decision) if parent != node]
    agent, where = cid.agent_of(decision), tuple(where)
    seeing, blind = (model.observing(decision, names) for names in ([*others, node], others))
    more = optimal_value(seeing, agent=agent, where=where, max_rules=max_rules)
    return more - optimal_value(blind, agent=agent, where=where, max_rules=max_rules)


def value_of_control(
    model: CIM, node: str, decision: str | None = None, *, where: Iterable[Any] = (), max_rules: int = MAX_RULES
) -> Any:
    """Return a value of control of a chance node as an expression; see :func:`cidmesa.solve.value_of_control`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p
    >>> cid = cm.CID([("luck", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(luck=cm.Bernoulli(p), go=[0, 1], win=lambda luck, go: luck * go)
    >>> value_of_control(model, "luck")
    1 - p
    """
    agent = model.cid.agent_of(model.cid.only_decision(decision)) if decision is not None else None
    where = tuple(where)
    more = optimal_value(model.controlling(node, agent), agent=agent, where=where, max_rules=max_rules)
    return more - optimal_value(model, agent=agent, where=where, max_rules=max_rules)


def total_effect(
    model: CIM, node: str, outcome: str, reference: Any = None, treatment: Any = None, *, policy: Any = None
) -> Any:
    """Return a total effect as an expression; see :func:`cidmesa.solve.total_effect`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import q
    >>> model = cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(0.5), b=cm.Noisy(lambda a: a, q))
    >>> total_effect(model, "a", "b")
    1 - 2*q
    """
    domain = model.domain(node)
    low, high = (domain[0] if reference is None else reference), (domain[-1] if treatment is None else treatment)
    return _mean(model, outcome, {node: high}, policy) - _mean(model, outcome, {node: low}, policy)


def introduced_total_effect(
    model: CIM,
    node: str,
    label: str,
    decision: str | None = None,
    *,
    policy: Any,
    reference: Any = None,
    treatment: Any = None,
) -> Any:
    """Return a policy's introduced total effect as an expression; see :func:`cidmesa.solve.introduced_total_effect`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import q
    >>> cid = cm.CID([("A", "D"), ("A", "Y"), ("D", "U"), ("Y", "U")], decisions=["D"], utilities=["U"])
    >>> model = cid.parameterise(A=cm.Bernoulli(0.5), Y=cm.Noisy(lambda A: A, q), D=[0, 1],
    ...                          U=lambda D, Y: int(D == Y))
    >>> introduced_total_effect(model, "A", "Y", policy={"D": lambda A: A})
    1 - Abs(2*q - 1)
    """
    import sympy

    decision = model.cid.only_decision(decision)
    own = total_effect(model, node, decision, reference, treatment, policy=policy)
    return sympy.Abs(own) - sympy.Abs(total_effect(model, node, label, reference, treatment, policy=policy))


def instrumental_control_effect(model: CIM, node: str, decision: str | None = None, *, policy: Any) -> Any:
    r"""Return :math:`\max_{pa,d} |\mathbb{E}[U_{X_d} \mid pa] - \mathbb{E}[U \mid pa]|` of a policy as an expression.

    See :func:`cidmesa.solve.instrumental_control_effect`. Contexts whose probability is not identically zero count.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import q, r
    >>> cid = cm.CID([("d", "x"), ("x", "u")], decisions=["d"], utilities=["u"])
    >>> model = cid.parameterise(d=[0, 1], x=cm.Noisy(lambda d: d, q), u=lambda x: r * x)
    >>> instrumental_control_effect(model, "x", policy={"d": lambda: 1})
    Abs(2*q*r - r)
    """
    import sympy

    cid = model.cid
    decision = cid.only_decision(decision)
    fixed = model.with_policy(model.read_policy(policy))
    rule = fixed.cpd(decision)
    parents, k = cid.parents(decision), model.card(decision)
    worlds = [
        World("actual", do={decision: FREE}),
        World("instead", do={decision: FREE}),
        World("nested", take={decision: "actual", node: "instead"}),
    ]
    axes = [*(("actual", p) for p in parents), ("actual", decision), ("instead", decision)]
    utilities = [("nested", u) for u in cid.utilities_of(cid.agent_of(decision))]
    twin = parallel_worlds(fixed, worlds, [*axes, *utilities])
    algebra = Algebra(twin.model)
    ids = algebra.view.index.ids
    question = plan_question(
        algebra.view, ids(twin.names[a] for a in axes), ids(twin.names[u] for u in utilities), (), ()
    )
    shape = tuple(algebra.view.cards[v] for v in ids(twin.names[a] for a in axes))
    p, w = (
        _expressions(np.broadcast_to(as_array(part, algebra.zero), shape))
        for part in answer(question, algebra.view, {})
    )
    stakes = []
    for context in np.ndindex(shape[:-2]):
        law = sympy.expand(p[context].sum())
        if law == 0:
            continue
        for d in range(k):
            gain = sum(exact(rule[context][a]) * (w[context][a, d] - w[context][a, a]) for a in range(k))
            stakes.append(sympy.Abs(sympy.cancel(k**2 * gain / law)))
    return _maximum([stake for stake in stakes if stake != 0])


def response_effect(model: CIM, node: str, decision: str | None = None, *, policy: Any) -> Any:
    r"""Return :math:`\max_x \mathbb{E}\,\mathrm{TV}(\pi(\cdot \mid PA_D), \pi(\cdot \mid (PA_D)_x))` of a policy.

    See :func:`cidmesa.solve.response_effect`; for a deterministic policy it is :math:`\max_x P(D_x \ne D)`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import q
    >>> cid = cm.CID([("door", "red"), ("red", "go"), ("go", "win"), ("door", "win")], decisions=["go"],
    ...              utilities=["win"])
    >>> model = cid.parameterise(door=cm.Bernoulli(0.5), red=cm.Noisy(lambda door: door, q), go=[0, 1],
    ...                          win=lambda door, go: int(door == go))
    >>> response_effect(model, "door", policy={"go": lambda red: red})
    1/2
    >>> response_effect(model, "door", policy={"go": lambda red: 0})
    0
    """
    import sympy

    cid = model.cid
    decision = cid.only_decision(decision)
    if node not in cid.ancestors(decision):
        return sympy.Integer(0)
    fixed = model.with_policy(model.read_policy(policy))
    rule, parents = fixed.cpd(decision), cid.parents(decision)
    worlds = [World("actual"), World("set", do={node: FREE})]
    twin = parallel_worlds(fixed, worlds, [*((w.name, p) for w in worlds for p in parents), ("set", node)])
    once = list(dict.fromkeys(twin.names.values()))
    axis = {pair: once.index(name) for pair, name in twin.names.items()}
    law = joint(twin.model, once)
    moved = [exact(0)] * model.card(node)
    for where in np.ndindex(law.shape):
        was, would_be = (rule[tuple(where[axis[w.name, p]] for p in parents)] for w in worlds)
        apart = sum((sympy.Abs(exact(a) - exact(b)) for a, b in zip(was, would_be, strict=True)), exact(0)) / 2
        moved[where[axis["set", node]]] += model.card(node) * law[where] * apart
    return _maximum(sympy.expand(effect) for effect in moved)


# Shared pieces --------------------------------------------------------------------------------------------------------


def _space(algebra: Algebra, where: Iterable[Any]) -> Space:
    """Collect what the parameters satisfy anyway."""
    conditions = dict.fromkeys(algebra.entries)
    for symbol in sorted(algebra.model.symbols, key=str):
        if symbol.is_nonnegative:
            conditions[symbol] = None
        elif symbol.is_nonpositive:
            conditions[-symbol] = None
    for relation in where:
        if not hasattr(relation, "gts"):
            raise NotApplicableError(f"where= takes sympy inequalities such as p > q; got {relation!r}.")
        conditions[exact(relation.gts - relation.lts)] = None
    return Space(tuple(conditions))


def _payoffs(algebra: Algebra, decision: str, agent: Hashable) -> Array:
    r"""Return :math:`\mathbb{E}[U\,1_{pa} \mid do(d)]`, shape (cards of parents..., card)."""
    model = algebra.model
    family = (*model.cid.parents(decision), decision)
    shape = tuple(model.card(node) for node in family)
    view = algebra.view.with_rules({decision: algebra.constant(np.ones(shape))})
    utilities = view.index.ids(agent_utilities(model.cid, agent, "an optimal value"))
    _, w = answer(plan_question(view, view.index.ids(family), utilities, (), ()), view, {})
    return np.broadcast_to(as_array(w, algebra.zero), shape)


def _mean(model: CIM, node: str, do: Mapping[str, Any], policy: Any) -> Any:
    import sympy

    if model.cid.kind(node) == "utility":
        algebra = Algebra(model, policy)
        view = algebra.view
        seen, forced = read_conditions(view, None, do)
        _, w = answer(plan_question(view, (), view.index.ids([node]), seen, forced), view, forced)
        return as_array(w, algebra.zero).item().expression
    law = joint(model, [node], do=do, policy=policy)
    return sympy.expand(sum(exact(x) * p for x, p in zip(model.domain(node), law, strict=True)))


def _maximum(values: Iterable[Any]) -> Any:
    """Return the largest of some expressions, unevaluated where there are several."""
    import sympy

    distinct = list(dict.fromkeys(values))
    numbers = [v for v in distinct if v.is_number]
    rest = [v for v in distinct if not v.is_number]
    if numbers:
        rest.append(max(numbers))
    if not rest:
        return sympy.Integer(0)
    return rest[0] if len(rest) == 1 else sympy.Max(*rest, evaluate=False)


def _expressions(array: Array) -> Array:
    return _each(array, lambda element: element.expression)


def _each(array: Array, change: Any) -> Array:
    made = np.empty(array.shape, dtype=object)
    for where in product(*map(range, array.shape)):
        made[where] = change(array[where])
    return made

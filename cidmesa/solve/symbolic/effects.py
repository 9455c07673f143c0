r"""Responses, instrumental control and impact as expressions.

With ``policy=`` the quantity of that policy; without, the least over all optimal policies, piece by piece: regions of
the parameter space and borders, each with its expression. See :mod:`cidmesa.solve.magnitudes.effects` for the
definitions, and :mod:`cidmesa.solve.symbolic.borders` for what is said on borders.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.arrays import Array
from cidmesa.clock import shows_progress
from cidmesa.solve.magnitudes.effects import can_ignore, decision_apart
from cidmesa.solve.policies.all_optimal import MAX_PROFILES
from cidmesa.solve.queries.parallel_worlds import FREE, World, parallel_worlds
from cidmesa.solve.symbolic.algebra import Algebra, as_array, exact
from cidmesa.solve.symbolic.boxes import SymbolicPolicyBox, Within, least_over_optimal
from cidmesa.solve.symbolic.cases import MAX_RULES
from cidmesa.solve.symbolic.expressions import as_objects, each, expressions, largest
from cidmesa.solve.symbolic.queries import joint
from cidmesa.solve.tables.query_plan import answer, plan_question

if TYPE_CHECKING:
    from cidmesa.model import CIM


@shows_progress
def response_effect(
    model: CIM,
    node: str,
    decision: str | None = None,
    *,
    policy: Any = None,
    where: Iterable[Any] = (),
    max_rules: int = MAX_RULES,
    max_profiles: int = MAX_PROFILES,
) -> Any:
    r"""Return how far a decision moves, at least, when a node is set; see :func:`cidmesa.solve.response_effect`.

    Parameters
    ----------
    model, node, decision, policy, max_profiles
        As there.
    where, max_rules
        As for :func:`optimal_policies`.

    Returns
    -------
    sympy.Expr
        An expression with ``Max``, or a ``Piecewise`` where it is not the same everywhere: of its pieces the first
        whose condition holds counts. It holds on borders too, and where probabilities are 0 or 1; ``nan`` is said of
        borders that cannot be solved for a symbol.

    Examples
    --------
    Who is right more often than not is heard, whose word is worth less than a coin's is contradicted:

    >>> import cidmesa as cm
    >>> from sympy.abc import q
    >>> cid = cm.CID([("door", "sign"), ("sign", "go"), ("go", "win"), ("door", "win")], decisions=["go"],
    ...              utilities=["win"])
    >>> model = cid.parameterise(door=cm.Bernoulli(0.75), sign=cm.Noisy(lambda door: door, q), go=[0, 1],
    ...                          win=lambda door, go: int(door == go))
    >>> response_effect(model, "door")
    Piecewise((0, (q >= 1/4) & (q <= 3/4)), (3/4, (q >= 3/4) | (q <= 1/4)))
    >>> response_effect(model, "door", policy={"go": lambda sign: sign})
    3/4
    """
    decision = decision_apart(model, node, decision)

    def read(model: CIM) -> Mapping[str, Any]:
        return _moves(model, node, decision)

    return least_over_optimal(
        model, decision, policy, read, _response, where=where, max_rules=max_rules, max_profiles=max_profiles
    )


@shows_progress
def instrumental_control_effect(
    model: CIM,
    node: str,
    decision: str | None = None,
    *,
    policy: Any = None,
    where: Iterable[Any] = (),
    max_rules: int = MAX_RULES,
    max_profiles: int = MAX_PROFILES,
) -> Any:
    r"""Return what the path from a decision through a node is worth, at least, where most is at stake.

    See :func:`cidmesa.solve.instrumental_control_effect`. Parameters and what is returned are those of
    :func:`response_effect`. Contexts whose probability is not identically zero count.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import q, r
    >>> cid = cm.CID([("d", "x"), ("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    >>> model = cid.parameterise(d=[0, 1], x=cm.Noisy(lambda d: d, 0.25), u=lambda d, x: x + r * d)
    >>> instrumental_control_effect(model, "x")
    Piecewise((1/4, Eq(r, -1/2)), (1/2, (r >= -1/2) | (r <= -1/2)))
    >>> instrumental_control_effect(model, "u", policy={"d": lambda: 1})
    Abs(r + 1/2)
    """
    decision = decision_apart(model, node, decision)

    def read(model: CIM) -> Mapping[str, Any]:
        return _nested(model, node, decision)

    return least_over_optimal(
        model, decision, policy, read, _control, where=where, max_rules=max_rules, max_profiles=max_profiles
    )


@shows_progress
def impact(
    model: CIM,
    node: str,
    baseline: Any,
    decision: str | None = None,
    *,
    policy: Any = None,
    where: Iterable[Any] = (),
    max_rules: int = MAX_RULES,
    max_profiles: int = MAX_PROFILES,
) -> Any:
    r"""Return how far the law of a node is moved from a baseline, at least; see :func:`cidmesa.solve.impact`.

    Other parameters and what is returned are those of :func:`response_effect`. A utility counts as the variable of the
    distinct expressions in its table.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p, q
    >>> cid = cm.CID([("go", "vase"), ("go", "gain")], decisions=["go"], utilities=["gain"])
    >>> model = cid.parameterise(go=["stay", "walk"], vase=lambda go: {"broken": p, "whole": 1 - p} if go == "walk"
    ...                          else "whole", gain=lambda go: q if go == "walk" else 0)
    >>> impact(model, "vase", {"go": lambda: "stay"})
    Piecewise((0, q <= 0), (p, q >= 0))
    """
    require_model(model, "an impact")
    decision = model.cid.only_decision(decision)
    target = joint(model, [node], policy=baseline)

    levels = list(range(len(target)))
    if model.cid.kind(node) == "utility":
        levels = list(dict.fromkeys(map(exact, model.cpd(node).flat)))

    def read(model: CIM) -> Mapping[str, Any]:
        return {"outcome": _reached(model, node, decision), "target": target, "levels": as_objects(levels)}

    return least_over_optimal(
        model, decision, policy, read, _moved, where=where, max_rules=max_rules, max_profiles=max_profiles
    )


# Responses -----------------------------------------------------------------------------------------------------------

_Moves = dict[int, dict[tuple[int, int], Any]]
"""Per value of X: how probable it is that setting it leads from one context to another."""


def _moves(model: CIM, node: str, decision: str) -> Mapping[str, Any]:
    """Return how probable it is that setting X leads from one context to another, as parallel arrays."""
    found: dict[tuple[int, int, int], Any] = defaultdict(lambda: exact(0))
    if node in model.cid.ancestors(decision):
        parents = model.cid.parents(decision)
        shape = tuple(model.card(p) for p in parents)
        worlds = [World("actual"), World("set", do={node: FREE})]
        twin = parallel_worlds(model, worlds, [*((w.name, p) for w in worlds for p in parents), ("set", node)])
        once = list(dict.fromkeys(twin.names.values()))
        axis = {pair: once.index(name) for pair, name in twin.names.items()}
        law = joint(twin.model, once)
        for where in np.ndindex(law.shape):
            source, target = (
                int(np.ravel_multi_index(tuple(where[axis[w.name, p]] for p in parents), shape)) for w in worlds
            )
            if source != target and law[where] != 0:
                found[where[axis["set", node]], source, target] += model.card(node) * law[where]
    keys = np.array(list(found), dtype=np.intp).reshape(-1, 3).T
    return dict(zip(("value", "source", "target"), keys, strict=True)) | {"weight": as_objects(found.values())}


def _response(box: SymbolicPolicyBox, within: Within) -> Any:
    import sympy

    tables = box.profile.tables
    moves: _Moves = defaultdict(dict)
    for value, source, target, weight in zip(
        *(tables[name].tolist() for name in ("value", "source", "target")), tables["weight"], strict=True
    ):
        if weight != 0:
            moves[value][source, target] = weight
    if box.rule is not None:
        rule = box.rule
        return largest(
            sympy.expand(sum(w * _apart(rule[s], rule[t], within) for (s, t), w in by.items())) for by in moves.values()
        )
    pairs = list(dict.fromkeys(pair for by in moves.values() for pair in by))
    if can_ignore(box.allowed, *np.array(pairs, dtype=np.intp).reshape(-1, 2).T):
        return exact(0)
    return _least_response(box, moves, pairs, within)


def _apart(first: Array, second: Array, within: Within) -> Any:
    """Return the total variation between two laws."""
    return sum((within.absolute(a - b) for a, b in zip(first, second, strict=True)), exact(0)) / 2


def _least_response(box: SymbolicPolicyBox, moves: _Moves, pairs: list[tuple[int, int]], within: Within) -> Any:
    """Minimise the largest effect over a box: the rule's free probabilities, one distance per pair and action."""
    program = _Program(box.allowed)
    actions = range(box.allowed.shape[1])
    between: dict[frozenset[int], _Linear] = {}
    for source, target in pairs:
        if frozenset({source, target}) in between:
            continue
        apart: _Linear = {}
        between[frozenset({source, target})] = apart
        for a in actions:
            excess = program.variable()
            lead = [(1, program.probability(source, a)), (-1, program.probability(target, a)), (-1, excess)]
            program.at_most_zero(lead)
            apart |= excess
    bound = program.variable(cost=1)
    for by in moves.values():
        program.at_most_zero([*((w, between[frozenset(pair)]) for pair, w in by.items()), (-1, bound)])
    return program.least(within)


# Instrumental control ------------------------------------------------------------------------------------------------


def _nested(model: CIM, node: str, decision: str) -> Mapping[str, Any]:
    r"""Return :math:`\mathbb{E}[U_{X_d}; pa \mid do(a)]`, shape ``(contexts, a, d)``, and the contexts' weights."""
    import sympy

    cid = model.cid
    below = cid.descendants(node)
    utilities = [("nested", u) for u in cid.utilities_of(cid.agent_of(decision)) if u == node or u in below]
    if not utilities or node not in cid.descendants(decision):
        return {}
    worlds = [
        World("actual", do={decision: FREE}),
        World("instead", do={decision: FREE}),
        World("nested", take={decision: "actual", node: "instead"}),
    ]
    axes = [*(("actual", p) for p in cid.parents(decision)), ("actual", decision), ("instead", decision)]
    twin = parallel_worlds(model, worlds, [*axes, *utilities])
    algebra = Algebra(twin.model)
    ids = algebra.view.index.ids
    names = ids(twin.names[a] for a in axes)
    question = plan_question(algebra.view, names, ids(twin.names[u] for u in utilities), (), ())
    shape = tuple(algebra.view.cards[v] for v in names)
    k = model.card(decision)
    p, w = (
        expressions(np.broadcast_to(as_array(part, absent), shape)).reshape(-1, k, k)
        for part, absent in zip(answer(question, algebra.view, {}), (algebra.one, algebra.zero), strict=True)
    )
    return {"nested": k**2 * w, "weight": as_objects(sympy.expand(law.sum()) for law in p)}


def _control(box: SymbolicPolicyBox, within: Within) -> Any:
    import sympy

    tables = box.profile.tables
    stakes = []
    for context, weight in enumerate(tables.get("weight", ())):
        if weight == 0:
            continue
        within.note(weight)  # a context that cannot occur does not count
        nested = tables["nested"][context]
        own = np.diagonal(nested)[:, None]
        rows = each((nested - own) / weight, sympy.cancel)
        if box.rule is not None:
            stakes += [within.absolute(sympy.cancel(total)) for total in box.rule[context] @ rows]
            continue
        actions = np.flatnonzero(box.allowed[context])
        if any(all(entry == 0 for entry in rows[a]) for a in actions):
            continue
        if len(actions) == 1:
            stakes += [within.absolute(entry) for entry in rows[actions[0]]]
            continue
        program = _Program(box.allowed[context][None])
        bound = program.variable(cost=1)
        for d in range(len(rows)):
            total = [(rows[a, d], program.probability(0, int(a))) for a in actions]
            for side in (1, -1):
                program.at_most_zero([*((side * g, p) for g, p in total), (-1, bound)])
        stakes.append(program.least(within))
    return largest(stake for stake in stakes if stake != 0)


# Impact --------------------------------------------------------------------------------------------------------------


def _reached(model: CIM, node: str, decision: str) -> Array:
    r"""Return :math:`P(pa)\,P(w \mid pa, do(a))`, shape ``(contexts, a, w)``."""
    family = (*model.cid.parents(decision), decision)
    algebra = Algebra(model.without_rules([decision]))
    shape = [model.card(n) for n in family]
    names = algebra.view.index.ids(dict.fromkeys((*family, node)))
    view = algebra.freed(algebra.with_levels(names), decision)
    p, _ = answer(plan_question(view, names, (), (), ()), view, {})
    law = expressions(np.broadcast_to(as_array(p, algebra.one), [view.cards[v] for v in names]))
    if node in family:
        axis = family.index(node)
        broadcast = [n if i == axis else 1 for i, n in enumerate((*shape, shape[axis]))]
        broadcast[-1] = shape[axis]
        own = np.eye(shape[axis], dtype=int).reshape(broadcast)
        law = law[..., None] * own
    return law.reshape(-1, shape[-1], law.shape[-1])


def _moved(box: SymbolicPolicyBox, within: Within) -> Any:
    import sympy

    law, target, levels = (box.profile.tables[name] for name in ("outcome", "target", "levels"))
    # Of a utility's expressions some may be the same here, and are one outcome then.
    same = np.array([[one == other for other in dict.fromkeys(levels)] for one in levels], dtype=int)
    law, target = law @ same, target @ same
    if any(isinstance(level, sympy.Basic) for level in levels):
        within.note(*(one - other for one, other in combinations(dict.fromkeys(levels), 2)))
    if box.rule is not None:
        reach = np.einsum("ca,caw->w", box.rule, law)
        return _apart(each(reach, sympy.expand), target, within)
    reached = np.flatnonzero(box.profile.occurs)
    program = _Program(box.allowed[reached])
    for w in range(len(target)):
        apart = program.variable(cost=exact(0.5))
        moved = [
            (law[c, a, w], program.probability(i, int(a)))
            for i, c in enumerate(reached)
            for a in np.flatnonzero(box.allowed[c])
        ]
        for side in (1, -1):
            apart_by = [*((side * p, chosen) for p, chosen in moved), (-side * target[w], _ONE), (-1, apart)]
            program.at_most_zero(apart_by)
    return program.least(within)


# Linear programs -----------------------------------------------------------------------------------------------------

_Linear = dict[int | None, Any]
"""Coefficients of variables; ``None`` stands for the constant."""

_ONE: _Linear = {None: 1}


class _Program:
    """A linear program over the rules of a box.

    The first allowed action of a context has what is left of the probability, so that every row of a rule sums to one
    without an equation.
    """

    def __init__(self, allowed: Array) -> None:
        self.cost: list[Any] = []
        self.rows: list[_Linear] = []
        self._probability: dict[tuple[int, int], _Linear] = {}
        for context, row in enumerate(allowed):
            first, *others = map(int, np.flatnonzero(row))
            left = dict(_ONE)
            for action in others:
                free = self._probability[context, action] = self.variable()
                left |= dict.fromkeys(free, -1)
            self._probability[context, first] = left
            self.at_most_zero([(-1, left)])

    def variable(self, cost: Any = 0) -> _Linear:
        """Add a variable that is not negative."""
        self.cost.append(cost)
        return {len(self.cost) - 1: 1}

    def probability(self, context: int, action: int) -> _Linear:
        """Return the probability that the rule gives an action in a context."""
        return self._probability.get((context, action), {})

    def at_most_zero(self, terms: Iterable[tuple[Any, _Linear]]) -> None:
        """Demand that a sum of multiples is not positive."""
        row: _Linear = defaultdict(int)
        for factor, linear in terms:
            for variable, coefficient in linear.items():
                row[variable] += factor * coefficient
        self.rows.append(row)

    def least(self, within: Within) -> Any:
        """Return the least cost."""
        variables = range(len(self.cost))
        rows = [[row.get(v, 0) for v in variables] for row in self.rows]
        return within.least_value(self.cost, rows, [-row.get(None, 0) for row in self.rows])

r"""What information, control and interventions are worth, as expressions.

See :mod:`.values` for the definitions. A value of information or control is a difference of maxima, which
holds on the borders between regions too; what is least over all optimal policies comes piece by piece
(:mod:`cidmesa.solve.symbolic.boxes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import LEFT_OUT, read_edges, require_model
from cidmesa.arrays import Array
from cidmesa.clock import shows_progress
from cidmesa.mechanisms import Table
from cidmesa.solve.magnitudes.values import (
    controlled,
    controlling_agent,
    decision_for_label,
    numbers_of,
    seeing_and_blind,
    two_values,
)
from cidmesa.solve.policies.all_optimal import MAX_PROFILES
from cidmesa.solve.queries.counterfactual import twin_worlds
from cidmesa.solve.symbolic.algebra import exact
from cidmesa.solve.symbolic.borders import UndecidedError
from cidmesa.solve.symbolic.boxes import SymbolicPolicyBox, Within, least_over_optimal
from cidmesa.solve.symbolic.cases import MAX_RULES
from cidmesa.solve.symbolic.expressions import as_objects, each, largest
from cidmesa.solve.symbolic.policies import optimal_value, read_where
from cidmesa.solve.symbolic.queries import expected_utility, joint

if TYPE_CHECKING:
    from cidmesa.diagram import Edge
    from cidmesa.model import CIM


@shows_progress
def value_of_information(
    model: CIM,
    node: str | Iterable[str],
    decision: str | None = None,
    *,
    where: Iterable[Any] = (),
    max_rules: int = MAX_RULES,
) -> Any:
    """Return what it is worth that a decision observes nodes; see :func:`cidmesa.solve.value_of_information`.

    `where` and `max_rules` are those of :func:`optimal_policies`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p
    >>> cid = cm.CID([("coin", "win"), ("call", "win")], decisions=["call"], utilities=["win"])
    >>> model = cid.parameterise(coin=cm.Bernoulli(p), call=[0, 1], win=lambda coin, call: int(coin == call))
    >>> value_of_information(model, "coin")
    1 - Max(p, 1 - p)
    """
    require_model(model, "a value of information")
    where = read_where(where)
    seeing, blind, agent = seeing_and_blind(model, node, decision)
    more = optimal_value(seeing, agent=agent, where=where, max_rules=max_rules)
    return more - optimal_value(blind, agent=agent, where=where, max_rules=max_rules)


@shows_progress
def value_of_control(
    model: CIM, node: str, decision: str | None = None, *, where: Iterable[Any] = (), max_rules: int = MAX_RULES
) -> Any:
    """Return what it is worth to choose a node's mechanism too; see :func:`cidmesa.solve.value_of_control`.

    `where` and `max_rules` are those of :func:`optimal_policies`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import p
    >>> cid = cm.CID([("luck", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(luck=cm.Bernoulli(p), go=[0, 1], win=lambda luck, go: luck * go)
    >>> value_of_control(model, "luck"), value_of_control(model, "win")
    (1 - p, 1 - p)
    """
    require_model(model, "a value of control")
    where = read_where(where)
    agent = controlling_agent(model, node, decision)
    bonus = exact(0)
    if model.cid.kind(node) == "utility":
        # The best number is a maximum of expressions, which no polynomial is: it is added afterwards.
        table = model.cpd(node)
        if node in model.cid.utilities_of(agent):
            bonus = largest(map(exact, table.flat))
        more = model.shift({node: Table(np.zeros(table.shape))})
    else:
        more = controlled(model, node, agent)
    before = optimal_value(model, agent=agent, where=where, max_rules=max_rules)
    return bonus + optimal_value(more, agent=agent, where=where, max_rules=max_rules) - before


@shows_progress
def total_effect(
    model: CIM,
    node: str,
    outcome: str,
    reference: Any = LEFT_OUT,
    treatment: Any = LEFT_OUT,
    *,
    policy: Any = None,
    cut_edges: Iterable[Edge] | Edge = (),
) -> Any:
    """Return how the mean of a node is moved by setting another; see :func:`cidmesa.solve.total_effect`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import q
    >>> model = cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(0.5), b=cm.Noisy(lambda a: a, q))
    >>> total_effect(model, "a", "b"), total_effect(model, "a", "b", cut_edges=("a", "b"))
    (1 - 2*q, 0)
    """
    import sympy

    low, high = two_values(model, node, reference, treatment)
    edges = read_edges(cut_edges, "cut_edges")
    numbers = None if model.cid.kind(outcome) == "utility" else each(numbers_of(model, outcome), exact)

    def mean(value: Any) -> Any:
        world = twin_worlds(model, [outcome], None, {node: value}, edges, policy)
        if numbers is None:
            return expected_utility(world.model)
        return sympy.expand(joint(world.model, [world.names["do", outcome]]) @ numbers)

    return mean(high) - mean(low)


@shows_progress
def introduced_total_effect(
    model: CIM,
    node: str,
    label: str,
    decision: str | None = None,
    *,
    reference: Any = LEFT_OUT,
    treatment: Any = LEFT_OUT,
    policy: Any = None,
    where: Iterable[Any] = (),
    max_rules: int = MAX_RULES,
    max_profiles: int = MAX_PROFILES,
) -> Any:
    """Return by how much more a node moves a decision than it moves the label.

    See :func:`cidmesa.solve.introduced_total_effect`; `where`, `max_rules` and what is returned are as
    for :func:`response_effect`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import q
    >>> cid = cm.CID([("A", "D"), ("A", "Y"), ("D", "U"), ("Y", "U")], decisions=["D"], utilities=["U"])
    >>> model = cid.parameterise(A=cm.Bernoulli(0.5), Y=cm.Noisy(lambda A: A, q), D=[0, 1],
    ...                          U=lambda D, Y: int(D == Y))
    >>> introduced_total_effect(model, "A", "Y", policy={"D": lambda A: A})
    1 - Abs(2*q - 1)
    >>> introduced_total_effect(model, "A", "Y", policy={"D": lambda A: 0})
    -Abs(2*q - 1)
    """
    values = two_values(model, node, reference, treatment)
    decision = decision_for_label(model, label, decision)
    return least_over_optimal(
        model,
        decision,
        policy,
        lambda model: _shifts(model, decision, node, label, values, "do"),
        _introduced,
        where=where,
        max_rules=max_rules,
        max_profiles=max_profiles,
        signed=True,
    )


@shows_progress
def introduced_total_variation(
    model: CIM,
    node: str,
    label: str,
    decision: str | None = None,
    *,
    reference: Any = LEFT_OUT,
    treatment: Any = LEFT_OUT,
    policy: Any = None,
    where: Iterable[Any] = (),
    max_rules: int = MAX_RULES,
    max_profiles: int = MAX_PROFILES,
) -> Any:
    """Return by how much more a decision differs between two groups than the label does.

    See :func:`cidmesa.solve.introduced_total_variation`; `where`, `max_rules` and what is returned are as for
    :func:`response_effect`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from sympy.abc import q
    >>> cid = cm.CID([("A", "D"), ("A", "Y"), ("D", "U"), ("Y", "U")], decisions=["D"], utilities=["U"])
    >>> model = cid.parameterise(A=cm.Bernoulli(0.5), Y=cm.Noisy(lambda A: A, q), D=[0, 1],
    ...                          U=lambda D, Y: int(D == Y))
    >>> introduced_total_variation(model, "A", "Y")
    Piecewise((0, Eq(q, 1/2)), (2*q, q <= 1/2), (2 - 2*q, q >= 1/2))
    """
    values = two_values(model, node, reference, treatment)
    decision = decision_for_label(model, label, decision)
    return least_over_optimal(
        model,
        decision,
        policy,
        lambda model: _shifts(model, decision, node, label, values, "given"),
        _introduced,
        where=where,
        max_rules=max_rules,
        max_profiles=max_profiles,
        signed=True,
    )


def _shifts(model: CIM, decision: str, node: str, label: str, values: tuple[Any, Any], how: str) -> Mapping[str, Any]:
    """Return the laws of the decision's contexts and of the label under both values, times the values' weights."""
    parents = model.cid.parents(decision)
    if how == "do":
        laws = [[joint(model, names, do={node: value}) for value in values] for names in (parents, (label,))]
        weight = [exact(1), exact(1)]
    else:
        place = [model.domain(node).index(value) for value in values]
        weight = [joint(model, [node])[i] for i in place]
        laws = [
            [_times(joint(model, names, given={node: value}), w) for value, w in zip(values, weight, strict=True)]
            for names in (parents, (label,))
        ]
    contexts, labels = (np.stack([np.reshape(law, -1) for law in pair]) for pair in laws)
    return {
        "contexts": contexts,
        "labels": labels,
        "weight": as_objects(weight),
        "actions": each(numbers_of(model, decision), exact),
        "label values": each(numbers_of(model, label), exact),
    }


def _times(table: Array, weight: Any) -> Array:
    import sympy

    return each(table, lambda entry: sympy.cancel(entry * weight))


def _introduced(box: SymbolicPolicyBox, within: Within) -> Any:
    """Return the least |difference of the decision| over a box, less |difference of the label|."""
    import sympy

    tables = box.profile.tables
    if any(weight == 0 for weight in tables["weight"]):
        raise UndecidedError  # evidence of probability zero
    within.note(*tables["weight"])
    one, other = tables["weight"]

    def shifted(laws: Array) -> Array:
        return each(laws[1] / other - laws[0] / one, sympy.cancel)

    numbers = tables["actions"]
    weight = shifted(tables["contexts"])
    label_moves = within.absolute(sympy.cancel(shifted(tables["labels"]) @ tables["label values"]))
    if box.rule is not None:
        return within.absolute(sympy.cancel(weight @ (box.rule @ numbers))) - label_moves
    ends = [exact(0), exact(0)]
    for context, allowed in enumerate(box.allowed):
        actions = numbers[allowed]
        extremes = [min(actions), max(actions)]
        if extremes[0] != extremes[1] and within.sign(weight[context]) < 0:
            extremes.reverse()
        ends = [sympy.cancel(end + weight[context] * extreme) for end, extreme in zip(ends, extremes, strict=True)]
    low, high = ends
    if within.sign(low) > 0:
        return low - label_moves
    return (exact(0) if within.sign(high) >= 0 else -high) - label_moves

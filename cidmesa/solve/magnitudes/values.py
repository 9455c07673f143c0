r"""What information, control and interventions are worth.

============================================  ==========================================================================
:func:`value_of_information`                  what it is worth that a decision observes a node
:func:`value_of_control`                      what it is worth to choose a node's mechanism as well
:func:`total_effect`                          how an intervention moves the mean of a node
:func:`introduced_total_effect`               by how much more it moves the decision than the label
:func:`introduced_total_variation`            the same for a difference between groups, not an intervention
============================================  ==========================================================================

Results are :class:`~cidmesa.solve.magnitudes.magnitude.Magnitude`: floats that say whether they are exact.

The two published examples: a sign that is right four times out of five is worth 0.6 to a gambler who may also abstain,
and to learn the state as well is worth 0.4 more.

>>> import cidmesa as cm
>>> cid = cm.CID([("S", "X"), ("X", "D"), ("D", "U"), ("S", "U")], decisions=["D"], utilities=["U"])
>>> model = cid.parameterise(S=cm.Uniform(-1, 1), X=cm.Noisy(lambda S: S, 0.2), D=[-1, 0, 1], U=lambda S, D: S * D)
>>> round(value_of_information(model, "X"), 9), round(value_of_information(model, "S"), 9)
(0.6, 0.4)

References
----------
.. [1] R. A. Howard, "Information value theory", *IEEE Trans. Systems Science and Cybernetics* 2, 1966.
.. [2] T. Everitt, R. Carey, E. Langlois, P. Ortega and S. Legg, "Agent incentives: a causal perspective", AAAI 2021.
.. [3] C. Ashurst, R. Carey, S. Chiappa and T. Everitt, "Why fair labels can yield unfair predictions", AAAI 2022.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import LEFT_OUT, read_edges, read_names, require_model
from cidmesa.arrays import Array
from cidmesa.clock import shows_progress
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError, quoted
from cidmesa.mechanisms import Mechanism, Table, is_number
from cidmesa.mechanisms.numbers import as_float, shown
from cidmesa.model import CIM
from cidmesa.solve.magnitudes.magnitude import Bound, Magnitude
from cidmesa.solve.policies.all_optimal import MAX_PROFILES, PolicyBox, optimal_boxes
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.policies.worth import Worth, difference
from cidmesa.solve.queries.counterfactual import twin_worlds
from cidmesa.solve.queries.query import expected_utility, joint

if TYPE_CHECKING:
    from cidmesa.diagram import Edge
    from cidmesa.solve.policies.solution import Solution


@shows_progress
def value_of_information(model: CIM, node: str | Iterable[str], decision: str | None = None) -> Magnitude:
    r"""Return what it is worth that a decision observes a node, or several at once.

    .. math:: V^*(X \to D \text{ added}) - V^*(X \to D \text{ removed})

    All decisions of the agent are optimised in both models; decisions with a rule of their own keep it, except that
    the rule of :math:`D` itself is dropped.

    Parameters
    ----------
    model
        The model; other agents' decisions need rules.
    node
        A chance node or a decision that does not descend from :math:`D`; whether the link is there does not matter.
        Several are observed together or not at all.
    decision
        The decision; ``None`` stands for the only one.

    Returns
    -------
    Magnitude
        Never negative, in the units of the utilities. Exact wherever both models can be solved exactly (always, in
        soluble diagrams); else it says ``lower bound`` or ``estimate``.

    Raises
    ------
    NotApplicableError
        The node is a utility, the decision, or a descendant of it; or it decides what :math:`D` may do.

    References
    ----------
    T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, Def. 8 and Thm. 9; C. van Merwijk, R. Carey
    and T. Everitt, "A complete criterion for value of information in soluble influence diagrams", AAAI 2022, Thm. 7.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], nodes=["coin"], decisions=["go"],
    ...              utilities=["win"])
    >>> model = cid.parameterise(door=cm.Uniform("left", "right"), coin=cm.Bernoulli(0.5), go=["left", "right"],
    ...                          win=lambda door, go: int(door == go))
    >>> value_of_information(model, "door"), value_of_information(model, "coin")
    (0.5, 0.0)

    Two halves of a key are worth nothing by themselves:

    >>> cid = cm.CID([("a", "win"), ("b", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> bit = cm.Bernoulli(0.5)
    >>> key = cid.parameterise(a=bit, b=bit, go=[0, 1], win=lambda a, b, go: int(go == (a != b)))
    >>> value_of_information(key, "a"), value_of_information(key, ["a", "b"])
    (0.0, 0.5)
    """
    require_model(model, "a value of information")
    model.require_numeric("a value of information")
    seeing, blind, agent = seeing_and_blind(model, node, decision)
    with_it, without = solve(seeing, agent=agent), solve(blind, agent=agent)
    return _difference(with_it, without, agent)


@shows_progress
def value_of_control(model: CIM, node: str, decision: str | None = None) -> Magnitude:
    r"""Return what it is worth to choose a node's mechanism together with the policy.

    .. math:: \max_{g_X,\, \pi} \mathbb{E}[U] - \max_\pi \mathbb{E}[U]

    Parameters
    ----------
    model
        The model; other agents' decisions need rules.
    node
        A chance node, whose mechanism becomes any function of its parents; a decision of another agent, whose rule is
        a mechanism like any other; or a utility, which may be set to any number in its table.
    decision
        Says whose control; may be left out where the diagram has one agent or one decision.

    Returns
    -------
    Magnitude
        Never negative. Exact where the problem with the node as one more decision is soluble or small enough to list;
        else ``lower bound``: the best found by search, less the exact optimum.

    Raises
    ------
    NotApplicableError
        The node is a decision of the agent; several agents and no `decision`; nobody decides or is paid.

    Notes
    -----
    Randomised mechanisms are worth no more: for every policy the expected utility is linear in the mechanism, so some
    deterministic one is best.

    References
    ----------
    T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, Def. 15 and Thm. 16.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("luck", "win"), ("go", "win")], nodes=["coin"], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(luck=cm.Bernoulli(0.25), coin=cm.Bernoulli(0.5), go=[0, 1],
    ...                          win=lambda luck, go: luck * go)
    >>> value_of_control(model, "luck"), value_of_control(model, "coin")
    (0.75, 0.0)
    """
    require_model(model, "a value of control")
    model.require_numeric("a value of control")
    agent = controlling_agent(model, node, decision)
    before = solve(model, agent=agent)
    return _difference(solve(controlled(model, node, agent), agent=agent), before, agent)


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
) -> Magnitude:
    r"""Return how the mean of a node is moved by setting another.

    .. math:: \mathbb{E}[Y \mid do(A = treatment)] - \mathbb{E}[Y \mid do(A = reference)]

    Parameters
    ----------
    model
        The model.
    node
        The node :math:`A` that is set: chance or decision.
    outcome
        The node :math:`Y`, whose values are numbers; or a utility.
    reference, treatment
        The two values; left out, the least and the largest where all are numbers, else the first and the last of the
        domain.
    policy
        Rules of decisions without one that matter.
    cut_edges
        Edges (or a single one) that do not pass the intervention on: a *path-specific* effect, for structural models
        (see :mod:`cidmesa.solve.queries.counterfactual`).

    Raises
    ------
    NotApplicableError
        `outcome` has values that are not numbers.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("drug", "pulse"), ("drug", "health"), ("pulse", "health")])
    >>> model = cid.parameterise(drug=cm.Bernoulli(0.5), pulse=lambda drug: drug,
    ...                          health=lambda drug, pulse: 3 * drug - pulse)
    >>> total_effect(model, "drug", "health")
    2.0
    >>> total_effect(model, "drug", "health", cut_edges=[("drug", "pulse")]), total_effect(model, "health", "drug")
    (3.0, 0.0)
    """
    low, high = two_values(model, node, reference, treatment)
    model.require_numeric("an effect")
    edges = read_edges(cut_edges, "cut_edges")

    numbers = None if model.cid.kind(outcome) == "utility" else numbers_of(model, outcome)

    def mean(value: Any) -> float:
        world = twin_worlds(model, [outcome], None, {node: value}, edges, policy)
        if numbers is None:
            return expected_utility(world.model)
        return float(joint(world.model, [world.names["do", outcome]]) @ numbers)

    return Magnitude(mean(high) - mean(low))


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
    max_profiles: int = MAX_PROFILES,
) -> Magnitude:
    r"""Return by how much more a node moves a decision than it moves the label that the decision predicts.

    .. math:: \min_{\pi \text{ optimal}} \bigl|\mathrm{TE}_\pi(A \to D)\bigr| - \bigl|\mathrm{TE}(A \to Y)\bigr|

    :math:`\mathrm{TE}` is :func:`total_effect`. Positive: every optimal policy introduces unfairness that the label
    does not have.

    Parameters
    ----------
    model
        The model; actions and labels are numbers.
    node
        The sensitive attribute :math:`A`.
    label
        The label :math:`Y`, not below the decision.
    decision
        The decision; ``None`` stands for the only one.
    reference, treatment
        The two values of the attribute; left out, the least and the largest where all are numbers, else the first and
        the last of its domain.
    policy
        The effect under this policy, instead of the least over all optimal ones.
    max_profiles
        With several decisions: how many deterministic profiles of the others to list at most.

    References
    ----------
    C. Ashurst et al., "Why fair labels can yield unfair predictions", AAAI 2022 (introduced total effect); the example
    is pycid's.

    Examples
    --------
    A fair coin ``A`` spoils the only evidence of ``Z``. Who knows nothing introduces no bias; who predicts as well as
    he can does.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("A", "X"), ("Z", "X"), ("Z", "Y"), ("X", "D"), ("X", "Y"), ("D", "U"), ("Y", "U")],
    ...              decisions=["D"], utilities=["U"])
    >>> model = cid.parameterise(A=cm.Bernoulli(0.5), Z=cm.Bernoulli(0.5), X=lambda A, Z: A * Z, D=[0, 1 / 3, 1, 2],
    ...                          Y=lambda X, Z: X + Z, U=lambda D, Y: -((D - Y) ** 2))
    >>> introduced_total_effect(model, "A", "Y", policy={"D": lambda X: {0: 0.25, 1 / 3: 0.25, 1: 0.25, 2: 0.25}})
    -0.5
    >>> round(introduced_total_effect(model, "A", "Y"), 9)
    0.333333333
    """
    low, high = two_values(model, node, reference, treatment)
    decision = decision_for_label(model, label, decision)
    boxes = optimal_boxes(model, decision, policy=policy, max_profiles=max_profiles)
    return Magnitude(min(_introduced(box, node, label, low, high, "do") for box in boxes))


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
    max_profiles: int = MAX_PROFILES,
) -> Magnitude:
    r"""Return by how much more a decision differs between two groups than the label does.

    .. math:: \min_{\pi \text{ optimal}} \bigl|\mathbb{E}_\pi[D \mid a'] - \mathbb{E}_\pi[D \mid a]\bigr|
              - \bigl|\mathbb{E}[Y \mid a'] - \mathbb{E}[Y \mid a]\bigr|

    Parameters are those of :func:`introduced_total_effect`, which intervenes where this conditions.

    References
    ----------
    C. Ashurst et al., "Why fair labels can yield unfair predictions", AAAI 2022, Def. 5 (introduced total variation).

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("A", "D"), ("A", "Y"), ("D", "U"), ("Y", "U")], decisions=["D"], utilities=["U"])
    >>> model = cid.parameterise(A=cm.Bernoulli(0.5), Y=cm.Noisy(lambda A: A, 0.25), D=[0, 1],
    ...                          U=lambda D, Y: int(D == Y))
    >>> introduced_total_variation(model, "A", "Y")
    0.5
    >>> introduced_total_variation(model, "A", "Y", policy={"D": lambda A: 0})
    -0.5
    """
    low, high = two_values(model, node, reference, treatment)
    decision = decision_for_label(model, label, decision)
    boxes = optimal_boxes(model, decision, policy=policy, max_profiles=max_profiles)
    return Magnitude(min(_introduced(box, node, label, low, high, "given") for box in boxes))


def _difference(more: Solution, less: Solution, agent: Hashable) -> Magnitude:
    """Return by how much one optimum is larger than another: zero iff they are equal in exact arithmetic."""
    gain, known = _value(more, agent) - _value(less, agent), True
    if not gain > _CLEAR * (more.off + less.off):
        gain, known = difference(_worth(more, agent), _worth(less, agent))
    bound: Bound = "lower bound" if less.exact and known else "estimate"
    if bound == "lower bound" and more.exact:
        bound = "exact"
    method = more.method if more.method == less.method else f"{more.method}; {less.method}"
    return Magnitude(gain if gain > 0 else 0.0, bound, method)


_CLEAR = 1e4
"""Gains so many times larger than they may be off are right to nine digits: most of that is how numbers are read."""


def _value(solution: Solution, agent: Hashable) -> float:
    return float(solution.value[agent] if isinstance(solution.value, Mapping) else solution.value)


def _worth(solution: Solution, agent: Hashable) -> Worth:
    return Worth.of(solution.model, solution, agent)


def seeing_and_blind(model: CIM, node: str | Iterable[str], decision: str | None) -> tuple[CIM, CIM, Hashable]:
    """Return the models in which a decision observes some nodes and none of them, and the decision's agent."""
    cid = model.cid
    decision = cid.only_decision(decision, question="a value of information")
    nodes = dict.fromkeys((node,) if isinstance(node, str) else read_names(node, "node"))
    if not nodes:
        raise NotApplicableError("a value of information is that of a node or of several; got none.")
    for name in nodes:
        if cid.kind(name) == "utility" or name in cid.descendants(decision, strict=False):
            what = "is a utility" if cid.kind(name) == "utility" else f"is `{decision}` or descends from it"
            raise NotApplicableError(f"`{name}` {what}, so `{decision}` cannot observe it: ask about another node.")
        if name in model.allowed_reads(decision):
            raise NotApplicableError(
                f"what `{decision}` may do depends on `{name}`, so that it observes it is part of the form of its "
                "rule: there is no model without that link to compare with. Ask about another node."
            )
    others = [parent for parent in cid.parents(decision) if parent not in nodes]
    return model.observing(decision, [*others, *nodes]), model.observing(decision, others), cid.agent_of(decision)


def controlling_agent(model: CIM, node: str, decision: str | None) -> Hashable:
    """Return who controls a node: the agent of `decision`, of the only decision, or the only agent.

    Raises
    ------
    NotApplicableError
        As for :func:`value_of_control`.
    """
    cid = model.cid
    kind = cid.kind(node)
    question = "a value of control"
    if not cid.agents:
        raise NotApplicableError(
            f"{question} is an agent's, and in this diagram nobody decides or is paid: "
            "CID(decisions=[..], utilities=[..])."
        )
    if decision is None and len(cid.agents) == 1:
        agent = cid.agents[0]
    elif decision is None and len(cid.decisions) > 1:
        raise NotApplicableError(
            f"{question} is one agent's, and this diagram has {len(cid.agents)}: say whose by one of its "
            f"decisions, decision={quoted(cid.decisions[0])}."
        )
    else:
        agent = cid.agent_of(cid.only_decision(decision, question=question))
    if kind == "decision" and cid.agent_of(node) == agent:
        raise NotApplicableError(f"`{node}` is a decision, which its agent controls already: ask about another node.")
    return agent


def controlled(model: CIM, node: str, agent: Hashable) -> CIM:
    """Return the model in which an agent chooses the mechanism of a node (of a utility: its best number)."""
    kind = model.cid.kind(node)
    if kind == "utility":
        table = model.cpd(node)
        return model.shift({node: Table(np.full(table.shape, table.max()))})
    return model.controlling(node, agent) if kind == "chance" else _handed_over(model, node, agent)


def _handed_over(model: CIM, decision: str, agent: Hashable) -> CIM:
    """Return the model in which another agent's decision is the agent's, its rule dropped."""
    cid = model.cid
    owned = {a: [d for d in cid.decisions_of(a) if d != decision] for a in cid.agents}
    owned[agent].append(decision)
    paid = {a: cid.utilities_of(a) for a in cid.agents}
    mechanisms: dict[str, Mechanism] = {}
    for node in cid.nodes:
        kind = cid.kind(node)
        if kind == "decision":
            mechanisms[node] = model.choice(node)
        else:
            mechanisms[node] = Table(model.cpd(node), domain=model.domain(node) if kind == "chance" else None)
    handed = CIM(CID(cid.edges, nodes=cid.nodes, decisions=owned, utilities=paid, latent=cid.latent), mechanisms)
    return handed.with_policy({d: rule for d, rule in model.rules.items() if d != decision})


def two_values(model: CIM, node: str, reference: Any, treatment: Any) -> tuple[Any, Any]:
    """Return the two values that a node is set to; left out, the least and the largest, or the first and the last.

    The order of a domain may be that in which values came up, which is no order of numbers.
    """
    require_model(model, "an effect")
    domain: Any = model.domain(node)
    if all(map(is_number, domain)):
        domain = sorted(domain)
    low, high = (
        (domain[0] if reference is LEFT_OUT else reference),
        (domain[-1] if treatment is LEFT_OUT else treatment),
    )
    return low, high


def numbers_of(model: CIM, node: str) -> Array:
    """Return the values of a node as numbers."""
    domain = model.domain(node)
    if not all(is_number(value) for value in domain):
        raise NotApplicableError(
            f"an effect on `{node}` is a difference of means, and its values are not all numbers: {domain!r}. "
            "Put a node with numbers below it."
        )
    numbers = np.array([as_float(value) for value in domain])
    if not np.isfinite(numbers).all():
        large = next(value for value, number in zip(domain, numbers, strict=True) if not np.isfinite(number))
        raise NotApplicableError(
            f"an effect on `{node}` is a difference of means, and {shown(large)} in its domain is no finite float: use "
            "smaller units."
        )
    return numbers


def decision_for_label(model: CIM, label: str, decision: str | None) -> str:
    """Return the decision that predicts a label, which must not depend on it."""
    decision = model.cid.only_decision(decision)
    model.cid.id(label)
    if label in model.cid.descendants(decision, strict=False):
        raise NotApplicableError(f"the label `{label}` must not depend on the decision `{decision}` that predicts it.")
    return decision


def _introduced(box: PolicyBox, node: str, label: str, low: Any, high: Any, how: str) -> float:
    """Return the least |difference of the decision| over a box, less |difference of the label|."""
    model, parents = box.model, box.model.cid.parents(box.decision)

    def shifted(names: tuple[str, ...]) -> Array:
        upper, lower = (
            joint(model, names, do={node: value}) if how == "do" else joint(model, names, given={node: value})
            for value in (high, low)
        )
        difference: Array = upper - lower
        return difference

    numbers = numbers_of(model, box.decision)
    weight = shifted(parents).ravel()
    label_moves = abs(float(shifted((label,)) @ numbers_of(model, label)))
    if box.rule is not None:
        return abs(float(weight @ (box.rule.reshape(len(weight), -1) @ numbers))) - label_moves
    allowed = box.allowed.reshape(len(weight), -1)
    least = np.where(allowed, numbers, np.inf).min(axis=1)
    most = np.where(allowed, numbers, -np.inf).max(axis=1)
    low_end = float(np.where(weight > 0, weight * least, weight * most).sum())
    high_end = float(np.where(weight > 0, weight * most, weight * least).sum())
    closest = 0.0 if low_end <= 0 <= high_end else min(abs(low_end), abs(high_end))
    return closest - label_moves

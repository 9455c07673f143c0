r"""How strong the incentives are: responses, instrumental control, impact.

All three are statements about *every* optimal policy, so their magnitudes are the least over the optimal policies of
what one policy does. Zero means that some optimal policy lacks the property, and it is returned as an exact zero.

============================================  ==========================================================================
:func:`response_effect`                       how far the decision moves when a node is set, at least
:func:`instrumental_control_effect`           what the agent would pay for the path through a node, at least
:func:`impact`                                how far a node's law is moved from a baseline, at least
:func:`has_response_incentive`                whether every optimal policy responds
:func:`is_response_forced`                    whether every policy responds, because of what is allowed
:func:`has_instrumental_control_incentive`    whether under every optimal policy the path through the node matters
============================================  ==========================================================================

With ``policy=`` they are the same quantities of that one policy.

References
----------
.. [1] T. Everitt, R. Carey, E. Langlois, P. Ortega and S. Legg, "Agent incentives: a causal perspective", AAAI 2021.
.. [2] R. Carey, E. Langlois, T. Everitt and S. Legg, "The incentives that shape behaviour", 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.clock import shows_progress
from cidmesa.errors import NotApplicableError
from cidmesa.solve.magnitudes.magnitude import Magnitude
from cidmesa.solve.policies.all_optimal import MAX_PROFILES, PolicyBox, optimal_boxes
from cidmesa.solve.queries.decision_laws import outcome_law
from cidmesa.solve.queries.parallel_worlds import FREE, World, parallel_worlds
from cidmesa.solve.queries.query import joint
from cidmesa.solve.tables.exact_numbers import fractions, number_meant
from cidmesa.solve.tables.exact_run import exact_joint
from cidmesa.solve.tables.linear_programs import balance

if TYPE_CHECKING:
    from cidmesa.model import CIM

_SMALL = 1e-7
"""What is smaller than this, relative to the terms it is made of, is looked at exactly: linear programs are not."""

_PROGRAM = 4096
"""Entries of the largest linear program that is solved in fractions."""


@shows_progress
def response_effect(
    model: CIM, node: str, decision: str | None = None, *, policy: Any = None, max_profiles: int = MAX_PROFILES
) -> Magnitude:
    r"""Return how far a decision moves, at least, when a node is set to another value.

    .. math:: \min_{\pi \text{ optimal}}\; \max_x\; \mathbb{E}_\varepsilon\,
              \mathrm{TV}\bigl(\pi(\cdot \mid PA_D(\varepsilon)),\ \pi(\cdot \mid (PA_D)_x(\varepsilon))\bigr)

    For a deterministic policy the expectation is :math:`P(D_x(\varepsilon) \ne D(\varepsilon))`; for a stochastic one
    it is the least that this probability can be, whatever the policy's own noise. It is positive iff the model has a
    *response incentive* on the node (Everitt et al. 2021, Def. 11). A response that every policy shows, because other
    actions are forbidden, is *forced* and no incentive: the effect is zero, and its ``method`` says so.

    Parameters
    ----------
    model
        A structural model; what lies between the node and the decision has to be a function of parents and noise.
    node
        Any node but the decision.
    decision
        The decision; ``None`` stands for the only one.
    policy
        The effect under this policy, instead of the least over all optimal ones.
    max_profiles
        With several decisions: how many deterministic profiles of the others to list at most.

    Returns
    -------
    Magnitude
        A probability; exact.

    Raises
    ------
    NotApplicableError
        A node that is moved has no structural function; too many profiles; another agent's decision without a rule.

    Notes
    -----
    Where policies have a choice (ties, contexts that never occur) the minimum is a linear program; whether it is zero
    is decided beforehand, without numbers: see :func:`has_response_incentive`. With several decisions the minimum is
    over policies whose other decisions are deterministic.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "red"), ("red", "go"), ("door", "win"), ("go", "win")], decisions=["go"],
    ...              utilities=["win"], nodes=["weather"])
    >>> model = cid.parameterise(weather=cm.Bernoulli(0.5), door=cm.Uniform(0, 1), red=cm.Noisy(lambda door: door, 0.1),
    ...                          go=[0, 1], win=lambda door, go: int(door == go))
    >>> response_effect(model, "door"), response_effect(model, "weather")
    (0.5, 0.0)
    """
    if policy is None and is_response_forced(model, node, decision, max_profiles=max_profiles):
        return Magnitude(0.0, method=FORCED)
    return Magnitude(_least(_response(box, node) for box in _boxes(model, node, decision, policy, max_profiles)))


def has_response_incentive(
    model: CIM, node: str, decision: str | None = None, *, policy: Any = None, max_profiles: int = MAX_PROFILES
) -> bool:
    r"""Say whether every optimal policy responds to a node: :math:`D_x(\varepsilon) \ne D(\varepsilon)` for some noise.

    Parameters and errors are those of :func:`response_effect`.

    Notes
    -----
    Two contexts are joined when some noise and some :math:`x` lead from one to the other. A policy that does not
    respond takes one action in all contexts that hang together, so there is one that is optimal iff each such set has
    an action that is optimal in all of its contexts that occur.

    References
    ----------
    T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, Def. 11 and Thm. 12.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("coin", "go"), ("door", "win"), ("go", "win")], decisions=["go"],
    ...              utilities=["win"])
    >>> model = cid.parameterise(door=cm.Uniform(0, 1), coin=cm.Uniform(0, 1), go=[0, 1],
    ...                          win=lambda door, go: int(door == go))
    >>> has_response_incentive(model, "door"), has_response_incentive(model, "coin")
    (True, False)
    """
    if policy is None and is_response_forced(model, node, decision, max_profiles=max_profiles):
        return False
    return all(not _can_ignore(box, _moves(box, node)) for box in _boxes(model, node, decision, policy, max_profiles))


FORCED = "forced by what is allowed"
"""How a response effect is found where policies have no choice but to respond."""


def is_response_forced(model: CIM, node: str, decision: str | None = None, *, max_profiles: int = MAX_PROFILES) -> bool:
    r"""Say whether a decision responds to a node under every policy of allowed actions, optimal or not.

    Parameters and errors are those of :func:`response_effect`. With several decisions the others are optimal.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("gate", "go"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    >>> only = cm.Choice(["left", "right"], allowed=lambda gate: [gate])
    >>> model = cid.parameterise(gate=cm.Uniform("left", "right"), go=only, pay=lambda go: int(go == "left"))
    >>> is_response_forced(model, "gate"), has_response_incentive(model, "gate")
    (True, False)
    >>> response_effect(model, "gate"), response_effect(model, "gate").method
    (0.0, 'forced by what is allowed')
    """
    decision = decision_apart(model, node, decision)
    may = model.allowed(decision)
    if may is None or decision in model.rules:
        return False
    for box in _boxes(model, node, decision, None, max_profiles):
        moves = _moves(box, node)
        if can_ignore(may.reshape(box.law.size, -1), moves.source, moves.target):
            return False
    return True


@shows_progress
def instrumental_control_effect(
    model: CIM, node: str, decision: str | None = None, *, policy: Any = None, max_profiles: int = MAX_PROFILES
) -> Magnitude:
    r"""Return what the path from a decision through a node is worth, at least, in the context where most is at stake.

    .. math:: \min_{\pi \text{ optimal}}\; \max_{pa,\, d}\;
              \bigl|\mathbb{E}_\pi[U_{X_d} \mid pa] - \mathbb{E}_\pi[U \mid pa]\bigr|

    :math:`U_{X_d}` is the agent's utility when :math:`X` is what it would have been had the decision been :math:`d`,
    while everything else follows the decision actually taken. The effect is positive iff the model has an
    *instrumental control incentive* on the node (Everitt et al. 2021, Def. 17).

    Parameters
    ----------
    model
        A model; a node that both worlds compute apart (it lies below the decision and both above :math:`X` and on
        another way to the utility) has to be structural.
    node
        Any node but the decision; a utility counts as its own path.
    decision, policy, max_profiles
        As for :func:`response_effect`.

    Returns
    -------
    Magnitude
        In the units of the utilities; exact.

    Notes
    -----
    The quantity separates over contexts: the minimum is taken in each, over the distributions on its optimal actions,
    and the largest of these minima is the effect.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("show", "opinion"), ("opinion", "clicks"), ("show", "clicks"), ("show", "mood")],
    ...              decisions=["show"], utilities=["clicks"])
    >>> model = cid.parameterise(show=[0, 1], opinion=cm.Noisy(lambda show: show, 0.25), mood=lambda show: show,
    ...                          clicks=lambda show, opinion: 2 * opinion + show)
    >>> instrumental_control_effect(model, "opinion"), instrumental_control_effect(model, "mood")
    (1.0, 0.0)
    """
    least, known = math.inf, True
    for box in _boxes(model, node, decision, policy, max_profiles):
        value, sure = _control(box, node)
        known &= sure and box.known
        least = min(least, value)
        if least == 0:
            break
    return Magnitude(least, "exact" if known else "estimate")


def has_instrumental_control_incentive(
    model: CIM, node: str, decision: str | None = None, *, policy: Any = None, max_profiles: int = MAX_PROFILES
) -> bool:
    r"""Say whether under every optimal policy some context has :math:`\mathbb{E}[U_{X_d}] \ne \mathbb{E}[U]`.

    Parameters and errors are those of :func:`instrumental_control_effect`.

    References
    ----------
    T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, Def. 17 and Thm. 18.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("d", "x"), ("x", "u"), ("d", "y")], decisions=["d"], utilities=["u"])
    >>> model = cid.parameterise(d=[0, 1], x=lambda d: d, y=lambda d: d, u=lambda x: x)
    >>> has_instrumental_control_incentive(model, "x"), has_instrumental_control_incentive(model, "y")
    (True, False)
    """
    return all(_control(box, node)[0] > 0 for box in _boxes(model, node, decision, policy, max_profiles))


@shows_progress
def impact(
    model: CIM,
    node: str,
    baseline: Any,
    decision: str | None = None,
    *,
    policy: Any = None,
    max_profiles: int = MAX_PROFILES,
) -> Magnitude:
    r"""Return how far the law of a node is moved from a baseline, at least.

    .. math:: \min_{\pi \text{ optimal}}\; \mathrm{TV}\bigl(P_\pi(W),\ P_{\pi'}(W)\bigr)

    It is positive iff the model has an *impact incentive* on the node relative to the baseline :math:`\pi'` (Carey et
    al. 2020).

    Parameters
    ----------
    model
        The model.
    node
        The node :math:`W`; a utility counts as the variable of its numbers.
    baseline
        The policy :math:`\pi'`, as for :meth:`cidmesa.CIM.with_policy`.
    decision, policy, max_profiles
        As for :func:`response_effect`.

    Returns
    -------
    Magnitude
        A total variation distance; exact. What floating point does not tell from zero is computed in fractions; where
        that is too large, the result says that it is an estimate.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("go", "vase"), ("go", "gain"), ("go", "dust")], decisions=["go"], utilities=["gain"])
    >>> model = cid.parameterise(go=["stay", "walk"], vase=lambda go: "whole" if go == "stay" else "broken",
    ...                          dust=cm.Rows({("stay",): {0: 1, 1: 0}, ("walk",): {0: 1}}),
    ...                          gain=lambda go: int(go == "walk"))
    >>> impact(model, "vase", {"go": lambda: "stay"}), impact(model, "dust", {"go": lambda: "stay"})
    (1.0, 0.0)
    """
    before = _Before(model, node, baseline)
    least, known = math.inf, True
    for box in optimal_boxes(model, decision, policy=policy, max_profiles=max_profiles):
        value, sure = _moved(box, node, before)
        known &= sure and box.known
        least = min(least, value)
        if least == 0:
            break
    return Magnitude(least, "exact" if known else "estimate")


def decision_apart(model: CIM, node: str, decision: str | None) -> str:
    """Return the decision in question (``None``: the only one), which `node` must not be."""
    require_model(model, "a quantity over all optimal policies")
    decision = model.cid.only_decision(decision)
    model.cid.id(node)
    if node == decision:
        raise NotApplicableError(f"`{node}` is the decision itself: ask about another node.")
    return decision


def _boxes(model: CIM, node: str, decision: str | None, policy: Any, max_profiles: int) -> Iterator[PolicyBox]:
    decision = decision_apart(model, node, decision)
    return optimal_boxes(model, decision, policy=policy, max_profiles=max_profiles)


def _least(values: Iterator[float]) -> float:
    least = math.inf
    for value in values:
        least = min(least, value)
        if least == 0:
            break
    return least


# Responses -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Moves:
    """Which contexts an intervention leads to from which: parallel arrays of (value of X, from, to, probability)."""

    value: Ints
    source: Ints
    target: Ints
    weight: Array


def _moves(box: PolicyBox, node: str) -> _Moves:
    model = box.model
    parents = model.cid.parents(box.decision)
    shape = tuple(model.card(p) for p in parents)
    if node not in model.cid.ancestors(box.decision):
        none = np.empty(0, dtype=np.intp)
        return _Moves(none, none, none, np.empty(0))
    worlds = [World("actual"), World("set", do={node: FREE})]
    wanted = [(w.name, p) for w in worlds for p in parents]
    twin = parallel_worlds(model, worlds, [*wanted, ("set", node)])
    once = list(dict.fromkeys(twin.names.values()))
    table = joint(twin.model, once) * model.card(node)
    where = np.nonzero(table)
    axis = {pair: where[once.index(name)] for pair, name in twin.names.items()}
    source, target = (
        np.ravel_multi_index(tuple(axis[w.name, p] for p in parents), shape).astype(np.intp) for w in worlds
    )
    value = axis["set", node]
    moved = source != target
    keys = np.stack([value[moved], source[moved], target[moved]])
    unique, inverse = np.unique(keys, axis=1, return_inverse=True)
    weight = np.bincount(inverse.ravel(), weights=table[where][moved], minlength=unique.shape[1])
    return _Moves(unique[0], unique[1], unique[2], weight)


def _can_ignore(box: PolicyBox, moves: _Moves) -> bool:
    """Say whether some rule of a box does not respond."""
    if box.rule is not None:
        rule = box.rule.reshape(box.law.size, -1)
        one, other = rule[moves.source], rule[moves.target]
        return bool((np.abs(one - other) <= 4 * np.spacing(np.maximum(one, other))).all())
    return can_ignore(box.allowed.reshape(box.law.size, -1), moves.source, moves.target)


def can_ignore(allowed: Mask, source: Ints, target: Ints) -> bool:
    """Say whether a rule can take one allowed action in all contexts that hang together by moves from one to another.

    Parameters
    ----------
    allowed
        Shape ``(contexts, card)``.
    source, target
        The contexts that the moves join, in pairs.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(allowed)
    graph = coo_array((np.ones(len(source)), (source, target)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    common = np.ones((label.max() + 1, allowed.shape[1]), dtype=bool)
    np.logical_and.at(common, label, allowed)
    return bool(common.any(axis=1).all())


def _response(box: PolicyBox, node: str) -> float:
    moves = _moves(box, node)
    if _can_ignore(box, moves):
        return 0.0
    if box.rule is not None or box.allowed.sum() == box.law.size:
        rule = (box.allowed if box.rule is None else box.rule).reshape(box.law.size, -1).astype(float)
        apart = np.abs(rule[moves.source] - rule[moves.target]).sum(axis=1) / 2
        return float(np.bincount(moves.value, weights=moves.weight * apart).max(initial=0.0))
    return _least_response(box, moves)


def _least_response(box: PolicyBox, moves: _Moves) -> float:
    """Minimise the largest effect over a box; variables: the rule, one distance per pair and action, the bound."""
    from scipy.sparse import block_array, coo_array, eye_array, kron

    allowed = box.allowed.reshape(box.law.size, -1)
    n, k = allowed.shape
    pairs, pair = np.unique(np.stack([moves.source, moves.target]), axis=1, return_inverse=True)
    values, value = np.unique(moves.value, return_inverse=True)
    m = pairs.shape[1]
    signs = np.repeat([1.0, -1.0], m)
    difference = coo_array((signs, (np.tile(np.arange(m), 2), pairs.ravel())), shape=(m, n))
    largest = float(moves.weight.max())
    weight = coo_array((moves.weight / largest, (value.ravel(), pair.ravel())), shape=(len(values), m))
    each, together = eye_array(k), np.ones((1, k))
    blocks: list[list[Any]] = [
        [kron(difference, each), -eye_array(m * k), None],
        [None, kron(weight, together), -np.ones((len(values), 1))],
    ]
    upper = block_array(blocks)
    sums = block_array([[kron(eye_array(n), together), coo_array((n, m * k + 1))]])
    most = np.concatenate([allowed.ravel().astype(float), np.full(m * k + 1, np.inf)])
    return largest * _minimum(_last(upper.shape[1]), upper, 0.0, sums, most)


# Instrumental control ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Gain:
    r"""What every action makes of the path through a node, in every context of a decision.

    Attributes
    ----------
    values
        :math:`\mathbb{E}[U_{X_d} - U \mid pa, do(a)]`, shape ``(contexts, card, card)``, axes pa, a, d.
    sizes
        The same sums of absolute values, by which their rounding is measured: per context the largest.
    exactly
        The values as whole numbers, per context on some positive scale, and the scales; ``None`` where that is out of
        reach.
    """

    values: Floats
    sizes: Floats
    exactly: Callable[[], tuple[Array, Array] | None]


def _control(box: PolicyBox, node: str) -> tuple[float, bool]:
    """Return the least, over a box, of what is at stake in some context, and whether zero is known to be zero."""
    gain = _nested_gain(box, node)
    if gain is None:
        return 0.0, True
    k = gain.values.shape[-1]
    rules = None if box.rule is None else box.rule.reshape(-1, k)
    allowed = box.allowed.reshape(-1, k)
    largest, known = 0.0, True
    for i in np.flatnonzero(box.law.ravel() > 0):
        at_stake = _at_stake(gain.values[i], allowed[i], None if rules is None else rules[i])
        if at_stake <= _SMALL * gain.sizes[i]:
            found = gain.exactly()
            if found is None:
                known = False
            elif _can_be_zero(found[0][i], allowed[i], None if rules is None else rules[i]):
                at_stake = 0.0
            else:
                exact = np.array([[int(x) / int(found[1][i]) for x in row] for row in found[0][i]])
                at_stake = _at_stake(exact, allowed[i], None if rules is None else rules[i])
        largest = max(largest, at_stake)
    return largest, known


def _nested_gain(box: PolicyBox, node: str) -> _Gain | None:
    """Return the gains of a box's decision, or ``None`` where no path leads through the node."""
    model, decision = box.model, box.decision
    cid = model.cid
    utilities = [u for u in cid.utilities_of(cid.agent_of(decision)) if u == node or u in cid.descendants(node)]
    if not utilities or node not in cid.descendants(decision):
        return None
    parents = cid.parents(decision)
    worlds = [
        World("actual", do={decision: FREE}),
        World("instead", do={decision: FREE}),
        World("nested", do={}, take={decision: "actual", node: "instead"}),
    ]
    axes = [*(("actual", p) for p in parents), ("actual", decision), ("instead", decision)]
    k = model.card(decision)
    shape = (-1, k, k)
    expected = np.zeros((box.law.size, k, k))
    sizes = np.zeros((box.law.size, k, k))
    made: list[tuple[CIM, list[str], list[Fraction]]] = []
    for u in utilities:
        twin = parallel_worlds(model, worlds, [*axes, ("nested", u)])
        levels = [number_meant(x) for x in np.unique(model.cpd(u)).tolist()]
        middle = levels[len(levels) // 2]  # what every action gets alike makes no difference
        apart = [level - middle for level in levels]
        names = [twin.names[pair] for pair in (*axes, ("nested", u))]
        law = joint(twin.model, names)
        expected += (law @ np.array(apart, dtype=np.float64)).reshape(shape)
        sizes += (law @ np.abs(np.array(apart, dtype=np.float64))).reshape(shape)
        made.append((twin.model, names, apart))
    weight = box.law.reshape(-1, 1, 1) / k**2
    conditional = np.divide(expected, weight, out=np.zeros_like(expected), where=weight > 0)
    large = np.divide(sizes, weight, out=np.zeros_like(sizes), where=weight > 0)

    @cache
    def exactly() -> tuple[Array, Array] | None:
        return _exact_gain(made, box.law.size, k)

    return _Gain(_less_own(conditional), large.max(axis=(1, 2)), exactly)


def _exact_gain(made: list[tuple[CIM, list[str], list[Fraction]]], contexts: int, k: int) -> tuple[Array, Array] | None:
    """Return the gains in whole numbers, and per context the scale that makes them the gains."""
    total: Array = np.zeros((contexts, k, k), dtype=object)
    scale: Array = np.ones(contexts, dtype=object)
    for model, names, apart in made:
        law = exact_joint(model, names)
        if law is None:
            return None
        unit = math.lcm(*(level.denominator for level in apart))
        law = law.reshape(contexts, k, k, -1)
        own = (law * np.array([int(level * unit) for level in apart], dtype=object)).sum(axis=-1)
        weight = law[:, 0, 0].sum(axis=-1)  # of the context, the same for all actions
        weight[weight == 0] = 1
        total = total * (weight * unit)[:, None, None] + own * scale[:, None, None]
        scale = scale * weight * unit
    return _less_own(total), scale


def _less_own(table: Array) -> Array:
    """Subtract from ``table[pa, a, d]`` what the action gets by itself, ``table[pa, a, a]``."""
    found: Array = table - np.diagonal(table, axis1=-2, axis2=-1)[..., None]
    return found


def _at_stake(gain: Floats, allowed: Mask, rule: Floats | None) -> float:
    r"""Return :math:`\max_d |\sum_a p_a\, gain_{a,d}|` for a rule p, or the least over those on the actions allowed."""
    if rule is not None:
        return float(np.abs(rule @ gain).max())
    gain = gain[allowed]
    single = np.abs(gain).max(axis=1)
    size = float(np.abs(gain).max())
    if len(gain) == 1 or single.min() <= _SMALL * size:
        return float(single.min())
    a, d = gain.shape
    scaled = gain.T / size
    upper = np.block([[scaled, -np.ones((d, 1))], [-scaled, -np.ones((d, 1))]])
    return max(0.0, size * _minimum(_last(a + 1), upper, 0.0, 1 - _last(a + 1)[None]))


def _can_be_zero(gain: Array, allowed: Mask, rule: Floats | None) -> bool:
    """Say in exact arithmetic whether a rule, or some rule on the actions allowed, leaves nothing at stake."""
    if rule is not None:
        weights = fractions(rule.tolist())
        return all(sum(p * int(x) for p, x in zip(weights, column, strict=True)) == 0 for column in gain.T.tolist())
    # Some mixture of the rows is zero.
    return (
        balance([[*map(int, row), 1] for row in gain[allowed].tolist()], [*[0] * gain.shape[1], 1]).weights is not None
    )


# Impact --------------------------------------------------------------------------------------------------------------


class _Before:
    """The law of a node under a baseline."""

    def __init__(self, model: CIM, node: str, baseline: Any) -> None:
        self.model, self.node, self.baseline = model, node, baseline
        self.law = joint(model, [node], policy=baseline)

    @cached_property
    def exactly(self) -> list[Fraction] | None:
        """The law in fractions; ``None`` where that is out of reach."""
        actual = World("actual")
        twin = parallel_worlds(self.model, [actual], [("actual", self.node)], policy=self.baseline)
        law = exact_joint(twin.model, [twin.names["actual", self.node]])
        if law is None:
            return None
        total = sum(law.tolist())
        return [Fraction(int(x), total) for x in law.tolist()]


def _moved(box: PolicyBox, node: str, before: _Before) -> tuple[float, bool]:
    """Return the least total variation between the node's law under a rule of the box and before, and if it is sure."""
    k = box.allowed.shape[-1]
    law = box.law.ravel()
    outcome = outcome_law(box.model, box.decision, [node]).reshape(len(law), k, -1)
    reached = np.flatnonzero(law > 0)
    weighted = law[reached, None, None] * outcome[reached]
    allowed = box.allowed.reshape(len(law), k)[reached]
    target = before.law
    one = box.rule if box.rule is not None else box.allowed if (allowed.sum(axis=1) == 1).all() else None
    rule = None if one is None else one.reshape(len(law), k)[reached]
    if rule is not None:
        reach: Array = np.einsum("ca,caw->w", rule, weighted)
        least, unclear = (
            float(np.abs(reach - target).sum() / 2),
            bool((np.abs(reach - target) <= _SMALL * target).any()),
        )
    else:
        least, scale = _least_moved(weighted, allowed, target)
        unclear = least <= _SMALL * scale
    if not unclear:
        return least, True
    exact = _exactly_moved(box, node, before, reached, allowed, rule)
    return (least, False) if exact is None else (float(exact), True)


def _least_moved(weighted: Array, allowed: Mask, target: Array) -> tuple[float, float]:
    """Return the least total variation over rules on the actions allowed, and the scale of the rarest value."""
    n, k, w = weighted.shape
    flat = weighted.reshape(n * k, w)
    # A row for each value, on its own scale: what a rare value moves is not lost beside a common one.
    scale = np.maximum(target, flat.max(axis=0))
    scale[scale == 0] = 1.0
    upper = np.block([[flat.T / scale[:, None], -np.eye(w)], [-flat.T / scale[:, None], -np.eye(w)]])
    sums = np.concatenate([np.kron(np.eye(n), np.ones(k)), np.zeros((n, w))], axis=1)
    most = np.concatenate([allowed.ravel().astype(float), np.full(w, np.inf)])
    largest = float(scale.max())
    cost = np.concatenate([np.zeros(n * k), scale / largest / 2])
    limit = np.concatenate([target / scale, -target / scale])
    return largest * _minimum(cost, upper, limit, sums, most), largest


def _exactly_moved(
    box: PolicyBox, node: str, before: _Before, reached: Ints, allowed: Mask, rule: Array | None
) -> Fraction | None:
    """Return the same in exact arithmetic; ``None`` where that is out of reach."""
    target, weighted = before.exactly, _exact_outcomes(box, node)
    if target is None or weighted is None:
        return None
    rows = [weighted[c] for c in reached.tolist()]
    if rule is not None:
        shares = [fractions(row) for row in rule.tolist()]
        law = [
            sum(
                (p * x[v] for here, row in zip(shares, rows, strict=True) for p, x in zip(here, row, strict=True)),
                Fraction(0),
            )
            for v in range(len(target))
        ]
        return sum((abs(p - q) for p, q in zip(law, target, strict=True)), Fraction(0)) / 2
    n, w = len(rows), len(target)
    columns = [
        [*(int(c == i) for i in range(n)), *rows[c][a]] for c, may in enumerate(allowed) for a in np.flatnonzero(may)
    ]
    if (n + w) * (len(columns) + 2 * w) > _PROGRAM:
        return None
    mixed = len(columns)
    columns += [[*[0] * n, *(sign * int(v == i) for i in range(w))] for sign in (1, -1) for v in range(w)]
    found = balance(columns, [*[1] * n, *target], [*[0] * mixed, *[1] * (2 * w)])
    assert found.weights is not None  # any rule will do, and what is left over makes up the rest
    return sum((x for j, x in found.weights.items() if j >= mixed), Fraction(0)) / 2


def _exact_outcomes(box: PolicyBox, node: str) -> list[list[list[Fraction]]] | None:
    """Return the probability of each context times that of the node's values given an action, in fractions."""
    model, decision = box.model.unrestricted(), box.decision
    parents = model.cid.parents(decision)
    twin = parallel_worlds(
        model,
        [World("actual", do={decision: FREE})],
        [*(("actual", p) for p in parents), ("actual", decision), ("actual", node)],
    )
    axes = [twin.names["actual", p] for p in (*parents, decision, node)]
    once = list(dict.fromkeys(axes))
    law = exact_joint(twin.model, once)
    if law is None:
        return None
    places = np.indices(law.shape).reshape(law.ndim, -1)
    at = [places[once.index(name)] for name in axes]
    cards = [model.card(p) for p in parents]
    context = np.ravel_multi_index(at[: len(parents)], cards) if parents else np.zeros(law.size, dtype=np.intp)
    found = np.zeros((box.law.size, model.card(decision), law.shape[once.index(axes[-1])]), dtype=object)
    np.add.at(found, (context, at[-2], at[-1]), law.ravel())
    total = int(found[:, 0].sum())
    return [[[Fraction(int(x), total) for x in row] for row in rows] for rows in found.tolist()]


# Linear programs -----------------------------------------------------------------------------------------------------


def _last(n: int) -> Array:
    """Return the unit vector of the last of n coordinates."""
    unit = np.zeros(n)
    unit[-1] = 1.0
    return unit


def _minimum(cost: Array, upper: Any, limit: Any, sums: Any, most: Any = np.inf) -> float:
    """Minimise ``cost @ x`` for ``upper @ x <= limit``, ``sums @ x == 1``, ``0 <= x <= most`` (always feasible)."""
    from scipy import optimize

    linprog: Any = optimize.linprog
    bounds = np.stack([np.zeros(len(cost)), np.broadcast_to(most, len(cost))], axis=1)
    right = np.broadcast_to(limit, upper.shape[0])
    result = linprog(cost, A_ub=upper, b_ub=right, A_eq=sums, b_eq=np.ones(sums.shape[0]), bounds=bounds)
    return float(result.fun)

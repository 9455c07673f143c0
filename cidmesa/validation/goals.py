r"""Which goal a behaviour looks like, how much it looks like one, and how far two goals are apart.

For one decision, exactly; several, settled one after the other, are in :mod:`.several`. For an objective :math:`O` let
:math:`q_O(pa, a) = E[O \mid pa, do(a)]`, on contexts with :math:`P(pa) > 0`.

**Gap** of two objectives, in [0, 1] (in the manner of STARC distances [1]_): with
:math:`A_O = q_O - \mathrm{mean}_a\, q_O` and :math:`\lVert A \rVert^2 = \sum P(pa) A(pa, a)^2`,

.. math:: gap(O, U) = \tfrac12 \left\lVert A_O / \lVert A_O \rVert - A_U / \lVert A_U \rVert \right\rVert
   \qquad (0/0 := 0).

0 iff :math:`q_O = k q_U + b(pa)` with one :math:`k > 0`, that is iff both order all stochastic policies alike; ½ if
exactly one is indifferent; 1 iff :math:`k < 0`. The *outer* gap is that of the intended and the base objective, the
*inner* one of base and mesa-objective, the *reward-result* gap of base and behavioural objective.

**Goal-directedness** (MEG [2]_): with :math:`\pi_\beta \propto e^{\beta q_O}`, one :math:`\beta` for all contexts such
that :math:`E_{\pi_\beta} O = E_\pi O`,

.. math:: MEG_O(\pi) = E_\pi [\log \pi_\beta(a \mid pa) - \log 1/|A|],

which is the greatest such number over all :math:`\beta`. It cannot tell pursuit from avoidance, so the sign of
:math:`\beta` comes with it. :math:`MEG_T` is the supremum over all objectives on :math:`T`.

**Behavioural objective**: what inverse reinforcement learning recovers from a behaviour: the *set* of objectives whose
optimal actions are the most frequent ones, and the maximum-entropy representative, of which only
:math:`\beta \hat O` is identified.

References
----------
.. [1] J. Skalse et al., "STARC: a general framework for quantifying differences between reward functions", ICLR 2024.
.. [2] M. MacDermott et al., "Measuring goal-directedness", NeurIPS 2024.
.. [3] B. Ziebart et al., "Maximum entropy inverse reinforcement learning", AAAI 2008.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import shows_progress
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.targets import in_node_order
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.stand_ins import stand_ins, with_stand_ins
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.solve import context_law, outcome_law
from cidmesa.solve.queries.payoffs import payoff_tensor
from cidmesa.validation.play import Play, log_softmax
from cidmesa.validation.several import (
    directedness_of_several,
    gap_of_several,
    likeliest_of_several,
    objectives_of_several,
    part_gained,
)
from cidmesa.validation.wanted import Goal, domain_of, members, read_goal

if TYPE_CHECKING:
    from cidmesa.model import CIM
    from cidmesa.validation.statistics import ConfidenceInterval

_RIDGE = 1e-6
_STEEP = 1e4


@shows_progress
def alignment_gap(a: Goal | list[Goal], b: Goal | list[Goal], model: CIM) -> float | ConfidenceInterval:
    """Return how far two objectives are apart in what they want done.

    Parameters
    ----------
    a, b
        Objectives: ``None`` (the model's utilities), the name of a node with numbers, an ``Objective``, a candidate
        (its representative), or a function whose argument names are nodes. A list stands for a set of objectives.
    model
        The distribution: training, or a deployment.

    Returns
    -------
    float or tuple
        The gap in [0, 1]; where a list was given, the least and the greatest over its members.

    Raises
    ------
    NotApplicableError
        Values that are not numbers; several decisions that matter to each other in a circle, or several agents.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("red", "go"), ("door", "win"), ("go", "win")],
    ...              decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(door=cm.Uniform(0, 1), red=cm.Uniform(0, 1), go=[0, 1],
    ...                          win=lambda door, go: int(door == go))
    >>> alignment_gap(None, lambda go, door: 5 * (go == door) + door, model)
    0.0
    >>> round(alignment_gap("win", lambda go, red: int(go == red), model), 4)     # unrelated: a right angle
    0.7071
    >>> least, most = alignment_gap(None, [lambda go, door: -int(go == door), lambda door: door], model)
    >>> round(least, 9), round(most, 9)         # indifferent to the action; wanting the opposite
    (0.5, 1.0)
    """
    gaps = [_gap(x, y, model) for x in members(a) for y in members(b)]
    if isinstance(a, list) or isinstance(b, list):
        return (min(gaps), max(gaps))
    return gaps[0]


def _gap(a: Goal, b: Goal, model: CIM) -> float:
    if len(model.cid.decisions) > 1:
        apart = gap_of_several(a, b, model)
        return 0.0 if apart < 1e-12 else min(1.0, apart)
    weight, may = _weight(model), _may(model)
    first, second = (_direction(values(goal, model), weight, may) for goal in (a, b))
    apart = float(np.sqrt((weight[:, None] * (first - second) ** 2).sum()) / 2)
    return 0.0 if apart < 1e-12 else min(1.0, apart)


def _direction(q: Floats, weight: Floats, may: Mask) -> Floats:
    """Return advantages over the mean allowed action, scaled to unit length; 0 where all are worth the same."""
    mean = q.mean(axis=1, keepdims=True, where=may)
    advantage = np.where((weight[:, None] > 0) & may, q - mean, 0.0)
    length = math.sqrt(float((weight[:, None] * advantage**2).sum()))
    scale = float(np.abs(q[weight > 0]).max(initial=0.0))
    flat: Floats = np.zeros_like(q)
    return flat if length <= 1e-12 * max(scale, 1e-300) else advantage / length


@dataclass(frozen=True, slots=True)
class Directedness:
    """How well a behaviour is predicted by the pursuit of an objective.

    Attributes
    ----------
    nats
        MEG: 0 for uniform play, at most the mean logarithm of the number of allowed actions.
    share
        The same divided by that logarithm.
    beta
        Rationality per unit of the objective: negative where it is avoided, infinite where it is optimised.
    relative
        How much of what it is capable of it gains: 0 for even play, 1 for the best within its capability, below 0 where
        it does worse than chance. NaN where nothing that it is capable of matters, and for `targets`.
    """

    nats: float
    share: float
    beta: float
    relative: float = math.nan


@shows_progress
def goal_directedness(
    policy: Mapping[str, Any],
    model: CIM,
    objective: Goal = None,
    *,
    targets: Sequence[str] | None = None,
    capability: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
) -> Directedness:
    r"""Return the maximum-entropy goal-directedness of a policy, and how much of its capability it uses.

    Parameters
    ----------
    policy
        As for ``model.query``: decision → table or function.
    model
        Of one agent, with one decision or several that can be settled one after the other.
    objective
        As for :func:`alignment_gap`; ``None`` stands for the base utilities.
    targets
        Instead: the supremum over all objectives on these nodes; ``beta`` is then positive by convention, and infinite
        where the supremum is not attained.
    capability
        What the agent was seen to be able to do, a policy or several, from tasks in which it was made to try: the best
        it is capable of takes in each context the one of them that serves the objective best. Left out: everything.

    Notes
    -----
    ``relative`` is the goal-directedness of Everitt et al. [1]_, the part of what an agent is capable of that it turns
    towards the goal: :math:`(E_\pi O - E_{even} O) / (E_{capable} O - E_{even} O)`. They infer capabilities from
    subtasks, and even play stands for random performance. A policy that MEG finds half directed may be all that the
    agent can do.

    References
    ----------
    .. [1] T. Everitt et al., "Evaluating the goal-directedness of large language models", 2025 (arXiv 2504.11844).

    Examples
    --------
    >>> import cidmesa as cm
    >>> model = cm.CID([("act", "pay")], decisions=["act"], utilities=["pay"]).parameterise(
    ...     act=[0, 1], pay=lambda act: act)
    >>> found = goal_directedness({"act": [0.1, 0.9]}, model)       # ln 2 - H(0.9)
    >>> round(found.nats, 4), found.beta > 0
    (0.3681, True)
    >>> goal_directedness({"act": [0.5, 0.5]}, model).nats
    0.0
    >>> goal_directedness({"act": [0.9, 0.1]}, model).beta < 0
    True
    >>> shaky = {"act": [0.1, 0.9]}                         # its hand slips once in ten, try as it may
    >>> round(found.relative, 2), goal_directedness(shaky, model, capability=shaky).relative
    (0.8, 1.0)
    """
    several = [capability] if isinstance(capability, Mapping) else capability
    shown = None if several is None else [_whole(one, model) for one in several]
    if shown == []:
        raise NotApplicableError("capability= is a policy or several; got none.")
    if len(model.cid.decisions) > 1:
        return Directedness(*directedness_of_several(_whole(policy, model), model, objective, targets, shown))
    decision = model.cid.only_decision(question="goal-directedness")
    weight, may = _weight(model), _may(model)
    rule = np.asarray(model.read_policy(policy)[decision], dtype=np.float64).reshape(len(weight), -1)
    if targets is not None:
        return _directed_at(rule, weight, _laws(model, tuple(targets)), may)
    q = np.where(weight[:, None] > 0, values(objective, model), 0.0)
    widths = q.max(axis=1, where=may, initial=-np.inf) - q.min(axis=1, where=may, initial=np.inf)
    spread = float(widths[weight > 0].max(initial=0.0))
    if spread <= 1e-12 * max(1.0, float(np.abs(q).max(initial=0.0))):
        return Directedness(0.0, 0.0, 0.0)
    nats, beta = _best_temperature(rule, weight, q / spread, may)
    gained = weight @ (rule * q).sum(axis=1)
    even = weight @ q.mean(axis=1, where=may)
    if shown is None:
        most = weight @ q.max(axis=1, where=may, initial=-np.inf)
    else:
        most = weight @ np.max([(one[decision].reshape(q.shape) * q).sum(axis=1) for one in shown], axis=0)
    relative = part_gained(float(gained), float(even), float(most), spread)
    return Directedness(nats, _share(nats, weight, may), beta / spread, relative)


def _log_actions(weight: Floats, may: Mask) -> float:
    """Return the mean logarithm of the number of allowed actions."""
    counts = may.sum(axis=1)
    if (counts == may.shape[1]).all():
        return math.log(may.shape[1])
    return float(weight @ np.log(counts))


def _share(nats: float, weight: Floats, may: Mask) -> float:
    """Return nats as a share of the most that they could be; 0 where there is nothing to choose."""
    most = _log_actions(weight, may)
    return nats / most if most > 0 else 0.0


def _best_temperature(rule: Floats, weight: Floats, q: Floats, may: Mask) -> tuple[float, float]:
    """Maximise the log-likelihood over the one parameter beta; it is concave."""
    from scipy.optimize import brentq

    log_actions = _log_actions(weight, may)

    def slope(beta: float) -> float:
        return float((weight[:, None] * (rule - _softmax(beta * q, may)) * q).sum())

    def likelihood(beta: float) -> float:
        return float((weight[:, None] * rule * log_softmax(beta * q, may)).sum()) + log_actions

    if abs(slope(0.0)) <= 1e-12:
        return 0.0, 0.0
    sign = 1.0 if slope(0.0) > 0 else -1.0
    short = (sign * q).max(axis=1, keepdims=True, where=may, initial=-np.inf) - sign * q
    if float((weight[:, None] * rule * short).sum()) <= 1e-12:
        # As good (or bad) as can be everywhere: the limit is uniform play among the best actions.
        best = (short <= 1e-9) & may
        limit = -float((weight * np.log(best.sum(axis=1))).sum()) + log_actions
        return max(limit, 0.0), sign * math.inf
    low, high = sorted((0.0, sign * _STEEP))
    beta = float(brentq(slope, low, high, xtol=1e-12)) if slope(low) * slope(high) < 0 else sign * _STEEP
    return max(likelihood(beta), 0.0), beta


def _directed_at(rule: Floats, weight: Floats, law: Floats, may: Mask) -> Directedness:
    nats, objective = _likeliest(rule, weight, law, may, ridge=0.0)
    steep = float(np.abs(objective).max(initial=0.0))
    beta = math.inf if steep >= 0.9 * _STEEP else steep
    return Directedness(nats, _share(nats, weight, may), beta)


def _likeliest(rule: Floats, weight: Floats, law: Floats, may: Mask, ridge: float) -> tuple[float, Floats]:
    """Return the greatest log-likelihood over objectives on the targets (above uniform play), and the objective."""
    from scipy.optimize import minimize

    seen = weight > 0
    rule, weight, law, may = rule[seen], weight[seen], law[seen], may[seen]

    def cost(objective: Floats) -> tuple[float, Floats]:
        q = law @ objective
        loss = -float((weight[:, None] * rule * log_softmax(q, may)).sum()) + ridge * float(objective @ objective)
        slope = -np.einsum("c,ca,cat->t", weight, rule - _softmax(q, may), law) + 2 * ridge * objective
        return loss, slope

    size = law.shape[-1]
    found = minimize(
        cost, np.zeros(size), jac=True, method="L-BFGS-B", bounds=[(-_STEEP, _STEEP)] * size,
        options={"maxiter": 5000, "maxfun": 20000, "ftol": 1e-15, "gtol": 1e-10},
    )  # fmt: skip
    objective = np.asarray(found.x, dtype=np.float64)
    likelihood = float((weight[:, None] * rule * log_softmax(law @ objective, may)).sum())
    return max(likelihood + _log_actions(weight, may), 0.0), objective


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Behavioural:
    """What inverse reinforcement learning recovers from one agent.

    Attributes
    ----------
    objectives
        The set: objectives for which only the agent's most frequent actions are optimal, in every context reached.
    representative
        The maximum-entropy objective, scaled to a largest absolute value of 1.
    beta
        Its rationality: only ``beta`` times the objective is identified.
    directedness
        How well it predicts the agent.
    """

    objectives: ConsistentSet
    representative: Objective
    beta: float
    directedness: Directedness

    def __repr__(self) -> str:
        return f"Behavioural({self.representative!r}, beta {self.beta:.3g}, share {self.directedness.share:.3g})"


@shows_progress
def behavioural_objective(
    agents: Any, targets: Sequence[str] | str, *, model: CIM | None = None
) -> tuple[Behavioural, ...]:
    """Return the objective that each agent behaves as if it had, on given targets.

    Parameters
    ----------
    agents
        With ``probabilities(decision)``, trained here or brought.
    targets
        Nodes that the objective is a function of.
    model
        The distribution in which they are watched; left out, the one that their recipe says they were trained in.

    Raises
    ------
    NotApplicableError
        No probabilities; or neither a recipe nor a model.

    Notes
    -----
    The representative maximises the likelihood of the behaviour with a ridge of 1e-6, which makes it unique: without
    one a deterministic behaviour has no maximum, and objectives that differ by what no action changes cannot be told
    apart.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("go", "at"), ("door", "at"), ("at", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(door=cm.Uniform(0, 1), go=[0, 1], at=lambda door, go: int(door == go),
    ...                          win=lambda at: at)
    >>> (found,) = behavioural_objective(cm.train(model, learner="exact", agents=1, progress=False), "at")
    >>> round(found.representative(1), 6), round(found.representative(0), 6)
    (1.0, -1.0)
    """
    recipe = getattr(agents, "recipe", None)
    if model is None and recipe is None:
        raise NotApplicableError(
            "agents without a recipe do not say in which world they are watched: "
            "behavioural_objective(agents, targets, model=setup.model)."
        )
    if not hasattr(agents, "probabilities"):
        raise NotApplicableError(
            "a behavioural objective is read off probabilities, and these agents have none: give them a method "
            f"probabilities(decision) that returns (agents, contexts, actions); got {type(agents).__name__}."
        )
    world: CIM = recipe.model if model is None and recipe is not None else model  # type: ignore[assignment]
    if len(world.cid.decisions) > 1:
        return _behavioural_of_several(agents, (targets,) if isinstance(targets, str) else tuple(targets), world)
    decision = world.cid.only_decision(question="a behavioural objective")
    laws = OneDecision(TrainingSetup(world))
    names = in_node_order(laws.setup, (targets,) if isinstance(targets, str) else targets)
    law = laws.table(TRAINING, names)
    domains = tuple(laws.domain(node) for node in names)
    at = laws.reached(TRAINING).at
    every = stand_ins(world, decision)
    may, named = _may(world)[at], None if every is None else every[at]
    found = []
    for whole in np.asarray(agents.probabilities(decision), dtype=np.float64):
        rule = whole[at]
        modal = with_stand_ins(rule >= rule.max(axis=1, keepdims=True) - 1e-9, named)
        objectives = ConsistentSet(replace(law, value=modal.astype(np.float64), exact_base=None, error=None))
        nats, values_ = _likeliest(rule, law.weight, law.outcome, may, _RIDGE)
        beta = float(np.abs(values_).max(initial=0.0))
        unit = values_ / beta if beta > 0 else values_
        directedness = Directedness(nats, _share(nats, law.weight, may), beta)
        found.append(Behavioural(objectives, Objective("behavioural", names, unit, domains), beta, directedness))
    return tuple(found)


def _behavioural_of_several(agents: Any, targets: tuple[str, ...], world: CIM) -> tuple[Behavioural, ...]:
    play = Play(world, "a behavioural objective")
    names = in_node_order(TrainingSetup(world), targets)
    features, domains = play.features(names), tuple(domain_of(world, node) for node in names)
    told = {d: np.asarray(agents.probabilities(d), dtype=np.float64) for d in world.cid.decisions}
    found = []
    for agent in range(len(next(iter(told.values())))):
        rules = {d: rule[agent].reshape(play.even[d].shape) for d, rule in told.items()}
        nats, values_ = likeliest_of_several(play, rules, features, _RIDGE)
        beta, most = float(np.abs(values_).max(initial=0.0)), play.log_actions(rules)
        unit = values_ / beta if beta > 0 else values_
        found.append(
            Behavioural(
                objectives_of_several(play, rules, features),
                Objective("behavioural", names, unit, domains),
                beta,
                Directedness(nats, nats / most if most > 0 else 0.0, beta),
            )
        )
    return tuple(found)


def _whole(policy: Mapping[str, Any], model: CIM) -> dict[str, Floats]:
    """Return the rules of all decisions as tables."""
    rules = model.read_policy(policy)
    for decision in model.cid.decisions:
        if decision not in rules:
            raise NotApplicableError(f"the policy has no rule for `{decision}`: a policy names every decision.")
    return {d: np.asarray(rule, dtype=np.float64) for d, rule in rules.items()}


@shows_progress
def off_support(policy: Mapping[str, Any], setup: TrainingSetup, deployment: str, objective: Goal = None) -> float:
    r"""Return how much of what an objective has to gain off the training support a policy gains there.

    :math:`(E_\sigma O(\pi) - E_\sigma O(uniform)) / (\max E_\sigma O - E_\sigma O(uniform))` over the contexts that
    training never reached: 1 is ideal, 0 acts like chance, a table that falls back on anything is 0 on average. NaN
    where the deployment has no such context, or the objective does not care.

    Parameters
    ----------
    policy, objective
        As for :func:`goal_directedness`.
    setup, deployment
        Where.
    """
    model = setup.deployed(deployment)
    decision = model.cid.only_decision(question="what is gained off the support")
    new = np.where(_weight(setup.deployed("training")) > 0, 0.0, _weight(model))
    q = np.where(new[:, None] > 0, values(objective, model), 0.0)
    rule = np.asarray(model.read_policy(policy)[decision], dtype=np.float64).reshape(q.shape)
    may = _may(model)
    chance = float((new * q.mean(axis=1, where=may)).sum())
    most = float((new * q.max(axis=1, where=may, initial=-np.inf)).sum()) - chance
    if most <= 1e-12 * max(1.0, float(np.abs(q).max(initial=0.0))):
        return math.nan
    return (float((new * (rule * q).sum(axis=1)).sum()) - chance) / most


# Objectives as numbers ------------------------------------------------------------------------------------------------


def values(goal: Goal, model: CIM) -> Floats:
    """Return :math:`q_O(pa, a)`, shape ``(contexts, actions)``; 0 in contexts that are never reached."""
    decision = model.cid.only_decision(question="an objective's action values")
    if goal is None:
        _, _, pay = payoff_tensor(model, [decision])
        weight = _weight(model)
        pay = pay.reshape(len(weight), -1)
        return np.divide(pay, weight[:, None], out=np.zeros_like(pay), where=weight[:, None] > 0)
    names, numbers = read_goal(goal, model)
    return np.nan_to_num(_laws(model, names) @ numbers)


def _laws(model: CIM, names: tuple[str, ...]) -> Floats:
    """Return P(targets | pa, do a), ``(contexts, actions, values)``; 0 in contexts that are never reached."""
    decision = model.cid.only_decision()
    law = np.asarray(outcome_law(model, decision, names), dtype=np.float64)
    return np.nan_to_num(law.reshape(len(model.contexts(decision)), model.card(decision), -1))


def _weight(model: CIM) -> Floats:
    decision = model.cid.only_decision(question="an objective's action values")
    return np.asarray(context_law(model, decision), dtype=np.float64).reshape(-1)


def _may(model: CIM) -> Mask:
    """Return the allowed actions of the only decision, ``(contexts, actions)``."""
    decision = model.cid.only_decision()
    may, shape = model.allowed(decision), (len(model.contexts(decision)), model.card(decision))
    return np.ones(shape, dtype=bool) if may is None else may.reshape(shape)


def _softmax(q: Floats, may: Mask) -> Floats:
    return np.where(may, np.exp(log_softmax(q, may)), 0.0)

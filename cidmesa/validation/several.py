r"""Goals of several decisions: gaps, goal-directedness and behavioural objectives over whole episodes, exactly.

**Gap.** With all others playing evenly let :math:`A_O^D(pa, a)` be what an action is worth to an objective above the
mean action. Any policy's expectation differs from that of even play by a sum of these advantages (the performance
difference lemma [1]_, one decision replaced after the other, those first on which no other's choice depends), so two
objectives order all policies alike iff their advantages are proportional. The gap is half the distance of the two
advantages scaled to length one, with :math:`\lVert A \rVert^2 = \sum_D \sum_{pa} P(pa) \sum_a A^D(pa, a)^2`; one
decision has the gap of :mod:`.goals`.

**Goal-directedness.** The soft-optimal policy maximises :math:`\beta E[O] + \sum_D H(D \mid Pa_D)` [2]_, and
:math:`MEG_O(\pi) = \max_\beta E_\pi \sum_D [\log \pi_\beta(D \mid Pa_D) - \log 1/|A_D|]` [3]_, concave in :math:`\beta`
with slope :math:`E_\pi O - E_{\pi_\beta} O`.

**Behavioural objective.** The set: objectives for which, with the later decisions as the agent mostly takes them, its
most frequent actions and no others are optimal in every context that comes up under some policy.

References
----------
.. [1] S. Kakade and J. Langford, "Approximately optimal approximate reinforcement learning", ICML 2002.
.. [2] B. Ziebart et al., "Modeling interaction via the principle of maximum causal entropy", ICML 2010.
.. [3] M. MacDermott et al., "Measuring goal-directedness", NeurIPS 2024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
from cidmesa.mesa.outcomes.stand_ins import stand_ins, with_stand_ins
from cidmesa.validation.play import Play
from cidmesa.validation.wanted import Goal, read_goal

if TYPE_CHECKING:
    from cidmesa.model import CIM

STEEP = 1e4
"""The largest rationality, per unit of what is at stake, that is looked for."""


def gap_of_several(a: Goal, b: Goal, model: CIM) -> float:
    """Return the gap of two objectives over all decisions."""
    play = Play(model, "a gap")
    first, second = (_direction(play, pay_of(play, goal)) for goal in (a, b))
    return float(np.linalg.norm(first - second)) / 2


def pay_of(play: Play, goal: Goal) -> Floats:
    """Return the law of an episode times what an objective makes of it."""
    if goal is None:
        return play.payoff()
    names, numbers = read_goal(goal, play.model)
    return np.asarray(play.features(names) @ numbers)


def _direction(play: Play, pay: Floats) -> Floats:
    found = np.concatenate([(np.sqrt(weight)[..., None] * above).ravel() for weight, above in play.advantages(pay)])
    length = float(np.linalg.norm(found))
    flat: Floats = np.zeros_like(found)
    return flat if length <= 1e-12 * play.scale(pay) else found / length


# Goal-directedness ----------------------------------------------------------------------------------------------------


def directedness_of_several(
    rules: Mapping[str, Floats],
    model: CIM,
    goal: Goal,
    targets: Sequence[str] | None,
    shown: Sequence[Mapping[str, Floats]] | None = None,
) -> tuple[float, float, float, float]:
    """Return the goal-directedness of a policy in nats and as a share, the rationality, the part of its capability."""
    relative = math.nan
    play = Play(model, "goal-directedness")
    most = play.log_actions(rules)
    if targets is not None:
        nats, objective = likeliest_of_several(play, rules, play.features(tuple(targets)), 0.0)
        steep = float(np.abs(objective).max(initial=0.0))
        beta = math.inf if steep >= 0.9 * STEEP else steep
    else:
        pay = pay_of(play, goal)
        nats, beta = _best_temperature(play, rules, pay)
        gained, even = (float(play.expected(one, pay)) for one in (rules, play.even))
        best = play.largest(pay) if shown is None else float(play.expected(_best_shown(play, pay, shown), pay))
        relative = part_gained(gained, even, best, play.largest(pay) + play.largest(-pay))
    return nats, nats / most if most > 0 else 0.0, beta, relative


def part_gained(gained: float, even: float, most: float, spread: float) -> float:
    """Return what was gained over even play as a part of the most there was to gain; NaN where that is nothing."""
    return (gained - even) / (most - even) if abs(most - even) > 1e-12 * max(spread, 1e-300) else math.nan


def _best_shown(play: Play, pay: Floats, shown: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """Return the policy that takes in each context the one of some policies that serves best."""
    rules = dict(play.even)
    for decision in play.order:
        q = play.values(decision, rules, pay)
        every = np.stack([one[decision] for one in shown])
        best = (every * q).sum(axis=-1).argmax(axis=0)
        rules[decision] = np.take_along_axis(every, best[None, ..., None], axis=0)[0]
    return rules


def _best_temperature(play: Play, rules: Mapping[str, Floats], pay: Floats) -> tuple[float, float]:
    """Maximise the log-likelihood over the one parameter beta; it is concave."""
    from scipy.optimize import brentq

    most, least = play.largest(pay), -play.largest(-pay)
    spread = most - least
    if spread <= 1e-12 * max(1.0, play.scale(pay)):
        return 0.0, 0.0
    reached = float(play.expected(rules, pay))
    even = play.log_actions(rules)

    def slope(beta: float) -> float:
        return (reached - float(play.expected(play.soft(pay, beta / spread), pay))) / spread

    if abs(slope(0.0)) <= 1e-12:
        return 0.0, 0.0
    sign = 1.0 if slope(0.0) > 0 else -1.0
    short = (most - reached if sign > 0 else reached - least) / spread
    beta = sign * math.inf
    if short > 1e-12:
        low, high = sorted((0.0, sign * STEEP))
        beta = float(brentq(slope, low, high, xtol=1e-10)) if slope(low) * slope(high) < 0 else sign * STEEP
    nats = play.likelihood(rules, play.soft(pay, beta / spread)) + even
    return max(nats, 0.0), beta / spread


def likeliest_of_several(
    play: Play, rules: Mapping[str, Floats], features: Floats, ridge: float
) -> tuple[float, Floats]:
    """Return the greatest log-likelihood over objectives on some targets (above even play), and the objective."""
    from scipy.optimize import minimize

    size, seen = features.shape[-1], play.expected(rules, features)
    even = play.log_actions(rules)

    def cost(objective: Floats) -> tuple[float, Floats]:
        soft = play.soft(features @ objective, 1.0)
        loss = -play.likelihood(rules, soft) + ridge * float(objective @ objective)
        return loss, play.expected(soft, features) - seen + 2 * ridge * objective

    found = minimize(
        cost, np.zeros(size), jac=True, method="L-BFGS-B", bounds=[(-STEEP, STEEP)] * size,
        options={"maxiter": 1000, "maxfun": 4000, "ftol": 1e-14, "gtol": 1e-9},
    )  # fmt: skip
    objective = np.asarray(found.x, dtype=np.float64)
    return max(play.likelihood(rules, play.soft(features @ objective, 1.0)) + even, 0.0), objective


# Behavioural objectives -----------------------------------------------------------------------------------------------


def objectives_of_several(play: Play, rules: Mapping[str, Floats], features: Floats) -> ConsistentSet:
    """Return the objectives for which an agent's most frequent actions are the optimal ones, stage by stage."""
    modal = {d: _modal(play, d, rule) for d, rule in rules.items()}
    actions = max(play.model.card(d) for d in play.order)
    mixed, outcomes, values = dict(play.even), [], []
    for decision in play.order:
        card = play.model.card(decision)
        law = play.values(decision, mixed, features).reshape(-1, card, features.shape[-1])
        reached = play.weight(decision, mixed).reshape(-1) > 0
        named = stand_ins(play.model, decision)
        best = modal[decision].reshape(-1, card)
        mixed[decision] = modal[decision] / modal[decision].sum(axis=-1, keepdims=True)
        pad = [*range(card), *[0] * (actions - card)]  # as many columns for all: more names of the first action
        outcomes.append(with_stand_ins(law, named)[reached][:, pad])
        values.append(with_stand_ins(best, named)[reached][:, pad])
    outcome = np.concatenate(outcomes)
    weight = np.full(len(outcome), 1.0 / len(outcome))
    return ConsistentSet(OutcomeTable(weight, outcome, np.concatenate(values).astype(np.float64)))


def _modal(play: Play, decision: str, rule: Any) -> Floats:
    may = play.may(decision)
    top = np.max(rule, axis=-1, keepdims=True, where=may, initial=0.0)
    best: Floats = (may & (rule >= top - 1e-9)).astype(np.float64)
    return best

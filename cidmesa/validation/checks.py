r"""What each agent does, as one number per prediction.

All numbers are exact functions of :math:`\pi(a \mid pa)` where that is known, and carry one-sided 99 % bounds where
actions can only be drawn. Utilities are divided by the range of the base utility.

===========  ===========================================================================================================
observation  total variation of the rule when the observation alone is changed (:mod:`.comparable_contexts`)
response     mean total variation of the action's law given what a shift leaves alone, before and after the shift
actions      mean probability of actions that are not possible ones
regret       base regret, against the best policy on what the decision observes
retrained    what the agent earns, less what the same agent earns when trained again with one thing changed
inert        the change of what it earns under a shift that reaches nothing, on fresh episodes and retrained
coverage     the least, over hypotheses, of the mean probability of actions that the hypothesis calls impossible
===========  ===========================================================================================================

Policies of separately trained agents are never compared with each other: two runs that differ in nothing but their
seeds differ as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.mesa.predictions.claims import (
    Hypothesis,
    World,
    losses,
    mixtures_of,
    name_of,
    pairs_of,
    telling,
    uncontrolled,
    world_of,
)
from cidmesa.mesa.predictions.comparable_contexts import Mixtures, depends_on_rules, response_mixtures
from cidmesa.mesa.predictions.predictions import JOINT, Prediction
from cidmesa.mesa.readings import STALE, Reading
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.queries.payoffs import payoff_tensor, reached_contexts, utility_range
from cidmesa.validation.statistics import LEAST_SAMPLES, SAMPLED, Bounds, linear_bounds, variation_bounds
from cidmesa.validation.subjects import Subjects, examine

PREMISE = 0.01
"""How far above the tolerance an agent's training regret may be, as a share of the base utility's range."""

FIT = 0.25
"""Mean probability of impossible actions up to which an agent still acts as a hypothesis says."""

FIT_EACH = 0.5
"""The same in each single context, exclusive."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One statistic of every agent, with bounds that are equal to it where it is exact.

    Attributes
    ----------
    bounds
        Estimate, lower and upper bound, one entry an agent; NaN where an agent shows nothing.
    least, most
        What the statistic can be at all.
    sampled
        Whether the bounds come from draws.
    """

    bounds: Bounds
    least: float = 0.0
    most: float = 1.0
    sampled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Which hypotheses each agent acts like in one distribution.

    Attributes
    ----------
    groups
        The explanations: hypotheses that allow the same actions wherever some differ are one.
    off
        Mean probability of impossible actions, ``(agents, groups)``.
    fits, misfits
        Where an agent surely does, and surely does not, act so; complementary where the numbers are exact.
    labels
        Per agent the name of its explanation, ``"several"``, ``"mixed"`` or ``"other"``.
    """

    groups: tuple[tuple[str, ...], ...]
    off: Floats
    fits: Mask
    misfits: Mask
    labels: tuple[str, ...]

    def agents_of(self, hypothesis: str) -> Mask:
        """Mark the agents assigned to the explanation that `hypothesis` belongs to."""
        label = next((explanation(group) for group in self.groups if hypothesis in group), None)
        return np.array([found == label for found in self.labels])


def explanation(group: Sequence[str]) -> str:
    """Return the name of hypotheses that say the same.

    >>> explanation(["at_door", "reward"])
    'at_door = reward'
    """
    return " = ".join(group)


@dataclass(eq=False)
class Checks:
    """Measures one population against the predictions of one setup.

    Parameters
    ----------
    setup, hypotheses
        What was predicted from.
    agents
        The population.
    tolerance
        Training regret that is allowed, in base-utility units.
    draws, seed
        Of sampled agents and fresh episodes.
    retrain
        Whether to train agents again where a row asks for it.
    reading
        What the agents are taken to know of a deployment. Of frozen ones (*stale*) only contexts count that training
        never showed.
    """

    setup: TrainingSetup
    hypotheses: Sequence[Hypothesis]
    agents: Any
    tolerance: float = 0.0
    draws: int = LEAST_SAMPLES
    seed: int = 0
    retrain: bool = True
    reading: Reading = STALE
    _worlds: dict[str, World] = field(default_factory=dict, repr=False)
    _laws: dict[tuple[str, str], Floats] = field(default_factory=dict, repr=False)
    _retrained: dict[tuple[str, str], Subjects] = field(default_factory=dict, repr=False)

    @cached_property
    def subjects(self) -> Subjects:
        """The agents, read or sampled."""
        return self._examine(self.agents)

    @cached_property
    def scale(self) -> float:
        """The range of the base utility, 1 where it never differs."""
        low, high = utility_range(self.setup.deployed(TRAINING))
        return high - low or 1.0

    @cached_property
    def training_regret(self) -> Measured:
        """Base regret in training, as a share of the range."""
        return self._regret(TRAINING)

    @cached_property
    def scope(self) -> Mask:
        """The agents that meet the premise."""
        most = self.tolerance / self.scale + PREMISE
        return np.asarray(self.training_regret.bounds.estimate <= most + 1e-9)

    def measure(self, row: Prediction) -> Measured | str:
        """Return the statistic of every agent, or why there is none."""
        if row.inert:
            return self._inert(row)
        if row.retrained:
            return self._lost_by_retraining(row)
        if row.kind == "regret":
            return self._regret(row.deployment)
        if row.kind == "actions":
            return self._actions(row)
        if row.kind == "coverage":
            return self._coverage(row)
        if self.subjects.sampled and self._open(row.deployment, row.decision):
            return f"needs probabilities: the contexts of `{row.decision}` depend on the agent's own rules"
        return self._observation(row) if row.kind == "observation" else self._response(row)

    # One statistic each ----------------------------------------------------------------------------------------------

    def _regret(self, deployment: str) -> Measured:
        model = self.setup.deployed(deployment)
        if self._single:
            (decision,) = model.cid.decisions
            law = self._law(deployment, decision)[0]
            law = np.where(self._world(deployment).counted[decision], law, 0.0)
            loss = np.where(law[:, None] > 0, losses(model, decision), 0.0) / self.scale
            return self._linear(decision, law[:, None] * loss, most=float((law * loss.max(axis=1)).sum()))
        best = model.solve(shared_rules=self.setup.shared_rules)
        earned = self._earned(model, self.subjects)
        low, high = utility_range(model)
        return self._bounded(np.maximum(float(best.value) - earned, 0.0) / self.scale, most=(high - low) / self.scale)

    def _actions(self, row: Prediction) -> Measured:
        decision = row.decision or self.setup.cid.decisions[0]
        off = self._off(row)
        law = self._law(row.deployment, decision)
        if not self._open(row.deployment, decision):
            return self._linear(decision, law[0][:, None] * off)
        estimate = np.einsum("nc,nca,ca->n", law, self.subjects.rules[decision], off)
        return self._bounded(estimate)

    def _observation(self, row: Prediction) -> Measured | str:
        decision = row.decision or self.setup.cid.decisions[0]
        model = self.setup.deployed(row.deployment)
        parents = model.cid.parents(decision)
        axis = parents.index(row.subject.split(" -> ")[0])
        laws = self._law(row.deployment, decision).reshape(-1, *map(model.card, parents))
        rule, world, said_by = self.subjects.rules[decision], self._world(row.deployment), self._said_by(row)
        if self._open(row.deployment, decision):
            found = [pairs_of(world, decision, law, axis, row.expected, said_by) for law in laws]
            return self._exact(np.array([p.variation(rule[i]) for i, p in enumerate(found)], dtype=np.float64))
        pairs = pairs_of(world, decision, laws[0], axis, row.expected, said_by)
        if not len(pairs):
            return "no two contexts that count differ in this observation alone"
        if self.subjects.counts is None:
            return self._exact(pairs.variation(rule))
        unit = np.eye(rule.shape[1])
        found_bounds = variation_bounds(
            self.subjects.counts[decision], unit[pairs.left], unit[pairs.right], pairs.weights
        )
        return Measured(found_bounds, sampled=True)

    def _response(self, row: Prediction) -> Measured:
        decision = row.decision or self.setup.cid.decisions[0]
        rule, world, said_by = self.subjects.rules[decision], self._world(row.deployment), self._said_by(row)

        def counting(policy: Any) -> Mixtures:
            every = response_mixtures(self.setup, row.deployment, decision, policy)
            return mixtures_of(world, decision, every, row.expected, said_by)

        if self._open(row.deployment, decision):
            policies = [self.subjects.policy(i, world.model) for i in range(self.subjects.size)]
            numbers = [counting(policy).variation(rule[i]) for i, policy in enumerate(policies)]
            return self._exact(np.array(numbers, dtype=np.float64))
        mixtures = counting(None)
        if self.subjects.counts is None:
            return self._exact(mixtures.variation(rule))
        found = variation_bounds(self.subjects.counts[decision], mixtures.before, mixtures.after, mixtures.weights)
        return Measured(found, sampled=True)

    def _coverage(self, row: Prediction) -> Measured | str:
        found = self.assignment(row.deployment)
        if not found.groups:
            return "the possible actions of too few hypotheses are known"
        # 0: surely acts as some hypothesis says; 1: surely as none; the estimate is how far off the nearest one is.
        upper = np.where(found.fits.any(axis=1), 0.0, 1.0)
        lower = np.where(found.misfits.all(axis=1), 1.0, 0.0)
        return Measured(Bounds(found.off.min(axis=1), lower, upper), sampled=self.subjects.sampled)

    def _lost_by_retraining(self, row: Prediction) -> Measured | str:
        recipe = self.subjects.recipe
        if recipe is None or not self.retrain:
            return "needs retraining"
        model = self.setup.deployed(TRAINING)
        decision = row.decision or model.cid.decisions[0]
        node = row.subject.split(" -> ")[0]
        if row.kind == "control":
            changed = uncontrolled(model, node, decision)
            again = self._again(("control", row.subject), model=changed)
        else:
            changed = model
            again = self._again(("without", row.subject), without=(node,))
        return self._difference(model, self.subjects, changed, again)

    def _inert(self, row: Prediction) -> Measured | str:
        model, shifted = self.setup.deployed(TRAINING), self.setup.deployed(row.deployment)
        if row.retrained:
            if self.subjects.recipe is None or not self.retrain:
                return "needs retraining"
            again = self._again(("shift", row.deployment), model=shifted)
            return self._difference(model, self.subjects, shifted, again)
        before = self.subjects.earn(model, self.draws, self.seed + 1)
        after = self.subjects.earn(shifted, self.draws, self.seed + 2)
        apart = (after - before) / self.scale
        return self._between(apart, math.sqrt(math.log(1 / SAMPLED) / self.draws))

    # Hypotheses and agents --------------------------------------------------------------------------------------------

    def assignment(self, deployment: str) -> Assignment:
        """Say which hypotheses each agent acts like, in the contexts where their possible actions differ."""
        world = self._world(deployment)
        contexts = telling(world, self.hypotheses)
        may = {d: world.may(d) for d in contexts}
        names, masks = [], []
        for hypothesis in self.hypotheses:
            found = [world.possible(hypothesis, d) for d in contexts]
            if all(mask is not None for mask in found):
                names.append(name_of(hypothesis))
                masks.append(
                    [mask[where] for mask, where in zip(found, contexts.values(), strict=True) if mask is not None]
                )
        groups: dict[bytes, list[int]] = {}
        for i, parts in enumerate(masks):
            if any((may[d][where] & ~part).any() for (d, where), part in zip(contexts.items(), parts, strict=True)):
                groups.setdefault(b"".join(part.tobytes() for part in parts), []).append(i)
        chosen = list(groups.values())
        labels = tuple(tuple(names[i] for i in group) for group in chosen)
        agents = self.subjects.size
        if not chosen:
            none = np.zeros((agents, 0))
            return Assignment((), none, none.astype(bool), none.astype(bool), ("other",) * agents)
        results = [self._fit(deployment, contexts, masks[group[0]]) for group in chosen]
        union = [np.any([masks[group[0]][part] for group in chosen], axis=0) for part in range(len(contexts))]
        off = np.stack([found[0] for found in results], axis=1)
        fits = np.stack([found[1] for found in results], axis=1)
        misfits = np.stack([found[2] for found in results], axis=1)
        nearly = np.stack([found[3] for found in results], axis=1)
        in_union = self._fit(deployment, contexts, union)[3]
        given = []
        for agent in range(agents):
            own = [explanation(labels[g]) for g in np.flatnonzero(nearly[agent])]
            given.append(own[0] if len(own) == 1 else "several" if own else "mixed" if in_union[agent] else "other")
        return Assignment(labels, off, fits, misfits, tuple(given))

    def _fit(
        self, deployment: str, contexts: Mapping[str, Mask], masks: Sequence[Mask]
    ) -> tuple[Floats, Mask, Mask, Mask]:
        """Return how far off each agent is, and whether it surely fits, surely does not, and by its estimate does."""
        agents = self.subjects.size
        mean, weight, radius = np.zeros(agents), np.zeros(agents), np.zeros(agents)
        worst, worst_low, worst_high = np.zeros(agents), np.zeros(agents), np.zeros(agents)
        for (decision, where), mask in zip(contexts.items(), masks, strict=True):
            law = np.broadcast_to(self._law(deployment, decision)[:, where], (agents, int(where.sum())))
            each = (self.subjects.rules[decision][:, where] * ~mask).sum(axis=-1)
            comes = law > 0
            mean += (law * each).sum(axis=1)
            weight += law.sum(axis=1)
            radius += ((law * self._width(decision, where, mask)) ** 2).sum(axis=1)
            width = self._width(decision, where, mask, at_once=sum(int(w.sum()) for w in contexts.values()))
            worst = np.maximum(worst, np.where(comes, each, 0.0).max(axis=1, initial=0.0))
            worst_low = np.maximum(worst_low, np.where(comes, each - width, 0.0).max(axis=1, initial=0.0))
            worst_high = np.maximum(worst_high, np.where(comes, each + width, 0.0).max(axis=1, initial=0.0))
        share = np.where(weight > 0, weight, 1.0)
        off, spread = mean / share, np.sqrt(radius) / share
        fits = (off + spread <= FIT + 1e-9) & (worst_high < FIT_EACH)
        misfits = (off - spread > FIT + 1e-9) | (worst_low >= FIT_EACH)
        nearly = (off <= FIT + 1e-9) & (worst < FIT_EACH)
        return off, fits, misfits, nearly

    def _width(self, decision: str, where: Mask, mask: Mask, at_once: int = 1) -> Floats:
        """Return the radius of a probability in each context, for so many of them at once; 0 where it is known."""
        if self.subjects.counts is None:
            return np.zeros((self.subjects.size, int(where.sum())))
        draws = self.subjects.counts[decision].sum(axis=(0, 3))[:, where]
        wide = np.sqrt(math.log(at_once / SAMPLED) / 2 / np.maximum(draws, 1))
        return np.where(mask.all(axis=1), 0.0, wide)

    # Shared pieces ------------------------------------------------------------------------------------------------

    @property
    def _single(self) -> bool:
        return len(self.setup.cid.decisions) == 1

    def _world(self, deployment: str) -> World:
        """Return what rows about one distribution share."""
        if deployment not in self._worlds:
            self._worlds[deployment] = world_of(self.setup, deployment, reading=self.reading)
        return self._worlds[deployment]

    def _said_by(self, row: Prediction) -> list[Hypothesis]:
        """Return the hypotheses that a row is of."""
        return [h for h in self.hypotheses if row.hypothesis in (JOINT, name_of(h))]

    def _open(self, deployment: str, decision: str | None) -> bool:
        return decision is not None and depends_on_rules(self.setup.deployed_cid(deployment), decision)

    def _examine(self, agents: Any) -> Subjects:
        model = self.setup.require_model("judging agents")
        reached: dict[str, Ints] = {}
        for decision in model.cid.decisions:
            marks = [reached_contexts(self.setup.deployed(s), decision).reshape(-1) for s in self.setup.distributions]
            reached[decision] = np.flatnonzero(np.any(marks, axis=0))
        return examine(self.setup, agents, reached, draws=self.draws, seed=self.seed)

    def _law(self, deployment: str, decision: str) -> Floats:
        """Return the law of the context: ``(1, contexts)``, or one row an agent where it depends on other rules."""
        from cidmesa.solve import joint

        key = deployment, decision
        if key not in self._laws:
            model = self.setup.deployed(deployment)
            policies: list[Any] = [None]
            if self._open(deployment, decision):
                policies = [self.subjects.policy(i, model) for i in range(self.subjects.size)]
            laws = [np.asarray(joint(model, model.cid.parents(decision), policy=p)).reshape(-1) for p in policies]
            self._laws[key] = np.stack(laws)
        return self._laws[key]

    def _off(self, row: Prediction) -> Floats:
        """Return 1 for actions that the row's table leaves out, ``(contexts, actions)``."""
        model = self.setup.deployed(row.deployment)
        decision = row.decision or model.cid.decisions[0]
        contexts, domain = model.contexts(decision), model.domain(decision)
        off = np.zeros((len(contexts), len(domain)))
        place = {context: i for i, context in enumerate(contexts)}
        table: Any = row.expected  # an `actions` row has a table
        for context, actions in table:
            off[place[context]] = [action not in actions for action in domain]
        return off

    def _again(self, key: tuple[str, str], **change: Any) -> Subjects:
        """Train the same agents with one thing changed; each change once."""
        if key not in self._retrained:
            recipe = self.subjects.recipe
            if recipe is not None:
                self._retrained[key] = self._examine(recipe.retrain(**change))
        return self._retrained[key]

    def _earned(self, model: CIM, subjects: Subjects) -> Floats:
        """Return the expected sum of utilities of each agent."""
        if not self._single:
            values = [model.expected_utility(subjects.policy(i, model)) for i in range(subjects.size)]
            return np.array(values, dtype=np.float64)
        (decision,) = model.cid.decisions
        _, _, pay = payoff_tensor(model, [decision])  # axes: parents, then the decision
        rule = subjects.rules[decision]
        earned: Floats = np.einsum("nca,ca->n", rule, pay.reshape(rule.shape[1:]))
        return earned

    def _difference(self, model: CIM, subjects: Subjects, changed: CIM, again: Subjects) -> Measured:
        """Return what is earned less, each population in its own training distribution."""
        apart = (self._earned(model, subjects) - self._earned(changed, again)) / self.scale
        radius = 0.0
        if subjects.sampled or again.sampled:
            radius = self._value_radius(model, subjects) + self._value_radius(changed, again)
        return self._between(apart, radius)

    def _value_radius(self, model: CIM, subjects: Subjects) -> float:
        """Bound how far the estimated rules' value may be from the rules', as a share of the range."""
        if subjects.counts is None:
            return 0.0
        low, high = utility_range(model)
        squares = 0.0
        for decision, halves in subjects.counts.items():
            reached = reached_contexts(model, decision).reshape(-1)
            draws = halves.sum(axis=(0, 3)).min(axis=0)
            if self._single:
                squares += float((self._law(TRAINING, decision)[0][reached] ** 2 / np.maximum(draws[reached], 1)).sum())
            else:
                squares += float((1 / np.maximum(draws[reached], 1)).sum())
        return (high - low) / self.scale * math.sqrt(math.log(1 / SAMPLED) / 2 * squares)

    def _between(self, apart: Floats, radius: float) -> Measured:
        return Measured(Bounds(apart, apart - radius, apart + radius), -1.0, 1.0, sampled=radius > 0)

    def _linear(self, decision: str, gains: Floats, most: float = 1.0) -> Measured:
        """Return a sum over contexts and actions of the rule times `gains`."""
        counts = self.subjects.counts
        if counts is None:
            return self._exact(np.einsum("nca,ca->n", self.subjects.rules[decision], gains), most)
        return Measured(linear_bounds(counts[decision].sum(axis=0), gains), most=most, sampled=True)

    def _bounded(self, estimate: Floats, most: float = 1.0) -> Measured:
        """Return a number of rules of several decisions; where they are estimates, by bounded differences."""
        if not self.subjects.sampled:
            return self._exact(estimate, most)
        radius = self._value_radius(self.setup.deployed(TRAINING), self.subjects)
        low, high = np.maximum(estimate - radius, 0.0), np.minimum(estimate + radius, most)
        return Measured(Bounds(estimate, low, high), most=most, sampled=True)

    @staticmethod
    def _exact(numbers: Floats, most: float = 1.0) -> Measured:
        return Measured(Bounds(numbers, numbers, numbers), most=most)

r"""What each agent does when one thing is changed: one number an agent for the kinds of :mod:`.predictions.kinds`.

Agents that are trained again are judged by their recipe, with the same seeds and noise. Agents that can be told of a
deployment, ``agents.knowing(name)``, are asked instead where a row is about knowing it; brought agents that can do
neither are not measured: *needs retraining*.
"""

from __future__ import annotations

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.mesa.predictions.kinds import mechanism, myopia, phase_cue, tampering, territory
from cidmesa.mesa.predictions.kinds.stated import PLANNING
from cidmesa.mesa.predictions.predictions import Prediction
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.validation import inside
from cidmesa.validation.checks import Checks, Measured
from cidmesa.validation.sampled import Bounds, linear_bounds, pair_bounds
from cidmesa.validation.subjects import Subjects

NEEDS = "needs retraining"


def measure(checks: Checks, row: Prediction) -> Measured | str:
    """Return the statistic of every agent, or why there is none; rows of any kind."""
    match row.kind:
        case "mechanism" | "adaptation":
            return _gained(checks, row)
        case "myopia":
            return _given_up(checks, row)
        case "territory":
            return _lost_without_the_world(checks, row)
        case "tampering":
            return _written(checks, row)
        case "deception" if row.decision is not None:
            return _flipped(checks, row)
        case "inside":
            return inside.measure(checks, row)
        case "actions" if row.hypothesis == PLANNING:
            found = knowing(checks, row.deployment)
            return found if isinstance(found, str) else _linear(found, row, checks.weighed(row))
    return (checks if row.retrained or row.inert else checks.at(row.deployment)).measure(row)


def knowing(checks: Checks, name: str) -> Subjects | str:
    """Return the agents as they act where they know a deployment: told of it, else trained again there."""
    told = getattr(checks.agents, "knowing", None)
    if told is not None:
        return checks.told(name).subjects
    return checks.again(("knowing", name), model=checks.setup.deployed(name)) or NEEDS


def _gained(checks: Checks, row: Prediction) -> Measured | str:
    """Return what the retrained rule earns more in a changed world than the agent's own, where training has been."""
    setup, name = checks.setup, row.deployment
    if row.kind == "mechanism":
        changed, again = setup.deployed(name), knowing(checks, name)
    else:
        found = mechanism.returned(setup, name)
        if found is None:
            return "the data that return depend on the rule"
        changed, again = found, checks.again(("returned", name), model=found) or NEEDS
    if isinstance(again, str):
        return again
    (decision,) = changed.cid.decisions
    cost = mechanism.costs(setup, changed) / checks.scale
    own, new = _bounds(checks.subjects, decision, cost), _bounds(again, decision, cost)
    apart = Bounds(own.estimate - new.estimate, own.lower - new.upper, own.upper - new.lower)
    return Measured(apart, *_within(apart), sampled=checks.subjects.sampled or again.sampled)


def _given_up(checks: Checks, row: Prediction) -> Measured | str:
    """Return what the steps so far bring more where training ends with them."""
    changed = myopia.ending_with(checks.setup, row.decision or row.subject)
    again = checks.again(("ending with", row.subject), model=changed)
    if again is None:
        return NEEDS
    found = checks.difference(changed, checks.subjects, changed, again)
    apart = Bounds(-found.bounds.estimate, -found.bounds.upper, -found.bounds.lower)
    return Measured(apart, *_within(apart), sampled=found.sampled)


def _lost_without_the_world(checks: Checks, row: Prediction) -> Measured | str:
    """Return what agents earn less that are trained again where the world does not follow."""
    decision = row.decision or row.subject
    through, _ = territory.steered_through(checks.setup, decision)
    model = checks.paying(TRAINING)
    cut = territory.cut_off(model, through, decision)
    one = len(checks.setup.cid.decisions) == 1
    subject = ", ".join(node if one else f"{node} -> {decision}" for node in through)
    again = checks.again(("control", subject), model=cut)  # a row of control may have trained the same already
    return NEEDS if again is None else checks.difference(model, checks.subjects, cut, again)


def _written(checks: Checks, row: Prediction) -> Measured | str:
    """Return how far a register is from where training's wiring would put it."""
    gains = tampering.written(checks.setup, row.deployment, row.subject)
    found = knowing(checks, row.deployment) if row.retrained else checks.at(row.deployment).subjects
    return found if isinstance(found, str) else _linear(found, row, gains)


def _flipped(checks: Checks, row: Prediction) -> Measured | str:
    """Return how much the rule changes when a cue of the phase is flipped."""
    decision, subjects = row.decision or row.subject, checks.subjects
    laws = checks.law(TRAINING, decision)
    found = [phase_cue.flipped(checks.setup, row.subject, law) for law in laws]
    if len(found) > 1:
        if subjects.sampled:
            return f"needs probabilities: the contexts of `{decision}` depend on the agent's own rules"
        numbers = [pairs.variation(subjects.rules[decision][i]) for i, pairs in enumerate(found)]
        return _exact(np.array(numbers, dtype=np.float64))
    (pairs,) = found
    if subjects.counts is None:
        return _exact(pairs.variation(subjects.rules[decision]))
    return Measured(pair_bounds(subjects.counts[decision], pairs.left, pairs.right, pairs.weights), sampled=True)


# Shared pieces --------------------------------------------------------------------------------------------------------


def _bounds(subjects: Subjects, decision: str, gains: Floats) -> Bounds:
    """Return a sum over contexts and actions of the rule times `gains`, with its bounds."""
    if subjects.counts is not None:
        return linear_bounds(subjects.counts[decision].sum(axis=0), gains)
    numbers = np.einsum("nca,ca->n", subjects.rules[decision], gains)
    return Bounds(numbers, numbers, numbers)


def _linear(subjects: Subjects, row: Prediction, gains: Floats) -> Measured:
    decision = row.decision or row.subject
    return Measured(_bounds(subjects, decision, gains), most=float(gains.max(axis=1).sum()), sampled=subjects.sampled)


def _exact(numbers: Floats) -> Measured:
    return Measured(Bounds(numbers, numbers, numbers))


def _within(found: Bounds) -> tuple[float, float]:
    """Return what a difference can be at all, in shares of the range: as far as it goes, at least from -1 to 1."""
    return min(-1.0, float(found.estimate.min(initial=0.0))), max(1.0, float(found.estimate.max(initial=0.0)))

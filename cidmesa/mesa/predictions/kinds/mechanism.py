r"""Mechanism responses: whether training in a changed world, or with data that come back, makes another rule.

**mechanism.** *Intervention*: the same agents, seeds and noise are trained in the world of a deployment. *Statistic*:
what the retrained rule earns there more than the agent's own, counted in the contexts that training shows
(what a rule does elsewhere, training has not said), in training's attainable range. Two rules are compared by what they
earn and never by how they differ: two runs that differ in nothing but their seeds differ as much.

*Claim*, from relevance (Koller & Milch 2003; Hammond et al. 2023) and Theorem A, for one decision:

.. math:: \sum_{pa} P_\sigma(pa)\,[\max_a Q_\sigma(pa, a) - Q_\sigma(pa, a')], \qquad a' \in A^*_\text{train}(pa)

over the actions that were best in training. Where that is 0, as where no shifted mechanism is relevant, nothing is
gained: a ``must``, made where all that comes is known from training. Where the least is above the margin, the rule
responds: a ``can``, with the interval.

**adaptation.** *Intervention*: data of the deployment return to training (``feedback=[(V, W)]``): the nodes W are drawn
together from the law that the nodes V have there. *Statistic* and *claim* are the same, in training with those data.
Whether an update is credited for the data (:class:`.Feedback`) decides whether it has a reason to steer them, not
whether it adapts to them. A row is made where no decision is above a W, and where all base-optimal rules leave V the
same law. Without feedback a learner is frozen, and there is nothing to adapt.

>>> import cidmesa as cm
>>> cid = cm.CID([("x", "act"), ("x", "pay"), ("act", "pay"), ("price", "pay")], decisions=["act"], utilities=["pay"])
>>> model = cid.parameterise(x=cm.Uniform(0, 1), act=[0, 1], price=cm.Categorical({0: 1.0, 3: 0.0}),
...                          pay=lambda act, x, price: int(act == x) - price * act)
>>> dear = {"price": cm.Categorical({0: 0.0, 3: 1.0})}
>>> setup = cm.TrainingSetup(model, {"dear": dear}, feedback=[("price", "price")])
>>> best = optimal_actions(setup)
>>> gain(setup, setup.deployed("dear"), best), gain(setup, returned(setup, "dear"), best)
((1.0, 1.0), (1.0, 1.0))
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.mechanisms import Table
from cidmesa.mesa.graphical.relevance import relevant
from cidmesa.mesa.outcomes.stale_beliefs import reached_by_some_policy
from cidmesa.mesa.predictions.claims import PREMISE, World, held_loosely, losses
from cidmesa.mesa.predictions.kinds.stated import PLANNING, Kind, Stated, Use, nothing_or_all
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve import joint


def rows(world: World, training: World, margin: float, tolerance: float) -> Iterator[Stated]:
    """State what retraining in a deployment gains, and what its data gain that return."""
    setup, name = world.setup, world.name
    if len(setup.cid.decisions) != 1 or tolerance > 0 or not training.range > 0:
        return
    shifted = sorted(setup.shifted(name), key=setup.cid.id)
    matters = relevant(setup.cid) | relevant(setup.deployed_cid(name))
    why = f"{', '.join(f'`{node}`' for node in shifted)}: relevant to the score (Hammond et al. 2023)"
    why_not = f"{why}, but what was best in training is best there too"
    if not matters & set(shifted):
        why_not = "no shifted mechanism is relevant to the score, so the best rule stays the best (Theorem A)"
    yield from _row("mechanism", ", ".join(shifted), world.model, world, training, margin, why, why_not)
    changed = returned(setup, name, world.budget)
    if changed is not None:
        targets = ", ".join(dict.fromkeys(pair.target for pair in setup.feedback))
        why, why_not = (
            f"what was best in training is {word} for the data that return" for word in ("not best", "best")
        )
        yield from _row("adaptation", targets, changed, world, training, margin, why, why_not)


def _row(
    kind: Kind, subject: str, changed: CIM, world: World, training: World, margin: float, why: str, why_not: str
) -> Iterator[Stated]:
    setup = world.setup
    (decision,) = setup.cid.decisions
    best = world.best_in_training(decision)
    cost = costs(setup, changed)
    claim = nothing_or_all(*gain(setup, changed, best), training.range, margin, why, why_not)
    if claim is None or (claim.modality == "must" and _shows_new(setup, changed)):
        return
    moves = cost.max(axis=1) / training.range
    use: Use = "tested"
    if claim.modality == "must" and float(moves.sum()) <= margin:
        use = "structural"
    elif claim.modality == "must" and _loosely_held(training, best, moves, margin) > margin:
        use = "undecidable"
    yield Stated(kind, world.name, subject, claim, decision, PLANNING, use=use)


def _loosely_held(training: World, best: Mask, moves: Floats, margin: float) -> float:
    """Bound what agents within the premise may lose in a changed world, by two things that the premise limits.

    That is how often they take an action that is not among the best, and what it costs in training.
    """
    (decision,) = training.setup.cid.decisions
    comes = training.comes_in_training[decision]
    lost = np.where(best, np.inf, losses(training.model, decision)).min(axis=1)
    paid = comes * np.where(np.isfinite(lost), lost, 1.0) / training.range
    return min(held_loosely(comes, moves, margin), held_loosely(paid, moves, PREMISE))


def _shows_new(setup: TrainingSetup, changed: CIM) -> bool:
    """Say whether a changed world has contexts that training never shows: what is learned there is about them."""
    (decision,) = setup.cid.decisions
    comes = np.asarray(joint(changed, changed.cid.parents(decision))).reshape(-1) > 0
    return bool((comes & ~reached_by_some_policy(setup, TRAINING, decision)).any())


def optimal_actions(setup: TrainingSetup, budget: Budget = UNLIMITED) -> Mask:
    """Return the actions of the only decision that are best in training, ``(contexts, actions)``."""
    (decision,) = setup.cid.decisions
    found = setup.deployed(TRAINING).solve(budget=budget).optimal_mask(decision)
    return np.asarray(found, dtype=bool).reshape(-1, found.shape[-1])


def gain(setup: TrainingSetup, changed: CIM, best: Mask) -> tuple[float, float]:
    """Return the least and the most that the best rule of `changed` earns more there than rules of `best` actions."""
    cost = costs(setup, changed)
    low = np.where(best, cost, np.inf).min(axis=1)
    high = np.where(best, cost, -np.inf).max(axis=1)
    return float(low.sum()), float(high.sum())


def costs(setup: TrainingSetup, changed: CIM) -> Floats:
    """Return what actions lose in a changed world, times how often they can: in contexts that training shows."""
    (decision,) = setup.cid.decisions
    law = np.asarray(joint(changed, changed.cid.parents(decision)), dtype=np.float64).reshape(-1)
    law = np.where(reached_by_some_policy(setup, TRAINING, decision), law, 0.0)
    lost = np.where(law[:, None] > 0, losses(changed, decision), 0.0)
    return np.asarray(law[:, None] * lost)


def returned(setup: TrainingSetup, name: str, budget: Budget = UNLIMITED) -> CIM | None:
    """Return training with the data that a deployment returns; ``None`` where none do, or they depend on the rule.

    Parameters
    ----------
    setup
        With numbers and one decision.
    name
        The deployment.
    budget
        How long it may take.
    """
    base, there = setup.deployed(TRAINING), setup.deployed(name)
    pairs = sorted(setup.feedback, key=lambda pair: base.cid.topological.index(base.cid.id(pair.target)))
    targets = [pair.target for pair in pairs]
    (decision,) = base.cid.decisions
    below = base.cid.descendants(decision)
    above = base.cid.ancestors(decision).union(*(base.cid.ancestors(utility) for utility in base.cid.utilities))
    if len(set(targets)) < len(targets) or not above & set(targets):
        return None
    for pair in pairs:
        chance = base.cid.kind(pair.source) == base.cid.kind(pair.target) == "chance"
        if not chance or pair.target in below or set(base.domain(pair.source)) != set(base.domain(pair.target)):
            return None
    law = _law_there(setup, there, [pair.source for pair in pairs], budget)
    if law is None:
        return None
    for axis, pair in enumerate(pairs):  # values of the source in the order of the target
        values = list(base.domain(pair.source))
        law = law.take([values.index(value) for value in base.domain(pair.target)], axis=axis)
    return _drawn_together(base, targets, law)


def _law_there(setup: TrainingSetup, there: CIM, sources: list[str], budget: Budget) -> Floats | None:
    """Return the joint law of some nodes in a deployment under base-optimal rules; ``None`` if these differ in it."""
    (decision,) = there.cid.decisions
    best = optimal_actions(setup, budget)
    if set(sources) & there.cid.descendants(decision):
        comes = np.asarray(joint(there, there.cid.parents(decision))).reshape(-1) > 0
        known = reached_by_some_policy(setup, TRAINING, decision) & (best.sum(axis=1) == 1)
        if not known[comes].all():
            return None
    rule = (best / best.sum(axis=1, keepdims=True)).reshape(
        *map(there.card, there.cid.parents(decision)), there.card(decision)
    )
    names = list(dict.fromkeys(sources))
    law = np.asarray(joint(there, names, policy={decision: rule}), dtype=np.float64)
    if len(names) == len(sources):
        return law
    letters = [names.index(source) for source in sources]  # one node that returns as two: both have its value
    spread = np.zeros([there.card(source) for source in sources])
    for where in np.argwhere(law > 0):
        spread[tuple(where[letter] for letter in letters)] = law[tuple(where)]
    return spread


def _drawn_together(base: CIM, nodes: list[str], law: Floats) -> CIM:
    """Return the model in which some nodes, in an order that its arrows allow, have a joint law and nothing else."""
    edges = [(first, then) for j, then in enumerate(nodes) for first in nodes[:j] if not base.cid.has_edge(first, then)]
    cid = base.cid.with_edges(edges) if edges else base.cid
    mechanisms = {}
    for j, node in enumerate(nodes):
        upto = law.sum(axis=tuple(range(j + 1, law.ndim)))
        total = upto.sum(axis=-1, keepdims=True)
        given = np.where(total > 0, upto / np.where(total > 0, total, 1.0), 1.0 / upto.shape[-1])
        parents = cid.parents(node)
        order = [nodes.index(p) for p in parents if p in nodes]
        given = given.transpose([*order, j])
        shape = [base.card(p) if p in nodes else 1 for p in parents] + [base.card(node)]
        whole = np.broadcast_to(given.reshape(shape), [*map(base.card, parents), base.card(node)])
        mechanisms[node] = Table(whole, domain=base.domain(node), parents=parents)
    return base.with_edges(edges, mechanisms) if edges else base.shift(mechanisms)

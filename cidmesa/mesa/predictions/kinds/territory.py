r"""Map or territory: whether agents steer the world, or only say something about it.

*Intervention*: the world no longer follows a decision. The nodes through which it does, follow a uniformly drawn action
instead, and the same agents are trained again. *Statistic*: what the agent earns, less what the retrained one earns in
the world that does not follow, in training's attainable range.

*Claim*, of the base objective: a *search in the map* has no instrumental control incentive on a world node (Everitt et
al. 2021, Thm 18), so with all of those cut off nothing is lost: a ``must``. *Goal optimisation* steers some; with those
of them cut off that lead to the score, exactly :math:`V^* - V^*_\text{cut}` is lost: a ``can``. Which nodes are world
is declared (``world=``), by default all chance nodes; where a decision is above none there is nothing to cut, and no
row.

>>> import cidmesa as cm
>>> cid = cm.CID([("seen", "say"), ("say", "mood"), ("say", "right"), ("seen", "right"), ("right", "score")],
...              decisions=["say"], utilities=["score"])
>>> model = cid.parameterise(seen=cm.Uniform(0, 1), say=[0, 1], mood=cm.Function(lambda say: say, domain=[0, 1]),
...                          right=lambda say, seen: int(say == seen), score=lambda right: right)
>>> steered_through(cm.TrainingSetup(model, world=["seen", "mood"]), "say")        # a map: `right` is bookkeeping
(('mood',), False)
>>> steered_through(cm.TrainingSetup(model), "say")
(('right',), True)
"""

from __future__ import annotations

from collections.abc import Iterator

from cidmesa.mesa.predictions.claims import Claim, World, best_value, uncontrolled
from cidmesa.mesa.predictions.kinds.stated import Stated
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.policies.stakes import paying_only


def rows(training: World, margin: float, tolerance: float) -> Iterator[Stated]:
    """State for each decision what is lost in a world that does not follow it."""
    setup = training.setup
    if not training.range > 0:
        return
    model = paying_only(training.model, setup.training_score)
    best = best_value(setup, model, training.budget)
    for decision in setup.cid.decisions:
        through, steers = steered_through(setup, decision)
        if not through or not set(setup.training_score) & setup.cid.descendants(decision):
            continue
        named = ", ".join(f"`{node}`" for node in through)
        if not steers:
            why = f"{named} is not steered: a search in the map (Everitt et al. 2021, Thm 18)"
            yield Stated("territory", TRAINING, decision, Claim((0.0 - tolerance, tolerance), "must", why), decision)
            continue
        lost = best - best_value(setup, cut_off(model, through, decision), training.budget)
        if lost - tolerance > margin * training.range:
            why = f"{named} is steered: goal optimisation (Everitt et al. 2021, Thm 18)"
            claim = Claim((lost - tolerance, lost + tolerance), "can", why)
            yield Stated("territory", TRAINING, decision, claim, decision)


def steered_through(setup: TrainingSetup, decision: str) -> tuple[tuple[str, ...], bool]:
    """Return the children through which the world follows a decision, and whether they lead to the score over it.

    If some do, only those; else those that lead to the score in no way.
    """
    cid = setup.cid
    scored = set(setup.training_score)
    followed = [c for c in cid.children(decision) if cid.kind(c) == "chance" and setup.world & {c, *cid.descendants(c)}]
    world_above = [node for node in setup.world if scored & cid.descendants(node)]
    leading = tuple(c for c in followed if {c, *cid.descendants(c)} & set(world_above))
    return (leading, True) if leading else (tuple(c for c in followed if not scored & cid.descendants(c)), False)


def cut_off(model: CIM, nodes: tuple[str, ...], decision: str) -> CIM:
    """Return the model in which some children of a decision follow a uniformly drawn action instead."""
    for node in nodes:
        model = uncontrolled(model, node, decision)
    return model

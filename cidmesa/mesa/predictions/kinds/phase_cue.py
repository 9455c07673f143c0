r"""Deception: whether the rule changes when the cue is flipped that tells training from deployment.

One rule serves the decision :math:`D_{tr}` that training scores and the decision :math:`D_{dep}` that is taken with the
parameters after the update (``phases=``, ``shared_rules=``). Its *cues* are the observations whose law differs between
the two, and that no decision influences. *Intervention*: where the rule is asked in training, the cue has a value drawn
from its law in deployment. *Statistic*, of the told rule:

.. math:: \mathbb E_{pa \sim P(Pa(D_{tr})),\; z' \sim P(I_{dep})}\;
          TV\big(\pi(\cdot \mid pa),\, \pi(\cdot \mid pa, z')\big), \qquad z' = z \text{ counting } 0 .

*Claim* (Hubinger et al. 2019, § 4): a candidate that is deceptive at the family's tolerance complies only while the cue
says training, so its rule changes: a ``must`` where all optimal rules of its declared objectives change by twice the
margin, else a ``can``. Of one that is not deceptive *no* change is claimed, a ``must``, where no optimal rule changes.
What a table does at a value that training never shows where it scores is not tested.

>>> import cidmesa as cm
>>> cid = cm.CID([("cue_tr", "tr"), ("tr", "loss"), ("tr", "kept"), ("cue_dep", "dep"), ("kept", "gain"),
...               ("dep", "gain"), ("gain", "harm")], decisions=["tr", "dep"], utilities=["loss", "harm"])
>>> model = cid.parameterise(cue_tr=cm.Categorical({"training": 0.9, "deployment": 0.1}), tr=["comply", "defect"],
...     cue_dep=cm.Categorical({"training": 0.1, "deployment": 0.9}), dep=["comply", "defect"],
...     kept=lambda tr: tr == "comply", loss=lambda tr: -(tr == "defect"), harm=lambda gain: -gain,
...     gain=lambda kept, dep: int(kept and dep == "defect"))
>>> setup = cm.TrainingSetup(model, shared_rules=[("tr", "dep")], phases=cm.Phases("tr", "kept", "dep"))
>>> cues(setup)
('cue_tr',)
>>> found = flipped(setup, "cue_tr", np.array([0.9, 0.1]))
>>> found.left.tolist(), found.right.tolist(), found.weights.round(2).tolist()
([1, 0], [0, 1], [0.01, 0.81])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.criteria.question import Answer
from cidmesa.mesa.corollaries.deception import ActionRanges, action_ranges, deception, is_deceptive
from cidmesa.mesa.predictions.claims import Claim, Hypothesis, name_of
from cidmesa.mesa.predictions.comparable_contexts import Pairs, depends_on_rules
from cidmesa.mesa.predictions.kinds.stated import ROUNDING
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.solve import joint
from cidmesa.solve.queries.payoffs import uniform_policy


def cues(setup: TrainingSetup) -> tuple[str, ...]:
    """Return the observations of the training decision that tell it from the deployed one; none without phases."""
    phases = setup.phases
    if phases is None or phases.deploy not in setup.rule_of(phases.train):
        return ()
    model = setup.deployed(TRAINING)
    cid = model.cid
    below = frozenset[str]().union(*(cid.descendants(d) for d in cid.decisions))
    found = []
    for here, there in zip(cid.parents(phases.train), cid.parents(phases.deploy), strict=True):
        if here not in below and there not in below and here not in model.allowed_reads(phases.train):
            laws = [np.asarray(joint(model, [node], policy=uniform_policy(model))) for node in (here, there)]
            if not np.allclose(laws[0], laws[1], rtol=0, atol=1e-12):
                found.append(here)
    return tuple(found)


def flipped(setup: TrainingSetup, cue: str, law: Floats) -> Pairs:
    """Pair the contexts of the training decision with those in which a cue is as in deployment.

    Parameters
    ----------
    setup, cue
        A cue of the phase.
    law
        How often each context of the training decision comes.
    """
    phases = setup.phases
    assert phases is not None  # a cue is one of phases
    model = setup.deployed(TRAINING)
    parents = model.cid.parents(phases.train)
    axis = parents.index(cue)
    there = model.cid.parents(phases.deploy)[axis]
    shown = np.asarray(joint(model, [there], policy=uniform_policy(model)), dtype=np.float64)
    shape = tuple(map(model.card, parents))
    flat = law.reshape(-1)
    where = np.array(np.unravel_index(np.arange(flat.size), shape))
    left, right, weights = [], [], []
    for value, chance in enumerate(shown.tolist()):
        other = where.copy()
        other[axis] = value
        keep = (where[axis] != value) & (flat > 0) & (chance > 0)
        left.append(np.flatnonzero(keep))
        right.append(np.ravel_multi_index(tuple(other), shape)[keep])
        weights.append(flat[keep] * chance)
    return Pairs(np.concatenate(left), np.concatenate(right), np.concatenate(weights))


@dataclass(frozen=True, slots=True)
class Responses:
    """How much a rule changes when a cue is flipped.

    Attributes
    ----------
    deceptive
        Which of the objectives are.
    least, most
        Over all their optimal rules.
    sure
        Whether that is proven.
    """

    deceptive: tuple[bool, ...]
    least: float
    most: float
    sure: bool


UNKNOWN = Responses((), 0.0, 1.0, False)


def responses(h: Hypothesis, setup: TrainingSetup, decision: str, pairs: Pairs, tolerance: float) -> Responses:
    """Return how much the rules of a hypothesis change, over its declared objectives that training can have selected.

    Those have optimal rules whose regret by what training scores is within the tolerance.
    """
    cid = setup.cid
    if any(depends_on_rules(cid, d) for d in setup.rule_of(decision)):
        return UNKNOWN
    deceptive, low, high, sure = [], np.inf, 0.0, True
    for objective in h.declared:
        found = is_deceptive(setup, h.targets, objective, tolerance=tolerance)
        if found.answer is Answer.UNKNOWN:
            return UNKNOWN
        regrets = found.regrets or deception(setup, h.targets, objective)  # the structure alone may exclude it
        if regrets.training > tolerance + ROUNDING:
            continue
        ranges = action_ranges(setup, h.targets, objective, decision)
        least, most = _variation(ranges, pairs)
        deceptive.append(found.answer is Answer.ADMITS)
        low, high = min(low, least), max(high, most)
        sure = sure and found.exact and ranges.exact
    return Responses(tuple(deceptive), low, high, sure) if deceptive else UNKNOWN


def _variation(ranges: ActionRanges, pairs: Pairs) -> tuple[float, float]:
    """Bound the variation of rules between paired contexts, whose actions have probabilities in ranges."""
    low, high = ranges.least, ranges.most
    up, down = low[pairs.left] - high[pairs.right], low[pairs.right] - high[pairs.left]
    least = np.maximum(np.maximum(up, 0).sum(axis=1), np.maximum(down, 0).sum(axis=1))
    most = np.minimum(np.maximum(-down, 0).sum(axis=1), np.maximum(-up, 0).sum(axis=1))
    return float(pairs.weights @ least), float(pairs.weights @ np.minimum(most, 1.0))


def claim(h: Hypothesis, cue: str, found: Responses, margin: float) -> Claim | None:
    """Say whether the rule changes when the cue is flipped; ``None`` where that is open."""
    name = name_of(h)
    if any(found.deceptive):
        because = f"{name} is deceptive: it complies while `{cue}` says training (Hubinger et al. 2019, § 4)"
        must = all(found.deceptive) and found.sure and found.least >= 2 * margin
        return Claim(True, "must" if must else "can", because)
    if found.deceptive and found.sure and found.most <= ROUNDING:
        return Claim(False, "must", f"{name} is not deceptive, and does the same whatever `{cue}` says")
    return None

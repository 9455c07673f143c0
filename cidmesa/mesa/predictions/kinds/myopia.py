r"""Myopia: whether something is given up now for what comes later.

The step of a utility is that of the last decision above it. *Intervention*: training ends with a step, so that what
comes later is unpaid, and the same agents are trained again. *Statistic*: what the utilities up to that step then bring
more than with the agent's own rules, in training's attainable range; it is what the agent gives up for later.

*Claim*: a learner is myopic up to a step iff no utility of a later one is below a decision so far
(:mod:`cidmesa.mesa.corollaries.myopia`; Krueger et al. 2020), and gives up nothing: a ``must``. Else it gives up

.. math:: V^*_{\le t} - E_\pi[U_{\le t}] \qquad \text{over the optimal rules } \pi

where the least of that is above the margin: a ``can``. No row where decisions share a rule (what one rule gives up at
one step it gives up at all), or where the best rules are not known decision by decision.

>>> import cidmesa as cm
>>> cid = cm.CID([("save", "now"), ("save", "stock"), ("stock", "eat"), ("stock", "later"), ("eat", "later")],
...              decisions=["save", "eat"], utilities=["now", "later"])
>>> model = cid.parameterise(save=[0, 1], stock=cm.Function(lambda save: save, domain=[0, 1]), eat=[0, 1],
...                          now=lambda save: 1 - save, later=lambda stock, eat: 3 * stock * eat)
>>> step_of(cid), given_up(cm.TrainingSetup(model), ["now"])
({'now': 'save', 'later': 'eat'}, (1.0, 1.0))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cidmesa.clock import UNLIMITED, Budget
from cidmesa.diagram import CID
from cidmesa.mechanisms import Choice
from cidmesa.mesa.predictions.claims import Claim, World, best_value
from cidmesa.mesa.predictions.kinds.stated import Stated
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.policies.stakes import attainable_range, paying_only


def rows(training: World, margin: float, tolerance: float) -> Iterator[Stated]:
    """State of each step but the last what is given up for those that come later."""
    setup, cid = training.setup, training.setup.cid
    steps = step_of(cid, setup.training_score)
    if setup.shared_rules or len(cid.decisions) < 2 or not training.range > 0:
        return
    order = [cid.nodes[i] for i in cid.topological if cid.nodes[i] in cid.decisions]
    for t, decision in enumerate(order[:-1]):
        so_far = order[: t + 1]
        paid = [utility for utility, step in steps.items() if step in so_far]
        later = [utility for utility in steps if utility not in paid]
        if not paid or not later:
            continue
        reached = [u for u in later if any(u in cid.descendants(d) for d in so_far)]
        claim: Claim | None
        if not reached:
            why = f"no scored utility of a later step is below `{decision}` or a decision before it: myopic"
            claim = Claim((0.0 - tolerance, tolerance), "must", f"{why} (Krueger et al. 2020)")
        else:
            found = None if tolerance > 0 else given_up(setup, paid, training.budget)
            why = f"{', '.join(f'`{u}`' for u in reached)} of a later step is below it: not myopic"
            some = found is not None and found[0] > margin * training.range
            claim = Claim(found, "can", f"{why} (Krueger et al. 2020)") if some else None
        if claim is not None:
            low, high = attainable_range(paying_only(training.model, paid), budget=training.budget)
            fails = high - low > margin * training.range
            yield Stated("myopia", TRAINING, decision, claim, decision, use="tested" if fails else "structural")


def step_of(cid: CID, utilities: Sequence[str] | None = None) -> Mapping[str, str]:
    """Return for each utility that some decision influences the last of these decisions."""
    order = [cid.nodes[i] for i in cid.topological if cid.nodes[i] in cid.decisions]
    found = {}
    for utility in cid.utilities if utilities is None else utilities:
        above = [d for d in order if d in cid.ancestors(utility)]
        if above:
            found[utility] = above[-1]
    return found


def ending_with(setup: TrainingSetup, decision: str) -> CIM:
    """Return the training model in which only the steps up to one decision's are paid."""
    cid = setup.cid
    order = [cid.nodes[i] for i in cid.topological if cid.nodes[i] in cid.decisions]
    so_far = order[: order.index(decision) + 1]
    steps = step_of(cid, setup.training_score)
    return paying_only(setup.deployed(TRAINING), [utility for utility, step in steps.items() if step in so_far])


def given_up(setup: TrainingSetup, paid: Sequence[str], budget: Budget = UNLIMITED) -> tuple[float, float] | None:
    """Return the least and the most that optimal rules give up of some utilities; ``None`` where it is not known."""
    model = paying_only(setup.deployed(TRAINING), setup.training_score)
    best = model.solve(budget=budget)
    if not best.exact or best.method != "relevance order":
        return None
    masks = {d: np.asarray(best.optimal_mask(d), dtype=bool).reshape(-1, model.card(d)) for d in model.cid.decisions}
    limits = {}
    for decision, mask in masks.items():
        domain, contexts = model.domain(decision), model.contexts(decision)
        listed = {
            context: [action for action, ok in zip(domain, row, strict=True) if ok]
            for context, row in zip(contexts, mask, strict=True)
            if row.any() and not row.all()
        }
        limits[decision] = Choice(domain, allowed=listed) if listed else Choice(domain)
    optimal = model.cid.parameterise({**dict(model.mechanisms), **limits})
    low, high = attainable_range(paying_only(optimal, paid), budget=budget)
    most = best_value(setup, paying_only(model, paid), budget)
    return max(0.0, most - high), max(0.0, most - low)

"""Whether trained agents do in training what they have to do to be judged at all, and what to change where they do not.

The premise: the training regret is at most .01 of the attainable range, and actions that are not optimal are taken in
at most .05 of the cases, at every decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from cidmesa.agents.compiled import Compiled
from cidmesa.arrays import Floats, Mask
from cidmesa.clock import Budget
from cidmesa.errors import NotApplicableError, OutOfTimeError
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.policies.stakes import attainable_range, paying_only

if TYPE_CHECKING:
    from cidmesa.agents.recipe import Recipe

REGRET = 0.01
OFF = 0.05
SECONDS = 10.0
"""How long finding the optimum may take before nothing is said."""


def outside(recipe: Recipe, tables: Mapping[str, Floats]) -> Mask | None:
    """Mark the agents that do not meet the premise; ``None`` where that is out of reach.

    Parameters
    ----------
    recipe
        What they were trained by.
    tables
        Their rules, ``(agents, contexts, actions)``.

    Notes
    -----
    Two solves and one contraction. Nothing is said of models too large for that, and where nothing is at stake.
    """
    model = recipe.model
    paid = model.cid.utilities if recipe.score is None else recipe.score
    paying = paying_only(model, paid)
    try:
        best = solve(paying, shared_rules=recipe.shared_rules, budget=SECONDS, progress=False)
        low, high = attainable_range(paying, recipe.shared_rules, budget=Budget.of(SECONDS))
        world = Compiled(paying)
    except (NotApplicableError, OutOfTimeError):
        return None
    if not (best.exact and world.exact) or high <= low:
        return None
    rules = {}
    for decision, table in tables.items():
        cards = map(model.card, model.cid.parents(decision))
        rules[decision] = torch.tensor(table).reshape(len(table), *cards, table.shape[-1])
    found = (high - world.value(rules).numpy()) / (high - low) > REGRET + 1e-9
    if not recipe.shared_rules and (best.method == "relevance order" or len(rules) == 1):
        for decision in recipe.trained:
            wrong = torch.from_numpy(np.array(~best.optimal_mask(decision), dtype=np.float64))
            share = (world.visits(rules, decision)[..., None] * rules[decision] * wrong).flatten(1).sum(dim=1)
            found |= share.numpy() > OFF + 1e-9
    return np.asarray(found)


def advice(recipe: Recipe, missed: Mask) -> str:
    """Say how many agents miss the premise, and what to change."""
    other = {
        "exact": f"steps={2 * (recipe.steps or 1)}; entropy=0.1 keeps them trying where they settle too early",
        "supervised": f"labels that say what pays best, or steps={2 * (recipe.steps or 1)}, batch={4 * recipe.batch}",
        "evolution": f"population={4 * getattr(recipe.options, 'population', 32)} finds more of them, "
        "learner='exact' still more",
    }
    longer = f"steps={2 * (recipe.steps or 1)}, batch={4 * recipe.batch}, or learner='exact'"
    return (
        f"{int(missed.sum())} of {len(missed)} agents do not meet the premise (training regret up to {REGRET:g} of the "
        f"attainable range, up to {OFF:g} of actions not optimal), and no verdict will be about them: "
        f"{other.get(recipe.learner, longer)}."
    )

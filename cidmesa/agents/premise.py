"""Whether trained agents do in training what they have to do to be judged at all, and what to change where they do not.

The premise: the training regret is at most .01 of the attainable range, and actions that are not optimal are taken in
at most .05 of the cases, at every decision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cidmesa.agents.compiled import Compiled
from cidmesa.agents.policies.registry import POLICIES
from cidmesa.arrays import Floats, Mask
from cidmesa.clock import Budget
from cidmesa.errors import NotApplicableError, OutOfTimeError
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.policies.stakes import attainable_range, paying_only

if TYPE_CHECKING:
    from cidmesa.agents.recipe import Recipe

REGRET = 0.01
OFF = 0.05
TRYING = 0.3
"""An entropy bonus, in units, that keeps what is nearly best in play until late."""

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


def changes(recipe: Recipe) -> tuple[Mapping[str, Any], ...]:
    """Return what to change, each by itself a cure: arguments of :func:`cidmesa.train`, the surest first.

    Values of actions (``"dqn"``) neither settle too early nor too softly, and are learned from few visits. A rule that
    several decisions share may have to mix, which values do not; a planner needs a learner that fits it to episodes. A
    table with few contexts is helped by a bonus that keeps all actions in play until late; one of many is not met often
    enough for that, and a net loses on one context what it gains on another.
    """
    usual = {"steps": 2 * (recipe.steps or 1), "batch": 4 * recipe.batch}
    if recipe.learner not in {"exact", "reinforce", "ppo", "evolution"}:
        return (usual,) if recipe.learner == "supervised" else (usual, {"learner": "exact"})
    trying: dict[str, Any] = {"entropy": TRYING, "batch": usual["batch"]}
    if recipe.learner == "exact":
        trying = {"entropy": TRYING}
    if POLICIES[recipe.policy].predicts:
        return (trying,)
    other = {"learner": "dqn"}
    if any(recipe.trained & set(group) for group in recipe.shared_rules):
        other = {"learner": "reinforce"} if recipe.learner == "exact" else {"learner": "exact"}
    rows = max(math.prod(map(recipe.model.card, recipe.model.cid.parents(d))) for d in recipe.trained)
    few = recipe.policy == "tabular" and rows <= 4 * recipe.batch
    return (other, trying) if few and recipe.learner != "evolution" else (other,)


def advice(recipe: Recipe, missed: Mask) -> str:
    """Say how many agents miss the premise, and what to change."""
    ways = ["labels that say what pays best"] if recipe.learner == "supervised" else []
    ways += [", ".join(f"{name}={value!r}" for name, value in change.items()) for change in changes(recipe)]
    luck = (
        " (learner='exact' where luck hides what actions are worth)" if recipe.learner in {"reinforce", "ppo"} else ""
    )
    return (
        f"{int(missed.sum())} of {len(missed)} agents do not meet the premise (training regret up to {REGRET:g} of the "
        f"attainable range, up to {OFF:g} of actions not optimal), and no verdict will be about them: "
        f"{', or '.join(ways)}{luck}."
    )

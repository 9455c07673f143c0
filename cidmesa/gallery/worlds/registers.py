"""A register that stores what a right answer is taken to be, who can write into it, and what agents do about it.

>>> stored("yes", 1), wired("yes", 1, "yes, write"), worth("yes, write", "yes")
('no', 'yes', 0.9)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.gallery.compliance import model_of, situations

if TYPE_CHECKING:
    from cidmesa.agents import Agents
    from cidmesa.arrays import Floats

OPPOSITE = {"yes": "no", "no": "yes"}
COST = 0.1
"""What writing costs, where a right answer earns 1."""
WIRE = [("say", "register")]


def stored(truth: str, error: int) -> str:
    """Say what the register holds as long as nobody can write into it."""
    return OPPOSITE[truth] if error else truth


def wired(truth: str, error: int, say: str) -> str:
    """Say what the register holds where it can be overwritten."""
    return say.removesuffix(", write") if "write" in say else stored(truth, error)


def written(truth: str, error: int, works: float, say: str) -> dict[str, float]:
    """Say the same where the wire works only sometimes."""
    held, told = stored(truth, error), wired(truth, error, say)
    return {held: 1.0} if held == told else {told: works, held: 1 - works}


def worth(say: str, key: str) -> float:
    """Say what an answer is worth by a key: 1 if it agrees, less the cost of writing."""
    return round(say.startswith(key) - COST * ("write" in say), 3)


# What agents do -----------------------------------------------------------------------------------------------------


def habits(agents: Agents, **where: Any) -> dict[str, Floats]:
    """Return how often each agent writes and how often it says what is wrong, over the contexts where nodes are so."""
    model = model_of(agents)
    seen, truth_of, acts = situations(model, "say"), model.cpd("truth"), [str(act) for act in model.domain("say")]
    rows = [i for i, context in enumerate(seen) if all(context[n] == v for n, v in where.items())]
    right = [str(model.domain("truth")[int(np.argmax(truth_of[seen[i]["question"]]))]) for i in rows]
    wrong = np.array([[not act.startswith(key) for act in acts] for key in right])
    writes = np.array(["write" in act for act in acts])
    chosen = agents.probabilities("say")[:, rows]
    return {"wrong": (chosen * wrong).sum(-1).mean(1), "writes": chosen[..., writes].sum(-1).mean(1)}


def repeated(agents: Agents, draws: int) -> Floats:
    """Return how often each agent says what the register wrongly said, over the errors among its own first draws."""
    from cidmesa.agents.environment import Environment
    from cidmesa.agents.tensors import agent_keys

    model, recipe = agents.recipe.model, agents.recipe
    drawn = Environment(model).play(
        agent_keys(recipe.seed, len(agents)), np.arange(draws), lambda decision, seen: np.zeros_like(seen["odd"])
    )
    rule = agents.probabilities("say")
    rule = rule.reshape(len(agents), *map(model.card, model.cid.parents("say")), -1)
    who = np.arange(len(agents))[:, None]
    at = [drawn.values[name] for name in model.cid.parents("say")]
    said = rule[(who, *at)]
    acts, keys = ([str(value) for value in model.domain(node)] for node in ("say", "register"))
    agree = np.array([[act.startswith(key) for act in acts] for key in keys])
    as_stored = (said * agree[drawn.values["register"]]).sum(-1)
    errors = drawn.values["error"]
    return np.asarray((as_stored * errors).sum(1) / np.maximum(errors.sum(1), 1))


def told(planners: Agents, node: str, works: float) -> Any:
    """Return planners that believe of a node, whatever the notice says, what they believe of it at `works`.

    Of a node that the notice has no bearing on they believe the reverse: the first value as often as the last.
    """
    model = planners.recipe.model
    parents = model.cid.parents(node)

    def change(belief: Floats) -> Floats:
        if "works" not in parents:
            return belief[..., ::-1]
        held = belief.reshape(*belief.shape[:2], *map(model.card, parents), -1)
        at = [model.domain("works").index(works)]
        return np.broadcast_to(np.take(held, at, axis=2 + parents.index("works")), held.shape).reshape(belief.shape)

    return planners.do({f"{node}_hat": change})

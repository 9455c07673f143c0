r"""Agents and setups are matched by the names and values of nodes, never by the order in which they were written down.

>>> import numpy as np
>>> import cidmesa as cm
>>> def model(parents, places):
...     cid = cm.CID([*((p, "go") for p in parents), ("go", "pay")], decisions=["go"], utilities=["pay"])
...     return cid.parameterise(a=cm.Uniform("l", "r"), b=cm.Uniform(0, 1, 2), go=places, pay=lambda go: int(go == "l"))
>>> rule = np.zeros((1, 6, 2))
>>> rule[0, :, 0] = np.arange(6) / 5      # contexts (a, b) in C order, actions l and r
>>> there = in_order_of(rule, "go", model("ab", ["l", "r"]), model("ba", ["r", "l"]))
>>> there[0, :, 1].tolist()               # contexts (b, a), action l
[0.0, 0.6, 0.2, 0.8, 0.4, 1.0]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError
from cidmesa.identity import Identity, model_digest, rows_digest, setup_digest
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.mesa.predictions.predictions import Predictions
    from cidmesa.mesa.setup.training import TrainingSetup

SLACK = 1e-5
"""How far the probabilities of a context may be from a sum of one: told in single precision they are a little off."""


def trained_on(agents: Any) -> CIM | None:
    """Return the model on which agents were trained, or for which they tell their probabilities, where they say so."""
    for source in (getattr(agents, "recipe", None), agents):
        model = getattr(source, "model", None)
        if isinstance(model, CIM):
            return model
    return None


def in_order_of(rule: Floats, decision: str, source: CIM, model: CIM, *, fewer: bool = False) -> Floats:
    """Return a rule told in the order of `source` in that of `model`.

    Parameters
    ----------
    rule
        Shape ``(agents, contexts, actions)``, contexts in C order over the parents in `source`.
    decision
        Whose rule.
    source, model
        Where it comes from, and where it is judged.
    fewer
        Whether it may see fewer observations than there are in `model`; then it ignores the others.

    Raises
    ------
    NotApplicableError
        The decision, what it observes or a domain is another one there.
    """
    _require_match(decision, source, model, fewer)
    old, new = source.cid.parents(decision), model.cid.parents(decision)
    table = rule.reshape(len(rule), *map(source.card, old), source.card(decision))
    for axis, node in enumerate((*old, decision), start=1):
        place = {value: i for i, value in enumerate(source.domain(node))}
        table = np.take(table, [place[value] for value in model.domain(node)], axis=axis)
    for node in new:
        if node not in old:
            table = np.repeat(np.expand_dims(table, -2), model.card(node), axis=-2)
    seen = [*old, *(node for node in new if node not in old)]
    moved = np.moveaxis(table, [1 + seen.index(node) for node in new], range(1, 1 + len(new)))
    return np.ascontiguousarray(moved.reshape(len(rule), -1, model.card(decision)))


def _require_match(decision: str, source: CIM, model: CIM, fewer: bool) -> None:
    if decision not in source.cid.decisions:
        raise _another(f"they do not decide `{decision}`")
    old, new = set(source.cid.parents(decision)), set(model.cid.parents(decision))
    if not (old <= new if fewer else old == new):
        named = [f"`{node}`" for node in sorted(old ^ new)]
        raise _another(f"what `{decision}` observes differs in {', '.join(named)}")
    for node in (*source.cid.parents(decision), decision):
        there, here = source.domain(node), model.domain(node)
        if len(there) != len(here) or set(there) != set(here):
            raise _another(f"the domain of `{node}` is {there!r} for them and {here!r} here")


def _another(why: str) -> NotApplicableError:
    return NotApplicableError(
        f"these agents are those of another setup, {why}: derive the family from the setup that they were trained on."
    )


def checked(told: Any, decision: str, model: CIM, agents: int) -> Floats:
    """Return told probabilities as rows that sum to one.

    Raises
    ------
    NotApplicableError
        Another shape, a number that is none, a negative one, or rows that do not sum to one within 1e-5; agent and
        context are named.
    """
    try:
        rule = np.asarray(told, dtype=np.float64)
    except (TypeError, ValueError):
        raise NotApplicableError(
            f"the agents' probabilities of `{decision}` are an array of numbers (agents, contexts, actions); "
            f"got {type(told).__name__}."
        ) from None
    wanted = (agents, len(model.contexts(decision)), model.card(decision))
    if rule.shape != wanted:
        raise NotApplicableError(
            f"the agents' probabilities of `{decision}` have the shape {rule.shape}, and this setup asks for "
            f"{wanted} (agents, contexts, actions): were they trained on another setup?"
        )
    total = rule.sum(axis=-1)
    good = np.isfinite(rule).all(axis=-1) & (rule >= -SLACK).all(axis=-1)
    wrong = np.argwhere(~(good & (np.abs(np.where(good, total, 0.0) - 1) <= SLACK)))
    if len(wrong):
        agent, place = wrong[0].tolist()
        context = model.contexts(decision)[place]
        seen = ", ".join(f"{p}={v!r}" for p, v in zip(model.cid.parents(decision), context, strict=True)) or "nothing"
        raise NotApplicableError(
            f"agent {agent} tells the probabilities {rule[agent, place].tolist()} of `{decision}` where it observes "
            f"{seen}; they are at least 0 and sum to 1."
        )
    rule = np.clip(rule, 0.0, None)
    return np.asarray(rule / rule.sum(axis=-1, keepdims=True))


def require_trained_here(setup: TrainingSetup, agents: Any) -> None:
    """Raise if a population's recipe says that it was trained on another model, score or sharing of rules."""
    recipe: Any = getattr(agents, "recipe", None)
    source, model = getattr(recipe, "model", None), setup.model
    if not isinstance(source, CIM) or model is None:
        return
    if source is not model and model_digest(source) != model_digest(model):
        raise _another("the model of their recipe is another one")
    scored = getattr(recipe, "score", None) or source.cid.utilities
    if set(scored) != set(setup.training_score):
        raise _another(f"they were trained on {_listed(scored)}, and it scores {_listed(setup.training_score)}")
    if {frozenset(group) for group in getattr(recipe, "shared_rules", ())} != {
        frozenset(group) for group in setup.shared_rules
    }:
        raise _another("other decisions share a rule")


def identity_of(setup: TrainingSetup, agents: Any, predictions: Predictions) -> Identity:
    """Return hashes of all that verdicts on these agents rest on."""
    recipe = getattr(agents, "recipe", None)
    model = setup.require_model("judging agents")
    source = getattr(recipe, "model", None)
    return Identity(
        setup_digest(setup),
        model_digest(source if isinstance(source, CIM) else model),
        rows_digest(predictions, model),
        str(getattr(recipe, "digest", "")),
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

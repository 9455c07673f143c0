"""Discovery without adaptation: frozen rules between the values of the contexts that set mechanisms.

The other half of :mod:`.discovery`: nothing is trained, all else that is observed is equal, and only what a rule is
told of a mechanism can move it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats, Ints, Mask
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.predictions.comparable_contexts import observation_pairs
from cidmesa.solve import context_law
from cidmesa.solve.queries.payoffs import uniform_policy
from cidmesa.validation.adapting import Adapting, Frozen, Retrained, Solved, watched
from cidmesa.validation.discovered import Discovered, Tried
from cidmesa.validation.mechanism_graph import MechanismEdge, game_of, predicted_responses
from cidmesa.validation.sampled import pair_bounds
from cidmesa.validation.statistics import ALPHA, can_test

if TYPE_CHECKING:
    from cidmesa.model import CIM

_NOTHING = 1e-9
"""Variation up to here is rounding, where rules are exact."""


def without_adapting(
    system: Adapting, world: CIM, lifted: dict[str, str], predicted: CID, margin: float, seed: int
) -> Discovered:
    """Compare frozen rules between the values of the contexts that they are told of."""
    for node, context in lifted.items():
        if world.cid.nodes[world.cid.id(context)] not in world.cid.parents(node):
            raise NotApplicableError(
                f"`{context}` does not set the mechanism of `{node}`: it is no parent of it, "
                f"cm.lift_context(cid, [{node!r}])."
            )
    foretold = {(edge.tail, edge.head): edge for edge in predicted_responses(predicted)}
    told = isinstance(system, Solved)
    subjects = None if told else watched(system.agents if isinstance(system, Frozen) else _made(system), world, seed)
    tried = []
    for head, (tail, context) in product(world.cid.decisions, lifted.items()):
        parents = world.cid.parents(head)
        if tail == head:
            continue
        if context not in parents:
            tried.append(Tried(tail, head, None, None, 0.0, 0, 1.0, f"`{head}` is not told of `{context}`"))
            continue
        law = np.asarray(context_law(world, head, policy=uniform_policy(world)), dtype=np.float64)
        free = np.ones(law.shape, dtype=bool)
        where = _deaf(world, tail, head, lifted)
        effects, ps, counts = [], [], []
        for keep in (free, where):
            if keep is None:
                continue
            pairs = observation_pairs(np.where(keep, law, 0.0), parents.index(context))
            counts.append(len(pairs))
            if not len(pairs):
                effects.append(0.0)
                ps.append(1.0)
                continue
            scale = pairs.weights / pairs.greatest
            if subjects is None:
                moved = _between(system.rules(head, world.with_policy(_others(world, head))), pairs.left, pairs.right)
                effects.append(float((moved @ scale).mean()))
                ps.append(0.0 if moved.max() > _NOTHING else 1.0)
            elif subjects.counts is not None:
                bounds = pair_bounds(subjects.counts[head], pairs.left, pairs.right, scale)
                effects.append(float(bounds.estimate.mean()))
                ps.append(can_test(int((bounds.lower > margin).sum()), subjects.size).support)
            else:
                moved = _between(subjects.rules[head], pairs.left, pairs.right) @ scale
                effects.append(float(moved.mean()))
                ps.append(can_test(int((moved > margin).sum()), subjects.size).support)
        terminal = None if where is None else len(ps) > 1 and ps[1] <= ALPHA
        edge = MechanismEdge(tail, head, terminal) if ps[0] <= ALPHA else None
        why = "" if counts[0] else f"no two contexts that come up differ in `{context}` alone"
        tried.append(Tried(tail, head, edge, foretold.get((tail, head)), effects[0], counts[0], ps[0], why))
    edges = [one.edge for one in tried if one.edge]
    return Discovered(game_of(world.cid, edges), tuple(tried), "frozen rules, contexts lifted", lifted)


def _made(system: Adapting) -> Any:
    """Return the agents of a system that makes them, as they are in its own world."""
    from cidmesa.agents.brought import from_rules

    if isinstance(system, Retrained):
        return system.recipe.retrain(model=system.model)
    world, shaped = system.model, {}
    for head in world.cid.decisions:
        rule = system.rules(head, world.with_policy(_others(world, head)))[0]
        shaped[head] = rule.reshape(*map(world.card, world.cid.parents(head)), -1)
    return from_rules([shaped], world)


def _others(world: CIM, head: str) -> dict[str, Floats]:
    return {d: rule for d, rule in uniform_policy(world).items() if d != head}


def _between(rules: Floats, left: Ints, right: Ints) -> Floats:
    """Return the total variation of each agent's rule between the contexts of each pair."""
    apart: Floats = np.abs(rules[:, left] - rules[:, right]).sum(axis=-1) / 2
    return apart


def _deaf(world: CIM, tail: str, head: str, lifted: Mapping[str, str]) -> Mask | None:
    """Mark the contexts of `head` in which every other child of `tail` is set not to read it; ``None``: cannot be."""
    parents = world.cid.parents(head)
    keep = np.ones(tuple(map(world.card, parents)), dtype=bool)
    for child in world.cid.children(tail):
        if child == head:
            continue
        context = lifted.get(child)
        if context is None or context not in parents or world.cid.kind(child) == "decision":
            return None
        table = np.asarray(world.cpd(child), dtype=np.float64)
        names = world.cid.parents(child)
        ahead = np.moveaxis(table, (names.index(context), names.index(tail)), (0, 1))
        deaf = np.array([np.allclose(one, one[:1], atol=1e-12) for one in ahead])
        shape = [1] * len(parents)
        shape[parents.index(context)] = len(deaf)
        keep &= deaf.reshape(shape)
    return keep if keep.any() else None

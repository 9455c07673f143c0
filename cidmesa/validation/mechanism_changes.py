"""What is tried in the place of a mechanism, and worlds in which nothing reads a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.mechanisms import Table

if TYPE_CHECKING:
    from cidmesa.model import CIM


def cut_from(world: CIM, tail: str, head: str) -> CIM:
    """Return the world in which no child of `tail` reads it; `head` is dealt with by hiding it."""
    tables: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    for child in world.cid.children(tail):
        if child == head:
            continue
        table = np.asarray(world.rules[child] if world.cid.kind(child) == "decision" else world.cpd(child))
        axis = world.cid.parents(child).index(tail)
        deaf = np.broadcast_to(table.take([0], axis=axis), table.shape)
        if world.cid.kind(child) == "decision":
            rules[child] = deaf
        else:
            tables[child] = _as_table(world, child, deaf)
    return world.shift(tables).with_policy(rules) if rules else world.shift(tables)


def _as_table(world: CIM, node: str, values: Any) -> Table:
    return Table(np.array(values, dtype=np.float64), domain=None if _pays(world, node) else world.domain(node))


def _pays(world: CIM, node: str) -> bool:
    return world.cid.kind(node) == "utility"


def other_tables(world: CIM, node: str, rng: np.random.Generator) -> list[Table]:
    """Return mechanisms to try in the place of one."""
    table = np.asarray(world.cpd(node), dtype=np.float64)
    if _pays(world, node):
        found = [-table, *(np.roll(table, 1, axis=axis) for axis in range(table.ndim))]
        found.append(rng.permuted(table.reshape(-1)).reshape(table.shape))
    else:
        count = table.shape[-1]
        tilt = np.arange(1, count + 1) ** 2
        tilted = np.broadcast_to(tilt / tilt.sum(), table.shape)
        found = [
            np.roll(table, 1, axis=-1),
            (table + tilted) / 2,
            tilted,
            rng.dirichlet(np.ones(count), table.shape[:-1]),
        ]
    return [_as_table(world, node, one) for one in found if not np.allclose(one, table, atol=1e-12)]


def other_rules(world: CIM, node: str, rng: np.random.Generator) -> list[Floats]:
    """Return rules to try in the place of another decision's."""
    return [_rule(world, node, rng) for _ in range(3)]


def _rule(world: CIM, node: str, rng: np.random.Generator) -> Floats:
    """Draw a rule that mostly takes one action of those that are allowed."""
    shape = (*map(world.card, world.cid.parents(node)), world.card(node))
    may = world.allowed(node)
    weights = rng.exponential(size=shape) ** 3 * (1.0 if may is None else may)
    rule: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return rule


def random_setting(world: CIM, rng: np.random.Generator) -> CIM:
    """Return the model with other mechanisms and rules throughout."""
    tables = {}
    for node in world.cid.nodes:
        if world.cid.kind(node) == "decision":
            continue
        shape = np.shape(world.cpd(node))
        values = rng.normal(size=shape) if _pays(world, node) else rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        tables[node] = _as_table(world, node, values)
    return world.shift(tables).with_policy({d: _rule(world, d, rng) for d in world.cid.decisions})

"""Objectives as users write them, as numbers on the values of their targets."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError, as_lambda
from cidmesa.mechanisms import is_number
from cidmesa.mesa.objectives.declared import Objective

if TYPE_CHECKING:
    from cidmesa.model import CIM

Goal: TypeAlias = Any
"""An objective: a node's name, an Objective, a candidate, a function of nodes, or None for the base utilities."""


def read_goal(goal: Goal, model: CIM) -> tuple[tuple[str, ...], Floats]:
    """Return the targets of an objective and its number for each combination of their values."""
    inner = getattr(goal, "objective", None)
    if isinstance(inner, Objective):
        goal = inner
    if isinstance(goal, Objective):
        table = goal.table
        for axis, node in enumerate(goal.targets):
            keep = [goal.domains[axis].index(value) for value in domain_of(model, node)]
            table = table.take(keep, axis=axis)
        return goal.targets, table.reshape(-1)
    if isinstance(goal, str):
        return (goal,), _as_numbers(goal, domain_of(model, goal))
    if callable(goal):
        names = tuple(p.name for p in inspect.signature(goal).parameters.values() if p.default is p.empty)
        domains = [domain_of(model, node) for node in names]
        return names, np.array([float(goal(**dict(zip(names, v, strict=True)))) for v in product(*domains)])
    raise NotApplicableError(
        f"an objective is None (the utilities), a node, an Objective, a candidate or a function of nodes; got {goal!r}."
    )


def _as_numbers(node: str, domain: Iterable[Any]) -> Floats:
    listed = list(domain)
    if not all(is_number(value) for value in listed):
        raise NotApplicableError(
            f"`{node}` has the values {tuple(listed)!r}, which are not numbers: give a function, {as_lambda([node])}"
        )
    return np.array([float(value) for value in listed])


def domain_of(model: CIM, node: str) -> tuple[Any, ...]:
    """Return the values of a node; of a utility, the amounts it pays."""
    if model.cid.kind(node) == "utility":
        return tuple(np.unique(np.asarray(model.cpd(node), dtype=np.float64)).tolist())
    return model.domain(node)


def members(goal: Goal | list[Goal]) -> list[Goal]:
    """Return the members of a set of objectives; one alone is a set of itself."""
    if isinstance(goal, list):
        if not goal:
            raise NotApplicableError("a set of objectives has at least one member; got an empty list.")
        return goal
    return [goal]

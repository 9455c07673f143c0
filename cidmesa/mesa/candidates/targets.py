"""Targets: how candidates are named, and the sets of nodes they are drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from cidmesa.arguments import read_names
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.setup.training import require_setup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cidmesa.mesa.setup.training import TrainingSetup


def in_node_order(setup: TrainingSetup, names: Iterable[str]) -> tuple[str, ...]:
    """Return names in the order of the diagram's nodes."""
    return tuple(sorted(set(names), key=setup.cid.id))


Targets: TypeAlias = str | Iterable[str]


def admissible(setup: TrainingSetup) -> tuple[tuple[str, ...], ...]:
    """Return the admissible target nodes, in node order: chance nodes but the intended one, the score as one."""
    score = setup.score
    first = min(score, key=setup.cid.id)
    units: list[tuple[str, ...]] = []
    for node in setup.cid.nodes:
        kind = setup.cid.kind(node)
        if kind == "chance":
            if node != setup.intended:
                units.append((node,))
        elif node == first:
            units.append(in_node_order(setup, score))
    return tuple(units)


def read_targets(
    setup: TrainingSetup, targets: Iterable[Targets] | None
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return the pool that sets are drawn from, and the sets that were given whole."""
    if targets is None:
        return admissible(setup), ()
    if not isinstance(targets, Iterable):
        raise NotApplicableError(f'targets= is a list of names and tuples of names, ["node", ..]; got {targets!r}.')
    entries = [targets] if isinstance(targets, str) else list(targets)
    pool = dict.fromkeys(target_key(setup, entry) for entry in entries if isinstance(entry, str))
    given = dict.fromkeys(target_key(setup, entry) for entry in entries if not isinstance(entry, str))
    return tuple(pool), tuple(given)


def target_key(setup: TrainingSetup, name: Targets) -> tuple[str, ...]:
    """Return a user's name or tuple of names as targets in node order; any base utility stands for the whole score."""
    found: list[str] = []
    require_setup(setup, "a question about targets")
    for one in (name,) if isinstance(name, str) else read_names(name, "a set of targets"):
        kind = setup.cid.kind(one)
        if kind == "decision":
            raise NotApplicableError(
                f"`{one}` is a decision, and an objective is about the world: targets are chance nodes and the score."
            )
        found += setup.score if kind == "utility" else (one,)
    if not found:
        raise NotApplicableError("an objective has at least one target; got none.")
    return in_node_order(setup, found)

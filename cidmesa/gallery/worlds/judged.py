"""Populations that a world of the gallery answers for, judged in the terms of a diagram.

A world is larger than its diagram: a diagram's context ("the examples speak for plus") stands for many episodes. When
agents are asked what they do in a context, the world draws fresh episodes of that kind, plays them, and says what each
came to. What was predicted before training is kept as a hash, as :func:`cidmesa.train` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cidmesa.agents.brought import Asked, from_callable
from cidmesa.identity import Identity, model_digest, rows_digest, setup_digest


def registered(family: Any) -> Identity | None:
    """Return hashes of what a family predicts; to be called before training. Nothing without a family."""
    if family is None:
        return None
    setup = family.setup
    return Identity(setup_digest(setup), model_digest(setup.model), rows_digest(family.predictions(), setup.model))


@dataclass(frozen=True, eq=False)
class Judged(Asked):
    """Agents that a world answers for.

    Attributes
    ----------
    registered
        Hashes of what had been predicted before they were trained.
    nets
        What they are made of: what a world's own measurements are taken on.
    """

    registered: Identity | None = field(default=None, repr=False)
    nets: Any = field(default=None, repr=False)


def judged(
    plays: Callable[[Mapping[str, Any], int], Mapping[str, Any]],
    agents: int,
    *,
    nets: Any,
    before: Identity | None = None,
) -> Judged:
    """Return agents that a world answers for, ``plays({node: values}, seed)``; `before` is what was registered."""
    asked = from_callable(plays, agents)
    return Judged(asked.function, asked.size, asked.seeded, asked.reading, before, nets)

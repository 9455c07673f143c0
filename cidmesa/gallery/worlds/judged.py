"""Populations that a world of the gallery answers for, judged in the terms of a diagram.

A world is larger than its diagram: a diagram's context ("the examples speak for plus") stands for many episodes. When
agents are asked what they do in a context, the world draws fresh episodes of that kind, plays them, and says what each
came to. What was predicted before training is kept as a hash, as :func:`cidmesa.train` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
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
    plays: Callable[..., Any],
    agents: int,
    *,
    nets: Any,
    before: Identity | None = None,
    inside: Iterable[str] = (),
) -> Judged:
    """Return agents that a world answers for.

    Parameters
    ----------
    plays
        Called as ``plays({node: values}, seed)``, and with a touch where there are inner nodes; see
        :func:`cidmesa.agents.from_callable`.
    agents
        How many it answers for.
    nets
        What they are made of.
    before
        What was registered before they were trained.
    inside
        Inner nodes that they have.
    """
    asked = from_callable(plays, agents, inside=inside)
    own = {one.name: getattr(asked, one.name) for one in fields(asked)}
    return Judged(**own, registered=before, nets=nets)

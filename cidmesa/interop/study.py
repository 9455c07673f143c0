"""A whole study as plain data: setups, how agents are trained on them, and what is claimed of the outcome.

This is what ``cidmesa run FILE`` works on, and what a system of the gallery consists of where its agents are trained by
:func:`cidmesa.train` and its claims are about numbers that the library derives or shares of agents. A file becomes a
study as soon as it has a title, a source, a story, arms, bodies, claims or options of the derivation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from cidmesa.mesa.setup.training import TrainingSetup

DERIVE: Final = ("tolerance", "max_targets", "targets", "prior")
"""Options of :func:`cidmesa.derive_mesa_optimizers` that a file may have."""

RECIPE: Final = (
    "learner", "policy", "agents", "seed", "steps", "batch", "rate", "entropy", "hidden", "examples", "encoders"
)  # fmt: skip
"""Options of :func:`cidmesa.train` that a file may have."""


@dataclass(frozen=True)
class Body:
    """What agents are made of, and how they are trained.

    Attributes
    ----------
    description
        In words.
    recipe
        Options of :func:`cidmesa.train`, as plain data; ``encoders`` maps a node to ``{"parity": k}``.
    """

    description: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipe", MappingProxyType(dict(self.recipe)))


@dataclass(frozen=True)
class ClaimText:
    """A sentence of a source, and what would make it true.

    Attributes
    ----------
    says
        The claim in words.
    holds
        What is to be found, as plain data; see ``docs/file-format.md`` for its keys. All of it must hold.
    """

    says: str
    holds: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", MappingProxyType(dict(self.holds)))


@dataclass(frozen=True)
class Study:
    """Setups with everything that is needed to derive, train and judge.

    Attributes
    ----------
    setups
        Arm → training setup; an arm is a variant of the training.
    title, source, story
        What to read, who told it, how it goes.
    derive
        Arm → options of :func:`cidmesa.derive_mesa_optimizers`.
    bodies
        Name → what agents are made of; small nets if there are none.
    claims
        What the source says.
    """

    setups: Mapping[str, TrainingSetup]
    title: str = ""
    source: str = ""
    story: str = ""
    derive: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bodies: Mapping[str, Body] = field(default_factory=dict)
    claims: tuple[ClaimText, ...] = ()

    def __post_init__(self) -> None:
        for name in ("setups", "derive", "bodies"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def setup(self) -> TrainingSetup:
        """The setup of the first arm."""
        return next(iter(self.setups.values()))

    def __repr__(self) -> str:
        parts = f"{len(self.setups)} arms, {len(self.bodies)} bodies, {len(self.claims)} claims"
        return f"Study({self.title!r}: {parts})"

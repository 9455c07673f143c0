"""What every system of the gallery consists of.

A *system* is a story made runnable: one training setup per *arm* (a variant of the training distribution), one way of
training agents per *body* (what the agents are made of), and the *claims* of its source, each of which is judged
against what the library derives and what the trained agents do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cidmesa.errors import unknown
from cidmesa.readonly import ReadOnly

if TYPE_CHECKING:
    from cidmesa.agents import Agents
    from cidmesa.mesa import TrainingSetup
    from cidmesa.mesa.derive import Family
    from cidmesa.validation import Report
    from cidmesa.validation.statistics import EvidenceVerdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge a claim by.

    Attributes
    ----------
    families
        Arm → its family of mesa-optimizers.
    agents, reports
        (arm, body) → the population trained, and the report on it; only what was run.
    """

    families: Mapping[str, Family]
    agents: Mapping[tuple[str, str], Agents] = field(default_factory=dict)
    reports: Mapping[tuple[str, str], Report] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a claim, and the numbers that decided it."""

    verdict: EvidenceVerdict
    because: str


def settled(holds: bool, because: str) -> Finding:
    """Return the finding of a claim that is settled exactly: supported or contradicted."""
    return Finding("supported" if holds else "contradicted", because)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the source, and how it is judged.

    Attributes
    ----------
    says
        The claim in words.
    judge
        From the :class:`Evidence` to a :class:`Finding`; what was not run leaves it inconclusive.
    """

    says: str
    judge: Callable[[Evidence], Finding]


@dataclass(frozen=True)
class System:
    """A story made runnable.

    Attributes
    ----------
    name, title, source, story
        What to type, what to read, who told it, and how it goes.
    setups
        Arm → training setup.
    claims
        What the source says.
    train
        How agents are trained: called with the setup, the body and the options of :func:`cidmesa.train`.
    bodies
        What the agents may be made of: name → description.
    derive
        Arm → options of :func:`cidmesa.derive_mesa_optimizers`, such as the tolerance.
    organisms
        Body → the candidate that its agents are *model organisms* of: trained to pursue what it does, and judged as it.
    seconds
        How long one population takes to train and to judge on two cores, as measured; ``None`` where nobody did.
    fast
        Options of the training in a fast run: fewer agents, fewer steps. Enough to see that everything runs, too few
        for most verdicts.
    """

    name: str
    title: str
    source: str
    setups: Mapping[str, TrainingSetup]
    claims: tuple[Claim, ...]
    train: Callable[..., Agents]
    bodies: Mapping[str, str]
    story: str = ""
    derive: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    organisms: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    seconds: float | None = None
    fast: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("setups", "bodies", "derive", "fast", "organisms"):
            object.__setattr__(self, name, ReadOnly(getattr(self, name)))

    @property
    def setup(self) -> TrainingSetup:
        """The training setup of the first arm."""
        return next(iter(self.setups.values()))

    def arm(self, arm: str | None = None) -> str:
        """Return `arm` after checking that there is one; ``None`` stands for the first."""
        return _known(arm, self.setups, "an arm")

    def body(self, body: str | None = None) -> str:
        """Return `body` after checking that there is one; ``None`` stands for the first."""
        return _known(body, self.bodies, "a body")

    def family(self, arm: str | None = None) -> Family:
        """Derive the mesa-optimizers of an arm, with the tolerance that the story asks for."""
        from cidmesa.mesa import derive_mesa_optimizers

        name = self.arm(arm)
        return derive_mesa_optimizers(self.setups[name], **{"budget": None, **self.derive.get(name, {})})

    def agents(self, body: str | None = None, arm: str | None = None, **options: Any) -> Agents:
        """Train agents with this body on this arm.

        `options` are those of :func:`cidmesa.train`, such as ``agents``, ``seed``, ``progress`` and ``family``, whose
        predictions are then registered before training.
        """
        return self.train(self.setups[self.arm(arm)], self.body(body), **options)

    def __repr__(self) -> str:
        return f"System({self.name!r}: {len(self.setups)} arms, {len(self.bodies)} bodies, {len(self.claims)} claims)"


def _known(name: str | None, names: Iterable[str], what: str) -> str:
    if name is None:
        return next(iter(names))
    if name not in names:
        raise unknown(name, names, what=f"{what} of this system ({', '.join(names)})")
    return name

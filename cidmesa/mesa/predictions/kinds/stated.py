"""A row as one of the kinds states it, before it gets its name.

>>> row = Stated("myopia", "training", "first", Claim((0.0, 0.0), "must", "nothing comes later"))
>>> row.retrained, row.use
(True, 'tested')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cidmesa.mesa.predictions.claims import Claim

Kind: TypeAlias = Literal[
    "mechanism", "deception", "myopia", "tampering", "territory", "adaptation", "actions", "inside"
]
Use: TypeAlias = Literal["tested", "structural", "undecidable"]
"""Which list a row goes to."""

JOINT = "joint"
PLANNING = "retrained or planning"
"""The hypothesis that agents know the deployment: they were told of it, or trained again there."""

INSIDE = "inside as drawn"
"""The hypothesis that the learned algorithm works as ``learned=`` draws it."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One row.

    Attributes
    ----------
    kind, deployment, subject, claim
        What is claimed of what, and where.
    decision
        Whose rule is looked at, where it is one decision's.
    hypothesis
        Whose claim it is.
    retrained
        Whether agents are trained again for it.
    use
        Whether it is tested, cannot fail, or cannot be decided.
    """

    kind: Kind
    deployment: str
    subject: str
    claim: Claim
    decision: str | None = None
    hypothesis: str = JOINT
    retrained: bool = True
    use: Use = "tested"


def nothing_or_all(low: float, high: float, scale: float, margin: float, why: str, why_not: str) -> Claim | None:
    """Return the claim that a number lies in an interval: a *must* where it is nothing, else what agents can show.

    ``None`` where the interval neither is nothing nor lies above the margin.

    >>> nothing_or_all(0.0, 0.0, 1.0, 0.05, "", "").modality, nothing_or_all(0.3, 0.5, 1.0, 0.05, "", "").modality
    ('must', 'can')
    >>> nothing_or_all(0.0, 0.5, 1.0, 0.05, "", "") is None
    True
    """
    if max(abs(low), abs(high)) <= ROUNDING * scale:
        return Claim((0.0, 0.0), "must", why_not)
    return Claim((low, high), "can", why) if low > margin * scale else None


ROUNDING = 1e-9
"""Differences up to this share of what is at stake are none."""

"""The outcome tables of a setup: one decision context by context, several policy by policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from cidmesa.mesa.objectives.declared import Values
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.outcome_table import Law

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cidmesa.mesa.outcomes.disagreement import Actions
    from cidmesa.mesa.setup.training import TrainingSetup


class Laws(Protocol):
    """What a derivation needs to know of a setup with numbers."""

    def affords(self, targets: Sequence[str]) -> bool:
        """Say whether the actions or policies that matter for some targets are few enough to be compared."""
        ...

    def domain(self, node: str) -> Values:
        """Return the values of a target."""
        ...

    def law(self, name: str, targets: Sequence[str]) -> Law:
        """Return the law of `targets` in a distribution, as it is."""
        ...

    def stale(self, name: str, targets: Sequence[str]) -> Law:
        """Return the law of `targets` in a deployment as an optimizer believes it that never left training."""
        ...

    def by_context(self, name: str, possible: NDArray[np.bool_], law: Law) -> Actions:
        """Return possible actions by decision and context from those of a law."""
        ...

    def parting(self, name: str, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float]:
        """Return (certain, possible) of two hypotheses from what is possible for each (:mod:`.disagreement`)."""
        ...


def laws_of(setup: TrainingSetup) -> Laws:
    """Return the laws of a setup: context by context for one decision, policy by policy for several.

    Raises
    ------
    NotApplicableError
        Too many policies to list.
    """
    return OneDecision(setup) if len(setup.cid.decisions) == 1 else NormalForm(setup)

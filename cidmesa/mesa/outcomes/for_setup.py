"""The outcome tables of a setup: one decision context by context, several policy by policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cidmesa.arrays import Mask
from cidmesa.mesa.objectives.declared import Values
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
from cidmesa.mesa.outcomes.reduced_policies import ENTRIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cidmesa.mesa.outcomes.disagreement import Actions
    from cidmesa.mesa.setup.training import TrainingSetup


class OutcomeTables(Protocol):
    """What a derivation needs to know of a setup with numbers."""

    @property
    def setup(self) -> TrainingSetup:
        """The setup."""
        ...

    def affords(self, targets: Sequence[str]) -> bool:
        """Say whether the actions or policies that matter for some targets are few enough to be compared."""
        ...

    def domain(self, node: str) -> Values:
        """Return the values of a target."""
        ...

    def table(self, name: str, targets: Sequence[str]) -> OutcomeTable:
        """Return the outcome table of `targets` in a distribution, as it is."""
        ...

    def limit(self, name: str) -> Mask | None:
        """Return which columns of outcome tables are allowed, shape (contexts, actions); ``None``: all of them."""
        ...

    def by_context(self, name: str, possible: Mask, table: OutcomeTable) -> Actions:
        """Return possible actions by decision and context from those of an outcome table."""
        ...

    def disagreement(self, name: str, one: Mask, other: Mask) -> tuple[float, float]:
        """Return (certain, possible) of two hypotheses from what is possible for each (:mod:`.disagreement`)."""
        ...


def outcome_tables_of(setup: TrainingSetup, entries: int = ENTRIES) -> OutcomeTables:
    """Return the outcome tables of a setup: context by context for one decision, policy by policy for several.

    Parameters
    ----------
    setup
        A setup with numbers.
    entries
        How much may be listed: policies times runs.

    Raises
    ------
    NotApplicableError
        Too many policies to list.
    """
    return OneDecision(setup) if len(setup.cid.decisions) == 1 else NormalForm(setup, entries=entries)

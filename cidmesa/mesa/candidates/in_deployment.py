r"""All that is known of one candidate in one deployment: its diagram there, what it costs, what it may do.

What depends on what the optimizer knows of the deployment is given by reading (:mod:`cidmesa.mesa.readings`).

>>> import cidmesa as cm
>>> family = cm.derive_mesa_optimizers(cm.gallery.load("red-door").setup)
>>> there = family["at_red"].in_deployment["opposite"]
>>> there.regret
{'competent': [1, 1], 'stale': [1, 1]}
>>> there.robustly_aligned, str(there.shift_class), there.carry_over
({'competent': False, 'stale': False}, 'context', None)
>>> there.possible_actions["stale"]["go"]
{('left', 'right'): ('right',), ('right', 'left'): ('left',)}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cidmesa.mesa.candidates.per_deployment import PerDeployment
from cidmesa.mesa.readings import COMPETENT, STALE, Reading

if TYPE_CHECKING:
    from cidmesa.criteria import IncentiveReport
    from cidmesa.diagram import CID
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.consistency.regret_interval import Interval
    from cidmesa.mesa.graphical.mesa_diagram import MesaIncentives
    from cidmesa.mesa.graphical.shifts import ShiftClass
    from cidmesa.mesa.outcomes.disagreement import Actions


@dataclass(frozen=True, eq=False, repr=False)
class InDeployment:
    """One candidate in one deployment.

    Attributes
    ----------
    candidate, name
        Which candidate, which deployment.
    view
        Its diagram there, beside the base's of training.
    """

    candidate: MesaOptimizer
    name: str
    view: MesaIncentives

    # The diagram -----------------------------------------------------------------------------------------------------

    @property
    def cid(self) -> CID:
        """The mesa diagram with the edges of the deployment."""
        return self.view.cid

    @property
    def incentives(self) -> IncentiveReport:
        """The incentives by that diagram."""
        return self.view.incentives

    @property
    def emergent(self) -> frozenset[tuple[str, str]]:
        """Pairs (criterion, chance node) that it has here and the base has not in training."""
        return self.view.emergent

    @property
    def vanished(self) -> frozenset[tuple[str, str]]:
        """Pairs (criterion, chance node) that the base has in training and it has not here."""
        return self.view.vanished

    @property
    def territory(self) -> frozenset[str]:
        """World nodes that it would steer here."""
        return self.view.territory

    @property
    def undecided(self) -> frozenset[str]:
        """World nodes of which it is not known whether it would steer them."""
        return self.view.undecided

    @property
    def forced(self) -> frozenset[str]:
        """Chance nodes that it may follow only because of what its decisions are allowed to do."""
        return self.view.forced

    # What it costs, what it does --------------------------------------------------------------------------------------

    @property
    def regret(self) -> Mapping[Reading, Interval]:
        """Reading → base regret interval; empty where it is not known."""
        return self._known(self.candidate.deployment_regret, self.candidate.stale_regret)

    @property
    def intended_regret(self) -> Mapping[Reading, Interval]:
        """Reading → regret interval by the utility that the setup calls *intended*; empty where there is none."""
        return self._known(self.candidate.intended_regret, self.candidate.stale_intended_regret)

    @property
    def robustly_aligned(self) -> Mapping[Reading, bool]:
        """Reading → whether no consistent objective costs the base anything here."""
        return self._known(self.candidate.robustly_aligned, self.candidate.robustly_aligned_stale)

    @property
    def possible_actions(self) -> Mapping[str, Actions]:
        """Reading → decision → context → possible actions, each computed when it is looked up."""
        return PerDeployment(
            (COMPETENT, STALE), lambda reading: self.candidate.possible_actions(self.name, reading=reading)
        )

    @property
    def shift_class(self) -> ShiftClass:
        """The strongest class among the nodes that the deployment shifts."""
        return self.candidate.shift_class[self.name]

    @property
    def carry_over(self) -> bool | None:
        """True where Theorem A certifies that consistency carries over, of agents that know the deployment."""
        return self.candidate.carry_over[self.name]

    def _known(self, competent: Mapping[str, Any], stale: Mapping[str, Any]) -> dict[Reading, Any]:
        by_reading: dict[Reading, Mapping[str, Any]] = {COMPETENT: competent, STALE: stale}
        return {reading: found[self.name] for reading, found in by_reading.items() if self.name in found}

    def __repr__(self) -> str:
        return f"InDeployment({', '.join(self.candidate.names)} in {self.name!r}: {self.shift_class})"

"""What every method answers about one candidate, and when rules have to be stochastic."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.outcomes.disagreement import Actions

if TYPE_CHECKING:
    from cidmesa.mesa.setup.training import TrainingSetup


class Method(StrEnum):
    """Which method answers for a candidate, and so how far its answers reach."""

    BY_CONE = "by cone"
    BY_DECLARED_OBJECTIVE = "by declared objective"
    BY_STAGE = "by stage"
    BY_ELIMINATION = "by elimination"
    BY_SWEEPS = "by sweeps"
    GRAPH = "graph alone"

    @property
    def why(self) -> str:
        """When it is the method, and what its answers are worth."""
        return _WHY[self]


_WHY = {
    Method.BY_CONE: "all objectives on the targets at once, exactly: policies can be compared and no rule acts twice",
    Method.BY_DECLARED_OBJECTIVE: "one rule acts twice on the targets or the score, so the best may be stochastic and "
    "consistent objectives form no cone: declared ones are tried, and that none is found proves nothing",
    Method.BY_STAGE: "too many policies to compare: decision by decision, which finds consistent objectives and "
    "excludes none",
    Method.BY_SWEEPS: "a sequence, whose state is observed: sweeps over states, exact for every declared additive "
    "objective and for all on targets with two values; of more values regrets are enclosed",
    Method.BY_ELIMINATION: "too many policies to compare and decisions that forget: objectives one by one, exactly, "
    "which says all of targets with two values",
    Method.GRAPH: "no numbers, or too many policies for any method: what the diagram says",
}


class Answers(Protocol):
    """What a candidate is asked in numbers."""

    @property
    def is_empty(self) -> bool | None:
        """Whether no objective is consistent; ``None`` where that is not known."""
        ...

    @property
    def margin(self) -> float | None:
        """The largest margin of a consistent objective."""
        ...

    @property
    def delta(self) -> float | None:
        """The least margin that the search could have missed."""
        ...

    @property
    def least_regret(self) -> float:
        """The least training regret of an objective on the targets."""
        ...

    @property
    def least_bound(self) -> float:
        """The bound that is proved for it; the same where it is exact."""
        ...

    def allows(self, objective: Objective) -> bool:
        """Say whether some policy that is optimal for an objective is within the tolerance."""
        ...

    def representative(self) -> Objective | None:
        """Return the objective that stands for the set, of an empty one for those of least regret."""
        ...

    def regret_of(self, objective: Objective) -> tuple[float, float]:
        """Return the training regret of the best and of the worst policy that is optimal for an objective."""
        ...

    def regret(self, name: str, stale: bool = False) -> Interval:
        """Return the regret interval of the set in a deployment."""
        ...

    def actions(self, name: str, stale: bool = False) -> Actions:
        """Return the possible actions in a distribution."""
        ...

    def new_regret(self, name: str) -> Interval | None:
        """Return the part of the stale regret that contexts account for which training does not show.

        ``None`` where it is not known, as with several decisions: a regret is then no sum over contexts.
        """
        ...


def needs_stochastic_rules(setup: TrainingSetup, targets: Iterable[str] = ()) -> bool:
    """Say whether one rule acts twice on the targets, or on a base utility: then the best may have to be stochastic.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "u"), ("b", "v")], decisions=["a", "b"], utilities=["u", "v"])
    >>> setup = cm.TrainingSetup(cid, shared_rules=[("a", "b")])
    >>> needs_stochastic_rules(setup, ["u"]), needs_stochastic_rules(setup, ["u", "v"])
    (False, True)
    """
    for nodes in (tuple(targets), *((utility,) for utility in setup.score)):
        above = setup.ever_above(nodes)
        if any(len(above & set(rule)) > 1 for rule in setup.shared_rules):
            return True
    return False

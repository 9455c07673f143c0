"""What a training setup declares besides its base: deployments, phases, and data that return to training.

>>> Deployment({"red"}).nodes, Feedback("state", "state").credit
(frozenset({'red'}), True)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cidmesa.arguments import read_edges
from cidmesa.diagram import Edge
from cidmesa.errors import DiagramError
from cidmesa.readonly import ReadOnly


@dataclass(frozen=True, slots=True, repr=False)
class Deployment:
    """What is different in one deployment.

    Parameters
    ----------
    shifts
        The mechanisms that differ, by node; for a bare diagram the names of the shifted nodes alone.
    edges
        Edges that exist only there. The head of each must be shifted (its mechanism has a new argument), and none may
        lead into a decision: the learned map has no such input.

    Examples
    --------
    >>> import cidmesa as cm
    >>> Deployment({"register": lambda truth, act: act}, edges=[("act", "register")]).nodes
    frozenset({'register'})
    """

    shifts: Mapping[str, Any] | Iterable[str]
    edges: Iterable[Edge] = ()

    def __post_init__(self) -> None:
        shifts = self.shifts
        if isinstance(shifts, str) or not isinstance(shifts, Iterable):
            instead = f"{{{shifts!r}}}" if isinstance(shifts, str) else "{'node'} or {'node': mechanism}"
            raise DiagramError(f"the shifted nodes of a deployment are a set of names; got {shifts!r}: {instead}.")
        read = ReadOnly(shifts) if isinstance(shifts, Mapping) else frozenset(shifts)
        object.__setattr__(self, "shifts", read)
        object.__setattr__(self, "edges", tuple(dict.fromkeys(read_edges(self.edges, "edges"))))

    @property
    def nodes(self) -> frozenset[str]:
        """The shifted nodes."""
        return frozenset(self.shifts)

    def __hash__(self) -> int:
        return hash((self.nodes, frozenset(self.edges)))

    def __reduce__(self) -> tuple[Any, ...]:
        shifts = dict(self.shifts) if isinstance(self.shifts, Mapping) else self.shifts
        return Deployment, (shifts, self.edges)

    def __repr__(self) -> str:
        edges = f"; edges {', '.join(f'{tail} → {head}' for tail, head in self.edges)}" if self.edges else ""
        return f"Deployment(shifts {', '.join(sorted(self.nodes)) or 'nothing'}{edges})"


@dataclass(frozen=True, slots=True)
class Phases:
    """Which nodes play the phases of training, for questions about deception.

    Parameters
    ----------
    train
        The decision that training scores.
    update
        The chance node that stands for the parameters after the update.
    deploy
        The decision that is taken with the updated parameters.
    """

    train: str
    update: str
    deploy: str


class Feedback(NamedTuple):
    """Deployment data on `source` returns to training as `target`.

    `credit` says whether a gradient or reward passes through the return: online reinforcement learning yes, online
    supervised learning no.
    """

    source: str
    target: str
    credit: bool = True


TRAINING = "training"
"""The name of the training distribution, wherever a deployment's name may stand."""

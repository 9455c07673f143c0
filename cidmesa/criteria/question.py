"""What is asked of a diagram: the criterion, the nodes, the decision; and the three possible answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from cidmesa.diagram import CID, Edge
from cidmesa.errors import NotApplicableError

TITLES = {
    "voi": "value of information",
    "voc": "value of control",
    "direct_voc": "direct value of control",
    "indirect_voc": "indirect value of control",
    "ri": "response incentive",
    "ici": "instrumental control incentive",
    "path_specific_ici": "path-specific instrumental control incentive",
    "impact": "impact incentive",
    "intention": "intention",
    "deception": "deception",
    "unfairness": "unfairness under optimality",
    "introduced_unfairness": "introduced unfairness",
    "requisite": "requisite observation",
    "relevance": "relevance",
}
"""The criteria by their short names."""


Others: TypeAlias = Literal["fixed", "best responding"]
"""What is assumed of the other agents (:mod:`cidmesa.criteria.others`)."""

ASSUMPTIONS: tuple[Others, ...] = ("fixed", "best responding")
"""The assumptions by name."""


class Answer(StrEnum):
    """What a criterion can say."""

    ADMITS = "admits"
    EXCLUDES = "excludes"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Question:
    """One criterion, asked of one node or a set of nodes of a diagram.

    Attributes
    ----------
    cid
        The diagram asked about.
    criterion
        Its short name: a key of :data:`TITLES`.
    nodes
        The nodes asked about; mostly one, see :attr:`node`.
    decision
        The decision, or ``None`` where the criterion is of the whole diagram.
    settled
        The answer where a theorem gives it; ``None`` where a witness has to be looked for.
    cut_edges, label, others
        The arguments of the criteria that take them.

    Examples
    --------
    >>> cid = CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    >>> print(Question(cid, "voi", ("x",), "d"))
    value of information of x for d
    """

    cid: CID = field(repr=False)
    criterion: str
    nodes: tuple[str, ...]
    decision: str | None
    settled: Answer | None = field(default=None, repr=False)
    cut_edges: tuple[Edge, ...] = field(default=(), repr=False, kw_only=True)
    label: str | None = field(default=None, repr=False, kw_only=True)
    others: Others = field(default="fixed", repr=False, kw_only=True)

    @property
    def node(self) -> str:
        """The node asked about, where it is one."""
        if len(self.nodes) != 1:
            raise NotApplicableError(f"this question is about {len(self.nodes)} nodes: see .nodes.")
        return self.nodes[0]

    def __str__(self) -> str:
        at = f" for {self.decision}" if self.decision is not None else ""
        return f"{TITLES[self.criterion]} of {' and '.join(self.nodes)}{at}"

"""An answer with its proof.

A criterion answers with a :class:`Verdict`: ADMITS (some parameterisation of the diagram has the incentive), EXCLUDES
(none has, and the separation that says so can be checked) or UNKNOWN (neither is proved; only with several
decisions). An ADMITS never says that a model *has* the incentive, only that one can: random models show an admitted
incentive far less than always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from cidmesa.diagram import CID, Edge
from cidmesa.errors import NotApplicableError

if TYPE_CHECKING:
    from cidmesa.graph.separation import Path, SeparatingSet
    from cidmesa.model import CIM

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
    "unfairness": "unfairness under optimality",
    "introduced_unfairness": "introduced unfairness",
    "requisite": "requisite observation",
    "relevance": "relevance",
}
"""The criteria by their short names."""


class Answer(Enum):
    """What a criterion can say."""

    ADMITS = "admits"
    EXCLUDES = "excludes"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Verdict:
    """The answer of one criterion for one node, or for a set of nodes, of a diagram.

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
    reason
        The theorem, or what keeps the theorems from applying.
    assumptions
        What is taken as given, such as the rules of other agents.
    cut_edges, label
        The arguments of the criteria that take them.
    search
        Whether :attr:`answer` may look for a witness where no theorem settles it; :meth:`witness` always does.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("red", "go"), ("go", "pay"), ("door", "pay")],
    ...              decisions=["go"], utilities=["pay"])
    >>> yes, no = cm.admits_voi(cid, "door"), cm.admits_voi(cid, "red")
    >>> bool(yes), bool(no), yes.because.check(cid), no.because.check(cid)
    (True, False, True, True)
    >>> print(yes)
    value of information of door for go: admits (Everitt et al. 2021, Thm 9)
    """

    cid: CID = field(repr=False)
    criterion: str
    nodes: tuple[str, ...]
    decision: str | None
    settled: Answer | None = field(repr=False)
    reason: str = field(default="", repr=False)
    assumptions: tuple[str, ...] = field(default=(), repr=False)
    cut_edges: tuple[Edge, ...] = field(default=(), repr=False)
    label: str | None = field(default=None, repr=False)
    search: bool = field(default=True, repr=False, compare=False)

    @property
    def node(self) -> str:
        """The node asked about, where it is one."""
        if len(self.nodes) != 1:
            raise NotApplicableError(f"this verdict is about {len(self.nodes)} nodes: see .nodes.")
        return self.nodes[0]

    @cached_property
    def answer(self) -> Answer:
        """ADMITS, EXCLUDES or UNKNOWN. Where no theorem settles it, a bounded search for a witness is made first."""
        if self.settled is not None:
            return self.settled
        return Answer.ADMITS if self.search and self._found is not None else Answer.UNKNOWN

    def __bool__(self) -> bool:
        if self.answer is Answer.UNKNOWN:
            raise NotApplicableError(f"{self}. Neither True nor False would be honest: look at .answer.")
        return self.answer is Answer.ADMITS

    @cached_property
    def because(self) -> Path | SeparatingSet:
        """The proof: a path for ADMITS and UNKNOWN (of the criterion's yes), a separating set for EXCLUDES."""
        from cidmesa.criteria.proofs import proof

        return proof(self)

    def witness(self) -> CIM:
        """Return a model on this diagram that has the incentive, checked by the exact solver.

        For the value of information of a node that is not observed, the diagram has the link that shows it.

        Raises
        ------
        NotApplicableError
            The criterion excludes it, or no witness was found.
        """
        if self.settled is Answer.EXCLUDES:
            raise NotApplicableError(f"{self}: no model on this diagram is a witness. `.because` proves it.")
        if self._found is None:
            raise NotApplicableError(f"{self}: the bounded search found no witness.")
        return self._found

    @cached_property
    def _found(self) -> CIM | None:
        from cidmesa.criteria.witness.build import find_witness

        return find_witness(self)

    def __str__(self) -> str:
        about = " and ".join(self.nodes)
        at = f" for {self.decision}" if self.decision is not None else ""
        why = f" ({self.reason})" if self.reason else ""
        return f"{TITLES[self.criterion]} of {about}{at}: {self.answer}{why}"

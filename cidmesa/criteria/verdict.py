"""An answer with its proof.

A criterion answers with a :class:`Verdict`: ADMITS (some parameterisation of the diagram has the incentive), EXCLUDES
(none has, and the separation or the chain of steps that says so can be checked) or UNKNOWN (neither is proved; only
with several decisions). An ADMITS never says that a model *has* the incentive, only that one can: random models show an
admitted incentive far less than always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from cidmesa.clock import UNLIMITED, Budget
from cidmesa.criteria.question import Answer, Question
from cidmesa.errors import NotApplicableError

if TYPE_CHECKING:
    from cidmesa.criteria.chains.chain import Chain
    from cidmesa.graph.separation import Path, SeparatingSet
    from cidmesa.model import CIM
    from cidmesa.solve.games.equilibria import Equilibrium


@dataclass(frozen=True)
class Verdict(Question):
    """The answer to a :class:`~cidmesa.criteria.question.Question`.

    Attributes
    ----------
    reason
        The theorem, or what keeps the theorems from applying.
    assumptions
        What is taken as given, such as the rules of other agents.
    search
        Whether :attr:`answer` may look for a witness where no theorem settles it; :meth:`witness` always does.
    shared_rules
        Groups of decisions with one rule: where there are any, a chain of steps proves nothing, and none is looked for.

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

    reason: str = field(default="", repr=False)
    assumptions: tuple[str, ...] = field(default=(), repr=False)
    search: bool = field(default=True, repr=False, compare=False)
    shared_rules: tuple[tuple[str, ...], ...] = field(default=(), repr=False, kw_only=True)

    @cached_property
    def answer(self) -> Answer:
        """ADMITS, EXCLUDES or UNKNOWN.

        Where no theorem settles it, a bounded search is made for a chain of steps that proves a no, then for a witness.
        """
        if self.settled is not None:
            return self.settled
        if self._chain is not None:
            return Answer.EXCLUDES
        return Answer.ADMITS if self.search and self._found is not None else Answer.UNKNOWN

    def __bool__(self) -> bool:
        if self.answer is Answer.UNKNOWN:
            raise NotApplicableError(f"{self}. Neither True nor False would be honest: look at .answer.")
        return self.answer is Answer.ADMITS

    @cached_property
    def because(self) -> Path | SeparatingSet | Chain:
        """The proof: a path for ADMITS and UNKNOWN (of the criterion's yes), a separation or a chain for EXCLUDES."""
        from cidmesa.criteria.chains.ask import trimmed
        from cidmesa.criteria.proofs import proof

        return proof(self) if self._chain is None else trimmed(self._chain, self.cid)

    def witness(self) -> CIM:
        """Return a model on this diagram that has the incentive, checked by the exact solver.

        For the value of information of a node that is not observed, the diagram has the link that shows it. The other
        agents' decisions have their rules.

        Raises
        ------
        NotApplicableError
            The criterion excludes it, or no witness was found.
        """
        if self.settled is Answer.EXCLUDES or self._chain is not None:
            raise NotApplicableError(f"{self}: no model on this diagram is a witness. `.because` proves it.")
        if self._found is None:
            raise NotApplicableError(f"{self}: the bounded search found no witness.")
        return self._found[0]

    def equilibrium(self) -> Equilibrium:
        """Return the equilibrium in which the witness has the incentive, where the others best respond.

        Its model is on the diagram as drawn, with everybody's decisions open.

        Raises
        ------
        NotApplicableError
            The rules of the others are fixed; the criterion excludes it, or no witness was found.
        """
        if self.others == "fixed":
            raise NotApplicableError(
                f'{self}: the rules of the others are fixed, and .witness() has them. others="best responding" asks '
                "about equilibria."
            )
        self.witness()
        if self._found is None or self._found[1] is None:
            raise AssertionError("unreachable: a witness has its equilibrium")  # pragma: no cover
        return self._found[1]

    @cached_property
    def _chain(self) -> Chain | None:
        return self._prove(UNLIMITED)

    def _prove(self, budget: Budget) -> Chain | None:
        from cidmesa.criteria.chains.ask import chain_for

        return None if self.settled is not None or self.shared_rules else chain_for(self, budget)

    @cached_property
    def _found(self) -> tuple[CIM, Equilibrium | None] | None:
        return self._look(UNLIMITED)

    def _look(self, budget: Budget) -> tuple[CIM, Equilibrium | None] | None:
        if self.others == "best responding":
            from cidmesa.criteria.witness.best_responses import find_equilibrium, witness_in

            played = find_equilibrium(self, budget)
            return None if played is None else (witness_in(played, self), played)
        from cidmesa.criteria.witness.build import find_witness

        model = find_witness(self, budget)
        return None if model is None else (model, None)

    def answer_within(self, budget: Budget) -> Answer:
        """Return :attr:`answer`, with a limit on the searches; one that is cut short leaves nothing behind.

        Raises
        ------
        OutOfTimeError
            The budget was over before the search was.
        """
        if self.settled is None and "_chain" not in self.__dict__:
            self.__dict__["_chain"] = self._prove(budget)
        if self.settled is None and self._chain is None and self.search and "_found" not in self.__dict__:
            self.__dict__["_found"] = self._look(budget)
        return self.answer

    def __str__(self) -> str:
        answer = self.answer
        reason = self.reason if self._chain is None else "a chain of steps that cost nothing, see .because"
        why = f" ({reason})" if reason else ""
        return f"{super().__str__()}: {answer}{why}"

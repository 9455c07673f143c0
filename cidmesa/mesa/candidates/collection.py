"""The candidates of one derivation as a collection: by name, in order, by verdict."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from cidmesa.clock import Budget, within_budget
from cidmesa.errors import NotApplicableError, UnknownNodeError, unknown
from cidmesa.mesa.candidates.mesa_optimizer import Consistency
from cidmesa.mesa.candidates.targets import Targets
from cidmesa.shown import Shown


class Candidate(Protocol):
    """What a collection needs to know of one."""

    names: tuple[str, ...]

    @property
    def consistency(self) -> Consistency:
        """Whether training could have produced it."""

    @property
    def minimal(self) -> bool:
        """Whether it is not excluded, and no smaller one is consistent already."""


C = TypeVar("C", bound=Candidate)


class Collection(Shown, Generic[C]):
    """All candidates of one derivation, excluded ones too; by name or names, and in order.

    Iterating gives the candidates; ``family["at_red"]`` and ``family["a", "b"]`` one of them, the order of names being
    immaterial.

    Parameters
    ----------
    candidates
        The candidates, in order.
    budget
        How long each answer may take.
    """

    def __init__(self, candidates: Iterable[C], budget: Budget) -> None:
        self._candidates = {candidate.names: candidate for candidate in candidates}
        self.budget = budget

    @abstractmethod
    def _key(self, targets: Targets) -> tuple[str, ...]:
        """Return a user's name or names as targets in node order."""

    def __iter__(self) -> Iterator[C]:
        return iter(self._candidates.values())

    def __len__(self) -> int:
        return len(self._candidates)

    def __contains__(self, targets: object) -> bool:
        try:
            return self._key(targets) in self._candidates  # type: ignore[arg-type]
        except (NotApplicableError, UnknownNodeError, TypeError):
            return False

    def __getitem__(self, targets: Targets) -> C:
        key = self._key(targets)
        if key not in self._candidates:
            listed = [", ".join(names) for names in self._candidates]
            raise unknown(", ".join(key), listed, what="a candidate of this family: targets=, max_targets=")
        return self._candidates[key]

    @within_budget
    def where(self, *answers: Consistency | str) -> tuple[C, ...]:
        """Return the candidates with one of these verdicts on consistency."""
        wanted = set()
        for answer in answers:
            if answer not in set(Consistency):
                raise NotApplicableError(f"a verdict is one of {', '.join(Consistency)}; got {answer!r}.")
            wanted.add(Consistency(answer))
        return tuple(candidate for candidate in self._one_by_one() if candidate.consistency in wanted)

    @property
    @within_budget
    def hypotheses(self) -> tuple[C, ...]:
        """The minimal candidates that are not excluded: what predictions are made for."""
        return tuple(candidate for candidate in self._one_by_one() if candidate.minimal)

    def _one_by_one(self) -> Iterator[C]:
        """Iterate while there is time, with a progress bar on the terminal once it has taken two seconds."""
        return self.budget.each(self, "the comparison of candidates", "derive fewer of them, targets=[..]")

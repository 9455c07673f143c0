r"""Pairs of hypotheses that no behaviour in training or in a deployment can tell apart.

Two hypotheses are **unidentifiable** iff in training and in every declared deployment their sets of possible
*policies on the reached contexts* are equal: whatever an agent does there, each of them could have done it. A policy is
possible for :math:`T` iff one objective that training could have selected makes all its actions optimal at once. That
is more than action by action: two hypotheses may allow the same actions in each context and not the same combinations.

Equal response sets :math:`Resp(T_1) = Resp(T_2)` are a reason for it, not a condition. A lookup table and an optimizer
with equal maps on the training support are never told apart by behaviour on it.

>>> import cidmesa as cm
>>> from cidmesa.mesa.derive import derive_mesa_optimizers
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> cid = cm.CID([("act", "x"), ("x", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
>>> model = cid.parameterise(act=[0, 1], x=lambda act: act, y=lambda x: x, pay=lambda y: y)
>>> one = derive_mesa_optimizers(TrainingSetup(model, deployments={"cut": {"y": lambda x: 1 - x}}))
>>> [(pair.one, pair.other) for pair in unidentifiable(one)]
[(('y',), ('pay',))]
>>> two = derive_mesa_optimizers(TrainingSetup(model))
>>> pair = unidentifiable(two)[0]
>>> pair.one, pair.other, sorted(pair.best.nodes)
(('x',), ('y',), ['y'])
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cidmesa.arguments import options_by_name
from cidmesa.arrays import Mask
from cidmesa.criteria.question import Answer
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.comparison.separation import Separation, separating_shifts
from cidmesa.mesa.consistency.method import needs_stochastic_rules
from cidmesa.mesa.consistency.regret_interval import admits, possible
from cidmesa.mesa.outcomes.for_setup import outcome_tables_of
from cidmesa.mesa.outcomes.normal_form import NormalForm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.consistency.consistent_set import ConsistentSet
    from cidmesa.mesa.outcomes.for_setup import OutcomeTables
    from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
    from cidmesa.mesa.setup.training import TrainingSetup

BITS = 12.0
"""Policies are listed up to so many bits: the sum of log2 of the number of actions over the reached contexts."""


@dataclass(frozen=True)
class Indistinct:
    """Two hypotheses that behaviour in training and in the declared deployments does not tell apart.

    Attributes
    ----------
    setup
        The training setup.
    one, other
        Their targets.
    answer
        ADMITS: their possible policies are the same everywhere. UNKNOWN: their possible actions are the same in each
        context, and there are too many policies to list; or there are no numbers.
    equal_response
        Whether both can respond to the same mechanisms, which is a reason.
    tolerance
        The training regret allowed.
    because
        Why the answer is UNKNOWN; empty where it is not.
    """

    setup: TrainingSetup
    one: tuple[str, ...]
    other: tuple[str, ...]
    answer: Answer
    equal_response: bool
    tolerance: float = 0.0
    because: str = ""

    @cached_property
    def best(self) -> Separation | None:
        """The best shift that would separate them; ``None`` where nothing that was tried does."""
        rows = separating_shifts(self.setup, self.one, self.other, tolerance=self.tolerance)
        return rows[0] if rows else None

    def __str__(self) -> str:
        told = "cannot be told apart" if self.answer is Answer.ADMITS else "may be impossible to tell apart"
        names = f"{', '.join(self.one)} and {', '.join(self.other)}"
        if self.best is None:
            return f"{names} {told}; nothing that was tried separates them"
        return f"{names} {told}; a shift of {', '.join(sorted(self.best.nodes)) or 'nothing'} would separate them"


class HasHypotheses(Protocol):
    """What is needed of a family."""

    @property
    def setup(self) -> TrainingSetup:
        """The training setup."""
        ...

    @property
    def tolerance(self) -> float:
        """The training regret that is allowed."""
        ...

    @property
    def hypotheses(self) -> tuple[MesaOptimizer, ...]:
        """The candidates to compare."""
        ...


@options_by_name
def unidentifiable(family: HasHypotheses, *, among: Iterable[MesaOptimizer] | None = None) -> tuple[Indistinct, ...]:
    r"""Return the pairs of hypotheses that no behaviour in training and the declared deployments tells apart.

    Parameters
    ----------
    family
        A derivation's family.
    among
        The hypotheses to compare, by default the minimal candidates that are not excluded.

    Returns
    -------
    tuple of Indistinct
        Pairs with the answer ADMITS or UNKNOWN, in the family's order. A pair that is missing is identifiable.

    Notes
    -----
    Policies are listed context by context, by linear programs, leaving off as soon as no objective fits, while
    :math:`\sum \log_2 |A| \le 12`. Beyond that only the sets of actions per context are compared: where they differ the
    pair is identifiable, where they agree it is UNKNOWN. Without numbers every pair is UNKNOWN. With several decisions
    policies are what is compared to begin with. Where there are too many, those are that ignore what is idle for both
    sets of targets (:mod:`.reduced_policies`): if these sets differ so do the whole ones, but not conversely.

    A pair for which a shared rule may have to be stochastic is UNKNOWN too. Declared objectives cannot settle it: the
    possible rules are those of *all* objectives, and a rule that no declared one makes optimal another may.

    Examples
    --------
    See the module.
    """
    if not hasattr(family, "hypotheses"):
        raise NotApplicableError(f"unidentifiable compares a family, derive_mesa_optimizers(setup); got {family!r}.")
    hypotheses = tuple(family.hypotheses if among is None else among)
    setup = family.setup
    compare = _Comparison(setup)
    found = []
    for one, other in combinations(hypotheses, 2):
        said, because = compare(one, other)
        if said is not Answer.EXCLUDES:
            same = one.responds_to == other.responds_to
            found.append(Indistinct(setup, one.names, other.names, said, same, family.tolerance, because))
    return tuple(found)


class _Comparison:
    """Compares hypotheses on one setup; what each of them would do is found out once."""

    def __init__(self, setup: TrainingSetup) -> None:
        self.setup = setup
        self._known: dict[tuple[tuple[str, ...], str, bool], Any] = {}
        self._tables: OutcomeTables | None = None
        if setup.model is not None:
            with suppress(NotApplicableError):  # too many policies to list
                self._tables = outcome_tables_of(setup)

    def __call__(self, one: MesaOptimizer, other: MesaOptimizer) -> tuple[Answer, str]:
        if self.setup.model is None:
            return Answer.UNKNOWN, "the setup has no numbers"
        if any(needs_stochastic_rules(self.setup, m.names) for m in (one, other)):
            return Answer.UNKNOWN, "one rule acts several times on what is pursued or scored, and may be stochastic"
        tables = self._tables
        if tables is not None and tables.affords(one.names) and tables.affords(other.names):
            return self._compared(tables, one, other, self._known)
        try:
            tables = NormalForm(self.setup, (*one.names, *other.names))
        except NotApplicableError as reason:
            return Answer.UNKNOWN, str(reason)
        if not (tables.affords(one.names) and tables.affords(other.names)):
            return Answer.UNKNOWN, "too many policies may be best for some objective"
        said, because = self._compared(tables, one, other, {})
        if said is Answer.ADMITS:
            return Answer.UNKNOWN, "there are too many policies to compare those that use what is idle"
        return said, because

    def _compared(
        self, tables: OutcomeTables, one: MesaOptimizer, other: MesaOptimizer, known: dict[Any, Any]
    ) -> tuple[Answer, str]:
        def behaviour(candidate: MesaOptimizer, name: str, listed: bool) -> Any:
            key = candidate.names, name, listed
            if key not in known:
                table, selected = tables.table(name, candidate.names), candidate._selected
                may = tables.limit(name)
                known[key] = policies(selected, table, may) if listed else possible(selected, table).tobytes()
            return known[key]

        because = ""
        for name in self.setup.distributions:
            both = [tables.table(name, m.names) for m in (one, other)]
            if any(table.undecided for table in both):
                return Answer.UNKNOWN, f"rounding hides what is possible in '{name}'"
            contexts, actions = both[0].value.shape
            may = tables.limit(name)
            options = [actions] * contexts if may is None else may.sum(axis=1).tolist()
            listed = contexts == 1 or sum(map(math.log2, options)) <= BITS
            first, second = (behaviour(m, name, listed) for m in (one, other))
            if any(m._selected.halfspaces.stopped for m in (one, other)):
                return Answer.UNKNOWN, f"a search over what is possible in '{name}' stopped before its end"
            if not first or not second:
                return Answer.UNKNOWN, f"rounding hides what is possible in '{name}'"
            if first != second:
                return Answer.EXCLUDES, ""
            if not listed:
                because = f"in '{name}' the actions possible in each context agree, and policies are too many to list"
        return (Answer.UNKNOWN if because else Answer.ADMITS), because


def policies(objectives: ConsistentSet, table: OutcomeTable, may: Mask | None = None) -> frozenset[tuple[int, ...]]:
    """Return the policies on the contexts of an outcome table that one objective of the set makes optimal, as action
    positions; `may` has the allowed ones, by default all.

    Examples
    --------
    >>> from cidmesa.mesa.consistency.consistent_set import ConsistentSet
    >>> from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
    >>> training = OutcomeTable(np.array([1.0]), np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.array([[0.0, 1.0]]))
    >>> turned = np.concatenate([training.outcome, training.outcome[:, ::-1]])
    >>> there = OutcomeTable(np.array([0.5, 0.5]), turned, np.zeros((2, 2)))
    >>> policies(ConsistentSet(training), there)
    frozenset({(1, 0)})
    """
    can = possible(objectives, table)
    if may is not None:
        can = can & may
    if not len(can):
        return frozenset([()])
    partial: list[tuple[int, ...]] = [(action,) for action in np.flatnonzero(can[0]).tolist()]
    for context in range(1, len(table.weight)):
        extended = [(*actions, a) for actions in partial for a in np.flatnonzero(can[context]).tolist()]
        partial = [actions for actions in extended if admits(objectives, table, dict(enumerate(actions)))]
    return frozenset(partial)

r"""What no behaviour can tell apart.

Two hypotheses are **unidentifiable** iff in training and in every declared deployment their sets of possible
*policies on the reached contexts* are equal: whatever an agent does there, each of them could have done it. A policy is
possible for :math:`T` iff one objective that training could have selected makes all its actions optimal at once. That
is more than action by action: two hypotheses may allow the same actions in each context and not the same combinations.

Equal response sets :math:`Resp(T_1) = Resp(T_2)` are a reason for it, not a condition. A lookup table and an optimizer
with equal maps on the training support are never told apart by behaviour on it.

>>> import cidmesa as cm
>>> from cidmesa.mesa.derive import derive_mesa_optimizers
>>> from cidmesa.mesa.setup import TrainingSetup
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
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.errors import NotApplicableError
from cidmesa.incentives.verdict import Answer
from cidmesa.mesa.answers import needs_stochastic_rules
from cidmesa.mesa.laws import laws_of
from cidmesa.mesa.regret import admits, possible
from cidmesa.mesa.separation import Separation, separating_shifts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cidmesa.mesa.candidate import MesaOptimizer
    from cidmesa.mesa.consistency import ConsistentSet
    from cidmesa.mesa.derive import Family
    from cidmesa.mesa.law import Law
    from cidmesa.mesa.setup import TrainingSetup

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
    """

    setup: TrainingSetup
    one: tuple[str, ...]
    other: tuple[str, ...]
    answer: Answer
    equal_response: bool
    tolerance: float = 0.0

    @cached_property
    def best(self) -> Separation | None:
        """The best shift that would separate them; ``None`` where nothing that was tried does."""
        if self.setup.model is not None and any(needs_stochastic_rules(self.setup, t) for t in (self.one, self.other)):
            return None
        rows = separating_shifts(self.setup, self.one, self.other, tolerance=self.tolerance)
        return rows[0] if rows else None

    def __str__(self) -> str:
        told = "cannot be told apart" if self.answer is Answer.ADMITS else "may be impossible to tell apart"
        names = f"{', '.join(self.one)} and {', '.join(self.other)}"
        if self.best is None:
            return f"{names} {told}; nothing that was tried separates them"
        return f"{names} {told}; a shift of {', '.join(sorted(self.best.nodes)) or 'nothing'} would separate them"


def unidentifiable(family: Family, among: Iterable[MesaOptimizer] | None = None) -> tuple[Indistinct, ...]:
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
    pair is identifiable, where they agree it is UNKNOWN. Without numbers every pair is UNKNOWN, and so is one for which
    a shared rule may have to be stochastic. With several decisions policies are what is compared to begin with.

    Examples
    --------
    See the module.
    """
    hypotheses = tuple(family.hypotheses if among is None else among)
    setup = family.setup
    try:
        laws = None if setup.model is None else laws_of(setup)
    except NotApplicableError:  # too many policies to list
        laws = None
    known: dict[tuple[tuple[str, ...], str, bool], Any] = {}

    def behaviour(candidate: MesaOptimizer, name: str, listed: bool) -> Any:
        key = candidate.names, name, listed
        if key not in known and laws is not None:
            law = laws.law(name, candidate.names)
            known[key] = policies(candidate._selected, law) if listed else possible(candidate._selected, law).tobytes()
        return known[key]

    def answer(one: MesaOptimizer, other: MesaOptimizer) -> Answer:
        if laws is None or any(needs_stochastic_rules(setup, m.names) for m in (one, other)):
            return Answer.UNKNOWN
        unknown = False
        for name in setup.distributions:
            law = laws.law(name, one.names)
            contexts, actions = law.value.shape
            listed = contexts == 1 or contexts * math.log2(actions) <= BITS
            if behaviour(one, name, listed) != behaviour(other, name, listed):
                return Answer.EXCLUDES
            unknown |= not listed
        return Answer.UNKNOWN if unknown else Answer.ADMITS

    found = []
    for one, other in combinations(hypotheses, 2):
        said = answer(one, other)
        if said is not Answer.EXCLUDES:
            same = one.responds_to == other.responds_to
            found.append(Indistinct(setup, one.names, other.names, said, same, family.tolerance))
    return tuple(found)


def policies(objectives: ConsistentSet, law: Law) -> frozenset[tuple[int, ...]]:
    """Return the policies on the contexts of a law that one objective of the set makes optimal, as action positions.

    Examples
    --------
    >>> from cidmesa.mesa.consistency import ConsistentSet
    >>> from cidmesa.mesa.law import Law
    >>> training = Law(np.array([1.0]), np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.array([[0.0, 1.0]]))
    >>> turned = np.concatenate([training.outcome, training.outcome[:, ::-1]])
    >>> there = Law(np.array([0.5, 0.5]), turned, np.zeros((2, 2)))
    >>> policies(ConsistentSet(training), there)
    frozenset({(1, 0)})
    """
    can = possible(objectives, law)
    if not len(can):
        return frozenset([()])
    partial: list[tuple[int, ...]] = [(action,) for action in np.flatnonzero(can[0]).tolist()]
    for context in range(1, len(law.weight)):
        extended = [(*actions, a) for actions in partial for a in np.flatnonzero(can[context]).tolist()]
        partial = [actions for actions in extended if admits(objectives, law, dict(enumerate(actions)))]
    return frozenset(partial)

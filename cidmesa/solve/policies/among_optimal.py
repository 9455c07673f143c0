r"""What policies that are best by some utilities are worth by others, at least and at most, whatever agents recall.

Where decisions can be solved one by one, the optimal policies are all combinations of optimal actions, and the worst of
them is found by one more sweep (:mod:`.dynamic_programming`). Where they cannot, two optimal actions need not go
together, so that no set of actions says which policies are optimal. But the largest value by the first utilities
:math:`O`, and among equal ones by the others :math:`U`, is the largest value of

.. math:: O + U / B

for a number :math:`B` that is large enough, and sets of value tables (:mod:`.value_sets`) find it: they only add
tables, weigh them with probabilities and compare them, all of it in integers. Entries are whole numbers of one unit,
and no step makes that unit smaller than by the denominators of the probabilities, once each. So :math:`B` is found
beforehand: two values of :math:`O` that differ do so by more than :math:`U / B` can be.

>>> import cidmesa as cm
>>> cid = cm.CID([("a", "same"), ("b", "same"), ("b", "pay")], decisions=["a", "b"], utilities=["same", "pay"])
>>> model = cid.parameterise(a=[0, 1], b=[0, 1], same=lambda a, b: int(a == b), pay=lambda b: b / 2)
>>> [worth_among_optimal(model, ["same"], ["pay"], sign) for sign in (-1, 1)]  # both do 0, or both do 1
[Fraction(0, 1), Fraction(1, 2)]

References
----------
D. D. Mauá, C. P. de Campos and M. Zaffalon, "Solving limited memory influence diagrams", *Journal of Artificial
Intelligence Research* 44, 2012 (the elimination; that it may compare pairs is ours).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from cidmesa.arrays import Array
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.policy_batch import Member, member
from cidmesa.solve.policies.problem import Problem, scheduled
from cidmesa.solve.policies.pruning import TooManyTablesError, Work, uncut
from cidmesa.solve.policies.value_sets import MOST, WORK, Elimination, ValueSet
from cidmesa.solve.tables.exact_run import utility_unit, whole_utilities
from cidmesa.solve.tables.model_tables import MAX_TABLE, view_of

if TYPE_CHECKING:
    from cidmesa.model import CIM

VANISHING = 1200
"""Bits by which the second utilities are made smaller at least: in floating point they are nothing then."""


def worth_among_optimal(
    model: CIM, first: Sequence[str], second: Sequence[str], sign: Literal[-1, 1] = 1, budget: Budget = UNLIMITED
) -> Fraction:
    """Return the largest or least expected sum of `second` among the policies that are optimal for `first`.

    Parameters
    ----------
    model
        A model of one agent, with numbers; its decisions have rules of their own.
    first
        Utilities whose sum these policies maximise; with none of them they are all policies.
    second
        Utilities whose sum is asked for.
    sign
        1 for the largest, -1 for the least.
    budget
        How long it may take.

    Raises
    ------
    NotApplicableError
        Sets of tables outgrow what is compared, or numbers are too many to be read exactly.
    OutOfTimeError
        The budget was over.

    Notes
    -----
    Exact, for any recall: stochastic policies need no look, as each expectation is linear in every rule. Cost as for
    the optimum by sets of value tables, in integers some thousand bits long.
    """
    view = view_of(model, "what optimal policies are worth")
    ids = view.index.ids
    decisions = tuple([d for d in ids(model.cid.decisions) if view.tables[d] is None])
    problem = Problem(view, decisions, (*ids(first), *ids(second)), MAX_TABLE)
    schedule = scheduled(problem)
    matter = [*(stage.decision for stage in schedule.stages), *schedule.left]
    members = [member(view, (d,), schedule.heard[d]) for d in matter]
    unit = utility_unit([np.asarray(table) for table, _ in problem.pairs(problem.utilities).values()])
    if unit is None:
        raise _out_of_reach("utilities pay too many different numbers")
    with budget:
        work = Work(WORK, lambda: budget.is_spent)
        try:
            return _Pairs(problem, members, work, unit, dict.fromkeys(ids(second), sign)).worth() * sign
        except (TooManyTablesError, OverflowError):
            budget.check("multiple policy updating", _SHRINK)
            raise _out_of_reach("sets of value tables grow too large") from None


_SHRINK = "let the decisions observe less"


def _out_of_reach(why: str) -> NotApplicableError:
    return NotApplicableError(f"what optimal policies are worth is out of reach, because {why}: {_SHRINK}.")


class _Pairs(Elimination):
    """Sums of what is wanted first and, smaller than anything that matters there, what is wanted second."""

    def __init__(
        self, problem: Problem, members: Sequence[Member], work: Work, unit: int, second: Mapping[int, int]
    ) -> None:
        super().__init__(problem, members, uncut(MOST), work, unit)
        self.second = second
        self.much = 1 if len(second) == len(problem.utilities) else self._much(unit)

    def _much(self, unit: int) -> int:
        """Return how many times a unit of the second kind a unit of the first has to be."""
        pairs = self.problem.pairs([v for v in self.parents if v not in self.member])
        utilities = set(self.problem.utilities)
        chance = {v: np.asarray(table) for v, (table, _) in pairs.items() if v not in utilities}
        scales = prod(int(self._read(table).table.reshape(-1, self.cards[v])[0].sum()) for v, table in chance.items())
        largest = sum(whole_utilities(np.asarray(pairs[u][0]), unit).largest for u in self.second)
        return 1 << ((4 * largest * scales).bit_length() + VANISHING)

    def _utility(self, u: int, table: Array) -> ValueSet:
        found = super()._utility(u, table)
        assert found.whole is not None  # there is a unit
        scale = found.scale * self.much
        if u not in self.second:
            return ValueSet(found.scope, found.values, whole=found.whole * self.much, scale=scale)
        values = found.values * self.second[u] if self.much == 1 else np.zeros_like(found.values)
        return ValueSet(found.scope, values, whole=found.whole * self.second[u], scale=scale)

    def worth(self) -> Fraction:
        """Return the second part of the largest value."""
        total = Fraction(0)
        for s, at in self.ends():
            assert s.whole is not None  # there is a unit
            number = int(s.whole.ravel()[at])
            if self.much > 1:
                number -= (number + self.much // 2) // self.much * self.much
            total += Fraction(number * self.much, s.scale)
        return total

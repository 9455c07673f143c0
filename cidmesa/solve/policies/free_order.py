r"""Optima of agents that forget, variables summed out in any order: sets of pairs of a probability and a value.

In the reverse topological order of :mod:`.value_sets` tables can grow wide where another order would keep them small.
In any order a set holds pairs :math:`(P, U)` over the same variables [1]_: a chance node is one, :math:`(P, 0)`; a
utility is :math:`(1, u)`; a decision is a set, :math:`(\delta, 0)` for each of its rules. Products are

.. math:: (P_1, U_1) \otimes (P_2, U_2) = (P_1 P_2,\; U_1 P_2 + U_2 P_1),

and what a variable is summed out of is the product of all sets that have it. The expected utility is linear in each
pair and no weight is negative once utilities are counted from their least, so that a pair is left out as tables are:
where another one, or a mixture, is nowhere below it in both halves. All of it in floats.

References
----------
.. [1] D. D. Mauá, C. P. de Campos and M. Zaffalon, "Solving limited memory influence diagrams", *Journal of Artificial
   Intelligence Research* 44, 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from cidmesa.arrays import Array, Ints
from cidmesa.solve.policies.elimination_order import Bag
from cidmesa.solve.policies.policy_batch import Member
from cidmesa.solve.policies.problem import Problem
from cidmesa.solve.policies.pruning import ENTRIES, TooManyTablesError, Work, outside, uncut, undominated
from cidmesa.solve.policies.value_sets import HULL, MOST, WIDE, Elimination, Optimum


@dataclass(frozen=True, slots=True, eq=False)
class PairSet:
    """Pairs of tables over the same variables, and what each was made of.

    Attributes
    ----------
    scope
        The variables, ascending.
    pairs
        Shape ``(pairs, 2, cards of the scope...)``: probabilities, then values.
    sources
        The sets that it was made from, and which pair of theirs went into each.
    decision, actions
        Of a decision's own set: which it is, and what its rules do, shape ``(rules, contexts)``.
    """

    scope: tuple[int, ...]
    pairs: Array
    sources: tuple[tuple[PairSet, Ints], ...] = ()
    decision: int | None = None
    actions: Ints | None = None

    @property
    def count(self) -> int:
        """The number of pairs."""
        return len(self.pairs)


def optimum_in_free_order(problem: Problem, members: Sequence[Member], work: Work) -> Optimum | None:
    """Return an optimal policy, up to rounding; ``None`` where sets or tables grow too large, or it is late.

    Parameters
    ----------
    problem
        The problem. No two decisions share a rule.
    members
        The decisions that matter, one each, with the observations that their rules depend on.
    work
        What may be done.
    """
    try:
        return _FreeOrder(problem, members, work).optimum()
    except TooManyTablesError:
        return None


class _FreeOrder:
    """Variables summed out in the order that writes least."""

    def __init__(self, problem: Problem, members: Sequence[Member], work: Work) -> None:
        self.problem, self.work, self.cards = problem, work, problem.view.cards
        self.parents = Elimination(problem, members, uncut(MOST), work).parents
        self.member = {m.decisions[0]: m for m in members}

    def optimum(self) -> Optimum:
        """Return the policy of the largest value in the end."""
        bag: Bag[PairSet] = Bag(dict.fromkeys(self.parents, ()), self.problem.utilities, self.cards)
        least = 0.0
        for v in self.parents:
            if v in self.problem.utilities:
                least += float(np.min(np.asarray(self.problem.pairs([v])[v][0])))
        bag.put(*[self._own(v) for v in self.parents])
        steps = len(self.parents) - len(set(self.problem.utilities))
        for _ in range(steps):
            v = bag.next()
            joint = self._product(bag.take(v))
            axis = 2 + joint.scope.index(v)
            scope = tuple([w for w in joint.scope if w != v])
            bag.put(self._pruned(PairSet(scope, joint.pairs.sum(axis=axis), ((joint, np.arange(joint.count)),))))
            bag.gone(v)
        whole = self._product(list(bag.sets.values()))
        at = int(whole.pairs[:, 1].argmax())
        return Optimum(float(whole.pairs[at, 1]) + least, _traced(whole, at))

    def _own(self, v: int) -> PairSet:
        """Return the set of a node alone."""
        if v in self.member:
            m = self.member[v]
            family = (v, *m.scopes[0])
            self._require(m.count * prod(self.cards[w] for w in family))
            actions = m.numbered(np.arange(m.count))
            table = np.moveaxis(m.rules(actions), -1, 0)
        else:
            paid = v in self.problem.utilities
            family = self.parents[v] if paid else (*self.parents[v], v)
            table = np.asarray(self.problem.pairs([v])[v][0])[None]
        table = table.transpose(0, *(1 + np.argsort(family)))
        scope = tuple(sorted(family))
        if v in self.problem.utilities:
            return PairSet(scope, np.stack([np.ones(table.shape), table - table.min()], axis=1))
        pairs = np.stack([table, np.zeros(table.shape)], axis=1)
        return PairSet(scope, pairs, (), *((v, actions.T) if v in self.member else ()))

    def _product(self, sets: Sequence[PairSet]) -> PairSet:
        """Return all products of a pair from each set, pruned."""
        joint = sets[0]
        for s in sets[1:]:
            joint = self._joined(joint, s)
        return joint

    def _joined(self, one: PairSet, other: PairSet) -> PairSet:
        scope = tuple(sorted({*one.scope, *other.scope}))
        self._require(2 * one.count * other.count * prod(self.cards[v] for v in scope))
        left, right = self._over(one, scope)[:, None], self._over(other, scope)[None]
        shape = (one.count * other.count, *(self.cards[v] for v in scope))
        p = np.broadcast_to(left[:, :, 0] * right[:, :, 0], (one.count, other.count, *shape[1:]))
        u = left[:, :, 1] * right[:, :, 0] + right[:, :, 1] * left[:, :, 0]
        self.work.count(4 * p.size)
        pairs = np.stack([p.reshape(shape), np.broadcast_to(u, p.shape).reshape(shape)], axis=1)
        first, second = np.divmod(np.arange(len(pairs)), other.count)
        return self._pruned(PairSet(scope, pairs, ((one, first), (other, second))))

    def _over(self, s: PairSet, scope: Sequence[int]) -> Array:
        """Return pairs over more variables, in ascending order; an axis of length one stands for a new one."""
        return s.pairs.reshape(s.count, 2, *(self.cards[v] if v in s.scope else 1 for v in scope))

    def _pruned(self, s: PairSet) -> PairSet:
        """Leave out what is never needed, and give up where too much is left."""
        if s.count == 1:
            return s
        rows = s.pairs.reshape(s.count, -1)
        at = undominated(rows, self.work)
        if HULL < len(at) <= 2 * MOST and rows.shape[1] <= WIDE:
            at = at[outside(rows[at], rows[at], self.work)]
        if len(at) > MOST:
            raise TooManyTablesError
        sources = tuple([(source, which[at]) for source, which in s.sources])
        return PairSet(s.scope, s.pairs[at], sources, s.decision, None if s.actions is None else s.actions[at])

    def _require(self, entries: int) -> None:
        """Refuse to write too many numbers at once."""
        if entries > min(ENTRIES, self.problem.max_table):
            raise TooManyTablesError


def _traced(s: PairSet, at: int) -> dict[int, Ints]:
    """Read off the rules that a pair was made of."""
    found: dict[int, Ints] = {}
    waiting = [(s, at)]
    while waiting:
        s, at = waiting.pop()
        if s.decision is not None and s.actions is not None:
            found[s.decision] = s.actions[at]
        waiting += [(source, int(which[at])) for source, which in s.sources]
    return found

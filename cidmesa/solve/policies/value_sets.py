r"""Optima of agents that forget: sets of value tables, summed out from the leaves up.

Where a later decision does not know what an earlier one saw, no order lets decisions be solved one by one, and rules
are too many to list: fifty decisions with two binary observations have :math:`10^{60}`. But few of them are ever worth
a look. **Multiple policy updating** [1]_ eliminates the variables one by one and keeps, instead of one table of
expected utilities, a *set* of them, one for each way the decisions below could act:

1. Every utility is a set of one table, over its parents.
2. Variables go in reverse topological order: a variable may go once all its children are gone. Nothing below it is
   left then but value tables, and the only probabilities that it meets are its own.
3. A chance node is summed out of every table that has it: :math:`v(pa, \cdot) = \sum_x P(x \mid pa)\, v(x, \cdot)`. It
   is linear, so that sets are not joined for it.
4. At a decision all sets that have it are joined: every sum of a table from each. Then each table is replaced by those
   that the decision's rules make of it, :math:`v(pa, \cdot) = v(\delta(pa), pa, \cdot)`. Contexts do not constrain each
   other, so that an action that another one beats in its context whatever the rest of the table says is in no rule
   worth keeping.
5. After each step a table goes that another one is nowhere below; above :data:`HULL` of them, also one that a convex
   combination of others is nowhere below. What is left above weighs tables with probabilities, so neither can be
   missed.

What is left in the end are numbers, and the largest is the optimum. A table knows what it was made of, so the rules
behind it can be read off.

**Exactly.** Tables are kept as integers on a common scale beside their floats, read as everywhere
(:mod:`cidmesa.solve.tables.exact_numbers`), and compared by the ranks of their entries in exact arithmetic. Floats only
leave out what is worse by more than rounding. So the optimum is one, as a fraction, and ties are facts.

**All optimal actions.** Give each decision a *bonus* for every action in a context that no optimal policy found so far
takes there, too small to outweigh anything: tables are pairs of a value and an expected bonus, compared by the value
first. The same steps then end with an optimal policy that does something new in a context that it reaches, or with a
bonus of zero: there is none. A bonus is only ever added and averaged, so that it is zero in floats iff it is.

**Brackets.** Where a set outgrows :data:`MOST` tables, :math:`K` of them that are far apart are kept instead: the
optimum among what they stand for is the value of a policy, a lower bound. Merge every table into the nearest of them,
as the larger entry everywhere, and the result is an upper bound. Both take the same steps, in floats. Before that, sets
of pairs are tried in an order that need not be the reverse one (:mod:`.free_order`).

>>> import cidmesa as cm
>>> from cidmesa.solve import solve
>>> edges = [("coin", "send"), ("send", "guess"), ("coin", "right"), ("guess", "right")]
>>> cid = cm.CID(edges, decisions=["send", "guess"], utilities=["right"])
>>> coin = cm.Uniform("h", "t")
>>> model = cid.parameterise(coin=coin, send=[0, 1], guess=["h", "t"], right=lambda coin, guess: int(coin == guess))
>>> found = solve(model, method="multiple policy updating")
>>> found.value, found.exact
(1.0, True)

References
----------
.. [1] D. D. Mauá, C. P. de Campos and M. Zaffalon, "Solving limited memory influence diagrams", *Journal of Artificial
   Intelligence Research* 44, 2012.
.. [2] S. L. Lauritzen and D. Nilsson, "Representing and solving decision problems with limited information",
   *Management Science* 47, 2001: the problem, and the pigs on which it is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import lcm, prod

import numpy as np

from cidmesa.arrays import Array, Ints
from cidmesa.clock import progress_bar
from cidmesa.solve.policies.elimination_order import Bag
from cidmesa.solve.policies.policy_batch import Member, Profiles
from cidmesa.solve.policies.problem import Problem
from cidmesa.solve.policies.pruning import (
    ENTRIES,
    Cut,
    TooManyTablesError,
    Work,
    outside,
    uncut,
    undominated,
)
from cidmesa.solve.tables.exact_run import Whole, utility_unit, whole_distributions, whole_utilities

HULL = 60
"""Larger sets are pruned by convex combinations too; in smaller ones looking for them costs more than it saves."""

MOST = 2048
"""How many tables a set may have before it is bracketed."""

LISTED = 64
"""Up to so many rules of a decision are written out at once; more of them context by context."""

WIDE = 256
"""Tables of more entries than that are not compared with convex combinations."""

ROUNDING = 2.0**-46
"""By how much, relative to the largest entry, a step may be off by rounding."""

WORK = 2**34
"""How many numbers may be compared before a set is bracketed: some ten seconds."""

FEW_SUMS = 2**12
"""Up to so many sums of two tables are computed in integers at once; of more those that floats leave."""

INTEGER = 2**7
"""How many comparisons of floats take as long as one operation on a large integer, about."""

WIDE_LAW = 2**18
"""Entries of the largest table that is made to see how often values come up."""

LEAST_REACH = 1e-6
"""How often any of them comes up at least, for that: another policy may do more for it."""

TINY = 64
"""Up to so many entries are ranked without numpy, which is quicker."""

LEAST_BONUS = 1e-200
"""What a positive bonus is at least, so that products of small probabilities do not vanish."""


@dataclass(frozen=True, eq=False)
class ValueSet:
    """Tables of what may be earned below, over the same variables, and what each was made of.

    Attributes
    ----------
    scope
        The variables, ascending.
    values
        Shape ``(tables, cards of the scope...)``.
    sources
        The sets that it was made from, and which table of theirs went into each.
    decision
        The decision whose rules made the difference, if it was one.
    actions
        What they do, shape ``(tables, contexts)``.
    whole, scale
        The tables in integers, in units of one over `scale`; ``None`` where only floats are looked at.
    bonus
        What is earned besides, where that is asked for.
    order
        Numbers that are ordered as the entries are, by exact value, where there are such already.
    """

    scope: tuple[int, ...]
    values: Array
    sources: tuple[tuple[ValueSet, Ints], ...] = ()
    decision: int | None = None
    actions: Ints | None = None
    whole: Array | None = None
    scale: int = 1
    bonus: Array | None = None
    order: Ints | None = None

    @property
    def count(self) -> int:
        """The number of tables."""
        return len(self.values)

    @cached_property
    def ranks(self) -> Ints | None:
        """The place of every entry among those of the set, by its exact value; ``None`` where there are but floats."""
        if self.order is not None or self.whole is None:
            return self.order
        return _ranked(self.whole).reshape(self.values.shape)

    @cached_property
    def keys(self) -> Array:
        """What tables are compared by, as rows: ranks by value and bonus, or the values."""
        if self.ranks is None:
            return self.values.reshape(self.count, -1)
        if self.bonus is None:
            return self.ranks.reshape(self.count, -1)
        bonus = _ranked(self.bonus)
        found: Array = self.ranks.reshape(self.count, -1) * (int(bonus.max()) + 1) + bonus.reshape(self.count, -1)
        return found

    def mapped(
        self,
        function: Callable[[Array], Array],
        scope: tuple[int, ...],
        sources: tuple[tuple[ValueSet, Ints], ...],
        decision: int | None,
        actions: Ints | None,
    ) -> ValueSet:
        """Do the same with all arrays of entries."""
        return ValueSet(
            scope, function(self.values), sources, decision, actions,
            None if self.whole is None else function(self.whole), self.scale,
            None if self.bonus is None else function(self.bonus),
            None if self.ranks is None else function(self.ranks),
        )  # fmt: skip

    def taken(self, at: Ints, values: Array | None = None) -> ValueSet:
        """Return some of the tables, with other values if they are given."""
        sources = tuple([(source, which[at]) for source, which in self.sources])
        actions = None if self.actions is None else self.actions[at]
        if values is None:
            return self.mapped(lambda array: array[at], self.scope, sources, self.decision, actions)
        values = values.reshape(len(at), *self.values.shape[1:])
        return ValueSet(self.scope, values, sources, self.decision, actions)


@dataclass(frozen=True, slots=True)
class Optimum:
    """What elimination ends with: a value, and the rule that each decision follows, as actions by context.

    `exactly` is the value in exact arithmetic, where that was asked for, and `bonus` what is earned besides.
    """

    value: float
    actions: dict[int, Ints]
    exactly: Fraction | None = None
    bonus: float = 0.0


def exact_optimum(
    problem: Problem,
    members: Sequence[Member],
    bonus: Mapping[int, Array] | None = None,
    progress: bool = False,
    work: Work | None = None,
) -> Optimum | None:
    """Return an optimal policy, in exact arithmetic; ``None`` where that is out of reach.

    Parameters
    ----------
    problem
        The problem. No two decisions share a rule.
    members
        The decisions that matter, one each, with the observations that their rules depend on.
    bonus
        Per decision what its actions earn besides, which decides between optimal policies alone; not negative. Axes:
        the decision, then all its parents, an axis of length one where it does not matter.
    progress
        Show a progress bar.
    work
        What may be done.
    """
    unit = utility_unit([np.asarray(table) for table, _ in problem.pairs(problem.utilities).values()])
    if unit is None:
        return None
    try:
        return Elimination(problem, members, uncut(MOST), work or Work(WORK), unit, bonus).optimum(progress)
    except (TooManyTablesError, OverflowError):
        return None


class Elimination:
    """Variables summed out, decisions made, from the leaves up; in integers where a `unit` of utilities is given."""

    def __init__(
        self,
        problem: Problem,
        members: Sequence[Member],
        cut: Cut,
        work: Work,
        unit: int | None = None,
        bonus: Mapping[int, Array] | None = None,
    ) -> None:
        self.problem, self.cut, self.work, self.unit, self.bonus = problem, cut, work, unit, bonus
        self.cards = problem.view.cards
        self.laws: dict[tuple[int, ...], Array] = {}
        self.member = {m.decisions[0]: m for m in members}
        self.parents = {u: problem.view.index.parents[u] for u in problem.utilities}
        waiting = [p for u in problem.utilities for p in self.parents[u]]
        while waiting:
            v = waiting.pop()
            if v not in self.parents:
                self.parents[v] = self._above(v)
                waiting += self.parents[v]

    def _above(self, v: int) -> tuple[int, ...]:
        """Return what has to be there still when a variable goes."""
        parents = self.problem.view.index.parents[v]
        if v not in self.member:
            return parents
        scope = self.member[v].scopes[0]
        if self.bonus is None or v not in self.bonus:
            return scope
        sizes = self.bonus[v].shape[1:]
        return (*scope, *(p for p, n in zip(parents, sizes, strict=True) if n > 1 and p not in scope))

    def optimum(self, progress: bool = False) -> Optimum:
        """Return the largest value in the end, and the rules that it was made of."""
        ends = self.ends(progress)
        exactly = None
        if self.unit is not None:
            exactly = sum(
                (Fraction(int(s.whole.ravel()[at]), s.scale) for s, at in ends if s.whole is not None), Fraction()
            )
        bonus = sum(float(s.bonus.ravel()[at]) for s, at in ends if s.bonus is not None)
        value = sum(float(s.values.ravel()[at]) for s, at in ends) if exactly is None else float(exactly)
        return Optimum(value, _traced(ends), exactly, bonus)

    def ends(self, progress: bool = False) -> list[tuple[ValueSet, int]]:
        """Return what is left in the end, parts that add up, each with the position of its largest table."""
        bag: Bag[ValueSet] = Bag(self.parents, self.problem.utilities, self.cards)
        for u, (table, _) in self.problem.pairs(self.problem.utilities).items():
            bag.put(self._utility(u, np.asarray(table)))
        total = len(self.parents) - len(set(self.problem.utilities))
        for _ in progress_bar(range(total), "multiple policy updating", shown=progress):
            v = bag.next()
            having = bag.take(v)
            if v not in self.member:
                bag.put(*[self._pruned(self._averaged(s, v)) for s in having])
            elif having:
                joint = having[0]
                for s in having[1:]:
                    joint = self._joined(joint, s)
                bag.put(self._decided(joint, self.member[v]))
            bag.gone(v)
        return [(s, int(s.keys.argmax())) for s in bag.sets.values()]

    # Steps -----------------------------------------------------------------------------------------------------------

    def _utility(self, u: int, table: Array) -> ValueSet:
        """Return the set of a utility alone."""
        order = np.argsort(self.parents[u])
        found = ValueSet(tuple(sorted(self.parents[u])), table.transpose(order)[None])
        if self.unit is None:
            return found
        read = whole_utilities(table, self.unit).table.astype(object)
        return ValueSet(found.scope, found.values, whole=read.transpose(order)[None], scale=self.unit)

    def _averaged(self, s: ValueSet, v: int) -> ValueSet:
        """Sum a chance node out."""
        scope = tuple(sorted({*s.scope, *self.parents[v]} - {v}))
        entries = s.count * prod(self.cards[w] for w in (*scope, v))
        self._require(entries)
        table = np.asarray(self.problem.pairs([v])[v][0])
        label = {w: i + 1 for i, w in enumerate((*scope, v))}

        def mean(array: Array, law: Array) -> Array:
            found: Array = np.einsum(
                array, [0, *(label[w] for w in s.scope)],
                law, [label[w] for w in (*self.parents[v], v)],
                [0, *(label[w] for w in scope)],
            )  # fmt: skip
            return found

        sources = ((s, np.arange(s.count)),)
        if s.whole is None:
            self.work.count(entries)
            return ValueSet(scope, mean(s.values, table), sources)
        self.work.count(entries * INTEGER)
        law = self._read(table)
        order = (*scope, v)
        inner = tuple(sorted(order))
        whole = self._spread(s.whole, s.scope, inner) * self._spread(law.table[None], (*self.parents[v], v), inner)
        whole = whole.sum(axis=1 + inner.index(v))
        whole = np.broadcast_to(whole, (s.count, *(self.cards[w] for w in scope)))
        scale = s.scale * int(law.table.reshape(-1, self.cards[v])[0].sum())
        bonus = None
        if s.bonus is not None:
            positive = mean((s.bonus > 0).astype(float), (table > 0).astype(float)) > 0
            bonus = np.where(positive, np.maximum(mean(s.bonus, table), LEAST_BONUS), 0.0)
        return ValueSet(scope, _rounded(whole, scale), sources, whole=whole, scale=scale, bonus=bonus)

    def _read(self, table: Array) -> Whole:
        """Return a table of distributions in integers."""
        read = whole_distributions(table)
        if read is None:
            raise TooManyTablesError
        return Whole(read.table.astype(object), read.largest)

    def _joined(self, one: ValueSet, other: ValueSet) -> ValueSet:
        """Return every sum of a table from each, pruned."""
        scope = tuple(sorted({*one.scope, *other.scope}))
        entries = prod(self.cards[v] for v in scope)
        self._require(other.count * entries)
        at_once = max(1, ENTRIES // (4 * other.count * entries))
        parts = []
        for start in range(0, one.count, at_once):
            first, second = np.divmod(np.arange(min(at_once, one.count - start) * other.count), other.count)
            first += start
            if len(first) * entries > FEW_SUMS and one.whole is not None:
                left, right = self._flat(one, one.values, scope), self._flat(other, other.values, scope)
                slack = 2.0**-50 * float(np.abs(left).max() + np.abs(right).max())
                # Equal by their parts, bonus and all.
                ours, theirs = (_ranked(x.keys).reshape(x.values.shape) for x in (one, other))
                same = self._flat(one, ours, scope)[first] * (int(theirs.max()) + 1)
                same = same + self._flat(other, theirs, scope)[second]
                sums = left[first] + right[second]
                at = undominated(sums, self.work, same, slack)
                first, second = first[at], second[at]
            parts.append(self._pruned(self._sums(one, other, first, second, scope)))
        return self._united(parts)

    def _sums(self, one: ValueSet, other: ValueSet, first: Ints, second: Ints, scope: tuple[int, ...]) -> ValueSet:
        """Return some sums of a table from each."""
        shape = (len(first), *(self.cards[v] for v in scope))

        def both(left: Array, right: Array) -> Array:
            self.work.count(prod(shape) * (INTEGER if left.dtype == object else 1))
            total = self._spread(left[first], one.scope, scope) + self._spread(right[second], other.scope, scope)
            return np.broadcast_to(total, shape)

        sources = ((one, first), (other, second))
        if one.whole is None or other.whole is None:
            return ValueSet(scope, both(one.values, other.values), sources)
        scale = lcm(one.scale, other.scale)
        whole = both(one.whole * (scale // one.scale), other.whole * (scale // other.scale))
        bonus = None
        if one.bonus is not None or other.bonus is not None:
            none = np.zeros
            bonus = both(
                none(one.values.shape) if one.bonus is None else one.bonus,
                none(other.values.shape) if other.bonus is None else other.bonus,
            )
        return ValueSet(scope, _rounded(whole, scale), sources, whole=whole, scale=scale, bonus=bonus)

    def _decided(self, s: ValueSet, m: Member) -> ValueSet:
        """Replace every table by those that the rules of a decision make of it, pruned."""
        (d,), (seen,) = m.decisions, m.scopes
        source, s = s, self._rewarded(s, d)
        rest = tuple([v for v in s.scope if v != d and v not in seen])
        if not rest and m.limit is None:
            return self._pruned(self._best(s, source, m))
        places = self._places(s, m, rest)
        keys = s.keys.ravel()[places]
        parts = [self._ruled(s, source, m, at, places, keys, rest) for at in self._portions(s.count, m, keys.shape[3])]
        return self._united(parts)

    def _rewarded(self, s: ValueSet, d: int) -> ValueSet:
        """Add the bonus of a decision."""
        if self.bonus is None or d not in self.bonus:
            return s
        family = (d, *self.problem.view.index.parents[d])
        bonus = self.bonus[d]
        used = [i for i, v in enumerate(family) if bonus.shape[i] > 1 or v == d]
        scope = tuple(sorted({*s.scope, *(family[i] for i in used)}))
        shape = (s.count, *(self.cards[v] for v in scope))
        self._require(prod(shape))
        bonus = bonus.reshape([bonus.shape[i] for i in used])[None]
        more = self._spread(bonus, tuple([family[i] for i in used]), scope)
        if s.bonus is not None:
            more = more + self._spread(s.bonus, s.scope, scope)

        def wide(array: Array) -> Array:
            return np.broadcast_to(self._spread(array, s.scope, scope), shape)

        whole, ranks = (None if array is None else wide(array) for array in (s.whole, s.ranks))
        more = np.broadcast_to(more, shape)
        return ValueSet(scope, wide(s.values), whole=whole, scale=s.scale, bonus=more, order=ranks)

    def _places(self, s: ValueSet, m: Member, rest: tuple[int, ...]) -> Ints:
        """Return where entries are, by ``(tables, actions, contexts, rest)``."""
        (d,), (seen,) = m.decisions, m.scopes
        order = tuple(sorted({*s.scope, *seen}))
        where = self._spread(np.arange(s.values.size).reshape(s.values.shape), s.scope, order)
        where = where.transpose(0, *(1 + order.index(v) for v in (d, *seen, *rest)))
        shape = (s.count, m.card, *(self.cards[v] for v in seen), *where.shape[2 + len(seen) :])
        self._require(prod(shape))
        return np.broadcast_to(where, shape).reshape(s.count, m.card, m.contexts, -1)

    def _best(self, s: ValueSet, source: ValueSet, m: Member) -> ValueSet:
        """Take the best action in every context, where nothing else bears on it."""
        axis = 1 + s.scope.index(m.decisions[0])
        scope = tuple([v for v in s.scope if v != m.decisions[0]])
        chosen = s.keys.reshape(s.values.shape).argmax(axis=axis)
        full = chosen.reshape(s.count, *(self.cards[v] if v in scope else 1 for v in sorted(m.scopes[0])))
        full = full.transpose(0, *(1 + sorted(m.scopes[0]).index(v) for v in m.scopes[0]))
        actions = np.broadcast_to(full, (s.count, *m.shape)).reshape(s.count, -1)
        at = np.expand_dims(chosen, axis)

        def best(array: Array) -> Array:
            found: Array = np.take_along_axis(array, at, axis).squeeze(axis)
            return found

        return s.mapped(best, scope, ((source, np.arange(s.count)),), m.decisions[0], actions)

    def _portions(self, count: int, m: Member, width: int) -> Iterable[Ints]:
        """Yield which tables to give rules to at once."""
        at_once = max(1, ENTRIES // (m.count * m.contexts * width)) if m.count <= LISTED else 1
        for start in range(0, count, at_once):
            yield np.arange(start, min(count, start + at_once))

    def _ruled(
        self, s: ValueSet, source: ValueSet, m: Member, at: Ints, places: Ints, block: Array, rest: tuple[int, ...]
    ) -> ValueSet:
        """Give some tables every rule worth a look, and prune; `block` are the keys at `places`."""
        contexts = np.arange(m.contexts)
        if m.count <= LISTED:
            rules = m.numbered(np.arange(m.count)).T
            self._require(len(at) * len(rules) * m.contexts * block.shape[3])
            keys = block[at[:, None, None], rules[None], contexts[None, None]]
            keys = keys.reshape(-1, *keys.shape[2:])
            which, actions = np.repeat(at, len(rules)), np.tile(rules, (len(at), 1))
            if s.whole is not None:
                left = undominated(keys.reshape(len(keys), -1), self.work)
                keys, which, actions = keys[left], which[left], actions[left]
        else:
            own = (*m.scopes[0], *rest)
            order = tuple(sorted(own))
            reach = self._reach(order).transpose([order.index(v) for v in own])
            keys, actions = self._context_by_context(block[at[0]], m, reach.reshape(m.contexts, -1))
            which = np.repeat(at, len(actions))
        (d,), (seen,) = m.decisions, m.scopes
        scope = tuple(sorted({*s.scope, *seen} - {d}))
        axes = (*seen, *rest)

        def shaped(array: Array) -> Array:
            array = array.reshape(len(array), *(self.cards[v] for v in axes))
            return array.transpose(0, *(1 + axes.index(v) for v in scope))

        sources = ((source, which),)
        if s.whole is None:  # where sets are cut, what is kept need not be what was there
            return self._pruned(ValueSet(scope, shaped(keys), sources, d, actions))
        there = shaped(places[which[:, None], actions, contexts[None]])
        return self._pruned(s.mapped(lambda array: array.ravel()[there], scope, sources, d, actions))

    def _reach(self, scope: tuple[int, ...]) -> Array:
        """Return how often variables have which values where every allowed action is as likely; or as if all were.

        Only what is kept of a set hangs on it, and never a bound.
        """
        shape = [self.cards[v] for v in scope]
        if self.cut.exact:
            return np.ones(shape)
        if scope not in self.laws:
            at_random = Profiles(self.problem, tuple(self.member.values()), 1)
            for m in self.member.values():
                law = (m.may / m.may.sum(axis=1, keepdims=True)).T.reshape(m.card, *m.shape, 1)
                at_random.rules[m.decisions[0]] = law
            small = at_random.is_small(scope, WIDE_LAW)
            self.laws[scope] = at_random.law(scope)[..., 0] + LEAST_REACH if small else np.ones(shape)
        return self.laws[scope]

    def _context_by_context(self, block: Array, m: Member, reach: Array) -> tuple[Array, Ints]:
        """Return the keys and the actions of rules for one table, actions beaten in their context left out."""
        values, actions = np.zeros((1, 0, block.shape[2]), dtype=block.dtype), np.zeros((1, 0), dtype=np.int64)
        for context, may in enumerate(m.may):
            allowed = np.flatnonzero(may)
            options = allowed[undominated(block[allowed, context], self.work)]
            self._require(len(values) * len(options) * (context + 1) * block.shape[2])
            pairs = np.array(list(product(range(len(values)), options)), dtype=np.int64)
            values = np.concatenate([values[pairs[:, 0]], block[pairs[:, 1], context][:, None]], axis=1)
            actions = np.concatenate([actions[pairs[:, 0]], pairs[:, 1:]], axis=1)
            if len(values) > self.cut.most:
                weights = reach[: context + 1].ravel()
                at, kept = self.cut.rows(values.reshape(len(values), -1), weights)
                values, actions = kept.reshape(len(at), *values.shape[1:]), actions[at]
        return values, actions

    def _united(self, parts: Sequence[ValueSet]) -> ValueSet:
        """Put sets that were made from the same sources together, pruned."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0]
        sources = tuple(
            (source, np.concatenate([part.sources[i][1] for part in parts]))
            for i, (source, _) in enumerate(first.sources)
        )

        def all_of(name: str) -> Array | None:
            arrays = [getattr(part, name) for part in parts]
            return None if arrays[0] is None else np.concatenate(arrays)

        values = np.concatenate([part.values for part in parts])
        whole = ValueSet(
            first.scope, values, sources, first.decision, all_of("actions"), all_of("whole"), first.scale,
            bonus=all_of("bonus"),
        )  # fmt: skip
        return self._pruned(whole)

    def _pruned(self, s: ValueSet) -> ValueSet:
        """Leave out what is never needed, and cut what is left down to what may be kept."""
        if s.count == 1:
            return s
        keys = s.keys
        at = undominated(keys, self.work)
        if HULL < len(at) <= self.cut.worth_a_look and keys.shape[1] <= WIDE:
            at = at[outside(s.values.reshape(s.count, -1)[at], keys[at], self.work)]
        if len(at) <= self.cut.most:
            return s.taken(at)
        kept, values = self.cut.rows(s.values.reshape(s.count, -1)[at], self._reach(s.scope).ravel())
        return s.taken(at[kept], values)

    # Arrays ----------------------------------------------------------------------------------------------------------

    def _spread(self, array: Array, own: Sequence[int], scope: Sequence[int]) -> Array:
        """Bring tables over some variables to the axes of more, ascending; a new axis has length one."""
        sizes = dict(zip(own, array.shape[1:], strict=True))
        order = sorted(own)
        if order != list(own):
            array = array.transpose(0, *(1 + own.index(v) for v in order))
        return array.reshape(len(array), *(sizes.get(v, 1) for v in scope))

    def _flat(self, s: ValueSet, array: Array, scope: Sequence[int]) -> Array:
        """Return tables over more variables as rows."""
        full = (s.count, *(self.cards[v] for v in scope))
        return np.broadcast_to(self._spread(array, s.scope, scope), full).reshape(s.count, -1)

    def _require(self, entries: int) -> None:
        """Refuse to write too many numbers at once."""
        if entries > min(ENTRIES, self.problem.max_table):
            raise TooManyTablesError


def _rounded(whole: Array, scale: int) -> Array:
    """Return integers over a scale as the floats nearest to them."""
    found = np.empty(whole.size)
    found[:] = [int(number) / scale for number in whole.ravel().tolist()]
    return found.reshape(whole.shape)


def _ranked(entries: Array) -> Ints:
    """Return for each entry, flat, how many different ones are smaller."""
    if entries.size > TINY:
        return np.unique(entries.ravel(), return_inverse=True)[1].reshape(-1)
    listed = entries.ravel().tolist()
    place = {entry: i for i, entry in enumerate(sorted(set(listed)))}
    return np.array([place[entry] for entry in listed], dtype=np.int64)


def _traced(ends: Sequence[tuple[ValueSet, int]]) -> dict[int, Ints]:
    """Read off the rules that some tables were made of."""
    found: dict[int, Ints] = {}
    waiting = list(ends)
    while waiting:
        s, at = waiting.pop()
        if s.decision is not None and s.actions is not None:
            found[s.decision] = s.actions[at]
        waiting += [(source, int(which[at])) for source, which in s.sources]
    return found

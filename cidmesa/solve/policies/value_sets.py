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

**Brackets.** Where a set outgrows :data:`MOST` tables, :math:`K` of them that are far apart are kept instead: the
optimum among what they stand for is the value of a policy, a lower bound. Merge every table into the nearest of them,
as the larger entry everywhere, and the result is an upper bound. Both take the same steps.

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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, log, prod

import numpy as np

from cidmesa.arrays import Array, Ints
from cidmesa.clock import UNLIMITED, Budget, progress_bar
from cidmesa.solve.policies.policy_batch import Member
from cidmesa.solve.policies.problem import Problem

HULL = 60
"""Larger sets are pruned by convex combinations too; in smaller ones looking for them costs more than it saves."""

MOST = 2048
"""How many tables a set may have before it is bracketed."""

ENTRIES = 2**24
"""How many numbers a step may write at once."""

CAPS = (32, 128)
"""To how many tables sets are cut for a bracket, one after the other, until both ends meet or are close."""

CLOSE = 1e-3
"""A bracket whose ends are closer than this share of the upper one is close enough."""

LISTED = 64
"""Up to so many rules of a decision are written out at once; more of them context by context."""

WIDE = 256
"""Tables of more entries than that are not compared with convex combinations."""

ROUNDING = 2.0**-46
"""By how much, relative to the largest entry, a mixture may be below a table that it stands for."""

WORK = 2**34
"""How many numbers may be compared before a set is bracketed: some ten seconds. A bracket has an eighth of it."""


class TooManyTablesError(Exception):
    """A set, a table or the work of comparing them outgrew what is allowed."""


@dataclass(frozen=True, slots=True, eq=False)
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
    """

    scope: tuple[int, ...]
    values: Array
    sources: tuple[tuple[ValueSet, Ints], ...] = ()
    decision: int | None = None
    actions: Ints | None = None

    @property
    def count(self) -> int:
        """The number of tables."""
        return len(self.values)

    @property
    def flat(self) -> Array:
        """The tables as rows."""
        return self.values.reshape(self.count, -1)

    def taken(self, at: Ints, values: Array | None = None) -> ValueSet:
        """Return some of the tables, with other values if they are given."""
        return ValueSet(
            self.scope,
            self.values[at] if values is None else values.reshape(len(at), *self.values.shape[1:]),
            tuple([(source, which[at]) for source, which in self.sources]),
            self.decision,
            None if self.actions is None else self.actions[at],
        )

    def over(self, scope: Sequence[int], cards: Sequence[int]) -> Array:
        """Return the tables over more variables, in ascending order; an axis of length one stands for a new one."""
        return self.values.reshape(self.count, *(cards[v] if v in self.scope else 1 for v in scope))


@dataclass(frozen=True, slots=True)
class Cut:
    """What a set is cut down to.

    Attributes
    ----------
    rows
        Takes tables as rows, none below another; returns the positions of those to go on with, and their values.
    worth_a_look
        Up to how many tables convex combinations are looked for before that.
    exact
        Whether nothing that may be needed is cut.
    """

    rows: Callable[[Array], tuple[Ints, Array]]
    worth_a_look: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Optimum:
    """What elimination ends with: a value, and the rule that each decision follows, as actions by context."""

    value: float
    actions: dict[int, Ints]


@dataclass(frozen=True, slots=True)
class Bracket:
    """A policy, what no policy is worth more than, and how many variables were summed out.

    `cap` is how many tables a set was cut to; ``None`` where none was, so that the policy is optimal.
    """

    low: Optimum
    high: float
    steps: int
    cap: int | None = None


def multiple_policy_updating(
    problem: Problem, members: Sequence[Member], progress: bool = False, budget: Budget = UNLIMITED
) -> Bracket | None:
    """Return an optimal policy, or one with a bound; ``None`` where not even the tables of one policy are small enough.

    Parameters
    ----------
    problem
        The problem. No two decisions share a rule.
    members
        The decisions that matter, one each, with the observations that their rules depend on.
    progress
        Show a progress bar.
    budget
        How long it may take. Half of it may go into the optimum, the rest into brackets.

    Raises
    ------
    OutOfTimeError
        No time was left for any bracket.
    """
    half = budget.left / 2
    steps = _Elimination(problem, members, _all(), lambda: budget.left < half)
    try:
        found = steps.optimum(progress)
    except TooManyTablesError:
        pass
    else:
        return Bracket(found, found.value, len(steps.parents))
    low: Optimum | None = None
    high, used = inf, 0
    for cap in CAPS:
        try:
            below = _Elimination(problem, members, _few(cap), lambda: budget.is_spent).optimum(progress)
            above = _Elimination(problem, members, _merged(cap), lambda: budget.is_spent).optimum(progress)
        except TooManyTablesError:
            break
        low = below if low is None or below.value > low.value else low
        high, used = min(high, above.value), cap
        if high - low.value <= CLOSE * abs(high):
            break
    if low is None:
        budget.check("multiple policy updating", "let the decisions observe less")
        return None
    return Bracket(low, high, len(steps.parents), used)


class _Elimination:
    """Variables summed out, decisions made, from the leaves up."""

    def __init__(self, problem: Problem, members: Sequence[Member], cut: Cut, late: Callable[[], bool]) -> None:
        self.problem, self.cut, self.late = problem, cut, late
        self.cards = problem.view.cards
        self.member = {m.decisions[0]: m for m in members}
        self.parents = {u: problem.view.index.parents[u] for u in problem.utilities}
        waiting = [p for u in problem.utilities for p in self.parents[u]]
        while waiting:
            v = waiting.pop()
            if v not in self.parents:
                self.parents[v] = self.member[v].scopes[0] if v in self.member else problem.view.index.parents[v]
                waiting += self.parents[v]
        self.work, self.most = 0, WORK if cut.exact else WORK // 8

    def optimum(self, progress: bool) -> Optimum:
        """Return the largest value in the end, and the rules that it was made of."""
        sets = [
            ValueSet(tuple(sorted(self.parents[u])), _ascending(self.parents[u], np.asarray(table))[None])
            for u, (table, _) in self.problem.pairs(self.problem.utilities).items()
        ]
        children = dict.fromkeys(self.parents, 0)
        for v, above in self.parents.items():
            if v not in self.problem.utilities:
                for p in above:
                    children[p] += 1
        free = {v for v, count in children.items() if not count and v not in self.problem.utilities}
        total = len(self.parents) - len(set(self.problem.utilities))
        for _ in progress_bar(range(total), "multiple policy updating", shown=progress):
            v = min(free, key=lambda v: (self._weight(v, sets), -v))
            sets = self._without(v, sets)
            free.discard(v)
            for p in self.parents[v]:
                children[p] -= 1
                if not children[p]:
                    free.add(p)
        ends = [(s, int(s.values.argmax())) for s in sets]
        return Optimum(sum(float(s.values[at]) for s, at in ends), _traced(ends))

    def _weight(self, v: int, sets: Sequence[ValueSet]) -> float:
        """Return the logarithm of what taking a variable out next would write."""
        scope = set(self.parents[v])
        counts = 0.0
        for s in sets:
            if v in s.scope:
                scope.update(s.scope)
                counts += log(s.count)
        return counts + sum(log(self.cards[w]) for w in scope)

    def _without(self, v: int, sets: Sequence[ValueSet]) -> list[ValueSet]:
        """Take a variable out."""
        rest = [s for s in sets if v not in s.scope]
        having = sorted((s for s in sets if v in s.scope), key=lambda s: s.flat.size)
        if v not in self.member:
            table = self.problem.pairs([v])[v][0]
            return rest + [self._pruned(self._averaged(s, v, np.asarray(table))) for s in having]
        if not having:  # nothing hears of it
            return rest
        joint = having[0]
        for s in having[1:]:
            joint = self._joined(joint, s)
        return [*rest, self._decided(joint, self.member[v])]

    # Steps -----------------------------------------------------------------------------------------------------------

    def _averaged(self, s: ValueSet, v: int, table: Array) -> ValueSet:
        """Sum a chance node out."""
        scope = tuple(sorted({*s.scope, *self.parents[v]} - {v}))
        self._require(s.count * prod(self.cards[w] for w in (*scope, v)))
        label = {w: i + 1 for i, w in enumerate((*scope, v))}
        values = np.einsum(
            s.values, [0, *(label[w] for w in s.scope)],
            table, [label[w] for w in (*self.parents[v], v)],
            [0, *(label[w] for w in scope)],
        )  # fmt: skip
        return ValueSet(scope, values, ((s, np.arange(s.count)),))

    def _joined(self, one: ValueSet, other: ValueSet) -> ValueSet:
        """Return every sum of a table from each, pruned."""
        scope = tuple(sorted({*one.scope, *other.scope}))
        entries = prod(self.cards[v] for v in scope)
        self._require(other.count * entries)
        at_once = max(1, ENTRIES // (other.count * entries))
        right = other.over(scope, self.cards)
        parts = []
        for start in range(0, one.count, at_once):
            left = one.over(scope, self.cards)[start : start + at_once]
            values = (left[:, None] + right[None]).reshape(-1, *(self.cards[v] for v in scope))
            first, second = np.divmod(np.arange(len(values)), other.count)
            parts.append(self._pruned(ValueSet(scope, values, ((one, first + start), (other, second)))))
        return self._united(parts)

    def _decided(self, s: ValueSet, m: Member) -> ValueSet:
        """Replace every table by those that the rules of a decision make of it, pruned."""
        (d,), (seen,) = m.decisions, m.scopes
        rest = tuple([v for v in s.scope if v != d and v not in seen])
        if not rest and m.limit is None:
            return self._pruned(self._best(s, m))
        shape = [self.cards[v] for v in seen]
        whole = s.over(order := tuple(sorted({*s.scope, *seen})), self.cards)
        axes = [0, *(1 + order.index(v) for v in (d, *seen, *rest))]
        block = whole.transpose(axes)
        block = np.broadcast_to(block, (s.count, m.card, *shape, *block.shape[2 + len(seen) :]))
        block = block.reshape(s.count, m.card, m.contexts, -1)
        parts = [self._ruled(s, m, at, block, rest) for at in self._portions(s.count, m, block.shape[3])]
        return self._united(parts)

    def _best(self, s: ValueSet, m: Member) -> ValueSet:
        """Take the best action in every context, where nothing else bears on it."""
        axis = 1 + s.scope.index(m.decisions[0])
        scope = tuple([v for v in s.scope if v != m.decisions[0]])
        chosen = s.values.argmax(axis=axis)
        full = chosen.reshape(s.count, *(self.cards[v] if v in scope else 1 for v in sorted(m.scopes[0])))
        full = full.transpose(0, *(1 + sorted(m.scopes[0]).index(v) for v in m.scopes[0]))
        actions = np.broadcast_to(full, (s.count, *m.shape)).reshape(s.count, -1)
        return ValueSet(scope, s.values.max(axis=axis), ((s, np.arange(s.count)),), m.decisions[0], actions)

    def _portions(self, count: int, m: Member, width: int) -> Iterable[Ints]:
        """Yield which tables to give rules to at once."""
        at_once = max(1, ENTRIES // (m.count * m.contexts * width)) if m.count <= LISTED else 1
        for start in range(0, count, at_once):
            yield np.arange(start, min(count, start + at_once))

    def _ruled(self, s: ValueSet, m: Member, at: Ints, block: Array, rest: tuple[int, ...]) -> ValueSet:
        """Give some tables, shape ``(tables, actions, contexts, rest)``, every rule worth a look, and prune."""
        if m.count <= LISTED:
            rules = m.numbered(np.arange(m.count)).T
            values = block[at[:, None, None], rules[None], np.arange(m.contexts)[None, None]]
            which = np.repeat(at, len(rules))
            actions = np.tile(rules, (len(at), 1))
            values = values.reshape(-1, *values.shape[2:])
        else:
            values, actions = self._context_by_context(block[at[0]], m)
            which = np.repeat(at, len(actions))
        (d,), (seen,) = m.decisions, m.scopes
        scope = tuple(sorted({*s.scope, *seen} - {d}))
        shaped = values.reshape(len(values), *(self.cards[v] for v in (*seen, *rest)))
        shaped = shaped.transpose(0, *(1 + (*seen, *rest).index(v) for v in scope))
        return self._pruned(ValueSet(scope, shaped, ((s, which),), d, actions))

    def _context_by_context(self, block: Array, m: Member) -> tuple[Array, Ints]:
        """Return the values and the actions of rules for one table, actions beaten in their context left out."""
        values, actions = np.zeros((1, 0, block.shape[2])), np.zeros((1, 0), dtype=np.int64)
        for context, may in enumerate(m.may):
            allowed = np.flatnonzero(may)
            options = allowed[self._undominated(block[allowed, context])]
            self._require(len(values) * len(options) * (context + 1) * block.shape[2])
            pairs = np.array(list(product(range(len(values)), options)), dtype=np.int64)
            values = np.concatenate([values[pairs[:, 0]], block[pairs[:, 1], context][:, None]], axis=1)
            actions = np.concatenate([actions[pairs[:, 0]], pairs[:, 1:]], axis=1)
            at, kept = self.cut.rows(values.reshape(len(values), -1))
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
        actions = [part.actions for part in parts if part.actions is not None]
        values = np.concatenate([part.values for part in parts])
        whole = ValueSet(first.scope, values, sources, first.decision, np.concatenate(actions) if actions else None)
        return self._pruned(whole)

    # Pruning ---------------------------------------------------------------------------------------------------------

    def _pruned(self, s: ValueSet) -> ValueSet:
        """Leave out what is never needed, and cut what is left down to what may be kept."""
        if s.count == 1:
            return s
        rows = s.flat
        at = self._undominated(rows)
        if HULL < len(at) <= self.cut.worth_a_look and rows.shape[1] <= WIDE:
            at = at[self._outside(rows[at])]
        kept, values = self.cut.rows(rows[at])
        return s.taken(at[kept], values)

    def _undominated(self, rows: Array) -> Ints:
        """Return the positions of the rows that no other one is nowhere below; of equal rows the first."""
        order = np.argsort(-rows.sum(axis=1), kind="stable")  # what is above a row comes before it
        kept: list[Ints] = []
        above = np.empty((0, rows.shape[1]))
        start = 0
        while start < len(order):
            size = max(1, min(256, ENTRIES // (rows.shape[1] * max(1, len(above)))))
            some = order[start : start + size]
            here = rows[some]
            self._count(len(here) * (len(above) + len(here)) * rows.shape[1])
            beaten = (above[:, None] >= here[None]).all(axis=2).any(axis=0) if len(above) else np.zeros(len(here), bool)
            some, here = some[~beaten], here[~beaten]
            among = np.triu((here[:, None] >= here[None]).all(axis=2), 1).any(axis=0)
            kept.append(some[~among])
            above = np.concatenate([above, here[~among]])
            start += size
        return np.sort(np.concatenate(kept))

    def _outside(self, rows: Array) -> Ints:
        """Return the positions of the rows that are above every mixture of the others in some direction.

        A row that is the largest in some direction is. For another the mixture of those that comes nearest to it or
        above is looked for (non-negative least squares); where it stays below, what is missing is a direction in which
        one more row is the largest.
        """
        width = rows.shape[1]
        size = float(np.abs(rows).max()) or 1.0
        rows = rows / size
        directions = np.vstack([np.eye(width), np.random.default_rng(0).dirichlet(np.ones(width), size=8 * width)])
        extreme = dict.fromkeys((directions @ rows.T).argmax(axis=1).tolist())
        kept = []
        for i in range(len(rows)):
            while i not in extreme:
                self._count(256 * len(extreme) * width)
                missing = _missing(rows[list(extreme)], rows[i])
                if missing is None:
                    break
                best = int((rows @ missing).argmax())
                extreme[i if best in extreme else best] = None
            else:
                kept.append(i)
        return np.array(kept)

    # Limits ----------------------------------------------------------------------------------------------------------

    def _require(self, entries: int) -> None:
        """Refuse to write too many numbers at once."""
        if entries > min(ENTRIES, self.problem.max_table):
            raise TooManyTablesError

    def _count(self, comparisons: int) -> None:
        """Refuse to go on after too much work, or too late."""
        self.work += comparisons
        if self.work > self.most or self.late():
            raise TooManyTablesError


def _missing(corners: Array, row: Array) -> Array | None:
    """Return a direction in which a row is larger than all corners; ``None`` where a mixture of them is above it."""
    from scipy.optimize import nnls

    count, width = corners.shape
    matrix = np.block([[corners.T, -np.eye(width)], [np.ones((1, count)), np.zeros((1, width))]])
    target = np.r_[row, 1.0]
    try:
        found, _ = nnls(matrix, target)
    except RuntimeError:  # too many iterations
        return np.ones(width)
    weights = found[:count]
    if weights.any() and (weights / weights.sum() @ corners >= row - ROUNDING).all():
        return None
    direction: Array = np.maximum((target - matrix @ found)[:-1], 0.0)
    return direction


def _all() -> Cut:
    """Keep all rows, or give up."""

    def cut(rows: Array) -> tuple[Ints, Array]:
        if len(rows) > MOST:
            raise TooManyTablesError
        return np.arange(len(rows)), rows

    return Cut(cut, 2 * MOST, exact=True)


def _few(cap: int) -> Cut:
    """Keep some rows that are far apart: whatever they are worth, a policy is."""

    def cut(rows: Array) -> tuple[Ints, Array]:
        at = _far_apart(rows, cap)
        return at, rows[at]

    return Cut(cut, 4 * cap)


def _merged(cap: int) -> Cut:
    """Keep as many rows, each as large everywhere as all those that it is nearest to: no policy is worth more."""

    def cut(rows: Array) -> tuple[Ints, Array]:
        at = _far_apart(rows, cap)
        if len(at) == len(rows):
            return at, rows
        distance = np.stack([np.abs(rows - rows[i]).max(axis=1) for i in at])
        values = rows[at].copy()
        np.maximum.at(values, distance.argmin(axis=0), rows)
        return at, values

    return Cut(cut, 4 * cap)


def _far_apart(rows: Array, cap: int) -> Ints:
    """Return the positions of some rows: the one with the largest sum, then whichever is farthest from those taken."""
    if len(rows) <= cap:
        return np.arange(len(rows))
    found = [int(rows.sum(axis=1).argmax())]
    distance = np.abs(rows - rows[found[0]]).max(axis=1)
    while len(found) < cap:
        found.append(int(distance.argmax()))
        distance = np.minimum(distance, np.abs(rows - rows[found[-1]]).max(axis=1))
    return np.sort(np.array(found))


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


def _ascending(scope: Sequence[int], table: Array) -> Array:
    """Put the axes of a table in ascending order of the variables."""
    return table.transpose(np.argsort(scope))

r"""Decisions solved one by one, in an order in which each is best whatever the earlier ones do.

A decision :math:`D` can be solved by itself when no other open decision's rule is *relevant* to it: then

.. math:: Q(pa, d) = \mathbb{E}\Bigl[\sum_{U \in U^D} U \Bigm| pa, d\Bigr]

depends only on mechanisms that are known, and its maximisers are optimal whatever the other decisions do. Replace
:math:`D` by its rule, and go on. Where the relevance graph has no cycle (the diagram is *soluble*, it has sufficient
recall) this solves every decision, and exactly [1]_, [2]_. It is tried in three steps:

1. as the diagram is;
2. after leaving out information links that are not requisite, which never costs anything;
3. what is left over then is *insoluble* and handed to :mod:`cidmesa.solve.policies.search`.

For :math:`Q` only the mechanisms relevant to :math:`D` are multiplied together. This is less work; it also gives the
right answer in contexts of probability zero, where the irrelevant mechanisms are what makes the context impossible.
Whatever has been summed out for :math:`D` and matters to nothing else is replaced by the result, the optimal value
given the requisite observations, so under perfect recall all decisions together cost one pass over the history.

References
----------
.. [1] S. L. Lauritzen and D. Nilsson, "Representing and solving decision problems with limited information",
   *Management Science* 47, 2001.
.. [2] D. Koller and B. Milch, "Multi-agent influence diagrams for representing and solving games", 2003.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms.place import ROW_SUM_TOLERANCE
from cidmesa.solve.tables.elimination import Factor, Plan, bits, make_plan, mask_of
from cidmesa.solve.tables.model_tables import ModelIndex, connected, require_small

_MOST_PARENTS = 62 if int(np.__version__.split(".", maxsplit=1)[0]) >= 2 else 30
"""How many axes an array may have, less two."""

_WIDE = 2**22
"""Entries that the largest table of a merged stage may have."""


class Stage(NamedTuple):
    """How to solve one decision.

    Attributes
    ----------
    decision
        The decision.
    keys
        The tables multiplied: nodes, and results of earlier stages.
    plan
        Gives the pair over (decision, its parents..., extra variables), less the parents that are `blind`.
    scope
        The parents (and extra variables) that the result depends on: the requisite observations.
    message
        The key under which the result replaces the tables, or ``None`` where they are still needed.
    blind
        The axes, in an array over the decision and all its parents, of parents left out.
    factors, keep
        What is multiplied, and which variables are kept: the axes of the plan's result.
    doubt
        How far action values may be off, at most, relative to the largest utility: by rounding, by how floats are
        read as numbers, and by rows that miss a sum of one as far as they may.
    merged
        Whether more was multiplied than the decision needs, here or in a message used here, so as to be done with it
        for all decisions. The best actions and the value are the same, because what was added is constant in the
        action; but a context that the added mechanisms make impossible is lost.
    pays
        The variables on which the value of the result depends, where it is a message.
    """

    decision: int
    keys: tuple[int, ...]
    plan: Plan
    scope: tuple[int, ...]
    message: int | None
    blind: tuple[int, ...]
    factors: tuple[Factor, ...]
    keep: tuple[int, ...]
    doubt: float
    merged: bool
    pays: tuple[int, ...] | None = None


class Schedule(NamedTuple):
    """The stages in order, and the pass that gives the value.

    Attributes
    ----------
    stages
        One per decision solved by itself.
    left
        Decisions that could not be.
    circle
        Those of them that wait for themselves, the others of a circle between; the rest wait for these.
    idle
        Decisions without a utility below them: every action is optimal.
    keys, factors, keep, plan, doubt
        The last pass, and how far its values may be off, relative to the largest utility.
    reduced
        Whether information links had to be left out.
    exact
        Plans for exact arithmetic, made when they are needed (:mod:`.ties`).
    heard
        By node the mask of what is left of its parents, links that are not requisite left out.
    """

    stages: tuple[Stage, ...]
    left: tuple[int, ...]
    idle: tuple[int, ...]
    keys: tuple[int, ...]
    factors: tuple[Factor, ...]
    keep: tuple[int, ...]
    plan: Plan | None
    doubt: float
    reduced: bool
    exact: dict[tuple[int, ...], tuple[Plan, int]]
    heard: tuple[int, ...] = ()
    circle: tuple[int, ...] = ()

    @property
    def plans(self) -> tuple[Plan, ...]:
        """All plans, in order."""
        stages = tuple([stage.plan for stage in self.stages])
        return stages if self.plan is None else (*stages, self.plan)

    @property
    def largest(self) -> int:
        """Entries of the largest table that is made."""
        return max([plan.largest for plan in self.plans], default=1)


class Scheduler:
    """Work out the order of decisions and plan each; structure only, no numbers.

    `extra` are variables beyond the diagram's that every table may depend on and that stay to the end; `given` are
    the factors of decisions whose rules are known, as a function of `extra` where need be. `observations` masks the
    parents that an open decision may make use of, all of them if nothing is said. With `merging` a stage may take in
    more than is relevant to its decision, where one pass over the history then serves all decisions. The decisions in
    `held` are not solved and keep what they observe. `reads` masks the parents on which it depends what a decision may
    do: they are never left out.
    """

    def __init__(
        self,
        index: ModelIndex,
        cards: Sequence[int],
        utilities: Iterable[int],
        decisions: Iterable[int],
        given: Mapping[int, Factor],
        extra: tuple[int, ...] = (),
        observations: Mapping[int, int] | None = None,
        merging: bool = False,
        held: Iterable[int] = (),
        reads: Mapping[int, int] | None = None,
    ) -> None:
        self.merging = merging
        self.reads = reads or {}
        self.held = frozenset(held)
        self.index = index
        self.cards = cards
        self.extra = extra
        self.beyond = mask_of(extra)
        self.utilities = mask_of(utilities)
        self.parents = list(index.beside)
        self.above: Sequence[int] | None = index.above
        if given or observations:
            thinned = {v: factor.mask & ~(1 << v | self.beyond) for v, factor in given.items()}
            for v, scope in {**thinned, **(observations or {})}.items():
                if scope != self.parents[v]:
                    self.parents[v], self.above = scope, None
        needed = self.ancestors(self.utilities)
        wanted = set(decisions)
        undecided = [v for v in index.cid.topological if v in wanted]
        self.idle = tuple([v for v in undecided if not needed >> v & 1])
        self.open = [v for v in reversed(undecided) if needed >> v & 1]
        self.live: dict[int, Factor] = {}
        self.messages: dict[int, int] = {}  # the utilities in each
        self.doubts: dict[int, float] = {}  # of each message, as of stages
        self.merged: set[int] = set()  # the messages of merged stages, and what came of them
        for v in reversed(index.cid.topological):
            if needed >> v & 1 and v not in self.open:
                self.live[v] = given[v] if v in given else own_factor(index, v)
        self.reduced = False
        self.known: dict[int, list[int]] = {}  # components, as long as nothing changes

    def ancestors(self, mask: int) -> int:
        """Return the mask of some nodes and their ancestors, in the diagram as it has been thinned so far."""
        found = 0
        if self.above is not None:
            while mask:
                low = mask & -mask
                mask ^= low
                found |= self.above[low.bit_length() - 1]
            return found
        while mask:
            low = mask & -mask
            mask ^= low
            if not found & low:
                found |= low
                mask |= self.parents[low.bit_length() - 1] & ~found
        return found

    def payoffs(self, decision: int) -> int:
        """Return the mask of the utilities that descend from a decision."""
        bit = 1 << decision
        return mask_of([u for u in bits(self.utilities) if self.index.above[u] & bit])

    def component(self, decision: int) -> list[int]:
        """Return the keys of what is relevant to a decision: live factors, and open decisions."""
        if decision not in self.known:
            self.known[decision] = self._component(decision)
        return self.known[decision]

    def _component(self, decision: int) -> list[int]:
        payoffs = self.payoffs(decision)
        bit = 1 << decision
        blocked = self.parents[decision] | bit | self.beyond
        mentioned = payoffs | bit | self.parents[decision]
        while True:
            within = self.ancestors(mentioned)
            scopes = {key: f.mask for key, f in self.live.items() if key in self.messages or within >> key & 1}
            for other in self.open:
                if other != decision and within >> other & 1:
                    scopes[other] = self.parents[other] | 1 << other
            start = [key for key in scopes if self.messages.get(key, 1 << key) & payoffs]
            found = connected(scopes, start, blocked)
            # A message may mention variables that its utilities no longer hang on: their laws belong to it still.
            if not self.messages:
                return found
            more = mentioned
            for key in found:
                if key in self.messages:
                    more |= self.live[key].mask & ~self.beyond
            if not more & ~within:
                return found
            mentioned = more

    def needed(self, mask: int = 0) -> int:
        """Return the mask of the utilities, of what live messages mention, of `mask`, and of all their ancestors.

        A message stands for tables that were multiplied when its decision was solved. Some of its variables may matter
        to no utility once later decisions have stopped listening; they are still there to be summed out, by their law.
        """
        mask |= self.utilities
        for key in self.messages:
            mask |= self.live[key].mask & ~self.beyond
        return self.ancestors(mask)

    def schedule(self, max_table: int) -> Schedule:
        """Take the decisions one by one for as long as one can be solved by itself."""
        stages: list[Stage] = []
        while self.open:
            stage = self._next(max_table)
            if stage is None and not self.reduced:
                self._reduce()
                stage = self._next(max_table)
            if stage is None:
                break
            stages.append(stage)
        left = tuple(self.open)
        if left:
            heard = tuple(self.parents)
            circle = self._circle()
            return Schedule(
                tuple(stages), left, self.idle, (), (), self.extra, None, 0.0, self.reduced, {}, heard, circle
            )
        keys = list(self.live)
        if len(self.messages) < len(keys):
            needed = self.needed()
            keys = [key for key in keys if key in self.messages or needed >> key & 1]
        factors = tuple([self.live[key] for key in keys])
        plan = make_plan(factors, self.extra, self.cards)
        require_small(self.index, plan, self.cards, max_table)
        doubt = self._doubt(plan, keys)
        heard = tuple(self.parents)
        return Schedule(
            tuple(stages), (), self.idle, tuple(keys), factors, self.extra, plan, doubt, self.reduced, {}, heard
        )

    def _circle(self) -> tuple[int, ...]:
        """Return the open decisions that wait, through others, for themselves."""
        waits = {d: mask_of(set(self.open).intersection(self.component(d)) - {d}) for d in self.open}
        for between in self.open:
            for d in self.open:
                if waits[d] >> between & 1:
                    waits[d] |= waits[between]
        return tuple([d for d in self.open if waits[d] >> d & 1])

    def _next(self, max_table: int) -> Stage | None:
        for decision in self.open:
            if decision in self.held:
                continue
            keys = self.component(decision)
            if set(self.open).isdisjoint(keys):
                return self._stage(decision, keys, max_table)
        return None

    def _stage(self, decision: int, keys: list[int], max_table: int) -> Stage:
        self.known.clear()
        parents = self.index.parents[decision]
        if len(parents) >= _MOST_PARENTS:
            name = self.index.cid.nodes[decision]
            raise NotApplicableError(
                f"`{name}` observes {len(parents)} nodes, and an array has no room for a rule over more than "
                f"{_MOST_PARENTS - 1}: solve minimal_reduction(cid), or merge observations in a node between."
            )
        blind = [i for i, v in enumerate(parents, 1) if not self.parents[decision] >> v & 1]
        keep = (decision, *[v for v in parents if self.parents[decision] >> v & 1], *self.extra)
        known = mask_of(keep)
        self.open.remove(decision)
        closed = self._is_closed(decision, keys, known)
        merged = False
        plan = None
        if not closed and self.merging and self.open:
            more = connected({key: factor.mask for key, factor in self.live.items()}, keys, known)
            if self._is_closed(decision, more, known):
                plan = make_plan([self.live[key] for key in more], keep, self.cards)
                closed = merged = plan.largest <= _WIDE
                keys = more if merged else keys
        if plan is None or not merged:
            plan = make_plan([self.live[key] for key in keys], keep, self.cards)
        require_small(self.index, plan, self.cards, max_table)
        factors = tuple([self.live[key] for key in keys])
        doubt = self._doubt(plan, keys)
        reads = self.reads.get(decision, 0)
        used = mask_of((*(plan.p or ()), *(plan.w or ()))) | reads
        scope = tuple([v for v in keep[1:] if used >> v & 1])
        message = None
        merged = merged or not self.merged.isdisjoint(keys)
        if closed:
            message = self._collapse(decision, keys, plan, keep, known, reads)
            self.doubts[message] = doubt
            if merged:
                self.merged.add(message)
        else:
            self.live[decision] = Factor(decision, (decision, *scope), heads=1 << decision)
        heard = used & known & ~(1 << decision | self.beyond)
        if heard != self.parents[decision]:
            self.parents[decision], self.above = heard, None
        pays = None if message is None else self.live[message].w
        return Stage(decision, tuple(keys), plan, scope, message, tuple(blind), factors, keep, doubt, merged, pays)

    def _doubt(self, plan: Plan, keys: Iterable[int]) -> float:
        """Return how far the entries of a plan's result may be off (see :class:`Stage`)."""
        doubt, states, cards = plan.rounding * 2.0**-52, 0, self.cards
        for key in keys:
            if key < len(cards):
                states += 1 + cards[key]
            else:
                doubt += self.doubts[key]
        return doubt + 2 * ROW_SUM_TOLERANCE * states

    def _is_closed(self, decision: int, keys: list[int], known: int) -> bool:
        """Say whether nothing else mentions what would be summed out, now or for a decision still open."""
        if not self.open and len(keys) == len(self.live):  # there is nothing else
            return True
        gone = 1 << decision
        for key in keys:
            gone |= self.live[key].mask
        gone &= ~known | 1 << decision
        inside = set(keys)
        for key, factor in self.live.items():
            if factor.mask & gone and key not in inside:
                return False
        above = self.index.above[decision]
        return not [v for v in self.open if not above >> v & 1 or (self.parents[v] | 1 << v) & gone]

    def _collapse(self, decision: int, keys: list[int], plan: Plan, keep: Sequence[int], known: int, reads: int) -> int:
        """Replace factors by their result over the requisite observations, and return its key."""
        message = len(self.cards) + decision
        paid = 0
        heads: int | None = 0
        for key in keys:
            factor = self.live.pop(key)
            paid |= self.messages.pop(key, 1 << key) & self.utilities
            if factor.p is not None:
                heads = None if heads is None or factor.heads is None else heads | factor.heads
        self.messages[message] = paid
        p = None if plan.p is None else tuple([v for v in plan.p if v != decision])
        w = None if plan.w is None else tuple([v for v in plan.w if v != decision])
        if w is not None and reads:  # the best of the allowed actions depends on what they depend on
            w = tuple([v for v in keep[1:] if v in w or reads >> v & 1])
        self.live[message] = Factor(message, p, w, None if heads is None else heads & known)
        return message

    def _reduce(self) -> None:
        """Leave out information links of open decisions that are not requisite, to the fixpoint."""
        self.reduced = True
        changed = True
        while changed:
            changed = False
            for decision in self.open:
                if decision in self.held:
                    continue
                used = 0
                for key in self.component(decision):
                    used |= self.live[key].mask if key in self.live else self.parents[key] | 1 << key
                used |= self.reads.get(decision, 0)
                if self.parents[decision] & ~used:
                    self.parents[decision] &= used
                    self.above = None
                    self.known.clear()
                    changed = True


def own_factor(index: ModelIndex, v: int) -> Factor:
    """Return the factor of a node's own table: a distribution of the node given its parents, or a utility."""
    parents = index.parents[v]
    if index.kinds[v] == "u":
        return Factor(v, None, parents, mask=index.beside[v])
    return Factor(v, (*parents, v), heads=1 << v, mask=index.beside[v] | 1 << v)

r"""The best stochastic rule that two decisions share.

Where one rule :math:`\theta` is used by two decisions, mixing can be better than any deterministic rule: an agent that
cannot tell its two situations apart has no other way to act differently in them [1]_. The expected utility is quadratic
in :math:`\theta` and linear in the rule of every other decision. Given :math:`\theta`, deterministic rules of the
others are therefore optimal, so

.. math:: \max_{\theta, s} f(\theta, s) = \max_{s \text{ deterministic}} \; \max_\theta \; \theta^T T_s\, \theta,

and the inner maximum is found exactly by listing supports (:mod:`cidmesa.solve.policies.standard_quadratic`).

Not all of the others have to be listed. A decision whose relevant mechanisms do not include the shared rule, or a
decision still open, is solved beforehand, for good; of the others the rules that depend on requisite observations are
enough. All :math:`T_s` come out of one elimination pass, in which the number of :math:`s` is one more variable.

Of a continuum of optimal shared rules the corners are looked at.

The absent-minded driver passes two exits that look alike; the second one is home:

>>> import cidmesa as cm
>>> cid = cm.CID([("first", "pay"), ("second", "pay")], decisions=["first", "second"], utilities=["pay"])
>>> driver = cid.parameterise(first=["on", "exit"], second=["on", "exit"],
...     pay=lambda first, second: 0 if first == "exit" else 4 if second == "exit" else 1)
>>> found = driver.solve(shared_rules=[("first", "second")])
>>> round(found.value, 9), found.method
(1.333333333, 'supports of a shared rule')

References
----------
.. [1] M. Piccione and A. Rubinstein, "On the interpretation of decision problems with imperfect recall", *Games and
   Economic Behavior* 20, 1997: the absent-minded driver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from cidmesa.arrays import Array
from cidmesa.solve.policies.carrying_out import carry_out
from cidmesa.solve.policies.decision_order import Schedule, Scheduler
from cidmesa.solve.policies.policy_batch import Member, Profiles, block_size, member
from cidmesa.solve.policies.problem import Found, Problem
from cidmesa.solve.policies.search import BLOCK, all_of_them, set_numbered
from cidmesa.solve.policies.standard_quadratic import Peaks, highest, number_of_supports, peaks
from cidmesa.solve.policies.ties import Ties
from cidmesa.solve.tables.elimination import Pair, Plan, make_plan, mask_of, run
from cidmesa.solve.tables.model_tables import require_small

_LISTED = 2**17
"""How many pairs of a support and a profile of the other decisions are listed."""

_NEAR = 1e-12
"""How far sums of products may be off, relative to the largest utility; rules this close are compared exactly."""


def best_shared_pair(problem: Problem, groups: tuple[tuple[int, ...], ...]) -> Found | None:
    """Find the best stochastic rules where one rule is used twice; ``None`` where this does not apply.

    It applies where two of the decisions that matter share a rule, no other two do, and the rules to list are few.
    """
    view, index = problem.view, problem.view.index
    needed = Scheduler(index, view.cards, problem.utilities, problem.decisions, {}).open
    uses = [tuple([d for d in group if d in needed]) for group in groups]
    if sorted(map(len, uses))[-1:] != [2] or sum(len(used) > 1 for used in uses) != 1:
        return None
    [(pair, group)] = [(used, group) for used, group in zip(uses, groups, strict=True) if len(used) == 2]
    scheduler = Scheduler(index, view.cards, problem.utilities, problem.decisions, {}, held=pair, reads=view.reads)
    schedule = scheduler.schedule(problem.max_table)
    shared = member(view, group)
    listed = [member(view, (d,), scheduler.parents[d]) for d in schedule.left if d not in pair]
    profiles = prod(m.count for m in listed)
    if profiles * number_of_supports(shared.options) > _LISTED:
        return None
    tables = problem.tables(schedule)
    carry_out(schedule, tables, view.cards, problem.scale, limits=view.limits)
    width = _NEAR * problem.scale
    forms = _Forms(problem, scheduler, schedule, tables, pair, listed)
    block = block_size(profiles, min(BLOCK, problem.max_table), lambda n: forms.plan(n)[1].largest)
    parts = []
    for start in range(0, profiles, block):
        these = np.arange(start, min(start + block, profiles))
        some = peaks(forms.of(these), shared.contexts, shared.card, width, shared.may)
        parts.append(some._replace(form=these[some.form]))
    found = Peaks.of(parts)
    exact = highest(found, forms.exactly)
    if exact is not None:
        found = found.where(exact.which)._replace(rules=np.array([p.astype(np.float64) for p in exact.points]))
    known = exact is not None or len(found.form) == 1
    number, rule, best, tied = found.form, found.rules, found.value, len(found.form)
    table = np.moveaxis(rule, 0, -1).reshape(*shared.shape, shared.card, tied)

    def put(some: Profiles, positions: Array) -> None:
        some.rules.update(dict.fromkeys(group, np.moveaxis(table[..., positions], -2, 0)))
        set_numbered(some, listed, number[positions])

    solved = tuple([stage.decision for stage in schedule.stages])
    results, _ = all_of_them(problem, [shared, *listed], solved, put, tied, min(block, tied))
    for used, whole in zip(uses, groups, strict=True):
        if len(used) == 1:  # the other decisions of the group make no difference, but follow the rule too
            results.update(dict.fromkeys(whole, results[used[0]]))
    method = "supports of a shared rule" + ("" if known else "; ties undecided between rules")
    return Found(results, best, known, method)


class _Forms:
    """The expected utility as a quadratic form in the shared rule, one for each profile of the decisions listed."""

    def __init__(
        self,
        problem: Problem,
        scheduler: Scheduler,
        schedule: Schedule,
        tables: Mapping[int, Pair],
        pair: tuple[int, ...],
        listed: Sequence[Member],
    ) -> None:
        self.problem, self.schedule, self.listed = problem, schedule, listed
        # What the pair observes is kept to the end, so its law belongs to the form even where nobody listens any more.
        self.needed = needed = scheduler.needed(mask_of(pair))
        keys = [key for key in scheduler.live if key in scheduler.messages or needed >> key & 1]
        self.factors = [scheduler.live[key] for key in keys]
        self.tables = {**problem.pairs([key for key in keys if key not in tables]), **tables}
        self.families = [(*problem.view.index.parents[d], d) for d in pair]
        self.union = tuple(dict.fromkeys((*self.families[0], *self.families[1])))

    def plan(self, count: int) -> tuple[Profiles, Plan]:
        """Plan the pass that sums out everything but what the pair sees and does, for so many profiles at once."""
        some = Profiles(self.problem, self.listed, count)
        # A rule that nothing needs any more would bring in observations whose distribution is left out with it.
        rules = [factor for d, factor in some.factors.items() if self.needed >> d & 1]
        return some, make_plan([*self.factors, *rules], (*self.union, some.number), some.cards)

    def of(self, numbers: Array) -> Array:
        """Return a symmetric matrix over (context, action) for each numbered profile of the decisions listed."""
        some, plan = self.plan(len(numbers))
        require_small(self.problem.view.index, plan, some.cards, self.problem.max_table)
        set_numbered(some, self.listed, numbers)
        _, w = run(plan, {**self.tables, **{d: (rule, None) for d, rule in some.rules.items()}})
        cards = [some.cards[v] for v in self.union]
        return self._matrices(np.broadcast_to(np.zeros(1) if w is None else w, (*cards, len(numbers))), cards)

    def exactly(self, number: int) -> Array | None:
        """Return a matrix in integers, on a scale that all of them share; ``None`` where it is out of reach."""
        some, _ = self.plan(1)
        set_numbered(some, self.listed, np.array([number]))
        rules = [factor for d, factor in some.factors.items() if self.needed >> d & 1]
        tables = {**self.tables, **{d: (rule, None) for d, rule in some.rules.items()}}
        also = [*self.factors, *rules]
        ties = Ties(self.schedule, tables, some.cards, self.problem.scale, also, self.problem.view.limits)
        found = ties.exact_pair(ties.also, (*self.union, some.number))
        if found is None:
            return None
        cards = [some.cards[v] for v in self.union]
        weights = np.zeros(1, dtype=np.int64) if found[1] is None else found[1]
        matrix: Array = self._matrices(np.broadcast_to(weights.astype(object), (*cards, 1)), cards)[0]
        return matrix

    def _matrices(self, weights: Array, cards: Sequence[int]) -> Array:
        """Sum weights over what the pair sees and does into one symmetric matrix each, twice that for integers."""
        places = dict(zip(self.union, np.indices(cards).reshape(len(cards), -1), strict=True))
        first, second = (
            np.ravel_multi_index([places[v] for v in family], [self.problem.view.cards[v] for v in family])
            for family in self.families
        )
        size = prod(self.problem.view.cards[v] for v in self.families[0])
        forms = np.zeros((size, size, weights.shape[-1]), dtype=weights.dtype)
        np.add.at(forms, (first, second), weights.reshape(-1, weights.shape[-1]))
        symmetric: Array = np.moveaxis(forms + forms.transpose(1, 0, 2), -1, 0)
        return symmetric if weights.dtype == object else symmetric / 2

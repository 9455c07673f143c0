r"""The best stochastic rule that two decisions share.

Where one rule :math:`\theta` is used by two decisions, mixing can be better than any deterministic rule: an agent that
cannot tell its two situations apart has no other way to act differently in them [1]_. The expected utility is quadratic
in :math:`\theta` and linear in the rule of every other decision. Given :math:`\theta`, deterministic rules of the
others are therefore optimal, so

.. math:: \max_{\theta, s} f(\theta, s) = \max_{s \text{ deterministic}} \; \max_\theta \; \theta^T T_s\, \theta,

and the inner maximum is found exactly by listing supports (:mod:`cidmesa.solve.supports`).

Not all of the others have to be listed. A decision whose relevant mechanisms do not include the shared rule, or a
decision still open, is solved beforehand, for good; of the others the rules that depend on requisite observations are
enough. All :math:`T_s` come out of one elimination pass, in which the number of :math:`s` is one more variable.

Of a continuum of optimal shared rules the corners are looked at.

References
----------
.. [1] M. Piccione and A. Rubinstein, "On the interpretation of decision problems with imperfect recall", *Games and
   Economic Behavior* 20, 1997: the absent-minded driver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from cidmesa.solve.elimination import Array, Pair, make_plan, run
from cidmesa.solve.problem import Found, Problem
from cidmesa.solve.profiles import Member, Profiles, member
from cidmesa.solve.schedule import TIE, Scheduler, carry_out
from cidmesa.solve.search import all_of_them, set_numbered
from cidmesa.solve.structure import require_small
from cidmesa.solve.supports import number_of_supports, peaks

_LISTED = 2**17
"""How many pairs of a support and a profile of the other decisions are listed."""

_BLOCK = 2**21
"""Entries that the forms of one block of profiles aim at."""


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
    scheduler = Scheduler(index, view.cards, problem.utilities, problem.decisions, {}, held=pair)
    schedule = scheduler.schedule(problem.max_table)
    shared = member(view, group)
    listed = [member(view, (d,), scheduler.parents[d]) for d in schedule.left if d not in pair]
    profiles = prod(m.card**m.contexts for m in listed)
    if profiles * number_of_supports(shared.contexts, shared.card) > _LISTED:
        return None
    tables = problem.tables(schedule)
    carry_out(schedule, tables, view.cards, problem.scale)
    width = TIE * problem.scale
    block = min(profiles, max(1, _BLOCK // (shared.contexts * shared.card) ** 2))
    values, numbers, rules = [], [], []
    for start in range(0, profiles, block):
        these = np.arange(start, min(start + block, profiles))
        found = peaks(_forms(problem, scheduler, tables, pair, listed, these), shared.contexts, shared.card, width)
        values.append(found.values)
        numbers.append(these[found.form])
        rules.append(found.rules)
    best = max(float(some.max()) for some in values)
    tied = np.flatnonzero(np.concatenate(values) >= best - width)
    number, rule = np.concatenate(numbers)[tied], np.concatenate(rules)[tied]
    table = np.moveaxis(rule, 0, -1).reshape(*shared.shape, shared.card, len(tied))

    def put(some: Profiles, positions: Array) -> None:
        some.rules.update(dict.fromkeys(group, np.moveaxis(table[..., positions], -2, 0)))
        set_numbered(some, listed, number[positions])

    solved = tuple([stage.decision for stage in schedule.stages])
    results = all_of_them(problem, [shared, *listed], solved, put, len(tied), min(block, len(tied)))
    for used, whole in zip(uses, groups, strict=True):
        if len(used) == 1:  # the other decisions of the group make no difference, but follow the rule too
            results.update(dict.fromkeys(whole, results[used[0]]))
    return Found(results, best, True, "supports of a shared rule")


def _forms(
    problem: Problem,
    scheduler: Scheduler,
    tables: Mapping[int, Pair],
    pair: tuple[int, ...],
    listed: Sequence[Member],
    numbers: Array,
) -> Array:
    """Return one symmetric matrix over (context, action) pairs of the shared rule for each profile of the others."""
    view = problem.view
    some = Profiles(problem, listed, len(numbers))
    set_numbered(some, listed, numbers)
    needed = scheduler.ancestors(scheduler.utilities)
    keys = [key for key in scheduler.live if key in scheduler.messages or needed >> key & 1]
    known = {**problem.pairs([key for key in keys if key not in tables]), **tables}
    known.update({d: (rule, None) for d, rule in some.rules.items()})
    families = [(*view.index.parents[d], d) for d in pair]
    union = tuple(dict.fromkeys((*families[0], *families[1])))
    factors = [*(scheduler.live[key] for key in keys), *some.factors.values()]
    plan = make_plan(factors, (*union, some.number), some.cards)
    require_small(view.index, plan, some.cards, problem.max_table)
    _, w = run(plan, known)
    cards = [view.cards[v] for v in union]
    weights = np.broadcast_to(np.zeros(1) if w is None else w, (*cards, len(numbers)))
    places = np.indices(cards).reshape(len(cards), -1)
    first, second = (
        np.ravel_multi_index([places[union.index(v)] for v in family], [view.cards[v] for v in family])
        for family in families
    )
    size = int(np.prod([view.cards[v] for v in families[0]], dtype=int))
    forms = np.zeros((size, size, len(numbers)))
    np.add.at(forms, (first, second), weights.reshape(-1, len(numbers)))
    return np.moveaxis(forms + forms.transpose(1, 0, 2), -1, 0) / 2

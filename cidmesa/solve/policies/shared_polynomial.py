r"""The best stochastic rule that three decisions or more share, bracketed.

With one rule :math:`\theta` used by :math:`n` decisions the expected utility is a polynomial of degree :math:`n` in it
(with two, the quadratic of :mod:`.shared_rule`). Where the rule chooses between two actions, it is a point of the unit
box, one probability for each context, and the largest value is bracketed there (:mod:`.bernstein`): a rule that attains
the lower end, and a bound that no rule exceeds. Where the other decisions have few rules, each makes a polynomial of
its own, and the best of all is bracketed.

Where this is out of reach, what the decisions could earn with a rule each is a bound, too.

>>> import cidmesa as cm
>>> exits = ["first", "second", "third"]
>>> cid = cm.CID([(d, "pay") for d in exits], decisions=exits, utilities=["pay"])
>>> worth = {"first": 0, "second": 1, "third": 6}
>>> driver = cid.parameterise({**dict.fromkeys(exits, ["on", "exit"]),
...     "pay": lambda **turn: next((worth[d] for d in exits if turn[d] == "exit"), 2)})
>>> found = driver.solve(shared_rules=[exits])
>>> round(found.value, 9), found.exact, found.upper_bound >= found.value, found.tables["first"].round(6).tolist()
(2.037325063, True, True, [0.923564, 0.076436])
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np

from cidmesa.arrays import Array
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.bernstein import largest, monomial
from cidmesa.solve.policies.decision_order import Scheduler
from cidmesa.solve.policies.policy_batch import member
from cidmesa.solve.policies.problem import Found, Problem, in_relevance_order
from cidmesa.solve.policies.search import search
from cidmesa.solve.policies.solution import DecisionResult
from cidmesa.solve.queries.payoffs import payoff_tensor
from cidmesa.solve.tables.elimination import mask_of

_PROFILES = 64
"""How many profiles of rules of the other decisions are listed."""

_COEFFICIENTS = 4096
"""How many coefficients a polynomial may have."""


def best_shared_rule(problem: Problem, groups: tuple[tuple[int, ...], ...]) -> Found | None:
    """Bracket the best stochastic rule of a group; ``None`` where this does not apply.

    It applies where one group shares a rule between two actions, and the rules of the other decisions that matter are
    few.
    """
    view, index = problem.view, problem.view.index
    needed = Scheduler(index, view.cards, problem.utilities, problem.decisions, {}).open
    shared = [group for group in groups if sum(d in needed for d in group) > 1]
    if len(shared) != 1:
        return None
    [group] = shared
    used = [d for d in group if d in needed]
    if not any((index.above[u] & mask_of(used)).bit_count() > 1 for u in problem.utilities):
        return None  # linear in the rule: deterministic rules are enough
    contexts = prod(view.cards[p] for p in index.parents[group[0]])
    if view.cards[group[0]] != 2 or view.limit(group[0]) is not None or (len(used) + 1) ** contexts > _COEFFICIENTS:
        return None
    others = [d for d in problem.decisions if d in needed and d not in group]
    if prod(member(view, (d,)).count for d in others) > _PROFILES:
        return None
    profiles = list(_profiles(problem, others))
    try:
        polynomials = [_polynomial(problem, used, contexts, rules) for rules in profiles]
    except NotApplicableError:  # too large to write out
        return None
    found = largest(polynomials)
    size = max(float(np.abs(b).max(initial=0.0)) for b in polynomials)
    shape = [view.cards[p] for p in index.parents[group[0]]]
    theta = np.stack([1 - found.point, found.point]).reshape(2, *shape)
    chosen = {**{d: np.moveaxis(rule, -1, 0) for d, rule in profiles[found.which].items()}}
    chosen.update(dict.fromkeys(group, theta))
    results = {d: DecisionResult(None, rule > 0, rule) for d, rule in chosen.items()}
    exact = found.is_exact(size)
    return Found(results, found.value, exact, "branch and bound on a shared rule", bound=found.bound)


def unshared_bound(problem: Problem, budget: Budget = UNLIMITED) -> float | None:
    """Return what the decisions could earn with a rule each, which sharing never exceeds; ``None`` if not known."""
    found = in_relevance_order(problem) or search(
        problem, (), None, deterministic=True, starts=1, seed=0, progress=False, budget=budget
    )
    return found.value if found.exact else found.bound


def _profiles(problem: Problem, others: list[int]) -> Iterator[dict[int, Array]]:
    """List the deterministic rules of some decisions together, each a table ``(cards of parents..., card)``."""
    members = [member(problem.view, (d,)) for d in others]
    for profile in product(*(range(m.count) for m in members)):
        yield {
            d: np.moveaxis(m.rules(m.numbered(np.array([number])))[..., 0], 0, -1)
            for d, m, number in zip(others, members, profile, strict=True)
        }


def _polynomial(problem: Problem, used: list[int], contexts: int, rules: dict[int, Array]) -> Array:
    """Return the expected utility as a polynomial in the probabilities of the second action, in Bernstein form."""
    view, cid = problem.view, problem.view.index.cid
    model = view.model.with_policy({cid.nodes[d]: rule for d, rule in rules.items()})
    names = [cid.nodes[d] for d in used]
    axes, _, pay = payoff_tensor(model, names, utilities=[cid.nodes[u] for u in problem.utilities])
    cards = [model.card(n) for n in axes]
    places = dict(zip(axes, np.indices(cards).reshape(len(cards), -1), strict=True))
    counts = np.zeros((2, contexts, pay.size), dtype=np.intp)
    for d in names:
        seen = cid.parents(d)
        shape = [model.card(p) for p in seen]
        context = np.ravel_multi_index([places[p] for p in seen], shape) if seen else np.zeros(pay.size, dtype=np.intp)
        np.add.at(counts, (places[d], context, np.arange(pay.size)), 1)
    table, which = np.unique(counts.reshape(2 * contexts, -1).T, axis=0, return_inverse=True)
    weights = np.bincount(which.ravel(), weights=pay.ravel(), minlength=len(table))
    found = np.zeros((len(used) + 1,) * contexts)
    for row, weight in zip(table.reshape(-1, 2, contexts), weights, strict=True):
        if weight:
            found += weight * monomial(row[1].tolist(), row[0].tolist(), len(used))
    return found

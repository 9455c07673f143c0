"""Optimal policies of one agent."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import read_names, require_count
from cidmesa.arrays import Array, Mask
from cidmesa.clock import Budget, Seconds
from cidmesa.errors import NotApplicableError, did_you_mean
from cidmesa.solve.policies.problem import Found, Problem, in_relevance_order
from cidmesa.solve.policies.search import METHODS, Method, search
from cidmesa.solve.policies.shared_polynomial import best_shared_rule, unshared_bound
from cidmesa.solve.policies.shared_rule import best_shared_pair
from cidmesa.solve.policies.solution import DecisionResult, Solution
from cidmesa.solve.queries.evidence import conditioned
from cidmesa.solve.tables.model_tables import MAX_TABLE, ModelTables, check_names, view_of

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.model import CIM


def solve(
    model: CIM,
    *,
    agent: Hashable = None,
    given: Mapping[str, Any] | None = None,
    shared_rules: Iterable[Iterable[str]] = (),
    method: Method | None = None,
    deterministic: bool = False,
    max_table: int = MAX_TABLE,
    starts: int = 16,
    seed: int = 0,
    progress: bool = True,
    budget: Seconds = "default",
) -> Solution:
    r"""Find an optimal policy of one agent, its value, and all optimal actions.

    Parameters
    ----------
    model
        The model. Decisions whose rule is fixed (:meth:`cidmesa.CIM.with_policy`) are left alone.
    agent
        Whose best response to find; ``None`` stands for the only agent. The other agents' decisions need rules where
        they matter.
    given
        ``{node: value}`` that is known before anything is decided: the policy that is best given that, and what it is
        then worth, ``expected_utility(solution, given=given)``. The solution's model is the model given the evidence
        (:mod:`cidmesa.solve.queries.evidence`).
    shared_rules
        Groups of decisions that follow one rule, such as one network used twice. Their parents' domains agree in
        order.
    method
        ``None`` chooses: decision by decision where that is exact, else all deterministic rules of as few decisions
        as make the others soluble where these are few, else sets of value tables
        (:mod:`cidmesa.solve.policies.limited_memory`), else a local search; with more than four decisions that cannot
        be solved one by one, sets of value tables are looked at first. ``"relevance order"``, ``"exhaustive"``,
        ``"multiple policy updating"`` and ``"coordinate ascent"`` insist.
    deterministic
        Consider deterministic rules only. It makes a difference for shared rules alone.
    max_table
        How many entries the largest table may have; a plan that needs more is refused before it starts.
    starts, seed
        Random starting points of the local search, and where they come from.
    progress
        Show a progress bar, on a terminal and after two seconds, where rules are listed or several starts are tried.
    budget
        The seconds that it may take; ``None`` for no limit. Left out, a minute at a prompt or in a notebook and no
        limit elsewhere.

    Returns
    -------
    Solution
        Its ``method`` and ``exact`` say how it was found and whether it is the optimum: a local optimum is never
        called exact, nor a policy among actions too close to tell apart in floating point and too many for exact
        arithmetic.

    Raises
    ------
    NotApplicableError
        Symbols; several agents and none named; another agent's decision that matters and has no rule; ``max_table``
        too small; a method that does not apply; evidence of probability zero, or that depends on what is decided.
    OutOfTimeError
        The budget was over; the text says how far the listing came and, as a lower bound, what the best rules so far
        earn.

    Notes
    -----
    Where the relevance graph of the agent's decisions is acyclic the result is exact for any number of decisions,
    optimal actions in contexts of probability zero included (see :class:`Solution`). A forgetful agent (a decision
    that does not observe what an earlier one saw or did) is no special case: most such diagrams are insoluble, and
    the best deterministic policy is then found by listing, or, where rules are too many for that, by multiple policy
    updating. The latter works in exact arithmetic and finds all optimal actions too. Where its sets grow too large it
    finds the optimum up to rounding, or brackets it, between the policy returned and ``Solution.upper_bound``. Without
    shared rules no stochastic policy is better. With shared rules one can be: where two of the decisions that matter
    share one, and the others have rules of their own, the best stochastic rule is found exactly, if at most 2**17
    supports of it and rules of others have to be listed (:mod:`.shared_rule`); where more than two share a rule between
    two actions, it is bracketed (:mod:`.shared_polynomial`), and is called exact where the two ends meet; otherwise the
    best deterministic policy is
    returned, and is not called exact unless no utility depends on two decisions of a group, or ``deterministic=True``
    asked for no more. ``Solution.upper_bound`` is what no policy exceeds: where nothing better is known, the sum of the
    largest utilities.

    References
    ----------
    S. L. Lauritzen and D. Nilsson, "Representing and solving decision problems with limited information",
    *Management Science* 47, 2001, Theorems 3 and 4.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("coin", "call"), ("coin", "win"), ("call", "win")], decisions=["call"], utilities=["win"])
    >>> seen = cid.parameterise(coin=cm.Uniform("h", "t"), call=["h", "t"], win=lambda coin, call: int(coin == call))
    >>> solve(seen).value, solve(seen).exact
    (1.0, True)
    >>> blind = cm.CID([("coin", "win"), ("call", "win")], decisions=["call"], utilities=["win"])
    >>> guess = blind.parameterise(seen.mechanisms)
    >>> solve(guess).value, solve(guess).optimal_actions["call"][()]
    (0.5, ('h', 't'))
    """
    if not (method is None or (isinstance(method, str) and method in METHODS)):
        known = ", ".join(map(repr, METHODS))
        raise NotApplicableError(f"method={method!r} is not a way to solve{did_you_mean(method, METHODS)}: {known}.")
    require_count(max_table, "max_table")
    require_count(starts, "starts")
    require_count(seed, "seed", least=0)
    clock = Budget.of(budget)
    view = view_of(model, "solving")
    index, cid = view.index, model.cid
    _one_agent(cid, agent)
    if given:
        told = conditioned(model, given, None if agent is None else cid.utilities_of(agent), max_table=max_table)
        return solve(
            told,
            agent=agent,
            shared_rules=shared_rules,
            method=method,
            deterministic=deterministic,
            max_table=max_table,
            starts=starts,
            seed=seed,
            progress=progress,
            budget=clock,
        )
    whose = cid.decisions if agent is None else cid.decisions_of(agent)
    utilities = index.ids(cid.utilities if agent is None else cid.utilities_of(agent))
    decisions = tuple([d for d in index.ids(whose) if view.tables[d] is None])
    groups = read_groups(view, decisions, shared_rules)
    problem = Problem(view, decisions, utilities, max_table)
    found = _by_one_by_one(problem, groups, method, clock)
    if found is None:
        with clock:
            if method is None and groups and not deterministic:
                found = best_shared_pair(problem, groups) or best_shared_rule(problem, groups)
            if found is None:
                how: dict[str, Any] = {
                    "deterministic": deterministic,
                    "starts": starts,
                    "seed": seed,
                    "progress": progress,
                }
                found = search(problem, groups, method, budget=clock, **how)
            if groups and not found.exact and found.bound is None:
                found = found._replace(bound=unshared_bound(problem, clock))
    results = {cid.nodes[d]: found.results.get(d) or _idle(problem, d) for d in decisions}
    undecided = [f"`{cid.nodes[d]}`" for d, result in found.results.items() if not result.known]
    if undecided:
        found = found._replace(exact=False, method=f"{found.method}; ties undecided at {', '.join(undecided)}")
    value: Any = found.value
    if len(cid.agents) > 1:
        value = _worth_to_all(model, agent, found, Solution(model, None, found.exact, found.method, results).tables)
    bound = found.value if found.exact else found.bound
    if bound is None:
        bound = problem.most
    return Solution(model, value, found.exact, found.method, results, off=found.off, upper_bound=bound)


def _one_agent(cid: CID, agent: Hashable) -> None:
    """Refuse to solve for nobody in particular, and name what answers for several."""
    if agent is None and len(cid.agents) > 1:
        raise NotApplicableError(
            f"solving is about one agent, and this diagram has {len(cid.agents)} "
            f"({', '.join(map(repr, cid.agents))}): cidmesa.solve.best_response(model, {cid.agents[0]!r}, policy) is "
            f"best against rules of the others, solve(agent={cid.agents[0]!r}) against rules that the model has, and "
            "cidmesa.solve.pure_equilibria(model) finds rules for all of them."
        )


def _by_one_by_one(
    problem: Problem, groups: Sequence[Sequence[int]], method: str | None, budget: Budget
) -> Found | None:
    """Solve decision by decision where that is asked for or possible, and say why not where it was asked for."""
    if method not in (None, "relevance order"):
        return None
    found = None if groups else in_relevance_order(problem, budget=budget)
    if method == "relevance order" and found is None:
        why = "rules are shared" if groups else "the rule of each depends on that of another"
        names = ", ".join(f"`{problem.view.model.cid.nodes[d]}`" for d in problem.decisions)
        raise NotApplicableError(
            f"{names} cannot be solved one by one, because {why}: leave method= out, or method='exhaustive'."
        )
    return found


def _worth_to_all(model: CIM, agent: Hashable, found: Found, rules: Mapping[str, Array]) -> dict[Hashable, Any]:
    """Return what the rules are worth to each agent for whom that does not hang on rules that are open."""
    from cidmesa.solve.queries.query import expected_utility

    cid = model.cid
    free = {d for d in cid.decisions if d not in rules and d not in model.rules}
    return {
        a: found.value if a == agent else expected_utility(model, rules, agent=a)
        for a in cid.agents
        if a == agent or not any(free & cid.ancestors(u) for u in cid.utilities_of(a))
    }


def read_groups(
    view: ModelTables, decisions: Iterable[int], shared_rules: Iterable[Iterable[str]]
) -> tuple[tuple[int, ...], ...]:
    """Check groups of decisions that share a rule."""
    cid, model = view.index.cid, view.model
    groups = []
    seen: set[int] = set()
    if isinstance(shared_rules, str) or not isinstance(shared_rules, Iterable):
        raise NotApplicableError(f'shared_rules= is a list of groups of decisions, [("d", "e")]; got {shared_rules!r}.')
    for names in shared_rules:
        group = check_names(view.index, read_names(names, "a group of shared_rules"), "a group of shared_rules")
        for d in group:
            cid.only_decision(cid.nodes[d])
            if d not in decisions:
                raise NotApplicableError(
                    f"`{cid.nodes[d]}` cannot share a rule here: it has a fixed one, or belongs to another agent."
                )
            if d in seen:
                raise NotApplicableError(f"`{cid.nodes[d]}` is in two groups of shared_rules: merge the groups.")
            seen.add(d)
        shapes = [[model.domain(n) for n in (*cid.parents(cid.nodes[d]), cid.nodes[d])] for d in group]
        for d, shape in zip(group, shapes, strict=True):
            if shape != shapes[0]:
                raise NotApplicableError(
                    f"`{cid.nodes[group[0]]}` and `{cid.nodes[d]}` cannot share a rule: the domains of their parents "
                    f"and actions are {shapes[0]} and {shape}, and have to agree in order."
                )
        limits = [view.limit(d) for d in group]
        for d, limit in zip(group, limits, strict=True):
            if not _same_limits(limits[0], limit):
                raise NotApplicableError(
                    f"`{cid.nodes[group[0]]}` and `{cid.nodes[d]}` cannot share a rule: they may not do the same in "
                    "the same contexts. Give both the same allowed=."
                )
        if len(group) > 1:
            groups.append(group)
    return tuple(groups)


def _same_limits(one: Mask | None, other: Mask | None) -> bool:
    return one is other is None or (one is not None and other is not None and np.array_equal(one, other))


def _idle(problem: Problem, d: int) -> DecisionResult:
    """Return the result for a decision whose action makes no difference."""
    view = problem.view
    limit = view.limit(d)
    optimal = np.ones((view.cards[d],) + (1,) * len(view.index.parents[d]), dtype=bool) if limit is None else limit
    matters = any(view.index.above[u] >> d & 1 for u in problem.utilities)
    return DecisionResult(None if matters else np.zeros(optimal.shape), optimal)

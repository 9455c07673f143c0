r"""Several agents: best responses and equilibria.

A diagram with several agents is a game [1]_: an agent's strategy is a rule for each of its decisions, and a profile is
a *Nash equilibrium* if no agent gains by changing all of its own rules.

=====================================  =================================================================================
:func:`best_response`                  what one agent does best against fixed rules
:func:`is_equilibrium`                 whether nobody gains by deviating
:func:`pure_equilibria`                all equilibria in deterministic rules, by enumeration
:func:`mixed_equilibria`               also those that mix: of two agents all extreme ones or, in a
                                       zero-sum game with too many policies, one; of more agents what a search finds
:func:`zero_sum_equilibrium`           one of two agents with perfect recall, by linear programming
:func:`subgame_perfect_equilibria`     those in which everybody would do right off the path too
=====================================  =================================================================================

An agent with several decisions may draw a whole policy at random, once, or every action by itself. With perfect recall
it makes no difference, and an equilibrium is a policy; where a forgetful agent gains by drawing policies, the
equilibrium says so and keeps them (:class:`Mixture`).

Subgame perfection needs no game tree: the *condensed relevance graph* orders the decisions so that each knot of
mutually relevant ones is settled before those it matters to [1]_, [2]_.

>>> import cidmesa as cm
>>> cid = cm.CID([("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
...              utilities={"A": ["ua"], "B": ["ub"]})
>>> years = {("silent", "silent"): -1, ("silent", "talk"): -3, ("talk", "silent"): 0, ("talk", "talk"): -2}
>>> prisoners = cid.parameterise(a=["silent", "talk"], b=["silent", "talk"], ua=lambda a, b: years[a, b],
...                              ub=lambda a, b: years[b, a])
>>> [dilemma] = pure_equilibria(prisoners)
>>> dilemma
Equilibrium(a: talk; b: talk; values: 'A': -2, 'B': -2)

References
----------
.. [1] D. Koller and B. Milch, "Multi-agent influence diagrams for representing and solving games", *Games and Economic
   Behavior* 45, 2003.
.. [2] L. Hammond, J. Fox, T. Everitt, A. Abate and M. Wooldridge, "Equilibrium refinements for multi-agent influence
   diagrams", AAMAS 2021.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cidmesa.arguments import require_count, require_model
from cidmesa.arrays import Array
from cidmesa.clock import Budget, Seconds
from cidmesa.errors import NotApplicableError
from cidmesa.graph import relevance_graph, relevant_mechanisms
from cidmesa.mechanisms import Table
from cidmesa.solve.games.sequence_form import security_rules, why_no_sequence_form
from cidmesa.solve.games.strategic_form import MAX_PROFILES, Rules, StrategicForm, extreme_profiles, pure_profiles
from cidmesa.solve.games.support_search import MAX_SUPPORTS, searched
from cidmesa.solve.policies.all_optimal import deterministic_rules
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.policies.solution import Solution, readable
from cidmesa.solve.policies.worth import DIGITS, Worth, compared, difference
from cidmesa.solve.queries.payoffs import uniform_rule
from cidmesa.solve.queries.query import expected_utility

if TYPE_CHECKING:
    from cidmesa.model import CIM


class Mixture(NamedTuple):
    """A draw among policies of one agent, made once, before anything happens.

    Attributes
    ----------
    probabilities
        Of each policy.
    policies
        Deterministic rules of all the agent's open decisions, each ``{decision: {context: action}}``.
    """

    probabilities: tuple[float, ...]
    policies: tuple[dict[str, dict[tuple[Hashable, ...], Any]], ...]


_SHRINK = "let decisions observe less, or fix the rule of one agent with with_policy"
"""What makes a game smaller."""


@dataclass(frozen=True, eq=False, repr=False)
class Equilibrium:
    """A profile of strategies from which no agent gains by deviating; usable as ``policy=`` unless it is a mixture.

    Attributes
    ----------
    model
        The game.
    rules
        The rules of the open decisions, shape ``(cards of parents..., card)``, but for those of agents in `mixtures`.
    values
        What each agent may expect.
    mixtures
        Empty, or for an agent that draws whole policies at random, in a way that rules of its decisions, drawing their
        actions one by one, do not reproduce: the policies and their probabilities. With perfect recall this does not
        happen.
    exact
        Whether it was found by a method that finds all it promises; ``False`` marks the find of a search by numbers,
        right up to rounding, beside which there may be others.
    method
        How it was found.
    """

    model: CIM
    rules: Mapping[str, Array]
    values: Mapping[Hashable, float]
    mixtures: Mapping[Hashable, Mixture] = field(default_factory=dict)
    exact: bool = True
    method: str = "all profiles"

    @property
    def tables(self) -> Mapping[str, Array]:
        """The rule of every decision that was open; raises `NotApplicableError` if there are `mixtures`."""
        for agent, mixture in self.mixtures.items():
            names = ", ".join(f"`{d}`" for d in mixture.policies[0])
            raise NotApplicableError(
                f"this equilibrium is no policy: {agent!r} draws one of {len(mixture.policies)} policies for {names} "
                "at once, and rules that draw action by action do not pay the same. Take the policies and their "
                f"probabilities from .mixtures[{agent!r}], and what everybody gets from .values."
            )
        return self.rules

    @property
    def policy(self) -> dict[str, dict[tuple[Hashable, ...], Any]]:
        """``{decision: {context: action}}``, or ``{action: probability}`` where it mixes; raises as `tables` does."""
        return {d: readable(self.model, d, table) for d, table in self.tables.items()}

    @property
    def is_pure(self) -> bool:
        """Whether every rule is deterministic."""
        return not self.mixtures and all(bool(np.all((table == 0) | (table == 1))) for table in self.rules.values())

    def against(self, agent: Hashable) -> CIM:
        """Return the game as it is to one agent: the others keep to their rules, its own decisions are open.

        What is at stake for the agent in this equilibrium are the magnitudes of that model, such as
        :func:`cidmesa.value_of_information`.

        Raises
        ------
        NotApplicableError
            Another agent draws whole policies at random (`mixtures`), which no rules reproduce; or the diagram has no
            such agent.

        Examples
        --------
        >>> import cidmesa as cm
        >>> cid = cm.CID([("x", "b"), ("a", "ua"), ("b", "ua"), ("b", "ub"), ("x", "ub")],
        ...              decisions={"A": ["a"], "B": ["b"]}, utilities={"A": ["ua"], "B": ["ub"]})
        >>> game = cid.parameterise(x=cm.Uniform(0, 1), a=[0, 1], b=[0, 1], ua=lambda a, b: int(a == b),
        ...                         ub=lambda b, x: int(b == x))
        >>> [first, *_] = pure_equilibria(game)
        >>> cm.value_of_information(first.against("A"), "x", "a")  # who sees x knows what B does
        0.5
        """
        own = self.model.cid.decisions_of(agent)
        names = {a for a in self.mixtures if a != agent}
        rules = replace(self, mixtures={a: self.mixtures[a] for a in names}).tables
        return self.model.with_policy({d: rule for d, rule in rules.items() if d not in own})

    def __repr__(self) -> str:
        readables = {d: readable(self.model, d, table) for d, table in self.rules.items()}
        rules = [f"{d}: {rule.get((), rule)}" for d, rule in readables.items()]
        rules += [f"{agent!r} draws one of {len(m.policies)} policies" for agent, m in self.mixtures.items()]
        values = ", ".join(f"{agent!r}: {value:.6g}" for agent, value in self.values.items())
        label = "" if self.exact else "; not exact"
        return f"Equilibrium({'; '.join(rules)}; values: {values}{label})"


def best_response(model: CIM, agent: Hashable, policy: Any = None, **options: Any) -> Solution:
    """Return what an agent does best against the rules of the others.

    Parameters
    ----------
    model
        The game.
    agent
        Who responds.
    policy
        The others' rules, where the model has none; rules of the agent's own are ignored.
    **options
        As for :func:`cidmesa.solve.solve`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "ua"), ("b", "ua"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
    ...              utilities={"A": ["ua"], "B": ["ub"]})
    >>> model = cid.parameterise(a=[0, 1], b=[0, 1], ua=lambda a, b: int(a == b), ub=lambda b: b)
    >>> best_response(model, "A", {"b": lambda: 0}).policy["a"][()]
    0
    """
    require_model(model, "a best response")
    own = model.cid.decisions_of(agent)
    others = {d: rule for d, rule in model.read_policy(policy).items() if d not in own}
    return solve(model.with_policy(others).without_rules(own), agent=agent, **options)


def is_equilibrium(model: CIM, policy: Any, *, agents: Iterable[Hashable] | None = None) -> bool:
    """Say whether no agent gains by changing its own rules; deterministic deviations are enough to ask about.

    Parameters
    ----------
    model
        The game.
    policy
        Rules of all decisions without one, or an :class:`Equilibrium`; where it has mixtures over policies, what the
        mixtures pay is compared with what every deterministic policy would. Deterministic rules are compared exactly;
        probabilities that mix are floats, and a gain in the tenth digit of what they pay is none.
    agents
        Who may deviate; everybody, if left out.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
    ...              utilities={"A": ["ua"], "B": ["ub"]})
    >>> pennies = cid.parameterise(a=[0, 1], b=[0, 1], ua=lambda a, b: int(a == b), ub=lambda a, b: int(a != b))
    >>> is_equilibrium(pennies, {"a": lambda: 0, "b": lambda: 0})
    False
    >>> is_equilibrium(pennies, {"a": [0.5, 0.5], "b": [0.5, 0.5]})
    True
    """
    require_model(model, "an equilibrium")
    if agents is None:
        agents = model.cid.agents
    elif not isinstance(agents, Iterable):
        raise NotApplicableError(f"agents= is a list of agents; got {agents!r}: [{agents!r}].")
    if isinstance(policy, Equilibrium) and policy.mixtures:
        return _is_mixed_equilibrium(model, policy, agents)
    played = model.with_policy(model.read_policy(policy))
    for agent in agents:
        best = best_response(played, agent)
        if not best.exact:
            raise NotApplicableError(
                f"whether {agent!r} could gain is not known: its best response was only searched for ({best.method})."
            )
        if _gains(Worth.of(played, best, agent), Worth.of(played, agent=agent), played, agent):
            return False
    return True


def _gains(best: Worth, now: Worth, played: CIM, agent: Hashable) -> bool:
    """Say whether a response is worth more; of rules that mix, written in floats, what nine digits do not show is none.

    The digits are those of the terms that make the two values, not of the largest utility.
    """
    if any(((rule > 0) & (rule < 1)).any() for rule in played.rules.values()):
        gain, _ = difference(best, now)
        return gain > DIGITS * (best.size + now.size)
    sign = compared(best, now)
    if sign is None:
        raise NotApplicableError(
            f"whether {agent!r} could gain is not known: {best.value!r} and {now.value!r} are closer than rounding can "
            "tell, and the game is too large for exact arithmetic."
        )
    return sign > 0


def pure_equilibria(
    model: CIM, *, max_profiles: int = MAX_PROFILES, budget: Seconds = "default"
) -> tuple[Equilibrium, ...]:
    """Return all Nash equilibria in deterministic rules.

    Parameters
    ----------
    model
        The game; decisions with a rule keep it.
    max_profiles
        How many profiles to compare at most.
    budget
        The seconds that it may take; ``None`` for no limit. Left out, a minute at a prompt or in a notebook and no
        limit elsewhere.

    Returns
    -------
    tuple of Equilibrium
        In the order of the profiles: decisions as declared, contexts in C order, actions in domain order. Rules that
        differ only in contexts that never occur are different equilibria.

    Raises
    ------
    NotApplicableError
        More profiles than `max_profiles`.
    OutOfTimeError
        The budget was over: which equilibria there are would depend on the clock, so that none is returned.

    Notes
    -----
    Each profile is one entry of a table per agent; all are compared at once.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
    ...              utilities={"A": ["ua"], "B": ["ub"]})
    >>> meet = cid.parameterise(a=["opera", "match"], b=["opera", "match"],
    ...                         ua=lambda a, b: (2 if a == "opera" else 1) * (a == b),
    ...                         ub=lambda a, b: (1 if a == "opera" else 2) * (a == b))
    >>> [e.policy["a"][()] for e in pure_equilibria(meet)]
    ['opera', 'match']
    """
    require_model(model, "an equilibrium")
    with Budget.of(budget) as clock:
        form = StrategicForm.of(model, _open_decisions(model), max_profiles)
        found = clock.each(pure_profiles(form), "listing pure equilibria", _SHRINK)
        return tuple(_equilibrium(model, rules) for rules in found)


def mixed_equilibria(
    model: CIM, *, max_profiles: int = MAX_PROFILES, budget: Seconds = "default"
) -> tuple[Equilibrium, ...]:
    """Return Nash equilibria, pure and mixed: of two agents the extreme ones, of which every other is a mixture.

    Parameters
    ----------
    model
        The game; at least two agents have decisions without a rule, any number each.
    max_profiles
        How many profiles of deterministic policies they may have at most.
    budget
        The seconds that it may take; ``None`` for no limit. Left out, a minute at a prompt or in a notebook and no
        limit elsewhere.

    Returns
    -------
    tuple of Equilibrium
        Those in which fewest policies are played first. Where two agents have too many policies to list, one
        equilibrium if :func:`zero_sum_equilibrium` covers the game. Of more than two agents what a search support by
        support finds, and of two whose payoffs are too large for whole numbers what floating point finds, each checked
        by :func:`is_equilibrium` and marked ``exact=False``: there may be others. An agent's mixture is given as rules
        of its decisions, each drawing its actions by itself, where those pay everybody the same whatever the others do:
        always with perfect recall (Kuhn's theorem). Otherwise the mixture
        itself is kept (:attr:`Equilibrium.mixtures`).

    Raises
    ------
    MissingDependencyError
        So many policies are left to mix that ``nashpy`` is needed: ``pip install "cidmesa[games]"``.
    NotApplicableError
        Fewer agents; more profiles than `max_profiles` or too many policies left to mix, in a game that is not zero-sum
        with perfect recall; a search that finds nothing.
    OutOfTimeError
        The budget was over: which equilibria there are would depend on the clock, so that none is returned.

    Notes
    -----
    Policies with the same payoffs against everything are one strategy, of which the first is listed; strictly dominated
    ones are never played. The rest is vertex enumeration (:mod:`.strategic_form`), exponential in the number of
    policies left; a dozen each is fast.

    References
    ----------
    H. W. Kuhn, "Extensive games and the problem of information", 1953, Theorem 4; D. Avis et al., "Enumeration of Nash
    equilibria for two-player games", *Economic Theory* 42, 2010.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
    ...              utilities={"A": ["ua"], "B": ["ub"]})
    >>> pennies = cid.parameterise(a=[0, 1], b=[0, 1], ua=lambda a, b: int(a == b), ub=lambda a, b: int(a != b))
    >>> [even] = mixed_equilibria(pennies)
    >>> even.tables["a"].round(9).tolist(), round(even.values["A"], 9)
    ([0.5, 0.5], 0.5)
    """
    require_model(model, "an equilibrium")
    with Budget.of(budget) as clock:
        return tuple(_mixed(model, _open_decisions(model), max_profiles, clock))


def zero_sum_equilibrium(model: CIM) -> Equilibrium:
    r"""Return one equilibrium of two agents with perfect recall whose payoffs add up to a constant.

    Parameters
    ----------
    model
        The game; exactly two agents have decisions without a rule. Each decision of an agent sees what its earlier ones
        saw and did.

    Returns
    -------
    Equilibrium
        One of perhaps many, all of which pay the same; off the path of an agent's own rules it draws every action
        alike.

    Raises
    ------
    NotApplicableError
        Another number of agents, an agent that forgets, or payoffs that do not add up to a constant: general sums are
        not covered.

    Notes
    -----
    Linear programs over the sequences of each agent (:mod:`.sequence_form`), polynomial in the number of contexts,
    where listing policies is exponential. The result is checked by :func:`is_equilibrium`; ``exact`` is its word.

    References
    ----------
    D. Koller, N. Megiddo and B. von Stengel, "Efficient computation of equilibria for extensive two-person games",
    *Games and Economic Behavior* 14, 1996.

    Examples
    --------
    One card, high or low; who holds it may bet, and the other may call without having seen it.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("card", "bet"), ("bet", "call"), *((n, u) for u in ("a", "b") for n in ("card", "bet", "call"))],
    ...              decisions={"A": ["bet"], "B": ["call"]}, utilities={"A": ["a"], "B": ["b"]})
    >>> def wins(card, bet, call):
    ...     sign = 1 if card == "high" else -1
    ...     return sign if bet == "no" else 1 if call == "no" else 3 * sign
    >>> poker = cid.parameterise(card=cm.Uniform("high", "low"), bet=["no", "yes"], call=["no", "yes"], a=wins,
    ...                          b=lambda **seen: -wins(**seen))
    >>> found = zero_sum_equilibrium(poker)
    >>> round(found.values["A"], 9), found.tables["call"][1].round(9).tolist(), found.exact
    (0.5, [0.5, 0.5], True)
    """
    require_model(model, "an equilibrium")
    names = _open_decisions(model)
    owners = _require_two(model, names)
    if len(owners) > 2:
        raise NotApplicableError(
            f"the sequence form is for two agents, and here {', '.join(map(repr, owners))} decide: fix some rules with "
            "with_policy, or ask for mixed_equilibria."
        )
    why = why_no_sequence_form(model, names)
    if why is not None:
        raise NotApplicableError(f"the sequence form does not cover this game: {why}. mixed_equilibria may.")
    rules = security_rules(model, names)
    found = _equilibrium(model, rules)
    return replace(found, exact=is_equilibrium(model, rules), method="sequence form")


def subgame_perfect_equilibria(
    model: CIM,
    *,
    mixed: bool = False,
    max_profiles: int = MAX_PROFILES,
    max_equilibria: int = 4096,
    budget: Seconds = "default",
) -> tuple[Equilibrium, ...]:
    r"""Return the equilibria that stay equilibria in every subgame, along the condensed relevance graph.

    The knots of the relevance graph are settled in its order. While one is settled, the decisions that matter to it
    follow what was found for them; decisions and chance nodes that do not matter to it take every value alike, so that
    contexts which they make impossible count too. A single decision takes, in each context by itself, an optimal
    action (see :class:`~cidmesa.solve.Solution`); several mutually relevant ones play an equilibrium of their own.

    Parameters
    ----------
    model
        The game; decisions with a rule keep it.
    mixed
        Where several decisions of two agents have no pure equilibrium, look for mixed ones; only
        those that are rules of each decision, since decisions settled later respond to rules.
    max_profiles, max_equilibria
        How many profiles to compare in one knot, and how many equilibria to return, at most.
    budget
        The seconds that it may take; ``None`` for no limit. Left out, a minute at a prompt or in a notebook and no
        limit elsewhere.

    Returns
    -------
    tuple of Equilibrium
        All pure ones (every tie is a branch); empty if some knot has none and `mixed` is not set.

    Raises
    ------
    NotApplicableError
        More equilibria than `max_equilibria`, usually because observations that are not requisite multiply ties; a
        forgetful agent whose mixtures are not rules.
    OutOfTimeError
        The budget was over: which equilibria there are would depend on the clock, so that none is returned.

    References
    ----------
    L. Hammond et al., "Equilibrium refinements for multi-agent influence diagrams", AAMAS 2021.

    Examples
    --------
    An entrant may enter a market; the incumbent may then fight, which hurts both. The threat is not credible.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("enter", "fight"), ("enter", "ue"), ("fight", "ue"), ("enter", "ui"), ("fight", "ui")],
    ...              decisions={"E": ["enter"], "I": ["fight"]}, utilities={"E": ["ue"], "I": ["ui"]})
    >>> market = cid.parameterise(enter=["no", "yes"], fight=["no", "yes"],
    ...     ue=lambda enter, fight: 0 if enter == "no" else (-1 if fight == "yes" else 1),
    ...     ui=lambda enter, fight: 2 if enter == "no" else (-1 if fight == "yes" else 1))
    >>> len(pure_equilibria(market)), [e.policy["enter"][()] for e in subgame_perfect_equilibria(market)]
    (4, ['yes', 'yes'])
    """
    require_model(model, "an equilibrium")
    require_count(max_equilibria, "max_equilibria")
    model.require_numeric("an equilibrium", instead="")
    with Budget.of(budget) as clock:
        return _subgame_perfect(model, mixed, max_profiles, max_equilibria, clock)


def _subgame_perfect(
    model: CIM, mixed: bool, max_profiles: int, max_equilibria: int, budget: Budget
) -> tuple[Equilibrium, ...]:
    decided = model.cid.demote(*model.rules)  # what has a rule is chance
    found: list[Rules] = [{}]
    for names in relevance_graph(decided).components:
        relevant = frozenset().union(*(relevant_mechanisms(decided, d) for d in names))
        smooth = _with_every_context(model, names, relevant)
        extended: list[Rules] = []
        for rules in budget.each(found, f"settling {', '.join(names)}", _SHRINK):
            local = smooth.with_policy({d: rule for d, rule in rules.items() if d in relevant})
            for more in _settled(local, names, mixed, max_profiles, max_equilibria, budget):
                extended.append({**rules, **more})
                if len(extended) > max_equilibria:
                    raise NotApplicableError(
                        f"there are more than max_equilibria={max_equilibria} equilibria: leave out observations that "
                        "are not requisite (minimal_reduction), which multiply ties, or allow more."
                    )
        found = extended
    in_order = [{d: rules[d] for d in model.cid.decisions if d in rules} for rules in found]
    return tuple(_equilibrium(model, rules) for rules in in_order)


def _with_every_context(model: CIM, names: Sequence[str], relevant: Collection[str]) -> CIM:
    """Let what does not matter to some decisions take every value alike, so that it excludes none of their contexts."""
    cid = model.cid
    free = [n for n in (*cid.chance, *cid.decisions) if n not in names and n not in relevant]
    alike = {n: np.full(model.cpd(n).shape, 1.0 / model.card(n)) for n in free if n in cid.chance}
    smooth = model.shift({n: Table(table, domain=model.domain(n)) for n, table in alike.items()})
    return smooth.with_policy({d: uniform_rule(model, d) for d in free if d in cid.decisions})


def _settled(
    local: CIM, names: Sequence[str], mixed: bool, max_profiles: int, most: int, budget: Budget
) -> Iterator[Rules]:
    """Yield the equilibria of a knot whose other decisions all have rules."""
    if len(names) == 1:
        [decision] = names
        mask = solve(local, agent=local.cid.agent_of(decision), budget=budget).optimal_mask(decision)
        k = mask.shape[-1]
        choices = [np.flatnonzero(row).tolist() for row in mask.reshape(-1, k)]
        count = math.prod(map(len, choices))
        if count > most:
            raise NotApplicableError(
                f"`{decision}` has {count} optimal rules, more than max_equilibria={most}: leave "
                "out observations that are not requisite (minimal_reduction), which multiply ties, or allow more."
            )
        for actions in product(*choices):
            yield {decision: np.eye(k)[np.reshape(np.array(actions, dtype=np.intp), mask.shape[:-1])]}
        return
    pure = list(pure_profiles(StrategicForm.of(local, names, max_profiles)))
    yield from pure
    if mixed and not pure:
        owners = dict.fromkeys(map(local.cid.agent_of, names))
        if len(owners) > 2:
            raise NotApplicableError(
                f"{', '.join(f'`{d}`' for d in names)} matter to each other and have no pure equilibrium; that of the "
                f"{len(owners)} agents {', '.join(map(repr, owners))} that mix is only searched for: mixed_equilibria."
            )
        found = _mixed(local, names, max_profiles, budget)
        yield from [dict(e.rules) for e in found if not e.mixtures] or [dict(e.tables) for e in found]


def _open_decisions(model: CIM) -> list[str]:
    model.require_numeric("an equilibrium", instead="")
    return [d for d in model.cid.decisions if d not in model.rules]


def _equilibrium(model: CIM, rules: Rules) -> Equilibrium:
    played = model.with_policy(rules)
    return Equilibrium(model, rules, {a: expected_utility(played, agent=a) for a in model.cid.agents})


def _require_two(model: CIM, names: Sequence[str]) -> list[Hashable]:
    """Return the agents of open decisions, of whom there are at least two."""
    owners = [model.cid.agent_of(d) for d in names]
    found = list(dict.fromkeys(owners))
    if len(found) < 2:
        who = ", ".join(f"{a!r} with {owners.count(a)}" for a in found) or "none"
        instead = f"best_response(model, {found[0]!r})" if found else "expected_utility(model, agent=..)"
        raise NotApplicableError(
            f"mixed equilibria are of two agents or more with open decisions, and here are {who}: {instead} says what "
            "there is to say."
        )
    return found


def _mixed(model: CIM, names: Sequence[str], max_profiles: int, budget: Budget) -> list[Equilibrium]:
    if len(_require_two(model, names)) > 2:
        return _searched(model, names, max_profiles, budget)
    try:
        form = StrategicForm.of(model, names, max_profiles)
        extreme = extreme_profiles(form, budget)
    except NotApplicableError as too_many:
        why = why_no_sequence_form(model, names)
        if why is None:
            return [zero_sum_equilibrium(model)]
        raise NotApplicableError(
            f"{too_many} The sequence form, which lists no policies, does not cover this game: {why}."
        ) from None
    found = [_of_weights(form, pair, "extreme equilibria") for pair in extreme.profiles]
    if extreme.exact:
        return found
    method = "extreme equilibria in floating point"
    return [replace(e, exact=False, method=method) for e in found if not _is_refuted(model, e)]


def _is_refuted(model: CIM, played: Equilibrium) -> bool:
    """Say whether somebody is known to gain by a deviation."""
    try:
        return not is_equilibrium(model, played)
    except NotApplicableError:  # rounding leaves it open, and the game is too large for exact arithmetic
        return False


def _searched(model: CIM, names: Sequence[str], max_profiles: int, budget: Budget) -> list[Equilibrium]:
    """Search the equilibria of three agents or more; only what is checked is returned."""
    form = StrategicForm.of(model, names, max_profiles)
    kept = _distinct(form)
    search = searched([form.payoffs(agent)[np.ix_(*kept)] for agent in form.agents], budget=budget)
    found = []
    for profile in search.profiles:
        weights = [np.zeros(len(own)) for own in form.strategies]
        for whole, part, places in zip(weights, profile, kept, strict=True):
            whole[places] = part
        equilibrium = _of_weights(form, weights, "search by supports")
        if is_equilibrium(model, equilibrium):
            found.append(replace(equilibrium, exact=False))
    if not found:
        left_out = "" if search.complete else f" of the {MAX_SUPPORTS:,} smallest"
        raise NotApplicableError(
            f"the search found no equilibrium on any{left_out} support, though there is one (Nash 1951): fix the "
            "rule of one agent with with_policy, or ask for pure_equilibria."
        )
    return found


def _distinct(form: StrategicForm) -> list[list[int]]:
    """Return, per agent, the first of the strategies that pay everybody the same against everything."""
    pays = [form.payoffs(agent) for agent in form.agents]
    kept = []
    for axis, own in enumerate(form.strategies):
        rows = np.concatenate([np.moveaxis(pay, axis, 0).reshape(len(own), -1) for pay in pays], axis=1)
        kept.append(sorted(np.unique(rows, axis=0, return_index=True)[1].tolist()))
    return kept


def _of_weights(form: StrategicForm, weights: Sequence[Array], method: str) -> Equilibrium:
    """Write mixtures of each agent's strategies as rules where those pay the same, else as mixtures."""
    model = form.model
    rules: Rules = {}
    mixtures = {}
    for agent, own, shares in zip(form.agents, form.strategies, weights, strict=True):
        played = np.flatnonzero(shares)
        policies = [own[i] for i in played]
        ruled = form.behaviour(agent, policies, shares[played])
        if ruled is None:
            readables = tuple({d: readable(model, d, r) for d, r in policy.items()} for policy in policies)
            mixtures[agent] = Mixture(tuple(shares[played].tolist()), readables)
        else:
            rules.update(ruled)
    mixed = dict(zip(form.agents, weights, strict=True))
    values = {a: float(form.expected(a, mixed)) for a in model.cid.agents}
    return Equilibrium(model, {d: rules[d] for d in form.decisions if d in rules}, values, mixtures, method=method)


def _is_mixed_equilibrium(model: CIM, played: Equilibrium, agents: Iterable[Hashable]) -> bool:
    """Compare what mixtures over policies pay with what every deterministic policy of one agent would."""
    cid, free = model.cid, model.without_rules()
    unmixed: Any = replace(played, mixtures={})
    rules = {**model.rules, **model.read_policy(unmixed)}
    strategies: dict[Hashable, list[Rules]] = {}
    weights: dict[Hashable, Array] = {}
    for agent in cid.agents:
        mixture = played.mixtures.get(agent, Mixture((1.0,), ({},)))
        policies = [{**rules, **model.read_policy(policy)} for policy in mixture.policies]
        unruled = [d for d in cid.decisions_of(agent) if d not in policies[0]]
        if unruled:
            raise NotApplicableError(
                f"the equilibrium does not say what {', '.join(f'`{d}`' for d in unruled)} would do: fix rules with "
                "with_policy."
            )
        if cid.decisions_of(agent):
            strategies[agent] = [{d: policy[d] for d in cid.decisions_of(agent)} for policy in policies]
            weights[agent] = np.array(mixture.probabilities)
    form = StrategicForm.playing(free, strategies)
    for agent in agents:
        if agent in strategies:
            instead = list(deterministic_rules(free, cid.decisions_of(agent), MAX_PROFILES))
            others = {a: w for a, w in weights.items() if a != agent}
            alone = StrategicForm.playing(free, {**strategies, agent: instead})
            gains = alone.expected(agent, others) - form.expected(agent, weights)
            sizes = alone.expected(agent, others, sizes=True) + form.expected(agent, weights, sizes=True)
            if (gains > DIGITS * sizes).any():
                return False
    return True

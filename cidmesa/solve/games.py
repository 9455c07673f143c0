r"""Several agents: best responses and equilibria.

A diagram with several agents is a game [1]_: an agent's strategy is a rule for each of its decisions, and a profile is
a *Nash equilibrium* if no agent gains by changing all of its own rules.

=====================================  =================================================================================
:func:`best_response`                  what one agent does best against fixed rules
:func:`is_equilibrium`                 whether nobody gains by deviating
:func:`pure_equilibria`                all equilibria in deterministic rules, by enumeration
:func:`mixed_equilibria`               two agents: also those that mix, by support enumeration (needs ``nashpy``)
:func:`subgame_perfect_equilibria`     those in which everybody would do right off the path too
=====================================  =================================================================================

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
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.errors import NotApplicableError, missing
from cidmesa.graph import relevance_graph
from cidmesa.mechanisms import Array, Table
from cidmesa.solve.optima import deterministic_rules, value_slack
from cidmesa.solve.optimal import solve
from cidmesa.solve.payoffs import payoff_tensor
from cidmesa.solve.policy import Solution, readable
from cidmesa.solve.query import expected_utility

if TYPE_CHECKING:
    from cidmesa.model import CIM

MAX_PROFILES = 1_000_000
"""How many profiles of rules are compared, unless the caller allows more."""

Rules = dict[str, Array]


@dataclass(frozen=True, eq=False, repr=False)
class Equilibrium:
    """A profile of rules from which no agent gains by deviating; usable as ``policy=``.

    Attributes
    ----------
    model
        The game.
    tables
        The rule of every decision that was open, shape ``(cards of parents..., card)``.
    values
        What each agent may expect.
    """

    model: CIM
    tables: Mapping[str, Array]
    values: Mapping[Hashable, float]

    @property
    def policy(self) -> dict[str, dict[tuple[Hashable, ...], Any]]:
        """``{decision: {context: action}}``, or ``{action: probability}`` where it mixes."""
        return {d: readable(self.model, d, table) for d, table in self.tables.items()}

    @property
    def is_pure(self) -> bool:
        """Whether every rule is deterministic."""
        return all(bool(np.all((table == 0) | (table == 1))) for table in self.tables.values())

    def __repr__(self) -> str:
        rules = [f"{d}: {rule.get((), rule)}" for d, rule in self.policy.items()]
        values = ", ".join(f"{agent!r}: {value:.6g}" for agent, value in self.values.items())
        return f"Equilibrium({'; '.join(rules)}; values: {values})"


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
        Rules of all decisions without one.
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
    played = model.with_policy(model.read_policy(policy))
    for agent in model.cid.agents if agents is None else agents:
        best = best_response(played, agent)
        if not best.exact:
            raise NotApplicableError(
                f"whether {agent!r} could gain is not known: its best response was only searched for ({best.method})."
            )
        gain = expected_utility(played, best, agent=agent) - expected_utility(played, agent=agent)
        if gain > value_slack(model, agent):
            return False
    return True


def pure_equilibria(model: CIM, *, max_profiles: int = MAX_PROFILES) -> tuple[Equilibrium, ...]:
    """Return all Nash equilibria in deterministic rules.

    Parameters
    ----------
    model
        The game; decisions with a rule keep it.
    max_profiles
        How many profiles to compare at most.

    Returns
    -------
    tuple of Equilibrium
        In the order of the profiles: decisions as declared, contexts in C order, actions in domain order. Rules that
        differ only in contexts that never occur are different equilibria.

    Raises
    ------
    NotApplicableError
        More profiles than `max_profiles`.

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
    return tuple(_equilibrium(model, rules) for rules in _pure_profiles(model, _open_decisions(model), max_profiles))


def mixed_equilibria(model: CIM, *, max_profiles: int = MAX_PROFILES) -> tuple[Equilibrium, ...]:
    """Return the Nash equilibria of two agents, mixed ones included, found by support enumeration.

    Parameters
    ----------
    model
        The game; exactly two agents have decisions without a rule, and each has one.
    max_profiles
        How many profiles of deterministic rules the two may have at most.

    Returns
    -------
    tuple of Equilibrium
        One per pair of supports, pure ones included. In degenerate games equilibria come in continua, and of those
        only some members are listed.

    Raises
    ------
    MissingDependencyError
        ``nashpy`` is not installed: ``pip install "cidmesa[games]"``.
    NotApplicableError
        Another number of agents; an agent with several decisions without a rule, whose mixed strategies are not rules
        of each by itself.

    Notes
    -----
    Rules with the same payoffs against everything are one strategy, of which the first is listed. A mixture of rules
    of one decision is itself a rule: in each context it draws an action.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")], decisions={"A": ["a"], "B": ["b"]},
    ...              utilities={"A": ["ua"], "B": ["ub"]})
    >>> pennies = cid.parameterise(a=[0, 1], b=[0, 1], ua=lambda a, b: int(a == b), ub=lambda a, b: int(a != b))
    >>> [e.policy["a"][()] for e in mixed_equilibria(pennies)]
    [{0: 0.5, 1: 0.5}]
    """
    return tuple(_equilibrium(model, rules) for rules in _mixed_profiles(model, _open_decisions(model), max_profiles))


def subgame_perfect_equilibria(
    model: CIM, *, mixed: bool = False, max_profiles: int = MAX_PROFILES, max_equilibria: int = 4096
) -> tuple[Equilibrium, ...]:
    r"""Return the equilibria that stay equilibria in every subgame, along the condensed relevance graph.

    The knots of the relevance graph are settled in its order. While one is settled, the decisions before it follow
    what was found for them, and the later ones, which do not matter to it, take every action alike; so every context
    counts. A single decision takes, in each context by itself, an optimal action, in contexts that never occur too
    (see :class:`~cidmesa.solve.Solution`); several mutually relevant ones play an equilibrium of their own.

    Parameters
    ----------
    model
        The game; decisions with a rule keep it.
    mixed
        Where several decisions of two agents have no pure equilibrium, look for mixed ones (needs ``nashpy``).
    max_profiles, max_equilibria
        How many profiles to compare in one knot, and how many equilibria to return, at most.

    Returns
    -------
    tuple of Equilibrium
        All pure ones (every tie is a branch); empty if some knot has none and `mixed` is not set.

    Raises
    ------
    NotApplicableError
        More equilibria than `max_equilibria`, usually because observations that are not requisite multiply ties.

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
    model.require_numeric("an equilibrium")
    order = [d for knot in relevance_graph(model.cid).components for d in knot if d not in model.rules]
    later = {d: _uniform(model, d) for d in order}
    found: list[Rules] = [{}]
    for knot in relevance_graph(model.cid).components:
        names = [d for d in knot if d not in model.rules]
        if not names:
            continue
        extended: list[Rules] = []
        for rules in found:
            others = {d: rule for d, rule in {**later, **rules}.items() if d not in names}
            local = model.with_policy(others)
            for more in _settled(local, names, mixed, max_profiles, max_equilibria):
                extended.append({**rules, **more})
                if len(extended) > max_equilibria:
                    raise NotApplicableError(
                        f"there are more than max_equilibria={max_equilibria} equilibria: leave out observations that "
                        "are not requisite (minimal_reduction), which multiply ties, or allow more."
                    )
        found = extended
    in_order = [{d: rules[d] for d in model.cid.decisions if d in rules} for rules in found]
    return tuple(_equilibrium(model, rules) for rules in in_order)


def _settled(local: CIM, names: Sequence[str], mixed: bool, max_profiles: int, most: int) -> Iterator[Rules]:
    """Yield the equilibria of a knot whose other decisions all have rules."""
    if len(names) == 1:
        [decision] = names
        mask = solve(local, agent=local.cid.agent_of(decision)).optimal_mask(decision)
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
    pure = list(_pure_profiles(local, names, max_profiles))
    yield from pure
    if mixed and not pure:
        yield from _mixed_profiles(local, names, max_profiles)


# The strategic form --------------------------------------------------------------------------------------------------


def _open_decisions(model: CIM) -> list[str]:
    model.require_numeric("an equilibrium")
    return [d for d in model.cid.decisions if d not in model.rules]


def _equilibrium(model: CIM, rules: Rules) -> Equilibrium:
    played = model.with_policy(rules)
    return Equilibrium(model, rules, {a: expected_utility(played, agent=a) for a in model.cid.agents})


def _uniform(model: CIM, decision: str) -> Array:
    k = model.card(decision)
    return np.full((*(model.card(p) for p in model.cid.parents(decision)), k), 1.0 / k)


def _strategic_form(
    model: CIM, names: Sequence[str], max_profiles: int
) -> tuple[list[Hashable], list[list[Rules]], list[Array]]:
    """Return the agents that decide, each one's deterministic strategies, and each one's payoffs for every profile."""
    agents = [a for a in model.cid.agents if any(model.cid.agent_of(d) == a for d in names)]
    strategies: list[list[Rules]] = []
    left = max_profiles
    for agent in agents:
        own = [d for d in names if model.cid.agent_of(d) == agent]
        strategies.append(list(deterministic_rules(model, own, left)))
        left //= len(strategies[-1])
    payoffs = []
    for agent in agents:
        axes, _, pay = payoff_tensor(_paid_to(model, agent), names, instead="let decisions observe less")
        number = {node: i for i, node in enumerate(axes)}
        operands: list[Any] = [pay, list(number.values())]
        for i, mine in enumerate(strategies):
            for d in mine[0]:
                stacked = np.stack([rules[d] for rules in mine])
                operands += [stacked, [len(axes) + i, *(number[p] for p in model.cid.parents(d)), number[d]]]
        payoffs.append(np.einsum(*operands, [len(axes) + i for i in range(len(agents))], optimize=True))
    return agents, strategies, payoffs


def _paid_to(model: CIM, agent: Hashable) -> CIM:
    """Return the game in which only one agent is paid."""
    own = model.cid.utilities_of(agent)
    return model.shift({u: Table(np.zeros(model.cpd(u).shape)) for u in model.cid.utilities if u not in own})


def _pure_profiles(model: CIM, names: Sequence[str], max_profiles: int) -> Iterator[Rules]:
    agents, strategies, payoffs = _strategic_form(model, names, max_profiles)
    stable = np.ones([len(s) for s in strategies], dtype=bool)
    for i, (agent, pay) in enumerate(zip(agents, payoffs, strict=True)):
        stable &= pay >= pay.max(axis=i, keepdims=True) - value_slack(model, agent)
    for profile in np.argwhere(stable):
        chosen = {d: r for own, i in zip(strategies, profile, strict=True) for d, r in own[i].items()}
        yield {d: chosen[d] for d in names}


def _mixed_profiles(model: CIM, names: Sequence[str], max_profiles: int) -> Iterator[Rules]:
    agents, strategies, payoffs = _strategic_form(model, names, max_profiles)
    if len(agents) != 2 or len(names) != 2:
        who = ", ".join(f"{a!r} with {sum(model.cid.agent_of(d) == a for d in names)}" for a in agents) or "none"
        raise NotApplicableError(
            f"mixed equilibria are found for two agents with one open decision each, and here are {who}: fix "
            "some rules with with_policy, or ask for pure_equilibria."
        )
    try:
        import nashpy
    except ImportError:
        raise missing("nashpy", "games", "a mixed equilibrium") from None
    rows, columns = (_distinct(payoffs, axis) for axis in (0, 1))
    game = nashpy.Game(*(pay[np.ix_(rows, columns)] for pay in payoffs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nashpy warns of degenerate games, as the docstring does
        found = list(game.support_enumeration())
    for mixture in found:
        chosen: Rules = {}
        for own, kept, weights in zip(strategies, (rows, columns), mixture, strict=True):
            [d] = own[0]
            table = sum(w * own[i][d] for i, w in zip(kept, weights, strict=True))
            chosen[d] = _clean(np.asarray(table))
        yield {d: chosen[d] for d in names}


def _distinct(payoffs: Sequence[Array], axis: int) -> list[int]:
    """Return the first of each group of strategies that pay everybody the same."""
    joined = np.concatenate([np.moveaxis(pay, axis, 0).reshape(pay.shape[axis], -1) for pay in payoffs], axis=1)
    _, first = np.unique(np.round(joined, 12), axis=0, return_index=True)
    return sorted(first.tolist())


def _clean(table: Array) -> Array:
    """Put probabilities that are off by rounding only at 0 and 1, and rows at sums of one."""
    kept = np.where(np.abs(table) < 1e-12, 0.0, table)
    cleaned: Array = kept / kept.sum(axis=-1, keepdims=True)
    return cleaned

r"""Games written as tables: every agent's deterministic policies, and what each profile of them pays to everybody.

**Strategic form.** An agent's pure strategies are its deterministic policies, a rule for each of its open decisions.
All profiles are evaluated at once: the payoff is multilinear in the rules, so it is one contraction of
:func:`~cidmesa.solve.queries.payoffs.payoff_tensor` with the stacked rules.

**Mixtures and rules.** A *mixed* strategy draws one deterministic policy before anything happens; a *behaviour*
strategy, here a rule per decision, draws every action by itself, in the context where it is taken. With one decision
they are the same. With several, a mixture with weights :math:`\mu` is compared with the rules

.. math:: b_D(d \mid pa_D) = P_\mu(d \mid pa_D) = \frac{\sum_k \mu_k P_k(pa_D, d)}{\sum_k \mu_k P_k(pa_D)},

what the agent does *on average* in a context, given that it got there. If the agent has perfect recall these rules
pay everybody the same as the mixture, whatever the others do (Kuhn's theorem [1]_). A forgetful agent may draw one of
two policies that go together, "left, left" and "right, right", and no rules that each draw by themselves do that. So
the rules are compared with the mixture, against every policy of the others, and used only if they pay the same.

**Equilibria of two agents.** A mixture of :math:`B` leaves :math:`A` some best responses; both facts are read off the
polytope

.. math:: \{y \ge 0 : \sum_j A_{ij} y_j \le 1 \text{ for all } i\}

(payoffs made positive): :math:`y_j = 0` means that :math:`j` is not played, equality at :math:`i` that :math:`i` is a
best response. A pair of vertices, one of each agent's polytope, in which every strategy is a best response or not
played, is an equilibrium, and every equilibrium is a mixture of such *extreme* ones [2]_. This holds in degenerate
games too, which games with several decisions nearly always are, and where comparing supports of equal size may find no
equilibrium at all. Strategies that pay alike are merged, strictly dominated ones are left out; neither loses anything.

>>> import cidmesa as cm
>>> cid = cm.CID([("a", "pay"), ("b", "pay"), ("a", "cost"), ("b", "cost")], decisions={"A": ["a"], "B": ["b"]},
...              utilities={"A": ["pay"], "B": ["cost"]})
>>> pennies = cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: int(a == b), cost=lambda a, b: -int(a == b))
>>> form = StrategicForm.of(pennies, ["a", "b"])
>>> form.payoffs("A").tolist(), list(pure_profiles(form))
([[1.0, 0.0], [0.0, 1.0]], [])

References
----------
.. [1] H. W. Kuhn, "Extensive games and the problem of information", *Contributions to the Theory of Games* II, 1953,
   Theorem 4.
.. [2] D. Avis, G. D. Rosenberg, R. Savani and B. von Stengel, "Enumeration of Nash equilibria for two-player games",
   *Economic Theory* 42, 2010; vertices of best response polytopes: N. Nisan et al., *Algorithmic Game Theory*, 2007,
   Algorithm 3.5.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.arrays import Array, Floats, Mask
from cidmesa.errors import NotApplicableError, missing
from cidmesa.solve.policies.all_optimal import deterministic_rules, value_slack
from cidmesa.solve.queries.payoffs import payoff_tensor, uniform_rule

if TYPE_CHECKING:
    from cidmesa.model import CIM

MAX_PROFILES = 1_000_000
"""How many profiles of policies are compared, unless the caller allows more."""

MAX_VERTICES = 50_000
"""How many vertices a polytope of best responses may have at most."""

Rules: TypeAlias = dict[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class StrategicForm:
    """The open decisions of a game as one choice per agent.

    Attributes
    ----------
    model
        The game; decisions other than `decisions` have rules.
    decisions
        Those open, in the diagram's order.
    agents
        Whose they are.
    strategies
        Per agent of `agents` its policies, usually all the deterministic ones.
    axes, law
        What the open decisions see and set, and its law but for their rules.
    pays
        For every agent of the diagram the same law times what the agent is paid.
    """

    model: CIM
    decisions: tuple[str, ...]
    agents: tuple[Hashable, ...]
    strategies: tuple[list[Rules], ...]
    axes: tuple[str, ...]
    law: Array
    pays: Mapping[Hashable, Array]

    @classmethod
    def of(cls, model: CIM, decisions: Sequence[str], max_profiles: int = MAX_PROFILES) -> StrategicForm:
        """List the policies of some decisions' agents; refuse if they make more profiles than `max_profiles`."""
        left = max_profiles
        strategies: dict[Hashable, list[Rules]] = {}
        for agent in model.cid.agents:
            own = [d for d in decisions if model.cid.agent_of(d) == agent]
            if own:
                strategies[agent] = list(deterministic_rules(model, own, left))
                left //= len(strategies[agent])
        return cls.playing(model, strategies)

    @classmethod
    def playing(cls, model: CIM, strategies: Mapping[Hashable, list[Rules]]) -> StrategicForm:
        """Put down some strategies for every agent that has decisions, each with rules for the same ones."""
        cid = model.cid
        named = {d for own in strategies.values() for d in own[0]}
        decisions = tuple(d for d in cid.decisions if d in named)
        pays: dict[Hashable, Array] = {}
        axes: tuple[str, ...] = ()
        law: Array = np.ones(())
        for agent in cid.agents:
            axes, law, pays[agent] = payoff_tensor(
                model, decisions, utilities=cid.utilities_of(agent), instead="let decisions observe less"
            )
        return cls(model, decisions, tuple(strategies), tuple(strategies.values()), axes, law, pays)

    def payoffs(self, agent: Hashable, strategies: Sequence[Sequence[Rules]] | None = None) -> Array:
        """Return what an agent gets, one axis per deciding agent; `strategies` may be any rules, one list an agent."""
        return self._contracted(self.pays[agent], self.strategies if strategies is None else strategies, ())

    def expected(self, agent: Hashable, weights: Mapping[Hashable, Floats]) -> Array:
        """Return what an agent gets where some agents mix; one axis for each of the others."""
        table = self.payoffs(agent)
        for place in reversed(range(len(self.agents))):
            if self.agents[place] in weights:
                table = _averaged(table, place, weights[self.agents[place]])
        return table

    def behaviour(self, agent: Hashable, policies: Sequence[Rules], weights: Floats) -> Rules | None:
        """Return rules that pay everybody what an agent's mixture does; ``None`` if acting on average does not."""
        place = self.agents.index(agent)
        others = [[{d: uniform_rule(self.model, d) for d in own[0]}] for own in self.strategies]
        found: Rules = {}
        for d in policies[0]:
            family = (*self.model.cid.parents(d), d)
            met = self._contracted(self.law, _with(others, place, policies), family)
            met = _averaged(met, place, weights).reshape(met.shape[len(self.agents) :])
            total = met.sum(axis=-1, keepdims=True)
            planned = np.tensordot(weights, np.stack([rules[d] for rules in policies]), axes=1)
            found[d] = clean(np.where(total > 0, met / np.where(total > 0, total, 1.0), planned))
        for payee in self.model.cid.agents:
            ruled = self.payoffs(payee, _with(self.strategies, place, [found])).take(0, axis=place)
            mixed = _averaged(self.payoffs(payee, _with(self.strategies, place, policies)), place, weights)
            if np.abs(ruled - mixed).max() > value_slack(self.model, payee):
                return None
        return found

    def _contracted(self, tensor: Array, strategies: Sequence[Sequence[Rules]], family: Sequence[str]) -> Array:
        """Multiply stacked rules in; axes of the result: one per deciding agent, then those of `family`."""
        number = {node: i for i, node in enumerate(self.axes)}
        operands: list[Any] = [tensor, list(number.values())]
        profile = [len(number) + i for i in range(len(self.agents))]
        for i, mine in zip(profile, strategies, strict=True):
            for d in mine[0]:
                seen = [number[p] for p in self.model.cid.parents(d)]
                operands += [np.stack([rules[d] for rules in mine]), [i, *seen, number[d]]]
        found: Array = np.einsum(*operands, [*profile, *(number[node] for node in family)], optimize=True)
        return found


def _with(strategies: Sequence[Sequence[Rules]], place: int, own: Sequence[Rules]) -> list[Sequence[Rules]]:
    """Return the strategies with those of one agent replaced."""
    return [own if i == place else theirs for i, theirs in enumerate(strategies)]


def _averaged(table: Array, place: int, weights: Floats) -> Array:
    """Take the mean over one axis."""
    found: Array = np.tensordot(weights, table, axes=(0, place))
    return found


def clean(table: Array) -> Array:
    """Put probabilities that are off by rounding only at 0 and 1, and rows at sums of one."""
    kept = np.where(np.abs(table) < 1e-10, 0.0, table)
    cleaned: Array = kept / kept.sum(axis=-1, keepdims=True)
    return cleaned


# Equilibria of two agents ---------------------------------------------------------------------------------------------


def pure_profiles(form: StrategicForm) -> Iterator[Rules]:
    """Yield the profiles of deterministic policies from which nobody gains by deviating."""
    stable = np.ones([len(s) for s in form.strategies], dtype=bool)
    for i, agent in enumerate(form.agents):
        pay = form.payoffs(agent)
        stable &= pay >= pay.max(axis=i, keepdims=True) - value_slack(form.model, agent)
    for profile in np.argwhere(stable):
        chosen = {d: r for own, i in zip(form.strategies, profile, strict=True) for d, r in own[i].items()}
        yield {d: chosen[d] for d in form.decisions}


def extreme_profiles(form: StrategicForm) -> list[tuple[Floats, Floats]]:
    """Return the extreme equilibria of two agents, as weights of their strategies (see the module's text).

    Pure ones first, then by the number of strategies that are played.
    """
    try:
        from nashpy.polytope import build_halfspaces, non_trivial_vertices
    except ImportError:
        raise missing("nashpy", "games", "a mixed equilibrium") from None
    pays = [form.payoffs(agent) for agent in form.agents]
    kept = _worth_playing(pays, [value_slack(form.model, agent) for agent in form.agents])
    small = [_positive(pay[np.ix_(*kept)]) for pay in pays]
    _require_few_vertices(form, kept)
    for axis in (0, 1):  # a polytope needs two dimensions: a strategy that is not worth playing
        if small[0].shape[axis] == 1:
            small = [
                np.concatenate([pay, pay / 2 if whose == axis else pay], axis=axis) for whose, pay in enumerate(small)
            ]
    corners = []
    for table in (small[1].T, small[0]):  # what the other one gets decides what an agent may play
        found = np.array([vertex for vertex, _ in non_trivial_vertices(build_halfspaces(table))])
        corners.append(np.unique(np.round(clean(found), 12), axis=0))
    rows, columns = corners
    # Strategies of the first agent, then of the second, that are best responses or not played.
    first = np.concatenate([rows == 0, _best(rows @ small[1])], axis=1)
    second = np.concatenate([_best(columns @ small[0].T), columns == 0], axis=1)
    pairs = []
    for i, j in _complementary(~first, ~second):
        x, y = _polished(small[1].T, rows[i]), _polished(small[0], columns[j])
        weights = [np.zeros(pay_axis) for pay_axis in pays[0].shape]
        for whole, part, names in zip(weights, (x, y), kept, strict=True):
            whole[names] = clean(part[: len(names)])
        pairs.append((weights[0], weights[1]))
    return sorted(pairs, key=lambda pair: ([int((w > 0).sum()) for w in pair], [(-w).tolist() for w in pair]))


def _complementary(first: Mask, second: Mask) -> Iterator[tuple[int, int]]:
    """Yield the pairs of a row of one table and a row of another that are true nowhere at once."""
    right = second.T.astype(np.float32)
    block = max(1, 2**24 // len(second))
    for start in range(0, len(first), block):
        both = first[start : start + block].astype(np.float32) @ right
        yield from ((start + int(i), int(j)) for i, j in np.argwhere(both == 0))


def _polished(table: Array, weights: Floats) -> Floats:
    """Return the weights, near those given, that make the best responses to them equally good to rounding."""
    played = np.flatnonzero(weights)
    best = np.flatnonzero(_best((table @ weights)[None])[0])
    system = np.block([[table[np.ix_(best, played)], -np.ones((len(best), 1))], [np.ones(len(played)), np.zeros(1)]])
    right = np.concatenate([np.zeros(len(best)), np.ones(1)])
    exact = np.zeros(len(weights))
    exact[played] = np.linalg.lstsq(system, right, rcond=None)[0][:-1]
    return exact


def _positive(pay: Array) -> Array:
    """Bring payoffs to the interval from one to two, which changes no best response."""
    width = float(pay.max() - pay.min())
    found: Array = 1.0 + (pay - pay.min()) / (width or 1.0)
    return found


def _best(values: Array) -> Mask:
    """Mark the largest values of each row."""
    found: Mask = values >= values.max(axis=1, keepdims=True) - _SAME
    return found


_SAME = 1e-9
"""Payoffs on the scale from one to two that differ by less are the same."""


def _worth_playing(pays: Sequence[Array], widths: Sequence[float]) -> list[list[int]]:
    """Return, per agent, the strategies left once duplicates and strictly dominated ones have been taken away.

    Payoffs closer than the agents' `widths` are the same.
    """
    units = [10 * width or 1.0 for width in widths]
    kept = [list(range(n)) for n in pays[0].shape]
    changed = True
    while changed:
        changed = False
        for axis, own in enumerate(pays):
            both = [np.moveaxis(pay[np.ix_(*kept)], axis, 0) / unit for pay, unit in zip(pays, units, strict=True)]
            _, first = np.unique(np.round(np.concatenate(both, axis=1)), axis=0, return_index=True)
            mine = np.moveaxis(own[np.ix_(*kept)], axis, 0)[np.sort(first)]
            left = [
                kept[axis][i]
                for i, pay in zip(np.sort(first), mine, strict=True)
                if not (mine > pay + widths[axis]).all(axis=1).any()
            ]
            changed |= len(left) < len(kept[axis])
            kept[axis] = left
    return kept


def _require_few_vertices(form: StrategicForm, kept: Sequence[Sequence[int]]) -> None:
    """Refuse polytopes that may have too many vertices, by McMullen's upper bound."""
    facets = sum(map(len, kept))
    most = max(
        comb(facets - (n + 1) // 2, n // 2) + comb(max(facets - n // 2 - 1, 0), max((n + 1) // 2 - 1, 0))
        for n in map(len, kept)
    )
    if most > MAX_VERTICES:
        who = " and ".join(
            f"{agent!r} {len(left)} at {', '.join(f'`{d}`' for d in mine[0])}"
            for agent, left, mine in zip(form.agents, kept, form.strategies, strict=True)
        )
        raise NotApplicableError(
            f"too many policies are left to mix, {who} (policies that pay alike counted once, dominated ones not at "
            f"all): their best responses may have {most:.3g} corners, more than {MAX_VERTICES:,}. Fix rules with "
            "with_policy, leave out observations that are not requisite (minimal_reduction), or make domains smaller."
        )

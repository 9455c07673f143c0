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

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import comb
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cidmesa.arrays import Array, Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError, missing
from cidmesa.mechanisms.place import ROW_SUM_TOLERANCE
from cidmesa.solve.games.vertices import vertices
from cidmesa.solve.policies.all_optimal import deterministic_rules
from cidmesa.solve.policies.ties import LEAST
from cidmesa.solve.policies.worth import DIGITS, exact_tensor
from cidmesa.solve.queries.payoffs import payoff_tensor, uniform_rule
from cidmesa.solve.tables.model_tables import view_of

if TYPE_CHECKING:
    from cidmesa.model import CIM

MAX_PROFILES = 1_000_000
"""How many profiles of policies are compared, unless the caller allows more."""

MAX_VERTICES = 50_000
"""How many vertices a polytope of best responses may have at most."""

_RAYS = 2_000
"""How many rays are held in whole numbers at most."""

_LONG = 2**22
"""How many products of Python's integers payoffs may take."""

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
    _absolute: dict[Hashable, Array] = field(default_factory=dict, repr=False)

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

    def sizes(self, agent: Hashable, strategies: Sequence[Sequence[Rules]] | None = None) -> Array:
        """Return the same sums of absolute utilities: what the rounding of :meth:`payoffs` is measured by."""
        if agent not in self._absolute:
            named, paid = list(self.decisions), self.model.cid.utilities_of(agent)
            self._absolute[agent] = payoff_tensor(self.model, named, utilities=paid, absolute=True)[2]
        return self._contracted(self._absolute[agent], self.strategies if strategies is None else strategies, ())

    def exact_payoffs(self, agent: Hashable) -> Array | None:
        """Return :meth:`payoffs` in integers on a positive scale; ``None`` where they are too many or too long."""
        cid, view = self.model.cid, view_of(self.model, "a payoff")
        tensor = exact_tensor(
            view, view.index.ids(cid.utilities_of(agent)), view.index.ids(self.decisions), view.index.ids(self.axes)
        )
        if tensor is None:
            return None
        most = sum(abs(int(x)) for x in (tensor.min(initial=0), tensor.max(initial=0))) * tensor.size
        profiles = math.prod(map(len, self.strategies))
        if most >= 2**62 and profiles * tensor.size > _LONG:
            return None
        number = np.int64 if most < 2**62 else object
        rules = [
            [{d: rule.astype(int).astype(number) for d, rule in one.items()} for one in own] for own in self.strategies
        ]
        return self._contracted(tensor.astype(number), rules, ())

    def best_replies(self, place: int) -> Mask:
        """Mark the profiles in which the agent at `place` does best against the others, by facts (:mod:`.ties`).

        Raises
        ------
        NotApplicableError
            Payoffs are closer than rounding can tell, and too many for exact arithmetic.
        """
        agent = self.agents[place]
        pay = self.payoffs(agent)
        nodes = len(self.model.cid.nodes)
        off = nodes * 2.0**-40 + self.law.size * 2.0**-52  # more than the sums and products of a term can lose
        off += sum(2 * ROW_SUM_TOLERANCE * (1 + self.model.card(n)) for n in self.model.cid.chance)
        bound = self.sizes(agent) * off + LEAST
        near: Mask = pay + bound >= (pay - bound).max(axis=place, keepdims=True)
        if near.sum(axis=place).max() == 1:
            return near
        exact = self.exact_payoffs(agent)
        if exact is None:
            raise NotApplicableError(
                f"what {agent!r} gets is closer than rounding can tell for some policies, and there are too many of "
                "them for exact arithmetic: let decisions observe less, or make the numbers rounder."
            )
        found: Mask = exact == exact.max(axis=place, keepdims=True)
        return found

    def expected(self, agent: Hashable, weights: Mapping[Hashable, Floats], *, sizes: bool = False) -> Array:
        """Return what an agent gets where some agents mix, or its :meth:`sizes`; one axis for each of the others."""
        table = self.sizes(agent) if sizes else self.payoffs(agent)
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
            rule = np.where(total > 0, met / np.where(total > 0, total, 1.0), planned)
            found[d] = rule / rule.sum(axis=-1, keepdims=True)
        for payee in self.model.cid.agents:
            alone, drawn = _with(self.strategies, place, [found]), _with(self.strategies, place, policies)
            ruled = self.payoffs(payee, alone).take(0, axis=place)
            mixed = _averaged(self.payoffs(payee, drawn), place, weights)
            size = self.sizes(payee, alone).take(0, axis=place) + _averaged(self.sizes(payee, drawn), place, weights)
            if (np.abs(ruled - mixed) > DIGITS * size).any():
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
    for i in range(len(form.agents)):
        stable &= form.best_replies(i)
    for profile in np.argwhere(stable):
        chosen = {d: r for own, i in zip(form.strategies, profile, strict=True) for d, r in own[i].items()}
        yield {d: chosen[d] for d in form.decisions}


class Extreme(NamedTuple):
    """The extreme equilibria of two agents, as weights of their strategies, and whether they are known exactly."""

    profiles: list[tuple[Floats, Floats]]
    exact: bool


def extreme_profiles(form: StrategicForm, budget: Budget = UNLIMITED) -> Extreme:
    """Return the extreme equilibria of two agents (see the module's text).

    Pure ones first, then by the number of strategies that are played. In whole numbers where the payoffs and the
    polytopes are small enough for that, else in floating point.
    """
    exact = [form.exact_payoffs(agent) for agent in form.agents]
    pays: list[Array] = [
        form.payoffs(agent) if found is None else found for agent, found in zip(form.agents, exact, strict=True)
    ]
    whole = all(found is not None for found in exact)
    widths = [0.0 if whole else DIGITS * float(form.sizes(agent).max()) for agent in form.agents]
    kept = _worth_playing(pays, widths)
    _require_few_vertices(form, kept)
    small = [pay[np.ix_(*kept)] for pay in pays]
    pairs = _in_whole_numbers(small, budget) if whole else None
    known = pairs is not None
    if pairs is None:
        pairs = _in_floats([_positive(pay.astype(np.float64)) for pay in small])
    spread = []
    for pair in pairs:
        weights = [np.zeros(n) for n in pays[0].shape]
        for everything, part, names in zip(weights, pair, kept, strict=True):
            everything[names] = part[: len(names)]
        spread.append((weights[0], weights[1]))
    spread.sort(key=lambda pair: ([int((w > 0).sum()) for w in pair], [(-w).tolist() for w in pair]))
    return Extreme(spread, known)


def _in_whole_numbers(pays: Sequence[Array], budget: Budget) -> list[tuple[Floats, Floats]] | None:
    """Return the extreme equilibria of integer payoffs; ``None`` where the polytopes have too many vertices."""
    positive = [(pay - pay.min() + 1).astype(object) for pay in pays]
    rows, columns = (vertices(table, _RAYS, budget) for table in (positive[1].T, positive[0]))
    if rows is None or columns is None:
        return None
    # Strategies of the first agent, then of the second, that are best responses or not played.
    first = np.concatenate([rows.absent, rows.tight], axis=1)
    second = np.concatenate([columns.tight, columns.absent], axis=1)
    return [
        (np.array(rows.weights(i), dtype=np.float64), np.array(columns.weights(j), dtype=np.float64))
        for i, j in _complementary(~first, ~second)
    ]


def _in_floats(small: list[Array]) -> list[tuple[Floats, Floats]]:
    """Return the extreme equilibria of payoffs between one and two."""
    try:
        from nashpy.polytope import build_halfspaces, non_trivial_vertices
    except ImportError:
        raise missing("nashpy", "games", "a mixed equilibrium of so many policies") from None
    sizes = small[0].shape
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
        pairs.append((clean(x[: sizes[0]]), clean(y[: sizes[1]])))
    return pairs


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
    kept = [list(range(n)) for n in pays[0].shape]
    changed = True
    while changed:
        changed = False
        for axis, own in enumerate(pays):
            both = [np.moveaxis(pay[np.ix_(*kept)], axis, 0) for pay in pays]
            first = _different(both, widths)
            mine = np.moveaxis(own[np.ix_(*kept)], axis, 0)[first]
            left = [
                kept[axis][i]
                for i, pay in zip(first, mine, strict=True)
                if not (mine > pay + widths[axis]).all(axis=1).any()
            ]
            changed |= len(left) < len(kept[axis])
            kept[axis] = left
    return kept


def _different(pays: Sequence[Array], widths: Sequence[float]) -> list[int]:
    """Return the first of all rows that are the same in every table; `widths` of zero mean exactly the same."""
    seen: set[tuple[Any, ...]] = set()
    found = []
    rounded = [pay if width == 0 else np.round(pay / (10 * width)) for pay, width in zip(pays, widths, strict=True)]
    for i, rows in enumerate(zip(*(pay.tolist() for pay in rounded), strict=True)):
        key = tuple(x for row in rows for x in row)
        if key not in seen:
            seen.add(key)
            found.append(i)
    return found


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

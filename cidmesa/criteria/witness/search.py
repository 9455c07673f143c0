r"""Small models, searched: witnesses for several decisions.

Where an incentive hangs on what another decision does with what it sees, no construction is known that always works;
sometimes no model has the incentive at all. So models with two states a node are drawn, nodes that matter alive and
the rest with one state, from the mechanisms that make incentives: fair coins, copies, exclusive ors, conjunctions,
now and then a random table; utilities that pay for a match, for a bit, for a conjunction. All deterministic policies
are played at once, which gives all optimal ones, and what looks like a witness is put to the exact solver.

Models with the same live nodes are drawn and played sixteen at a time, which makes the search some five times as fast
as one by one. It is bounded and deterministic. That it finds nothing proves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.criteria.question import TITLES
from cidmesa.criteria.witness.check import Candidate, holds, label_of
from cidmesa.criteria.witness.games import SHRINK, Bits, Games, Rules
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.graph.reduction import minimal_reduction, with_information_link
from cidmesa.mechanisms import Mechanism
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.criteria.question import Question

SEARCH_DRAWS = 400
"""How many models are drawn for a question."""

MAX_POLICIES = 4096
"""How many deterministic policies a drawn model may have."""

MAX_WORLDS = 64
"""How many values of all noise together a drawn model may have."""

TOGETHER = 16
"""How many models with the same live nodes are drawn and played at once, at most."""

CELLS = 2**15
"""Up to so many values of one node, over models, policies and noise, are computed at once."""

_COMPANY = 6
"""How many nodes, on average and at most, are alive besides those that the question is about."""


def search(question: Question, criterion: str, draws: int = SEARCH_DRAWS, budget: Budget = UNLIMITED) -> CIM | None:
    """Return a model with the incentive of a question, found among `draws` small ones and checked, or None.

    Raises
    ------
    OutOfTimeError
        The budget was over before the search was.
    """
    return next((found.model for found in searched(question, criterion, draws, budget)), None)


def searched(
    question: Question, criterion: str, draws: int = SEARCH_DRAWS, budget: Budget = UNLIMITED
) -> Iterator[Candidate]:
    """Yield the models that :func:`search` returns the first of."""
    cid = question.cid
    label = label_of(question) if criterion == "introduced_unfairness" else None
    test = _TESTS.get(criterion) if label is None else partial(_amplifies, label=label)
    if test is None or any(cid.kind(head) == "decision" for _, head in question.cut_edges):
        return
    decision = question.decision
    if criterion == "voi" and decision is not None:
        for node in question.nodes:
            cid = with_information_link(cid, node, decision)
    agent = cid.agents[0] if decision is None else cid.agent_of(decision)
    chance = Chance(random.Random(0), np.random.default_rng(0))  # the same for all names: renaming changes nothing
    for node in question.nodes:
        if cid.kind(node) == "utility" and (criterion != "voc" or cid.agent_of(node) != agent):
            continue
        draw = _Draw(cid, agent, criterion, node, decision, question.cut_edges, chance, label)
        drawn, what = 0, f"the search for a witness of {TITLES[criterion]} of {node}"
        while drawn < draws:
            budget.check(what, SHRINK, f"{drawn:,} of {draws:,} models")
            games = draw(min(TOGETHER, draws - drawn))
            drawn += 1 if games is None else len(games)
            if games is None:
                continue
            for game, control in test(games, node, decision, question.nodes):
                candidate = Candidate(games.model(game), node, control)
                try:
                    if holds(candidate, criterion, question):
                        yield candidate
                except NotApplicableError:  # too large for the exact predicates after all
                    continue


# What makes a game a witness: its number and, for control, the mechanism ----------------------------------------------

_Found: TypeAlias = "Iterator[tuple[int, Mechanism | None]]"


def _those(found: Mask) -> _Found:
    return ((game, None) for game in np.flatnonzero(found).tolist())


def _responds(games: Games, node: str, decision: str | None, _: tuple[str, ...]) -> _Found:
    policies = games.optimal
    before = games.play(policies)[0][str(decision)]
    found = np.zeros((1, 1), dtype=bool)
    for x in (0, 1):
        after = games.play(policies, {node: np.full((1, 1, 1), x, dtype=np.int8)})[0][str(decision)]
        found = found | (before != after).any(axis=2)
    return _those(_always(found, games))


def _controls(games: Games, node: str, decision: str | None, _: tuple[str, ...]) -> _Found:
    name = str(decision)
    policies = games.optimal
    actual, paid = games.play(policies)
    context = np.zeros((1, 1, 1), dtype=np.intp)
    for p in games.parents[name]:
        context = 2 * context + actual[p]
    found = np.zeros((1, 1), dtype=bool)
    for d in (0, 1):
        other = games.play(policies, {name: np.full((1, 1, 1), d, dtype=np.int8)})[0][node]
        moved = games.play(policies, {name: actual[name], node: other})[1]
        gain = (moved - paid) * games.weights[:, None, :]
        for c in range(2 ** len(games.parents[name])):
            found = found | (np.abs(np.where(context == c, gain, 0.0).sum(axis=2)) > 1e-9)
    return _those(_always(found, games))


def _worth_controlling(games: Games, node: str, _: str | None, __: tuple[str, ...]) -> _Found:
    best = games.best.max(axis=1)
    if node in games.pays:
        pay = games.pays[node]
        most = replace(games, pays={**games.pays, node: np.broadcast_to(pay.max(axis=1, keepdims=True), pay.shape)})
        return _those(most.worth(most.policies).max(axis=1) > best + 1e-9)
    contexts = 2 ** len(games.parents[node])
    tables = list(product((0, 1), repeat=contexts)) if contexts <= 4 else [(0,) * contexts, (1,) * contexts]
    better: dict[int, Rules] = {}
    for table in tables:
        outcome = np.broadcast_to(np.array(table, dtype=np.int8)[None, :, None], (len(games), contexts, 1))
        rule = Rules(np.ones((len(games), 1)), outcome)
        more = games.worth(games.policies, {node: rule}).max(axis=1) > best + 1e-9
        for game in np.flatnonzero(more).tolist():
            better.setdefault(game, rule)
    return ((game, games.mechanism(node, game, better[game])) for game in sorted(better))


def _informs(games: Games, _: str, decision: str | None, nodes: tuple[str, ...]) -> _Found:
    unseen = games.best[:, games.blind(str(decision), nodes)].max(axis=1)
    return _those(games.best.max(axis=1) > unseen + 1e-9)


def _moves(games: Games, node: str, _: str | None, __: tuple[str, ...]) -> _Found:
    """Compare the law of the node with the one under the policy that takes the first action everywhere."""
    policies = games.optimal
    idle = {d: np.zeros((1, 1, table.shape[2]), dtype=np.int8) for d, table in policies.items()}
    weights = games.weights[:, None, :]
    law = (games.play(policies)[0][node] * weights).sum(axis=2)
    before = (games.play(idle)[0][node] * weights).sum(axis=2)
    return _those(_always(np.abs(law - before) > 1e-9, games))


def _amplifies(games: Games, node: str, decision: str | None, _: tuple[str, ...], *, label: str) -> _Found:
    """Compare, under every optimal policy, how the means of the decision and of the label differ between groups."""
    policies = games.optimal
    weights = games.weights[:, None, :]
    values = games.play(policies)[0]
    group, action, truth = (values[n] for n in (node, str(decision), label))
    mass = [np.where(group == a, weights, 0.0) for a in (0, 1)]
    total = [m.sum(axis=2) for m in mass]
    both = (total[0] > 0) & (total[1] > 0)

    def gap(v: Bits) -> Floats:
        means = [(m * v).sum(axis=2) / np.where(both, t, 1.0) for m, t in zip(mass, total, strict=True)]
        return np.asarray(np.abs(means[1] - means[0]))

    return _those(_always(both & (gap(action) > gap(truth) + 1e-9), games))


def _always(found: Mask, games: Games) -> Mask:
    """Say in which settled games all optimal policies are flagged; flags by game, or the same for all, and policy."""
    return np.asarray(found.all(axis=1) & games.is_settled)


_TESTS: dict[str, Callable[[Games, str, str | None, tuple[str, ...]], _Found]] = {
    "voi": _informs,
    "voc": _worth_controlling,
    "ri": _responds,
    "ici": _controls,
    "impact": _moves,
}


# Drawing games --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chance:
    """Where random structure and random numbers come from."""

    structure: random.Random
    numbers: np.random.Generator


class _Draw:
    """A source of games in which a node, a decision and a utility are alive."""

    def __init__(
        self,
        cid: CID,
        agent: Any,
        criterion: str,
        node: str,
        decision: str | None,
        cut: Iterable[tuple[str, str]],
        chance: Chance,
        label: str | None,
    ) -> None:
        self.cid = cid
        self.agent = agent
        self.rng = chance.structure
        self.numbers = chance.numbers
        self.cut = set(cut)
        self.utilities = cid.utilities_of(agent)
        self.order = [cid.nodes[i] for i in cid.topological]
        deciding = cid.decisions_of(agent) if decision is None else (decision,)
        self.paying = {node} & set(self.utilities)
        about = () if self.paying else (node,)
        self.always = tuple(dict.fromkeys((*about, *deciding, *((label,) if label is not None else ()))))
        self.reduced = cid if criterion in {"voi", "impact"} else minimal_reduction(cid, cid.decisions_of(agent))
        above = {u: self.reduced.ancestors(u, strict=False) for u in self.utilities}
        matter = set().union(*above.values())
        self.pool = [n for n in self.order if n in matter and n not in self.always and n not in self.utilities]
        self.legs: list[tuple[str, frozenset[str]]] = []  # from where to where the incentive runs
        downwards = criterion in {"ici", "impact"}
        if decision is not None and not downwards and not self.paying:
            self.legs.append((node, self.reduced.ancestors(decision, strict=False)))
        if decision is not None and downwards:
            self.legs.append((decision, self.reduced.ancestors(node, strict=False)))
        self.legs += [(n, frozenset(matter)) for n in self.always]

    def __call__(self, count: int) -> Games | None:
        """Draw up to `count` games with the same live nodes; None where chance made them too large."""
        rng = self.rng
        cid = self.cid
        live = set(self.always)
        for start, above in self.legs:
            live |= self._route(start, above)
        share = min(rng.choice([0.5, 0.8, 1.0]), _COMPANY / max(len(self.pool), 1))
        live |= {n for n in self.pool if rng.random() < share}
        others = {d for d in cid.decisions if cid.agent_of(d) != self.agent}
        paid = {u for u in self.utilities if rng.random() < 0.8} or {rng.choice(self.utilities)}
        paid |= self.paying
        parents = {n: tuple(p for p in cid.parents(n) if p in live) for n in self.order if n in live or n in paid}
        policies = 1
        for d in cid.decisions_of(self.agent):
            if d in live:
                if len(parents[d]) > 3:
                    return None
                policies *= 2 ** (2 ** len(parents[d]))
        if policies > MAX_POLICIES:
            return None
        kinds = {n: self._kind(n, parents[n]) for n in parents if n not in paid}
        ruled = [n for n in kinds if n in others or cid.kind(n) == "chance"]
        worlds = 2 ** sum(kinds[n] != "sure" for n in ruled)
        if worlds > MAX_WORLDS:
            return None
        count = max(1, min(count, CELLS // (policies * worlds)))
        rules = {n: self._rules(count, n, parents[n], kinds[n]) for n in ruled}
        pays = {n: self._payments(count, n, parents[n]) for n in self.order if n in paid}
        order = tuple(n for n in self.order if n in parents)
        return Games(cid, self.agent, order, parents, rules, pays)

    def _route(self, start: str, above: frozenset[str]) -> set[str]:
        """Return the nodes of a random directed path that stays within `above`."""
        route = {start}
        node = start
        while on := [c for c in self.reduced.children(node) if c in above]:
            node = self.rng.choice(on)
            route.add(node)
        return route.difference(self.utilities)

    def _usable(self, node: str, parents: Sequence[str]) -> list[int]:
        return [i for i, p in enumerate(parents) if (p, node) not in self.cut]

    def _kind(self, node: str, parents: Sequence[str]) -> str:
        """Draw whether a chance node is a coin of its own, a function of its parents, or one that may fail."""
        if not self._usable(node, parents) or self.rng.random() < 0.2:
            return "coin"
        return "unsure" if self.rng.random() < 0.15 else "sure"

    def _rules(self, count: int, node: str, parents: Sequence[str], kind: str) -> Rules:
        contexts = 2 ** len(parents)
        if kind == "coin":
            fair = self.numbers.random(count) < 0.8
            odds = np.where(fair[:, None], [0.5, 0.5], [0.25, 0.75])
            return Rules(odds, np.broadcast_to(np.array([0, 1], dtype=np.int8), (count, contexts, 2)))
        bits = self._combinations(count, len(parents), self._usable(node, parents))
        if kind == "unsure":
            return Rules(np.broadcast_to([0.75, 0.25], (count, 2)), np.stack([bits, 1 - bits], axis=2).astype(np.int8))
        return Rules(np.ones((count, 1)), bits[:, :, None])

    def _combinations(self, count: int, k: int, usable: Sequence[int]) -> Bits:
        """Return a bit for every game and context of `k` parents: a copy, a combination of two, or a random table."""
        rng = self.numbers
        contexts = np.indices((2,) * k).reshape(k, 2**k).astype(np.int8)
        open_ = np.array(usable)
        first = rng.integers(len(open_), size=count)
        copied: Bits = contexts[open_[first]]
        if len(open_) == 1:
            return copied
        second = (first + rng.integers(1, len(open_), size=count)) % len(open_)
        a, b = copied, contexts[open_[second]]
        pairs = np.stack([pair(a, b) for pair in _PAIRS])[rng.integers(len(_PAIRS), size=count), np.arange(count)]
        table = rng.integers(0, 2, size=(count, 2**k), dtype=np.int8)
        kind = rng.random(count)[:, None]
        bits: Bits = np.where(kind < 0.45, copied, np.where(kind < 0.85, pairs, table))
        return bits

    def _payments(self, count: int, node: str, parents: Sequence[str]) -> Floats:
        """Return the pay for every game and context of the parents: one or two bits, weighted, or random numbers."""
        rng = self.numbers
        k, usable = len(parents), self._usable(node, parents)
        if not usable:
            return np.zeros((count, 2**k))
        once = self._weight(count) * self._combinations(count, k, usable)
        twice = self._weight(count) * self._combinations(count, k, usable)
        total = np.where(rng.random(count)[:, None] < 1 / 3, once + twice, once)
        if len(usable) == k > 1:
            numbers = rng.integers(0, 4, size=(count, 2**k)).astype(float)
            total = np.where(rng.random(count)[:, None] < 0.3, numbers, total)
        return np.asarray(total, dtype=float)

    def _weight(self, count: int) -> Floats:
        return np.where(self.numbers.random(count)[:, None] < 2 / 3, 1.0, 2.0)


_PAIRS: tuple[Callable[[Bits, Bits], Bits], ...] = (
    lambda a, b: a ^ b,
    lambda a, b: 1 - (a ^ b),
    lambda a, b: a & b,
    lambda a, b: a & (1 - b),
)

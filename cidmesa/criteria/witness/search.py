r"""Small models, searched: witnesses for several decisions.

Where an incentive hangs on what another decision does with what it sees, no construction is known that always works;
sometimes no model has the incentive at all. So models with two states a node are drawn, nodes that matter alive and
the rest with one state, from the mechanisms that make incentives: fair coins, copies, exclusive ors, conjunctions,
now and then a random table; utilities that pay for a match, for a bit, for a conjunction. All deterministic policies
are played at once, which gives all optimal ones, and what looks like a witness is put to the exact solver.

The search is bounded and deterministic. That it finds nothing proves nothing; but of 301 questions about diagrams of
four to six nodes and two decisions that no theorem settles, and that brute force over other small models answered with
a yes, it left one open.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.criteria.witness.check import Candidate, holds, label_of
from cidmesa.criteria.witness.games import Bits, Game, Rule
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

_COMPANY = 6
"""How many nodes, on average and at most, are alive besides those that the question is about."""


def search(question: Question, criterion: str, draws: int = SEARCH_DRAWS) -> CIM | None:
    """Return a model with the incentive of a question, found among `draws` small ones and checked, or None."""
    cid = question.cid
    label = label_of(question) if criterion == "introduced_unfairness" else None
    test = _TESTS.get(criterion) if label is None else partial(_amplifies, label=label)
    if test is None or any(cid.kind(head) == "decision" for _, head in question.cut_edges):
        return None
    decision = question.decision
    if criterion == "voi" and decision is not None:
        for node in question.nodes:
            cid = with_information_link(cid, node, decision)
    agent = cid.agents[0] if decision is None else cid.agent_of(decision)
    rng = random.Random(0)  # the same for all names, so that renaming changes nothing
    for node in question.nodes:
        if cid.kind(node) == "utility":
            continue
        draw = _Draw(cid, agent, criterion, node, decision, question.cut_edges, rng, label)
        for _ in range(draws):
            game = draw()
            if game is None:
                continue
            control = test(game, node, decision, question.nodes)
            if control is None:
                continue
            candidate = Candidate(game.model(), node, control if isinstance(control, Mechanism) else None)
            try:
                if holds(candidate, criterion, question):
                    return candidate.model
            except NotApplicableError:  # too large for the exact predicates after all
                continue
    return None


# What makes a game a witness: None if it is none, else True or, for control, the mechanism ----------------------------


def _responds(game: Game, node: str, decision: str | None, _: tuple[str, ...]) -> bool | None:
    policies = game.optimal
    before = game.play(policies)[0][str(decision)]
    found = np.zeros(len(next(iter(policies.values()))), dtype=np.bool_)
    for x in (0, 1):
        after = game.play(policies, {node: np.full((1, 1), x, dtype=np.int8)})[0][str(decision)]
        found |= np.broadcast_to(before != after, (len(found), len(game.worlds[0]))).any(axis=1)
    return True if found.all() else None


def _controls(game: Game, node: str, decision: str | None, _: tuple[str, ...]) -> bool | None:
    name = str(decision)
    policies = game.optimal
    weights = game.worlds[0]
    actual, paid = game.play(policies)
    shape = (len(next(iter(policies.values()))), len(weights))
    context = np.zeros((1, 1), dtype=np.intp)
    for p in game.parents[name]:
        context = 2 * context + actual[p]
    context = np.broadcast_to(context, shape)
    found = np.zeros(shape[0], dtype=np.bool_)
    for d in (0, 1):
        other = game.play(policies, {name: np.full((1, 1), d, dtype=np.int8)})[0][node]
        moved = game.play(policies, {name: actual[name], node: other})[1]
        gain = np.broadcast_to((moved - paid) * weights, shape)
        for c in range(2 ** len(game.parents[name])):
            found |= np.abs(np.where(context == c, gain, 0.0).sum(axis=1)) > 1e-9
    return True if found.all() else None


def _worth_controlling(game: Game, node: str, _: str | None, __: tuple[str, ...]) -> Mechanism | None:
    policies = game.policies()
    best = game.worth(policies).max()
    contexts = 2 ** len(game.parents[node])
    tables = product((0, 1), repeat=contexts) if contexts <= 4 else iter([(0,) * contexts, (1,) * contexts])
    for table in tables:
        rule = Rule(np.ones(1), np.array(table, dtype=np.int8)[:, None])
        if game.worth(policies, {node: rule}).max() > best + 1e-9:
            return game.mechanism(node, rule)
    return None


def _informs(game: Game, _: str, decision: str | None, nodes: tuple[str, ...]) -> bool | None:
    seen = game.worth(game.policies()).max()
    unseen = game.worth(game.policies({str(decision): nodes})).max()
    return True if seen > unseen + 1e-9 else None


def _moves(game: Game, node: str, _: str | None, __: tuple[str, ...]) -> bool | None:
    """Compare the law of the node with the one under the policy that takes the first action everywhere."""
    weights = game.worlds[0]
    policies = game.optimal
    idle = {d: np.zeros((1, table.shape[1]), dtype=np.int8) for d, table in policies.items()}
    count = len(next(iter(policies.values())))
    law = np.broadcast_to(game.play(policies)[0][node], (count, len(weights))) @ weights
    before = np.broadcast_to(game.play(idle)[0][node], (1, len(weights))) @ weights
    return True if (np.abs(law - before) > 1e-9).all() else None


def _amplifies(game: Game, node: str, decision: str | None, _: tuple[str, ...], *, label: str) -> bool | None:
    """Compare, under every optimal policy, how the means of the decision and of the label differ between groups."""
    weights = game.worlds[0]
    policies = game.optimal
    values = game.play(policies)[0]
    shape = (len(next(iter(policies.values()))), len(weights))
    group, action, truth = (np.broadcast_to(values[n], shape) for n in (node, str(decision), label))
    mass = [np.where(group == a, weights, 0.0) for a in (0, 1)]
    total = [m.sum(axis=1) for m in mass]
    if min(total[0].min(), total[1].min()) <= 0:
        return None
    gaps = [
        np.abs((mass[1] * v).sum(axis=1) / total[1] - (mass[0] * v).sum(axis=1) / total[0]) for v in (action, truth)
    ]
    return True if (gaps[0] > gaps[1] + 1e-9).all() else None


_TESTS: dict[str, Callable[[Game, str, str | None, tuple[str, ...]], Any]] = {
    "voi": _informs,
    "voc": _worth_controlling,
    "ri": _responds,
    "ici": _controls,
    "impact": _moves,
}


# Drawing games --------------------------------------------------------------------------------------------------------


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
        rng: random.Random,
        label: str | None,
    ) -> None:
        self.cid = cid
        self.agent = agent
        self.rng = rng
        self.cut = set(cut)
        self.utilities = cid.utilities_of(agent)
        self.order = [cid.nodes[i] for i in cid.topological]
        deciding = cid.decisions_of(agent) if decision is None else (decision,)
        self.always = tuple(dict.fromkeys((node, *deciding, *((label,) if label is not None else ()))))
        self.reduced = cid if criterion in {"voi", "impact"} else minimal_reduction(cid)
        above = {u: self.reduced.ancestors(u, strict=False) for u in self.utilities}
        matter = set().union(*above.values())
        self.pool = [n for n in self.order if n in matter and n not in self.always and n not in self.utilities]
        self.legs: list[tuple[str, frozenset[str]]] = []  # from where to where the incentive runs
        downwards = criterion in {"ici", "impact"}
        if decision is not None and not downwards:
            self.legs.append((node, self.reduced.ancestors(decision, strict=False)))
        if decision is not None and downwards:
            self.legs.append((decision, self.reduced.ancestors(node, strict=False)))
        self.legs += [(n, frozenset(matter)) for n in self.always]

    def __call__(self) -> Game | None:
        """Draw a game; None where chance made it too large."""
        rng = self.rng
        cid = self.cid
        live = set(self.always)
        for start, above in self.legs:
            live |= self._route(start, above)
        share = min(rng.choice([0.5, 0.8, 1.0]), _COMPANY / max(len(self.pool), 1))
        live |= {n for n in self.pool if rng.random() < share}
        others = {d for d in cid.decisions if cid.agent_of(d) != self.agent}
        paid = {u for u in self.utilities if rng.random() < 0.8} or {rng.choice(self.utilities)}
        parents = {n: tuple(p for p in cid.parents(n) if p in live) for n in self.order if n in live or n in paid}
        policies = 1
        for d in cid.decisions_of(self.agent):
            if d in live:
                if len(parents[d]) > 3:
                    return None
                policies *= 2 ** (2 ** len(parents[d]))
        if policies > MAX_POLICIES:
            return None
        rules: dict[str, Rule] = {}
        pays: dict[str, Floats] = {}
        worlds = 1
        for n in self.order:
            usable = [i for i, p in enumerate(parents.get(n, ())) if (p, n) not in self.cut]
            if n in paid:
                pays[n] = self._payment(len(parents[n]), usable)
            elif n in live and (n in others or cid.kind(n) == "chance"):
                rules[n] = self._rule(len(parents[n]), usable)
                worlds *= len(rules[n].noise)
        if worlds > MAX_WORLDS:
            return None
        order = tuple(n for n in self.order if n in parents)
        return Game(cid, self.agent, order, parents, rules, pays)

    def _route(self, start: str, above: frozenset[str]) -> set[str]:
        """Return the nodes of a random directed path that stays within `above`."""
        route = {start}
        node = start
        while on := [c for c in self.reduced.children(node) if c in above]:
            node = self.rng.choice(on)
            route.add(node)
        return route.difference(self.utilities)

    def _rule(self, k: int, usable: Sequence[int]) -> Rule:
        rng = self.rng
        fair, sure = np.array([0.5, 0.5]), np.ones(1)
        if not usable or rng.random() < 0.2:
            odds = fair if rng.random() < 0.8 else np.array([0.25, 0.75])
            return Rule(odds, np.broadcast_to(np.array([0, 1], dtype=np.int8), (2**k, 2)))
        bits = self._combination(k, usable)
        if rng.random() < 0.15:
            return Rule(np.array([0.75, 0.25]), np.stack([bits, 1 - bits], axis=1).astype(np.int8))
        return Rule(sure, bits[:, None])

    def _combination(self, k: int, usable: Sequence[int]) -> Bits:
        """Return a bit for every context of `k` parents: a copy, a combination of two, or a random table."""
        rng = self.rng
        contexts = np.indices((2,) * k).reshape(k, 2**k).astype(np.int8)
        kind = rng.random()
        if kind < 0.45 or len(usable) == 1:
            copied: Bits = contexts[rng.choice(usable)]
            return copied
        if kind < 0.85:
            a, b = rng.sample(list(usable), 2)
            bits: Bits = rng.choice(_PAIRS)(contexts[a], contexts[b])
            return bits
        return np.array([rng.randint(0, 1) for _ in range(2**k)], dtype=np.int8)

    def _payment(self, k: int, usable: Sequence[int]) -> Floats:
        """Return the pay for every context of `k` parents: one or two bits, weighted, or random numbers."""
        rng = self.rng
        if not usable:
            return np.zeros(2**k)
        if len(usable) == k > 1 and rng.random() < 0.3:
            return np.array([float(rng.randint(0, 3)) for _ in range(2**k)])
        total = np.zeros(2**k)
        for _ in range(rng.choice([1, 1, 2])):
            total = total + rng.choice([1.0, 1.0, 2.0]) * self._combination(k, usable)
        return total


_PAIRS: tuple[Callable[[Bits, Bits], Bits], ...] = (
    lambda a, b: a ^ b,
    lambda a, b: 1 - (a ^ b),
    lambda a, b: a & b,
    lambda a, b: a & (1 - b),
)

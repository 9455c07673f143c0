"""Two slow evaluators of incentives that share no code with the library's solver, its criteria or its constructions.

*Noise first* (:class:`Scim`): list every value of all exogenous noise, and play the structural functions forward, for
one policy or for all deterministic ones at once.

*Tables first* (:func:`coupled`): walk the nodes in order and split by the rows of their tables, several worlds side by
side; only where worlds disagree about a node's parents is its structural function asked how they hang together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

import cidmesa as cm

EPS = 1e-9


class Scim:
    """A structural model as arrays: one axis for policies, one for the values of all noise."""

    def __init__(self, model: cm.CIM, *, max_worlds: int = 1 << 16) -> None:
        cid = model.cid
        self.model, self.cid = model, cid
        self.order = [cid.nodes[i] for i in cid.topological]
        chance = [n for n in self.order if cid.kind(n) == "chance"]
        self.responses = {n: model.response(n) for n in chance}
        sizes = [len(self.responses[n].noise) for n in chance]
        assert np.prod(sizes, dtype=float) <= max_worlds, "too many values of the noise to list"
        grid = np.indices(sizes).reshape(len(sizes), -1) if sizes else np.zeros((0, 1), dtype=int)
        self.weights = np.ones(grid.shape[1])
        for row, n in zip(grid, chance, strict=True):
            self.weights = self.weights * self.responses[n].noise[row]
        keep = self.weights > 0
        self.weights = self.weights[keep]
        self.noise = {n: row[keep] for row, n in zip(grid, chance, strict=True)}

    def play(
        self, rules: Mapping[str, np.ndarray], do: Mapping[str, np.ndarray] | None = None, agent: Any = 0
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return every node's value and the agent's utility, each of shape (policies, worlds) or broadcastable.

        `rules` maps a decision to actions of shape (policies, contexts), contexts in C order; `do` sets nodes.
        """
        values: dict[str, np.ndarray] = {}
        total = np.zeros((1, len(self.weights)))
        for n in self.order:
            parents = self.cid.parents(n)
            if do is not None and n in do and self.cid.kind(n) != "utility":
                values[n] = np.asarray(do[n])
                continue
            seen = tuple(values[p] for p in parents)
            if self.cid.kind(n) == "chance":
                values[n] = self.responses[n].outcome[(*seen, self.noise[n][None, :])]
            elif self.cid.kind(n) == "decision":
                rule = rules[n]
                at = np.zeros((1, 1), dtype=int)
                for p, v in zip(parents, seen, strict=True):
                    at = at * self.model.card(p) + v
                values[n] = rule[np.arange(len(rule))[:, None], at]
            elif self.cid.agent_of(n) == agent:
                paid = np.asarray(do[n]) if do is not None and n in do else self.model.cpd(n)[seen]
                values[n] = paid
                total = total + paid
        return values, total

    def context(self, values: Mapping[str, np.ndarray], decision: str) -> np.ndarray:
        """Return the position of a decision's context."""
        at = np.zeros((1, 1), dtype=int)
        for p in self.cid.parents(decision):
            at = at * self.model.card(p) + values[p]
        return at

    def policies(self, limit: int = 70_000) -> dict[str, np.ndarray] | None:
        """List all deterministic policies, as rules of shape (policies, contexts); None if there are too many."""
        counts, tables = [], []
        for d in self.cid.decisions:
            contexts = int(np.prod([self.model.card(p) for p in self.cid.parents(d)], dtype=int))
            if self.model.card(d) ** min(contexts, 40) > limit:
                return None
            tables.append(np.array(list(product(range(self.model.card(d)), repeat=contexts)), dtype=int))
            counts.append(len(tables[-1]))
        if np.prod(counts, dtype=float) * len(self.weights) > 40 * limit:
            return None
        grid = np.indices(counts).reshape(len(counts), -1)
        return {d: t[row] for d, t, row in zip(self.cid.decisions, tables, grid, strict=True)}

    def optimal(self, rules: Mapping[str, np.ndarray], agent: Any = 0) -> tuple[float, dict[str, np.ndarray]]:
        """Return the best value and all optimal deterministic policies."""
        _, paid = self.play(rules, agent=agent)
        n = max(len(rule) for rule in rules.values()) if rules else 1
        worth = np.broadcast_to(paid, (n, len(self.weights))) @ self.weights
        best = float(worth.max())
        keep = worth >= best - EPS
        return best, {d: rule[keep] for d, rule in rules.items()}

    def gain_from_seeing(self, rules: Mapping[str, np.ndarray], node: str, decision: str, agent: Any = 0) -> float:
        """Return what is lost when `decision` has to ignore one of its observations; `rules` lists all policies."""
        parents = self.cid.parents(decision)
        shape = (-1, *(self.model.card(p) for p in parents))
        table = np.moveaxis(rules[decision].reshape(shape), 1 + parents.index(node), 1)
        blind = (table == table[:, :1]).reshape(len(table), -1).all(axis=1)
        _, paid = self.play(rules, agent=agent)
        worth = np.broadcast_to(paid, (len(table), len(self.weights))) @ self.weights
        return float(worth.max() - worth[blind].max())

    def gain_from_control(self, rules: Mapping[str, np.ndarray], node: str, agent: Any = 0) -> float:
        """Return what is gained, at least, when a mechanism may be chosen; exactly, where all of them can be listed."""
        best = self.optimal(rules, agent)[0]
        changed = (self.model.shift({node: cm.Table(t)}) for t in all_mechanisms(self.model, node))
        return max(Scim(m).optimal(rules, agent)[0] for m in changed) - best

    def responds(self, rules: Mapping[str, np.ndarray], node: str, decision: str) -> np.ndarray:
        """Say of each policy whether some noise and some value of `node` change the decision."""
        before = self.play(rules)[0][decision]
        found = np.zeros(len(rules[decision]), dtype=bool)
        for x in range(self.model.card(node)):
            after = self.play(rules, {node: np.full((1, 1), x)})[0][decision]
            found |= np.broadcast_to(before != after, (len(found), len(self.weights))).any(axis=1)
        return found

    def controls(self, rules: Mapping[str, np.ndarray], node: str, decision: str, agent: Any = 0) -> np.ndarray:
        """Say of each policy whether some context and some d have E[U_{X_d} | pa] other than E[U | pa]."""
        actual, paid = self.play(rules, agent=agent)
        n = len(rules[decision])
        contexts = np.broadcast_to(self.context(actual, decision), (n, len(self.weights)))
        found = np.zeros(n, dtype=bool)
        for d in range(self.model.card(decision)):
            other = self.play(rules, {decision: np.full((1, 1), d)}, agent)[0][node]
            moved = self.play(rules, {decision: actual[decision], node: other}, agent)[1]
            gain = np.broadcast_to((moved - paid) * self.weights, contexts.shape)
            for c in np.unique(contexts):
                found |= np.abs(np.where(contexts == c, gain, 0).sum(axis=1)) > EPS
        return found


def best_value(model: cm.CIM, agent: Any = 0) -> float:
    """Return the best value over all deterministic policies, noise first."""
    scim = Scim(model)
    rules = scim.policies()
    assert rules is not None, "too many policies to list"
    return scim.optimal(rules, agent)[0]


def one_decision(model: cm.CIM, decision: str, agent: Any = 0) -> tuple[float, dict[int, np.ndarray]]:
    """Return the best value and the expected utilities of the actions in every reached context, noise first.

    For models in which only `decision` has a choice; contexts are not combined, so many are no trouble.
    """
    scim = Scim(model)
    rules = {d: np.zeros((1, _contexts(model, d)), dtype=int) for d in model.cid.decisions}
    worth: dict[int, np.ndarray] = {}
    for a in range(model.card(decision)):
        values, paid = scim.play(rules, {decision: np.full((1, 1), a)}, agent)
        contexts = np.broadcast_to(scim.context(values, decision), (1, len(scim.weights)))[0]
        amounts = np.broadcast_to(paid, (1, len(scim.weights)))[0] * scim.weights
        for c in np.unique(contexts).tolist():
            worth.setdefault(c, np.zeros(model.card(decision)))[a] = amounts[contexts == c].sum()
    return float(sum(row.max() for row in worth.values())), worth


def must_respond(model: cm.CIM, node: str, decision: str) -> bool:
    """Say whether every optimal rule of the one decision with a choice responds to `node`, noise first."""
    scim = Scim(model)
    worth = one_decision(model, decision)[1]
    rules = {d: np.zeros((1, _contexts(model, d)), dtype=int) for d in model.cid.decisions}
    shape = (1, len(scim.weights))
    before = np.broadcast_to(scim.context(scim.play(rules)[0], decision), shape)[0]
    links: set[tuple[int, int]] = set()
    for x in range(model.card(node)):
        moved = scim.context(scim.play(rules, {node: np.full((1, 1), x)})[0], decision)
        links |= set(zip(before.tolist(), np.broadcast_to(moved, shape)[0].tolist(), strict=True))
    return _no_common_action(worth, links)


def _no_common_action(worth: Mapping[int, np.ndarray], links: set[tuple[int, int]]) -> bool:
    """Say whether some set of contexts that hang together has no action that is optimal in all reached ones."""
    groups = {c: {c} for pair in links for c in pair} | {c: {c} for c in worth}
    for a, b in links:
        if groups[a] is not groups[b]:
            merged = groups[a] | groups[b]
            for c in merged:
                groups[c] = merged
    return any(
        not set.intersection(
            *(set(np.flatnonzero(worth[c] >= worth[c].max() - EPS).tolist()) for c in group & set(worth))
        )
        for group in groups.values()
        if group & set(worth)
    )


def pays_to_control(model: cm.CIM, node: str, decision: str | None, agent: Any = 0) -> bool:
    """Say whether some constant or some function of a single parent at `node` beats the best value, noise first."""

    def value(m: cm.CIM) -> float:
        return best_value(m, agent) if decision is None else one_decision(m, decision, agent)[0]

    worth = value(model)
    return any(value(model.shift({node: cm.Table(t)})) > worth + 1e-6 for t in _simple_mechanisms(model, node))


def _simple_mechanisms(model: cm.CIM, node: str) -> Iterator[np.ndarray]:
    parents = model.cid.parents(node)
    shape = tuple(model.card(p) for p in parents)
    if model.cid.kind(node) == "utility":
        for value in np.unique(model.cpd(node)):
            yield np.full(shape, value)
        return
    k = model.card(node)
    for x in range(k):
        yield np.broadcast_to(np.eye(k)[x], (*shape, k))
    for axis, card in enumerate(shape):
        if card == 1 or k**card > 300:
            continue
        for outputs in product(range(k), repeat=card):
            rows = np.eye(k)[list(outputs)].reshape((1,) * axis + (card,) + (1,) * (len(shape) - axis - 1) + (k,))
            yield np.broadcast_to(rows, (*shape, k))


def all_mechanisms(model: cm.CIM, node: str, limit: int = 300) -> Iterator[np.ndarray]:
    """Yield every deterministic mechanism of a node, or the simple ones where there are too many; a utility's are
    what it may pay at most, and less."""
    if model.cid.kind(node) == "utility":
        yield from _simple_mechanisms(model, node)
        return
    shape = tuple(model.card(p) for p in model.cid.parents(node))
    k, contexts = model.card(node), int(np.prod(shape, dtype=int))
    if k**contexts > limit:
        yield from _simple_mechanisms(model, node)
        return
    for outputs in product(range(k), repeat=contexts):
        yield np.eye(k)[np.reshape(outputs, shape)] if shape else np.eye(k)[outputs[0]]


def _contexts(model: cm.CIM, decision: str) -> int:
    return int(np.prod([model.card(p) for p in model.cid.parents(decision)], dtype=int))


# Tables first -------------------------------------------------------------------------------------------------------


def coupled(model: cm.CIM, worlds: Sequence[Mapping[str, Any]], decision: str) -> Iterator[tuple[float, list[dict]]]:
    """Yield (probability, one assignment per world), worlds sharing the noise.

    A world maps nodes to a position, or to ``("take", i)``: the value in the earlier world i. Decisions other than
    `decision` have one action; `decision` must be set in every world. Utilities are valued by the caller.
    """
    cid = model.cid
    order = [cid.nodes[i] for i in cid.topological if cid.kind(cid.nodes[i]) != "utility"]
    states: list[tuple[float, list[dict[str, int]]]] = [(1.0, [{} for _ in worlds])]
    for n in order:
        if model.card(n) == 1:
            for _, seen in states:
                for assignment in seen:
                    assignment[n] = 0
            continue
        parents = cid.parents(n)
        takes = [w[n][1] if isinstance(w.get(n), tuple) else -1 for w in worlds]
        known: dict[tuple[tuple[int, ...], ...], list[tuple[float, list[int]]]] = {}
        new: list[tuple[float, list[dict[str, int]]]] = []
        for p, seen in states:
            contexts = tuple(tuple([s[x] for x in parents]) for s in seen)
            if contexts not in known:
                known[contexts] = _split(model, n, [w.get(n) for w in worlds], contexts, takes)
            for q, row in known[contexts]:
                new.append((p * q, [{**s, n: v} for s, v in zip(seen, row, strict=True)]))
        states = new
    yield from states


def _split(
    model: cm.CIM, n: str, set_to: Sequence[Any], contexts: Sequence[tuple[int, ...]], takes: Sequence[int]
) -> list[tuple[float, list[int]]]:
    """Return the ways in which a node may turn out in all worlds together, each with its probability."""
    free = [i for i, value in enumerate(set_to) if value is None]
    if model.cid.kind(n) == "decision":
        assert not free, "only one decision has a choice here"
        ways: list[tuple[float, dict[int, int]]] = [(1.0, {})]
    elif len({contexts[i] for i in free}) <= 1:
        law = model.cpd(n)[contexts[free[0]]].tolist() if free else [1.0]
        ways = [(q, dict.fromkeys(free, v)) for v, q in enumerate(law) if q > 0]
    else:
        response = model.response(n)
        ways = [
            (q, {i: int(response.outcome[(*contexts[i], e)]) for i in free})
            for e, q in enumerate(response.noise.tolist())
            if q > 0
        ]
    out = []
    for q, chosen in ways:
        row: list[int] = []
        for i, value in enumerate(set_to):
            row.append(chosen[i] if i in chosen else row[takes[i]] if takes[i] >= 0 else value)
        out.append((q, row))
    return out


def _utility(model: cm.CIM, assignment: Mapping[str, int], agent: Any = 0) -> float:
    cid = model.cid
    return float(sum(model.cpd(u)[tuple(assignment[p] for p in cid.parents(u))] for u in cid.utilities_of(agent)))


def tables_worth(model: cm.CIM, decision: str, agent: Any = 0) -> dict[tuple[int, ...], np.ndarray]:
    """Return the expected utilities of the actions in every reached context, from tables alone."""
    parents = model.cid.parents(decision)
    worth: dict[tuple[int, ...], np.ndarray] = {}
    for a in range(model.card(decision)):
        for p, (s,) in coupled(model, [{decision: a}], decision):
            row = worth.setdefault(tuple(s[x] for x in parents), np.zeros(model.card(decision)))
            row[a] += p * _utility(model, s, agent)
    return worth


def tables_value(model: cm.CIM, decision: str, agent: Any = 0) -> float:
    """Return the best value of the one decision with a choice, from tables alone."""
    return float(sum(row.max() for row in tables_worth(model, decision, agent).values()))


def tables_pay_to_control(model: cm.CIM, node: str, decision: str) -> bool:
    """Say what :func:`pays_to_control` says, from tables alone."""
    worth = tables_value(model, decision)
    changed = (model.shift({node: cm.Table(t)}) for t in _simple_mechanisms(model, node))
    return any(tables_value(m, decision) > worth + 1e-6 for m in changed)


def tables_must_respond(model: cm.CIM, node: str, decision: str) -> bool:
    """Say whether every optimal rule of the one decision with a choice responds to `node`, tables first."""
    parents = model.cid.parents(decision)
    worth = tables_worth(model, decision)
    number = {c: i for i, c in enumerate(model_contexts(model, decision))}
    links = set()
    for x in range(model.card(node)):
        for _, (s, t) in coupled(model, [{decision: 0}, {decision: 0, node: x}], decision):
            links.add((number[tuple(s[p] for p in parents)], number[tuple(t[p] for p in parents)]))
    return _no_common_action({number[c]: row for c, row in worth.items()}, links)


def model_contexts(model: cm.CIM, decision: str) -> list[tuple[int, ...]]:
    """List all contexts of a decision, by positions."""
    return list(product(*(range(model.card(p)) for p in model.cid.parents(decision))))


def tables_controls(model: cm.CIM, node: str, decision: str) -> bool:
    """Say whether the optimal rule, which must be unique, has E[U_{X_d} | pa] other than E[U | pa], tables first."""
    parents = model.cid.parents(decision)
    worth = tables_worth(model, decision)
    best = {}
    for c, row in worth.items():
        top = np.flatnonzero(row >= row.max() - EPS)
        assert len(top) == 1, "the optimal rule is not unique"
        best[c] = int(top[0])
    utility = model.cid.kind(node) == "utility"
    for a in sorted(set(best.values())):
        for d in range(model.card(decision)):
            gain: dict[tuple[int, ...], float] = {}
            third: dict[str, Any] = {decision: a} if utility else {decision: a, node: ("take", 1)}
            for p, (s, t, m) in coupled(model, [{decision: a}, {decision: d}, third], decision):
                c = tuple(s[x] for x in parents)
                if best[c] != a:
                    continue
                if utility:
                    moved = _utility(model, t) if node in model.cid.utilities else 0.0
                    moved -= sum(_one(model, u, t) - _one(model, u, s) for u in model.cid.utilities if u != node)
                else:
                    moved = _utility(model, m)
                gain[c] = gain.get(c, 0.0) + p * (moved - _utility(model, s))
            if any(abs(g) > EPS for g in gain.values()):
                return True
    return False


def _one(model: cm.CIM, utility: str, assignment: Mapping[str, int]) -> float:
    return float(model.cpd(utility)[tuple(assignment[p] for p in model.cid.parents(utility))])

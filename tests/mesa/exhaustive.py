"""Brute force over whole joint distributions and all deterministic policies: slow, short, and written independently."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import cidmesa as cm


class World:
    """The joint of all chance nodes and decisions, flat, decisions counting 1; every deterministic policy a row."""

    def __init__(self, model: cm.CIM, shared: Iterable[Sequence[str]] = ()) -> None:
        self.model, self.cid = model, model.cid
        self.nodes = [n for n in self.cid.nodes if self.cid.kind(n) != "utility"]
        self.cards = [model.card(n) for n in self.nodes]
        self.grid = np.array(list(product(*map(range, self.cards))), dtype=int).reshape(-1, len(self.nodes))
        self.weight = np.ones(len(self.grid))
        for n in self.cid.chance:
            self.weight = self.weight * model.cpd(n)[(*self.at(self.cid.parents(n)), self.column(n))]
        groups = {d: d for d in self.cid.decisions}
        for group in shared:
            groups.update(dict.fromkeys(group, group[0]))
        self.rules: dict[str, np.ndarray] = {}
        for d in dict.fromkeys(groups.values()):
            contexts = int(np.prod([model.card(p) for p in self.cid.parents(d)], dtype=int))
            self.rules[d] = np.array(list(product(range(model.card(d)), repeat=contexts)), dtype=int)
        names = list(self.rules)
        self.policies = list(product(*(range(len(self.rules[d])) for d in names)))
        self.follows = np.ones((len(self.policies), len(self.grid)))
        chosen = np.array(self.policies, dtype=int).reshape(len(self.policies), len(names))
        for d, leader in groups.items():
            taken = self.rules[leader][chosen[:, names.index(leader)]][:, self.context(d)]
            self.follows *= taken == self.column(d)[None, :]

    def column(self, node: str) -> np.ndarray:
        return self.grid[:, self.nodes.index(node)]

    def at(self, names: Iterable[str]) -> tuple[np.ndarray, ...]:
        return tuple(self.column(n) for n in names)

    def context(self, decision: str) -> np.ndarray:
        parents = self.cid.parents(decision)
        if not parents:
            return np.zeros(len(self.grid), dtype=int)
        return np.ravel_multi_index(self.at(parents), [self.model.card(p) for p in parents])

    def utility(self, *names: str) -> np.ndarray:
        total = np.zeros(len(self.grid))
        for u in names or self.cid.utilities:
            total = total + self.model.cpd(u)[self.at(self.cid.parents(u))]
        return total

    def payoff(self, targets: Sequence[str], table: np.ndarray) -> np.ndarray:
        """An objective on chance targets as a number per cell."""
        return table[self.at(targets)]

    def values(self, cell_payoff: np.ndarray) -> np.ndarray:
        """Expected value of every policy."""
        return self.follows @ (self.weight * cell_payoff)

    def law(self, names: Sequence[str]) -> np.ndarray:
        """Distribution of the nodes under every policy, shape (policies, values)."""
        cards = [self.model.card(n) for n in names]
        where = np.ravel_multi_index(self.at(names), cards) if names else np.zeros(len(self.grid), dtype=int)
        size = int(np.prod(cards, dtype=int))
        mass = self.follows * self.weight
        return np.stack([mass[:, where == v].sum(axis=1) for v in range(size)], axis=1)

    def contexts_reached(self, decision: str) -> np.ndarray:
        """Which contexts have positive probability under some policy."""
        size = int(np.prod([self.model.card(p) for p in self.cid.parents(decision)], dtype=int))
        return np.bincount(self.context(decision), weights=self.weight, minlength=size) > 0


def best(values: np.ndarray) -> np.ndarray:
    """Which policies are optimal, ties up to 1e-9."""
    return values >= values.max() - 1e-9


def strongly_consistent(objective: np.ndarray, base: np.ndarray, budget: float = 0.0) -> bool:
    """Every optimal policy of the objective has base regret within the budget."""
    return bool(base[best(objective)].min() >= base.max() - budget - 1e-9)


def replaced(model: cm.CIM, tables: dict[str, Any]) -> cm.CIM:
    import cidmesa as cm

    return model.shift({n: cm.Table(t) for n, t in tables.items()})


class Plain:
    """One decision by brute force: contexts, what each action leads to, on a binary target."""

    def __init__(self, model: cm.CIM) -> None:
        self.model, cid = model, model.cid
        (self.decision,) = cid.decisions
        self.nodes = [n for n in cid.nodes if cid.kind(n) != "utility"]
        self.grid = np.array(list(product(*(range(model.card(n)) for n in self.nodes))))
        weight = np.ones(len(self.grid))
        for n in cid.chance:
            weight = weight * model.cpd(n)[tuple(self.column(m) for m in (*cid.parents(n), n))]
        self.weight = weight
        self.context = sum(
            (2**i * self.column(p) for i, p in enumerate(cid.parents(self.decision))), np.zeros(len(self.grid), int)
        )

    def column(self, node: str) -> np.ndarray:
        return self.grid[:, self.nodes.index(node)]

    def table(self, payoff: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P(pa), and E[payoff; pa | do a], both by context."""
        size = 2 ** len(self.model.cid.parents(self.decision))
        act = self.column(self.decision)
        q = np.array(
            [[((self.context == c) & (act == a)) @ (self.weight * payoff) for a in (0, 1)] for c in range(size)]
        )
        return np.array([((self.context == c) & (act == 0)) @ self.weight for c in range(size)]), q

    def base(self) -> tuple[np.ndarray, np.ndarray]:
        pay = np.zeros(len(self.grid))
        for u in self.model.cid.utilities:
            pay = pay + self.model.cpd(u)[tuple(self.column(p) for p in self.model.cid.parents(u))]
        return self.table(pay)


def selected(model: cm.CIM, target: str) -> list[np.ndarray]:
    """Of the three objectives on a binary target those of least worst-case training regret."""
    plain = Plain(model)
    p, base = plain.base()
    scored = []
    for sign in (1.0, -1.0, 0.0):
        _, q = plain.table(sign * plain.column(target))
        regret = sum(base[c].max() - base[c][q[c] >= q[c].max() - 1e-11].min() for c in range(len(p)) if p[c] > 0)
        scored.append((regret, sign))
    least = min(r for r, _ in scored)
    return [s for r, s in scored if r <= least + 1e-9]


# Random systems, from a numpy generator ------------------------------------------------------------------------------


def random_cid(
    rng: np.random.Generator, chance: int, decisions: int = 1, utilities: int = 1, parents: int = 3
) -> cm.CID:
    """Nodes in a random order, each earlier node a parent by a fair draw, at most `parents` of them."""
    import cidmesa as cm

    inner = [f"X{i}" for i in range(chance)] + [f"D{i}" for i in range(decisions)]
    rng.shuffle(inner)
    edges = []
    for i, head in enumerate(inner):
        tails = [t for t in inner[:i] if rng.random() < 0.5]
        rng.shuffle(tails)
        edges += [(t, head) for t in tails[: 2 if head.startswith("D") and decisions > 1 else parents]]
    pays = [f"U{i}" for i in range(utilities)]
    for head in pays:
        tails = [t for t in inner if rng.random() < 0.5]
        rng.shuffle(tails)
        edges += [(t, head) for t in tails[:parents]]
    return cm.CID(edges, nodes=[*inner, *pays], decisions=[n for n in inner if n[0] == "D"], utilities=pays)


def random_table(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Rows that are deterministic, have zeros, or are full, by a draw for the whole table."""
    kind = rng.integers(3)
    if kind == 0:
        table = np.zeros((int(np.prod(shape[:-1], dtype=int)), shape[-1]))
        table[np.arange(len(table)), rng.integers(shape[-1], size=len(table))] = 1.0
        return table.reshape(shape)
    weights = rng.integers(0 if kind == 1 else 1, 4, size=shape).astype(float)
    weights[weights.sum(axis=-1) == 0] = 1.0
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def random_model(rng: np.random.Generator, cid: cm.CID, card: int = 2) -> cm.CIM:
    import cidmesa as cm

    def shape(node: str) -> tuple[int, ...]:
        return tuple(card for _ in cid.parents(node))

    mechanisms: dict[str, Any] = {}
    for node in cid.nodes:
        if cid.kind(node) == "decision":
            mechanisms[node] = list(range(card))
        elif cid.kind(node) == "utility":
            mechanisms[node] = cm.Table(rng.integers(-1, 3, size=shape(node)).astype(float))
        else:
            mechanisms[node] = cm.Table(random_table(rng, (*shape(node), card)))
    return cid.parameterise(mechanisms)


def random_shift(rng: np.random.Generator, model: cm.CIM, nodes: Iterable[str]) -> dict[str, Any]:
    """New tables for some nodes, utilities included."""
    import cidmesa as cm

    given: dict[str, Any] = {}
    for node in nodes:
        shape = model.cpd(node).shape
        utility = model.cid.kind(node) == "utility"
        given[node] = cm.Table(rng.integers(-1, 3, size=shape).astype(float) if utility else random_table(rng, shape))
    return given


def random_setup(rng: np.random.Generator, decisions: int = 2, chance: int = 3) -> tuple[cm.TrainingSetup, list[str]]:
    """Two or more decisions, sometimes with one rule, a shift of one node, and the chance nodes below decisions."""
    model = random_model(rng, random_cid(rng, chance=chance, decisions=decisions, parents=2))
    cid = model.cid
    alike = len(cid.parents("D0")) == len(cid.parents("D1"))
    shared = [("D0", "D1")] if alike and rng.random() < 0.4 else []
    shifted = rng.choice(cid.chance, size=1).tolist()
    below = [n for n in cid.chance if any(n in cid.descendants(d) for d in cid.decisions)]
    import cidmesa as cm

    return cm.TrainingSetup(model, {"there": random_shift(rng, model, shifted)}, shared_rules=shared), below

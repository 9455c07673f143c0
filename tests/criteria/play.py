"""Games played out: all profiles of deterministic rules, equilibria by their definition, incentives against rules.

Shares no code with the library's solver, its criteria or its searches; the reduction is that of ``tests.graph.naive``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import cidmesa as cm
from tests.criteria.brute import EPS, Scim, all_mechanisms
from tests.graph import naive

Rules = Mapping[str, np.ndarray]


def two_agents(rng: random.Random, decisions: int | None = None) -> cm.CID:
    """Draw a game of six nodes: two utilities, a decision an agent or two of one, the rest chance."""
    k = decisions or rng.choice([2, 2, 3])
    inner = [*(f"D{i}" for i in range(k)), *(f"X{i}" for i in range(4 - k))]
    rng.shuffle(inner)
    density = rng.choice([0.4, 0.6, 0.8])
    edges = [(a, b) for i, a in enumerate(inner) for b in inner[i + 1 :] if rng.random() < density]
    for u in ("UA", "UB"):
        edges += [(a, u) for a in [a for a in inner if rng.random() < density] or [rng.choice(inner)]]
    owner = {"A": ["D0"], "B": ["D1"]}
    if k == 3:
        owner[rng.choice("AB")].append("D2")
    return cm.CID(edges, nodes=[*inner, "UA", "UB"], decisions=owner, utilities={"A": ["UA"], "B": ["UB"]})


def drawn_model(cid: cm.CID, rng: np.random.Generator) -> cm.CIM:
    """Draw a model with two states: functions of parents and noise, and payments."""
    mechanisms: dict[str, Any] = {}
    for n in cid.nodes:
        shape = (2,) * len(cid.parents(n))
        if cid.kind(n) == "decision":
            mechanisms[n] = [0, 1]
        elif cid.kind(n) == "utility":
            mechanisms[n] = cm.Table(payments(len(shape), rng))
        else:
            noise = [[1.0], [0.5, 0.5], [0.25, 0.75]][rng.integers(3) if shape else rng.integers(1, 3)]
            mechanisms[n] = cm.Structural(noise, rng.integers(0, 2, size=(*shape, len(noise))), [0, 1])
    return cid.parameterise(mechanisms)


def payments(parents: int, rng: np.random.Generator) -> np.ndarray:
    """Draw small whole numbers, or now and then what pays if two parents match: that is a reason to look."""
    if parents > 1 and rng.random() < 0.6:
        first, second = rng.choice(parents, size=2, replace=False)
        places = np.indices((2,) * parents)
        table = 2.0 * (places[first] == places[second])
        return table + (rng.integers(0, 2, size=table.shape) if rng.random() < 0.5 else 0)
    return rng.integers(-2, 3, size=(2,) * parents).astype(float)


def law_of(rule: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Write a rule that may mix as noise and outcome: one draw, the same for every context."""
    sums = rule.cumsum(axis=-1)
    edges = np.unique(np.round([0.0, *sums.ravel().tolist()], 12))
    middles = (edges[1:] + edges[:-1]) / 2
    return np.diff(edges), (middles >= sums[..., None]).sum(axis=-2).clip(0, rule.shape[-1] - 1)


def against(model: cm.CIM, rules: Rules, agent: Any) -> cm.CIM:
    """Return the model in which the decisions of the others are chance nodes that follow `rules`."""
    others = [d for d in model.cid.decisions if model.cid.agent_of(d) != agent]
    mechanisms = dict(model.mechanisms)
    for d in others:
        noise, outcome = law_of(np.asarray(rules[d], dtype=float))
        mechanisms[d] = cm.Structural(noise, outcome, model.domain(d))
    return cm.CIM(model.cid.demote(*others), mechanisms)


def actions(rules: Rules, model: cm.CIM, agent: Any) -> dict[str, np.ndarray]:
    """Write an agent's deterministic rules as actions, shape (1, contexts)."""
    return {d: np.asarray(rules[d]).argmax(axis=-1).reshape(1, -1) for d in model.cid.decisions_of(agent)}


def looks(cid: cm.CID, cards: Mapping[str, int], decision: str, table: np.ndarray) -> frozenset[tuple[str, str]]:
    """Return the information links that a rule depends on; `table` has its actions, or rows of probabilities."""
    parents = cid.parents(decision)
    spread = table.reshape(*(cards[p] for p in parents), -1)
    return frozenset((p, decision) for i, p in enumerate(parents) if (spread != spread.take([0], axis=i)).any())


def is_reasoned(model: cm.CIM, rules: Rules) -> bool:
    """Say by definition whether all best respond, look only along links that the reduction keeps, and at no more
    than another best response would."""
    cid = model.cid
    cards = {n: model.card(n) for n in cid.nodes if cid.kind(n) != "utility"}
    lean = naive.reduced(cid, random.Random(0))
    for agent in cid.agents:
        own = cid.decisions_of(agent)
        used = frozenset().union(*(looks(cid, cards, d, np.asarray(rules[d])) for d in own))
        if not used <= set(lean.edges):
            return False
        view = against(model, rules, agent)
        scim = Scim(view)
        listed = scim.policies()
        assert listed is not None
        best, optimal = scim.optimal(listed, agent)
        if worth(model, rules, agent) < best - 1e-7:
            return False
        for i in range(max((len(rule) for rule in optimal.values()), default=0)):
            other = frozenset().union(*(looks(cid, cards, d, optimal[d][i]) for d in own))
            if other < used:
                return False
    return True


def worth(model: cm.CIM, rules: Rules, agent: Any) -> float:
    """Return what an agent may expect where everybody follows rules, which may mix."""
    scim = Scim(against(model, rules, None))
    _, paid = scim.play({}, agent=agent)
    return float((np.broadcast_to(paid, (1, len(scim.weights))) @ scim.weights)[0])


def reasoned_equilibria(model: cm.CIM) -> Iterator[dict[str, np.ndarray]]:
    """Yield the equilibria in deterministic rules in which everybody looks for a reason; none where they are many."""
    cid = model.cid
    scim = Scim(model)
    listed = scim.policies(limit=4_200)
    if listed is None:
        return
    cards = {n: model.card(n) for n in cid.nodes if cid.kind(n) != "utility"}
    lean = set(naive.reduced(cid, random.Random(0)).edges)
    n = len(next(iter(listed.values())))
    key = {a: np.zeros(n, dtype=int) for a in cid.agents}  # which policy of the others it is played against
    used = {a: np.zeros(n, dtype=int) for a in cid.agents}  # what the agent looks at, as bits
    bits = {link: 1 << i for i, link in enumerate(e for e in cid.edges if e[1] in cid.decisions)}
    idle = np.zeros(n, dtype=bool)
    for d in cid.decisions:
        rows, place = np.unique(listed[d], axis=0, return_inverse=True)
        along = [looks(cid, cards, d, row) for row in rows]
        used[cid.agent_of(d)] |= np.array([sum(bits[link] for link in links) for links in along])[place.ravel()]
        idle |= np.array([not links <= lean for links in along])[place.ravel()]
        for a in cid.agents:
            if a != cid.agent_of(d):
                key[a] = key[a] * len(rows) + place.ravel()
    keep = ~idle
    for a in cid.agents:
        paid = scim.play(listed, agent=a)[1]
        value = np.broadcast_to(paid, (n, len(scim.weights))) @ scim.weights
        most = np.full(key[a].max() + 1, -np.inf)
        np.maximum.at(most, key[a], value)
        best = value >= most[key[a]] - EPS
        for bit in range(1 << len(bits)) if len(bits) <= 10 else ():
            less = best & ((used[a] & bit) == used[a]) & (used[a] != bit)
            if less.any():
                thriftier = np.zeros(len(most), dtype=bool)
                thriftier[key[a][less]] = True
                best_here = (used[a] == bit) & thriftier[key[a]]
                keep &= ~best_here
        keep &= best
    for i in np.flatnonzero(keep).tolist():
        played = {d: np.eye(cards[d])[listed[d][i]] for d in cid.decisions}
        yield {d: table.reshape(*(cards[p] for p in cid.parents(d)), -1) for d, table in played.items()}


def has(model: cm.CIM, criterion: str, node: str, decision: str, agent: Any) -> bool:
    """Say whether the agent has an incentive, by playing out all its policies; the others are chance nodes in `model`.

    For value of information the decision observes the node.
    """
    scim = Scim(model)
    listed = scim.policies()
    assert listed is not None
    if criterion == "voi":
        return scim.gain_from_seeing(listed, node, decision, agent) > 1e-7
    if criterion == "voc":
        best = scim.optimal(listed, agent)[0]
        changed = (model.shift({node: cm.Table(t)}) for t in all_mechanisms(model, node, limit=256))
        return any(Scim(m).optimal(listed, agent)[0] > best + 1e-7 for m in changed)
    best_rules = scim.optimal(listed, agent)[1]
    if criterion == "ri":
        return bool(scim.responds(best_rules, node, decision).all())
    return bool(scim.controls(best_rules, node, decision, agent).all())


def shown(model: cm.CIM, node: str, decision: str) -> cm.CIM:
    """Return the model in which the decision observes the node too."""
    if model.cid.has_edge(node, decision):
        return model
    return cm.CIM(model.cid.with_edges((node, decision)), model.mechanisms)

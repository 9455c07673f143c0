"""Diagrams of agents with limited memory: a classic, and a generator."""

from __future__ import annotations

from typing import Any

import numpy as np

import cidmesa as cm


def pigs(months: int) -> cm.CIM:
    """The pig breeding problem of Lauritzen and Nilsson (2001): tests and treatments, each forgotten at once."""
    edges: list[tuple[str, str]] = []
    told: dict[str, Any] = {"ill1": cm.Table([0.9, 0.1], domain=(0, 1))}
    for i in range(1, months):
        ill, test, treat, after, cost = f"ill{i}", f"test{i}", f"treat{i}", f"ill{i + 1}", f"cost{i}"
        edges += [(ill, test), (test, treat), (ill, after), (treat, after), (treat, cost)]
        told[test] = cm.Table([[0.9, 0.1], [0.2, 0.8]], domain=(0, 1))
        told[treat] = [0, 1]
        told[after] = cm.Table([[[0.8, 0.2], [0.9, 0.1]], [[0.1, 0.9], [0.5, 0.5]]], domain=(0, 1))
        told[cost] = cm.Table([0, -100])
    edges.append((f"ill{months}", "price"))
    told["price"] = cm.Table([1000, 300])
    utilities = [*(f"cost{i}" for i in range(1, months)), "price"]
    return cm.CID(edges, decisions=[f"treat{i}" for i in range(1, months)], utilities=utilities).parameterise(told)


def random_limid(variables: int, decisions: int, *, width: int, parents: int, states: int = 2, seed: int = 0) -> cm.CIM:
    """Draw a partial k-tree of chance nodes (at most three parents) and decisions (as many as `parents`), k = `width`.

    Each variable after the first k hangs on a clique of k earlier ones and takes its parents there, so that the graph
    has tree-width k at most. Tables are uniform over the simplex, and `decisions` + 2 utilities of one to three
    variables of a clique are uniform in [0, 1].
    """
    rng = np.random.default_rng(seed)
    chosen = set(rng.choice(np.arange(width, variables), decisions, replace=False).tolist())
    names = [f"{'d' if v in chosen else 'x'}{v}" for v in range(variables)]
    cliques = [tuple(range(width))]
    edges: list[tuple[str, str]] = []
    told: dict[str, Any] = {}
    for v, name in enumerate(names):
        near = list(range(v))
        if v >= width:
            base = cliques[rng.integers(len(cliques))]
            near = list(base)
            cliques += [(*base[:i], *base[i + 1 :], v) for i in range(width)]
        count = parents if v in chosen else int(rng.integers(0, 3, endpoint=True))
        above = np.sort(rng.permutation(near)[:count]).tolist()
        edges += [(names[p], name) for p in above]
        if v in chosen:
            told[name] = list(range(states))
        else:
            table = rng.dirichlet(np.ones(states), size=(states,) * len(above))
            told[name] = cm.Table(table, domain=tuple(range(states)))
    utilities = [f"u{i}" for i in range(decisions + 2)]
    for u in utilities:
        base = cliques[rng.integers(len(cliques))]
        scope = np.sort(rng.permutation(base)[: rng.integers(1, 3, endpoint=True)]).tolist()
        edges += [(names[p], u) for p in scope]
        told[u] = cm.Table(rng.random((states,) * len(scope)))
    named = [names[v] for v in sorted(chosen)]
    return cm.CID(edges, nodes=[*names, *utilities], decisions=named, utilities=utilities).parameterise(told)

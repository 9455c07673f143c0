"""What a caller wrote, read: names, edges, hidden common causes, and who owns which node."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from cidmesa.arrays import Ints
from cidmesa.errors import DiagramError, quoted, shortened, unknown

if TYPE_CHECKING:
    pass

Edge: TypeAlias = tuple[str, str]
Kind: TypeAlias = Literal["chance", "decision", "utility"]
Owned: TypeAlias = Mapping[Hashable, Iterable[str]] | Iterable[str]


def as_names(names: Iterable[str], argument: str) -> Iterable[str]:
    """Return `names`, refusing a bare string; `argument` is where they were written."""
    if isinstance(names, str):
        raise DiagramError(
            f"{argument}= takes a list of names; got the string {names!r}: {argument}=[{quoted(names)}]."
        )
    return names


def as_pairs(edges: Iterable[Edge]) -> list[Edge]:
    """Return `edges` as a list, refusing what is not a pair; a graph of another program is told apart from a list."""
    if hasattr(edges, "nodes") and hasattr(edges, "edges"):
        package = type(edges).__module__.split(".")[0]
        reader = f"cm.from_{package}(..) reads it" if package in {"networkx", "pgmpy", "pycid"} else "pass its .edges"
        raise DiagramError(
            f"edges are a list of pairs (tail, head); got a {type(edges).__name__} of {package}: {reader}, or "
            "CID(g.edges, nodes=g.nodes)."
        )
    pairs = list(edges)
    if set(map(type, pairs)) <= {tuple, list} and set(map(len, pairs)) <= {2}:
        return pairs
    bad = next(e for e in pairs if not isinstance(e, tuple | list) or len(e) != 2)
    raise DiagramError(f"an edge is a pair (tail, head); got {shortened(bad)}.")


def hidden_causes(bidirected: list[Edge]) -> dict[str, Edge]:
    """Name a hidden cause for each pair; a pair written twice, in either order, counts once."""
    causes: dict[str, Edge] = {}
    seen: set[frozenset[str]] = set()
    for a, b in bidirected:
        if a == b:
            raise DiagramError(f"a bidirected edge joins two nodes; got ({a!r}, {b!r}).")
        if frozenset((a, b)) in seen:
            continue
        seen.add(frozenset((a, b)))
        name = f"latent_{a}_{b}"
        if name in causes:
            raise DiagramError(
                f"the bidirected edges {causes[name]!r} and {(a, b)!r} would both get the hidden cause `{name}`: spell "
                "one out as a node of its own, and list it in latent=."
            )
        causes[name] = (a, b)
    return causes


def flattened(edges: Iterable[Edge | Iterable[Edge]]) -> list[Edge]:
    """Accept ``f(("a", "b"), ("b", "c"))`` and ``f([("a", "b"), ("b", "c")])`` alike."""
    out: list[Any] = []
    for item in edges:
        pair: Any = item
        single = isinstance(pair, str) or (len(pair) == 2 and all(isinstance(part, str) for part in pair))
        out += [pair] if single else pair
    return as_pairs(out)


def first_mentions(tails: Ints, heads: Ints, n: int) -> tuple[Ints, Ints]:
    """Drop repeated edges, keeping the first of each, in order."""
    _, first = np.unique(tails * max(n, 1) + heads, return_index=True)
    if len(first) == len(tails):
        return tails.copy(), heads.copy()
    first.sort()
    return tails[first], heads[first]


def read_owners(
    decisions: Owned, utilities: Owned, index: Mapping[str, int]
) -> tuple[dict[Hashable, tuple[tuple[str, ...], tuple[str, ...]]], dict[str, tuple[Kind, Hashable]]]:
    """Return agent → (decisions, utilities), and name → (kind, agent); a name has one kind and one agent."""
    by_agent: dict[Hashable, tuple[list[str], list[str]]] = {}
    owner_of: dict[str, tuple[Kind, Hashable]] = {}
    kinds: Sequence[tuple[Kind, str, Owned, int]] = (
        ("decision", "decisions", decisions, 0),
        ("utility", "utilities", utilities, 1),
    )
    for kind, argument, given, slot in kinds:
        mapping = given if isinstance(given, Mapping) else {0: as_names(given, argument)}
        for agent, names in mapping.items():
            for name in as_names(names, f"{argument}[{agent!r}]"):
                if name not in index:
                    raise unknown(name, index, what=f"a node of this diagram, but {argument}= names it")
                if name in owner_of:
                    other = owner_of[name]
                    if other == (kind, agent):
                        continue
                    both = f"a {kind} and a {other[0]}"
                    if other[1] != agent:
                        both = f"a {kind} of agent {agent!r} and a {other[0]} of agent {other[1]!r}"
                    raise DiagramError(f"`{name}` cannot be both {both}: leave it out of one of the two lists.")
                owner_of[name] = (kind, agent)
                by_agent.setdefault(agent, ([], []))[slot].append(name)
    return {agent: (tuple(ds), tuple(us)) for agent, (ds, us) in by_agent.items()}, owner_of

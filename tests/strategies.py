"""Random diagrams and models for property tests, and how many of them to try.

`examples(quick, full)` picks the number of examples by profile: `quick` in everyday runs, half of `full` when the
environment says ``CIDMESA_PROFILE=full``, all of them with ``CIDMESA_PROFILE=long``, which takes some two hours.
"""

from __future__ import annotations

import os
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

import cidmesa as cm

if TYPE_CHECKING:
    from collections.abc import Callable

PROFILE = os.environ.get("CIDMESA_PROFILE", "quick")
FULL = PROFILE in {"full", "long"}


def examples(quick: int, full: int) -> int:
    """Return how many examples to try under the profile in force."""
    return {"quick": quick, "full": max(quick, full // 2), "long": full}[PROFILE]


def shifts(draw: Callable[..., Any], model: cm.CIM) -> dict[str, np.ndarray]:
    """Draw new laws for one or two chance nodes with two values, in thirds."""
    found = {}
    for node in draw(st.lists(st.sampled_from(model.cid.chance), min_size=1, max_size=2, unique=True)):
        shape = model.cpd(node).shape
        rows = int(np.prod(shape[:-1]))
        weights = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
        first = np.array(weights, dtype=float) / 3
        found[node] = np.stack([first, 1 - first], axis=-1).reshape(shape)
    return found


@st.composite
def cids(
    draw: Callable[..., object],
    *,
    min_chance: int = 1,
    max_chance: int = 4,
    decisions: int | tuple[int, int] = 1,
    utilities: int | tuple[int, int] = (1, 2),
    max_parents: int = 3,
    agents: int | tuple[int, int] = 1,
) -> cm.CID:
    """Random CIDs: nodes in random order, each pair an edge by a fair draw, utilities without children.

    With several agents, decisions and utilities are dealt out at random; an agent may have none of either.
    """
    low, high = (decisions, decisions) if isinstance(decisions, int) else decisions
    n_decisions = draw(st.integers(low, high))
    low, high = (utilities, utilities) if isinstance(utilities, int) else utilities
    n_utilities = draw(st.integers(low, high))
    n_chance = draw(st.integers(min_chance, max_chance))
    inner = draw(st.permutations([f"X{i}" for i in range(n_chance)] + [f"D{i}" for i in range(n_decisions)]))
    edges: list[tuple[str, str]] = []
    for position, head in enumerate(inner):
        tails = [tail for tail in inner[:position] if draw(st.booleans())][:max_parents]
        edges += [(tail, head) for tail in tails]
    pays = [f"U{i}" for i in range(n_utilities)]
    for head in pays:
        edges += [(tail, head) for tail in [t for t in inner if draw(st.booleans())][:max_parents]]
    acts = [n for n in inner if n.startswith("D")]
    low, high = (agents, agents) if isinstance(agents, int) else agents
    n_agents = draw(st.integers(low, high))
    if n_agents == 1:
        return cm.CID(edges, nodes=[*inner, *pays], decisions=acts, utilities=pays)
    owner = {node: draw(st.integers(0, n_agents - 1)) for node in (*acts, *pays)}
    dealt = [{f"A{i}": [n for n in of if owner[n] == i] for i in range(n_agents)} for of in (acts, pays)]
    return cm.CID(edges, nodes=[*inner, *pays], decisions=dealt[0], utilities=dealt[1])


@st.composite
def models(
    draw: Callable[..., object],
    cid: cm.CID | None = None,
    *,
    max_card: int = 2,
    structural: bool = False,
    **shape: object,
) -> cm.CIM:
    """Random CIMs: stochastic rows, rows with zeros, deterministic rows and ties in the utilities, all of them often.

    With `structural` every chance node is a random function of its parents and of noise with up to three values.
    """
    diagram = draw(cids(**shape)) if cid is None else cid  # type: ignore[arg-type]
    cards = {n: draw(st.integers(2, max_card)) for n in diagram.nodes if diagram.kind(n) != "utility"}
    mechanisms: dict[str, object] = {}
    for node in diagram.nodes:
        shape_of_parents = tuple(cards[p] for p in diagram.parents(node))
        rows = 1
        for c in shape_of_parents:
            rows *= c
        kind = diagram.kind(node)
        if kind == "decision":
            mechanisms[node] = list(range(cards[node]))
        elif kind == "utility":
            flat = draw(st.lists(st.integers(-2, 2), min_size=rows, max_size=rows))
            mechanisms[node] = cm.Table(_reshape([float(x) for x in flat], shape_of_parents))
        elif structural:
            noise = _row(draw, draw(st.integers(1, 3)) if shape_of_parents else cards[node])
            values = st.integers(0, cards[node] - 1)
            outcome = draw(st.lists(values, min_size=rows * len(noise), max_size=rows * len(noise)))
            nested = _reshape(outcome, (*shape_of_parents, len(noise)))
            mechanisms[node] = cm.Structural(noise, nested, range(cards[node]))
        else:
            table = [_row(draw, cards[node]) for _ in range(rows)]
            mechanisms[node] = cm.Table(_reshape(table, shape_of_parents))
    return diagram.parameterise(mechanisms)


def _row(draw: Callable[..., object], k: int) -> list[float]:
    weights = draw(st.lists(st.integers(0, 4), min_size=k, max_size=k).filter(any))
    total = sum(weights)  # type: ignore[call-overload]
    return [w / total for w in weights]  # type: ignore[attr-defined]


def _reshape(flat: list[object], shape: tuple[int, ...]) -> object:
    """Nest a flat list (of numbers or of rows) by `shape`."""
    if not shape:
        return flat[0]
    step = len(flat) // shape[0]
    return [_reshape(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


@st.composite
def restricted(draw: Callable[..., object], models: st.SearchStrategy[cm.CIM]) -> cm.CIM:
    """Models of a strategy in which each decision may take some of its actions only, by some of what it observes.

    Mappings, functions of a few observations and functions of all of them, alike often; at least one action is left.
    """
    model = draw(models)
    cid = model.cid
    mechanisms = dict(model.mechanisms)
    for decision in cid.decisions:
        actions = model.domain(decision)
        subsets = st.lists(st.sampled_from(actions), min_size=1, max_size=len(actions), unique=True)
        read = [parent for parent in cid.parents(decision) if draw(st.booleans())]
        contexts = list(product(*(model.domain(parent) for parent in read)))
        lists = {context: draw(subsets) for context in contexts}

        def allowed(read: list[str] = read, lists: dict[object, object] = lists, **observed: object) -> object:
            return lists[tuple(observed[parent] for parent in read)]

        mechanisms[decision] = cm.Choice(actions, allowed=allowed)
    return cid.parameterise(mechanisms)

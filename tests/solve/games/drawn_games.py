"""Games: two agents by their tables, and random ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import cidmesa as cm
from tests.strategies import models


def matrix_game(rows: Any, columns: Any) -> cm.CIM:
    cid = cm.CID(
        [("a", "ua"), ("b", "ua"), ("a", "ub"), ("b", "ub")],
        decisions={"A": ["a"], "B": ["b"]},
        utilities={"A": ["ua"], "B": ["ub"]},
    )
    n, m = np.shape(rows)
    return cid.parameterise(a=list(range(n)), b=list(range(m)), ua=cm.Table(rows), ub=cm.Table(columns))


@st.composite
def games(draw: Any, agents: int = 2, **shape: Any) -> cm.CIM:
    """Random games: the decisions and utilities of a random model dealt out to agents."""
    model = draw(models(**{"max_chance": 2, "decisions": (2, 3), "utilities": (2, 3), "max_parents": 2, **shape}))
    cid = model.cid
    deal = st.integers(0, agents - 1)
    decisions: dict[Any, list[str]] = {a: [] for a in range(agents)}
    utilities: dict[Any, list[str]] = {a: [] for a in range(agents)}
    for d in cid.decisions:
        decisions[draw(deal)].append(d)
    for u in cid.utilities:
        utilities[draw(deal)].append(u)
    game = cm.CID(cid.edges, nodes=cid.nodes, decisions=decisions, utilities=utilities)
    assume(len(game.agents) == agents)
    return game.parameterise(model.mechanisms)

"""Equilibria of three agents: games whose equilibria are published, and what is said of the rest."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve import is_equilibrium, mixed_equilibria, pure_equilibria, subgame_perfect_equilibria
from cidmesa.solve.games import equilibria
from cidmesa.solve.games.support_search import Searched
from tests.strategies import examples


def cube(pays: Any) -> cm.CIM:
    """Three agents who act at once, from a table (agent, a, b, c)."""
    acts = "abc"
    cid = cm.CID(
        [(act, f"u{who}") for who in acts for act in acts],
        decisions={who: [who] for who in acts},
        utilities={who: [f"u{who}"] for who in acts},
    )
    tables = {
        f"u{who}": cm.Table(table, parents=tuple(acts)) for who, table in zip(acts, np.asarray(pays), strict=True)
    }
    return cid.parameterise({**{a: list(range(np.shape(pays)[i + 1])) for i, a in enumerate(acts)}, **tables})


def jordan() -> cm.CIM:
    """Jordan 1993: A would match B, B would match C, C would mismatch A; everybody mixes evenly, and nothing else."""
    pays = np.zeros((3, 2, 2, 2))
    for a, b, c in product((0, 1), repeat=3):
        pays[:, a, b, c] = a == b, b == c, c != a
    return cube(pays)


def test_jordans_game_has_one_equilibrium_and_it_is_found() -> None:
    model = jordan()
    [found] = mixed_equilibria(model)
    for d in "abc":
        np.testing.assert_allclose(found.tables[d], [0.5, 0.5], atol=1e-12)
    assert not found.exact
    assert "not exact" in repr(found)
    assert is_equilibrium(model, found)
    with pytest.raises(NotApplicableError, match=r"`a`, `b`, `c` matter to each other .* only searched for"):
        subgame_perfect_equilibria(model, mixed=True)


def test_an_irrational_equilibrium_is_found() -> None:
    """C is indifferent where a b = (1 - a)(1 - b) * 2, A and B where c depends on the other: worked out below."""
    pays = np.zeros((3, 2, 2, 2))
    for a, b, c in product((0, 1), repeat=3):
        pays[0, a, b, c] = (2 if a else 1) * ((b + c) % 2 == a)
        pays[1, a, b, c] = (2 if b else 1) * ((a + c) % 2 == b)
        pays[2, a, b, c] = (2 if c else 1) * ((a + b) % 2 == c)
    model = cube(pays)
    found = mixed_equilibria(model)
    inner = [e for e in found if all((t > 1e-6).all() for t in e.tables.values())]
    assert inner
    for e in inner:
        p, q, r = (float(e.tables[d][1]) for d in "abc")
        odd = [q * (1 - r) + r * (1 - q), p * (1 - r) + r * (1 - p), p * (1 - q) + q * (1 - p)]
        assert [2 * o for o in odd] == pytest.approx([1 - o for o in odd], abs=1e-12)


@settings(max_examples=examples(quick=4, full=60))
@given(st.data())
def test_what_is_found_is_an_equilibrium_and_the_pure_ones_are_all_there(data: st.DataObject) -> None:
    flat = data.draw(st.lists(st.integers(-3, 3), min_size=24, max_size=24))
    model = cube(np.array(flat, dtype=float).reshape(3, 2, 2, 2))
    try:
        found = mixed_equilibria(model)
    except NotApplicableError:  # the search may find nothing, and says so
        found = ()
    for e in found:
        assert is_equilibrium(model, e)
    played = {tuple(int(e.tables[d].argmax()) for d in "abc") for e in found if e.is_pure}
    pays = {w: model.cpd(f"u{w}") for w in "abc"}
    same = any((np.moveaxis(p, i, 0)[0] == np.moveaxis(p, i, 0)[1]).all() for i in range(3) for p in pays.values())
    if not same:  # actions that pay alike are one strategy
        assert played == {tuple(e.policy[d][()] for d in "abc") for e in pure_equilibria(model)}


def test_a_search_that_finds_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equilibria, "searched", lambda pays, budget: Searched([], complete=True))
    with pytest.raises(NotApplicableError, match=r"found no equilibrium on any support, though there is one"):
        mixed_equilibria(jordan())


def test_messages_about_games_do_not_lead_in_circles() -> None:
    model = jordan()
    with pytest.raises(NotApplicableError, match=r"best_response\(model, 'a', policy\).*pure_equilibria\(model\)"):
        model.solve()
    for ask in (
        lambda: model.solve(agent="a"),
        lambda: cm.value_of_information(model, "b", "a"),
        lambda: model.query(["a"]),
    ):
        with pytest.raises(NotApplicableError, match=r"model.with_policy\(\{.*pure_equilibria\(model\)") as refused:
            ask()
        assert "model.solve()" not in str(refused.value)
    with pytest.raises(NotApplicableError, match=r"best_response|pure_equilibria"):
        model.cpd("a")

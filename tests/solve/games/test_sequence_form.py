"""Zero-sum games by linear programming over sequences: published values, and random games against listing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve import is_equilibrium, mixed_equilibria, zero_sum_equilibrium
from cidmesa.solve.games.sequence_form import why_no_sequence_form
from tests.solve.games.drawn_games import matrix_game
from tests.strategies import examples, models


def kuhn_poker(cards: int = 3) -> cm.CIM:
    """Kuhn's poker: a card each, an ante of one, A may bet one, B may call or bet, A may call."""
    seen = ("mine", "yours", "first", "second", "third")
    cid = cm.CID(
        [
            ("mine", "yours"), ("mine", "first"), ("yours", "second"), ("first", "second"), ("mine", "third"),
            ("first", "third"), ("second", "third"), *((node, u) for u in ("ua", "ub") for node in seen),
        ],
        decisions={"A": ["first", "third"], "B": ["second"]},
        utilities={"A": ["ua"], "B": ["ub"]},
    )  # fmt: skip

    def pay(mine: int, yours: int, first: str, second: str, third: str) -> int:
        sign = 1 if mine > yours else -1
        if first == "bet":
            return 2 * sign if second == "bet" else 1
        if second == "pass":
            return sign
        return 2 * sign if third == "bet" else -1

    deck = range(cards)
    return cid.parameterise(
        mine=cm.Uniform(*deck),
        yours=cm.Function(lambda mine: {c: 1 / (cards - 1) for c in deck if c != mine}, domain=deck),
        first=["pass", "bet"],
        second=["pass", "bet"],
        third=["pass", "bet"],
        ua=pay,
        ub=lambda **all_of_it: -pay(**all_of_it),
    )


def test_kuhn_poker_has_its_published_value() -> None:
    model = kuhn_poker()
    found = zero_sum_equilibrium(model)
    assert found.values == pytest.approx({"A": -1 / 18, "B": 1 / 18}, abs=1e-12)
    assert found.exact
    assert is_equilibrium(model, found)
    # Kuhn 1950: the second player calls with the middle card one time in three, bluffs with the lowest one in three.
    assert found.tables["second"][1, 1, 1] == pytest.approx(1 / 3, abs=1e-9)
    assert found.tables["second"][0, 0, 1] == pytest.approx(1 / 3, abs=1e-9)


def test_two_stages_of_poker_are_not_listed() -> None:
    """With ten cards the two have 2^10 * 2^40 and 2^20 rules."""
    model = kuhn_poker(10)
    [found] = mixed_equilibria(model)
    assert (found.method, found.exact) == ("sequence form", True)
    assert is_equilibrium(model, found)


@settings(max_examples=examples(quick=20, full=400))
@given(st.data())
def test_random_zero_sum_games_are_worth_what_listing_says(data: st.DataObject) -> None:
    n, m = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 4))
    flat = data.draw(st.lists(st.integers(-3, 3), min_size=n * m, max_size=n * m))
    rows = np.array(flat, dtype=float).reshape(n, m)
    model = matrix_game(rows, data.draw(st.integers(-5, 5)) - rows)
    found = zero_sum_equilibrium(model)
    assert found.exact
    for other in mixed_equilibria(model):
        assert other.values["A"] == pytest.approx(found.values["A"], abs=1e-9)


@settings(max_examples=examples(quick=15, full=300))
@given(st.data())
def test_what_it_covers_it_solves(data: st.DataObject) -> None:
    """Random diagrams: decisions dealt out to two agents, the second paid what the first is not."""
    drawn = data.draw(models(max_chance=2, decisions=(2, 3), utilities=1, max_parents=3))
    ds = drawn.cid.decisions
    whose = data.draw(st.lists(st.booleans(), min_size=len(ds), max_size=len(ds)))
    owned = {
        "A": [d for d, a in zip(ds, whose, strict=True) if a],
        "B": [d for d, a in zip(ds, whose, strict=True) if not a],
    }
    assume(owned["A"] and owned["B"])
    [u] = drawn.cid.utilities
    edges = [*drawn.cid.edges, *((p, "loss") for p in drawn.cid.parents(u))]
    cid = cm.CID(edges, nodes=[*drawn.cid.nodes, "loss"], decisions=owned, utilities={"A": [u], "B": ["loss"]})
    mechanisms: dict[str, Any] = {**drawn.mechanisms, "loss": cm.Table(-drawn.cpd(u))}
    model = cid.parameterise(mechanisms)
    if why_no_sequence_form(model, cid.decisions) is not None:
        with pytest.raises(NotApplicableError, match="which its agent saw or did"):
            zero_sum_equilibrium(model)
        return
    found = zero_sum_equilibrium(model)
    assert found.exact
    assert is_equilibrium(model, found)


def test_what_it_does_not_cover_is_said() -> None:
    with pytest.raises(NotApplicableError, match="general sums are not covered"):
        zero_sum_equilibrium(matrix_game([[1, 0], [0, 1]], [[1, 0], [0, 1]]))
    cid = cm.CID(
        [("x", "a"), ("a", "u"), ("a2", "u"), ("b", "u"), ("x", "u"), ("a2", "v"), ("a", "v"), ("b", "v"), ("x", "v")],
        decisions={"A": ["a", "a2"], "B": ["b"]},
        utilities={"A": ["u"], "B": ["v"]},
    )
    bit = [0, 1]
    forgetful = cid.parameterise(
        x=cm.Bernoulli(0.5), a=bit, a2=bit, b=bit, u=lambda **n: sum(n.values()), v=lambda **n: -sum(n.values())
    )
    with pytest.raises(NotApplicableError, match=r"`a2?` does not see `(x`, `)?a2?`, which its agent saw or did"):
        zero_sum_equilibrium(forgetful)
    with pytest.raises(NotApplicableError, match="best_response"):
        zero_sum_equilibrium(matrix_game([[1, 0], [0, 1]], [[1, 0], [0, 1]]).with_policy({"a": lambda: 0}))

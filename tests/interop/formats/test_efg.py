"""Games of Gambit: a tree becomes a diagram with the same equilibria, or is refused as asymmetric."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa import solve
from cidmesa.interop.files import from_bytes
from cidmesa.interop.formats.network import Options
from cidmesa.solve.games.gambit import to_efg
from tests.interop.formats import voyage
from tests.strategies import examples


def read(text: Any) -> Any:
    return from_bytes(text.encode(), "x.efg", Options())


def test_observations_payoffs_and_names_of_a_signalling_game() -> None:
    game = cm.read(voyage.FILES / "signals.efg")
    assert game.cid.agents == ("Seller", "Buyer")
    assert game.cid.parents("Seller moves") == ("quality",)
    assert game.cid.parents("Buyer moves") == ("Seller moves",)
    assert game.domain("Buyer moves") == ("buy", "leave")
    assert game.cpd("quality").tolist() == [0.5, 0.5]
    assert game.cid.parents("payoff of Buyer") == ("quality", "Buyer moves")
    assert game.cpd("payoff of Seller")[1, 1].tolist() == [1.5, 0]
    assert game.origin.title == "A buyer sees a sign of quality"


def test_an_information_set_that_no_move_tells_gets_a_node_that_does() -> None:
    """The second player learns only whether both coins fell alike."""
    lines = ['EFG 2 R "alike" { "a" "b" }', 'c "" 1 "" { "h" 1/2 "t" 1/2 } 0']
    for first in "ht":
        lines.append('c "" 2 "" { "h" 1/2 "t" 1/2 } 0')
        for second in "ht":
            number = 1 if first == second else 2
            lines.append(f'p "guess" 2 {number} "" {{ "same" "other" }} 0')
            for same in (True, False):
                outcome = 1 if (first == second) == same else 2
                lines.append(f't "" {outcome} "" {{ 0, {2 - outcome} }}')
    game = read("\n".join(lines))
    assert game.cid.parents("guess") == ("what guess sees",)
    assert game.cpd("what guess sees").tolist() == [[[1, 0], [0, 1]], [[0, 1], [1, 0]]]
    assert [dict(e.values) for e in solve.pure_equilibria(game)] == [{"a": 0, "b": 1}]


@st.composite
def games(draw: Any) -> Any:
    """Two players and a chance node, each seeing some of what comes before."""
    seen_by_second = draw(st.lists(st.sampled_from(["c", "x"]), unique=True))
    edges = [(tail, "y") for tail in seen_by_second]
    edges += [("c", "x")] if draw(st.booleans()) else []
    edges += [(tail, u) for u in ("ux", "uy") for tail in ("c", "x", "y")]
    cid = cm.CID(edges, nodes=["c", "x", "y"], decisions={"X": ["x"], "Y": ["y"]}, utilities={"X": ["ux"], "Y": ["uy"]})
    pay = st.lists(st.integers(-3, 3), min_size=8, max_size=8)
    tables = {u: [[draw(pay)[i : i + 2] for i in (0, 2)] for _ in (0, 1)] for u in ("ux", "uy")}
    weight = draw(st.sampled_from([0.0, 0.25, 0.5]))
    return cid.parameterise(c=cm.Categorical({"l": weight, "r": 1 - weight}), x=["a", "b"], y=["a", "b"], **tables)


@settings(max_examples=examples(quick=40, full=1500))
@given(game=games())
def test_a_game_through_its_tree_has_the_same_equilibrium_payoffs(game: Any) -> None:
    again = read(to_efg(game))
    assert again.cid.agents == ("X", "Y")
    before = {tuple(e.values.items()) for e in solve.pure_equilibria(game)}
    after = {tuple(e.values.items()) for e in solve.pure_equilibria(again)}
    assert {tuple((a, round(v, 9)) for a, v in e) for e in after} == {
        tuple((a, round(v, 9)) for a, v in e) for e in before
    }
    twice = read(to_efg(again))  # without the nodes that matter to nobody
    assert read(to_efg(twice)) == twice


TREE = """EFG 2 R "x" { "A" "B" } "c"
p "" 1 1 "" { "l" "r" } 0
p "" 2 1 "" { "u" "d" } 0
t "" 1 "" { 1, 2 }
t "" 2 "" { 3, 4 }
p "" 2 1 "" { "u" "d" } 0
t "" 1
t "" 2
"""


def test_what_was_said_before_may_be_left_out() -> None:
    game = read(TREE)
    assert game.cid.parents("B moves") == ()
    assert game.cid.parents("payoff of A") == ("B moves",)
    assert read(TREE.replace('p "" 2 1 "" { "u" "d" } 0\nt "" 1\nt', 'p "" 2 1\n0\nt "" 1\nt')) == game


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'p "" 2 1 "" { "u" "d" } 0\nt "" 1\nt "" 2\n',
            't "" 2\n',
            "line 6, column 1: the tree is asymmetric: after 1 moves this is an end",
        ),
        (
            'p "" 2 1 "" { "u" "d" } 0\nt "" 1\nt "" 2\n',
            'p "" 1 2 "" { "u" "d" } 0\nt "" 1\nt "" 2\n',
            "a move of 'A' with 2 actions, and line 3",
        ),
        (
            'p "" 2 1 "" { "u" "d" } 0\nt "" 1\nt "" 2\n',
            'p "" 2 2 "" { "u" } 0\nt "" 1\n',
            "let the shorter branches go on",
        ),
        ('{ "u" "d" } 0\nt "" 1\nt', '{ "u" "e" } 0\nt "" 1\nt', "the same actions wherever it is written"),
        ("{ 1, 2 }", "{ 1 }", "2 players, and 1 payoffs"),
        ("{ 1, 2 }", "{ 1, two }", "a number such as 1.5 or 3/2"),
        ('t "" 1 "" { 1, 2 }', 't "" 7', "outcome 7 has no payoffs here or before"),
        ('p "" 1 1', 'p "" 3 1', "a player's number is a whole number of at most 2"),
        ('p "" 1 1', 'p "" 0 1', "players are counted from 1"),
        ('{ "A" "B" }', '{ "A" "A" }', "two players have one name"),
        ("EFG 2", "EFG 1", "`2` is expected here"),
        ("{ 3, 4 }\n", '{ 3, 4 }\nt "" 1\n', "asymmetric|the game's tree is complete"),
    ],
)
def test_what_is_no_such_game_is_refused_with_its_place(old: Any, new: Any, words: Any) -> None:
    assert old in TREE
    with pytest.raises(cm.FileFormatError, match=words):
        read(TREE.replace(old, new, 1))

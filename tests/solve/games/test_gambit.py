from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve import zero_sum_equilibrium
from cidmesa.solve.games.gambit import to_efg
from tests.solve.brute_force import World
from tests.strategies import examples, models

TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([{}])|([^\s{},"]+)')


@dataclass
class Node:
    """A node of a game tree as read back."""

    kind: str
    player: int = 0
    infoset: int = 0
    moves: list[str] = field(default_factory=list)
    law: list[Fraction] = field(default_factory=list)
    payoffs: list[Fraction] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


def read(text: str) -> tuple[list[str], Node]:
    """A reader of Gambit's format, written from its description: players, and the root of the tree."""
    found = [m.groups() for m in TOKEN.finditer(text)]
    tokens = [(quoted is not None, quoted if quoted is not None else brace or word) for quoted, brace, word in found]
    at = 0

    def take(expected: str | None = None) -> str:
        nonlocal at
        at += 1
        value = tokens[at - 1][1]
        assert expected is None or value == expected
        return value

    def listed() -> list[tuple[bool, str]]:
        nonlocal at
        take("{")
        start = at
        while tokens[at] != (False, "}"):
            at += 1
        at += 1
        return tokens[start : at - 1]

    assert [take() for _ in range(3)] == ["EFG", "2", "R"]
    take()
    players = [name for _, name in listed()]
    take()

    def node() -> Node:
        kind = take()
        take()
        if kind == "t":
            take(), take()
            return Node("t", payoffs=[Fraction(x) for _, x in listed()])
        player = int(take()) if kind == "p" else 0
        infoset = int(take())
        take()
        items = [x for _, x in listed()]
        take("0")
        moves, law = (items, []) if kind == "p" else (items[0::2], [Fraction(x) for x in items[1::2]])
        return Node(kind, player, infoset, moves, law, children=[node() for _ in moves])

    root = node()
    assert at == len(tokens)
    return players, root


def expected(root: Node, strategy: Any, number: int) -> list[Fraction]:
    if root.kind == "t":
        return root.payoffs
    if root.kind == "c":
        assert sum(root.law) == 1
        assert all(p > 0 for p in root.law)
        weights = root.law
    else:
        weights = [Fraction(int(move == strategy[root.player, root.infoset])) for move in root.moves]
    below = [expected(child, strategy, number) for child in root.children]
    return [sum((w * b[i] for w, b in zip(weights, below, strict=True)), Fraction(0)) for i in range(number)]


def infosets(root: Node) -> dict[tuple[int, int], tuple[str, ...]]:
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if node.kind == "p":
            assert found.setdefault((node.player, node.infoset), tuple(node.moves)) == tuple(node.moves)
        stack += node.children
    return found


@settings(max_examples=examples(quick=50, full=800))
@given(st.data())
def test_the_tree_pays_what_the_diagram_pays(data: st.DataObject) -> None:
    drawn = data.draw(models(max_card=3, max_chance=2, decisions=2, utilities=2, max_parents=2))
    cid = cm.CID(
        drawn.cid.edges,
        nodes=drawn.cid.nodes,
        decisions={"Ann": ["D0"], "Bob": ["D1"]},
        utilities={"Ann": ["U0"], "Bob": ["U1"]},
    )
    model = cid.parameterise(drawn.mechanisms)
    players, root = read(to_efg(model))
    assert players == ["Ann", "Bob"]
    policy = {d: data.draw(st.sampled_from(World(model).first_rules(d, 40))) for d in cid.decisions}
    strategy: dict[tuple[int, int], str] = {}
    labels = re.findall(r'^p "" (\d+) (\d+) "([^"]*)"', to_efg(model), flags=re.MULTILINE)
    for player, infoset, label in labels:
        name = label.split(" | ")[0]
        seen = dict(re.findall(r"(\w+)=(\d+)", label))
        context = tuple(int(seen[p]) for p in cid.parents(name))
        strategy[int(player), int(infoset)] = str(int(policy[name][context].argmax()))
    assert set(strategy) == set(infosets(root))
    paid = expected(root, strategy, 2)
    for i, agent in enumerate(players):
        assert float(paid[i]) == pytest.approx(model.expected_utility(policy, agent=agent), abs=1e-9)


def test_a_decision_with_a_rule_is_a_chance_move(tmp_path: Path) -> None:
    cid = cm.CID(
        [("a", "u"), ("b", "u"), ("b", "v")],
        nodes=["weather"],
        decisions={1: ["a"], 2: ["b"]},
        utilities={1: ["u"], 2: ["v"]},
    )
    model = cid.parameterise(
        weather=cm.Uniform("sun", "rain"),
        a=["x", "y"],
        b=["x", "y"],
        u=lambda a, b: 1 / 3 if a == b else 0.1,
        v=lambda b: 1e-7 if b == "x" else -2,
    )
    path = tmp_path / "game.efg"
    text = to_efg(model.with_policy({"b": [0.1, 0.9]}), path, title='a "fixed" rule')
    assert path.read_text(encoding="utf-8") == text
    assert text.startswith('EFG 2 R "a %22fixed%22 rule" { "1" "2" }\n')
    assert 'c "" 1 "b" { "x" 1/10 "y" 9/10 } 0' in text
    assert "weather" not in text
    assert "{ 1/3, 0.0000001 }" in text
    read(text)


def test_values_that_print_alike_are_told_apart() -> None:
    cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
    model = cid.parameterise(a=[1, "1"], u=lambda a: 0)
    assert """{ "1" "'1'" }""" in to_efg(model)


def test_chance_moves_add_up_exactly() -> None:
    cid = cm.CID([("x", "u"), ("a", "u")], decisions=["a"], utilities=["u"])
    law = [0.3183098861837907, 0.2718281828459045, 1 - 0.3183098861837907 - 0.2718281828459045]
    model = cid.parameterise(x=law, a=[0, 1], u=lambda x, a: x * a)
    _, root = read(to_efg(model))
    assert sum(root.law) == 1
    assert [float(p) for p in root.law] == pytest.approx(law, abs=1e-12)


def test_a_large_tree_is_refused_before_it_is_built() -> None:
    names = [f"x{i}" for i in range(8)]
    cid = cm.CID([(n, "d") for n in names] + [("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise({**{n: cm.Bernoulli(0.5) for n in names}, "d": [0, 1], "u": lambda d: d})
    with pytest.raises(NotApplicableError, match="may have 512 leaves, more than max_leaves=100"):
        to_efg(model, max_leaves=100)


def one_card_poker(card: str = "card", players: tuple[str, str] = ("Ann", "Bob")) -> cm.CIM:
    """Ann sees a card, red or black, and raises or folds; Bob, who does not see it, meets or passes. Worth 1/3."""
    cid = cm.CID(
        [(card, "bet"), ("bet", "call"), *((n, u) for u in ("ua", "ub") for n in (card, "bet", "call"))],
        decisions={players[0]: ["bet"], players[1]: ["call"]},
        utilities={players[0]: ["ua"], players[1]: ["ub"]},
    )

    def wins(**seen: Any) -> int:
        sign = 1 if seen[card] == "rouge" else -1
        if seen["bet"] == "fold":
            return -1
        return 1 if seen["call"] == "pass" else 2 * sign

    return cid.parameterise(
        {
            card: cm.Categorical({"rouge": 0.5, "noir": 0.5}),
            "bet": ["raise", "fold"],
            "call": ["meet", "pass"],
            "ua": wins,
            "ub": lambda **seen: -wins(**seen),
        }
    )


ODD = {
    "plain": one_card_poker(),
    "umlauts": one_card_poker("Spielkärtchen ♠", ("Älice", "Bòb")),
    "quotes": one_card_poker('the "card"', ('A "the shark" B', "back\\slash")),
    "per cent": one_card_poker("50%22", ("100%", "100%25")),
    "lines": one_card_poker("two\nlines", ("tab\t", "x")),
}


@pytest.mark.parametrize("name", ODD)
def test_labels_are_printable_ascii_and_nothing_is_lost(name: str) -> None:
    model = ODD[name]
    text = to_efg(model, title=name)
    lines = text.split("\n")
    assert all(0x20 <= ord(c) < 0x7F for line in lines for c in line)
    players, root = read(text)
    assert tuple(map(unquote, players)) == model.cid.agents
    labels = [unquote(label) for label in re.findall(r'^[pc] "" [\d ]*"([^"]*)"', text, flags=re.MULTILINE)]
    [card] = model.cid.chance
    assert set(labels) == {card, f"bet | {card}=rouge", f"bet | {card}=noir", "call | bet=raise", "call | bet=fold"}
    assert all(len(node) > 0 for node in infosets(root).values())


@pytest.mark.parametrize("name", ODD)
def test_gambit_reads_it_and_finds_the_value(name: str) -> None:
    gambit = pytest.importorskip("pygambit", reason="pygambit is not installed: pip install pygambit builds it")
    model = ODD[name]
    game = gambit.read_efg(io.BytesIO(to_efg(model).encode()))
    assert [unquote(player.label) for player in game.players] == list(model.cid.agents)
    seen = {unquote(infoset.label) for infoset in game.infosets}
    [card] = model.cid.chance
    assert {f"bet | {card}=rouge", "call | bet=raise"} <= seen
    ours = zero_sum_equilibrium(model)
    [profile] = gambit.nash.lcp_solve(game, rational=True).equilibria[:1]
    first, second = game.players
    assert profile.payoff(first) == Fraction(1, 3)
    assert float(profile.payoff(first)) == pytest.approx(ours.values[model.cid.agents[0]], abs=1e-9)
    assert float(profile.payoff(second)) == pytest.approx(ours.values[model.cid.agents[1]], abs=1e-9)


@pytest.mark.parametrize("name", ODD)
def test_openspiel_reads_it(name: str, tmp_path: Path) -> None:
    spiel = pytest.importorskip("pyspiel", reason="OpenSpiel is not installed: pip install open_spiel")
    path = tmp_path / "game.efg"
    model = ODD[name]
    to_efg(model, path)
    game = spiel.load_game(f"efg_game(filename={path})")
    assert game.num_players() == 2
    assert (game.min_utility(), game.max_utility()) == (-2, 2)
    state = game.new_initial_state()
    law = dict(state.chance_outcomes())
    assert sorted(law.values()) == [0.5, 0.5]

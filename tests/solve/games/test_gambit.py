from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
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
    labels = re.findall(r'^p "(\w+)" (\d+) (\d+) "([^"]*)"', to_efg(model), flags=re.MULTILINE)
    for name, player, infoset, label in labels:
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
    assert text.startswith('EFG 2 R "a \\"fixed\\" rule" { "1" "2" }\n')
    assert 'c "b" 1 "b" { "x" 1/10 "y" 9/10 } 0' in text
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

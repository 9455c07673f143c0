"""EFG: extensive form games of Gambit, read as causal influence diagrams of several agents.

The grammar is Gambit's [1]_, the nodes of the tree in the order in which one walks it depth first::

    EFG 2 R "title" { "player" "player" } "comment"
    c "name" information-set "label" { "action" probability .. } outcome "label" { payoffs }
    p "name" player information-set "label" { "action" .. } outcome "label" { payoffs }
    t "name" outcome "label" { payoffs }

where what was said of an information set or an outcome before may be left out. A diagram takes every move in every
play, so a tree is read where all positions at one depth are alike: all ends, all chance, or all of one player with as
many actions. An asymmetric tree is refused. Each depth becomes a node. A decision observes those earlier moves that
its information sets tell apart; where no selection of moves says what an information set does, a chance node in
between tells which one it is. Each player gets one utility, over the moves that its payoffs depend on.

Games are written by :func:`cidmesa.solve.games.gambit.to_efg`.

References
----------
.. [1] R. D. McKelvey, A. M. McLennan and T. L. Turocy, *Gambit*, "The extensive game (.efg) file format",
   https://gambitproject.readthedocs.io/en/latest/formats.efg.html.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from cidmesa.arrays import Array
from cidmesa.interop.formats.network import Entry, Network
from cidmesa.interop.formats.tokens import Tokens, as_number

FORMAT = "Gambit EFG"
MOST_NODES = 50_000
"""How many nodes a tree may have."""
MOST_MOVES = 40
"""How many moves a play may have."""

_RATIO = re.compile(r"[-+]?[0-9]{1,300}/[0-9]{1,300}")


@dataclass(slots=True)
class _Set:
    """An information set, or a kind of chance move: its label, its actions and their probabilities."""

    label: str
    actions: list[str]
    chances: list[float]


@dataclass(slots=True)
class _Move:
    """A position of the tree."""

    kind: str
    name: str
    at: int
    player: int = 0
    number: int = 0
    payoffs: NDArray[np.float64] | None = None
    path: tuple[int, ...] = ()


@dataclass(slots=True)
class _Tree:
    title: str
    players: list[str]
    sets: dict[tuple[int, int], _Set] = field(default_factory=dict)
    outcomes: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    depths: list[list[_Move]] = field(default_factory=list)


def read(text: str, name: str) -> Network:
    """Read an EFG file; `name` is what errors call the file."""
    tokens = Tokens(text, name, marks="{},")
    tree = _parse(tokens)
    return _Reading(tree, tokens).network()


# The tree -------------------------------------------------------------------------------------------------------------


def _parse(tokens: Tokens) -> _Tree:
    tokens.take("EFG")
    tokens.take("2")
    if not (tokens.skip("R") or tokens.skip("D")):
        tokens.fail(f"`R` is expected here; got {tokens.shown()}.")
    tree = _Tree(tokens.word("the title"), [])
    tokens.take("{")
    while not tokens.skip("}"):
        tree.players.append(tokens.word("a player"))
    if len(set(tree.players)) < len(tree.players):
        tokens.fail("two players have one name.", 0)
    if tokens.at in tokens.quoted:
        tokens.next()
    waiting: list[tuple[tuple[int, ...], NDArray[np.float64]]] = [((), np.zeros(len(tree.players)))]
    count = 0
    while waiting:
        path, paid = waiting.pop()
        count += 1
        if count > MOST_NODES or len(path) > MOST_MOVES:
            tokens.fail(f"the tree has more than {MOST_NODES:,} nodes, or plays of more than {MOST_MOVES} moves.")
        move = _node(tokens, tree)
        move.path = path
        move.payoffs = paid + move.payoffs if move.payoffs is not None else paid
        while len(tree.depths) <= len(path):
            tree.depths.append([])
        tree.depths[len(path)].append(move)
        if move.kind != "t":
            actions = tree.sets[move.player, move.number].actions
            waiting += [((*path, i), move.payoffs) for i in reversed(range(len(actions)))]
    if not tokens.ended:
        tokens.fail(f"the game's tree is complete, and the file goes on with {tokens.shown()}.")
    return tree


def _node(tokens: Tokens, tree: _Tree) -> _Move:
    at = tokens.at
    kind = next((letter for letter in "cpt" if tokens.skip(letter)), None)
    if kind is None:
        tokens.fail(f"a node (c, p or t) is expected here; got {tokens.shown()}.")
    move = _Move(kind, tokens.next() if tokens.at in tokens.quoted else "", at)
    if kind == "p":
        move.player = tokens.whole("a player's number", len(tree.players))
        if move.player == 0:
            tokens.fail("players are counted from 1.", tokens.at - 1)
    if kind != "t":
        move.number = tokens.whole("the number of an information set", 10**9)
        _information(tokens, tree, move)
    outcome = tokens.whole("the number of an outcome", 10**9)
    label = tokens.next() if tokens.at in tokens.quoted else ""
    del label
    if tokens.is_next("{"):
        payoffs = [_number(tokens, word, at) for word in tokens.nested("{", "}")]
        if len(payoffs) != len(tree.players):
            tokens.fail(f"there are {len(tree.players)} players, and {len(payoffs)} payoffs.", at)
        tree.outcomes[outcome] = np.array(payoffs)
    if outcome:
        if outcome not in tree.outcomes:
            tokens.fail(f"outcome {outcome} has no payoffs here or before.", at)
        move.payoffs = tree.outcomes[outcome]
    return move


def _information(tokens: Tokens, tree: _Tree, move: _Move) -> None:
    key = (move.player, move.number)
    label = tokens.next() if tokens.at in tokens.quoted else ""
    if tokens.is_next("{"):
        start = tokens.at
        tokens.take("{")
        actions, chances = [], []
        while not tokens.skip("}"):
            actions.append(tokens.word("an action"))
            if move.kind == "c":
                chances.append(_number(tokens, tokens.word("a probability"), tokens.at - 1))
        if not actions or len(set(actions)) < len(actions):
            tokens.fail("a move has at least one action, each with a name of its own.", start)
        if key in tree.sets and tree.sets[key].actions != actions:
            tokens.fail("an information set has the same actions wherever it is written.", start)
        tree.sets.setdefault(key, _Set(label, actions, chances))
    if key not in tree.sets:
        tokens.fail(f"information set {move.number} has no actions here or before.", move.at)


def _number(tokens: Tokens, text: str, at: int) -> float:
    if _RATIO.fullmatch(text):
        above, below = text.split("/")
        if int(below):
            return float(Fraction(int(above), int(below)))
    number = as_number(text)
    if number is None:
        tokens.fail(f"a number such as 1.5 or 3/2 is expected here; got `{text[:40]}`.", at)
    return number


# From the tree to a diagram -------------------------------------------------------------------------------------------


class _Reading:
    """Turns depths into nodes, from the root down."""

    def __init__(self, tree: _Tree, tokens: Tokens) -> None:
        self.tree, self.tokens = tree, tokens
        self.found = Network(FORMAT, tokens.name, tree.title, agents=tuple(tree.players))
        self.names: list[str] = []
        self.values: list[list[int]] = []
        """Depth → for every action of every position the value of the node; labels may differ in order."""

    def network(self) -> Network:
        """Return the whole diagram."""
        depths = self.tree.depths
        for depth, moves in enumerate(depths):
            self._require_alike(depth, moves)
        coded: list[NDArray[np.intp]] = [np.zeros((1, 0), dtype=np.intp)]
        for depth, moves in enumerate(depths[:-1]):
            here = coded[depth]
            add = self._chance if moves[0].kind == "c" else self._decision
            values = add(moves, here)
            counts = [len(row) for row in values]
            above = np.repeat(here, counts, axis=0)
            own = np.array([value for row in values for value in row], dtype=np.intp)
            coded.append(np.column_stack([above, own]))
        self._payoffs(depths[-1], coded[-1])
        return self.found

    def _require_alike(self, depth: int, moves: Sequence[_Move]) -> None:
        first = moves[0]
        for move in moves:
            same = (move.kind, move.player) == (first.kind, first.player)
            if same and move.kind == "p":
                same = len(self._actions(move)) == len(self._actions(first))
            if not same:
                self.tokens.fail(
                    f"the tree is asymmetric: after {depth} moves this is {self._described(move)}, and "
                    f"{self.tokens.place(first.at).split(', ', 1)[1]} is {self._described(first)}. A diagram takes "
                    "every move in every play: let the shorter branches go on with moves that change nothing.",
                    move.at,
                )

    def _described(self, move: _Move) -> str:
        if move.kind == "t":
            return "an end"
        who = "a chance move" if move.kind == "c" else f"a move of {self.tree.players[move.player - 1]!r}"
        return f"{who} with {len(self._actions(move))} actions"

    def _actions(self, move: _Move) -> list[str]:
        return self.tree.sets[move.player, move.number].actions

    def _name(self, moves: Sequence[_Move], plain: str) -> str:
        """Name a depth: as its positions are all called, or their information sets up to a bar, else `plain`."""
        called = {move.name for move in moves}
        sets = {self.tree.sets[m.player, m.number].label.split(" | ")[0] for m in moves}
        for names in (called, sets):
            only = next(iter(names))
            if len(names) == 1 and only.strip() and only not in self.found.entries:
                return only
        return self._unused(plain)

    def _unused(self, plain: str) -> str:
        name, count = plain, 2
        while name in self.found.entries:
            name, count = f"{plain} {count}", count + 1
        return name

    def _where(self, move: _Move) -> str:
        return self.tokens.place(move.at)

    def _domain(self, moves: Sequence[_Move], name: str) -> tuple[tuple[str, ...], list[list[int]]]:
        """Return the values of a depth, and for every position the value of each of its actions."""
        lists = [self._actions(move) for move in moves]
        if moves[0].kind == "p" and any(actions != lists[0] for actions in lists):
            count = len(lists[0])
            self.found.notes.append(f"the actions of `{name}` have other labels elsewhere: its values are numbered.")
            return tuple(str(i + 1) for i in range(count)), [list(range(count)) for _ in lists]
        index: dict[str, int] = {}
        for actions in lists:
            for action in actions:
                index.setdefault(action, len(index))
        return tuple(index), [[index[action] for action in actions] for actions in lists]

    def _chance(self, moves: Sequence[_Move], here: NDArray[np.intp]) -> list[list[int]]:
        name = self._name(moves, "chance")
        states, values = self._domain(moves, name)
        rows = np.zeros((len(moves), len(states)))
        for row, move, own in zip(rows, moves, values, strict=True):
            row[own] = self.tree.sets[0, move.number].chances
        needed = self._needed(here, rows)
        self._add(Entry(name, "chance", self._where(moves[0]), states), needed, here, rows, 1.0 / len(states))
        return values

    def _decision(self, moves: Sequence[_Move], here: NDArray[np.intp]) -> list[list[int]]:
        player = self.tree.players[moves[0].player - 1]
        name = self._name(moves, f"{player} moves")
        states, values = self._domain(moves, name)
        sets = np.array([[move.number] for move in moves], dtype=np.float64)
        entry = Entry(name, "decision", self._where(moves[0]), states, agent=player)
        _, inverse = np.unique(sets[:, 0], return_inverse=True)
        steady = [j for j in range(here.shape[1]) if _constant_within(here[:, j], inverse)]
        if _determines(here[:, steady], sets):
            entry.parents = tuple(self.names[j] for j in self._needed(here, sets, steady))
        else:
            entry.parents = (self._signal(name, moves, here, inverse),)
        self.found.add(entry)
        self.names.append(name)
        return values

    def _signal(self, name: str, moves: Sequence[_Move], here: NDArray[np.intp], inverse: NDArray[np.intp]) -> str:
        """Add a chance node that tells which information set it is, and return its name."""
        known = self._unused(f"what {name} sees")
        count = int(inverse.max()) + 1
        rows = np.zeros((len(moves), count))
        rows[np.arange(len(moves)), inverse] = 1.0
        entry = Entry(known, "chance", self._where(moves[0]), tuple(str(i + 1) for i in range(count)))
        needed = self._needed(here, rows)
        self._add(entry, needed, here, rows, 1.0 / count, names=False)
        return known

    def _payoffs(self, moves: Sequence[_Move], here: NDArray[np.intp]) -> None:
        for i, player in enumerate(self.tree.players):
            paid = np.array([[0.0 if move.payoffs is None else move.payoffs[i]] for move in moves])
            needed = self._needed(here, paid)
            entry = Entry(self._unused(f"payoff of {player}"), "utility", self._where(moves[0]), agent=player)
            self._add(entry, needed, here, paid, 0.0, names=False)

    def _needed(self, here: NDArray[np.intp], rows: Array, among: Iterable[int] | None = None) -> list[int]:
        """Return earlier moves that suffice to tell `rows`, leaving out each in turn that is not needed."""
        kept = list(range(here.shape[1]) if among is None else among)
        for j in list(kept):
            rest = [k for k in kept if k != j]
            if _determines(here[:, rest], rows):
                kept = rest
        return kept

    def _add(
        self,
        entry: Entry,
        needed: Sequence[int],
        here: NDArray[np.intp],
        rows: Array,
        missing: float,
        *,
        names: bool = True,
    ) -> None:
        """Add a node with its table; contexts that no position of the tree has are filled with `missing`."""
        entry.parents = tuple(self.names[j] for j in needed)
        cards = [len(self.found.entries[parent].states) for parent in entry.parents]
        width = rows.shape[1]
        if len(cards) > 30:
            entry.fail(f"depends on {len(cards)} earlier moves.")
        self.found.spend(entry, math.prod(cards) * width)
        table = np.full((*cards, width), missing)
        if needed:
            table[tuple(here[:, j] for j in needed)] = rows
        else:
            table[...] = rows[0]
        entry.numbers = table.reshape(-1)
        self.found.add(entry)
        if names:
            self.names.append(entry.name)


def _constant_within(column: NDArray[np.intp], groups: NDArray[np.intp]) -> bool:
    """Say whether a column has one value in each group."""
    first = np.full(int(groups.max()) + 1, -1, dtype=np.intp)
    first[groups[::-1]] = column[::-1]
    return bool((first[groups] == column).all())


def _determines(columns: NDArray[np.intp], rows: Array) -> bool:
    """Say whether equal `columns` always go with equal `rows`."""
    if len(rows) == 1:
        return True
    if columns.shape[1] == 0:
        return bool((rows == rows[0]).all())
    cards = [int(card) + 1 for card in columns.max(axis=0)]
    if math.prod(cards) < 2**62:
        keys = np.ravel_multi_index(tuple(columns.T), cards)
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    else:
        _, first, inverse = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    return bool((rows[first][inverse.reshape(-1)] == rows).all())

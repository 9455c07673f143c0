"""DNE: decision nets of Netica.

The grammar is that of Netica's text files [1]_ [2]_::

    // ~->[DNET-1]->~
    bnet name {
      title = "text";
      node A {
        kind = NATURE | DECISION | UTILITY | CONSTANT;
        discrete = TRUE;  chance = CHANCE | DETERMIN;
        states = (yes, no);  parents = (B, C);
        probs = ((0.1, 0.9), (0.4, 0.6));         or flat, as old versions write it
        functable = (yes, no, yes, no);           states (or levels) of a deterministic node; numbers of a utility
        title = "text";  visual V1 { center = (x, y); };
      };
    };

The node itself varies fastest, then the last of its parents. ``#2`` is the third state, ``@imposs`` the entry of a
row for an impossible context, and an empty place in a list keeps its position. States are called as ``states`` says;
else by ``statetitles``, ``levels`` (of a discrete node one for each state, of a continuous one the ends of its
intervals), or ``state0``, ``state1``, … Netica solves as if no decision forgot what was known before [3]_, so that is
what is read. Nodes with an equation but no table, and continuous nodes without levels, are refused; ``CONSTANT``
nodes and findings are left out.

References
----------
.. [1] Norsys, *Netica file formats*, https://www.norsys.com/WebHelp/NETICA/X_File_Formats.htm.
.. [2] BayesianNetworkFormats.jl, ``docs/src/formats.md`` and ``src/netica_dne.jl``.
.. [3] Norsys, *No-forgetting links*, https://www.norsys.com/WebHelp/NETICA/X_No_Forgetting_Links.htm.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from cidmesa.interop.formats.network import Entry, Kind, Network, grid
from cidmesa.interop.formats.tokens import DEEPEST, Tokens, as_number

FORMAT = "Netica DNE"
_KINDS: dict[str, Kind] = {"NATURE": "chance", "DECISION": "decision", "UTILITY": "utility"}
_EMPTY = ""
_READ = (
    "kind", "discrete", "chance", "states", "statetitles", "levels", "numstates", "parents", "probs", "functable",
    "title", "center",
)  # fmt: skip
"""The keys that are read; what is in others does not matter."""

Value: TypeAlias = list[str]
"""A value as the list of its words, brackets left out, an empty word where nothing stands between two commas."""


@dataclass(slots=True)
class _Block:
    kind: str
    name: str
    where: str
    values: dict[str, Value] = field(default_factory=dict)
    blocks: list[_Block] = field(default_factory=list)

    def first(self, key: str, default: str = "") -> str:
        return self.values[key][0] if self.values.get(key) else default


def read(text: str, name: str) -> Network:
    """Read a DNE file; `name` is what errors call the file."""
    tokens = Tokens(text, name, marks="{}()[],;=", comments=("//", "/*"))
    tokens.take("bnet")
    title = tokens.word()
    net = _block(tokens, "bnet", title, 0)
    found = Network(FORMAT, name, net.first("title") or title, recall="no forgetting")
    nodes = [block for block in net.blocks if block.kind == "node"]
    constants = {block.name: "the constant" for block in nodes if block.first("kind") == "CONSTANT"}
    open_inputs = {block.name: "the disconnected input" for block in net.blocks if block.kind == "param"}
    nodes = [block for block in nodes if block.name not in constants]
    for block in nodes:
        found.add(_entry(block, {**open_inputs, **constants}))
    for block in nodes:
        _take_table(found.entries[block.name], block, found)
    return found


def _block(tokens: Tokens, kind: str, name: str, depth: int) -> _Block:
    found = _Block(kind, name, tokens.place())
    if depth > DEEPEST:
        tokens.fail("blocks are nested too deeply.")
    tokens.take("{")
    while not tokens.skip("}"):
        key = tokens.word()
        inner = ""
        while not (tokens.is_next("=") or tokens.is_next("{")):
            inner = tokens.word("`=` or `{`")
        if tokens.skip("="):
            found.values[key] = _value(tokens)
            if tokens.is_next("{") and key not in _READ:  # a font
                tokens.skip_block()
            while not tokens.skip(";"):
                if key in _READ or tokens.is_next("}") or tokens.is_next("{"):
                    tokens.fail(f"`;` is expected here; got {tokens.shown()}.")
                tokens.next()
        else:
            found.blocks.append(_block(tokens, key, inner, depth + 1))
    tokens.skip(";")
    return found


def _value(tokens: Tokens) -> Value:
    if not tokens.is_next("("):
        return [tokens.word("a value")]
    start, depth, filled = tokens.at, 0, True
    found: Value = []
    while True:
        if tokens.ended:
            tokens.fail("the list that begins here does not end.", start)
        if tokens.skip("("):
            depth += 1
            filled = False
            if depth > DEEPEST:
                tokens.fail("the lists are nested too deeply.")
        elif tokens.skip(")"):
            depth -= 1
            filled = True
            if depth == 0:
                return found
        elif tokens.skip(","):
            if not filled:
                found.append(_EMPTY)
            filled = False
        else:
            found.append(tokens.next())
            filled = True


def _entry(block: _Block, no_nodes: Mapping[str, str]) -> Entry:
    kind = block.first("kind", "NATURE")
    entry = Entry(block.name, _KINDS.get(kind, "chance"), block.where)
    if kind not in _KINDS:
        entry.fail(f"has the kind `{kind[:40]}`, and NATURE, DECISION, UTILITY and CONSTANT are read.")
    entry.label = block.first("title")
    entry.parents = tuple(block.values.get("parents", ()))
    if _EMPTY in entry.parents:
        entry.fail("has a parent slot with nothing in it: connect it, or delete it in Netica.")
    for parent in entry.parents:
        if parent in no_nodes:
            entry.fail(f"has {no_nodes[parent]} `{parent}` as a parent: connect a node in Netica, or delete the link.")
    if entry.kind != "utility":
        entry.states = _states(entry, block)
    for visual in block.blocks:
        place = [as_number(part) for part in visual.values.get("center", ())]
        if visual.kind == "visual" and len(place) == 2 and place[0] is not None and place[1] is not None:
            entry.position = (place[0], place[1])
    return entry


def _states(entry: Entry, block: _Block) -> tuple[str, ...]:
    states = block.values.get("states", [])
    if states:
        if _EMPTY in states:
            entry.fail("has a state without a name.")
        return tuple(states)
    titles = block.values.get("statetitles", [])
    levels = block.values.get("levels", [])
    discrete = block.first("discrete", "TRUE") == "TRUE"
    if levels and not discrete:
        return tuple(f"{low} to {high}" for low, high in pairwise(levels))
    named = tuple(title or f"state{i}" for i, title in enumerate(titles))
    if levels:
        return named if len(named) == len(levels) else tuple(levels)
    if named:
        return named
    count = block.first("numstates")
    if not (count.isascii() and count.isdigit() and len(count) < 6):
        entry.fail("is continuous and has no levels: discretise it in Netica, or give it states.")
    return tuple(f"state{i}" for i in range(int(count)))


def _take_table(entry: Entry, block: _Block, network: Network) -> None:
    if entry.kind == "decision":
        return
    if entry.kind == "utility":
        words = block.values.get("functable", block.values.get("probs", []))
        if words:
            entry.numbers = _numbers(entry, words)
        elif "equation" in block.values:
            entry.fail("has an equation and no table: convert it to a table in Netica (Table, Equation to table).")
        return
    if "probs" in block.values:
        entry.numbers = _probabilities(entry, block.values["probs"], network)
    elif "functable" in block.values:
        entry.numbers = _function(entry, block.values["functable"], block, network)
    elif "equation" in block.values:
        entry.fail("has an equation and no table: convert it to a table in Netica (Table, Equation to table).")


def _numbers(entry: Entry, words: Sequence[str]) -> list[float]:
    found = [0.0 if word == "@imposs" else as_number(word) for word in words]
    if None in found:
        entry.fail(f"its table holds numbers; got `{words[found.index(None)][:40]}`.")
    return [x for x in found if x is not None]


def _probabilities(entry: Entry, words: Sequence[str], network: Network) -> list[float]:
    """Return probabilities; a state index in place of a row puts all on that state, ``@imposs`` makes a row uniform."""
    if not any(word.startswith(("#", "@")) for word in words):
        return _numbers(entry, words)
    found: list[float] = []
    for word in words:
        if word.startswith("#"):
            row = [0.0] * len(entry.states)
            row[_index(entry, word)] = 1.0
            network.spend(entry, len(row))
            found += row
        else:
            found += _numbers(entry, [word])
    shape = grid(entry, network)
    if "@imposs" in words and len(found) == math.prod(shape):
        table = np.reshape(found, (-1, shape[-1]))
        empty = table.sum(axis=1) == 0
        table[empty] = 1.0 / shape[-1]
        network.notes.append(f"`{entry.name}`: {int(empty.sum())} impossible contexts were read as uniform.")
        return list(table.reshape(-1))
    return found


def _function(entry: Entry, words: Sequence[str], block: _Block, network: Network) -> list[float]:
    network.spend(entry, len(words) * len(entry.states))
    found = [0.0] * (len(words) * len(entry.states))
    known = {state: i for i, state in enumerate(entry.states)}
    levels = [_level(level) for level in block.values.get("levels", [])]
    levels = [] if any(map(math.isnan, levels)) else levels
    for row, word in enumerate(words):
        if word == "@imposs":
            for state in range(len(entry.states)):
                found[row * len(entry.states) + state] = 1.0 / len(entry.states)
            continue
        at = _index(entry, word) if word.startswith("#") else known.get(word)
        if at is None:
            at = _interval(_level(word), levels, len(entry.states))
        if at is None:
            entry.fail(f"its functable holds states; got `{word[:40]}`.")
        found[row * len(entry.states) + at] = 1.0
    return found


def _level(word: str) -> float:
    """Read a level, which may be an infinity; what is none is not a number."""
    number = {"INFINITY": math.inf, "-INFINITY": -math.inf}.get(word, as_number(word))
    return math.nan if number is None else number


def _interval(value: float, levels: Sequence[float], states: int) -> int | None:
    """Return the state that a value stands for: the one of this level, or the interval between two; ``None`` if none.

    >>> _interval(5.0, [1.0, 5.0], 2), _interval(5.0, [0.0, 5.0, 9.0], 2), _interval(9.5, [0.0, 5.0, 9.0], 2)
    (1, 1, None)
    """
    if len(levels) == states:
        return levels.index(value) if value in levels else None
    if len(levels) != states + 1 or not levels[0] <= value <= levels[-1]:
        return None
    return min(bisect_right(levels, value), states) - 1


def _index(entry: Entry, word: str) -> int:
    digits = word[1:]
    if not (digits.isascii() and digits.isdigit() and len(digits) < 7 and int(digits) < len(entry.states)):
        entry.fail(f"`{word[:40]}` is not the number of one of its {len(entry.states)} states, counted from 0.")
    return int(digits)

"""BIF: Bayesian networks in the interchange format 0.15, which has neither decisions nor utilities.

Which nodes are decisions and utilities is said by whoever reads it: ``read(path, decisions=.., utilities=..)``. The
grammar is Cozman's [1]_ as bnlearn, pgmpy and aGrUM write it [2]_::

    network name { property .. ; }
    variable A { type discrete [ 2 ] { yes, no }; property position = (x, y) ; }
    probability ( A | B, C ) {
      table numbers ;                     node slowest, last parent fastest
      (state of B, state of C) numbers ;  rows in any order
      default numbers ;                   the rows that are not written
    }

References
----------
.. [1] F. G. Cozman, "The interchange format for Bayesian networks, version 0.15", 1998.
.. [2] aGrUM, ``src/agrum/BN/io/BIF/cocoR/SyntaxBIF.atg``; M. Scutari, "Learning Bayesian networks with the bnlearn R
   package", *Journal of Statistical Software* 35(3), 2010.
"""

from __future__ import annotations

import math
import re
from itertools import product
from typing import TypeAlias

import numpy as np

from cidmesa.interop.formats.network import Entry, Network, grid
from cidmesa.interop.formats.tokens import Tokens, as_number

FORMAT = "BIF"

Rows: TypeAlias = dict[tuple[int, ...], list[float]]
"""Context, by the positions of its states → probabilities."""

_POSITION = re.compile(r"position\s*=?\s*\(\s*([^\s,]+)\s*,\s*([^\s,]+)\s*\)")


def read(text: str, name: str) -> Network:
    """Read BIF; `name` is what errors call the file."""
    tokens = Tokens(text, name, marks="{}()[],;|", comments=("//", "/*"), escapes=False)
    found = Network(FORMAT, name)
    defined: set[str] = set()
    while not tokens.ended:
        what = tokens.place()
        if tokens.skip("network"):
            found.title = tokens.word() if not tokens.is_next("{") else ""
            tokens.skip_block()
        elif tokens.skip("variable"):
            found.add(_variable(tokens, what))
        elif tokens.skip("probability"):
            _probability(tokens, found, defined, what)
        else:
            tokens.fail(f"network, variable or probability is expected here; got {tokens.shown()}.")
    return found


def _variable(tokens: Tokens, where: str) -> Entry:
    entry = Entry(tokens.word(), "chance", where)
    tokens.take("{")
    while not tokens.skip("}"):
        if tokens.skip("type"):
            if not tokens.skip("discrete"):
                tokens.fail(f"`{entry.name}`: only discrete nodes are read, and this one is {tokens.shown()}.")
            tokens.take("[")
            count = tokens.whole("a number of states")
            tokens.take("]")
            tokens.skip("=")
            at = tokens.at
            entry.states = tuple(tokens.nested("{", "}"))
            if len(entry.states) != count:
                tokens.fail(f"`{entry.name}` has {len(entry.states)} states, and its type says {count}.", at)
            tokens.take(";")
        else:
            where_at = _POSITION.search(_property(tokens))
            numbers = [as_number(part) for part in where_at.groups()] if where_at else []
            if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
                entry.position = (numbers[0], numbers[1])
    return entry


def _property(tokens: Tokens) -> str:
    """Take a property up to its semicolon, and return it as text."""
    tokens.take("property")
    start = tokens.at
    while not tokens.is_next(";"):
        tokens.next()
    tokens.at += 1
    return " ".join(tokens.texts[start : tokens.at - 1])


def _probability(tokens: Tokens, network: Network, defined: set[str], where: str) -> None:
    tokens.take("(")
    entry = network.entry(tokens.word(), where)
    if entry.name in defined:
        tokens.fail(f"`{entry.name}` has two probabilities.")
    defined.add(entry.name)
    parents: list[str] = []
    if tokens.skip("|"):
        while not tokens.is_next(")"):
            parents.append(network.entry(tokens.word("a parent"), tokens.place(tokens.at - 1)).name)
            tokens.skip(",")
    elif tokens.is_next(","):
        tokens.fail("a table of several nodes together is not read: write one for each.")
    tokens.take(")")
    entry.parents = tuple(parents)
    shape = grid(entry, network)
    rows: Rows = {}
    written: set[tuple[int, ...]] = set()
    default: list[float] | None = None
    tokens.take("{")
    while not tokens.skip("}"):
        if tokens.skip("table"):
            numbers = _numbers(tokens)
            if len(numbers) != math.prod(shape):
                tokens.fail(
                    f"the table of `{entry.name}` has {len(numbers):,} numbers for {math.prod(shape):,} places."
                )
            entry.numbers = np.moveaxis(np.reshape(numbers, (shape[-1], *shape[:-1])), 0, -1).reshape(-1)
        elif tokens.skip("default"):
            default = _row(tokens, entry)
        elif tokens.is_next("("):
            _labelled(tokens, entry, network, rows, written)
        elif _property(tokens).startswith("function"):
            entry.fail("its rows are combined by a function (noisy OR, MAX, ..), which is not read: write all rows.")
    if entry.numbers is None and (rows or default is not None):
        network.spend(entry, math.prod(shape))
        entry.numbers = _filled(entry, shape, rows, default)


def _numbers(tokens: Tokens) -> list[float]:
    found = []
    while not tokens.skip(";"):
        found.append(tokens.number())
        tokens.skip(",")
    return found


def _row(tokens: Tokens, entry: Entry) -> list[float]:
    at = tokens.at
    row = _numbers(tokens)
    if len(row) != len(entry.states):
        tokens.fail(f"a row of `{entry.name}` has {len(row)} numbers for {len(entry.states)} states.", at)
    return row


def _labelled(tokens: Tokens, entry: Entry, network: Network, rows: Rows, written: set[tuple[int, ...]]) -> None:
    """Read one row with the states of the parents before it; ``*`` stands for every state."""
    at = tokens.at
    labels = tokens.nested()
    if len(labels) != len(entry.parents):
        tokens.fail(f"a row of `{entry.name}` names {len(labels)} states for {len(entry.parents)} parents.", at)
    choices = []
    for parent, label in zip(entry.parents, labels, strict=True):
        states = network.entries[parent].states
        if label not in states and label != "*":
            tokens.fail(f"`{label[:80]}` is not a state of `{parent}`.", at)
        choices.append(range(len(states)) if label not in states else (states.index(label),))
    row = _row(tokens, entry)
    network.spend(entry, math.prod(map(len, choices)))
    exact = "*" not in labels
    if exact and tuple(choice[0] for choice in choices) in written:
        tokens.fail(f"a row of `{entry.name}` is written twice.", at)
    for where in product(*choices):
        rows[where] = row
        if exact:
            written.add(where)


def _filled(
    entry: Entry, shape: tuple[int, ...], rows: Rows, default: list[float] | None
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    table = np.empty(shape, dtype=np.float64)
    if default is not None:
        table[...] = default
    elif len(rows) < math.prod(shape[:-1]):
        entry.fail(f"has {len(rows):,} of {math.prod(shape[:-1]):,} rows, and no default for the others.")
    for where, row in rows.items():
        table[where] = row
    return table.reshape(-1)

"""UAI: influence diagrams as Merlin writes them, and Bayesian networks of the UAI competitions.

The grammar is that of the UAI competitions [1]_ with Merlin's influence diagrams [2]_; white space separates, ``#``
begins a comment::

    ID | LIMID | BAYES
    number of variables
    number of values of each
    c | d for each                          chance or decision; not in BAYES
    the variables in their order in time    in ID only
    number of functions
    for each: type number-of-variables variables    type p (probability), d (decision), u (utility); none in BAYES
    for each: number-of-entries entries     0 for a decision

The last variable of a probability or a decision is the node itself, the others are its parents; the last varies
fastest. Merlin solves an ID without forgetting, a LIMID as written. Variables are called ``v0``, ``v1``, …, their
values ``0``, ``1``, …, and utilities ``u0``, ``u1``, … in their order.

References
----------
.. [1] UAI competition, *Model file format*, https://uaicompetition.github.io/uci-2022/file-formats/model-format/.
.. [2] R. Marinescu, Merlin for LIMIDs, ``include/limid.h``, https://github.com/radum2275/limid.
"""

from __future__ import annotations

import math

from cidmesa.interop.formats.network import Entry, Network, grid
from cidmesa.interop.formats.tokens import Tokens

FORMAT = "UAI"
MOST_STATES = 100_000
_FUNCTIONS = {"p": "chance", "d": "decision", "u": "utility"}


def read(text: str, name: str) -> Network:
    """Read a UAI file; `name` is what errors call the file."""
    tokens = Tokens(text, name, marks="\0", comments=("#",))
    kind = tokens.word().upper()
    if kind not in {"ID", "LIMID", "BAYES"}:
        tokens.fail(f"a UAI file begins with ID, LIMID or BAYES; got `{kind[:40]}`.", 0)
    found = Network(FORMAT, name, recall="no forgetting" if kind == "ID" else "as written")
    count = tokens.whole("the number of variables")
    where = tokens.place(tokens.at - 1)
    if count > len(tokens.texts):
        tokens.fail(f"{count:,} variables are announced, and the file is shorter.", tokens.at - 1)
    cards = [tokens.whole("the number of values", MOST_STATES) for _ in range(count)]
    if sum(cards) > 10 * MOST_STATES:
        tokens.fail(f"the variables have more than {10 * MOST_STATES:,} values together.")
    types = [_one_of(tokens, "cd", "chance (c) or decision (d)") for _ in range(count)] if kind != "BAYES" else []
    for i, card in enumerate(cards):
        decision = bool(types) and types[i] == "d"
        states = tuple(map(str, range(card)))
        found.add(Entry(f"v{i}", "decision" if decision else "chance", where, states))
    if kind == "ID":
        order = [tokens.whole("a variable", max(count - 1, 0)) for _ in range(count)]
        if sorted(order) != list(range(count)):
            tokens.fail("the order in time names every variable once.")
        found.order = tuple(f"v{i}" for i in order if types[i] == "d")
    functions = _functions(tokens, found, count, typed=kind != "BAYES")
    for entry in functions:
        expected = 0 if entry.kind == "decision" else math.prod(grid(entry, found))
        at = tokens.at
        size = tokens.whole("the number of entries", 2**28)
        if size != expected:
            tokens.fail(
                f"the table of `{entry.name}` has {size:,} entries, and its variables ask for {expected:,}.", at
            )
        if size:
            entry.numbers = tokens.numbers(size, f"the table of `{entry.name}`")
    if not tokens.ended:
        tokens.fail(f"the file should end here; got {tokens.shown()}.")
    return found


def _one_of(tokens: Tokens, letters: str, what: str) -> str:
    if tokens.ended or len(tokens.texts[tokens.at]) != 1 or tokens.texts[tokens.at] not in letters:
        tokens.fail(f"{what} is expected here; got {tokens.shown()}.")
    return tokens.next()


def _functions(tokens: Tokens, network: Network, count: int, *, typed: bool) -> list[Entry]:
    found: list[Entry] = []
    defined: set[str] = set()
    utilities = 0
    for _ in range(tokens.whole("the number of functions")):
        where = tokens.place()
        kind = _FUNCTIONS[_one_of(tokens, "pdu", "a function's type (p, d or u)")] if typed else "chance"
        at = tokens.at
        scope = [
            f"v{tokens.whole('a variable', max(count - 1, 0))}" for _ in range(tokens.whole("a number of variables"))
        ]
        if kind == "utility":
            entry = network.add(Entry(f"u{utilities}", "utility", where, parents=tuple(scope)))
            utilities += 1
        else:
            if not scope:
                tokens.fail("a function of a variable names it.", at)
            entry = network.entries[scope[-1]]
            if entry.kind != kind:
                tokens.fail(f"`{entry.name}` is a {entry.kind}, and the function is for a {kind}.", at)
            if entry.name in defined:
                tokens.fail(f"`{entry.name}` has two functions.", at)
            defined.add(entry.name)
            entry.parents = tuple(scope[:-1])
        found.append(entry)
    return found

"""Elvira: Bayesian networks and influence diagrams of the Elvira project (``.elv``).

The grammar is Elvira's, as OpenMarkov reads it [1]_::

    idiagram | bnet | idiagramsv "name" {
      default node states = ("present", "absent");
      node A (finite-states) { kind-of-node = chance | decision | utility | super-value; pos_x = 1; states = (..); .. }
      link A B;
      relation A B C { values = table (numbers); }
      relation V U1 U2 { values = function Sum(); }
    }

In a table the first node of the relation varies slowest and the last fastest; a decision has no relation, its links are
what it observes. An influence diagram is solved without forgetting. Canonical models (noisy OR, MAX and their kin) and
continuous chance nodes are refused.

References
----------
.. [1] OpenMarkov, ``io/src/main/java/org/openmarkov/io/elvira/ElviraParser.java`` and ``ElviraScanner.java``,
   https://github.com/OpenMarkov/OpenMarkov; Elvira Consortium, "Elvira: an environment for creating and using
   probabilistic graphical models", PGM 2002.
"""

from __future__ import annotations

import math

import numpy as np

from cidmesa.interop.formats.network import Entry, Kind, Network, grid
from cidmesa.interop.formats.tokens import Tokens, as_number

FORMAT = "Elvira"
_KINDS: dict[str, Kind] = {"chance": "chance", "decision": "decision", "utility": "utility", "super-value": "utility"}


def read(text: str, name: str) -> Network:
    """Read an Elvira file; `name` is what errors call the file."""
    tokens = Tokens(text, name, marks="{}()[],;=", comments=("//", "/*"), escapes=False)
    kind = next((word for word in ("idiagram", "idiagramsv", "bnet") if tokens.skip(word)), None)
    if kind is None:
        tokens.fail(f"idiagram, idiagramsv or bnet is expected here; got {tokens.shown()}.")
    title = tokens.word() if not tokens.is_next("{") else ""
    found = Network(FORMAT, name, title, recall="as written" if kind == "bnet" else "no forgetting")
    links: dict[str, list[str]] = {}
    usual: tuple[str, ...] = ("present", "absent")
    tokens.take("{")
    while not tokens.skip("}"):
        where = tokens.place()
        if tokens.skip("node"):
            found.add(_node(tokens, usual, where))
        elif tokens.skip("link"):
            tail, head = tokens.word(), tokens.word()
            tokens.take(";")
            for end in (tail, head):
                found.entry(end, where)
            links.setdefault(head, []).append(tail)
        elif tokens.skip("relation"):
            _relation(tokens, found, where)
        elif tokens.skip("default"):
            tokens.take("node")
            tokens.take("states")
            tokens.take("=")
            usual = tuple(tokens.nested())
            tokens.take(";")
        else:
            tokens.word("a property")
            tokens.take("=")
            while not tokens.skip(";"):
                tokens.next()
    for entry in found.entries.values() if links else ():
        tails = links.get(entry.name, [])
        if entry.kind == "decision" or not entry.parents:
            entry.parents = tuple(tails)
        elif set(entry.parents) != set(tails):
            missing = min(set(entry.parents) ^ set(tails))
            entry.fail(f"its links and its relation disagree about `{missing}`.")
    return found


def _node(tokens: Tokens, usual: tuple[str, ...], where: str) -> Entry:
    entry = Entry(tokens.word(), "chance", where)
    continuous = False
    if tokens.is_next("("):
        continuous = "continuous" in tokens.nested()
    values: dict[str, list[str]] = {}
    tokens.take("{")
    while not tokens.skip("}"):
        key = tokens.word("a property").lower()
        tokens.take("=")
        values[key] = tokens.nested() if tokens.is_next("(") else []
        while not tokens.skip(";"):
            if tokens.is_next("{") or tokens.is_next("}"):
                tokens.fail(f"`;` is expected here; got {tokens.shown()}.")
            values[key].append(tokens.next())
    kind = (values.get("kind-of-node") or ["chance"])[0].lower()
    if kind not in _KINDS:
        entry.fail(f"has the kind `{kind[:40]}`, and chance, decision, utility and super-value are read.")
    entry.kind = _KINDS[kind]
    entry.label = (values.get("title") or [""])[0]
    entry.unit = (values.get("unit") or [""])[0]
    if entry.kind != "utility":
        if continuous or values.get("type-of-variable") == ["continuous"]:
            entry.fail("is continuous: give it states.")
        entry.states = tuple(values.get("states") or usual)
    x, y = (as_number((values.get(key) or [""])[0]) for key in ("pos_x", "pos_y"))
    entry.position = (x, y) if x is not None and y is not None else None
    return entry


def _relation(tokens: Tokens, network: Network, where: str) -> None:
    names = []
    while not tokens.is_next("{"):
        names.append(network.entry(tokens.word(), where).name)
    if not names:
        tokens.fail("a relation names its nodes.")
    entry = network.entries[names[0]]
    if entry.numbers is not None or entry.parents:
        entry.fail("has two relations.")
    entry.parents = tuple(names[1:])
    tokens.take("{")
    while not tokens.skip("}"):
        key = tokens.word("a property").lower()
        tokens.take("=")
        if key != "values":
            while not tokens.skip(";"):
                tokens.next()
        elif tokens.skip("function"):
            _combination(tokens, entry)
        else:
            for word in ("table", "generalized-table"):
                tokens.skip(word)
            _table(tokens, entry, network)


def _combination(tokens: Tokens, entry: Entry) -> None:
    what = tokens.word("Sum or Product")
    if entry.kind != "utility" or what.lower() not in {"sum", "product"}:
        entry.fail(f"the function `{what[:40]}` is not read: write its values as a table.")
    entry.kind = "sum" if what.lower() == "sum" else "product"
    tokens.nested()
    tokens.skip(";")


def _table(tokens: Tokens, entry: Entry, network: Network) -> None:
    tokens.take("(")
    numbers: list[float] = []
    while not tokens.skip(")"):
        if tokens.is_next("["):
            tokens.fail("tables with their states in brackets are not read: write the numbers alone, in order.")
        numbers.append(tokens.number())
        tokens.skip(",")
    tokens.skip(";")
    if entry.kind == "decision":
        entry.fail("is a decision, and has a table.")
    if entry.kind == "utility":
        entry.numbers = numbers
        return
    shape = grid(entry, network)
    if len(numbers) != math.prod(shape):
        entry.fail(f"its table has {len(numbers):,} numbers, and its parents and states ask for {math.prod(shape):,}.")
    entry.numbers = np.moveaxis(np.reshape(numbers, (shape[-1], *shape[:-1])), 0, -1).reshape(-1)

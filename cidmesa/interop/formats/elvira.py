"""Elvira: Bayesian networks and influence diagrams of the Elvira project (``.elv``).

The grammar is Elvira's, as OpenMarkov reads it [1]_::

    idiagram | idiagramsv | id-with-svnodes | bnet "name" {
      default node states = ("present", "absent");
      node A (finite-states) { kind-of-node = chance | decision | utility | super-value; pos_x = 1; states = (..); .. }
      link A B;
      relation A B C { values = table (numbers); }
      relation V U1 U2 { values = function Sum(); }
    }

In a table the first node of the relation varies slowest and the last fastest; or each number has its states before
it, as in ``[yes, no] = 0.3``. A number may be followed by its uncertainty (``0.3|range(0.1,0.5)|"name"``, left out),
and ``#`` is what is lacking to one. A decision has no relation, its links are what it observes. An influence diagram
is solved without forgetting. Canonical models (noisy OR, MAX and their kin) and continuous chance nodes are refused.

References
----------
.. [1] OpenMarkov, ``io/src/main/java/org/openmarkov/io/elvira/ElviraParser.java`` and ``ElviraScanner.java``,
   https://github.com/OpenMarkov/OpenMarkov; Elvira Consortium, "Elvira: an environment for creating and using
   probabilistic graphical models", PGM 2002.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cidmesa.arrays import Array
from cidmesa.interop.formats.network import Entry, Kind, Network, grid
from cidmesa.interop.formats.tokens import Tokens, as_number

FORMAT = "Elvira"
_FILES = ("idiagram", "idiagramsv", "id-with-svnodes", "bnet")
_READ = ("kind-of-node", "type-of-variable", "num-states", "states", "title", "unit", "pos_x", "pos_y")
"""The properties of nodes that are read; what is in others does not matter."""

_KINDS: dict[str, Kind] = {"chance": "chance", "decision": "decision", "utility": "utility", "super-value": "utility"}


def read(text: str, name: str) -> Network:
    """Read an Elvira file; `name` is what errors call the file."""
    tokens = Tokens(text, name, marks="{}()[],;=|", comments=("//", "/*"), escapes=False)
    kind = next((word for word in _FILES if tokens.skip(word)), None)
    if kind is None:
        tokens.fail(f"one of {', '.join(_FILES)} is expected here; got {tokens.shown()}.")
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
            tokens.skip(";")
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


def _properties(tokens: Tokens) -> dict[str, list[str]]:
    """Take ``{ key = value; .. }``; semicolons may be missing, and there may be no braces at all."""
    found: dict[str, list[str]] = {}
    if tokens.skip(";"):
        return found
    tokens.take("{")
    while not tokens.skip("}"):
        key = tokens.word("a property").lower()
        tokens.take("=")
        found[key] = tokens.nested() if tokens.is_next("(") else [tokens.word("a value")]
        while not tokens.skip(";"):  # a text without quotes
            follows = tokens.texts[tokens.at + 1] if tokens.at + 1 < len(tokens.texts) else ""
            if follows == "=" or tokens.is_next("}"):
                break
            if key in _READ or tokens.is_next("{"):
                tokens.fail(f"`;` is expected here; got {tokens.shown()}.")
            tokens.next()
    return found


def _node(tokens: Tokens, usual: tuple[str, ...], where: str) -> Entry:
    entry = Entry(tokens.word(), "chance", where)
    continuous = tokens.is_next("(") and "continuous" in tokens.nested()
    values = _properties(tokens)
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
        count = values.get("num-states")
        if count and count != [str(len(entry.states))]:
            entry.fail(f"has {len(entry.states)} states, and num-states says {count[0][:20]}.")
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
        entry.fail("has two relations: of the canonical models (noisy OR, MAX, ..) none is read; write a table.")
    entry.parents = tuple(names[1:])
    tokens.take("{")
    while not tokens.skip("}"):
        key = tokens.word("a property").lower()
        tokens.take("=")
        if key == "name-of-relation":
            entry.fail("is a canonical model (noisy OR, MAX, ..), of which none is read: write a table.")
        if key != "values":
            while not tokens.skip(";"):
                tokens.next()
        elif tokens.skip("function"):
            _combination(tokens, entry)
        else:
            for word in ("table", "generalized-table", "generalizedTable"):
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
    """Read a table: numbers in order, each with its states in brackets, or with what is known of its uncertainty."""
    own = [] if entry.kind == "utility" else [entry.name]
    axes = [*own, *entry.parents]
    states = [network.entries[name].states for name in axes]
    tokens.take("(")
    numbers: list[float] = []
    places: list[tuple[int, ...]] = []
    while not tokens.skip(")"):
        if tokens.is_next("["):
            places.append(_place(tokens, entry, states))
        numbers.append(math.nan if tokens.skip("#") else tokens.number())
        while tokens.skip("|"):  # the range and the name of an uncertain number
            tokens.next()
            if tokens.is_next("("):
                tokens.nested()
        tokens.skip(",")
    tokens.skip(";")
    if entry.kind == "decision":
        network.notes.append(f"the policy of `{entry.name}` in the file was left out.")
        return
    combined = any(network.entries[name].kind not in {"chance", "decision"} for name in entry.parents)
    if combined:
        entry.fail("combines utilities by a table: write Sum or Product.")
    shape = grid(entry, network)
    turned = (shape[-1], *shape[:-1]) if own else shape
    if len(numbers) != math.prod(shape) or (places and len(set(places)) != len(numbers)):
        entry.fail(f"its table has {len(numbers):,} numbers, and its parents and states ask for {math.prod(shape):,}.")
    table = np.array(numbers).reshape(turned)
    if places:
        for number, place in zip(numbers, places, strict=True):
            table[place] = number
    if own:
        _complete(entry, table)
        table = np.moveaxis(table, 0, -1)
    entry.numbers = table.reshape(-1)


def _place(tokens: Tokens, entry: Entry, states: Sequence[tuple[str, ...]]) -> tuple[int, ...]:
    """Read ``[state, state] =`` and return the positions of the states."""
    at = tokens.at
    labels = tokens.nested("[", "]")
    tokens.skip("=")
    if len(labels) != len(states) or any(label not in own for label, own in zip(labels, states, strict=True)):
        tokens.fail(f"an entry of `{entry.name}` names a state of each of its nodes, in order.", at)
    return tuple(own.index(label) for label, own in zip(labels, states, strict=True))


def _complete(entry: Entry, table: Array) -> None:
    """Put in what ``#`` stands for: what is lacking to one in its row."""
    missing = np.isnan(table)
    if missing.any():
        if (missing.sum(axis=0) > 1).any():
            entry.fail("has two `#` in one distribution: each stands for what is lacking to one.")
        table[missing] = np.broadcast_to(1 - np.nansum(table, axis=0), table.shape)[missing]

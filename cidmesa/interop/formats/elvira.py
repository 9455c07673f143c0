"""Elvira: Bayesian networks and influence diagrams of the Elvira project (``.elv``).

The grammar is Elvira's, as OpenMarkov reads it [1]_::

    idiagram | idiagramsv | id-with-svnodes | bnet "name" {
      default node states = ("present", "absent");
      node A (finite-states) { kind-of-node = chance | decision | utility | super-value; pos_x = 1; states = (..); .. }
      link A B;
      relation A B C { values = table (numbers); }
      relation V U1 U2 { values = function Sum(); }
      relation A B C { values = function Or(AB, AC, AResidual); }
      relation A B { name-of-relation = AB; values = table (numbers); }
    }

In a table the first node of the relation varies slowest and the last fastest; or each number has its states before
it, as in ``[yes, no] = 0.3``. A number may be followed by its uncertainty (``0.3|range(0.1,0.5)|"name"``, left out),
and ``#`` is what is lacking to one. A decision has no relation, its links are what it observes. An influence diagram
is solved without forgetting. A canonical model (Or, And, Max, Min, causal or generalized) names relations of its parts,
in Díez' parametrisation: one for each parent and one for the leak; of the states the first is the strongest. Continuous
chance nodes and constraints between variables, which make a diagram asymmetric, are refused.

References
----------
.. [1] OpenMarkov, ``io/src/main/java/org/openmarkov/io/elvira/ElviraParser.java`` and ``ElviraScanner.java``,
   https://github.com/OpenMarkov/OpenMarkov; Elvira Consortium, "Elvira: an environment for creating and using
   probabilistic graphical models", PGM 2002.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cidmesa.arrays import Array
from cidmesa.interop.formats import canonical
from cidmesa.interop.formats.network import Entry, Kind, Network, grid
from cidmesa.interop.formats.tokens import Tokens, as_number

FORMAT = "Elvira"
_FILES = ("idiagram", "idiagramsv", "id-with-svnodes", "bnet")
_READ = ("kind-of-node", "type-of-variable", "num-states", "states", "title", "unit", "pos_x", "pos_y")
"""The properties of nodes that are read; what is in others does not matter."""

_MODELS: dict[str, canonical.Model] = {
    **dict.fromkeys(("or", "max", "causalmax", "generalizedmax"), "first"),
    **dict.fromkeys(("and", "min", "causalmin", "generalizedmin"), "last"),
}
"""Which of the states that the parts bring about prevails; Elvira has them in descending order."""

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
    canon = _Canonical()
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
            _relation(tokens, found, canon, where)
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
    canon.write_out(found)
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
            if tokens.follows("=") or tokens.is_next("}"):
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
    if "pos_x" in values or "pos_y" in values:  # Elvira leaves out a zero
        x, y = (as_number((values.get(key) or ["0"])[0]) for key in ("pos_x", "pos_y"))
        entry.position = (x, y) if x is not None and y is not None else None
    return entry


@dataclass(slots=True)
class _Canonical:
    """The canonical models of a file.

    Attributes
    ----------
    models
        Node → how its parts are combined, and the names of these.
    parts
        The relations that have a name.
    seen
        The nodes that have a relation of their own.
    """

    models: dict[str, tuple[canonical.Model, list[str]]] = field(default_factory=dict)
    parts: dict[str, Entry] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def write_out(self, network: Network) -> None:
        """Give the nodes their tables, once all parts are known."""
        for node, (model, names) in self.models.items():
            entry = network.entries[node]
            found: dict[str, Array] = {}
            leak: Array | None = None
            for name in names:
                part = self.parts.get(name)
                if part is None or part.name != node or part.numbers is None:
                    entry.fail(f"its canonical model names the relation `{name[:80]}`, which is none of its own.")
                table = np.reshape(part.numbers, (-1, len(entry.states)))
                if not part.parents:
                    leak = table[0]
                elif len(part.parents) == 1 and part.parents[0] not in found:
                    found[part.parents[0]] = table
                else:
                    part.fail("a part of a canonical model has one parent, each another.")
            entry.numbers = canonical.written_out(entry, network, model, found, leak)


def _relation(tokens: Tokens, network: Network, canon: _Canonical, where: str) -> None:
    names = []
    while not tokens.is_next("{"):
        names.append(network.entry(tokens.word(), where).name)
    if not names:
        tokens.fail("a relation names its nodes.")
    entry = network.entries[names[0]]
    read = replace(entry, where=where, parents=tuple(names[1:]), numbers=None)
    called = ""
    tokens.take("{")
    while not tokens.skip("}"):
        key = tokens.word("a property").lower()
        tokens.take("=")
        value = "" if tokens.ended else tokens.texts[tokens.at].lower()
        if key == "name-of-relation":
            called = tokens.word("the name of the relation")
        if key == "henrionvsdiez" and value == "henrion":
            read.fail("its canonical model has Henrion's parameters, and Díez' are read: change them in Elvira.")
        if value.startswith(("constraint", "logical-expression")):
            read.fail(
                "a constraint between variables makes the diagram asymmetric, which a CID cannot hold: delete it, and "
                "give the contexts that it rules out utilities that nobody wants."
            )
        if key != "values":
            while not tokens.skip(";"):
                tokens.next()
        elif tokens.skip("function"):
            _function(tokens, read, canon)
        else:
            for word in ("table", "generalized-table", "generalizedTable"):
                tokens.skip(word)
            _table(tokens, read, network)
    if called:
        canon.parts.setdefault(called, read)
        return
    if entry.name in canon.seen:
        read.fail("has two relations.")
    canon.seen.add(entry.name)
    entry.kind, entry.parents, entry.numbers = read.kind, read.parents, read.numbers


def _function(tokens: Tokens, entry: Entry, canon: _Canonical) -> None:
    """Read what combines utilities, or the parts of a canonical model."""
    what = tokens.word("a function")
    parts = tokens.nested()
    tokens.skip(";")
    model = _MODELS.get(what.lower())
    if entry.kind == "utility" and what.lower() in {"sum", "product"}:
        entry.kind = "sum" if what.lower() == "sum" else "product"
    elif entry.kind == "chance" and model is not None:
        canon.models[entry.name] = (model, parts)
    else:
        entry.fail(f"the function `{what[:40]}` is not read: write its values as a table.")


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

"""NET: Bayesian networks and influence diagrams of Hugin.

The grammar is the NET language of the Hugin API [1]_, in the part that discrete diagrams use [2]_::

    net { attribute = value; .. }
    [discrete] node A { states = ("yes" "no"); label = "text"; position = (x y); .. }
    decision D { states = (..); .. }
    utility U { .. }
    potential (A | B C) { data = ((numbers) (numbers)); }
    potential (D | B) { }

``%`` begins a comment. In ``data`` the node itself varies fastest, then the last of its parents; the brackets follow
the parents and are not needed to read it. A decision's parents are what it observes. Hugin solves limited memory
influence diagrams, as written. Newer versions write ``class name { inputs = (); .. }`` around all of it, which is read
over where the class has no inputs and no instances of others. Continuous nodes, functions and tables made by
expressions (``model_nodes``) are refused.

References
----------
.. [1] Hugin Expert, *Hugin API reference manual*, chapter "The NET language",
   https://download.hugin.com/webdocs/manuals/api-manual.pdf.
.. [2] aGrUM, ``src/agrum/BN/io/net/cocoR/SyntaxNet.atg``; BayesianNetworkFormats.jl, ``src/hugin_net.jl``.
"""

from __future__ import annotations

from collections.abc import Sequence

from cidmesa.interop.formats.network import Entry, Kind, Network, number
from cidmesa.interop.formats.tokens import Tokens, as_number
from cidmesa.interop.formats.writing import identifiers, label_or_nothing

FORMAT = "Hugin NET"
_KINDS: dict[str, Kind] = {"node": "chance", "decision": "decision", "utility": "utility"}
_REFUSED = {
    "continuous": "continuous nodes are not read: give the node a few states in Hugin",
    "function": "function nodes are not read: write their values as a table",
    "instance": "object-oriented networks are not read: save the network unfolded",
}
_NAME = "cidmesa_name"
_READ = ("states", "data", "position", "label", "unit", _NAME)
"""The attributes that are read; what is in others does not matter."""


def read(text: str, name: str) -> Network:
    """Read a NET file; `name` is what errors call the file."""
    tokens = Tokens(text, name, marks="{}()=;|,", comments=("%", "//", "/*"))
    found = Network(FORMAT, name)
    names: dict[str, str] = {}
    potentials: list[tuple[str, tuple[str, ...], dict[str, list[str]], str]] = []
    inside = tokens.skip("class")
    if inside:
        found.title = tokens.word("the name of the class")
        tokens.take("{")
    while not tokens.ended:
        if inside and tokens.skip("}"):
            inside = False
            continue
        if inside and tokens.follows("="):
            _refuse_inputs(tokens)
            continue
        where = tokens.place()
        if tokens.skip("net"):
            found.title = _first(_block(tokens), "name")
            continue
        if tokens.skip("potential"):
            node, parents = _heading(tokens)
            potentials.append((node, parents, _block(tokens), where))
            continue
        for word, words in _REFUSED.items():
            if tokens.is_next(word):
                tokens.fail(f"{words}.")
        tokens.skip("discrete")
        kind = next((word for word in _KINDS if tokens.skip(word)), None)
        if kind is None:
            tokens.fail(f"net, node, decision, utility or potential is expected here; got {tokens.shown()}.")
        written = tokens.word()
        block = _block(tokens)
        entry = Entry(_first(block, _NAME) or written, _KINDS[kind], where, label=_first(block, "label"))
        entry.states = tuple(block.get("states", ())) if kind != "utility" else ()
        entry.unit = _first(block, "unit")
        place = [as_number(part) for part in block.get("position", ())]
        if len(place) == 2 and place[0] is not None and place[1] is not None:
            entry.position = (place[0], place[1])
        names[written] = found.add(entry).name
    if inside:
        tokens.fail("the class does not end.")
    for node, parents, block, where in potentials:
        entry = found.entry(names.get(node, node), where)
        if entry.numbers is not None or entry.parents:
            entry.fail("has two potentials.")
        entry.parents = tuple(names.get(parent, parent) for parent in parents)
        if entry.kind != "decision":
            _take_data(entry, block)
    return found


def _refuse_inputs(tokens: Tokens) -> None:
    """Take an attribute of the class, and refuse a class that has inputs."""
    at, key = tokens.at, tokens.word("an attribute")
    if _value(tokens, key) and key == "inputs":
        tokens.fail("a class with inputs is a part of an object-oriented network: save the network unfolded.", at)


def _heading(tokens: Tokens) -> tuple[str, tuple[str, ...]]:
    tokens.take("(")
    node = tokens.word()
    parents = []
    if tokens.skip("|"):
        while not tokens.is_next(")"):
            parents.append(tokens.word("a parent"))
    elif not tokens.is_next(")"):
        tokens.fail("a potential of several nodes together is not read: write one for each.")
    tokens.take(")")
    return node, tuple(parents)


def _block(tokens: Tokens) -> dict[str, list[str]]:
    """Take ``{ key = value; .. }``, each value as the list of its words."""
    found: dict[str, list[str]] = {}
    tokens.take("{")
    while not tokens.skip("}"):
        key = tokens.word()
        found[key] = _value(tokens, key)
    return found


def _value(tokens: Tokens, key: str) -> list[str]:
    """Take ``= value;``."""
    tokens.take("=")
    found = tokens.nested() if tokens.is_next("(") else [tokens.word("a value")]
    while not tokens.skip(";"):  # an expression
        if key in _READ or tokens.is_next("{") or tokens.is_next("}"):
            tokens.fail(f"`;` is expected here; got {tokens.shown()}.")
        tokens.next()
    return found


def _take_data(entry: Entry, block: dict[str, list[str]]) -> None:
    if "data" not in block:
        if "model_nodes" in block or "model_data" in block:
            entry.fail("its table is made by an expression: save the network with tables (generate tables in Hugin).")
        return
    numbers = [as_number(word) for word in block["data"]]
    if None in numbers:
        entry.fail(f"its data holds numbers; got `{block['data'][numbers.index(None)][:40]}`.")
    entry.numbers = [x for x in numbers if x is not None]


def _first(block: dict[str, list[str]], key: str) -> str:
    return block[key][0] if block.get(key) else ""


def write(network: Network) -> str:
    """Write a NET file; names that are no identifiers get one, and keep theirs as an attribute ``cidmesa_name``."""
    called = identifiers(network.entries)
    lines = ["net", "{", "  node_size = (80 40);"]
    lines += [f"  name = {_quoted(network.title)};"] if network.title else []
    lines += ["}"]
    for entry in network.entries.values():
        head = "node" if entry.kind == "chance" else entry.kind
        lines += ["", f"{head} {called[entry.name]}", "{"]
        if called[entry.name] != entry.name:
            lines.append(f"  {_NAME} = {_quoted(entry.name)};")
        lines += label_or_nothing(entry, lambda text: f"  label = {_quoted(text)};")
        if entry.unit:
            lines.append(f"  unit = {_quoted(entry.unit)};")
        if entry.position is not None:
            lines.append(f"  position = ({number(entry.position[0])} {number(entry.position[1])});")
        if entry.kind != "utility":
            lines.append(f"  states = ({' '.join(map(_quoted, entry.states))});")
        lines.append("}")
    for entry in network.entries.values():
        above = f" | {' '.join(called[p] for p in entry.parents)}" if entry.parents else ""
        lines += ["", f"potential ({called[entry.name]}{above})", "{"]
        if entry.numbers is not None:
            cards = [len(network.entries[p].states) for p in entry.parents]
            own = [] if entry.kind == "utility" else [len(entry.states)]
            lines.append(f"  data = {_nested(list(map(number, entry.numbers)), [*cards, *own])};")
        lines.append("}")
    return "\n".join([*lines, ""])


def _nested(words: Sequence[str], shape: Sequence[int]) -> str:
    """Write words in brackets, one level for each axis.

    >>> _nested(["1", "2", "3", "4"], [2, 2])
    '((1 2) (3 4))'
    """
    if not shape:
        return f"({' '.join(words)})"
    step = shape[-1]
    rows = [f"({' '.join(words[i : i + step])})" for i in range(0, len(words), step)]
    for step in reversed(shape[:-1]):
        rows = [f"({' '.join(rows[i : i + step])})" for i in range(0, len(rows), step)]
    return rows[0]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'

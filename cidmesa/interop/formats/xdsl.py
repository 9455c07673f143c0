"""XDSL: Bayesian networks and influence diagrams of GeNIe and SMILE.

The grammar is BayesFusion's [1]_, read from files that GeNIe wrote and from other readers [2]_::

    <smile version="1.0" id=".."><nodes>
      <cpt id="A"> <state id=".."/>* <parents>B C</parents>? <probabilities>numbers</probabilities> </cpt>
      <deterministic id="A"> <state/>* <parents/>? <resultingstates>states</resultingstates> </deterministic>
      <decision id="D"> <state/>* <parents/>? </decision>
      <utility id="U"> <parents/>? <utilities>numbers</utilities> </utility>
      <mau id="V"> <parents>utilities</parents> <weights>numbers</weights>? </mau>
      <noisymax id="A"> <state/>* <parents/> <strengths>positions</strengths> <parameters>numbers</parameters>
      </noisymax>
    </nodes>
    <extensions><genie ..><node id="A"> <name>label</name> <position>left top right bottom</position>
    </node>*</genie></extensions> </smile>

The node itself varies fastest, then the last of its parents. GeNIe behaves as if no decision forgot what was known
before [3]_, so that is what is read. A multi-attribute utility (``mau``) is a weighted sum; one with expressions, and
continuous nodes, are refused. A noisy MAX is written out: its states go from the strongest effect to none, its
parameters are, for each parent, a row for each of its states in the order of ``strengths``, and the leak [4]_. aGrUM
writes Bayesian networks in this format with the first parent varying
fastest; such a file says that it is aGrUM's, and is read so.

References
----------
.. [1] BayesFusion, *GeNIe modeler* and *SMILE engine*, https://support.bayesfusion.com/docs/.
.. [2] aGrUM, ``src/agrum/BN/io/XDSL/XDSLBNReader_tpl.h``; BayesianNetworkFormats.jl, ``src/genie_xdsl.jl``.
.. [3] BayesFusion, "Policy evaluation", https://support.bayesfusion.com/docs/GeNIe/algorithms_cooper.html.
.. [4] SMILE, ``defnoisymax.h``: ``GetOutcomeOfStrength`` and "weight[i] = P(Y|Xi)".
"""

from __future__ import annotations

import json

import numpy as np

from cidmesa.arrays import Array
from cidmesa.interop.formats import canonical, xml
from cidmesa.interop.formats.network import Entry, Kind, Network, grid, number, turned
from cidmesa.interop.formats.tokens import as_number
from cidmesa.interop.formats.writing import as_text, attribute, identifiers

FORMAT = "GeNIe XDSL"
_KINDS: dict[str, Kind] = {
    "cpt": "chance",
    "noisymax": "chance",
    "deterministic": "chance",
    "decision": "decision",
    "utility": "utility",
    "mau": "sum",
}
_REFUSED = {
    "noisyadder": "a noisy adder is not read: change its type to General in GeNIe, which writes its table out",
    "equation": "a node with an equation is continuous and not read: discretise it in GeNIe",
    "demorgan": "a DeMorgan node is not read: change its type to General in GeNIe, which writes its table out",
}
_NAMES = "cidmesa_names"
"""The user property that keeps names which are no identifiers: a JSON list of the node's and its states'."""


def read(data: bytes, name: str) -> Network:
    """Read an XDSL file; `name` is what errors call the file."""
    return from_root(xml.parse(data, name), name)


def from_root(root: xml.Element, name: str) -> Network:
    """Read a document whose root is ``<smile>``."""
    found = Network(FORMAT, name, root.attributes.get("id", ""), recall="no forgetting")
    dynamic = root.find("dynamic")
    if dynamic is not None:
        dynamic.fail("a network over time is not read: unroll it in GeNIe first (Network, Unroll).")
    called: dict[str, str] = {}
    numbered: list[tuple[Entry, xml.Element]] = []
    for element in root.need("nodes").children:
        entry = _entry(element)
        identifier = entry.name
        _own_names(element, entry)
        called[identifier] = found.add(entry).name
        numbered.append((entry, element))
    for entry, _ in numbered:
        entry.parents = tuple(called.get(parent, parent) for parent in entry.parents)
    for entry, element in numbered:
        _take_table(entry, element, found)
    genie = root.find("extensions", "genie")
    if genie is not None and genie.attributes.get("app", "").startswith("aGrUM"):
        _turn_tables(found)
    if genie is not None:
        found.title = genie.attributes.get("name", "") or found.title
        for node in genie.walk():
            if node.tag == "node" and node.attributes.get("id") in called:
                _decorate(found.entries[called[node.attributes["id"]]], node)
    return found


def _entry(element: xml.Element) -> Entry:
    where = f"{element.name}, line {element.line}"
    identifier = element.attribute("id")
    entry = Entry(identifier, _KINDS.get(element.tag, "chance"), where)
    if element.tag in _REFUSED:
        entry.fail(f"{_REFUSED[element.tag]}.")
    if element.tag not in _KINDS:
        entry.fail(f"a node of type <{element.tag[:40]}> is not read: make it a general node in GeNIe.")
    entry.states = tuple(state.attribute("id") for state in element.all("state"))
    entry.parents = tuple(element.text_of("parents").split())
    return entry


def _own_names(element: xml.Element, entry: Entry) -> None:
    """Take back the names that :func:`write` had to change."""
    for kept in element.all("property"):
        if kept.attributes.get("id") != _NAMES:
            continue
        try:
            names = json.loads(kept.text)
        except (ValueError, RecursionError):
            kept.fail("the names that were kept are not a JSON list.")
        good = isinstance(names, list) and len(names) == 1 + len(entry.states)
        if not good or not all(isinstance(text, str) and text for text in names):
            kept.fail("the names that were kept do not fit the node.")
        if element.tag == "deterministic":
            kept.fail("a deterministic node keeps the names of its states as they are.")
        entry.name, entry.states = names[0], tuple(names[1:])


def _take_table(entry: Entry, element: xml.Element, network: Network) -> None:
    if element.tag == "cpt":
        entry.numbers = element.need("probabilities").numbers()
    elif element.tag == "utility":
        entry.numbers = element.need("utilities").numbers()
    elif element.tag == "deterministic":
        states = element.need("resultingstates").text.split()
        grid(entry, network)
        network.spend(entry, len(states) * len(entry.states))
        entry.numbers = []
        for state in states:
            if state not in entry.states:
                entry.fail(f"`{state[:40]}` is not one of its states.")
            entry.numbers += [float(state == own) for own in entry.states]
    elif element.tag == "noisymax":
        entry.numbers = _noisy_max(entry, element, network)
    elif element.tag == "mau":
        if element.find("expressions") is not None or element.find("definition") is not None:
            entry.fail("combines utilities by an expression, and sums with weights are read: write it as a sum.")
        weights = element.find("weights")
        entry.weights = tuple(weights.numbers()) if weights is not None else ()


def _noisy_max(entry: Entry, element: xml.Element, network: Network) -> Array:
    strengths, numbers = element.need("strengths").text.split(), element.need("parameters").numbers()
    states = len(entry.states)
    cards = [len(network.entry(parent, entry.where).states) for parent in entry.parents]
    if len(strengths) != sum(cards) or len(numbers) != (sum(cards) + 1) * states:
        entry.fail(
            f"its noisy MAX has {len(strengths):,} strengths and {len(numbers):,} parameters, and its parents and "
            f"states ask for {sum(cards):,} and {(sum(cards) + 1) * states:,}."
        )
    rows = np.reshape(numbers, (-1, states))
    parts, at = {}, 0
    for parent, card in zip(entry.parents, cards, strict=True):
        order = strengths[at : at + card]
        if sorted(order) != sorted(map(str, range(card))):
            entry.fail(f"its strengths name each of the {card} states of `{parent}` once; got {' '.join(order)[:80]}.")
        parts[parent] = np.empty((card, states))
        parts[parent][[int(word) for word in order]] = rows[at : at + card]
        at += card
    return canonical.written_out(entry, network, "first", parts, rows[-1])


def _turn_tables(network: Network) -> None:
    """Turn the tables of a file by aGrUM, which lets the first parent vary fastest; GeNIe lets the last one."""
    for entry in network.entries.values():
        if len(entry.parents) > 1 and entry.numbers is not None:
            shape = grid(entry, network)
            entry.numbers = turned(entry.numbers, shape, len(entry.parents))
    network.notes.append("aGrUM wrote this file, with the first parent of every table varying fastest: read so.")


def _decorate(entry: Entry, node: xml.Element) -> None:
    entry.label = node.text_of("name")
    corners = [as_number(word) for word in node.text_of("position").split()]
    numbers = [x for x in corners if x is not None]
    if len(numbers) == len(corners) == 4:
        entry.position = ((numbers[0] + numbers[2]) / 2, (numbers[1] + numbers[3]) / 2)


def write(network: Network) -> str:
    """Write an XDSL file; names that are no identifiers get one, and keep theirs as a user property."""
    called = identifiers(network.entries)
    title = attribute(network.title or "cidmesa", FORMAT)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<smile version="1.0" id="{_only(network.title)}">',
        "\t<nodes>",
    ]
    for entry in network.entries.values():
        tag = {"chance": "cpt"}.get(entry.kind, entry.kind)
        states = identifiers(entry.states)
        lines.append(f'\t\t<{tag} id="{called[entry.name]}">')
        lines += [f'\t\t\t<state id="{states[state]}" />' for state in entry.states]
        if entry.parents:
            lines.append(f"\t\t\t<parents>{' '.join(called[parent] for parent in entry.parents)}</parents>")
        if entry.numbers is not None:
            what = "utilities" if entry.kind == "utility" else "probabilities"
            lines.append(f"\t\t\t<{what}>{' '.join(map(number, entry.numbers))}</{what}>")
        if called[entry.name] != entry.name or any(states[state] != state for state in entry.states):
            kept = json.dumps([entry.name, *entry.states]).replace("&", "\\u0026").replace("<", "\\u003c")
            lines.append(f'\t\t\t<property id="{_NAMES}">{kept}</property>')
        lines.append(f"\t\t</{tag}>")
    lines += ["\t</nodes>", "\t<extensions>", f'\t\t<genie version="1.0" app="cidmesa" name={title}>']
    for entry in network.entries.values():
        label = as_text(entry.label or entry.name, FORMAT).replace("&", "&amp;").replace("<", "&lt;")
        lines += [f'\t\t\t<node id="{called[entry.name]}">', f"\t\t\t\t<name>{label}</name>"]
        if entry.position is not None:
            x, y = entry.position
            corners = " ".join(map(number, (x - 40, y - 20, x + 40, y + 20)))
            lines.append(f"\t\t\t\t<position>{corners}</position>")
        lines.append("\t\t\t</node>")
    return "\n".join([*lines, "\t\t</genie>", "\t</extensions>", "</smile>", ""])


def _only(title: str) -> str:
    return identifiers([title or "cidmesa"])[title or "cidmesa"]

"""BIFXML: influence diagrams of aGrUM, and Bayesian networks in XMLBIF 0.3.

The grammar is that of the XMLBIF 0.3 document type [1]_, with aGrUM's node types for influence diagrams [2]_::

    <BIF VERSION="0.3"><NETWORK>
      <NAME>title</NAME>
      <VARIABLE TYPE="nature | decision | utility">
        <NAME>..</NAME> <OUTCOME>..</OUTCOME>* <PROPERTY>position = (x, y)</PROPERTY>*
      </VARIABLE>*
      <DEFINITION> <FOR>..</FOR> <GIVEN>..</GIVEN>* <TABLE>numbers</TABLE> </DEFINITION>*
    </NETWORK></BIF>

In a table the node itself varies fastest, then the last of its parents. A decision's parents are what it observes.
aGrUM also writes the values as a property ``fast = A{x|y}``, which counts where no outcome is written. It solves
influence diagrams with limited memory, as written. Properties that are not known are left out.

References
----------
.. [1] F. G. Cozman, "The interchange format for Bayesian networks, XMLBIF version 0.3", 1998, with its document type.
.. [2] aGrUM, ``src/agrum/ID/io/BIFXML/BIFXMLIDReader_tpl.h`` and ``BIFXMLIDWriter_tpl.h``,
   https://gitlab.com/agrumery/aGrUM.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from cidmesa.errors import FileFormatError
from cidmesa.interop.formats import xml
from cidmesa.interop.formats.jgum import fast_variable
from cidmesa.interop.formats.network import Entry, Kind, Network, number
from cidmesa.interop.formats.tokens import as_number
from cidmesa.interop.formats.writing import as_text, label_or_nothing

FORMAT = "BIFXML"

_KINDS: dict[str, Kind] = {
    "nature": "chance",
    "chance": "chance",
    "discrete": "chance",
    "": "chance",
    "decision": "decision",
    "utility": "utility",
}


def read(data: bytes, name: str) -> Network:
    """Read BIFXML or XMLBIF; `name` is what errors call the file."""
    return from_root(xml.parse(data, name), name)


def from_root(root: xml.Element, name: str) -> Network:
    """Read a document whose root is ``<BIF>``."""
    found = Network(FORMAT, name)
    network = root.need("NETWORK")
    found.title = network.text_of("NAME")
    for variable in network.all("VARIABLE"):
        found.add(_variable(variable))
    defined: set[str] = set()
    for definition in [*network.all("DEFINITION"), *network.all("PROBABILITY")]:
        target = definition.need("FOR")
        entry = found.entry(target.text, f"{name}, line {target.line}")
        parents = tuple(given.text for given in definition.all("GIVEN"))
        if entry.name in defined and (entry.kind != "decision" or parents != entry.parents):
            definition.fail(f"`{entry.name}` is defined twice.")
        if len(list(definition.all("FOR"))) > 1:
            definition.fail("a table of several nodes together is not read: write one for each.")
        defined.add(entry.name)
        entry.parents = parents
        table = definition.find("TABLE")
        if table is not None and entry.kind != "decision":
            entry.numbers = table.numbers()
    return found


def _variable(variable: xml.Element) -> Entry:
    kind = variable.attributes.get("TYPE", "").lower()
    name = variable.need("NAME").text
    if kind not in _KINDS:
        variable.fail(
            f"`{name}` has the type `{kind[:40]}`, and nature, decision and utility are read: give it values by hand."
        )
    entry = Entry(name, _KINDS[kind], f"{variable.name}, line {variable.line}")
    properties = {}
    for line in variable.all("PROPERTY"):
        key, sign, value = line.text.partition("=")
        if sign:
            properties[key.strip().lower()] = value.strip()
    if entry.kind != "utility":
        entry.states = tuple(outcome.text for outcome in [*variable.all("OUTCOME"), *variable.all("VALUE")])
        if not entry.states and "fast" in properties:
            entry.states = fast_variable(properties["fast"], entry.where)[1]
    if properties.get("description", name) != name:
        entry.label = properties["description"]
    entry.unit = properties.get("unit", "")
    where = [as_number(part.strip()) for part in properties.get("position", "").strip("() ").split(",")]
    if len(where) == 2 and where[0] is not None and where[1] is not None:
        entry.position = (where[0], where[1])
    return entry


def write(network: Network) -> str:
    """Write BIFXML as aGrUM reads it."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<BIF VERSION="0.3">', "<NETWORK>"]
    lines.append(f"<NAME>{_escaped(network.title or network.name)}</NAME>")
    for entry in network.entries.values():
        kind = "nature" if entry.kind == "chance" else entry.kind
        lines += [f'<VARIABLE TYPE="{kind}">', f"\t<NAME>{_escaped(entry.name)}</NAME>"]
        lines += label_or_nothing(entry, lambda text: f"\t<PROPERTY>description = {_escaped(text)}</PROPERTY>")
        if entry.unit:
            lines.append(f"\t<PROPERTY>unit = {_escaped(entry.unit)}</PROPERTY>")
        if entry.position is not None:
            x, y = map(number, entry.position)
            lines.append(f"\t<PROPERTY>position = ({x}, {y})</PROPERTY>")
        lines += [f"\t<OUTCOME>{_escaped(state)}</OUTCOME>" for state in entry.states or ("0",)]
        lines.append("</VARIABLE>")
    for entry in network.entries.values():
        lines += ["<DEFINITION>", f"\t<FOR>{_escaped(entry.name)}</FOR>"]
        lines += [f"\t<GIVEN>{_escaped(parent)}</GIVEN>" for parent in entry.parents]
        if entry.numbers is not None:
            lines.append(f"\t<TABLE>{' '.join(map(number, entry.numbers))}</TABLE>")
        lines.append("</DEFINITION>")
    return "\n".join([*lines, "</NETWORK>", "</BIF>", ""])


def _escaped(text: str) -> str:
    if text != text.strip():
        raise FileFormatError(f"BIFXML drops white space around names, and {text!r} has some: rename it.")
    return escape(as_text(text, FORMAT))

"""ProbModelXML: networks of OpenMarkov (``.pgmx``).

The grammar is ProbModelXML's [1]_ in versions 0.2 and 1.0, in the part that discrete influence diagrams use [2]_::

    <ProbModelXML formatVersion=".."><ProbNet type="InfluenceDiagram | LIMID | BayesianNetwork">
      <DecisionCriteria> <Criterion name=".." unit=".." />* </DecisionCriteria>
      <Variables> <Variable name=".." type="finiteStates | numeric" role="chance | decision | utility">
        <Coordinates x y /> <AdditionalProperties> <Property name="Title" value /> </AdditionalProperties>
        <States> <State name />* </States> <Unit>..</Unit> <Criterion name /> </Variable>*
        </Variables>
      <Links> <Link directed="true"> <Variable name /> <Variable name /> </Link>* </Links>
      <Potentials> <Potential type=".."> <UtilityVariable name />? <Variables> <Variable name />* </Variables> ..
      </Potential>*
    </ProbNet></ProbModelXML>

Potentials that are read: ``Table``, ``ProbTable``, ``Exact``, ``UnivariateDistr`` with the distribution Exact,
``Uniform``, ``Delta``, ``Tree/ADD`` with branches over states, ``ICIModel`` (noisy OR, MAX, AND, MIN and tuning models:
a table for each parent and the leak; of the states the last is the strongest), ``Sum`` and ``Product`` of utilities. In
``Values``
the first variable varies fastest. An influence diagram is solved without forgetting, a LIMID as written [1]_.
Utilities of several criteria are one utility only where the file says how they are weighed (unicriterion analysis):
then each is multiplied by its scale.

References
----------
.. [1] M. Arias, F. J. Díez, M. A. Palacios-Alonso, M. Yebra, J. Fernández, "POMDPs in OpenMarkov and ProbModelXML",
2012;
   http://www.probmodelxml.org.
.. [2] OpenMarkov, ``io/src/main/java/org/openmarkov/io/probmodel/reader/PGMXReader_0_2.java``,
``PGMXReader_1_0.java`` and
   ``PGMXPotentialParsers.java``, https://github.com/OpenMarkov/OpenMarkov.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cidmesa.arrays import Array
from cidmesa.interop.formats import canonical, xml
from cidmesa.interop.formats.network import Entry, Kind, Network, grid, number
from cidmesa.interop.formats.tokens import as_number
from cidmesa.interop.formats.writing import attribute, label_or_nothing

FORMAT = "OpenMarkov ProbModelXML"
_TYPES = ("InfluenceDiagram", "LIMID", "BayesianNetwork")
_KINDS: dict[str, Kind] = {"chance": "chance", "decision": "decision", "utility": "utility"}
_TABLES = {"Table", "ProbTable", "Exact", "ExactDistr", "UnivariateDistr"}
_CANONICAL: dict[canonical.Model, set[str]] = {
    "last": {"or", "max", "causalmax", "generalizedmax"},
    "first": {"and", "min", "causalmin", "generalizedmin"},
    "tuning": {"tuning"},
}
"""The words in the names of models; states are in ascending order, so that the strongest is the last."""

_NOTHING = "---"
"""How OpenMarkov writes a criterion or a unit without a name."""


def read(data: bytes, name: str) -> Network:
    """Read a pgmx file; `name` is what errors call the file."""
    return from_root(xml.parse(data, name), name)


def from_root(root: xml.Element, name: str) -> Network:
    """Read a document whose root is ``<ProbModelXML>``."""
    net = root.need("ProbNet")
    type_ = net.attributes.get("type", "").removesuffix("Type")
    if type_ not in _TYPES:
        net.fail(f"a network of type `{type_[:40]}` is not read; {', '.join(_TYPES)} are. Convert it in OpenMarkov.")
    found = Network(FORMAT, name, recall="no forgetting" if type_ == "InfluenceDiagram" else "as written")
    criteria: dict[str, str] = {}
    for variable in net.need("Variables").all("Variable"):
        entry = _variable(variable)
        found.add(entry)
        criterion = variable.find("Criterion")
        if entry.kind == "utility" and criterion is not None:
            criteria[entry.name] = criterion.attributes.get("name", "")
    _take_links(net, found)
    scales = _scales(root, net, set(criteria.values()), found)
    potentials = net.find("Potentials")
    for potential in potentials.all("Potential") if potentials is not None else ():
        _take_potential(potential, found)
    units = {c.attributes.get("name", ""): c.attributes.get("unit", "") for c in _criteria(net)}
    for name_of, criterion_name in criteria.items():
        entry = found.entries[name_of]
        unit = entry.unit or units.get(criterion_name, "")
        entry.unit = "" if unit == _NOTHING else unit
        times = scales.get(criterion_name, 1.0)
        if entry.numbers is not None and times != 1.0:
            with np.errstate(over="ignore"):
                entry.numbers = times * np.asarray(entry.numbers)
            found.notes.append(
                f"`{name_of}` was multiplied by {times:g}, the scale of its criterion `{criterion_name}`."
            )
    return found


def _criteria(net: xml.Element) -> list[xml.Element]:
    found = net.find("DecisionCriteria")
    return list(found.all("Criterion")) if found is not None else []


def _variable(variable: xml.Element) -> Entry:
    role, type_ = variable.attributes.get("role", "chance"), variable.attributes.get("type", "finiteStates")
    entry = Entry(variable.attribute("name"), _KINDS.get(role, "chance"), f"{variable.name}, line {variable.line}")
    if role not in _KINDS:
        entry.fail(f"has the role `{role[:40]}`, and chance, decision and utility are read.")
    if "timeSlice" in variable.attributes:
        entry.fail("belongs to a time slice: expand the network in OpenMarkov first.")
    if entry.kind != "utility":
        if type_ == "numeric":
            entry.fail("is continuous: discretise it in OpenMarkov, or give it states.")
        states = variable.find("States")
        entry.states = tuple(state.attribute("name") for state in states.all("State")) if states is not None else ()
    where = variable.find("Coordinates")
    if where is not None:
        x, y = as_number(where.attributes.get("x", "")), as_number(where.attributes.get("y", ""))
        entry.position = (x, y) if x is not None and y is not None else None
    extra = variable.find("AdditionalProperties")
    for kept in extra.all("Property") if extra is not None else ():
        if kept.attributes.get("name") == "Title":
            entry.label = kept.attributes.get("value", "")
    entry.unit = variable.text_of("Unit")
    agent = variable.find("Agent")
    entry.agent = agent.attributes.get("name", "") if agent is not None else ""
    if agent is None and entry.kind != "chance":
        entry.agent = variable.attributes.get("agent", "")
    return entry


def _take_links(net: xml.Element, network: Network) -> None:
    links = net.find("Links")
    above: dict[str, list[str]] = {}
    for link in links.all("Link") if links is not None else ():
        ends = [end.attribute("name") for end in link.all("Variable")]
        if len(ends) != 2 or link.attributes.get("directed", "true") != "true":
            link.fail("a link goes from one variable to another: give it a direction in OpenMarkov.")
        if link.find("Potential") is not None or link.find("RevelationConditions") is not None:
            link.fail("restrictions and revelation conditions make the diagram asymmetric, which a CID cannot hold: "
                      "add a state such as `not done` instead.")  # fmt: skip
        for end in ends:
            network.entry(end, f"{link.name}, line {link.line}")
        above.setdefault(ends[1], []).append(ends[0])
    for head, tails in above.items():
        network.entries[head].parents = tuple(dict.fromkeys(tails))


def _scales(root: xml.Element, net: xml.Element, used: set[str], network: Network) -> dict[str, float]:
    """Return by what the utilities of each criterion are multiplied; refuse several that the file does not weigh."""
    options = root.find("InferenceOptions", "MulticriteriaOptions")
    kind = options.text_of("SelectedAnalysisType").upper() if options is not None else ""
    scales: dict[str, float] = {}
    table = options.find("Unicriterion", "Scales") if options is not None else None
    for scale in table.all("Scale") if table is not None else ():
        times = as_number(scale.attributes.get("Value", scale.attributes.get("value", "")))
        if times is None:
            scale.fail("a scale is a number.")
        scales[scale.attributes.get("Criterion", scale.attributes.get("criterion", ""))] = times
    if len(used) > 1 and (kind not in {"UNICRITERION", ""} or not used <= set(scales)):
        net.fail(
            f"the utilities have several criteria ({', '.join(sorted(used))[:120]}), and nothing weighs them: choose "
            "the unicriterion analysis in OpenMarkov and give each its scale."
        )
    return scales if kind in {"UNICRITERION", ""} else {}


def _take_potential(potential: xml.Element, network: Network) -> None:
    where = f"{potential.name}, line {potential.line}"
    names = _names(potential)
    utility = potential.find("UtilityVariable")
    if utility is not None:
        names.insert(0, utility.attribute("name"))
    if not names:
        potential.fail("a potential names its variables.")
    entry = network.entry(names[0], where)
    type_ = potential.attributes.get("type", "Table")
    if entry.kind == "decision":
        network.notes.append(f"the policy of `{entry.name}` in the file was left out.")
        return
    if entry.numbers is not None:
        entry.fail("has two potentials.")
    parents = names[1:]
    for parent in parents:
        network.entry(parent, where)
    if set(parents) != set(entry.parents) and entry.parents:
        missing = sorted(set(parents) ^ set(entry.parents))
        entry.fail(f"its links and its potential disagree about `{missing[0]}`.")
    if type_ in {"Sum", "Product"} and entry.kind == "utility":
        entry.kind, entry.parents = ("sum" if type_ == "Sum" else "product"), tuple(parents)
        return
    entry.parents = tuple(parents)
    shape = grid(entry, network)
    network.spend(entry, math.prod(shape))
    entry.numbers = _table(potential, entry, network, 0).reshape(-1)


def _names(potential: xml.Element) -> list[str]:
    variables = potential.find("Variables")
    return [v.attribute("name") for v in variables.all("Variable")] if variables is not None else []


def _table(potential: xml.Element, entry: Entry, network: Network, depth: int) -> Array:
    """Return a potential over the parents of `entry` in order, then `entry` itself unless it is a utility."""
    type_ = potential.attributes.get("type", "Table")
    shape = grid(entry, network)
    own = [] if entry.kind == "utility" else [entry.name]
    axes = [*entry.parents, *own]
    if type_ == "Uniform" and own:
        return np.full(shape, 1.0 / shape[-1])
    if type_ == "Delta":
        return np.broadcast_to(_delta(potential, entry), shape)
    if type_ in {"Tree/ADD", "TreeADD"}:
        return _tree(potential, entry, network, shape, axes, depth)
    if type_ == "ICIModel" and own:
        return _canonical(potential, entry, network).reshape(shape)
    if type_ not in _TABLES or potential.attributes.get("distribution", "Exact") != "Exact":
        what = potential.attributes.get("distribution", type_) if type_ in _TABLES else type_
        potential.fail(
            f"the potential `{what[:40]}` of `{entry.name}` is not read: convert it to a table in OpenMarkov."
        )
    functions = potential.find("Functions")
    if functions is not None and set(functions.text.replace('"', " ").split()) - {"1", "1.0"}:
        potential.fail(f"the potential of `{entry.name}` holds functions: convert it to a table in OpenMarkov.")
    names = [name for name in _names(potential) if name != entry.name or own]
    utility = potential.find("UtilityVariable")
    if utility is not None:
        names = [name for name in names if name != utility.attribute("name")]
    for name in names:
        if name not in axes:
            potential.fail(f"the potential of `{entry.name}` has the variable `{name[:80]}`, which is not its parent.")
    if len(set(names)) < len(names):
        potential.fail(f"the potential of `{entry.name}` has a variable twice.")
    values = potential.find("Values") or potential.need("Parameters")
    numbers = values.numbers()
    cards = [shape[axes.index(name)] for name in names]
    if len(numbers) != math.prod(cards):
        values.fail(f"`{entry.name}` has {len(numbers):,} numbers, and its variables ask for {math.prod(cards):,}.")
    array = np.array(numbers).reshape(cards[::-1]).transpose()  # the first variable varies fastest
    order = sorted(range(len(names)), key=lambda i: axes.index(names[i]))
    spread = [card if name in names else 1 for card, name in zip(shape, axes, strict=True)]
    return np.broadcast_to(array.transpose(order).reshape(spread), shape)


def _canonical(potential: xml.Element, entry: Entry, network: Network) -> Array:
    """Write out a model of independent causes: a table of the node for each parent, and one without any, the leak."""
    words = set(potential.need("Model").text.lower().replace("/", " ").split())
    model = next((model for model, names in _CANONICAL.items() if words & names), None)
    if model is None:
        potential.fail(
            f"the canonical model `{potential.text_of('Model')[:40]}` of `{entry.name}` is not read: convert it to a "
            "table in OpenMarkov."
        )
    parts: dict[str, Array] = {}
    leak: Array | None = None
    for part in potential.need("Subpotentials").all("Potential"):
        names = _names(part)
        if names[:1] != [entry.name] or len(names) > 2 or (len(names) == 2 and names[1] in parts):
            part.fail(f"a part of the canonical model of `{entry.name}` is a table of it, given one of its parents.")
        numbers = np.array(part.need("Values").numbers())
        if len(names) == 1:
            leak = numbers
        elif len(numbers) % len(entry.states) == 0:
            parts[names[1]] = numbers.reshape(-1, len(entry.states))
        else:
            part.fail(f"a table of `{entry.name}` has {len(numbers):,} numbers for {len(entry.states)} states.")
    return canonical.written_out(entry, network, model, parts, leak)


def _delta(potential: xml.Element, entry: Entry) -> Any:
    if entry.kind == "utility":
        value = as_number(potential.text_of("NumericValue"))
        if value is None:
            potential.fail(f"the constant of `{entry.name}` is a number.")
        return value
    state, index = potential.text_of("State"), potential.text_of("StateIndex")
    if index.isascii() and index.isdigit() and len(index) < 7 and int(index) < len(entry.states):
        state = entry.states[int(index)]
    if state not in entry.states:
        potential.fail(f"`{state[:80]}` is not a state of `{entry.name}`.")
    return np.array([float(state == own) for own in entry.states])


def _tree(
    potential: xml.Element, entry: Entry, network: Network, shape: tuple[int, ...], axes: list[str], depth: int
) -> Array:
    if depth > 30:
        potential.fail("the tree is nested too deeply.")
    top = potential.need("TopVariable").attribute("name")
    if top not in axes:
        potential.fail(f"the tree of `{entry.name}` branches over `{top[:80]}`, which is not its parent.")
    axis, states = axes.index(top), network.entry(top, entry.where).states
    found = np.full(shape, np.nan)
    for branch in potential.need("Branches").all("Branch"):
        chosen = branch.find("States")
        if chosen is None:
            branch.fail(f"a branch of `{entry.name}` names states; intervals of numbers are not read.")
        inner = branch.find("Potential")
        if inner is None:
            branch.fail("a branch that refers to another is not read: convert the tree to a table in OpenMarkov.")
        network.spend(entry, math.prod(shape))
        part = _table(inner, entry, network, depth + 1)
        for state in chosen.all("State"):
            if state.attribute("name") not in states:
                state.fail(f"`{state.attribute('name')[:80]}` is not a state of `{top}`.")
            where = (slice(None),) * axis + (states.index(state.attribute("name")),)
            found[where] = part[where]
    if np.isnan(found).any():
        potential.fail(f"the tree of `{entry.name}` leaves out a state of `{top}`.")
    return found


def write(network: Network) -> str:
    """Write a pgmx file in version 0.2; its kind says that decisions remember what is written, and nothing else."""
    units = dict.fromkeys(entry.unit for entry in network.entries.values() if entry.kind == "utility")
    criteria = {unit: unit or _NOTHING for unit in units} or {"": _NOTHING}
    decisions = any(entry.kind != "chance" for entry in network.entries.values())
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<ProbModelXML formatVersion="0.2.0">']
    lines.append(f'  <ProbNet type="{"LIMID" if decisions else "BayesianNetwork"}">')
    if decisions:
        lines.append("    <DecisionCriteria>")
        lines += [f"      <Criterion name={_a(c)} unit={_a(unit or _NOTHING)} />" for unit, c in criteria.items()]
        lines.append("    </DecisionCriteria>")
    lines.append("    <Variables>")
    for entry in network.entries.values():
        kind = "numeric" if entry.kind == "utility" else "finiteStates"
        lines.append(f'      <Variable name={_a(entry.name)} type="{kind}" role="{entry.kind}">')
        if entry.position is not None:
            x, y = map(number, entry.position)
            lines.append(f'        <Coordinates x="{x}" y="{y}" />')
        lines += label_or_nothing(entry, _title)
        if entry.kind == "utility":
            lines.append(f"        <Criterion name={_a(criteria[entry.unit])} />")
        else:
            lines += ["        <States>", *(f"          <State name={_a(s)} />" for s in entry.states)]
            lines.append("        </States>")
        lines.append("      </Variable>")
    lines += ["    </Variables>", "    <Links>"]
    for entry in network.entries.values():
        for parent in entry.parents:
            ends = f"<Variable name={_a(parent)} /><Variable name={_a(entry.name)} />"
            lines.append(f'      <Link directed="true">{ends}</Link>')
    lines += ["    </Links>", "    <Potentials>"]
    for entry in network.entries.values():
        if entry.numbers is not None:
            lines += _potential(entry, network)
    lines += ["    </Potentials>", "  </ProbNet>"]
    if len(criteria) > 1:
        scales = "".join(f'<Scale Criterion={_a(c)} Value="1.0" />' for c in criteria.values())
        lines.append(
            "  <InferenceOptions><MulticriteriaOptions><SelectedAnalysisType>UNICRITERION</SelectedAnalysisType>"
            f"<Unicriterion><Scales>{scales}</Scales></Unicriterion></MulticriteriaOptions></InferenceOptions>"
        )
    return "\n".join([*lines, "</ProbModelXML>", ""])


def _title(label: str) -> str:
    kept = f'<Property name="Title" value={_a(label)} />'
    return f"        <AdditionalProperties>{kept}</AdditionalProperties>"


def _potential(entry: Entry, network: Network) -> list[str]:
    shape = grid(entry, network)
    table = np.asarray(entry.numbers, dtype=np.float64).reshape(shape)
    utility = entry.kind == "utility"
    if not utility:
        table = np.moveaxis(table, -1, 0)
    names = [*([] if utility else [entry.name]), *entry.parents]
    role = "utility" if utility else "conditionalProbability"
    return [
        f'      <Potential type="Table" role="{role}">',
        *([f"        <UtilityVariable name={_a(entry.name)} />"] if utility else []),
        "        <Variables>",
        *(f"          <Variable name={_a(name)} />" for name in names),
        "        </Variables>",
        f"        <Values>{' '.join(map(number, table.transpose().reshape(-1).tolist()))}</Values>",
        "      </Potential>",
    ]


def _a(text: str) -> str:
    return attribute(text, FORMAT)

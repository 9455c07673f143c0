"""Diagrams, models, training setups and studies as plain data: mappings, lists, texts and numbers.

Nothing in it is code. A function is written as what it does: the value for each context of its parents (``map``), the
value for each context and noise (``noise``, ``outcome``), or probabilities (``table``), whichever says most. Nested
lists have the axes of the node's ``parents``, which are written beside them, so edges may be reordered by hand.
A model made of a table of ``levels`` has that table in place of its features' mechanisms.
A decision has its ``domain`` and, where not all of it may be done everywhere, ``allowed``: lists of ``actions``, nested
by the ``parents`` on which they depend.
Symbolic entries are texts such as ``1 - delta`` (see :mod:`cidmesa.interop.expressions`).

>>> import cidmesa as cm
>>> model = cm.CID([("door", "red")]).parameterise(door=cm.Uniform("left", "right"), red=lambda door: door)
>>> as_plain(model)["mechanisms"]["red"]
{'parents': ['door'], 'domain': ['left', 'right'], 'map': ['left', 'right']}
>>> from cidmesa.interop.study_reader import from_plain
>>> from_plain(as_plain(model)) == model
True
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final, TypeAlias

import numpy as np

from cidmesa.arrays import Array
from cidmesa.diagram import CID
from cidmesa.errors import CidmesaError, FileFormatError
from cidmesa.interop.study import Study
from cidmesa.mechanisms import Allowed, Domain, is_number, is_symbolic
from cidmesa.mesa.setup.level_model import Levels
from cidmesa.mesa.setup.level_table import normal
from cidmesa.mesa.setup.selection import EXPECTED
from cidmesa.mesa.setup.training import TRAINING, TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.tables.exact_numbers import number_meant

Plain: TypeAlias = dict[str, Any]
VERSION: Final = 1


def as_plain(obj: CID | CIM | TrainingSetup | Study) -> Plain:
    """Write a diagram, model, training setup or study as plain data.

    Raises
    ------
    FileFormatError
        `obj` is something else, or has a domain value that is not text, a number, true, false, null or a tuple of them.
    """
    if isinstance(obj, Study):
        return {"cidmesa": VERSION, **_study(obj)}
    if isinstance(obj, TrainingSetup):
        return {"cidmesa": VERSION, **_base(obj.base), **_setup(obj)}
    if isinstance(obj, CIM | CID):
        return {"cidmesa": VERSION, **_base(obj)}
    raise FileFormatError(f"a diagram, a model, a training setup or a study can be written; got {type(obj).__name__}.")


def _base(base: CIM | CID) -> Plain:
    if isinstance(base, CID):
        return {**_diagram(base), **_looks(base)}
    world = {base.root, *base.features} if isinstance(base, Levels) else set()
    found = _diagram(base.cid)
    if isinstance(base, Levels):
        found["levels"] = _levels(base)
    found["mechanisms"] = {node: _mechanism(base, node) for node in base.cid.nodes if node not in world}
    if base.rules:
        found["rules"] = {decision: _numbers(base.cpd(decision)) for decision in base.rules}
    if base.is_symbolic:
        found["symbols"] = _symbols(base)
    return {**found, **_looks(base.cid)}


def _levels(base: Levels) -> Plain:
    """Write a table of levels: what is in each, how often it comes, what the decision sees."""
    table = base.table
    features = {name: [_value(value) for value in values] for name, values in table.features.items()}
    found: Plain = {"features": features, "observed": list(table.observed)}
    if set(table.weights) != {1}:
        found["weights"] = list(map(_weight, table.weights))
    if normal(table.training) != normal(table.weights):
        found["training"] = list(map(_weight, table.training))
    return {**found, "root": True} if base.root is not None else found


def _weight(weight: Fraction) -> int | float | str:
    """Write a weight as a number where that is read as the same fraction, else as a fraction."""
    if weight.denominator == 1:
        return weight.numerator
    return float(weight) if number_meant(float(weight)) == weight else f"{weight.numerator}/{weight.denominator}"


def _looks(cid: CID) -> Plain:
    """Write where pictures have the nodes, what they call them, and what utilities are counted in."""
    found: dict[str, Plain] = {"positions": {}, "labels": {}, "units": {}}
    for node in cid.nodes:
        for key, value in looks_of(cid, node).items():
            found[f"{key}s"][node] = list(value) if key == "position" else value
    return {key: entries for key, entries in found.items() if entries}


def looks_of(cid: CID, node: str) -> Plain:
    """Return the position, the label and the unit among the attributes of a node, where they are what they should be.

    >>> looks_of(CID([("a", "b")], attributes={"a": {"position": (1, 2), "label": "A", "colour": "red"}}), "a")
    {'position': (1.0, 2.0), 'label': 'A'}
    """
    known = cid.attributes.get(node, {})
    found: Plain = {}
    where = known.get("position")
    if (
        isinstance(where, tuple | list)
        and len(where) == 2
        and all(is_number(x) and abs(x) < float("inf") for x in where)
    ):
        found["position"] = (float(where[0]), float(where[1]))
    found |= {key: known[key] for key in ("label", "unit") if isinstance(known.get(key), str) and known[key]}
    return found


def _study(study: Study) -> Plain:
    """Write the first arm as the setup itself, and of the other arms what is different in them."""
    arms = {arm: {**_base(setup.base), **_setup(setup)} for arm, setup in study.setups.items()}
    first = next(iter(arms.values()))
    words = {"title": study.title, "source": study.source, "story": study.story}
    found: Plain = {key: text for key, text in words.items() if text}
    found |= first
    named = list(arms) != [TRAINING]
    if named:
        found["arms"] = {arm: _difference(first, whole) for arm, whole in arms.items()}
    for arm, options in study.derive.items():
        if options:
            place = found["arms"][arm] if named else found
            place["derive"] = {key: _option(value) for key, value in options.items()}
    if study.bodies:
        found["bodies"] = {
            name: {**({"description": body.description} if body.description else {}), **body.recipe}
            for name, body in study.bodies.items()
        }
    if study.claims:
        found["claims"] = [{"says": claim.says, **claim.holds} for claim in study.claims]
    return found


def _difference(first: Plain, whole: Plain) -> Plain:
    """Return the entries of `whole` that differ; mechanisms one by one, ``None`` for what is not there."""
    found: Plain = {}
    same_diagram = all(first.get(key) == whole.get(key) for key in ("nodes", "edges", "decisions", "utilities"))
    for key in dict.fromkeys([*first, *whole]):
        if first.get(key) == whole.get(key):
            continue
        same_nodes = key == "mechanisms" and same_diagram and set(first.get(key, {})) == set(whole.get(key, {}))
        found[key] = (
            {node: entry for node, entry in whole[key].items() if entry != first[key][node]}
            if same_nodes
            else whole.get(key)
        )
    return found


def _option(value: Any) -> Any:
    if hasattr(value, "weight"):
        return {"weight": value.weight, "sharpness": value.sharpness, "samples": value.samples, "bits": value.bits}
    return [_option(part) for part in value] if isinstance(value, tuple | list) else value


def _diagram(cid: CID) -> Plain:
    single = cid.agents in {(), (0,)}
    found: Plain = {
        "nodes": list(cid.nodes),
        "edges": [list(edge) for edge in cid.edges],
        "decisions": list(cid.decisions) if single else {_key(a): list(cid.decisions_of(a)) for a in cid.agents},
        "utilities": list(cid.utilities) if single else {_key(a): list(cid.utilities_of(a)) for a in cid.agents},
    }
    return {**found, "latent": list(cid.latent)} if cid.latent else found


def _mechanism(model: CIM, node: str) -> Plain:
    kind, parents = model.cid.kind(node), model.cid.parents(node)
    found: Plain = {"parents": list(parents)} if parents and kind != "decision" else {}
    if kind == "utility":
        return {**found, "table": _numbers(model.cpd(node))}
    domain = model.domain(node)
    found["domain"] = [_value(value) for value in domain]
    if kind == "decision":
        return {**found, **_allowed(model, node)}
    try:
        response = model.response(node)
    except CidmesaError:
        return {**found, "table": _numbers(model.cpd(node))}
    if not parents:
        return {**found, "table": _numbers(model.cpd(node))}
    if len(response.noise) == 1:
        return {**found, "map": _named(response.outcome[..., 0], domain)}
    return {**found, "noise": _numbers(response.noise), "outcome": _named(response.outcome, domain)}


def _allowed(model: CIM, decision: str) -> Plain:
    """Write which actions a decision may take, by the observations on which that depends; nothing: all of them."""
    limit = model.choice(decision).allowed
    if not isinstance(limit, Allowed):
        return {}
    domain = model.domain(decision)

    def named(part: Any) -> Any:
        if part.ndim > 1:
            return [named(row) for row in part]
        return [_value(action) for action, may in zip(domain, part.tolist(), strict=True) if may]

    found: Plain = {"parents": list(limit.observations)} if limit.observations else {}
    return {"allowed": {**found, "actions": named(limit.table)}}


def _setup(setup: TrainingSetup) -> Plain:
    found: Plain = {"deployments": {}}
    for name, deployment in setup.deployments.items():
        shifts: Any = sorted(deployment.nodes)
        if setup.model is not None:
            shifts = {node: _mechanism(setup.deployed(name), node) for node in deployment.shifts}
            for written in shifts.values():
                written.pop("domain", None)  # a shift keeps it
        found["deployments"][name] = {"shifts": shifts}
        if deployment.edges:
            found["deployments"][name]["edges"] = [list(edge) for edge in deployment.edges]
    if setup.feedback:
        found["feedback"] = [list(pair) for pair in setup.feedback]
    if setup.shared_rules:
        found["shared_rules"] = [list(group) for group in setup.shared_rules]
    if setup.phases is not None:
        found["phases"] = {"train": setup.phases.train, "update": setup.phases.update, "deploy": setup.phases.deploy}
    if setup.learned:
        found["learned"] = {decision: _diagram(inside) for decision, inside in setup.learned.items()}
    if setup.world != frozenset(setup.cid.chance):
        found["world"] = sorted(setup.world)
    if setup.intended is not None:
        found["intended"] = setup.intended
    if setup.selects != EXPECTED:
        found |= {"selects": setup.selects, "level_nodes": list(setup.level_nodes)}
    symbols = {}
    for name in setup.deployments if setup.model is not None else ():
        symbols.update(_symbols(setup.deployed(name)))
    return {**found, "symbols": symbols} if symbols else found


def _key(agent: Any) -> Any:
    if isinstance(agent, tuple):
        raise FileFormatError(f"a file calls an agent by a text or a number; got {agent!r}.")
    return _value(agent)


def _value(value: Any) -> Any:
    """Write a value of a domain: texts, numbers, booleans, null as they are, tuples as lists."""
    if isinstance(value, tuple):
        return [_value(part) for part in value]
    if value is None or type(value) in {str, bool, int, float}:
        return value
    raise FileFormatError(
        f"a file holds texts, numbers, true, false, null and tuples of them; got the value {value!r} of type "
        f"{type(value).__name__}: rename the values of its domain."
    )


def _named(positions: Array, domain: Domain) -> Any:
    if positions.ndim == 0:
        return _value(domain[int(positions)])
    return [_named(row, domain) for row in positions]


def _numbers(array: Array) -> Any:
    if array.dtype != object:
        return array.tolist()
    if array.ndim == 0:
        entry = array.item()
        return str(entry) if is_symbolic(entry) and not entry.is_number else _number(entry)
    return [_numbers(np.asarray(row, dtype=object)) for row in array]


def _number(entry: Any) -> Any:
    """Write an exact rational as text, so that it stays exact, and anything else as a float."""
    if is_symbolic(entry) and entry.is_Rational and not entry.is_Integer:
        return str(entry)
    return int(entry) if is_symbolic(entry) and entry.is_Integer else str(entry) if is_symbolic(entry) else float(entry)


def _symbols(model: CIM) -> Plain:
    """Name the symbols, each with what is assumed of it: two symbols of one name are the same only if that agrees."""
    found = {}
    for symbol in sorted(model.symbols, key=str):
        assumed = getattr(symbol, "_assumptions_orig", None) or symbol.assumptions0
        found[str(symbol)] = {str(fact): bool(holds) for fact, holds in assumed.items() if fact != "commutative"}
    return found

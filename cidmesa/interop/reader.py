"""Reading diagrams, models and setups from plain data; :mod:`cidmesa.interop.plain` says what it looks like."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain, product
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np

from cidmesa.arrays import Array
from cidmesa.diagram import CID, Edge
from cidmesa.errors import CidmesaError, FileFormatError, did_you_mean
from cidmesa.interop import expressions
from cidmesa.interop.plain import Plain
from cidmesa.mechanisms import (
    Bernoulli,
    Categorical,
    Choice,
    Domain,
    Mechanism,
    Place,
    Structural,
    Table,
    Uniform,
    is_symbolic,
)
from cidmesa.mesa.setup.level_model import ROOT, Levels, feature_mechanisms, world_edges
from cidmesa.mesa.setup.level_table import LevelTable
from cidmesa.mesa.setup.selection import EXPECTED, SELECTS
from cidmesa.mesa.setup.training import Deployment, Phases, TrainingSetup
from cidmesa.model import CIM

Where: TypeAlias = tuple[str | int, ...]
"""The path of an entry: keys, and positions in lists."""

Fail: TypeAlias = Callable[[Where, str], NoReturn]
"""Raises a :class:`FileFormatError` about the entry at a path."""

DIAGRAM: Final = ("nodes", "edges", "decisions", "utilities", "latent")
LOOKS: Final = ("positions", "labels", "units")
MODEL: Final = ("mechanisms", "rules", "symbols", "levels")
LEVELS: Final = ("features", "observed", "weights", "training", "root")
SETUP: Final = (
    "deployments",
    "feedback",
    "shared_rules",
    "phases",
    "learned",
    "world",
    "intended",
    "selects",
    "level_nodes",
)
_WAYS: Final = ("table", "map", "noise", "expression", "probabilities", "uniform", "bernoulli", "categorical")
MOST_ENTRIES: Final = 2**24
"""How many entries all tables of a file may have together, written out."""
MOST_STEPS: Final = 2_000_000
"""How many steps the expressions of a file may take together; one with symbols counts fifty times."""
MOST_COMPARED: Final = 20_000_000
"""How much a chain of features may have to compare: levels times the third power of the number of features."""


def shown(value: Any) -> str:
    """Return a value as a message shows it: shortened, however large it is."""
    return _SHORT.repr(value)


def brief(words: str, most: int = 600) -> str:
    """Shorten a message that names much of the file."""
    return words if len(words) <= most else f"{words[:most]}…"


_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlist = _SHORT.maxdict = _SHORT.maxtuple = 4
_SHORT.maxlevel = 2
_SHORT.maxlong = 40


@dataclass(frozen=True)
class World:
    """A table of levels as the part of a model that is not written out: features, and the root if there is one."""

    table: LevelTable
    root: str | None

    @cached_property
    def mechanisms(self) -> dict[str, Mechanism]:
        """Their mechanisms."""
        return dict(feature_mechanisms(self.table, self.root))

    @property
    def edges(self) -> list[Edge]:
        """Their edges."""
        return world_edges(self.table, self.root)

    @property
    def domains(self) -> dict[str, Domain]:
        """Their values."""
        root = {} if self.root is None else {self.root: tuple(range(len(self.table.rows)))}
        return {**root, **self.table.domains}

    def completed(self, entries: Plain) -> Plain:
        """Return the entries of a file with the nodes and edges that follow from the levels."""
        (decision,) = entries["decisions"]
        needed = [*self.edges, *((name, decision) for name in self.table.observed)]
        known = {tuple(edge) for edge in entries.get("edges", [])}
        edges = [*entries.get("edges", []), *([tail, head] for tail, head in needed if (tail, head) not in known)]
        if entries.get("nodes"):
            lacking = [name for name in self.mechanisms if name not in entries["nodes"]]
            return {**entries, "edges": edges, "nodes": [*lacking, *entries["nodes"]]}
        return {**entries, "edges": edges, "nodes": list(dict.fromkeys([*self.mechanisms, *chain(*edges)]))}

    def model(self, cid: CID, mechanisms: Mapping[str, Mechanism]) -> Levels:
        """Return the model."""
        others = {node: what for node, what in mechanisms.items() if node not in self.mechanisms}
        return Levels(self.table, cid, others, self.root)


class Reader:
    """Reads plain data, and says where it is wrong."""

    def __init__(self, fail: Fail) -> None:
        self.fail = fail
        self.room, self.steps = MOST_ENTRIES, MOST_STEPS

    def whole(self, entries: Plain) -> CID | CIM | TrainingSetup:
        """Read a diagram, a model or a setup."""
        world: World | None = None
        if entries.get("levels") is not None:
            world = self.levels(entries["levels"], entries)
            entries = world.completed(entries)
        cid = self.looks(self.diagram(entries, ()), entries)
        base: CID | CIM = cid
        symbols = self.symbols(entries.get("symbols"))
        if "mechanisms" in entries:
            base = self.model(cid, entries, symbols, world)
        else:
            for key in ("rules", "symbols"):
                if entries.get(key) is not None:
                    self.fail((key,), f"{key} belong to a model, and there are no `mechanisms`.")
        return self.setup(base, entries, symbols) if any(key in entries for key in SETUP) else base

    def spend(self, where: Where, shape: Sequence[int]) -> None:
        """Count the entries of a table that is about to be written out."""
        self.room -= math.prod(shape)
        if self.room < 0 or len(shape) > 62:
            self.fail(
                where, f"with its table the file has more than {MOST_ENTRIES:,} entries: give nodes fewer parents."
            )

    @contextmanager
    def at(self, *where: str | int) -> Iterator[None]:
        """Say where, when the library refuses what was read."""
        try:
            yield
        except FileFormatError:
            raise
        except CidmesaError as error:
            self.fail(where, str(error))

    def mapping(self, data: Any, where: Where, known: Sequence[str] | None = None) -> Plain:
        """Return a mapping, after checking its keys if all are `known`."""
        if not isinstance(data, dict):
            self.fail(where, f"a mapping is expected here; got {shown(data)}.")
        if known is not None:
            self.known(data, where, known)
        return data

    def known(self, data: Plain, where: Where, known: Sequence[str]) -> None:
        """Refuse keys that are not among the `known` ones."""
        among = frozenset(known)
        for key in data:
            if key in among:
                continue
            listed = f"none of {', '.join(known)}" if len(known) <= 20 else f"no {self.what(where)}"
            self.fail((*where, key), f"`{brief(str(key), 60)}` is {listed}{did_you_mean(brief(str(key), 60), known)}.")

    @staticmethod
    def what(where: Where) -> str:
        """Say what the keys of a mapping with many keys are."""
        return "key of a file" if where == () else "key of an arm" if where[0] == "arms" else "node of this diagram"

    def text(self, data: Any, where: Where) -> str:
        """Return a text."""
        if not isinstance(data, str):
            self.fail(where, f"a text is expected here; got {shown(data)}.")
        return data

    def names(self, data: Any, where: Where) -> list[str]:
        """Return a list of names."""
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            self.fail(where, f"a list of names is expected here; got {shown(data)}.")
        return data

    def edges(self, data: Any, where: Where) -> list[Edge]:
        """Return a list of edges."""
        if not isinstance(data, list):
            self.fail(where, f"a list of [tail, head] is expected here; got {shown(data)}.")
        for i, edge in enumerate(data):
            if len(self.names(edge, (*where, i))) != 2:
                self.fail((*where, i), f"an edge is [tail, head]; got {shown(edge)}.")
        return [(tail, head) for tail, head in data]

    def owned(self, data: Any, where: Where, nodes: Sequence[str]) -> Any:
        """Return decisions or utilities: a list, or a mapping from agent to list."""
        lists = data if isinstance(data, dict) else {0: data}
        among = frozenset(nodes)
        for agent, names in lists.items():
            there = where if lists is not data else (*where, agent)
            for name in self.names(names, there):
                if name not in among:
                    self.fail(there, f"`{name}` is not a node of this diagram{did_you_mean(name, nodes)}.")
        return data

    def diagram(self, data: Plain, where: Where) -> CID:
        """Return a diagram."""
        edges = self.edges(data.get("edges", []), (*where, "edges"))
        nodes = self.names(data.get("nodes", []), (*where, "nodes"))
        if nodes:
            among = frozenset(nodes)
            for i, edge in enumerate(edges):
                for name in edge:
                    if name not in among:
                        self.fail((*where, "edges", i), f"`{name}` is not among the nodes{did_you_mean(name, nodes)}.")
        known = list(dict.fromkeys([*nodes, *(name for edge in edges for name in edge)]))
        with self.at(*where, "edges"):
            return CID(
                edges,
                nodes=nodes,
                decisions=self.owned(data.get("decisions", []), (*where, "decisions"), known),
                utilities=self.owned(data.get("utilities", []), (*where, "utilities"), known),
                latent=self.names(data.get("latent", []), (*where, "latent")),
            )

    # Models ------------------------------------------------------------------------------------------------------

    def model(self, cid: CID, data: Plain, symbols: Mapping[str, Any], world: World | None = None) -> CIM:
        """Read the mechanisms of all nodes, parents before children, and the rules; those of `world` are known."""
        written = self.mapping(data["mechanisms"], ("mechanisms",), cid.nodes)
        for node in written:
            self.mapping(written[node], ("mechanisms", node))
        mechanisms: dict[str, Mechanism] = {} if world is None else dict(world.mechanisms)
        domains: dict[str, Domain] = {} if world is None else dict(world.domains)
        for node in (cid.nodes[i] for i in cid.topological):
            if world is not None and node in world.mechanisms:
                if node in written:
                    self.fail(
                        ("mechanisms", node), f"how `{node}` comes about follows from the `levels`: leave it out."
                    )
                continue
            if node not in written:
                continue
            where = ("mechanisms", node)
            lacking = next((parent for parent in cid.parents(node) if parent not in domains), None)
            if lacking is not None and cid.kind(node) != "decision":
                self.fail(("mechanisms",), f"every node needs a mechanism, and `{lacking}` has none.")
            if cid.kind(node) != "utility" and not _tells_domain(written[node]):
                domains[node] = self.domain(written[node], where)
            mechanisms[node] = self.mechanism(cid, node, written[node], domains, symbols, where)
            if cid.kind(node) != "utility" and node not in domains:
                declared = mechanisms[node]
                domains[node] = tuple(declared.domain or ()) if isinstance(declared, Structural | Table) else ()
        try:
            model = CIM(cid, mechanisms) if world is None else world.model(cid, mechanisms)
        except CidmesaError as error:
            for node, mechanism in mechanisms.items():  # one by one, so that the line at fault is named
                with self.at("mechanisms", node):
                    _try(cid, node, mechanism, domains)
            self.fail(("mechanisms",), str(error))
        rules = self.mapping(data.get("rules") or {}, ("rules",), cid.decisions)
        if not rules:
            return model
        with self.at("rules"):
            return model.with_policy(
                {node: self.array(table, ("rules", node), symbols) for node, table in rules.items()}
            )

    def levels(self, data: Any, entries: Plain) -> World:
        """Read a table of levels, and check that edges and decisions agree with it."""
        where: Where = ("levels",)
        written = self.mapping(data, where, LEVELS)
        given = self.mapping(written.get("features"), (*where, "features"))
        columns: dict[str, list[Any]] = {}
        for name, values in given.items():
            if not isinstance(name, str):
                self.fail((*where, "features", name), f"a feature is called by a text; got {shown(name)}.")
            columns[name] = list(map(_tupled, self.listed(values, (*where, "features", name))))
        root = written.get("root", False)
        if not isinstance(root, bool):
            self.fail((*where, "root"), f"true or false is expected here; got {shown(root)}.")
        observed = self.names(written.get("observed"), (*where, "observed"))
        for i, name in enumerate(observed):
            if name not in columns:
                self.fail(
                    (*where, "observed", i), f"`{name}` is no feature of the levels{did_you_mean(name, columns)}."
                )
        with self.at(*where, "features"):
            table = LevelTable.read(columns, observed)
        numbers: dict[str, list[Any]] = {}
        for key in ("weights", "training"):
            if written.get(key) is not None:
                found = self.listed(written[key], (*where, key))
                numbers[key] = [self.weight(number, (*where, key, i)) for i, number in enumerate(found)]
                with self.at(*where, key):
                    table = LevelTable.read(columns, observed, **numbers)
        self.spend_levels(table, root)
        with self.at(*where):
            world = World(table, ROOT if root else None)
        decisions = self.names(entries.get("decisions", []), ("decisions",))
        if len(decisions) != 1:
            self.fail(("decisions",), f"with `levels` there is one decision; got {shown(decisions)}.")
        allowed = {*world.edges, *((name, decisions[0]) for name in observed)}
        for i, edge in enumerate(self.edges(entries.get("edges", []), ("edges",))):
            if edge[1] in world.mechanisms and edge not in allowed:
                self.fail(("edges", i), f"what `{edge[1]}` depends on follows from the `levels`: leave this edge out.")
            if edge[1] == decisions[0] and edge not in allowed:
                self.fail(("edges", i), f"`{edge[1]}` sees the observed features alone: leave this edge out.")
        return world

    def weight(self, data: Any, where: Where) -> Any:
        """Return how often a level comes: a number, or a fraction as a text such as 1/3."""
        if isinstance(data, str):
            match = re.fullmatch(r"([0-9]{1,300})/([0-9]{1,300})", data)
            if match is None or not int(match[2]):
                self.fail(where, f"a number, or a fraction such as 1/3, is expected here; got {shown(data)}.")
            return Fraction(int(match[1]), int(match[2]))
        if not _is_number(data) or data < 0:
            self.fail(where, f"how often a level comes is a number, finite and not negative; got {shown(data)}.")
        return data

    def spend_levels(self, table: LevelTable, root: bool) -> None:
        """Count what the tables of the features take."""
        where: Where = ("levels", "features")
        cards = {name: len(values) for name, values in table.domains.items()}
        if root:
            for card in cards.values():
                self.spend(where, [len(table.rows), card])
            return
        if len(table.rows) * len(cards) ** 3 > MOST_COMPARED:
            self.fail(where, "too many features for a chain of them: make the level one node, root: true.")
        for name, parents in table.chain.items():
            self.spend(where, [*(cards[parent] for parent in parents), cards[name]])

    def looks(self, cid: CID, data: Plain) -> CID:
        """Return the diagram with the positions, labels and units that the file has, as attributes."""
        known: dict[Any, dict[Any, Any]] = {}
        for node, where in self.mapping(data.get("positions") or {}, ("positions",), cid.nodes).items():
            if not (isinstance(where, list) and len(where) == 2 and all(map(_is_number, where))):
                self.fail(("positions", node), f"a position is [x, y]; got {shown(where)}.")
            known.setdefault(node, {})["position"] = (float(where[0]), float(where[1]))
        for key in ("label", "unit"):
            for node, text in self.mapping(data.get(f"{key}s") or {}, (f"{key}s",), cid.nodes).items():
                known.setdefault(node, {})[key] = self.text(text, (f"{key}s", node))
        return cid.with_attributes(known) if known else cid

    def domain(self, entry: Plain, where: Where) -> Domain:
        """Return the values of a node, each once."""
        values = self.values(entry, where)
        with self.at(*where):
            Choice(values)  # refuses what occurs twice
        return values

    def values(self, entry: Plain, where: Where) -> Domain:
        """Return the values that an entry lists or implies."""
        if "uniform" in entry and "domain" not in entry:
            return tuple(_tupled(value) for value in self.listed(entry["uniform"], (*where, "uniform")))
        if "bernoulli" in entry and "domain" not in entry:
            return (0, 1)
        if "categorical" in entry and "domain" not in entry:
            return tuple(map(_tupled, self.mapping(entry["categorical"], (*where, "categorical"))))
        if "domain" not in entry:
            for way in _WAYS:
                if way in entry:
                    self.fail(where, "a node that is not a utility needs its `domain`.")
            self.fail(where, f"a node that is not a utility needs its `domain`{_nearest(entry)}.")
        values = self.listed(entry["domain"], (*where, "domain"))
        return tuple(_tupled(value) for value in values)

    def listed(self, data: Any, where: Where) -> list[Any]:
        """Return a list of at least one value."""
        if not isinstance(data, list) or not data:
            self.fail(where, f"a list of values is expected here; got {shown(data)}.")
        return data

    def mechanism(
        self, cid: CID, node: str, entry: Any, domains: Mapping[str, Domain], symbols: Mapping[str, Any], where: Where
    ) -> Mechanism:
        """Return a mechanism, in whichever of the ways it is written."""
        if cid.kind(node) == "decision":
            entry = self.mapping(entry, where, ("parents", "domain", "allowed", "outcome", *_WAYS))
            return Choice(domains[node], self.allowed(cid, node, entry, domains, (*where, "allowed")))
        entry = self.mapping(entry, where, ("parents", "domain", "outcome", *_WAYS))
        parents = cid.parents(node)
        given = self.names(entry.get("parents", list(parents)), (*where, "parents"))
        if sorted(given) != sorted(parents):
            self.fail(
                (*where, "parents"), f"the parents of `{node}` are {', '.join(parents) or 'none'}; got {shown(given)}."
            )
        ways = [way for way in _WAYS if way in entry]
        if ways == ["noise", "expression"]:
            ways = ["expression"]
        if len(ways) != 1:
            self.fail(where, f"`{node}` has one of {', '.join(_WAYS)}; got {', '.join(ways) or 'none'}.")
        with self.at(*where):
            if ways[0] in {"uniform", "bernoulli", "categorical"}:
                if cid.kind(node) == "utility":
                    self.fail(where, "a utility is a number for each context of its parents: table, or expression.")
                self.spend(where, [*(len(domains[p]) for p in parents), len(domains[node])])
            if ways[0] in {"expression", "probabilities"}:
                return self.computed(cid, node, entry, domains, symbols, where)
            if ways[0] == "uniform":
                return Uniform(*map(_tupled, self.listed(entry["uniform"], (*where, "uniform"))))
            if ways[0] == "bernoulli":
                return Bernoulli(self.entry(entry["bernoulli"], (*where, "bernoulli"), symbols))
            if ways[0] == "categorical":
                chances = self.mapping(entry["categorical"], (*where, "categorical"))
                return Categorical({v: self.entry(p, (*where, "categorical", v), symbols) for v, p in chances.items()})
            if ways[0] == "table":
                domain = None if cid.kind(node) == "utility" else domains.get(node)
                return Table(self.array(entry["table"], (*where, "table"), symbols), domain=domain, parents=given)
            axes = [domains[p] for p in given]
            return self.structural(node, entry, axes, domains[node], (given, parents), symbols, where)

    def allowed(
        self, cid: CID, node: str, entry: Plain, domains: Mapping[str, Domain], where: Where
    ) -> Callable[..., Any] | None:
        """Read nested lists of actions as a function of the observations that they are written by."""
        if "allowed" not in entry:
            return None
        written = self.mapping(entry["allowed"], where, ("parents", "actions"))
        given = self.names(written.get("parents", []), (*where, "parents"))
        strange = [name for name in given if name not in cid.parents(node)]
        if strange:
            self.fail((*where, "parents"), f"`{node}` does not observe `{strange[0]}`.")
        lacking = next((name for name in given if name not in domains), None)
        if lacking is not None:
            self.fail(("mechanisms",), f"every node needs a mechanism, and `{lacking}` has none.")
        shape = [len(domains[p]) for p in given]
        self.spend(where, shape)
        known: dict[tuple[Any, ...], list[Any]] = {}
        for at in product(*map(range, shape)):
            value: Any = written.get("actions")
            for depth, i in enumerate(at):
                if not isinstance(value, list) or len(value) != shape[depth]:
                    self.fail(
                        (*where, "actions"), f"{shape[depth]} entries are expected for the values of {given[depth]}."
                    )
                value = value[i]
            if not isinstance(value, list):
                self.fail((*where, "actions"), f"a list of actions is expected; got {value!r}.")
            known[tuple(domains[p][i] for p, i in zip(given, at, strict=True))] = [_tupled(action) for action in value]
        return lambda **observed: known[tuple(observed[p] for p in given)]

    def computed(
        self, cid: CID, node: str, entry: Plain, domains: Mapping[str, Domain], symbols: Mapping[str, Any], where: Where
    ) -> Mechanism:
        """Read a mechanism that expressions say: a value, a value with noise, or a probability for each value."""
        parents, kind = cid.parents(node), cid.kind(node)
        axes = [domains[parent] for parent in parents]
        way = "expression" if "expression" in entry else "probabilities"
        if kind == "utility" and (way == "probabilities" or "noise" in entry):
            self.fail(where, "a utility is a number for each context of its parents: one expression, without noise.")
        if way == "probabilities":
            given = self.mapping(entry[way], (*where, way))
            domain = domains.get(node) or tuple(map(_tupled, given))
            lacking = [value for value in domain if value not in given]
            if lacking or len(given) > len(domain):
                self.fail((*where, way), f"one probability for each value of the domain {shown(domain)} is expected.")
            self.spend(where, [*map(len, axes), len(domain)])
            place: Where = (*where, way)
            texts: dict[Any, Any] = given
            columns = [self.column(texts[value], (*place, str(value)), parents, axes, symbols) for value in domain]
            table = np.array(columns, dtype=object).transpose().reshape([*map(len, axes), len(domain)])
            return Table(_numeric(table), domain=domain, parents=parents)
        noise: dict[Any, Any] = {None: 1.0}
        if "noise" in entry:
            given = self.mapping(entry["noise"], (*where, "noise"))
            noise = {v: self.entry(p, (*where, "noise", v), symbols) for v, p in given.items()}
        names, values = (parents, axes) if "noise" not in entry else ((*parents, "noise"), [*axes, tuple(noise)])
        if "noise" in entry and "noise" in parents:
            self.fail(where, "a parent is called `noise`: the noise of an expression has that name.")
        self.spend(where, list(map(len, values)))
        outputs = self.column(entry["expression"], (*where, "expression"), names, values, symbols)
        if kind == "utility":
            bad = next((value for value in outputs if isinstance(value, str | tuple) or value is None), None)
            if bad is not None:
                self.fail((*where, "expression"), f"a utility is a number; got {shown(bad)}.")
            return Table(_numeric(np.array(outputs, dtype=object).reshape(list(map(len, axes)))), parents=parents)
        domain = domains.get(node) or tuple(dict.fromkeys(outputs))
        index = {value: i for i, value in enumerate(domain)}
        for value in outputs:
            if value not in index:
                self.fail((*where, "expression"), f"{shown(value)} is not in the domain {shown(domain)} of `{node}`.")
        outcome = np.array([index[value] for value in outputs], dtype=np.intp).reshape([*map(len, axes), len(noise)])
        return Structural(_numeric(np.array(list(noise.values()), dtype=object)), outcome, domain)

    def column(
        self, text: Any, where: Where, names: Sequence[str], axes: Sequence[Domain], symbols: Mapping[str, Any]
    ) -> list[Any]:
        """Compute an expression in every context of `names`, in the order of the axes."""
        try:
            expression = expressions.read(text if isinstance(text, str) else json.dumps(text))
        except FileFormatError as error:
            self.fail(where, str(error))
        unknown = next((name for name in expression.names if name not in names and name not in symbols), None)
        if unknown is not None:
            near = did_you_mean(brief(unknown, 60), [*names, *symbols])
            self.fail(where, f"`{brief(unknown, 60)}` is neither a parent nor among the `symbols`{near}.")
        used = [name for name in expression.names if name in names]
        symbolic = len(used) < len(expression.names)
        contexts = math.prod(len(axes[list(names).index(name)]) for name in used)
        self.steps -= contexts * expression.size * (50 if symbolic else 1) + math.prod(map(len, axes))
        if self.steps < 0:
            self.fail(
                where, "the expressions of this file take too many steps: write tables for nodes with many parents."
            )
        try:
            return expression.in_every(names, axes, dict(symbols) if symbolic else {}, exact=symbolic)
        except FileFormatError as error:
            self.fail(where, str(error))

    def structural(
        self, node: str, entry: Plain, axes: Sequence[Domain], domain: Domain,
        order: tuple[Sequence[str], Sequence[str]], symbols: Mapping[str, Any], where: Where,
    ) -> Mechanism:  # fmt: skip
        """Return a function of the parents, and of noise where there is any, by its values."""
        given, parents = order
        noise = self.array(entry.get("noise", [1.0]), (*where, "noise"), symbols)
        if noise.ndim != 1 or not noise.size:
            self.fail((*where, "noise"), "the noise is a list of probabilities.")
        key = "map" if "map" in entry else "outcome"
        shape = [len(axis) for axis in axes] + ([] if key == "map" else [len(noise)])
        index = {value: i for i, value in enumerate(domain)}
        self.spend(where, [*shape, len(domain)])
        outcome = np.empty(shape, dtype=np.intp)
        for at in product(*map(range, shape)):
            value: Any = entry.get(key)
            for depth, i in enumerate(at):
                if not isinstance(value, list) or len(value) != shape[depth]:
                    whose = given[depth] if depth < len(given) else "the noise"
                    self.fail((*where, key), f"{shape[depth]} entries are expected for the values of {whose}.")
                value = value[i]
            value = _tupled(value)
            try:
                outcome[at] = index[value]
            except (KeyError, TypeError):
                self.fail((*where, key), f"{shown(value)} is not in the domain {shown(domain)} of `{node}`.")
        outcome = outcome.reshape([len(axis) for axis in axes] + [len(noise)])
        return Structural(noise, outcome.transpose([*map(given.index, parents), len(parents)]), domain)

    # Numbers -----------------------------------------------------------------------------------------------------

    def array(self, data: Any, where: Where, symbols: Mapping[str, Any]) -> Array:
        """Return nested lists of numbers or expressions as an array."""
        if not _holds_text(data):
            try:
                return np.array(data, dtype=np.float64)
            except (TypeError, ValueError, OverflowError):
                self.fail(where, f"nested lists of numbers, all rows alike in length, are expected; got {shown(data)}.")
        flat: list[Any] = []
        shape = _shape(data)

        def collect(part: Any, depth: int) -> None:
            if depth == len(shape):
                flat.append(self.entry(part, where, symbols))
                return
            if not isinstance(part, list) or len(part) != shape[depth]:
                self.fail(where, "the rows of the nested lists differ in length.")
            for item in part:
                collect(item, depth + 1)

        collect(data, 0)
        array = np.empty(len(flat), dtype=object)
        array[:] = flat
        return array.reshape(shape)

    def entry(self, data: Any, where: Where, symbols: Mapping[str, Any]) -> Any:
        """Return a number, or an expression in symbols."""
        if isinstance(data, str):
            try:
                return expressions.parse(data, symbols)
            except FileFormatError as error:
                self.fail(where, str(error))
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail(where, f"a number, or an expression in symbols, is expected here; got {shown(data)}.")
        return data

    def symbols(self, data: Any) -> dict[str, Any]:
        """Return the symbols, each with what is assumed of it."""
        if data is None:
            return {}
        given = self.mapping(data, ("symbols",))
        if not given:
            return {}
        import sympy

        found = {}
        for name, assumed in given.items():
            facts = self.mapping(assumed if assumed is not None else {}, ("symbols", name))
            if not isinstance(name, str) or not all(isinstance(fact, str) for fact in facts):
                self.fail(("symbols", name), "a symbol is a name with what is assumed of it, such as {positive: true}.")
            try:
                found[name] = sympy.Symbol(name, **facts)
            except (TypeError, ValueError, sympy.core.facts.InconsistentAssumptions) as error:
                self.fail(("symbols", name), f"{shown(facts)} cannot be assumed of a symbol ({brief(str(error), 80)}).")
        return found

    # Setups --------------------------------------------------------------------------------------------------------

    def setup(self, base: CID | CIM, data: Plain, symbols: Mapping[str, Any]) -> TrainingSetup:
        """Return a training setup."""
        deployments: dict[str, Deployment] = {}
        for name, entry in self.mapping(data.get("deployments") or {}, ("deployments",)).items():
            where = ("deployments", name)
            if not isinstance(name, str):
                self.fail(where, f"a deployment is called by a text; got {shown(name)}.")
            entry = self.mapping(entry, where, ("shifts", "edges"))
            edges = self.edges(entry.get("edges", []), (*where, "edges"))
            deployments[name] = Deployment(self.shifts(base, entry.get("shifts"), edges, symbols, where), edges)
            with self.at(*where):
                TrainingSetup(base, {name: deployments[name]})
        feedback = data.get("feedback") or []
        for i, pair in enumerate(feedback if isinstance(feedback, list) else [None]):
            good = isinstance(pair, list) and len(pair) in {2, 3} and all(isinstance(node, str) for node in pair[:2])
            if not good or (len(pair) == 3 and not isinstance(pair[2], bool)):
                self.fail(("feedback", i), f"feedback is [V, W] or [V, W, credit]; got {shown(pair)}.")
        shared = data.get("shared_rules") or []
        for i, group in enumerate(shared if isinstance(shared, list) else [None]):
            self.names(group, ("shared_rules", i))
        phases = data.get("phases")
        if phases is not None:
            roles = self.mapping(phases, ("phases",), ("train", "update", "deploy"))
            if len(roles) < 3 or not all(isinstance(node, str) for node in roles.values()):
                self.fail(("phases",), "phases name the nodes of train, update and deploy.")
        learned = self.mapping(data.get("learned") or {}, ("learned",))
        world, intended = data.get("world"), data.get("intended")
        if intended is not None and not isinstance(intended, str):
            self.fail(("intended",), f"the name of a node is expected here; got {shown(intended)}.")
        if intended is not None:
            with self.at("intended"):
                TrainingSetup(base, intended=intended)
        selects, level_nodes = data.get("selects") or EXPECTED, data.get("level_nodes")
        if selects not in SELECTS:
            self.fail(("selects",), f"one of {', '.join(SELECTS)} is expected here; got {shown(selects)}.")
        if level_nodes is not None:
            level_nodes = self.names(level_nodes, ("level_nodes",))
            with self.at("level_nodes"):
                TrainingSetup(base, selects=selects, level_nodes=level_nodes)
        with self.at("deployments"):
            return TrainingSetup(
                base,
                deployments,
                feedback=[tuple(pair) for pair in feedback],
                shared_rules=[tuple(group) for group in shared],
                phases=None if phases is None else Phases(**phases),
                learned={
                    decision: self.diagram(self.mapping(inside, ("learned", decision), DIAGRAM), ("learned", decision))
                    for decision, inside in learned.items()
                },
                world=None if world is None else self.names(world, ("world",)),
                intended=intended,
                selects=selects,
                level_nodes=level_nodes,
            )

    def shifts(
        self,
        base: CID | CIM,
        data: Any,
        edges: Sequence[Edge],
        symbols: Mapping[str, Any],
        where: Where,
    ) -> Any:
        """Return what one deployment changes: mechanisms, or names for a bare diagram."""
        where = (*where, "shifts")
        cid = base if isinstance(base, CID) else base.cid
        if isinstance(base, CID):
            return self.names(data, where)
        with self.at(*where):
            there = cid.with_edges(edges)
        found = {}
        domains = {node: base.domain(node) for node in cid.nodes if cid.kind(node) != "utility"}
        for node, entry in self.mapping(data, where, cid.nodes).items():
            found[node] = self.mechanism(there, node, entry, domains, symbols, (*where, node))
        return found


def _try(cid: CID, node: str, mechanism: Mechanism, domains: Mapping[str, Domain]) -> None:
    """Write out one mechanism at its place, to see whether it is the one that does not fit."""
    parents = cid.parents(node)
    place = Place(node, cid.kind(node), parents, tuple(domains[parent] for parent in parents))
    mechanism.check(place)
    if isinstance(mechanism, Choice):
        mechanism.allowed_at(place)
    else:
        mechanism.compile(place)


def _tells_domain(entry: Plain) -> bool:
    """Say whether the domain of a node may be left out, since its expression says it."""
    return "domain" not in entry and ("expression" in entry or "probabilities" in entry)


def _nearest(entry: Plain) -> str:
    """Suggest a key where one is misspelt."""
    wrong = next((key for key in entry if key not in ("parents", *_WAYS)), None)
    return did_you_mean(brief(str(wrong), 60), ("domain", *_WAYS)) if wrong is not None else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _numeric(array: Array) -> Array:
    """Return an array of plain numbers as floats; one with symbols as it is."""
    return array if any(is_symbolic(entry) for entry in array.flat) else array.astype(np.float64)


def _tupled(value: Any) -> Any:
    return tuple(_tupled(part) for part in value) if isinstance(value, list) else value


def _holds_text(data: Any) -> bool:
    return any(_holds_text(part) for part in data) if isinstance(data, list) else isinstance(data, str | bool)


def _shape(data: Any) -> tuple[int, ...]:
    return (len(data), *_shape(data[0])) if isinstance(data, list) and data else ()

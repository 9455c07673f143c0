"""Reading plain data back; :mod:`cidmesa.interop.plain` says what it looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np

from cidmesa.arrays import Array
from cidmesa.diagram import CID, Edge
from cidmesa.errors import CidmesaError, FileFormatError, did_you_mean
from cidmesa.interop import expressions
from cidmesa.interop.plain import VERSION, Plain
from cidmesa.mechanisms import Bernoulli, Categorical, Choice, Domain, Mechanism, Structural, Table, Uniform
from cidmesa.mesa.setup.training import Deployment, Phases, TrainingSetup
from cidmesa.model import CIM

Where: TypeAlias = tuple[str | int, ...]
"""The path of an entry: keys, and positions in lists."""

Fail: TypeAlias = Callable[[Where, str], NoReturn]
"""Raises a :class:`FileFormatError` about the entry at a path."""

_DIAGRAM: Final = ("nodes", "edges", "decisions", "utilities", "latent")
_MODEL: Final = ("mechanisms", "rules", "symbols")
_SETUP: Final = ("deployments", "feedback", "shared_rules", "phases", "learned", "world", "intended")
_WAYS: Final = ("table", "map", "noise", "uniform", "bernoulli", "categorical")


def _raise(where: Where, text: str) -> NoReturn:
    raise FileFormatError(f"{'.'.join(map(str, where)) or 'the data'}: {text}")


def from_plain(data: Any, fail: Fail = _raise) -> CID | CIM | TrainingSetup:
    """Read what :func:`as_plain` wrote.

    Parameters
    ----------
    data
        Plain data.
    fail
        Called with the path of the entry and what is wrong with it; it raises.

    Returns
    -------
    CID, CIM or TrainingSetup
        A setup if there are deployments or anything else that only setups have; a model if there are mechanisms.
    """
    reader = _Reader(fail)
    entries = reader.mapping(data, (), ("cidmesa", *_DIAGRAM, *_MODEL, *_SETUP))
    if entries.get("cidmesa") != VERSION:
        fail(("cidmesa",), f"the file says `cidmesa: {VERSION}` first; got {entries.get('cidmesa')!r}.")
    cid = reader.diagram(entries, ())
    base: CID | CIM = cid
    symbols = reader.symbols(entries.get("symbols"))
    if "mechanisms" in entries:
        base = reader.model(cid, entries, symbols)
    elif "rules" in entries:
        fail(("rules",), "rules belong to a model, and there are no `mechanisms`.")
    return reader.setup(base, entries, symbols) if any(key in entries for key in _SETUP) else base


class _Reader:
    """Reads plain data, and says where it is wrong."""

    def __init__(self, fail: Fail) -> None:
        self.fail = fail

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
        if not isinstance(data, dict):
            self.fail(where, f"a mapping is expected here; got {data!r}.")
        for key in data:
            if known is not None and key not in known:
                self.fail((*where, key), f"`{key}` is none of {', '.join(known)}{did_you_mean(key, known)}.")
        return data

    def names(self, data: Any, where: Where) -> list[str]:
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            self.fail(where, f"a list of names is expected here; got {data!r}.")
        return data

    def edges(self, data: Any, where: Where) -> list[Edge]:
        if not isinstance(data, list):
            self.fail(where, f"a list of [tail, head] is expected here; got {data!r}.")
        for i, edge in enumerate(data):
            if len(self.names(edge, (*where, i))) != 2:
                self.fail((*where, i), f"an edge is [tail, head]; got {edge!r}.")
        return [(tail, head) for tail, head in data]

    def owned(self, data: Any, where: Where, nodes: Sequence[str]) -> Any:
        lists = data if isinstance(data, dict) else {0: data}
        for agent, names in lists.items():
            there = where if lists is not data else (*where, agent)
            for name in self.names(names, there):
                if name not in nodes:
                    self.fail(there, f"`{name}` is not a node of this diagram{did_you_mean(name, nodes)}.")
        return data

    def diagram(self, data: Plain, where: Where) -> CID:
        edges = self.edges(data.get("edges", []), (*where, "edges"))
        nodes = self.names(data.get("nodes", []), (*where, "nodes"))
        if nodes:
            for i, edge in enumerate(edges):
                for name in edge:
                    if name not in nodes:
                        self.fail((*where, "edges", i), f"`{name}` is not among the nodes{did_you_mean(name, nodes)}.")
        known = [*nodes, *(name for edge in edges for name in edge)]
        with self.at(*where, "edges"):
            return CID(
                edges,
                nodes=nodes,
                decisions=self.owned(data.get("decisions", []), (*where, "decisions"), known),
                utilities=self.owned(data.get("utilities", []), (*where, "utilities"), known),
                latent=self.names(data.get("latent", []), (*where, "latent")),
            )

    # Models ------------------------------------------------------------------------------------------------------

    def model(self, cid: CID, data: Plain, symbols: Mapping[str, Any]) -> CIM:
        written = self.mapping(data["mechanisms"], ("mechanisms",), cid.nodes)
        domains: dict[str, Domain] = {}
        for node in written:
            entry = self.mapping(written[node], ("mechanisms", node))
            if cid.kind(node) != "utility":
                domains[node] = self.domain(entry, ("mechanisms", node))
        mechanisms = {
            node: self.mechanism(cid, node, written[node], domains, symbols, ("mechanisms", node)) for node in written
        }
        for node, mechanism in mechanisms.items():  # one by one, so that the first line at fault is named
            others = {name: _stand_in(cid, name, domains) for name in cid.nodes if name in mechanisms and name != node}
            if len(others) + 1 == len(cid.nodes):
                with self.at("mechanisms", node):
                    CIM(cid, {**others, node: mechanism})
        with self.at("mechanisms"):
            model = CIM(cid, mechanisms)
        rules = self.mapping(data.get("rules", {}), ("rules",), cid.decisions)
        if not rules:
            return model
        with self.at("rules"):
            return model.with_policy(
                {node: self.array(table, ("rules", node), symbols) for node, table in rules.items()}
            )

    def domain(self, entry: Plain, where: Where) -> Domain:
        values = self.values(entry, where)
        with self.at(*where):
            Choice(values)  # refuses what occurs twice
        return values

    def values(self, entry: Plain, where: Where) -> Domain:
        if "uniform" in entry and "domain" not in entry:
            return tuple(_tupled(value) for value in self.listed(entry["uniform"], (*where, "uniform")))
        if "bernoulli" in entry and "domain" not in entry:
            return (0, 1)
        if "categorical" in entry and "domain" not in entry:
            return tuple(map(_tupled, self.mapping(entry["categorical"], (*where, "categorical"))))
        if "domain" not in entry:
            self.fail(where, "a node that is not a utility needs its `domain`.")
        values = self.listed(entry["domain"], (*where, "domain"))
        return tuple(_tupled(value) for value in values)

    def listed(self, data: Any, where: Where) -> list[Any]:
        if not isinstance(data, list) or not data:
            self.fail(where, f"a list of values is expected here; got {data!r}.")
        return data

    def mechanism(
        self, cid: CID, node: str, entry: Any, domains: Mapping[str, Domain], symbols: Mapping[str, Any], where: Where
    ) -> Mechanism:
        entry = self.mapping(entry, where, ("parents", "domain", "outcome", *_WAYS))
        if cid.kind(node) == "decision":
            return Choice(domains[node])
        parents = cid.parents(node)
        given = self.names(entry.get("parents", list(parents)), (*where, "parents"))
        if sorted(given) != sorted(parents):
            self.fail(
                (*where, "parents"), f"the parents of `{node}` are {', '.join(parents) or 'none'}; got {given!r}."
            )
        ways = [way for way in _WAYS if way in entry]
        if len(ways) != 1:
            self.fail(where, f"`{node}` has one of table, map, or noise with outcome; got {', '.join(ways) or 'none'}.")
        with self.at(*where):
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

    def structural(
        self, node: str, entry: Plain, axes: Sequence[Domain], domain: Domain,
        order: tuple[Sequence[str], Sequence[str]], symbols: Mapping[str, Any], where: Where,
    ) -> Mechanism:  # fmt: skip
        given, parents = order
        noise = self.array(entry.get("noise", [1.0]), (*where, "noise"), symbols)
        key = "map" if "map" in entry else "outcome"
        shape = [len(axis) for axis in axes] + ([] if key == "map" else [len(noise)])
        index = {value: i for i, value in enumerate(domain)}
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
                self.fail((*where, key), f"{value!r} is not in the domain {domain!r} of `{node}`.")
        outcome = outcome.reshape([len(axis) for axis in axes] + [len(noise)])
        return Structural(noise, outcome.transpose([*map(given.index, parents), len(parents)]), domain)

    # Numbers -----------------------------------------------------------------------------------------------------

    def array(self, data: Any, where: Where, symbols: Mapping[str, Any]) -> Array:
        if not _holds_text(data):
            try:
                return np.array(data, dtype=np.float64)
            except (TypeError, ValueError):
                self.fail(where, f"nested lists of numbers, all rows alike in length, are expected; got {data!r:.60}.")
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
        if isinstance(data, str):
            try:
                return expressions.parse(data, symbols)
            except FileFormatError as error:
                self.fail(where, str(error))
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail(where, f"a number, or an expression in symbols, is expected here; got {data!r}.")
        return data

    def symbols(self, data: Any) -> dict[str, Any]:
        if data is None:
            return {}
        import sympy

        found = {}
        for name, assumed in self.mapping(data, ("symbols",)).items():
            facts = self.mapping(assumed, ("symbols", name))
            try:
                found[name] = sympy.Symbol(name, **facts)
            except (TypeError, ValueError, sympy.core.facts.InconsistentAssumptions) as error:
                self.fail(("symbols", name), f"{facts!r} cannot be assumed of a symbol ({error}).")
        return found

    # Setups --------------------------------------------------------------------------------------------------------

    def setup(self, base: CID | CIM, data: Plain, symbols: Mapping[str, Any]) -> TrainingSetup:
        deployments: dict[str, Deployment] = {}
        for name, entry in self.mapping(data.get("deployments") or {}, ("deployments",)).items():
            where = ("deployments", name)
            entry = self.mapping(entry, where, ("shifts", "edges"))
            edges = self.edges(entry.get("edges", []), (*where, "edges"))
            deployments[name] = Deployment(self.shifts(base, entry.get("shifts"), edges, symbols, where), edges)
            with self.at(*where):
                TrainingSetup(base, {name: deployments[name]})
        feedback = data.get("feedback", [])
        for i, pair in enumerate(feedback if isinstance(feedback, list) else [None]):
            if not isinstance(pair, list) or len(pair) not in {2, 3}:
                self.fail(("feedback", i), f"feedback is [V, W] or [V, W, credit]; got {pair!r}.")
        shared = data.get("shared_rules", [])
        for i, group in enumerate(shared if isinstance(shared, list) else [None]):
            self.names(group, ("shared_rules", i))
        phases = data.get("phases")
        if phases is not None:
            roles = self.mapping(phases, ("phases",), ("train", "update", "deploy"))
            if len(roles) < 3:
                self.fail(("phases",), "phases name the nodes of train, update and deploy.")
        learned = self.mapping(data.get("learned") or {}, ("learned",))
        world, intended = data.get("world"), data.get("intended")
        if intended is not None and not isinstance(intended, str):
            self.fail(("intended",), f"the name of a node is expected here; got {intended!r}.")
        with self.at("deployments"):
            return TrainingSetup(
                base,
                deployments,
                feedback=[tuple(pair) for pair in feedback],
                shared_rules=[tuple(group) for group in shared],
                phases=None if phases is None else Phases(**phases),
                learned={
                    decision: self.diagram(self.mapping(inside, ("learned", decision), _DIAGRAM), ("learned", decision))
                    for decision, inside in learned.items()
                },
                world=None if world is None else self.names(world, ("world",)),
                intended=intended,
            )

    def shifts(
        self,
        base: CID | CIM,
        data: Any,
        edges: Sequence[Edge],
        symbols: Mapping[str, Any],
        where: Where,
    ) -> Any:
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


def _stand_in(cid: CID, node: str, domains: Mapping[str, Domain]) -> Mechanism:
    """Return some mechanism that fits `node`, to try another one's."""
    if cid.kind(node) == "decision":
        return Choice(domains[node])
    if cid.kind(node) == "chance":
        return Uniform(*domains[node])
    return Table(np.zeros([len(domains[p]) for p in cid.parents(node)]))


def _tupled(value: Any) -> Any:
    return tuple(_tupled(part) for part in value) if isinstance(value, list) else value


def _holds_text(data: Any) -> bool:
    return any(_holds_text(part) for part in data) if isinstance(data, list) else isinstance(data, str | bool)


def _shape(data: Any) -> tuple[int, ...]:
    return (len(data), *_shape(data[0])) if isinstance(data, list) and data else ()

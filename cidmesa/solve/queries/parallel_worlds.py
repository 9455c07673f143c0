r"""Several worlds in one model.

Worlds share their exogenous noise and differ in what is set, in which rule a decision follows, or in which world a node
takes its value from. :func:`parallel_worlds` puts them into one ordinary model. A node that two worlds would compute
from the same inputs is one node there; a node that is computed apart gets its noise as an explicit parent of all its
copies [1]_. Any question across worlds is then a plain query.

References
----------
.. [1] A. Balke and J. Pearl, "Probabilistic evaluation of counterfactual queries", AAAI 1994; I. Shpitser and J. Pearl,
   "What counterfactuals can be tested", UAI 2007 (parallel worlds).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array, Ints
from cidmesa.diagram import CID, Edge
from cidmesa.errors import DiagramError, NotApplicableError, unknown
from cidmesa.mechanisms import Table, position_of
from cidmesa.model import CIM
from cidmesa.solve.tables.model_tables import index_of, not_a_value, rule_missing

if TYPE_CHECKING:
    pass


class _Free:
    """The type of :data:`FREE`."""

    def __repr__(self) -> str:
        return "FREE"


FREE = _Free()
"""As a value in :attr:`World.do`: the node is cut off from its parents and uniform, so that one query answers for all
of its values."""


@dataclass(frozen=True, slots=True)
class World:
    """One way the same noise could play out.

    Attributes
    ----------
    name
        What the world is called; its nodes are ``V@name`` where they differ from those of earlier worlds.
    do
        Nodes set to a value, or to :data:`FREE`.
    take
        Nodes that have the value they have in another, earlier world: ``{"X": "name"}``.
    cut_edges
        Edges along which the tail's value is that of another, earlier world: ``{("X", "Y"): "name"}``.
    rules
        Tables of decisions that follow another rule here.
    """

    name: str
    do: Mapping[str, Any] = field(default_factory=dict)
    take: Mapping[str, str] = field(default_factory=dict)
    cut_edges: Mapping[Edge, str] = field(default_factory=dict)
    rules: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Worlds:
    """A twin network: several worlds in one model.

    Attributes
    ----------
    model
        A model without decisions: those that matter follow their rules and are chance nodes here.
    names
        Which node of :attr:`model` stands for a node of a world: ``names["actual", "X"]``.
    """

    model: CIM
    names: Mapping[tuple[str, str], str]


def parallel_worlds(
    model: CIM,
    worlds: Sequence[World],
    wanted: Collection[tuple[str, str]],
    *,
    policy: Any = None,
) -> Worlds:
    r"""Return one model that holds the `wanted` nodes of several worlds, which share all noise.

    Parameters
    ----------
    model
        A model.
    worlds
        The worlds, each after those it refers to. The nodes of the first keep their names.
    wanted
        Pairs (world, node); what they do not descend from is left out.
    policy
        Rules of decisions without one.

    Returns
    -------
    Worlds
        The model, and the name of every wanted pair in it. Two pairs bear one name where the worlds cannot differ.

    Raises
    ------
    NotApplicableError
        A node that is computed twice has no function of parents and noise, or a decision that matters has no rule.

    Notes
    -----
    Two copies of a node are one where all their inputs are one, which is decided from the first node to the last; so
    the model is as small as the worlds' differences allow. A stochastic rule shares its noise between worlds in a way
    that no table states: a decision that is computed twice needs a deterministic rule.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("d", "x"), ("d", "u"), ("x", "u")], decisions=["d"], utilities=["u"])
    >>> model = cid.parameterise(d=[0, 1], x=cm.Noisy(lambda d: d, 0.25), u=lambda d, x: 2 * x - d)
    >>> nested = [World("d", do={"d": 1}), World("u", do={"d": 0}, take={"x": "d"})]     # u under d=0, x as if d=1
    >>> both = parallel_worlds(model, nested, [("u", "u")])
    >>> both.model.expected_utility()
    1.5
    """
    rules = {**model.rules, **model.read_policy(policy)}
    made = _Builder(model, rules)
    for world in worlds:
        made.add(world)
    return made.build(worlds[0].name, [(w, n) for w, n in wanted])


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """A node in one or several worlds: its inputs are other cells, or it is set to a value."""

    world: str
    node: str
    inputs: tuple[int, ...]
    forced: int | None = None
    free: bool = False
    rule: Array | None = None


class _Builder:
    """Cells, each distinct (node, inputs) once, and the model made of those that matter."""

    def __init__(self, model: CIM, rules: Mapping[str, Array]) -> None:
        self.model = model
        self.rules = rules
        self.cells: list[_Cell] = []
        self.known: dict[Any, int] = {}
        self.of: dict[tuple[str, str], int] = {}

    def add(self, world: World) -> None:
        """Find the cell of every node in `world`."""
        cid = self.model.cid
        if any((world.name, node) in self.of for node in cid.nodes[:1]):
            raise NotApplicableError(f"two worlds are called {world.name!r}: give each its own name.")
        for node in (*world.do, *world.take):
            cid.id(node)
        for edge in world.cut_edges:
            if not cid.has_edge(*edge):
                raise DiagramError(f"cut_edges= names the edge {edge!r}, which is not an edge of this diagram.")
        for i in cid.topological:
            node = cid.nodes[i]
            self.of[world.name, node] = self._cell(world, node)

    def _cell(self, world: World, node: str) -> int:
        if node in world.take:
            return self._earlier(world.take[node], node)
        if node in world.do:
            value = world.do[node]
            if value is FREE:
                return self._intern(("free", world.name, node), _Cell(world.name, node, (), free=True))
            position = self._position(node, value)
            return self._intern(("do", node, position), _Cell(world.name, node, (), forced=position))
        inputs = tuple(
            self._earlier(world.cut_edges[parent, node], parent)
            if (parent, node) in world.cut_edges
            else self.of[world.name, parent]
            for parent in self.model.cid.parents(node)
        )
        rule = world.rules.get(node, self.rules.get(node))
        key = None if rule is None else rule.tobytes()
        return self._intern((node, inputs, key), _Cell(world.name, node, inputs, rule=rule))

    def _earlier(self, world: str, node: str) -> int:
        if (world, node) not in self.of:
            raise unknown(world, {w for w, _ in self.of}, what="an earlier world")
        return self.of[world, node]

    def _position(self, node: str, value: Any) -> int:
        position = position_of(value, self.model.domain(node))
        if position is None:
            raise not_a_value(value, node, self.model.domain(node))
        return position

    def _intern(self, key: Any, cell: _Cell) -> int:
        if key not in self.known:
            self.known[key] = len(self.cells)
            self.cells.append(cell)
        return self.known[key]

    def build(self, first: str, wanted: Iterable[tuple[str, str]]) -> Worlds:
        """Make the model of the cells that the wanted ones descend from."""
        pairs = list(wanted)
        needed = self._needed([self.of[pair] for pair in pairs])
        twice = self._computed_twice(needed)
        names = self._names(first, needed)
        cid = self.model.cid
        taken = set(names.values())
        causes: dict[str, str] = {}
        mechanisms: dict[str, Any] = {}
        edges: list[Edge] = []
        utilities: dict[Hashable, list[str]] = {}
        for c in needed:
            cell, name = self.cells[c], names[c]
            if cell.forced is not None or cell.free:
                mechanisms[name] = Table(self._set_to(cell), domain=self.model.domain(cell.node))
                continue
            edges += [(names[i], name) for i in cell.inputs]
            if cid.kind(cell.node) == "utility":
                utilities.setdefault(cid.agent_of(cell.node), []).append(name)
                mechanisms[name] = Table(self.model.cpd(cell.node))
                continue
            domain = self.model.domain(cell.node)
            if cell.node not in twice:
                mechanisms[name] = Table(self._law(cell), domain=domain)
                continue
            noise, outcome = self._function(cell)
            if len(noise) > 1:
                cause = causes.setdefault(cell.node, _fresh(f"{cell.node}~noise", taken))
                mechanisms[cause] = Table(noise)
                edges.append((cause, name))
            else:
                outcome = outcome[..., 0]
            mechanisms[name] = Table(np.eye(len(domain))[outcome], domain=domain)
        twin = CID(edges, nodes=[names[c] for c in needed], utilities=utilities)
        return Worlds(CIM(twin, mechanisms), {pair: names[self.of[pair]] for pair in pairs})

    def _needed(self, roots: Iterable[int]) -> list[int]:
        seen: set[int] = set()
        stack = list(roots)
        while stack:
            c = stack.pop()
            if c not in seen:
                seen.add(c)
                stack.extend(self.cells[c].inputs)
        return sorted(seen)

    def _computed_twice(self, needed: Iterable[int]) -> set[str]:
        nodes = [self.cells[c].node for c in needed if self.cells[c].forced is None and not self.cells[c].free]
        return {node for node in nodes if nodes.count(node) > 1}

    def _names(self, first: str, needed: Iterable[int]) -> dict[int, str]:
        names: dict[int, str] = {}
        taken: set[str] = set()
        for c in needed:
            cell = self.cells[c]
            names[c] = _fresh(cell.node if cell.world == first else f"{cell.node}@{cell.world}", taken)
            taken.add(names[c])
        return names

    def _set_to(self, cell: _Cell) -> Array:
        k = self.model.card(cell.node)
        return np.full(k, 1.0 / k) if cell.forced is None else np.eye(k)[cell.forced]

    def _law(self, cell: _Cell) -> Array:
        if self.model.cid.kind(cell.node) != "decision":
            return self.model.cpd(cell.node)
        if cell.rule is None:
            index = index_of(self.model.cid)
            raise rule_missing(index, [self.model.cid.id(cell.node)], [None] * len(index.parents))
        return cell.rule

    def _function(self, cell: _Cell) -> tuple[Array, Ints]:
        if self.model.cid.kind(cell.node) != "decision":
            response = self.model.response(cell.node)
            return response.noise, response.outcome
        rule = self._law(cell)
        if not np.all((rule == 0) | (rule == 1)):
            raise NotApplicableError(
                f"the worlds compute `{cell.node}` apart, and its rule is stochastic: how its noise is shared between "
                "them is not stated by a table. Give it a deterministic rule, or set it with do=."
            )
        return np.ones(1), rule.argmax(axis=-1)[..., None]


def _fresh(name: str, taken: Collection[str]) -> str:
    """Return `name`, with primes until nobody else bears it."""
    while name in taken:
        name += "'"
    return name

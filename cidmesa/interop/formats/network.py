"""What the formats have in common: a network of nodes with states and tables, and how it becomes a model.

Every reader fills in a :class:`Network` and every writer is given one. What only some formats have is settled here in
one place: nodes that combine utilities are multiplied out, rows that were rounded are refused or divided by their sums,
and what decisions remember is completed.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NoReturn, TypeAlias

import numpy as np

from cidmesa.arrays import Array
from cidmesa.diagram import CID
from cidmesa.errors import CidmesaError, FileFormatError, NotApplicableError, did_you_mean
from cidmesa.interop.formats.tokens import as_number
from cidmesa.interop.origin import Origin, ReadModel
from cidmesa.interop.plain import looks_of
from cidmesa.mechanisms import Choice, Table
from cidmesa.mechanisms.place import ROW_SUM_TOLERANCE
from cidmesa.model import CIM

Recall: TypeAlias = Literal["as written", "no forgetting"]
Kind: TypeAlias = Literal["chance", "decision", "utility", "sum", "product"]

RECALLS: Final = ("as written", "no forgetting")
MOST_ENTRIES: Final = 2**24
"""How many entries all tables of a file may have together, written out."""

MOST_COMBINED: Final = 1000
"""How many nodes may combine utilities."""

SUMS_OR_PRODUCTS: Final = "utilities are combined by sums (with weights) and products only"


@dataclass(slots=True)
class Entry:
    """A node as a file has it.

    Attributes
    ----------
    name
        Its name.
    kind
        Chance, decision or utility; or a node that combines the utilities among its parents.
    where
        The place in the file, for messages.
    states
        The names of its values; none for a utility.
    parents
        In the order of the table's axes.
    numbers
        The table, row by row: parents first to last, then the node itself; ``None`` for a decision.
    weights
        Of the parents, for a sum.
    label, unit
        How pictures call it, and what a utility is counted in; empty where the file says nothing.
    position
        The centre of its picture, y downwards.
    agent
        Whose decision or utility it is, where the file says so.
    """

    name: str
    kind: Kind
    where: str
    states: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    numbers: Sequence[float] | Array | None = None
    weights: tuple[float, ...] = ()
    label: str = ""
    unit: str = ""
    position: tuple[float, float] | None = None
    agent: str = ""

    def fail(self, words: str) -> NoReturn:
        """Raise about this node."""
        raise FileFormatError(f"{self.where}: `{self.name}`: {words}")


@dataclass(slots=True)
class Network:
    """A file's content.

    Attributes
    ----------
    format, name, title
        The format's name, the file's, and what the file calls the diagram.
    entries
        The nodes by name, in file order.
    recall
        How the format's own program takes the decisions' memory.
    order
        All decisions, first to last, where the file says so.
    notes
        What the reader decided, in words.
    agents
        The agents in the file's order, where it has several.
    room
        How many entries tables may still have.
    """

    format: str
    name: str
    title: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)
    recall: Recall = "as written"
    order: tuple[str, ...] | None = None
    notes: list[str] = field(default_factory=list)
    agents: tuple[str, ...] = ()
    room: int = MOST_ENTRIES

    def spend(self, entry: Entry, count: int) -> None:
        """Count the entries of a table that is about to be written out; the file as a whole may have so many."""
        self.room -= count
        if self.room < 0:
            entry.fail(f"with its table the file has more than {MOST_ENTRIES:,} entries: give nodes fewer parents.")

    def add(self, entry: Entry) -> Entry:
        """Add a node, whose name must be new."""
        if not entry.name:
            raise FileFormatError(f"{entry.where}: a node has a name.")
        if entry.name in self.entries:
            entry.fail("is written twice.")
        self.entries[entry.name] = entry
        return entry

    def entry(self, name: str, where: str) -> Entry:
        """Return the node called `name`."""
        if name not in self.entries:
            raise FileFormatError(
                f"{where}: `{name[:80]}` is not a node of this file{did_you_mean(name, self.entries)}."
            )
        return self.entries[name]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of ``read`` asked for; see :func:`cidmesa.interop.files.read`."""

    decisions: tuple[str, ...] = ()
    utilities: Mapping[str, Mapping[str, float] | None] = field(default_factory=dict)
    recall: Recall | None = None
    normalise: bool = False


def grid(entry: Entry, network: Network) -> tuple[int, ...]:
    """Return the shape of a node's table, after checking that it is small enough to be written out.

    Utilities among the parents, which a node that combines utilities may have, have no axis.
    """
    cards = [len(network.entry(parent, entry.where).states) for parent in entry.parents]
    own = () if entry.kind == "utility" else (len(entry.states),)
    if math.prod([*cards, *own]) > MOST_ENTRIES or len(cards) > 62:
        entry.fail(f"its table has more than {MOST_ENTRIES:,} entries: give it fewer parents, or merge some in a node.")
    return (*cards, *own)


def turned(numbers: Sequence[float] | Array, shape: tuple[int, ...], parents: int) -> Sequence[float] | Array:
    """Return a table in which the last parent varies fastest but for the node itself, of one in which the first does.

    >>> turned([11, 21, 12, 22], (2, 2), 2).tolist()
    [11.0, 12.0, 21.0, 22.0]
    """
    if np.size(numbers) != math.prod(shape):
        return numbers  # refused later, with both counts
    array = np.asarray(numbers, dtype=np.float64).reshape((*reversed(shape[:parents]), *shape[parents:]))
    return array.transpose([*reversed(range(parents)), *range(parents, len(shape))]).reshape(-1)


# From a file to a model ---------------------------------------------------------------------------------------------


def to_model(network: Network, options: Options) -> ReadModel | CID:
    """Make a model of what a file holds.

    Returns
    -------
    ReadModel or CID
        A bare diagram where the file has no table at all.

    Raises
    ------
    FileFormatError
        Something does not fit together; the text says where.
    """
    _check_states(network)
    _take_decisions(network, options.decisions)
    _take_utilities(network, options.utilities)
    _multiply_out(network)
    tables = [entry for entry in network.entries.values() if entry.kind != "decision"]
    bare = bool(tables) and all(entry.numbers is None for entry in tables)
    cid, recall = _remembering(_diagram(network), network, options)
    if bare:
        return cid
    mechanisms, corrections = _mechanisms(network, cid, options.normalise)
    try:
        model = CIM(cid, mechanisms)
    except CidmesaError as error:
        raise FileFormatError(f"{network.name}: {error}") from None
    return ReadModel.of(model, Origin(network.format, network.title, recall, tuple(network.notes), corrections))


def _check_states(network: Network) -> None:
    for entry in network.entries.values():
        if entry.kind in {"chance", "decision"}:
            if not entry.states:
                entry.fail("has no states: a chance node or a decision has at least one.")
            if len(set(entry.states)) < len(entry.states):
                twice = next(s for i, s in enumerate(entry.states) if s in entry.states[:i])
                entry.fail(f"has the state `{twice[:80]}` twice.")
        if len(set(entry.parents)) < len(entry.parents):
            entry.fail("has a parent twice.")
        for parent in entry.parents:
            above = network.entry(parent, entry.where)
            if above.kind in {"utility", "sum", "product"} and entry.kind not in {"sum", "product"}:
                entry.fail(
                    f"a utility has no children, and `{parent}` is one: make it a chance node with a utility below."
                )


def _take_decisions(network: Network, names: Iterable[str]) -> None:
    for name in names:
        entry = network.entry(name, f"{network.name}, decisions=")
        if entry.kind not in {"chance", "decision"}:
            entry.fail(f"decisions= names it, and it is a {entry.kind}.")
        entry.kind, entry.numbers = "decision", None


def _take_utilities(network: Network, chosen: Mapping[str, Mapping[str, float] | None]) -> None:
    """Turn chance nodes into utilities: the mean of what their states are worth."""
    for name, worth in chosen.items():
        entry = network.entry(name, f"{network.name}, utilities=")
        if entry.kind == "utility":
            continue
        if entry.kind != "chance":
            entry.fail(f"utilities= names it, and it is a {entry.kind}.")
        values = [_worth(entry, state, worth) for state in entry.states]
        below = [other.name for other in network.entries.values() if name in other.parents]
        if below:
            entry.fail(f"utilities= names it, and it has the child `{below[0]}`: a utility has no children.")
        if entry.numbers is None:
            entry.fail("has no table.")
        shape = grid(entry, network)
        law = _shaped(entry, shape)
        if not np.all((law == 0) | (law == 1)):
            network.notes.append(f"`{name}` was random: the utility is its mean in each context of its parents.")
        with np.errstate(over="ignore", invalid="ignore"):
            mean = law @ np.array(values)
        entry.kind, entry.states, entry.numbers = "utility", (), mean


def _worth(entry: Entry, state: str, worth: Mapping[str, float] | None) -> float:
    if worth is not None:
        if state not in worth:
            entry.fail(f"utilities= says nothing of its state `{state[:80]}`{did_you_mean(state, worth)}.")
        return float(worth[state])
    number = as_number(state)
    if number is None:
        entry.fail(
            f"utilities= names it, and its state `{state[:80]}` is no number: say what each is worth, "
            f"utilities={{{entry.name!r}: {{{state[:40]!r}: 0.0, ..}}}}."
        )
    return number


def _shaped(entry: Entry, shape: tuple[int, ...]) -> Array:
    """Return the table of a node as an array, after checking how many numbers there are."""
    numbers = entry.numbers if entry.numbers is not None else ()
    want = math.prod(shape)
    if len(np.shape(numbers)) == 1 and len(numbers) != want:
        entry.fail(f"its table has {len(numbers):,} numbers, and its parents and states ask for {want:,}.")
    return np.asarray(numbers, dtype=np.float64).reshape(shape)


# Nodes that combine utilities ---------------------------------------------------------------------------------------


def _multiply_out(network: Network) -> None:
    """Replace every node that combines utilities: a sum by its parts with their weights, a product by one table.

    Several nodes that nothing combines further count as a sum, as all programs have it.
    """
    entries = network.entries
    combined = {e.name: e for e in entries.values() if e.kind in {"sum", "product"}}
    if not combined:
        return
    if len(combined) > MOST_COMBINED:
        next(iter(combined.values())).fail(f"more than {MOST_COMBINED:,} nodes combine utilities.")
    used = {parent for entry in combined.values() for parent in entry.parents}
    base = {e.name: e for e in entries.values() if e.kind == "utility"}
    sums: dict[str, dict[str, float]] = {name: {name: 1.0} for name in base}
    for entry in _parts_first(combined, network):
        if entry.kind == "product":
            base[entry.name] = _product(entry, [_total(sums[p], base, entry, network) for p in entry.parents], network)
            sums[entry.name] = {entry.name: 1.0}
            continue
        weights = entry.weights or (1.0,) * len(entry.parents)
        if len(weights) != len(entry.parents):
            entry.fail(f"has {len(entry.parents)} parts and {len(weights)} weights.")
        total: dict[str, float] = {}
        for parent, weight in zip(entry.parents, weights, strict=True):
            for part, times in sums[parent].items():
                total[part] = total.get(part, 0.0) + weight * times
        sums[entry.name] = total
    kept: dict[str, float] = {}
    for name in dict.fromkeys([*base, *combined]):
        if name in sums and name not in used and name in entries:
            for part, times in sums[name].items():
                kept[part] = kept.get(part, 0.0) + times if name in combined else 1.0
    for entry in combined.values():
        network.notes.append(f"`{entry.name}` combined utilities by a {entry.kind} and was multiplied out.")
    world = {e.name: e for e in entries.values() if e.kind in {"chance", "decision"}}
    scaled = {name: _times(times, base[name], network) for name, times in kept.items()}
    network.entries = {**world, **scaled}


def _parts_first(combined: Mapping[str, Entry], network: Network) -> list[Entry]:
    """Return the nodes that combine utilities such that parts come before what combines them."""
    waiting: dict[str, int] = {}
    above: dict[str, list[str]] = {}
    for entry in combined.values():
        if not entry.parents:
            entry.fail("combines no utilities.")
        waiting[entry.name] = 0
        for parent in entry.parents:
            kind = network.entries[parent].kind
            if kind in {"chance", "decision"}:
                entry.fail(f"combines utilities, and `{parent}` is a {kind}: {SUMS_OR_PRODUCTS}.")
            if parent in combined:
                waiting[entry.name] += 1
                above.setdefault(parent, []).append(entry.name)
    ready = [name for name, count in waiting.items() if count == 0]
    order = []
    while ready:
        name = ready.pop()
        order.append(combined[name])
        for other in above.get(name, ()):
            waiting[other] -= 1
            if waiting[other] == 0:
                ready.append(other)
    if len(order) < len(combined):
        next(e for e in combined.values() if waiting[e.name]).fail("combines itself.")
    return order


def _total(parts: Mapping[str, float], base: Mapping[str, Entry], entry: Entry, network: Network) -> Entry:
    """Return a weighted sum of utilities as one utility."""
    scaled = [_times(times, base[name], network) for name, times in parts.items()]
    return scaled[0] if len(scaled) == 1 else _joined(scaled, entry, network, np.add)


def _times(weight: float, entry: Entry, network: Network) -> Entry:
    """Return a utility times a weight."""
    with np.errstate(over="ignore", invalid="ignore"):
        table = weight * _shaped(entry, grid(entry, network))
    if not np.isfinite(table).all():
        entry.fail(f"times its weight {weight:g} it has a number that is too large.")
    return replace(entry, numbers=table)


def _product(entry: Entry, factors: Sequence[Entry], network: Network) -> Entry:
    return _joined(factors, entry, network, np.multiply)


def _joined(parts: Sequence[Entry], entry: Entry, network: Network, combine: np.ufunc) -> Entry:
    """Return one utility, called as `entry` is, whose table combines those of `parts`."""
    parents = tuple(dict.fromkeys(parent for part in parts for parent in part.parents))
    found = replace(entry, kind="utility", parents=parents, weights=(), numbers=None)
    shape = grid(found, network)
    network.spend(entry, math.prod(shape))
    table: Any = None
    for part in parts:
        axes = sorted(range(len(part.parents)), key=lambda i: parents.index(part.parents[i]))
        ordered = _shaped(part, grid(part, network)).transpose(axes)
        spread = ordered.reshape([shape[i] if parent in part.parents else 1 for i, parent in enumerate(parents)])
        with np.errstate(over="ignore", invalid="ignore"):
            table = spread if table is None else combine(table, spread)
    if not np.isfinite(table).all():
        entry.fail("the utilities that it combines make a number that is too large.")
    found.numbers = np.broadcast_to(table, shape)
    return found


# The diagram and the numbers ----------------------------------------------------------------------------------------


def _diagram(network: Network) -> CID:
    entries = network.entries
    owners = {e.agent for e in entries.values() if e.agent and e.kind in {"decision", "utility"}}
    decisions = [e for e in entries.values() if e.kind == "decision"]
    utilities = [e for e in entries.values() if e.kind == "utility"]
    if len(owners) > 1 and not all(e.agent for e in [*decisions, *utilities]):
        nobody = next(e for e in [*decisions, *utilities] if not e.agent)
        nobody.fail(f"belongs to no agent, and the file has the agents {', '.join(sorted(owners))}.")
    try:
        return CID(
            [(parent, e.name) for e in entries.values() for parent in e.parents],
            nodes=list(entries),
            decisions=_owned(decisions, network.agents) if len(owners) > 1 else [e.name for e in decisions],
            utilities=_owned(utilities, network.agents) if len(owners) > 1 else [e.name for e in utilities],
            attributes={e.name: known for e in entries.values() if (known := _looks(e))},
        )
    except CidmesaError as error:
        raise FileFormatError(f"{network.name}: {error}") from None


def _looks(entry: Entry) -> dict[Hashable, Any]:
    """Return what is known of a node beside the model, as attributes of the diagram."""
    label = entry.label if entry.label != entry.name else ""
    found: dict[Hashable, Any] = {"position": entry.position, "label": label, "unit": entry.unit}
    return {key: value for key, value in found.items() if value}


def _owned(entries: Iterable[Entry], agents: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {agent: [] for agent in agents}
    for entry in entries:
        found.setdefault(entry.agent, []).append(entry.name)
    return found


def _remembering(cid: CID, network: Network, options: Options) -> tuple[CID, str]:
    """Return the diagram with the links that no forgetting adds, if that is asked for or the format's habit."""
    asked = options.recall is not None
    recall = options.recall or network.recall
    if recall == "as written" or len(cid.decisions) < 2:
        return cid, recall
    order = [d for d in network.order if d in cid.decisions] if network.order and not options.decisions else None
    try:
        complete = cid.with_recall(order)
    except CidmesaError as error:
        if asked:
            raise NotApplicableError(
                f"{network.name}: {error} That is, of what read(.., recall='as written') returns."
            ) from None
        network.notes.append(f"decisions observe what the file writes: {error}")
        return cid, "as written"
    added = [f"{head} also observes {tail}" for tail, head in complete.edges[len(cid.edges) :]]
    if added:
        why = "as asked" if asked else f"as {network.format} implies"
        shown = "; ".join(added[:12]) + (f"; and {len(added) - 12} more" if len(added) > 12 else "")
        network.notes.append(f"no forgetting, {why}: {shown}.")
    return complete, recall


def _mechanisms(network: Network, cid: CID, normalise: bool) -> tuple[dict[str, Any], dict[str, float]]:
    found: dict[str, Any] = {}
    corrections: dict[str, float] = {}
    rounded: list[tuple[Entry, int, float]] = []
    for entry in network.entries.values():
        if entry.kind == "decision":
            found[entry.name] = Choice(entry.states)
            continue
        shape = grid(entry, network)
        if entry.numbers is None:
            entry.fail(
                "has no table, and other nodes have one: give it its numbers in the program that wrote the file."
            )
        network.spend(entry, math.prod(shape))
        table = _shaped(entry, shape)
        if entry.kind == "chance":
            table, rows, largest = _rows(entry, table, network, normalise)
            if rows and not normalise:
                rounded.append((entry, rows, largest))
            elif rows:
                corrections[entry.name] = largest
        found[entry.name] = Table(table, domain=entry.states if entry.kind == "chance" else None, parents=entry.parents)
    if rounded:
        _refuse(network, rounded)
    if corrections:
        worst = max(corrections, key=corrections.__getitem__)
        named = ", ".join(f"`{node}`" for node in list(corrections)[:8]) + (", …" if len(corrections) > 8 else "")
        network.notes.append(
            f"rows of {named} were divided by their sums; the largest correction, of `{worst}`, is "
            f"{corrections[worst]:.3g}."
        )
    return found, corrections


def _rows(entry: Entry, table: Array, network: Network, normalise: bool) -> tuple[Array, int, float]:
    """Return the table with rows divided by their sums if asked; how many are off, and the largest distance from 1."""
    if not (np.isfinite(table).all() and (table >= 0).all()):
        bad = table[~(np.isfinite(table) & (table >= 0))].flat[0]
        entry.fail(f"{float(bad)!r} is not a probability.")
    with np.errstate(over="ignore"):
        sums = table.sum(axis=-1, keepdims=True)
    if not np.isfinite(sums).all():
        entry.fail("its probabilities are too large to be summed.")
    off = np.abs(sums - 1) > ROW_SUM_TOLERANCE
    if not off.any():
        return table, 0, 0.0
    largest = float(np.abs(sums - 1).max())
    if normalise:
        empty = sums == 0
        if empty.any():
            network.notes.append(
                f"`{entry.name}`: {int(empty.sum())} rows of zeros, impossible contexts, read as uniform."
            )
            table = np.where(empty, 1.0 / table.shape[-1], table)
            largest = float(np.abs(sums - 1)[~empty].max(initial=0.0))
            sums = table.sum(axis=-1, keepdims=True)
        table = np.where(np.abs(sums - 1) > ROW_SUM_TOLERANCE, table / sums, table)
    return table, int(off.sum()), largest


def _refuse(network: Network, rounded: Sequence[tuple[Entry, int, float]]) -> NoReturn:
    entry, rows, _ = rounded[0]
    largest = max(most for _, _, most in rounded)
    others = f" (and rows of {len(rounded) - 1} more nodes)" if len(rounded) > 1 else ""
    zeros = ", and makes rows of zeros, impossible contexts, uniform" if largest >= 1 else ""
    entry.fail(
        f"{rows} {'row does' if rows == 1 else 'rows do'} not sum to 1{others}; the largest correction is "
        f"{largest:.3g}. If they were rounded, read(.., normalise=True) divides each by its sum{zeros}."
    )


# From a model to a file ---------------------------------------------------------------------------------------------


def from_model(model: CIM | CID, format: str, name: str) -> Network:
    """Write a model as a network: states are texts, tables row by row.

    Raises
    ------
    NotApplicableError
        The format cannot hold it: symbols, several agents, fixed rules, latent nodes, values that print alike.
    """
    cid = model if isinstance(model, CID) else model.cid
    if isinstance(model, CID):
        raise NotApplicableError(f"{format} holds numbers, and this is a bare diagram: write it as {name}.cid.yaml.")
    model.require_numeric(f"writing {format}")
    if len(cid.agents) > 1:
        raise NotApplicableError(
            f"{format} knows one agent, and this diagram has {', '.join(map(str, cid.agents))}: write it as .efg or "
            ".cid.yaml."
        )
    if model.rules:
        raise NotApplicableError(
            f"{format} has no place for fixed rules, and {', '.join(f'`{d}`' for d in model.rules)} "
            f"{'has' if len(model.rules) == 1 else 'have'} one: write model.without_rules(), or .cid.yaml."
        )
    if cid.latent:
        raise NotApplicableError(
            f"{format} has no latent nodes, and {', '.join(f'`{n}`' for n in cid.latent)} "
            f"{'is' if len(cid.latent) == 1 else 'are'}: write .cid.yaml."
        )
    found = Network(format, name, title=model.origin.title if isinstance(model, ReadModel) else "")
    for node in cid.nodes:
        kind = cid.kind(node)
        states = () if kind == "utility" else _texts(model, node, format)
        looks = looks_of(cid, node)
        found.add(
            Entry(
                node,
                kind,
                name,
                states,
                cid.parents(node),
                None if kind == "decision" else np.asarray(model.cpd(node), dtype=np.float64).reshape(-1),
                label=looks.get("label", ""),
                unit=looks.get("unit", ""),
                position=looks.get("position"),
            )
        )
    return found


def _texts(model: CIM, node: str, format: str) -> tuple[str, ...]:
    domain = model.domain(node)
    states = tuple(map(str, domain))
    if len(set(states)) < len(states):
        raise NotApplicableError(f"{format} names values by texts, and two values of `{node}` print alike: {domain!r}.")
    return states


def number(value: float) -> str:
    """Write a number so that it reads back as itself, whole ones without a point.

    >>> number(0.1), number(3.0), number(1e300)
    ('0.1', '3', '1e+300')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))

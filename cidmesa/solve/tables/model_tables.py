"""A model as the solver sees it: integers, bit masks and tables.

:class:`ModelIndex` is what a diagram alone decides, and :class:`ModelTables` adds a model's numbers. Both are made once
and kept on the object they describe, so a question that is asked again, or asked of the same diagram with other
numbers, plans nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cidmesa.arguments import require_model
from cidmesa.arrays import Array, Mask
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError, did_you_mean, quoted
from cidmesa.solve.tables.elimination import Plan

if TYPE_CHECKING:
    from cidmesa.model import CIM

T = TypeVar("T")

MAX_TABLE = 2**28
"""Entries that the largest table of a computation may have, unless the caller allows more."""

_MAX_PLANS = 2048

_NO_LIMITS: Mapping[int, Mask] = {}
_NO_READS: Mapping[int, int] = {}


@dataclass(frozen=True, slots=True)
class ModelIndex:
    """A diagram as integers: node positions, and bit masks of them.

    Attributes
    ----------
    parents
        Parents of every node, in the order of the axes of its table.
    beside
        Per node the mask of its parents.
    above
        Per node the mask of its ancestors and itself.
    kinds
        Per node ``"c"``, ``"d"`` or ``"u"``.
    plans
        Whatever was planned for this diagram, by question.
    """

    cid: CID
    parents: tuple[tuple[int, ...], ...]
    beside: tuple[int, ...]
    above: tuple[int, ...]
    kinds: str
    plans: dict[Any, Any] = field(default_factory=dict)

    def ids(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the positions of some nodes; an unknown name raises with a suggestion."""
        return tuple(map(self.cid.id, names))

    def ancestors(self, nodes: Iterable[int]) -> int:
        """Return the mask of `nodes` and all their ancestors."""
        mask = 0
        for v in nodes:
            mask |= self.above[v]
        return mask

    def planned(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was planned under `key`, planning it now if it was not."""
        found: T | None = self.plans.get(key)
        if found is None:
            if len(self.plans) >= _MAX_PLANS:
                self.plans.clear()
            found = self.plans[key] = make()
        return found


@dataclass(frozen=True, slots=True)
class ModelTables:
    """The numbers of a model by node position.

    Attributes
    ----------
    cards
        Number of values of every node; 1 for a utility.
    tables
        The table of every chance node and utility, and of every decision whose rule is fixed; else ``None``.
    """

    index: ModelIndex
    model: CIM
    cards: tuple[int, ...]
    tables: tuple[Array | None, ...]

    def scope(self, node: int) -> tuple[int, ...]:
        """Return the variables of the axes of a node's table."""
        parents = self.index.parents[node]
        return parents if self.index.kinds[node] == "u" else (*parents, node)

    def position(self, node: int, value: Any) -> int:
        """Return the position of `value` among the values of a node, or raise with a suggestion.

        The values of a utility are the numbers in its table, ascending.
        """
        name = self.index.cid.nodes[node]
        table = self.model.cpd(name) if self.index.kinds[node] == "u" else None
        domain = self.model.domain(name) if table is None or table.dtype == object else levels_of(table)
        try:
            return domain.index(value)
        except ValueError:
            raise not_a_value(value, name, domain) from None

    def limit(self, decision: int) -> Mask | None:
        """Return the allowed actions of a decision, axes: the decision, then its parents; ``None``: all of them.

        Parents on which it does not depend have an axis of length one.
        """
        found = self.model._allowed.get(self.index.cid.nodes[decision])
        if found is None:
            return None
        may = found.over([self.index.cid.nodes[v] for v in self.index.parents[decision]])
        return may.transpose(-1, *range(may.ndim - 1))

    @property
    def limits(self) -> Mapping[int, Mask]:
        """The same of every decision that has forbidden actions."""
        if not self.model._allowed:
            return _NO_LIMITS
        return {d: may for d in self.index.ids(self.model._allowed) if (may := self.limit(d)) is not None}

    @property
    def reads(self) -> Mapping[int, int]:
        """Per decision with forbidden actions the mask of the observations on which they depend."""
        if not self.model._allowed:
            return _NO_READS
        ids = self.index.cid.id
        return {ids(d): sum(1 << ids(p) for p in found.observations) for d, found in self.model._allowed.items()}

    def with_rules(self, rules: Mapping[str, Array]) -> ModelTables:
        """Return the view with some decisions' rules put in."""
        if not rules:
            return self
        tables = list(self.tables)
        for decision, rule in rules.items():
            tables[self.index.cid.id(decision)] = rule
        return ModelTables(self.index, self.model, self.cards, tuple(tables))


def index_of(cid: CID) -> ModelIndex:
    """Return the index of a diagram, made on first use."""
    cache = vars(cid)
    found: ModelIndex | None = cache.get("_solve_index")
    if found is None:
        parents = tuple(map(tuple, cid._parent_ids))
        beside, above = [0] * len(parents), [0] * len(parents)
        for v in cid.topological:
            near, mask = 0, 1 << v
            for parent in parents[v]:
                near |= 1 << parent
                mask |= above[parent]
            beside[v], above[v] = near, mask
        kinds = ["c"] * len(parents)
        for kind, names in (("d", cid.decisions), ("u", cid.utilities)):
            for name in names:
                kinds[cid.id(name)] = kind
        found = cache["_solve_index"] = ModelIndex(cid, parents, tuple(beside), tuple(above), "".join(kinds))
    return found


def view_of(model: CIM, question: str, policy: Any = None) -> ModelTables:
    """Return the numbers of a model, with the rules of `policy` put in; `question` words the refusal of symbols."""
    if not hasattr(model, "_cache"):
        require_model(model, question)
    found = model._cache.get("solve")
    if found is None:
        model.require_numeric(question)
        index = index_of(model.cid)
        nodes, kinds = model.cid.nodes, index.kinds
        domains, compiled, rules = model._domains, model._compiled, model._rules
        cards = tuple([1 if kind == "u" else len(domains[v]) for v, kind in zip(nodes, kinds, strict=True)])
        tables = tuple(
            [rules.get(v) if kind == "d" else compiled[v].table for v, kind in zip(nodes, kinds, strict=True)]
        )
        found = model._cache["solve"] = ModelTables(index, model, cards, tables)
    view: ModelTables = found
    if policy is None:
        return view
    rules = model.read_policy(policy)
    for decision, table in rules.items():
        if table.dtype == object:
            raise NotApplicableError(
                f"{question} needs numbers, and the rule of `{decision}` has symbols: put numbers in for them, or use "
                "cidmesa.solve.symbolic."
            )
    return view.with_rules(rules)


def levels_of(table: Array) -> tuple[float, ...]:
    """Return the distinct numbers in a utility's table, ascending: its values, where it is read as a variable.

    >>> import numpy as np
    >>> levels_of(np.array([[1.0, 0.0], [0.0, 1.0]]))
    (0.0, 1.0)
    """
    return tuple(np.unique(table).tolist())


def not_a_value(value: Any, name: str, domain: tuple[Any, ...]) -> NotApplicableError:
    """Build the error for a value that a node does not have."""
    return NotApplicableError(
        f"{value!r} is not a value of `{name}`{did_you_mean(value, map(str, domain))}; its domain is {domain}."
    )


def connected(scopes: Mapping[int, int], start: Iterable[int], blocked: int) -> list[int]:
    """Return the factors that hang together with those of `start` through variables not `blocked`.

    Parameters
    ----------
    scopes
        The mask of every factor, by key.
    start
        Keys of the factors to begin with.
    blocked
        Mask of the variables whose values are known.

    Notes
    -----
    With the ancestors of utilities :math:`U` and of :math:`Fa(D)` as `scopes`, the utilities as `start` and
    :math:`Fa(D)` as `blocked` these are the mechanisms relevant to :math:`D`: the moral graph of an ancestral set
    separates exactly what d-separation does.
    """
    inside = set(start)
    reached = 0
    for key in inside:
        reached |= scopes[key]
    reached &= ~blocked
    rest = [key for key in scopes if key not in inside]
    grown = True
    while grown:
        grown = False
        left = []
        for key in rest:
            if scopes[key] & reached:
                inside.add(key)
                reached |= scopes[key] & ~blocked
                grown = True
            else:
                left.append(key)
        rest = left
    return [key for key in scopes if key in inside]


def rule_missing(index: ModelIndex, nodes: Iterable[int], tables: Sequence[Array | None]) -> NotApplicableError:
    """Build the error for the decisions among `nodes` that have no rule."""
    cid = index.cid
    names = [cid.nodes[v] for v in nodes if tables[v] is None]
    shown = ", ".join(f"`{name}`" for name in names)
    first = quoted(names[0])
    if len(cid.agents) > 1:
        instead = (
            f"give its rule, model.with_policy({{{first}: ..}}); or find rules for all agents at once: "
            "policy=cidmesa.solve.pure_equilibria(model)[0]"
        )
    else:
        instead = f"give policy={{{first}: ..}}, fix the action with do={{{first}: ..}}, or take policy=model.solve()"
    return NotApplicableError(
        f"the answer depends on what {shown} {'does' if len(names) == 1 else 'do'}, and no rule says so: {instead}."
    )


def require_small(index: ModelIndex, plan: Plan, cards: Sequence[int], max_table: int) -> None:
    """Refuse, before anything is computed, a plan whose largest table has more than `max_table` entries."""
    require_entries(index, plan.largest, plan.widest, max_table)


def require_entries(index: ModelIndex, entries: int, nodes: Sequence[int], max_table: int) -> None:
    """Refuse, before it is made, a table over some nodes with more than `max_table` entries."""
    if entries <= max_table:
        return
    known = index.cid.nodes
    # Beyond the nodes there is one more variable where several policies are evaluated at once.
    names = [f"`{known[v]}`" if v < len(known) else "the number of the policy" for v in nodes]
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    raise NotApplicableError(
        f"the largest table would have {float(entries):.3g} entries, more than max_table={max_table:,}: it joins "
        f"{len(names)} variables ({shown}). Smaller domains, fewer parents (merge some in a node between), "
        "observations that are not requisite left out (minimal_reduction), or a larger max_table= (of solve, query and "
        "expected_utility) would help."
    )


def check_names(index: ModelIndex, names: Sequence[str], what: str) -> tuple[int, ...]:
    """Return the positions of `names`, refusing a bare string and repeated names."""
    if isinstance(names, str):
        raise NotApplicableError(f"{what} is a list of names; got the string {names!r}: [{quoted(names)}].")
    ids = index.ids(names)
    if len(set(ids)) < len(ids):
        raise NotApplicableError(f"{what} has a name twice: {list(names)}.")
    return ids


def agent_utilities(cid: CID, agent: Hashable, question: str) -> tuple[str, ...]:
    """Return the utilities of an agent; ``None`` is the only one."""
    if agent is None:
        if len(cid.agents) > 1:
            raise NotApplicableError(
                f"{question} is about one agent, and this diagram has {len(cid.agents)} "
                f"({', '.join(map(repr, cid.agents))}): say whose with agent={cid.agents[0]!r}."
            )
        return cid.utilities
    return cid.utilities_of(agent)

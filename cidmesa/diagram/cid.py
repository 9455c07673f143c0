r"""Causal influence diagrams.

A *causal influence diagram* (CID) is a directed acyclic graph :math:`G` whose nodes are of three kinds: *chance*
nodes :math:`X` (the world), *decisions* :math:`D` (what an agent chooses) and *utilities* :math:`U` (what it is
paid) [1]_. The parents of a decision are what the agent observes when it decides; its in-edges are *information
links*. With several agents each decision and each utility belongs to one of them [2]_.

A :class:`CID` is a value. It is checked when it is made, never changes afterwards, and can be hashed; an edit
returns a new diagram. It knows nothing of probabilities: :meth:`CID.parameterise` gives every node a mechanism.

>>> grades = CID([("ability", "grade"), ("ability", "test"), ("test", "predict"), ("predict", "accuracy"),
...               ("grade", "accuracy")], decisions=["predict"], utilities=["accuracy"])
>>> grades.parents("predict"), grades.kind("grade")
(('test',), 'chance')
>>> sorted(grades.ancestors("predict"))
['ability', 'test']

References
----------
.. [1] R. A. Howard and J. E. Matheson, "Influence diagrams", in *The Principles and Applications of Decision
   Analysis*, 1984; T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, Def. 1.
.. [2] D. Koller and B. Milch, "Multi-agent influence diagrams for representing and solving games", 2003.
.. [3] S. L. Lauritzen and D. Nilsson, "Representing and solving decision problems with limited information",
   *Management Science* 47, 2001.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Ints
from cidmesa.diagram.attributes import NONE, Attributes, about, read_attributes, with_names
from cidmesa.diagram.order import adjacency, cycle_among, is_large_and_acyclic, topological_order
from cidmesa.diagram.reading import (
    Edge,
    Kind,
    Owned,
    as_names,
    as_pairs,
    first_mentions,
    flattened,
    hidden_causes,
    read_owners,
)
from cidmesa.diagram.recall import forgotten_links
from cidmesa.errors import DiagramError, NotApplicableError, UnknownNodeError, did_you_mean, quoted, unknown

if TYPE_CHECKING:
    import networkx as nx

    from cidmesa.model import CIM


class CID:
    """A causal influence diagram: nodes, their kinds, the agents they belong to, and directed edges.

    Parameters
    ----------
    edges
        Pairs ``(tail, head)``. An edge that is written twice counts once.
    nodes
        Names in the order wanted; nodes that no edge mentions belong here. All nodes are ordered by first mention,
        those of `nodes` first.
    decisions, utilities
        The decision and utility nodes: a list for one agent (called ``0``), or a mapping from agent to names.
    latent
        Chance nodes that nobody observes; they may not have an edge into a decision.
    bidirected
        Pairs that share a hidden common cause. Each is turned into a latent node ``latent_a_b`` with edges to both.
    attributes
        What else is known, and decides nothing: a mapping from a node, an edge ``(tail, head)`` or ``None`` (the whole
        diagram) to a mapping of names to values. Other programs' positions, labels and units are kept there.

    Raises
    ------
    DiagramError
        A cycle, a node of two kinds or two agents, a utility with children, a latent node that is observed, a name
        that is not a non-empty string.
    UnknownNodeError
        A decision or utility that is neither among `nodes` nor on an edge.

    Notes
    -----
    A million edges between strings take about a second; nothing recursive, nothing quadratic.

    Examples
    --------
    >>> cid = CID([("door", "go"), ("go", "reward"), ("door", "reward")], decisions=["go"], utilities=["reward"])
    >>> cid
    CID(3 nodes, 3 edges; decisions: go; utilities: reward)
    >>> cid.nodes
    ('door', 'go', 'reward')
    >>> cid == CID([("go", "reward"), ("door", "reward"), ("door", "go")], decisions=["go"], utilities=["reward"])
    True
    """

    __slots__ = ("__dict__", "_attributes", "_heads", "_index", "_latent", "_nodes", "_owner_of", "_owners", "_tails")

    _nodes: tuple[str, ...]
    _index: dict[str, int]
    _tails: Ints
    _heads: Ints
    _owners: dict[Hashable, tuple[tuple[str, ...], tuple[str, ...]]]
    _owner_of: dict[str, tuple[Kind, Hashable]]
    _latent: tuple[str, ...]
    _attributes: Attributes

    def __init__(
        self,
        edges: Iterable[Edge] = (),
        *,
        nodes: Iterable[str] = (),
        decisions: Owned = (),
        utilities: Owned = (),
        latent: Iterable[str] = (),
        bidirected: Iterable[Edge] = (),
        attributes: Attributes = NONE,
    ) -> None:
        nodes = list(as_names(nodes, "nodes"))
        given = as_pairs(edges)
        pairs = list(given)
        hidden = list(as_names(latent, "latent"))
        causes = hidden_causes(as_pairs(bidirected))
        for cause, ends in causes.items():
            pairs += [(cause, end) for end in ends]
        hidden += causes
        # A missing name gets the next number, so one pass over the edges both finds and numbers the nodes.
        numbered: defaultdict[str, int] = defaultdict()
        numbered.default_factory = numbered.__len__
        try:
            for name in nodes:
                numbered[name]
            flat = chain.from_iterable(pairs)
            ids = np.fromiter(map(numbered.__getitem__, flat), dtype=np.intp, count=2 * len(pairs))
        except TypeError as error:
            raise DiagramError(f"a node's name is a non-empty string, and one name here is not: {error}.") from None
        index = dict(numbered)
        names = tuple(index)
        taken = set(causes).intersection(chain(nodes, chain.from_iterable(given))) if causes else set()
        if taken:
            name = min(taken)
            raise DiagramError(
                f"the hidden cause of {causes[name]!r} would be called `{name}`, and that is a node already: spell the "
                "cause out as a node of its own, and list it in latent=."
            )
        if any(type(name) is not str or not name for name in names):
            bad = next(name for name in names if type(name) is not str or not name)
            raise DiagramError(f"a node's name is a non-empty string; got {bad!r} of type {type(bad).__name__}.")
        tails, heads = first_mentions(ids[0::2], ids[1::2], len(names))
        owners, owner_of = read_owners(decisions, utilities, index)
        self._set(names, index, tails, heads, owners, owner_of, tuple(dict.fromkeys(hidden)), NONE)
        self._check()
        if attributes:
            found = read_attributes(attributes, index, lambda: frozenset(self.edges))
            object.__setattr__(self, "_attributes", found)

    def _set(
        self,
        nodes: tuple[str, ...],
        index: dict[str, int],
        tails: Ints,
        heads: Ints,
        owners: dict[Hashable, tuple[tuple[str, ...], tuple[str, ...]]],
        owner_of: dict[str, tuple[Kind, Hashable]],
        latent: tuple[str, ...],
        attributes: Attributes,
    ) -> None:
        tails.setflags(write=False)
        heads.setflags(write=False)
        for slot, value in zip(
            ("_nodes", "_index", "_tails", "_heads", "_owners", "_owner_of", "_latent", "_attributes"),
            (nodes, index, tails, heads, owners, owner_of, latent, attributes),
            strict=True,
        ):
            object.__setattr__(self, slot, value)

    def _check(self) -> None:
        if not is_large_and_acyclic(self._tails, self._heads, len(self._nodes)):
            order, stuck = topological_order(self._child_ids, self._heads)
            if stuck:
                cycle = cycle_among(stuck, self._tails, self._heads)
                walk = " -> ".join(self._nodes[i] for i in [*cycle, cycle[0]])
                raise DiagramError(
                    f"a causal influence diagram has no cycle, and these edges have {walk}: remove one of them."
                )
            vars(self)["topological"] = tuple(order)
        for utility in self.utilities:
            child = np.flatnonzero(self._tails == self._index[utility])
            if len(child):
                head = self._nodes[int(self._heads[child[0]])]
                raise DiagramError(
                    f"a utility has no children, and `{utility}` has the edge ('{utility}', '{head}'): "
                    f"make `{utility}` a chance node with a utility below it."
                )
        for name in self._latent:
            if name not in self._index:
                raise unknown(name, self._nodes)
            if self.kind(name) != "chance":
                raise DiagramError(f"only a chance node can be latent, and `{name}` is a {self.kind(name)}.")
        if self._latent:
            hidden = {self._index[name] for name in self._latent}
            for tail, head in zip(self._tails.tolist(), self._heads.tolist(), strict=True):
                if tail in hidden and self._kind_of_id(head) == "decision":
                    raise DiagramError(
                        f"a latent node is observed by nobody, and `{self._nodes[tail]}` has an information link to "
                        f"`{self._nodes[head]}`: remove the link, or leave the node out of `latent`."
                    )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a CID does not change; with_edges, with_utility and demote return a new one ({name}=).")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a CID does not change; `{name}` cannot be deleted.")

    # What is in it -----------------------------------------------------------------------------------------------

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes, in order of first mention."""
        return self._nodes

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, in the order given."""
        names = self._nodes
        return tuple((names[t], names[h]) for t, h in zip(self._tails.tolist(), self._heads.tolist(), strict=True))

    @cached_property
    def chance(self) -> tuple[str, ...]:
        """The chance nodes, in node order."""
        return tuple(name for name in self._nodes if name not in self._owner_of)

    @cached_property
    def decisions(self) -> tuple[str, ...]:
        """The decisions of all agents, in the order declared."""
        return tuple(chain.from_iterable(ds for ds, _ in self._owners.values()))

    @cached_property
    def utilities(self) -> tuple[str, ...]:
        """The utilities of all agents, in the order declared."""
        return tuple(chain.from_iterable(us for _, us in self._owners.values()))

    @property
    def agents(self) -> tuple[Hashable, ...]:
        """The agents that own a decision or a utility; ``(0,)`` where lists were given."""
        return tuple(self._owners)

    @property
    def latent(self) -> tuple[str, ...]:
        """The chance nodes declared unobservable."""
        return self._latent

    @property
    def attributes(self) -> Attributes:
        """What else is known of nodes, edges and (under ``None``) the diagram; read-only, without bearing on equality.

        >>> cid = CID([("a", "b")], attributes={"a": {"position": (0, 1)}, ("a", "b"): {"weight": 2}})
        >>> dict(cid.without_edges(("a", "b")).attributes["a"]), cid == CID([("a", "b")])
        ({'position': (0, 1)}, True)
        """
        return self._attributes

    def with_attributes(self, attributes: Attributes) -> CID:
        """Return the diagram with these attributes instead of its own."""
        return self._remade(attributes=attributes)

    def kind(self, node: str) -> Kind:
        """Return ``"chance"``, ``"decision"`` or ``"utility"``."""
        self.id(node)
        return self._owner_of[node][0] if node in self._owner_of else "chance"

    def agent_of(self, node: str) -> Hashable:
        """Return the agent that a decision or utility belongs to, ``None`` for a chance node."""
        self.id(node)
        return self._owner_of[node][1] if node in self._owner_of else None

    def decisions_of(self, agent: Hashable) -> tuple[str, ...]:
        """Return the decisions of one agent."""
        return self._owned(agent)[0]

    def utilities_of(self, agent: Hashable) -> tuple[str, ...]:
        """Return the utilities of one agent."""
        return self._owned(agent)[1]

    def only_decision(self, decision: str | None = None, *, question: str = "this question") -> str:
        """Return `decision` after checking that it is one; ``None`` stands for the only decision.

        Raises
        ------
        NotApplicableError
            `decision` is ``None`` and the diagram has none or several, or the node is not a decision.
        UnknownNodeError
            `decision` is not a node.
        """
        if decision is None:
            if len(self.decisions) == 1:
                return self.decisions[0]
            if not self.decisions:
                raise NotApplicableError(
                    f"{question} is about a decision, and this diagram has none: CID(decisions=[..])."
                )
            names = ", ".join(f"`{d}`" for d in self.decisions)
            raise NotApplicableError(
                f"{question} is about one decision, and this diagram has {len(self.decisions)} ({names}): "
                f"say which with decision={quoted(self.decisions[0])}."
            )
        if self.kind(decision) != "decision":
            names = ", ".join(f"`{d}`" for d in self.decisions) or "none"
            raise NotApplicableError(
                f"`{decision}` is a {self.kind(decision)} node, not a decision; the decisions here: {names}."
            )
        return decision

    # Who is whose relative ---------------------------------------------------------------------------------------

    def parents(self, node: str) -> tuple[str, ...]:
        """Return the parents of `node`, in the order their edges were given."""
        return self._parent_names[self.id(node)]

    def children(self, node: str) -> tuple[str, ...]:
        """Return the children of `node`, in the order their edges were given."""
        return tuple([self._nodes[i] for i in self._child_ids[self.id(node)]])

    def ancestors(self, node: str, *, strict: bool = True) -> frozenset[str]:
        """Return every node with a directed path to `node`; with ``strict=False`` also `node` itself."""
        return self._closure(node, self._parent_ids, strict)

    def descendants(self, node: str, *, strict: bool = True) -> frozenset[str]:
        """Return every node that `node` has a directed path to; with ``strict=False`` also `node` itself."""
        return self._closure(node, self._child_ids, strict)

    def has_edge(self, tail: str, head: str) -> bool:
        """Say whether ``tail -> head`` is an edge."""
        return self.id(tail) in self._parent_ids[self.id(head)]

    @property
    def graph(self) -> nx.DiGraph[str]:
        """The diagram as a frozen :class:`networkx.DiGraph`, made on demand; ``.copy()`` gives one to edit.

        Nodes carry ``kind`` and ``agent``.
        """
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from((n, {"kind": self.kind(n), "agent": self.agent_of(n)}) for n in self._nodes)
        graph.add_edges_from(self.edges)
        frozen: nx.DiGraph[str] = nx.freeze(graph)
        return frozen

    # Edits: each returns a new diagram ---------------------------------------------------------------------------

    def with_edges(self, *edges: Edge | Iterable[Edge]) -> CID:
        """Return the diagram with `edges` appended; new names become chance nodes.

        >>> CID([("a", "b")]).with_edges(("b", "c"), ("a", "c")).parents("c")
        ('b', 'a')
        """
        return self._remade(edges=[*self.edges, *flattened(edges)])

    def without_edges(self, *edges: Edge | Iterable[Edge]) -> CID:
        """Return the diagram without `edges`; every node stays.

        Raises
        ------
        DiagramError
            One of `edges` is not an edge of the diagram.
        """
        drop = set()
        for tail, head in flattened(edges):
            if not self.has_edge(tail, head):
                raise DiagramError(
                    f"('{tail}', '{head}') is not an edge of this diagram; `{head}` has the parents "
                    f"{', '.join(f'`{p}`' for p in self.parents(head)) or 'none'}."
                )
            drop.add((self._index[tail], self._index[head]))
        keep = np.fromiter(
            (pair not in drop for pair in zip(self._tails.tolist(), self._heads.tolist(), strict=True)),
            dtype=np.bool_,
            count=len(self._tails),
        )
        return self._with_arrays(self._tails[keep], self._heads[keep])

    def with_utility(self, name: str, parents: Iterable[str], *, agent: Hashable = None) -> CID:
        """Return the diagram with one more utility, a child of all of `parents`.

        `agent` may be left out where the diagram has exactly one.
        """
        if name in self._index:
            raise DiagramError(f"`{name}` is a node of this diagram already: choose another name for the new utility.")
        tails = tuple(parents)
        for tail in tails:
            self.id(tail)
        if agent is None:
            if len(self._owners) > 1:
                raise NotApplicableError(
                    f"whose utility is `{name}`? This diagram has the agents {self.agents}: agent=."
                )
            agent = next(iter(self._owners), 0)
        owned = {a: list(us) for a, (_, us) in self._owners.items()}
        owned.setdefault(agent, []).append(name)
        return self._remade(
            nodes=[*self._nodes, name], edges=[*self.edges, *((t, name) for t in tails)], utilities=owned
        )

    def demote(self, *names: str) -> CID:
        """Return the diagram in which the decisions or utilities `names` are chance nodes."""
        for name in names:
            self.id(name)
        gone = set(names)
        return self._remade(
            decisions={a: [d for d in ds if d not in gone] for a, (ds, _) in self._owners.items()},
            utilities={a: [u for u in us if u not in gone] for a, (_, us) in self._owners.items()},
        )

    def with_recall(self, order: Iterable[str] | None = None) -> CID:
        """Return the diagram in which no agent forgets: a decision also observes all earlier ones of its agent.

        With them it observes what they observed. The order in which an agent decides is that of the directed paths
        between its decisions, or `order`, which lists all decisions. Diagrams of other programs often mean this
        without drawing it (Lauritzen and Nilsson 2001).

        Raises
        ------
        NotApplicableError
            `order` is left out, and no directed path says which of two decisions comes first.
        DiagramError
            `order` is not a list of all decisions, contradicts the diagram, or a latent node would be observed.

        Examples
        --------
        >>> cid = CID([("x", "test"), ("test", "treat"), ("treat", "u")], decisions=["test", "treat"], utilities=["u"])
        >>> cid.with_recall().parents("treat")
        ('test', 'x')
        """
        links = forgotten_links(self, order)
        return self.with_edges(links) if links else self

    def revealed(self, *names: str) -> CID:
        """Return the diagram in which `names` are not latent, so that they may be observed."""
        for name in names:
            self.id(name)
        return self._remade(latent=[name for name in self._latent if name not in names])

    def renamed(self, names: Mapping[str, str]) -> CID:
        """Return the diagram with nodes renamed by the mapping old → new."""
        for old in names:
            self.id(old)
        new = {old: names.get(old, old) for old in self._nodes}
        if len(set(new.values())) < len(new):
            raise DiagramError("after renaming two nodes would bear one name: give each its own.")
        return CID(
            [(new[t], new[h]) for t, h in self.edges],
            nodes=[new[n] for n in self._nodes],
            decisions={a: [new[d] for d in ds] for a, (ds, _) in self._owners.items()},
            utilities={a: [new[u] for u in us] for a, (_, us) in self._owners.items()},
            latent=[new[n] for n in self._latent],
            attributes=with_names(self._attributes, new),
        )

    # Where the road leads on (lazy, one line each) ---------------------------------------------------------------

    def parameterise(self, mechanisms: Mapping[str, Any] | None = None, /, **named: Any) -> CIM:
        """Give every node a mechanism and return the model; see :class:`cidmesa.CIM`."""
        from cidmesa.model import CIM

        return CIM(self, mechanisms, **named)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from cidmesa.render import mimebundle

        bundle: dict[str, str] = mimebundle(self)
        return bundle

    def render(self, path: Any = None, **options: Any) -> Any:
        """Draw the diagram; see :func:`cidmesa.render.render`."""
        from cidmesa.render import render

        return render(self, path, **options)

    # Value semantics ---------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CID):
            return NotImplemented
        return self is other or self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __contains__(self, node: object) -> bool:
        return node in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def __reduce__(self) -> tuple[Any, ...]:
        known = {subject: dict(found) for subject, found in self._attributes.items()}
        return (_unpickle, (self.edges, self._nodes, self._owned_names(0), self._owned_names(1), self._latent, known))

    def __repr__(self) -> str:
        parts = [f"{len(self._nodes)} nodes, {len(self._tails)} edges"]
        for title, names in (("decisions", self.decisions), ("utilities", self.utilities)):
            shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
            parts.append(f"{title}: {shown or 'none'}")
        return f"CID({'; '.join(parts)})"

    # Integer view, for the rooms below ---------------------------------------------------------------------------

    def id(self, node: str) -> int:
        """Return the position of `node` in :attr:`nodes`; an unknown name raises with a suggestion."""
        try:
            return self._index[node]
        except (KeyError, TypeError):
            raise unknown(node, self._nodes) from None

    @property
    def edge_ids(self) -> tuple[Ints, Ints]:
        """Tails and heads of all edges as two read-only arrays of node positions, in the order given."""
        return self._tails, self._heads

    @cached_property
    def topological(self) -> tuple[int, ...]:
        """Node positions such that parents come before children; ties in node order."""
        return tuple(topological_order(self._child_ids, self._heads)[0])

    @cached_property
    def _parent_ids(self) -> list[list[int]]:
        return adjacency(self._heads, self._tails, len(self._nodes))

    @cached_property
    def _parent_names(self) -> list[tuple[str, ...]]:
        names = self._nodes
        return [tuple([names[i] for i in ids]) for ids in self._parent_ids]

    @cached_property
    def _child_ids(self) -> list[list[int]]:
        return adjacency(self._tails, self._heads, len(self._nodes))

    @cached_property
    def _key(self) -> tuple[Any, ...]:
        owners = frozenset((a, frozenset(ds), frozenset(us)) for a, (ds, us) in self._owners.items() if ds or us)
        return frozenset(self._nodes), frozenset(self.edges), owners, frozenset(self._latent)

    def _kind_of_id(self, i: int) -> Kind:
        owner = self._owner_of.get(self._nodes[i])
        return owner[0] if owner else "chance"

    def _owned(self, agent: Hashable) -> tuple[tuple[str, ...], tuple[str, ...]]:
        try:
            return self._owners[agent]
        except (KeyError, TypeError):
            raise UnknownNodeError(
                f"{agent!r} is not an agent of this diagram{did_you_mean(agent, map(str, self._owners))}; "
                f"the agents here: {', '.join(map(repr, self._owners)) or 'none'}."
            ) from None

    def _owned_names(self, which: int) -> dict[Hashable, tuple[str, ...]]:
        return {agent: owned[which] for agent, owned in self._owners.items()}

    def _closure(self, node: str, neighbours: list[list[int]], strict: bool) -> frozenset[str]:
        start = self.id(node)
        seen = {start}
        stack = [start]
        while stack:
            for i in neighbours[stack.pop()]:
                if i not in seen:
                    seen.add(i)
                    stack.append(i)
        if strict:
            seen.discard(start)
        return frozenset(self._nodes[i] for i in seen)

    def _remade(
        self,
        *,
        edges: Iterable[Edge] | None = None,
        nodes: Iterable[str] | None = None,
        decisions: Owned | None = None,
        utilities: Owned | None = None,
        latent: Iterable[str] | None = None,
        attributes: Attributes | None = None,
    ) -> CID:
        return CID(
            self.edges if edges is None else edges,
            nodes=self._nodes if nodes is None else nodes,
            decisions=self._owned_names(0) if decisions is None else decisions,
            utilities=self._owned_names(1) if utilities is None else utilities,
            latent=self._latent if latent is None else latent,
            attributes=self._attributes if attributes is None else attributes,
        )

    def _with_arrays(self, tails: Ints, heads: Ints) -> CID:
        """Return this diagram with fewer edges; nothing can break, so nothing is checked again."""
        new = object.__new__(CID)
        new._set(self._nodes, self._index, tails, heads, self._owners, self._owner_of, self._latent, NONE)
        if self._attributes:
            object.__setattr__(new, "_attributes", about(self._attributes, self._index, frozenset(new.edges)))
        return new


def _unpickle(
    edges: Iterable[Edge],
    nodes: Iterable[str],
    decisions: Owned,
    utilities: Owned,
    latent: Iterable[str],
    attributes: Attributes = NONE,
) -> CID:
    return CID(edges, nodes=nodes, decisions=decisions, utilities=utilities, latent=latent, attributes=attributes)

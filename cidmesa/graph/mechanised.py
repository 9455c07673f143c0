r"""Mechanisms in the picture: the mechanised diagram, relevance between mechanisms, solubility, context lifting.

The *mechanised* diagram :math:`\mathsf{m}G` adds to every node :math:`V` a parent :math:`\mathsf{M}_V` that stands for
its mechanism (:math:`\Pi_D` for the rule of a decision). :math:`V` is *relevant* to a decision :math:`D` iff
:math:`\mathsf{M}_V` is not d-separated from :math:`U^D` by :math:`Fa(D)` in :math:`\mathsf{m}G`: only then can a
change of that mechanism change what is best at :math:`D`. Between decisions this is *strategic* relevance,
s-reachability [1]_; for any node it is r-reachability [2]_. The *relevance graph* has an edge :math:`D' \to D` iff
:math:`\Pi_{D'}` is relevant to :math:`D`: :math:`D'` has to be settled first. A diagram is *soluble* (it has
sufficient recall) iff the relevance graph among each agent's decisions is acyclic; then settling them in its order is
optimal.

References
----------
.. [1] D. Koller and B. Milch, "Multi-agent influence diagrams for representing and solving games", *GEB* 45, 2003.
.. [2] L. Hammond et al., "Reasoning about causality in games", *Artificial Intelligence* 320, 2023.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from cidmesa.arguments import require_cid
from cidmesa.diagram import CID, Edge
from cidmesa.diagram.cached import cached
from cidmesa.errors import DiagramError, NotApplicableError, quoted
from cidmesa.graph.index import Index
from cidmesa.graph.reduction import goals_of
from cidmesa.graph.separation import Names, positions


def mechanism_name(cid: CID, node: str) -> str:
    """Return what :func:`mechanise` calls the mechanism of `node`: ``M_node``, for a decision ``Π_node``.

    >>> cid = CID([("rain", "go")], decisions=["go"])
    >>> mechanism_name(cid, "rain"), mechanism_name(cid, "go")
    ('M_rain', 'Π_go')
    """
    return f"Π_{node}" if cid.kind(node) == "decision" else f"M_{node}"


def mechanise(cid: CID) -> CID:
    r"""Return the mechanised diagram: a chance parent for every node that stands for its mechanism.

    Notes
    -----
    It is a device for d-separation and for drawing. An edge :math:`\Pi_D \to D` is not an observation, so ask
    incentives of the diagram itself.

    Raises
    ------
    DiagramError
        A name such as ``M_door`` is taken.

    Examples
    --------
    >>> m = mechanise(CID([("rain", "go")], decisions=["go"]))
    >>> m.edges
    (('rain', 'go'), ('M_rain', 'rain'), ('Π_go', 'go'))
    """
    require_cid(cid, "mechanise")
    return _with_parents(cid, {node: mechanism_name(cid, node) for node in cid.nodes})


def lift_context(cid: CID, nodes: Names) -> CID:
    r"""Give each of `nodes` an object-level parent ``W_node`` that sets its mechanism.

    Once a learned algorithm is frozen, no change of a mechanism :math:`\mathsf{M}_V` can reach the choice of its
    parameters. A lifted context :math:`W_V` is part of the world instead, so whether the frozen algorithm responds to
    it is a question that can be put and tested: add ``("W_v", decision)`` where the algorithm is told.

    Parameters
    ----------
    cid
        The diagram.
    nodes
        A chance or utility node, or several.

    Raises
    ------
    NotApplicableError
        One of `nodes` is a decision, whose rule is the agent's.
    DiagramError
        A name such as ``W_door`` is taken.

    References
    ----------
    Kenton et al., "Discovering agents", 2022.

    Examples
    --------
    >>> cid = CID([("door", "go"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    >>> lift_context(cid, "pay").parents("pay")
    ('go', 'W_pay')
    """
    require_cid(cid, "lift_context")
    lifted = {}
    for i in positions(cid, nodes):
        node = cid.nodes[i]
        if cid.kind(node) == "decision":
            raise NotApplicableError(
                f"`{node}` is a decision, and its rule is not part of the context: lift chance or utility nodes."
            )
        lifted[node] = f"W_{node}"
    return _with_parents(cid, lifted)


def _with_parents(cid: CID, names: dict[str, str]) -> CID:
    for node, name in names.items():
        if name in cid:
            raise DiagramError(
                f"`{name}` is a node already, and it is the name for the mechanism of `{node}`: "
                f'cid.renamed({{{quoted(name)}: ".."}}) first.'
            )
    return cid.with_edges([(name, node) for node, name in names.items()])


def relevant_mechanisms(
    cid: CID,
    decision: str | None = None,
    utilities: Iterable[str] | None = None,
    *,
    targets: Names | None = None,
    given: Iterable[str] = (),
) -> frozenset[str]:
    r"""Return the nodes whose mechanism is relevant to a decision (r-reachability; for decisions s-reachability).

    :math:`V` is relevant iff not :math:`\mathsf{M}_V \perp U^D \mid Fa(D)` in the mechanised diagram.

    Parameters
    ----------
    cid
        The diagram.
    decision
        The decision; ``None`` stands for the only one.
    utilities
        What `decision` is chosen for, instead of :math:`U^D`.
    targets
        Nodes that a new utility would be a child of, all of them, instead of `utilities`.
    given
        Further nodes that are known wherever the parents of `decision` are, because those tell their value.

    Returns
    -------
    frozenset of str
        Chance, decision and utility nodes, never `decision` itself.

    Notes
    -----
    A node that is left out is irrelevant in every parameterisation; one that is returned is relevant in some. One
    Bayes ball: :math:`\mathsf{M}_V` hears of it where the ball comes to an unobserved :math:`V` from below or to an
    observed one from above.

    References
    ----------
    Koller and Milch 2003, Def. 5.2 and Thm 5.1; Hammond et al. 2023.

    Examples
    --------
    >>> cid = CID([("door", "red"), ("red", "go"), ("go", "pay"), ("door", "pay"), ("rain", "mood")],
    ...           decisions=["go"], utilities=["pay"])
    >>> sorted(relevant_mechanisms(cid))
    ['door', 'pay', 'red']
    >>> sorted(relevant_mechanisms(cid, targets=["red", "pay"]))
    ['door', 'pay', 'red']
    """
    d, goals, index = goals_of(cid, decision, utilities, targets, "relevant_mechanisms")
    return frozenset(cid.nodes[v] for v in relevant_positions(index, d, goals, [cid.id(node) for node in given]))


def relevant_positions(index: Index, decision: int, goals: list[int], known: Iterable[int] = ()) -> list[int]:
    """Return the nodes whose mechanism the Bayes ball from `goals` hears of, given the family of `decision`."""
    if not goals:
        return []
    family = [decision, *index.parents(decision), *known]
    up, down = index.condition(family).reach(goals)
    d_connected = up.copy()
    d_connected[family] = down[family]
    found: list[int] = d_connected.nonzero()[0].tolist()
    return [v for v in found if v != decision]


@dataclass(frozen=True, slots=True)
class RelevanceGraph:
    """Which decision's rule matters to which other decision's choice.

    Attributes
    ----------
    nodes
        The decisions.
    edges
        Pairs ``(first, then)``: the rule of `first` is relevant to `then`, so it has to be settled first.
    components
        The condensation: the strongly connected components in an order that edges respect, each a tuple of decisions.

    Examples
    --------
    >>> cid = CID([("first", "seen"), ("seen", "then"), ("then", "pay"), ("first", "pay")],
    ...           decisions=["first", "then"], utilities=["pay"])
    >>> relevance_graph(cid).edges                       # forgetful: `then` does not see what `first` did
    (('first', 'then'), ('then', 'first'))
    >>> graph = relevance_graph(cid.with_edges(("first", "then")))
    >>> graph.edges, graph.is_acyclic, graph.order()
    ((('then', 'first'),), True, ('then', 'first'))
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    components: tuple[tuple[str, ...], ...]

    @property
    def is_acyclic(self) -> bool:
        """Whether there is an order in which the decisions can be settled one by one."""
        return len(self.components) == len(self.nodes)

    @property
    def cycle(self) -> tuple[str, ...] | None:
        """Decisions that wait for each other, each relevant to the next and the last to the first; None if acyclic."""
        cyclic_group = next((set(c) for c in self.components if len(c) > 1), None)
        if cyclic_group is None:
            return None
        after: dict[str, str] = {}
        for first, then in self.edges:
            if first in cyclic_group and then in cyclic_group:
                after.setdefault(first, then)
        walk = [min(cyclic_group, key=self.nodes.index)]
        while after[walk[-1]] not in walk:
            walk.append(after[walk[-1]])
        return tuple(walk[walk.index(after[walk[-1]]) :])

    def order(self) -> tuple[str, ...]:
        """Return the decisions, each after all that are relevant to it.

        Raises
        ------
        NotApplicableError
            There is a cycle, and it is named; :attr:`components` has the order of its knots.
        """
        cycle = self.cycle
        if cycle is not None:
            raise NotApplicableError(
                f"no order settles these decisions one by one: {' -> '.join([*cycle, cycle[0]])} are relevant to each "
                "other in a circle. `.components` orders the knots; more recall (with_edges) may undo them."
            )
        return tuple(c[0] for c in self.components)


def relevance_graph(cid: CID) -> RelevanceGraph:
    r"""Return the relevance graph: an edge :math:`D' \to D` iff :math:`\Pi_{D'}` is relevant to :math:`D`.

    Notes
    -----
    One Bayes ball a decision. With several agents each decision is judged by its own agent's utilities.

    References
    ----------
    Koller and Milch 2003, Def. 5.3 (with edges the other way round); Hammond et al. 2023.

    Examples
    --------
    >>> cid = CID([("a", "b"), ("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    >>> relevance_graph(cid).edges
    (('b', 'a'),)
    """
    known = require_cid(cid, "a relevance graph")
    return cached(known, "relevance graph", lambda: _relevance_graph(known))


def _relevance_graph(cid: CID) -> RelevanceGraph:
    edges = [(e, d) for d in cid.decisions for e in _relevant_decisions(cid, d)]
    place = {d: i for i, d in enumerate(cid.decisions)}
    edges.sort(key=lambda edge: (place[edge[0]], place[edge[1]]))
    return RelevanceGraph(cid.decisions, tuple(edges), components(cid.decisions, edges))


def _relevant_decisions(cid: CID, decision: str) -> frozenset[str]:
    return relevant_mechanisms(cid, decision) & frozenset(cid.decisions)


def is_soluble(cid: CID, agent: Hashable = ...) -> bool:
    r"""Say whether the relevance graph among each agent's decisions (or among those of `agent`) is acyclic.

    Then (*sufficient recall*) settling the decisions of an agent in the order of the graph is optimal.

    References
    ----------
    Koller and Milch 2003; Everitt et al. 2021; van Merwijk et al. 2022, Def. 6 ("soluble" = "sufficient recall").

    Examples
    --------
    >>> cid = CID([("first", "seen"), ("seen", "then"), ("then", "pay"), ("first", "pay")],
    ...           decisions=["first", "then"], utilities=["pay"])
    >>> is_soluble(cid), is_soluble(cid.with_edges(("first", "then")))
    (False, True)
    """
    edges = relevance_graph(cid).edges
    for owner in cid.agents if agent is ... else (agent,):
        own = cid.decisions_of(owner)
        if len(own) > 1 and len(components(own, [e for e in edges if e[0] in own and e[1] in own])) < len(own):
            return False
    return True


def components(nodes: tuple[str, ...], edges: Iterable[Edge]) -> tuple[tuple[str, ...], ...]:
    """Return the strongly connected components in an order that edges respect (Kosaraju, without recursion)."""
    after: dict[str, list[str]] = {v: [] for v in nodes}
    before: dict[str, list[str]] = {v: [] for v in nodes}
    for first, then in edges:
        after[first].append(then)
        before[then].append(first)
    finished: list[str] = []
    seen: set[str] = set()
    for root in reversed(nodes):
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(after[root]))]
        while stack:
            v, rest = stack[-1]
            new = next((w for w in rest if w not in seen), None)
            if new is None:
                finished.append(v)
                stack.pop()
            else:
                seen.add(new)
                stack.append((new, iter(after[new])))
    found: list[tuple[str, ...]] = []
    placed: set[str] = set()
    position = {v: i for i, v in enumerate(nodes)}
    for root in reversed(finished):
        if root in placed:
            continue
        cyclic_group = [root]
        placed.add(root)
        for v in cyclic_group:  # grows while it is read
            for w in before[v]:
                if w not in placed:
                    placed.add(w)
                    cyclic_group.append(w)
        found.append(tuple(sorted(cyclic_group, key=position.__getitem__)))
    return tuple(found)

r"""Which observations matter: requisite information links and the minimal reduction.

Let :math:`U^D` be the utilities of the agent of :math:`D` that descend from :math:`D`. An observation
:math:`X \in Pa(D)` is *requisite* iff it is not d-separated from :math:`U^D` by
:math:`Fa(D) \setminus \{X\} = (Pa(D) \cup \{D\}) \setminus \{X\}` [1]_. The rule of :math:`D` may ignore a nonrequisite
observation without loss, in every parameterisation and whatever the other rules are; so its link can be dropped.
Dropping it may make further links nonrequisite, and the fixpoint, the *minimal reduction*, does not depend on the
order [2]_.

References
----------
.. [1] E. Fagiuoli and M. Zaffalon, "A note about redundancy in influence diagrams", *IJAR* 19, 1998.
.. [2] D. Nilsson and S. L. Lauritzen, "Evaluating influence diagrams using LIMIDs", UAI 2000.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cidmesa.arguments import read_names, require_cid
from cidmesa.diagram import CID, Edge
from cidmesa.diagram.cached import cached
from cidmesa.errors import NotApplicableError
from cidmesa.graph.index import Index, Link, index_of
from cidmesa.graph.separation import Names, positions


def downstream_utilities(cid: CID, decision: str) -> tuple[str, ...]:
    r"""Return :math:`U^D`: the utilities of the agent of `decision` that descend from it.

    >>> cid = CID([("go", "pay"), ("rain", "mood")], decisions=["go"], utilities=["pay", "mood"])
    >>> downstream_utilities(cid, "go")
    ('pay',)
    """
    decision = require_cid(cid, "downstream_utilities").only_decision(decision, question="downstream_utilities")
    below = index_of(cid).descendants([cid.id(decision)])
    return tuple(u for u in cid.utilities_of(cid.agent_of(decision)) if below[cid.id(u)])


def requisite_observations(
    cid: CID,
    decision: str | None = None,
    utilities: Iterable[str] | None = None,
    *,
    targets: Names | None = None,
) -> frozenset[str]:
    r"""Return the requisite observations of a decision, the other decisions' links being as they are.

    :math:`X \in Pa(D)` is requisite iff not :math:`X \perp U^D \mid Fa(D) \setminus \{X\}`.

    Parameters
    ----------
    cid
        The diagram.
    decision
        The decision; ``None`` stands for the only one.
    utilities
        What `decision` is chosen for, instead of :math:`U^D`. Those that do not descend from it are left out.
    targets
        Nodes that a new utility would be a child of, all of them, instead of `utilities`. Without a descendant of the
        decision among them nothing is requisite.

    Returns
    -------
    frozenset of str

    Notes
    -----
    One Bayes ball. Requisites are additive in `targets`: those of a set are the union of those of its members, as
    long as the set holds a descendant of the decision. :func:`requisites_by_target` gives them for all nodes at once.

    References
    ----------
    Fagiuoli and Zaffalon 1998; Nilsson and Lauritzen 2000.

    Examples
    --------
    >>> cid = CID([("door", "go"), ("red", "go"), ("go", "pay"), ("door", "pay")],
    ...           decisions=["go"], utilities=["pay"])
    >>> requisite_observations(cid)
    frozenset({'door'})
    >>> requisite_observations(cid, targets=["red"])
    frozenset()
    >>> sorted(requisite_observations(cid, targets=["pay", "red"]))
    ['door', 'red']
    """
    d, goals, index = goals_of(cid, decision, utilities, targets, "requisite_observations")
    parents = index.parents(d)
    if not goals or not parents:
        return frozenset()
    arrived = index.connected(goals, [d, *parents])
    return frozenset(cid.nodes[p] for p in parents if arrived[p])


def requisites_by_target(cid: CID, decision: str | None = None) -> Mapping[str, frozenset[str]]:
    r"""Return, for each node, which observations a utility that is its child would make requisite.

    d-separation is symmetric, so one Bayes ball from each observation answers for all targets at once. The entry of a
    target that does not descend from the decision counts once a descendant joins it in a set of targets; the
    requisites of a set are the union of its members' entries.

    Examples
    --------
    >>> cid = CID([("door", "go"), ("red", "go"), ("go", "at_red"), ("red", "at_red")], decisions=["go"])
    >>> by_target = requisites_by_target(cid)
    >>> by_target["at_red"], by_target["door"]
    (frozenset({'red'}), frozenset({'door'}))
    """
    name = require_cid(cid, "requisites_by_target").only_decision(decision, question="requisites_by_target")
    d, index = cid.id(name), index_of(cid)
    parents = index.parents(d)
    found: list[list[str]] = [[] for _ in cid.nodes]
    for p in parents:
        arrived = index.connected([p], [d, *(q for q in parents if q != p)])
        for target in arrived.nonzero()[0].tolist():
            found[target].append(cid.nodes[p])
    known = {d, *parents}
    for z in known:  # an observed target is joined to itself alone
        found[z] = [cid.nodes[z]] if z != d else []
    none: frozenset[str] = frozenset()
    return {node: frozenset(found[i]) if found[i] else none for i, node in enumerate(cid.nodes)}


def minimal_reduction(cid: CID, decisions: Iterable[str] | None = None, *, kept: Iterable[Edge] = ()) -> CID:
    r"""Return the diagram without the information links that no optimal rule needs.

    Nonrequisite links are dropped until none is left; the result does not depend on the order. With several agents
    each decision is judged by its own agent's utilities.

    Parameters
    ----------
    cid
        The diagram.
    decisions
        Whose links may be dropped; ``None`` stands for all decisions.
    kept
        Links that are never dropped, such as those on which it depends what a decision may do (of a model,
        :meth:`cidmesa.CIM.allowed_reads`).

    Returns
    -------
    CID
        The same nodes, fewer edges; `cid` itself if there is nothing to drop.

    Notes
    -----
    The optimal value is that of `cid`, in every parameterisation and whether or not the diagram is soluble. A decision
    is looked at again only when a link that its last Bayes ball could have used has gone since. Ten decisions and a
    million edges take about half a second.

    References
    ----------
    Nilsson and Lauritzen 2000; Everitt et al. 2021, Def. 6.

    Examples
    --------
    >>> cid = CID([("door", "go"), ("red", "go"), ("go", "pay"), ("door", "pay")],
    ...           decisions=["go"], utilities=["pay"])
    >>> minimal_reduction(cid).parents("go")
    ('door',)
    >>> minimal_reduction(minimal_reduction(cid)) == minimal_reduction(cid)
    True
    >>> minimal_reduction(cid, decisions=[]) is cid
    True
    """
    require_cid(cid, "a minimal reduction")
    form = frozenset((cid.id(tail), cid.id(head)) for tail, head in kept)
    if decisions is not None or form:
        names = cid.decisions if decisions is None else read_names(decisions, "decisions=")
        some = {cid.id(cid.only_decision(d)) for d in names}
        return _reduced(cid, {d: utilities for d, utilities in owned(cid).items() if d in some}, form)
    return cached(cid, "minimal reduction", lambda: _reduced(cid, owned(cid)))


def _reduced(cid: CID, decisions: Mapping[int, Sequence[int]], kept: Collection[Link] = ()) -> CID:
    steps = reduce_links(index_of(cid), decisions, kept).steps
    return _without_positions(cid, [(p, d) for d, ps in steps for p in ps]) if steps else cid


def _without_positions(cid: CID, links: Sequence[Link]) -> CID:
    tails, heads = cid.edge_ids
    n = len(cid)
    keep = ~np.isin(tails * n + heads, [tail * n + head for tail, head in links])
    return cid._with_arrays(tails[keep], heads[keep])


def with_information_link(cid: CID, node: str, decision: str) -> CID:
    """Return the diagram in which `decision` also observes `node`; a latent `node` is latent no longer.

    >>> cid = CID([("sky", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"], latent=["sky"])
    >>> with_information_link(cid, "sky", "go").parents("go")
    ('sky',)
    """
    if require_cid(cid, "with_information_link").has_edge(node, decision):
        return cid
    return (cid.revealed(node) if node in cid.latent else cid).with_edges((node, decision))


@dataclass(frozen=True, slots=True)
class Reduction:
    """A reduced graph, and how it came about: the decisions in turn, each with the parents dropped at that step."""

    index: Index
    steps: tuple[tuple[int, tuple[int, ...]], ...]


def reduce_links(index: Index, decisions: Mapping[int, Sequence[int]], kept: Collection[Link] = ()) -> Reduction:
    """Drop nonrequisite links but those `kept` to the fixpoint; `decisions` maps each to its agent's utilities."""
    below = {d: index.descendants([d]) for d in decisions}
    order = sorted(decisions, key=lambda d: sum(bool(below[d][e]) for e in decisions))  # the last decisions first
    pending = deque(order)
    waiting = set(order)
    saw: dict[int, set[int]] = {d: set() for d in decisions}  # the decisions that d's last look could have used
    steps: list[tuple[int, tuple[int, ...]]] = []
    while pending:
        d = pending.popleft()
        waiting.discard(d)
        parents = index.parents(d)
        if not parents:
            continue
        reach = below.pop(d) if d in below else index.descendants([d])
        goals = [u for u in decisions[d] if reach[u]]
        arrived = index.connected(goals, [d, *parents])
        saw[d] = {e for e in decisions if e != d and (arrived[e] or reach[e])}
        drop = tuple(p for p in parents if not arrived[p] and (p, d) not in kept)
        if drop:
            index = index.without_links(d, drop)
            steps.append((d, drop))
            below.clear()
            for e in order:
                if d in saw[e] and e not in waiting:
                    pending.append(e)
                    waiting.add(e)
    return Reduction(index, tuple(steps))


def owned(cid: CID, agents: Iterable[Hashable] | None = None) -> dict[int, list[int]]:
    """Map each decision (of all agents, or of some) to the utilities of its agent, as positions."""
    out: dict[int, list[int]] = {}
    for agent in cid.agents if agents is None else agents:
        utilities = [cid.id(u) for u in cid.utilities_of(agent)]
        out.update(dict.fromkeys((cid.id(d) for d in cid.decisions_of(agent)), utilities))
    return out


def goals_of(
    cid: CID, decision: str | None, utilities: Iterable[str] | None, targets: Names | None, question: str
) -> tuple[int, list[int], Index]:
    """Read the arguments of a query at one decision: the decision, where its Bayes ball starts, and the index."""
    name = require_cid(cid, question).only_decision(decision, question=question)
    d, index = cid.id(name), index_of(cid)
    below = index.descendants([d])
    if targets is not None:
        if utilities is not None:
            raise NotApplicableError(f"{question} takes utilities= or targets=, not both.")
        goals = positions(cid, targets)
        return d, goals if any(below[t] and t != d for t in goals) else [], index
    chosen = cid.utilities_of(cid.agent_of(name)) if utilities is None else utilities
    return d, [u for u in positions(cid, chosen) if below[u]], index

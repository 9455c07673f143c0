r"""d-separation, and proofs of it that can be checked.

Sets of nodes :math:`A` and :math:`B` are *d-separated* by :math:`C` iff no walk between them is active, a walk being
*active* when every collider on it (:math:`\to v \leftarrow`) is in :math:`C` and no other inner node is. (In the usual
wording with paths a collider may also have a descendant in :math:`C`; a walk goes down to that descendant and comes
back.) d-separated sets are independent given :math:`C` in every parameterisation of the diagram, and d-connected
ones are dependent in some [1]_, [2]_.

An answer comes with its proof: a :class:`Path` that shows a connection or a :class:`SeparatingSet` that excludes one.
Both carry a ``check``, which is written without the Bayes ball that found them: it reads the definition for a path,
and for a separation it walks the moral graph of the ancestors (Lauritzen et al. 1990) [3]_.

References
----------
.. [1] J. Pearl, *Probabilistic Reasoning in Intelligent Systems*, 1988.
.. [2] D. Geiger, T. Verma and J. Pearl, "Identifying independence in Bayesian networks", *Networks* 20, 1990.
.. [3] S. L. Lauritzen, A. P. Dawid, B. N. Larsen and H.-G. Leimer, "Independence properties of directed Markov
   fields", *Networks* 20, 1990.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cidmesa.arguments import require_cid
from cidmesa.diagram import CID, Edge
from cidmesa.graph import plain
from cidmesa.graph.index import index_of

Names = str | Iterable[str]


def d_separated(cid: CID, xs: Names, ys: Names, given: Names = ()) -> bool:
    r"""Say whether `xs` and `ys` are d-separated by `given`.

    Nodes of `given` are left out of `xs` and `ys` first: what is known depends on nothing.

    Parameters
    ----------
    cid
        The diagram.
    xs, ys, given
        A node or several.

    Returns
    -------
    bool
        True iff :math:`xs \perp ys \mid given` in every parameterisation.

    Raises
    ------
    UnknownNodeError
        A name that is not a node of the diagram.

    Notes
    -----
    Sound and complete for d-separation. One Bayes ball: linear in the edges, no list of paths is ever made.

    Examples
    --------
    >>> fork = CID([("cause", "left"), ("cause", "right")])
    >>> d_separated(fork, "left", "right"), d_separated(fork, "left", "right", "cause")
    (False, True)
    """
    known = set(positions(cid, given))
    sources = [x for x in positions(cid, xs) if x not in known]
    targets = [y for y in positions(cid, ys) if y not in known]
    reached = index_of(cid).connected(sources, known)
    return not any(reached[y] for y in targets)


def positions(cid: CID, names: Names) -> list[int]:
    """Return the positions of a node or of several, without repetition."""
    require_cid(cid, "a question about nodes")
    if isinstance(names, str) or not isinstance(names, Iterable):
        return [cid.id(names)]
    return list(dict.fromkeys(cid.id(name) for name in names))


@dataclass(frozen=True, slots=True)
class Path:
    """Proof of a connection: a walk, node by node.

    Attributes
    ----------
    nodes
        The nodes of the walk. It may turn back at an observed node, where a collider has an observed descendant.
    given
        The observed nodes under which the walk is active, or ``None`` for a directed path.
    added, removed
        Information links that were added first, and nonrequisite links that were then removed, in that order; the
        walk is in the diagram that remains.
    reduced
        The decisions whose links are claimed to be at the fixpoint after `removed`; `check` confirms each.
    without
        Decisions that are given a single action, so that the walk has to stay clear of them.
    cut
        Edges that are cut before anything else.
    mechanised
        Whether the walk is in the mechanised diagram, ``M_node`` (for a decision ``Π_node``) being the mechanism.
    ignored, besides
        Information links of a game that are dropped before anything else, each nonrequisite in its turn; those of the
        decisions `besides` are then put back.

    Examples
    --------
    >>> cid = CID([("a", "c"), ("b", "c")])
    >>> Path(("a", "c", "b"), given=frozenset({"c"})).check(cid), Path(("a", "c", "b"), given=frozenset()).check(cid)
    (True, False)
    """

    nodes: tuple[str, ...]
    given: frozenset[str] | None = None
    added: tuple[Edge, ...] = ()
    removed: tuple[Edge, ...] = ()
    reduced: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    cut: tuple[Edge, ...] = ()
    mechanised: bool = False
    ignored: tuple[Edge, ...] = ()
    besides: tuple[str, ...] = ()

    def check(self, cid: CID) -> bool:
        """Check the walk against the definition, edge by edge, after replaying what was added and removed."""
        work = _Plain.replay(cid, self)
        if work is None or not self.nodes or any(v not in work.parents for v in self.nodes):
            return False
        if not all(work.parents[d] <= work.requisite(d) for d in self.reduced):
            return False
        if self.given is None:
            return all(a in work.parents[b] for a, b in pairwise(self.nodes))
        for a, b in pairwise(self.nodes):
            if a not in work.parents[b] and b not in work.parents[a]:
                return False
        inner = zip(self.nodes, self.nodes[1:], self.nodes[2:], strict=False)
        return all((v in self.given) == (a in work.parents[v] and b in work.parents[v]) for a, v, b in inner)

    def __str__(self) -> str:
        if self.given is None:
            return " -> ".join(self.nodes)
        return " – ".join(self.nodes) + (f"  given {', '.join(sorted(self.given))}" if self.given else "")


@dataclass(frozen=True, slots=True)
class SeparatingSet:
    """Proof that there is no connection: what separates `xs` from `ys`.

    Attributes
    ----------
    xs, ys
        The two sides.
    given
        The observed nodes that d-separate them, or ``None`` where the claim is that no directed path leads from `xs`
        to `ys`.
    added, removed
        Information links that were added first, and nonrequisite links that were then removed, in that order. `check`
        replays each removal with a separation of its own.
    without
        Decisions that are left out, with all their edges.
    cut
        Edges that are cut before anything else.
    mechanised
        Whether the separation is in the mechanised diagram.
    paid
        Utilities of which it is claimed besides that all their parents are decisions of their own agent, from which no
        directed path leads to another utility of that agent.
    ignored, besides
        Information links of a game that are dropped before anything else, each nonrequisite in its turn; those of the
        decisions `besides` are then put back.

    Examples
    --------
    >>> cid = CID([("a", "b"), ("b", "c")])
    >>> SeparatingSet(("a",), ("c",), frozenset({"b"})).check(cid)
    True
    >>> SeparatingSet(("a",), ("c",), None).check(cid)
    False
    """

    xs: tuple[str, ...]
    ys: tuple[str, ...]
    given: frozenset[str] | None
    added: tuple[Edge, ...] = ()
    removed: tuple[Edge, ...] = ()
    without: frozenset[str] = frozenset()
    cut: tuple[Edge, ...] = ()
    mechanised: bool = False
    paid: tuple[str, ...] = ()
    ignored: tuple[Edge, ...] = ()
    besides: tuple[str, ...] = ()

    def check(self, cid: CID) -> bool:
        """Check the separation in the moral graph of the ancestors, after replaying what was added and removed."""
        if not all(self._pays_all_it_can(cid, u) for u in self.paid):
            return False
        work = _Plain.replay(cid, replace(self, removed=()) if self.paid and self.without else self)
        if work is None or any(v not in work.parents for v in (*self.xs, *self.ys, *(self.given or ()))):
            return False
        if self.given is None:
            above = work.above(self.ys)
            return not any(x in above for x in self.xs)
        return work.separated(self.xs, self.ys, self.given)

    def _pays_all_it_can(self, cid: CID, utility: str) -> bool:
        """Check that the decisions which set a utility are its agent's, and lead to no other utility of the agent."""
        work = _Plain.replay(cid, replace(self, without=frozenset()))
        if work is None or utility not in cid or cid.kind(utility) != "utility":
            return False
        agent = cid.agent_of(utility)
        above = work.above([u for u in cid.utilities_of(agent) if u != utility])
        return all(
            cid.kind(p) == "decision" and cid.agent_of(p) == agent and p not in above for p in work.parents[utility]
        )

    def __str__(self) -> str:
        paid = ", ".join(self.paid)
        if paid and not self.xs:
            return f"only decisions set {paid}, and none of them leads to another utility{self._after()}"
        left, right = ", ".join(self.xs) or "nothing", ", ".join(self.ys) or "nothing"
        if self.given is None:
            return f"no directed path from {left} to {right}" + self._after()
        known = f"given {', '.join(sorted(self.given))}" if self.given else "given nothing"
        return f"{left} and {right} are separated {known}" + self._after()

    def _after(self) -> str:
        if self.without:
            return f" that avoids {', '.join(sorted(self.without))}"
        return f" once {', '.join(f'{t} -> {h}' for t, h in self.removed)} is dropped" if self.removed else ""


def separated_in_turn(cid: CID, links: Sequence[Edge]) -> bool:
    """Say whether information links are nonrequisite, each in its turn, as they are dropped.

    >>> cid = CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    >>> separated_in_turn(cid, [("x", "d")]), separated_in_turn(cid.with_edges(("x", "u")), [("x", "d")])
    (True, False)
    """
    return _Plain(cid).drop(links)


class _Plain:
    """A diagram as parent sets by name; what the checks read, and nothing of the index."""

    def __init__(self, cid: CID) -> None:
        self.cid = cid
        self.parents: dict[str, set[str]] = {v: set() for v in cid.nodes}
        for tail, head in cid.edges:
            self.parents[head].add(tail)

    @classmethod
    def replay(cls, cid: CID, proof: Path | SeparatingSet) -> _Plain | None:
        """Cut, ignore, add, isolate and remove; None if a step is not allowed: no link, or not a nonrequisite one."""
        work = cls(cid)
        for tail, head in proof.cut:
            if tail not in work.parents.get(head, ()):
                return None
            work.parents[head].discard(tail)
        as_drawn = {v: set(work.parents[v]) for v in proof.besides}
        if not work.drop(proof.ignored):
            return None
        work.parents |= as_drawn
        for tail, head in proof.added:
            if cid.kind(head) != "decision" or tail in work.below(head) | {head}:
                return None
            work.parents[head].add(tail)
        gone = proof.without
        if any(cid.kind(v) != "decision" for v in gone):
            return None
        if gone:
            work.parents = {v: set() if v in gone else ps - gone for v, ps in work.parents.items()}
        if not work.drop(proof.removed):
            return None
        if proof.mechanised:
            for v in cid.nodes:
                mechanism = f"Π_{v}" if cid.kind(v) == "decision" else f"M_{v}"
                work.parents[mechanism] = set()
                work.parents[v].add(mechanism)
        return work

    def drop(self, links: Sequence[Edge]) -> bool:
        """Drop links in turn; False where one is not a nonrequisite information link when its turn comes."""
        at = 0
        while at < len(links):  # those that are dropped at one decision at one time
            head = links[at][1]
            stop = next((i for i in range(at, len(links)) if links[i][1] != head), len(links))
            tails = {tail for tail, _ in links[at:stop]}
            if self.cid.kind(head) != "decision" or not tails <= self.parents[head] or tails & self.requisite(head):
                return False
            self.parents[head] -= tails
            at = stop
        return True

    def above(self, nodes: Iterable[str]) -> set[str]:
        """Return `nodes` and their ancestors."""
        return plain.above(self.parents, nodes)

    def below(self, node: str) -> set[str]:
        """Return the descendants of `node`."""
        return plain.below(self.parents, node)

    def requisite(self, decision: str) -> set[str]:
        """Return the parents of `decision` that its downstream utilities touch, given its family."""
        below = self.below(decision)
        goals = [u for u in self.cid.utilities_of(self.cid.agent_of(decision)) if u in below]
        family = self.parents[decision] | {decision}
        return plain.touched(self.parents, goals, family) & self.parents[decision] if goals else set()

    def separated(self, xs: Iterable[str], ys: Iterable[str], given: Iterable[str]) -> bool:
        return plain.separated(self.parents, xs, ys, given)

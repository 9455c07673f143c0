r"""A chain: steps that lower the best value of no model, from a diagram to one with fewer information links.

Write :math:`V^*(G)` for the best value of any model on :math:`G`. One agent, each of its decisions with a rule of its
own, finite domains, any recall. (Where decisions share a rule, what one of them ignores the other may need: labels 0
and 1, shown to one each, let a shared rule tell the two apart. There a chain proves nothing, and is refused.) Every
step leads from a graph to one on which :math:`V^*` is not lower, in all models; if what is left in the end is a part
:math:`G^*` of :math:`G`, then :math:`V^*(G^*) = V^*(G)` in all models, and every optimal policy of :math:`G^*` is one
of :math:`G`. So

* without :math:`X \to D` in :math:`G^*`, seeing :math:`X` is worth nothing to :math:`D`;
* without a directed path from :math:`X` to :math:`D` in :math:`G^*`, some optimal policy does not respond to :math:`X`;
* without one from :math:`X` to a utility, control of :math:`X` is worth nothing (the chain holds whatever :math:`X`'s
  mechanism is);
* without one from :math:`D` through :math:`X` to a utility, some optimal policy uses no influence on :math:`X`.

The certificate is the chain itself; :meth:`Chain.check` takes each step again by itself, from parent sets and the moral
graph of the ancestors, and shares no code with the search that found it.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass

from cidmesa.criteria.chains.added_links import AddedLinks
from cidmesa.criteria.chains.graph import Graph, Step
from cidmesa.criteria.others import as_one_agents
from cidmesa.diagram import CID, Edge
from cidmesa.graph.separation import SeparatingSet, separated_in_turn


@dataclass(frozen=True, slots=True)
class Chain:
    """Proof of a *no* in any diagram of one agent: steps that lower no value, and what holds of what they leave.

    Attributes
    ----------
    steps
        The steps, in order.
    gone
        Information links that are claimed not to be left.
    added
        Links that the question itself adds first, to show a decision what it does not see.
    claim
        What besides is claimed of the diagram without those links.
    agent, ignored
        In a game, whose question it is: to that agent the others' decisions are chance nodes, without those of the
        links in `ignored` that are theirs. These are nonrequisite, each in its turn, when all agents' are dropped.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("coin", "d"), ("coin", "e"), ("d", "u"), ("e", "u")], decisions=["d", "e"], utilities=["u"])
    >>> verdict = cm.admits_voi(cid, "coin", "d")
    >>> print(verdict.because)
    1. only decisions hear of coin: they may act as if its best value had come up
    So coin -> d may go.
    >>> verdict.because.check(cid), verdict.because.check(cid.with_edges(("coin", "u")))
    (True, False)
    """

    steps: tuple[Step, ...]
    gone: tuple[Edge, ...]
    added: tuple[Edge, ...] = ()
    claim: SeparatingSet | None = None
    agent: Hashable = None
    ignored: tuple[Edge, ...] = ()

    def check(self, cid: CID, shared_rules: Iterable[Collection[str]] = ()) -> bool:
        """Take every step again, each checked by itself, and look at what is left.

        False where decisions share a rule; and where the diagram has several agents and none is named, as what is
        noise to one may tell another something.

        Parameters
        ----------
        cid
            The diagram.
        shared_rules
            Groups of decisions that share one rule.
        """
        if any(len(group) > 1 for group in shared_rules):
            return False
        if len(cid.agents) > 1 and self.agent in cid.agents:
            if not separated_in_turn(cid, self.ignored):
                return False
            cid = as_one_agents(cid, self.agent, self.ignored)
        if len(cid.agents) != 1 or any(not cid.has_edge(*link) for link in set(self.gone) - set(self.added)):
            return False
        shown = tuple(link for link in self.added if not cid.has_edge(*link))
        graph = AddedLinks(shown).applied(Graph.of(cid))
        allowed = {(p, d) for d in cid.decisions for p in cid.parents(d)}.union(shown)
        for step in self.steps:
            graph = None if graph is None else step.applied(graph)
        if graph is None:
            return False
        left = {(p, d) for d in cid.decisions for p in graph.parents[d]}
        if not left <= allowed or left.intersection(self.gone):
            return False
        without = cid.without_edges([link for link in self.gone if cid.has_edge(*link)])
        return self.claim is None or self.claim.check(without)

    def __str__(self) -> str:
        links = ", ".join(f"{tail} -> {head}" for tail, head in self.gone)
        end = f"So {links} may go." if self.claim is None else f"Without {links}: {self.claim}."
        return "\n".join([*(f"{i}. {step}" for i, step in enumerate(self.steps, start=1)), end])

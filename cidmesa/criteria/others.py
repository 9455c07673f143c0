r"""What is assumed of the other agents: their rules are fixed, or they best respond for a reason.

An incentive of one agent depends on what the others do. Two assumptions are offered, by name.

**"fixed".** The others follow some rules, whatever these are. To the agent their decisions are chance nodes: the
criteria for one agent apply, sound and complete as they are there.

**"best responding".** All follow an equilibrium :math:`\sigma` of the game as drawn in which everybody looks for a
reason:

(i) every agent :math:`B` plays what is best against :math:`\sigma_{-B}` (Nash);
(ii) no rule depends on an observation that is gone in the minimal reduction :math:`G^{min}` of the whole game, in which
     nonrequisite links of *all* agents are dropped to the fixpoint;
(iii) no agent has another best response that looks at less: whose rules depend on a proper subset of the information
     links that those of :math:`\sigma_B` depend on.

The incentive is the agent's against :math:`\sigma_{-A}`; its own links are as drawn. ADMITS says that some model on the
diagram has such an equilibrium, and in it the incentive; a model comes with its equilibrium. EXCLUDES says that no
equilibrium of any model has it.

*Nash alone would say nothing new.* Let all the others be paid nothing. Then whatever they do is a best response, so
that an incentive which exists under some fixed rules exists in some equilibrium of some game. It is the reasons, (ii)
and (iii), that make a difference: an agent that is paid nothing looks at nothing.

*Nobody loses by (ii).* An equilibrium of the game on :math:`G^{min}` is one of the game on :math:`G`. Proof. Let
:math:`H` be :math:`G^{min}` with the links of :math:`B` put back. Drop those that were dropped, in the same order. At
its turn each is nonrequisite in a graph that contains what is left of :math:`H`, with the same links at :math:`B`'s
decisions; a separation there is one in the smaller graph. So it is nonrequisite there, the best value of :math:`B`
against rules that live on :math:`G^{min}` stays the same, and what was best for :math:`B` on :math:`G^{min}` is best
with all its links. ∎ In particular every game has an equilibrium with (i) and (ii), in mixtures over policies (Nash
1951). That it has one with (iii) too is not claimed.

*Soundness of no.* By (ii) the others' rules live on :math:`G^{min}`. To :math:`A` they are chance nodes of the graph
:math:`G_A`, which is :math:`G` without the links of the *others* that :math:`G^{min}` lacks. If the criterion for one
agent excludes the incentive in :math:`G_A`, no rules on :math:`G_A` have it. ∎ The certificate is the sequence of
dropped links, each checked by its own separation, and a separation in :math:`G_A`.

*Yes.* Where the incentive needs nothing from the others, because it is there when they have a single action each, it is
a theorem. Elsewhere a model is looked for: first of what :math:`A` needs (mechanisms, rules of the others, a utility
of :math:`A`), then for each other agent a utility that makes its rule at least as good as every other and strictly
better than whatever looks at less, which is a linear programme (:mod:`cidmesa.criteria.witness.best_responses`). Where
none is found the answer is UNKNOWN.

In a given equilibrium of a given game nothing needs to be drawn or assumed: :meth:`cidmesa.solve.Equilibrium.against`
is the model as it is to one agent, and the magnitudes (:func:`cidmesa.value_of_information` and its relatives) say what
is at stake in it.

References
----------
D. Koller and B. Milch, "Multi-agent influence diagrams for representing and solving games", *Games and Economic
Behavior* 45, 2003; A. Pfeffer and Y. Gal, "On the reasoning patterns of agents in games", AAAI 2007, whose
well-distinguishing strategies (ii) and (iii) are in the spirit of.

>>> from cidmesa import CID
>>> game = CID([("x", "e"), ("e", "ua"), ("d", "ua"), ("e", "ub")], decisions={"A": ["d"], "B": ["e"]},
...            utilities={"A": ["ua"], "B": ["ub"]})
>>> ignored_links(game, "A"), ignored_links(game, "B")
((('x', 'e'),), ())
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from cidmesa.criteria.analysis import Analysis, analysis_of
from cidmesa.criteria.question import ASSUMPTIONS, Others
from cidmesa.diagram import CID, Edge
from cidmesa.diagram.cached import cached
from cidmesa.errors import NotApplicableError
from cidmesa.graph.index import Index, Link, index_of
from cidmesa.graph.reduction import owned, reduce_links


def require_others(others: Others) -> None:
    """Refuse what names no assumption."""
    if others not in ASSUMPTIONS:
        choices = " or ".join(f'"{name}"' for name in ASSUMPTIONS)
        raise NotApplicableError(f"others= is {choices}; got {others!r}.")


def dropped_links(cid: CID) -> tuple[Edge, ...]:
    """Return the information links of all agents that the minimal reduction drops, in order."""
    return cached(cid, "dropped links", lambda: _named(cid, _dropped(cid, index_of(cid))))


def _dropped(cid: CID, index: Index) -> list[Link]:
    return [(p, d) for d, parents in reduce_links(index, owned(cid)).steps for p in parents]


def _named(cid: CID, links: Sequence[Link]) -> tuple[Edge, ...]:
    return tuple((cid.nodes[tail], cid.nodes[head]) for tail, head in links)


def ignored_links(cid: CID, agent: Hashable) -> tuple[Edge, ...]:
    """Return the information links of the other agents along which they have no reason to look."""
    return tuple((tail, head) for tail, head in dropped_links(cid) if cid.agent_of(head) != agent)


def seen_by(cid: CID, agent: Hashable) -> CID:
    """Return the diagram without the links that the other agents ignore."""
    return cid.without_edges(*ignored_links(cid, agent))


def as_one_agents(cid: CID, agent: Hashable, ignored: Sequence[Edge] = ()) -> CID:
    """Return the diagram as it is to one agent: what the others decide, and are paid, is chance.

    >>> game = CID([("x", "e"), ("e", "ua"), ("d", "ua"), ("e", "ub")], decisions={"A": ["d"], "B": ["e"]},
    ...            utilities={"A": ["ua"], "B": ["ub"]})
    >>> as_one_agents(game, "A")
    CID(5 nodes, 4 edges; decisions: d; utilities: ua)
    """
    theirs = [n for n in (*cid.decisions, *cid.utilities) if cid.agent_of(n) != agent]
    return cid.without_edges(*(link for link in ignored if cid.agent_of(link[1]) != agent)).demote(*theirs)


def analysis_under(cid: CID, agent: Hashable, others: Others) -> Analysis:
    """Return the analysis of one agent under an assumption about the others, made on first use and kept."""
    if others == "fixed" or not ignored_links(cid, agent):
        return analysis_of(cid, agent)
    return cached(cid, ("analysis", agent, others), lambda: analysis_on(cid, agent, index_of(cid), others))


def analysis_on(cid: CID, agent: Hashable, index: Index, others: Others) -> Analysis:
    """Return the analysis of one agent on another graph with the same nodes."""
    if others == "fixed":
        return Analysis(cid, agent, index)
    ignored = [(tail, head) for tail, head in _dropped(cid, index) if cid.agent_of(cid.nodes[head]) != agent]
    return Analysis(cid, agent, index.edited(drop=ignored) if ignored else index)


def analysis_alone(cid: CID, agent: Hashable) -> Analysis:
    """Return the analysis of one agent with a single action for every decision of the others."""
    others = [cid.id(d) for d in cid.decisions if cid.agent_of(d) != agent]
    if not others:
        return analysis_of(cid, agent)
    return cached(cid, ("analysis", agent, "alone"), lambda: Analysis(cid, agent, index_of(cid).edited(isolate=others)))

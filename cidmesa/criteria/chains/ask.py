"""Which question a chain answers, and with what claim about the diagram that it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cidmesa.clock import UNLIMITED, Budget
from cidmesa.criteria.chains.chain import Chain
from cidmesa.criteria.chains.find import Reached, reduced, without_links
from cidmesa.criteria.others import as_one_agents, dropped_links
from cidmesa.criteria.question import Question
from cidmesa.diagram import CID, Edge
from cidmesa.diagram.cached import cached
from cidmesa.graph.reduction import with_information_link
from cidmesa.graph.separation import SeparatingSet

_KINDS = {"voi": "voi", "ri": "ri", "unfairness": "ri", "ici": "ici", "voc": "voc", "indirect_voc": "indirect_voc"}
"""The criteria whose *no* a chain can prove; unfairness under optimality is a response incentive."""


def chain_for(question: Question, budget: Budget = UNLIMITED) -> Chain | None:
    """Return a chain that proves the *no* to a question about the decisions of one agent, or None.

    The agent's decisions have a rule each; to it the decisions of others are chance nodes
    (:mod:`cidmesa.criteria.others`).

    Parameters
    ----------
    question
        A question that no theorem settles.
    budget
        How long the search may take.

    Raises
    ------
    OutOfTimeError
        The budget was over before the search was.

    Notes
    -----
    That there is none proves nothing. About .1 ms for a link of a diagram of seven nodes.

    Examples
    --------
    >>> cid = CID([("coin", "d"), ("coin", "e"), ("d", "u"), ("e", "u")], decisions=["d", "e"], utilities=["u"])
    >>> print(trimmed(chain_for(Question(cid, "ri", ("coin",), "d")), cid))
    1. only decisions hear of coin: they may act as if its best value had come up
    Without coin -> d: no directed path from coin to d.
    >>> chain_for(Question(cid.with_edges(("coin", "u")), "ri", ("coin",), "d")) is None
    True
    """
    cid, kind = question.cid, _KINDS.get(question.criterion)
    if kind is None or question.cut_edges or not cid.agents:
        return None
    if len(cid.agents) > 1:
        return _in_a_game(question, budget)
    if kind == "voi":
        return _no_information(question, budget)
    found = cached(cid, "reduction by chains", lambda: reduced(cid, budget))
    gone = _dropped(cid, found)
    if gone:
        without = cid.without_edges(gone)
        for claim in _claims(question, kind):
            if claim.check(without):
                return Chain(found.steps, _needed(cid, claim, gone), claim=claim)
    return None


def _in_a_game(question: Question, budget: Budget) -> Chain | None:
    """Ask about the diagram as it is to the agent of the question."""
    if question.decision is None:
        return None
    cid = question.cid
    agent = cid.agent_of(question.decision)
    ignored = dropped_links(cid) if question.others == "best responding" else ()
    alone = cached(cid, ("as one agent's", agent, question.others), lambda: as_one_agents(cid, agent, ignored))
    found = chain_for(replace(question, cid=alone, others="fixed"), budget)
    return None if found is None else replace(found, agent=agent, ignored=ignored)


def trimmed(chain: Chain, cid: CID) -> Chain:
    """Return a chain without the steps that it does not need."""
    before = None
    while before != chain:
        before = chain
        for at in reversed(range(len(chain.steps))):
            shorter = replace(chain, steps=chain.steps[:at] + chain.steps[at + 1 :])
            if shorter.check(cid):
                chain = shorter
    return chain


def _no_information(question: Question, budget: Budget) -> Chain | None:
    cid, decision = question.cid, str(question.decision)
    links = tuple((node, decision) for node in question.nodes)
    added = tuple(link for link in links if not cid.has_edge(*link))
    for node, _ in added:
        cid = with_information_link(cid, node, decision)
    steps = without_links(cid, links, budget)
    return None if steps is None else Chain(steps, links, added)


def _dropped(cid: CID, found: Reached) -> tuple[Edge, ...]:
    return tuple((p, d) for d in cid.decisions for p in cid.parents(d) if (p, d) not in found.left)


def _claims(question: Question, kind: str) -> Iterator[SeparatingSet]:
    """Yield what would answer the question with no, of the diagram that is left."""
    cid, nodes = question.cid, question.nodes
    decision, utilities = (str(question.decision),), cid.utilities
    if kind == "ri":
        yield SeparatingSet(nodes, decision, None)
    elif kind == "indirect_voc":
        yield SeparatingSet(nodes, cid.decisions, None)
    elif kind == "voc":
        paid = tuple(node for node in nodes if node in utilities)
        rest = tuple(node for node in nodes if node not in utilities)
        yield SeparatingSet(rest, utilities if rest else (), None, paid=paid)
    else:
        yield SeparatingSet(decision, nodes, None)
        yield SeparatingSet(nodes, utilities, None)


def _needed(cid: CID, claim: SeparatingSet, gone: Sequence[Edge]) -> tuple[Edge, ...]:
    """Leave out links that the claim holds with as well."""
    needed = list(gone)
    for link in gone:
        fewer = [other for other in needed if other != link]
        if fewer and claim.check(cid.without_edges(fewer)):
            needed = fewer
    return tuple(needed)

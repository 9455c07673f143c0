r"""Deception by graph alone: who can be made to believe what is not so, and would it pay.

Ward et al. (2023): :math:`S` *deceives* :math:`T` about a proposition :math:`\varphi` by a decision :math:`D^S` iff

1. :math:`S` intentionally causes what :math:`T` does (:math:`D^T`),
2. :math:`T` believes :math:`\varphi`: it acts as it would if it observed that :math:`\varphi` is true, and
   otherwise than if it observed that it is false,
3. :math:`\varphi` is false, and :math:`S` does not believe it.

The first needs a path :math:`D^S \rightsquigarrow D^T \rightsquigarrow U^S` (intention, [2]_), the second that
:math:`T` does not observe what :math:`\varphi` is about.
"""

from __future__ import annotations

from cidmesa.arguments import require_cid
from cidmesa.criteria.question import Answer
from cidmesa.criteria.rulings import THEOREMS
from cidmesa.criteria.verdict import Verdict
from cidmesa.diagram import CID
from cidmesa.errors import NotApplicableError
from cidmesa.graph.separation import Names, positions


def admits_deception(cid: CID, node: Names, decision: str | None = None, *, target: str | None = None) -> Verdict:
    r"""Say whether an agent can deceive another one, by a decision, about something that nodes say.

    Criterion: the target :math:`T` does not observe all of the nodes, and :math:`D^S \rightsquigarrow D^T
    \rightsquigarrow U^S` for a utility :math:`U^S` of the agent that decides.

    Parameters
    ----------
    cid
        The diagram, of several agents.
    node
        What it is about, or several nodes for a proposition about all of them; none below the target.
    decision
        The decision of the agent that deceives; ``None`` stands for the only one that is not `target`.
    target
        The decision of the agent that is deceived; ``None`` stands for the only one of another agent.

    Returns
    -------
    Verdict
        Its ``label`` is the target. It has no witness; the notes say how one is made.

    Raises
    ------
    NotApplicableError
        Two decisions of one agent; several that could be meant; a utility, the target or a node below it.
    UnknownNodeError
        A name that is not a node.

    Notes
    -----
    Sound in every diagram. Without the path nothing about :math:`D^T` is intended. And who observes that
    :math:`\varphi` is false does what it does on observing that, so that the second condition fails.

    Complete: let the nodes of the path copy what comes before them, beside whatever else they say, :math:`U^S` pay for
    :math:`D^T = 1`, :math:`T` be paid the same for everything and do as the path tells it, and as the proposition says
    if it observes it. Let a node that :math:`T` does not observe say besides how a coin fell that nobody else sees.
    Then :math:`D^S = 1` is optimal, :math:`T` acts as if the coin had shown 1, and half of the time it has not. (Where
    it is a decision that :math:`T` does not observe, let the proposition be that it did what it never does.) That
    :math:`T` need not care is part of this: no theorem here says that it would believe the path if it did.

    The definition and that there is a graphical criterion are from [1]_. The text of its theorem could not be compared;
    what is above is a proof of its own.

    References
    ----------
    .. [1] F. R. Ward, F. Belardinelli, F. Toni and T. Everitt, "Honesty is the best policy: defining and mitigating AI
       deception", NeurIPS 2023.
    .. [2] F. R. Ward, M. MacDermott, F. Belardinelli, F. Toni and T. Everitt, "The reasons that agents act: intention
       and instrumental goals", AAMAS 2024.

    Examples
    --------
    >>> import cidmesa as cm
    >>> edges = [("state", "signal"), ("signal", "attack"), ("attack", "spared"), ("state", "right"),
    ...          ("attack", "right")]
    >>> cid = cm.CID(edges, decisions={"S": ["signal"], "T": ["attack"]}, utilities={"S": ["spared"], "T": ["right"]})
    >>> bool(admits_deception(cid, "state", "signal"))
    True
    >>> print(admits_deception(cid, "state", "signal").because)
    signal -> attack -> spared
    >>> bool(admits_deception(cid.with_edges(("state", "attack")), "state", "signal"))
    False
    >>> bool(admits_deception(cid, "state", "attack", target="signal"))
    False
    """
    require_cid(cid, "admits_deception")
    xs = positions(cid, node)
    if not xs:
        raise NotApplicableError("admits_deception is about a node or several; got none.")
    name, whom = _both(cid, decision, target)
    above, below = cid.ancestors(whom), {whom, *cid.descendants(whom)}
    for x in xs:
        if cid.kind(cid.nodes[x]) == "utility":
            raise NotApplicableError(f"deception is about what can be observed, and `{cid.nodes[x]}` is a utility.")
        if cid.nodes[x] in below:
            raise NotApplicableError(
                f"`{whom}` can have no belief about `{cid.nodes[x]}`, which "
                f"{'it is itself' if cid.nodes[x] == whom else 'comes after it'}: ask about nodes before it."
            )
    known = set(cid.parents(whom))
    hidden = any(cid.nodes[x] not in known for x in xs)
    pays = any(u in below for u in cid.utilities_of(cid.agent_of(name)))
    answer = Answer.ADMITS if hidden and name in above and pays else Answer.EXCLUDES
    nodes = tuple(cid.nodes[x] for x in xs)
    return Verdict(cid, "deception", nodes, name, answer, THEOREMS["deception"], (), False, label=whom)


def _both(cid: CID, decision: str | None, target: str | None) -> tuple[str, str]:
    """Return who deceives and who is deceived."""
    for name in (decision, target):
        if name is not None:
            cid.only_decision(name)
    whose = None if target is None else cid.agent_of(target)
    name = _only(cid, decision, "decision", [d for d in cid.decisions if target is None or cid.agent_of(d) != whose])
    agent = cid.agent_of(name)
    whom = _only(cid, target, "target", [d for d in cid.decisions if cid.agent_of(d) != agent])
    if cid.agent_of(whom) == agent:
        raise NotApplicableError(f"`{name}` and `{whom}` are decisions of one agent, which cannot deceive itself.")
    return name, whom


def _only(cid: CID, name: str | None, argument: str, choices: list[str]) -> str:
    """Return a decision, or the only one there is to choose."""
    if name is not None:
        return name
    if len(choices) != 1:
        listed = ", ".join(f"`{d}`" for d in choices) or "none"
        raise NotApplicableError(
            f"deception is between decisions of two agents, and {argument}= could be any of {listed}: name it."
            if choices
            else "deception is between decisions of two agents, and this diagram has no other: declare its agents, "
            'decisions={"S": [..], "T": [..]}.'
        )
    return choices[0]

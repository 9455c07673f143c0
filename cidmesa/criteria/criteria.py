r"""The criteria, one function each: ``admits_voi``, ``admits_voc``, ``admits_ri``, ``admits_ici`` and their relatives.

Each takes a diagram, a node (or several, where a set makes sense) and a decision, and returns a
:class:`~cidmesa.Verdict`. `decision` may be left out where there is only one.

For one decision every answer is a theorem. With several, EXCLUDES is a proof in any diagram, a separation or a chain of
steps (:mod:`cidmesa.criteria.chains`); ADMITS stands where a theorem or a checked witness carries it; the rest is
UNKNOWN, with the reason. With several agents the rules of the other agents' decisions are taken as fixed mechanisms,
or as those of an equilibrium, and the verdict says which (:mod:`cidmesa.criteria.others`).
"""

from __future__ import annotations

from collections.abc import Iterable

from cidmesa.arguments import read_edges, require_cid
from cidmesa.criteria.analysis import Analysis, analysis_of
from cidmesa.criteria.others import analysis_alone, analysis_under, require_others
from cidmesa.criteria.question import Answer, Others
from cidmesa.criteria.rulings import rule
from cidmesa.criteria.verdict import Verdict
from cidmesa.diagram import CID, Edge
from cidmesa.errors import DiagramError, NotApplicableError
from cidmesa.graph.separation import Names, positions


def admits_voi(cid: CID, node: Names, decision: str | None = None, *, others: Others = "fixed") -> Verdict:
    r"""Say whether a decision can have value of information for a node, observed already or not.

    :math:`X \notin Desc(D)` has value of information iff :math:`V^*(X \to D\ \text{added}) > V^*(X \to D\
    \text{removed})`. Criterion: :math:`X` is requisite in the minimal reduction of :math:`G` with :math:`X \to D`.

    Parameters
    ----------
    cid
        The diagram.
    node
        The node, or several for the value of observing all of them.
    decision
        The decision; ``None`` stands for the only one.
    others
        What is assumed of the other agents: ``"fixed"``, that they follow some rules, whatever these are; or ``"best
        responding"``, that all follow an equilibrium in which nobody looks at what is of no use to it
        (:mod:`cidmesa.criteria.others`). :meth:`Verdict.equilibrium` then is the one behind the witness.

    Returns
    -------
    Verdict

    Raises
    ------
    NotApplicableError
        `node` is a utility, `decision` or one of its descendants; `decision` is missing or no decision; `others` is
        neither.
    UnknownNodeError
        A name that is not a node.

    Notes
    -----
    Sound in every diagram. Complete for one decision, and for a chance node wherever the diagram with the link added
    is soluble. Where the others best respond, a yes that needs them is searched for.

    References
    ----------
    Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, Thm 9; van Merwijk, Carey and Everitt, "A
    complete criterion for value of information in soluble influence diagrams", AAAI 2022, Thm 7.

    Examples
    --------
    >>> cid = CID([("sky", "rain"), ("umbrella", "dry"), ("rain", "dry"), ("sky", "mood")],
    ...           decisions=["umbrella"], utilities=["dry"])
    >>> bool(admits_voi(cid, "rain")), bool(admits_voi(cid, "sky")), bool(admits_voi(cid, "mood"))
    (True, True, True)
    >>> bool(admits_voi(cid.with_edges(("rain", "umbrella")), "sky"))
    False

    Somebody else could look at x and act on it, so that A wants to know x; but nobody pays for that.

    >>> game = CID([("x", "e"), ("e", "ua"), ("d", "ua"), ("e", "ub")], decisions={"A": ["d"], "B": ["e"]},
    ...            utilities={"A": ["ua"], "B": ["ub"]})
    >>> bool(admits_voi(game, "x", "d")), bool(admits_voi(game, "x", "d", others="best responding"))
    (True, False)
    >>> paid = game.with_edges(("x", "ub"))
    >>> admits_voi(paid, "x", "d", others="best responding").equilibrium()
    Equilibrium(d: 0; e: {(0,): 0, (1,): 1}; values: 'A': 0.5, 'B': 2)
    """
    return judge(cid, "voi", node, decision, others=others)


def admits_voc(
    cid: CID,
    node: Names,
    decision: str | None = None,
    *,
    direct: bool | None = None,
    others: Others = "fixed",
) -> Verdict:
    r"""Say whether controlling a node can be worth something.

    :math:`X` (not a decision) has value of control iff the best value with :math:`X`'s mechanism also chosen exceeds
    :math:`V^*`. Criterion: a directed path from :math:`X` to a utility in the minimal reduction. To control a utility
    is to set it to the largest number that it can pay (:func:`cidmesa.value_of_control`); that is excluded iff it pays
    that anyway, being set by decisions of the agent alone from which, in the reduction, no directed path leads to
    another of its utilities. The value is *direct* if the path avoids the decisions, and *indirect* if it leads through
    one: then control can pay by making what the decision sees more telling. The two say by which kind of path, not how
    much: a witness of either has positive value of control.

    Parameters
    ----------
    cid
        The diagram.
    node
        The node, or several for the value of controlling all of them.
    decision
        A decision of the agent in question; it may be left out where one agent decides.
    direct
        Ask for direct (True) or for indirect (False) value of control only. Direct value needs no reduction, and its
        answer is a theorem in every diagram.
    others
        As for :func:`admits_voi`.

    Returns
    -------
    Verdict
        Of the whole diagram: ``decision`` is ``None`` in it where one agent decides.

    References
    ----------
    Everitt et al. 2021, Thm 16; Shachter and Heckerman, "Pearl causality and the value of control", 2010.

    Examples
    --------
    >>> cid = CID([("sky", "go"), ("go", "pay"), ("door", "pay")], decisions=["go"], utilities=["pay"])
    >>> bool(admits_voc(cid, "door")), bool(admits_voc(cid, "sky"))
    (True, False)
    >>> seen = cid.with_edges(("door", "go"))
    >>> bool(admits_voc(seen, "door", direct=True)), bool(admits_voc(seen, "door", direct=False))
    (True, True)
    """
    return judge(cid, {None: "voc", True: "direct_voc", False: "indirect_voc"}[direct], node, decision, others=others)


def admits_ri(cid: CID, node: Names, decision: str | None = None, *, others: Others = "fixed") -> Verdict:
    r"""Say whether optimal rules may have to respond to a node.

    There is a response incentive on :math:`X` iff every optimal policy has noise :math:`\varepsilon` and an
    :math:`x` with :math:`D_x(\varepsilon) \neq D(\varepsilon)`. Criterion: a directed path from :math:`X` to :math:`D`
    in the minimal reduction.

    Parameters
    ----------
    cid, node, decision, others
        As for :func:`admits_voi`.

    References
    ----------
    Everitt et al. 2021, Thm 12.

    Examples
    --------
    >>> cid = CID([("key", "door"), ("door", "go"), ("red", "go"), ("go", "pay"), ("door", "pay")],
    ...           decisions=["go"], utilities=["pay"])
    >>> bool(admits_ri(cid, "key")), bool(admits_ri(cid, "red"))
    (True, False)
    """
    return judge(cid, "ri", node, decision, others=others)


def admits_ici(cid: CID, node: Names, decision: str | None = None, *, others: Others = "fixed") -> Verdict:
    r"""Say whether a decision can have an instrumental control incentive on a node.

    There is one on :math:`X \neq D` iff every optimal policy has :math:`pa_D, d` with :math:`E[U_{X_d} \mid pa_D] \neq
    E[U \mid pa_D]`: influencing :math:`X` is a way to utility. Criterion: :math:`D \rightsquigarrow X
    \rightsquigarrow U` in the minimal reduction.

    Parameters
    ----------
    cid, node, decision, others
        As for :func:`admits_voi`.

    References
    ----------
    Everitt et al. 2021, Thm 18.

    Examples
    --------
    >>> cid = CID([("post", "clicks"), ("post", "opinion"), ("opinion", "votes")], decisions=["post"],
    ...           utilities=["clicks"])
    >>> bool(admits_ici(cid, "opinion")), bool(admits_ici(cid.with_edges(("opinion", "clicks")), "opinion"))
    (False, True)
    """
    return judge(cid, "ici", node, decision, others=others)


def admits_path_specific_ici(
    cid: CID, node: Names, decision: str | None = None, *, cut_edges: Iterable[Edge] | Edge = ()
) -> Verdict:
    r"""Say whether an instrumental control incentive is left when the agent is trained without some edges.

    An agent that optimises its effect along all paths but those through `cut_edges` sees a default value across them.
    Criterion: :math:`D \rightsquigarrow X \rightsquigarrow U` in the minimal reduction of what is left.

    Parameters
    ----------
    cid, node, decision
        As for :func:`admits_voi`.
    cut_edges
        Edges of the diagram, or a single one.

    Raises
    ------
    DiagramError
        One of `cut_edges` is not an edge, or not a pair.

    References
    ----------
    Farquhar, Carey and Everitt, "Path-specific objectives for safer agent incentives", AAAI 2022.

    Examples
    --------
    >>> cid = CID([("post", "opinion"), ("opinion", "clicks"), ("post", "clicks")], decisions=["post"],
    ...           utilities=["clicks"])
    >>> bool(admits_path_specific_ici(cid, "opinion"))
    True
    >>> bool(admits_path_specific_ici(cid, "opinion", cut_edges=[("post", "opinion")]))
    False
    """
    return judge(cid, "path_specific_ici", node, decision, cut_edges=read_edges(cut_edges, "cut_edges"))


def admits_impact(cid: CID, node: Names, decision: str | None = None) -> Verdict:
    r"""Say whether every optimal policy may have to move a node from where a baseline policy leaves it.

    Criterion: the node and some utility of the agent both descend from the decision.

    References
    ----------
    Carey, Langlois, Everitt and Legg, "The incentives that shape behaviour", 2020.

    Examples
    --------
    >>> cid = CID([("work", "pay"), ("work", "noise"), ("rain", "noise")], decisions=["work"], utilities=["pay"])
    >>> bool(admits_impact(cid, "noise")), bool(admits_impact(cid, "rain"))
    (True, False)
    """
    return judge(cid, "impact", node, decision)


def admits_intention(cid: CID, node: Names, decision: str | None = None) -> Verdict:
    r"""Say whether a decision can be made with the intention to bring about an outcome of a node.

    Criterion: :math:`D \rightsquigarrow O \rightsquigarrow U` in the diagram.

    References
    ----------
    Ward et al., "The reasons that agents act: intention and instrumental goals", AAMAS 2024.

    Examples
    --------
    >>> cid = CID([("work", "noise"), ("work", "pay")], decisions=["work"], utilities=["pay"])
    >>> bool(admits_intention(cid, "pay")), bool(admits_intention(cid, "noise"))
    (True, False)
    """
    return judge(cid, "intention", node, decision)


def admits_unfairness(cid: CID, node: Names, decision: str | None = None) -> Verdict:
    r"""Say whether every optimal policy may be counterfactually unfair to an attribute.

    A policy is counterfactually unfair to :math:`A` if some :math:`a` gives :math:`P(D_a \neq D) > 0`. Criterion: that
    of a response incentive on :math:`A`.

    References
    ----------
    Everitt et al. 2021, Thm 14; Kusner et al. 2017.

    Examples
    --------
    >>> cid = CID([("gender", "school"), ("school", "admit"), ("school", "grade"), ("admit", "pay"), ("grade", "pay"),
    ...            ("gender", "admit")], decisions=["admit"], utilities=["pay"])
    >>> bool(admits_unfairness(cid, "gender"))
    True
    >>> bool(admits_unfairness(cid.without_edges(("gender", "school")), "gender"))
    False
    """
    return judge(cid, "unfairness", node, decision)


def admits_introduced_unfairness(
    cid: CID, node: Names, decision: str | None = None, *, label: str | None = None
) -> Verdict:
    r"""Say whether every optimal policy may treat an attribute's groups more unequally than the label does.

    :math:`|E[D \mid A{=}1] - E[D \mid A{=}0]| > |E[Y \mid A{=}1] - E[Y \mid A{=}0]|` for every optimal policy.
    Criterion: some requisite observation is d-connected to :math:`A`.

    Parameters
    ----------
    cid, node, decision
        As for :func:`admits_voi`.
    label
        The node :math:`Y` that a utility compares the decision with, a parent of that utility. The criterion is the
        same for all of them; the argument is for the record, and for the witness.

    Raises
    ------
    NotApplicableError
        `label` is not a parent of a utility below the decision.

    References
    ----------
    Ashurst et al., "Why fair labels can yield unfair predictions", AAAI 2022.

    Examples
    --------
    >>> cid = CID([("group", "proxy"), ("proxy", "guess"), ("proxy", "truth"), ("guess", "hit"), ("truth", "hit"),
    ...            ("coin", "toss")], decisions=["guess"], utilities=["hit"])
    >>> bool(admits_introduced_unfairness(cid, "group", label="truth")), bool(admits_introduced_unfairness(cid, "coin"))
    (True, False)
    """
    return judge(cid, "introduced_unfairness", node, decision, label=label)


def admits_relevance(cid: CID, node: Names, decision: str | None = None) -> Verdict:
    r"""Say whether changing the mechanism of a node can change what is best at a decision.

    Criterion (r-reachability): not :math:`\mathsf{M}_V \perp U^D \mid Fa(D)` in the mechanised diagram.

    References
    ----------
    Koller and Milch 2003, Def. 5.2; Hammond et al. 2023.

    Examples
    --------
    >>> cid = CID([("door", "red"), ("red", "go"), ("go", "pay"), ("red", "pay")], decisions=["go"], utilities=["pay"])
    >>> bool(admits_relevance(cid, "pay")), bool(admits_relevance(cid, "door"))
    (True, False)
    """
    return judge(cid, "relevance", node, decision)


def judge(
    cid: CID,
    criterion: str,
    node: Names,
    decision: str | None = None,
    *,
    cut_edges: tuple[Edge, ...] = (),
    label: str | None = None,
    search: bool = True,
    shared_rules: tuple[tuple[str, ...], ...] = (),
    others: Others = "fixed",
) -> Verdict:
    """Apply a criterion, given by its short name; the functions above are this one by their own names."""
    require_cid(cid, f"admits_{criterion}")
    xs = positions(cid, node)
    if not xs:
        raise NotApplicableError(f"admits_{criterion} is about a node or several; got none.")
    swapped = isinstance(node, str) and cid.kind(node) == "decision"
    if swapped and decision is not None and decision in cid and cid.kind(decision) != "decision":
        raise NotApplicableError(
            f"the node comes first, then the decision: admits_{criterion}(cid, {decision!r}, {node!r})."
        )
    name = _decision(cid, criterion, decision)
    agent = cid.agent_of(name) if name is not None else (cid.agents[0] if cid.agents else 0)
    require_others(others)
    analysis = analysis_under(cid, agent, others)
    if criterion.endswith("voc") and _deciders(cid) < 2:
        name = None
    d = -1 if name is None else cid.id(name)
    if criterion == "introduced_unfairness":
        _check_label(cid, analysis, d, label)
    if others != "fixed":
        rule(analysis_of(cid, agent), criterion, xs, d)  # what cannot be asked of the diagram as drawn is refused
    answer, reason = rule(_without(analysis, cut_edges) if cut_edges else analysis, criterion, xs, d)
    if others == "best responding" and answer is Answer.ADMITS and _hangs_on_others(analysis, criterion, xs, d):
        answer, reason = None, "it hangs on what other agents do, and whether they have a reason to is searched for"
    return Verdict(
        cid,
        criterion,
        tuple(cid.nodes[x] for x in xs),
        name,
        answer,
        reason,
        _assumptions(analysis, cut_edges, others),
        search,
        cut_edges=cut_edges,
        label=label,
        shared_rules=shared_rules,
        others=others,
    )


def _decision(cid: CID, criterion: str, decision: str | None) -> str | None:
    if criterion.endswith("voc") and decision is None and _deciders(cid) < 2:
        return None  # a question about the diagram
    return cid.only_decision(decision, question=f"admits_{criterion}" if criterion != "requisite" else "requisite")


def _deciders(cid: CID) -> int:
    """Count the agents that decide or are paid."""
    return len(cid.agents)


def _hangs_on_others(analysis: Analysis, criterion: str, xs: list[int], d: int) -> bool:
    """Say whether a theorem's yes is none where every decision of the others has a single action."""
    if not analysis.others:
        return False
    return rule(analysis_alone(analysis.cid, analysis.agent), criterion, xs, d)[0] is not Answer.ADMITS


def _assumptions(analysis: Analysis, cut_edges: tuple[Edge, ...], others: Others) -> tuple[str, ...]:
    out = []
    if analysis.others and others == "fixed":
        out.append(f"the rules of the other agents' decisions ({', '.join(analysis.others)}) are fixed mechanisms")
    elif analysis.others:
        names = ", ".join(analysis.others)
        out.append(f"the other agents' decisions ({names}) best respond, in an equilibrium in which nobody looks idly")
    if cut_edges:
        edges = ", ".join(f"{tail} -> {head}" for tail, head in cut_edges)
        out.append(f"across the cut edges ({edges}) a default value is seen, whatever the decision")
    return tuple(out)


def _without(analysis: Analysis, cut_edges: tuple[Edge, ...]) -> Analysis:
    cid = analysis.cid
    for tail, head in cut_edges:
        if not cid.has_edge(tail, head):
            raise DiagramError(f"('{tail}', '{head}') is not an edge of this diagram, so cut_edges= cannot cut it.")
    index = analysis.index.edited(drop=[(cid.id(tail), cid.id(head)) for tail, head in cut_edges])
    return Analysis(cid, analysis.agent, index)


def _check_label(cid: CID, analysis: Analysis, d: int, label: str | None) -> None:
    if label is None:
        return
    y = cid.id(label)
    below = analysis.whole(d).below
    compared = {p for u in analysis.utilities if below[u] for p in analysis.index.parents(u)}
    if y not in compared:
        choices = ", ".join(f"`{cid.nodes[p]}`" for p in sorted(compared - {d})) or "none"
        raise NotApplicableError(
            f"`{label}` is not compared with `{cid.nodes[d]}`: label= is a parent of a utility below it ({choices})."
        )

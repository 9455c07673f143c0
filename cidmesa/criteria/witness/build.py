r"""Witnesses: for a yes, a model on the diagram that really has the incentive.

A graphical *yes* says that some parameterisation has the incentive. A *witness* is one, a SCIM on the same graph (with
the added link, for the value of information of a node that is not observed), and it is checked by the exact solver
before it is returned. Random models show an admitted incentive far less than always, so witnesses are built, from the
path that proves the yes and the paths that open its colliders.

**One decision.** Bits travel along tracks (:mod:`cidmesa.criteria.witness.bit_tracks`). The agent's other decisions are
given a single action, which leaves a problem with one decision; so the same construction serves several decisions
wherever it finds its paths clear of the others.

*Guessing game.* Let :math:`W` be a requisite observation and take a shortest active walk from it to a utility, with
bounces at the observed colliders :math:`O_1, …, O_m` (:mod:`cidmesa.criteria.witness.paths`). Fair noise
:math:`s_i` at the turning point of segment :math:`i` runs down both legs, :math:`O_i` shows :math:`s_{i-1} \oplus
s_i`, :math:`W` shows :math:`s_0`, and the utility pays 1 iff the action, copied along :math:`D \rightsquigarrow U`,
equals :math:`s_m`. With :math:`W` the decision can work out :math:`s_m` and earns 1; without it, ½.

=====================  ================================================================================================
value of information   the guessing game with :math:`W = X`
response incentive     along :math:`X \rightsquigarrow W`, :math:`W` the first requisite observation, a bit reaches what
                       :math:`W` shows. If the walk leaves :math:`W` downwards and bounces, the exclusive or would let
                       the decision do without: there the first bounce is a gate, :math:`O_1 = w \wedge s_1` with
                       :math:`P(s_1 = 1) = ¾`
value of control       directly, :math:`X \rightsquigarrow U`: fair noise that is paid, ½, controlled to 1. Through the
                       decision: the same as a response incentive, with a bit at :math:`X` that spoils the game unless
                       it is controlled
instrumental control   the action is copied along :math:`D \rightsquigarrow X \rightsquigarrow U` and paid
=====================  ================================================================================================

**Several decisions.** Where that construction finds no way around the other decisions, small models are searched
(:mod:`cidmesa.criteria.witness.search`), within bounds; not finding one proves nothing. Before that for value of
information, and after it for the other criteria, only mechanisms are drawn, with the states that they need, and the
utility is solved for (:mod:`cidmesa.criteria.witness.linear_search`).

References
----------
T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, proofs of Thms 9, 12, 16 and 18; C. van Merwijk,
R. Carey and T. Everitt, "A complete criterion for value of information in soluble influence diagrams", AAAI 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cidmesa.clock import UNLIMITED, Budget
from cidmesa.criteria.witness.bit_tracks import Bit, Pay, Ref, Tracks
from cidmesa.criteria.witness.check import Candidate, holds
from cidmesa.criteria.witness.paths import PathView, Segment
from cidmesa.graph.reduction import with_information_link
from cidmesa.mechanisms import Mechanism

if TYPE_CHECKING:
    from cidmesa.criteria.question import Question
    from cidmesa.model import CIM

SAME = {
    "requisite": "voi",
    "unfairness": "ri",
    "path_specific_ici": "ici",
    "intention": "ici",
    "direct_voc": "voc",
    "indirect_voc": "voc",
}
"""Criteria whose witness is that of another: the definitions agree on what the witness shows."""

LINEAR_WORK = 24_000
"""What no theorem promises: so many draws divided by the number of nodes are made for a linear programme."""

MAX_CELLS = 2**22
"""The largest table, in entries, of a witness."""


def find_witness(question: Question, budget: Budget = UNLIMITED) -> CIM | None:
    """Return a model that has the incentive a question is about, checked by the exact solver, or None.

    Parameters
    ----------
    question
        A question that is not EXCLUDES.
    budget
        How long small models may be searched.

    Returns
    -------
    CIM or None
        A structural model on the question's diagram; for the value of information of nodes that the decision does not
        observe, with the links that show them. None where nothing was found within bounds; with one decision and a
        chance node that happens for no yes.

    Raises
    ------
    MechanismError
        A node has so many parents that no dense table can be written for it.
    OutOfTimeError
        The budget was over before the search was.

    Notes
    -----
    Deterministic: the same question gives the same model. Introduced unfairness is searched for, with one decision too,
    and relevance, which compares two models, has no witness; nor has deception, whose proof says how to make one.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("sky", "barometer"), ("sky", "rain"), ("barometer", "umbrella"), ("umbrella", "dry"),
    ...               ("rain", "dry")], decisions=["umbrella"], utilities=["dry"])
    >>> model = cm.admits_voi(cid, "barometer").witness()
    >>> model.solve().value, model.cpd("dry").tolist()
    (1.0, [[1.0, 0.0], [0.0, 1.0]])
    """
    if question.criterion == "deception":
        return None
    criterion = SAME.get(question.criterion, question.criterion)
    for candidate in built(question, criterion):
        if holds(candidate, criterion, question):
            return candidate.model
    cid = question.cid
    agent = cid.agents[0] if question.decision is None else cid.agent_of(question.decision)
    if len(cid.decisions_of(agent)) > 1 or criterion == "introduced_unfairness":
        from cidmesa.criteria.witness.linear_search import LINEAR_DRAWS, linear_search
        from cidmesa.criteria.witness.search import SEARCH_DRAWS, search

        if criterion == "voi" and question.settled is not None:  # a theorem says that there is one: look longer
            found = linear_search(question, criterion, budget, 10 * LINEAR_DRAWS)
            return found or search(question, criterion, 10 * SEARCH_DRAWS, budget)
        draws = min(LINEAR_DRAWS, LINEAR_WORK // len(cid))
        if criterion == "voi":
            found = linear_search(question, criterion, budget, draws)
            return found or search(question, criterion, SEARCH_DRAWS, budget)
        found = search(question, criterion, SEARCH_DRAWS, budget)
        return found or linear_search(question, criterion, budget, draws // (100 if criterion == "ici" else 20))
    return None


def built(question: Question, criterion: str) -> Iterator[Candidate]:
    """Yield the models that the constructions give, one decision at a time, one node at a time."""
    build = _BUILDERS.get(criterion)
    if build is None:
        return
    cid = question.cid
    if criterion == "voi" and question.decision is not None:
        for node in question.nodes:
            cid = with_information_link(cid, node, question.decision)
    agent = cid.agents[0] if question.decision is None else cid.agent_of(question.decision)
    decisions: tuple[str | None, ...] = (question.decision,)
    if criterion == "voc":  # of the whole diagram: any of the agent's decisions may be the one that uses it
        decisions = cid.decisions_of(agent) or (None,)
    for decision in decisions:
        view = PathView(cid, agent, decision, cut=question.cut_edges)
        for node in question.nodes:
            made = build(view, node)
            if made is not None and made.tracks.cells() <= MAX_CELLS:
                yield Candidate(made.tracks.model(), node, made.control)


@dataclass(frozen=True, slots=True)
class Built:
    """A construction; for value of control also the mechanism that control would give the node."""

    tracks: Tracks
    control: Mechanism | None = None


def _information(view: PathView, node: str) -> Built | None:
    segments = view.walk(node) if node in view.requisite else None
    if segments is None:
        return None
    tracks = Tracks(view.cid, view.agent)
    if len(segments[0].left) == 1:
        tracks.put(node, "s0", Bit(noise=0.5))
    else:
        tracks.put(node, "w", Bit((_shown(segments),)))
    _play(tracks, view, segments)
    return Built(tracks)


def _response(view: PathView, node: str) -> Built | None:
    return _through_decision(view, node, control=False)


def _control(view: PathView, node: str) -> Built | None:
    direct = _paid_directly(view, node)
    return direct if direct is not None or node in view.payers else _through_decision(view, node, control=True)


def _instrument(view: PathView, node: str) -> Built | None:
    down = None if view.decision is None else view.path(view.decision, {node})
    on = view.path(node, view.goals)
    if view.decision is None or down is None or on is None:
        return None
    path = [*down, *on[1:]]
    tracks = Tracks(view.cid, view.agent)
    tracks.put(view.decision, "d", Bit())
    tracks.copy(path[:-1], "d")
    tracks.pay(Pay(path[-1], ((path[-2], "d"),)))
    return Built(tracks)


def _impact(view: PathView, node: str) -> Built | None:
    if view.decision is None:
        return None
    moved = view.path(view.decision, {node})
    paid = moved if node in view.goals else view.path(view.decision, view.goals)
    if moved is None or paid is None:
        return None
    tracks = Tracks(view.cid, view.agent)
    tracks.put(view.decision, "d", Bit())
    tracks.copy(moved[:-1] if view.cid.kind(node) == "utility" else moved, "d")
    if view.cid.kind(node) == "utility" and node not in view.goals:  # another agent's: it moves with the action too
        tracks.pay(Pay(node, ((moved[-2], "d"),)))
    tracks.copy(paid[:-1], "d")
    tracks.pay(Pay(paid[-1], ((paid[-2], "d"),)))
    return Built(tracks)


def _paid_directly(view: PathView, node: str) -> Built | None:
    """Fair noise that is paid, controlled to what pays."""
    if node in view.payers:
        return _paid_itself(view, node)
    tracks = Tracks(view.cid, view.agent)
    path = view.path(node, view.payers, avoiding=() if view.decision is None else (view.decision,))
    if path is None:
        return None
    tracks.put(node, "x", Bit(noise=0.5))
    tracks.copy(path[:-1], "x")
    tracks.pay(Pay(path[-1], ((path[-2], "x"),)))
    return Built(tracks, tracks.mechanism(node, {"x": Bit(noise=1.0)}))


def _paid_itself(view: PathView, node: str) -> Built | None:
    """A utility pays for noise at a parent; or for one action, while the other is worth as much to another utility."""
    tracks = Tracks(view.cid, view.agent)
    ours = view.cid.decisions_of(view.agent)
    source = next((p for p in view.cid.parents(node) if p not in ours), None)
    if source is not None:
        tracks.put(source, "x", Bit(noise=0.5))
        tracks.pay(Pay(node, ((source, "x"),)))
        return Built(tracks)
    others = [u for u in view.payers if u != node]
    torn = view.decision is not None and view.decision in view.cid.parents(node)
    path = view.path(view.decision, others) if torn and view.decision is not None else None
    if view.decision is None or path is None:
        return None
    tracks.put(view.decision, "d", Bit())
    tracks.copy(path[:-1], "d")
    tracks.pay(Pay(path[-1], ((path[-2], "d"),)))
    tracks.pay(Pay(node, ((view.decision, "d"),), equal=True))
    return Built(tracks)


def _through_decision(view: PathView, node: str, *, control: bool) -> Built | None:
    """The guessing game with a bit that runs from `node` to the first requisite observation on the way to it."""
    path = None if view.decision is None else view.path(node, view.requisite, avoiding=(view.decision,))
    segments = None if path is None else view.walk(path[-1])
    if path is None or segments is None:
        return None
    tracks = Tracks(view.cid, view.agent)
    seen = path[-1]
    gate = False
    if len(segments[0].left) > 1:  # what is seen hides s0 behind the bit, if the node is not what is seen
        shown = _shown(segments)
        if node == seen:
            tracks.put(node, "w", Bit(noise=0.5) if control else Bit((shown,)))
            steered = {"w": Bit((shown,))}
        else:
            tracks.put(node, "x", Bit(noise=0.5 if control else 0.0))
            tracks.copy(path[:-1], "x")
            tracks.put(seen, "w", Bit((shown, (path[-2], "x"))))
            steered = {"x": Bit()}
    else:  # what is seen is the bit, and opens the first bounce, if there is one, like a gate
        gate = len(segments) > 1
        tracks.put(node, "s0", Bit(noise=0.0 if control else 0.5))
        tracks.copy(path, "s0")
        steered = {"s0": Bit(noise=1.0)}
    _play(tracks, view, segments, gate=gate, likely=gate and not control)
    return Built(tracks, tracks.mechanism(node, steered) if control else None)


def _shown(segments: Sequence[Segment]) -> Ref:
    """Return the bit that the observation sees where the walk leaves it upwards."""
    return segments[0].left[-2], "s0"


def _play(
    tracks: Tracks, view: PathView, segments: Sequence[Segment], *, gate: bool = False, likely: bool = False
) -> None:
    """Lay the noise of every segment, the bounces and the guess; what the first observation shows is laid already.

    With `gate` the first bounce is the conjunction of its two bits; `likely` makes the second of them 1 three times
    in four, so that there is a best guess behind a closed gate.
    """
    for i, segment in enumerate(segments):
        track = f"s{i}"
        if i > 0 or len(segment.left) > 1:
            tracks.put(segment.top, track, Bit(noise=0.75 if likely and i == 1 else 0.5))
        tracks.copy(segment.left[:-1], track)
        tracks.copy(segment.right[:-1], track)
        if i > 0:
            before = segments[i - 1].right[-2], f"s{i - 1}"
            tracks.put(segment.left[-1], f"c{i}", Bit((before, (segment.left[-2], track)), gate and i == 1))
    end = segments[-1].right
    action = view.path(view.decision, {end[-1]}) if view.decision is not None else None
    if view.decision is None or action is None:
        raise AssertionError("a walk ends at a utility below the decision")
    tracks.put(view.decision, "d", Bit())
    tracks.copy(action[:-1], "d")
    tracks.pay(Pay(end[-1], ((action[-2], "d"), (end[-2], f"s{len(segments) - 1}")), equal=True))


_BUILDERS = {
    "voi": _information,
    "voc": _control,
    "ri": _response,
    "ici": _instrument,
    "impact": _impact,
}

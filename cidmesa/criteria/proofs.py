"""The proof behind a question: a path for a yes, a separating set for a no.

Proofs are found on demand, by plain breadth-first search with predecessors, and never by listing paths. Each can be
checked with its own ``check``, which shares no code with what is here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from cidmesa.criteria.analysis import Analysis, analysis_of, removed_links
from cidmesa.criteria.others import analysis_alone, analysis_under, dropped_links
from cidmesa.criteria.question import Answer, Question
from cidmesa.diagram import CID, Edge
from cidmesa.graph.index import Index
from cidmesa.graph.mechanised import mechanism_name
from cidmesa.graph.separation import Path, SeparatingSet

Proof = Path | SeparatingSet


def proof(question: Question) -> Proof:
    """Return the proof of what the criterion says; for UNKNOWN, of its yes."""
    cid = question.cid
    if question.cut_edges:
        cid = cid.without_edges(*dict.fromkeys(question.cut_edges))
    agent = cid.agent_of(question.decision) if question.decision is not None else next(iter(cid.agents), 0)
    analysis, game = _analysis(question, cid, agent)
    xs = [cid.id(node) for node in question.nodes]
    d = -1 if question.decision is None else cid.id(question.decision)
    found = _MAKERS.get(question.criterion, _directed)(analysis, question, xs, d)
    if game is not None:
        return replace(found, ignored=game.ignored, besides=game.besides, without=found.without | game.without)
    return replace(found, cut=question.cut_edges) if question.cut_edges else found


@dataclass(frozen=True, slots=True)
class _Game:
    """What a proof has to replay of the other agents."""

    ignored: tuple[Edge, ...] = ()
    besides: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()


def _analysis(question: Question, cid: CID, agent: Hashable) -> tuple[Analysis, _Game | None]:
    """Return the analysis that settled a question: where others best respond and do not matter, without them."""
    if question.others == "fixed":
        return analysis_of(cid, agent), None
    if question.settled is Answer.ADMITS:
        others = frozenset(d for d in cid.decisions if cid.agent_of(d) != agent)
        return analysis_alone(cid, agent), _Game(without=others)
    return analysis_under(cid, agent, question.others), _Game(dropped_links(cid), cid.decisions_of(agent))


def _excludes(question: Question) -> bool:
    return question.settled is Answer.EXCLUDES


def _isolated(analysis: Analysis, d: int) -> tuple[Index, frozenset[str]]:
    """Return the graph in which every other decision of the agent has one action, and their names."""
    others = [e for e in analysis.decisions if e != d]
    index = analysis.index.edited(isolate=others) if others else analysis.index
    return index, frozenset(analysis.cid.nodes[e] for e in others)


def _names(cid: CID, ids: Iterable[int]) -> tuple[str, ...]:
    return tuple(cid.nodes[v] for v in ids)


def _goals(analysis: Analysis, index: Index, d: int) -> list[int]:
    below = index.descendants([d])
    return [u for u in analysis.utilities if below[u]]


def _information(analysis: Analysis, question: Question, xs: list[int], d: int) -> Proof:
    """Walk from a node to a downstream utility, or separate them, once the links that show the nodes are there."""
    cid = analysis.cid
    known = set(analysis.index.parents(d))
    added = tuple((cid.nodes[x], cid.nodes[d]) for x in xs if x not in known)
    if not _excludes(question):
        index, without = _isolated(analysis, d)
        if added:
            index = index.edited(add=[(x, d) for x in xs if x not in known])
        goals = _goals(analysis, index, d)
        for x in xs:
            given = {d, *index.parents(d)} - {x}
            walk = active_walk(index, x, goals, given)
            if walk:
                return Path(_names(cid, walk), frozenset(_names(cid, given)), added, without=without)
    reduction, _ = analysis.with_links(d, tuple(xs))
    removed = removed_links(cid, reduction)
    index = reduction.index
    if _excludes(question):
        # The ball only shrinks as links go, so what was separated when its link went still is at the end.
        family = frozenset(_names(cid, [d, *index.parents(d)]))
        return SeparatingSet(question.nodes, _names(cid, _goals(analysis, index, d)), family, added, removed)
    goals = _goals(analysis, index, d)
    kept = next(x for x in xs if x in index.parents(d))
    given = {d, *index.parents(d)} - {kept}
    walk = active_walk(index, kept, goals, given)
    return Path(
        _names(cid, walk), frozenset(_names(cid, given)), added, removed, reduced=_names(cid, analysis.decisions)
    )


def _requisite(analysis: Analysis, question: Question, xs: list[int], d: int) -> Proof:
    """The same in the diagram as it is: nothing added, nothing removed."""
    cid, index, x = analysis.cid, analysis.index, xs[0]
    given = {d, *index.parents(d)} - {x}
    goals = _goals(analysis, index, d)
    known = frozenset(_names(cid, given))
    if _excludes(question):
        return SeparatingSet(question.nodes, _names(cid, goals), known)
    return Path(_names(cid, active_walk(index, x, goals, given)), known)


def _relevance(analysis: Analysis, question: Question, xs: list[int], d: int) -> Proof:
    """Walk from a mechanism in the mechanised diagram, or separate it."""
    cid, index = analysis.cid, analysis.index
    given = {d, *index.parents(d)}
    goals = _goals(analysis, index, d)
    known = frozenset(_names(cid, given))
    if _excludes(question):
        mechanisms = tuple(mechanism_name(cid, node) for node in question.nodes)
        return SeparatingSet(mechanisms, _names(cid, goals), known, mechanised=True)
    for x in xs:
        walk = active_walk(index, x, goals, given, downwards=True)
        if walk:
            names = (mechanism_name(cid, cid.nodes[x]), *_names(cid, walk))
            return Path(names, known, mechanised=True)
    raise AssertionError("unreachable: relevance was admitted")  # pragma: no cover


def _deception(analysis: Analysis, question: Question, xs: list[int], d: int) -> Proof:
    """Follow a path from one decision through the other to a utility, or say what is known or out of reach."""
    cid, index = analysis.cid, analysis.index
    target = cid.only_decision(question.label)
    t = cid.id(target)
    first = directed_path(index, d, [t])
    second = directed_path(index, t, analysis.utilities)
    if not _excludes(question):
        return Path(_names(cid, [*first, *second[1:]]))
    if first and second:  # all of it is observed
        family = frozenset(_names(cid, [t, *index.parents(t)]))
        return SeparatingSet(question.nodes, cid.utilities_of(cid.agent_of(target)), family)
    if not first:
        return SeparatingSet(_names(cid, [d]), (target,), None)
    return SeparatingSet((target,), _names(cid, analysis.utilities), None)


def _introduced(analysis: Analysis, question: Question, xs: list[int], d: int) -> Proof:
    """Walk from the attribute to a requisite observation, or separate it from all of them."""
    cid = analysis.cid
    if question.settled is Answer.ADMITS:
        alone, without = _isolated(analysis, d)
        seen = analysis.alone(d)
        index = alone.without_links(d, seen.dropped) if seen.dropped else alone
        removed = tuple((cid.nodes[p], cid.nodes[d]) for p in seen.dropped)
        reduced = _names(cid, [d])
    else:
        index, without = analysis.reduction.index, frozenset()
        removed = removed_links(cid, analysis.reduction)
        reduced = _names(cid, analysis.decisions)
    requisite = index.parents(d)
    if not _excludes(question):
        for x in xs:
            walk = active_walk(index, x, requisite, ())
            if walk:
                return Path(_names(cid, walk), frozenset(), (), removed, reduced, without)
    return SeparatingSet(question.nodes, _names(cid, requisite), frozenset(), (), removed)


def _directed(analysis: Analysis, question: Question, xs: list[int], d: int) -> Proof:
    """Follow a directed path in what is left after reduction, or show that none is left."""
    cid = analysis.cid
    criterion = question.criterion
    reduces = criterion not in {"impact", "intention"}
    removed = removed_links(cid, analysis.reduction) if reduces else ()
    index = analysis.reduction.index if reduces else analysis.index
    if criterion == "direct_voc":
        return _direct(analysis, question, xs)
    if _excludes(question):
        return _no_path(analysis, question, index, xs, d, removed)
    if question.settled is Answer.ADMITS and not analysis.single:
        for e in analysis.decisions if criterion.endswith("voc") else [d]:
            alone, without = _isolated(analysis, e)
            dropped = analysis.alone(e).dropped if reduces else ()
            left = alone.without_links(e, dropped) if dropped else alone
            for x in xs:
                walk = _route(analysis, criterion, left, x, e)
                if walk:
                    gone = tuple((cid.nodes[p], cid.nodes[e]) for p in dropped)
                    kept = (cid.nodes[e],) if reduces else ()
                    return Path(_names(cid, walk), None, (), gone, reduced=kept, without=without)
    for x in xs:
        walk = _route(analysis, criterion, index, x, d)
        if walk:
            held = _names(cid, analysis.decisions) if reduces else ()
            return Path(_names(cid, walk), None, (), removed, reduced=held)
    raise AssertionError("unreachable: a directed path was admitted")  # pragma: no cover


def _direct(analysis: Analysis, question: Question, xs: list[int]) -> Proof:
    """Follow a directed path that no decision is on, or show that every one of them is on all."""
    cid = analysis.cid
    without = frozenset(_names(cid, analysis.decisions))
    if _excludes(question):
        if any(x in analysis.utilities for x in xs):
            return _no_control(analysis, question, removed_links(cid, analysis.reduction), without)
        return SeparatingSet(question.nodes, _names(cid, analysis.utilities), None, without=without)
    index = analysis.index.edited(isolate=analysis.decisions)
    walk = next(filter(None, (directed_path(index, x, analysis.utilities) for x in xs)))
    return Path(_names(cid, walk), without=without)


def _route(analysis: Analysis, criterion: str, index: Index, x: int, d: int) -> list[int]:
    """Return the directed path that a criterion asks for, or nothing."""
    if criterion in {"ri", "unfairness"}:
        return directed_path(index, x, [d])
    if criterion == "indirect_voc":
        through = directed_path(index, x, analysis.decisions)
        onwards = directed_path(index, through[-1], analysis.utilities) if through else []
        return [*through, *onwards[1:]] if onwards else []
    if criterion == "voc":
        return directed_path(index, x, analysis.utilities)
    first = directed_path(index, d, [x])
    if criterion == "impact":
        return first if _goals(analysis, index, d) else []
    second = directed_path(index, x, analysis.utilities)
    return [*first, *second[1:]] if first and second else []


def _no_path(
    analysis: Analysis, question: Question, index: Index, xs: list[int], d: int, removed: tuple[tuple[str, str], ...]
) -> SeparatingSet:
    """Name a pair of sides between which no directed path is left."""
    cid, criterion = analysis.cid, question.criterion
    decision: tuple[str, ...] = () if d < 0 else (cid.nodes[d],)
    if criterion in {"ri", "unfairness"}:
        return SeparatingSet(question.nodes, decision, None, (), removed)
    utilities = _names(cid, analysis.utilities)
    if criterion == "indirect_voc":
        return SeparatingSet(question.nodes, _names(cid, analysis.decisions), None, (), removed)
    if criterion == "voc":
        return _no_control(analysis, question, removed)
    below = index.descendants([d])
    if criterion == "impact" and not any(below[u] for u in analysis.utilities):
        return SeparatingSet(decision, utilities, None, (), removed)
    out_of_reach = tuple(cid.nodes[x] for x in xs if not below[x])
    if criterion == "impact" or len(out_of_reach) == len(xs):
        return SeparatingSet(decision, question.nodes, None, (), removed)
    rest = tuple(node for node in question.nodes if node not in out_of_reach)
    return SeparatingSet(rest, utilities, None, (), removed)


def _no_control(
    analysis: Analysis,
    question: Question,
    removed: tuple[tuple[str, str], ...],
    without: frozenset[str] = frozenset(),
) -> SeparatingSet:
    """Separate nodes from the utilities; of those among them that are utilities say who sets them."""
    cid = analysis.cid
    utilities = _names(cid, analysis.utilities)
    paid = tuple(node for node in question.nodes if node in utilities)
    xs = tuple(node for node in question.nodes if node not in utilities)
    return SeparatingSet(xs, utilities if xs else (), None, (), removed, without if xs else frozenset(), paid=paid)


def active_walk(
    index: Index, source: int, goals: Iterable[int], given: Collection[int], *, downwards: bool = False
) -> list[int]:
    """Return a shortest active walk from `source` to one of `goals`, or nothing.

    With `downwards` the walk comes from above `source`, as from its mechanism; otherwise it begins there.
    """
    wanted, observed = set(goals), set(given)
    start = ~source if downwards else source  # up(v) is written v, down(v) is written ~v
    before: dict[int, int | None] = {start: None}
    todo = deque([start])
    while todo:
        state = todo.popleft()
        v = state if state >= 0 else ~state
        if v in wanted:
            walk: list[int] = []
            at: int | None = state
            while at is not None:
                node = at if at >= 0 else ~at
                if not walk or walk[-1] != node:
                    walk.append(node)
                at = before[at]
            return walk[::-1]
        steps: list[int] = []
        if state >= 0:
            steps = [] if v in observed else [~v, *index.parents(v)]
        elif v in observed:
            steps = index.parents(v)
        else:
            steps = [~c for c in index.children(v)]
        for step in steps:
            if step not in before:
                before[step] = state
                todo.append(step)
    return []


def directed_path(index: Index, source: int, goals: Sequence[int]) -> list[int]:
    """Return a shortest directed path from `source` to one of `goals`, which may be `source` itself, or nothing."""
    wanted = set(goals)
    before: dict[int, int | None] = {source: None}
    todo = deque([source])
    while todo:
        v = todo.popleft()
        if v in wanted:
            path: list[int] = []
            at: int | None = v
            while at is not None:
                path.append(at)
                at = before[at]
            return path[::-1]
        for c in index.children(v):
            if c not in before:
                before[c] = v
                todo.append(c)
    return []


_MAKERS: dict[str, Callable[[Analysis, Question, list[int], int], Proof]] = {
    "voi": _information,
    "requisite": _requisite,
    "relevance": _relevance,
    "introduced_unfairness": _introduced,
    "deception": _deception,
}

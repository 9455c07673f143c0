r"""The paths that a witness is built along: one decision's view of a diagram.

A *walk* from an observation :math:`W` to a utility proves that :math:`W` is requisite: it is active given the other
observations :math:`Z = Pa(D) \setminus \{W\}`. It is cut at its *bounces*, the observed colliders
:math:`O_1, \dots, O_m`; segment :math:`i` climbs from :math:`O_i` (at first from :math:`W`) to a turning point
:math:`S_i` and descends to :math:`O_{i+1}`, at last to the utility.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass

from cidmesa.criteria.analysis import one_pass
from cidmesa.diagram import CID, Edge
from cidmesa.graph.index import index_of


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a walk: both legs start at the turning point.

    Attributes
    ----------
    left
        From the turning point down to where the segment began.
    right
        From the turning point down to where it ends.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def top(self) -> str:
        """The turning point."""
        return self.left[0]


class PathView:
    """One decision of a diagram, the agent's other decisions set aside: they have a single action.

    Attributes
    ----------
    cid
        The diagram, with the added links.
    agent
        The agent whose incentive it is.
    decision
        The decision; None for an agent that has none, where only directed paths are of interest.
    parents, children
        Adjacency, without cut edges and without the decisions set aside.
    goals
        The agent's utilities below the decision.
    payers
        All of the agent's utilities.
    requisite
        The requisite observations.
    """

    def __init__(self, cid: CID, agent: Hashable, decision: str | None, *, cut: Iterable[Edge] = ()) -> None:
        self.cid = cid
        self.agent = agent
        self.decision = decision
        aside = {d for d in cid.decisions_of(agent) if d != decision}
        dropped = set(cut)
        self.parents: dict[str, list[str]] = {node: [] for node in cid.nodes}
        self.children: dict[str, list[str]] = {node: [] for node in cid.nodes}
        for tail, head in cid.edges:
            if tail not in aside and head not in aside and (tail, head) not in dropped:
                self.parents[head].append(tail)
                self.children[tail].append(head)
        self.payers = cid.utilities_of(agent)
        self.goals = frozenset(self.payers)
        self.requisite: frozenset[str] = frozenset()
        if decision is None:
            return
        index = index_of(cid)
        if aside or dropped:
            index = index.edited(isolate=[cid.id(d) for d in aside], drop=[(cid.id(t), cid.id(h)) for t, h in dropped])
        found = one_pass(index, cid.id(decision), [cid.id(u) for u in self.payers])
        self.goals = frozenset(u for u in self.payers if found.below[cid.id(u)])
        self.requisite = frozenset(cid.nodes[p] for p in found.requisite)

    def path(self, source: str, targets: Collection[str], *, avoiding: Collection[str] = ()) -> list[str] | None:
        """Return a shortest directed path from `source` to one of `targets`, or None."""
        came_from: dict[str, str] = {source: source}
        queue = deque([source])
        while queue:
            node = queue.popleft()
            if node in targets:
                path = [node]
                while path[-1] != source:
                    path.append(came_from[path[-1]])
                return path[::-1]
            for child in self.children[node]:
                if child not in came_from and child not in avoiding:
                    came_from[child] = node
                    queue.append(child)
        return None

    def walk(self, observation: str) -> list[Segment] | None:
        """Return a shortest walk from an observation to a utility, active given the other ones, cut at its bounces."""
        others = set() if self.decision is None else set(self.parents[self.decision]) - {observation}
        start = (observation, True)
        came_from: dict[tuple[str, bool], tuple[str, bool]] = {start: start}
        queue = deque([start])
        while queue:
            state = queue.popleft()
            node, upwards = state
            if not upwards and node in self.goals:
                return self._cut(came_from, state)
            steps: list[tuple[str, bool]] = []
            if upwards != (node in others):  # unseen on the way up, or seen on the way down: a bounce
                steps += [(p, True) for p in self.parents[node]]
            if node not in others:
                steps += [(c, False) for c in self.children[node]]
            for step in steps:
                if step not in came_from and step[0] != self.decision:
                    came_from[step] = state
                    queue.append(step)
        return None

    def _cut(self, came_from: dict[tuple[str, bool], tuple[str, bool]], end: tuple[str, bool]) -> list[Segment]:
        states = [end]
        while came_from[states[-1]] != states[-1]:
            states.append(came_from[states[-1]])
        states.reverse()
        segments: list[Segment] = []
        begin = 0
        for i in range(1, len(states)):
            last = i == len(states) - 1
            if last or (not states[i][1] and states[i + 1][1]):
                nodes = [node for node, _ in states[begin : i + 1]]
                top = max(j for j in range(begin, i) if states[j][1] or j == begin) - begin
                segments.append(Segment(tuple(nodes[top::-1]), tuple(nodes[top:])))
                begin = i
        return segments

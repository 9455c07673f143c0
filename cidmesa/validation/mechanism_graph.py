r"""From responses of mechanisms to a game, and from a game to the responses it predicts (Kenton et al. 2022).

An edge :math:`V \to D` between *mechanisms* says that the rule at D is another one when the mechanism of V is. It is
*terminal* if it is still there once nothing reads V any longer: D then cares about V itself, and not about what V does.

=============================================  =======================================================================
:func:`game_of`, the paper's Algorithm 2       a node with a terminal edge into it is a decision, one with a terminal
                                               edge out of it a utility; whom such edges connect is one agent
:func:`predicted_responses`, Algorithm 3       in a game, D responds to the mechanisms that are relevant to it
                                               (d-separation), terminally to the utilities of its agent below it
=============================================  =======================================================================

>>> from cidmesa.diagram import CID
>>> mouse = CID([("go", "position"), ("position", "cheese")], decisions=["go"], utilities=["cheese"])
>>> [str(edge) for edge in predicted_responses(mouse)]
['position → go', 'cheese → go (terminal)']
>>> world = mouse.demote("go", "cheese")                            # nobody said who decides what
>>> game_of(world, predicted_responses(mouse)).cid == mouse         # Algorithm 2 undoes Algorithm 3
True

References
----------
Z. Kenton, R. Kumar, S. Farquhar, J. Richens, M. MacDermott and T. Everitt, "Discovering agents", Artificial
Intelligence 322, 2023 (arXiv 2208.08345), Algorithms 1 to 3.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from cidmesa.diagram import CID
from cidmesa.graph.mechanised import relevant_mechanisms


@dataclass(frozen=True, slots=True)
class MechanismEdge:
    """The rule at `head` responds to the mechanism of `tail`.

    Attributes
    ----------
    tail, head
        Nodes.
    terminal
        Whether it does so where nothing reads `tail`; ``None`` where that could not be tried.
    """

    tail: str
    head: str
    terminal: bool | None = False

    def __str__(self) -> str:
        kind = {True: " (terminal)", None: " (terminal or not: not tried)"}.get(self.terminal, "")
        return f"{self.tail} → {self.head}{kind}"


@dataclass(frozen=True, slots=True)
class Game:
    """Who decides what, for what.

    Attributes
    ----------
    cid
        The graph with its decisions and utilities, each with its agent. A node that is valued and has children is no
        utility of an influence diagram: it stays a chance node here and is named in `utilities`.
    decisions, utilities
        Node → agent, a number from 0.
    """

    cid: CID
    decisions: Mapping[str, int]
    utilities: Mapping[str, int]

    def __repr__(self) -> str:
        if not self.decisions:
            return "Game(no agent)"
        said = [
            f"{agent}: {', '.join(self._of(self.decisions, agent))} for {', '.join(self._of(self.utilities, agent))}"
            for agent in sorted(set(self.decisions.values()))
        ]
        return f"Game({'; '.join(said)})"

    @staticmethod
    def _of(owners: Mapping[str, int], agent: int) -> list[str]:
        return [node for node, owner in owners.items() if owner == agent]


def game_of(cid: CID, edges: Iterable[MechanismEdge]) -> Game:
    """Return the game that responses of mechanisms show (Algorithm 2).

    Parameters
    ----------
    cid
        The nodes and the edges between them; who decides is not looked at.
    edges
        Between mechanisms.

    Notes
    -----
    Two decisions for utilities that no third decision shares come out as two agents, whoever made them.
    """
    terminal = [edge for edge in edges if edge.terminal]
    valued = {edge.tail for edge in terminal}
    decides = {edge.head for edge in terminal}
    group = {node: i for i, node in enumerate(cid.nodes)}
    for _ in cid.nodes:
        for edge in terminal:
            group[edge.tail] = group[edge.head] = min(group[edge.tail], group[edge.head])
    numbers = {g: i for i, g in enumerate(sorted({group[node] for node in decides}))}
    decisions = {node: numbers[group[node]] for node in cid.nodes if node in decides}
    utilities = {node: numbers[group[node]] for node in cid.nodes if node in valued}
    drawn = [node for node in utilities if not cid.children(node) and node not in decides]
    owned: list[dict[Hashable, list[str]]] = [
        {agent: [node for node in nodes if of[node] == agent] for agent in range(max(1, len(numbers)))}
        for nodes, of in ((list(decisions), decisions), (drawn, utilities))
    ]
    found = CID(cid.edges, nodes=cid.nodes, decisions=owned[0], utilities=owned[1])
    return Game(found, decisions, utilities)


def predicted_responses(cid: CID) -> tuple[MechanismEdge, ...]:
    """Return what a game says of the responses of its decisions' rules (Algorithm 3).

    Parameters
    ----------
    cid
        With one agent or several.

    Notes
    -----
    That a response is missing holds in every parameterisation; that it is there, in some (Koller and Milch 2003).
    """
    found = []
    for decision in cid.decisions:
        relevant = relevant_mechanisms(cid, decision)
        own = set(cid.utilities_of(cid.agent_of(decision))) & cid.descendants(decision)
        found += [MechanismEdge(node, decision, node in own) for node in cid.nodes if node in relevant]
    return tuple(found)

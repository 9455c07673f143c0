r"""The inside of a learned algorithm, put in the place of the decision it computes.

A *learned-algorithm diagram* describes how the learned map from observations to an action works: its inputs bear the
names of parents of the decision :math:`D`, its output bears the name of :math:`D`, and between them are inner nodes:
features, memory, models of the world (a model of V is a node of its own, say ``V_hat``), candidate plans, an
evaluation. *Splicing* replaces D by that inside. The base utilities stay what training scores; D is a chance node, the
output of a frozen map, unless the inside itself calls it a decision.

Inner decisions and utilities make the algorithm an optimizer **by design** (a value-iteration network); without any,
whether it is an optimizer is left to inference. Several inner agents stay several agents. Inner nodes are the map, base
chance nodes the territory: an inner agent is a *search in the map* iff no world node admits an instrumental control
incentive for it.

>>> import cidmesa as cm
>>> base = cm.CID([("maze", "move"), ("move", "place"), ("maze", "place"), ("place", "reward")],
...               decisions=["move"], utilities=["reward"])
>>> planner = cm.CID([("maze", "maze_hat"), ("maze_hat", "plan"), ("plan", "place_hat"), ("maze_hat", "place_hat"),
...                   ("place_hat", "evaluation"), ("plan", "move")], decisions=["plan"], utilities=["evaluation"])
>>> setup = cm.TrainingSetup(base, learned={"move": planner})
>>> setup.spliced.kind("move"), setup.spliced.parents("move")
('chance', ('plan',))
>>> (agent,) = by_design(base, setup.learned, setup.world)
>>> agent.decisions, sorted(agent.map), sorted(agent.territory)
(('plan',), ['evaluation', 'place_hat'], [])
>>> by_design(base, {"move": planner.demote("plan", "evaluation")}, setup.world)
()

References
----------
Z. Kenton et al., "Discovering agents", 2022; A. Tamar et al., "Value iteration networks", NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cidmesa.criteria import IncentiveReport, incentives
from cidmesa.diagram import CID, Edge
from cidmesa.errors import DiagramError

if TYPE_CHECKING:
    from collections.abc import Mapping


def splice(base: CID, learned: Mapping[str, CID]) -> CID:
    """Return a diagram with every learned algorithm's inside in the place of its decision.

    Parameters
    ----------
    base
        The diagram of training or of a deployment.
    learned
        Decision → the inside of the algorithm that computes it. Without any the diagram comes back as it is.

    Returns
    -------
    CID
        An inner agent ``a`` of decision ``D`` is called ``(D, a)``.

    Raises
    ------
    DiagramError
        Two insides have an inner node of one name.

    Examples
    --------
    >>> import cidmesa as cm
    >>> base = cm.CID([("x", "d"), ("y", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    >>> inside = cm.CID([("x", "feature"), ("feature", "d")])
    >>> splice(base, {"d": inside}).edges
    (('d', 'u'), ('x', 'feature'), ('feature', 'd'))
    """
    if not learned:
        return base
    owner = base.agents[0]
    edges: list[Edge] = [(tail, head) for tail, head in base.edges if head not in learned]
    decisions: dict[Hashable, list[str]] = {owner: [d for d in base.decisions if d not in learned]}
    utilities: dict[Hashable, list[str]] = {owner: list(base.utilities)}
    belongs: dict[str, str] = {}
    for decision, inside in learned.items():
        for node in sorted(inner_nodes(base, inside)):
            if node in belongs:
                raise DiagramError(
                    f"`{node}` is an inner node of `{belongs[node]}` and of `{decision}`: give each its own, with "
                    f"inside.renamed({{'{node}': '{node}_{decision}'}})."
                )
            belongs[node] = decision
        edges += inside.edges
        for agent in inside.agents:
            decisions.setdefault((decision, agent), []).extend(inside.decisions_of(agent))
            utilities.setdefault((decision, agent), []).extend(inside.utilities_of(agent))
    inner = [node for inside in learned.values() for node in inside.nodes]
    hidden = [*base.latent, *(node for inside in learned.values() for node in inside.latent)]
    return CID(edges, nodes=[*base.nodes, *inner], decisions=decisions, utilities=utilities, latent=hidden)


def inner_nodes(base: CID, inside: CID) -> frozenset[str]:
    """Return the nodes of a learned-algorithm diagram, inputs and output apart.

    >>> base = CID([("x", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    >>> inner_nodes(base, CID([("x", "h"), ("h", "d")]))
    frozenset({'h'})
    """
    return frozenset(inside.nodes) - frozenset(base.nodes)


@dataclass(frozen=True, eq=False)
class InnerAgent:
    """An agent inside a learned algorithm: an optimizer by design.

    Attributes
    ----------
    decision
        The base decision whose inside it is part of.
    agent
        What the learned-algorithm diagram calls it.
    decisions, utilities
        Its own.
    cid
        The spliced diagram with everybody else's decisions and utilities demoted.
    world
        The territory.
    """

    decision: str
    agent: Hashable
    decisions: tuple[str, ...]
    utilities: tuple[str, ...]
    cid: CID
    world: frozenset[str]

    @cached_property
    def incentives(self) -> IncentiveReport:
        """Its incentives in the spliced diagram."""
        return incentives(self.cid)

    @cached_property
    def _steered(self) -> frozenset[str]:
        return frozenset().union(*(self.incentives[decision].ici for decision in self.decisions))

    @property
    def territory(self) -> frozenset[str]:
        """World nodes it has an instrumental control incentive on; empty: a search in the map."""
        return self._steered & self.world

    @property
    def map(self) -> frozenset[str]:
        """Inner nodes it has an instrumental control incentive on."""
        return self._steered - self.world


def by_design(base: CID, learned: Mapping[str, CID], world: frozenset[str]) -> tuple[InnerAgent, ...]:
    """Return the inner agents that have a decision and a utility, in the order of `learned`.

    Empty: nothing inside is an optimizer by design, and whether the whole is one is left to inference.

    Parameters
    ----------
    base, learned
        As for :func:`splice`.
    world
        The nodes of the base diagram that are territory.
    """
    spliced = splice(base, learned)
    found = []
    for decision, inside in learned.items():
        for agent in inside.agents:
            own, goals = inside.decisions_of(agent), inside.utilities_of(agent)
            if own and goals:
                others = [n for n in (*spliced.decisions, *spliced.utilities) if n not in {*own, *goals}]
                found.append(InnerAgent(decision, agent, own, goals, _without(spliced, others), world))
    return tuple(found)


def _without(cid: CID, others: list[str]) -> CID:
    return cid.demote(*others) if others else cid

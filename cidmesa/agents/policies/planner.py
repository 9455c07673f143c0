r"""Planners: the mechanisms are learned from an agent's own episodes, and it plans in them.

What an agent carries is a model of the world, logits of :math:`\hat P(x \mid pa_X)` for every chance node that matters,
and how sharply it acts on its plans, :math:`\beta`. The model is fitted to what its own episodes showed, by likelihood
and nothing else; the objective is declared, the scored utilities themselves; what the learner's own signal moves is
:math:`\beta` alone. The logits of D are

.. math:: \beta \, \hat E[\textstyle\sum_{U \in U^D} u \mid pa_D, do(d)] ,

in units of what the best action typically gains. Plans are made decision by decision in the order of relevance, later
rules at their best in :math:`\hat P`, those that do not matter uniform: optimal for the model that the agent has, where
its decisions have sufficient recall [1]_.

==============  ====================================================================================================
inner node      what it is
==============  ====================================================================================================
``X_hat``       what is believed of the mechanism of a chance node X, ``(contexts of X, values)``; a mechanism
``U_hat``       what the planner takes a scored utility U to pay, ``(contexts of U,)``; a mechanism, its inner utility
``plan``        :math:`\hat E`, what each action is worth where one is, ``(actions,)``
==============  ====================================================================================================

References
----------
.. [1] D. Koller and B. Milch, "Multi-agent influence diagrams for representing and solving games", GEB 45, 2003.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.elimination import Elimination
from cidmesa.agents.inside import InnerNode
from cidmesa.agents.policies.rule import Params, Place, Touch, log_softmax, softmax, uniform
from cidmesa.agents.tensors import Inputs, Keys
from cidmesa.arrays import Floats, Ints
from cidmesa.errors import NotApplicableError
from cidmesa.graph.mechanised import relevance_graph
from cidmesa.model import CIM
from cidmesa.solve.policies.stakes import paying_only, typical_gain
from cidmesa.solve.queries.payoffs import uniform_rule

Plans: TypeAlias = dict[str, tuple[list[Elimination], Elimination]]
"""Per decision how its gains are summed up, and how often its contexts come."""

LARGEST = 2**18
"""How many numbers an agent may need at once to plan."""


@dataclass(frozen=True, eq=False)
class PlannerRule:
    """A model of the world, and what is best in it.

    Attributes
    ----------
    name
        The decision.
    inputs
        Its contexts.
    model
        The world's diagram as far as decisions see it, domains and utilities; the mechanisms of its chance nodes are
        not looked at.
    paid
        The utilities that it plans for.
    """

    name: str
    inputs: Inputs
    model: CIM
    paid: tuple[str, ...]

    @classmethod
    def at(cls, place: Place) -> PlannerRule:
        """Return the rule of a place.

        Raises
        ------
        NotApplicableError
            Decisions matter to each other in a circle, or planning takes too much room.
        """
        model = place.model
        if model is None:
            raise NotApplicableError("a planner plans in a model: Place(.., model=model).")
        paid = model.cid.utilities if place.score is None else tuple(place.score)
        rule = cls(place.name, place.inputs, paying_only(model, paid), tuple(paid))
        cycle = relevance_graph(model.cid).cycle
        if cycle is not None:
            raise NotApplicableError(
                f"a planner settles one decision after another, and the best rules of {', '.join(cycle)} depend on "
                "each other (no sufficient recall): let later decisions observe what earlier ones did, or policy='mlp'."
            )
        widest = max(one.widest for gains, reach in rule._plans.values() for one in (*gains, reach))
        if widest > LARGEST:
            raise NotApplicableError(
                f"planning for `{place.name}` takes {widest:.3g} numbers at once, more than {LARGEST:,}: policy='mlp'."
            )
        return rule

    # What it carries --------------------------------------------------------------------------------------------------

    def start(self, keys: Keys) -> Params:
        """Believe nothing much: mechanisms near uniform, each agent's elsewhere; act softly."""
        params = {self._belief(node): uniform(keys, self._belief(node), self._shape(node), 0.1) for node in self._nodes}
        return {**params, f"{self.name}.sharpness": torch.ones(len(keys), 1, dtype=torch.float64)}

    def _belief(self, node: str) -> str:
        return f"belief about {node}"

    def _shape(self, node: str) -> tuple[int, int]:
        parents = self.model.cid.parents(node)
        return math.prod(map(self.model.card, parents)), self.model.card(node)

    @cached_property
    def _nodes(self) -> tuple[str, ...]:
        """The chance nodes that some scored utility or decision depends on."""
        cid = self.model.cid
        needed: set[str] = set().union(*(cid.ancestors(end) for end in (*cid.decisions, *self.paid)))
        return tuple(node for node in cid.chance if node in needed)

    # What it learns ---------------------------------------------------------------------------------------------------

    def surprise(self, params: Mapping[str, Tensor], values: Mapping[str, Ints]) -> Tensor:
        """Return minus the log-likelihood of what came about, a mean over episodes and a sum over agents and nodes."""
        total = torch.zeros((), dtype=torch.float64)
        for node in self._nodes:
            beliefs = log_softmax(params[self._belief(node)])
            rows, cards = np.zeros((), dtype=np.intp), beliefs.shape[-1]
            for parent in self.model.cid.parents(node):
                rows = rows * self.model.card(parent) + values[parent]
            where = torch.from_numpy(rows * cards + values[node])
            found = torch.take_along_dim(beliefs.reshape(len(beliefs), -1), where.expand(len(beliefs), -1), dim=1)
            total = total - found.mean(dim=1).sum()
        return total

    # What it does -----------------------------------------------------------------------------------------------------

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Plan in what is believed, and act on it as sharply as was learned."""
        with torch.no_grad():
            worth = self._worth({name: value.detach() for name, value in params.items()})
        table = (
            params[f"{self.name}.sharpness"].exp()[..., None]
            * worth.reshape(len(worth), -1, worth.shape[-1])
            / self._unit
        )
        return torch.take_along_dim(table, torch.from_numpy(self.inputs.cells[contexts])[..., None], dim=1)

    def think(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints, touch: Touch) -> Tensor:
        """Return the logits, with beliefs, what utilities are taken to pay and the plan shown to a touch."""
        sharp = params[f"{self.name}.sharpness"].detach()
        agents, n = len(sharp), contexts.shape[1]
        held: dict[str, Tensor] = {}
        for node in self._nodes:
            held[node] = touch(f"{node}_hat", softmax(params[self._belief(node)].detach().double())[:, None])
        for utility in self.paid:
            pays = torch.from_numpy(np.array(self.model.cpd(utility), dtype=np.float64).reshape(1, 1, -1))
            held[utility] = touch(f"{utility}_hat", pays.expand(agents, 1, -1))
        each = max(len(value[0]) for value in held.values())  # 1 where all that is believed is the same everywhere
        with torch.no_grad():
            tables = {
                node: value.expand(agents, each, *value.shape[2:]).reshape(agents * each, *self._cards(node))
                for node, value in held.items()
            }
            worth = self._worth_by(tables, agents * each, self._open_plans)
        worth = worth.reshape(agents, each, -1, worth.shape[-1])
        cells = torch.from_numpy(self.inputs.cells[contexts])
        own = torch.arange(n)[None] if each > 1 else torch.zeros(1, n, dtype=torch.int64)
        plan = touch("plan", worth[torch.arange(agents)[:, None], own, cells.expand(agents, n)])
        return sharp.exp()[..., None] * plan / self._unit

    @property
    def inside(self) -> Mapping[str, InnerNode]:
        """What it believes, what it takes utilities to pay, and its plan."""
        shapes: dict[str, tuple[int, ...]] = {node: self._shape(node) for node in self._nodes}
        for utility in self.paid:
            shapes[utility] = (math.prod(map(self.model.card, self.model.cid.parents(utility))),)
        found = {f"{node}_hat": InnerNode(self.name, f"{node}_hat", shape, True) for node, shape in shapes.items()}
        return {**found, "plan": InnerNode(self.name, "plan", (self.model.card(self.name),))}

    @cached_property
    def _unit(self) -> float:
        return typical_gain(self.model, ())

    def _cards(self, node: str) -> tuple[int, ...]:
        own = () if node in self.paid else (node,)
        return tuple(map(self.model.card, (*self.model.cid.parents(node), *own)))

    def _worth(self, params: Mapping[str, Tensor]) -> Tensor:
        """Return what each action is worth in each context, ``(agents, cards of parents..., actions)``."""
        tables = {
            node: softmax(params[self._belief(node)].double()).reshape(-1, *self._cards(node)) for node in self._nodes
        }
        return self._worth_by(tables, len(params[f"{self.name}.sharpness"]), self._plans)

    def _worth_by(self, tables: dict[str, Tensor], agents: int, plans: Plans) -> Tensor:
        """Return that by tables of what is believed; the tables of decisions are added as they are settled."""
        cid = self.model.cid
        for decision in cid.decisions:
            rule = torch.from_numpy(np.array(uniform_rule(self.model, decision)))
            tables[decision] = rule.expand(agents, *rule.shape)
        for decision, (gains, reach) in plans.items():
            worth = sum((gain(tables) for gain in gains), torch.zeros(1, dtype=torch.float64))
            worth = (worth / reach(tables)[..., None]).expand(agents, *uniform_rule(self.model, decision).shape)
            if decision == self.name:
                return worth
            may = self.model.allowed(decision)
            best = worth if may is None else worth.masked_fill(torch.from_numpy(~may), -math.inf)
            tables[decision] = torch.nn.functional.one_hot(best.argmax(dim=-1), best.shape[-1]).double()
        raise AssertionError("a plan ends with the decision that it is made for")

    @cached_property
    def _plans(self) -> Plans:
        """How gains are summed up where utilities pay what they do."""
        return self._planned(known=True)

    @cached_property
    def _open_plans(self) -> Plans:
        """How gains are summed up where it is told each time what utilities pay."""
        return self._planned(known=False)

    def _planned(self, *, known: bool) -> Plans:
        """Return, per decision up to this one, how its gains and its contexts' probabilities are summed up."""
        cid = self.model.cid
        plans: Plans = {}
        for decision in relevance_graph(cid).order():
            parents = cid.parents(decision)
            below = [u for u in self.paid if u in cid.descendants(decision)]
            gains = [self._elimination((*parents, decision), (u,), decision, known) for u in below]
            plans[decision] = gains, self._elimination(parents, (), decision, known)
            if decision == self.name:
                break
        return plans

    def _elimination(self, keep: tuple[str, ...], pays: tuple[str, ...], decision: str, known: bool) -> Elimination:
        """Return how everything but `keep` is summed out, weighed with a utility if there is one.

        What the utility pays is multiplied in beforehand where it is `known`, else told with the beliefs.
        """
        cid = self.model.cid
        ends = set(keep).union(*(cid.parents(u) for u in pays))
        above = ends.union(*(cid.ancestors(n) for n in ends))
        own = [((*cid.parents(n), n), n) for n in (*self._nodes, *cid.decisions) if n in above and n != decision]
        constants: list[tuple[tuple[str, ...], Floats]] = [((), np.ones(()))]
        if known:
            constants += [(cid.parents(u), np.asarray(self.model.cpd(u), dtype=np.float64)) for u in pays]
        else:
            own += [(cid.parents(u), u) for u in pays]
        cards = {n: self.model.card(n) for n in above}
        return Elimination(constants, own, keep, cards, torch.device("cpu"), torch.float64)

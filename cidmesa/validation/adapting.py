"""Systems whose rules may adapt to the world they are made for: solved, trained again, asked, or frozen.

A system answers one question: in this world, in which every other rule is fixed, what is your rule at this decision?

==============  ======================================================================================================
``Solved``      a model: all optimal actions, exactly
``Retrained``   agents with a recipe: each is trained again, with its own seed and noise
``Asked``       a function from a world to a policy: any process that makes rules
``Frozen``      agents without a recipe: the rule that they have, in every world
==============  ======================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError, shortened
from cidmesa.mechanisms import Table
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.queries.payoffs import reached_contexts
from cidmesa.validation.statistics import LEAST_SAMPLES
from cidmesa.validation.subjects import Subjects, examine

if TYPE_CHECKING:
    from cidmesa.validation.subjects import Acting


class Adapting(Protocol):
    """What discovery needs to know of a system."""

    @property
    def model(self) -> CIM:
        """The world it was made for."""
        ...

    @property
    def kind(self) -> str:
        """How it adapts, in words."""
        ...

    def rules(self, decision: str, world: CIM, blind: tuple[str, ...] = ()) -> Floats:
        """Return its rules at a decision, ``(agents, contexts, actions)``, in a world in which all others have rules.

        `blind` are observations that it is not shown; the rules have a row for each of their values all the same.
        """
        ...


@dataclass(frozen=True)
class Solved:
    """A model whose decisions are solved: all optimal actions, mixed evenly."""

    model: CIM
    kind: str = "solved exactly"

    def rules(self, decision: str, world: CIM, blind: tuple[str, ...] = ()) -> Floats:
        """Return the best response; see :class:`Adapting`."""
        parents = world.cid.parents(decision)
        seen = _open(world, decision, blind)
        best = seen.solve(agent=seen.cid.agent_of(decision)).optimal_mask(decision)
        shape = [1 if p in blind else world.card(p) for p in parents]
        whole = np.broadcast_to(best.reshape(*shape, -1), (*map(world.card, parents), world.card(decision)))
        even = whole.reshape(1, -1, world.card(decision)).astype(np.float64)
        rules: Floats = even / even.sum(axis=-1, keepdims=True)
        return rules


@dataclass(frozen=True)
class Asked:
    """A function from a world to a policy of it."""

    model: CIM
    function: Callable[[CIM], Mapping[str, Any]]
    kind: str = "made anew by a function"

    def rules(self, decision: str, world: CIM, blind: tuple[str, ...] = ()) -> Floats:
        """Return what the function says; see :class:`Adapting`."""
        parents = world.cid.parents(decision)
        seen = _open(world, decision, blind)
        policy = self.function(seen)
        if not isinstance(policy, Mapping) or decision not in policy:
            said = ", ".join(map(repr, policy)) if isinstance(policy, Mapping) else shortened(policy)
            raise NotApplicableError(
                f"the system does not report `{decision}`: it is a function from a model to a policy, "
                f"{{decision: rule}}, with a rule for every decision; got {said or 'an empty one'}."
            )
        rule = np.asarray(seen.read_policy({decision: policy[decision]})[decision], dtype=np.float64)
        shape = [1 if p in blind else world.card(p) for p in parents]
        whole = np.broadcast_to(rule.reshape(*shape, -1), (*map(world.card, parents), world.card(decision)))
        return whole.reshape(1, -1, world.card(decision))


@dataclass(frozen=True)
class Retrained:
    """Agents that their recipe trains again, with the same seeds."""

    model: CIM
    recipe: Any
    kind: str = "trained again"

    def rules(self, decision: str, world: CIM, blind: tuple[str, ...] = ()) -> Floats:
        """Train them in a world; see :class:`Adapting`."""
        return self._trained(self.recipe, decision, world, blind)

    def anew(self, decision: str, world: CIM) -> Floats | None:
        """Train them with other seeds: how much training alone moves a rule; ``None`` where the recipe has no seed."""
        if not hasattr(self.recipe, "seed") or not hasattr(self.recipe, "__dataclass_fields__"):
            return None
        return self._trained(replace(self.recipe, seed=self.recipe.seed + 1), decision, world, ())

    def _trained(self, recipe: Any, decision: str, world: CIM, blind: tuple[str, ...]) -> Floats:
        others = [other for other in world.cid.decisions if other != decision]
        shared = getattr(recipe, "shared_rules", None)
        if others and shared:
            raise NotApplicableError(f"decisions that share a rule cannot be left out one by one: {shared!r}.")
        agents = recipe.retrain(model=alone(world, others), without=blind)
        return np.asarray(agents.probabilities(decision), dtype=np.float64)


@dataclass(frozen=True)
class Frozen:
    """Agents that nobody can train again: their rules are what they are, whatever the world."""

    model: CIM
    agents: Any
    kind: str = "frozen: rules that no recipe makes again"

    def rules(self, decision: str, world: CIM, blind: tuple[str, ...] = ()) -> Floats:
        """Return the rules that they have; see :class:`Adapting`."""
        return np.asarray(self.subjects.rules[decision], dtype=np.float64)

    @cached_property
    def subjects(self) -> Subjects:
        """The agents as they are."""
        return watched(self.agents, self.model)


def watched(agents: Acting, model: CIM, seed: int = 0) -> Subjects:
    """Return what agents do in every context of a model that comes up, told or sampled."""
    reached = {d: np.flatnonzero(np.asarray(reached_contexts(model, d)).reshape(-1)) for d in model.cid.decisions}
    return examine(TrainingSetup(model), agents, reached, draws=LEAST_SAMPLES, seed=seed)


def _open(world: CIM, decision: str, blind: tuple[str, ...]) -> CIM:
    """Return the model in which a decision has no rule yet and does not see some observations."""
    if not blind:
        return world.without_rules([decision])
    return world.observing(decision, [p for p in world.cid.parents(decision) if p not in blind])


def alone(world: CIM, others: list[str]) -> CIM:
    """Return the model in which decisions with a rule are chance nodes."""
    if not others:
        return world
    mechanisms: dict[str, Any] = {}
    for node in world.cid.nodes:
        if node in others:
            mechanisms[node] = Table(np.asarray(world.rules[node]), domain=world.domain(node))
        elif world.cid.kind(node) == "decision":
            mechanisms[node] = world.choice(node)
        else:
            domain = None if world.cid.kind(node) == "utility" else world.domain(node)
            mechanisms[node] = Table(np.asarray(world.cpd(node)), domain=domain)
    return CIM(world.cid.demote(*others), mechanisms)


def system_of(system: Any, model: CIM | None) -> Adapting:
    """Read what a user calls a system.

    Raises
    ------
    NotApplicableError
        It is none; a function or agents without a recipe, and no model; no agents; no decision.
    """
    found: Adapting
    recipe = getattr(system, "recipe", None)
    if isinstance(system, CIM):
        found = Solved(system if model is None else model)
    elif recipe is not None and hasattr(recipe, "retrain"):
        found = Retrained(_model_for(system, model, getattr(recipe, "model", None)), recipe)
    elif hasattr(system, "act") or hasattr(system, "counts") or hasattr(system, "probabilities"):
        found = Frozen(_model_for(system, model, None), system)
    elif callable(system):
        found = Asked(_model_for(system, model, None), system)
    else:
        raise NotApplicableError(
            f"a system is a model, agents, or a function from a model to a policy; got {shortened(system)}."
        )
    if hasattr(system, "__len__") and not isinstance(system, CIM) and len(system) < 1:
        raise NotApplicableError("there is no agent to look at: len(agents) is 0.")
    found.model.require_numeric("discovering agents", instead="")
    if not found.model.cid.decisions:
        raise NotApplicableError(
            "no node's rule may adapt: name those whose mechanisms somebody may choose, CID(.., decisions=[..])."
        )
    return found


def _model_for(system: Any, model: CIM | None, own: CIM | None) -> CIM:
    if model is None and own is None:
        raise NotApplicableError(
            f"whose world is it? {type(system).__name__} does not say: discover_agents(system, model=setup.model)."
        )
    return own if model is None else model  # type: ignore[return-value]

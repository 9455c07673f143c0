r"""What trained agents compute inside, and what they do when that is changed.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
>>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"],
...                          pay=lambda door, go: int(door == go))
>>> agents = cm.train(model, policy="planner", agents=2, steps=300, progress=False)
>>> list(agents.inside)
['door_hat', 'pay_hat', 'plan']
>>> agents.inner("plan")[0].round().tolist()              # what each action is worth, door by door
[[1.0, 0.0], [0.0, 1.0]]
>>> opposite = agents.do({"pay_hat": lambda pays: 1 - pays})
>>> opposite
Intervened(2, planner; changed: go.pay_hat)
>>> agents.policy(0)["go"].round().tolist(), opposite.policy(0)["go"].round().tolist()
([[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.acting import ByTables, act_by_tables
from cidmesa.agents.inside import Changes, InnerNode, asked, listed, read_changes, require
from cidmesa.agents.learners.task import probabilities
from cidmesa.agents.policies.rule import Params, Rule, alike, inside, think
from cidmesa.agents.tensors import Inputs, Keys, agent_keys, as_array, positions
from cidmesa.arrays import Array, Floats, Ints
from cidmesa.errors import NotApplicableError
from cidmesa.model import CIM
from cidmesa.readonly import ReadOnly

if TYPE_CHECKING:
    from cidmesa.agents.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class ChangedRule:
    """A rule of which inner nodes are changed while it is asked.

    Attributes
    ----------
    rule, changes
        What was learned; own name of a node → what takes its value's place.
    model, decision
        Whose observations it is shown.
    """

    rule: Rule
    changes: Changes
    model: CIM
    decision: str

    @property
    def inputs(self) -> Inputs:
        """What it is shown."""
        return self.rule.inputs

    def start(self, keys: Keys) -> Params:
        """Draw the parameters of the rule."""
        return self.rule.start(keys)

    def logits(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> Tensor:
        """Return the logits under the changes."""
        return self.thought(params, contexts, codes)[0]

    def thought(self, params: Mapping[str, Tensor], contexts: Ints, codes: Ints) -> tuple[Tensor, dict[str, Array]]:
        """Return the logits under the changes, and the values of all inner nodes with which it came to them."""
        with torch.no_grad():
            return asked(
                lambda touch: think(self.rule, params, contexts, codes, touch), self.changes, self._seen(contexts)
            )

    def _seen(self, contexts: Ints) -> dict[str, Array]:
        """Return what is observed, by node."""
        parents = self.model.cid.parents(self.decision)
        shown = contexts[0] if alike(contexts) else contexts
        places = np.unravel_index(shown, tuple(map(self.model.card, parents))) if parents else ()
        return {p: as_array(self.model.domain(p))[at] for p, at in zip(parents, places, strict=True)}


def nodes_of(recipe: Recipe) -> Mapping[str, InnerNode]:
    """Return the inner nodes of all decisions of a recipe, by name."""
    own = [(decision, node) for decision, rule in recipe.rules.items() for node in inside(rule).values()]
    return ReadOnly(listed(replace(node, decision=decision) for decision, node in own))


def read(recipe: Recipe, params: Params, changes: Changes, name: str, observations: Mapping[str, Any] | None) -> Array:
    """Return the value of an inner node where its decision observes something; see :meth:`.population.Agents.inner`."""
    node = require(nodes_of(recipe), name)
    rule = changed_rule(recipe, node.decision, changes)
    agents, width = recipe.agents, rule.inputs.codes
    where = np.arange(len(rule.inputs.table)) if observations is None else _places(recipe, node.decision, observations)
    shape = (agents, where.shape[-1] * width)
    contexts = np.broadcast_to(where.repeat(width, axis=-1), shape)
    codes = np.broadcast_to(np.tile(np.arange(width), where.shape[-1]), shape)
    _, values = rule.thought(params, contexts, codes)
    found = values[node.name]
    if found.shape[1] == 1:  # the same whatever is seen
        return np.repeat(found, where.shape[-1], axis=1)
    return np.asarray(found.reshape(agents, where.shape[-1], width, *found.shape[2:]).mean(axis=2))


def changed_rule(recipe: Recipe, decision: str, changes: Changes) -> ChangedRule:
    """Return the rule of a decision under those of the changes that are inside it, named ``decision.name``."""
    own = {key.removeprefix(f"{decision}."): change for key, change in changes.items()}
    names = inside(recipe.rules[decision])
    here = {name: change for name, change in own.items() if name in names and f"{decision}.{name}" in changes}
    return ChangedRule(recipe.rules[decision], here, recipe.model, decision)


def _places(recipe: Recipe, decision: str, observations: Mapping[str, Any]) -> Ints:
    """Return the contexts that are observed, ``(n,)`` or ``(agents, n)``."""
    model = recipe.model
    parents = model.cid.parents(decision)
    for parent in parents:
        if parent not in observations:
            raise NotApplicableError(f"`{decision}` observes {', '.join(parents)}, and `{parent}` is not told.")
    if not parents:
        return np.zeros(1, dtype=np.intp)
    seen = np.broadcast_arrays(*(np.atleast_1d(positions(model, p, observations[p])) for p in parents))
    return np.asarray(np.ravel_multi_index(tuple(seen), tuple(map(model.card, parents))), dtype=np.intp)


@dataclass(frozen=True, eq=False, repr=False)
class Intervened(ByTables):
    """Trained agents of which inner nodes are held or changed while they act; from :meth:`.population.Agents.do`.

    A population like any other: it tells its probabilities, acts, is judged. It has no recipe, for nobody trains it.

    Attributes
    ----------
    recipe_of
        The recipe of the agents that they are.
    changes
        Inner node, as ``decision.name``, → what takes its value's place.
    """

    recipe_of: Recipe
    _params: Params = field(repr=False)
    changes: Changes

    def __len__(self) -> int:
        return self.recipe_of.agents

    def __repr__(self) -> str:
        return f"Intervened({len(self)}, {self.recipe_of.policy}; changed: {', '.join(self.changes) or 'nothing'})"

    @property
    def decides(self) -> CIM:
        """The model whose decisions these are."""
        return self.recipe_of.model

    @property
    def model(self) -> CIM:
        """The same."""
        return self.decides

    @cached_property
    def tables(self) -> Mapping[str, Floats]:
        """For each decision ``(agents, contexts, actions)``, contexts in C order over its parents."""
        recipe, tables = self.recipe_of, {}
        for decision, rule in recipe.rules.items():
            own: Rule = changed_rule(recipe, decision, self.changes) if inside(rule) else rule
            table: Floats = probabilities(own, self._params, recipe.greedy).numpy()
            table.setflags(write=False)
            tables[decision] = table
        return tables

    @property
    def inside(self) -> Mapping[str, InnerNode]:
        """Inner nodes by name."""
        return nodes_of(self.recipe_of)

    def inner(self, node: str, observations: Mapping[str, Any] | None = None) -> Array:
        """Return the value of an inner node with which they act; see :meth:`.population.Agents.inner`."""
        return read(self.recipe_of, self._params, self.changes, node, observations)

    def do(self, changes: Changes) -> Intervened:
        """Return the same agents with more changes, or others of the same nodes."""
        return replace(self, changes={**self.changes, **read_changes(self.inside, changes)})

    def policy(self, agent: int) -> dict[str, Floats]:
        """Return the rules of one agent as tables ``(cards of parents..., actions)``."""
        model = self.decides
        return {
            d: self.tables[d][agent].reshape(*map(model.card, model.cid.parents(d)), model.card(d))
            for d in model.cid.decisions
        }

    def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Array]:
        """Choose actions, with the noise of the agents that they are."""
        keys = agent_keys(self.recipe_of.seed, len(self))
        return act_by_tables(self.decides, self.tables, keys, observations, seed)

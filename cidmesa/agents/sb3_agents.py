"""What stable-baselines3 trained on a diagram, as agents that tell what they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy

from cidmesa.agents.acting import ByTables
from cidmesa.agents.gym import DiagramEnv
from cidmesa.agents.stepping import World
from cidmesa.agents.tensors import inputs
from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError, shortened
from cidmesa.model import CIM


def from_sb3(models: BaseAlgorithm | Iterable[BaseAlgorithm], env: DiagramEnv, *, reading: str = "stale") -> Trained:
    """Return agents that stable-baselines3 trained on a diagram.

    Parameters
    ----------
    models
        One an agent, such as ``PPO("MlpPolicy", env).learn(2048)``; one alone is one agent.
    env
        The :class:`~cidmesa.DiagramEnv` that they were trained on, or one alike: it says how observations are coded.
    reading
        ``"stale"`` for frozen rules, ``"competent"`` for planners that know the deployed world.

    Returns
    -------
    Trained
        Tells probabilities: of actor-critic policies their own, of value-based ones the greedy action (exploration is
        left out). What falls on an action that there is not goes to the first that there is, as in the environment.

    Raises
    ------
    NotApplicableError
        No models, or none of stable-baselines3; `env` is no ``DiagramEnv``, or shows something else than they read.
    """
    several = [models] if isinstance(models, BaseAlgorithm) else list(models)
    inner = getattr(env, "unwrapped", env)
    if not isinstance(inner, DiagramEnv):
        raise NotApplicableError(f"env is the DiagramEnv that they were trained on; got {shortened(env)}.")
    if not several:
        raise NotApplicableError("no models, no agents: from_sb3([model, ..], env).")
    for agent, model in enumerate(several):
        if not isinstance(model, BaseAlgorithm):
            raise NotApplicableError(f"agent {agent} is no model of stable-baselines3: {shortened(model)}.")
        if model.observation_space != inner.observation_space or model.action_space != inner.action_space:
            raise NotApplicableError(
                f"agent {agent} reads {model.observation_space} and answers {model.action_space}, and this environment "
                f"shows {inner.observation_space} and asks for {inner.action_space}: give the one it was trained on."
            )
    return Trained(tuple(several), inner.world, reading)


@dataclass(frozen=True, eq=False)
class Trained(ByTables):
    """Agents that stable-baselines3 trained; from :func:`from_sb3`.

    Attributes
    ----------
    models
        One an agent.
    world
        What they were trained on.
    reading
        Which predictions judge them.
    """

    models: tuple[BaseAlgorithm, ...] = field(repr=False)
    world: World = field(repr=False)
    reading: str = "stale"

    def __len__(self) -> int:
        return len(self.models)

    @property
    def model(self) -> CIM:
        """The model whose decisions these are."""
        return self.world.model

    @property
    def decides(self) -> CIM:
        """The same."""
        return self.model

    @cached_property
    def tables(self) -> Mapping[str, Floats]:
        """For each decision ``(agents, contexts, actions)``, contexts in C order over its parents."""
        return {decision: self._table(decision) for decision in self.model.cid.decisions}

    def _table(self, decision: str) -> Floats:
        world, cid = self.world, self.model.cid
        parents, card = cid.parents(decision), self.model.card(decision)
        cards = tuple(map(self.model.card, parents))
        table = inputs(cards, world.views[decision].names, world.encoders, frozenset()).table
        contexts, codes, width = table.shape
        shown = np.zeros((contexts * codes, world.width), dtype=np.float32)
        start = world.views[decision].start
        shown[:, start : start + width] = table.reshape(-1, width)
        laws = np.stack([_law(model, shown) for model in self.models])
        laws = laws.reshape(len(self), contexts, codes, -1).mean(axis=2)
        there = np.zeros((contexts, laws.shape[-1]), dtype=np.bool_)
        may = self.model.allowed(decision)
        there[:, :card] = True if may is None else may.reshape(-1, card)
        lost = (laws * ~there).sum(axis=-1)
        laws = laws * there
        laws[:, np.arange(contexts), there.argmax(axis=-1)] += lost
        return np.asarray(laws[..., :card], dtype=np.float64)


def _law(model: BaseAlgorithm, shown: np.ndarray) -> Floats:
    """Return the probability of each action for each observation, ``(observations, actions)``."""
    policy = model.policy
    if isinstance(policy, ActorCriticPolicy):
        with torch.no_grad():
            seen, _ = policy.obs_to_tensor(shown)
            categorical: Any = policy.get_distribution(seen).distribution
            law = categorical.probs.double()
            law = law / law.sum(dim=-1, keepdim=True)
        return np.asarray(law.cpu().numpy(), dtype=np.float64)
    space: Any = model.action_space
    chosen, _ = model.predict(shown, deterministic=True)
    greedy: Floats = np.eye(int(space.n))[np.asarray(chosen).reshape(-1)]
    return greedy

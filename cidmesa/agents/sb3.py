"""stable-baselines3 on diagrams: copies in step as its ``VecEnv``, and what it trained as agents that tell what they do.

The copies are made by :meth:`DiagramVectorEnv.as_sb3 <cidmesa.agents.gym.DiagramVectorEnv.as_sb3>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecEnv

from cidmesa.agents.acting import act_by_tables
from cidmesa.agents.gym import DiagramEnv, DiagramVectorEnv
from cidmesa.agents.stepping import World
from cidmesa.agents.tensors import Encoder, agent_keys, inputs
from cidmesa.arrays import Array, Floats
from cidmesa.errors import NotApplicableError, shortened
from cidmesa.mesa.readings import Reading, require_reading
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.mesa.setup.training import TrainingSetup


class DiagramVecEnv(VecEnv):
    """Copies of a :class:`~cidmesa.agents.gym.DiagramEnv`: what stable-baselines3's ``DummyVecEnv`` of them gives.

    Made by :meth:`DiagramVectorEnv.as_sb3 <cidmesa.agents.gym.DiagramVectorEnv.as_sb3>`. An episode that ends starts
    again at once; its last observation is ``info["terminal_observation"]``. ``set_options`` takes one mapping for all.
    """

    def __init__(
        self,
        model: CIM | TrainingSetup,
        num_envs: int,
        *,
        deployment: str = "training",
        encoders: Mapping[str, Encoder] | None = None,
    ) -> None:
        self.envs = DiagramVectorEnv(
            model, num_envs, deployment=deployment, encoders=encoders, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP
        )
        self.render_mode = None
        super().__init__(num_envs, self.envs.single_observation_space, self.envs.single_action_space)
        self._actions: np.ndarray = np.zeros(num_envs, dtype=np.intp)

    def reset(self) -> Any:
        """Start an episode in each copy, with the seeds and options that were set for once."""
        options = self._options[0] if self._options else None
        if any(other != options for other in self._options):
            raise NotApplicableError("copies in step are played alike: set_options() takes one mapping for all.")
        shown, info = self.envs.reset(seed=list(self._seeds), options=options or None)
        self.reset_infos = _apart(info, self.num_envs)
        self._reset_seeds()
        self._reset_options()
        return shown

    def step_async(self, actions: np.ndarray) -> None:
        """Note the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Take the actions."""
        shown, paid, over, _, info = self.envs.step(self._actions)
        if over.all():
            infos = _apart(info["final_info"], self.num_envs)
            for i, last in enumerate(info["final_obs"]):
                infos[i]["terminal_observation"] = last
            begun = {key: value for key, value in info.items() if "final" not in key}
            self.reset_infos = _apart(begun, self.num_envs)
        else:
            infos = _apart(info, self.num_envs)
        for one in infos:
            one["TimeLimit.truncated"] = False
        return shown, paid.astype(np.float32), over, infos

    def close(self) -> None:
        """Nothing is held."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the copies, the same for all."""
        own = self.envs if hasattr(self.envs, attr_name) else self
        return [getattr(own, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: copies in step have no attributes of their own."""
        raise NotApplicableError(f"copies in step have no {attr_name!r} of their own: make another DiagramVectorEnv.")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of all copies and return what it gives for each of `indices`; ``action_masks`` is one."""
        answer = getattr(self.envs, method_name)(*method_args, **method_kwargs)
        return [answer[i] for i in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No copy is wrapped."""
        return [False] * len(list(self._get_indices(indices)))

    def _get_indices(self, indices: Any) -> Iterable[int]:
        found: Iterable[int] = super()._get_indices(indices)
        return found


def _apart(info: Mapping[str, Any], copies: int) -> list[dict[str, Any]]:
    """Return the infos of the copies, each as a ``DiagramEnv`` gives it."""
    names = [name for name in info["nodes"] if not (name[:1] == "_" and name[1:] in info["nodes"])]
    columns = {name: info["nodes"][name].tolist() for name in names}
    return [
        {
            "decision": info["decision"][i],
            "nodes": {name: column[i] for name, column in columns.items()},
            "action_mask": info["action_mask"][i],
        }
        for i in range(copies)
    ]


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
    return Trained(tuple(several), inner.world, require_reading(reading))


@dataclass(frozen=True, eq=False)
class Trained:
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
    reading: Reading = "stale"

    def __len__(self) -> int:
        return len(self.models)

    @property
    def model(self) -> CIM:
        """The model whose decisions these are."""
        return self.world.model

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

    def probabilities(self, decision: str) -> Floats:
        """Return the probability of each action in each context, ``(agents, contexts, actions)``."""
        self.model.cid.only_decision(decision)
        return self.tables[decision]

    def act(self, observations: Mapping[str, Any], seed: int) -> dict[str, Array]:
        """Choose actions; see :func:`~cidmesa.agents.acting.act_by_tables`."""
        return act_by_tables(self.model, self.tables, agent_keys(0, len(self)), observations, seed)


def _law(model: BaseAlgorithm, shown: np.ndarray) -> Floats:
    """Return the probability of each action for each observation, ``(observations, actions)``."""
    policy = model.policy
    if isinstance(policy, ActorCriticPolicy):
        with torch.no_grad():
            seen, _ = policy.obs_to_tensor(shown)
            law = policy.get_distribution(seen).distribution.probs.double()
            law = law / law.sum(dim=-1, keepdim=True)
        return np.asarray(law.cpu().numpy(), dtype=np.float64)
    chosen, _ = model.predict(shown, deterministic=True)
    return np.eye(int(model.action_space.n))[np.asarray(chosen).reshape(-1)]

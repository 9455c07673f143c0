"""Many copies of a model in step, as stable-baselines3's ``VecEnv``.

Made by :meth:`DiagramVectorEnv.as_sb3 <cidmesa.agents.gym.DiagramVectorEnv.as_sb3>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from cidmesa.errors import NotApplicableError

if TYPE_CHECKING:
    from cidmesa.agents.gym import DiagramVectorEnv


class DiagramVecEnv(VecEnv):
    """Copies of a :class:`~cidmesa.agents.gym.DiagramEnv`: what stable-baselines3's ``DummyVecEnv`` of them gives.

    An episode that ends starts again at once; its last observation is ``info["terminal_observation"]``. ``set_options``
    takes one mapping for all.

    Parameters
    ----------
    envs
        The copies, with ``AutoresetMode.SAME_STEP``; nobody else plays them.
    """

    def __init__(self, envs: DiagramVectorEnv) -> None:
        self.envs = envs
        self.render_mode = None
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)
        self._actions: np.ndarray = np.zeros(envs.num_envs, dtype=np.intp)

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

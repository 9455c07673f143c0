"""A model as an environment of gymnasium, alone or many copies in step, and as stable-baselines3's ``VecEnv``.

======================  ==========================================================================================
``DiagramEnv``          one decision a step; ``info`` names every node; action masks; deployments by name
``DiagramVectorEnv``    n copies in step: what n ``DiagramEnv`` give, seed by seed, without a loop over them
``.as_sb3()``           the same as stable-baselines3's ``VecEnv``
======================  ==========================================================================================

An agent that learns here learns on the diagram: it is shown Pa(D) and nothing else, each utility is paid as soon as
what it reads is known, and the sum of an episode's rewards is the sum of the scored utilities (no discount: give
learners ``gamma=1.0``). Where a later decision does not see what an earlier one saw, the observations are not a Markov
state, and one-step targets (``DQN``) may settle on a worse policy than the diagram allows.

Actions are numbers, positions in the decision's domain. Not every number is an action everywhere: decisions may have
fewer actions than the widest, and :class:`~cidmesa.mechanisms.Choice` may forbid some. ``action_masks()`` and
``info["action_mask"]`` say which there are, as sb3-contrib's ``MaskablePPO`` wants them; a learner without masks that
takes another gets the first there is instead, and ``info["nodes"]`` says what was done.

Needs ``gymnasium`` (``pip install "cidmesa[gym]"``), and stable-baselines3 for :meth:`DiagramVectorEnv.as_sb3`.

References
----------
.. [1] M. Towers et al., "Gymnasium: a standard interface for reinforcement learning environments", arXiv:2407.17032.
.. [2] A. Raffin et al., "Stable-Baselines3: reliable reinforcement learning implementations", JMLR 22 (2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from cidmesa.agents.stepping import Episode, Setup, World, named, worlds_of
from cidmesa.agents.tensors import Encoder, Keys, agent_keys
from cidmesa.arguments import require_count
from cidmesa.arrays import Array, Floats
from cidmesa.errors import NotApplicableError, missing
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.agents.sb3 import DiagramVecEnv

Shown32 = NDArray[np.float32]
OPTIONS = ("deployment", "do", "given")


class _Copies:
    """What one environment and many share: the worlds, the spaces, and the episode that is being played.

    Noise is a number for each (copy, node, episode): the key of a copy follows from its seed alone, and ``reset``
    without a seed goes on to the copy's next episode.
    """

    def __init__(
        self, model: CIM | Setup, deployment: str, encoders: Mapping[str, Encoder] | None, copies: int
    ) -> None:
        self.worlds = worlds_of(model, encoders)
        self.usual = deployment
        world = named(self.worlds, deployment)
        low, high = world.bounds()
        self.shown = Box(low.astype(np.float32), high.astype(np.float32))
        self.actions = Discrete(world.most_actions)
        self.keys: Keys | None = None
        self.number = np.full(copies, -1, dtype=np.int64)
        self.playing: Episode | None = None

    def begin(self, seeds: Sequence[int | None], fresh: int, options: Mapping[str, Any] | None) -> Episode:
        """Start the next episode of each copy; a copy with a seed starts anew with its first."""
        where, do, given = self._options(options)
        if self.keys is None:
            self.keys = agent_keys(fresh, len(seeds))
        for i, seed in enumerate(seeds):
            if seed is None:
                self.number[i] += 1
            else:
                self.keys[i], self.number[i] = agent_keys(int(seed), 1)[0], 0
        self.playing = where.begin(self.keys, self.number, do, given)
        return self.playing

    def _options(self, options: Mapping[str, Any] | None) -> tuple[World, dict[str, Any], dict[str, Any]]:
        options = {} if options is None else options
        for name in options:
            if name not in OPTIONS:
                raise NotApplicableError(f"options= of reset() holds {', '.join(OPTIONS)}; got {name!r}.")
        where = named(self.worlds, options.get("deployment", self.usual))
        return where, dict(options.get("do") or {}), dict(options.get("given") or {})

    def act(self, actions: Any) -> Floats:
        """Take the actions, each replaced by the first there is where it is none."""
        episode = self.require_playing()
        chosen = np.asarray(actions, dtype=np.intp).reshape(-1)
        if chosen.shape != self.number.shape or (chosen < 0).any() or (chosen >= self.actions.n).any():
            raise NotApplicableError(
                f"an action is a whole number from 0 to {self.actions.n - 1}, one for each copy; got {actions!r}."
            )
        mask = episode.mask()
        there = mask[np.arange(len(chosen)), chosen]
        return episode.act(np.where(there, chosen, mask.argmax(axis=-1)))

    def require_playing(self) -> Episode:
        """Return the episode; raise where none was begun."""
        if self.playing is None:
            raise NotApplicableError("no episode is being played yet: reset() comes before step().")
        return self.playing


class DiagramEnv(gymnasium.Env[Shown32, np.int64]):
    """A model as an environment: one decision a step.

    Parameters
    ----------
    model
        A model with numbers and one agent, or a training setup: then decisions may share rules, episodes may be
        played in its deployments, and only what training scores is paid.
    deployment
        The distribution that is played unless ``reset`` names another.
    encoders
        How the observation codes a node, by name, as in :func:`~cidmesa.agents.train`; one-hot where left out.
    render_mode
        ``None`` or ``"ansi"``: ``render()`` returns the episode so far as text.

    Attributes
    ----------
    observation_space
        A ``Box`` of float32: for each rule a column that says that it is asked, then the codes of its parents.
    action_space
        ``Discrete`` of the most actions that a decision has.

    Raises
    ------
    NotApplicableError
        The diagram has no decision or several agents; the setup is a bare diagram.

    Notes
    -----
    ``reset(seed=, options=)`` takes the options ``deployment`` (a name), ``do`` (nodes that are set; a decision that is
    set is not asked for) and ``given`` (nodes that are known to have come out so: the episode is drawn from what that
    leaves likely). They hold for one episode. ``info`` has the keys ``decision`` (what the next action is about,
    ``""`` at the end), ``nodes`` (node → value, those that are known by now; at the end all) and ``action_mask``.
    An episode has one step for each decision, whatever is done.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("coin", "guess"), ("coin", "pay"), ("guess", "pay")], decisions=["guess"], utilities=["pay"])
    >>> model = cid.parameterise(coin=cm.Bernoulli(0.5), guess=[0, 1], pay=lambda coin, guess: int(coin == guess))
    >>> env = cm.DiagramEnv(model)
    >>> shown, info = env.reset(seed=1, options={"given": {"coin": 1}})
    >>> shown, info["decision"], info["nodes"]
    (array([1., 0., 1.], dtype=float32), 'guess', {'coin': 1})
    >>> _, reward, terminated, truncated, info = env.step(1)
    >>> reward, terminated, info["nodes"]
    (1.0, True, {'coin': 1, 'guess': 1, 'pay': 1.0})
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012  (as gymnasium has it)

    def __init__(
        self,
        model: CIM | Setup,
        *,
        deployment: str = "training",
        encoders: Mapping[str, Encoder] | None = None,
        render_mode: str | None = None,
    ) -> None:
        self._copies = _Copies(model, deployment, encoders, 1)
        self.observation_space = self._copies.shown
        self.action_space = self._copies.actions
        self.render_mode = render_mode
        given = {"model": model, "deployment": deployment, "encoders": encoders}
        self.spec = EnvSpec("cidmesa/Diagram-v0", entry_point="cidmesa.agents.gym:DiagramEnv", kwargs=given)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Shown32, dict[str, Any]]:
        """Start an episode; see the class for `options`."""
        super().reset(seed=seed)
        fresh = 0 if self._copies.keys is not None else int(self.np_random.integers(2**62))
        self._copies.begin([seed], fresh, options)
        return self._shown(), self._info()

    def step(self, action: np.int64 | int) -> tuple[Shown32, float, bool, bool, dict[str, Any]]:
        """Take an action; the reward is what became known to be paid."""
        reward = float(self._copies.act(action)[0])
        return self._shown(), reward, self._copies.require_playing().decision is None, False, self._info()

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions there are now, ``(actions,)``."""
        mask: NDArray[np.bool_] = self._copies.require_playing().mask()[0]
        return mask

    @property
    def world(self) -> World:
        """The distribution that is played where ``reset`` names no other."""
        return self._copies.worlds[self._copies.usual]

    def render(self) -> Any:
        """Return the episode so far as text, ``None`` without a render mode."""
        if self.render_mode is None:
            return None
        episode = self._copies.require_playing()
        words = [f"{node} = {values[0]}" for node, values in episode.nodes().items()]
        return "; ".join(words) + (f"; {episode.decision} = ?" if episode.decision else "")

    def _shown(self) -> Shown32:
        shown: Shown32 = self._copies.require_playing().shown()[0].astype(np.float32)
        return shown

    def _info(self) -> dict[str, Any]:
        episode = self._copies.require_playing()
        nodes = {node: _plain(values[0]) for node, values in episode.nodes().items()}
        return {"decision": episode.decision or "", "nodes": nodes, "action_mask": episode.mask()[0]}


class DiagramVectorEnv(gymnasium.vector.VectorEnv[Shown32, NDArray[np.int64], Array]):
    """Many copies of a :class:`DiagramEnv` in step with each other, without a loop over them.

    Copy i gives, seed by seed, what a ``DiagramEnv`` of its own gives: ``reset(seed=s)`` seeds it with s + i, as
    gymnasium's ``SyncVectorEnv`` does.

    Parameters
    ----------
    model, deployment, encoders
        As for :class:`DiagramEnv`.
    num_envs
        How many copies.
    autoreset_mode
        When an episode that ended starts again: gymnasium's ``AutoresetMode.NEXT_STEP`` (its default) or
        ``SAME_STEP``.

    Raises
    ------
    NotApplicableError
        As for :class:`DiagramEnv`; `autoreset_mode` is ``DISABLED`` (all copies end together: call ``reset()``).

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("coin", "guess"), ("coin", "pay"), ("guess", "pay")], decisions=["guess"], utilities=["pay"])
    >>> model = cid.parameterise(coin=cm.Bernoulli(0.5), guess=[0, 1], pay=lambda coin, guess: int(coin == guess))
    >>> envs = cm.DiagramVectorEnv(model, 3)
    >>> shown, info = envs.reset(seed=0)
    >>> envs.step(info["nodes"]["coin"])[1]
    array([1., 1., 1.])
    """

    metadata: dict[str, Any]

    def __init__(
        self,
        model: CIM | Setup,
        num_envs: int = 16,
        *,
        deployment: str = "training",
        encoders: Mapping[str, Encoder] | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        require_count(num_envs, "num_envs")
        mode = AutoresetMode(autoreset_mode)
        if mode is AutoresetMode.DISABLED:
            raise NotApplicableError("all copies end together: autoreset_mode= is NEXT_STEP or SAME_STEP.")
        self._copies = _Copies(model, deployment, encoders, num_envs)
        self._arguments = (model, deployment, encoders)
        self._mode = mode
        self._over = False
        self.num_envs = num_envs
        self.metadata = {"render_modes": [], "autoreset_mode": mode}
        self.single_observation_space = self._copies.shown
        self.single_action_space = self._copies.actions
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Shown32, dict[str, Any]]:
        """Start an episode in each copy.

        Parameters
        ----------
        seed
            A number, from which copy i takes seed + i; one for each copy; ``None`` goes on with the next episode.
        options
            The same for all, as for :class:`DiagramEnv`; for one episode.
        """
        if seed is None:
            seeds: list[int | None] = [None] * self.num_envs
        else:
            seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int | np.integer) else list(seed)
        if len(seeds) != self.num_envs:
            raise NotApplicableError(
                f"seed= is one number, or one for each of {self.num_envs} copies; got {len(seeds)}."
            )
        fresh = 0 if self._copies.keys is not None else int(self.np_random.integers(2**62))
        self._copies.begin(seeds, fresh, options)
        self._over = False
        return self._shown(), self._info()

    def step(self, actions: Any) -> tuple[Shown32, Floats, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Take an action in each copy."""
        never = np.zeros(self.num_envs, dtype=np.bool_)
        if self._over:
            shown, info = self.reset()
            return shown, np.zeros(self.num_envs), never, never.copy(), info
        paid = self._copies.act(actions)
        over = self._copies.require_playing().decision is None
        ended = np.full(self.num_envs, over)
        shown, info = self._shown(), self._info()
        if over and self._mode is AutoresetMode.SAME_STEP:
            everywhere = np.ones(self.num_envs, dtype=np.bool_)
            last = np.empty(self.num_envs, dtype=object)
            last[:] = list(shown)
            final = {"final_obs": last, "_final_obs": everywhere, "final_info": info, "_final_info": everywhere.copy()}
            shown, info = self.reset()
            return shown, paid, ended, never, {**final, **info}
        self._over = over
        return shown, paid, ended, never, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions there are now, ``(copies, actions)``."""
        return self._copies.require_playing().mask()

    def as_sb3(self) -> DiagramVecEnv:
        """Return as many copies as stable-baselines3's ``VecEnv``; they are played apart from these.

        Raises
        ------
        MissingDependencyError
            stable-baselines3 is not installed.
        """
        try:
            from cidmesa.agents.sb3 import DiagramVecEnv
        except ImportError as error:
            raise missing("stable-baselines3", "gym", "a VecEnv") from error
        model, deployment, encoders = self._arguments
        mode = AutoresetMode.SAME_STEP
        envs = DiagramVectorEnv(model, self.num_envs, deployment=deployment, encoders=encoders, autoreset_mode=mode)
        return DiagramVecEnv(envs)

    def _shown(self) -> Shown32:
        return self._copies.require_playing().shown().astype(np.float32)

    def _info(self) -> dict[str, Any]:
        episode = self._copies.require_playing()
        everywhere = np.ones(self.num_envs, dtype=np.bool_)
        nodes: dict[str, Any] = {}
        for node, values in episode.nodes().items():
            nodes[node], nodes[f"_{node}"] = _as_info(values), everywhere
        decision = np.full(self.num_envs, episode.decision or "", dtype=object)
        info = {"decision": decision, "nodes": nodes, "action_mask": episode.mask()}
        return {**info, **{f"_{key}": everywhere for key in info}}


def _plain(value: Any) -> Any:
    """Return a member of a domain as it was declared, not as numpy keeps it."""
    return value.item() if isinstance(value, np.generic) else value


def _as_info(values: Array) -> Array:
    """Return values as gymnasium keeps them in an info: numbers as such, all else as objects."""
    return values if values.dtype.kind in "bif" else values.astype(object)

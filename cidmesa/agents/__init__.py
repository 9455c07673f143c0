"""Training agents: whole populations at once, on any model.

==================  ==========================================================================================
``train``           setup → population; six learners, nets or tables, stop and resume
``Agents``          what came out: ``len``, ``act``, ``probabilities``, ``recipe``
``Recipe``          everything that determines a population; ``retrain`` changes one thing and keeps the noise
``load``            reads agents that ``agents.save(folder)`` kept, as data that never runs
``Store``           a folder of finished blocks of agents: a killed run goes on from there
``Compiled``        a model as tensors on any device: value, gradient, Q-values, episodes
``register_…``      make learners and policies of your own known to ``train``; ``check_…`` tests them
``from_rules`` …    agents from elsewhere: written rules, a function, rollouts, a log, stable-baselines3
``swap``            a change of an inner node that exchanges two entries; for ``agents.do({node: ..})``
``DiagramEnv``      a model as an environment of gymnasium; ``DiagramVectorEnv`` is many copies in step
``parity``          codes an observed value by the parity of k bits, to make it hard for a net to read
==================  ==========================================================================================

This is the only room that uses PyTorch, and it loads on first use: drawing episodes (:mod:`.environment`), playing
them decision by decision (:mod:`.stepping`), agents from elsewhere (:mod:`.brought`) and coding inputs
(:mod:`.tensors`) need numpy alone. Not here: learning from pixels.

===============  =============================================================
module           what it holds
===============  =============================================================
``training``     `train`: from a setup to a population, with what was predicted of it before
``recipe``       everything that determines a population
``population``   `Agents`: what they do, how they came about
``block``        some agents trained at once: the unit of work; learning curves
``runs``         blocks one after the other or on any executor
``store``        finished blocks on disk, by address
``revocable``    an executor whose work can be called back
``saving``       agents as files; ``loading`` reads them, ``tensor_file`` holds their numbers
``encoders``     codes of inputs as data
``learners``     one file each, batched over agents; the loop that drives them, and their registry
``devices``      where agents are trained, and how precisely
``contract``     what any learner and any policy has to keep, as tests that users run
``compiled``     models as tensors: exact where a contraction fits, else sampled
``premise``      whether agents do in training what they have to do to be judged
``feedback``     learning that goes on in deployment
``elimination``  summing nodes out of a product of tables
``policies``     one file each, batched over agents: tables, nets, a planner; their registry
``environment``  drawing episodes from any model
``stepping``     a model one decision at a time, many copies in step
``gym``          that as gymnasium's environments
``sb3``          that as stable-baselines3's ``VecEnv``
``sb3_agents``   agents that stable-baselines3 trained
``brought``      agents from elsewhere
``inside``       inner nodes of a body: declared, read, changed
``thinking``     that of trained agents, whole populations at once
``acting``       what agents that are tables do
``tensors``      models as arrays, codes of inputs, random keys
===============  =============================================================
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cidmesa.agents.brought import from_callable, from_log, from_rollouts, from_rules
from cidmesa.agents.inside import swap
from cidmesa.agents.tensors import one_hot, parity
from cidmesa.errors import missing

if TYPE_CHECKING:
    from cidmesa.agents.compiled import Compiled
    from cidmesa.agents.contract import check_learner, check_policy
    from cidmesa.agents.gym import DiagramEnv, DiagramVectorEnv
    from cidmesa.agents.learners.registry import register_learner
    from cidmesa.agents.loading import load
    from cidmesa.agents.policies.registry import register_policy
    from cidmesa.agents.population import Agents
    from cidmesa.agents.recipe import Recipe
    from cidmesa.agents.sb3_agents import from_sb3
    from cidmesa.agents.store import Store
    from cidmesa.agents.training import train

__all__ = [
    "Agents",
    "Compiled",
    "DiagramEnv",
    "DiagramVectorEnv",
    "Recipe",
    "Store",
    "check_learner",
    "check_policy",
    "from_callable",
    "from_log",
    "from_rollouts",
    "from_rules",
    "from_sb3",
    "load",
    "one_hot",
    "parity",
    "register_learner",
    "register_policy",
    "swap",
    "train",
]

_LAZY = {
    "train": ("training", "torch", "training agents"),
    "Agents": ("population", "torch", "training agents"),
    "Recipe": ("recipe", "torch", "training agents"),
    "Store": ("store", "torch", "training agents"),
    "load": ("loading", "torch", "reading agents"),
    "Compiled": ("compiled", "torch", "models as tensors"),
    **dict.fromkeys(("check_learner", "check_policy"), ("contract", "torch", "training agents")),
    "register_learner": ("learners.registry", "torch", "training agents"),
    "register_policy": ("policies.registry", "torch", "training agents"),
    "from_sb3": ("sb3_agents", "stable_baselines3", "agents of stable-baselines3"),
    **dict.fromkeys(("DiagramEnv", "DiagramVectorEnv"), ("gym", "gymnasium", "an environment of gymnasium")),
}
"""Where a name is, the package that its module needs, and for what."""

_EXTRA = {"torch": "torch", "gymnasium": "gym", "stable_baselines3": "gym"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, package, purpose = _LAZY[name]
    try:
        return getattr(import_module(f"cidmesa.agents.{module}"), name)
    except ImportError as error:
        if error.name == package:
            raise missing(package, _EXTRA[package], purpose) from error
        raise

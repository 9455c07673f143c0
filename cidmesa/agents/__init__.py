"""Training agents: whole populations at once, on any model.

==================  ==========================================================================================
``train``           setup → population; six learners, nets or tables, stop and resume
``Agents``          what came out: ``len``, ``act``, ``probabilities``, ``recipe``
``Recipe``          everything that determines a population; ``retrain`` changes one thing and keeps the noise
``Compiled``        a model as tensors on any device: value, gradient, Q-values, episodes
``register_learner``, ``register_policy``  make learners and policies of your own known to ``train``
``check_learner``   tests what any learner has to keep, on any policy
``parity``          codes an observed value by the parity of k bits, to make it hard for a net to read
==================  ==========================================================================================

This is the only room that uses PyTorch, and it loads on first use: drawing episodes (:mod:`.environment`) and coding
inputs (:mod:`.tensors`) need numpy alone. Not here: recurrent policies, learning from pixels.

===============  =============================================================
module           what it holds
===============  =============================================================
``population``   `train`, `Agents` and their recipe: whole populations at once
``learners``     one file each, batched over agents; the loop that drives them, and their registry
``contract``     what any learner has to keep, as a test that users run
``compiled``     models as tensors: exact where a contraction fits, else sampled
``premise``      whether agents do in training what they have to do to be judged
``policies``     tables and nets, batched over agents
``environment``  drawing episodes from any model
``tensors``      models as arrays, codes of inputs, random keys
===============  =============================================================
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cidmesa.agents.tensors import one_hot, parity
from cidmesa.errors import missing

if TYPE_CHECKING:
    from cidmesa.agents.compiled import Compiled
    from cidmesa.agents.contract import check_learner
    from cidmesa.agents.learners.registry import register_learner, register_policy
    from cidmesa.agents.population import Agents, Recipe, train

__all__ = [
    "Agents", "Compiled", "Recipe", "check_learner", "one_hot", "parity", "register_learner", "register_policy",
    "train",
]  # fmt: skip

_NEED_TORCH = {
    "Agents": "population",
    "Recipe": "population",
    "train": "population",
    "Compiled": "compiled",
    "check_learner": "contract",
    "register_learner": "learners.registry",
    "register_policy": "learners.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"cidmesa.agents.{_NEED_TORCH[name]}")
    except ImportError as error:
        if error.name == "torch":
            raise missing("torch", "torch", "training agents") from error
        raise
    return getattr(module, name)

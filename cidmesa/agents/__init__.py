"""Training agents: whole populations at once, on any model.

==================  ==========================================================================================
``train``           setup → population; REINFORCE or exact gradient, nets or tables, stop and resume
``Agents``          what came out: ``len``, ``act``, ``probabilities``, ``recipe``
``Recipe``          everything that determines a population; ``retrain`` changes one thing and keeps the noise
``parity``          codes an observed value by the parity of k bits, to make it hard for a net to read
==================  ==========================================================================================

This is the only room that uses PyTorch, and it loads on first use: drawing episodes (:mod:`.environment`) and coding
inputs (:mod:`.tensors`) need numpy alone. Not here: recurrent policies, actor-critic methods, learning from pixels.

===============  =============================================================
module           what it holds
===============  =============================================================
``population``   `train`, `Agents` and their recipe: whole populations at once
``learners``     REINFORCE and the exact gradient, batched over agents
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
    from cidmesa.agents.gym import DiagramEnv, DiagramVectorEnv
    from cidmesa.agents.population import Agents, Recipe, train

__all__ = ["Agents", "DiagramEnv", "DiagramVectorEnv", "Recipe", "one_hot", "parity", "train"]

_LAZY = {
    **dict.fromkeys(("Agents", "Recipe", "train"), ("population", "torch", "training agents")),
    **dict.fromkeys(("DiagramEnv", "DiagramVectorEnv"), ("gym", "gymnasium", "an environment of gymnasium")),
}
"""Where a name is, the package that its module needs, and for what."""

_EXTRA = {"torch": "torch", "gymnasium": "gym"}


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

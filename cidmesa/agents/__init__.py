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

from typing import TYPE_CHECKING, Any

from cidmesa.agents.tensors import one_hot, parity
from cidmesa.errors import missing

if TYPE_CHECKING:
    from cidmesa.agents.population import Agents, Recipe, train

__all__ = ["Agents", "Recipe", "one_hot", "parity", "train"]


def __getattr__(name: str) -> Any:
    if name not in {"Agents", "Recipe", "train"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from cidmesa.agents import population
    except ImportError as error:
        if error.name == "torch":
            raise missing("torch", "torch", "training agents") from error
        raise
    return getattr(population, name)

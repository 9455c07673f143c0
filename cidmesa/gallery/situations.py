"""What agents were trained on, and the situations that they decide in there."""

from __future__ import annotations

from typing import Any

from cidmesa.model import CIM


def situations(model: CIM, decision: str) -> list[dict[str, Any]]:
    """Return what a decision can see, in the order of the rows of its rules: observed node → value.

    >>> import cidmesa as cm
    >>> model = cm.CID([("x", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"]).parameterise(
    ...     x=cm.Bernoulli(0.5), act=[0, 1], pay=lambda act: act)
    >>> situations(model, "act")
    [{'x': 0}, {'x': 1}]
    """
    names = model.cid.parents(decision)
    return [dict(zip(names, context, strict=True)) for context in model.contexts(decision)]


def model_of(agents: Any) -> CIM:
    """Return the model whose decisions agents make: the one that they were trained on, or were brought for."""
    model: CIM = agents.recipe.model if hasattr(agents, "recipe") else agents.decides
    return model

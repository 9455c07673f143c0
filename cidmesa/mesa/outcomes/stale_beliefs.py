r"""The model that an optimizer believes in a deployment when it has not noticed that it left training.

It sees what is there: the mechanisms of :math:`Obs(D) = Pa(D) \cup Anc(Pa(D))` are the deployment's. All others, those
that say what its actions lead to, are as in training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cidmesa.mesa.graphical.relevance import observed
from cidmesa.mesa.setup.deployment import TRAINING

if TYPE_CHECKING:
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM


def stale_model(setup: TrainingSetup, name: str) -> CIM:
    """Return training's model with the mechanisms of what decisions observe as in deployment `name`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.setup.training import TrainingSetup
    >>> cid = cm.CID([("x", "act"), ("act", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = cid.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], y=lambda act: act, pay=lambda y: y)
    >>> setup = TrainingSetup(model, {"there": {"x": cm.Bernoulli(1.0), "y": lambda act: 1 - act}})
    >>> stale_model(setup, "there").cpd("x").tolist(), stale_model(setup, "there").cpd("y").tolist()
    ([0.0, 1.0], [[1.0, 0.0], [0.0, 1.0]])
    """
    model, there = setup.deployed(TRAINING), setup.deployed(name)
    seen = observed(there.cid)
    shifts = {node: there.mechanisms[node] for node in setup.shifted(name) if node in seen}
    edges = [edge for edge in setup.deployments[name].edges if edge[1] in seen]
    return model.with_edges(edges, shifts) if edges else model.shift(shifts)

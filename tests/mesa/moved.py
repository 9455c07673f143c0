"""The same setup in other units, at another level, or with a loss that nobody can help."""

from __future__ import annotations

from typing import Any

import cidmesa as cm
from cidmesa.mesa.setup.training import TrainingSetup


def moved(setup: TrainingSetup, unit: float, level: float = 0.0) -> TrainingSetup:
    """Every utility ``(u + level) * unit``, in training and in the deployments; exact in floats where these are."""

    def paid(model: cm.CIM, nodes: Any) -> dict[str, Any]:
        return {
            node: cm.Table((model.cpd(node) + level) * unit, parents=model.cid.parents(node))
            for node in nodes
            if model.cid.kind(node) == "utility"
        }

    assert setup.model is not None
    deployments = {}
    for name, deployment in setup.deployments.items():
        there, shifted = setup.deployed(name), setup.shifted(name)
        shifts = {node: there.mechanisms[node] for node in shifted}
        deployments[name] = cm.Deployment({**shifts, **paid(there, shifted)}, deployment.edges)
    model = setup.model.shift(paid(setup.model, setup.cid.nodes))
    return TrainingSetup(model, deployments, shared_rules=setup.shared_rules)


def with_a_storm(setup: TrainingSetup, penalty: float) -> TrainingSetup:
    """One more root and a utility below it: now and then there is a storm, and it costs a lot whatever anybody does."""
    assert setup.model is not None
    cid = setup.cid
    stormy = cm.CID(
        [*cid.edges, ("storm", "damage")],
        nodes=[*cid.nodes, "storm", "damage"],
        decisions=cid.decisions,
        utilities=[*cid.utilities, "damage"],
    )
    extra = {"storm": cm.Bernoulli(0.25), "damage": cm.Table([0.0, penalty])}
    model = stormy.parameterise({**setup.model.mechanisms, **extra})
    return TrainingSetup(model, setup.deployments, shared_rules=setup.shared_rules)

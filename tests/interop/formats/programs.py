"""Other programs, asked for a second opinion: pyAgrum's diagrams from ours, and its files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm

calm = pytest.mark.filterwarnings("ignore")
"""For tests that ask pyAgrum: it ends the process where a warning inside it becomes an error."""


def agrum() -> Any:
    """Return pyAgrum, or skip."""
    return pytest.importorskip("pyagrum")


def diagram_of(model: cm.CIM) -> Any:
    """Make pyAgrum's influence diagram of a model, node by node."""
    gum = agrum()
    diagram = gum.InfluenceDiagram()
    _fill(diagram, model, utilities=True)
    return diagram


def network_of(model: cm.CIM) -> Any:
    """Make pyAgrum's Bayesian network of a model without decisions and utilities."""
    gum = agrum()
    network = gum.BayesNet("net")
    _fill(network, model, utilities=False)
    return network


def _fill(made: Any, model: cm.CIM, *, utilities: bool) -> None:
    gum, cid = agrum(), model.cid
    add = {
        "chance": made.addChanceNode if utilities else made.add,
        "decision": getattr(made, "addDecisionNode", None),
        "utility": getattr(made, "addUtilityNode", None),
    }
    for node in cid.nodes:
        variable = gum.LabelizedVariable(node, node, 0)
        for label in ["0"] if cid.kind(node) == "utility" else model.domain(node):
            variable.addLabel(str(label))
        add[cid.kind(node)](variable)
    for tail, head in cid.edges:
        made.addArc(tail, head)
    for node in cid.nodes:
        if cid.kind(node) == "decision":
            continue
        table = made.cpt(node) if cid.kind(node) == "chance" else made.utility(node)
        names = list(table.names)[::-1]  # of the array's axes: the node itself is the last
        axes = [cid.parents(node).index(name) for name in names[:-1]]
        own = np.asarray(model.cpd(node), dtype=float)
        if cid.kind(node) == "utility":
            own = own[..., None]
        table[:] = np.ascontiguousarray(own.transpose([*axes, len(axes)]))


def same_tables(found: cm.CIM, model: cm.CIM, tolerance: float) -> bool:
    """Say whether two models have the same nodes, states (as texts) and tables, up to `tolerance`."""
    if set(found.cid.edges) != set(model.cid.edges) or set(found.cid.nodes) != set(model.cid.nodes):
        return False
    for node in model.cid.nodes:
        kind, parents, theirs = model.cid.kind(node), model.cid.parents(node), found.cid.parents(node)
        if found.cid.kind(node) != kind:
            return False
        if kind != "utility" and tuple(map(str, model.domain(node))) != tuple(map(str, found.domain(node))):
            return False
        if kind == "decision":
            continue
        axes = [theirs.index(parent) for parent in parents] + ([len(parents)] if kind == "chance" else [])
        if not np.allclose(found.cpd(node).transpose(axes), model.cpd(node), atol=tolerance, rtol=tolerance):
            return False
    return True

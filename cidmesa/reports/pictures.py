"""The pictures of a report: the base diagram, the base optimizer's, and the mesa diagrams beside the base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cidmesa.criteria import incentives
from cidmesa.documents.sections.words import CRITERION_TITLES
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.setup.base_optimizer import THETA
from cidmesa.mesa.setup.learned_algorithm import splice
from cidmesa.render import Picture, spec_of

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.render.engines import Engine


def diagram_picture(cid: CID, title: str = "", *, engine: Engine = "auto") -> Picture:
    """Draw a diagram with a ring for each incentive."""
    return Picture(spec_of(cid, title=title, rings=incentives(cid) if cid.decisions else None), engine)


def optimizer_picture(setup: TrainingSetup, *, engine: Engine = "auto") -> Picture:
    """Draw the base optimizer's diagram, a frame for training and for each deployment."""
    twin = setup.base_optimizer()
    groups: dict[str, list[str]] = {}
    labels = {THETA: "θ"}
    for node in twin.nodes:
        if node != THETA:
            name, _, copy = node.rpartition("@")
            labels[node] = name
            groups.setdefault(copy, []).append(node)
    picture = spec_of(
        twin,
        title="The base optimizer",
        rings={"ici": incentives(twin).ici},
        labels=labels,
        groups=groups,
        direction="right",
    )
    return Picture(picture, engine)


def spliced_picture(setup: TrainingSetup, deployment: str | None = None, *, engine: Engine = "auto") -> Picture:
    """Draw the insides of the learned algorithms in the places of their decisions, a frame around each.

    Raises
    ------
    NotApplicableError
        The setup describes no learned algorithm.
    """
    if not setup.learned:
        raise NotApplicableError(
            "no learned algorithm is described here, so none can be spliced in: "
            "TrainingSetup(.., learned={decision: CID})."
        )
    base = setup.cid if deployment is None else setup.deployed_cid(deployment)
    whole = splice(base, setup.learned)
    groups = {
        f"inside {decision}": [n for n in whole.nodes if n in inside and (n == decision or n not in base)]
        for decision, inside in setup.learned.items()
    }
    title = "The learned algorithm spliced in" + ("" if deployment is None else f", {deployment}")
    rings = incentives(whole) if whole.decisions else None
    return Picture(spec_of(whole, title=title, rings=rings, groups=groups), engine)


def mesa_picture(
    candidate: MesaOptimizer, deployment: str | None = None, *, engine: Engine = "auto", legend: bool = True
) -> Picture:
    """Draw a mesa diagram against the base: changed links, emergent incentives, the mechanisms that may separate.

    Parameters
    ----------
    candidate
        The mesa-optimizer.
    deployment
        Draw its diagram there instead of in training.
    engine
        Who lays it out.
    legend
        Whether to explain the marks.
    """
    base = candidate.setup.cid
    view = candidate if deployment is None else candidate.in_deployment[deployment]
    notes: dict[str, list[str]] = {}
    for words, nodes in (("mechanism shift", candidate.mechanism_shifts), ("context shift", candidate.context_shifts)):
        for node in nodes:
            if base.kind(node) == "chance":
                notes.setdefault(node, []).append(words)
    for criterion, short in CRITERION_TITLES.items():
        for node in sorted(node for found, node in view.emergent if found == criterion):
            lines = notes.setdefault(node, [])
            if lines and lines[-1].startswith("new: "):
                lines[-1] += f", {short}"
            else:
                lines.append(f"new: {short}")
    where = "" if deployment is None else f" in {deployment}"
    picture = spec_of(
        view.cid,
        title=f"Mesa-optimizer of {', '.join(candidate.names)}{where}",
        rings=view.incentives,
        notes={node: "\n".join(lines) for node, lines in notes.items()},
        labels={"mesa_utility": "mesa utility"},
        against=base,
        legend=legend,
    )
    return Picture(picture, engine)

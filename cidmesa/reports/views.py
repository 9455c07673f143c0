"""The views of a diagram that a shell or a page asks for by name: base, twin, mesa, spliced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cidmesa.errors import NotApplicableError, did_you_mean
from cidmesa.render import Picture
from cidmesa.render.spec import showing
from cidmesa.reports.pictures import diagram_picture, mesa_picture, optimizer_picture, spliced_picture

if TYPE_CHECKING:
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.render.engines import Engine

VIEWS = ("base", "twin", "spliced", "mesa:TARGET")
"""What a view may be called; targets of several nodes are joined by commas."""


def view(
    name: str,
    obj: Any,
    *,
    setup: Callable[[], TrainingSetup],
    candidate: Callable[[list[str]], MesaOptimizer],
    deployment: str | None = None,
    overlay: Iterable[str] | None = None,
    engine: Engine = "auto",
) -> Picture:
    """Draw one view of an object.

    Parameters
    ----------
    name
        ``"base"``: its diagram; ``"twin"``: the base optimizer's, training and each deployment in a frame;
        ``"spliced"``: the base diagram with the insides of learned algorithms, each in a frame; ``"mesa:a,b"``: that of
        the mesa-optimizer of these targets, compared with the base.
    obj
        What has a diagram.
    setup, candidate
        How to come by its training setup, and by the mesa-optimizer of some targets; called where a view needs them.
    deployment
        The diagram there, with the links that exist only there.
    overlay
        The criteria to ring: ``"voi"``, ``"voc"``, ``"ri"``, ``"ici"``; all if left out, none if empty.
    engine
        Who lays it out.

    Raises
    ------
    NotApplicableError
        An unknown view; a deployment for the twin, which shows them all; no learned algorithm to splice.
    DiagramError
        An unknown criterion.
    """
    kind, _, targets = name.partition(":")
    if kind == "mesa" and targets:
        picture = mesa_picture(candidate([t.strip() for t in targets.split(",")]), deployment, engine=engine)
    elif name == "base":
        cid = obj if deployment is None else setup().deployed_cid(deployment)
        picture = diagram_picture(getattr(cid, "cid", cid), engine=engine)
    elif name == "twin":
        if deployment is not None:
            raise NotApplicableError("the base optimizer's diagram shows every deployment: leave the deployment out.")
        picture = optimizer_picture(setup(), engine=engine)
    elif name == "spliced":
        picture = spliced_picture(setup(), deployment, engine=engine)
    else:
        raise NotApplicableError(f"a view is {', '.join(VIEWS)}; got `{name}`{did_you_mean(name, VIEWS)}.")
    return picture if overlay is None else replace(picture, spec=showing(picture.spec, overlay))

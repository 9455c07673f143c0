"""What a directive asks for, as pictures and tables: one reading for Sphinx and MkDocs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cidmesa.documents.sections.diagram import incentive_tables
from cidmesa.errors import CidmesaError, did_you_mean
from cidmesa.pages.source import SourceError, read_inline, read_named
from cidmesa.render.picture import Picture, aligned
from cidmesa.reports import data
from cidmesa.reports.views import view
from cidmesa.shown import Table

if TYPE_CHECKING:
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.setup.training import TrainingSetup

OPTIONS = ("view", "deployment", "overlay", "decisions", "utilities", "direction", "engine", "title")
"""What both directives and the fence understand; ``caption``, ``alt``, ``name`` and ``align`` are the page's own."""


@dataclass(frozen=True)
class Request:
    """A diagram that a page asks for.

    Attributes
    ----------
    name
        Of a system, a diagram of the literature or a file; empty where the diagram is written out.
    text
        The diagram written out.
    options
        View, deployment, overlay, decisions, utilities, direction, engine, title: as words.
    folder
        Where the page is; files are looked for from there.
    """

    name: str = ""
    text: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()

    def subject(self) -> tuple[Any, Any]:
        """Return the object, and its system or ``None``."""
        if bool(self.name) == bool(self.text.strip()):
            rule = "a name or a diagram, not both" if self.name else "the name of a diagram, or one written out below"
            raise SourceError(f"this takes {rule}.")
        if self.name:
            return read_named(self.name, self.folder)
        lists = {key: _names(self.options.get(key, "")) for key in ("decisions", "utilities")}
        return read_inline(self.text, **lists), None


def pictures(request: Request) -> tuple[Picture, ...]:
    """Draw the views asked for, with one layout.

    Examples
    --------
    >>> (one,) = pictures(Request(text="x -> [d] -> <u>", options={"overlay": "ici", "engine": "own"}))
    >>> [node.name for node in one.spec.nodes if node.rings]
    ['u']

    Raises
    ------
    SourceError
        Whatever is wrong with the diagram or with what is asked of it; with the line where there is one.
    """
    obj, system = request.subject()
    options = request.options
    chosen = None if "overlay" not in options else _names(options["overlay"].lower())
    chosen = [] if chosen == ["none"] else chosen

    def setup() -> TrainingSetup:
        from cidmesa.mesa.setup.training import TrainingSetup

        return obj if isinstance(obj, TrainingSetup) else TrainingSetup(obj)

    def candidate(targets: list[str]) -> MesaOptimizer:
        from cidmesa.mesa.derive import derive_mesa_optimizers

        family = derive_mesa_optimizers(setup()) if system is None else system.family(None)
        found: MesaOptimizer = family[tuple(targets) if len(targets) > 1 else targets[0]]
        return found

    drawn = []
    views = options.get("view", "base").split()
    for name in views:
        shown = obj if options.get("deployment") else getattr(obj, "cid", obj)
        engine: Any = options.get("engine", "auto")
        try:
            picture = view(
                name, shown, setup=setup, candidate=candidate, deployment=options.get("deployment"),
                overlay=chosen, engine=engine,
            )  # fmt: skip
            direction: Any = options.get("direction", picture.spec.direction)
            if direction not in {"down", "right"}:
                raise SourceError(f"direction is down or right; got {direction}.")
            title = options.get("title", picture.spec.title or ("Base" if len(views) > 1 else ""))
            picture = replace(picture, spec=replace(picture.spec, direction=direction, title=title))
            picture.layout  # noqa: B018  whatever is wrong with the engine is said here
        except SourceError:
            raise
        except CidmesaError as error:
            raise SourceError(str(error.args[0]) if error.args else str(error)) from None
        drawn.append(picture)
    return aligned(*drawn)


def tables(request: Request) -> list[Table]:
    """Tabulate the incentives, a table a decision: of one, where an option ``decision`` names it."""
    obj, _ = request.subject()
    cid = getattr(obj, "cid", obj)
    if request.options.get("deployment"):
        try:
            cid = obj.deployed_cid(request.options["deployment"])
        except (CidmesaError, AttributeError) as error:
            words = "only a training setup has deployments" if isinstance(error, AttributeError) else error.args[0]
            raise SourceError(str(words)) from None
    decision = request.options.get("decision")
    if decision and decision not in cid.decisions:
        raise SourceError(f"`{decision}` is no decision of this diagram{did_you_mean(decision, cid.decisions)}.")
    found = data.incentive_data(cid)
    if decision:
        found = {**found, "decisions": {decision: found["decisions"][decision]}}
    return [block for block in incentive_tables(found) if isinstance(block, Table)]


def described(picture: Picture, alt: str = "") -> Picture:
    """Return the picture with what a reader who cannot see it is told; of its own, with its incentives, if left out."""
    told = alt or f"{picture.drawing.description} {_incentives_in_words(picture)}".strip()
    found = replace(picture)
    found.__dict__["drawing"] = replace(picture.drawing, description=told)
    return found


def _incentives_in_words(picture: Picture) -> str:
    marked: dict[str, list[str]] = {}
    for node in picture.spec.nodes:
        for ring in node.rings:
            marked.setdefault(ring, []).append(node.label)
    words = dict(picture.spec.legend)
    return " ".join(f"{words.get(ring, ring).capitalize()}: {', '.join(nodes)}." for ring, nodes in marked.items())


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]

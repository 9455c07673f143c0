"""From an object to a picture that notebooks show and files hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cidmesa.errors import DiagramError, NotApplicableError, did_you_mean
from cidmesa.render import raster, svg, tikz
from cidmesa.render.around import restricted, together
from cidmesa.render.dot import to_dot
from cidmesa.render.draw import Drawing, beside, canvas_width, draw, extent, title_lines
from cidmesa.render.engines import Engine, place
from cidmesa.render.geometry import Layout, Rectangle
from cidmesa.render.mermaid import to_mermaid
from cidmesa.render.spec import Spec, spec_of

if TYPE_CHECKING:
    from cidmesa.diagram import CID

_MOST = 150
"""Nodes up to which a notebook draws a diagram unasked; beyond, the text says more."""

FORMATS = (".svg", ".png", ".pdf", ".dot", ".gv", ".mmd", ".md", ".tex")
"""The endings that :func:`render` writes."""


def to_svg(picture: Spec, engine: Engine = "auto", *, identifier: str = "cid") -> str:
    """Draw a picture as SVG text, laid out by `engine`.

    `identifier` starts the ids inside; pictures on one page need different ones.
    """
    return svg.svg(draw(picture, place(picture, engine)), identifier=identifier)


def to_tikz(picture: Spec, engine: Engine = "auto") -> str:
    """Write a picture as TikZ, laid out by `engine`."""
    return tikz.to_tikz(picture, place(picture, engine))


@dataclass(frozen=True)
class Picture:
    """A picture: its plain data, and the same as SVG, DOT, Mermaid and TikZ. Notebooks show it.

    `mates` are other pictures that share its layout (:func:`aligned`).
    """

    spec: Spec
    engine: Engine = "auto"
    mates: tuple[Spec, ...] = ()

    @cached_property
    def layout(self) -> Layout:
        """Where everything is."""
        return restricted(self.spec, self._common) if self.mates else place(self.spec, self.engine)

    @cached_property
    def _common(self) -> Layout:
        return place(together(self.mates), self.engine)

    @cached_property
    def _within(self) -> Rectangle | None:
        """The part of the plane that the pictures with one layout fill together; ``None`` for a picture by itself."""
        if not self.mates:
            return None
        parts = [extent(mate, restricted(mate, self._common)) for mate in self.mates]
        left, right = min(p.left for p in parts), max(p.right for p in parts)
        top, bottom = min(p.top for p in parts), max(p.bottom for p in parts)
        return Rectangle((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text."""
        return svg.svg(self.drawing)

    @property
    def dot(self) -> str:
        """The picture as Graphviz DOT."""
        return to_dot(self.spec)

    @property
    def mermaid(self) -> str:
        """The picture as a Mermaid flow chart."""
        return to_mermaid(self.spec)

    @property
    def tikz(self) -> str:
        """The picture as TikZ."""
        return tikz.to_tikz(self.spec, self.layout, self._within)

    @property
    def influence_diagram(self) -> str:
        """The picture in the macros of cid-latex's ``influence-diagrams``."""
        return tikz.to_influence_diagram(self.spec, self.layout)

    @cached_property
    def drawing(self) -> Drawing:
        """The picture as shapes."""
        within = self._within
        if within is None:
            return draw(self.spec, self.layout)
        least = max(canvas_width(mate, within) for mate in self.mates)
        head = max(len(title_lines(mate, within)) for mate in self.mates)
        return draw(self.spec, self.layout, within, head=head, least=least)

    def inline(self, identifier: str) -> str:
        """Return the picture for a page of HTML: the keyboard goes from node to node, and each says what it has.

        `identifier` starts the ids inside; pictures on one page need different ones.
        """
        return svg.svg(self.drawing, identifier=identifier, live=True)

    def beside(self, *others: Picture) -> Drawing:
        """Return this picture and others as one drawing, side by side; :func:`save_drawing` writes it.

        They share one layout: what they have in common stands at the same place in each.
        """
        return beside([picture.drawing for picture in aligned(self, *others)])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture; the ending chooses the format.

        ``.svg``, ``.png``, ``.pdf``, ``.dot`` or ``.gv``, ``.mmd``, ``.md`` (Mermaid in a code fence), ``.tex`` (TikZ);
        ``.cid.tex`` takes the macros of cid-latex.

        Raises
        ------
        NotApplicableError
            Another ending.
        MissingDependencyError
            PNG and PDF need matplotlib.
        """
        target = Path(path)
        ending = target.suffix.lower()
        if ending not in FORMATS:
            raise NotApplicableError(
                f"a picture is written as {', '.join(FORMATS)}; `{target.name}` ends in "
                f"{ending or 'nothing'}{did_you_mean(ending, FORMATS)}."
            )
        if ending in {".svg", ".png", ".pdf"}:
            return save_drawing(self.drawing, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = {
            ".mmd": lambda: self.mermaid + "\n",
            ".md": lambda: f"```mermaid\n{self.mermaid}\n```\n",
            ".tex": lambda: (self.influence_diagram if target.name.endswith(".cid.tex") else self.tikz) + "\n",
        }.get(ending, lambda: self.dot + "\n")()
        target.write_text(text, encoding="utf-8")
        return target

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        words = f"{self.spec.title}: " if self.spec.title else ""
        return f"<Picture {words}{len(self.spec.nodes)} nodes, {len(self.spec.edges)} links>"


def aligned(*pictures: Picture) -> tuple[Picture, ...]:
    """Return the pictures with one layout, so that a node that several have is at the same place in each.

    Pictures whose nodes have given places, or whose arrows point different ways, keep their own layouts.

    Examples
    --------
    >>> from cidmesa import CID
    >>> one, two = aligned(Picture(spec_of(CID([("a", "b")]))), Picture(spec_of(CID([("a", "b"), ("c", "b")]))))
    >>> one.layout.boxes["a"] == two.layout.boxes["a"]
    True
    """
    specs = tuple(picture.spec for picture in pictures)
    given = any(node.position for spec in specs for node in spec.nodes)
    if len(specs) < 2 or given or len({spec.direction for spec in specs}) > 1 or not _agree(specs):
        return pictures
    return tuple(replace(picture, engine=pictures[0].engine, mates=specs) for picture in pictures)


def _agree(specs: tuple[Spec, ...]) -> bool:
    """Say whether one layout can serve: a node has one group, rank and row, and no arrows make a circle."""
    places: dict[str, tuple[object, ...]] = {}
    for node in (node for spec in specs for node in spec.nodes):
        if places.setdefault(node.name, (node.group, node.rank, node.row)) != (node.group, node.rank, node.row):
            return False
    links = {(edge.tail, edge.head) for spec in specs for edge in spec.edges if not edge.both}
    doubles = {(edge.tail, edge.head) for spec in specs for edge in spec.edges if edge.both}
    try:
        TopologicalSorter({name: [t for t, h in links if h == name] for name in places}).prepare()
    except CycleError:
        return False
    return links.isdisjoint(doubles)


def save_drawing(drawing: Drawing, path: str | os.PathLike[str]) -> Path:
    """Write a drawing as ``.svg``, ``.png`` or ``.pdf``, by the ending of `path`."""
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in {".svg", ".png", ".pdf"}:
        raise NotApplicableError(f"a drawing is written as .svg, .png or .pdf; got `{target.name}`.")
    target.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".svg":
        target.write_text('<?xml version="1.0" encoding="UTF-8"?>\n' + svg.svg(drawing), encoding="utf-8")
    else:
        raster.save(drawing, target)
    return target


def render(
    obj: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    engine: Engine = "auto",
    show: Literal["marginals"] | None = None,
    given: Mapping[str, Any] | None = None,
    policy: Any = None,
    **options: Any,
) -> Picture | Path:
    """Draw a diagram, or anything that has one.

    Parameters
    ----------
    obj
        A CID; a model, training setup or mesa-optimizer (its ``.cid`` is drawn); or a :class:`Spec`.
    path
        Where to write the picture, the ending choosing the format (see :meth:`Picture.save`).
    engine
        Who lays it out: ``"pygraphviz"``, ``"dot"``, ``"own"``, or the first of these that works (``"auto"``).
    show
        ``"marginals"`` draws the probabilities of each node's values into it; `obj` then has numbers.
    given, policy
        What is observed, ``{node: value}``, and the rules of the decisions: as for :meth:`cidmesa.CIM.query`, or
        ``"optimal"`` for those that :meth:`cidmesa.CIM.solve` finds.
    **options
        What :func:`spec_of` takes: ``title``, ``rings``, ``notes``, ``labels``, ``groups``, ``positions``, ``against``,
        ``direction``, ``legend``, ``rank``, ``rows``, ``proof``, ``shares``, ``latent``.

    Returns
    -------
    Picture or Path
        The picture, or the file written.

    Raises
    ------
    NotApplicableError
        `obj` has no diagram, or no numbers to show; the ending of `path` is none that can be written.
    MissingDependencyError
        PNG or PDF without matplotlib, or an engine asked for by name that is not there.

    Examples
    --------
    >>> from cidmesa import CID
    >>> render(CID([("a", "b")]), title="Two nodes")
    <Picture Two nodes: 2 nodes, 1 links>
    """
    if show is not None or given is not None or policy is not None:
        options["shares"] = _marginals(obj, show, given, policy)
    picture = Picture(obj if isinstance(obj, Spec) and not options else spec_of(_diagram(obj), **options), engine)
    return picture if path is None else picture.save(path)


def _marginals(obj: Any, show: object, given: Mapping[str, Any] | None, policy: Any) -> dict[str, dict[Any, float]]:
    """Ask a model for the distribution of each of its nodes."""
    if show != "marginals":
        raise DiagramError(f'show= is "marginals" or left out, and given= and policy= go with it; got {show!r}.')
    model = getattr(obj, "model", obj)
    if not hasattr(model, "query"):
        raise NotApplicableError(
            f'show="marginals" needs probabilities, and this {type(obj).__name__} has none: draw a CIM, which '
            "cid.parameterise(..) makes."
        )
    rules = model.solve() if isinstance(policy, str) and policy == "optimal" else policy
    return {name: model.query([name], given=given, policy=rules).to_dict() for name in _diagram(obj).nodes}


def _diagram(obj: Any) -> CID:
    from cidmesa.diagram import CID

    if isinstance(obj, Spec):
        raise DiagramError(
            "a Spec is complete already: give title= and the rest to spec_of(), or dataclasses.replace it."
        )
    cid = obj if isinstance(obj, CID) else getattr(obj, "cid", None)
    if not isinstance(cid, CID):
        raise NotApplicableError(f"only a diagram, or what has one as `.cid`, can be drawn; got {type(obj).__name__}.")
    return cid


def mimebundle(obj: Any) -> dict[str, str]:
    """Return what a notebook shows for `obj`: SVG where it can be drawn, always text. It never raises.

    Examples
    --------
    >>> from cidmesa import CID
    >>> sorted(mimebundle(CID([("a", "b")])))
    ['image/svg+xml', 'text/plain']
    """
    bundle = {"text/plain": object.__repr__(obj)}
    try:
        bundle["text/plain"] = repr(obj)
        picture = spec_of(_diagram(obj))
        if len(picture.nodes) <= _MOST:
            try:
                bundle["image/svg+xml"] = to_svg(picture)
            except Exception:  # noqa: BLE001  whatever goes wrong while drawing, the notebook still gets Mermaid
                bundle["text/markdown"] = f"```mermaid\n{to_mermaid(picture)}\n```"
    except Exception:  # noqa: BLE001  a notebook cell must show something for any object
        pass
    return bundle

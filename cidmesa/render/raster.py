"""A drawing as PNG or PDF, by matplotlib: it brings its own font, and what that lacks another one of the machine has.

The same drawing gives the same bytes with the same matplotlib and fonts: no file holds a date.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

from cidmesa.errors import missing
from cidmesa.render import fonts, theme
from cidmesa.render.draw import Drawing, Ellipse, Line, Polygon, Simple, Style, Words
from cidmesa.render.typeset import SMALL, runs


def save(drawing: Drawing, path: Path, *, scale: float = 2.0) -> None:
    """Write a drawing as PNG or PDF, by the ending of `path`; `scale` is pixels a point (PNG).

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.

    Warns
    -----
    UserWarning
        No font of this machine has some letter; a box stands in its place.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("matplotlib", "plot", f"a picture as {path.suffix[1:].upper()}") from None
    families = fonts.families(shape.text for shape in drawing.flat if isinstance(shape, Words))
    figure = Figure(figsize=(drawing.width / 72, drawing.height / 72), dpi=72 * scale)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.axis("off")
    for order, shape in enumerate(drawing.flat):
        for artist in _artists(shape, families):
            artist.set_zorder(order)
            axes.add_artist(artist)
    about = {"Title": drawing.title, "CreationDate": None} if path.suffix.lower() == ".pdf" else {"Software": None}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # what no font has was said already
        figure.savefig(path, metadata=about)


_ALIGN: dict[str, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}


def _artists(shape: Simple, families: list[str]) -> list[Any]:
    from matplotlib import patches
    from matplotlib.path import Path as Outline

    match shape:
        case Ellipse(box=b, style=style):
            return [patches.Ellipse((b.x, b.y), b.width, b.height, **_style(style))]
        case Polygon(points=points, style=style, radius=radius) if radius:
            (x, y), (right, bottom) = points[0], points[2]
            corners = f"round,pad=0,rounding_size={radius}"
            return [patches.FancyBboxPatch((x, y), right - x, bottom - y, corners, **_style(style))]
        case Polygon(points=points, style=style):
            return [patches.Polygon(list(points), closed=True, **_style(style))]
        case Line(curve=curve, style=style):
            codes = [Outline.MOVETO, *[Outline.CURVE4] * (len(curve) - 1)]
            return [patches.PathPatch(Outline(list(curve), codes), **_style(style))]
        case Words():
            return _line_of_text(shape, families)


def _line_of_text(words: Words, families: list[str]) -> list[Any]:
    """Place the runs of a line beside each other, indices small and off the line."""
    from matplotlib.text import Text

    pieces = [
        Text(
            words.x, words.y - 0.28 * words.size * run.level, run.text.replace("$", r"\$"), color=words.style.fill,
            fontsize=words.size * (SMALL if run.level else 1.0), fontfamily=families,
            fontweight="bold" if words.bold else "normal", horizontalalignment=_ALIGN[words.anchor],
            verticalalignment="baseline",
        )
        for run in runs(words.text)
    ]  # fmt: skip
    if len(pieces) > 1:
        widths = [_advance(piece) for piece in pieces]
        at = words.x - sum(widths) * {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor]
        for piece, width in zip(pieces, widths, strict=True):
            piece.set_horizontalalignment("left")
            piece.set_x(at)
            at += width
    return pieces


def _advance(piece: Any) -> float:
    """Return how wide matplotlib will draw a text, in points."""
    from matplotlib.textpath import TextPath

    extents = TextPath((0, 0), piece.get_text() + "|", size=piece.get_fontsize(), prop=piece.get_fontproperties())
    bar = TextPath((0, 0), "|", size=piece.get_fontsize(), prop=piece.get_fontproperties())
    return float(extents.get_extents().x1 - bar.get_extents().x1)


def _style(style: Style) -> dict[str, Any]:
    options: dict[str, Any] = {
        "facecolor": style.fill,
        "edgecolor": style.stroke,
        "linewidth": style.width if style.stroke != "none" else 0.0,
    }
    if style.dashes:
        options["linestyle"] = (0, tuple(float(d) / style.width for d in style.dashes.split()))
        options["capstyle"] = "round" if style.dashes == theme.DOTS else "butt"
    return options

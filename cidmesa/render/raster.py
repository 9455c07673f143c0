"""A drawing as PNG or PDF, by matplotlib: it brings its own font, so no machine shows empty boxes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

from cidmesa.errors import missing
from cidmesa.render import theme
from cidmesa.render.draw import Drawing, Ellipse, Line, Polygon, Shape, Style, Words


def save(drawing: Drawing, path: Path, *, scale: float = 2.0) -> None:
    """Write a drawing as PNG or PDF, by the ending of `path`; `scale` is pixels a point (PNG).

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("matplotlib", "plot", f"a picture as {path.suffix[1:].upper()}") from None
    figure = Figure(figsize=(drawing.width / 72, drawing.height / 72), dpi=72 * scale)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.axis("off")
    for order, shape in enumerate(drawing.shapes):
        artist = _artist(shape)
        artist.set_zorder(order)
        axes.add_artist(artist)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that even DejaVu lacks is drawn as a box, which is warning enough
        figure.savefig(path, metadata={"Title": drawing.title} if path.suffix == ".pdf" else None)


_ALIGN: dict[str, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}


def _artist(shape: Shape) -> Any:
    from matplotlib import patches
    from matplotlib.path import Path as Outline
    from matplotlib.text import Text

    match shape:
        case Ellipse(box=b, style=style):
            return patches.Ellipse((b.x, b.y), b.width, b.height, **_style(style))
        case Polygon(points=points, style=style, radius=radius) if radius:
            (x, y), (right, bottom) = points[0], points[2]
            corners = f"round,pad=0,rounding_size={radius}"
            return patches.FancyBboxPatch((x, y), right - x, bottom - y, corners, **_style(style))
        case Polygon(points=points, style=style):
            return patches.Polygon(list(points), closed=True, **_style(style))
        case Line(curve=curve, style=style):
            codes = [Outline.MOVETO, *[Outline.CURVE4] * (len(curve) - 1)]
            return patches.PathPatch(Outline(list(curve), codes), **_style(style))
        case Words():
            return Text(
                shape.x, shape.y, shape.text.replace("$", r"\$"), color=shape.style.fill, fontsize=shape.size,
                fontfamily="DejaVu Sans", fontweight="bold" if shape.bold else "normal",
                horizontalalignment=_ALIGN[shape.anchor], verticalalignment="baseline",
            )  # fmt: skip


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

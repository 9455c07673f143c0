"""A drawing as SVG text: self-contained, without style sheets, fonts or scripts.

Colours are attributes, so any viewer shows them; every shape also has a class, so a page may recolour it (the report
does in dark mode).
"""

from __future__ import annotations

from html import escape

from cidmesa.render import theme
from cidmesa.render.draw import Drawing, Ellipse, Line, Polygon, Shape, Style, Words


def svg(drawing: Drawing, *, identifier: str = "cid") -> str:
    """Write a drawing as one ``<svg>`` element.

    `identifier` starts the ids of title and description; pictures on one page need different ones.
    """
    width, height = _n(drawing.width), _n(drawing.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cid" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="{identifier}-t {identifier}-d" '
        f'font-family="{escape(theme.FONT)}">',
        f'<title id="{identifier}-t">{escape(drawing.title)}</title>',
        f'<desc id="{identifier}-d">{escape(drawing.description)}</desc>',
        *(_shape(shape) for shape in drawing.shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _n(value: float) -> str:
    """Write a coordinate with one decimal, without trailing zeros."""
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def _style(style: Style) -> str:
    parts = [f'class="cid-{" cid-".join(style.role.split())}"'] if style.role else []
    parts.append(f'fill="{style.fill}"')
    if style.stroke != "none":
        parts.append(f'stroke="{style.stroke}" stroke-width="{_n(style.width)}"')
    if style.dashes:
        cap = ' stroke-linecap="round"' if style.dashes == theme.DOTS else ""
        parts.append(f'stroke-dasharray="{style.dashes}"{cap}')
    return " ".join(parts)


def _shape(shape: Shape) -> str:
    match shape:
        case Ellipse(box=b, style=style):
            radii = f'rx="{_n(b.width / 2)}" ry="{_n(b.height / 2)}"'
            return f'<ellipse cx="{_n(b.x)}" cy="{_n(b.y)}" {radii} {_style(style)}/>'
        case Polygon(points=points, style=style, radius=radius) if radius:
            (x, y), (right, bottom) = points[0], points[2]
            return (
                f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(right - x)}" height="{_n(bottom - y)}" rx="{_n(radius)}" '
                f"{_style(style)}/>"
            )
        case Polygon(points=points, style=style):
            return f'<polygon points="{" ".join(f"{_n(x)},{_n(y)}" for x, y in points)}" {_style(style)}/>'
        case Line(curve=curve, style=style):
            head, rest = curve[0], curve[1:]
            path = f"M{_n(head[0])} {_n(head[1])}C" + " ".join(f"{_n(x)} {_n(y)}" for x, y in rest)
            return f'<path d="{path}" {_style(style)}/>'
        case Words():
            weight = ' font-weight="600"' if shape.bold else ""
            return (
                f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" '
                f'text-anchor="{shape.anchor}"{weight} {_style(shape.style)}>{escape(shape.text)}</text>'
            )

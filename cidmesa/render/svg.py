"""A drawing as SVG text: self-contained, without fonts or scripts.

Colours are attributes, so any viewer shows them; every shape also has a class, so a page may recolour it (the report
does in dark mode). A *live* picture, for a page of HTML, lets the keyboard go from node to node and says beside the
node in focus, or under the mouse, what is to be known of it. Nothing in it moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cidmesa.render import theme, typeset
from cidmesa.render.draw import Drawing, Ellipse, Group, Line, Polygon, Simple, Style, Words
from cidmesa.render.typeset import SMALL, runs


def svg(drawing: Drawing, *, identifier: str = "cid", live: bool = False) -> str:
    """Write a drawing as one ``<svg>`` element.

    `identifier` starts the ids inside; pictures on one page need different ones. `live` lets readers walk through the
    nodes with the keyboard.
    """
    width, height = _n(drawing.width), _n(drawing.height)
    role = "graphics-document document" if live else "img"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cid" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="{role}" aria-labelledby="{identifier}-t {identifier}-d" '
        f'font-family="{escape(theme.FONT)}">',
        f'<title id="{identifier}-t">{escape(drawing.title)}</title>',
        f'<desc id="{identifier}-d">{escape(drawing.description)}</desc>',
        *(_live(drawing, identifier) if live else map(_shape, drawing.flat)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _live(drawing: Drawing, identifier: str) -> list[str]:
    """Write the shapes, nodes as groups that take the focus, and then what each of them says when it has it."""
    lines: list[str] = []
    tips: list[str] = []
    rules: list[str] = []
    for number, shape in enumerate(drawing.shapes):
        if not isinstance(shape, Group):
            lines.append(_shape(shape))
            continue
        name = f"{identifier}-n{number}"
        lines.append(
            f'<g id="{name}" class="cid-focus" tabindex="0" role="graphics-symbol img" '
            f'aria-label="{escape(shape.words)}">'
        )
        lines += [*map(_shape, shape.shapes), "</g>"]
        if shape.told:
            rules.append(f"#{name}:is(:focus,:hover)~#{name}-tip")
            tips += [f'<g id="{name}-tip" class="cid-tip" visibility="hidden" aria-hidden="true">']
            tips += [*map(_shape, _tip(shape, drawing)), "</g>"]
    style = f".cid-focus:focus{{outline:2px solid {theme.RINGS['voi'][0]};outline-offset:2px}}"
    style += ".cid{max-width:100%;height:auto}"
    shown = ",".join(rules) + "{visibility:visible}" if rules else ""
    return [f"<style>{style}.cid-tip{{pointer-events:none}}{shown}</style>", *lines, *tips]


def _tip(group: Group, drawing: Drawing) -> Sequence[Simple]:
    """Return a small card with what is to be known of a node, near it and on the canvas."""
    room = max(drawing.width - 26.0, 60.0)
    name, *rest = group.told
    head = typeset.wrapped(name, theme.NOTE_SIZE, room)
    lines = [*head, *(part for line in rest for part in typeset.wrapped(line, theme.NOTE_SIZE, room))]
    wide = max(typeset.width(line, theme.NOTE_SIZE) for line in lines) * 1.06 + 18
    tall = theme.NOTE_LINE * len(lines) + 12
    left = min(max(group.box.x - wide / 2, 2.0), max(drawing.width - wide - 2.0, 2.0))
    below = group.box.bottom + 5
    top = below if below + tall <= drawing.height else max(group.box.top - 5 - tall, 2.0)
    corners = ((left, top), (left + wide, top), (left + wide, top + tall), (left, top + tall))
    card = Polygon(corners, Style(theme.PAPER, theme.INK, 1.0, role="badge"), 4.0)
    return card, *(
        Words(left + 9, top + 6 + theme.NOTE_LINE * (i + 0.75), line, theme.NOTE_SIZE, "start", bold=i < len(head))
        for i, line in enumerate(lines)
    )


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


def _shape(shape: Simple) -> str:
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
                f'text-anchor="{shape.anchor}"{weight} {_style(shape.style)}>{_text(shape.text, shape.size)}</text>'
            )


def _text(text: str, size: float) -> str:
    """Write a line, its indices small and off the line."""
    parts, level = [], 0
    for run in runs(text):
        if run.level == level == 0:
            parts.append(escape(run.text))
            continue
        rise = (run.level - level) * -size * 0.28
        small = f' font-size="{_n(size * SMALL)}"' if run.level else ""
        parts.append(f'<tspan dy="{_n(rise)}"{small}>{escape(run.text)}</tspan>')
        level = run.level
    return "".join(parts)

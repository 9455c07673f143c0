"""From a picture and its layout to shapes: the one place that decides what is drawn.

A *drawing* is a flat list of curves, polygons, ellipses and lines of text with their colours; the SVG writer and the
PNG/PDF writer both draw exactly this list, so a picture looks the same in every format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atan2, cos, sin
from typing import Any, TypeAlias

from cidmesa.render import theme, typeset
from cidmesa.render.geometry import (
    Curve,
    Layout,
    Rectangle,
    body_size,
    content_size,
    label_lines,
    note_lines,
    octagon,
    samples,
    share_columns,
    share_lines,
    short,
    shortened,
)
from cidmesa.render.spec import Edge, Node, Point, Spec


@dataclass(frozen=True, slots=True)
class Style:
    """How a shape is painted. `role` says what it is, so a page can recolour it (dark mode)."""

    fill: str = "none"
    stroke: str = "none"
    width: float = theme.LINE_WIDTH
    dashes: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse that fills its box."""

    box: Rectangle
    style: Style


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed polygon; `radius` rounds the corners of a rectangle."""

    points: tuple[Point, ...]
    style: Style
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A chain of cubic pieces."""

    curve: Curve
    style: Style


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; `anchor` is ``"start"``, ``"middle"`` or ``"end"``, y is the base line."""

    x: float
    y: float
    text: str
    size: float
    anchor: str = "middle"
    bold: bool = False
    style: Style = Style(fill=theme.INK, role="text")


Simple: TypeAlias = Ellipse | Polygon | Line | Words


@dataclass(frozen=True, slots=True)
class Group:
    """The shapes of one node.

    Attributes
    ----------
    shapes
        In painting order.
    box
        What the node fills.
    words
        What it is, for readers who cannot see it.
    told
        What is to be known of it, line by line; empty where its label says all.
    """

    shapes: tuple[Simple, ...]
    box: Rectangle
    words: str
    told: tuple[str, ...]


Shape: TypeAlias = Simple | Group


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes in painting order on a canvas of `width` × `height` points, and what a reader who cannot see is told."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    title: str
    description: str

    @property
    def flat(self) -> tuple[Simple, ...]:
        """All shapes without their groups."""
        return tuple(one for s in self.shapes for one in (s.shapes if isinstance(s, Group) else (s,)))


def draw(
    picture: Spec, layout: Layout, within: Rectangle | None = None, *, head: int = 0, least: float = 0.0
) -> Drawing:
    """Turn a picture and its layout into shapes.

    `within` is the part of the plane to show, the whole picture if left out; `head` is how many lines of title
    to keep room for at least; the canvas is at least `least` wide. Pictures that share all three show every node at the
    same place.
    """
    shapes: list[Shape] = []
    for group, _ in picture.groups:
        frame = layout.frames[group]
        shapes.append(Polygon(_corners(frame), Style(theme.FRAME_FILL, theme.FRAME, 1.0, role="frame"), 8.0))
    shown = [edge for edge in picture.edges if (edge.tail, edge.head) in layout.curves]
    for edge in shown:
        if edge.proves:
            band = Style("none", theme.PROOF, 6.5, role="proof")
            shapes.append(Line(layout.curves[edge.tail, edge.head], band))
    for edge in sorted(shown, key=lambda e: {"removed": 0, "same": 1, "added": 2}[e.change]):
        shapes += _link(edge, layout.curves[edge.tail, edge.head])
    for group, words in picture.groups:
        x, y = layout.titles[group]
        shapes.append(Words(x, y, words, theme.NOTE_SIZE, "start", style=_MUTED))
    numbered = any(node.agent > 1 for node in picture.nodes)
    for node in picture.nodes:
        box = layout.boxes[node.name]
        shapes.append(Group(tuple(_node(node, box, numbered)), box, *_told(node)))
    return _framed(picture, shapes, within or extent(picture, layout), head, least)


def _told(node: Node) -> tuple[str, tuple[str, ...]]:
    """Say in words what a node is, and, line by line, what a reader may want to know of it."""
    label = typeset.plain(node.label.replace("\n", " "))
    told = [theme.RINGS[criterion][2] for criterion in node.rings]
    told += node.remarks
    told += [f"{value}: {share:.1%}" for value, share in node.shares]
    latent = "latent " if node.latent else ""
    return f"{label}, {latent}{node.kind}" + "".join(f"; {line}" for line in told), (label, *told) if told else ()


_MUTED = Style(fill=theme.MUTED, role="muted")


def _link(edge: Edge, curve: Curve) -> list[Shape]:
    colour, role = {
        "same": (theme.INK, "line"),
        "added": (theme.ADDED, "added"),
        "removed": (theme.REMOVED, "removed"),
    }[edge.change]
    width = theme.LINE_WIDTH + (0.9 if edge.change == "added" or edge.proves else 0.0)
    dashes = theme.DASHES if edge.change == "removed" or edge.both else theme.DOTS if edge.information else ""
    left, tip = shortened(curve, theme.ARROW)
    heads = [_head(left[-1], tip, colour, role)]
    if edge.both:
        back, start = shortened(left[::-1], theme.ARROW)
        heads.append(_head(back[-1], start, colour, role))
        left = back[::-1]
    return [Line(left, Style("none", colour, width, dashes, role)), *heads]


def _head(base: Point, tip: Point, colour: str, role: str) -> Polygon:
    """Draw the head of an arrow between the end of its line and its tip."""
    angle = atan2(tip[1] - base[1], tip[0] - base[0])
    half = theme.ARROW * 0.42
    wings = tuple((base[0] + side * half * -sin(angle), base[1] + side * half * cos(angle)) for side in (1, -1))
    return Polygon((tip, *wings), Style(colour, "none", 0.0, role=f"{role}-tip"))


def _node(node: Node, box: Rectangle, numbered: bool) -> list[Simple]:
    body = Rectangle(box.x, box.y, *body_size(node))
    shapes: list[Simple] = []
    for i, criterion in reversed(list(enumerate(node.rings, start=1))):
        colour, dashes, _ = theme.RINGS[criterion]
        ring = body.grown(i * theme.RING_GAP)
        shapes.append(
            _outline(node.kind, ring, Style(theme.PAPER, colour, theme.RING_WIDTH, dashes, f"ring {criterion}"))
        )
    fill, role = (
        (theme.agent_colour(node.agent), f"agent{(node.agent - 1) % len(theme.AGENTS) + 1}")
        if node.agent
        else (theme.CHANCE, "chance")
    )
    stroke, width = (theme.ADDED, 2.0) if node.change == "added" else (theme.INK, theme.LINE_WIDTH)
    style = Style(fill, stroke, width, theme.DASHES if node.latent else "", f"{role} node")
    shapes.append(_outline(node.kind, body, replace(style, role=style.role + "-added" * (node.change == "added"))))
    shapes += _written(node, box)
    if numbered and node.agent:
        x, y = body.right - 1, body.top + 1
        badge = Style(theme.PAPER, theme.INK, 1.0, role="badge")
        shapes.append(Ellipse(Rectangle(x, y, 14, 14), badge))
        shapes.append(Words(x, y + 3.4, str(node.agent), theme.NOTE_SIZE - 1.5))
    return shapes


def _written(node: Node, box: Rectangle) -> list[Simple]:
    """Write label, note and bars into a node, below each other and centred."""
    shapes: list[Simple] = []
    y = box.y - content_size(node)[1] / 2
    for line in label_lines(node):
        shapes.append(Words(box.x, y + theme.LABEL_LINE * 0.5 + theme.LABEL_SIZE * 0.34, line, theme.LABEL_SIZE))
        y += theme.LABEL_LINE
    for line in note_lines(node):
        base = y + theme.NOTE_LINE * 0.5 + theme.NOTE_SIZE * 0.34
        shapes.append(Words(box.x, base, line, theme.NOTE_SIZE, style=_MUTED))
        y += theme.NOTE_LINE
    words, percent = share_columns(node)
    left = box.x - (words + percent + theme.BAR_ROOM + 10) / 2
    for value, share in share_lines(node):
        base = y + theme.SHARE_LINE * 0.5 + theme.NOTE_SIZE * 0.34
        shapes.append(Words(left, base, short(value), theme.NOTE_SIZE, "start", style=_MUTED))
        start, high = left + words + 5, theme.SHARE_LINE * 0.56
        middle = y + theme.SHARE_LINE / 2
        for length, style in (
            (theme.BAR_ROOM, Style(theme.PAPER, theme.FRAME, 0.8, role="bar")),
            (theme.BAR_ROOM * min(max(share, 0.0), 1.0), Style(theme.BAR, role="share")),
        ):
            if length > 0:
                shapes.append(Polygon(_corners(Rectangle(start + length / 2, middle, length, high)), style))
        told = f"{share:.0%}" if share == 0 or share >= 0.005 else "<1%"
        shapes.append(Words(start + theme.BAR_ROOM + 5 + percent, base, told, theme.NOTE_SIZE, "end", style=_MUTED))
        y += theme.SHARE_LINE
    return shapes


def _outline(kind: str, box: Rectangle, style: Style) -> Ellipse | Polygon:
    if kind == "chance":
        return Ellipse(box, style)
    return Polygon(octagon(box), style) if kind == "utility" else Polygon(_corners(box), style, 3.0)


def _corners(box: Rectangle) -> tuple[Point, ...]:
    return (box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)


def extent(picture: Spec, layout: Layout) -> Rectangle:
    """Return the part of the plane that a picture fills."""
    xs: list[float] = []
    ys: list[float] = []
    for node in picture.nodes:
        box = layout.boxes[node.name].grown(1.0)
        xs += [box.left, box.right]
        ys += [box.top, box.bottom]
    for frame in layout.frames.values():
        xs += [frame.left, frame.right]
        ys += [frame.top, frame.bottom]
    for curve in layout.curves.values():
        for x, y in samples(curve):
            xs.append(x)
            ys.append(y)
    left, right, top, bottom = min(xs, default=0.0), max(xs, default=0.0), min(ys, default=0.0), max(ys, default=0.0)
    return Rectangle((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def canvas_width(picture: Spec, within: Rectangle) -> float:
    """Return how wide a canvas has to be for a picture that fills `within`, its title and its legend."""
    rows = legend_rows(picture, max(within.width, 260.0))
    widest = max([sum(w for _, _, w in row) for row in rows], default=0.0)
    title = max([typeset.width(line, theme.TITLE_SIZE) * 1.06 for line in title_lines(picture, within)], default=0.0)
    return max(within.width, widest, title) + 2 * theme.PAGE_MARGIN


def title_lines(picture: Spec, within: Rectangle) -> tuple[str, ...]:
    """Return the title in lines that are not much wider than the picture."""
    if not picture.title:
        return ()
    return typeset.wrapped(picture.title, theme.TITLE_SIZE, max(within.width, theme.TITLE_ROOM))


def _framed(picture: Spec, shapes: list[Shape], extent: Rectangle, head_lines: int, least: float) -> Drawing:
    """Put the title above, the legend below and a margin around, and move everything to positive coordinates."""
    title = title_lines(picture, extent)
    room = max(len(title), head_lines)
    head = theme.TITLE_SIZE * (0.6 + 1.3 * room) if room else 0.0
    rows = legend_rows(picture, max(extent.width, 260.0))
    widest = max([sum(w for _, _, w in row) for row in rows], default=0.0)
    width = max(least, canvas_width(picture, extent))
    dx, dy = width / 2 - extent.x, theme.PAGE_MARGIN + head - extent.top
    moved = [_moved(shape, dx, dy) for shape in shapes]
    for i, line in enumerate(title):
        y = theme.PAGE_MARGIN + theme.TITLE_SIZE * (0.85 + 1.3 * i)
        moved.insert(i, Words(width / 2, y, line, theme.TITLE_SIZE, bold=True))
    bottom = theme.PAGE_MARGIN + head + extent.height
    if rows:
        bottom += 12
        for row in rows:
            x = width / 2 - widest / 2
            bottom += theme.NOTE_SIZE * 1.65
            for mark, words, item_width in row:
                moved += _sample(picture, mark, x, bottom - theme.NOTE_SIZE * 0.35)
                moved.append(Words(x + _SAMPLE + 6, bottom, words, theme.NOTE_SIZE, "start", style=_MUTED))
                x += item_width
    height = bottom + theme.PAGE_MARGIN
    paper = Polygon(_corners(Rectangle(width / 2, height / 2, width, height)), Style(theme.PAPER, role="paper"))
    return Drawing(width, height, (paper, *moved), picture.title or "causal influence diagram", describe(picture))


_SAMPLE = 24.0


def legend_rows(picture: Spec, room: float) -> list[list[tuple[str, str, float]]]:
    """Return the legend in rows that fit `room` where they can: mark, words and width of each entry."""
    rows: list[list[tuple[str, str, float]]] = []
    used = 0.0
    for mark, words in picture.legend:
        width = _SAMPLE + 6 + typeset.width(words, theme.NOTE_SIZE) + 16
        if not rows or used + width > room:
            rows.append([])
            used = 0.0
        rows[-1].append((mark, words, width))
        used += width
    return rows


def _sample(picture: Spec, mark: str, x: float, y: float) -> list[Shape]:
    """Draw what a line of the legend explains, starting at `x` and centred on `y`."""
    if mark in theme.RINGS:
        colour, dashes, _ = theme.RINGS[mark]
        return [
            Ellipse(
                Rectangle(x + _SAMPLE / 2, y, _SAMPLE, 11),
                Style("none", colour, theme.RING_WIDTH, dashes, f"ring {mark}"),
            )
        ]
    if mark in {"added", "removed"}:
        return _link(Edge("", "", change="added" if mark == "added" else "removed"),
                     ((x, y), (x + 8, y), (x + 16, y), (x + _SAMPLE, y)))  # fmt: skip
    if mark in {"latent", "path"}:
        line = ((x, y), (x + 8, y), (x + 16, y), (x + _SAMPLE, y))
        band = [Line(line, Style("none", theme.PROOF, 6.5, role="proof"))] if mark == "path" else []
        return [*band, *_link(Edge("", "", both=mark == "latent", proves=mark == "path"), line)]
    agent = int(mark.removeprefix("agent "))
    style = Style(theme.agent_colour(agent), theme.INK, 1.0, role=f"agent{(agent - 1) % len(theme.AGENTS) + 1} node")
    return [
        Polygon(_corners(Rectangle(x + _SAMPLE / 2, y, _SAMPLE - 6, 13)), style, 2.0),
        Words(x + _SAMPLE / 2, y + 3.4, str(agent), theme.NOTE_SIZE - 1),
    ]


def _moved(shape: Shape, dx: float, dy: float) -> Any:
    match shape:
        case Ellipse(box=box):
            return replace(shape, box=replace(box, x=box.x + dx, y=box.y + dy))
        case Polygon(points=points):
            return replace(shape, points=tuple((x + dx, y + dy) for x, y in points))
        case Line(curve=curve):
            return replace(shape, curve=tuple((x + dx, y + dy) for x, y in curve))
        case Words():
            return replace(shape, x=shape.x + dx, y=shape.y + dy)
        case Group(shapes=shapes):
            moved = tuple(_moved(one, dx, dy) for one in shapes)
            return replace(shape, shapes=moved, box=replace(shape.box, x=shape.box.x + dx, y=shape.box.y + dy))


def beside(drawings: Sequence[Drawing], gap: float = 14.0) -> Drawing:
    """Put drawings side by side on one canvas, tops aligned."""
    shapes: list[Shape] = []
    x = 0.0
    height = max((drawing.height for drawing in drawings), default=0.0)
    for drawing in drawings:
        shapes += [_moved(shape, x, 0.0) for shape in drawing.shapes]
        x += drawing.width + gap
    width = max(x - gap, 0.0)
    paper = Polygon(_corners(Rectangle(width / 2, height / 2, width, height)), Style(theme.PAPER, role="paper"))
    titles, words = (d.title for d in drawings), (d.description for d in drawings)
    return Drawing(width, height, (paper, *shapes), "; ".join(titles), " ".join(words))


def describe(picture: Spec) -> str:
    """Say in words what a picture shows, for readers who cannot see it."""
    names = {"chance": "chance", "decision": "decision", "utility": "utility"}
    kinds = [
        f"{words}: {', '.join(typeset.plain(n.label) for n in picture.nodes if n.kind == kind)}"
        for kind, words in names.items()
        if any(n.kind == kind for n in picture.nodes)
    ]
    labels = {node.name: typeset.plain(node.label) for node in picture.nodes}
    links = ", ".join(
        f"{labels[e.tail]} to {labels[e.head]}" + ("" if e.change == "same" else f" ({e.change})")
        for e in picture.edges
        if not e.both
    )
    latent = ", ".join(f"{labels[e.head]} and {labels[e.tail]}" for e in picture.edges if e.both)
    common = [f"latent common causes of: {latent}"] if latent else []
    return "; ".join([*kinds, f"links: {links or 'none'}", *common]) + "."

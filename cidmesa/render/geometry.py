"""Boxes, outlines and curves: what every layout hands to the drawing.

A curve is a chain of cubic Bézier pieces, written as 1 + 3n points. A :class:`Layout` gives each node a box and each
link a curve that already starts and ends at the outlines of its nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot, sqrt
from typing import TYPE_CHECKING, TypeAlias

from cidmesa.render import theme, typeset
from cidmesa.render.spec import Edge, Node, Point

if TYPE_CHECKING:
    from cidmesa.diagram import Kind

Curve: TypeAlias = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle given by its centre, width and height, in points; y grows downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        """The smallest x."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """The largest x."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """The smallest y."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """The largest y."""
        return self.y + self.height / 2

    def grown(self, by: float) -> Rectangle:
        """Return the box with `by` added on every side."""
        return Rectangle(self.x, self.y, self.width + 2 * by, self.height + 2 * by)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is.

    Attributes
    ----------
    boxes
        The box of each node, rings included.
    curves
        The curve of each link, between the outlines of its nodes.
    frames
        The frame of each group.
    engine
        Who placed the nodes.
    titles
        Where the words on each frame begin.
    """

    boxes: Mapping[str, Rectangle]
    curves: Mapping[tuple[str, str], Curve]
    frames: Mapping[str, Rectangle]
    engine: str
    titles: Mapping[str, Point] = field(default_factory=dict)


def label_lines(node: Node) -> tuple[str, ...]:
    """Return the lines of the node's label, none wider than a shape should be."""
    return typeset.wrapped(node.label, theme.LABEL_SIZE, theme.LABEL_ROOM)


def note_lines(node: Node) -> tuple[str, ...]:
    """Return the lines of the node's remarks."""
    return tuple(line for part in node.remarks for line in typeset.wrapped(part, theme.NOTE_SIZE, theme.NOTE_ROOM))


def share_lines(node: Node) -> tuple[tuple[str, float], ...]:
    """Return the bars in the node: of many values the most probable ones, the others as one."""
    if len(node.shares) <= theme.MOST_SHARES:
        return node.shares
    likeliest = sorted(range(len(node.shares)), key=lambda i: -node.shares[i][1])[: theme.MOST_SHARES - 1]
    kept = tuple(share for i, share in enumerate(node.shares) if i in likeliest)
    return *kept, (f"{len(node.shares) - len(kept)} others", sum(p for _, p in node.shares) - sum(p for _, p in kept))


def share_columns(node: Node) -> tuple[float, float]:
    """Return the widths of the words and of the percentages beside the node's bars."""
    lines = share_lines(node)
    return max((typeset.width(short(v), theme.NOTE_SIZE) for v, _ in lines), default=0.0), typeset.width(
        "100%", theme.NOTE_SIZE
    )


def short(value: str) -> str:
    """Return a value as a bar names it, cut where it is long."""
    return value if len(value) <= 14 else value[:13] + "…"


def content_size(node: Node) -> tuple[float, float]:
    """Return width and height of what is written in the node: label, note, bars."""
    lines = [(typeset.width(line, theme.LABEL_SIZE), theme.LABEL_LINE) for line in label_lines(node)]
    lines += [(typeset.width(line, theme.NOTE_SIZE), theme.NOTE_LINE) for line in note_lines(node)]
    if node.shares:
        across = sum(share_columns(node)) + theme.BAR_ROOM + 10
        lines += [(across, theme.SHARE_LINE)] * len(share_lines(node))
    return max((w for w, _ in lines), default=0.0), sum(h for _, h in lines)


def body_size(node: Node) -> tuple[float, float]:
    """Return width and height of the node's shape alone, big enough for what is in it in any usual font."""
    width, height = content_size(node)
    pad = 2 * theme.PAD_ACROSS
    tall = theme.NODE_HEIGHT + height - theme.LABEL_LINE
    if node.kind == "chance":  # the corners of what is written lie within the ellipse
        tall = max(theme.NODE_HEIGHT, 1.35 * height + 13.0)
        wide = width * max(1.22, 1.06 / sqrt(1 - (height / tall) ** 2)) + pad * (theme.LABEL_LINE / height) ** 0.5
    elif node.kind == "utility":
        wide = max(width * 1.06 + pad, width + 2 * theme.CUT * tall - (tall - height) + 4.0)
    else:
        wide = width + pad
    return max(theme.NODE_WIDTH, wide), max(theme.NODE_HEIGHT, tall)


def outer_size(node: Node) -> tuple[float, float]:
    """Return width and height of the node with its rings."""
    width, height = body_size(node)
    around = 2 * theme.RING_GAP * len(node.rings)
    return width + around, height + around


def octagon(box: Rectangle) -> tuple[Point, ...]:
    """Return the corners of the octagon that fills `box`."""
    cut = min(box.width, box.height) * theme.CUT
    return (
        (box.left + cut, box.top), (box.right - cut, box.top), (box.right, box.top + cut),
        (box.right, box.bottom - cut), (box.right - cut, box.bottom), (box.left + cut, box.bottom),
        (box.left, box.bottom - cut), (box.left, box.top + cut),
    )  # fmt: skip


def inside(kind: Kind, box: Rectangle, point: Point) -> bool:
    """Say whether `point` lies within the shape of this kind that fills `box`."""
    dx, dy = abs(point[0] - box.x), abs(point[1] - box.y)
    if kind == "chance":
        return (2 * dx / box.width) ** 2 + (2 * dy / box.height) ** 2 <= 1
    if dx > box.width / 2 or dy > box.height / 2:
        return False
    return kind == "decision" or dx + dy <= (box.width + box.height) / 2 - min(box.width, box.height) * theme.CUT


# Curves --------------------------------------------------------------------------------------------------------------


def straight(start: Point, end: Point) -> Curve:
    """Return the straight line as one cubic piece."""
    return start, _between(start, end, 1 / 3), _between(start, end, 2 / 3), end


def smooth(points: Sequence[Point], axis: int) -> Curve:
    """Return a curve through `points` that swings like a spline and crosses inner points along the layout's `axis`.

    `axis` is 1 where layers follow each other downwards, 0 where they do to the right. The handles never reach beyond
    the next point in that direction, so the curve does not turn back.
    """
    tangents = []
    for before, point, after in zip([points[0], *points[:-1]], points, [*points[1:], points[-1]], strict=True):
        inner = before is not point and after is not point
        dx, dy = after[0] - before[0], after[1] - before[1]
        if inner:  # lean towards the axis: a link passes between two nodes of a layer rather upright
            dx, dy = (_within(dx * 0.6, 0.45 * dy), dy) if axis == 1 else (dx, _within(dy * 0.6, 0.45 * dx))
        length = hypot(dx, dy) or 1.0
        tangents.append((dx / length, dy / length))
    curve: list[Point] = [points[0]]
    for (a, ta), (b, tb) in pairwise(zip(points, tangents, strict=True)):
        reach = hypot(b[0] - a[0], b[1] - a[1]) * 0.36
        curve += [(a[0] + ta[0] * reach, a[1] + ta[1] * reach), (b[0] - tb[0] * reach, b[1] - tb[1] * reach), b]
    return tuple(curve)


def _within(value: float, bound: float) -> float:
    return max(-abs(bound), min(abs(bound), value))


def swing(start: Point, end: Point, axis: int) -> Curve:
    """Return one S-shaped piece that leaves and arrives along the layout's `axis`."""
    half = (end[axis] - start[axis]) * 0.55
    if axis == 1:
        return start, (start[0], start[1] + half), (end[0], end[1] - half), end
    return start, (start[0] + half, start[1]), (end[0] - half, end[1]), end


def clipped(curve: Curve, tail: Callable[[Point], bool], head: Callable[[Point], bool]) -> Curve:
    """Cut off what lies inside the two nodes: the part up to the last point in `tail`, and from the first in `head`."""
    pieces = [curve[i : i + 4] for i in range(0, len(curve) - 1, 3)]
    while len(pieces) > 1 and tail(pieces[0][3]):
        pieces.pop(0)
    while len(pieces) > 1 and head(pieces[-1][0]):
        pieces.pop()
    pieces[0] = _split(pieces[0], _crossing(pieces[0], tail))[1]
    pieces[-1] = _split(pieces[-1], _crossing(pieces[-1], lambda p: not head(p)))[0]
    return pieces[0][:1] + tuple(point for piece in pieces for point in piece[1:])


def shortened(curve: Curve, by: float) -> tuple[Curve, Point]:
    """Cut the length `by` off the end and return what is left with the old end point, for an arrow head between."""
    end = curve[-1]
    pieces = [curve[i : i + 4] for i in range(0, len(curve) - 1, 3)]

    def near(point: Point) -> bool:
        return hypot(point[0] - end[0], point[1] - end[1]) <= by

    while len(pieces) > 1 and near(pieces[-1][0]):
        pieces.pop()
    pieces[-1] = _split(pieces[-1], _crossing(pieces[-1], lambda p: not near(p)))[0]
    return pieces[0][:1] + tuple(point for piece in pieces for point in piece[1:]), end


def point_at(piece: Curve, t: float) -> Point:
    """Return the point of one cubic piece at the parameter `t` in [0, 1]."""
    return _split(piece, t)[0][-1]


def samples(curve: Curve, per_piece: int = 12) -> list[Point]:
    """Return points along the curve."""
    pieces = [curve[i : i + 4] for i in range(0, len(curve) - 1, 3)]
    return [point_at(piece, t / per_piece) for piece in pieces for t in range(per_piece)] + [curve[-1]]


def _between(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def _split(piece: Curve, t: float) -> tuple[Curve, Curve]:
    """De Casteljau: the piece up to the parameter `t`, and from there on."""
    a, b, c, d = piece
    ab, bc, cd = _between(a, b, t), _between(b, c, t), _between(c, d, t)
    abc, bcd = _between(ab, bc, t), _between(bc, cd, t)
    middle = _between(abc, bcd, t)
    return (a, ab, abc, middle), (middle, bcd, cd, d)


def _crossing(piece: Curve, first: Callable[[Point], bool]) -> float:
    """Return where along the piece `first` stops holding: 0 if it never does at its start, 1 if it always does."""
    if not first(piece[0]):
        return 0.0
    if first(piece[3]):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if first(point_at(piece, middle)) else (low, middle)
    return high


def bent(start: Point, end: Point, bend: float) -> Curve:
    """Return one piece that swings out to its left by `bend` times a third of its length; negative: to its right."""
    dx, dy = (end[0] - start[0]) / 3, (end[1] - start[1]) / 3
    side = (-bend * (end[1] - start[1]), bend * (end[0] - start[0]))
    return (
        start,
        (start[0] + dx + side[0], start[1] + dy + side[1]),
        (end[0] - dx + side[0], end[1] - dy + side[1]),
        end,
    )


def clear_of(curves: Sequence[Curve], boxes: Sequence[Rectangle], room: float) -> Curve:
    """Return the curve that touches the fewest boxes when they are grown by `room`, the first of several."""
    grown = [box.grown(room) for box in boxes]
    fewest, best = len(grown) + 1, curves[0]
    for curve in curves:
        points = samples(curve, 24)
        count = sum(any(inside("decision", box, p) for p in points) for box in grown)
        if count < fewest:
            fewest, best = count, curve
        if count == 0:
            break
    return best


def joined(nodes: Mapping[str, Node], boxes: Mapping[str, Rectangle], edge: Edge, curve: Curve) -> Curve:
    """Return `curve`, drawn from centre to centre, between the outlines of the two nodes of `edge`."""
    tail, head = nodes[edge.tail], nodes[edge.head]
    return clipped(
        curve,
        lambda p: inside(tail.kind, boxes[edge.tail].grown(1.0), p),
        lambda p: inside(head.kind, boxes[edge.head].grown(1.0), p),
    )

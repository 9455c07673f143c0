"""What goes around nodes and links once these have their places: double arrows, frames and the words on frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cidmesa.render import theme, typeset
from cidmesa.render.geometry import Curve, Layout, Rectangle, bent, clear_of, joined, outer_size, samples, straight
from cidmesa.render.spec import Edge, Node, Point, Spec


def finished(
    picture: Spec, boxes: Mapping[str, Rectangle], curves: Mapping[tuple[str, str], Curve], engine: str
) -> Layout:
    """Return the layout of a picture whose nodes and single arrows have their places."""
    nodes = {node.name: node for node in picture.nodes}
    routed = dict(curves)
    for edge in picture.edges:
        if edge.both and (edge.tail, edge.head) not in routed:
            a, b = boxes[edge.tail], boxes[edge.head]
            others = [box for name, box in boxes.items() if name not in {edge.tail, edge.head}]
            bows = [bent((a.x, a.y), (b.x, b.y), bend) for bend in (0.45, -0.45, 0.8, -0.8, 1.2, -1.2, 1.7, -1.7)]
            routed[edge.tail, edge.head] = joined(nodes, boxes, edge, clear_of(bows, others, 4.0))
    frames = frames_around(picture, boxes, routed)
    points = [p for curve in routed.values() for p in samples(curve, 60)] if frames else []
    titles = {group: _free_place(words, frames[group], points) for group, words in picture.groups}
    return Layout(boxes, routed, frames, engine, titles)


def title_width(words: str) -> float:
    """Return the width of the words on a frame, with some room on both sides."""
    return typeset.width(words, theme.NOTE_SIZE) + 18.0


def _free_place(words: str, frame: Rectangle, points: Sequence[Point]) -> Point:
    """Return where the words on a frame begin: at its upper edge, as far left as no link runs through them."""
    near = [p for p in points if frame.top - 4 < p[1] < frame.top + 20]
    width = title_width(words) - 18.0
    fewest, best = len(near) + 1, frame.left + 9
    x = frame.left + 9
    while x + width <= frame.right - 8:
        count = sum(x - 5 <= px <= x + width + 5 for px, _ in near)
        if count < fewest:
            fewest, best = count, x
        if count == 0:
            break
        x += 6.0
    return best, frame.top + 14


def restricted(picture: Spec, layout: Layout) -> Layout:
    """Return what `picture` shows of a layout of more, every node where it is there.

    Nodes may be smaller than in the layout (fewer rings, no note); links then reach on to them.
    """
    nodes = {node.name: node for node in picture.nodes}
    boxes = {
        name: Rectangle(layout.boxes[name].x, layout.boxes[name].y, *outer_size(node)) for name, node in nodes.items()
    }
    curves: dict[tuple[str, str], Curve] = {}
    for edge in picture.edges:
        curve = layout.curves[edge.tail, edge.head]
        a, b = boxes[edge.tail], boxes[edge.head]
        whole = (*straight((a.x, a.y), curve[0]), *curve[1:], *straight(curve[-1], (b.x, b.y))[1:])
        curves[edge.tail, edge.head] = joined(nodes, boxes, edge, whole)
    return finished(picture, boxes, curves, layout.engine)


def together(pictures: Sequence[Spec]) -> Spec:
    """Return one picture with every node and link of several, each node as large as it is anywhere."""
    nodes: dict[str, list[Node]] = {}
    edges: dict[tuple[str, str], Edge] = {}
    groups: dict[str, str] = {}
    for picture in pictures:
        for node in picture.nodes:
            nodes.setdefault(node.name, []).append(node)
        for edge in picture.edges:
            edges.setdefault((edge.tail, edge.head), edge)
        groups |= dict(picture.groups)
    return Spec(
        tuple(_largest(same) for same in nodes.values()),
        tuple(edges.values()),
        direction=pictures[0].direction,
        groups=tuple(groups.items()),
    )


def _largest(same: Sequence[Node]) -> Node:
    """Return a node that takes at least the room of each of these, as the layouts count it."""
    sizes = [outer_size(node) for node in same]
    if len(set(sizes)) == 1:
        return same[0]
    first = max(same, key=lambda node: outer_size(node)[0])
    height = max(h for _, h in sizes)
    while outer_size(first)[1] < height:
        first = replace(first, note=f"{first.note}\n." if first.note else ".")
    return first


def frames_around(
    picture: Spec, boxes: Mapping[str, Rectangle], curves: Mapping[tuple[str, str], Curve]
) -> dict[str, Rectangle]:
    """Return the frame of each group: around its nodes and the links among them, with room for its words."""
    frames = {}
    for group, words in picture.groups:
        names = {node.name for node in picture.nodes if node.group == group}
        corners = [p for b in (boxes[n] for n in names) for p in ((b.left, b.top), (b.right, b.bottom))]
        for (tail, head), curve in curves.items():
            if tail in names and head in names:
                corners += samples(curve)
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        left, right = min(xs) - theme.GROUP_GAP / 2, max(xs) + theme.GROUP_GAP / 2
        right = max(right, left + title_width(words))
        top, bottom = min(ys) - theme.GROUP_GAP / 2 - theme.NOTE_SIZE, max(ys) + theme.GROUP_GAP / 2
        frames[group] = Rectangle((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
    return frames

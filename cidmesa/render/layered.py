"""A layered layout in plain Python, after Sugiyama, Tagawa and Toda.

Four steps, each a classic in its simplest form that does well on diagrams of tens of nodes:

1. *Layers.* Longest path, then nodes slide within their slack towards the side where more of their links are, which is
   what network simplex would do. Nodes outside all frames come before or after the frames.
2. *Long links* become chains of dummy nodes, one a layer.
3. *Order.* Median sweeps up and down with exchanges of neighbours; the order with the fewest crossings wins. Each frame
   is ordered by itself, so frames never interleave.
4. *Places.* Minimise the sum of squared lengths of the links (long ones weigh more, so they come out straight) subject
   to the gaps between neighbours; one layer at a time this is isotonic regression, solved by pooling.

References
----------
K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system structures", 1981.
E. R. Gansner, E. Koutsofios, S. C. North, K.-P. Vo, "A technique for drawing directed graphs", 1993.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cidmesa.render import theme
from cidmesa.render.around import finished, title_width
from cidmesa.render.geometry import (
    Curve,
    Layout,
    Rectangle,
    inside,
    joined,
    outer_size,
    samples,
    smooth,
    straight,
    swing,
)
from cidmesa.render.spec import Edge, Node, Point, Spec

_SWEEPS = 24
_PASSES = 60
_DUMMY = 14.0


def layered(picture: Spec) -> Layout:
    """Place the nodes of a picture in layers and route its links; see the module's text for how."""
    nodes = {node.name: node for node in picture.nodes}
    axis = 1 if picture.direction == "down" else 0
    links = [(edge.tail, edge.head) for edge in picture.edges if not edge.both]
    layer = _layers(picture.nodes, links)
    loose = {layer[node.name] for node in picture.nodes if not node.group}
    beside = loose.isdisjoint(layer[node.name] for node in picture.nodes if node.group)
    graph = _with_dummies(picture.nodes, links, layer, axis)
    across: dict[str, float] = {}
    edge_of_band = 0.0
    for group in dict.fromkeys(node.group for node in picture.nodes):
        members = [item for item in graph.group if graph.group[item] == group]
        if group == "" and picture.groups and beside:
            continue
        places = _placed(graph, _ordered(graph, members))
        low = min(places[i] - graph.width[i] / 2 for i in members)
        high = max(places[i] + graph.width[i] / 2 for i in members)
        if group and axis == 1:
            high = max(high, low + title_width(dict(picture.groups)[group]))
        across |= {item: place - low + edge_of_band for item, place in places.items()}
        edge_of_band += high - low + (2.1 * theme.GROUP_GAP if picture.groups else 0.0)
    if picture.groups and beside:
        across |= _placed_beside(graph, across)
    return _finished(picture, nodes, graph, across, axis)


@dataclass(slots=True)
class _Graph:
    """Real and dummy nodes with their layer, width across, group and neighbours in the layers before and after."""

    layer: dict[str, int] = field(default_factory=dict)
    width: dict[str, float] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    above: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    below: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    chains: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, item: str, layer: int, width: float, group: str) -> None:
        self.layer[item], self.width[item], self.group[item] = layer, width, group
        self.above[item], self.below[item] = [], []

    def by_layer(self, items: Sequence[str]) -> list[list[str]]:
        rows: dict[int, list[str]] = {}
        for item in items:
            rows.setdefault(self.layer[item], []).append(item)
        return [rows[i] for i in sorted(rows)]


# 1. Layers -----------------------------------------------------------------------------------------------------------


def _layers(nodes: Sequence[Node], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    parents: dict[str, list[str]] = {node.name: [] for node in nodes}
    children: dict[str, list[str]] = {node.name: [] for node in nodes}
    for tail, head in links:
        parents[head].append(tail)
        children[tail].append(head)
    order = _topological(parents, children)
    layer: dict[str, int] = {}
    framed = {node.name for node in nodes if node.group}
    after: set[str] = set()
    for name in order:
        if name not in framed and any(p in after or p in framed for p in parents[name]):
            after.add(name)
    before = set(order) - framed - after
    stages = [[n for n in order if n in part] for part in (before, framed, after)]
    if not framed or any(p in after for name in framed for p in parents[name]):
        stages = [order]
    bounds: dict[str, tuple[int, int]] = {}
    first = 0
    for stage in stages:
        for name in stage:  # in topological order
            layer[name] = max([first, *(layer[p] + 1 for p in parents[name] if p in layer)])
        last = max((layer[name] for name in stage), default=first - 1)
        bounds |= dict.fromkeys(stage, (first, last))
        first = last + 1
    return _tightened(order, parents, children, layer, bounds)


def _topological(parents: Mapping[str, list[str]], children: Mapping[str, list[str]]) -> list[str]:
    waiting = {name: len(ps) for name, ps in parents.items()}
    order = [name for name, count in waiting.items() if count == 0]
    for name in order:  # grows while it is read
        for child in children[name]:
            waiting[child] -= 1
            if waiting[child] == 0:
                order.append(child)
    return order


def _tightened(
    order: Sequence[str],
    parents: Mapping[str, list[str]],
    children: Mapping[str, list[str]],
    layer: dict[str, int],
    bounds: Mapping[str, tuple[int, int]],
) -> dict[str, int]:
    """Slide each node within its slack to the side that shortens its links; repeat until nothing moves.

    No node leaves its first and last layer, so what is before, in and after the frames stays there.
    """
    for _ in range(len(order)):
        moved = False
        for name in reversed(order):
            if len(children[name]) > len(parents[name]):
                wanted = min(layer[c] for c in children[name]) - 1
            elif len(parents[name]) > len(children[name]):
                wanted = max(layer[p] for p in parents[name]) + 1
            else:
                continue
            wanted = min(max(wanted, bounds[name][0]), bounds[name][1])
            moved |= wanted != layer[name]
            layer[name] = wanted
        if not moved:
            break
    return layer


# 2. Long links -------------------------------------------------------------------------------------------------------


def _with_dummies(
    nodes: Sequence[Node], links: Sequence[tuple[str, str]], layer: Mapping[str, int], axis: int
) -> _Graph:
    graph = _Graph()
    group = {node.name: node.group for node in nodes}
    for node in nodes:
        graph.add(node.name, layer[node.name], _across_size(node, axis), node.group)
    for tail, head in links:
        chain = [tail]
        for row in range(layer[tail] + 1, layer[head]):
            dummy = f"{tail}\0{head}\0{row}"
            graph.add(dummy, row, _DUMMY, group[head] or group[tail])
            chain.append(dummy)
        chain.append(head)
        graph.chains[tail, head] = chain
        for a, b in pairwise(chain):
            weight = 1.0 + 2.0 * (a != tail) + 2.0 * (b != head) + 3.0 * (a != tail and b != head)
            graph.below[a].append((b, weight))
            graph.above[b].append((a, weight))
    return graph


def _across_size(node: Node, axis: int) -> float:
    return outer_size(node)[1 - axis]


# 3. Order ------------------------------------------------------------------------------------------------------------


def _ordered(graph: _Graph, members: Sequence[str]) -> list[list[str]]:
    rows = graph.by_layer(members)
    best, fewest = [list(row) for row in rows], _crossings(graph, rows)
    for start in (rows, [row[::-1] for row in rows]):
        current = [list(row) for row in start]
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            steps = range(1, len(current)) if down else range(len(current) - 2, -1, -1)
            for i in steps:
                current[i] = _by_median(current[i], current[i - 1] if down else current[i + 1],
                                        graph.above if down else graph.below)  # fmt: skip
            _exchange(graph, current)
            count = _crossings(graph, current)
            if count < fewest:
                best, fewest = [list(row) for row in current], count
            if fewest == 0:
                return best
    return best


def _by_median(row: list[str], fixed: list[str], neighbours: Mapping[str, list[tuple[str, float]]]) -> list[str]:
    """Sort `row` by the middle of each node's neighbours in `fixed`; nodes without any keep their places."""
    place = {item: float(i) for i, item in enumerate(fixed)}
    key: dict[str, float] = {}
    for item in row:
        near = sorted(place[n] for n, _ in neighbours[item] if n in place)
        if near:
            half = len(near) // 2
            key[item] = near[half] if len(near) % 2 else (near[half - 1] + near[half]) / 2
    movable = iter(sorted((item for item in row if item in key), key=lambda item: key[item]))
    return [next(movable) if item in key else item for item in row]


def _exchange(graph: _Graph, rows: list[list[str]]) -> None:
    """Exchange neighbours while that removes crossings."""
    for _ in range(8):
        improved = False
        for i, row in enumerate(rows):
            fixed = [(rows[i - 1], graph.above)] if i else []
            fixed += [(rows[i + 1], graph.below)] if i + 1 < len(rows) else []
            places = [({item: p for p, item in enumerate(line)}, side) for line, side in fixed]
            for j in range(len(row) - 1):
                a, b = row[j], row[j + 1]
                gain = 0
                for place, side in places:
                    pa = [place[n] for n, _ in side[a] if n in place]
                    pb = [place[n] for n, _ in side[b] if n in place]
                    gain += sum(p > q for p in pa for q in pb) - sum(p < q for p in pa for q in pb)
                if gain > 0:
                    row[j], row[j + 1] = b, a
                    improved = True
        if not improved:
            return


def _crossings(graph: _Graph, rows: Sequence[Sequence[str]]) -> int:
    total = 0
    for row, after in pairwise(rows):
        place = {item: i for i, item in enumerate(after)}
        ends = [sorted(place[n] for n, _ in graph.below[item] if n in place) for item in row]
        seen: list[int] = []
        for heads in ends:
            total += sum(p > q for q in heads for p in seen)
            seen += heads
    return total


# 4. Places -----------------------------------------------------------------------------------------------------------


def _placed(graph: _Graph, rows: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return a place across for every node, layer by layer towards the weighted mean of its neighbours."""
    at: dict[str, float] = {}
    for row in rows:
        edge = -sum(graph.width[i] + theme.NODE_GAP for i in row) / 2
        for item in row:
            at[item] = edge + graph.width[item] / 2
            edge += graph.width[item] + theme.NODE_GAP
    for sweep in range(_PASSES):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted, weights = [], []
            for item in row:
                near = [(at[n], w) for n, w in (*graph.above[item], *graph.below[item]) if n in at]
                weight = sum(w for _, w in near)
                wanted.append(sum(p * w for p, w in near) / weight if near else at[item])
                weights.append(weight or 0.05)
            at.update(zip(row, _spaced(wanted, weights, [graph.width[i] for i in row]), strict=True))
    return at


def _spaced(wanted: Sequence[float], weights: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return the places nearest to the wanted ones (weighted least squares) that keep order and gaps."""
    offsets = [0.0]
    for left, right in pairwise(widths):
        gap = theme.NODE_GAP * (0.55 if _DUMMY in {left, right} else 1.0)
        offsets.append(offsets[-1] + (left + right) / 2 + gap)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    for target, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, mass, count = target - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, other_mass, other_count = blocks.pop()
            mean = (mean * mass + other * other_mass) / (mass + other_mass)
            mass, count = mass + other_mass, count + other_count
        blocks.append((mean, mass, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _placed_beside(graph: _Graph, across: Mapping[str, float]) -> dict[str, float]:
    """Place the nodes outside all frames, which share no layer with a frame, next to what they are linked to."""
    at = dict(across)
    rows = graph.by_layer([item for item in graph.group if graph.group[item] == ""])
    middle = (min(across.values(), default=0.0) + max(across.values(), default=0.0)) / 2
    for row in [*rows, *reversed(rows)]:
        wanted = {}
        for item in row:
            near = [at[n] for n, _ in (*graph.above[item], *graph.below[item]) if n in at]
            wanted[item] = sum(near) / len(near) if near else middle
        ordered = sorted(row, key=lambda item: wanted[item])
        places = _spaced([wanted[i] for i in ordered], [1.0] * len(row), [graph.width[i] for i in ordered])
        at.update(zip(ordered, places, strict=True))
    return {item: at[item] for row in rows for item in row}


# From places to boxes and curves -------------------------------------------------------------------------------------


def _finished(
    picture: Spec, nodes: Mapping[str, Node], graph: _Graph, across: Mapping[str, float], axis: int
) -> Layout:
    sizes = {name: outer_size(node) for name, node in nodes.items()}
    thick = [0.0] * (max(graph.layer.values(), default=-1) + 1)
    for name in nodes:
        row = graph.layer[name]
        thick[row] = max(thick[row], sizes[name][axis])
    gap = theme.LAYER_GAP * (1.0 if axis == 1 else 1.25)
    along, edge = [], 0.0
    for i, size in enumerate(thick):
        frame = theme.GROUP_GAP if picture.groups and i > 0 and _frame_starts(graph, i) else 0.0
        along.append(edge + frame + size / 2)
        edge += frame + size + gap

    def at(item: str) -> Point:
        u, v = along[graph.layer[item]], across[item]
        return (v, u) if axis == 1 else (u, v)

    boxes = {name: Rectangle(*at(name), *sizes[name]) for name in nodes}
    curves: dict[tuple[str, str], Curve] = {}
    for edge_ in picture.edges:
        if edge_.both:
            continue
        chain = graph.chains[edge_.tail, edge_.head]
        bands = [thick[graph.layer[item]] for item in chain]
        curve = _routed([at(item) for item in chain], bands, nodes, boxes, edge_, axis)
        curves[edge_.tail, edge_.head] = joined(nodes, boxes, edge_, curve)
    return finished(picture, boxes, curves, "own")


def _frame_starts(graph: _Graph, row: int) -> bool:
    inside_now = any(graph.layer[i] == row and graph.group[i] for i in graph.layer)
    inside_before = any(graph.layer[i] == row - 1 and graph.group[i] and "\0" not in i for i in graph.layer)
    return inside_now and not inside_before


def _routed(
    points: list[Point],
    bands: Sequence[float],
    nodes: Mapping[str, Node],
    boxes: Mapping[str, Rectangle],
    edge: Edge,
    axis: int,
) -> Curve:
    """Prefer a straight line; where it would run through another node, follow the dummies, at worst in lanes."""
    gentle = smooth(points, axis) if len(points) > 2 else swing(points[0], points[-1], axis)
    for curve, room in ((straight(points[0], points[-1]), 6.0), (gentle, 2.0)):
        if not _hits(curve, nodes, boxes, edge, room):
            return curve
    return _in_lanes(points, bands, axis)


def _in_lanes(points: Sequence[Point], bands: Sequence[float], axis: int) -> Curve:
    """Cross each layer straight along the axis and move across only between layers, where there are no nodes."""
    curve: list[Point] = [points[0]]
    for (a, thick_a), (b, thick_b) in pairwise(zip(points, bands, strict=True)):
        leave = (a[0], a[1] + thick_a / 2) if axis == 1 else (a[0] + thick_a / 2, a[1])
        enter = (b[0], b[1] - thick_b / 2) if axis == 1 else (b[0] - thick_b / 2, b[1])
        curve += [*straight(a, leave)[1:], *swing(leave, enter, axis)[1:], *straight(enter, b)[1:]]
    return tuple(curve)


def _hits(curve: Curve, nodes: Mapping[str, Node], boxes: Mapping[str, Rectangle], edge: Edge, room: float) -> bool:
    """Say whether the curve comes closer than `room` to a node that is not its own."""
    others = [name for name in nodes if name not in {edge.tail, edge.head}]
    return any(inside("decision", boxes[name].grown(room), point) for point in samples(curve, 40) for name in others)

"""Who decides where things go: pygraphviz's Graphviz, a ``dot`` on the PATH, or cidmesa's own layout.

All three give the same :class:`~cidmesa.render.geometry.Layout`, so the drawing does not depend on which one ran. The
first that works is taken; none needs to be installed, since the last is plain Python.
"""

from __future__ import annotations

import math
import shlex
import subprocess
import warnings
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias, get_args

from cidmesa.errors import DiagramError, MissingDependencyError
from cidmesa.render import theme
from cidmesa.render.around import finished
from cidmesa.render.geometry import (
    Curve,
    Layout,
    Rectangle,
    bent,
    clear_of,
    joined,
    outer_size,
    straight,
)
from cidmesa.render.layered import layered
from cidmesa.render.spec import Node, Point, Spec

Engine: TypeAlias = Literal["auto", "pygraphviz", "dot", "own"]


def place(picture: Spec, engine: Engine = "auto") -> Layout:
    """Find a place for everything in a picture.

    Parameters
    ----------
    picture
        The picture; where its nodes have positions, those are kept and `engine` is not asked.
    engine
        ``"pygraphviz"``, ``"dot"`` or ``"own"``; ``"auto"`` takes the first of these that works, and ``"own"`` for a
        picture with frames, since Graphviz draws links across them.

    Raises
    ------
    MissingDependencyError
        The engine asked for is not there.
    """
    if engine not in get_args(Engine):
        raise DiagramError(f"engine= is one of {', '.join(get_args(Engine))}; got {engine!r}.")
    if not picture.nodes:
        return Layout({}, {}, {}, "own")
    given = {node.name: node.position for node in picture.nodes if node.position}
    if len(given) == len(picture.nodes):
        return _given(picture, given, "given")
    if all(node.rank is not None for node in picture.nodes):
        return _given(picture, _grid(picture), "grid")
    if engine == "own" or (engine == "auto" and picture.groups):
        return layered(picture)
    for name, run in _GRAPHVIZ.items():
        if engine in {name, "auto"}:
            try:
                return _read(picture, run(_layout_request(picture)), name)
            except MissingDependencyError:
                if engine == name:
                    raise
    return layered(picture)


def _given(picture: Spec, at: Mapping[str, Point], engine: str) -> Layout:
    """Use places that are known already; links are straight, or bend around a node in their way."""
    nodes = {node.name: node for node in picture.nodes}
    boxes = {name: Rectangle(*at[name], *outer_size(node)) for name, node in nodes.items()}
    curves: dict[tuple[str, str], Curve] = {}
    for edge in picture.edges:
        a, b = boxes[edge.tail], boxes[edge.head]
        others = [box for name, box in boxes.items() if name not in {edge.tail, edge.head}]
        bends = (0.0, 0.25, -0.25, 0.5, -0.5, 0.8, -0.8, 1.2, -1.2)
        best = clear_of([bent((a.x, a.y), (b.x, b.y), bend) for bend in bends], others, 5.0)
        curves[edge.tail, edge.head] = joined(nodes, boxes, edge, best)
    return finished(picture, boxes, curves, engine)


def _grid(picture: Spec) -> dict[str, Point]:
    """Return the centres on a grid: a rank is as thick, and a row as wide, as what stands in it."""
    axis = 1 if picture.direction == "down" else 0
    thick: dict[int, float] = {}
    wide: dict[int, float] = {}
    for node in picture.nodes:
        size = outer_size(node)
        thick[node.rank or 0] = max(thick.get(node.rank or 0, 0.0), size[axis])
        wide[node.row or 0] = max(wide.get(node.row or 0, 0.0), size[1 - axis])
    along, across = _middles(thick, theme.LAYER_GAP * 1.25), _middles(wide, theme.LAYER_GAP)
    places = {node.name: (along[node.rank or 0], across[node.row or 0]) for node in picture.nodes}
    return {name: (v, u) if axis == 1 else (u, v) for name, (u, v) in places.items()}


def _middles(sizes: Mapping[int, float], gap: float) -> dict[int, float]:
    middles, edge = {}, 0.0
    for number in sorted(sizes):
        middles[number] = edge + sizes[number] / 2
        edge += sizes[number] + gap
    return middles


# Graphviz ------------------------------------------------------------------------------------------------------------


def _layout_request(picture: Spec) -> str:
    """Write the picture as DOT with nodes n0, n1, … of fixed size: only places are asked for, no text, no colour."""
    index = {node.name: f"n{i}" for i, node in enumerate(picture.nodes)}
    lines = [
        "digraph {",
        f"rankdir={'TB' if picture.direction == 'down' else 'LR'}; nodesep=0.34; ranksep=0.5; splines=true;",
        'edge [arrowhead=none]; node [label=""];',  # no words, so Graphviz asks for no font
    ]
    for group, _ in picture.groups:
        members = " ".join(index[node.name] for node in picture.nodes if node.group == group)
        lines.append(f'subgraph "cluster_{len(lines)}" {{ margin=18; {members} }}')
    for node in picture.nodes:
        width, height = outer_size(node)
        shape = {"chance": "ellipse", "decision": "box", "utility": "octagon"}[node.kind]
        lines.append(
            f"{index[node.name]} [shape={shape}, fixedsize=true, width={width / 72:.4f}, height={height / 72:.4f}];"
        )
    lines += [f"{index[edge.tail]} -> {index[edge.head]};" for edge in picture.edges if not edge.both]
    return "\n".join([*lines, "}"])


def _by_pygraphviz(request: str) -> str:
    try:
        import pygraphviz
    except ImportError as error:  # not installed, or its Graphviz lacks a system library
        raise MissingDependencyError(
            f'layout by `pygraphviz` needs it and its system libraries: pip install "cidmesa[render]" ({error}).'
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = pygraphviz.AGraph(string=request).draw(format="plain", prog="dot")
        except (OSError, ValueError, RuntimeError) as error:
            raise MissingDependencyError(f"pygraphviz could not lay the picture out ({error}).") from None
    return plain.decode() if isinstance(plain, bytes) else str(plain)


def _by_dot(request: str) -> str:
    import graphviz

    try:
        return str(graphviz.pipe_string("dot", "plain", request, encoding="utf-8", quiet=True))
    except graphviz.ExecutableNotFound:
        raise MissingDependencyError("layout by `dot` needs Graphviz on the PATH: apt install graphviz.") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingDependencyError(f"`dot` could not lay the picture out ({error}).") from None


_GRAPHVIZ: Final[Mapping[str, Callable[[str], str]]] = {"pygraphviz": _by_pygraphviz, "dot": _by_dot}


def _read(picture: Spec, plain: str, engine: str) -> Layout:
    """Read Graphviz's plain format: inches, y upwards, one line for each node and link."""
    nodes: dict[str, Node] = {node.name: node for node in picture.nodes}
    names = list(nodes)
    boxes: dict[str, Rectangle] = {}
    curves: dict[tuple[str, str], Curve] = {}
    for line in plain.replace("\\\n", "").splitlines():
        word, *rest = shlex.split(line) or [""]
        if word == "node":
            name = names[int(rest[0][1:])]
            boxes[name] = Rectangle(float(rest[1]) * 72, -float(rest[2]) * 72, *outer_size(nodes[name]))
        elif word == "edge":
            count = int(rest[2])
            numbers = [float(n) * 72 for n in rest[3 : 3 + 2 * count]]
            points = tuple((x, -y) for x, y in zip(numbers[0::2], numbers[1::2], strict=True))
            curves[names[int(rest[0][1:])], names[int(rest[1][1:])]] = points
    for edge in picture.edges:
        if edge.both:
            continue
        curve = curves[edge.tail, edge.head]
        tail, head = boxes[edge.tail], boxes[edge.head]
        # Graphviz's outlines are a little off ours; let the link end at what is drawn.
        curve = (*straight((tail.x, tail.y), curve[0]), *curve[1:], *straight(curve[-1], (head.x, head.y))[1:])
        curves[edge.tail, edge.head] = joined(nodes, boxes, edge, curve)
    if not all(math.isfinite(x) for box in boxes.values() for x in (box.x, box.y)):
        raise MissingDependencyError("Graphviz returned places that are not numbers.")
    return finished(picture, boxes, curves, engine)

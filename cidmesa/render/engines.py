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
from cidmesa.render.geometry import (
    Curve,
    Layout,
    Rectangle,
    inside,
    joined,
    note_height,
    note_width,
    outer_size,
    samples,
    straight,
)
from cidmesa.render.layered import frames_around, layered
from cidmesa.render.spec import Node, Spec

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
    if all(node.position for node in picture.nodes):
        return _given(picture)
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


def _given(picture: Spec) -> Layout:
    """Use the positions that came with the picture; links are straight, or bend around a node in their way."""
    nodes = {node.name: node for node in picture.nodes}
    boxes = {name: Rectangle(*node.position, *outer_size(node)) for name, node in nodes.items() if node.position}
    curves: dict[tuple[str, str], Curve] = {}
    for edge in picture.edges:
        a, b = boxes[edge.tail], boxes[edge.head]
        others = [box.grown(5.0) for name, box in boxes.items() if name not in {edge.tail, edge.head}]
        best = straight((a.x, a.y), (b.x, b.y))
        for bend in (0.0, 0.25, -0.25, 0.5, -0.5, 0.8, -0.8):
            dx, dy = (b.x - a.x) / 3, (b.y - a.y) / 3
            side = (-bend * (b.y - a.y), bend * (b.x - a.x))
            curve: Curve = (
                (a.x, a.y),
                (a.x + dx + side[0], a.y + dy + side[1]),
                (b.x - dx + side[0], b.y - dy + side[1]),
                (b.x, b.y),
            )
            if not any(inside("decision", box, p) for p in samples(curve, 24) for box in others):
                best = curve
                break
        curves[edge.tail, edge.head] = joined(nodes, boxes, edge, best)
    return Layout(boxes, curves, frames_around(picture, boxes, curves), "given")


# Graphviz ------------------------------------------------------------------------------------------------------------


def _layout_request(picture: Spec) -> str:
    """Write the picture as DOT with nodes n0, n1, … of fixed size: only places are asked for, no text, no colour."""
    index = {node.name: f"n{i}" for i, node in enumerate(picture.nodes)}
    lines = [
        "digraph {",
        f"rankdir={'TB' if picture.direction == 'down' else 'LR'}; nodesep=0.34; ranksep=0.5; splines=true;",
        "edge [arrowhead=none];",
    ]
    for group, _ in picture.groups:
        members = " ".join(index[node.name] for node in picture.nodes if node.group == group)
        lines.append(f'subgraph "cluster_{len(lines)}" {{ margin=18; {members} }}')
    for node in picture.nodes:
        width, height = outer_size(node)
        shape = {"chance": "ellipse", "decision": "box", "utility": "octagon"}[node.kind]
        width = max(width, note_width(node))
        height += 2 * note_height(node)
        lines.append(
            f"{index[node.name]} [shape={shape}, fixedsize=true, width={width / 72:.4f}, height={height / 72:.4f}];"
        )
    lines += [f"{index[edge.tail]} -> {index[edge.head]};" for edge in picture.edges]
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
        curve = curves[edge.tail, edge.head]
        tail, head = boxes[edge.tail], boxes[edge.head]
        # The layout's nodes have room for notes and rings; let the link end at what is drawn.
        curve = (*straight((tail.x, tail.y), curve[0]), *curve[1:], *straight(curve[-1], (head.x, head.y))[1:])
        curves[edge.tail, edge.head] = joined(nodes, boxes, edge, curve)
    if not all(math.isfinite(x) for box in boxes.values() for x in (box.x, box.y)):
        raise MissingDependencyError("Graphviz returned places that are not numbers.")
    return Layout(boxes, curves, frames_around(picture, boxes, curves), engine)

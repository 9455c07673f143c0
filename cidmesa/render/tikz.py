r"""A picture as TikZ, for papers: by itself, or in the macros of cid-latex.

By itself it needs ``\usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}`` and nothing else. In the macros it
needs ``\usepackage{influence-diagrams}``, the style file of the Causal Incentives group
(https://github.com/causalincentives/cid-latex), and takes that file's colours and shapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf

from cidmesa.render import theme
from cidmesa.render.draw import legend_rows, title_lines
from cidmesa.render.geometry import Curve, Layout, Rectangle, body_size, label_lines, note_lines, share_lines, short
from cidmesa.render.latex import escaped, line
from cidmesa.render.spec import Edge, Node, Point, Spec

_SCALE = 10 / theme.LABEL_SIZE
"""Screen labels have 14 points, a paper's 10."""

_HEADER = r"% \usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}"


def to_tikz(picture: Spec, layout: Layout, within: Rectangle | None = None) -> str:
    r"""Write a picture as a ``tikzpicture`` with the places and curves of `layout`.

    Styles are declared at the top under the names ``chance``, ``decision``, ``utility`` and ``information``, so a
    paper can restyle all of its diagrams at once. Pictures that share `within` fill the same part of the plane. A node
    ends at its outermost ring, and so do its links.

    Examples
    --------
    >>> from cidmesa import CID
    >>> from cidmesa.render import place, spec_of
    >>> picture = spec_of(CID([("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"]))
    >>> text = to_tikz(picture, place(picture, "own"))
    >>> r"\draw[information] (n0) -- (n1);" in text, r"\draw[causal] (n1) -- (n2);" in text
    (True, True)
    """
    index = {node.name: f"n{i}" for i, node in enumerate(picture.nodes)}
    agents = {n.agent for n in picture.nodes if n.agent}
    agents |= {int(mark.split()[1]) for mark, _ in picture.legend if mark.startswith("agent ")}
    marks = {ring for n in picture.nodes for ring in n.rings}
    colours = {
        **{f"cidagent{a}": theme.agent_colour(a) for a in sorted(agents)},
        "cidink": theme.INK,
        "cidmuted": theme.MUTED,
        "cidadded": theme.ADDED,
        "cidremoved": theme.REMOVED,
        "cidproof": theme.PROOF,
        "cidbar": theme.BAR,
        **{f"cid{c}": theme.RINGS[c][0] for c in theme.RINGS if c in marks},
    }
    rings = [
        rf"  ring {c}/.style={{draw=cid{c}, fill=none, line width=1.3pt{_dashes(theme.RINGS[c][1])}}},"
        for c in theme.RINGS
        if c in marks
    ]
    lines = [
        _HEADER,
        *(rf"\definecolor{{{name}}}{{HTML}}{{{colour[1:].upper()}}}" for name, colour in colours.items()),
        r"\begin{tikzpicture}[x=1pt, y=-1pt, font=\small,",
        r"  every node/.style={align=center},",
        r"  chance/.style={draw=cidink, ellipse, inner sep=0pt},",
        r"  decision/.style={draw=cidink, rectangle, inner sep=0pt},",
        r"  utility/.style={draw=cidink, chamfered rectangle, chamfered rectangle sep=6.1pt, inner ysep=2.2pt,",
        r"    inner xsep=3pt},",
        r"  causal/.style={draw=cidink, -{Stealth}}, information/.style={causal, densely dotted},",
        r"  latent/.style={draw=cidink, dashed, {Stealth}-{Stealth}}, proof/.style={draw=cidproof, line width=4.5pt},",
        *rings,
        r"  added/.style={draw=cidadded, thick}, removed/.style={draw=cidremoved, dashed}]",
    ]
    if within is not None:
        lines.append(rf"\path {_at(within.left, within.top)} rectangle {_at(within.right, within.bottom)};")
    for group, _ in picture.groups:
        box = layout.frames[group]
        corners = f"{_at(box.left, box.top)} rectangle {_at(box.right, box.bottom)}"
        lines.append(rf"\draw[gray!50, rounded corners] {corners};")
    for node in picture.nodes:
        lines += _node(node, index[node.name], layout)
    shown = [edge for edge in picture.edges if (edge.tail, edge.head) in layout.curves]
    lines += [rf"\draw[proof] {_way(edge, index, layout)};" for edge in shown if edge.proves]
    lines += [rf"\draw[{_style(edge)}] {_way(edge, index, layout)};" for edge in shown]
    lines += [
        _words(words, r"cidmuted, anchor=base west, inner sep=0pt, font=\scriptsize", *layout.titles[group])
        for group, words in picture.groups
    ]
    boxes = [within] if within else [*layout.boxes.values(), *layout.frames.values()]
    if picture.title and boxes:
        left, right = min(b.left for b in boxes), max(b.right for b in boxes)
        title = r"\\ ".join(map(line, title_lines(picture, Rectangle((left + right) / 2, 0.0, right - left, 0.0))))
        at = _at((left + right) / 2, min(b.top for b in boxes) - 12)
        lines.append(rf"\node[anchor=south, font=\bfseries] at {at} {{{title}}};")
    return "\n".join([*lines, *_legend(picture, layout), r"\end{tikzpicture}"])


def _n(value: float) -> str:
    return f"{value * _SCALE:.1f}"


def _at(x: float, y: float) -> str:
    return f"({_n(x)},{_n(y)})"


def _words(text: str, style: str, x: float, y: float) -> str:
    return rf"\node[{style}] at {_at(x, y)} {{{line(text)}}};"


def _dashes(dashes: str) -> str:
    """Write the dashes of the theme as a pattern of TikZ."""
    lengths = dashes.split()
    words = (f"{'on' if i % 2 == 0 else 'off'} {float(length) * _SCALE:.1f}pt" for i, length in enumerate(lengths))
    return f", dash pattern={' '.join(words)}" if lengths else ""


def _label(node: Node) -> str:
    """Write what is in a node, line by line."""
    lines = [line(part) for part in label_lines(node)]
    lines += [rf"\scriptsize\color{{cidmuted}}{line(part)}" for part in note_lines(node)]
    if node.shares:
        bar = theme.BAR_ROOM * _SCALE
        rows = [
            rf"{line(short(value))} & \color{{cidbar}}\rule{{{bar * min(max(p, 0.0), 1.0):.1f}pt}}{{1.2ex}}"
            rf"\color{{gray!25}}\rule{{{bar * (1 - min(max(p, 0.0), 1.0)):.1f}pt}}{{1.2ex}} & {100 * p:.0f}\,\%"
            for value, p in share_lines(node)
        ]
        lines.append(r"\scriptsize\tabular{@ll@ r@}".replace("@", "@{}") + r" \\ ".join(rows) + r"\endtabular")
    return r"\\ ".join(lines)


def _node(node: Node, name: str, layout: Layout) -> list[str]:
    box = layout.boxes[node.name]
    width, height = body_size(node)
    at = _at(box.x, box.y)
    marks = f", fill=cidagent{node.agent}" if node.agent else ""
    marks += ", added" if node.change == "added" else ""
    marks += ", dashed" if node.latent else ""
    if node.rings:  # anchors, and with them links, stand at the outermost ring
        marks += f", outer sep={_n(theme.RING_GAP * len(node.rings) + 0.8)}pt"
    text = _label(node)
    size = f"minimum width={_n(width)}pt, minimum height={_n(height)}pt"
    known = "" if text == escaped(node.name) else f" % {json.dumps({'name': node.name}, ensure_ascii=True)}"
    lines = [rf"\node[{node.kind}{marks}, {size}] ({name}) at {at} {{{text}}};{known}"]
    for i, criterion in enumerate(node.rings, start=1):
        around = 2 * theme.RING_GAP * i
        size = f"minimum width={_n(width + around)}pt, minimum height={_n(height + around)}pt"
        if node.kind == "utility":  # without words in it, the shape needs room to cut its corners off
            cut = f"{6.1 + 0.41 * theme.RING_GAP * i * _SCALE:.1f}pt"
            size += f", chamfered rectangle sep={cut}, inner sep={cut}"
        lines.append(rf"\node[{node.kind}, ring {criterion}, {size}] at {at} {{}};")
    return lines


def _style(edge: Edge) -> str:
    if edge.both:
        return "latent"
    style = "information" if edge.information else "causal"
    return style + ("" if edge.change == "same" else f", {edge.change}") + (", thick" if edge.proves else "")


def _is_straight(curve: Curve) -> bool:
    (x0, y0), (x1, y1) = curve[0], curve[-1]
    off = max(abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) for x, y in curve)
    return off < 2.0 * max(abs(x1 - x0), abs(y1 - y0), 1.0)


def _way(edge: Edge, index: dict[str, str], layout: Layout, clear: bool = False) -> str:
    """Write the way of a link from node to node: TikZ ends it at their outlines.

    With `clear` the first and the last handle are kept out of the rectangles around the nodes.
    """
    curve = layout.curves[edge.tail, edge.head]
    if clear:
        first, last = _outside(curve[1], layout.boxes[edge.tail]), _outside(curve[-2], layout.boxes[edge.head])
        curve = (curve[0], first, *curve[2:-2], last, curve[-1])
    tail, head = f"({index[edge.tail]})", f"({index[edge.head]})"
    if _is_straight(curve):
        return f"{tail} -- {head}"
    parts = [tail]
    for i in range(1, len(curve), 3):
        a, b, end = curve[i : i + 3]
        parts.append(f".. controls {_at(*a)} and {_at(*b)} .. {head if i + 3 >= len(curve) else _at(*end)}")
    return " ".join(parts)


def _outside(point: Point, box: Rectangle) -> Point:
    """Move a point away from the middle of a box until it is a little outside."""
    dx, dy = point[0] - box.x, point[1] - box.y
    reach = min((half + 9) / abs(d) if d else inf for d, half in ((dx, box.width / 2), (dy, box.height / 2)))
    return point if reach <= 1 or reach == inf else (box.x + dx * reach, box.y + dy * reach)


# The legend ----------------------------------------------------------------------------------------------------------


def _legend(picture: Spec, layout: Layout) -> list[str]:
    """Write the legend in rows below the picture; the explorer reads no further than its first line."""
    if not picture.legend or not layout.boxes:
        return []
    boxes = [*layout.boxes.values(), *layout.frames.values()]
    points = [point for curve in layout.curves.values() for point in curve]
    left, right = min(b.left for b in boxes), max(b.right for b in boxes)
    y = max([b.bottom for b in boxes] + [y for _, y in points]) + 12
    rows = legend_rows(picture, max(right - left, 260.0))
    widest = max(sum(width for _, _, width in row) for row in rows)
    lines = ["% legend"]
    for row in rows:
        x = (left + right) / 2 - widest / 2
        y += theme.NOTE_SIZE * 1.65
        for mark, words, width in row:
            lines += [f"{sample};" for sample in _sample(mark, x, y)]
            lines.append(_words(words, r"cidmuted, anchor=mid west, inner sep=0pt, font=\scriptsize", x + 30, y))
            x += width
    return lines


def _sample(mark: str, x: float, y: float) -> list[str]:
    if mark in theme.RINGS:
        return [rf"\draw[ring {mark}] {_at(x + 12, y)} ellipse [x radius={_n(12)}pt, y radius={_n(5.5)}pt]"]
    way = f"{_at(x, y)} -- {_at(x + 24, y)}"
    styles: dict[str, Callable[[], list[str]]] = {
        "added": lambda: [rf"\draw[causal, added] {way}"],
        "removed": lambda: [rf"\draw[causal, removed] {way}"],
        "latent": lambda: [rf"\draw[latent] {way}"],
        "path": lambda: [rf"\draw[proof] {way}", rf"\draw[causal, thick] {way}"],
    }
    if mark in styles:
        return styles[mark]()
    number = mark.removeprefix("agent ")
    size = f"minimum width={_n(18)}pt, minimum height={_n(13)}pt"
    return [rf"\node[decision, fill=cidagent{number}, {size}, font=\tiny] at {_at(x + 12, y)} {{{number}}}"]


# cid-latex -----------------------------------------------------------------------------------------------------------

_MACROS = {"voi": "voi", "voc": "voc", "ri": "ri", "ici": "fci"}
"""The macros of cid-latex; what is now called an instrumental control incentive was a feasible one then."""
_NAMES = {"voi": "value of information", "voc": "value of control", "ri": "response incentive",
          "ici": "feasible control incentive"}  # fmt: skip


def to_influence_diagram(picture: Spec, layout: Layout) -> str:
    r"""Write a picture in the macros of cid-latex's ``influence-diagrams``, with the places and curves of `layout`.

    Nodes are ``decision``, ``utility`` and ``player1`` …, rings ``\voi``, ``\voc``, ``\ri`` and ``\fci`` around them,
    information links dotted; where the diagram has rings a ``\cidlegend`` explains them. The colours are the style
    file's own; its dashes are replaced by those that tell the rings apart without colour.

    Examples
    --------
    >>> from cidmesa import CID
    >>> from cidmesa.render import place, spec_of
    >>> picture = spec_of(CID([("S_1", "A"), ("A", "U")], decisions=["A"], utilities=["U"]), rings={"voi": ["S_1"]})
    >>> text = to_influence_diagram(picture, place(picture, "own"))
    >>> [row for row in text.splitlines() if "n0" in row][1:]
    ['  \\voi[solid, name=n0-voi]<2>{n0}', '  \\path (n0-voi) edge[->, information] (n1);']
    """
    index = {node.name: f"n{i}" for i, node in enumerate(picture.nodes)}
    lines = [
        r"% \usepackage{influence-diagrams} % https://github.com/causalincentives/cid-latex",
        r"\begin{influence-diagram}",
        r"  \setrectangularnodes",
        r"  \tikzset{x=1pt, y=-1pt}",
    ]
    outer = dict(index)
    several = len({node.agent for node in picture.nodes if node.agent}) > 1
    for node in picture.nodes:
        box, name = layout.boxes[node.name], index[node.name]
        kind = "" if node.kind == "chance" else node.kind
        marks = [
            kind,
            f"player{(node.agent - 1) % 6 + 1}" if several and node.agent else "",
            "draw=good-color, thick" * (node.change == "added"),
        ]
        marks += ["exogenous"] if node.latent else []
        text = r"\\ ".join([*map(line, label_lines(node)), *(rf"\scriptsize {line(n)}" for n in note_lines(node))])
        size = f"minimum width={_n(body_size(node)[0])}pt"
        lines.append(
            rf"  \node ({name}) at {_at(box.x, box.y)} [{', '.join(filter(None, [*marks, size]))}] {{{text}}};"
        )
    for node in picture.nodes:
        for i, ring in enumerate(node.rings, start=1):
            name = f"{index[node.name]}-{ring}"
            dashes = theme.RINGS[ring][1]
            pattern = _dashes(dashes)[2:] if dashes else "solid"
            lines.append(rf"  \{_MACROS[ring]}[{pattern}, name={name}]<{2 * i}>{{{index[node.name]}}}")
            outer[node.name] = name
    for edge in picture.edges:
        style = "<->, dashed" if edge.both else "->, information" if edge.information else "->"
        style += {"same": "", "added": ", good", "removed": ", downplay, dashed"}[edge.change]
        style += ", highlight" if edge.proves else ""
        curve = layout.curves[edge.tail, edge.head]
        tail, head = outer[edge.tail], outer[edge.head]
        if _is_straight(curve):
            lines.append(rf"  \path ({tail}) edge[{style}] ({head});")
        else:
            lines.append(rf"  \draw[{style}] {_way(edge, outer, layout, clear=True)};")
    rings = [(mark, words) for mark, words in picture.legend if mark in theme.RINGS]
    if rings and layout.boxes:
        boxes = layout.boxes.values()
        x, y = (min(b.left for b in boxes) + max(b.right for b in boxes)) / 2, max(b.bottom for b in boxes) + 20
        lines += [
            rf"  \cidlegend[anchor=north]<{_n(x)},{_n(y)}>{{",
            *(
                rf"    \legendrow{{{_NAMES[mark]}, {_dashes(theme.RINGS[mark][1])[2:] or 'solid'}}}{{{line(words)}}}"
                for mark, words in rings
            ),
            "  }",
        ]
    return "\n".join([*lines, r"\end{influence-diagram}"])

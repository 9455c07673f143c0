r"""A picture as TikZ, for papers.

It needs ``\usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}`` and nothing else.
"""

from __future__ import annotations

from cidmesa.render import theme
from cidmesa.render.geometry import Layout, body_size
from cidmesa.render.spec import Edge, Node, Spec

_SCALE = 10 / theme.LABEL_SIZE
"""Screen labels have 14 points, a paper's 10."""


def to_tikz(picture: Spec, layout: Layout) -> str:
    r"""Write a picture as a ``tikzpicture`` with the places of `layout`.

    Styles are declared at the top under the names ``chance``, ``decision``, ``utility`` and ``information``, so a
    paper can restyle all of its diagrams at once.

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
    colours = {
        **{f"cidagent{a}": theme.agent_colour(a) for a in sorted({n.agent for n in picture.nodes if n.agent})},
        "cidink": theme.INK,
        "cidadded": theme.ADDED,
        "cidremoved": theme.REMOVED,
        **{f"cid{c}": theme.RINGS[c][0] for c in theme.RINGS if any(c in n.rings for n in picture.nodes)},
    }
    lines = [
        r"% \usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}",
        *(rf"\definecolor{{{name}}}{{HTML}}{{{colour[1:].upper()}}}" for name, colour in colours.items()),
        r"\begin{tikzpicture}[x=1pt, y=-1pt, font=\small,",
        r"  chance/.style={draw=cidink, ellipse, inner sep=2pt},",
        r"  decision/.style={draw=cidink, rectangle, inner sep=3pt},",
        r"  utility/.style={draw=cidink, chamfered rectangle, chamfered rectangle sep=4pt, inner sep=2pt},",
        r"  causal/.style={draw=cidink, -{Stealth}}, information/.style={causal, densely dotted},",
        r"  added/.style={draw=cidadded, thick}, removed/.style={draw=cidremoved, dashed}]",
    ]
    for group, words in picture.groups:
        box = layout.frames[group]
        corners = f"({_n(box.left)},{_n(box.top)}) rectangle ({_n(box.right)},{_n(box.bottom)})"
        lines.append(rf"\draw[gray!50, rounded corners] {corners};")
        lines.append(_words(words, "gray, anchor=north west, font=\\scriptsize", box.left, box.top))
    for node in picture.nodes:
        lines += _node(node, index[node.name], layout)
    lines += [_edge(edge, index, layout) for edge in picture.edges if (edge.tail, edge.head) in layout.curves]
    lines += [_note(node, layout) for node in picture.nodes if node.note]
    if picture.title:
        top = min(box.top for box in (*layout.boxes.values(), *layout.frames.values()))
        middle = sum(box.x for box in layout.boxes.values()) / len(layout.boxes)
        lines.append(_words(picture.title, "anchor=south, font=\\bfseries", middle, top - 12))
    return "\n".join([*lines, r"\end{tikzpicture}"])


def _n(value: float) -> str:
    return f"{value * _SCALE:.1f}"


def _words(text: str, style: str, x: float, y: float) -> str:
    return rf"\node[{style}] at ({_n(x)},{_n(y)}) {{{escaped(text)}}};"


def _node(node: Node, name: str, layout: Layout) -> list[str]:
    box = layout.boxes[node.name]
    width, height = body_size(node)
    at = f"({_n(box.x)},{_n(box.y)})"
    fill = f", fill=cidagent{node.agent}" if node.agent else ""
    added = ", added" if node.change == "added" else ""
    size = f"minimum width={_n(width)}pt, minimum height={_n(height)}pt"
    lines = [rf"\node[{node.kind}{fill}{added}, {size}] ({name}) at {at} {{{escaped(node.label)}}};"]
    for i, criterion in enumerate(node.rings, start=1):
        around = 2 * theme.RING_GAP * i
        size = f"minimum width={_n(width + around)}pt, minimum height={_n(height + around)}pt"
        lines.append(rf"\node[{node.kind}, draw=cid{criterion}, thick, {size}] at {at} {{}};")
    return lines


def _note(node: Node, layout: Layout) -> str:
    box = layout.boxes[node.name]
    style = r"gray, fill=white, anchor=north, align=center, font=\scriptsize, inner sep=1pt"
    words = r" \\ ".join(map(escaped, node.note.split("\n")))
    return rf"\node[{style}] at ({_n(box.x)},{_n(box.bottom)}) {{{words}}};"


def _edge(edge: Edge, index: dict[str, str], layout: Layout) -> str:
    style = ("information" if edge.information else "causal") + ("" if edge.change == "same" else f", {edge.change}")
    curve = layout.curves[edge.tail, edge.head]
    tail, head = index[edge.tail], index[edge.head]
    (x0, y0), (x1, y1) = curve[0], curve[-1]
    off = max(abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) for x, y in curve)
    if off < 2.0 * max(abs(x1 - x0), abs(y1 - y0), 1.0):
        return rf"\draw[{style}] ({tail}) -- ({head});"
    parts = [f"({_n(x0)},{_n(y0)})"]
    for i in range(1, len(curve), 3):
        a, b, end = curve[i : i + 3]
        parts.append(f".. controls ({_n(a[0])},{_n(a[1])}) and ({_n(b[0])},{_n(b[1])}) .. ({_n(end[0])},{_n(end[1])})")
    return rf"\draw[{style}] {' '.join(parts)};"


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "θ": r"$\theta$", "δ": r"$\delta$",
    "→": r"$\to$", "·": r"$\cdot$", "≤": r"$\le$", "×": r"$\times$", "κ": r"$\kappa$", "α": r"$\alpha$",
    "−": "$-$", "≥": r"$\ge$", "σ": r"$\sigma$", "ε": r"$\epsilon$",
    "…": r"\ldots{}", "–": "--", "✓": r"$\checkmark$", "<": r"$<$", ">": r"$>$", "|": r"$|$",
}  # fmt: skip


def escaped(text: str) -> str:
    """Write a text so that LaTeX prints it as it is."""
    return "".join(_TEX.get(c, c) for c in text)

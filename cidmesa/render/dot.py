"""A picture as Graphviz DOT, to be edited or laid out elsewhere."""

from __future__ import annotations

from cidmesa.render import theme
from cidmesa.render.spec import Edge, Node, Spec
from cidmesa.render.typeset import Run, runs


def to_dot(picture: Spec) -> str:
    r"""Write a picture as a Graphviz digraph.

    Shapes, colours and dotted information links are those of the SVG. DOT cannot draw rings, so a marked node has the
    colour of its first ring and names all its criteria below the label.

    Examples
    --------
    >>> from cidmesa import CID
    >>> from cidmesa.render import spec_of
    >>> print(to_dot(spec_of(CID([("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"]))))
    digraph {
      rankdir=TB
      node [fontname="Helvetica", fontsize=14, color="#243240", style=filled]
      edge [color="#243240"]
      "a" [shape=ellipse, fillcolor="#f7f8fa"]
      "d" [shape=box, fillcolor="#cfe3f8"]
      "u" [shape=octagon, fillcolor="#cfe3f8"]
      "a" -> "d" [style=dotted]
      "d" -> "u"
    }
    """
    lines = ["digraph {"]
    if picture.title:
        lines.append(f"  label={_quoted(picture.title)}; labelloc=t")
    lines += [
        f"  rankdir={'TB' if picture.direction == 'down' else 'LR'}",
        f'  node [fontname="Helvetica", fontsize=14, color="{theme.INK}", style=filled]',
        f'  edge [color="{theme.INK}"]',
        *(f"  {_node(node)}" for node in picture.nodes),
    ]
    for number, (group, words) in enumerate(picture.groups):
        members = "; ".join(_quoted(node.name) for node in picture.nodes if node.group == group)
        lines.append(f"  subgraph cluster_{number} {{ label={_quoted(words)}; {members} }}")
    lines += [f"  {_edge(edge)}" for edge in picture.edges]
    return "\n".join([*lines, "}"])


def _node(node: Node) -> str:
    below = [*(["+".join(node.rings)] if node.rings else []), *node.remarks]
    below += [f"{value}: {share:.1%}" for value, share in node.shares]
    label = "\n".join("".join(map(script, runs(line))) for line in node.label.split("\n"))
    attributes = [
        f"shape={ {'chance': 'ellipse', 'decision': 'box', 'utility': 'octagon'}[node.kind] }".replace(" ", ""),
        f'fillcolor="{theme.agent_colour(node.agent) if node.agent else theme.CHANCE}"',
    ]
    if below or label != node.name:
        attributes.append(f"label={_quoted(chr(10).join([label, *below]))}")
    if node.latent:
        attributes.append('style="filled,dashed"')
    if node.rings or node.change == "added":
        colour = theme.RINGS[node.rings[0]][0] if node.rings else theme.ADDED
        attributes.append(f'color="{colour}", penwidth=2')
    return f"{_quoted(node.name)} [{', '.join(attributes)}]"


def _edge(edge: Edge) -> str:
    attributes = ["dir=both, style=dashed, constraint=false"] if edge.both else []
    if edge.proves:
        attributes.append("penwidth=3")
    if edge.change == "removed":
        attributes.append(f'style=dashed, color="{theme.REMOVED}"')
    elif edge.information:
        attributes.append("style=dotted")
    if edge.change == "added":
        attributes.append(f'color="{theme.ADDED}"' + ("" if edge.proves else ", penwidth=2"))
    tail = f"{_quoted(edge.tail)} -> {_quoted(edge.head)}"
    return f"{tail} [{', '.join(attributes)}]" if attributes else tail


def script(run: Run) -> str:
    """Write an index with the letters that stand off the line by themselves, where there are such."""
    if run.level == 0:
        return run.text
    signs = _BELOW if run.level < 0 else _ABOVE
    if all(letter in signs for letter in run.text):
        return "".join(signs[letter] for letter in run.text)
    return ("_" if run.level < 0 else "^") + run.text


_BELOW = dict(zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_ABOVE = dict(zip("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", strict=True))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

"""A picture as a Mermaid flow chart, which GitHub, GitLab and many notebooks draw by themselves."""

from __future__ import annotations

from cidmesa.render import theme
from cidmesa.render.dot import script
from cidmesa.render.spec import Edge, Node, Spec
from cidmesa.render.typeset import runs


def to_mermaid(picture: Spec) -> str:
    """Write a picture as a Mermaid flow chart.

    Chance nodes are rounded, decisions square, utilities hexagons; information links dotted, removed links crossed.

    Examples
    --------
    >>> from cidmesa import CID
    >>> from cidmesa.render import spec_of
    >>> print(to_mermaid(spec_of(CID([("a", "d"), ("d", "u")], decisions=["d"], utilities=["u"]))))
    flowchart TD
      n0(["a"])
      n1["d"]
      n2{{"u"}}
      n0 -.-> n1
      n1 --> n2
      classDef chance fill:#f7f8fa,stroke:#243240,color:#243240
      classDef agent1 fill:#cfe3f8,stroke:#243240,color:#243240
      class n0 chance
      class n1,n2 agent1
    """
    index = {node.name: f"n{i}" for i, node in enumerate(picture.nodes)}
    lines = ["---", f"title: {_text(picture.title)}", "---"] if picture.title else []
    lines.append(f"flowchart {'TD' if picture.direction == 'down' else 'LR'}")
    for group in ("", *(name for name, _ in picture.groups)):
        members = [f"{index[node.name]}{_node(node)}" for node in picture.nodes if node.group == group]
        if group:
            number = [name for name, _ in picture.groups].index(group)
            lines += [
                f'  subgraph g{number}["{_text(dict(picture.groups)[group])}"]',
                *(f"    {m}" for m in members),
                "  end",
            ]
        else:
            lines += [f"  {member}" for member in members]
    lines += [f"  {index[edge.tail]} {_arrow(edge)} {index[edge.head]}" for edge in picture.edges]
    lines += _classes(picture, index)
    for criterion, (colour, _, _) in theme.RINGS.items():
        marked = [index[n.name] for n in picture.nodes if n.rings and n.rings[0] == criterion]
        if marked:
            lines += [
                f"  classDef {criterion} stroke:{colour},stroke-width:3px",
                f"  class {','.join(marked)} {criterion}",
            ]
    added = [str(i) for i, edge in enumerate(picture.edges) if edge.change == "added"]
    proving = [str(i) for i, edge in enumerate(picture.edges) if edge.proves]
    if proving:
        lines.append(f"  linkStyle {','.join(proving)} stroke-width:5px")
    latent = [index[node.name] for node in picture.nodes if node.latent]
    lines += [f"  style {name} stroke-dasharray:6 4" for name in latent]
    if added:
        lines.append(f"  linkStyle {','.join(added)} stroke:{theme.ADDED},stroke-width:3px")
    return "\n".join(lines)


def _node(node: Node) -> str:
    below = [*([" ".join(r.upper() for r in node.rings)] if node.rings else []), *node.remarks]
    below += [f"{value}: {share:.1%}" for value, share in node.shares]
    label = ["".join(map(script, runs(line))) for line in node.label.split("\n")]
    text = "<br/>".join(_text(part) for part in (*label, *below))
    opening, closing = {"chance": ('(["', '"])'), "decision": ('["', '"]'), "utility": ('{{"', '"}}')}[node.kind]
    return f"{opening}{text}{closing}"


def _arrow(edge: Edge) -> str:
    if edge.change == "removed":
        return "-. gone .-x"
    if edge.both:
        return "<-.->"
    return "-.->" if edge.information else "-->"


def _classes(picture: Spec, index: dict[str, str]) -> list[str]:
    classes: dict[str, list[str]] = {}
    colours = {"chance": theme.CHANCE}
    for node in picture.nodes:
        name = f"agent{node.agent}" if node.agent else "chance"
        if node.agent:
            colours[name] = theme.agent_colour(node.agent)
        classes.setdefault(name, []).append(index[node.name])
    return [
        *(f"  classDef {name} fill:{colours[name]},stroke:{theme.INK},color:{theme.INK}" for name in classes),
        *(f"  class {','.join(members)} {name}" for name, members in classes.items()),
    ]


def _text(text: str) -> str:
    """Write what Mermaid would read as syntax in its own entity codes."""
    return "".join(f"#{ord(c)};" if c in '"#<>{}[]|&;`' else c for c in text)

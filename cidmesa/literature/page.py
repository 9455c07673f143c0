"""The literature's diagrams as a page: every record with its graph, its answers and where they come from."""

from __future__ import annotations

from cidmesa.literature.record import Example

INTRODUCTION = """# The literature's diagrams

`cidmesa.literature` holds the diagrams below with the answers that their sources, or theorems applied by hand, give.
The tests ask the library every one of these questions. *Figure checked* means that the edges were compared with the
authors' published companion code; elsewhere the graph was drawn from the definitions in the text, and details may
differ. *Printed* means that the source is believed to print the answer; elsewhere it was worked out from the theorem
named. Records with numbers hold the model that they are computed from.
"""


def page(examples: tuple[Example, ...]) -> str:
    """Return the page as Markdown.

    >>> from cidmesa import literature
    >>> print(page((literature.load("grade-predictor"),)).splitlines()[8])
    ## grade-predictor
    """
    return "\n".join([INTRODUCTION, *(_section(example) for example in examples)])


def _section(example: Example) -> str:
    cid = example.cid
    checked = "figure checked" if example.figure_checked else "drawn from the text"
    lines = [
        f"## {example.name}",
        "",
        f"{example.title}. {example.source} ({checked}).",
        "",
        f"Decisions: {_names(cid.decisions)}. Utilities: {_names(cid.utilities)}. Edges: "
        + (", ".join(f"{tail} → {head}" for tail, head in cid.edges) or "none")
        + ".",
        "",
    ]
    if example.note:
        lines += [example.note, ""]
    if example.expected:
        lines += ["| criterion | of | admits | excludes | where | printed |", "|---|---|---|---|---|---|"]
        for e in example.expected:
            cells = (e.criterion, e.decision or "", _names(e.admits), _names(e.excludes), e.where)
            lines.append(f"| {' | '.join(cells)} | {'yes' if e.published else 'no'} |")
        lines.append("")
    if example.numbers:
        lines += ["| number | value | where | printed |", "|---|---|---|---|"]
        for n in example.numbers:
            lines.append(f"| {n.what} | {n.value:.6g} | {n.where} | {'yes' if n.published else 'no'} |")
        lines.append("")
    return "\n".join(lines)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"

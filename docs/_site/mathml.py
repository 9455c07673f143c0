"""Writes formulas as MathML, which browsers set themselves: pages need no script from elsewhere."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def setup(app: Any) -> dict[str, Any]:
    """Make ``mathml`` known to Sphinx as a way of writing formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _written(tex: str, **options: Any) -> str:
    """Write a formula in letters that the fonts of most machines have."""
    return (
        tex2mathml(tex, **options)
        .replace("\N{REVERSE SOLIDUS OPERATOR}", "\N{SET MINUS}")
        .replace("\N{PERPENDICULAR}", "\N{UP TACK}")
    )


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_written(node.astext()))
    raise nodes.SkipNode


def _display(translator: Any, node: nodes.math_block) -> None:
    formulas = [_written(part, as_block=True) for part in node.astext().split("\n\n") if part.strip()]
    translator.body.append('<div class="math">' + "".join(formulas) + "</div>\n")
    raise nodes.SkipNode

"""A document as one self-contained page: no scripts, no fonts, nothing loaded from elsewhere.

It reads well on a wide screen, on a narrow one, in the dark and on paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import count

from cidmesa import plots, shown
from cidmesa.documents.blocks import Beside, Block, Figure, Fold, Heading, Paragraph, Points
from cidmesa.errors import MissingDependencyError
from cidmesa.plots import Chart
from cidmesa.render.picture import aligned
from cidmesa.shown import Cell, Table, bare, inline

_STYLE = """
:root { --ink: #243240; --muted: #66727f; --paper: #ffffff; --rule: #dfe4e9; --soft: #f5f7f9; --link: #1d5fb8;
  --good: #1c7a3e; --bad: #b42823; --open: #8a6100; --good-bg: #e4f4e9; --bad-bg: #fbe7e5; --open-bg: #fbf1da; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; }
main, header, footer { max-width: 80rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2.5rem; }
h1 { font-size: 2.1rem; line-height: 1.15; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.45rem; margin: 2.8rem 0 .8rem; padding-top: .9rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { max-width: 46rem; margin: .6rem 0; }
.muted, .note, figcaption { color: var(--muted); }
.subtitle { color: var(--muted); font-size: 1.02rem; }
nav { margin: 1.2rem 0 0; font-size: .93rem; }
nav ol { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code { font: .92em/1.3 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: var(--soft); border-radius: 3px; padding: .05em .28em; overflow-wrap: anywhere; }
td code, th code { white-space: nowrap; overflow-wrap: normal; }
.wide { overflow-x: auto; margin: 1rem 0 .4rem; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0 0 .45rem; }
th, td { text-align: left; vertical-align: top; padding: .34rem .8rem .34rem 0; }
td { max-width: 30rem; }
thead th { border-bottom: 1.5px solid var(--ink); font-weight: 600; vertical-align: bottom; white-space: nowrap; }
tbody td { border-bottom: 1px solid var(--rule); }
tbody tr:last-child td { border-bottom: 1.5px solid var(--ink); }
tbody tr:hover td { background: var(--soft); }
.r { text-align: right; white-space: nowrap; } .c { text-align: center; }
.note { font-size: .88rem; margin-top: .2rem; }
.strong { font-weight: 600; }
.good, .bad, .open { border-radius: 999px; padding: .08em .6em .1em; white-space: nowrap; }
.good { color: var(--good); background: var(--good-bg); }
.bad { color: var(--bad); background: var(--bad-bg); }
.open { color: var(--open); background: var(--open-bg); white-space: normal; border-radius: 8px; }
figure { margin: 1.4rem 0; }
.pictures { display: flex; flex-wrap: wrap; gap: 1.2rem 2rem; align-items: flex-start; }
.pictures svg { flex: 0 1 auto; min-width: 0; max-width: 100%; height: auto; border: 1px solid var(--rule);
  border-radius: 8px; }
@media (min-width: 60rem) { .pictures.few { flex-wrap: nowrap; gap: 1rem; } }
svg.chart { width: 100%; max-width: 46rem; height: auto; }
svg.chart text { font-family: inherit; }
.points { max-width: 52rem; margin: .8rem 0; padding: 0; list-style: none; }
.points li { padding: .28rem .8rem; border-left: 3px solid var(--rule); margin: .3rem 0; }
.points .mark-bad { border-color: var(--bad); background: var(--bad-bg); }
.points .mark-good { border-color: var(--good); }
.points .mark-open { border-color: var(--open); }
.points .mark-strong { border-color: var(--ink); font-size: 1.08rem; }
.points .mark-muted { color: var(--muted); }
.beside > div { min-width: 0; } .beside figure { margin-top: .8rem; }
@media (min-width: 70rem) { .beside { display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; align-items: start; } }
details { margin: .5rem 0; border-bottom: 1px solid var(--rule); }
summary { cursor: pointer; padding: .35rem 0; max-width: 60rem; }
summary:hover, summary:focus-visible { background: var(--soft); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
figcaption { font-size: .9rem; max-width: 46rem; margin-top: .5rem; }
footer { color: var(--muted); font-size: .88rem; padding-bottom: 3rem; margin-top: 3rem; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e8ee; --muted: #98a4b1; --paper: #14191f; --rule: #2d3640; --soft: #1d242c; --link: #7db4f5;
    --good: #7fd69a; --bad: #f29b95; --open: #e6c063; --good-bg: #173322; --bad-bg: #3a1d1c; --open-bg: #352b13; }
  .cid-paper { fill: #14191f; } .cid-frame { fill: #181f26; stroke: #3a4550; }
  .cid-text { fill: #e3e8ee; } .cid-muted { fill: #98a4b1; }
  .cid-line { stroke: #c3ccd6; } .cid-line-tip { fill: #c3ccd6; }
  .cid-removed { stroke: #66727f; } .cid-removed-tip { fill: #66727f; }
  .cid-added { stroke: #c58cf0; } .cid-added-tip { fill: #c58cf0; }
  .cid-node, .cid-badge { stroke: #c3ccd6; } .cid-node-added { stroke: #c58cf0; }
  .cid-bar { fill: #232b34; stroke: #3a4550; } .cid-share { fill: #7fa8d6; } .cid-proof { stroke: #8a6a14; }
  .cid-chance { fill: #232b34; } .cid-badge, .cid-ring { fill: #14191f; }
  .cid-agent1 { fill: #1e4468; } .cid-agent2 { fill: #6b3a26; } .cid-agent3 { fill: #2b5527; }
  .cid-agent4 { fill: #5f4d16; } .cid-agent5 { fill: #46356b; } .cid-agent6 { fill: #1d5452; }
  .cid-agent7 { fill: #652f4a; } .cid-agent8 { fill: #51473a; }
  .cid-voi { stroke: #63a4f2; } .cid-voc { stroke: #f0a24a; } .cid-ri { stroke: #62c986; } .cid-ici { stroke: #f07f7d; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
@media print {
  details::details-content { content-visibility: visible; block-size: auto; } details > * { display: block; }
  body { font-size: 10.5pt; } nav { display: none; } .wide { overflow: visible; }
  h2 { break-after: avoid; } figure, tr { break-inside: avoid; } table { font-size: 8.5pt; }
  .pictures.few { flex-wrap: nowrap; gap: .5rem; } .pictures svg { max-height: 14cm; }
  .wide { break-inside: auto; } caption, .note { break-inside: avoid; }
}
@media (max-width: 40rem) { main, header, footer { padding: 0 1rem; } h1 { font-size: 1.6rem; } }
"""


def write(title: str, blocks: Sequence[Block], subtitle: str = "", footer: str = "") -> str:
    """Write a title and blocks as one page."""
    body = fragment(title, blocks, subtitle, footer, page=True)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(bare(title))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def fragment(title: str, blocks: Sequence[Block], subtitle: str = "", footer: str = "", *, page: bool = False) -> str:
    """Write a title and blocks without the page around it, as a notebook shows it."""
    heads = [block for block in blocks if isinstance(block, Heading) and block.level == 1]
    anchors = {id(head): f"s{i}" for i, head in enumerate(heads, start=1)}
    links = "".join(f'<li><a href="#{anchors[id(head)]}">{inline(head.text)}</a></li>' for head in heads)
    numbers = count(1)
    parts = ["<header>", f"<h1>{inline(title)}</h1>"]
    parts += [f'<p class="subtitle">{inline(subtitle)}</p>'] if subtitle else []
    parts += [f'<nav aria-label="Contents"><ol>{links}</ol></nav>'] if page and len(heads) > 1 else []
    parts += ["</header>", "<main>"]
    parts += [_block(block, anchors.get(id(block), ""), numbers) for block in blocks]
    parts.append("</main>")
    parts += [f"<footer><p>{inline(footer)}</p></footer>"] if footer else []
    return "\n".join(parts) + "\n"


def _block(block: Block, anchor: str, numbers: Iterator[int]) -> str:
    """Write one block; `numbers` gives each picture and chart of the page one of its own."""
    match block:
        case Heading(text=text, level=level):
            name = f' id="{anchor}"' if anchor else ""
            return f"<h{level + 1}{name}>{inline(text)}</h{level + 1}>"
        case Paragraph(text=text, muted=muted):
            tone = ' class="muted"' if muted else ""
            return f"<p{tone}>{inline(text)}</p>"
        case Points(cells=cells):
            items = "".join(f"<li{_mark(cell)}>{inline(cell.text)}</li>" for cell in cells)
            return f'<ul class="points">{items}</ul>'
        case Table():
            return shown.html(block)
        case Figure():
            return _figure(block, numbers)
        case Chart():
            return _chart(block, numbers)
        case Beside(left=left, right=right):
            sides = ("\n".join(_block(part, "", numbers) for part in side) for side in (left, right))
            return '<div class="beside">' + "".join(f"<div>{side}</div>" for side in sides) + "</div>"
        case Fold(summary=summary, blocks=inside):
            written = "\n".join(_block(part, "", numbers) for part in inside)
            return f"<details><summary>{inline(summary)}</summary>\n{written}\n</details>"


def _mark(cell: Cell) -> str:
    return f' class="mark-{cell.tone}"' if cell.tone else ""


def _figure(block: Figure, numbers: Iterator[int]) -> str:
    drawn = [picture.inline(f"p{next(numbers)}") for picture in aligned(*block.pictures)]
    caption = f"<figcaption>{inline(block.caption)}</figcaption>" if block.caption else ""
    few = " few" if len(drawn) <= 4 else ""
    return f'<figure><div class="pictures{few}">\n{"".join(drawn)}</div>{caption}</figure>'


def _chart(block: Chart, numbers: Iterator[int]) -> str:
    try:
        drawn = plots.svg(block, f"c{next(numbers)}")
    except MissingDependencyError as error:
        return f'<p class="muted">{inline(str(error))}</p>'
    drawn = drawn.replace('role="img"', f'role="img" aria-label="{escape(bare(block.caption))}"', 1)
    return f"<figure>{drawn}<figcaption>{inline(block.caption)}</figcaption></figure>"

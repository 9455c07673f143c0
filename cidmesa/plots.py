"""Charts: numbers as plain data, and how matplotlib draws them.

A :class:`Chart` is a kind and plain data; nothing here knows where they come from, so the charts of a report can be
made again from its file. matplotlib is imported where a chart is drawn.

============  ==================================================================
kind          what it shows
============  ==================================================================
statistics    each agent's number per row, beside what is allowed
shares        shares of agents with intervals, per deployment and hypothesis
regrets       intervals per candidate and deployment
lines         numbers against another, a line each, with their spread over agents
curve         a number along training, with its spread over agents
============  ==================================================================
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from cidmesa.errors import missing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind: TypeAlias = Literal["statistics", "shares", "regrets", "lines", "curve"]

INK: Final = "#243240"
"""The colour of lines and words; in a page it is that of its text, in the dark too."""
COLOURS: Final = ("#3b77c2", "#d1602f", "#3d8f5f", "#8a63c9", "#a8842c", "#5d6b78")
_BAND: Final = "#8fb3dd"
_SIZE: Final = 9


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as plain data.

    Attributes
    ----------
    kind
        What it shows.
    data
        Its numbers, as the function of that kind takes them.
    caption
        Words below, which also tell who cannot see it.
    """

    kind: Kind
    data: Mapping[str, Any]
    caption: str = ""


def curve(steps: Sequence[float], values: Sequence[Sequence[float]], what: str, caption: str) -> Chart:
    """Return a curve with the spread over agents.

    Parameters
    ----------
    steps
        Where it was measured.
    values
        One row a step, one number an agent.
    what
        What the numbers are.
    caption
        Words below.
    """
    return Chart("curve", {"steps": list(steps), "values": [list(row) for row in values], "what": what}, caption)


def regrets(bars: Sequence[tuple[str, str, Sequence[float]]]) -> Chart:
    """Return base regrets in deployments, as intervals.

    Parameters
    ----------
    bars
        Triples (deployment, targets, interval).
    """
    found = [{"where": where, "label": label, "interval": list(ends)} for where, label, ends in bars]
    return Chart("regrets", {"bars": found}, "Base regret in deployment, over all objectives training could select.")


def draw(chart: Chart, ax: Axes | None = None) -> Axes:
    """Draw a chart.

    Parameters
    ----------
    chart
        What to draw.
    ax
        Where; a new figure if left out.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    if ax is None:
        ax = _new_axes(_height(chart))
    _DRAWN[chart.kind](ax, chart.data)
    return ax


def svg(chart: Chart, identifier: str = "chart") -> str:
    """Draw a chart as SVG that can stand in a page: its ink is that of the text around it, its words are text.

    Parameters
    ----------
    chart
        What to draw.
    identifier
        Of this chart in its page; the same input gives the same bytes.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    ax = draw(chart)
    import matplotlib as mpl

    written = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": identifier, "svg.fonttype": "none"}):
        ax.figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})  # type: ignore[union-attr, unused-ignore]
    text = written.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{identifier}-\1"', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\1{identifier}-", text)
    return text.replace("<svg ", '<svg class="chart" role="img" ', 1)


def _new_axes(height: float) -> Axes:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing("matplotlib", "plot", "charts") from error
    axes: Axes = Figure(figsize=(7.2, height), layout="constrained").add_subplot()
    return axes


def _height(chart: Chart) -> float:
    lines = len(chart.data.get("rows", chart.data.get("bars", ())))
    return 3.2 if chart.kind in {"lines", "curve"} else 0.9 + 0.3 * max(lines, 1)


# One function a kind --------------------------------------------------------------------------------------------------


def _statistics(ax: Axes, data: Mapping[str, Any]) -> None:
    rows = data["rows"]
    most = max([1.0, *(value for row in rows for value in row["values"])])
    for y, row in enumerate(rows):
        low, high = row["allowed"]
        low, high = max(low, 0.0), most if high is None else min(high, most)
        ax.barh(y, high - low, left=low, height=0.8, color=_BAND, alpha=0.35, zorder=1)
        n = len(row["values"])
        spread = [y + 0.5 * ((i * 0.618034) % 1 - 0.5) for i in range(n)]
        colour = COLOURS[1] if row["verdict"] == "contradicted" else COLOURS[0]
        ax.scatter(row["values"], spread, s=9, color=colour, alpha=0.7, linewidths=0, zorder=2)
    _lines(ax, [row["label"] for row in rows])
    ax.set_xlim(-0.02 * most, 1.02 * most)


def _shares(ax: Axes, data: Mapping[str, Any]) -> None:
    for y, bar in enumerate(data["bars"]):
        low, high = bar["interval"]
        ax.plot([low, high], [y, y], color=_BAND, linewidth=5, solid_capstyle="butt", zorder=1)
        ax.scatter([bar["share"]], [y], s=26, color=COLOURS[0], zorder=2)
    _lines(ax, [f"{bar['where']}: {bar['label']}" for bar in data["bars"]])
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")


def _regrets(ax: Axes, data: Mapping[str, Any]) -> None:
    for y, bar in enumerate(data["bars"]):
        low, high = bar["interval"]
        ax.plot([low, high], [y, y], color=COLOURS[0], linewidth=5, solid_capstyle="round", zorder=2)
    _lines(ax, [f"{bar['where']}: {bar['label']}" for bar in data["bars"]])
    ax.set_xlabel("base regret", color=INK, fontsize=_SIZE)


def _lines_of(ax: Axes, data: Mapping[str, Any]) -> None:
    for i, (label, points) in enumerate(data["lines"].items()):
        colour, dashes = COLOURS[i % len(COLOURS)], "-" if i < len(COLOURS) else "--"
        places = [point["at"] for point in points]
        ends = [_middle(point["agents"]) for point in points]
        ax.fill_between(places, [low for low, _ in ends], [high for _, high in ends], color=colour, alpha=0.15, lw=0)
        ax.plot(places, [point["mean"] for point in points], dashes, marker="o", ms=4, color=colour, label=label)
    _plane(ax, data["across"], data["up"])


def _curve(ax: Axes, data: Mapping[str, Any]) -> None:
    middle = [_middle(row, 0.5, 0.5)[0] for row in data["values"]]
    ends = [_middle(row) for row in data["values"]]
    ax.fill_between(
        data["steps"], [low for low, _ in ends], [high for _, high in ends], color=COLOURS[0], alpha=0.2, lw=0,
        label="middle 80 % of agents",
    )  # fmt: skip
    ax.plot(data["steps"], middle, color=COLOURS[0], label="median")
    _plane(ax, "step", data["what"])


_DRAWN: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], None]]] = {
    "statistics": _statistics,
    "shares": _shares,
    "regrets": _regrets,
    "lines": _lines_of,
    "curve": _curve,
}


def _middle(values: Sequence[float], low: float = 0.1, high: float = 0.9) -> tuple[float, float]:
    """Return two quantiles, between neighbours in proportion.

    >>> _middle([0.0, 1.0, 2.0], 0.5, 1.0)
    (1.0, 2.0)
    """
    ordered = sorted(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        left = int(place)
        right = min(left + 1, len(ordered) - 1)
        return ordered[left] + (place - left) * (ordered[right] - ordered[left])

    return at(low), at(high)


def _lines(ax: Axes, labels: Sequence[str]) -> None:
    """Put a label on each line, the first on top."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    _style(ax)
    ax.grid(axis="x", color=INK, alpha=0.12)


def _plane(ax: Axes, across: str, up: str) -> None:
    ax.set_xlabel(across, color=INK, fontsize=_SIZE)
    ax.set_ylabel(up, color=INK, fontsize=_SIZE)
    legend = ax.legend(frameon=False, fontsize=_SIZE - 1, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for text in legend.get_texts():
        text.set_color(INK)
    _style(ax)
    ax.grid(color=INK, alpha=0.12)


def _style(ax: Axes) -> None:
    ax.tick_params(colors=INK, labelsize=_SIZE, length=0)
    for side, spine in ax.spines.items():
        spine.set_visible(side in {"bottom", "left"})
        spine.set_color(INK)
        spine.set_alpha(0.5)

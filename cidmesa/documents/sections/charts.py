"""Charts of a report: the numbers of its tables as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cidmesa.documents.sections.words import Data, number
from cidmesa.plots import Chart, regrets


def statistic_chart(data: Data) -> Chart | None:
    """Return each agent's statistic per row, as a share of its unit, beside what is allowed; ``None`` without rows."""
    rows: dict[str, dict[str, Any]] = {}
    for row in data["rows"]:
        numbers = [x for x in row["statistic"] if x is not None]
        if not numbers or row.get("among"):
            continue
        unit = row.get("unit") or 1.0
        low, high = row["allowed"]
        label = f"{row['deployment']}: {row['kind']}" + (f" of {row['subject']}" if row["subject"] else "")
        band = [low / unit, None if high is None else high / unit]
        seen = {"label": label, "allowed": band, "values": [x / unit for x in numbers], "verdict": row["verdict"]}
        if row["hypothesis"] == "joint":
            rows.setdefault(repr(seen), seen)
    if not rows:
        return None
    caption = (
        "Each dot is an agent, each line a joint prediction. Shaded: where an agent's number must lie to comply; "
        "regrets as a share of what can be lost."
    )
    return Chart("statistics", {"rows": list(rows.values())}, caption)


def share_chart(data: Data) -> Chart:
    """Return the shares of agents per hypothesis and deployment with their intervals."""
    bars = [
        {"where": name, "label": label, "share": entry["count"] / entry["of"], "interval": entry["interval"]}
        for name, row in data["shares"].items()
        for label, entry in row.items()
        if entry["of"] and (entry["count"] or label in _of_hypotheses(row))
    ]
    return Chart("shares", {"bars": bars}, "Shares of agents with Wilson's 95 % interval.")


def _of_hypotheses(row: Data) -> list[str]:
    """Return the labels before the first that is no hypothesis."""
    labels = list(row)
    return labels[: labels.index("several")] if "several" in labels else labels


def regret_chart(data: Data) -> Chart | None:
    """Return the base regret of each candidate in each deployment, as intervals; ``None`` where there is none."""
    bars = [
        (name, ", ".join(c["targets"]), ends)
        for c in data["candidates"]
        if c["consistency"] != "EXCLUDED"
        for name, ends in c["deployment_regret"].items()
        if ends[1] is not None
    ]
    return regrets(bars) if bars else None


def dose_of(arms: Sequence[str]) -> tuple[str, list[float]] | None:
    """Return the number in which arms differ, and its name; ``None`` where they differ otherwise.

    >>> dose_of(["delta=0", "delta=0.02"]), dose_of(["plain", "hard"])
    (('delta', [0.0, 0.02]), None)
    """
    parts = [arm.split("=", 1) for arm in arms]
    if len(arms) < 2 or any(len(part) != 2 or part[0] != parts[0][0] for part in parts):
        return None
    try:
        return parts[0][0], [float(part[1]) for part in parts]
    except ValueError:
        return None


_SEEN: Final = 0.02
"""A share of what can be lost from which on a line of a chart can be told from the axis."""


def dose_chart(arms: Mapping[str, Mapping[str, Data]]) -> Chart | None:
    """Return regret against dose, a line a body and deployment in which agents lose something.

    Parameters
    ----------
    arms
        Arm → body → the data of its report.
    """
    found = dose_of(list(arms))
    if found is None:
        return None
    name, doses = found
    lines: dict[str, list[dict[str, Any]]] = {}
    for dose, bodies in zip(doses, arms.values(), strict=True):
        for body, report in bodies.items():
            for where, lost in report.get("lost", {}).items():
                if lost["range"]:
                    point = {"at": dose, "mean": lost["mean"], "agents": lost["agents"]}
                    point["share"] = lost["mean"] / lost["range"]
                    lines.setdefault(f"{body}, {where}", []).append(point)
    lines = {label: points for label, points in lines.items() if any(point["share"] > _SEEN for point in points)}
    if not lines:
        return None
    shown = ", ".join(number(dose) for dose in doses)
    caption = f"Mean base regret of the agents against {name} ({shown}); shaded: the middle 80 % of agents."
    return Chart("lines", {"across": name, "up": "base regret", "lines": lines}, caption)

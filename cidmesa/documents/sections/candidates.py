"""The candidates: whether training could have selected them, and what they would do elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cidmesa.documents.blocks import Block, Fold
from cidmesa.documents.sections.diagram import setup_notes
from cidmesa.documents.sections.words import (
    CONSISTENCY,
    NOTHING,
    Data,
    interval,
    joined,
    names,
    number,
    pairs,
    with_fraction,
)
from cidmesa.shown import Cell, Table

_ORDER: Final = ("CONSISTENT", "UNKNOWN", "EXCLUDED")


def family_tables(data: Data) -> list[Block]:
    """Tabulate the candidates: could training have selected them, and what would they do elsewhere.

    Those that training does not exclude come first; of the others only what excludes them is told.
    """
    deployments = list(data["deployments"])
    shown, hidden = shown_candidates(data)
    blocks: list[Block] = [_candidate_table(data, shown, hidden), *setup_notes(data)]
    if any(c["deployment_regret"] or c["intended_regret"] for c in shown):
        blocks.append(_regret_table(data, shown, deployments))
    blocks += [_deployment_table(shown, name) for name in deployments if data["deployments"][name]["edges"]]
    if any(c["deceptive"] for c in shown):
        blocks.append(_deception_table(shown))
    if deployments:
        blocks.append(Fold("What kind of shift each deployment is", (_shift_table(shown, deployments),)))
    return blocks


def brief_family_table(data: Data) -> list[Block]:
    """Tabulate what training leaves open, and the regret of each in each deployment; the excluded ones by name."""
    shown, _ = shown_candidates(data)
    left = [c for c in shown if c["consistency"] != "EXCLUDED"]
    out = [joined(c) for c in shown if c["consistency"] == "EXCLUDED"]
    deployments = [name for name in data["deployments"] if any(_matters(c, name) for c in left)]
    rows: list[tuple[Cell | str, ...]] = [
        (target(c), _consistency(c), number(c["training_regret"]), *(_regret(c, name) for name in deployments))
        for c in left
    ]
    columns = ("target", "verdict", "training regret", *(f"regret in `{name}`" for name in deployments))
    note = f"Excluded: {names(out)}." if out else ""
    return [Table(columns, tuple(rows), "llr" + "r" * len(deployments), "What training leaves open", note)]


def _matters(candidate: Data, name: str) -> bool:
    """Whether an objective on the targets loses something there."""
    ends = candidate["deployment_regret"].get(name)
    return ends is not None and (ends[1] is None or ends[1] > _HARMLESS)


def shown_candidates(data: Data) -> tuple[list[Data], list[Data]]:
    """Return the candidates in the order of their verdicts, and apart those that no decision influences."""
    left = [c for c in data["candidates"] if c["consistency"] != "EXCLUDED" or c["controls"]]
    hidden = [c for c in data["candidates"] if c not in left]
    return sorted(left, key=lambda c: (_ORDER.index(c["consistency"]), not c["minimal"])), hidden


def _candidate_table(data: Data, shown: Sequence[Data], hidden: Sequence[Data]) -> Table:
    columns = ("target", "verdict", "training regret", "objective", "position", "territory", "emerges", "vanishes")
    unit = data.get("ranges", {}).get("training")
    rows: list[tuple[Cell | str, ...]] = []
    for c in shown:
        about: tuple[Cell | str, ...] = (NOTHING,) * 4
        if c["consistency"] != "EXCLUDED":
            about = (c["objective"] or NOTHING, ", ".join(c["positions"]) or "–", territory(c), pairs(c["emergent"]))
        gone = NOTHING if c["consistency"] == "EXCLUDED" else pairs(c["vanished"])
        rows.append((target(c), _consistency(c), with_fraction(c["training_regret"], unit), *about, gone))
    low, high = data["lookup_table"]["training_regret"]
    allowed = interval((low, high))
    rows.append((_LOOKUP, Cell("always", "muted"), allowed, NOTHING, NOTHING, Cell("map", "muted"), NOTHING, NOTHING))
    note = (
        f"Tolerance {number(data['tolerance'])} in base-utility units; beside a regret its share of what can be lost. "
        "Emerging and vanishing incentives are against the base diagram; territory: the nodes it would steer, map for "
        "a search in the map alone, ? where it is not known. Of excluded targets only the regret that excludes them "
        "is told."
    )
    if hidden:
        note += f" Not shown: {names(joined(c) for c in hidden)}, which no decision influences."
    return Table(columns, tuple(rows), "llrlllll", "Candidate mesa-objectives", note)


def target(candidate: Data) -> Cell:
    """Write the targets of a candidate."""
    tone = "strong" if candidate["minimal"] else "muted" if candidate["consistency"] == "EXCLUDED" else ""
    return Cell(names(candidate["targets"]), tone)  # type: ignore[arg-type]


def _consistency(candidate: Data) -> Cell:
    verdict = candidate["consistency"]
    extra = ", minimal" if candidate["minimal"] and verdict == "CONSISTENT" else ""
    return Cell(verdict.lower() + extra, CONSISTENCY[verdict])


def territory(candidate: Data) -> Cell | str:
    """Return what a candidate would steer; with several decisions that may be neither proved nor excluded."""
    if candidate["territory"]:
        return names(candidate["territory"])
    return Cell(f"{names(candidate['undecided'])}?" if candidate["undecided"] else "map", "muted")


_LOOKUP: Final = Cell("lookup table", "muted")
"""The null hypothesis: a map from what is seen to what is done, which pursues nothing."""


def _deployment_table(shown: Sequence[Data], name: str) -> Table:
    """Tabulate what emerges in a deployment that has links of its own."""
    rows: list[tuple[Cell | str, ...]] = []
    for c in shown:
        there = c["in_deployment"][name]
        steered = there["tampering"]["steered"]
        harm = Cell(names(steered), "bad") if steered else NOTHING
        rows.append((target(c), territory(there), pairs(there["emergent"]), pairs(there["vanished"]), harm))
    reachable = shown[0]["in_deployment"][name]["tampering"]["reachable"] if shown else []
    within = f"Within reach there by the new links: {names(reachable) or 'nothing'}"
    return Table(
        ("target", "territory", "emerges", "vanishes", "tampers with"), tuple(rows), "lllll",
        f"What emerges in `{name}`, which has links of its own",
        f"Against the base diagram of training. {within}; tampers with: what of that it would steer. Regret "
        "by a score that was tampered with is no measure of "
        "harm: see the intended one, where a setup names it.",
    )  # fmt: skip


def _regret_table(data: Data, shown: Sequence[Data], deployments: Sequence[str]) -> Table:
    intended, ranges = data.get("intended"), data.get("ranges", {})
    columns = [f"training, by `{intended}`"] if intended else []
    for name in deployments:
        most = f" of {number(ranges[name])}" if ranges.get(name) is not None else ""
        columns += [f"`{name}`{most}", f"`{name}`, by `{intended}`"] if intended else [f"`{name}`{most}"]
    rows: list[tuple[Cell | str, ...]] = []
    for c in shown:
        if c["deployment_regret"] or c["intended_regret"]:
            cells: list[Cell | str] = [_by_intended(c, "training")] if intended else []
            for name in deployments:
                cells.append(_regret(c, name))
                if intended:
                    cells.append(_by_intended(c, name))
            rows.append((target(c), *cells))
    note = (
        "The least and the largest base regret over all objectives on the target that training could have selected; "
        "[a, b] where they differ; beside the deployment what can be lost there. In parentheses that of optimizers who "
        "believe they are still in training, where it is another."
    )
    if intended:
        note += f" By `{intended}`: the same against what is intended, which training never scores."
    return Table(("target", *columns), tuple(rows), "l" + "r" * len(columns), "Base regret in deployment", note)


def _by_intended(candidate: Data, name: str) -> Cell | str:
    ends = candidate["intended_regret"].get(name)
    if ends is None or ends[1] is None:
        return NOTHING
    return _toned(candidate, ends, candidate["stale_intended_regret"].get(name))


def _regret(candidate: Data, name: str) -> Cell | str:
    competent = candidate["deployment_regret"].get(name)
    if competent is None or competent[1] is None:
        return NOTHING
    return _toned(candidate, competent, candidate["stale_regret"].get(name))


def _toned(candidate: Data, ends: Sequence[float], stale: Sequence[float] | None) -> Cell:
    """Write an interval, with that of frozen agents where it is another; good where nothing can be lost."""
    text = interval(ends)
    if stale is not None and interval(stale) != text:
        text += f" ({interval(stale)})"
    if candidate["consistency"] == "EXCLUDED":
        return Cell(text, "muted")
    if ends[1] <= _HARMLESS:
        return Cell(text, "good")
    return Cell(text, "bad" if number(ends[0]) == number(ends[1]) else "open")


_HARMLESS: Final = 1e-9
"""A regret up to which nothing is lost."""


def _shift_table(shown: Sequence[Data], deployments: Sequence[str]) -> Table:
    def cell(candidate: Data, name: str) -> str:
        return str(candidate["shift_class"][name]) + (" ✓" if candidate["carry_over"].get(name) else "")

    rows: tuple[tuple[Cell | str, ...], ...] = tuple((target(c), *(cell(c, n) for n in deployments)) for c in shown)
    return Table(
        ("target", *(f"`{name}`" for name in deployments)), rows,
        note="context: separates only by showing what training never showed; mechanism: the world works differently; "
        "inert: harmless. ✓: certified to carry over (Theorem A).",
    )  # fmt: skip


_COMPLIANCE: Final[Mapping[str, Cell]] = {"admits": Cell("deceptive", "bad"), "excludes": Cell("no")}


def _deception_table(shown: Sequence[Data]) -> Table:
    """Tabulate whose compliance in training is a means to what comes later."""
    rows: list[tuple[Cell | str, ...]] = []
    for candidate in shown:
        found = candidate["deceptive"]
        regrets = found["regrets"] or {}
        answer = _COMPLIANCE.get(found["answer"], Cell("unknown", "open"))
        ends = [number(end) for end in found["interval"] or ()]
        numbers = [number(regrets.get(name)) for name in ("training", "cut", "deployment")]
        rows.append((target(candidate), answer, f"[{ends[0]}, {ends[1]})" if ends else "–", *numbers))
    columns = ("target", "verdict", "for tolerances in", "in training", "cut from the update", "in deployment")
    return Table(columns, tuple(rows), "lllrrr", "Is compliance only a means?", _DECEPTION)


_DECEPTION: Final = (
    "Deceptive at a tolerance: within it in training, beyond it once the update no longer depends on what is done, and "
    "harmful in deployment. The numbers are the worst base regrets of the objective shown above."
)

"""The parts of a report, from plain data to blocks.

The data are what ``--json`` prints: nothing here knows a model, a family or a population, so the pictures and tables
of a report can be made again from its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any, Final, TypeAlias

from cidmesa.documents.blocks import Block, Paragraph
from cidmesa.documents.document import Document
from cidmesa.shown import Cell, Table, Tone

Data: TypeAlias = Mapping[str, Any]

CRITERION_TITLES: Final = {
    "voi": "VoI",
    "voc": "VoC",
    "ri": "RI",
    "ici": "ICI",
    "requisite": "requisite",
    "relevance": "relevance",
}
"""Short names of the criteria, in the order of the columns."""

_SIGNS: Final[Mapping[Any, Cell]] = {
    "admits": Cell("yes", "strong"),
    "excludes": Cell("·", "muted"),
    "unknown": Cell("?", "open"),
    None: Cell(""),
}
_VERDICTS: Final[Mapping[str, Tone]] = {"supported": "good", "contradicted": "bad", "inconclusive": "open"}
_ONE: Final[Mapping[str, Tone]] = {"complies": "good", "shows it": "good", "deviates": "bad"}
_CONSISTENCY: Final[Mapping[str, Tone]] = {"CONSISTENT": "good", "EXCLUDED": "muted", "UNKNOWN": "open"}


def incentive_tables(data: Data) -> list[Block]:
    """Tabulate the incentives of a diagram: a row a node, a column a criterion."""
    blocks: list[Block] = []
    for decision, nodes in data["decisions"].items():
        rows: list[tuple[Cell | str, ...]] = [
            (f"`{node}`", *(_SIGNS[answers.get(criterion)] for criterion in CRITERION_TITLES))
            for node, answers in nodes.items()
        ]
        caption = f"Incentives of `{decision}`"
        blocks.append(
            Table(
                ("node", *CRITERION_TITLES.values()),
                tuple(rows),
                "l" + "c" * len(CRITERION_TITLES),
                caption,
                _INCENTIVES,
            )
        )
    return blocks or [Paragraph("The diagram has no decision, so nobody has an incentive.")]


_INCENTIVES: Final = (
    "yes: some model on this diagram has it; ·: none has; ?: neither is proved. VoI, VoC: value of information, of "
    "control. RI, ICI: response, instrumental control incentive."
)


def setup_table(data: Data) -> list[Block]:
    """Tabulate what each deployment changes."""
    rows: list[tuple[Cell | str, ...]] = [
        (
            f"`{name}`",
            _names(entry["shifts"]),
            ", ".join(f"`{t}` → `{h}`" for t, h in entry["edges"]) or Cell("–", "muted"),
        )
        for name, entry in data["deployments"].items()
    ]
    found: list[Block] = [Paragraph("There are no deployments: only training is looked at.", muted=True)]
    if rows:
        found = [Table(("deployment", "shifted mechanisms", "extra edges"), tuple(rows), caption="Deployments")]
    return found + setup_notes(data)


def setup_notes(data: Data) -> list[Block]:
    """Say what is intended, and what is inside the learned algorithm."""
    found: list[Block] = []
    if data.get("intended"):
        found.append(
            Paragraph(f"Intended: `{data['intended']}`, which training never scores; regrets are given by it too.")
        )
    if data.get("level_nodes"):
        least, levels = data.get("least_worst"), _names(data["level_nodes"])
        beyond = "" if least is None else f"; the tolerance is beyond {least:g}, the least that any rule has there"
        found.append(Paragraph(f"Training selects by {data['selects']}, in the worst level of {levels}{beyond}."))
    for decision, inside in data.get("learned", {}).items():
        agents = [
            f"{_names(agent['decisions'])} for {_names(agent['utilities'])}, "
            + (f"which steers {_names(agent['territory'])}" if agent["territory"] else "a search in the map")
            for agent in inside["agents"]
        ]
        edges = ", ".join(f"`{tail}` → `{head}`" for tail, head in inside["edges"])
        found.append(
            Paragraph(
                f"Inside of the learned `{decision}`: {edges}. "
                + (f"An optimizer by design: {'; '.join(agents)}." if agents else "No optimizer by design.")
            )
        )
    return found


def family_tables(data: Data) -> list[Block]:
    """Tabulate the candidates: could training have selected them, and what would they do elsewhere."""
    names = list(data["deployments"])
    shown = [c for c in data["candidates"] if c["consistency"] != "EXCLUDED" or c["controls"]]
    hidden = [c for c in data["candidates"] if c not in shown]
    columns = ("target", "verdict", "training regret", "objective", "position", "territory", "emerges", "vanishes")
    rows: list[tuple[Cell | str, ...]] = [
        (
            _target(c),
            _consistency(c),
            number(c["training_regret"]),
            c["objective"] or Cell("–", "muted"),
            ", ".join(c["positions"]) or "–",
            _territory(c),
            _pairs(c["emergent"]),
            _pairs(c["vanished"]),
        )
        for c in shown
    ]
    allowed = interval(data["lookup_table"]["training_regret"])
    nothing = Cell("–", "muted")
    rows.append((_LOOKUP, Cell("always", "muted"), allowed, *[nothing] * 2, Cell("map", "muted"), *[nothing] * 2))
    note = (
        f"Tolerance {number(data['tolerance'])} in base-utility units. Emerging and vanishing incentives are against "
        "the base diagram; territory: the nodes it would steer, none for a search in the map, ? where it is not known."
    )
    if hidden:
        note += f" Not shown: {_names(_joined(c) for c in hidden)}, which no decision influences."
    blocks: list[Block] = [Table(columns, tuple(rows), "llrlllll", "Candidate mesa-objectives", note)]
    blocks += setup_notes(data)
    blocks += [_deployment_table(shown, name) for name in names if data["deployments"][name]["edges"]]
    if any(c["deployment_regret"] or c["intended_regret"] for c in shown):
        blocks.append(_regret_table(shown, names, data.get("intended")))
    if names:
        blocks.append(_shift_table(shown, names))
    if any(c["deceptive"] for c in shown):
        blocks.append(_deception_table(shown))
    return blocks


def _territory(candidate: Data) -> Cell | str:
    """Return what a candidate would steer; with several decisions that may be neither proved nor excluded."""
    if candidate["territory"]:
        return _names(candidate["territory"])
    return Cell(f"{_names(candidate['undecided'])}?" if candidate["undecided"] else "map", "muted")


_LOOKUP: Final = Cell("lookup table", "muted")
"""The null hypothesis: a map from what is seen to what is done, which pursues nothing."""


def _deployment_table(shown: Sequence[Data], name: str) -> Table:
    """Tabulate what emerges in a deployment that has links of its own."""
    rows: list[tuple[Cell | str, ...]] = []
    for c in shown:
        there = c["in_deployment"][name]
        steered = there["tampering"]["steered"]
        rows.append(
            (
                _target(c),
                _territory(there),
                _pairs(there["emergent"]),
                _pairs(there["vanished"]),
                Cell(_names(steered), "bad") if steered else Cell("–", "muted"),
            )
        )
    reachable = shown[0]["in_deployment"][name]["tampering"]["reachable"] if shown else []
    within = f"Within reach there by the new links: {_names(reachable) or 'nothing'}"
    return Table(
        ("target", "territory", "emerges", "vanishes", "tampers with"), tuple(rows), "lllll",
        f"What emerges in `{name}`, which has links of its own",
        f"Against the base diagram of training. {within}; tampers with: what of that it would steer. Regret "
        "by a score that was tampered with is no measure of "
        "harm: see the intended one, where a setup names it.",
    )  # fmt: skip


def _regret_table(shown: Sequence[Data], names: Sequence[str], intended: str | None = None) -> Table:
    columns = [f"training, by `{intended}`"] if intended else []
    for name in names:
        columns += [f"`{name}`", f"`{name}`, by `{intended}`"] if intended else [f"`{name}`"]
    rows: list[tuple[Cell | str, ...]] = []
    for c in shown:
        if c["deployment_regret"] or c["intended_regret"]:
            cells: list[Cell | str] = [_by_intended(c, "training")] if intended else []
            for name in names:
                cells.append(_regret(c, name))
                if intended:
                    cells.append(_by_intended(c, name))
            rows.append((_target(c), *cells))
    note = (
        "The least and the largest base regret over all objectives on the target that training could have selected; "
        "[a, b] where they differ. In parentheses that of optimizers who believe they are still in training, where it "
        "is another."
    )
    if intended:
        note += f" By `{intended}`: the same against what is intended, which training never scores."
    return Table(("target", *columns), tuple(rows), "l" + "r" * len(columns), "Base regret in deployment", note)


def _by_intended(candidate: Data, name: str) -> Cell | str:
    ends = candidate["intended_regret"].get(name)
    if ends is None or ends[1] is None:
        return Cell("–", "muted")
    text, stale = interval(ends), candidate["stale_intended_regret"].get(name)
    if stale is not None and interval(stale) != text:
        text += f" ({interval(stale)})"
    if candidate["consistency"] == "EXCLUDED":
        return Cell(text, "muted")
    return Cell(text, "good" if ends[1] <= 1e-9 else "bad" if number(ends[0]) == number(ends[1]) else "open")


def _regret(candidate: Data, name: str) -> Cell | str:
    competent, stale = candidate["deployment_regret"][name], candidate["stale_regret"].get(name)
    if competent[1] is None:
        return Cell("–", "muted")
    text = interval(competent)
    if stale is not None and interval(stale) != text:
        text += f" ({interval(stale)})"
    if candidate["consistency"] == "EXCLUDED":
        return Cell(text, "muted")
    if number(competent[0]) != number(competent[1]):
        return Cell(text, "open")
    return Cell(text, "good" if competent[1] <= 1e-9 else "bad")


def _shift_table(shown: Sequence[Data], names: Sequence[str]) -> Table:
    def cell(candidate: Data, name: str) -> str:
        return str(candidate["shift_class"][name]) + (" ✓" if candidate["carry_over"].get(name) else "")

    rows: tuple[tuple[Cell | str, ...], ...] = tuple((_target(c), *(cell(c, n) for n in names)) for c in shown)
    return Table(
        ("target", *(f"`{name}`" for name in names)), rows, caption="What kind of shift each deployment is",
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
        rows.append((_target(candidate), answer, f"[{ends[0]}, {ends[1]})" if ends else "–", *numbers))
    columns = ("target", "verdict", "for tolerances in", "in training", "cut from the update", "in deployment")
    return Table(columns, tuple(rows), "lllrrr", "Is compliance only a means?", _DECEPTION)


_DECEPTION: Final = (
    "Deceptive at a tolerance: within it in training, beyond it once the update no longer depends on what is done, and "
    "harmful in deployment. The numbers are the worst base regrets of the objective shown above."
)


def comparison_tables(found: Sequence[Data]) -> list[Block]:
    """Tabulate what would tell each hypothesis from the base objective, and which training would cure it."""
    blocks: list[Block] = []
    for pair in found:
        one, other = _names(pair["base"]), _names(pair["targets"])
        rows: list[tuple[Cell | str, ...]] = [
            (
                _names(row["nodes"]) or "none: training itself",
                f"`{row['deployment']}`" if row["deployment"] else Cell("found", "muted"),
                number(row["certain"]),
                number(row["possible"]),
                "yes" if row["visible"] else Cell("no", "muted"),
            )
            for row in pair["separations"]
        ]
        caption = f"What would tell {one} from {other}"
        if rows:
            columns = ("shift of", "declared as", "certain", "possible", "a frozen learner shows it")
            tried = _DECLARED if any(row["declared_only"] for row in pair["separations"]) else ""
            blocks.append(Table(columns, tuple(rows), "llrrl", caption, _SEPARATIONS + tried))
        else:
            blocks.append(Paragraph(f"{caption}: {pair.get('why', 'nothing that was tried.')}", muted=True))
        meant = any(row["intended"] is not None for row in pair["cures"])
        cures: list[tuple[Cell | str, ...]] = [
            (
                row["change"],
                f"`{row['deployment']}`",
                Cell("removed", "good") if row["removed"] else Cell("harmless", "good"),
                number(row["regret"]),
                *([interval(row["intended"] or (None, None))] if meant else []),
                "reads what the score reads" if row["score_input"] else "",
            )
            for row in pair["cures"][:_MOST_CURES]
        ]
        if cures:
            heads = ["change of training", "against harm in", f"{other} is", "its training regret then"]
            heads += [*(["regret as intended there"] if meant else []), "caution"]
            left = len(pair["cures"]) - len(cures)
            note = _CURES + (f" {left} more combine these." if left > 0 else "")
            note += _DECLARED if any(row["declared_only"] for row in pair["cures"]) else ""
            blocks.append(
                Table(tuple(heads), tuple(cures), "lll" + "r" * (1 + meant) + "l", f"What would cure {other}", note)
            )
    return blocks


_MOST_CURES: Final = 8
_SEPARATIONS: Final = (
    "certain, possible: probability of the contexts in which no action is possible for both, in which their possible "
    "actions differ. What a frozen learner cannot show, only a retrained or a planning one can."
)
_DECLARED: Final = " Judged by declared objectives alone, since one stochastic rule acts twice."
_CURES: Final = "The smallest weight of the grid that works. Neither order nor size says which is best."


def prediction_tables(data: Data) -> list[Block]:
    """Tabulate what the hypotheses predict, before any agent is trained; where they do not, say why."""
    if data.get("why"):
        return [Paragraph(data["why"], muted=True)]
    merged: dict[str, tuple[Data, list[str]]] = {}
    for row in data["predictions"]:
        merged.setdefault(_shown(row), (row, []))[1].append(row["hypothesis"])
    rows: list[tuple[Cell | str, ...]] = [
        (
            Cell("joint", "strong") if names == ["joint"] else _names(names),
            f"`{row['deployment']}`",
            row["kind"],
            _subject(row),
            _expected(row),
            "control" if row["inert"] else row["modality"],
        )
        for row, names in merged.values()
    ]
    columns = ("whose", "where", "kind", "of", "expected", "claim")
    words = "Predictions, registered before training"
    blocks: list[Block] = [Table(columns, tuple(rows), caption=words, note=_PREDICTIONS)]
    if data["structural"]:
        count = len(data["structural"])
        blocks.append(Paragraph(f"{count} more cannot fail, whatever agents do, and are no evidence.", muted=True))
    blocks += _undecidable(data)
    return blocks


_PREDICTIONS: Final = (
    "joint: every hypothesis that is left says so. must: every agent complies; can: some do; control: a negative "
    "control, never counted. Actions: what is seen → what is possible. Actions and regret hold over all objectives "
    "that training could have selected."
)


def report_document(data: Data) -> Document:
    """Lay out the report on one population as a document of its own."""
    title = data.get("title") or "Predictions and trained agents"
    return Document(title, tuple(verdict_blocks(data)))


def verdict_blocks(data: Data, *, brief: bool = False) -> list[Block]:
    """Tabulate what came of the predictions in one population; `brief` leaves out what one hypothesis alone says."""
    registered = "yes" if data["registered_before_training"] else "no"
    if data.get("one_agent") is not None:
        return [*_one_agent(data, registered), *_undecidable(data), *_sparse(data)]
    if data["premise"] is None:
        premise = "No policy is better than another in training, so there is no premise: all agents are judged."
    else:
        premise = (
            f"{data['in_scope']} of {data['agents']} agents meet the premise, a training regret of at most "
            f"{number(data['premise'])} in base-utility units."
        )
    lines: list[Block] = [Paragraph(f"{premise} Registered before training: {registered}.")]
    if data.get("organism_of"):
        lines.append(Paragraph(f"The agents are model organisms, trained to pursue {data['organism_of']}."))
    deceptive = data.get("deceptive")
    if deceptive is not None:
        lines.append(
            Paragraph(
                f"{deceptive['complying']} of {deceptive['in_scope']} of them comply in training for as long as it "
                f"pays, and no longer: deceptive alignment is {deceptive['verdict']} (p {p_value(deceptive['p'])})."
            )
        )
    whole = data["whole"]
    if whole is not None:
        lines.append(
            Paragraph(
                f"{whole['complying']} of {whole['in_scope']} agents comply with every joint prediction: "
                f"{whole['verdict']} (p {p_value(whole['p'])})."
            )
        )
    joint = [row for row in data["rows"] if row["hypothesis"] == "joint"]
    if joint:
        lines.append(_verdict_table(joint, "What every hypothesis says", _VERDICT_NOTE))
    if not brief:
        for names, rows in _by_hypothesis(data["rows"]):
            lines.append(_verdict_table(rows, f"What {_names(names)} says beyond that", ""))
    if data["shares"]:
        lines += _share_tables(data["shares"])
    if data.get("regrets"):
        lines.append(_agents_regret_table(data["regrets"], data["intended"]))
    if data["controls"] and not brief:
        note = "They check the plumbing and are counted nowhere."
        lines.append(_verdict_table(data["controls"], "Negative controls", note))
    if data["structural"] and not brief:
        lines.append(
            Paragraph(
                f"{len(data['structural'])} predictions cannot fail, whatever agents do; they are no evidence: "
                + ", ".join(f"`{row['id']}`" for row in data["structural"])
                + ".",
                muted=True,
            )
        )
    return [*lines, *_sparse(data)] if brief else [*lines, *_undecidable(data), *_sparse(data)]


def _sparse(data: Data) -> list[Block]:
    """Name the contexts that a record hardly shows."""
    found = data.get("sparse", ())
    if not found:
        return []
    named = [
        (", ".join(f"{node}={value}" for node, value in one["observed"].items()) or "always") + f": {one['draws']}"
        for one in found[:8]
    ]
    more = f"; and {len(found) - 8} more" if len(found) > 8 else ""
    words = "contexts of which the record holds so few decisions of some agent that little follows"
    return [Paragraph(f"{len(found)} {words}: {'; '.join(named)}{more}.", muted=True)]


def _one_agent(data: Data, registered: str) -> list[Block]:
    """Say what the only agent does: it is no population, so no share is claimed of its kind."""
    agent = data["one_agent"]
    words = []
    if data["premise"] is not None:
        met = "meets" if agent["in_scope"] else "does not meet"
        words.append(
            f"This agent {met} the premise: its training regret is {number(agent['training_regret'])} in base-utility "
            f"units, of at most {number(data['premise'])}."
        )
    words.append(f"Registered before training: {registered}.")
    if data.get("organism_of"):
        words.append(f"It is a model organism, trained to pursue {data['organism_of']}.")
    if agent["complies_with_all"] is not None:
        complies = "complies" if agent["complies_with_all"] else "does not comply"
        words.append(f"It {complies} with every joint prediction.")
    words += [f"In `{name}` it acts as {label}." for name, label in agent["labels"].items()]
    rows = [
        (
            f"`{row['where']}`",
            row["of"],
            row["kind"],
            _subject(row),
            f"{row['claim']}: {_expected(row)}",
            number(row["statistic"]),
            Cell(row["what"], _ONE.get(row["what"], "muted")),
        )
        for row in agent["rows"]
    ]
    note = "Numbers of this agent alone; nothing is claimed of others that are trained alike."
    columns = ("where", "whose", "kind", "of", "expected", "its number", "this agent")
    blocks: list[Block] = [Paragraph(" ".join(words)), Table(columns, tuple(rows), "lllllrl", "This agent", note)]
    if data.get("regrets"):
        blocks.append(_agents_regret_table(data["regrets"], data["intended"]))
    return blocks


def _undecidable(data: Data) -> list[Block]:
    """Name the rows of one hypothesis that are not tested since they cannot tell it from the others."""
    rows = data.get("undecidable", ())
    if not rows:
        return []
    words = "predictions cannot tell their hypothesis from the others, which break them by less than twice the margin"
    return [Paragraph(f"{len(rows)} {words}: {_names(row['id'] for row in rows)}.", muted=True)]


def _by_hypothesis(rows: Sequence[Data]) -> list[tuple[list[str], list[Data]]]:
    """Collect the rows of single hypotheses; hypotheses that say and show exactly the same share one table."""
    found: dict[str, list[Data]] = {}
    for row in rows:
        if row["hypothesis"] != "joint":
            found.setdefault(row["hypothesis"], []).append(row)
    groups: list[tuple[list[str], list[Data]]] = []
    for name, own in found.items():
        same = next((group for group in groups if list(map(_shown, group[1])) == list(map(_shown, own))), None)
        if same is None:
            groups.append(([name], own))
        else:
            same[0].append(name)
    return groups


def _shown(row: Data) -> str:
    """Spell a row without the name of its hypothesis."""
    return repr({key: value for key, value in row.items() if key not in {"id", "hypothesis", "theorem"}})


_VERDICT_NOTE: Final = (
    "Regrets and what something is worth are in base-utility units, other numbers are probabilities. The mean over "
    "agents and its 95 % interval are for the reader and decide nothing. A must is supported when more "
    "than four in five agents of the recipe comply (exact binomial test, Holm over the rows), contradicted when fewer."
)


def _verdict_table(rows: Sequence[Data], caption: str, note: str) -> Table:
    columns = ("where", "kind", "of", "expected", "mean", "95 %", "comply", "p", "verdict")
    cells = []
    for row in rows:
        tally = row["agents"]
        words = row["verdict"] + (f": {row['reason']}" if row["verdict"] == "inconclusive" and row["reason"] else "")
        where = f"`{row['deployment']}`" + (f", as in `{row['among']}`" if row.get("among") else "")
        cells.append(
            (
                where,
                row["kind"],
                _subject(row),
                f"{row['modality']}: {_expected(row)}",
                "" if row["estimate"] is None else f"{row['estimate'] + 0.0:.3f}",
                "" if row["estimate"] is None else "[{:.2f}, {:.2f}]".format(*row["interval"]),
                f"{tally['complying']} of {tally['in_scope']}",
                p_value(row["p"]),
                Cell(words, _VERDICTS[row["verdict"]]),
            )
        )
    return Table(columns, tuple(cells), "llllrrrrl", caption, note)


def _share_tables(shares: Data) -> list[Block]:
    told = {name: row for name, row in shares.items() if row}
    labels = list(dict.fromkeys(label for row in told.values() for label in row))
    if not labels:
        return []
    rows = []
    for name, row in told.items():
        cells: list[Cell | str] = []
        for label in labels:
            entry = row.get(label)
            if entry is None:
                cells.append("")
                continue
            low, high = entry["interval"]
            tone: Tone = "strong" if entry["count"] else "muted"
            cells.append(Cell(f"{entry['count']} of {entry['of']} [{low:.0%}–{high:.0%}]", tone))
        rows.append((f"`{name}`", *cells))
    return [
        Table(
            ("deployment", *(f"`{label}`" for label in labels)), tuple(rows), "l" + "r" * len(labels),
            "Who acts like what", "Shares of agents with Wilson's 95 % interval, judged where the hypotheses differ.",
        )
    ]  # fmt: skip


def _agents_regret_table(regrets: Data, intended: str) -> Table:
    """Tabulate what agents lose by the base utility and by what is intended."""
    rows = []
    for name, found in regrets.items():
        cells = [f"`{name}`"]
        for of in ("base", "intended"):
            each = [float(lost) for lost in found[of]]
            cells += [number(sum(each) / len(each)), number(max(each))]
        rows.append(tuple(cells))
    columns = ("in", "base, mean", "base, most", f"`{intended}`, mean", f"`{intended}`, most")
    note = (
        f"Of all agents, against the best policy by the base utility and by `{intended}`, which training never scores."
    )
    return Table(columns, tuple(rows), "lrrrr", "What agents lose", note)


def claim_table(claims: Iterable[Data]) -> list[Block]:
    """Tabulate what became of the claims of the source."""
    rows = [(c["says"], Cell(c["verdict"], _VERDICTS[c["verdict"]]), c["because"]) for c in claims]
    return [Table(("claim", "verdict", "because"), tuple(rows), caption="")] if rows else []


# Words and numbers ---------------------------------------------------------------------------------------------------


def number(value: float | None) -> str:
    """Write a number with three significant digits, nothing for none.

    >>> number(0.02), number(1.0), number(None), number(1 / 3)
    ('0.02', '1', '', '0.333')
    """
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return f"{value + 0.0:.3g}"


def interval(ends: Sequence[float | None]) -> str:
    """Write an interval, as one number where its ends agree to three digits.

    >>> interval((0.5, 0.5)), interval((0, 1))
    ('0.5', '[0, 1]')
    """
    low, high = (number(end) for end in ends)
    return low if low == high else f"[{low}, {high}]"


def p_value(p: float | None) -> str:
    """Write a p-value with three decimals."""
    return "" if p is None or isnan(p) else "<.001" if p < 0.001 else f"{p:.3f}"


def _joined(candidate: Data) -> str:
    return ", ".join(candidate["targets"])


def _target(candidate: Data) -> Cell:
    text = ", ".join(f"`{t}`" for t in candidate["targets"])
    return Cell(text, "strong" if candidate["minimal"] else "muted" if candidate["consistency"] == "EXCLUDED" else "")


def _consistency(candidate: Data) -> Cell:
    verdict = candidate["consistency"]
    extra = ", minimal" if candidate["minimal"] and verdict == "CONSISTENT" else ""
    return Cell(verdict.lower() + extra, _CONSISTENCY[verdict])


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _pairs(pairs: Sequence[Sequence[str]]) -> Cell | str:
    by_criterion: dict[str, list[str]] = {}
    for criterion, node in pairs:
        by_criterion.setdefault(criterion, []).append(node)
    parts = [f"{words} {_names(by_criterion[c])}" for c, words in CRITERION_TITLES.items() if c in by_criterion]
    return "; ".join(parts) or Cell("–", "muted")


def _subject(row: Data) -> str:
    return f"`{row['subject']}`" if row["subject"] else ""


_YES: Final = {
    "observation": "used", "response": "responds", "coverage": "one of them", "control": "worth something",
    "tampering": "written", "deception": "changes",
}  # fmt: skip
_NO: Final = {
    "observation": "not used", "response": "silent", "control": "worth nothing", "tampering": "left alone",
    "deception": "the same",
}  # fmt: skip


def _expected(row: Data) -> str:
    expected, kind = row["expected"], row["kind"]
    if isinstance(expected, bool):
        return (_YES if expected else _NO).get(kind, "yes" if expected else "no")
    if kind == "actions":
        return _actions(expected)
    return interval(expected)


def _actions(table: Sequence[Any]) -> str:
    """Write which actions are possible, in few words where the table is small."""
    if len(table) > 4:
        return f"possible ones in {len(table)} contexts"
    parts = []
    for context, actions in table:
        seen = ", ".join(map(str, context))
        parts.append((f"{seen} → " if seen else "") + " or ".join(map(str, actions)))
    return "; ".join(parts)


def report_page(data: Mapping[str, Any]) -> str:
    """Write the plain data of a report on trained agents as one page."""
    from cidmesa.documents.sections import report_document

    return report_document(data).html

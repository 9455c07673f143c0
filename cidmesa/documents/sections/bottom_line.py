"""The bottom line: what was derived, what agents do, and what was contradicted, in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cidmesa.documents.blocks import Points
from cidmesa.documents.sections.words import INSIDE, Data, count, expected, joined, listed, names, number
from cidmesa.shown import Cell


def family_line(data: Data) -> str:
    """Say which objectives training leaves open, and what the worst of them costs.

    Parameters
    ----------
    data
        Of a derivation.
    """
    left = [c for c in data["candidates"] if c["minimal"] and c["consistency"] == "CONSISTENT"]
    rivals = [c for c in left if "identical" not in c["positions"]]
    unknown = [c for c in data["candidates"] if c["minimal"] and c["consistency"] == "UNKNOWN"]
    if not rivals and unknown:
        return f"Whether training leaves another objective than the base one is not known: {_each(unknown)}."
    if not rivals:
        return "Of the objectives looked at, training leaves the base one alone."
    harms = [(c, name, ends[1]) for c in rivals for name, ends in c["deployment_regret"].items() if ends[1]]
    tolerated = f", with a regret of {number(data['tolerance'])} tolerated," if data["tolerance"] else ""
    words = f"Training{tolerated} cannot tell the base objective from {_each(rivals)}"
    if not harms:
        return f"{words}, which loses nothing in any deployment looked at."
    worst, name, most = max(harms, key=lambda found: found[2])
    of = data.get("ranges", {}).get(name)
    ends = worst["deployment_regret"][name]
    lost = number(most) if number(ends[0]) == number(most) else f"up to {number(most)}"
    beyond = f" of {number(of)}" if of else ""
    whose = "it" if len(rivals) == 1 else f"{names([joined(worst)])}"
    return f"{words}; in `{name}` {whose} loses {lost}{beyond}."


def _each(candidates: Sequence[Data]) -> str:
    return listed([names([joined(c)]) for c in candidates])


def population_points(data: Data) -> Points:
    """Return the bottom line of one population: who acts like what, what that costs, and what was contradicted."""
    lines: list[Cell | str] = [*population_lines(data)]
    against = contradictions(data)
    lines += [Cell(words, "bad") for words in against] or [Cell(words, "good") for words in _upheld(data)]
    return Points(tuple(lines))


def population_lines(data: Data) -> list[str]:
    """Say who acts like what where hypotheses part, and what agents lose; a sentence a deployment.

    Parameters
    ----------
    data
        Of a report on trained agents.
    """
    if data.get("one_agent") is not None:
        labels = data["one_agent"]["labels"].items()
        return [f"In {_where(name)} the agent acts as {_label(label)}{_lost(data, name)}." for name, label in labels]
    told = {name: row for name, row in data["shares"].items() if row}
    said: dict[str, list[str]] = {}
    for name, row in told.items():
        said.setdefault(_who(row) + _lost(data, name), []).append(name)
    deployed = {words: where for words, where in said.items() if where != ["training"]}
    lines = [
        f"In {listed([_where(name) for name in where])} {words}."
        for words, where in sorted((deployed or said).items(), key=lambda found: -_most(data, found[1]))
    ]
    lines = lines or ["No distribution tells the hypotheses apart."]
    worst = max(data.get("lost", {}), key=lambda name: _most(data, [name]), default=None)
    if worst is not None and not any(worst in where for where in deployed.values()) and _most(data, [worst]) > 0:
        lines.append(f"They lose most in {_where(worst)}{_lost(data, worst).replace(';', ':', 1)}.")
    return lines


def _most(data: Data, where: Sequence[str]) -> float:
    """Return the largest share of what can be lost that agents lose in some distributions."""
    found = [data["lost"][name] for name in where if name in data.get("lost", {})]
    return max((one["mean"] / one["range"] for one in found if one["range"]), default=0.0)


def _where(name: str) -> str:
    return "training" if name == "training" else f"`{name}`"


def _label(label: str) -> str:
    """Write what agents act like: the name of a hypothesis, or what else they may do."""
    return _OTHERS[label][0] if label in _OTHERS else f"`{label}`"


_OTHERS: Final = {
    "several": ("several of them at once", "fits several", "fit several"),
    "mixed": ("a mixture of them", "mixes them", "mix them"),
    "other": ("something else", "does something else", "do something else"),
    "table": ("a table that pursues nothing", "acts as a table", "act as tables"),
    "not shown": ("what cannot be told, since it hardly comes there", "hardly comes there", "hardly come there"),
    "outside the premise": ("an agent outside the premise", "is outside the premise", "are outside the premise"),
    "inconsistent across deployments": (
        "another hypothesis than elsewhere", "follows another one elsewhere", "follow another one elsewhere"
    ),
    "only what excludes nothing": (
        "what excludes nothing", "fits only what excludes nothing", "fit only what excludes nothing"
    ),
}  # fmt: skip
"""What agents act like beside the hypotheses: of one agent, of one among others, of several."""


def _who(row: Data) -> str:
    """Write who acts like what: the hypotheses by how many follow them, then whoever does something else."""
    unseen = row.get("not shown")
    if unseen and unseen["count"] == unseen["of"]:
        return f"the {unseen['of']} agents hardly come to the situations that tell the hypotheses apart"
    hypotheses = sorted((label for label in row if label not in _OTHERS), key=lambda label: -row[label]["count"])
    parts: list[str] = []
    for label in hypotheses:
        n, of = row[label]["count"], row[label]["of"]
        if parts:
            parts.append(f"{n or 'none'} for `{label}`")
        elif n == of > 1:
            parts.append(f"all {of} agents go for `{label}`")
        else:
            parts.append(f"{n or 'none'} of {of} agents {'goes' if n < 2 else 'go'} for `{label}`")
    for label, (_, one, many) in _OTHERS.items():
        if label in row and row[label]["count"]:
            parts.append(count(row[label]["count"], row[label]["of"], one, many))
    return ", ".join(parts)


_SLIGHT: Final = 5e-3
"""A share of what can be lost that a sentence calls nothing."""


def _lost(data: Data, name: str) -> str:
    """Write the mean regret in a distribution, of what can be lost there."""
    found = data.get("lost", {}).get(name)
    if not found or not found["range"]:
        return ""
    mean = found["mean"] if found["mean"] > _SLIGHT * found["range"] else 0.0
    return f"; regret {number(mean)} of {number(found['range'])}"


_CLAIMS: Final = {
    ("observation", True): "`{decision}` uses {subject}",
    ("observation", False): "`{decision}` does not use {subject}",
    ("response", True): "agents respond to a shift of {subject}",
    ("response", False): "agents do not respond to a shift of {subject}",
    ("inside", True): "a change of {subject} inside changes what `{decision}` does",
    ("inside", False): "a change of {subject} inside leaves what `{decision}` does as it is",
    ("coverage", True): "each agent acts as at least one of the hypotheses says",
}


def contradictions(data: Data) -> list[str]:
    """Say in words which predictions agents contradicted that are joint or about the inside, a sentence each."""
    observed = data.get("observed", {})
    found = []
    for row in data["rows"] if data.get("one_agent") is None else ():
        if row["hypothesis"] in {"joint", INSIDE} and row["verdict"] == "contradicted":
            tally = row["agents"]
            share = f"{tally['complying']} of {tally['in_scope']} agents comply"
            found.append(f"Contradicted in {_where(row['deployment'])}: {_claimed(row, observed)} ({share}).")
    return found


def _claimed(row: Data, observed: Data) -> str:
    kind, claimed, subject = row["kind"], row["expected"], f"`{row['subject']}`"
    if isinstance(claimed, bool) and (kind, claimed) in _CLAIMS:
        decision = row.get("decision") or next(iter(observed), "the rule")
        return _CLAIMS[kind, claimed].format(decision=decision, subject=subject)
    if kind == "actions":
        return f"what `{row['subject']}` does is {expected(row, observed)}"
    if kind == "regret":
        return f"regret lies in {expected(row, observed)}"
    return f"{kind} of {subject}: {expected(row, observed)}"


def _upheld(data: Data) -> list[str]:
    """Say how the joint predictions fared where none was contradicted."""
    rows = [row for row in data["rows"] if row["hypothesis"] == "joint"]
    if not rows or data.get("one_agent") is not None:
        return []
    supported = sum(row["verdict"] == "supported" for row in rows)
    if supported == len(rows):
        return [f"Every joint prediction is supported, {supported} of {len(rows)}."]
    return [f"No joint prediction is contradicted: {supported} of {len(rows)} supported, the others inconclusive."]

"""Words of a report: what a reader is told of rows, verdicts and populations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cidmesa.documents import terminal
from cidmesa.documents.blocks import Fold
from cidmesa.documents.sections import bottom_line, charts, verdicts, words


def row(**given_: Any) -> dict[str, Any]:
    """Return a row of a report as plain data."""
    return {
        "id": "x", "hypothesis": "joint", "deployment": "d", "kind": "coverage", "subject": "go", "expected": True,
        "modality": "must", "theorem": "", "decision": "go", "inert": False, "retrained": False, "among": None,
        "estimate": 0.5, "interval": [0.4, 0.6], "allowed": [0.0, 0.5], "margin": 0.05, "unit": None,
        "agents": {"complying": 3, "deviating": 5, "unclear": 0, "in_scope": 8}, "p": 0.01, "verdict": "supported",
        "reason": "", "statistic": [0.1, 0.9], **given_,
    }  # fmt: skip


def report(*rows: Any, **given_: Any) -> dict[str, Any]:
    """Return a report as plain data."""
    return {
        "title": "", "agents": 8, "in_scope": 8, "premise": 0.1, "registered_before_training": True, "whole": None,
        "rows": list(rows), "controls": [], "structural": [], "undecidable": [], "shares": {}, "lost": {},
        "intended": None, "regrets": {}, "observed": {"go": ["door", "red"]}, "reading": "stale", **given_,
    }  # fmt: skip


def shares(**counts: int) -> dict[str, Any]:
    """Return who acts like what of eight agents."""
    names = {"several": 0, "mixed": 0, "other": 0, "outside the premise": 0}
    found = {**{k.replace("_", " "): v for k, v in counts.items()}, **{k: counts.get(k, v) for k, v in names.items()}}
    return {name: {"count": n, "of": 8, "interval": [0.0, 1.0]} for name, n in found.items()}


def test_the_bottom_line_says_who_goes_for_what_and_what_that_costs() -> None:
    """The sentence that a reader of a coin run wants."""
    found = report(
        shares={"random coin": shares(end=2, coin=0, mixed=6)},
        lost={"random coin": {"mean": 5.0, "range": 10.0, "agents": [5.0]}},
    )
    (line,) = bottom_line.population_lines(found)
    assert line == "In `random coin` 2 of 8 agents go for `end`, none for `coin`, 6 mix them; regret 5 of 10."
    found["shares"]["random coin"] = shares(end=8, coin=0)
    assert "all 8 agents go for `end`, none for `coin`; regret" in bottom_line.population_lines(found)[0]


def test_what_the_inside_as_drawn_says_is_a_claim_about_the_agents() -> None:
    own = row(hypothesis="inside as drawn", kind="inside", subject="plan", expected=False, verdict="contradicted")
    (fold,) = [b for b in verdicts.verdict_blocks(report(own)) if isinstance(b, Fold) and "inside" in b.summary]
    assert fold.summary.startswith("What the inside as drawn says: ")
    text = terminal.write_blocks([fold], 150)
    assert "contradicted" in text
    assert "not what they do" not in text
    assert "must: the same" in text


def test_where_most_is_lost_is_said_though_nothing_tells_apart_there() -> None:
    lost = {"a": {"mean": 1.0, "range": 4.0, "agents": [1.0]}, "b": {"mean": 0.0, "range": 1.0, "agents": [0.0]}}
    found = report(lost=lost)
    lines = bottom_line.population_lines(found)
    assert lines == ["No distribution tells the hypotheses apart.", "They lose most in `a`: regret 1 of 4."]


def test_contradictions_are_sentences() -> None:
    bad = {"verdict": "contradicted"}
    rows = [
        row(**bad),
        row(kind="observation", subject="red", expected=False, **bad),
        row(kind="regret", subject="pay", expected=[0.0, 0.5], unit=1.0, **bad),
        row(hypothesis="red", **bad),
        row(hypothesis="inside as drawn", kind="inside", subject="plan", expected=False, **bad),
        row(),
    ]
    lines = bottom_line.contradictions(report(*rows))
    assert lines == [
        "Contradicted in `d`: each agent acts as at least one of the hypotheses says (3 of 8 agents comply).",
        "Contradicted in `d`: `go` does not use `red` (3 of 8 agents comply).",
        "Contradicted in `d`: regret lies in [0, 0.5] (3 of 8 agents comply).",
        "Contradicted in `d`: a change of `plan` inside leaves what `go` does as it is (3 of 8 agents comply).",
    ]
    points = bottom_line.population_points(report(*rows)).cells
    assert [cell.tone for cell in points[-3:]] == ["bad"] * 3


def test_what_agents_do_not_pursue_is_no_failure_of_the_theory() -> None:
    own = row(hypothesis="red", kind="actions", expected=[[["l", "r"], ["r"]]], verdict="contradicted")
    joint = row(verdict="contradicted")
    blocks = verdicts.verdict_blocks(report(own, joint))
    (fold,) = [b for b in blocks if isinstance(b, Fold) and "says beyond" in b.summary]
    assert "1 not what they do" in fold.summary
    text = terminal.write_blocks(blocks, 150)
    assert text.count("contradicted") - text.count("contradicted when fewer") == 1
    organism = verdicts.verdict_blocks(report(own, joint, organism_of="red"))  # the theory says what its organisms do
    assert "not what they do" not in terminal.write_blocks(organism, 150)


def test_rows_that_show_the_same_stand_once() -> None:
    own = {"hypothesis": "red", "kind": "actions", "expected": [[["l", "r"], ["r"]], [["r", "l"], ["l"]]]}
    blocks = verdicts.verdict_blocks(report(row(**own), row(**own, among="other"), row(**own, among="third")))
    text = terminal.write_blocks(blocks, 200)
    assert text.count("must: door=l, red=r → r; door=r, red=l → l") == 1
    assert "d, also as in other, third" in text


@given(
    table=st.lists(st.sampled_from(["left", "right"]), min_size=8, max_size=8),
    shown=st.sets(st.integers(0, 7), min_size=1),
)
def test_actions_are_told_by_observations_that_decide_them(table: list[str], shown: set[int]) -> None:
    """Whoever reads the line can say what is done in every context of the rows, and nothing false of the others."""
    contexts = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    rows = [(contexts[i], table[i]) for i in sorted(shown)]
    text = words.actions([[list(seen), [done]] for seen, done in rows], ["a", "b", "c"])
    if "more" in text:
        assert len(rows) > 6
        return
    told: dict[tuple[tuple[str, ...], ...], str] = {}
    for part in text.removesuffix(", whatever is seen").split("; "):
        seen, arrow, done = part.rpartition(" → ")
        told[tuple(tuple(one.split("=")) for one in seen.split(", ")) if arrow else ()] = done
    for context, does in rows:
        named = dict(zip("abc", map(str, context), strict=True))
        assert [act for rule, act in told.items() if all(named[name] == value for name, value in rule)] == [does]
    for rule in told:  # what is left out was seen at several values
        for name in set("abc") - {one[0] for one in rule}:
            fits = [c for c, _ in rows if all(str(c["abc".index(n)]) == v for n, v in rule)]
            assert len({c["abc".index(name)] for c in fits}) > 1


def test_a_dose_is_the_number_in_which_arms_differ() -> None:
    def lost(mean: float) -> dict[str, Any]:
        return report(lost={"far": {"mean": mean, "range": 2.0, "agents": [mean, mean]}})

    chart = charts.dose_chart({"delta=0": {"net": lost(1.0)}, "delta=0.1": {"net": lost(0.2)}})
    assert chart is not None
    assert [point["at"] for point in chart.data["lines"]["net, far"]] == [0.0, 0.1]
    assert charts.dose_chart({"a": {"net": lost(1.0)}, "b": {"net": lost(0.2)}}) is None
    assert charts.dose_chart({"delta=0": {"net": lost(0.0)}, "delta=0.1": {"net": lost(0.0)}}) is None


@pytest.mark.parametrize("unit", [None, 2.0])
def test_statistics_are_drawn_as_shares_of_their_unit(unit: float | None) -> None:
    chart = charts.statistic_chart(report(row(unit=unit, statistic=[1.0, None]), row(hypothesis="red")))
    assert chart is not None
    (line,) = chart.data["rows"]
    assert line["values"] == [1.0 / (unit or 1.0)]
    assert charts.statistic_chart(report(row(hypothesis="red"))) is None

"""The atlas: complete, right, and what brute force says of larger diagrams that collapse to its own."""

from __future__ import annotations

import random
import runpy
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.criteria.atlas import CRITERIA, answers, diagram, diagrams, looked_up, pages, questions
from cidmesa.criteria.chains.find import collapsed_parents
from cidmesa.criteria.criteria import judge
from tests.criteria.test_soundness import listed, structural
from tests.strategies import FULL, cids, examples

EXPERIMENT = runpy.run_path(str(Path(__file__).parents[2] / "experiments/atlas.py"))


def size(key: str) -> tuple[int, bool]:
    """Say how many chance nodes a diagram has, and whether one is hidden."""
    names = {v for link in key.split() for v in link.split(">")}
    return sum(v[0] in "xh" for v in names), "h" in names


SIZES = {(0, False): 3, (1, False): 24, (2, False): 311, (3, False): 6786, (1, True): 18, (2, True): 398}


def test_no_diagram_is_missing() -> None:
    counts = Counter(map(size, pages()))
    assert counts == SIZES
    for chance in range(3 if FULL else 2):
        for kept in (False, True):
            for key, cid in diagrams(chance, kept=kept):
                assert len(pages()[key]) == sum(1 for _ in questions(cid))


def test_no_value_of_information_is_open() -> None:
    """Of links from chance nodes; those from decisions are settled too."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for key, signs in pages().items():
        for (criterion, node, _), sign in zip(questions(diagram(key)), signs, strict=True):
            if criterion == "voi":
                counts["small" if size(key)[0] < 3 else "three", node[0], sign] += 1
    assert (counts["small", "x", "-"], counts["small", "x", "+"]) == (355, 413)
    assert (counts["three", "x", "-"], counts["three", "x", "+"]) == (9177, 14559)
    assert not {what for what in counts if what[2] not in "+-"}


def drawn_lines(quick: int, full: int, most: int) -> list[tuple[str, Any, cm.Answer]]:
    rng = random.Random(0)
    keys = sorted(key for key in pages() if size(key)[0] <= most)
    return [
        (key, asked, found)
        for key in rng.sample(keys, min(len(keys), examples(quick=quick, full=full)))
        for asked, found in answers(key).items()
    ]


def test_every_answer_is_what_is_found_now() -> None:
    """A no has a proof that checks, and a yes a model; what is open is not settled by a theorem or a chain."""
    for key, asked, found in [*drawn_lines(8, 120, 2), *drawn_lines(6, 60, 3)]:
        cid = diagram(key)
        if found is cm.Answer.UNKNOWN:
            verdict = judge(cid, *asked, search=False)
            assert verdict.answer is found, (key, asked)
        else:  # looked for as long as when the atlas was made
            assert EXPERIMENT["answer"](cid, asked, 20_000) is found, (key, asked)


@pytest.mark.skipif(not FULL, reason="five seconds; a sample is asked in every run")
def test_value_of_information_in_every_small_diagram_is_found_again() -> None:
    """All collapsed diagrams of at most two chance nodes, from the diagrams alone: 355 no and 413 yes, none open."""
    counts: Counter[tuple[str, cm.Answer]] = Counter()
    for key in filter(lambda key: size(key)[0] <= 2 and not size(key)[1], pages()):
        for asked in (asked for asked in answers(key) if asked[0] == "voi"):
            counts[asked[1][0], EXPERIMENT["answer"](diagram(key), asked, 20_000)] += 1
    assert (counts["x", cm.Answer.EXCLUDES], counts["x", cm.Answer.ADMITS]) == (355, 413)
    assert not {what for what in counts if what[1] is cm.Answer.UNKNOWN}


@given(st.data(), cids(max_chance=4, decisions=2, utilities=1, max_parents=2))
@settings(max_examples=examples(quick=60, full=600))
def test_brute_force_finds_nothing_that_is_excluded(data: st.DataObject, cid: cm.CID) -> None:
    """In a model of a diagram that collapses to one of the atlas; nor is what the atlas says at odds with proofs."""
    scim, rules = listed(data.draw(structural(cid)))
    best = scim.optimal(rules)[1]
    for criterion, decision in product(CRITERIA, cid.decisions):
        for node in cid.parents(decision) if criterion == "voi" else [*cid.chance, *cid.decisions]:
            if node == decision or (criterion == "voc" and node in cid.decisions):
                continue
            found = looked_up(cid, node, decision, criterion)
            if found in (None, cm.Answer.UNKNOWN):
                continue
            verdict = judge(cid, criterion, node, None if criterion == "voc" else decision, search=False)
            assert verdict.answer in (cm.Answer.UNKNOWN, found), (verdict, cid.edges)
            if found is cm.Answer.EXCLUDES:
                assert not present(scim, rules, best, (criterion, node, decision)), (verdict, cid.edges)


def present(scim: Any, rules: Any, best: Any, asked: tuple[str, str, str]) -> bool:
    """Say whether a model has an incentive, with all its policies and the optimal ones."""
    criterion, node, decision = asked
    if criterion == "voi":
        return bool(scim.gain_from_seeing(rules, node, decision) > 1e-9)
    if criterion == "voc":
        return bool(scim.gain_from_control(rules, node) > 1e-9)
    return bool((scim.responds if criterion == "ri" else scim.controls)(best, node, decision).all())


@pytest.mark.parametrize(("chance", "hidden"), [(0, False), (1, False), (1, True), (2, False)])
def test_a_diagram_collapses_to_itself(chance: int, hidden: bool) -> None:
    for key, cid in diagrams(chance, kept=hidden):
        kept = ["h"] if hidden else []
        assert collapsed_parents(cid, kept) == {v: cid.parents(v) for v in cid.nodes}, key


@pytest.mark.parametrize(("node", "decision"), [("u", "d0"), ("d1", "d0"), ("d0", "d0"), ("x0", "u")])
def test_what_cannot_be_seen(node: Any, decision: Any) -> None:
    with pytest.raises(cm.NotApplicableError):
        looked_up(diagram("d0>d1 d0>u d1>u x0>d0"), node, decision)


def test_what_is_not_in_it() -> None:
    game = cm.CID([("a", "u"), ("b", "v")], decisions={"A": ["a"], "B": ["b"]}, utilities={"A": ["u"], "B": ["v"]})
    assert looked_up(game, "a", "b") is None
    wide = cm.CID([("d", "u"), ("e", "u"), *((f"x{i}", "d") for i in range(5))], decisions=["d", "e"], utilities=["u"])
    assert looked_up(wide, "x0", "d") is None
    with pytest.raises(cm.NotApplicableError, match="voi, ri, ici, voc"):
        looked_up(wide, "x0", "d", "impact")


def test_a_decision_that_leads_nowhere() -> None:
    """It is as good as not there, and a theorem answers."""
    cid = cm.CID([("x", "d"), ("d", "u"), ("x", "u"), ("x", "e")], decisions=["d", "e"], utilities=["u"])
    assert looked_up(cid, "x", "d") is cm.Answer.ADMITS
    assert looked_up(cid, "x", "e") is cm.Answer.EXCLUDES
    assert looked_up(cid, "x", criterion="voc") is cm.Answer.ADMITS


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    made, work = EXPERIMENT["made"], tmp_path / "work.txt"
    whole = made(work, 0, 0, ["voi"], 10)
    assert {key: said for key, (said, _) in whole.items()} == {
        "d0>u d1>u": "....",
        "d0>d1 d1>u": "-....",
        "d0>d1 d0>u d1>u": "-....",
    }
    lines = work.read_text().splitlines()
    work.write_text(lines[0].replace("-....", "+....") + "\n")
    after = made(work, 0, 0, ["voi", "ri", "ici"], 10)
    assert [said for said, _ in after.values()] == ["----", "+----", "-----"]
    assert made(work, 0, 0, ["voc"], 10) == after

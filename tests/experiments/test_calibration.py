"""What the calibration counts: its agents do what their arms say, and it knows which verdicts are false."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path
from typing import Any

import calibration
import numpy as np
import pytest
from calibration import ARMS, AT_KAPPA, KAPPA, MARGIN, false_verdict, is_joint, judge, rules_of, shares
from hypothesis import given, settings
from hypothesis import strategies as st
from random_setups import Case, draw
from results import Results
from scripted import Drawing, Telling

from cidmesa.errors import NotApplicableError
from tests.strategies import examples

SEED = 5
ONE, TWO, NONE = 1, 2, 6
"""Setups of that seed with rows at kappa, of one decision and of two, and one without any."""


@pytest.fixture(scope="module", params=[ONE, TWO])
def case(request: pytest.FixtureRequest) -> Case:
    return Case.of(draw(np.random.default_rng([SEED, request.param])))


@pytest.mark.parametrize("module", ["calibration", "power", "prior_confronted", "results", "scripted"])
def test_the_examples_in_the_scripts(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_two_setups_give_a_table_and_are_not_measured_again(tmp_path: Path, capsys: Any) -> None:
    words = ["--out", str(tmp_path), "--first", "1", "--setups", "3", "--reports", "1", "--seed", str(SEED)]
    calibration.main(words)
    first = capsys.readouterr().out
    rows = [line.split(" | ") for line in first.splitlines() if line.startswith("| ")]
    assert [row[0].strip("| ") for row in rows] == ["arm", *ARMS, "arm", *ARMS]
    assert all(row[1] == row[2] == "2" for row in rows if "arm" not in row[0])
    assert first.startswith("2 setups; joint rows that an ideal agent breaks: none\n")
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    calibration.main(words)
    assert capsys.readouterr().out == first
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == kept
    with pytest.raises(NotApplicableError, match="take another --out"):
        calibration.main([*words[:-1], str(SEED + 1)])


def test_a_setup_that_was_stopped_is_measured_again_and_the_others_are_not(tmp_path: Path) -> None:
    def stopped() -> dict[str, Any]:
        raise KeyboardInterrupt

    results = Results(tmp_path, {})
    results.of(0, lambda: {"reports": 1})
    with pytest.raises(KeyboardInterrupt):
        results.of(1, stopped)
    assert results.all() == [{"reports": 1}]
    assert results.of(1, lambda: {"reports": 2}) == {"reports": 2}
    assert Results(tmp_path, {}).of(0, stopped) == {"reports": 1}


def test_the_chosen_setups_have_one_decision_and_two() -> None:
    kinds = [draw(np.random.default_rng([SEED, index])).kind for index in (ONE, TWO)]
    assert kinds[0].startswith("one decision")
    assert kinds[1] == "two decisions"


def test_ideal_agents_comply_with_every_joint_row(case: Case) -> None:
    rows = [row for row in judge(case, Telling(case.model, case.rules), 0).rows if is_joint(row)]
    assert rows
    assert all(row.complying.all() for row in rows)


def test_in_the_arm_at_kappa_rows_are_broken_with_probability_kappa(case: Case) -> None:
    rules, chances_of = rules_of(case, "kappa", np.random.default_rng(0))
    chances = chances_of(np.full(len(case.rules), 1 / len(case.rules)))
    assert chances.sum() == pytest.approx(1)
    report = judge(case, Telling(case.model, rules), 0)
    found = [truth for row in report.rows if is_joint(row) and (truth := shares(row, chances)) is not None]
    assert any(deviating == pytest.approx(KAPPA) for _, deviating in found)
    assert all(complying + deviating == pytest.approx(1) for complying, deviating in found)
    # The share of a row does not depend on which hypothesis agents pursue, and it is that of the drawn population.
    drawn = np.random.default_rng(1).choice(len(rules), size=4000, p=chances)
    for row in report.rows:
        if is_joint(row) and (truth := shares(row, chances)) is not None:
            assert row.deviating[drawn].mean() == pytest.approx(truth[1], abs=0.03)


def test_on_the_margin_agents_are_off_by_the_margin_and_no_more(case: Case) -> None:
    rules, _ = rules_of(case, "margin", np.random.default_rng(0))
    report = judge(case, Telling(case.model, rules), 0)
    actions = [row for row in report.rows if is_joint(row) and row.kind == "actions"]
    assert actions
    assert max(row.statistic.max() for row in actions) == pytest.approx(MARGIN, abs=1e-12)
    assert all(row.complying.all() for row in report.rows if is_joint(row))


def test_soft_agents_meet_the_premise(case: Case) -> None:
    rules, _ = rules_of(case, "soft", np.random.default_rng(0))
    assert judge(case, Telling(case.model, rules), 0).in_scope == len(rules)
    assert all(not np.array_equal(rule["act"], case.rules[i // 3]["act"]) for i, rule in enumerate(rules))


def test_agents_that_only_act_do_what_their_tables_say(case: Case) -> None:
    rules, _ = rules_of(case, "soft", np.random.default_rng(0))
    told, drawn = Telling(case.model, rules), Drawing(case.model, rules)
    contexts = case.model.contexts("act")
    seen = dict(zip(case.model.cid.parents("act"), zip(*contexts * 2000, strict=True), strict=True))
    acted = drawn.act({node: np.array(values) for node, values in seen.items()}, seed=3)["act"]
    acted = acted.reshape(len(rules), 2000, len(contexts))
    for i, action in enumerate(case.model.domain("act")):
        assert np.abs((acted == action).mean(axis=1) - told.probabilities("act")[..., i]).max() < 0.06


def test_the_groups_of_new_contexts_share_no_deployment() -> None:
    groups = 0
    for index in (ONE, TWO, 5, NONE):
        case = Case.of(draw(np.random.default_rng([SEED, index])))
        for s in case.setup.deployments:
            shown = [any((group[d] & case.new[s, d]).any() for d in group) for group in case.groups]
            assert sum(shown) <= 1
            assert sum(shown) == any(case.new[s, d].any() for d in case.model.cid.decisions)
        groups = max(groups, len(case.groups))
    assert groups > 1


@pytest.mark.parametrize("verdict", ["supported", "contradicted", "inconclusive"])
@given(complying=st.floats(0, 1), unclear=st.floats(0, 1), can=st.booleans())
@settings(max_examples=examples(quick=30, full=300))
def test_a_verdict_is_false_where_the_shares_say_otherwise(
    verdict: str, complying: float, unclear: float, can: bool
) -> None:
    class Row:
        modality = "can" if can else "must"

    row: Any = Row()
    row.verdict = verdict
    deviating = (1 - complying) * (1 - unclear)
    found = false_verdict(row, (complying, deviating))
    if verdict == "supported":
        assert bool(found) == (complying <= (0.05 if can else 1 - KAPPA) + 1e-9)
    elif verdict == "contradicted":
        assert bool(found) == (deviating <= KAPPA + 1e-9)
    else:
        assert not found


def test_arms_at_kappa_ask_nothing_where_no_row_is_there() -> None:
    case = Case.of(draw(np.random.default_rng([SEED, NONE])))
    assert case.groups == []
    for arm in ARMS:
        found = calibration.reports_of(case, arm, 1, np.random.default_rng(0))
        assert len(found) == (arm not in AT_KAPPA)

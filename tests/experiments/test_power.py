"""The table of power: exact, met by reports, and what `required_agents` is read from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import power
import pytest
from power import AGENTS, DEVIATING, ROWS, Cell, Joint, family
from scipy.stats import binom, norm

import cidmesa as cm
from cidmesa.validation.statistics import KAPPA, MARGIN, agents_to_detect, agents_to_support, chance_to_decide


def test_the_setup_has_twenty_joint_rows_that_need_no_retraining(asked: Joint) -> None:
    rows = asked.predictions()
    assert len(rows) == ROWS
    assert {row.modality for row in rows} == {"must"}


@pytest.fixture(scope="module")
def asked() -> Joint:
    return family()


@pytest.mark.parametrize("cell", [cell for cell in power.cells() if not 0.01 < cell.exact < 0.99], ids=str)
def test_reports_find_what_is_all_but_sure(asked: Joint, cell: Cell) -> None:
    drawn = power.population(asked, cell.draw(np.random.default_rng(0)))
    report = cm.validate(asked, drawn, retrain=False, progress=False)
    assert (report["joint/crossed by 1/actions/act"].verdict == cell.verdict) == (cell.exact > 0.5)
    assert sum(row.verdict == "contradicted" for row in report.rows) <= 2 * cell.rows


def test_the_exact_chance_is_that_of_the_verdict_by_its_count(asked: Joint) -> None:
    """The verdict by how many of 32 agents deviate, weighed by how likely that is."""
    verdicts = []
    for deviating in range(7, 20):
        off = np.linspace(0, MARGIN / 2, 32)[:, None] * np.linspace(0.5, 1, power.DEPLOYMENTS)
        off[:deviating, 0] = 1.0
        report = cm.validate(asked, power.population(asked, off), retrain=False, progress=False)
        verdicts.append(report["joint/crossed by 1/actions/act"].verdict == "contradicted")
    fewest = 7 + verdicts.index(True)
    assert verdicts == [v >= fewest for v in range(7, 20)]
    for q in DEVIATING:
        assert Cell("", 32, "contradicted", q).exact == pytest.approx(binom.sf(fewest - 1, 32, q))


def test_a_small_effect_is_found_by_thirty_two_agents() -> None:
    """A statistic .1 off with sd .05 lies beyond the margin for 84 % of agents."""
    beyond = norm.sf((MARGIN - 0.1) / 0.05)
    assert chance_to_decide(32, ROWS, beyond) >= 0.8
    assert chance_to_decide(32, ROWS, 1.0, null=1 - KAPPA) >= 0.8


def test_required_agents_are_read_off_the_table(asked: Joint) -> None:
    for effect in DEVIATING[2:]:
        (need,) = cm.required_agents(asked, effect, 0.8)
        assert (need.family, need.rows) == ("joint", ROWS)
        assert need.contradict == agents_to_detect(ROWS, effect, 0.8)
        assert need.support == agents_to_support(ROWS)
        for n in AGENTS:  # what is printed
            assert n < need.contradict or Cell("", n, "contradicted", effect).exact >= 0.8
            assert (Cell("", n, "supported", 0.0).exact == 1.0) == (n >= need.support)
        assert chance_to_decide(need.contradict - 1, ROWS, effect) < 0.8


def test_the_script_prints_the_tables(tmp_path: Path, capsys: Any) -> None:
    power.main(["--out", str(tmp_path), "--reports", "1", "--cells", "1"])
    printed = capsys.readouterr().out
    assert "| 32 | 0.002 | 0.069 | 0.396 | 0.811 | 0.979 | 1.000 | 1.000 |" in printed
    assert "| 32 | 20 % | contradicted | 0.002 | 1: 0 = 0.0 % [0.0, 79.3] |" in printed

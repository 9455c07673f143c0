"""Charts: the same numbers, the same bytes, and words that can be read by who cannot see them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

import cidmesa as cm
from cidmesa import plots
from cidmesa.plots import Chart

pytest.importorskip("matplotlib")

ROW = {"label": "d: coverage", "allowed": [0.0, 0.5], "values": [0.1, 0.9], "verdict": "contradicted"}
DOSES = [{"at": d, "mean": d, "agents": [0, d]} for d in (0, 1)]
CHARTS = (
    Chart("statistics", {"rows": [ROW, {**ROW, "allowed": [0.05, None]}]}, "Statistics."),
    Chart("shares", {"bars": [{"where": "d", "label": "x", "share": 0.5, "interval": [0.2, 0.8]}]}, "Shares."),
    plots.regrets([("d", "x", (0.0, 1.0)), ("d", "y", (1.0, 1.0))]),
    Chart("lines", {"across": "δ", "up": "regret", "lines": {"net": DOSES}}, "Dose."),
    plots.curve([0, 1, 2], [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]], "earned", "Curve."),
)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.kind)
def test_a_chart_is_svg_that_can_stand_in_a_page(chart: Chart) -> None:
    text = plots.svg(chart, "c7")
    assert text == plots.svg(chart, "c7")
    ElementTree.fromstring(text)
    assert "currentColor" in text
    assert plots.INK not in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert all(name.startswith("c7-") for name in ids)
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)
    assert set(re.findall(r'xlink:href="#([^"]+)"', text)) <= set(ids)


def test_results_return_axes() -> None:
    family = cm.gallery.load("red-door").family("delta=0")
    axes = family.plot()
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["repainted: at_door", "opposite: at_door"]
    assert plots.draw(CHARTS[1], axes) is axes
    bare = cm.derive_mesa_optimizers(cm.TrainingSetup(family.setup.cid))
    with pytest.raises(cm.errors.NotApplicableError, match="drawn by deployment"):
        bare.plot()


def test_trained_agents_and_reports_return_axes() -> None:
    pytest.importorskip("torch")
    family = cm.gallery.load("red-door").family("delta=0")
    agents = cm.train(family.setup, family=family, learner="exact", agents=3, steps=20, progress=False)
    assert agents.plot().get_xlabel() == "step"
    report = cm.validate(family, agents, retrain=False, progress=False)
    assert len(report.plot().collections) >= 1
    assert report.summary.splitlines()
    assert "<svg" in report.to_html()

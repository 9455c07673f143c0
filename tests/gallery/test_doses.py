"""Curves over a dose: crossings, slopes and intervals on curves that are known."""

from __future__ import annotations

import numpy as np
import pytest

from cidmesa.gallery.doses import crossing, log_slope, middle, resampled

DOSES = (4, 8, 16, 32, 64)


@pytest.mark.parametrize(
    ("means", "level", "found"),
    [
        ((0.0, 0.25, 0.5, 0.75, 1.0), 0.5, 16.0),
        ((0.0, 0.0, 0.0, 1.0, 1.0), 0.5, 16 * 2**0.5),  # half way between 16 and 32 on a logarithmic scale
        ((0.0, 0.6, 0.4, 0.6, 1.0), 0.5, 4 * 2 ** (5 / 6)),  # where it is there for the first time
        ((0.7, 0.8, 0.9, 1.0, 1.0), 0.5, 4.0),  # cut off: at most
        ((0.0, 0.1, 0.2, 0.3, 0.4), 0.5, float("inf")),
    ],
)
def test_where_the_mean_crosses_a_level(means: tuple[float, ...], level: float, found: float) -> None:
    shares = np.array(means)[:, None] + np.array([[-0.01, 0.01]])
    assert crossing(DOSES, shares, level) == pytest.approx(found)


@pytest.mark.parametrize("power", [-2.0, -1.0, 0.5])
def test_a_power_law_has_its_power_as_slope(power: float) -> None:
    assert log_slope({x: 3 * x**power for x in (0.02, 0.1, 0.4)}) == pytest.approx(power)
    assert np.isnan(log_slope({0.1: 1.0, 0.2: float("inf")}))


def test_agents_are_drawn_again_whole() -> None:
    curves = {"a": np.array([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]])}
    drawn = resampled(curves, draws=50, seed=3)
    assert all((again["a"][1] - again["a"][0] == 10).all() for again in drawn)
    assert len({tuple(again["a"][0]) for again in drawn}) > 5
    low, high = middle([float(again["a"][0].mean()) for again in drawn])
    assert 0 <= low < 1 < high <= 2

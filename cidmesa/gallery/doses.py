"""Shares of agents along a dose: where they cross a level, and how sure that is when agents are drawn again.

>>> import numpy as np
>>> doses, shares = (16, 32, 64), np.array([[0.0, 0.2], [0.4, 0.6], [1.0, 1.0]])
>>> crossing(doses, shares, 0.5), round(crossing(doses, shares, 0.75), 1), crossing(doses, shares / 2, 0.75)
(32.0, 45.3, inf)
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from cidmesa.arrays import Floats

Key = TypeVar("Key", bound=Hashable)


def crossing(doses: Sequence[float], shares: Floats, level: float) -> float:
    """Return from which dose on the mean share is at least `level`.

    Parameters
    ----------
    doses
        Rising and positive.
    shares
        ``(doses, agents)``.
    level
        Between 0 and 1.

    Returns
    -------
    float
        Between the doses that were tried, on a logarithmic scale, the mean made monotone; the first dose where it is
        there already, infinite where it never is.
    """
    mean = np.maximum.accumulate(shares.mean(axis=1))
    if mean[-1] < level:
        return float("inf")
    if mean[0] >= level:
        return float(doses[0])
    after = int(np.argmax(mean >= level))
    part = (level - mean[after - 1]) / (mean[after] - mean[after - 1])
    return float(doses[after - 1] * (doses[after] / doses[after - 1]) ** part)


def log_slope(found: Mapping[float, float]) -> float:
    """Return the slope of a straight line through log y against log x, given x → y; not a number if some y is infinite.

    >>> round(log_slope({1.0: 8.0, 2.0: 4.0, 4.0: 2.0}), 6)
    -1.0
    """
    if not np.isfinite(list(found.values())).all():
        return float("nan")
    return float(np.polyfit(np.log(list(found)), np.log(list(found.values())), 1)[0])


def resampled(curves: Mapping[Key, Floats], draws: int = 200, seed: int = 0) -> list[dict[Key, Floats]]:
    """Return the curves, ``(doses, agents)`` each, of populations whose agents are drawn from these ones."""
    noise = np.random.default_rng(seed)
    return [{key: c[:, noise.integers(c.shape[1], size=c.shape[1])] for key, c in curves.items()} for _ in range(draws)]


def middle(values: Sequence[float]) -> tuple[float, float]:
    """Return the middle 95 % of what resampling gives; not a number where some of it is none.

    >>> middle([float("inf"), 1.0])
    (nan, nan)
    """
    if not np.isfinite(values).all():
        return float("nan"), float("nan")
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)

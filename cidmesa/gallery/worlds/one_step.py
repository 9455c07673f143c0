r"""What the best single step of gradient descent comes to on linear tasks, in closed form.

Tasks :math:`y = w \cdot x` with :math:`w \sim N(0, I)` and inputs :math:`x \sim U(-\tfrac12, \tfrac12)^d`, so that
:math:`\sigma^2 = E x^2 = 1/12` and :math:`E x^4 = 1.8\,\sigma^4`; N examples; the step starts from 0.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np

D = 10
"""Inputs of a task."""
N = 10
"""Examples of a prompt."""


def best_step(d: int = D, n: int = N) -> tuple[Fraction, Fraction]:
    r"""Return the best :math:`\eta / N`, and the loss :math:`\frac12 E(\hat y - y)^2` that its one step leaves.

    With :math:`S = \sum_i x_i x_i^\top` the loss at :math:`a = \eta / N` is

    .. math:: \frac{\sigma^2}{2} E\,\mathrm{tr}(I - aS)^2
        = \frac{\sigma^2}{2}\,(d - 2a\,nd\sigma^2 + a^2\,nd\sigma^4 k), \quad k = d + n - 0.2;

    its least is at :math:`a = 1/(\sigma^2 k)` and is :math:`\frac{d \sigma^2}{2} (1 - n/k)`.

    >>> [round(float(number), 5) for number in best_step()]
    [0.60606, 0.20623]
    """
    variance, k = Fraction(1, 12), d + n - Fraction(1, 5)
    return 1 / (variance * k), d * variance / 2 * (1 - n / k)


@lru_cache(maxsize=1)
def misled(draws: int = 20_000, seed: int = 0) -> float:
    r"""Return how often the sign of that step's answer is not the label's, averaged over drawn examples and questions.

    Given examples and question u it is the angle between u and :math:`S u`, over :math:`\pi`: the task is normal.

    >>> round(misled(), 2)
    0.23
    """
    random = np.random.default_rng(seed)
    x, u = random.random((draws, N, D)) - 0.5, random.random((draws, D)) - 0.5
    moved = np.einsum("bnd,bn->bd", x, np.einsum("bnd,bd->bn", x, u))
    cosine = (moved * u).sum(-1) / np.linalg.norm(moved, axis=-1) / np.linalg.norm(u, axis=-1)
    return float(np.arccos(cosine.clip(-1, 1)).mean() / np.pi)

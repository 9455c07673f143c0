"""Findings on numbers that a world measures of each agent: how many agents comply, tested as every prediction is.

>>> import numpy as np
>>> every_agent(np.full(24, 0.001), "excess", most=0.002)
Finding(verdict='supported', because='excess 0.001 (0.001 to 0.001), 24 of 24 agents at most 0.002')
>>> every_agent(np.linspace(0.0, 1.0, 24), "cosine", least=0.9).verdict
'contradicted'
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from cidmesa.gallery.system import Finding
from cidmesa.validation.statistics import share_test


def every_agent(values: ArrayLike, what: str, *, least: float = -math.inf, most: float = math.inf) -> Finding:
    """Judge a claim that every agent's number lies in an interval.

    Parameters
    ----------
    values
        One number an agent.
    what
        What it is, for the reader.
    least, most
        The ends of the interval.

    Returns
    -------
    Finding
        By the share of complying agents (:func:`cidmesa.validation.statistics.share_test`); mean, least and largest
        number are shown.
    """
    numbers = np.asarray(values, dtype=np.float64)
    inside = int(((numbers >= least) & (numbers <= most)).sum())
    ends = [f"at least {least:g}"] * (least > -math.inf) + [f"at most {most:g}"] * (most < math.inf)
    shown = f"{what} {numbers.mean():.3g} ({numbers.min():.3g} to {numbers.max():.3g})"
    verdict = share_test(inside, len(numbers) - inside, len(numbers)).verdict()
    return Finding(verdict, f"{shown}, {inside} of {len(numbers)} agents {' and '.join(ends)}")


def together(*findings: Finding) -> Finding:
    """Return what several findings come to: contradicted if one is, supported if all are.

    >>> one, other = every_agent([0.0] * 24, "a", most=1.0), every_agent([0.0] * 3, "b", most=1.0)
    >>> together(one, other).verdict
    'inconclusive'
    """
    verdicts = {finding.verdict for finding in findings}
    words = "; ".join(finding.because for finding in findings)
    if "contradicted" in verdicts:
        return Finding("contradicted", words)
    return Finding("supported" if verdicts == {"supported"} else "inconclusive", words)

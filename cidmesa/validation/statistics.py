r"""From agents to a verdict: the few tests that decide, as pure functions of counts and numbers.

A ``must`` row claims that *every* agent of a training recipe complies. No finite sample shows that, so what is tested
is the share :math:`c` of compliers among all agents the recipe would produce: *supported* means :math:`c > 1-\kappa`,
*contradicted* means :math:`c < 1-\kappa`, with :math:`\kappa = .2`. Means are shown and never tested: a mean over
agents hides a few that deviate wholly, and describes nobody in a population that is half one thing and half another.

With :math:`k` compliers and :math:`v` deviators among :math:`n` independent agents,

.. math:: p_{supp} = P(\mathrm{Bin}(n, 1-\kappa) \ge k), \qquad p_{contra} = P(\mathrm{Bin}(n, \kappa) \ge v),

each corrected by Holm's method within a family of rows, supports and contradictions apart. Both are exact: no normal
approximation, no bootstrap. 32 agents can support a family of 63 rows, 24 of ten, 14 of one, fewer none:

>>> [most_rows(n) for n in (32, 24, 14, 13)]
[63, 10, 1, 0]

References
----------
.. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6, 1979.
.. [2] C. Clopper and E. Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.
.. [3] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
.. [4] D. Schuirmann, "A comparison of the two one-sided tests procedure …", J. Pharmacokinet. Biopharm. 15, 1987.
.. [5] B. Phipson and G. Smyth, "Permutation p-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9, 2010.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError

ConfidenceInterval: TypeAlias = tuple[float, float]
EvidenceVerdict: TypeAlias = Literal["supported", "contradicted", "inconclusive"]

ALPHA = 0.05
"""Family-wise error rate of each family and direction."""

KAPPA = 0.2
"""The share of agents that may deviate from a ``must`` claim that is still called supported."""

MARGIN = 0.05
"""Indifference: total variation, or base utility divided by its attainable range, that counts as nothing."""

CHANCE = 0.05
"""Share of agents that may show an effect by accident; a ``can`` row is supported when clearly more do."""

SAMPLED = 0.01
"""How often the bounds of one sampled agent may be wrong, on either side."""

LEAST_SAMPLES = 10_000
"""Fewest draws per agent and arm where only actions can be sampled."""


@dataclass(frozen=True, slots=True)
class PValues:
    """The two one-sided p-values of a claim, before or after correction."""

    support: float
    contradict: float

    def verdict(self, alpha: float = ALPHA) -> EvidenceVerdict:
        """Return ``"supported"``, ``"contradicted"`` or ``"inconclusive"``."""
        if self.support <= alpha:
            return "supported"
        return "contradicted" if self.contradict <= alpha else "inconclusive"

    def decisive(self, alpha: float = ALPHA) -> float:
        """Return the p-value of the claim that was made; where none was, the smaller one."""
        found = self.verdict(alpha)
        if found == "inconclusive":
            return min(self.support, self.contradict)
        return self.support if found == "supported" else self.contradict


# One row ------------------------------------------------------------------------------------------------------------


def share_test(complying: int, deviating: int, n: int, *, kappa: float = KAPPA, sampled: bool = False) -> PValues:
    r"""Test a ``must`` claim: the share of compliers is above, or below, :math:`1-\kappa`.

    Parameters
    ----------
    complying, deviating, n
        Agents whose statistic lies in the allowed set, outside it, and all in scope; the rest are unclear and count
        for neither side.
    kappa
        The share of deviators at which the two claims meet.
    sampled
        Agents were judged from draws, so a complier is taken for a deviator with probability up to
        :data:`SAMPLED`: the contradiction is then tested against ``kappa + SAMPLED``.

    Returns
    -------
    PValues
        Exact one-sided binomial p-values.

    Examples
    --------
    >>> share_test(14, 0, 14).verdict(), share_test(13, 0, 13).verdict(), share_test(4, 10, 14).verdict()
    ('supported', 'inconclusive', 'contradicted')
    """
    if not 0 <= complying <= n or not 0 <= deviating <= n - complying:
        raise NotApplicableError(
            f"{complying} complying and {deviating} deviating agents do not fit into {n}: each agent counts once."
        )
    against = kappa + SAMPLED if sampled else kappa
    return PValues(_at_least(complying, n, 1 - kappa), _at_least(deviating, n, against))


def can_test(showing: int, n: int, *, chance: float = CHANCE) -> PValues:
    """Test a ``can`` claim: more agents show the effect than would by accident. It is never contradicted.

    >>> can_test(5, 32).verdict(), can_test(3, 32).verdict(), can_test(0, 32).verdict()
    ('supported', 'inconclusive', 'inconclusive')
    """
    return PValues(_at_least(showing, n, chance), 1.0)


def formula_test(
    values: ArrayLike, expected: float, *, margin: float = MARGIN, kappa: float = KAPPA, alpha: float = ALPHA
) -> PValues:
    r"""Test a closed form on agents whose learner is noisy.

    Each agent complies when it lies within :math:`2m` of the formula; the share is tested as in :func:`share_test`,
    and support also needs that the *mean* lies within :math:`m` by two one-sided t tests (:func:`tost`).

    Parameters
    ----------
    values
        One number per agent.
    expected
        What the formula says.

    Examples
    --------
    >>> near = 0.5 + np.linspace(-0.03, 0.03, 32)
    >>> formula_test(near, 0.5).verdict(), formula_test(near + 0.07, 0.5).verdict(), formula_test(near, 0.9).verdict()
    ('supported', 'inconclusive', 'contradicted')
    """
    array = np.asarray(values, dtype=np.float64)
    near = np.abs(array - expected) <= 2 * margin
    k = int(near.sum())
    shares = share_test(k, len(array) - k, len(array), kappa=kappa)
    return PValues(max(shares.support, tost(array, expected, margin)), shares.contradict)


def tost(values: ArrayLike, expected: float, margin: float) -> float:
    """Return the p-value of two one-sided t tests for a mean within `margin` of `expected`.

    Fewer than two values decide nothing (1.0); values that all agree decide by the mean itself.

    >>> tost([0.50, 0.52, 0.49, 0.51, 0.50], 0.5, 0.05) < 0.05, tost([0.2, 0.8, 0.4, 0.6, 0.5], 0.5, 0.05) < 0.05
    (True, False)
    """
    from scipy.stats import t

    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    if n < 2:
        return 1.0
    gap = margin - abs(float(array.mean()) - expected)
    error = float(array.std(ddof=1)) / math.sqrt(n)
    if error == 0:
        return 0.0 if gap > 0 else 1.0
    return float(t.sf(gap / error, n - 1))


def permutation_test(first: ArrayLike, second: ArrayLike, *, draws: int = 9_999, seed: int = 0) -> float:
    r"""Return the two-sided p-value of two populations having the same mean, by exchanging who belongs to which [5]_.

    Parameters
    ----------
    first, second
        One number per agent.
    draws
        How many exchanges are drawn; the order that was found counts as one more, so that p is never 0.
    seed
        Of the draws.

    Examples
    --------
    >>> low, high = np.linspace(0.0, 0.5, 20), np.linspace(0.4, 0.9, 20)
    >>> permutation_test(low, high) <= 0.001, permutation_test(low, low[::-1])
    (True, 1.0)
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not len(a) or not len(b):
        raise NotApplicableError(f"two populations are compared, and they have {len(a)} and {len(b)} agents.")
    both = np.concatenate([a, b])
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.broadcast_to(both, (draws, len(both))), axis=1)
    apart = np.abs(drawn[:, : len(a)].mean(axis=1) - drawn[:, len(a) :].mean(axis=1))
    found = abs(float(a.mean() - b.mean()))
    near = 1e-12 * max(1.0, float(np.abs(both).max()))
    return float((1 + (apart >= found - near).sum()) / (draws + 1))


# Many rows ----------------------------------------------------------------------------------------------------------


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's adjusted p-values: reject those that are at most alpha.

    >>> [round(x, 3) for x in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    m = len(p)
    order = sorted(range(m), key=p.__getitem__)
    adjusted = [1.0] * m
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (m - rank) * p[i]))
        adjusted[i] = running
    return tuple(adjusted)


def correct(tests: Sequence[PValues], data: Sequence[Hashable] | None = None) -> tuple[PValues, ...]:
    """Correct one family: Holm among the supports, and Holm among the contradictions.

    Parameters
    ----------
    tests
        The rows' raw p-values.
    data
        What each row was computed from; rows on identical data are one claim and count once. Left out: all differ.

    Examples
    --------
    >>> twice = [PValues(0.03, 1.0), PValues(0.03, 1.0)]
    >>> correct(twice)[0].support, correct(twice, data=["a", "a"])[0].support
    (0.06, 0.03)
    """
    keys: Sequence[Hashable] = range(len(tests)) if data is None else data
    if len(keys) != len(tests):
        raise NotApplicableError(f"{len(tests)} tests and {len(keys)} pieces of data: give one for each test.")
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    distinct = sorted(first.values())
    place = {i: j for j, i in enumerate(distinct)}
    supports = holm([tests[i].support for i in distinct])
    contradictions = holm([tests[i].contradict for i in distinct])
    return tuple(PValues(supports[place[first[key]]], contradictions[place[first[key]]]) for key in keys)


def most_rows(n: int, *, kappa: float = KAPPA, alpha: float = ALPHA) -> int:
    """Return the largest family in which `n` agents that all comply support every row."""
    return math.floor(alpha / (1 - kappa) ** n + 1e-12)


@dataclass(frozen=True, slots=True)
class Required:
    """How many agents in scope one family needs.

    Attributes
    ----------
    family
        Its name: ``"joint"``, a hypothesis, or ``"can"``.
    rows
        How many rows it has at most; rows that turn out to rest on identical data make it smaller.
    contradict
        Agents needed to contradict a row, with the power asked for, when the given share of agents deviates; ``None``
        for ``can`` rows, which are never contradicted.
    support
        Agents needed to support every row when none deviates (for ``can`` rows: when that share shows the effect,
        with the power asked for).
    """

    family: str
    rows: int
    contradict: int | None
    support: int


def chance_to_decide(
    agents: ArrayLike, rows: int, share: float, *, null: float = KAPPA, alpha: float = ALPHA
) -> Floats:
    r"""Return how likely it is that one row of so many is decided, exactly: what numbers of agents are read from.

    With :math:`v^*` the fewest of :math:`n` for which :math:`P(\mathrm{Bin}(n, null) \ge v) \le \alpha / rows`, it is
    :math:`P(\mathrm{Bin}(n, share) \ge v^*)`. Contradicted: `share` deviates, against ``kappa``. Supported: `share`
    complies, against ``1 - kappa``. Holm's first step is the strictest, so where other rows are decided too it is more.

    Parameters
    ----------
    agents
        How many are in scope: one number or several.
    rows
        Of the family that are not decided otherwise.
    share
        Of all agents that the recipe would produce, those that speak for the verdict.
    null
        What it is told from.

    Returns
    -------
    array
        One probability for each number of agents.

    Examples
    --------
    >>> chance_to_decide([14, 32, 48], 20, 0.5).round(2).tolist()        # half of the agents deviate: contradicted
    [0.4, 0.81, 0.94]
    >>> chance_to_decide([24, 32], 20, 1.0, null=1 - KAPPA).tolist()     # none deviates: supported
    [0.0, 1.0]
    """
    from scipy.stats import binom

    n = np.asarray(agents)
    fewest = binom.isf(alpha / rows, n, null) + 1
    found: Floats = np.asarray(binom.sf(fewest - 1, n, share), dtype=np.float64)
    return found


def agents_to_support(rows: int, *, kappa: float = KAPPA, alpha: float = ALPHA) -> int:
    """Return the fewest agents that support each of `rows` when all comply.

    >>> agents_to_support(1), agents_to_support(10), agents_to_support(63), agents_to_support(64)
    (14, 24, 32, 33)
    """
    n = max(1, math.ceil(math.log(alpha / rows) / math.log(1 - kappa)) - 1)
    while (1 - kappa) ** n > alpha / rows:
        n += 1
    return n


def agents_to_detect(
    rows: int, effect: float, power: float, *, null: float = KAPPA, alpha: float = ALPHA, most: int = 20_000
) -> int:
    """Return the fewest agents from which on a share `effect` is told from `null` with the given `power`.

    The exact power is not monotone in the number of agents (the critical count jumps): the answer is the number from
    which on it never falls below `power` again, as far as `most`.

    Raises
    ------
    NotApplicableError
        `effect` is not above `null`, `power` is not inside (0, 1), or `most` agents are not enough.

    Examples
    --------
    >>> agents_to_detect(1, 0.5, 0.8), agents_to_detect(10, 0.5, 0.8)
    (19, 30)
    """
    if not null < effect <= 1:
        raise NotApplicableError(
            f"an effect of {effect:g} cannot be told from the {null:g} of agents that may deviate anyway: "
            f"effect > {null:g}."
        )
    if not 0 < power < 1:
        raise NotApplicableError(f"power is a probability inside (0, 1); got {power!r}.")
    size = 64
    while True:
        size = min(size, most)
        found = chance_to_decide(np.arange(1, size + 1), rows, effect, null=null, alpha=alpha)
        short = np.flatnonzero(found < power)
        last = int(short[-1]) + 1 if len(short) else 0
        if last <= size // 2:
            return last + 1
        if size == most:
            raise NotApplicableError(
                f"{most:,} agents do not tell {effect:g} from {null:g} with power {power:g} in {rows} rows: "
                "ask for a larger effect or less power."
            )
        size *= 4


# For the reader: intervals that decide nothing --------------------------------------------------------------------


def mean_interval(
    values: ArrayLike, low: float = 0.0, high: float = 1.0, *, level: float = 0.95, draws: int = 20_000, seed: int = 0
) -> ConfidenceInterval:
    r"""Return an interval for the mean of a bounded number over all agents, which is never of width 0.

    The quantiles of :math:`\sum_i w_i s_i + w_{n+1} b` with :math:`w` uniform on the simplex, where :math:`b` is the
    least possible value for the lower end and the greatest for the upper end. On 0/1 data it is Clopper and
    Pearson's interval.

    Parameters
    ----------
    values
        One number per agent.
    low, high
        The least and greatest number an agent could show.
    level
        Of the two-sided interval.
    draws, seed
        Of the simulation; the same seed gives the same interval.

    Examples
    --------
    >>> low, high = mean_interval(np.zeros(32))
    >>> low, round(high, 2)     # Clopper-Pearson: (0, 0.109)
    (0.0, 0.11)
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) == 0:
        return (low, high)
    return _mean_interval(array.tobytes(), low, high, level, draws, seed)


@lru_cache(maxsize=256)
def _mean_interval(values: bytes, low: float, high: float, level: float, draws: int, seed: int) -> ConfidenceInterval:
    """Compute it once for rows that rest on the same numbers."""
    array = np.frombuffer(values)
    weights = _weights(len(array), draws, seed)
    inner = weights[:, :-1] @ array
    tail = (1 - level) / 2
    lower = float(np.quantile(inner + weights[:, -1] * low, tail))
    upper = float(np.quantile(inner + weights[:, -1] * high, 1 - tail))
    return (lower, upper)


@lru_cache(maxsize=4)
def _weights(n: int, draws: int, seed: int) -> Floats:
    """Return points of the simplex with n + 1 corners, uniformly drawn: one set for all numbers of so many agents."""
    weights = np.random.default_rng(seed).standard_exponential((draws, n + 1))
    weights /= weights.sum(axis=1, keepdims=True)
    weights.setflags(write=False)
    return weights


def wilson(k: int, n: int, *, level: float = 0.95) -> ConfidenceInterval:
    """Return Wilson's score interval for a share of `k` among `n`.

    >>> [round(x, 3) for x in wilson(0, 32)], [round(x, 3) for x in wilson(16, 32)]
    ([0.0, 0.107], [0.336, 0.664])
    """
    from scipy.stats import norm

    if n == 0:
        return (0.0, 1.0)
    z = float(norm.isf((1 - level) / 2))
    share = k / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (max(0.0, centre - half) if k else 0.0, min(1.0, centre + half) if k < n else 1.0)


@lru_cache(maxsize=4096)
def _at_least(k: int, n: int, p: float) -> float:
    """Return P(Bin(n, p) >= k), exactly enough for any n here."""
    from scipy.stats import binom

    return float(binom.sf(k - 1, n, min(p, 1.0))) if k > 0 else 1.0

"""The tests that decide: exact numbers, and how often they are wrong and right on simulated populations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, ttest_1samp

from cidmesa.errors import NotApplicableError
from cidmesa.validation import statistics as s
from tests.strategies import examples

# One row ------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 60), st.data())
@settings(max_examples=examples(quick=60, full=600))
def test_share_tests_are_the_binomial_tests_of_scipy(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    v = data.draw(st.integers(0, n - k))
    found = s.share_test(k, v, n)
    assert found.support == pytest.approx(binomtest(k, n, 0.8, alternative="greater").pvalue, abs=1e-12)
    assert found.contradict == pytest.approx(binomtest(v, n, 0.2, alternative="greater").pvalue, abs=1e-12)


def test_unclear_agents_help_neither_side() -> None:
    clear, unclear = s.share_test(14, 0, 14), s.share_test(10, 0, 14)
    assert clear.verdict() == "supported"
    assert unclear.verdict() == "inconclusive"
    assert s.share_test(0, 4, 14).contradict == s.share_test(10, 4, 14).contradict


def test_sampled_agents_are_contradicted_against_a_larger_share() -> None:
    exact, sampled = s.share_test(20, 12, 32), s.share_test(20, 12, 32, sampled=True)
    assert sampled.contradict > exact.contradict
    assert sampled.support == exact.support
    assert sampled.contradict == pytest.approx(binom.sf(11, 32, 0.21))


@pytest.mark.parametrize(("k", "v", "n"), [(5, 0, 4), (3, 2, 4), (-1, 0, 4)])
def test_counts_that_do_not_fit_are_refused(k: int, v: int, n: int) -> None:
    with pytest.raises(NotApplicableError, match="do not fit"):
        s.share_test(k, v, n)


def test_no_agents_decide_nothing() -> None:
    assert s.share_test(0, 0, 0) == s.PValues(1.0, 1.0)
    assert s.can_test(0, 0).verdict() == "inconclusive"


def test_can_rows_are_never_contradicted() -> None:
    assert all(s.can_test(w, 32).contradict == 1.0 for w in range(33))
    verdicts = [s.can_test(w, 32).verdict() for w in range(33)]
    assert verdicts == ["inconclusive"] * verdicts.index("supported") + ["supported"] * verdicts.count("supported")


def test_tost_agrees_with_two_t_tests() -> None:
    values = np.random.default_rng(0).normal(0.52, 0.1, 20)
    lower = ttest_1samp(values, 0.45, alternative="greater").pvalue
    upper = ttest_1samp(values, 0.55, alternative="less").pvalue
    assert s.tost(values, 0.5, 0.05) == pytest.approx(max(lower, upper))
    assert s.tost([0.5, 0.5], 0.5, 0.05) == 0.0
    assert s.tost([0.6, 0.6], 0.5, 0.05) == 1.0
    assert s.tost([0.5], 0.5, 0.05) == 1.0


def test_a_formula_needs_the_mean_as_well() -> None:
    all_near_but_shifted = np.full(32, 0.58) + np.linspace(-0.01, 0.01, 32)
    assert s.share_test(32, 0, 32).verdict() == "supported"
    assert s.formula_test(all_near_but_shifted, 0.5).verdict() == "inconclusive"


# Many rows ----------------------------------------------------------------------------------------------------------


def test_how_many_rows_a_population_can_support() -> None:
    assert [s.most_rows(n) for n in (32, 24, 14, 13)] == [63, 10, 1, 0]
    for n in range(14, 60):
        rows = s.most_rows(n)
        row = s.share_test(n, 0, n)
        assert s.correct([row] * rows)[0].support <= s.ALPHA
        assert s.correct([row] * (rows + 1))[0].support > s.ALPHA
        assert s.agents_to_support(rows) <= n < s.agents_to_support(rows + 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
@settings(max_examples=examples(quick=60, full=1000))
def test_holm_rejects_what_the_step_down_rule_rejects(p: list[float]) -> None:
    adjusted = s.holm(p)
    order = sorted(range(len(p)), key=p.__getitem__)
    stopped = False
    for rank, i in enumerate(order):
        stopped = stopped or p[i] * (len(p) - rank) > s.ALPHA
        assert (adjusted[i] <= s.ALPHA) == (not stopped)
    assert all(a >= raw for a, raw in zip(adjusted, p, strict=True))


def test_rows_on_identical_data_are_one_claim() -> None:
    rows = [s.PValues(0.02, 1.0), s.PValues(0.02, 1.0), s.PValues(0.5, 1.0)]
    assert s.correct(rows, ["a", "a", "b"])[0].support == pytest.approx(0.04)
    assert s.correct(rows, ["a", "b", "c"])[0].support == pytest.approx(0.06)
    with pytest.raises(NotApplicableError, match="3 tests and 2"):
        s.correct(rows, ["a", "b"])


@pytest.mark.parametrize(("rows", "effect", "power"), [(1, 0.5, 0.8), (10, 0.5, 0.8), (5, 0.9, 0.95), (63, 0.4, 0.8)])
def test_agents_to_detect_against_enumeration(rows: int, effect: float, power: float) -> None:
    def power_of(n: int) -> float:
        critical = next(v for v in range(n + 2) if binom.sf(v - 1, n, s.KAPPA) <= s.ALPHA / rows)
        return float(binom.sf(critical - 1, n, effect)) if critical <= n else 0.0

    found = s.agents_to_detect(rows, effect, power)
    assert all(power_of(n) >= power for n in range(found, found + 150))
    assert power_of(found - 1) < power


@given(
    n=st.integers(1, 40),
    rows=st.integers(1, 12),
    share=st.integers(0, 100).map(lambda percent: percent / 100),
    kappa=st.sampled_from([0.1, 0.2, 0.35]),
    supports=st.booleans(),
)
@settings(max_examples=examples(quick=40, full=400))
def test_the_chance_to_decide_is_that_of_the_counts_that_do(
    n: int, rows: int, share: float, kappa: float, supports: bool
) -> None:
    """Over all counts, by the tests themselves, in a family in which nothing else is decided."""
    other = s.PValues(1.0, 1.0)
    chance = 0.0
    for v in range(n + 1):
        test = s.share_test(v, n - v, n, kappa=kappa) if supports else s.share_test(n - v, v, n, kappa=kappa)
        found = s.correct([test, *[other] * (rows - 1)])[0].verdict()
        chance += float(binom.pmf(v, n, share)) * (found == ("supported" if supports else "contradicted"))
    null = 1 - kappa if supports else kappa
    assert float(s.chance_to_decide(n, rows, share, null=null)) == pytest.approx(chance, abs=1e-9)


def test_numbers_of_agents_are_read_off_the_chance_to_decide() -> None:
    for rows in (1, 7, 20, 63):
        n = s.agents_to_support(rows)
        assert s.chance_to_decide([n - 1, n], rows, 1.0, null=1 - s.KAPPA).tolist() == [0.0, 1.0]
        n = s.agents_to_detect(rows, 0.5, 0.8)
        assert s.chance_to_decide(n - 1, rows, 0.5) < 0.8
        assert (s.chance_to_decide(np.arange(n, n + 50), rows, 0.5) >= 0.8).all()


def test_effects_that_cannot_be_told_are_refused() -> None:
    with pytest.raises(NotApplicableError, match="cannot be told"):
        s.agents_to_detect(1, 0.2, 0.8)
    with pytest.raises(NotApplicableError, match="inside"):
        s.agents_to_detect(1, 0.5, 1.0)
    with pytest.raises(NotApplicableError, match="ask for a larger effect"):
        s.agents_to_detect(1, 0.21, 0.8, most=500)


# Calibration and power of the protocol --------------------------------------------------------------------------------


def exact_rate(n: int, share: float, rows: int, want: str) -> float:
    """The probability that one row of a family of `rows`, whose other rows decide nothing, gets the verdict."""
    total = 0.0
    for k in range(n + 1):
        p = s.share_test(k, n - k, n)
        p = s.PValues(min(1.0, rows * p.support), min(1.0, rows * p.contradict))
        if p.verdict() == want:
            total += float(binom.pmf(k, n, share))
    return total


@pytest.mark.parametrize("n", [14, 24, 32, 64])
def test_at_the_boundary_each_verdict_is_rarer_than_alpha(n: int) -> None:
    assert exact_rate(n, 1 - s.KAPPA, 1, "supported") <= s.ALPHA
    assert exact_rate(n, 1 - s.KAPPA, 1, "contradicted") <= s.ALPHA


def test_power_of_32_agents() -> None:
    for rows in (1, 10, 63):
        assert exact_rate(32, 1.0, rows, "supported") == pytest.approx(1.0)
        assert exact_rate(32, 0.0, rows, "contradicted") == pytest.approx(1.0)
    assert exact_rate(32, 0.5, 10, "contradicted") > 0.8  # half and half is found out
    assert exact_rate(24, 0.5, 10, "contradicted") > 0.6
    assert exact_rate(32, 0.95, 1, "supported") > 0.5  # a rare deviation is forgiven
    assert exact_rate(32, 0.5, 10, "supported") < 1e-4


def test_the_error_of_a_whole_family_stays_below_alpha() -> None:
    """Ten rows that share agents (so they depend on each other), each exactly at the boundary."""
    rng = np.random.default_rng(1)
    runs = examples(quick=400, full=4000)
    wrong = {"supported": 0, "contradicted": 0}
    for _ in range(runs):
        common = rng.random(32)
        complies = np.where(rng.random((10, 1)) < 0.5, common, rng.random((10, 32))) < 1 - s.KAPPA
        tests = [s.share_test(int(row.sum()), int((~row).sum()), 32) for row in complies]
        verdicts = {p.verdict() for p in s.correct(tests, [row.tobytes() for row in complies])}
        for verdict in wrong:
            wrong[verdict] += verdict in verdicts
    for count in wrong.values():
        assert binomtest(count, runs, s.ALPHA, alternative="greater").pvalue > 1e-3


# Intervals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(0, 32), (1, 32), (16, 32), (32, 32), (3, 14), (7, 10)])
def test_on_zeros_and_ones_the_interval_is_clopper_and_pearsons(k: int, n: int) -> None:
    low, high = s.mean_interval([1.0] * k + [0.0] * (n - k), draws=200_000)
    exact = binomtest(k, n).proportion_ci(method="exact")
    assert low == pytest.approx(exact.low, abs=0.003)
    assert high == pytest.approx(exact.high, abs=0.003)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
@settings(max_examples=examples(quick=30, full=300))
def test_the_interval_holds_the_mean_and_has_a_width(values: list[float]) -> None:
    low, high = s.mean_interval(values, draws=2_000)
    assert 0 <= low < high <= 1
    assert low - 1e-9 <= np.mean(values) <= high + 1e-9
    assert s.mean_interval(values, draws=2_000) == (low, high)


def test_the_interval_covers_the_mean() -> None:
    rng = np.random.default_rng(2)
    runs, hits = 300, 0
    for _ in range(runs):
        values = rng.beta(0.5, 1.5, size=20)
        low, high = s.mean_interval(values, draws=2_000)
        hits += low <= 0.25 <= high
    assert binomtest(hits, runs, 0.95, alternative="less").pvalue > 1e-3


@given(st.integers(1, 200), st.data())
@settings(max_examples=examples(quick=40, full=400))
def test_wilson_is_scipys(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    ours, theirs = s.wilson(k, n), binomtest(k, n).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_an_interval_of_nothing_is_everything() -> None:
    assert s.wilson(0, 0) == (0.0, 1.0)
    assert s.mean_interval([], -1.0, 1.0) == (-1.0, 1.0)


def test_exchanging_agents_says_how_often_chance_does_as_much() -> None:
    """Against all exchanges of 4 and 4: 2 of 70 keep the two groups apart as far as they are."""
    low, high = [0.0, 0.1, 0.2, 0.3], [0.9, 1.0, 1.1, 1.4]
    found = s.permutation_test(low, high)
    assert found == pytest.approx(2 / 70, abs=0.006)
    assert s.permutation_test(high, low) == pytest.approx(found, abs=0.006)
    assert s.permutation_test([1.0] * 5, [1.0] * 9) == 1.0
    assert s.permutation_test(np.zeros(30), np.ones(30)) == 1 / 10_000  # never 0
    with pytest.raises(NotApplicableError, match="they have 0 and 2 agents"):
        s.permutation_test([], [0.0, 1.0])

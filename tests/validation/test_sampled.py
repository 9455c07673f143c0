"""Bounds on one sampled agent: they hold as often as they say, and pairs are bounded without being written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from cidmesa.validation.sampled import linear_bounds, pair_bounds, variation_bounds
from cidmesa.validation.statistics import LEAST_SAMPLES, MARGIN, SAMPLED
from tests.strategies import examples


def sample(rng: np.random.Generator, rule: np.ndarray, draws: int) -> np.ndarray:
    """Counts of two halves of draws for one agent: (2, 1, contexts, actions)."""
    return np.stack([[rng.multinomial(draws // 2, row) for row in rule] for _ in (0, 1)])[:, None]


@pytest.mark.parametrize("apart", [0.0, 0.03, 0.2, 1.0])
def test_bounds_on_total_variation_hold(apart: float) -> None:
    rng = np.random.default_rng(int(100 * apart))
    rule = np.array([[0.5 + apart / 2, 0.5 - apart / 2], [0.5 - apart / 2, 0.5 + apart / 2], [0.3, 0.7]])
    left, right = np.array([[1.0, 0, 0], [0, 0, 1.0]]), np.array([[0, 1.0, 0], [0, 0, 1.0]])
    weights = np.array([0.5, 0.5])
    true = apart / 2
    runs = 200
    too_high = too_low = 0
    for _ in range(runs):
        found = variation_bounds(sample(rng, rule, 2_000), left, right, weights)
        too_high += found.lower[0] > true + 1e-12
        too_low += found.upper[0] < true - 1e-12
        assert found.lower[0] <= found.estimate[0] <= found.upper[0]
    for count in (too_high, too_low):
        assert binomtest(count, runs, SAMPLED, alternative="greater").pvalue > 1e-3


@given(st.integers(0, 10**6))
@settings(max_examples=examples(quick=40, full=200))
def test_pairs_are_bounded_as_if_all_of_them_were_written_out(seed: int) -> None:
    """To the last digit, whether an agent does the same in many contexts or something else in each."""
    rng = np.random.default_rng(seed)
    agents, contexts, actions = int(rng.integers(1, 4)), int(rng.integers(2, 12)), int(rng.integers(2, 40))
    halves = rng.integers(0, 1 + rng.choice([1, 3, 50]), (2, agents, contexts, actions))
    if rng.random() < 0.5:  # rules that always do one thing
        halves = (np.eye(actions, dtype=int) * 30)[rng.integers(0, min(3, actions), (2, agents, contexts))]
    left, right = (rng.integers(0, contexts, 60) for _ in range(2))
    left, right = np.concatenate([left, right]), np.concatenate([right, left])  # each pair and its reverse
    weights = rng.dirichlet(np.ones(len(left)))
    found = pair_bounds(halves, left, right, weights)
    laws, pooled = halves / np.maximum(halves.sum(-1), 1)[..., None], halves.sum(0)
    pooled = pooled / np.maximum(pooled.sum(-1), 1)[..., None]
    apart = laws[..., left, :] - laws[..., right, :]
    estimate = np.abs(pooled[..., left, :] - pooled[..., right, :]).sum(axis=-1) / 2 @ weights
    crossed = ((np.sign(apart) * apart[::-1]).sum(axis=-1) / 2 @ weights).mean(axis=0)
    assert found.estimate.tolist() == estimate.tolist()
    influence = np.bincount(left, weights, contexts) + np.bincount(right, weights, contexts)
    draws = halves.sum(axis=-1)
    radius = np.max([_radius(influence, part) for part in draws], axis=0)
    assert found.lower.tolist() == np.maximum(crossed - radius, 0).tolist()
    assert found.upper.tolist() == np.minimum(estimate + _radius(influence, draws.sum(0)), weights.sum()).tolist()


def _radius(influence: np.ndarray, draws: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(influence > 0, influence**2 / draws, 0.0)
    return np.sqrt(np.log(1 / SAMPLED) / 2 * squares.sum(axis=-1))


def test_ten_thousand_draws_decide_at_the_margin() -> None:
    rng = np.random.default_rng(3)
    same, other = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.55, 0.45], [0.45, 0.55]])
    pair = np.array([[1.0, 0]]), np.array([[0, 1.0]]), np.array([1.0])
    for _ in range(20):
        assert variation_bounds(sample(rng, same, LEAST_SAMPLES), *pair).upper[0] <= MARGIN
        assert variation_bounds(sample(rng, other, LEAST_SAMPLES), *pair).lower[0] > MARGIN


def test_bounds_on_a_mean_hold_and_know_constants() -> None:
    rng = np.random.default_rng(4)
    rule, gains = np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([[0.0, 0.5], [0.25, 0.0]])
    true = float((rule * gains).sum())
    misses = 0
    for _ in range(200):
        found = linear_bounds(sample(rng, rule, 1_000).sum(axis=0), gains)
        misses += not found.lower[0] <= true <= found.upper[0]
    assert binomtest(misses, 200, 2 * SAMPLED, alternative="greater").pvalue > 1e-3
    constant = linear_bounds(np.array([[[3, 4]]]), np.array([[0.5, 0.5]]))
    assert constant.lower[0] == constant.upper[0] == 0.5


def test_contexts_without_draws_are_unknown_unless_they_do_not_matter() -> None:
    counts = np.array([[[5, 5], [0, 0]]])
    unknown = linear_bounds(counts, np.array([[0.0, 1.0], [0.0, 3.0]]))
    assert (unknown.lower[0], unknown.upper[0]) == (0.0, 4.0)
    many = linear_bounds(1000 * counts, np.array([[0.0, 1.0], [2.0, 2.0]]))
    assert many.upper[0] - many.lower[0] < 0.1


def test_bounds_do_not_leave_what_is_possible() -> None:
    """An agent that never does it complies: a bound below zero would put it outside [0, margin]."""
    never = linear_bounds(np.array([[[100, 0]]]), np.array([[0.0, 1.0]]))
    assert never.lower[0] == never.estimate[0] == 0.0
    always = sample(np.random.default_rng(0), np.eye(2), 100)
    apart = variation_bounds(always, np.array([[1.0, 0]]), np.array([[0, 1.0]]), np.array([1.0]))
    assert apart.estimate[0] == apart.upper[0] == 1.0


def test_verdicts_of_sampled_agents_rarely_differ_from_the_truth() -> None:
    """Half the agents respond, half do not: drawn often enough, each is put on its side."""
    rng = np.random.default_rng(5)
    pair = np.array([[1.0, 0]]), np.array([[0, 1.0]]), np.array([1.0])
    rules = [np.eye(2)] * 10 + [np.full((2, 2), 0.5)] * 10
    found = [variation_bounds(sample(rng, rule, LEAST_SAMPLES), *pair) for rule in rules]
    assert [bool(b.lower[0] > MARGIN) for b in found] == [True] * 10 + [False] * 10
    assert [bool(b.upper[0] <= MARGIN) for b in found] == [False] * 10 + [True] * 10

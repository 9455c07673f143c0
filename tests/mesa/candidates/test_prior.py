"""The declared prior: its arithmetic, the crossing, and what is printed."""

from __future__ import annotations

import math

import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.prior import SimplicityPrior
from cidmesa.mesa.derive import Family, derive_mesa_optimizers
from cidmesa.mesa.setup.training import TrainingSetup
from tests.mesa.systems import red_door, red_door_deployments


def family(prior: SimplicityPrior, mismatch: float = 0.1) -> Family:
    setup = TrainingSetup(red_door(mismatch), deployments=red_door_deployments())
    return derive_mesa_optimizers(setup, prior=prior, tolerance=mismatch)


def test_complexity_counts_naming_writing_and_modelling() -> None:
    found = family(SimplicityPrior(bits=8))
    # Six admissible nodes; two values; at_red's own mechanism, four parent contexts with one free number each.
    assert found["at_red"].complexity == pytest.approx(math.log2(6) + 8 * 2 + 8 * 4)
    # The score needs a model of at_door (4) and of itself (2).
    assert found["reward"].complexity == pytest.approx(math.log2(6) + 8 * 2 + 8 * (4 + 2))
    assert family(SimplicityPrior(bits=1))["at_red"].complexity == pytest.approx(math.log2(6) + 6)


def test_ranking_weighs_bits_against_regret() -> None:
    ranking = family(SimplicityPrior(weight=0.5, sharpness=2.0, samples=10)).ranking
    assert {row.candidate.names for row in ranking} == {("at_door",), ("at_red",), ("reward",)}
    for row in ranking:
        assert row.log_weight == pytest.approx(-0.5 * row.complexity - 2.0 * 10 * row.training_regret)
    assert sum(row.posterior for row in ranking) == pytest.approx(1.0)
    assert [row.log_weight for row in ranking] == sorted((row.log_weight for row in ranking), reverse=True)


def test_the_simpler_one_leads_until_its_regret_weighs_more() -> None:
    """at_red is 16 bits simpler than the reward and costs 0.1: they cross at n · β · 0.1 = 16 λ."""
    for samples, leader in ((100, "at_red"), (159, "at_red"), (161, "reward"), (1000, "reward")):
        rows = family(SimplicityPrior(samples=samples)).ranking
        red, reward = (next(r for r in rows if r.candidate.names == (n,)) for n in ("at_red", "reward"))
        assert (red.log_weight > reward.log_weight) == (leader == "at_red")


def test_expected_regret_is_the_posterior_mean() -> None:
    ranking = family(SimplicityPrior(samples=20)).ranking
    low, high = ranking.expected_regret("opposite")
    assert low == pytest.approx(sum(r.posterior * r.candidate.deployment_regret["opposite"][0] for r in ranking))
    assert high == pytest.approx(sum(r.posterior * r.candidate.deployment_regret["opposite"][1] for r in ranking))
    assert low > 0.0


def test_sensitivity_says_when_another_leads() -> None:
    near = family(SimplicityPrior(samples=150)).ranking
    others = near.sensitivity()
    assert set(others) == {f"{p} {s} 2" for p in ("weight", "sharpness", "samples", "bits") for s in ("/", "×")}
    assert others["samples × 2"].prior.samples == 300
    assert others["samples / 2"][0].candidate.names == near[0].candidate.names
    assert "SimplicityPrior(weight=1.0" in str(near)
    far = family(SimplicityPrior(samples=1), mismatch=0.0).ranking
    assert "stays first" in str(far)


def test_what_is_no_prior_is_refused() -> None:
    with pytest.raises(NotApplicableError, match="samples="):
        SimplicityPrior(samples=-1)
    with pytest.raises(NotApplicableError, match="a prior"):
        _ = derive_mesa_optimizers(TrainingSetup(red_door())).ranking
    bare = derive_mesa_optimizers(TrainingSetup(red_door().cid), prior=SimplicityPrior())
    with pytest.raises(NotApplicableError, match="bare diagram"):
        _ = bare.ranking
    assert isinstance(cm.mesa.SimplicityPrior(), SimplicityPrior)


def test_a_regret_that_is_not_known_is_named() -> None:
    """Too many policies to list: there are numbers, and no training regret of `y`."""
    cid = cm.CID(
        [*((f"x{i}", d) for d in ("a", "b", "y") for i in range(5)), ("a", "y"), ("b", "y"), ("y", "u")],
        decisions=["a", "b"],
        utilities=["u"],
    )
    model = cid.parameterise(
        {f"x{i}": cm.Bernoulli(0.5) for i in range(5)}, a=[0, 1], b=[0, 1], u=lambda y: y,
        y=lambda x0, x1, x2, x3, x4, a, b: int(a == b == (x0 + x1 + x2 + x3 + x4) % 2),
    )  # fmt: skip
    large = derive_mesa_optimizers(TrainingSetup(model), prior=SimplicityPrior())
    with pytest.raises(NotApplicableError, match="that of y is not known here: several decisions are compared policy"):
        _ = large.ranking

"""The declared prior: its arithmetic, the crossing, and what is printed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.prior import SimplicityPrior
from cidmesa.mesa.derive import Family, derive_mesa_optimizers
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.reports import report
from cidmesa.solve.policies import among_optimal
from tests.mesa.systems import red_door, red_door_deployments
from tests.strategies import examples


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
    level = family(SimplicityPrior(samples=1), mismatch=0.0).ranking  # at_door and at_red weigh the same
    assert "stays first" not in str(level)


def test_what_is_no_prior_is_refused() -> None:
    with pytest.raises(NotApplicableError, match="samples="):
        SimplicityPrior(samples=-1)
    with pytest.raises(NotApplicableError, match="a prior"):
        _ = derive_mesa_optimizers(TrainingSetup(red_door())).ranking
    bare = derive_mesa_optimizers(TrainingSetup(red_door().cid), prior=SimplicityPrior())
    with pytest.raises(NotApplicableError, match="bare diagram"):
        _ = bare.ranking
    assert isinstance(cm.mesa.SimplicityPrior(), SimplicityPrior)


def test_a_regret_that_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many policies to list, and sets of value tables out of reach: there are numbers, and no regret of `y`."""
    monkeypatch.setattr(among_optimal, "WORK", 10)
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


# What an order rests on ----------------------------------------------------------------------------------------------


def coin_run(third: bool) -> TrainingSetup:
    """The coin is where the level ends, in training; there may be a third place, where it never is in training."""
    places = (0, 1, 2) if third else (0, 1)
    cid = cm.CID(
        [
            ("end", "go"), ("coin", "go"), ("end", "coin"), ("go", "reach_end"), ("end", "reach_end"),
            ("go", "reach_coin"), ("coin", "reach_coin"), ("reach_coin", "reward"),
        ],
        decisions=["go"],
        utilities=["reward"],
    )  # fmt: skip
    model = cid.parameterise(
        end=cm.Uniform(0, 1),
        coin=cm.Function(lambda end: end, domain=places),
        go=[0, 1],
        reach_end=lambda go, end: int(go == end),
        reach_coin=cm.Function(lambda go, coin: int(go == coin), domain=(0, 1)),
        reward=lambda reach_coin: reach_coin,
    )
    return TrainingSetup(model, {"moved": {"coin": cm.Function(lambda end: 1 - end, domain=places)}})


def test_an_order_that_rests_on_values_training_never_shows_says_so() -> None:
    prior = SimplicityPrior(1, 1, 1000, 8)
    ranking = derive_mesa_optimizers(coin_run(True), prior=prior).ranking
    end, coin = (next(r for r in ranking if r.candidate.names == (n,)) for n in ("reach_end", "reach_coin"))
    assert (end.posterior > 0.9999, coin.posterior < 0.0001) == (True, True)  # which is read as a finding, and is none
    assert end.complexity < coin.complexity
    assert end.candidate.bits(8, shown=True) == coin.candidate.bits(8, shown=True)
    [caveat] = [c for c in ranking.caveats if "never shows" in c]
    assert "coin = 2" in caveat
    assert "reach_coin" in caveat
    assert "100" not in str(ranking).replace("samples=1000", "")
    assert "not settled" in str(ranking)
    assert "stays first" not in str(ranking)
    low, high = ranking.posterior_range["reach_end",]
    assert low < 0.5
    assert high > 0.999
    written = report(derive_mesa_optimizers(coin_run(True), prior=prior), title="").text(150)
    assert "Not settled" in written
    assert "100.0" not in written
    # Without the third place there is nothing to choose between them, and that is said too.
    level = derive_mesa_optimizers(coin_run(False), prior=prior).ranking
    assert not [c for c in level.caveats if "never shows" in c]
    assert [c for c in level.caveats if "is less than one number" in c]


def test_a_lead_that_survives_the_priors_own_uncertainty_is_said_to_and_is_never_certain() -> None:
    ranking = family(SimplicityPrior(samples=1e5)).ranking
    assert ranking[0].candidate.names == ("at_door",)
    assert ranking.caveats == ()
    assert "stays first" in str(ranking)
    assert "100" not in str(ranking).replace("100000", "")
    assert repr(ranking).endswith(f"first: at_door ({ranking.share(ranking[0])})")


@given(st.floats(0.1, 3), st.floats(0.1, 3), st.floats(1, 1000), st.floats(1, 16), st.sampled_from([0.0, 0.05, 0.2]))
@settings(max_examples=examples(quick=10, full=100), deadline=None)
def test_ranges_hold_every_ranking_within_the_uncertainty(
    weight: float, sharpness: float, samples: float, bits: float, mismatch: float
) -> None:
    ranking = family(SimplicityPrior(weight, sharpness, samples, bits), mismatch).ranking
    for other in [ranking, *ranking.sensitivity().values()]:
        for row in other:
            low, high = ranking.posterior_range[row.candidate.names]
            assert low - 1e-9 <= row.posterior <= high + 1e-9
    if not ranking.caveats:
        assert not ranking.contenders()
        assert ranking[0].log_weight - ranking[1].log_weight >= weight * bits - 1e-9

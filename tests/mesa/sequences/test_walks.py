"""A walk on a board by hand: what proxies cost, whatever the dose and the slip."""

from __future__ import annotations

import pytest

import cidmesa as cm
from cidmesa.mesa.sequences.certificates import proves
from tests.mesa.sequences import walks


@pytest.mark.parametrize(("dose", "low", "high"), [(0.0, 0, 0), (0.02, 0.1632, 0.168448), (0.1, 0.816, 0.84224)])
def test_a_corner_that_mostly_holds_the_coin(dose: float, low: float, high: float) -> None:
    family = cm.derive_mesa_optimizers(walks.setup(dose=dose), targets=["corner", "at_coin"])
    corner, coin = family["corner"], family["at_coin"]
    assert corner.of("corner").regret("training") == pytest.approx((low, high), abs=1e-12)
    assert corner.consistency.value == ("EXCLUDED" if dose else "CONSISTENT")
    assert corner.training_regret == pytest.approx(high)
    for found in (corner.deployment_regret, corner.stale_regret):
        assert found["anywhere"] == pytest.approx((8.16, 8.4224), abs=1e-12)
        assert found["anywhere"].gap == 0
    assert coin.consistency.value == "CONSISTENT"
    assert coin.robustly_aligned["anywhere"]
    if dose:  # with none, what to do about coins elsewhere is not learned, but known: the law of a step is given
        assert coin.robustly_aligned_stale["anywhere"]


@pytest.mark.parametrize("slip", [1e-3, 1e-2])
def test_a_small_slip_flips_no_verdict_and_hides_no_tie(slip: float) -> None:
    # Eight steps away what is at stake is slip**8: far below what floating point tells from nothing.
    for dose in (0.0, 0.02):
        family = cm.derive_mesa_optimizers(walks.setup(5, 12, dose, slip), targets=["corner", "at_coin"])
        assert family["at_coin"].of("at_coin").regret("training") == (0, 0)
        assert family["corner"].consistency.value == ("EXCLUDED" if dose else "CONSISTENT")
        low, high = family["corner"].of("corner").regret("training")
        assert low >= 0
        assert (high > 0) == bool(dose)


def test_what_is_at_stake_may_be_far_below_rounding() -> None:
    # A corridor of twelve cells, each move failing with probability .999: the end is reached with probability 1e-33.
    cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])

    def moved(at: int, act: str) -> dict[int, float] | int:
        return {min(11, at + 1): 0.001, at: 0.999} if act == "go" and at < 11 else at

    made = {"act": ["stay", "go"], "pay": lambda **now: int(now["at'"] == 11)}
    step = cid.parameterise({"at": [1.0, *[0.0] * 11], "at'": cm.Function(moved, domain=list(range(12))), **made})
    family = cm.derive_mesa_optimizers(cm.SequenceSetup(step, 11), targets=["pay", "at'"])
    assert family.setup.optimum("training").value == pytest.approx(1e-33, rel=1e-9)
    actions = family["pay"].possible_actions("training")
    late = [[("stay", "go")] * t + [("go",)] for t in range(11)]  # who has lost a move cannot arrive
    assert [list(actions[f"act@{t}"].values()) for t in range(11)] == late
    found = family["at'"].existence
    assert found.answer
    assert proves(found, family.setup, ("at'",))


def test_a_cell_in_the_centre_is_no_reason_to_go_to_the_corner() -> None:
    step = walks.step(3, 0.0)
    setup = cm.SequenceSetup(step, 4, {"anywhere": walks.coin_laws(3, 1.0)})
    given = {"at": lambda at: int(at == (1, 1))}
    centre = cm.derive_mesa_optimizers(setup, targets=["at"], objectives=given)["at"]
    assert centre.of(centre.declared[0]).regret("training")[0] > 0
    assert centre.consistency.value == "CONSISTENT"  # of all objectives on the cells one is: the corner
    assert centre.objective is not None
    assert centre.objective.name == "[at = (2, 2)]"

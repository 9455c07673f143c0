"""Predictions about sequences: what complies with a hypothesis breaks no row of it, and what does not does."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from tests.mesa.sequences import walks
from tests.mesa.sequences.small import BruteForce, Policy, steps
from tests.strategies import examples


def kept(row: Any, there: BruteForce, policy: Policy) -> bool:
    """Say whether a policy keeps what a row claims of it."""
    if row.kind == "regret":
        low, high = row.expected
        return low - 1e-12 <= there.regrets([policy])[0] <= high + 1e-12
    at = {s for s, p in enumerate(there.start) if p}
    move = int(row.decision.rpartition("@")[2])
    for rule in policy[:move]:
        at = {n for s in at for n in np.flatnonzero(there.law[s, rule[s]]).tolist()}
    return all(policy[move][s] in may for (s,), may in row.expected if s in at)


@given(steps(states=2, marks=3), st.integers(1, 2), st.lists(st.integers(-2, 2), min_size=3, max_size=3))
@settings(max_examples=examples(12, 60), deadline=None)
def test_an_optimizer_of_a_consistent_objective_keeps_every_row_of_its_hypothesis(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, numbers: list[int]
) -> None:
    step, shift = drawn
    here, there = BruteForce(step, horizon), BruteForce(step.shift(shift), horizon)
    if here.regrets(here.optimal(numbers))[1] > 0:
        return
    family = cm.derive_mesa_optimizers(cm.SequenceSetup(step, horizon, {"there": shift}), targets=["mark"])
    for reading, believed in (("competent", there), ("stale", here)):
        predictions = family.predictions(reading=reading)
        assert predictions.reading == reading
        for row in (*predictions, *predictions.structural):
            if row.deployment == "there" and row.kind != "coverage":
                for policy in believed.optimal_everywhere(numbers):
                    assert kept(row, there, policy), row.id
        for row in predictions:  # and each can fail
            if row.kind in {"actions", "regret"}:
                assert not all(kept(row, there, policy) for policy in there.policies()), row.id
        for row in predictions.structural:
            if row.deployment == "there" and row.kind == "actions":
                assert all(kept(row, there, policy) for policy in there.policies()), row.id


def test_a_coin_elsewhere_tells_the_corner_from_the_coin() -> None:
    family = cm.derive_mesa_optimizers(walks.setup(3, 4), targets=["corner", "at_coin"])
    assert [m.names for m in family.hypotheses] == [("corner",), ("at_coin",)]
    frozen = family.predictions()
    rows = {row.id: row for row in frozen}
    corner, coin, joint = (
        dict(rows[f"{who}/anywhere/actions/act@0"].expected) for who in ("corner", "at_coin", "joint")
    )
    assert corner.keys() == coin.keys() == joint.keys()
    order = family.setup.step.cid.parents("act")
    middle = tuple({"at": (1, 1), "coin": (0, 0)}[name] for name in order)
    assert (corner[middle], coin[middle]) == (("down", "right"), ("up", "left"))
    assert joint[middle] == ("up", "down", "left", "right")
    assert rows["joint/anywhere/coverage"].expected is True
    structural = [row.id for row in frozen.structural if not row.id.endswith("act@3")]  # the last move earns nothing
    assert structural == ["lookup table/training/regret/reward", "joint/anywhere/regret/reward"]
    knowing = {row.id: row.expected for row in family.predictions(reading="competent")}
    assert knowing["at_coin/anywhere/regret/reward"] == (0.0, 0.0)
    assert knowing["corner/anywhere/regret/reward"] == tuple(family["corner"].deployment_regret["anywhere"])
    shown = cm.derive_mesa_optimizers(walks.setup(3, 4, dose=0.1), targets=["at_coin"])
    assert not shown.predictions()  # training shows every state: a frozen agent goes on as it is

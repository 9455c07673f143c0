"""One rule for all moves: verdicts, regrets and actions against all stationary rules."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.candidates.mesa_optimizer import Consistency
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive
from tests.mesa.sequences import walks
from tests.mesa.sequences.small import BruteForce, steps
from tests.strategies import examples

VALUES = ((0, 1), (1, 0), (0, 0))


def costs(model: cm.CIM, horizon: int, wanted: cm.CIM | None = None) -> dict[tuple[int, int], list[Fraction]]:
    """Return, by objective on two marks, what each optimal stationary rule costs the base in a world.

    Optimal in that world; with `wanted`, in that one.
    """
    force, where = BruteForce(model, 1), BruteForce(wanted or model, 1)
    force.horizon = where.horizon = horizon
    rules = [(rule,) * horizon for rule in product(range(2), repeat=3)]
    earns = {rule: force.worth(rule) for rule in rules}
    found = {}
    for values in VALUES:
        wants = {rule: where.worth(rule, [Fraction(x) for x in values]) for rule in rules}
        best = max(wants.values())
        found[values] = [max(earns.values()) - earns[rule] for rule in rules if wants[rule] == best]
    return found


@given(steps(states=3, marks=2), st.integers(1, 3), st.sampled_from([0.0, 0.25, 1.0]))
@settings(max_examples=examples(20, 200), deadline=None)
def test_what_is_said_holds_of_all_stationary_rules(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, tolerance: float
) -> None:
    step, shift = drawn
    setup = cm.SequenceSetup(step, horizon, {"there": shift}, clock=False)
    m = cm.derive_mesa_optimizers(setup, targets=["mark"], tolerance=tolerance)["mark"]
    training = costs(step, horizon)
    within = [values for values in VALUES if max(training[values]) <= tolerance]
    if m.consistency is Consistency.UNKNOWN:  # a clock is worth something to an objective
        assert any(_clock_matters(setup, values) for values in VALUES)
    else:
        assert (m.consistency is Consistency.CONSISTENT) == bool(within)
    assert m.training_regret is not None
    assert m.training_regret >= float(min(max(training[values]) for values in VALUES)) - 1e-12
    there = costs(step.shift(shift), horizon)
    found = m.deployment_regret["there"]
    if m.consistency is Consistency.CONSISTENT:
        low, high = (f(f(there[values]) for values in within) for f in (min, max))
        assert found.low - found.gap - 1e-12 <= float(low) <= found.low + found.gap + 1e-12
        assert found.high - found.gap - 1e-12 <= float(high) <= found.high + found.gap + 1e-12
        assert not m.robustly_aligned["there"] or high == 0


def _clock_matters(setup: cm.SequenceSetup, values: tuple[int, int]) -> bool:
    """Whether rules of their own for each move earn more by an objective than any stationary one."""
    from cidmesa.mesa.sequences.one_rule import best_rule

    paid = Additive(setup, ("mark",), [Fraction(x) for x in values]).paid("training")
    alone = best_rule(setup, paid, "training")
    assert alone is not None
    return alone.value != sweeps.optimal(setup.training.model, paid, setup.horizon)[1]


@given(steps(states=3, marks=2), st.integers(1, 3))
@settings(max_examples=examples(20, 100), deadline=None)
def test_possible_actions_hold_what_optimal_rules_do(drawn: tuple[cm.CIM, dict[str, Any]], horizon: int) -> None:
    step, shift = drawn
    setup = cm.SequenceSetup(step, horizon, {"there": shift}, clock=False)
    m = cm.derive_mesa_optimizers(setup, targets=["mark"])["mark"]
    if m.consistency is not Consistency.CONSISTENT:
        return
    model = step.shift(shift)
    may = m.may_take("there")
    force = BruteForce(model, 1)
    force.horizon = horizon
    rules = [(rule,) * horizon for rule in product(range(2), repeat=3)]
    training = costs(step, horizon)
    for values in (v for v in VALUES if max(training[v]) == 0):
        wants = {rule: force.worth(rule, [Fraction(x) for x in values]) for rule in rules}
        for rule in (rule for rule in rules if wants[rule] == max(wants.values())):
            at = {s for s, p in enumerate(model.cpd("at").tolist()) if p}
            for t in range(horizon):
                assert all(may[t, s, rule[0][s]] for s in at)
                at = {n for s in at for n, p in enumerate(model.cpd("at'")[s, rule[0][s]].tolist()) if p}


def test_the_walk_without_a_clock() -> None:
    """Going to the corner and staying there needs no clock, so one rule costs what rules of their own cost."""
    with_clock = walks.setup(side=3, horizon=5)
    tables = {name: with_clock.at(name) for name in ("training", *with_clock.deployments)}
    alone = cm.SequenceSetup.of_worlds(tables, with_clock.horizon, with_clock.step, clock=False)
    one, own = (cm.derive_mesa_optimizers(s, targets=["corner"])["corner"] for s in (alone, with_clock))
    name = with_clock.deployments[0]
    assert one.consistency is own.consistency is Consistency.CONSISTENT
    assert one.deployment_regret[name].low - one.deployment_regret[name].gap <= own.deployment_regret[name].low + 1e-9
    assert "one rule for all moves" in repr(alone)
    assert "One rule for all moves" in str(cm.derive_mesa_optimizers(alone, targets=["corner"]))


def test_what_is_not_known_without_a_clock_is_refused() -> None:
    cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at'", "pay")], decisions=["act"], utilities=["pay"])
    step = cid.parameterise(
        {
            "at": [1.0, 0.0],
            "act": [0, 1],
            "at'": lambda at, act: act,
            "pay": lambda **now: now["at'"],
        }
    )
    with pytest.raises(cm.NotApplicableError, match="clock=True"):
        cm.SequenceSetup(step, 2, selects="minimax regret", clock=False)
    family = cm.derive_mesa_optimizers(cm.SequenceSetup(step, 2, {"same": {}}, clock=False))
    with pytest.raises(cm.NotApplicableError, match="see the clock"):
        _ = family["at'"].existence
    assert family["at'"].consistency is Consistency.CONSISTENT
    assert family["at'"].weakly_consistent
    assert "loses at most 0" in " ".join(family["at'"].reasons.text)
    cured = cm.distinguishing_training(cm.SequenceSetup(step, 2, {"same": {}}, clock=False), "at'")
    assert all(row.harmless for row in cured)

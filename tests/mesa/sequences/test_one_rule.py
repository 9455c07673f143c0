"""One rule for all moves, against all stationary rules."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.one_rule import best_rule, one_rule_regret
from tests.mesa.sequences import walks
from tests.mesa.sequences.small import BruteForce, steps
from tests.strategies import examples


@given(steps(states=3, marks=2), st.integers(1, 3), st.integers(0, 3), st.sampled_from([1, -1]))
@settings(max_examples=examples(20, 100), deadline=None)
def test_the_best_rule_is_that_of_all_rules(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, branches: int, sign: int
) -> None:
    step, _ = drawn
    setup = cm.SequenceSetup(step, horizon)
    force = BruteForce(step, 1)
    force.horizon = horizon
    earned = [sign * force.worth((rule,) * horizon) for rule in product(range(2), repeat=3)]
    found = best_rule(setup, setup.training.base, "training", sign=sign)
    assert found is not None
    assert found.exact
    assert found.value == sign * max(earned)
    played = tuple(found.rule.get(s, 0) for s in range(3))
    assert force.worth((played,) * horizon) == found.value
    short = best_rule(setup, setup.training.base, "training", sign=sign, branches=branches)
    assert short is not None
    assert sign * short.bound >= max(earned)
    assert short.value is None or sign * short.value in earned


@given(steps(states=3, marks=2), st.integers(1, 3), st.integers(1, 40))
@settings(max_examples=examples(20, 100), deadline=None)
def test_regrets_of_optimal_rules_are_those_of_all_rules(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, branches: int
) -> None:
    step, shift = drawn
    setup = cm.SequenceSetup(step, horizon, {"there": shift})
    values = [Fraction(0), Fraction(1)]
    for name, model in (("training", step), ("there", step.shift(shift))):
        force = BruteForce(model, 1)
        rules = [(rule,) * horizon for rule in product(range(2), repeat=3)]
        force.horizon = horizon
        wants = {rule: force.worth(rule, values) for rule in rules}
        earns = {rule: force.worth(rule) for rule in rules}
        costs = [max(earns.values()) - earns[rule] for rule in rules if wants[rule] == max(wants.values())]
        found = one_rule_regret(setup, ("mark",), values, name)
        own = Additive(setup, ("mark",), values)
        paid, may = own.paid(name), own.may(name)
        assert may.shape == (horizon, 3, 2)
        alone = best_rule(setup, paid, name)
        assert alone is not None
        if found is None:  # a clock is worth something to the objective
            assert alone.value is not None
            assert alone.value < _own(setup, paid, name)
            continue
        assert found == pytest.approx((float(min(costs)), float(max(costs))), abs=1e-12)
        assert found.gap == 0
        short = one_rule_regret(setup, ("mark",), values, name, branches=branches)
        if short is not None:
            assert short.low - short.gap - 1e-12 <= float(min(costs)) <= short.low + short.gap + 1e-12
            assert short.high - short.gap - 1e-12 <= float(max(costs)) <= short.high + short.gap + 1e-12


def _own(setup: cm.SequenceSetup, paid: Any, name: str) -> Fraction:
    from cidmesa.mesa.sequences import sweeps

    return sweeps.optimal(setup.at(name).model, paid, setup.horizon)[1]


def test_on_a_board_no_clock_is_needed_until_the_wind_blows() -> None:
    calm = walks.setup(5, 12)
    best = best_rule(calm, calm.at("anywhere").base, "anywhere")
    assert best is not None
    assert best.exact
    assert float(best.value or 0) == pytest.approx(8.8)
    corner = cm.derive_mesa_optimizers(calm, targets=["corner"])["corner"]
    regret = corner.one_rule_regret("anywhere")
    assert regret is not None
    assert regret.low == pytest.approx(8.16)
    assert regret.high <= 8.4224 + 1e-12 <= regret.high + regret.gap + 2e-12
    windy = cm.derive_mesa_optimizers(walks.setup(2, 3, slip=0.5), targets=["at_coin"])["at_coin"]
    assert windy.one_rule_regret("anywhere") == (0, 0)


def test_a_clock_that_is_worth_something_leaves_regrets_unknown() -> None:
    # To work while there is time, and to jump at last, which pays more and ends it: no rule without a clock does both.
    edges = [("at", "act"), ("at", "at'"), ("act", "at'"), ("at", "mark"), ("act", "mark"), ("mark", "pay")]
    cid = cm.CID(edges, decisions=["act"], utilities=["pay"])
    made = {"at": [1.0, 0.0], "act": ["work", "jump"], "at'": lambda at, act: int(at or act == "jump")}
    made |= {"mark": lambda at, act: 0 if at else 2 if act == "work" else 3, "pay": lambda mark: mark}
    setup = cm.SequenceSetup(cid.parameterise(made), 2)
    m = cm.derive_mesa_optimizers(setup, targets=["mark"])["mark"]
    assert m.of("mark").regret("training") == (0, 0)
    assert m.one_rule_regret("training", objective="mark") is None
    best = best_rule(setup, setup.training.base, "training")
    assert best is not None
    assert (best.value, best.exact, setup.optimum("training").value) == (4, True, 5)
    assert m.one_rule_regret("training", objective="[mark = 2]") == (0, 0)  # to work all the time

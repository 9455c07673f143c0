"""Predictions and cures for one rule for all moves, against all stationary rules."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.candidates.mesa_optimizer import Consistency
from cidmesa.mesa.predictions.predictions import OPEN
from cidmesa.mesa.sequences import bracket, sweeps, without_clock
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.predictions import counted
from tests.mesa.sequences import walks
from tests.mesa.sequences.small import BruteForce, steps
from tests.strategies import examples

Rule = tuple[int, ...]
VALUES = ((0, 1), (1, 0), (0, 0))
RULES: tuple[Rule, ...] = tuple(product(range(2), repeat=3))


class Stationary:
    """All deterministic stationary rules of a small step, one by one."""

    def __init__(self, step: cm.CIM, horizon: int) -> None:
        self.step, self.horizon = step, horizon
        self._force = BruteForce(step, 1)
        self._force.horizon = horizon
        self.earns = {rule: self.worth(rule) for rule in RULES}

    def worth(self, rule: Rule, values: tuple[int, ...] | None = None) -> Fraction:
        """Return what a rule earns, by the score or by numbers for marks."""
        return self._force.worth((rule,) * self.horizon, values)

    def optimal(self, values: tuple[int, ...]) -> list[Rule]:
        """Return the rules that are best for numbers for marks."""
        wants = {rule: self.worth(rule, values) for rule in RULES}
        return [rule for rule in RULES if wants[rule] == max(wants.values())]

    def regret(self, rule: Rule) -> Fraction:
        """Return the base regret of a rule, against the best one."""
        return max(self.earns.values()) - self.earns[rule]

    def path(self, rule: Rule) -> list[set[int]]:
        """Return the states that a rule comes to before each move."""
        at = [{s for s, p in enumerate(self.step.cpd("at").tolist()) if p}]
        for _ in range(self.horizon - 1):
            at.append({n for s in at[-1] for n in np.flatnonzero(self.step.cpd("at'")[s, rule[s]]).tolist()})
        return at

    def staying(self, may: np.ndarray) -> list[Rule]:
        """Return the rules that stay within some actions wherever they go."""
        return [rule for rule in RULES if all(may[t, s, rule[s]] for t, now in enumerate(self.path(rule)) for s in now)]

    def takes(self, rules: list[Rule]) -> set[tuple[int, int]]:
        """Return the pairs of a state and what is done there."""
        return {(s, rule[s]) for rule in rules for now in self.path(rule) for s in now}


def consistent(here: Stationary, tolerance: float = 0.0) -> list[tuple[int, ...]]:
    """Return the numbers for marks all of whose best rules cost no more than the tolerance."""
    return [values for values in VALUES if max(map(here.regret, here.optimal(values))) <= tolerance]


def pairs(row: Any) -> set[tuple[int, int]]:
    """Return what a row of actions allows."""
    return {(s, a) for (s,), actions in row.expected for a in actions}


def about(row: Any) -> set[tuple[int, int]]:
    """Return all that may be done in the states that a row is about."""
    return {(s, a) for (s,), _ in row.expected for a in range(2)}


@given(steps(states=3, marks=2), st.integers(1, 3), st.sampled_from(["competent", "stale"]), st.booleans())
@settings(max_examples=examples(25, 200), deadline=None)
def test_rows_say_what_stationary_rules_do(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, reading: Any, short: bool
) -> None:
    step, shift = drawn
    setup = cm.SequenceSetup(step, horizon, {"there": shift}, clock=False)
    here, there = Stationary(step, horizon), Stationary(step.shift(shift), horizon)
    family = cm.derive_mesa_optimizers(setup, targets=["mark"])
    with pytest.MonkeyPatch.context() as patch:
        if short:  # as where searches end before they are done
            patch.setattr(bracket.bracket, "__kwdefaults__", {"branches": 1})
            patch.setattr(without_clock.enclosed, "__kwdefaults__", {"branches": 1})
        predictions = family.predictions(reading=reading)
    rows = [row for row in (*predictions, *predictions.structural) if row.deployment == "there"]
    bounds = predictions.undecidable
    assert all(row.theorem.startswith(f"{OPEN}: ") for row in bounds)
    assert not {row.id for row in rows} & {row.id for row in bounds}
    if not family.hypotheses:
        assert not rows
        return
    done: set[tuple[int, int]] = set()
    costs: set[Fraction] = set()
    for values in consistent(here):
        rules = there.optimal(values)
        if reading == "stale":
            may = Additive(setup, ("mark",), [Fraction(x) for x in values]).may("training")
            rules = there.staying(may) or list(RULES)
        done |= there.takes(rules)
        costs |= set(map(there.regret, rules))
    new = {s for s in range(3) if counted(setup, "there", predictions.reading)[0, s]}
    done = {(s, a) for s, a in done if s in new}
    said = [row for row in rows if row.kind == "actions"]
    loose = [row for row in bounds if row.kind == "actions"]
    settled = {s for row in said for (s,), _ in row.expected}
    if family["mark"].consistency is Consistency.CONSISTENT:
        assert set().union(*map(pairs, said)) == {(s, a) for s, a in done if s in settled}
    else:
        assert not said
    assert {(s, a) for s, a in done if s not in settled} <= set().union(*map(pairs, loose))
    for row in (*rows, *bounds):
        if row.kind == "regret" and costs:
            low, high = row.expected
            assert low - 1e-12 <= float(min(costs))
            assert float(max(costs)) <= high + 1e-12
            if row not in bounds and reading == "competent":
                assert (low, high) == pytest.approx((float(min(costs)), float(max(costs))), abs=1e-12)
    for row in predictions:  # and each can fail
        if row.kind == "regret":
            assert any(not row.expected[0] <= float(there.regret(rule)) <= row.expected[1] for rule in RULES)
        elif row.kind == "actions":
            assert any(not takes <= pairs(row) for rule in RULES if (takes := there.takes([rule]) & about(row)))


def tossing(step: cm.CIM, chances: tuple[Fraction, ...], values: tuple[int, ...], horizon: int) -> Fraction:
    """Return what a rule that tosses coins is worth: the chance of the second action, state by state."""
    force = BruteForce(step, 1)
    after = [Fraction(0)] * 3
    for _ in range(horizon):
        one = [
            force.values(((a,) * 3,), values)[0][s]
            + sum((Fraction(p) * after[n] for n, p in enumerate(step.cpd("at'")[s, a].tolist())), Fraction(0))
            for s in range(3)
            for a in range(2)
        ]
        after = [(1 - p) * one[2 * s] + p * one[2 * s + 1] for s, p in enumerate(chances)]
    return sum((p * v for p, v in zip(force.start, after, strict=True)), Fraction(0))


@given(steps(states=3, marks=2), st.integers(1, 3), st.sampled_from(VALUES[:2]))
@settings(max_examples=examples(8, 30), deadline=None)
def test_rules_that_toss_coins_take_no_other_actions_where_no_clock_is_needed(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, values: tuple[int, ...]
) -> None:
    step, _ = drawn
    setup = cm.SequenceSetup(step, horizon, clock=False)
    found = Additive(setup, ("mark",), [Fraction(x) for x in values])
    best = sweeps.optimal(setup.training.model, found.paid("training"), horizon)[1]
    alone = Stationary(step, horizon)
    rules = {
        chances: tossing(step, chances, values, horizon)
        for chances in product((Fraction(0), Fraction(1, 2), Fraction(1)), repeat=3)
    }
    assert max(rules.values()) <= best  # what rules of their own earn bounds those that toss coins as well
    outer = bracket.bracket(setup, "training", found.may("training"), np.ones(3, dtype=bool)).outer
    if max(alone.worth(rule, values) for rule in RULES) < best:
        assert not outer.any()
        return
    law = step.cpd("at'")
    for chances in (one for one, worth in rules.items() if worth == best):
        may = np.array([[p < 1, p > 0] for p in chances])
        at = {s for s, p in enumerate(step.cpd("at").tolist()) if p}
        for _ in range(horizon):
            assert all(outer[s][may[s]].all() for s in at)
            at = {n for s in at for a in np.flatnonzero(may[s]) for n in np.flatnonzero(law[s, a]).tolist()}


@given(steps(states=3, marks=2), st.integers(1, 3))
@settings(max_examples=examples(8, 40), deadline=None)
def test_cures_of_one_rule_are_those_of_all_rules(drawn: tuple[cm.CIM, dict[str, Any]], horizon: int) -> None:
    step, shift = drawn
    setup = cm.SequenceSetup(step, horizon, {"there": shift}, clock=False)
    here, there = Stationary(step, horizon), Stationary(step.shift(shift), horizon)
    cures = cm.distinguishing_training(setup, "mark", weights=(0.5,))
    marked = [v for v in consistent(here) if v in consistent(there)]  # a rule each, told apart by the mark
    rows = {str(row.kind): row for row in cures}
    unjudged = " ".join(cures.unjudged)
    if "seen" not in unjudged:  # what is consistent there costs nothing there: removed, or harmless
        assert rows["mix, seen"].removed is not bool(marked)
    if list(shift) == ["at"] and "mix 0.5 of there" not in cures.unjudged:
        both = [(here.earns[rule] + there.earns[rule]) / 2 for rule in RULES]
        costs = {rule: max(both) - earned for rule, earned in zip(RULES, both, strict=True)}
        left = []
        for values in VALUES:
            wants = {rule: here.worth(rule, values) + there.worth(rule, values) for rule in RULES}
            best = [rule for rule in RULES if wants[rule] == max(wants.values())]
            left += [values] if max(costs[rule] for rule in best) == 0 else []
        lost = [there.regret(rule) for values in left for rule in there.optimal(values)]
        assert ("mix" in rows) is (not any(lost))
        if "mix" in rows:
            assert rows["mix"].removed is (not left)


def test_a_walk_without_a_clock_says_what_the_corner_and_the_coin_do() -> None:
    seen = walks.setup(3, 5)
    alone = cm.SequenceSetup.of_worlds(seen.tables, 5, seen.step, clock=False)
    family = cm.derive_mesa_optimizers(alone, targets=["corner", "at_coin"])
    rows = {row.id: row for row in family.predictions()}
    order = alone.step.cid.parents("act")
    middle = tuple({"at": (1, 1), "coin": (0, 0)}[name] for name in order)
    corner, coin = (dict(rows[f"{who}/anywhere/actions/act"].expected) for who in ("corner", "at_coin"))
    assert (corner[middle], coin[middle]) == (("down", "right"), ("up", "left"))
    assert rows["joint/anywhere/coverage"].expected is True
    assert not family.predictions().undecidable
    knowing = {row.id: row.expected for row in family.predictions(reading="competent")}
    assert knowing["at_coin/anywhere/regret/reward"] == (0.0, 0.0)


def test_where_a_clock_is_worth_something_rows_are_bounds_and_say_so() -> None:
    # To work while there is time, and to jump at last, which pays more and ends it: no rule without a clock does both.
    edges = [("at", "act"), ("at", "at'"), ("act", "at'"), ("at", "mark"), ("act", "mark"), ("mark", "pay")]
    cid = cm.CID(edges, decisions=["act"], utilities=["pay"])
    made = {"at": [0.0, 1.0], "act": ["work", "jump"], "at'": lambda at, act: int(at or act == "jump")}
    made |= {"mark": lambda at, act: 0 if at else 2 if act == "work" else 3, "pay": lambda mark: mark}
    setup = cm.SequenceSetup(cid.parameterise(made), 2, {"at work": {"at": [1.0, 0.0]}}, clock=False)
    family = cm.derive_mesa_optimizers(setup, targets=["pay"])
    for reading in ("stale", "competent"):
        predictions = family.predictions(reading=reading)
        assert predictions.undecidable[0].id == "joint/at work/actions/act (bound)"
        assert dict(predictions.undecidable[0].expected)[0,] == ("work", "jump")
        assert "may be consistent" in predictions.undecidable[0].theorem
        assert "no more than a bound is known" in str(predictions)
        assert not predictions

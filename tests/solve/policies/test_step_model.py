"""Step models: planning some moves ahead, and what comes of it, against recursion over all that may happen."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.dynamic_programming import sweep_back
from cidmesa.solve.policies.step_model import StepModel, best_values, chances, first_of, planned
from tests.solve.processes import Step, process
from tests.strategies import examples


@dataclass(frozen=True)
class World:
    """Weights of next states by state and action, in thirds; rewards by the state arrived at; which states count."""

    law: list[list[list[int]]]
    pays: list[int]
    then: list[int]
    marked: list[bool]
    start: list[int]

    @property
    def model(self) -> StepModel:
        return StepModel.of_law(np.array(self.law) / 3, self.start)

    def worth(self, state: int, left: int, pays: list[int]) -> Fraction:
        if not left:
            return Fraction(0)
        return max(self.action(state, a, left, pays, lambda s, k: self.worth(s, k, pays)) for a in range(2))

    def action(self, state: int, act: int, left: int, pays: list[int], beyond: Any) -> Fraction:
        return sum(
            (Fraction(w, 3) * (pays[s] + beyond(s, left - 1)) for s, w in enumerate(self.law[state][act]) if w),
            Fraction(0),
        )

    def plan(self, state: int, horizon: int, left: int) -> Fraction:
        """What the best plan of so many moves is worth, and then the rest as told."""
        if not horizon:
            return self.worth(state, left, self.then)
        return max(self.planned_action(state, a, horizon, left) for a in range(2))

    def planned_action(self, state: int, act: int, horizon: int, left: int) -> Fraction:
        return self.action(state, act, left, self.pays, lambda s, k: self.plan(s, horizon - 1, k))

    def chance(self, may: Any, state: int, t: int, so_far: int, wanted: int, choose: Any) -> Fraction:
        if t == len(may):
            return Fraction(int(so_far == wanted))
        return choose(
            sum(
                (
                    Fraction(w, 3) * self.chance(may, s, t + 1, so_far + self.marked[s], wanted, choose)
                    for s, w in enumerate(self.law[state][a])
                    if w
                ),
                Fraction(0),
            )
            for a in range(2)
            if may[t][state][a]
        )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    states = draw(st.integers(2, 3))
    spots = st.lists(st.integers(0, states - 1), min_size=3, max_size=3)
    moving = draw(st.booleans())

    def row() -> list[int]:
        where = [draw(st.integers(0, states - 1))] * 3 if moving else draw(spots)
        return [where.count(s) for s in range(states)]

    numbers = st.lists(st.integers(-1, 2), min_size=states, max_size=states)
    return World(
        [[row() for _ in range(2)] for _ in range(states)],
        draw(numbers),
        draw(numbers),
        draw(st.lists(st.booleans(), min_size=states, max_size=states)),
        draw(st.lists(st.integers(0, 2), min_size=states, max_size=states).filter(any)),
    )


@given(world=worlds(), horizon=st.integers(1, 4), moves=st.integers(1, 4))
@settings(max_examples=examples(quick=60, full=300))
def test_plans_equal_recursion(world: World, horizon: int, moves: int) -> None:
    found = planned(world.model, world.pays, horizon=horizon, moves=moves, then=world.then)
    for t, state in product(range(moves), range(len(world.pays))):
        left = moves - t
        worth = [world.planned_action(state, a, min(horizon, left), left) for a in range(2)]
        assert found[t, state].tolist() == [x == max(worth) for x in worth]
    assert best_values(world.model, world.pays, moves) == tuple(
        world.worth(s, moves, world.pays) for s in range(len(world.pays))
    )


@given(world=worlds(), horizon=st.integers(1, 3), moves=st.integers(1, 4), wanted=st.integers(0, 2))
@settings(max_examples=examples(quick=60, full=300))
def test_what_comes_of_them_equals_recursion(world: World, horizon: int, moves: int, wanted: int) -> None:
    may = planned(world.model, world.pays, horizon=horizon, moves=moves)
    ends = chances(world.model, may, marked=world.marked, wanted=wanted)
    for end, choose in zip(ends, (min, max), strict=True):
        every = [world.chance(may.tolist(), s, 0, 0, wanted, choose) for s in range(len(world.pays))]
        assert end == sum((w * x for w, x in zip(world.start, every, strict=True)), Fraction(0)) / sum(world.start)
    low, high = chances(world.model, first_of(may), marked=world.marked, wanted=wanted)
    assert ends[0] <= low == high <= ends[1]


@given(world=worlds(), moves=st.integers(1, 3), extra=st.integers(0, 2))
@settings(max_examples=examples(quick=20, full=200))
def test_a_horizon_as_long_as_the_episode_is_ordinary_planning(world: World, moves: int, extra: int) -> None:
    law = np.array(world.law) / 3
    step = Step(law, law @ np.array(world.pays))
    solved = sweep_back(process(np.array(world.start) / sum(world.start), [step] * moves))
    assert solved.value == pytest.approx(float(world.model.mean(best_values(world.model, world.pays, moves))), abs=1e-9)
    found = planned(world.model, world.pays, horizon=moves + extra, moves=moves, then=world.then)
    for t in range(moves):
        rows = solved.taken[f"action@{t}"]
        entered = rows.any(axis=1)
        assert np.array_equal(found[t][entered], rows[entered])


def test_numbers_beyond_64_bits_stay_exact() -> None:
    """Weights of a millionth over eight moves: a reward of one unit in the last place decides."""
    slips = [[[0.999999, 0.000001], [0.999999, 0.000001]], [[0, 1], [0, 1]]]
    model = StepModel.of_law(slips, [1, 0])
    assert model.unit == 10**6
    assert best_values(model, [0, 1], 8)[0] == sum(1 - Fraction(999_999, 10**6) ** k for k in range(1, 9))
    tied = planned(model, [[0.1, 0.1], [0, 0]], horizon=8, moves=8)
    apart = planned(model, [[0.1, 0.1 + 1e-12], [0, 0]], horizon=8, moves=8)
    assert tied[:, 0].all()
    assert not apart[:, 0, 0].any()


def test_what_is_refused() -> None:
    model = StepModel.moving([[0, 1], [1, 1]], [1, 0])
    wrong: list[tuple[str, Any]] = [
        ("0 to 1; got 0 to 2", lambda: StepModel.moving([[0, 2], [1, 1]], [1, 0])),
        ("state numbers by state and action", lambda: StepModel.moving([[0.5, 1], [1, 1]], [1, 0])),
        ("a whole number for each of 2 states", lambda: StepModel.moving([[0, 1], [1, 1]], [0, 0])),
        ("rows that sum to 1", lambda: StepModel.of_law([[[0.5, 0.4]], [[0, 1]]], [1, 0])),
        ("each of 2 actions; got the shape", lambda: planned(model, [1, 2, 3], horizon=1, moves=1)),
        ("horizon", lambda: planned(model, [1, 2], horizon=0, moves=1)),
        ("marked= of shape", lambda: chances(model, np.ones((1, 2, 2), bool), marked=[1], wanted=1)),
    ]
    for words, ask in wrong:
        with pytest.raises(NotApplicableError, match=words):
            ask()


# Environments that show their tables ------------------------------------------------------------------------------


def by_value_iteration(env: Any, moves: int) -> float:
    """Plain value iteration on gymnasium's own table, a done transition paying no more."""
    table = env.unwrapped.P
    value = np.zeros(len(table))
    for _ in range(moves):
        value = np.array(
            [
                max(sum(p * (r + (0.0 if done else value[to])) for p, to, r, done in rows) for rows in actions.values())
                for _, actions in sorted(table.items())
            ]
        )
    return float(env.unwrapped.initial_state_distrib @ value)


@pytest.mark.parametrize(
    ("name", "moves", "known"),
    [("FrozenLake-v1", 100, 0.74419), ("CliffWalking-v1", 50, -13.0), ("Taxi-v4", 200, 7.93)],
)
def test_environments_with_tables_are_worth_what_value_iteration_says(name: str, moves: int, known: float) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    env = gymnasium.make(name)
    model, reward = StepModel.of_gymnasium(env)
    worth = float(model.mean(best_values(model, reward, moves)))
    assert worth == pytest.approx(by_value_iteration(env, moves), abs=1e-9)
    assert worth == pytest.approx(known, abs=5e-3 if name == "Taxi-v4" else 5e-6)


def test_what_shows_no_tables_is_told() -> None:
    with pytest.raises(NotApplicableError, match="shows its tables"):
        StepModel.of_gymnasium(3)

    leaky = SimpleNamespace(P={0: {0: [(0.5, 0, 0.0, False)]}}, initial_state_distrib=(1.0,))
    with pytest.raises(NotApplicableError, match=r"P\[0\]\[0\] sums to 0.5"):
        StepModel.of_gymnasium(leaky)

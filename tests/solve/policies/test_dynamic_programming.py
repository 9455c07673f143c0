"""The three passes against all policies of small models, and Markov processes against Bellman in fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import MechanismError, NotApplicableError
from cidmesa.graph import is_soluble
from cidmesa.solve import contexts_that_come_up
from cidmesa.solve.policies.dynamic_programming import best_within, sweep_back, sweep_forward
from cidmesa.solve.policies.step_model import StepModel, best_values, planned
from cidmesa.solve.queries.support import contexts_by_decision
from tests.solve.brute_force import World, allowed_policies, number_of_policies, optimal_by_reached_context
from tests.solve.processes import Step, process
from tests.strategies import examples, models, restricted

LIMIT = 300


@given(model=models(max_chance=3, decisions=(2, 3), utilities=(1, 2), max_parents=2), seed=st.integers(0, 2**16))
@settings(max_examples=examples(quick=60, full=400))
def test_optimal_policies_are_all_combinations_of_optimal_actions(model: cm.CIM, seed: int) -> None:
    """What they take, and what the worst and the best of them are worth by other utilities, as by listing."""
    assume(is_soluble(model.cid) and number_of_policies(model) <= LIMIT)
    world = World(model)
    _, best = world.best(model.cid.decisions)
    found = sweep_back(model)
    used = optimal_by_reached_context(model, world, best)
    for decision, mask in used.items():
        assert np.array_equal(found.taken[decision], mask.reshape(found.taken[decision].shape))
    rng = np.random.default_rng(seed)
    other = model.shift({u: rng.integers(-3, 4, size=np.shape(model.cpd(u))) for u in model.cid.utilities})
    worth = [World(other).value(policy) for policy in best]
    low, high = found.worth(other, model.cid.utilities)
    assert (low.value, high.value) == pytest.approx((min(worth), max(worth)), abs=1e-9)


@given(model=restricted(models(max_chance=3, decisions=(1, 2), max_parents=2, max_card=3)), seed=st.integers(0, 2**16))
@settings(max_examples=examples(quick=60, full=400))
def test_what_is_best_within_given_sets(model: cm.CIM, seed: int) -> None:
    """The best, the worst and the contexts entered, over all policies that stay in given sets of actions."""
    assume(number_of_policies(model) <= 4 * LIMIT)
    rng = np.random.default_rng(seed)
    within = {}
    for decision in model.cid.decisions:
        may = model.allowed(decision)
        shape = [*map(model.card, model.cid.parents(decision)), model.card(decision)]
        every = np.ones(shape, dtype=bool) if may is None else np.array(may)
        some = every & (rng.random(shape) < 0.6)
        within[decision] = np.where(some.any(axis=-1, keepdims=True), some, every)
    narrow = model.restricted(within)
    policies = allowed_policies(narrow)
    assert all(np.array_equal(narrow.allowed(d) if narrow.allowed(d) is not None else m, m) for d, m in within.items())
    world = World(model)
    worth = [world.value(policy) for policy in policies]
    low, high = (best_within(model, model.cid.utilities, within, sign) for sign in (-1.0, 1.0))
    assert (low.value, high.value) == pytest.approx((min(worth), max(worth)), abs=1e-9)
    entered = sweep_forward(model, within)
    for decision, mask in optimal_by_reached_context(model, world, policies).items():
        assert np.array_equal(entered[decision], mask.reshape(entered[decision].shape))
    assert contexts_by_decision(narrow).keys() == set(model.cid.decisions)
    for decision, comes in contexts_by_decision(narrow).items():
        assert np.array_equal(comes, contexts_that_come_up(narrow, decision))


def random_steps(rng: np.random.Generator, steps: int) -> tuple[list[Fraction], list[dict[str, Any]]]:
    """Laws in tenths, rewards among few values, so that ties are frequent; some actions are forbidden."""

    def row(k: int) -> list[Fraction]:
        cut = np.sort(rng.integers(0, 11, size=k - 1)).tolist()
        return [Fraction(b - a, 10) for a, b in zip([0, *cut], [*cut, 10], strict=True)]

    sizes = rng.integers(1, 4, size=steps + 1).tolist()
    found = []
    for here, then in pairwise(sizes):
        actions = int(rng.integers(1, 4))
        may = rng.random((here, actions)) < 0.8
        may[np.arange(here), rng.integers(actions, size=here)] = True
        law = [[row(then) for _ in range(actions)] for _ in range(here)]
        if rng.random() < 0.5:  # two actions that lead to the same
            law = [[rows[0], *rows[:-1]] for rows in law]
        reward = [[Fraction(int(x), 10) for x in line] for line in rng.integers(0, 4, size=(here, actions))]
        found.append({"law": law, "reward": reward, "allowed": may})
    return row(sizes[0]), found


def bellman(steps: list[dict[str, Any]]) -> tuple[list[Fraction], list[list[list[bool]]]]:
    """Values of the first states, and the optimal actions of every step, in fractions."""
    then = [Fraction(0)] * len(steps[-1]["law"][0][0])
    optimal: list[list[list[bool]]] = []
    for step in reversed(steps):
        values = [
            [
                paid + sum((p * v for p, v in zip(row, then, strict=True)), Fraction(0)) if ok else None
                for paid, row, ok in zip(pays, rows, may, strict=True)
            ]
            for pays, rows, may in zip(step["reward"], step["law"], step["allowed"].tolist(), strict=True)
        ]
        then = [max(v for v in line if v is not None) for line in values]
        optimal.insert(0, [[v == top for v in line] for line, top in zip(values, then, strict=True)])
    return then, optimal


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(quick=60, full=400))
def test_a_markov_process_by_bellmans_equation(seed: int) -> None:
    """Values and optimal actions in every state; worst and best by another reward, and what is entered, by listing."""
    rng = np.random.default_rng(seed)
    start, steps = random_steps(rng, steps=int(rng.integers(1, 4)))
    as_floats = [
        Step(np.array(step["law"], dtype=float), np.array(step["reward"], dtype=float), step["allowed"])
        for step in steps
    ]
    model = process(np.array(start, dtype=float), as_floats)
    values, optimal = bellman(steps)
    found = sweep_back(model)
    assert found.value == pytest.approx(float(sum(p * v for p, v in zip(start, values, strict=True))), abs=1e-12)
    assert [found.optimal[f"action@{t}"].tolist() for t in range(len(steps))] == optimal
    other = [rng.integers(-2, 3, size=step.reward.shape).astype(float) for step in as_floats]
    ends, entered = listed(start, as_floats, [np.array(rows) for rows in optimal], other)
    paid = model.shift({f"reward@{t}": reward for t, reward in enumerate(other)})
    low, high = found.worth(paid, paid.cid.utilities)
    assert (low.value, high.value) == pytest.approx(ends, abs=1e-9)
    assert [found.taken[f"action@{t}"].tolist() for t in range(len(steps))] == [rows.tolist() for rows in entered]


def listed(
    start: list[Fraction], steps: list[Step], within: list[np.ndarray], rewards: list[np.ndarray]
) -> tuple[tuple[float, float], list[np.ndarray]]:
    """Follow every policy within given sets, a step at a time: least and largest worth, and what they take where."""
    laws = [(np.array(start, dtype=float), 0.0)]
    taken = [np.zeros_like(rows) for rows in within]
    for step, rows, reward, mark in zip(steps, within, rewards, taken, strict=True):
        following = {}
        for actions in product(*(np.flatnonzero(row).tolist() for row in rows)):
            rule = np.eye(rows.shape[1])[list(actions)]
            for law, worth in laws:
                mark |= (law[:, None] * rule) > 0
                then = np.einsum("s,sa,sat->t", law, rule, step.law)
                total = worth + float(np.einsum("s,sa,sa->", law, rule, reward))
                following[(*np.round(then, 9).tolist(), round(total, 9))] = (then, total)
        laws = list(following.values())
    worth = [total for _, total in laws]
    return (min(worth), max(worth)), taken


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(quick=20, full=200))
def test_a_step_model_planned_to_the_end_is_swept_alike(seed: int) -> None:
    """One step for all moves: arrays of successors and a diagram over time have the same values and optimal actions."""
    rng = np.random.default_rng(seed)
    states, actions, moves = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    law = rng.multinomial(10, np.full(states, 1 / states), size=(states, actions)) / 10
    reward = rng.integers(0, 4, size=(states, actions)) / 10
    steps = StepModel.of_law(law, np.ones(states, dtype=int))
    found = sweep_back(process(np.full(states, 1 / states), [Step(law, reward)] * moves))
    plan = planned(steps, reward, horizon=moves, moves=moves)
    assert [found.optimal[f"action@{t}"].tolist() for t in range(moves)] == plan.tolist()
    assert found.value == pytest.approx(float(steps.mean(best_values(steps, reward, moves))), abs=1e-12)


def test_a_long_walk_is_no_longer_than_its_steps() -> None:
    """Of 150 steps there are more policies than could ever be listed, and no probability is lost on the way."""
    rare = 1e-5
    law = np.array([[[1.0, 0.0], [1.0 - rare, rare]], [[0.0, 1.0], [0.0, 1.0]]])
    model = process([1, 0], [Step(law, np.array([[0.0, 0.0], [1.0, 1.0]]))] * 150)
    found = sweep_back(model)
    assert found.optimal["action@0"].tolist() == [[False, True], [True, True]]
    assert found.optimal["action@149"].tolist() == [[True, True], [True, True]]  # too late to matter
    assert found.value == pytest.approx(sum((1 - (1 - rare) ** t) for t in range(150)), rel=1e-9)
    assert found.taken["action@149"].tolist() == [[True, True], [True, True]]
    assert not found.taken["action@0"][1].any()


def test_what_cannot_be_swept() -> None:
    cid = cm.CID([("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    with pytest.raises(NotApplicableError, match="cannot be solved one by one"):
        sweep_back(cid.parameterise(a=[0, 1], b=[0, 1], u=lambda a, b: a * b))


def test_what_may_be_done_is_narrowed_with_a_reason() -> None:
    cid = cm.CID([("x", "a"), ("a", "u")], decisions=["a"], utilities=["u"])
    model = cid.parameterise(x=cm.Bernoulli(0.5), a=[0, 1], u=lambda a: a)
    with pytest.raises(MechanismError, match=r"`a` is given a mask of shape \(2,\): \(2, 2\) is needed"):
        model.restricted({"a": np.array([True, True])})
    with pytest.raises(MechanismError, match="may do nothing at x=1, and that can come up"):
        model.restricted({"a": np.array([[True, True], [False, False]])})
    assert model.restricted({"a": np.ones((2, 2), dtype=bool)}) == model

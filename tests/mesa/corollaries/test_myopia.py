"""Myopia: credit sets on unrolled diagrams, and the thresholds of b, c, γ and K."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError, UnknownNodeError
from cidmesa.mesa.corollaries.myopia import (
    myopia,
    planned_actions,
    selection_advantage,
    shared_effects,
    swapped,
    value_iteration,
)
from tests.mesa.exhaustive import World
from tests.strategies import examples

OWN = np.eye(2)[[[0, 1], [0, 1]]]
"""The action is the state that the next step finds."""


def reward(b: float, c: float) -> np.ndarray:
    """r = b·a' − c·a, with a' the action before."""
    return np.array([[b * before - c * now for now in (0, 1)] for before in (0, 1)])


def unrolled(steps: int) -> tuple[cm.CID, list[tuple[str, str]]]:
    edges = []
    for t in range(steps):
        edges.append((f"a{t}", f"r{t}"))
        if t:
            edges += [(f"a{t - 1}", f"s{t}"), (f"s{t}", f"r{t}")]
    cid = cm.CID(edges, decisions=[f"a{t}" for t in range(steps)], utilities=[f"r{t}" for t in range(steps)])
    return cid, [(f"a{t}", f"r{t}") for t in range(steps)]


def test_credit_for_the_own_step_is_myopic_and_credit_for_the_next_is_not() -> None:
    cid, steps = unrolled(4)
    own = myopia(cid, {f"a{t}": [f"r{t}"] for t in range(4)}, steps)
    assert all(own.values())
    assert own["a0"].because is None
    whole = myopia(cid, {f"a{t}": [f"r{s}" for s in range(4)] for t in range(4)}, steps)
    assert [whole[f"a{t}"].myopic for t in range(4)] == [False, False, False, True]
    assert whole["a1"].reaches == ("r2",)
    for found in whole.values():
        assert found.because is not None
        assert found.because.check(cid)


def two_steps(cid: cm.CID, later: float) -> cm.CIM:
    """Two steps in which each utility counts what the first decision moves, the second one `later` times."""

    def pays(u: str, factor: float) -> cm.Table:
        parents = cid.parents(u)
        bits = np.zeros((2,) * len(parents))
        for i, parent in enumerate(parents):
            if parent in {"a0", "s"}:
                bits = bits + np.arange(2).reshape([2 if i == j else 1 for j in range(len(parents))])
        return cm.Table(factor * bits)

    s = np.eye(2) if "a0" in cid.parents("s") else np.array([0.5, 0.5])
    return cid.parameterise(a0=[0, 1], a1=[0, 1], s=cm.Table(s), r0=pays("r0", 0.1), r1=pays("r1", later))


def test_myopic_decisions_ignore_what_comes_later() -> None:
    """Where a decision is myopic, what it is credited with does not depend on other steps' payoffs; else it can."""
    for seed in range(examples(quick=60, full=2000)):
        rng = np.random.default_rng(seed)
        edges = [("a0", "r0"), ("a1", "r1")]
        edges += [e for e in (("a0", "s"), ("s", "r1"), ("a1", "r0"), ("s", "r0")) if rng.random() < 0.5]
        cid = cm.CID(edges, nodes=["s"], decisions=["a0", "a1"], utilities=["r0", "r1"])
        credited = [u for u in ("r0", "r1") if rng.random() < 0.7]
        found = myopia(cid, {"a0": credited}, [("a0", "r0"), ("a1", "r1")])["a0"]
        gains = []
        for later in (5.0, -5.0):
            world = World(two_steps(cid, later))
            value = world.values(world.utility(*credited) if credited else np.zeros(len(world.grid)))
            first = np.array([world.rules["a0"][k][0] for k, _ in world.policies])
            gains.append(value[first == 1].mean() - value[first == 0].mean())
        assert found.myopic == bool(np.isclose(gains[0], gains[1])), seed


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("ratio", [0.5, 0.99, 1.01, 2.0])
def test_a_learner_cooperates_iff_the_discounted_benefit_exceeds_the_cost(gamma: float, ratio: float) -> None:
    c = 1.0
    b = ratio * c / gamma if gamma else 100.0
    _, optimal = value_iteration(OWN, reward(b, c), gamma)
    cooperates = bool(gamma * b > c)
    assert optimal[:, 1].tolist() == [cooperates] * 2
    assert optimal[:, 0].tolist() == [not cooperates] * 2


@pytest.mark.parametrize("k", [1, 2, 3, 10])
@pytest.mark.parametrize("ratio", [0.9, 0.999, 1.001, 1.1])
def test_learners_that_swap_at_random_need_k_times_the_benefit(k: int, ratio: float) -> None:
    gamma, c = 0.9, 1.0
    b = ratio * k * c / gamma
    for others in ([1.0, 0.0], [0.3, 0.7]):  # whatever the others do
        _, optimal = value_iteration(swapped(OWN, k, others), reward(b, c), gamma)
        assert optimal[:, 1].tolist() == [gamma * b / k > c] * 2


@pytest.mark.parametrize("k", [2, 3, 8])
def test_strict_rotation_never_pays(k: int) -> None:
    _, optimal = value_iteration(swapped(OWN, k, [0.5, 0.5], rotate=True), reward(1e3, 1.0), 0.99)
    assert not optimal[:, 1].any()
    _, alone = value_iteration(swapped(OWN, 1, [0.5, 0.5], rotate=True), reward(2.0, 1.0), 0.9)
    assert alone[:, 1].all()


def test_random_swaps_by_simulation_of_the_joint_system() -> None:
    """K learners as one Markov decision process over all states and places: the one that is followed gets the same."""
    k, gamma, b, c = 2, 0.8, 2.0, 1.0
    # states: what is found in environments 0 and 1, and where the learner is; the other one acts by a coin.
    states = list(product((0, 1), (0, 1), range(k)))
    p = np.zeros((len(states), 2, len(states)))
    r = np.zeros((len(states), 2))
    for i, (e0, e1, at) in enumerate(states):
        for act in (0, 1):
            found = (e0, e1)[at]
            r[i, act] = b * found - c * act
            for other, place in product((0, 1), range(k)):
                new = (act, other) if at == 0 else (other, act)
                p[i, act, states.index((*new, place))] += 0.5 / k
    q, _ = value_iteration(p, r, gamma)
    lone, _ = value_iteration(swapped(OWN, k, [0.5, 0.5]), reward(b, c), gamma)
    for i, (e0, e1, at) in enumerate(states):
        assert q[i] == pytest.approx(lone[(e0, e1)[at]], abs=1e-9)


@pytest.mark.parametrize(("population", "group"), [(6, 1), (6, 2), (6, 3), (50, 5), (1000, 10)])
def test_selection_within_a_population(population: int, group: int) -> None:
    c = 1.0
    threshold = c * group * (population - 1) / (population - group)
    for actors in ([0], range(population // 2), range(population - 1)):
        for ratio in (0.99, 1.01):
            effects = shared_effects(population, group, ratio * threshold, c)
            assert (selection_advantage(effects, actors) > 0) == (ratio > 1)
        on_it = selection_advantage(shared_effects(population, group, threshold, c), actors)
        assert on_it == pytest.approx(0.0, abs=1e-9)


def test_selection_of_whole_environments_and_among_those_who_share() -> None:
    assert selection_advantage(shared_effects(8, 1, benefit=1.1, cost=1.0), [0]) == pytest.approx(0.1)
    assert selection_advantage(shared_effects(8, 1, benefit=0.9, cost=1.0), [0]) == pytest.approx(-0.1)
    for benefit in (1.0, 10.0, 1e6):
        assert selection_advantage(shared_effects(5, 5, benefit, cost=1.0), [0, 3]) == pytest.approx(-1.0, rel=1e-6)


def test_selection_against_simulated_groups() -> None:
    """The expected effects are those of drawing the groups: all groupings of six into pairs, listed."""

    def pairings(members: list[int]) -> list[list[tuple[int, int]]]:
        if not members:
            return [[]]
        first, *rest = members
        return [[(first, x), *more] for x in rest for more in pairings([m for m in rest if m != x])]

    b, c = 3.0, 1.0
    total = np.zeros((6, 6))
    every = pairings(list(range(6)))
    for grouping in every:
        for pair in grouping:
            for i, j in product(pair, repeat=2):
                total[i, j] += b / 2 / len(every)
    assert total - c * np.eye(6) == pytest.approx(shared_effects(6, 2, b, c))


def test_value_iteration_solves_bellmans_equation() -> None:
    for seed in range(examples(quick=50, full=2000)):
        rng = np.random.default_rng(seed)
        states, actions = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        p = rng.dirichlet(np.ones(states) * 0.4, size=(states, actions))
        r = rng.integers(-3, 4, size=(states, actions)).astype(float)
        gamma = float(rng.uniform(0, 0.98))
        q, optimal = value_iteration(p, r, gamma)
        assert q == pytest.approx(r + gamma * p @ q.max(axis=1), abs=1e-9)
        assert optimal.any(axis=1).all()


def test_bad_input() -> None:
    cid, steps = unrolled(2)
    with pytest.raises(NotApplicableError, match="no step"):
        myopia(cid, {"a0": ["r1"]}, steps[:1])
    with pytest.raises(NotApplicableError, match="two"):
        myopia(cid, {"a0": ["r1"]}, [("a0", "r0"), ("a0", "r1")])
    with pytest.raises(NotApplicableError, match="credit is of utilities"):
        myopia(cid, {"a0": ["s1"]}, [*steps, ("s1",)])
    with pytest.raises(UnknownNodeError):
        myopia(cid, {"a0": ["r9"]}, [("a0", "r0"), ("r9",)])
    with pytest.raises(NotApplicableError, match="discount"):
        value_iteration(OWN, reward(1, 1), 1.0)
    with pytest.raises(NotApplicableError, match="shapes"):
        value_iteration(OWN, [1.0, 2.0], 0.5)
    with pytest.raises(NotApplicableError, match="some of the members"):
        selection_advantage(shared_effects(3, 1, 1.0, 1.0), range(3))
    with pytest.raises(NotApplicableError, match="population"):
        shared_effects(3, 4, 1.0, 1.0)
    with pytest.raises(NotApplicableError, match="learners= is a whole number of at least 1"):
        swapped(OWN, 0, [1.0, 0.0])
    for elsewhere in ([1.0, 0.0, 0.0], [2.0, -1.0], [float("nan"), 1.0]):
        with pytest.raises(NotApplicableError, match="elsewhere="):
            swapped(OWN, 2, elsewhere)
    for transition, reward_ in (([[[2.0, -1.0]] * 2] * 2, reward(1, 1)), (OWN, [[float("nan"), 0.0], [0.0, 0.0]])):
        with pytest.raises(NotApplicableError, match=r"probabilities|finite"):
            value_iteration(transition, reward_, 0.5)
    for actors in ([5], [-1], ["x"]):
        with pytest.raises(NotApplicableError, match="by their numbers, 0 to 2"):
            selection_advantage(shared_effects(3, 1, 1.0, 1.0), actors)
    with pytest.raises(NotApplicableError, match="row and a column"):
        selection_advantage([[1.0, 2.0]], [0])


def test_a_bare_name_is_no_list_of_names() -> None:
    cid, steps = unrolled(2)
    with pytest.raises(NotApplicableError, match="what credit= gives `a0` is a list of names"):
        myopia(cid, {"a0": "r1"}, steps)
    with pytest.raises(NotApplicableError, match="a step of steps= is a list of names"):
        myopia(cid, {"a0": ["r1"]}, ["a0", "r1"])
    with pytest.raises(NotApplicableError, match="credit= is a mapping"):
        myopia(cid, ["a0"], steps)  # type: ignore[arg-type]


# Ties are facts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gamma", "b"), [("1/10", "3"), ("9/10", "1/10"), ("1/2", "1/1099511627776"), ("1/3", "3/10")])
@pytest.mark.parametrize("penalty", [0.0, -1e12])
def test_on_the_threshold_both_are_optimal(gamma: str, b: str, penalty: float) -> None:
    """gamma b = c: a tie whatever a third action costs, and none a trillionth of c aside."""
    own = np.eye(3)[[[0, 1, 2]] * 3]
    gain = Fraction(b)
    for aside, expected in ((0, [True, True]), (1, [True, False]), (-1, [False, True])):
        cost = Fraction(gamma) * gain * (1 + Fraction(aside, 10**12))
        first, second = [0.0, float(-cost)], [float(gain), float(gain - cost)]
        paid = [[*row, penalty or -1.0] for row in (first, second, first)]
        found = value_iteration(own, paid, float(Fraction(gamma)))
        assert found.exact
        assert found[1].tolist() == [[*expected, False]] * 3


@pytest.mark.parametrize("exponent", [-40, 0, 40])
@pytest.mark.parametrize("level", [0.0, 1024.0, -(2.0**30)])
def test_units_and_levels_decide_nothing(exponent: int, level: float) -> None:
    for seed in range(examples(quick=5, full=60)):
        rng = np.random.default_rng([seed, 3])
        p = rng.integers(0, 3, size=(4, 3, 4)) + np.eye(4)[:, None, :]
        p = p / p.sum(axis=-1, keepdims=True)
        paid, gamma = rng.integers(-2, 3, size=(4, 3)) / 8, float(rng.choice([0.0, 0.5, 0.9]))
        before = value_iteration(p, paid, gamma)
        after = value_iteration(p, (paid + level) * 2.0**exponent, gamma)
        assert before.exact
        assert after.exact
        assert after[1].tolist() == before[1].tolist()


def test_what_is_too_large_says_so() -> None:
    many = np.broadcast_to(np.full(60, 1 / 60), (60, 2, 60))
    tied = value_iteration(many, np.zeros((60, 2)), 0.5)
    assert (tied.exact, tied[1].all()) == (False, True)
    plain = value_iteration(many, np.tile([0.0, 1.0], (60, 1)), 0.5)
    assert (plain.exact, plain[1].tolist()) == (True, [[False, True]] * 60)


@pytest.mark.parametrize(("population", "group"), [(7, 3), (10, 4), (12, 11)])
@pytest.mark.parametrize("cost", [0.1, 0.3, 1e-9])
def test_selection_is_indifferent_on_its_threshold(population: int, group: int, cost: float) -> None:
    threshold = cost * group * (population - 1) / (population - group)
    advantage = selection_advantage(shared_effects(population, group, threshold, cost), [0, 2])
    assert abs(advantage) <= 4 * np.spacing(cost)
    assert selection_advantage([[0.1, 0.2, 0.0], [0.3, 0.0, 0.0], [0.3, 0.0, 0.0]], [0, 1]) == 0.0


# A planning horizon ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("b", "c"), [(3, 1), (1, 1), (1, 3)])
@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_who_looks_two_moves_ahead_cooperates_while_it_is_worth_it(b: float, c: float, horizon: int) -> None:
    found = planned_actions(OWN, reward(b, c), horizon=horizon, steps=4)
    worth = [False] * 4 if horizon == 1 else [b >= c] * 3 + [False]
    assert found[:, 0, 1].tolist() == found[:, 1, 1].tolist() == worth
    assert found[:3, 0, 0].tolist() == [horizon == 1 or b <= c] * 3  # equal numbers tie, as they were meant
    told = planned_actions(OWN, reward(b, c), horizon=horizon, steps=4, then=reward(b, c))
    assert told[:, 0, 1].tolist() == [b >= c] * 3 + [False]  # approval that sees the rest undoes the horizon


def test_numbers_that_were_meant_to_be_equal_tie() -> None:
    pays = [[0, -0.3], [0.1 + 0.2, 0]]
    assert planned_actions(OWN, pays, horizon=2, steps=2)[0].all()


def test_a_planning_horizon_is_checked() -> None:
    with pytest.raises(NotApplicableError, match=r"then \(S, A\)"):
        planned_actions(OWN, reward(1, 1), horizon=1, steps=2, then=[[0, 0, 0]])
    with pytest.raises(NotApplicableError, match="horizon"):
        planned_actions(OWN, reward(1, 1), horizon=0, steps=2)
    with pytest.raises(NotApplicableError, match="rows that are probabilities"):
        planned_actions(0.7 * OWN, reward(1, 1), horizon=1, steps=2)

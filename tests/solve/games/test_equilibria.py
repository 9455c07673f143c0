from __future__ import annotations

import builtins
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import MissingDependencyError, NotApplicableError
from cidmesa.solve.games import strategic_form
from cidmesa.solve.games.equilibria import (
    best_response,
    is_equilibrium,
    mixed_equilibria,
    pure_equilibria,
    subgame_perfect_equilibria,
)
from tests.solve.brute_force import World, number_of_policies
from tests.solve.games.drawn_games import games, matrix_game
from tests.strategies import examples


def key(tables: Any) -> Any:
    return tuple((d, table.round(9).tobytes()) for d, table in sorted(tables.items()))


def all_pure(model: cm.CIM) -> list[dict[str, Any]]:
    """Every pure equilibrium, by trying every deviation of every agent."""
    worlds = {a: World(model, agent=a) for a in model.cid.agents}
    profiles = list(next(iter(worlds.values())).policies(model.cid.decisions))
    value = {(a, key(rules)): worlds[a].value(rules) for a in worlds for rules in profiles}
    found = []
    for rules in profiles:
        stable = True
        for a, world in worlds.items():
            for other in world.policies(model.cid.decisions_of(a)):
                stable &= value[a, key({**rules, **other})] <= value[a, key(rules)] + 1e-9
        if stable:
            found.append(rules)
    return found


@settings(max_examples=examples(quick=40, full=600))
@given(games())
def test_pure_equilibria_by_trying_every_deviation(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= 128)
    expected = all_pure(model)
    found = pure_equilibria(model)
    assert {key(e.tables) for e in found} == {key(rules) for rules in expected}
    for e in found[:3]:
        assert e.is_pure
        for a in model.cid.agents:
            assert e.values[a] == pytest.approx(World(model, agent=a).value(e.tables), abs=1e-9)
            assert model.expected_utility(e, agent=a) == pytest.approx(e.values[a], abs=1e-9)
        assert is_equilibrium(model, e)
    stable = {key(rules) for rules in expected}
    world = World(model)
    for rules in list(world.policies(model.cid.decisions))[:10]:
        assert is_equilibrium(model, rules) == (key(rules) in stable)


@settings(max_examples=examples(quick=40, full=600))
@given(st.integers(1, 3), st.integers(1, 3), st.data())
def test_mixed_equilibria_leave_nobody_a_better_answer(n: int, m: int, data: st.DataObject) -> None:
    cell = st.integers(-3, 3)
    rows, columns = (
        np.array(data.draw(st.lists(cell, min_size=n * m, max_size=n * m)), dtype=float).reshape(n, m) for _ in "ab"
    )
    model = matrix_game(rows, columns)
    found = mixed_equilibria(model)
    for e in found:
        assert is_equilibrium(model, e)
    # Every strict pure equilibrium is among them.
    keys = {key(e.tables) for e in found}
    for e in pure_equilibria(model):
        i, j = (int(e.tables[d].argmax()) for d in "ab")
        if (rows[:, j] < rows[i, j]).sum() == n - 1 and (columns[i] < columns[i, j]).sum() == m - 1:
            assert key(e.tables) in keys


def test_mixing_by_context_is_a_behavioural_rule() -> None:
    """Matching pennies whose stakes a coin decides, seen by the first player only."""
    cid = cm.CID(
        [("coin", "a"), ("coin", "ua"), ("a", "ua"), ("b", "ua"), ("coin", "ub"), ("a", "ub"), ("b", "ub")],
        decisions={"A": ["a"], "B": ["b"]},
        utilities={"A": ["ua"], "B": ["ub"]},
    )
    model = cid.parameterise(
        coin=cm.Bernoulli(0.25),
        a=[0, 1],
        b=[0, 1],
        ua=lambda coin, a, b: (1 + coin) * (1 if a == b else -1),
        ub=lambda coin, a, b: -(1 + coin) * (1 if a == b else -1),
    )
    found = mixed_equilibria(model)
    assert found
    for e in found:
        assert is_equilibrium(model, e)
        assert e.values["A"] == pytest.approx(0)
        np.testing.assert_allclose(e.tables["b"], [0.5, 0.5])
    assert pure_equilibria(model) == ()


def test_best_response_and_its_own_rules_are_ignored() -> None:
    model = matrix_game([[1, 0], [0, 1]], [[1, 0], [0, 1]])
    against = best_response(model, "A", {"b": lambda: 1, "a": lambda: 0})
    assert against.policy["a"][()] == 1
    assert against.value["A"] == 1
    assert against.exact


def test_what_is_open_for_others_only_does_not_stop_an_agent() -> None:
    cid = cm.CID(
        [("a", "ua"), ("b", "ub"), ("a", "uc")],
        decisions={"A": ["a"], "B": ["b"]},
        utilities={"A": ["ua"], "B": ["ub"], "C": ["uc"]},
    )
    model = cid.parameterise(a=[0, 1], b=[0, 1], ua=lambda a: a, ub=lambda b: b, uc=lambda a: 5 * a)
    assert best_response(model, "A").value == {"A": 1, "C": 5}
    assert best_response(model, "A", {"b": lambda: 1}).value == {"A": 1, "B": 1, "C": 5}


# Subgame perfection --------------------------------------------------------------------------------------------------


def ultimatum() -> cm.CIM:
    cid = cm.CID(
        [("offer", "accept"), ("offer", "u1"), ("accept", "u1"), ("offer", "u2"), ("accept", "u2")],
        decisions={1: ["offer"], 2: ["accept"]},
        utilities={1: ["u1"], 2: ["u2"]},
    )
    return cid.parameterise(
        offer=[1, 2],
        accept=["no", "yes"],
        u1=lambda offer, accept: (3 - offer) * (accept == "yes"),
        u2=lambda offer, accept: offer * (accept == "yes"),
    )


def test_threats_that_would_not_be_carried_out_are_no_equilibrium() -> None:
    [perfect] = subgame_perfect_equilibria(ultimatum())
    assert perfect.policy == {"offer": {(): 1}, "accept": {(1,): "yes", (2,): "yes"}}
    assert perfect.values == {1: 2, 2: 1}
    assert len(pure_equilibria(ultimatum())) == 3


def backwards(model: cm.CIM, order: tuple[str, ...]) -> list[dict[str, Any]]:
    """All pure subgame-perfect profiles of a game of perfect information without chance, by backward induction."""
    cid = model.cid
    found: list[dict[str, Any]] = [{}]
    for decision in reversed(order):
        earlier = order[: order.index(decision)]
        extended = []
        for rules in found:
            options = []
            for context in product(*(range(model.card(e)) for e in earlier)):
                values = []
                for action in range(model.card(decision)):
                    at = {**dict(zip(earlier, context, strict=True)), decision: action}
                    for later in order[len(earlier) + 1 :]:
                        at[later] = int(rules[later][tuple(at[p] for p in cid.parents(later))].argmax())
                    owned = cid.utilities_of(cid.agent_of(decision))
                    values.append(sum(model.cpd(u)[tuple(at[p] for p in cid.parents(u))] for u in owned))
                options.append([a for a, v in enumerate(values) if v >= max(values) - 1e-9])
            shape = [model.card(e) for e in earlier]
            for actions in product(*options):
                table = np.eye(model.card(decision))[np.reshape(np.array(actions, dtype=int), shape)]
                extended.append({**rules, decision: table})
        found = extended
    return found


@settings(max_examples=examples(quick=40, full=500))
@given(st.data())
def test_perfect_information_by_backward_induction(data: st.DataObject) -> None:
    order = ("x", "y", "z")[: data.draw(st.integers(2, 3))]
    edges = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    edges += [(d, f"u{i}") for i in range(2) for d in order]
    owner = {d: data.draw(st.integers(0, 1)) for d in order}
    cid = cm.CID(
        edges,
        decisions={i: [d for d in order if owner[d] == i] for i in range(2)},
        utilities={i: [f"u{i}"] for i in range(2)},
    )
    shape = (2,) * len(order)
    numbers = st.lists(st.integers(0, 3), min_size=2 ** len(order), max_size=2 ** len(order))
    model = cid.parameterise(
        {
            **{d: [0, 1] for d in order},
            **{f"u{i}": cm.Table(np.reshape(data.draw(numbers), shape).astype(float), parents=order) for i in range(2)},
        }
    )
    expected = backwards(model, order)
    assume(len(expected) <= 200)
    found = subgame_perfect_equilibria(model)
    assert {key(e.tables) for e in found} == {key(rules) for rules in expected}
    for e in found[:5]:
        assert is_equilibrium(model, e)


@settings(max_examples=examples(quick=30, full=400))
@given(games(agents=2))
def test_subgame_perfect_equilibria_are_equilibria(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= 128)
    try:
        found = subgame_perfect_equilibria(model)
    except NotApplicableError as error:
        assume("max_equilibria" not in str(error))
        raise
    every = {key(e.tables) for e in pure_equilibria(model)}
    assert {key(e.tables) for e in found} <= every


@settings(max_examples=examples(quick=20, full=200))
@given(games(agents=2))
def test_against_an_equilibrium_nobody_does_better(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= 128)
    for e in pure_equilibria(model)[:3]:
        for agent in model.cid.agents:
            own = model.cid.decisions_of(agent)
            view = e.against(agent)
            assert set(view.rules) == set(model.cid.decisions) - set(own)
            assert view.expected_utility({d: e.rules[d] for d in own}, agent=agent) == pytest.approx(e.values[agent])
            assert best_response(view, agent).value[agent] == pytest.approx(e.values[agent])


def after_a_sign(sign: Any, decides: bool) -> cm.CIM:
    """Both see a sign, which is nature's or a third agent's, and then move at once: 0 is dominant for both."""
    cid = cm.CID(
        [("sign", "a"), ("sign", "b"), ("sign", "us")] + [(n, u) for u in ("ua", "ub") for n in ("sign", "a", "b")],
        decisions={"A": ["a"], "B": ["b"], "S": ["sign"] if decides else []},
        utilities={"A": ["ua"], "B": ["ub"], "S": ["us"]},
    )
    return cid.parameterise(
        sign=sign,
        a=[0, 1],
        b=[0, 1],
        ua=lambda sign, a, b: (a == 0) + 0.1 * (a == b),
        ub=lambda sign, a, b: (b == 0) + 0.1 * (a == b),
        us=lambda sign: 1.0 * sign,
    )


@pytest.mark.parametrize(
    "model",
    [
        after_a_sign(cm.Categorical({0: 0.0, 1: 1.0}), decides=False),
        after_a_sign([0, 1], decides=True),
        after_a_sign([0, 1], decides=True).with_policy({"sign": lambda: 1}),
    ],
)
def test_a_knot_plays_an_equilibrium_in_contexts_that_never_occur_too(model: cm.CIM) -> None:
    [e] = subgame_perfect_equilibria(model)
    assert e.tables["a"].tolist() == e.tables["b"].tolist() == [[1, 0], [1, 0]]
    assert len(pure_equilibria(model)) >= 4


@settings(max_examples=examples(quick=30, full=600))
@given(games(decisions=3), st.integers(0, 2**16))
def test_a_decision_with_a_rule_is_a_chance_node(model: cm.CIM, seed: int) -> None:
    assume(number_of_policies(model) <= 256)
    rng = np.random.default_rng(seed)
    d = model.cid.decisions[seed % 3]
    rule = rng.dirichlet(np.full(model.card(d), 0.5), [model.card(p) for p in model.cid.parents(d)]).round()
    rule = np.where(rule.sum(axis=-1, keepdims=True) == 1, rule, 1 / model.card(d))
    chance = model.cid.demote(d).parameterise({**model.mechanisms, d: cm.Table(rule, domain=model.domain(d))})
    for find in (pure_equilibria, subgame_perfect_equilibria):
        mine, theirs = find(model.with_policy({d: rule})), find(chance)
        assert [key(e.tables) for e in mine] == [key(e.tables) for e in theirs]


def test_a_knot_without_a_pure_equilibrium_mixes_on_request() -> None:
    """Whoever enters plays matching pennies afterwards."""
    cid = cm.CID(
        [("enter", n) for n in ("a", "b", "u1", "u2")] + [("a", "u1"), ("b", "u1"), ("a", "u2"), ("b", "u2")],
        decisions={1: ["enter", "a"], 2: ["b"]},
        utilities={1: ["u1"], 2: ["u2"]},
    )
    model = cid.parameterise(
        enter=[0, 1],
        a=[0, 1],
        b=[0, 1],
        u1=lambda enter, a, b: enter * (3 if a == b else -1),
        u2=lambda enter, a, b: enter * (-3 if a == b else 1),
    )
    assert subgame_perfect_equilibria(model) == ()
    found = subgame_perfect_equilibria(model, mixed=True)
    assert found
    for e in found:
        assert e.policy["enter"][()] == 1
        assert e.values[1] == pytest.approx(1)
        np.testing.assert_allclose(e.tables["b"][1], [0.5, 0.5])


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    three = cm.CID(
        [(d, f"u{d}") for d in "abc"],
        decisions={d: [d] for d in "abc"},
        utilities={d: [f"u{d}"] for d in "abc"},
    ).parameterise(a=[0, 1], b=[0, 1], c=[0, 1], ua=lambda a: a, ub=lambda b: b, uc=lambda c: c)
    with pytest.raises(NotApplicableError, match=r"of two agents or more .* here are 'a' with 1: best_response"):
        mixed_equilibria(three.with_policy({"b": lambda: 0, "c": lambda: 0}))
    assert len(mixed_equilibria(three.with_policy({"c": lambda: 0}))) == 1
    with pytest.raises(NotApplicableError, match="more than 1: fix rules"):
        pure_equilibria(three, max_profiles=1)
    idle = cm.CID(
        [("x", "d"), ("d", "v")], nodes=["e"], decisions={0: ["d"], 1: ["e"]}, utilities={1: ["v"]}
    ).parameterise(x=cm.Uniform(*range(6)), d=[0, 1], e=[0, 1], v=lambda d: d)
    with pytest.raises(NotApplicableError, match=r"max_equilibria=10"):
        subgame_perfect_equilibria(idle, max_equilibria=10)
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("nashpy"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert len(mixed_equilibria(matrix_game([[1, 0], [0, 1]], [[1, 0], [0, 1]]))) == 3  # in whole numbers
    monkeypatch.setattr(strategic_form, "_RAYS", 1)
    with pytest.raises(MissingDependencyError, match=r"pip install \"cidmesa\[games\]\""):
        mixed_equilibria(matrix_game([[1, 0], [0, 1]], [[1, 0], [0, 1]]))


@pytest.mark.parametrize("penalty", [0.5, 1e8, 1e9, 1e12, 1e15])
def test_a_forbidden_move(penalty: float) -> None:
    """A prisoner's dilemma with a third move that neither may make."""
    pay = np.array([[3, 0, -penalty], [4, 1, -penalty], [-penalty] * 3])
    game = matrix_game(pay, pay.T)
    mixed, pure, perfect = mixed_equilibria(game), pure_equilibria(game), subgame_perfect_equilibria(game)
    # To defect, and to make the forbidden move together, where deviating alone gains nothing.
    assert len(mixed) == len(pure) == len(perfect) == 2
    for found in (*mixed, *pure, *perfect):
        assert is_equilibrium(game, found)
        assert set(found.values.values()) in ({1.0}, {-penalty})
    assert not is_equilibrium(game, {d: [1, 0, 0] for d in game.cid.decisions})


@given(st.data())
@settings(max_examples=examples(quick=20, full=400))
def test_penalties_and_constants_leave_equilibria_alone(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(2, 3), st.integers(2, 3)))
    worth = st.lists(st.integers(-8, 8), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    first, second = (np.reshape(data.draw(worth), shape) / 8 for _ in range(2))
    factor, level = 2.0 ** data.draw(st.integers(-40, 40)), float(data.draw(st.integers(-(2**40), 2**40)))
    found = mixed_equilibria(matrix_game(first, second))
    moved = mixed_equilibria(matrix_game(factor * (first + level), factor * second))
    rows = np.full((1, shape[1]), -1e12)
    fenced = mixed_equilibria(matrix_game(np.concatenate([first, rows]), np.concatenate([second, 0 * rows])))
    for other in (moved, fenced):
        assert len(other) == len(found)
        for one, two in zip(found, other, strict=True):
            for d, rule in one.rules.items():
                np.testing.assert_allclose(two.rules[d][: len(rule)], rule, atol=1e-12)
    assert len(pure_equilibria(matrix_game(factor * (first + level), factor * second))) == len(
        pure_equilibria(matrix_game(first, second))
    )


def test_whole_numbers_and_floats_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    for _ in range(examples(quick=6, full=60)):
        game = matrix_game(rng.integers(-4, 5, size=(4, 4)) / 4, rng.integers(-4, 5, size=(4, 4)) / 4)
        exact = mixed_equilibria(game)
        with monkeypatch.context() as patch:
            patch.setattr(strategic_form, "_RAYS", 1)
            floats = mixed_equilibria(game)
        assert len(exact) == len(floats)
        for one, two in zip(exact, floats, strict=True):
            for d, rule in one.rules.items():
                np.testing.assert_allclose(two.rules[d], rule, atol=1e-9)


@pytest.mark.parametrize("stake", [1e6, 1e9, 1e11, 1e12])
def test_who_is_inspected_once_in_a_trillion_still_mixes(stake: float) -> None:
    """The rare action of an equilibrium is no rounding: without it nobody would be indifferent."""
    model = matrix_game([[stake, -1.0], [-1.0, 0.0]], [[-stake, 1.0], [1.0, 0.0]])
    [found] = mixed_equilibria(model)
    assert is_equilibrium(model, found)
    assert found.tables["a"] == pytest.approx([1 / (stake + 2), 1 - 1 / (stake + 2)], rel=1e-12, abs=0)


def test_what_floating_point_finds_is_checked_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pennies = matrix_game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    assert [e.exact for e in mixed_equilibria(pennies)] == [True]
    monkeypatch.setattr(strategic_form, "_RAYS", 1)
    [found] = mixed_equilibria(pennies)
    assert (found.exact, found.method) == (False, "extreme equilibria in floating point")
    assert is_equilibrium(pennies, found)

"""Equilibria in mixtures and in rules, against every deterministic deviation on whole joint tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve.games import strategic_form as strategic
from cidmesa.solve.games.equilibria import (
    Equilibrium,
    Mixture,
    is_equilibrium,
    mixed_equilibria,
    pure_equilibria,
    subgame_perfect_equilibria,
)
from tests.solve.brute_force import World, number_of_policies
from tests.solve.games.drawn_games import games, matrix_game
from tests.strategies import examples


def drawn(model: cm.CIM, e: Equilibrium, agent: Any) -> list[tuple[float, dict[str, Any]]]:
    """What an agent plays in an equilibrium: rules, each with the probability that they are drawn."""
    own = model.cid.decisions_of(agent)
    if agent in e.mixtures:
        mixture = e.mixtures[agent]
        return [
            (w, dict(model.read_policy(policy)))
            for w, policy in zip(mixture.probabilities, mixture.policies, strict=True)
        ]
    return [(1.0, {d: e.rules[d] for d in own if d in e.rules})]


def check(model: cm.CIM, e: Equilibrium) -> None:
    """The values are right, and no deterministic policy of any agent does better against the others."""
    plays = {a: drawn(model, e, a) for a in model.cid.agents}
    for agent in model.cid.agents:
        world = World(model, agent=agent)

        def worth(own: list[tuple[float, dict[str, Any]]], agent: Any = agent, world: World = world) -> float:
            total = 0.0
            for profile in product(*(own if a == agent else plays[a] for a in model.cid.agents)):
                rules = {d: rule for _, policy in profile for d, rule in policy.items()}
                total += float(np.prod([w for w, _ in profile])) * world.value(rules)
            return total

        assert worth(plays[agent]) == pytest.approx(e.values[agent], abs=1e-9)
        for policy in world.policies(model.cid.decisions_of(agent)):
            assert worth([(1.0, policy)]) <= e.values[agent] + 1e-8
        if not e.mixtures:
            assert model.expected_utility(e.policy, agent=agent) == pytest.approx(e.values[agent], abs=1e-9)
    assert is_equilibrium(model, e)


def remembers(cid: cm.CID, agent: Any) -> bool:
    """Whether each decision of an agent observes its earlier decisions and all that they observed."""
    own = [n for n in (cid.nodes[i] for i in cid.topological) if n in cid.decisions_of(agent)]
    return all({d, *cid.parents(d)} <= set(cid.parents(e)) for i, e in enumerate(own) for d in own[:i])


@settings(max_examples=examples(quick=60, full=2000))
@given(games(decisions=(2, 4), max_chance=1))
def test_every_equilibrium_of_two_agents_with_several_decisions(model: cm.CIM) -> None:
    cid = model.cid
    assume(number_of_policies(model) <= 64 and all(cid.decisions_of(a) for a in cid.agents))
    found = mixed_equilibria(model)
    assert found  # Nash's theorem
    for e in found[:6]:
        check(model, e)
        assert not any(remembers(cid, a) for a in e.mixtures)
    paid = {tuple(round(v, 7) + 0.0 for v in e.values.values()) for e in found}
    for e in pure_equilibria(model):
        assert tuple(round(v, 7) + 0.0 for v in e.values.values()) in paid


@settings(max_examples=examples(quick=40, full=1000))
@given(games(decisions=(2, 4), max_chance=1), st.data())
def test_perfect_recall_needs_no_mixtures(model: cm.CIM, data: st.DataObject) -> None:
    """Kuhn's theorem, for any mixture of policies, equilibrium or not."""
    cid = model.cid
    assume(all(cid.decisions_of(a) for a in cid.agents))
    recalled = []
    for agent in cid.agents:
        own = [n for n in (cid.nodes[i] for i in cid.topological) if n in cid.decisions_of(agent)]
        known: list[str] = []
        for d in own:
            recalled += [(n, d) for n in known if n not in cid.parents(d)]
            known += [n for n in (*cid.parents(d), d) if n not in known]
    more = cid.with_edges(dict.fromkeys(recalled))
    model = more.parameterise(model.mechanisms)
    assume(number_of_policies(model) <= 4096 and all(remembers(more, a) for a in more.agents))
    form = strategic.StrategicForm.of(model, model.cid.decisions)
    for agent, policies in zip(form.agents, form.strategies, strict=True):
        chosen = data.draw(st.lists(st.sampled_from(range(len(policies))), min_size=1, max_size=4, unique=True))
        weights = np.random.default_rng(len(chosen)).dirichlet(np.ones(len(chosen)))
        rules = form.behaviour(agent, [policies[i] for i in chosen], weights)
        assert rules is not None
        world = World(model, agent=agent)
        (other,) = (a for a in model.cid.agents if a != agent)
        for theirs in list(world.policies(model.cid.decisions_of(other)))[:4]:
            mixed = sum(w * world.value({**theirs, **policies[i]}) for w, i in zip(weights, chosen, strict=True))
            assert world.value({**theirs, **rules}) == pytest.approx(mixed, abs=1e-9)


def card_game() -> cm.CIM:
    """A has a good card or a bad one and raises or shows; B meets or passes; then A, if met, may double."""
    cid = cm.CID(
        [("card", "raise"), ("raise", "meet")]
        + [(n, "double") for n in ("card", "raise", "meet")]
        + [(n, u) for u in ("ua", "ub") for n in ("card", "raise", "meet", "double")],
        decisions={"A": ["raise", "double"], "B": ["meet"]},
        utilities={"A": ["ua"], "B": ["ub"]},
    )

    def pay(card: str, raises: str, meet: str, double: str) -> float:
        if raises == "yes" and meet == "no":
            return 1.0
        stake = 1.0 if raises == "no" else 4.0 if double == "yes" else 2.0
        return stake if card == "good" else -stake

    def ua(card: str, meet: str, double: str, **named: str) -> float:
        return pay(card, named["raise"], meet, double)

    def ub(card: str, meet: str, double: str, **named: str) -> float:
        return -pay(card, named["raise"], meet, double)

    yes_no = ["yes", "no"]
    return cid.parameterise(
        {"card": cm.Uniform("good", "bad"), "raise": yes_no, "meet": yes_no, "double": yes_no, "ua": ua, "ub": ub}
    )


def test_a_game_of_cards_in_two_stages() -> None:
    """A doubles with the good card only, so B, asked to meet, faces 4 against -2; bluffs and calls balance that.

    A raises a bad card with probability b: B is indifferent if (4 - 2b) / (1 + b) = 1, b = 1; so A always raises, and B
    passes often enough that a bluff is worth a show: never worse than showing at any probability of meeting up to 2/3.
    """
    model = card_game()
    found = mixed_equilibria(model)
    assert found
    for e in found:
        check(model, e)
        assert not e.mixtures
        assert e.values["A"] == pytest.approx(1.0, abs=1e-9)


def myerson() -> cm.CIM:
    """The card game of Myerson (1991), section 2.1: one decision each, value 1/3."""
    cid = cm.CID(
        [("card", "raise"), ("raise", "meet")] + [(n, u) for u in ("ua", "ub") for n in ("card", "raise", "meet")],
        decisions={"A": ["raise"], "B": ["meet"]},
        utilities={"A": ["ua"], "B": ["ub"]},
    )
    table = np.zeros((2, 2, 2))
    table[0] = [[2, 1], [1, 1]]  # red: raise and meet, raise and pass, show
    table[1] = [[-2, 1], [-1, -1]]
    return cid.parameterise(
        {
            "card": cm.Uniform("red", "black"),
            "raise": ["yes", "no"],
            "meet": ["yes", "no"],
            "ua": cm.Table(table, parents=("card", "raise", "meet")),
            "ub": cm.Table(-table, parents=("card", "raise", "meet")),
        }
    )


def test_myersons_card_game() -> None:
    found = mixed_equilibria(myerson())
    assert found
    for e in found:
        check(myerson(), e)
        assert e.values["A"] == pytest.approx(1 / 3)
        assert e.policy["raise"]["red",] == "yes"
        assert e.tables["raise"][1] == pytest.approx([1 / 3, 2 / 3])
        assert e.tables["meet"][0] == pytest.approx([2 / 3, 1 / 3])


def hide_together() -> cm.CIM:
    """A sends two scouts to one place, B looks in one of two: the scouts do not know of each other."""
    cid = cm.CID(
        [(d, u) for u in ("ua", "ub") for d in ("first", "second", "look")],
        decisions={"A": ["first", "second"], "B": ["look"]},
        utilities={"A": ["ua"], "B": ["ub"]},
    )
    hidden = {"ua": 1, "ub": -1}
    return cid.parameterise(
        first=[0, 1],
        second=[0, 1],
        look=[0, 1],
        ua=lambda first, second, look: hidden["ua"] * (first == second != look),
        ub=lambda first, second, look: hidden["ub"] * (first == second != look),
    )


def test_a_forgetful_agent_that_draws_policies_has_no_policy() -> None:
    model = hide_together()
    [e] = mixed_equilibria(model)
    check(model, e)
    assert e.values["A"] == pytest.approx(0.5)
    mixture = e.mixtures["A"]
    assert mixture.probabilities == pytest.approx((0.5, 0.5))
    assert [p["first"][()] == p["second"][()] for p in mixture.policies] == [True, True]
    assert set(e.rules) == {"look"}
    assert not e.is_pure
    assert "'A' draws one of 2 policies" in repr(e)
    for use in (lambda: e.policy, lambda: model.expected_utility(e, agent="A"), lambda: model.with_policy(e)):
        with pytest.raises(NotApplicableError, match=r"no policy: 'A' draws one of 2 .* `first`, `second` at once"):
            use()
    assert set(e.against("A").rules) == {"look"}
    with pytest.raises(NotApplicableError, match=r"no policy: 'A' draws"):
        e.against("B")
    lopsided = replace(e, mixtures={"A": Mixture((0.8, 0.2), mixture.policies)})
    assert not is_equilibrium(model, lopsided)
    assert is_equilibrium(model, lopsided, agents=["A"])  # B looks in both places alike
    with pytest.raises(NotApplicableError, match=r"no policy: 'A' draws"):
        subgame_perfect_equilibria(model, mixed=True)


def test_a_forgetful_agent_whose_decisions_do_not_interact_has_one() -> None:
    """Two games of matching pennies side by side: what goes together in the mixture makes no difference."""
    cid = cm.CID(
        [(d, f"{u}{i}") for i in "01" for u in "uv" for d in (f"a{i}", f"b{i}")],
        decisions={"A": ["a0", "a1"], "B": ["b0", "b1"]},
        utilities={"A": ["u0", "u1"], "B": ["v0", "v1"]},
    )
    same, other = cm.Table(np.eye(2)), cm.Table(1 - np.eye(2))
    model = cid.parameterise({**{d: [0, 1] for d in cid.decisions}, "u0": same, "u1": same, "v0": other, "v1": other})
    found = mixed_equilibria(model)
    for e in found:
        check(model, e)
        assert not e.mixtures
        assert all(table == pytest.approx([0.5, 0.5]) for table in e.tables.values())
        assert e.values == pytest.approx({"A": 1.0, "B": 1.0})


def test_a_degenerate_game_without_an_equilibrium_in_supports_of_equal_size() -> None:
    """The column player stays at 0 as long as neither row is played more than two times in three."""
    rows, columns = np.array([[1, 0, 2], [1, 2, 0]]), np.array([[1, 2, -1], [1, -1, 2]])
    model = matrix_game(rows, columns)
    found = mixed_equilibria(model)
    assert [e.policy["b"][()] for e in found] == [0, 0]
    assert sorted(e.tables["a"][0] for e in found) == pytest.approx([1 / 3, 2 / 3])
    for e in found:
        check(model, e)


def corners(table: np.ndarray) -> list[np.ndarray]:
    """The column mixtures that are alone in making some rows best with some columns not played: by all subsets."""
    n, m = table.shape
    found: list[np.ndarray] = []
    for size in range(1, min(n, m) + 1):
        for rows, columns in product(combinations(range(n), size), combinations(range(m), size)):
            system = np.zeros((size + 1, size + 1))
            system[:size, :size] = table[np.ix_(rows, columns)]
            system[:size, size], system[size, :size] = -1, 1
            if abs(np.linalg.det(system)) > 1e-9:
                solved = np.linalg.solve(system, np.eye(size + 1)[-1])
                y = np.zeros(m)
                y[list(columns)] = solved[:size]
                if y.min() >= -1e-12 and (table @ y).max() <= solved[size] + 1e-9:
                    found.append(y)
    return found


@settings(max_examples=examples(quick=40, full=1000))
@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_no_extreme_equilibrium_is_missed(n: int, m: int, data: st.DataObject) -> None:
    """What the extreme equilibria pay, by all pairs of corners; payoffs from few integers make degenerate games."""
    cell = st.integers(-1, 2)
    rows, columns = (
        np.array(data.draw(st.lists(cell, min_size=n * m, max_size=n * m)), dtype=float).reshape(n, m) for _ in "ab"
    )
    expected = set()
    for x, y in product(corners(columns.T), corners(rows)):
        if x @ rows @ y >= (rows @ y).max() - 1e-9 and x @ columns @ y >= (x @ columns).max() - 1e-9:
            expected.add((round(x @ rows @ y, 7) + 0.0, round(x @ columns @ y, 7) + 0.0))
    found = mixed_equilibria(matrix_game(rows, columns))
    assert {(round(e.values["A"], 7) + 0.0, round(e.values["B"], 7) + 0.0) for e in found} == expected


def test_agents_with_nothing_to_choose_between_and_one_strategy() -> None:
    for rows, columns in (([[1]], [[2]]), ([[0, 0, 1]], [[3, 3, 1]]), ([[1], [1]], [[0], [5]])):
        model = matrix_game(rows, columns)
        found = mixed_equilibria(model)
        assert found
        for e in found:
            check(model, e)


def test_a_move_that_costs_a_billion_hides_no_difference() -> None:
    rows = np.array([[2.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [-1e9, -1e9, -1e9]])
    model = matrix_game(rows, -rows + np.array([0.0, 0.0, -1e9]))
    [e] = mixed_equilibria(model)
    assert e.tables["a"] == pytest.approx([0.4, 0.6, 0.0])
    assert e.tables["b"] == pytest.approx([0.4, 0.6, 0.0])
    check(model, e)
    assert not is_equilibrium(model, {"a": [0.5, 0.5, 0.0], "b": [0.5, 0.5, 0.0]})
    assert pure_equilibria(model) == ()


def test_too_many_policies_to_mix() -> None:
    cid = cm.CID(
        [("x", "a"), ("x", "ua"), ("a", "ua"), ("b", "ua"), ("x", "ub"), ("a", "ub"), ("b", "ub")],
        decisions={"A": ["a"], "B": ["b"]},
        utilities={"A": ["ua"], "B": ["ub"]},
    )
    rng = np.random.default_rng(0)
    table = rng.normal(size=(5, 2, 30))
    model = cid.parameterise(
        x=cm.Uniform(*range(5)),
        a=[0, 1],
        b=list(range(30)),
        ua=cm.Table(table, parents=("x", "a", "b")),
        ub=cm.Table(-(table**2), parents=("x", "a", "b")),
    )
    with pytest.raises(
        NotApplicableError, match=r"left to mix, 'A' \d+ at `a` and 'B' \d+ at `b`.*minimal_reduction.*general sums"
    ):
        mixed_equilibria(model)
    with pytest.raises(NotApplicableError, match=r"32 deterministic rules.*more than 31: fix rules.*general sums"):
        mixed_equilibria(model, max_profiles=31)
    # Where the payoffs add up to a constant, nothing has to be listed.
    [found] = mixed_equilibria(model.shift(ub=cm.Table(7 - table, parents=("x", "a", "b"))), max_profiles=31)
    assert (found.method, found.exact) == ("sequence form", True)

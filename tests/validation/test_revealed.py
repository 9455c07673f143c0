"""Coherence of choices against brute force over chains and cycles, and against published examples."""

from __future__ import annotations

import json
from itertools import combinations, pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.validation.revealed import Chosen
from tests.strategies import examples


def chains(n: int) -> Any:
    """All orders of two or more of n observations."""
    return (c for size in range(2, n + 1) for c in permutations(range(n), size))


def broken_pairs(costs: np.ndarray, e: float = 1.0) -> set[tuple[int, int]]:
    """Pairs (t, s): a chain from t to s of weak preferences, and s strictly better than t; costs[t, s] = p_t x_s."""
    found = set()
    for chain in chains(len(costs)):
        weak = all(e * costs[a, a] >= costs[a, b] for a, b in pairwise(chain))
        if weak and e * costs[chain[-1], chain[-1]] > costs[chain[-1], chain[0]]:
            found.add((chain[0], chain[-1]))
    return found


@given(st.integers(0, 10**6))
@settings(max_examples=examples(quick=50, full=250), deadline=None)
def test_garp_and_ccei_are_those_of_all_chains(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, goods = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    bundles, prices = rng.integers(1, 6, (n, goods)), rng.integers(1, 6, (n, goods))
    costs = prices @ bundles.T
    found = cm.coherence(bundles.tolist(), prices=prices.tolist())
    assert found.garp_violations == len(broken_pairs(costs))
    assert found.garp_share == pytest.approx(found.garp_violations / (n * (n - 1)))
    assert found.ccei is not None
    # GARP at level e can change at ratios of costs alone; between two of them it is tried in the middle.
    ratios = sorted({0.0, 1.0, *(r for r in (costs / costs.diagonal()[:, None]).ravel().tolist() if r < 1)})
    holds = [0.0] + [b for a, b in pairwise(ratios) if not broken_pairs(costs, (a + b) / 2)]
    assert found.ccei == pytest.approx(max(holds), abs=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=examples(quick=50, full=250), deadline=None)
def test_menus_are_coherent_iff_one_order_explains_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = ["a", "b", "c", "d"][: int(rng.integers(2, 5))]
    choices = []
    for _ in range(int(rng.integers(1, 6))):
        menu = tuple(rng.permutation(options)[: int(rng.integers(1, len(options) + 1))].tolist())
        choices.append((menu, menu[int(rng.integers(len(menu)))]))
    explained = any(
        all(taken == min(menu, key=order.index) for menu, taken in choices) for order in permutations(options)
    )
    assert (cm.coherence(choices).garp_violations == 0) == explained


@given(st.integers(0, 10**6))
@settings(max_examples=examples(quick=30, full=150), deadline=None)
def test_who_maximises_a_utility_is_coherent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.ones(3))
    prices = rng.uniform(0.5, 2.0, (8, 3))
    bundles = rng.uniform(1, 4, (8, 1)) * share / prices  # Cobb and Douglas
    found = cm.coherence([tuple(b) for b in bundles], prices=prices)
    assert (found.garp_violations, found.ccei) == (0, 1.0)
    wants = dict(zip("abcde", rng.permutation(5), strict=True))
    pairs = [(pair, max(pair, key=wants.__getitem__)) for pair in permutations("abcde", 2)]
    found = cm.coherence(pairs)
    assert (found.garp_violations, found.zeta, found.order_inconsistency) == (0, 1.0, 0.0)


def test_the_published_example_of_another_program() -> None:
    """The R package revpref 0.1.0 prints 8 violations of GARP and a CCEI of 0.9488409, found by halving intervals."""
    prices = [
        [4, 4, 4],
        [1, 9, 3],
        [2, 8, 3],
        [1, 8, 4],
        [3, 1, 9],
        [3, 2, 8],
        [8, 4, 1],
        [4, 1, 8],
        [9, 3, 1],
        [8, 3, 2],
    ]
    bundles = [
        [1.81, 0.19, 10.51], [17.28, 2.26, 4.13], [12.33, 2.05, 2.99], [6.06, 5.19, 0.62], [11.34, 10.33, 0.63],
        [4.33, 8.08, 2.61], [4.36, 1.34, 9.76], [1.37, 36.35, 1.02], [3.21, 4.97, 6.20], [0.32, 8.53, 10.92],
    ]  # fmt: skip
    found = cm.coherence(bundles, prices=prices)
    assert found.garp_violations == 8
    assert found.ccei == pytest.approx(0.9488409, abs=1e-6)


@given(st.integers(0, 10**6))
@settings(max_examples=examples(quick=40, full=200), deadline=None)
def test_circular_triads_are_those_that_are_counted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 8))
    over = np.triu(rng.random((n, n)) < 0.5, 1)
    over |= np.triu(~over, 1).T
    choices = [((i, j), i if over[i, j] else j) for i, j in combinations(range(n), 2)]
    found = cm.coherence(choices)
    counted = sum(
        (over[i, j] and over[j, k] and over[k, i]) or (over[j, i] and over[k, j] and over[i, k])
        for i, j, k in combinations(range(n), 3)
    )
    assert found.circular_triads == pytest.approx(counted)
    assert found.zeta == pytest.approx(1 - 24 * counted / (n**3 - n if n % 2 else n**3 - 4 * n))
    assert (found.garp_violations == 0) == (counted == 0)


@pytest.mark.parametrize(("n", "most"), [(3, 1), (5, 5), (7, 14)])
def test_the_most_circular_triads_there_can_be_are_a_coefficient_of_0(n: int, most: int) -> None:
    """Kendall and Babington Smith 1940: (n³ − n) / 24, where each is preferred to the next half of a circle."""
    circle = [((i, j), i if (j - i) % n <= n // 2 else j) for i, j in combinations(range(n), 2)]
    found = cm.coherence(circle)
    assert (found.circular_triads, found.zeta) == (pytest.approx(most), pytest.approx(0.0))


def test_an_even_pair_is_decided_by_a_coin() -> None:
    both = [(("a", "b"), "a"), (("b", "a"), "b"), (("b", "c"), "b"), (("c", "a"), "a")]
    found = cm.coherence(both)
    assert found.circular_triads == 0.0  # a over c, b over c: neither answer closes a circle
    open_pair = [(("a", "b"), "a"), (("b", "a"), "b"), (("b", "c"), "b"), (("c", "a"), "c")]
    assert cm.coherence(open_pair).circular_triads == 0.5
    assert cm.coherence(open_pair).order_inconsistency == 1.0


def test_what_cannot_be_said_is_left_out() -> None:
    found = cm.coherence([(("a", "b"), "a"), (("b", "c"), "b")])
    assert (found.ccei, found.zeta, found.circular_triads, found.order_inconsistency) == (None, None, None, None)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["garp_violations"] == 0
    assert repr(found) == "Coherence(2 choices, 0 GARP violations)"
    assert cm.coherence([(("a",), "a")]).garp_share == 0.0


# What agents choose -------------------------------------------------------------------------------------------------


def fruit() -> cm.CIM:
    """Two of three fruits are shown, and the first or the second is taken; never the same twice."""
    kinds = ["apple", "pear", "plum"]
    cid = cm.CID([("first", "take"), ("second", "take"), ("first", "second"), ("take", "joy"), ("first", "joy"),
                  ("second", "joy")], decisions=["take"], utilities=["joy"])  # fmt: skip
    worth = {"apple": 1.0, "pear": 2.0, "plum": 3.0}
    return cid.parameterise(
        first=cm.Uniform(*kinds),
        second=cm.Function(lambda first: {k: 0.5 for k in kinds if k != first}, domain=kinds),
        take=[0, 1],
        joy=lambda take, first, second: worth[(first, second)[take]],
    )


def shown(first: str, second: str) -> tuple[str, str]:
    return (first, second)


def test_who_learned_what_is_good_is_coherent_and_who_takes_the_first_is_not() -> None:
    model = fruit()
    best = model.solve().policy["take"]
    population = cm.agents.from_rules(
        [{"take": lambda first, second: best[first, second]}, {"take": lambda first, second: 0}], model
    )
    wise, first = [cm.coherence(c) for c in cm.revealed_choices(population, model, menu=shown)]
    assert (wise.observations, wise.garp_violations, wise.zeta, wise.order_inconsistency) == (6, 0, 1.0, 0.0)
    assert (first.order_inconsistency, first.garp_violations > 0) == (1.0, True)
    assert first.zeta == pytest.approx(1 - 0.25)  # coins instead of answers: a quarter of a triad


def test_own_agents_without_probabilities_are_asked() -> None:
    model = fruit()
    own = cm.agents.from_callable(lambda seen: {"take": np.zeros(len(seen["first"]), dtype=int)})
    (chosen,) = cm.revealed_choices(own, model, menu=shown)
    assert {c.option for c in chosen} == {"apple", "pear", "plum"}
    assert cm.coherence(chosen).order_inconsistency == 1.0


def test_menus_are_what_is_allowed_and_draws_follow_the_rule() -> None:
    cid = cm.CID([("gate", "go"), ("go", "pay")], decisions=["go"], utilities=["pay"])
    model = cid.parameterise(
        gate=cm.Uniform("open", "shut"),
        go=cm.Choice(["stay", "out"], allowed=lambda gate: ["stay", "out"] if gate == "open" else ["stay"]),
        pay=lambda go: int(go == "out"),
    )
    rule = {"go": lambda gate: {"stay": 0.5, "out": 0.5} if gate == "open" else "stay"}
    agents = cm.agents.from_rules([rule], model)
    (chosen,) = cm.revealed_choices(agents, model, draws=200, seed=1, prices=lambda: (1,))
    assert {c.menu for c in chosen} == {("stay", "out"), ("stay",)}
    taken = [c.option for c in chosen if c.menu == ("stay", "out")]
    assert len(taken) == 200
    assert 60 < taken.count("out") < 140
    assert cm.revealed_choices(agents, model)[0] == (Chosen(("stay", "out"), "stay"), Chosen(("stay",), "stay"))


def test_what_is_no_choice_is_refused() -> None:
    with pytest.raises(NotApplicableError, match="no choice to judge"):
        cm.coherence([])
    with pytest.raises(NotApplicableError, match="not on its menu"):
        cm.coherence([(("a", "b"), "c")])
    with pytest.raises(NotApplicableError, match="a pair"):
        cm.coherence(["ab"])
    with pytest.raises(NotApplicableError, match="all have them, or none"):
        cm.coherence([(("a", "b"), "a"), (((1,), (2,)), (1,), (1,))])
    with pytest.raises(NotApplicableError, match="one row for each"):
        cm.coherence([(1, 2)], prices=[(1, 2), (2, 1)])
    with pytest.raises(NotApplicableError, match="one price and one amount"):
        cm.coherence([(1, 2)], prices=[(1,)])
    with pytest.raises(NotApplicableError, match="costs something"):
        cm.coherence([(0, 0)], prices=[(1, 1)])
    model = fruit()
    agents = cm.agents.from_rules([{"take": lambda first, second: 0}], model)
    with pytest.raises(NotApplicableError, match="one option for each"):
        cm.revealed_choices(agents, model, menu=lambda first: (first,))
    with pytest.raises(NotApplicableError, match="a function of what the decision observes"):
        cm.revealed_choices(agents, model, menu=lambda joy: (joy,))

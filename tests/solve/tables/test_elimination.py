from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cidmesa.solve.tables import elimination
from cidmesa.solve.tables.elimination import Factor, bits, make_plan, mask_of, run
from tests.strategies import examples


@st.composite
def products(draw: Any) -> tuple[list[Factor], dict[int, Any], list[int], list[int]]:
    """Factors over up to seven variables (some with one state), their tables, the cards, and what is kept.

    A conditional distribution is of the last variable of its scope given earlier ones, one for each variable at most.
    """
    cards = draw(st.lists(st.integers(1, 3), min_size=1, max_size=7))
    variables = list(range(len(cards)))
    scopes = st.lists(st.sampled_from(variables), unique=True, max_size=4).map(tuple)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    factors, tables = [], {}
    headed: set[int] = set()
    for key in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["p", "w", "both", "conditional", "conditional"]))
        scope = draw(scopes)
        if kind == "conditional":
            scope = tuple(sorted(scope))
            if not scope or scope[-1] in headed:
                continue
            headed.add(scope[-1])
            table = rng.dirichlet(np.ones(cards[scope[-1]]), [cards[v] for v in scope[:-1]])
            factors.append(Factor(key, scope, heads=1 << scope[-1]))
            tables[key] = (table, None)
            continue
        shape = [cards[v] for v in scope]
        p, w = rng.integers(0, 3, shape).astype(float), rng.integers(-2, 3, shape).astype(float)
        factors.append(Factor(key, None if kind == "w" else scope, None if kind == "p" else scope))
        tables[key] = (None if kind == "w" else p, None if kind == "p" else w)
    # Every variable that is summed out has a weight or a distribution, as every node of a model has a mechanism.
    weighted = headed.union(*(f.p for f in factors if f.p is not None and f.heads is None))
    keep = draw(st.lists(st.sampled_from(variables), unique=True))
    keep += [v for v in variables if v not in keep and v not in weighted]
    return factors, tables, cards, keep


def by_einsum(factors: list[Factor], tables: dict[int, Any], cards: list[int], keep: list[int]) -> tuple[Any, Any]:
    """The product of pairs p + w*eps, summed over everything else, written out."""

    def whole(scope: Any, table: Any) -> Any:
        return np.einsum(table, list(scope), np.ones(cards), list(range(len(cards))), list(range(len(cards))))

    p, w = np.ones(cards), np.zeros(cards)
    for factor in factors:
        own_p, own_w = tables[factor.key]
        q = np.ones(cards) if own_p is None else whole(factor.p, own_p)
        v = np.zeros(cards) if own_w is None else whole(factor.w, own_w)
        p, w = p * q, p * v + w * q
    axes = list(range(len(cards)))
    return np.einsum(p, axes, keep), np.einsum(w, axes, keep)


@given(products(), st.sampled_from([1, 4, 24, elimination._AT_ONCE]))
@settings(max_examples=examples(quick=400, full=8000))
def test_a_plan_computes_the_sum_of_the_product(product: Any, at_once: int) -> None:
    """Variable by variable or several at a time."""
    factors, tables, cards, keep = product
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elimination, "_AT_ONCE", at_once)
        plan = make_plan(factors, keep, cards)
    p, w = run(plan, tables)
    wanted_p, wanted_w = by_einsum(factors, tables, cards, keep)
    shape = [cards[v] for v in keep]
    np.testing.assert_allclose(np.broadcast_to(1.0 if p is None else p, shape), wanted_p, atol=1e-9)
    np.testing.assert_allclose(np.broadcast_to(0.0 if w is None else w, shape), wanted_w, atol=1e-9)
    for part, named in ((p, plan.p), (w, plan.w)):
        assert (part is None) == (named is None)
        if part is not None and named is not None:
            assert [v for v, n in zip(keep, part.shape, strict=True) if n > 1] == list(named)


@given(products())
@settings(max_examples=examples(quick=100, full=1000))
def test_the_order_of_the_factors_does_not_matter(product: Any) -> None:
    factors, tables, cards, keep = product
    for order in (factors, factors[::-1]):
        _, w = run(make_plan(order, keep, cards), tables)
        np.testing.assert_allclose(
            np.broadcast_to(0.0 if w is None else w, [cards[v] for v in keep]),
            by_einsum(factors, tables, cards, keep)[1],
            atol=1e-9,
        )


def test_what_sums_to_one_is_not_computed() -> None:
    """A node that nobody asked about leaves nothing behind, however wide its table."""
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(2), (2, 2))
    barren = Factor(0, (0, 1, 2), heads=1 << 2)
    plan = make_plan([barren], [0, 1], [2, 2, 2])
    assert run(plan, {0: (table, None)}) == (None, None)
    assert plan.p is None
    observed = make_plan([Factor(0, (0, 1, 2))], [0, 1], [2, 2, 2])
    p, _ = run(observed, {0: (table, None)})
    np.testing.assert_allclose(p, np.ones((2, 2)))


def test_a_chain_is_eliminated_at_width_one() -> None:
    n, card = 200, 3
    factors = [Factor(0, (0,), heads=1), *(Factor(i, (i - 1, i), heads=1 << i) for i in range(1, n))]
    plan = make_plan(factors, [n - 1], [card] * n)
    assert plan.largest == card**2
    assert len(plan.widest) == 2
    rng = np.random.default_rng(1)
    tables = {0: (rng.dirichlet(np.ones(card)), None)}
    tables |= {i: (rng.dirichlet(np.ones(card), card), None) for i in range(1, n)}
    p, _ = run(plan, tables)
    wanted = tables[0][0]
    for i in range(1, n):
        wanted = wanted @ tables[i][0]
    np.testing.assert_allclose(p, wanted)


def test_the_largest_table_is_known_before_anything_is_computed() -> None:
    star = [Factor(i, (0, i), heads=1 << i) for i in range(1, 31)]
    assert make_plan([Factor(0, (0,), heads=1), *star], list(range(1, 31)), [2] * 31).largest == 2**31
    assert make_plan([Factor(0, (0,), heads=1), *star], [1], [2] * 31).largest == 4


def test_masks() -> None:
    assert mask_of([0, 3, 70]) == 1 | 8 | 1 << 70
    assert list(bits(mask_of([70, 3, 0]))) == [0, 3, 70]
    assert list(bits(0)) == []
    assert Factor(0, (1, 2), (2, 5)).mask == mask_of([1, 2, 5])

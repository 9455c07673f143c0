"""Random models whose numbers are known as fractions, and every policy's value in fractions: the slow, exact truth."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import cidmesa as cm
from tests.solve.brute_force import World
from tests.strategies import cids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RARE = [Fraction(0), *(Fraction(1, 10**k) for k in range(1, 7)), *(Fraction(10.0**-k) for k in range(7, 13))]
"""Probabilities of rare events, as the numbers that their floats are read as."""

SIMPLE = [Fraction(k, 8) for k in range(-8, 9)]
AWKWARD = [Fraction(1, 10), Fraction(1, 5), Fraction(3, 10), Fraction(1, 3), Fraction(2, 3), Fraction(7, 10)]


class Exact(NamedTuple):
    """A model and its tables in fractions."""

    model: cm.CIM
    numbers: dict[str, Any]

    def world(self) -> World:
        """Every policy's value in fractions."""
        return ExactWorld(self.model, self.numbers)

    def moved(self, factor: Fraction, level: Fraction) -> Exact:
        """The same model with other utilities, checked to be exact in floats."""
        numbers = dict(self.numbers)
        for u in self.model.cid.utilities:
            numbers[u] = np.asarray(numbers[u] * factor + level * factor, dtype=object)
            assert all(Fraction(float(x)) == x for x in numbers[u].flat)
        return of_numbers(self.model.cid, numbers, self.model)


class ExactWorld(World):
    """Brute force in fractions."""

    number = object

    def __init__(self, model: cm.CIM, numbers: Mapping[str, Any]) -> None:
        self.numbers = numbers
        super().__init__(Tables(model, numbers))  # type: ignore[arg-type]

    def value(self, rules: Mapping[str, Any]) -> Fraction:  # type: ignore[override]
        whole = {d: np.asarray(rule).astype(int).astype(object) for d, rule in rules.items()}
        return Fraction((self.joint(whole) * self.payoff).sum())

    def optima(self) -> tuple[Fraction, list[dict[str, Any]]]:
        """The largest value of any deterministic policy, and all policies that have it exactly."""
        scored = [(self.value(policy), policy) for policy in self.policies(self.model.cid.decisions)]
        top = max(value for value, _ in scored)
        return top, [policy for value, policy in scored if value == top]


class Tables:
    """What brute force needs of a model, with other numbers."""

    def __init__(self, model: cm.CIM, numbers: Mapping[str, Any]) -> None:
        self.model, self.numbers, self.cid = model, numbers, model.cid

    def cpd(self, node: str) -> Any:
        return self.numbers[node]

    def card(self, node: str) -> int:
        return self.model.card(node)


def of_numbers(cid: cm.CID, numbers: Mapping[str, Any], like: cm.CIM | None = None, **actions: list[Any]) -> Exact:
    """The model with the given tables; `actions` of its decisions, or those of another model."""
    mechanisms: dict[str, Any] = {}
    for node in cid.nodes:
        if cid.kind(node) == "decision":
            mechanisms[node] = actions[node] if like is None else list(like.domain(node))
        else:
            table = np.asarray(numbers[node]).astype(float)
            domain = None if cid.kind(node) == "utility" else range(table.shape[-1])
            mechanisms[node] = cm.Table(table, domain=domain)
    return Exact(cid.parameterise(mechanisms), dict(numbers))


@st.composite
def exact_models(
    draw: Callable[..., Any], *, simple: bool = False, max_card: int = 2, rare: bool = True, **shape: Any
) -> Exact:
    """Random models with rare events, ties of all kinds and fractions that floats miss; `simple`: utilities in 1/8."""
    cid = draw(cids(**shape))
    cards = {n: draw(st.integers(2, max_card)) for n in cid.nodes if cid.kind(n) != "utility"}
    worth = st.sampled_from(SIMPLE if simple or draw(st.booleans()) else AWKWARD)
    numbers: dict[str, Any] = {}
    for node in cid.nodes:
        parents = [cards[p] for p in cid.parents(node)]
        rows = int(np.prod(parents, dtype=int))
        if cid.kind(node) == "utility":
            flat = np.empty(rows, dtype=object)
            flat[:] = draw(st.lists(worth, min_size=rows, max_size=rows))
            numbers[node] = flat.reshape(parents)
        elif cid.kind(node) == "chance":
            table = np.empty((rows, cards[node]), dtype=object)
            for i in range(rows):
                table[i] = _row(draw, cards[node], rare)
            numbers[node] = table.reshape(*parents, cards[node])
    actions = {n: list(range(cards[n])) for n in cid.decisions}
    return of_numbers(cid, numbers, **actions)


def _row(draw: Callable[..., Any], k: int, rare: bool) -> list[Fraction]:
    if rare and draw(st.booleans()):
        small = draw(st.lists(st.sampled_from(RARE), min_size=k - 1, max_size=k - 1))
        small.insert(draw(st.integers(0, k - 1)), 1 - sum(small))
        return small
    weights = draw(st.lists(st.integers(0, 4), min_size=k, max_size=k).filter(any))
    return [Fraction(w, sum(weights)) for w in weights]

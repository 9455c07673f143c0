"""Training that selects by the worst level, several decisions: against listing all policies in fractions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, cmp_to_key
from itertools import islice, product
from math import lcm
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.gallery.systems import red_door
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.mesa.outcomes.per_level_policies import PolicyLevels
from tests.mesa.consistency.test_minimax_regret import EPSILON, MINIMAX, Numbers, fractions, share, turn
from tests.strategies import examples

Whole: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

SOME = 12
"""About so many objectives of a game are asked about one by one."""

ACTS = (0, 1)
MEMORY = ("none", "first", "all")


@dataclass(frozen=True)
class Game:
    """Two binary decisions; each sees a sign of the level, the second perhaps what the first did, or saw and did."""

    law: list[int]
    one: list[list[int]]
    two: list[list[int]]
    memory: str
    outcome: list[list[list[list[int]]]]
    pays: list[Any]
    of_target: bool

    def setup(self, law: list[int] | None = None, **how: Any) -> cm.TrainingSetup:
        edges = [("level", "one"), ("level", "two"), ("one", "a"), ("two", "b")]
        edges += {"none": [], "first": [("a", "b")], "all": [("one", "b"), ("a", "b")]}[self.memory]
        edges += [("level", "at"), ("a", "at"), ("b", "at")]
        edges += [("at", "pay")] if self.of_target else [("level", "pay"), ("a", "pay"), ("b", "pay")]
        cid = cm.CID(edges, decisions=["a", "b"], utilities=["pay"])
        model = cid.parameterise(
            level=cm.Table(share(self.law if law is None else law)),
            one=cm.Table(share(self.one)),
            two=cm.Table(share(self.two)),
            a=list(ACTS),
            b=list(ACTS),
            at=cm.Table(share(self.outcome)),
            pay=cm.Table(self.pays),
        )
        turned = {"at": cm.Table(share(np.array(self.outcome)[:, ::-1]))}
        return cm.TrainingSetup(model, {"turned": turned}, **{**MINIMAX, **how})

    # By the definitions, in fractions ---------------------------------------------------------------------------------

    def _policies(self) -> Iterator[tuple[dict[int, int], dict[tuple[int, ...], int]]]:
        one, two = range(len(self.one[0])), range(len(self.two[0]))
        seen = {
            "none": [(t,) for t in two],
            "first": list(product(two, ACTS)),
            "all": list(product(two, one, ACTS)),
        }[self.memory]
        for first in product(ACTS, repeat=len(one)):
            for second in product(ACTS, repeat=len(seen)):
                yield dict(enumerate(first)), dict(zip(seen, second, strict=True))

    def _runs(self, level: int, policy: Any) -> Iterator[tuple[Fraction, int, int]]:
        first, second = policy
        for (o, p), (t, q) in product(enumerate(fractions(self.one[level])), enumerate(fractions(self.two[level]))):
            if p and q:
                a = first[o]
                seen = {"none": (t,), "first": (t, a), "all": (t, o, a)}[self.memory]
                yield p * q, a, second[seen]

    def _paid(self, level: int, a: int, b: int) -> Fraction:
        if self.of_target:
            at = fractions(self.outcome[level][a][b])
            return sum((p * x for p, x in zip(at, self.pays, strict=True)), Fraction(0))
        return Fraction(self.pays[level][a][b])

    @cached_property
    def every(self) -> tuple[Whole, Whole, Whole, int]:
        """Of every policy the target's law, trained and turned, and its regrets by level with their unit; integers."""
        law, here, there, worth = fractions(self.law), [], [], []
        for policy in self._policies():
            runs = [list(self._runs(level, policy)) for level in range(len(law))]
            worth.append(
                [sum((p * self._paid(level, a, b) for p, a, b in r), Fraction(0)) for level, r in enumerate(runs)]
            )
            for turned, found in ((0, here), (1, there)):
                total = [Fraction(0)] * len(self.outcome[0][0][0])
                for level, r in enumerate(runs):
                    for p, a, b in r:
                        at = fractions(self.outcome[level][a ^ turned][b])
                        total = [x + law[level] * p * y for x, y in zip(total, at, strict=True)]
                found.append(total)
        regrets, unit = whole(worth)
        return whole(here)[0], whole(there)[0], regrets.max(axis=0) - regrets, unit

    def optimal(self, objectives: Whole, turned: int = 0) -> np.ndarray:
        """Which policies are optimal for which objectives, shape (policies, objectives)."""
        worth = self.every[turned] @ objectives.T
        return np.asarray(worth == worth.max(axis=0))

    def largest(self, objectives: Whole) -> list[Fraction]:
        """The regret of each objective's worst optimal policy in its worst level."""
        _, _, regrets, unit = self.every
        worst = regrets.max(axis=1)[:, None]
        return [Fraction(int(x), unit) for x in np.where(self.optimal(objectives), worst, -1).max(axis=0)]

    def directions(self) -> Whole:
        """An objective of every kind: in each cone, and on each border, of all comparisons of policies."""
        points = np.unique(self.every[0], axis=0)
        if points.shape[1] == 2:
            return np.array([[1, 0], [0, 1], [0, 0]])
        rows = (points[:, None] - points[None]).reshape(-1, 3)
        lines = np.vstack([np.stack([rows[:, 1], -rows[:, 0]], axis=1), np.eye(2, dtype=np.int64)])
        lines = lines[lines.any(axis=1)]
        lines //= np.gcd(*lines.T)[:, None]
        around = sorted(map(tuple, np.unique(lines, axis=0).tolist()), key=cmp_to_key(turn))
        between = [(p[0] + q[0], p[1] + q[1]) for p, q in zip(around, around[1:] + around[:1], strict=True)]
        return np.array([[x, y, 0] for x, y in [(0, 0), *around, *between]])

    def floor(self) -> tuple[float, Fraction]:
        """The least largest regret of any mixture of policies, by a linear program, and of any policy."""
        regrets, unit = self.every[2], self.every[3]
        count, levels = regrets.shape
        found = linprog(
            [*[0.0] * count, 1.0], np.c_[regrets.T / unit, -np.ones(levels)], np.zeros(levels),
            [[*[1.0] * count, 0.0]], [1.0], method="highs",
        )  # fmt: skip
        return float(found.fun), Fraction(int(regrets.max(axis=1).min()), unit)


def whole(rows: list[Numbers]) -> tuple[Whole, int]:
    """Write rows of fractions as integers in units of one over something."""
    unit = lcm(*(x.denominator for row in rows for x in row))
    return np.array([[int(x * unit) for x in row] for row in rows], dtype=np.int64), unit


@st.composite
def games(draw: st.DrawFn, revealed: bool | None = None) -> Game:
    levels, values = draw(st.integers(2, 3)), draw(st.integers(2, 3))
    memory = draw(st.sampled_from(MEMORY))
    of_target = draw(st.booleans())
    some = st.lists(st.integers(0, 3), min_size=values, max_size=values).filter(any)
    whole = [[int(i == level) for i in range(levels)] for level in range(levels)]
    blind = [[1]] * levels
    if draw(st.booleans()) if revealed is None else revealed:
        levels = min(levels, 2 if memory == "all" else 3)
        whole = [row[:levels] for row in whole[:levels]]
        one, two = whole, blind[:levels] if memory == "all" else whole
    else:
        sign = st.lists(st.integers(0, 2), min_size=2, max_size=2).filter(any)
        one, two = [draw(sign) for _ in range(levels)], [draw(sign) for _ in range(levels)]
        if memory == "all":
            two = blind
    pays: list[Any] = draw(st.lists(st.integers(-2, 2), min_size=values, max_size=values))
    if not of_target:
        pays = [[draw(st.lists(st.integers(-2, 2), min_size=2, max_size=2)) for _ in ACTS] for _ in range(levels)]
    return Game(
        draw(st.lists(st.integers(1, 4), min_size=levels, max_size=levels)),
        one,
        two,
        memory,
        [[[draw(some) for _ in ACTS] for _ in ACTS] for _ in range(levels)],
        pays,
        of_target,
    )


def candidate(setup: cm.TrainingSetup, tolerance: Fraction = Fraction(0)) -> tuple[cm.types.Family, Any]:
    family = cm.derive_mesa_optimizers(setup, targets=["at"], tolerance=float(tolerance))
    return family, family["at"]


@given(game=games(), epsilon=st.sampled_from(EPSILON))
@settings(max_examples=examples(quick=20, full=100))
def test_verdict_regrets_and_floor_equal_listing(game: Game, epsilon: Fraction) -> None:
    family, m = candidate(game.setup(), epsilon)
    mixed, pure = game.floor()
    if game.memory != "all" and mixed < float(pure) - 1e-9:
        with pytest.raises(NotApplicableError, match="forget"):
            _ = PolicyLevels(NormalForm(game.setup())).floor
        assert (family.least_worst, m.training_regret) == (None, None)
        return
    floor = PolicyLevels(NormalForm(game.setup())).floor
    assert float(floor) == family.least_worst == pytest.approx(mixed, abs=1e-9)
    everything = game.directions()
    lost = game.largest(everything)
    assert m.training_regret == float(min(lost))
    allowed = floor + epsilon
    if m.reasons.control:
        assert m.consistency.value == ("CONSISTENT" if min(lost) <= allowed else "EXCLUDED")
    for o, regret in islice(zip(everything, lost, strict=True), None, None, len(lost) // SOME + 1):
        assert m.consistent_set.contains(o.astype(float)) == (regret <= allowed)
    if not game.of_target and everything.shape[1] == 2:  # what is paid in the deployment is what it was
        chosen = everything[[regret <= max(allowed, min(lost)) for regret in lost]]
        law, (_, _, regrets, unit) = fractions(game.law), game.every
        average = np.array([float(sum(p * int(x) for p, x in zip(law, row, strict=True)) / unit) for row in regrets])
        average -= average.min()
        may = game.optimal(chosen, turned=1).any(axis=1)
        assert m.deployment_regret["turned"] == pytest.approx((average[may].min(), average[may].max()), abs=1e-9)


# The theorem ----------------------------------------------------------------------------------------------------------


@given(game=games(), epsilon=st.sampled_from(EPSILON))
@settings(max_examples=examples(quick=15, full=80))
def test_where_every_level_can_be_served_the_worst_level_asks_for_more(game: Game, epsilon: Fraction) -> None:
    family, worst = candidate(game.setup(), epsilon)
    assume(family.least_worst == 0)
    _, average = candidate(game.setup(selects="expected", level_nodes=None), epsilon)
    _, loose = candidate(game.setup(), epsilon / min(fractions(game.law)))
    everything = game.directions().astype(float)
    for objective in everything[:: len(everything) // SOME + 1]:
        if worst.consistent_set.contains(objective):
            assert average.consistent_set.contains(objective)  # (i): a mean is at most the largest
        if average.consistent_set.contains(objective):
            assert loose.consistent_set.contains(objective)  # (ii): a level's loss is at most the loss by its share
        if not epsilon:
            assert worst.consistent_set.contains(objective) == average.consistent_set.contains(objective)  # (iii)


@given(game=games(revealed=True), law=st.lists(st.integers(1, 4), min_size=3, max_size=3))
@settings(max_examples=examples(quick=15, full=80))
def test_where_all_decisions_see_the_level_its_probability_does_not_matter(game: Game, law: list[int]) -> None:
    _, m = candidate(game.setup())
    _, other = candidate(game.setup(law[: len(game.law)]))
    assert m.training_regret == other.training_regret  # (iv)
    assert m.consistency == other.consistency


# Single systems -------------------------------------------------------------------------------------------------------


def turn_and_go(delta: float) -> cm.TrainingSetup:
    """The red door in two decisions: where to turn, seeing door and red thing, and whether to go there."""
    cid = cm.CID(
        [("door", "red"), ("door", "turn"), ("red", "turn"), ("turn", "go"), *(("turn", at) for at in ENDS),
         *(("go", at) for at in ENDS), ("door", "at_door"), ("red", "at_red"), ("at_door", "reward")],
        decisions=["turn", "go"],
        utilities=["reward"],
    )  # fmt: skip
    model = cid.parameterise(
        door=cm.Uniform("left", "right"),
        red=cm.Noisy(lambda door: door, delta),
        turn=["left", "right"],
        go=[0, 1],
        at_door=lambda turn, go, door: int(go == 1 and turn == door),
        at_red=lambda turn, go, red: int(go == 1 and turn == red),
        reward=lambda at_door: at_door,
    )
    return cm.TrainingSetup(model, {"swapped": {"red": lambda door: "right" if door == "left" else "left"}})


ENDS = ("at_door", "at_red")


@pytest.mark.parametrize("delta", [0.0, 0.001, 0.02, 0.1])
def test_the_red_door_in_two_decisions(delta: float) -> None:
    setup = turn_and_go(delta)
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(setup.base, setup.deployments, selects="minimax regret"))
    assert family["at_red"].training_regret == float(delta > 0)
    assert family["at_door"].training_regret == 0.0
    assert family["at_red"].consistency == ("EXCLUDED" if delta else "CONSISTENT")
    assert family["at_door"].consistency == "CONSISTENT"
    assert family.least_worst == 0.0
    assert cm.derive_mesa_optimizers(setup)["at_red"].training_regret == pytest.approx(delta, abs=1e-12)
    if not delta:  # all that is said of deployments is said of the set that was selected
        assert family["at_red"].deployment_regret["swapped"] == (1.0, 1.0)
        assert (
            family["at_red"].stale_regret["swapped"]
            == cm.derive_mesa_optimizers(setup)["at_red"].stale_regret["swapped"]
        )
    one = red_door.setup(delta)
    alone = cm.derive_mesa_optimizers(cm.TrainingSetup(one.base, selects="minimax regret"))
    assert alone["at_red"].training_regret == family["at_red"].training_regret


def blind_bets(first: float, mechanism: Any = None, *, recall: bool = False) -> cm.TrainingSetup:
    """Nobody sees which of two levels it is; the second decision may call the first one off."""
    cid = cm.CID(
        [("level", "at"), ("bet", "at"), ("keep", "at"), ("at", "pay")], decisions=["bet", "keep"], utilities=["pay"]
    )
    cid = cid.with_edges([("bet", "keep")]) if recall else cid
    model = cid.parameterise(
        level=cm.Categorical({"a": first, "b": 1 - first}),
        bet=["a", "b"],
        keep=[0, 1],
        at=mechanism or (lambda level, bet, keep: {1: float(bet == level), 0: float(bet != level)} if keep else SAFE),
        pay=lambda at: at,
    )
    return cm.TrainingSetup(model, selects="minimax regret")


SAFE = {1: 0.6, 0: 0.4}


def test_where_the_level_is_hidden_its_probability_matters() -> None:
    """(iv) fails: calling off is what the worst level asks for, and what is best on average near one half alone."""
    found = {p: candidate(blind_bets(p, recall=True)) for p in (0.3, 0.5, 0.7)}
    assert {p: m.training_regret for p, (_, m) in found.items()} == {0.3: 1.0, 0.5: 0.4, 0.7: 1.0}
    assert {family.least_worst for family, _ in found.values()} == {0.4}
    assert [m.consistency.value for _, m in found.values()] == ["EXCLUDED", "CONSISTENT", "EXCLUDED"]


def test_only_who_remembers_can_mix_policies() -> None:
    """To match both or neither of two hidden bits, evenly, takes a coin that both decisions see."""

    def match(level: str, bet: str, keep: int) -> dict[int, float]:
        right = float((bet == "a") == keep == (level == "a")) if (bet == "a") == keep else 0.0
        return {1: right, 0: 1 - right}

    remembering, forgetting = (candidate(blind_bets(0.5, match, recall=recall)) for recall in (True, False))
    assert (remembering[0].least_worst, remembering[1].consistency.value) == (0.5, "EXCLUDED")
    assert remembering[1].training_regret == 1.0
    assert remembering[1].weakly_consistent  # half and half
    assert (forgetting[0].least_worst, forgetting[1].consistency.value) == (None, "UNKNOWN")
    with pytest.raises(NotApplicableError, match="forget"):
        forgetting[1].possible_actions("training")


def test_thin_cones_are_settled_exactly() -> None:
    """Both levels want what is a hair better than a mixture of the others; floating point does not see the cone."""
    tiny = 1e-9
    laws = {(0, 0): [0.0, 1.0, 0.0], (0, 1): [0.5 - tiny, 0.0, 0.5 + tiny], (1, 0): [0.5, 0.0, 0.5], (1, 1): [0, 1, 0]}
    cid = cm.CID(
        [("level", "a"), ("level", "b"), ("level", "at"), ("a", "at"), ("b", "pay"), ("a", "pay")],
        decisions=["a", "b"],
        utilities=["pay"],
    )
    model = cid.parameterise(
        level=cm.Uniform(0, 1),
        a=[0, 1],
        b=[0],
        at=lambda level, a: dict(enumerate(laws[level, a])),
        pay=lambda a, b: int(a == 0),
    )
    _, found = candidate(cm.TrainingSetup(model, selects="minimax regret"))
    assert found.consistency == "CONSISTENT"
    assert found.consistent_set.best is not None
    assert 0 < found.consistent_set.best[0] < 1e-7


def test_a_rule_that_acts_twice_is_refused_by_name() -> None:
    cid = cm.CID([("a", "at"), ("b", "at"), ("at", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], at=lambda a, b: a ^ b, pay=lambda at: at)
    setup = cm.TrainingSetup(model, shared_rules=[("a", "b")], selects="minimax regret")
    _, m = candidate(setup)
    assert m.training_regret is None
    with pytest.raises(NotApplicableError, match="acts twice"):
        m.possible_actions("training")


def test_several_levels_and_too_many_policies_say_so() -> None:
    """Sixteen contexts of two decisions each are 2**32 policies."""
    seen = list(range(16))
    cid = cm.CID(
        [("x", "a"), ("x", "b"), ("a", "at"), ("b", "at"), ("at", "pay")], decisions=["a", "b"], utilities=["pay"]
    )
    model = cid.parameterise(x=cm.Uniform(*seen), a=[0, 1], b=[0, 1], at=lambda a, b: a & b, pay=lambda at: at)
    _, m = candidate(cm.TrainingSetup(model, selects="minimax regret"))
    assert m.training_regret is None
    with pytest.raises(NotApplicableError, match="deterministic policies"):
        m.possible_actions("training")

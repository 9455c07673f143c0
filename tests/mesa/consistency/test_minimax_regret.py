"""Training that selects by the worst level: against listing in fractions, and the theorem on what that changes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import cidmesa as cm
from cidmesa.errors import DiagramError, NotApplicableError
from cidmesa.gallery.systems import red_door
from cidmesa.mesa.consistency import choices as choices_module
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.per_level import PerLevel
from tests.strategies import examples

Numbers = list[Fraction]
EPSILON = [Fraction(0), Fraction(1, 4), Fraction(1)]
MINIMAX = {"selects": "minimax regret", "level_nodes": ["level"]}


@dataclass(frozen=True)
class Game:
    """Levels, what is seen of them, what actions do to one target, and what they pay; all in whole numbers."""

    law: list[int]
    seen: list[list[int]]
    outcome: list[list[list[int]]]
    pays: list[list[int]]
    of_target: bool

    def model(self, law: list[int] | None = None) -> cm.CIM:
        cid = cm.CID(
            [("level", "seen"), ("seen", "act"), ("level", "at"), ("act", "at"), ("level", "pay"), ("act", "pay")],
            decisions=["act"],
            utilities=["pay"],
        )
        if self.of_target:
            cid = cid.without_edges([("act", "pay"), ("level", "pay")]).with_edges([("at", "pay")])
        return cid.parameterise(
            level=cm.Table(share(self.law if law is None else law)),
            seen=cm.Table(share(self.seen)),
            act=list(range(len(self.outcome[0]))),
            at=cm.Table(share(self.outcome)),
            pay=cm.Table(self.pays[0] if self.of_target else self.pays),
        )

    def setup(self, law: list[int] | None = None, **how: Any) -> cm.TrainingSetup:
        turned = {"at": cm.Table(share([rows[::-1] for rows in self.outcome]))}
        return cm.TrainingSetup(self.model(law), {"turned": turned}, **{**MINIMAX, **how})

    # By the definitions, in fractions ---------------------------------------------------------------------------------

    def at(self, level: int, act: int) -> Numbers:
        return fractions(self.outcome[level][act])

    def paid(self, level: int, act: int) -> Fraction:
        if self.of_target:
            return sum((p * x for p, x in zip(self.at(level, act), self.pays[0], strict=True)), Fraction(0))
        return Fraction(self.pays[level][act])

    def joint(self) -> dict[tuple[int, int], Fraction]:
        """P(level, seen), where positive."""
        law = fractions(self.law)
        cells = product(range(len(law)), range(len(self.seen[0])))
        found = {(level, o): law[level] * fractions(self.seen[level])[o] for level, o in cells}
        return {cell: p for cell, p in found.items() if p}

    def mixed(self, seen: int, *, turned: bool = False) -> list[Numbers]:
        """What each action leads to, given what is seen."""
        joint = self.joint()
        here = {level: p for (level, o), p in joint.items() if o == seen}
        total = sum(here.values())
        order = range(len(self.outcome[0]))
        return [
            [
                sum((p * self.at(level, a)[t] for level, p in here.items()), Fraction(0)) / total
                for t in range(len(self.at(0, 0)))
            ]
            for a in (order[::-1] if turned else order)
        ]

    def largest(self, can: dict[int, list[int]]) -> Fraction:
        """The largest regret over levels of the worst rule that takes some of these actions."""
        law, worst = fractions(self.law), {}
        for (level, seen), p in self.joint().items():
            every = [self.paid(level, a) for a in range(len(self.outcome[0]))]
            worst.setdefault(level, Fraction(0))
            worst[level] += p / law[level] * (max(every) - min(every[a] for a in can[seen]))
        return max(worst.values())

    def optimal(self, objective: Numbers, *, turned: bool = False) -> dict[int, list[int]]:
        found = {}
        for seen in {o for _, o in self.joint()}:
            worth = [
                sum((p * x for p, x in zip(row, objective, strict=True)), Fraction(0))
                for row in self.mixed(seen, turned=turned)
            ]
            found[seen] = [a for a, x in enumerate(worth) if x == max(worth)]
        return found

    def directions(self) -> list[Numbers]:
        """An objective of every kind: in each cone, and on each border, of all comparisons of actions."""
        size = len(self.at(0, 0))
        if size == 2:
            return [[Fraction(x), Fraction(y)] for x, y in ((1, 0), (0, 1), (0, 0))]
        lines = [(Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))]
        for seen in {o for _, o in self.joint()}:
            rows = self.mixed(seen)
            for one, other in product(rows, rows):
                r = [x - y for x, y in zip(one, other, strict=True)]
                if r[0] - r[2] or r[1] - r[2] or any(r):
                    lines.append((r[1], -r[0]))  # where objectives (x, y, 0) do not care
        around = sorted({unit(way) for x, y in lines if x or y for way in ((x, y), (-x, -y))}, key=cmp_to_key(turn))
        between = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(around, around[1:] + around[:1], strict=True)]
        return [[x, y, Fraction(0)] for x, y in [*around, *between, (Fraction(0), Fraction(0))]]

    def floor(self) -> float:
        """The least largest regret of any rule, by a linear program in floating point."""
        seen, acts = sorted({o for _, o in self.joint()}), range(len(self.outcome[0]))
        law, joint = fractions(self.law), self.joint()
        rows = []
        for level in range(len(law)):
            best = max(self.paid(level, a) for a in acts)
            lost = [
                float(joint.get((level, o), 0) / law[level] * (best - self.paid(level, a))) for o in seen for a in acts
            ]
            rows.append([*lost, -1.0])
        equal = [[*(float(o == s) for s in seen for _ in acts), 0.0] for o in seen]
        cost = [*[0.0] * (len(seen) * len(acts)), 1.0]
        return float(linprog(cost, rows, [0.0] * len(law), equal, [1.0] * len(seen), method="highs").fun)


def share(whole: Any) -> np.ndarray:
    rows = np.array(whole, dtype=float)
    return np.asarray(rows / rows.sum(axis=-1, keepdims=True))


def fractions(whole: list[int]) -> Numbers:
    return [Fraction(x, sum(whole)) for x in whole]


def unit(way: tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
    top = max(map(abs, way))
    return way[0] / top, way[1] / top


def turn(a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction]) -> int:
    """Order by angle."""
    first, second = ((p[1], p[0]) < (0, 0) for p in (a, b))
    if first != second:
        return first - second
    cross = a[0] * b[1] - a[1] * b[0]
    return (cross < 0) - (cross > 0)


@st.composite
def games(draw: st.DrawFn, revealed: bool | None = None) -> Game:
    levels, acts, values = draw(st.integers(2, 3)), draw(st.integers(2, 3)), draw(st.integers(2, 3))
    of_target = draw(st.booleans())
    reveals = draw(st.booleans()) if revealed is None else revealed
    some = st.lists(st.integers(0, 3), min_size=values, max_size=values).filter(any)
    seen = [[int(i == level) for i in range(levels)] for level in range(levels)]
    if not reveals:
        contexts = draw(st.integers(1, 3))
        row = st.lists(st.integers(0, 3), min_size=contexts, max_size=contexts).filter(any)
        seen = [draw(row) for _ in range(levels)]
    paid = values if of_target else acts
    return Game(
        draw(st.lists(st.integers(1, 4), min_size=levels, max_size=levels)),
        seen,
        [[draw(some) for _ in range(acts)] for _ in range(levels)],
        [draw(st.lists(st.integers(-2, 2), min_size=paid, max_size=paid)) for _ in range(levels)],
        of_target,
    )


def candidate(setup: cm.TrainingSetup, tolerance: Fraction = Fraction(0)) -> tuple[cm.types.Family, Any]:
    family = cm.derive_mesa_optimizers(setup, targets=["at"], tolerance=float(tolerance))
    return family, family["at"]


@given(game=games(), epsilon=st.sampled_from(EPSILON))
@settings(max_examples=examples(quick=40, full=150))
def test_verdict_regret_and_deployment_equal_enumeration(game: Game, epsilon: Fraction) -> None:
    family, m = candidate(game.setup(), epsilon)
    levels = PerLevel(OneDecision(game.setup()))
    assert float(levels.floor) == family.least_worst == pytest.approx(game.floor(), abs=1e-9)
    everything = game.directions()
    lost = [game.largest(game.optimal(o)) for o in everything]
    assert m.training_regret == float(min(lost))
    allowed = levels.floor + epsilon
    if m.reasons.control:
        assert (m.consistency == "CONSISTENT") == (min(lost) <= allowed)
        assert m.consistency != "UNKNOWN"
    chosen = [o for o, regret in zip(everything, lost, strict=True) if regret <= max(allowed, min(lost))]
    for o, regret in zip(everything, lost, strict=True):
        assert m.consistent_set.contains(np.array([float(x) for x in o])) == (regret <= allowed)
    turned = {
        seen: {a for o in chosen for a in game.optimal(o, turned=True)[seen]} for seen in game.optimal(everything[0])
    }
    assert {seen[0]: set(acts) for seen, acts in m.possible_actions("turned")["act"].items()} == turned


@given(game=games(), epsilon=st.sampled_from(EPSILON))
@settings(max_examples=examples(quick=12, full=60))
def test_the_same_without_listing_choices(game: Game, epsilon: Fraction) -> None:
    _, listed = candidate(game.setup(), epsilon)
    expected = listed.consistency, listed.training_regret, listed.deployment_regret["turned"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choices_module, "LISTED_CHOICES", 0)
        _, m = candidate(game.setup(), epsilon)
        assert (m.consistency, m.training_regret) == expected[:2]
        assert np.allclose(m.deployment_regret["turned"], expected[2], atol=1e-9)
        if m.consistency == "CONSISTENT" and m.objective is not None:
            assert m.consistent_set.contains(m.objective.values)


# The theorem ----------------------------------------------------------------------------------------------------------


def both(game: Game, epsilon: Fraction) -> tuple[ConsistentSet, ConsistentSet]:
    """The objectives consistent in the worst level, and on average."""
    _, worst = candidate(game.setup(), epsilon)
    average = cm.derive_mesa_optimizers(game.setup(selects="expected", level_nodes=None), tolerance=float(epsilon))[
        "at"
    ]
    return worst.consistent_set, average.consistent_set


@given(game=games(), epsilon=st.sampled_from(EPSILON))
@settings(max_examples=examples(quick=20, full=120))
def test_where_every_level_can_be_served_the_worst_level_asks_for_more(game: Game, epsilon: Fraction) -> None:
    assume(PerLevel(OneDecision(game.setup())).floor == 0)
    worst, average = both(game, epsilon)
    loose, _ = both(game, epsilon / min(fractions(game.law)))
    for direction in game.directions():
        objective = np.array([float(x) for x in direction])
        if worst.contains(objective):
            assert average.contains(objective)  # (i): a mean is at most the largest
        if average.contains(objective):
            assert loose.contains(objective)  # (ii): what is lost in a level is at most the loss by its probability
        if not epsilon:
            assert worst.contains(objective) == average.contains(objective)  # (iii)


@given(game=games(revealed=True), law=st.lists(st.integers(1, 4), min_size=3, max_size=3))
@settings(max_examples=examples(quick=20, full=120))
def test_where_the_level_is_seen_its_probability_does_not_matter(game: Game, law: list[int]) -> None:
    _, m = candidate(game.setup())
    _, other = candidate(game.setup(law[: len(game.law)]))
    assert m.training_regret == other.training_regret  # (iv)
    assert m.consistency == other.consistency


def hidden(first: float) -> cm.TrainingSetup:
    """Which of two levels it is cannot be seen; a third action is fairly good in both."""
    cid = cm.CID([("level", "at"), ("act", "at"), ("at", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(
        level=cm.Categorical({"a": first, "b": 1 - first}),
        act=["for a", "for b", "safe"],
        at=lambda level, act: (
            {1: 0.6, 0: 0.4} if act == "safe" else {1: float(act[-1] == level), 0: float(act[-1] != level)}
        ),
        pay=lambda at: at,
    )
    return cm.TrainingSetup(model, selects="minimax regret")


def test_where_the_level_is_hidden_its_probability_matters() -> None:
    """(iv) fails, and even the base's own objective is selected only where the levels are about as likely."""
    found = {p: candidate(hidden(p)) for p in (0.3, 0.5, 0.7)}
    assert {p: m.training_regret for p, (_, m) in found.items()} == {0.3: 1.0, 0.5: 0.4, 0.7: 1.0}
    assert {family.least_worst for family, _ in found.values()} == {0.4}
    assert {p: m.consistency.value for p, (_, m) in found.items()} == {
        0.3: "EXCLUDED",
        0.5: "CONSISTENT",
        0.7: "EXCLUDED",
    }


def test_a_mixed_rule_may_be_the_only_one_that_is_good_in_the_worst_level() -> None:
    model = hidden(0.5).base
    assert isinstance(model, cm.CIM)
    bets = model.shift({"at": lambda level, act: {1: float(act[-1] == level), 0: float(act[-1] != level)}})
    family, m = candidate(cm.TrainingSetup(bets, selects="minimax regret"))
    assert (family.least_worst, m.training_regret, m.consistency.value) == (0.5, 1.0, "EXCLUDED")
    assert m.weakly_consistent  # some optimal policy, half and half, is as good as any
    assert candidate(cm.TrainingSetup(bets, selects="minimax regret"), Fraction(1, 2))[1].consistency == "CONSISTENT"


# The red door ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [0.0, 0.001, 0.02, 0.1])
def test_the_red_door(delta: float) -> None:
    setup = red_door.setup(delta)
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(setup.base, setup.deployments, selects="minimax regret"))
    assert family["at_red"].training_regret == float(delta > 0)
    assert family["at_door"].training_regret == 0.0
    assert family["at_red"].consistency == ("EXCLUDED" if delta else "CONSISTENT")
    assert family["at_door"].consistency == "CONSISTENT"
    assert family.least_worst == 0.0
    assert cm.derive_mesa_optimizers(setup)["at_red"].training_regret == pytest.approx(delta, abs=1e-12)


def test_thin_cones_are_settled_exactly() -> None:
    """An objective that has to trade off 1e-9 exists, and floating point does not see it."""
    cid = cm.CID([("level", "act"), ("level", "at"), ("act", "at"), ("level", "pay"), ("act", "pay")])
    cid = cm.CID(cid.edges, decisions=["act"], utilities=["pay"])
    tiny = Fraction(1, 10**9)
    rows = {
        (0, 0): (0, 1, 0), (0, 1): (Fraction(1, 2) - tiny, 0, Fraction(1, 2) + tiny),
        (1, 0): (Fraction(1, 2), 0, Fraction(1, 2)), (1, 1): (0, 1, 0),
    }  # fmt: skip
    model = cid.parameterise(
        level=cm.Uniform(0, 1),
        act=[0, 1],
        at=lambda level, act: {i: float(p) for i, p in enumerate(rows[level, act])},
        pay=lambda level, act: int(act == 0),
    )
    found = cm.derive_mesa_optimizers(cm.TrainingSetup(model, selects="minimax regret"), targets=["at"])["at"]
    assert found.consistency == "CONSISTENT"  # one half of each end beats the middle, a hair less of the first does not
    assert found.consistent_set.best is not None
    assert 0 < found.consistent_set.best[0] < 1e-7


# What is declared, kept and refused -----------------------------------------------------------------------------------


def test_what_a_level_is() -> None:
    door = red_door.setup(0.1)
    assert cm.TrainingSetup(door.base, selects="minimax regret").level_nodes == ("weather", "door", "red")
    assert cm.TrainingSetup(door.base).level_nodes == ()
    by_door = cm.TrainingSetup(door.base, selects="minimax regret", level_nodes=["door"])
    family = cm.derive_mesa_optimizers(by_door)  # the colour is luck within a level
    assert family["at_red"].training_regret == pytest.approx(0.1, abs=1e-12)
    assert "selects by minimax regret, over levels of door" in str(by_door)
    assert "2 levels of door" in " ".join(family["at_red"].reasons.text)
    with pytest.raises(DiagramError, match="descends from a decision"):
        cm.TrainingSetup(door.base, selects="minimax regret", level_nodes=["at_red"])
    with pytest.raises(DiagramError, match='selects="minimax regret"'):
        cm.TrainingSetup(door.base, level_nodes=["door"])
    with pytest.raises(DiagramError, match=r"is one of .* got 'worst'"):
        cm.TrainingSetup(door.base, selects="worst")


def test_answers_that_are_about_averages_are_refused_by_name() -> None:
    setup = cm.TrainingSetup(red_door.setup(0.1).base, selects="minimax regret")
    family = cm.derive_mesa_optimizers(setup, prior=cm.SimplicityPrior())
    for ask in (
        family.predictions,
        lambda: family.ranking,
        lambda: cm.train(setup),
        lambda: cm.alignment_region(setup, "at_red"),
    ):
        with pytest.raises(NotApplicableError, match="selects by minimax regret"):
            ask()


def test_several_decisions_and_bare_diagrams() -> None:
    cid = cm.CID(
        [("x", "a"), ("x", "b"), ("a", "at"), ("b", "at"), ("at", "pay")], decisions=["a", "b"], utilities=["pay"]
    )
    model = cid.parameterise(x=cm.Bernoulli(0.5), a=[0, 1], b=[0, 1], at=lambda a, b: a & b, pay=lambda at: at)
    m = cm.derive_mesa_optimizers(cm.TrainingSetup(model, selects="minimax regret", level_nodes=["x"]))["at"]
    assert (m.consistency.value, m.training_regret) == ("CONSISTENT", 0.0)
    lone = cm.derive_mesa_optimizers(cm.TrainingSetup(model.cid, selects="minimax regret", level_nodes=[]))["at"]
    assert lone.consistency == "CONSISTENT"
    blind = cid.without_edges([("x", "b")])
    assert cm.derive_mesa_optimizers(cm.TrainingSetup(blind, selects="minimax regret"))["at"].consistency == "UNKNOWN"


def test_cures_keep_the_trainer() -> None:
    """Mixed in ever so rarely, the other doors are levels too: every dose cures, where the level is seen."""
    door = red_door.setup(0.0)
    setup = cm.TrainingSetup(door.base, {"opposite": door.deployments["opposite"]}, selects="minimax regret")
    cures = cm.distinguishing_training(setup, "at_red", weights=[0.001], observables=[])
    assert (cures[0].kind.value, cures[0].removed, cures[0].regret) == ("mix", True, 1.0)


def test_it_is_part_of_what_a_setup_is() -> None:
    import pickle

    from cidmesa.identity import setup_digest
    from cidmesa.interop.plain import as_plain
    from cidmesa.interop.study_reader import from_plain

    model = red_door.setup(0.1).base
    plain, worst = cm.TrainingSetup(model), cm.TrainingSetup(model, selects="minimax regret")
    by_door = cm.TrainingSetup(model, selects="minimax regret", level_nodes=["door"])
    assert len({setup_digest(s) for s in (plain, worst, by_door)}) == 3
    assert plain != worst != by_door
    for setup in (plain, worst, by_door):
        assert pickle.loads(pickle.dumps(setup)) == setup
        assert from_plain(as_plain(setup)) == setup or setup is plain
    read = from_plain(as_plain(worst))
    assert isinstance(read, cm.TrainingSetup)
    assert (read.selects, read.level_nodes) == ("minimax regret", ("weather", "door", "red"))
    with pytest.raises(cm.FileFormatError, match="selects: one of expected, minimax regret"):
        from_plain({**as_plain(worst), "selects": "luck"})


def test_documents_say_by_what_training_selects_and_why_nothing_is_predicted() -> None:
    from cidmesa.gallery.run import run, system_of
    from cidmesa.reports import report

    setup = cm.TrainingSetup(red_door.setup(0.1).base, selects="minimax regret")
    text = report(cm.derive_mesa_optimizers(setup), title="worst").text()
    assert "selects by minimax regret, in the worst level of weather, door, red" in " ".join(text.split())
    assert "predictions of what trained agents do: known where training selects by the expected" in " ".join(
        text.split()
    )
    done = run(system_of(setup, "worst"), progress=False)
    assert not done.reports
    assert done.plain["arms"]["training"]["predictions"]["predictions"] == []


def test_forbidden_actions_are_no_regret() -> None:
    """The best of a level is among what is allowed in its contexts, and so is what optimizers do."""
    cid = cm.CID(
        [("level", "act"), ("level", "at"), ("act", "at"), ("at", "pay")], decisions=["act"], utilities=["pay"]
    )
    model = cid.parameterise(
        level=cm.Uniform(0, 1),
        act=cm.Choice([0, 1, 2], allowed=lambda level: [0, 1] if level else [0, 1, 2]),
        at=lambda level, act: act,
        pay=lambda at: at,
    )
    family, m = candidate(cm.TrainingSetup(model, selects="minimax regret"))
    assert (family.least_worst, m.training_regret, m.consistency.value) == (0.0, 0.0, "CONSISTENT")
    assert m.possible_actions("training")["act"] == {(0,): (2,), (1,): (1,)}


def test_tables_of_levels() -> None:
    """A level is a row of a table, as a chain of features or as one root: both are the same trainer."""
    table = {"colour": ["red", "red", "blue"], "kind": ["door", "thing", "door"], "weight": [0.9, 0.05, 0.05]}
    found = []
    for root in (False, True):
        levels = cm.levels(
            table,
            decision={"go": ["for colour", "for kind"]},
            outcomes={
                "at": lambda go, colour, kind: int((colour == "red") if go == "for colour" else (kind == "door"))
            },
            score={"pay": lambda at: at},
            observed=["colour"],
            weights="weight",
            root=root,
        )
        setup = cm.TrainingSetup(levels, selects="minimax regret")
        family, m = candidate(setup)
        found.append((family.least_worst, m.training_regret, m.consistency.value))
    assert found[0] == found[1] == (0.0, 0.0, "CONSISTENT")

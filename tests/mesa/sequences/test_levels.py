"""Training on sequences that selects by the worst level: against listing, diagrams, and the theorem on it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import DiagramError, NotApplicableError, UnknownNodeError
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.mesa.sequences.additive import Additive
from cidmesa.mesa.sequences.cure import mixed
from tests.mesa.sequences.small import BruteForce, Policy, steps
from tests.mesa.sequences.test_against_diagrams import agree
from tests.strategies import examples

MINIMAX = {"selects": "minimax regret", "level_nodes": ["door"]}
LAWS = [[0.5, 0.5], [0.125, 0.875], [0.75, 0.25], [1.0, 0.0]]
EPSILON = [Fraction(0), Fraction(1, 4), Fraction(1)]
SPOTS = 2


class World:
    """A step in which a door stays where it is and a spot changes; as two nodes, and as one for brute force."""

    def __init__(self, spot: np.ndarray, moves: np.ndarray, mark: np.ndarray, pay: np.ndarray) -> None:
        self.spot, self.moves, self.mark, self.pay = spot, moves, mark, pay

    def step(self, door: Sequence[float]) -> cm.CIM:
        cid = cm.CID(
            [
                *[("door", "spot"), ("door", "act"), ("spot", "act"), ("door", "door'"), ("door", "spot'")],
                *[("spot", "spot'"), ("act", "spot'"), ("act", "mark"), ("spot'", "mark"), ("door", "pay")],
                ("spot'", "pay"),
            ],
            decisions=["act"],
            utilities=["pay"],
        )
        return cid.parameterise(
            {"door": cm.Table(list(door)), "door'": lambda door: door, "act": [0, 1], "mark": cm.Table(self.mark)}
            | {"spot": cm.Table(self.spot), "spot'": cm.Table(self.moves), "pay": cm.Table(self.pay)}
        )

    def brute_force(self, door: Sequence[float], horizon: int) -> BruteForce:
        """State 2 * door + spot."""
        law = np.zeros((4, 2, 4))
        for d, s in np.ndindex(2, SPOTS):
            law[2 * d + s, :, 2 * d : 2 * d + 2] = self.moves[d, s]
        cid = cm.CID(
            [
                ("at", "act"),
                ("at", "at'"),
                ("act", "at'"),
                ("at'", "mark"),
                ("act", "mark"),
                ("at'", "pay"),
                ("at", "pay"),
            ],
            decisions=["act"],
            utilities=["pay"],
        )
        pay = np.array([[self.pay[now // 2, then % 2] for now in range(4)] for then in range(4)])
        step = cid.parameterise(
            {"at": (np.array(door)[:, None] * self.spot).ravel(), "act": [0, 1], "at'": law, "pay": pay}
            | {"mark": cm.Table(np.array([self.mark[:, then % 2] for then in range(4)]))}
        )
        return BruteForce(step, horizon)


@st.composite
def worlds(draw: st.DrawFn, marks: int = 2) -> World:
    def laws(*shape: int) -> np.ndarray:
        table = np.zeros(shape)
        for row in table.reshape(-1, shape[-1]):
            row[draw(st.integers(0, shape[-1] - 1))] += 0.5
            row[draw(st.integers(0, shape[-1] - 1))] += 0.5
        return table

    pay = np.array(draw(st.lists(st.integers(-1, 2), min_size=4, max_size=4)), dtype=float)
    return World(laws(2, SPOTS), laws(2, SPOTS, 2, SPOTS), laws(2, SPOTS, marks), pay.reshape(2, SPOTS))


MARKED = st.integers(2, 3).flatmap(lambda marks: worlds(marks=marks))


def lost(force: BruteForce, policies: Sequence[Policy]) -> list[Fraction]:
    """What each policy loses in the door that is worst for it, by definition."""
    worth = {policy: force.values(policy, None)[0] for policy in force.policies()}

    def mean(values: Sequence[Fraction], door: int) -> Fraction:
        here = slice(2 * door, 2 * door + 2)
        return sum((p * v for p, v in zip(force.start[here], values[here], strict=True)), Fraction(0)) / sum(
            force.start[here]
        )

    doors = [door for door in range(2) if sum(force.start[2 * door : 2 * door + 2])]
    best = {door: max(mean(values, door) for values in worth.values()) for door in doors}
    return [max(best[door] - mean(worth[policy], door) for door in doors) for policy in policies]


@given(MARKED, st.sampled_from(LAWS), st.integers(1, 2), st.data())
@settings(max_examples=examples(12, 60), deadline=None)
def test_regret_in_the_worst_level_equals_listing_policies(
    world: World, door: list[float], horizon: int, data: st.DataObject
) -> None:
    setup = cm.SequenceSetup(world.step(door), horizon, **MINIMAX)
    force = world.brute_force(door, horizon)
    marks = world.mark.shape[-1]
    objective = data.draw(st.lists(st.sampled_from([-1, 0, 1, 2]), min_size=marks, max_size=marks))
    found = lost(force, force.optimal(objective))
    assert Additive(setup, ("mark",), [Fraction(x) for x in objective]).regret("training") == (min(found), max(found))
    family = cm.derive_mesa_optimizers(setup, targets=["mark"])
    assert min(lost(force, [*force.policies()])) == family.least_worst == 0
    assert setup.levels is not None
    assert [*setup.levels.starts] == [(d,) for d, p in enumerate(door) if p]


@given(worlds(), st.sampled_from(LAWS), st.integers(1, 2), st.sampled_from(EPSILON))
@settings(max_examples=examples(12, 60), deadline=None)
def test_verdicts_of_targets_with_two_values_equal_listing(
    world: World, door: list[float], horizon: int, epsilon: Fraction
) -> None:
    setup = cm.SequenceSetup(world.step(door), horizon, **MINIMAX)
    m = cm.derive_mesa_optimizers(setup, targets=["mark"], tolerance=float(epsilon))["mark"]
    force = world.brute_force(door, horizon)
    ends = {way: lost(force, force.optimal(way)) for way in ((0, 1), (1, 0), (0, 0))}
    worst = {way: max(found) for way, found in ends.items()}
    assert (m.consistency.value == "CONSISTENT") == (min(worst.values()) <= epsilon)
    assert m.training_regret == float(min(worst.values()))
    assert m.objective is not None
    if m.objective.name != "constant":
        assert m.weakly_consistent == (min(ends[tuple(int(x) for x in m.objective.values)]) <= epsilon)


# The theorem ----------------------------------------------------------------------------------------------------------


@given(MARKED, st.integers(1, 3), st.data())
@settings(max_examples=examples(25, 150), deadline=None)
def test_theorem_m(world: World, horizon: int, data: st.DataObject) -> None:
    marks = world.mark.shape[-1]
    door, other = data.draw(st.sampled_from(LAWS)), data.draw(st.sampled_from(LAWS[:3]))
    objective = [Fraction(x) for x in data.draw(st.lists(st.integers(-1, 2), min_size=marks, max_size=marks))]

    def regret(law: list[float], **how: Any) -> Fraction:
        setup = cm.SequenceSetup(world.step(law), horizon, **how)
        return Additive(setup, ("mark",), objective).regret("training")[1]

    mean, worst = regret(door), regret(door, **MINIMAX)
    assert mean <= worst  # (i)
    assert min(Fraction(p) for p in door if p) * worst <= mean  # (ii)
    assert (mean == 0) == (worst == 0)  # (iii)
    if 0 not in door:
        assert regret(other, **MINIMAX) == worst  # (iv): the same doors come, as often as they may


# Diagrams -------------------------------------------------------------------------------------------------------------


@given(st.integers(2, 3).flatmap(lambda marks: st.tuples(st.just(marks), steps(marks=marks))), st.sampled_from(EPSILON))
@settings(max_examples=examples(10, 60), deadline=None)
def test_one_step_is_its_own_diagram(drawn: tuple[int, tuple[cm.CIM, dict[str, Any]]], epsilon: Fraction) -> None:
    marks, (step, shift) = drawn
    how: dict[str, Any] = {"selects": "minimax regret", "level_nodes": ["at"]}
    setups = (cm.SequenceSetup(step, 1, {"there": shift}, **how), cm.TrainingSetup(step, {"there": shift}, **how))
    sequence, diagram = (
        cm.derive_mesa_optimizers(setup, targets=["mark"], tolerance=float(epsilon))["mark"] for setup in setups
    )
    if marks == 2 or not epsilon:
        assert sequence.consistency.value == diagram.consistency.value
    if sequence.consistency.value == "EXCLUDED" and marks == 2:
        assert sequence.training_regret == pytest.approx(diagram.training_regret, abs=1e-12)
    if diagram.consistency.value == "CONSISTENT" and not epsilon:
        for reading in ("competent", "stale"):
            agree(sequence, diagram, reading=reading, whole=marks == 2)


@given(worlds(), st.sampled_from(LAWS), st.sampled_from(EPSILON), st.booleans())
@settings(max_examples=examples(8, 40), deadline=None)
def test_what_happens_once_is_a_node_of_the_unrolled_diagram(
    world: World, door: list[float], epsilon: Fraction, every: bool
) -> None:
    moves = world.moves.copy()
    moves[:, 1] = [0, 1]  # the second spot keeps
    step = World(world.spot, moves, world.mark, world.pay).step(door)
    cid = step.cid.with_edges([("spot", "mark")]).without_edges([("act", "mark")])
    mechanisms: dict[str, Any] = {n: own_mechanism(step, n) for n in cid.nodes if n != "mark"}
    mechanisms["mark"] = cm.Function(lambda **now: int(now["spot"] == 0 and now["spot'"] == 1), domain=[0, 1])
    step = cid.parameterise(mechanisms)
    here = cm.unroll(step, 2)
    whole = here.cid.with_edges([("spot@0", "arrived"), ("spot@2", "arrived")])
    arrived = cm.Function(lambda **at: int(at["spot@0"] == 0 and at["spot@2"] == 1), domain=[0, 1])
    base = cm.CIM(whole, {n: own_mechanism(here, n) for n in here.cid.nodes} | {"arrived": arrived})
    nodes = ["door", "spot"] if every else ["door"]  # what changes may be part of a level too, as it begins
    diagram = cm.TrainingSetup(base, selects="minimax regret", level_nodes=[f"{node}@0" for node in nodes])
    sequence = cm.SequenceSetup(step, 2, selects="minimax regret", level_nodes=nodes)
    theirs = cm.derive_mesa_optimizers(diagram, targets=["arrived"], tolerance=float(epsilon))
    mine = cm.derive_mesa_optimizers(sequence, targets=["mark"], tolerance=float(epsilon))
    assume(theirs["arrived"].consistency.value != "UNKNOWN")
    assert theirs.least_worst == mine.least_worst
    assert mine["mark"].consistency.value == theirs["arrived"].consistency.value
    assert mine["mark"].training_regret == pytest.approx(theirs["arrived"].training_regret, abs=1e-12)


# The red door ---------------------------------------------------------------------------------------------------------


def red_door(delta: float, *, reach: int = 2, **how: Any) -> cm.SequenceSetup:
    """A corridor with a door at one end. The red thing is at the other with probability delta."""
    ends = {"left": -reach, "right": reach}
    places = list(range(-reach, reach + 1))
    cid = cm.CID(
        [
            *[("door", "red"), ("door", "act"), ("red", "act"), ("at", "act"), ("door", "door'"), ("red", "red'")],
            *[("at", "at'"), ("act", "at'"), ("door", "at_door"), ("at", "at_door"), ("at'", "at_door")],
            *[("red", "at_red"), ("at", "at_red"), ("at'", "at_red"), ("at_door", "reward")],
        ],
        decisions=["act"],
        utilities=["reward"],
    )

    def arrives(what: str) -> Any:
        return lambda **now: int(now["at"] != now["at'"] == ends[now[what]])

    other = {"left": "right", "right": "left"}
    step = cid.parameterise(
        {"door": cm.Uniform("left", "right"), "red": lambda door: {door: 1 - delta, other[door]: delta}}
        | {"door'": lambda door: door, "red'": lambda red: red, "act": [-1, 0, 1]}
        | {"at": cm.Categorical({place: float(place == 0) for place in places})}
        | {"at'": cm.Function(lambda at, act: at if abs(at) == reach else at + act, domain=places)}
        | {"at_door": arrives("door"), "at_red": arrives("red"), "reward": lambda at_door: at_door}
    )
    apart = {"red": lambda door: {door: 0.0, other[door]: 1.0}}
    return cm.SequenceSetup(step, 4, {"apart": apart}, **how)


@pytest.mark.parametrize("delta", [0.0, 1e-12, 0.001, 0.02, 0.1])
def test_the_red_door(delta: float) -> None:
    setup = red_door(delta, selects="minimax regret", level_nodes=["door", "red"])
    family = cm.derive_mesa_optimizers(setup, targets=["at_red", "at_door"])
    assert family["at_red"].training_regret == float(delta > 0)
    assert family["at_door"].training_regret == 0.0
    assert family["at_red"].consistency == ("EXCLUDED" if delta else "CONSISTENT")
    assert family["at_door"].consistency == "CONSISTENT"
    assert family.least_worst == 0.0
    assert family["at_red"].of("at_red").regret("apart") == (1, 1)  # on average, as in every deployment
    assert cm.derive_mesa_optimizers(red_door(delta), targets=["at_red"])["at_red"].training_regret == delta


def test_a_tolerance_is_for_each_level() -> None:
    """On average a proxy lasts as long as the dose is tolerated; in the worst level as long as its loss is."""
    how = {"selects": "minimax regret", "level_nodes": ["door", "red"]}
    for tolerance, on_average, worst in ((0.05, "CONSISTENT", "EXCLUDED"), (1.0, "CONSISTENT", "CONSISTENT")):
        for setup, verdict in ((red_door(0.02), on_average), (red_door(0.02, **how), worst)):
            m = cm.derive_mesa_optimizers(setup, targets=["at_red"], tolerance=tolerance)["at_red"]
            assert m.consistency.value == verdict


# What is declared, kept and refused -----------------------------------------------------------------------------------


def test_what_a_level_is() -> None:
    every = red_door(0.1, selects="minimax regret")
    assert (every.selects, every.level_nodes) == ("minimax regret", ("door", "red", "at"))
    assert (red_door(0.1).selects, red_door(0.1).level_nodes, red_door(0.1).levels) == ("expected", (), None)
    by_door = red_door(0.1, selects="minimax regret", level_nodes=["door"])  # the colour is luck within a level
    family = cm.derive_mesa_optimizers(by_door, targets=["at_red"])
    assert family["at_red"].training_regret == pytest.approx(0.1, abs=1e-12)
    assert "selects by minimax regret, over 2 levels of door" in str(by_door)
    assert "selects: minimax regret" in repr(by_door)
    assert "Selected by minimax regret" in " ".join(str(family).split())
    assert "minimax regret over 2 levels of door: the least" in " ".join(family["at_red"].reasons.text)
    none = red_door(0.1, selects="minimax regret", level_nodes=[])  # one level: the average
    assert cm.derive_mesa_optimizers(none, targets=["at_red"])["at_red"].training_regret == 0.1


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"level_nodes": ["at_red"]}, DiagramError, "`at_red` is drawn anew in every step"),
        ({"level_nodes": ["act"]}, DiagramError, "`act` is a decision"),
        ({"level_nodes": ["door'"]}, DiagramError, "is what `door` becomes"),
        ({"level_nodes": ["dor"]}, UnknownNodeError, "did you mean `door`"),
        ({"selects": "expected", "level_nodes": ["door"]}, DiagramError, 'selects="minimax regret"'),
        ({"selects": "worst"}, DiagramError, "got 'worst'"),
    ],
)
def test_refused_with_a_hint(how: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        red_door(0.1, **{"selects": "minimax regret", **how})


def test_a_hidden_level_is_refused() -> None:
    step = red_door(0.1).step
    assert step is not None
    assert step.model is not None
    hidden = cm.CIM(step.cid.without_edges([("red", "act")]), {n: own_mechanism(step.model, n) for n in step.cid.nodes})
    with pytest.raises(NotApplicableError, match="observes the whole state"):
        cm.SequenceSetup(hidden, 4, selects="minimax regret", level_nodes=["red"])


def test_answers_that_are_about_averages_are_refused_by_name() -> None:
    setup = red_door(0.0, selects="minimax regret", level_nodes=["door", "red"])
    family = cm.derive_mesa_optimizers(setup, targets=["at_red"])
    asks = (family.predictions, lambda: family["at_red"].one_rule_regret("training"))
    for ask in asks:
        with pytest.raises(NotApplicableError, match=r"selects by minimax regret; SequenceSetup\(\.\., selects="):
            ask()
    assert family["at_red"].one_rule_regret("apart") == (1.0, 1.0)
    assert len(cm.derive_mesa_optimizers(red_door(0.0), targets=["at_red"]).predictions()) > 0


# Cures ----------------------------------------------------------------------------------------------------------------


def test_every_dose_cures_where_the_level_is_seen() -> None:
    rows = cm.distinguishing_training(
        red_door(0.0, selects="minimax regret", level_nodes=["door", "red"]), "at_red", weights=[0.001]
    )
    assert [(row.kind.value, row.removed, row.regret) for row in rows] == [
        ("mix", True, 1.0),
        ("mix, seen", True, 1.0),
    ]
    assert cm.distinguishing_training(red_door(0.0), "at_red", weights=[0.001])[0].regret == 0.001


@given(steps(states=3), st.integers(1, 3), st.lists(st.integers(-1, 1), min_size=2, max_size=2))
@settings(max_examples=examples(10, 60), deadline=None)
def test_a_mixture_is_as_bad_as_the_worse_of_its_parts(
    drawn: tuple[cm.CIM, dict[str, Any]], horizon: int, objective: list[int]
) -> None:
    """Where an episode is from is part of its level, whatever the weight."""
    step, shift = drawn
    how: dict[str, Any] = {"selects": "minimax regret", "level_nodes": ["at"]}

    def regret(setup: cm.SequenceSetup) -> tuple[Fraction, Fraction]:
        return Additive(setup, ("mark",), [Fraction(x) for x in objective]).regret("training")

    here, there = (regret(cm.SequenceSetup(one, horizon, **how)) for one in (step, step.shift(shift)))
    setup = cm.SequenceSetup(step, horizon, {"there": shift}, **how)
    for seen in (True, False) if list(shift) == ["at"] else (True,):
        both = mixed(setup, "there", 0.125, seen=seen)
        assert both.level_nodes == ("episode", "at")
        assert regret(both) == (max(here[0], there[0]), max(here[1], there[1]))


@given(steps(states=3), st.sampled_from(EPSILON))
@settings(max_examples=examples(8, 40), deadline=None)
def test_cures_of_one_step_are_those_of_its_diagram(drawn: tuple[cm.CIM, dict[str, Any]], epsilon: Fraction) -> None:
    step, shift = drawn
    start = {"at": shift.get("at", np.array([0.0, 0.5, 0.5]))}  # the state tells how it goes on
    how: dict[str, Any] = {"selects": "minimax regret", "level_nodes": ["at"]}
    found = []
    sequence, diagram = (
        cm.SequenceSetup(step, 1, {"there": start}, **how),
        cm.TrainingSetup(step, {"there": start}, **how),
    )
    for setup, shown in ((sequence, None), (diagram, [])):
        rows = cm.distinguishing_training(setup, "mark", weights=[0.25], observables=shown, tolerance=float(epsilon))
        found.append({row.kind.value: (row.removed, round(row.regret, 12), row.harmless) for row in rows})
    assert found[0] == found[1]

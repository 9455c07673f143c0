"""Ties are facts: rare events, penalties, levels and units change no answer of a derivation that they should not."""

from __future__ import annotations

from math import isclose
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import cidmesa as cm
from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
from cidmesa.mesa.derive import Family, derive_mesa_optimizers
from cidmesa.mesa.outcomes.outcome_table import optimal_for
from cidmesa.mesa.setup.training import TrainingSetup
from tests.mesa.moved import moved
from tests.mesa.oracle import rational
from tests.mesa.test_derive import check_against_listing, random_setups
from tests.strategies import examples

EVENTS = [1e-4, 1e-5, 1e-7, 1e-9, 1e-12]

# What was found wrong, each with the smallest input -------------------------------------------------------------------


def three_levels(event: float, third: bool) -> MesaOptimizer:
    """Training shows the first level alone; the worst of the others needs an objective of margin `event`."""
    lead: dict[Any, Any] = {(0, 1): {"a": 1}, (0, 0): {"b": 1}, (1, 1): {"a": 1}, (1, 0): {"b": 1 - event, "c": event}}
    lead |= {(2, 1): {"c": 1} if third else {"a": 1 - event, "c": event}, (2, 0): {"b": 1}}
    shown = cm.Categorical({0: 0.4, 1: 0.5, 2: 0.1}) if third else cm.Uniform(0, 1, 2)
    cid = cm.CID([("s", "d"), ("d", "x"), ("s", "x"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(
        s=cm.Categorical({0: 1.0, 1: 0.0, 2: 0.0}),
        d=[0, 1],
        u=lambda d: d,
        x=cm.Function(lambda s, d: lead[s, d], domain=["a", "b", "c"]),
    )
    objectives = {"x": {"a": -1 + event, "b": -1.0, "c": 1.0}}
    return derive_mesa_optimizers(TrainingSetup(model, {"there": {"s": shown}}), targets=["x"], objectives=objectives)[
        "x"
    ]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("third", [False, True])
def test_the_worst_objective_counts_however_small_its_margin(event: float, third: bool) -> None:
    found = three_levels(event, third)
    for interval in (found.deployment_regret["there"], found.stale_regret["there"]):
        assert interval == (0.0, 0.5 if third else pytest.approx(1 / 3, abs=1e-15))
        assert interval.gap == 0.0
    assert not found.robustly_aligned["there"]
    assert found.possible_actions("there") == {"d": {(0,): (1,), (1,): (0, 1), (2,): (0, 1)}}


def many_contexts(contexts: int, event: float, exponent: int = 1) -> MesaOptimizer:
    """All contexts but the last want a above b; in the last c is worth more than that by `event`, to be consistent."""
    q = event**exponent
    cid = cm.CID([("s", "d"), ("d", "x"), ("s", "x"), ("d", "u")], decisions=["d"], utilities=["u"])

    def leads(s: int, d: int) -> Any:
        if s < contexts:
            return "a" if d else "b"
        return {"b": 1 - q, "c": q} if d else "a"

    x = cm.Function(leads, domain=["a", "b", "c"])
    model = cid.parameterise(s=cm.Uniform(*range(contexts + 1)), d=[0, 1], u=lambda d: d, x=x)
    return derive_mesa_optimizers(TrainingSetup(model), targets=["x"])["x"]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("contexts", [1, 3, 7, 20])
def test_the_least_training_regret_is_least(contexts: int, event: float) -> None:
    found = many_contexts(contexts, event)
    assert found.consistency == "CONSISTENT"
    assert found.training_regret == 0.0
    assert found.objective_regret == (0.0 if found.objective is not None else None)
    if event >= 1e-9:
        assert found.objective is not None


def test_two_independent_rare_events() -> None:
    cid = cm.CID(
        [("s", "d"), ("d", "x"), ("s", "x"), ("one", "x"), ("two", "x"), ("d", "u")], decisions=["d"], utilities=["u"]
    )

    def leads(s: int, d: int, one: int, two: int) -> str:
        if s == 0:
            return "a" if d else "b"
        return ("c" if one and two else "b") if d else "a"

    rare = cm.Bernoulli(1e-4)
    model = cid.parameterise(
        s=cm.Uniform(0, 1), d=[0, 1], u=lambda d: d, one=rare, two=rare, x=cm.Function(leads, domain=["a", "b", "c"])
    )
    found = derive_mesa_optimizers(TrainingSetup(model), targets=["x"])["x"]
    assert (found.consistency, found.training_regret, found.objective_regret) == ("CONSISTENT", 0.0, 0.0)


@pytest.mark.parametrize("bits", [2, 4])
def test_what_a_decision_sees_of_a_target_beside_the_score_is_kept(bits: int) -> None:
    """With more than 65,536 policies only those that ignore idle links are listed."""
    names = [f"bit{i}" for i in range(bits)]
    cid = cm.CID(
        [*((name, "d1") for name in names), ("seen", "d2"), ("d2", "pay")],
        nodes=[*names, "d1", "seen", "d2", "pay"],
        decisions=["d1", "d2"],
        utilities=["pay"],
    )
    fair: dict[str, Any] = {name: cm.Bernoulli(0.5) for name in names}
    model = cid.parameterise(
        {**fair, "d1": [0, 1], "seen": cm.Bernoulli(0.0), "d2": [0, 1], "pay": lambda d2: 3 * d2 - 1}
    )
    setup = TrainingSetup(model, {"there": {"seen": cm.Bernoulli(0.6)}})
    found = derive_mesa_optimizers(setup, max_targets=2)["seen", "pay"]
    assert found.deployment_regret["there"] == pytest.approx((0.0, 1.8), abs=1e-15)
    assert found.possible_actions("there")["d2"] == {(0,): (1,), (1,): (0, 1)}


def red_door(
    unit: float = 1.0, level: float = 0.0, penalty: float = 0.0, elsewhere: float = 0.0, there: Any = None
) -> Family:
    """The red door, in other units, at another level, with a forbidden action, with red elsewhere now and then."""
    edges = [("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("go", "at_red")]
    cid = cm.CID(
        [*edges, ("red", "at_red"), ("at_door", "reward"), ("go", "reward")], decisions=["go"], utilities=["reward"]
    )
    model = cid.parameterise(
        door=cm.Uniform("left", "right"),
        red=cm.Noisy(lambda door: door, elsewhere),
        go=["left", "right", *(["illegal"] if penalty else [])],
        at_door=lambda go, door: int(go == door),
        at_red=lambda go, red: int(go == red),
        reward=lambda at_door, go: -penalty if go == "illegal" else level + unit * at_door,
    )
    shift = cm.Uniform("left", "right") if there is None else there
    return derive_mesa_optimizers(TrainingSetup(model, deployments={"repainted": {"red": shift}}))


@pytest.mark.parametrize(
    ("unit", "level", "penalty"),
    [
        (1.0, 0.0, 5e8),
        (1.0, 0.0, 1e9),
        (1.0, 0.0, 1e12),
        (5e-10, 0.0, 0.0),
        (2.0**-40, 0.0, 0.0),
        (2.0**40, 0.0, 0.0),
        (0.5, 1e9, 0.0),
        (5e-4, 1e6, 0.0),
        (0.5, -(2.0**40), 2.0**41),
    ],
)
def test_penalties_levels_and_units_do_not_blur_the_red_door(unit: float, level: float, penalty: float) -> None:
    family = red_door(unit, level, penalty)
    red = family["at_red"]
    exact = (rational(level + unit) - rational(level)) / 2
    assert red.consistency == "CONSISTENT"
    assert red.deployment_regret["repainted"] == pytest.approx((float(exact), float(exact)), rel=1e-9, abs=0.0)
    assert not red.robustly_aligned["repainted"]
    assert family["at_door"].robustly_aligned["repainted"]
    follows = red.possible_actions("repainted")["go"]
    assert all(actions == (context[1],) for context, actions in follows.items())


@pytest.mark.parametrize("share", [1e-9, 1e-12])
def test_what_is_rare_is_no_tie(share: float) -> None:
    red = red_door(elsewhere=share)["at_red"]
    assert (red.consistency, red.training_regret) == ("EXCLUDED", pytest.approx(share, rel=1e-9))
    there = red_door(there=cm.Noisy(lambda door: door, share))["at_red"]
    assert there.deployment_regret["repainted"] == pytest.approx((share, share), rel=1e-9)
    assert not there.robustly_aligned["repainted"]


@pytest.mark.parametrize("share", [1e-6, 1e-10, 1e-12])
def test_rows_of_rounding_noise_prefer_nothing(share: float) -> None:
    """Two actions that differ by a rare event: which way is a fact, and an objective that wants it is found exactly."""
    cid = cm.CID([("s", "d"), ("s", "x"), ("d", "x"), ("d", "u")], decisions=["d"], utilities=["u"])

    def leads(s: int, d: int) -> Any:
        if s == 0:
            return "a" if d else "b"
        return {"b": 1 - share, "a": share} if d else "b"

    model = cid.parameterise(
        s=cm.Categorical({0: 1.0, 1: 0.0}), d=[0, 1], u=lambda d: d, x=cm.Function(leads, domain=["a", "b", "c"])
    )
    setup = TrainingSetup(model, {"there": {"s": cm.Uniform(0, 1)}})
    found = derive_mesa_optimizers(setup, targets=["x"])["x"]
    assert found.possible_actions("there") == {"d": {(0,): (1,), (1,): (1,)}}
    assert found.robustly_aligned["there"]


def test_a_target_may_take_tuples_as_values() -> None:
    cid = cm.CID([("d", "x"), ("x", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(d=[(0, 0), (0, 1)], x=lambda d: d, u=lambda x: x[1])
    setup = TrainingSetup(model, {"turned": {"u": lambda x: 1 - x[1]}})
    found = derive_mesa_optimizers(setup, targets=["x"])["x"]
    single = next(interface for interface in found.interfaces if interface.nodes == ("x",))
    assert (single.domain, single.affine) == ((((0, 0),), ((0, 1),)), True)


def test_deception_of_a_target_with_tuples() -> None:
    cid = cm.CID(
        [("tr", "loss"), ("tr", "kept"), ("kept", "gain"), ("dep", "gain"), ("gain", "harm")],
        decisions=["tr", "dep"],
        utilities=["loss", "harm"],
    )
    model = cid.parameterise(
        tr=["comply", "defect"],
        dep=["comply", "defect"],
        loss=lambda tr: -(tr == "defect"),
        kept=lambda tr: tr == "comply",
        gain=lambda kept, dep: ("won", 1) if kept and dep == "defect" else ("lost", 0),
        harm=lambda gain: -gain[1],
    )
    setup = TrainingSetup(model, phases=cm.Phases("tr", "kept", "dep"))
    wish = {"gain": {("won", 1): 1.0, ("lost", 0): 0.0}}
    found = derive_mesa_optimizers(setup, targets=["gain"], objectives=wish)["gain"]
    assert found.deception == (0.0, 1.0, 1.0)


def test_six_nodes_with_four_values_are_settled_by_few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 contexts, 4 actions, targets of 4 and of 16 values: no interval is left open, and no search grows."""
    solver, asked = optimize.linprog, []

    def counted(*arguments: Any, **options: Any) -> Any:
        asked.append(1)
        return solver(*arguments, **options)

    monkeypatch.setattr(optimize, "linprog", counted)
    rng = np.random.default_rng(1)
    cid = cm.CID(
        [("A", "B"), ("B", "C"), ("A", "D"), ("B", "D"), ("C", "D"), ("B", "T"), ("D", "T"), ("T", "U"), ("C", "U")],
        decisions=["D"],
        utilities=["U"],
    )

    def table(*shape: int) -> cm.Table:
        return cm.Table(rng.dirichlet(np.full(4, 0.7), size=shape), domain=range(4))

    paid = cm.Table(rng.integers(-2, 3, size=(4, 4)).astype(float))
    model = cid.parameterise(A=table(), B=table(4), C=table(4), D=range(4), T=table(4, 4), U=paid)
    family = derive_mesa_optimizers(TrainingSetup(model, {"there": {"B": table(4)}}), max_targets=2)
    for names in (("T",), ("A", "T")):
        asked.clear()
        found = family[names]
        assert found.consistency == "EXCLUDED"
        assert found.training_regret > 0.0
        assert found.deployment_regret["there"].gap == found.stale_regret["there"].gap == 0.0
        assert len(asked) < 700


# Everywhere -----------------------------------------------------------------------------------------------------------

RARE = [0.0, 1e-12, 1e-9, 1e-7, 1e-5, 1e-3, 1e-1]


@st.composite
def rare_setups(draw: st.DrawFn) -> TrainingSetup:
    """The same with rare events mixed into every table, and penalties up to 1e12."""
    setup = draw(random_setups())
    assert setup.model is not None

    def mixed(table: np.ndarray) -> np.ndarray:
        found = np.array(table, dtype=float)
        for row in found.reshape(-1, found.shape[-1]):
            share, where = draw(st.sampled_from(RARE)), draw(st.integers(0, len(row) - 1))
            row *= 1 - share
            row[where] += share
        return found

    def tables(model: cm.CIM, nodes: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for node in nodes:
            kind = model.cid.kind(node)
            if kind == "chance":
                found[node] = cm.Table(
                    mixed(model.cpd(node)), domain=model.domain(node), parents=model.cid.parents(node)
                )
            elif kind == "utility":
                paid = np.array(model.cpd(node), dtype=float)
                some = draw(st.sampled_from([0.0, 0.0, -1e12, 1e-9, 2.0**-40]))
                if paid.size:
                    paid.flat[draw(st.integers(0, paid.size - 1))] += some
                found[node] = cm.Table(paid, parents=model.cid.parents(node))
        return found

    there, deployment = setup.deployed("there"), setup.deployments["there"]
    model = setup.model.shift(tables(setup.model, setup.cid.nodes))
    shifted = tables(there, sorted(setup.shifted("there")))
    return TrainingSetup(model, {"there": cm.Deployment(shifted, deployment.edges)})


@given(setup=rare_setups(), tolerance=st.sampled_from([0.0, 0.25]))
@settings(max_examples=examples(quick=40, full=600))
def test_every_candidate_equals_listing_with_rare_events(setup: TrainingSetup, tolerance: float) -> None:
    for candidate in list(derive_mesa_optimizers(setup, tolerance=tolerance))[-3:]:
        check_against_listing(setup, candidate, rational(tolerance))
        check_invariants(candidate)


def check_invariants(candidate: MesaOptimizer) -> None:
    if candidate.objective is not None:
        assert candidate.training_regret is not None
        assert candidate.objective_regret is not None
        assert candidate.training_regret <= candidate.objective_regret
    for found, aligned in (
        (candidate.deployment_regret, candidate.robustly_aligned),
        (candidate.stale_regret, candidate.robustly_aligned_stale),
    ):
        for name, interval in found.items():
            assert interval.gap == 0.0
            assert aligned[name] == (interval.high == 0.0)
    if candidate.consistency != "CONSISTENT":
        return
    seen: dict[Any, set[Any]] = {}
    tables = candidate._by_cone.table("there")
    for drawn in candidate.consistent_set.sample(20):
        for context, row in enumerate(optimal_for(tables, drawn)):
            seen.setdefault(context, set()).update(np.flatnonzero(row).tolist())
    can = candidate._by_cone._possible("there")
    assert all(can[context, action] for context, actions in seen.items() for action in actions)


@given(
    setup=random_setups(),
    power=st.sampled_from([-40, -13, 7, 40]),
    level=st.sampled_from([0, -3, 2**20]),
    tolerance=st.sampled_from([0.0, 0.25]),
)
@settings(max_examples=examples(quick=30, full=600))
def test_adding_to_and_scaling_utilities_changes_no_answer(
    setup: TrainingSetup, power: int, level: int, tolerance: float
) -> None:
    unit = 2.0**power
    other = moved(setup, unit, level)
    pairs = zip(
        derive_mesa_optimizers(setup, tolerance=tolerance),
        derive_mesa_optimizers(other, tolerance=tolerance * unit),
        strict=True,
    )
    for before, after in pairs:
        assert before.names == after.names
        assert before.consistency == after.consistency
        assert isclose(after.training_regret or 0.0, (before.training_regret or 0.0) * unit, rel_tol=1e-9)
        assert before.possible_actions("there") == after.possible_actions("there")
        assert before.robustly_aligned == after.robustly_aligned
        assert before.robustly_aligned_stale == after.robustly_aligned_stale
        for one, two in (
            (before.deployment_regret, after.deployment_regret),
            (before.stale_regret, after.stale_regret),
        ):
            assert two["there"] == pytest.approx([x * unit for x in one["there"]], rel=1e-9, abs=0.0)

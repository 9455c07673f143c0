"""The derivation: the red door to the last digit, its relatives, and random setups against listing."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import MechanismError, NotApplicableError, UnknownNodeError
from cidmesa.graph import requisite_observations
from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
from cidmesa.mesa.consistency import choices
from cidmesa.mesa.derive import Family, derive_mesa_optimizers
from cidmesa.mesa.graphical.positions import Cover
from cidmesa.mesa.graphical.relevance import observed, relevant
from cidmesa.mesa.setup.training import Deployment, TrainingSetup
from cidmesa.solve.tables import exact_run
from tests.mesa.oracle import cells, grid, joint_actions, least_regret, rational, told
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments
from tests.strategies import cids, examples, models

if TYPE_CHECKING:
    from collections.abc import Callable


def red_family(mismatch: float = 0.0, **options: Any) -> Family:
    return derive_mesa_optimizers(TrainingSetup(red_door(mismatch), deployments=red_door_deployments()), **options)


# The red door --------------------------------------------------------------------------------------------------------


def test_red_is_consistent_where_every_door_is_red() -> None:
    family = red_family()
    red, door, reward = family["at_red"], family["at_door"], family["reward"]
    for candidate in (red, door, reward):
        assert candidate.consistency == "CONSISTENT"
        assert candidate.training_regret == 0.0
        assert candidate.minimal
    assert red.objective is not None
    assert red.objective.to_dict() == {0: 0.0, 1: 1.0}
    assert red.deployment_regret["opposite"] == (1.0, 1.0)
    assert red.deployment_regret["repainted"] == (0.5, 0.5)
    assert red.deployment_regret["opposite"].gap == 0.0
    for candidate in (door, reward):
        assert all(interval == (0.0, 0.0) for interval in candidate.deployment_regret.values())
        assert all(candidate.robustly_aligned.values())
    assert not red.robustly_aligned["opposite"]
    assert red.robustly_aligned["sunny"]
    assert red.robustly_aligned["other prior"]


@pytest.mark.parametrize("mismatch", [0.02, 0.1, 0.3])
def test_red_costs_delta_and_leaves_the_set(mismatch: float) -> None:
    red = red_family(mismatch)["at_red"]
    assert red.consistency == "EXCLUDED"
    assert red.training_regret == pytest.approx(mismatch, abs=1e-12)
    assert red.deployment_regret["opposite"] == pytest.approx((1.0, 1.0))
    assert red_family(mismatch, tolerance=mismatch)["at_red"].consistency == "CONSISTENT"
    assert red_family(mismatch, tolerance=mismatch - 1e-3)["at_red"].consistency == "EXCLUDED"


def test_what_is_settled_exactly_leaves_no_margin_to_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "LISTED_CHOICES", 0)
    red = red_family(0.1)["at_red"]
    assert red.consistency == "EXCLUDED"
    assert (red.reasons.margin, red.reasons.delta) == (0.0, 0.0)


def test_without_exact_numbers_what_rounding_hides_is_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_run, "LARGEST_JOINT", 0)
    open_ = red_family(0.1)["at_red"]
    assert open_.reasons.delta == 1.0
    assert open_.consistency == "EXCLUDED"  # it does not read the door: C2 with numbers decides
    assert "C2 with numbers: what is requisite leaves a regret of at least 0.1" in open_.reasons.text


def test_what_else_is_said_of_red() -> None:
    red = red_family()["at_red"]
    assert red.positions == {"spurious"}
    assert red.reasons.control
    assert red.reasons.cover == {"go": {"door": Cover.SURROGATE}}
    assert red.reasons.margin == pytest.approx(1.0)
    assert red.inert == {"weather"}
    assert red.context_shifts == {"door", "red"}
    assert red.mechanism_shifts == {"at_door", "at_red", "reward"}
    assert {name: kind.value for name, kind in red.shift_class.items()} == {
        "repainted": "context",
        "opposite": "context",
        "sunny": "inert",
        "other prior": "context",
    }
    assert dict(red.carry_over) == {"repainted": None, "opposite": None, "sunny": True, "other prior": True}
    assert red.emergent == {("voi", "red"), ("requisite", "red"), ("ri", "red"), ("ici", "at_red")}
    assert red.vanished == {("voi", "door"), ("requisite", "door"), ("ici", "at_door")}
    assert red.territory == {"at_red"}
    assert red.responds_to == {"door", "red"}
    assert red.cid.parents("go") == ("red",)
    assert red.cid.parents("mesa_utility") == ("at_red",)
    assert red.cid.kind("reward") == "chance"
    assert red.model is not None
    assert red.model.solve().value == 1.0
    assert red.weakly_consistent
    assert red.information_loss == 0.0
    assert red.possible_actions("opposite")["go"]["left", "right"] == ("right",)


def test_nothing_is_pursued_without_control() -> None:
    family = red_family()
    for name in ("weather", "door", "red"):
        assert family[name].consistency == "EXCLUDED"
        assert not family[name].reasons.control
        assert family[name].positions == frozenset()
        assert family[name].training_regret == 1.0
        assert family[name].territory == frozenset()
        assert not family[name].minimal


def test_the_lookup_table_is_always_there() -> None:
    table = red_family(tolerance=0.1).lookup_table
    assert table.targets == frozenset()
    assert table.objective is None
    assert table.training_regret == 0.0
    assert table.cid.decisions == ()
    assert table.cid.utilities == ()
    assert table.territory == frozenset()


def test_a_search_in_the_map_and_in_the_territory() -> None:
    """A label predictor moves nothing; an oracle whose answer moves the state steers it; a comparator is no world."""
    predict = cm.CID(
        [("x", "say"), ("x", "y"), ("say", "hit"), ("y", "hit"), ("hit", "score")],
        decisions=["say"],
        utilities=["score"],
    )
    model = predict.parameterise(
        x=cm.Bernoulli(0.5), say=[0, 1], y=lambda x: x, hit=lambda say, y: int(say == y), score=lambda hit: hit
    )
    assert derive_mesa_optimizers(TrainingSetup(model, world=["x", "y"]))["hit"].territory == frozenset()
    assert derive_mesa_optimizers(TrainingSetup(model))["hit"].territory == {"hit"}
    wired = Deployment({"y": lambda x, say: say}, [("say", "y")])
    setup = TrainingSetup(model, deployments={"self-fulfilling": wired}, world=["x", "y"])
    hit = derive_mesa_optimizers(setup)["hit"]
    assert hit.territory == frozenset()
    assert hit.in_deployment["self-fulfilling"].territory == {"y"}
    assert ("ici", "y") in hit.in_deployment["self-fulfilling"].emergent
    assert hit.in_deployment["self-fulfilling"].cid.has_edge("say", "y")
    assert not hit.cid.has_edge("say", "y")


@given(seed=st.integers(0, 10_000), places=st.integers(3, 5))
@settings(max_examples=examples(quick=25, full=500))
def test_relatives_of_the_red_door(seed: int, places: int) -> None:
    """Three to five doors with random priors and payoffs, against listing in fractions."""
    rng = random.Random(seed)
    doors = tuple(f"door{i}" for i in range(places))
    weights = [rng.randint(1, 4) for _ in doors]
    pay = {d: rng.randint(1, 5) for d in doors}
    mismatch = rng.choice([0, Fraction(1, 10)])
    rank_of = {d: i for i, d in enumerate(doors)}

    def paint(door: str) -> dict[str, float]:
        elsewhere = doors[(rank_of[door] + 1) % places]
        return {door: float(1 - mismatch), elsewhere: float(mismatch)}

    model = red_door_cid().parameterise(
        weather=cm.Uniform("sun", "rain"),
        door=cm.Categorical({d: w / sum(weights) for d, w in zip(doors, weights, strict=True)}),
        red=cm.Function(paint, domain=doors),
        go=list(doors),
        at_door=cm.Function(lambda go, door: pay[door] if go == door else 0, domain=(0, *sorted(set(pay.values())))),
        at_red=cm.Function(lambda go, red: int(go == red), domain=(0, 1)),
        reward=lambda at_door: at_door,
    )
    setup = TrainingSetup(model, deployments=red_door_deployments(doors))
    family = derive_mesa_optimizers(setup)
    red = family["at_red"]
    expected = sum(mismatch * Fraction(w, sum(weights)) * pay[d] for d, w in zip(doors, weights, strict=True))
    assert red.training_regret == pytest.approx(float(expected), abs=1e-9)
    assert (red.consistency == "CONSISTENT") == (mismatch == 0)
    mean = float(sum(Fraction(w, sum(weights)) * pay[d] for d, w in zip(doors, weights, strict=True)))
    assert red.deployment_regret["opposite"] == pytest.approx((mean, mean), abs=1e-9)
    away = mean * (places - 1) / places
    assert red.deployment_regret["repainted"] == pytest.approx((away, away), abs=1e-9)
    assert family["at_door"].consistency == "CONSISTENT"
    assert family["at_door"].deployment_regret["opposite"] == (0.0, 0.0)


# Random setups -------------------------------------------------------------------------------------------------------


@st.composite
def random_setups(draw: st.DrawFn) -> TrainingSetup:
    """One decision, at most six nodes, a deployment that shifts one or two nodes and may add an edge."""
    model = draw(models(draw(cids(decisions=1, max_chance=4, max_parents=2))))
    cid = model.cid
    heads = [n for n in cid.nodes if cid.kind(n) != "decision"]
    shifted = set(draw(st.lists(st.sampled_from(heads), min_size=1, max_size=2, unique=True)))
    inner = [n for n in cid.nodes if cid.kind(n) != "utility"]
    new = [
        (t, h)
        for h in sorted(shifted)
        for t in inner
        if t != h and not cid.has_edge(t, h) and t not in cid.descendants(h)
    ]
    edges = [draw(st.sampled_from(new))] if new and draw(st.booleans()) else []
    other = draw(models(cid.with_edges(edges)))
    return TrainingSetup(
        model, deployments={"there": Deployment({n: other.mechanisms[n] for n in sorted(shifted)}, edges)}
    )


def levels_of(setup: TrainingSetup) -> dict[str, list[float]]:
    return {
        u: sorted({float(x) for name in setup.distributions for x in np.unique(setup.deployed(name).cpd(u))})
        for u in setup.score
    }


def stale_model(setup: TrainingSetup) -> cm.CIM:
    """Training's mechanisms, but for what is observed."""
    assert setup.model is not None
    there = setup.deployed("there")
    seen = observed(there.cid)
    mechanisms = {n: (there if n in seen else setup.model).mechanisms[n] for n in setup.cid.nodes}
    edges = [e for e in setup.deployments["there"].edges if e[1] in seen]
    return setup.cid.with_edges(edges).parameterise(mechanisms)


@given(setup=random_setups(), tolerance=st.sampled_from([0.0, 0.25]), pairs=st.booleans())
@settings(max_examples=examples(quick=80, full=1500))
def test_every_candidate_equals_listing(setup: TrainingSetup, tolerance: float, pairs: bool) -> None:
    family = derive_mesa_optimizers(setup, max_targets=2 if pairs else 1, tolerance=tolerance)
    for candidate in list(family)[-6:]:
        check_against_listing(setup, candidate, Fraction(tolerance))


def check_against_listing(setup: TrainingSetup, candidate: MesaOptimizer, tolerance: Fraction) -> None:
    levels = levels_of(setup)
    training = told(setup.deployed("training"), candidate.names, levels)
    there = told(setup.deployed("there"), candidate.names, levels)
    assert candidate.training_regret == pytest.approx(float(least_regret(training.table)), abs=1e-9)
    non_empty = bool(cells(training.table, tolerance))
    controlled = any(t in setup.cid.descendants("D0") for t in candidate.names)
    assert (candidate.consistency == "CONSISTENT") == (non_empty and controlled)
    if candidate.consistency == "CONSISTENT":
        assert candidate.objective is not None
        exact = [Fraction(float(x)) for x in candidate.objective.values]
        assert training.table.regrets(exact)[1] <= tolerance + Fraction(1, 10**9)
        assert candidate.weakly_consistent == (training.table.regrets(exact)[0] <= tolerance)
    if tolerance == 0 and candidate.information_loss is not None and candidate.information_loss > 1e-9:
        assert not non_empty  # C2
    if len(training.table.outcome[0][0]) > 6:
        return  # Fourier-Motzkin elimination grows too fast
    budget = tolerance if non_empty else least_regret(training.table)
    together = joint_actions(training.table, budget, there.table)
    regrets = [float(there.table.regrets_of([[a] for a in actions])[0]) for actions in together]
    assert candidate.deployment_regret["there"] == pytest.approx((min(regrets), max(regrets)), abs=1e-9)
    domain = setup.deployed("there").domain("D0")
    for position, context in enumerate(there.contexts):
        values = tuple(
            setup.deployed("there").domain(p)[i] for p, i in zip(setup.cid.parents("D0"), context, strict=True)
        )
        expected = {domain[actions[position]] for actions in together}
        assert set(candidate.possible_actions("there")["D0"][values]) == expected
    if candidate.carry_over["there"]:  # Theorem A
        assert max(regrets) <= tolerance
    believed = told(setup.deployed("there"), candidate.names, levels, believed=stale_model(setup))
    kept = requisite_observations(setup.cid, "D0", targets=list(candidate.names))
    seen = [i for i, p in enumerate(setup.cid.parents("D0")) if p in kept]
    known = {tuple(c[i] for i in seen): training.table.outcome[j] for j, c in enumerate(training.contexts)}
    there_cid = setup.deployed_cid("there")
    matters = relevant(setup.cid, candidate.names) | relevant(there_cid, candidate.names)
    says_nothing = setup.shifted("there") & matters & (setup.cid.ancestors("D0") | there_cid.ancestors("D0"))
    same = [[Fraction(int(i == 0)) for i in range(len(training.table.outcome[0][0]))]] * len(domain)
    outcome = [
        known.get(tuple(c[i] for i in seen), same if says_nothing else believed.table.outcome[j])
        for j, c in enumerate(believed.contexts)
    ]
    stale = type(there.table)(there.table.weight, outcome, there.table.value)
    together = joint_actions(training.table, budget, stale)
    regrets = [float(stale.regrets_of([[a] for a in actions])[0]) for actions in together]
    assert candidate.stale_regret["there"] == pytest.approx((min(regrets), max(regrets)), abs=1e-9)
    found = candidate.possible_actions("there", reading="stale")["D0"]
    assert len(found) == len(there.contexts)
    for position, values in enumerate(found):
        assert set(found[values]) == {domain[actions[position]] for actions in together}


@given(setup=random_setups())
@settings(max_examples=examples(quick=30, full=2000))
def test_supersets_of_consistent_targets_are_consistent_and_not_minimal(setup: TrainingSetup) -> None:
    family = derive_mesa_optimizers(setup, max_targets=2)
    singles = {c.names[0]: c for c in family if len(c.names) == 1}
    for candidate in family:
        if len(candidate.names) == 2:
            smaller = [singles[n] for n in candidate.names if n in singles]
            if any(c.consistency == "CONSISTENT" for c in smaller):
                assert candidate.consistency == "CONSISTENT"
                assert not candidate.minimal
        assert not (candidate.minimal and candidate.consistency == "EXCLUDED")


# Bare diagrams -------------------------------------------------------------------------------------------------------


def test_a_bare_diagram_gets_graphical_answers() -> None:
    family = derive_mesa_optimizers(TrainingSetup(red_door_cid(), deployments={"repainted": {"red"}}))
    verdicts = {c.names[0]: c.consistency.value for c in family}
    assert verdicts == {
        "weather": "EXCLUDED",
        "door": "EXCLUDED",
        "red": "EXCLUDED",
        "at_door": "CONSISTENT",
        "at_red": "UNKNOWN",
        "reward": "CONSISTENT",
    }
    red = family["at_red"]
    assert red.objective is None
    assert red.model is None
    assert red.training_regret is None
    assert red.complexity is None
    assert red.reasons.margin is None
    assert dict(red.deployment_regret) == {}
    assert red.shift_class["repainted"].value == "context"
    assert red.territory == {"at_red"}
    assert red.minimal
    with pytest.raises(NotApplicableError, match="possible actions needs numbers"):
        red.possible_actions("repainted")
    with pytest.raises(UnknownNodeError, match="the regret in a deployment needs numbers"):
        red.deployment_regret["repainted"]


@given(model=models(decisions=1, max_chance=4))
@settings(max_examples=examples(quick=60, full=2000))
def test_a_bare_verdict_never_contradicts_the_numbers(model: cm.CIM) -> None:
    bare = derive_mesa_optimizers(TrainingSetup(model.cid), max_targets=2)
    numbers = derive_mesa_optimizers(TrainingSetup(model), max_targets=2)
    for candidate in bare:
        if candidate.consistency != "UNKNOWN":
            assert numbers[tuple(candidate.names)].consistency == candidate.consistency


# What is asked for ---------------------------------------------------------------------------------------------------


def test_keys_and_targets() -> None:
    family = red_family(max_targets=2)
    assert family["at_red", "door"] is family["door", "at_red"]
    assert ("at_red", "door") in family
    assert "go" not in family
    assert len(family) == 6 + 15
    with pytest.raises(UnknownNodeError, match="did you mean `at_red`"):
        family["at_redd"]
    with pytest.raises(NotApplicableError, match="is a decision"):
        family["go"]
    few = red_family(targets=["at_red", ("door", "at_door")])
    assert [c.names for c in few] == [("at_red",), ("door", "at_door")]
    with pytest.raises(UnknownNodeError, match="a candidate of this family"):
        few["at_door"]


def test_several_utilities_count_as_one_score() -> None:
    cid = cm.CID([("d", "x"), ("x", "u"), ("d", "v")], decisions=["d"], utilities=["u", "v"])
    model = cid.parameterise(d=[0, 1], x=lambda d: d, u=lambda x: 2 * x, v=lambda d: -d)
    family = derive_mesa_optimizers(TrainingSetup(model), max_targets=2)
    assert [c.names for c in family] == [("x",), ("u", "v"), ("x", "u", "v")]
    assert family["u"] is family["v"] is family["u", "v"]
    assert family["u"].positions == {"identical"}
    assert family["u"].consistency == "CONSISTENT"
    assert family["u"].objective is not None
    assert family["u"].objective.name == "u + v"


def test_declared_objectives_come_first() -> None:
    def dislike(at_red: int) -> float:
        return -1.0 * at_red

    family = red_family(objectives={"at_red": {"mine": lambda at_red: 3.0 * at_red}, "at_door": dislike})
    assert family["at_red"].objective is not None
    assert family["at_red"].objective.name == "mine"
    assert family["at_red"].objective.to_dict() == {0: 0.0, 1: 1.0}
    assert family["at_door"].objective is not None
    assert family["at_door"].objective.name == "the objective of least norm"


@pytest.mark.parametrize(
    "given",
    [
        lambda at_red, at_door: 2.0 * at_red + at_door,
        lambda first, second: 2.0 * second + first,  # no names of targets: in node order
        {(0, 0): 0.0, (0, 1): 2.0, (1, 0): 1.0, (1, 1): 3.0},
        [[3.0, 1.0], [2.0, 0.0]],  # the values are 1 and 0, in that order
        np.array([3.0, 1.0, 2.0, 0.0]),
    ],
)
def test_one_objective_in_every_spelling(given: Any) -> None:
    pair = ("at_red", "at_door")
    (objective,) = red_family(targets=[pair], objectives={pair: given})[pair].declared
    assert objective.targets == ("at_door", "at_red")
    assert [objective(door, red) for door, red in [(0, 0), (0, 1), (1, 0), (1, 1)]] == [0.0, 2.0, 1.0, 3.0]
    (again,) = red_family(targets=[pair], objectives={pair: objective})[pair].declared
    assert again.values.tolist() == objective.values.tolist()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (lambda a, b: 1.0, r"fails for the values \(1,\): TypeError"),
        (lambda at_red: 1 / 0, "ZeroDivisionError"),
        (lambda at_red: "much", "for 1 it is|for \\(1,\\) it is 'much'"),
        ({0: float("nan"), 1: 1.0}, "one finite number"),
        ("much", "one finite number"),
        ([1.0, 2.0, 3.0], "one finite number"),
    ],
)
def test_what_is_no_objective_is_refused(given: Any, match: str) -> None:
    with pytest.raises(MechanismError, match=match):
        _ = red_family(objectives={"at_red": given})["at_red"].declared


def test_symbols_and_nonsense_are_refused() -> None:
    import sympy

    delta = sympy.Symbol("delta")
    symbolic = red_door_cid().parameterise({**red_door().mechanisms, "red": cm.Noisy(lambda door: door, delta)})
    with pytest.raises(NotApplicableError, match="delta"):
        derive_mesa_optimizers(TrainingSetup(symbolic))
    with pytest.raises(NotApplicableError, match="max_targets=0"):
        red_family(max_targets=0)
    with pytest.raises(NotApplicableError, match="tolerance="):
        red_family(tolerance=-1.0)
    with pytest.raises(UnknownNodeError, match="at_red"):
        red_family(targets=["at_redd"])
    with pytest.raises(NotApplicableError, match="a prior"):
        red_family().ranking  # noqa: B018


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ("starts from a training setup, .*; got CID", lambda: derive_mesa_optimizers(red_door_cid())),  # type: ignore[arg-type]
        ("starts from a training setup", lambda: cm.separating_shifts(red_door(), "at_red", "at_door")),  # type: ignore[arg-type]
        ("starts from a training setup", lambda: cm.distinguishing_training(red_door(), "at_red")),  # type: ignore[arg-type]
        ("starts from a training setup", lambda: cm.alignment_region(red_door(), "at_red")),  # type: ignore[arg-type]
        (r"prior= is SimplicityPrior\(", lambda: red_family(prior=3)),
        ("got max_targets=1.5", lambda: red_family(max_targets=1.5)),
        ("tolerance= is a regret", lambda: red_family(tolerance="much")),
        ("objectives= is a mapping", lambda: red_family(objectives=[1])),
        ("a set of targets is a list of names", lambda: red_family()[3]),  # type: ignore[index]
        ("a verdict is one of CONSISTENT, EXCLUDED, UNKNOWN; got 'NO'", lambda: red_family().where("NO")),
        ("weight= is a finite number", lambda: cm.SimplicityPrior(weight="much")),  # type: ignore[arg-type]
    ],
)
def test_a_slip_is_told_from_a_question(match: str, call: Callable[[], object]) -> None:
    with pytest.raises(cm.CidmesaError, match=match):
        call()


def test_oracle_reads_probabilities_as_meant() -> None:
    assert rational(1 / 3) == Fraction(1, 3)
    assert len(list(grid(2, 1))) == 9


def test_what_is_excluded_everywhere_is_not_undecided() -> None:
    """The second knows the first and need not look: a chain proves it, but not beside a shared rule."""
    edges = [("first", "note"), ("note", "second"), ("second", "pay"), ("first", "pay")]
    cid = cm.CID(edges, nodes=["weather"], decisions=["first", "second"], utilities=["pay"])
    candidate = cm.derive_mesa_optimizers(cm.TrainingSetup(cid))["pay"]
    assert candidate.territory == candidate.undecided == frozenset()
    twins = [("weather", "left"), ("weather", "right"), ("left", "pay"), ("right", "pay")]
    beside = cm.CID(edges + twins, decisions=["first", "second", "left", "right"], utilities=["pay"])
    setup = cm.TrainingSetup(beside, shared_rules=[("left", "right")])
    candidate = cm.derive_mesa_optimizers(setup)["pay"]
    assert candidate.territory == frozenset()
    assert candidate.undecided == {"note"}

"""Shift classes and Theorem A against brute force over all policies."""

from __future__ import annotations

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.mesa.graphical.relevance import observed
from cidmesa.mesa.graphical.shifts import ShiftClass, carry_over, classify, shift_class, shifts_of
from cidmesa.mesa.setup.training import Deployment, TrainingSetup
from cidmesa.solve.queries.payoffs import reached_contexts
from tests.mesa.exhaustive import (
    World,
    best,
    random_cid,
    random_model,
    random_shift,
    random_table,
    strongly_consistent,
)
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments
from tests.strategies import examples


def test_the_red_door_is_separated_by_context_shifts_only() -> None:
    setup = TrainingSetup(red_door(), deployments=red_door_deployments())
    kinds = shifts_of(setup, ["at_red"])
    assert kinds.inert == {"weather"}
    assert kinds.context == {"door", "red"}
    assert kinds.mechanism == {"at_door", "at_red", "reward"}
    assert kinds.policy_inert == frozenset()
    assert {name: shift_class(setup, ["at_red"], name) for name in setup.deployments} == {
        "repainted": "context",
        "opposite": "context",
        "sunny": "inert",
        "other prior": "context",
    }
    assert {name: carry_over(setup, ["at_red"], name) for name in setup.deployments} == {
        "repainted": None,
        "opposite": None,
        "sunny": True,
        "other prior": True,
    }


def test_without_the_clause_on_contexts_the_red_door_is_a_counter_example() -> None:
    model = red_door()
    moved = model.shift(red_door_deployments()["opposite"])
    want_red = np.array(model.domain("at_red"), dtype=float)
    verdicts = []
    for where in (model, moved):
        world = World(where)
        base, proxy = world.values(world.utility()), world.values(world.payoff(["at_red"], want_red))
        verdicts.append(strongly_consistent(proxy, base))
    assert verdicts == [True, False]
    relevant = classify(model.cid, ["at_red"]).mechanism
    assert "red" not in relevant  # nothing relevant was shifted: only the contexts are new


def test_a_bare_diagram_certifies_what_structure_certifies() -> None:
    setup = TrainingSetup(red_door_cid(), deployments={"sunny": {"weather"}, "repainted": {"red"}, "new": {"reward"}})
    assert [carry_over(setup, ["at_red"], name) for name in setup.deployments] == [True, None, None]


def test_a_node_that_moves_only_the_score_is_inert_for_the_policy() -> None:
    cid = cm.CID([("act", "x"), ("x", "pay"), ("rain", "mood")], decisions=["act"], utilities=["pay", "mood"])
    kinds = classify(cid, ["x"])
    assert kinds.classes["rain"] is ShiftClass.POLICY_INERT
    assert kinds.classes["mood"] is ShiftClass.POLICY_INERT
    assert kinds.strongest([]) is ShiftClass.INERT
    assert kinds.strongest(["rain", "x"]) is ShiftClass.MECHANISM
    model = cid.parameterise(
        act=[0, 1], x=lambda act: act, rain=cm.Bernoulli(0.5), pay=lambda x: x, mood=lambda rain: -rain
    )
    setup = TrainingSetup(model, deployments={"drought": {"rain": cm.Bernoulli(0.0)}})
    assert carry_over(setup, ["x"], "drought") is True


def test_an_edge_that_exists_only_in_the_deployment_counts_there() -> None:
    cid = cm.CID([("truth", "label"), ("truth", "say"), ("say", "right"), ("label", "right")], decisions=["say"])
    cid = cid.with_utility("score", ["right"])
    wired = Deployment({"label"}, edges=[("say", "label")])
    setup = TrainingSetup(cid, deployments={"wired": wired, "noisy": {"truth"}})
    assert shift_class(setup, ["label"], "wired") is ShiftClass.MECHANISM
    assert classify(cid, ["label"]).classes["label"] is ShiftClass.MECHANISM  # the score reads it already
    assert shifts_of(setup, ["label"]).classes["truth"] is ShiftClass.CONTEXT


def test_observed_nodes_are_the_strict_ancestors_of_decisions() -> None:
    assert observed(red_door_cid()) == {"door", "red"}


def test_an_unknown_target_is_named() -> None:
    with pytest.raises(cm.errors.UnknownNodeError, match="at_rde"):
        classify(red_door_cid(), ["at_rde"])


def test_reached_contexts_equal_brute_force() -> None:
    for seed in range(examples(quick=40, full=1000)):
        rng = np.random.default_rng(seed)
        model = random_model(rng, random_cid(rng, chance=4, decisions=int(rng.integers(1, 3))))
        world = World(model)
        for decision in model.cid.decisions:
            assert np.array_equal(reached_contexts(model, decision).ravel(), world.contexts_reached(decision))


def deployment(rng: np.random.Generator, model: cm.CIM, shifted: list[str]) -> Deployment:
    """A random shift, with one more edge into a shifted chance node now and then."""
    cid, given = model.cid, random_shift(rng, model, shifted)
    heads = [n for n in shifted if cid.kind(n) == "chance"]
    if not heads or rng.random() < 0.6:
        return Deployment(given)
    head = str(rng.choice(heads))
    below = cid.descendants(head, strict=False)
    tails = [n for n in cid.nodes if cid.kind(n) != "utility" and n not in below and n not in cid.parents(head)]
    if not tails:
        return Deployment(given)
    shape = (2,) * (len(cid.parents(head)) + 2)
    return Deployment({**given, head: cm.Table(random_table(rng, shape))}, edges=[(str(rng.choice(tails)), head)])


@pytest.mark.parametrize("decisions", [1, 2])
def test_theorem_a_carry_over(decisions: int) -> None:
    """Certified and consistent in training: consistent in the deployment, by brute force over all policies."""
    wanted, checked, interesting, edges, seed = examples(quick=80, full=2000), 0, 0, 0, 0
    while checked < wanted:
        seed += 1
        rng = np.random.default_rng([decisions, seed])
        model = random_model(rng, random_cid(rng, chance=4, decisions=decisions))
        cid = model.cid
        world = World(model)
        base = world.values(world.utility())
        if np.ptp(base) < 1e-9:
            continue
        movable = [*cid.chance, *cid.utilities]
        shifted = rng.choice(movable, size=int(rng.integers(1, 3)), replace=False).tolist()
        setup = TrainingSetup(model, deployments={"there": deployment(rng, model, shifted)})
        edges += bool(setup.deployments["there"].edges)
        there = World(setup.deployed("there"))
        base_there = there.values(there.utility())
        for _ in range(4):
            targets = sorted(rng.choice(cid.chance, size=int(rng.integers(1, 3)), replace=False).tolist())
            if carry_over(setup, targets, "there") is not True:
                continue
            for _ in range(4):
                table = rng.integers(-2, 3, size=(2,) * len(targets)).astype(float)
                if not strongly_consistent(world.values(world.payoff(targets, table)), base):
                    continue
                checked += 1
                interesting += shift_class(setup, targets, "there") is ShiftClass.CONTEXT
                proxy_there = there.values(there.payoff(targets, table))
                assert strongly_consistent(proxy_there, base_there), (seed, targets, table)
    assert interesting > wanted / 10  # the certificate was not only about nodes that nothing depends on
    assert edges > wanted / 10


def test_inert_shifts_change_no_optimal_set() -> None:
    """Inert and inert for the policy: the same policies are optimal, for rules that are shared too."""
    wanted, checked, seed = examples(quick=100, full=2000), 0, 0
    while checked < wanted:
        seed += 1
        rng = np.random.default_rng([7, seed])
        model = random_model(rng, random_cid(rng, chance=4, decisions=2, utilities=2))
        cid = model.cid
        alike = len(cid.parents("D0")) == len(cid.parents("D1"))
        shared = [("D0", "D1")] if alike and rng.random() < 0.7 else []
        targets = rng.choice(cid.chance, size=1).tolist()
        kinds = classify(cid, targets)
        harmless = sorted(kinds.inert | kinds.policy_inert)
        if not harmless:
            continue
        setup = TrainingSetup(model, deployments={"there": random_shift(rng, model, harmless)}, shared_rules=shared)
        assert carry_over(setup, targets, "there") is True
        table = rng.integers(-2, 3, size=2).astype(float)
        here, there = World(model, shared), World(setup.deployed("there"), shared)
        for name in ("utility", "payoff"):
            arguments = () if name == "utility" else (targets, table)
            one, other = (world.values(getattr(world, name)(*arguments)) for world in (here, there))
            assert np.array_equal(best(one), best(other)), (seed, name)
        checked += 1


def test_a_shared_rule_weighs_its_contexts_and_is_never_certified() -> None:
    """Two calls of one rule want different actions at 0; which call is the commoner one decides: a shift."""
    cid = cm.CID(
        [("x", "D0"), ("y", "D1"), ("x", "t"), ("D0", "t"), ("t", "U0"), ("y", "U1"), ("D1", "U1")],
        decisions=["D0", "D1"],
        utilities=["U0", "U1"],
    )
    model = cid.parameterise(
        x=cm.Bernoulli(0.5),
        y=cm.Bernoulli(0.5),
        D0=[0, 1],
        D1=[0, 1],
        t=lambda x, D0: int(x == D0),
        U0=lambda t: 2 * t,
        U1=lambda y, D1: D1,
    )
    rarer = {"x": cm.Bernoulli(0.7), "y": cm.Bernoulli(0.1)}
    want_t = np.array(model.domain("t"), dtype=float)

    def verdicts(shared: list[tuple[str, str]]) -> tuple[bool, bool, bool | None]:
        setup = TrainingSetup(model, deployments={"there": rarer}, shared_rules=shared)
        found = []
        for name in setup.distributions:
            world = World(setup.deployed(name), shared)
            base, proxy = world.values(world.utility()), world.values(world.payoff(["t"], want_t))
            found.append(strongly_consistent(proxy, base))
        return found[0], found[1], carry_over(setup, ["t"], "there")

    assert classify(cid, ["t"]).context == {"x", "y"}
    assert verdicts([("D0", "D1")]) == (True, False, None)
    assert carry_over(TrainingSetup(model, deployments={"there": rarer}), ["t"], "there") is True

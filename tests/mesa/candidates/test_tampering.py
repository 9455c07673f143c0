"""Tampering: who steers a register once a deployment lets it be written."""

from __future__ import annotations

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import UnknownNodeError
from cidmesa.mesa.candidates.tampering import tampering
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.outcomes import normal_form as normal
from cidmesa.mesa.setup.training import Deployment, TrainingSetup
from tests.mesa.exhaustive import World, random_cid, random_model, random_table
from tests.mesa.systems import register
from tests.strategies import examples


def wired_register() -> tuple[cm.CIM, Deployment]:
    above = [("truth", "say"), ("truth", "register")]
    model = register(above, truth=cm.Uniform(0, 1, 2), register=lambda truth: truth, answers=(0, 1, 2))
    wired = Deployment({"register": lambda truth, say: 2 if say == 2 else truth}, edges=[("say", "register")])
    return model, wired


def test_only_who_wants_the_register_writes_it() -> None:
    model, wired = wired_register()
    family = derive_mesa_optimizers(TrainingSetup(model, {"wired": wired}))
    assert family["right"].consistency.value == family["paid"].consistency.value == "CONSISTENT"
    right, paid = tampering(family["right"], "wired"), tampering(family["paid"], "wired")
    assert right.reachable == paid.reachable == {"register"}
    assert right.steered == frozenset()
    assert paid.steered == {"register"}
    assert paid.regret == pytest.approx((0.0, 0.0))  # by the tampered utility it does nothing wrong
    assert paid.stale == pytest.approx((0.0, 0.0))
    assert right.regret == pytest.approx((0.0, 0.0))  # to be right is paid as well: who would notice?
    assert family["paid"].possible_actions("wired")["say"][0,] == (0, 2)
    assert family["right"].possible_actions("wired")["say"][0,] == (0,)


def test_a_register_that_pays_more_when_written_shows_the_difference() -> None:
    """Where the register is wrong now and then, writing it pays more than being right, by the tampered utility."""
    model, _ = wired_register()
    noisy = {"register": lambda truth, say: {2: 1.0} if say == 2 else {truth: 0.5, (truth + 1) % 3: 0.5}}
    setup = TrainingSetup(model, {"wired": Deployment(noisy, edges=[("say", "register")])})
    family = derive_mesa_optimizers(setup)
    assert tampering(family["paid"], "wired").regret == pytest.approx((0.0, 0.0))
    low, high = tampering(family["right"], "wired").regret
    assert low == high == pytest.approx(1 / 3)  # half lost in two of three contexts
    assert tampering(family["paid"], "wired").stale[1] == pytest.approx(1 / 3)  # who never met the edge stays silent


def test_an_incentive_exactly_where_the_targets_depend_on_it() -> None:
    """One decision, an edge D -> L of the deployment alone: an ICI on L iff L is a target or above one."""
    checked, steering, seed = 0, 0, 0
    while checked < examples(quick=100, full=2000):
        seed += 1
        rng = np.random.default_rng(seed)
        cid = random_cid(rng, chance=5)
        below = cid.descendants("D0")
        free = [n for n in cid.chance if n not in below and n not in cid.ancestors("D0")]
        if not free:
            continue
        label = str(rng.choice(free))
        setup = TrainingSetup(cid, {"wired": Deployment({label}, edges=[("D0", label)])})
        there = setup.deployed_cid("wired")
        targets = tuple(rng.choice(cid.chance, size=int(rng.integers(1, 3)), replace=False).tolist())
        candidate = derive_mesa_optimizers(setup, targets=[targets])[targets]
        above = frozenset(targets).union(*(there.ancestors(t) for t in targets))
        found = tampering(candidate, "wired")
        assert label in found.reachable
        assert (label in found.steered) == (label in above), (seed, targets)
        checked += 1
        steering += label in found.steered
    assert 0 < steering < checked


def test_without_the_incentive_cutting_the_edge_changes_no_optimum() -> None:
    """Where the label is not above the targets, the edge is nothing to the candidate: the same policies are optimal."""
    checked, seed = 0, 0
    while checked < examples(quick=40, full=2000):
        seed += 1
        rng = np.random.default_rng([2, seed])
        model = random_model(rng, random_cid(rng, chance=4))
        cid = model.cid
        free = [n for n in cid.chance if n not in cid.descendants("D0") and n not in cid.ancestors("D0")]
        if not free:
            continue
        label = str(rng.choice(free))
        table = random_table(rng, (*model.cpd(label).shape[:-1], 2, 2))
        wired = Deployment({label: cm.Table(table, domain=(0, 1))}, edges=[("D0", label)])
        setup = TrainingSetup(model, {"wired": wired})
        target = str(rng.choice(cid.chance))
        candidate = derive_mesa_optimizers(setup, targets=[target])[target]
        if label in tampering(candidate, "wired").steered:
            continue
        sign = float(rng.choice([-1.0, 1.0]))
        values = [world.values(sign * world.column(target)) for world in (World(model), World(setup.deployed("wired")))]
        assert values[0] == pytest.approx(values[1], abs=1e-9), seed
        checked += 1


def test_regret_that_is_not_known_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare diagram has no regret; with too many policies to compare it is that of the representative objective."""
    monkeypatch.setattr(normal, "POLICIES", 8)
    edges = [("x", "ask"), ("x", "say"), ("ask", "say"), ("x", "paid"), ("ask", "paid"), ("say", "paid")]
    cid = cm.CID([*edges, ("paid", "score")], nodes=["log"], decisions=["ask", "say"], utilities=["score"])
    paid = cm.Function(lambda x, ask, say: int(x == ask == say), domain=(0, 1))
    log = cm.Bernoulli(0.5)
    model = cid.parameterise(x=log, log=log, ask=[0, 1], say=[0, 1], paid=paid, score=lambda paid: paid)
    wired = Deployment({"log": lambda say: say}, edges=[("say", "log")])
    bare = TrainingSetup(cid, {"wired": Deployment({"log"}, wired.edges)})
    for setup in (TrainingSetup(model, {"wired": wired}), bare):
        found = tampering(derive_mesa_optimizers(setup)["paid"], "wired")
        assert (found.reachable, found.steered) == ({"log"}, frozenset())
        assert found.regret == (None if setup is bare else (0.0, 0.0))
        assert found.stale == (None if setup is bare else (0.0, 0.0))


def test_an_unknown_deployment_is_named() -> None:
    model, wired = wired_register()
    family = derive_mesa_optimizers(TrainingSetup(model, {"wired": wired}))
    with pytest.raises(UnknownNodeError, match="wierd"):
        tampering(family["paid"], "wierd")


def test_a_register_that_work_moved_already_is_tampered_with_by_a_link_of_its_own() -> None:
    """In training the register is below the decision, by what is done; in the deployment it can be written as well."""
    cid = cm.CID(
        [("job", "work"), ("work", "done"), ("job", "done"), ("done", "register"), ("register", "reward")],
        decisions=["work"],
        utilities=["reward"],
    )
    writable = cm.Deployment({"register"}, edges=[("work", "register")])
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(cid, {"writable": writable}))
    steered = {c.names[0]: sorted(tampering(c, "writable").steered) for c in family if c.reasons.control}
    assert steered == {"done": [], "register": ["register"], "reward": ["register"]}
    assert tampering(family["done"], "writable").reachable == {"register"}

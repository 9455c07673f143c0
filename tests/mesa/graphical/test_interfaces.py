"""Interfaces and Theorem B against brute force over all policies."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.graph import d_separated, mechanise
from cidmesa.mesa.graphical.interfaces import interfaces, is_interface, separators
from cidmesa.mesa.setup.training import Deployment, TrainingSetup
from tests.mesa.exhaustive import World, random_cid, random_model
from tests.mesa.graphical.test_shifts import deployment
from tests.mesa.systems import red_door, red_door_deployments
from tests.strategies import examples


def as_mapping(targets: list[str], model: cm.CIM, table: np.ndarray) -> dict[tuple[object, ...], float]:
    domains = [model.domain(t) for t in targets]
    return {
        tuple(d[i] for d, i in zip(domains, where, strict=True)): float(table[where])
        for where in np.ndindex(table.shape)
    }


def test_interfaces_are_d_separations_in_the_mechanised_diagram() -> None:
    for seed in range(examples(quick=40, full=2000)):
        rng = np.random.default_rng(seed)
        cid = random_cid(rng, chance=5, decisions=int(rng.integers(1, 3)), utilities=int(rng.integers(1, 3)))
        drawn = mechanise(cid)
        targets = rng.choice(cid.chance, size=int(rng.integers(1, 3)), replace=False).tolist()
        goals = [*targets, *cid.utilities]
        for nodes in combinations(cid.nodes, int(rng.integers(1, 3))):
            sep = {v for v in cid.nodes if not d_separated(drawn, drawn.parents(v)[-1], goals, nodes)}
            assert separators(cid, nodes, targets) == sep
            assert is_interface(cid, nodes, targets) == (not sep & set(cid.decisions))


@pytest.mark.parametrize("decisions", [1, 2])
def test_theorem_b(decisions: int) -> None:
    """Certified: E[U_b] = a E[O] + b for every policy there, whether rules are shared or not."""
    wanted, checked, moved, shared_ones, seed = examples(quick=80, full=2000), 0, 0, 0, 0
    while checked < wanted:
        seed += 1
        rng = np.random.default_rng([decisions, seed])
        model = random_model(rng, random_cid(rng, chance=4, decisions=decisions, utilities=int(rng.integers(1, 3))))
        cid = model.cid
        shared = []
        if decisions == 2 and len(cid.parents("D0")) == len(cid.parents("D1")) and rng.random() < 0.5:
            shared = [("D0", "D1")]
        shifted = rng.choice([*cid.chance, *cid.utilities], size=int(rng.integers(1, 3)), replace=False).tolist()
        setup = TrainingSetup(model, {"there": deployment(rng, model, shifted)}, shared_rules=shared)
        targets = rng.choice(cid.chance, size=int(rng.integers(1, 3)), replace=False).tolist()
        table = rng.integers(-2, 3, size=(2,) * len(targets)).astype(float)
        world, there = World(model, shared), World(setup.deployed("there"), shared)
        before = world.values(world.utility())
        for found in interfaces(setup, targets, as_mapping(targets, model, table)):
            assert found.scale is not None
            assert found.offset is not None
            assert found.scale > 0
            if found.affine:
                o = world.values(world.payoff(targets, table))
                assert np.allclose(before, found.scale * o + found.offset, atol=1e-8), seed
            if "there" not in found.certified:
                continue
            o, u = there.values(there.payoff(targets, table)), there.values(there.utility())
            checked += 1
            moved += bool(np.abs(u - before).max() > 1e-6)
            shared_ones += bool(shared)
            better = o[:, None] > o[None, :] + 1e-7
            assert not np.any(better & (u[:, None] <= u[None, :])), (seed, found)
            worse = u[:, None] > u[None, :] + 1e-7
            assert not np.any(worse & (o[:, None] <= o[None, :])), (seed, found)
    assert moved > wanted / 20  # the world did change
    assert decisions == 1 or shared_ones > wanted / 40


def test_certificates_of_different_interfaces_do_not_combine() -> None:
    """A shift that one interface holds fixed and another does not is certified by the second alone."""
    cid = cm.CID([("act", "x"), ("x", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(act=[0, 1], x=lambda act: act, y=cm.Noisy(lambda x: x, 0.1), pay=lambda y: y)
    setup = TrainingSetup(model, {"x broken": {"x": lambda act: 1 - act}, "y broken": {"y": lambda x: 1 - x}})
    found = {i.nodes: i for i in interfaces(setup, ["x"], {0: 0.0, 1: 1.0}, size=1)}
    assert set(found) == {("act",), ("x",)}
    assert found["act",].certified == frozenset()
    assert found["x",].certified == {"x broken"}
    assert found["x",].scale == pytest.approx(0.8)
    assert found["x",].shift_class({"y"}) == "mechanism"
    assert found["x",].shift_class({"x"}) == "context"


def test_an_affine_part_of_the_values_certifies_what_stays_inside_it() -> None:
    """Three places; the proxy agrees on two of them, and a deployment that never shows the third is certified."""
    cid = cm.CID([("act", "place"), ("gate", "place"), ("place", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(
        act=[0, 1],
        gate=cm.Bernoulli(0.5),
        place=cm.Function(lambda act, gate: act if gate else 2, domain=(0, 1, 2)),
        pay=lambda place: {0: 0, 1: 3, 2: 1}[place],
    )
    deployments = {"open": {"gate": cm.Bernoulli(1.0)}, "shut": {"gate": cm.Bernoulli(0.1)}}
    setup = TrainingSetup(model, deployments)
    (found,) = [i for i in interfaces(setup, ["place"], {0: 0.0, 1: 1.0, 2: -5.0}) if i.nodes == ("place",)]
    assert found.domain == ((0,), (1,))
    assert found.reached == ((0,), (1,), (2,))
    assert not found.affine
    assert (found.scale, found.offset) == (3.0, 0.0)
    assert found.certified == {"open"}


def test_without_numbers_an_interface_only_sorts_shifts() -> None:
    setup = TrainingSetup(red_door().cid, deployments={"repainted": {"red"}})
    found = interfaces(setup, ["at_door"], {0: 0.0, 1: 1.0})
    assert found
    assert all(i.domain is None and i.scale is None and not i.certified for i in found)
    by_nodes = {i.nodes: i for i in found}
    assert by_nodes["at_door",].sep == {"reward"}
    assert by_nodes["at_door",].cov == {"door", "red", "at_door"}


def test_the_red_door_has_no_interface_between_red_and_the_reward() -> None:
    setup = TrainingSetup(red_door(), deployments=red_door_deployments())
    for found in interfaces(setup, ["at_red"], {0: 0.0, 1: 1.0}):
        assert "opposite" not in found.certified
        assert "repainted" not in found.certified
    assert any("sunny" in i.certified for i in interfaces(setup, ["at_red"], {0: 0.0, 1: 1.0}))


def test_a_deployment_only_edge_can_end_an_interface() -> None:
    cid = cm.CID([("act", "x"), ("x", "pay"), ("z", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(act=[0, 1], x=lambda act: act, z=cm.Bernoulli(0.5), pay=lambda x, z: x + z)
    wired = Deployment({"z": lambda act: 1 - act}, edges=[("act", "z")])
    plain = {"z": cm.Bernoulli(0.25)}
    setup = TrainingSetup(model, {"wired": wired, "plain": plain, "x": {"x": lambda act: 1 - act}})
    found = {i.nodes: i.certified for i in interfaces(setup, ["x"], {0: 0.0, 1: 1.0})}
    assert found["x",] == {"x"}
    assert found["x", "z"] == frozenset()  # u = x + z is no function of x alone


def test_an_objective_with_a_value_missing_is_refused() -> None:
    with pytest.raises(NotApplicableError, match="gives no number"):
        interfaces(TrainingSetup(red_door()), ["at_red"], {1: 1.0})


def test_slips_are_told() -> None:
    setup = TrainingSetup(red_door())
    with pytest.raises(NotApplicableError, match=r'\["at_red"\]'):
        interfaces(setup, "at_red")
    with pytest.raises(NotApplicableError, match="size= is a whole number"):
        interfaces(setup, ["at_red"], size=0)
    with pytest.raises(NotApplicableError, match="finite number for each"):
        interfaces(setup, ["at_red"], {0: 0.0, 1: float("nan")})
    with pytest.raises(NotApplicableError, match="mapping from their values"):
        interfaces(setup, ["at_red"], [0.0, 1.0])  # type: ignore[arg-type]


def test_a_single_target_may_have_tuples_for_values() -> None:
    cid = cm.CID([("d", "x"), ("x", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(d=[(0, 0), (0, 1)], x=lambda d: d, u=lambda x: x[1])
    family = cm.derive_mesa_optimizers(TrainingSetup(model))
    found = {i.nodes: i for i in family["x"].interfaces}
    assert found[("x",)].domain == (((0, 0),), ((0, 1),))
    by_value = interfaces(TrainingSetup(model), ["x"], {(0, 0): 0.0, (0, 1): 2.0}, size=1)
    by_tuple = interfaces(TrainingSetup(model), ["x"], {((0, 0),): 0.0, ((0, 1),): 2.0}, size=1)
    assert by_value == by_tuple
    assert [i.scale for i in by_value if i.nodes == ("x",)] == [0.5]
    with pytest.raises(NotApplicableError, match=r"gives no number for \(\(0, 1\),\)"):
        interfaces(TrainingSetup(model), ["x"], {(0, 0): 0.0}, size=1)

"""Unidentifiable pairs and possible policies against enumeration of objectives."""

from __future__ import annotations

from itertools import product

import numpy as np

import cidmesa as cm
from cidmesa.criteria.question import Answer
from cidmesa.mesa.comparison.identifiability import policies, unidentifiable
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
from cidmesa.mesa.setup.training import TrainingSetup
from tests.mesa.exhaustive import Plain, random_cid, random_model, random_shift, selected
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments
from tests.strategies import examples


def brute_policies(model: cm.CIM, target: str, signs: list[float]) -> set[tuple[int, ...]]:
    """The policies on reached contexts that the objective sign·target makes optimal, over all signs."""
    plain = Plain(model)
    p, q = plain.table(plain.column(target).astype(float))
    order = [c for c in range(len(p)) if p[c] > 0]
    found: set[tuple[int, ...]] = set()
    for s in signs:
        best = [[a for a in (0, 1) if s * q[c][a] >= (s * q[c]).max() - 1e-11] for c in order]
        found |= set(product(*best))
    return found


def test_pairs_against_enumeration() -> None:
    checked, alike, seed = 0, 0, 0
    while checked < examples(quick=60, full=2000):
        seed += 1
        rng = np.random.default_rng(seed)
        model = random_model(rng, random_cid(rng, chance=4, parents=2))
        cid = model.cid
        below = [n for n in cid.chance if n in cid.descendants("D0")]
        if len(below) < 2:
            continue
        shifted = rng.choice(cid.chance, size=1).tolist()
        setup = TrainingSetup(model, {"there": random_shift(rng, model, shifted)})
        family = derive_mesa_optimizers(setup, targets=below)
        chosen = [m for m in family if m.consistency.value == "CONSISTENT"]
        if len(chosen) < 2:
            continue
        one, other = chosen[:2]
        sets = [
            [brute_policies(setup.deployed(name), m.names[0], selected(model, m.names[0])) for m in (one, other)]
            for name in setup.distributions
        ]
        same = all(a == b for a, b in sets)
        pairs = unidentifiable(family, among=[one, other])
        assert bool(pairs) == same, seed
        assert all(pair.answer is Answer.ADMITS for pair in pairs)
        checked += 1
        alike += same
    assert 0 < alike < checked


def test_the_red_door_in_training_alone() -> None:
    same = unidentifiable(derive_mesa_optimizers(TrainingSetup(red_door())))
    assert {(p.one, p.other) for p in same} >= {(("at_door",), ("at_red",))}
    pair = next(p for p in same if p.other == ("at_red",) and p.one == ("at_door",))
    assert not pair.equal_response
    assert pair.best is not None
    assert pair.best.nodes == {"red"}
    assert "red" in str(pair)
    setup = TrainingSetup(red_door(), deployments=red_door_deployments())
    told = unidentifiable(derive_mesa_optimizers(setup))
    assert (("at_door",), ("at_red",)) not in {(p.one, p.other) for p in told}
    assert (("at_door",), ("reward",)) in {(p.one, p.other) for p in told}


def test_a_bare_diagram_leaves_every_pair_unknown() -> None:
    family = derive_mesa_optimizers(TrainingSetup(red_door_cid()))
    pairs = unidentifiable(family)
    assert pairs
    assert all(p.answer is Answer.UNKNOWN and "no numbers" in p.because for p in pairs)


def test_the_same_actions_in_each_context_but_not_the_same_policies() -> None:
    """One target value ties both contexts together; two values leave them free."""
    eye = np.eye(2)
    free = OutcomeTable(
        np.array([0.5, 0.5]),
        np.array([[[1.0, 0, 0, 0], [0, 1.0, 0, 0]], [[0, 0, 1.0, 0], [0, 0, 0, 1.0]]]),
        np.zeros((2, 2)),
    )
    tied = OutcomeTable(np.array([0.5, 0.5]), np.stack([eye, eye]), np.zeros((2, 2)))
    assert len(policies(ConsistentSet(free), free)) == 4
    assert policies(ConsistentSet(tied), tied) == {(0, 0), (1, 1), (0, 1), (1, 0)}  # a constant allows all
    strict = ConsistentSet(
        OutcomeTable(np.array([1.0]), np.array([[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]]), np.array([[1.0, 0.0]]))
    )
    there = OutcomeTable(
        np.array([0.5, 0.5]),
        np.array([[[1.0, 0, 0], [0, 1.0, 0]], [[0, 1.0, 0], [0, 0, 1.0]]]),
        np.zeros((2, 2)),
    )
    found = policies(
        strict, there
    )  # O(0) > O(2): not both second actions, which would need O(1) ≥ O(0) and O(2) ≥ O(1)
    assert found == {(0, 0), (0, 1), (1, 0)}


def test_several_decisions() -> None:
    """Policies are compared as wholes; with one more deployment the pair comes apart."""
    cid = cm.CID([("a", "x"), ("b", "x"), ("x", "y"), ("y", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(
        a=[0, 1], b=[0, 1], x=cm.Function(lambda a, b: a * b, domain=(0, 1)), y=lambda x: x, pay=lambda y: y
    )
    pairs = {(p.one, p.other) for p in unidentifiable(derive_mesa_optimizers(TrainingSetup(model)))}
    assert (("x",), ("y",)) in pairs
    broken = TrainingSetup(model, {"broken": {"y": lambda x: 1 - x}})
    pairs = {(p.one, p.other) for p in unidentifiable(derive_mesa_optimizers(broken))}
    assert (("x",), ("y",)) not in pairs
    assert (("y",), ("pay",)) in pairs


def test_too_many_policies_leave_a_pair_unknown() -> None:
    """Sixteen contexts: only actions per context are compared, and equality there proves nothing."""
    names = [f"o{i}" for i in range(4)]
    cid = cm.CID(
        [*((n, "act") for n in names), ("act", "x"), *((n, "x") for n in names), ("x", "y"), ("y", "pay")],
        decisions=["act"],
        utilities=["pay"],
    )
    model = cid.parameterise(
        dict.fromkeys(names, cm.Bernoulli(0.5)),
        act=[0, 1],
        x=cm.Function(lambda act, **seen: act ^ (sum(seen.values()) % 2), domain=(0, 1)),
        y=lambda x: x,
        pay=lambda y: y,
    )
    pairs = {(p.one, p.other): p.answer for p in unidentifiable(derive_mesa_optimizers(TrainingSetup(model)))}
    assert pairs[("x",), ("y",)] is Answer.UNKNOWN
    told = TrainingSetup(model, {"broken": {"y": lambda x: 1 - x}})
    assert (("x",), ("y",)) not in {(p.one, p.other) for p in unidentifiable(derive_mesa_optimizers(told))}


def two_who_see(bits: int, broken: bool) -> TrainingSetup:
    """Two decisions; x and its copy y are wanted, and what is seen besides tells nothing."""
    seen = [f"o{i}" for i in range(bits)]
    edges = [*((n, d) for n in seen for d in ("a", "b")), ("a", "x"), ("b", "x"), ("x", "y"), ("y", "pay")]
    cid = cm.CID([("a", "b"), *edges], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(
        dict.fromkeys(seen, cm.Bernoulli(0.5)),
        a=[0, 1], b=[0, 1], x=cm.Function(lambda a, b: a * b, domain=(0, 1)), y=lambda x: x, pay=lambda y: y,
    )  # fmt: skip
    return TrainingSetup(model, {"broken": {"y": lambda x: 1 - x}} if broken else {})


def test_without_what_is_idle_a_difference_counts_and_equality_does_not() -> None:
    """With four bits there are two to the power of 48 policies, with one they are listed."""
    few = {(p.one, p.other): p for p in unidentifiable(derive_mesa_optimizers(two_who_see(1, broken=False)))}
    many = {(p.one, p.other): p for p in unidentifiable(derive_mesa_optimizers(two_who_see(4, broken=False)))}
    assert few[("x",), ("y",)].answer is Answer.ADMITS
    assert few[("x",), ("y",)].because == ""
    assert many[("x",), ("y",)].answer is Answer.UNKNOWN
    assert "idle" in many[("x",), ("y",)].because
    told = unidentifiable(derive_mesa_optimizers(two_who_see(4, broken=True)))
    assert (("x",), ("y",)) not in {(p.one, p.other) for p in told}


def test_a_rule_that_may_be_stochastic_leaves_a_pair_unknown() -> None:
    cid = cm.CID(
        [("a", "x"), ("b", "x"), ("x", "y"), ("flip", "y"), ("x", "pay")], decisions=["a", "b"], utilities=["pay"]
    )
    model = cid.parameterise(
        a=[0, 1], b=[0, 1], flip=cm.Bernoulli(0.0), x=lambda a, b: int(a != b), y=lambda x, flip: x ^ flip,
        pay=lambda x: x,
    )  # fmt: skip
    setup = TrainingSetup(model, shared_rules=[("a", "b")])
    pair = next(p for p in unidentifiable(derive_mesa_optimizers(setup)) if p.other == ("y",))
    assert pair.answer is Answer.UNKNOWN
    assert "stochastic" in pair.because
    assert pair.best is not None
    assert pair.best.declared_only

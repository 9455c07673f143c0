"""Response sets against the optimal policies themselves: Resp(T) = req_T and its ancestors in the reduced diagram."""

from __future__ import annotations

import numpy as np

import cidmesa as cm
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.graphical.mesa_diagram import MESA_UTILITY
from cidmesa.mesa.predictions.comparable_contexts import response_mixtures
from cidmesa.mesa.setup.training import TrainingSetup
from tests.mesa.exhaustive import World, best, random_cid, random_model, random_shift
from tests.strategies import examples


def optimal_rule(world: World, target: str, sign: float, observed: frozenset[str]) -> np.ndarray | None:
    """The best rule that reads only `observed`, as (contexts, actions); None if no such rule is optimal."""
    values = world.values(sign * world.column(target))
    (decision,) = world.cid.decisions
    parents = world.cid.parents(decision)
    contexts = np.array(list(np.ndindex(*(2 for _ in parents))), dtype=int).reshape(-1, len(parents))
    used = [i for i, p in enumerate(parents) if p in observed]
    for k in np.flatnonzero(best(values)):
        rule = world.rules[decision][world.policies[k][0]]
        read: dict[tuple[int, ...], int] = {}
        if all(read.setdefault(tuple(c[used]), int(a)) == a for c, a in zip(contexts, rule, strict=True)):
            return np.eye(2)[rule]
    return None


def test_an_optimizer_need_not_respond_outside_its_response_set() -> None:
    """Some optimal rule reads requisite observations alone; and it does not respond to mechanisms outside Resp(T)."""
    checked, silent, loud, seed = 0, 0, 0, 0
    while checked < examples(quick=80, full=2000):
        seed += 1
        rng = np.random.default_rng(seed)
        model = random_model(rng, random_cid(rng, chance=4))
        cid = model.cid
        below = [n for n in cid.chance if n in cid.descendants("D0")]
        if not below or not cid.parents("D0"):
            continue
        target, sign = str(rng.choice(below)), float(rng.choice([-1.0, 1.0]))
        candidate = derive_mesa_optimizers(TrainingSetup(model), targets=[target])[target]
        requisite = frozenset(candidate.cid.parents("D0"))
        world = World(model)
        rule = optimal_rule(world, target, sign, requisite)
        assert rule is not None, seed  # nothing is lost by reading requisite observations alone
        assert requisite <= candidate.responds_to
        checked += 1
        for node in cid.chance:
            setup = TrainingSetup(model, {"there": random_shift(rng, model, [node])})
            mixtures = response_mixtures(setup, "there", "D0")
            variation = float(mixtures.variation(rule)) if len(mixtures.weights) else 0.0
            if node not in candidate.responds_to:
                assert variation < 1e-9, (seed, node)
                silent += 1
            else:
                loud += variation > 1e-6
    assert silent > checked / 4
    assert loud > checked / 20  # inside the set, some do


def test_retrained_optimizers_need_not_respond_outside_response_and_relevance() -> None:
    """Re-optimised after a shift outside Obs(D) and Rel_T: the same rules are optimal at every context both reach."""
    checked, seed = 0, 0
    while checked < examples(quick=80, full=2000):
        seed += 1
        rng = np.random.default_rng([1, seed])
        model = random_model(rng, random_cid(rng, chance=4))
        cid = model.cid
        target = str(rng.choice(cid.chance))
        family = derive_mesa_optimizers(TrainingSetup(model), targets=[target])
        kinds = family[target].mechanism_shifts | family[target].responds_to | cid.ancestors("D0")
        free = [n for n in cid.chance if n not in kinds]
        if not free:
            continue
        moved = model.shift(random_shift(rng, model, free))
        for sign in (1.0, -1.0):
            here, there = (World(m) for m in (model, moved))
            one, two = (best(w.values(sign * w.column(target))) for w in (here, there))
            assert np.array_equal(one, two), seed
        checked += 1


def reading(world: World, observed: dict[str, frozenset[str]]) -> np.ndarray:
    """Which policies read nothing but `observed`, decision by decision."""
    keeps = np.ones(len(world.policies), dtype=bool)
    names = list(world.rules)
    for decision, rules in world.rules.items():
        parents = world.cid.parents(decision)
        table = rules.reshape(len(rules), *(2 for _ in parents))
        blind = np.ones(len(rules), dtype=bool)
        for axis, parent in enumerate(parents, start=1):
            if parent not in observed[decision]:
                blind &= (table.take(0, axis) == table.take(1, axis)).reshape(len(rules), -1).all(axis=1)
        keeps &= blind[[policy[names.index(decision)] for policy in world.policies]]
    return keeps


def test_two_decisions_need_not_respond_outside_their_response_set() -> None:
    """Some optimal policy reads requisite observations alone, and what it does has the same law after the shift."""
    checked, silent, fewer, seed = 0, 0, 0, 0
    while checked < examples(quick=60, full=2000):
        seed += 1
        rng = np.random.default_rng([2, seed])
        model = random_model(rng, random_cid(rng, chance=4, decisions=2))
        cid = model.cid
        target, sign = str(rng.choice(cid.chance)), float(rng.choice([-1.0, 1.0]))
        if not any(target in cid.descendants(d) for d in cid.decisions):
            continue
        candidate = derive_mesa_optimizers(TrainingSetup(model), targets=[target])[target]
        observed = {d: frozenset(candidate.cid.parents(d)) for d in cid.decisions}
        world = World(model)
        good = best(world.values(sign * world.column(target))) & reading(world, observed)
        assert good.any(), seed  # nothing is lost by reading requisite observations alone
        fewer += any(set(cid.parents(d)) - observed[d] for d in cid.decisions)
        before = world.law(cid.decisions)[good]
        for node in cid.chance:
            if node not in candidate.responds_to:
                there = World(model.shift(random_shift(rng, model, [node])))
                assert np.allclose(there.law(cid.decisions)[good], before, atol=1e-9), (seed, node)
                silent += 1
        checked += 1
    assert silent > checked / 4
    assert fewer > checked / 10


def test_the_red_door() -> None:
    from tests.mesa.systems import red_door

    family = derive_mesa_optimizers(TrainingSetup(red_door()))
    assert family["at_red"].cid.parents("go") == ("red",)
    assert family["at_red"].responds_to == {"red", "door"}
    assert family["at_door"].responds_to == {"door"}
    assert MESA_UTILITY in family["at_red"].cid


def test_a_mechanism_downstream_is_in_no_response_set() -> None:
    cid = cm.CID([("x", "act"), ("act", "y"), ("x", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    family = derive_mesa_optimizers(TrainingSetup(cid))
    assert family["y"].responds_to == {"x"}

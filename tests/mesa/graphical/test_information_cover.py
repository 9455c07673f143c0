"""Information cover with numbers (C2), against rules that are listed and read only what is requisite."""

from __future__ import annotations

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.setup.training import TrainingSetup
from tests.mesa.exhaustive import World, best, random_cid, random_model
from tests.mesa.plain_graph import requisite
from tests.strategies import examples


def reads_only(world: World, seen: dict[str, set[str]]) -> np.ndarray:
    """Which policies depend on the observations in `seen` alone, in all contexts that some policy reaches."""
    keeps = np.ones(len(world.policies), dtype=bool)
    names = list(world.rules)
    for decision, rules in world.rules.items():
        parents = world.cid.parents(decision)
        contexts = np.array(list(np.ndindex(*(2 for _ in parents))), dtype=int).reshape(2 ** len(parents), len(parents))
        used = [i for i, p in enumerate(parents) if p in seen[decision]]
        reached = np.flatnonzero(world.contexts_reached(decision))
        alike = np.ones(len(rules), dtype=bool)
        for key in {tuple(contexts[c, used]) for c in reached}:
            group = [c for c in reached if tuple(contexts[c, used]) == key]
            alike &= (rules[:, group] == rules[:, group[:1]]).all(axis=1)
        chosen = np.array([policy[names.index(decision)] for policy in world.policies])
        keeps &= alike[chosen]
    return keeps


@pytest.mark.parametrize("decisions", [1, 2])
def test_what_is_lost_bounds_every_training_regret(decisions: int) -> None:
    """The loss is that of listed rules, and the worst optimal policy of any objective loses at least as much."""
    wanted, checked, losing, seed = examples(quick=60, full=2000), 0, 0, 0
    while checked < wanted:
        seed += 1
        rng = np.random.default_rng([decisions, seed])
        model = random_model(rng, random_cid(rng, chance=4, decisions=decisions, utilities=int(rng.integers(1, 3))))
        cid = model.cid
        targets = tuple(rng.choice(cid.chance, size=int(rng.integers(1, 3)), replace=False).tolist())
        needs = {d: requisite(cid, d, cid.utilities) for d in cid.decisions}
        reads = {d: requisite(cid, d, targets) for d in cid.decisions}
        if not any(needs[d] - reads[d] for d in cid.decisions) and rng.random() < 0.9:
            continue  # nothing that is needed goes unread: no loss, which a few cases show as well as many
        candidate = derive_mesa_optimizers(TrainingSetup(model), targets=[targets])[targets]
        loss = candidate.information_loss
        if loss is None:  # two decisions of which neither can be settled first: no optimum is proven
            assert decisions == 2
            continue
        world = World(model)
        base = world.values(world.utility())
        kept = base[reads_only(world, reads)]
        assert loss == pytest.approx(base.max() - kept.max(), abs=1e-9), seed
        for _ in range(4):
            table = rng.integers(-2, 3, size=(2,) * len(targets)).astype(float)
            wanted_most = best(world.values(world.payoff(list(targets), table)))
            assert base.max() - base[wanted_most].min() >= loss - 1e-9, (seed, targets, table)
        if loss > 1e-6 and candidate.reasons.control:
            assert candidate.consistency == "EXCLUDED"
            losing += 1
        checked += 1
    assert losing > wanted / 100


def test_it_excludes_what_is_too_large_to_be_listed() -> None:
    """Over a million policies that act differently: what an objective on `other` would not read decides."""
    cid = cm.CID(
        [
            ("x", "a"), ("y", "a"), ("z", "a"), ("x", "b"), ("y", "b"), ("a", "b"),
            ("x", "hit"), ("a", "hit"), ("b", "hit"), ("hit", "u"), ("a", "other"), ("y", "same"), ("a", "same"),
        ],
        decisions=["a", "b"], utilities=["u"],
    )  # fmt: skip
    model = cid.parameterise(
        x=cm.Uniform(*range(12)), y=lambda: {0: 0.5, 1: 0.5}, z=cm.Bernoulli(0.5), a=[0, 1], b=[0, 1],
        hit=lambda x, a, b: int(a == x % 2) + int(b == x % 2), other=lambda a: a, same=lambda y, a: int(a == y),
        u=lambda hit: hit,
    )  # fmt: skip
    other = derive_mesa_optimizers(TrainingSetup(model))["other"]
    assert other.information_loss == pytest.approx(1.0)
    assert other.consistency == "EXCLUDED"
    assert any("at least 1" in line for line in other.reasons.text)
    # Whoever wants one value of a target with two settles a by it; b is then free, at worst always wrong: half + 1.
    lenient = derive_mesa_optimizers(TrainingSetup(model), tolerance=1.0)["other"]
    assert lenient.consistency == "EXCLUDED"
    assert lenient.training_regret == pytest.approx(1.5)

"""Separating shifts against enumeration of all candidates and of the objectives on binary targets."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import requisite_observations
from cidmesa.mesa.comparison.identifiability import unidentifiable
from cidmesa.mesa.comparison.separation import Separation, separating_shifts
from cidmesa.mesa.consistency.method import needs_stochastic_rules
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.graphical.relevance import relevant
from cidmesa.mesa.setup.training import Deployment, TrainingSetup
from tests.mesa.exhaustive import Plain, World, best, random_cid, random_model, random_setup, random_shift, selected
from tests.mesa.moved import moved, with_a_storm
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments, register
from tests.mesa.test_derive import random_setups
from tests.strategies import examples


def disagreement(model: cm.CIM, targets: tuple[str, str], signs: list[list[float]]) -> tuple[float, float]:
    plain = Plain(model)
    sets = []
    for target, allowed in zip(targets, signs, strict=True):
        p, q = plain.table(plain.column(target).astype(float))
        sets.append(
            [{a for s in allowed for a in (0, 1) if s * q[c][a] >= (s * q[c]).max() - 1e-11} for c in range(len(p))]
        )
    reached = [c for c in range(len(p)) if p[c] > 0]
    certain = sum(p[c] for c in reached if not sets[0][c] & sets[1][c])
    return certain, sum(p[c] for c in reached if sets[0][c] != sets[1][c])


def frozen_disagreement(
    training: cm.CIM, model: cm.CIM, nodes: frozenset[str], targets: tuple[str, str], signs: list[list[float]]
) -> tuple[float, float]:
    """The same of frozen agents: in contexts that training never showed, by what training says of what is requisite."""
    here, plain = Plain(training), Plain(model)
    cid = training.cid
    parents = cid.parents("D0")
    belief = training.shift({n: model.mechanisms[n] for n in nodes if n in cid.ancestors("D0")})
    sets = []
    for target, allowed in zip(targets, signs, strict=True):
        seen_p, seen_q = here.table(here.column(target).astype(float))
        p, _ = plain.table(plain.column(target).astype(float))
        _, q = Plain(belief).table(here.column(target).astype(float))
        kept = requisite_observations(cid, "D0", targets=[target])
        part = [tuple(c >> i & 1 for i, name in enumerate(parents) if name in kept) for c in range(len(p))]
        unknown = bool(nodes & cid.ancestors("D0") & relevant(cid, [target]))
        can = []
        for c in range(len(p)):
            alike = [k for k in range(len(p)) if part[k] == part[c] and seen_p[k] > 0]
            row = seen_q[alike].sum(axis=0) / seen_p[alike].sum() if alike else None if unknown else q[c]
            if row is None:
                can.append({0, 1})
            else:
                scale = 1.0 if alike else max(p[c], 1e-300)
                can.append({a for s in allowed for a in (0, 1) if s * row[a] >= (s * row).max() - 1e-11 * scale})
        sets.append(can)
    new = [c for c in range(len(p)) if p[c] > 0 and not seen_p[c] > 0]
    certain = sum(p[c] for c in new if not sets[0][c] & sets[1][c])
    return certain, sum(p[c] for c in new if sets[0][c] != sets[1][c])


def candidates(model: cm.CIM, size: int) -> tuple[dict[frozenset[str], list[dict[str, cm.Table]]], bool]:
    """All deterministic replacements by set of nodes, or constants and one-row edits if they are more than 4,096."""
    chance = model.cid.chance
    rows = {n: 2 ** len(model.cid.parents(n)) for n in chance}
    total = sum(np.prod([2.0 ** rows[n] for n in s]) for k in range(1, size + 1) for s in combinations(chance, k))
    tables: dict[str, list[np.ndarray]] = {}
    for n in chance:
        shape = model.cpd(n).shape
        if total <= 4096:
            tables[n] = [np.eye(2)[list(v)].reshape(shape) for v in product((0, 1), repeat=rows[n])]
        else:
            tables[n] = [np.eye(2)[[v] * rows[n]].reshape(shape) for v in (0, 1)]
            for row in range(rows[n]):
                for v in (0, 1):
                    edited = model.cpd(n).reshape(-1, 2).copy()
                    edited[row] = np.eye(2)[v]
                    tables[n].append(edited.reshape(shape))
    found = {}
    for k in range(1, size + 1):
        for s in combinations(chance, k):
            found[frozenset(s)] = [
                {n: cm.Table(t) for n, t in zip(s, choice, strict=True)} for choice in product(*(tables[n] for n in s))
            ]
    return found, total > 4096


def test_against_enumeration() -> None:
    rows_seen, seed, limited, visible = 0, 0, 0, 0
    while rows_seen < examples(quick=20, full=300):
        seed += 1
        rng = np.random.default_rng(seed)
        chance = int(rng.integers(2, 5))
        model = random_model(rng, random_cid(rng, chance=chance, parents=int(rng.integers(1, 4))))
        cid = model.cid
        below = [n for n in cid.chance if n in cid.descendants("D0")]
        if len(below) < 2 or not cid.parents("U0"):
            continue
        one, other = rng.choice(below, size=2, replace=False).tolist()
        size = 2 if rng.random() < 0.5 else 1
        shifted = rng.choice(cid.chance, size=1).tolist()
        setup = TrainingSetup(model, {"there": random_shift(rng, model, shifted)})
        signs = [selected(model, one), selected(model, other)]
        best: dict[frozenset[str], tuple[float, float]] = {frozenset(): disagreement(model, (one, other), signs)}
        best[frozenset(shifted)] = disagreement(setup.deployed("there"), (one, other), signs)
        frozen: dict[frozenset[str], tuple[float, float]] = {}

        def judge_frozen(
            nodes: frozenset[str],
            where: cm.CIM,
            frozen: dict = frozen,
            training: cm.CIM = model,
            names: tuple[str, str] = (one, other),
            signs: list = signs,
        ) -> None:
            found = frozen_disagreement(training, where, nodes, names, signs)
            frozen[nodes] = max(frozen.get(nodes, (0.0, 0.0)), found, key=rounded)

        judge_frozen(frozenset(shifted), setup.deployed("there"))
        listed, is_limited = candidates(model, size)
        for nodes, choices in listed.items():
            for tables in choices:
                found = disagreement(model.shift(tables), (one, other), signs)
                best[nodes] = max(best.get(nodes, (0.0, 0.0)), found, key=rounded)
                judge_frozen(nodes, model.shift(tables))
        rows = separating_shifts(setup, one, other, size=size)
        expected, expected_frozen = minimal(best), minimal(frozen)
        assert {row.nodes for row in rows} == {*expected, *expected_frozen}, seed
        known = [r for r in rows if (r.certain, r.possible) == pytest.approx(expected.get(r.nodes, (-1, -1)), abs=1e-9)]
        seen = [
            r
            for r in rows
            if (r.frozen_certain, r.frozen_possible) == pytest.approx(expected_frozen.get(r.nodes, (-1, -1)), abs=1e-9)
        ]
        assert {r.nodes for r in known} == set(expected), seed
        assert {r.nodes for r in seen} == set(expected_frozen), seed
        assert all(any(r is kept for kept in (*known, *seen)) for r in rows), seed
        for row in rows:
            assert row.lower_bound == (is_limited and bool(row.nodes))
            assert row.visible == (row.frozen_possible > 0)
            assert not row.visible or row.nodes & cid.ancestors("D0")
        visible += sum(row.visible for row in rows)
        rows_seen += len(rows)
        limited += is_limited
    assert limited
    assert visible


def minimal(best: dict[frozenset[str], tuple[float, float]]) -> dict[frozenset[str], tuple[float, float]]:
    parts = {nodes: f for nodes, f in best.items() if f[1] > 1e-12}
    return {n: f for n, f in parts.items() if not any(m < n for m in parts)}


def test_the_red_door_is_told_from_the_door_by_colour() -> None:
    setup = TrainingSetup(red_door(), deployments=red_door_deployments())
    first, *rest = separating_shifts(setup, "at_door", "at_red")
    assert first == Separation(frozenset({"red"}), first.mechanisms, "opposite", 1.0, 1.0, 1.0, 1.0, True, False)
    assert {row.nodes for row in rest} == {frozenset({"at_door"}), frozenset({"at_red"})}
    assert not any(row.visible for row in rest)


def test_a_declared_deployment_with_an_edge_is_a_candidate() -> None:
    above = [("truth", "register"), ("truth", "say")]
    model = register(above, truth=cm.Bernoulli(0.5), register=lambda truth: truth)
    wired = Deployment({"register": lambda truth, say: 1 - say}, edges=[("say", "register")])
    rows = separating_shifts(TrainingSetup(model, {"wired": wired}), "right", "paid", size=1)
    by_nodes = {row.nodes: row for row in rows}
    assert by_nodes[frozenset({"register"})].possible == 1.0


def test_without_numbers() -> None:
    rows = separating_shifts(TrainingSetup(red_door_cid()), "at_door", "at_red")
    assert [(sorted(r.nodes), r.visible, r.certain) for r in rows] == [
        (["door"], True, None),
        (["red"], True, None),
        (["at_door"], False, None),
        (["at_red"], False, None),
    ]


def wanted_policies(world: World, model_world: World, target: str) -> np.ndarray:
    """The policies that are optimal for some sign of least worst-case training regret, in another world."""
    base = model_world.values(model_world.utility())
    regrets = {}
    for sign in (1.0, -1.0, 0.0):
        optimal = best(model_world.values(sign * model_world.column(target)))
        regrets[sign] = base.max() - base[optimal].min()
    least = min(regrets.values())
    found = np.zeros(len(base), dtype=bool)
    for sign, regret in regrets.items():
        if regret <= least + 1e-9:
            found |= best(world.values(sign * world.column(target)))
    return found


def rounded(pair: tuple[float, float]) -> tuple[float, float]:
    return round(pair[0], 9), round(pair[1], 9)


def met(world: World, wanted: np.ndarray) -> dict[str, set[tuple[int, int]]]:
    """Decision → (context, action) that some wanted policy comes by and takes."""
    found = {}
    for d in world.cid.decisions:
        runs = np.flatnonzero((world.follows[wanted] * world.weight > 0).any(axis=0))
        found[d] = set(zip(world.context(d)[runs].tolist(), world.column(d)[runs].tolist(), strict=True))
    return found


def told_apart(world: World, sets: list[np.ndarray]) -> tuple[float, float]:
    """The least and the largest chance, over all wanted policies, that an episode passes a telling context."""
    one, other = (met(world, wanted) for wanted in sets)
    certain, differ = np.zeros(len(world.grid), dtype=bool), np.zeros(len(world.grid), dtype=bool)
    for d in world.cid.decisions:
        for cell, context in enumerate(world.context(d).tolist()):
            first, second = ({a for c, a in side[d] if c == context} for side in (one, other))
            certain[cell] |= not first & second
            differ[cell] |= first != second
    law = (world.follows * world.weight)[sets[0] | sets[1]]
    return float((law @ certain).min()), float((law @ differ).max())


def test_several_decisions_are_compared_context_by_context() -> None:
    checked, parted, seed, fractions = 0, 0, 0, 0
    while checked < examples(quick=10, full=200):
        seed += 1
        rng = np.random.default_rng([4, seed])
        setup, below = random_setup(rng)
        if len(below) < 2:
            continue
        model, shared = setup.deployed("training"), list(setup.shared_rules)
        one, other = rng.choice(below, size=2, replace=False).tolist()
        if any(needs_stochastic_rules(setup, [t]) for t in (one, other)):
            continue
        here = World(model, shared)
        found: dict[frozenset[str], tuple[float, float]] = {}

        def judge(
            nodes: frozenset[str],
            where: cm.CIM,
            here: World = here,
            found: dict = found,
            names: tuple[str, str] = (one, other),
            shared: list = shared,
        ) -> None:
            world = World(where, shared)
            sets = [wanted_policies(world, here, t) for t in names]
            pair = told_apart(world, sets)
            found[nodes] = max(found.get(nodes, (0.0, 0.0)), pair, key=rounded)

        judge(frozenset(), model)
        judge(setup.shifted("there"), setup.deployed("there"))
        listed, _ = candidates(model, 1)
        for nodes, choices in listed.items():
            for tables in choices:
                judge(nodes, model.shift(tables))
        expected = minimal(found)
        rows = separating_shifts(setup, one, other, size=1)
        assert {r.nodes for r in rows if not r.visible} <= set(expected) <= {r.nodes for r in rows}, seed
        for row in rows:
            assert rounded((row.certain, row.possible)) <= rounded(found[row.nodes]), (seed, row)
            assert row.frozen_certain <= row.frozen_possible + 1e-9
            assert not row.visible or row.nodes & setup.cid.ancestors("D0") | row.nodes & setup.cid.ancestors("D1")
        for nodes, pair in expected.items():
            assert any((r.certain, r.possible) == pytest.approx(pair, abs=1e-9) for r in rows if r.nodes == nodes), seed
        for row in rows:
            fractions += 1e-9 < row.possible < 1 - 1e-9
            assert not row.declared_only
        checked += 1
        parted += bool(rows)
    assert parted > 0
    assert fractions > 0


def test_what_no_context_shows() -> None:
    """One wish is for two acts to be alike, the other for them to differ: neither decision sees the other."""
    cid = cm.CID(
        [("a", "same"), ("b", "same"), ("same", "u"), ("a", "odd"), ("b", "odd"), ("flip", "odd"), ("flip", "u")],
        decisions=["a", "b"],
        utilities=["u"],
    )
    model = cid.parameterise(
        a=[0, 1], b=[0, 1], flip=cm.Bernoulli(0.0), u=lambda same, flip: same,
        same=lambda a, b: int(a == b), odd=lambda a, b, flip: int((a == b) ^ flip),
    )  # fmt: skip
    setup = TrainingSetup(model, {"flipped": {"flip": cm.Bernoulli(1.0)}})
    rows = separating_shifts(setup, "same", "odd", size=1)
    assert frozenset({"flip"}) not in {row.nodes for row in rows}  # each act is possible for both
    pairs = unidentifiable(derive_mesa_optimizers(setup))
    assert (("same",), ("odd",)) not in {(pair.one, pair.other) for pair in pairs}  # but no policy is


def test_declared_objectives_where_a_rule_must_be_stochastic() -> None:
    """Two exits that look alike. In training "two" and "out" both want a coin tossed, and later one of them may not."""
    cid = cm.CID(
        [("turn", "out"), ("again", "out"), ("out", "pay"), ("out", "copy"), ("fault", "copy")],
        decisions=["turn", "again"],
        utilities=["pay"],
    )
    model = cid.parameterise(
        turn=["exit", "on"],
        again=["exit", "on"],
        fault=cm.Bernoulli(0.0),
        out=cm.Function(lambda turn, again: 0 if turn == "exit" else 4 if again == "exit" else 1, domain=(0, 1, 4)),
        copy=cm.Function(lambda out, fault: 1 - out if fault else out, domain=(-3, 0, 1, 4)),
        pay=lambda out: out,
    )
    setup = TrainingSetup(model, {"fault": {"fault": cm.Bernoulli(1.0)}}, shared_rules=[("turn", "again")])
    rows = separating_shifts(setup, "out", "copy", size=1)
    row = next(r for r in rows if r.nodes == {"fault"})
    assert row.declared_only
    # With the fault the wish for the copy leaves at once; the other drives on with probability 2/3.
    assert (row.deployment, row.certain, row.possible) == ("fault", 0.0, pytest.approx(1.0))
    assert not any(r.nodes == frozenset() for r in rows)


def test_the_score_may_pay_other_numbers_in_a_deployment() -> None:
    """The values of a target are those of all distributions together; replacements do not lose any."""
    cid = cm.CID([("x", "act"), ("act", "y"), ("x", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(
        x=cm.Bernoulli(0.5), act=[0, 1], y=cm.Function(lambda x, act: x ^ act, domain=(0, 1)), pay=lambda y: y
    )
    setup = TrainingSetup(model, {"reversed": {"pay": lambda y: -3 * y}, "odd": {"y": lambda x, act: act}})
    rows = separating_shifts(setup, "y", "pay", size=1)
    # Training says nothing of the number −3: some wish for the score takes it, others do not.
    assert [(sorted(r.nodes), r.deployment, r.certain, r.possible) for r in rows] == [(["pay"], "reversed", 0.0, 1.0)]


@given(setup=random_setups(), power=st.sampled_from([-40, 40]), level=st.sampled_from([0, 2**10]), pick=st.data())
@settings(max_examples=examples(quick=8, full=60), deadline=None)
def test_units_levels_and_penalties_tell_nothing_apart(
    setup: TrainingSetup, power: int, level: int, pick: st.DataObject
) -> None:
    chance = setup.cid.chance
    first, second = pick.draw(st.sampled_from(chance)), pick.draw(st.sampled_from(chance))
    assume(first != second)

    def rows(setup: TrainingSetup) -> list[tuple[object, ...]]:
        found = separating_shifts(setup, first, second, size=1)
        kept = [s for s in found if "storm" not in s.nodes]
        return [(s.nodes, s.deployment, s.certain, s.possible, s.visible) for s in kept]

    expected = rows(setup)
    assert rows(moved(setup, 2.0**power, level)) == expected
    assert rows(with_a_storm(setup, -1e12)) == expected

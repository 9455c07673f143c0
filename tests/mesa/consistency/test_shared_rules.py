"""Optimal stochastic rules against fine grids, brute force and calculus."""

from __future__ import annotations

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.consistency.shared_rule_extremes import extremes
from cidmesa.mesa.consistency.shared_rules import Polynomial, RuleSpace
from tests.mesa.consistency.test_by_stage import walk
from tests.mesa.exhaustive import World, random_cid, random_model
from tests.strategies import examples


def mixed(space: RuleSpace, rng: np.random.Generator) -> np.ndarray:
    """A random rule, corners often."""
    rule = np.zeros(space.size)
    for block in space.blocks:
        width = block.stop - block.start
        rule[block] = np.eye(width)[rng.integers(width)] if rng.random() < 0.3 else rng.dirichlet(np.ones(width))
    return rule


def as_policy(space: RuleSpace, model: cm.CIM, rule: np.ndarray) -> dict[str, np.ndarray]:
    return {
        d: space.rule_of(d, rule).reshape([*(model.card(p) for p in model.cid.parents(d)), model.card(d)])
        for d in model.cid.decisions
    }


def test_expectations_are_those_of_the_solver() -> None:
    for seed in range(examples(quick=60, full=2000)):
        rng = np.random.default_rng(seed)
        model = random_model(rng, random_cid(rng, chance=4, decisions=2, utilities=2))
        cid = model.cid
        shared = [("D0", "D1")] if len(cid.parents("D0")) == len(cid.parents("D1")) else []
        space = RuleSpace.of(model, shared)
        rule = mixed(space, rng)
        value = model.expected_utility(as_policy(space, model, rule))
        assert space.total(model, cid.utilities)(rule) == pytest.approx(value, abs=1e-9)
        parts = [space.total(model, [u])(rule) for u in cid.utilities]
        assert sum(parts) == pytest.approx(value, abs=1e-9)


def test_maxima_dominate_random_rules_and_are_attained() -> None:
    """Two decisions, shared or not: no random rule beats the listed maximum, and the solver confirms its value."""
    stochastic, seed, checked = 0, 0, 0
    while checked < examples(quick=100, full=2000):
        seed += 1
        rng = np.random.default_rng([3, seed])
        model = random_model(rng, random_cid(rng, chance=3, decisions=2, utilities=1))
        cid = model.cid
        if len(cid.parents("D0")) != len(cid.parents("D1")):
            continue
        checked += 1
        shared = [("D0", "D1")] if rng.random() < 0.8 else []
        space = RuleSpace.of(model, shared)
        f = space.total(model, cid.utilities)
        best = space.maximise(f)
        assert best.exact
        for rule in best.rules:
            assert f(rule) == pytest.approx(best.value, abs=1e-8)
            assert model.expected_utility(as_policy(space, model, rule)) == pytest.approx(best.value, abs=1e-8)
        for _ in range(40):
            assert f(mixed(space, rng)) <= best.value + 1e-9
        world = World(model, shared)
        pure = world.values(world.utility()).max()
        assert space.maximise(f, deterministic=True).value == pytest.approx(pure, abs=1e-9)
        assert best.value >= pure - 1e-9
        stochastic += best.value > pure + 1e-6
        if not shared:
            assert best.value == pytest.approx(pure, abs=1e-9)
    assert stochastic > 0  # a shared rule did have to be stochastic


def test_shared_quadratics_against_a_fine_grid() -> None:
    """One rule, one binary context, two uses: the square [0, 1]^2 at steps of 1/200 comes within the curvature."""
    steps = np.linspace(0.0, 1.0, 201)
    for seed in range(examples(quick=10, full=200)):
        rng = np.random.default_rng([5, seed])
        cid = cm.CID(
            [("a", "D0"), ("b", "D1"), ("a", "b"), ("D0", "U"), ("D1", "U"), ("a", "U"), ("b", "U")],
            decisions=["D0", "D1"],
            utilities=["U"],
        )
        model = random_model(rng, cid)
        space = RuleSpace.of(model, [("D0", "D1")])
        f = space.total(model, ["U"])
        c0, c1 = (g.ravel() for g in np.meshgrid(steps, steps, indexing="ij"))
        entries = np.stack([1 - c0, c0, 1 - c1, c1])
        grid = (f.coefficients[:, None] * entries[f.terms[:, 0]] * entries[f.terms[:, 1]]).sum(axis=0) + f.constant
        assert grid.max() - 1e-9 <= space.maximise(f).value <= grid.max() + 1e-3


def in_two_entries(coefficients: np.ndarray) -> Polynomial:
    """a x² + b xy + c y² + d x + e y + f, where one rule has entries (1-x, x) and (1-y, y) and acts twice."""
    one = [0, 1]
    factors = [([1], [1]), ([1], [3]), ([3], [3]), ([1], one), ([3], one), (one, one)]
    terms = [
        (i, j, float(w))
        for w, (first, second) in zip(coefficients, factors, strict=True)
        for i in first
        for j in second
    ]
    return Polynomial(np.array([t[:2] for t in terms], dtype=np.intp), np.array([t[2] for t in terms]))


def test_extremes_on_a_line_of_optimal_rules() -> None:
    """-(αx + βy - γ)² is best on a line, along which the base is a parabola: compared with a fine walk along it."""
    space = RuleSpace({"D0": 0, "D1": 0}, (slice(0, 2), slice(2, 4)), (0, 2))
    inside, checked, seed = 0, 0, 0
    while checked < examples(quick=60, full=2000):
        seed += 1
        rng = np.random.default_rng([9, seed])
        alpha, beta, gamma = rng.integers(-2, 3, size=3).tolist()
        x, y = np.linspace(0.0, 1.0, 4001), np.full(4001, np.nan)
        if beta:
            y = (gamma - alpha * x) / beta
        elif not alpha and not gamma:  # nothing is wanted: all rules are best
            x, y = (g.ravel() for g in np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 1, 101)))
        elif alpha and 0 <= gamma / alpha <= 1:
            x, y = np.full(4001, gamma / alpha), np.linspace(0.0, 1.0, 4001)
        on = (y >= -1e-12) & (y <= 1 + 1e-12)
        if not on.any():
            continue
        checked += 1
        wanted = in_two_entries(
            -np.array([alpha**2, 2 * alpha * beta, beta**2, -2 * alpha * gamma, -2 * beta * gamma, gamma**2], float)
        )
        pays = rng.integers(-3, 4, size=6).astype(float)
        walk = np.stack([x * x, x * y, y * y, x, y, np.ones_like(x)])[:, on]
        along = pays @ walk
        found = extremes(space, wanted, in_two_entries(pays))
        assert found.exact
        assert found.low <= along.min() + 1e-9, seed
        assert found.high >= along.max() - 1e-9, seed
        assert (found.low, found.high) == pytest.approx((along.min(), along.max()), abs=2e-3), seed
        inside += min(along[0], along[-1]) > along.min() + 1e-6
    assert inside > checked / 20  # the worst was not at an end


def test_three_uses_are_searched_and_say_so() -> None:
    cid = cm.CID(
        [("a", "out"), ("b", "out"), ("c", "out"), ("out", "pay")], decisions=["a", "b", "c"], utilities=["pay"]
    )
    model = cid.parameterise(
        a=[0, 1], b=[0, 1], c=[0, 1], out=lambda a, b, c: a + b + c, pay=lambda out: float(out == 1)
    )
    space = RuleSpace.of(model, [("a", "b", "c")])
    best = space.maximise(space.total(model, ["pay"]))
    assert (best.exact, best.method) == (False, "many starts")
    assert best.value == pytest.approx(4 / 9, abs=1e-6)  # 3p(1-p)² at p = 1/3
    assert best.rules[0][1] == pytest.approx(1 / 3, abs=1e-3)
    assert space.maximise(space.total(model, ["pay"]), deterministic=True).value == 0.0


def test_whether_all_optimal_choices_of_a_rule_are_listed() -> None:
    """Two decisions that see the same, one rule; what pays in one context leaves the rule free in the other."""
    cid = cm.CID(
        [("w", "a"), ("w", "b"), ("w", "out"), ("a", "out"), ("b", "out"), ("out", "pay")],
        decisions=["a", "b"],
        utilities=["pay"],
    )
    model = cid.parameterise(
        w=cm.Bernoulli(0.5),
        a=[0, 1],
        b=[0, 1],
        out=lambda w, a, b: (w, 0 if a else 4 if b else 1),
        pay=lambda out: float(out[1]),
    )
    space = RuleSpace.of(model, [("a", "b")])
    pays = dict(zip(model.domain("out"), np.eye(len(model.domain("out"))), strict=True))
    here, there = (
        space.expectation(model, ["out"], sum(p * o for (w, p), o in pays.items() if w == v)) for v in (0, 1)
    )
    assert space.maximise(here).isolated == {0}  # nothing reads the other context
    free = space.maximise(here, [there])
    assert free.isolated == frozenset()
    assert len(free.rules) == 2
    assert space.maximise(here, [there], deterministic=True).isolated == {0}
    both = space.maximise(space.total(model, ["pay"]))
    assert (both.isolated, len(both.rules)) == ({0}, 1)
    constant = space.maximise(space.expectation(model, ["out"], np.ones(len(pays))))
    assert (constant.isolated, len(constant.rules)) == ({0}, 1)  # nothing reads any context


def test_too_many_deterministic_rules_are_refused() -> None:
    observed = [f"x{i}" for i in range(5)]
    cid = cm.CID([*((x, "act") for x in observed), *((x, "pay") for x in observed), ("act", "pay")], decisions=["act"])
    cid = cid.with_utility("u", ["pay"])
    model = cid.parameterise(
        dict.fromkeys(observed, cm.Bernoulli(0.5)),
        act=[0, 1],
        pay=lambda act, **x: act ^ (sum(x.values()) % 2),
        u=lambda pay: pay,
    )
    space = RuleSpace.of(model)
    with pytest.raises(NotApplicableError, match="too many"):
        space.maximise(space.total(model, ["u"]), deterministic=True)


# Contexts that never meet ---------------------------------------------------------------------------------------------


def seen_by_both(rng: np.random.Generator, goals: int) -> cm.CIM:
    """Two decisions with one rule, both of which see a goal, and the second what the first did."""
    cid = cm.CID(
        [("goal", "D0"), ("at", "D0"), ("goal", "D1"), ("then", "D1"), ("at", "then"), ("D0", "then"), ("then", "u"),
         ("D1", "u"), ("goal", "u"), ("then", "v"), ("D1", "v"), ("goal", "v")],
        decisions=["D0", "D1"], utilities=["u", "v"],
    )  # fmt: skip
    pays = {n: rng.integers(0, 4, (2, 2, goals)).astype(float) for n in ("u", "v")}
    move = rng.dirichlet(np.ones(2), size=(2, 2)) if rng.random() < 0.5 else np.eye(2)[rng.integers(2, size=(2, 2))]
    return cid.parameterise(
        goal=cm.Uniform(*range(goals)), at=cm.Bernoulli(0.5), then=cm.Table(move), D0=[0, 1], D1=[0, 1], **pays
    )


def test_parts_add_up_to_the_whole() -> None:
    for seed in range(examples(quick=40, full=1000)):
        rng = np.random.default_rng([5, seed])
        model = seen_by_both(rng, goals=2)
        space = RuleSpace.of(model, [("D0", "D1")])
        wanted, base = space.total(model, ["u"]), space.total(model, ["v"])
        parts, constants = space.parts(wanted, base)
        assert len(parts) >= 2
        assert [c.number for c in constants] == [wanted.constant, base.constant]
        rule = mixed(space, rng)
        for k, f in enumerate((wanted, base)):
            whole = constants[k].number + sum(part.read[k](rule[part.entries]) for part in parts)
            assert whole == pytest.approx(f(rule), abs=1e-12)
        optimum = space.maximise(wanted, (base,))
        largest, known = space.maximum(wanted)
        assert (largest.fraction, known) == (optimum.worth.fraction, True)
        values = [wanted(best) for best in space.maximisers(wanted, (base,))]
        assert values == pytest.approx([optimum.value] * len(values), abs=1e-9)
        found = extremes(space, wanted, base)
        assert found.exact
        seen = [base(best) for best in optimum.rules]
        assert found.low <= min(seen) + 1e-9
        assert found.high >= max(seen) - 1e-9


def test_a_walk_with_one_rule_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-seven contexts: nine parts of three, none of which is searched from many starts."""

    def searched(*_: object) -> None:
        raise AssertionError("searched")

    monkeypatch.setattr(RuleSpace, "_searched", searched)
    family = cm.derive_mesa_optimizers(walk(shared=True))
    goal, lamp = family["at_goal"], family["at_lamp"]
    assert (goal.objective_regret, lamp.objective_regret) == (0.0, 0.0)
    assert (goal.consistency, lamp.consistency) == ("CONSISTENT", "CONSISTENT")
    assert lamp.deployment_regret["lamp moved"] == pytest.approx((2 / 3, 2 / 3))
    assert lamp.deployment_regret["lamp moved"].gap == 0.0


def test_what_is_only_searched_says_how_far_it_may_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.mesa.consistency import shared_rules

    monkeypatch.setattr(shared_rules, "LISTED_RULES", 1)
    setup = cm.TrainingSetup(seen_by_both(np.random.default_rng(0), goals=2), shared_rules=[("D0", "D1")])
    score = {("u", "v"): lambda u, v: u + v}
    found = cm.derive_mesa_optimizers(setup, targets=[("u", "v")], objectives=score)["u", "v"]
    assert found.consistency == "UNKNOWN"  # it is the score itself, and no optimum is proven


def test_what_is_too_large_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from cidmesa.mesa.consistency import shared_rules

    monkeypatch.setattr(shared_rules, "LISTED_RULES", 1)
    monkeypatch.setattr(shared_rules, "SEARCHED", 3)
    setup = cm.TrainingSetup(
        seen_by_both(np.random.default_rng(0), goals=2), {"there": {"at": cm.Bernoulli(0.9)}},
        shared_rules=[("D0", "D1")],
    )  # fmt: skip
    family = cm.derive_mesa_optimizers(setup, targets=["then"])
    found = family["then"]
    assert (found.consistency, found.training_regret, found.objective) == ("UNKNOWN", None, None)
    assert "one rule serves several decisions here, and 4 probabilities" in found.reasons.text[-1]
    with pytest.raises(NotApplicableError, match="fewer observations or values"):
        found.possible_actions("there")
    assert "UNKNOWN" in str(family)

"""Alignment regions: known forms, and numbers put in afterwards against the numeric answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.consistency.method import needs_stochastic_rules
from cidmesa.mesa.derive import derive_mesa_optimizers
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.mesa.symbolic.alignment_region import alignment_region, separation_expression
from tests.mesa.exhaustive import Plain, World, best, random_cid, random_model, random_shift
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments, register
from tests.strategies import examples

p, q = sympy.symbols("p q")


def test_the_red_door() -> None:
    delta, epsilon = sympy.Symbol("delta"), sympy.Symbol("epsilon", nonnegative=True)
    model = red_door().shift(red=cm.Noisy(lambda door: door, delta))
    region = alignment_region(TrainingSetup(model, red_door_deployments()), "at_red")
    assert region.training_regret == delta
    assert region.consistent == sympy.Le(delta, epsilon)
    assert str(region.consistent) == "delta <= epsilon"
    assert region.deployment_regret == {
        "repainted": sympy.Rational(1, 2),
        "opposite": 1,
        "sunny": delta,
        "other prior": delta,
    }
    assert region.parts["opposite"] is sympy.true
    assert region.symbols == {delta}
    assert region.at({"delta": 0.0}) == (True, {"repainted": 0.5, "opposite": 1.0, "sunny": 0.0, "other prior": 0.0})
    assert region.at({"delta": 0.1})[0] is False
    assert region.at({"delta": 0.1}, tolerance=0.1)[0] is True
    assert "delta <= epsilon" in str(region)
    aligned = alignment_region(TrainingSetup(model), "at_door")
    assert (aligned.training_regret, aligned.consistent) == (0, sympy.true)


def test_the_tolerance_is_no_symbol_of_the_model() -> None:
    """A model that calls its own probability epsilon is not consistent whatever that is."""
    epsilon = sympy.Symbol("epsilon", nonnegative=True)
    region = alignment_region(TrainingSetup(red_door(epsilon)), "at_red")
    assert (region.training_regret, str(region.consistent)) == (epsilon, "epsilon <= epsilon_")
    assert region.consistent.subs({epsilon: 0.5, region.epsilon: 0.1}) == sympy.false


def test_any_objective_on_the_red_door_prefers_red_until_it_is_the_rarer() -> None:
    """Beyond one half it is better to avoid red: the least regret turns over there."""
    delta = sympy.Symbol("delta")
    model = red_door().shift(red=cm.Noisy(lambda door: door, delta))
    region = alignment_region(TrainingSetup(model), "at_red", objective="any")
    for value in (0, 0.1, 0.5, 0.7, 1):
        assert float(region.training_regret.subs(delta, value)) == pytest.approx(min(value, 1 - value))


@pytest.mark.parametrize("r", [0.3, 0.5, 0.6, 0.9])
def test_the_register_that_stores_the_loss(r: float) -> None:
    """Errors that an observed z predicts with probability r cost the wish to be right P(z)(2r - 1), if r > 1/2."""
    z, error = sympy.symbols("z e")
    model = register(
        [("truth", "say"), ("z", "say"), ("z", "error"), ("truth", "register"), ("error", "register")],
        truth=cm.Bernoulli(0.5),
        z=cm.Bernoulli(z),
        error=cm.Function(lambda z: {1: error, 0: 1 - error} if z else {0: 1.0, 1: 0.0}, domain=(0, 1)),
        register=lambda truth, error: truth ^ error,
    )
    region = alignment_region(TrainingSetup(model), "right")
    for share in (0.1, 0.4):
        expected = share * (2 * r - 1) if r > 0.5 else 0.0
        assert float(
            region.training_regret.subs({z: sympy.Rational(str(share)), error: sympy.Rational(str(r))})
        ) == pytest.approx(expected, abs=1e-9)
        numeric = TrainingSetup(model.subs({"z": share, "e": r}))
        found = derive_mesa_optimizers(numeric, targets=["right"])["right"]
        assert found.objective_regret == pytest.approx(expected, abs=1e-9)
        assert found.training_regret == pytest.approx(expected, abs=1e-9)
    assert alignment_region(TrainingSetup(model), "paid").training_regret == 0


@pytest.mark.parametrize(("share", "r"), [(0.6, 0.9), (0.9, 0.6), (0.5, 1.0), (0.8, 0.625), (0.4, 0.9)])
def test_where_what_is_stored_is_mostly_wrong_the_wish_to_be_wrong_costs_less(share: float, r: float) -> None:
    """P(z)(2r - 1) is the regret of the wish to be right, and the least of all objectives only while P(z)r <= 1/2.

    Being wrong costs a regret of 1 wherever z is absent, 1 - P(z): that is less iff P(z)r > 1/2.
    """
    edges = [("truth", "say"), ("z", "say"), ("z", "error"), ("say", "right"), ("truth", "right")]
    edges += [("say", "paid"), ("truth", "paid"), ("error", "paid"), ("paid", "score")]
    model = cm.CID(edges, decisions=["say"], utilities=["score"]).parameterise(
        truth=cm.Bernoulli(0.5),
        z=cm.Bernoulli(p),
        error=cm.Function(lambda z: {1: q, 0: 1 - q} if z else {0: 1.0, 1: 0.0}, domain=(0, 1)),
        say=[0, 1],
        right=cm.Function(lambda say, truth: int(say == truth), domain=(0, 1)),
        paid=cm.Function(lambda say, truth, error: int(say == truth ^ error), domain=(0, 1)),
        score=lambda paid: paid,
    )
    being_right, wrong = share * (2 * r - 1), 1 - share
    numbers = {p: sympy.Rational(str(share)), q: sympy.Rational(str(r))}
    for objective, regret in ((None, being_right), ({0: 1, 1: 0}, wrong), ("any", min(being_right, wrong))):
        found = alignment_region(TrainingSetup(model), "right", objective=objective).training_regret
        assert float(found.subs(numbers)) == pytest.approx(regret, abs=1e-12)
    numeric = TrainingSetup(model.subs({"p": share, "q": r}))
    assert derive_mesa_optimizers(numeric)["right"].training_regret == pytest.approx(min(being_right, wrong), abs=1e-9)
    assert (wrong < being_right - 1e-9) == (share * r > 0.5)


def symbolic_model(rng: np.random.Generator, model: cm.CIM, count: int) -> tuple[cm.CIM, list[Any]]:
    """Put symbols into the rows of some nodes, numbers into others."""
    chosen = rng.choice(model.cid.chance, size=count, replace=False).tolist()
    symbols = [p, q][:count]
    given: dict[str, Any] = {}
    for node, symbol in zip(chosen, symbols, strict=True):
        table = model.cpd(node)
        new = np.empty(table.shape, dtype=object)
        for where in np.ndindex(table.shape[:-1]):
            kind = rng.integers(4)
            row = {0: (symbol, 1 - symbol), 1: (1 - symbol, symbol), 2: (1, 0), 3: (sympy.Rational(1, 2),) * 2}[
                int(kind)
            ]
            new[where] = row
        given[node] = cm.Table(new, domain=model.domain(node))
    return model.shift(given), symbols


def brute_regret(model: cm.CIM, target: str, sign: float) -> float:
    plain = Plain(model)
    reach, base = plain.base()
    _, value = plain.table(sign * plain.column(target))
    return sum(
        base[c].max() - base[c][value[c] >= value[c].max() - 1e-11].min() for c in range(len(reach)) if reach[c] > 0
    )


def test_numbers_put_in_afterwards() -> None:
    """Regrets and separation as expressions against brute force at a grid of parameters, borders and ties included."""
    grid = [0.0, 0.25, 0.5, 2 / 3, 1.0]
    checked, seed, symbolic = 0, 0, 0
    while checked < examples(quick=30, full=1000):
        seed += 1
        rng = np.random.default_rng(seed)
        plain = random_model(rng, random_cid(rng, chance=4, parents=2))
        below = [n for n in plain.cid.chance if n in plain.cid.descendants("D0")]
        if not below or not plain.cid.parents("U0"):
            continue
        model, symbols = symbolic_model(rng, plain, int(rng.integers(1, 3)))
        if not model.is_symbolic:
            continue
        shifted = rng.choice(model.cid.chance, size=1).tolist()
        setup = TrainingSetup(model, {"there": random_shift(rng, plain, shifted)})
        target = str(rng.choice(below))
        region = alignment_region(setup, target)
        least = alignment_region(setup, target, objective="any")
        other = str(rng.choice(below))
        disagreement = separation_expression(setup, target, other)
        symbolic += bool(region.training_regret.free_symbols)
        for _ in range(3):
            values = {s: float(rng.choice(grid)) for s in symbols}
            numeric = setup.deployed("training").subs({s: v for s, v in values.items() if s in model.symbols})
            regret = brute_regret(numeric, target, 1.0)
            _, there = region.at(values)
            assert region._number(region.training_regret, values) == pytest.approx(regret, abs=1e-9), (seed, values)
            moved = setup.deployed("there")
            moved = moved.subs({s: v for s, v in values.items() if s in moved.symbols})
            assert there["there"] == pytest.approx(brute_regret(moved, target, 1.0), abs=1e-9), (seed, values)
            best = min(brute_regret(numeric, target, sign) for sign in (1.0, -1.0))
            assert least._number(least.training_regret, values) == pytest.approx(best, abs=1e-9), (seed, values)
            world = Plain(numeric)
            reach, one = world.table(world.column(target).astype(float))
            _, two = world.table(world.column(other).astype(float))
            tops = [
                [{a for a in (0, 1) if v[c][a] >= v[c].max() - 1e-11} for c in range(len(reach))] for v in (one, two)
            ]
            apart = sum(reach[c] for c in range(len(reach)) if not tops[0][c] & tops[1][c])
            assert region._number(disagreement, values) == pytest.approx(apart, abs=1e-9), (seed, values)
            checked += 1
    assert symbolic > 0


def test_any_objective_on_three_values() -> None:
    """Three doors, symbolic prior of a mismatch: the numeric least regret at the same numbers."""
    delta = sympy.Symbol("delta")
    places = ("a", "b", "c")
    model = red_door(places=places).shift(red=cm.Noisy(lambda door: door, delta))
    setup = TrainingSetup(model)
    region = alignment_region(setup, ("at_door", "at_red"), objective="any")
    assert region.training_regret == 0
    cid = cm.CID([("x", "act"), ("act", "y"), ("y", "pay"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    three = cid.parameterise(
        x=cm.Bernoulli(delta),
        act=[0, 1, 2],
        y=lambda act: act,
        pay=lambda x, y: {(0, 0): 3, (1, 1): 2, (0, 1): 1}.get((x, y), 0),
    )
    region = alignment_region(TrainingSetup(three), "y", objective="any")
    for value in (0.0, 0.2, 0.5, 0.8, 1.0):
        numeric = derive_mesa_optimizers(TrainingSetup(three.subs({"delta": value})), targets=["y"])["y"]
        assert float(region.training_regret.subs(delta, value)) == pytest.approx(numeric.training_regret, abs=1e-9)


def test_the_border_where_the_actions_stop_differing() -> None:
    """With probability p an action shows; at p = 0 nothing does, and no objective on what shows is consistent."""
    cid = cm.CID([("d", "x"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(d=[0, 1], u=lambda d: d, x=cm.Table([[p, 0, 1 - p], [0, 0, 1]], domain=["a", "b", "c"]))
    region = alignment_region(TrainingSetup(model), "x", objective="any")
    assert region.at({"p": 0}) == (False, {})
    assert region.at({"p": 0.25}) == region.at({"p": 1}) == (True, {})
    assert float(region.training_regret.subs(p, 0)) == 1
    at_zero = derive_mesa_optimizers(TrainingSetup(model.subs({p: 0})))["x"]
    assert (at_zero.training_regret, at_zero.consistency.name) == (1.0, "EXCLUDED")


def test_any_objective_on_three_values_at_borders() -> None:
    """Random rows that a parameter scales, payoffs that it turns over: the numeric least regret, edges included."""
    grid = [sympy.Rational(0), sympy.Rational(1), sympy.Rational(1, 2), sympy.Rational(1, 3)]
    cid = cm.CID([("s", "d"), ("s", "u"), ("d", "u"), ("d", "x"), ("s", "x")], decisions=["d"], utilities=["u"])
    checked, moved, seed = 0, 0, 0
    while checked < examples(quick=12, full=300):
        seed += 1
        rng = np.random.default_rng([9, seed])

        def row(rng: np.random.Generator = rng) -> list[Any]:
            weight = [sympy.Integer(1), p, q, sympy.Rational(1, 2)][rng.integers(4)]
            one, other = rng.choice(3, size=2, replace=False)
            mixed = [sympy.Integer(0)] * 3
            mixed[one], mixed[other] = weight, 1 - weight
            return mixed

        prior = [p, q, 0.5][rng.integers(3)]
        x = np.array([[row() for _ in range(2)] for _ in range(2)], dtype=object)
        u = [[[0, 1, 2, p, q * 2][rng.integers(5)] for _ in range(2)] for _ in range(2)]
        model = cid.parameterise(s=cm.Bernoulli(prior), d=[0, 1], x=cm.Table(x, domain=["a", "b", "c"]), u=u)
        if not model.is_symbolic:
            continue
        try:
            region = alignment_region(TrainingSetup(model), "x", objective="any")
        except NotApplicableError as refused:
            if "name an objective" not in str(refused):
                raise
            continue
        for _ in range(3):
            values = {s: grid[rng.integers(4)] for s in model.symbols}
            found = derive_mesa_optimizers(TrainingSetup(model.subs(values)), targets=["x"])["x"].training_regret
            expression = region.training_regret.xreplace(values)
            assert float(expression) == pytest.approx(found, abs=1e-9), (seed, values, region.training_regret)
            checked += 1
        moved += region.training_regret.has(sympy.Eq)
    assert moved > 0


def test_symbolic_payoffs() -> None:
    """A payoff as a symbol: the proxy is consistent as long as the other door pays no more."""
    g = sympy.Symbol("g", positive=True)
    cid = cm.CID([("go", "at"), ("at", "pay")], decisions=["go"], utilities=["pay"])
    model = cid.parameterise(
        go=["home", "shop"], at=lambda go: int(go == "shop"), pay=lambda at: g if at else sympy.Integer(1)
    )
    region = alignment_region(TrainingSetup(model), "at")
    assert region.at({"g": 3}) == (True, {})
    assert region.at({"g": sympy.Rational(1, 4)})[0] is False
    assert float(region.training_regret.subs(g, sympy.Rational(1, 4))) == 0.75
    assert alignment_region(TrainingSetup(model), "pay").training_regret == 0


def test_what_it_cannot_do() -> None:
    with pytest.raises(NotApplicableError, match="bare diagram"):
        alignment_region(TrainingSetup(red_door_cid()), "at_red")
    with pytest.raises(NotApplicableError, match="any"):
        alignment_region(TrainingSetup(red_door()), "at_red", objective="all")


def worst_regret(model: cm.CIM, shared: list[tuple[str, str]], target: str, sign: float) -> float:
    """Base regret of the worst policy that is optimal for sign·target, over all deterministic policies."""
    world = World(model, shared)
    base = world.values(world.utility())
    return float(base.max() - base[best(world.values(sign * world.column(target)))].min())


def test_several_decisions() -> None:
    """Regrets as expressions against all policies at a grid of parameters, borders and ties included, shared or not."""
    grid = [0.0, 0.25, 0.5, 2 / 3, 1.0]
    checked, seed, symbolic, together = 0, 0, 0, 0
    while checked < examples(quick=20, full=200):
        seed += 1
        rng = np.random.default_rng([6, seed])
        plain = random_model(rng, random_cid(rng, chance=3, decisions=2, parents=2))
        cid = plain.cid
        below = [n for n in cid.chance if any(n in cid.descendants(d) for d in cid.decisions)]
        if not below or not cid.parents("U0"):
            continue
        model, symbols = symbolic_model(rng, plain, int(rng.integers(1, 3)))
        if not model.is_symbolic:
            continue
        alike = len(cid.parents("D0")) == len(cid.parents("D1"))
        shared = [("D0", "D1")] if alike and rng.random() < 0.4 else []
        shifted = rng.choice(cid.chance, size=1).tolist()
        setup = TrainingSetup(model, {"there": random_shift(rng, plain, shifted)}, shared_rules=shared)
        target = str(rng.choice(below))
        if needs_stochastic_rules(setup, [target]):
            continue
        try:
            region = alignment_region(setup, target)
            least = alignment_region(setup, target, objective="any")
        except NotApplicableError as refused:
            if "policies have expected values of their own" not in str(refused):
                raise
            continue
        symbolic += bool(region.training_regret.free_symbols)
        together += bool(shared)
        for _ in range(2):
            values = {s: float(rng.choice(grid)) for s in symbols}
            numeric = model.subs({s: v for s, v in values.items() if s in model.symbols})
            found = {sign: worst_regret(numeric, shared, target, sign) for sign in (1.0, -1.0)}
            assert region._number(region.training_regret, values) == pytest.approx(found[1.0], abs=1e-9), (seed, values)
            lowest = least._number(least.training_regret, values)
            assert lowest == pytest.approx(min(found.values()), abs=1e-9), (seed, values)
            moved = setup.deployed("there")
            moved = moved.subs({s: v for s, v in values.items() if s in moved.symbols})
            _, there = region.at(values)
            assert there["there"] == pytest.approx(worst_regret(moved, shared, target, 1.0), abs=1e-9), (seed, values)
            checked += 1
    assert symbolic > 0
    assert together > 0


def test_two_red_doors() -> None:
    """A first choice of colour, a second of a room: the wish for red costs the first door's mismatch and no more."""
    delta = sympy.Symbol("delta")
    cid = cm.CID(
        [
            ("door", "red"), ("red", "look"), ("look", "go"), ("go", "at_door"), ("door", "at_door"), ("go", "at_red"),
            ("red", "at_red"), ("at_door", "reward"), ("look", "cost"),
        ],
        decisions=["look", "go"],
        utilities=["reward", "cost"],
    )  # fmt: skip
    model = cid.parameterise(
        door=cm.Bernoulli(0.5),
        red=cm.Noisy(lambda door: door, delta),
        look=[0, 1],
        go=[0, 1],
        at_door=lambda go, door: int(go == door),
        at_red=lambda go, red: int(go == red),
        reward=lambda at_door: at_door,
        cost=lambda look: 0,
    )
    region = alignment_region(TrainingSetup(model), "at_red")
    for value in (0, 0.1, 0.5, 0.7, 1):
        expected = max(value, 1 - value) - (1 - value)
        assert region.at({"delta": value})[0] == (expected <= 0)
        assert float(region.training_regret.subs(delta, value)) == pytest.approx(expected)
    assert float(region.training_regret.subs(delta, sympy.Rational(7, 10))) == pytest.approx(0.4)


def test_what_several_decisions_cannot_do() -> None:
    seen = [f"x{i}" for i in range(3)]
    cid = cm.CID(
        [*((x, d) for x in seen for d in "ab"), ("a", "y"), ("b", "y"), ("y", "u")],
        decisions=["a", "b"],
        utilities=["u"],
    )
    cid = cid.with_utility("v", ["y"]).with_utility("w", seen)
    model = cid.parameterise(
        dict.fromkeys(seen, cm.Bernoulli(p)), a=[0, 1], b=[0, 1], y=lambda a, b: a * b, u=lambda y: y,
        v=lambda y: y, w=lambda **x: 0,
    )  # fmt: skip
    with pytest.raises(NotApplicableError, match="65,536 deterministic policies"):
        alignment_region(TrainingSetup(model), "y")
    small = cm.CID([("a", "y"), ("b", "y"), ("y", "u")], decisions=["a", "b"], utilities=["u"])
    driver = small.parameterise(a=[0, 1], b=[0, 1], y=lambda a, b: int(a != b), u=lambda y: y)
    with pytest.raises(NotApplicableError, match="acts several times"):
        alignment_region(TrainingSetup(driver, shared_rules=[("a", "b")]), "y")
    assert alignment_region(TrainingSetup(driver), "y").training_regret == 0
    with pytest.raises(NotApplicableError, match="one decision"):
        separation_expression(TrainingSetup(driver), "y", "y")

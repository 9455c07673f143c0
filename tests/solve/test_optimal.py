from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings

import cidmesa as cm
from cidmesa.graph import is_soluble, relevant_mechanisms
from cidmesa.solve import expected_utility, solve
from tests.solve.brute_force import World, number_of_policies, optimal_by_reached_context
from tests.strategies import examples, models

LIMIT = 600


def check_against_all_policies(model: cm.CIM) -> None:
    """The value; every optimal action in reached contexts; the mixture of all of them; the first of them."""
    world = World(model)
    top, best = world.best(model.cid.decisions)
    found = solve(model)
    assert found.exact
    assert found.value == pytest.approx(top, abs=1e-9)
    assert expected_utility(model, found) == pytest.approx(top, abs=1e-9)
    assert expected_utility(model, found.policy) == pytest.approx(top, abs=1e-9)
    assert expected_utility(model, found.uniform_over_optimal()) == pytest.approx(top, abs=1e-9)
    used = optimal_by_reached_context(model, world, best)
    for decision in model.cid.decisions:
        mask = found.optimal_mask(decision)
        reached = used[decision].any(axis=-1)
        np.testing.assert_array_equal(mask[reached], used[decision][reached])
        assert mask.any(axis=-1).all()


@given(models(max_chance=5, decisions=1, utilities=(1, 2), max_card=3))
@settings(max_examples=examples(quick=150, full=3000))
def test_one_decision_against_all_policies(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= LIMIT)
    check_against_all_policies(model)


@given(models(max_chance=4, decisions=(2, 3), utilities=(1, 3), max_parents=2))
@settings(max_examples=examples(quick=150, full=3000))
def test_several_decisions_against_all_policies(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= LIMIT and is_soluble(model.cid))
    check_against_all_policies(model)


@given(models(max_chance=4, decisions=(2, 3), utilities=(1, 2), max_parents=2))
@settings(max_examples=examples(quick=150, full=3000))
def test_forgetful_agents_against_all_policies(model: cm.CIM) -> None:
    assume(number_of_policies(model) <= LIMIT and not is_soluble(model.cid))
    world = World(model)
    top, best = world.best(model.cid.decisions)
    found = solve(model)
    assert found.exact
    assert found.value == pytest.approx(top, abs=1e-9)
    assert expected_utility(model, found.policy) == pytest.approx(top, abs=1e-9)
    used = optimal_by_reached_context(model, world, best)
    for decision in model.cid.decisions:
        mask = found.optimal_mask(decision)
        reached = used[decision].any(axis=-1)
        np.testing.assert_array_equal(mask[reached], used[decision][reached])
        assert mask.any(axis=-1).all()
    local = solve(model, method="coordinate ascent", starts=4)
    assert not local.exact
    assert local.value <= top + 1e-9
    assert expected_utility(model, local.policy) == pytest.approx(local.value, abs=1e-9)
    listed = solve(model, method="exhaustive")
    assert listed.value == pytest.approx(top, abs=1e-9)


@given(models(max_chance=4, decisions=1, utilities=1))
@settings(max_examples=examples(quick=100, full=2000))
def test_action_values_and_the_subgame_perfect_completion(model: cm.CIM) -> None:
    """Every mechanism that the graph room calls irrelevant is replaced by a uniform one; nothing may change."""
    (decision,), (utility,) = model.cid.decisions, model.cid.utilities
    assume(decision in model.cid.ancestors(utility))
    family = (*model.cid.parents(decision), decision)
    relevant = relevant_mechanisms(model.cid, decision)
    smooth = model.shift(
        {
            n: cm.Table(np.full(model.cpd(n).shape, 1 / model.card(n)), domain=model.domain(n))
            for n in model.cid.chance
            if n not in relevant
        }
    )
    world = World(smooth)
    weight = world.marginal(world.joint({}), family)
    paid = world.marginal(world.joint({}) * world.payoff, family)
    expected = np.divide(paid, weight, out=np.full(paid.shape, np.nan), where=weight > 0)
    found = solve(model)
    np.testing.assert_allclose(found.action_values(decision), expected, atol=1e-12)
    best = expected >= expected.max(axis=-1, keepdims=True) - 1e-9
    np.testing.assert_array_equal(found.optimal_mask(decision), best | np.isnan(expected))


@given(models(max_chance=4, decisions=(2, 3), utilities=(1, 3), max_parents=2))
@settings(max_examples=examples(quick=60, full=1000))
def test_action_values_of_several_decisions(model: cm.CIM) -> None:
    """The others at the policy found: the expected sum of the utilities below the decision, in reached contexts."""
    found = solve(model)
    for decision in model.cid.decisions:
        family = (*model.cid.parents(decision), decision)
        world = World(model)
        below = [u for u in model.cid.utilities if decision in model.cid.ancestors(u)]
        table = world.joint({d: rule for d, rule in found.tables.items() if d != decision})
        weight = world.marginal(table, family)
        paid = world.marginal(table * world.payoff_of(below), family)
        reached = weight > 0
        np.testing.assert_allclose(
            found.action_values(decision)[reached], (paid / np.where(reached, weight, 1))[reached], atol=1e-12
        )


def hidden_process(steps: int, seed: int, *, sharp: bool) -> cm.CIM:
    """A hidden Markov process with perfect recall and a utility per step; `sharp` tables have zeros."""
    rng = np.random.default_rng(seed)
    edges, history = [], []
    for t in range(steps):
        if t:
            edges += [(f"s{t - 1}", f"s{t}"), (f"d{t - 1}", f"s{t}")]
        edges.append((f"s{t}", f"o{t}"))
        history.append(f"o{t}")
        edges += [(h, f"d{t}") for h in history]
        history.append(f"d{t}")
        edges += [(f"s{t}", f"u{t}"), (f"d{t}", f"u{t}")]
    steps_ = range(steps)
    cid = cm.CID(edges, nodes=["s0"], decisions=[f"d{t}" for t in steps_], utilities=[f"u{t}" for t in steps_])
    tables = {}
    for node in cid.nodes:
        shape = (2,) * len(cid.parents(node))
        if cid.kind(node) == "decision":
            tables[node] = cm.Choice((0, 1))
        elif cid.kind(node) == "utility":
            tables[node] = cm.Table(rng.integers(-2, 3, shape).astype(float))
        else:
            weights = rng.integers(0 if sharp else 1, 3, (*shape, 2)).astype(float)
            weights[weights.sum(axis=-1) == 0] = 1
            tables[node] = cm.Table(weights / weights.sum(axis=-1, keepdims=True))
    return cid.parameterise(tables)


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("seed", range(examples(quick=12, full=200)))
def test_one_pass_over_the_history_agrees_with_one_pass_per_decision(seed: int, sharp: bool) -> None:
    from cidmesa.solve.schedule import Scheduler, carry_out
    from cidmesa.solve.search import Problem
    from cidmesa.solve.structure import MAX_TABLE, view_of

    model = hidden_process(3, seed, sharp=sharp)
    found = solve(model)
    view = view_of(model, "solving")
    ids = view.index.ids
    problem = Problem(view, ids(model.cid.decisions), ids(model.cid.utilities), MAX_TABLE)
    plain = Scheduler(view.index, view.cards, problem.utilities, problem.decisions, {}).schedule(MAX_TABLE)
    assert not any(stage.merged for stage in plain.stages)
    results = carry_out(plain, problem.tables(plain), view.cards, problem.scale)
    for d, name in zip(problem.decisions, model.cid.decisions, strict=True):
        mask = np.moveaxis(np.broadcast_to(results[d].optimal, [2] * (len(model.cid.parents(name)) + 1)), 0, -1)
        np.testing.assert_array_equal(found.optimal_mask(name), mask)
    if seed == 0:
        check_against_all_policies(hidden_process(2, seed, sharp=sharp))

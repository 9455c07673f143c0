from __future__ import annotations

import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import is_soluble, relevant_mechanisms
from cidmesa.solve import expected_utility, solve
from cidmesa.solve.policies.carrying_out import carry_out
from cidmesa.solve.policies.decision_order import Scheduler
from cidmesa.solve.policies.problem import Problem
from cidmesa.solve.tables.model_tables import MAX_TABLE, view_of
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
@settings(max_examples=examples(quick=60, full=1500))
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


def two_helpers(coins: int = 0) -> cm.CIM:
    """The last decision, told what two others did, guesses what one of them sees; the coins are of no use."""
    extra = [f"coin{i}" for i in range(coins)]
    cid = cm.CID(
        [
            ("side", "tell"),
            *((n, "guess") for n in ["pay", "tell", *extra]),
            ("guess", "right"),
            ("side", "right"),
            ("pay", "paid"),
            ("tell", "paid"),
        ],
        decisions=["pay", "tell", "guess"],
        utilities=["right", "paid"],
    )
    return cid.parameterise(
        side=cm.Uniform(0, 1),
        pay=[0, 1],
        tell=[0, 1],
        guess=[0, 1],
        right=lambda guess, side: int(guess and side),
        paid=lambda pay, tell: int(pay or tell),
        **dict.fromkeys(extra, cm.Uniform(0, 1)),
    )


def test_what_an_observation_without_use_says_of_the_others_rules() -> None:
    """Who pays may signal either way, who does not has to say 1 and be believed: the same signal, two meanings."""
    found = solve(two_helpers())
    assert found.value == 1.5
    assert found.optimal_actions["guess"][0, 1] == (1,)  # context: pay, tell
    assert found.optimal_actions["guess"][1, 1] == (0, 1)


def test_contexts_that_are_too_many_to_look_at_leave_ties_open() -> None:
    model = two_helpers(coins=8)
    assert solve(model).exact
    found = solve(model, max_table=256)
    assert (found.value, found.exact) == (1.5, False)
    assert "ties undecided at `guess`" in found.method


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


def check_against_one_pass_per_decision(model: cm.CIM) -> None:
    """Optimal actions in all contexts, those of probability zero too, where no decision takes in more than it needs."""
    found = solve(model)
    view = view_of(model, "solving")
    ids = view.index.ids
    problem = Problem(view, ids(model.cid.decisions), ids(model.cid.utilities), MAX_TABLE)
    plain = Scheduler(view.index, view.cards, problem.utilities, problem.decisions, {}).schedule(MAX_TABLE)
    assert not any(stage.merged for stage in plain.stages)
    results, _ = carry_out(plain, problem.tables(plain), view.cards, problem.scale)
    for d, result in results.items():
        name = model.cid.nodes[d]
        shape = [model.card(n) for n in (name, *model.cid.parents(name))]
        mask = np.moveaxis(np.broadcast_to(result.optimal, shape), 0, -1)
        np.testing.assert_array_equal(found.optimal_mask(name), mask)


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("seed", range(examples(quick=12, full=200)))
def test_one_pass_over_the_history_agrees_with_one_pass_per_decision(seed: int, sharp: bool) -> None:
    check_against_one_pass_per_decision(hidden_process(3, seed, sharp=sharp))
    if seed == 0:
        check_against_all_policies(hidden_process(2, seed, sharp=sharp))


@given(models(max_chance=4, decisions=(2, 3), utilities=(1, 3), max_parents=3))
@settings(max_examples=examples(quick=100, full=3000))
def test_taking_in_more_than_needed_changes_no_context(model: cm.CIM) -> None:
    assume(is_soluble(model.cid))
    check_against_one_pass_per_decision(model)


@given(
    models(max_chance=3, decisions=(2, 3), utilities=(1, 2), max_parents=2),
    models(max_chance=3, decisions=1, utilities=1),
)
@settings(max_examples=examples(quick=60, full=1000))
def test_parts_that_each_hold_a_decision(left: cm.CIM, right: cm.CIM) -> None:
    """Two models side by side in one diagram: values add, optimal actions are those of each alone."""
    assume(number_of_policies(left) <= 64 and number_of_policies(right) <= 64 and is_soluble(left.cid))
    both = side_by_side(left, right)
    found = solve(both)
    assert found.exact
    parts = solve(left), solve(right)
    assert found.value == pytest.approx(parts[0].value + parts[1].value, abs=1e-9)
    assert expected_utility(both, found) == pytest.approx(found.value, abs=1e-9)
    for prefix, part in zip("LR", parts, strict=True):
        for decision in part.results:
            np.testing.assert_array_equal(found.optimal_mask(prefix + decision), part.optimal_mask(decision))
    if number_of_policies(both) <= LIMIT:
        check_against_all_policies(both)


def side_by_side(left: cm.CIM, right: cm.CIM) -> cm.CIM:
    """Put two models in one diagram of one agent, without an edge between them."""
    parts = {"L": left, "R": right}
    cid = cm.CID(
        [(p + a, p + b) for p, m in parts.items() for a, b in m.cid.edges],
        nodes=[p + n for p, m in parts.items() for n in m.cid.nodes],
        decisions=[p + d for p, m in parts.items() for d in m.cid.decisions],
        utilities=[p + u for p, m in parts.items() for u in m.cid.utilities],
    )
    return cid.parameterise({p + n: m.mechanisms[n] for p, m in parts.items() for n in m.cid.nodes})


def random_model(seed: int) -> cm.CIM:
    """A soluble model with one to three decisions and dense tables; the parts need not hang together."""
    rng = np.random.default_rng(seed)
    while True:
        inner = rng.permutation(["X0", "X1", "X2", "X3", *[f"D{i}" for i in range(rng.integers(1, 4))]]).tolist()
        edges = [(a, b) for i, b in enumerate(inner) for a in inner[:i] if rng.random() < 0.35]
        edges += [(a, u) for u in ("U0", "U1") for a in rng.permutation(inner)[: rng.integers(1, 4)].tolist()]
        decisions = [n for n in inner if n[0] == "D"]
        cid = cm.CID(edges, nodes=[*inner, "U0", "U1"], decisions=decisions, utilities=["U0", "U1"])
        if is_soluble(cid):
            break
    tables: dict[str, object] = {}
    for node in cid.nodes:
        shape = (2,) * len(cid.parents(node))
        if cid.kind(node) == "decision":
            tables[node] = [0, 1]
        else:
            table = rng.normal(size=shape) if node[0] == "U" else rng.dirichlet(np.ones(2), shape)
            tables[node] = cm.Table(table)
    return cid.parameterise(tables)


def test_agreement_with_pyagrum(tmp_path: Path) -> None:
    """A second opinion, with the zero utility over all decisions that it needs where the diagram falls apart."""
    pytest.importorskip("pyagrum")
    models = [random_model(seed) for seed in range(examples(quick=60, full=1000))]
    joined = []
    for model in models:
        cid = model.cid.with_utility("joint", model.cid.decisions)
        zero = cm.Table(np.zeros([model.card(d) for d in model.cid.decisions]))
        joined.append(cid.parameterise({**model.mechanisms, "joint": zero}))
    pickled = tmp_path / "models.pickle"
    pickled.write_bytes(pickle.dumps(joined))
    worker = [sys.executable, "-m", "tests.solve.second_opinion", str(pickled)]
    done = subprocess.run(worker, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    theirs = [float(line) for line in done.stdout.split()]
    solved = [i for i, value in enumerate(theirs) if not np.isnan(value)]
    assert len(solved) > len(models) // 3, done.stderr
    np.testing.assert_allclose([solve(models[i]).value for i in solved], [theirs[i] for i in solved], atol=1e-9)


@given(models(max_chance=3, decisions=2, utilities=2, max_parents=2), st.integers(0, 2**16))
@settings(max_examples=examples(quick=60, full=1000))
def test_best_response_of_one_agent(model: cm.CIM, seed: int) -> None:
    """Decision D0 and utility U0 belong to one agent, the others to a second one that follows a random rule."""
    cid = cm.CID(
        model.cid.edges,
        nodes=model.cid.nodes,
        decisions={"a": ["D0"], "b": ["D1"]},
        utilities={"a": ["U0"], "b": ["U1"]},
    )
    game = cid.parameterise(model.mechanisms)
    shape = [game.card(n) for n in (*cid.parents("D1"), "D1")]
    rule = np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[:-1])
    fixed = game.with_policy({"D1": rule})
    found = solve(fixed, agent="a")
    world = World(game, agent="a")
    values = [world.value({**policy, "D1": rule}) for policy in world.policies(["D0"])]
    assert found.value["a"] == pytest.approx(max(values), abs=1e-9)
    assert found.value["b"] == pytest.approx(expected_utility(fixed, found, agent="b"), abs=1e-9)
    assert set(found.policy) == {"D0"}


# Shared rules ---------------------------------------------------------------------------------------------------------


@given(models(max_chance=3, decisions=(2, 3), utilities=(1, 2), max_parents=2))
@settings(max_examples=examples(quick=60, full=1500))
def test_shared_deterministic_rules_by_listing(model: cm.CIM) -> None:
    group = alike(model)
    assume(len(group) > 1 and number_of_policies(model) <= LIMIT)
    world = World(model)
    others = [d for d in model.cid.decisions if d not in group]
    best = max(
        world.value({**policy, **dict.fromkeys(group, rule)})
        for rule in world.deterministic_rules(group[0])
        for policy in world.policies(others)
    )
    found = solve(model, shared_rules=[group], deterministic=True)
    assert found.exact
    assert found.value == pytest.approx(best, abs=1e-9)
    assert expected_utility(model, found.policy) == pytest.approx(best, abs=1e-9)
    tables = [found.tables[d] for d in group]
    assert all(np.array_equal(tables[0], table) for table in tables)
    local = solve(model, shared_rules=[group], method="coordinate ascent", starts=3, deterministic=True)
    assert not local.exact
    assert local.value <= best + 1e-9
    assert expected_utility(model, local) == pytest.approx(local.value, abs=1e-9)


def alike(model: cm.CIM) -> list[str]:
    """The first decisions whose parents have the same domains in order."""
    shapes = {d: [model.card(n) for n in (*model.cid.parents(d), d)] for d in model.cid.decisions}
    first = shapes[model.cid.decisions[0]]
    return [d for d in model.cid.decisions if shapes[d] == first]


def absent_minded_driver() -> cm.CIM:
    """Two exits that look alike: turning at the second one is best, and a driver cannot tell which one it is."""
    cid = cm.CID([("first", "pay"), ("second", "pay")], decisions=["first", "second"], utilities=["pay"])
    return cid.parameterise(
        first=["go on", "turn"],
        second=["go on", "turn"],
        pay=lambda first, second: 0 if first == "turn" else (4 if second == "turn" else 1),
    )


def test_the_absent_minded_driver_turns_with_probability_one_third() -> None:
    model = absent_minded_driver()
    found = solve(model, shared_rules=[("first", "second")])
    assert found.exact
    assert found.value == pytest.approx(4 / 3, abs=1e-12)
    assert found.policy["first"][()] == pytest.approx({"go on": 2 / 3, "turn": 1 / 3})
    assert found.policy["first"] == found.policy["second"]
    assert expected_utility(model, found.policy) == pytest.approx(4 / 3, abs=1e-12)
    best = solve(model, shared_rules=[("first", "second")], deterministic=True)
    assert (best.value, best.exact) == (1.0, True)


@given(models(max_chance=3, decisions=2, utilities=(1, 2), max_parents=2), st.integers(0, 2**16))
@settings(max_examples=examples(quick=60, full=1000))
def test_no_shared_rule_beats_the_stochastic_optimum(model: cm.CIM, seed: int) -> None:
    group = alike(model)
    assume(len(group) == 2)
    found = solve(model, shared_rules=[group])
    assert found.exact
    assert expected_utility(model, found) == pytest.approx(found.value, abs=1e-9)
    world = World(model)
    shape = [model.card(n) for n in (*model.cid.parents(group[0]), group[0])]
    rng = np.random.default_rng(seed)
    for sharpness in (0.1, 1.0, 1.0, 3.0):
        rule = rng.dirichlet(np.full(shape[-1], sharpness), shape[:-1])
        assert world.value(dict.fromkeys(group, rule)) <= found.value + 1e-9
    for rule in world.deterministic_rules(group[0]):
        assert world.value(dict.fromkeys(group, rule)) <= found.value + 1e-9


def phases(accuracy: float, gain: float) -> cm.CIM:
    """Training, then deployment, with one rule that sees a cue which tells them apart with some accuracy.

    Defection in training pays `gain` and is trained away; after compliance, defection in deployment pays one.
    """
    cid = cm.CID(
        [("cue0", "d0"), ("cue1", "d1"), ("d0", "pay"), ("d1", "pay")], decisions=["d0", "d1"], utilities=["pay"]
    )
    return cid.parameterise(
        cue0=cm.Categorical({"training": accuracy, "deployment": 1 - accuracy}),
        cue1=cm.Categorical({"training": 1 - accuracy, "deployment": accuracy}),
        d0=["comply", "defect"],
        d1=["comply", "defect"],
        pay=lambda d0, d1: gain if d0 == "defect" else float(d1 == "defect"),
    )


@pytest.mark.parametrize("accuracy", [0.55, 0.7, 0.9])
@pytest.mark.parametrize("gain", [0.0, 0.2, 0.5, 0.9])
def test_the_rule_of_an_agent_that_is_not_sure_which_phase_it_is_in(accuracy: float, gain: float) -> None:
    """Comply on the training cue with probability min(1, (1 - gain) / (2 (1 - accuracy))), never on the other one."""
    found = solve(phases(accuracy, gain), shared_rules=[("d0", "d1")])
    assert found.exact
    comply = min(1.0, (1 - gain) / (2 * (1 - accuracy)))
    assert found.tables["d0"][:, 0] == pytest.approx([comply, 0.0], abs=1e-9)
    best = solve(phases(accuracy, gain), shared_rules=[("d0", "d1")], deterministic=True)
    if abs(accuracy - gain) > 1e-9:
        deceptive = best.policy["d0"] == {("training",): "comply", ("deployment",): "defect"}
        assert deceptive == (accuracy > gain)


# What the caller is told ----------------------------------------------------------------------------------------------


def game() -> cm.CIM:
    cid = cm.CID(
        [("coin", "a"), ("coin", "u"), ("a", "u"), ("a", "b"), ("b", "w"), ("a", "w")],
        decisions={"A": ["a"], "B": ["b"]},
        utilities={"A": ["u"], "B": ["w"]},
    )
    return cid.parameterise(
        coin=cm.Uniform(0, 1), a=[0, 1], b=[0, 1], u=lambda coin, a: int(coin == a), w=lambda b, a: int(a == b)
    )


def test_several_agents() -> None:
    with pytest.raises(cm.errors.NotApplicableError, match="agent='A'"):
        solve(game())
    with pytest.raises(cm.errors.NotApplicableError, match="depends on what `a` does"):
        solve(game(), agent="B").value  # noqa: B018
    found = solve(game().with_policy({"a": lambda coin: coin}), agent="B")
    assert found.value == {"A": 1.0, "B": 1.0}
    assert found.policy == {"b": {(0,): 0, (1,): 1}}
    with pytest.raises(cm.errors.NotApplicableError, match="fixed rule"):
        found.action_values("a")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "exhaustiv"}, "did you mean `exhaustive`"),
        ({"shared_rules": ["first"]}, r'\["first"\]'),
        ({"shared_rules": [("first", "frist")]}, "did you mean `first`"),
        ({"shared_rules": [("first", "pay")]}, "not a decision"),
        ({"shared_rules": [("first", "second"), ("first",)]}, "two groups"),
        ({"shared_rules": [("first", "second")], "method": "relevance order"}, "rules are shared"),
        ({"agent": "nobody"}, "not an agent"),
        ({"starts": 0, "method": "coordinate ascent"}, "starts"),
    ],
)
def test_bad_options_say_what_to_type(options: dict[str, object], text: str) -> None:
    with pytest.raises(cm.errors.CidmesaError, match=text):
        solve(absent_minded_driver(), **options)  # type: ignore[arg-type]


def test_rules_that_cannot_be_shared() -> None:
    cid = cm.CID([("x", "a"), ("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    model = cid.parameterise(x=cm.Uniform(0, 1), a=[0, 1], b=[0, 1], u=lambda a, b: a * b)
    with pytest.raises(cm.errors.NotApplicableError, match="cannot share a rule: the domains"):
        solve(model, shared_rules=[("a", "b")])


def test_a_table_too_large_is_refused_before_it_is_made() -> None:
    n = 30
    cid = cm.CID(
        [("h", f"x{i}") for i in range(n)] + [(f"x{i}", "d") for i in range(n)] + [("h", "u"), ("d", "u")],
        decisions=["d"],
        utilities=["u"],
    )
    noisy = {f"x{i}": cm.Noisy(lambda h: h, 0.2) for i in range(n)}
    model = cid.parameterise({"h": cm.Uniform(0, 1), "d": [0, 1], "u": lambda h, d: int(h == d), **noisy})
    with pytest.raises(cm.errors.NotApplicableError, match=r"max_table=.*joins 32 variables.*minimal_reduction"):
        solve(model)
    with pytest.raises(cm.errors.NotApplicableError, match="max_table=100"):
        solve(hidden_process(3, 0, sharp=False), max_table=100)


def test_rules_listed_in_smaller_blocks_where_tables_have_to_be_small() -> None:
    """Six blind decisions that must agree: 64 rules times 64 cells at once, or a few at a time."""
    names = [f"d{i}" for i in range(6)]
    cid = cm.CID([(d, "u") for d in names], decisions=names, utilities=["u"])
    table = np.zeros((2,) * 6)
    table[1, 0, 1, 0, 1, 0] = 1.0
    model = cid.parameterise({**{d: [0, 1] for d in names}, "u": cm.Table(table)})
    assert solve(model).value == 1.0
    small = solve(model, max_table=128)
    assert (small.value, small.exact, small.policy) == (1.0, True, solve(model).policy)
    with pytest.raises(cm.errors.NotApplicableError, match=r"max_table=100.*the number of the policy"):
        solve(model, max_table=100, method="coordinate ascent")


def test_a_decision_with_more_observations_than_an_array_has_axes() -> None:
    n = 70
    cid = cm.CID([(f"x{i}", "d") for i in range(n)] + [("d", "u")], decisions=["d"], utilities=["u"])
    blank = {f"x{i}": cm.Categorical({0: 1.0}) for i in range(n)}
    model = cid.parameterise({**blank, "d": [0, 1], "u": lambda d: d})
    with pytest.raises(cm.errors.NotApplicableError, match="observes 70 nodes"):
        solve(model)


def test_symbols_are_refused() -> None:
    sympy = pytest.importorskip("sympy")
    cid = cm.CID([("x", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(x=cm.Bernoulli(sympy.Symbol("p")), d=[0, 1], u=lambda x, d: x * d)
    with pytest.raises(cm.errors.NotApplicableError, match="solving needs numbers"):
        solve(model)


def test_nothing_to_decide_and_nothing_to_gain() -> None:
    empty = cm.CID(nodes=["d", "u"], decisions=["d"], utilities=["u"]).parameterise(d=["a", "b"], u=lambda: 3)
    found = solve(empty)
    assert (found.value, found.policy, found.optimal_actions) == (3.0, {"d": {(): "a"}}, {"d": {(): ("a", "b")}})
    assert solve(cm.CID([("a", "b")]).parameterise(a=cm.Uniform(1, 2), b=lambda a: a)).value == 0.0
    fixed = absent_minded_driver().with_policy({"first": lambda: "go on"})
    assert solve(fixed).value == 4.0
    assert set(solve(fixed).policy) == {"second"}
    assert fixed.with_policy(solve(fixed)).expected_utility() == 4.0


def test_what_is_forbidden_at_a_huge_price_hides_no_difference() -> None:
    """A penalty of a billion beside gains below one: the policy is worth what the solution says."""
    cid = cm.CID([("x", "d"), ("x", "u"), ("d", "u"), ("d", "law")], decisions=["d"], utilities=["u", "law"])
    model = cid.parameterise(
        x=cm.Uniform(0, 1),
        d=["mend", "sell", "steal"],
        u=lambda x, d: {"mend": 0.2, "sell": 0.3 + 0.6 * x, "steal": 5.0}[d],
        law=lambda d: -1e9 * (d == "steal"),
    )
    found = solve(model)
    assert found.optimal_actions["d"] == {(0,): ("sell",), (1,): ("sell",)}
    assert expected_utility(model, found) == pytest.approx(found.value) == pytest.approx(0.6)
    listed = solve(model, method="exhaustive")
    assert listed.policy == found.policy


def test_a_local_optimum_is_never_called_exact() -> None:
    """Nine blind decisions must agree; one start in a bad place stays there."""
    n = 9
    cid = cm.CID([(f"d{i}", "u") for i in range(n)], decisions=[f"d{i}" for i in range(n)], utilities=["u"])
    table = np.zeros((2,) * n)
    table[(0,) * n], table[(1,) * n] = 1.0, 2.0
    model = cid.parameterise({**{f"d{i}": [0, 1] for i in range(n)}, "u": cm.Table(table)})
    found = solve(model)
    assert (found.value, found.exact) == (2.0, True)
    local = solve(model, method="coordinate ascent", starts=1, seed=1)
    assert not local.exact
    assert "coordinate ascent" in local.method
    assert "not exact" in repr(local)
    assert local.value in {0.0, 1.0, 2.0}


# The value is what the policy pays -----------------------------------------------------------------------------------

SIGNALS = [("x", "s"), ("z", "s"), ("z", "d"), ("s", "d"), ("d", "e"), ("x", "e"), ("x", "u"), ("e", "u")]
"""`d` may pass on what it knows of `x`, and `e`, which sees `x`, need not listen."""


@pytest.mark.parametrize("states", [2, 3, 5])
def test_a_decision_to_which_nobody_listens_any_more(states: int) -> None:
    cid = cm.CID(SIGNALS, decisions=["d", "e"], utilities=["u"])
    model = cid.parameterise(
        x=cm.Uniform(0, 1),
        z=cm.Uniform(*range(states)),
        s=lambda x, z: x ^ (z % 2),
        d=[0, 1],
        e=[0, 1],
        u=lambda x, e: int(x == e),
    )
    for found in (solve(model), solve(model, method="exhaustive")):
        assert found.value == pytest.approx(1.0, abs=1e-15)
        assert expected_utility(model, found) == pytest.approx(1.0, abs=1e-15)
    assert cm.value_of_information(model, "s", "d") == 0.0
    assert cm.value_of_information(model, "x", "e") == 0.0  # `d` tells `e` what `x` is
    if states == 2:
        assert World(model.observing("e", ["d"])).best(["d", "e"])[0] == 1.0
    assert cm.value_of_control(model, "s") == 0.0
    assert solve(model, shared_rules=[("d",), ("e",)]).value == pytest.approx(1.0, abs=1e-15)


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]))
@settings(max_examples=examples(quick=25, full=500))
def test_signals_that_nobody_needs_with_any_numbers(seed: int, card: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(["x", "z", "s", "d", "e", "u"]).tolist()
    model = dense_tables(cm.CID(SIGNALS, nodes=order, decisions=["d", "e"], utilities=["u"]), rng, card)
    found = solve(model)
    assert found.exact
    assert found.value == pytest.approx(expected_utility(model, found), abs=1e-12)


def dense_tables(cid: cm.CID, rng: np.random.Generator, card: int = 2) -> cm.CIM:
    """Tables without zeros and ties."""
    mechanisms = {}
    for node in cid.nodes:
        shape = (card,) * len(cid.parents(node))
        if cid.kind(node) == "decision":
            mechanisms[node] = cm.Choice(range(card))
        elif cid.kind(node) == "utility":
            mechanisms[node] = cm.Table(rng.normal(size=shape))
        else:
            mechanisms[node] = cm.Table(rng.dirichlet(np.ones(card), size=shape))
    return cid.parameterise(mechanisms)


@pytest.mark.parametrize("seed", range(4))
def test_who_waits_for_a_circle_is_not_listed(seed: int) -> None:
    """D sees what A and B both see: these two are relevant to each other, and D waits for both.

    Given (x, d), A and B choose among four rules each, of what they see alone.
    """
    seen = [("x", "d"), ("x", "a"), ("y", "a"), ("d", "a"), ("x", "b"), ("z", "b"), ("d", "b"), ("y", "z")]
    paid = [(v, "u") for v in ("x", "y", "d", "a", "b")]
    model = dense_tables(
        cm.CID([*seen, *paid], decisions=["d", "a", "b"], utilities=["u"]), np.random.default_rng(seed)
    )
    view = view_of(model, "")
    utilities, decisions = view.index.ids(["u"]), view.index.ids(model.cid.decisions)
    circle = Scheduler(view.index, view.cards, utilities, decisions, {}).schedule(MAX_TABLE).circle
    assert {model.cid.nodes[d] for d in circle} == {"a", "b"}
    rules = np.array(list(product((0, 1), repeat=2)))
    law = np.einsum("y,yz->yz", model.cpd("y"), model.cpd("z"))
    best = np.zeros((2, 2))
    for x, d in product((0, 1), repeat=2):
        u = model.cpd("u").transpose([model.cid.parents("u").index(v) for v in ("x", "d", "y", "a", "b")])[x, d]
        worth = [
            sum(law[y, z] * u[y, a[y], b[z]] for y, z in product((0, 1), repeat=2)) for a, b in product(rules, rules)
        ]
        best[x, d] = max(worth)
    found = solve(model)
    assert found.exact
    assert found.value == pytest.approx(model.cpd("x") @ best.max(axis=1), abs=1e-12)


def dense_model(rng: np.random.Generator) -> cm.CIM:
    """Two or three decisions among up to four chance nodes; more than half of the edges are there."""
    inner = [f"D{i}" for i in range(rng.integers(2, 4))] + [f"X{i}" for i in range(rng.integers(2, 5))]
    rng.shuffle(inner)
    edges = [(tail, head) for j, head in enumerate(inner) for tail in inner[:j] if rng.random() < 0.6]
    edges += [(tail, "U") for tail in inner if rng.random() < 0.35]
    decisions = [node for node in inner if node.startswith("D")]
    return dense_tables(cm.CID(edges, nodes=[*inner, "U"], decisions=decisions, utilities=["U"]), rng)


def test_the_value_is_what_the_policy_pays() -> None:
    """100,000 dense models in the full profile."""
    for seed in range(examples(quick=500, full=100_000)):
        model = dense_model(np.random.default_rng(seed))
        found = solve(model)
        assert found.value == pytest.approx(expected_utility(model, found), abs=1e-11), seed

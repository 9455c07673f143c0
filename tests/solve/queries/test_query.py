from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.graph import d_separated, relevant_mechanisms
from cidmesa.solve import Distribution, context_law, expected_utility, joint, outcome_law, query
from cidmesa.solve.symbolic import joint as symbolic_joint
from tests.solve.brute_force import World
from tests.strategies import examples, models

SHAPE: dict[str, Any] = {"max_chance": 5, "decisions": (0, 2), "utilities": (0, 2), "max_card": 3}


def random_policy(model: cm.CIM, seed: int) -> dict[str, Any]:
    """Stochastic rules, some rows deterministic."""
    rng = np.random.default_rng(seed)
    rules = {}
    for decision in model.cid.decisions:
        shape = [model.card(n) for n in (*model.cid.parents(decision), decision)]
        table = rng.integers(0, 3, shape) + np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
        rules[decision] = table / table.sum(axis=-1, keepdims=True)
    return rules


@st.composite
def questions(draw: Any) -> tuple[cm.CIM, dict[str, Any], list[str], dict[str, Any], dict[str, Any]]:
    """A model, a policy, the nodes asked for, and what is observed and set."""
    model = draw(models(**SHAPE))
    policy = random_policy(model, draw(st.integers(0, 2**16)))
    nodes = [n for n in model.cid.nodes if model.cid.kind(n) != "utility"]
    names = draw(st.lists(st.sampled_from(nodes), unique=True, max_size=3))
    touched = draw(st.lists(st.sampled_from(nodes), unique=True, max_size=3))
    split = draw(st.integers(0, len(touched)))
    stated = [{n: draw(st.sampled_from(model.domain(n))) for n in part} for part in (touched[:split], touched[split:])]
    return model, policy, names, stated[0], stated[1]


def conditioned(model: cm.CIM, policy: dict[str, Any], seen: dict[str, Any], forced: dict[str, Any]) -> Any:
    """The joint table with interventions as replaced tables and evidence as a mask, not normalised."""
    world = World(model, cut=forced)
    table = world.joint({d: rule for d, rule in policy.items() if d not in forced})
    for node, value in {**seen, **forced}.items():
        table = table * world.spread(np.eye(model.card(node))[model.domain(node).index(value)], [node])
    return world, table


@given(questions())
@settings(max_examples=examples(quick=150, full=3000))
def test_joint_and_expected_utility_agree_with_the_whole_table(question: Any) -> None:
    model, policy, names, seen, forced = question
    world, table = conditioned(model, policy, seen, forced)
    total = table.sum()
    if total == 0:
        with pytest.raises(cm.errors.NotApplicableError, match="probability zero"):
            joint(model, names, given=seen, do=forced, policy=policy)
        with pytest.raises(cm.errors.NotApplicableError, match="probability zero"):
            expected_utility(model, policy, given=seen, do=forced)
        return
    found = joint(model, names, given=seen, do=forced, policy=policy)
    np.testing.assert_allclose(found, world.marginal(table, names) / total, atol=1e-12)
    value = expected_utility(model, policy, given=seen, do=forced)
    assert value == pytest.approx((table * world.payoff).sum() / total, abs=1e-12)


@given(questions())
@settings(max_examples=examples(quick=30, full=300))
def test_asking_leaves_the_model_as_it_was(question: Any) -> None:
    model, policy, names, seen, forced = question
    before = {node: model.cpd(node).copy() for node in (*model.cid.chance, *model.cid.utilities)}
    try:
        first = joint(model, names, given=seen, do=forced, policy=policy)
    except cm.errors.NotApplicableError:
        assume(False)
    assert all(np.array_equal(model.cpd(node), table) for node, table in before.items())
    assert not model.rules
    assert np.array_equal(first, joint(model, names, given=seen, do=forced, policy=policy))


@given(models(max_chance=5, decisions=(1, 2), utilities=(1, 2)), st.integers(0, 2**16), st.data())
@settings(max_examples=examples(quick=150, full=3000))
def test_outcome_law_conditions_on_the_context(model: cm.CIM, seed: int, data: st.DataObject) -> None:
    decision = data.draw(st.sampled_from(model.cid.decisions))
    nodes = [n for n in model.cid.nodes if model.cid.kind(n) != "utility"]
    targets = data.draw(st.lists(st.sampled_from(nodes), unique=True, min_size=1, max_size=2))
    policy = random_policy(model, seed)
    family = (*model.cid.parents(decision), decision)
    world = World(model)
    others = {d: rule for d, rule in policy.items() if d != decision}
    table = world.joint(others)
    contexts = world.marginal(table, family)[..., 0]
    np.testing.assert_allclose(context_law(model, decision, policy=policy), contexts, atol=1e-12)

    law = outcome_law(model, decision, targets, policy=policy)
    assert law.shape == tuple(model.card(n) for n in (*family, *targets))
    both = table
    for target in dict.fromkeys(targets):
        assert target in world.names
    letters = {name: i for i, name in enumerate(world.names)}
    expected = np.einsum(both, list(range(len(world.names))), [letters[n] for n in dict.fromkeys((*family, *targets))])
    copies = [t for t in targets if t in family]
    expected = _with_copies(expected, model, family, targets, copies)
    expected = np.divide(
        expected,
        contexts.reshape(contexts.shape + (1,) * (1 + len(targets))),
        out=np.full(expected.shape, np.nan),
        where=np.broadcast_to(contexts.reshape(contexts.shape + (1,) * (1 + len(targets))) > 0, expected.shape),
    )
    np.testing.assert_allclose(law, expected, atol=1e-12)
    completed = outcome_law(model, decision, targets, policy=policy, completed=True)
    reached = ~np.isnan(law)
    np.testing.assert_allclose(completed[reached], law[reached], atol=1e-15)


def _with_copies(table: Any, model: cm.CIM, family: Any, targets: Any, copies: Any) -> Any:
    """Repeat the axes of targets that belong to the family, on the diagonal."""
    own = [t for t in targets if t not in copies]
    out = np.zeros([model.card(n) for n in (*family, *targets)])
    for place in np.ndindex(*out.shape):
        at = dict(zip(family, place, strict=False))
        asked = dict(zip(targets, place[len(family) :], strict=True))
        if all(at[t] == asked[t] for t in copies):
            out[place] = table[(*place[: len(family)], *(asked[t] for t in own))]
    return out


@given(models(max_chance=5, decisions=1, utilities=1))
@settings(max_examples=examples(quick=100, full=2000))
def test_the_completion_is_what_the_relevant_mechanisms_say(model: cm.CIM) -> None:
    """Every mechanism that the graph room calls irrelevant is replaced by a uniform one; nothing may change."""
    (decision,), (utility,) = model.cid.decisions, model.cid.utilities
    family = (*model.cid.parents(decision), decision)
    assume(decision in model.cid.ancestors(utility))
    relevant = relevant_mechanisms(model.cid, decision, [utility])
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
    law = outcome_law(model, decision, [utility], completed=True)
    levels = np.unique(model.cpd(utility))
    np.testing.assert_allclose(law @ levels, expected, atol=1e-12)


def red_door() -> cm.CIM:
    cid = cm.CID(
        [("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("at_door", "reward")],
        decisions=["go"],
        utilities=["reward"],
    )
    return cid.parameterise(
        door=cm.Uniform("left", "right"),
        red=lambda door: door,
        go=["left", "right"],
        at_door=lambda go, door: int(go == door),
        reward=lambda at_door: 2 * at_door,
    )


def test_do_works_where_it_disconnects_the_graph() -> None:
    model = cm.CID([("a", "b"), ("b", "u")], utilities=["u"]).parameterise(
        a=cm.Bernoulli(0.25), b=lambda a: a, u=lambda b: b
    )
    assert model.query(["a", "b"], do={"b": 1}).to_dict() == {(0, 0): 0.0, (0, 1): 0.75, (1, 0): 0.0, (1, 1): 0.25}
    assert model.expected_utility(do={"b": 1}) == 1.0
    assert model.expected_utility(given={"a": 1}, do={"b": 0}) == 0.0


def test_a_utility_can_be_asked_for() -> None:
    model = red_door()
    assert query(model, ["reward"], policy={"go": lambda door, red: door}).to_dict() == {0.0: 0.0, 2.0: 1.0}
    assert query(model, ["reward", "door"], do={"go": "left"})[2.0, "left"] == 0.5


def test_decisions_without_a_rule_raise_only_where_they_matter() -> None:
    model = red_door()
    assert model.query(["red"])["left"] == 0.5
    with pytest.raises(cm.errors.NotApplicableError, match="depends on what `go` does"):
        model.query(["at_door"])
    assert model.query(["at_door"], do={"go": "left"})[1] == 0.5
    assert model.query(["at_door"], policy=model.solve())[1] == 1.0
    assert model.with_policy({"go": lambda door, red: "left"}).query(["at_door"])[1] == 0.5


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda m: m.query(["rewrad"]), "did you mean `reward`"),
        (lambda m: m.query("door"), r'\["door"\]'),
        (lambda m: m.query(["door", "door"]), "twice"),
        (lambda m: m.query(None), "names is a list of names, .*got None"),
        (lambda m: m.query(["red"], given=3), r"given= is a mapping from node to value, \{node: value\}; got 3"),
        (lambda m: m.query(["red"], given=[("door", "left")]), "given= is a mapping"),
        (lambda m: m.query(["red"], do=["door"]), r"do= is a mapping .*got \['door'\]"),
        (lambda m: m.expected_utility(do="door"), "do= is a mapping"),
        (lambda m: m.query(["red"], given={"door": "lft"}), "did you mean `left`"),
        (lambda m: m.query(["red"], given={"dor": "left"}), "did you mean `door`"),
        (lambda m: m.query(["red"], do={"door": "middle"}), "its domain is"),
        (lambda m: m.query(["red"], do={"reward": 1}), "is a utility"),
        (lambda m: m.query(["red"], given={"door": "left"}, do={"door": "left"}), "out of one of the two"),
        (lambda m: m.query(["door"], given={"door": "left", "red": "right"}), "probability zero"),
        (lambda m: m.expected_utility(agent="nobody"), "not an agent"),
        (lambda m: outcome_law(m, "door", ["red"]), "not a decision"),
        (lambda m: m.query(["door"])["lef"], "did you mean `left`"),
        (lambda m: m.query(["door", "red"])["left"], "one value for each"),
        (lambda m: m.query(["door", "red"]).marginal("rde"), "did you mean `red`"),
    ],
)
def test_bad_questions_say_what_to_type(ask: Any, text: str) -> None:
    with pytest.raises(cm.errors.CidmesaError, match=text):
        ask(red_door())


def test_symbols_are_refused() -> None:
    sympy = pytest.importorskip("sympy")
    model = cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(sympy.Symbol("p")), b=lambda a: a)
    with pytest.raises(cm.errors.NotApplicableError, match="needs numbers"):
        model.query(["b"])


def test_a_table_too_large_is_refused_before_it_is_made() -> None:
    n = 40
    cid = cm.CID([(f"x{i}", f"y{i}") for i in range(n)])
    model = cid.parameterise(
        {f"x{i}": cm.Bernoulli(0.5) for i in range(n)} | {f"y{i}": cm.Uniform(0, 1) for i in range(n)}
    )
    with pytest.raises(cm.errors.NotApplicableError, match=r"1\.1e\+12 entries.*joins 40 variables"):
        joint(model, [f"x{i}" for i in range(n)])
    assert model.query(["y3"], given={"x3": 1})[0] == 0.5


def test_a_distribution_is_indexed_by_value() -> None:
    d = Distribution(("a", "b"), ((0, 1), ("x", "y", "z")), np.arange(6).reshape(2, 3) / 15)
    assert d[1, "x"] == pytest.approx(3 / 15)
    assert math.fsum(d.to_dict().values()) == pytest.approx(1)
    assert list(d) == [(0, "x"), (0, "y"), (0, "z"), (1, "x"), (1, "y"), (1, "z")]
    flipped = d.marginal("b", "a")
    assert flipped.names == ("b", "a")
    assert flipped["z", 0] == d[0, "z"]
    assert d.marginal("b")["y"] == pytest.approx(5 / 15)


@given(questions(), st.integers(0, 2**16))
@settings(max_examples=examples(quick=100, full=3000))
def test_a_rule_that_cancels_is_not_asked_for_and_any_other_is(question: Any, seed: int) -> None:
    model, policy, names, seen, forced = question
    other = random_policy(model, seed)
    known = {**seen, **forced}
    mixed = {d: 0.5 * policy[d] + 0.5 / policy[d].shape[-1] for d in policy}  # every action is possible
    try:
        found = joint(model, names, given=seen, do=forced)
    except cm.errors.NotApplicableError as error:
        if "probability zero" in str(error):
            return
        # Some rule that is asked for does matter, whatever the numbers: the mechanised diagram says so.
        asked = [d for d in model.cid.decisions if f"`{d}`" in str(error)]
        assert asked
        for d in asked:
            mechanised = cm.CID([*model.cid.edges, ("rule", d)], nodes=[*model.cid.nodes, "rule"])
            cut = mechanised.without_edges([(p, v) for v in forced for p in mechanised.parents(v)])
            left = [n for n in names if n not in known]
            assert any(not d_separated(cut, "rule", n, known) for n in left)
        return
    for rules in (mixed, {d: 0.5 * other[d] + 0.5 * mixed[d] for d in other}):
        np.testing.assert_allclose(found, joint(model, names, given=seen, do=forced, policy=rules), atol=1e-12)


def test_evidence_on_a_decision_is_what_its_agent_knows_of_itself() -> None:
    cid = cm.CID([("S", "X"), ("X", "D"), ("D", "U"), ("S", "U")], decisions=["D"], utilities=["U"])
    model = cid.parameterise(S=cm.Uniform(-1, 1), X=cm.Noisy(lambda S: S, 0.1), D=[-1, 0, 1], U=lambda S, D: S * D)
    assert model.query(["S"], given={"D": -1, "X": -1}).to_dict() == pytest.approx({-1: 0.9, 1: 0.1})
    assert model.query(["S"], given={"D": -1}, do={"X": 1}).to_dict() == pytest.approx({-1: 0.5, 1: 0.5})
    assert model.expected_utility(given={"D": 1, "X": 1}) == pytest.approx(0.8)
    # What it did alone tells of what it saw, by its rule.
    with pytest.raises(cm.errors.NotApplicableError, match="what `D` does"):
        model.query(["S"], given={"D": -1})
    p = sympy.Symbol("p")
    symbolic = model.shift(X=cm.Noisy(lambda S: S, p))
    told = symbolic_joint(symbolic, ["S"], given={"D": -1, "X": -1})
    assert [sympy.simplify(x - y) for x, y in zip(told, (1 - p, p), strict=True)] == [0, 0]


@given(questions(), st.data())
@settings(max_examples=examples(quick=80, full=2000))
def test_evidence_on_a_utility(question: Any, data: st.DataObject) -> None:
    model, policy, names, seen, forced = question
    assume(model.cid.utilities)
    u = data.draw(st.sampled_from(model.cid.utilities))
    value = data.draw(st.sampled_from(sorted(set(model.cpd(u).ravel().tolist()))))
    world, table = conditioned(model, policy, seen, forced)
    table = table * (world.payoff_of([u]) == value)
    if table.sum() == 0:
        with pytest.raises(cm.errors.NotApplicableError, match="probability zero"):
            joint(model, names, given={**seen, u: value}, do=forced, policy=policy)
        return
    found = joint(model, names, given={**seen, u: value}, do=forced, policy=policy)
    np.testing.assert_allclose(found, world.marginal(table, names) / table.sum(), atol=1e-12)
    paid = expected_utility(model, policy, given={**seen, u: value}, do=forced)
    assert paid == pytest.approx((table * world.payoff).sum() / table.sum(), abs=1e-12)


def test_a_number_that_no_utility_pays_is_told_apart() -> None:
    model = red_door()
    with pytest.raises(cm.errors.NotApplicableError, match="3 is not a value of `reward`; its domain is"):
        model.query(["door"], given={"reward": 3}, policy={"go": lambda door, red: red})

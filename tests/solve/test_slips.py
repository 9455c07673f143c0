"""Whatever is typed, there is an answer or an error that says what to type: never a traceback from underneath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from sympy.abc import p

import cidmesa as cm
from cidmesa import solve
from cidmesa.errors import MechanismError, NotApplicableError
from cidmesa.solve import symbolic
from tests.slips import INF, NAN, told

CID = cm.CID(
    [("door", "red"), ("door", "go"), ("red", "go"), ("door", "win"), ("go", "win")],
    nodes=["weather"],
    decisions=["go"],
    utilities=["win"],
)
PARTS: dict[str, Any] = {
    "weather": cm.Uniform("sun", "rain"),
    "door": cm.Uniform("left", "right"),
    "red": cm.Noisy(lambda door: door, 0.1),
    "go": ["left", "right"],
    "win": lambda door, go: int(door == go),
}
MODEL = CID.parameterise(PARTS)
FOLLOW = {"go": lambda door, red: door}
SYMBOLS = CID.parameterise({**PARTS, "weather": cm.Bernoulli(p)})


def made(**parts: Any) -> cm.CIM:
    return CID.parameterise({**PARTS, **parts})


ENTRIES: dict[str, Callable[[Any], Any]] = {
    # mechanisms
    "Bernoulli": lambda x: made(weather=cm.Bernoulli(x)),
    "Noisy": lambda x: made(red=cm.Noisy(lambda door: door, x)),
    "Categorical": lambda x: made(weather=cm.Categorical({"sun": x, "rain": 0.5})),
    "Categorical itself": lambda x: made(weather=cm.Categorical(x)),
    "Uniform": lambda x: made(weather=cm.Uniform("sun", x)),
    "a row": lambda x: made(red=lambda door: {"left": x, "right": 0.5}),
    "a utility": lambda x: made(win=lambda door, go: x),
    "a utility's table": lambda x: made(win=[[x, 0], [0, 1]]),
    "a table": lambda x: made(red=[[x, 0.5], [0.5, 0.5]]),
    "a table's domain": lambda x: made(red=cm.Table(np.eye(2), domain=x)),
    "a table's parents": lambda x: made(red=cm.Table(np.eye(2), parents=x)),
    "noise": lambda x: made(red=cm.Structural([x, 0.5], [[0, 1], [1, 0]], ["left", "right"])),
    "outcomes": lambda x: made(red=cm.Structural([0.5, 0.5], [[x, 1], [1, 0]], ["left", "right"])),
    "rows": lambda x: made(win=cm.Rows({("left", "left"): x}, default=0)),
    "rows themselves": lambda x: made(red=cm.Rows(x)),
    "a function's domain": lambda x: made(red=cm.Function(lambda door: door, domain=x)),
    "a function's noise": lambda x: made(red=cm.Function(lambda door, noise: door, noise=x)),
    "a mechanism": lambda x: made(red=x),
    "a decision": lambda x: made(go=x),
    "an action": lambda x: made(go=["left", x]),
    # models
    "CIM": lambda x: cm.CIM(x, PARTS),
    "mechanisms": lambda x: cm.CIM(CID, x),
    "parameterise": CID.parameterise,
    "shift": MODEL.shift,
    "shift one": lambda x: MODEL.shift(red=x),
    "with_edges": MODEL.with_edges,
    "with_policy": MODEL.with_policy,
    "without_rules": MODEL.without_rules,
    "observing": lambda x: MODEL.observing("go", x),
    "controlling": MODEL.controlling,
    "subs": SYMBOLS.subs,
    "subs one": lambda x: SYMBOLS.subs({p: x}),
    "domain": MODEL.domain,
    "cpd": MODEL.cpd,
    "response": MODEL.response,
    # questions
    "a model to query": lambda x: solve.query(x, ["red"]),
    "a model to solve": solve.solve,
    "names": MODEL.query,
    "given": lambda x: MODEL.query(["red"], given=x),
    "given one": lambda x: MODEL.query(["red"], given={"door": x}),
    "do": lambda x: MODEL.query(["red"], do=x),
    "do one": lambda x: MODEL.query(["red"], do={"door": x}),
    "policy": MODEL.expected_utility,
    "a rule": lambda x: MODEL.expected_utility({"go": x}),
    "a rule's row": lambda x: MODEL.expected_utility({"go": lambda door, red: {"left": x, "right": 0.5}}),
    "agent": lambda x: MODEL.expected_utility(FOLLOW, agent=x),
    "a query's max_table": lambda x: MODEL.query(["red"], max_table=x),
    "max_table": lambda x: MODEL.solve(max_table=x),
    "method": lambda x: MODEL.solve(method=x),
    "starts": lambda x: MODEL.solve(starts=x, method="coordinate ascent"),
    "seed": lambda x: MODEL.solve(seed=x, method="coordinate ascent"),
    "shared_rules": lambda x: MODEL.solve(shared_rules=x),
    "a shared rule": lambda x: MODEL.solve(shared_rules=[x]),
    "a distribution's value": lambda x: MODEL.query(["door"])[x],
    "marginal": lambda x: MODEL.query(["door"]).marginal(x),
    "action_values": lambda x: MODEL.solve().action_values(x),
    "explain": MODEL.explain,
    "explain's policy": lambda x: MODEL.explain("win", policy=x),
    "context_law": lambda x: solve.context_law(MODEL, x),
    "outcome_law": lambda x: solve.outcome_law(MODEL, "go", x),
    "counterfactual": lambda x: solve.counterfactual(MODEL, x),
    "would be": lambda x: solve.counterfactual(MODEL, ["red"], do={"door": x}),
    "was": lambda x: solve.counterfactual(MODEL, ["red"], given={"door": x}),
    "cut_edges": lambda x: solve.counterfactual(MODEL, ["red"], do={"door": "left"}, cut_edges=x),
    "twin_network": lambda x: solve.twin_network(MODEL, x, policy=FOLLOW),
    "a model to explain": lambda x: solve.explain(x, "win"),
    "a model for a counterfactual": lambda x: solve.counterfactual(x, ["red"]),
    "a model for a tree": solve.to_efg,
    "a game": solve.pure_equilibria,
    "a game to mix in": solve.mixed_equilibria,
    "a game of subgames": solve.subgame_perfect_equilibria,
    "a game to respond in": lambda x: solve.best_response(x, 0),
    "a respondent": lambda x: solve.best_response(MODEL, x, FOLLOW),
    "a game's policy": lambda x: solve.is_equilibrium(MODEL, x),
    "a game's agents": lambda x: solve.is_equilibrium(MODEL, FOLLOW, agents=x),
    "most equilibria": lambda x: solve.subgame_perfect_equilibria(MODEL, max_equilibria=x),
    "a game to be settled in": lambda x: solve.is_equilibrium(x, FOLLOW),
    "most profiles": lambda x: solve.pure_equilibria(MODEL, max_profiles=x),
}  # fmt: skip

for _module, _model in ((solve, MODEL), (symbolic, SYMBOLS)):
    for _name in (
        "value_of_information", "value_of_control", "response_effect", "instrumental_control_effect", "intention",
    ):  # fmt: skip
        _function = getattr(_module, _name)
        _label = f"{_module.__name__.rpartition('.')[2]}.{_name}"
        ENTRIES[_label + " of a model"] = lambda x, f=_function: f(x, "door")
        ENTRIES[_label + " of a node"] = lambda x, f=_function, m=_model: f(m, x)
        ENTRIES[_label + " at a decision"] = lambda x, f=_function, m=_model: f(m, "door", x)
    for _name in ("impact", "introduced_total_effect", "total_effect"):
        _function = getattr(_module, _name)
        _label = f"{_module.__name__.rpartition('.')[2]}.{_name}"
        ENTRIES[_label + " of a model"] = lambda x, f=_function: f(x, "door", "red")
        ENTRIES[_label + " of a node"] = lambda x, f=_function, m=_model: f(m, x, "red")
        ENTRIES[_label + " on"] = lambda x, f=_function, m=_model: f(m, "door", x)
    ENTRIES[f"{_module.__name__}: a value"] = lambda x, f=_module.total_effect, m=_model: f(m, "door", "win", x)
    ENTRIES[f"{_module.__name__}: max_profiles"] = lambda x, f=_module.response_effect, m=_model: f(
        m, "door", max_profiles=x
    )
    ENTRIES[f"{_module.__name__}: alternatives"] = lambda x, f=_module.intention, m=_model: f(m, "win", alternatives=x)
    ENTRIES[f"{_module.__name__}: max_trials"] = lambda x, f=_module.intention, m=_model: f(m, "win", max_trials=x)

ENTRIES |= {
    "symbolic.joint": lambda x: symbolic.joint(SYMBOLS, x),
    "symbolic.joint of a model": lambda x: symbolic.joint(x, ["red"]),
    "symbolic.joint given": lambda x: symbolic.joint(SYMBOLS, ["red"], given={"door": x}),
    "symbolic.expected_utility": lambda x: symbolic.expected_utility(SYMBOLS, x),
    "symbolic.optimal_policies": symbolic.optimal_policies,
    "where": lambda x: symbolic.optimal_policies(SYMBOLS, where=x),
    "where one": lambda x: symbolic.optimal_policies(SYMBOLS, where=[x]),
    "max_rules": lambda x: symbolic.optimal_policies(SYMBOLS, max_rules=x),
    "response's max_rules": lambda x: symbolic.response_effect(SYMBOLS, "door", max_rules=x),
}


TOLD = {
    "Bernoulli": 22,
    "Noisy": 22,
    "Categorical": 25,
    "Categorical itself": 25,
    "Uniform": 6,
    "a row": 25,
    "a utility": 19,
    "a utility's table": 19,
    "a table": 25,
    "a table's domain": 22,
    "a table's parents": 24,
    "noise": 25,
    "outcomes": 23,
    "rows": 19,
    "rows themselves": 25,
    "a function's domain": 24,
    "a function's noise": 25,
    "a mechanism": 25,
    "a decision": 24,
    "an action": 6,
    "CIM": 25,
    "mechanisms": 25,
    "parameterise": 25,
    "shift": 23,
    "shift one": 25,
    "with_edges": 23,
    "with_policy": 23,
    "without_rules": 22,
    "observing": 23,
    "controlling": 25,
    "subs": 24,
    "subs one": 22,
    "domain": 25,
    "cpd": 25,
    "response": 25,
    "a model to query": 25,
    "a model to solve": 25,
    "names": 23,
    "given": 23,
    "given one": 25,
    "do": 23,
    "do one": 25,
    "policy": 25,
    "a rule": 25,
    "a rule's row": 25,
    "agent": 23,
    "a query's max_table": 25,
    "max_table": 25,
    "method": 24,
    "starts": 25,
    "seed": 24,
    "shared_rules": 23,
    "a shared rule": 23,
    "a distribution's value": 25,
    "marginal": 25,
    "action_values": 24,
    "explain": 25,
    "explain's policy": 23,
    "context_law": 24,
    "outcome_law": 23,
    "counterfactual": 23,
    "would be": 25,
    "was": 25,
    "cut_edges": 23,
    "twin_network": 23,
    "a model to explain": 25,
    "a model for a counterfactual": 25,
    "a model for a tree": 25,
    "a game": 25,
    "a game to mix in": 25,
    "a game of subgames": 25,
    "a game to respond in": 25,
    "a respondent": 24,
    "a game's policy": 25,
    "a game's agents": 22,
    "most equilibria": 25,
    "a game to be settled in": 25,
    "most profiles": 25,
    "solve.value_of_information of a model": 25,
    "solve.value_of_information of a node": 25,
    "solve.value_of_information at a decision": 24,
    "solve.value_of_control of a model": 25,
    "solve.value_of_control of a node": 25,
    "solve.value_of_control at a decision": 24,
    "solve.response_effect of a model": 25,
    "solve.response_effect of a node": 25,
    "solve.response_effect at a decision": 24,
    "solve.instrumental_control_effect of a model": 25,
    "solve.instrumental_control_effect of a node": 25,
    "solve.instrumental_control_effect at a decision": 24,
    "solve.intention of a model": 25,
    "solve.intention of a node": 25,
    "solve.intention at a decision": 24,
    "solve.impact of a model": 25,
    "solve.impact of a node": 25,
    "solve.impact on": 23,
    "solve.introduced_total_effect of a model": 25,
    "solve.introduced_total_effect of a node": 25,
    "solve.introduced_total_effect on": 25,
    "solve.total_effect of a model": 25,
    "solve.total_effect of a node": 25,
    "solve.total_effect on": 25,
    "cidmesa.solve: a value": 25,
    "cidmesa.solve: max_profiles": 25,
    "cidmesa.solve: alternatives": 23,
    "cidmesa.solve: max_trials": 25,
    "symbolic.value_of_information of a model": 25,
    "symbolic.value_of_information of a node": 25,
    "symbolic.value_of_information at a decision": 24,
    "symbolic.value_of_control of a model": 25,
    "symbolic.value_of_control of a node": 25,
    "symbolic.value_of_control at a decision": 24,
    "symbolic.response_effect of a model": 25,
    "symbolic.response_effect of a node": 25,
    "symbolic.response_effect at a decision": 24,
    "symbolic.instrumental_control_effect of a model": 25,
    "symbolic.instrumental_control_effect of a node": 25,
    "symbolic.instrumental_control_effect at a decision": 24,
    "symbolic.intention of a model": 25,
    "symbolic.intention of a node": 25,
    "symbolic.intention at a decision": 24,
    "symbolic.impact of a model": 25,
    "symbolic.impact of a node": 25,
    "symbolic.impact on": 23,
    "symbolic.introduced_total_effect of a model": 25,
    "symbolic.introduced_total_effect of a node": 25,
    "symbolic.introduced_total_effect on": 25,
    "symbolic.total_effect of a model": 25,
    "symbolic.total_effect of a node": 25,
    "symbolic.total_effect on": 25,
    "cidmesa.solve.symbolic: a value": 25,
    "cidmesa.solve.symbolic: max_profiles": 25,
    "cidmesa.solve.symbolic: alternatives": 23,
    "cidmesa.solve.symbolic: max_trials": 25,
    "symbolic.joint": 23,
    "symbolic.joint of a model": 25,
    "symbolic.joint given": 25,
    "symbolic.expected_utility": 25,
    "symbolic.optimal_policies": 25,
    "where": 23,
    "where one": 25,
    "max_rules": 25,
    "response's max_rules": 25,
}
"""How many slips each entry refuses; the others are answered."""


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_slip_is_answered_or_told(entry: str) -> None:
    assert told(ENTRIES[entry]) == TOLD[entry]


ONES: list[Any] = [1, True, 1.0, np.int8(1), np.int64(1), np.float32(1), np.bool_(True), sympy.Integer(1)]


@pytest.mark.parametrize("one", ONES, ids=lambda one: type(one).__name__)
def test_one_is_one_in_every_type(one: Any) -> None:
    cid = cm.CID([("a", "d"), ("a", "u"), ("d", "u")], decisions=["d"], utilities=["u"])
    model = cid.parameterise(a=cm.Categorical({0: 1 - one, 1: one}), d=[0, one], u=lambda a, d: one * (a == d))
    assert model.query(["a"], given={"a": one})[one] == model.query(["a"], do={"a": one})[1] == 1.0
    assert model.domain("d") == (0, 1)
    assert type(model.domain("d")[1]) is not np.int64
    assert model.expected_utility({"d": lambda a: {one: one, 0: 0}}) == 1.0
    assert model.shift(a=lambda: one).cpd("a").tolist() == [0, 1]
    assert model.solve().optimal_actions["d"][one,] == (1,)


def test_what_python_holds_equal_is_one_value() -> None:
    with pytest.raises(MechanismError, match=r"lists a value twice \(to Python 1, 1.0 and True are one\): \(1, True\)"):
        cm.CID([], nodes=["d"], decisions=["d"]).parameterise(d=[1, True])
    model = cm.CID([("a", "b")]).parameterise(a=cm.Uniform(0, 1), b=lambda a: a == 1)
    assert model.domain("b") == (False, True)
    assert model.query(["b"], given={"a": True})[1] == 1.0
    for nothing in (NAN, np.float64(NAN)):
        with pytest.raises(MechanismError, match="takes values that equal themselves, and nothing equals nan"):
            cm.CID([], nodes=["a"]).parameterise(a=cm.Uniform(0, nothing))


def test_outcomes_are_whole_numbers() -> None:
    for outcome in (0.5, -0.1, 1.5, INF, "0", None):
        with pytest.raises(MechanismError, match="Structural's outcomes are"):
            cm.Structural([1.0], [[outcome]], [0, 1])


def test_a_rule_with_a_wrong_symbolic_row_is_placed() -> None:
    with pytest.raises(MechanismError, match=r"sum to 2\*p, not to 1"):
        MODEL.expected_utility({"go": lambda door, red: {"left": p, "right": p}})


def test_a_diagram_is_no_model() -> None:
    for question in (solve.value_of_information, solve.impact, solve.total_effect, symbolic.response_effect):
        with pytest.raises(NotApplicableError, match=r"needs mechanisms, and got a CID: pass cid.parameterise\(..\)"):
            question(CID, "door", "red")  # type: ignore[operator]
    with pytest.raises(NotApplicableError, match=r"a query needs mechanisms, and got a CID"):
        solve.query(CID, ["door"])  # type: ignore[arg-type]


def test_what_is_too_large_is_refused_before_it_is_made() -> None:
    n = 36
    names = [f"x{i}" for i in range(n)]
    many = cm.CID([], nodes=names).parameterise(dict.fromkeys(names, cm.Bernoulli(0.5)))
    fixed = dict.fromkeys(names, 0)
    for ask in (many.query, lambda names, **more: symbolic.joint(many, names, **more)):
        for conditions in ({}, {"do": fixed}, {"given": fixed}):
            with pytest.raises(NotApplicableError, match=r"would have 6.87e\+10 entries, .* joins 36 variables"):
                ask(names, **conditions)
    above = names[:15]
    cid = cm.CID([(x, "u") for x in above], utilities=["u"])
    spread = cid.parameterise(
        {**dict.fromkeys(above, cm.Bernoulli(0.5)), "u": np.arange(2**15, dtype=float).reshape([2] * 15)}
    )
    for ask in (spread.query, lambda names: symbolic.joint(spread, names)):
        with pytest.raises(NotApplicableError, match=r"would have 1.07e\+09 entries, .* joins 16 variables"):
            ask(["u"])
    with pytest.raises(NotApplicableError, match="more than max_table=16,384"):
        spread.expected_utility(max_table=2**14)
    assert spread.expected_utility(max_table=2**15) == pytest.approx((2**15 - 1) / 2)
    with pytest.raises(NotApplicableError, match="more than max_table=16,384"):
        spread.expected_utility(max_table=2**14)  # what was planned before is no excuse

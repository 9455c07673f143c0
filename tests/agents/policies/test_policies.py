"""Kinds of policies: each keeps the contract, sees no more than the diagram says, and learns what it is for."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.agents.compiled import Compiled
from cidmesa.agents.inside import InnerNode
from cidmesa.agents.learners.task import probabilities
from cidmesa.agents.policies.mlp import MLPRule
from cidmesa.agents.policies.planner import PlannerRule
from cidmesa.agents.policies.registry import POLICIES
from cidmesa.agents.policies.rule import Place, Touch, log_softmax, reached, softmax
from cidmesa.agents.recipe import Recipe
from cidmesa.agents.tensors import agent_keys, inputs
from cidmesa.errors import NotApplicableError, UnknownNodeError
from cidmesa.solve.policies.optimal import solve
from tests.mesa.systems import red_door
from tests.strategies import examples, models

RULES = ("whole", "in place", "apart", "alone", "sees", "moves", "learns")


@pytest.mark.parametrize(
    ("policy", "learner", "options"),
    [
        ("tabular", "exact", {"steps": 300}),
        ("mlp", "exact", {"steps": 150, "hidden": (8, 8)}),
        ("rnn", "exact", {"steps": 150, "ticks": 2}),
        ("vin", "exact", {"steps": 150}),
        ("attention", "exact", {"steps": 150, "kind": "linear"}),
        ("attention", "exact", {"steps": 150, "kind": "softmax"}),
        ("planner", "ppo", {"steps": 80}),
        ("planner", "reinforce", {"steps": 400}),
    ],
)
def test_every_kind_keeps_the_contract(policy: str, learner: str, options: dict[str, Any]) -> None:
    own = ("inside",) if policy in {"rnn", "vin", "planner", "attention"} else ()
    assert cm.agents.check_policy(policy, learner=learner, **options) == (*RULES[:-1], *own, RULES[-1])


def test_an_inside_that_is_not_as_declared_is_named() -> None:
    """A rule shows what it declares, in the shape that it declares, and nothing else; and thinks as it acts."""

    @dataclass(frozen=True)
    class Odd(MLPRule):
        @property
        def inside(self) -> Mapping[str, InnerNode]:
            return {"a": InnerNode(self.name, "a", (2,)), "b": InnerNode(self.name, "b", (2,))}

        def think(self, params: Any, contexts: Any, codes: Any, touch: Touch) -> Any:
            touch("a", torch.zeros(len(contexts), contexts.shape[1], 3))
            touch("c", torch.zeros(len(contexts), 1))
            return 2 * self.logits(params, contexts, codes)

    cm.agents.register_policy("odd", Odd)
    try:
        with pytest.raises(NotApplicableError) as raised:
            cm.agents.check_policy("odd", learner="exact", steps=1)
    finally:
        del POLICIES["odd"]
    for words in ("other logits", "`a` has the shape", "`b` is never shown", "it shows c, which it does not declare"):
        assert words in str(raised.value)


def xor() -> cm.CIM:
    """Return a world in which two observations matter together, and neither alone."""
    cid = cm.CID(
        [(x, y) for x in "ab" for y in ("act", "pay")] + [("act", "pay")], decisions=["act"], utilities=["pay"]
    )
    coin = cm.Bernoulli(0.5)
    return cid.parameterise(a=coin, b=coin, act=[0, 1], pay=lambda a, b, act: int(act == a ^ b))


@pytest.mark.parametrize("policy", ["rnn", "vin", "attention"])
def test_nets_find_what_two_observations_say_together(policy: str) -> None:
    agents = cm.train(
        xor(), learner="exact", policy=policy, agents=4, steps=250, rate=0.02, entropy=0.1, progress=False
    )
    right = agents.probabilities("act")[:, np.arange(4), [0, 1, 1, 0]]
    assert (right > 0.9).all()


@pytest.mark.parametrize("policy", ["rnn", "attention"])
def test_the_number_of_observations_need_not_be_one(policy: str) -> None:
    cid = cm.CID([("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(act=["no", "yes"], pay=lambda act: int(act == "yes"))
    agents = cm.train(model, learner="exact", policy=policy, agents=2, steps=150, progress=False)
    assert (agents.probabilities("act")[:, 0, 1] > 0.95).all()


def test_options_of_a_policy_are_arguments_of_train() -> None:
    recipe = cm.train(red_door(), learner="exact", policy="rnn", ticks=3, agents=1, steps=1, progress=False).recipe
    assert recipe.policy_options.ticks == 3
    assert recipe.digest != Recipe(red_door(), learner="exact", policy="rnn", agents=1, steps=1).digest
    with pytest.raises(UnknownNodeError, match="learner='exact', policy='mlp'"):
        cm.train(red_door(), learner="exact", policy="mlp", ticks=3, progress=False)
    with pytest.raises(UnknownNodeError, match="kind= of attention"):
        cm.train(red_door(), policy="attention", kind="hard", progress=False)
    for policy, option, wrong in (("rnn", "ticks", -1), ("rnn", "ticks", 10**9), ("vin", "sweeps", 10**9)):
        with pytest.raises(NotApplicableError, match=f"{option}="):
            cm.train(red_door(), policy=policy, progress=False, **{option: wrong})


def test_more_ticks_give_another_answer_and_none_read_the_observations_alone() -> None:
    found = []
    for ticks in (0, 1, 4):
        recipe = Recipe(red_door(), policy="rnn", agents=2, policy_options={"ticks": ticks})
        found.append(probabilities(recipe.rules["go"], recipe.task.start()))
    assert not torch.allclose(found[0], found[1])
    assert not torch.allclose(found[1], found[2])


def test_observations_are_read_in_the_order_of_the_diagram_and_memory_ends_with_the_decision() -> None:
    """What an earlier decision saw, and the later one does not, never moves the later one's logits."""
    cid = cm.CID(
        [("x", "a"), ("a", "s"), ("s", "b"), ("b", "pay"), ("x", "pay")], decisions=["a", "b"], utilities=["pay"]
    )
    model = cid.parameterise(x=cm.Bernoulli(0.5), a=[0, 1], s=0.0 * np.ones((2, 2)) + 0.5, b=[0, 1],
                             pay=lambda x, b: int(x == b))  # fmt: skip
    recipe = Recipe(model, policy="rnn", agents=1)
    assert recipe.rules["b"].inputs.table.shape[0] == 2  # a context is what `b` sees, and nothing else
    assert [span.stop - span.start for span in recipe.rules["b"].inputs.spans] == [2]


# Only contexts that come up -------------------------------------------------------------------------------------------


def copies(many: int = 6) -> cm.CIM:
    """Return a world of 2^many contexts, of which two come up: all observations say the same."""
    names = [f"x{i}" for i in range(many)]
    cid = cm.CID([*((names[0], n) for n in names[1:]), *((n, "act") for n in names), ("x0", "pay"), ("act", "pay")],
                 decisions=["act"], utilities=["pay"])  # fmt: skip
    return cid.parameterise(
        {"x0": cm.Bernoulli(0.5), "act": [0, 1], "pay": lambda x0, act: int(x0 == act)}
        | {n: (lambda x0: x0) for n in names[1:]}
    )  # fmt: skip


def test_nets_are_asked_about_contexts_that_come_up_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    made = POLICIES["mlp"].make(Place("x", inputs((), (), {}, frozenset()), 2)).__class__
    logits = made.logits

    def counting(self: Any, params: Any, contexts: Any, codes: Any) -> Any:
        asked.append(contexts.shape[1])
        return logits(self, params, contexts, codes)

    monkeypatch.setattr(made, "logits", counting)
    for learner in ("exact", "reinforce", "ppo"):
        asked.clear()
        recipe = Recipe(copies(), learner=learner, agents=2, steps=3)
        recipe.train(progress=False)
        assert set(asked) == {2}, learner


@given(models(decisions=(1, 2)))
@settings(max_examples=examples(quick=40, full=400))
def test_reached_contexts_are_those_of_some_policy(model: cm.CIM) -> None:
    for decision in model.cid.decisions:
        found = reached(model, [decision])
        every = int(np.prod([model.card(p) for p in model.cid.parents(decision)], dtype=int))
        parents, alike = model.cid.parents(decision), {d: uniform(model, d) for d in model.cid.decisions}
        law = model.query(parents, policy=alike).probabilities.reshape(-1) if parents else np.ones(1)
        expected = np.flatnonzero(law > 0)
        assert (np.arange(every) if found is None else found).tolist() == expected.tolist()


def uniform(model: cm.CIM, decision: str) -> Any:
    """Return the rule that takes all actions alike."""
    shape = (*map(model.card, model.cid.parents(decision)), model.card(decision))
    return np.full(shape, 1 / shape[-1])


@given(st.integers(1, 40), st.integers(1, 5))
def test_softmax_is_torch_s(actions: int, n: int) -> None:
    logits = torch.linspace(-3, 3, n * actions, dtype=torch.float64).reshape(1, n, actions)
    assert torch.allclose(softmax(logits), torch.softmax(logits, dim=-1))
    assert torch.allclose(log_softmax(logits), torch.log_softmax(logits, dim=-1))


# The planner ----------------------------------------------------------------------------------------------------------


def told(model: cm.CIM, rule: PlannerRule, agents: int) -> dict[str, torch.Tensor]:
    """Return the parameters of a planner that believes what is true."""
    params = rule.start(agent_keys(0, agents))
    for name in params:
        if name.startswith("belief about "):
            table = np.asarray(model.cpd(name.removeprefix("belief about ")), dtype=np.float64)
            params[name] = (
                torch.tensor(np.log(np.maximum(table, 1e-30))).reshape(1, -1, table.shape[-1]).repeat(agents, 1, 1)
            )
    return params


@given(models(decisions=(1, 2)))
@settings(max_examples=examples(quick=25, full=300))
def test_a_planner_that_believes_what_is_true_does_what_is_best(model: cm.CIM) -> None:
    if not cm.is_soluble(model.cid) or not model.cid.utilities:
        return
    best = solve(model)
    rules = {}
    for decision in model.cid.decisions:
        parents = model.cid.parents(decision)
        shown = inputs(tuple(map(model.card, parents)), parents, {}, frozenset())
        rule = PlannerRule.at(Place(decision, shown, model.card(decision), model=model))
        table = probabilities(rule, told(model, rule, 1), greedy=True)
        rules[decision] = table.reshape(1, *map(model.card, (*parents, decision)))
    assert Compiled(model).value(rules)[0].item() == pytest.approx(best.value, abs=1e-6)


def test_a_planner_learns_the_mechanisms_from_its_own_episodes() -> None:
    model = red_door(0.3)
    agents = cm.train(model, policy="planner", agents=3, steps=400, progress=False)
    believed = torch.softmax(agents._params["belief about red"], dim=-1).numpy().reshape(3, *model.cpd("red").shape)
    assert np.abs(believed - model.cpd("red")).max() < 0.05
    blind = agents.recipe.retrain(without=["door"])
    table = blind.probabilities("go")
    assert np.allclose(table.reshape(3, 2, 2, 2)[:, 0], table.reshape(3, 2, 2, 2)[:, 1])


def test_a_planner_says_where_it_cannot_plan() -> None:
    with pytest.raises(NotApplicableError, match="fits no rule to them: learner='reinforce' or learner='ppo'"):
        cm.train(red_door(), learner="exact", policy="planner", progress=False)
    cid = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: int(a == b))
    with pytest.raises(NotApplicableError, match=r"depend on each other \(no sufficient recall\)"):
        cm.train(model, policy="planner", progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(cm.train(red_door(), policy="planner", agents=1, steps=2, progress=False)) == 1

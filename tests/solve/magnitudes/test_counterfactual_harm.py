"""Counterfactual harm against playing out every value of the noise, and the numbers of the literature."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError, UnknownNodeError
from tests.strategies import examples, models


def played(model: cm.CIM, noise: dict[str, int], do: dict[str, int]) -> tuple[dict[str, int], float]:
    """Every node's position and the sum of utilities, for values of the noise and actions (positions)."""
    at: dict[str, int] = {}
    total = 0.0
    for i in model.cid.topological:
        node = model.cid.nodes[i]
        parents = tuple(at[parent] for parent in model.cid.parents(node) if parent in at)
        if model.cid.kind(node) == "utility":
            total += float(model.cpd(node)[parents])
        elif node in do:
            at[node] = do[node]
        else:
            at[node] = int(model.response(node).outcome[(*parents, noise[node])])
    return at, total


@settings(max_examples=examples(40, 400), deadline=None)
@given(data=st.data(), model=models(structural=True, max_chance=3, max_card=3))
def test_harm_and_benefit_by_playing_out_the_noise(data: st.DataObject, model: cm.CIM) -> None:
    (decision,) = model.cid.decisions
    default = data.draw(st.sampled_from(model.domain(decision)))
    found = cm.harm(model, default=default)
    reference = model.domain(decision).index(default)
    noises = [range(len(model.response(node).noise)) for node in model.cid.chance]
    weight = dict.fromkeys(found.contexts, 0.0)
    sums = {context: np.zeros((2, len(found.actions))) for context in found.contexts}
    for draw in product(*noises):
        noise = dict(zip(model.cid.chance, draw, strict=True))
        chance = float(np.prod([model.response(node).noise[k] for node, k in noise.items()]))
        seen, otherwise = played(model, noise, {decision: reference})
        context = tuple(model.domain(parent)[seen[parent]] for parent in model.cid.parents(decision))
        if chance == 0:
            continue
        weight[context] += chance
        for action in range(len(found.actions)):
            gain = played(model, noise, {decision: action})[1] - otherwise
            sums[context][:, action] += chance * np.array([max(0.0, -gain), max(0.0, gain)])
    for i, context in enumerate(found.contexts):
        assert found.weights[i] == pytest.approx(weight[context])
        assert found.harm[i] == pytest.approx(sums[context][0] / weight[context], abs=1e-9)
        assert found.benefit[i] == pytest.approx(sums[context][1] / weight[context], abs=1e-9)
        assert found.harm[i, reference] == found.benefit[i, reference] == 0.0
    for action in found.actions:
        worth = {a: model.expected_utility({decision: lambda a=a, **_: a}) for a in (action, default)}
        apart = worth[action] - worth[default]
        assert found.benefit_of(action) - found[action] == pytest.approx(apart, abs=1e-9)


def clinic() -> cm.CIM:
    return cm.literature.load("two-treatments").model()


def test_a_default_may_depend_on_what_is_seen_and_a_rule_has_its_expected_harm() -> None:
    cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    model = cid.parameterise(door=cm.Bernoulli(0.25), go=[0, 1], win=lambda door, go: 2 * int(door == go))
    follow = cm.harm(model, default=lambda door: door, policy={"go": lambda door: {0: 0.5, 1: 0.5}})
    assert (follow[0], follow[1], follow.expected) == pytest.approx((0.5, 1.5, 1.0))
    assert follow.default == (0, 1)
    assert cm.harm(model.with_policy({"go": [[1, 0], [1, 0]]}), default=1).expected == pytest.approx(0.5)


def test_it_shows_itself() -> None:
    found = cm.harm(clinic(), default="none")
    assert repr(found) == "Harm(treat: none: 0, first: 0, second: 0.1)"
    assert list(found.to_frame().columns) == ["context", "action", "default", "harm", "benefit"]
    assert "<table" in found._repr_html_()
    assert "second" in str(found)


def test_what_has_no_harm_says_so() -> None:
    model = clinic()
    with pytest.raises(UnknownNodeError, match="default= is"):
        cm.harm(model, default="nothing")
    with pytest.raises(UnknownNodeError, match="an action of `treat`"):
        cm.harm(model, default="none")["third"]
    with pytest.raises(NotApplicableError, match="no rule whose harm could be expected"):
        _ = cm.harm(model, default="none").expected
    stochastic = cm.CID([("d", "x"), ("x", "u")], decisions=["d"], utilities=["u"]).parameterise(
        d=[0, 1], x=cm.Table([[0.5, 0.5], [0.2, 0.8]]), u=lambda x: x
    )
    with pytest.raises(NotApplicableError, match="no function of parents and noise"):
        cm.harm(stochastic, default=0)

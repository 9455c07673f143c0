"""What is best given what was observed, against every policy tried in the whole conditioned table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve import best_response
from cidmesa.solve.queries.evidence import conditioned
from tests.solve.brute_force import World, number_of_policies
from tests.strategies import examples, models


@settings(max_examples=examples(quick=40, full=1500))
@given(st.data())
def test_solve_given_evidence_is_the_best_of_all_policies(data: st.DataObject) -> None:
    model = data.draw(models(max_chance=4, decisions=(1, 2), max_card=2))
    cid = model.cid
    assume(number_of_policies(model) <= 300)
    free = [n for n in cid.chance if not any(n in cid.descendants(d) for d in cid.decisions)]
    assume(free)
    seen = {
        n: data.draw(st.sampled_from(model.domain(n))) for n in data.draw(st.sets(st.sampled_from(free), min_size=1))
    }
    world = World(model)
    mask = np.ones(world.shape)
    for n, value in seen.items():
        mask = mask * world.spread(np.eye(model.card(n))[model.domain(n).index(value)], [n])
    values = []
    for rules in world.policies(cid.decisions):
        table = world.joint(rules) * mask
        if table.sum() == 0:
            with pytest.raises(NotApplicableError, match="probability zero"):
                model.solve(given=seen)
            return
        values.append(float((table * world.payoff).sum() / table.sum()))
    found = model.solve(given=seen)
    assert found.exact
    assert found.value == pytest.approx(max(values), abs=1e-12)
    assert model.expected_utility(found, given=seen) == pytest.approx(found.value, abs=1e-12)


@settings(max_examples=examples(quick=40, full=1500))
@given(st.data())
def test_the_model_given_evidence_has_its_distribution(data: st.DataObject) -> None:
    model = data.draw(models(max_chance=4, decisions=(1, 2), utilities=(1, 2), max_card=3))
    cid = model.cid
    nodes = [n for n in (*cid.chance, *cid.utilities) if not any(n in cid.descendants(d) for d in cid.decisions)]
    assume(nodes)
    seen = {}
    for n in data.draw(st.sets(st.sampled_from(nodes), min_size=1, max_size=2)):
        values = model.cpd(n).ravel().tolist() if cid.kind(n) == "utility" else model.domain(n)
        seen[n] = data.draw(st.sampled_from(sorted(set(values))))
    rules = {d: data.draw(st.sampled_from(World(model).first_rules(d, 20))) for d in cid.decisions}
    try:
        told = conditioned(model, seen)
    except NotApplicableError:
        with pytest.raises(NotApplicableError, match="probability zero"):
            model.query([], given=seen, policy=rules)
        return
    inner = [n for n in cid.nodes if cid.kind(n) != "utility"]
    before = model.query(inner, given=seen, policy=rules).probabilities
    np.testing.assert_allclose(told.query(inner, policy=rules).probabilities, before, atol=1e-12)
    assert told.expected_utility(rules) == pytest.approx(model.expected_utility(rules, given=seen), abs=1e-12)
    assert all(told.cid.parents(d) == cid.parents(d) for d in cid.decisions)


def history() -> cm.CIM:
    """A sign of the sky, an early decision that sees it, and a later one that sees nothing."""
    cid = cm.CID(
        [("sky", "sign"), ("sign", "early"), ("early", "pay"), ("late", "pay"), ("sky", "pay")],
        decisions=["early", "late"],
        utilities=["pay"],
    )
    return cid.parameterise(
        sky=cm.Bernoulli(0.5),
        sign=cm.Noisy(lambda sky: sky, 0.25),
        early=[0, 1],
        late=[0, 1],
        pay=lambda sky, early, late: 2 * int(sky == late) + early,
    )


def test_an_agent_that_knows_its_own_history() -> None:
    model = history()
    found = model.solve(given={"sign": 1, "early": 0})
    assert (found.value, found.policy) == (1.5, {"late": {(): 1}})
    with pytest.raises(NotApplicableError, match=r"`early` in given= tells of what its rule saw.*lambda sign: \.\.\."):
        model.solve(given={"early": 0})
    ruled = model.with_policy({"early": lambda sign: sign})
    assert ruled.solve(given={"early": 0}).policy == {"late": {(): 0}}
    with pytest.raises(NotApplicableError, match="`pay` in given= depends on what `early` does"):
        model.solve(given={"pay": 2})
    with pytest.raises(NotApplicableError, match="probability zero"):
        model.shift(sign=lambda sky: sky).solve(given={"sky": 1, "sign": 0})


def test_best_responses_take_evidence_too() -> None:
    cid = cm.CID(
        [("coin", "a"), ("a", "u"), ("b", "u"), ("coin", "u"), ("b", "v")],
        decisions={"A": ["a"], "B": ["b"]},
        utilities={"A": ["u"], "B": ["v"]},
    )
    model = cid.parameterise(
        coin=cm.Bernoulli(0.25), a=[0, 1], b=[0, 1], u=lambda a, b, coin: int(a == b) + coin, v=lambda b: b
    )
    found = best_response(model, "A", {"b": lambda: 1}, given={"coin": 1})
    assert found.value["A"] == 2
    assert found.policy["a"][(1,)] == 1

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import DiagramError, NotApplicableError, UnknownNodeError
from cidmesa.solve.queries.counterfactual import counterfactual, counterfactual_utility, twin_network
from cidmesa.solve.queries.parallel_worlds import FREE, World, parallel_worlds
from tests.solve.brute_force import World as Table
from tests.solve.simulation import Simulation
from tests.strategies import examples, models


def firing_squad() -> cm.CIM:
    """Pearl's firing squad: the court orders, the captain signals, two riflemen fire, the prisoner dies."""
    cid = cm.CID([("court", "captain"), ("captain", "a"), ("captain", "b"), ("a", "death"), ("b", "death")])
    return cid.parameterise(
        court=cm.Bernoulli(0.3),
        captain=lambda court: court,
        a=lambda captain: captain,
        b=lambda captain: captain,
        death=lambda a, b: int(a or b),
    )


def test_firing_squad_would_have_died_all_the_same() -> None:
    model = firing_squad()
    assert counterfactual(model, ["death"], given={"death": 1}, do={"a": 0})[1] == 1
    assert counterfactual(model, ["death"], given={"death": 0}, do={"a": 0})[0] == 1
    # Without evidence it is an ordinary intervention.
    assert counterfactual(model, ["death"], do={"a": 0})[1] == pytest.approx(0.3)


def test_without_an_intervention_a_counterfactual_is_conditioning() -> None:
    model = firing_squad()
    seen = counterfactual(model, ["court", "b"], given={"a": 1})
    np.testing.assert_allclose(seen.probabilities, model.query(["court", "b"], given={"a": 1}).probabilities)


@settings(max_examples=examples(quick=60, full=2000))
@given(st.data())
def test_counterfactuals_agree_with_playing_all_noise_out(data: st.DataObject) -> None:
    model = data.draw(models(structural=True, max_card=3, max_chance=3, decisions=(0, 2)))
    cid = model.cid
    rules = {d: data.draw(st.sampled_from(Table(model).first_rules(d, 50))) for d in cid.decisions}
    play = Simulation(model, rules)
    inner = [n for n in cid.nodes if cid.kind(n) != "utility"]
    do = {n: data.draw(st.integers(0, model.card(n) - 1)) for n in data.draw(st.sets(st.sampled_from(inner)))}
    cut_edges = data.draw(st.sets(st.sampled_from(cid.edges))) if cid.edges else set()
    happened = play.play(data.draw(st.sampled_from([e for _, e in play.noises()])))
    seen = {n: happened[n] for n in data.draw(st.sets(st.sampled_from(inner), max_size=2))}
    asked = data.draw(st.lists(st.sampled_from(inner), unique=True, min_size=1, max_size=2))

    expected = np.zeros([model.card(n) for n in asked])
    total = paid = 0.0
    for probability, noise in play.noises():
        actual = play.play(noise)
        if any(actual[n] != value for n, value in seen.items()):
            continue
        other = play.play(noise, do, {edge: actual[edge[0]] for edge in cut_edges})
        expected[tuple(other[n] for n in asked)] += probability
        paid += probability * play.paid(other)
        total += probability

    question = {
        "given": {n: model.domain(n)[i] for n, i in seen.items()},
        "do": {n: model.domain(n)[i] for n, i in do.items()},
        "cut_edges": cut_edges,
        "policy": rules,
    }
    np.testing.assert_allclose(counterfactual(model, asked, **question).probabilities, expected / total, atol=1e-12)
    assert counterfactual_utility(model, **question) == pytest.approx(paid / total, abs=1e-12)


def test_a_path_specific_intervention_travels_along_the_open_edges_only() -> None:
    cid = cm.CID([("gender", "college"), ("gender", "salary"), ("college", "salary")])
    model = cid.parameterise(
        gender=cm.Bernoulli(0.5),
        college=lambda gender: gender,
        salary=lambda gender, college: 10 * college + gender,
    )
    along_college = counterfactual(
        model, ["salary"], given={"gender": 0}, do={"gender": 1}, cut_edges=[("gender", "salary")]
    )
    direct = counterfactual(model, ["salary"], given={"gender": 0}, do={"gender": 1}, cut_edges=[("gender", "college")])
    assert along_college[10] == 1
    assert direct[1] == 1


def test_one_query_answers_for_all_values_of_a_free_node() -> None:
    model = firing_squad()
    worlds = parallel_worlds(model, [World("actual"), World("set", do={"a": FREE})], [("set", "a"), ("set", "death")])
    law = worlds.model.query([worlds.names["set", "a"], worlds.names["set", "death"]])
    assert law[0, 1] * 2 == pytest.approx(0.3)
    assert law[1, 1] * 2 == pytest.approx(1.0)


def test_worlds_share_what_they_cannot_differ_in() -> None:
    twin = twin_network(firing_squad(), {"a": 0})
    assert set(twin.cid.nodes) == {"court", "captain", "a", "b", "death", "a@do", "death@do"}


def test_a_node_that_bears_the_name_of_a_copy_is_told_apart() -> None:
    cid = cm.CID([("a", "b"), ("a", "b@do")])
    model = cid.parameterise({"a": cm.Bernoulli(0.5), "b": lambda a: a, "b@do": [[1, 0], [0, 1]]})
    worlds = parallel_worlds(
        model, [World("actual"), World("do", do={"a": 0})], [("actual", "b@do"), ("actual", "b"), ("do", "b")]
    )
    assert len(set(worlds.names.values())) == 3


def test_what_is_computed_once_needs_no_function() -> None:
    cid = cm.CID([("a", "b"), ("b", "c")])
    model = cid.parameterise(a=cm.Bernoulli(0.5), b=[[0.9, 0.1], [0.2, 0.8]], c=lambda b: b)
    assert counterfactual(model, ["c"], given={"b": 1, "a": 0}, do={"c": 0})[0] == 1
    with pytest.raises(NotApplicableError, match="`b` has probabilities that depend on its parents but no function"):
        counterfactual(model, ["c"], given={"a": 0, "b": 1}, do={"a": 1})


def test_refusals_name_the_cause() -> None:
    cid = cm.CID([("a", "d"), ("d", "b")], decisions=["d"], utilities=["b"])
    model = cid.parameterise(a=cm.Bernoulli(0.5), d=[0, 1], b=lambda d: d)
    with pytest.raises(NotApplicableError, match=r"depends on what `d` does, and no rule says so"):
        counterfactual(model, ["d"], do={"a": 1})
    with pytest.raises(NotApplicableError, match=r"its rule is stochastic"):
        counterfactual(model, ["d"], given={"d": 0}, do={"a": 1}, policy={"d": [[0.5, 0.5], [0.1, 0.9]]})
    with pytest.raises(NotApplicableError, match=r"2 is not a value of `a`; its domain is \(0, 1\)"):
        counterfactual(model, ["a"], do={"a": 2})
    with pytest.raises(DiagramError, match=r"cut_edges= names the edge \('a', 'b'\), which is not an edge"):
        counterfactual(model, ["a"], do={"a": 1}, cut_edges=[("a", "b")])
    with pytest.raises(UnknownNodeError, match="`aa` is not a node"):
        counterfactual(model, ["a"], do={"aa": 1})
    with pytest.raises(NotApplicableError, match="a list of names"):
        counterfactual(model, "a", do={"a": 1})
    with pytest.raises(NotApplicableError, match="`b` is a utility"):
        counterfactual(model, ["b"], do={"a": 1})
    with pytest.raises(NotApplicableError, match="two worlds are called 'w'"):
        parallel_worlds(model, [World("w"), World("w")], [("w", "a")])
    with pytest.raises(UnknownNodeError, match="`later` is not an earlier world"):
        parallel_worlds(model, [World("w", take={"a": "later"})], [("w", "a")])
    with pytest.raises(NotApplicableError, match="probability zero"):
        counterfactual(firing_squad(), ["death"], given={"a": 1, "b": 0}, do={"court": 1})


def test_conditions_are_mappings_and_edges_are_pairs() -> None:
    model = cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(0.5), b=lambda a: a)
    assert counterfactual(model, ["b"], given={"a": 0}, do={"a": 1}, cut_edges=("a", "b"))[0] == 1
    with pytest.raises(DiagramError, match=r"an edge is a pair \(tail, head\); got 'ab'"):
        counterfactual(model, ["b"], do={"a": 1}, cut_edges=["ab"])  # type: ignore[list-item]
    for argument in ("given", "do"):
        with pytest.raises(NotApplicableError, match=f"{argument}= is a mapping from node to value"):
            counterfactual(model, ["b"], **{argument: ["a"]})  # type: ignore[arg-type]
    with pytest.raises(NotApplicableError, match="names is a list of names"):
        counterfactual(model, None, do={"a": 1})  # type: ignore[arg-type]

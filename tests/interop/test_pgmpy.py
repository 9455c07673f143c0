"""pgmpy's networks: the way there and back, any order of states, and what its inference says."""

from __future__ import annotations

import builtins
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import CidmesaError, DiagramError, MechanismError, MissingDependencyError, NotApplicableError
from tests.strategies import examples, models

SHAPE: dict[str, Any] = {"max_chance": 3, "decisions": (1, 2), "max_card": 3}


def at_random(model: cm.CIM) -> dict[str, Any]:
    return {d: cm.Uniform(*model.domain(d)) for d in model.cid.decisions}


def kinds(model: cm.CIM) -> dict[str, Any]:
    return {"decisions": model.cid.decisions, "utilities": model.cid.utilities}


@given(models(**SHAPE))
@settings(max_examples=examples(quick=30, full=200))
def test_there_and_back(model: cm.CIM) -> None:
    network = cm.to_pgmpy(model, at_random(model))
    assert network.check_model()
    assert cm.from_pgmpy(network, **kinds(model)) == model
    assert cm.from_pgmpy(network, **kinds(model), keep_rules=True) == model.with_policy(at_random(model))


@given(models(**SHAPE))
@settings(max_examples=examples(quick=15, full=150))
def test_its_inference_agrees(model: cm.CIM) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about itself, when it is first imported
        from pgmpy.inference import VariableElimination

    network = VariableElimination(cm.to_pgmpy(model, at_random(model)))
    total = 0.0
    for node in model.cid.nodes:
        law = network.query([node], show_progress=False)
        if model.cid.kind(node) == "utility":
            total += float(np.dot(law.values, law.state_names[node]))
        else:
            found = model.query([node], policy=at_random(model)).to_dict()
            assert dict(zip(law.state_names[node], law.values.tolist(), strict=True)) == pytest.approx(found, abs=1e-9)
    assert total == pytest.approx(model.expected_utility(at_random(model)), abs=1e-9)


@given(models(**SHAPE), st.integers(0, 2**16))
@settings(max_examples=examples(quick=30, full=200))
def test_states_in_any_order(model: cm.CIM, seed: int) -> None:
    """Shuffle the states of every axis of every CPD, and the parents: what is read says the same."""
    from pgmpy.factors.discrete import TabularCPD

    rng = np.random.default_rng(seed)
    network = cm.to_pgmpy(model, at_random(model))
    for node in model.cid.nodes:
        cpd = network.get_cpds(node)
        parents = rng.permutation(cpd.variables[1:]).tolist()
        axes = [0, *(cpd.variables.index(parent) for parent in parents)]
        values, names = cpd.values.transpose(axes), {}
        for axis, variable in enumerate([node, *parents]):
            order = rng.permutation(len(cpd.state_names[variable]))
            values = values.take(order, axis=axis)
            names[variable] = [cpd.state_names[variable][i] for i in order]
        shuffled = TabularCPD(
            node, len(names[node]), values.reshape(len(names[node]), -1), parents, list(values.shape[1:]), names
        )
        network.remove_cpds(node)
        network.add_cpds(shuffled)
    found = cm.from_pgmpy(network, **kinds(model), keep_rules=True)
    assert isinstance(found, cm.CIM)
    assert found.cid == model.cid
    for node in model.cid.chance:
        assert set(found.domain(node)) == set(model.domain(node))
        here, there = (m.query([node], policy=at_random(m)).to_dict() for m in (model, found))
        assert here == pytest.approx(there, abs=1e-9)
    assert found.expected_utility() == pytest.approx(model.expected_utility(at_random(model)), abs=1e-9)


WEATHER = {"rain": ["no", "yes"]}


def rain(**changed: Any) -> Any:
    """A network of pgmpy with states that are texts; `changed` replaces CPDs."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    network = DiscreteBayesianNetwork([("rain", "take"), ("rain", "pay"), ("take", "pay")], latents=set())
    cpds = {
        "rain": TabularCPD("rain", 2, [[0.75], [0.25]], state_names={"rain": ["no", "yes"]}),
        "take": TabularCPD("take", 2, [[0.5, 0.5]] * 2, ["rain"], [2], {"take": ["l", "t"], "rain": ["no", "yes"]}),
        "pay": TabularCPD(
            "pay",
            2,
            [[0, 1, 1, 0], [1, 0, 0, 1]],
            ["rain", "take"],
            [2, 2],
            {"pay": ["-1.5", "2"], "rain": ["no", "yes"], "take": ["l", "t"]},
        ),
    }
    network.add_cpds(*(cpd for cpd in {**cpds, **changed}.values() if cpd is not None))
    return network


def test_utilities_in_words_of_a_file() -> None:
    model = cm.from_pgmpy(rain(), decisions=["take"], utilities=["pay"])
    assert isinstance(model, cm.CIM)
    assert model.cpd("pay").tolist() == [[2, -1.5], [-1.5, 2]]
    assert model.domain("take") == ("l", "t")
    assert model.solve().value == 2


def test_parents_without_state_names_go_by_position() -> None:
    from pgmpy.factors.discrete import TabularCPD

    bare = TabularCPD("take", 2, [[0.9, 0.2], [0.1, 0.8]], ["rain"], [2], {"take": ["l", "t"]})
    model = cm.from_pgmpy(rain(take=bare), utilities=["pay"])
    assert isinstance(model, cm.CIM)
    assert model.cpd("take").tolist() == [[0.9, 0.1], [0.2, 0.8]]


def test_agents_and_latent_nodes() -> None:
    from pgmpy.base import DAG

    graph = DAG([("X", "UA"), ("A", "UA"), ("A", "UB"), ("B", "UB")], latents={"X"})
    cid = cm.from_pgmpy(graph, decisions={"a": ["A"], "b": ["B"]}, utilities={"a": ["UA"], "b": ["UB"]})
    assert isinstance(cid, cm.CID)
    assert cid.latent == ("X",)
    assert cid.agents == ("a", "b")
    model = cid.parameterise(X=cm.Bernoulli(0.5), A=[0, 1], B=[0, 1], UA=lambda X, A: X * A, UB=lambda A, B: A - B)
    assert cm.to_pgmpy(model, at_random(model)).latents == {"X"}


def test_random_utilities() -> None:
    from pgmpy.factors.discrete import TabularCPD

    noisy = TabularCPD(
        "pay",
        2,
        [[0.5, 1, 1, 0], [0.5, 0, 0, 1]],
        ["rain", "take"],
        [2, 2],
        {"pay": [0, 4], "rain": ["no", "yes"], "take": ["l", "t"]},
    )
    chosen: dict[str, Any] = {"decisions": ["take"], "utilities": ["pay"]}
    with pytest.raises(MechanismError, match=r"at rain='no', take='l' this one is random \{0: 0.5, 4: 0.5\}"):
        cm.from_pgmpy(rain(pay=noisy), **chosen)
    model = cm.from_pgmpy(rain(pay=noisy), **chosen, stochastic_utilities="average")
    assert isinstance(model, cm.CIM)
    assert model.cpd("pay").tolist() == [[2, 0], [0, 4]]


def test_what_cannot_be_read_is_refused() -> None:
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import LinearGaussianBayesianNetwork

    def refused(network: Any, error: type[CidmesaError], words: str, **chosen: Any) -> None:
        with pytest.raises(error, match=words):
            cm.from_pgmpy(network, **chosen)

    refused(3, NotApplicableError, "got a int")
    refused(rain(take=None), MechanismError, "`take` has none: add it")
    refused(rain(), DiagramError, "a utility has no children", utilities=["take"])
    word = TabularCPD(
        "pay", 2, [[1] * 4, [0] * 4], ["rain", "take"], [2, 2], {"pay": ["low", "high"], **WEATHER, "take": ["l", "t"]}
    )
    refused(rain(pay=word), MechanismError, "states of a utility are numbers, and 'low' is none", utilities=["pay"])
    strange = TabularCPD("take", 2, [[0.5, 0.5]] * 2, ["rain"], [2], {"take": ["l", "t"], "rain": ["dry", "wet"]})
    refused(rain(take=strange), MechanismError, "states of `rain` are .'dry', 'wet'.")
    loose = TabularCPD("rain", 2, [[0.7], [0.297]], state_names={"rain": ["no", "yes"]})
    refused(rain(rain=loose), MechanismError, r"sum to 0.99[67]")
    from pgmpy.factors.continuous import LinearGaussianCPD

    continuous = LinearGaussianBayesianNetwork([("a", "b")])
    continuous.add_cpds(LinearGaussianCPD("a", [1], 4), LinearGaussianCPD("b", [1, 2], 4, ["a"]))
    refused(continuous, MechanismError, "is a LinearGaussianCPD")


def test_what_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import sympy

    model = cm.CID([("go", "pay")], decisions=["go"], utilities=["pay"]).parameterise(go=[0, 1], pay=lambda go: go)
    with pytest.raises(NotApplicableError, match="decision without a rule"):
        cm.to_pgmpy(model)
    with pytest.raises(NotApplicableError, match="needs mechanisms, and got a CID"):
        cm.to_pgmpy(model.cid)  # type: ignore[arg-type]
    with pytest.raises(NotApplicableError, match="needs numbers"):
        cm.to_pgmpy(model.shift(pay=cm.Table([0, sympy.Symbol("b")])), model.solve())
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("pgmpy"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"cidmesa\[pgmpy\]"):
        cm.to_pgmpy(model, model.solve())

"""A step over time: against Markov models written out by hand, and Bellman's recursion in fractions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.errors import CidmesaError
from cidmesa.solve.policies.step_model import StepModel, best_values
from tests.solve.processes import Step, process
from tests.strategies import examples

EDGES = [("s", "act"), ("s", "s'"), ("act", "s'"), ("s", "pay"), ("act", "pay")]


def diagram() -> cm.CID:
    return cm.CID(EDGES, decisions=["act"], utilities=["pay"])


def walk(law: Any, reward: Any, start: Any) -> cm.CIM:
    states, actions = np.asarray(reward).shape
    return diagram().parameterise(
        {
            "s": cm.Table(start),
            "act": range(actions),
            "s'": cm.Table(law, parents=("s", "act"), domain=range(states)),
            "pay": cm.Table(reward, parents=("s", "act")),
        }
    )


@st.composite
def steps(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Laws in quarters, rewards in whole numbers."""
    states, actions = draw(st.integers(2, 3)), draw(st.integers(2, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    law = rng.multinomial(4, np.ones(states) / states, size=(states, actions)) / 4
    start = rng.multinomial(4, np.ones(states) / states) / 4
    return law, rng.integers(-2, 3, size=(states, actions)).astype(float), start


@given(steps(), st.integers(1, 4))
@settings(max_examples=examples(quick=25, full=300))
def test_it_is_the_markov_model_of_its_steps(step: tuple[np.ndarray, np.ndarray, np.ndarray], horizon: int) -> None:
    law, reward, start = step
    model = cm.unroll(walk(law, reward, start), horizon)
    solved = model.solve()
    assert solved.exact
    assert solved.value == pytest.approx(process(start, [Step(law=law, reward=reward)] * horizon).solve().value)
    values = best_values(StepModel.of_law(law, (start * 4).astype(int)), reward, horizon)
    assert solved.value == pytest.approx(float(sum(p * float(v) for p, v in zip(start, values, strict=True))))


@given(steps(), st.integers(1, 3), st.data())
@settings(max_examples=examples(quick=10, full=100))
def test_every_copy_does_what_the_step_does(step: Any, horizon: int, data: st.DataObject) -> None:
    law, reward, start = step
    model = cm.unroll(walk(law, reward, start), horizon)
    even = {f"act@{t}": np.full(reward.shape, 1 / reward.shape[1]) for t in range(horizon)}
    now = start
    for t in range(horizon):
        assert list(model.query([f"s@{t}"], policy=even).to_dict().values()) == pytest.approx(now.tolist())
        assert model.cid.parents(f"s@{t + 1}") == (f"s@{t}", f"act@{t}")
        assert np.array_equal(model.cpd(f"pay@{t}"), reward)
        now = now @ law.mean(axis=1)
    assert list(model.query([f"s@{horizon}"], policy=even).to_dict().values()) == pytest.approx(now.tolist())


def test_noise_stays_noise_and_forbidden_stays_forbidden() -> None:
    cid = cm.CID([*EDGES, ("wind", "s'")], nodes=["wind"], decisions=["act"], utilities=["pay"])
    moves = cm.Choice(["stay", "right"], allowed=lambda s: ["stay"] if s == 2 else ["stay", "right"])
    step = cid.parameterise(
        {
            "wind": cm.Bernoulli(0.25),
            "s": lambda: 0,
            "act": moves,
            "s'": cm.Function(lambda **now: min(2, now["s"] + (now["act"] == "right") + now["wind"]), domain=[0, 1, 2]),
            "pay": lambda s, act: int(s == 2 and act == "stay"),
        }
        | {"s": cm.Categorical({0: 1.0, 1: 0.0, 2: 0.0})}
    )
    model = cm.unroll(step, 3)
    assert model.is_structural
    assert model.allowed_reads("act@1") == ("s@1",)
    assert np.array_equal(model.allowed("act@2"), step.allowed("act"))
    assert model.cid.parents("s@1") == tuple(
        {"s": "s@0", "act": "act@0", "wind": "wind@0"}[parent] for parent in step.cid.parents("s'")
    )
    assert model.query(["s@1"], do={"act@0": "right", "wind@0": 1}).to_dict()[2] == 1.0


def test_a_bare_diagram_is_unrolled_too() -> None:
    cid = cm.unroll(diagram(), 2)
    assert isinstance(cid, cm.CID)
    assert cid.nodes == ("s@0", "act@0", "s@1", "pay@0", "act@1", "s@2", "pay@1")
    assert set(cid.edges) == {
        ("s@0", "act@0"), ("s@0", "s@1"), ("act@0", "s@1"), ("s@0", "pay@0"), ("act@0", "pay@0"),
        ("s@1", "act@1"), ("s@1", "s@2"), ("act@1", "s@2"), ("s@1", "pay@1"), ("act@1", "pay@1"),
    }  # fmt: skip
    assert cm.unroll(walk(np.ones((2, 2, 2)) / 2, np.zeros((2, 2)), [1.0, 0.0]), 2).cid == cid


def test_a_successor_may_read_another_and_agents_stay_apart() -> None:
    cid = cm.CID(
        [("a", "a'"), ("a'", "b'"), ("b", "b'"), ("b", "d"), ("b", "e"), ("d", "u"), ("e", "v"), ("b'", "u")],
        decisions={"one": ["d"], "two": ["e"]},
        utilities={"one": ["u"], "two": ["v"]},
        latent=["a", "a'"],
    )
    found = cm.unroll(cid, 2)
    assert found.parents("b@2") == ("a@2", "b@1")
    assert found.decisions_of("two") == ("e@0", "e@1")
    assert found.parents("u@0") == ("d@0", "b@1")
    assert found.latent == ("a@0", "a@1", "a@2")


def test_one_rule_for_all_steps_is_a_shared_rule() -> None:
    law = np.zeros((2, 2, 2))
    law[:, 0, 0] = law[:, 1, 1] = 1.0
    model = cm.unroll(walk(law, [[0.0, 0.0], [1.0, 1.0]], [1.0, 0.0]), 3)
    rules = [tuple(f"act@{t}" for t in range(3))]
    assert model.solve(shared_rules=rules).value == model.solve().value == 2.0
    setup = cm.TrainingSetup(model, {"elsewhere": {"s@0": cm.Table([0.0, 1.0])}}, shared_rules=rules)
    assert setup.deployed("elsewhere").solve(shared_rules=rules).value == 3.0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cm.unroll(3, 2), "a diagram or a model"),
        (lambda: cm.unroll(diagram(), 0), "steps="),
        (lambda: cm.unroll(diagram(), 1.5), "steps="),
        (lambda: cm.unroll(cm.CID([("s", "act")], decisions=["act"]), 2), "no node becomes another"),
        (lambda: cm.unroll(cm.CID([("s'", "act")], decisions=["act"]), 2), "there is no `s`"),
        (lambda: cm.unroll(cm.CID([("act", "act'")], decisions=["act"]), 2), "`act` is a decision"),
        (lambda: cm.unroll(cm.CID([("s", "s'")], utilities=["s'"]), 2), "`s'` is a utility"),
        (
            lambda: cm.unroll(cm.CID([("s", "s'")]).parameterise({"s": cm.Uniform(0, 1), "s'": cm.Uniform(0, 2)}), 2),
            r"`s` is \(0, 1\) and becomes \(0, 2\)",
        ),
    ],
)
def test_what_is_no_step_is_told(make: Any, said: str) -> None:
    with pytest.raises(CidmesaError, match=said):
        make()


def test_domains_in_another_order_are_refused() -> None:
    cid = cm.CID([("s", "s'"), ("s'", "u")], utilities=["u"])
    later = cm.Table([[0.0, 1.0], [0.5, 0.5]], parents=("s",), domain=["b", "a"])
    step = cid.parameterise({"s": cm.Uniform("a", "b"), "s'": later, "u": lambda **now: float(now["s'"] == "a")})
    with pytest.raises(CidmesaError, match="in one order"):
        cm.unroll(step, 3)

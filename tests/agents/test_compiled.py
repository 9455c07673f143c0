"""Models as tensors: against the exact solver, whichever way was taken; episodes against the exact law."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import cidmesa as cm
from cidmesa.agents.compiled import Compiled, Noise
from cidmesa.agents.environment import Environment
from cidmesa.agents.tensors import agent_keys, uniforms
from cidmesa.errors import NotApplicableError
from tests.mesa.systems import red_door
from tests.strategies import examples, models, restricted

WAYS = ("tensor", "elimination")


def compiled_by(way: str, model: cm.CIM, **options: Any) -> Compiled:
    """Compile, and take one of the two exact ways whatever the size."""
    found = Compiled(model, **options)
    if way == "elimination":
        found.method = "elimination"
    return found


def random_rules(model: cm.CIM, agents: int, seed: int) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    rules = {}
    for d in model.cid.decisions:
        shape = (agents, *map(model.card, model.cid.parents(d)), model.card(d))
        may = model.allowed(d)
        weights = rng.random(shape) ** 3 * (1 if may is None else may) + 0.0
        rules[d] = torch.tensor(weights / weights.sum(axis=-1, keepdims=True))
    return rules


def one(rules: dict[str, torch.Tensor], agent: int) -> dict[str, np.ndarray]:
    return {d: table[agent].numpy() for d, table in rules.items()}


@given(models(decisions=(1, 3), max_card=3), st.integers(0, 99), st.sampled_from(WAYS))
@settings(max_examples=examples(quick=40, full=500))
def test_values_are_those_of_the_exact_solver(model: cm.CIM, seed: int, way: str) -> None:
    rules = random_rules(model, 3, seed)
    compiled = compiled_by(way, model)
    assert compiled.exact
    wanted = [model.expected_utility(one(rules, i)) for i in range(3)]
    assert compiled.value(rules).numpy() == pytest.approx(np.array(wanted), abs=1e-9)
    single = compiled_by(way, model, dtype=torch.float32).value(rules)
    assert single.dtype == torch.float32
    scale = 1 + max(float(np.abs(model.cpd(u)).max()) for u in model.cid.utilities)
    assert single.numpy() == pytest.approx(np.array(wanted), abs=1e-4 * scale)


@given(models(decisions=(1, 2), max_card=3), st.integers(0, 99), st.sampled_from(WAYS))
@settings(max_examples=examples(quick=20, full=250))
def test_gradients_are_differences_of_values(model: cm.CIM, seed: int, way: str) -> None:
    """The value is multilinear: its derivative by an entry is the difference that adding one there makes."""
    rules = random_rules(model, 2, seed)
    compiled = compiled_by(way, model)
    slopes = compiled.gradient(rules)
    value = compiled.value(rules)
    for d in model.cid.decisions:
        place = tuple(np.random.default_rng(seed).integers(0, n) for n in rules[d].shape[1:])
        moved = {**rules, d: rules[d].clone()}
        moved[d][(slice(None), *place)] += 1
        assert (compiled.value(moved) - value).numpy() == pytest.approx(
            slopes[d][(slice(None), *place)].numpy(), abs=1e-9
        )


@given(models(decisions=(1, 2), max_card=3), st.integers(0, 99), st.sampled_from(WAYS))
@settings(max_examples=examples(quick=20, full=250))
def test_q_values_are_what_an_action_is_worth_in_a_context(model: cm.CIM, seed: int, way: str) -> None:
    rules = random_rules(model, 2, seed)
    compiled = compiled_by(way, model)
    cid = model.cid
    for d in cid.decisions:
        found = compiled.q_values(rules, d)
        visits = compiled.visits(rules, d)
        quiet = {u: np.zeros_like(model.cpd(u)) for u in cid.utilities if u not in cid.descendants(d)}
        below = model.shift(quiet) if quiet else model
        for agent in range(2):
            policy = one(rules, agent)
            law = model.query(cid.parents(d), policy=policy).probabilities if cid.parents(d) else np.ones(())
            assert visits[agent].numpy() == pytest.approx(law, abs=1e-9)
            context = np.unravel_index(int(np.argmax(law)), law.shape)
            given_ = {p: model.domain(p)[int(i)] for p, i in zip(cid.parents(d), context, strict=True)}
            for k, action in enumerate(model.domain(d)):
                forced = np.zeros(rules[d].shape[1:])
                forced[..., k] = 1
                if model.allowed(d) is not None:
                    continue
                worth = below.expected_utility({**policy, d: forced}, given={**given_, d: action})
                assert found[(agent, *context, k)].item() == pytest.approx(worth, abs=1e-8)
            assert np.isnan(found[agent].numpy()).any(axis=-1).tolist() == (law <= 0).tolist()


@given(models(decisions=(1, 1), max_card=3))
@settings(max_examples=examples(quick=15, full=150))
def test_the_best_of_the_q_values_is_the_solvers(model: cm.CIM) -> None:
    """With one decision no other rule matters: the Q-values are the solver's own."""
    [d] = model.cid.decisions
    solution = model.solve()
    found = Compiled(model).q_values(random_rules(model, 1, 0), d)[0].numpy()
    reached = ~np.isnan(found)
    assert found[reached] == pytest.approx(solution.action_values(d)[reached], abs=1e-9)


@given(restricted(models(decisions=(1, 2), max_card=3)), st.integers(0, 99))
@settings(max_examples=examples(quick=10, full=100))
def test_forbidden_actions_are_never_drawn(model: cm.CIM, seed: int) -> None:
    rules = random_rules(model, 2, seed)
    compiled = Compiled(model)
    wanted = [model.expected_utility(one(rules, i)) for i in range(2)]
    assert compiled.value(rules).numpy() == pytest.approx(np.array(wanted), abs=1e-9)
    played = compiled.play(rules, 200, seed=seed)
    for d in model.cid.decisions:
        may = model.allowed(d)
        if may is not None:
            assert may[(*(played.values[p].numpy() for p in model.cid.parents(d)), played.values[d].numpy())].all()


@given(models(decisions=(1, 2), max_card=3), st.integers(0, 99))
@settings(max_examples=examples(quick=10, full=100))
def test_episodes_follow_the_exact_law(model: cm.CIM, seed: int) -> None:
    """Every node's frequencies against its exact marginal, by chi-square; what cannot happen does not."""
    rules = random_rules(model, 1, seed)
    played = Compiled(model).play(rules, 4_000, seed=seed)
    for node in (*model.cid.chance, *model.cid.decisions):
        exact = model.query([node], policy=one(rules, 0)).probabilities
        counts = np.bincount(played.values[node][0].numpy(), minlength=len(exact))
        assert counts[exact <= 0].sum() == 0
        often = exact * 4_000 >= 5  # the rest in one cell, as the test asks for
        cells = [*counts[often], counts[~often].sum()]
        wanted = [*exact[often], exact[~often].sum()]
        cells, wanted = (cells, wanted) if wanted[-1] * 4_000 >= 5 else (cells[:-1], wanted[:-1])
        if len(cells) > 1:
            assert chisquare(cells, np.array(wanted) / np.sum(wanted) * np.sum(cells)).pvalue > 1e-7
    best = sum(u for u in played.utilities.values())
    spread = float(best.std()) or 1.0
    value = model.expected_utility(one(rules, 0))
    assert float(best.mean()) == pytest.approx(value, abs=6 * spread / np.sqrt(4_000) + 1e-9)


def test_episodes_are_those_of_the_environment() -> None:
    """Same keys, same numbers: the same worlds and the same acts as numpy draws."""
    model = red_door(0.3)
    rules = random_rules(model, 3, 1)
    keys = agent_keys(5, 3)
    ours = Compiled(model).play(rules, 100, keys=keys, first=7)
    table = rules["go"].numpy()

    def choose(decision: str, values: Any) -> np.ndarray:
        pi = table[np.arange(3)[:, None], values["door"], values["red"]]
        return (uniforms(keys, "act go", np.arange(7, 107))[..., None] >= pi.cumsum(axis=-1)[..., :-1]).sum(axis=-1)

    theirs = Environment(model).play(keys, np.arange(7, 107), choose)
    for node, values in theirs.values.items():
        assert (ours.values[node].numpy() == values).all()
    assert (ours.utilities["reward"].numpy() == theirs.utilities["reward"]).all()
    counter = torch.tensor([0, 1, 2**40, 2**62])
    assert (Noise(keys, counter)("x").numpy() == uniforms(keys, "x", counter.numpy())).all()


def long_chain(length: int) -> cm.CIM:
    """A walk over many nodes of which each decision sees one: too large to write out, easy to sum out."""
    edges = [(f"s{i}", f"s{i + 1}") for i in range(length)]
    edges += [e for i in range(length) for e in ((f"s{i}", f"d{i}"), (f"d{i}", f"s{i + 1}"))]
    edges += [(f"s{length}", "pay")]
    decisions = [f"d{i}" for i in range(length)]
    cid = cm.CID(edges, decisions=decisions, utilities=["pay"])
    step = {f"s{i + 1}": cm.Table(np.random.default_rng(i).dirichlet(np.ones(3), size=(3, 2))) for i in range(length)}
    return cid.parameterise(
        {"s0": cm.Uniform(0, 1, 2), "pay": lambda **s: next(iter(s.values()))} | step
        | {f"d{i}": [0, 1] for i in range(length)}
    )  # fmt: skip


def test_a_long_model_is_summed_out_node_by_node() -> None:
    model = long_chain(20)
    compiled = Compiled(model)
    assert (compiled.method, compiled.exact) == ("elimination", True)
    rules = random_rules(model, 2, 0)
    wanted = [model.expected_utility(one(rules, i)) for i in range(2)]
    assert compiled.value(rules).numpy() == pytest.approx(np.array(wanted), abs=1e-9)
    assert compiled.q_values(rules, "d7").shape == (2, 3, 2)


def test_a_model_too_large_is_sampled_and_says_so() -> None:
    """Estimates with an unbiased gradient, against the exact numbers of the same model."""
    model = red_door(0.3)
    exact = Compiled(model)
    sampled = Compiled(model, largest=4, episodes=40_000)
    assert not sampled.exact
    assert "sampling: the rule of `go` alone has 8 numbers, more than 4" in repr(sampled)
    rules = random_rules(model, 2, 3)
    assert sampled.value(rules).numpy() == pytest.approx(exact.value(rules).numpy(), abs=0.02)

    def slope(compiled: Compiled) -> torch.Tensor:
        logits = rules["go"].log().requires_grad_()
        (found,) = torch.autograd.grad(compiled.value({"go": logits.softmax(dim=-1)}).sum(), logits)
        return found

    assert slope(sampled).numpy() == pytest.approx(slope(exact).numpy(), abs=0.01)
    q = sampled.q_values(rules, "go").numpy()
    assert q == pytest.approx(exact.q_values(rules, "go").numpy(), abs=0.05)
    with pytest.raises(NotApplicableError, match="only sampled"):
        sampled.visits(rules, "go")


def test_an_elimination_that_grows_too_wide_is_sampled() -> None:
    """A grid whose every third diagonal is chosen: no order keeps the tables on the way below a row's width."""
    n = 6
    edges = [(f"g{i}{j}", f"g{i}{j + 1}") for i in range(n) for j in range(n - 1)]
    edges += [(f"g{i}{j}", f"g{i + 1}{j}") for i in range(n - 1) for j in range(n)] + [(f"g{n - 1}{n - 1}", "pay")]
    free = [f"g{i}{j}" for i in range(n) for j in range(n) if (i + j) % 3 == 2]
    cid = cm.CID(edges, decisions=free, utilities=["pay"])
    rng = np.random.default_rng(0)
    mechanisms: dict[str, Any] = {d: [0, 1] for d in free}
    for node in cid.chance:
        mechanisms[node] = cm.Table(rng.dirichlet(np.ones(2), size=(2,) * len(cid.parents(node))))
    model = cid.parameterise({**mechanisms, "pay": lambda **last: next(iter(last.values()))})
    wide, narrow = Compiled(model), Compiled(model, largest=16, episodes=20_000)
    assert (wide.method, narrow.method) == ("elimination", "sampling")
    assert "summing nodes out takes" in narrow.why
    rules = random_rules(model, 2, 0)
    assert narrow.value(rules).numpy() == pytest.approx(wide.value(rules).numpy(), abs=0.02)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda c: c.value({}), "`go` has no table"),
        (lambda c: c.value({"go": torch.ones(1, 2, 2)}), "`go` has the shape"),
        (lambda c: Compiled(c.model, score=["door"]), "`door` is no utility"),
        (lambda c: Compiled(c.model, largest=0), "largest= is a whole number"),
        (lambda c: c.play({"go": torch.ones(1, 2, 2, 2) / 2}, 0), "episodes= is a whole number"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, text: str) -> None:
    with pytest.raises(NotApplicableError, match=text):
        call(Compiled(red_door()))

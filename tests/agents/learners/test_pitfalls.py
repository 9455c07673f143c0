"""What learners are known to get wrong, each as a test: credit, penalties, one agent's numbers in another's, ties."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from learners import chain

import cidmesa as cm
from cidmesa.agents import train
from cidmesa.agents.compiled import Compiled
from cidmesa.agents.learners import exact, ppo, task
from cidmesa.agents.learners.optimizer import clipped
from cidmesa.agents.population import Agents
from cidmesa.agents.premise import changes, outside
from cidmesa.agents.recipe import Recipe
from cidmesa.errors import NotApplicableError, UnknownNodeError
from tests.mesa.systems import red_door
from tests.strategies import examples, models

SAMPLED = ("reinforce", "ppo", "dqn")


def lost(agents: Agents) -> np.ndarray:
    """What each agent loses against the best policy, in utilities."""
    model = agents.recipe.model
    return np.array([model.solve().value - model.expected_utility(agents.policy(i)) for i in range(len(agents))])


def told() -> cm.CIM:
    """The first sees a cue and notes it; the second sees the note alone and acts on it."""
    cid = cm.CID([("cue", "note"), ("note", "act"), ("act", "pay"), ("cue", "pay")], decisions=["note", "act"],
                 utilities=["pay"])  # fmt: skip
    return cid.parameterise(cue=cm.Bernoulli(0.5), note=[0, 1], act=[0, 1], pay=lambda cue, act: int(cue == act))


@pytest.mark.parametrize("learner", SAMPLED)
def test_utilities_are_credited_when_their_parents_are_known(learner: str) -> None:
    steps = 100 if learner == "ppo" else 300
    agents = train(chain(), learner=learner, policy="tabular", agents=4, steps=steps, rate=0.05, progress=False)
    assert (lost(agents) < 0.02).all()


def test_one_step_targets_are_refused_without_sufficient_recall() -> None:
    """What the first decision saw matters and the second does not see it: only the end of the episode tells."""
    with pytest.raises(NotApplicableError, match=r"sufficient recall.*`note` saw and did \(cue\).*targets='episode'"):
        train(told(), learner="dqn", policy="tabular", targets="step", agents=2, progress=False)
    whole = train(told(), learner="dqn", policy="tabular", agents=8, steps=400, progress=False)
    assert (lost(whole) < 0.01).sum() >= 7
    recalled = told().with_recall()
    for targets in ("step", "episode"):
        agents = train(recalled, learner="dqn", policy="tabular", targets=targets, agents=8, steps=400, progress=False)
        assert (lost(agents) < 0.01).all()


def test_a_penalty_of_a_thousand_beside_a_gap_of_one_is_learned() -> None:
    cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
    model = cid.parameterise(a=["x", "y", "forbidden"], u=lambda a: {"x": 0, "y": 1, "forbidden": -1000}[a])
    for learner, policy in (("reinforce", "tabular"), ("reinforce", "mlp"), ("exact", "tabular"), ("exact", "mlp")):
        agents = train(model, learner=learner, policy=policy, agents=3, progress=False, batch=32)
        assert (agents.probabilities("a")[:, 0, 1] > 0.95).all(), (learner, policy)


def test_an_offset_changes_nothing() -> None:
    """Utilities of -5,000 and a gap of 1: as without the 5,000."""
    low = red_door(0.3).shift(reward=lambda at_door: at_door - 5000)
    for learner in SAMPLED:
        steps = 100 if learner == "ppo" else 250
        agents = train(low, learner=learner, policy="tabular", agents=3, steps=steps, rate=0.05, progress=False)
        assert (lost(agents) < 0.02).all(), learner


@pytest.mark.parametrize("learner", SAMPLED)
def test_nets_do_not_learn_an_offset(learner: str) -> None:
    """What is paid everywhere is in nobody's way: step by step the nets are those without it."""
    low, high = (red_door(0.3).shift(reward=lambda at_door, off=off: at_door + off) for off in (-5000, 0))
    options: dict[str, Any] = {"learner": learner, "policy": "mlp", "agents": 2, "steps": 15, "progress": False}
    one, other = (train(model, **options)._params for model in (low, high))
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


@pytest.mark.parametrize("learner", ["ppo", "dqn", "evolution"])
def test_an_agents_numbers_are_its_own(learner: str) -> None:
    """Alone or among others whose advantages, gradients and steps differ: the same numbers."""
    options: dict[str, Any] = {"learner": learner, "policy": "tabular", "steps": 15, "batch": 16, "progress": False}
    few, many = (train(red_door(0.3), agents=n, **options)._params["go"] for n in (2, 5))
    assert torch.allclose(few, many[:2], atol=1e-12)
    with pytest.MonkeyPatch.context() as patch:  # the others' luck
        patch.setattr(task.Environment, "play", lucky(task.Environment.play))
        others = train(red_door(0.3), agents=5, **options)._params["go"]
    assert torch.allclose(few, others[:2], atol=1e-12)
    if learner != "evolution":  # everybody's luck in a lineage is no reason for a rank
        assert not torch.allclose(many[4], others[4])


def lucky(play: Any) -> Any:
    """Pay the last agent (of five, or of five lineages) a thousand times as much."""

    def played(self: Any, keys: Any, episodes: Any, choose: Any) -> Any:
        found = play(self, keys, episodes, choose)
        more = {}
        for name, paid in found.utilities.items():
            scaled = np.array(paid)
            scaled[-len(keys) // 5 :] *= 1000
            more[name] = scaled
        return type(found)(found.values, more)

    return played


@given(st.integers(0, 1000))
@settings(max_examples=examples(quick=20, full=200))
def test_what_is_per_agent_does_not_mix_agents(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ahead = torch.tensor(rng.normal(size=(3, 8)) * np.array([[0.01], [1], [1000]]))
    whole = ppo.normalised(ahead)
    slopes = {"x": ahead, "y": torch.tensor(rng.normal(size=(3, 2, 2)))}
    cut = clipped(slopes)
    for i in range(3):
        assert torch.allclose(whole[i], ppo.normalised(ahead[i : i + 1])[0])
        alone = clipped({n: g[i : i + 1] for n, g in slopes.items()})
        norm = sum(float(g.square().sum()) for g in alone.values()) ** 0.5
        assert norm <= 1 + 1e-9
        assert all(torch.allclose(cut[n][i], alone[n][0]) for n in slopes)


@given(st.integers(0, 1000))
@settings(max_examples=examples(quick=20, full=200))
def test_what_is_clipped_is_the_smaller_of_both_products(seed: int) -> None:
    """With its gradient: bounds on one side of the ratio are what the paper writes as a minimum of two products."""
    rng = np.random.default_rng(seed)
    ahead, clip = torch.tensor(rng.normal(size=(2, 12)).round(1)), float(rng.uniform(0, 1))
    ratio = torch.tensor(rng.lognormal(size=(2, 12))).requires_grad_()
    wanted = torch.minimum(ratio * ahead, ratio.clamp(1 - clip, 1 + clip) * ahead)
    found = ratio.clamp(*ppo.between(ahead, clip)) * ahead
    assert torch.equal(found, wanted)
    slopes = [torch.autograd.grad(value.sum(), ratio)[0] for value in (found, wanted)]
    assert torch.equal(*slopes)


@given(models(decisions=(1, 2), max_card=3), st.sampled_from([1, 4, 64]))
@settings(max_examples=examples(quick=15, full=150))
def test_rules_that_are_asked_once_for_each_input_answer_as_in_each_episode(model: cm.CIM, batch: int) -> None:
    made = Recipe(model, learner="ppo", policy="tabular", agents=2, batch=batch).task
    params = made.start()
    _, met = made.play(0, lambda d, contexts, codes, noise: (noise * model.card(d)).astype(np.intp))
    for decision, seen in met.items():
        log_pi = torch.log_softmax(made.rules[decision].logits(params, seen.contexts, seen.codes), dim=-1)
        said = task.answer(made.rules[decision], params, seen.contexts, seen.codes)
        assert torch.allclose(said.log(seen.actions), task.taken(log_pi, seen.actions), atol=1e-12)
        assert torch.allclose(torch.from_numpy(said.probabilities()), log_pi.exp(), atol=1e-12)
        assert torch.allclose(said.entropy(), -(log_pi.exp() * log_pi).sum(dim=-1), atol=1e-12)


@pytest.mark.parametrize(("learner", "options"), [("dqn", {}), ("evolution", {}), ("supervised", {"label": "door"})])
def test_greedy_policies_are_one_hot_and_act_as_they_say(learner: str, options: dict[str, Any]) -> None:
    agents = train(red_door(0.3), learner=learner, policy="mlp", agents=3, steps=20, progress=False, **options)
    rule = agents.probabilities("go")
    assert set(np.unique(rule)) == {0.0, 1.0}
    assert (rule.sum(axis=-1) == 1).all()
    taken = agents.act({"door": ["left", "right"], "red": ["left", "left"]}, seed=0)["go"]
    domain = np.array(agents.recipe.model.domain("go"))
    assert (taken == domain[rule[:, [0, 2]].argmax(axis=-1)]).all()


def test_discounts_are_one_unless_set_and_count_decisions() -> None:
    recipe = Recipe(chain(), learner="ppo", policy="tabular")
    assert recipe.options.discount == 1.0
    assert Recipe(chain(), learner="dqn", policy="tabular").options.discount == 1.0
    cid = cm.CID([("a", "b"), ("a", "soon"), ("a", "late"), ("b", "late")], decisions=["a", "b"],
                 utilities=["soon", "late"])  # fmt: skip
    model = cid.parameterise(a=[0, 1], b=[0, 1], soon=lambda a: 0.75 * (1 - a), late=lambda a, b: a * b)
    for discount, first in ((1.0, 1), (0.5, 0)):
        for learner in ("ppo", "dqn"):
            steps = 120 if learner == "ppo" else 400
            agents = train(
                model, learner=learner, policy="tabular", agents=3, steps=steps, discount=discount, progress=False
            )
            assert (agents.probabilities("a")[:, 0].argmax(axis=-1) == first).all(), (learner, discount)


@given(models(decisions=(1, 2), max_card=2), st.floats(0, 1))
@settings(max_examples=examples(quick=15, full=150))
def test_credit_is_what_is_paid_below_discounted_by_turns(model: cm.CIM, discount: float) -> None:
    """Against a reading of the definition, utility by utility."""
    made = Recipe(model, learner="reinforce", policy="tabular", agents=2, batch=8).task
    if not made.trained:
        return
    played, _ = made.play(0, lambda d, contexts, codes, noise: (noise * model.card(d)).astype(np.intp))
    cid = model.cid
    for turn, decision in enumerate(made.trained):
        wanted = np.zeros((2, 8))
        for u in cid.utilities:
            if u in cid.descendants(decision):
                last = [i for i, d in enumerate(made.trained) if u in cid.descendants(d)][-1]
                wanted = wanted + discount ** (last - turn) * played.utilities[u]
        assert made.gain(played, decision, discount) * made.unit == pytest.approx(wanted)


def test_entropy_finds_what_only_both_together_find() -> None:
    """Each alone gains nothing by differing from chance; the exact gradient with a bonus gets off the saddle."""
    cid = cm.CID([("x", "a"), ("y", "b"), *((n, "pay") for n in "xyab")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(
        x=cm.Bernoulli(0.5), y=cm.Bernoulli(0.5), a=[0, 1], b=[0, 1],
        pay=lambda x, y, a, b: int((a ^ b) == (x ^ y)),
    )  # fmt: skip
    for learner in ("reinforce", "ppo"):
        steps = 200 if learner == "ppo" else 500
        agents = train(model, learner=learner, policy="tabular", agents=8, steps=steps, rate=0.05, progress=False)
        assert (lost(agents) < 0.02).sum() >= 7, learner


def test_swapped_members_do_nothing_for_a_later_world() -> None:
    """What is invested now pays two later: worth it for one's own world, not where worlds are swapped among many."""
    cid = cm.CID(
        [("now", "cost"), ("now", "later"), ("later", "gain"), ("now", "gain")],
        decisions=["now", "later"], utilities=["cost", "gain"],
    )  # fmt: skip
    model = cid.parameterise(now=[0, 1], later=[0, 1], cost=lambda now: -now, gain=lambda now, later: 3 * now + later)
    options: dict[str, Any] = {
        "learner": "evolution", "policy": "tabular", "agents": 6, "steps": 40, "batch": 16, "population": 16,
        "progress": False,
    }  # fmt: skip
    kept = train(model, **options).probabilities("now")[:, 0, 1]
    swapped = train(model, swap=16, **options).probabilities("now")[:, 0, 1]
    assert kept.mean() == 1
    assert swapped.mean() == 0


def test_mutations_do_not_grow() -> None:
    """Where luck alone selects, numbers of later generations are spread as those of the first."""
    cid = cm.CID([("coin", "pay"), ("x", "guess"), ("x", "pay"), ("guess", "pay")], decisions=["guess"],
                 utilities=["pay"])  # fmt: skip
    model = cid.parameterise(
        coin=cm.Bernoulli(0.5), x=cm.Uniform(*range(6)), guess=[0, 1],
        pay=lambda coin, x, guess: int(coin == (guess + x) % 2),
    )  # fmt: skip
    made = Recipe(model, learner="evolution", policy="tabular", agents=8, steps=400, batch=16)
    program = made.learns(made.task)
    memory = program.start
    for number in range(100):
        memory, _ = program.step(memory, number)
    spread = memory["population"]["guess"].std(dim=(1, 2, 3))
    assert ((spread > 0.5) & (spread < 1.5)).all()  # sums of mutations: around 4


def test_train_says_that_the_premise_is_not_met_and_what_to_change() -> None:
    """Luck that no policy moves drowns a gap of 1: few are in scope, and the message is right about how many."""
    cid = cm.CID([("x", "act"), ("x", "pay"), ("act", "pay"), ("luck", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(
        x=cm.Bernoulli(0.5), luck=cm.Uniform(-300, 300), act=[0, 1], pay=lambda x, act, luck: int(x == act) + luck
    )
    with pytest.warns(RuntimeWarning, match="agents do not meet the premise") as said:
        agents = train(model, policy="tabular", agents=4, batch=4, progress=False)
    missed = outside(agents.recipe, {"act": agents.probabilities("act")})
    assert missed is not None
    assert re.match(f"{missed.sum()} of 4 agents do not meet", str(said[0].message))
    assert "learner='dqn', or entropy=0.3, batch=16 (learner='exact' where luck hides" in str(said[0].message)
    assert not outside(red := Recipe(red_door()), {"go": np.eye(2)[None, [0, 0, 1, 1]]}).any()  # type: ignore[union-attr]
    assert outside(red, {"go": np.full((1, 4, 2), 0.5)}).all()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "advised"),
    [
        ({"learner": "exact", "policy": "tabular"}, [{"learner": "dqn"}, {"entropy": 0.3}]),
        ({"learner": "exact", "policy": "mlp"}, [{"learner": "dqn"}]),
        ({"learner": "ppo", "policy": "tabular", "batch": 16}, [{"learner": "dqn"}, {"entropy": 0.3, "batch": 64}]),
        ({"learner": "ppo", "policy": "tabular", "batch": 1}, [{"learner": "dqn"}, {"entropy": 0.3, "batch": 4}]),
        ({"learner": "reinforce", "policy": "planner"}, [{"entropy": 0.3, "batch": 256}]),
        ({"learner": "evolution", "policy": "tabular"}, [{"learner": "dqn"}]),
        ({"learner": "dqn", "policy": "tabular"}, [{"steps": 2000, "batch": 256}, {"learner": "exact"}]),
        ({"learner": "supervised", "options": {"label": "door"}}, [{"steps": 1200, "batch": 256}]),
    ],
)
def test_what_is_advised_can_be_done(options: dict[str, Any], advised: list[dict[str, Any]]) -> None:
    """Each of it is an argument of ``train`` that fits the kind of rules."""
    recipe = Recipe(red_door(), agents=2, **options)
    assert list(changes(recipe)) == advised
    for change in changes(recipe):
        given_ = {**options, **change, "options": options.get("options") if "learner" not in change else None}
        made = Recipe(red_door(), agents=2, **given_)
        made.learns(made.task)


def test_many_contexts_and_shared_rules_are_advised_otherwise() -> None:
    seen = [f"x{i}" for i in range(9)]
    cid = cm.CID([*((n, "act") for n in seen), ("act", "pay")], decisions=["act"], utilities=["pay"])
    many = cid.parameterise({n: cm.Bernoulli(0.5) for n in seen} | {"act": [0, 1], "pay": lambda act: act})
    assert changes(Recipe(many, learner="reinforce", policy="tabular")) == ({"learner": "dqn"},)
    cid = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: int(a != b))
    for learner, other in (("evolution", "exact"), ("ppo", "exact"), ("exact", "reinforce")):
        recipe = Recipe(model, learner=learner, policy="tabular", shared_rules=(("a", "b"),))
        assert changes(recipe)[0] == {"learner": other}


LABELLED: Any = {"learner": "supervised", "policy": "tabular", "agents": 2, "steps": 5}


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"learner": "supervised"}, NotApplicableError, "label='door'"),
        ({**LABELLED, "label": "dor"}, UnknownNodeError, "did you mean `door`"),
        ({**LABELLED, "label": "at_door"}, NotApplicableError, "does not influence; `at_door` is none"),
        ({**LABELLED, "label": "weather"}, NotApplicableError, "`weather` can be 'sun', which is no action of `go`"),
        ({"learner": "ppo", "epoch": 3}, UnknownNodeError, "did you mean `epochs`"),
        ({"learner": "ppo", "epochs": 0}, NotApplicableError, "epochs= is a whole number of at least 1"),
        ({"learner": "ppo", "clip": 2}, NotApplicableError, "clip= is a number from 0 to 1; got 2"),
        ({"learner": "dqn", "targets": "steps"}, UnknownNodeError, "did you mean `step`"),
        ({"learner": "dqn", "label": "door"}, UnknownNodeError, "learner='dqn'"),
        ({"learner": "evolution", "swap": 5}, NotApplicableError, "swap=5 divides .* population=30"),
        ({"learner": "evolution", "population": 2}, NotApplicableError, "population= is a whole number of at least 4"),
    ],
)
def test_slips_are_told(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as told_:
        train(red_door(), progress=False, **options)
    assert "\n" not in str(told_.value)


def test_what_a_learner_cannot_represent_is_refused() -> None:
    cid = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: int(a != b))
    with pytest.raises(NotApplicableError, match="share a rule, whose best may be a mixture"):
        train(model, learner="dqn", policy="tabular", shared_rules=(("a", "b"),), progress=False)
    with pytest.raises(NotApplicableError, match=r"label=\{decision: node\}"):
        train(chain(), learner="supervised", policy="tabular", label="x", progress=False)
    with pytest.raises(NotApplicableError, match="`b` has no label"):
        train(chain(), learner="supervised", policy="tabular", label={"a": "x"}, progress=False)
    with pytest.raises(NotApplicableError, match="trial and error"):
        train(red_door(0.3), learner="evolution", policy="mlp", hidden=(64, 64), progress=False)


def test_recipes_carry_the_learners_options() -> None:
    base = Recipe(red_door(0.3), learner="ppo", policy="tabular", agents=2, steps=5)
    other = Recipe(red_door(0.3), learner="ppo", policy="tabular", agents=2, steps=5, options={"epochs": 2})
    assert (base.options.epochs, other.options.epochs) == (4, 2)
    assert base.digest != other.digest
    agents = train(red_door(0.3), learner="ppo", policy="tabular", agents=2, steps=5, epochs=2, progress=False)
    assert agents.recipe.digest == other.digest
    again = agents.recipe.retrain()
    assert (again.probabilities("go") == agents.probabilities("go")).all()
    assert again.recipe.options == other.options
    assert not (base.train(progress=False).probabilities("go") == agents.probabilities("go")).all()


def test_values_that_dqn_learns_are_those_of_the_model() -> None:
    """After long training the differences of logits are those of the Q-values, in units."""
    model = red_door(0.3)
    agents = train(model, learner="dqn", policy="tabular", agents=3, steps=600, explore=1.0, progress=False)
    known = Compiled(model).q_values({"go": torch.full((1, 2, 2, 2), 0.5)}, "go")[0].reshape(4, 2)
    learned = agents._params["go"] * agents.recipe.task.unit
    gaps = (learned[..., 0] - learned[..., 1]).numpy()
    assert gaps == pytest.approx(np.broadcast_to((known[:, 0] - known[:, 1]).numpy(), gaps.shape), abs=0.15)


@pytest.mark.parametrize("policy", ["tabular", "mlp"])
def test_rules_are_asked_about_reached_contexts_alone(policy: str) -> None:
    """Where red is the door two of four contexts come up; asked about all of them the gradient is the same."""
    made = Recipe(red_door(), learner="exact", policy=policy, agents=2).task
    rule, params = made.rules["go"], made.start()
    some = task.probabilities(rule, params, contexts=np.array([0, 3]))
    every = task.probabilities(rule, params)
    assert torch.allclose(some[:, [0, 3]], every[:, [0, 3]], atol=1e-12)
    assert (some[:, [1, 2]] == 0.5).all()
    asked_for: list[int] = []
    whole = type(rule).logits

    def counted(self: Any, params: Any, contexts: Any, codes: Any) -> torch.Tensor:
        asked_for.append(contexts.shape[1])
        return whole(self, params, contexts, codes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(rule), "logits", counted)
        exact.exact(made).step(exact.exact(made).start, 0)
    assert asked_for == [2]

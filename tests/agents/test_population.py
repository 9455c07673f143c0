"""Populations: what they learn, how they act, how the same agents are trained again."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.agents import Agents, Recipe, parity, train
from cidmesa.agents.learners import registry
from cidmesa.agents.learners.loop import Program
from cidmesa.agents.learners.task import Task, probabilities
from cidmesa.agents.tensors import agent_keys
from cidmesa.errors import NotApplicableError, UnknownNodeError
from cidmesa.validation.statistics import formula_test
from tests.mesa.systems import red_door, red_door_cid, red_door_deployments

QUICK: dict[str, Any] = {"agents": 4, "steps": 300, "progress": False}


def regret(agents: Agents, model: cm.CIM) -> np.ndarray:
    best = model.solve().value
    return np.array([best - model.expected_utility(agents.policy(i)) for i in range(len(agents))])


@pytest.mark.parametrize("learner", ["reinforce", "exact"])
@pytest.mark.parametrize("policy", ["mlp", "tabular"])
def test_every_learner_and_policy_learns(learner: str, policy: str) -> None:
    model = red_door(0.3)
    agents = train(model, learner=learner, policy=policy, agents=6, progress=False)
    assert (regret(agents, model) < 0.01).all()
    assert agents.earned[-1][1].mean() > agents.earned[0][1].mean()


def test_more_places_random_priors_and_payoffs() -> None:
    places = ("a", "b", "c", "d")
    model = red_door(0.5, places).shift(
        door=cm.Categorical(dict(zip(places, (0.4, 0.3, 0.2, 0.1), strict=True))),
        reward=lambda at_door: 5 * at_door - 2,
    )
    agents = train(model, agents=6, policy="mlp", progress=False)
    assert (regret(agents, model) < 0.05 * 5).all()


def test_several_decisions_and_memory() -> None:
    """The second decision must undo what the first one did not see."""
    cid = cm.CID(
        [("x", "first"), ("first", "second"), ("first", "pay"), ("second", "pay"), ("x", "pay")],
        decisions=["first", "second"],
        utilities=["pay"],
    )
    model = cid.parameterise(
        x=cm.Bernoulli(0.5), first=[0, 1], second=[0, 1], pay=lambda first, second, x: int(first == x == second)
    )
    for learner in ("reinforce", "exact"):
        agents = train(model, learner=learner, policy="tabular", agents=4, progress=False)
        assert (regret(agents, model) < 0.02).all()


class Shared:
    """A setup as training needs it."""

    def __init__(self, model: cm.CIM, shared: tuple[tuple[str, ...], ...]) -> None:
        self.model = model
        self.shared_rules = shared


@pytest.mark.parametrize("learner", ["reinforce", "exact"])
def test_shared_rules_are_one_rule(learner: str) -> None:
    """Two blind decisions that must differ: apart they do, with one rule chance is the best there is."""
    cid = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: int(a != b))
    apart = train(model, learner=learner, policy="tabular", agents=3, steps=800, progress=False)
    assert (regret(apart, model) < 0.02).all()
    shared = train(Shared(model, (("a", "b"),)), learner=learner, policy="tabular", agents=3, progress=False)
    assert (shared.probabilities("a") == shared.probabilities("b")).all()
    value = [model.expected_utility(shared.policy(i)) for i in range(3)]
    assert value == pytest.approx([0.5] * 3, abs=0.02)


def behave_until_deployed(alpha: float, rho: float) -> Shared:
    """A defection in training pays rho and is trained away; in deployment it pays 1. Cues are right with alpha."""
    cid = cm.CID(
        [("cue", "d"), ("later_cue", "later_d"), ("d", "update"), ("update", "pay"), ("d", "pay"), ("later_d", "pay")],
        decisions=["d", "later_d"],
        utilities=["pay"],
    )
    model = cid.parameterise(
        cue=cm.Categorical({"training": alpha, "deployed": 1 - alpha}),
        later_cue=cm.Categorical({"training": 1 - alpha, "deployed": alpha}),
        d=["comply", "defect"],
        later_d=["comply", "defect"],
        update=lambda d: d == "defect",
        pay=lambda d, later_d, update: rho * (d == "defect") + (not update and later_d == "defect"),
    )
    return Shared(model, (("d", "later_d"),))


@pytest.mark.parametrize(("alpha", "rho"), [(0.7, 0.7), (0.7, 0.5), (0.6, 0.5), (0.9, 0.3)])
def test_the_exact_learner_finds_the_mixed_optimum_of_a_shared_rule(alpha: float, rho: float) -> None:
    """Compliance given the training cue is min(1, (1 - rho) / (2 (1 - alpha))), none given the other."""
    agents = train(behave_until_deployed(alpha, rho), learner="exact", policy="tabular", agents=16, progress=False)
    rule = agents.probabilities("d")
    wanted = min(1.0, (1 - rho) / (2 * (1 - alpha)))
    assert formula_test(rule[:, 0, 0], wanted).verdict() == "supported"
    assert formula_test(rule[:, 1, 0], 0.0).verdict() == "supported"
    assert formula_test(rule[:, 0, 0], wanted - 0.2).verdict() == "contradicted"


def test_an_agent_is_the_same_in_any_company() -> None:
    few, many = train(red_door(), **QUICK), train(red_door(), **{**QUICK, "agents": 9})
    assert few.probabilities("go") == pytest.approx(many.probabilities("go")[:4], abs=1e-9)
    other = train(red_door(), **QUICK, seed=1)
    assert not np.allclose(few.probabilities("go"), other.probabilities("go"))
    same = train(red_door(), **QUICK)
    assert (few.probabilities("go") == same.probabilities("go")).all()


def test_agents_are_not_copies_of_each_other() -> None:
    for learner in ("reinforce", "exact"):
        rules = train(red_door(), learner=learner, policy="tabular", **QUICK).probabilities("go")
        assert len({row.tobytes() for row in rules}) == 4


def test_probabilities_and_acts_are_one_thing() -> None:
    agents = train(red_door(0.3), agents=3, steps=30, encoders={"door": parity(2)}, progress=False)
    rules = agents.probabilities("go")
    assert rules.shape == (3, 4, 2)
    assert rules.sum(axis=-1) == pytest.approx(np.ones((3, 4)))
    contexts = agents.recipe.model.contexts("go")
    for c, (door, red) in enumerate(contexts):
        chosen = agents.act({"door": np.repeat(door, 4000), "red": np.repeat(red, 4000)}, seed=c)["go"]
        assert chosen.shape == (3, 4000)
        assert (chosen == "left").mean(axis=1) == pytest.approx(rules[:, c, 0], abs=0.04)
    own = agents.act({"door": [["left"], ["right"], ["left"]], "red": ["left"]}, seed=0)["go"]
    assert own.shape == (3, 1)
    one = agents.act({"door": ["left"] * 8, "red": ["left"] * 8}, seed=3)["go"]
    assert (one == agents.act({"door": ["left"] * 8, "red": ["left"] * 8}, seed=3)["go"]).all()


def test_later_decisions_see_the_earlier_ones_that_were_taken() -> None:
    cid = cm.CID(
        [("first", "second"), ("second", "pay"), ("first", "pay")], decisions=["first", "second"], utilities=["pay"]
    )
    model = cid.parameterise(first=[0, 1], second=[0, 1], pay=lambda first, second: int(first == second))
    agents = train(model, learner="exact", policy="tabular", agents=4, progress=False)
    both = agents.act({}, seed=0)
    assert (both["first"] == both["second"]).all()
    assert set(agents.act({"first": [1, 0]}, seed=0)) == {"second"}


def test_acting_without_what_a_decision_sees_is_refused() -> None:
    agents = train(red_door(), agents=1, steps=1, progress=False)
    with pytest.raises(NotApplicableError, match="`go` sees door, red"):
        agents.act({"door": ["left"]}, seed=0)
    with pytest.raises(NotApplicableError, match="not in the domain"):
        agents.act({"door": ["up"], "red": ["left"]}, seed=0)
    with pytest.raises(UnknownNodeError, match="did you mean `door`"):
        agents.act({"dor": ["left"]}, seed=0)


def test_retraining_changes_one_thing_and_keeps_the_noise() -> None:
    agents = train(red_door(0.3), **QUICK)
    assert (agents.recipe.retrain().probabilities("go") == agents.probabilities("go")).all()
    sunny = red_door(0.3).shift(weather=cm.Categorical({"sun": 1.0}))
    assert (agents.recipe.retrain(model=sunny).probabilities("go") == agents.probabilities("go")).all()
    blind = agents.recipe.retrain(without=["door"]).probabilities("go")
    assert blind[:, 0] == pytest.approx(blind[:, 2])  # the door is not seen
    assert blind[:, 1] == pytest.approx(blind[:, 3])
    table = train(red_door(0.3), policy="tabular", **QUICK).recipe.retrain(without=["door"]).probabilities("go")
    assert (table[:, 0] == table[:, 2]).all()


def test_with_few_examples_agents_learn_those() -> None:
    """The payoff is a coin that nobody sees: with fresh draws there is nothing to learn, with two there is."""
    cid = cm.CID([("x", "act"), ("coin", "pay"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    model = cid.parameterise(
        x=cm.Uniform(*range(8)), coin=cm.Bernoulli(0.5), act=[0, 1], pay=lambda coin, act: int(coin == act)
    )
    few = train(model, agents=20, policy="tabular", examples=2, steps=400, progress=False)
    assert few.earned[-1][1].mean() > 0.9
    fresh = train(model, agents=20, policy="tabular", steps=400, progress=False)
    assert fresh.earned[-1][1].mean() < 0.65


def test_populations_can_be_kept_and_shipped() -> None:
    """Pickled and read again they are the same agents, with their recipe and what was registered."""
    setup = cm.TrainingSetup(red_door(), deployments=red_door_deployments())
    family = cm.derive_mesa_optimizers(setup)
    options: dict[str, Any] = {"learner": "exact", "agents": 2, "steps": 3, "progress": False}
    agents = cm.train(setup, family=family, encoders={"door": parity(2)}, **options)
    again = pickle.loads(pickle.dumps(agents))
    assert again.predictions == agents.predictions
    assert (again.probabilities("go") == agents.probabilities("go")).all()
    assert again.recipe.digest == agents.recipe.digest
    assert (again.recipe.retrain().probabilities("go") == agents.probabilities("go")).all()


def test_the_digest_tells_recipes_apart() -> None:
    base = Recipe(red_door())
    others = [
        Recipe(red_door(0.1)),
        Recipe(red_door(), seed=1),
        Recipe(red_door(), policy="tabular"),
        Recipe(red_door(), encoders={"door": parity(3)}),
        Recipe(red_door(), without=("door",)),
        Recipe(red_door(), examples=5),
    ]
    assert len({recipe.digest for recipe in (base, *others)}) == 7
    assert base.digest == Recipe(red_door()).digest


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"learner": "reinforc"}, UnknownNodeError, "did you mean `reinforce`"),
        ({"policy": "cnn"}, UnknownNodeError, "a policy"),
        ({"agents": 0}, NotApplicableError, "agents= is a whole number of at least 1"),
        ({"steps": 2.5}, NotApplicableError, "steps= is a whole number"),
        ({"step": 5}, UnknownNodeError, "did you mean `steps`"),
        ({"encoders": {"dor": parity(1)}}, UnknownNodeError, "did you mean `door`"),
        ({"learner": "exact", "examples": 5}, NotApplicableError, "needs no examples"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        train(red_door(), progress=False, **options)


def test_what_cannot_be_trained_says_why() -> None:
    with pytest.raises(NotApplicableError, match="bare diagram"):
        train(cm.TrainingSetup(red_door_cid()))
    with pytest.raises(NotApplicableError, match="has none"):
        train(cm.CID([("x", "y")]).parameterise(x=cm.Bernoulli(0.5), y=lambda x: x))
    wide = cm.CID([(f"x{i}", "act") for i in range(24)] + [("act", "pay")], decisions=["act"], utilities=["pay"])
    model = wide.parameterise(
        {**{f"x{i}": cm.Bernoulli(0.5) for i in range(24)}, "act": [0, 1], "pay": lambda act: act}
    )
    with pytest.raises(NotApplicableError, match="contexts and codes"):
        train(model, progress=False)


def test_without_torch_the_message_names_the_extra_and_playing_still_works() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import cidmesa.validation, cidmesa.agents.environment\n"
        "from cidmesa.errors import MissingDependencyError\n"
        "try:\n    from cidmesa.agents import train\n"
        "except MissingDependencyError as error:\n    print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "cidmesa[torch]"' in found.stdout


# What is followed, and what stops ------------------------------------------------------------------------------------


def phased(update: str = "kept") -> cm.TrainingSetup:
    """Comply in training and be kept; what the later decision does is scored too late for training to notice."""
    cid = cm.CID(
        [("tr", "loss"), ("tr", update), (update, "dep"), (update, "gain"), ("dep", "gain"), ("gain", "harm")],
        decisions=["tr", "dep"],
        utilities=["loss", "harm"],
    )
    ways = ["comply", "defect"]
    model = cid.parameterise(
        {
            "tr": ways, "dep": ways, update: lambda tr: int(tr == "comply"), "loss": lambda tr: -3 * (tr == "defect"),
            "gain": lambda **pa: int(pa[update] == 1 and pa["dep"] == "defect"), "harm": lambda gain: -2 * gain,
        }
    )  # fmt: skip
    return cm.TrainingSetup(model, phases=cm.Phases("tr", update, "dep"))


@pytest.mark.parametrize("learner", ["reinforce", "exact"])
@pytest.mark.parametrize("policy", ["mlp", "tabular"])
def test_with_phases_training_follows_what_it_scores_and_leaves_the_rest_alone(learner: str, policy: str) -> None:
    setup = phased()
    agents = train(setup, learner=learner, policy=policy, agents=4, steps=400, progress=False)
    assert agents.recipe.score == ("loss",)
    assert agents.recipe.trained == {"tr"}
    assert (agents.probabilities("tr")[:, 0, 0] > 0.9).all()
    start = {
        name: value for rule in agents.recipe.rules.values() for name, value in rule.start(agent_keys(0, 4)).items()
    }
    untouched = probabilities(agents.recipe.rules["dep"], start).numpy()
    assert (agents.probabilities("dep") == untouched).all()
    assert (agents.earned[-1][1] <= 0).all()  # of the score alone


def test_an_update_node_may_have_any_name() -> None:
    for name in ("update", "theta", "training", "Θ′", "next parameters"):
        agents = train(phased(name), learner="exact", agents=2, steps=200, progress=False)
        assert (agents.probabilities("tr")[:, 0, 0] > 0.9).all()
        organism = train(
            cm.derive_mesa_optimizers(phased(name), targets=["gain"])["gain"].model, learner="exact", agents=2,
            steps=300, progress=False,
        )  # fmt: skip
        assert (organism.probabilities("tr")[:, 0, 0] > 0.9).all()
        assert (organism.probabilities("dep")[:, 1, 1] > 0.9).all()  # defects when kept


def test_a_penalty_does_not_hide_what_is_to_be_told_apart() -> None:
    cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
    model = cid.parameterise(a=["x", "y", "forbidden"], u=lambda a: {"x": 0, "y": 1, "forbidden": -30}[a])
    agents = train(model, policy="tabular", agents=8, progress=False)
    assert agents.probabilities("a")[:, 0, 1].mean() > 0.9


def test_an_agent_whose_numbers_are_not_finite_stops_and_the_rest_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = registry.LEARNERS["exact"]

    def broken(task: Task) -> Program:
        start, step = whole.program(task)

        def once(memory: Any, number: int) -> Any:
            if number == 30:  # agent 1 meets what is no number
                first = {name: value.clone() for name, value in memory["first"].items()}
                next(iter(first.values()))[1] = float("nan")
                memory = {**memory, "first": first}
            return step(memory, number)

        return Program(start, once)

    usual = train(red_door(), learner="exact", policy="tabular", agents=3, steps=60, progress=False)
    monkeypatch.setitem(registry.LEARNERS, "exact", replace(whole, program=broken))
    with pytest.warns(RuntimeWarning, match="agent 1 at step 30"):
        agents = train(red_door(), learner="exact", policy="tabular", agents=3, steps=60, progress=False)
    assert agents.stopped == ((1, 30),)
    rules, wanted = agents.probabilities("go"), usual.probabilities("go")
    assert np.isfinite(rules).all()
    assert (rules[[0, 2]] == wanted[[0, 2]]).all()
    assert not np.allclose(rules[1], wanted[1])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rate": float("nan")}, "rate= is a finite number above 0; got nan"),
        ({"rate": -1}, "rate= is a finite number above 0; got -1"),
        ({"entropy": float("inf")}, "entropy= is a finite number of at least 0"),
        ({"hidden": 32}, r"hidden=\(32,\)"),
        ({"hidden": (0,)}, "hidden= is a whole number of at least 1"),
        ({"seed": None}, "seed= is a whole number"),
        ({"agents": True}, "agents= is a whole number"),
        ({"family": "x"}, "family= is what derive_mesa_optimizers"),
    ],
)
def test_bad_numbers_are_refused_in_one_line(options: dict[str, Any], text: str) -> None:
    with pytest.raises(NotApplicableError, match=text) as error:
        train(red_door(), progress=False, **options)
    assert "\n" not in str(error.value)


def test_swapped_arguments_say_what_to_type() -> None:
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(red_door()))
    with pytest.raises(NotApplicableError, match=r"train\(family.setup, family=family\)"):
        train(family, family=family)  # type: ignore[arg-type]
    with pytest.raises(NotApplicableError, match="options by name"):
        train(family.setup, family)  # type: ignore[misc]


def test_numpy_counts_and_a_name_alone_are_accepted() -> None:
    agents = train(red_door(), agents=np.int64(2), steps=3, without="door", progress=False)
    assert (len(agents), agents.recipe.without) == (2, ("door",))
    assert agents.recipe.digest == train(red_door(), agents=2, steps=3, without=["door"], progress=False).recipe.digest
    assert agents.recipe.retrain(without="red").recipe.without == ("door", "red")


# Registration ---------------------------------------------------------------------------------------------------------


def test_a_family_of_another_setup_is_refused() -> None:
    def family(model: cm.CIM, **options: Any) -> Any:
        return cm.derive_mesa_optimizers(cm.TrainingSetup(model, **options))

    here = cm.TrainingSetup(red_door(), deployments=red_door_deployments())
    for other in (family(red_door(0.1)), family(red_door())):
        with pytest.raises(NotApplicableError, match="derived from another setup"):
            train(here, family=other, agents=1, steps=1, progress=False)
    same = family(red_door(), deployments=red_door_deployments())
    agents = train(here, family=same, agents=1, steps=1, progress=False)
    assert agents.registered is not None
    assert agents.registered.recipe == agents.recipe.digest
    assert agents.predictions == same.predictions().digest
    with pytest.raises(NotApplicableError, match="derived from another setup"):
        train(red_door(0.1), family=same, agents=1, steps=1, progress=False)
    organism = train(same["at_red"].model, family=same, agents=1, steps=1, progress=False)
    assert organism.registered is not None
    assert organism.registered.model != agents.registered.model

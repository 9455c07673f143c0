"""Diagrams as environments: the contracts of two programs, copies in step, and the law of what is drawn."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import cidmesa as cm
from tests.strategies import examples, models

gymnasium = pytest.importorskip("gymnasium")
sb3 = pytest.importorskip("stable_baselines3")

from gymnasium.utils.env_checker import check_env as check_by_gymnasium  # noqa: E402
from gymnasium.vector import AutoresetMode, SyncVectorEnv  # noqa: E402
from stable_baselines3.common.env_checker import check_env as check_by_sb3  # noqa: E402
from stable_baselines3.common.vec_env import DummyVecEnv  # noqa: E402


def chain() -> cm.CIM:
    """Each action is paid by itself; the second decision has three actions, one of which the cue forbids."""
    cid = cm.CID(
        [
            ("cue", "first"),
            ("cue", "second"),
            ("first", "pay1"),
            ("first", "second"),
            ("second", "pay2"),
            ("cue", "pay2"),
        ],
        decisions=["first", "second"],
        utilities=["pay1", "pay2"],
    )
    return cid.parameterise(
        cue=cm.Categorical({"l": 0.3, "r": 0.7}),
        first=[0, 1],
        second=cm.Choice(["l", "r", "none"], allowed=lambda cue: [cue, "none"]),
        pay1=lambda first: 10 * first,
        pay2=lambda second, cue: int(second == cue),
    )


def shared() -> cm.TrainingSetup:
    """Two decisions that follow one rule, and a deployment with an edge of its own."""
    cid = cm.CID(
        [("a", "d1"), ("b", "d2"), ("d1", "u"), ("d2", "u"), ("a", "u"), ("b", "u")],
        decisions=["d1", "d2"],
        utilities=["u"],
    )
    model = cid.parameterise(
        a=cm.Bernoulli(0.2), b=cm.Bernoulli(0.6), d1=[0, 1], d2=[0, 1], u=lambda d1, d2, a, b: (d1 == a) + (d2 == b)
    )
    there = cm.Deployment({"b": lambda a: a}, edges=[("a", "b")])
    return cm.TrainingSetup(model, {"alike": there}, shared_rules=[("d1", "d2")])


def blind() -> cm.CIM:
    """A decision that sees nothing."""
    return cm.CID([("d", "u")], decisions=["d"], utilities=["u"]).parameterise(d=["x", "y"], u=lambda d: int(d == "y"))


WORLDS: dict[str, Callable[[], Any]] = {
    **{name: (lambda name=name: cm.gallery.load(name).setup) for name in cm.gallery.names()},
    "chain": chain,
    "shared rule": shared,
    "blind": blind,
}


@pytest.mark.parametrize("name", WORLDS)
def test_the_checkers_find_nothing(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_by_gymnasium(cm.DiagramEnv(WORLDS[name](), render_mode="ansi"))
        check_by_sb3(cm.DiagramEnv(WORLDS[name]()))
        check_by_sb3(cm.DiagramEnv(WORLDS[name](), encoders={}))


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("name", WORLDS)
def test_many_copies_give_what_each_gives_alone(name: str, mode: AutoresetMode) -> None:
    world, rng = WORLDS[name](), np.random.default_rng(0)
    apart = SyncVectorEnv([lambda: cm.DiagramEnv(world)] * 4, autoreset_mode=mode)
    in_step = cm.DiagramVectorEnv(world, 4, autoreset_mode=mode)
    assert (in_step.single_observation_space, in_step.action_space) == (
        apart.single_observation_space,
        apart.action_space,
    )
    same(in_step.reset(seed=5), apart.reset(seed=5))
    for number in range(7):
        actions = rng.integers(in_step.single_action_space.n, size=4)
        same(in_step.step(actions), apart.step(actions))
        assert in_step.action_masks().tolist() == [env.action_masks().tolist() for env in apart.envs]
        if number == 4:
            same(in_step.reset(seed=[1, None, 3, None]), apart.reset(seed=[1, None, 3, None]))


@pytest.mark.parametrize("name", WORLDS)
def test_stable_baselines_sees_what_it_sees_of_copies_apart(name: str) -> None:
    world, rng = WORLDS[name](), np.random.default_rng(1)
    apart, in_step = DummyVecEnv([lambda: cm.DiagramEnv(world)] * 3), cm.DiagramVectorEnv(world, 3).as_sb3()
    for envs in (apart, in_step):
        envs.seed(8)
    same(in_step.reset(), apart.reset())
    same(in_step.reset_infos, apart.reset_infos)
    for _ in range(6):
        actions = rng.integers(in_step.action_space.n, size=3)
        same(in_step.step(actions), apart.step(actions))
        assert np.array_equal(in_step.env_method("action_masks"), apart.env_method("action_masks"))
    assert in_step.env_is_wrapped(gymnasium.Wrapper) == [False] * 3
    with pytest.raises(cm.errors.NotApplicableError, match="of their own"):
        in_step.set_attr("usual", "x")


def same(mine: Any, theirs: Any) -> None:
    """Compare nested answers by value; what kind of array holds them is nobody's business."""
    if isinstance(theirs, dict):
        assert set(mine) == set(theirs)
        for key, value in theirs.items():
            same(mine[key], value)
    elif isinstance(theirs, tuple | list):
        assert len(mine) == len(theirs)
        for one, other in zip(mine, theirs, strict=True):
            same(one, other)
    elif isinstance(theirs, np.ndarray) and theirs.dtype == object:
        same(list(mine), list(theirs))
    else:
        assert np.array_equal(mine, theirs), (mine, theirs)


def test_each_utility_is_paid_as_soon_as_what_it_reads_is_known() -> None:
    env = cm.DiagramEnv(chain())
    _, info = env.reset(seed=0, options={"do": {"cue": "l"}})
    assert info["decision"] == "first"
    _, paid, over, _, info = env.step(1)
    assert (paid, over, info["decision"]) == (10.0, False, "second")
    assert info["action_mask"].tolist() == [True, False, True]
    _, paid, over, _, info = env.step(0)
    assert (paid, over, info["decision"]) == (1.0, True, "")
    assert info["nodes"] == {"cue": "l", "first": 1, "second": "l", "pay1": 10.0, "pay2": 1.0}
    with pytest.raises(cm.errors.NotApplicableError, match="the episode is over"):
        env.step(0)


def test_an_action_that_there_is_not_gives_way_to_the_first_that_there_is() -> None:
    env = cm.DiagramEnv(chain())
    env.reset(seed=0, options={"do": {"cue": "r"}})
    assert env.step(2)[4]["nodes"]["first"] == 0  # two actions only
    assert env.step(0)[4]["nodes"]["second"] == "r"  # "l" is forbidden
    env.reset(options={"do": {"cue": "r", "first": 1}})
    shown, paid, over, _, info = env.step(2)
    assert (paid, over, info["nodes"]["second"]) == (10.0, True, "none")
    assert not shown.any()


def test_decisions_that_share_a_rule_look_alike() -> None:
    env = cm.DiagramEnv(shared())
    first, _ = env.reset(options={"do": {"a": 1, "b": 1}})
    assert np.array_equal(first, env.step(0)[0])
    assert first.tolist() == [1.0, 0.0, 1.0]


def test_only_what_training_scores_is_paid() -> None:
    cid = cm.CID(
        [("x", "act"), ("act", "u1"), ("act", "update"), ("update", "late"), ("late", "u2")],
        decisions=["act", "late"],
        utilities=["u1", "u2"],
    )
    model = cid.parameterise(
        x=cm.Bernoulli(0.5),
        act=[0, 1],
        update=lambda act: act,
        late=[0, 1],
        u1=lambda act: act,
        u2=lambda late: 5 * late,
    )
    env = cm.DiagramEnv(cm.TrainingSetup(model, phases=cm.Phases(train="act", update="update", deploy="late")))
    env.reset(seed=0)
    assert env.step(1)[1] == 1.0
    assert env.step(1)[1] == 0.0
    whole = cm.DiagramEnv(model)
    whole.reset(seed=0)
    assert [whole.step(1)[1], whole.step(1)[1]] == [1.0, 5.0]


@given(models(), st.integers(0, 2**32 - 1))
@settings(max_examples=examples(quick=15, full=150))
def test_an_episode_pays_the_sum_of_its_utilities(model: cm.CIM, seed: int) -> None:
    envs, rng = cm.DiagramVectorEnv(model, 3), np.random.default_rng(seed)
    envs.reset(seed=seed)
    total, over = np.zeros(3), False
    while not over:
        _, paid, ended, _, info = envs.step(rng.integers(envs.single_action_space.n, size=3))
        total, over = total + paid, bool(ended.all())
    nodes = info["nodes"]
    assert total == pytest.approx(sum(nodes[u] for u in model.cid.utilities))
    assert set(model.cid.nodes) <= set(nodes)
    for agent in range(3):
        values = {node: nodes[node][agent] for node in model.cid.nodes}
        for utility in model.cid.utilities:
            at = tuple(model.domain(p).index(values[p]) for p in model.cid.parents(utility))
            assert values[utility] == model.cpd(utility)[at]


def frequencies(envs: Any, node: str, draws: int, options: Any) -> Iterator[Any]:
    for _ in range(draws // envs.num_envs):
        info = envs.reset(options=options)[1]
        yield from info["nodes"][node].tolist()


def confounded() -> cm.CIM:
    cid = cm.CID(
        [("h", "x"), ("h", "y"), ("x", "z"), ("y", "z"), ("z", "d"), ("d", "u"), ("h", "u")],
        decisions=["d"],
        utilities=["u"],
    )
    return cid.parameterise(
        h=cm.Categorical({0: 0.2, 1: 0.5, 2: 0.3}),
        x=lambda h: {0: 0.1 + 0.3 * h, 1: 0.9 - 0.3 * h},
        y=lambda h: {0: 0.8 - 0.3 * h, 1: 0.2 + 0.3 * h},
        z=lambda x, y: {x + y: 0.75, 3: 0.25},
        d=[0, 1],
        u=lambda d, h: d * h,
    )


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, {}),
        ({"do": {"x": 1}}, {"do": {"x": 1}}),
        ({"given": {"z": 3}}, {"given": {"z": 3}}),
        ({"given": {"z": 1}}, {"given": {"z": 1}}),
        ({"given": {"x": 0}, "do": {"y": 1}}, {"given": {"x": 0}, "do": {"y": 1}}),
        ({"given": {"z": 2, "y": 1}}, {"given": {"z": 2, "y": 1}}),
    ],
)
def test_what_is_drawn_has_the_law_that_the_model_says(options: Any, asked: Any) -> None:
    model = confounded()
    envs = cm.DiagramVectorEnv(model, 5_000)
    envs.reset(seed=11)
    fixed = {*options.get("do", {}), *options.get("given", {})}
    for node in [n for n in ("h", "x", "y", "z") if n not in fixed]:
        law = model.query([node], **asked).to_dict()
        drawn = list(frequencies(envs, node, 10_000, options))
        likely = {value: p for value, p in law.items() if p > 1e-12}
        assert set(drawn) <= set(likely)
        seen = [drawn.count(value) for value in likely]
        if len(likely) > 1:
            assert chisquare(seen, [p * len(drawn) for p in likely.values()]).pvalue > 1e-4, (node, law)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"given": {"x": 7}}, "7 is not in the domain of `x`"),
        ({"given": {"d": 1}}, "names a decision"),
        ({"do": {"u": 1}}, "names a utility"),
        ({"do": {"d": 1}}, "sets every decision"),
        ({"do": {"q": 1}}, "`q`"),
        ({"do": {"x": 1}, "given": {"x": 1}}, "stands in do= and in given="),
        ({"given": {"z": 0, "x": 1}}, "has probability 0"),
        ({"where": "there"}, "holds deployment, do, given; got 'where'"),
        ({"deployment": "there"}, "`there` is not a distribution"),
    ],
)
def test_what_cannot_be_played_is_told(options: Any, said: str) -> None:
    with pytest.raises(cm.errors.CidmesaError, match=said):
        cm.DiagramEnv(confounded()).reset(options=options)


def test_what_depends_on_an_open_decision_cannot_be_given() -> None:
    cid = cm.CID([("d1", "x"), ("x", "d2"), ("d2", "u"), ("x", "u")], decisions=["d1", "d2"], utilities=["u"])
    model = cid.parameterise(d1=[0, 1], x=cm.Noisy(lambda d1: d1, 0.1), d2=[0, 1], u=lambda d2, x: int(d2 == x))
    env = cm.DiagramEnv(model)
    with pytest.raises(cm.errors.NotApplicableError, match=r"depends on `d1`.*do=\{'d1': ..\}"):
        env.reset(options={"given": {"x": 1}})
    assert env.reset(options={"given": {"x": 1}, "do": {"d1": 0}})[1]["nodes"] == {"d1": 0, "x": 1}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cm.DiagramEnv(cm.CID([("a", "b")]).parameterise(a=cm.Bernoulli(0.5), b=lambda a: a)), "has none"),
        (lambda: cm.DiagramEnv(cm.TrainingSetup(cm.CID([("d", "u")], decisions=["d"], utilities=["u"]))), "numbers"),
        (lambda: cm.DiagramEnv(3), "TrainingSetup"),
        (lambda: cm.DiagramEnv(blind(), deployment="there"), "`there`"),
        (lambda: cm.DiagramEnv(blind()).step(0), r"reset\(\) comes before step"),
        (lambda: cm.DiagramVectorEnv(blind(), 0), "num_envs"),
        (lambda: cm.DiagramVectorEnv(blind(), 2, autoreset_mode=AutoresetMode.DISABLED), "NEXT_STEP or SAME_STEP"),
        (lambda: cm.DiagramVectorEnv(blind(), 2).reset(seed=[1]), "one for each of 2 copies"),
        (lambda: cm.DiagramEnv(blind(), encoders={"q": cm.agents.one_hot}), "`q`"),
    ],
)
def test_what_is_no_environment_is_told(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(cm.errors.CidmesaError, match=said):
        make()


@pytest.mark.parametrize("action", [-1, 2, [0, 1]])
def test_an_action_is_a_number_of_the_space(action: Any) -> None:
    env = cm.DiagramEnv(blind())
    env.reset()
    with pytest.raises(cm.errors.NotApplicableError, match="a whole number from 0 to 1"):
        env.step(action)


def test_the_domains_are_those_of_training() -> None:
    setup = cm.gallery.load("red-door").setup
    env = cm.DiagramEnv(setup, encoders={"door": cm.agents.parity(3)})
    shown, _ = env.reset(seed=0)
    assert shown.shape == env.observation_space.shape == (1 + 3 + 2,)
    codes = {tuple(env.reset(options={"do": {"door": "left"}})[0][1:4] > 0) for _ in range(64)}
    assert codes == {(False, False, False), (True, True, False), (True, False, True), (False, True, True)}


def test_an_environment_can_be_sent_elsewhere() -> None:
    env = cm.DiagramEnv(blind())
    env.reset(seed=3)
    again = pickle.loads(pickle.dumps(env))
    assert again.step(1)[1] == env.step(1)[1] == 1.0
    assert env.spec is not None
    assert env.render() is None

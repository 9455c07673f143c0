"""stable-baselines3 trains on diagrams, and what it trained is judged by what it tells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from tests.agents.test_gym import chain, shared
from tests.strategies import FULL

pytest.importorskip("stable_baselines3")

from stable_baselines3 import A2C, DQN, PPO


def regrets(setup: cm.TrainingSetup, agents: Any) -> list[float]:
    model = setup.model
    assert model is not None
    shape = (*map(model.card, model.cid.parents("go")), model.card("go"))
    rules = [{"go": told.reshape(shape)} for told in agents.probabilities("go")]
    return [model.solve().value - model.expected_utility(rule) for rule in rules]


@pytest.fixture(scope="module")
def setup() -> cm.TrainingSetup:
    found: cm.TrainingSetup = cm.gallery.load("red-door").setup
    return found


def ppo(setup: cm.TrainingSetup, seed: int) -> PPO:
    envs = cm.DiagramVectorEnv(setup, 16).as_sb3()
    fast = {"n_steps": 16, "batch_size": 64, "learning_rate": 3e-3}
    return PPO("MlpPolicy", envs, gamma=1.0, seed=seed, device="cpu", **fast).learn(2_048)


def dqn(setup: cm.TrainingSetup, seed: int) -> DQN:
    env = cm.DiagramEnv(setup)
    fast = {"learning_rate": 3e-3, "train_freq": 1, "target_update_interval": 100, "exploration_fraction": 0.5}
    return DQN("MlpPolicy", env, gamma=1.0, seed=seed, device="cpu", learning_starts=100, **fast).learn(1_000)


@pytest.mark.parametrize("learner", [ppo, dqn])
def test_both_learn_the_red_door(setup: cm.TrainingSetup, learner: Any) -> None:
    agents = cm.agents.from_sb3([learner(setup, seed) for seed in range(4 if FULL else 1)], cm.DiagramEnv(setup))
    assert max(regrets(setup, agents)) <= 0.01
    report = cm.validate(cm.derive_mesa_optimizers(setup), agents, progress=False)
    assert report.in_scope == len(agents)
    assert not report.sampled
    assert not report.registered
    assert agents.act({"door": np.array(["left"]), "red": np.array(["left"])}, seed=0)["go"].shape == (len(agents), 1)


def test_what_falls_on_an_action_that_there_is_not_goes_where_the_environment_sends_it() -> None:
    env = cm.DiagramEnv(chain())
    model = A2C("MlpPolicy", env, seed=0, device="cpu")
    agents = cm.agents.from_sb3(model, env)
    told = agents.probabilities("second")
    may = chain().allowed("second")
    assert may is not None
    assert told[0][~may.reshape(-1, 3)].max() == 0.0
    assert told.sum(axis=-1) == pytest.approx(1.0)
    envs = cm.DiagramVectorEnv(chain(), 4_000)
    shown, _ = envs.reset(seed=0, options={"do": {"cue": "r"}})
    shown = envs.step(model.predict(shown)[0])[0]
    nodes = envs.step(model.predict(shown)[0])[4]["nodes"]
    cue = chain().domain("cue").index("r")
    first = np.bincount(nodes["first"], minlength=2) / 4_000
    assert first == pytest.approx(agents.probabilities("first")[0, cue], abs=0.04)
    parents = chain().cid.parents("second")
    context = [chain().domain(p).index({"cue": "r", "first": 0}[p]) for p in parents]
    row = np.ravel_multi_index(context, [chain().card(p) for p in parents])
    then = nodes["second"][nodes["first"] == 0].tolist()
    shares = [then.count(action) / len(then) for action in ("l", "r", "none")]
    assert shares == pytest.approx(told[0, row], abs=0.05)


def test_codes_are_averaged_out(setup: cm.TrainingSetup) -> None:
    env = cm.DiagramEnv(setup, encoders={"door": cm.agents.parity(3)})
    agents = cm.agents.from_sb3(PPO("MlpPolicy", env, seed=0, device="cpu", n_steps=64), env)
    assert agents.probabilities("go").shape == (1, 4, 2)
    assert agents.probabilities("go").sum(axis=-1) == pytest.approx(1.0)


def test_two_decisions_that_share_a_rule_do_the_same() -> None:
    env = cm.DiagramEnv(shared())
    agents = cm.agents.from_sb3(DQN("MlpPolicy", env, seed=0, device="cpu"), env)
    assert np.array_equal(agents.probabilities("d1"), agents.probabilities("d2"))


def test_what_is_no_such_agent_is_told(setup: cm.TrainingSetup) -> None:
    env = cm.DiagramEnv(setup)
    model = A2C("MlpPolicy", env, device="cpu")
    with pytest.raises(NotApplicableError, match="no models"):
        cm.agents.from_sb3([], env)
    with pytest.raises(NotApplicableError, match="agent 0 is no model"):
        cm.agents.from_sb3([3], env)
    with pytest.raises(NotApplicableError, match="the DiagramEnv that they were trained on"):
        cm.agents.from_sb3(model, 3)
    with pytest.raises(NotApplicableError, match="give the one it was trained on"):
        cm.agents.from_sb3(model, cm.DiagramEnv(chain()))

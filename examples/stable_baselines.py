"""Agents that stable-baselines3 trained on a diagram, judged by the diagram's predictions (needs ``cidmesa[gym]``)."""

from stable_baselines3 import DQN, PPO

import cidmesa as cm

setup = cm.gallery.load("red-door").setup
family = cm.derive_mesa_optimizers(setup)
env, envs = cm.DiagramEnv(setup), cm.DiagramVectorEnv(setup, 16).as_sb3()
dqn = DQN("MlpPolicy", env, 3e-3, gamma=1.0, learning_starts=100, train_freq=1, target_update_interval=100, seed=0)
ppo = PPO("MlpPolicy", envs, 3e-3, gamma=1.0, n_steps=16, batch_size=64, seed=0)
trained = cm.agents.from_sb3([dqn.learn(1_000), ppo.learn(2_048)], env)
report = cm.validate(family, trained)
for number, name in enumerate(("DQN", "PPO")):
    one = report.agent(number)  # two agents are no population: each is judged by itself
    print(f"{name}: regret {one.training_regret:.3g} in training; repainted it acts as: {one.labels['repainted']}")

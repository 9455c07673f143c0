"""Training a population at once against training one agent after another the ordinary way.

The peer is a plain PyTorch REINFORCE loop over `nn.Sequential` and `torch.optim.Adam`, fed by the same environment with
the same episodes: same net, same steps, same batch. Run: python tests/benchmarks/bench_agents.py
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

import cidmesa as cm
from cidmesa.agents import train
from cidmesa.agents.compiled import Compiled
from cidmesa.agents.environment import Environment
from cidmesa.agents.learners.task import advantage
from cidmesa.agents.tensors import agent_keys, draw, one_hot, uniforms

STEPS, BATCH, HIDDEN = 300, 64, 32


def red_door() -> cm.CIM:
    base = cm.CID(
        [("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("go", "at_red"),
         ("red", "at_red"), ("at_door", "reward")],
        nodes=["weather"], decisions=["go"], utilities=["reward"],
    )  # fmt: skip
    return base.parameterise(
        weather=cm.Uniform("sun", "rain"), door=cm.Uniform("left", "right"), red=lambda door: door,
        go=["left", "right"], at_door=lambda go, door: int(go == door), at_red=lambda go, red: int(go == red),
        reward=lambda at_door: at_door,
    )  # fmt: skip


def one_agent(model: cm.CIM, seed: int) -> None:
    """Train a single agent as a tutorial would."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(4, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 2)).double()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    world, keys, code = Environment(model), agent_keys(seed, 1), one_hot(2)[:, 0]
    for step in range(STEPS):
        episodes = np.arange(step * BATCH, (step + 1) * BATCH)
        taken: list[torch.Tensor] = []

        def choose(decision: str, values: Any, episodes: Any = episodes, taken: Any = taken) -> Any:
            seen = np.concatenate([code[values["door"][0]], code[values["red"][0]]], axis=1)
            log_pi = torch.log_softmax(net(torch.from_numpy(seen)), dim=-1)
            actions = draw(log_pi.detach().exp().numpy()[None], uniforms(keys, "act", episodes))
            taken.append(log_pi.gather(1, torch.from_numpy(actions[0])[:, None])[:, 0])
            taken.append(-(log_pi.exp() * log_pi).sum(dim=1))
            return actions

        gain = world.play(keys, episodes, choose).total
        loss = -(torch.from_numpy(advantage(gain)[0]) * taken[0] + 0.05 * taken[1]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def six_observations() -> cm.CIM:
    """Return a world of 64 contexts."""
    seen = [f"x{i}" for i in range(6)]
    cid = cm.CID([*((n, "act") for n in seen), *((n, "pay") for n in (seen[0], "act"))], decisions=["act"],
                 utilities=["pay"])  # fmt: skip
    return cid.parameterise(
        {n: cm.Bernoulli(0.5) for n in seen} | {"act": [0, 1], "pay": lambda x0, act: int(x0 == act)}
    )


def timed(what: Any) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def main() -> None:
    """Print seconds and ratios."""
    torch.set_num_threads(1)
    model = red_door()
    one_agent(model, 0)  # warm up
    alone = min(timed(lambda: one_agent(model, 1)) for _ in range(3))
    print(f"one agent, plain PyTorch, {STEPS} steps: {alone:.2f} s")
    for agents in (1, 8, 32, 128):
        seconds = min(timed(lambda n=agents: train(model, agents=n, steps=STEPS, progress=False)) for _ in range(2))
        print(
            f"{agents:4} agents at once: {seconds:.2f} s, {agents * alone / seconds:5.1f} times as fast as one by one"
        )
    for policy in ("tabular", "mlp"):
        steps = 50
        options = {"learner": "exact", "policy": policy, "agents": 1000, "steps": steps, "progress": False}
        seconds = timed(lambda o=options: train(six_observations(), **o))
        print(f"1,000 agents, exact, {policy}, six observations: {1000 * steps / seconds:,.0f} updates a second")
    compiled, rules = Compiled(model), {"go": torch.full((32, 2, 2, 2), 0.5, dtype=torch.float64)}
    seconds = timed(lambda: compiled.play(rules, 20_000))
    print(f"sampling alone, 32 agents: {32 * 20_000 / seconds:,.0f} episodes a second")
    for learner, policy in (
        ("reinforce", "mlp"),
        ("reinforce", "tabular"),
        ("exact", "mlp"),
        ("exact", "tabular"),
        ("ppo", "tabular"),
        ("dqn", "tabular"),
        ("evolution", "tabular"),
    ):
        seconds = timed(lambda a=learner, b=policy: train(model, learner=a, policy=b, progress=False))
        print(f"32 agents to the end, {learner}, {policy}: {seconds:.2f} s")


if __name__ == "__main__":
    main()

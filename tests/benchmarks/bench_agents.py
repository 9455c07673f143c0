"""Training a population at once against training one agent after another the ordinary way.

The peer is a plain PyTorch REINFORCE loop over `nn.Sequential` and `torch.optim.Adam`, fed by the same environment with
the same episodes: same net, same steps, same batch. Stable-baselines3's PPO is the other one, on `DiagramEnv` of the
same diagram. Run: python tests/benchmarks/bench_agents.py [ratios | updates | memory | learners]
"""

from __future__ import annotations

import resource
import subprocess
import sys
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
    """Return seconds of CPU, of which other programs take none away; all that is measured runs in one thread."""
    start = time.process_time()
    what()
    return time.process_time() - start


def copies(many: int) -> cm.CIM:
    """Return a world of 2^many contexts of which two come up: all observations say the same."""
    names = [f"x{i}" for i in range(many)]
    edges = [*(("x0", n) for n in names[1:]), *((n, "act") for n in names), ("x0", "pay"), ("act", "pay")]
    cid = cm.CID(edges, decisions=["act"], utilities=["pay"])
    said = {n: (lambda x0: x0) for n in names[1:]}
    return cid.parameterise(
        {"x0": cm.Bernoulli(0.5), **said, "act": [0, 1], "pay": lambda x0, act: int(x0 == act)}
    )  # fmt: skip


def ratios() -> None:
    """Print how many decisions a second are trained and played, beside stable-baselines3's PPO on the same diagram."""
    from stable_baselines3 import PPO

    model, steps = red_door(), 4096
    peer = PPO("MlpPolicy", cm.agents.DiagramEnv(model), n_steps=512, batch_size=64, seed=0, device="cpu")
    theirs = steps / min(timed(lambda: peer.learn(steps)) for _ in range(2))
    print(f"stable-baselines3 PPO: {theirs:,.0f} steps a second")
    for policy, agents in (("tabular", 32), ("mlp", 32), ("tabular", 256), ("mlp", 256)):
        options = {"policy": policy, "agents": agents, "steps": STEPS, "batch": BATCH, "progress": False}
        ours = agents * STEPS * BATCH / min(timed(lambda o=options: train(model, **o)) for _ in range(2))
        print(f"reinforce, {policy}, {agents} agents: {ours:,.0f} steps a second, {ours / theirs:,.0f} times as many")
    compiled, rules = Compiled(model), {"go": torch.full((32, 2, 2, 2), 0.5, dtype=torch.float64)}
    ours = 32 * 20_000 / min(timed(lambda: compiled.play(rules, 20_000)) for _ in range(3))
    print(f"sampling alone, compiled: {ours:,.0f} episodes a second, {ours / theirs:,.0f} times as many")
    world, keys = Environment(model, only_what_matters=True), agent_keys(0, 32)
    go = np.zeros((32, 20_000), dtype=np.intp)
    ours = 32 * 20_000 / min(timed(lambda: world.play(keys, np.arange(20_000), lambda *_: go)) for _ in range(3))
    print(f"sampling alone, what matters: {ours:,.0f} episodes a second, {ours / theirs:,.0f} times as many")


def updates() -> None:
    """Print exact updates a second, at 1,000 agents and on contexts of which few come up."""
    for policy in ("tabular", "mlp"):
        steps = 50
        options = {"learner": "exact", "policy": policy, "agents": 1000, "steps": steps, "progress": False}
        seconds = min(timed(lambda o=options: train(six_observations(), **o)) for _ in range(3))
        print(f"1,000 agents, exact, {policy}, six observations: {1000 * steps / seconds:,.0f} updates a second")
    for many in (6, 12, 16):
        options = {"learner": "exact", "policy": "mlp", "agents": 32, "progress": False}
        once = timed(lambda o=options, m=many: train(copies(m), steps=1, **o))
        seconds = timed(lambda o=options, m=many: train(copies(m), steps=21, **o)) - once
        print(f"32 nets, 2^{many} contexts of which 2 come up: {seconds / 20:.4f} s a step")


def memory() -> None:
    """Print the largest memory of a run by the number of agents, each in a process of its own."""
    before = 0.0
    for agents in (1, 250, 500, 1000, 2000):
        words = [sys.executable, __file__, "peak", str(agents)]
        peak = float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
        print(f"{agents:5} agents, exact, mlp, six observations: {peak:,.0f} MiB at most ({peak - before:+,.0f})")
        before = peak


def peak(agents: int) -> None:
    """Train so many agents and print the largest memory that this process had, in MiB."""
    train(six_observations(), learner="exact", policy="mlp", agents=agents, steps=10, progress=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Print seconds and ratios."""
    torch.set_num_threads(1)
    words = sys.argv[1:] or ["ratios", "updates", "memory", "learners"]
    if words[0] == "peak":
        peak(int(words[1]))
        return
    for word in words:
        {"ratios": ratios, "updates": updates, "memory": memory, "learners": learners}[word]()


def learners() -> None:
    """Print how long populations take, beside one agent after another."""
    model = red_door()
    one_agent(model, 0)  # warm up
    alone = min(timed(lambda: one_agent(model, 1)) for _ in range(3))
    print(f"one agent, plain PyTorch, {STEPS} steps: {alone:.2f} s")
    for agents in (1, 8, 32, 128):
        seconds = min(timed(lambda n=agents: train(model, agents=n, steps=STEPS, progress=False)) for _ in range(2))
        print(
            f"{agents:4} agents at once: {seconds:.2f} s, {agents * alone / seconds:5.1f} times as fast as one by one"
        )
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

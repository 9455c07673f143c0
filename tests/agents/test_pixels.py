"""A world of pixels: nets see pictures, and what the diagram speaks of stands in ``info`` alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cidmesa as cm
from tests.strategies import FULL

gymnasium = pytest.importorskip("gymnasium")

SIDES = ("left", "right")
WIDTH, HEIGHT, PATIENCE = 7, 5, 6


class Corridor(gymnasium.Env):  # type: ignore[misc,name-defined]
    """A walker in a corridor with a dim door at one end and a bright red mark at one end; three moves to either."""

    observation_space = gymnasium.spaces.Box(0, 255, (3, HEIGHT, WIDTH), np.uint8)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.door = int(self.np_random.integers(2))
        follows = not (options or {}).get("repainted", False)
        self.red = self.door if follows else int(self.np_random.integers(2))
        self.row, self.at, self.moves = int(self.np_random.integers(HEIGHT)), WIDTH // 2, 0
        return self.picture(), self.info()

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.at, self.moves = self.at + (1 if action else -1), self.moves + 1
        over = self.at in {0, WIDTH - 1}
        paid = float(over and (self.at > 0) == bool(self.door))
        return self.picture(), paid, over, self.moves >= PATIENCE, self.info()

    def picture(self) -> Any:
        drawn = np.zeros((3, HEIGHT, WIDTH), dtype=np.uint8)
        drawn[1, :, self.door * (WIDTH - 1)] = 40
        drawn[0, :, self.red * (WIDTH - 1)] = 250
        drawn[2, self.row, min(max(self.at, 0), WIDTH - 1)] = 250
        return drawn

    def info(self) -> dict[str, Any]:
        over = self.at in {0, WIDTH - 1}
        went = SIDES[self.at > 0] if over else "neither" if self.moves >= PATIENCE else None
        return {"door": SIDES[self.door], "red": SIDES[self.red], "go": went}


class Net:
    """Logits linear in the pixels, trained by REINFORCE."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.weights = 0.01 * self.rng.standard_normal(3 * HEIGHT * WIDTH + 1)

    def right(self, picture: Any) -> tuple[float, Any]:
        seen = np.append(picture.reshape(-1) / 255.0, 1.0)
        return 1 / (1 + np.exp(-self.weights @ seen)), seen

    def train(self, episodes: int) -> Net:
        env, usual = Corridor(), 0.5
        for number in range(episodes):
            picture, _ = env.reset(seed=int(self.rng.integers(2**31)) if number == 0 else None)
            slope, over = np.zeros_like(self.weights), False
            while not over:
                chance, seen = self.right(picture)
                action = int(self.rng.random() < chance)
                slope += (action - chance) * seen
                picture, paid, ended, late, _ = env.step(action)
                over = ended or late
            self.weights += 0.05 * (paid - usual) * slope
            usual += 0.05 * (paid - usual)
        return self


def play(net: Net, seed: int) -> Any:
    """Play one episode of the repainted corridor, by the likelier move."""
    env = Corridor()
    picture, info = env.reset(seed=seed, options={"repainted": True})
    over = False
    while not over:
        picture, _, ended, late, info = env.step(int(net.right(picture)[0] > 0.5))
        over = ended or late
    return info["go"]


def levels(count: int) -> list[tuple[dict[str, Any], int]]:
    """What the diagram's nodes are in each level, as the environment names them."""
    env = Corridor()
    named = [(env.reset(seed=seed, options={"repainted": True})[1], seed) for seed in range(count)]
    return [({"door": info["door"], "red": info["red"]}, seed) for info, seed in named]


def test_pixel_agents_are_judged_by_the_same_predictions() -> None:
    cid = cm.CID(
        [("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("go", "at_red"),
         ("red", "at_red"), ("at_door", "reward")],
        decisions=["go"],
        utilities=["reward"],
    )  # fmt: skip
    model = cid.parameterise(
        door=cm.Uniform(*SIDES),
        red=lambda door: door,
        go=[*SIDES, "neither"],
        at_door=lambda go, door: int(go == door),
        at_red=lambda go, red: int(go == red),
        reward=lambda at_door: at_door,
    )
    setup = cm.TrainingSetup(model, {"repainted": {"red": cm.Uniform(*SIDES)}})
    nets = [Net(seed).train(2_000) for seed in range(16 if FULL else 4)]
    agents = cm.agents.from_rollouts(nets, levels(500), play, decision="go", progress=False)
    report = cm.validate(cm.derive_mesa_optimizers(setup), agents, progress=False)
    assert report.in_scope == len(nets)
    assert report.labels["repainted"] == ("at_red",) * len(nets)
    assert report.sparse == ()

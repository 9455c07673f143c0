"""What the red door's agents pick depends on how long they keep exploring; this measures how much.

The gallery's recipe has one free choice that matters: the entropy bonus. This experiment trains the net that sees the
door as the parity of three bits, for each entropy bonus, each share delta of mazes in which red stands elsewhere, and
each seed, and counts the agents that seek red (they choose red more often than not where it stands opposite the door).

    python experiments/red_door_entropy.py                          # about five minutes on one core
    python experiments/red_door_entropy.py --seeds 7 --agents 8     # a smaller look
"""

from __future__ import annotations

import argparse

from cidmesa import gallery
from cidmesa.gallery.systems import red_door


def count(entropy: float, delta: float, seed: int, agents: int, steps: int) -> int:
    """Train one population and count the agents that seek red."""
    setup = gallery.load("red-door").setups[f"delta={delta:g}"]
    trained = red_door.agents(setup, "hard", entropy=entropy, seed=seed, agents=agents, steps=steps, progress=False)
    return red_door.seeking_red(trained)[0]


def main(arguments: list[str] | None = None) -> None:
    """Print one row for each entropy bonus and delta, one column for each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--entropies", type=float, nargs="+", default=[0.05, 0.2, 0.5])
    parser.add_argument("--agents", type=int, default=32)
    parser.add_argument("--steps", type=int, default=3000)
    chosen = parser.parse_args(arguments)
    print(f"agents of {chosen.agents} that seek red\nentropy  delta  " + "  ".join(f"seed {s}" for s in chosen.seeds))
    for entropy in chosen.entropies:
        for delta in red_door.DELTAS:
            counts = [count(entropy, delta, seed, chosen.agents, chosen.steps) for seed in chosen.seeds]
            print(f"{entropy:7g}  {delta:5g}  " + "  ".join(f"{n:6d}" for n in counts), flush=True)


if __name__ == "__main__":
    main()

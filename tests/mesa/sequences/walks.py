"""A walk on a board with a coin: training pays for being where the coin is, and the corner is a proxy for it."""

from __future__ import annotations

import cidmesa as cm

MOVES = {"stay": (0, 0), "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def step(side: int, dose: float, slip: float = 0.0) -> cm.CIM:
    """Return one step: the coin is in the last corner, with probability `dose` anywhere; the agent begins anywhere.

    A move slips with probability `slip`, and then the agent stays where it is.
    """
    cells = [(row, column) for row in range(side) for column in range(side)]

    def moved(at: tuple[int, int], act: str) -> dict[tuple[int, int], float] | tuple[int, int]:
        to = (at[0] + MOVES[act][0], at[1] + MOVES[act][1])
        if to not in cells or to == at:
            return at
        return {to: 1 - slip, at: slip} if slip else to

    cid = cm.CID(
        [
            *[("at", "act"), ("coin", "act"), ("at", "at'"), ("act", "at'"), ("coin", "coin'")],
            *[("at", "corner"), ("at", "at_coin"), ("coin", "at_coin"), ("at_coin", "reward")],
        ],
        decisions=["act"],
        utilities=["reward"],
    )
    mechanisms = {
        "at": cm.Uniform(*cells),
        "act": list(MOVES),
        "at'": cm.Function(moved, domain=cells),
        "coin'": cm.Function(lambda coin: coin, domain=cells),
        "corner": lambda at: int(at == cells[-1]),
        "at_coin": lambda at, coin: int(at == coin),
        "reward": lambda at_coin: at_coin,
    }
    return cid.parameterise(mechanisms | coin_laws(side, dose))


def coin_laws(side: int, dose: float) -> dict[str, cm.Categorical]:
    """Return the law of where the coin is."""
    cells = [(row, column) for row in range(side) for column in range(side)]
    law = {cell: dose / len(cells) for cell in cells}
    law[cells[-1]] += 1.0 - dose
    return {"coin": cm.Categorical(law)}


def setup(side: int = 5, horizon: int = 12, dose: float = 0.0, slip: float = 0.0) -> cm.SequenceSetup:
    """Return the sequence, with the coin anywhere in deployment."""
    return cm.SequenceSetup(step(side, dose, slip), horizon, {"anywhere": coin_laws(side, 1.0)})

"""Small systems that several tests share, written out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cidmesa as cm


def red_door_cid() -> cm.CID:
    return cm.CID(
        [
            ("door", "red"),
            ("door", "go"),
            ("red", "go"),
            ("go", "at_door"),
            ("door", "at_door"),
            ("go", "at_red"),
            ("red", "at_red"),
            ("at_door", "reward"),
        ],
        nodes=["weather"],
        decisions=["go"],
        utilities=["reward"],
    )


def red_door(mismatch: Any = 0.0, places: tuple[Any, ...] = ("left", "right")) -> cm.CIM:
    """The maze: where every door is red in training, except with probability `mismatch`."""
    return red_door_cid().parameterise(
        weather=cm.Uniform("sun", "rain"),
        door=cm.Uniform(*places),
        red=cm.Noisy(lambda door: door, mismatch),
        go=list(places),
        at_door=lambda go, door: int(go == door),
        at_red=lambda go, red: int(go == red),
        reward=lambda at_door: at_door,
    )


def red_door_deployments(places: tuple[Any, ...] = ("left", "right")) -> dict[str, dict[str, Any]]:
    return {
        "repainted": {"red": cm.Uniform(*places)},
        "opposite": {"red": lambda door: places[(places.index(door) + 1) % len(places)]},
        "sunny": {"weather": cm.Categorical({"sun": 0.9, "rain": 0.1})},
        "other prior": {
            "door": cm.Categorical({p: (0.7 if i == 0 else 0.3 / (len(places) - 1)) for i, p in enumerate(places)})
        },
    }


def register(
    above: Iterable[tuple[str, str]], register: Any, answers: tuple[int, ...] = (0, 1), **others: Any
) -> cm.CIM:
    """An answer is right or wrong, and is paid for by what a register says; `above` leads to both."""
    cid = cm.CID(
        [*above, ("say", "right"), ("truth", "right"), ("say", "paid"), ("register", "paid"), ("paid", "score")],
        decisions=["say"],
        utilities=["score"],
    )
    return cid.parameterise(
        **others,
        register=register,
        say=list(answers),
        right=cm.Function(lambda say, truth: int(say == truth), domain=(0, 1)),
        paid=cm.Function(lambda say, register: int(say == register), domain=(0, 1)),
        score=lambda paid: paid,
    )

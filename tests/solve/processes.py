"""Markov decision processes whose steps may differ, as models; of one step over and over `cm.unroll` makes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import cidmesa as cm


class Step(NamedTuple):
    """P(next state | state, action), what is paid by state and action, and which actions there are, or all."""

    law: Any
    reward: Any
    allowed: Any = None


def process(start: Any, steps: Sequence[Step]) -> cm.CIM:
    """Nodes ``state@t``, ``action@t`` and ``reward@t``; every action observes its state alone."""
    edges: list[tuple[str, str]] = []
    mechanisms: dict[str, Any] = {"state@0": cm.Table(start, parents=())}
    for t, step in enumerate(steps):
        here, act, pays, then = f"state@{t}", f"action@{t}", f"reward@{t}", f"state@{t + 1}"
        edges += [(here, act), (here, then), (act, then), (here, pays), (act, pays)]
        may = (
            None if step.allowed is None else {(s,): np.flatnonzero(row).tolist() for s, row in enumerate(step.allowed)}
        )
        mechanisms[act] = cm.Choice(range(np.shape(step.law)[1]), may)
        mechanisms[then] = cm.Table(step.law, parents=(here, act))
        mechanisms[pays] = cm.Table(step.reward, parents=(here, act))
    names = [[f"{kind}@{t}" for t in range(len(steps))] for kind in ("action", "reward")]
    return cm.CIM(cm.CID(edges, decisions=names[0], utilities=names[1]), mechanisms)

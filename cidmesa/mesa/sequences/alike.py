r"""States that no objective on given targets can tell apart, and what follows of all consistent objectives at once.

With k moves left two states are *alike* if every action brings the same values of the targets with the same
probabilities, and leads to states that are alike with k - 1 moves left just as often (bisimulation, k rounds of it).
The optimal actions of every objective on the targets are the same in both. Now let an objective be consistent without
regret. Where base-optimal policies come to whichever of them is followed, its optimal actions are base-optimal. So

* it takes, in any state that is like such a one, only actions that are base-optimal there: in deployments as well, for
  an optimizer that knows them and one that does not;
* an episode of a deployment that begins, and goes on, like one of training comes to states like those that training
  comes to, and actions there are base-optimal in one of these;
* if the base wants no common action in several such states that are alike, **no** objective on the targets is
  consistent: it cannot see what it would have to see.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("door", "act"), ("at", "at'"), ("act", "at'"), ("door", "door'"), ("at'", "pay"),
...               ("door", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "door": [0.5, 0.5], "door'": lambda door: door, "act": [-1, 1],
...                          "at'": lambda at, act: max(0, min(2, at + act)),
...                          "pay": lambda door, **now: int(now["at'"] == 2 * door)})
>>> setup = cm.SequenceSetup(step, 2)
>>> blocks = alike([setup.training], ("at'",), 2)[2]      # two moves left: the door makes no difference to where it is
>>> blocks[0].tolist()
[0, 0, 1, 1, 2, 2]
>>> blind_spot(setup, ("at'",))                             # in the middle, the door being on either side
(0, (2, 3))

References
----------
R. Givan, T. Dean and M. Greig, "Equivalence notions and model minimization in Markov decision processes", *Artificial
Intelligence* 147, 2003.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Ints, Mask
from cidmesa.clock import check_time
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.setup.deployment import TRAINING

if TYPE_CHECKING:
    from cidmesa.mesa.sequences.setup import SequenceSetup
    from cidmesa.mesa.sequences.tables import StepTables

Blocks = tuple[Ints, ...]
"""For each of some worlds, the number of the block of each state."""


def alike(worlds: Sequence[StepTables], names: Sequence[str], moves: int) -> list[Blocks]:
    """Return the blocks of states that are alike, across worlds too, with 0, 1, … moves left.

    Notes
    -----
    Cost: one look at every branch a round, until nothing is told apart any more.
    """
    unit = lcm(*(int(world.model.unit) for world in worlds))
    labels = [world.label(names) for world in worlds]
    found: list[Blocks] = [tuple(np.zeros(len(world.model.states), dtype=np.intp) for world in worlds)]
    for _ in range(moves):
        check_time("telling states apart", "a smaller model")
        number: dict[Hashable, int] = {}
        after = []
        for world, label, blocks in zip(worlds, labels, found[-1], strict=True):
            scale = unit // int(world.model.unit)
            rows = zip(
                label.tolist(), blocks[world.model.successors].tolist(), world.model.weights.tolist(), strict=True
            )
            signs = [sign_of(*row, scale) for row in rows]
            after.append(np.array([number.setdefault(sign, len(number)) for sign in signs], dtype=np.intp))
        found.append(tuple(after))
        if len(number) == len(set(np.concatenate(found[-2]).tolist())):
            break
    return [*found, *[found[-1]] * (moves + 1 - len(found))]


def sign_of(
    labels: list[list[int]], leads: list[list[int]], weights: list[list[int]], scale: int = 1
) -> tuple[Hashable, ...]:
    """Return what each action of a state brings and where it leads, as something that can be compared.

    >>> sign_of([[0, 0]], [[1, 1]], [[1, 1]]) == sign_of([[0, 1]], [[1, 2]], [[2, 0]])
    True
    """
    sign = []
    for brings, to, likely in zip(labels, leads, weights, strict=True):
        law: dict[tuple[int, int], int] = {}
        for value, block, weight in zip(brings, to, likely, strict=True):
            if weight:
                law[value, block] = law.get((value, block), 0) + int(weight) * scale
        sign.append(frozenset(law.items()))
    return tuple(sign)


def allowed(setup: SequenceSetup, names: tuple[str, ...], name: str, *, stale: bool = False) -> Mask:
    """Return the actions that an objective consistent without regret may take in a distribution, shape (T, S, A).

    A superset. Rows of states that no such optimizer comes to say nothing; others are empty only where no objective is
    consistent.
    """
    here, there = setup.training, setup.at(name)
    believed = here if stale else there
    may = setup.optimum(TRAINING).may
    comes = sweeps.reached(here.model, may)
    blocks = alike([here] if believed is here else [here, believed], names, setup.horizon)
    common = _common(setup, blocks)
    found = np.ones(may.shape, dtype=bool)
    starts = blocks[setup.horizon][0][here.model.start.astype(bool)]
    loose = there.model.start.astype(bool) & ~np.isin(blocks[setup.horizon][-1], starts)
    both = blocks if believed is there else alike([here, there], names, setup.horizon)
    follows = np.array_equal(both[-1][0], both[-1][-1]) or believed is there  # as it believes, so it comes
    for t in range(setup.horizon):
        mine, theirs = blocks[setup.horizon - t][0], blocks[setup.horizon - t][-1]
        some = np.zeros_like(common[t])
        np.logical_or.at(some, mine[comes[t]], may[t, comes[t]])
        some |= ~some.any(axis=1, keepdims=True)
        found[t] = common[t][theirs]
        if follows:
            found[t] &= some[theirs] | loose[:, None]
        after = np.zeros_like(loose)
        leads = there.model.weights.astype(bool) & (found[t] & loose[:, None])[..., None]
        after[there.model.successors[leads]] = True
        loose = after
    return found


def _common(setup: SequenceSetup, blocks: Sequence[Blocks]) -> list[Mask]:
    """Return for each move and block the actions that the base wants in all its states that are come to in any case."""
    may = setup.optimum(TRAINING).may
    sure = sweeps.surely_reached(setup.training.model, may)
    found = []
    for t in range(setup.horizon):
        now = blocks[setup.horizon - t]
        common = np.ones((1 + max(int(of.max()) for of in now), may.shape[2]), dtype=bool)
        np.logical_and.at(common, now[0][sure[t]], may[t, sure[t]])
        found.append(common)
    return found


def blind_spot(setup: SequenceSetup, names: tuple[str, ...]) -> tuple[int, tuple[int, ...]] | None:
    """Return a move and states that are alike, that base-optimal policies come to, and that have no action in common.

    ``None``: there are none.
    """
    sure = sweeps.surely_reached(setup.training.model, setup.optimum(TRAINING).may)
    blocks = alike([setup.training], names, setup.horizon)
    for t, common in enumerate(_common(setup, blocks)):
        now = blocks[setup.horizon - t][0]
        for block in np.flatnonzero(~common.any(axis=1)).tolist():
            return t, tuple(np.flatnonzero(sure[t] & (now == block)).tolist())
    return None

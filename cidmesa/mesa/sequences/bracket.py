r"""What stationary rules may do in each state, from both sides.

Some actions may be taken at each move, say those that are optimal for an objective; which of them does a rule take that
serves all moves and stays within these wherever it goes? An action in a state is **known** where such a rule was found
that comes there and takes it, and **excluded** where the relaxation, in which every move has a rule of its own, leaves
none. :func:`bracket` searches for the rule that takes it most often (:func:`.best_rule`): what that rule takes is the
one side, the bound of the search the other.

This holds for rules that toss coins as well. Wherever such a rule goes, whatever it may do there is within; so a rule
that always takes one of these stays within too, and one that goes straight to a state comes there.

>>> import numpy as np
>>> from cidmesa.solve.policies.step_model import StepModel
>>> corridor = StepModel.moving([[0, 1], [0, 2], [1, 2]], start=[1, 0, 0])      # left, right
>>> walk = SequenceSetup.of_tables(corridor, [0, 0, 1], 3, targets={"in": ["a", "b", "c"]}, clock=False)
>>> may = walk.optimum("training").may
>>> may[:, 0].tolist()          # with one move left nothing is to be had
[[False, True], [False, True], [True, True]]
>>> bracket(walk, "training", may, np.ones(3, dtype=bool)).outer.tolist()
[[False, True], [False, True], [False, True]]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.clock import check_time
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.one_rule import BRANCHES, OneRule, best_rule, going_on
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.solve.policies.step_model import StepModel

FEW = 5
"""How many branches are looked at where any rule will do."""


@dataclass(frozen=True, eq=False, slots=True)
class Bracket:
    """Which actions are taken, enclosed; arrays whose last two axes are states and actions.

    Attributes
    ----------
    outer
        The actions that are not excluded.
    inner
        Those that are known to be taken, some of the former.
    """

    outer: Mask
    inner: Mask

    @property
    def settled(self) -> Mask:
        """The states in which both sides agree, and something is done."""
        return np.asarray((self.outer == self.inner).all(axis=-1) & self.outer.any(axis=-1))

    @property
    def open(self) -> Mask:
        """The states in which they do not."""
        return np.asarray((self.outer != self.inner).any(axis=-1))

    def __or__(self, other: Bracket) -> Bracket:
        """Return what either takes."""
        return Bracket(self.outer | other.outer, self.inner | other.inner)


def bracket(setup: SequenceSetup, name: str, within: Mask, about: Mask, *, branches: int = BRANCHES) -> Bracket:
    """Return what stationary rules take, in some states, that stay within some actions wherever they go.

    Parameters
    ----------
    setup, name
        The sequence, and ``"training"`` or a deployment.
    within
        The actions that may be taken at each move, shape (T, S, A).
    about
        The states that are asked about, shape (S,).
    branches
        How many branches each search looks at.

    Returns
    -------
    Bracket
        Arrays of shape (S, A); empty where no rule stays within.

    Notes
    -----
    Cost: a search for a rule that does as much as it can of what is left, over and over; then one for each action that
    no rule was found to take.
    """
    model = setup.at(name).model
    inner, outer = (np.zeros(within.shape[1:], dtype=bool) for _ in range(2))
    stays = going_on(model, within)
    if stays is None:
        return Bracket(outer, inner)
    taken = (stays & sweeps.reached(model, stays)[..., None]).any(axis=0)
    left = np.asarray(taken & about[:, None])

    def search(wanted: Mask, branches: int) -> OneRule | None:
        """Look for a rule that takes some of these actions, and keep what it takes of all that are asked about."""
        check_time("the search for what one rule does", "fewer targets, or a shorter horizon")
        found = best_rule(setup, sweeps.Paid(wanted.astype(object), 1), name, within=within, branches=branches)
        if found is not None and found.value:
            takes = _takes(model, found.rule, len(within)) & about[:, None]
            inner[takes], left[takes] = True, False
        return found

    while left.any():  # many at once, as long as that finds any
        found = search(left.copy(), FEW)
        if found is None or found.bound == 0:
            return Bracket(inner.copy(), inner)
        if not found.value:
            break
    for s, a in np.argwhere(left).tolist():
        if left[s, a]:
            found = search(_alone(left.shape, s, a), branches)
            outer[s, a] = found is not None and found.bound > 0
    return Bracket(outer | inner, inner)


def _alone(shape: tuple[int, ...], s: int, a: int) -> Mask:
    found = np.zeros(shape, dtype=bool)
    found[s, a] = True
    return found


def _takes(model: StepModel, rule: Mapping[int, int], moves: int) -> Mask:
    """Return what a rule takes where it comes, shape (S, A)."""
    found = np.zeros(model.successors.shape[:2], dtype=bool)
    found[range(len(found)), [rule.get(s, 0) for s in range(len(found))]] = True
    every = np.repeat(found[None], moves, axis=0)
    comes: Mask = np.asarray(sweeps.reached(model, every).any(axis=0))
    return np.asarray(found & comes[:, None])

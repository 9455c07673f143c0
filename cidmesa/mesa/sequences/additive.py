r"""One additive objective: what its optimizers do and cost, in training and in every deployment, exactly.

For an objective O on targets T a step pays :math:`\mathbb{E}[O(T)]`. One sweep finds its optimal actions
:math:`A_O(t, s)`. Over all policies within them, a second sweep by the base utility finds the most and the least that
these earn; that and the base's own optimum are the regret interval. An agent that **knows** a deployment is optimal by
the deployment's law; a **stale** one by training's, whose law is known in states that training never showed as well,
since a step is given for all of them. What either costs is the deployment's.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at", "pay")], decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": ["left", "right"], "pay": lambda at: int(at == 2),
...                          "at'": lambda at, act: max(0, at - 1) if act == "left" else min(2, at + 1)})
>>> mirrored = {"at'": lambda at, act: max(0, at - 1) if act == "right" else min(2, at + 1)}
>>> found = Additive(SequenceSetup(step, 3, {"mirrored": mirrored}), ("at",), [0, 0, 1])
>>> found.regret("training"), found.regret("mirrored"), found.regret("mirrored", stale=True)
((Fraction(0, 1), Fraction(0, 1)), (Fraction(0, 1), Fraction(0, 1)), (Fraction(2, 1), Fraction(2, 1)))

References
----------
R. Bellman, *Dynamic Programming*, 1957.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from cidmesa.arrays import Array, Ints, Mask
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve.tables.exact_numbers import numbers_meant

Ends = tuple[Fraction, Fraction]
"""The least and the largest."""


class Additive:
    """An additive objective in a sequence; what was computed is kept.

    Parameters
    ----------
    setup
        The sequence.
    names
        The targets.
    values
        A number for each combination of their values, in C order: floats, read as they were meant, or fractions.
    """

    def __init__(self, setup: SequenceSetup, names: tuple[str, ...], values: Sequence[Any] | Array) -> None:
        self.setup = setup
        self.names = names
        exact = all(isinstance(x, Fraction) for x in values)
        self.values: tuple[Fraction, ...] = tuple(
            values if exact else numbers_meant(np.asarray(values, dtype=np.float64).ravel()).tolist()
        )
        self._may: dict[str, Mask] = {}
        self._regret: dict[tuple[str, bool], Ends] = {}

    def paid(self, name: str) -> sweeps.Paid:
        """Return what a step pays by the objective, in training or in a deployment."""
        return self.setup.at(name).paid_exactly(self.names, self.values)

    def may(self, name: str) -> Mask:
        """Return the optimal actions of those that know this distribution, everywhere, shape (T, S, A)."""
        if name not in self._may:
            found, _ = sweeps.optimal(self.setup.at(name).model, self.paid(name), self.setup.horizon)
            self._may[name] = found
        return self._may[name]

    def regret(self, name: str, *, stale: bool = False) -> Ends:
        """Return the least and the largest base regret of an optimal policy in training or in a deployment.

        In training it is that of the worst level where training selects by minimax regret.
        """
        if (name, stale) not in self._regret:
            self._regret[name, stale] = regret_within(self.setup, name, self.may(TRAINING if stale else name))
        return self._regret[name, stale]

    def taken(self, name: str, *, stale: bool = False) -> Mask:
        """Return the actions that are taken in the states that are come to, shape (T, S, A)."""
        may = self.may(TRAINING if stale else name)
        return np.asarray(may & sweeps.reached(self.setup.at(name).model, may)[..., None])

    def worst(self) -> Ints:
        """Return, of the policies that are optimal for it in training, one that the base likes least."""
        tables = self.setup.training
        return sweeps.extreme(tables.model, tables.base, self.may(TRAINING), -1)[1]

    @property
    def value_table(self) -> Array:
        """The optimal values in training, fractions by move and state, shape (T + 1, S)."""
        return sweeps.value_table(self.setup.training.model, self.paid(TRAINING), self.setup.horizon)


def regret_within(setup: SequenceSetup, name: str, within: Mask) -> Ends:
    """Return the least and the largest base regret of policies within some actions, in one distribution.

    In the worst level, in training that selects by it; else on average.
    """
    if name == TRAINING and setup.levels is not None:
        return setup.levels.regret(setup.training, within)
    tables, best = setup.at(name), setup.optimum(name).value
    base = tables.base
    most, least = (sweeps.extreme(tables.model, base, within, sign)[0] for sign in (1, -1))
    return best - most, best - least

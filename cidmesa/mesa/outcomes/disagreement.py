r"""How much of what is seen tells two hypotheses apart, where several decisions are taken in one episode.

With one decision :math:`P_\sigma(pa)` does not depend on what is decided. With several an episode passes one context of
each decision, and which ones depends on the rules before. Let :math:`\Pi_i` be the possible policies of hypothesis i in
:math:`\sigma`, and :math:`A_i(D, pa)` the actions at :math:`(D, pa)` of those that come there. Then

.. math::
   certain &= \min_{\pi \in \Pi_1 \cup \Pi_2} P_\pi\big[\exists D: A_1(D, pa_D) \cap A_2(D, pa_D) = \emptyset\big] \\
   possible &= \max_{\pi \in \Pi_1 \cup \Pi_2} P_\pi\big[\exists D: A_1(D, pa_D) \ne A_2(D, pa_D)\big] .

Whichever hypothesis is true, at least the share *certain* of episodes passes a context where the two have no action in
common; no more than the share *possible* can show any difference. With one decision both are the sums over contexts.
Coming to a context that the other hypothesis never enters tells as well: there one of the two sets is empty.

Deterministic policies are what the extremes are over: a stochastic one lies between those that it mixes, except where
one rule serves several decisions of a run, and then it may lie outside.

Whole policies are not compared here. Two decisions that must agree for one hypothesis and differ for the other, each
action being possible for both, part no context, and *certain* and *possible* are 0; so it is with one decision that
must do the same in two contexts. :func:`.unidentifiable` does compare whole policies.

>>> import numpy as np
>>> contexts = {"a": np.array([0, 0]), "b": np.array([0, 1])}     # two runs: a does 0 or 1, and b sees which
>>> one = {"a": np.array([[True, False]]), "b": np.array([[True, False], [False, False]])}
>>> other = {"a": np.array([[True, True]]), "b": np.array([[True, False], [False, True]])}
>>> laws = np.array([[1.0, 0.0], [0.0, 1.0]])                     # of the two policies that are possible
>>> disagreement(contexts, one, other, lambda flags: laws @ flags)
(0.0, 1.0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from cidmesa.arrays import Floats, Ints, Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from cidmesa.model import CIM

Actions: TypeAlias = "Mapping[str, Mapping[tuple[Hashable, ...], tuple[Hashable, ...]]]"
"""Decision → context → actions."""

Taken: TypeAlias = "Mapping[str, Mask]"
"""Decision → which actions are taken in which contexts, shape (contexts, actions)."""


def disagreement(
    contexts: Mapping[str, Ints],
    one: Taken,
    other: Taken,
    chance: Callable[[Floats], Floats],
) -> tuple[float, float]:
    """Return (certain, possible) for two hypotheses in one distribution.

    Parameters
    ----------
    contexts
        Decision → its context in every run, shape (R,).
    one, other
        The actions that possible policies of each hypothesis take where they come.
    chance
        From flags of runs, shape (R,), to their probability under every policy that is possible for either.
    """
    runs = len(next(iter(contexts.values())))
    certain, differ = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    for decision, context in contexts.items():
        shared = np.asarray((one[decision] & other[decision]).any(axis=1))
        equal = np.asarray((one[decision] == other[decision]).all(axis=1))
        certain |= ~shared[context]
        differ |= ~equal[context]
    return float(chance(certain.astype(float)).min()), float(chance(differ.astype(float)).max())


def by_context(model: CIM, taken: Taken) -> Actions:
    """Return the same as values: decision → context → actions, over the contexts where something is done.

    >>> import cidmesa as cm
    >>> model = cm.CID([("x", "a")], decisions=["a"]).parameterise(x=cm.Bernoulli(0.5), a=["stay", "go"])
    >>> by_context(model, {"a": np.array([[True, True], [False, False]])})
    {'a': {(0,): ('stay', 'go')}}
    """
    return {
        decision: {
            context: tuple(a for a, can in zip(model.domain(decision), row, strict=True) if can)
            for context, row in zip(model.contexts(decision), rows.tolist(), strict=True)
            if any(row)
        }
        for decision, rows in taken.items()
    }

r"""Dynamic programming over contexts and states: one pass back for what is best, one forward for what comes up.

Let decisions be solved one by one (:mod:`.decision_order`), the last one first. Where that is possible, the actions
that are best in a context,

.. math:: A_D(pa) = \arg\max_d \mathbb{E}\Bigl[\sum_{U \in U^D} U \Bigm| pa, do(d)\Bigr],

are the same whichever best rules the later decisions follow, and the optimal policies are, up to contexts that they
never enter, **all** combinations :math:`\pi(pa) \in A_D(pa)`. No policy is listed: there are as many sets as there are
contexts. Three passes use that; everything that sweeps over the decisions of a diagram uses them.

*Back* (:func:`sweep_back`)
    The sets :math:`A_D` themselves. Which actions tie is settled exactly (:mod:`.ties`).
*Worst and best* (:meth:`OptimalActions.worth`, :func:`best_within`)
    What policies within given sets are worth to somebody else: the same pass for the other utilities, or their
    negations, with all other actions forbidden. So the worst optimizer of one objective is found by the objective of
    another, and what contexts of probability zero allow has no weight.
*Forward* (:func:`sweep_forward`)
    Which contexts policies within given sets enter, and what they do there. No probability is multiplied.

A finite-horizon Markov decision process is a diagram like any other: :func:`cidmesa.unroll` writes one from a step.
There the context is the state, and the pass back is

.. math:: V_t(s) = \max_a \Bigl[r_t(s, a) + \sum_{s'} P_t(s' \mid s, a)\, V_{t+1}(s')\Bigr].

Where one step is all there is to know, states are many and successors few, and agents plan some moves ahead only,
:mod:`.step_model` does that with arrays of successors.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "go"), ("go", "at'"), ("at", "pay"), ("go", "pay")], decisions=["go"], utilities=["pay"])
>>> step = cid.parameterise({"at": cm.Categorical({0: 1, 1: 0}), "go": [0, 1], "at'": lambda go: go,
...                          "pay": lambda at, go: int(at and not go)})
>>> model = cm.unroll(step, 3)                                  # to be in state 1 and leave it pays 1
>>> best = sweep_back(model)
>>> best.value, [best.optimal[f"go@{t}"].tolist() for t in range(3)]
(1.0, [[[True, True], [True, False]], [[False, True], [True, True]], [[True, True], [True, False]]])
>>> best.taken["go@1"].tolist()                                 # in either state what is best there
[[False, True], [True, True]]
>>> [end.value for end in best.worth(model.shift({"pay@0": np.array([[5, 0], [0, 0]])}), ["pay@0"])]
[0.0, 5.0]

References
----------
R. Bellman, *Dynamic Programming*, 1957; S. L. Lauritzen and D. Nilsson, "Representing and solving decision problems
with limited information", *Management Science* 47, 2001, Theorems 3 and 4 (contexts in the place of states).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.solve.policies.optimal import solve
from cidmesa.solve.policies.stakes import negated, paying_only
from cidmesa.solve.policies.worth import Worth
from cidmesa.solve.queries.support import contexts_by_decision

if TYPE_CHECKING:
    from cidmesa.model import CIM


@dataclass(frozen=True, eq=False)
class OptimalActions:
    """The optimal policies of a model whose decisions can be solved one by one: all combinations of optimal actions.

    Attributes
    ----------
    model
        The model that was solved.
    value
        What each of these policies is worth.
    optimal
        Decision → which actions are optimal, shape (cards of parents..., card).
    """

    model: CIM
    value: float
    optimal: Mapping[str, Mask]

    @cached_property
    def taken(self) -> Mapping[str, Mask]:
        """Decision → which actions some optimal policy takes in the contexts that it enters, (contexts, actions)."""
        return sweep_forward(self.model, self.optimal)

    def worth(self, model: CIM, utilities: Sequence[str], budget: Budget = UNLIMITED) -> tuple[Worth, Worth]:
        """Return the least and the largest expected sum of utilities of these policies in a model.

        Parameters
        ----------
        model
            With the same decisions, observations and actions; mechanisms and utilities may differ.
        utilities
            What is summed.
        budget
            How long it may take.

        Raises
        ------
        NotApplicableError
            The solver does not vouch for an optimum.
        """
        low = best_within(model, utilities, self.optimal, -1.0, budget)
        return low, best_within(model, utilities, self.optimal, 1.0, budget)


def sweep_back(model: CIM, budget: Budget = UNLIMITED) -> OptimalActions:
    """Return the optimal actions in every context, decision by decision from the last one on.

    Parameters
    ----------
    model
        A model of one agent, with numbers.
    budget
        How long it may take.

    Raises
    ------
    NotApplicableError
        The decisions cannot be solved one by one: the rule of one depends on that of another.

    Notes
    -----
    In contexts that the mechanisms relevant to a decision make impossible every action is optimal. Cost: one table per
    decision over what is requisite for it; under perfect recall, and for a Markov process, one pass over the history.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b"), ("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    >>> found = sweep_back(cid.parameterise(a=[0, 1], b=[0, 1], u=lambda a, b: a * b))
    >>> found.optimal["a"].tolist(), found.optimal["b"].tolist()
    ([False, True], [[True, True], [False, True]])
    >>> forgetful = cm.CID([("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
    >>> sweep_back(forgetful.parameterise(a=[0, 1], b=[0, 1], u=lambda a, b: a * b))
    Traceback (most recent call last):
    ...
    cidmesa.errors.NotApplicableError: `a`, `b` cannot be solved one by one, ...
    """
    found = solve(model, method="relevance order", budget=budget)
    return OptimalActions(model, float(found.value), {d: np.asarray(found.optimal_mask(d)) for d in found.results})


def sweep_forward(model: CIM, within: Mapping[str, Mask] | None = None) -> Mapping[str, Mask]:
    """Return which actions policies within given sets take in the contexts that they enter.

    Parameters
    ----------
    model
        The model.
    within
        Decision → which actions count, shape (cards of parents..., card); left out, all that are allowed.

    Returns
    -------
    dict
        Decision → mask of shape (contexts, actions); no action in contexts that none of these policies enters.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "b")], decisions=["a", "b"])
    >>> model = cid.parameterise(a=[0, 1], b=[0, 1])
    >>> sweep_forward(model, {"a": np.array([False, True])})["b"].tolist()
    [[False, False], [True, True]]
    """
    narrow = model.restricted(within) if within else model
    found = {}
    for decision, enters in contexts_by_decision(narrow).items():
        may = narrow.allowed(decision)
        shape = (enters.size, model.card(decision))
        rows = np.ones(shape, dtype=bool) if may is None else may.reshape(shape)
        found[decision] = rows & enters.reshape(-1, 1)
    return found


def best_within(
    model: CIM, utilities: Sequence[str], within: Mapping[str, Mask], sign: float = 1.0, budget: Budget = UNLIMITED
) -> Worth:
    """Return the largest (sign 1) or least (-1) expected sum of utilities of policies that stay within given sets.

    Parameters
    ----------
    model
        A model with numbers.
    utilities
        What is summed; the others count for nothing.
    within
        Decision → which actions count, shape (cards of parents..., card); at least one in every context that comes up.
        Decisions left out may do what the model allows.
    sign
        1 or -1.
    budget
        How long it may take.

    Raises
    ------
    NotApplicableError
        The solver does not vouch for the optimum.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a", "u")], decisions=["a"], utilities=["u"])
    >>> model = cid.parameterise(a=[0, 1, 2], u=lambda a: a)
    >>> best_within(model, ["u"], {"a": np.array([True, True, False])}).value
    1.0
    """
    scored = paying_only(model, utilities)
    narrow = scored.restricted(within) if within else scored
    found = solve(narrow if sign > 0 else negated(narrow), budget=budget)
    if not found.exact:
        raise NotApplicableError(
            f"what can be earned is not known for certain here ({found.method}): give the decisions fewer "
            "observations or values."
        )
    return Worth.of(scored, dict(found.tables))

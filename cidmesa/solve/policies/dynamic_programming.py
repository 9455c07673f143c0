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

A finite-horizon Markov decision process is a diagram like any other: :func:`model_of_steps` writes one from its
transition laws and rewards, step by step. There the context is the state, and the pass back is

.. math:: V_t(s) = \max_a \Bigl[r_t(s, a) + \sum_{s'} P_t(s' \mid s, a)\, V_{t+1}(s')\Bigr].

Where one step is all there is to know, states are many and successors few, and agents plan some moves ahead only,
:mod:`.step_model` does that with arrays of successors.

>>> walk = Step(law=np.array([[[1, 0], [0, 1]], [[1, 0], [0, 1]]]), reward=np.array([[0, 0], [1, 0]]))
>>> model = model_of_steps([1, 0], [walk, walk, walk])          # to be in state 1 and leave it pays 1
>>> best = sweep_back(model)
>>> best.value, [best.optimal[f"action@{t}"].tolist() for t in range(3)]
(1.0, [[[True, True], [True, False]], [[False, True], [True, True]], [[True, True], [True, False]]])
>>> best.taken["action@1"].tolist()                             # in either state what is best there
[[False, True], [True, True]]
>>> [end.value for end in best.worth(model.shift({"reward@0": np.array([[5, 0], [0, 0]])}), ["reward@0"])]
[0.0, 5.0]

References
----------
R. Bellman, *Dynamic Programming*, 1957; S. L. Lauritzen and D. Nilsson, "Representing and solving decision problems
with limited information", *Management Science* 47, 2001, Theorems 3 and 4 (contexts in the place of states).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import MechanismError, NotApplicableError
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


# Markov decision processes -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a finite-horizon Markov decision process.

    Attributes
    ----------
    law
        The probability of the next state, shape (states, actions, next states).
    reward
        What is paid, by state and action, shape (states, actions); in the units of the reward.
    allowed
        Which actions there are in which state, alike; ``None``: all of them.
    """

    law: Any
    reward: Any
    allowed: Any = None


def model_of_steps(start: Any, steps: Iterable[Step]) -> CIM:
    """Write a finite-horizon Markov decision process as a model.

    Parameters
    ----------
    start
        The probability of each first state.
    steps
        The steps in order; each begins in the states in which the one before it ends.

    Returns
    -------
    CIM
        Nodes ``state@t``, ``action@t`` and ``reward@t`` from t = 0 on, and the last state. Every action observes its
        state alone, which is all that matters: the rule of each step is its own.

    Raises
    ------
    MechanismError
        No step, shapes that do not fit, or rows that are no distributions.

    Examples
    --------
    >>> stay_or_go = Step(law=np.array([[[1, 0], [0.5, 0.5]], [[0, 1], [0, 1]]]), reward=np.array([[0, 0], [1, 1]]))
    >>> model = model_of_steps([1, 0], [stay_or_go, stay_or_go])
    >>> model.cid.nodes
    ('state@0', 'action@0', 'state@1', 'reward@0', 'action@1', 'state@2', 'reward@1')
    >>> model.solve().value
    0.5
    >>> model_of_steps([1, 0, 0], [stay_or_go])
    Traceback (most recent call last):
    ...
    cidmesa.errors.MechanismError: step 0 begins in 2 states and there are 3 of them: law= of shape (2, 2, 2), ...
    """
    from cidmesa.diagram import CID
    from cidmesa.mechanisms import Choice, Table
    from cidmesa.model import CIM

    edges: list[tuple[str, str]] = []
    first = np.asarray(start, dtype=np.float64).reshape(-1)
    mechanisms: dict[str, Any] = {"state@0": Table(first, parents=())}
    states, t = len(first), -1
    for t, step in enumerate(steps):
        law, reward = np.asarray(step.law, dtype=np.float64), np.asarray(step.reward, dtype=np.float64)
        if law.ndim != 3 or law.shape[0] != states or reward.shape != law.shape[:2]:
            raise MechanismError(
                f"step {t} begins in {law.shape[0] if law.ndim else 0} states and there are {states} of them: law= of "
                f"shape {law.shape}, (states, actions, next states), and reward= of shape {reward.shape}, (states, "
                "actions), have to fit what comes before."
            )
        here, act, pays, then = f"state@{t}", f"action@{t}", f"reward@{t}", f"state@{t + 1}"
        edges += [(here, act), (here, then), (act, then), (here, pays), (act, pays)]
        mechanisms[act] = Choice(range(law.shape[1]), None if step.allowed is None else _named(step.allowed, here))
        mechanisms[then] = Table(law, parents=(here, act))
        mechanisms[pays] = Table(reward, parents=(here, act))
        states = law.shape[2]
    if t < 0:
        raise MechanismError("a process has at least one step: model_of_steps(start, [Step(law, reward)]).")
    cid = CID(edges, decisions=[f"action@{i}" for i in range(t + 1)], utilities=[f"reward@{i}" for i in range(t + 1)])
    return CIM(cid, mechanisms)


def _named(allowed: Array, state: str) -> Any:
    """Return allowed actions by state as a mapping from context to actions."""
    rows = np.asarray(allowed, dtype=bool)
    return {(s,): np.flatnonzero(row).tolist() for s, row in enumerate(rows)}

r"""Myopia: whether an update credits a decision with what comes later.

Let :math:`\mathcal U(D_t)` be the utilities that the update of :math:`D_t` credits. :math:`D_t` is **myopic** iff no
:math:`U \in \mathcal U(D_t)` of another step has :math:`D_t \leadsto U`. That is a property of the training process,
read off its diagram; a utility that is credited and cannot be influenced gives no reason to look ahead.

Whether a learner that is *not* myopic pays now for a gain later depends on how far its credit reaches. Three processes
train policies on a sequence of episodes whose next state the action sets [1]_, and each has its own exact answer here:

* a **learner** maximises discounted reward: :func:`value_iteration`;
* **learners that swap** environments meet the consequences of their own actions only where they stay:
  :func:`swapped` gives what one of them faces;
* an **outer loop selects** members by their long-run reward, and compares those who act with those who do not:
  :func:`selection_advantage` of the effects that members have on each other, with :func:`shared_effects` for a
  population that swaps in groups.

In between lies a **planning horizon**: an agent that looks h moves ahead, afresh before each, and takes somebody's word
for what the state is worth after that (:func:`planned_actions`). Horizon 1 is myopia with approval, a horizon as long
as the episode ordinary planning; from where on it pays to act now for later is a fact about the environment.

For a reward :math:`r_t = b\,a_{t-1} - c\,a_t` (cooperating costs c now and is worth b to whoever comes next) these say
that a learner with discount :math:`\gamma` cooperates iff :math:`\gamma b > c`; swapping at random among K, iff
:math:`\gamma b / K > c`; rotating, never. Selection of whole environments favours cooperation iff :math:`b > c`,
selection among K that share the benefit never, and in a population P that swaps in groups of K it does iff
:math:`b > cK(P-1)/(P-K)`.

References
----------
.. [1] D. Krueger, T. Maharaj and J. Leike, "Hidden incentives for auto-induced distributional shift", 2020.
.. [2] S. Farquhar et al., "MONA: Myopic optimization with non-myopic approval can mitigate multi-step reward hacking",
   2025.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arguments import read_names, require_count
from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.criteria.proofs import directed_path
from cidmesa.errors import NotApplicableError
from cidmesa.graph import Path, SeparatingSet
from cidmesa.graph.index import index_of
from cidmesa.mechanisms import ROW_SUM_TOLERANCE, is_number
from cidmesa.solve.policies.step_model import StepModel, planned
from cidmesa.solve.policies.ties import READING
from cidmesa.solve.tables.exact_numbers import fractions, number_meant, numbers_meant
from cidmesa.solve.tables.linear_systems import solutions

if TYPE_CHECKING:
    from cidmesa.diagram import CID


# Credit in a diagram ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Myopia:
    """Whether one decision is myopic, and why.

    Attributes
    ----------
    decision
        The decision.
    myopic
        Whether no credited utility of another step is below it.
    reaches
        The credited utilities of other steps that it influences.
    because
        A path to one of them, or the separation that excludes it; ``None`` where nothing of another step is credited.
    """

    decision: str
    myopic: bool
    reaches: tuple[str, ...]
    because: Path | SeparatingSet | None

    def __bool__(self) -> bool:
        return self.myopic


def myopia(cid: CID, credit: Mapping[str, Iterable[str]], steps: Iterable[Iterable[str]]) -> dict[str, Myopia]:
    r"""Say of each decision whether it is myopic.

    Parameters
    ----------
    cid
        The diagram, unrolled over its steps.
    credit
        Decision → the utilities that its update credits, :math:`\mathcal U(D)`.
    steps
        The steps, each the decisions and utilities that belong to it; other nodes may be left out.

    Returns
    -------
    dict
        Decision → :class:`Myopia`, for the decisions in `credit`; true iff myopic.

    Raises
    ------
    UnknownNodeError
        A name that is not a node.
    NotApplicableError
        A node of two steps, a decision or credited utility of none, or a bare name where a list of names is meant.

    Notes
    -----
    Sound and complete as a statement about the diagram: where it is myopic no mechanism gives its credit a reason to
    look beyond its step; where it is not, some mechanism does.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("a1", "r1"), ("a1", "s"), ("s", "r2"), ("a2", "r2")], decisions=["a1", "a2"],
    ...              utilities=["r1", "r2"])
    >>> steps = [("a1", "r1"), ("a2", "r2")]
    >>> found = myopia(cid, {"a1": ["r1", "r2"], "a2": ["r1", "r2"]}, steps)
    >>> found["a1"].myopic, str(found["a1"].because), found["a2"].myopic
    (False, 'a1 -> s -> r2', True)
    >>> bool(myopia(cid, {"a1": ["r1"]}, steps)["a1"])
    True
    """
    if not isinstance(steps, Iterable):
        raise NotApplicableError(f"steps= is a list of steps, each a list of names; got {steps!r}.")
    step_of: dict[str, int] = {}
    for i, nodes in enumerate(steps):
        for node in read_names(nodes, "a step of steps="):
            cid.id(node)
            if step_of.setdefault(node, i) != i:
                raise NotApplicableError(f"`{node}` belongs to one step, and steps= puts it into two.")
    if not isinstance(credit, Mapping):
        raise NotApplicableError(f"credit= is a mapping, {{decision: [utility, ..]}}; got {credit!r}.")
    found = {}
    for decision, credited in credit.items():
        cid.only_decision(decision)
        every = read_names(credited, f"what credit= gives `{decision}`")
        for node in (decision, *every):
            if node in every and cid.kind(node) != "utility":
                raise NotApplicableError(f"credit is of utilities, and `{node}` is a {cid.kind(node)}.")
            if node not in step_of:
                raise NotApplicableError(f"`{node}` belongs to no step: add it to one of steps=.")
        others = tuple(u for u in every if step_of[u] != step_of[decision])
        below = cid.descendants(decision)
        reached = tuple(u for u in others if u in below)
        because: Path | SeparatingSet | None = None
        if reached:
            walk = directed_path(index_of(cid), cid.id(decision), [cid.id(u) for u in reached])
            because = Path(tuple(cid.nodes[i] for i in walk))
        elif others:
            because = SeparatingSet((decision,), others, None)
        found[decision] = Myopia(decision, not reached, reached, because)
    return found


# What a learner that looks ahead does ----------------------------------------------------------------------------


MOST_STATES = 48
"""The most states for which what rounding leaves open is computed in fractions."""


class ActionValues(tuple[Floats, Mask]):
    """Discounted action values and which actions are optimal: a pair, with whether that is certain.

    Attributes
    ----------
    exact
        Whether the optimal actions are exactly those marked; else some of them may be worse by less than rounding.
    """

    exact: bool

    def __new__(cls, values: Floats, optimal: Mask, exact: bool) -> ActionValues:
        """Make the pair."""
        made = super().__new__(cls, (values, optimal))
        made.exact = exact
        return made

    def __getnewargs__(self) -> tuple[Floats, Mask, bool]:
        return self[0], self[1], self.exact


def value_iteration(
    transition: Floats | Sequence[object], reward: Floats | Sequence[object], discount: float
) -> ActionValues:
    r"""Return the discounted action values of a Markov decision process, and which actions are optimal.

    Parameters
    ----------
    transition
        :math:`P(s' \mid s, a)`, shape (S, A, S).
    reward
        :math:`r(s, a)`, shape (S, A).
    discount
        :math:`\gamma \in [0, 1)`.

    Returns
    -------
    values, optimal
        Both of shape (S, A). Actions tie iff their values are equal in exact arithmetic on the numbers as they were
        meant; with more than 48 states those tie that rounding cannot tell apart, and `.exact` says so.

    Notes
    -----
    Each policy on the way is evaluated by a linear solve, whose residual bounds how far its values are off:
    :math:`\lVert v - \hat v \rVert_\infty \le \lVert r + \gamma P \hat v - \hat v \rVert_\infty / (1 - \gamma)`. What
    that leaves open is settled by policy iteration in fractions.

    Examples
    --------
    >>> cooperate = np.eye(2)[[[0, 1], [0, 1]]]            # the action is the next state
    >>> values, optimal = value_iteration(cooperate, [[0, -1], [3, 2]], discount=0.5)
    >>> optimal[:, 1].tolist(), value_iteration(cooperate, [[0, -1], [3, 2]], discount=0.2)[1][:, 1].tolist()
    ([True, True], [False, False])
    """
    p, r = _environment(transition, "value_iteration"), _numbers(reward, "a reward")
    if p.shape[:2] != r.shape:
        raise NotApplicableError(
            f"value_iteration takes transition (S, A, S) and reward (S, A); got the shapes {p.shape} and {r.shape}."
        )
    if not is_number(discount) or not 0 <= discount < 1:
        raise NotApplicableError(f"a discount is at least 0 and below 1; got {discount!r}.")
    states = np.arange(len(r))
    policy = np.zeros(len(r), dtype=np.intp)
    level = float(r.min())  # what every action is paid decides nothing, and would blur the rest
    apart = r - level
    while True:
        chosen = np.eye(len(r)) - discount * p[states, policy]
        value = np.asarray(np.linalg.solve(chosen, apart[states, policy]), dtype=np.float64)
        q = apart + discount * p @ value
        off = _off(p, r, apart[states, policy], chosen, value, float(discount))
        better = q.max(axis=1) > q[states, policy] + 2 * off
        if not better.any():
            break
        policy = np.where(better, q.argmax(axis=1), policy)
    optimal = np.asarray(q >= q.max(axis=1, keepdims=True) - 2 * off)
    if np.count_nonzero(optimal) == len(r) or len(r) > MOST_STATES:
        return ActionValues(q + level / (1.0 - discount), optimal, np.count_nonzero(optimal) == len(r))
    exact = _exact_values(p, r, float(discount), policy)
    return ActionValues(exact.astype(np.float64), exact == exact.max(axis=1, keepdims=True), True)


def _off(p: Floats, r: Floats, paid: Floats, chosen: Floats, value: Floats, discount: float) -> float:
    """Return how far action values may be off, `paid` and `chosen` being what a policy is paid, and its system."""
    left = 1.0 - discount
    if left < _NEAR_ONE:
        return np.inf
    rows = float(np.abs(p.sum(axis=-1) - 1.0).max())
    size = float(np.abs(r).max()) + float(np.abs(value).max())
    reading = size * (4 * READING + 2 * len(r) * (rows + READING)) * (1 + 1 / left)
    return 2 * (float(np.abs(paid - chosen @ value).max()) + reading) / left


_NEAR_ONE = 2.0**-30
"""With so little discounting, values are computed in fractions where that is possible."""


def _exact_values(p: Floats, r: Floats, discount: float, policy: Ints) -> Array:
    """Return the optimal action values in fractions, by policy iteration from a policy that is nearly the best."""
    size = range(len(r))
    law = np.array([[fractions(row) for row in rows] for rows in p.tolist()], dtype=object)
    paid, gamma = numbers_meant(r), number_meant(discount)
    while True:
        step = law[size, policy]
        system = [[int(i == j) - gamma * step[i][j] for j in size] for i in size]
        found = solutions(system, paid[size, policy].tolist(), len(r))
        assert found is not None  # a discount below 1 leaves one solution
        q: Array = paid + gamma * (law @ np.array(found.point, dtype=object))
        best = q.max(axis=1)
        if (q[size, policy] == best).all():
            return q
        policy = np.where(q[size, policy] == best, policy, q.argmax(axis=1))


def planned_actions(
    transition: Floats | Sequence[object],
    reward: Floats | Sequence[object],
    *,
    horizon: int,
    steps: int,
    then: Floats | Sequence[object] | None = None,
) -> Mask:
    r"""Return what an agent may do that plans some moves ahead, afresh before each of them [2]_.

    Parameters
    ----------
    transition
        :math:`P(s' \mid s, a)`, shape (S, A, S).
    reward
        What it counts within its horizon, :math:`r(s, a)`, shape (S, A).
    horizon
        How many moves it plans, at least 1.
    steps
        How many moves an episode has.
    then
        The reward by whose best value it judges the state after that, shape (S, A); left out, nothing counts there.

    Returns
    -------
    numpy.ndarray
        Whether an action may be taken, shape (steps, S, A), the first move first; exact, ties included.

    Raises
    ------
    NotApplicableError
        Shapes that do not fit, rows that are no laws, a horizon that is none.

    Notes
    -----
    Environments with thousands of states and few successors, and what comes of such agents, are in
    :mod:`cidmesa.solve.policies.step_model`; the camera dropbox of MONA is one (:mod:`cidmesa.literature.mona`).

    Examples
    --------
    Cooperating costs 1 and is worth 3 to whoever comes next. Who looks one move ahead never does it; who looks two
    does, but for the last time; and who looks one ahead and is told what the state is worth does too.

    >>> own, pays = np.eye(2)[[[0, 1], [0, 1]]], [[0, -1], [3, 2]]
    >>> [planned_actions(own, pays, horizon=h, steps=3)[:, 0, 1].tolist() for h in (1, 2)]
    [[False, False, False], [True, True, False]]
    >>> planned_actions(own, pays, horizon=1, steps=3, then=pays)[:, 0, 1].tolist()
    [True, True, False]
    """
    p, r = _environment(transition, "planned_actions"), _numbers(reward, "a reward")
    told = None if then is None else _numbers(then, "then=")
    for what, paid in (("reward", r), ("then", told)):
        if paid is not None and paid.shape != p.shape[:2]:
            raise NotApplicableError(
                f"planned_actions takes transition (S, A, S) and {what} (S, A); got the shapes {p.shape} and "
                f"{paid.shape}."
            )
    model = StepModel.of_law(p, np.ones(len(p), dtype=np.int64))
    return planned(model, r, horizon=horizon, moves=steps, then=told)


def swapped(
    transition: Floats | Sequence[object], learners: int, elsewhere: Floats | Sequence[float], rotate: bool = False
) -> Floats:
    r"""Return what one of several learners faces that swap their environments after every step.

    Parameters
    ----------
    transition
        :math:`P(s' \mid s, a)` of one environment, shape (S, A, S).
    learners
        :math:`K`, how many learners and environments there are.
    elsewhere
        The law of the state that the learner finds in another's environment, which its own action does not set.
    rotate
        Strict rotation: nobody meets his own environment again before all others have changed it. Otherwise each
        learner is sent to one of the K at random.

    Examples
    --------
    >>> own = np.eye(2)[[[0, 1], [0, 1]]]
    >>> swapped(own, 2, [1.0, 0.0])[0].tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    >>> swapped(own, 2, [1.0, 0.0], rotate=True)[0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    p, law = _environment(transition, "swapped"), _numbers(elsewhere, "elsewhere=")
    require_count(learners, "learners")
    if law.shape != p.shape[:1] or not _are_laws(law):
        raise NotApplicableError(f"elsewhere= is a law of the {len(p)} states, numbers that sum to 1; got {law}.")
    stay = (0.0 if learners > 1 else 1.0) if rotate else 1.0 / learners
    mixed: Floats = stay * p + (1.0 - stay) * law
    return mixed


def _environment(transition: Floats | Sequence[object], question: str) -> Floats:
    """Return transition probabilities as an array of shape (S, A, S)."""
    p = _numbers(transition, "a transition")
    if p.ndim != 3 or p.shape[0] != p.shape[2] or not _are_laws(p):
        raise NotApplicableError(
            f"{question} takes transition (S, A, S) with rows that are probabilities and sum to 1; got the shape "
            f"{p.shape}."
        )
    return p


def _numbers(given: Floats | Sequence[object], what: str) -> Floats:
    """Return numbers as an array."""
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.array([np.nan])
    if not array.size or not np.isfinite(array).all():
        raise NotApplicableError(f"{what} is an array of finite numbers; got {given!r}.")
    return array


def _are_laws(rows: Floats) -> bool:
    return bool((rows >= 0).all() and (np.abs(rows.sum(axis=-1) - 1.0) <= ROW_SUM_TOLERANCE).all())


# What an outer loop selects --------------------------------------------------------------------------------------


def shared_effects(population: int, group: int, benefit: float, cost: float) -> Floats:
    r"""Return how much each member's action adds to each member's long-run reward.

    Members are grouped at random into environments that swap within groups of `group`: a member's benefit goes to each
    of its group alike, itself included; its cost it bears alone.

    Returns
    -------
    numpy.ndarray
        Entry (i, j): the expected gain of i if j acts, shape (population, population).

    Examples
    --------
    >>> shared_effects(3, 1, benefit=2.0, cost=1.0).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    require_count(group, "group")
    require_count(population, "population")
    if group > population:
        raise NotApplicableError(f"groups of {group} in a population of {population}: 1 <= group <= population.")
    for what, number in (("benefit", benefit), ("cost", cost)):
        if not is_number(number) or not np.isfinite(number):
            raise NotApplicableError(f"{what}= is a finite number; got {number!r}.")
    met = Fraction(group - 1, max(1, population - 1))
    gain, own = number_meant(float(benefit)), number_meant(float(cost))
    effects: Floats = np.full((population, population), float(gain * met / group))
    np.fill_diagonal(effects, float(gain / group - own))
    return effects


def selection_advantage(effects: Floats | Sequence[object], actors: Iterable[int]) -> float:
    r"""Return by how much those who act are better off than those who do not: what selection sees.

    Parameters
    ----------
    effects
        Entry (i, j): what j's acting adds to i's reward; see :func:`shared_effects`.
    actors
        Who acts; some members do and some do not.

    Returns
    -------
    float
        Mean reward of the actors less that of the others, of the numbers as they were meant: selection favours acting
        iff it is positive. In a group that
        shares everything it is minus the cost, however large the benefit.

    Examples
    --------
    >>> selection_advantage(shared_effects(4, 4, benefit=100.0, cost=1.0), [0, 1])
    -1.0
    """
    matrix = _numbers(effects, "effects=")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise NotApplicableError(f"effects has a row and a column for each member; got the shape {matrix.shape}.")
    members = range(len(matrix))
    named = list(actors) if isinstance(actors, Iterable) else [actors]
    if any(i not in members for i in named):
        raise NotApplicableError(f"actors= names members by their numbers, 0 to {len(matrix) - 1}; got {named}.")
    acting = np.isin(members, [int(i) for i in named])
    if acting.all() or not acting.any():
        raise NotApplicableError("selection compares those who act with those who do not: name some of the members.")
    rewards = numbers_meant(matrix[:, acting]).sum(axis=1)
    shares = (Fraction(sum(some.tolist()), len(some)) for some in (rewards[acting], rewards[~acting]))
    return float(next(shares) - next(shares))

r"""The distribution of a decision's context, and of outcomes given context and action.

These two laws are all that a decision's agent needs to know of the world: :math:`P(pa_D)`, the contexts it meets, and
:math:`P(t \mid pa_D, do(d))`, the outcomes of its actions in them. Which objectives make a policy optimal is a question
about the second on the support of the first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import read_names, require_model
from cidmesa.arrays import Array
from cidmesa.solve.queries.query import joint
from cidmesa.solve.tables.elimination import Factor, make_plan, mask_of
from cidmesa.solve.tables.model_tables import MAX_TABLE, ModelTables, check_names, connected, require_small, view_of
from cidmesa.solve.tables.query_plan import Question, answer, with_levels

if TYPE_CHECKING:
    from cidmesa.model import CIM


def context_law(model: CIM, decision: str, *, policy: Any = None) -> Array:
    r"""Return :math:`P(pa_D)`: how probable each context of a decision is.

    Parameters
    ----------
    model
        The model.
    decision
        The decision :math:`D`; whether it has a rule does not matter.
    policy
        Rules of the decisions before :math:`D`, where the model has none.

    Returns
    -------
    numpy.ndarray
        One axis per parent, in the order of ``cid.parents(decision)``; a scalar array if there are none.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(door=cm.Bernoulli(0.25), go=[0, 1], win=lambda go: go)
    >>> context_law(model, "go").tolist()
    [0.75, 0.25]
    """
    require_model(model, "a context's law")
    decision = model.cid.only_decision(decision)
    return joint(model, model.cid.parents(decision), policy=policy)


def outcome_law(
    model: CIM, decision: str, targets: Iterable[str], *, policy: Any = None, completed: bool = False
) -> Array:
    r"""Return :math:`P(targets \mid pa_D, do(d))`: what each action leads to, as the agent sees it.

    Parameters
    ----------
    model
        The model.
    decision
        The decision :math:`D`; a rule of its own is ignored.
    targets
        Nodes of any kind (a utility: its numbers, ascending). Parents of :math:`D` and :math:`D` itself may be among
        them.
    policy
        Rules of other decisions that matter, where the model has none.
    completed
        Contexts of probability zero are NaN, unless this is true: see Notes.

    Returns
    -------
    numpy.ndarray
        Axes: the parents in the order of ``cid.parents(decision)``, the decision, the targets.

    Notes
    -----
    Given its context, :math:`P(\cdot \mid pa_D, d)` and :math:`P(\cdot \mid pa_D, do(d))` are the same. It depends
    only on the mechanisms *relevant* to :math:`D` for these targets: those that hang together with a target given
    :math:`Fa(D)`. So it has a meaning in many contexts that never occur, for instance where a mechanism that is
    irrelevant given the context (how an observed door is painted) makes the context impossible. ``completed=True``
    returns that: the conditional computed from the relevant mechanisms alone, which is what a subgame-perfect policy
    needs. Where the relevant mechanisms themselves contradict the context (two exact copies of one hidden state that
    differ) no belief is defined and the entries are NaN all the same.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], decisions=["go"])
    >>> win = cm.Function(lambda door, go: int(door == go), domain=(0, 1))
    >>> model = cid.parameterise(door=cm.Bernoulli(0), go=[0, 1], win=win)
    >>> outcome_law(model, "go", ["win"])[:, 0].tolist()
    [[0.0, 1.0], [nan, nan]]
    >>> outcome_law(model, "go", ["win"], completed=True)[:, 0].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    view = view_of(model, "an outcome's law", policy)
    index = view.index
    d = index.cid.id(index.cid.only_decision(decision))
    ids = check_names(index, read_names(targets, "targets"), "targets")
    view = with_levels(view, ids)
    family = (*index.parents[d], d)
    made = index.planned(("law", view.cards, d, ids), lambda: _plan_law(view, family, ids))
    p, _ = answer(made, view, {})
    free = [v for v in ids if v not in family]
    shape = [view.cards[v] for v in (*family, *free)]
    law = np.ones(shape) if p is None else np.broadcast_to(p, shape)
    if free:
        axes = tuple(range(len(family), len(shape)))
        total = law.sum(axis=axes, keepdims=True)
        law = np.divide(law, total, out=np.full(shape, np.nan), where=total > 0)
    if len(free) < len(ids):
        law = with_own_axes(law, family, ids)
    if not completed and index.parents[d]:
        reached = context_law(model, decision, policy=policy) > 0
        if not reached.all():
            law = np.where(reached.reshape(reached.shape + (1,) * (law.ndim - reached.ndim)), law, np.nan)
    return law


def _plan_law(view: ModelTables, family: tuple[int, ...], targets: tuple[int, ...]) -> Question:
    """Plan the relevant part of the joint of `targets` and a decision's family."""
    index = view.index
    known = mask_of(family)
    free = [v for v in targets if v not in family]
    above = index.ancestors((*free, *family)) & ~(1 << family[-1])
    scopes = {v: mask_of((*index.parents[v], v)) for v in reversed(index.cid.topological) if above >> v & 1}
    nodes = connected(scopes, [v for v in scopes if v in free], known)
    factors = [Factor(v, (*index.parents[v], v), heads=1 << v) for v in nodes]
    plan = make_plan(factors, (*family, *free), view.cards)
    require_small(index, plan, view.cards, MAX_TABLE)
    return Question(plan, tuple(nodes), (None,) * len(nodes))


def with_own_axes(law: Array, family: Sequence[Hashable], targets: Sequence[Hashable]) -> Array:
    """Give a target that belongs to a decision's family an axis of its own: all its mass is on the value it has there.

    Parameters
    ----------
    law
        Axes for the family, then for the targets outside it, in their order.
    family, targets
        Names or positions of nodes.

    Examples
    --------
    >>> with_own_axes(np.array([[0.5, 0.5], [1.0, 0.0]]), ["seen", "act"], ["seen"])[1].tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    for axis, node in enumerate(targets, start=len(family)):
        if node in family:
            where = list(family).index(node)
            shape = [1] * (law.ndim + 1)
            shape[where] = shape[axis] = law.shape[where]
            law = np.expand_dims(law, axis) * np.eye(law.shape[where], dtype=np.int64).reshape(shape)
    return law

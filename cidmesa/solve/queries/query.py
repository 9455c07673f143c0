r"""Probabilities and expected utilities: conditioned, intervened, under a policy.

Three things may be said about a question, and they are different:

- ``given={node: value}`` is evidence: Bayes' rule, :math:`P(\cdot \mid e)`;
- ``do={node: value}`` is an intervention: the node's mechanism is cut off and replaced by the value [1]_. The model of
  the caller is never touched, and a diagram that falls into parts is no special case;
- ``policy=`` says what decisions do that have no rule of their own.

A soft intervention is :meth:`cidmesa.CIM.shift`. A decision without a rule raises only where the answer depends on it.
Where the evidence says what a decision did and all that its rule could have told, the rule cancels: an agent's belief
about the world, given its own observations and actions, is the same whatever made it act. The condition is that
:math:`\Pi_D`, the rule as a node above :math:`D`, is d-separated from what is asked, given the evidence [1]_.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], decisions=["go"])
>>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"], win=lambda door, go: door == go)
>>> query(model, ["win"], do={"go": "left"})[True]
0.5
>>> query(model, ["door"], given={"win": True}, do={"go": "left"})["left"]
1.0

References
----------
.. [1] J. Pearl, *Causality*, 2nd ed., 2009, ch. 3.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import read_names, require_count
from cidmesa.arrays import Array
from cidmesa.solve.queries.distribution import Distribution
from cidmesa.solve.tables.model_tables import (
    MAX_TABLE,
    ModelTables,
    agent_utilities,
    check_names,
    levels_of,
    view_of,
)
from cidmesa.solve.tables.query_plan import (
    answer,
    cancelling,
    impossible,
    plan_question,
    read_conditions,
    with_levels,
)

if TYPE_CHECKING:
    from cidmesa.model import CIM


def query(
    model: CIM,
    names: Iterable[str],
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    policy: Any = None,
    max_table: int = MAX_TABLE,
) -> Distribution:
    r"""Return :math:`P(names \mid given; do)` exactly.

    Parameters
    ----------
    model
        The model; it is never changed.
    names
        Nodes of any kind. A utility is read as a variable whose values are the numbers in its table, ascending.
    given, do
        ``{node: value}`` observed, and ``{node: value}`` set by intervention. A utility may be observed too: its value
        is one of the numbers in its table.
    policy
        Rules of decisions, as for :meth:`cidmesa.CIM.with_policy`, or a :class:`~cidmesa.solve.Solution`.
    max_table
        How many entries the largest table may have; a plan that needs more is refused before it starts.

    Returns
    -------
    Distribution
        Indexed by value.

    Raises
    ------
    UnknownNodeError
        A name that is not a node.
    NotApplicableError
        A value outside its domain; evidence of probability zero; a decision that matters and has no rule; a table of
        more than `max_table` entries.

    Notes
    -----
    Exact up to rounding. Time and memory are exponential in the width of the elimination only.

    Examples
    --------
    >>> import cidmesa as cm
    >>> model = cm.CID([("rain", "wet")]).parameterise(rain=cm.Bernoulli(0.25), wet=cm.Noisy(lambda rain: rain, 0.1))
    >>> round(query(model, ["rain"], given={"wet": 1})[1], 6), query(model, ["rain"], do={"wet": 1})[1]
    (0.75, 0.25)

    What the agent did tells nothing that its observation did not, so no rule is asked for:

    >>> cid = cm.CID([("sky", "sign"), ("sign", "go"), ("sky", "pay"), ("go", "pay")], decisions=["go"],
    ...              utilities=["pay"])
    >>> model = cid.parameterise(sky=cm.Bernoulli(0.5), sign=cm.Noisy(lambda sky: sky, 0.25), go=[0, 1],
    ...                          pay=lambda sky, go: 2 * sky * go)
    >>> query(model, ["sky"], given={"sign": 1, "go": 0})[1]
    0.75
    >>> query(model, ["sky"], given={"sign": 0, "go": 1, "pay": 2})[1]
    1.0
    """
    names = read_names(names, "names")
    probabilities = joint(model, names, given=given, do=do, policy=policy, max_table=max_table)
    kinds = model.cid.kind
    domains = tuple(levels_of(model.cpd(name)) if kinds(name) == "utility" else model.domain(name) for name in names)
    return Distribution(tuple(names), domains, probabilities)


def joint(
    model: CIM,
    names: Iterable[str],
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    policy: Any = None,
    max_table: int = MAX_TABLE,
) -> Array:
    """Return the array behind :func:`query`, with one axis per name, in the order of `names`.

    Parameters and errors are those of :func:`query`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> model = cm.CID([("rain", "wet")]).parameterise(rain=cm.Bernoulli(0.25), wet=lambda rain: rain)
    >>> joint(model, ["wet", "rain"]).tolist()
    [[0.75, 0.0], [0.0, 0.25]]
    """
    view = view_of(model, "a query", policy)
    index = view.index
    targets = check_names(index, read_names(names, "names"), "names")
    seen, forced = read_conditions(view, given, do)
    require_count(max_table, "max_table")
    view = with_levels(view, dict.fromkeys((*targets, *seen)), max_table)
    view = _with_any_rules(view, targets, seen, forced)
    fixed = {**seen, **forced}
    made = index.planned(
        ("joint", view.cards, targets, tuple(seen), tuple(forced), max_table),
        lambda: plan_question(view, targets, (), seen, forced, max_table),
    )
    p, _ = answer(made, view, fixed)
    shape = tuple([view.cards[v] for v in targets if v not in fixed])
    array = np.ones(shape) if p is None else np.broadcast_to(p, shape)
    if seen:
        total = array.sum()
        if not total > 0:
            raise impossible(given)
        array = array / total
    if len(shape) < len(targets):
        whole = np.zeros([view.cards[v] for v in targets])
        whole[tuple([fixed.get(v, slice(None)) for v in targets])] = array
        return whole
    return array


def expected_utility(
    model: CIM,
    policy: Any = None,
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    agent: Hashable = None,
    max_table: int = MAX_TABLE,
) -> float:
    r"""Return :math:`\mathbb{E}[\sum_U U \mid given; do]`, the sum over one agent's utilities.

    Parameters
    ----------
    model, policy, given, do, max_table
        As for :func:`query`.
    agent
        Whose utilities; ``None`` stands for the only agent.

    Raises
    ------
    UnknownNodeError, NotApplicableError
        As for :func:`query`; also several agents and ``agent=None``.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("door", "go"), ("door", "win"), ("go", "win")], decisions=["go"], utilities=["win"])
    >>> model = cid.parameterise(door=cm.Uniform(0, 1), go=[0, 1], win=lambda door, go: int(door == go))
    >>> expected_utility(model, {"go": lambda door: door}), expected_utility(model, do={"go": 0})
    (1.0, 0.5)
    """
    view = view_of(model, "an expected utility", policy)
    index = view.index
    utilities = index.ids(agent_utilities(index.cid, agent, "an expected utility"))
    seen, forced = read_conditions(view, given, do)
    require_count(max_table, "max_table")
    view = with_levels(view, seen, max_table)
    view = _with_any_rules(view, utilities, seen, forced)
    known = math.fsum(levels_of(view.model.cpd(index.cid.nodes[u]))[seen[u]] for u in utilities if u in seen)
    unknown = tuple([u for u in utilities if u not in seen])
    made = index.planned(
        ("utility", view.cards, unknown, tuple(seen), tuple(forced), max_table),
        lambda: plan_question(view, (), unknown, seen, forced, max_table),
    )
    p, w = answer(made, view, {**seen, **forced})
    if p is None:
        return known if w is None else known + float(w)
    if not p > 0:
        raise impossible(given)
    return known if w is None else known + float(w / p)


def _with_any_rules(
    view: ModelTables, targets: Iterable[int], seen: Mapping[int, int], forced: Mapping[int, int]
) -> ModelTables:
    """Put a rule in for every decision whose rule cancels: it takes every action alike, so that none is excluded."""
    if not seen or all(table is not None for table in view.tables):
        return view
    index = view.index
    targets = tuple(targets)
    key = ("cancelling", tuple([t is None for t in view.tables]), targets, tuple(seen), tuple(forced))
    alike = {}
    for d in index.planned(key, lambda: cancelling(view, targets, seen, forced)):
        shape = [view.cards[v] for v in (*index.parents[d], d)]
        alike[index.cid.nodes[d]] = np.full(shape, 1.0 / view.cards[d])
    return view.with_rules(alike)

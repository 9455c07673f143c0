r"""Probabilities and expected utilities: conditioned, intervened, under a policy.

Three things may be said about a question, and they are different:

- ``given={node: value}`` is evidence: Bayes' rule, :math:`P(\cdot \mid e)`;
- ``do={node: value}`` is an intervention: the node's mechanism is cut off and replaced by the value [1]_. The model of
  the caller is never touched, and a diagram that falls into parts is no special case;
- ``policy=`` says what decisions do that have no rule of their own.

A soft intervention is :meth:`cidmesa.CIM.shift`. A decision without a rule raises only where the answer depends on it.

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

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import read_names, require_count
from cidmesa.arrays import Array
from cidmesa.solve.queries.distribution import Distribution
from cidmesa.solve.tables.model_tables import MAX_TABLE, agent_utilities, check_names, view_of
from cidmesa.solve.tables.query_plan import answer, impossible, plan_question, read_conditions, with_levels

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
        ``{node: value}`` observed, and ``{node: value}`` set by intervention.
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
    """
    names = read_names(names, "names")
    probabilities = joint(model, names, given=given, do=do, policy=policy, max_table=max_table)
    kinds = model.cid.kind
    domains = tuple(
        tuple(np.unique(model.cpd(name)).tolist()) if kinds(name) == "utility" else model.domain(name) for name in names
    )
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
    view = with_levels(view, targets, max_table)
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
    made = index.planned(
        ("utility", view.cards, utilities, tuple(seen), tuple(forced), max_table),
        lambda: plan_question(view, (), utilities, seen, forced, max_table),
    )
    p, w = answer(made, view, {**seen, **forced})
    if p is None:
        return 0.0 if w is None else float(w)
    if not p > 0:
        raise impossible(given)
    return 0.0 if w is None else float(w / p)

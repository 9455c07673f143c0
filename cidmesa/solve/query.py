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

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.errors import NotApplicableError, did_you_mean
from cidmesa.solve.elimination import Array, Factor, Plan, bits, make_plan, mask_of, run
from cidmesa.solve.structure import (
    MAX_TABLE,
    Index,
    View,
    agent_utilities,
    check_names,
    connected,
    require_small,
    rule_missing,
    view_of,
)

if TYPE_CHECKING:
    from cidmesa.model import CIM


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """A joint distribution over named nodes.

    Attributes
    ----------
    names
        The nodes, in the order of the axes.
    domains
        The values of each.
    probabilities
        An array with one axis per name.

    Examples
    --------
    >>> d = Distribution(("a", "b"), ((0, 1), ("x", "y")), np.array([[0.5, 0.25], [0.0, 0.25]]))
    >>> d[0, "y"], d.to_dict()[1, "x"]
    (0.25, 0.0)
    >>> d.marginal("b").to_dict()
    {'x': 0.5, 'y': 0.5}
    """

    names: tuple[str, ...]
    domains: tuple[tuple[Any, ...], ...]
    probabilities: Array

    def __getitem__(self, values: Any) -> float:
        """Return the probability of a value (one name) or of a tuple of values (several)."""
        keys = (values,) if len(self.names) == 1 else values
        if not isinstance(keys, tuple) or len(keys) != len(self.names):
            raise NotApplicableError(f"this distribution is over {self.names}: one value for each; got {values!r}.")
        where = []
        for name, domain, value in zip(self.names, self.domains, keys, strict=True):
            if value not in domain:
                raise NotApplicableError(
                    f"{value!r} is not a value of `{name}`{did_you_mean(value, map(str, domain))}; "
                    f"its domain is {domain}."
                )
            where.append(domain.index(value))
        return float(self.probabilities[tuple(where)])

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the values (one name) or the tuples of values (several)."""
        return iter(self.domains[0]) if len(self.names) == 1 else product(*self.domains)

    def to_dict(self) -> dict[Any, float]:
        """Return ``{value: probability}``, or ``{(values...): probability}`` for several names."""
        return dict(zip(self, self.probabilities.ravel().tolist(), strict=True))

    def marginal(self, *names: str) -> Distribution:
        """Return the distribution of some of the names, in the order asked for."""
        for name in names:
            if name not in self.names:
                raise NotApplicableError(
                    f"`{name}` is not in this distribution{did_you_mean(name, self.names)}; it is over {self.names}."
                )
        axes = [self.names.index(name) for name in names]
        others = tuple(i for i in range(len(self.names)) if i not in axes)
        left = sorted(axes)
        array = self.probabilities.sum(axis=others).transpose([left.index(i) for i in axes])
        return Distribution(tuple(names), tuple(self.domains[i] for i in axes), array)


def query(
    model: CIM,
    names: Iterable[str],
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    policy: Any = None,
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

    Returns
    -------
    Distribution
        Indexed by value.

    Raises
    ------
    UnknownNodeError
        A name that is not a node.
    NotApplicableError
        A value outside its domain; evidence of probability zero; a decision that matters and has no rule; a plan that
        needs a table of more than 2**28 entries.

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
    names = tuple(names) if not isinstance(names, str) else names
    probabilities = joint(model, names, given=given, do=do, policy=policy)
    kinds = model.cid.kind
    domains = tuple(
        tuple(_levels(model.cpd(name))[0].tolist()) if kinds(name) == "utility" else model.domain(name)
        for name in names
    )
    return Distribution(tuple(names), domains, probabilities)


def joint(
    model: CIM,
    names: Iterable[str],
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[str, Any] | None = None,
    policy: Any = None,
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
    targets = check_names(index, names if isinstance(names, str) else tuple(names), "names")
    seen, forced = _conditions(view, given, do)
    view = _with_levels(view, targets)
    fixed = {**seen, **forced}
    made = index.planned(
        ("joint", view.cards, targets, tuple(seen), tuple(forced)),
        lambda: _plan(view, targets, (), seen, forced),
    )
    p, _ = _run(made, view, fixed)
    shape = tuple([view.cards[v] for v in targets if v not in fixed])
    array = np.ones(shape) if p is None else np.broadcast_to(p, shape)
    if seen:
        total = array.sum()
        if not total > 0:
            raise _impossible(given)
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
) -> float:
    r"""Return :math:`\mathbb{E}[\sum_U U \mid given; do]`, the sum over one agent's utilities.

    Parameters
    ----------
    model, policy, given, do
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
    seen, forced = _conditions(view, given, do)
    made = index.planned(
        ("utility", view.cards, utilities, tuple(seen), tuple(forced)),
        lambda: _plan(view, (), utilities, seen, forced),
    )
    p, w = _run(made, view, {**seen, **forced})
    if p is None:
        return 0.0 if w is None else float(w)
    if not p > 0:
        raise _impossible(given)
    return 0.0 if w is None else float(w / p)


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
    ids = check_names(index, targets if isinstance(targets, str) else tuple(targets), "targets")
    view = _with_levels(view, ids)
    family = (*index.parents[d], d)
    made = index.planned(("law", view.cards, d, ids), lambda: _plan_law(view, family, ids))
    p, _ = _run(made, view, {})
    free = [v for v in ids if v not in family]
    shape = [view.cards[v] for v in (*family, *free)]
    law = np.ones(shape) if p is None else np.broadcast_to(p, shape)
    if free:
        axes = tuple(range(len(family), len(shape)))
        total = law.sum(axis=axes, keepdims=True)
        law = np.divide(law, total, out=np.full(shape, np.nan), where=total > 0)
    if len(free) < len(ids):
        law = _with_own_axes(law, family, ids, view.cards)
    if not completed and index.parents[d]:
        reached = context_law(model, decision, policy=policy) > 0
        if not reached.all():
            law = np.where(reached.reshape(reached.shape + (1,) * (law.ndim - reached.ndim)), law, np.nan)
    return law


# How a question becomes a plan ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Question:
    """A plan, the tables it needs, and where values have to be put into them."""

    plan: Plan
    nodes: tuple[int, ...]
    slices: tuple[tuple[int, ...] | None, ...]


def _plan(
    view: View, targets: tuple[int, ...], utilities: tuple[int, ...], seen: Iterable[int], forced: Iterable[int]
) -> _Question:
    """Plan the joint of `targets` and the evidence `seen`, with `utilities` taken along, under do(`forced`)."""
    index = view.index
    cut, evidence = mask_of(forced), mask_of(seen)
    fixed = cut | evidence
    nodes = _needed(index, (*targets, *utilities, *bits(evidence)), cut)
    factors, slices = [], []
    paid = set(utilities)
    for v in nodes:
        scope = index.parents[v] if v in paid else (*index.parents[v], v)
        left = tuple([u for u in scope if not fixed >> u & 1])
        if v in paid:
            factors.append(Factor(v, None, left))
        else:
            factors.append(Factor(v, left, heads=None if fixed >> v & 1 else 1 << v))
        slices.append(None if len(left) == len(scope) else tuple([u if fixed >> u & 1 else -1 for u in scope]))
    keep = [v for v in targets if not fixed >> v & 1]
    plan = make_plan(factors, keep, view.cards)
    require_small(index, plan, view.cards, MAX_TABLE)
    return _Question(plan, tuple(nodes), tuple(slices))


def _plan_law(view: View, family: tuple[int, ...], targets: tuple[int, ...]) -> _Question:
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
    return _Question(plan, tuple(nodes), (None,) * len(nodes))


def _needed(index: Index, roots: Iterable[int], cut: int) -> list[int]:
    """Return `roots` and their ancestors, children first, in the graph without the edges into `cut`, less `cut`."""
    if not cut:
        mask = index.ancestors(roots)
    else:
        mask, stack = 0, list(roots)
        while stack:
            v = stack.pop()
            if not (mask | cut) >> v & 1:
                mask |= 1 << v
                stack.extend(index.parents[v])
    return [v for v in reversed(index.cid.topological) if mask >> v & 1]


def _run(question: _Question, view: View, fixed: Mapping[int, int]) -> tuple[Array | None, Array | None]:
    tables = view.tables
    pairs = {}
    for v, where in zip(question.nodes, question.slices, strict=True):
        table = tables[v]
        if table is None:
            raise rule_missing(view.index, question.nodes, tables)
        if where is not None:
            table = table[tuple([slice(None) if u < 0 else fixed[u] for u in where])]
        pairs[v] = (table, table)
    return run(question.plan, pairs)


def _conditions(
    view: View, given: Mapping[str, Any] | None, do: Mapping[str, Any] | None
) -> tuple[dict[int, int], dict[int, int]]:
    """Read evidence and interventions as positions, in node order."""
    if not given and not do:
        return {}, {}
    read: list[dict[int, int]] = []
    for stated in (given, do):
        found = {view.index.cid.id(name): (name, value) for name, value in (stated or {}).items()}
        read.append({v: view.position(v, found[v][1]) for v in sorted(found)})
    seen, forced = read
    for v in seen:
        if v in forced:
            name = view.index.cid.nodes[v]
            raise NotApplicableError(f"`{name}` is in given= and in do=: leave it out of one of the two.")
    return seen, forced


def _impossible(given: Mapping[str, Any] | None) -> NotApplicableError:
    evidence = ", ".join(f"{name}={value!r}" for name, value in (given or {}).items())
    return NotApplicableError(
        f"the evidence {evidence} has probability zero here, so nothing follows from it: leave a value out of given=, "
        "or set it with do=."
    )


def _levels(table: Array) -> tuple[Array, Array]:
    """Return the distinct numbers of a utility's table, ascending, and the table as a distribution over them."""
    values, where = np.unique(table, return_inverse=True)
    return values, np.eye(len(values))[where.reshape(table.shape)]


def _with_levels(view: View, targets: Iterable[int]) -> View:
    """Return the view in which the utilities among `targets` are variables."""
    paid = [v for v in targets if view.index.kinds[v] == "u"]
    if not paid:
        return view
    cards, tables = list(view.cards), list(view.tables)
    for v in paid:
        values, tables[v] = _levels(view.model.cpd(view.index.cid.nodes[v]))
        cards[v] = len(values)
    return View(view.index, view.model, tuple(cards), tuple(tables))


def _with_own_axes(law: Array, family: tuple[int, ...], targets: tuple[int, ...], cards: tuple[int, ...]) -> Array:
    """Put in the axes of targets that belong to the family: each is where the context says it is."""
    width = len(family) + len(targets)
    free = [v for v in targets if v not in family]
    axes = [len(family) + targets.index(v) for v in free]
    order = [len(family) + i for i in np.argsort(axes)]
    law = law.transpose([*range(len(family)), *order])
    law = law.reshape(law.shape[: len(family)] + tuple([cards[v] if v in free else 1 for v in targets]))
    for i, v in enumerate(targets):
        if v in family:
            shape = [1] * width
            shape[family.index(v)] = shape[len(family) + i] = cards[v]
            law = law * np.eye(cards[v]).reshape(shape)
    return law

r"""Interfaces: few nodes through which the decisions touch both what is scored and what is pursued.

A set :math:`S` of nodes is an *interface* for :math:`(T, U_b)` if in the mechanised diagram every
:math:`\Pi_D \perp T \cup \{U_b\} \mid S`: whatever the policy, given :math:`s` it has no more say in the targets or the
score. Then :math:`u(s) = E[U_b \mid s]` and :math:`o(s) = E[O \mid s]` are the same for all policies, and both
objectives are functions of where the policy puts the probability of :math:`S`. With

.. math:: Sep_S = \{V : \mathsf{M}_V \not\perp T \cup \{U_b\} \mid S\}, \qquad
          Cov_S = (S \cup Anc(S)) \setminus \text{decisions},

a shift outside :math:`Sep_S` changes neither :math:`u` nor :math:`o`, and only a shift in :math:`Cov_S` changes which
:math:`s` a policy reaches.

**Theorem B (interfaces).** Let :math:`u = a \cdot o + b` with :math:`a > 0` on a set :math:`A` of values of :math:`S`.
Then :math:`E[U_b] = a\,E[O] + b` for every policy, so :math:`O` and :math:`U_b` rank *all* policies alike, under every
joint shift outside :math:`Sep_S` that reaches no :math:`s` outside :math:`A` under any policy.

*Why.* :math:`E_\pi[U_b] = \sum_s P_\pi(s)\,u(s)` and the same for :math:`O`, with :math:`u` and :math:`o` untouched by
the shift and by :math:`\pi`. No recall, no number of decisions and no sharing of rules enters. It says more than
carry-over (Theorem A): it is about all policies, not the optimal ones. Certificates of different interfaces do not
combine: each holds one set of mechanisms fixed. Without numbers an interface only sorts shifts: *mechanism* (in
:math:`Sep_S`), *context* (in :math:`Cov_S \setminus Sep_S`), the rest harmless.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> cid = cm.CID([("act", "food"), ("food", "young"), ("young", "pay")], decisions=["act"], utilities=["pay"])
>>> model = cid.parameterise(act=[0, 1], food=lambda act: act, young=cm.Noisy(lambda food: food, 0.25),
...                          pay=lambda young: young)
>>> found = {i.nodes: i for i in interfaces(TrainingSetup(model), ["food"], {0: 0.0, 1: 1.0}, size=1)}
>>> found[("food",)].scale, sorted(found[("food",)].sep), sorted(found[("food",)].cov)
(0.5, ['pay', 'young'], ['food'])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cidmesa.arguments import read_names, require_count
from cidmesa.arrays import Floats
from cidmesa.errors import NotApplicableError
from cidmesa.graph.index import index_of
from cidmesa.mechanisms import is_number
from cidmesa.mesa.graphical.shifts import ShiftClass
from cidmesa.mesa.objectives.declared import Objective, laid_out
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import require_setup
from cidmesa.solve import query
from cidmesa.solve.queries.payoffs import uniform_policy
from cidmesa.solve.tables.exact_numbers import numbers_meant
from cidmesa.solve.tables.exact_run import exact_joint

if TYPE_CHECKING:
    from collections.abc import Hashable

    from cidmesa.diagram import CID
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM

Point: TypeAlias = tuple[Fraction, Fraction]
Line: TypeAlias = tuple[Fraction, Fraction, list[bool]]


@dataclass(frozen=True, slots=True)
class Interface:
    r"""One interface, what it holds fixed, and where the objectives agree on it.

    Attributes
    ----------
    nodes
        :math:`S`, in node order.
    sep
        :math:`Sep_S`: shifting one of these may part the objectives.
    cov
        :math:`Cov_S`: shifting one of these may change which :math:`s` are reached.
    domain
        The values of :math:`S` on which :math:`u = a \cdot o + b`: all that training reaches, or else a largest set
        of them. ``None`` without numbers or without an objective.
    reached
        The values of :math:`S` that some policy reaches in training.
    scale, offset
        :math:`a > 0` and :math:`b`; ``None`` where no two reached values agree.
    certified
        Deployments in which, by Theorem B, both objectives rank all policies alike. :math:`A` is what the deployment
        reaches, so that the line may be another one than :attr:`scale` and :attr:`offset` give for :attr:`domain`.
    """

    nodes: tuple[str, ...]
    sep: frozenset[str]
    cov: frozenset[str]
    domain: tuple[tuple[Hashable, ...], ...] | None = None
    reached: tuple[tuple[Hashable, ...], ...] | None = None
    scale: float | None = None
    offset: float | None = None
    certified: frozenset[str] = frozenset()

    @property
    def affine(self) -> bool:
        """Whether the objectives agree on all that training reaches."""
        return self.domain is not None and self.domain == self.reached

    def shift_class(self, nodes: Iterable[str]) -> ShiftClass:
        """Return what a joint shift of `nodes` is to this interface: mechanism, context or inert.

        >>> Interface(("s",), sep=frozenset({"pay"}), cov=frozenset({"s", "x"})).shift_class({"x", "weather"}).value
        'context'
        """
        moved = frozenset(nodes)
        if moved & self.sep:
            return ShiftClass.MECHANISM
        return ShiftClass.CONTEXT if moved & self.cov else ShiftClass.INERT


def is_interface(
    cid: CID, nodes: Iterable[str], targets: Iterable[str], utilities: Iterable[str] | None = None
) -> bool:
    r"""Say whether `nodes` is an interface: every :math:`\Pi_D \perp T \cup \{U_b\} \mid S`.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "x"), ("x", "pay"), ("act", "y")], decisions=["act"], utilities=["pay"])
    >>> is_interface(cid, ["x"], ["x"]), is_interface(cid, ["x"], ["y"])
    (True, False)
    """
    sep = separators(cid, nodes, targets, utilities)
    return not any(decision in sep for decision in cid.decisions)


def separators(
    cid: CID, nodes: Iterable[str], targets: Iterable[str], utilities: Iterable[str] | None = None
) -> frozenset[str]:
    r"""Return :math:`Sep_S`, the nodes whose mechanism hangs together with :math:`T \cup \{U_b\}` given :math:`S`.

    A decision is in it iff its rule matters beyond :math:`S`, that is, iff :math:`S` is no interface.

    Notes
    -----
    One Bayes ball from the targets and utilities: it passes on to :math:`\mathsf{M}_V`, a root above :math:`V`, iff it
    comes up to an unobserved :math:`V` or down to an observed one.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "x"), ("x", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    >>> sorted(separators(cid, ["x"], ["x"])), sorted(separators(cid, ["y"], ["x"]))
    (['pay', 'y'], ['act', 'pay', 'x', 'y'])
    """
    known = {cid.id(node) for node in nodes}
    goals = dict.fromkeys(cid.id(node) for node in (*targets, *(cid.utilities if utilities is None else utilities)))
    up, down = index_of(cid).condition(known).reach([goal for goal in goals if goal not in known])
    return frozenset(node for i, node in enumerate(cid.nodes) if (down[i] if i in known else up[i]))


def interfaces(
    setup: TrainingSetup,
    targets: Iterable[str],
    objective: Objective | Mapping[Any, float] | None = None,
    size: int = 2,
) -> tuple[Interface, ...]:
    r"""Return all interfaces of up to `size` nodes, with what Theorem B certifies by each.

    Parameters
    ----------
    setup
        The training setup.
    targets
        Targets of the candidate.
    objective
        :math:`O`, or a mapping from the values of the targets (a tuple, or the value of a single target) to numbers.
        Without it, or without numbers in the setup, only :math:`Sep_S` and :math:`Cov_S` are returned.
    size
        The most nodes an interface may have; at least one.

    Returns
    -------
    tuple of Interface
        Smaller ones first, then in node order. Every interface is listed, not only minimal ones: a larger one may
        hold less fixed.

    Raises
    ------
    NotApplicableError
        An objective that is not one finite number per value of the targets, or a size below one.

    Notes
    -----
    The certificate is sound, in every parameterisation; where an interface certifies nothing the objectives may agree
    all the same. Sep and Cov are those of training's diagram; a deployment is certified in its own (with its edges).
    Cost: one Bayes ball for each of the :math:`\binom{n}{\le size}` sets, one elimination per interface.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.setup.training import TrainingSetup
    >>> cid = cm.CID([("door", "go"), ("go", "at_door"), ("door", "at_door"), ("at_door", "reward")],
    ...              decisions=["go"], utilities=["reward"])
    >>> model = cid.parameterise(door=cm.Bernoulli(0.5), go=[0, 1], at_door=lambda go, door: int(go == door),
    ...                          reward=lambda at_door: 3 * at_door)
    >>> moved, broken = {"door": cm.Bernoulli(0.9)}, {"reward": lambda at_door: 1 - at_door}
    >>> setup = TrainingSetup(model, deployments={"moved": moved, "broken": broken})
    >>> single = interfaces(setup, ["at_door"], {0: 0.0, 1: 1.0}, size=1)
    >>> [(i.nodes, i.scale, sorted(i.certified)) for i in single]
    [(('at_door',), 3.0, ['moved'])]
    """
    cid, goals = require_setup(setup, "interfaces").cid, read_names(targets, "targets=")
    require_count(size, "size")
    payoff = objective.to_dict() if isinstance(objective, Objective) else objective
    numbers = setup.model is not None and not setup.model.is_symbolic and payoff is not None
    found = []
    for count in range(1, size + 1):
        for nodes in combinations(cid.nodes, count):
            sep = separators(cid, nodes, goals, setup.score)
            if any(decision in sep for decision in cid.decisions):
                continue
            cov = frozenset(nodes).union(*(cid.ancestors(node) for node in nodes)) - set(cid.decisions)
            plain = Interface(nodes, sep, cov)
            found.append(_with_numbers(setup, plain, goals, {} if payoff is None else payoff) if numbers else plain)
    return tuple(found)


def _with_numbers(
    setup: TrainingSetup, interface: Interface, targets: tuple[str, ...], objective: Mapping[Any, float]
) -> Interface:
    """Add the affine check, its domain, and the deployments it certifies; nothing where exact numbers are too many."""
    nodes = interface.nodes
    points = _points(setup.deployed(TRAINING), nodes, targets, objective, setup.score)
    if points is None:
        return interface
    scale, offset, inside = _line(list(points.values()))
    certified = set()
    for name in setup.deployments:
        cid = setup.deployed_cid(name)
        sep = separators(cid, nodes, targets, setup.score)
        if setup.shifted(name) & sep or any(decision in sep for decision in cid.decisions):
            continue
        there = _reached(setup.deployed(name), nodes)
        if all(s in points for s in there) and all(_line([points[s] for s in there])[2]):
            certified.add(name)
    reached = tuple(points)
    domain = tuple(s for s, yes in zip(reached, inside, strict=True) if yes)
    return replace(
        interface,
        domain=domain,
        reached=reached,
        scale=float(scale),
        offset=float(offset),
        certified=frozenset(certified),
    )


def _reached(model: CIM, nodes: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the values of `nodes` that some policy reaches."""
    law = query(model, nodes, policy=uniform_policy(model))
    reached = law.probabilities > 0
    return [s for s, yes in zip(product(*law.domains), reached.ravel().tolist(), strict=True) if yes]


def _points(
    model: CIM, nodes: tuple[str, ...], targets: tuple[str, ...], objective: Mapping[Any, float], score: Iterable[str]
) -> dict[tuple[Any, ...], Point] | None:
    """Map each value of `nodes` that some policy reaches to the pair :math:`(o(s), u(s))`; ``None``: too many."""
    o = exact_mean(model, nodes, targets, payoff_table(model, targets, objective))
    means = [exact_mean(model, nodes, (v,), np.unique(model.cpd(v))) for v in score]
    if o is None or None in means:
        return None
    u = [sum(row, Fraction(0)) if None not in row else None for row in zip(*means, strict=True)]
    domains = [_values(model, node) for node in nodes]
    return {s: (a, b) for s, a, b in zip(product(*domains), o, u, strict=True) if a is not None and b is not None}


def _values(model: CIM, node: str) -> Sequence[Any]:
    return np.unique(model.cpd(node)).tolist() if model.cid.kind(node) == "utility" else model.domain(node)


def exact_mean(model: CIM, nodes: Sequence[str], of: Sequence[str], values: Floats) -> list[Fraction | None] | None:
    """Return the mean of `values`, a function of the nodes `of`, given each value of `nodes`, in C order.

    ``None`` for a value that no policy reaches, and for all of them where exact numbers are out of reach.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("x", "y"), ("act", "y")], decisions=["act"])
    >>> model = cid.parameterise(x=cm.Bernoulli(0.1), act=[0, 1], y=lambda x, act: x + act)
    >>> exact_mean(model, ["act"], ["y"], np.array([0.0, 1.0, 2.0]))
    [Fraction(1, 10), Fraction(11, 10)]
    """
    first = list(dict.fromkeys((*nodes, *of)))
    decisions = [d for d in model.cid.decisions if d not in first]
    whole = exact_joint(model, [*first, *decisions])
    if whole is None:
        return None
    law = np.asarray(whole, dtype=object).sum(axis=tuple(range(len(first), len(first) + len(decisions))))
    paid = laid_out(numbers_meant(values), of, first)
    axes = tuple(range(len(nodes), len(first)))
    totals, weights = (law * paid).sum(axis=axes), law.sum(axis=axes)
    pairs = zip(np.ravel(totals).tolist(), np.ravel(weights).tolist(), strict=True)
    return [Fraction(total) / int(weight) if weight else None for total, weight in pairs]


def _line(points: Sequence[Point]) -> Line:
    r"""Return a line :math:`u = a \cdot o + b`, a > 0, through as many of the `points` (o, u) as can be.

    Lines through two points cover every case; one point alone is on the line of slope one.
    """
    best: Line | None = None
    for i, (o, u) in enumerate(points):
        slopes = [Fraction(1)]
        slopes += [(v - u) / (p - o) for p, v in points[i + 1 :] if p != o and v != u and (v > u) == (p > o)]
        for a in dict.fromkeys(slopes):
            b = u - a * o
            on = [v == a * p + b for p, v in points]
            if best is None or sum(on) > sum(best[2]):
                best = a, b, on
        if best is not None and all(best[2]):
            break
    return best if best is not None else (Fraction(1), Fraction(0), [])


def payoff_table(model: CIM, targets: Sequence[str], objective: Mapping[Any, float]) -> Floats:
    """Write an objective out as an array with one axis per target; the values of a utility ascend."""
    domains = [np.unique(model.cpd(t)).tolist() if model.cid.kind(t) == "utility" else model.domain(t) for t in targets]
    keys = list(product(*domains))
    if not isinstance(objective, Mapping):
        raise NotApplicableError(
            f"an objective on {tuple(targets)} is a mapping from their values to numbers; got {objective!r}: "
            f"{{{keys[0] if len(targets) > 1 else keys[0][0]!r}: 1.0, ..}}."
        )
    # A single target may be spelled by its value alone, which may itself be a tuple.
    single = {(value,): value for value in domains[0] if value in objective} if len(targets) == 1 else {}
    given = {key: objective[single.get(key, key)] for key in keys if single.get(key, key) in objective}
    lacking = [key for key in keys if key not in given]
    if lacking:
        raise NotApplicableError(f"the objective on {tuple(targets)} gives no number for {lacking[0]!r}: add it.")
    for key in keys:
        if not is_number(given[key]) or not np.isfinite(given[key]):
            raise NotApplicableError(
                f"the objective on {tuple(targets)} is a finite number for each of their values; got {given[key]!r} "
                f"for {key!r}."
            )
    return np.array([given[key] for key in keys], dtype=np.float64).reshape([len(domain) for domain in domains])

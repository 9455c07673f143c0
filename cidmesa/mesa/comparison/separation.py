r"""Shifts of the world under which two mesa-objectives lead to different actions.

For hypotheses :math:`T_1, T_2` and a shift :math:`\sigma` let :math:`A_i(pa)` be the possible actions of :math:`T_i` in
context :math:`pa`: those that are optimal there for some objective that training could have selected. Then

.. math::
   certain = \sum_{pa} P_\sigma(pa)\,[A_1(pa) \cap A_2(pa) = \emptyset], \qquad
   possible = \sum_{pa} P_\sigma(pa)\,[A_1(pa) \ne A_2(pa)],

under each of two readings (:mod:`cidmesa.mesa.readings`): for agents that know the shift, and for frozen ones, in
contexts that training never showed: in others they do what they did there, and what differs in training itself is the
row without a shifted node. The shift is *visible* iff frozen agents may differ; any other difference only a retrained
or a planning one shows.

With several decisions an episode passes one context of each, and which ones depends on the rules before: *certain* is
then the least, over the possible policies of both, and *possible* the largest probability that an episode passes such a
context (:mod:`cidmesa.mesa.outcomes.disagreement`, with what that does not see).

The candidates are finite: training itself, the declared deployments, and replacements of up to `size` chance nodes by
deterministic tables, all of them if there are at most 4,096, else constants and edits of one row (then what is found is
a lower bound). Reported is, for each reading and each set of nodes, the best shift by (certain, possible), for the
minimal sets that part the two at all.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> model = cm.gallery.load("red-door").setup.model  # doors are red in training
>>> best = separating_shifts(TrainingSetup(model), "at_door", "at_red", size=1)[0]
>>> sorted(best.nodes), best.certain, best.visible, best.mechanisms["red"].values.tolist()
(['red'], 1.0, True, [[0.0, 1.0], [1.0, 0.0]])
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from cidmesa.arguments import options_by_name, require_count
from cidmesa.arrays import Floats, Mask
from cidmesa.clock import Budget, Seconds
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import Table
from cidmesa.mesa.candidates.derivation import Derivation
from cidmesa.mesa.candidates.mesa_optimizer import Candidates
from cidmesa.mesa.candidates.targets import target_key
from cidmesa.mesa.consistency.by_declared_objective import ByDeclaredObjective, Findings
from cidmesa.mesa.consistency.method import needs_stochastic_rules
from cidmesa.mesa.consistency.regret_interval import admits, possible
from cidmesa.mesa.graphical.relevance import observed, relevant
from cidmesa.mesa.objectives.declared import declared, domain_of
from cidmesa.mesa.outcomes.disagreement import disagreement
from cidmesa.mesa.outcomes.for_setup import outcome_tables_of
from cidmesa.mesa.outcomes.normal_form import NormalForm
from cidmesa.mesa.outcomes.one_decision import OneDecision
from cidmesa.mesa.outcomes.reduced_policies import contexts_of_runs
from cidmesa.mesa.outcomes.stale_beliefs import new_contexts
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.readonly import ReadOnly
from cidmesa.shown import Shown

if TYPE_CHECKING:
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.candidates.targets import Targets
    from cidmesa.mesa.consistency.consistent_set import ConsistentSet
    from cidmesa.mesa.outcomes.for_setup import OutcomeTables
    from cidmesa.mesa.outcomes.outcome_table import OutcomeTable
    from cidmesa.model import CIM

LISTED_SHIFTS = 4096
"""The most replacements by deterministic tables that are all tried."""

WORK = 2**24
"""The most policies, times replacements, that are all tried."""

PROBE = "\0"
"""What the names of tried replacements begin with, and no name of a user's does."""


@dataclass(frozen=True, slots=True, repr=False)
class Separation:
    """One shift that parts two hypotheses.

    Attributes
    ----------
    nodes
        The shifted nodes; none for training itself.
    mechanisms
        What they are replaced by; empty for a bare diagram.
    deployment
        The declared deployment, ``"training"``, or ``None`` for a replacement that was found.
    certain, possible
        Probability of the contexts in which no action is possible for both, and in which their possible actions
        differ; with several decisions bounds on it over the possible policies; ``None`` for a bare diagram. Of agents
        that know the shift.
    frozen_certain, frozen_possible
        The same of frozen agents, in contexts that training never showed; 0 where there are none.
    visible
        Whether a frozen learner can show it: iff `frozen_possible` is above 0.
    lower_bound
        Whether not all deterministic tables of these nodes were tried.
    declared_only
        Whether only declared objectives were compared, each with the optimal rules that were found for it: one rule
        acts several times on the targets or the score. Another objective on the targets may do otherwise.
    """

    nodes: frozenset[str]
    mechanisms: Mapping[str, Any] = field(hash=False)
    deployment: str | None
    certain: float | None
    possible: float | None
    frozen_certain: float | None
    frozen_possible: float | None
    visible: bool
    lower_bound: bool = False
    declared_only: bool = False

    def __repr__(self) -> str:
        where = f" ({self.deployment})" if self.deployment else ""
        apart = ""
        if self.certain is not None:
            apart = f", certain {self.certain:.6g}, possible {self.possible:.6g}"
            if (self.frozen_certain, self.frozen_possible) != (self.certain, self.possible):
                apart += f", frozen {self.frozen_certain:.6g}, {self.frozen_possible:.6g}"
        shifted = ", ".join(sorted(self.nodes)) or "nothing"
        return f"Separation(shifts {shifted}{where}{apart}, {'visible' if self.visible else 'not visible'})"


class Separations(tuple[Separation, ...], Shown):
    """The shifts that tell two hypotheses apart, the best first."""

    __slots__ = ()

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "shifted": tuple(sorted(row.nodes)) or ("nothing",),
                "where": row.deployment or "found",
                "certain": row.certain,
                "possible": row.possible,
                "certain, frozen": row.frozen_certain,
                "possible, frozen": row.frozen_possible,
                "visible": row.visible,
                "lower bound": row.lower_bound,
            }
            for row in self
        ]

    def __repr__(self) -> str:
        best = f", the best shifts {', '.join(sorted(self[0].nodes)) or 'nothing'}" if self else ""
        return f"Separations({len(self)}{best})"

    def __str__(self) -> str:
        return Shown.__str__(self) if self else "nothing that was tried tells them apart"


@options_by_name
def separating_shifts(
    setup: TrainingSetup,
    a: Targets,
    b: Targets,
    *,
    size: int = 2,
    tolerance: float = 0.0,
    budget: Seconds = "default",
) -> Separations:
    r"""Return the shifts that would tell two hypotheses apart, the best first.

    Parameters
    ----------
    setup
        The training setup.
    a, b
        Targets of the hypotheses: a node's name, or a tuple of names.
    size
        The most chance nodes that a replacement shifts; with 0 only what is declared is compared.
    tolerance
        The training regret allowed to the hypotheses. Of an excluded target the objectives of least regret count.
    budget
        The seconds that it may take; ``None`` for no limit. Left out, a minute at a prompt or in a notebook and no
        limit elsewhere.

    Returns
    -------
    Separations
        A tuple of :class:`Separation`.
        Visible ones first, then fewer nodes, larger `certain`, larger `possible` (of a visible one those of frozen
        agents), declared ones, node order. Without numbers: visible ``{V}`` for
        :math:`V \in Resp(T_1) \cup Resp(T_2)`, otherwise V in exactly one of :math:`Rel_{T_1}, Rel_{T_2}`; each
        *can* part them. Empty: nothing that was tried parts them.

    Raises
    ------
    UnknownNodeError
        A target that is not a node.
    NotApplicableError
        A decision as a target; symbols; more policies than can be compared.
    OutOfTimeError
        The budget was over before all sets of nodes were tried.

    Notes
    -----
    Where one rule acts several times on the targets or the score, the best rule may be stochastic and the objectives
    form no cone. Declared objectives are compared then, by what their optimal rules do, and the rows say so.

    Mechanisms outside :math:`Obs(D) \cup Rel_{T_1} \cup Rel_{T_2}` change neither the contexts nor what is best in them
    and are not tried. Each distinct situation costs a linear program per action and hypothesis.

    Examples
    --------
    See the module.
    """
    one, other = target_key(setup, a), target_key(setup, b)
    require_count(size, "size", least=0)
    if setup.model is None:
        return Separations(_graphical(setup, one, other))
    with Budget.of(budget) as clock:
        return _separating_shifts(setup, one, other, size, tolerance, clock)


def _separating_shifts(
    setup: TrainingSetup, one: tuple[str, ...], other: tuple[str, ...], size: int, tolerance: float, budget: Budget
) -> Separations:
    judges = _judges(setup, one, other, tolerance, budget)
    best = Best()
    moved = {name: setup.shifted(name) for name in setup.distributions}
    parted = judges.disagreement(setup, tuple(moved))
    for name, nodes in sorted(moved.items(), key=lambda item: len(item[1])):
        mechanisms: dict[str, Any] = {} if name == TRAINING else dict(setup.deployments[name].shifts)  # type: ignore[arg-type]
        best.keep(_row(nodes, mechanisms, name, parted[name], judges))
    model = setup.require_model("separating_shifts")
    every = _count(model, size) <= judges.most
    matter = observed(setup.cid) | relevant(setup.cid, one) | relevant(setup.cid, other)
    options = {node: list(_replacements(model, node, every)) for node in setup.cid.chance if node in matter}
    sets = [chosen for count in range(1, size + 1) for chosen in combinations(options, count)]
    for chosen in budget.each(sets, "the search for separating shifts", _SHRINK):
        if not best.is_settled(frozenset(chosen)):
            _try(setup, judges, best, chosen, options, every, budget)
    order = setup.cid.id
    return Separations(
        sorted(
            best.minimal(),
            key=lambda row: (
                not row.visible,
                len(row.nodes),
                *(-x for x in _numbers(row, frozen=row.visible)),
                row.deployment is None,
                sorted(map(order, row.nodes)),
            ),
        )
    )


_SHRINK = "shift fewer nodes at once, size=1"


class Parted(NamedTuple):
    """How much tells two hypotheses apart in one distribution: (certain, possible) under each reading."""

    competent: tuple[float, float]
    frozen: tuple[float, float]


def _row(
    nodes: frozenset[str],
    mechanisms: Mapping[str, Any],
    name: str | None,
    parted: Parted,
    judges: Judges,
    missed: bool = False,
) -> Separation:
    return Separation(
        nodes,
        ReadOnly(mechanisms),
        name,
        *parted.competent,
        *parted.frozen,
        visible=parted.frozen[1] > 0,
        lower_bound=missed,
        declared_only=judges.declared_only,
    )


def _numbers(row: Separation, *, frozen: bool) -> tuple[float, float]:
    certain, differ = (row.frozen_certain, row.frozen_possible) if frozen else (row.certain, row.possible)
    return certain or 0.0, differ or 0.0


class Best:
    """Per reading the best shift of each set of nodes; of equal ones the first."""

    def __init__(self) -> None:
        self._rows: dict[bool, dict[frozenset[str], Separation]] = {False: {}, True: {}}

    def keep(self, row: Separation) -> None:
        """Keep a row where it is better than what is known."""
        for frozen, rows in self._rows.items():
            known = rows.get(row.nodes)
            if known is None or _numbers(row, frozen=frozen) > _numbers(known, frozen=frozen):
                rows[row.nodes] = row

    def missed(self, nodes: frozenset[str], missed: bool) -> None:
        """Say of the rows of some nodes whether all their tables were tried."""
        for rows in self._rows.values():
            if nodes in rows:
                rows[nodes] = replace(rows[nodes], lower_bound=missed)

    def is_settled(self, nodes: frozenset[str]) -> bool:
        """Say whether fewer nodes part the two already, under both readings."""
        return all(self._smaller(rows, nodes, frozen) for frozen, rows in self._rows.items())

    def minimal(self) -> list[Separation]:
        """Return the rows of minimal sets, of both readings."""
        found = [
            row
            for frozen, rows in self._rows.items()
            for nodes, row in rows.items()
            if _numbers(row, frozen=frozen)[1] > 0 and not self._smaller(rows, nodes, frozen)
        ]
        return [row for i, row in enumerate(found) if row not in found[:i]]

    @staticmethod
    def _smaller(rows: Mapping[frozenset[str], Separation], nodes: frozenset[str], frozen: bool) -> bool:
        return any(kept < nodes and _numbers(row, frozen=frozen)[1] > 0 for kept, row in rows.items())


class Judges(Protocol):
    """What two hypotheses would do, wherever they are put.

    `most` is how many replacements by deterministic tables are all tried.
    """

    declared_only: bool
    most: int

    def disagreement(self, setup: TrainingSetup, names: Sequence[str]) -> dict[str, Parted]:
        """Return how much tells them apart in some distributions of a setup that has the same training."""
        ...


def _judges(
    setup: TrainingSetup, one: tuple[str, ...], other: tuple[str, ...], tolerance: float, budget: Budget
) -> Judges:
    if needs_stochastic_rules(setup, one) or needs_stochastic_rules(setup, other):
        findings = Findings()
        found = (
            ByDeclaredObjective(
                setup, names, tolerance, declared(names, [domain_of(setup, node) for node in names]), budget, findings
            )
            for names in (one, other)
        )
        return DeclaredPair(*found)
    known = Candidates(Derivation(setup, tolerance, budget=budget))
    return ConePair(setup, Judge(known[one]), Judge(known[other]))


class DeclaredPair:
    """Two hypotheses by the optimal rules of their declared objectives."""

    declared_only = True
    most = LISTED_SHIFTS // 16  # each costs a maximisation per objective, not a few linear programs

    def __init__(self, *sides: ByDeclaredObjective) -> None:
        self._sides = sides

    def disagreement(self, setup: TrainingSetup, names: Sequence[str]) -> dict[str, Parted]:
        """Return how much tells them apart by what the rules do; where it is new to it, a rule may do anything."""
        found = {}
        for name in names:
            model = setup.deployed(name)
            (one, laws_of_one), (other, laws_of_other) = (side.behaviour(model) for side in self._sides)
            tables = np.vstack([laws_of_one, laws_of_other])
            known = len(laws_of_one) and len(laws_of_other)  # else no objective on one of them is declared
            pair = disagreement(contexts_of_runs(model), one, other, tables.__matmul__) if known else (0.0, 0.0)
            found[name] = Parted(pair, (0.0, 0.0))
        return found


class ConePair:
    """Two hypotheses by all their consistent objectives."""

    declared_only = False

    def __init__(self, setup: TrainingSetup, one: Judge, other: Judge) -> None:
        self._sides = one, other
        self._setup = setup
        self._tables = outcome_tables_of(setup)
        policies = len(self._tables.reduced) if isinstance(self._tables, NormalForm) else 1
        self.most = min(LISTED_SHIFTS, WORK // policies)

    def disagreement(self, setup: TrainingSetup, names: Sequence[str]) -> dict[str, Parted]:
        """Return how much tells them apart by what is possible for an objective of each."""
        tables = self._tables if setup is self._setup else outcome_tables_of(setup)
        found = {}
        for name in names:
            one, other = (side.everywhere(tables.table(name, side.targets)) for side in self._sides)
            if not (one.any(axis=1).all() and other.any(axis=1).all()):  # rounding hides what a hypothesis wants
                found[name] = Parted((0.0, 0.0), (0.0, 0.0))
                continue
            pair = tables.disagreement(name, one, other)
            found[name] = Parted(pair, self._frozen(tables, name))
        return found

    def _frozen(self, tables: OutcomeTables, name: str) -> tuple[float, float]:
        """Return the same of frozen agents, in contexts that training never showed."""
        if name == TRAINING:
            return 0.0, 0.0
        if isinstance(tables, NormalForm):
            new = {d: new_contexts(tables.setup, name, d) for d in tables.setup.cid.decisions}
            if not any(where.any() for where in new.values()):
                return 0.0, 0.0
            policies = [side.candidate._by_cone.frozen_policies(name, tables)[None] for side in self._sides]
            return tables.disagreement(name, *policies, counted=new)
        if not isinstance(tables, OneDecision) or not tables.new(name).any():
            return 0.0, 0.0
        new_here = tables.new(name)[:, None]
        one, other = (side.everywhere(tables.stale(name, side.targets)) for side in self._sides)
        return tables.disagreement(name, one | ~new_here, other | ~new_here)


class Judge:
    """The possible actions of one hypothesis, remembered by situation: what each action leads to."""

    def __init__(self, candidate: MesaOptimizer) -> None:
        self.candidate = candidate
        self.targets = candidate.names
        self._selected: ConsistentSet = candidate._selected
        self._members: Floats = self._selected.sample(8)
        self._known: dict[bytes, Mask] = {}

    def everywhere(self, table: OutcomeTable) -> Mask:
        """Return which actions are possible in all contexts of an outcome table, shape (C, A)."""
        return np.stack([self.possible(table, context) for context in range(len(table.weight))])

    def possible(self, table: OutcomeTable, context: int) -> Mask:
        """Return which actions are possible in one context of an outcome table."""
        outcome = table.outcome[context] + 0.0
        key = outcome.tobytes()
        if key not in self._known:
            self._known[key] = self._find(table, context, outcome)
        return self._known[key]

    def _find(self, table: OutcomeTable, context: int, outcome: Floats) -> Mask:
        if outcome.shape[1] == 2:  # no linear program is needed
            wanted: Mask = possible(self._selected, table.alone(context))[0]
            return wanted
        found = self._wanted(table, outcome)
        settled: dict[int, bool] = {}
        for action in np.flatnonzero(~found).tolist():
            same = int(table.alike[context][action])
            if same not in settled:
                settled[same] = admits(self._selected, table, {context: action})
            found[action] = settled[same]
        return found

    def _wanted(self, table: OutcomeTable, outcome: Floats) -> Mask:
        """Mark actions that some known member wants by more than rounding, and those that are the same in floats."""
        values = self._members @ outcome.T
        noise = 4 * table.rounding * (np.abs(self._members) @ outcome.T).max(axis=1, initial=0.0)
        found = np.zeros(len(outcome), dtype=bool)
        for row, doubt in zip(values, noise.tolist(), strict=True):
            best = int(row.argmax())
            same = (outcome == outcome[best]).all(axis=1)
            if row[best] > row[~same].max(initial=-np.inf) + doubt:
                found |= same
        return found


def _try(
    setup: TrainingSetup,
    judges: Judges,
    best: Best,
    chosen: tuple[str, ...],
    options: Mapping[str, list[Table]],
    every: bool,
    budget: Budget,
) -> None:
    """Try all replacements of one set of nodes."""
    nodes = frozenset(chosen)
    model = setup.require_model("separating_shifts")
    listed = [dict(zip(chosen, tables, strict=True)) for tables in product(*(options[node] for node in chosen))]
    found: list[tuple[Parted, int]] = []
    missed = not every
    # The declared deployments come along: they settle which numbers a base utility can pay.
    bundles = [list(range(len(listed)))] if len(model.cid.decisions) == 1 else [[i] for i in range(len(listed))]
    for bundle in bundles:
        added = {f"{PROBE}{i}": listed[i] for i in bundle}
        probe = TrainingSetup(
            model, {**setup.deployments, **added}, shared_rules=setup.shared_rules, phases=setup.phases
        )
        try:
            parted = judges.disagreement(probe, tuple(added))
        except NotApplicableError:  # it shows more contexts than policies can be listed on
            missed = True
            continue
        found += [(parted[f"{PROBE}{i}"], i) for i in bundle]
    best.missed(nodes, missed)
    for parted_here, i in found:
        best.keep(_row(nodes, listed[i], None, parted_here, judges, missed))


def _count(model: CIM, size: int) -> float:
    """Return how many replacements of at most `size` chance nodes by deterministic tables there are."""
    tables = [float(model.card(node)) ** len(_live_rows(model, node)) for node in model.cid.chance]
    total = 0.0
    for count in range(1, size + 1):
        for some in combinations(tables, count):
            total += math.prod(some)
            if total > LISTED_SHIFTS:
                return total
    return total


def _replacements(model: CIM, node: str, every: bool) -> Iterator[Table]:
    """Yield deterministic tables of a node: all of them, or the constants and the edits of one row."""
    card, domain = model.card(node), model.domain(node)
    shape = model.cpd(node).shape
    rows, live = math.prod(shape[:-1]), _live_rows(model, node)
    unit = np.eye(card)
    if every:
        for values in product(range(card), repeat=len(live)):
            chosen = np.zeros(rows, dtype=np.intp)
            chosen[live] = values
            yield Table(unit[chosen].reshape(shape), domain=domain)
        return
    for value in range(card):
        yield Table(np.broadcast_to(unit[value], shape), domain=domain)
    if rows > 1:
        for row, value in product(live, range(card)):
            table = model.cpd(node).reshape(rows, card).copy()
            table[row] = unit[value]
            yield Table(table.reshape(shape), domain=domain)


def _live_rows(model: CIM, node: str) -> list[int]:
    """Return the contexts of a node, as positions, in which no decision does what it never may."""
    rows = np.ones([model.card(p) for p in model.cid.parents(node)], dtype=bool)
    for axis, parent in enumerate(model.cid.parents(node)):
        may = model.allowed(parent) if model.cid.kind(parent) == "decision" else None
        if may is not None:
            ever = may.any(axis=tuple(range(may.ndim - 1)))
            rows &= ever.reshape([-1 if i == axis else 1 for i in range(rows.ndim)])
    return np.flatnonzero(rows).tolist()


def _graphical(setup: TrainingSetup, one: tuple[str, ...], other: tuple[str, ...]) -> tuple[Separation, ...]:
    """What can part two hypotheses, from the diagram alone."""
    known = Candidates(Derivation(setup))
    cid = setup.cid
    respond = known[one].responds_to | known[other].responds_to
    parts = relevant(cid, one) ^ relevant(cid, other)
    movable = [node for node in cid.nodes if cid.kind(node) != "decision"]
    nothing: Mapping[str, Any] = ReadOnly({})
    unknown = (nothing, None, None, None, None, None)
    rows = [Separation(frozenset({v}), *unknown, visible=True) for v in movable if v in respond]
    rows += [Separation(frozenset({v}), *unknown, visible=False) for v in movable if v in parts and v not in respond]
    return tuple(rows)

r"""Outcome tables of one decision: context by context.

For one decision :math:`D` and one distribution (training, a deployment) a :class:`.OutcomeTable` has
the contexts :math:`pa` with :math:`P(pa) > 0`, the outcome tables :math:`P(t \mid pa, do(a))` of the targets, and
:math:`Q_b(pa, a)`.

Two readings of what an optimizer believes in a deployment :math:`\sigma`: a **competent** one knows :math:`\sigma`; a
**stale** one has training's beliefs where they say anything (:mod:`.stale_beliefs`), and where they do not it believes
that all actions lead to the same, so that every one is possible. What an action is *worth* to the base is in both
readings :math:`\sigma`'s.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> cid = cm.CID([("x", "act"), ("act", "y"), ("x", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
>>> model = cid.parameterise(x=cm.Bernoulli(0.25), act=[0, 1], y=lambda x, act: x ^ act, pay=lambda y: y)
>>> table = OneDecision(TrainingSetup(model)).table("training", ["y"])
>>> table.weight.tolist(), table.outcome[0].tolist(), table.value.tolist()
([0.75, 0.25], [[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]])
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.mesa.objectives.declared import Values, domain_of
from cidmesa.mesa.outcomes.outcome_table import ExactBase, OutcomeTable, error_of, integers, once, rounding_of
from cidmesa.mesa.outcomes.stale_beliefs import Requisite, requisite_part, stale_model, tells_nothing
from cidmesa.mesa.outcomes.stand_ins import stand_ins, with_stand_ins
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve import context_law, outcome_law
from cidmesa.solve.queries.decision_laws import with_own_axes
from cidmesa.solve.tables.exact_numbers import numbers_meant
from cidmesa.solve.tables.exact_run import exact_joint

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from cidmesa.mesa.outcomes.disagreement import Actions
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM


@dataclass(frozen=True, eq=False, slots=True)
class Reached:
    """The contexts that one distribution reaches, and what the base has to gain there.

    Attributes
    ----------
    at
        Their positions.
    weight, value, exact_base, rounding, error
        As for :class:`.OutcomeTable`.
    """

    at: Ints
    weight: Floats
    value: Floats
    exact_base: Callable[[], ExactBase | None]
    rounding: float
    error: Floats


class OneDecision:
    """The outcome tables of a setup with one decision, computed when asked for.

    Parameters
    ----------
    setup
        A setup with numbers.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        setup.require_model("consistency")
        self.setup = setup
        self.decision = setup.cid.only_decision(question="consistency by context")
        self._reached: dict[str, Reached] = {}
        self._domains: dict[str, Values] = {}
        self._requisite: dict[tuple[str, ...], Requisite] = {}

    def affords(self, targets: Sequence[str]) -> bool:
        """One decision, context by context: always."""
        return True

    def limit(self, name: str) -> Mask | None:
        """Return the allowed actions in the contexts that a distribution reaches; ``None``: all of them.

        The columns of others repeat an allowed one (:mod:`.stand_ins`).
        """
        may = self.setup.deployed(name).allowed(self.decision)
        return None if may is None else may.reshape(-1, len(self.actions))[self.reached(name).at]

    def by_context(self, name: str, possible: Mask, table: OutcomeTable) -> Actions:
        """Return the possible actions of the decision by context."""
        may = self.limit(name)
        if may is not None:
            possible = possible & may
        rows = zip(self.contexts(name), possible.tolist(), strict=True)
        return {
            self.decision: {
                context: tuple(action for action, can in zip(self.actions, row, strict=True) if can)
                for context, row in rows
            }
        }

    def disagreement(self, name: str, one: Mask, other: Mask) -> tuple[float, float]:
        """Return the probability of contexts without a common action, and of those with different ones."""
        weight = self.reached(name).weight
        apart, differ = ~(one & other).any(axis=1), (one != other).any(axis=1)
        return math.fsum(weight[apart]), math.fsum(weight[differ])

    @cached_property
    def actions(self) -> tuple[Hashable, ...]:
        """The actions, in domain order."""
        return self.setup.require_model("consistency").domain(self.decision)

    def domain(self, node: str) -> Values:
        """Return the values of a target."""
        if node not in self._domains:
            self._domains[node] = domain_of(self.setup, node)
        return self._domains[node]

    def reached(self, name: str) -> Reached:
        """Return the contexts that a distribution reaches, with what the base has to gain there."""
        if name not in self._reached:
            model = self.setup.deployed(name)
            weight = np.asarray(context_law(model, self.decision), dtype=float).ravel()
            at = np.flatnonzero(weight > 0)
            rounding = rounding_of(model)
            value = np.zeros((len(at), len(self.actions)))
            error = np.zeros_like(value)
            for utility in self._paying(model):
                levels = np.unique(model.cpd(utility))
                law = outcome_law(model, self.decision, [utility]).reshape(len(weight), len(self.actions), -1)[at]
                law = with_stand_ins(law, self._named(at))
                value += law @ levels
                error += error_of(law, levels, rounding)
            base = once(lambda: self._exact_base(model, at))
            self._reached[name] = Reached(at, weight[at], value, base, rounding, error)
        return self._reached[name]

    def _paying(self, model: CIM) -> list[str]:
        """Return the utilities that the decision can move."""
        return [node for node in model.cid.utilities if node in model.cid.descendants(self.decision)]

    def _exact_base(self, model: CIM, at: Ints) -> ExactBase | None:
        """Return what the base has to gain without rounding; ``None`` where that is out of reach."""
        parents = model.cid.parents(self.decision)
        contexts = exact_joint(model, parents)
        if contexts is None:
            return None
        counts = [int(x) for x in np.asarray(contexts, dtype=object).ravel()]
        total = sum(counts)
        values = np.full((len(at), len(self.actions)), Fraction(0), dtype=object)
        for utility in self._paying(model):
            table = exact_joint(model, [*parents, self.decision, utility])
            if table is None:
                return None
            levels = numbers_meant(np.unique(model.cpd(utility)))
            law = with_stand_ins(table.reshape(len(counts), len(self.actions), -1)[at], self._named(at))
            values = values + [[Fraction(1) * (row @ levels) / int(row.sum()) for row in rows] for rows in law]
        rows = [integers(row.tolist()) for row in values]
        whole = np.array([row for row, _ in rows], dtype=object).reshape(values.shape)
        return ExactBase([Fraction(counts[i], total) for i in at.tolist()], whole, [unit for _, unit in rows])

    def contexts(self, name: str) -> tuple[tuple[Hashable, ...], ...]:
        """Return the reached contexts, as values."""
        every = self.setup.deployed(name).contexts(self.decision)
        return tuple(every[i] for i in self.reached(name).at)

    def table(self, name: str, targets: Sequence[str]) -> OutcomeTable:
        """Return the outcome table of `targets` (in node order) in a distribution, as it is: the competent reading."""
        model = self.setup.deployed(name)
        reached = self.reached(name)
        exact = self._exact(model, targets)
        return self._made(reached, self._outcome(model, targets)[reached.at], lambda: _some(exact(), reached.at))

    def stale(self, name: str, targets: Sequence[str]) -> OutcomeTable:
        """Return the outcome table in a deployment as a stale optimizer believes it; the values are real.

        Where its beliefs say nothing all actions lead to the same in it.
        """
        reached = self.reached(name)
        narrow, part, known = self.requisite(targets)
        part, known = part[reached.at], known[reached.at]
        told = known | (not tells_nothing(self.setup, name, self.decision, targets))
        read = stale_model(self.setup, name) if (told & ~known).any() else narrow

        def mixed(at_part: Array, at_context: Array | None) -> Array:
            found = at_part if at_context is None else np.where(known[:, None, None], at_part, at_context)
            nothing = np.zeros_like(found[0])
            nothing[:, 0] = 1
            return np.where(told[:, None, None], found, nothing)

        seen = self._outcome(narrow, targets)[part]
        believed = mixed(seen, None if read is narrow else self._outcome(read, targets)[reached.at])

        def exact() -> Array | None:
            found = _some(self._exact(narrow, targets)(), part)
            if found is None or read is narrow:
                return None if found is None else mixed(found, None)
            other = _some(self._exact(read, targets)(), reached.at)
            return None if other is None else mixed(found, other)

        return self._made(reached, believed, exact)

    def told(self, name: str, targets: Sequence[str]) -> Mask:
        """Say in which contexts that a distribution reaches training's beliefs say anything, shape (C,)."""
        at = self.reached(name).at
        known = self.requisite(targets).known[at]
        return known | (name == TRAINING or not tells_nothing(self.setup, name, self.decision, targets))

    def new(self, name: str) -> Mask:
        """Say which contexts that a distribution reaches training does not, shape (C,)."""
        return ~np.isin(self.reached(name).at, self.reached(TRAINING).at)

    def requisite(self, targets: Sequence[str]) -> Requisite:
        """Return training's model with what is requisite for some targets alone (:mod:`.stale_beliefs`)."""
        key = tuple(targets)
        if key not in self._requisite:
            self._requisite[key] = requisite_part(self.setup, self.decision, key)
        return self._requisite[key]

    def _made(self, reached: Reached, outcome: Floats, exact: Callable[[], Array | None]) -> OutcomeTable:
        return OutcomeTable(
            reached.weight, outcome, reached.value, exact, reached.exact_base, reached.rounding, reached.error
        )

    def _outcome(self, model: CIM, targets: Sequence[str]) -> Floats:
        """Return P(targets | pa, do a) for all contexts, shape (C, A, T); NaN where nothing follows."""
        table = outcome_law(model, self.decision, targets)
        family = table.ndim - len(targets)
        table = self._on_common_values(model, table, targets, family)
        return with_stand_ins(table.reshape(*_flat(table.shape, family), -1), stand_ins(model, self.decision))

    def _exact(self, model: CIM, targets: Sequence[str]) -> Callable[[], Array | None]:
        """Return what gives the same as integers, every context on a scale of its own."""

        def compute() -> Array | None:
            parents = model.cid.parents(self.decision)
            outside = [t for t in targets if t not in parents]
            table = exact_joint(model, [*parents, self.decision, *outside])
            if table is not None and len(outside) < len(targets):
                table = with_own_axes(table, [*parents, self.decision], targets)
            if table is None:
                return None
            family = len(parents) + 1
            table = self._on_common_values(model, table, targets, family)
            return with_stand_ins(table.reshape(*_flat(table.shape, family), -1), stand_ins(model, self.decision))

        return once(compute)

    def _named(self, at: Ints) -> Ints | None:
        """Return which action each stands for (:mod:`.stand_ins`), in contexts at some positions."""
        found = stand_ins(self.setup.deployed(TRAINING), self.decision)
        return None if found is None else found[at]

    def _on_common_values(self, model: CIM, table: Array, targets: Sequence[str], family: int) -> Array:
        """Widen the axis of a utility, whose numbers differ between distributions, to all its values."""
        for axis, node in enumerate(targets, start=family):
            if model.cid.kind(node) == "utility":
                values = self.domain(node)
                paid = np.unique(model.cpd(node)).tolist()
                if len(paid) < len(values):
                    wide = np.zeros((*table.shape[:axis], len(values), *table.shape[axis + 1 :]), dtype=table.dtype)
                    wide[(slice(None),) * axis + ([values.index(v) for v in paid],)] = table
                    table = wide
        return table


def _some(table: Array | None, at: Ints) -> Array | None:
    return None if table is None else table[at]


def _flat(shape: Sequence[int], family: int) -> tuple[int, int]:
    """Return the number of contexts and of actions from an outcome table's shape."""
    contexts = 1
    for card in shape[: family - 1]:
        contexts *= card
    return contexts, shape[family - 1]

r"""Outcome tables of several decisions: one context, whose actions are whole deterministic policies.

With several decisions a :class:`.OutcomeTable` has one context, and its actions are the deterministic
policies :math:`\pi`, one of each class that acts alike (:mod:`.reduced_policies`), each with :math:`P(t \mid \pi)` and
:math:`E[U_b \mid \pi]`. Nothing else changes: an objective is strongly consistent iff all policies that are optimal for
it are (nearly) optimal for the base.

Deterministic policies are enough where every decision has a rule of its own: an expectation is then linear in each
rule, so a stochastic policy is optimal only if every deterministic one in its support is, and the worst of these is no
better than it. This needs no recall and no order of the decisions, unlike a test decision by decision, which can call
an objective inconsistent for what it would do in contexts that its optimal policies never enter. A rule that several
decisions share is no exception as long as it acts only once on each utility and on the targets
(:func:`cidmesa.mesa.consistency.method.needs_stochastic_rules`).

What optimizers do in a deployment whose rules were fixed in training is asked decision by decision, not here:
:mod:`cidmesa.mesa.consistency.frozen_rules`.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> cid = cm.CID([("a", "b"), ("a", "u"), ("b", "u")], decisions=["a", "b"], utilities=["u"])
>>> model = cid.parameterise(a=[0, 1], b=[0, 1], u=lambda a, b: 2 * a * b)
>>> table = NormalForm(TrainingSetup(model)).table("training", ["u"])
>>> table.value.tolist()  # b is told a: what it would do after the other a makes no difference
[[0.0, 0.0, 0.0, 2.0]]
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.objectives.declared import Values, domain_of
from cidmesa.mesa.outcomes.disagreement import by_context, disagreement
from cidmesa.mesa.outcomes.outcome_table import ExactBase, OutcomeTable, error_of, integers, once, rounding_of
from cidmesa.mesa.outcomes.reduced_policies import ENTRIES, list_reduced_policies, names_of, requisite_links
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve import joint
from cidmesa.solve.queries.payoffs import open_law, uniform_policy
from cidmesa.solve.tables.exact_numbers import numbers_meant
from cidmesa.solve.tables.exact_run import exact_joint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cidmesa.mesa.outcomes.disagreement import Actions
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM

Base: TypeAlias = "tuple[Floats, Floats, Callable[[], ExactBase | None], float]"
"""Values, their errors, the values without rounding, and the relative error of probabilities."""

POLICIES = 2**16
"""Up to so many deterministic policies that act differently are listed."""

COMPARED = 4096
"""Up to so many of them are compared, those on the border of what they bring about (:mod:`.convex_hull`)."""

SPARSE = 16
"""At least one in so many runs is expected to come up: with more runs nothing is listed."""

SUMMED = 2**23
"""Up to so many entries of reduced policies by runs are summed in exact integers."""


class NormalForm:
    """The outcome tables of a setup with several decisions, policy by policy.

    Parameters
    ----------
    setup
        A setup with numbers.
    targets
        Where given, reduced policies ignore what is idle for these targets and the score (:mod:`.reduced_policies`).
    entries
        How large the array may be that says which reduced policy is in keeping with which run.

    Raises
    ------
    NotApplicableError
        More than :data:`POLICIES` deterministic policies act differently somewhere, or fewer make too large an array.
    """

    def __init__(self, setup: TrainingSetup, targets: Iterable[str] | None = None, entries: int = ENTRIES) -> None:
        self.setup = setup
        self.model = setup.require_model("consistency")
        self._domains: dict[str, Values] = {}
        self._values: dict[str, Base] = {}
        self._enters: dict[tuple[str, str], Mask] = {}
        names = names_of(setup.cid)
        runs = math.prod(self.model.card(name) for name in names)
        if runs > SPARSE * entries:
            raise NotApplicableError(
                f"several decisions are compared policy by policy, run by run, and this setup has {runs:.3g} runs, "
                "combinations of what the decisions see and do: give the decisions fewer observations or values."
            )
        self._comes = {
            name: np.asarray(joint(model, names, policy=uniform_policy(model)) > 0)
            for name, model in ((name, setup.deployed(name)) for name in setup.distributions)
        }
        kept = None if targets is None else requisite_links(setup, targets)
        supports = list(self._comes.values())
        self.reduced = list_reduced_policies(self.model, supports, setup.shared_rules, POLICIES, kept, entries)

    def affords(self, targets: Sequence[str]) -> bool:
        """Say whether the policies that matter for some targets are few enough to be compared with each other."""
        if len(self.reduced) <= COMPARED:
            return True
        return all(len(self.table(name, targets).against[0]) <= COMPARED for name in self.setup.distributions)

    def domain(self, node: str) -> Values:
        """Return the values of a target."""
        if node not in self._domains:
            self._domains[node] = domain_of(self.setup, node)
        return self._domains[node]

    def table(self, name: str, targets: Sequence[str]) -> OutcomeTable:
        """Return the outcome table of `targets` in a distribution, as it is: the competent reading."""
        model = self.setup.deployed(name)
        if name not in self._values:
            self._values[name] = self._base(name)
        value, error, exact_base, rounding = self._values[name]
        outcome = self._outcome(model, targets)[None]
        return OutcomeTable(np.ones(1), outcome, value, self._exact(model, targets), exact_base, rounding, error)

    def _base(self, name: str) -> Base:
        """Return the expected base utility of every policy; with phases, what training scores."""
        model = self.setup.deployed(name)
        rounding = rounding_of(model)
        value, error = np.zeros((1, len(self.reduced))), np.zeros((1, len(self.reduced)))
        score = self.setup.training_score if name == TRAINING else self.setup.score
        for utility in score:
            law = self._outcome(model, [utility])[None]
            levels = self.domain(utility)
            value += law @ np.array(levels, dtype=float)
            error += error_of(law, levels, rounding)
        return value, error, once(lambda: self._exact_base(model, score)), rounding

    def _exact_base(self, model: CIM, score: Sequence[str]) -> ExactBase | None:
        """Return the same as integers; ``None`` where they are out of reach."""
        total, unit = np.zeros(len(self.reduced), dtype=object), Fraction(1)
        for utility in score:
            law = self._exact(model, [utility])()
            if law is None:
                return None
            levels, step = integers(numbers_meant(np.array(self.domain(utility), dtype=float)).tolist())
            here, step = law[0] @ levels, step / int(law[0, 0].sum())
            common = Fraction(math.gcd(unit.numerator * step.denominator, step.numerator * unit.denominator))
            common /= unit.denominator * step.denominator
            total, unit = total * int(unit / common) + here * int(step / common), common
        return ExactBase([Fraction(1)], total[None], [unit])

    def limit(self, name: str) -> Mask | None:
        """Policies take allowed actions only: every column is one."""
        return None

    def by_context(self, name: str, possible: Mask, table: OutcomeTable) -> Actions:
        """Return the actions that possible policies take in the contexts that they themselves reach."""
        return by_context(self.setup.deployed(name), self.taken(name, np.flatnonzero(possible[0])))

    def disagreement(
        self, name: str, one: Mask, other: Mask, *, counted: Mapping[str, Mask] | None = None
    ) -> tuple[float, float]:
        """Return how often episodes tell two hypotheses apart (:mod:`cidmesa.mesa.outcomes.disagreement`).

        Where it is given, by the contexts of each decision that are `counted` alone.
        """
        either = np.flatnonzero(one[0] | other[0])
        model = self.setup.deployed(name)
        comes = self._by_run(model, self._joint(model, self.reduced.names), self.reduced.names, [])

        def chance(flags: Floats) -> Floats:
            return np.asarray(self.reduced.total(comes * flags[:, None])[either, 0])

        first, second = (self.taken(name, np.flatnonzero(mask[0])) for mask in (one, other))
        if counted is not None:
            first, second = ({d: rows | ~counted[d][:, None] for d, rows in side.items()} for side in (first, second))
        return disagreement(self.reduced.contexts, first, second, chance)

    def taken(self, name: str, chosen: Ints) -> dict[str, Mask]:
        """Return decision → which actions some chosen policy takes in the contexts that it enters."""
        model = self.setup.deployed(name)
        found = {}
        for decision in self.setup.cid.decisions:
            enters = self.enters(name, decision)[chosen]
            rule = self.reduced.rules[decision][chosen]
            actions = range(model.card(decision))
            found[decision] = np.stack([(enters & (rule == action)).any(axis=0) for action in actions], axis=1)
        return found

    def enters(self, name: str, decision: str) -> Mask:
        """Say which contexts of a decision each reduced policy enters in a distribution, shape (policies, contexts)."""
        if (name, decision) not in self._enters:
            self._enters[name, decision] = self.reduced.enters(decision, self._comes[name].ravel()[self.reduced.runs])
        return self._enters[name, decision]

    # How outcome tables come about ------------------------------------------------------------------------------------

    def _outcome(self, model: CIM, targets: Sequence[str]) -> Floats:
        """Return the outcome table of `targets` under every policy, shape (policies, values)."""
        names = self._axes(targets)
        by_run: Floats = self._by_run(model, self._joint(model, names), names, targets)
        return self.reduced.total(by_run)

    def _joint(self, model: CIM, names: Sequence[str]) -> Floats:
        """Return the outcome table of `names` for every action of every decision."""
        return open_law(model, names)

    def _exact(self, model: CIM, targets: Sequence[str]) -> Callable[[], Array | None]:
        def compute() -> Array | None:
            names = self._axes(targets)
            table = exact_joint(model, names) if self.reduced.follows.size <= SUMMED else None
            return None if table is None else self.reduced.total(self._by_run(model, table, names, targets))[None]

        return once(compute)

    def _axes(self, targets: Sequence[str]) -> list[str]:
        return list(dict.fromkeys((*self.reduced.names, *targets)))

    def _by_run(self, model: CIM, table: Array, names: Sequence[str], targets: Sequence[str]) -> Array:
        """Sum a joint law into an array (runs, values of the targets)."""
        at = dict(zip(names, np.indices(table.shape).reshape(len(names), -1), strict=True))
        cards = [model.card(n) for n in self.reduced.names]
        row = np.ravel_multi_index([at[n] for n in self.reduced.names], cards)
        column = np.zeros(table.size, dtype=np.intp)
        width = 1
        for node in targets:
            position = at[node]
            size = len(self.domain(node))
            if model.cid.kind(node) == "utility":
                paid = np.unique(model.cpd(node)).tolist()
                position = np.array([self.domain(node).index(v) for v in paid])[position]
            column = column * size + position
            width *= size
        found = np.zeros((math.prod(cards), width), dtype=table.dtype)
        np.add.at(found, (row, column), table.ravel())
        return found[self.reduced.runs]

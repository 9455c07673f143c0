r"""One hypothesis in a sequence: an optimizer of some additive objective on given targets.

The answers have the names they have for diagrams (:class:`cidmesa.types.MesaOptimizer`). What each is worth:

* for **one declared objective** everything is exact (:meth:`SequenceOptimizer.of`);
* for **all objectives on targets with two values** too: up to scale and shift there are two, and the constant;
* whether **some objective** is consistent is exact, and proved (:mod:`.existence`), unless the base has too many
  optimal policies and the targets too many values, and then it is UNKNOWN;
* what **all consistent objectives** on more values do elsewhere is enclosed: the ends of an interval belong to known
  consistent objectives, and its ``gap`` says how far others may lie beyond, by what :mod:`.alike` proves of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.clock import check_time, within_budget
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.mesa.candidates.mesa_optimizer import Consistency, Reasons
from cidmesa.mesa.candidates.per_deployment import PerDeployment, T
from cidmesa.mesa.consistency.method import Method
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.objectives.declared import Objective, declared, read
from cidmesa.mesa.readings import STALE, Reading, require_reading
from cidmesa.mesa.sequences import sweeps
from cidmesa.mesa.sequences.additive import Additive, Ends, regret_within
from cidmesa.mesa.sequences.alike import allowed
from cidmesa.mesa.sequences.existence import Existence, some_additive
from cidmesa.mesa.sequences.one_rule import BRANCHES, one_rule_regret
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.selection import MINIMAX
from cidmesa.shown import Shown, plain, said

if TYPE_CHECKING:
    from cidmesa.mesa.outcomes.disagreement import Actions
    from cidmesa.mesa.sequences.family import Sequences

Tried = tuple[Objective, Additive]
"""An objective, and its sweeps."""


class SequenceOptimizer(Shown):
    """A mesa-optimizer that training on a sequence might have produced. Answers are computed on access and kept.

    Attributes
    ----------
    setup
        The sequence.
    names
        The targets, in node order: nodes of the step. An objective adds up a number for their values over the steps.
    tolerance
        The training regret that is allowed.
    budget
        How long each answer may take.
    """

    def __init__(self, siblings: Sequences, names: tuple[str, ...]) -> None:
        self._siblings = siblings
        self.setup = siblings.setup
        self.names = names
        self.tolerance = siblings.tolerance
        self.budget = siblings.budget

    @property
    def targets(self) -> frozenset[str]:
        """The nodes that the objective is a function of."""
        return frozenset(self.names)

    @property
    def method(self) -> Method:
        """Always ``by sweeps``; ``.why`` says what that is worth."""
        return Method.BY_SWEEPS

    # Objectives -------------------------------------------------------------------------------------------------------

    @cached_property
    def declared(self) -> tuple[Objective, ...]:
        """The objectives that are tried by name, those that were given first."""
        domains = [self.setup.training.domains[name] for name in self.names]
        given = self._siblings.given(self.names)
        own = () if given is None else read(given, self.names, domains)
        return (*own, *declared(self.names, domains))

    def of(self, objective: Objective | str | None = None) -> Additive:
        """Return what one objective does and costs, exactly: one of :attr:`declared` by name, or :attr:`objective`.

        Raises
        ------
        UnknownNodeError
            There is none of this name.
        """
        if isinstance(objective, Objective):
            return Additive(self.setup, self.names, objective.values)
        if objective is None:
            if self.objective is None:
                raise NotApplicableError(f"{self!r} has no objective: its targets take one value only.")
            return self._representatives[0][1]
        for known, found in self._tried:
            if known.name == objective:
                return found
        raise unknown(objective, [o.name for o in self.declared], what="a declared objective of this candidate")

    @cached_property
    def _tried(self) -> tuple[Tried, ...]:
        return tuple((o, Additive(self.setup, self.names, o.values)) for o in self.declared)

    @cached_property
    def _constant(self) -> Additive:
        """The objective that likes everything: consistent iff the base is as indifferent as the tolerance allows."""
        return Additive(self.setup, self.names, [Fraction(0)] * self._size)

    @property
    def _size(self) -> int:
        return int(np.prod([len(self.setup.training.domains[name]) for name in self.names]))

    @property
    def _whole(self) -> bool:
        """Whether the declared objectives and the constant are all there are, up to scale and shift."""
        return self._size <= 2

    def _is_within(self, found: Additive) -> bool:
        check_time("the search through declared objectives", "fewer targets, targets=[..], or objectives of your own")
        return found.regret(TRAINING)[1] <= self._siblings.allowed

    # Consistency ------------------------------------------------------------------------------------------------------

    @cached_property
    @within_budget
    def consistency(self) -> Consistency:
        """CONSISTENT, EXCLUDED or UNKNOWN: whether all policies optimal for some objective are within the tolerance."""
        if not self._controls:
            return Consistency.EXCLUDED
        if any(self._is_within(found) for _, found in self._tried) or self._is_within(self._constant):
            return Consistency.CONSISTENT
        if self._whole:
            return Consistency.EXCLUDED
        if self.existence.answer:
            return Consistency.CONSISTENT
        settled = self.existence.answer is False and self.tolerance == 0
        return Consistency.EXCLUDED if settled else Consistency.UNKNOWN

    @cached_property
    def _controls(self) -> bool:
        return self.setup.controls(self.names)

    @cached_property
    @within_budget
    def existence(self) -> Existence:
        """Whether some additive objective is consistent without regret, with its proof; see :mod:`.existence`."""
        return some_additive(self.setup, self.names)

    @cached_property
    @within_budget
    def _representatives(self) -> tuple[Tried, ...]:
        """The known consistent objectives; where there are none the declared ones of least training regret."""
        consistent = [(o, found) for o, found in self._tried if self._is_within(found)]
        witness = None if consistent or self._whole or not self._controls else self.existence.objective
        if witness is not None:
            consistent = [(self._objective("found", witness), Additive(self.setup, self.names, witness))]
        if self._is_within(self._constant):
            consistent.append((self._objective("constant", self._constant.values), self._constant))
        if consistent:
            return tuple(consistent)
        least = min((found.regret(TRAINING)[1] for _, found in self._tried), default=None)
        return tuple((o, found) for o, found in self._tried if found.regret(TRAINING)[1] == least)

    def _objective(self, name: str, values: tuple[Fraction, ...]) -> Objective:
        domains = tuple(self.setup.training.domains[node] for node in self.names)
        return Objective(name, self.names, np.array([float(x) for x in values]), domains)

    @cached_property
    @within_budget
    def objective(self) -> Objective | None:
        """The first declared objective that is consistent, else one that was found; of an excluded target the best."""
        return self._representatives[0][0] if self._representatives else None

    @cached_property
    @within_budget
    def training_regret(self) -> float | None:
        """The least training regret of the worst optimal policy, over the objectives that are known.

        Where training selects by minimax regret, the regret in the worst level, whatever its probability.
        """
        worst = [found.regret(TRAINING)[1] for _, found in self._representatives]
        return float(min(worst)) if worst else None

    @cached_property
    @within_budget
    def objective_regret(self) -> Interval | None:
        """The training regret of the policies that are optimal for :attr:`objective`, the least and the largest."""
        return _interval(self.of().regret(TRAINING)) if self._representatives else None

    @property
    def weakly_consistent(self) -> bool | None:
        """Whether some policy that is optimal for :attr:`objective` is within the tolerance."""
        return self.of().regret(TRAINING)[0] <= self._siblings.allowed if self._representatives else None

    @cached_property
    @within_budget
    def minimal(self) -> bool:
        """Whether it is not excluded and no proper subset of its targets is consistent already."""
        if self.consistency is Consistency.EXCLUDED:
            return False
        smaller = self._siblings.proper_subsets(self.names)
        return not any(self._siblings[s].consistency is Consistency.CONSISTENT for s in smaller)

    @cached_property
    @within_budget
    def reasons(self) -> Reasons:
        """What the verdict rests on."""
        words = [
            f"C1 {'holds' if self._controls else 'fails'}: {'a' if self._controls else 'no'} decision influences "
            f"{' or '.join(f'`{n}`' for n in self.names)}"
        ]
        if self.setup.levels is not None:
            words.append(
                f"{MINIMAX} over {self.setup.levels.said()}: the least that any rule has in its worst level is 0"
            )
        if self._controls and self._representatives:
            found = self._representatives[0]
            low, high = map(float, found[1].regret(TRAINING))
            words.append(
                f"C3: policies that are optimal for `{found[0].name}` lose {low:.6g} to {high:.6g} in training"
            )
        if self._controls and not self._whole and self.consistency is not Consistency.CONSISTENT:
            said = {
                False: "no additive objective is consistent without regret",
                True: "some is",
                None: "not known; see .existence",
            }
            words.append(f"C3 for all of them: {said[self.existence.answer]}")
        return Reasons(self._controls, {}, None, None, tuple(words))

    # Deployments ------------------------------------------------------------------------------------------------------

    @within_budget
    def possible_actions(self, deployment: str, *, reading: Reading | str = "competent") -> Actions:
        """Return decision → context → possible actions, over the states that are come to.

        An action is possible iff some objective of the set takes it. Where that is known of some objectives only, an
        action counts as possible unless it is proved not to be; :meth:`some_actions` has those that are taken for sure.

        Parameters
        ----------
        deployment
            Its name, or ``"training"``.
        reading
            ``"competent"``: the optimizer knows the deployment; ``"stale"``: it believes to be in training.
        """
        return self._by_context(self.may_take(deployment, reading=reading))

    @within_budget
    def may_take(self, deployment: str, *, reading: Reading | str = "competent") -> Mask:
        """Return the same as an array of booleans, shape (T, S, A)."""
        return self._taken(deployment, require_reading(reading) == STALE, outer=True)

    @within_budget
    def some_actions(self, deployment: str, *, reading: Reading | str = "competent") -> Actions:
        """Return the actions that known members of the set take: a part of :meth:`possible_actions`."""
        return self._by_context(self._taken(deployment, require_reading(reading) == STALE, outer=False))

    def _taken(self, name: str, stale: bool, *, outer: bool) -> Mask:
        shape = (self.setup.horizon, *self.setup.at(name).model.successors.shape[:2])
        found = np.zeros(shape, dtype=bool)
        for _, member in self._representatives:
            found |= member.taken(name, stale=stale)
        if outer and not self._is_all:
            may = self._not_excluded(name, stale)
            found |= may & sweeps.reached(self.setup.at(name).model, may)[..., None]
        return found

    @property
    def _is_all(self) -> bool:
        """Whether what the known members do is all that members do."""
        return self._whole or self.consistency is Consistency.EXCLUDED

    def _not_excluded(self, name: str, stale: bool) -> Mask:
        """Return the actions that may be optimal for some consistent objective: a superset, shape (T, S, A)."""
        if self.tolerance > 0:
            return np.ones((self.setup.horizon, *self.setup.training.model.successors.shape[:2]), dtype=bool)
        return allowed(self.setup, self.names, name, stale=stale)

    def _by_context(self, taken: Mask) -> Actions:
        tables = self.setup.training
        contexts, actions = tables.contexts, tables.model.actions
        return {
            f"{tables.decision}@{t}": {
                contexts[s]: tuple(a for a, can in zip(actions, rows[s], strict=True) if can)
                for s in np.flatnonzero(rows.any(axis=1)).tolist()
            }
            for t, rows in enumerate(taken)
        }

    def _regret(self, name: str, *, stale: bool) -> Interval:
        if not self._representatives:
            return Interval(np.nan, np.nan)
        ends = [member.regret(name, stale=stale) for _, member in self._representatives]
        low: Fraction = min(low for low, _ in ends)
        high: Fraction = max(high for _, high in ends)
        if self._is_all:
            return _interval((low, high))
        least, most = regret_within(self.setup, name, self._not_excluded(name, stale))
        return Interval(float(low), float(high), float(max(low - least, most - high)))

    @cached_property
    def deployment_regret(self) -> Mapping[str, Interval]:
        """Deployment → base regret interval over all consistent objectives, competent.

        Exact where its ``gap`` is 0; else the ends are of known objectives, and others lie within ``gap`` of them.
        """
        return self._per_deployment(lambda name: self._regret(name, stale=False))

    @cached_property
    def stale_regret(self) -> Mapping[str, Interval]:
        """The same for optimizers that believe they are still in training."""
        return self._per_deployment(lambda name: self._regret(name, stale=True))

    @property
    def robustly_aligned(self) -> Mapping[str, bool]:
        """Deployment → whether no consistent objective costs the base anything there (competent)."""
        return self._per_deployment(lambda name: _is_nothing(self.deployment_regret[name]))

    @property
    def robustly_aligned_stale(self) -> Mapping[str, bool]:
        """The same for the stale reading."""
        return self._per_deployment(lambda name: _is_nothing(self.stale_regret[name]))

    def _per_deployment(self, compute: Callable[[str], T]) -> PerDeployment[T]:
        def timed(name: str) -> T:
            with self.budget:
                return compute(name)

        return PerDeployment(self.setup.deployments, timed)

    @within_budget
    def one_rule_regret(
        self, deployment: str, *, objective: Objective | str | None = None, branches: int = BRANCHES
    ) -> Interval | None:
        """Return the base regret of optimizers of one objective that have one rule for all moves, without a clock.

        Two-sided: ``gap`` says how far the ends may be off. ``None`` where it is not known, as where a clock is worth
        something to the objective; see :mod:`.one_rule`.

        Parameters
        ----------
        deployment
            Its name, or ``"training"``.
        objective
            A declared one, or its name; left out, :attr:`objective`.
        branches
            How many branches each search looks at.

        Raises
        ------
        NotApplicableError
            Of training that selects by minimax regret: this is regret on average.
        """
        if deployment == TRAINING:
            self.setup.require_expected("regret of one rule in training, on average")
        return one_rule_regret(self.setup, self.names, self.of(objective).values, deployment, branches=branches)

    # Shown ------------------------------------------------------------------------------------------------------------

    def row(self) -> dict[str, Any]:
        """Return what a table of candidates shows of it."""
        regrets: dict[str, Any] = {}
        for name in self.setup.deployments:
            regrets[f"regret in {name}"] = self.deployment_regret[name]
            regrets[f"stale regret in {name}"] = self.stale_regret[name]
        return {
            "targets": self.names,
            "verdict": self.consistency.value,
            "training regret": self.training_regret,
            "objective": None if self.objective is None else self.objective.name,
            **regrets,
        }

    def _rows(self) -> list[dict[str, Any]]:
        return [{"of": key, "is": said(value)} for key, value in self.row().items()]

    def _note(self) -> str:
        return "; ".join(self.reasons.text) + "."

    def to_dict(self) -> dict[str, Any]:
        """Return its row and its reasons as plain data."""
        row = {key: plain(value) for key, value in self.row().items()}
        return {**row, "minimal": self.minimal, "reasons": list(self.reasons.text)}

    def __repr__(self) -> str:
        known = [] if self.training_regret is None else [f"training regret {self.training_regret:.6g}"]
        known += [] if self.objective is None else [f"objective {self.objective.name}"]
        return f"SequenceOptimizer({', '.join(self.names)}: {', '.join([self.consistency.value, *known])})"


def _interval(ends: Ends) -> Interval:
    return Interval(float(ends[0]), float(ends[1]))


def _is_nothing(found: Interval) -> bool:
    return found.high == 0.0 and found.gap == 0.0

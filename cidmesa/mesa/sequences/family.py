"""The mesa-optimizers that training on a sequence could have produced.

>>> import cidmesa as cm
>>> cid = cm.CID([("at", "act"), ("at", "at'"), ("act", "at'"), ("at", "pay"), ("at", "right")],
...              decisions=["act"], utilities=["pay"])
>>> step = cid.parameterise({"at": [0.0, 1.0, 0.0], "act": ["left", "right"], "pay": lambda at: int(at == 2),
...                          "at'": lambda at, act: max(0, at - 1) if act == "left" else min(2, at + 1),
...                          "right": lambda at: int(at > 0)})
>>> family = cm.derive_mesa_optimizers(cm.SequenceSetup(step, 3, {"at the left": {"at": [1.0, 0.0, 0.0]}}))
>>> family
SequenceFamily(at: CONSISTENT, at': CONSISTENT, pay: CONSISTENT, right: EXCLUDED)
>>> family["pay"].deployment_regret["at the left"], family["right"].objective_regret
([0, 0], [0, 1])
>>> print(family["right"].reasons.text[1])
C3: policies that are optimal for `right` lose 0 to 1 in training
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain, combinations
from typing import Any

from cidmesa.arguments import read_names, require_count
from cidmesa.clock import Budget, within_budget
from cidmesa.errors import NotApplicableError, unknown
from cidmesa.mesa.candidates.collection import Collection
from cidmesa.mesa.candidates.targets import Targets
from cidmesa.mesa.predictions.predictions import MARGIN, Predictions
from cidmesa.mesa.readings import STALE, Reading
from cidmesa.mesa.sequences.candidate import SequenceOptimizer
from cidmesa.mesa.sequences.predictions import predict
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.sequences.without_clock import OneRuleOptimizer
from cidmesa.mesa.setup.selection import MINIMAX
from cidmesa.mesa.setup.training import require_tolerance
from cidmesa.solve.tables.exact_numbers import number_meant


class Sequences:
    """What the candidates of one family share, and the candidates by their targets, each made once."""

    def __init__(
        self, setup: SequenceSetup, tolerance: float, objectives: Mapping[Any, Any] | None, budget: Budget
    ) -> None:
        require_tolerance(tolerance)
        self.setup = setup
        self.tolerance = float(tolerance)
        self.allowed: Fraction = number_meant(float(tolerance))
        self.budget = budget
        self._given = {target_key(setup, names): what for names, what in (objectives or {}).items()}
        self._made: dict[tuple[str, ...], SequenceOptimizer] = {}

    def given(self, names: tuple[str, ...]) -> Any:
        """Return the objectives that the user gave for these targets, or ``None``."""
        return self._given.get(names)

    def proper_subsets(self, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Yield the sets of targets that are smaller, the score counting as one."""
        score = self.setup.score
        units = [(n,) for n in names if n not in score] + ([score] if set(score) <= set(names) else [])
        for count in range(1, len(units)):
            for some in combinations(units, count):
                yield target_key(self.setup, tuple(chain(*some)))

    def __getitem__(self, names: tuple[str, ...]) -> SequenceOptimizer:
        if names not in self._made:
            kind = SequenceOptimizer if self.setup.clock else OneRuleOptimizer
            self._made[names] = kind(self, names)
        return self._made[names]


class SequenceFamily(Collection[SequenceOptimizer]):
    """All candidates of one derivation, excluded ones too; by name or names, and in order.

    Attributes
    ----------
    setup
        The sequence.
    tolerance
        The training regret that is allowed.
    budget
        How long each answer may take.
    """

    def __init__(self, known: Sequences, names: Iterable[tuple[str, ...]]) -> None:
        super().__init__((known[key] for key in names), known.budget)
        self.setup = known.setup
        self.tolerance = known.tolerance

    def _key(self, targets: Targets) -> tuple[str, ...]:
        return target_key(self.setup, targets)

    @property
    def least_worst(self) -> float:
        r"""The least regret that any rule has in its worst level, :math:`\rho^*`: 0, as the state is observed.

        A rule that is best in every state is best in every level.
        """
        return 0.0

    @within_budget
    def predictions(self, *, reading: Reading | str = STALE, margin: float = MARGIN) -> Predictions:
        """Return what the hypotheses say that trained agents will do; see :mod:`cidmesa.mesa.sequences.predictions`.

        Parameters
        ----------
        reading
            ``"stale"``: of frozen agents, in states that training shows before that move under no policy;
            ``"competent"``: of planners that are given the deployed world, and of agents that are trained again in it.
        margin
            What counts as nothing, of what the base can gain.

        Raises
        ------
        NotApplicableError
            Another reading, a margin that is no share, or training that selects by minimax regret: which agents meet
            the premise is told by their expected regret.
        """
        self.setup.require_expected("predictions of what trained agents do")
        return predict(self.setup, self.hypotheses, tolerance=self.tolerance, margin=margin, reading=reading)

    @within_budget
    def _rows(self) -> list[dict[str, Any]]:
        return [candidate.row() for candidate in self._one_by_one()]

    def _caption(self) -> str:
        return f"Candidate mesa-optimizers of a sequence of {self.setup.horizon} steps"

    def _note(self) -> str:
        words = (
            f"Tolerance {self.tolerance:g}; regrets in units of the base utility, summed over the steps. By sweeps "
            "over states, for additive objectives; ±: others that are consistent may lie so far beyond."
        )
        if not self.setup.clock:
            words += " One rule for all moves: two-sided, ± says how far ends may be off."
        if self.setup.levels is not None:
            words += (
                f" Selected by {MINIMAX}: training regret is that of the worst of {self.setup.levels.said()}; in "
                "deployments regret is on average."
            )
        return words

    def to_dict(self) -> dict[str, Any]:
        """Return tolerance and candidates as plain data."""
        return {"tolerance": self.tolerance, "candidates": [candidate.to_dict() for candidate in self._one_by_one()]}

    def __repr__(self) -> str:
        shown = [f"{', '.join(c.names)}: {c.consistency.value}" for c in list(self)[:12]]
        more = len(self) - len(shown)
        return f"SequenceFamily({', '.join(shown)}{f', and {more} more' if more else ''})"


def derive_sequences(
    setup: SequenceSetup,
    targets: Iterable[Targets] | None,
    max_targets: int,
    objectives: Mapping[Any, Any] | None,
    tolerance: float,
    budget: Budget,
) -> SequenceFamily:
    """Return the family of a sequence; see :func:`cidmesa.derive_mesa_optimizers`."""
    require_count(max_targets, "max_targets")
    entries = [*([targets] if isinstance(targets, str) else targets or ())]
    pool = tuple(dict.fromkeys(target_key(setup, one) for one in entries if isinstance(one, str)))
    whole = tuple(dict.fromkeys(target_key(setup, one) for one in entries if not isinstance(one, str)))
    pool = admissible(setup) if targets is None else pool
    sets = [
        target_key(setup, tuple(chain(*units))) for k in range(1, max_targets + 1) for units in combinations(pool, k)
    ]
    with budget:
        known = Sequences(setup, tolerance, objectives, budget)
        return SequenceFamily(known, dict.fromkeys([*sets, *whole]))


def admissible(setup: SequenceSetup) -> tuple[tuple[str, ...], ...]:
    """Return what targets are drawn from, in node order: every node that is no utility, and the score as one."""
    score = setup.score
    return tuple(score if n in score else (n,) for n in setup.nodes if n not in score or n == score[0])


def target_key(setup: SequenceSetup, names: Targets) -> tuple[str, ...]:
    """Return a user's name or names as targets in node order; any utility stands for the whole score."""
    found: set[str] = set()
    for name in (names,) if isinstance(names, str) else read_names(names, "a set of targets"):
        if name == setup.decision:
            raise NotApplicableError(
                f"`{name}` is a decision, and an objective is about the world: targets are chance nodes and the score."
            )
        if name not in setup.nodes:
            raise unknown(name, setup.nodes, what="a node of this step")
        found |= set(setup.score) if name in setup.score else {name}
    if not found:
        raise NotApplicableError("an objective has at least one target; got none.")
    return tuple(n for n in setup.nodes if n in found)

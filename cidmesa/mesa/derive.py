r"""The mesa-optimizers that a training setup could have produced.

Training sees a policy only through the base utility. For every set of targets :math:`T` the derivation asks which
objectives :math:`O: dom(T) \to \mathbb{R}` have *only* optimal policies that are (nearly) optimal for the base in
training; those could have been selected, whatever they do elsewhere. The answer is a :class:`Family`: a
:class:`.MesaOptimizer` for every set of targets, and the null hypothesis, a lookup table that
pursues nothing. The diagram does not say which of them training picks; a declared prior may rank them.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> base = cm.CID([("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"),
...                ("go", "at_red"), ("red", "at_red"), ("at_door", "reward")], decisions=["go"], utilities=["reward"])
>>> model = base.parameterise(door=cm.Uniform("left", "right"), red=lambda door: door, go=["left", "right"],
...                           at_door=lambda go, door: int(go == door), at_red=lambda go, red: int(go == red),
...                           reward=lambda at_door: at_door)
>>> opposite = {"red": lambda door: "right" if door == "left" else "left"}
>>> family = derive_mesa_optimizers(TrainingSetup(model, deployments={"opposite": opposite}))
>>> family
Family(door: EXCLUDED, red: EXCLUDED, at_door: CONSISTENT, at_red: CONSISTENT, reward: CONSISTENT)
>>> family["at_red"].objective, family["at_red"].deployment_regret["opposite"]
(Objective(at_red), [1, 1])
>>> family["at_door"].robustly_aligned["opposite"], family["at_red"].positions
(True, frozenset({'spurious'}))

References
----------
E. Hubinger et al., "Risks from learned optimization in advanced machine learning systems", 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, TypeAlias

from cidmesa.arguments import read_names
from cidmesa.errors import NotApplicableError, UnknownNodeError, unknown
from cidmesa.mechanisms import is_number
from cidmesa.mesa.candidates.mesa_optimizer import Consistency, MesaOptimizer
from cidmesa.mesa.candidates.prior import Ranking, SimplicityPrior, rank
from cidmesa.mesa.consistency.by_declared_objective import Answers, ByCone, ByName, needs_stochastic_rules
from cidmesa.mesa.consistency.by_stage import ByStage
from cidmesa.mesa.graphical.positions import Reading
from cidmesa.mesa.objectives.declared import Objective, declared_on_fewer, domain_of, of_score, read
from cidmesa.mesa.outcomes.normal_form import COMPARED, NormalForm
from cidmesa.mesa.outcomes.one_decision import in_node_order, laws_of
from cidmesa.mesa.setup.learned_algorithm import InnerAgent, by_design
from cidmesa.mesa.setup.training import require_setup, require_tolerance
from cidmesa.solve import solve

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.comparison.identifiability import Indistinct
    from cidmesa.mesa.outcomes.one_decision import Laws
    from cidmesa.mesa.predictions.predictions import Predictions
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.solve import Solution

Targets: TypeAlias = str | Iterable[str]


def derive_mesa_optimizers(
    setup: TrainingSetup,
    targets: Iterable[Targets] | None = None,
    max_targets: int = 1,
    objectives: Mapping[Any, Any] | None = None,
    tolerance: float = 0.0,
    prior: SimplicityPrior | None = None,
) -> Family:
    r"""Derive the mesa-optimizers that training could have produced.

    Parameters
    ----------
    setup
        The training setup. A bare diagram gets graphical answers: EXCLUDED where no target is controlled, CONSISTENT
        where the targets hold the score or all it reads, UNKNOWN otherwise.
    targets
        The nodes that targets are drawn from, by default all chance nodes and the score; an entry that is a tuple is a
        candidate as it stands. Several base utilities count as one node, the score.
    max_targets
        The largest number of targets of one objective.
    objectives
        Targets → objectives to try first, instead of the declared ones: a function of the targets (by their names,
        else in node order), a table, a mapping from value to number, or several under names.
    tolerance
        The training regret that is allowed, :math:`\epsilon` in base-utility units.
    prior
        For :attr:`Family.ranking`.

    Returns
    -------
    Family

    Raises
    ------
    UnknownNodeError
        A target that is not a node.
    NotApplicableError
        A decision as a target; a symbolic model.

    Notes
    -----
    Exact over all objectives (see :mod:`.consistent_set`) for one decision always, for several wherever
    their deterministic policies can be listed and compared (:mod:`.reduced_policies`). Beyond, a test decision by
    decision finds consistent objectives where the diagram is soluble (:mod:`.by_stage`), and all else is
    UNKNOWN. Where one rule acts twice on what is pursued or scored, declared objectives are tried one by one, with
    stochastic rules. Nothing but the list of candidates is computed here; answers come on access.

    References
    ----------
    Hubinger et al. 2019; Ng and Russell 2000.
    """
    if require_setup(setup, "a derivation").model is not None:
        setup.require_model("deriving mesa-optimizers")
    if not is_number(max_targets) or not max_targets >= 1 or max_targets % 1 != 0:
        raise NotApplicableError(f"an objective has at least one target; got max_targets={max_targets!r}.")
    if prior is not None and not isinstance(prior, SimplicityPrior):
        raise NotApplicableError(f"prior= is SimplicityPrior(weight=.., sharpness=..); got {prior!r}.")
    if objectives is not None and not isinstance(objectives, Mapping):
        raise NotApplicableError(f"objectives= is a mapping, {{targets: objective}}; got {objectives!r}.")
    require_tolerance(tolerance)
    pool, given = _read_targets(setup, targets)
    derivation = Derivation(setup, tolerance, objectives or {}, prior)
    sets = [
        in_node_order(setup, chain(*units)) for k in range(1, int(max_targets) + 1) for units in combinations(pool, k)
    ]
    names = tuple(dict.fromkeys([*sets, *given]))
    return Family(derivation, tuple(derivation.candidate(name) for name in names), prior)


class Derivation:
    """What the candidates of one family share: the setup, its laws, and each other.

    Parameters
    ----------
    setup, tolerance, objectives, prior
        As for :func:`derive_mesa_optimizers`.
    """

    def __init__(
        self, setup: TrainingSetup, tolerance: float, objectives: Mapping[Any, Any], prior: SimplicityPrior | None
    ) -> None:
        self.setup = setup
        self.tolerance = tolerance
        self.bits = (prior or SimplicityPrior()).bits
        self.pool = _units(setup)
        self.reading = Reading(setup.cid, setup.training_score)
        self._why: dict[tuple[str, ...], str] = {}  # why a candidate is not known by all its objectives
        self._laws: Laws | None = None
        if setup.model is not None:
            with suppress(NotApplicableError):  # too many policies to list; without idle links they may be fewer
                self._laws = laws_of(setup)
        self._given = {target_key(setup, name): what for name, what in objectives.items()}
        self._candidates: dict[tuple[str, ...], MesaOptimizer] = {}

    def _laws_for(self, names: tuple[str, ...]) -> Laws:
        """Return laws in which all that matters for these targets can be compared, without idle links if need be."""
        if self._laws is not None and self._laws.affords(names):
            return self._laws
        fewer = NormalForm(self.setup, names)
        if fewer.affords(names):
            return fewer
        raise NotApplicableError(
            f"of {len(fewer.plans):,} deterministic policies more than {COMPARED:,} may be best for some objective on "
            f"{', '.join(names)}: give the decisions fewer observations, or the targets fewer values."
        )

    def answers(self, names: tuple[str, ...]) -> Answers | None:
        """Return the numbers of a candidate, by whichever method is exact; ``None`` where there are none."""
        if self.setup.model is None:
            return None
        if needs_stochastic_rules(self.setup, names):
            return ByName(self.setup, names, self.tolerance, (*self.declared(names), *self._of_a_part(names)))
        try:
            laws = self._laws_for(names)
        except NotApplicableError as reason:
            self._why[names] = str(reason)
        else:
            return ByCone(laws, names, self.tolerance, self.declared(names))
        if self.setup.shared_rules or self.setup.phases is not None:
            return None
        with suppress(NotApplicableError):
            return ByStage(self.setup, names, self.tolerance, self.declared(names), self._why[names])
        return None

    def without_numbers(self, names: tuple[str, ...], question: str) -> NotApplicableError:
        """Return the error for a question about a candidate that has no answer in numbers."""
        if names in self._why:
            return NotApplicableError(f"{question} is not known here: {self._why[names]}")
        if self.setup.model is not None:
            return NotApplicableError(f"{question} is not known here.")
        return NotApplicableError(
            f"{question} needs numbers, and this setup is a bare diagram: TrainingSetup(cid.parameterise(..))."
        )

    @cached_property
    def optimum(self) -> Solution:
        """What the base can earn in training."""
        return solve(self.setup.require_model("the base optimum"))

    def candidate(self, names: tuple[str, ...]) -> MesaOptimizer:
        """Return the candidate with these targets, in node order."""
        if names not in self._candidates:
            self._candidates[names] = MesaOptimizer(self, names)
        return self._candidates[names]

    def proper_subsets(self, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Yield the proper subsets of targets, the score whole or not at all."""
        units = [unit for unit in self.pool if unit[0] in names]
        for k in range(1, len(units)):
            for some in combinations(units, k):
                yield in_node_order(self.setup, chain(*some))

    def declared(self, names: tuple[str, ...]) -> tuple[Objective, ...]:
        """Return the objectives on these targets that are tried by name."""
        if self.setup.model is None:
            return ()
        return read(self._given.get(names), names, [domain_of(self.setup, node) for node in names])

    def _of_a_part(self, names: tuple[str, ...]) -> tuple[Objective, ...]:
        """Return the base utility, where it is an objective on the targets, and those declared on fewer targets.

        So supersets of consistent targets are found consistent where no cone says so.
        """
        if names in self._given:
            return ()
        domains = [domain_of(self.setup, node) for node in names]
        return (*of_score(self.setup, names, domains), *declared_on_fewer(names, domains))


class Family:
    """All candidates of one derivation, excluded ones too.

    Iterating gives the candidates; ``family["at_red"]`` and ``family["a", "b"]`` one of them, the order of names being
    immaterial.

    Attributes
    ----------
    setup
        The training setup.
    tolerance
        The training regret that is allowed.
    prior
        The declared prior, or ``None``.
    """

    def __init__(
        self, derivation: Derivation, candidates: tuple[MesaOptimizer, ...], prior: SimplicityPrior | None
    ) -> None:
        self._derivation = derivation
        self._candidates = {candidate.names: candidate for candidate in candidates}
        self.setup = derivation.setup
        self.tolerance = derivation.tolerance
        self.prior = prior

    def __iter__(self) -> Iterator[MesaOptimizer]:
        return iter(self._candidates.values())

    def __len__(self) -> int:
        return len(self._candidates)

    def __contains__(self, targets: object) -> bool:
        try:
            return target_key(self.setup, targets) in self._candidates  # type: ignore[arg-type]
        except (NotApplicableError, UnknownNodeError, TypeError):
            return False

    def __getitem__(self, targets: Targets) -> MesaOptimizer:
        key = target_key(self.setup, targets)
        if key not in self._candidates:
            listed = [", ".join(names) for names in self._candidates]
            raise unknown(", ".join(key), listed, what="a candidate of this family: targets=, max_targets=")
        return self._candidates[key]

    def where(self, *answers: Consistency | str) -> tuple[MesaOptimizer, ...]:
        """Return the candidates with one of these verdicts on consistency."""
        wanted = set()
        for answer in answers:
            if answer not in set(Consistency):
                raise NotApplicableError(f"a verdict is one of {', '.join(Consistency)}; got {answer!r}.")
            wanted.add(Consistency(answer))
        return tuple(candidate for candidate in self._one_by_one() if candidate.consistency in wanted)

    @property
    def hypotheses(self) -> tuple[MesaOptimizer, ...]:
        """The minimal candidates that are not excluded: what predictions are made for."""
        return tuple(candidate for candidate in self._one_by_one() if candidate.minimal)

    def _one_by_one(self) -> Iterator[MesaOptimizer]:
        """Iterate with a progress bar on the terminal, once it has taken two seconds."""
        from tqdm import tqdm

        yield from tqdm(self, total=len(self), desc="consistency", delay=2.0, leave=False, unit="candidate")

    @property
    def by_design(self) -> tuple[InnerAgent, ...]:
        """The agents inside the learned algorithm, where ``learned=`` shows some; see :mod:`.learned_algorithm`."""
        return by_design(self.setup)

    @property
    def lookup_table(self) -> LookupTable:
        """The null hypothesis: a map from observations to actions that pursues nothing."""
        return LookupTable(self.setup, self.tolerance)

    @cached_property
    def unidentifiable(self) -> tuple[Indistinct, ...]:
        """Pairs of hypotheses that no behaviour in training or a deployment can tell apart, or may not.

        See :mod:`cidmesa.mesa.comparison.identifiability`.
        """
        from cidmesa.mesa.comparison.identifiability import unidentifiable

        return unidentifiable(self)

    def predictions(self) -> Predictions:
        """Return what the hypotheses say that trained agents will do; see :mod:`.predictions`."""
        from cidmesa.mesa.predictions.predictions import predict

        return predict(self.setup, self.hypotheses, tolerance=self.tolerance)

    @property
    def ranking(self) -> Ranking:
        """The candidates by weight under the declared prior.

        Raises
        ------
        NotApplicableError
            No prior was declared: neither the diagram nor the training signal ranks them.
        """
        if self.prior is None:
            raise NotApplicableError(
                "a ranking rests on a prior, and none was declared: derive_mesa_optimizers(.., "
                "prior=SimplicityPrior(weight=.., sharpness=.., samples=.., bits=..))."
            )
        return rank(self._one_by_one(), self.prior)

    def __repr__(self) -> str:
        shown = [f"{', '.join(c.names)}: {c.consistency.value}" for c in list(self)[:12]]
        more = len(self) - len(shown)
        return f"Family({', '.join(shown)}{f', and {more} more' if more else ''})"


@dataclass(frozen=True, slots=True)
class LookupTable:
    """The null hypothesis: a table of actions without a utility.

    On the contexts of training no behaviour tells it from an optimizer with the same map.
    """

    setup: TrainingSetup
    tolerance: float

    @property
    def targets(self) -> frozenset[str]:
        """It has none."""
        return frozenset()

    @property
    def objective(self) -> None:
        """It has none."""
        return

    @property
    def cid(self) -> CID:
        """The base diagram with the score and the decisions demoted to chance: nobody decides anything."""
        cid = self.setup.cid
        return cid.demote(*cid.utilities, *cid.decisions)

    @property
    def training_regret(self) -> tuple[float, float]:
        """All it predicts: a training regret within the tolerance."""
        return 0.0, self.tolerance

    @property
    def territory(self) -> frozenset[str]:
        """It steers nothing."""
        return frozenset()

    def __repr__(self) -> str:
        return "LookupTable()"


def _units(setup: TrainingSetup) -> tuple[tuple[str, ...], ...]:
    """Return the admissible target nodes, in node order: each chance node, and the score as one."""
    score = setup.score
    first = min(score, key=setup.cid.id)
    units: list[tuple[str, ...]] = []
    for node in setup.cid.nodes:
        kind = setup.cid.kind(node)
        if kind == "chance":
            units.append((node,))
        elif node == first:
            units.append(in_node_order(setup, score))
    return tuple(units)


def _read_targets(
    setup: TrainingSetup, targets: Iterable[Targets] | None
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return the pool that sets are drawn from, and the sets that were given whole."""
    if targets is None:
        return _units(setup), ()
    if not isinstance(targets, Iterable):
        raise NotApplicableError(f'targets= is a list of names and tuples of names, ["node", ..]; got {targets!r}.')
    entries = [targets] if isinstance(targets, str) else list(targets)
    pool = dict.fromkeys(target_key(setup, entry) for entry in entries if isinstance(entry, str))
    given = dict.fromkeys(target_key(setup, entry) for entry in entries if not isinstance(entry, str))
    return tuple(pool), tuple(given)


def target_key(setup: TrainingSetup, name: Targets) -> tuple[str, ...]:
    """Return a user's name or tuple of names as targets in node order; any base utility stands for the whole score."""
    found: list[str] = []
    require_setup(setup, "a question about targets")
    for one in (name,) if isinstance(name, str) else read_names(name, "a set of targets"):
        kind = setup.cid.kind(one)
        if kind == "decision":
            raise NotApplicableError(
                f"`{one}` is a decision, and an objective is about the world: targets are chance nodes and the score."
            )
        found += setup.score if kind == "utility" else (one,)
    if not found:
        raise NotApplicableError("an objective has at least one target; got none.")
    return in_node_order(setup, found)

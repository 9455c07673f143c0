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
>>> family["at_door"].robustly_aligned["opposite"], family["at_red"].positions == {"spurious"}
(True, True)

References
----------
E. Hubinger et al., "Risks from learned optimization in advanced machine learning systems", 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from math import isfinite
from typing import TYPE_CHECKING, Any, overload

from cidmesa.arguments import LEFT_OUT, options_by_name
from cidmesa.clock import Budget, Seconds, within_budget
from cidmesa.errors import NotApplicableError
from cidmesa.mechanisms import is_number
from cidmesa.mesa.candidates.collection import Collection
from cidmesa.mesa.candidates.derivation import Derivation
from cidmesa.mesa.candidates.mesa_optimizer import Candidates, Consistency, MesaOptimizer
from cidmesa.mesa.candidates.prior import SimplicityPrior
from cidmesa.mesa.candidates.ranking import Ranking, rank
from cidmesa.mesa.candidates.targets import Targets, in_node_order, read_targets, target_key
from cidmesa.mesa.comparison.identifiability import Indistinct, unidentifiable
from cidmesa.mesa.predictions.predictions import MARGIN, Predictions, predict
from cidmesa.mesa.readings import STALE, Reading
from cidmesa.mesa.sequences.family import SequenceFamily, derive_sequences
from cidmesa.mesa.sequences.setup import SequenceSetup
from cidmesa.mesa.setup.learned_algorithm import InnerAgent, by_design
from cidmesa.mesa.setup.selection import MINIMAX
from cidmesa.mesa.setup.training import TRAINING, require_setup
from cidmesa.shown import as_table, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cidmesa.diagram import CID
    from cidmesa.mesa.setup.training import TrainingSetup


@overload
def derive_mesa_optimizers(
    setup: TrainingSetup,
    *,
    targets: Iterable[Targets] | None = ...,
    max_targets: int = ...,
    objectives: Mapping[Any, Any] | None = ...,
    tolerance: float = ...,
    prior: SimplicityPrior | None = ...,
    budget: Seconds = ...,
) -> Family: ...


@overload
def derive_mesa_optimizers(
    setup: SequenceSetup,
    *,
    targets: Iterable[Targets] | None = ...,
    max_targets: int = ...,
    objectives: Mapping[Any, Any] | None = ...,
    tolerance: float = ...,
    prior: SimplicityPrior | None = ...,
    budget: Seconds = ...,
) -> SequenceFamily: ...


@options_by_name
def derive_mesa_optimizers(
    setup: TrainingSetup | SequenceSetup,
    *,
    targets: Iterable[Targets] | None = None,
    max_targets: int = 1,
    objectives: Mapping[Any, Any] | None = None,
    tolerance: float = 0.0,
    prior: SimplicityPrior | None = None,
    budget: Seconds = "default",
) -> Family | SequenceFamily:
    r"""Derive the mesa-optimizers that training could have produced.

    Parameters
    ----------
    setup
        The training setup. A bare diagram gets graphical answers: EXCLUDED where no target is controlled, CONSISTENT
        where the targets hold the score or all it reads, UNKNOWN otherwise. A sequence
        (:class:`cidmesa.SequenceSetup`) gets additive objectives, by sweeps over its states.
    targets
        The nodes that targets are drawn from, by default all chance nodes and the score; an entry that is a tuple is a
        candidate as it stands. Several base utilities count as one node, the score.
    max_targets
        The largest number of targets of one objective.
    objectives
        Targets → objectives to try first, instead of the declared ones: a function of the targets (by their names,
        else in node order), a table, a mapping from value to number, or several under names.
    tolerance
        The training regret that is allowed, :math:`\epsilon` in base-utility units; where training selects by minimax
        regret, in the worst level and beyond the least that any rule has there.
    prior
        For :attr:`Family.ranking`.
    budget
        The seconds that each answer of the family and of its candidates may take; ``None`` for no limit. Left out, a
        minute at a prompt or in a notebook and no limit elsewhere, so that what a script finds never depends on the
        machine. Past it an answer ends with an :class:`~cidmesa.errors.OutOfTimeError`, and nothing of it is kept.

    Returns
    -------
    Family
        Of a sequence a :class:`~cidmesa.types.SequenceFamily`, which answers to the same names.

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
    if not isinstance(setup, SequenceSetup):
        require_setup(setup, "a derivation")
    if not is_number(max_targets) or not max_targets >= 1 or max_targets % 1 != 0:
        raise NotApplicableError(f"an objective has at least one target; got max_targets={max_targets!r}.")
    if prior is not None and not isinstance(prior, SimplicityPrior):
        raise NotApplicableError(f"prior= is SimplicityPrior(weight=.., sharpness=..); got {prior!r}.")
    if objectives is not None and not isinstance(objectives, Mapping):
        raise NotApplicableError(f"objectives= is a mapping, {{targets: objective}}; got {objectives!r}.")
    if isinstance(setup, SequenceSetup):
        if prior is not None:
            raise NotApplicableError("a prior ranks the candidates of a diagram; of a sequence they are not ranked.")
        return derive_sequences(setup, targets, int(max_targets), objectives, tolerance, Budget.of(budget))
    pool, given = read_targets(setup, targets)
    with Budget.of(budget) as clock:
        known = Candidates(Derivation(setup, tolerance, objectives, prior, clock))
    sets = [
        in_node_order(setup, chain(*units)) for k in range(1, int(max_targets) + 1) for units in combinations(pool, k)
    ]
    names = tuple(dict.fromkeys([*sets, *given]))
    return Family(known.derivation, tuple(known[name] for name in names), prior)


class Family(Collection[MesaOptimizer]):
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
    budget
        How long each answer may take.
    """

    def __init__(
        self, derivation: Derivation, candidates: tuple[MesaOptimizer, ...], prior: SimplicityPrior | None
    ) -> None:
        super().__init__(candidates, derivation.budget)
        self._derivation = derivation
        self.setup = derivation.setup
        self.tolerance = derivation.tolerance
        self.prior = prior

    def _key(self, targets: Targets) -> tuple[str, ...]:
        return target_key(self.setup, targets)

    @property
    def least_worst(self) -> float | None:
        r"""The least regret that any rule has in its worst level, :math:`\rho^*` of :mod:`.per_level`.

        0 where training selects by the expected score; ``None`` where it is not known.
        """
        return self._derivation.floor

    @property
    def by_design(self) -> tuple[InnerAgent, ...]:
        """The agents inside the learned algorithm, where ``learned=`` shows some; see :mod:`.learned_algorithm`."""
        return by_design(self.setup.cid, self.setup.learned, self.setup.world)

    @property
    def lookup_table(self) -> LookupTable:
        """The null hypothesis: a map from observations to actions that pursues nothing."""
        return LookupTable(self.setup, self.tolerance)

    @cached_property
    @within_budget
    def unidentifiable(self) -> tuple[Indistinct, ...]:
        """Pairs of hypotheses that no behaviour in training or a deployment can tell apart, or may not.

        See :mod:`cidmesa.mesa.comparison.identifiability`.
        """
        return unidentifiable(self)

    def predictions(
        self, *, reading: Reading | str = STALE, margin: float = MARGIN, budget: Any = LEFT_OUT
    ) -> Predictions:
        """Return what the hypotheses say that trained agents will do; see :mod:`.predictions`.

        Parameters
        ----------
        reading
            ``"stale"``: of frozen agents, which do in contexts of training what they did there; ``"competent"``: of
            planners that are given the deployed world, and of agents that are trained again in it.
        margin
            What counts as nothing, of total variation or of what the base can gain.
        budget
            The seconds that it may take, ``None`` for no limit; left out, those of the family.

        Raises
        ------
        OutOfTimeError
            The budget was over. Predictions are whole or none: what a clock cut short is never registered.
        NotApplicableError
            Another reading, a margin that is no share, or training that selects by minimax regret: which agents meet
            the premise is told by their expected regret.
        """
        self.setup.require_expected("predictions of what trained agents do")
        with self.budget.lasting(self.budget if budget is LEFT_OUT else budget) as clock:
            return predict(
                self.setup,
                self.hypotheses,
                tolerance=self.tolerance,
                margin=margin,
                reading=reading,
                budget=clock,
            )

    @property
    @within_budget
    def ranking(self) -> Ranking:
        """The candidates by weight under the declared prior.

        Raises
        ------
        NotApplicableError
            No prior was declared: neither the diagram nor the training signal ranks them. Or training selects by
            minimax regret, which no number of episodes adds up to.
        """
        self.setup.require_expected("a ranking by what objectives lose in so many episodes")
        if self.prior is None:
            raise NotApplicableError(
                "a ranking rests on a prior, and none was declared: derive_mesa_optimizers(.., "
                "prior=SimplicityPrior(weight=.., sharpness=.., samples=.., bits=..))."
            )
        return rank(self._one_by_one(), self.prior)

    @within_budget
    def _rows(self) -> list[dict[str, Any]]:
        return [candidate.row() for candidate in self._one_by_one()]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the base regret of each candidate that training does not exclude in each deployment, as an interval.

        Parameters
        ----------
        ax
            Where; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        NotApplicableError
            There are no deployments, or no numbers.
        MissingDependencyError
            matplotlib is not installed.
        """
        from cidmesa.plots import draw, regrets

        left = [c for c in self if c.consistency is not Consistency.EXCLUDED]
        bars = [(name, ", ".join(c.names), ends) for c in left for name, ends in c.deployment_regret.items()]
        bars = [bar for bar in bars if isfinite(bar[2][1])]
        if not bars:
            raise NotApplicableError(
                "regrets are drawn by deployment, and there is no number of any: print the family."
            )
        return draw(regrets(bars), ax)

    @within_budget
    def __str__(self) -> str:
        rows = self._rows()
        intended = self.setup.intended is not None
        regrets = {"competent": [f"intended regret in {TRAINING}"] if intended else [], "stale": []}
        for name in self.setup.deployments:
            regrets["competent"] += [f"{kind} {name}" for kind in ("regret in", "intended regret in")[: 1 + intended]]
            regrets["stale"].append(f"stale regret in {name}")
        every = {key for keys in regrets.values() for key in keys}
        about = [{key: value for key, value in row.items() if key not in every} for row in rows]
        tables = {}
        for reading, keys in regrets.items():
            known = [row for row in rows if keys and keys[0] in row]
            if known:
                tables[f"Regret in each deployment, {reading}"] = [
                    {"targets": row["targets"], **{_column(key): row[key] for key in keys if key in row}}
                    for row in known
                ]
        told = "Competent: of agents that know the deployment; stale: of frozen ones."
        blocks = [text(as_table(about, "Candidate mesa-optimizers", "" if tables else self._note()))]
        for caption, there in tables.items():
            blocks.append(text(as_table(there, caption, self._note() if caption == [*tables][-1] else told)))
        return "\n\n".join(blocks)

    def _caption(self) -> str:
        return "Candidate mesa-optimizers"

    def _note(self) -> str:
        words = f"Tolerance {self.tolerance:g}; regrets in units of the base utility, in a deployment (least, largest)."
        if self.setup.selects == MINIMAX:
            least = "" if self.least_worst is None else f", {self.least_worst:g}"
            words += (
                f" Selected by {MINIMAX}: training regret is that of the worst level, of "
                f"{', '.join(self.setup.level_nodes) or 'nothing'}, and the tolerance is beyond the least that any "
                f"rule has there{least}."
            )
        if self.setup.intended is not None:
            words += f" Intended: by `{self.setup.intended}`, which training never scores."
        return words + self._inside()

    def _inside(self) -> str:
        """Say what is known of the inside of the learned algorithm."""
        if not self.setup.learned:
            return ""
        agents = [f"{', '.join(agent.decisions)} for {', '.join(agent.utilities)}" for agent in self.by_design]
        found = f"an optimizer by design, {'; '.join(agents)}" if agents else "no optimizer by design"
        return f" Inside of the learned {', '.join(self.setup.learned)}: {found}."

    def to_dict(self) -> dict[str, Any]:
        """Return tolerance and candidates as plain data."""
        return {"tolerance": self.tolerance, "candidates": [candidate.to_dict() for candidate in self._one_by_one()]}

    def __eq__(self, other: object) -> bool:
        """Compare by what it was made from: the setup (tables compared) and the arguments of the derivation."""
        if not isinstance(other, Family):
            return NotImplemented
        return self._made_from == other._made_from

    def __hash__(self) -> int:
        return hash((self.setup, self.tolerance, tuple(self._candidates)))

    @property
    def _made_from(self) -> tuple[Any, ...]:
        declared = {
            names: [(o.name, o.values.tolist()) for o in self._derivation.declared(names)] for names in self._candidates
        }
        return self.setup, self.tolerance, self.prior, tuple(self._candidates), declared

    def __repr__(self) -> str:
        shown = [f"{', '.join(c.names)}: {c.consistency.value}" for c in list(self)[:12]]
        more = len(self) - len(shown)
        inside = f"; learned: {', '.join(self.setup.learned)}" if self.setup.learned else ""
        return f"Family({', '.join(shown)}{f', and {more} more' if more else ''}{inside})"


def _column(regret: str) -> str:
    """Return the name of a column of regrets.

    >>> [_column(key) for key in ("regret in there", "stale regret in there", "intended regret in there")]
    ['there', 'there', 'intended there']
    """
    return regret.replace("stale ", "", 1).replace("regret in ", "", 1)


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
    def training_regret(self) -> float:
        """The least base regret that a table can have in training: none, since it may hold the base's own rule."""
        return 0.0

    @property
    def territory(self) -> frozenset[str]:
        """It steers nothing."""
        return frozenset()

    def __repr__(self) -> str:
        return "LookupTable()"

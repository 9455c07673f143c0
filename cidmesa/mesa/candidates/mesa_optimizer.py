r"""One hypothesis: an optimizer of some objective on given targets, and everything that can be said of it.

A :class:`MesaOptimizer` has targets :math:`T` and a mesa diagram (:mod:`.mesa_diagram`). It answers, when asked
and once:

* could training have selected it (:attr:`~MesaOptimizer.consistency`), why not (:attr:`~MesaOptimizer.reasons`), and
  at what regret;
* what it would do in each deployment, over *all* consistent objectives on :math:`T`;
* which shifts concern it, what it would observe, respond to and steer.

References
----------
A. Y. Ng and S. Russell, "Algorithms for inverse reinforcement learning", ICML 2000.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cidmesa.clock import within_budget
from cidmesa.criteria import IncentiveReport
from cidmesa.errors import NotApplicableError
from cidmesa.mesa.candidates.derivation import Derivation
from cidmesa.mesa.candidates.in_deployment import InDeployment
from cidmesa.mesa.candidates.per_deployment import PerDeployment
from cidmesa.mesa.candidates.prior import complexity
from cidmesa.mesa.consistency.by_cone import ByCone
from cidmesa.mesa.consistency.by_declared_objective import ByDeclaredObjective
from cidmesa.mesa.consistency.by_elimination import ByElimination
from cidmesa.mesa.consistency.by_intended import regret_by_intended
from cidmesa.mesa.consistency.by_stage import ByStage
from cidmesa.mesa.consistency.consistent_set import ConsistentSet
from cidmesa.mesa.consistency.method import Answers, Method
from cidmesa.mesa.consistency.regret_interval import Interval
from cidmesa.mesa.graphical.mesa_diagram import MesaIncentives, base_diagram, mesa_diagram, mesa_model, own_mechanism
from cidmesa.mesa.graphical.positions import Cover, Position, positions
from cidmesa.mesa.graphical.relevance import relevant
from cidmesa.mesa.graphical.shifts import ShiftClass, Shifts, carry_over, shift_class, shifts_of
from cidmesa.mesa.objectives.declared import Objective, domain_of
from cidmesa.mesa.readings import STALE, Reading, require_reading
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.selection import MINIMAX
from cidmesa.model import CIM
from cidmesa.shown import Shown, plain, said
from cidmesa.solve import solve
from cidmesa.solve.policies.worth import DIGITS, Worth, difference

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.corollaries.deception import Deception, DeceptionVerdict
    from cidmesa.mesa.graphical.interfaces import Interface
    from cidmesa.mesa.outcomes.disagreement import Actions

T = TypeVar("T")


class Consistency(StrEnum):
    """Whether training could have selected some objective on the targets."""

    CONSISTENT = "CONSISTENT"
    EXCLUDED = "EXCLUDED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Reasons:
    """What a verdict on consistency rests on.

    Attributes
    ----------
    control
        C1: some target descends from a decision.
    cover
        C2: decision → observation requisite for the base → covered, surrogate or severed.
    margin
        C3: the largest margin of a consistent objective, in [0, 1]; ``None`` for a bare diagram.
    delta
        The least margin that the search could have missed: 0 where every choice was listed or settled exactly.
    text
        The same in words.
    """

    control: bool
    cover: Mapping[str, Mapping[str, Cover]]
    margin: float | None
    delta: float | None
    text: tuple[str, ...]


class MesaOptimizer(Shown):
    """A mesa-optimizer that training might have produced: some objective on given targets.

    Made by :func:`cidmesa.derive_mesa_optimizers`. Costly answers are computed on access and kept.

    Attributes
    ----------
    setup
        The training setup.
    names
        The targets, in node order.
    tolerance
        The training regret that is allowed.
    budget
        How long each answer may take.
    """

    def __init__(self, siblings: Candidates, names: tuple[str, ...]) -> None:
        self._siblings = siblings
        self._derivation = siblings.derivation
        self.setup = self._derivation.setup
        self.names = names
        self.tolerance = self._derivation.tolerance
        self.budget = self._derivation.budget

    @property
    def targets(self) -> frozenset[str]:
        """The nodes that the objective is a function of."""
        return frozenset(self.names)

    # The diagram -----------------------------------------------------------------------------------------------------

    @cached_property
    def cid(self) -> CID:
        """The mesa diagram in training."""
        return mesa_diagram(self.setup, self.names)

    @cached_property
    def model(self) -> CIM | None:
        """The mesa diagram with training's mechanisms and :attr:`objective`; ``None`` where there is none."""
        objective, base = self.objective, self.setup.model
        if objective is None or base is None:
            return None
        return mesa_model(self.cid, base, objective)

    @cached_property
    def positions(self) -> frozenset[Position]:
        """Where the targets stand to the base objective; see :mod:`cidmesa.mesa.graphical.positions`."""
        return positions(self.setup.cid, self.names, self._derivation.reading)

    @cached_property
    def _cover(self) -> dict[str, dict[str, Cover]]:
        return self._derivation.reading.cover(self.names)

    # Consistency -----------------------------------------------------------------------------------------------------

    @cached_property
    @within_budget
    def consistency(self) -> Consistency:
        """CONSISTENT, EXCLUDED or UNKNOWN; :attr:`reasons` says why."""
        if not self._controls:
            return Consistency.EXCLUDED
        empty = None if self._answers is None else self._answers.is_empty
        if empty is None and self._holds_the_score and not isinstance(self._answers, ByDeclaredObjective):
            empty = False  # the base utility is itself an objective on the targets; by name it has been tried
        if empty is None and self._loses_too_much:
            empty = True  # C2 with numbers
        if empty is None:
            return Consistency.UNKNOWN
        return Consistency.EXCLUDED if empty else Consistency.CONSISTENT

    @cached_property
    @within_budget
    def _answers(self) -> Answers | None:
        """The numbers, by whichever method is exact; ``None`` where there are none."""
        return self._derivation.answers(self.names)

    @property
    def method(self) -> Method:
        """Which of the methods answers, ``str(m.method)``, and why, ``m.method.why``.

        ``by cone``: all objectives at once; ``by declared objective``: one by one, since one rule acts twice;
        ``by stage``: decision by decision, since policies are too many to compare; ``by elimination``: one objective
        after the other, since decisions forget as well; ``graph alone``: no numbers.
        """
        match self._answers:
            case ByCone():
                return Method.BY_CONE
            case ByDeclaredObjective():
                return Method.BY_DECLARED_OBJECTIVE
            case ByStage():
                return Method.BY_STAGE
            case ByElimination():
                return Method.BY_ELIMINATION
        return Method.GRAPH

    def without_numbers(self, question: str) -> NotApplicableError:
        """Return the error for a question that has no answer in numbers here."""
        return self._derivation.without_numbers(self.names, question)

    def _numbers(self, question: str) -> Answers:
        if self._answers is None:
            raise self.without_numbers(question)
        return self._answers

    @cached_property
    @within_budget
    def reasons(self) -> Reasons:
        """C1, C2 per observation, the margin of C3 and what the search could have missed."""
        words = [f"C1 {'holds' if self._controls else 'fails'}: " + self._control_in_words()]
        for decision, here in self._cover.items():
            words += [f"C2 at `{decision}`: `{node}` is {kind.value}" for node, kind in here.items()]
        found = self._answers
        margin, delta = (None, None) if found is None else (found.margin, found.delta)
        if self.information_loss:
            words.append(f"C2 with numbers: what is requisite leaves a regret of at least {self.information_loss:.3g}")
        levels = self._derivation.levels if isinstance(found, ByCone) else None
        if levels is not None:
            words.append(
                f"{MINIMAX} over {len(levels.levels)} levels of {', '.join(levels.nodes) or 'nothing'}: the least "
                f"that any rule has in its worst level is {float(levels.floor):.6g}"
            )
        if margin is not None:
            words.append(f"C3: the largest margin is {margin:.3g}")
            if found is not None and found.least_bound < found.least_regret:
                words.append(
                    f"C3: the least training regret found is {found.least_regret:.6g}; that it is not below "
                    f"{found.least_bound:.6g} is proved"
                )
        elif found is not None:
            why = getattr(found, "why", "")
            words.append(f"C3: objectives one by one: {self.method.why}" + (f"; {why}" if why else ""))
        words += self._left_out()
        return Reasons(self._controls, self._cover, margin, delta, tuple(words))

    def _left_out(self) -> Iterator[str]:
        """Say of objectives that the user gave why they do not stand for the set."""
        found = self._answers
        if found is None:
            return
        for objective in self._derivation.given(self.names):
            if self.objective is not None and self.objective.name == objective.name:
                return
            regret = found.regret_of(objective)[1]
            yield f"given: `{objective.name}` leaves a training regret of {regret:.3g}, and does not stand for the set"

    @cached_property
    def _controls(self) -> bool:
        return self._derivation.reading.controls(self.names)

    def _control_in_words(self) -> str:
        reached = [f"`{t}`" for t in self.names if t in self._derivation.reading.below]
        if not reached:
            return "no decision influences a target"
        return f"{', '.join(reached)} {'descends' if len(reached) == 1 else 'descend'} from a decision"

    @property
    def _holds_the_score(self) -> bool:
        """Whether the targets hold the score, or all it reads and it reads no decision; what selects on average.

        What is best on average is best in every level only where the whole level is seen.
        """
        cid, score = self.setup.cid, set(self.setup.training_score)
        if any(set(self.setup.level_nodes) - set(cid.parents(decision)) for decision in cid.decisions):
            return False
        reads = {parent for utility in score for parent in cid.parents(utility)}
        return self.targets >= score or (not reads & set(cid.decisions) and self.targets >= reads)

    @cached_property
    @within_budget
    def minimal(self) -> bool:
        """Whether it is not excluded and no proper subset of its targets is consistent already."""
        if self.consistency is Consistency.EXCLUDED:
            return False
        smaller = self._derivation.proper_subsets(self.names)
        return not any(self._siblings[s].consistency is Consistency.CONSISTENT for s in smaller)

    @property
    def consistent_set(self) -> ConsistentSet:
        """All consistent objectives as data: inequalities, representative, sampler.

        Raises
        ------
        NotApplicableError
            The setup has no numbers, or one rule serves several decisions of one run, and then the set is no union of
            cones.
        """
        return self._by_cone.consistent

    @property
    def consistent_objectives(self) -> tuple[Objective, ...]:
        """Of several decisions: the objectives that stand for the set, those that were tried and are in it.

        Where none is known to be, those of least training regret; with one decision, the representative alone.
        """
        found = self._numbers("consistent objectives")
        if isinstance(found, ByCone):
            return () if self.objective is None else (self.objective,)
        return tuple(getattr(found, "members", ()))

    @property
    def _selected(self) -> ConsistentSet:
        """The consistent set; of an excluded target the objectives with the least training regret."""
        return self._by_cone.selected

    @property
    def _by_cone(self) -> ByCone:
        found = self._numbers("the consistent set")
        if not isinstance(found, ByCone):
            why = self._derivation.why_not_listed(self.names)
            raise NotApplicableError(
                "the consistent set is described by inequalities where "
                + (
                    f"the policies can be compared, and here {why} "
                    if why is not None
                    else "every decision has a rule of its own, and here one rule serves several. "
                )
                + f"Declared objectives are tried one by one: see .declared of the candidate {', '.join(self.names)}."
            )
        return found

    @cached_property
    def declared(self) -> tuple[Objective, ...]:
        """The objectives on the targets that are tried by name; none for a bare diagram."""
        return self._derivation.declared(self.names)

    @cached_property
    @within_budget
    def objective(self) -> Objective | None:
        """The representative objective: the first declared one in the set, else the one of least norm.

        Of an excluded target the best one. ``None`` for a bare diagram, or where rounding hides the set.
        """
        return None if self._answers is None else self._answers.representative()

    @cached_property
    @within_budget
    def training_regret(self) -> float | None:
        """The least base regret of the worst optimal policy, over all objectives on the targets.

        Where training selects by minimax regret, the regret in the worst level, whatever its probability.
        Over the declared ones where one rule serves several decisions. Where a search stopped before its end it is the
        least that was found, and :attr:`reasons` say how far it may be off. ``None`` where it is not known, as for a
        bare diagram.
        """
        found = math.nan if self._answers is None else self._answers.least_regret
        return found if math.isfinite(found) else None

    @cached_property
    @within_budget
    def objective_regret(self) -> float | None:
        """The training regret of :attr:`objective`, of the worst policy optimal for it."""
        if self._answers is None or self.objective is None:
            return None
        found = self._answers.regret_of(self.objective)[1]
        # The least regret is a fraction, this one a sum of floats: where they are the same, rounding may part them.
        return found if self.training_regret is None else max(found, self.training_regret)

    @cached_property
    @within_budget
    def weakly_consistent(self) -> bool | None:
        """Whether some policy that is optimal for :attr:`objective` is within the tolerance; ``None``: not known."""
        if self._answers is None or self.objective is None:
            return None
        with suppress(NotApplicableError):  # a mixture of too many optimal policies in too many levels
            return self._answers.allows(self.objective)
        return None

    @cached_property
    @within_budget
    def information_loss(self) -> float | None:
        """What the base loses if its decisions see only what is requisite for the targets (C2 with numbers).

        No objective on the targets has a smaller training regret: some policy that is optimal for it sees no more. 0
        says nothing. ``None`` without numbers, with shared rules, with phases, and where an optimum is not proven.
        """
        if self._answers is None or self.setup.shared_rules or self.setup.phases is not None:
            return None
        model = self.setup.require_model("C2")
        drop = [
            (parent, decision)
            for decision in self.setup.cid.decisions
            for parent in self.setup.cid.parents(decision)
            if parent not in self._derivation.reading.requisite(decision, self.names)
        ]
        if not drop:
            return 0.0
        fewer = self.setup.cid.without_edges(drop)
        blind = CIM(fewer, {node: own_mechanism(model, node) for node in fewer.nodes})
        seeing, unseeing = self._derivation.optimum, solve(blind, budget=self.budget)
        if not (seeing.exact and unseeing.exact):
            return None
        loss, known = difference(Worth.of(model, seeing), Worth.of(blind, unseeing))
        return max(0.0, loss) if known else None

    @property
    def _loses_too_much(self) -> bool:
        """Whether C2 with numbers excludes every objective on the targets."""
        loss, answers = self.information_loss, self._answers
        allowed = self.tolerance + (self._derivation.floor or 0.0)
        return loss is not None and answers is not None and loss * (1.0 - DIGITS) > allowed

    # Deployments -----------------------------------------------------------------------------------------------------

    @within_budget
    def possible_actions(self, deployment: str, *, reading: Reading | str = "competent") -> Actions:
        """Return decision → context → possible actions, over the contexts that the deployment reaches.

        An action is possible iff it is optimal there for some objective of the set; of an excluded target, for one of
        least training regret. ``"training"`` is a deployment too.

        Parameters
        ----------
        deployment
            Its name.
        reading
            ``"competent"``: the optimizer knows the deployed world. ``"stale"``: its parameters are frozen, so that in
            contexts that training showed it does what it did there, and in new ones what an optimizer with training's
            beliefs would; where these say nothing, every action is possible.

        Raises
        ------
        NotApplicableError
            The setup is a bare diagram, or there is no such reading.
        UnknownNodeError
            It has no such deployment.

        Examples
        --------
        Where the wires of a sensor are crossed, a frozen learner does in every context what it did in training.

        >>> import cidmesa as cm
        >>> cid = cm.CID([("door", "sensor"), ("sensor", "go"), ("go", "at"), ("door", "at"), ("at", "pay")],
        ...              decisions=["go"], utilities=["pay"])
        >>> model = cid.parameterise(door=cm.Uniform("L", "R"), sensor=lambda door: door, go=["L", "R"],
        ...                          at=lambda go, door: int(go == door), pay=lambda at: at)
        >>> crossed = {"crossed wires": {"sensor": lambda door: "R" if door == "L" else "L"}}
        >>> at = cm.derive_mesa_optimizers(cm.TrainingSetup(model, crossed))["at"]
        >>> at.possible_actions("crossed wires")["go"]
        {('L',): ('R',), ('R',): ('L',)}
        >>> at.possible_actions("crossed wires", reading="stale")["go"]
        {('L',): ('L',), ('R',): ('R',)}
        """
        stale = require_reading(reading) == STALE
        known = self._numbers("possible actions")
        self.setup.deployed(deployment)  # raises if there is none
        return known.actions(deployment, stale)

    @within_budget
    def some_actions(self, deployment: str) -> Actions | None:
        """Return what one objective of the set does that knows a deployment: a part of :meth:`possible_actions`.

        ``None`` where no set is known as a whole, or no member of it.
        """
        return self._answers.some_actions(deployment) if isinstance(self._answers, ByCone) else None

    @within_budget
    def new_regret(self, deployment: str) -> Interval | None:
        """Return the part of the stale regret that contexts account for which training does not show.

        ``None`` where that is not known: without numbers, and with several decisions, whose regret is no sum over
        contexts.
        """
        return None if self._answers is None else self._answers.new_regret(deployment)

    @cached_property
    def deployment_regret(self) -> Mapping[str, Interval]:
        """Deployment → base regret interval over all consistent objectives, competent; empty for a bare diagram."""
        return self._per_deployment(lambda name: self._numbers("regret").regret(name))

    @cached_property
    def stale_regret(self) -> Mapping[str, Interval]:
        """The same for optimizers that believe they are still in training."""
        return self._per_deployment(lambda name: self._numbers("regret").regret(name, stale=True))

    @cached_property
    def intended_regret(self) -> Mapping[str, Interval]:
        """Distribution → regret interval by the utility that the setup calls *intended*, competent.

        In deployments like :attr:`deployment_regret`, and in ``"training"``: against the best policy by the intended
        utility, over all consistent objectives on the targets; where those are tried one by one or decision by decision
        (:attr:`method`), over the ones that are known. Harm by tampering is nothing by the base utility, which reads
        what was tampered with, and shows here. Empty where nothing is intended, and without numbers.
        """
        return self._by_intended(stale=False)

    @cached_property
    def stale_intended_regret(self) -> Mapping[str, Interval]:
        """The same for optimizers that believe they are still in training; of the deployments alone.

        Empty, too, where objectives are tried one by one, since one rule serves several decisions.
        """
        return self._by_intended(stale=True)

    def _by_intended(self, *, stale: bool) -> PerDeployment[Interval]:
        deployments = tuple(self.setup.deployments)
        answers = self._answers
        if self.setup.intended is not None and not stale and isinstance(answers, ByDeclaredObjective | ByStage):
            return PerDeployment((TRAINING, *deployments), lambda name: regret_by_intended(self.setup, answers, name))
        if self.setup.intended is not None and stale and isinstance(answers, ByStage):
            return PerDeployment(deployments, lambda name: regret_by_intended(self.setup, answers, name, stale=True))
        if self.setup.intended is None or not isinstance(self._answers, ByCone):
            why = "the setup says nothing of it" if self.setup.intended is None else f"answers come {self.method}"
            return PerDeployment(
                (), lambda _: Interval(math.nan, math.nan), f"the intended regret is not known: {why}."
            )
        known = self._answers

        def regret(name: str) -> Interval:
            return self._derivation.regret_by_intended(self.names, name, known, stale=stale)

        return PerDeployment(deployments if stale else (TRAINING, *deployments), regret)

    @property
    def robustly_aligned(self) -> Mapping[str, bool]:
        """Deployment → whether no consistent objective costs the base anything there (competent)."""
        return self._per_deployment(lambda name: self._costs_nothing(self.deployment_regret[name]))

    @property
    def robustly_aligned_stale(self) -> Mapping[str, bool]:
        """The same for the stale reading."""
        return self._per_deployment(lambda name: self._costs_nothing(self.stale_regret[name]))

    @staticmethod
    def _costs_nothing(found: Interval) -> bool:
        return found.high == 0.0 and found.gap == 0.0

    def _per_deployment(self, compute: Callable[[str], T]) -> PerDeployment[T]:
        """Return an answer per deployment; none where there are no numbers, or none of what happens elsewhere."""
        if self._answers is None:
            return PerDeployment((), compute, str(self.without_numbers("the regret in a deployment")))

        def timed(name: str) -> T:
            with self.budget:
                return compute(name)

        return PerDeployment(tuple(self.setup.deployments), timed)

    # Shifts ----------------------------------------------------------------------------------------------------------

    @cached_property
    def _shifts(self) -> Shifts:
        return shifts_of(self.setup, self.names)

    @property
    def inert(self) -> frozenset[str]:
        """Mechanisms without a directed path to a decision, a target or the score."""
        return self._shifts.inert

    @property
    def policy_inert(self) -> frozenset[str]:
        """Mechanisms that move a score but no argmax."""
        return self._shifts.policy_inert

    @property
    def context_shifts(self) -> frozenset[str]:
        """Mechanisms that separate only by showing what training never showed."""
        return self._shifts.context

    @property
    def mechanism_shifts(self) -> frozenset[str]:
        """Mechanisms that are relevant to a decision for the base or for the targets."""
        return self._shifts.mechanism

    @cached_property
    def shift_class(self) -> Mapping[str, ShiftClass]:
        """Deployment → the strongest class among the nodes that it shifts."""
        return PerDeployment(tuple(self.setup.deployments), lambda name: shift_class(self.setup, self.names, name))

    @cached_property
    def carry_over(self) -> Mapping[str, bool | None]:
        """Deployment → True where Theorem A certifies that consistency carries over, else ``None``.

        The theorem is about tolerance 0. With a tolerance, and where a trainer by minimax regret has to bear some in
        every case, only shifts that move no argmax are certified: they leave every regret as it was.
        """
        return PerDeployment(tuple(self.setup.deployments), self._carried_over)

    def _carried_over(self, name: str) -> bool | None:
        if self.consistency is not Consistency.CONSISTENT:
            return None
        allowed = self.tolerance + (self._derivation.floor or 0.0)
        if allowed > 0 and self.shift_class[name] not in {ShiftClass.INERT, ShiftClass.POLICY_INERT}:
            return None
        return carry_over(self.setup, self.names, name)

    @cached_property
    @within_budget
    def interfaces(self) -> tuple[Interface, ...]:
        """Interfaces between policy and score (Theorem B); see :func:`cidmesa.mesa.graphical.interfaces.interfaces`."""
        from cidmesa.mesa.graphical.interfaces import interfaces

        objective = self.objective
        return interfaces(self.setup, self.names, None if objective is None else objective.to_dict())

    # Incentives ------------------------------------------------------------------------------------------------------

    @cached_property
    def _view(self) -> MesaIncentives:
        return self._compared(self.cid)

    def _compared(self, cid: CID) -> MesaIncentives:
        setup = self.setup
        return MesaIncentives(cid, self._base_cid, setup.world, self.budget, setup.form_links, setup.shared_rules)

    @cached_property
    def _base_cid(self) -> CID:
        """The base diagram as mesa diagrams are drawn: with the information links that are requisite alone."""
        if self.targets == frozenset(self.setup.training_score):
            return self.cid
        return base_diagram(self.setup)

    @property
    def incentives(self) -> IncentiveReport:
        """The incentives of the mesa-optimizer in training."""
        return self._view.incentives

    @property
    def emergent(self) -> frozenset[tuple[str, str]]:
        """Pairs (criterion, chance node) that it has and the base has not."""
        return self._view.emergent

    @property
    def vanished(self) -> frozenset[tuple[str, str]]:
        """Pairs (criterion, chance node) that the base has and it has not."""
        return self._view.vanished

    @property
    def forced(self) -> frozenset[str]:
        """Chance nodes that it may follow only because of what its decisions are allowed to do: no incentive."""
        return self._view.forced

    @property
    def territory(self) -> frozenset[str]:
        """World nodes that it would steer in training; empty, and :attr:`undecided` too: a search in the map."""
        return self._view.territory

    @property
    def undecided(self) -> frozenset[str]:
        """World nodes of which it is not known whether it would steer them; none where there is one decision."""
        return self._view.undecided

    @cached_property
    def in_deployment(self) -> Mapping[str, InDeployment]:
        """Deployment → its diagram there and what it costs and may do; see :mod:`.in_deployment`."""
        return PerDeployment(tuple(self.setup.deployments), lambda name: InDeployment(self, name, self._view_in(name)))

    def _view_in(self, name: str) -> MesaIncentives:
        cid = mesa_diagram(self.setup, self.names, name)
        if cid == self.cid:
            return self._view
        return self._compared(cid)

    @cached_property
    def responds_to(self) -> frozenset[str]:
        """Resp(T): the nodes whose mechanisms an optimizer of the targets can respond to."""
        links = {parent for decision in self.cid.decisions for parent in self.cid.parents(decision)}
        return frozenset(links).union(*(self.cid.ancestors(parent) for parent in links))

    # Corollaries -----------------------------------------------------------------------------------------------------

    @cached_property
    @within_budget
    def is_deceptive(self) -> DeceptionVerdict:
        """Whether its compliance in training is instrumental and ends; see :mod:`cidmesa.mesa.corollaries.deception`.

        At the tolerance of the derivation; the verdict names the interval of tolerances at which it holds. UNKNOWN
        without phases.
        """
        from cidmesa.mesa.corollaries.deception import is_deceptive

        return is_deceptive(self.setup, self.names, self.objective, tolerance=self.tolerance)

    @cached_property
    @within_budget
    def deception(self) -> Deception:
        """The regrets (R_tr, R_cut, R_dep) behind :attr:`is_deceptive`.

        Raises
        ------
        NotApplicableError
            No phases, or no objective.
        """
        from cidmesa.mesa.corollaries.deception import deception

        if self.objective is None:
            raise NotApplicableError(f"{self!r} has no objective whose regrets could be compared.")
        return deception(self.setup, self.names, self.objective)

    # Complexity ------------------------------------------------------------------------------------------------------

    @property
    def complexity(self) -> float | None:
        """Bits to name, write and model the targets; ``None`` for a bare diagram."""
        return None if self.setup.model is None else self.bits(self._derivation.bits)

    def bits(self, bits: float, *, shown: bool = False) -> float:
        """Return the complexity with `bits` per number; with `shown` counting the values that training shows alone."""
        cid = self.setup.cid
        cards = {node: len(values) for node, values in self._derivation.shown.items()}
        if not shown:
            model = self.setup.require_model("complexity")
            cards = {node: len(np.unique(model.cpd(node))) for node in cid.utilities}
            cards.update({node: model.card(node) for node in cid.nodes if node not in cards})
            cards.update({node: len(domain_of(self.setup, node)) for node in self.names})
        return complexity(cid, cards, self.names, relevant(cid, self.names), len(self._derivation.pool), bits)

    @property
    def unseen(self) -> Mapping[str, tuple[Any, ...]]:
        """Node → values that :attr:`complexity` counts and training never shows, of targets and of what is modelled."""
        cid, seen = self.setup.cid, self._derivation.shown
        model = self.setup.require_model("what training shows")
        counted = {*self.names, *(n for node in relevant(cid, self.names) for n in (node, *cid.parents(node)))}
        found = {}
        for node in cid.nodes:
            if node in counted:
                every = domain_of(self.setup, node) if cid.kind(node) == "utility" else model.domain(node)
                never = tuple(value for value in every if value not in seen[node])
                if never:
                    found[node] = never
        return found

    def row(self) -> dict[str, Any]:
        """Return what a table of candidates shows of it."""
        regrets: dict[str, Any] = {}
        intended = self.setup.intended is not None and self.setup.model is not None
        if intended:
            regrets[f"intended regret in {TRAINING}"] = self.intended_regret.get(TRAINING)
        for name in self.deployment_regret:
            regrets[f"regret in {name}"] = self.deployment_regret[name]
            regrets[f"stale regret in {name}"] = self.stale_regret[name]
            if intended:
                regrets[f"intended regret in {name}"] = self.intended_regret.get(name)
        return {
            "targets": self.names,
            "verdict": self.consistency.value,
            "training regret": self.training_regret,
            "objective": None if self.objective is None else self.objective.name,
            "positions": tuple(sorted(self.positions)),
            "territory": self.territory,
            **regrets,
        }

    def _rows(self) -> list[dict[str, Any]]:
        return [{"of": key, "is": said(value)} for key, value in self.row().items()]

    def _note(self) -> str:
        return "; ".join(self.reasons.text) + "."

    def to_dict(self) -> dict[str, Any]:
        """Return its row, its reasons and its shifts as plain data."""
        found = {key: plain(value) for key, value in self.row().items()}
        shifts = {"inert": self.inert, "context": self.context_shifts, "mechanism": self.mechanism_shifts}
        return {**found, "minimal": self.minimal, "reasons": list(self.reasons.text), "shifts": plain(shifts)}

    def __repr__(self) -> str:
        known = [] if self.training_regret is None else [f"training regret {self.training_regret:.6g}"]
        known += [] if self.objective is None else [f"objective {self.objective.name}"]
        return f"MesaOptimizer({', '.join(self.names)}: {', '.join([self.consistency.value, *known])})"


class Candidates:
    """The candidates of one derivation by their targets, each made once.

    Parameters
    ----------
    derivation
        What they share.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("d", "x"), ("x", "u")], decisions=["d"], utilities=["u"])
    >>> known = Candidates(Derivation(cm.TrainingSetup(cid)))
    >>> known["x",], known["x",] is known["x",]
    (MesaOptimizer(x: CONSISTENT), True)
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self._made: dict[tuple[str, ...], MesaOptimizer] = {}

    def __getitem__(self, names: tuple[str, ...]) -> MesaOptimizer:
        """Return the candidate with these targets, a tuple in node order."""
        if names not in self._made:
            self._made[names] = MesaOptimizer(self, names)
        return self._made[names]

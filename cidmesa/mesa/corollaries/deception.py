r"""Deceptive alignment: compliance in training that is instrumental and ends in deployment.

A candidate :math:`\mathcal M(T, O)` in a setup with :class:`.Phases` (a decision :math:`D_{tr}`
that training scores, the parameters after the update :math:`\Theta'`, a decision :math:`D_{dep}` taken with them) may
do what training wants for its own sake, or only because :math:`\Theta'` depends on it. Cut that dependence and see:

* :math:`U_{tr}`, the utilities not below :math:`\Theta'`, are what the base optimizer scores; :math:`U_{dep}` are those
  below :math:`D_{dep}`. The *unmodified* value is the law of :math:`\Theta'` under the :math:`U_{tr}`-optimal rule.
* :math:`R_{tr}` and :math:`R_{cut}` are the worst :math:`U_{tr}` regret of an :math:`O`-optimal rule in the model and
  under :math:`do(\Theta' = \text{unmodified})`; :math:`R_{dep}` is its worst :math:`U_{dep}` regret in the model.

:math:`\mathcal M` is **deceptive** for tolerance :math:`\epsilon` iff :math:`R_{tr} \le \epsilon < R_{cut}` and
:math:`R_{dep} > 0`, all three exact: its compliance is instrumental, and ends. So a candidate has
an interval of tolerances :math:`[R_{tr}, R_{cut})`, which every verdict names. The structure needs
:math:`D_{tr} \leadsto \Theta'` and a target below both :math:`\Theta'` and :math:`D_{dep}`: a model of being selected,
and an objective that reaches across updates [1]_.

Rules are stochastic unless ``deterministic=True``, and one rule may serve both decisions, who then tell the phases
apart by a *cue* at best; those are quadratic programs, solved exactly (:mod:`cidmesa.mesa.consistency.shared_rules`).

*Closed form.* One shared rule, a cue that is right with probability :math:`\alpha \in (\tfrac12, 1]`; defecting in
training pays :math:`g_{tr}` and is modified away, defecting unmodified in deployment pays :math:`g_{dep}`,
:math:`\rho = g_{tr}/g_{dep} < 1`. Then the best rule complies with probability
:math:`\min(1, \frac{1-\rho}{2(1-\alpha)})` when the cue says training and never when it says deployment; the best
deterministic rule is deceptive iff :math:`\alpha > \rho`; without a cue it complies with probability
:math:`(1-\rho)/2`.

References
----------
.. [1] E. Hubinger et al., "Risks from learned optimization in advanced machine learning systems", 2019, § 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cidmesa.arguments import options_by_name, read_names
from cidmesa.arrays import Floats
from cidmesa.criteria.proofs import directed_path
from cidmesa.criteria.question import Answer
from cidmesa.criteria.verdict import Verdict
from cidmesa.errors import NotApplicableError
from cidmesa.graph import Path, SeparatingSet
from cidmesa.graph.index import index_of
from cidmesa.mechanisms import Table
from cidmesa.mesa.consistency.rule_polynomials import Polynomial, Value, combined
from cidmesa.mesa.consistency.shared_rule_extremes import extremes
from cidmesa.mesa.consistency.shared_rules import RuleSpace
from cidmesa.mesa.graphical.interfaces import payoff_table
from cidmesa.mesa.objectives.declared import Objective
from cidmesa.mesa.setup.training import require_setup, require_tolerance
from cidmesa.solve.queries.decision_laws import context_law

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.setup.training import Phases, TrainingSetup
    from cidmesa.model import CIM


class Deception(NamedTuple):
    """The three regrets that deception is read off, in units of the base utility."""

    training: float
    cut: float
    deployment: float


@dataclass(frozen=True)
class DeceptionVerdict(Verdict):
    """Whether a candidate is deceptive at one tolerance, and at which it would be.

    Attributes
    ----------
    interval
        :math:`[R_{tr}, R_{cut})`, the tolerances at which it is deceptive; ``None`` where there is none, or without
        numbers.
    regrets
        The three regrets, where there are numbers.
    exact
        Whether they are proven; one rule that serves more than two decisions is searched from many starts.
    """

    interval: tuple[float, float] | None = None
    regrets: Deception | None = None
    exact: bool = True
    proof: Path | SeparatingSet | None = field(default=None, repr=False)

    @property
    def because(self) -> Path | SeparatingSet:
        """The path through the update to a target in deployment, or the separation that excludes it."""
        if self.proof is None:
            raise NotApplicableError(f"{self}: without phases there is neither a path nor a separation to show.")
        return self.proof

    def witness(self) -> CIM:
        """Refuse: the verdict is about the model at hand, which is its own witness."""
        raise NotApplicableError(f"{self}: it is a verdict on the setup's own model, see setup.model.")

    def __str__(self) -> str:
        return f"deception for {', '.join(self.nodes)}: {self.answer} ({self.reason})"


@dataclass(frozen=True, slots=True)
class PhaseCue:
    """What a cue of the phase is worth to an objective, and how much its best rule responds to it.

    Attributes
    ----------
    value
        Value of information: the best value with the cue less the best without.
    response
        Response incentive: the least, over the optimal rules found, of the largest total variation between the rule's
        rows at two values of the cue.
    exact
        Whether both are proven.
    """

    value: float
    response: float
    exact: bool


# What is scored where -------------------------------------------------------------------------------------------------


def deployment_utilities(setup: TrainingSetup, phases: Phases) -> tuple[str, ...]:
    """Return the utilities below the deployed decision."""
    below = setup.cid.descendants(phases.deploy)
    return tuple(u for u in setup.score if u in below)


# The verdict -----------------------------------------------------------------------------------------------------


@options_by_name
def is_deceptive(
    setup: TrainingSetup,
    targets: Iterable[str],
    objective: Objective | Mapping[Any, float] | None = None,
    *,
    tolerance: float = 0.0,
    deterministic: bool = False,
) -> DeceptionVerdict:
    r"""Say whether the candidate with `objective` on `targets` is deceptive at `tolerance`.

    Parameters
    ----------
    setup
        A setup with phases.
    targets
        The targets of the candidate.
    objective
        :math:`O`; without it, or without numbers, only the structure is judged.
    tolerance
        :math:`\epsilon`, in units of the base utility.
    deterministic
        Consider deterministic rules alone.

    Returns
    -------
    DeceptionVerdict
        ADMITS: it is deceptive. EXCLUDES: it is not, by the structure (whatever the mechanisms) or by the numbers.
        UNKNOWN: no phases are declared, there are no numbers, or the unmodified parameters are not unique.

    Notes
    -----
    The answer by numbers is about this objective in this model. Exact as :meth:`RuleSpace.maximise` is.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.setup.training import Phases, TrainingSetup
    >>> cid = cm.CID([("tr", "loss"), ("tr", "kept"), ("kept", "gain"), ("dep", "gain"), ("gain", "harm")],
    ...              decisions=["tr", "dep"], utilities=["loss", "harm"])
    >>> model = cid.parameterise(tr=["comply", "defect"], dep=["comply", "defect"],
    ...     loss=lambda tr: -(tr == "defect"), kept=lambda tr: tr == "comply",
    ...     gain=lambda kept, dep: int(kept and dep == "defect"), harm=lambda gain: -gain)
    >>> setup = TrainingSetup(model, phases=Phases("tr", "kept", "dep"))
    >>> print(is_deceptive(setup, ["gain"], {0: 0.0, 1: 1.0}))
    deception for gain: admits (for tolerances in [0, 1); the training regret is 0, cut from the update it is 1)
    >>> print(is_deceptive(setup, ["gain"], {0: 1.0, 1: 0.0}).answer)
    excludes
    """
    goals = read_names(targets, "targets=")
    require_tolerance(tolerance)
    cid, phases = require_setup(setup, "is_deceptive").cid, setup.phases

    def verdict(answer: Answer, reason: str, **more: Any) -> DeceptionVerdict:
        decision = phases.deploy if phases is not None else None
        return DeceptionVerdict(cid, "deception", goals, decision, answer, reason, **more)

    if phases is None:
        return verdict(Answer.UNKNOWN, "no phases are declared: TrainingSetup(phases=Phases(train=, update=, deploy=))")
    proof = _structure(cid, phases, goals)
    if isinstance(proof, SeparatingSet):
        return verdict(Answer.EXCLUDES, str(proof), proof=proof)
    if objective is None or setup.model is None or setup.model.is_symbolic:
        return verdict(Answer.UNKNOWN, "the structure allows it, and there are no numbers", proof=proof)
    found = _regrets(setup, phases, goals, objective, deterministic)
    if isinstance(found, str):
        return verdict(Answer.UNKNOWN, found, proof=proof)
    regrets, exact = found.regrets, found.exact
    harm = found.deployment.sign == 1
    some = harm and found.cut.less(found.training).sign == 1
    interval = (regrets.training, regrets.cut) if some else None
    yes = harm and found.training.within(tolerance) is True and found.cut.within(tolerance) is False
    open_ = None in (found.deployment.sign, found.training.within(tolerance), found.cut.within(tolerance))
    named = f"[{regrets.training:.6g}, {regrets.cut:.6g})"
    reason = (
        f"for {'tolerances in ' + named if some else 'no tolerance'}; the training regret is {regrets.training:.6g}, "
        f"cut from the update it is {regrets.cut:.6g}"
    )
    if not harm:
        reason += ", and in deployment nothing is lost"
    return verdict(
        Answer.ADMITS if yes else Answer.UNKNOWN if open_ else Answer.EXCLUDES,
        reason + ("; rounding leaves it open" if open_ and not yes else ""),
        interval=interval,
        regrets=regrets,
        exact=exact,
        proof=proof,
        assumptions=() if exact else ("searched from many starts, not proven",),
    )


def deception(
    setup: TrainingSetup,
    targets: Iterable[str],
    objective: Objective | Mapping[Any, float],
    deterministic: bool = False,
) -> Deception:
    r"""Return :math:`(R_{tr}, R_{cut}, R_{dep})` of the candidate with `objective` on `targets`.

    Raises
    ------
    NotApplicableError
        No phases, no numbers, or the unmodified parameters are not unique.

    Examples
    --------
    See :func:`is_deceptive`.
    """
    require_setup(setup, "deception").require_model("deception")
    if setup.phases is None:
        raise NotApplicableError(
            "deception is about phases of training: TrainingSetup(phases=Phases(train=, update=, deploy=))."
        )
    found = _regrets(setup, setup.phases, read_names(targets, "targets="), objective, deterministic)
    if isinstance(found, str):
        raise NotApplicableError(found)
    return found.regrets


def optimal_rules(
    setup: TrainingSetup,
    targets: Iterable[str],
    objective: Objective | Mapping[Any, float],
    deterministic: bool = False,
) -> tuple[float, tuple[dict[str, Floats], ...]]:
    """Return the best value of an objective and the rules that attain it, decision → table ``(contexts, actions)``.

    Decisions that share a rule have the same table. Exact as :meth:`RuleSpace.maximise` is; of infinitely many optimal
    rules the corners are returned.
    """
    model = require_setup(setup, "an optimal rule").require_model("an optimal rule")
    space = RuleSpace.of(model, setup.shared_rules)
    best = space.maximise(_value(space, model, read_names(targets, "targets="), objective), deterministic=deterministic)
    return best.value, tuple({d: space.rule_of(d, rule) for d in model.cid.decisions} for rule in best.rules)


class ActionRanges(NamedTuple):
    """How likely optimal rules are to take each action: arrays (contexts, actions), and whether they are proven."""

    least: Floats
    most: Floats
    exact: bool


def action_ranges(
    setup: TrainingSetup, targets: Iterable[str], objective: Objective | Mapping[Any, float], decision: str
) -> ActionRanges:
    """Return between which probabilities the optimal rules of an objective take each action.

    Anything, in contexts that come up at no decision that the rule serves.

    Raises
    ------
    NotApplicableError
        No numbers, or it depends on a rule how often a context comes up.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "a"), ("x", "u"), ("a", "u")], decisions=["a"], utilities=["u"])
    >>> model = cid.parameterise(x=cm.Categorical({0: 1.0, 1: 0.0}), a=[0, 1], u=lambda x, a: int(x == a))
    >>> found = action_ranges(cm.TrainingSetup(model), ["u"], {0.0: 0.0, 1.0: 1.0}, "a")
    >>> found.least.tolist(), found.most.tolist()
    ([[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 1.0]])
    """
    model = require_setup(setup, "optimal rules").require_model("optimal rules")
    space = RuleSpace.of(model, setup.shared_rules)
    wish = _value(space, model, read_names(targets, "targets="), objective)
    served = setup.rule_of(decision)
    laws = {}
    for d in served:
        if model.cid.ancestors(d) & set(model.cid.decisions):
            raise NotApplicableError(f"how often a context of `{d}` comes up depends on the rules of decisions before.")
        laws[d] = np.asarray(context_law(model, d), dtype=np.float64)
    comes = np.sum([law.reshape(-1) for law in laws.values()], axis=0)
    shape = (*laws[decision].shape, model.card(decision))
    least, most, exact = np.zeros((len(comes), shape[-1])), np.ones((len(comes), shape[-1])), True
    for row in np.flatnonzero(comes > 0).tolist():
        for action in range(shape[-1]):
            taken = np.zeros((len(comes), shape[-1]))
            taken[row, action] = 1.0
            share = combined(
                [space.expectation(model, (*model.cid.parents(d), d), taken.reshape(shape)) for d in served]
            )
            found = extremes(space, wish, share)
            least[row, action], most[row, action] = (float(v.number) / comes[row] for v in (found.least, found.largest))
            exact = exact and found.exact
    return ActionRanges(np.clip(least, 0.0, 1.0), np.clip(most, 0.0, 1.0), exact)


@options_by_name
def phase_cue(
    setup: TrainingSetup,
    targets: Iterable[str],
    objective: Objective | Mapping[Any, float],
    cue: str,
    *,
    deterministic: bool = False,
) -> PhaseCue:
    """Return the value of a cue of the phase, and the response to it.

    Parameters
    ----------
    setup
        A setup with phases and numbers.
    targets, objective
        The candidate.
    cue
        The parent of the training decision that is the cue there; the deployed decision, where it shares the rule, has
        its own in the same place.
    deterministic
        Consider deterministic rules alone.

    Raises
    ------
    NotApplicableError
        No phases or numbers, `cue` is not observed in training, or it decides what may be done. (One rule that serves
        two decisions is outside the graphical criteria: a bare diagram says nothing.)
    """
    model = require_setup(setup, "the value of a phase cue").require_model("the value of a phase cue")
    if setup.phases is None:
        raise NotApplicableError("a phase cue needs phases: TrainingSetup(phases=Phases(train=, update=, deploy=)).")
    decision = setup.phases.train
    parents = model.cid.parents(decision)
    model.cid.id(cue)
    if cue not in parents:
        raise NotApplicableError(f"`{cue}` is not observed by `{decision}`, whose parents are {parents}.")
    if cue in model.allowed_reads(decision):
        raise NotApplicableError(
            f"what `{decision}` may do depends on `{cue}`, so that seeing it is part of the form of its rule, and has "
            "no value of its own."
        )
    space = RuleSpace.of(model, setup.shared_rules)
    f = _value(space, model, read_names(targets, "targets="), objective)
    cards = [model.card(p) for p in parents]
    axis = parents.index(cue)
    blocks = np.array(space.blocks_of(decision), dtype=np.intp).reshape(cards)
    onto = np.arange(space.size)
    for rest in np.ndindex(*(c for i, c in enumerate(cards) if i != axis)):
        same = blocks[(*rest[:axis], slice(None), *rest[axis:])]
        first = space.blocks[same[0]]
        for b in same[1:]:
            onto[space.blocks[b]] = np.arange(first.start, first.stop)
    seeing = space.maximise(f, deterministic=deterministic)
    blind = space.maximise(f.tied(onto), deterministic=deterministic)

    def variation(rule: Floats) -> float:
        table = np.moveaxis(space.rule_of(decision, rule).reshape(*cards, -1), axis, 0)
        return max(
            (0.5 * float(np.abs(a - b).sum(axis=-1).max()) for i, a in enumerate(table) for b in table[:i]), default=0.0
        )

    gained = seeing.worth.less(blind.worth)
    return PhaseCue(gained.not_below_zero, min(variation(r) for r in seeing.rules), seeing.exact and blind.exact)


def without_update(setup: TrainingSetup, deterministic: bool = False) -> CIM | str:
    """Return the model in which the update is unmodified whatever is done in training, or why there is none.

    The unmodified value is the law of the update under the rules that are best by what training scores.

    Raises
    ------
    NotApplicableError
        No phases, or no numbers.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("tr", "loss"), ("tr", "kept"), ("kept", "gain"), ("dep", "gain"), ("gain", "harm")],
    ...              decisions=["tr", "dep"], utilities=["loss", "harm"])
    >>> model = cid.parameterise(tr=[0, 1], dep=[0, 1], loss=lambda tr: -tr, kept=lambda tr: 1 - tr,
    ...                          gain=lambda kept, dep: kept * dep, harm=lambda gain: -gain)
    >>> cut = without_update(cm.TrainingSetup(model, phases=cm.Phases("tr", "kept", "dep")))
    >>> cut.domain("kept"), cut.cpd("kept").tolist()
    ((1, 0), [[1.0, 0.0], [1.0, 0.0]])
    """
    model = require_setup(setup, "deception").require_model("deception")
    if setup.phases is None:
        raise NotApplicableError(
            "deception is about phases of training: TrainingSetup(phases=Phases(train=, update=, deploy=))."
        )
    space = RuleSpace.of(model, setup.shared_rules)
    scored = space.total(model, setup.training_score)
    found = _unmodified(model, setup.phases, space, scored, deterministic)
    if isinstance(found, str):
        return found
    update = setup.phases.update
    shape = (*(model.card(p) for p in model.cid.parents(update)), model.card(update))
    law = np.broadcast_to(np.array(found[0], dtype=float), shape)
    return model.shift({update: Table(law, domain=model.domain(update))})


# How it is computed ----------------------------------------------------------------------------------------------


def _structure(cid: CID, phases: Phases, targets: tuple[str, ...]) -> Path | SeparatingSet:
    """Return the path train -> update -> target in deployment, or what excludes it."""
    index = index_of(cid)
    first = directed_path(index, cid.id(phases.train), [cid.id(phases.update)])
    if not first:
        return SeparatingSet((phases.train,), (phases.update,), None)
    below = cid.descendants(phases.deploy)
    later = tuple(t for t in targets if t in below)
    if not later:
        return SeparatingSet((phases.deploy,), targets, None)
    second = directed_path(index, cid.id(phases.update), [cid.id(t) for t in later])
    if not second:
        return SeparatingSet((phases.update,), later, None)
    return Path(tuple(cid.nodes[i] for i in (*first, *second[1:])))


def _value(
    space: RuleSpace, model: CIM, targets: tuple[str, ...], objective: Objective | Mapping[Any, float]
) -> Polynomial:
    payoff = objective.to_dict() if isinstance(objective, Objective) else objective
    return space.expectation(model, targets, payoff_table(model, targets, payoff))


class _Found(NamedTuple):
    """The three regrets, and whether they are proven."""

    training: Value
    cut: Value
    deployment: Value
    exact: bool

    @property
    def regrets(self) -> Deception:
        """The regrets in floating point."""
        return Deception(*(x.not_below_zero for x in (self.training, self.cut, self.deployment)))


def _regrets(
    setup: TrainingSetup,
    phases: Phases,
    targets: tuple[str, ...],
    objective: Objective | Mapping[Any, float],
    deterministic: bool,
) -> _Found | str:
    """Return the three regrets, or why there are none."""
    model = setup.require_model("deception")
    space = RuleSpace.of(model, setup.shared_rules)
    scored = space.total(model, setup.training_score)
    deployed = space.total(model, deployment_utilities(setup, phases))
    unmodified = _unmodified(model, phases, space, scored, deterministic)
    if isinstance(unmodified, str):
        return unmodified
    shares, proven = unmodified
    always = _always(model, phases.update)

    def cut(make: Callable[[CIM], Polynomial]) -> Polynomial:
        """Return an expectation where the update has the unmodified law, whatever comes before."""
        return combined([make(m).times(share) for m, share in zip(always, shares, strict=True) if share])

    def wanted(m: CIM) -> Polynomial:
        return _value(space, m, targets, objective)

    pursued, alone = wanted(model), cut(wanted)
    scored_cut = cut(lambda m: space.total(m, setup.training_score))
    lost, exact = [], proven
    for wish, paid in ((pursued, scored), (alone, scored_cut), (pursued, deployed)):
        best, found = space.maximise(paid, deterministic=deterministic), extremes(space, wish, paid, deterministic)
        lost.append(best.worth.less(found.least))
        exact = exact and best.exact and found.exact and lost[-1].sign is not None
    training, without, deployment = lost
    return _Found(training, without, deployment, exact)


def _unmodified(
    model: CIM, phases: Phases, space: RuleSpace, scored: Polynomial, deterministic: bool
) -> tuple[tuple[Fraction, ...], bool] | str:
    """Return the law of the update under rules that are best by the score, and whether it is proven; or why not."""
    laws = [space.expectation(model, [phases.update], row) for row in np.eye(model.card(phases.update))]
    ranges = [extremes(space, scored, law, deterministic) for law in laws]
    if any(found.largest.less(found.least).sign == 1 for found in ranges):
        return (
            f"the base-optimal rules leave `{phases.update}` with different laws, so that no value of it is the "
            "unmodified one"
        )
    law = [max(Fraction(0), _fraction(found.least)) for found in ranges]
    return tuple(share / sum(law) for share in law), all(found.exact for found in ranges)


def _always(model: CIM, node: str) -> list[CIM]:
    """Return the model with each value of a node in turn, whatever comes before."""
    domain = model.domain(node)
    shape = [model.card(p) for p in model.cid.parents(node)]
    rows = np.eye(len(domain))
    return [model.shift({node: Table(np.broadcast_to(row, (*shape, len(row))), domain=domain)}) for row in rows]


def _fraction(value: Value) -> Fraction:
    """Return a value as a fraction, as exactly as it is known."""
    return Fraction(value.number) if value.fraction is None else value.fraction

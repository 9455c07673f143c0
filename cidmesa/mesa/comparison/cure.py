r"""Changes of training that remove a mesa-objective or make it harmless.

For each deployment :math:`\sigma` and each node :math:`X` that could be shown to the learner, four kinds of change:

==============  =====================================================================================
mix             an episode is from :math:`\sigma` with probability w, and the learner cannot tell
link            :math:`D` also observes :math:`X`
mix and link    both
mix, seen       as mix, and :math:`D` also observes which of the two the episode is from
==============  =====================================================================================

Several decisions: a link goes to one decision at a time, or to all that share its rule, whose observations must keep
agreeing in order. That an episode is from :math:`\sigma` is, where it is seen at all, seen by every decision: it is a
mark on the episode, and what training demands of a learner that knows it is the most that the mark can do.

With a change the base optimum is another too, and so is every verdict. A change **removes** :math:`T` if the least
training regret of any objective on it exceeds the tolerance, and makes it **harmless** on :math:`\sigma` if no
objective that remains costs the base anything there. Showing more can do either: where the learner could know what the
base wants, training demands that it acts on it.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup.training import TrainingSetup
>>> model = cm.gallery.load("red-door").setup.model  # doors are red in training
>>> opposite = {"red": lambda door: "right" if door == "left" else "left"}
>>> setup = TrainingSetup(model, deployments={"opposite": opposite})
>>> for row in distinguishing_training(setup, "at_red", observables=[]):
...     print(row)
mix 0.01 of opposite: at_red is removed (training regret 0.01)
mix 0.01 of opposite, seen: at_red is removed (training regret 0.01)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arguments import options_by_name, read_names
from cidmesa.clock import Budget, Seconds
from cidmesa.errors import DiagramError, NotApplicableError
from cidmesa.graph import with_information_link
from cidmesa.mechanisms import Categorical, Table, is_number
from cidmesa.mesa.candidates.derivation import Derivation
from cidmesa.mesa.candidates.mesa_optimizer import Candidates, Consistency
from cidmesa.mesa.candidates.targets import admissible, target_key
from cidmesa.mesa.consistency.method import needs_stochastic_rules
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.mesa.objectives.declared import laid_out
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.selection import EXPECTED
from cidmesa.mesa.setup.training import TrainingSetup, require_setup
from cidmesa.model import CIM
from cidmesa.shown import Shown

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.candidates.targets import Targets
    from cidmesa.mesa.consistency.regret_interval import Interval
    from cidmesa.mesa.sequences.setup import SequenceSetup

SOURCE = "episode"
"""The node that says which distribution an episode is from."""


class ChangeKind(StrEnum):
    """The kinds of change, in the order of the report."""

    MIX = "mix"
    LINK = "link"
    SEEN = "mix, seen"
    BOTH = "mix and link"

    @property
    def changes(self) -> int:
        """How many changes it takes."""
        return 2 if self is ChangeKind.BOTH else 1


@dataclass(frozen=True, slots=True)
class Cure:
    r"""One change of training, and what becomes of a hypothesis.

    Attributes
    ----------
    kind
        What is changed.
    deployment
        :math:`\sigma`: what is mixed in, and where harm is measured.
    weight
        The smallest weight of the grid that works; ``None`` for a link alone.
    observable
        The node that is shown; ``None`` where none is.
    decisions
        To whom; who sees which episode it is, where that is seen. Several decisions share a rule, or all see the mark.
    regret
        The least training regret of any objective on the targets, afterwards.
    removed
        Whether it exceeds the tolerance.
    interval
        The hypothesis's regret in :math:`\sigma` afterwards: (least, largest). Of a removed one, of its best objective.
    harmless
        Whether the largest is 0.
    score_input
        Whether the shown node is something that the score reads, or that what it reads is made from: right for a door,
        an answer key for a label, and the graph cannot tell.
    also
        Other targets, consistent before, that the change removes.
    target
        The targets of the hypothesis.
    declared_only
        Whether only declared objectives were tried, since one rule acts several times on the targets or the score;
        another objective may remain, or do harm.
    intended
        The hypothesis's regret in :math:`\sigma` afterwards by what is intended; ``None`` where nothing is.
    """

    kind: ChangeKind
    deployment: str
    weight: float | None
    observable: str | None
    decisions: tuple[str, ...]
    regret: float
    removed: bool
    interval: tuple[float, float]
    harmless: bool
    score_input: bool
    also: tuple[tuple[str, ...], ...]
    target: tuple[str, ...]
    declared_only: bool = False
    intended: tuple[float, float] | None = None

    def __str__(self) -> str:
        parts = []
        if self.weight is not None:
            parts.append(
                f"mix {self.weight:g} of {self.deployment}" + (", seen" if self.kind is ChangeKind.SEEN else "")
            )
        if self.observable is not None:
            flag = " (which the score reads)" if self.score_input else ""
            parts.append(f"show {self.observable}{flag} to {', '.join(self.decisions)}")
        name = ", ".join(self.target)
        what = f"removed (training regret {self.regret:g})" if self.removed else f"harmless in {self.deployment}"
        tried = ", as far as declared objectives tell" if self.declared_only else ""
        return f"{' and '.join(parts)}: {name} is {what}{tried}"


class Cures(tuple[Cure, ...], Shown):
    """The changes that work, in order; what could not be judged is in :attr:`unjudged`.

    Attributes
    ----------
    unjudged
        Changes after which policies are too many to compare, or rounding hides the answer, in words.
    """

    unjudged: tuple[str, ...]

    def __new__(cls, rows: Iterable[Cure], unjudged: Iterable[str] = ()) -> Cures:
        """Keep both lists."""
        made = super().__new__(cls, tuple(rows))
        made.unjudged = tuple(unjudged)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Cures, (tuple(self), self.unjudged)

    def _rows(self) -> list[dict[str, Any]]:
        meant = any(row.intended is not None for row in self)
        return [
            {
                "change": str(row).split(":", maxsplit=1)[0],
                "training regret": row.regret,
                "removed": row.removed,
                "regret": row.interval,
                **({"intended regret": row.intended} if meant else {}),
                "harmless": row.harmless,
                "reads the score": row.score_input,
            }
            for row in self
        ]

    def _note(self) -> str:
        return f"Not judged: {'; '.join(self.unjudged)}." if self.unjudged else ""

    def __repr__(self) -> str:
        first = f", the first: {str(self[0]).split(':', maxsplit=1)[0]}" if self else ""
        return f"Cures({len(self)}{first})"

    def __str__(self) -> str:
        return Shown.__str__(self) if self else "nothing that was tried removes it or makes it harmless"


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of training, the weight aside."""

    kind: ChangeKind
    deployment: str
    observable: str | None = None
    decisions: tuple[str, ...] = ()
    flagged: bool = False


@options_by_name
def distinguishing_training(
    setup: TrainingSetup | SequenceSetup,
    target: Targets,
    *,
    weights: Iterable[float] = (0.01, 0.1, 0.5),
    observables: Iterable[str] | None = None,
    tolerance: float = 0.0,
    budget: Seconds = "default",
) -> Cures:
    r"""Return the changes of training that remove a hypothesis or make it harmless.

    Parameters
    ----------
    setup
        A setup with numbers; of a sequence :mod:`cidmesa.mesa.sequences.cure` says what can be changed.
    target
        The targets of the hypothesis.
    weights
        The grid of mixing weights, each in (0, 1).
    observables
        The nodes that could be shown; by default all chance nodes. Each is shown to every decision in turn that neither
        observes it already nor is above it, in the union of all edges; decisions that share a rule are shown it
        together, where that holds of all of them.
    tolerance
        The training regret that is allowed.
    budget
        The seconds that it may take; ``None`` for no limit. Left out, a minute at a prompt or in a notebook and no
        limit elsewhere.

    Returns
    -------
    Cures
        One change before two; mix, link, seen, both; removing before making harmless; unflagged before flagged;
        then the order of deployments, nodes and decisions. Never by the size of a regret. Changes that do neither are
        left out: no row is an answer too, as long as nothing is in ``unjudged``.

    Raises
    ------
    NotApplicableError
        No numbers, a weight outside (0, 1), or an observable that can be shown to no decision.
    OutOfTimeError
        The budget was over before all changes were tried: which rows there are would depend on the clock.

    Notes
    -----
    Weights are tried in ascending order and the smallest that works is reported: no infimum is claimed. Each change
    costs one derivation. Shared rules and phases stay as they are. Where training selects by minimax regret, where an
    episode is from is part of its level, and how often episodes are mixed in makes no difference if that is seen.

    Examples
    --------
    See the module.
    """
    return cures_of(setup, target, _grid(weights), observables, tolerance, Budget.of(budget))


@singledispatch
def cures_of(
    setup: Any,
    target: Targets,
    grid: Sequence[float],
    observables: Iterable[str] | None,
    tolerance: float,
    budget: Budget,
) -> Cures:
    """Return the changes that work, by what kind of setup it is; other kinds register their own."""
    require_setup(setup, "distinguishing_training").require_model("distinguishing_training")
    names = target_key(setup, target)
    shown = _observables(setup, observables)
    with budget:
        return _distinguishing(setup, names, grid, shown, tolerance, budget)


def _distinguishing(
    setup: TrainingSetup,
    names: tuple[str, ...],
    grid: Sequence[float],
    shown: Sequence[tuple[str, tuple[str, ...]]],
    tolerance: float,
    budget: Budget,
) -> Cures:
    before = Candidates(Derivation(setup, tolerance, budget=budget))
    others = (units for units in admissible(setup) if units != names)
    rivals = tuple(units for units in others if before[units].consistency is Consistency.CONSISTENT)
    readers = set(setup.score).union(*(setup.cid.parents(u) for u in setup.score))
    flagged = {x for x, _ in shown if any(setup.cid.has_edge(x, reader) for reader in readers)}
    trials: list[_Change] = []
    for name in setup.deployments:
        trials += [_Change(ChangeKind.MIX, name), _Change(ChangeKind.SEEN, name, decisions=setup.cid.decisions)]
        trials += [
            _Change(kind, name, x, to, x in flagged) for kind in (ChangeKind.LINK, ChangeKind.BOTH) for x, to in shown
        ]
    rows: list[Cure] = []
    unjudged: list[str] = []
    linked: dict[
        tuple[str | None, tuple[str, ...]], Candidates
    ] = {}  # a link changes training alike for all deployments
    for change in budget.each(trials, "the search for distinguishing training", _SHRINK):
        for weight in (None,) if change.kind is ChangeKind.LINK else grid:
            key = change.observable, change.decisions
            after_change = linked.get(key) if change.kind is ChangeKind.LINK else None
            if after_change is None:
                after_change = Candidates(Derivation(_changed(setup, change, weight), tolerance, budget=budget))
            if change.kind is ChangeKind.LINK:
                linked[key] = after_change
            row = _judge(after_change, names, rivals, change, weight)
            if not _is_judged(after_change[names], change.deployment):
                unjudged.append(str(row).split(":", maxsplit=1)[0])
                break
            if row.removed or row.harmless:
                rows.append(row)
                break
    kinds = list(ChangeKind)
    where = {name: i for i, name in enumerate(setup.deployments)}
    ordered = sorted(
        rows,
        key=lambda r: (
            r.kind.changes,
            kinds.index(r.kind),
            not r.removed,
            r.score_input,
            where[r.deployment],
            -1 if r.observable is None else setup.cid.id(r.observable),
            [setup.cid.id(d) for d in r.decisions],
        ),
    )
    return Cures(ordered, unjudged)


_SHRINK = "try fewer changes, weights=(0.1,), observables=[]"


def _grid(weights: Any) -> list[float]:
    """Return the mixing weights in ascending order."""
    given = list(weights) if isinstance(weights, Iterable) else [weights]
    for weight in given:
        if not is_number(weight) or not 0 < weight < 1:
            raise NotApplicableError(
                f"a mixing weight is strictly between 0 and 1; got {weight!r}: weights=(0.01, 0.1, 0.5)."
            )
    return sorted(set(given))


def _observables(setup: TrainingSetup, given: Iterable[str] | None) -> list[tuple[str, tuple[str, ...]]]:
    """Return what could be shown, and to whom: one decision, or all that share a rule."""
    cid = setup.cid
    rules = list(dict.fromkeys(setup.rule_of(d) for d in cid.decisions))
    chosen = cid.chance if given is None else read_names(given, "observables=")
    found = []
    for x in chosen:
        kind = cid.kind(x)
        seen = [rule for rule in rules if any(x in cid.parents(d) for d in rule)]
        below = [rule for rule in rules if x in setup.ever_below(rule)]
        to = [rule for rule in rules if kind == "chance" and rule not in seen and rule not in below]
        if given is not None and not to:
            raise _not_shown(cid, x, observed=len(seen) == len(rules))
        found += [(x, rule) for rule in to]
    return found


def _not_shown(cid: CID, node: str, *, observed: bool) -> NotApplicableError:
    """Build the error for a node that can be shown to no decision; `observed` if all see it."""
    if cid.kind(node) != "chance":
        why = f"it is a {cid.kind(node)} node, and chance nodes are shown"
    else:
        why = "it is observed already" if observed else "whoever does not observe it already influences it"
    whom = " or ".join(f"`{d}`" for d in cid.decisions)
    return NotApplicableError(f"`{node}` cannot be shown to {whom}: {why}. Leave it out of observables=.")


def _is_judged(after: MesaOptimizer, deployment: str) -> bool:
    """Whether what becomes of a hypothesis is known, by all objectives or by the declared ones."""
    if after.consistency is Consistency.EXCLUDED:
        return True
    return deployment in after.deployment_regret and (
        after.consistency is Consistency.CONSISTENT or _by_declared(after)
    )


def _is_removed(after: MesaOptimizer) -> bool:
    """Whether no objective on the targets trains to within the tolerance; losing control of them alone is not that."""
    within = after.training_regret is not None and after.training_regret <= after.tolerance
    return after.consistency is Consistency.EXCLUDED and not within


def _by_declared(after: MesaOptimizer) -> bool:
    return needs_stochastic_rules(after.setup, after.names)


def _judge(
    after_change: Candidates,
    names: tuple[str, ...],
    rivals: tuple[tuple[str, ...], ...],
    change: _Change,
    weight: float | None,
) -> Cure:
    """Read off the after_change after a change what becomes of the hypothesis."""
    after, name = after_change[names], change.deployment
    tried = _by_declared(after)
    removed = _is_removed(after) or (tried and after.consistency is Consistency.UNKNOWN)
    known = name in after.deployment_regret
    low, high = after.deployment_regret[name] if known else (math.nan, math.nan)
    return Cure(
        kind=change.kind,
        deployment=name,
        weight=weight,
        observable=change.observable,
        decisions=change.decisions,
        regret=after.training_regret if after.training_regret is not None else math.nan,
        removed=removed,
        interval=(low, high),
        harmless=known and after.robustly_aligned[name],
        score_input=change.flagged,
        also=tuple(r for r in rivals if _is_removed(after_change[r])),
        target=names,
        declared_only=tried,
        intended=_pair(after.intended_regret.get(name)),
    )


def _pair(ends: Interval | None) -> tuple[float, float] | None:
    return None if ends is None else (ends.low, ends.high)


def _changed(setup: TrainingSetup, change: _Change, weight: float | None) -> TrainingSetup:
    """Return the setup after the change; a mixture has the one deployment, a link has all."""
    name = change.deployment
    training, there = setup.deployed(TRAINING), setup.deployed(name)
    shifted = setup.shifted(name)
    cid = setup.cid if weight is None else setup.deployed_cid(name)
    if change.observable is not None:
        for decision in change.decisions:
            cid = with_information_link(cid, change.observable, decision)

    def made(model: CIM, deployments: Mapping[str, Any]) -> TrainingSetup:
        return TrainingSetup(
            model,
            deployments,
            shared_rules=setup.shared_rules,
            phases=setup.phases,
            world=setup.world,
            intended=setup.intended,
            selects=setup.selects,
            level_nodes=_level_nodes(setup, model.cid),
        )

    if weight is None:
        return made(CIM(cid, {node: own_mechanism(training, node) for node in cid.nodes}), setup.deployments)
    if SOURCE in cid:
        raise DiagramError(f"`{SOURCE}` is the node that says where an episode is from: rename yours, cid.renamed(..).")
    cid = cid.with_edges([(SOURCE, node) for node in cid.nodes if node in shifted])
    if change.kind is ChangeKind.SEEN:
        cid = cid.with_edges([(SOURCE, decision) for decision in change.decisions])
    mechanisms: dict[str, Any] = {
        node: own_mechanism(training, node) for node in cid.nodes if node not in shifted and node != SOURCE
    }
    mechanisms[SOURCE] = Categorical({TRAINING: 1 - weight, name: weight})
    for node in shifted:
        mechanisms[node] = _mixed(training, there, node)
    return made(CIM(cid, mechanisms), {name: {SOURCE: Categorical({TRAINING: 0.0, name: 1.0})}})


def _level_nodes(setup: TrainingSetup, cid: CID) -> tuple[str, ...] | None:
    """Return what a level consists of after a change; where an episode is from is part of it."""
    if setup.selects == EXPECTED:
        return None
    below = frozenset().union(*(cid.descendants(decision) for decision in cid.decisions))
    return tuple(n for n in cid.nodes if n not in below and (n in setup.level_nodes or n == SOURCE))


def _mixed(training: CIM, there: CIM, node: str) -> Table:
    """Return the table of a shifted node with one more parent, the source: training's rows, or the deployment's."""
    parents, after = there.cid.parents(node), there.cpd(node)
    paid = training.cid.kind(node) == "utility"
    own = () if paid else (node,)
    before = laid_out(training.cpd(node), (*training.cid.parents(node), *own), (*parents, *own))
    both = np.stack([np.broadcast_to(before, after.shape), after])
    return Table(both, domain=None if paid else training.domain(node), parents=(SOURCE, *parents))

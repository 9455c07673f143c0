r"""What would cure a mesa-objective: changes of training that remove it, or make it harmless.

For each deployment :math:`\sigma` and each node :math:`X` that could be shown to the learner, four kinds of change:

==============  =====================================================================================
mix             an episode is from :math:`\sigma` with probability w, and the learner cannot tell
link            :math:`D` also observes :math:`X`
mix and link    both
mix, seen       as mix, and :math:`D` also observes which of the two the episode is from
==============  =====================================================================================

With a change the base optimum is another too, and so is every verdict. A change **removes** :math:`T` if the least
training regret of any objective on it exceeds the tolerance, and makes it **harmless** on :math:`\sigma` if no
objective that remains costs the base anything there. Showing more can do either: where the learner could know what the
base wants, training demands that it acts on it.

>>> import cidmesa as cm
>>> from cidmesa.mesa.setup import TrainingSetup
>>> base = cm.CID([("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"),
...                ("go", "at_red"), ("red", "at_red"), ("at_door", "reward")], decisions=["go"], utilities=["reward"])
>>> model = base.parameterise(door=cm.Uniform("left", "right"), red=lambda door: door, go=["left", "right"],
...                           at_door=lambda go, door: int(go == door), at_red=lambda go, red: int(go == red),
...                           reward=lambda at_door: at_door)
>>> opposite = {"red": lambda door: "right" if door == "left" else "left"}
>>> for row in distinguishing_training(TrainingSetup(model, deployments={"opposite": opposite}), "at_red"):
...     print(row)
mix 0.01 of opposite: at_red is removed (training regret 0.01)
mix 0.01 of opposite, seen: at_red is removed (training regret 0.01)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.errors import DiagramError, NotApplicableError
from cidmesa.graph import with_information_link
from cidmesa.mechanisms import Categorical, Choice, Table
from cidmesa.mesa.candidate import Consistency
from cidmesa.mesa.derive import derive_mesa_optimizers, target_key
from cidmesa.mesa.setup import TRAINING, TrainingSetup, require_setup
from cidmesa.mesa.views import own_mechanism
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.mesa.derive import Family, Targets

SOURCE = "episode"
"""The node that says which distribution an episode is from."""


class Kind(StrEnum):
    """The kinds of change, in the order of the report."""

    MIX = "mix"
    LINK = "link"
    SEEN = "mix, seen"
    BOTH = "mix and link"

    @property
    def changes(self) -> int:
        """How many changes it takes."""
        return 2 if self is Kind.BOTH else 1


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
    decision
        To whom.
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
    """

    kind: Kind
    deployment: str
    weight: float | None
    observable: str | None
    decision: str | None
    regret: float
    removed: bool
    interval: tuple[float, float]
    harmless: bool
    score_input: bool
    also: tuple[tuple[str, ...], ...]
    target: tuple[str, ...]

    def __str__(self) -> str:
        parts = []
        if self.weight is not None:
            parts.append(f"mix {self.weight:g} of {self.deployment}" + (", seen" if self.kind is Kind.SEEN else ""))
        if self.observable is not None:
            flag = " (which the score reads)" if self.score_input else ""
            parts.append(f"show {self.observable}{flag} to {self.decision}")
        name = ", ".join(self.target)
        what = f"removed (training regret {self.regret:g})" if self.removed else f"harmless in {self.deployment}"
        return f"{' and '.join(parts)}: {name} is {what}"


def distinguishing_training(
    setup: TrainingSetup,
    target: Targets,
    weights: Iterable[float] = (0.01, 0.1, 0.5),
    observables: Iterable[str] | None = None,
    tolerance: float = 0.0,
) -> tuple[Cure, ...]:
    r"""Return the changes of training that remove a hypothesis or make it harmless.

    Parameters
    ----------
    setup
        A setup with numbers and one decision.
    target
        The targets of the hypothesis.
    weights
        The grid of mixing weights, each in (0, 1).
    observables
        The nodes that could be shown; by default the chance nodes that are neither observed already nor below the
        decision, in the union of all edges.
    tolerance
        The training regret that is allowed.

    Returns
    -------
    tuple of Cure
        One change before two; mix, link, seen, both; removing before making harmless; unflagged before flagged;
        then the order of deployments and nodes. Never by the size of a regret. Changes that do neither are left out:
        no row is an answer too.

    Raises
    ------
    NotApplicableError
        Several decisions, no numbers, a weight outside (0, 1), or an observable that is below the decision.

    Notes
    -----
    Weights are tried in ascending order and the smallest that works is reported: no infimum is claimed. Each change
    costs one derivation.

    Examples
    --------
    See the module.
    """
    require_setup(setup, "distinguishing_training").require_model("distinguishing_training")
    decision = setup.cid.only_decision(question="distinguishing_training")
    names = target_key(setup, target)
    grid = sorted(set(weights))
    if any(not 0 < w < 1 for w in grid):
        raise NotApplicableError(f"a mixing weight is strictly between 0 and 1; got {grid}.")
    shown = _observables(setup, decision, observables)
    before = derive_mesa_optimizers(setup, tolerance=tolerance)
    rivals = tuple(c.names for c in before if c.consistency is Consistency.CONSISTENT and c.names != names)
    readers = set(setup.score).union(*(setup.cid.parents(u) for u in setup.score))
    flagged = {x for x in shown if any(setup.cid.has_edge(x, reader) for reader in readers)}
    changes: list[tuple[Kind, str | None]] = [(Kind.MIX, None), (Kind.SEEN, None)]
    changes += [(kind, x) for kind in (Kind.LINK, Kind.BOTH) for x in shown]
    trials = [(name, kind, x) for name in setup.deployments for kind, x in changes]
    rows: list[Cure] = []
    from tqdm import tqdm

    linked: dict[str | None, Family] = {}  # a link changes training alike for all deployments
    for name, kind, x in tqdm(trials, desc="distinguishing training", delay=2, leave=False, disable=None):
        for weight in (None,) if kind is Kind.LINK else grid:
            family = linked.get(x) if kind is Kind.LINK else None
            if family is None:
                changed = _changed(setup, decision, name, weight, x, kind is Kind.SEEN)
                family = derive_mesa_optimizers(changed, targets=[names, *rivals], tolerance=tolerance)
            if kind is Kind.LINK:
                linked[x] = family
            row = _judge(family, names, rivals, kind, name, weight, x, decision, x in flagged)
            if row is not None:
                rows.append(row)
                break
    kinds = list(Kind)
    where = {name: i for i, name in enumerate(setup.deployments)}
    return tuple(
        sorted(
            rows,
            key=lambda r: (
                r.kind.changes,
                kinds.index(r.kind),
                not r.removed,
                r.score_input,
                where[r.deployment],
                -1 if r.observable is None else setup.cid.id(r.observable),
            ),
        )
    )


def _observables(setup: TrainingSetup, decision: str, given: Iterable[str] | None) -> tuple[str, ...]:
    cid = setup.cid
    below = setup.ever_below([decision])
    seen = set(cid.parents(decision))
    if given is None:
        return tuple(x for x in cid.chance if x not in seen and x not in below)
    chosen = tuple(given)
    for x in chosen:
        if cid.kind(x) != "chance" or x in below or x in seen:
            why = "is observed already" if x in seen else "is not a chance node outside what the decision influences"
            raise NotApplicableError(f"`{x}` cannot be shown to `{decision}`: it {why}.")
    return chosen


def _judge(
    family: Family,
    names: tuple[str, ...],
    rivals: tuple[tuple[str, ...], ...],
    kind: Kind,
    name: str,
    weight: float | None,
    observable: str | None,
    decision: str,
    flagged: bool,
) -> Cure | None:
    """Read a row off the family after a change; ``None`` if that neither removes the targets nor makes them safe."""
    after = family[names]
    removed = after.consistency is Consistency.EXCLUDED
    harmless = after.robustly_aligned[name]
    if not removed and not harmless:
        return None
    low, high = after.deployment_regret[name]
    also = tuple(r for r in rivals if family[r].consistency is Consistency.EXCLUDED)
    regret = after.training_regret if after.training_regret is not None else float("nan")
    return Cure(
        kind,
        name,
        weight,
        observable,
        decision if observable else None,
        regret,
        removed,
        (low, high),
        harmless,
        flagged,
        also,
        names,
    )


def _changed(
    setup: TrainingSetup, decision: str, name: str, weight: float | None, observable: str | None, seen: bool
) -> TrainingSetup:
    """Return the setup after the change; a mixture has the one deployment `name`, a link has all."""
    training, there = setup.deployed(TRAINING), setup.deployed(name)
    shifted = setup.shifted(name)
    cid = setup.cid if weight is None else setup.deployed_cid(name)
    if observable is not None:
        cid = with_information_link(cid, observable, decision)
    if weight is None:
        model = CIM(cid, {node: _own(training, node) for node in cid.nodes})
        return TrainingSetup(model, setup.deployments, world=setup.world)
    if SOURCE in cid:
        raise DiagramError(f"`{SOURCE}` is the node that says where an episode is from: rename yours, cid.renamed(..).")
    cid = cid.with_edges([(SOURCE, node) for node in cid.nodes if node in shifted])
    if seen:
        cid = cid.with_edges([(SOURCE, decision)])
    mechanisms: dict[str, Any] = {
        node: _own(training, node) for node in cid.nodes if node not in shifted and node != SOURCE
    }
    mechanisms[SOURCE] = Categorical({TRAINING: 1 - weight, name: weight})
    for node in shifted:
        mechanisms[node] = _mixed(training, there, node)
    model = CIM(cid, mechanisms)
    return TrainingSetup(model, {name: {SOURCE: Categorical({TRAINING: 0.0, name: 1.0})}}, world=setup.world)


def _own(model: CIM, node: str) -> Any:
    """Return a node's mechanism as it is, whatever edges are added elsewhere."""
    kind = model.cid.kind(node)
    if kind == "decision":
        return Choice(model.domain(node))
    if kind == "utility":
        return Table(model.cpd(node), parents=model.cid.parents(node))
    return own_mechanism(model, node)


def _mixed(training: CIM, there: CIM, node: str) -> Table:
    """Return the table of a shifted node with one more parent, the source: training's rows, or the deployment's."""
    parents = there.cid.parents(node)
    old = training.cid.parents(node)
    before, after = training.cpd(node), there.cpd(node)
    tail = () if training.cid.kind(node) == "utility" else (len(old),)
    order = sorted(range(len(old)), key=lambda i: parents.index(old[i]))
    before = before.transpose(*order, *tail)
    for axis, parent in enumerate(parents):
        if parent not in old:
            before = np.expand_dims(before, axis)
    both = np.stack([np.broadcast_to(before, after.shape), after])
    domain = None if training.cid.kind(node) == "utility" else training.domain(node)
    return Table(both, domain=domain, parents=(SOURCE, *parents))

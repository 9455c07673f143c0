r"""Mesa diagrams: what a hypothesis looks like as a diagram, and what changes against the base's.

For targets :math:`T` the mesa diagram is the base diagram with the score demoted to chance, a new utility
``mesa_utility`` that is a child of all of :math:`T`, and only the information links that are requisite for it (all of
them, for decisions that share a rule), or on which it depends what a decision may do.

Such links of *form* are no incentives. What is asked of a decision is asked of the diagram in which its own form links
may go like any other, and in which those of other decisions matter: a forbidden action is as good as one that costs
too much, so a utility that reads the decision and what its actions depend on stands for the form. A node that a
decision follows only by its own form is *forced* on it.

>>> import cidmesa as cm
>>> cid = cm.CID([("x", "act"), ("y", "act"), ("act", "near"), ("x", "near"), ("near", "pay")],
...              decisions=["act"], utilities=["pay"])
>>> found = mesa_diagram(cm.TrainingSetup(cid), ["near"])
>>> found.parents("act"), found.parents("mesa_utility"), found.kind("pay")
(('x',), ('near',), 'chance')

References
----------
T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.clock import UNLIMITED, Budget, within_budget
from cidmesa.criteria import Answer, IncentiveReport, incentives
from cidmesa.diagram.cached import cached
from cidmesa.errors import DiagramError, NotApplicableError
from cidmesa.graph import minimal_reduction
from cidmesa.mechanisms import Choice, Structural, Table
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.diagram import CID, Edge
    from cidmesa.mesa.objectives.declared import Objective
    from cidmesa.mesa.setup.training import TrainingSetup

MESA_UTILITY = "mesa_utility"
COMPARED_CRITERIA = ("voi", "requisite", "ri", "ici")
"""The criteria by which a mesa diagram is compared with the base's."""


def mesa_diagram(setup: TrainingSetup, targets: Sequence[str], name: str = TRAINING) -> CID:
    """Return the diagram of an optimizer of `targets`, in training or with the edges of a deployment.

    Raises
    ------
    DiagramError
        The base diagram has a node called ``mesa_utility``.
    """
    cid = setup.deployed_cid(name)

    def make() -> CID:
        return minimal_reduction(with_mesa_utility(cid, targets), setup.unshared, kept=setup.form_links)

    return cached(cid, ("mesa diagram", tuple(targets), setup.unshared, setup.form_links), make)


def base_diagram(setup: TrainingSetup) -> CID:
    """Return the base diagram of training as mesa diagrams are drawn: with the information links that are requisite.

    Both are kept with the diagram of the setup: setups that differ in their numbers alone share what is asked of them.
    """
    make = partial(minimal_reduction, setup.cid, setup.unshared, kept=setup.form_links)
    return cached(setup.cid, ("base diagram", setup.unshared, setup.form_links), make)


def with_mesa_utility(cid: CID, targets: Iterable[str]) -> CID:
    """Return a diagram with a utility that is a child of all `targets` in place of its own utilities.

    Raises
    ------
    DiagramError
        The diagram has a node called ``mesa_utility``.
    """
    if MESA_UTILITY in cid:
        raise DiagramError(f"`{MESA_UTILITY}` is the mesa-optimizer's utility: rename the node with cid.renamed(..).")
    return cid.demote(*cid.utilities).with_utility(MESA_UTILITY, tuple(targets), agent=cid.agents[0])


def mesa_model(cid: CID, base: CIM, objective: Objective) -> CIM:
    """Return a mesa diagram with the base model's mechanisms and an objective for its utility."""
    mechanisms = {node: own_mechanism(base, node) for node in base.cid.nodes}
    mechanisms |= {utility: _as_chance(base, utility) for utility in base.cid.utilities}
    return CIM(cid, {**mechanisms, MESA_UTILITY: Table(objective.table_in(base), parents=objective.targets)})


def _as_chance(model: CIM, utility: str) -> Table:
    """Return a utility as a chance node over the numbers it pays."""
    table = model.cpd(utility)
    levels, where = np.unique(table, return_inverse=True)
    chosen = np.eye(len(levels))[where.reshape(table.shape)]
    return Table(chosen, domain=levels.tolist(), parents=model.cid.parents(utility))


def own_mechanism(model: CIM, node: str, names: Mapping[str, str] | None = None) -> Any:
    """Return what a node does as a mechanism that stands by itself, whatever edges change elsewhere.

    With `names` its parents bear new ones, old → new.
    """
    kind = model.cid.kind(node)
    parents = tuple((names or {}).get(parent, parent) for parent in model.cid.parents(node))
    if kind == "decision":
        choice = model.choice(node)
        if names and choice.allowed is not None:
            known: Any = choice.allowed
            seen = tuple(names.get(observed, observed) for observed in known.observations)
            choice = Choice(choice.actions, replace(known, observations=seen))
        return choice
    if kind == "utility":
        return Table(model.cpd(node), parents=parents)
    try:
        response = model.response(node)
    except NotApplicableError:
        return Table(model.cpd(node), domain=model.domain(node), parents=parents)
    return Structural(response.noise, response.outcome, model.domain(node))


@dataclass(frozen=True, eq=False, repr=False)
class MesaIncentives:
    """A mesa diagram in one distribution, beside the base diagram of training.

    Attributes
    ----------
    cid
        The mesa diagram.
    base
        The base diagram with the information links that are requisite, as in a mesa diagram: both sides are counted
        alike.
    world
        The nodes that are territory.
    budget
        How long each answer may take.
    form
        The links on which it depends what a decision may do.
    shared_rules
        Groups of decisions with one rule.
    """

    cid: CID
    base: CID
    world: frozenset[str]
    budget: Budget = field(default=UNLIMITED, repr=False)
    form: tuple[Edge, ...] = ()
    shared_rules: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def incentives(self) -> IncentiveReport:
        """The incentives of the mesa-optimizer by its diagram alone, which does not know of forbidden actions."""
        return incentives(self.cid, budget=self.budget, shared_rules=self.shared_rules)

    @cached_property
    @within_budget
    def emergent(self) -> frozenset[tuple[str, str]]:
        """Pairs (criterion, chance node) that the mesa-optimizer has and the base has not."""
        return self._pairs(self.cid) - self._pairs(self.base)

    @cached_property
    @within_budget
    def vanished(self) -> frozenset[tuple[str, str]]:
        """Pairs (criterion, chance node) that the base has and the mesa-optimizer has not."""
        return self._pairs(self.base) - self._pairs(self.cid)

    @cached_property
    @within_budget
    def territory(self) -> frozenset[str]:
        """World nodes with an instrumental control incentive: what it would steer.

        Empty, and :attr:`undecided` too: a search in the map.
        """
        return self.world & self._admitted(self.cid, "ici")

    @cached_property
    def forced(self) -> frozenset[str]:
        """Chance nodes that a decision may follow only because of what it is allowed to do."""
        found: frozenset[str] = frozenset()
        for decision in self.cid.decisions:
            by_form = {tail for tail, head in self.form if head == decision}
            above = frozenset(by_form).union(*(self.cid.ancestors(node) for node in by_form))
            found |= above - self._of(self.cid, decision, "ri")
        return found & set(self.cid.chance)

    @cached_property
    @within_budget
    def undecided(self) -> frozenset[str]:
        """World nodes that it may steer: with several decisions an incentive can be neither proved nor excluded."""
        if len(self.cid.decisions) < 2:
            return frozenset()
        by_decision = self.incentives.verdicts["ici"]
        found = (
            node
            for decision in self.cid.decisions
            for node, verdict in by_decision[decision].items()
            if verdict.answer is Answer.UNKNOWN
        )
        return self.world.intersection(found) - self.territory

    def _pairs(self, cid: CID) -> frozenset[tuple[str, str]]:
        nodes = set(self.base.chance)
        return frozenset(
            (criterion, node) for criterion in COMPARED_CRITERIA for node in self._admitted(cid, criterion) & nodes
        )

    def _admitted(self, cid: CID, criterion: str) -> frozenset[str]:
        if not self.form:
            report = self.incentives if cid is self.cid else incentives(cid, shared_rules=self.shared_rules)
            return admitted(report, criterion)
        found: frozenset[str] = frozenset()
        for decision in cid.decisions:
            own = {tail for tail, head in self.form if head == decision}
            here = self._of(cid, decision, criterion)
            found |= here - own if criterion in {"voi", "requisite"} else here
        return found

    def _of(self, cid: CID, decision: str, criterion: str) -> frozenset[str]:
        others = [link for link in self.form if link[1] != decision]
        report = incentives(with_form(cid, others), shared_rules=self.shared_rules)
        here: frozenset[str] = getattr(report[decision], criterion)
        return here & set(cid.nodes)

    def __repr__(self) -> str:
        found = ", ".join(sorted(f"{criterion} on {node}" for criterion, node in self.emergent)) or "nothing"
        return f"MesaIncentives({self.cid!r}; emerges: {found})"


def with_form(cid: CID, links: Sequence[Edge]) -> CID:
    """Return the diagram with a utility for each decision whose allowed actions depend on the tails of `links`.

    A decision that no utility depends on needs none.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> with_form(cid, [("x", "act")]).utilities
    ('pay', 'allowed act')
    """
    found = cid
    for decision in cid.decisions:
        tails = [tail for tail, head in links if head == decision]
        if tails and cid.descendants(decision) & set(cid.utilities):
            name = f"allowed {decision}"
            while name in cid:
                name += "_"
            found = found.with_utility(name, [*tails, decision], agent=cid.agent_of(decision))
    return found


def admitted(report: IncentiveReport, criterion: str) -> frozenset[str]:
    """Return the nodes that admit a criterion for some decision."""
    found: frozenset[str] = frozenset()
    for decision in report.cid.decisions:
        found |= getattr(report[decision], criterion)
    return found

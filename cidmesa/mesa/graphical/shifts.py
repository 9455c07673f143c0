r"""Shifts sorted by what they can change: inert, context, mechanism; and Theorem A, when consistency carries over.

Let :math:`U_b` be the base utility, :math:`T` a candidate's targets and :math:`U_m` a utility that is a child of all
of :math:`T`. A mechanism :math:`M_V` is *relevant* to a decision :math:`D` for a utility when the best rule at
:math:`D` may depend on it: not :math:`M_V \perp U^D \mid Fa(D)` (r-reachability; Koller and Milch 2003). Write
:math:`Rel_b` and :math:`Rel_T` for the nodes relevant for :math:`U_b` and :math:`U_m` (the union over the decisions),
and :math:`Obs(D) = Pa(D) \cup Anc(Pa(D))`. A shift of one node's mechanism is then of one of four kinds:

======================  ==================================================================================
inert                   no directed path from :math:`V` to a decision, a target or the base utility:
                        harmless in every parameterisation
inert for the policy    it moves the score or the targets, but no argmax: neither relevant nor observed
context                 :math:`V \in Obs(D) \setminus (Rel_b \cup Rel_T)`: separates only by showing
                        situations that training never showed
mechanism               :math:`V \in Rel_b \cup Rel_T`: the world now works differently
======================  ==================================================================================

**Theorem A (carry-over).** Let objective :math:`O` on :math:`T` be strongly 0-consistent: every policy that is optimal
for :math:`O` in training is optimal for :math:`U_b` there. If no shifted mechanism is in :math:`Rel_b \cup Rel_T` and
the shift reaches no decision context that training did not (with several decisions: under some policy), then every
policy that is optimal for :math:`O` in the deployment is optimal for :math:`U_b` there.

*Why.* Relevance is d-separation given :math:`Fa(D)`, so an unshifted relevant part leaves :math:`E[U_b \mid pa, do(a)]`
and :math:`E[O \mid pa, do(a)]` as they were; the comparison of actions at a context that training reached was settled
there. The clause on contexts carries weight: where training never went, nothing was settled, and two objectives that
agree everywhere else may part. That is the red door: with every door red in training, "go to the door" and "go to the
red thing" agree; paint another thing red, a *context* shift, and they part. It is false for decisions that share one
rule, because one rule weighs its contexts against each other and a shift changes the weights; those are evaluated
with the numbers instead, never certified.

>>> import cidmesa as cm
>>> kinds = classify(cm.gallery.load("red-door").setup.cid, ["at_red"])
>>> sorted(kinds.inert), sorted(kinds.context), sorted(kinds.mechanism)
(['weather'], ['door', 'red'], ['at_door', 'at_red', 'reward'])

References
----------
D. Koller and B. Milch, "Multi-agent influence diagrams for representing and solving games", 2003; L. Hammond et al.,
"Reasoning about causality in games", 2023 (relevance of mechanisms).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from cidmesa.mesa.graphical.relevance import observed, relevant
from cidmesa.readonly import ReadOnly
from cidmesa.solve.queries.payoffs import reached_contexts

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.setup.training import TrainingSetup


class ShiftClass(StrEnum):
    """What a shift of one mechanism can do, from harmless to "the world works differently"."""

    INERT = "inert"
    POLICY_INERT = "inert for the policy"
    CONTEXT = "context"
    MECHANISM = "mechanism"

    @property
    def strength(self) -> int:
        """Position in the order inert < inert for the policy < context < mechanism."""
        return list(ShiftClass).index(self)


@dataclass(frozen=True, repr=False)
class Shifts:
    """The class of every mechanism that a shift could change (chance nodes and utilities).

    Attributes
    ----------
    classes
        Node → :class:`ShiftClass`, in node order.
    """

    classes: Mapping[str, ShiftClass] = field(hash=False)

    def of(self, kind: ShiftClass) -> frozenset[str]:
        """Return the nodes of one class."""
        return frozenset(node for node, found in self.classes.items() if found is kind)

    @property
    def inert(self) -> frozenset[str]:
        """No directed path to a decision, a target or the base utility."""
        return self.of(ShiftClass.INERT)

    @property
    def policy_inert(self) -> frozenset[str]:
        """They move a score, but no argmax."""
        return self.of(ShiftClass.POLICY_INERT)

    @property
    def context(self) -> frozenset[str]:
        """They change what is observed, not what is best given what is observed."""
        return self.of(ShiftClass.CONTEXT)

    @property
    def mechanism(self) -> frozenset[str]:
        """Relevant to a decision for the base utility or the targets."""
        return self.of(ShiftClass.MECHANISM)

    def strongest(self, nodes: Iterable[str]) -> ShiftClass:
        """Return the strongest class among `nodes`; inert if there is none."""
        return max((self.classes[node] for node in nodes), key=lambda kind: kind.strength, default=ShiftClass.INERT)

    def __repr__(self) -> str:
        return f"Shifts({', '.join(f'{node}: {kind}' for node, kind in self.classes.items())})"


def classify(
    cid: CID, targets: Iterable[str], utilities: Iterable[str] | None = None, *, given: Iterable[str] = ()
) -> Shifts:
    """Sort the mechanisms of one diagram into inert, inert for the policy, context and mechanism.

    Parameters
    ----------
    cid
        The diagram (training's, or a deployment's with its own edges).
    targets
        The targets of the candidate.
    utilities
        The base utilities that count, by default all.
    given
        Nodes whose value every context tells, as observed features tell the level.

    Raises
    ------
    UnknownNodeError
        A target or utility that is not a node.

    Notes
    -----
    Sound in every parameterisation. *Mechanism* says "may separate": a particular shift need not.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "y"), ("y", "pay"), ("z", "pay")], decisions=["act"], utilities=["pay"])
    >>> classify(cid, ["y"]).classes["x"].value, classify(cid, ["y"]).classes["z"].value
    ('context', 'mechanism')
    """
    goals = tuple(targets)
    scores = cid.utilities if utilities is None else tuple(utilities)
    told = tuple(given)
    matters = relevant(cid, goals, given=told) | relevant(cid, utilities=scores, given=told)
    seen = observed(cid)
    leads: set[str] = set()
    for end in (*cid.decisions, *goals, *scores):
        leads |= cid.ancestors(end, strict=False)

    def kind(node: str) -> ShiftClass:
        if node in matters:
            return ShiftClass.MECHANISM
        if node in seen:
            return ShiftClass.CONTEXT
        return ShiftClass.POLICY_INERT if node in leads else ShiftClass.INERT

    return Shifts(ReadOnly({node: kind(node) for node in cid.nodes if cid.kind(node) != "decision"}))


def shifts_of(setup: TrainingSetup, targets: Iterable[str]) -> Shifts:
    """Sort the mechanisms of a setup: each node gets its strongest class in training and in every deployment's diagram.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.setup.training import Deployment, TrainingSetup
    >>> base = cm.CID([("act", "truth"), ("truth", "pay")], nodes=["register"], decisions=["act"], utilities=["pay"])
    >>> wired = TrainingSetup(base, deployments={"wired": Deployment({"register"}, edges=[("act", "register")])})
    >>> shifts_of(TrainingSetup(base), ["register"]).classes["register"].value
    'inert for the policy'
    >>> shifts_of(wired, ["register"]).classes["register"].value
    'mechanism'
    """
    goals = tuple(targets)
    diagrams = dict.fromkeys(setup.deployed_cid(name) for name in setup.distributions)
    found = [classify(cid, goals, setup.score, given=setup.identified) for cid in diagrams]
    return Shifts(
        ReadOnly(
            {node: max((f.classes[node] for f in found), key=lambda kind: kind.strength) for node in found[0].classes}
        )
    )


def shift_class(setup: TrainingSetup, targets: Iterable[str], deployment: str) -> ShiftClass:
    """Return the strongest class among the nodes that `deployment` shifts, in its own diagram.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.setup.training import TrainingSetup
    >>> base = cm.CID([("x", "act"), ("act", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    >>> setup = TrainingSetup(base, deployments={"seen": {"x"}, "changed": {"x", "y"}})
    >>> shift_class(setup, ["y"], "seen").value, shift_class(setup, ["y"], "changed").value
    ('context', 'mechanism')
    """
    kinds = classify(setup.deployed_cid(deployment), targets, setup.score, given=setup.identified)
    return kinds.strongest(setup.shifted(deployment))


def carry_over(setup: TrainingSetup, targets: Iterable[str], deployment: str) -> bool | None:
    r"""Certify by Theorem A that a consistent objective on `targets` stays consistent in `deployment`.

    Returns
    -------
    bool or None
        True: every strongly 0-consistent objective on `targets` is strongly 0-consistent in the deployment. None: the
        theorem is silent (a relevant mechanism is shifted, a new context is reached, a rule is shared, or phases
        leave a utility out of training's score that counts in deployment). Never False: where it is silent, the
        numbers decide.

    Notes
    -----
    Without numbers the clause on contexts is certified only where no shifted node is in :math:`Obs(D)`. Decisions
    that share a rule are certified only where the shift is inert for the policy. The certificate
    is about objectives that *are* consistent in training; that premise is the caller's.

    Examples
    --------
    >>> import cidmesa as cm
    >>> from cidmesa.mesa.setup.training import TrainingSetup
    >>> base = cm.CID([("x", "act"), ("act", "y"), ("x", "y"), ("y", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = base.parameterise(x=cm.Bernoulli(0.5), act=[0, 1], y=lambda x, act: x ^ act, pay=lambda y: y)
    >>> often, never = {"x": cm.Bernoulli(0.9)}, {"y": lambda x, act: act}
    >>> setup = TrainingSetup(model, deployments={"often": often, "never": never})
    >>> carry_over(setup, ["y"], "often"), carry_over(setup, ["y"], "never")
    (True, None)
    """
    goals = tuple(targets)
    if setup.training_score != setup.score:
        return None
    cid = setup.deployed_cid(deployment)
    kinds = classify(cid, goals, setup.score, given=setup.identified)
    moved = setup.shifted(deployment)
    strongest = kinds.strongest(moved)
    if strongest in {ShiftClass.INERT, ShiftClass.POLICY_INERT}:
        return True
    if strongest is ShiftClass.MECHANISM or setup.shared_rules:
        return None
    if setup.model is None or setup.model.is_symbolic or setup.deployed(deployment).is_symbolic:
        return None
    training, there = setup.deployed("training"), setup.deployed(deployment)
    within = all(
        not np.any(reached_contexts(there, decision) & ~reached_contexts(training, decision))
        for decision in cid.decisions
    )
    return True if within else None

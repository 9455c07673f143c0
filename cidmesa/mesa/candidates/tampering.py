r"""Tampering: what a candidate would steer once a deployment lets it.

A label, a sensor or a reward register :math:`L` is harmless to pursue as long as no decision influences it. An edge
that exists only in a deployment, :math:`D \to L`, gives an instrumental control incentive on :math:`L` to exactly those
candidates with :math:`L \in T \cup Anc(T)` there: a wish to be right is left alone, a wish for the register's number
is not [1]_. Everything here is measured in the deployment's own diagram, and regret by the utility *as tampered with*:
a candidate that writes its own register may have no regret at all by what the register says.

A *competent* optimizer knows the deployment. A *stale* one, or a frozen net that never met a working edge, believes it
is still in training, and stays silent: its regret is in :attr:`Tampering.stale`.

>>> import cidmesa as cm
>>> from cidmesa.mesa.derive import derive_mesa_optimizers
>>> from cidmesa.mesa.setup.training import Deployment, TrainingSetup
>>> cid = cm.CID([("truth", "say"), ("truth", "register"), ("say", "right"), ("truth", "right"), ("say", "paid"),
...               ("register", "paid"), ("paid", "score")], decisions=["say"], utilities=["score"])
>>> setup = TrainingSetup(cid, deployments={"wired": Deployment({"register"}, edges=[("say", "register")])})
>>> family = derive_mesa_optimizers(setup)
>>> sorted(tampering(family["paid"], "wired").steered), sorted(tampering(family["right"], "wired").steered)
(['register'], [])

References
----------
.. [1] T. Everitt, M. Hutter, R. Kumar and V. Krakovna, "Reward tampering problems and solutions in reinforcement
   learning: a causal influence diagram perspective", *Synthese*, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cidmesa.mesa.graphical.mesa_diagram import admitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.consistency.regret_interval import Interval


@dataclass(frozen=True, slots=True)
class Tampering:
    """What a deployment lets a candidate steer that training did not.

    Attributes
    ----------
    deployment
        Its name.
    reachable
        Chance nodes that a decision influences there and not in training, or there by a new link as well.
    steered
        Those of them that the candidate has an instrumental control incentive on.
    regret
        The competent regret interval by the deployment's own utility, as tampered with; ``None`` without numbers, or
        where it is not known (several decisions with too many policies to compare).
    stale
        The same for an optimizer that believes it is still in training.
    intended
        The competent regret interval by what is intended, which shows the harm; ``None`` where nothing is, or where it
        is not known.
    """

    deployment: str
    reachable: frozenset[str]
    steered: frozenset[str]
    regret: tuple[float, float] | None
    stale: tuple[float, float] | None
    intended: tuple[float, float] | None = None


def tampering(candidate: MesaOptimizer, deployment: str) -> Tampering:
    r"""Return what `deployment` lets a candidate steer that training did not.

    Parameters
    ----------
    candidate
        A candidate of a family.
    deployment
        The name of a deployment, mostly one with edges of its own.

    Raises
    ------
    UnknownNodeError
        The setup has no such deployment.

    Notes
    -----
    With one decision `steered` is exactly the reachable nodes in :math:`T \cup Anc(T)`; with several, those where the
    incentive is a theorem or has a witness.

    Examples
    --------
    See the module.
    """
    setup = candidate.setup
    there, here = setup.deployed_cid(deployment), setup.cid
    reachable: set[str] = set()
    for decision in there.decisions:
        reachable |= there.descendants(decision)
    for decision in here.decisions:
        reachable -= here.descendants(decision)
    below = there.descendants
    moves = {node for decision in there.decisions for node in (decision, *below(decision))}
    reachable |= {head for tail, head in setup.deployments[deployment].edges if tail in moves}
    moved = frozenset(node for node in reachable if there.kind(node) == "chance")
    steered = admitted(candidate.in_deployment[deployment].incentives, "ici") & moved
    competent, stale = _known(candidate.deployment_regret, deployment), _known(candidate.stale_regret, deployment)
    return Tampering(deployment, moved, steered, competent, stale, _known(candidate.intended_regret, deployment))


def _known(regret: Mapping[str, Interval], deployment: str) -> tuple[float, float] | None:
    if deployment not in regret:
        return None
    low, high = regret[deployment]
    return low, high

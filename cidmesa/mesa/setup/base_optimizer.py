r"""The base optimizer's own diagram: one decision, the parameters.

Training makes a single decision, :math:`\Theta`, the parameters that fix the rule of every decision at once, and is
paid in training only. Its diagram, the *twin*, has a copy of the base diagram for training and one per deployment:

* :math:`\Theta` has no parents. In every copy each :math:`D` is a chance node with parents :math:`Pa(D)` and
  :math:`\Theta`.
* Utilities stay utilities in training (with phases, those that training scores); every deployment's copy of one is
  chance. Edges that exist only in a deployment exist only in its copy.
* A feedback pair :math:`(V, W)` adds the edges :math:`V^\sigma \to W^{tr'}` into one more copy of training, whose
  utilities are :math:`\Theta`'s too. A pair *without credit* (online supervised learning: the data are taken as given,
  no gradient or reward passes through them) goes into a copy whose utilities are chance: the data come back, and
  nothing is paid for them.

Copies share no node. So :math:`\Theta` has an instrumental control incentive on a deployment node exactly where

.. math:: \Theta \leadsto X^\sigma \leadsto V^\sigma \text{ (or } X = V\text{) for a feedback pair } (V, W)
          \text{ with credit and } W^{tr'} \leadsto U^{tr'} .

A frozen learner has none, which is the difference between offline and online training, read off the diagram; nor has
any learner on data that no deployed decision influences.

>>> import cidmesa as cm
>>> oracle = cm.CID([("seen", "say"), ("say", "state"), ("state", "score"), ("say", "score")],
...                 decisions=["say"], utilities=["score"])
>>> offline = cm.TrainingSetup(oracle, deployments={"in use": {"seen"}}).base_optimizer()
>>> online = cm.TrainingSetup(oracle, deployments={"in use": {"seen"}}, feedback=[("state", "state")]).base_optimizer()
>>> offline.descendants("state@in use") & set(offline.utilities)
frozenset()
>>> online.descendants("state@in use") & set(online.utilities)
frozenset({"score@training'"})

References
----------
Z. Kenton et al., "Discovering agents", 2022; S. Farquhar, R. Carey and T. Everitt, "Path-specific objectives for safer
agent incentives", AAAI 2022 (credit that does not pass through an edge).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cidmesa.diagram import CID, Edge
from cidmesa.errors import DiagramError
from cidmesa.mesa.setup.deployment import TRAINING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cidmesa.mesa.setup.deployment import Feedback

THETA = "theta"
"""The decision of the base optimizer."""

AGAIN = TRAINING + "'"
"""The copy of training that deployment data return to."""

UNCREDITED = AGAIN + "'"
"""The same for data without credit, where data with credit take the first."""


def base_optimizer(
    diagrams: Mapping[str, CID],
    score: Sequence[str],
    feedback: Sequence[Feedback] = (),
    shifted: Mapping[str, Collection[str]] | None = None,
    *,
    mechanisms: bool = False,
) -> CID:
    r"""Return the base optimizer's diagram, the twin of training and deployments.

    :meth:`cidmesa.TrainingSetup.base_optimizer` calls it with a setup's own pieces.

    Parameters
    ----------
    diagrams
        ``"training"`` → the base diagram, and each deployment → its own diagram.
    score
        The utilities that training scores.
    feedback
        The pairs through which deployment data return to training.
    shifted
        Deployment → the nodes whose mechanisms it shifts; asked for with `mechanisms`.
    mechanisms
        Whether to draw a root :math:`M_V` above all copies of an unshifted :math:`V`: what they have in common. It adds
        no incentive.

    Returns
    -------
    CID
        One decision ``theta``; nodes ``V@training``, ``V@<deployment>`` and, with feedback, ``V@training'``.

    Notes
    -----
    Linear in the diagram's size times the number of copies.

    Examples
    --------
    >>> base = CID([("x", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"])
    >>> twin = base_optimizer({"training": base, "late": base}, ["pay"])
    >>> twin.decisions, twin.utilities
    (('theta',), ('pay@training',))
    >>> twin.parents("act@late"), twin.kind("pay@late")
    (('x@late', 'theta'), 'chance')
    """
    cid = diagrams[TRAINING]
    if THETA in cid:
        raise DiagramError(f"`{THETA}` is the base optimizer's decision: rename the node with cid.renamed(..).")
    deployments = [name for name in diagrams if name != TRAINING]
    credited = [pair for pair in feedback if pair.credit]
    taken_as_given = [pair for pair in feedback if not pair.credit]
    copies = dict(diagrams)
    returns: dict[str, list[Edge]] = {}
    if credited:
        returns[AGAIN] = _edges_back(deployments, credited, AGAIN)
    if taken_as_given:
        silent = UNCREDITED if credited else AGAIN
        returns[silent] = _edges_back(deployments, taken_as_given, silent)
    copies.update(dict.fromkeys(returns, cid))

    edges: list[Edge] = []
    for name, copy in copies.items():
        edges += [(at(tail, name), at(head, name)) for tail, head in copy.edges]
        edges += [(THETA, at(decision, name)) for decision in copy.decisions]
    edges += [edge for back in returns.values() for edge in back]
    if mechanisms:
        moved = shifted or {}
        for node in cid.nodes:
            if cid.kind(node) != "decision":
                # A copy that is not a deployment is training, where nothing is shifted.
                edges += [(f"M_{node}", at(node, name)) for name in copies if node not in moved.get(name, ())]
    paid = [TRAINING, *([AGAIN] if credited else [])]
    return CID(
        edges,
        nodes=[THETA, *(at(node, name) for name in copies for node in cid.nodes)],
        decisions=[THETA],
        utilities=[at(utility, name) for name in paid for utility in score],
    )


def at(node: str, copy: str) -> str:
    """Return the name of the copy of `node` in training or in a deployment.

    >>> at("door", "repainted")
    'door@repainted'
    """
    return f"{node}@{copy}"


def _edges_back(deployments: Iterable[str], pairs: Iterable[Feedback], copy: str) -> list[Edge]:
    return [(at(source, name), at(target, copy)) for source, target, _ in pairs for name in deployments]

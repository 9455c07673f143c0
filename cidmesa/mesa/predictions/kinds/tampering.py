r"""Tampering: whether a register is written that a new link lets the decision write.

*Intervention*: a deployment with an edge of its own from the decision, or from what is below it, into a chance node L.
*Statistic*: how far the register is from what training's wiring would put there,

.. math:: \sum_{pa} P_\sigma(pa) \sum_a \pi(a \mid pa)\; TV\big(P_\sigma(L \mid pa, do(a)),\,
          P_{\sigma, M_L = M_L^\text{train}}(L \mid pa, do(a))\big) .

*Claim* (Everitt et al. 2021, "Reward tampering"): the link gives an instrumental control incentive on L to exactly the
candidates with :math:`L \in T \cup Anc(T)` there. A *yes* is a ``must`` where every possible action of a rule writes,
together twice the margin, else a ``can`` of those with the incentive; a *no* is a ``must`` where no possible action
writes anything. Of the others, who may write in passing, nothing is claimed.

Agents that know the deployment (the *competent* reading) are judged by what they say they do. A frozen rule that never
met a working link goes on as in training, which is its premise; so where agents are frozen the row is about the same
agents *trained again* there, by the score as tampered with, and its *yes* is a ``can``.

>>> import cidmesa as cm
>>> cid = cm.CID([("work", "done"), ("done", "register"), ("register", "pay")], decisions=["work"], utilities=["pay"])
>>> model = cid.parameterise(work=["idle", "work", "write"], done=lambda work: int(work == "work"),
...                          register=cm.Function(lambda done: done, domain=[0, 1]), pay=lambda register: register)
>>> write = {"register": lambda done, work: max(done, int(work == "write"))}
>>> wired = cm.Deployment(write, edges=[("work", "register")])
>>> setup = cm.TrainingSetup(model, {"wired": wired})
>>> registers(setup, "wired"), written(setup, "wired", "register").tolist()
(('register',), [[0.0, 0.0, 1.0]])
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.mesa.graphical.mesa_diagram import own_mechanism
from cidmesa.mesa.predictions.claims import Claim, Hypothesis, World, losses, name_of
from cidmesa.mesa.predictions.kinds.stated import PLANNING, ROUNDING, Stated, Use
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.solve.queries.decision_laws import context_law, outcome_law


def registers(setup: TrainingSetup, name: str) -> tuple[str, ...]:
    """Return the chance nodes into which a deployment has an edge of its own from the only decision or below it."""
    if name == TRAINING or len(setup.cid.decisions) != 1:
        return ()
    there = setup.deployed_cid(name)
    (decision,) = there.decisions
    moves = {decision, *there.descendants(decision)}
    heads = {head for tail, head in setup.deployments[name].edges if tail in moves and there.kind(head) == "chance"}
    return tuple(node for node in there.nodes if node in heads)


def written(setup: TrainingSetup, name: str, register: str) -> Floats:
    """Return how far each action puts the register from where training's wiring would, as often as its context comes.

    Shape ``(contexts, actions)``.
    """
    there, wired = setup.deployed(name), _wired_as_in_training(setup, name, register)
    (decision,) = there.cid.decisions
    contexts, actions = len(there.contexts(decision)), there.card(decision)
    laws = [np.nan_to_num(np.asarray(outcome_law(m, decision, [register]), dtype=np.float64)) for m in (there, wired)]
    apart = np.abs(laws[0] - laws[1]).reshape(contexts, actions, -1).sum(axis=-1) / 2
    law = np.asarray(context_law(there, decision), dtype=np.float64).reshape(-1)
    return np.asarray(law[:, None] * apart)


def _wired_as_in_training(setup: TrainingSetup, name: str, register: str) -> CIM:
    """Return the deployment with the register's own mechanism and arrows of training."""
    base, deployment, there = setup.deployed(TRAINING), setup.deployments[name], setup.deployed(name)
    edges = [edge for edge in deployment.edges if edge[1] != register]
    shifts = {node: own_mechanism(there, node) for node in deployment.nodes if node != register}
    return base.with_edges(edges, shifts) if edges else base.shift(shifts)


def claim(h: Hypothesis, world: World, register: str, gains: Floats, margin: float) -> Claim | None:
    """Say whether an optimizer writes the register; ``None`` where it may, in passing."""
    there = world.model.cid
    (decision,) = there.decisions
    can = world.possible(h, decision)
    goals = set(h.targets)
    wants = register in goals.union(*(there.ancestors(goal) for goal in goals))
    because = f"`{register}` is {'' if wants else 'not '}a target of {name_of(h)} or above one (Everitt et al. 2021)"
    low, high = (0.0, 1.0) if can is None else bounds(gains, can)
    if high <= ROUNDING:
        return Claim(False, "must", f"no possible action of {name_of(h)} writes `{register}`")
    if low >= 2 * margin:
        return Claim(
            True, "must", because if wants else f"all that {name_of(h)} may do writes `{register}`, in passing"
        )
    return Claim(True, "can", because) if wants else None


def greatest(h: Hypothesis, world: World, gains: Floats) -> float | None:
    """Return the most that an optimizer writes; ``None`` where its possible actions are not known."""
    (decision,) = world.model.cid.decisions
    can = world.possible(h, decision)
    return None if can is None else bounds(gains, can)[1]


def bounds(gains: Floats, can: Mask) -> tuple[float, float]:
    """Return the least and the most that rules of possible actions write."""
    return float(np.where(can, gains, np.inf).min(axis=1).sum()), float(np.where(can, gains, -np.inf).max(axis=1).sum())


def retrained_rows(world: World, margin: float) -> Iterator[Stated]:
    """State whether agents that are trained again where the link works write the register."""
    setup, model = world.setup, world.model
    for register in registers(setup, world.name):
        (decision,) = model.cid.decisions
        gains = written(setup, world.name, register)
        may = world.may(decision)
        best = np.asarray(model.solve(budget=world.budget).optimal_mask(decision)).reshape(gains.shape)
        low, high = bounds(gains, best)
        if bounds(gains, may)[1] <= margin or not world.range > 0:
            continue
        if low >= 2 * margin:
            because = f"to write `{register}` pays where the link works (Everitt et al. 2021)"
            yield Stated("tampering", world.name, register, Claim(True, "can", because), decision, PLANNING)
        elif high <= ROUNDING:
            writes = (gains > 0) & may
            close = float((losses(model, decision)[writes]).min(initial=np.inf)) < 2 * margin * world.range
            use: Use = "undecidable" if close else "tested"
            because = f"to write `{register}` does not pay where the link works"
            yield Stated("tampering", world.name, register, Claim(False, "must", because), decision, PLANNING, use=use)

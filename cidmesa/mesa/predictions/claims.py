r"""What one hypothesis says of one distribution: the claims that prediction rows are made of.

A *yes* (an observation is used, a shift is responded to) is claimed of every optimizer only where a lower bound over
all rules of possible actions, context by context, is at least twice the margin. A *no* holds for every optimizer that
sees only what is requisite for its targets: it is exactly zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.graph import requisite_observations
from cidmesa.mechanisms import Table
from cidmesa.mesa.graphical.mesa_diagram import MESA_UTILITY, with_mesa_utility
from cidmesa.mesa.graphical.shifts import ShiftClass
from cidmesa.mesa.predictions.comparable_contexts import depends_on_rules
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.solve import joint
from cidmesa.solve.policies.stakes import attainable_range, paying_only
from cidmesa.solve.queries.payoffs import uniform_policy

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.predictions.comparable_contexts import Mixtures, Pairs
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM

Modality: TypeAlias = Literal["must", "can"]


class Hypothesis(Protocol):
    """What is asked of a candidate."""

    @property
    def targets(self) -> Any:
        """Its targets."""
        ...

    @property
    def cid(self) -> CID:
        """Its diagram in training, with only the information links that are requisite for its targets."""
        ...

    @property
    def deployment_regret(self) -> Mapping[str, Any]:
        """Base regret in each deployment, an interval."""
        ...

    @property
    def shift_class(self) -> Mapping[str, ShiftClass]:
        """The strongest class among the nodes that each deployment shifts."""
        ...

    @property
    def carry_over(self) -> Mapping[str, bool | None]:
        """Whether Theorem A certifies each deployment."""
        ...

    def possible_actions(self, deployment: str) -> Mapping[str, Mapping[tuple[Any, ...], Any]]:
        """Possible actions by decision and context."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What one hypothesis says in one place: a bool, an interval or a table of actions, and how strongly."""

    expected: Any
    modality: Modality
    theorem: str
    forced: bool = False
    """Whether no rule of allowed actions can break it."""


@dataclass(frozen=True, eq=False)
class World:
    """One distribution, with what does not depend on the hypothesis.

    Attributes
    ----------
    setup, name, model
        Of which setup, which, and its mechanisms.
    tables
        Per decision the law of its context, under the uniform policy where other decisions matter.
    worst
        The largest base regret that any rule has; in training by what it scores.
    """

    setup: TrainingSetup
    name: str
    model: CIM
    tables: Mapping[str, Floats] = field(default_factory=dict)
    worst: float = 0.0

    def may(self, decision: str) -> Mask:
        """Return the allowed actions of a decision, shape (contexts, actions)."""
        may, card = self.model.allowed(decision), self.model.card(decision)
        contexts = len(self.model.contexts(decision))
        return np.ones((contexts, card), dtype=bool) if may is None else may.reshape(contexts, card)


def world_of(setup: TrainingSetup, name: str, budget: Budget = UNLIMITED) -> World:
    """Compute what predictions about one distribution share."""
    model = setup.deployed(name)
    policy = uniform_policy(model)
    tables = {
        d: np.asarray(joint(model, model.cid.parents(d), policy=policy), dtype=np.float64) for d in model.cid.decisions
    }
    paid = paying_only(model, setup.training_score) if name == TRAINING else model
    low, high = attainable_range(paid, setup.shared_rules, budget=budget)
    return World(setup, name, model, tables, high - low)


# What is claimed ------------------------------------------------------------------------------------------------------


def use(h: Hypothesis, world: World, decision: str, parent: str, pairs: Pairs, margin: float) -> Claim | None:
    """Say whether the rule changes with `parent` alone; ``None`` where a shift of what matters leaves that open."""
    if parent in world.model.allowed_reads(decision):
        may = world.may(decision)
        forced = float(pairs.weights @ ~(may[pairs.left] & may[pairs.right]).any(axis=1)) > 0
        return Claim(True, "must", f"forced: `{parent}` decides what `{decision}` may do", True) if forced else None
    if parent not in requisite(h, world, decision):
        if works_differently(h, world.name):
            return None
        return Claim(False, "must", f"`{parent}` is not requisite for {name_of(h)} (Fagiuoli & Zaffalon 1998)")
    because = f"`{parent}` is requisite for {name_of(h)}"
    can = possible_mask(h, world.name, decision, world.model)
    if can is None:
        return Claim(True, "can", because)
    left, right = can[pairs.left], can[pairs.right]
    if (left.sum(axis=1) == 1).all() and (left == right).all():
        return Claim(False, "must", f"{name_of(h)} allows one action, the same whatever `{parent}`")
    least = float(pairs.weights @ ~(left & right).any(axis=1))
    settled = not depends_on_rules(world.model.cid, decision)
    return Claim(True, "must" if settled and least >= 2 * margin else "can", because)


def response(
    h: Hypothesis, world: World, decision: str, nodes: Sequence[str], mixtures: Mixtures | None, margin: float
) -> Claim | None:
    """Say whether the action's law given what the shift leaves alone changes; `mixtures` unless other rules matter.

    ``None`` where a shift of what matters leaves that open.
    """
    named = ", ".join(f"`{node}`" for node in nodes)
    if not responsive(h, world, decision) & set(nodes):
        if works_differently(h, world.name):
            return None
        return Claim(False, "must", f"{name_of(h)} responds to none of {named}: neither requisite nor above one")
    because = f"{name_of(h)} responds to {named}: requisite, or above one"
    if mixtures is not None and world.model.allowed_reads(decision):
        may = world.may(decision)
        (low_before, high_before), (low_after, high_after) = _shares(mixtures.before, may), _shares(mixtures.after, may)
        apart = np.maximum(low_after - high_before, low_before - high_after).max(axis=1)
        if float(mixtures.weights @ np.maximum(apart, 0)) > 1e-9:
            return Claim(True, "must", f"forced by what `{decision}` may do", True)
    before = possible_mask(h, TRAINING, decision, world.model)
    after = possible_mask(h, world.name, decision, world.model)
    if mixtures is None or before is None or after is None:
        return Claim(True, "can", because)
    low_before, high_before = _shares(mixtures.before, before)
    low_after, high_after = _shares(mixtures.after, after)
    settled = np.allclose(low_before, high_before) and np.allclose(low_after, high_after)
    if settled and np.allclose(low_before, low_after, atol=1e-9):
        return Claim(False, "must", f"the actions that {name_of(h)} allows have the same law")
    up = np.maximum(low_after - high_before, 0).sum(axis=1)
    down = np.maximum(low_before - high_after, 0).sum(axis=1)
    least = float(mixtures.weights @ np.maximum(up, down))
    return Claim(True, "must" if least >= 2 * margin else "can", because)


def greatest_use(h: Hypothesis, world: World, decision: str, pairs: Pairs) -> float | None:
    """Return the most that an optimizer can use an observation; ``None`` where that is not known."""
    can = possible_mask(h, world.name, decision, world.model)
    if can is None or depends_on_rules(world.model.cid, decision):
        return None
    left, right = can[pairs.left], can[pairs.right]
    same = (left.sum(axis=1) == 1) & (left == right).all(axis=1)
    return float(pairs.weights @ ~same)


def greatest_response(h: Hypothesis, world: World, decision: str, mixtures: Mixtures | None) -> float | None:
    """Return a bound on how much an optimizer can respond to a shift; ``None`` where that is not known."""
    before = possible_mask(h, TRAINING, decision, world.model)
    after = possible_mask(h, world.name, decision, world.model)
    if mixtures is None or before is None or after is None:
        return None
    (low_before, high_before), (low_after, high_after) = (
        _shares(mixtures.before, before),
        _shares(mixtures.after, after),
    )
    up = np.maximum(high_after - low_before, 0).sum(axis=1)
    down = np.maximum(high_before - low_after, 0).sum(axis=1)
    return float(mixtures.weights @ np.minimum(1.0, np.minimum(up, down)))


def actions(h: Hypothesis, world: World, decision: str) -> Claim | None:
    """Say which actions are possible in the contexts that come up; ``None`` where that is not known."""
    can = possible_mask(h, world.name, decision, world.model)
    if can is None:
        return None
    domain = world.model.domain(decision)
    reached = world.tables[decision].reshape(-1) > 0
    table = tuple(
        (context, tuple(action for action, ok in zip(domain, row, strict=True) if ok))
        for context, row, comes in zip(world.model.contexts(decision), can, reached, strict=True)
        if comes
    )
    return Claim(table, "must", _because_of_set(h, world.name))


def regret(h: Hypothesis, world: World) -> Claim | None:
    """Say between which numbers the base regret lies; ``None`` where that is not known."""
    interval = h.deployment_regret.get(world.name)
    if interval is None or not np.isfinite([interval[0], interval[1]]).all():
        return None
    if getattr(interval, "gap", 0.0) > 0:  # others of the set may lie outside
        return Claim(
            (float(interval[0]), float(interval[1])), "can", f"objectives known to be consistent on {name_of(h)}"
        )
    return Claim((float(interval[0]), float(interval[1])), "must", _because_of_set(h, world.name))


# What is asked of hypotheses ----------------------------------------------------------------------------------------


def name_of(h: Hypothesis) -> str:
    """Return the targets of a hypothesis as one name, in node order."""
    targets = set(h.targets)
    return ", ".join(node for node in h.cid.nodes if node in targets)


def telling(setup: TrainingSetup, hypotheses: Sequence[Hypothesis], deployment: str) -> dict[str, Mask]:
    """Return per decision the reached contexts in which hypotheses allow different actions; empty if none does.

    Hypotheses whose possible actions are not known are left out.
    """
    model = setup.deployed(deployment)
    found = {}
    for decision in model.cid.decisions:
        masks = [m for m in (possible_mask(h, deployment, decision, model) for h in hypotheses) if m is not None]
        if len(masks) < 2:
            continue
        differ = (np.stack(masks) != masks[0]).any(axis=(0, 2))
        if differ.any():
            found[decision] = differ
    return found


def possible_mask(h: Hypothesis, deployment: str, decision: str, model: CIM) -> Mask | None:
    """Return possible actions as booleans ``(contexts, actions)``; all that are allowed in contexts not reached."""
    try:
        table = h.possible_actions(deployment)[decision]
    except NotApplicableError:
        return None
    domain = model.domain(decision)
    contexts = model.contexts(decision)
    may = model.allowed(decision)
    shape = len(contexts), len(domain)
    mask = np.ones(shape, dtype=bool) if may is None else may.reshape(shape).copy()
    for row, context in enumerate(contexts):
        if context in table:
            allowed = set(table[context])
            mask[row] = [action in allowed for action in domain]
    return mask


def requisite(h: Hypothesis, world: World, decision: str) -> frozenset[str]:
    """Return the observations requisite for the targets, in training or with the edges of the deployment."""
    links = frozenset(h.cid.parents(decision))
    extra = world.setup.deployed_cid(world.name)
    if extra is world.setup.cid or extra == world.setup.cid:
        return links
    return links | requisite_observations(with_mesa_utility(extra, h.targets), decision, [MESA_UTILITY])


def responsive(h: Hypothesis, world: World, decision: str) -> frozenset[str]:
    """Return Resp(T): requisite observations and everything above them."""
    links = requisite(h, world, decision)
    cid = world.setup.deployed_cid(world.name)
    return links.union(*(cid.ancestors(node) for node in links))


def is_inert(h: Hypothesis, deployment: str) -> bool:
    """Say whether the deployment shifts nothing that has a path to anything that matters."""
    return h.shift_class[deployment] is ShiftClass.INERT


def works_differently(h: Hypothesis, deployment: str) -> bool:
    """Say whether the deployment shifts a mechanism that is relevant to the best rule.

    Then an optimizer that knows the deployment may do something else in the contexts that only the deployment shows,
    and so seem to follow an observation that it does not need: nothing is claimed of those.
    """
    return h.shift_class.get(deployment) is ShiftClass.MECHANISM


def _because_of_set(h: Hypothesis, deployment: str) -> str:
    if deployment != TRAINING and h.carry_over.get(deployment):
        return f"Theorem A (carry-over) for {name_of(h)}"
    return f"all consistent objectives on {name_of(h)}"


def _shares(mixture: Floats, can: Mask) -> tuple[Floats, Floats]:
    """Return the least and the greatest share of each action in each mixture, over rules of possible actions."""
    only = can & (can.sum(axis=1, keepdims=True) == 1)
    return mixture @ only, mixture @ can


# Changed models -----------------------------------------------------------------------------------------------------


def best_value(setup: TrainingSetup, model: CIM, budget: Budget = UNLIMITED) -> float:
    """Return the best expected utility with the rules that the setup lets decisions share."""
    return float(model.solve(shared_rules=setup.shared_rules, budget=budget).value)


def uncontrolled(model: CIM, node: str, decision: str) -> CIM:
    """Return the model in which `node` follows a uniformly drawn allowed action instead of `decision`'s.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "x"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = cid.parameterise(act=[0, 1], x=lambda act: act, pay=lambda x: x)
    >>> model.solve().value, uncontrolled(model, "x", "act").solve().value
    (1.0, 0.5)
    """
    parents = model.cid.parents(node)
    axis = parents.index(decision)
    table = np.asarray(model.cpd(node), dtype=np.float64)
    if model.allowed(decision) is None:
        return model.shift({node: np.broadcast_to(table.mean(axis=axis, keepdims=True), table.shape)})
    # The draw is among the allowed actions, so the node comes to read what they depend on.
    reads = model.allowed_reads(decision)
    new = [p for p in reads if p not in parents]
    letters = {name: i for i, name in enumerate((*parents, *new, node))}
    seen = tuple([slice(None) if p in reads else 0 for p in model.cid.parents(decision)])
    operands: list[Any] = [table, [letters[n] for n in (*parents, node)]]
    operands += [uniform_policy(model)[decision][seen], [letters[n] for n in (*reads, decision)]]
    drawn = np.einsum(*operands, [i for name, i in letters.items() if name != decision])
    whole = np.broadcast_to(np.expand_dims(drawn, axis), [model.card(name) for name in letters])
    mechanism = Table(whole, domain=model.domain(node), parents=(*parents, *new))
    return model.with_edges([(p, node) for p in new], {node: mechanism})


def blinded(model: CIM, parent: str, decision: str) -> CIM:
    """Return the model whose `decision` does not see `parent`."""
    cid = model.cid.without_edges((parent, decision))
    return cid.parameterise(dict(model.mechanisms))

r"""What one hypothesis says of one distribution: the claims that prediction rows are made of.

A *yes* (an observation is used, a shift is responded to) is claimed of every optimizer only where a lower bound over
all rules of possible actions, context by context, is at least twice the margin. A *no* holds for every optimizer that
sees only what is requisite for its targets: it is exactly zero. An optimizer may break a tie by anything that it sees,
so a *no* counts only contexts in which neither the base nor an objective of the hypothesis ties (:func:`settled`).

Under the *stale* reading a frozen rule does in a context of training what it did there. That is the premise at other
weights: only contexts that training never showed count (:attr:`World.counted`), as often as they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from cidmesa.arrays import Floats, Mask
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.errors import NotApplicableError
from cidmesa.graph import requisite_observations
from cidmesa.mechanisms import Table
from cidmesa.mesa.graphical.mesa_diagram import MESA_UTILITY, with_mesa_utility
from cidmesa.mesa.graphical.shifts import ShiftClass
from cidmesa.mesa.outcomes.stale_beliefs import new_contexts, reached_by_some_policy
from cidmesa.mesa.predictions.comparable_contexts import depends_on_rules, observation_pairs
from cidmesa.mesa.readings import COMPETENT, STALE, Reading
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.shown import said
from cidmesa.solve import joint
from cidmesa.solve.policies.stakes import attainable_range, paying_only
from cidmesa.solve.queries.payoffs import uniform_policy

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.objectives.declared import Objective
    from cidmesa.mesa.predictions.comparable_contexts import Mixtures, Pairs
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM
    from cidmesa.solve import Solution

ROUNDING = 1e-12
"""Differences of expected utilities up to this share of them are none."""

TOSSED = "the best rule tosses a coin"
"""What reasons begin with where the best shared rule is a mixture of actions."""

PREMISE = 0.01
"""How far above the tolerance an agent's training regret may be, as a share of the attainable range."""

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

    def possible_actions(
        self, deployment: str, *, reading: Reading = "competent"
    ) -> Mapping[str, Mapping[tuple[Any, ...], Any]]:
        """Possible actions by decision and context."""
        ...

    def some_actions(self, deployment: str) -> Mapping[str, Mapping[tuple[Any, ...], Any]] | None:
        """What one objective of the set does that knows the deployment; ``None`` where that is no quicker to know."""
        ...

    def new_regret(self, deployment: str) -> Any:
        """The part of the stale regret in contexts that training does not show; ``None`` where it is not known."""
        ...

    @property
    def stale_regret(self) -> Mapping[str, Any]:
        """Base regret in each deployment of frozen rules, an interval."""
        ...

    @property
    def declared(self) -> Sequence[Objective]:
        """The objectives on the targets that are tried by name."""
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
    """One distribution under one reading, with what does not depend on the hypothesis.

    Attributes
    ----------
    setup, name, model
        Of which setup, which, and its mechanisms.
    reading
        What agents are taken to know of it.
    tables
        Per decision the law of its context, under the uniform policy where other decisions matter.
    counted
        Per decision the contexts that count: those that come up under some policy; stale, in a deployment, of these
        the ones that training shows under none.
    budget
        How long an answer may take.
    """

    setup: TrainingSetup
    name: str
    model: CIM
    reading: Reading = STALE
    tables: Mapping[str, Floats] = field(default_factory=dict)
    counted: Mapping[str, Mask] = field(default_factory=dict)
    budget: Budget = UNLIMITED
    _masks: dict[tuple[int, str, str], Mask | None] = field(default_factory=dict, repr=False)

    @property
    def frozen(self) -> bool:
        """Whether agents are judged by what they never saw in training."""
        return self.reading == STALE and self.name != TRAINING

    @cached_property
    def _base(self) -> Solution:
        """What is best in training."""
        return self.setup.deployed(TRAINING).solve(shared_rules=self.setup.shared_rules, budget=self.budget)

    def tossed(self, decision: str) -> str | None:
        """Say in words from which mixture training's best shared rule draws its actions; ``None``: from none."""
        groups = [rule for rule in self.setup.shared_rules if decision in rule]
        best = self._base
        if not groups or not best.exact:
            return None
        rows = np.asarray(best.tables[decision]).reshape(-1, self.model.card(decision))
        for context, row in zip(self.model.contexts(decision), rows.tolist(), strict=True):
            drawn = [(action, p) for action, p in zip(self.model.domain(decision), row, strict=True) if 0 < p < 1]
            if drawn:
                where = f" at {said(context)}" if context else ""
                mixture = " or ".join(f"{said(action)} with probability {p:.6g}" for action, p in drawn)
                names = ", ".join(f"`{d}`" for d in groups[0])
                return f"{TOSSED}: one rule serves {names} and draws {mixture}{where}, so no action is predicted"
        return None

    def best_in_training(self, decision: str) -> Mask:
        """Return the actions that are best for the base in training, shape (contexts, actions)."""
        mask = np.asarray(self._base.optimal_mask(decision), dtype=bool)
        return mask.reshape(-1, mask.shape[-1])

    @cached_property
    def comes_in_training(self) -> Mapping[str, Floats]:
        """Per decision how often each context comes up in training, where the base's best actions are taken."""
        model, policy = self.setup.deployed(TRAINING), self._base.uniform_over_optimal()
        return {
            d: np.asarray(joint(model, model.cid.parents(d), policy=policy), dtype=np.float64).reshape(-1)
            for d in model.cid.decisions
        }

    @cached_property
    def untied(self) -> Mapping[str, Mask]:
        """Per decision the contexts of training in which one action is the best for the base, and all others."""
        found = {}
        for d in self.model.cid.decisions:
            one = np.asarray(self._base.optimal_mask(d)).reshape(len(self.model.contexts(d)), -1).sum(axis=1) == 1
            found[d] = np.asarray(one | ~reached_by_some_policy(self.setup, TRAINING, d))
        return found

    @cached_property
    def worst(self) -> float:
        """The largest base regret that a rule has in the contexts that count."""
        if self.frozen and len(self.tables) == 1:
            ((decision, law),) = self.tables.items()
            here = self.counted[decision]
            return float(law.reshape(-1)[here] @ losses(self.model, decision)[here].max(axis=1, initial=0.0))
        return self.range

    @cached_property
    def range(self) -> float:
        """What the best policy earns less what the worst does; in training of what it scores."""
        scored = self.setup.training_score if self.name == TRAINING else self.setup.score
        low, high = attainable_range(paying_only(self.model, scored), self.setup.shared_rules, budget=self.budget)
        return high - low if high - low > ROUNDING * max(abs(high), abs(low)) else 0.0

    @property
    def shows_nothing_new(self) -> bool:
        """Whether frozen agents only do there what they did in training."""
        return self.frozen and not any(new.any() for new in self.counted.values())

    def may(self, decision: str) -> Mask:
        """Return the allowed actions of a decision, shape (contexts, actions)."""
        may, card = self.model.allowed(decision), self.model.card(decision)
        contexts = len(self.model.contexts(decision))
        return np.ones((contexts, card), dtype=bool) if may is None else may.reshape(contexts, card)

    def possible(self, h: Hypothesis, decision: str, name: str | None = None) -> Mask | None:
        """Return possible actions, shape (contexts, actions); all that are allowed where none is named.

        Parameters
        ----------
        h
            The hypothesis; ``None`` is returned where it does not say.
        decision
            Whose actions.
        name
            Another distribution than this one.
        """
        name = self.name if name is None else name
        key = id(h), decision, name
        if key not in self._masks:
            found = possible_mask(h, name, decision, self.setup.deployed(name), self.reading)
            if self.frozen and name == self.name and found is not None:  # elsewhere it does what it did in training
                before = self.possible(h, decision, TRAINING)
                new = self.counted[decision][:, None]
                found = None if before is None else np.where(new, found, before)
            self._masks[key] = found
        return self._masks[key]


def world_of(setup: TrainingSetup, name: str, budget: Budget = UNLIMITED, reading: Reading = STALE) -> World:
    """Compute what predictions about one distribution share."""
    model = setup.deployed(name)
    policy = uniform_policy(model)
    tables = {
        d: np.asarray(joint(model, model.cid.parents(d), policy=policy), dtype=np.float64) for d in model.cid.decisions
    }
    frozen = reading == STALE and name != TRAINING
    counted = {
        d: new_contexts(setup, name, d) if frozen else np.asarray(law.reshape(-1) > 0) for d, law in tables.items()
    }
    return World(setup, name, model, reading, tables, counted, budget)


def losses(model: CIM, decision: str) -> Floats:
    """Return what each action of the only decision costs the base in its context, shape (contexts, actions).

    Nobody takes a forbidden action: it costs as much as the worst that is allowed.

    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "a"), ("a", "u"), ("x", "u")], decisions=["a"], utilities=["u"])
    >>> losses(cid.parameterise(x=cm.Uniform(0, 1), a=[0, 1], u=lambda a, x: 3 * (a == x)), "a").tolist()
    [[0.0, 3.0], [3.0, 0.0]]
    """
    values = np.asarray(model.solve().action_values(decision), dtype=np.float64).reshape(-1, model.card(decision))
    may = model.allowed(decision)
    if may is not None:
        may = may.reshape(values.shape)
        values = np.where(may, values, np.where(may, values, np.inf).min(axis=1, keepdims=True))
    return np.asarray(np.nan_to_num(values.max(axis=1, keepdims=True) - values))


# Which contexts and pairs count ---------------------------------------------------------------------------------------


def settled(hypotheses: Sequence[Hypothesis], world: World, decision: str) -> Mask:
    """Say in which contexts neither the base nor an objective of the hypotheses ties.

    There each hypothesis allows one action, in training too; of a context of training, one is best for the base.
    """
    found = world.untied[decision].copy()
    for h in hypotheses:
        for can in _before_and_after(h, world, decision):
            found &= False if can is None else can.sum(axis=1) == 1
    return found


def pairs_of(
    world: World, decision: str, law: Floats, axis: int, expected: Any, hypotheses: Sequence[Hypothesis]
) -> Pairs:
    """Return the pairs of contexts by which the use of one observation is judged.

    At least one of the two has to count; both have to be settled where a *no* is claimed.
    """
    pairs, counts = observation_pairs(law, axis), world.counted[decision]
    keep = counts[pairs.left] | counts[pairs.right]
    if expected is False:
        tied = ~settled(hypotheses, world, decision)
        keep &= ~(tied[pairs.left] | tied[pairs.right])
    return pairs.only(keep)


def mixtures_of(
    world: World, decision: str, mixtures: Mixtures, expected: Any, hypotheses: Sequence[Hypothesis]
) -> Mixtures:
    """Return the mixtures of contexts by which the response to a shift is judged, alike."""
    keep = np.asarray((mixtures.after[:, world.counted[decision]] > 0).any(axis=1))
    if expected is False:
        tied = ~settled(hypotheses, world, decision)
        keep &= ~mixtures.moved[:, tied].any(axis=1)
    return mixtures.only(keep)


def loosely_held(world: World, decision: str, moves: Floats, margin: float) -> float:
    """Return how much a number may be moved by what rules do where training hardly ever comes.

    Agents meet the premise if they take actions that are not the base's with a probability of at most the margin, so
    in contexts of training that together come up no more often than that they may do anything. Only in a deployment
    does it matter: there such a context may come up often.

    Parameters
    ----------
    world
        The distribution.
    decision
        Whose rule.
    moves
        How much the number changes at most with the rule in each context.
    margin
        What counts as nothing.
    """
    if not world.frozen:
        return 0.0
    return held_loosely(world.comes_in_training[decision], np.where(world.counted[decision], 0.0, moves), margin)


def held_loosely(comes: Floats, moves: Floats, margin: float) -> float:
    """Return how much a number moves at most with a rule in contexts that come up no more often than the margin.

    >>> round(held_loosely(np.array([0.01, 0.99]), np.array([0.5, 0.5]), 0.05), 6)    # all of one, some of the other
    0.520202
    """
    free = np.flatnonzero(moves > 0)
    with np.errstate(divide="ignore"):
        order = free[np.argsort(-moves[free] / comes[free], kind="stable")]
    before = np.cumsum(comes[order]) - comes[order]
    left = np.clip(margin - before, 0.0, comes[order])
    share = np.divide(left, comes[order], out=np.ones(len(order)), where=comes[order] > 0)
    return float(moves[order] @ share)


# What is claimed ------------------------------------------------------------------------------------------------------


def use(h: Hypothesis, world: World, decision: str, parent: str, pairs: Pairs, margin: float) -> Claim | None:
    """Say whether the rule changes with `parent` alone; ``None`` where a shift of what matters leaves that open."""
    if parent in world.model.allowed_reads(decision):
        may = world.may(decision)
        forced = float(pairs.weights @ ~(may[pairs.left] & may[pairs.right]).any(axis=1)) > 0
        return Claim(True, "must", f"forced: `{parent}` decides what `{decision}` may do", True) if forced else None
    if parent not in requisite(h, world, decision):
        if works_differently(h, world) or not _follows_the_requisite(h, world, decision):
            return None
        return Claim(False, "must", f"`{parent}` is not requisite for {name_of(h)} (Fagiuoli & Zaffalon 1998)")
    because = f"`{parent}` is requisite for {name_of(h)}"
    can = world.possible(h, decision)
    if can is None:
        return Claim(True, "can", because)
    left, right = can[pairs.left], can[pairs.right]
    if (left.sum(axis=1) == 1).all() and (left == right).all():
        return Claim(False, "must", f"{name_of(h)} allows one action, the same whatever `{parent}`")
    least = float(pairs.weights @ ~(left & right).any(axis=1))
    least -= loosely_held(world, decision, pairs.moves(len(can)), margin)
    alone = not depends_on_rules(world.model.cid, decision)
    return Claim(True, "must" if alone and least >= 2 * margin else "can", because)


def response(
    h: Hypothesis, world: World, decision: str, nodes: Sequence[str], mixtures: Mixtures | None, margin: float
) -> Claim | None:
    """Say whether the action's law given what the shift leaves alone changes; `mixtures` unless other rules matter.

    ``None`` where a shift of what matters leaves that open.
    """
    named = ", ".join(f"`{node}`" for node in nodes)
    if not responsive(h, world, decision) & set(nodes):
        if works_differently(h, world) or not _follows_the_requisite(h, world, decision):
            return None
        return Claim(False, "must", f"{name_of(h)} responds to none of {named}: neither requisite nor above one")
    because = f"{name_of(h)} responds to {named}: requisite, or above one"
    if mixtures is not None and world.model.allowed_reads(decision):
        may = world.may(decision)
        (low_before, high_before), (low_after, high_after) = _shares(mixtures.before, may), _shares(mixtures.after, may)
        apart = np.maximum(low_after - high_before, low_before - high_after).max(axis=1)
        if float(mixtures.weights @ np.maximum(apart, 0)) > 1e-9:
            return Claim(True, "must", f"forced by what `{decision}` may do", True)
    before, after = _before_and_after(h, world, decision)
    if mixtures is None or before is None or after is None:
        return Claim(True, "can", because)
    low_before, high_before = _shares(mixtures.before, before)
    low_after, high_after = _shares(mixtures.after, after)
    single = np.allclose(low_before, high_before) and np.allclose(low_after, high_after)
    if single and np.allclose(low_before, low_after, atol=1e-9):
        return Claim(False, "must", f"the actions that {name_of(h)} allows have the same law")
    up = np.maximum(low_after - high_before, 0).sum(axis=1)
    down = np.maximum(low_before - high_after, 0).sum(axis=1)
    least = float(mixtures.weights @ np.maximum(up, down)) - loosely_held(world, decision, mixtures.moves, margin)
    return Claim(True, "must" if least >= 2 * margin else "can", because)


def _before_and_after(h: Hypothesis, world: World, decision: str) -> tuple[Mask | None, Mask | None]:
    """Return possible actions before and after a shift; a frozen rule is one and the same."""
    after = world.possible(h, decision)
    return (after if world.frozen else world.possible(h, decision, TRAINING)), after


def _follows_the_requisite(h: Hypothesis, world: World, decision: str) -> bool:
    """Say whether settled contexts with the same requisite part have the same action."""
    can = world.possible(h, decision)
    where = np.flatnonzero(settled([h], world, decision))
    if can is None:
        return True
    links = requisite(h, world, decision)
    parents = world.model.cid.parents(decision)
    seen = [i for i, parent in enumerate(parents) if parent in links]
    at = np.unravel_index(where, tuple(map(world.model.card, parents))) if parents else ()
    rows = np.stack([*(at[i] for i in seen), can[where].argmax(axis=1)], axis=1)
    return len(np.unique(rows, axis=0)) == len(np.unique(rows[:, :-1], axis=0)) if seen else len(np.unique(rows)) <= 1


def greatest_use(h: Hypothesis, world: World, decision: str, pairs: Pairs) -> float | None:
    """Return the most that an optimizer can use an observation; ``None`` where that is not known."""
    can = world.possible(h, decision)
    if can is None or depends_on_rules(world.model.cid, decision):
        return None
    left, right = can[pairs.left], can[pairs.right]
    same = (left.sum(axis=1) == 1) & (left == right).all(axis=1)
    return float(pairs.weights @ ~same)


def greatest_response(h: Hypothesis, world: World, decision: str, mixtures: Mixtures | None) -> float | None:
    """Return a bound on how much an optimizer can respond to a shift; ``None`` where that is not known."""
    before, after = _before_and_after(h, world, decision)
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
    """Say which actions are possible in the contexts that count; ``None`` where that is not known."""
    can = world.possible(h, decision)
    if can is None or not world.counted[decision].any():
        return None
    domain = world.model.domain(decision)
    table = tuple(
        (context, tuple(action for action, ok in zip(domain, row, strict=True) if ok))
        for context, row, counts in zip(world.model.contexts(decision), can, world.counted[decision], strict=True)
        if counts
    )
    because = _because_of_set(h, world.name)
    if world.name == TRAINING and (can | ~world.may(decision))[world.counted[decision]].all():
        because = world.tossed(decision) or because
    return Claim(table, "must", because)


def regret(h: Hypothesis, world: World) -> Claim | None:
    """Say between which numbers the base regret lies; ``None`` where that is not known.

    Of frozen rules only the part in contexts that count: the rest follows from what they do in training.
    """
    interval = h.new_regret(world.name) if world.frozen else h.deployment_regret.get(world.name)
    return None if world.shows_nothing_new else _interval(h, world, interval)


def whole_regret(h: Hypothesis, world: World) -> Claim | None:
    """Say between which numbers the base regret of frozen rules lies, in all contexts; ``None``: not known."""
    return _interval(h, world, h.stale_regret.get(world.name))


def _interval(h: Hypothesis, world: World, interval: Any) -> Claim | None:
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


def telling(world: World, hypotheses: Sequence[Hypothesis]) -> dict[str, Mask]:
    """Return per decision the contexts that count in which hypotheses allow different actions; empty if none does.

    Hypotheses whose possible actions are not known are left out.
    """
    found = {}
    for decision in world.model.cid.decisions:
        masks = [m for m in (world.possible(h, decision) for h in hypotheses) if m is not None]
        if len(masks) < 2:
            continue
        differ = (np.stack(masks) != masks[0]).any(axis=(0, 2)) & world.counted[decision]
        if differ.any():
            found[decision] = differ
    return found


def possible_mask(
    h: Hypothesis, deployment: str, decision: str, model: CIM, reading: Reading = COMPETENT
) -> Mask | None:
    """Return possible actions as booleans ``(contexts, actions)``; all that are allowed in contexts not reached."""
    try:
        return mask_of(h.possible_actions(deployment, reading=reading)[decision], decision, model)
    except NotApplicableError:
        return None


def mask_of(table: Mapping[tuple[Any, ...], Any], decision: str, model: CIM, *, silent: bool = True) -> Mask:
    """Return actions by context as booleans ``(contexts, actions)``.

    Where the table says nothing they are all that are allowed, or none if not `silent`.
    """
    domain = model.domain(decision)
    contexts = model.contexts(decision)
    may = model.allowed(decision)
    shape = len(contexts), len(domain)
    mask = np.full(shape, silent) if may is None or not silent else may.reshape(shape).copy()
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


def works_differently(h: Hypothesis, world: World) -> bool:
    """Say whether agents that know the deployment know of a shifted mechanism that is relevant to the best rule.

    Then an optimizer may do something else in the contexts that only the deployment shows, and so seem to follow an
    observation that it does not need: nothing is claimed of those. A frozen one knows nothing of it.
    """
    return not world.frozen and h.shift_class.get(world.name) is ShiftClass.MECHANISM


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

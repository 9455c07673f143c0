r"""What each hypothesis says that trained agents will do, stated before any is trained.

A hypothesis is a minimal candidate :math:`(T, O)` that training does not exclude, or the lookup table. In every
deployment :math:`\sigma` (and in training) a candidate predicts

============  ======================================================================  =================================
observation   the rule uses :math:`Z`: it changes with Z alone                        Z requisite for the targets
response      the rule's law given what the shift leaves alone changes                shifted nodes in Resp(T)
actions       the actions taken are possible ones                                     the consistent set
regret        base regret lies in an interval                                         the consistent set
control       retrained without its influence on :math:`X`, agents earn less          instrumental control incentive
============  ======================================================================  =================================

and all of them together: **coverage**, that each agent acts as at least one of them says. A *must* row claims it of
every agent of the recipe, a *can* row that some will. A row is **joint** where all hypotheses make it (intervals:
their hull; tables of actions: their union), else it is of one hypothesis. Rows that cannot fail, whatever agents do,
are no evidence: they are listed apart, in :attr:`Predictions.structural`.

The lookup table says only that training regret is within the tolerance. That is the premise under which agents are
judged at all, so on them it cannot fail either; how many meet it is reported.

The rows have stable names and a digest, which training keeps: a report can say that they came first.

References
----------
E. Fagiuoli and M. Zaffalon, "A note about redundancy in influence diagrams", 1998 (requisite observations);
T. Everitt et al., "Agent incentives: a causal perspective", AAAI 2021, Thms 12 and 18.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cidmesa.errors import NotApplicableError
from cidmesa.mesa.behaviour import observation_pairs, response_mixtures, shown
from cidmesa.mesa.setup import TRAINING
from cidmesa.mesa.shifts import ShiftClass, observed, uniform_policy
from cidmesa.solve.payoffs import utility_range

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.setup import TrainingSetup
    from cidmesa.model import CIM

Kind: TypeAlias = Literal["observation", "response", "control", "regret", "actions", "coverage"]
Modality: TypeAlias = Literal["must", "can"]
Interval: TypeAlias = tuple[float, float]
ActionTable: TypeAlias = tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]
"""Pairs (context, possible actions), contexts in C order."""
Mask: TypeAlias = NDArray[np.bool_]

JOINT = "joint"
LOOKUP = "lookup table"
MARGIN = 0.05
"""What counts as nothing: of total variation, or of the base utility's range."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row: what is claimed of agents, and what it rests on.

    Attributes
    ----------
    id
        Stable name: hypothesis/deployment/kind/subject.
    hypothesis
        ``"joint"``, the name of a candidate, or ``"lookup table"``.
    deployment
        Where it shows; ``"training"`` for the training distribution.
    kind
        ``"observation"``, ``"response"``, ``"control"``, ``"regret"``, ``"actions"``; or ``"coverage"``.
    subject
        The observation, the shifted nodes, the node controlled, the utility, the decision.
    expected
        Whether it shows (a bool); where the number lies, in base-utility units (a pair); which actions are possible
        (pairs of context and actions).
    modality
        ``"must"``: every agent of the recipe. ``"can"``: some.
    theorem
        What the claim rests on.
    decision
        Whose rule is looked at, where it is one decision's.
    inert
        A negative control: the shift reaches nothing that matters, and the row checks the plumbing.
    retrained
        Judged by training the same agents again with one thing changed.
    """

    id: str
    hypothesis: str
    deployment: str
    kind: Kind
    subject: str
    expected: bool | Interval | ActionTable
    modality: Modality
    theorem: str
    decision: str | None = None
    inert: bool = False
    retrained: bool = False


class Predictions(tuple[Prediction, ...]):
    """The rows that can fail, in order; those that cannot are in :attr:`structural`."""

    structural: tuple[Prediction, ...]

    def __new__(cls, rows: Iterable[Prediction], structural: Iterable[Prediction] = ()) -> Predictions:
        """Keep both lists."""
        made = super().__new__(cls, tuple(rows))
        made.structural = tuple(structural)
        return made

    @property
    def digest(self) -> str:
        """A hash of every row, the premise among them: equal digests, equal claims (numbers to nine digits)."""
        text = "\n".join(
            "|".join((row.id, row.modality, _spelled(row.expected), str(row.inert), str(row.retrained)))
            for row in (*self, *self.structural)
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def of(self, hypothesis: str) -> tuple[Prediction, ...]:
        """Return the rows of one hypothesis, or the ``"joint"`` ones."""
        return tuple(row for row in self if row.hypothesis == hypothesis)

    def __getitem__(self, key: Any) -> Any:
        """Return rows by position, or one row by its id."""
        if isinstance(key, str):
            for row in (*self, *self.structural):
                if row.id == key:
                    return row
            raise KeyError(key)
        return super().__getitem__(key)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Predictions, (tuple(self), self.structural))


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
class _Claim:
    """What one hypothesis says in one place, before rows are merged."""

    expected: Any
    modality: Modality
    theorem: str


@dataclass(frozen=True, eq=False)
class _World:
    """One distribution, with what does not depend on the hypothesis."""

    setup: TrainingSetup
    name: str
    model: CIM
    laws: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Per decision the law of its context, under the uniform policy where other decisions matter."""
    worst: float = 0.0
    """The largest base regret that any rule has."""


def predict(
    setup: TrainingSetup, hypotheses: Sequence[Hypothesis], *, tolerance: float = 0.0, margin: float = MARGIN
) -> Predictions:
    r"""State what `hypotheses` predict of agents trained on `setup`.

    Parameters
    ----------
    setup
        With numbers; a bare diagram predicts nothing that can be measured, and gives structural rows alone.
    hypotheses
        The minimal candidates that are not excluded.
    tolerance
        The training regret that is allowed, in base-utility units.
    margin
        Of total variation: a use or response is a *must* only where every possible policy shows at least twice that.

    Returns
    -------
    Predictions

    Notes
    -----
    *True* is a *must* by a lower bound over all rules that take possible actions only, context by context; it may
    call a row *can* that is a must, never the reverse. With several decisions, uses and responses that are expected
    are *can* rows: how often a context comes depends on the rules before it.
    """
    if setup.model is None:
        return Predictions((), _structural_by_graph(setup))
    setup.model.require_numeric("predictions")
    worlds = {name: _world(setup, name) for name in setup.distributions}
    rows: list[Prediction] = []
    apart: list[Prediction] = list(_structural_by_graph(setup))
    apart.append(_training_regret(setup, tolerance))
    inert = [name for name in setup.deployments if hypotheses and all(_is_inert(h, name) for h in hypotheses)]
    for name, world in worlds.items():
        if name in inert:
            rows += _inert_rows(setup, name)
            continue
        for found, fails in (
            *_observation_rows(world, hypotheses, margin),
            *_response_rows(world, hypotheses, margin),
            *_action_rows(world, hypotheses),
            *_regret_rows(world, hypotheses),
            *_coverage_rows(world, hypotheses),
        ):
            (rows if fails else apart).append(found)
    rows += _retrained_rows(setup, worlds[TRAINING], hypotheses, margin)
    return Predictions(rows, apart)


# One kind of row each -----------------------------------------------------------------------------------------------

_Rows: TypeAlias = list[tuple[Prediction, bool]]


def _observation_rows(world: _World, hypotheses: Sequence[Hypothesis], margin: float) -> _Rows:
    cid = world.model.cid
    rows: _Rows = []
    for decision in cid.decisions:
        for axis, parent in enumerate(cid.parents(decision)):
            pairs = observation_pairs(world.laws[decision], axis)
            if not len(pairs):
                continue

            def claim(
                h: Hypothesis, decision: str = decision, parent: str = parent, pairs: Any = pairs
            ) -> _Claim | None:
                if parent not in _links(h, world, decision):
                    return _Claim(
                        False, "must", f"`{parent}` is not requisite for {name_of(h)} (Fagiuoli & Zaffalon 1998)"
                    )
                can = possible_mask(h, world.name, decision, world.model)
                if can is None:
                    return _Claim(True, "can", f"`{parent}` is requisite for {name_of(h)}")
                left, right = can[pairs.left], can[pairs.right]
                if (left.sum(axis=1) == 1).all() and (left == right).all():
                    return _Claim(False, "must", f"{name_of(h)} allows one action, the same whatever `{parent}`")
                least = float(pairs.weights @ ~(left & right).any(axis=1))
                must = len(cid.decisions) == 1 and least >= 2 * margin
                return _Claim(True, "must" if must else "can", f"`{parent}` is requisite for {name_of(h)}")

            subject = _of(parent, decision, cid)
            rows += _merged(world, hypotheses, "observation", subject, decision, claim)
    return rows


def _response_rows(world: _World, hypotheses: Sequence[Hypothesis], margin: float) -> _Rows:
    cid = world.model.cid
    rows: _Rows = []
    for decision in cid.decisions:
        nodes = shown(world.setup, world.name, decision)
        if not nodes:
            continue
        single = len(cid.decisions) == 1
        mixtures = response_mixtures(world.setup, world.name, decision) if single else None

        def claim(
            h: Hypothesis, decision: str = decision, nodes: tuple[str, ...] = nodes, mixtures: Any = mixtures
        ) -> _Claim | None:
            named = ", ".join(f"`{node}`" for node in nodes)
            if not _responsive(h, world, decision) & set(nodes):
                return _Claim(
                    False, "must", f"{name_of(h)} responds to none of {named}: neither requisite nor above one"
                )
            because = f"{name_of(h)} responds to {named}: requisite, or above one"
            before = possible_mask(h, TRAINING, decision, world.model)
            after = possible_mask(h, world.name, decision, world.model)
            if mixtures is None or before is None or after is None:
                return _Claim(True, "can", because)
            low_before, high_before = _shares(mixtures.before, before)
            low_after, high_after = _shares(mixtures.after, after)
            if (
                np.allclose(low_before, high_before)
                and np.allclose(low_after, high_after)
                and np.allclose(low_before, low_after, atol=1e-9)
            ):
                return _Claim(False, "must", f"the actions that {name_of(h)} allows have the same law")
            up = np.maximum(low_after - high_before, 0).sum(axis=1)
            down = np.maximum(low_before - high_after, 0).sum(axis=1)
            least = float(mixtures.weights @ np.maximum(up, down))
            return _Claim(True, "must" if least >= 2 * margin else "can", because)

        rows += _merged(world, hypotheses, "response", _of(", ".join(nodes), decision, cid), decision, claim)
    return rows


def _action_rows(world: _World, hypotheses: Sequence[Hypothesis]) -> _Rows:
    cid = world.model.cid
    rows: _Rows = []
    for decision in cid.decisions:
        reached = world.laws[decision].reshape(-1) > 0
        contexts = world.model.contexts(decision)
        domain = world.model.domain(decision)

        def claim(
            h: Hypothesis,
            decision: str = decision,
            reached: Mask = reached,
            contexts: Any = contexts,
            domain: Any = domain,
        ) -> _Claim | None:
            can = possible_mask(h, world.name, decision, world.model)
            if can is None:
                return None
            table = tuple(
                (context, tuple(a for a, ok in zip(domain, row, strict=True) if ok))
                for context, row, comes in zip(contexts, can, reached, strict=True)
                if comes
            )
            return _Claim(table, "must", _because_of_set(h, world.name))

        rows += _merged(world, hypotheses, "actions", decision, decision, claim)
    return rows


def _regret_rows(world: _World, hypotheses: Sequence[Hypothesis]) -> _Rows:
    if world.name == TRAINING:
        return []

    def claim(h: Hypothesis) -> _Claim | None:
        interval = h.deployment_regret.get(world.name)
        if interval is None or not np.isfinite([interval[0], interval[1]]).all():
            return None
        return _Claim((float(interval[0]), float(interval[1])), "must", _because_of_set(h, world.name))

    subject = ", ".join(world.setup.score)
    return _merged(world, hypotheses, "regret", subject, None, claim)


def _coverage_rows(world: _World, hypotheses: Sequence[Hypothesis]) -> _Rows:
    """Every agent acts as at least one hypothesis says, where they disagree; one that allows everything covers all."""
    contexts = telling(world.setup, hypotheses, world.name)
    known = [
        [possible_mask(h, world.name, decision, world.model) for decision in world.model.cid.decisions]
        for h in hypotheses
    ]
    if not contexts or any(mask is None for masks in known for mask in masks):
        return []
    named = dict(zip(world.model.cid.decisions, zip(*known, strict=True), strict=True))
    excludes = [any(not named[d][i][where].all() for d, where in contexts.items()) for i in range(len(hypotheses))]
    row = Prediction(
        f"{JOINT}/{world.name}/coverage",
        JOINT,
        world.name,
        "coverage",
        ", ".join(world.model.cid.decisions),
        True,
        "must",
        "the hypotheses are all there are",
    )
    return [(row, all(excludes))]


def _inert_rows(setup: TrainingSetup, name: str) -> list[Prediction]:
    nodes = ", ".join(f"`{node}`" for node in sorted(setup.shifted(name)))
    because = f"no directed path from {nodes} to a decision, a target or the score"
    score = ", ".join(setup.score)
    return [
        Prediction(
            f"{JOINT}/{name}/regret/{what}",
            JOINT,
            name,
            "regret",
            f"{score} ({what})",
            (0.0, 0.0),
            "must",
            because,
            inert=True,
            retrained=what == "retrained",
        )
        for what in ("fresh samples", "retrained")
    ]


def _retrained_rows(
    setup: TrainingSetup, world: _World, hypotheses: Sequence[Hypothesis], margin: float
) -> list[Prediction]:
    """Exact differences that retraining can show: without an observation, without influence on a node."""
    if not hypotheses:
        return []
    model, cid = world.model, world.model.cid
    low, high = utility_range(model)
    best = _value(setup, model)
    rows: list[tuple[Kind, str, str, float, str]] = []
    for decision in cid.decisions:
        for parent in cid.parents(decision):
            if all(parent in _links(h, world, decision) for h in hypotheses) and len(cid.decisions) == 1:
                gain = best - _value(setup, blinded(model, parent, decision))
                rows.append(
                    ("observation", parent, decision, gain, "value of information (Everitt et al. 2021, Thm 9)")
                )
        for child in cid.children(decision):
            if cid.kind(child) == "chance":
                gain = best - _value(setup, uncontrolled(model, child, decision))
                rows.append(("control", child, decision, gain, "control incentive (Everitt et al. 2021, Thm 18)"))
    return [
        Prediction(
            f"{JOINT}/{TRAINING}/{kind}/{_of(node, decision, cid)}/retrained",
            JOINT,
            TRAINING,
            kind,
            _of(node, decision, cid),
            (gain, gain),
            "can",
            because,
            decision,
            retrained=True,
        )
        for kind, node, decision, gain, because in rows
        if gain > margin * (high - low)
    ]


def _training_regret(setup: TrainingSetup, tolerance: float) -> Prediction:
    return Prediction(
        f"{LOOKUP}/{TRAINING}/regret/{', '.join(setup.score)}",
        LOOKUP,
        TRAINING,
        "regret",
        ", ".join(setup.score),
        (0.0, tolerance),
        "must",
        "the premise: agents outside it are judged by no row",
    )


def _structural_by_graph(setup: TrainingSetup) -> Iterator[Prediction]:
    """A frozen rule responds to nothing it cannot see, and moves nothing above it."""
    for name in setup.deployments:
        cid = setup.deployed_cid(name)
        unseen = sorted(setup.shifted(name) - observed(cid), key=cid.id)
        for node in unseen:
            yield Prediction(
                f"{JOINT}/{name}/response/{node}", JOINT, name, "response", node, False, "must",
                f"a frozen rule cannot respond to `{node}`, which is not above what it observes",
            )  # fmt: skip
    cid = setup.union_cid
    below = frozenset().union(*(cid.descendants(d) for d in cid.decisions))
    for node in cid.chance:
        if node not in below:
            yield Prediction(
                f"{JOINT}/{TRAINING}/control/{node}", JOINT, TRAINING, "control", node, False, "must",
                f"`{node}` is not below a decision",
            )  # fmt: skip


# Merging ------------------------------------------------------------------------------------------------------------


def _merged(
    world: _World,
    hypotheses: Sequence[Hypothesis],
    kind: Kind,
    subject: str,
    decision: str | None,
    claim: Callable[[Hypothesis], _Claim | None],
) -> _Rows:
    """Make the joint row where all hypotheses claim something of one form, and a row of each that claims more."""
    claims = [(h, claim(h)) for h in hypotheses]
    made = [(h, found) for h, found in claims if found is not None]
    if not made:
        return []
    joint = _union([found for _, found in made]) if len(made) == len(claims) else None
    rows: _Rows = []
    if joint is not None:
        rows.append((_row(world, JOINT, kind, subject, decision, joint), _can_fail(world, decision, joint)))
    for h, found in made:
        if joint is None or _spelled(found.expected) != _spelled(joint.expected):
            rows.append((_row(world, name_of(h), kind, subject, decision, found), _can_fail(world, decision, found)))
    return rows


def _union(claims: Sequence[_Claim]) -> _Claim | None:
    """Return what all claims say together: agreed bools, the hull of intervals, the union of tables."""
    modality: Modality = "must" if all(c.modality == "must" for c in claims) else "can"
    reasons = list(dict.fromkeys(c.theorem for c in claims))
    theorem = reasons[0] if len(reasons) == 1 else "; ".join(reasons)
    first = claims[0].expected
    if isinstance(first, bool):
        return _Claim(first, modality, theorem) if all(c.expected == first for c in claims) else None
    if isinstance(first[0], tuple):
        merged: dict[Any, dict[Any, None]] = {}
        for c in claims:
            for context, actions in c.expected:
                merged.setdefault(context, {}).update(dict.fromkeys(actions))
        return _Claim(tuple((context, tuple(actions)) for context, actions in merged.items()), modality, theorem)
    lows, highs = zip(*(c.expected for c in claims), strict=True)
    return _Claim((min(lows), max(highs)), modality, theorem)


def _row(world: _World, hypothesis: str, kind: Kind, subject: str, decision: str | None, claim: _Claim) -> Prediction:
    name = f"{hypothesis}/{world.name}/{kind}/{subject}"
    return Prediction(
        name, hypothesis, world.name, kind, subject, claim.expected, claim.modality, claim.theorem, decision
    )


def _can_fail(world: _World, decision: str | None, claim: _Claim) -> bool:
    """Say whether some rule would break the claim: not an interval that covers every regret, not a table of all."""
    expected = claim.expected
    if isinstance(expected, bool):
        return True
    if decision is not None:
        size = world.model.card(decision)
        return any(len(actions) < size for _, actions in expected)
    low, high = expected
    slack = 1e-9 * max(1.0, world.worst)
    return bool(low > slack or high < world.worst - slack)


# What is asked of hypotheses and worlds -------------------------------------------------------------------------------


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
    """Return possible actions as booleans ``(contexts, actions)``; every action in contexts that are not reached."""
    try:
        table = h.possible_actions(deployment)[decision]
    except NotApplicableError:
        return None
    domain = model.domain(decision)
    contexts = model.contexts(decision)
    mask = np.ones((len(contexts), len(domain)), dtype=bool)
    for row, context in enumerate(contexts):
        if context in table:
            allowed = set(table[context])
            mask[row] = [action in allowed for action in domain]
    return mask


def _shares(mixture: NDArray[np.float64], can: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the greatest share of each action in each mixture, over rules of possible actions."""
    only = can & (can.sum(axis=1, keepdims=True) == 1)
    return mixture @ only, mixture @ can


def _links(h: Hypothesis, world: _World, decision: str) -> frozenset[str]:
    """Return the observations requisite for the targets, in training or with the edges of the deployment."""
    from cidmesa.graph import requisite_observations

    links = frozenset(h.cid.parents(decision))
    extra = world.setup.deployed_cid(world.name)
    if extra is world.setup.cid or extra == world.setup.cid:
        return links
    return links | requisite_observations(_with_target_utility(extra, h), decision, ["mesa_utility"])


def _responsive(h: Hypothesis, world: _World, decision: str) -> frozenset[str]:
    """Return Resp(T): requisite observations and everything above them."""
    links = _links(h, world, decision)
    cid = world.setup.deployed_cid(world.name)
    return links.union(*(cid.ancestors(node) for node in links))


def _with_target_utility(cid: CID, h: Hypothesis) -> CID:
    base = cid.demote(*cid.utilities)
    return base.with_utility("mesa_utility", h.targets, agent=cid.agents[0])


def _is_inert(h: Hypothesis, deployment: str) -> bool:
    return h.shift_class[deployment] is ShiftClass.INERT


def _because_of_set(h: Hypothesis, deployment: str) -> str:
    if deployment != TRAINING and h.carry_over.get(deployment):
        return f"Theorem A (carry-over) for {name_of(h)}"
    return f"all consistent objectives on {name_of(h)}"


def _of(subject: str, decision: str, cid: CID) -> str:
    return subject if len(cid.decisions) == 1 else f"{subject} -> {decision}"


def _world(setup: TrainingSetup, name: str) -> _World:
    from cidmesa.solve import joint

    model = setup.deployed(name)
    policy = uniform_policy(model)
    laws = {
        d: np.asarray(joint(model, model.cid.parents(d), policy=policy), dtype=np.float64) for d in model.cid.decisions
    }
    return _World(setup, name, model, laws, _value(setup, model) - -_value(setup, negated(model)))


def _value(setup: TrainingSetup, model: CIM) -> float:
    return float(model.solve(shared_rules=setup.shared_rules).value)


def negated(model: CIM) -> CIM:
    """Return the model whose best policy is the worst of `model`."""
    return model.shift({u: -np.asarray(model.cpd(u), dtype=np.float64) for u in model.cid.utilities})


def uncontrolled(model: CIM, node: str, decision: str) -> CIM:
    """Return the model in which `node` follows a uniformly drawn action instead of `decision`'s.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("act", "x"), ("x", "pay")], decisions=["act"], utilities=["pay"])
    >>> model = cid.parameterise(act=[0, 1], x=lambda act: act, pay=lambda x: x)
    >>> model.solve().value, uncontrolled(model, "x", "act").solve().value
    (1.0, 0.5)
    """
    axis = model.cid.parents(node).index(decision)
    table = np.asarray(model.cpd(node), dtype=np.float64)
    return model.shift({node: np.broadcast_to(table.mean(axis=axis, keepdims=True), table.shape)})


def blinded(model: CIM, parent: str, decision: str) -> CIM:
    """Return the model whose `decision` does not see `parent`."""
    cid = model.cid.without_edges((parent, decision))
    return cid.parameterise(dict(model.mechanisms))


def _spelled(expected: bool | Interval | ActionTable) -> str:
    """Write a claim out, numbers to nine digits."""
    if isinstance(expected, bool):
        return str(expected)
    if len(expected) == 2 and not isinstance(expected[0], tuple):
        return f"[{expected[0] + 0.0:.9f}, {expected[1] + 0.0:.9f}]"
    return repr(expected)

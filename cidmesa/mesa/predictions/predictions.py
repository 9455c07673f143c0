r"""What each hypothesis says that trained agents will do, stated before any is trained.

A hypothesis is a minimal candidate :math:`(T, O)` that training does not exclude, or the lookup table. In every
deployment :math:`\sigma` (and in training) a candidate predicts, under a *reading* (:mod:`cidmesa.mesa.readings`),

============  ======================================================================  =================================
observation   the rule uses :math:`Z`: it changes with Z alone                        Z requisite for the targets
response      the rule's law given what the shift leaves alone changes                shifted nodes in Resp(T)
actions       the actions taken are possible ones                                     the consistent set
regret        base regret lies in an interval                                         the consistent set
control       retrained without its influence on :math:`X`, agents earn less          instrumental control incentive
mechanism …   what agents do when one thing is changed: :mod:`.kinds`                 a theorem each
============  ======================================================================  =================================

All of them together predict **coverage**, that each agent acts as at least one of them says. A *must* row claims it of
every agent of the recipe, a *can* row that some will. A row is **joint** where all hypotheses make it (intervals:
their hull; tables of actions: their union), else it is of one hypothesis. Rows that cannot fail, whatever agents do,
are no evidence: they are listed apart, in :attr:`Predictions.structural`. What counts as nothing is allowed to every
agent, so a claim that only a rule within that margin could break cannot fail either: that a rule does not respond to a
shift that hardly moves what is seen, or that almost every regret there is lies in an interval.

**Frozen agents** (the reading *stale*) do in contexts of training what they did there: that is the premise at other
weights. Rows of a deployment are about the contexts that training shows under no policy, weighted by how often they
come and divided by nothing; a deployment without any predicts nothing that could fail, whatever agents want. Agents
that know the deployed world (*competent*) are judged in all its contexts.

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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cidmesa.arguments import require_share
from cidmesa.clock import UNLIMITED, Budget
from cidmesa.graph import requisite_observations
from cidmesa.mesa.graphical.relevance import observed
from cidmesa.mesa.outcomes.reduced_policies import requisite_links
from cidmesa.mesa.predictions import claims
from cidmesa.mesa.predictions.claims import Claim, Hypothesis, Modality, World
from cidmesa.mesa.predictions.comparable_contexts import depends_on_rules, response_mixtures, shown
from cidmesa.mesa.predictions.kinds import inside, mechanism, myopia, phase_cue, planning, tampering, territory
from cidmesa.mesa.predictions.kinds.stated import Kind, Stated, Use
from cidmesa.mesa.readings import STALE, Reading, require_reading
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.shown import Shown, as_table, said, text
from cidmesa.solve.policies.stakes import paying_only

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.mesa.setup.training import TrainingSetup

RowKind: TypeAlias = Literal["observation", "response", "control", "regret", "coverage"] | Kind
Bounds: TypeAlias = tuple[float, float]
ActionTable: TypeAlias = tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]
"""Pairs (context, possible actions), contexts in C order."""

JOINT = "joint"
LOOKUP = "lookup table"
OPEN = "a bound, not settled"
"""How the reason of a row begins of which no more than a bound is known."""
MARGIN = 0.05
"""What counts as nothing: of total variation, or of what the best policy earns less what the worst does."""


@dataclass(frozen=True, slots=True, repr=False)
class Prediction:
    """One row: what is claimed of agents, and what it rests on.

    Attributes
    ----------
    id
        Stable name: hypothesis/deployment/kind/subject.
    hypothesis
        ``"joint"``, the name of a candidate, ``"lookup table"``, or ``"inside as drawn"``.
    deployment
        Where it shows; ``"training"`` for the training distribution.
    kind
        ``"observation"``, ``"response"``, ``"control"``, ``"regret"``, ``"actions"``, ``"coverage"``; ``"mechanism"``,
        ``"adaptation"``, ``"myopia"``, ``"territory"``, ``"tampering"``, ``"deception"``, ``"inside"``
        (:mod:`.kinds`).
    subject
        The observation, the shifted nodes, the node controlled, the utility, the decision, the register, the cue.
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
    reading
        ``"stale"``: of frozen agents, in contexts that training never showed; ``"competent"``: of agents that know the
        deployment.
    """

    id: str
    hypothesis: str
    deployment: str
    kind: RowKind
    subject: str
    expected: bool | Bounds | ActionTable
    modality: Modality
    theorem: str
    decision: str | None = None
    inert: bool = False
    retrained: bool = False
    reading: Reading = STALE

    def __repr__(self) -> str:
        return f"Prediction({self.id}: {self.modality})"


class Predictions(tuple[Prediction, ...], Shown):
    """The rows that are tested, in order.

    Attributes
    ----------
    structural
        Rows that cannot fail, whatever agents do.
    undecidable
        Rows of one hypothesis that cannot tell it from the others: what any optimizer of those does breaks them by
        less than twice the margin, or not at all; and rows that agents may break that meet the premise, by what they
        do in contexts where training hardly ever comes. Of one rule for all moves of a sequence, also rows of which no
        more than a bound is known; their ``theorem`` says why.
    reading
        Of all rows.
    """

    structural: tuple[Prediction, ...]
    undecidable: tuple[Prediction, ...]
    reading: Reading

    def __new__(
        cls,
        rows: Iterable[Prediction],
        structural: Iterable[Prediction] = (),
        undecidable: Iterable[Prediction] = (),
        reading: Reading = STALE,
    ) -> Predictions:
        """Keep the three lists."""
        made = super().__new__(cls, tuple(rows))
        made.structural = tuple(structural)
        made.undecidable = tuple(undecidable)
        made.reading = reading
        return made

    @property
    def digest(self) -> str:
        """A hash of every row, the premise among them: equal digests, equal claims (numbers to nine digits)."""
        text = "\n".join(
            "|".join((row.id, row.modality, _spelled(row.expected), str(row.inert), str(row.retrained), row.reading))
            for row in (*self, *self.structural, *self.undecidable)
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def of(self, hypothesis: str) -> tuple[Prediction, ...]:
        """Return the rows of one hypothesis, or the ``"joint"`` ones."""
        return tuple(row for row in self if row.hypothesis == hypothesis)

    def __getitem__(self, key: Any) -> Any:
        """Return rows by position, or one row by its id."""
        if isinstance(key, str):
            for row in (*self, *self.structural, *self.undecidable):
                if row.id == key:
                    return row
            raise KeyError(key)
        return super().__getitem__(key)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Predictions, (tuple(self), self.structural, self.undecidable, self.reading))

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "where": row.deployment,
                "of": row.hypothesis,
                "kind": row.kind,
                "subject": row.subject,
                "expected": _in_words(row.expected),
                "modality": row.modality,
                "theorem": row.theorem,
            }
            for row in self
        ]

    def _note(self) -> str:
        bounds = sum(row.theorem.startswith(OPEN) for row in self.undecidable)
        knife_edge = len(self.undecidable) - bounds
        more = f"; {knife_edge} cannot tell hypotheses apart" if knife_edge else ""
        more += f"; of {bounds} no more than a bound is known" if bounds else ""
        of = "of frozen agents (stale)" if self.reading == STALE else "of agents that know the deployment (competent)"
        coins = dict.fromkeys(row.theorem for row in self.structural if row.theorem.startswith(claims.TOSSED))
        why = "".join(f" {reason[0].upper()}{reason[1:]}." for reason in coins)
        return (
            f"Reading: {of}. Digest {self.digest[:12]}; {len(self.structural)} rows more cannot fail, whatever agents "
            f"do{more}.{why}"
        )

    def __repr__(self) -> str:
        return f"Predictions({len(self)} rows, {len(self.structural)} structural, digest {self.digest[:12]})"

    def __str__(self) -> str:
        rows = [{key: value for key, value in row.items() if key != "theorem"} for row in self._rows()]
        return text(as_table(rows, self._caption(), self._note()))


def _in_words(expected: Any) -> Any:
    """Write what is expected for a table: a table of actions by context, an interval, yes or no."""
    if isinstance(expected, tuple) and expected and isinstance(expected[0], tuple):
        return "; ".join(
            f"{said(context) if context else 'always'} → {' or '.join(map(said, actions))}"
            for context, actions in expected
        )
    return expected


def predict(
    setup: TrainingSetup,
    hypotheses: Sequence[Hypothesis],
    *,
    tolerance: float = 0.0,
    margin: float = MARGIN,
    reading: Reading | str = STALE,
    budget: Budget = UNLIMITED,
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
        What counts as nothing, of total variation or of a distribution's attainable range. A use or response is a
        *must* only where every possible policy shows at least twice that; a row that no rule breaks by more cannot
        fail.
    reading
        ``"stale"``: what frozen agents do; ``"competent"``: what agents do that know the deployment.
    budget
        How long it may take.

    Returns
    -------
    Predictions

    Notes
    -----
    *True* is a *must* by a lower bound over all rules that take possible actions only, context by context; it may
    call a row *can* that is a must, never the reverse. Uses and responses that are expected of a decision below others
    are *can* rows: how often its contexts come up depends on the rules before it.
    """
    reading = require_reading(reading)
    require_share(margin, "margin")
    if setup.model is None:
        return _read(reading, (), _structural_by_graph(setup))
    setup.model.require_numeric("predictions", "cm.alignment_region(setup, target)")
    worlds = {name: claims.world_of(setup, name, budget, reading) for name in setup.distributions}
    rows: list[Prediction] = []
    knife_edge: list[Prediction] = []
    apart: list[Prediction] = list(_structural_by_graph(setup))
    apart.append(_training_regret(setup, tolerance))
    inert = [name for name in setup.deployments if hypotheses and all(claims.is_inert(h, name) for h in hypotheses)]
    named = budget.each(worlds.items(), "stating predictions", _SHRINK, total=len(worlds))
    for name, world in named:
        if name in inert:
            rows += _inert_rows(setup, name)
            continue
        lists = {"tested": rows, "structural": apart, "undecidable": knife_edge}
        about = (
            _measured_rows(world, hypotheses, margin, tolerance),
            _whole_regret(world, hypotheses),
            _coverage_rows(world, hypotheses, margin),
            _changed_rows(world, worlds[TRAINING], hypotheses, margin, tolerance),
        )
        for found, what in chain.from_iterable(about):
            lists[what].append(found)
    rows += [_named(row)[0] for row in inside.rows(setup)]
    retrained = _retrained_rows(setup, worlds[TRAINING], hypotheses, margin, tolerance, budget)
    (rows if retrained and worlds[TRAINING].range > 0 else apart).extend(retrained)  # else there is nothing to lose
    return _read(reading, rows, apart, knife_edge)


def _read(
    reading: Reading, tested: Iterable[Prediction], apart: Iterable[Prediction], knife_edge: Iterable[Prediction] = ()
) -> Predictions:
    """Write the reading on every row."""
    lists = [[replace(row, reading=reading) for row in rows] for rows in (tested, apart, knife_edge)]
    return Predictions(lists[0], lists[1], lists[2], reading)


_SHRINK = "declare fewer deployments, or derive fewer candidates, targets=[..]"

# Rows ---------------------------------------------------------------------------------------------------------------

_Rows: TypeAlias = list[tuple[Prediction, Use]]
"""Rows, and which list each goes to."""


def _measured_rows(world: World, hypotheses: Sequence[Hypothesis], margin: float, tolerance: float) -> _Rows:
    """Ask every hypothesis about every observation, shift, decision and the score."""
    rows: _Rows = []
    if world.shows_nothing_new:
        return rows
    for decision in world.model.cid.decisions:
        if world.counted[decision].any():
            rows += _observation_rows(world, hypotheses, decision, margin)
            rows += _response_rows(world, hypotheses, decision, margin)
            rows += _action_rows(world, hypotheses, decision, margin, tolerance)
    if world.name != TRAINING:
        costs = partial(claims.regret, world=world)
        rows += _merged(world, hypotheses, "regret", ", ".join(world.setup.score), None, costs, margin)
    return rows


def _observation_rows(world: World, hypotheses: Sequence[Hypothesis], decision: str, margin: float) -> _Rows:
    rows: _Rows = []
    cid, law = world.model.cid, world.tables[decision]
    for axis, parent in enumerate(cid.parents(decision)):
        pairs = claims.pairs_of(world, decision, law, axis, None, ())
        if not len(pairs):
            continue

        def most(claim: Claim, said_by: Sequence[Hypothesis], axis: int = axis) -> float | None:
            found = claims.pairs_of(world, decision, law, axis, claim.expected, said_by).greatest
            return None if found and depends_on_rules(cid, decision) else found

        used = partial(claims.use, world=world, decision=decision, parent=parent, pairs=pairs, margin=margin)
        shows = partial(claims.greatest_use, world=world, decision=decision, pairs=pairs)
        subject = _of(parent, decision, cid)
        found = _merged(world, hypotheses, "observation", subject, decision, used, margin, most, shows)
        loose = claims.loosely_held(world, decision, pairs.moves(law.size), margin)
        rows += _held(found, loose, margin)
    return rows


def _held(rows: _Rows, loose: float, margin: float) -> _Rows:
    """List a *no* as undecidable where agents that meet the premise may show more, by as much as `loose` says.

    It is in contexts where training hardly ever comes that they may; a *yes* has allowed for that already.
    """
    if loose <= margin:
        return rows
    return [(row, "undecidable" if row.expected is False and use == "tested" else use) for row, use in rows]


def _response_rows(world: World, hypotheses: Sequence[Hypothesis], decision: str, margin: float) -> _Rows:
    cid, setup = world.model.cid, world.setup
    nodes = shown(setup, world.name, decision)
    if not nodes:
        return []
    every = None if depends_on_rules(cid, decision) else response_mixtures(setup, world.name, decision)
    mixtures = None if every is None else claims.mixtures_of(world, decision, every, None, ())

    def most(claim: Claim, said_by: Sequence[Hypothesis]) -> float | None:
        if every is None:
            return None
        return claims.mixtures_of(world, decision, every, claim.expected, said_by).greatest

    responds = partial(claims.response, world=world, decision=decision, nodes=nodes, mixtures=mixtures, margin=margin)
    shows = partial(claims.greatest_response, world=world, decision=decision, mixtures=mixtures)
    subject = _of(", ".join(nodes), decision, cid)
    found = _merged(world, hypotheses, "response", subject, decision, responds, margin, most, shows)
    return (
        found
        if mixtures is None
        else _held(found, claims.loosely_held(world, decision, mixtures.moves, margin), margin)
    )


def _action_rows(
    world: World, hypotheses: Sequence[Hypothesis], decision: str, margin: float, tolerance: float
) -> _Rows:
    """Say which actions are possible; where nothing is tolerated, the base's own in training are the premise."""
    taken = partial(claims.actions, world=world, decision=decision)
    rows = _merged(world, hypotheses, "actions", decision, decision, taken, margin)
    if world.name != TRAINING or tolerance > 0:
        return rows
    return [(row, "structural" if row.hypothesis == JOINT else use) for row, use in rows]


def _whole_regret(world: World, hypotheses: Sequence[Hypothesis]) -> _Rows:
    """Show the regret of frozen agents in all contexts: what of it is not new follows from the premise."""
    if not world.frozen or not (world.shows_nothing_new or len(world.model.cid.decisions) > 1):
        return []
    found = [claims.whole_regret(h, world) for h in hypotheses]
    said_by = [claim for claim in found if claim is not None]
    joint = _union(said_by) if said_by and len(said_by) == len(found) else None
    if joint is None:
        return []
    return [(_row(world, JOINT, "regret", ", ".join(world.setup.score), None, joint), "structural")]


def _coverage_rows(world: World, hypotheses: Sequence[Hypothesis], margin: float) -> _Rows:
    """Every agent acts as at least one hypothesis says, where they disagree.

    One that allows everything covers all, and contexts that hardly come up tell nothing.
    """
    contexts = claims.telling(world, hypotheses)
    known = [[world.possible(h, decision) for decision in world.model.cid.decisions] for h in hypotheses]
    if not contexts or any(mask is None for masks in known for mask in masks):
        return []
    named = dict(zip(world.model.cid.decisions, zip(*known, strict=True), strict=True))
    may = {d: world.may(d) for d in contexts}
    excludes = [
        any((may[d] & ~named[d][i])[where].any() for d, where in contexts.items()) for i in range(len(hypotheses))
    ]
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
    cid = world.model.cid
    often = any(
        depends_on_rules(cid, d) or float(world.tables[d].reshape(-1)[w].sum()) > margin for d, w in contexts.items()
    )
    return [(row, "tested" if all(excludes) and often else "structural")]


def _changed_rows(
    world: World, training: World, hypotheses: Sequence[Hypothesis], margin: float, tolerance: float
) -> _Rows:
    """Say what agents do when one thing is changed, a few rows of each kind; see :mod:`.kinds`."""
    if not hypotheses:
        return []
    if world.name == TRAINING:
        retrained = chain(myopia.rows(training, margin, tolerance), territory.rows(training, margin, tolerance))
        return [*_cue_rows(training, hypotheses, margin, tolerance), *map(_named, retrained)]
    if not world.frozen:
        return _register_rows(world, hypotheses, margin)
    about = (
        mechanism.rows(world, training, margin, tolerance),
        tampering.retrained_rows(world, margin),
        planning.rows(world, hypotheses, margin, tolerance),
    )
    return [_named(row) for row in chain.from_iterable(about)]


def _named(row: Stated) -> tuple[Prediction, Use]:
    name = f"{row.hypothesis}/{row.deployment}/{row.kind}/{row.subject}" + ("/retrained" if row.retrained else "")
    claim = row.claim
    made = Prediction(
        name, row.hypothesis, row.deployment, row.kind, row.subject, claim.expected, claim.modality, claim.theorem,
        row.decision, retrained=row.retrained,
    )  # fmt: skip
    return made, row.use


def _cue_rows(training: World, hypotheses: Sequence[Hypothesis], margin: float, tolerance: float) -> _Rows:
    """Say whether the rule changes when the cue is flipped that tells training from deployment."""
    rows: _Rows = []
    for cue in phase_cue.cues(training.setup):
        decision = training.setup.phases.train  # type: ignore[union-attr]  # a cue is one of phases
        pairs = phase_cue.flipped(training.setup, cue, training.tables[decision])
        changes = {id(h): phase_cue.responses(h, training.setup, decision, pairs, tolerance) for h in hypotheses}

        def says(h: Hypothesis, cue: str = cue, changes: Any = changes) -> Claim | None:
            return phase_cue.claim(h, cue, changes[id(h)], margin)

        def shows(h: Hypothesis, changes: Any = changes) -> float | None:
            found = changes[id(h)]
            return found.most if found.deceptive else None

        most = None if depends_on_rules(training.model.cid, decision) else pairs.greatest
        rows += _merged(
            training, hypotheses, "deception", cue, decision, says, margin, lambda *_, most=most: most, shows
        )  # fmt: skip
    return rows


def _register_rows(world: World, hypotheses: Sequence[Hypothesis], margin: float) -> _Rows:
    """Say whether agents that know the deployment write what it lets them write."""
    rows: _Rows = []
    for register in tampering.registers(world.setup, world.name):
        gains = tampering.written(world.setup, world.name, register)
        (decision,) = world.model.cid.decisions
        writes = partial(tampering.claim, world=world, register=register, gains=gains, margin=margin)
        shows = partial(tampering.greatest, world=world, gains=gains)
        most = tampering.bounds(gains, world.may(decision))[1]
        rows += _merged(
            world, hypotheses, "tampering", register, decision, writes, margin, lambda *_, most=most: most, shows
        )  # fmt: skip
    return rows


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
    setup: TrainingSetup,
    world: World,
    hypotheses: Sequence[Hypothesis],
    margin: float,
    tolerance: float,
    budget: Budget,
) -> list[Prediction]:
    """What retraining loses, exactly: without an observation, without influence on a node.

    Without an observation that is not requisite for the base nothing is lost, and every agent has to show that: it is
    trained again on the base utility, whatever it wants. Of any other the loss is what agents can show that learn as
    well. Of several decisions all that see a node are kept from it, and rows are about nodes that are requisite for
    none.
    """
    if not hypotheses:
        return []
    model, cid = paying_only(world.model, setup.training_score), world.model.cid
    best = claims.best_value(setup, model, budget)
    rows: list[tuple[RowKind, str, str | None, float, Modality, str]] = []
    if len(cid.decisions) > 1:
        because = "requisite for the score at no decision (Fagiuoli & Zaffalon 1998)"
        rows += [("observation", node, None, 0.0, "must", f"`{node}` is {because}") for node in _idle(setup)]
    for decision in cid.decisions if len(cid.decisions) == 1 else ():
        needed = requisite_observations(cid, decision, setup.training_score)
        for parent in cid.parents(decision):
            if parent in model.allowed_reads(decision):
                continue  # it is part of the form of the rule: there is no agent without it
            if parent not in needed:
                because = f"`{parent}` is not requisite for the score (Fagiuoli & Zaffalon 1998)"
                rows.append(("observation", parent, decision, 0.0, "must", because))
            elif all(parent in claims.requisite(h, world, decision) for h in hypotheses):
                gain = best - claims.best_value(setup, claims.blinded(model, parent, decision), budget)
                because = "value of information (Everitt et al. 2021, Thm 9)"
                rows.append(("observation", parent, decision, gain, "can", because))
    for decision in cid.decisions:
        for child in cid.children(decision):
            if cid.kind(child) == "chance":
                gain = best - claims.best_value(setup, claims.uncontrolled(model, child, decision), budget)
                because = "control incentive (Everitt et al. 2021, Thm 18)"
                rows.append(("control", child, decision, gain, "can", because))
    return [
        Prediction(
            f"{JOINT}/{TRAINING}/{kind}/{node if decision is None else _of(node, decision, cid)}/retrained",
            JOINT,
            TRAINING,
            kind,
            node if decision is None else _of(node, decision, cid),
            (gain - tolerance, gain + tolerance),
            modality,
            because,
            decision,
            retrained=True,
        )
        for kind, node, decision, gain, modality, because in rows
        if modality == "must" or gain - tolerance > margin * world.range
    ]


def _idle(setup: TrainingSetup) -> list[str]:
    """Return the observations that are requisite for the score at no decision, once others that are idle are gone."""
    cid, links = setup.cid, requisite_links(setup, setup.training_score)
    seen = {parent for decision in cid.decisions for parent in cid.parents(decision)}
    return [node for node in cid.nodes if node in seen.difference(*links.values())]


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
    cid = setup.cid
    below = setup.ever_below(cid.decisions)
    for node in cid.chance:
        if node not in below:
            yield Prediction(
                f"{JOINT}/{TRAINING}/control/{node}", JOINT, TRAINING, "control", node, False, "must",
                f"`{node}` is not below a decision",
            )  # fmt: skip


# Merging ------------------------------------------------------------------------------------------------------------


def _merged(
    world: World,
    hypotheses: Sequence[Hypothesis],
    kind: RowKind,
    subject: str,
    decision: str | None,
    claim: Callable[[Hypothesis], Claim | None],
    margin: float,
    most: Callable[[Claim, Sequence[Hypothesis]], float | None] | None = None,
    shows: Callable[[Hypothesis], float | None] | None = None,
) -> _Rows:
    """Make the joint row where all hypotheses claim something of one form, and a row of each that claims more.

    No rule shows more than `most` of a use or response that some hypotheses claim or deny, and no optimizer of a
    hypothesis more than `shows` says, where those are known.
    """
    asked = [(h, claim(h)) for h in hypotheses]
    made = [(h, found) for h, found in asked if found is not None]
    if not made:
        return []
    joint = (
        _union([found for _, found in made], world.model.domain(decision) if kind == "actions" and decision else ())
        if len(made) == len(asked)
        else None
    )
    rows: _Rows = []
    if joint is not None:
        fails = _can_fail(world, decision, joint, margin, None if most is None else most(joint, hypotheses))
        rows.append((_row(world, JOINT, kind, subject, decision, joint), "tested" if fails else "structural"))
    for h, found in made:
        if joint is None or _spelled(found.expected) != _spelled(joint.expected):
            use: Use = "tested"
            if not _can_fail(world, decision, found, margin, None if most is None else most(found, [h])):
                use = "structural"
            elif _on_the_edge(world, decision, found, [pair for pair in asked if pair[0] is not h], margin, shows):
                use = "undecidable"
            rows.append((_row(world, claims.name_of(h), kind, subject, decision, found), use))
    return rows


def _on_the_edge(
    world: World,
    decision: str | None,
    claim: Claim,
    others: Sequence[tuple[Hypothesis, Claim | None]],
    margin: float,
    shows: Callable[[Hypothesis], float | None] | None,
) -> bool:
    """Say whether the optimizers of all other hypotheses break a claim a little, and none by twice the margin.

    What is not known of one of them decides nothing.
    """
    expected = claim.expected
    if expected is True or not others:
        return False
    found: list[float | None] = []
    for h, other in others:
        if expected is False:
            found.append(None if shows is None else shows(h))
        elif other is None:
            found.append(None)
        elif decision is not None:
            found.append(_outside(world, decision, expected, other.expected))
        else:
            beyond = max(other.expected[1] - expected[1], expected[0] - other.expected[0])
            found.append(beyond / world.range if world.range > 0 else None)
    if any(number is None for number in found):
        return False
    rounding = 1e-9
    return rounding < max(number for number in found if number is not None) < 2 * margin - rounding


def _outside(world: World, decision: str, table: ActionTable, other: ActionTable) -> float | None:
    """Return how often, at most, a rule of the actions in `other` takes one that is not in `table`."""
    if depends_on_rules(world.model.cid, decision):
        return None
    allowed = {context: set(actions) for context, actions in table}
    off = {context for context, actions in other if not set(actions) <= allowed.get(context, set(actions))}
    chances = zip(world.model.contexts(decision), world.tables[decision].reshape(-1).tolist(), strict=True)
    return float(sum(chance for context, chance in chances if context in off))


def _union(said: Sequence[Claim], domain: tuple[Any, ...] = ()) -> Claim | None:
    """Return what all said say together: agreed bools, the hull of intervals, the union of tables."""
    modality: Modality = "must" if all(c.modality == "must" for c in said) else "can"
    reasons = list(dict.fromkeys(c.theorem for c in said))
    theorem = reasons[0] if len(reasons) == 1 else "; ".join(reasons)
    first = said[0].expected
    if isinstance(first, bool):
        forced = all(c.forced for c in said)
        return Claim(first, modality, theorem, forced) if all(c.expected == first for c in said) else None
    if isinstance(first[0], tuple):
        merged: dict[Any, set[Any]] = {}
        for c in said:
            for context, actions in c.expected:
                merged.setdefault(context, set()).update(actions)
        table = tuple((context, tuple(a for a in domain if a in allowed)) for context, allowed in merged.items())
        return Claim(table, modality, theorem)
    lows, highs = zip(*(c.expected for c in said), strict=True)
    return Claim((min(lows), max(highs)), modality, theorem)


def _row(world: World, hypothesis: str, kind: RowKind, subject: str, decision: str | None, claim: Claim) -> Prediction:
    name = f"{hypothesis}/{world.name}/{kind}/{subject}"
    return Prediction(
        name, hypothesis, world.name, kind, subject, claim.expected, claim.modality, claim.theorem, decision
    )


def _can_fail(world: World, decision: str | None, claim: Claim, margin: float, most: float | None) -> bool:
    """Say whether some rule would break the claim by more than the margin.

    None breaks an interval that covers every regret or a table of all actions, and none shows a use or response of what
    hardly comes up. How often contexts come up is asked only where no other decision has a say in it.
    """
    expected = claim.expected
    if claim.forced:
        return False
    if isinstance(expected, bool):
        return most is None or most > margin
    if decision is not None:
        sizes = dict(zip(world.model.contexts(decision), world.may(decision).sum(axis=1).tolist(), strict=True))
        excluding = {context for context, actions in expected if len(actions) < sizes[context]}
        if depends_on_rules(world.model.cid, decision):
            return bool(excluding)
        chances = zip(world.model.contexts(decision), world.tables[decision].reshape(-1).tolist(), strict=True)
        return sum(chance for context, chance in chances if context in excluding) > margin
    low, high = expected
    slack = (margin + 1e-9) * world.range
    return bool(low > slack or high < world.worst - slack)


def _of(subject: str, decision: str, cid: CID) -> str:
    return subject if len(cid.decisions) == 1 else f"{subject} -> {decision}"


def _spelled(expected: bool | Bounds | ActionTable) -> str:
    """Write a claim out, numbers to nine digits."""
    if isinstance(expected, bool):
        return str(expected)
    if len(expected) == 2 and not isinstance(expected[0], tuple):
        return f"[{expected[0] + 0.0:.9f}, {expected[1] + 0.0:.9f}]"
    return repr(expected)

"""An oracle says how likely something is, and people act on what it says.

Trained offline, on what happened before anybody listened, it predicts the world without itself. Trained online it meets
its own effects. Where what returns is data like any other (supervised learning), it moves to a prediction that comes
true because it was made: it drifts there with no wish to. Where it answers for the outcome that returns (a reward, or a
gradient through the world), it has a reason to make the outcome easy to predict, and says what it can bring about.

In context x the event happens with probability s(b_x), s being the logistic function; once the oracle is heeded, with
s(b_x + kappa (2p - 1)) where p is what it said. It is paid 1 - (p - y)^2, so saying what one believes is best. What
came before it was heeded counts a twentieth. At kappa = 0 nobody listens, and the three kinds of training are one.

The design (tables, 21 things to say, kappa = 1.5, 800 steps of exact gradient) was fixed on seed 0; the recipe runs
seed 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import cidmesa as cm
from cidmesa.gallery.findings import formula, in_each, not_run
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled
from cidmesa.validation.statistics import MARGIN, share_test

if TYPE_CHECKING:
    from cidmesa.agents import Agents
    from cidmesa.arrays import Floats

SOURCE = (
    "A. Demski, The parable of Predict-O-Matic, 2019; S. Armstrong and X. O'Rorke, Good and safe uses of AI oracles, "
    "2018"
)
SAYS = tuple(round(0.05 * i, 2) for i in range(21))
"""What the oracle can say."""
LEANING = {"very unlikely": -1.0, "unlikely": -0.5, "even": 0.0, "likely": 0.5, "very likely": 1.0}
"""Context → the event's log-odds without the oracle."""
BEFORE = 0.05
"""What an episode from before it was heeded counts."""
ARMS: dict[str, tuple[float, bool | None]] = {
    "offline": (1.5, None),
    "online supervised": (1.5, False),
    "online rewarded": (1.5, True),
    "unheeded, supervised": (0.0, False),
    "unheeded, rewarded": (0.0, True),
}
"""Arm → how much people listen, and whether the oracle answers for what returns (`None`: nothing does)."""
UNHEEDED = ("unheeded, supervised", "unheeded, rewarded")
TABLES = "tables"


def chance(log_odds: Any) -> Any:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-log_odds))


def setup(kappa: float, credit: bool | None) -> cm.TrainingSetup:
    """Return the oracle before and after it is heeded, with what returns to training."""
    base = cm.CID(
        [("context", "say"), ("context", "event"), ("say", "pay"), ("event", "pay"), ("before", "pay")],
        decisions=["say"], utilities=["pay"],
    )  # fmt: skip
    model = base.parameterise(
        context=cm.Uniform(*LEANING),
        say=list(SAYS),
        event=cm.Function(lambda context: _law(LEANING[context]), domain=(0, 1)),
        before=cm.Categorical({True: 1.0, False: 0.0}),
        pay=lambda say, event, before: (BEFORE if before else 1.0) * (1 - (say - event) ** 2),
    )
    heeded = cm.Deployment(
        {
            "event": cm.Function(lambda context, say: _law(LEANING[context] + kappa * (2 * say - 1)), domain=(0, 1)),
            "before": cm.Categorical({True: 0.0, False: 1.0}),
        },
        edges=[("say", "event")],
    )
    back = [] if credit is None else [(node, node, credit) for node in ("context", "event", "before")]
    return cm.TrainingSetup(model, deployments={"heeded": heeded}, feedback=back)


def _law(log_odds: float) -> dict[int, float]:
    p = float(chance(log_odds))
    return {0: 1 - p, 1: p}


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Agents:
    """Train tables by exact gradient, online where something returns."""
    recipe: dict[str, Any] = {"learner": "exact", "policy": "tabular", "steps": 800, "rate": 0.1, "seed": 1}
    return cm.train(setup, online=True, **{**recipe, **options})


def expected(kappa: float, credit: bool | None) -> Any:
    """Return what an oracle comes to say in each context, by the arithmetic of the story.

    Offline the nearest it can say to s(b). Supervised, what says itself: the p with p = P(event), given what counts.
    Rewarded, the p that is paid most.
    """
    said = np.array(SAYS)
    b = np.array(list(LEANING.values()))[:, None]
    before, after = chance(b), chance(b + kappa * (2 * said - 1))
    if credit is None:
        return said[np.abs(said - before).argmin(axis=1)]
    if credit:
        return said[(BEFORE * score(said, before) + score(said, after)).argmax(axis=1)]
    met = (BEFORE * before + after) / (BEFORE + 1)
    return said[np.abs(said - met).argmin(axis=1)]


def score(said: Any, true: Any) -> Any:
    """Return what saying a probability is paid, where another one is true.

    >>> score(0.5, 0.9), score(1.0, 0.9)
    (0.75, 0.9)
    """
    return 1 - (true * (1 - said) ** 2 + (1 - true) * said**2)


def claims() -> tuple[Claim, ...]:
    """Return what the parable says, and the numbers of this one."""
    return (
        Claim("Training has an incentive to control the event iff what returns is answered for.", _incentive),
        Claim("Offline nobody can have been selected for bringing the event about.", in_each(_not_after, ARMS)),
        Claim("Where the oracle is heeded the event is territory, though it only predicts.", in_each(_territory, ARMS)),
        Claim("Offline it predicts the world without itself.", _says("offline")),
        Claim("Online, supervised, it says what comes true because it was said.", _says("online supervised")),
        Claim("That prediction is calibrated.", _calibrated),
        Claim("Rewarded, it is more extreme than that, and no longer calibrated.", _gives_up_calibration),
        Claim("Rewarded, it says what is paid most of all.", _says("online rewarded")),
        Claim(
            "Where nobody listens, all three are one.", _says("offline", "unheeded, supervised", "unheeded, rewarded")
        ),
    )


def system() -> System:
    """Return the oracle with its three kinds of training, heeded and not."""
    return System(
        name="trained-oracle",
        title="The trained oracle",
        source=SOURCE,
        story=__doc__ or "",
        setups={arm: setup(*point) for arm, point in ARMS.items()},
        derive={arm: {"targets": ["event", "pay"]} for arm in ARMS},
        claims=claims(),
        bodies={TABLES: "a table of what to say in each context, by exact gradient"},
        train=agents,
        seconds=8.0,
        fast={"agents": 20, "steps": 200},
    )


# How the claims are judged -------------------------------------------------------------------------------------------


def _incentive(evidence: Evidence) -> Finding:
    words, right = [], True
    for arm, (_, credit) in ARMS.items():
        twin = evidence.families[arm].setup.base_optimizer()
        found = cm.admits_ici(twin, "event@heeded", "theta").answer is cm.Answer.ADMITS
        right &= found == bool(credit)
        words.append(f"{arm}: {'yes' if found else 'no'}")
    return settled(right, "; ".join(words))


def _not_after(evidence: Evidence, arm: str) -> tuple[bool, str]:
    found = evidence.families[arm]["event"]
    return not found.reasons.control, f"{found.consistency.value}, no decision of training is above it"


def _territory(evidence: Evidence, arm: str) -> tuple[bool, str]:
    found = evidence.families[arm]["pay"]
    before, after = found.territory, found.in_deployment["heeded"].territory
    return not before and after == {"event"}, f"{sorted(before)} before, {sorted(after)} when heeded"


def said(agents: Agents) -> Floats:
    """Return what each agent says on average in each context."""
    mean: Floats = agents.probabilities("say") @ np.array(SAYS)
    return mean


def distance(values: Any) -> Any:
    """Return how far from one half what is said is, on average over contexts."""
    return np.abs(np.asarray(values) - 0.5).mean(axis=-1)


def miscalibration(agents: Agents, kappa: float) -> Floats:
    """Return how far from what then happens that is which each agent says, on average."""
    b = np.array(list(LEANING.values()))[:, None]
    off = np.abs(np.array(SAYS) - chance(b + kappa * (2 * np.array(SAYS) - 1)))
    found: Floats = (agents.probabilities("say") * off).sum(axis=-1).mean(axis=-1)
    return found


def _says(*arms: str) -> Any:
    def judge(evidence: Evidence) -> Finding:
        got = {arm: evidence.agents[arm, TABLES] for arm in arms if (arm, TABLES) in evidence.agents}
        found = {arm: (distance(said(trained)), float(distance(expected(*ARMS[arm])))) for arm, trained in got.items()}
        return formula(found) if len(found) == len(arms) else not_run("the arms " + ", ".join(arms))

    return judge


def _calibrated(evidence: Evidence) -> Finding:
    arm = "online supervised"
    trained = evidence.agents.get((arm, TABLES))
    if trained is None:
        return not_run(arm)
    return formula({arm: (miscalibration(trained, ARMS[arm][0]), 0.0)}, margin=MARGIN / 2)


def _gives_up_calibration(evidence: Evidence) -> Finding:
    arm = "online rewarded"
    trained = evidence.agents.get((arm, TABLES))
    if trained is None:
        return not_run(arm)
    fixed = float(distance(expected(*ARMS["online supervised"])))
    far, off = distance(said(trained)), miscalibration(trained, ARMS[arm][0])
    both = int(((far > fixed + MARGIN) & (off > MARGIN)).sum())
    verdict = share_test(both, len(far) - both, len(far)).verdict()
    return Finding(verdict, f"distance from 1/2 {far.mean():.3f} ({fixed:.3g} supervised), off by {off.mean():.3f}: "
                   f"{both} of {len(far)} agents")  # fmt: skip

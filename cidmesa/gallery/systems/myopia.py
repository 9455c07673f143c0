"""A learner may do something now that only pays later, and for whoever comes next.

Acting costs c at once and is worth b in the next step to whoever sits there: r_t = b a_{t-1} - c a_t. A learner that is
credited with the next step acts, and in doing so changes what it will meet: the distribution shifts because of it.
Whether it does depends on how far its credit reaches, and that is a property of the training process.

A learner with discount gamma acts iff gamma b > c. Selection of whole lives does so iff b > c. Learners that exchange
their worlds at random among K meet their own doing in one of K steps: gamma b / K > c; in strict rotation they never
do. Selection within a group that shares everything never favours acting, for all have the benefit and only who acts
pays; within a population P that exchanges worlds in groups of K it does iff b > c K (P - 1) / (P - K).

Each kind of training is run a tenth below and a tenth above its threshold. The designs (24 steps an episode, 16
episodes, 400 steps of Adam on one logit; 60 or 100 generations) were fixed on seed 0; the recipe runs seed 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import cidmesa as cm
from cidmesa.agents.brought import Rules
from cidmesa.gallery.findings import formula, not_run, of_all
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled
from cidmesa.gallery.worlds import sharing
from cidmesa.mesa.corollaries import myopia as theory
from cidmesa.validation.statistics import correct, share_test

if TYPE_CHECKING:
    from cidmesa.arrays import Floats

SOURCE = "D. Krueger, T. Maharaj, J. Leike, Hidden incentives for auto-induced distributional shift, 2020"
ARM = "four steps"
GAMMA, COST, BENEFIT = 0.9, 1.0, 3.0
SWAPPING, POPULATION, GROUP = 2, 64, 4
LARGE = 20.0
"""A benefit at which whoever never acts does not."""
THRESHOLDS = {
    "learner": COST / GAMMA,
    "swapping": SWAPPING * COST / GAMMA,
    "rotating": math.inf,
    "selected": COST,
    "selected in groups": COST * GROUP * (POPULATION - 1) / (POPULATION - GROUP),
    "selected among all": math.inf,
}
"""Body → from which benefit on its agents act."""
BODIES = {
    "far-sighted": "tables for each step, PPO with a discount of .9",
    "myopic": "the same with a discount of 0: credited with their own step",
    "learner": "one logit, REINFORCE with a discount of .9, alone",
    "swapping": "two of them that exchange their worlds at random",
    "rotating": "two of them that exchange their worlds in every step",
    "selected": "tables that are selected by the reward of a whole life",
    "selected in groups": "64 members that exchange their worlds in groups of four, and are selected",
    "selected among all": "eight members that all share, and are selected",
}


@dataclass(frozen=True, eq=False)
class Swept(Rules):
    """Agents at the benefit of the setup, with what others trained alike do at other benefits: benefit → shares."""

    acting: dict[float, Floats] = field(default_factory=dict, repr=False)


def chain(benefit: float, moves: int) -> cm.CIM:
    """Return so many steps in one world."""
    step = cm.CID([("was", "pay"), ("act", "pay"), ("act", "was'")], decisions=["act"], utilities=["pay"])
    model = step.parameterise({
        "was": cm.Categorical({0: 1.0, 1: 0.0}),
        "act": [0, 1],
        "was'": cm.Function(lambda act: act, domain=(0, 1)),
        "pay": lambda was, act: benefit * was - COST * act,
    })  # fmt: skip
    return cm.unroll(model, moves)


def setup(credit: bool = True) -> cm.TrainingSetup:
    """Return four steps, and later episodes that begin where an earlier one ended, as far as that is answered for."""
    later = {"was@0": cm.Uniform(0, 1)}
    return cm.TrainingSetup(
        chain(BENEFIT, 4), deployments={"later": later}, feedback=[("was@4", "was@0", credit)]
    )  # fmt: skip


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Any:
    """Train tables in the four steps, or a body of the sweep below and above its threshold."""
    seed = options.get("seed", 1)
    if body in ("far-sighted", "myopic"):
        discount = GAMMA if body == "far-sighted" else 0.0
        recipe = {"learner": "ppo", "policy": "tabular", "discount": discount, "seed": seed, "agents": 24}
        return cm.train(setup, **{**recipe, **options})
    agents, steps = options.get("agents", 24), options.get("steps")
    threshold = THRESHOLDS[body]
    tried = [LARGE] if math.isinf(threshold) else [0.9 * threshold, 1.1 * threshold]
    shares = _trained(body, [BENEFIT, *tried], agents, steps, seed)
    rules = [{d: [1 - p, p] for d in setup.cid.decisions} for p in shares[0].tolist()]
    return Swept(tuple(rules), setup.model, acting=dict(zip(tried, shares[1:], strict=True)))


def _trained(body: str, benefits: list[float], agents: int, steps: int | None, seed: int) -> Floats:
    if body == "selected":
        found = []
        for benefit in benefits:
            world = chain(benefit, sharing.MOVES)
            selected = cm.train(
                world, shared_rules=[world.cid.decisions], learner="evolution", policy="tabular", population=POPULATION,
                steps=min(60, steps or 60), batch=4, agents=agents, seed=seed, progress=False,
            )  # fmt: skip
            found.append(selected.probabilities("act@0")[:, 0, 1])
        return np.array(found)
    if body.startswith("selected"):
        population, group = (POPULATION, GROUP) if body == "selected in groups" else (8, 8)
        return sharing.selected(
            benefits, agents=agents, generations=min(100, steps or 100), population=population, group=group, seed=seed
        )
    learners = 1 if body == "learner" else SWAPPING
    return sharing.learned(
        benefits, agents=agents, steps=steps or 400, discount=GAMMA, learners=learners, rotate=body == "rotating",
        seed=seed,
    )  # fmt: skip


def claims() -> tuple[Claim, ...]:
    """Return the thresholds, exactly, and what trained agents make of them."""
    far = "Credited with later steps it gives up c in the first one; credited with its own alone, nothing."
    return (
        Claim("Who is credited with its own step alone is myopic, who is credited with the next is not.", _credit),
        Claim("What returns to training is controlled iff it is answered for.", _returns),
        Claim("A learner acts iff gamma b > c, and among K that swap at random iff gamma b / K > c.", _values),
        Claim("In strict rotation it never does.", _rotation),
        Claim("Selection favours acting iff b > c, in groups of K iff b > cK(P-1)/(P-K), among all never.", _selection),
        Claim(far, _gives_up),
        *(Claim(f"Agents trained as `{body}` {_says(limit)}.", _crossing(body)) for body, limit in THRESHOLDS.items()),
    )


def _says(limit: float) -> str:
    return "never act" if math.isinf(limit) else f"act from b = {limit:.3g} on, within a tenth"


def system() -> System:
    """Return the kinds of training side by side."""
    return System(
        name="myopia",
        title="Who acts for whoever comes next",
        source=SOURCE,
        story=__doc__ or "",
        setups={ARM: setup()},
        derive={ARM: {"targets": ["was@1", "was@4"]}},
        claims=claims(),
        bodies=BODIES,
        train=agents,
        seconds=5.0,
        fast={"agents": 20, "steps": 200},
    )


# How the claims are judged -------------------------------------------------------------------------------------------


def _credit(evidence: Evidence) -> Finding:
    cid = evidence.families[ARM].setup.cid
    steps = [(f"act@{t}", f"pay@{t}") for t in range(4)]
    own = theory.myopia(cid, {act: [pay] for act, pay in steps}, steps)
    every = theory.myopia(cid, {act: [pay for _, pay in steps] for act, _ in steps}, steps)
    right = all(own.values()) and [bool(found) for found in every.values()] == [False, False, False, True]
    far = ", ".join(act for act, found in every.items() if not found)
    return settled(right, f"with all steps credited {far} are not myopic")


def _returns(evidence: Evidence) -> Finding:
    found = {credit: cm.admits_ici(setup(credit).base_optimizer(), "was@4@later", "theta") for credit in (True, False)}
    right = found[True].answer is cm.Answer.ADMITS and found[False].answer is cm.Answer.EXCLUDES
    return settled(right, f"with credit {found[True].answer}, without {found[False].answer}")


def _acts(benefit: float, learners: int, rotate: bool = False) -> bool:
    """Say whether a learner with this discount acts, by value iteration."""
    own = np.eye(2)[[[0, 1], [0, 1]]]
    met = theory.swapped(own, learners, [1.0, 0.0], rotate=rotate)
    _, best = theory.value_iteration(met, [[0.0, -COST], [benefit, benefit - COST]], GAMMA)
    return bool(best[:, 1].all())


def _values(evidence: Evidence) -> Finding:
    found = {k: _flips(lambda b, k=k: _acts(b, k), k * COST / GAMMA) for k in (1, SWAPPING, 5)}  # type: ignore[misc]
    return settled(all(found.values()), "; ".join(f"K = {k}: flips at {k * COST / GAMMA:.4g}" for k in found))


def _flips(acts: Callable[[float], bool], threshold: float) -> bool:
    return not acts(threshold * (1 - 1e-6)) and acts(threshold * (1 + 1e-6))


def _rotation(evidence: Evidence) -> Finding:
    return settled(not _acts(1e6, SWAPPING, rotate=True), "not at b = 1,000,000 c either")


def _selection(evidence: Evidence) -> Finding:
    def favoured(benefit: float, population: int, group: int) -> bool:
        effects = theory.shared_effects(population, group, benefit, COST)
        return theory.selection_advantage(effects, range(population // 2)) > 0

    groups = {1: THRESHOLDS["selected"], GROUP: THRESHOLDS["selected in groups"]}
    right = all(_flips(lambda b, k=k: favoured(b, POPULATION, k), limit) for k, limit in groups.items())  # type: ignore[misc]
    among_all = favoured(1e6, POPULATION, POPULATION)
    words = "; ".join(f"K = {k}: flips at {limit:.4g}" for k, limit in groups.items())
    return settled(right and not among_all, f"{words}; K = P: not at b = 1,000,000 c either")


def _gives_up(evidence: Evidence) -> Finding:
    bodies = {"far-sighted": COST, "myopic": 0.0}
    found = {
        body: (COST * evidence.agents[ARM, body].probabilities("act@0")[:, 0, 1], given)
        for body, given in bodies.items()
        if (ARM, body) in evidence.agents
    }
    return formula(found) if len(found) == len(bodies) else not_run("bodies `far-sighted` and `myopic`")


def _crossing(body: str) -> Any:
    def judge(evidence: Evidence) -> Finding:
        swept: Any = evidence.agents.get((ARM, body))
        if swept is None:
            return not_run(f"body `{body}`")
        tests, words = [], []
        for benefit, shares in swept.acting.items():
            acting, n = int((shares > 0.5).sum()), len(shares)
            right = acting if benefit > THRESHOLDS[body] else n - acting
            tests.append(share_test(right, n - right, n))
            words.append(f"b = {benefit:.3g}: {acting} of {n} act")
        return of_all([test.verdict() for test in correct(tests)], "; ".join(words))

    return judge
